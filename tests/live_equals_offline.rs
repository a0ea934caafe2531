//! The same samples give the same values, however a device hands them out.

#![allow(clippy::expect_used)] // helpers of tests are tests

mod common;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

use lumawire_core::{AudioBlock, Value, compile, patch};
use lumawire_runtime::live::{
    Backend, Callback, DeviceError, Format, Opened, Watch, open_input, open_playback,
};
use lumawire_runtime::show::Show;
use lumawire_runtime::transport::{Chunked, Memory, Transport};
use lumawire_runtime::{Engine, FrameMode, RunCx, prepare};

/// Two seconds of two channels: a sweep and noise bursts, from a fixed recurrence.
fn sound() -> AudioBlock {
    let len = 96_000;
    let mut block = AudioBlock::silent(2, len);
    let mut state = 1_u32;
    for i in 0..len {
        let t = i as f32 / 48_000.0;
        let sweep = 0.4 * (std::f32::consts::TAU * (110.0 + 200.0 * t) * t).sin();
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 8) as f32 / 8_388_608.0 - 1.0;
        let burst = if i % 12_000 < 1_500 { 0.5 * noise } else { 0.0 };
        block.channel_mut(0)[i] = sweep + burst;
        block.channel_mut(1)[i] = sweep - 0.5 * burst;
    }
    block
}

/// Hashes of every control, trigger, chroma and latent of the plan at every frame, at most 60.
fn values(transport: impl Transport) -> Vec<Vec<u64>> {
    // Pictures follow from these values; without them the run is quick.
    let text = common::SMALL.replace("\"clock\"", "\"seed\": 7, \"clock\"");
    let graph = patch::parse(&text).expect("patch").graph;
    let plan = compile(&graph, &lumawire_nodes::registry()).expect("compiles");
    let engine = Engine::new(prepare(plan, &RunCx::default(), None));
    let mut show = Show::new(engine, transport);
    let mut frames = Vec::new();
    while frames.len() < 60 && show.run_until_frame().expect("sound").is_some() {
        show.engine.frame(FrameMode::Full);
        let plan = show.engine.plan().clone();
        let steps = 0..plan.steps.len() as u32;
        let slots =
            steps.flat_map(|s| (0..plan.steps[s as usize].num_slots()).map(move |o| (s, o)));
        frames.push(slots.map(|(s, o)| bits(show.engine.output(s, o))).collect());
    }
    frames
}

fn bits(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    match value {
        Value::Audio(block) => block.samples().iter().for_each(|v| v.to_bits().hash(&mut hasher)),
        Value::Spectrum(spectrum) => {
            for bin in spectrum.hops.latest().unwrap_or_default() {
                (bin.re.to_bits(), bin.im.to_bits()).hash(&mut hasher);
            }
        }
        Value::Image(image) => match &image.host().expect("host").pixels {
            lumawire_core::Pixels::Rgba8(v) => v.hash(&mut hasher),
            lumawire_core::Pixels::RgbaF32(v) => {
                v.iter().for_each(|v| v.to_bits().hash(&mut hasher))
            }
        },
        other => other.content_key().hash(&mut hasher),
    }
    hasher.finish()
}

#[test]
fn any_portions_of_samples_give_bit_equal_values() {
    let offline = values(Memory::new(sound()));
    assert_eq!(offline.len(), 60);
    let distinct: std::collections::BTreeSet<_> = offline.iter().collect();
    assert_eq!(distinct.len(), 60, "the values move with the sound");
    for seed in [1, 2, 3] {
        assert_eq!(values(Chunked::new(Memory::new(sound()), seed)), offline, "seed {seed}");
    }
}

/// A thread in a device's place: an input hears `sound`, then silence; an output plays. Its
/// callbacks are of uneven length.
struct Fake {
    sound: AudioBlock,
    rate_hz: u32,
}

/// Ends the thread.
struct Stream(Arc<AtomicBool>);

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Backend for Fake {
    fn open(
        &mut self,
        connect: &mut dyn FnMut(Format) -> Option<Callback>,
        _: Watch,
    ) -> Result<Opened, DeviceError> {
        let rate_hz = NonZero::new(self.rate_hz).expect("a rate");
        let format = Format { rate_hz, num_channels: 2 };
        let (callback, sound) = (connect(format).expect("a callback"), self.sound.clone());
        let stop = Arc::new(AtomicBool::new(false));
        let stream = Box::new(Stream(stop.clone()));
        let run = move || act(callback, &sound, &stop);
        Builder::new().name("fake-device".into()).spawn(run).expect("a thread");
        Ok(Opened { name: "fake".into(), format, sample_format: "f32".into(), stream })
    }
}

fn act(mut callback: Callback, sound: &AudioBlock, stop: &AtomicBool) {
    let mut at = 0;
    for i in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let len = (i * 7_919) % 900 + 1;
        match &mut callback {
            Callback::Capture(capture) => {
                let sample = |i: usize, c: usize| sound.channel(c).get(i).copied().unwrap_or(0.0);
                let samples: Vec<f32> =
                    (at..at + len).flat_map(|i| [sample(i, 0), sample(i, 1)]).collect();
                capture.write(&samples, Instant::now());
            }
            Callback::Play(player) => player.fill(&mut vec![0_i16; 2 * len], Instant::now()),
        }
        at += len;
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_a_device_hears_gives_bit_equal_values() {
    let offline = values(Memory::new(sound()));
    let device = Box::new(Fake { sound: sound(), rate_hz: 48_000 });
    let rate_hz = NonZero::new(48_000).expect("a rate");
    let frame = Duration::from_millis(33);
    let (_keeper, input) = open_input(Some(device), rate_hz, frame).expect("sound");
    assert_eq!(values(input), offline);
}

#[test]
fn what_a_device_plays_gives_bit_equal_values_at_any_rate() {
    let offline = values(Memory::new(sound()));
    for device_hz in [48_000, 44_100] {
        let device = Box::new(Fake { sound: AudioBlock::default(), rate_hz: device_hz });
        let (rate_hz, file) = (NonZero::new(48_000), Box::new(Memory::new(sound())));
        let rate_hz = rate_hz.expect("a rate");
        let frame = Duration::from_millis(33);
        let reopen = Box::new(|_, _: &AtomicBool| panic!("nobody jumps"));
        let (_keeper, input, _deck) =
            open_playback(Some(device), file, reopen, rate_hz, frame).expect("sound");
        assert_eq!(values(input), offline, "played at {device_hz} Hz");
    }
}
