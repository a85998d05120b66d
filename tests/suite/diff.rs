//! `rulefold diff`: what is the same is found to be the same, and what was planted is found where it was planted.

use rulefold::check::graph;
use rulefold::graph::{Function, FunctionName, Graph, Model, Module, Name, Type};
use rulefold::inspect::diff::{self, Difference, Sign};
use rulefold::model::torchscript;
use rulefold::ops::Catalogue;
use rulefold::source::SourceId;
use rulefold::syntax::parse_graph;

use crate::command::{Place, model};
use crate::recorded::cases;

const CLASS: &str = "__torch__.M";

/// A model whose `forward` is this graph.
fn model_of(statements: &str) -> Model {
    let text = format!("graph(%self : {CLASS}, %x : Tensor) {{\n{statements}\n}}");
    let tree = parse_graph(SourceId::new(0), &text).expect("the text is right");
    let graph: Graph = graph::read(&tree, &Catalogue::new())
        .expect("the graph is right")
        .graph;
    let class = Name::new(CLASS);
    let mut model = Model::default();
    model.modules.push(Module {
        class,
        attributes: Default::default(),
    });
    let name = FunctionName {
        class: Some(class),
        name: Name::new("forward"),
    };
    let function = Function {
        defaults: vec![None; 2],
        graph,
        result: Type::tensor(),
    };
    model.functions.insert(name, function);
    model
}

fn compared(a: &str, b: &str) -> Difference {
    diff::models(&model_of(a), &model_of(b), &Catalogue::new())
}

/// The lines of all regions, signs first.
fn lines(difference: &Difference) -> Vec<Vec<String>> {
    let shapes = difference.methods.iter().flat_map(|method| &method.shapes);
    let regions = shapes.flat_map(|shape| &shape.regions);
    regions
        .map(|region| {
            let lines = region.lines.iter();
            let lines = lines.map(|line| {
                let sign = match line.sign {
                    Sign::Context => ' ',
                    Sign::Removed => '-',
                    Sign::Added => '+',
                };
                format!("{sign} {}", line.text)
            });
            lines.collect()
        })
        .collect()
}

#[test]
fn a_model_is_equal_to_itself_and_to_itself_written_again() {
    let catalogue = Catalogue::new();
    for case in cases() {
        let read =
            || torchscript::read(&case.join("qdq.pt"), &catalogue).expect("a recorded model");
        let (file, other) = (read(), read());
        let mut bytes = Vec::new();
        torchscript::write(&file, &catalogue, &mut bytes).expect("it is written");
        let archive = rulefold::model::archive::Archive::from_bytes("again", bytes.into())
            .expect("it is an archive");
        let again = torchscript::read_archive(&archive, &catalogue).expect("it reads back");
        for other in [&other.model, &again.model] {
            let difference = diff::models(&file.model, other, &catalogue);
            assert!(difference.equal, "{}: {difference:?}", case.display());
        }
    }
}

#[test]
fn names_do_not_matter() {
    let a = "  %a : Tensor = aten::relu(%x)\n  %b : Tensor = aten::tanh(%a)\n  return (%b)";
    let b = "  %p : Tensor = aten::relu(%x)\n  %q : Tensor = aten::tanh(%p)\n  return (%q)";
    assert!(compared(a, b).equal);
}

#[test]
fn one_operator_replaced_is_one_region() {
    let chain = |middle: &str| {
        format!(
            "  %a : Tensor = aten::relu(%x)
  %b : Tensor = aten::{middle}(%a)
  %c : Tensor = aten::relu(%b)
  %d : Tensor = aten::mul.Tensor(%c, %a)
  return (%d)"
        )
    };
    let difference = compared(&chain("tanh"), &chain("sigmoid"));
    assert!(!difference.equal);
    let expected = [
        "  %a : Tensor = aten::relu(%x)",
        "- %b : Tensor = aten::tanh(%a)",
        "+ %b : Tensor = aten::sigmoid(%a)",
        "  %c : Tensor = aten::relu(%b)",
    ];
    assert_eq!(lines(&difference), [expected]);
    let ops: Vec<_> = difference
        .operators
        .iter()
        .map(|count| (count.op.as_str(), count.before, count.after))
        .collect();
    assert_eq!(ops, [("aten::sigmoid", 0, 1), ("aten::tanh", 1, 0)]);
}

#[test]
fn values_that_take_a_place_have_its_name() {
    let a = "  %a : Tensor = aten::relu(%x)
  %b : Tensor = aten::tanh(%a)
  %c : Tensor = aten::relu(%b)
  return (%c)";
    let b = "  %p : Tensor = aten::relu(%x)
  %q : Tensor = aten::sigmoid(%p)
  %r : Tensor = aten::neg(%q)
  %s : Tensor = aten::relu(%r)
  return (%s)";
    let expected = [
        "  %a : Tensor = aten::relu(%x)",
        "- %b : Tensor = aten::tanh(%a)",
        "- %c : Tensor = aten::relu(%b)",
        "+ %q : Tensor = aten::sigmoid(%a)",
        "+ %r : Tensor = aten::neg(%q)",
        "+ %c : Tensor = aten::relu(%r)",
    ];
    assert_eq!(lines(&compared(a, b)), [expected]);
}

#[test]
fn operands_the_other_way_round_differ() {
    let sub = |operands: &str| {
        format!(
            "  %a : Tensor = aten::relu(%x)
  %b : Tensor = aten::sub.Tensor({operands}, 1)
  return (%b)"
        )
    };
    let difference = compared(&sub("%a, %x"), &sub("%x, %a"));
    assert!(!difference.equal);
    let found = lines(&difference);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains(&"- %b : Tensor = aten::sub.Tensor(%a, %x, 1)".to_owned())
            && found[0].contains(&"+ %b : Tensor = aten::sub.Tensor(%x, %a, 1)".to_owned()),
        "{found:?}"
    );
}

#[test]
fn what_differs_in_a_branch_is_found_there() {
    let branch = |op: &str| {
        format!(
            "  %n : int = aten::dim(%x)
  %f : bool = aten::gt.int(%n, 3)
  %r : Tensor = prim::If(%f)
    block0():
      %a : Tensor = aten::relu(%x)
      %b : Tensor = aten::{op}(%a)
      -> (%b)
    block1():
      %c : Tensor = aten::neg(%x)
      -> (%c)
  %d : Tensor = aten::relu(%r)
  return (%d)"
        )
    };
    let difference = compared(&branch("tanh"), &branch("exp"));
    let found = lines(&difference);
    let changed: Vec<&String> = found
        .iter()
        .flatten()
        .filter(|line| !line.starts_with(' '))
        .collect();
    assert_eq!(
        changed,
        [
            "- %b : Tensor = aten::tanh(%a)",
            "+ %b : Tensor = aten::exp(%a)"
        ]
    );
    assert!(compared(&branch("tanh"), &branch("tanh")).equal);
}

#[test]
fn the_command_says_it_with_its_exit_code() {
    let place = Place::new();
    let bytes = std::fs::read(model("conv2d_relu")).expect("a recorded model");
    place.write("a.pt", &bytes);
    place.write("same.pt", &bytes);
    let ran = place.run("optimize a.pt -o b.pt -q");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ran = place.run("diff a.pt same.pt");
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""));
    let ran = place.run("diff a.pt b.pt");
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    assert!(!ran.out.contains('\x1b'), "{}", ran.out);
    for line in [
        "--- a.pt",
        "+++ b.pt",
        "quantized::conv2d_relu.new",
        "\n- %",
        "\n+ %",
    ] {
        assert!(ran.out.contains(line), "{line}: {}", ran.out);
    }
    let coloured = place.run("diff a.pt b.pt --color always");
    assert!(coloured.out.contains("\x1b[31m- %"), "{}", coloured.out);
    let ran = place.run("diff a.pt b.pt --format json");
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!((ran.code, &json["equal"]), (1, &false.into()));
    assert!(
        json["members"]
            .as_array()
            .is_some_and(|members| !members.is_empty())
    );
    assert_eq!(place.run("diff a.pt b.pt -q").out, "");
    let ran = place.run("diff a.pt nothing.pt");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("nothing.pt"), "{}", ran.err);
}
