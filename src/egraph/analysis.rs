//! What the e-graph knows of each class, kept up to date by egg: facts, and the value where it is known.
//!
//! In: nodes as they are added, classes as they merge. Out: a few words for each class, joined from all its nodes; leaves for values
//! found to be known; the classes that changed, for the matcher.
//!
//! Invariant: facts only grow. Where two sides disagree the first disagreement is kept for the caller, who must stop.
//! Invariant: of two known values the one from the earlier origin stays, so an imported value is never replaced by a rule's.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::graph::{ConstantStore, Facts};
use crate::ops::Catalogue;

use super::infer::Inferred;
use super::intern::{FactsId, Known, Tables};
use super::join::{Clash, join};
use super::language::{Class, Heads, Node};
use super::provenance::{ApplicationId, Provenance};

/// The data of a class. Small and `Copy`: egg moves and compares it all the time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Data {
    pub(super) facts: FactsId,
    pub(super) known: Known,
    /// The application that `known` rests on; the import where nothing is known.
    pub(super) from: ApplicationId,
}

impl Data {
    pub(super) const NOTHING: Data = Data {
        facts: Tables::NO_FACTS,
        known: Known::No,
        from: ApplicationId::IMPORT,
    };
}

/// Two facts that disagreed, and when.
#[derive(Clone, Debug)]
pub(super) struct Contradiction {
    pub(super) clash: Clash,
    /// The application being made; the import while congruence is restored.
    pub(super) during: ApplicationId,
    /// The classes being merged, if they were.
    pub(super) pair: Option<(Class, Class)>,
}

/// egg's analysis: the tables of the e-graph and what happened since somebody looked.
#[derive(Debug)]
pub(super) struct FactsAnalysis {
    pub(super) heads: Heads,
    pub(super) tables: Tables,
    pub(super) constants: ConstantStore,
    pub(super) catalogue: Catalogue,
    pub(super) provenance: Provenance,
    /// Classes that are new, merged or better known, in the order it happened; not canonical, with repetitions.
    pub(super) dirty: Vec<Class>,
    /// Classes of which the value became known by a merge, so that what uses them may fold.
    pub(super) newly_known: Vec<Class>,
    pub(super) contradiction: Option<Contradiction>,
    pub(super) inferred: FxHashMap<super::infer::Question, Inferred>,
    pub(super) folded: FxHashMap<super::fold::Question, Known>,
    joined: FxHashMap<(FactsId, FactsId), FactsId>,
    /// Classes of which more is known than when they were searched last.
    pub(super) better_known: Vec<Class>,
    /// Classes from this number on have not been searched.
    pub(super) searched: usize,
    /// egg announces a union just before it merges the data of the two classes.
    announced: std::cell::Cell<Option<Announced>>,
    /// The class whose data was asked for last, which egg merges next if it does not merge a union's.
    remade: Class,
}

/// The classes of a union, and what was known of each.
#[derive(Clone, Copy, Debug)]
struct Announced {
    classes: (Class, Class),
    known: [(Class, Data); 2],
}

pub(super) type Inner = egg::EGraph<Node, FactsAnalysis>;

impl FactsAnalysis {
    pub(super) fn new(constants: ConstantStore) -> FactsAnalysis {
        FactsAnalysis {
            heads: Heads::new(),
            tables: Tables::new(),
            constants,
            catalogue: Catalogue::new(),
            provenance: Provenance::default(),
            dirty: Vec::new(),
            newly_known: Vec::new(),
            contradiction: None,
            inferred: FxHashMap::default(),
            folded: FxHashMap::default(),
            joined: FxHashMap::default(),
            better_known: Vec::new(),
            searched: 0,
            announced: std::cell::Cell::new(None),
            remade: Class::from(0),
        }
    }

    /// All that is known of a class with this data, value included.
    pub(super) fn full_facts(&self, data: Data) -> Facts {
        let mut facts = self.tables.get_facts(data.facts).clone();
        match data.known {
            Known::Literal(id) => facts.literal = Some(self.tables.get_literal(id).clone()),
            Known::Constant(id) => facts.constant = Some(id),
            Known::List(_) | Known::No => {}
        }
        facts
    }

    pub(super) fn join_facts(&mut self, a: FactsId, b: FactsId) -> FactsId {
        if a == b || b == Tables::NO_FACTS {
            return a;
        }
        if a == Tables::NO_FACTS {
            return b;
        }
        let pair = (a.min(b), a.max(b));
        if let Some(&joined) = self.joined.get(&pair) {
            return joined;
        }
        let joined = match join(self.tables.get_facts(pair.0), self.tables.get_facts(pair.1)) {
            Ok(facts) => self.tables.facts(facts),
            Err(clash) => {
                self.contradict(clash);
                return pair.0;
            }
        };
        self.joined.insert(pair, joined);
        joined
    }

    fn contradict(&mut self, clash: Clash) {
        if self.contradiction.is_none() {
            self.contradiction = Some(Contradiction {
                clash,
                during: self.provenance.current,
                pair: self.announced.get().map(|union| union.classes),
            });
        }
    }

    fn join_data(&mut self, a: Data, b: Data) -> Data {
        let facts = self.join_facts(a.facts, b.facts);
        if let (Known::Literal(x), Known::Literal(y)) = (a.known, b.known)
            && self.tables.value_key(x) != self.tables.value_key(y)
        {
            let text = |id| format!("{:?}", self.tables.get_literal(id));
            let clash = Clash {
                about: "literal",
                left: text(x),
                right: text(y),
            };
            self.contradict(clash);
        }
        let (known, from) = match (a.known, b.known) {
            (Known::No, _) => (b.known, b.from),
            (_, Known::No) => (a.known, a.from),
            _ if (b.from, b.known) < (a.from, a.known) => (b.known, b.from),
            _ => (a.known, a.from),
        };
        Data { facts, known, from }
    }
}

impl egg::Analysis<Node> for FactsAnalysis {
    type Data = Data;

    fn make(egraph: &mut Inner, node: &Node, id: Class) -> Data {
        egraph.analysis.provenance.made(id);
        Self::remake(egraph, node, id)
    }

    fn remake(egraph: &mut Inner, node: &Node, id: Class) -> Data {
        egraph.analysis.remade = id;
        let operands: SmallVec<[Data; 8]> = node
            .children
            .iter()
            .map(|&child| egraph[child].data)
            .collect();
        super::infer::infer(egraph, node, &operands)
    }

    fn pre_union(egraph: &Inner, a: Class, b: Class, _: &Option<egg::Justification>) {
        let roots = [egraph.find(a), egraph.find(b)];
        // Of a union of one class with itself nothing more will be heard.
        let union = (roots[0] != roots[1]).then(|| Announced {
            classes: (a, b),
            known: roots.map(|root| (root, egraph[root].data)),
        });
        egraph.analysis.announced.set(union);
    }

    fn merge(&mut self, a: &mut Data, b: Data) -> egg::DidMerge {
        let before = *a;
        *a = self.join_data(before, b);
        let union = self.announced.take();
        let class = union.map_or(self.remade, |union| union.classes.0);
        if (before.known == Known::No) != (b.known == Known::No) {
            self.newly_known.push(class);
        }
        let old = union.map_or([(class, before); 2], |union| union.known);
        let is_better =
            |(class, data): &(Class, Data)| usize::from(*class) < self.searched && data != a;
        if old.iter().any(is_better) {
            self.better_known.push(class);
        }
        egg::DidMerge(*a != before, *a != b)
    }

    fn modify(egraph: &mut Inner, id: Class) {
        egraph.analysis.dirty.push(id);
        let data = egraph[id].data;
        let (head, payload) = match data.known {
            Known::Literal(literal) => (Heads::LITERAL, literal.0),
            Known::Constant(constant) => (Heads::CONSTANT, constant.0),
            Known::List(_) | Known::No => return,
        };
        if egraph[id]
            .nodes
            .iter()
            .any(|node| node.head == head && node.payload == payload)
        {
            return;
        }
        let doing = std::mem::replace(&mut egraph.analysis.provenance.current, data.from);
        let leaf = egraph.add(Node::new(head, payload, &[]));
        egraph.union(id, leaf);
        egraph.analysis.provenance.current = doing;
    }
}
