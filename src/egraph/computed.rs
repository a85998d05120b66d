//! Constant tensors that rules compute: `tensor(EXPR)` on a written side.
//!
//! In: terms over constants, of which element type and sizes are known. Out: constants of the store.
//! Small ones are computed here and equal ones become one; a large one is an expression, computed only if it is in the chosen model.
//!
//! Invariant: nothing is entered into the e-graph but the result: what it is computed from costs nothing and matches nothing.

use crate::check::evaluate::{Term, Val};
use crate::eval;
use crate::graph::{ConstantId, ConstantOperand, DType, Dim, Expression, Facts, Name};
use crate::ops;

use super::classes::EGraph;
use super::fold::AT_ONCE;
use super::language::Class;

impl EGraph {
    /// The class of a tensor that a rule computes; `None` if it cannot be computed.
    pub(super) fn add_computed(&mut self, term: &Term<Class>) -> Option<Class> {
        let id = self.computed(term)?;
        Some(self.add_constant(id))
    }

    /// Element type and sizes of a class that is a constant tensor.
    pub(super) fn constant_tensor(&self, class: Class) -> Option<(DType, Vec<i64>)> {
        let facts = &self.constants().get(self.constant(class)?).facts;
        let size = |dim: &Dim| match dim {
            Dim::Known(n) => i64::try_from(*n).ok(),
            Dim::Unknown => None,
        };
        let sizes: Option<Vec<i64>> = facts.shape.as_ref()?.iter().map(size).collect();
        Some((facts.dtype?, sizes?))
    }

    fn computed(&mut self, term: &Term<Class>) -> Option<ConstantId> {
        let operands = term
            .operands
            .iter()
            .map(|operand| self.computed_operand(operand))
            .collect::<Option<_>>()?;
        let sizes = term.sizes.iter().map(|&n| u64::try_from(n).ok());
        let shape = sizes.map(|n| n.map(Dim::Known)).collect::<Option<_>>()?;
        let facts = Facts::tensor(Some(term.dtype), Some(shape));
        let bytes = ops::result_bytes(&facts)?;
        let expression = Expression {
            op: Name::new(term.op),
            operands,
            result: 0,
        };
        let store = &mut self.inner.analysis.constants;
        let id = store.expression(expression, facts, bytes);
        if bytes > AT_ONCE {
            return Some(id);
        }
        let value = eval::force(store, id).ok()?;
        let facts = ops::facts_of_constant(&value);
        Some(store.intern(value, facts))
    }

    fn computed_operand(&mut self, operand: &Val<Class>) -> Option<ConstantOperand> {
        Some(match operand {
            Val::Literal(literal) => ConstantOperand::Literal(literal.clone()),
            Val::Value(class) => ConstantOperand::Constant(self.constant(*class)?),
            Val::Tensor(term) => ConstantOperand::Constant(self.computed(term)?),
            Val::List(_) | Val::Tuple(_) | Val::Unknown => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::check::evaluate::{Scope, evaluate};
    use crate::check::rule::{Binary, Expr, Function, Slot};
    use crate::graph::{Constant, ConstantStore, Literal, Tensor};

    /// Slots are classes, numbers behind them literals.
    struct Of<'a>(&'a EGraph, [Val<Class>; 2]);

    impl Scope for Of<'_> {
        type Value = Class;

        fn slot(&self, slot: Slot) -> Val<Class> {
            self.1[slot.0 as usize].clone()
        }

        fn literal(&self, value: &Class) -> Option<Literal> {
            self.0.literal(*value).cloned()
        }

        fn tensor(&self, value: &Class) -> Option<(DType, Vec<i64>)> {
            self.0.constant_tensor(*value)
        }

        fn same(&self, a: &Class, b: &Class) -> Option<bool> {
            (a == b).then_some(true)
        }

        fn fact(&self, _: Function, _: &Class) -> Val<Class> {
            Val::Unknown
        }
    }

    const DTYPES: [DType; 12] = [
        DType::F16,
        DType::BF16,
        DType::F32,
        DType::F64,
        DType::U8,
        DType::I8,
        DType::I16,
        DType::I32,
        DType::I64,
        DType::Bool,
        DType::QU8,
        DType::C64,
    ];

    fn operands(graph: &mut EGraph) -> Vec<Val<Class>> {
        let mut all: Vec<Val<Class>> = [Literal::Int(3), Literal::Float(0.3), Literal::Bool(true)]
            .map(Val::Literal)
            .into();
        for dtype in DTYPES {
            for shape in [vec![], vec![1], vec![3], vec![2, 3], vec![0]] {
                let bytes = vec![1; dtype.size() * shape.iter().product::<usize>()];
                let tensor = Constant::Tensor(Tensor::contiguous(dtype, shape, bytes));
                let facts = ops::facts_of_constant(&tensor);
                all.push(Val::Value(graph.intern_constant(tensor, facts)));
            }
        }
        all
    }

    fn expressions() -> Vec<Expr> {
        let slot = |n| Expr::Slot(Slot(n));
        let mut all = vec![Expr::Negate(Box::new(slot(0)))];
        for op in [Binary::Add, Binary::Sub, Binary::Mul, Binary::Div] {
            all.push(Expr::Binary(op, Box::new(slot(0)), Box::new(slot(1))));
        }
        for function in [Function::Min, Function::Max] {
            all.push(Expr::Call(function, vec![slot(0), slot(1)]));
            all.push(Expr::Call(function, vec![slot(0)]));
        }
        for function in [
            Function::Abs,
            Function::Round,
            Function::Sqrt,
            Function::Rsqrt,
            Function::Flatten,
            Function::Tensor,
        ] {
            all.push(Expr::Call(function, vec![slot(0)]));
        }
        for sizes in [[3, 1], [-1, 3], [2, 3]] {
            for function in [Function::Reshape, Function::Broadcast] {
                let sizes = Expr::Literal(Literal::ints(sizes));
                all.push(Expr::Call(function, vec![slot(0), sizes]));
            }
        }
        for dtype in DTYPES {
            let dtype = || Expr::Literal(Literal::DType(dtype));
            let sizes = Expr::Literal(Literal::ints([2, 2]));
            all.push(Expr::Call(Function::Cast, vec![slot(0), dtype()]));
            all.push(Expr::Call(Function::Zeros, vec![sizes, dtype()]));
        }
        all
    }

    #[test]
    fn what_is_known_before_is_true_after() {
        let mut graph = EGraph::new(ConstantStore::default());
        let operands = operands(&mut graph);
        let mut computed = 0;
        for expr in expressions() {
            let of_two = format!("{expr:?}").contains("Slot(1)");
            for a in &operands {
                for b in &operands[..if of_two { operands.len() } else { 1 }] {
                    let scope = Of(&graph, [a.clone(), b.clone()]);
                    let Val::Tensor(term) = evaluate(&expr, &[], &scope) else {
                        continue;
                    };
                    computed += 1;
                    let class = graph.add_computed(&term);
                    let class = class.unwrap_or_else(|| panic!("{term:?} is refused"));
                    let form = graph.constant_tensor(class);
                    assert_eq!(form, Some((term.dtype, term.sizes.clone())), "{term:?}");
                }
            }
        }
        assert!(computed > 1000, "{computed}");
    }

    #[test]
    fn large_ones_wait_and_equal_ones_are_one() {
        let mut graph = EGraph::new(ConstantStore::default());
        let zeros = |n: i64| {
            let sizes = Expr::Literal(Literal::ints([n]));
            Expr::Call(Function::Zeros, vec![sizes])
        };
        let none = [Val::Unknown, Val::Unknown];
        let mut add = |expr: &Expr| {
            let Val::Tensor(term) = evaluate(expr, &[], &Of(&graph, none.clone())) else {
                panic!("{expr:?} is no tensor");
            };
            let term = Arc::unwrap_or_clone(term);
            let class = graph.add_computed(&term).unwrap();
            (class, graph.constant(class).unwrap())
        };
        let large = add(&zeros(1 << 20));
        assert_eq!(add(&zeros(1 << 20)), large);
        let small = add(&zeros(4));
        let doubled = Expr::Binary(Binary::Add, Box::new(zeros(4)), Box::new(zeros(4)));
        assert_eq!(add(&doubled), small);
        let store = graph.constants();
        assert!(store.get(large.1).value.get().is_none());
        assert_eq!(store.get(large.1).bytes, 4 << 20);
        assert!(store.get(small.1).value.get().is_some());
    }
}
