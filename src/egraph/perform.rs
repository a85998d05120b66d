//! What rules with effects do to the ordered list of effects.
//!
//! In: what each match would replace, erase and add. Out: the skeleton without what is erased and with what is added, and which class
//! takes the place of which.
//!
//! Invariant: an effect whose results somebody still reads stays, and with it everything its match would have done.
//! Invariant: an added effect stands behind the effects that its match found and behind those that make what it reads, in their block;
//! an attribute is set behind every read of it that was there before.

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use crate::graph::{AttributeLiteral, Literal, Name};

use super::build::{Built, EFFECT, Item, ItemId, ScopeId, SequenceId, Skeleton};
use super::language::{Class, LeafId, Node, NodeKind};
use super::{EGraph, place};

/// An effect that a rule adds.
#[derive(Clone, Debug)]
pub(super) struct Added {
    pub(super) op: Name,
    pub(super) operands: Vec<Class>,
    pub(super) attributes: Vec<(Name, AttributeLiteral)>,
}

/// What a match does.
#[derive(Clone, Debug, Default)]
pub(super) struct Act {
    /// The class that its first root is.
    pub(super) root: Class,
    /// Index of the rule in its set.
    pub(super) rule: u32,
    /// Roots with what takes their places.
    pub(super) replaced: SmallVec<[(Class, Class); 2]>,
    /// Roots that the replacement reads, with the classes that stand for them there.
    pub(super) again: SmallVec<[(Class, Class); 1]>,
    /// Effects that it found, those erased among them.
    pub(super) found: SmallVec<[ItemId; 2]>,
    /// Effects that go away.
    pub(super) erased: SmallVec<[ItemId; 1]>,
    /// Effects that are added.
    pub(super) added: Vec<Added>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Performed {
    /// Classes with those that take their places.
    pub(super) classes: FxHashMap<Class, Class>,
    /// Which of the matches were left alone: somebody reads what they would erase, or there is no block in which what they add could
    /// stand.
    pub(super) refused: Vec<usize>,
}

/// Does what the matches say.
pub(super) fn perform(built: &mut Built, acts: Vec<Act>) -> Performed {
    let places = Places::of(&built.skeleton);
    let mut done = Performed::default();
    for act in &acts {
        done.classes.extend(act.replaced.iter().copied());
    }
    let mut refused = Live::new(built, &acts, &done.classes).refused();
    let mut behind = Behind::new(built, &places, &done.classes);
    let mut added: FxHashMap<SequenceId, Vec<(usize, Item)>> = FxHashMap::default();
    for (act, refused) in acts.iter().zip(&mut refused) {
        if *refused || act.added.is_empty() {
            continue;
        }
        let Some((sequence, at)) = behind.act(act) else {
            *refused = true;
            continue;
        };
        let items = act.added.iter().map(|new| (at, item(new)));
        added.entry(sequence).or_default().extend(items);
    }
    let mut erased: FxHashSet<ItemId> = FxHashSet::default();
    for (at, (act, refused)) in acts.iter().zip(&refused).enumerate() {
        if *refused {
            done.refused.push(at);
            for (root, _) in &act.replaced {
                done.classes.remove(root);
            }
            done.classes.extend(act.again.iter().copied());
        } else {
            erased.extend(&act.erased);
        }
    }
    built.skeleton.change(&erased, added);
    follow(&built.egraph, &mut done.classes);
    done
}

/// What takes a place may have been replaced itself: then that takes it.
fn follow(egraph: &EGraph, classes: &mut FxHashMap<Class, Class>) {
    let mut order: Vec<Class> = classes.keys().copied().collect();
    order.sort_unstable();
    for class in order {
        let mut path = vec![class];
        let mut last = classes[&class];
        while let Some(&next) = classes.get(&egraph.find(last)) {
            if path.contains(&egraph.find(last)) {
                break;
            }
            path.push(egraph.find(last));
            last = next;
        }
        // What was followed once leads straight to its end.
        classes.extend(path.into_iter().map(|class| (class, last)));
    }
}

fn item(new: &Added) -> Item {
    Item {
        op: new.op,
        operands: new.operands.clone(),
        objects: Vec::new(),
        attributes: new.attributes.clone(),
        results: Vec::new(),
        sequences: Vec::new(),
        place: None,
        scope: None,
    }
}

/// Whether a node only stands for an effect, so that patterns find it.
pub(super) fn stands_for_effect(egraph: &EGraph, node: &Node) -> bool {
    match egraph.kind(node) {
        NodeKind::Operator { attributes, .. } => {
            attributes.last().is_some_and(|(name, _)| *name == EFFECT)
        }
        _ => false,
    }
}

impl Skeleton {
    /// Takes effects out, and puts others in before the ones that had these positions.
    fn change(
        &mut self,
        erased: &FxHashSet<ItemId>,
        mut added: FxHashMap<SequenceId, Vec<(usize, Item)>>,
    ) {
        self.reads_first |= !added.is_empty();
        for at in 0..self.sequences.len() {
            let mut new = added.remove(&SequenceId(at as u32)).unwrap_or_default();
            new.sort_by_key(|(position, _)| *position);
            let mut new = new.into_iter().peekable();
            let before = std::mem::take(&mut self.sequences[at].items);
            let mut items = Vec::with_capacity(before.len());
            for (position, id) in before.iter().map(Some).chain([None]).enumerate() {
                while let Some((_, item)) = new.next_if(|(p, _)| *p <= position) {
                    items.push(ItemId(self.items.len() as u32));
                    self.items.push(item);
                }
                items.extend(id.filter(|id| !erased.contains(id)));
            }
            self.sequences[at].items = items;
        }
        for id in erased {
            for result in self.item(*id).results.clone() {
                self.leaves[result.0 as usize].alive = false;
            }
        }
    }
}

/// Where each effect stands.
struct Places {
    items: FxHashMap<ItemId, (SequenceId, usize)>,
    /// The effect that makes a leaf.
    makers: FxHashMap<LeafId, ItemId>,
    sequences: FxHashMap<ScopeId, SequenceId>,
    /// Where the effect stands whose block a sequence is.
    owners: FxHashMap<SequenceId, (SequenceId, usize)>,
    /// Reads of attributes that are effects, by the attribute's name.
    reads: FxHashMap<Name, Vec<(SequenceId, usize)>>,
}

/// The attribute that is read or set.
fn text(attributes: &[(Name, AttributeLiteral)]) -> Option<Name> {
    attributes.iter().find_map(|(name, value)| match value {
        AttributeLiteral::Literal(Literal::Str(text)) if *name == "name" => Some(Name::new(text)),
        _ => None,
    })
}

impl Places {
    fn of(skeleton: &Skeleton) -> Places {
        let mut places = Places {
            items: FxHashMap::default(),
            makers: FxHashMap::default(),
            sequences: FxHashMap::default(),
            owners: FxHashMap::default(),
            reads: FxHashMap::default(),
        };
        for (id, sequence) in (0..).map(SequenceId).zip(&skeleton.sequences) {
            places.sequences.insert(sequence.scope, id);
            for (at, &item) in sequence.items.iter().enumerate() {
                places.items.insert(item, (id, at));
                let of = skeleton.item(item);
                for &leaf in &of.results {
                    places.makers.insert(leaf, item);
                }
                let inner = of.sequences.iter().map(|&inner| (inner, (id, at)));
                places.owners.extend(inner);
                if let (true, Some(name)) = (of.op == "prim::GetAttr", text(&of.attributes)) {
                    places.reads.entry(name).or_default().push((id, at));
                }
            }
        }
        places
    }
}

/// Which values are computed if everything is done; what must be left alone because of that.
struct Live<'a> {
    built: &'a Built,
    acts: &'a [Act],
    classes: &'a FxHashMap<Class, Class>,
    /// The match that would erase what makes a class.
    erasers: FxHashMap<Class, usize>,
    refused: Vec<bool>,
    met: FxHashSet<Class>,
    stack: Vec<Class>,
}

impl<'a> Live<'a> {
    fn new(built: &'a Built, acts: &'a [Act], classes: &'a FxHashMap<Class, Class>) -> Live<'a> {
        let mut live = Live {
            built,
            acts,
            classes,
            erasers: FxHashMap::default(),
            refused: vec![false; acts.len()],
            met: FxHashSet::default(),
            stack: Vec::new(),
        };
        let mut erased: FxHashSet<ItemId> = FxHashSet::default();
        for (at, act) in acts.iter().enumerate() {
            for &item in &act.erased {
                erased.insert(item);
                for &leaf in &built.skeleton.item(item).results {
                    if let Some(class) = built.egraph.leaf(leaf) {
                        live.erasers.insert(class, at);
                    }
                }
            }
        }
        for sequence in &built.skeleton.sequences {
            let stay = sequence.items.iter().filter(|item| !erased.contains(item));
            let read = stay.flat_map(|&item| &built.skeleton.item(item).operands);
            live.stack.extend(read.chain(&sequence.returns));
        }
        let added = acts.iter().flat_map(|act| &act.added);
        live.stack.extend(added.flat_map(|new| &new.operands));
        live
    }

    fn refused(mut self) -> Vec<bool> {
        let egraph = &self.built.egraph;
        // Nothing is taken back: a match that is left alone only adds to what is read.
        while let Some(class) = self.stack.pop() {
            let class = egraph.find(class);
            let class = self.classes.get(&class).map_or(class, |&c| egraph.find(c));
            self.visit(class);
        }
        self.refused
    }

    fn visit(&mut self, class: Class) {
        if !self.met.insert(class) {
            return;
        }
        let egraph = &self.built.egraph;
        let values = egraph.nodes(class).iter();
        let values = values.filter(|node| !stands_for_effect(egraph, node));
        self.stack.extend(values.flat_map(|node| node.children()));
        let Some(&act) = self.erasers.get(&class) else {
            return;
        };
        if std::mem::replace(&mut self.refused[act], true) {
            return;
        }
        let act = &self.acts[act];
        let stay = act.erased.iter();
        let read = stay.flat_map(|&item| &self.built.skeleton.item(item).operands);
        self.stack.extend(read);
        for (root, _) in &act.replaced {
            self.visit(egraph.find(*root));
        }
    }
}

/// For each scope on the way to the body: how many effects of it come before.
type Before = SmallVec<[(ScopeId, usize); 1]>;

/// Behind which effects a value is known.
struct Behind<'a> {
    built: &'a Built,
    places: &'a Places,
    classes: &'a FxHashMap<Class, Class>,
    known: FxHashMap<Class, Before>,
}

impl<'a> Behind<'a> {
    fn new(
        built: &'a Built,
        places: &'a Places,
        classes: &'a FxHashMap<Class, Class>,
    ) -> Behind<'a> {
        Behind {
            built,
            places,
            classes,
            known: FxHashMap::default(),
        }
    }

    /// The block and position of what a match adds.
    fn act(&mut self, act: &Act) -> Option<(SequenceId, usize)> {
        let mut before = Before::new();
        for &found in &act.found {
            self.item(found, &mut before);
        }
        for &operand in act.added.iter().flat_map(|new| &new.operands) {
            let operand = self.resolve(operand);
            merge(&mut before, &self.class(operand));
        }
        let skeleton = &self.built.skeleton;
        let deepest = before.iter().map(|(scope, _)| *scope);
        let deepest = deepest.max_by_key(|&scope| skeleton.scope(scope).depth);
        let deepest = deepest.unwrap_or(ScopeId(0));
        let mut scopes = before.iter().map(|(scope, _)| *scope);
        if !scopes.all(|scope| skeleton.is_inside(deepest, scope)) {
            return None;
        }
        let at = before.iter().find(|(scope, _)| *scope == deepest);
        let at = at.map_or(0, |(_, at)| *at);
        let sequence = *self.places.sequences.get(&deepest)?;
        let reads = act.added.iter().filter_map(|new| self.reads_of(new));
        let mut behind = at;
        for &(of, at) in reads.flatten() {
            behind = behind.max(self.behind_read(of, at, sequence)?);
        }
        Some((sequence, behind))
    }

    /// Where the attribute that an effect sets is read.
    fn reads_of(&self, new: &Added) -> Option<&Vec<(SequenceId, usize)>> {
        let set = new.op == "prim::SetAttr";
        self.places
            .reads
            .get(&text(&new.attributes).filter(|_| set)?)
    }

    /// The first position in a block that is behind a read; nothing if the read may come after whatever stands in the block.
    fn behind_read(&self, of: SequenceId, at: usize, block: SequenceId) -> Option<usize> {
        let skeleton = &self.built.skeleton;
        let mut scope = Some(skeleton.sequence(block).scope);
        while let Some(inner) = scope {
            if skeleton.scope(inner).is_loop {
                return None;
            }
            scope = skeleton.scope(inner).parent;
        }
        let around = |place: &(SequenceId, usize)| self.places.owners.get(&place.0).copied();
        let path = |from| std::iter::successors(Some(from), around);
        let read: SmallVec<[(SequenceId, usize); 2]> = path((of, at)).collect();
        let in_block = |sequence: SequenceId| read.iter().find(|(of, _)| *of == sequence);
        if let Some((_, at)) = in_block(block) {
            return Some(at + 1);
        }
        let shared = path((block, 0)).find_map(|(of, at)| Some((in_block(of)?.1, at)));
        let (read, block) = shared?;
        (read <= block).then_some(0)
    }

    fn resolve(&self, class: Class) -> Class {
        let class = self.built.egraph.find(class);
        let other = self.classes.get(&class);
        other.map_or(class, |&other| self.built.egraph.find(other))
    }

    /// Behind an effect itself.
    fn item(&self, item: ItemId, before: &mut Before) {
        if let Some(&(sequence, at)) = self.places.items.get(&item) {
            let scope = self.built.skeleton.sequence(sequence).scope;
            merge(before, &[(scope, at + 1)]);
        }
    }

    /// Behind what a canonical class rests on, without recursion: models are deep.
    fn class(&mut self, class: Class) -> Before {
        let egraph = &self.built.egraph;
        let mut stack = vec![(class, false)];
        while let Some((class, ready)) = stack.pop() {
            if self.known.contains_key(&class) {
                continue;
            }
            let values = egraph.nodes(class).iter();
            let values: SmallVec<[&Node; 1]> = values
                .filter(|node| !stands_for_effect(egraph, node))
                .collect();
            if !ready {
                stack.push((class, true));
                let children = values.iter().flat_map(|node| node.children());
                stack.extend(children.map(|&child| (self.resolve(child), false)));
                continue;
            }
            let mut before = Before::new();
            for node in values {
                self.node(node, &mut before);
            }
            self.known.insert(class, before);
        }
        self.known.get(&class).cloned().unwrap_or_default()
    }

    fn node(&self, node: &Node, before: &mut Before) {
        let skeleton = &self.built.skeleton;
        if let NodeKind::Leaf(leaf) = self.built.egraph.kind(node) {
            merge(before, &[(skeleton.leaf(leaf).scope, 0)]);
            if let Some(&maker) = self.places.makers.get(&leaf) {
                self.item(maker, before);
            }
            return;
        }
        for &child in node.children() {
            if let Some(of_child) = self.known.get(&self.resolve(child)) {
                merge(before, of_child);
            }
        }
        // What a loop's body defines is not defined behind the loop.
        if let Some(region) = place::region(&self.built.egraph, node) {
            let inner = skeleton.regions[region].0;
            before.retain(|(scope, _)| !skeleton.is_inside(*scope, inner));
        }
    }
}

fn merge(into: &mut Before, from: &[(ScopeId, usize)]) {
    for &(scope, at) in from {
        match into.iter_mut().find(|(known, _)| *known == scope) {
            Some((_, known)) => *known = (*known).max(at),
            None => into.push((scope, at)),
        }
    }
}
