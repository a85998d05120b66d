//! Random rules on random graphs: the trie with its change tracking finds what plain search finds.

use rustc_hash::FxHashMap;

use super::naive;
use super::text::{graph, quint8_guard, rule, rule_of, variant};
use crate::check::rule::Rule;
use crate::egraph::{
    AttributesId, Class, EGraph, LeafId, NodeKind, SaturationLimits, Stop, saturate,
};
use crate::graph::{DType, Facts, Literal, Name};
use crate::rules::RuleSet;

/// A small generator, so that a failing case is named by its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len() as u64) as usize]
    }
}

fn random_graph(random: &mut Random) -> EGraph {
    let mut g = graph();
    let mut classes: Vec<Class> = (0..3)
        .map(|n| {
            let quint8 = (n == 0).then_some(DType::QU8);
            g.add_leaf(LeafId(n), Facts::tensor(quint8, None))
        })
        .collect();
    classes.push(g.add_literal(&Literal::Int(1)));
    classes.push(g.add_literal(&Literal::Int(2)));
    for _ in 0..5 + random.below(30) {
        let any = |random: &mut Random| {
            let recent = classes.len().min(8) as u64;
            classes[classes.len() - 1 - random.below(recent) as usize]
        };
        let (a, b) = (any(random), any(random));
        let (op, operands, results): (&str, Vec<Class>, u32) = match random.below(7) {
            0 => ("f", vec![a], 1),
            1 => ("g", vec![a], 1),
            2 | 3 => ("h", vec![a, b], 1),
            4 => ("k", vec![a, b], 1),
            5 => ("l", (0..random.below(4)).map(|_| any(random)).collect(), 1),
            _ => ("u", vec![a], 2),
        };
        let class = g.add_op(Name::new(op), &operands, AttributesId::default(), results);
        classes.push(match results {
            2 => g.add_projection(class, random.below(2) as u32),
            _ => class,
        });
    }
    g
}

/// A pattern, and whether it is an operator.
fn random_pattern(random: &mut Random, depth: usize, root: bool) -> String {
    let kind = if root {
        random.below(7)
    } else {
        random.below(13)
    };
    if kind >= 7 || depth == 0 {
        return random.pick(&["?x", "?x", "?y", "?z", "_", "1"]).to_owned();
    }
    let below = |random: &mut Random| random_pattern(random, depth - 1, false);
    match kind {
        0 => format!("(f {})", below(random)),
        1 => format!("(g {})", below(random)),
        2 => format!("(h {} {})", below(random), below(random)),
        3 => format!("(k {} {})", below(random), below(random)),
        4 => {
            if random.below(4) == 0 {
                return "(l ?x (h ?e ?x)...)".to_owned();
            }
            let each = random.pick(&["?e...", "(f ?e)...", "(h ?e ?e)...", ".."]);
            format!("(l {} {each})", below(random))
        }
        5 => format!("(#{} (u:2 {}))", random.below(2), below(random)),
        _ => format!("(f+ {})", below(random)),
    }
}

/// Replacements only shrink, so that every set of rules saturates.
fn random_rule(random: &mut Random) -> String {
    let pattern = random_pattern(random, 3, true);
    let name = ["?x", "?y", "?z"]
        .into_iter()
        .find(|name| pattern.contains(name));
    let small = match (name, random.below(3)) {
        (Some(name), 0) => name.to_owned(),
        (Some(name), 1) => format!("(f {name})"),
        (Some(name), _) => format!("(h {name} {name})"),
        (None, _) => "(g 1)".to_owned(),
    };
    if random.below(4) == 0
        && let Some(name) = name
    {
        let other = random.pick(&["f", "g"]);
        return format!("{pattern} ; ({other} {name}) => {small}");
    }
    format!("{pattern} => {small}")
}

/// Whether two e-graphs that began alike are the same up to numbering.
fn same(a: &EGraph, b: &EGraph, begun: usize) -> bool {
    if (a.class_count(), a.node_count()) != (b.class_count(), b.node_count()) {
        return false;
    }
    let mut map: FxHashMap<Class, Class> = FxHashMap::default();
    let mut back: FxHashMap<Class, Class> = FxHashMap::default();
    let mut agree = |map: &mut FxHashMap<Class, Class>, x: Class, y: Class| {
        *map.entry(x).or_insert(y) == y && *back.entry(y).or_insert(x) == x
    };
    for number in 0..begun {
        let (x, y) = (a.find(Class::from(number)), b.find(Class::from(number)));
        if !agree(&mut map, x, y) {
            return false;
        }
    }
    let key = |graph: &EGraph, node: &crate::egraph::Node, children: Vec<Class>| {
        format!("{:?}{children:?}", kind(graph.kind(node)))
    };
    let mut nodes: FxHashMap<String, Class> = FxHashMap::default();
    for class in b.classes() {
        for node in b.nodes(class) {
            nodes.insert(key(b, node, node.children().to_vec()), class);
        }
    }
    loop {
        let before = map.len();
        for class in a.classes() {
            for node in a.nodes(class) {
                let children: Option<Vec<Class>> = node
                    .children()
                    .iter()
                    .map(|c| map.get(c).copied())
                    .collect();
                let Some(children) = children else {
                    continue;
                };
                match nodes.get(&key(a, node, children)) {
                    Some(&other) if agree(&mut map, class, other) => {}
                    _ => return false,
                }
            }
        }
        if map.len() == before {
            return before == a.class_count();
        }
    }
}

fn kind(kind: NodeKind<'_>) -> String {
    format!("{kind:?}")
}

/// Whether the rules of this seed saturate, so that there was something to compare.
fn check(seed: u64) -> bool {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut g = random_graph(&mut random);
    let texts: Vec<String> = (0..1 + random.below(6))
        .map(|_| random_rule(&mut random))
        .collect();
    let rules: Vec<Rule> = (0..)
        .zip(&texts)
        .map(|(at, text)| {
            let mut variant = variant(text);
            // A guard that only holds once something is found equal to the one leaf of which the type is known.
            if random.below(3) == 0 {
                variant.guards.extend(quint8_guard(&variant, "?x"));
            }
            rule_of(&format!("r{at}"), variant)
        })
        .collect();
    let Ok(set) = RuleSet::compile(&rules) else {
        return false;
    };
    let begun = g.inner.nodes().len();
    let mut random_again = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut plain = random_graph(&mut random_again);
    let limits = SaturationLimits {
        nodes: 2000,
        rounds: 30,
        ..SaturationLimits::default()
    };
    let (Ok(report), true) = (
        saturate(&mut g, &set, &limits, &mut || false),
        naive::saturate(&mut plain, &rules, 30),
    ) else {
        return false;
    };
    if report.stop != Stop::Saturated || report.ways_cut > 0 {
        return false;
    }
    assert!(
        same(&g, &plain, begun),
        "seed {seed}\n{texts:#?}\n{g:?}\nagainst\n{plain:?}"
    );
    true
}

#[test]
fn trie_and_plain_search_agree() {
    let compared = (0..3000).filter(|&seed| check(seed)).count();
    assert!(compared > 2000, "{compared}");
}

#[test]
fn the_same_seed_gives_the_same_numbers() {
    for seed in 0..50 {
        let run = || {
            let mut random = Random(seed * 77 + 1);
            let mut g = random_graph(&mut random);
            let rules: Vec<Rule> = (0..4)
                .map(|at| rule(&format!("r{at}"), &random_rule(&mut random)))
                .collect();
            let set = RuleSet::compile(&rules).ok()?;
            let limits = SaturationLimits {
                nodes: 2000,
                rounds: 30,
                ..SaturationLimits::default()
            };
            let report = saturate(&mut g, &set, &limits, &mut || false).ok()?;
            Some((format!("{g:?}"), report))
        };
        assert_eq!(run(), run(), "seed {seed}");
    }
}
