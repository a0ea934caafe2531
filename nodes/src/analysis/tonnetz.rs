//! Where the harmony lies.

use lumawire_analysis::spectrum::tonnetz::{NUM_DIMENSIONS, centroid};
use lumawire_core::{Io, Node, NodeError, NodeSpec, Port, PortType, Rate, Role};

const IN_CHROMA: usize = 0;
const OUT_BANDS: usize = 0;

/// `analysis.tonnetz`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.tonnetz",
    version: 1,
    label: "Tonnetz",
    doc: "Where the harmony lies among fifths and thirds: chords that share notes lie near each \
          other, and a change of chord is a jump. The weighted mean of the twelve notes on three \
          circles: x and y of the circle of fifths and of minor thirds, −1..1, and of major \
          thirds, −0.5..0.5 (Harte, Sandler and Gasser 2006; librosa's tonnetz, from \
          chroma_cqt). [hops, 12] to [hops, 6]; silence lies in the middle. No latency beyond the \
          chroma's.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("chroma", PortType::Chroma, "Note strengths, C first, [hops, 12].")],
    outputs: &[Port::output(
        "bands",
        PortType::Bands,
        "Fifths x, y, minor thirds x, y, major thirds x, y, [hops, 6].",
    )],
    params: &[],
    build: || Box::new(Tonnetz),
};

struct Tonnetz;

impl Node for Tonnetz {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(chroma) = io.inputs.chroma(IN_CHROMA) else { return Ok(()) };
        let Some(out) = io.outputs.bands(OUT_BANDS) else { return Ok(()) };
        out.begin(NUM_DIMENSIONS);
        out.hop_secs = chroma.hop_secs;
        for row in chroma.fresh() {
            let place = out.push();
            centroid(row, place);
            place.iter_mut().for_each(|v| *v = if v.is_finite() { *v } else { 0.0 });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Chroma, Value};

    use super::*;
    use crate::analysis::testing::{columns, max_abs_diff, reference};

    #[test]
    fn matches_the_reference() {
        let mut chroma = Chroma::default();
        chroma.begin(12);
        let rows = columns(&reference("librosa/chroma_cqt_raw.bin"), 431);
        rows.chunks(12).for_each(|row| chroma.push().copy_from_slice(row));
        let mut node = Harness::new(&SPEC).prepare().unwrap();
        node.input("chroma", Value::Chroma(chroma.into()));
        node.tick().unwrap();
        let Value::Bands(places) = node.output("bands") else { panic!() };
        let found: Vec<f32> = places.fresh().flatten().copied().collect();
        let expected = columns(&reference("librosa/tonnetz.bin"), 431);
        assert!(max_abs_diff(&found, &expected) < 1e-5);
    }

    #[test]
    fn what_is_no_number_lies_in_the_middle() {
        let mut chroma = Chroma::default();
        chroma.begin(12);
        chroma.push().fill(f32::NAN);
        chroma.push().fill(f32::MAX);
        let mut node = Harness::new(&SPEC).prepare().unwrap();
        node.input("chroma", Value::Chroma(chroma.into()));
        node.tick().unwrap();
        let Value::Bands(places) = node.output("bands") else { panic!() };
        assert!(places.fresh().flatten().all(|v| v.abs() < 1e-6));
    }
}
