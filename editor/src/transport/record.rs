//! What the record button asks of a show.

use std::path::Path;

use crate::session::Session;

/// Something that can be recorded.
pub trait Recorder {
    /// Records what is shown and heard. Nothing is overwritten: another take gets a number.
    ///
    /// # Errors
    /// Where it cannot begin: what to tell.
    fn start_recording(&self, path: &Path) -> Result<(), String>;
    /// Ends the recording; its file is finished.
    fn stop_recording(&self);
    /// How long it has recorded; `None` while it does not.
    fn recorded_secs(&self) -> Option<f64>;
}

/// The recorder of a session, where it has one.
pub fn of(_session: &Session) -> Option<&dyn Recorder> {
    None
}
