//! The e-graph as the rest of the program sees it: classes of equal nodes, what is known of them, and what made them.
//!
//! In: operators, literals, constants and leaves; unions in the name of an application. Out: classes, their nodes and facts.
//! `prim::ListUnpack` of a `prim::ListConstruct` is taken apart here, whenever the two come together: no rule needs to say so.
//!
//! Invariant: after [`EGraph::rebuild`] equal operands make equal results, and each node is in one class only.
//! Invariant: adding an operator twice gives one class. Operators with effects or random results must therefore never be added: what
//! they make is a leaf.

use std::fmt;

use crate::check::rule::Keep;
use crate::graph::{
    AttributeLiteral, Constant, ConstantId, ConstantStore, DType, Facts, Literal, Name, Type,
};

use crate::ops::Catalogue;

use super::analysis::{Data, FactsAnalysis, Inner};
use super::blame::Disagreement;
use super::intern::{Known, LiteralId};
use super::language::{AttributesId, Class, HeadKind, Heads, LeafId, Node, NodeKind};
use super::provenance::{Application, ApplicationId};
use super::restriction::Restriction;

/// Classes of equal nodes.
pub struct EGraph {
    pub(super) inner: Inner,
    /// Where in the list of changed classes unpacking and folding have come to.
    settled: usize,
    /// Nodes that a rule found equal to one of its variables.
    pub(super) subsumed: Vec<Node>,
    /// What is not folded.
    pub(super) keeps: Vec<Keep>,
    /// The module that the method belongs to.
    module_root: Option<Class>,
    /// What rules may match, if not everything.
    pub(super) restriction: Option<Restriction>,
}

impl EGraph {
    /// An empty e-graph over these constants.
    pub fn new(constants: ConstantStore) -> EGraph {
        EGraph {
            inner: Inner::new(FactsAnalysis::new(constants)),
            settled: 0,
            subsumed: Vec::new(),
            keeps: Vec::new(),
            module_root: None,
            restriction: None,
        }
    }

    /// Knows the operators that rules declared, too.
    pub fn with_catalogue(mut self, catalogue: &Catalogue) -> EGraph {
        self.inner.analysis.catalogue = catalogue.clone();
        self
    }

    /// The constants, those found on the way included.
    pub fn constants(&self) -> &ConstantStore {
        &self.inner.analysis.constants
    }

    /// Gives the constants back, those found on the way included.
    pub fn into_constants(self) -> ConstantStore {
        self.inner.analysis.constants
    }

    /// Adds an operator. With one result the class is that result; with several, or none, it is the node, and
    /// [`EGraph::add_projection`] gives the results.
    pub fn add_op(
        &mut self,
        op: Name,
        operands: &[Class],
        attributes: AttributesId,
        results: u32,
    ) -> Class {
        let head = self.inner.analysis.heads.intern(HeadKind::Operator {
            op,
            operands: u32::try_from(operands.len()).expect("fewer than four billion operands"),
            results,
        });
        self.inner.add(Node::new(head, attributes.0, operands))
    }

    /// A result of an operator with several.
    pub fn add_projection(&mut self, of: Class, result: u32) -> Class {
        if let Some(element) = self.element(of, result) {
            return element;
        }
        let head = self
            .inner
            .analysis
            .heads
            .intern(HeadKind::Projection(result));
        self.inner.add(Node::new(head, 0, &[of]))
    }

    /// A literal.
    pub fn add_literal(&mut self, literal: &Literal) -> Class {
        let id = self.inner.analysis.tables.literal(literal);
        self.inner.add(Node::new(Heads::LITERAL, id.0, &[]))
    }

    /// A constant of the store.
    pub fn add_constant(&mut self, id: ConstantId) -> Class {
        self.inner.add(Node::new(Heads::CONSTANT, id.0, &[]))
    }

    /// A constant that is not in the store yet, or by chance is.
    pub fn intern_constant(&mut self, value: Constant, facts: Facts) -> Class {
        let id = self.inner.analysis.constants.intern(value, facts);
        self.add_constant(id)
    }

    /// A value from outside, of which this much is known. The caller numbers leaves; equal numbers are one class.
    pub fn add_leaf(&mut self, id: LeafId, facts: Facts) -> Class {
        let class = self.inner.add(Node::new(Heads::LEAF, id.0, &[]));
        self.learn(class, facts);
        class
    }

    /// Adds to what is known of a class: types declared in a file, for instance.
    pub fn learn(&mut self, class: Class, facts: Facts) {
        let literal = facts.literal.clone();
        let old = self.data(class);
        let analysis = &mut self.inner.analysis;
        let new = analysis.tables.facts(facts);
        let joined = analysis.join_facts(old.facts, new);
        if joined != old.facts {
            let data = Data {
                facts: joined,
                ..old
            };
            self.inner.set_analysis_data(class, data);
            self.inner.clean = false;
            self.inner.analysis.better_known.push(class);
        }
        if let Some(literal) = literal {
            let leaf = self.add_literal(&literal);
            self.inner.union(class, leaf);
        }
    }

    /// Interns attributes for [`EGraph::add_op`].
    pub fn attributes(&mut self, attributes: Vec<(Name, AttributeLiteral)>) -> AttributesId {
        self.inner.analysis.tables.attributes(attributes)
    }

    /// The class that stands for this one.
    pub fn find(&self, class: Class) -> Class {
        self.inner.find(class)
    }

    /// All classes, in the order in which they were made.
    pub fn classes(&self) -> Vec<Class> {
        let mut classes: Vec<Class> = self.inner.classes().map(|class| class.id).collect();
        classes.sort_unstable();
        classes
    }

    /// The nodes of a class, in an order that depends on how the e-graph was built and on nothing else.
    pub fn nodes(&self, class: Class) -> &[Node] {
        &self.inner[class].nodes
    }

    /// The classes that use this one as an operand, canonical, ascending.
    pub fn users(&self, class: Class) -> Vec<Class> {
        let mut users: Vec<Class> = self.inner[class]
            .parents()
            .map(|user| self.find(user))
            .collect();
        users.sort_unstable();
        users.dedup();
        users
    }

    /// Number of classes.
    pub fn class_count(&self) -> usize {
        self.inner.number_of_classes()
    }

    /// Number of nodes over all classes.
    pub fn node_count(&self) -> usize {
        self.inner.total_number_of_nodes()
    }

    /// Number of nodes ever entered, those that became equal to others included: what memory depends on.
    pub(super) fn entered_count(&self) -> usize {
        self.inner.total_size()
    }

    /// What a node is.
    pub fn kind(&self, node: &Node) -> NodeKind<'_> {
        let tables = &self.inner.analysis.tables;
        match self.inner.analysis.heads.kind(node.head) {
            HeadKind::Literal => NodeKind::Literal(tables.get_literal(LiteralId(node.payload))),
            HeadKind::Constant => NodeKind::Constant(ConstantId(node.payload)),
            HeadKind::Leaf => NodeKind::Leaf(LeafId(node.payload)),
            HeadKind::Projection(result) => NodeKind::Projection(result),
            HeadKind::Operator { op, results, .. } => NodeKind::Operator {
                op,
                results,
                attributes: tables.get_attributes(AttributesId(node.payload)),
            },
        }
    }

    /// All that is known of a class.
    pub fn facts(&self, class: Class) -> Facts {
        self.inner.analysis.full_facts(self.data(class))
    }

    /// The literal that a class is.
    pub fn literal(&self, class: Class) -> Option<&Literal> {
        match self.data(class).known {
            Known::Literal(id) => Some(self.inner.analysis.tables.get_literal(id)),
            _ => None,
        }
    }

    /// The constant that a class is.
    pub fn constant(&self, class: Class) -> Option<ConstantId> {
        match self.data(class).known {
            Known::Constant(id) => Some(id),
            _ => None,
        }
    }

    /// Whether the value is known before the model runs: a literal, a constant, or a list of such.
    pub fn is_const(&self, class: Class) -> bool {
        self.data(class).known != Known::No
    }

    /// The element type of a class, if it is a tensor and known.
    pub fn dtype(&self, class: Class) -> Option<DType> {
        let facts = self.data(class).facts;
        self.inner.analysis.tables.get_facts(facts).dtype
    }

    pub(super) fn data(&self, class: Class) -> Data {
        self.inner[class].data
    }

    /// Whether the value is certainly a tensor.
    pub(super) fn is_certainly_tensor(&self, class: Class) -> bool {
        let data = self.data(class);
        let facts = self.inner.analysis.tables.get_facts(data.facts);
        matches!(facts.ty, Some(Type::Tensor(_))) || facts.dtype.is_some() || facts.shape.is_some()
    }

    /// Says which class is the module that the method belongs to.
    pub fn set_module_root(&mut self, class: Class) {
        self.module_root = Some(class);
    }

    pub(super) fn is_module_root(&self, class: Class) -> Option<bool> {
        let root = self.module_root?;
        Some(self.find(root) == self.find(class))
    }

    /// Makes two classes equal, in the name of an application; whether they were not. Takes full effect with [`EGraph::rebuild`].
    pub fn union(&mut self, a: Class, b: Class, application: ApplicationId) -> bool {
        self.will_merge(a, b);
        let provenance = &mut self.inner.analysis.provenance;
        let doing = std::mem::replace(&mut provenance.current, application);
        provenance.merged.push((a, b, application));
        let changed = self.inner.union(a, b);
        self.inner.analysis.provenance.current = doing;
        changed
    }

    /// The application with this number; `None` for the import.
    pub fn application(&self, id: ApplicationId) -> Option<&Application> {
        self.inner.analysis.provenance.get(id)
    }

    /// All applications so far, in order.
    pub fn applications(&self) -> impl Iterator<Item = (ApplicationId, &Application)> {
        self.inner.analysis.provenance.all()
    }

    /// Restores congruence, takes apart lists that came together with their unpacking, folds what became constant, and says whether the facts agree.
    pub fn rebuild(&mut self) -> Result<(), Disagreement> {
        loop {
            if !self.inner.clean {
                self.inner.rebuild();
            }
            if let Some(contradiction) = self.inner.analysis.contradiction.take() {
                return Err(self.blame(contradiction));
            }
            let changed = self.inner.analysis.dirty.len();
            let from = std::mem::replace(&mut self.settled, changed);
            let unpacked = self.unpack_changed(from);
            let folded = self.fold_changed(from);
            if !unpacked && !folded {
                break;
            }
        }
        self.inner.analysis.provenance.merged.clear();
        Ok(())
    }

    /// Takes the lists of classes that changed, and of those better known, since they were taken last.
    pub(super) fn take_changed(&mut self) -> (Vec<Class>, Vec<Class>) {
        self.settled = 0;
        let analysis = &mut self.inner.analysis;
        (
            std::mem::take(&mut analysis.dirty),
            std::mem::take(&mut analysis.better_known),
        )
    }

    /// The operators of a class, for messages.
    pub fn describe(&self, class: Class) -> String {
        let mut texts: Vec<String> = self
            .nodes(class)
            .iter()
            .map(|node| match self.kind(node) {
                NodeKind::Literal(literal) => format!("{literal:?}"),
                NodeKind::Constant(_) => "constant".to_owned(),
                NodeKind::Leaf(_) => "value from outside".to_owned(),
                NodeKind::Projection(result) => format!("result {result}"),
                NodeKind::Operator { op, .. } => op.to_string(),
            })
            .collect();
        texts.dedup();
        texts.join(" | ")
    }
}

impl fmt::Debug for EGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for class in self.classes() {
            write!(f, "{class}:")?;
            for node in self.nodes(class) {
                write!(f, " {:?}{:?}", self.kind(node), node.children)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Facts;

    fn graph() -> EGraph {
        EGraph::new(ConstantStore::default())
    }

    fn op(graph: &mut EGraph, name: &str, operands: &[Class]) -> Class {
        graph.add_op(Name::new(name), operands, AttributesId::default(), 1)
    }

    fn leaf(graph: &mut EGraph, number: u32) -> Class {
        graph.add_leaf(LeafId(number), Facts::default())
    }

    #[test]
    fn equal_operands_make_equal_results() {
        let mut g = graph();
        let (x, y) = (leaf(&mut g, 0), leaf(&mut g, 1));
        let (fx, fy) = (op(&mut g, "f", &[x]), op(&mut g, "f", &[y]));
        assert_ne!(g.find(fx), g.find(fy));
        g.union(x, y, ApplicationId::IMPORT);
        g.rebuild().unwrap();
        assert_eq!(g.find(fx), g.find(fy));
        assert_eq!(g.users(x), [g.find(fx)]);
    }

    #[test]
    fn what_is_unpacked_is_what_was_put_in() {
        let mut g = graph();
        let (x, y) = (leaf(&mut g, 0), leaf(&mut g, 1));
        let list = op(&mut g, "prim::ListConstruct", &[x, y]);
        let unpack = Name::new("prim::ListUnpack");
        let direct = g.add_op(unpack, &[list], AttributesId::default(), 2);
        assert_eq!(g.add_projection(direct, 1), y);

        let later = leaf(&mut g, 2);
        let parts = g.add_op(unpack, &[later], AttributesId::default(), 2);
        let first = g.add_projection(parts, 0);
        g.rebuild().unwrap();
        assert_ne!(g.find(first), g.find(x));
        g.union(later, list, ApplicationId::IMPORT);
        g.rebuild().unwrap();
        assert_eq!(g.find(first), g.find(x));
    }

    #[test]
    fn a_list_of_literals_is_a_literal() {
        let mut g = graph();
        let items = [1, 2].map(|n| g.add_literal(&Literal::Int(n)));
        let list = op(&mut g, "prim::ListConstruct", &items);
        assert_eq!(g.literal(list), Some(&Literal::ints([1, 2])));
        let same = g.add_literal(&Literal::ints([1, 2]));
        assert_eq!(g.find(list), g.find(same));
        let unpack = Name::new("prim::ListUnpack");
        let parts = g.add_op(unpack, &[same], AttributesId::default(), 2);
        let second = g.add_projection(parts, 1);
        assert_eq!(g.find(second), g.find(items[1]));
    }

    #[test]
    fn a_false_equality_names_its_rule() {
        let mut g = graph();
        let (x, y) = (leaf(&mut g, 0), leaf(&mut g, 1));
        let (fx, fy) = (op(&mut g, "f", &[x]), op(&mut g, "f", &[y]));
        g.learn(fx, Facts::tensor(Some(DType::QI8), None));
        g.learn(fy, Facts::tensor(Some(DType::QU8), None));
        g.rebuild().unwrap();
        let mut apply = |rule: &str| {
            g.inner.analysis.provenance.begin(Application {
                rule: Name::new(rule),
                instance: 0,
                variant: 0,
                roots: [].into(),
                bound: [].into(),
            })
        };
        let (guilty, innocent) = (apply("m.guilty"), apply("m.innocent"));
        g.inner.analysis.provenance.end();
        g.union(x, y, guilty);
        let (a, b) = (leaf(&mut g, 2), leaf(&mut g, 3));
        g.union(a, b, innocent);
        let error = g.rebuild().unwrap_err();
        assert_eq!(error.rule, Some(Name::new("m.guilty")));
        assert_eq!(
            error.to_string(),
            "rule m.guilty makes values equal that differ: dtype QI8 against QU8 at f"
        );
    }
}
