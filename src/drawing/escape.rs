//! Text of a model inside of a format that gives some characters a meaning.
//!
//! In: any text. Out: text that stands for it.
//! Invariant: characters that XML cannot hold at all are shown as U+FFFD, never written.

/// Text for XML and HTML, inside of elements and of attributes in either quotes.
pub fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if (c.is_control() && c != '\u{85}') || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                out.push('\u{fffd}');
            }
            c => out.push(c),
        }
    }
    out
}

/// A quoted string of DOT. Lines are aligned to the left.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\l"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// At most this many characters; what is longer ends in `…`.
pub(super) fn clipped(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_what_it_stands_in() {
        assert_eq!(
            xml("a<b>&\"c'\u{1b}]]>"),
            "a&lt;b&gt;&amp;&quot;c&#39;\u{fffd}]]&gt;"
        );
        assert_eq!(quoted("a\"\\\nb\u{0}"), "\"a\\\"\\\\\\lb\u{fffd}\"");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(clipped("äöüß", 4), "äöüß");
        assert_eq!(clipped("äöüßx", 4), "äöü…");
    }
}
