//! Where an axis has its marks.

/// Distances between marks of time, in seconds.
const STEPS_SECS: [f64; 16] = [
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0,
    3600.0,
];

/// Frequencies that get a mark, in Hz, and what is written there.
const MARKS_HZ: [(f64, &str); 9] = [
    (50.0, "50"),
    (100.0, "100"),
    (200.0, "200"),
    (500.0, "500"),
    (1_000.0, "1k"),
    (2_000.0, "2k"),
    (5_000.0, "5k"),
    (10_000.0, "10k"),
    (20_000.0, "20k"),
];

/// Marks of a time axis of this length, at most `most` of them: seconds and text.
pub fn time_marks(duration_secs: f64, most: usize) -> Vec<(f64, String)> {
    let most = most.max(1) as f64;
    let fits = |step: &&f64| duration_secs / **step <= most;
    let longest = 3600.0 * (duration_secs / 3600.0 / most).ceil();
    let step = STEPS_SECS.iter().find(fits).copied().unwrap_or(longest);
    let num_marks = (duration_secs / step).floor() as usize;
    let mark = |i: usize| (i as f64 * step, time_text(i as f64 * step, step));
    (0..=num_marks).map(mark).collect()
}

/// A moment as minutes and seconds, hours and minutes before them where there are any, and a decimal
/// where the steps need it.
fn time_text(secs: f64, step_secs: f64) -> String {
    let tenths = (secs * 10.0).round() as u64;
    let (whole, tenth) = (tenths / 10, tenths % 10);
    let (hours, minutes, secs) = (whole / 3600, whole / 60 % 60, whole % 60);
    let decimal = if step_secs < 1.0 { format!(".{tenth}") } else { String::new() };
    match hours {
        0 => format!("{minutes}:{secs:02}{decimal}"),
        _ => format!("{hours}:{minutes:02}:{secs:02}{decimal}"),
    }
}

/// Marks of a frequency axis: Hz and text.
pub fn frequency_marks(low_hz: f64, high_hz: f64) -> impl Iterator<Item = (f64, &'static str)> {
    MARKS_HZ.into_iter().filter(move |(hz, _)| (low_hz..=high_hz).contains(hz))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_has_as_many_marks_as_fit() {
        let texts = |secs, most| -> Vec<String> {
            time_marks(secs, most).into_iter().map(|(_, text)| text).collect()
        };
        assert_eq!(texts(30.0, 6), ["0:00", "0:05", "0:10", "0:15", "0:20", "0:25", "0:30"]);
        assert_eq!(texts(0.35, 5), ["0:00.0", "0:00.1", "0:00.2", "0:00.3"]);
        assert_eq!(
            texts(4_000.0, 3),
            ["0:00", "0:30:00", "1:00:00"].map(|t| t.replace("0:30:00", "30:00"))
        );
        for secs in [0.01, 1.0, 59.0, 1_800.0, 86_400.0] {
            let marks = time_marks(secs, 12);
            assert!((1..=13).contains(&marks.len()), "{secs}: {marks:?}");
            assert!(marks.iter().all(|(at, _)| *at <= secs));
        }
    }
}
