//! Bounds by mini-bucket elimination (Dechter and Rish, "Mini-buckets", J. ACM 2003).
//!
//! In: a network and how many table entries may be made. Out: an elimination order and, for every variable, tables that bound from below
//! what the variables before it will cost, given those after it.
//!
//! Variables go one after another; each one's tables are summed and minimised over it, which makes a table for a later variable. Where
//! the sum would have too many entries it is split into parts that are minimised apart: a lower bound. Where nothing was split the bound is
//! exact, and a search that follows it never turns back. Graphs that come from fusing operators are narrow, whatever their length.
//!
//! Invariant: every table's last variable is the one of its scope that goes first.

use std::collections::BTreeSet;

use super::network::{FORBIDDEN, Network, Table};

/// A variable with more neighbours than this is removed without linking them: its tables are split in any case.
const WIDEST: usize = 48;

/// The tables by variable, and the order.
#[derive(Debug)]
pub(super) struct Buckets {
    /// Variables in the order of elimination.
    pub order: Vec<u32>,
    /// A lower bound on the cost of the network.
    pub bound: u128,
    tables: Vec<Table>,
    /// By variable: the tables in which it goes first.
    held: Vec<Vec<u32>>,
    /// By variable: the tables made by eliminating it.
    made: Vec<Vec<u32>>,
    values: Vec<u32>,
}

impl Buckets {
    /// Eliminates all variables, with about `entries` table entries in all.
    pub fn new(network: &mut Network, entries: usize) -> Buckets {
        let count = network.variables.len();
        let values: Vec<u32> = network.variables.iter().map(|at| at.values).collect();
        let (order, exact) = elimination_order(&values, &network.tables);
        let largest = match exact {
            Some(total) if total <= entries => usize::MAX,
            _ => (entries / count.max(1)).max(4),
        };
        let mut rank = vec![0u32; count];
        for (at, &variable) in order.iter().enumerate() {
            rank[variable as usize] = at as u32;
        }
        let mut buckets = Buckets {
            bound: network.constant,
            tables: Vec::with_capacity(network.tables.len() + count),
            held: vec![Vec::new(); count],
            made: vec![Vec::new(); count],
            values,
            order,
        };
        for table in network.tables.drain(..) {
            let table = buckets.arranged(table, &rank);
            buckets.hold(table);
        }
        for at in 0..count {
            buckets.eliminate(buckets.order[at], largest, &rank);
        }
        buckets
    }

    /// What the bound becomes when `variable` takes each of its values, given `assignment` for the variables that go after it, and the
    /// bound without it. Pushes (bound, value) for those below `best`.
    pub fn extend(
        &self,
        variable: u32,
        assignment: &[u32],
        bound: u128,
        best: u128,
        options: &mut Vec<(u128, u32)>,
    ) {
        let made = self.made[variable as usize].iter();
        let without = made.fold(bound, |left, &table| {
            let table = &self.tables[table as usize];
            left - table.costs[self.offset(&table.scope, assignment)]
        });
        let from = options.len();
        let values = self.values[variable as usize];
        options.extend((0..values).map(|value| (without, value)));
        for &table in &self.held[variable as usize] {
            let table = &self.tables[table as usize];
            let others = &table.scope[..table.scope.len() - 1];
            let row = self.offset(others, assignment) * values as usize;
            for (option, cost) in options[from..].iter_mut().zip(&table.costs[row..]) {
                option.0 = (option.0 + cost).min(FORBIDDEN);
            }
        }
        let mut kept = from;
        for at in from..options.len() {
            if options[at].0 < best {
                options[kept] = options[at];
                kept += 1;
            }
        }
        options.truncate(kept);
        options[from..].sort_unstable();
    }

    fn offset(&self, scope: &[u32], assignment: &[u32]) -> usize {
        scope.iter().fold(0, |offset, &variable| {
            let variable = variable as usize;
            offset * self.values[variable] as usize + assignment[variable] as usize
        })
    }

    /// The same table with the variable that goes first in the last place.
    fn arranged(&self, table: Table, rank: &[u32]) -> Table {
        let later_first =
            |left: &u32, right: &u32| rank[*right as usize].cmp(&rank[*left as usize]);
        if table.scope.is_sorted_by(|a, b| later_first(a, b).is_le()) {
            return table;
        }
        let mut scope = table.scope.clone();
        scope.sort_unstable_by(later_first);
        let mut walk = Walk::new(&scope, &[&table], &self.values);
        let mut costs = Vec::with_capacity(table.costs.len());
        for _ in 0..table.costs.len() {
            costs.push(table.costs[walk.offsets[0]]);
            walk.advance();
        }
        Table { scope, costs }
    }

    /// Files a table under its variable that goes first; a table over nothing is part of the bound.
    fn hold(&mut self, table: Table) -> u32 {
        match table.scope.last() {
            Some(&first) => self.held[first as usize].push(self.tables.len() as u32),
            None => self.bound = (self.bound + table.costs[0]).min(FORBIDDEN),
        }
        self.tables.push(table);
        self.tables.len() as u32 - 1
    }

    /// Sums the variable's tables in parts of at most `largest` entries and minimises each over it.
    fn eliminate(&mut self, variable: u32, largest: usize, rank: &[u32]) {
        let mut held = self.held[variable as usize].clone();
        held.sort_by_key(|&table| std::cmp::Reverse(self.tables[table as usize].scope.len()));
        let mut parts: Vec<(Vec<u32>, Vec<u32>)> = Vec::new();
        for table in held {
            let scope = &self.tables[table as usize].scope;
            let fits = parts.iter_mut().find_map(|(joined, tables)| {
                let union = united(joined, scope, rank);
                let others = &union[..union.len() - 1];
                let entries = others.iter().fold(1usize, |entries, &at| {
                    entries.saturating_mul(self.values[at as usize] as usize)
                });
                (entries <= largest || union.len() == joined.len())
                    .then_some((union, joined, tables))
            });
            match fits {
                Some((union, joined, tables)) => {
                    *joined = union;
                    tables.push(table);
                }
                None => parts.push((scope.clone(), vec![table])),
            }
        }
        for (scope, tables) in parts {
            let table = self.minimised(scope, &tables);
            let table = self.hold(table);
            self.made[variable as usize].push(table);
        }
    }

    /// The sum of tables, minimised over the last variable of their joint scope.
    fn minimised(&self, mut scope: Vec<u32>, tables: &[u32]) -> Table {
        let tables: Vec<&Table> = tables.iter().map(|&at| &self.tables[at as usize]).collect();
        let last = scope.pop();
        let values = last.map_or(1, |last| self.values[last as usize] as usize);
        let mut walk = Walk::new(&scope, &tables, &self.values);
        let entries: usize = scope
            .iter()
            .map(|&at| self.values[at as usize] as usize)
            .product();
        let mut costs = Vec::with_capacity(entries);
        for _ in 0..entries {
            let sums = (0..values).map(|value| {
                tables
                    .iter()
                    .zip(&walk.offsets)
                    .fold(0u128, |sum, (table, offset)| {
                        (sum + table.costs[offset + value]).min(FORBIDDEN)
                    })
            });
            costs.push(sums.min().unwrap_or(FORBIDDEN));
            walk.advance();
        }
        Table { scope, costs }
    }
}

/// All assignments of a scope in the order of its table, with each table's place in step.
struct Walk {
    values: Vec<u32>,
    at: Vec<u32>,
    /// By table, by place in the scope: how far a step of that variable moves.
    strides: Vec<Vec<usize>>,
    offsets: Vec<usize>,
}

impl Walk {
    fn new(scope: &[u32], tables: &[&Table], values: &[u32]) -> Walk {
        let strides = tables.iter().map(|table| {
            let mut by_place = vec![0; scope.len()];
            let mut stride = 1;
            for &variable in table.scope.iter().rev() {
                if let Some(place) = scope.iter().position(|&at| at == variable) {
                    by_place[place] = stride;
                }
                stride *= values[variable as usize] as usize;
            }
            by_place
        });
        Walk {
            values: scope.iter().map(|&at| values[at as usize]).collect(),
            at: vec![0; scope.len()],
            strides: strides.collect(),
            offsets: vec![0; tables.len()],
        }
    }

    fn advance(&mut self) {
        for place in (0..self.at.len()).rev() {
            self.at[place] += 1;
            if self.at[place] < self.values[place] {
                for (offset, strides) in self.offsets.iter_mut().zip(&self.strides) {
                    *offset += strides[place];
                }
                return;
            }
            self.at[place] = 0;
            let back = self.values[place] as usize - 1;
            for (offset, strides) in self.offsets.iter_mut().zip(&self.strides) {
                *offset -= back * strides[place];
            }
        }
    }
}

/// The union of two scopes that end in the same variable, in table order.
fn united(left: &[u32], right: &[u32], rank: &[u32]) -> Vec<u32> {
    let mut union = [left, right].concat();
    union.sort_unstable_by_key(|&at| std::cmp::Reverse(rank[at as usize]));
    union.dedup();
    union
}

/// Smallest table first. Also the entries that all tables have together if none is split, unless that is hopeless.
fn elimination_order(values: &[u32], tables: &[Table]) -> (Vec<u32>, Option<usize>) {
    let mut neighbours: Vec<Vec<u32>> = vec![Vec::new(); values.len()];
    for table in tables {
        for &variable in &table.scope {
            let others = table.scope.iter().filter(|&&at| at != variable);
            neighbours[variable as usize].extend(others);
        }
    }
    let size = |around: &[u32]| {
        around.iter().fold(1usize, |size, &at| {
            size.saturating_mul(values[at as usize] as usize)
        })
    };
    let mut queue = BTreeSet::new();
    for (variable, around) in neighbours.iter_mut().enumerate() {
        around.sort_unstable();
        around.dedup();
        queue.insert((size(around), variable as u32));
    }
    let mut order = Vec::with_capacity(values.len());
    let mut total = Some(0usize);
    while let Some((entries, variable)) = queue.pop_first() {
        order.push(variable);
        let around = std::mem::take(&mut neighbours[variable as usize]);
        let wide = around.len() > WIDEST;
        total = total
            .filter(|_| !wide)
            .map(|total| total.saturating_add(entries));
        for &neighbour in &around {
            let old = &neighbours[neighbour as usize];
            queue.remove(&(size(old), neighbour));
            let mut new = old.clone();
            if !wide {
                new.extend_from_slice(&around);
                new.sort_unstable();
                new.dedup();
            }
            new.retain(|&at| at != neighbour && at != variable);
            queue.insert((size(&new), neighbour));
            neighbours[neighbour as usize] = new;
        }
    }
    (order, total)
}
