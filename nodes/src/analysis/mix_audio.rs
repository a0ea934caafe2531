//! Several sounds as one.

use lumawire_core::{
    AudioBlock, Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Unit,
};

use lumawire_analysis::signal::{amplitude_from_db, sane};

const NUM_INPUTS: usize = 4;
const OUT_AUDIO: usize = 0;

/// `analysis.mix_audio`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.mix_audio",
    version: 1,
    label: "Mix audio",
    doc: "Adds two to four sounds: out = Σ in · 10^(gain/20). The sum has as many channels as the \
          widest input; an input with one channel goes to all of them, others go channel to \
          channel. No latency, no limiter.",
    rate: Rate::Block,
    role: Role::Pure,
    inputs: &[
        Port::required("a", PortType::Audio, "First sound, [channels, block]."),
        Port::optional("b", PortType::Audio, "Second sound, [channels, block]."),
        Port::optional("c", PortType::Audio, "Third sound, [channels, block]."),
        Port::optional("d", PortType::Audio, "Fourth sound, [channels, block]."),
    ],
    outputs: &[Port::output("audio", PortType::Audio, "The sum, [channels, block].")],
    params: &[
        gain("gain_a_db", "Gain A", "Gain of the first sound."),
        gain("gain_b_db", "Gain B", "Gain of the second sound."),
        gain("gain_c_db", "Gain C", "Gain of the third sound."),
        gain("gain_d_db", "Gain D", "Gain of the fourth sound."),
    ],
    build: || Box::new(MixAudio),
};

const fn gain(id: &'static str, label: &'static str, doc: &'static str) -> Param {
    Param::float(id, label, 0.0, (-60.0, 12.0)).hard(-100.0, 60.0).unit(Unit::Db).doc(doc)
}

struct MixAudio;

impl Node for MixAudio {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let (inputs, params) = (io.inputs, io.params);
        let wired = || (0..NUM_INPUTS).filter_map(|i| inputs.audio(i).map(|sound| (i, sound)));
        let num_channels = wired().map(|(_, sound)| sound.num_channels()).max().unwrap_or(1);
        let Some(out) = io.outputs.audio(OUT_AUDIO) else { return Ok(()) };
        out.resize(num_channels, io.tick.clock.block_len);
        for (i, sound) in wired() {
            add(out, sound, amplitude_from_db(params.float(i)));
        }
        Ok(())
    }
}

fn add(out: &mut AudioBlock, sound: &AudioBlock, gain: f32) {
    for c in 0..out.num_channels() {
        let from = if sound.num_channels() == 1 { 0 } else { c };
        for (out, &x) in out.channel_mut(c).iter_mut().zip(sound.channel(from)) {
            *out = sane(*out + sane(x) * gain);
        }
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Clock, Value};

    use super::*;

    #[test]
    fn adds_channel_to_channel_and_spreads_mono() {
        let block = |samples: &[f32], num_channels: usize| {
            let mut block = AudioBlock::silent(num_channels, samples.len() / num_channels);
            block.samples_mut().copy_from_slice(samples);
            Value::Audio(block.into())
        };
        let clock = Clock { block_len: 2, ..Clock::default() };
        let mut node = Harness::new(&SPEC).clock(clock).param("gain_c_db", 20.0).prepare().unwrap();
        node.input("a", block(&[1.0, 2.0, 3.0, 4.0], 2));
        node.input("b", block(&[0.5, f32::NAN], 1));
        node.input("c", block(&[0.1, 0.0, 0.0, 0.2], 2));
        node.tick().unwrap();
        let Value::Audio(sum) = node.output("audio") else { panic!("no sound") };
        assert_eq!((sum.num_channels(), sum.samples()), (2, &[2.5, 2.0, 3.5, 6.0][..]));
    }
}
