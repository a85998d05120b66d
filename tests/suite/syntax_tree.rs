//! The shape of trees.

use rulefold::source::{SourceId, Span};
use rulefold::syntax::ast::*;
use rulefold::syntax::{parse, parse_graph};

fn file(text: &str) -> File {
    let (file, found) = parse(SourceId::new(0), text);
    assert!(found.is_empty(), "{text}: {found:?}");
    file
}

fn item(text: &str) -> ItemKind {
    file(text).items.pop().expect("one item").kind
}

fn rule(text: &str) -> Rule {
    match item(text) {
        ItemKind::Rule(rule) => rule,
        other => panic!("a rule, not {other:?}"),
    }
}

fn expr(text: &str) -> Expr {
    match item(&format!("const A = {text}")) {
        ItemKind::Const(constant) => constant.value,
        other => panic!("a constant, not {other:?}"),
    }
}

fn slice(text: &str, span: Span) -> &str {
    &text[span.range()]
}

/// An expression with all its brackets.
fn shape(expr: &Expr) -> String {
    let term = |term: &Term| match &term.kind {
        TermKind::Expr(expr) => shape(expr),
        TermKind::Wildcard => "_".to_string(),
        TermKind::Typed(..) => "typed".to_string(),
    };
    let terms = |terms: &[&Term]| {
        terms
            .iter()
            .map(|one| term(one))
            .collect::<Vec<_>>()
            .join(" ")
    };
    match &expr.kind {
        ExprKind::Number(number) => format!("{:?}", number.value)
            .replace("Int", "")
            .replace("Float", ""),
        ExprKind::Text(text) => format!("{:?}", text.value),
        ExprKind::Bool(value) => value.to_string(),
        ExprKind::None => "none".to_string(),
        ExprKind::Name(path) => path.text.clone(),
        ExprKind::Value(value) => value.to_string(),
        ExprKind::Op(call) => format!("{}#{}", call.op, call.operands.len()),
        ExprKind::Call(call) => {
            let args: Vec<String> = call
                .args
                .iter()
                .map(|arg| {
                    arg.name.iter().map(|n| format!("{n}=")).collect::<String>()
                        + &shape(&arg.value)
                })
                .collect();
            format!("{}({})", call.function, args.join(" "))
        }
        ExprKind::List(elements) => format!(
            "[{}]",
            terms(&elements.iter().map(|one| &one.term).collect::<Vec<_>>())
        ),
        ExprKind::Comprehension(all) => {
            let loops: Vec<String> = all
                .loops
                .iter()
                .map(|one| {
                    format!(
                        "for {}{}",
                        shape(&one.source),
                        one.condition
                            .iter()
                            .map(|c| format!(" if {}", shape(c)))
                            .collect::<String>()
                    )
                })
                .collect();
            format!("[{} {}]", term(&all.element.term), loops.join(" "))
        }
        ExprKind::Tuple(members) => {
            format!("tuple({})", terms(&members.iter().collect::<Vec<_>>()))
        }
        ExprKind::Alternatives(branches) => format!(
            "either({})",
            terms(&branches.iter().map(|one| &one.term).collect::<Vec<_>>())
        ),
        ExprKind::Unary(op, operand) => format!("({op:?} {})", shape(operand)),
        ExprKind::Binary(binary) => format!(
            "({} {} {})",
            shape(&binary.left),
            binary.op.text(),
            shape(&binary.right)
        ),
        ExprKind::Index(index) => match &index.subscript {
            Subscript::At(at) => format!("{}[{}]", shape(&index.base), shape(at)),
            Subscript::Slice(from, to) => {
                let side = |side: &Option<Expr>| side.as_ref().map(shape).unwrap_or_default();
                format!("{}[{}:{}]", shape(&index.base), side(from), side(to))
            }
        },
        ExprKind::If(all) => format!(
            "(if {} then {} else {})",
            shape(&all.condition),
            shape(&all.yes),
            shape(&all.no)
        ),
    }
}

#[test]
fn precedence_is_pythons() {
    for (text, tree) in [
        ("not a == b", "(Not (a == b))"),
        ("-a * b + c", "(((Neg a) * b) + c)"),
        (
            "a + b * c == d and e or not f in g",
            "((((a + (b * c)) == d) and e) or (Not (f in g)))",
        ),
        ("xs[1:] + [1] * n", "(xs[(1):] + ([(1)] * n))"),
        ("a not in b and c", "((a not in b) and c)"),
        ("a - b - c", "((a - b) - c)"),
        ("(a - (b - c))", "(a - (b - c))"),
        ("-x[0]", "(Neg x[(0)])"),
        ("xs[:-1][i][:]", "xs[:(-1)][i][:]"),
        (
            "if a then b else if c then d else e + f",
            "(if a then b else (if c then d else (e + f)))",
        ),
        ("(if a then b else c) + d", "((if a then b else c) + d)"),
        ("1 -1", "((1) - (1))"),
        ("1 / 256 // comment", "((1) / (256))"),
    ] {
        assert_eq!(shape(&expr(text)), tree, "{text}");
    }
}

#[test]
fn leaves_are_what_they_mean() {
    for (text, tree) in [
        ("-9223372036854775808", "(-9223372036854775808)"),
        ("9223372036854775807", "(9223372036854775807)"),
        ("[6., 1e-5, -0.5, 1e3]", "[(6.0) (1e-5) (-0.5) (1000.0)]"),
        (r#""a \"b\" \\ \n\t\303\251""#, r#""a \"b\" \\ \n\té""#),
        ("[true, false, none]", "[true false none]"),
        (
            r#"[%x.1, %"a b", %self.conv1.weight]"#,
            r#"[%x.1 %"a b" %self.conv1.weight]"#,
        ),
        ("f(x, rtol = 1e-6, if = 1)", "f(x rtol=(1e-6) if=(1))"),
        ("(a, b)", "tuple(a b)"),
        ("(a,)", "tuple(a)"),
        ("(a, // why\n)", "tuple(a)"),
        ("((a))", "a"),
        (
            "[q for (i, q) in qs if i > 0 for %t in q]",
            "[q for qs if (i > (0)) for q]",
        ),
        ("torch.modules.A", "torch.modules.A"),
    ] {
        assert_eq!(shape(&expr(text)), tree, "{text}");
    }
}

#[test]
fn a_block_rule_has_its_clauses_in_order() {
    let text = "/// What: doc\n@allow(shadowed)\nrule r for (D, op) in T {\n  numerics within 2 lsb // note\n  match { %y, _: Tensor? = aten::conv{D}d+[axis = 1, to = t, rest..., perm, ..](%x: const Tensor<i8 | u8, [N, _, ..]>, args..., eps: e, _ as k, ..) as tag\n  aten::set(%y) }\n  where true else \"why\"\n  let a = 1\n  rewrite { %y... = %x... }\n  erase tag, k\n  test \"t\" [D = 2] { given file \"f\" expect no match because \"why\" expect applied >= 2 }\n}\n";
    let file = file(text);
    let item = &file.items[0];
    assert_eq!(item.docs[0].text, "What: doc");
    assert!(matches!(&item.notes[0].kind, NoteKind::Allow(names) if names[0].text == "shadowed"));
    assert_eq!(slice(text, item.span), text.trim_end());
    let ItemKind::Rule(rule) = &item.kind else {
        panic!("a rule")
    };
    assert_eq!(rule.family.as_ref().expect("a family").names.len(), 2);
    assert!(rule.equation.is_none());
    let numerics: Vec<_> = rule.numerics().collect();
    assert_eq!(numerics[0].kind, NumericsKind::Within(2));
    assert_eq!(slice(text, numerics[0].span), "numerics within 2 lsb");
    let statements = &rule.matches().next().expect("a match").statements;
    assert_eq!(statements.len(), 2);
    let binds = &statements[0].binds;
    assert_eq!(
        binds[0].target.value().map(|value| value.name.as_str()),
        Some("y")
    );
    assert!(matches!(
        (&binds[1].target, &binds[1].ty),
        (
            Target::Wildcard,
            Some(Type {
                kind: TypeKind::Optional(_),
                ..
            })
        )
    ));
    let term = &statements[0].term;
    assert_eq!(term.tag.as_ref().map(|tag| tag.text.as_str()), Some("tag"));
    let call = term.as_op().expect("an op");
    assert_eq!((call.repeat, call.op.plain()), (Some(Repeat::Some), None));
    assert_eq!(
        call.op
            .holes()
            .map(|hole| slice(text, hole.span))
            .collect::<Vec<_>>(),
        ["D"]
    );
    let attrs: Vec<&str> = call
        .attrs
        .iter()
        .map(|attr| slice(text, attr.span))
        .collect();
    assert_eq!(attrs, ["axis = 1", "to = t", "rest...", "perm", ".."]);
    assert!(
        matches!(&call.attrs[2].kind, AttrKind::Bundle { name, indexes } if name.text == "rest" && indexes.is_empty())
    );
    assert!(matches!(&call.attrs[3].kind, AttrKind::Name(name) if name.text == "perm"));
    let operands: Vec<&str> = call
        .operands
        .iter()
        .map(|operand| slice(text, operand.span))
        .collect();
    assert_eq!(
        operands,
        [
            "%x: const Tensor<i8 | u8, [N, _, ..]>",
            "args...",
            "eps: e",
            "_ as k",
            ".."
        ]
    );
    let OperandKind::Term {
        label: None,
        term,
        each: false,
    } = &call.operands[0].kind
    else {
        panic!("a typed value")
    };
    let TermKind::Typed(
        Target::Value(_),
        Type {
            constant: true,
            kind: TypeKind::Refined(refined),
            ..
        },
    ) = &term.kind
    else {
        panic!("a refined type")
    };
    assert_eq!(
        refined
            .dtypes
            .iter()
            .map(|dtype| dtype.text.as_str())
            .collect::<Vec<_>>(),
        ["i8", "u8"]
    );
    assert!(matches!(
        refined.dims.as_deref(),
        Some([
            Dim {
                kind: DimKind::Expr(_),
                ..
            },
            Dim {
                kind: DimKind::Wildcard,
                ..
            },
            Dim {
                kind: DimKind::Rest,
                ..
            }
        ])
    ));
    assert!(matches!(
        &call.operands[1].kind,
        OperandKind::Term { each: true, .. }
    ));
    assert!(
        matches!(&call.operands[2].kind, OperandKind::Term { label: Some(label), .. } if label.text == "eps")
    );
    assert!(statements[1].is_effect() && statements[1].term.as_op().is_some());
    assert_eq!(
        rule.guards()
            .map(|guard| guard.reason.value.as_str())
            .collect::<Vec<_>>(),
        ["why"]
    );
    assert_eq!(rule.lets().count(), 1);
    let written = &rule.rewrites().next().expect("a rewrite").statements[0];
    assert!(written.each && written.binds[0].each);
    assert_eq!(
        rule.erases().map(|erase| erase.tags.len()).sum::<usize>(),
        2
    );
    let test = rule.tests().next().expect("a test");
    assert!(matches!(&test.given, Given::File(file) if file.value == "f"));
    assert!(
        matches!(&test.expects[0].kind, ExpectKind::NoMatch(Some(reason)) if reason.value == "why")
    );
    assert!(matches!(
        &test.expects[1].kind,
        ExpectKind::Applied(Comparison::AtLeast, 2)
    ));
    assert_eq!(rule.clauses.len(), 7);
}

#[test]
fn a_one_line_rule_has_an_equation() {
    let text = "rule r : aten::t?(%x) as t <=> (a: %x | b: %y) as k   numerics changes \"why\"";
    let rule = rule(text);
    let equation = rule.equation.expect("an equation");
    assert_eq!(equation.direction, Direction::Both);
    assert_eq!(
        slice(text, equation.span),
        ": aten::t?(%x) as t <=> (a: %x | b: %y) as k"
    );
    assert_eq!(
        equation.left.as_op().and_then(|call| call.repeat),
        Some(Repeat::Optional)
    );
    let TermKind::Expr(Expr {
        kind: ExprKind::Alternatives(branches),
        ..
    }) = &equation.right.kind
    else {
        panic!("alternatives")
    };
    assert_eq!(
        branches
            .iter()
            .map(|branch| branch.label.as_ref().expect("a label").text.as_str())
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert!(matches!(
        &rule.clauses[..],
        [Clause::Numerics(Numerics {
            kind: NumericsKind::Changes(_),
            ..
        })]
    ));
}

#[test]
fn declarations_and_pipelines_are_read() {
    let ItemKind::Op(op) = item(
        "op ns::f[axis: int = 1](%a: Tensor?, %b...: int[2] = 0) -> (Tensor, Tensor[]) { commutative(a, b), virtual }",
    ) else {
        panic!("an op")
    };
    assert_eq!(
        (op.attrs.len(), op.operands.len(), op.result.results().len()),
        (1, 2, 2)
    );
    assert!(op.operands[1].each && matches!(op.operands[1].ty.kind, TypeKind::List(_, Some(2))));
    assert!(matches!(&op.traits[0].kind, TraitKind::Commutative(names) if names.len() == 2));
    assert!(matches!(op.traits[1].kind, TraitKind::Virtual));
    let ItemKind::Pipeline(job) = item(
        "pipeline p(keep = [], n) { let a = 1 if \"x\" not in keep { f(a) g() } q(prefix = n) }",
    ) else {
        panic!("a pipeline")
    };
    assert!(job.settings[0].default.is_some() && job.settings[1].default.is_none());
    let [Step::Let(_), Step::If(all), Step::Call(call)] = &job.steps[..] else {
        panic!("three steps, not {:?}", job.steps)
    };
    assert_eq!(
        (
            all.steps.len(),
            call.function.text.as_str(),
            call.args.len()
        ),
        (2, "q", 1)
    );
    let ItemKind::Use(names) = item("use torch.modules.{A, b}") else {
        panic!("a use")
    };
    assert_eq!(
        (names.module.text.as_str(), names.names.len()),
        ("torch.modules", 2)
    );
    let ItemKind::Fn(function) = item("fn f(%a, n) = %a + n") else {
        panic!("a function")
    };
    assert!(matches!(
        &function.params[..],
        [Variable::Value(_), Variable::Name(_)]
    ));
    let ItemKind::Keep(keep) = item("keep k for op in A : aten::{op}(..) because \"why\"") else {
        panic!("a keep")
    };
    assert!(keep.family.is_some() && keep.pattern.as_op().is_some());
}

#[test]
fn a_dump_is_a_graph() {
    let text = include_str!("../syntax/dumps/odd.ir");
    let graph = parse_graph(SourceId::new(0), text).expect("the dump parses");
    let types: Vec<&str> = graph
        .params
        .iter()
        .filter_map(|param| param.ty.as_ref())
        .map(|ty| slice(text, ty.span))
        .collect();
    assert_eq!(
        types[2..],
        [
            "Dict(str, Tensor)",
            "Future(Tensor)?",
            "(Tensor, Tensor?)[]",
            "Float(*, 3, device=cpu)"
        ]
    );
    let Some(Type {
        kind: TypeKind::Dumped(float),
        ..
    }) = &graph.params[1].ty
    else {
        panic!("a dumped type")
    };
    assert_eq!(float.args.len(), 7);
    assert!(
        matches!(&float.args[4].kind, DumpedArgKind::List(name, numbers) if name.text == "strides" && numbers.len() == 4)
    );
    assert!(
        matches!(&float.args[6].kind, DumpedArgKind::Device { index: Some(0), device, .. } if device.text == "cuda")
    );
    let set = graph
        .statements
        .iter()
        .find(|statement| statement.is_effect())
        .expect("SetAttr binds nothing");
    assert_eq!(
        set.term.as_op().map(|call| call.op.text.as_str()),
        Some("prim::SetAttr")
    );
    let outer = graph
        .statements
        .iter()
        .find(|statement| !statement.blocks.is_empty())
        .expect("a loop");
    let inner = &outer.blocks[0];
    assert_eq!(
        (
            inner.index,
            inner.params.len(),
            inner.returns.len(),
            inner.statements[0].blocks.len()
        ),
        (0, 2, 2, 2)
    );
    assert!(slice(text, outer.span).ends_with("-> (%b.2, %k)"));
    assert_eq!(
        graph
            .returns
            .iter()
            .map(|value| value.name.as_str())
            .collect::<Vec<_>>(),
        ["w", "n"]
    );

    let text = "graph(%x : Tensor):\n  %1 : Tensor = prim::Constant[value= 1  2 [ CPUFloatType{2} ]](), scope: __module.a/b.0 # x.py:1:2\n  return (%1)\n";
    let graph = parse_graph(SourceId::new(0), text).expect("a tensor is kept as text");
    let statement = &graph.statements[0];
    let AttrKind::Verbatim { name, text: tensor } =
        &statement.term.as_op().expect("an op").attrs[0].kind
    else {
        panic!("verbatim")
    };
    assert_eq!(
        (name.text.as_str(), tensor.value.as_str()),
        ("value", "1  2 [ CPUFloatType{2} ]")
    );
    let scope = statement.scope.as_ref().expect("a scope");
    assert_eq!(
        (scope.text.as_str(), slice(text, scope.span)),
        ("__module.a/b.0", "__module.a/b.0")
    );
}

#[test]
fn a_broken_item_costs_nothing_else() {
    let text = include_str!("../syntax/bad/five.fold");
    let (file, found) = parse(SourceId::new(0), text);
    let line = |span: Span| text[..span.range().start].lines().count();
    let places: Vec<usize> = found
        .iter()
        .map(|one| line(one.span().expect("a place")))
        .collect();
    assert_eq!(places, [4, 8, 14, 20, 26]);
    assert!(found.iter().all(|one| one.help.is_some()));
    let broken: Vec<&str> = file
        .broken
        .iter()
        .filter_map(|item| item.name.as_ref())
        .map(|name| name.text.as_str())
        .collect();
    assert_eq!(broken, ["open", "arrow", "guard", "word", "colon"]);
    assert_eq!(file.items.len(), 4);
    assert_eq!(
        file.docs[0].text,
        "Five mistakes in five items; the other four items stay."
    );
}
