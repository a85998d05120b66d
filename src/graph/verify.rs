//! Whether a graph holds together: every value defined once, before it is used, where it can be seen.
//!
//! In: a graph. Out: the first thing that is wrong, with the node it was found at.

use rustc_hash::FxHashSet;

use super::{BlockId, Def, Graph, Name, NodeId, ValueId};

/// What is wrong with a graph.
#[derive(thiserror::Error, Debug, Clone, PartialEq, Eq)]
pub enum VerifyError {
    /// A value is used where it is not defined yet, or not to be seen.
    #[error("`{op}` uses a value that is not defined before it in a block around it{}", at(*.place))]
    NotInScope {
        /// The user.
        op: Name,
        /// Its place.
        place: Option<Name>,
    },
    /// A node's blocks do not fit its kind.
    #[error("`{op}` has {found}, expected {expected}{}", at(*.place))]
    Shape {
        /// The node's operator.
        op: Name,
        /// Its place.
        place: Option<Name>,
        /// What it has.
        found: String,
        /// What it should have.
        expected: String,
    },
}

fn at(place: Option<Name>) -> String {
    place.map_or_else(String::new, |place| format!(" at {place}"))
}

impl Graph {
    /// Checks that values are defined before they are used, and that branches and loops have the blocks they need.
    pub fn verify(&self) -> Result<(), VerifyError> {
        let mut seen = FxHashSet::default();
        self.verify_block(Graph::BODY, &mut seen)
    }

    fn verify_block(
        &self,
        block: BlockId,
        seen: &mut FxHashSet<ValueId>,
    ) -> Result<(), VerifyError> {
        let mut own: Vec<ValueId> = self.block(block).parameters.clone();
        seen.extend(&own);
        for &id in &self.block(block).nodes {
            self.verify_uses(id, &self.node(id).operands, seen)?;
            self.verify_shape(id)?;
            for &inner in &self.node(id).blocks {
                self.verify_block(inner, seen)?;
            }
            own.extend(&self.node(id).results);
            seen.extend(&self.node(id).results);
        }
        for &value in &self.block(block).returns {
            if !self.is_visible(value, seen) {
                return Err(VerifyError::NotInScope {
                    op: "return".into(),
                    place: None,
                });
            }
        }
        for value in own {
            seen.remove(&value);
        }
        Ok(())
    }

    fn is_visible(&self, value: ValueId, seen: &FxHashSet<ValueId>) -> bool {
        matches!(self.value(value).def, Def::Literal(_) | Def::Constant(_)) || seen.contains(&value)
    }

    fn verify_uses(
        &self,
        id: NodeId,
        values: &[ValueId],
        seen: &FxHashSet<ValueId>,
    ) -> Result<(), VerifyError> {
        let node = self.node(id);
        if values.iter().all(|&value| self.is_visible(value, seen)) {
            return Ok(());
        }
        Err(VerifyError::NotInScope {
            op: node.op,
            place: node.place,
        })
    }

    fn verify_shape(&self, id: NodeId) -> Result<(), VerifyError> {
        let node = self.node(id);
        let results = node.results.len();
        let wrong = |found: String, expected: String| {
            Err(VerifyError::Shape {
                op: node.op,
                place: node.place,
                found,
                expected,
            })
        };
        let blocks = match node.op.as_str() {
            "prim::If" => 2,
            "prim::Loop" => 1,
            _ => return Ok(()),
        };
        if node.blocks.len() != blocks {
            return wrong(format!("{} blocks", node.blocks.len()), format!("{blocks}"));
        }
        let is_loop = usize::from(blocks == 1);
        for &block in &node.blocks {
            let block = self.block(block);
            if block.returns.len() != results + is_loop {
                return wrong(
                    format!("a block that returns {} values", block.returns.len()),
                    format!("{}", results + is_loop),
                );
            }
            if block.parameters.len() != (results + 1) * is_loop {
                return wrong(
                    format!("a block with {} parameters", block.parameters.len()),
                    format!("{}", (results + 1) * is_loop),
                );
            }
        }
        let operands = if is_loop == 1 { results + 2 } else { 1 };
        if node.operands.len() != operands {
            return wrong(
                format!("{} operands", node.operands.len()),
                format!("{operands}"),
            );
        }
        Ok(())
    }
}
