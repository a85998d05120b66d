//! Lists, tuples and several results: what the e-graph itself knows of operators that only arrange values.
//!
//! In: classes that changed. Out: `prim::ListUnpack` of a `prim::ListConstruct` (and the same of tuples) taken apart, so that each
//! result is the element that was put in, and so is an element of a list, tuple or dictionary by its position or key. A part of a list
//! is put together anew; the length of a dictionary is the number of its keys.
//! Invariant: holds after every rebuild, whichever side came last.

use super::classes::EGraph;
use super::language::{AttributesId, Class, HeadKind, Node, Role};
use crate::graph::{Facts, Literal, Name};
use crate::ops;

/// What was found while nothing could be changed.
#[derive(Default)]
struct Found {
    /// Classes that are one.
    same: Vec<(Class, Class)>,
    /// Classes that are a list of these.
    lists: Vec<(Class, Vec<Class>)>,
    /// Classes that are this number.
    lengths: Vec<(Class, i64)>,
}

impl EGraph {
    /// Applies the structural rule to the classes that changed from number `from` on; whether it found anything.
    pub(super) fn unpack_changed(&mut self, from: usize) -> bool {
        let analysis = &self.inner.analysis;
        if !analysis.heads.has_unpack() {
            return false;
        }
        let mut found = Found::default();
        for &class in &analysis.dirty[from..] {
            let class = self.find(class);
            self.structure_of(class, &mut found);
            for user in self.inner[class].parents() {
                self.structure_of(self.find(user), &mut found);
            }
        }
        let mut changed = false;
        for (projection, element) in found.same {
            changed |= self.inner.union(projection, element);
        }
        for (class, elements) in found.lists {
            let op = Name::new("prim::ListConstruct");
            let list = self.add_op(op, &elements, AttributesId::default(), 1);
            changed |= self.inner.union(class, list);
        }
        for (class, length) in found.lengths {
            self.learn(class, Facts::of_literal(Literal::Int(length)));
            changed = true;
        }
        changed
    }

    fn structure_of(&self, class: Class, found: &mut Found) {
        self.unpack_results(class, &mut found.same);
        self.index_results(class, &mut found.same);
        let heads = &self.inner.analysis.heads;
        for node in self.nodes(class) {
            match heads.role(node.head) {
                Role::Slice if self.list_elements(class).is_none() => {
                    let elements = self.part(node);
                    found
                        .lists
                        .extend(elements.map(|elements| (class, elements)));
                }
                Role::Length if self.literal(class).is_none() => {
                    let length = self.key_count(node);
                    found.lengths.extend(length.map(|length| (class, length)));
                }
                _ => {}
            }
        }
    }

    /// The elements that a part of a list holds, if the list was put together in sight and the bounds are known. A list whose type
    /// does not follow from its elements is left alone, and so is a part without elements.
    fn part(&self, node: &Node) -> Option<Vec<Class>> {
        let heads = &self.inner.analysis.heads;
        let [list, bounds @ ..] = &*node.children else {
            return None;
        };
        let plain = AttributesId::default();
        let of = self
            .nodes(*list)
            .iter()
            .find(|node| heads.role(node.head) == Role::ListConstruct && node.payload == plain.0)?;
        let bounds = bounds.iter().map(|&bound| self.literal(bound).cloned());
        let bounds = bounds.collect::<Option<Vec<Literal>>>()?;
        let numbers = (0..i64::try_from(of.children.len()).ok()?).map(Literal::Int);
        let mut operands = vec![Literal::list(numbers)];
        operands.extend(bounds);
        let kept = ops::fold_literals("aten::slice.t", &operands)?;
        let kept = kept.first()?.items()?;
        let elements = kept.iter().map(|at| {
            let at = usize::try_from(at.as_int()?).ok()?;
            of.children.get(at).copied()
        });
        elements
            .collect::<Option<Vec<Class>>>()
            .filter(|elements| !elements.is_empty())
    }

    /// How many keys a dictionary has that was put together in sight with known keys, none of them twice.
    fn key_count(&self, node: &Node) -> Option<i64> {
        let heads = &self.inner.analysis.heads;
        let dictionary = *node.children.first()?;
        let mut nodes = self.nodes(dictionary).iter();
        let of = nodes.find(|node| heads.role(node.head) == Role::DictConstruct)?;
        // Few dictionaries have more than a handful of keys, and none that is put together in sight has many.
        const MOST_KEYS: usize = 256;
        if of.children.len() > 2 * MOST_KEYS {
            return None;
        }
        let mut keys: Vec<&Literal> = Vec::with_capacity(of.children.len() / 2);
        for pair in of.children.chunks(2) {
            let key = self.literal(*pair.first()?)?;
            if keys.iter().any(|known| known.same_value(key)) {
                return None;
            }
            keys.push(key);
        }
        i64::try_from(keys.len()).ok()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::ConstantStore;

    use super::super::language::LeafId;

    fn op(graph: &mut EGraph, name: &str, operands: &[Class]) -> Class {
        graph.add_op(Name::new(name), operands, AttributesId::default(), 1)
    }

    #[test]
    fn parts_of_lists_and_lengths_of_dictionaries_are_known() {
        let mut graph = EGraph::new(ConstantStore::default());
        let leaves: Vec<Class> = (0..3)
            .map(|n| graph.add_leaf(LeafId(n), Facts::default()))
            .collect();
        let literal = |graph: &mut EGraph, n| graph.add_literal(&Literal::Int(n));
        let list = op(&mut graph, "prim::ListConstruct", &leaves);
        let (from, step) = (literal(&mut graph, -2), literal(&mut graph, 1));
        let none = graph.add_literal(&Literal::None);
        let last = op(&mut graph, "aten::slice.t", &[list, from, none, step]);
        let empty = op(&mut graph, "aten::slice.t", &[list, from, from, step]);
        let (a, b) = (Literal::str("a"), Literal::str("b"));
        let (a, b) = (graph.add_literal(&a), graph.add_literal(&b));
        let keyed = |graph: &mut EGraph, keys: [Class; 2]| {
            let pairs = [keys[0], leaves[0], keys[1], leaves[1]];
            let dictionary = op(graph, "prim::DictConstruct", &pairs);
            op(graph, "aten::len.Dict_str", &[dictionary])
        };
        let (two, twice) = (keyed(&mut graph, [a, b]), keyed(&mut graph, [a, a]));
        graph.rebuild().unwrap();
        assert_eq!(graph.list_elements(last), Some(&leaves[1..]));
        assert_eq!(graph.list_elements(empty), None);
        assert_eq!(graph.literal(two), Some(&Literal::Int(2)));
        assert_eq!(graph.literal(twice), None);
    }
}
