//! Code in, code out: what the reader understands of code members, and how the writer spells it.

use super::torchscript_archive::{around, around_body, members_of, read, snapshot, write};

/// The code of `m.py` after reading and writing; reading that must give the same again.
fn rewritten(archive: Vec<u8>) -> String {
    let script = match read(archive) {
        Ok(script) => script,
        Err(error) => return format!("error: {error}"),
    };
    let written = write(&script);
    let again = read(written.clone()).unwrap_or_else(|e| panic!("what we wrote: {e}"));
    let members = members_of(&written);
    assert_eq!(members, members_of(&write(&again)));
    let code = members.iter().find(|m| m.0 == "code/__torch__/m.py");
    String::from_utf8(code.expect("the root's code").1.clone()).expect("text")
}

fn check_code(name: &str, code: &str) {
    let answer = rewritten(around(code));
    snapshot(name, &format!("{}\n----\n{answer}", code.replace('\r', "")));
}

/// Checks a body of `forward(self, x: Tensor, n: int) -> result`.
fn check_body(name: &str, result: &str, body: &str) {
    let text = rewritten(around_body(result, body));
    let answer = match text.split_once("-> ") {
        Some((_, body)) => body.split_once('\n').map_or("", |(_, rest)| rest),
        None => &text,
    };
    snapshot(name, &format!("{body}\n----\n{answer}"));
}

#[test]
fn operators_and_literals() {
    check_body(
        "operators_and_literals",
        "Tuple[Tensor, float, str, List[int]]",
        r#"a = torch.conv2d(x, x, None, [1, 1], [0, 0], [1, 1], 1)
b = torch.conv2d(a, a, None, [2, 2])
c = torch.add(b, a, alpha=2)
d = torch.scalar_tensor(10000000000000000, dtype=6)
e = torch.zeros([n, 1], dtype=None, layout=None, device=torch.device("cpu"), pin_memory=False)
empty = annotate(List[int], [])
_0 = torch.append(empty, n)
f = torch.to(torch.add(c, torch.add(d, e)), 6)
return (f, 10000000000000000, "quote \" \303\251\n", empty)"#,
    );
}

#[test]
fn sugar_of_the_loader() {
    check_body(
        "sugar_of_the_loader",
        "Tensor",
        r#"# comments, operators, subscripts, keyword operands, methods of tensors
if n > 2 + 1:
  y = x[0] * 2
else:
  y = -x
shape = y.shape
k = shape[-1]
z = (y).reshape([k, -1])
t = (x, n, 1.5)
u, v, w = t
m = t[1]
s = t[0:2]
return torch.add(other=z, self=torch.slice(u, start=m, end=shape[1:][0])) / w"#,
    );
}

#[test]
fn loops_and_branches() {
    check_body(
        "loops_and_branches",
        "Tensor",
        r#"a = x
b = torch.neg(x)
for i in range(n):
  unused = torch.relu(a)
  a, b = b, torch.add(a, b)
  if torch.gt(i, 3):
    c = torch.relu(a)
  else:
    c = a
  a = c
k = 0
again = torch.lt(k, n)
while again:
  k = torch.add(k, 1)
  if torch.eq(k, 7):
    ops.prim.RaiseException("seven", "builtins.ValueError")
    a = uninitialized(Tensor)
  else:
    pass
  again = torch.__and__(torch.lt(k, n), bool(torch.max(a)))
return torch.add(a, b)"#,
    );
}

#[test]
fn optional_values() {
    check_body(
        "optional_values",
        "Tensor",
        r#"if torch.gt(n, 0):
  h : Optional[Tensor] = x
else:
  h = None
if torch.__isnot__(h, None):
  y = unchecked_cast(Tensor, h)
else:
  y = torch.zeros([n])
if isinstance(y, Tensor):
  z = int(torch.sum(y))
else:
  z = annotate(int, torch.sum(x))
d = annotate(Dict[str, int], {"a": z, "b": 2})
return torch.mul(y, d["a"])"#,
    );
}

#[test]
fn several_results_and_lists() {
    check_body(
        "several_results_and_lists",
        "List[Tensor]",
        r#"a, b, = torch.chunk(x, 2, 1)
v, i = torch.max(a, 0)
parts = [v, torch.relu(b)]
c, d = parts
w = torch.max(c, 0)
e, f, = w
return [torch.cat([c, d, e, f], 1), i]"#,
    );
}

#[test]
fn functions_methods_and_layout() {
    let code = "class Net(Module):\r\n    __parameters__ = []\r\n\r\n    # four spaces and CRLF\r\n    \
        def forward(self: __torch__.m.Net, x: Tensor, n: int=3, name: str=\"a\") -> Tensor:\r\n        \
        f = __torch__.m.twice\r\n        y = f(x, )\r\n        return (self).helper(y, k=2, )\r\n    \
        def helper(self: __torch__.m.Net, x: Tensor, k: int, s: float=1) -> Tensor:\r\n        \
        return torch.mul(x, k)\r\n    \
        def other(self: __torch__.m.Net, x: Tensor) -> Tensor:\r\n        with x:\r\n            pass\r\n        return x\r\n\
        def twice(x: Tensor, by: Optional[Tensor]=None) -> Tensor:\r\n  return torch.add(x, x)\r\n\
        def unused(x: Tensor) -> Tensor:\r\n  return anything(at, all)\r\n\
        class Pair(NamedTuple):\r\n  a : Tensor\r\n  b : int\r\n";
    check_code("functions_methods_and_layout", code);
}

#[test]
fn named_tuples() {
    let code = "class Net(Module):\n  def forward(self: __torch__.m.Net, x: Tensor) -> __torch__.m.Pair:\n    \
        p = __torch__.m.Pair(x, 2)\n    q = __torch__.m.Pair(torch.mul(p.a, (p)[1]), p.b)\n    a, b, = q\n    return q\n\
        class Pair(NamedTuple):\n  a : Tensor\n  b : int\n";
    check_code("named_tuples", code);
}
