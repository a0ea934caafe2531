//! How many beats are given for each that comes: what tempos have in common.

use lumawire_core::{Domain, Param, Params};

const MULTIPLES: [f64; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];
const OPTIONS: &[&str] = &["1/4", "1/2", "1", "2", "4"];

/// The parameter `multiple`, 1 by default.
pub(crate) const fn param(doc: &'static str) -> Param {
    Param {
        domain: Domain::Choice { default: "1", options: OPTIONS },
        ..Param::choice("multiple", "Multiple", OPTIONS).doc(doc)
    }
}

/// What the parameter with this index says: 0.25..4 beats for each that comes.
pub(crate) fn of(params: Params<'_>, index: usize) -> f64 {
    MULTIPLES.get(params.choice(index)).copied().unwrap_or(1.0)
}
