//! Rules that may act on some modules only.
//!
//! In: groups of module paths, and the module that each imported operator is from. Out: whether a match may be applied.
//! Invariant: a match may act if all its operators may come from the modules of one group; what a rule made may come from any.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::check::rule::{Pattern, Rest, Slot};
use crate::graph::Name;
use crate::rules::CompiledVariant;

use super::binding::Bound;
use super::classes::EGraph;
use super::language::Class;

/// The groups that a class belongs to, sorted.
type Groups = SmallVec<[u32; 2]>;

/// Which classes rules may match.
#[derive(Clone, Debug, Default)]
pub struct Restriction {
    imported: Vec<(Class, Groups)>,
    /// The same by class as it is now.
    now: FxHashMap<Class, Groups>,
}

impl Restriction {
    /// Restricts matches to `groups` of module paths, with all modules inside. `operators` are all that were imported, with the module
    /// each is from; the root's own have none, and so may not be matched.
    pub fn new(operators: &[(Class, Option<Name>)], groups: &[Vec<String>]) -> Restriction {
        let mut by_path: FxHashMap<Name, Groups> = FxHashMap::default();
        let within = |path: &str, group: &Vec<String>| {
            group.iter().any(|module| {
                let rest = path.strip_prefix(module.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        let mut groups_of = |path: Name| -> Groups {
            let known = by_path.entry(path).or_insert_with(|| {
                let found = (0..).zip(groups);
                let found = found.filter(|(_, group)| within(path.as_str(), group));
                found.map(|(number, _)| number).collect()
            });
            known.clone()
        };
        let imported = operators
            .iter()
            .map(|&(class, path)| (class, path.map_or_else(Groups::new, &mut groups_of)));
        Restriction {
            imported: imported.collect(),
            now: FxHashMap::default(),
        }
    }
}

impl EGraph {
    /// Restricts what rules may match from here on.
    pub fn restrict(&mut self, restriction: Restriction) {
        self.restriction = Some(restriction);
        self.follow_merges();
    }

    /// Finds the classes of the restriction again after some were merged.
    pub(super) fn follow_merges(&mut self) {
        let Some(mut restriction) = self.restriction.take() else {
            return;
        };
        restriction.now.clear();
        for (class, groups) in &restriction.imported {
            let known = restriction.now.entry(self.find(*class)).or_default();
            join(known, groups);
        }
        self.restriction = Some(restriction);
    }

    /// Notes that two classes are about to be one.
    pub(super) fn will_merge(&mut self, a: Class, b: Class) {
        let (a, b) = (self.find(a), self.find(b));
        if let Some(restriction) = &mut self.restriction {
            let groups = [a, b].map(|class| restriction.now.get(&class).cloned());
            let mut both = Groups::new();
            groups.iter().flatten().for_each(|of| join(&mut both, of));
            if groups.iter().any(Option::is_some) {
                restriction.now.insert(a, both.clone());
                restriction.now.insert(b, both);
            }
        }
    }

    /// Whether a match may be applied.
    pub(super) fn permits(&self, variant: &CompiledVariant, bounds: &[Bound]) -> bool {
        let Some(restriction) = &self.restriction else {
            return true;
        };
        let mut slots: SmallVec<[Slot; 8]> = SmallVec::new();
        for pattern in &variant.patterns {
            operators(pattern, &mut slots);
        }
        let mut common: Option<Groups> = None;
        for slot in slots {
            let class = bounds.get(slot.0 as usize).and_then(|bound| bound.class());
            let groups = class.and_then(|class| restriction.now.get(&self.find(class)));
            if let Some(groups) = groups {
                common = Some(match common {
                    Some(mut common) => {
                        common.retain(|group| groups.contains(group));
                        common
                    }
                    None => groups.clone(),
                });
            }
        }
        common.is_none_or(|groups| !groups.is_empty())
    }
}

fn join(groups: &mut Groups, more: &Groups) {
    groups.extend_from_slice(more);
    groups.sort_unstable();
    groups.dedup();
}

/// The slots of a pattern's operators.
fn operators(pattern: &Pattern, found: &mut SmallVec<[Slot; 8]>) {
    match pattern {
        Pattern::Any
        | Pattern::Value(..)
        | Pattern::Literal(_)
        | Pattern::Bare(_)
        | Pattern::Again(_) => {}
        Pattern::Apply(apply) => {
            found.push(apply.slot);
            for operand in &apply.operands {
                operators(operand, found);
            }
            if let Some(Rest::Each { pattern, .. }) = &apply.rest {
                operators(pattern, found);
            }
        }
        Pattern::Project { of, .. } => operators(of, found),
        Pattern::Chain { slot, inner, .. } => {
            found.push(*slot);
            operators(inner, found);
        }
    }
}
