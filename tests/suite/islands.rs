//! Islands left unfused are named, each with the nearest rule's first failing reason.

use rulefold::model::torchscript;
use rulefold::pipeline::job::{self, NumericsLimit, Options};
use rulefold::pipeline::library::{self, RuleText};
use rulefold::pipeline::report::Island;
use rulefold::rules::SHIPPED;

use crate::recorded::cases;

/// The shipped rules of a module with one text in place of another, which must be there.
fn changed(module: &str, from: &str, to: &str) -> RuleText {
    let shipped = SHIPPED
        .iter()
        .find(|file| file.module == module)
        .expect("a shipped module");
    assert!(shipped.text.contains(from), "{module} does not say {from}");
    RuleText {
        module: module.to_owned(),
        path: shipped.path.to_owned(),
        bytes: shipped.text.replace(from, to).into_bytes(),
    }
}

fn islands(case: &str, rules: Vec<RuleText>, numerics: Option<NumericsLimit>) -> Vec<Island> {
    let loaded = library::load(rules);
    let folder = cases()
        .into_iter()
        .find(|folder| folder.ends_with(case))
        .expect("a recorded case");
    let file =
        torchscript::read(&folder.join("qdq.pt"), &loaded.catalogue).expect("a recorded model");
    let options = Options {
        numerics,
        ..Options::default()
    };
    job::optimize(file, &loaded, &options, &mut |_| {})
        .expect("a job")
        .1
        .islands
}

#[test]
fn a_guard_that_fails_is_named() {
    let rules = changed(
        "torch.quantized",
        "where dtype(%w) == qint8                      else \"packed weights are qint8\"",
        "where dtype(%w) == quint8                     else \"packed weights are qint8\"",
    );
    let found = islands("conv2d_relu", vec![rules], None);
    let [island] = found.as_slice() else {
        panic!("one island: {found:?}")
    };
    assert_eq!(island.operators, "aten::conv2d -> aten::relu");
    assert_eq!(island.rule, "torch.quantized.packed[op = conv2d]");
    assert!(
        island.reason.starts_with("packed weights are qint8"),
        "{}",
        island.reason
    );
    assert!(island.place.contains(".py:"), "{}", island.place);
}

#[test]
fn an_operator_that_no_rule_looks_for_is_named() {
    let rules = changed("torch.modules", ", \"linear\"]", "]");
    let found = islands("linear", vec![rules], None);
    let [island] = found.as_slice() else {
        panic!("one island: {found:?}")
    };
    assert_eq!(
        (island.rule.as_str(), island.reason.as_str()),
        ("", "no rule looks at `aten::linear`")
    );
}

#[test]
fn a_rule_that_the_options_leave_out_is_named() {
    let found = islands("linear", Vec::new(), Some(NumericsLimit::Exact));
    let [island] = found.as_slice() else {
        panic!("one island: {found:?}")
    };
    assert_eq!(
        (island.rule.as_str(), island.reason.as_str()),
        (
            "torch.quantized.packed[op = linear]",
            "it matches, and `--numerics` leaves it out"
        )
    );
}

#[test]
fn equal_islands_are_counted() {
    let found = islands("resnet18", Vec::new(), Some(NumericsLimit::Exact));
    let convolutions: usize = found
        .iter()
        .filter(|island| island.operators.starts_with("aten::conv2d"))
        .map(|island| island.count)
        .sum();
    assert_eq!(convolutions, 20, "{found:?}");
}

#[test]
fn a_rule_that_is_applied_before_is_asked_too() {
    let rules = changed(
        "torch.quantized",
        "where qparams(%a) == (%scale, %zero_point, dtype) else",
        "where qparams(%a) == (%scale, %zero_point, qint8) else",
    );
    let found = islands("mul_scalar", vec![rules], None);
    let [island] = found.as_slice() else {
        panic!("one island: {found:?}")
    };
    assert_eq!(island.rule, "torch.quantized.scalar[op = mul]");
    let reason = &island.reason;
    assert!(
        reason.starts_with("the result has its own scale"),
        "{reason}"
    );
}

#[test]
fn a_pattern_that_does_not_fit_is_explained() {
    let rules = changed(
        "torch.quantized",
        "aten::{op}(aten::dequantize(%x), aten::dequantize(%w), %b, args...)",
        "aten::{op}(aten::dequantize(%x), aten::dequantize(aten::t(%w)), %b, args...)",
    );
    let found = islands("conv2d", vec![rules], None);
    let [island] = found.as_slice() else {
        panic!("one island: {found:?}")
    };
    assert_eq!(island.rule, "torch.quantized.packed[op = conv2d]");
    let reason = &island.reason;
    let says = "expected aten::t, found a constant";
    assert!(reason.starts_with(says), "{reason}");
}

#[test]
fn the_shipped_rules_leave_only_what_nothing_quantizes() {
    for case in cases() {
        let name = case.file_name().expect("a folder").to_string_lossy();
        let found = islands(&name, Vec::new(), None);
        assert_eq!(found, Vec::new(), "{name}");
    }
}
