//! Constants that must not be folded.
//!
//! In: the `keep`s of the rules, a node all of whose operands are constant. Out: whether one of them matches it.
//! Invariant: asked before a node is folded and never after; what is folded stays folded.

use crate::check::rule::{Keep, Pattern};

use super::classes::EGraph;
use super::language::Node;
use super::pattern::walk_node;
use super::watch::{Bindings, Missed, Watch};

impl EGraph {
    /// Leaves alone what these match.
    pub fn with_keeps<'a>(mut self, keeps: impl IntoIterator<Item = &'a Keep>) -> EGraph {
        self.keeps.extend(keeps.into_iter().cloned());
        self
    }

    /// Whether some keep matches a node.
    pub(super) fn is_kept(&self, node: &Node) -> bool {
        let patterns = self.keeps.iter().flat_map(|keep| &keep.patterns);
        patterns.into_iter().any(|(infos, pattern)| {
            let Pattern::Apply(apply) = pattern else {
                return false;
            };
            let mut seen = Seen(false);
            walk_node(self, infos, apply, node, &mut seen);
            seen.0
        })
    }
}

/// Looks for one match.
struct Seen(bool);

impl Watch<'_> for Seen {
    fn found(&mut self, _: &Bindings<'_, '_>) -> bool {
        self.0 = true;
        false
    }

    fn failed(&mut self, _: &Bindings<'_, '_>, _: Missed<'_>) {}
}
