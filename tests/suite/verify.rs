//! `rulefold verify`: equal models, models that differ, and calls that cannot be answered.

use crate::command::{program, root};

fn verify(arguments: &[&str]) -> (Option<i32>, String, String) {
    let done = program()
        .current_dir(root().join("tests/models/torchscript"))
        .arg("verify")
        .args(arguments)
        .output()
        .expect("the program runs");
    (
        done.status.code(),
        String::from_utf8_lossy(&done.stdout).into_owned(),
        String::from_utf8_lossy(&done.stderr).into_owned(),
    )
}

#[test]
fn equal_models_are_equal_bit_for_bit() {
    let (code, said, _) = verify(&[
        "conv2d_relu/qdq.pt",
        "conv2d_relu/convert.pt",
        "--inputs",
        "conv2d_relu",
    ]);
    assert_eq!(code, Some(0));
    assert_eq!(
        said,
        "method      forward, 1 run\noutput 0    144 elements, no difference\nmodels      equal, bit for bit\n"
    );
    let (code, said, _) = verify(&["linear/qdq.pt", "linear/convert.pt", "--shape", "4,5", "-q"]);
    assert_eq!((code, said.as_str()), (Some(0), ""));
}

#[test]
fn differences_are_counted_and_placed() {
    let models = [
        "add_scalar/qdq.pt",
        "add_scalar/convert.pt",
        "--inputs",
        "add_scalar",
    ];
    let (code, said, _) = verify(&models);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("48 of 48 elements differ; at most 0.914 absolute"),
        "{said}"
    );
    assert!(
        said.contains(
            "quantization steps\n            furthest apart in add_scalar at [0, 0, 0, 1]: 3.1115"
        ),
        "{said}"
    );
    assert!(said.ends_with("models      different\n"), "{said}");
    let bounded = |bound: &[&str]| verify(&[&models, bound].concat()).0;
    assert_eq!(bounded(&["--absolute", "0.92"]), Some(0));
    assert_eq!(bounded(&["--absolute", "0.91"]), Some(1));
    assert_eq!(bounded(&["--steps", "57"]), Some(0));
    assert_eq!(bounded(&["--absolute", "0.92", "--steps", "1"]), Some(1));
    let (_, json, _) = verify(&[&models[..], &["--format", "json"]].concat());
    let value: serde_json::Value = serde_json::from_str(&json).expect("one JSON object");
    assert_eq!(value["equal"], false);
    assert_eq!(value["outputs"][0]["different"], 48);
}

#[test]
fn calls_that_cannot_be_answered_say_why() {
    let refused = |arguments: &[&str], why: &str| {
        let (code, said, error) = verify(arguments);
        assert_eq!((code, said.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(error.contains(why), "{arguments:?}: {error}");
    };
    let models = ["linear/qdq.pt", "linear/convert.pt"];
    refused(&models, "the shape of `x` is not known; give one --shape");
    refused(
        &[&models[..], &["--shape", "4,x"]].concat(),
        "`4,x` is no shape",
    );
    refused(
        &[&models[..], &["--shape", "4,5", "--shape", "1"]].concat(),
        "2 shapes are given, the method takes 1 tensors",
    );
    refused(
        &[&models[..], &["--shape", "4,6"]].concat(),
        "cannot be run on sample 1",
    );
    refused(
        &[&models[..], &["--shape", "4,5", "--method", "backward"]].concat(),
        "no method `backward`",
    );
    refused(
        &[&models[..], &["--inputs", "."]].concat(),
        "cannot be run on",
    );
    refused(
        &[&models[..], &["--inputs", "../../cli"]].concat(),
        "holds no in0.npy",
    );
    refused(
        &[&models[..], &["--shape", "4,5", "--with", "no-such-python"]].concat(),
        "no-such-python: cannot be started",
    );
    refused(&["linear/qdq.pt", "nothing.pt"], "nothing.pt");
}
