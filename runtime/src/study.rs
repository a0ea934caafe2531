//! Lets the nodes that look ahead over the whole sound hear it before the render.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::engine::FrameMode;
use crate::render::Progress;
use crate::show::Show;
use crate::transport::{Transport, TransportError};

/// Plays the whole sound to the nodes of `show` that study it, as often as they depend on each
/// other, and takes it back to sample 0. `reopen` gives the same sound from its beginning. Costs
/// nothing where no node studies. A true `stop` ends it early; what was heard so far is learnt.
pub fn study<T: Transport, E: From<TransportError>>(
    show: &mut Show<T>,
    mut reopen: impl FnMut() -> Result<T, E>,
    stop: &AtomicBool,
    mut progress: impl FnMut(Progress),
) -> Result<(), E> {
    let num_passes = show.engine.num_studies();
    for pass in 1..=num_passes {
        show.engine.begin_study(pass);
        while let Some(frame) = show.run_until_frame()? {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            show.engine.frame(FrameMode::StateOnly);
            progress(Progress::Heard { pass, num_passes, frame });
        }
        show.engine.learn();
        for report in show.engine.take_reports() {
            progress(Progress::Node(report));
        }
        show.rewind(reopen()?);
    }
    Ok(())
}
