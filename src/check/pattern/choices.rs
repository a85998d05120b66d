//! All ways to choose, one after the other.
//!
//! In: a walk that asks at each choice how many ways there are. Out: the walk is repeated until every combination was taken once.
//! Invariant: the first way of every choice comes first, and the last choice changes fastest.

/// The choices of one walk.
#[derive(Debug, Default)]
pub(in crate::check) struct Choices {
    /// The way taken and the number of ways, for each choice in the order it was met.
    taken: Vec<(usize, usize)>,
    met: usize,
}

impl Choices {
    /// The way to take at a choice among `ways`.
    pub(super) fn choose(&mut self, ways: usize) -> usize {
        if self.met == self.taken.len() {
            self.taken.push((0, ways));
        }
        let (way, _) = self.taken[self.met];
        self.met += 1;
        way
    }

    /// Whether there is another combination; the next walk takes it.
    pub(in crate::check) fn advance(&mut self) -> bool {
        self.taken.truncate(self.met);
        self.met = 0;
        while let Some((way, ways)) = self.taken.pop() {
            if way + 1 < ways {
                self.taken.push((way + 1, ways));
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_is_taken_once() {
        let mut choices = Choices::default();
        let mut seen = Vec::new();
        loop {
            let first = choices.choose(2);
            // The second choice is only met behind the first way.
            let second = if first == 0 { choices.choose(3) } else { 9 };
            seen.push((first, second));
            if !choices.advance() {
                break;
            }
        }
        assert_eq!(seen, [(0, 0), (0, 1), (0, 2), (1, 9)]);
    }
}
