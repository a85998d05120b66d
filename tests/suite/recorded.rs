//! The models under `tests/models/torchscript`: where they are, what goes in, what came out.

use crate::npy;
use rulefold::eval::{Value, run_method};
use rulefold::graph::{Literal, Tensor};
use rulefold::model::torchscript;
use rulefold::ops::Catalogue;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders of the recorded models, sorted.
pub fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/torchscript");
    let entries = fs::read_dir(folder).expect("the recorded models are there");
    let mut cases: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the folder can be listed").path())
        .collect();
    cases.sort();
    cases
}

/// Inputs of a case in order: arrays, or numbers and truth values as JSON.
pub fn inputs(case: &Path) -> Vec<Value> {
    let mut inputs = vec![];
    loop {
        let (array, json) = (
            case.join(format!("in{}.npy", inputs.len())),
            case.join(format!("in{}.json", inputs.len())),
        );
        if array.is_file() {
            inputs.push(Value::from(npy::read(&array)));
        } else if json.is_file() {
            let text = fs::read_to_string(json).expect("a readable file");
            let literal = match serde_json::from_str(&text).expect("a JSON value") {
                serde_json::Value::Bool(b) => Literal::Bool(b),
                serde_json::Value::Number(n) => match n.as_i64() {
                    Some(n) => Literal::Int(n),
                    None => Literal::Float(n.as_f64().expect("a number")),
                },
                other => panic!("no input is {other}"),
            };
            inputs.push(literal.into());
        } else {
            return inputs;
        }
    }
}

/// What a model of a case makes of the case's inputs.
pub fn output(case: &Path, model: &str) -> Result<Tensor, String> {
    let path = case.join(model);
    let read = torchscript::read(&path, &Catalogue::new()).map_err(|e| e.to_string())?;
    let results = run_method(&read.model, "forward", inputs(case)).map_err(|e| e.to_string())?;
    match results.as_slice() {
        [Value::Tensor(tensor)] => Ok(tensor.clone()),
        other => Err(format!("{} results", other.len())),
    }
}

/// Largest difference of two arrays of one shape.
pub fn difference(got: &Tensor, want: &Tensor) -> Result<f32, String> {
    if got.shape != want.shape {
        return Err(format!("shape {:?}, recorded {:?}", got.shape, want.shape));
    }
    let pairs = npy::floats(got).into_iter().zip(npy::floats(want));
    Ok(pairs.map(|(x, y)| (x - y).abs()).fold(0.0, f32::max))
}
