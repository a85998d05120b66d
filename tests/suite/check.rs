//! Rule files through the checker: what is in the library, and what it says of bad ones.

use rulefold::check::pipeline::Step;
use rulefold::check::{Library, ModuleSource, check, graph};
use rulefold::diagnostic::plain;
use rulefold::graph::ConstantStore;
use rulefold::graph::text::print;
use rulefold::ops::Catalogue;
use rulefold::source::{SourceId, Sources};
use rulefold::syntax::{ast, parse, parse_graph};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Rule files below a folder with their module names, sorted.
fn modules_below(dir: &Path, prefix: &str) -> Vec<(String, PathBuf)> {
    let mut found = vec![];
    for entry in fs::read_dir(dir).expect("the folder is part of the package") {
        let path = entry.expect("the folder can be listed").path();
        let name = path.file_stem().map(|name| name.to_string_lossy());
        let name = format!("{prefix}{}", name.expect("files have names"));
        if path.is_dir() {
            found.extend(modules_below(&path, &format!("{name}.")));
        } else if path.extension().is_some_and(|e| e == "fold") {
            found.push((name, path));
        }
    }
    found.sort();
    found
}

/// Parses and checks texts under module names; the answer holds the diagnostics of both stages.
fn checked(texts: &[(String, String)]) -> (Library, String) {
    let mut sources = Sources::new();
    let mut diagnostics = vec![];
    let mut files: Vec<(&str, SourceId, ast::File)> = vec![];
    for (name, text) in texts {
        let id = sources.add(format!("{}.fold", name.replace('.', "/")), text.as_str());
        let (file, found) = parse(id, text);
        diagnostics.extend(found);
        files.push((name, id, file));
    }
    let modules: Vec<ModuleSource> = files
        .iter()
        .map(|(name, source, file)| ModuleSource {
            name,
            source: *source,
            file,
            replaces: false,
        })
        .collect();
    let (library, found) = check(&modules, &mut Catalogue::new());
    diagnostics.extend(found);
    (library, plain(&sources, &diagnostics))
}

fn shipped() -> Vec<(String, String)> {
    modules_below(&root().join("patterns"), "")
        .into_iter()
        .map(|(name, path)| (name, fs::read_to_string(path).expect("a rule file")))
        .collect()
}

/// Rules with their instances and the numbers of their variants.
fn listed(library: &Library) -> String {
    let mut out = String::new();
    for rule in &library.rules {
        let _ = writeln!(out, "{} {:?}", rule.name, rule.numerics);
        for instance in &rule.instances {
            let _ = writeln!(
                out,
                "  {}: {} variants",
                instance.label,
                instance.variants.len()
            );
        }
    }
    for pipeline in &library.pipelines {
        let settings: Vec<&str> = pipeline.settings.iter().map(|s| s.0.as_str()).collect();
        let _ = writeln!(out, "pipeline {}({})", pipeline.name, settings.join(", "));
        for step in &pipeline.steps {
            let _ = writeln!(out, "  {}", step_text(step));
        }
    }
    for test in &library.tests {
        let name = &test.test.name.value;
        let _ = writeln!(out, "test of {} {:?}: {name}", test.target, test.instances);
    }
    for keep in &library.keeps {
        let _ = writeln!(out, "keep {}: {} patterns", keep.name, keep.patterns.len());
    }
    out
}

fn step_text(step: &Step) -> String {
    match step {
        Step::Saturate { rules, keeps, .. } => {
            format!("saturate: {} rules, {} keeps", rules.len(), keeps.len())
        }
        Step::Apply { rules, .. } => format!("apply: {} rules", rules.len()),
        Step::If(condition, steps) => {
            let steps: Vec<String> = steps.iter().map(step_text).collect();
            format!("if {condition:?}: {}", steps.join(", "))
        }
        Step::Freeze { keep, .. } => format!("freeze: {keep:?}"),
        Step::Inline { keep, .. } => format!("inline: {keep:?}"),
        Step::Forbid { ops, error, .. } => format!("forbid: {ops:?} {error:?}"),
        Step::Store { ops, prefix, .. } => format!("store: {ops:?} {prefix:?}"),
        Step::Clone { method, new, .. } => format!("clone: {method:?} {new:?}"),
        Step::ReturnNone { method, .. } => format!("return_none: {method:?}"),
        Step::SetAttribute { name, value, .. } => format!("set_attribute: {name:?} {value:?}"),
        Step::ShareConstants => "share_constants".to_owned(),
        Step::Fetch { rows, .. } => format!("fetch: {rows:?}"),
        Step::Let(name, value) => format!("let {name}: {value:?}"),
        Step::Run {
            pipeline, settings, ..
        } => format!("run {pipeline}: {settings:?}"),
        Step::Sequences { modules, known, .. } => format!("sequences: {modules:?} {known:?}"),
        Step::Demand {
            condition, error, ..
        } => format!("demand: {condition:?} {error:?}"),
    }
}

/// Reads a graph and prints it; what is printed must read back as the same.
fn read_twice(name: &str, text: &str) -> String {
    let mut sources = Sources::new();
    let mut read = |name: &str, text: &str| {
        let id = sources.add(name, text);
        let tree = parse_graph(id, text).map_err(|found| plain(&sources, &found))?;
        let read = graph::read(&tree, &Catalogue::new());
        read.map_err(|found| plain(&sources, &found))
    };
    match read(name, text) {
        Err(answer) => answer,
        Ok(first) => {
            let printed = print(&first.graph, &ConstantStore::default());
            match read("printed", &printed) {
                Err(answer) => format!("{printed}\n{answer}"),
                Ok(second) => {
                    let again = print(&second.graph, &ConstantStore::default());
                    assert_eq!(again, printed, "{name}");
                    let graph = &first.graph;
                    format!(
                        "{name}: {} nodes, {} constants\n",
                        graph.walk().len(),
                        first.constants.len()
                    )
                }
            }
        }
    }
}

#[test]
fn dumps_are_graphs() {
    let mut dumps: Vec<PathBuf> = fs::read_dir(root().join("tests/syntax/dumps"))
        .expect("the folder is part of the package")
        .map(|entry| entry.expect("the folder can be listed").path())
        .collect();
    dumps.sort();
    let answers: String = dumps
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).expect("a dump");
            read_twice(
                &path
                    .file_name()
                    .expect("files have names")
                    .to_string_lossy(),
                &text,
            )
        })
        .collect();
    insta::assert_snapshot!(answers);
}

#[test]
fn shipped_library_is_right() {
    let (library, answer) = checked(&shipped());
    assert_eq!(answer, "");
    insta::assert_snapshot!(listed(&library));
}

/// Each file of mistakes beside the shipped library, with what is said of it and what of it is left.
#[test]
fn bad_files_get_answers() {
    for (name, path) in modules_below(&root().join("tests/check/bad"), "") {
        let text = fs::read_to_string(path).expect("a rule file");
        let module = format!("bad.{name}");
        let mut modules = shipped();
        modules.push((module.clone(), text));
        let (library, answer) = checked(&modules);
        let left: String = listed(&library)
            .split_inclusive('\n')
            .filter(|line| line.contains(&module))
            .collect();
        insta::assert_snapshot!(name, format!("{answer}\nleft:\n{left}"));
    }
}

/// Each variant of the files that show what rules can say.
#[test]
fn constructs_are_written_out() {
    for (name, path) in modules_below(&root().join("tests/check/right"), "") {
        let text = fs::read_to_string(path).expect("a rule file");
        let (library, mut answer) = checked(&[(name.clone(), text)]);
        for rule in &library.rules {
            for instance in &rule.instances {
                let _ = writeln!(answer, "{}", instance.label);
                for variant in &instance.variants {
                    let _ = writeln!(answer, "{variant}");
                }
            }
        }
        insta::assert_snapshot!(format!("right_{name}"), answer);
    }
}

/// What is said of the shipped library with one op name misspelled: the rule, the instance, the name that was meant.
#[test]
fn a_misspelled_op_is_named() {
    let misspelled = [
        (
            "quantized::{op}_prepack",
            "quantized::{op}_prepak",
            "torch.quantized",
        ),
        (
            "\"adaptive_avg_pool3d\"",
            "\"adaptive_avg_pol3d\"",
            "torch.quantized",
        ),
        ("aten::detach(", "aten::detatch(", "torch.clean"),
        (
            "aten::dequantize(%w: const",
            "aten::dequantise(%w: const",
            "torch.clean",
        ),
    ];
    let mut answers = String::new();
    for (right, wrong, module) in misspelled {
        let mut modules = shipped();
        let of_module = modules.iter_mut().find(|(name, _)| name == module);
        let (_, text) = of_module.expect("the module is shipped");
        assert!(text.contains(right), "{right}");
        *text = text.replacen(right, wrong, 1);
        answers += &checked(&modules).1;
    }
    insta::assert_snapshot!(answers);
}

#[test]
fn rules_are_the_same_without_the_tests_beside_them() {
    use rulefold::pipeline::library;
    let (whole, used) = (library::load(Vec::new()), library::load_for_use(Vec::new()));
    assert!(whole.library.tests.len() > 200 && used.library.tests.is_empty());
    let rules = |of: &library::Loaded| -> Vec<String> {
        let rules = of.library.rules.iter();
        rules
            .map(|rule| {
                let start = rule.span.start;
                let text = format!("{:?}{:?}{:?}", rule.instances, rule.reasons, rule.doc);
                format!("{} {start} {text}", rule.name)
            })
            .collect()
    };
    for (whole, used) in rules(&whole).iter().zip(rules(&used)) {
        assert_eq!(*whole, used);
    }
    let pipelines = |of: &library::Loaded| format!("{:?}", of.library.pipelines);
    assert_eq!(pipelines(&whole), pipelines(&used));
    assert_eq!(whole.library.rules.len(), used.library.rules.len());
}
