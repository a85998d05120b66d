//! Archives that are wrong: each gives one error with its place and a cure, and none a panic.

use std::fmt::Write;

use super::torchscript_archive::{around_body, fixture, members, read, snapshot, zip};

type Members = Vec<(String, Vec<u8>)>;

fn find<'m>(all: &'m mut Members, name: &str) -> &'m mut Vec<u8> {
    let found = all.iter_mut().find(|m| m.0.ends_with(name));
    &mut found.unwrap_or_else(|| panic!("no member {name}")).1
}

fn replace(all: &mut Members, name: &str, from: &str, to: &str) {
    let bytes = find(all, name);
    let text = String::from_utf8(bytes.clone()).expect("text");
    assert!(text.contains(from), "`{from}` is not in {name}");
    *bytes = text.replacen(from, to, 1).into_bytes();
}

/// What reading a changed fixture says.
fn error(change: impl FnOnce(&mut Members)) -> String {
    let mut all = members(&fixture("relu6", "qdq.pt"));
    change(&mut all);
    match read(zip(&all)) {
        Ok(_) => "read without an error".to_owned(),
        Err(error) => error.to_string(),
    }
}

const ROOT: &str = "code/__torch__/zoo/___torch_mangle_285.py";

#[test]
fn archives() {
    let drop = |all: &mut Members, name: &str| all.retain(|m| !m.0.ends_with(name));
    let mut out = String::new();
    for (what, error) in [
        ("no version", error(|m| drop(m, "version"))),
        (
            "version 11",
            error(|m| *find(m, "version") = b"11\n".to_vec()),
        ),
        ("no constants.pkl", error(|m| drop(m, "constants.pkl"))),
        ("no data.pkl", error(|m| drop(m, "data.pkl"))),
        (
            "big-endian",
            error(|m| *find(m, "byteorder") = b"big".to_vec()),
        ),
        (
            "storage cut short",
            error(|m| find(m, "data/0").truncate(3)),
        ),
        ("storage missing", error(|m| drop(m, "data/1"))),
        (
            "class without code",
            error(|m| drop(m, "___torch_mangle_286.py")),
        ),
        (
            "code that is not UTF-8",
            error(|m| find(m, ROOT).push(0xff)),
        ),
        ("unknown opcode", error(|m| find(m, "data.pkl")[2] = b'i')),
        (
            "cyclic pickle",
            error(|m| *find(m, "data.pkl") = b"\x80\x02]q\x00h\x00a.".to_vec()),
        ),
        (
            "10,000 nested lists",
            error(|m| {
                let lists = [
                    vec![0x80, 2],
                    vec![b']'; 10_000],
                    vec![b'a'; 9_999],
                    vec![b'.'],
                ];
                *find(m, "data.pkl") = lists.concat();
            }),
        ),
        (
            "a list of numbers",
            error(|m| *find(m, "data.pkl") = b"\x80\x02](K\x01K\x02e.".to_vec()),
        ),
        (
            "tensor on a GPU",
            error(|m| {
                let data = find(m, "data.pkl");
                let at = data.windows(3).position(|w| w == b"cpu").expect("a device");
                data[at..at + 3].copy_from_slice(b"gpu");
            }),
        ),
    ] {
        writeln!(out, "{what}\n  {error}").expect("text");
    }
    snapshot("bad_archives", &out);
}

#[test]
fn code() {
    let mut out = String::new();
    for (from, to) in [
        ("torch.conv2d(", "torch.convd2(\""),
        ("torch.conv2d(", "torch.convd2("),
        ("torch.conv2d(x_2_dequant, ", "torch.conv2d("),
        ("ops.prim.dtype(", "ops.prim.typed("),
        ("def forward", "def backward"),
        ("  training : bool\n", "  training : bool\n  extra : int\n"),
        ("s.c\n", "s.cc\n"),
        ("(x_2_quant)\n", "(x_3_quant)\n"),
        ("return ", "return with "),
        ("    m = s.m\n", "   m = s.m\n"),
        ("    m = s.m\n", "    m = s.m\n      n = s.m\n"),
        ("    m = s.m\n", "    with s:\n      m = s.m\n"),
        ("    m = s.m\n", "    for m in s:\n      pass\n"),
        (
            "    m = s.m\n",
            "    if x:\n      return x\n    else:\n      pass\n",
        ),
        ("    m = s.m\n", "    a, b = s.m\n"),
        ("    m = s.m\n", "    m = lambda: 1\n"),
        ("    m = s.m\n", "    m = x if x else x\n"),
        ("    m = s.m\n", "    m += 1\n"),
        ("    m = s.m\n", "    m = $\n"),
        ("    m = s.m\n", "    m = \"\\q\"\n"),
        ("    m = s.m\n", "    m = (s).nothing(x, )\n"),
        ("    m = s.m\n", "    m = __torch__.nowhere.f(x, )\n"),
        ("    m = s.m\n", "    m = CONSTANTS.c7\n"),
        ("s: __torch__.zoo", "s, "),
    ] {
        let error = error(|m| replace(m, ROOT, from, to));
        writeln!(out, "{:?} for {:?}\n  {error}", to, from).expect("text");
    }
    snapshot("bad_code", &out);
}

#[test]
fn nesting() {
    let deep = |n: usize, open: &str, close: &str| {
        let body = format!("return {}x{}", open.repeat(n), close.repeat(n));
        read(around_body("Tensor", &body))
            .map(|_| ())
            .map_err(|e| e.to_string())
    };
    assert_eq!(deep(90, "torch.relu(", ")"), Ok(()));
    assert_eq!(deep(90, "(", ")"), Ok(()));
    for (n, open, close) in [
        (10_000, "torch.relu(", ")"),
        (10_000, "[", "]"),
        (150, "(", ")"),
        (10_000, "-", ""),
        (10_000, "not ", ""),
    ] {
        let error = deep(n, open, close).expect_err("too deep");
        assert!(error.contains("nested deeper than"), "{error}");
    }
    let ifs = |n: usize| {
        let mut body = String::new();
        for depth in 0..n {
            writeln!(body, "{}if torch.gt(n, {depth}):", " ".repeat(depth)).expect("text");
        }
        writeln!(body, "{}pass\nreturn x", " ".repeat(n)).expect("text");
        read(around_body("Tensor", &body))
            .map(|_| ())
            .map_err(|e| e.to_string())
    };
    assert_eq!(ifs(90), Ok(()));
    let error = ifs(1000).expect_err("too deep");
    assert!(error.contains("nested deeper than"), "{error}");
}

/// Bytes changed here and there: an answer or an error, never a panic.
#[test]
fn mutations() {
    let all = members(&fixture("relu6", "qdq.pt"));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).expect("below a usize")
    };
    for member in [
        "data.pkl",
        "constants.pkl",
        ROOT,
        "activation/___torch_mangle_288.py",
    ] {
        for _ in 0..250 {
            let mut changed = all.clone();
            let bytes = find(&mut changed, member);
            for _ in 0..=random(3) {
                let at = random(bytes.len());
                match random(3) {
                    0 => bytes[at] = u8::try_from(random(256)).expect("a byte"),
                    1 => drop(bytes.remove(at)),
                    _ => {
                        let copied = bytes[random(bytes.len())];
                        bytes.insert(at, copied);
                    }
                }
            }
            let _ = read(zip(&changed));
        }
    }
}
