//! The schemas that the binary carries, found by name.
//!
//! In: names. Out: schemas that live as long as the program, and nearest names.
//! Invariant: nothing is read at start-up; a lookup is a binary search over text, and what it finds is kept.
//! Invariant: the texts are sorted by bytes, so all overloads of a name are neighbours.

use std::sync::{LazyLock, RwLock};

use rustc_hash::FxHashMap;

use super::schema::Schema;

/// Every schema: PyTorch's own, the built-in ones that it has no schema for, those of builds with XNNPACK, and those that stand for what
/// is done when a model is written.
pub(super) const TEXTS: [&str; 4] = [
    include_str!("torch.txt"),
    include_str!("prim.txt"),
    include_str!("xnnpack.txt"),
    include_str!("own.txt"),
];

/// Names that PyTorch 1.13 lacks.
const NOT_IN_1_13: &str = include_str!("torch_1_13.txt");

type Cache<T> = LazyLock<RwLock<FxHashMap<String, T>>>;

static OVERLOADS: Cache<&'static [Schema]> = LazyLock::new(RwLock::default);
static SCHEMAS: Cache<Option<&'static Schema>> = LazyLock::new(RwLock::default);

/// All overloads of an operator (`aten::add`) in byte order of their names; empty if there is none.
pub fn schemas(base: &str) -> &'static [Schema] {
    cached(&OVERLOADS, base, || {
        let found: Vec<Schema> = TEXTS
            .iter()
            .flat_map(|text| block(text, base).lines())
            .map(|line| {
                Schema::parse(line)
                    .unwrap_or_else(|error| unreachable!("a test reads every schema: {error}"))
            })
            .collect();
        Box::leak(found.into_boxed_slice())
    })
}

/// The overload with this full name: `aten::add.Tensor`, or `aten::relu` for the one without a name.
pub fn schema(full: &str) -> Option<&'static Schema> {
    cached(&SCHEMAS, full, || {
        schemas(base_of(full)).iter().find(|s| s.full == full)
    })
}

/// Whether PyTorch 1.13 has this overload with the same parameters, so that it may be written to a file.
pub fn available_in_1_13(full: &str) -> bool {
    let start = lower_bound(NOT_IN_1_13, full, |line| line);
    NOT_IN_1_13[start..].lines().next() != Some(full) && schema(full).is_some()
}

/// The known name nearest to a misspelled one, with its overload if that was written; `None` if nothing is near.
pub fn did_you_mean(name: &str) -> Option<String> {
    let base = base_of(name);
    if !schemas(base).is_empty() {
        return nearest(name, schemas(base).iter().map(|s| s.full.as_str()))
            .map(|(found, _)| found.to_owned());
    }
    let bases = TEXTS
        .iter()
        .flat_map(|text| text.lines())
        .map(|line| base_of(&line[..line.find('(').unwrap_or(line.len())]));
    let (found, _) = nearest(base, bases)?;
    let overload = &name[base.len()..];
    let with_overload = format!("{found}{overload}");
    Some(if schema(&with_overload).is_some() {
        with_overload
    } else {
        found.to_owned()
    })
}

/// The name without overload.
pub(super) fn base_of(full: &str) -> &str {
    let start = full.find("::").map_or(0, |at| at + 2);
    match full[start..].find('.') {
        Some(dot) => &full[..start + dot],
        None => full,
    }
}

/// The candidate with the least distance, and that distance; of several one with the same letters, then the first.
pub(super) fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<(&'a str, usize)> {
    let letters = |text: &str| {
        let mut bytes = text.as_bytes().to_vec();
        bytes.sort_unstable();
        bytes
    };
    let limit = 1 + name.len() / 4;
    let mut best: Option<(&str, (usize, bool))> = None;
    for candidate in candidates {
        let limit = best.map_or(limit, |(_, (d, _))| d);
        let Some(d) = distance(name, candidate, limit) else {
            continue;
        };
        let rank = (d, letters(candidate) != letters(name));
        if best.is_none_or(|(_, least)| rank < least) {
            best = Some((candidate, rank));
        }
    }
    best.map(|(found, (d, _))| (found, d))
}

/// Edit distance with swaps of neighbours as one edit, if it is at most `limit`. A wrong namespace counts as two edits.
fn distance(a: &str, b: &str, limit: usize) -> Option<usize> {
    if let (Some((namespace_a, a)), Some((namespace_b, b))) =
        (a.split_once("::"), b.split_once("::"))
        && namespace_a != namespace_b
    {
        let namespace = bounded(namespace_a.as_bytes(), namespace_b.as_bytes(), 2).unwrap_or(2);
        return Some(
            namespace + bounded(a.as_bytes(), b.as_bytes(), limit.checked_sub(namespace)?)?,
        );
    }
    bounded(a.as_bytes(), b.as_bytes(), limit)
}

fn bounded(a: &[u8], b: &[u8], limit: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > limit {
        return None;
    }
    let far = limit + 1;
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).map(|j| j.min(far)).collect();
    for i in 1..=a.len() {
        let mut row = vec![far; b.len() + 1];
        if i <= limit {
            row[0] = i;
        }
        let (from, to) = (i.saturating_sub(limit).max(1), (i + limit).min(b.len()));
        let mut least = row[0];
        for j in from..=to {
            let change = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut d = change.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                d = d.min(before[j - 2] + 1);
            }
            row[j] = d.min(far);
            least = least.min(row[j]);
        }
        if least > limit {
            return None;
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().filter(|&d| d <= limit)
}

fn cached<T: Copy>(cache: &Cache<T>, key: &str, make: impl FnOnce() -> T) -> T {
    let known = cache
        .read()
        .unwrap_or_else(|e| e.into_inner())
        .get(key)
        .copied();
    if let Some(found) = known {
        return found;
    }
    let made = make();
    let mut table = cache.write().unwrap_or_else(|e| e.into_inner());
    *table.entry(key.to_owned()).or_insert(made)
}

/// The lines whose name without overload is `base`.
fn block<'a>(text: &'a str, base: &str) -> &'a str {
    let key = |line: &'a str| base_of(&line[..line.find('(').unwrap_or(line.len())]);
    let start = lower_bound(text, base, key);
    let length: usize = text[start..]
        .split_inclusive('\n')
        .take_while(|line| key(line) == base)
        .map(str::len)
        .sum();
    &text[start..start + length]
}

/// Offset of the first line whose key is not less than `wanted`.
fn lower_bound<'a>(text: &'a str, wanted: &str, key: impl Fn(&'a str) -> &'a str) -> usize {
    let (mut low, mut high) = (0, text.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let start = text[..middle].rfind('\n').map_or(0, |at| at + 1);
        let end = text[middle..]
            .find('\n')
            .map_or(text.len(), |at| middle + at);
        if key(&text[start..end]) < wanted {
            low = (end + 1).min(text.len());
        } else {
            high = start;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_line() {
        for text in TEXTS {
            let lines: Vec<&str> = text.lines().collect();
            assert!(lines.is_sorted());
            for line in lines {
                let full = &line[..line.find('(').unwrap()];
                assert_eq!(schema(full).unwrap().full, full);
            }
        }
        assert_eq!(schemas("aten::add").len(), 16);
        assert_eq!(schema("aten::relu").unwrap().overload, "");
        assert!(schema("prim::If").unwrap().varret);
        for unknown in [
            "",
            "aten::",
            "aten::ad",
            "zzz::zzz",
            "_a",
            "aten::add.Tensr",
        ] {
            assert!(schema(unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn built_in_names_stand_in_one_text() {
        for line in TEXTS[1].lines() {
            let base = base_of(&line[..line.find('(').unwrap()]);
            assert_eq!(block(TEXTS[0], base), "");
        }
    }

    #[test]
    fn knows_what_1_13_has() {
        for full in NOT_IN_1_13.lines() {
            assert!(schema(full).is_some() && !available_in_1_13(full), "{full}");
        }
        for full in [
            "quantized::conv2d.new",
            "aten::conv2d",
            "quantized::linear_relu",
            "aten::relu",
        ] {
            assert!(available_in_1_13(full), "{full}");
        }
        assert!(!available_in_1_13("aten::no_such"));
    }

    #[test]
    fn suggests_the_nearest_name() {
        for (written, meant) in [
            ("aten::reul", "aten::relu"),
            ("quantized::con2d", "quantized::conv2d"),
            ("aten::dequantise", "aten::dequantize"),
            ("quantised::linear", "quantized::linear"),
            ("aten::add.Tensr", "aten::add.Tensor"),
            ("prim::ListConstrct", "prim::ListConstruct"),
            (
                "aten::quantize_per_tensr.tensors",
                "aten::quantize_per_tensor.tensors",
            ),
        ] {
            assert_eq!(did_you_mean(written).as_deref(), Some(meant), "{written}");
        }
        assert_eq!(did_you_mean("custom::entirely_different_thing"), None);
    }
}
