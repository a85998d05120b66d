//! PyTorch's pattern strings as they stand in other people's files: Python, C++ or plain text.
//!
//! In: a file's text. Out: the graphs written in it, each with the name of the variable that holds it, and which belong together.
//! Invariant: nothing is run; a text that is put together at run time is told of, not guessed.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use std::ops::Range;

/// A graph in a foreign file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ForeignGraph {
    /// The variable it is assigned to.
    pub(super) name: Option<String>,
    /// From `graph` to the bracket behind `return`.
    pub(super) text: String,
    /// Its line in the file, from 1.
    pub(super) line: usize,
    /// Its bytes in the file.
    pub(super) range: Range<usize>,
}

/// A pattern with what takes its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pair {
    /// Index of the pattern.
    pub(super) pattern: usize,
    /// Index of the replacement.
    pub(super) replacement: usize,
    /// Names that stand behind both, such as filters.
    pub(super) filters: Vec<String>,
}

/// How the text of a graph is quoted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quotes {
    /// As it stands: a file of graphs, or a raw or triple-quoted string.
    Raw,
    /// Neighbouring string literals with `\n` in them.
    Literals,
}

/// The graphs of a file, and the lines of those that are put together at run time.
pub(super) fn graphs(text: &str) -> (Vec<ForeignGraph>, Vec<usize>) {
    let mut found = Vec::new();
    let mut assembled = Vec::new();
    let mut at = 0;
    while let Some(start) = next_graph(text, at) {
        at = start + "graph".len();
        let line = text.get(..start).unwrap_or("").matches('\n').count() + 1;
        let (quotes, name) = before(text.get(..start).unwrap_or(""));
        let rest = text.get(start..).unwrap_or("");
        let own = match quotes {
            Quotes::Raw => rest.to_owned(),
            Quotes::Literals => joined(rest),
        };
        match whole(&own) {
            Some(end) => {
                let body = own.get(..end).unwrap_or("").to_owned();
                let end = match quotes {
                    Quotes::Raw => start + end,
                    Quotes::Literals => end_of(rest, start),
                };
                at = end;
                found.push(ForeignGraph {
                    name,
                    text: body,
                    line,
                    range: start..end,
                });
            }
            None => assembled.push(line),
        }
    }
    (found, assembled)
}

/// The next word `graph` with an opening bracket behind it.
fn next_graph(text: &str, from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    rest.match_indices("graph")
        .map(|(at, _)| from + at)
        .find(|&at| {
            let before = text.get(..at).and_then(|t| t.chars().next_back());
            let after = text.get(at + "graph".len()..).unwrap_or("");
            !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.')
                && after.trim_start_matches(' ').starts_with('(')
        })
}

/// How the text that follows is quoted, and what it is assigned to.
fn before(text: &str) -> (Quotes, Option<String>) {
    let head = text.trim_end();
    let strip = |head: &str, end: &str| head.strip_suffix(end).map(str::to_owned);
    let (quotes, head) = if let Some(head) = strip(head, "R\"(")
        .or_else(|| strip(head, "\"\"\""))
        .or_else(|| strip(head, "'''"))
        .or_else(|| strip(head, "R\"IR("))
    {
        (Quotes::Raw, head)
    } else if let Some(head) = strip(head, "\"").or_else(|| strip(head, "\"\\n")) {
        (Quotes::Literals, head)
    } else {
        return (Quotes::Raw, None);
    };
    let head = head.trim_end().trim_end_matches(['r', 'f', '(']).trim_end();
    let Some(head) = head.strip_suffix('=') else {
        return (quotes, None);
    };
    let head = head.trim_end().trim_end_matches("[]");
    let start = head
        .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
        .map_or(0, |at| {
            at + head
                .get(at..)
                .and_then(|t| t.chars().next())
                .map_or(1, char::len_utf8)
        });
    let name = head.get(start..).unwrap_or("");
    (quotes, (!name.is_empty()).then(|| name.to_owned()))
}

/// Neighbouring string literals as one text.
fn joined(text: &str) -> String {
    let mut out = String::new();
    let mut inside = true;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (inside, c) {
            (true, '\\') => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some(other) => out.push(other),
                None => break,
            },
            (_, '"') => inside = !inside,
            (true, c) => out.push(c),
            (false, c) if c.is_whitespace() => {}
            // Something other than a literal ends the text.
            (false, _) => break,
        }
    }
    out
}

/// The byte behind the string literals that begin inside of one.
fn end_of(text: &str, start: usize) -> usize {
    let end = text.find("return").and_then(|at| {
        let rest = text.get(at..)?;
        Some(at + rest.find('"')? + 1)
    });
    start + end.unwrap_or(text.len())
}

/// The byte behind `return (...)`, if the text up to there is one graph.
fn whole(text: &str) -> Option<usize> {
    let open = text.find('(')?;
    let close = open + closing(text.get(open..)?)?;
    let body = text.get(close..)?;
    if !body.trim_start().starts_with(':') {
        return None;
    }
    let returned = body.match_indices("return").find(|(at, _)| {
        let before = body.get(..*at).and_then(|t| t.chars().next_back());
        before.is_some_and(char::is_whitespace)
    })?;
    let at = close + returned.0;
    // The end of the string before its `return`: the rest is added at run time.
    let between = text.get(close..at)?;
    if between.contains(")\"") || between.contains("\"\"\"") || next_graph(between, 0).is_some() {
        return None;
    }
    let open = at + text.get(at..)?.find('(')?;
    Some(open + closing(text.get(open..)?)?)
}

/// The byte behind the bracket that closes the first character.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// Which graphs belong together: two that are named one after the other in a call or a list, else each with the next.
pub(super) fn pairs(text: &str, graphs: &[ForeignGraph]) -> Vec<Pair> {
    let named = mentioned(text, graphs);
    if !named.is_empty() {
        return named;
    }
    (0..graphs.len() / 2)
        .map(|at| Pair {
            pattern: 2 * at,
            replacement: 2 * at + 1,
            filters: Vec::new(),
        })
        .collect()
}

fn mentioned(text: &str, graphs: &[ForeignGraph]) -> Vec<Pair> {
    let words = words(text, graphs);
    let graph = |at: usize| {
        let (word, range) = words.get(at)?;
        // The last definition before the mention: names are used again in other functions.
        let known = graphs.iter().enumerate().rev();
        known
            .filter(|(_, graph)| graph.range.end <= range.start)
            .find(|(_, graph)| graph.name.as_deref() == Some(word))
            .map(|(at, _)| at)
    };
    let mut found = Vec::new();
    for (at, (_, range)) in words.iter().enumerate() {
        let Some(pattern) = graph(at) else {
            continue;
        };
        let Some((_, next)) = words.get(at + 1) else {
            continue;
        };
        let Some(replacement) = graph(at + 1).filter(|replacement| *replacement != pattern) else {
            continue;
        };
        let between = text.get(range.end..next.start).unwrap_or(";");
        if between.contains([';', '{', '}', '=']) || !between.contains(',') {
            continue;
        }
        let end = next.end + filter_list(text.get(next.end..).unwrap_or(""));
        let filters = words
            .iter()
            .skip(at + 2)
            .take_while(|(_, word)| word.start < end)
            .map(|(word, _)| word.clone());
        found.push(Pair {
            pattern,
            replacement,
            filters: filters.collect(),
        });
    }
    found
}

/// The byte behind the list in braces that stands behind a pair; 0 if there is none.
fn filter_list(rest: &str) -> usize {
    let list = rest.trim_start_matches([')', ' ', '\n', '\t', ',']);
    match list.find('}') {
        Some(end) if list.starts_with('{') => rest.len() - list.len() + end,
        _ => 0,
    }
}

/// Identifiers outside of graphs and strings, without `std::move`.
fn words(text: &str, graphs: &[ForeignGraph]) -> Vec<(String, Range<usize>)> {
    let mut found: Vec<(String, Range<usize>)> = Vec::new();
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let inside = graphs.iter().find(|graph| graph.range.contains(&at));
        if let Some(graph) = inside {
            at = graph.range.end.max(at + 1);
            continue;
        }
        if c == '"' {
            let string = text.get(at + 1..).and_then(|rest| rest.find(['"', '\n']));
            at += string.map_or(1, |end| end + 2);
            continue;
        }
        if !(c.is_alphabetic() || c == '_') {
            at += c.len_utf8();
            continue;
        }
        let rest = text.get(at..).unwrap_or("");
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or("");
        if word != "std" && word != "move" {
            found.push((word.to_owned(), at..at + end));
        }
        at += end.max(1);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_three_languages() {
        let cpp = "std::string a = R\"(\ngraph(%x):\n  %y = aten::relu(%x)\n  return (%y) )\";\n\
                   std::string b = R\"(graph(%x):\n  return (%x))\";\n\
                   r.RegisterRewritePattern(a, b);\n";
        let (found, assembled) = graphs(cpp);
        assert_eq!((found.len(), assembled.len()), (2, 0));
        assert_eq!(
            found.first().and_then(|g| g.name.clone()).as_deref(),
            Some("a")
        );
        let paired = pairs(cpp, &found);
        assert_eq!(
            paired,
            [Pair {
                pattern: 0,
                replacement: 1,
                filters: vec![]
            }]
        );
        let literals = "p = \"graph(%x):\\n\"\n    \"  %y = a::b[n=\\\"f\\\"](%x)\\n\"\n    \"  return (%y)\"\n";
        let (found, _) = graphs(literals);
        assert_eq!(
            found.first().map(|g| g.text.as_str()),
            Some("graph(%x):\n  %y = a::b[n=\"f\"](%x)\n  return (%y)")
        );
    }

    #[test]
    fn what_is_put_together_at_run_time_is_told_of() {
        let cpp = "p = R\"(graph(%x):\n  %y = )\";\np += op + R\"(\n  return (%y) )\";";
        assert_eq!(graphs(cpp), (vec![], vec![1]));
    }

    #[test]
    fn filters_stand_behind_the_pair() {
        let cpp = "std::string a = R\"(graph(%x):\n return (%x))\"; std::string b = R\"(graph(%x):\n return (%x))\";\n\
                   return { {\"q::add\", std::move(a), std::move(b), {alpha_is_one}}, {\"r\", a, b} };";
        let (found, _) = graphs(cpp);
        let paired = pairs(cpp, &found);
        assert_eq!(paired.len(), 2);
        assert_eq!(
            paired.first().map(|p| p.filters.clone()),
            Some(vec!["alpha_is_one".to_owned()])
        );
    }
}
