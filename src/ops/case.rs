//! Reads test cases written as lines: `aten::add.Tensor(f32[1,2], 3) -> f32[1,2]`.
//!
//! Values are literals, lists of values, tensors such as `f32[1,_]`, `quint8[2]{0.1,3}` (scale, zero point) or `qint8[4,2]{axis 0}`, and
//! nested calls, whose facts are inferred.

use super::infer;
use crate::graph::{DType, Dim, Facts, Literal, QParams, Shape, Type};

/// Reads values from the start of a text.
pub(super) struct Reader<'a> {
    rest: &'a str,
}

/// The operator, the operands and the expected results of a line.
pub(super) fn line(text: &str) -> (&str, Vec<Facts>, Vec<Facts>) {
    let mut reader = Reader { rest: text };
    let (op, operands) = reader.call();
    assert!(reader.eat(" -> "), "{text}");
    let mut results = vec![reader.value()];
    while reader.eat("; ") {
        results.push(reader.value());
    }
    assert_eq!(reader.rest, "", "{text}");
    (op, operands, results)
}

impl<'a> Reader<'a> {
    fn eat(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn until(&mut self, ends: &[char]) -> &'a str {
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn call(&mut self) -> (&'a str, Vec<Facts>) {
        let op = self.until(&['(']);
        assert!(self.eat("("));
        (op, self.values(")"))
    }

    fn values(&mut self, end: &str) -> Vec<Facts> {
        let mut values = Vec::new();
        while !self.eat(end) {
            values.push(self.value());
            self.eat(", ");
        }
        values
    }

    fn value(&mut self) -> Facts {
        if self.eat("[") {
            let items = self.values("]");
            let literals: Option<Vec<Literal>> =
                items.iter().map(|item| item.literal.clone()).collect();
            return match literals {
                Some(literals) => Facts::of_literal(Literal::list(literals)),
                None => Facts {
                    ty: Some(Type::tensor().list_of()),
                    elements: Some(items.into()),
                    ..Facts::default()
                },
            };
        }
        if self.eat("\"") {
            let text = self.until(&['"']);
            assert!(self.eat("\""));
            return Facts::of_literal(Literal::str(text));
        }
        let start = self.rest;
        let word = self.until(&['(', ')', '[', ']', '{', ',', ';', ' ']);
        if self.rest.starts_with('(') {
            self.rest = start;
            let (op, operands) = self.call();
            return infer(op, &operands).remove(0);
        }
        if word == "?" {
            return Facts::default();
        }
        match DType::from_name(word) {
            Some(dtype) => self.tensor(dtype),
            None => Facts::of_literal(literal(word)),
        }
    }

    fn tensor(&mut self, dtype: DType) -> Facts {
        let mut facts = Facts::tensor(Some(dtype), None);
        if self.eat("[") {
            let dims = self.until(&[']']);
            assert!(self.eat("]"));
            let dims: Shape = dims
                .split(',')
                .filter(|d| !d.is_empty())
                .map(|d| d.parse().map_or(Dim::Unknown, Dim::Known))
                .collect();
            facts.shape = Some(dims);
        }
        if self.eat("{axis ") {
            let axis = self.until(&['}']).parse().unwrap();
            facts.qparams = QParams::PerChannel { axis };
            assert!(self.eat("}"));
        } else if self.eat("{") {
            let scale = self.until(&[',']).parse().unwrap();
            assert!(self.eat(","));
            let zero_point = self.until(&['}']).parse().unwrap();
            facts.qparams = QParams::PerTensor { scale, zero_point };
            assert!(self.eat("}"));
        }
        facts
    }
}

fn literal(word: &str) -> Literal {
    match word {
        "None" => Literal::None,
        "True" => Literal::Bool(true),
        "False" => Literal::Bool(false),
        word => match word.parse() {
            Ok(n) => Literal::Int(n),
            Err(_) => Literal::Float(word.parse().unwrap_or_else(|_| panic!("{word}"))),
        },
    }
}
