//! Where each module is: the attributes that lead to it from the root.
//!
//! In: a model. Out: for each module its shortest path, the first of several.
//! Invariant: all paths are found in one walk over the tree.

use crate::graph::{AttributeValue, Model, ModuleId, Name};

/// The paths of all modules.
pub(super) struct Paths(Vec<(Vec<Name>, Option<Name>)>);

impl Paths {
    pub(super) fn of_model(model: &Model) -> Paths {
        let mut found: Vec<Option<Vec<Name>>> = vec![None; model.modules.len()];
        let mut queue = std::collections::VecDeque::new();
        if let Some(root) = found.first_mut() {
            *root = Some(Vec::new());
            queue.push_back(Model::ROOT);
        }
        while let Some(owner) = queue.pop_front() {
            let path = found[owner.0 as usize].clone().unwrap_or_default();
            for (&name, attribute) in &model.module(owner).attributes {
                if let AttributeValue::Module(inner) = attribute.value
                    && found[inner.0 as usize].is_none()
                {
                    let mut longer = path.clone();
                    longer.push(name);
                    found[inner.0 as usize] = Some(longer);
                    queue.push_back(inner);
                }
            }
        }
        let with_text = |path: Vec<Name>| {
            let texts: Vec<&str> = path.iter().map(|name| name.as_str()).collect();
            let text = (!texts.is_empty()).then(|| Name::new(&texts.join(".")));
            (path, text)
        };
        let paths = found.into_iter().map(Option::unwrap_or_default);
        Paths(paths.map(with_text).collect())
    }

    /// Attribute names from the root; none for the root itself, and for a module that nothing holds.
    pub(super) fn of(&self, module: ModuleId) -> &[Name] {
        &self.0[module.0 as usize].0
    }

    /// The same with dots between; `None` for the root.
    pub(super) fn text(&self, module: ModuleId) -> Option<Name> {
        self.0[module.0 as usize].1
    }
}
