//! `map.band`

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role};

const IN_BANDS: usize = 0;
const FIRST: usize = 0;
const LAST: usize = 1;
const REDUCE: usize = 2;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "map.band",
    version: 1,
    label: "Band",
    doc: "Picks one band, or the mean, maximum or sum of a range of bands. \
        Reads the latest row, `[bands]`, from `first` to `last` with both; bands beyond the row \
        do not count, and a last below the first is the first. 0 before the first row.",
    rate: Rate::Inherit,
    role: Role::Pure,
    inputs: &[Port::required("bands", PortType::Bands, "Rows of bands.")],
    outputs: &[Port::output("out", PortType::Control, "The value of the range.")],
    params: &[
        Param::int("first", "First", 0, (0, 127))
            .hard_int(0, 65_535)
            .doc("Index of the lowest band, from 0."),
        Param::int("last", "Last", 0, (0, 127))
            .hard_int(0, 65_535)
            .doc("Index of the highest band."),
        Param::choice("reduce", "Reduce", &["mean", "max", "sum"])
            .doc("What to make of several bands."),
    ],
    build: || Box::new(Band),
};

struct Band;

/// Option `how` of some bands.
fn reduce(how: usize, bands: &[f32]) -> f32 {
    let sum = || bands.iter().sum::<f32>();
    match how {
        _ if bands.is_empty() => 0.0,
        0 => sum() / bands.len() as f32,
        1 => bands.iter().copied().fold(f32::NEG_INFINITY, f32::max),
        _ => sum(),
    }
}

impl Node for Band {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let index = |i| usize::try_from(io.params.int(i)).unwrap_or(0);
        let row = io.inputs.bands(IN_BANDS).and_then(|b| b.latest()).unwrap_or_default();
        let end = (index(LAST).max(index(FIRST)) + 1).min(row.len());
        let range = row.get(index(FIRST)..end).unwrap_or_default();
        io.outputs.set_control(0, reduce(io.params.choice(REDUCE), range));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Bands, Value};

    use super::*;

    fn out(first: i64, last: i64, reduce: &str) -> f32 {
        let mut bands = Bands::default();
        bands.begin(4);
        bands.push().copy_from_slice(&[1.0, 2.0, 6.0, -4.0]);
        let node = Harness::new(&SPEC).param("first", first).param("last", last);
        let mut node = node.param("reduce", reduce).prepare().unwrap();
        node.input("bands", Value::Bands(bands.into()));
        node.tick().unwrap();
        node.control("out")
    }

    #[test]
    fn takes_both_ends_and_no_more_than_there_is() {
        assert_eq!(out(1, 1, "mean"), 2.0);
        assert_eq!(out(0, 2, "mean"), 3.0);
        assert_eq!(out(1, 900, "max"), 6.0);
        assert_eq!(out(1, 900, "sum"), 4.0);
        assert_eq!(out(2, 0, "sum"), 6.0);
        assert_eq!(out(4, 900, "max"), 0.0);
    }
}
