//! Settings and `let`s of a pipeline, and what its expressions say about the model.
//!
//! In: literals by name. Out: values of expressions.
//! Invariant: an expression that has no value is an error that names the pipeline and what was asked for.

use std::convert::Infallible;

use rustc_hash::FxHashMap;

use crate::check::evaluate::{Scope, Val, evaluate};
use crate::check::pipeline::Pipeline;
use crate::check::rule::{Expr, Function, Slot};
use crate::diagnostic::closest;
use crate::graph::{Literal, Name};

use super::job::{JobError, Options};

/// Settings and names of a pipeline that runs.
pub(super) struct Settings {
    pipeline: Name,
    values: FxHashMap<Name, Val<Infallible>>,
}

/// The settings that the options give a pipeline: each is one of its settings, and of its default's kind.
pub(super) fn given(
    pipeline: &Pipeline,
    options: &Options,
) -> Result<Vec<(Name, Literal)>, JobError> {
    for (name, value) in &options.settings {
        let known = pipeline.settings.iter().find(|(known, _)| known == name);
        let Some((_, default)) = known else {
            let settings: Vec<Name> = pipeline.settings.iter().map(|(name, _)| *name).collect();
            let names = settings.iter().map(|name| name.as_str());
            return Err(JobError::UnknownSetting {
                pipeline: pipeline.name,
                name: *name,
                meant: closest(name.as_str(), names).map(str::to_owned),
                settings,
            });
        };
        if let Some(wanted) = default.as_ref().and_then(|default| wanted(default, value)) {
            return Err(JobError::SettingKind {
                pipeline: pipeline.name,
                name: *name,
                wanted,
            });
        }
    }
    Ok(options.settings.clone())
}

/// What a value should be to be of the default's kind; `None` if it is.
fn wanted(default: &Literal, value: &Literal) -> Option<&'static str> {
    use Literal as L;
    let (is_alike, wanted) = match default {
        L::Bool(_) => (matches!(value, L::Bool(_)), "`true` or `false`"),
        L::Int(_) => (matches!(value, L::Int(_)), "an integer"),
        L::Float(_) => (matches!(value, L::Int(_) | L::Float(_)), "a number"),
        L::Str(_) => (matches!(value, L::Str(_)), "a string"),
        L::List(_) => (matches!(value, L::List(_)), "a list"),
        _ => (true, ""),
    };
    (!is_alike).then_some(wanted)
}

impl Settings {
    /// Those of a pipeline, the others at their defaults.
    pub(super) fn new(
        pipeline: &Pipeline,
        given: &[(Name, Literal)],
    ) -> Result<Settings, JobError> {
        let mut values = FxHashMap::default();
        for (name, default) in &pipeline.settings {
            let value = given.iter().find(|(given, _)| given == name);
            let value = value.map(|(_, value)| value).or(default.as_ref());
            let value = value.ok_or_else(|| JobError::Setting {
                pipeline: pipeline.name,
                what: name.to_string(),
            })?;
            values.insert(*name, Val::Literal(value.clone()));
        }
        Ok(Settings {
            pipeline: pipeline.name,
            values,
        })
    }

    /// Names a value.
    pub(super) fn bind(&mut self, name: Name, value: Val<Infallible>) {
        self.values.insert(name, value);
    }

    /// The value of an expression, known or not.
    pub(super) fn evaluate(&self, expr: &Expr, names: &Names) -> Val<Infallible> {
        evaluate(
            expr,
            &[],
            &Now {
                settings: self,
                names,
            },
        )
    }

    /// The value of an expression, which `what` names for errors.
    pub(super) fn value(
        &self,
        expr: &Expr,
        names: &Names,
        what: &str,
    ) -> Result<Literal, JobError> {
        let value = self.evaluate(expr, names).into_literal();
        value.ok_or_else(|| self.no_value(what))
    }

    /// A text.
    pub(super) fn text(&self, expr: &Expr, names: &Names, what: &str) -> Result<String, JobError> {
        let value = self.value(expr, names, what)?;
        let text = value.as_str().map(str::to_owned);
        text.ok_or_else(|| self.wrong(what, "a string"))
    }

    /// A text, or a list of texts.
    pub(super) fn texts(
        &self,
        expr: &Expr,
        names: &Names,
        what: &str,
    ) -> Result<Vec<String>, JobError> {
        let value = self.value(expr, names, what)?;
        if let Some(text) = value.as_str() {
            return Ok(vec![text.to_owned()]);
        }
        let texts = value.items().and_then(|items| {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
            texts.collect::<Option<Vec<String>>>()
        });
        texts.ok_or_else(|| self.wrong(what, "a list of strings"))
    }

    /// A list of lists of texts; a list of texts is one of them.
    pub(super) fn groups(
        &self,
        expr: &Expr,
        names: &Names,
        what: &str,
    ) -> Result<Vec<Vec<String>>, JobError> {
        let value = self.value(expr, names, what)?;
        let texts = |items: &[Literal]| {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
            texts.collect::<Option<Vec<String>>>()
        };
        let wrong = || self.wrong(what, "a list of module paths, or a list of such lists");
        let items = value.items().ok_or_else(wrong)?;
        if items.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(one) = texts(items) {
            return Ok(vec![one]);
        }
        let groups = items.iter().map(|item| texts(item.items()?));
        groups.collect::<Option<_>>().ok_or_else(wrong)
    }

    /// The error that an expression has no value.
    pub(super) fn no_value(&self, what: &str) -> JobError {
        JobError::Setting {
            pipeline: self.pipeline,
            what: what.to_owned(),
        }
    }

    /// The error that a value is of another kind.
    pub(super) fn wrong(&self, what: &str, wanted: &'static str) -> JobError {
        JobError::Kind {
            pipeline: self.pipeline,
            what: what.to_owned(),
            wanted,
        }
    }
}

/// What steps may ask of the model as it is now.
pub(super) struct Names {
    /// Its methods.
    pub(super) methods: Vec<Name>,
    /// Attributes of the root.
    pub(super) attributes: Vec<Name>,
}

/// The settings and the model as it is now.
struct Now<'a> {
    settings: &'a Settings,
    names: &'a Names,
}

impl Scope for Now<'_> {
    type Value = Infallible;

    fn slot(&self, _: Slot) -> Val<Infallible> {
        Val::Unknown
    }

    fn setting(&self, name: Name) -> Val<Infallible> {
        let value = self.settings.values.get(&name);
        value.cloned().unwrap_or(Val::Unknown)
    }

    fn literal(&self, value: &Infallible) -> Option<Literal> {
        match *value {}
    }

    fn same(&self, a: &Infallible, _: &Infallible) -> Option<bool> {
        match *a {}
    }

    fn fact(&self, _: Function, value: &Infallible) -> Val<Infallible> {
        match *value {}
    }

    fn methods(&self) -> Option<Vec<Name>> {
        Some(self.names.methods.clone())
    }

    fn attributes(&self) -> Option<Vec<Name>> {
        Some(self.names.attributes.clone())
    }
}
