//! The rules of a run: the shipped library, with what the user adds or replaces.
//!
//! In: texts of rule files with the module each is. Out: checked rules, the catalogue with the operators they declare, and diagnostics.
//! Invariant: reads no file.

use crate::check::{self, Library, ModuleSource};
use crate::diagnostic::{Code, Diagnostic};
use crate::graph::Name;
use crate::ops::Catalogue;
use crate::rules::SHIPPED;
use crate::source::{SourceId, Sources};
use crate::syntax;

/// A rule file of the user.
#[derive(Clone, Debug)]
pub struct RuleText {
    /// The module it is.
    pub module: String,
    /// Its path, for messages.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Rules, ready to be compiled.
#[derive(Debug)]
pub struct Loaded {
    /// The checked rules, keeps and pipelines.
    pub library: Library,
    /// Operators, those that rule files declare included.
    pub catalogue: Catalogue,
    /// The texts, for rendering diagnostics.
    pub sources: Sources,
    /// What is wrong or doubtful.
    pub diagnostics: Vec<Diagnostic>,
    /// Modules that are not part of the shipped library.
    pub added: Vec<Name>,
}

/// Loads the shipped library with these files added; a file whose module is shipped takes its place.
pub fn load(added: Vec<RuleText>) -> Loaded {
    load_with(added, true)
}

/// The same without the tests of the shipped library, for who only uses its rules: reading tests takes longer than reading rules.
pub fn load_for_use(added: Vec<RuleText>) -> Loaded {
    load_with(added, false)
}

fn load_with(added: Vec<RuleText>, shipped_tests: bool) -> Loaded {
    let mut own: Vec<SourceId> = Vec::new();
    let mut sources = Sources::new();
    let mut diagnostics = Vec::new();
    let mut files = Vec::new();
    let mut new_modules = Vec::new();
    for shipped in SHIPPED {
        if !added.iter().any(|file| file.module == shipped.module) {
            let source = sources.add(shipped.path, shipped.text);
            files.push((shipped.module.to_owned(), source));
        }
    }
    for file in &added {
        match sources.add_bytes(&file.path, &file.bytes) {
            Ok(source) => {
                if !SHIPPED.iter().any(|shipped| shipped.module == file.module) {
                    new_modules.push(Name::new(&file.module));
                }
                own.push(source);
                files.push((file.module.clone(), source));
            }
            Err(not_text) => {
                let diagnostic = Diagnostic::error(Code::NOT_TEXT, not_text.to_string())
                    .primary(not_text.span, "the text ends here");
                diagnostics.push(diagnostic.help("save the file as UTF-8"));
            }
        }
    }
    let parsed: Vec<_> = files
        .iter()
        .map(|(module, source)| {
            let text = sources.file(*source).map_or("", |file| file.text());
            let (file, found) = match shipped_tests || own.contains(source) {
                true => syntax::parse(*source, text),
                false => syntax::parse(*source, &syntax::without_tests(text)),
            };
            diagnostics.extend(found);
            (module, *source, file)
        })
        .collect();
    let modules: Vec<ModuleSource> = parsed
        .iter()
        .map(|(module, source, file)| ModuleSource {
            name: module,
            source: *source,
            file,
            replaces: false,
        })
        .collect();
    let mut catalogue = Catalogue::new();
    let (library, found) = check::check(&modules, &mut catalogue);
    diagnostics.extend(found);
    Loaded {
        library,
        catalogue,
        sources,
        diagnostics,
        added: new_modules,
    }
}
