//! Learning which MIDI control moves a parameter.

use serde_json::Value as Json;

/// What listens to MIDI for the inspector: the program lends it, where it hears any.
pub trait Learning: Send + Sync {
    /// Listens for the control that is meant to move `target`, `node.param`, in place of whatever
    /// was listened for before.
    fn begin(&self, target: String);

    /// Listens no more.
    fn cancel(&self);

    /// The target that is listened for.
    fn waiting(&self) -> Option<String>;

    /// What was learnt since the last call: the target, and its binding as a patch writes it. Never
    /// waits.
    fn take(&self) -> Option<(String, Json)>;
}
