//! Recorded inputs: folders of NumPy arrays and numbers.

use std::fs;
use std::path::{Path, PathBuf};

use crate::eval::Value;
use crate::inspect::verify::Sample;
use crate::model::inputs;

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
    Ok(inputs::read(folder)?.into_iter().map(Value::from).collect())
}
