//! The kernels against PyTorch: recorded models give recorded outputs.

use crate::npy;
use crate::recorded::{cases, difference, output};

/// Runs a model of every case that has it; says where the output is further from the recorded one than `bound` of the case's name.
fn compare(model: &str, recorded: &str, bound: impl Fn(&str) -> f32) -> usize {
    let (mut wrong, mut compared) = (vec![], 0);
    for case in cases() {
        if !case.join(model).is_file() {
            continue;
        }
        let name = case
            .file_name()
            .expect("a folder")
            .to_string_lossy()
            .into_owned();
        let want = npy::read(&case.join(recorded));
        match output(&case, model).and_then(|got| difference(&got, &want)) {
            Ok(difference) if difference <= bound(&name) => {}
            Ok(difference) => wrong.push(format!("{name}: off by {difference}")),
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
        compared += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    compared
}

#[test]
fn converted_models_give_the_recorded_outputs() {
    assert_eq!(compare("convert.pt", "out_convert.npy", |_| 0.0), 44);
    let in_process = "out_convert_inprocess.npy";
    assert_eq!(compare("convert_inprocess.pt", in_process, |_| 0.0), 3);
}

#[test]
fn observed_models_give_the_recorded_outputs() {
    // Float products are summed in another order than PyTorch's; a quantization after them hides it, but dynamic models end in floats.
    // Their outputs are below 2, so that one unit in the last place is 1.2e-7.
    let bound = |name: &str| {
        if name.starts_with("dyn_") {
            2.5e-7
        } else {
            0.0
        }
    };
    assert_eq!(compare("qdq.pt", "out_qdq.npy", bound), 44);
}
