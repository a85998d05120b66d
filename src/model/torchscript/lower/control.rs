//! `if`, `for` and `while` to `prim::If` and `prim::Loop`, `with` to `prim::Enter` and `prim::Exit`.
//!
//! In: statements whose blocks assign outer names. Out: nodes whose results are what those names mean afterwards.
//! Invariant: `for i in range(n)` has the condition `True`; `while c` has the largest trip count. The writer tells them apart by that.

#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::function::{Lowering, given};
use super::scope::{Assigned, Binding};
use crate::graph::{BlockId, FunctionName, Literal, Name, NodeId, Type, ValueId};
use crate::model::torchscript::code_ast::{Expr, Stmt, StmtKind};
use crate::model::torchscript::code_types;
use crate::model::torchscript::error::ReadError;

impl Lowering<'_, '_, '_> {
    pub(super) fn if_statement(
        &mut self,
        condition: &Expr,
        then: &[Stmt],
        otherwise: &[Stmt],
        at: u32,
    ) -> Result<(), ReadError> {
        let condition = self.condition(condition)?;
        let node = self.node("prim::If", vec![condition], at);
        let (then_block, then) = self.block(node, |this| this.statements(then, false))?;
        let (else_block, otherwise) = self.block(node, |this| this.statements(otherwise, false))?;
        let mut names: Vec<Name> = then.keys().copied().collect();
        names.extend(otherwise.keys().filter(|name| !then.contains_key(*name)));
        for name in names {
            let left = then.get(&name).or_else(|| self.scopes.get(name)).cloned();
            let right = otherwise
                .get(&name)
                .or_else(|| self.scopes.get(name))
                .cloned();
            let binding = self.join(node, name, left, right, then_block, else_block);
            self.scopes.assign(name, binding);
        }
        Ok(())
    }

    fn join(
        &mut self,
        node: NodeId,
        name: Name,
        left: Option<Binding>,
        right: Option<Binding>,
        then_block: BlockId,
        else_block: BlockId,
    ) -> Binding {
        match (left, right) {
            (Some(Binding::Value(a, a_type)), Some(Binding::Value(b, b_type))) => {
                let Some(ty) = code_types::join(&a_type, &b_type) else {
                    return Binding::Undefined(format!(
                        "`{name}`, which is `{}` in one branch and `{}` in the other",
                        code_types::spell(&a_type),
                        code_types::spell(&b_type)
                    ));
                };
                self.graph.block_mut(then_block).returns.push(a);
                self.graph.block_mut(else_block).returns.push(b);
                let result = self.graph.add_result(node, ty.clone(), given(name));
                Binding::Value(result, ty)
            }
            (Some(Binding::Function(a)), Some(Binding::Function(b))) if a == b => {
                Binding::Function(a)
            }
            _ => Binding::Undefined(format!("`{name}`, which only one branch defines")),
        }
    }

    pub(super) fn for_loop(
        &mut self,
        counter: Name,
        count: &Expr,
        body: &[Stmt],
        at: u32,
    ) -> Result<(), ReadError> {
        let count = self.expr(count, Some(&Type::Int))?;
        let always = self.graph.add_literal(Literal::Bool(true), Type::Bool);
        self.loop_node(Some(counter), [count, always], None, body, at)
    }

    pub(super) fn while_loop(
        &mut self,
        condition: &Expr,
        body: &[Stmt],
        at: u32,
    ) -> Result<(), ReadError> {
        let first = self.condition(condition)?;
        let forever = self.graph.add_literal(Literal::Int(i64::MAX), Type::Int);
        self.loop_node(None, [forever, first], Some(condition), body, at)
    }

    fn loop_node(
        &mut self,
        counter: Option<Name>,
        head: [ValueId; 2],
        condition: Option<&Expr>,
        body: &[Stmt],
        at: u32,
    ) -> Result<(), ReadError> {
        let mut names = Vec::new();
        assigned(body, &mut names);
        let carried: Vec<(Name, ValueId, Type)> = names
            .into_iter()
            .filter(|name| Some(*name) != counter)
            .filter_map(|name| match self.scopes.get(name) {
                Some(Binding::Value(value, ty)) => Some((name, *value, ty.clone())),
                _ => None,
            })
            .collect();
        let mut operands = head.to_vec();
        operands.extend(carried.iter().map(|(_, value, _)| *value));
        let node = self.node("prim::Loop", operands, at);
        let always = self.graph.add_literal(Literal::Bool(true), Type::Bool);
        let (block, after) = self.block(node, |this| {
            let index = this
                .graph
                .add_parameter(this.block, Type::Int, counter.and_then(given));
            if let Some(counter) = counter {
                let binding = Binding::Value(index, Type::Int);
                this.scopes.assign(counter, binding);
            }
            for (name, _, ty) in &carried {
                let value = this
                    .graph
                    .add_parameter(this.block, ty.clone(), given(*name));
                this.scopes.assign(*name, Binding::Value(value, ty.clone()));
            }
            this.statements(body, false)?;
            let again = match condition {
                Some(condition) => this.condition(condition)?,
                None => always,
            };
            let block = this.block;
            this.graph.block_mut(block).returns.push(again);
            Ok(())
        })?;
        for (name, _, ty) in carried {
            let (value, found) = match after.get(&name) {
                Some(Binding::Value(value, found)) => (*value, found.clone()),
                Some(Binding::Undefined(why)) => return Err(self.refuse(at, why.clone())),
                _ => {
                    return Err(
                        self.refuse(at, format!("`{name}`, a function that a loop assigns"))
                    );
                }
            };
            if !code_types::join(&ty, &found).is_some_and(|joined| code_types::same(&joined, &ty)) {
                let what = format!(
                    "`{name}`, which is `{}` before the loop and `{}` in it",
                    code_types::spell(&ty),
                    code_types::spell(&found)
                );
                return Err(self.refuse(at, what));
            }
            self.graph.block_mut(block).returns.push(value);
            let result = self.graph.add_result(node, ty.clone(), given(name));
            self.scopes.assign(name, Binding::Value(result, ty));
        }
        for name in after.keys() {
            if self.scopes.get(*name).is_none() {
                let why = format!("`{name}`, which only a loop's body defines");
                self.scopes.assign(*name, Binding::Undefined(why));
            }
        }
        Ok(())
    }

    /// `with`: what is entered is left again at the end; the statements between stand in the same block.
    pub(super) fn with(
        &mut self,
        context: &Expr,
        target: Option<Name>,
        body: &[Stmt],
        at: u32,
    ) -> Result<(), ReadError> {
        let object = self.expr(context, None)?;
        let Type::Class(class) = self.type_of(object) else {
            return Err(self.refuse(at, "`with` of something other than an object"));
        };
        let mut entered = Type::Any;
        for method in ["__enter__", "__exit__"] {
            let name = Name::new(method);
            let Some((code, _)) = self.program.method(class, name)? else {
                return Err(self.refuse(at, format!("class `{class}` has no method `{method}`")));
            };
            if method == "__enter__" {
                entered = code.signature().result.clone();
            }
            self.program.reach(FunctionName {
                class: Some(class),
                name,
            });
        }
        let value = self.node1("prim::Enter", vec![object], entered.clone(), at);
        if let Some(target) = target {
            self.bind(target, value, entered, false);
        }
        self.statements(body, false)?;
        self.node("prim::Exit", vec![object], at);
        Ok(())
    }

    /// A truth value; the loader takes a tensor or number as one, so we do.
    fn condition(&mut self, expr: &Expr) -> Result<ValueId, ReadError> {
        let value = self.expr(expr, Some(&Type::Bool))?;
        if self.type_of(value) == Type::Bool {
            return Ok(value);
        }
        self.cast("aten::Bool", value, expr.at)
    }

    /// A new block of a node, filled by `fill`, and what it assigned.
    fn block<T>(
        &mut self,
        node: NodeId,
        fill: impl FnOnce(&mut Self) -> Result<T, ReadError>,
    ) -> Result<(BlockId, Assigned), ReadError> {
        let block = self.graph.add_block();
        self.graph.node_mut(node).blocks.push(block);
        let outer = std::mem::replace(&mut self.block, block);
        self.scopes.enter();
        let result = fill(self);
        let assigned = self.scopes.leave();
        self.block = outer;
        result.map(|_| (block, assigned))
    }
}

/// The names that statements assign, in order, those in nested blocks included.
fn assigned(statements: &[Stmt], names: &mut Vec<Name>) {
    let mut add = |name: Name| {
        if !names.contains(&name) {
            names.push(name);
        }
    };
    for statement in statements {
        match &statement.kind {
            StmtKind::Assign { target, .. } => add(*target),
            StmtKind::Unpack { targets, .. } => targets.iter().copied().for_each(&mut add),
            StmtKind::If {
                then, otherwise, ..
            } => {
                for block in [then, otherwise] {
                    let mut inner = Vec::new();
                    assigned(block, &mut inner);
                    inner.into_iter().for_each(&mut add);
                }
            }
            StmtKind::With { target, body, .. } => {
                target.iter().copied().for_each(&mut add);
                let mut inner = Vec::new();
                assigned(body, &mut inner);
                inner.into_iter().for_each(&mut add);
            }
            StmtKind::For { body, .. } | StmtKind::While { body, .. } => {
                let mut inner = Vec::new();
                assigned(body, &mut inner);
                inner.into_iter().for_each(&mut add);
            }
            _ => {}
        }
    }
}
