//! Flags that fill a pipeline's settings.
//!
//! In: flags as written. Out: literals by the names of settings.
//! Invariant: a flag that was not given says nothing, so that the pipeline's default stands.

use clap::Args;

use crate::check;
use crate::graph::{Literal, Name};

/// Settings of the pipeline.
#[derive(Args, Clone, Debug, Default)]
pub struct Settings {
    /// A method, attribute or submodule (dotted path) to keep: setting `keep`. May be given several times.
    #[arg(long, value_name = "NAME")]
    pub keep: Vec<String>,
    /// The method to work on: setting `method`.
    #[arg(long, value_name = "NAME")]
    pub method: Option<String>,
    /// Modules that belong together, by their paths: setting `modules`. May be given several times.
    #[arg(long, value_name = "PATH,PATH...")]
    pub modules: Vec<String>,
    /// A step to leave out, by its name: setting `skip`. May be given several times.
    #[arg(long, value_name = "NAME")]
    pub skip: Vec<String>,
    /// Any setting of the pipeline: a number, `true`, `false`, a string, or a list such as `["a", "b"]`.
    #[arg(long, value_name = "NAME=VALUE")]
    pub set: Vec<String>,
}

impl Settings {
    /// What was given.
    pub fn literals(&self) -> Result<Vec<(Name, Literal)>, String> {
        let texts = |texts: &[String]| Literal::list(texts.iter().map(|text| Literal::str(text)));
        let mut found: Vec<(Name, Literal)> = Vec::new();
        if !self.keep.is_empty() {
            found.push((Name::new("keep"), texts(&self.keep)));
        }
        if let Some(method) = &self.method {
            found.push((Name::new("method"), Literal::str(method)));
        }
        if !self.modules.is_empty() {
            let groups = self.modules.iter().map(|group| {
                let paths = group.split(',').map(str::trim);
                Literal::list(paths.filter(|path| !path.is_empty()).map(Literal::str))
            });
            found.push((Name::new("modules"), Literal::list(groups)));
        }
        if !self.skip.is_empty() {
            found.push((Name::new("skip"), texts(&self.skip)));
        }
        for setting in &self.set {
            let (name, value) = setting
                .split_once('=')
                .ok_or_else(|| format!("--set {setting}: write `--set name=value`"))?;
            let name = Name::new(name.trim());
            if found.iter().any(|(known, _)| *known == name) {
                return Err(format!("--set {setting}: `{name}` is given twice"));
            }
            let value = value_of(value.trim()).ok_or_else(|| {
                format!(
                    "--set {setting}: `{value}` is no number, `true`, `false`, string or list; a string with other than letters, digits, \
                     `_`, `.` and `-` needs quotes: `--set '{name}=\"...\"'`"
                )
            })?;
            found.push((name, value));
        }
        Ok(found)
    }
}

/// A literal as rule files write it; a plain word is a string.
fn value_of(text: &str) -> Option<Literal> {
    let starts_a_word = text.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic());
    let is_word = starts_a_word
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    match text {
        "true" | "false" | "none" | "inf" | "nan" => check::literal(text),
        word if is_word => Some(Literal::str(word)),
        other => check::literal(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_rule_files() {
        let cases = [
            ("3", Some(Literal::Int(3))),
            ("-1", Some(Literal::Int(-1))),
            ("0.5", Some(Literal::Float(0.5))),
            ("true", Some(Literal::Bool(true))),
            ("forward", Some(Literal::str("forward"))),
            ("torch.clean", Some(Literal::str("torch.clean"))),
            ("\"a b\"", Some(Literal::str("a b"))),
            ("[1, 2]", Some(Literal::ints([1, 2]))),
            ("[]", Some(Literal::list([]))),
            ("a b", None),
            ("[1", None),
            ("1\nconst OTHER = 2", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(value_of(text), expected, "{text}");
        }
    }

    #[test]
    fn flags_fill_the_settings_of_their_names() {
        let settings = Settings {
            keep: vec!["a".into()],
            modules: vec!["x, y".into(), "z".into()],
            set: vec!["limit=2".into()],
            ..Settings::default()
        };
        let group = |paths: &[&str]| Literal::list(paths.iter().map(|path| Literal::str(path)));
        let expected = vec![
            (Name::new("keep"), group(&["a"])),
            (
                Name::new("modules"),
                Literal::list([group(&["x", "y"]), group(&["z"])]),
            ),
            (Name::new("limit"), Literal::Int(2)),
        ];
        assert_eq!(settings.literals(), Ok(expected));
        let twice = Settings {
            keep: vec!["a".into()],
            set: vec!["keep=b".into()],
            ..Settings::default()
        };
        assert!(twice.literals().is_err());
    }
}
