//! Notes before items: `@allow(lint)` and `@deprecated("...")`.
//!
//! In: items and warnings. Out: the warnings nobody allowed, and one where something deprecated is used.
//! Invariant: an `@allow` silences warnings about its own item alone, and never an error.

use super::codes::{
    DEPRECATED, MANY_VARIANTS, NEEDLESS_GUARD, NEVER_MATCHES, OVERLAP, SELF_GROWING, SHADOWED,
    UNKNOWN_NAME, UNTESTED, UNUSED_USE,
};
use super::modules::{Found, Modules, with_meant};
use super::sink::Sink;
use crate::diagnostic::{Code, Diagnostic, closest};
use crate::source::Span;
use crate::syntax::ast::{self, NoteKind};

/// The warnings there are.
const LINTS: [Code; 9] = [
    MANY_VARIANTS,
    UNUSED_USE,
    DEPRECATED,
    UNTESTED,
    NEEDLESS_GUARD,
    SHADOWED,
    SELF_GROWING,
    OVERLAP,
    NEVER_MATCHES,
];

/// A warning's name as `@allow` takes it.
pub(super) fn lint(code: Code) -> String {
    code.name.replace('-', "_")
}

/// Refuses `@allow` of what is no warning.
pub(super) fn check(modules: &Modules<'_>, sink: &Sink) {
    let lints = LINTS.map(lint);
    for name in modules.list.iter().flat_map(|module| {
        let items = module.file.items.iter();
        items.flat_map(allowed_by)
    }) {
        if !lints.contains(&name.text) {
            let names = lints.iter().map(String::as_str);
            sink.tell(with_meant(
                Diagnostic::error(UNKNOWN_NAME, format!("no warning is named `{name}`"))
                    .primary(name.span, "not found")
                    .note(format!("warnings: {}", lints.join(", "))),
                closest(&name.text, names),
            ));
        }
    }
}

/// The items that allow warnings, with the names of those.
pub(super) fn allowed(modules: &Modules<'_>) -> Vec<(Span, Vec<String>)> {
    let items = modules.list.iter().flat_map(|module| &module.file.items);
    let allowing = items.filter(|item| allowed_by(item).next().is_some());
    allowing
        .map(|item| {
            (
                item.span,
                allowed_by(item).map(|name| name.text.clone()).collect(),
            )
        })
        .collect()
}

/// Leaves out the warnings that the items they are about allow.
pub(super) fn without_allowed(
    modules: &Modules<'_>,
    diagnostics: Vec<Diagnostic>,
) -> Vec<Diagnostic> {
    let items: Vec<&ast::Item> = modules
        .list
        .iter()
        .flat_map(|module| &module.file.items)
        .filter(|item| allowed_by(item).next().is_some())
        .collect();
    let is_allowed = |diagnostic: &Diagnostic| {
        let Some(place) = diagnostic.span().filter(|_| !diagnostic.is_error()) else {
            return false;
        };
        let inside = |item: &&&ast::Item| {
            item.span.source == place.source && item.span.contains(place.start as usize)
        };
        let name = lint(diagnostic.code);
        let around = items.iter().find(inside);
        around.is_some_and(|item| allowed_by(item).any(|allowed| allowed.text == name))
    };
    let mut left = diagnostics;
    left.retain(|diagnostic| !is_allowed(diagnostic));
    left
}

/// Warns where something deprecated is used.
pub(super) fn warn_of_deprecated(modules: &Modules<'_>, sink: &Sink, found: Found<'_>, used: Span) {
    let items = &modules.list[found.module].file.items;
    let item = items
        .iter()
        .find(|item| item.name().is_some_and(|name| name.span == found.span));
    let notes = item.iter().flat_map(|item| &item.notes);
    for note in notes {
        if let NoteKind::Deprecated(why) = &note.kind {
            sink.tell(
                Diagnostic::warning(DEPRECATED, format!("this is deprecated: {}", why.value))
                    .primary(used, "used here")
                    .secondary(note.span, "says so"),
            );
        }
    }
}

fn allowed_by(item: &ast::Item) -> impl Iterator<Item = &ast::Name> {
    item.notes.iter().flat_map(|note| match &note.kind {
        NoteKind::Allow(names) => names.as_slice(),
        NoteKind::Deprecated(_) => &[],
    })
}
