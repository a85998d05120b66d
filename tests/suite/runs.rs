//! Every fixture, run once for all tests that look at results, by all cores.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rulefold::graph::{Literal, Name};
use rulefold::model::archive::Archive;
use rulefold::model::torchscript::{self, TorchScript};
use rulefold::pipeline::job::{self, Options};
use rulefold::pipeline::library::{self, Loaded};
use rulefold::pipeline::report::Report;
use serde_json::Value as Json;

use crate::recorded;
use crate::told::KINDS;

/// A model and how it is run.
pub struct Case {
    pub name: String,
    pub model: PathBuf,
    pub options: Options,
    /// Whether the pipeline makes sense on its own result.
    pub again: bool,
}

/// What became of a case.
pub struct Done {
    pub case: Case,
    pub report: Report,
    pub bytes: Vec<u8>,
    /// What the bytes read as.
    pub file: TorchScript,
}

pub static LOADED: LazyLock<Loaded> = LazyLock::new(|| library::load(Vec::new()));

/// All cases, done.
pub static DONE: LazyLock<Vec<Done>> = LazyLock::new(|| {
    let cases = cases();
    assert!(cases.len() > 150, "{} cases were found", cases.len());
    let done = shared(&cases, |case| {
        let (file, report) = optimized(&fs::read(&case.model).expect("a file"), case);
        let bytes = written(&file, &case.name);
        (read(&bytes, &case.name), report, bytes)
    });
    let done = done.into_iter().zip(cases);
    done.map(|((file, report, bytes), case)| Done {
        case,
        report,
        bytes,
        file,
    })
    .collect()
});

/// The same for each item, by all cores.
pub fn shared<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get());
    let worker = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            match items.get(at) {
                Some(item) => done.push((at, work(item))),
                None => return done,
            }
        }
    };
    let mut all: Vec<(usize, R)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        let done = workers.into_iter();
        done.flat_map(|worker| worker.join().expect("a case panicked"))
            .collect()
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models")
}

/// What PyTorch quantized, and what it made of that, with the pipeline that the model asks for; and the cases that say themselves what is run.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for folder in recorded::cases() {
        for model in ["qdq.pt", "convert.pt"] {
            let name = folder.file_name().expect("a folder").to_string_lossy();
            cases.push(Case {
                name: format!("torchscript/{name}/{model}"),
                model: folder.join(model),
                options: Options::default(),
                again: true,
            });
        }
    }
    for kind in KINDS {
        let folder = models().join(kind);
        let entries = fs::read_dir(folder).expect("the folder is part of the package");
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        cases.extend(names.iter().map(|name| told(kind, name)));
    }
    cases
}

pub fn told(kind: &str, name: &str) -> Case {
    let folder = models().join(kind).join(name);
    let text = fs::read_to_string(folder.join("case.json")).expect("a case");
    let told: Json = serde_json::from_str(&text).expect("JSON");
    let text = |value: &Json| value.as_str().expect("a text").to_owned();
    let options: Vec<String> = told["options"]
        .as_array()
        .into_iter()
        .flatten()
        .map(text)
        .collect();
    Case {
        name: format!("{kind}/{name}"),
        model: folder.join(text(&told["model"])),
        options: Options {
            pipeline: Some(text(&told["pipeline"])),
            settings: settings(&options),
            ..Options::default()
        },
        again: told["idempotent"] != Json::Bool(false),
    }
}

/// The settings that flags stand for.
fn settings(flags: &[String]) -> Vec<(Name, Literal)> {
    let mut lists: Vec<(Name, Vec<Literal>)> = Vec::new();
    let mut settings = Vec::new();
    for pair in flags.chunks(2) {
        let [flag, value] = pair else {
            panic!("a flag without a value: {flags:?}")
        };
        if flag == "--set" {
            let (name, value) = value.split_once('=').expect("a setting");
            settings.push((Name::new(name), Literal::Bool(value == "true")));
            continue;
        }
        let name = Name::new(flag.trim_start_matches("--"));
        let value = match flag.as_str() {
            "--modules" => Literal::list(value.split(',').map(Literal::str)),
            _ => Literal::str(value),
        };
        match lists.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => lists.push((name, vec![value])),
        }
    }
    settings.extend(
        lists
            .into_iter()
            .map(|(name, values)| (name, Literal::list(values))),
    );
    settings
}

pub fn read(bytes: &[u8], name: &str) -> TorchScript {
    let archive = Archive::from_bytes(name, bytes.into());
    let archive = archive.unwrap_or_else(|error| panic!("{name}: {error}"));
    torchscript::read_archive(&archive, &LOADED.catalogue)
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub fn optimized(bytes: &[u8], case: &Case) -> (TorchScript, Report) {
    let file = read(bytes, &case.name);
    job::optimize(file, &LOADED, &case.options, &mut |_| {})
        .unwrap_or_else(|error| panic!("{}: {error}", case.name))
}

pub fn written(file: &TorchScript, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    torchscript::write(file, &LOADED.catalogue, &mut bytes)
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    bytes
}
