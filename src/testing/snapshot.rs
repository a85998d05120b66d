//! Snapshots beside the rule file, in the format of insta.
//!
//! In: what came out of a test. Out: nothing if the file holds it, else what a decision is needed on.
//! Invariant: a run reads snapshots and never writes one; [`accept`] does, into a temporary file that takes the place of the old one.
//! Invariant: white space at the end does not count, as in insta.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::model::archive::Replacement;
use crate::source::Span;

use super::outcome::Snapshot;

/// What a snapshot is of.
pub(super) struct Of<'a> {
    /// The folder of the rule file.
    pub(super) folder: &'a Path,
    /// The rule file, as it was named.
    pub(super) source: &'a str,
    /// Full name of the module of the test.
    pub(super) module: &'a str,
    /// The rule with its instance, without its module if that is the test's.
    pub(super) target: &'a str,
    /// Name of the test.
    pub(super) test: &'a str,
}

impl Of<'_> {
    /// `snapshots/<module>__<rule>__<test>.snap`; a second one of a test has its number.
    fn path(&self, number: usize) -> PathBuf {
        let more = match number {
            0 => String::new(),
            number => format!("-{}", number + 1),
        };
        let parts = [self.module, self.target, self.test].map(plain);
        let name = format!("{}{more}.snap", parts.join("__"));
        self.folder.join("snapshots").join(name)
    }
}

/// A name as a part of a file's name: letters, digits, dots and single underscores.
fn plain(name: &str) -> String {
    let kept = name.chars().map(|c| match c {
        c if c.is_alphanumeric() || c == '.' => c,
        _ => ' ',
    });
    let kept: String = kept.collect();
    kept.split_whitespace().collect::<Vec<_>>().join("_")
}

/// Holds the texts of a test against its snapshots; those that are new or differ.
pub(super) fn compare(of: &Of<'_>, texts: Vec<(Span, String)>) -> io::Result<Vec<Snapshot>> {
    let mut pending = Vec::new();
    for (number, (span, text)) in texts.into_iter().enumerate() {
        let path = of.path(number);
        let before = match std::fs::read_to_string(&path) {
            Ok(file) => Some(content(&file).trim_end().to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let text = format!("{}: cannot be read: {error}", path.display());
                return Err(io::Error::new(error.kind(), text));
            }
        };
        if before.as_deref() == Some(text.trim_end()) {
            continue;
        }
        let expression = format!("{}: {}", of.target, of.test);
        pending.push(Snapshot {
            file: file(of.source, &expression, &text),
            path,
            text: text.trim_end().to_owned(),
            before,
            span,
        });
    }
    Ok(pending)
}

/// What stands below the head of a snapshot.
fn content(file: &str) -> &str {
    let Some(rest) = file.strip_prefix("---\n") else {
        return file;
    };
    match rest.split_once("\n---\n") {
        Some((_, content)) => content,
        None => file,
    }
}

fn file(source: &str, expression: &str, text: &str) -> String {
    // Quoted as YAML and JSON both read it.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let source = quoted(source);
    let expression = quoted(expression);
    format!(
        "---\nsource: {source}\nexpression: {expression}\n---\n{}\n",
        text.trim_end()
    )
}

/// Writes a snapshot as it would be.
pub fn accept(snapshot: &Snapshot) -> io::Result<()> {
    if let Some(folder) = snapshot.path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut replacement = Replacement::create(&snapshot.path)?;
    replacement.write_all(snapshot.file.as_bytes())?;
    replacement.commit()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceId;

    #[test]
    fn snapshots_are_compared_and_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let of = Of {
            folder: folder.path(),
            source: "rules/a.fold",
            module: "a",
            target: "r[op = \"x\"]",
            test: "two things: \"one\"",
        };
        let span = Span::at(SourceId::new(0), 0);
        let texts = |text: &str| vec![(span, text.to_owned()), (span, "b\n".to_owned())];
        let pending = compare(&of, texts("graph\n")).unwrap();
        let names: Vec<_> = pending
            .iter()
            .map(|p| p.path.file_name().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "a__r_op_x__two_things_one.snap",
                "a__r_op_x__two_things_one-2.snap"
            ]
        );
        assert_eq!(pending[0].before, None);
        pending.iter().for_each(|one| accept(one).unwrap());
        let written = std::fs::read_to_string(&pending[0].path).unwrap();
        assert_eq!(
            written,
            "---\nsource: \"rules/a.fold\"\nexpression: \"r[op = \\\"x\\\"]: two things: \\\"one\\\"\"\n---\ngraph\n"
        );
        assert!(compare(&of, texts("graph")).unwrap().is_empty());
        let changed = compare(&of, texts("other")).unwrap();
        assert_eq!(changed.len(), 1);
        assert_eq!(changed[0].before.as_deref(), Some("graph"));
    }
}
