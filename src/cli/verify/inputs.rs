//! Recorded inputs: folders of NumPy arrays and numbers.

use std::fs;
use std::path::{Path, PathBuf};

use crate::eval::Value;
use crate::graph::Literal;
use crate::inspect::verify::Sample;
use crate::model::npy;

/// The samples in these folders, in the order of their names.
pub(super) fn samples(folders: &[PathBuf]) -> Result<Vec<Sample>, String> {
    let mut found = Vec::new();
    for folder in folders {
        let own = inputs(folder)?;
        if !own.is_empty() {
            found.push(sample(folder, own));
            continue;
        }
        let before = found.len();
        for inner in inner_folders(folder)? {
            let own = inputs(&inner)?;
            if !own.is_empty() {
                found.push(sample(&inner, own));
            }
        }
        if found.len() == before {
            return Err(format!(
                "{}: holds no in0.npy or in0.json, nor a folder that does",
                folder.display()
            ));
        }
    }
    Ok(found)
}

fn sample(folder: &Path, inputs: Vec<Value>) -> Sample {
    Sample {
        name: folder.display().to_string(),
        inputs,
    }
}

fn inner_folders(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let unreadable = |error| format!("{}: cannot be read: {error}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn inputs(folder: &Path) -> Result<Vec<Value>, String> {
    let mut found = Vec::new();
    loop {
        let array = folder.join(format!("in{}.npy", found.len()));
        let json = folder.join(format!("in{}.json", found.len()));
        let value = if array.is_file() {
            let bytes = fs::read(&array);
            let bytes =
                bytes.map_err(|error| format!("{}: cannot be read: {error}", array.display()))?;
            let tensor =
                npy::read(&bytes).map_err(|error| format!("{}: {error}", array.display()))?;
            Value::Tensor(tensor)
        } else if json.is_file() {
            let text = fs::read_to_string(&json);
            let text =
                text.map_err(|error| format!("{}: cannot be read: {error}", json.display()))?;
            let value = serde_json::from_str(&text)
                .map_err(|error| format!("{}: {error}", json.display()))?;
            literal(&value).map(Value::from).ok_or_else(|| {
                format!(
                    "{}: holds an object; give a number, a text, or a list of them",
                    json.display()
                )
            })?
        } else {
            return Ok(found);
        };
        found.push(value);
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
