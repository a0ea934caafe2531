//! `latent.arithmetic`

use std::sync::Arc;

use lumawire_core::{
    Io, Latent, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Space,
};

use super::points::{common_shape, emit, pass, row};

const IN_A: usize = 0;
const IN_B: usize = 1;
const IN_C: usize = 2;
const AMOUNT: usize = 0;
const SCALE: usize = 1;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "latent.arithmetic",
    version: 1,
    label: "Latent arithmetic",
    doc: "Adds to a latent the way from one to another: the smile of b without c. \
        scale·a + amount·(b − c), row by row; an open b or c is 0. A w stands for all layers beside \
        a W+. All must come from one space and have rows of one length; where they do not, \
        a passes.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[
        Port::required("a", PortType::Latent, "What is added to, `[num_ws, dim]`."),
        Port::optional("b", PortType::Latent, "What is added."),
        Port::optional("c", PortType::Latent, "What is taken away."),
    ],
    outputs: &[Port::output("latent", PortType::Latent, "The sum, `[num_ws, dim]`.")],
    params: &[
        Param::float("amount", "Amount", 0.0, (-2.0, 2.0))
            .hard(-100.0, 100.0)
            .doc("Factor on b − c; 0 changes nothing."),
        Param::float("scale", "Scale", 1.0, (0.0, 2.0)).hard(-100.0, 100.0).doc("Factor on a."),
    ],
    build: || Box::new(Arithmetic),
};

struct Arithmetic;

/// Space and number of rows of the sum.
fn shape(
    a: &Latent,
    b: Option<&Arc<Latent>>,
    c: Option<&Arc<Latent>>,
) -> Result<(Space, usize), NodeError> {
    let mut shape = (a.space, a.num_ws());
    for (other, port) in [(b, "b"), (c, "c")] {
        if let Some(other) = other {
            let (space, num_ws) = common_shape(a, other, port)?;
            if space == Space::WPlus {
                if shape.0 == Space::WPlus && shape.1 != num_ws {
                    let reason =
                        format!("has {num_ws} layers, but b has {}: use one generator", shape.1);
                    return Err(NodeError::input(port, reason));
                }
                shape = (space, num_ws);
            }
        }
    }
    Ok(shape)
}

impl Node for Arithmetic {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(a) = io.inputs.latent(IN_A) else { return Ok(()) };
        let (b, c) = (io.inputs.latent(IN_B), io.inputs.latent(IN_C));
        let (space, num_ws) = match shape(a, b, c) {
            Ok(shape) => shape,
            Err(misfit) => {
                pass(io, a);
                return Err(misfit);
            }
        };
        let (amount, scale) = (io.params.float(AMOUNT), io.params.float(SCALE));
        emit(io, space, num_ws, a.dim, |rows| {
            for (i, out) in rows.chunks_mut(a.dim.max(1)).enumerate() {
                add(a, i, scale, out);
                b.into_iter().for_each(|b| add(b, i, amount, out));
                c.into_iter().for_each(|c| add(c, i, -amount, out));
            }
        });
        Ok(())
    }
}

/// Adds `factor` · row `i` of `latent`.
fn add(latent: &Latent, i: usize, factor: f32, out: &mut [f32]) {
    // Nothing of a broken latent, where it counts for nothing.
    if factor != 0.0 {
        out.iter_mut().zip(row(latent, i)).for_each(|(o, v)| *o += factor * v);
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Value;
    use lumawire_core::harness::Harness;

    use super::*;

    fn latent(space: Space, data: &[f32]) -> Latent {
        Latent { space, dim: 2, data: data.to_vec() }
    }

    fn sum(node: Harness, inputs: &[(&str, Latent)]) -> Result<Latent, NodeError> {
        let mut node = node.prepare()?;
        for (port, latent) in inputs {
            node.input(port, Value::Latent(latent.clone().into()));
        }
        node.tick()?;
        match node.output("latent") {
            Value::Latent(latent) => Ok(latent.as_ref().clone()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn adds_the_way_from_c_to_b() {
        let [a, b, c] = [[1.0, 2.0], [5.0, 0.5], [3.0, 0.0]].map(|data| latent(Space::W, &data));
        let node = |amount: f32| Harness::new(&SPEC).param("amount", amount);
        let all = [("a", a.clone()), ("b", b.clone()), ("c", c.clone())];
        assert_eq!(sum(node(0.0), &all).unwrap(), a, "fresh it is a");
        assert_eq!(sum(node(2.0), &all).unwrap().data, [5.0, 3.0]);
        assert_eq!(sum(node(1.0), &all[..2]).unwrap().data, [6.0, 2.5]);
        assert_eq!(sum(node(1.0).param("scale", 0.0_f32), &all[..2]).unwrap(), b);
    }

    #[test]
    fn a_w_stands_for_every_layer() {
        let plus = latent(Space::WPlus, &[1.0, 2.0, 3.0, 4.0]);
        let w = latent(Space::W, &[10.0, 20.0]);
        let node = || Harness::new(&SPEC).param("amount", 1.0_f32);
        let expected = latent(Space::WPlus, &[11.0, 22.0, 13.0, 24.0]);
        assert_eq!(sum(node(), &[("a", w.clone()), ("b", plus.clone())]).unwrap(), expected);
        assert_eq!(sum(node(), &[("a", plus.clone()), ("b", w.clone())]).unwrap(), expected);
        let longer = latent(Space::WPlus, &[0.0; 6]);
        assert!(sum(node(), &[("a", w), ("b", plus.clone()), ("c", longer)]).is_err());
        assert!(sum(node(), &[("a", plus), ("b", latent(Space::Z, &[0.0; 2]))]).is_err());
    }

    #[test]
    fn a_passes_where_nothing_can_be_added() {
        let a = latent(Space::W, &[1.0, 2.0]);
        let mut node = Harness::new(&SPEC).prepare().unwrap();
        node.input("a", Value::Latent(a.clone().into()));
        node.input("b", Value::Latent(latent(Space::Z, &[0.0; 2]).into()));
        assert!(matches!(node.tick(), Err(NodeError::Input { port: "b", .. })));
        assert!(matches!(node.output("latent"), Value::Latent(found) if **found == a));
    }
}
