//! What a wire carries, in words and as a single figure of how lively it is.

use lumawire_core::{Port, PortType};
use lumawire_runtime::probe::Seen;

use super::scale::{Range, decibels, flash};

/// The twelve pitch classes.
pub const PITCH_CLASSES: [&str; 12] =
    ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];

/// Frames over which a control's change is looked at: a fifth of a second at 60 a second.
const CHANGE_FRAMES: usize = 12;

/// What is told of an output when the pointer is on its wire.
pub fn hover_text(seen: &Seen, port: &Port) -> String {
    let what = match seen {
        Seen::Nothing => "nothing yet".into(),
        Seen::Control { latest, recent } => control_text(*latest, recent),
        Seen::Trigger { total, recent } => trigger_text(*total, recent),
        Seen::Row(row) => row_text(row, port.ty),
        Seen::Wave(columns) => {
            let peak = wave_peak(columns);
            format!("peak {} ({} dBFS)", number(peak), decibel_text(decibels(peak)))
        }
        Seen::Latent(values, num) => latent_text(values, *num),
        Seen::Picture(_, (width, height)) => format!("{width} × {height} pixels"),
        Seen::Text(text) => text.clone(),
    };
    format!("{} ({}): {what}", port.id, port.ty)
}

/// How lively an output is, 0..1: how much of its range a control went through in the last frames,
/// how fresh the last hit is, how loud sound is (0 at −60 dBFS), how much energy a row has. What has
/// no time of its own, latents and pictures, is always a little.
pub fn activity(seen: &Seen) -> f32 {
    match seen {
        Seen::Nothing | Seen::Text(_) => 0.0,
        Seen::Control { recent, .. } => {
            let last = &recent[recent.len().saturating_sub(CHANGE_FRAMES)..];
            let span = spread(recent).max(0.05);
            (spread(last) / span).clamp(0.0, 1.0)
        }
        Seen::Trigger { recent, .. } => flash(recent),
        Seen::Row(row) => {
            let power: f32 = row.iter().filter(|v| v.is_finite()).map(|v| v * v).sum();
            let rms = (power / row.len().max(1) as f32).sqrt();
            (1.0 - (-2.0 * rms).exp()).clamp(0.0, 1.0)
        }
        Seen::Wave(columns) => (1.0 + decibels(wave_peak(columns)) / 60.0).clamp(0.0, 1.0),
        Seen::Latent(..) | Seen::Picture(..) => 0.3,
    }
}

/// A number with about three figures that count.
pub fn number(value: f32) -> String {
    let size = value.abs();
    match size {
        _ if value.is_nan() => "not a number".into(),
        _ if value.is_infinite() => if value > 0.0 { "∞" } else { "−∞" }.into(),
        _ if size >= 1e5 || (size > 0.0 && size < 5e-4) => minus(format!("{value:.1e}")),
        _ if size >= 99.95 => minus(format!("{value:.0}")),
        _ if size >= 9.995 => minus(format!("{value:.1}")),
        _ if size < 0.1 && size > 0.0 => minus(format!("{value:.3}")),
        _ => minus(format!("{value:.2}")),
    }
}

fn minus(text: String) -> String {
    text.replace('-', "−")
}

fn decibel_text(level_db: f32) -> String {
    if level_db <= -200.0 { "−∞".into() } else { minus(format!("{level_db:.1}")) }
}

fn control_text(latest: f32, recent: &[f32]) -> String {
    let finite = || recent.iter().copied().filter(|v| v.is_finite());
    let (low, high) = (finite().reduce(f32::min), finite().reduce(f32::max));
    match (low, high) {
        (Some(low), Some(high)) => {
            let (now, low, high) = (number(latest), number(low), number(high));
            format!("{now}, lately {low} to {high}")
        }
        _ => number(latest),
    }
}

fn trigger_text(total: u64, recent: &[f32]) -> String {
    let times = if total == 1 { "once".into() } else { format!("{total} times") };
    match recent.iter().rev().position(|hits| *hits > 0.0) {
        _ if total == 0 => "no hit yet".into(),
        None => format!("hit {times}, none lately"),
        Some(0) => format!("hit {times}, just now"),
        Some(frames) => format!("hit {times}, {frames} frames ago"),
    }
}

fn row_text(row: &[f32], ty: PortType) -> String {
    let loudest = row.iter().enumerate().filter(|(_, v)| v.is_finite());
    let Some((i, most)) = loudest.max_by(|a, b| a.1.total_cmp(b.1)) else {
        return "nothing yet".into();
    };
    match ty {
        PortType::Chroma if row.len() == PITCH_CLASSES.len() => {
            format!("{} is strongest, {}", PITCH_CLASSES[i], number(*most))
        }
        PortType::Spectrum => {
            let share = (100.0 * (i as f32 + 0.5) / row.len() as f32).round();
            let peak = decibel_text(decibels(*most));
            format!("peak {peak} dB at {share} % of the highest frequency")
        }
        _ => {
            let least = row.iter().copied().filter(|v| v.is_finite()).reduce(f32::min);
            let least = number(least.unwrap_or(*most));
            format!("{} bands, {least} to {}, most in band {}", row.len(), number(*most), i + 1)
        }
    }
}

fn latent_text(values: &[f32], num: usize) -> String {
    let num_shown = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / num_shown;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / num_shown;
    let of = if values.len() < num { format!(" of the first {}", values.len()) } else { "".into() };
    let (mean, deviation) = (number(mean), number(variance.sqrt()));
    format!("{num} numbers; mean{of} {mean}, standard deviation {deviation}")
}

fn wave_peak(columns: &[(f32, f32)]) -> f32 {
    let sizes = columns.iter().map(|(low, high)| low.abs().max(high.abs()));
    sizes.filter(|v| v.is_finite()).fold(0.0, f32::max)
}

/// Greatest less least.
fn spread(values: &[f32]) -> f32 {
    let finite = || values.iter().copied().filter(|v| v.is_finite());
    let (low, high) = (finite().reduce(f32::min), finite().reduce(f32::max));
    low.zip(high).map_or(0.0, |(low, high)| high - low)
}

/// What the height of a scope stands for, in words; nothing for 0..1.
pub fn range_text(range: Range) -> Option<(String, String)> {
    (range != Range::UNIT).then(|| (number(range.low), number(range.high)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lumawire_core::{HostImage, Pixels};

    use super::*;

    fn port(ty: PortType) -> Port {
        Port::output("out", ty, "")
    }

    fn control(recent: &[f32]) -> Seen {
        Seen::Control { latest: *recent.last().unwrap(), recent: recent.to_vec() }
    }

    #[test]
    fn numbers_keep_about_three_figures() {
        let cases: [(f32, &str); 10] = [
            (0.0, "0.00"),
            (0.4321, "0.43"),
            (-0.0321, "−0.032"),
            (9.996, "10.0"),
            (-42.42, "−42.4"),
            (440.0, "440"),
            (1.5e6, "1.5e6"),
            (2e-5, "2.0e−5"),
            (f32::NAN, "not a number"),
            (f32::NEG_INFINITY, "−∞"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn words_say_what_a_wire_carries() {
        let says = |seen: &Seen, ty| hover_text(seen, &port(ty));
        let wave = Seen::Wave(vec![(-0.1, 0.05), (-0.02, 0.1)]);
        assert_eq!(says(&wave, PortType::Audio), "out (audio): peak 0.10 (−20.0 dBFS)");
        let curve = control(&[0.25, 0.75, 0.5]);
        assert_eq!(says(&curve, PortType::Control), "out (control): 0.50, lately 0.25 to 0.75");
        let hits = |total, recent: &[f32]| Seen::Trigger { total, recent: recent.to_vec() };
        let (once, often) = (hits(1, &[0.0, 1.0, 0.0, 0.0]), hits(7, &[0.0, 2.0]));
        assert_eq!(says(&once, PortType::Trigger), "out (trigger): hit once, 2 frames ago");
        assert_eq!(says(&often, PortType::Trigger), "out (trigger): hit 7 times, just now");
        let mut row = vec![0.1; 12];
        row[9] = 0.9;
        let chroma = says(&Seen::Row(row.clone()), PortType::Chroma);
        assert_eq!(chroma, "out (chroma): A is strongest, 0.90");
        let bands = says(&Seen::Row(row), PortType::Bands);
        assert_eq!(bands, "out (bands): 12 bands, 0.10 to 0.90, most in band 10");
        let spectrum = says(&Seen::Row(vec![0.0, 10.0]), PortType::Spectrum);
        assert_eq!(spectrum, "out (spectrum): peak 20.0 dB at 75 % of the highest frequency");
        let latent = says(&Seen::Latent(vec![1.0, -1.0, 1.0, -1.0], 512), PortType::Latent);
        let of = "mean of the first 4 0.00, standard deviation 1.00";
        assert_eq!(latent, format!("out (latent): 512 numbers; {of}"));
        let image = HostImage { width_px: 1, height_px: 1, pixels: Pixels::Rgba8(vec![0; 4]) };
        let picture = Seen::Picture(Arc::new(image), (1920, 1080));
        assert_eq!(says(&picture, PortType::Image), "out (image): 1920 × 1080 pixels");
        assert_eq!(says(&Seen::Row(vec![]), PortType::Bands), "out (bands): nothing yet");
    }

    #[test]
    fn a_wire_is_as_lively_as_what_it_carries() {
        assert_eq!(activity(&Seen::Nothing), 0.0);
        assert_eq!(activity(&control(&[0.5; 60])), 0.0);
        let ramp: Vec<f32> = (0..45).map(|i| i as f32).collect();
        // Twelve frames of a ramp go through 11 of its 44 steps.
        assert!((activity(&control(&ramp)) - 0.25).abs() < 1e-6);
        let hit = Seen::Trigger { total: 1, recent: vec![0.0, 1.0] };
        assert_eq!(activity(&hit), 1.0);
        let level = |peak: f32| activity(&Seen::Wave(vec![(-peak, peak)]));
        assert_eq!((level(1.0), level(0.0)), (1.0, 0.0));
        assert!((level(0.0316) - 0.5).abs() < 1e-3);
        let row = |v: f32| activity(&Seen::Row(vec![v; 8]));
        assert_eq!(row(0.0), 0.0);
        assert!((row(0.5) - (1.0 - (-1.0_f32).exp())).abs() < 1e-6);
        assert!(activity(&Seen::Row(vec![f32::NAN, f32::INFINITY])) == 0.0);
    }
}
