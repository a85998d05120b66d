//! What names mean between modules: items, `use`, full names.
//!
//! In: the trees of all files. Out: for a path written in a module, the item it means.
//! Invariant: an item that did not parse exists and is broken; who needs it stops without a word.

use std::cell::Cell;

use rustc_hash::FxHashMap;

use super::codes::{DUPLICATE_NAME, MODULE_AND_ITEM, UNKNOWN_MODULE, UNKNOWN_NAME, UNUSED_USE};
use super::library::ModuleSource;
use super::sink::Sink;
use crate::diagnostic::{Diagnostic, closest};
use crate::source::Span;
use crate::syntax::ast;

/// An item that has a name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entry<'a> {
    Const(&'a ast::Const),
    Function(&'a ast::Function),
    Rule,
    Keep,
    Pipeline(&'a ast::Pipeline),
    Broken,
}

/// An item with the module it stands in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    pub(super) module: usize,
    pub(super) entry: Entry<'a>,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) struct Module<'a> {
    pub(super) name: &'a str,
    pub(super) file: &'a ast::File,
    items: FxHashMap<&'a str, (Entry<'a>, Span)>,
    /// Own names in the order of the text, for "did you mean".
    order: Vec<&'a str>,
    uses: FxHashMap<&'a str, Used<'a>>,
}

#[derive(Clone, Debug)]
struct Used<'a> {
    /// Nothing, if the module or the name does not exist, which was told.
    found: Option<Found<'a>>,
    /// Whether somebody asked for it.
    asked: Cell<bool>,
}

/// All modules.
#[derive(Debug, Default)]
pub(super) struct Modules<'a> {
    pub(super) list: Vec<Module<'a>>,
    by_name: FxHashMap<&'a str, usize>,
}

impl Entry<'_> {
    /// What it is, in words.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Entry::Const(_) => "a constant",
            Entry::Function(_) => "a function",
            Entry::Rule => "a rule",
            Entry::Keep => "a keep",
            Entry::Pipeline(_) => "a pipeline",
            Entry::Broken => "broken",
        }
    }
}

impl<'a> Modules<'a> {
    pub(super) fn new(sources: &[ModuleSource<'a>], sink: &Sink) -> Modules<'a> {
        let mut modules = Modules::default();
        for source in sources {
            let module = Module::new(source, sink);
            match modules.by_name.get(source.name) {
                None => {
                    modules.by_name.insert(source.name, modules.list.len());
                    modules.list.push(module);
                }
                Some(&index) if source.replaces => modules.list[index] = module,
                Some(_) => sink.tell(
                    Diagnostic::error(
                        DUPLICATE_NAME,
                        format!("there are two modules named `{}`", source.name),
                    )
                    .primary(Span::at(source.source, 0), "this is the second")
                    .help("a module is named after its file; rename one of the files"),
                ),
            }
        }
        modules.refuse_items_named_like_modules(sink);
        for index in 0..modules.list.len() {
            let uses = modules.uses(index, sink);
            modules.list[index].uses = uses;
        }
        modules
    }

    pub(super) fn module(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// What a path means in a module: an own item, one that `use` took, or a full name.
    pub(super) fn find(&self, module: usize, path: &str) -> Option<Found<'a>> {
        let own = &self.list[module];
        if let Some((entry, span)) = own.items.get(path) {
            return Some(Found {
                module,
                entry: *entry,
                span: *span,
            });
        }
        if let Some(used) = own.uses.get(path) {
            used.asked.set(true);
            return used.found.or(Some(Found {
                module,
                entry: Entry::Broken,
                span: Span::at(own.file.source, 0),
            }));
        }
        let (prefix, name) = path.rsplit_once('.')?;
        let module = self.module(prefix)?;
        let (entry, span) = self.list[module].items.get(name)?;
        Some(Found {
            module,
            entry: *entry,
            span: *span,
        })
    }

    /// A name that may have been meant by `path`, as it must be written in the module.
    pub(super) fn meant(&self, module: usize, path: &str) -> Option<String> {
        let own = &self.list[module];
        let near = own.order.iter().copied().chain(own.file_uses());
        if let Some(found) = closest(path, near) {
            return Some(found.to_owned());
        }
        let all = self.list.iter().flat_map(|module| {
            let names = module.order.iter();
            names.map(move |name| format!("{}.{name}", module.name))
        });
        let all: Vec<String> = all.collect();
        let modules = self.list.iter().map(|module| module.name);
        let whole = closest(path, all.iter().map(String::as_str).chain(modules));
        let tail = || {
            let last = path.rsplit_once('.').map_or(path, |(_, last)| last);
            let by_last = |name: &&String| name.rsplit_once('.').is_some_and(|(_, n)| n == last);
            all.iter().find(by_last).map(String::as_str)
        };
        whole.or_else(tail).map(str::to_owned)
    }

    /// An item and a module of one full name cannot be told apart in a step.
    fn refuse_items_named_like_modules(&self, sink: &Sink) {
        for module in &self.list {
            for name in &module.order {
                let full = format!("{}.{name}", module.name);
                if let Some(other) = self.module(&full) {
                    let span = module.items[name].1;
                    let place = Span::at(self.list[other].file.source, 0);
                    sink.tell(
                        Diagnostic::error(
                            MODULE_AND_ITEM,
                            format!("`{full}` is a module and an item"),
                        )
                        .primary(span, "the item")
                        .secondary(place, "the module")
                        .help("rename one of them; a step could mean either"),
                    );
                }
            }
        }
    }

    fn uses(&self, module: usize, sink: &Sink) -> FxHashMap<&'a str, Used<'a>> {
        let own = &self.list[module];
        let mut uses: FxHashMap<&'a str, Used<'a>> = FxHashMap::default();
        for item in &own.file.items {
            let ast::ItemKind::Use(item) = &item.kind else {
                continue;
            };
            let other = self.module(&item.module.text);
            if other.is_none() {
                let names = self.list.iter().map(|module| module.name);
                sink.tell(with_meant(
                    Diagnostic::error(
                        UNKNOWN_MODULE,
                        format!("no module is named `{}`", item.module),
                    )
                    .primary(item.module.span, "not found"),
                    closest(&item.module.text, names),
                ));
            }
            for name in &item.names {
                let text = name.text.as_str();
                let found = other.and_then(|other| {
                    let module = &self.list[other];
                    let Some((entry, span)) = module.items.get(text) else {
                        sink.tell(with_meant(
                            Diagnostic::error(
                                UNKNOWN_NAME,
                                format!("module `{}` has no `{text}`", module.name),
                            )
                            .primary(name.span, "not found"),
                            closest(text, module.order.iter().copied()),
                        ));
                        return None;
                    };
                    Some(Found {
                        module: other,
                        entry: *entry,
                        span: *span,
                    })
                });
                if own.items.contains_key(text) || uses.contains_key(text) {
                    sink.tell(
                        Diagnostic::error(
                            DUPLICATE_NAME,
                            format!("`{text}` is in this module already"),
                        )
                        .primary(name.span, "the second of that name")
                        .help(format!(
                            "leave it out, and write `{}.{text}` where it is meant",
                            item.module
                        )),
                    );
                    continue;
                }
                let asked = Cell::new(false);
                uses.insert(text, Used { found, asked });
            }
        }
        uses
    }

    /// Warns of names that were taken and that nothing asked for. To be called when all of the module is checked.
    pub(super) fn warn_of_unused(&self, module: usize, sink: &Sink) {
        let module = &self.list[module];
        for item in &module.file.items {
            let ast::ItemKind::Use(item) = &item.kind else {
                continue;
            };
            for name in &item.names {
                let used = module.uses.get(name.text.as_str());
                if used.is_some_and(|used| used.found.is_some() && !used.asked.get()) {
                    sink.tell(
                        Diagnostic::warning(
                            UNUSED_USE,
                            format!("`{name}` is taken from `{}` and not used", item.module),
                        )
                        .primary(name.span, "not used in this file")
                        .help("remove it"),
                    );
                }
            }
        }
    }
}

impl<'a> Module<'a> {
    fn new(source: &ModuleSource<'a>, sink: &Sink) -> Module<'a> {
        let mut module = Module {
            name: source.name,
            file: source.file,
            items: FxHashMap::default(),
            order: Vec::new(),
            uses: FxHashMap::default(),
        };
        for item in &source.file.items {
            let entry = match &item.kind {
                ast::ItemKind::Const(item) => Entry::Const(item),
                ast::ItemKind::Fn(item) => Entry::Function(item),
                ast::ItemKind::Rule(_) => Entry::Rule,
                ast::ItemKind::Keep(_) => Entry::Keep,
                ast::ItemKind::Pipeline(item) => Entry::Pipeline(item),
                ast::ItemKind::Use(_) | ast::ItemKind::Op(_) | ast::ItemKind::Test(_) => continue,
            };
            if let Some(name) = item.name() {
                module.add(name, entry, sink);
            }
        }
        for broken in &source.file.broken {
            if let Some(name) = &broken.name
                && !module.items.contains_key(name.text.as_str())
            {
                module.add(name, Entry::Broken, sink);
            }
        }
        module
    }

    fn add(&mut self, name: &'a ast::Name, entry: Entry<'a>, sink: &Sink) {
        let text = name.text.as_str();
        if let Some((_, first)) = self.items.get(text) {
            sink.tell(
                Diagnostic::error(DUPLICATE_NAME, format!("two items are named `{text}`"))
                    .primary(name.span, "the second")
                    .secondary(*first, "the first")
                    .help("give one of them another name"),
            );
            return;
        }
        self.items.insert(text, (entry, name.span));
        self.order.push(text);
    }

    /// Whether this very item is the one its name means; of two with one name, the second is not.
    pub(super) fn owns(&self, name: &ast::Name) -> bool {
        let known = self.items.get(name.text.as_str());
        known.is_some_and(|(_, span)| *span == name.span)
    }

    fn file_uses(&self) -> impl Iterator<Item = &'a str> {
        self.file.items.iter().flat_map(|item| match &item.kind {
            ast::ItemKind::Use(item) => item.names.iter().map(|name| name.text.as_str()).collect(),
            _ => Vec::new(),
        })
    }
}

/// A diagnostic about an unknown name, with the name that was probably meant.
pub(super) fn with_meant(diagnostic: Diagnostic, meant: Option<&str>) -> Diagnostic {
    match meant {
        Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
        None => diagnostic,
    }
}
