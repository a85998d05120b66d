//! The difference of two texts, line by line.
//!
//! In: lines expected and found. Out: the lines of both in order, each kept, missing or new.
//! Invariant: the longest common subsequence is kept; where there are several, missing lines come before new ones.

/// A line of a difference.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// In both.
    Same,
    /// Expected and not found.
    Missing,
    /// Found and not expected.
    New,
}

impl Change {
    /// The mark before the line.
    pub fn mark(self) -> char {
        match self {
            Change::Same => ' ',
            Change::Missing => '-',
            Change::New => '+',
        }
    }
}

/// A line with what became of it.
pub type Line = (Change, String);

/// Texts longer than this (both together, without what begins and ends alike) are shown one after the other.
const MOST: usize = 4000;

/// The difference.
pub fn difference(expected: &[String], found: &[String]) -> Vec<Line> {
    let start = expected
        .iter()
        .zip(found)
        .take_while(|(a, b)| a == b)
        .count();
    let (a, b) = (&expected[start..], &found[start..]);
    let end = a
        .iter()
        .rev()
        .zip(b.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (a, b) = (&a[..a.len() - end], &b[..b.len() - end]);
    let line = |change: Change| move |text: &String| (change, text.clone());
    let mut lines: Vec<Line> = expected[..start].iter().map(line(Change::Same)).collect();
    if a.len() + b.len() > MOST {
        lines.extend(a.iter().map(line(Change::Missing)));
        lines.extend(b.iter().map(line(Change::New)));
    } else {
        middle(a, b, &mut lines);
    }
    let rest = &expected[expected.len() - end..];
    lines.extend(rest.iter().map(line(Change::Same)));
    lines
}

fn middle(a: &[String], b: &[String], lines: &mut Vec<Line>) {
    // Length of the longest common subsequence of what begins at each pair of lines.
    let width = b.len() + 1;
    let mut longest = vec![0u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            longest[i * width + j] = if a[i] == b[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            lines.push((Change::Same, a[i].clone()));
            i += 1;
            j += 1;
        } else if j == b.len()
            || (i < a.len() && longest[(i + 1) * width + j] >= longest[i * width + j + 1])
        {
            lines.push((Change::Missing, a[i].clone()));
            i += 1;
        } else {
            lines.push((Change::New, b[j].clone()));
            j += 1;
        }
    }
}

/// The difference as text, a mark before each line; lines far from any change are left out.
pub fn text(lines: &[Line]) -> Vec<String> {
    const AROUND: usize = 3;
    let changed: Vec<usize> = (0..lines.len())
        .filter(|&at| lines[at].0 != Change::Same)
        .collect();
    let mut out = Vec::new();
    let mut last = None;
    for (at, (change, line)) in lines.iter().enumerate() {
        let next = changed.partition_point(|&c| c < at);
        let near = |c: Option<&usize>| c.is_some_and(|&c| c.abs_diff(at) <= AROUND);
        if !near(changed.get(next)) && !near(next.checked_sub(1).and_then(|p| changed.get(p))) {
            continue;
        }
        if last.is_some_and(|last: usize| last + 1 < at) {
            out.push("  ...".to_owned());
        }
        last = Some(at);
        out.push(format!("{} {line}", change.mark()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(a: &str, b: &str) -> String {
        let lines = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        let lines = difference(&lines(a), &lines(b));
        let parts = lines
            .iter()
            .map(|(change, line)| format!("{}{line}", change.mark()));
        parts.collect()
    }

    #[test]
    fn lines_are_kept_missing_or_new() {
        assert_eq!(marks("abc", "abc"), " a b c");
        assert_eq!(marks("abc", "axc"), " a-b+x c");
        assert_eq!(marks("", "ab"), "+a+b");
        assert_eq!(marks("xabcy", "xcbay"), " x-a-b c+b+a y");
    }

    #[test]
    fn lines_far_from_changes_are_left_out() {
        let lines = |changed: &str| -> Vec<String> {
            let mut all: Vec<String> = (0..20).map(|n| n.to_string()).collect();
            all[10] = changed.to_owned();
            all
        };
        let shown = text(&difference(&lines("a"), &lines("b")));
        assert_eq!(shown.first().map(String::as_str), Some("  7"));
        assert_eq!(shown.last().map(String::as_str), Some("  13"));
        assert_eq!(shown.len(), 8);
    }
}
