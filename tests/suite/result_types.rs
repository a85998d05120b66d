//! Types on what a match binds: a type that did not fit is a reason with both sides.

use crate::command::{Place, model};
use serde_json::Value;

/// What `why` says of the rule for linear layers with this type on the layer.
fn asked(ty: &str) -> Value {
    let place = Place::new();
    let rule = format!(
        r#"/// What: as the shipped rule.
rule fuse {{
  numerics within 1 lsb
  match {{
    %y: {ty} = aten::linear(aten::dequantize(%x), aten::dequantize(%w), %b)
    %out = aten::quantize_per_tensor(%y, %scale, %zero_point, quint8)
  }}
  where dtype(%w) == qint8 else "packed weights are qint8"
  rewrite {{ %out = quantized::linear(%x, quantized::linear_prepack(%w, %b), %scale, %zero_point) }}
}}
"#
    );
    place.write("my.fold", &rule);
    std::fs::copy(model("linear"), place.path("in.pt")).expect("the model can be copied");
    let ran = place.run_all(&[
        "why", "my.fuse", "in.pt", "--rules", "my.fold", "--format", "json",
    ]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    serde_json::from_str(&ran.out).expect("the answer is JSON")
}

#[test]
fn a_type_that_does_not_fit_is_told_with_what_is_known() {
    let answer = asked("Tensor<f64, [_, ..]>");
    assert_eq!(answer["verdict"], "near-misses");
    let group = &answer["steps"][0]["groups"][0];
    assert_eq!(group["kind"], "type");
    assert_eq!(
        group["reason"],
        "%y has to be Tensor of f64 with the sizes [_, ..], found f32"
    );
    let place = &group["places"][0];
    assert_eq!(
        (&place["line"], &place["column"]),
        (&5.into(), &9.into()),
        "the type is where the attempt ended"
    );
}

#[test]
fn a_type_that_fits_changes_nothing() {
    let answer = asked("Tensor<f32>");
    assert_eq!(answer["steps"][0]["matches"], 1);
}
