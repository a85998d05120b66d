//! Every operator that the shipped rules match or write has a kernel, so that each rule can be judged by running it.

use rulefold::check::rule::{Build, BuildOperand, Pattern, Rest};
use rulefold::eval::supports;
use rulefold::graph::Name;
use rulefold::pipeline::library::load;
use std::collections::BTreeMap;

fn matched(pattern: &Pattern, found: &mut Vec<Name>) {
    match pattern {
        Pattern::Apply(apply) => {
            found.push(apply.op);
            for operand in &apply.operands {
                matched(operand, found);
            }
            if let Some(Rest::Each { pattern, .. }) = &apply.rest {
                matched(pattern, found);
            }
        }
        Pattern::Project { of, .. } => matched(of, found),
        Pattern::Chain { op, inner, .. } => {
            found.push(*op);
            matched(inner, found);
        }
        _ => {}
    }
}

fn written(build: &Build, found: &mut Vec<Name>) {
    match build {
        Build::Apply { op, operands, .. } => {
            found.push(*op);
            for operand in operands {
                match operand {
                    BuildOperand::One(build) => written(build, found),
                    BuildOperand::Each { each, .. } => written(each, found),
                }
            }
        }
        Build::If(_, yes, no) => {
            written(yes, found);
            written(no, found);
        }
        _ => {}
    }
}

#[test]
fn every_operator_of_the_shipped_rules_has_a_kernel() {
    let loaded = load(vec![]);
    let mut missing: BTreeMap<String, String> = BTreeMap::new();
    let mut count = 0;
    for rule in &loaded.library.rules {
        let mut found = Vec::new();
        for variant in rule
            .instances
            .iter()
            .flat_map(|instance| &instance.variants)
        {
            for root in &variant.roots {
                matched(&root.pattern, &mut found);
                if let Some(build) = &root.replacement {
                    written(build, &mut found);
                }
            }
        }
        for op in found {
            count += 1;
            let own = ["prim::", "rulefold::"];
            let structural = own
                .iter()
                .any(|namespace| op.as_str().starts_with(namespace));
            if !structural && !supports(op.as_str()) {
                missing.insert(op.to_string(), rule.name.to_string());
            }
        }
    }
    assert!(count > 200, "only {count} operators were looked at");
    assert!(
        missing.is_empty(),
        "operators without a kernel, with a rule that names each: {missing:#?}"
    );
}
