//! The walk over an expression: names, lists, comprehensions, conditions and three-valued logic.
//!
//! Invariant: `and` and `or` look at their right side only when the left does not decide, and a known side decides over an unknown one.

use super::{Scope, Val, arithmetic, functions};
use crate::check::rule::{Binary, Expr, Let};

/// The value of an expression. `lets` are those of its variant, empty elsewhere.
pub fn evaluate<S: Scope>(expr: &Expr, lets: &[Let], scope: &S) -> Val<S::Value> {
    Walk {
        lets,
        scope,
        elements: Vec::new(),
    }
    .value(expr)
}

/// Elements of comprehensions around the place are last in `elements`, innermost last.
struct Walk<'a, S: Scope> {
    lets: &'a [Let],
    scope: &'a S,
    elements: Vec<Val<S::Value>>,
}

impl<S: Scope> Walk<'_, S> {
    fn value(&mut self, expr: &Expr) -> Val<S::Value> {
        match expr {
            Expr::Literal(literal) => Val::Literal(literal.clone()),
            Expr::Slot(slot) => self.scope.slot(*slot),
            Expr::Setting(name) => self.scope.setting(*name),
            Expr::Let(index) => self.named(*index),
            Expr::Element(index) => self.element(*index),
            Expr::List(items) => Val::list(self.values(items)),
            Expr::Tuple(items) => Val::tuple(self.values(items)),
            Expr::Comprehension {
                element,
                over,
                condition,
            } => self.comprehension(element, over, condition.as_deref()),
            Expr::If(condition, yes, no) => match self.truth(condition) {
                Some(true) => self.value(yes),
                Some(false) => self.value(no),
                None => Val::Unknown,
            },
            Expr::Not(inner) => Val::truth(self.truth(inner).map(|truth| !truth)),
            Expr::Negate(inner) => {
                let inner = self.value(inner);
                arithmetic::negate(self.scope, &inner)
            }
            Expr::Binary(op @ (Binary::And | Binary::Or), left, right) => {
                Val::truth(self.connective(*op, left, right))
            }
            Expr::Binary(op, left, right) => {
                let (left, right) = (self.value(left), self.value(right));
                arithmetic::binary(self.scope, *op, &left, &right)
            }
            Expr::Index(base, index) => {
                let (base, index) = (self.value(base), self.value(index));
                arithmetic::index(self.scope, &base, &index)
            }
            Expr::Slice(base, from, to) => {
                let base = self.value(base);
                let from = from.as_deref().map(|from| self.value(from));
                let to = to.as_deref().map(|to| self.value(to));
                arithmetic::slice(self.scope, &base, from.as_ref(), to.as_ref())
            }
            Expr::Call(function, arguments) => {
                let arguments = self.values(arguments);
                functions::call(self.scope, *function, &arguments)
            }
        }
    }

    fn values(&mut self, exprs: &[Expr]) -> Vec<Val<S::Value>> {
        exprs.iter().map(|expr| self.value(expr)).collect()
    }

    /// A `let` is evaluated outside of the comprehensions that use it.
    fn named(&mut self, index: u32) -> Val<S::Value> {
        match self.lets.get(index as usize) {
            Some(named) => evaluate(&named.value, self.lets, self.scope),
            None => Val::Unknown,
        }
    }

    fn element(&self, index: u32) -> Val<S::Value> {
        let place = self.elements.len().checked_sub(index as usize + 1);
        place
            .and_then(|place| self.elements.get(place))
            .cloned()
            .unwrap_or(Val::Unknown)
    }

    fn truth(&mut self, expr: &Expr) -> Option<bool> {
        let value = self.value(expr);
        arithmetic::literal(self.scope, &value)?.as_bool()
    }

    fn connective(&mut self, op: Binary, left: &Expr, right: &Expr) -> Option<bool> {
        let deciding = op == Binary::Or;
        match self.truth(left) {
            Some(left) if left == deciding => Some(deciding),
            Some(_) => self.truth(right),
            None => self.truth(right).filter(|right| *right == deciding),
        }
    }

    fn comprehension(
        &mut self,
        element: &Expr,
        over: &Expr,
        condition: Option<&Expr>,
    ) -> Val<S::Value> {
        let over = self.value(over);
        let Some(items) = arithmetic::items(self.scope, &over) else {
            return Val::Unknown;
        };
        let mut made = Vec::with_capacity(items.len());
        for item in items {
            self.elements.push(item);
            let wanted = condition.map_or(Some(true), |condition| self.truth(condition));
            if wanted == Some(true) {
                made.push(self.value(element));
            }
            self.elements.pop();
            if wanted.is_none() {
                return Val::Unknown;
            }
        }
        Val::list(made)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Nothing;
    use super::*;
    use crate::check::rule::{Function, Slot};
    use crate::graph::Literal;

    fn int(n: i64) -> Expr {
        Expr::Literal(Literal::Int(n))
    }

    fn truth(b: bool) -> Expr {
        Expr::Literal(Literal::Bool(b))
    }

    fn unknown() -> Expr {
        Expr::Slot(Slot(0))
    }

    fn binary(op: Binary, a: Expr, b: Expr) -> Expr {
        Expr::Binary(op, Box::new(a), Box::new(b))
    }

    fn value(expr: &Expr) -> Option<Literal> {
        evaluate(expr, &[], &Nothing).into_literal()
    }

    #[test]
    fn logic_has_three_values() {
        let cases = [
            (binary(Binary::And, unknown(), truth(false)), Some(false)),
            (binary(Binary::And, unknown(), truth(true)), None),
            (binary(Binary::Or, unknown(), truth(true)), Some(true)),
            (binary(Binary::Or, truth(false), unknown()), None),
            (Expr::Not(Box::new(unknown())), None),
            (Expr::Not(Box::new(truth(false))), Some(true)),
        ];
        for (expr, expected) in cases {
            assert_eq!(value(&expr), expected.map(Literal::Bool), "{expr:?}");
        }
    }

    #[test]
    fn comprehensions_nest_and_choose() {
        // [[a + b for b in [10]] for a in [1, 2, 3] if a != 2]
        let inner = Expr::Comprehension {
            element: Box::new(binary(Binary::Add, Expr::Element(1), Expr::Element(0))),
            over: Box::new(Expr::List(vec![int(10)])),
            condition: None,
        };
        let outer = Expr::Comprehension {
            element: Box::new(inner),
            over: Box::new(Expr::List(vec![int(1), int(2), int(3)])),
            condition: Some(Box::new(binary(Binary::Ne, Expr::Element(0), int(2)))),
        };
        let expected = Literal::list([Literal::ints([11]), Literal::ints([13])]);
        assert_eq!(value(&outer), Some(expected));
    }

    #[test]
    fn lets_are_asked_for_their_value() {
        let lets = [
            Let {
                name: "a".into(),
                value: int(4),
            },
            Let {
                name: "b".into(),
                value: binary(Binary::Mul, Expr::Let(0), int(2)),
            },
        ];
        let expr = Expr::Call(
            Function::Max,
            vec![Expr::Let(0), Expr::Let(1), unknown_free()],
        );
        assert_eq!(
            evaluate(&expr, &lets, &Nothing),
            Val::Literal(Literal::Int(8))
        );
    }

    fn unknown_free() -> Expr {
        int(3)
    }
}
