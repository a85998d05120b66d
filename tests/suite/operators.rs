//! The kernels against PyTorch, operator by operator: `tests/kernels/cases.json`, made by the script beside it.

use rulefold::eval::{Value, call};
use rulefold::graph::{DType, Quantization, Tensor};
use serde_json::Value as Json;
use std::fs;
use std::path::Path;

fn array(json: &Json) -> &[Json] {
    json.as_array().expect("a list")
}

fn numbers(json: &Json) -> Vec<i64> {
    let numbers = array(json).iter().map(|n| n.as_i64().expect("an integer"));
    numbers.collect()
}

/// A double that was written as text.
fn double(json: &Json) -> f64 {
    let text = json.as_str().expect("a double as text");
    text.parse().expect("a double")
}

fn tensor(json: &Json) -> Tensor {
    let dtype = DType::from_name(json["type"].as_str().expect("a type")).expect("a known type");
    let shape = numbers(&json["shape"])
        .iter()
        .map(|&n| n as usize)
        .collect();
    let digits = json["bytes"].as_str().expect("bytes").as_bytes();
    let bytes = digits.chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).expect("digits");
        u8::from_str_radix(pair, 16).expect("digits")
    });
    let mut tensor = Tensor::contiguous(dtype, shape, bytes.collect());
    if json["scale"].is_string() {
        let scale = double(&json["scale"]);
        let zero_point = json["zero"].as_i64().expect("a zero point");
        tensor.quantization = Some(Quantization::PerTensor { scale, zero_point });
    } else if let Some(scales) = json["scales"].as_array() {
        tensor.quantization = Some(Quantization::PerChannel {
            scales: scales.iter().map(double).collect(),
            zero_points: numbers(&json["zeros"]).into(),
            axis: json["axis"].as_u64().expect("an axis") as usize,
        });
    }
    tensor
}

fn value(json: &Json) -> Result<Value, String> {
    Ok(match json {
        Json::Null => Value::NONE,
        Json::Bool(b) => Value::bool(*b),
        Json::Number(n) => Value::int(n.as_i64().expect("an integer")),
        Json::String(text) => Value::str(text),
        Json::Array(items) => Value::list(items.iter().map(value).collect::<Result<_, _>>()?),
        Json::Object(object) if object.contains_key("call") => results(json, "call")?.remove(0),
        Json::Object(object) if object.contains_key("float") => {
            Value::float(double(&json["float"]))
        }
        Json::Object(_) => Value::from(tensor(json)),
    })
}

fn results(json: &Json, key: &str) -> Result<Vec<Value>, String> {
    let operands = array(&json["operands"]).iter().map(value);
    let operands = operands.collect::<Result<Vec<_>, _>>()?;
    call(json[key].as_str().expect("an operator"), &operands).map_err(|e| e.to_string())
}

/// Elements of an 8-bit or float tensor in row-major order.
fn elements(tensor: &Tensor) -> Vec<f64> {
    let plain = call("aten::contiguous", &[tensor.clone().into()]).expect("a tensor");
    let plain = plain[0].as_tensor().expect("a tensor");
    let bytes = plain.contiguous_bytes().expect("contiguous elements");
    match tensor.dtype {
        DType::F32 => bytes
            .as_chunks()
            .0
            .iter()
            .map(|&b| f32::from_le_bytes(b).into())
            .collect(),
        DType::QI8 => bytes.iter().map(|&b| f64::from(b as i8)).collect(),
        _ => bytes.iter().map(|&b| f64::from(b)).collect(),
    }
}

/// What of a result is not as recorded.
fn wrong(got: &Value, want: &Json, bound: f64) -> Option<String> {
    let want = match value(want) {
        Ok(want) => want,
        Err(error) => return Some(error),
    };
    match (got, &want) {
        (Value::Tensor(got), Value::Tensor(want)) => {
            if (got.dtype, &got.shape, &got.quantization)
                != (want.dtype, &want.shape, &want.quantization)
            {
                return Some(format!("{got:?}, recorded {want:?}"));
            }
            let (got, want) = (elements(got), elements(want));
            let largest = want.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
            let off = got.iter().zip(&want).map(|(x, y)| (x - y).abs());
            let count = off.clone().filter(|&off| off > bound * largest).count();
            let most = off.fold(0.0, f64::max);
            (count > 0).then(|| {
                format!(
                    "{count} of {} elements off, by up to {most} of {largest}",
                    want.len()
                )
            })
        }
        (Value::Literal(got), Value::Literal(want)) => {
            (got != want).then(|| format!("{got:?}, recorded {want:?}"))
        }
        _ => {
            let (got, want_items) = (
                got.items().unwrap_or_default(),
                want.items().unwrap_or_default(),
            );
            (got.len() != want_items.len())
                .then(|| format!("{} items, recorded {}", got.len(), want_items.len()))
        }
    }
}

#[test]
fn operators_give_the_recorded_results() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernels/cases.json");
    let text = fs::read_to_string(path).expect("the recorded cases are there");
    let cases: Json = serde_json::from_str(&text).expect("a JSON value");
    let mut failures = vec![];
    for (at, case) in array(&cases).iter().enumerate() {
        let op = case["op"].as_str().expect("an operator");
        let bound = double(&case["bound"]);
        match results(case, "op") {
            Err(error) => failures.push(format!("{at} {op}: {error}")),
            Ok(got) => {
                let want = array(&case["results"]);
                assert_eq!(got.len(), want.len(), "{op}");
                for (got, want) in got.iter().zip(want) {
                    failures.extend(wrong(got, want, bound).map(|w| format!("{at} {op}: {w}")));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
