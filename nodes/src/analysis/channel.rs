//! One channel out of many.

use lumawire_core::{AudioBlock, Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role};

use lumawire_analysis::signal::sane;

const IN_AUDIO: usize = 0;
const OUT_AUDIO: usize = 0;
const PARAM_MODE: usize = 0;
const PARAM_INDEX: usize = 1;

/// `analysis.channel`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.channel",
    version: 1,
    label: "Channel",
    doc: "Picks one channel, or mixes several to one. Mono is the mean of all channels, mid \
          (L + R)/2, side (L − R)/2. Of a sound with one channel, left, right and mid are that \
          channel and side is silent; a channel that does not exist is silent. [channels, block] \
          to [1, block], without latency.",
    rate: Rate::Block,
    role: Role::Pure,
    inputs: &[Port::required("audio", PortType::Audio, "The sound, [channels, block].")],
    outputs: &[Port::output("audio", PortType::Audio, "One channel, [1, block].")],
    params: &[
        Param::choice("mode", "Mode", &["mono", "left", "right", "mid", "side", "channel"])
            .doc("What leaves; `channel` is the one that `index` names."),
        Param::int("index", "Channel", 1, (1, 8))
            .hard_int(1, 64)
            .doc("Number of the channel, from 1, in mode `channel`."),
    ],
    build: || Box::new(Channel),
};

struct Channel;

impl Node for Channel {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(sound) = io.inputs.audio(IN_AUDIO) else { return Ok(()) };
        let index = usize::try_from(io.params.int(PARAM_INDEX) - 1).unwrap_or(0);
        let right = if sound.num_channels() == 1 { 0 } else { 1 };
        let Some(out) = io.outputs.audio(OUT_AUDIO) else { return Ok(()) };
        out.resize(1, sound.len());
        match io.params.choice(PARAM_MODE) {
            0 => {
                out.samples_mut().iter_mut().enumerate().for_each(|(i, o)| *o = sane(sound.mono(i)))
            }
            1 => weigh(out, sound, &[(0, 1.0)]),
            2 => weigh(out, sound, &[(right, 1.0)]),
            3 => weigh(out, sound, &[(0, 0.5), (right, 0.5)]),
            4 => weigh(out, sound, &[(0, 0.5), (right, -0.5)]),
            _ => weigh(out, sound, &[(index, 1.0)]),
        }
        Ok(())
    }
}

/// The sum of channels times their weights.
fn weigh(out: &mut AudioBlock, sound: &AudioBlock, parts: &[(usize, f32)]) {
    for &(channel, weight) in parts {
        for (out, &x) in out.samples_mut().iter_mut().zip(sound.channel(channel)) {
            *out += weight * sane(x);
        }
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Value;
    use lumawire_core::harness::Harness;

    use super::*;

    fn pick(mode: &str, index: i64, channels: &[f32]) -> f32 {
        let mut block = AudioBlock::silent(channels.len(), 1);
        block.samples_mut().copy_from_slice(channels);
        let mut node =
            Harness::new(&SPEC).param("mode", mode).param("index", index).prepare().unwrap();
        node.input("audio", Value::Audio(block.into()));
        node.tick().unwrap();
        match node.output("audio") {
            Value::Audio(block) => {
                assert_eq!(block.num_channels(), 1);
                block.channel(0)[0]
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_mode_follows_its_formula() {
        let lr = [0.5, -0.25];
        assert_eq!(
            ["mono", "left", "right", "mid", "side"].map(|m| pick(m, 1, &lr)),
            [0.125, 0.5, -0.25, 0.125, 0.375]
        );
        assert_eq!([1, 2, 3].map(|i| pick("channel", i, &lr)), [0.5, -0.25, 0.0]);
        assert_eq!(pick("mono", 1, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]), 4.5);
    }

    #[test]
    fn a_single_channel_is_both_sides() {
        assert_eq!(
            ["left", "right", "mid", "side"].map(|m| pick(m, 1, &[0.5])),
            [0.5, 0.5, 0.5, 0.0]
        );
    }
}
