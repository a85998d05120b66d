//! Inputs recorded beside a model: `in0.npy`, `in1.npy`, ... as NumPy arrays, or `in0.json` for what is no tensor.
//!
//! In: a folder. Out: the inputs of one call, in order.
//! Invariant: a file that is there is read or refused by name; the first number that is missing ends the list.

#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;

use super::npy;
use crate::graph::{Literal, Tensor};

/// One input.
#[derive(Clone, Debug)]
pub enum Input {
    /// A tensor.
    Tensor(Tensor),
    /// A number, a text, a truth value, or a list of them.
    Literal(Literal),
}

/// The inputs in a folder; none if there is no `in0`. An error is a message for the user.
pub fn read(folder: &Path) -> Result<Vec<Input>, String> {
    let mut found = Vec::new();
    loop {
        let array = folder.join(format!("in{}.npy", found.len()));
        let json = folder.join(format!("in{}.json", found.len()));
        let input = if array.is_file() {
            let bytes = fs::read(&array)
                .map_err(|error| format!("{}: cannot be read: {error}", array.display()))?;
            let tensor =
                npy::read(&bytes).map_err(|error| format!("{}: {error}", array.display()))?;
            Input::Tensor(tensor)
        } else if json.is_file() {
            let text = fs::read_to_string(&json)
                .map_err(|error| format!("{}: cannot be read: {error}", json.display()))?;
            let value = serde_json::from_str(&text)
                .map_err(|error| format!("{}: {error}", json.display()))?;
            let literal = literal(&value).ok_or_else(|| {
                format!(
                    "{}: holds an object; give a number, a text, or a list of them",
                    json.display()
                )
            })?;
            Input::Literal(literal)
        } else {
            return Ok(found);
        };
        found.push(input);
    }
}

fn literal(value: &serde_json::Value) -> Option<Literal> {
    use serde_json::Value as Json;
    Some(match value {
        Json::Null => Literal::None,
        Json::Bool(b) => Literal::Bool(*b),
        Json::Number(n) => match n.as_i64() {
            Some(n) => Literal::Int(n),
            None => Literal::Float(n.as_f64()?),
        },
        Json::String(text) => Literal::str(text),
        Json::Array(items) => Literal::list(items.iter().map(literal).collect::<Option<Vec<_>>>()?),
        Json::Object(_) => return None,
    })
}
