//! Replacing without equality: each match once, in the order of the text. For rules that change numbers on purpose, and for those with
//! effects.
//!
//! In: an e-graph that no rule has touched, compiled rules. Out: which class takes the place of which, and the effects changed.
//! Invariant: nothing is made equal, so facts of the two sides may differ.
//! Invariant: a class is replaced once and an effect erased once, by the first rule that matches it. A rule that only adds effects does so
//! once for each root.

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use crate::graph::{AttributeLiteral, Facts, Literal, Name};
use crate::rules::{CompiledVariant, RuleSet};

use super::EGraph;
use super::apply::{Written, build_from};
use super::binding::Bound;
use super::build::{AGAIN, Built, ItemId, Named};
use super::language::{Class, Heads, LeafId, Node, NodeKind};
use super::link::Linked;
use super::matches::Matches;
use super::perform::{Act, perform};
use super::search::Search;
use super::statistics::{Counts, RuleStatistics};

/// What was replaced.
#[derive(Clone, Debug)]
pub struct Replaced {
    /// Classes with those that take their places.
    pub classes: FxHashMap<Class, Class>,
    /// Whether anything is another than before, effects included.
    pub changed: bool,
    /// What each rule did.
    pub rules: Vec<RuleStatistics>,
    /// First roots of the matches that were carried out, and of those left alone, as somebody reads what they would erase, or what they
    /// add could stand nowhere.
    pub roots: [FxHashSet<Class>; 2],
}

/// Replaces each match of these rules once. The e-graph must be rebuilt.
pub fn replace(built: &mut Built, set: &RuleSet) -> Replaced {
    let graph = &mut built.egraph;
    let linked = Linked::new(graph, set);
    let mut counts = Counts::new(set, usize::MAX);
    let mut search = Search::new(graph, set, &linked, None, Matches::default(), &mut counts);
    for class in graph.classes() {
        search.class(class);
    }
    let matches = search.matches;
    let mut order: Vec<usize> = (0..matches.len()).collect();
    order.sort_by_key(|&at| matches.get(at).variant);
    let mut replacer = Replacer {
        effects: by_class(built),
        names: FxHashMap::default(),
        places: FxHashMap::default(),
        paths: FxHashMap::default(),
        built,
        taken: FxHashSet::default(),
    };
    if !order.is_empty() {
        replacer.note_names();
    }
    let mut acts = Vec::new();
    for at in order {
        let variant = set.variant(matches.get(at).variant);
        let rule = counts.rule(variant);
        match replacer.act(set, &matches, at) {
            Some(Ok(act)) => {
                rule.applications += 1;
                acts.push(act);
            }
            Some(Err(Unbuilt)) => rule.unbuilt += 1,
            None => {}
        }
    }
    let changes = acts.len();
    let heads: Vec<(u32, Class)> = acts.iter().map(|act| (act.rule, act.root)).collect();
    let done = perform(built, acts);
    let mut roots = [FxHashSet::default(), FxHashSet::default()];
    roots[0].extend(heads.iter().map(|(_, root)| *root));
    for &at in &done.refused {
        let (rule, root) = heads[at];
        let rule = &mut counts.rules[rule as usize];
        rule.applications -= 1;
        rule.refused += 1;
        roots[0].remove(&root);
        roots[1].insert(root);
    }
    Replaced {
        classes: done.classes,
        changed: done.refused.len() < changes,
        rules: counts.rules,
        roots,
    }
}

/// The effects by the classes that stand for them.
fn by_class(built: &Built) -> FxHashMap<Class, ItemId> {
    let effects = built.skeleton.effects.iter();
    effects
        .map(|&(class, item)| (built.egraph.find(class), item))
        .collect()
}

/// Roots with the classes that stand for them in what replaces them.
type Again = SmallVec<[(Class, Class); 1]>;

/// Something that a match writes is not known.
struct Unbuilt;

struct Replacer<'a> {
    built: &'a mut Built,
    effects: FxHashMap<Class, ItemId>,
    /// Names and types of values of the model.
    names: FxHashMap<Class, Named>,
    /// Where values of the model are in its source.
    places: FxHashMap<Class, Name>,
    /// The modules they are from.
    paths: FxHashMap<Class, Option<Name>>,
    /// Classes that were replaced, and those of effects that were erased.
    taken: FxHashSet<Class>,
}

impl Replacer<'_> {
    fn note_names(&mut self) {
        let built = &*self.built;
        // Of several the first stays.
        for &(class, place) in &built.skeleton.places {
            let class = built.egraph.find(class);
            self.places.entry(class).or_insert(place);
        }
        for &(class, path) in &built.skeleton.module_paths {
            let class = built.egraph.find(class);
            self.paths.entry(class).or_insert(path);
        }
        for (class, named) in &built.skeleton.values {
            let class = built.egraph.find(*class);
            self.names.entry(class).or_insert_with(|| named.clone());
        }
        for (leaf, info) in (0..).map(LeafId).zip(&built.skeleton.leaves) {
            if let Some(class) = built.egraph.leaf(leaf) {
                self.names.insert(class, info.named.clone());
            }
        }
    }

    /// What a match does; nothing if another has done something to what it found.
    fn act(&mut self, set: &RuleSet, matches: &Matches, at: usize) -> Option<Result<Act, Unbuilt>> {
        let found = matches.get(at);
        let variant = set.variant(found.variant);
        let bounds = matches.bounds(found);
        let graph = &self.built.egraph;
        if !graph.permits(variant, bounds) {
            return None;
        }
        let roots: SmallVec<[Class; 2]> = matches.roots(found).map(|c| graph.find(c)).collect();
        let erased: SmallVec<[Class; 1]> = variant
            .erased
            .iter()
            .filter_map(|slot| bounds[slot.0 as usize].class())
            .map(|class| graph.find(class))
            .collect();
        let mut touched = roots.iter().chain(&erased);
        if touched.any(|class| self.taken.contains(class)) {
            return None;
        }
        let Some(written) = self.write(set, matches, at, &roots) else {
            return Some(Err(Unbuilt));
        };
        let (written, again) = written;
        let mut claimed: SmallVec<[Class; 2]> = written.replaced.iter().map(|r| r.0).collect();
        claimed.extend(erased.iter().copied());
        if claimed.is_empty() {
            claimed.extend(roots.iter().copied());
        }
        self.taken.extend(claimed);
        for (root, replacement) in &written.replaced {
            if let Some(named) = self.names.get(root) {
                let named = named.clone();
                self.describe(*replacement, named);
            }
            let skeleton = &mut self.built.skeleton;
            let place = self.places.get(root).map(|place| (*replacement, *place));
            skeleton.places.extend(place);
            let path = self.paths.get(root).map(|path| (*replacement, *path));
            skeleton.module_paths.extend(path);
        }
        Some(Ok(Act {
            root: *roots.first()?,
            rule: variant.rule,
            found: self.found(bounds),
            erased: erased
                .iter()
                .filter_map(|class| self.effects.get(class).copied())
                .collect(),
            replaced: written.replaced,
            added: written.effects,
            again,
        }))
    }

    /// The effects among what a match found.
    fn found(&self, bounds: &[Bound]) -> SmallVec<[ItemId; 2]> {
        if self.effects.is_empty() {
            return SmallVec::new();
        }
        let classes = bounds.iter().filter_map(|bound| bound.class());
        let effects = classes.filter_map(|class| self.effects.get(&self.built.egraph.find(class)));
        let mut effects: SmallVec<[ItemId; 2]> = effects.copied().collect();
        effects.sort_unstable();
        effects.dedup();
        effects
    }

    /// What takes the place of a value has its name, and its type where the operator does not say one.
    fn describe(&mut self, class: Class, named: Named) {
        if self.names.contains_key(&class) {
            return;
        }
        let facts = self.built.egraph.facts(class);
        if facts.ty.is_none() && facts.literal.is_none() {
            let facts = Facts::of_type(named.ty.clone());
            self.built.egraph.learn(class, facts);
        }
        self.built.skeleton.values.push((class, named));
    }

    /// Builds what a match writes. Where that reads a root which it replaces, another class stands for the root there.
    fn write(
        &mut self,
        set: &RuleSet,
        matches: &Matches,
        at: usize,
        roots: &[Class],
    ) -> Option<(Written, Again)> {
        let bounds = matches.bounds(matches.get(at));
        let mut again = SmallVec::new();
        let before = self.built.egraph.inner.nodes().len();
        let mut written = build_from(&mut self.built.egraph, set, matches, at, bounds);
        let variant = set.variant(matches.get(at).variant);
        if let Some(done) = &written
            && done.reads_root
        {
            for (&root, _) in roots
                .iter()
                .zip(&variant.replacements)
                .filter(|(_, r)| r.is_some())
            {
                again.push((root, self.again(variant, root)?));
            }
            let stands = |class: Class| {
                let class = self.built.egraph.find(class);
                let known = again.iter().find(|(root, _)| *root == class);
                known.map_or(class, |(_, stands)| *stands)
            };
            let bounds: Vec<Bound> = bounds
                .iter()
                .map(|&bound| match bound {
                    Bound::Class(class) => Bound::Class(stands(class)),
                    other => other,
                })
                .collect();
            written = build_from(&mut self.built.egraph, set, matches, at, &bounds);
        }
        self.built.egraph.close(before);
        Some((written?, again))
    }

    /// Another class for the value of a class.
    fn again(&mut self, variant: &CompiledVariant, class: Class) -> Option<Class> {
        let graph = &mut self.built.egraph;
        let facts = graph.facts(class);
        let mut nodes = graph.nodes(class).iter();
        let leaf = nodes.find_map(|node| match graph.kind(node) {
            NodeKind::Leaf(leaf) => Some(leaf),
            _ => None,
        });
        if let Some(old) = leaf {
            return self.leaf_again(old, facts);
        }
        let node = graph.nodes(class).first()?.clone();
        match graph.kind(&node) {
            NodeKind::Operator {
                op,
                results,
                attributes,
            } => {
                let mut attributes = attributes.to_vec();
                let number = Literal::Int(i64::from(variant.rule));
                attributes.push((Name::new(AGAIN), AttributeLiteral::Literal(number)));
                let attributes = graph.attributes(attributes);
                let again = graph.add_op(op, node.children(), attributes, results);
                graph.learn(again, facts);
                if let Some(named) = self.names.get(&class).cloned() {
                    self.describe(again, named);
                }
                Some(again)
            }
            NodeKind::Projection(result) => {
                let of = graph.find(node.children()[0]);
                let of = self.again(variant, of)?;
                Some(self.built.egraph.add_projection(of, result))
            }
            NodeKind::Literal(_) | NodeKind::Constant(_) | NodeKind::Leaf(_) => None,
        }
    }

    /// A result of an effect gets another leaf; nothing reads the old one, because its class is replaced.
    fn leaf_again(&mut self, old: LeafId, facts: Facts) -> Option<Class> {
        let skeleton = &mut self.built.skeleton;
        let new = LeafId(skeleton.leaves.len() as u32);
        let mut results = skeleton.items.iter_mut().flat_map(|item| &mut item.results);
        *results.find(|leaf| **leaf == old)? = new;
        let info = skeleton.leaf(old).clone();
        skeleton.leaves.push(info);
        Some(self.built.egraph.add_leaf(new, facts))
    }
}

impl EGraph {
    /// The class of a leaf.
    pub(super) fn leaf(&self, id: LeafId) -> Option<Class> {
        self.inner
            .lookup(Node::new(Heads::LEAF, id.0, &[]))
            .map(|class| self.find(class))
    }
}
