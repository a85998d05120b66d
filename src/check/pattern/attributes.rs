//! Attributes of a pattern, and the chains that collect one.
//!
//! In: nodes of a sketch. Out: what their attributes must be, bundles of the others among them; chains with what they collect.
//! Invariant: a bundle leaves out exactly the attributes that its node names.

use super::lower::Lowerer;
use super::sketch::{Piece, SketchNode};
use crate::check::expression::Key;
use crate::check::rule::{AttributeMatch, AttributePattern, OTHERS, Pattern, Slot, SlotKind};
use crate::check::sink::Checked;
use crate::graph::{Name, Type};
use crate::syntax::ast::{self, AttrKind, Repeat};

impl<'a> Lowerer<'_, '_, 'a> {
    pub(super) fn attributes(&mut self, node: &SketchNode<'a>) -> Checked<Vec<AttributePattern>> {
        let mut made = Vec::new();
        for (attr, piece) in &node.attributes {
            let (name, each) = match &attr.kind {
                AttrKind::Name(name) => (name, false),
                AttrKind::Is { name, each, .. } => (name, *each),
                AttrKind::Bundle { name, .. } => {
                    made.push(self.others(name, node)?);
                    continue;
                }
                AttrKind::Rest | AttrKind::Verbatim { .. } => continue,
            };
            if each {
                return self.not_yet(
                    attr.span,
                    "`[name = list...]` collects along a chain, `op+` or `op*`",
                    "write `[name]` for the attribute of one op",
                );
            }
            let value = match piece {
                Some(Piece::Literal(literal)) => AttributeMatch::Equal(literal.clone()),
                Some(Piece::Bare { name, span }) => {
                    let kind = SlotKind::Literal { dtype: false };
                    let slot = self.variable((Key::bare(name), None), kind, *span)?;
                    AttributeMatch::Bind(slot)
                }
                _ => continue,
            };
            made.push(AttributePattern {
                name: Name::new(&name.text),
                value,
            });
        }
        Ok(made)
    }

    /// `[name...]`: the attributes that the others do not name.
    fn others(&mut self, name: &'a ast::Name, node: &SketchNode<'a>) -> Checked<AttributePattern> {
        let without = node
            .attributes
            .iter()
            .filter_map(|(attr, _)| match &attr.kind {
                AttrKind::Name(name) | AttrKind::Is { name, .. } => Some(Name::new(&name.text)),
                _ => None,
            });
        let without = without.collect();
        let kind = SlotKind::Literal { dtype: false };
        let slot = self.variable((Key::bare(&name.text), None), kind, name.span)?;
        self.out.types[slot.0 as usize] = bundle_type();
        Ok(AttributePattern {
            name: Name::new(OTHERS),
            value: AttributeMatch::Others { slot, without },
        })
    }

    pub(super) fn chain(&mut self, index: usize, slot: Slot, repeat: Repeat) -> Checked<Pattern> {
        let sketch = self.sketch;
        let node = &sketch.nodes[index];
        if self.solution.nodes[index].filled.params.len() != 1 {
            return self.not_yet(
                node.call.span,
                "a chain goes along ops with one operand",
                "write the ops one by one, with `op?` for those that may be absent",
            );
        }
        let mut collect = None;
        for (attr, piece) in &node.attributes {
            match (&attr.kind, piece, &collect) {
                (
                    AttrKind::Is {
                        name, each: true, ..
                    },
                    Some(Piece::Bare { name: list, span }),
                    None,
                ) => {
                    let slot = self.variable((Key::bare(list), None), SlotKind::Literals, *span)?;
                    collect = Some((Name::new(&name.text), slot));
                }
                _ => {
                    return self.not_yet(
                        attr.span,
                        "a chain collects one attribute",
                        "write `[name = path...]`, once",
                    );
                }
            }
        }
        let inner = Box::new(self.param(index, 0)?);
        Ok(Pattern::Chain {
            op: self.solution.nodes[index].schema.full,
            may_be_empty: repeat == Repeat::Any,
            collect,
            slot,
            inner,
        })
    }
}

/// The type of a bundle of attributes.
pub(in crate::check) fn bundle_type() -> Type {
    Type::Dict(Box::new(Type::Str), Box::new(Type::Any))
}
