//! Lists, tuples and several results: what the e-graph itself knows of operators that only arrange values.
//!
//! In: classes that changed. Out: `prim::ListUnpack` of a `prim::ListConstruct` (and the same of tuples) taken apart, so that each
//! result is the element that was put in, and so is an element of a list, tuple or dictionary by its position or key.
//! Invariant: holds after every rebuild, whichever side came last.

use super::classes::EGraph;
use super::language::{Class, HeadKind, Role};
use crate::graph::Literal;

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
            self.index_results(class, &mut found);
            for user in self.inner[class].parents() {
                let user = self.find(user);
                self.unpack_results(user, &mut found);
                self.index_results(user, &mut found);
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

    /// If a class is an element of something put together, by a known position or key, that element.
    fn index_results(&self, class: Class, found: &mut Vec<(Class, Class)>) {
        let heads = &self.inner.analysis.heads;
        for node in self.nodes(class) {
            if heads.role(node.head) == Role::Index
                && let [whole, index, ..] = *node.children
                && let Some(index) = self.literal(index)
                && let Some(element) = self.element_at(self.find(whole), index)
                && self.find(element) != class
            {
                found.push((class, element));
            }
        }
    }

    /// The element at a position, counted from the end if it is negative, or of a key; nothing if not all keys are known.
    fn element_at(&self, whole: Class, index: &Literal) -> Option<Class> {
        let heads = &self.inner.analysis.heads;
        self.nodes(whole).iter().find_map(|node| {
            let children = &node.children;
            match heads.role(node.head) {
                Role::ListConstruct | Role::TupleConstruct => {
                    let at = index.as_int()?;
                    let length = i64::try_from(children.len()).ok()?;
                    let at = if at < 0 { at.checked_add(length)? } else { at };
                    children.get(usize::try_from(at).ok()?).copied()
                }
                Role::DictConstruct => {
                    let mut value = None;
                    for pair in children.chunks(2) {
                        let [key, held] = pair else { return None };
                        if self.literal(*key)? == index {
                            value = Some(*held);
                        }
                    }
                    value
                }
                _ => None,
            }
        })
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
