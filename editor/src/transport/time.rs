//! Time in words and on rulers.

use lumawire_core::control::Tempo;

/// A time as `m:ss.t`, with hours only where there are any.
pub fn clock(secs: f64) -> String {
    let tenths = (secs.max(0.0) * 10.0).floor() as u64;
    let (h, m, s, t) = (tenths / 36_000, tenths / 600 % 60, tenths / 10 % 60, tenths % 10);
    if h > 0 { format!("{h}:{m:02}:{s:02}.{t}") } else { format!("{m}:{s:02}.{t}") }
}

/// A length as `m:ss`, to the nearest second, with hours only where there are any.
pub fn length(secs: f64) -> String {
    let secs = secs.max(0.0).round() as u64;
    let (h, m, s) = (secs / 3600, secs / 60 % 60, secs % 60);
    if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m}:{s:02}") }
}

/// The bar and the beat at a time, both from 1; `None` before the first bar, or where the tempo is
/// none.
pub fn bar_and_beat(secs: f64, tempo: Tempo) -> Option<(u64, u64)> {
    let beats = (secs - tempo.first_beat_secs) * tempo.bpm / 60.0;
    if !beats.is_finite() || beats < 0.0 || tempo.beats_per_bar == 0 {
        return None;
    }
    let (beats, per_bar) = ((beats + 1e-9) as u64, u64::from(tempo.beats_per_bar));
    Some((beats / per_bar + 1, beats % per_bar + 1))
}

/// Beats a minute of beats found in a sound: 60 over the median of their distances.
pub fn bpm_of(beats_secs: &[f64]) -> Option<f64> {
    let mut gaps: Vec<f64> = beats_secs.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_by(f64::total_cmp);
    gaps.get(gaps.len() / 2).filter(|gap| **gap > 0.0).map(|gap| 60.0 / gap)
}

/// Distances of a ruler's marks, in seconds.
const STEPS_SECS: [f64; 17] = [
    0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0,
    3600.0,
];

/// The marks of a ruler from `from` to `to` seconds, at most so many, on round times.
pub fn marks(from_secs: f64, to_secs: f64, max_marks: usize) -> Vec<f64> {
    let span = to_secs - from_secs;
    let fits = |step: &&f64| span / **step <= max_marks.max(1) as f64;
    let step = STEPS_SECS.iter().find(fits).copied().unwrap_or(span);
    if !(step > 0.0 && span.is_finite()) {
        return Vec::new();
    }
    let first = (from_secs / step).ceil();
    let num = ((to_secs / step).floor() - first).max(-1.0) as usize;
    (0..=num.min(max_marks)).map(|i| (first + i as f64) * step).filter(|t| *t <= to_secs).collect()
}

/// What a ruler writes at a mark: tenths and hundredths only where the marks are that close.
pub fn mark_label(secs: f64) -> String {
    let whole = secs.round();
    if (secs - whole).abs() < 1e-6 {
        return length(secs);
    }
    let hundredths = (secs * 100.0).round() as u64;
    let (m, s, h) = (hundredths / 6000, hundredths / 100 % 60, hundredths % 100);
    if h % 10 == 0 { format!("{m}:{s:02}.{}", h / 10) } else { format!("{m}:{s:02}.{h:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_read_them() {
        let cases = [(0.0, "0:00.0"), (7.16, "0:07.1"), (59.99, "0:59.9"), (225.4, "3:45.4")];
        for (secs, text) in cases.into_iter().chain([(3_725.0, "1:02:05.0"), (-1.0, "0:00.0")]) {
            assert_eq!(clock(secs), text);
        }
        assert_eq!(length(59.6), "1:00");
        assert_eq!(length(7_200.0), "2:00:00");
        assert_eq!(mark_label(0.25), "0:00.25");
        assert_eq!(mark_label(61.5), "1:01.5");
        assert_eq!(mark_label(90.0), "1:30");
    }

    #[test]
    fn bars_count_from_one() {
        let tempo = Tempo { bpm: 120.0, first_beat_secs: 0.25, beats_per_bar: 3 };
        assert_eq!(bar_and_beat(0.2, tempo), None);
        assert_eq!(bar_and_beat(0.25, tempo), Some((1, 1)));
        // A beat counts from its very time on.
        for (bar, beat) in [(1, 2), (1, 3), (2, 1), (17, 3)] {
            let secs = tempo.secs_of(bar as f64, beat as f64);
            assert_eq!(bar_and_beat(secs, tempo), Some((bar, beat)));
        }
        assert_eq!(bar_and_beat(1.0, Tempo { beats_per_bar: 0, ..tempo }), None);
        assert_eq!(bpm_of(&[0.0, 0.5, 1.0, 1.5, 3.0]), Some(120.0));
        assert_eq!(bpm_of(&[1.0]), None);
    }

    #[test]
    fn marks_are_round_and_few() {
        assert_eq!(marks(0.0, 10.0, 10), (0..=10).map(f64::from).collect::<Vec<_>>());
        assert_eq!(marks(12.0, 48.0, 3), [15.0, 30.0, 45.0]);
        for (from, to) in [(0.0, 0.02), (3.3, 9.1), (0.0, 40_000.0), (100.0, 100.4)] {
            let marks = marks(from, to, 8);
            assert!(marks.len() <= 9 && marks.iter().all(|t| (from..=to).contains(t)), "{marks:?}");
        }
        assert!(marks(1.0, 1.0, 8).len() <= 1);
    }
}
