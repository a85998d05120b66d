//! Cases that say themselves what is run and what must come out (`case.json`): our own interpreter runs what rulefold wrote, so that the
//! numbers are proved without PyTorch.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rulefold::eval::{ModelHost, Value, run_on};
use rulefold::graph::{Literal, Tensor};
use rulefold::model::torchscript;
use rulefold::ops::Catalogue;
use serde_json::Value as Json;

use crate::command::Place;
use crate::npy;

/// Folders under `tests/models` whose cases have this form.
pub const KINDS: [&str; 7] = [
    "dynamic",
    "on_device",
    "hoist",
    "fuse",
    "mobile",
    "freeze",
    "clean",
];

/// One case: its folder and what its `case.json` says.
struct Case {
    folder: PathBuf,
    told: Json,
}

/// How far a result may lie from what is recorded.
enum Tolerance {
    Absolute(f64),
    Relative(f64),
}

fn cases() -> Vec<Case> {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models");
    let mut folders: Vec<PathBuf> = KINDS
        .iter()
        .filter_map(|kind| fs::read_dir(models.join(kind)).ok())
        .flatten()
        .map(|entry| entry.expect("the folder can be listed").path())
        .collect();
    folders.sort();
    folders
        .into_iter()
        .map(|folder| {
            let text = fs::read_to_string(folder.join("case.json")).unwrap_or_else(|error| {
                panic!("{}: case.json: {error}", folder.display());
            });
            let told = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: case.json: {error}", folder.display()));
            Case { folder, told }
        })
        .collect()
}

impl Case {
    fn name(&self) -> String {
        let parts: Vec<_> = self.folder.iter().rev().take(2).collect();
        format!(
            "{}/{}",
            parts[1].to_string_lossy(),
            parts[0].to_string_lossy()
        )
    }

    fn text(&self, key: &str) -> &str {
        self.told[key]
            .as_str()
            .unwrap_or_else(|| panic!("{}: `{key}` is no text", self.name()))
    }

    /// The tolerance for our interpreter: its own, where PyTorch's engine rounds differently, or the one for everybody.
    fn tolerance(&self) -> Tolerance {
        let told = match &self.told["interpreter"] {
            Json::Null | Json::String(_) => &self.told["tolerance"],
            own => own,
        };
        let number = |value: &Json| value.as_f64().expect("a number");
        match told {
            Json::Object(kind) if kind.contains_key("relative") => {
                Tolerance::Relative(number(&kind["relative"]))
            }
            Json::Object(kind) => Tolerance::Absolute(number(&kind["absolute"])),
            plain => Tolerance::Absolute(number(plain)),
        }
    }

    fn array(&self, name: &Json) -> Tensor {
        npy::read(
            &self
                .folder
                .join(name.as_str().expect("the name of an array")),
        )
    }

    /// An input: the name of an array, a number or truth value, or a list of these.
    fn input(&self, told: &Json) -> Value {
        match told {
            Json::String(_) => self.array(told).into(),
            Json::Array(items) => Value::list(items.iter().map(|item| self.input(item)).collect()),
            Json::Bool(b) => Value::bool(*b),
            Json::Number(n) => match n.as_i64() {
                Some(n) => Value::int(n),
                None => Value::float(n.as_f64().expect("a number")),
            },
            other => panic!("{}: no input is {other}", self.name()),
        }
    }

    /// Arrays that a call must give; `None` if it must give nothing.
    fn wanted(&self, told: &Json) -> Option<Vec<Tensor>> {
        match told {
            Json::Null => None,
            Json::Array(names) => Some(names.iter().map(|name| self.array(name)).collect()),
            name => Some(vec![self.array(name)]),
        }
    }

    /// Writes the result with the options of the case; what is wrong with it.
    fn check(&self, wrong: &mut Vec<String>) {
        let place = Place::new();
        let model = self.folder.join(self.text("model"));
        let mut words = vec!["optimize", model.to_str().expect("a path in UTF-8")];
        words.extend(["-q", "-o", "result.pt", "--pipeline", self.text("pipeline")]);
        let options = self.told["options"].as_array().into_iter().flatten();
        words.extend(options.map(|option| option.as_str().expect("an option is text")));
        let ran = place.run_all(&words);
        assert_eq!(ran.code, 0, "{}: {}", self.name(), ran.err);
        let read = torchscript::read(&place.path("result.pt"), &Catalogue::new())
            .unwrap_or_else(|error| panic!("{}: {error}", self.name()));
        let mut host = ModelHost::new(&read.model);
        for (at, call) in self.told["calls"]
            .as_array()
            .expect("calls")
            .iter()
            .enumerate()
        {
            let method = call["method"].as_str().expect("a method");
            let inputs = call["inputs"].as_array().expect("inputs");
            let inputs = inputs.iter().map(|input| self.input(input)).collect();
            let results = run_on(&mut host, method, inputs);
            let problem = results
                .map_err(|error| error.to_string())
                .and_then(|results| self.compare(&results, self.wanted(&call["output"])));
            // What our interpreter refuses is said in the case, and that it does.
            let own = call["interpreter"].as_str();
            let refused = own.or(self.told["interpreter"].as_str());
            let problem = match (refused, problem) {
                (None, problem) => problem,
                (Some(reason), Err(error)) if error.contains(reason) => Ok(()),
                (Some(reason), Err(error)) => Err(format!("{error}, where `{reason}` is told")),
                (Some(reason), Ok(())) => Err(format!("runs, where `{reason}` is told")),
            };
            if let Err(problem) = problem {
                wrong.push(format!("{}: call {at} of {method}: {problem}", self.name()));
            }
        }
    }

    fn compare(&self, results: &[Value], wanted: Option<Vec<Tensor>>) -> Result<(), String> {
        let Some(wanted) = wanted else {
            let nothing = matches!(results, [] | [Value::Literal(Literal::None)]);
            return nothing
                .then_some(())
                .ok_or("something other than None comes out".into());
        };
        let mut found = Vec::new();
        results
            .iter()
            .try_for_each(|result| flat(result, &mut found))?;
        if found.len() != wanted.len() {
            return Err(format!(
                "{} tensors come out, {} are recorded",
                found.len(),
                wanted.len()
            ));
        }
        for (ours, recorded) in found.iter().zip(&wanted) {
            self.close(ours, recorded)?;
        }
        Ok(())
    }

    fn close(&self, ours: &Tensor, recorded: &Tensor) -> Result<(), String> {
        if (&ours.shape, ours.dtype) != (&recorded.shape, recorded.dtype) {
            return Err(format!(
                "{:?} of {:?} comes out, {:?} of {:?} is recorded",
                ours.dtype, ours.shape, recorded.dtype, recorded.shape
            ));
        }
        let (ours, recorded) = (npy::numbers(ours), npy::numbers(recorded));
        let largest = |numbers: &mut dyn Iterator<Item = f64>| {
            // A result that is no number is as far away as can be.
            numbers.fold(0.0, |most: f64, x| {
                if x.is_nan() {
                    f64::INFINITY
                } else {
                    most.max(x)
                }
            })
        };
        let error = largest(&mut ours.iter().zip(&recorded).map(|(a, b)| (a - b).abs()));
        let scale = largest(&mut recorded.iter().map(|x| x.abs()));
        let allowed = match self.tolerance() {
            Tolerance::Absolute(most) => most,
            Tolerance::Relative(part) => part * scale,
        };
        (error <= allowed).then_some(()).ok_or(format!(
            "differs from PyTorch's result by {error}, {allowed} is allowed"
        ))
    }
}

/// The tensors of a result, tuples and lists opened, quantized ones dequantized.
fn flat(value: &Value, into: &mut Vec<Tensor>) -> Result<(), String> {
    match value {
        Value::Tensor(tensor) if tensor.dtype.is_quantized() => {
            let plain = rulefold::eval::call("aten::dequantize.self", std::slice::from_ref(value));
            match plain.map_err(|error| error.to_string())?.as_slice() {
                [Value::Tensor(plain)] => into.push(plain.clone()),
                _ => unreachable!("dequantize gives one tensor"),
            }
            Ok(())
        }
        Value::Tensor(tensor) => {
            into.push(tensor.clone());
            Ok(())
        }
        Value::List(items) | Value::Tuple(items) => {
            items.iter().try_for_each(|item| flat(item, into))
        }
        other => Err(format!("{} comes out", other.kind())),
    }
}

#[test]
fn every_case_gives_the_numbers_that_pytorch_recorded() {
    let cases = cases();
    assert!(!cases.is_empty(), "no case was found");
    // The cases take longer than all other tests together: all cores share them.
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get());
    let work = || {
        let mut wrong = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            case.check(&mut wrong);
        }
        wrong
    };
    let mut wrong: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let done = workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("a case panicked"));
        done.collect()
    });
    wrong.sort();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_cases_together_are_small() {
    let files = cases()
        .into_iter()
        .flat_map(|case| fs::read_dir(case.folder).expect("a folder"));
    let bytes: u64 = files
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum();
    assert!(
        bytes <= 3 << 20,
        "the cases hold {bytes} bytes; 3 MiB is the limit"
    );
}
