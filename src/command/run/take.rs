//! Keeps the show as a take.

use std::sync::Arc;

use crossbeam_channel::Sender;
use lumawire_core::control::Score;
use lumawire_core::{Graph, patch};
use lumawire_runtime::control::{Desk, Entry, Stamped};
use lumawire_runtime::take::{FORMAT, Manifest, Recorder, TakeNotice, Tape, VERSION};

use super::status::Event;
use crate::cli::RunArgs;
use crate::error::CommandError;

/// A take that waits for its show.
pub struct Started {
    recorder: Recorder,
    tape: Tape,
    score: Score,
}

/// Begins the take that the command line asks for.
pub fn start(
    args: &RunArgs,
    graph: &Graph,
    sink: &str,
    score: Score,
    events: &Sender<Event>,
) -> Result<Option<Started>, CommandError> {
    let Some(folder) = &args.record_take else { return Ok(None) };
    let patch = std::path::absolute(&args.patch);
    let patch = patch.map_err(|source| CommandError::Io { what: "this folder".into(), source })?;
    let manifest = Manifest {
        format: FORMAT.into(),
        version: VERSION,
        sample_rate_hz: graph.clock().sample_rate_hz,
        fps: graph.clock().fps,
        seed: args.seed,
        size_px: args.size,
        output: sink.to_owned(),
        base_dir: patch.parent().unwrap_or(&patch).to_owned(),
    };
    let (events, video_events) = (events.clone(), events);
    let tell = move |notice: TakeNotice| super::tell(&events, Event::Note(text_of(&notice)));
    let (text, used) = contents(graph);
    if graph.nodes().any(|(_, node)| node.kind.starts_with("source.video")) {
        let text = "the take is not exact where a film is shown: the show draws what has been read of \
                    it by then, a render waits for every picture";
        super::tell(video_events, Event::Note(text.into()));
    }
    let (recorder, tape) = Recorder::start(folder, &manifest, &text, &used, tell)?;
    Ok(Some(Started { recorder, tape, score }))
}

/// Lets the take hear of the desk. The presets and cues of the beginning are its first entry: label
/// files may be others when it is played.
pub fn attach(desk: Desk, take: Option<Started>) -> (Desk, Option<Tape>, Option<Arc<Recorder>>) {
    let Some(Started { recorder, tape, score }) = take else { return (desk, None, None) };
    let mut record = recorder.record();
    record(Stamped { sample: 0, event: Entry::Score(Box::new(score)) });
    (desk.with_record(record), Some(tape), Some(Arc::new(recorder)))
}

/// Keeps a patch that the show goes over to.
pub fn keep_patch(recorder: &Recorder, graph: &Graph) -> Result<(), String> {
    let (text, used) = contents(graph);
    recorder.patch(&text, &used).map_err(|error| format!("the take is not exact: {error}"))
}

/// Ends the take; what became of it.
pub fn finish(recorder: Option<Arc<Recorder>>) -> Option<String> {
    let take = Arc::into_inner(recorder?)?.finish();
    Some(if take.is_exact() {
        format!("the take has {} samples and {} entries", take.num_samples, take.num_entries)
    } else {
        format!(
            "THE TAKE IS NOT EXACT: {} samples and {} entries were lost, {} file(s) were changed{}",
            take.num_lost_samples,
            take.num_lost_entries,
            take.num_changed_files,
            if take.has_failed { ", and the disk refused the rest" } else { "" }
        )
    })
}

/// The patch's text, and the paths of the files that it names.
fn contents(graph: &Graph) -> (String, Vec<String>) {
    let registry = lumawire_nodes::registry();
    let used = patch::files(graph, &registry).into_iter().map(|used| used.file.path);
    (patch::to_text(graph, &registry), used.collect())
}

fn text_of(notice: &TakeNotice) -> String {
    match notice {
        TakeNotice::Lost { sample, num_samples, num_entries } => format!(
            "THE TAKE IS NOT EXACT from sample {sample} on: the disk was too slow for \
             {num_samples} samples and {num_entries} entries"
        ),
        TakeNotice::Failed(why) => {
            format!("THE TAKE ENDS HERE: {why}; the show goes on without it")
        }
    }
}
