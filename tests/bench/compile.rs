//! Rules to one trie.

mod synthetic;

use rulefold::rules::RuleSet;

fn main() {
    divan::main();
}

/// The shipped rules, from text.
#[divan::bench]
fn shipped_from_text(bencher: divan::Bencher) {
    use rulefold::check::{self, ModuleSource};
    use rulefold::ops::Catalogue;
    use rulefold::rules::SHIPPED;
    use rulefold::source::SourceId;
    use rulefold::syntax;
    bencher.bench(|| {
        let files: Vec<_> = (0..)
            .zip(SHIPPED)
            .map(|(at, file)| (file, SourceId::new(at)))
            .map(|(file, source)| (file.module, source, syntax::parse(source, file.text).0))
            .collect();
        let modules: Vec<_> = files
            .iter()
            .map(|(name, source, file)| ModuleSource {
                name,
                source: *source,
                file,
                replaces: false,
            })
            .collect();
        let (library, _) = check::check(&modules, &mut Catalogue::new());
        let equalities = library.rules.iter().filter(|rule| rule.is_equality());
        RuleSet::compile(equalities).map(|set| set.trie().len())
    });
}

/// Checked rules to a trie.
#[divan::bench(args = [100, 300])]
fn synthetic_rules(bencher: divan::Bencher, count: usize) {
    let rules = synthetic::rules(&synthetic::rule_text(count));
    bencher.bench(|| RuleSet::compile(&rules.library.rules).map(|set| set.trie().len()));
}
