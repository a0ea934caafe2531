//! Harmony out of chroma.

use lumawire_analysis::Rows;
use lumawire_analysis::spectrum::nn_filter::{NnFilter, nn_minimum};
use lumawire_analysis::spectrum::norm::Norm;
use lumawire_core::{
    Domain, Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Unit,
};

use super::look_ahead::{HEARING, looks_ahead};

const IN_CHROMA: usize = 0;
const OUT_CHROMA: usize = 0;
const PARAM_WINDOW_SECS: usize = 0;
const PARAM_NORMALISE: usize = 1;
const PARAM_HEARING: usize = 2;

/// `analysis.chroma_filter`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.chroma_filter",
    version: 1,
    label: "Chroma filter",
    doc: "Keeps of the notes what returns in the piece: harmony stays, passing tones and drums go. \
          Each value becomes the least of itself and its median over the k rows most like its own \
          by the cosine between them, k = 2·√(number of rows): librosa's enhanced chroma, \
          min(chroma, nn_filter(chroma, median, cosine)). [hops, 12] to the same; rows should be \
          normalised already. Causal: compares with the last `window_secs`, no latency. Looking \
          ahead: with the whole sound, which it hears first; takes time by the square of its \
          length. maua-stylegan2's chroma: STFT, Harmonic/percussive with a harmonic margin of 16, \
          inverse STFT, Chroma constant Q by CENS and l2, then this with `normalise` sum.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("chroma", PortType::Chroma, "Note strengths, [hops, 12].")],
    outputs: &[Port::output("chroma", PortType::Chroma, "The harmony among them, [hops, 12].")],
    params: &[
        Param::float("window_secs", "Memory", 30.0, (4.0, 120.0))
            .hard(0.5, 600.0)
            .unit(Unit::Secs)
            .rebuild()
            .doc("While causal: how long a row is remembered."),
        Param {
            domain: Domain::Choice { default: "none", options: Norm::OPTIONS },
            ..Param::choice("normalise", "Normalise", Norm::OPTIONS)
        }
        .doc("What each row is divided by afterwards: its maximum, its sum, its root sum of squares, or nothing."),
        HEARING,
    ],
    build: || Box::<ChromaFilter>::default(),
};

/// Rows that memory has room for, whatever their rate.
const MAX_ROWS: f64 = 100_000.0;

#[derive(Default)]
struct ChromaFilter {
    window_secs: f64,
    /// Bins and hop of the rows that the filter is made for.
    shape: (usize, f64),
    filter: Option<NnFilter>,
    study: Study,
    /// Rows so far.
    num_seen: usize,
}

/// What is known of the whole sound.
#[derive(Default)]
enum Study {
    /// Nothing: the filter is causal.
    #[default]
    None,
    /// All rows so far.
    Heard(Vec<f32>),
    /// The answers to all rows.
    Learnt(Rows),
}

impl Node for ChromaFilter {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.window_secs = f64::from(cx.params.float(PARAM_WINDOW_SECS));
        if looks_ahead(cx, PARAM_HEARING) {
            self.study = Study::Heard(Vec::new());
        }
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(chroma) = io.inputs.chroma(IN_CHROMA) else { return Ok(()) };
        self.prepare_for(chroma.num_bins(), chroma.hop_secs);
        let norm = Norm::from_index(io.params.choice(PARAM_NORMALISE));
        let Some(out) = io.outputs.chroma(OUT_CHROMA) else { return Ok(()) };
        out.begin(chroma.num_bins());
        out.hop_secs = chroma.hop_secs;
        for row in chroma.fresh() {
            let filtered = out.push();
            self.filter_row(row, filtered);
            norm.apply(filtered);
        }
        Ok(())
    }

    fn studies(&self) -> bool {
        matches!(self.study, Study::Heard(_))
    }

    fn learn(&mut self) -> Result<(), NodeError> {
        if let Study::Heard(rows) = &mut self.study {
            let rows = Rows::from_vec(self.shape.0, std::mem::take(rows));
            self.study = Study::Learnt(nn_minimum(&rows, 1));
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.num_seen = 0;
        self.filter.iter_mut().for_each(NnFilter::reset);
        if let Study::Heard(rows) = &mut self.study {
            rows.clear();
        }
    }
}

impl ChromaFilter {
    fn prepare_for(&mut self, num_bins: usize, hop_secs: f64) {
        if self.filter.is_some() && self.shape == (num_bins, hop_secs) {
            return;
        }
        self.shape = (num_bins, hop_secs);
        let num_past = (self.window_secs / hop_secs.max(1e-6)).clamp(1.0, MAX_ROWS);
        self.filter = Some(NnFilter::new(num_bins, num_past as usize, 1));
    }

    fn filter_row(&mut self, row: &[f32], out: &mut [f32]) {
        let index = self.num_seen;
        self.num_seen += 1;
        match &mut self.study {
            Study::Learnt(answers) if answers.row(index).len() == out.len() => {
                out.copy_from_slice(answers.row(index));
                return;
            }
            Study::Heard(rows) => {
                rows.extend(row.iter().map(|v| if v.is_finite() { *v } else { 0.0 }));
            }
            _ => {}
        }
        if let Some(filter) = &mut self.filter {
            filter.push(row, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Chroma, Value};

    use super::*;
    use crate::analysis::testing::{columns, max_abs_diff, reference};

    /// Two rows a tick.
    fn run(node: &mut Harness, rows: &[f32]) -> Vec<f32> {
        let mut found = Vec::new();
        for pair in rows.chunks(24) {
            let mut chroma = Chroma::default();
            chroma.begin(12);
            chroma.hop_secs = 512.0 / 22_050.0;
            pair.chunks(12).for_each(|row| chroma.push().copy_from_slice(row));
            node.input("chroma", Value::Chroma(chroma.into()));
            node.tick().unwrap();
            match node.output("chroma") {
                Value::Chroma(c) => found.extend(c.fresh().flatten().copied()),
                other => panic!("{other:?}"),
            }
        }
        found
    }

    #[test]
    fn looking_ahead_it_matches_the_reference() {
        for name in ["stft", "cens"] {
            let load = |suffix: &str| {
                columns(&reference(&format!("maua/raw_chroma_{name}_{suffix}.bin")), 431)
            };
            let (rows, expected) = (load("nn0"), load("nn1"));
            let mut node = Harness::new(&SPEC).looks_ahead().prepare().unwrap();
            assert!(node.node_mut().studies());
            // Another hearing, for a node before it.
            run(&mut node, &rows[..240]);
            node.reset();
            let causal = run(&mut node, &rows);
            node.learn().unwrap();
            assert!(!node.node_mut().studies());
            for _ in 0..2 {
                let error = max_abs_diff(&run(&mut node, &rows), &expected);
                assert!(error < 1e-6, "{name}: {error}");
                node.reset();
            }
            // The last row has the whole sound before it.
            assert!(max_abs_diff(&causal[430 * 12..], &expected[430 * 12..]) < 1e-6);
        }
    }

    #[test]
    fn causal_it_takes_out_what_is_new_and_lets_in_what_lasts() {
        let mut node = Harness::new(&SPEC).param("normalise", "max").prepare().unwrap();
        let chord = |notes: &[usize]| -> Vec<f32> {
            (0..12).map(|i| if notes.contains(&i) { 0.5 } else { 0.0 }).collect()
        };
        let mut rows = chord(&[0, 4, 7]).repeat(40);
        rows.extend(chord(&[0, 4, 7, 10]).repeat(60));
        let found = run(&mut node, &rows);
        assert_eq!(found[40 * 12 + 10], 0.0);
        assert_eq!((found[99 * 12], found[99 * 12 + 10]), (1.0, 1.0));
        assert!(!node.node_mut().studies());
    }
}
