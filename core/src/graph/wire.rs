//! A wire and its text, `src.output -> dst.input * depth`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Between which ports a wire runs: no two wires have the same ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WireEnds {
    /// Node that it starts at.
    pub from: String,
    /// Output that it starts at.
    pub output: String,
    /// Node that it ends at.
    pub to: String,
    /// Input or parameter that it ends at.
    pub port: String,
}

/// A wire. Its depth is the factor of a control on a parameter, and 1 on an input.
#[derive(Debug, Clone, PartialEq)]
pub struct Wire {
    /// Where it runs.
    pub ends: WireEnds,
    /// Factor of what it carries to a parameter.
    pub depth: f32,
}

/// What is wrong with the text of a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WireError {
    /// There is no arrow, or more than one.
    #[error("expected one `->` between an output and an input, as in `a.out -> b.in * 0.5`")]
    Arrow,
    /// An end is not `node.port` in letters, digits and underscores.
    #[error("each end must read `node.port`, in letters, digits and underscores")]
    End,
    /// What follows `*` is no finite number.
    #[error("the depth after `*` must be a finite number")]
    Depth,
}

/// Whether `text` may name a node or port: `[A-Za-z_][A-Za-z0-9_]*`.
pub fn is_id(text: &str) -> bool {
    let is_word = |c: char| c == '_' || c.is_ascii_alphanumeric();
    text.chars().all(is_word) && text.starts_with(|c: char| !c.is_ascii_digit())
}

impl WireEnds {
    /// From `from.output` to `to.port`.
    pub fn new(from: &str, output: &str, to: &str, port: &str) -> Self {
        Self { from: from.into(), output: output.into(), to: to.into(), port: port.into() }
    }

    /// Whether all four names follow the grammar.
    pub(crate) fn is_well_formed(&self) -> bool {
        [&self.from, &self.output, &self.to, &self.port].into_iter().all(|id| is_id(id))
    }
}

impl fmt::Display for WireEnds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} -> {}.{}", self.from, self.output, self.to, self.port)
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ends.fmt(f)?;
        if self.depth == 1.0 { Ok(()) } else { write!(f, " * {}", self.depth) }
    }
}

impl FromStr for Wire {
    type Err = WireError;

    fn from_str(text: &str) -> Result<Self, WireError> {
        let (from, rest) = text.split_once("->").ok_or(WireError::Arrow)?;
        if rest.contains("->") {
            return Err(WireError::Arrow);
        }
        let (to, depth) = match rest.split_once('*') {
            Some((to, depth)) => (to, depth.trim().parse().map_err(|_| WireError::Depth)?),
            None => (rest, 1.0_f32),
        };
        if !depth.is_finite() {
            return Err(WireError::Depth);
        }
        let (from, output) = end(from)?;
        let (to, port) = end(to)?;
        Ok(Self { ends: WireEnds::new(from, output, to, port), depth })
    }
}

impl FromStr for WireEnds {
    type Err = WireError;

    fn from_str(text: &str) -> Result<Self, WireError> {
        text.parse::<Wire>().map(|wire| wire.ends)
    }
}

fn end(text: &str) -> Result<(&str, &str), WireError> {
    let (node, port) = text.trim().split_once('.').ok_or(WireError::End)?;
    if is_id(node) && is_id(port) { Ok((node, port)) } else { Err(WireError::End) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wire_reads_and_prints() {
        for text in ["a.b -> c.d", "a_1.b2 -> _c.d * 0.5", "a.b -> c.d * -0.1", "a.b -> c.d * 0"] {
            assert_eq!(text.parse::<Wire>().unwrap().to_string(), text);
        }
        assert_eq!("  a.b->c.d*1.0 ".parse::<Wire>().unwrap().to_string(), "a.b -> c.d");
    }

    #[test]
    fn what_is_no_wire_is_refused() {
        for (text, error) in [
            ("", WireError::Arrow),
            ("a.b c.d", WireError::Arrow),
            ("a.b -> c.d -> e.f", WireError::Arrow),
            ("a -> c.d", WireError::End),
            ("a.b.c -> c.d", WireError::End),
            ("1a.b -> c.d", WireError::End),
            ("a.ü -> c.d", WireError::End),
            (". -> .", WireError::End),
            ("a.b -> c.d * x", WireError::Depth),
            ("a.b -> c.d * inf", WireError::Depth),
            ("a.b -> c.d *", WireError::Depth),
        ] {
            assert_eq!(text.parse::<Wire>(), Err(error), "{text}");
        }
    }
}
