//! The checker: all modules to one library.
//!
//! In: parsed modules and the catalogue, which gets the ops they declare. Out: a [`Library`] of what is right, and diagnostics.
//! Invariant: a mistake costs its own item and those that need it; the others are in the library.

use super::declared::declared;
use super::expression::Context;
use super::items;
use super::library::{Library, ModuleSource};
use super::modules::{Entry, Modules};
use super::notes;
use super::pipelines::{pipeline, refuse_circles};
use super::sink::Sink;
use super::trials;
use crate::diagnostic::Diagnostic;
use crate::graph::Literal;
use crate::ops::Catalogue;
use crate::source::Sources;
use crate::syntax::ast::{self, ItemKind};

/// Checks modules. Names are resolved among them alone; ops that they declare are added to the catalogue.
pub fn check(modules: &[ModuleSource], catalogue: &mut Catalogue) -> (Library, Vec<Diagnostic>) {
    let sink = Sink::default();
    let tree = Modules::new(modules, &sink);
    let carried = Catalogue::new();
    let cx = Context::new(tree, &carried, sink);
    for op in declared(&cx) {
        catalogue.add(op);
    }
    notes::check(&cx.modules, &cx.sink);
    let cx = cx.with_catalogue(catalogue);
    let mut library = Library::default();
    for (index, module) in cx.modules.list.iter().enumerate() {
        library.begin_module(module.name, module.file);
        for item in &module.file.items {
            if item.name().is_none_or(|name| module.owns(name)) {
                cx.begin_item();
                declaration(&cx, index, item, &mut library);
            }
        }
    }
    cx.begin_item();
    // Pipelines name rules of all modules, tests name both.
    let mut pipelines = Vec::new();
    for (index, module) in cx.modules.list.iter().enumerate() {
        for item in &module.file.items {
            if let ItemKind::Pipeline(tree) = &item.kind
                && module.owns(&tree.name)
                && let Ok(checked) = pipeline(&cx, &library, index, item, tree)
            {
                pipelines.push((checked, tree.name.span));
            }
        }
    }
    refuse_circles(&cx, &mut pipelines);
    for (checked, _) in pipelines {
        library.add_pipeline(checked);
    }
    for index in 0..cx.modules.list.len() {
        let tests = trials::tests(&cx, &library, index);
        library.tests.extend(tests);
    }
    if !cx.sink.has_errors() {
        for index in 0..cx.modules.list.len() {
            cx.modules.warn_of_unused(index, &cx.sink);
        }
    }
    let Context { modules, sink, .. } = cx;
    library.allowed = notes::allowed(&modules);
    (library, notes::without_allowed(&modules, sink.finish()))
}

/// The literal that a text is, as a rule file writes it: a number, a string, a list. `None` for any other text.
pub fn literal(text: &str) -> Option<Literal> {
    let mut sources = Sources::new();
    let item = format!("const VALUE = {text}\n");
    let source = sources.add("value", item.as_str());
    let (file, found) = crate::syntax::parse(source, &item);
    let is_one = found.is_empty() && file.items.len() == 1;
    let module = ModuleSource {
        name: "value",
        source,
        file: &file,
        replaces: false,
    };
    let modules = [module];
    let sink = Sink::default();
    let catalogue = Catalogue::new();
    let cx = Context::new(Modules::new(&modules, &sink), &catalogue, sink);
    let found = cx.modules.find(0, "VALUE").filter(|_| is_one)?;
    match found.entry {
        Entry::Const(constant) => cx.constant(found, constant).ok(),
        _ => None,
    }
}

fn declaration<'a>(cx: &Context<'a>, module: usize, item: &'a ast::Item, library: &mut Library) {
    match &item.kind {
        ItemKind::Const(constant) => {
            // Computed whether somebody uses it or not, so that a mistake in it shows.
            if let Some(found) = cx.modules.find(module, &constant.name.text)
                && let Entry::Const(constant) = found.entry
            {
                let _ = cx.constant(found, constant);
            }
        }
        ItemKind::Fn(function) => {
            let _ = items::function(cx, module, function);
        }
        ItemKind::Rule(rule) => {
            if let Ok(rule) = items::rule(cx, module, item, rule) {
                library.add_rule(rule);
            }
        }
        ItemKind::Keep(keep) => {
            if let Ok(keep) = items::keep(cx, module, item, keep) {
                library.add_keep(keep);
            }
        }
        ItemKind::Use(_) | ItemKind::Op(_) | ItemKind::Pipeline(_) | ItemKind::Test(_) => {}
    }
}
