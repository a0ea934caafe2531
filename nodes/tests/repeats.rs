//! Properties of every control, map and latent node that needs neither a network nor its layers, under
//! made-up inputs.
#![allow(clippy::unwrap_used, reason = "a panic is the report")]

use std::sync::Arc;

use lumawire_core::harness::Harness;
use lumawire_core::{
    Bands, Domain, Hops, Latent, LatentBank, NodeSpec, ParamValue, Port, PortType, Rate, Role,
    Space, Value,
};
use lumawire_models::random::RandomState;
use lumawire_nodes::ALL;

fn specs() -> impl Iterator<Item = &'static NodeSpec> {
    let needs_model = |s: &NodeSpec| s.inputs.iter().any(|p| p.required && p.ty == PortType::Model);
    let is_free = move |s: &&NodeSpec| !needs_model(s) && s.kind != "latent.style_mix";
    let specs = ALL.iter().copied().filter(is_free);
    specs.filter(|s| ["control", "map", "latent"].contains(&s.category()))
}

/// The inputs that something is wired to: no network, there is none here.
fn inputs(spec: &NodeSpec) -> impl Iterator<Item = &'static Port> {
    spec.inputs.iter().filter(|p| p.ty != PortType::Model)
}

fn hops(num_bins: usize, random: &mut RandomState) -> Arc<Bands> {
    let mut hops = Hops::default();
    hops.begin(num_bins);
    hops.push().fill_with(|| random.uniform() as f32);
    hops.into()
}

/// Something of type `ty`.
fn some(ty: PortType, random: &mut RandomState) -> Value {
    let mut data = vec![0.0; 24];
    random.fill_normal(&mut data);
    match ty {
        PortType::Control => Value::Control(random.uniform() as f32),
        PortType::Trigger => Value::Trigger(u32::from(random.uniform() < 0.2)),
        PortType::Chroma => Value::Chroma(hops(12, random)),
        PortType::Bands => Value::Bands(hops(6, random)),
        PortType::Latent => Value::Latent(Latent { space: Space::Z, dim: 24, data }.into()),
        PortType::LatentBank => {
            Value::LatentBank(LatentBank { space: Space::Z, num_ws: 1, dim: 8, data }.into())
        }
        other => panic!("no value of type {other} here"),
    }
}

/// What a node gives in `num_ticks` ticks of inputs drawn from one seed.
fn run(node: &mut Harness, spec: &NodeSpec, num_ticks: usize) -> Vec<String> {
    let mut random = RandomState::new(3);
    let mut given = Vec::new();
    for _ in 0..num_ticks {
        for port in inputs(spec) {
            node.input(port.id, some(port.ty, &mut random));
        }
        node.tick().unwrap();
        given.extend(spec.outputs.iter().map(|o| format!("{:?}", node.output(o.id))));
    }
    given
}

/// The node at each option of its first choice.
fn variants(spec: &'static NodeSpec) -> Vec<Harness> {
    let choice = spec.params.iter().find_map(|p| match p.domain {
        Domain::Choice { options, .. } => Some((p.id, options)),
        _ => None,
    });
    match choice {
        None => vec![Harness::new(spec)],
        Some((id, options)) => options.iter().map(|o| Harness::new(spec).param(id, *o)).collect(),
    }
}

#[test]
fn after_a_reset_all_repeats() {
    for spec in specs() {
        for node in variants(spec) {
            let mut node = node.seed(5).prepare().unwrap();
            let first = run(&mut node, spec, 60);
            node.reset();
            assert_eq!(run(&mut node, spec, 60), first, "{}", spec.kind);
        }
    }
}

#[test]
fn a_fresh_instance_gives_the_same() {
    for spec in specs() {
        let make = || Harness::new(spec).seed(5).prepare().unwrap();
        assert_eq!(run(&mut make(), spec, 20), run(&mut make(), spec, 20), "{}", spec.kind);
    }
}

#[test]
fn pure_nodes_remember_nothing() {
    for spec in specs().filter(|s| s.role == Role::Pure) {
        for node in variants(spec) {
            let mut node = node.prepare().unwrap();
            // The same 20 ticks of inputs, twice in a row and at different times.
            assert_eq!(run(&mut node, spec, 20), run(&mut node, spec, 20), "{}", spec.kind);
        }
    }
}

fn is_finite(value: &Value) -> bool {
    match value {
        Value::Control(v) => v.is_finite(),
        Value::Latent(v) => v.data.iter().all(|v| v.is_finite()),
        Value::LatentBank(v) => v.data.iter().all(|v| v.is_finite()),
        _ => true,
    }
}

/// The same with every number broken.
fn broken(value: Value, by: f32) -> Value {
    match value {
        Value::Control(_) => Value::Control(by),
        Value::Trigger(_) => Value::Trigger(u32::MAX),
        Value::Chroma(v) | Value::Bands(v) => {
            let mut hops = Hops::default();
            hops.begin(v.num_bins());
            hops.push().fill(by);
            if v.num_bins() == 12 { Value::Chroma(hops.into()) } else { Value::Bands(hops.into()) }
        }
        other => other,
    }
}

#[test]
fn broken_numbers_go_no_further() {
    for spec in specs() {
        for by in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN] {
            let mut node = Harness::new(spec).prepare().unwrap();
            let mut random = RandomState::new(3);
            for tick in 0..6 {
                for port in inputs(spec) {
                    let value = some(port.ty, &mut random);
                    node.input(port.id, if tick % 2 == 0 { broken(value, by) } else { value });
                }
                node.tick().unwrap();
                for port in spec.outputs {
                    assert!(is_finite(node.output(port.id)), "{}.{} {by}", spec.kind, port.id);
                }
            }
        }
    }
}

#[test]
fn parameters_at_their_guards_are_survived() {
    for spec in specs() {
        for param in spec.params {
            let ends: Vec<ParamValue> = match param.domain {
                Domain::Float { hard, .. } => vec![hard.0.into(), hard.1.into()],
                Domain::Int { hard, .. } => vec![hard.0.into(), hard.1.into()],
                _ => continue,
            };
            for end in ends {
                let node = Harness::new(spec).rate(Rate::Frame).param(param.id, end.clone());
                let mut node = node.prepare().unwrap();
                let mut random = RandomState::new(3);
                for _ in 0..4 {
                    for port in inputs(spec) {
                        node.input(port.id, some(port.ty, &mut random));
                    }
                    // A refusal is an answer; a panic or a broken number is not.
                    let _ = node.tick();
                }
                let mut all = spec.outputs.iter().map(|o| node.output(o.id));
                assert!(all.all(is_finite), "{}.{} at {end}", spec.kind, param.id);
            }
        }
    }
}
