//! What the checker is given and what it gives: modules in, a library of checked items out.
//!
//! Invariant: items are in the order of their modules and, in a module, of the text; lookups never decide an order.

use rustc_hash::FxHashMap;

use super::graph::TextGraph;
use super::notes::lint;
use super::pipeline::Pipeline;
use super::rule::{Keep, Rule};
use crate::diagnostic::Code;
use crate::graph::Name;
use crate::source::{SourceId, Span};
use crate::syntax::ast;

/// A rule file with the name of its module.
#[derive(Clone, Copy, Debug)]
pub struct ModuleSource<'a> {
    /// The module's name, its path below the library: `torch.quantized`.
    pub name: &'a str,
    /// Its text.
    pub source: SourceId,
    /// What was parsed from it.
    pub file: &'a ast::File,
    /// Whether it takes the place of an earlier module of the same name; else two of one name are a mistake.
    pub replaces: bool,
}

/// A test, checked but not run: its target exists, its instance too, and what it quotes was written.
#[derive(Clone, Debug)]
pub struct Test {
    /// Full name of the rule or pipeline.
    pub target: Name,
    /// Full name of the module the test stands in.
    pub module: Name,
    /// Labels of the instances it is for; empty for a pipeline or keep.
    pub instances: Vec<std::sync::Arc<str>>,
    /// What is given and expected.
    pub test: ast::Test,
    /// The test as it is run: once for each instance, in their order; once for a pipeline.
    pub trials: Vec<Trial>,
}

/// A test with the graphs that it is for one instance.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Index of the instance among those of the rule; 0 for a pipeline.
    pub instance: usize,
    /// What goes in, unless it is a file.
    pub given: Option<TextGraph>,
    /// For each `expect`, the graph if it is one.
    pub expected: Vec<Option<TextGraph>>,
}

/// Where a module's items lie in the library.
#[derive(Clone, Debug)]
pub struct ModuleInfo {
    /// Full name.
    pub name: Name,
    /// Its text.
    pub source: SourceId,
    /// Lines of `//!`.
    pub doc: String,
    /// Indices of its rules in [`Library::rules`].
    pub rules: std::ops::Range<usize>,
    /// Indices of its keeps in [`Library::keeps`].
    pub keeps: std::ops::Range<usize>,
}

/// An item of the library.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// A rule.
    Rule(&'a Rule),
    /// A keep.
    Keep(&'a Keep),
    /// A pipeline.
    Pipeline(&'a Pipeline),
    /// A module: its equalities and keeps.
    Module(&'a ModuleInfo),
}

/// Everything that was checked and found right.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// Rules.
    pub rules: Vec<Rule>,
    /// Keeps.
    pub keeps: Vec<Keep>,
    /// Pipelines.
    pub pipelines: Vec<Pipeline>,
    /// Tests.
    pub tests: Vec<Test>,
    /// Modules.
    pub modules: Vec<ModuleInfo>,
    /// Items that allow warnings, with the names of those.
    pub(super) allowed: Vec<(Span, Vec<String>)>,
    names: FxHashMap<Name, Place>,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Rule(usize),
    Keep(usize),
    Pipeline(usize),
    Module(usize),
}

impl Library {
    /// Whether the item around a place allows a warning.
    pub fn is_allowed(&self, code: Code, place: Span) -> bool {
        let name = lint(code);
        let inside = |item: &&(Span, Vec<String>)| {
            item.0.source == place.source && item.0.contains(place.start as usize)
        };
        let around = self.allowed.iter().find(inside);
        around.is_some_and(|(_, names)| names.contains(&name))
    }

    /// The item or module with this full name.
    pub fn find(&self, name: &str) -> Option<Item<'_>> {
        Some(match *self.names.get(&Name::new(name))? {
            Place::Rule(index) => Item::Rule(self.rules.get(index)?),
            Place::Keep(index) => Item::Keep(self.keeps.get(index)?),
            Place::Pipeline(index) => Item::Pipeline(self.pipelines.get(index)?),
            Place::Module(index) => Item::Module(self.modules.get(index)?),
        })
    }

    /// The rule with this full name.
    pub fn rule(&self, name: &str) -> Option<&Rule> {
        match self.find(name) {
            Some(Item::Rule(rule)) => Some(rule),
            _ => None,
        }
    }

    /// The keep with this full name.
    pub fn keep(&self, name: &str) -> Option<&Keep> {
        match self.find(name) {
            Some(Item::Keep(keep)) => Some(keep),
            _ => None,
        }
    }

    /// The pipeline with this full name.
    pub fn pipeline(&self, name: &str) -> Option<&Pipeline> {
        match self.find(name) {
            Some(Item::Pipeline(pipeline)) => Some(pipeline),
            _ => None,
        }
    }

    /// What a module's name stands for in a step: the rules in it that are equalities, and its keeps.
    pub fn members(&self, module: &ModuleInfo) -> (Vec<Name>, Vec<Name>) {
        let rules = self.rules.get(module.rules.clone()).unwrap_or_default();
        let keeps = self.keeps.get(module.keeps.clone()).unwrap_or_default();
        (
            rules
                .iter()
                .filter(|rule| rule.is_equality())
                .map(|rule| rule.name)
                .collect(),
            keeps.iter().map(|keep| keep.name).collect(),
        )
    }

    pub(super) fn begin_module(&mut self, name: &str, file: &ast::File) {
        let name = Name::new(name);
        self.names.insert(name, Place::Module(self.modules.len()));
        self.modules.push(ModuleInfo {
            name,
            source: file.source,
            doc: docs(&file.docs),
            rules: self.rules.len()..self.rules.len(),
            keeps: self.keeps.len()..self.keeps.len(),
        });
    }

    pub(super) fn add_rule(&mut self, rule: Rule) {
        self.names.insert(rule.name, Place::Rule(self.rules.len()));
        self.rules.push(rule);
        if let Some(module) = self.modules.last_mut() {
            module.rules.end = self.rules.len();
        }
    }

    pub(super) fn add_keep(&mut self, keep: Keep) {
        self.names.insert(keep.name, Place::Keep(self.keeps.len()));
        self.keeps.push(keep);
        if let Some(module) = self.modules.last_mut() {
            module.keeps.end = self.keeps.len();
        }
    }

    pub(super) fn add_pipeline(&mut self, pipeline: Pipeline) {
        let place = Place::Pipeline(self.pipelines.len());
        self.names.insert(pipeline.name, place);
        self.pipelines.push(pipeline);
    }
}

/// Documentation lines as one text.
pub(super) fn docs(lines: &[ast::Doc]) -> String {
    let lines: Vec<&str> = lines.iter().map(|doc| doc.text.as_str()).collect();
    lines.join("\n")
}
