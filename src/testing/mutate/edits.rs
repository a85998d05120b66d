//! Changes of a text, and where they lie.
//!
//! In: spans with what takes their places. Out: the text changed, the lines that differ, and whether the text explains them.
//! Invariant: everything outside of the spans stays byte for byte.

use crate::source::Span;

/// The word that begins an explanation.
const EXPLAINS: &str = "// mutate: survives because ";

/// Something to change in a rule file.
#[derive(Clone, Debug)]
pub(super) struct Edit {
    /// What it does, in a few words.
    pub(super) what: String,
    /// What is replaced, with what; in any order, none inside another.
    pub(super) parts: Vec<(Span, String)>,
}

impl Edit {
    pub(super) fn one(what: impl Into<String>, span: Span, text: impl Into<String>) -> Edit {
        Edit {
            what: what.into(),
            parts: vec![(span, text.into())],
        }
    }

    /// The text with the change.
    pub(super) fn apply(&self, text: &str) -> String {
        let mut parts: Vec<&(Span, String)> = self.parts.iter().collect();
        parts.sort_by_key(|(span, _)| span.start);
        let mut out = String::with_capacity(text.len() + 32);
        let mut at = 0;
        for (span, new) in parts {
            let range = span.range();
            out += text.get(at..range.start).unwrap_or_default();
            out += new;
            at = range.end;
        }
        out + text.get(at..).unwrap_or_default()
    }

    /// Where the change begins.
    pub(super) fn start(&self) -> usize {
        let starts = self.parts.iter().map(|(span, _)| span.range().start);
        starts.min().unwrap_or(0)
    }

    /// Why the text says that no test can notice the change: a comment behind the line, or on lines of its own directly above it.
    pub(super) fn explanation(&self, text: &str) -> Option<String> {
        let start = self.start();
        let before = text.get(..start)?;
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = text.get(line_start..)?.lines().next()?;
        let above = text.get(..line_start)?.lines().rev();
        let above = above.take_while(|line| line.trim_start().starts_with("//"));
        let found = std::iter::once(line).chain(above);
        let mut reasons = found.filter_map(|line| line.split_once(EXPLAINS).map(|(_, why)| why));
        reasons.next().map(|why| why.trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceId;

    #[test]
    fn texts_are_changed_and_explained() {
        let text = "a b\n// mutate: survives because it does\nc d // mutate: survives because d\ne";
        let span = |start, end| Span::new(SourceId::new(0), start, end);
        let at = |needle: &str| text.find(needle).unwrap();
        let edit = Edit {
            what: String::new(),
            parts: vec![(span(2, 3), "x".into()), (span(0, 1), "y".into())],
        };
        assert!(edit.apply(text).starts_with("y x\n//"));
        assert_eq!(edit.explanation(text), None);
        let c = at("\nc") + 1;
        let both = Edit::one("", span(c, c + 1), "");
        assert_eq!(both.explanation(text).as_deref(), Some("d"));
        let without = text.replace(" // mutate: survives because d", "");
        assert_eq!(both.explanation(&without).as_deref(), Some("it does"));
        let e = text.len() - 1;
        assert_eq!(Edit::one("", span(e, e + 1), "").explanation(text), None);
    }
}
