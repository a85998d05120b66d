//! Pictures of graphs: well-formed whatever a model holds, nothing on top of another, the same each time, fast.

use std::time::{Duration, Instant};

use rulefold::check::graph;
use rulefold::drawing::{self, Frame, Layout, Subject, Wanted};
use rulefold::graph::{ConstantStore, Graph, text};
use rulefold::model::torchscript;
use rulefold::ops::Catalogue;
use rulefold::pipeline::freeze;
use rulefold::source::SourceId;
use rulefold::syntax::parse_graph;

use crate::command::{Place, model};
use crate::recorded::cases;

fn outline(graph: &Graph, constants: &ConstantStore) -> Frame {
    let printed = text::printed(graph, constants);
    let subject = Subject {
        graph,
        constants,
        catalogue: &Catalogue::new(),
        printed: &printed,
        only: None,
    };
    drawing::outline(&subject, "forward")
}

fn read(text: &str) -> Graph {
    let tree = parse_graph(SourceId::new(0), text).expect("the text is right");
    let read = graph::read(&tree, &Catalogue::new()).expect("the graph is right");
    read.graph
}

/// Boxes that overlap, frames that leave their box, arrows that do not end at a box.
fn faults(frame: &Frame, layout: &Layout, found: &mut Vec<String>) {
    for (i, a) in layout.boxes.iter().enumerate() {
        for (j, b) in layout.boxes.iter().enumerate().skip(i + 1) {
            let apart = a.x + a.width <= b.x + 0.01
                || b.x + b.width <= a.x + 0.01
                || a.y + a.height <= b.y + 0.01
                || b.y + b.height <= a.y + 0.01;
            if !apart {
                found.push(format!(
                    "{} and {} overlap",
                    frame.items[i].title, frame.items[j].title
                ));
            }
        }
        let right = a.x + a.width <= layout.width + 0.01 && a.x >= -0.01;
        if !right || a.y + a.height > layout.height + 0.01 || a.y < -0.01 {
            found.push(format!("{} leaves its frame", frame.items[i].title));
        }
        for (inner, frame) in layout.inner[i].iter().zip(&frame.items[i].frames) {
            let place = inner.place;
            if place.x + place.width > a.width + 0.01 || place.y + place.height > a.height + 0.01 {
                found.push(format!("a frame leaves {}", frame.title));
            }
            faults(frame, &inner.layout, found);
        }
    }
    let drawn: usize = layout.routes.iter().map(|route| route.to.len()).sum();
    let mut pairs: Vec<_> = frame
        .edges
        .iter()
        .map(|edge| (edge.from, edge.to))
        .collect();
    pairs.dedup();
    if drawn + layout.cut.len() != pairs.len() {
        found.push(format!("{drawn} edges of {} are drawn", pairs.len()));
    }
    for route in &layout.routes {
        for (to, end) in route.to.iter().zip(&route.ends) {
            let place = layout.boxes[*to];
            if end.y != place.y || end.x < place.x || end.x > place.x + place.width {
                found.push(format!("an arrow misses {}", frame.items[*to].title));
            }
        }
    }
}

/// Whether every element of a document is closed, in order, and no text holds a bare `&` or `<`.
fn well_formed(xml: &str) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = xml;
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        for part in text.split('&').skip(1) {
            let entity = part.split(';').next().unwrap_or("");
            if !["amp", "lt", "gt", "quot", "#39"].contains(&entity) {
                return Err(format!("&{entity}"));
            }
        }
        let end = tag.find('>').ok_or("an element does not end")?;
        let inside = &tag[1..end];
        if inside.matches('"').count() % 2 == 1 || inside.contains('<') {
            return Err(inside.to_owned());
        }
        if let Some(name) = inside.strip_prefix('/') {
            if open.pop() != Some(name) {
                return Err(format!("</{name}>"));
            }
        } else if !inside.ends_with('/') {
            open.push(inside.split_whitespace().next().unwrap_or(""));
        }
        rest = &tag[end + 1..];
    }
    if open.is_empty() {
        Ok(())
    } else {
        Err(format!("{open:?} stay open"))
    }
}

#[test]
fn nothing_lies_on_top_of_another() {
    let catalogue = Catalogue::new();
    let mut wrong = Vec::new();
    for case in cases() {
        let read = torchscript::read(&case.join("qdq.pt"), &catalogue).expect("a recorded model");
        let model = &read.model;
        let frozen = freeze::freeze(model, &[], &catalogue).expect("a frozen model");
        let graphs = model.functions.values().map(|function| &function.graph);
        for graph in graphs.chain([&frozen.methods[0]]) {
            let frame = outline(graph, &model.constants);
            faults(&frame, &drawing::layout(&frame), &mut wrong);
            let svg = drawing::svg(std::slice::from_ref(&frame));
            wrong.extend(well_formed(&svg).err());
            let again = drawing::svg(&[outline(graph, &model.constants)]);
            assert_eq!(svg, again, "the same picture each time");
        }
    }
    assert!(wrong.is_empty(), "{}: {:?}", wrong.len(), wrong.first());
}

#[test]
fn text_of_a_model_stays_text() {
    let graph = read(
        "graph(%\"a\\\"<b>&'\" : Tensor) {
  %\"</svg><script>\" : Tensor = aten::relu(%\"a\\\"<b>&'\")
  %u : str = prim::Constant[value=\"]]> \\\"\\\\ </title>\"]()
  %\"}; evil [label=\" : Tensor = aten::gelu(%\"</svg><script>\", %u)
  return (%\"}; evil [label=\")
}",
    );
    let frame = outline(&graph, &ConstantStore::default());
    let svg = drawing::svg(std::slice::from_ref(&frame));
    well_formed(&svg).expect("well-formed");
    assert!(!svg.contains("<script") && svg.contains("&lt;/svg&gt;&lt;script&gt;"));
    let dot = drawing::dot(&[frame]);
    for line in dot.lines() {
        let plain = line.replace("\\\\", "").replace("\\\"", "");
        assert_eq!(plain.matches('"').count() % 2, 0, "{line}");
        let outside: String = plain.split('"').step_by(2).collect();
        assert!(!outside.contains("evil"), "{line}");
    }
}

#[test]
fn thousands_of_nodes_take_a_moment() {
    // A chain with side branches and skips of every length, and one value that everybody reads.
    let mut text = String::from("graph(%x : Tensor) {\n  %v0 : Tensor = aten::relu(%x)\n");
    let count = 1500;
    for i in 1..count {
        let skip = i - 1 - (i * 7919) % 50.min(i);
        text.push_str(&format!(
            "  %w{i} : Tensor = aten::mul.Tensor(%v{}, %x)\n  %v{i} : Tensor = aten::add.Tensor(%w{i}, %v{skip}, 1)\n",
            i - 1
        ));
    }
    text.push_str(&format!("  return (%v{})\n}}", count - 1));
    let graph = read(&text);
    let start = Instant::now();
    let frame = outline(&graph, &ConstantStore::default());
    let svg = drawing::svg(&[frame]);
    let took = start.elapsed();
    assert!(svg.matches("class=\"node").count() > 2 * count - 2);
    // A second in a release build; this bound only catches what grows faster than the graph.
    assert!(took < Duration::from_secs(60), "{took:?}");
}

#[test]
fn a_neighbourhood_is_as_deep_as_asked() {
    let graph = read(
        "graph(%x : Tensor) {
  %a : Tensor = aten::relu(%x)
  %b : Tensor = aten::sigmoid(%a)
  %c : Tensor = aten::tanh(%b)
  %d : Tensor = aten::add.Tensor(%a, %c, 1)
  return (%d)
}",
    );
    let constants = ConstantStore::default();
    let printed = text::printed(&graph, &constants);
    let subject = Subject {
        graph: &graph,
        constants: &constants,
        catalogue: &Catalogue::new(),
        printed: &printed,
        only: None,
    };
    let near = |name: &str, depth| {
        let middle = Wanted::from_text(name).find(&graph, &printed);
        let mut ops: Vec<&str> = drawing::around(&subject, &middle, depth)
            .into_iter()
            .map(|id| graph.node(id).op.as_str())
            .collect();
        ops.sort_unstable();
        ops
    };
    assert_eq!(near("%c", 0), ["aten::tanh"]);
    assert_eq!(
        near("c", 1),
        ["aten::add.Tensor", "aten::sigmoid", "aten::tanh"]
    );
    assert_eq!(near("aten::tanh", 2).len(), 4);
    assert_eq!(near("aten::add", 0), ["aten::add.Tensor"]);
    assert_eq!(near("%x", 0), ["aten::relu"]);
    assert_eq!(near("1", 0), ["aten::sigmoid"]);
    assert!(near("%nothing", 3).is_empty());
}

#[test]
fn show_writes_what_is_asked_for() {
    let place = Place::new();
    place.write(
        "in.pt",
        std::fs::read(model("nested_if_both")).expect("a recorded model"),
    );
    let ran = place.run("show in.pt --frozen --svg -o out.svg");
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""));
    let svg = std::fs::read_to_string(place.path("out.svg")).expect("it was written");
    well_formed(&svg).expect("well-formed");
    assert!(svg.contains(">then<") && svg.contains(">else<") && !svg.contains("http-equiv"));
    let ran = place.run("show in.pt --frozen --dot");
    assert!(ran.code == 0 && ran.out.starts_with("digraph model {") && ran.out.ends_with("}\n"));
    let ran = place.run("show in.pt --frozen --json --around aten::conv2d --depth 0");
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let nodes = json["graphs"][0]["nodes"].as_array().expect("nodes");
    let ops: Vec<_> = nodes.iter().map(|node| &node["op"]).collect();
    assert!(ops.iter().any(|op| *op == "aten::conv2d"), "{ops:?}");
    assert!(
        ops.iter()
            .all(|op| *op == "aten::conv2d" || *op == "prim::If"),
        "{ops:?}"
    );
    assert!(
        nodes.iter().any(|node| node["place"]
            .as_str()
            .is_some_and(|place| place.starts_with("code/"))),
        "{nodes:?}"
    );
    let ran = place.run("show in.pt --frozen --around aten::relu --depth 1");
    assert!(
        ran.out.contains("aten::relu(") && ran.out.contains("..."),
        "{}",
        ran.out
    );
    let ran = place.run("show in.pt --around nothing");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(
        ran.err.contains("no node or value `nothing`"),
        "{}",
        ran.err
    );
    assert_eq!(place.run("show in.pt --dot --svg").code, 2);
}
