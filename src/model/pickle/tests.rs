//! Tests of pickles: PyTorch's own byte for byte, trees we make, and bytes that lie.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::model::archive::Archive;

/// Every pickle in the repository's fixtures, with where it is from.
fn fixtures() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/torchscript");
    let mut pickles = Vec::new();
    for case in std::fs::read_dir(root).unwrap() {
        for file in std::fs::read_dir(case.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|end| end != "pt") {
                continue;
            }
            let archive = Archive::open(&path).unwrap();
            for member in archive
                .members()
                .iter()
                .filter(|member| member.name().ends_with(".pkl"))
            {
                let bytes = archive.read(member.name()).unwrap().to_vec();
                pickles.push((format!("{}:{}", path.display(), member.name()), bytes));
            }
        }
    }
    assert!(pickles.len() > 80);
    pickles
}

/// The value in Python's notation, with every use of a shared value written out.
fn text(pickle: &Pickle, id: NodeId) -> String {
    let all = |items: &[NodeId]| {
        items
            .iter()
            .map(|&item| text(pickle, item))
            .collect::<Vec<_>>()
            .join(", ")
    };
    match pickle.node(id) {
        Node::None => "None".to_owned(),
        Node::Bool(value) => value.to_string(),
        Node::Int(value) => value.to_string(),
        Node::Float(value) => format!("f{:x}", value.to_bits()),
        Node::Str(value) => format!("{value:?}"),
        Node::Global { module, name } => format!("{module}.{name}"),
        Node::Tuple(items) => format!("({})", all(items)),
        Node::List(items) => format!("[{}]", all(items)),
        Node::Dict(pairs) => {
            let pair = |&(key, value): &(NodeId, NodeId)| {
                format!("{}: {}", text(pickle, key), text(pickle, value))
            };
            format!(
                "{{{}}}",
                pairs.iter().map(pair).collect::<Vec<_>>().join(", ")
            )
        }
        Node::Reduce { callable, args } => {
            format!("{}{}", text(pickle, *callable), text(pickle, *args))
        }
        Node::Object { class, state } => {
            let state = state.map_or_else(|| "-".to_owned(), |state| text(pickle, state));
            format!("{} <- {state}", text(pickle, *class))
        }
        Node::PersistentId(args) => format!("@{}", text(pickle, *args)),
    }
}

fn read_text(bytes: &[u8]) -> String {
    let pickle = read(bytes).unwrap();
    text(&pickle, pickle.root())
}

/// A pickle of protocol 2 with these opcodes.
fn pickle(opcodes: &[u8]) -> Vec<u8> {
    [b"\x80\x02", opcodes].concat()
}

fn refused(opcodes: &[u8]) -> PickleError {
    match read(&pickle(opcodes)) {
        Err(error) => error,
        Ok(pickle) => panic!("accepted: {}", text(&pickle, pickle.root())),
    }
}

#[test]
fn pickles_of_pytorch_come_back_byte_for_byte() {
    for (from, bytes) in fixtures() {
        assert_eq!(write(&read(&bytes).unwrap()), bytes, "{from}");
    }
}

#[test]
fn every_truncation_is_refused() {
    let (_, bytes) = fixtures()
        .into_iter()
        .max_by_key(|(_, bytes)| bytes.len().min(5000))
        .unwrap();
    for length in 0..bytes.len().min(5000) {
        assert!(read(&bytes[..length]).is_err());
    }
}

#[test]
fn no_flipped_byte_panics() {
    let (_, bytes) = fixtures()
        .into_iter()
        .find(|(from, _)| from.contains("conv2d_relu/convert.pt:data"))
        .unwrap();
    for at in 0..bytes.len() {
        for flip in [0x01, 0x10, 0xff] {
            let mut bytes = bytes.clone();
            bytes[at] ^= flip;
            if let Ok(pickle) = read(&bytes) {
                let again = read(&write(&pickle)).unwrap();
                assert_eq!(text(&again, again.root()), text(&pickle, pickle.root()));
            }
        }
    }
}

#[test]
fn a_model_is_taken_down_as_calls_that_were_not_made() {
    let mut tree = PickleBuilder::new();
    let storage = ["storage", "torch.FloatStorage", "0", "cpu"];
    let storage: Vec<NodeId> = storage
        .into_iter()
        .map(|part| match part.split_once('.') {
            Some((module, name)) => tree.global(module, name),
            None => tree.str(part),
        })
        .chain([NodeId(4)])
        .collect();
    assert_eq!(tree.int(12), NodeId(4));
    let args = tree.tuple(storage);
    let storage = tree.persistent_id(args);
    let rebuild = tree.global("torch._utils", "_rebuild_tensor_v2");
    let tensor = |tree: &mut PickleBuilder, offset| {
        let (offset, size, stride) = (tree.int(offset), tree.int(3), tree.int(1));
        let (size, stride) = (
            tree.marked_tuple(vec![size]),
            tree.marked_tuple(vec![stride]),
        );
        let (grad, hooks) = (tree.bool(false), tree.tuple(Vec::new()));
        let hooks = tree.call("collections", "OrderedDict", hooks);
        let args = tree.marked_tuple(vec![storage, offset, size, stride, grad, hooks]);
        tree.reduce(rebuild, args)
    };
    let (weight, bias) = (tensor(&mut tree, 0), tensor(&mut tree, 256));
    let names = [tree.str("weight"), tree.str("bias"), tree.str("again")];
    let state = tree.dict(vec![
        (names[0], weight),
        (names[1], bias),
        (names[2], weight),
    ]);
    let root = tree.object("__torch__.m", "M", state);
    let tree = tree.finish(root);

    let bytes = write(&tree);
    let expected: Vec<u8> = [
        &b"\x80\x02c__torch__.m\nM\nq\x00)\x81}(X\x06\x00\x00\x00weightq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02(("[..],
        b"X\x07\x00\x00\x00storageq\x03ctorch\nFloatStorage\nq\x04X\x01\x00\x00\x000q\x05X\x03\x00\x00\x00cpuq\x06K\x0ctQq\x07",
        b"K\x00(K\x03t(K\x01t\x89ccollections\nOrderedDict\nq\x08)RtRq\x09",
        b"X\x04\x00\x00\x00biasq\x0ah\x02(h\x07M\x00\x01(K\x03t(K\x01t\x89h\x08)RtR",
        b"X\x05\x00\x00\x00againq\x0bh\x09ub.",
    ]
    .concat();
    assert_eq!(bytes, expected, "{}", String::from_utf8_lossy(&bytes));

    let again = read(&bytes).unwrap();
    let Node::Object {
        state: Some(state), ..
    } = again.node(again.root())
    else {
        panic!("an object")
    };
    let pairs = again.dict(*state).unwrap();
    assert_eq!(pairs[0].1, pairs[2].1);
    let call = again.call(pairs[1].1).unwrap();
    assert_eq!(
        (call.module, call.name),
        ("torch._utils", "_rebuild_tensor_v2")
    );
    assert_eq!(again.int(call.args[1]), Some(256));
    assert_eq!(again.call(pairs[0].1).unwrap().args[0], call.args[0]);
    assert_eq!(write(&again), bytes);
}

#[test]
fn python_style_memo_entries_survive() {
    // pickle.dumps(o, 2) of {'a': [1, [2, 3]], 'b': o['a'], 'c': {}, 'd': (1, 2, 3, 4)}
    let bytes = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01]q\x03(K\x02K\x03eeX\x01\x00\x00\x00bq\x04h\x02\
                  X\x01\x00\x00\x00cq\x05}q\x06X\x01\x00\x00\x00dq\x07(K\x01K\x02K\x03K\x04tq\x08u.";
    assert_eq!(
        read_text(bytes),
        r#"{"a": [1, [2, 3]], "b": [1, [2, 3]], "c": {}, "d": (1, 2, 3, 4)}"#
    );
    assert_eq!(write(&read(bytes).unwrap()), bytes);
    // Python writes single items without a mark.
    let bytes = b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01]q\x02K\x01as.";
    assert_eq!(read_text(bytes), r#"{"a": [1]}"#);
    assert_eq!(write(&read(bytes).unwrap()), bytes);
}

#[test]
fn numbers_of_every_width_are_read() {
    let int = |opcodes: &[u8]| {
        let pickle = read(&pickle(opcodes)).unwrap();
        pickle.int(pickle.root()).unwrap()
    };
    assert_eq!(int(b"K\xff."), 255);
    assert_eq!(int(b"M\xff\xff."), 65_535);
    assert_eq!(int(b"J\xff\xff\xff\xff."), -1);
    assert_eq!(int(b"\x8a\x00."), 0);
    assert_eq!(int(b"\x8a\x01\x80."), -128);
    assert_eq!(int(b"\x8a\x02\xff\x00."), 255);
    assert_eq!(int(b"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80."), i64::MIN);
    assert_eq!(
        int(b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\x7f\x00."),
        i64::MAX
    );
    assert_eq!(
        refused(b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x00.").fault,
        PickleFault::WideInt
    );
    assert_eq!(
        refused(b"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01.").fault,
        PickleFault::WideInt
    );
}

#[test]
fn values_that_contain_themselves_are_refused() {
    assert_eq!(
        refused(b"]q\x00h\x00a."),
        PickleError {
            offset: 2,
            fault: PickleFault::Cycle
        }
    );
    assert_eq!(refused(b"}q\x00(K\x01h\x00u.").fault, PickleFault::Cycle);
    assert_eq!(
        refused(b"cm\nM\n)\x81q\x00}(K\x01h\x00ub.").fault,
        PickleFault::Cycle
    );
    assert_eq!(refused(b"](]q\x00(h\x00\x85ee.").fault, PickleFault::Cycle);
    assert_eq!(read_text(&pickle(b"](]q\x00h\x00h\x00e.")), "[[], [], []]");
}

#[test]
fn nesting_is_limited() {
    let lists = |depth: usize| {
        [
            &b"]"[..],
            &b"(]".repeat(depth - 1),
            &b"e".repeat(depth - 1),
            b".",
        ]
        .concat()
    };
    assert_eq!(
        refused(&lists(10_000)).fault,
        PickleFault::Depth(DEPTH_LIMIT)
    );
    assert_eq!(
        refused(&lists(DEPTH_LIMIT + 1)),
        PickleError {
            offset: 2,
            fault: PickleFault::Depth(DEPTH_LIMIT)
        }
    );
    let deepest = pickle(&lists(DEPTH_LIMIT));
    assert_eq!(
        write(&read(&deepest).unwrap()),
        pickle(
            &[
                &b"](".repeat(DEPTH_LIMIT - 1)[..],
                b"]",
                &b"e".repeat(DEPTH_LIMIT - 1),
                b"."
            ]
            .concat()
        )
    );
    assert_eq!(
        refused(&[&b")"[..], &b"\x85".repeat(100_000), b"."].concat()).fault,
        PickleFault::Depth(DEPTH_LIMIT)
    );
}

#[test]
fn a_deep_tree_that_was_built_is_written_and_dropped() {
    let mut tree = PickleBuilder::new();
    let mut root = tree.list(Vec::new());
    for _ in 0..1_000_000 {
        root = tree.tuple(vec![root]);
    }
    assert_eq!(write(&tree.finish(root)).len(), 2 + 3 + 1_000_000 + 1);
}

#[test]
fn a_value_shared_over_and_over_is_written_once() {
    let mut tree = PickleBuilder::new();
    let mut root = tree.list(Vec::new());
    for _ in 0..100 {
        root = tree.list(vec![root, root]);
    }
    let bytes = write(&tree.finish(root));
    assert!(bytes.len() < 1000);
    assert_eq!(write(&read(&bytes).unwrap()), bytes);
}

#[test]
fn what_pytorch_does_not_write_is_refused_by_name_and_offset() {
    assert_eq!(
        refused(b"\x95\x00.").to_string(),
        "byte 2: opcode FRAME (0x95) is not used in PyTorch's archives and not read; \
         save the model with `torch.jit.save`, whose pickles use protocol 2 without Python objects"
    );
    assert_eq!(
        refused(b"NI5\n.").fault,
        PickleFault::Opcode {
            name: "INT",
            code: b'I'
        }
    );
    assert_eq!(
        read(b"\x80\x04N.").err().unwrap().fault,
        PickleFault::Protocol
    );
    assert_eq!(read(b"").err().unwrap().fault, PickleFault::Protocol);
    assert_eq!(
        refused(b"cos\nsystem\n.x").fault,
        PickleFault::LeftOver("bytes behind it")
    );
    assert_eq!(
        refused(b"NN.").fault,
        PickleFault::LeftOver("values on the stack")
    );
    assert_eq!(
        refused(b"N(N.").fault,
        PickleFault::LeftOver("values on the stack")
    );
    assert_eq!(refused(b".").fault, PickleFault::Stack("STOP"));
    assert_eq!(refused(b"N(\x85.").fault, PickleFault::Stack("TUPLE1"));
    assert_eq!(refused(b"Nt.").fault, PickleFault::Stack("TUPLE"));
    assert_eq!(refused(b"}(Nu.").fault, PickleFault::Stack("SETITEMS"));
    assert_eq!(refused(b"h\x07.").fault, PickleFault::Memo(7));
    assert_eq!(refused(b"X\x01\x00\x00\x00\xff.").fault, PickleFault::Utf8);
    assert_eq!(
        refused(b"X\xff\xff\xff\xff.").fault,
        PickleFault::Truncated("BINUNICODE")
    );
    let kind = |opcode, needs, gets| PickleFault::Kind {
        opcode,
        needs,
        gets,
    };
    assert_eq!(refused(b"NNa.").fault, kind("APPEND", "a list", "None"));
    assert_eq!(
        refused(b"](NNu.").fault,
        kind("SETITEMS", "a dictionary", "a list")
    );
    assert_eq!(refused(b"N)R.").fault, kind("REDUCE", "a function", "None"));
    assert_eq!(
        refused(b"cm\nM\n]R.").fault,
        kind("REDUCE", "a tuple of arguments", "a list")
    );
    assert_eq!(
        refused(b"cm\nM\nN\x85\x81.").fault,
        kind("NEWOBJ", "an empty tuple", "a tuple")
    );
    assert_eq!(
        refused(b"cm\nM\n)\x81NbNb.").fault,
        kind("BUILD", "a fresh object", "an object")
    );
}

/// Steps that make a tree: each step makes one value out of earlier ones.
fn build(steps: &[(u8, i64, Vec<prop::sample::Index>)]) -> Pickle {
    let mut tree = PickleBuilder::new();
    let mut made = vec![tree.none()];
    for (kind, number, picks) in steps {
        let items: Vec<NodeId> = picks.iter().map(|pick| *pick.get(&made)).collect();
        let word = format!("name{}", number.rem_euclid(300));
        let id = match kind % 13 {
            0 => tree.bool(*number < 0),
            1 => tree.int(*number),
            2 => tree.int(number % 70_000),
            3 => tree.float(f64::from_bits(*number as u64)),
            4 => tree.str(&word),
            5 => tree.global("module", &word),
            6 => tree.tuple(items),
            7 => tree.marked_tuple(items),
            8 => tree.list(items),
            9 => tree.dict(
                items
                    .chunks_exact(2)
                    .map(|pair| (pair[0], pair[1]))
                    .collect(),
            ),
            10 => {
                let args = tree.tuple(items);
                tree.call("torch", &word, args)
            }
            11 => tree.object(
                "__torch__",
                &word,
                items.first().copied().unwrap_or(made[0]),
            ),
            _ => tree.persistent_id(items.first().copied().unwrap_or(made[0])),
        };
        if number % 7 == 0 {
            tree.memoize(id);
        }
        made.push(id);
    }
    let root = tree.tuple(made);
    tree.finish(root)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_written_is_read(
        steps in prop::collection::vec((any::<u8>(), any::<i64>(), prop::collection::vec(any::<prop::sample::Index>(), 0..6)), 0..12),
    ) {
        let tree = build(&steps);
        let bytes = write(&tree);
        let again = read(&bytes).unwrap();
        prop_assert_eq!(text(&again, again.root()), text(&tree, tree.root()));
        prop_assert_eq!(write(&again), bytes);
    }

    #[test]
    fn random_opcodes_never_panic(
        opcodes in prop::collection::vec(prop::sample::select(b"((((NK\x01\x88)]}}]aesut\x85\x86\x87RQbq\x00q\x01h\x00h\x01cm\nM\n\x81..".to_vec()), 0..60),
    ) {
        if let Ok(tree) = read(&pickle(&[&opcodes[..], b"."].concat())) {
            let again = read(&write(&tree)).unwrap();
            prop_assert_eq!(text(&again, again.root()), text(&tree, tree.root()));
        }
    }
}
