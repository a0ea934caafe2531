//! `latent.direction`

use std::any::Any;
use std::path::PathBuf;

use lumawire_core::{
    FileKind, Io, Latent, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role,
    Space,
};
use lumawire_models::ganspace::Directions;

use super::points::{emit, pass};

const IN_LATENT: usize = 0;
const FILE: usize = 0;
const COMPONENT: usize = 1;
const STRENGTH: usize = 2;
const FIRST_LAYER: usize = 3;
const LAST_LAYER: usize = 4;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "latent.direction",
    version: 1,
    label: "Direction",
    doc: "Moves a latent along a direction in which the network's pictures vary most. \
        w + strength·σ·v, where v is a unit vector and σ its standard deviation, both from a file \
        that `lumawire ganspace` makes of a network. Several in a row add up. Rows outside \
        `first_layer`..`last_layer` stay; a w with such a range becomes a W+ of the network's \
        rows. Strength 0 moves nothing. GANSpace (Härkönen et al., 2020).",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required(
        "latent",
        PortType::Latent,
        "W `[1, w_dim]` or W+ `[num_ws, w_dim]`; a z goes through `generate.mapping` before.",
    )],
    outputs: &[Port::output("latent", PortType::Latent, "The moved latent.")],
    params: &[
        Param::file("file", "File", FileKind::Latents)
            .doc("Directions of the network, `.ganspace.safetensors`."),
        Param::int("component", "Component", 0, (0, 31))
            .hard_int(0, 4095)
            .doc("Which direction, from 0, the strongest."),
        Param::float("strength", "Strength", 0.0, (-5.0, 5.0))
            .hard(-100.0, 100.0)
            .doc("How far, in standard deviations."),
        Param::int("first_layer", "First layer", 0, (0, 17))
            .hard_int(0, 63)
            .doc("First row of W+ that moves, from 0, the coarsest."),
        Param::int("last_layer", "Last layer", -1, (-1, 17))
            .hard_int(-1, 63)
            .doc("Last row of W+ that moves; −1 is the finest."),
    ],
    build: || Box::<Direction>::default(),
};

#[derive(Default)]
struct Direction {
    directions: Option<Directions>,
    /// Where they come from.
    path: Option<PathBuf>,
    /// The file that is named but not there.
    absent: Option<PathBuf>,
}

impl Node for Direction {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        (self.directions, self.absent) = (None, None);
        self.path = cx.file(FILE);
        match self.path.clone() {
            Some(path) if !path.exists() => self.absent = Some(path),
            Some(path) => {
                let found = Directions::load(&path).map_err(|e| NodeError::file(&path, e))?;
                self.directions = Some(found);
            }
            None => {}
        }
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(latent) = io.inputs.latent(IN_LATENT) else { return Ok(()) };
        let strength = io.params.float(STRENGTH);
        let component = usize::try_from(io.params.int(COMPONENT)).unwrap_or(0);
        let first = usize::try_from(io.params.int(FIRST_LAYER)).unwrap_or(0);
        // −1 fits no usize: the last row there is.
        let last = usize::try_from(io.params.int(LAST_LAYER)).unwrap_or(usize::MAX);
        let chosen = self.chosen(latent, component, strength);
        let moving = chosen.as_ref().ok().copied().flatten();
        let spread = self.spread(latent, first, last);
        if moving.is_none() && spread.is_none() {
            pass(io, latent);
            chosen?;
            return self.still_there();
        }
        let step = moving.and_then(|d| d.step(component)).into_iter().flatten();
        let spreads = spread.is_some();
        let (space, num_ws) =
            spread.map_or((latent.space, latent.num_ws()), |rows| (Space::WPlus, rows));
        emit(io, space, num_ws, latent.dim, |rows| {
            for (i, out) in rows.chunks_exact_mut(latent.dim).enumerate() {
                let from = if spreads { 0 } else { i * latent.dim };
                out.copy_from_slice(&latent.data[from..from + latent.dim]);
                if (first..=last).contains(&i) {
                    out.iter_mut().zip(step.clone()).for_each(|(w, s)| *w += strength * s);
                }
            }
        });
        chosen?;
        self.still_there()
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        let Some(old) = old.downcast_mut::<Self>() else { return };
        if self.absent.is_some() && self.path == old.path {
            self.directions = old.directions.take();
        }
    }
}

impl Direction {
    /// Fails where the file of the directions in use has gone.
    fn still_there(&self) -> Result<(), NodeError> {
        match &self.absent {
            Some(path) => {
                let why = "is no longer there, the directions read before stay in use: bring it \
                           back, or choose the file again";
                Err(NodeError::file(path, why))
            }
            None => Ok(()),
        }
    }

    /// The rows that a w becomes as some of them only may move. That does not depend on the
    /// strength: what holds state downstream would start again whenever a strength crosses 0.
    fn spread(&self, latent: &Latent, first: usize, last: usize) -> Option<usize> {
        let directions = self.directions.as_ref()?;
        let num_ws = directions.about.num_ws;
        let fits = latent.space == Space::W && latent.dim == directions.w_dim();
        (fits && (first > 0 || last < num_ws - 1)).then_some(num_ws)
    }

    /// The directions, if `latent` moves along their `component`.
    fn chosen(
        &self,
        latent: &Latent,
        component: usize,
        strength: f32,
    ) -> Result<Option<&Directions>, NodeError> {
        if let (Some(path), None) = (&self.absent, &self.directions) {
            let why = "is not there, the latent passes unchanged: choose the file again, or make \
                       it with `lumawire ganspace`";
            return Err(NodeError::file(path, why));
        }
        if strength == 0.0 {
            return Ok(None);
        }
        let Some(directions) = &self.directions else {
            let why = "names no directions, the latent passes unchanged: make some with `lumawire \
                       ganspace`";
            return Err(NodeError::param("file", why));
        };
        if latent.space == Space::Z {
            let why = "lies in Z, but directions lie in W: wire a `generate.mapping` before";
            return Err(NodeError::input("latent", why));
        }
        let w_dim = directions.w_dim();
        if latent.dim != w_dim {
            return Err(NodeError::input(
                "latent",
                format!(
                    "has rows of {}, but the directions have {w_dim}: choose those of the same \
                     network",
                    latent.dim
                ),
            ));
        }
        if component >= directions.num_components() {
            let last = directions.num_components() - 1;
            let why = format!("there is no direction {component}: the file has 0 to {last}");
            return Err(NodeError::param("component", why));
        }
        Ok(Some(directions))
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{ParamValue, Value};
    use lumawire_models::ganspace::About;

    use super::*;

    /// Two directions in three dimensions, for a network of four rows.
    fn directions() -> Directions {
        Directions {
            mean: vec![0.0; 3],
            components: vec![0.0, 1.0, 0.0, 0.6, 0.0, 0.8],
            stdev: vec![2.0, 0.5],
            explained_variance_ratio: vec![0.7, 0.2],
            about: About {
                version: 1,
                model: "test".into(),
                num_ws: 4,
                layer: None,
                class: None,
                num_samples: 100,
                seed: 0,
            },
        }
    }

    fn node() -> Harness {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("d.safetensors"), directions().to_bytes().unwrap()).unwrap();
        Harness::new(&SPEC)
            .base_dir(dir.path())
            .param("file", ParamValue::file("d.safetensors"))
            .prepare()
            .unwrap()
    }

    fn latent(space: Space, data: &[f32]) -> Latent {
        Latent { space, dim: 3, data: data.to_vec() }
    }

    fn moved(node: &mut Harness, latent: Latent) -> Latent {
        node.input("latent", Value::Latent(latent.into()));
        node.tick().unwrap();
        output(node)
    }

    fn output(node: &Harness) -> Latent {
        let Value::Latent(latent) = node.output("latent") else { panic!("no latent") };
        latent.as_ref().clone()
    }

    #[test]
    fn at_strength_0_everything_passes() {
        let mut node = node();
        for space in [Space::Z, Space::W, Space::WPlus] {
            let given = latent(
                space,
                &[0.1, -0.2, 0.3, 0.4, 0.5, 0.6][..if space == Space::WPlus { 6 } else { 3 }],
            );
            node.set_param("first_layer", 1_i64);
            if space == Space::W {
                // As many rows as at any other strength, each the w.
                let rows = latent(Space::WPlus, &given.data.repeat(4));
                assert_eq!(moved(&mut node, given), rows);
            } else {
                assert_eq!(moved(&mut node, given.clone()), given);
            }
        }
    }

    #[test]
    fn moves_by_standard_deviations() {
        let mut node = node();
        node.set_param("strength", 1.5_f32);
        let w = latent(Space::W, &[1.0, 2.0, 3.0]);
        assert_eq!(moved(&mut node, w.clone()), latent(Space::W, &[1.0, 5.0, 3.0]));
        node.set_param("component", 1_i64);
        node.set_param("strength", -2.0_f32);
        let expected = latent(Space::W, &[1.0 - 2.0 * (0.6 * 0.5), 2.0, 3.0 - 2.0 * (0.8 * 0.5)]);
        assert_eq!(moved(&mut node, w), expected);
    }

    #[test]
    fn a_range_moves_its_rows_only() {
        let mut node = node();
        node.set_param("strength", 1.0_f32);
        node.set_param("first_layer", 1_i64);
        node.set_param("last_layer", 2_i64);
        let (still, gone) = ([1.0, 2.0, 3.0], [1.0, 4.0, 3.0]);
        let expected = latent(Space::WPlus, &[still, gone, gone, still].concat());
        assert_eq!(moved(&mut node, latent(Space::W, &still)), expected);
        // Of a W+ with its own number of rows too.
        let expected = latent(Space::WPlus, &[still, gone].concat());
        assert_eq!(moved(&mut node, latent(Space::WPlus, &[still, still].concat())), expected);
        // All rows of the network by their numbers: a w stays one.
        node.set_param("first_layer", 0_i64);
        node.set_param("last_layer", 3_i64);
        assert_eq!(moved(&mut node, latent(Space::W, &still)), latent(Space::W, &gone));
    }

    #[test]
    fn directions_add_up() {
        let (mut first, mut second) = (node(), node());
        first.set_param("strength", 1.0_f32);
        second.set_param("strength", 2.0_f32);
        second.set_param("component", 1_i64);
        let once = moved(&mut first, latent(Space::W, &[0.0; 3]));
        assert_eq!(moved(&mut second, once), latent(Space::W, &[0.6, 2.0, 0.8]));
    }

    #[test]
    fn misfits_are_told_and_pass() {
        let z = latent(Space::Z, &[0.0; 3]);
        let long = Latent { space: Space::W, dim: 4, data: vec![0.0; 4] };
        let w = latent(Space::W, &[0.0; 3]);
        for (latent, component, word) in [
            (z, 0, "generate.mapping"),
            (long, 0, "has rows of 4, but the directions have 3"),
            (w, 2, "0 to 1"),
        ] {
            let mut node = node();
            node.set_param("strength", 1.0_f32);
            node.set_param("component", component);
            node.input("latent", Value::Latent(latent.clone().into()));
            let error = node.tick().unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
            assert_eq!(output(&node), latent);
        }
    }

    #[test]
    fn without_a_file_the_latent_passes_with_a_notice() {
        let w = latent(Space::W, &[1.0, 2.0, 3.0]);
        let mut bare = Harness::new(&SPEC).prepare().unwrap();
        assert_eq!(moved(&mut bare, w.clone()), w);
        bare.set_param("strength", 1.0_f32);
        assert!(bare.tick().unwrap_err().to_string().contains("lumawire ganspace"));
        assert_eq!(output(&bare), w);
        let gone = Harness::new(&SPEC).param("file", ParamValue::file("gone.safetensors"));
        let mut gone = gone.prepare().unwrap();
        gone.input("latent", Value::Latent(w.clone().into()));
        for _ in 0..2 {
            assert!(matches!(gone.tick(), Err(NodeError::File { .. })));
            assert_eq!(output(&gone), w);
        }
    }

    #[test]
    fn a_file_that_has_gone_keeps_its_directions_at_an_edit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("d.safetensors");
        std::fs::write(&path, directions().to_bytes().unwrap()).unwrap();
        let node = |file: &str| {
            let node = Harness::new(&SPEC).base_dir(dir.path()).param("strength", 1.0_f32);
            node.param("file", ParamValue::file(file)).prepare().unwrap()
        };
        let (mut old, w) = (node("d.safetensors"), latent(Space::W, &[1.0, 2.0, 3.0]));
        let gone = moved(&mut old, w.clone());
        std::fs::remove_file(&path).unwrap();
        let (mut other, mut new) = (node("other.safetensors"), node("d.safetensors"));
        other.node_mut().adopt(old.node_mut());
        new.node_mut().adopt(old.node_mut());
        for (node, expected) in [(&mut other, w.clone()), (&mut new, gone)] {
            node.input("latent", Value::Latent(w.clone().into()));
            assert!(matches!(node.tick(), Err(NodeError::File { .. })));
            assert_eq!(output(node), expected);
        }
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("bad.safetensors"), b"none").unwrap();
        let bad = Harness::new(&SPEC).base_dir(dir.path());
        let bad = bad.param("file", ParamValue::file("bad.safetensors")).prepare();
        assert!(matches!(bad.err(), Some(NodeError::File { .. })));
    }

    #[test]
    fn what_is_no_number_stays_out() {
        let mut node = node();
        let broken = || latent(Space::W, &[f32::NAN, 2.0, f32::INFINITY]);
        assert_eq!(moved(&mut node, broken()), latent(Space::W, &[0.0, 2.0, 0.0]));
        node.set_param("strength", 1.0_f32);
        assert_eq!(moved(&mut node, broken()), latent(Space::W, &[0.0, 4.0, 0.0]));
    }
}
