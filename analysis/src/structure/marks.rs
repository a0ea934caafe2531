//! Section marks that somebody set by hand, as Audacity writes labels.

use std::fmt;

/// Longest text that is read, in bytes, and most marks in it.
pub const MAX_BYTES: u64 = 4 << 20;
/// Most marks of a file.
pub const MAX_MARKS: usize = 65_536;
/// Times beyond a day are a mistake.
const MAX_SECS: f64 = 86_400.0;

/// A point or a stretch of time with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Where it begins, in seconds.
    pub start_secs: f64,
    /// Where it ends, in seconds; where it begins if it is a point.
    pub end_secs: f64,
    /// Its name; may be empty.
    pub label: String,
}

/// A line that is no label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkError {
    /// Number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for MarkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for MarkError {}

/// The marks of a label file, in order of time: on each line start and end in seconds and a name, with
/// tabs between them.
///
/// A line may lack the name, and the end too: then it is a point. Spaces may stand for the tabs, a
/// comma for the decimal point. Empty lines count for nothing, nor do those that begin with a
/// backslash, in which Audacity keeps the frequencies of a spectral selection.
pub fn parse(text: &str) -> Result<Vec<Mark>, MarkError> {
    let mut marks = Vec::new();
    for (line, text) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let text = text.trim_end();
        if text.trim_start().is_empty() || text.starts_with('\\') {
            continue;
        }
        let mark = mark(text).map_err(|reason| MarkError { line, reason })?;
        if marks.len() == MAX_MARKS {
            let reason = format!("there are more than {MAX_MARKS} marks");
            return Err(MarkError { line, reason });
        }
        marks.push(mark);
    }
    marks.sort_by(|a, b| a.start_secs.total_cmp(&b.start_secs));
    Ok(marks)
}

fn mark(text: &str) -> Result<Mark, String> {
    let is_gap = |c: char| if text.contains('\t') { c == '\t' } else { c == ' ' };
    let mut fields = text.trim_start_matches(' ').splitn(3, is_gap);
    let start_secs = secs(fields.next().unwrap_or_default())?;
    let end_secs = fields.next().map_or(Ok(start_secs), secs)?;
    if end_secs < start_secs {
        return Err(format!("it ends at {end_secs} s, before it starts at {start_secs} s"));
    }
    let label = fields.next().unwrap_or_default().trim().to_owned();
    Ok(Mark { start_secs, end_secs, label })
}

fn secs(text: &str) -> Result<f64, String> {
    let help = "each line is start, end and name with tabs between them, times in seconds";
    // Only the start of what may be no text at all.
    let shown = || text.chars().take(24).collect::<String>();
    let secs: f64 = text
        .trim()
        .replace(',', ".")
        .parse()
        .map_err(|_| format!("`{}` is no time; {help}", shown()))?;
    if (0.0..=MAX_SECS).contains(&secs) {
        Ok(secs)
    } else {
        Err(format!("`{}` is no time between 0 and {MAX_SECS} s", shown()))
    }
}

/// Number of each mark's name, by first appearance.
pub fn label_numbers(marks: &[Mark]) -> Vec<usize> {
    let mut numbers = std::collections::BTreeMap::new();
    marks
        .iter()
        .map(|mark| {
            let next = numbers.len();
            *numbers.entry(mark.label.as_str()).or_insert(next)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mark(start_secs: f64, end_secs: f64, label: &str) -> Mark {
        Mark { start_secs, end_secs, label: label.to_owned() }
    }

    #[test]
    fn reads_points_and_regions_as_audacity_writes_them() {
        let text = "0.000000\t7.500000\tverse\r\n\\\t120.000000\t4000.000000\r\n\
            16.25\t16.25\tdrop here\r\n7.500000\t16.250000\tchorus\r\n\r\n20.0\t21.0\t\r\n";
        let marks = parse(text).unwrap();
        let expected = [
            mark(0.0, 7.5, "verse"),
            mark(7.5, 16.25, "chorus"),
            mark(16.25, 16.25, "drop here"),
            mark(20.0, 21.0, ""),
        ];
        assert_eq!(marks, expected);
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn forgives_what_is_plain() {
        let text = "\u{feff}1,5\t2,5\tA\n3\n4 5 two words\n6\t6\tverse";
        let expected = [
            mark(1.5, 2.5, "A"),
            mark(3.0, 3.0, ""),
            mark(4.0, 5.0, "two words"),
            mark(6.0, 6.0, "verse"),
        ];
        assert_eq!(parse(text).unwrap(), expected);
    }

    #[test]
    fn says_which_line_is_wrong_and_why() {
        for (text, line, part) in [
            ("0\t1\ta\nverse\t1\t2", 2, "`verse` is no time"),
            ("5\t4\ta", 1, "before it starts"),
            ("\n-1\t2\ta", 2, "between 0 and"),
            ("nan\t2\ta", 1, "between 0 and"),
            ("1\tinf", 1, "between 0 and"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.line == line && error.to_string().contains(part), "{error}");
        }
        let many = "1\t1\n".repeat(MAX_MARKS + 1);
        assert_eq!(parse(&many).unwrap_err().line, MAX_MARKS + 1);
    }

    #[test]
    fn names_are_numbered_by_first_appearance() {
        let marks = parse("0\t0\tA\n1\t1\tB\n2\t2\tA\n3\t3\tC").unwrap();
        assert_eq!(label_numbers(&marks), [0, 1, 0, 2]);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[0-9.,\\-e\\t \\\\\\n\\ra-zé]{0,200}") {
            if let Ok(marks) = parse(&text) {
                prop_assert!(marks.windows(2).all(|w| w[0].start_secs <= w[1].start_secs));
                prop_assert!(marks.iter().all(|m| m.start_secs <= m.end_secs));
            }
        }

        #[test]
        fn what_is_written_is_read(starts in proptest::collection::vec(0.0..9_000.0_f64, 0..20)) {
            let mut starts = starts;
            starts.sort_by(f64::total_cmp);
            let marks: Vec<Mark> =
                starts.iter().enumerate().map(|(i, &s)| mark(s, s + 1.5, &format!("n {i}"))).collect();
            let line = |m: &Mark| format!("{}\t{}\t{}\n", m.start_secs, m.end_secs, m.label);
            prop_assert_eq!(parse(&marks.iter().map(line).collect::<String>()).unwrap(), marks);
        }
    }
}
