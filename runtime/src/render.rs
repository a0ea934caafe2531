//! The offline render: every frame of a stretch of time, in order, into a writer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lumawire_core::{NodeError, Pixels};
use thiserror::Error;

use crate::engine::{Engine, FrameMode, NodeReport};
use crate::output::{FrameHash, FrameWriter, OutputError, Written};
use crate::show::Show;
use crate::transport::{Transport, TransportError};

/// Which frames to render: `from..to`, counted from sample 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameRange {
    /// First frame.
    pub from: u64,
    /// First frame that is left out; `None` for all to the end of the sound.
    pub to: Option<u64>,
}

/// How far a render is.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// The sound was heard up to this frame, for the nodes that look ahead over all of it.
    Heard {
        /// Which hearing, from 1.
        pass: usize,
        /// Hearings in all.
        num_passes: usize,
        /// The frame.
        frame: u64,
    },
    /// State was rolled forward to this frame without drawing.
    Rolled(u64),
    /// This frame was written.
    Wrote(u64),
    /// A node's health changed.
    Node(NodeReport),
}

/// What a render did.
#[derive(Debug)]
pub struct Summary {
    /// What was written.
    pub written: Written,
    /// SHA-256 over the size and the 8-bit RGBA pixels of all frames.
    pub hash: String,
    /// Time that it took.
    pub elapsed: Duration,
    /// Whether it was stopped before its last frame.
    pub stopped: bool,
}

/// Why a render failed.
#[derive(Debug, Error)]
pub enum RenderError {
    /// The sound failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The file could not be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The patch gave no picture.
    #[error("`{sink}` has no picture to write{}", because(.failing))]
    NoPicture {
        /// The output node.
        sink: String,
        /// The nodes that fail, and why.
        failing: Failing,
    },
    /// It was stopped before its first frame.
    #[error("stopped before the first frame; nothing was written")]
    Stopped,
    /// The picture is not what an output node must give.
    #[error("`{0}` gave a picture that is not 8-bit RGBA in memory: use one of the output nodes")]
    NotFinal(String),
    /// There is nothing to render.
    #[error(
        "no frame lies in the asked range: the sound has {frames} frames at this rate; choose an \
         earlier --from or a later --to"
    )]
    Empty {
        /// Frames in the sound.
        frames: u64,
    },
}

/// Nodes that fail now, by id, with the reasons.
pub type Failing = BTreeMap<String, NodeError>;

fn because(failing: &Failing) -> String {
    failing.iter().map(|(node, error)| format!("; `{node}`: {error}")).collect()
}

/// Renders `range` of the show's picture at `sink` (an index among the plan's steps; in a plan that
/// comes later, the step of the same id). Frames before the range only roll state forward. `open` makes the writer once the size of the picture
/// is known. A true `stop` ends after the frame in hand, and what was written is finished.
pub fn render<T: Transport>(
    show: &mut Show<T>,
    sink: u32,
    range: FrameRange,
    open: impl FnOnce((u32, u32)) -> Result<Box<dyn FrameWriter>, OutputError>,
    stop: &AtomicBool,
    mut progress: impl FnMut(Progress),
) -> Result<Summary, RenderError> {
    let started = Instant::now();
    let mut hash = FrameHash::default();
    let mut open = Some(open);
    let mut writer: Option<Box<dyn FrameWriter>> = None;
    let mut failing = Failing::new();
    let mut stopped = false;
    let sink_id = show.engine.plan().steps.get(sink as usize).map(|step| step.id.clone());
    let sink_id = sink_id.unwrap_or_default();
    while let Some(frame) = show.run_until_frame()? {
        if range.to.is_some_and(|to| frame >= to) {
            break;
        }
        if stop.load(Ordering::Relaxed) {
            stopped = true;
            break;
        }
        let mode = if frame < range.from { FrameMode::StateOnly } else { FrameMode::Full };
        show.engine.frame(mode);
        for report in show.engine.take_reports() {
            match &report.error {
                Some(error) => failing.insert(report.node.clone(), error.clone()),
                None => failing.remove(&report.node),
            };
            progress(Progress::Node(report));
        }
        if mode == FrameMode::StateOnly {
            progress(Progress::Rolled(frame));
            continue;
        }
        let sink = show.engine.sink_of(&sink_id).unwrap_or(sink);
        let picture = final_picture(&show.engine, sink, &failing)?;
        if let Some(open) = open.take() {
            writer = Some(open((picture.width_px, picture.height_px))?);
        }
        hash.update(&picture);
        if let Some(writer) = &mut writer {
            writer.write(&picture)?;
        }
        progress(Progress::Wrote(frame));
    }
    let Some(writer) = writer else {
        if stopped {
            return Err(RenderError::Stopped);
        }
        return Err(RenderError::Empty { frames: show.engine.next_frame() });
    };
    let written = writer.finish()?;
    Ok(Summary { written, hash: hash.hex(), elapsed: started.elapsed(), stopped })
}

/// The sink's picture: 8-bit RGBA in memory.
fn final_picture(
    engine: &Engine,
    sink: u32,
    failing: &Failing,
) -> Result<std::sync::Arc<lumawire_core::HostImage>, RenderError> {
    let id = || engine.plan().steps[sink as usize].id.clone();
    let image = engine
        .picture(sink)
        .ok_or_else(|| RenderError::NoPicture { sink: id(), failing: failing.clone() })?;
    let host = image.host().map_err(|error| RenderError::NoPicture {
        sink: id(),
        failing: Failing::from([(id(), error)]),
    })?;
    match host.pixels {
        Pixels::Rgba8(_) => Ok(host),
        Pixels::RgbaF32(_) => Err(RenderError::NotFinal(id())),
    }
}
