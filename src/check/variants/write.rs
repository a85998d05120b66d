//! Ops of a written side: which overload is meant, and its operands in the order of the schema.
//!
//! Invariant: an op without overload keeps the overload of the match, if that has one of its name that fits; else types decide.
//! Invariant: every operand of the schema is written, defaults and codes of element types included.

use super::build::{BEHIND_THE_MATCH, Builder, Made, MadeOperand, Trouble, Written};
use crate::check::codes::{ARITY, EFFECT, IN_PLACE, PATTERN_ONLY, TYPE_MISMATCH, WRONG_KIND};
use crate::check::expression::Key;
use crate::check::pattern::{Failure, Instantiated, bundle_type, instantiate, unknown_op};
use crate::check::rule::{Build, BuildOperand, Expr, OTHERS};
use crate::diagnostic::Diagnostic;
use crate::graph::text::TypeText;
use crate::graph::{Literal, Name, Type};
use crate::ops::{Argument, Call, Candidate, Operand, Resolved, Schema};
use crate::syntax::ast::{self, AttrKind};

impl<'c, 'a> Builder<'_, 'c, 'a> {
    pub(super) fn op(&mut self, call: &'a ast::OpCall) -> Written<Made> {
        let frame = self.frame;
        let name = frame.op_name(&self.resolver, &call.op)?;
        if !frame.cx.catalogue.knows(&name) {
            let label = frame.full_label();
            let instance = (label.as_str(), frame.span);
            return Err(unknown_op(frame.cx, &name, call.op.span, instance).into());
        }
        let alone = std::mem::take(&mut self.alone);
        let mut operands = Vec::with_capacity(call.operands.len());
        for operand in &call.operands {
            self.operand(operand, &mut operands)?;
        }
        let attributes = self.attributes(call)?;
        self.nodes += 1;
        let node = self.nodes;
        let (labelled, mut positional): (Vec<_>, Vec<_>) = operands
            .into_iter()
            .partition(|operand| operand.label.is_some());
        let variadic_from = positional
            .iter()
            .position(|operand| matches!(operand.build, BuildOperand::Each { .. }));
        let beyond = match variadic_from {
            Some(at) => positional.split_off(at),
            None => Vec::new(),
        };
        let arguments: Vec<Argument> = positional.iter().map(|o| self.argument(o)).collect();
        let keywords: Vec<(&str, Argument)> = labelled
            .iter()
            .filter_map(|o| Some((o.label?.text.as_str(), self.argument(o))))
            .collect();
        let written = Call {
            positional: &arguments,
            keywords: &keywords,
            open: false,
        };
        let resolved = self.overload(&name, &written, call, node)?;
        self.check_effect(&name, resolved.schema, call, alone)?;
        if !beyond.is_empty() && !resolved.schema.vararg {
            let label = "it takes a fixed number of operands, and the list may have any".to_owned();
            return Err(self.misfit(ARITY, beyond[0].span, label));
        }
        let given: Vec<MadeOperand<'a>> = positional.into_iter().chain(labelled).collect();
        let mut operands = self.in_order(&resolved, &given)?;
        let mut results = self.result_types(&resolved, &given, &beyond)?.into_iter();
        operands.extend(beyond.into_iter().map(|operand| operand.build));
        Ok(Made {
            build: Build::Apply {
                op: resolved.schema.full,
                operands,
                attributes,
                results: match resolved.schema.varret {
                    true => 1,
                    false => resolved.schema.results.len() as u32,
                },
                index: 0,
                node,
            },
            ty: results.next(),
            others: results.collect(),
        })
    }

    /// What resolution is told of an operand.
    fn argument(&self, operand: &MadeOperand<'a>) -> Argument {
        if let BuildOperand::One(Build::Expr(Expr::Literal(literal))) = &operand.build {
            return Argument::literal(literal.clone());
        }
        match operand.ty.as_ref().map(|ty| self.types.resolved(ty)) {
            Some(ty) if !is_open(&ty) => Argument::typed(ty),
            _ => Argument::default(),
        }
    }

    /// The types of the results; operands of open type must fit where resolution took them for anything.
    fn result_types(
        &mut self,
        resolved: &Resolved<'_>,
        given: &[MadeOperand<'a>],
        beyond: &[MadeOperand<'a>],
    ) -> Written<Vec<Type>> {
        let Instantiated {
            params,
            results,
            rest,
        } = instantiate(&mut self.types, resolved.schema);
        let written = resolved.operands.iter().enumerate();
        let written = written.filter_map(|(position, operand)| match operand {
            Operand::Given(index) => given.get(*index).map(|made| (position, made)),
            _ => None,
        });
        let behind = beyond.iter().map(|made| (params.len(), made));
        for (position, made) in written.chain(behind) {
            let expected = params.get(position).unwrap_or(&rest);
            let Some(ty) = &made.ty else { continue };
            let open = is_open(&self.types.resolved(ty));
            if !self.types.accepts(expected, ty) && open {
                let (ty, expected) = (TypeText(ty), TypeText(expected));
                let label = format!("is {ty} where {expected} is needed");
                return Err(self.misfit(TYPE_MISMATCH, made.span, label));
            }
        }
        let types = results.iter().map(|ty| self.types.resolved(ty));
        Ok(types.collect())
    }

    /// The overload of the match if it has one of this name that fits, else the one that types choose.
    fn overload(
        &self,
        name: &str,
        written: &Call<'_>,
        call: &ast::OpCall,
        node: u32,
    ) -> Written<Resolved<'c>> {
        let catalogue = self.frame.cx.catalogue;
        let matched = self.lowered.ops.iter().filter(|op| {
            let (base, overload) = Schema::split(op.as_str());
            base == name && !overload.is_empty()
        });
        for op in matched {
            if let Ok(resolved) = catalogue.resolve(op.as_str(), written) {
                return Ok(resolved);
            }
        }
        catalogue.resolve(name, written).map_err(|error| {
            let failure = |candidate: Candidate| Failure {
                depth: BEHIND_THE_MATCH + node as usize,
                code: match candidate.reason.starts_with("takes ") {
                    true => ARITY,
                    false => TYPE_MISMATCH,
                },
                span: call.span,
                label: candidate.reason,
                op: name.to_owned(),
                overload: Some(candidate.full),
            };
            let candidates = error.candidates.into_iter();
            let of_interest = candidates.filter(|candidate| {
                let schema = catalogue.schema(candidate.full.as_str());
                schema.is_some_and(|schema| !schema.writes())
            });
            Trouble::Misfit(of_interest.map(failure).collect())
        })
    }

    /// An op that stands alone is an effect, any other is none.
    fn check_effect(
        &self,
        name: &str,
        schema: &Schema,
        call: &ast::OpCall,
        alone: bool,
    ) -> Written<()> {
        let op = schema.full.as_str();
        let others = self.frame.cx.catalogue.schemas(name);
        if schema.writes() && others.iter().any(|other| !other.writes()) {
            let label = format!("only `{op}` takes these operands, and it writes to one");
            return Err(self.misfit(ARITY, call.span, label));
        }
        if schema.writes() {
            return self.stop(
                Diagnostic::error(IN_PLACE, format!("`{op}` writes to its operand"))
                    .primary(call.op.span, "an op in place")
                    .help("write the op that gives a new value"),
            );
        }
        let is_effect = self.frame.cx.catalogue.is_effect(op);
        if is_effect && alone && schema.results.is_empty() {
            return Ok(());
        }
        if alone {
            return self.stop(
                Diagnostic::error(
                    EFFECT,
                    format!("`{op}` has a result, and nothing is bound to it"),
                )
                .primary(call.op.span, "stands alone")
                .help("write `%y = ...`; only an effect without result stands alone"),
            );
        }
        if is_effect {
            return self.stop(
                Diagnostic::error(EFFECT, format!("`{op}` is an effect, not a value"))
                    .primary(call.op.span, "does something beside its result")
                    .help("write it as a statement of its own, if it has no result"),
            );
        }
        Ok(())
    }

    fn in_order(
        &self,
        resolved: &Resolved<'_>,
        given: &[MadeOperand<'a>],
    ) -> Written<Vec<BuildOperand>> {
        let mut operands = Vec::with_capacity(resolved.operands.len());
        for operand in &resolved.operands {
            operands.push(match operand {
                Operand::Given(index) => match given.get(*index) {
                    Some(made) => made.build.clone(),
                    None => unreachable!("resolution numbers what it was given"),
                },
                Operand::Literal(literal) => {
                    BuildOperand::One(Build::Expr(Expr::Literal(literal.clone())))
                }
                Operand::Repeated {
                    given: index,
                    count,
                } => {
                    let one = given.get(*index).map(|made| &made.build);
                    let expr = match one {
                        Some(BuildOperand::One(Build::Slot(slot))) => Expr::Slot(*slot),
                        Some(BuildOperand::One(Build::Expr(expr))) => expr.clone(),
                        _ => {
                            let label = "stands for a list of numbers".to_owned();
                            let span = given.get(*index).map(|made| made.span);
                            let span = span.unwrap_or_else(|| {
                                unreachable!("resolution numbers what it was given")
                            });
                            return Err(self.misfit(TYPE_MISMATCH, span, label));
                        }
                    };
                    let list = Expr::List(vec![expr; *count as usize]);
                    BuildOperand::One(Build::Expr(list))
                }
                Operand::Open => unreachable!("nothing is open on a written side"),
            });
        }
        Ok(operands)
    }

    fn attributes(&mut self, call: &'a ast::OpCall) -> Written<Vec<(Name, Expr)>> {
        let mut made = Vec::new();
        for attr in &call.attrs {
            let (name, value) = match &attr.kind {
                AttrKind::Is {
                    name,
                    value,
                    each: false,
                } => match value.as_expr() {
                    Some(expr) => (name, self.resolver.resolve(expr)?),
                    None => unreachable!("patterns on a written side are refused before"),
                },
                AttrKind::Name(name) => match self.resolver.local(Key::bare(&name.text)) {
                    Some(value) => (name, value),
                    None => (name, Expr::Literal(Literal::None)),
                },
                AttrKind::Bundle { name, indexes } => {
                    made.push((Name::new(OTHERS), self.bundle(name, indexes)?));
                    continue;
                }
                AttrKind::Is { .. } | AttrKind::Verbatim { .. } | AttrKind::Rest => {
                    return self.stop(
                        Diagnostic::error(PATTERN_ONLY, "a written attribute is one value")
                            .primary(attr.span, "is none, or several")
                            .help(
                                "write `[name = value]`, or `[rest...]` for a bundle of the match",
                            ),
                    );
                }
            };
            made.push((Name::new(&name.text), value));
        }
        Ok(made)
    }
}

impl<'a> Builder<'_, '_, 'a> {
    /// `[name...]`, `[names[0]...]`: what a bundle of the match holds.
    fn bundle(&mut self, name: &'a ast::Name, indexes: &'a [ast::Subscript]) -> Written<Expr> {
        let Some(mut expr) = self.resolver.local(Key::bare(&name.text)) else {
            return Ok(Expr::Literal(Literal::None));
        };
        let mut expected = bundle_type();
        for index in indexes {
            let ast::Subscript::At(at) = index else {
                return self.no_bundle(name, "a part of a list is no bundle");
            };
            expr = Expr::Index(Box::new(expr), Box::new(self.resolver.resolve(at)?));
            expected = expected.list_of();
        }
        let mut inner = &expr;
        while let Expr::Index(base, _) = inner {
            inner = base;
        }
        match inner {
            Expr::Slot(slot) if self.lowered.types[slot.0 as usize] == expected => Ok(expr),
            // Of a branch that was not taken.
            Expr::Literal(Literal::None) => Ok(Expr::Literal(Literal::None)),
            _ => self.no_bundle(name, "is no bundle of attributes"),
        }
    }

    fn no_bundle(&self, name: &ast::Name, label: &str) -> Written<Expr> {
        self.stop(
            Diagnostic::error(
                WRONG_KIND,
                format!("`{name}...` is no bundle of attributes"),
            )
            .primary(name.span, label)
            .help(
                "a bundle is bound by `[name...]` in the match; one of several is `[names[0]...]`",
            ),
        )
    }
}

/// Whether the type says nothing, or not all.
fn is_open(ty: &Type) -> bool {
    match ty {
        Type::Any | Type::Variable(_) => true,
        Type::Optional(inner) | Type::List(inner) => is_open(inner),
        Type::Tuple(items) => items.iter().any(is_open),
        _ => false,
    }
}
