//! "Did you mean": the nearest of some names.
//!
//! In: a word that is unknown and the words there are. Out: the one that was probably meant, if one is near enough.
//!
//! Invariant: the answer depends on the words alone; the first of equally near ones wins.

/// The candidate nearest to `word`, if at most a third of its letters differ. A swap of neighbours counts once, the case of letters
/// half.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters: Vec<char> = word.chars().collect();
    // In halves, as differences of case count half; short words may differ in one letter.
    let limit = 2 * (letters.len() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let other: Vec<char> = candidate.chars().collect();
        if letters.len().abs_diff(other.len()) * 2 > limit {
            continue;
        }
        let distance = distance(&letters, &other);
        if distance <= limit && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Restricted Damerau-Levenshtein distance in halves (Boytsov 2011), by rows.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = vec![];
    let mut last: Vec<usize> = (0..=b.len()).map(|j| 2 * j).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![2 * (i + 1)];
        for (j, y) in b.iter().enumerate() {
            let same = match x == y {
                true => 0,
                false if x.eq_ignore_ascii_case(y) => 1,
                false => 2,
            };
            let mut least = (last[j] + same).min(last[j + 1] + 2).min(row[j] + 2);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                least = least.min(before[j - 1] + 2);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found() {
        let words = ["match", "where", "rewrite", "Relu", "if"];
        for (word, meant) in [
            ("macth", "match"),
            ("wher", "where"),
            ("rewrit", "rewrite"),
            ("relu", "Relu"),
            ("fi", "if"),
        ] {
            assert_eq!(closest(word, words), Some(meant));
        }
        assert_eq!(closest("dequantize", words), None);
        assert_eq!(closest("", words), None);
    }
}
