//! What sings and what strikes.

use lumawire_analysis::separate::hpss::{HpssSettings, Mask};
use lumawire_analysis::separate::hpss_rows::HpssRows;
use lumawire_analysis::spectrum::layout::Layout;
use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Params, Port, PortType, PrepareCx, Rate, Role, Spectrum,
    Timing,
};

use super::layout::layout_of;

const IN_SPECTRUM: usize = 0;
const OUT_HARMONIC: usize = 0;
const OUT_PERCUSSIVE: usize = 1;
const PARAM_MODE: usize = 0;
const PARAM_KERNEL_TIME: usize = 1;
const PARAM_KERNEL_FREQ: usize = 2;
const PARAM_MARGIN_HARMONIC: usize = 3;
const PARAM_MARGIN_PERCUSSIVE: usize = 4;
const PARAM_MASK: usize = 5;
const PARAM_POWER: usize = 6;

/// `analysis.hpss`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "analysis.hpss",
    version: 1,
    label: "Harmonic, percussive",
    doc: "Parts what sings from what strikes: tones are lines along time in the spectrum, drums \
          lines along frequency. H is the median of |X| over `kernel_time` rows, P that over \
          `kernel_freq` bins; harmonic = X·Hᵖ/(Hᵖ + (m·P)ᵖ) with its margin m and power p, \
          percussive likewise with H and P exchanged (Fitzgerald 2010; Driedger, Müller and Disch \
          2014; librosa's decompose.hpss). A hard mask takes whole bins instead: those with \
          H > m·P, or P > m·H. [hops, n_fft/2 + 1] to two of the same. Latency: centred, \
          (kernel_time − 1)/2 hops (160 ms at 31 rows of 512 samples and 48 kHz), which an offline \
          render makes up for; trailing, none, but a tone counts as such only once it has lasted \
          for half the kernel.",
    rate: Rate::Block,
    role: Role::Stateful,
    inputs: &[Port::required("spectrum", PortType::Spectrum, "Rows, [hops, n_fft/2 + 1].")],
    outputs: &[
        Port::output("harmonic", PortType::Spectrum, "What sings, [hops, n_fft/2 + 1]."),
        Port::output("percussive", PortType::Spectrum, "What strikes, [hops, n_fft/2 + 1]."),
    ],
    params: PARAMS,
    build: || {
        let rows = HpssRows::new(&HpssSettings::default(), true);
        Box::new(Hpss { layout: Layout::default(), rows })
    },
};

/// How sound is parted.
pub(super) const PARAMS: &[Param] = &[
    Param::choice("mode", "Mode", &["auto", "centred", "trailing"])
        .rebuild()
        .doc("Centred: the median about each row, exact and late. Trailing: that of the rows so far, at once. Auto: centred in an offline render, trailing live."),
    Param::int("kernel_time", "Rows", 31, (3, 63))
        .hard_int(1, 127)
        .rebuild()
        .doc("Rows of the median over time; an even number counts as the next odd one."),
    Param::int("kernel_freq", "Bins", 31, (3, 63))
        .hard_int(1, 127)
        .rebuild()
        .doc("Bins of the median over frequency; an even number counts as the next odd one."),
    Param::float("margin_harmonic", "Harmonic margin", 1.0, (1.0, 16.0))
        .hard(1.0, 100.0)
        .doc("How far a tone must outweigh the drums: above 1 what is neither goes to nobody."),
    Param::float("margin_percussive", "Percussive margin", 1.0, (1.0, 16.0))
        .hard(1.0, 100.0)
        .doc("How far a drum must outweigh the tones."),
    Param::choice("mask", "Mask", &["soft", "hard"])
        .doc("Soft shares each bin out, hard gives it to one side."),
    Param::float("power", "Power", 2.0, (1.0, 4.0))
        .hard(0.5, 8.0)
        .doc("Exponent of the soft mask: the larger, the harder."),
];

/// What parts rows as [`PARAMS`] ask.
pub(super) fn rows(cx: &PrepareCx<'_>) -> HpssRows {
    let odd = |i| usize::try_from(cx.params.int(i)).unwrap_or(1) | 1;
    let settings = HpssSettings {
        kernel_rows: odd(PARAM_KERNEL_TIME),
        kernel_bins: odd(PARAM_KERNEL_FREQ),
        mask: Mask::default(),
    };
    let is_centred = match cx.params.choice(PARAM_MODE) {
        0 => cx.looks_ahead,
        chosen => chosen == 1,
    };
    HpssRows::new(&settings, is_centred)
}

/// How [`PARAMS`] share bins out.
pub(super) fn mask(params: &Params<'_>) -> Mask {
    let is_hard = params.choice(PARAM_MASK) == 1;
    Mask {
        power: if is_hard { f32::INFINITY } else { params.float(PARAM_POWER) },
        margin_harmonic: params.float(PARAM_MARGIN_HARMONIC),
        margin_percussive: params.float(PARAM_MARGIN_PERCUSSIVE),
    }
}

struct Hpss {
    layout: Layout,
    rows: HpssRows,
}

impl Node for Hpss {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        *self = Self { layout: Layout::default(), rows: rows(cx) };
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(spectrum) = io.inputs.spectrum(IN_SPECTRUM) else { return Ok(()) };
        let Some(layout) = layout_of(spectrum) else { return Ok(()) };
        if self.layout != layout {
            self.layout = layout;
            self.rows.resize(layout.num_bins());
        }
        for i in [OUT_HARMONIC, OUT_PERCUSSIVE] {
            if let Some(out) = io.outputs.spectrum(i) {
                begin(out, spectrum);
            }
        }
        let mask = mask(&io.params);
        for row in spectrum.hops.fresh() {
            if !self.rows.push(row) {
                continue;
            }
            let (row, shares) = self.rows.shares(&mask);
            for (i, shares) in [OUT_HARMONIC, OUT_PERCUSSIVE].into_iter().zip(shares) {
                let Some(out) = io.outputs.spectrum(i) else { continue };
                for ((out, x), share) in out.hops.push().iter_mut().zip(row).zip(shares) {
                    *out = x * share;
                }
            }
        }
        Ok(())
    }

    fn timing(&self, inputs: &[Timing]) -> Timing {
        let rows = Timing::punctual(inputs);
        rows.late(self.rows.delay() as u64 * rows.hop_len)
    }

    fn reset(&mut self) {
        self.rows.clear();
    }
}

fn begin(out: &mut Spectrum, like: &Spectrum) {
    (out.n_fft, out.hop_len, out.sample_rate_hz) = (like.n_fft, like.hop_len, like.sample_rate_hz);
    out.hops.hop_secs = like.hops.hop_secs;
    out.hops.begin(like.hops.num_bins());
}

#[cfg(test)]
mod tests {
    use lumawire_core::Value;
    use lumawire_core::harness::Harness;
    use num_complex::Complex32;

    use super::*;
    use crate::analysis::testing::{Chain, a10, columns, max_abs_diff, peak, reference};

    type Rows = Vec<Vec<Complex32>>;

    /// The rows of the spectrum, of its harmonic and of its percussive part.
    fn part(sound: &[f32], params: &[(&str, f32)], choices: &[(&str, &str)]) -> [Rows; 3] {
        let mut parts = [const { Rows::new() }; 3];
        let fresh = |value: &Value| match value {
            Value::Spectrum(s) => s.hops.fresh().map(<[_]>::to_vec).collect::<Rows>(),
            other => panic!("{other:?}"),
        };
        Chain::stft().feed(sound, |h| parts[0].extend(fresh(h.output("spectrum"))));
        Chain::stft()
            .then(&SPEC, |mut h| {
                params.iter().for_each(|&(id, v)| h.set_param(id, v));
                choices.iter().for_each(|&(id, v)| h.set_param(id, v));
                h
            })
            .feed(sound, |h| {
                parts[1].extend(fresh(h.output("harmonic")));
                parts[2].extend(fresh(h.output("percussive")));
            });
        parts
    }

    /// Rows up to 415, the last that the end of the clip does not touch.
    #[test]
    fn matches_the_reference_masks() {
        let [whole, harmonic, percussive] = part(&a10(), &[], &[("mode", "centred")]);
        let loudest = whole.iter().flatten().map(|c| c.norm()).fold(0.0, f32::max);
        let mut worst = [0.0_f32; 2];
        for (name, rows, num_columns) in
            [("hpss_mask_harm_head", 0..64, 64), ("hpss_mask_harm_tail", 399..416, 32)]
        {
            let masks = columns(&reference(&format!("librosa/{name}.bin")), num_columns);
            for (t, mask) in rows.zip(masks.chunks(1025)) {
                for (bin, expected) in mask.iter().enumerate() {
                    let x = whole[t][bin];
                    if x.norm() < 1e-6 * loudest {
                        continue;
                    }
                    let found = harmonic[t][bin].norm() / x.norm();
                    let quiet = usize::from(x.norm() <= 1e-4 * loudest);
                    worst[quiet] = worst[quiet].max((found - expected).abs());
                    let rest = (percussive[t][bin] + harmonic[t][bin] - x).norm();
                    assert!(rest <= 1e-5 * x.norm(), "row {t} bin {bin}: {rest}");
                }
            }
        }
        assert!(worst[0] < 1e-5 && worst[1] < 1e-3, "{worst:?}");
    }

    /// A tone with clicks: each side gets its own, in either mode and by either mask.
    #[test]
    fn parts_a_tone_from_clicks() {
        let tone = |i: usize| (i as f32 * 0.2).sin() * 0.3;
        let click = |i: usize| if i % 11_025 == 6_000 { 1.0 } else { 0.0 };
        let sound = |on: [f32; 2]| -> Vec<f32> {
            (0..66_150).map(|i| on[0] * tone(i) + on[1] * click(i)).collect()
        };
        let energy =
            |rows: &Rows| -> f32 { rows[40..100].iter().flatten().map(|c| c.norm_sqr()).sum() };
        for mode in ["centred", "trailing"] {
            for mask in ["soft", "hard"] {
                let choices = [("mode", mode), ("mask", mask)];
                for (on, own) in [([1.0, 0.0], 1), ([0.0, 1.0], 2)] {
                    let parts = part(&sound(on), &[], &choices);
                    let share = energy(&parts[own]) / energy(&parts[0]);
                    assert!(share > 0.9, "{mode} {mask} {own}: {share}");
                }
            }
        }
    }

    #[test]
    fn margins_leave_a_rest() {
        let sound = &a10()[..40_000];
        let norm = |rows: &Rows| -> Vec<f32> { rows.iter().flatten().map(|c| c.norm()).collect() };
        let [_, harmonic, percussive] = part(sound, &[], &[]);
        let margins = [("margin_harmonic", 8.0), ("margin_percussive", 8.0)];
        let [_, strict_harmonic, strict_percussive] = part(sound, &margins, &[]);
        for (loose, strict) in [(harmonic, strict_harmonic), (percussive, strict_percussive)] {
            let (loose, strict) = (norm(&loose), norm(&strict));
            assert!(loose.iter().zip(&strict).all(|(l, s)| s <= l));
            assert!(max_abs_diff(&loose, &strict) > 0.1 * peak(&loose));
        }
    }

    #[test]
    fn is_late_by_half_the_window_where_it_may_be() {
        let rows = Timing { latency_samples: 1024, hop_len: 512, frame_len: 2048 };
        let delay = |harness: Harness| harness.prepare().unwrap().timing(&[rows]);
        for (mode, live, offline) in [("auto", 0, 15), ("centred", 15, 15), ("trailing", 0, 0)] {
            let harness = || Harness::new(&SPEC).param("mode", mode);
            assert_eq!(delay(harness()), rows.late(live * 512), "{mode}");
            assert_eq!(delay(harness().looks_ahead()), rows.late(offline * 512), "{mode}");
        }
    }
}
