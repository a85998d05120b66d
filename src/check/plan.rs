//! What can be said of a rule before its family is written out: its clauses are in their places, its names bound and used.
//!
//! In: the tree of a rule. Out: a [`Plan`] for each direction it may be read in.
//! Invariant: where a plan is made, every name on the written side, in guards and in lets has a meaning; it may be absent in a variant.

use rustc_hash::{FxHashMap, FxHashSet};

use super::codes::{
    DUPLICATE_NAME, EFFECT, INCOMPLETE, LABEL_MISPLACED, NUMERICS, SIDES_DIFFER, UNKNOWN_NAME,
    UNUSED_NAME, WRONG_KIND,
};
use super::expression::{Context, Key};
use super::mentions::{Mention, Mentions};
use super::modules::with_meant;
use super::rule::Numerics;
use super::sink::{Checked, Stop};
use super::written;
use crate::diagnostic::{Diagnostic, closest};
use crate::source::Span;
use crate::syntax::ast;

/// A side of a rule.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side<'a> {
    /// `P` of `P => Q`.
    Term(&'a ast::Term),
    /// What stands between the braces.
    Statements(&'a ast::Statements),
    /// Nothing is written: a rule that only erases, and where it says so.
    Nothing(Span),
}

/// A rule read in one direction.
#[derive(Clone, Debug)]
pub(super) struct Plan<'a> {
    pub(super) pattern: Side<'a>,
    pub(super) replacement: Side<'a>,
    pub(super) guards: Vec<&'a ast::Guard>,
    pub(super) lets: Vec<&'a ast::Let>,
    pub(super) numerics: Numerics,
    /// Names of the effects that go away.
    pub(super) erased: Vec<&'a ast::Name>,
    /// Whether the left and right of the text have changed places.
    pub(super) reversed: bool,
}

impl<'a> Side<'a> {
    pub(super) fn span(self) -> Span {
        match self {
            Side::Term(term) => term.span,
            Side::Statements(statements) => statements.span,
            Side::Nothing(span) => span,
        }
    }

    fn mentions(self) -> Vec<Mention<'a>> {
        let mut mentions = Mentions::default();
        match self {
            Side::Term(term) => mentions.term(term),
            Side::Statements(block) => {
                for statement in &block.statements {
                    mentions.statement(statement);
                }
            }
            Side::Nothing(_) => {}
        }
        mentions.list
    }

    /// The statements, where there are some.
    pub(super) fn statements(self) -> &'a [ast::Statement] {
        match self {
            Side::Statements(block) => &block.statements,
            Side::Term(_) | Side::Nothing(_) => &[],
        }
    }

    /// The values that statements of this side bind, with their places.
    fn defined(self) -> Vec<(&'a str, Span)> {
        let binds = self.statements().iter().flat_map(|s| &s.binds);
        binds
            .filter_map(|bind| bind.target.value())
            .map(|value| (value.name.as_str(), value.span))
            .collect()
    }
}

/// The plans of a rule: one, or two for `<=>`.
pub(super) fn plans<'a>(
    cx: &Context<'a>,
    module: usize,
    rule: &'a ast::Rule,
) -> Checked<Vec<Plan<'a>>> {
    let numerics = numerics(cx, rule);
    let sides = sides(cx, rule);
    let (numerics, (left, right, both)) = (numerics?, sides?);
    let plan = Plan {
        pattern: left,
        replacement: right,
        guards: rule.guards().collect(),
        lets: rule.lets().collect(),
        numerics,
        erased: rule.erases().flat_map(|erase| &erase.tags).collect(),
        reversed: false,
    };
    if !both {
        written::check(cx, right)?;
        check_names(cx, module, rule, &plan)?;
        return Ok(vec![plan]);
    }
    if let Numerics::Changes(_) = plan.numerics {
        return cx.sink.stop(
            Diagnostic::error(
                LABEL_MISPLACED,
                "`changes` cannot stand on a rule for both directions",
            )
            .primary(
                label_span(rule),
                "each direction would change what the other made",
            )
            .help("write `=>`"),
        );
    }
    for side in [left, right] {
        written::check(cx, side)?;
    }
    check_sides(cx, module, rule, left, right)?;
    check_names(cx, module, rule, &plan)?;
    let reversed = Plan {
        pattern: right,
        replacement: left,
        reversed: true,
        ..plan.clone()
    };
    Ok(vec![plan, reversed])
}

fn label_span(rule: &ast::Rule) -> Span {
    rule.numerics().next().map_or(rule.name.span, |n| n.span)
}

fn numerics(cx: &Context<'_>, rule: &ast::Rule) -> Checked<Numerics> {
    let labels: Vec<&ast::Numerics> = rule.numerics().collect();
    match labels.as_slice() {
        [one] => match &one.kind {
            ast::NumericsKind::Exact => Ok(Numerics::Exact),
            ast::NumericsKind::Real => Ok(Numerics::Real),
            ast::NumericsKind::Changes(why) => Ok(Numerics::Changes(why.value.as_str().into())),
            ast::NumericsKind::Within(n) => match u32::try_from(*n) {
                Ok(n) if n > 0 => Ok(Numerics::Within(n)),
                _ => cx.sink.stop(
                    Diagnostic::error(LABEL_MISPLACED, "`within` counts steps from 1 on")
                        .primary(one.span, "here")
                        .help("write `numerics exact` if nothing differs"),
                ),
            },
        },
        [] => cx.sink.stop(
            Diagnostic::error(
                NUMERICS,
                format!(
                    "rule `{}` does not say what it does to the numbers",
                    rule.name
                ),
            )
            .primary(rule.name.span, "has no numerics label")
            .help("add `numerics exact`, `real`, `within N lsb` or `changes \"why\"`"),
        ),
        [first, second, ..] => cx.sink.stop(
            Diagnostic::error(NUMERICS, "a rule has one numerics label")
                .primary(second.span, "the second")
                .secondary(first.span, "the first")
                .help("keep the weaker one"),
        ),
    }
}

type Sides<'a> = (Side<'a>, Side<'a>, bool);

fn sides<'a>(cx: &Context<'a>, rule: &'a ast::Rule) -> Checked<Sides<'a>> {
    let matches: Vec<_> = rule.matches().collect();
    let rewrites: Vec<_> = rule.rewrites().collect();
    if let Some(equation) = &rule.equation {
        if let Some(block) = matches.first().or(rewrites.first()) {
            return cx.sink.stop(
                Diagnostic::error(INCOMPLETE, "a one-line rule has no blocks")
                    .primary(block.span, "here")
                    .secondary(equation.span, "the rule is complete with this")
                    .help("write a block rule: `rule name { match { ... } rewrite { ... } }`"),
            );
        }
        let both = equation.direction == ast::Direction::Both;
        return Ok((
            Side::Term(&equation.left),
            Side::Term(&equation.right),
            both,
        ));
    }
    let one = |blocks: &[&'a ast::Statements], word: &str, help: &str| match blocks {
        [one] => Ok(Side::Statements(one)),
        [] => cx.sink.stop(
            Diagnostic::error(INCOMPLETE, format!("rule `{}` has no `{word}`", rule.name))
                .primary(rule.name.span, format!("needs `{word} {{ ... }}`"))
                .help(help),
        ),
        [first, second, ..] => cx.sink.stop(
            Diagnostic::error(INCOMPLETE, format!("a rule has one `{word}`"))
                .primary(second.span, "the second")
                .secondary(first.span, "the first")
                .help("put all statements into one block"),
        ),
    };
    let pattern = one(&matches, "match", "say what to look for");
    if let (true, Some(erase)) = (rewrites.is_empty(), rule.erases().next()) {
        return Ok((pattern?, Side::Nothing(erase.span), false));
    }
    let replacement = one(&rewrites, "rewrite", "say what takes its place");
    Ok((pattern?, replacement?, false))
}

/// Both sides of `<=>` bind the same names, else one direction could not be written.
fn check_sides<'a>(
    cx: &Context<'a>,
    module: usize,
    rule: &'a ast::Rule,
    left: Side<'a>,
    right: Side<'a>,
) -> Checked<()> {
    let bound = |side: Side<'a>| -> FxHashMap<Key<'a>, Span> {
        let mentions = side.mentions();
        let free = mentions
            .iter()
            .filter(|m| m.binds && !is_known(cx, module, rule, m.key));
        free.map(|m| (m.key, m.span)).collect()
    };
    let (in_left, in_right) = (bound(left), bound(right));
    let mut missing: Vec<(Key<'a>, Span, Span)> = Vec::new();
    let lone = |one: &FxHashMap<Key<'a>, Span>, other: &FxHashMap<Key<'a>, Span>, side: Span| {
        let keys = one.iter().filter(|(key, _)| !other.contains_key(key));
        keys.map(|(key, span)| (*key, *span, side))
            .collect::<Vec<_>>()
    };
    missing.extend(lone(&in_left, &in_right, right.span()));
    missing.extend(lone(&in_right, &in_left, left.span()));
    missing.sort_by_key(|(_, span, _)| *span);
    for (key, span, other) in &missing {
        cx.sink.tell(
            Diagnostic::error(
                SIDES_DIFFER,
                format!("`{key}` is on one side of `<=>` only"),
            )
            .primary(*span, "bound here")
            .secondary(*other, "this side does not say what it is")
            .help("write `=>`, or name it on both sides"),
        );
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Stop)
    }
}

/// Whether a name has a meaning outside of the match: template parameters, constants, element types.
fn is_known(cx: &Context<'_>, module: usize, rule: &ast::Rule, key: Key<'_>) -> bool {
    let is_parameter = |family: &ast::Family| family.names.iter().any(|n| n.text == key.name);
    !key.is_value
        && (rule.family.as_ref().is_some_and(is_parameter)
            || cx.outside(module, key.name).is_some())
}

struct Names<'p, 'a> {
    cx: &'p Context<'a>,
    module: usize,
    rule: &'a ast::Rule,
    bound: FxHashSet<Key<'a>>,
    /// Names that `as` gives to nodes; only `erase` may say them.
    nodes: Vec<&'a str>,
    /// How often each name is mentioned, bindings included.
    count: FxHashMap<Key<'a>, usize>,
    failed: bool,
}

fn check_names<'a>(
    cx: &Context<'a>,
    module: usize,
    rule: &'a ast::Rule,
    plan: &Plan<'a>,
) -> Checked<()> {
    let mut names = Names {
        cx,
        module,
        rule,
        bound: FxHashSet::default(),
        nodes: node_tags(plan.pattern),
        count: FxHashMap::default(),
        failed: false,
    };
    let pattern = plan.pattern.mentions();
    let binders: Vec<Mention<'a>> = pattern
        .iter()
        .copied()
        .filter(|m| m.binds && !m.key.name.contains('.') && !names.is_known(m.key))
        .collect();
    // Names in a `match` that bind nothing: holes of op names, sizes, values of attributes.
    names.bound.extend(binders.iter().map(|m| m.key));
    names
        .bound
        .extend(plan.lets.iter().map(|l| Key::bare(&l.name.text)));
    names.check(&pattern);
    names.bound = binders.iter().map(|m| m.key).collect();
    let roots = names.roots(plan);
    let written: Vec<(&str, Span)> = plan.replacement.defined();
    names.guards_and_lets(plan);
    let written_only = names.written(plan, &roots);
    names.erased(plan);
    if !names.failed {
        names.unused(&binders, plan, &written_only, &written);
    }
    if names.failed { Err(Stop) } else { Ok(()) }
}

/// What `as` names on a statement that is an op, not a choice: the node.
fn node_tags(side: Side<'_>) -> Vec<&str> {
    let statements = side.statements().iter();
    statements
        .filter_map(|statement| statement.node_tag())
        .map(|tag| tag.text.as_str())
        .collect()
}

impl<'a> Names<'_, 'a> {
    fn is_known(&self, key: Key<'_>) -> bool {
        is_known(self.cx, self.module, self.rule, key)
    }

    fn tell(&mut self, diagnostic: Diagnostic) {
        self.cx.sink.tell(diagnostic);
        self.failed = true;
    }

    /// Counts mentions, and complains of those that nothing binds.
    fn check(&mut self, mentions: &[Mention<'a>]) {
        for mention in mentions {
            *self.count.entry(mention.key).or_default() += 1;
            if !mention.binds && !mention.key.is_value && self.nodes.contains(&mention.key.name) {
                self.tell(
                    Diagnostic::error(
                        WRONG_KIND,
                        format!("`{}` is a node, not a value", mention.key),
                    )
                    .primary(mention.span, "a value is needed here")
                    .help("only `erase` takes the name of a node"),
                );
                continue;
            }
            if mention.is_dtype || self.bound.contains(&mention.key) || self.is_known(mention.key) {
                continue;
            }
            let key = mention.key;
            if let Some(found) = self.cx.modules.find(self.module, key.name)
                && !key.is_value
            {
                let kind = found.entry.kind();
                self.tell(
                    Diagnostic::error(WRONG_KIND, format!("`{key}` is {kind}, not a value"))
                        .primary(mention.span, "a value is needed here")
                        .secondary(found.span, "defined here"),
                );
                continue;
            }
            let of_kind = self.bound.iter().filter(|k| k.is_value == key.is_value);
            let mut near: Vec<&str> = of_kind.map(|k| k.name).collect();
            near.sort_unstable();
            let meant = closest(key.name, near).map(|name| Key { name, ..key }.to_string());
            let meant = meant.or_else(|| {
                let elsewhere = || self.cx.modules.meant(self.module, key.name);
                (!key.is_value).then(elsewhere).flatten()
            });
            self.tell(with_meant(
                Diagnostic::error(UNKNOWN_NAME, format!("nothing binds `{key}`"))
                    .primary(mention.span, "not bound by the match"),
                meant.as_deref(),
            ));
        }
    }

    /// The names that the rewrite assigns again.
    fn roots(&mut self, plan: &Plan<'a>) -> Vec<&'a str> {
        let made: FxHashMap<&str, Span> = plan.pattern.defined().into_iter().collect();
        let mut roots = Vec::new();
        let defined = plan.replacement.defined();
        for (position, (name, span)) in defined.iter().enumerate() {
            if let Some((_, first)) = defined[..position].iter().find(|(n, _)| n == name) {
                self.tell(
                    Diagnostic::error(DUPLICATE_NAME, format!("`%{name}` is assigned twice"))
                        .primary(*span, "the second time")
                        .secondary(*first, "the first time")
                        .help("give the new value a name of its own"),
                );
            } else if made.contains_key(name) {
                roots.push(*name);
            } else if self.bound.contains(&Key::value(name)) {
                self.tell(
                    Diagnostic::error(
                        INCOMPLETE,
                        format!("`%{name}` is not made by the match, so it cannot be replaced"),
                    )
                    .primary(*span, "assigned here")
                    .help("assign to the result of a statement of `match`"),
                );
            }
        }
        let effects = || plan.replacement.statements().iter().any(|s| s.is_effect());
        if let (Side::Statements(block), true) = (plan.replacement, roots.is_empty())
            && !self.failed
            && plan.erased.is_empty()
            && !effects()
        {
            let names: Vec<&str> = made.keys().copied().collect();
            let meant = defined
                .iter()
                .find_map(|(name, _)| closest(name, names.iter().copied()));
            let diagnostic = Diagnostic::error(INCOMPLETE, "the rewrite replaces nothing")
                .primary(block.span, "assigns no name that the match made")
                .secondary(plan.pattern.span(), "the match");
            let help = match meant {
                Some(meant) => format!("did you mean `%{meant} = ...`?"),
                None => "assign to the value that shall be replaced".to_owned(),
            };
            self.tell(diagnostic.help(help));
        }
        roots
    }

    fn guards_and_lets(&mut self, plan: &Plan<'a>) {
        for named in &plan.lets {
            let key = Key::bare(&named.name.text);
            let mut mentions = Mentions::default();
            mentions.expr(&named.value);
            self.check(&mentions.list);
            if self.bound.contains(&key) || self.is_known(key) {
                self.tell(
                    Diagnostic::error(DUPLICATE_NAME, format!("`{key}` has a meaning already"))
                        .primary(named.name.span, "named again")
                        .help("choose another name"),
                );
            }
            self.bound.insert(key);
        }
        for guard in &plan.guards {
            let mut mentions = Mentions::default();
            mentions.expr(&guard.condition);
            self.check(&mentions.list);
        }
    }

    /// Checks the written side; gives the names that only it has.
    fn written(&mut self, plan: &Plan<'a>, roots: &[&'a str]) -> Vec<(&'a str, Span)> {
        let mut own = plan.replacement.defined();
        own.retain(|(name, _)| !roots.contains(name));
        let bound = self.bound.clone();
        self.bound
            .extend(own.iter().map(|(name, _)| Key::value(name)));
        self.check(&plan.replacement.mentions());
        self.bound = bound;
        own
    }

    /// What `erase` names must be nodes of the match.
    fn erased(&mut self, plan: &Plan<'a>) {
        for name in &plan.erased {
            *self.count.entry(Key::bare(&name.text)).or_default() += 1;
            if self.nodes.contains(&name.text.as_str()) {
                continue;
            }
            let meant = closest(&name.text, self.nodes.iter().copied());
            let meant = meant.map(|name| format!("did you mean `{name}`?"));
            self.tell(
                Diagnostic::error(EFFECT, format!("`erase {name}` erases nothing"))
                    .primary(name.span, "no statement of the match is named so")
                    .help(meant.unwrap_or_else(|| {
                        format!(
                            "name an effect of the match: `prim::SetAttr[name](%m, %v) as {name}`"
                        )
                    })),
            );
        }
    }

    fn unused(
        &mut self,
        binders: &[Mention<'a>],
        plan: &Plan<'a>,
        own: &[(&'a str, Span)],
        written: &[(&'a str, Span)],
    ) {
        let once = |key: Key<'_>, count: &FxHashMap<Key<'a>, usize>| {
            count.iter().any(|(k, n)| *k == key && *n == 1)
        };
        let mut found: Vec<(Key<'a>, Span, &str)> = binders
            .iter()
            .filter(|m| once(m.key, &self.count))
            .map(|m| {
                (
                    m.key,
                    m.span,
                    "write `_` for what does not matter, `..` for several",
                )
            })
            .collect();
        for (name, span) in own {
            if once(Key::value(name), &self.count) {
                found.push((Key::value(name), *span, "remove the statement"));
            }
        }
        for named in &plan.lets {
            let key = Key::bare(&named.name.text);
            if !self.count.contains_key(&key) {
                found.push((key, named.name.span, "remove the `let`"));
            }
        }
        for name in self.rule.family.iter().flat_map(|family| &family.names) {
            let key = Key::bare(&name.text);
            if !self.count.contains_key(&key) {
                found.push((
                    key,
                    name.span,
                    "all instances of the rule would be the same",
                ));
            }
        }
        debug_assert!(own.iter().all(|name| written.contains(name)));
        for (key, span, help) in found {
            self.tell(
                Diagnostic::error(UNUSED_NAME, format!("`{key}` is never used"))
                    .primary(span, "bound here and nowhere mentioned")
                    .help(help),
            );
        }
    }
}
