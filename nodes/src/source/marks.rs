//! Section marks from a file.

use std::path::Path;

use lumawire_core::{
    FileKind, Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Timing,
    Unit,
};

use crate::analysis::hue::hue_of_label;
use lumawire_analysis::structure::marks::{MAX_BYTES, Mark, label_numbers, parse};
use lumawire_models::file::read_bounded;

const OUT_MARK: usize = 0;
const OUT_INDEX: usize = 1;
const OUT_LABEL: usize = 2;
const OUT_HUE: usize = 3;
const OUT_PHASE: usize = 4;
const OUT_ACTIVE: usize = 5;
const PARAM_FILE: usize = 0;
const PARAM_OFFSET_SECS: usize = 1;

/// `source.marks`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "source.marks",
    version: 1,
    label: "Marks",
    doc: "Plays section marks that were set by hand, to the sample. It reads Audacity's label files: \
          a line for each mark, start and end in seconds and a name with tabs between them; a mark \
          without length is a point. Mark m begins at sample round((start + offset)·rate). A region \
          lasts to its end, a point to the next mark; of marks that overlap the one that began last \
          counts. At most 65 536 marks. No latency.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[],
    outputs: &[
        Port::output("mark", PortType::Trigger, "A mark begins."),
        Port::output(
            "index",
            PortType::Control,
            "Number of the mark that began last, from 0; 0 before the first.",
        ),
        Port::output(
            "label",
            PortType::Control,
            "Number of its name, by first appearance, from 0: marks of one name have one label.",
        ),
        Port::output("hue", PortType::Control, "Hue of the label, 0..1, far from its neighbours'."),
        Port::output(
            "phase",
            PortType::Control,
            "How far the mark has run, 0..1; 0 where its end is not known.",
        ),
        Port::output("active", PortType::Control, "1 while a mark runs, else 0."),
    ],
    params: &[
        Param::file("file", "File", FileKind::Marks).doc("Audacity's label file, a text."),
        Param::float("offset_secs", "Offset", 0.0, (-10.0, 10.0))
            .hard(-86_400.0, 86_400.0)
            .unit(Unit::Secs)
            .doc("How much later all marks come."),
    ],
    build: || Box::<Marks>::default(),
};

#[derive(Default)]
struct Marks {
    marks: Vec<Mark>,
    labels: Vec<usize>,
}

impl Node for Marks {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.marks = cx.file(PARAM_FILE).map_or(Ok(Vec::new()), |path| read(&path))?;
        self.labels = label_numbers(&self.marks);
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let rate_hz = f64::from(io.tick.clock.sample_rate_hz);
        let offset_secs = f64::from(io.params.float(PARAM_OFFSET_SECS));
        let sample = |secs: f64| ((secs + offset_secs) * rate_hz).round();
        let (start, len) = (io.tick.sample as f64, io.tick.clock.block_len as f64);
        let begun = |by: f64| self.marks.partition_point(|m| sample(m.start_secs) < by);
        // What lies before sample 0 has begun, but does not begin.
        let (num_before, num_now) = (begun(start), begun(start + len));
        io.outputs.set_trigger(OUT_MARK, (num_now - num_before) as u32);
        let index = num_now.saturating_sub(1);
        let label = self.labels.get(index).copied().unwrap_or(0);
        io.outputs.set_control(OUT_INDEX, index as f32);
        io.outputs.set_control(OUT_LABEL, label as f32);
        io.outputs.set_control(OUT_HUE, hue_of_label(label));
        let span = self.marks[..num_now].last().map(|mark| {
            let is_point = mark.end_secs <= mark.start_secs;
            let next = self.marks.get(num_now).map(|next| sample(next.start_secs));
            let end = if is_point { next } else { Some(sample(mark.end_secs)) };
            (sample(mark.start_secs), end)
        });
        let (active, phase) = match span {
            None => (false, 0.0),
            Some((_, None)) => (true, 0.0),
            Some((from, Some(to))) => {
                // A mark that begins within the block has run for none of it.
                let run = ((start - from).max(0.0) / (to - from).max(1.0)).min(1.0);
                (start.max(from) < to.max(from + 1.0), run as f32)
            }
        };
        io.outputs.set_control(OUT_PHASE, phase);
        io.outputs.set_control(OUT_ACTIVE, f32::from(u8::from(active)));
        Ok(())
    }

    fn timing(&self, _: &[Timing]) -> Timing {
        Timing::default()
    }
}

fn read(path: &Path) -> Result<Vec<Mark>, NodeError> {
    let bytes = read_bounded(path, MAX_BYTES).map_err(|e| NodeError::file(path, e))?;
    let text = String::from_utf8(bytes).map_err(|_| {
        NodeError::file(path, "is no text in UTF-8: export the labels from Audacity as text")
    })?;
    parse(&text).map_err(|e| NodeError::file(path, e))
}

#[cfg(test)]
mod tests {
    use lumawire_core::Clock;
    use lumawire_core::harness::Harness;

    use super::*;

    fn node(text: &str, block_len: usize) -> Result<Harness, NodeError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("labels.txt"), text).unwrap();
        let clock = Clock { sample_rate_hz: 1_000, block_len, ..Clock::default() };
        let node = Harness::new(&SPEC).clock(clock).base_dir(dir.path());
        node.param("file", "labels.txt").prepare()
    }

    const TEXT: &str = "0\t0\tA\n0.100\t0.160\tB\n\\\t20\t300\n0.2501\t0.2501\tA\n";

    /// What the outputs say after each block.
    fn run(node: &mut Harness, num_blocks: usize) -> Vec<[f32; 5]> {
        let tick = |_| {
            node.tick().unwrap();
            let [index, label, phase, active] =
                ["index", "label", "phase", "active"].map(|id| node.control(id));
            [node.trigger("mark") as f32, index, label, phase, active]
        };
        (0..num_blocks).map(tick).collect()
    }

    #[test]
    fn marks_begin_in_the_block_of_their_sample() {
        let seen = run(&mut node(TEXT, 50).unwrap(), 7);
        let expected = [
            [1.0, 0.0, 0.0, 0.0, 1.0],
            [0.0, 0.0, 0.0, 0.5, 1.0],
            [1.0, 1.0, 1.0, 0.0, 1.0],
            [0.0, 1.0, 1.0, 50.0 / 60.0, 1.0],
            [0.0, 1.0, 1.0, 1.0, 0.0],
            [1.0, 2.0, 0.0, 0.0, 1.0],
            [0.0, 2.0, 0.0, 0.0, 1.0],
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn the_sample_of_a_mark_is_exact() {
        // Blocks of one sample: the trigger is the sample itself.
        for (offset, expected) in [(0.0_f32, vec![0, 100, 250]), (0.02, vec![20, 120, 270])] {
            let mut node = node(TEXT, 1).unwrap();
            node.set_param("offset_secs", offset);
            let seen = run(&mut node, 300);
            let hits: Vec<usize> = (0..300).filter(|&n| seen[n][0] > 0.0).collect();
            assert_eq!(hits, expected);
        }
        // What lies before the start has begun already.
        let mut node = node(TEXT, 50).unwrap();
        node.set_param("offset_secs", -0.12_f32);
        assert_eq!(run(&mut node, 1), [[0.0, 1.0, 1.0, 20.0 / 60.0, 1.0]]);
    }

    #[test]
    fn no_file_is_no_mark_and_a_bad_one_is_told() {
        let mut none = Harness::new(&SPEC).prepare().unwrap();
        assert_eq!(run(&mut none, 2), [[0.0; 5]; 2]);
        let error = node("0\t1\ta\nverse\t1\t2", 50).err().unwrap().to_string();
        assert!(error.contains("labels.txt") && error.contains("line 2"), "{error}");
    }
}
