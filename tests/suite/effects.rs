//! Rules on the ordered list of effects: what they match, erase and add, and what they leave alone.

use rulefold::check::{Library, ModuleSource, check, graph};
use rulefold::diagnostic::plain;
use rulefold::egraph::build::{View, build_with};
use rulefold::egraph::choose::{Anything, Redirect, choose};
use rulefold::egraph::extract::Limits;
use rulefold::egraph::{EGraph, place::place, replace};
use rulefold::graph::ConstantStore;
use rulefold::graph::text::print;
use rulefold::ops::Catalogue;
use rulefold::rules::RuleSet;
use rulefold::source::Sources;
use rulefold::syntax::{parse, parse_graph};
use std::fmt::Write;

fn library(text: &str) -> Library {
    let mut sources = Sources::new();
    let source = sources.add("t.fold", text);
    let (file, found) = parse(source, text);
    assert!(found.is_empty(), "{}", plain(&sources, &found));
    let module = ModuleSource {
        name: "t",
        source,
        file: &file,
        replaces: false,
    };
    let (library, found) = check(&[module], &mut Catalogue::new());
    assert!(found.is_empty(), "{}", plain(&sources, &found));
    library
}

/// Applies the rules to a graph, one after the other; what each did, and what is left.
fn applied(rules: &str, text: &str) -> String {
    let mut sources = Sources::new();
    let source = sources.add("graph", text);
    let tree = parse_graph(source, text).unwrap_or_else(|e| panic!("{}", plain(&sources, &e)));
    let catalogue = Catalogue::new();
    let read = graph::read(&tree, &catalogue);
    let read = read.unwrap_or_else(|e| panic!("{}", plain(&sources, &e)));
    let (mut graph, mut constants) = (read.graph, ConstantStore::default());
    let mut out = String::new();
    for rule in &library(rules).rules {
        let set = RuleSet::compile([rule]).expect("a right rule");
        let view = View {
            effects: set.effects(),
            ..View::default()
        };
        let mut built = build_with(&graph, EGraph::new(constants), &catalogue, &view);
        built.egraph.rebuild().expect("no contradiction");
        let replaced = replace(&mut built, &set);
        built.egraph.rebuild().expect("no contradiction");
        let candidates = built.egraph.candidates();
        let redirect = Redirect(replaced.classes);
        let choice = choose(
            &built.egraph,
            &candidates,
            &built.skeleton,
            &redirect,
            &Anything,
            &Limits::default(),
        );
        let choice = choice.expect("an acyclic choice");
        let placed = place(
            &built.egraph,
            &candidates,
            &built.skeleton,
            &choice,
            &catalogue,
        );
        placed.graph.verify().expect("a right graph");
        let did = &replaced.rules[0];
        let _ = writeln!(
            out,
            "{}: {} applied, {} refused, changed {}",
            rule.name, did.applications, did.refused, replaced.changed
        );
        graph = placed.graph;
        constants = built.egraph.into_constants();
    }
    let _ = write!(out, "{}", print(&graph, &constants));
    out
}

const DROP: &str = r#"
rule drop {
  numerics exact
  match {
    %observer = prim::GetAttr[name](_)
    _         = prim::CallMethod[name = "calculate_qparams"](%observer) as call
  }
  where starts_with(name, "_observer_") else "not an observer"
  erase call
}
"#;

#[test]
fn only_what_matches_is_erased() {
    let rule = r#"
rule drop {
  numerics exact
  match { prim::SetAttr[name](_, _) as write }
  where starts_with(name, "_packed") else "not a packed weight"
  erase write
}
"#;
    insta::assert_snapshot!(
        "only_what_matches_is_erased",
        applied(
            rule,
            r#"graph(%self: __torch__.M, %x: Tensor, %c: bool) {
  %n = prim::GetAttr[name="count"](%self)
  %m = aten::add(%n, 1)
  prim::SetAttr[name="count"](%self, %m)
  prim::SetAttr[name="_packed_a"](%self, %x)
  %y = prim::If(%c)
    block0():
      prim::SetAttr[name="_packed_b"](%self, %x)
      -> (%x)
    block1():
      prim::SetAttr[name="other"](%self, %x)
      -> (%n)
  return (%y)
}"#
        )
    );
}

#[test]
fn what_is_read_stays() {
    insta::assert_snapshot!(
        "what_is_read_stays",
        applied(
            DROP,
            r#"graph(%self: __torch__.M, %x: Tensor) {
  %a = prim::GetAttr[name="_observer_0"](%self)
  %b = prim::GetAttr[name="_observer_1"](%self)
  %c = prim::GetAttr[name="child"](%self)
  %p = prim::CallMethod[name="calculate_qparams"](%a)
  %q = prim::CallMethod[name="calculate_qparams"](%b)
  %r = prim::CallMethod[name="calculate_qparams"](%c)
  %unused = aten::relu(%p)
  %y = aten::add(%x, %q, 1)
  return (%y)
}"#
        )
    );
}

#[test]
fn what_is_read_by_what_stays_stays() {
    let rule = r#"
rule drop {
  numerics exact
  match { _ = prim::CallMethod[name = "f"](_) as call }
  erase call
}
"#;
    insta::assert_snapshot!(
        "what_is_read_by_what_stays_stays",
        applied(
            rule,
            r#"graph(%self: __torch__.M) {
  %a = prim::CallMethod[name="f"](%self)
  %b = prim::CallMethod[name="f"](%a)
  %c = prim::CallMethod[name="f"](%b)
  %d = prim::CallMethod[name="f"](%b)
  %e = prim::CallMethod[name="f"](%self)
  return (%c)
}"#
        )
    );
}

#[test]
fn what_is_added_stands_behind_what_it_reads() {
    let rule = r#"
rule store {
  numerics exact
  match {
    %owner  = prim::GetAttr*[name = path...](%self)
    %weight = prim::GetAttr[name = leaf](%owner)
    %packed = quantized::linear_prepack(aten::quantize_per_tensor(%weight, %scale, _, _), _)
  }
  where is_root(%self) else "the weight does not belong to this model"
  rewrite {
    prim::SetAttr[name = "_packed_" + join(path + [leaf], "_")](%self, %packed)
    prim::SetAttr[name = leaf](%owner, %scale)
  }
}
"#;
    insta::assert_snapshot!(
        "what_is_added_stands_behind_what_it_reads",
        applied(
            rule,
            r#"graph(%self: __torch__.M, %x: Tensor) {
  %fc: __torch__.L = prim::GetAttr[name="fc"](%self)
  %w: Tensor = prim::GetAttr[name="weight"](%fc)
  %n: int = prim::GetAttr[name="count"](%self)
  %m: int = aten::add(%n, 1)
  prim::SetAttr[name="count"](%self, %m)
  %s = aten::Float(%m)
  %q = aten::quantize_per_tensor(%w, %s, 0, 12)
  %p = quantized::linear_prepack(%q, none)
  %k: int = prim::GetAttr[name="count"](%self)
  prim::SetAttr[name="last"](%self, %k)
  %y = quantized::linear_dynamic(%x, %p, true)
  %w2: Tensor = prim::GetAttr[name="weight"](%fc)
  %z = aten::add(%y, %w2, 1)
  return (%z)
}"#
        )
    );
}

#[test]
fn what_is_added_stands_in_the_block_of_what_it_reads() {
    let rule = r#"
rule note {
  numerics exact
  match { prim::SetAttr[name = "a"](%m, %v) as write }
  erase write
  rewrite {
    prim::SetAttr[name = "b"](%m, %v)
    prim::SetAttr[name = "c"](%m, prim::TupleConstruct(%v))
  }
}
"#;
    insta::assert_snapshot!(
        "what_is_added_stands_in_the_block_of_what_it_reads",
        applied(
            rule,
            r#"graph(%self: __torch__.M, %x: Tensor, %c: bool) {
  prim::SetAttr[name="first"](%self, %x)
  prim::If(%c)
    block0():
      %y = aten::relu(%x)
      prim::SetAttr[name="a"](%self, %y)
      prim::SetAttr[name="second"](%self, %x)
      -> ()
    block1():
      -> ()
  prim::Loop(3, true)
    block0(%i: int):
      prim::SetAttr[name="a"](%self, %i)
      -> (%c)
  return (%x)
}"#
        )
    );
}

#[test]
fn an_attribute_is_not_set_where_a_read_may_follow() {
    let rule = r#"
rule change {
  numerics exact
  match { prim::SetAttr[name = "a"](%m, %v) as write }
  erase write
  rewrite { prim::SetAttr[name = "b"](%m, %v) }
}
"#;
    let graph = |around: &str, then: &str| {
        format!(
            r#"graph(%self: __torch__.M, %x: Tensor, %c: bool) {{
  prim::SetAttr[name="b"](%self, %c)
  %before = prim::GetAttr[name="b"](%self)
  prim::Print(%before)
  {around}
      prim::SetAttr[name="a"](%self, %x)
      %after = prim::GetAttr[name="{then}"](%self)
      prim::Print(%after)
      -> (%c)
    block1():
      %other = prim::GetAttr[name="b"](%self)
      prim::Print(%other)
      -> (%c)
  %last = prim::GetAttr[name="{then}"](%self)
  return (%last)
}}"#
        )
    };
    let branch = "%d = prim::If(%c)\n    block0():";
    assert!(applied(rule, &graph(branch, "c")).contains("1 applied, 0 refused"));
    assert!(applied(rule, &graph(branch, "b")).contains("0 applied, 1 refused"));
}

#[test]
fn a_value_can_be_replaced_by_something_that_reads_it() {
    let rules = r#"
rule of_a_value {
  numerics exact
  match   { %y = aten::relu(_) }
  rewrite { %y = aten::neg(%y) }
}

rule of_an_effect {
  numerics exact
  match {
    %y = prim::GetAttr[name = "count"](%m)
    prim::SetAttr[name = "count"](%m, _)
  }
  rewrite { %y = aten::neg(%y) }
}
"#;
    insta::assert_snapshot!(
        "a_value_can_be_replaced_by_something_that_reads_it",
        applied(
            rules,
            r#"graph(%self: __torch__.M, %x: Tensor) {
  %n: Tensor = prim::GetAttr[name="count"](%self)
  %y = aten::relu(%x)
  %z = aten::add(%y, %n, 1)
  prim::SetAttr[name="count"](%self, %z)
  return (%y)
}"#
        )
    );
}

#[test]
fn roots_that_share_a_value_are_replaced_together() {
    let rule = r#"
rule siblings {
  numerics exact
  match {
    %a = aten::relu(%x)
    %b = aten::neg(%x)
  }
  rewrite {
    %a = aten::tanh(%x)
    %b = aten::sigmoid(%x)
  }
}
"#;
    insta::assert_snapshot!(
        "roots_that_share_a_value_are_replaced_together",
        applied(
            rule,
            r#"graph(%x: Tensor, %y: Tensor) {
  %a = aten::relu(%x)
  %b = aten::neg(%x)
  %c = aten::relu(%y)
  %d = aten::add(%a, %b, 1)
  %e = aten::add(%c, %d, 1)
  return (%e)
}"#
        )
    );
}
