//! One component as a cost network: variables with few values, and tables over few variables whose sum is the cost.
//!
//! In: the classes of a component, and cycles to forbid. Out: a [`Network`] whose cheapest assignment is the component's cheapest choice,
//! but for cycles it was not told of.
//!
//! Variables: for each class with something to decide, which candidate it takes, or none if it may be absent; and where an optional class
//! has several candidates, whether it is present, so that those who need it see two values rather than many.
//! Tables: what a candidate costs; a chosen candidate's child is present; a present class takes a candidate; a forbidden cycle.
//!
//! Invariant: a mandatory class has no presence, and an edge to it no table.

use super::reduced::Reduced;

/// The cost of what is forbidden; more than any real cost, and two of them still fit.
pub(super) const FORBIDDEN: u128 = 1 << 126;

/// No variable, no candidate.
pub(super) const NONE: u32 = u32::MAX;

/// What a variable decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Value 0: absent, 1: present.
    Presence,
    /// Value i: the candidate `first + i`.
    Choice { first: u32 },
    /// Value 0: absent; value i: the candidate `first + i - 1`.
    OptionalChoice { first: u32 },
}

/// A variable of the network.
#[derive(Debug, Clone, Copy)]
pub(super) struct Variable {
    /// The class it is about.
    pub class: u32,
    /// What its values mean.
    pub kind: Kind,
    /// How many values it has.
    pub values: u32,
}

impl Variable {
    /// The candidate that a value chooses.
    pub fn candidate(&self, value: u32) -> Option<u32> {
        match self.kind {
            Kind::Presence => None,
            Kind::Choice { first } => Some(first + value),
            Kind::OptionalChoice { first } => (value > 0).then(|| first + value - 1),
        }
    }
}

/// A table over the values of some variables; the last one's values are adjacent.
#[derive(Debug)]
pub(super) struct Table {
    pub scope: Vec<u32>,
    pub costs: Vec<u128>,
}

/// A component as variables and tables.
#[derive(Debug)]
pub(super) struct Network {
    /// The variables.
    pub variables: Vec<Variable>,
    /// The tables whose sum is minimised.
    pub tables: Vec<Table>,
    /// What is paid in any case.
    pub constant: u128,
    /// Classes without a decision: mandatory, one candidate.
    pub fixed: Vec<(u32, u32)>,
}

/// Where the variables of each class are; one for all components, as each class is in one.
#[derive(Debug)]
pub(super) struct Places {
    choice: Vec<u32>,
    presence: Vec<u32>,
}

impl Places {
    pub fn new(classes: usize) -> Places {
        Places {
            choice: vec![NONE; classes],
            presence: vec![NONE; classes],
        }
    }
}

impl Network {
    /// The network of the component with these classes. A cycle (each class choosing a candidate that needs the next, the last one the
    /// first) is forbidden by a table if that has at most `largest_cut` entries.
    pub fn new(
        reduced: &Reduced,
        mandatory: &[bool],
        classes: &[u32],
        cycles: &[Vec<u32>],
        largest_cut: usize,
        places: &mut Places,
    ) -> Network {
        let mut network = Network {
            variables: Vec::new(),
            tables: Vec::new(),
            constant: 0,
            fixed: Vec::new(),
        };
        for &class in classes {
            network.declare(reduced, mandatory[class as usize], class, places);
        }
        for &class in classes {
            network.require_children(reduced, mandatory, class, places);
        }
        for cycle in cycles {
            network.forbid_cycle(reduced, cycle, largest_cut, places);
        }
        network
    }

    fn declare(&mut self, reduced: &Reduced, mandatory: bool, class: u32, places: &mut Places) {
        let range = reduced.candidates(class);
        let (first, count) = (range.start, range.len() as u32);
        places.choice[class as usize] = NONE;
        places.presence[class as usize] = NONE;
        if mandatory && count == 1 {
            self.constant += reduced.cost(first);
            self.fixed.push((class, first));
            return;
        }
        let mut costs: Vec<u128> = range.map(|at| reduced.cost(at)).collect();
        let kind = if mandatory {
            Kind::Choice { first }
        } else {
            costs.insert(0, 0);
            Kind::OptionalChoice { first }
        };
        let choice = self.add_variable(class, kind, costs.len() as u32);
        places.choice[class as usize] = choice;
        self.tables.push(Table {
            scope: vec![choice],
            costs,
        });
        if mandatory {
            return;
        }
        places.presence[class as usize] = choice;
        if count > 1 {
            let presence = self.add_variable(class, Kind::Presence, 2);
            places.presence[class as usize] = presence;
            let mut costs = vec![0; 2 * (count as usize + 1)];
            costs[1] = FORBIDDEN;
            self.tables.push(Table {
                scope: vec![choice, presence],
                costs,
            });
        }
    }

    fn add_variable(&mut self, class: u32, kind: Kind, values: u32) -> u32 {
        self.variables.push(Variable {
            class,
            kind,
            values,
        });
        self.variables.len() as u32 - 1
    }

    fn require_children(
        &mut self,
        reduced: &Reduced,
        mandatory: &[bool],
        class: u32,
        places: &Places,
    ) {
        let choice = places.choice[class as usize];
        let mut children = reduced.all_children(class).to_vec();
        children.retain(|&child| !mandatory[child as usize]);
        children.sort_unstable();
        children.dedup();
        for child in children {
            let presence = places.presence[child as usize];
            if choice == NONE {
                self.tables.push(Table {
                    scope: vec![presence],
                    costs: self.absence(presence),
                });
                continue;
            }
            let variable = self.variables[choice as usize];
            let absence = self.absence(presence);
            let costs = (0..variable.values).flat_map(|value| {
                let needed = variable
                    .candidate(value)
                    .is_some_and(|at| reduced.children(at).binary_search(&child).is_ok());
                absence
                    .iter()
                    .map(move |&cost| if needed { cost } else { 0 })
            });
            let costs = costs.collect();
            self.tables.push(Table {
                scope: vec![choice, presence],
                costs,
            });
        }
    }

    /// By value of a variable that shows presence, what it costs to need the class.
    fn absence(&self, presence: u32) -> Vec<u128> {
        let mut costs = vec![0; self.variables[presence as usize].values as usize];
        costs[0] = FORBIDDEN;
        costs
    }

    fn forbid_cycle(
        &mut self,
        reduced: &Reduced,
        cycle: &[u32],
        largest_cut: usize,
        places: &Places,
    ) {
        let mut scope = Vec::new();
        let mut closing: Vec<Vec<bool>> = Vec::new();
        let mut entries = 1usize;
        for (at, &class) in cycle.iter().enumerate() {
            let choice = places.choice[class as usize];
            if choice == NONE {
                continue;
            }
            let next = cycle[(at + 1) % cycle.len()];
            let variable = self.variables[choice as usize];
            let needs_next = (0..variable.values).map(|value| {
                variable
                    .candidate(value)
                    .is_some_and(|at| reduced.children(at).binary_search(&next).is_ok())
            });
            closing.push(needs_next.collect());
            scope.push(choice);
            entries = entries.saturating_mul(variable.values as usize);
        }
        if entries > largest_cut {
            return;
        }
        let mut costs = vec![FORBIDDEN];
        for needs_next in &closing {
            let longer = costs.iter().flat_map(|&cost| {
                needs_next
                    .iter()
                    .map(move |&closes| if closes { cost } else { 0 })
            });
            costs = longer.collect();
        }
        self.tables.push(Table { scope, costs });
    }
}
