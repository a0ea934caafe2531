//! The parameter by which a node with a look-ahead form says which form is in force.

use lumawire_core::{Param, PrepareCx};

/// Which form: causal, for the stage, or looking ahead, for the offline render. By itself each gets
/// its own.
pub const HEARING: Param = Param::choice("hearing", "Hearing", &["auto", "causal", "look_ahead"])
    .rebuild()
    .doc("Auto looks ahead in an offline render and is causal live; the others force one form.");

/// Whether the form that looks ahead is in force, where parameter `i` is [`HEARING`].
pub fn looks_ahead(cx: &PrepareCx<'_>, i: usize) -> bool {
    match cx.params.choice(i) {
        0 => cx.looks_ahead,
        chosen => chosen == 2,
    }
}
