//! Lists, tuples and several results: what the e-graph itself knows of operators that only arrange values.
//!
//! In: classes that changed. Out: `prim::ListUnpack` of a `prim::ListConstruct` (and the same of tuples) taken apart, so that each
//! result is the element that was put in.
//! Invariant: holds after every rebuild, whichever side came last.

use super::classes::EGraph;
use super::language::{Class, HeadKind, Role};

impl EGraph {
    /// Applies the structural rule to the classes that changed from number `from` on; whether it found anything.
    pub(super) fn unpack_changed(&mut self, from: usize) -> bool {
        let analysis = &self.inner.analysis;
        if !analysis.heads.has_unpack() {
            return false;
        }
        let mut found: Vec<(Class, Class)> = Vec::new();
        for &class in &analysis.dirty[from..] {
            let class = self.find(class);
            self.unpack_results(class, &mut found);
            for user in self.inner[class].parents() {
                self.unpack_results(self.find(user), &mut found);
            }
        }
        let mut changed = false;
        for (projection, element) in found {
            changed |= self.inner.union(projection, element);
        }
        changed
    }

    /// If a class is an unpacking of something put together, each projection of it with the element it is.
    fn unpack_results(&self, class: Class, found: &mut Vec<(Class, Class)>) {
        let heads = &self.inner.analysis.heads;
        let nodes = self.nodes(class);
        if !nodes.iter().any(|n| heads.role(n.head) == Role::Unpack) {
            return;
        }
        for user in self.inner[class].parents() {
            let node = self.inner.id_to_node(user);
            if let HeadKind::Projection(result) = heads.kind(node.head)
                && let Some(element) = self.element(class, result)
                && self.find(element) != self.find(user)
            {
                found.push((user, element));
            }
        }
    }

    /// The element that a result of an unpacking is, if what is unpacked was put together in sight.
    pub(super) fn element(&self, unpacking: Class, result: u32) -> Option<Class> {
        let heads = &self.inner.analysis.heads;
        self.nodes(unpacking)
            .iter()
            .filter(|node| heads.role(node.head) == Role::Unpack)
            .flat_map(|node| self.nodes(node.children[0]))
            .filter(|node| {
                matches!(
                    heads.role(node.head),
                    Role::ListConstruct | Role::TupleConstruct
                )
            })
            .find_map(|node| node.children.get(result as usize).copied())
    }

    /// The elements of a class that is a list or tuple put together in sight.
    pub(super) fn list_elements(&self, class: Class) -> Option<&[Class]> {
        let heads = &self.inner.analysis.heads;
        let node = self.nodes(class).iter().find(|node| {
            matches!(
                heads.role(node.head),
                Role::ListConstruct | Role::TupleConstruct
            )
        })?;
        Some(&node.children)
    }
}
