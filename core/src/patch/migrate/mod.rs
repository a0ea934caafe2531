//! Older files. Each step takes raw JSON from one version to the next and never changes again.

mod v0;

use serde_json::{Map, Value as Json};

use super::PatchError;

type Step = fn(&mut Map<String, Json>) -> Result<(), PatchError>;

/// Step `n` takes version `n` to `n + 1`.
const STEPS: &[Step] = &[v0::to_v1];

/// The version that this program writes.
pub const CURRENT: u64 = STEPS.len() as u64;

/// Brings the members of a file of `version` up to the current one.
pub(super) fn migrate(members: &mut Map<String, Json>, version: u64) -> Result<(), PatchError> {
    let done = usize::try_from(version).unwrap_or(STEPS.len());
    STEPS.iter().skip(done).try_for_each(|step| step(members))
}
