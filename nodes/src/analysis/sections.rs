//! The sections of a piece.

use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Timing, Unit,
};
use num_complex::Complex32;

use super::hue::hue_of_label;
use super::look_ahead::{HEARING, looks_ahead};
use lumawire_analysis::signal::framer::Framer;
use lumawire_analysis::signal::sane;
use lumawire_analysis::signal::window::Window;
use lumawire_analysis::spectrum::layout::Layout;
use lumawire_analysis::spectrum::stft::FrameTransform;
use lumawire_analysis::structure::fingerprint::{self, Fingerprint};
use lumawire_analysis::structure::novelty::{NoveltySettings, NoveltyTracker};
use lumawire_analysis::structure::piece::{TimedSection, sections};
use lumawire_analysis::structure::segment::SegmentSettings;

const IN_AUDIO: usize = 0;
const OUT_INDEX: usize = 0;
const OUT_LABEL: usize = 1;
const OUT_HUE: usize = 2;
const OUT_BOUNDARY: usize = 3;
const OUT_PHASE: usize = 4;
const OUT_SINCE_SECS: usize = 5;
const OUT_NOVELTY: usize = 6;
const PARAM_NUM_LABELS: usize = 0;
const PARAM_THRESHOLD: usize = 1;
const PARAM_MIN_GAP_SECS: usize = 2;
const PARAM_WINDOW_SECS: usize = 3;
const PARAM_HEARING: usize = 4;

/// `analysis.sections`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.sections",
    version: 1,
    label: "Sections",
    doc: "Tells the sections of a piece, such as verse and chorus, and when one begins. Looking \
          ahead it hears the whole sound once before the render and divides it by Laplacian \
          segmentation (McFee and Ellis 2014, with the numbers of librosa's gallery: constant-Q \
          spectrum and MFCCs between beats; without latency; the first hour counts). Causal it \
          hears where something new begins (Foote 2000): novelty is the distance, 0..1, of the \
          mean fingerprint (40 mel bands and chroma) of the last `window_secs` from that of the \
          three times as long before them; where it peaks above the threshold a section began, \
          `window_secs` and some tenths of a second before the boundary is given, and its label is \
          that of the section that it resembles, or a new one, of eight at the most. A live \
          boundary is a hint that the look-ahead form may contradict.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("audio", PortType::Audio, "The sound, [channels, block].")],
    outputs: &[
        Port::output("index", PortType::Control, "Number of the running section, from 0."),
        Port::output(
            "label",
            PortType::Control,
            "Kind of the running section, by first appearance, from 0: what repeats has one label.",
        ),
        Port::output("hue", PortType::Control, "Hue of the label, 0..1, far from its neighbours'."),
        Port::output("boundary", PortType::Trigger, "A section begins."),
        Port::output(
            "phase",
            PortType::Control,
            "How far the section has run, 0..1; 0 in the causal form, which knows no end.",
        ),
        Port::output("since_secs", PortType::Control, "Seconds since the section began."),
        Port::output("novelty", PortType::Control, "Causal novelty, 0..1, in both forms."),
    ],
    params: &[
        Param::int("num_labels", "Kinds", 0, (0, 8)).hard_int(0, 32).rebuild().doc(
            "Number of kinds that the look-ahead form tells apart; 0 lets the piece decide, 2 to 8.",
        ),
        Param::float("threshold", "Threshold", 0.12, (0.05, 0.5))
            .hard(0.0, 1.0)
            .doc("Novelty that a causal boundary must exceed, and at which a section is a new kind."),
        Param::float("min_gap_secs", "Least gap", 6.0, (2.0, 30.0))
            .hard(0.0, 600.0)
            .unit(Unit::Secs)
            .doc("Least time between two causal boundaries."),
        Param::float("window_secs", "Window", 3.0, (1.0, 8.0))
            .hard(0.2, 30.0)
            .unit(Unit::Secs)
            .rebuild()
            .doc("What counts as recent: short reacts sooner, long hears larger sections."),
        HEARING,
    ],
    build: || Box::new(Sections::default()),
};

/// The causal spectrum: long enough to tell low notes apart.
const N_FFT: usize = 4_096;
const HOP_LEN: usize = 1_024;
/// How much longer the window of the past is than the recent one.
const PAST_RATIO: f64 = 3.0;
/// The longest sound that is studied.
const MAX_STUDY_SECS: usize = 3_600;

#[derive(Default)]
struct Sections {
    sample_rate_hz: u32,
    settings: SegmentSettings,
    ear: Option<Ear>,
    /// Causal boundaries so far.
    num_boundaries: u32,
    is_wanted: bool,
    /// What the study hears, one channel.
    heard: Vec<f32>,
    learnt: Option<Vec<TimedSection>>,
    /// Samples heard since sample 0.
    position: u64,
}

/// What hears causally.
struct Ear {
    framer: Framer,
    transform: FrameTransform,
    row: Vec<Complex32>,
    fingerprint: Fingerprint,
    tracker: NoveltyTracker,
}

impl Node for Sections {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.sample_rate_hz = cx.clock.sample_rate_hz;
        let num_labels = usize::try_from(cx.params.int(PARAM_NUM_LABELS)).unwrap_or(0);
        let num_labels = Some(num_labels).filter(|&n| n > 0);
        self.settings = SegmentSettings { num_labels, ..SegmentSettings::default() };
        let layout = Layout { n_fft: N_FFT, hop_len: HOP_LEN, sample_rate_hz: self.sample_rate_hz };
        let recent_secs = f64::from(cx.params.float(PARAM_WINDOW_SECS));
        let novelty = NoveltySettings {
            recent_secs,
            past_secs: PAST_RATIO * recent_secs,
            ..NoveltySettings::default()
        };
        self.ear = Some(Ear {
            framer: Framer::new(N_FFT, HOP_LEN),
            transform: FrameTransform::new(N_FFT, Window::Hann),
            row: vec![Complex32::default(); layout.num_bins()],
            fingerprint: Fingerprint::new(layout),
            tracker: NoveltyTracker::new(fingerprint::LEN, layout.hop_secs(), &novelty),
        });
        self.is_wanted = looks_ahead(cx, PARAM_HEARING);
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(sound) = io.inputs.audio(IN_AUDIO) else { return Ok(()) };
        let threshold = io.params.float(PARAM_THRESHOLD);
        let min_gap_secs = f64::from(io.params.float(PARAM_MIN_GAP_SECS));
        let studies = self.is_wanted
            && self.learnt.is_none()
            && self.heard.len() < MAX_STUDY_SECS * self.sample_rate_hz as usize;
        let mut boundaries = 0;
        if let Some(ear) = &mut self.ear {
            for i in 0..sound.len() {
                let x = sane(sound.mono(i));
                if studies {
                    self.heard.push(x);
                }
                if ear.framer.push(x, io.tick.sample + i as u64) {
                    boundaries += u32::from(ear.hear_frame(threshold, min_gap_secs));
                }
            }
            self.num_boundaries += boundaries;
            io.outputs.set_control(OUT_NOVELTY, ear.tracker.novelty());
        }
        let now = match &self.learnt {
            Some(sections) => known(sections, self.position, sound.len(), self.sample_rate_hz),
            None => self.guessed(boundaries),
        };
        self.position += sound.len() as u64;
        io.outputs.set_control(OUT_INDEX, now.index as f32);
        io.outputs.set_control(OUT_LABEL, now.label as f32);
        io.outputs.set_control(OUT_HUE, hue_of_label(now.label));
        io.outputs.set_trigger(OUT_BOUNDARY, now.num_begun);
        io.outputs.set_control(OUT_PHASE, now.phase);
        io.outputs.set_control(OUT_SINCE_SECS, now.since_secs);
        Ok(())
    }

    fn timing(&self, _: &[Timing]) -> Timing {
        Timing::default().late(if self.is_wanted { 0 } else { N_FFT as u64 / 2 })
    }

    fn studies(&self) -> bool {
        self.is_wanted
    }

    fn learn(&mut self) -> Result<(), NodeError> {
        let heard = std::mem::take(&mut self.heard);
        if self.is_wanted && self.learnt.is_none() {
            self.learnt = Some(sections(&heard, self.sample_rate_hz, &self.settings));
        }
        Ok(())
    }

    fn reset(&mut self) {
        if let Some(ear) = &mut self.ear {
            ear.framer.reset();
            ear.fingerprint.reset();
            ear.tracker.reset();
        }
        (self.num_boundaries, self.position) = (0, 0);
        self.heard.clear();
    }
}

impl Ear {
    /// Takes the frame that is complete, and says whether it makes a boundary heard.
    fn hear_frame(&mut self, threshold: f32, min_gap_secs: f64) -> bool {
        self.transform.run(self.framer.frame(), &mut self.row);
        self.tracker.push(self.fingerprint.push(&self.row), threshold, min_gap_secs)
    }
}

impl Sections {
    /// The running section as far as it is heard.
    fn guessed(&self, num_begun: u32) -> Now {
        let tracker = self.ear.as_ref().map(|ear| &ear.tracker);
        Now {
            index: self.num_boundaries as usize,
            label: tracker.map_or(0, NoveltyTracker::label),
            num_begun,
            phase: 0.0,
            since_secs: tracker.map_or(0.0, |t| t.since_secs() as f32),
        }
    }
}

/// What the outputs say.
#[derive(Default)]
struct Now {
    index: usize,
    label: usize,
    num_begun: u32,
    phase: f32,
    since_secs: f32,
}

/// The section that runs in the block of `len` samples at `position`, the last of those that begin in
/// it. The first one counts as begun at sample 0.
fn known(sections: &[TimedSection], position: u64, len: usize, sample_rate_hz: u32) -> Now {
    let rate_hz = f64::from(sample_rate_hz);
    let sample = |secs: f64| (secs * rate_hz).round() as u64;
    let begun = |by: u64| sections.partition_point(|s| sample(s.start_secs) < by);
    let num_before = begun(position);
    let num_now = begun(position + len as u64);
    let Some(section) = sections[..num_now].last() else { return Now::default() };
    let since_secs = (position as f64 / rate_hz - section.start_secs).max(0.0);
    let whole_secs = section.end_secs - section.start_secs;
    Now {
        index: num_now - 1,
        label: section.label,
        num_begun: (num_now - num_before) as u32,
        phase: if whole_secs > 0.0 { (since_secs / whole_secs).min(1.0) as f32 } else { 0.0 },
        since_secs: since_secs as f32,
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::{Harness, assert_block_split, assert_reset_repeats};
    use lumawire_core::{AudioBlock, Clock, Value};

    use super::*;

    const RATE_HZ: u32 = 22_050;

    /// Sections of 8 s over slow beats: dull or bright tones with noise, which change every bar.
    fn piece(form: &[usize]) -> Vec<f32> {
        piece_of(form, 4)
    }

    /// The same with so many bars of 2 s before the chords come again.
    fn piece_of(form: &[usize], num_bars: usize) -> Vec<f32> {
        let mut noise = 1_u32;
        let sine = |hz: f64, t: f64| (t * hz * std::f64::consts::TAU).sin() as f32;
        let sample = |i: usize| {
            let t = i as f64 / f64::from(RATE_HZ);
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let hiss = (noise >> 8) as f32 / 8_388_608.0 - 1.0;
            let section = form[((t / 8.0) as usize).min(form.len() - 1)];
            let bar = (t / 2.0) as usize % num_bars;
            let root = [[110.0, 146.8, 164.8, 110.0], [196.0, 233.1, 261.6, 311.1]][section][bar];
            let bright = if section == 1 { sine(root * 4.0, t) } else { 0.0 };
            let click = (-((t % 0.5) / 0.01)).exp() as f32 * hiss;
            let hiss = if section == 1 { 0.03 } else { 0.001 } * hiss;
            0.1 * (sine(root, t) + sine(root * 1.5, t) + bright) + 0.4 * click + hiss
        };
        (0..form.len() * 8 * RATE_HZ as usize).map(sample).collect()
    }

    fn clock(block_len: usize) -> Clock {
        Clock { sample_rate_hz: RATE_HZ, block_len, ..Clock::default() }
    }

    fn node() -> Harness {
        Harness::new(&SPEC).clock(clock(512)).param("num_labels", 2_i64)
    }

    /// Time, boundary, index, label, phase and age after each block.
    fn listen(node: &mut Harness, sound: &[f32]) -> Vec<(f64, u32, [f32; 4])> {
        let mut n = 0;
        node.feed("audio", &[sound], |h| {
            n += 512;
            let levels = ["index", "label", "phase", "since_secs"].map(|id| h.control(id));
            (f64::from(n) / f64::from(RATE_HZ), h.trigger("boundary"), levels)
        })
        .unwrap()
    }

    #[test]
    fn looking_ahead_it_knows_every_section() {
        let sound = piece(&[0, 0, 1, 1, 0, 0]);
        let mut node = node().looks_ahead().prepare().unwrap();
        assert!(node.node_mut().studies());
        assert_eq!(node.timing(&[Timing::default()]).latency_samples, 0);
        listen(&mut node, &sound);
        node.learn().unwrap();
        let heard = listen(&mut node, &sound);
        let starts: Vec<f64> = heard.iter().filter(|h| h.1 > 0).map(|h| h.0).collect();
        assert_eq!(starts.len(), 3, "{starts:?}");
        assert!(
            starts.iter().zip([0.0, 16.0, 32.0]).all(|(s, e)| (s - e).abs() < 1.1),
            "{starts:?}"
        );
        let at = |secs: f64| heard.iter().find(|h| h.0 >= secs).unwrap().2;
        assert_eq!([8.0, 24.0, 40.0].map(|s| at(s)[0]), [0.0, 1.0, 2.0]);
        assert_eq!([8.0, 24.0, 40.0].map(|s| at(s)[1]), [0.0, 1.0, 0.0]);
        for secs in [8.0, 24.0, 40.0] {
            let [_, _, phase, since] = at(secs);
            assert!((phase - 0.5).abs() < 0.08 && (since - 8.0).abs() < 1.1, "{phase} {since}");
        }
        node.reset();
        assert_eq!(listen(&mut node, &sound), heard);
    }

    /// Over a steady harmony: chords that stay for as long as the window are new to it too.
    #[test]
    fn causal_it_hears_each_section_begin() {
        let sound = piece_of(&[0, 0, 1, 1, 0, 0], 1);
        let mut node = node().prepare().unwrap();
        let heard = listen(&mut node, &sound);
        let late = |start: f64| {
            let found = heard.iter().find(|h| h.1 > 0 && h.0 > start);
            found.map(|h| (h.0 - start, h.2[1], f64::from(h.2[3])))
        };
        for (start, label) in [(16.0, 1.0), (32.0, 0.0)] {
            let (late, found, since) = late(start).unwrap();
            assert!((3.0..4.5).contains(&late) && found == label, "{late} {found}");
            assert!((since - late).abs() < 0.5, "{since} {late}");
        }
        assert_eq!(heard.iter().map(|h| h.1).sum::<u32>(), 2);
    }

    #[test]
    fn repeats_after_reset_and_whatever_the_blocks() {
        let sound = &piece(&[0, 1, 0])[..20 * RATE_HZ as usize / 1_000 * 1_000];
        let read = |h: &Harness| (h.control("novelty"), h.trigger("boundary"), h.control("label"));
        assert_reset_repeats(&mut node().prepare().unwrap(), "audio", &[sound], read);
        let make = |clock: Clock| {
            let clock = Clock { sample_rate_hz: RATE_HZ, ..clock };
            Harness::new(&SPEC).clock(clock).prepare().unwrap()
        };
        assert_block_split(&[250, 1_000], make, "audio", &[sound], |h, all: &mut Vec<u32>| {
            all.extend((0..h.trigger("boundary")).map(|_| h.control("index") as u32));
        });
    }

    #[test]
    fn only_numbers_leave_whatever_enters() {
        for (rate, channels) in [(44_100, 1), (48_000, 2), (96_000, 8)] {
            let clock = Clock { sample_rate_hz: rate, block_len: 500, ..Clock::default() };
            let node = Harness::new(&SPEC).clock(clock).param("window_secs", 0.2_f32);
            let mut node = node.looks_ahead().prepare().unwrap();
            let bad = [f32::NAN, f32::INFINITY, 0.5, f32::MAX, f32::MIN, -0.5];
            for pass in 0..2 {
                for n in 0..400 {
                    let mut block = AudioBlock::silent(channels, 500);
                    if n % 100 < 60 {
                        let fill = |(i, x): (usize, &mut f32)| *x = bad[(i + n) % 6];
                        block.samples_mut().iter_mut().enumerate().for_each(fill);
                    }
                    node.input("audio", Value::Audio(block.into()));
                    node.tick().unwrap();
                    assert!((0.0..=1.0).contains(&node.control("novelty")));
                    assert!((0.0..=1.0).contains(&node.control("phase")));
                    assert!(node.control("since_secs").is_finite());
                }
                assert!(pass == 1 || node.learn().is_ok());
            }
        }
    }
}
