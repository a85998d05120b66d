//! The checker: all modules to one library.
//!
//! In: parsed modules and the catalogue, which gets the ops they declare. Out: a [`Library`] of what is right, and diagnostics.
//! Invariant: a mistake costs its own item and those that need it; the others are in the library.

use super::expression::Context;
use super::items;
use super::library::{Library, ModuleSource};
use super::modules::{Entry, Modules};
use super::sink::Sink;
use crate::diagnostic::Diagnostic;
use crate::ops::Catalogue;
use crate::syntax::ast::ItemKind;

/// Checks modules. Names are resolved among them alone.
pub fn check(modules: &[ModuleSource], catalogue: &mut Catalogue) -> (Library, Vec<Diagnostic>) {
    let sink = Sink::default();
    let tree = Modules::new(modules, &sink);
    let cx = Context::new(tree, catalogue, sink);
    let mut library = Library::default();
    for (index, module) in cx.modules.list.iter().enumerate() {
        library.begin_module(module.name, module.file);
        for item in &module.file.items {
            if item.name().is_some_and(|name| !module.owns(name)) {
                continue;
            }
            match &item.kind {
                ItemKind::Const(constant) => {
                    if let Some(found) = cx.modules.find(index, &constant.name.text)
                        && let Entry::Const(constant) = found.entry
                    {
                        let _ = cx.constant(found, constant);
                    }
                }
                ItemKind::Rule(rule) => {
                    if let Ok(rule) = items::rule(&cx, index, item, rule) {
                        library.add_rule(rule);
                    }
                }
                ItemKind::Keep(keep) => {
                    if let Ok(keep) = items::keep(&cx, index, item, keep) {
                        library.add_keep(keep);
                    }
                }
                ItemKind::Use(_)
                | ItemKind::Fn(_)
                | ItemKind::Op(_)
                | ItemKind::Pipeline(_)
                | ItemKind::Test(_) => {}
            }
        }
    }
    (library, cx.sink.finish())
}
