//! Numbers as a person reads and types them: with their unit, and in any that means the same.

use std::f64::consts::{PI, TAU};

use lumawire_core::{Param, Unit};

/// Digits that count of a number that is shown.
const NUM_DIGITS: i32 = 4;

/// In what a number is shown. Files and nodes hold it in the parameter's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// The unit; angles are shown in degrees.
    Of(Unit),
    /// Hundredths: what an id that ends in `_percent` holds.
    Percent,
    /// A factor, as the depth of a wire.
    Factor,
    /// Whole turns: what an id that ends in `_turns` holds.
    Turns,
}

impl Measure {
    /// The measure of a parameter.
    pub fn of(param: &Param) -> Self {
        match param.unit {
            Unit::None if param.id.ends_with("_percent") => Self::Percent,
            Unit::None if param.id.ends_with("_turns") => Self::Turns,
            unit => Self::Of(unit),
        }
    }

    /// `v` to four digits, and the symbol behind them, which may be empty.
    pub fn parts(self, v: f64) -> (String, &'static str) {
        // 0.99999 s is 1 s, not 1000 ms.
        let is_short = |v: f64| v != 0.0 && round_to(v, NUM_DIGITS).abs() < 1.0;
        let (v, symbol) = match self {
            Self::Percent => (v, "%"),
            Self::Turns => (v, ""),
            Self::Factor => (v, "×"),
            Self::Of(Unit::Radians) => (v.to_degrees(), "°"),
            Self::Of(Unit::Hz) if v.abs() >= 1e4 => (v / 1e3, "kHz"),
            Self::Of(Unit::Secs) if is_short(v) => (v * 1e3, "ms"),
            Self::Of(Unit::Samples) => (v, "smp"),
            Self::Of(Unit::Semitones) => (v, "st"),
            Self::Of(unit) => (v, unit.symbol()),
        };
        (digits(v), symbol)
    }

    /// `v` to four digits with its unit: `440 Hz`, `250 ms`, `90°`.
    pub fn show(self, v: f64) -> String {
        match self.parts(v) {
            (digits, "") => digits,
            (digits, symbol @ ("°" | "%")) => digits + symbol,
            (digits, symbol) => format!("{digits} {symbol}"),
        }
    }

    /// `v` with all its digits, as a person edits it; no unit but that of angles and hundredths.
    pub fn exact(self, v: f64) -> String {
        match self {
            Self::Of(Unit::Radians) => format!("{}°", round_to(v.to_degrees(), 10)),
            Self::Percent => format!("{v}%"),
            _ => format!("{v}"),
        }
    }

    /// The number that `text` means, in the parameter's unit. Takes fractions, `pi`, decimal commas
    /// and any unit that means the same.
    ///
    /// # Errors
    /// What is wrong with the text, and what would do.
    pub fn parse(self, text: &str) -> Result<f64, String> {
        let text =
            text.trim().to_lowercase().replace(',', ".").replace('−', "-").replace('π', "pi");
        if let (Self::Of(Unit::Secs), Some(secs)) = (self, clock_time(&text)) {
            return Ok(secs);
        }
        let (number, suffix) = split(&text);
        let wrong = || format!("`{text}` is no number: type one such as {}", self.example());
        let v = fraction(number).ok_or_else(wrong)?;
        // π speaks of radians where nothing else is said.
        let suffix = if suffix.is_empty() && number.contains("pi") { "rad" } else { suffix };
        let meant = self.in_unit(v, suffix).ok_or_else(|| {
            format!("`{suffix}` is no unit of this: type a number such as {}", self.example())
        })?;
        if meant.is_finite() { Ok(meant) } else { Err(wrong()) }
    }

    /// What `v` with this suffix means in the parameter's unit; `None` for a foreign unit.
    fn in_unit(self, v: f64, suffix: &str) -> Option<f64> {
        Some(match (self, suffix) {
            (Self::Of(Unit::Radians), "" | "°" | "deg" | "degrees") => v.to_radians(),
            (Self::Of(Unit::Radians), "rad" | "radians") => v,
            (Self::Of(Unit::Radians), "turn" | "turns") => v * TAU,
            (Self::Turns, "" | "turn" | "turns") => v,
            (Self::Turns, "°" | "deg" | "degrees") => v / 360.0,
            (Self::Turns, "rad" | "radians") => v / TAU,
            (Self::Percent, "" | "%") => v,
            (Self::Of(Unit::None) | Self::Factor, "" | "x" | "×") => v,
            (Self::Of(Unit::None) | Self::Factor | Self::Turns, "%") => v / 100.0,
            (Self::Of(Unit::None), "rad") => v,
            (Self::Of(Unit::None) | Self::Factor, "db") => 10_f64.powf(v / 20.0),
            (Self::Of(Unit::None | Unit::Hz | Unit::Samples), "k") => v * 1e3,
            (Self::Of(Unit::Hz), "" | "hz") => v,
            (Self::Of(Unit::Hz), "khz") => v * 1e3,
            (Self::Of(Unit::Hz), "bpm") => v / 60.0,
            (Self::Of(Unit::Secs), "" | "s" | "sec" | "secs" | "seconds") => v,
            (Self::Of(Unit::Secs), "ms") => v / 1e3,
            (Self::Of(Unit::Secs), "us" | "µs") => v / 1e6,
            (Self::Of(Unit::Secs), "m" | "min") => v * 60.0,
            (Self::Of(Unit::Secs), "h") => v * 3600.0,
            (Self::Of(Unit::Db), "" | "db") => v,
            (Self::Of(Unit::Db), "%") if v > 0.0 => 20.0 * (v / 100.0).log10(),
            (Self::Of(Unit::Px), "" | "px") => v,
            (Self::Of(Unit::Samples), "" | "smp" | "samples") => v,
            (Self::Of(Unit::Bpm), "" | "bpm") => v,
            (Self::Of(Unit::Bpm), "hz") => v * 60.0,
            (Self::Of(Unit::Semitones), "" | "st" | "semitone" | "semitones") => v,
            (Self::Of(Unit::Semitones), "ct" | "cent" | "cents") => v / 100.0,
            (Self::Of(Unit::Semitones), "oct" | "octaves") => v * 12.0,
            _ => return None,
        })
    }

    fn example(self) -> &'static str {
        match self {
            Self::Percent => "`50%`",
            Self::Turns => "`1/3` or `120°`",
            Self::Of(Unit::None) | Self::Factor => "`0.5`, `1/3`, `50%` or `-6 dB`",
            Self::Of(Unit::Hz) => "`440 Hz` or `1.2 kHz`",
            Self::Of(Unit::Secs) => "`2.5 s`, `250 ms` or `1:30`",
            Self::Of(Unit::Db) => "`-6 dB`",
            Self::Of(Unit::Radians) => "`90°` or `pi/2`",
            Self::Of(Unit::Px) => "`1080 px`",
            Self::Of(Unit::Samples) => "`2048`",
            Self::Of(Unit::Bpm) => "`128`",
            Self::Of(Unit::Semitones) => "`7 st` or `50 cents`",
        }
    }
}

/// `v` rounded to so many digits that count.
pub fn round_to(v: f64, num_digits: i32) -> f64 {
    if v == 0.0 || !v.is_finite() {
        return v;
    }
    let num_decimals = usize::try_from(num_digits - 1).unwrap_or(0);
    // Through text, since scaling by powers of ten would leave 0.30000000000000004.
    format!("{v:.num_decimals$e}").parse().unwrap_or(v)
}

/// Four digits that count, whole numbers in full, the very small and large with their exponent.
fn digits(v: f64) -> String {
    if v.fract() == 0.0 && v.abs() < 1e12 {
        return if v == 0.0 { "0".into() } else { format!("{v:.0}") };
    }
    let v = round_to(v, NUM_DIGITS);
    let is_plain = (1e-4..1e9).contains(&v.abs());
    if is_plain { format!("{v}") } else { format!("{v:e}") }
}

/// The number and the unit behind it.
fn split(text: &str) -> (&str, &str) {
    let is_unit = |c: char| c.is_alphabetic() || "%°×µ".contains(c);
    let number = text.trim_end_matches(is_unit);
    let (number, suffix) = if text.ends_with("pi") {
        (text, "")
    } else {
        (number, text.get(number.len()..).unwrap_or(""))
    };
    // `2pi rad` and `2pirad` leave the π with the number.
    match suffix.strip_prefix("pi") {
        Some(rest) => (text.get(..number.len() + 2).unwrap_or(number).trim(), rest.trim()),
        None => (number.trim(), suffix),
    }
}

/// `a` or `a/b`.
fn fraction(text: &str) -> Option<f64> {
    match text.split_once('/') {
        Some((a, b)) => Some(term(a)? / term(b)?),
        None => term(text),
    }
}

/// A number, or a multiple of π.
fn term(text: &str) -> Option<f64> {
    let text = text.trim();
    let v = match text.strip_suffix("pi").map(str::trim) {
        Some("" | "+") => PI,
        Some("-") => -PI,
        Some(factor) => factor.parse::<f64>().ok()? * PI,
        None => text.parse().ok()?,
    };
    v.is_finite().then_some(v)
}

/// Seconds of `1:30` or `1:02:03.5`.
fn clock_time(text: &str) -> Option<f64> {
    let (head, _) = text.split_once(':')?;
    let is_negative = head.starts_with('-');
    let mut secs = 0.0;
    for part in text.trim_start_matches('-').split(':') {
        let part: f64 = part.parse().ok().filter(|v: &f64| v.is_finite() && *v >= 0.0)?;
        secs = secs * 60.0 + part;
    }
    Some(if is_negative { -secs } else { secs })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEASURES: [Measure; 12] = [
        Measure::Factor,
        Measure::Percent,
        Measure::Turns,
        Measure::Of(Unit::None),
        Measure::Of(Unit::Hz),
        Measure::Of(Unit::Secs),
        Measure::Of(Unit::Db),
        Measure::Of(Unit::Radians),
        Measure::Of(Unit::Px),
        Measure::Of(Unit::Samples),
        Measure::Of(Unit::Bpm),
        Measure::Of(Unit::Semitones),
    ];

    fn is_near(a: f64, b: f64, relative: f64) -> bool {
        (a - b).abs() <= relative * a.abs().max(b.abs())
    }

    #[test]
    fn people_write_numbers_in_many_ways() {
        let none = Measure::Of(Unit::None);
        let (hz, secs) = (Measure::Of(Unit::Hz), Measure::Of(Unit::Secs));
        let angle = Measure::Of(Unit::Radians);
        for (measure, text, v) in [
            (none, "0.5", 0.5),
            (none, " 0,5 ", 0.5),
            (none, "1/3", 1.0 / 3.0),
            (none, "50%", 0.5),
            (none, "50 %", 0.5),
            (none, "-6 dB", 0.501_187_233_627_272_2),
            (none, "−2", -2.0),
            (none, "1e-5", 1e-5),
            (none, "2.5k", 2500.0),
            (none, "pi", PI),
            (Measure::Percent, "50%", 50.0),
            (Measure::Percent, "50", 50.0),
            (Measure::Turns, "120°", 1.0 / 3.0),
            (Measure::Turns, "1/4", 0.25),
            (hz, "440 Hz", 440.0),
            (hz, "440", 440.0),
            (hz, "1.2 kHz", 1200.0),
            (hz, "1.2k", 1200.0),
            (hz, "1e3hz", 1000.0),
            (hz, "120 bpm", 2.0),
            (secs, "250ms", 0.25),
            (secs, "1/4 s", 0.25),
            (secs, "2 min", 120.0),
            (secs, "1:30", 90.0),
            (secs, "1:02:03.5", 3723.5),
            (secs, "-0:01", -1.0),
            (angle, "180", PI),
            (angle, "90°", PI / 2.0),
            (angle, "90 deg", PI / 2.0),
            (angle, "1 rad", 1.0),
            (angle, "pi/2", PI / 2.0),
            (angle, "-π", -PI),
            (angle, "2pi rad", TAU),
            (angle, "0.5 turns", PI),
            (Measure::Of(Unit::Db), "-12", -12.0),
            (Measure::Of(Unit::Db), "50%", -6.020_599_913_279_624),
            (Measure::Of(Unit::Px), "1080px", 1080.0),
            (Measure::Of(Unit::Samples), "2k", 2000.0),
            (Measure::Of(Unit::Bpm), "2 Hz", 120.0),
            (Measure::Of(Unit::Semitones), "50 cents", 0.5),
            (Measure::Of(Unit::Semitones), "1 oct", 12.0),
        ] {
            let parsed = measure.parse(text);
            assert!(parsed.as_ref().is_ok_and(|p| is_near(*p, v, 1e-12)), "{text}: {parsed:?}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused_with_what_would_do() {
        for (measure, text) in [
            (Measure::Of(Unit::None), ""),
            (Measure::Of(Unit::None), "nan"),
            (Measure::Of(Unit::None), "inf"),
            (Measure::Of(Unit::None), "1/0"),
            (Measure::Of(Unit::None), "1e999"),
            (Measure::Of(Unit::None), "1 Hz"),
            (Measure::Of(Unit::Hz), "3 s"),
            (Measure::Of(Unit::Hz), "1:30"),
            (Measure::Of(Unit::Secs), "1:x"),
            (Measure::Of(Unit::Db), "0%"),
            (Measure::Percent, "--1"),
        ] {
            let error = measure.parse(text).unwrap_err();
            assert!(error.contains(measure.example()), "{text}: {error}");
        }
    }

    #[test]
    fn numbers_are_short_and_have_their_unit() {
        for (measure, v, text) in [
            (Measure::Of(Unit::None), 1.0 / 3.0, "0.3333"),
            (Measure::Of(Unit::None), 0.1 + 0.2, "0.3"),
            (Measure::Of(Unit::None), -0.0, "0"),
            (Measure::Of(Unit::None), 1.2e-5, "1.2e-5"),
            (Measure::Of(Unit::None), 4_294_967_295.0, "4294967295"),
            (Measure::Percent, 15.0, "15%"),
            (Measure::Of(Unit::Hz), 440.0, "440 Hz"),
            (Measure::Of(Unit::Hz), 12_345.0, "12.35 kHz"),
            (Measure::Of(Unit::Secs), 0.25, "250 ms"),
            (Measure::Of(Unit::Secs), 0.999_99, "1 s"),
            (Measure::Of(Unit::Secs), 0.0, "0 s"),
            (Measure::Of(Unit::Radians), PI / 2.0, "90°"),
            (Measure::Of(Unit::Samples), 2048.0, "2048 smp"),
        ] {
            assert_eq!(measure.show(v), text);
        }
    }

    #[test]
    fn what_is_shown_and_typed_again_is_the_same_to_the_digits_shown() {
        for measure in MEASURES {
            for exponent in -8..=9 {
                for mantissa in [1.0, 1.000_04, 1.5, 2.0 / 0.7, 3.333_333, 5.0, 7.123_4, 9.999_7] {
                    for sign in [1.0, -1.0] {
                        let v = sign * mantissa * 10_f64.powi(exponent);
                        let shown = measure.show(v);
                        let again =
                            measure.parse(&shown).unwrap_or_else(|e| panic!("{shown}: {e}"));
                        assert!(
                            is_near(again, v, 1.1e-3),
                            "{measure:?}: {v} as {shown} is {again}"
                        );
                        let settled = measure.parse(&measure.show(again)).unwrap();
                        assert!(is_near(settled, again, 1.1e-3), "{measure:?}: {shown}");
                        let exact = measure.parse(&measure.exact(v)).unwrap();
                        assert!(is_near(exact, v, 1e-9), "{measure:?}: {v} is {exact}");
                    }
                }
            }
            assert_eq!(measure.parse(&measure.show(0.0)), Ok(0.0), "{measure:?}");
        }
    }
}
