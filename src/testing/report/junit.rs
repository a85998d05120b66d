//! Outcomes for build servers: JUnit's XML.
//!
//! In: all outcomes. Out: a document with a suite for each module.
//! Invariant: whatever stands in a message, the document is well formed.

use std::fmt::Write;

use crate::diagnostic;
use crate::pipeline::library::Loaded;
use crate::testing::Outcome;

/// The document.
pub fn junit(loaded: &Loaded, outcomes: &[Outcome]) -> String {
    let mut modules: Vec<&str> = Vec::new();
    for outcome in outcomes {
        if !modules.contains(&outcome.module.as_str()) {
            modules.push(&outcome.module);
        }
    }
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for module in modules {
        let of: Vec<&Outcome> = outcomes.iter().filter(|o| o.module == module).collect();
        let failures = of.iter().filter(|o| !o.passed()).count();
        let seconds: f64 = of.iter().map(|o| o.seconds).sum();
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" time=\"{seconds:.3}\">",
            escaped(module),
            of.len()
        );
        of.iter()
            .for_each(|outcome| case(loaded, outcome, &mut out));
        out += "  </testsuite>\n";
    }
    out + "</testsuites>\n"
}

fn case(loaded: &Loaded, outcome: &Outcome, out: &mut String) {
    let file = loaded.sources.file(outcome.span.source);
    let line = file.map_or(0, |file| file.place(outcome.span.range().start).line + 1);
    let _ = write!(
        out,
        "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{line}\" time=\"{:.3}\"",
        escaped(&outcome.target),
        escaped(&outcome.test),
        escaped(file.map_or("", |file| file.name())),
        outcome.seconds
    );
    let found = outcome.diagnostics();
    if found.is_empty() {
        *out += "/>\n";
        return;
    }
    *out += ">\n";
    for diagnostic in &found {
        let label = diagnostic.labels.first().map_or("", |label| &label.text);
        let text = diagnostic::plain(&loaded.sources, std::slice::from_ref(diagnostic));
        let _ = writeln!(
            out,
            "      <failure type=\"{}\" message=\"{}\">{}</failure>",
            diagnostic.code.name,
            escaped(label),
            escaped(&text)
        );
    }
    *out += "    </testcase>\n";
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            '"' => out += "&quot;",
            // Control characters have no place in XML.
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn nothing_of_a_message_is_markup() {
        assert_eq!(
            escaped("a<b> & \"c\"\u{1b}"),
            "a&lt;b&gt; &amp; &quot;c&quot;\u{fffd}"
        );
    }
}
