//! `given file`: a model that lies beside the rule file.
//!
//! In: a test that names a file. Out: the model, or its frozen `forward`.
//! Invariant: a path is relative to the folder of the rule file, or to the root that the call names; an error names the file.

use std::path::{Path, PathBuf};

use crate::check::Test;
use crate::graph::Name;
use crate::model::torchscript::{self, TorchScript};
use crate::pipeline::freeze;
use crate::pipeline::library::Loaded;
use crate::syntax::ast;

use super::given::Given;
use super::run::Settings;

/// The model of a test.
pub(super) fn model(
    loaded: &Loaded,
    settings: &Settings,
    test: &Test,
) -> Result<TorchScript, String> {
    let path = path(loaded, settings, test)?;
    torchscript::read(&path, &loaded.catalogue).map_err(|error| error.of_file(path.display()))
}

/// The frozen `forward` of the model of a test.
pub(super) fn frozen(loaded: &Loaded, settings: &Settings, test: &Test) -> Result<Given, String> {
    let mut file = model(loaded, settings, test)?;
    let mut frozen =
        freeze::freeze(&file.model, &[], &loaded.catalogue).map_err(|error| error.to_string())?;
    let Some(mut graph) = frozen.methods.shift_remove(&Name::new("forward")) else {
        return Err("the model has no method `forward`".into());
    };
    freeze::detach(&mut graph, &mut file.model.constants);
    Ok(Given::of_model(graph, file.model.constants))
}

/// The folder of the model of a test.
pub(super) fn beside(loaded: &Loaded, settings: &Settings, test: &Test) -> Result<PathBuf, String> {
    let path = path(loaded, settings, test)?;
    Ok(path.parent().unwrap_or(Path::new("")).to_path_buf())
}

fn path(loaded: &Loaded, settings: &Settings, test: &Test) -> Result<PathBuf, String> {
    let ast::Given::File(text) = &test.test.given else {
        return Err("the test gives neither a graph nor a file".into());
    };
    if let Some(root) = &settings.root {
        return Ok(root.join(&text.value));
    }
    Ok(folder(loaded, test).join(&text.value))
}

/// The folder of the rule file that a test stands in.
pub(super) fn folder(loaded: &Loaded, test: &Test) -> PathBuf {
    let source = test.test.span.source;
    let name = loaded.sources.file(source).map_or("", |file| file.name());
    Path::new(name)
        .parent()
        .unwrap_or(Path::new(""))
        .to_path_buf()
}
