//! PyTorch as the judge: both models are run by an installed Python, and what comes out is compared here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::eval::Value;
use crate::graph::Literal;
use crate::inspect::verify::{Sample, Verified, differences};
use crate::model::npy;

use super::command::Verify;

/// Runs the models and leaves each output as an array, with a list of them. Quantized outputs are dequantized; their scale is listed.
const SCRIPT: &str = r#"
import json, sys
import numpy, torch
folder, method, samples = sys.argv[1], sys.argv[2], int(sys.argv[3])
supported = torch.backends.quantized.supported_engines
for engine in ("fbgemm", "onednn", "qnnpack"):
    if engine in supported:
        torch.backends.quantized.engine = engine
        break
torch.set_num_threads(1)

def leaves(value, name):
    if isinstance(value, (tuple, list)):
        for at, item in enumerate(value):
            yield from leaves(item, "%s.%d" % (name, at))
    else:
        yield name, value

for which, path in enumerate(sys.argv[4:6]):
    for sample in range(samples):
        model = torch.jit.load(path).eval()
        inputs = json.load(open("%s/in.%d.json" % (folder, sample)))
        inputs = [torch.from_numpy(numpy.load(i["array"])) if "array" in i else i["value"] for i in inputs]
        with torch.no_grad():
            result = getattr(model, method)(*inputs)
        found = []
        for name, value in leaves(result, "0"):
            entry = {"output": name, "scale": None, "array": None}
            if isinstance(value, torch.Tensor):
                if value.is_quantized:
                    if value.qscheme() == torch.per_tensor_affine:
                        entry["scale"] = value.q_scale()
                    value = value.dequantize()
                array = value.detach().numpy()
            elif isinstance(value, (bool, int, float)):
                array = numpy.asarray(value)
            else:
                raise TypeError("output %s is of type %s, which cannot be compared" % (name, type(value).__name__))
            entry["array"] = "%s/out.%d.%d.%s.npy" % (folder, which, sample, name)
            numpy.save(entry["array"], numpy.ascontiguousarray(array))
            found.append(entry)
        json.dump(found, open("%s/out.%d.%d.json" % (folder, which, sample), "w"))
"#;

/// An output of a run.
#[derive(Deserialize)]
struct Entry {
    output: String,
    scale: Option<f64>,
    array: PathBuf,
}

/// A folder that is gone when it is no longer needed.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to whoever empties the folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs both models with `program` and compares.
pub(super) fn verify(
    program: &Path,
    command: &Verify,
    samples: &[Sample],
) -> Result<Verified, String> {
    let folder = std::env::temp_dir().join(format!("rulefold-verify-{}", std::process::id()));
    let failed =
        |error: std::io::Error| format!("{}: cannot be written: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(failed)?;
    let folder = Folder(folder);
    for (number, sample) in samples.iter().enumerate() {
        record(&folder.0, number, sample)?;
    }
    let done = Command::new(program)
        .args(["-c", SCRIPT])
        .arg(&folder.0)
        .args([&command.method, &samples.len().to_string()])
        .args([&command.first, &command.second])
        .output()
        .map_err(|error| format!("{}: cannot be started: {error}", program.display()))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        let last = said.lines().rev().find(|line| !line.trim().is_empty());
        return Err(format!(
            "{}: PyTorch could not run the models: {}",
            program.display(),
            last.unwrap_or("it said nothing")
        ));
    }
    let mut verified = Verified {
        method: command.method.clone(),
        samples: 0,
        outputs: Vec::new(),
    };
    for (number, sample) in samples.iter().enumerate() {
        let first = outputs(&folder.0, 0, number)?;
        let second = outputs(&folder.0, 1, number)?;
        let steps: Vec<(String, f64)> = first
            .iter()
            .filter_map(|(name, scale, _)| Some((name.clone(), (*scale)?)))
            .collect();
        let names = |found: &[(String, Option<f64>, Value)]| {
            found.iter().map(|f| f.0.clone()).collect::<Vec<_>>()
        };
        if names(&first) != names(&second) {
            return Err(format!(
                "the models return different things: {} and {}",
                names(&first).join(", "),
                names(&second).join(", ")
            ));
        }
        for ((name, _, a), (_, _, b)) in first.into_iter().zip(second) {
            // The only output of a comparison is called 0.
            let own: Vec<(String, f64)> = steps
                .iter()
                .filter(|(known, _)| *known == name)
                .map(|(_, step)| ("0".to_owned(), *step))
                .collect();
            let mut found = differences(&sample.name, &[a], &[b], &own);
            for difference in &mut found {
                difference.output.clone_from(&name);
            }
            verified.add(found);
        }
        verified.samples = number + 1;
    }
    Ok(verified)
}

/// Writes the inputs of a sample where the script looks for them.
fn record(folder: &Path, number: usize, sample: &Sample) -> Result<(), String> {
    let mut listed = Vec::new();
    for (at, input) in sample.inputs.iter().enumerate() {
        listed.push(match input {
            Value::Tensor(tensor) => {
                let path = folder.join(format!("in.{number}.{at}.npy"));
                let elements = tensor.contiguous_bytes();
                let elements =
                    elements.ok_or_else(|| format!("{}: input {at} has gaps", sample.name))?;
                let bytes = npy::write(tensor.dtype, &tensor.shape, elements)
                    .map_err(|error| format!("{}: input {at} {error}", sample.name))?;
                write(&path, &bytes)?;
                serde_json::json!({ "array": path })
            }
            Value::Literal(literal) => serde_json::json!({ "value": json(literal) }),
            other => return Err(format!("{}: input {at} is {}", sample.name, other.kind())),
        });
    }
    let path = folder.join(format!("in.{number}.json"));
    write(
        &path,
        serde_json::Value::from(listed).to_string().as_bytes(),
    )
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    fs::write(path, bytes)
        .map_err(|error| format!("{}: cannot be written: {error}", path.display()))
}

fn json(literal: &Literal) -> serde_json::Value {
    match literal {
        Literal::Bool(b) => (*b).into(),
        Literal::Int(n) => (*n).into(),
        Literal::Float(x) => (*x).into(),
        Literal::Str(text) => text.to_string().into(),
        Literal::List(items) | Literal::Tuple(items) => {
            items.iter().map(json).collect::<Vec<_>>().into()
        }
        _ => serde_json::Value::Null,
    }
}

/// What one model left for a sample: names, scales, arrays.
fn outputs(
    folder: &Path,
    which: usize,
    number: usize,
) -> Result<Vec<(String, Option<f64>, Value)>, String> {
    let path = folder.join(format!("out.{which}.{number}.json"));
    let unreadable = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = fs::read_to_string(&path).map_err(|error| unreadable(&error))?;
    let entries: Vec<Entry> = serde_json::from_str(&text).map_err(|error| unreadable(&error))?;
    entries
        .into_iter()
        .map(|entry| {
            let bytes = fs::read(&entry.array).map_err(|error| unreadable(&error))?;
            let tensor = npy::read(&bytes).map_err(|error| unreadable(&error))?;
            Ok((entry.output, entry.scale, Value::Tensor(tensor)))
        })
        .collect()
}
