//! Where lines begin.
//!
//! In: the words of an item and its tree. Out: for each word that begins a line how far in it stands, what is aligned with the lines
//! around it, and what is copied as written.
//! Invariant: a block is written on one line only if it holds one statement that fits there and no comment.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::ops::Range;

use pest::iterators::Pair;

use super::super::grammar::Rule;
use super::super::lexer::TokenKind;
use super::file::WIDTH;
use super::line::flat_width;
use super::words::{Word, Words};

/// Blanks that a block is further in than what holds it.
const STEP: usize = 2;

/// A sign that stands below the same sign of the line before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Column {
    /// `=` of a statement.
    Statement,
    /// `=` of a `let`.
    Let,
    /// `else` of a guard.
    Guard,
}

/// What is known of the lines of an item.
#[derive(Debug, Default)]
pub(super) struct Breaks {
    /// Words that begin a line, with the blanks before them.
    pub(super) starts: BTreeMap<usize, usize>,
    /// Words that are aligned with those of neighbouring lines.
    pub(super) columns: BTreeMap<usize, Column>,
    /// Words that are copied with the blanks between them: a pasted dump.
    pub(super) copied: Vec<Range<usize>>,
}

/// The breaks of an item.
pub(super) fn breaks(words: &Words<'_>, item: &Pair<'_, Rule>) -> Breaks {
    let mut cutter = Cutter {
        words,
        breaks: Breaks::default(),
    };
    cutter.item(item);
    cutter.comments();
    cutter.breaks
}

struct Cutter<'w, 'a> {
    words: &'w Words<'a>,
    breaks: Breaks,
}

impl Cutter<'_, '_> {
    fn start(&mut self, at: usize, indent: usize) {
        self.breaks.starts.insert(at, indent);
    }

    fn start_pair(&mut self, pair: &Pair<'_, Rule>, indent: usize) -> Range<usize> {
        let range = self.words.range(pair);
        self.start(range.start, indent);
        range
    }

    /// Whether words fit on one line that begins `indent` in.
    fn fits(&self, range: Range<usize>, indent: usize) -> bool {
        !self.words.has_comment(range.clone()) && indent + flat_width(self.words, range) <= WIDTH
    }

    fn item(&mut self, item: &Pair<'_, Rule>) {
        for part in item.clone().into_inner() {
            let range = self.start_pair(&part, 0);
            match part.as_rule() {
                Rule::rule_ => self.rule(&part, range),
                Rule::keep => self.keep(&part, range),
                Rule::pipeline => self.pipeline(&part),
                Rule::test => self.test(&part, 0),
                _ => {}
            }
        }
    }

    fn rule(&mut self, rule: &Pair<'_, Rule>, range: Range<usize>) {
        let parts: Vec<_> = rule.clone().into_inner().collect();
        let family = parts.iter().find(|part| part.as_rule() == Rule::family);
        let Some(body) = parts.last() else {
            return;
        };
        let body_range = self.words.range(body);
        if body.as_rule() == Rule::block {
            if let Some(family) = family
                && !self.fits(range.start..body_range.start + 1, 0)
            {
                self.start_pair(family, STEP);
            }
            self.block(body, body_range);
            return;
        }
        let clauses: Vec<_> = body
            .clone()
            .into_inner()
            .filter(|part| matches!(part.as_rule(), Rule::numerics | Rule::guard | Rule::let_))
            .collect();
        let plain = clauses.iter().all(|part| part.as_rule() == Rule::numerics);
        if plain && self.fits(range.clone(), 0) {
            return;
        }
        if let Some(family) = family
            && !self.fits(range.start..body_range.start, 0)
        {
            self.start_pair(family, STEP);
        }
        self.start(body_range.start, STEP);
        let equation_end = clauses
            .first()
            .map_or(body_range.end, |clause| self.words.range(clause).start);
        if !self.fits(body_range.start..equation_end, STEP) {
            let arrow = body
                .clone()
                .into_inner()
                .find(|part| part.as_rule() == Rule::arrow);
            if let Some(arrow) = arrow {
                self.start_pair(&arrow, 2 * STEP);
            }
        }
        for clause in &clauses {
            self.clause(clause, STEP);
        }
    }

    fn keep(&mut self, keep: &Pair<'_, Rule>, range: Range<usize>) {
        if self.fits(range.clone(), 0) {
            return;
        }
        let colon = self.own(range, Rule::keep, |word| word.kind == TokenKind::Colon);
        if let Some(colon) = colon {
            self.start(colon, STEP);
        }
        for part in keep.clone().into_inner() {
            if part.as_rule() == Rule::kw_because {
                self.start_pair(&part, STEP);
            }
        }
    }

    /// The first word of a range that belongs to `rule` itself and is what is looked for.
    fn own(
        &self,
        range: Range<usize>,
        rule: Rule,
        wanted: impl Fn(&Word<'_>) -> bool,
    ) -> Option<usize> {
        self.words
            .iter(range)
            .find(|(_, word)| word.rule == Some(rule) && wanted(word))
            .map(|(at, _)| at)
    }

    fn block(&mut self, block: &Pair<'_, Rule>, range: Range<usize>) {
        let clauses: Vec<_> = block.clone().into_inner().collect();
        if clauses.is_empty() && !self.words.has_comment(range.clone()) {
            return;
        }
        for clause in &clauses {
            self.clause(clause, STEP);
        }
        self.start(range.end - 1, 0);
    }

    fn clause(&mut self, clause: &Pair<'_, Rule>, indent: usize) {
        let range = self.start_pair(clause, indent);
        match clause.as_rule() {
            Rule::match_ | Rule::rewrite => self.statements_in_braces(clause, range, indent),
            Rule::guard => {
                let word = clause
                    .clone()
                    .into_inner()
                    .filter(|part| part.as_rule() == Rule::kw_else)
                    .last();
                if let Some(word) = word {
                    let at = self.words.range(&word).start;
                    self.breaks.columns.insert(at, Column::Guard);
                }
            }
            Rule::let_ => self.let_column(range),
            Rule::test => self.test(clause, indent),
            _ => {}
        }
    }

    fn let_column(&mut self, range: Range<usize>) {
        if let Some(at) = self.own(range, Rule::let_, |word| word.kind == TokenKind::Equals) {
            self.breaks.columns.insert(at, Column::Let);
        }
    }

    fn statements_in_braces(
        &mut self,
        holder: &Pair<'_, Rule>,
        range: Range<usize>,
        indent: usize,
    ) {
        let statements: Vec<_> = holder
            .clone()
            .into_inner()
            .filter(|part| part.as_rule() == Rule::statement)
            .collect();
        let nested = |statement: &Pair<'_, Rule>| {
            let mut inner = statement.clone().into_inner();
            inner.any(|part| part.as_rule() == Rule::nested)
        };
        let empty = statements.is_empty() && !self.words.has_comment(range.clone());
        if empty
            || matches!(statements.as_slice(), [one] if !nested(one))
                && self.fits(range.clone(), indent)
        {
            return;
        }
        for statement in &statements {
            self.statement(statement, indent + STEP);
        }
        self.start(range.end - 1, indent);
    }

    fn statement(&mut self, statement: &Pair<'_, Rule>, indent: usize) {
        let range = self.start_pair(statement, indent);
        let equals = self.own(range, Rule::statement, |word| {
            word.kind == TokenKind::Equals
        });
        if let Some(at) = equals {
            self.breaks.columns.insert(at, Column::Statement);
        }
        for part in statement.clone().into_inner() {
            if part.as_rule() == Rule::nested {
                self.nested(&part, indent + STEP);
            }
        }
    }

    fn nested(&mut self, block: &Pair<'_, Rule>, indent: usize) {
        let range = self.start_pair(block, indent);
        for part in block.clone().into_inner() {
            if part.as_rule() == Rule::statement {
                self.statement(&part, indent + STEP);
            }
        }
        let arrow = self.own(range, Rule::nested, |word| word.kind == TokenKind::Arrow);
        if let Some(arrow) = arrow {
            self.start(arrow, indent + STEP);
        }
    }

    fn test(&mut self, test: &Pair<'_, Rule>, indent: usize) {
        let range = self.words.range(test);
        for part in test.clone().into_inner() {
            if !matches!(part.as_rule(), Rule::given | Rule::expect) {
                continue;
            }
            self.start_pair(&part, indent + STEP);
            for graph in part.into_inner() {
                if graph.as_rule() == Rule::graph {
                    self.graph(&graph, indent + STEP);
                }
            }
        }
        self.start(range.end - 1, indent);
    }

    fn graph(&mut self, graph: &Pair<'_, Rule>, indent: usize) {
        let whole = self.words.range(graph);
        let Some(body) = graph.clone().into_inner().last() else {
            return;
        };
        if body.as_rule() == Rule::graph_colon {
            self.breaks.copied.push(whole);
            return;
        }
        for part in body.clone().into_inner() {
            match part.as_rule() {
                Rule::statement => self.statement(&part, indent + STEP),
                Rule::ret => {
                    self.start_pair(&part, indent + STEP);
                }
                _ => {}
            }
        }
        self.start(whole.end - 1, indent);
    }

    fn pipeline(&mut self, pipeline: &Pair<'_, Rule>) {
        for part in pipeline.clone().into_inner() {
            if part.as_rule() == Rule::steps {
                self.steps(&part, 0);
            }
        }
    }

    fn steps(&mut self, steps: &Pair<'_, Rule>, indent: usize) {
        let range = self.words.range(steps);
        if range.len() <= 2 {
            return;
        }
        for step in steps.clone().into_inner() {
            let step = match step.into_inner().next() {
                Some(step) => step,
                None => continue,
            };
            let at = self.start_pair(&step, indent + STEP);
            match step.as_rule() {
                Rule::let_ => self.let_column(at),
                Rule::step_if => self.step_if(&step, at, indent + STEP),
                _ => {}
            }
        }
        self.start(range.end - 1, indent);
    }

    fn step_if(&mut self, step: &Pair<'_, Rule>, range: Range<usize>, indent: usize) {
        let Some(inner) = step.clone().into_inner().last() else {
            return;
        };
        let several = inner.clone().into_inner().count() > 1;
        let nested = inner.clone().into_inner().any(|step| {
            let mut kinds = step.into_inner();
            kinds.any(|kind| kind.as_rule() == Rule::step_if)
        });
        if several || nested || !self.fits(range, indent) {
            self.steps(&inner, indent);
        }
    }

    /// Comments end their line. One that has a line of its own keeps it, as far in as what follows.
    fn comments(&mut self) {
        let count = self.words.list.len();
        let mut below = 0;
        for at in (0..count).rev() {
            let Some(word) = self.words.get(at) else {
                continue;
            };
            if let Some(&indent) = self.breaks.starts.get(&at) {
                let closes = word.kind == TokenKind::Close;
                below = if closes { indent + STEP } else { indent };
                continue;
            }
            if !word.is_comment() {
                continue;
            }
            let tail = at + 1 == count;
            if word.lines_before > 0 || at == 0 {
                self.start(at, if tail { 0 } else { below });
            }
            let next_is_comment = self.words.get(at + 1).is_some_and(Word::is_comment);
            if !tail && !next_is_comment && !self.breaks.starts.contains_key(&(at + 1)) {
                self.start(at + 1, below + 2 * STEP);
            }
        }
    }
}
