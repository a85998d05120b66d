//! The book's page of shipped rules, which `rulefold rules --markdown` makes.
//!
//! With `INSTA_UPDATE=always` the page is written, else it is compared.

use rulefold::authoring::{EntryKind, entries, markdown, search};
use rulefold::pipeline::library::load;
use std::fs;
use std::path::Path;

const HEAD: &str = "# Shipped rules

<!-- Made from the files under `patterns/` by `INSTA_UPDATE=always cargo test catalogue`. -->

Everything under `patterns/`: what each rule does, its [numerics label](numerics.md), and when it does not act. The text of a rule is shown
without its tests. `rulefold rules` lists and searches them, `rulefold rules NAME` prints one.
";

#[test]
fn the_catalogue_is_that_of_the_library() {
    let loaded = load(vec![]);
    let entries = entries(&loaded);
    let undocumented: Vec<&str> = entries
        .iter()
        .filter(|entry| entry.kind == EntryKind::Rule && entry.summary().is_empty())
        .map(|entry| entry.name.as_str())
        .collect();
    assert_eq!(undocumented, [""; 0], "rules without documentation");
    let made = HEAD.to_owned() + &markdown(&loaded);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("book/src/rules.md");
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&path, &made).expect("the book can be written");
    }
    let written = fs::read_to_string(&path).expect("the page is part of the book");
    assert!(
        written == made,
        "book/src/rules.md is not that of patterns/: run INSTA_UPDATE=always cargo test catalogue"
    );
}

#[test]
fn entries_say_where_they_are_used_and_are_found_by_words() {
    let loaded = load(vec![]);
    let entries = entries(&loaded);
    let of = |name: &str| entries.iter().find(|entry| entry.name == name);
    let packed = of("torch.quantized.packed").expect("a shipped rule");
    assert!(packed.pipelines.contains(&"torch.static".to_owned()));
    assert!(packed.instances >= 4 && packed.tests >= 3);
    assert!(packed.text.starts_with("rule packed") && !packed.text.contains("test \""));
    assert_eq!(
        packed.summary(),
        "a convolution or linear between dequantize and quantize, with or without relu, is one quantized op."
    );
    let words = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
        let found = search(&entries, &words);
        found.iter().map(|e| e.name.clone()).collect::<Vec<_>>()
    };
    assert!(
        words(&["PREPACK", "transposed"]).contains(&"torch.quantized.packed_transposed".into())
    );
    assert_eq!(words(&["no such thing"]), [""; 0]);
}
