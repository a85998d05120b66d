//! Rules on the command line: which act, by name and by label.

use crate::cli::{with_library, with_model};
use serde_json::Value;

#[test]
fn rules_of_ones_own_join_and_replace() {
    let place = with_library();
    let rules = |words: &str| -> Vec<String> {
        let ran = place.run(&format!("optimize in.pt -o out.pt --format json {words}"));
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{words}");
        let report: Value = serde_json::from_str(&ran.out).expect("the report is JSON");
        let rules = report["rules"].as_array().expect("a list").iter();
        rules
            .map(|rule| rule["rule"].as_str().expect("a name").to_owned())
            .collect()
    };
    let plain = rules("");
    assert!(
        plain.contains(&"torch.quantized.packed".to_owned()),
        "{plain:?}"
    );

    place.write(
        "mine.fold",
        "/// What: an example.\nrule mine\n  : aten::dequantize(%x) => aten::dequantize(aten::detach(%x))\n  numerics exact\n  where dtype(%x) == quint8 else \"an example\"\n",
    );
    let joined = rules("--rules mine.fold");
    assert!(joined.contains(&"mine.mine".to_owned()), "{joined:?}");
    assert!(
        joined.contains(&"torch.quantized.packed".to_owned()),
        "{joined:?}"
    );

    // The module of the same name, with its rules for packed weights gone.
    let path = "patterns/torch/quantized.fold";
    let text = std::fs::read_to_string(place.path(path)).expect("it was written");
    let start = text
        .find("/// What: a convolution or linear")
        .expect("the rule is there");
    let end = text
        .find("/// What: the transposed")
        .expect("the next rule is there");
    place.write(
        path,
        format!("{}{}", &text[..start], &text[end..])
            .replace("{PACKED, TRANSPOSED}", "{TRANSPOSED}"),
    );
    let replaced = rules(&format!("--rules {path}"));
    assert!(
        !replaced.contains(&"torch.quantized.packed".to_owned()),
        "{replaced:?}"
    );
}

#[test]
fn numerics_leave_out_weaker_rules() {
    let place = with_model();
    let after = |words: &str| {
        let ran = place.run(&format!("optimize in.pt -o out.pt --format json {words}"));
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{words}");
        let report: Value = serde_json::from_str(&ran.out).expect("the report is JSON");
        let labels = report["numerics"].as_array().expect("a list").iter();
        let labels: Vec<String> = labels
            .map(|label| label["label"].as_str().expect("a label").to_owned())
            .collect();
        (
            report["operations"]["after"].as_u64().expect("a number"),
            labels,
        )
    };
    let (free, labels) = after("");
    assert!(
        labels.iter().any(|label| label.starts_with("within")),
        "{labels:?}"
    );
    let (exact, labels) = after("--numerics exact");
    assert!(labels.iter().all(|label| label == "exact"), "{labels:?}");
    assert!(exact > free, "{exact} {free}");
    assert_eq!(after("--numerics lsb").0, free);
}
