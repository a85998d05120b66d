//! The rule that is asked about: a full name, or a short one if only one rule has it, with an instance in square brackets.
//!
//! In: words of the user. Out: a [`Subject`], or a message that says what there is.

use crate::check::Library;
use crate::check::rule::Rule;
use crate::diagnostic::closest;

/// A rule with the instances that are meant.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// Numbers of its instances, ascending; all of them if none is named.
    pub instances: Vec<u32>,
    /// Whether instances were named.
    pub is_narrow: bool,
}

/// The rule that is meant.
///
/// # Errors
/// No rule or instance has the name, or several do; the message says which there are.
pub fn subject<'a>(library: &'a Library, words: &str) -> Result<Subject<'a>, String> {
    let (name, instance) = match words.find('[') {
        Some(at) => (words[..at].trim(), Some(&words[at..])),
        None => (words.trim(), None),
    };
    let rule = find(library, name)?;
    let all = 0..u32::try_from(rule.instances.len()).unwrap_or(u32::MAX);
    let Some(instance) = instance else {
        return Ok(Subject {
            rule,
            instances: all.collect(),
            is_narrow: false,
        });
    };
    let wanted = plain(instance);
    let instances: Vec<u32> = all
        .zip(&rule.instances)
        .filter(|(_, of)| is_meant(&plain(bracket(&of.label)), &wanted))
        .map(|(number, _)| number)
        .collect();
    if instances.is_empty() {
        let labels: Vec<&str> = rule.instances.iter().map(|of| bracket(&of.label)).collect();
        return Err(match labels.as_slice() {
            [""] | [] => format!("`{}` has no instances", rule.name),
            _ => format!(
                "`{}` has no instance {instance}; there are {}",
                rule.name,
                labels.join(" ")
            ),
        });
    }
    Ok(Subject {
        rule,
        instances,
        is_narrow: true,
    })
}

fn find<'a>(library: &'a Library, name: &str) -> Result<&'a Rule, String> {
    if let Some(rule) = library.rule(name) {
        return Ok(rule);
    }
    let tail = format!(".{name}");
    let short = library
        .rules
        .iter()
        .filter(|rule| rule.name.as_str().ends_with(&tail));
    let found: Vec<&Rule> = short.collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => {
            let short = |rule: &'a Rule| rule.name.as_str().rsplit('.').next().unwrap_or_default();
            let names = library
                .rules
                .iter()
                .flat_map(|rule| [short(rule), rule.name.as_str()]);
            Err(match closest(name, names) {
                Some(near) => format!("there is no rule `{name}`; did you mean `{near}`?"),
                None => format!("there is no rule `{name}`; `rulefold rules` lists what there is"),
            })
        }
        several => {
            let names: Vec<String> = several.iter().map(|r| format!("`{}`", r.name)).collect();
            Err(format!(
                "`{name}` may be {}; write the full name",
                names.join(" or ")
            ))
        }
    }
}

/// `[op = conv2d]` of a label, with the direction of a rule that has two.
fn bracket(label: &str) -> &str {
    label.find('[').map_or("", |at| &label[at..])
}

/// Without blanks and quotes.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && *c != '"')
        .collect()
}

/// Whether a label is the one written; the names of parameters, and the direction, may be left out.
fn is_meant(label: &str, wanted: &str) -> bool {
    let without_direction = label.trim_end_matches("=>").trim_end_matches("<=");
    let values = |text: &str| -> Vec<String> {
        let inside = text.trim_matches(['[', ']']);
        inside
            .split(',')
            .map(|part| part.rsplit('=').next().unwrap_or_default().to_owned())
            .collect()
    };
    label == wanted
        || without_direction == wanted
        || !wanted.contains('=') && values(without_direction) == values(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::library;

    #[test]
    fn names_may_be_short_and_instances_too() {
        let loaded = library::load(Vec::new());
        let labels = |words: &str| {
            let subject = subject(&loaded.library, words).unwrap();
            let labels = subject.instances.iter().map(|&at| {
                let label = &subject.rule.instances[at as usize].label;
                label.to_string()
            });
            labels.collect::<Vec<_>>()
        };
        assert_eq!(
            labels("torch.quantized.packed[op = conv2d]"),
            ["packed[op = conv2d]"]
        );
        assert_eq!(labels("packed[op=\"conv2d\"]"), ["packed[op = conv2d]"]);
        assert_eq!(labels("packed[conv2d]"), ["packed[op = conv2d]"]);
        assert_eq!(labels("packed").len(), 4);
        let refused = |words: &str| subject(&loaded.library, words).unwrap_err();
        assert!(refused("paked").contains("`packed`"));
        assert!(refused("packed[op = conv9d]").contains("[op = conv2d]"));
        assert!(refused("cat[D = 1]").contains("no instances"));
        assert!(refused("nothing_like_it").contains("rulefold rules"));
    }
}
