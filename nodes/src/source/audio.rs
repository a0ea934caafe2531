//! The sound of the transport.

use lumawire_core::{
    AudioBlock, FileKind, Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Role, Unit,
};

use lumawire_analysis::signal::{amplitude_from_db, sane};

const PARAM_GAIN_DB: usize = 1;
const OUT_AUDIO: usize = 0;

/// `source.audio`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "source.audio",
    version: 1,
    label: "Audio",
    doc: "The sound that plays: the live input, or the music file. All its channels leave as they \
          come, times 10^(gain/20); what is no finite number becomes silence. The named file is \
          the music that the patch brings along: the transport plays it where it is given neither \
          another file nor a live input. No latency of its own.",
    rate: Rate::Block,
    role: Role::Source,
    inputs: &[],
    outputs: &[Port::output("audio", PortType::Audio, "The sound, [channels, block].")],
    params: &[
        Param::file("file", "File", FileKind::Audio).doc("The music that the patch brings along."),
        Param::float("gain_db", "Gain", 0.0, (-24.0, 24.0))
            .hard(-100.0, 60.0)
            .unit(Unit::Db)
            .doc("Factor on every sample; 0 dB changes nothing."),
    ],
    build: || Box::new(Audio),
};

struct Audio;

impl Node for Audio {
    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let gain = amplitude_from_db(io.params.float(PARAM_GAIN_DB));
        let sound = io.transport_audio;
        if let Some(out) = io.outputs.audio(OUT_AUDIO) {
            fill(out, sound, gain, io.tick.clock.block_len);
        }
        Ok(())
    }
}

/// `sound · gain`, or one silent channel where there is no sound.
fn fill(out: &mut AudioBlock, sound: &AudioBlock, gain: f32, block_len: usize) {
    if sound.is_empty() {
        return out.resize(1, block_len);
    }
    out.resize(sound.num_channels(), sound.len());
    for (out, &x) in out.samples_mut().iter_mut().zip(sound.samples()) {
        *out = sane(sane(x) * gain);
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::Value;
    use lumawire_core::harness::Harness;

    use super::*;

    fn through(block: AudioBlock, gain_db: f32) -> AudioBlock {
        let mut node = Harness::new(&SPEC).param("gain_db", gain_db).prepare().unwrap();
        node.transport_audio(block);
        node.tick().unwrap();
        match node.output("audio") {
            Value::Audio(block) => AudioBlock::clone(block),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn is_the_identity_at_its_defaults() {
        for num_channels in 1..=8 {
            let mut block = AudioBlock::silent(num_channels, 256);
            for (i, x) in block.samples_mut().iter_mut().enumerate() {
                *x = (i as f32 * 0.37).sin();
            }
            assert_eq!(through(block.clone(), 0.0), block);
        }
    }

    #[test]
    fn gain_is_in_decibels_and_only_numbers_leave() {
        let mut block = AudioBlock::silent(2, 2);
        block.samples_mut().copy_from_slice(&[0.5, f32::NAN, f32::NEG_INFINITY, f32::MAX]);
        let out = through(block, 20.0);
        assert_eq!(out.samples()[..3], [5.0, 0.0, 0.0]);
        assert!(out.samples()[3].is_finite());
    }

    #[test]
    fn without_a_transport_there_is_silence() {
        assert_eq!(through(AudioBlock::default(), 0.0), AudioBlock::silent(1, 256));
    }
}
