//! Models that are damaged, hostile, or not what rulefold can rewrite: each gets one error with place and cure, and no file is written.

use crate::command::{Place, model};
use rulefold::model::archive::{Archive, ArchiveWriter, Compression};
use std::sync::Arc;

type Members = Vec<(String, Vec<u8>)>;

/// Members of a small model.
fn members() -> Members {
    let archive = Archive::open(&model("linear")).expect("the model is sound");
    let members = archive.members().iter();
    members
        .map(|member| {
            let data = archive.data(member).expect("the model is sound");
            (member.name().to_owned(), data.to_vec())
        })
        .collect()
}

fn pack(members: &Members) -> Vec<u8> {
    let mut writer = ArchiveWriter::new();
    for (name, bytes) in members {
        writer
            .add(name, bytes.as_slice(), Compression::Stored)
            .expect("names are those of a sound model");
    }
    let mut out = vec![];
    writer.write(&mut out).expect("memory takes bytes");
    out
}

/// The model with one member changed.
fn with(name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut members = members();
    let found = members.iter_mut().find(|member| member.0.ends_with(name));
    change(&mut found.expect("the model has this member").1);
    pack(&members)
}

/// The model without one member.
fn without(name: &str) -> Vec<u8> {
    let mut members = members();
    let before = members.len();
    members.retain(|member| !member.0.ends_with(name));
    assert_eq!(members.len() + 1, before);
    pack(&members)
}

/// Replaces the only occurrence of some bytes.
fn replace(bytes: &mut Vec<u8>, old: &[u8], new: &[u8]) {
    let places: Vec<usize> = bytes
        .windows(old.len())
        .enumerate()
        .filter(|(_, window)| *window == old)
        .map(|(at, _)| at)
        .collect();
    let [at] = places[..] else {
        panic!("{} places of {old:?}", places.len())
    };
    bytes.splice(at..at + old.len(), new.iter().copied());
}

/// What is wrong, and a model like that.
fn cases() -> Vec<(&'static str, Vec<u8>)> {
    let sound = pack(&members());
    let flipped = {
        let archive = Archive::from_bytes("sound", Arc::from(sound.as_slice()));
        let payload = archive
            .expect("the model is sound")
            .find("data/0")
            .expect("the model has a tensor")
            .payload();
        let mut bytes = sound.clone();
        bytes[payload.start] ^= 1;
        bytes
    };
    let nested = [
        b"\x80\x02".as_slice(),
        &b"](".repeat(10_000),
        b"]",
        &b"e".repeat(10_000),
        b".",
    ]
    .concat();
    vec![
        ("an empty file", vec![]),
        ("no zip archive", b"PK? no, just a text.\n".repeat(20)),
        ("a truncated zip", sound[..sound.len() / 2].to_vec()),
        ("a wrong CRC", flipped),
        (
            "an unknown opcode",
            with("data.pkl", |bytes| bytes[2] = 0x95),
        ),
        (
            "a truncated pickle",
            with("data.pkl", |bytes| bytes.truncate(300)),
        ),
        (
            "a cyclic pickle",
            with("data.pkl", |bytes| {
                *bytes = b"\x80\x02]q\x00(h\x00e.".to_vec()
            }),
        ),
        (
            "10,000 nested lists",
            with("data.pkl", |bytes| *bytes = nested),
        ),
        (
            "a pickle that is no module",
            with("data.pkl", |bytes| *bytes = b"\x80\x02K\x01.".to_vec()),
        ),
        (
            "big-endian",
            with("byteorder", |bytes| *bytes = b"big".to_vec()),
        ),
        (
            "a newer version",
            with("version", |bytes| *bytes = b"11\n".to_vec()),
        ),
        ("no version", without("version")),
        ("no data.pkl", without("data.pkl")),
        ("no constants.pkl", without("constants.pkl")),
        ("a tensor without its member", without("data/2")),
        (
            "a tensor larger than its member",
            with("data/1", |bytes| bytes.truncate(8)),
        ),
        ("a class without code", without("___torch_mangle_137.py")),
        (
            "a missing attribute",
            with("data.pkl", |bytes| {
                replace(bytes, b"X\x06\0\0\0weight", b"X\x06\0\0\0height")
            }),
        ),
        (
            "an unknown op",
            with("___torch_mangle_136.py", |bytes| {
                replace(bytes, b"torch.linear(", b"torch.linaer(")
            }),
        ),
        (
            "an op with too few operands",
            with("___torch_mangle_136.py", |bytes| {
                replace(
                    bytes,
                    b"torch.linear(x_8_dequant, weight_1_dequant, bias)",
                    b"torch.linear(x_8_dequant)",
                )
            }),
        ),
        (
            "an unknown variable",
            with("___torch_mangle_136.py", |bytes| {
                replace(bytes, b"torch.dequantize(x1)", b"torch.dequantize(x2)")
            }),
        ),
        (
            "code that is no code",
            with("___torch_mangle_136.py", |bytes| {
                replace(bytes, b"bias = fc.bias", b"bias = lambda: 0")
            }),
        ),
        (
            "code that is not text",
            with("___torch_mangle_136.py", |bytes| bytes[10] = 0xff),
        ),
        (
            "no forward",
            with("___torch_mangle_136.py", |bytes| {
                replace(bytes, b"def forward(", b"def backward(")
            }),
        ),
        (
            "training",
            with("data.pkl", |bytes| {
                replace(bytes, b"training\x71\x01\x89", b"training\x71\x01\x88")
            }),
        ),
    ]
}

#[test]
fn each_bad_model_gets_one_clear_error_and_no_file() {
    let mut shown = String::new();
    for (what, bytes) in cases() {
        let place = Place::new();
        place.write("bad.pt", bytes);
        let ran = place.run("optimize bad.pt -o out.pt");
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{what}: {}", ran.err);
        assert!(
            ran.err.starts_with("error: bad.pt: "),
            "{what}: {}",
            ran.err
        );
        // Candidates of an overload stand on lines of their own.
        let errors = ran.err.lines().filter(|line| !line.starts_with("  "));
        assert_eq!(errors.count(), 1, "{what}: {}", ran.err);
        assert_eq!(place.names(), ["bad.pt"], "{what}");
        shown += &format!("{what}\n    {}", ran.err);
    }
    insta::with_settings!({ snapshot_path => "../snapshots/cli", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("bad_models", shown);
    });
}

#[test]
fn every_byte_may_be_damaged() {
    let sound = pack(&members());
    let place = Place::new();
    // Flips everywhere are for the property tests of the archive; here the whole way through the program.
    for at in (0..sound.len()).step_by(sound.len() / 60) {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x40;
        place.write("bad.pt", bytes);
        let ran = place.run("optimize bad.pt -o out.pt -q");
        // Padding and dates mean nothing; everything else is covered by a checksum or by the directory.
        assert!([0, 2].contains(&ran.code), "byte {at}: {}", ran.err);
        assert_eq!(
            ran.code == 2,
            ran.err.starts_with("error: "),
            "byte {at}: {}",
            ran.err
        );
        assert!(!ran.err.contains("panicked"), "byte {at}: {}", ran.err);
    }
}
