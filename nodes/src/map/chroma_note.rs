//! `map.chroma_note`

use lumawire_core::{Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role};

const IN_CHROMA: usize = 0;
const NOTE: usize = 0;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "map.chroma_note",
    version: 1,
    label: "Chroma note",
    doc: "Picks the energy of one pitch class out of a chroma. \
        Reads the latest row, `[12]` from C, as it is; 0 before the first row.",
    rate: Rate::Inherit,
    role: Role::Pure,
    inputs: &[Port::required("chroma", PortType::Chroma, "Rows of twelve, from C.")],
    outputs: &[Port::output("out", PortType::Control, "The pitch class's energy.")],
    params: &[Param::choice(
        "note",
        "Note",
        &["c", "c_sharp", "d", "d_sharp", "e", "f", "f_sharp", "g", "g_sharp", "a", "a_sharp", "b"],
    )
    .doc("Which pitch class.")],
    build: || Box::new(ChromaNote),
};

struct ChromaNote;

impl Node for ChromaNote {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let row = io.inputs.chroma(IN_CHROMA).and_then(|c| c.latest());
        let energy = row.and_then(|row| row.get(io.params.choice(NOTE))).copied();
        io.outputs.set_control(0, energy.unwrap_or(0.0));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Chroma, Value};

    use super::*;

    #[test]
    fn counts_from_c() {
        let mut chroma = Chroma::default();
        chroma.begin(12);
        for (i, v) in chroma.push().iter_mut().enumerate() {
            *v = i as f32 / 10.0;
        }
        let mut node = Harness::new(&SPEC).param("note", "a").prepare().unwrap();
        node.tick().unwrap();
        assert_eq!(node.control("out"), 0.0);
        node.input("chroma", Value::Chroma(chroma.into()));
        node.tick().unwrap();
        assert_eq!(node.control("out"), 0.9);
    }
}
