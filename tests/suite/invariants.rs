//! What is right of every model that a pipeline wrote, whichever it was: the ten invariants of a correct result, over all fixtures.
//!
//! Numbers are not looked at here: `fixtures.rs` and `told.rs` do that.

use std::collections::HashSet;
use std::fs;

use rulefold::eval;
use rulefold::graph::{
    AttributeValue, Constant, ConstantId, Def, Graph, Literal, Name, Node, ValueId,
};
use rulefold::model::archive::Archive;
use rulefold::model::torchscript::TorchScript;
use rulefold::ops::{self, Purity};

use crate::runs::{Case, DONE, Done, LOADED, optimized, read, shared, told, written};

/// Cases whose names begin so.
fn of(start: &str) -> impl Iterator<Item = &'static Done> {
    let done = DONE
        .iter()
        .filter(move |done| done.case.name.starts_with(start));
    assert!(done.clone().count() > 0, "no case begins with `{start}`");
    done
}

fn graphs(file: &TorchScript) -> impl Iterator<Item = &Graph> {
    file.model
        .functions
        .values()
        .map(|function| &function.graph)
}

fn nodes(file: &TorchScript) -> impl Iterator<Item = (&Graph, &Node)> {
    graphs(file).flat_map(|graph| {
        graph
            .walk()
            .into_iter()
            .map(move |id| (graph, graph.node(id)))
    })
}

/// How many nodes of all methods have an operator whose name starts so.
fn count(file: &TorchScript, start: &str) -> usize {
    nodes(file)
        .filter(|(_, node)| node.op.as_str().starts_with(start))
        .count()
}

/// An operator without its overload.
fn base(op: &str) -> &str {
    op.split_once('.').map_or(op, |(base, _)| base)
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Bytes of all members of an archive.
fn size(bytes: &[u8]) -> u64 {
    let archive = Archive::from_bytes("archive", bytes.into()).expect("an archive");
    archive.members().iter().map(|member| member.size()).sum()
}

/// Attributes of all modules that hold tensors or packed weights, each with that.
fn stored(file: &TorchScript) -> Vec<(Name, ConstantId, Constant)> {
    let attributes = file.model.modules.iter().flat_map(|m| &m.attributes);
    let held = attributes.filter_map(|(name, attribute)| match attribute.value {
        AttributeValue::Constant(id) => Some((*name, id)),
        _ => None,
    });
    held.map(|(name, id)| {
        let value = eval::force(&file.model.constants, id);
        (name, id, value.unwrap_or_else(|error| panic!("{error}")))
    })
    .collect()
}

fn method<'a>(file: &'a TorchScript, name: &str) -> &'a Graph {
    let name = file.model.root_method(name).expect("the method is there");
    &file.model.functions[&name].graph
}

#[test]
fn invariant_1_static_models_quantize_and_dequantize_once() {
    let mut wrong = Vec::new();
    let is_static = |done: &&Done| done.report.pipeline.name == "torch.static";
    for Done { case, file, .. } in of("torchscript/").filter(is_static) {
        let mut expect = |holds: bool, what: String| {
            if !holds {
                wrong.push(format!("{}: {what}", case.name));
            }
        };
        let graph = method(file, "forward");
        let inputs = graph.body().parameters.iter();
        let inputs = inputs.filter(|&&value| graph.value(value).ty.is_tensor());
        let quantized = count(file, "aten::quantize_per_tensor");
        expect(
            quantized == inputs.count(),
            format!("{quantized} values are quantized"),
        );
        let dequantized = count(file, "aten::dequantize");
        expect(dequantized == 1, format!("{dequantized} are dequantized"));
        for (_, node) in nodes(file) {
            let op = node.op.as_str();
            let packs = op.contains("_prepack") || op.contains("_unpack");
            expect(!packs, format!("`{op}` is left"));
            expect(
                ![
                    "aten::linear",
                    "aten::conv1d",
                    "aten::conv2d",
                    "aten::conv3d",
                ]
                .contains(&op),
                format!("`{op}` is left"),
            );
        }
        for (attribute, _, value) in stored(file) {
            let is_packed = matches!(value, Constant::Packed(_));
            expect(is_packed, format!("`{attribute}` is a tensor"));
        }
    }
    assert_none(&wrong);
}

#[test]
fn invariant_2_each_packed_weight_is_stored_once() {
    let mut wrong = Vec::new();
    for Done { case, file, .. } in DONE.iter() {
        let packed: Vec<(Name, ConstantId)> = stored(file)
            .into_iter()
            .filter(|(_, _, value)| matches!(value, Constant::Packed(_)))
            .map(|(name, id, _)| (name, id))
            .collect();
        let distinct: HashSet<ConstantId> = packed.iter().map(|(_, id)| *id).collect();
        if distinct.len() != packed.len() {
            wrong.push(format!("{}: a packed weight is stored twice", case.name));
        }
        for (name, _) in packed {
            let mut reads = nodes(file).filter(|(_, node)| node.op == "prim::GetAttr");
            if !reads.any(|(_, node)| node.text_attribute("name") == Some(name.as_str())) {
                wrong.push(format!("{}: nobody reads `{name}`", case.name));
            }
        }
    }
    assert_none(&wrong);
    // Four calls of layers with two weights.
    let shared = of("dynamic/shared").next().expect("the case is there");
    assert_eq!(stored(&shared.file).len(), 2);
}

/// Dynamically quantized models, each with how often it calls a linear layer.
const LINEARS: [(&str, usize); 11] = [
    ("dynamic/attention", 4),
    ("dynamic/branches", 2),
    ("dynamic/cell", 8),
    ("dynamic/fp16_branches", 2),
    ("dynamic/fp16_mlp", 3),
    ("dynamic/loop", 2),
    ("dynamic/lstm", 2),
    ("dynamic/mlp", 3),
    ("dynamic/mlp_per_channel", 3),
    ("dynamic/shared", 4),
    ("torchscript/dyn_linear/qdq.pt", 1),
];

/// Holds that all linear layers of the models are calls of a kernel, and that nothing is left of what they were.
fn all_linears_are(kernel: &str, is_half: bool, gone: &[&str]) {
    for (case, linears) in LINEARS {
        if case.contains("fp16") != is_half {
            continue;
        }
        let done = DONE.iter().find(|done| done.case.name == case);
        let Done { file, report, .. } = done.expect("the case is there");
        assert_eq!(&*report.proof, "optimal", "{case}");
        for gone in gone {
            assert_eq!(count(file, gone), 0, "{case}: `{gone}` is left");
        }
        let called = nodes(file).filter(|(_, node)| base(node.op.as_str()) == kernel);
        assert_eq!(called.count(), linears, "{case}");
    }
}

#[test]
fn invariant_3_dynamic_models_call_one_kernel_for_each_linear() {
    let gone = [
        "aten::linear",
        "aten::quantize_per_tensor",
        "aten::_choose_qparams",
        "aten::dequantize",
        "quantized::linear_prepack",
        "quantized::linear_unpack",
    ];
    all_linears_are("quantized::linear_dynamic", false, &gone);
}

#[test]
fn invariant_4_half_precision_models_call_one_kernel_for_each_linear() {
    let gone = [
        "aten::linear",
        "aten::_saturate_weight_to_fp16",
        "aten::dequantize",
        "quantized::linear_prepack",
        "quantized::linear_unpack",
    ];
    all_linears_are("quantized::linear_dynamic_fp16", true, &gone);
}

#[test]
fn invariant_5_on_device_one_method_packs_and_the_other_runs() {
    for Done { case, file, .. } in of("on_device/") {
        let name = &case.name;
        let (pack, run) = (
            method(file, "quantize_forward"),
            method(file, "quantized_forward"),
        );
        let of = |graph: &Graph, fits: &dyn Fn(&Node) -> bool| {
            let nodes = graph.walk().into_iter();
            nodes.filter(|&id| fits(graph.node(id))).count()
        };
        let nothing = |&value| pack.literal(value) == Some(&Literal::None);
        assert!(pack.body().returns.iter().all(nothing), "{name}");
        let packs = |node: &Node| node.op.as_str().ends_with("_prepack");
        let stores = |node: &Node| {
            let attribute = node.text_attribute("name");
            node.op == "prim::SetAttr" && attribute.is_some_and(|name| name.starts_with("_packed_"))
        };
        let packed = of(pack, &packs);
        assert!(packed > 0, "{name}");
        assert_eq!(of(pack, &stores), packed, "{name}");
        let runs = |node: &Node| node.op.as_str().contains("linear_dynamic");
        assert_eq!(of(pack, &runs), 0, "{name}");
        assert!(of(run, &runs) > 0, "{name}");
        let wrong = |node: &Node| {
            let quantizes = node.op.as_str().contains("quantize_per_tensor");
            packs(node) || stores(node) || quantizes || node.op == "prim::CallMethod"
        };
        assert_eq!(of(run, &wrong), 0, "{name}");
    }
}

#[test]
fn invariant_6_hoisting_leaves_no_module_and_a_smaller_file() {
    for Done {
        case, file, bytes, ..
    } in of("hoist/")
    {
        let before = fs::read(&case.model).expect("a file");
        let modules = read(&before, &case.name).model.modules.len();
        assert!(modules > 1, "{}: there is nothing to hoist from", case.name);
        assert_eq!(file.model.modules.len(), 1, "{}", case.name);
        assert!(size(bytes) < size(&before), "{}", case.name);
    }
}

/// Models that grow: a weight of few elements is stored with how it is packed, and unrolled loops are longer in code.
const GROW: [&str; 3] = [
    "dynamic/mixed",
    "dynamic/weight_only",
    "freeze/control_counted",
];

#[test]
fn invariant_7_nothing_is_computed_that_is_known() {
    let made_anew = [
        "prim::ListConstruct",
        "aten::tensor",
        "aten::zeros",
        "prim::TupleConstruct",
    ];
    let mut wrong = Vec::new();
    for Done {
        case, file, bytes, ..
    } in DONE.iter()
    {
        for (graph, node) in nodes(file) {
            let op = node.op.as_str();
            let known = |value: &ValueId| {
                let def = &graph.value(*value).def;
                matches!(def, Def::Literal(_) | Def::Constant(_))
            };
            let literal = |at: usize| graph.literal(*node.operands.get(at)?);
            let is_known = !node.operands.is_empty()
                && node.operands.iter().all(known)
                && node.blocks.is_empty()
                && LOADED.catalogue.purity(op, literal) == Purity::Pure;
            let base = base(op);
            // What is handed out is made anew each time; floats instead of integers would take more bytes.
            if is_known && base != "aten::dequantize" && !made_anew.contains(&base) {
                wrong.push(format!("{}: `{op}` is computed", case.name));
            }
        }
        let (before, after) = (size(&fs::read(&case.model).expect("a file")), size(bytes));
        if after > before && !GROW.contains(&&*case.name) {
            wrong.push(format!("{}: {after} bytes, not {before}", case.name));
        }
    }
    assert_none(&wrong);
}

#[test]
fn invariant_8_what_can_be_fused_is() {
    let mut wrong = Vec::new();
    for Done {
        case, file, report, ..
    } in of("fuse/")
    {
        let behind_a_product = |(graph, node): &(&Graph, &Node)| {
            let before = node.operands.first().and_then(|&x| graph.producer(x));
            base(node.op.as_str()) == "aten::batch_norm"
                && before.is_some_and(|before| ops::is_product(graph.node(before).op.as_str()))
        };
        let left = nodes(file).filter(behind_a_product).count();
        let told: usize = report.islands.iter().map(|island| island.count).sum();
        let named = !report.sequences.is_empty();
        if left > told && !named {
            wrong.push(format!(
                "{}: {left} norms are left, {told} are told of",
                case.name
            ));
        }
    }
    assert_none(&wrong);
}

#[test]
fn invariant_9_what_no_rule_may_take_is_left_as_it_was() {
    // Others read what the rules would take in, or a guard says no.
    let fuse = ["also_read", "two_norms", "training", "no_statistics"];
    let fuse = fuse.map(|case| (told("fuse", case), "torch.fuse", "torch.static"));
    // Rules for quantized models have nothing to take in a float one.
    let plain = ["resnet18_traced", "densenet_traced", "linear_traced"];
    let plain = plain.map(|case| (told("fuse", case), "torch.static", "torch.simplify"));
    let state = ["counter", "control_counted", "control_17"];
    let state = state.map(|case| (told("freeze", case), "torch.dynamic", "torch.simplify"));
    let all = fuse.into_iter().chain(plain).chain(state);
    let all: Vec<(Case, &str, &str)> = all.collect();
    let wrong = shared(&all, |(case, pipeline, without)| {
        let run = |pipeline: &str| {
            let mut options = case.options.clone();
            options.pipeline = Some(pipeline.to_owned());
            let case = Case {
                name: case.name.clone(),
                model: case.model.clone(),
                options,
                again: case.again,
            };
            let (file, _) = optimized(&fs::read(&case.model).expect("a file"), &case);
            written(&file, &case.name)
        };
        let same = run(pipeline) == run(without);
        (!same).then(|| format!("{}: {pipeline} changes it", case.name))
    });
    assert_none(&wrong.into_iter().flatten().collect::<Vec<_>>());
}

#[test]
fn invariant_10_a_second_run_changes_nothing() {
    let done: Vec<&Done> = DONE.iter().filter(|done| done.case.again).collect();
    let wrong = shared(&done, |done| {
        let (again, _) = optimized(&done.bytes, &done.case);
        let same = written(&again, &done.case.name) == done.bytes;
        (!same).then(|| format!("{}: a second run gives other bytes", done.case.name))
    });
    assert_none(&wrong.into_iter().flatten().collect::<Vec<_>>());
}
