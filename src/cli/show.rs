//! `rulefold show`: the graphs of a model as text.

use crate::graph::{Model, text};
use crate::model::torchscript;
use crate::ops::Catalogue;
use crate::pipeline::freeze;

use super::arguments::Show;
use super::output::Output;
use super::{DONE, INPUT_WRONG};

/// Runs the command; the exit code.
pub fn run(command: &Show, output: &Output) -> u8 {
    match print(command) {
        Ok(text) => {
            output.out(&text);
            DONE
        }
        Err(message) => {
            output.error(&message);
            INPUT_WRONG
        }
    }
}

fn print(command: &Show) -> Result<String, String> {
    let catalogue = Catalogue::new();
    let file = torchscript::read(&command.input, &catalogue)
        .map_err(|error| error.of_file(command.input.display()))?;
    let model = &file.model;
    if command.frozen {
        let method = command.method.as_deref().unwrap_or("forward");
        let frozen = freeze::freeze(model, method, &[], &catalogue)
            .map_err(|error| format!("{}: {error}", command.input.display()))?;
        return Ok(text::print(&frozen.graph, &model.constants));
    }
    let wanted = command
        .method
        .as_deref()
        .map(|method| {
            model
                .root_method(method)
                .ok_or_else(|| no_method(command, model, method))
        })
        .transpose()?;
    let mut out = String::new();
    for (name, function) in &model.functions {
        if wanted.is_some_and(|wanted| wanted != *name) {
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        if wanted.is_none() {
            let owner = name
                .class
                .map_or(String::new(), |class| format!("{class}."));
            out.push_str(&format!("// {owner}{}\n", name.name));
        }
        out.push_str(&text::print(&function.graph, &model.constants));
    }
    Ok(out)
}

fn no_method(command: &Show, model: &Model, method: &str) -> String {
    let names: Vec<String> = freeze::root_methods(model)
        .map(|name| format!("`{}`", name.name))
        .collect();
    format!(
        "{}: the model has no method `{method}`; it has {}",
        command.input.display(),
        names.join(", ")
    )
}
