//! All lints over a library.
//!
//! In: a library, the operators it knows, its texts. Out: warnings in the order of the texts, without those allowed.

use crate::check::Library;
use crate::diagnostic::Diagnostic;
use crate::ops::Catalogue;
use crate::source::{SourceId, Sources};

use super::named::Rules;
use super::{grow, needless, overlap, shadow, untested};

/// The warnings about some files of a library. What has errors is not in it, so nothing is said of that.
pub fn lint(
    library: &Library,
    catalogue: &Catalogue,
    sources: &Sources,
    about: &dyn Fn(SourceId) -> bool,
) -> Vec<Diagnostic> {
    let rules = Rules::new(library, sources, about);
    let mut found = untested::untested(&rules);
    found.extend(needless::needless(&rules, catalogue));
    let shadowed = shadow::shadowed(&rules);
    found.extend(shadowed.iter().map(|(_, _, diagnostic)| diagnostic.clone()));
    found.extend(grow::growing(&rules, catalogue));
    let pairs: Vec<(usize, usize)> = shadowed.iter().map(|(a, b, _)| (*a, *b)).collect();
    found.extend(overlap::overlapping(&rules, catalogue, &pairs));
    found.retain(|diagnostic| {
        let place = diagnostic.span();
        place
            .is_some_and(|place| about(place.source) && !library.is_allowed(diagnostic.code, place))
    });
    found.sort_by_key(|diagnostic| diagnostic.span().map(|span| (span.source, span.start)));
    found
}
