//! `rulefold why` on every static rule, judged by a reader of rules that shares nothing with the engine.

use crate::command::model;
use crate::why::OTHER_MODELS;
use crate::why_read::{Read, Reader};
use crate::why_values::{Net, base};
use rulefold::graph::Name;
use rulefold::inspect::why::{
    Asked, Example, Group, ModelNode, Question, StepWhy, step_why, subject,
};
use rulefold::model::torchscript;
use rulefold::pipeline::job::{self, Options};
use rulefold::pipeline::library::{self, Loaded};
use rulefold::pipeline::observe::{Acted, Observer};
use rulefold::syntax::ast::{File, ItemKind, Rule};
use rulefold::syntax::parse;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// The module whose rules are judged.
const MODULE: &str = "torch.quantized";

struct Judge<'a> {
    loaded: &'a Loaded,
    file: &'a File,
    wrong: Vec<String>,
    counts: Counts,
}

#[derive(Default, Debug)]
struct Counts {
    instances: usize,
    variants: usize,
    /// Groups of near misses, and those of which the graph alone shows the very same.
    groups: usize,
    shown: usize,
    /// Matches of the model's values, and those that the graph alone shows.
    matches: usize,
    matches_shown: usize,
}

impl Judge<'_> {
    fn is_ours(name: Name) -> bool {
        let rest = name.as_str().strip_prefix(MODULE);
        rest.is_some_and(|rest| rest.starts_with('.'))
    }

    fn rule(&self, name: &str) -> &Rule {
        let short = name.rsplit('.').next().expect("a name");
        let found = self.file.items.iter().find_map(|item| match &item.kind {
            ItemKind::Rule(rule) if rule.name.text == short => Some(rule),
            _ => None,
        });
        found.expect("the rule stands in its file")
    }

    fn instance(&mut self, step: &Acted<'_>, net: &Net, name: &str, label: &str) {
        let words = format!("{name}{}", label.find('[').map_or("", |at| &label[at..]));
        let subject = subject(&self.loaded.library, &words).expect("the name of an instance");
        let question = Question {
            rule: words.clone(),
            all: true,
            ..Question::default()
        };
        let asked = Asked {
            subject: &subject,
            question: &question,
            sources: &self.loaded.sources,
        };
        let told = step_why(step, &asked).expect("no node is asked for");
        let Some(told) = told else { return };
        let mut counts = std::mem::take(&mut self.counts);
        counts.instances += 1;
        let instances = subject.instances.iter();
        let instances = instances.map(|&at| &subject.rule.instances[at as usize]);
        counts.variants += instances.map(|of| of.variants.len()).sum::<usize>();
        let mut reader = Reader::new(net, &self.loaded.catalogue, self.rule(name), label);
        let mut wrong = Vec::new();
        matches(&told, net, &mut reader, &mut counts, &mut wrong);
        for group in &told.groups {
            near_misses(group, net, &mut reader, &mut counts, &mut wrong);
        }
        let ops: BTreeSet<&str> = net.things.iter().map(|thing| thing.op.as_str()).collect();
        for missing in &told.missing_operators {
            if ops.contains(missing.op.as_str()) {
                wrong.push(format!("the model has {}", missing.op));
            }
        }
        self.counts = counts;
        self.wrong
            .extend(wrong.iter().map(|what| format!("{words}: {what}")));
    }
}

/// Whether an example went over something that only rules have made: a value without a name, or another operator than the model's.
fn is_beyond(example: &Example, net: &Net) -> bool {
    let is_made = |node: &ModelNode, op: &str| match net.names.get(&node.name) {
        None => !node.op.is_empty(),
        Some(&at) if op.contains("::") => net.things[at].op != op,
        // A literal that a rule has found.
        Some(&at) => op.ends_with("known at compile time") && net.lit(at).is_none(),
    };
    let mut met = example.met.iter();
    is_made(&example.root, "") || met.any(|met| is_made(&met.node, &met.what))
}

/// What matches by the graph alone is told to match; what else is told to rests on what rules have made.
fn matches(
    told: &StepWhy,
    net: &Net,
    reader: &mut Reader<'_>,
    counts: &mut Counts,
    wrong: &mut Vec<String>,
) {
    assert_eq!(told.matched.len(), told.matches);
    let roots = told.matched.iter();
    let roots = roots.filter_map(|example| net.names.get(&example.root.name));
    let roots: BTreeSet<usize> = roots.map(|&at| net.same[at]).collect();
    for (name, &at) in &net.names {
        if reader.read(at).matched && !roots.contains(&net.same[at]) {
            wrong.push(format!("{name} matches and is not told"));
        }
    }
    for example in &told.matched {
        let Some(&at) = net.names.get(&example.root.name) else {
            continue;
        };
        counts.matches += 1;
        if reader.read(at).matched {
            counts.matches_shown += 1;
        } else if !is_beyond(example, net) {
            wrong.push(format!("{} does not match", example.root.name));
        }
    }
}

/// Nothing that is told to miss matches; it misses where it is told to, or the graph alone does not come that far.
fn near_misses(
    group: &Group,
    net: &Net,
    reader: &mut Reader<'_>,
    counts: &mut Counts,
    wrong: &mut Vec<String>,
) {
    assert_eq!(group.examples.len(), group.count);
    counts.groups += 1;
    let mut is_shown = false;
    for example in &group.examples {
        let Some(&root) = net.names.get(&example.root.name) else {
            continue;
        };
        let read = reader.read(root);
        let name = &example.root.name;
        if read.matched {
            wrong.push(format!("{name} matches, told is: {}", group.reason));
        }
        if says(group, example, net, &read) {
            is_shown = true;
        } else if !is_beyond(example, net) {
            wrong.push(format!(
                "{name}: not so: {} ({})",
                group.reason, example.miss
            ));
        }
        // What is told to be there instead is the model's.
        if let (Some((_, found)), Some(&at)) = (
            example.miss.split_once(", found "),
            net.names.get(&example.at.name),
        ) && found.contains("::")
            && base(found) != base(&net.things[at].op)
        {
            wrong.push(format!("{} is no {found}", example.at.name));
        }
    }
    counts.shown += usize::from(is_shown);
}

/// Whether the reader came to the same end.
fn says(group: &Group, example: &Example, net: &Net, read: &Read) -> bool {
    if group.kind == "guard" {
        return read.guards.contains(&group.reason);
    }
    let at = net.names.get(&example.at.name);
    read.ended.iter().any(|ended| {
        let place = |span: &rulefold::source::Span| (span.source, span.start);
        let mut spans = group.spans.iter();
        spans.any(|span| place(span) == place(&ended.span))
            && at.is_none_or(|&at| net.same[at] == net.same[ended.at])
    })
}

impl Observer for Judge<'_> {
    fn wants(&self, named: &[Name]) -> bool {
        named.iter().any(|&name| Judge::is_ours(name))
    }

    fn acted(&mut self, step: &Acted<'_>) -> ControlFlow<()> {
        let net = Net::new(step.graph, step.built.egraph.constants());
        for rule in step.rules {
            if Judge::is_ours(rule.name) {
                for instance in &rule.instances {
                    self.instance(step, &net, rule.name.as_str(), &instance.label);
                }
            }
        }
        ControlFlow::Continue(())
    }
}

fn judged(case: &str) -> Counts {
    let loaded = library::load(Vec::new());
    let rules = loaded.library.rules.iter();
    let mut ours = rules.filter(|rule| Judge::is_ours(rule.name));
    let source = ours.next().expect("the module has rules").span.source;
    let text = loaded.sources.file(source).expect("it was read").text();
    let (file, _) = parse(source, text);
    let model = torchscript::read(&model(case), &loaded.catalogue).expect("a recorded model");
    let mut judge = Judge {
        loaded: &loaded,
        file: &file,
        wrong: Vec::new(),
        counts: Counts::default(),
    };
    let options = Options {
        pipeline: Some("torch.static".to_owned()),
        ..Options::default()
    };
    job::observe(model, &loaded, &options, &mut judge).expect("a job");
    assert!(judge.wrong.is_empty(), "{}", judge.wrong.join("\n"));
    judge.counts
}

#[test]
fn a_reader_of_rules_and_graph_finds_what_is_told_of_each_static_rule() {
    let counts = judged("mobilenet_v2");
    assert_eq!((counts.instances, counts.variants), (57, 122));
    assert!(counts.shown + 2 >= counts.groups, "{counts:?}");
    assert!(counts.matches_shown >= 100, "{counts:?}");
}

#[test]
fn a_reader_of_rules_and_graph_agrees_on_other_models() {
    for case in OTHER_MODELS {
        judged(case);
    }
}
