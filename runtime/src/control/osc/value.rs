//! Arguments of OSC to parameter values and back.

use lumawire_core::{Domain, Param, ParamValue};
use rosc::OscType;

/// Length of a text that a parameter takes, in bytes.
const MAX_TEXT_LEN: usize = 4_096;

/// What an argument says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said {
    /// Pressed, with no value: no argument, an impulse or nil.
    Bang,
    Value(ParamValue),
}

/// What argument `i` of a message says, arrays being spread out; `None` where it says nothing that
/// a parameter could be.
pub(super) fn said(args: &[OscType], i: usize) -> Option<Said> {
    let arg = match args {
        // As most messages are.
        [arg] if i == 0 && !matches!(arg, OscType::Array(_)) => Some(arg),
        _ => spread(args).nth(i),
    };
    let value = match arg {
        None if i == 0 => return Some(Said::Bang),
        None => return None,
        Some(OscType::Nil | OscType::Inf) => return Some(Said::Bang),
        Some(OscType::Float(v)) => number(f64::from(*v))?,
        Some(OscType::Double(v)) => number(*v)?,
        Some(OscType::Int(v)) => ParamValue::Int(i64::from(*v)),
        Some(OscType::Long(v)) => ParamValue::Int(*v),
        Some(OscType::Bool(v)) => ParamValue::Bool(*v),
        Some(OscType::Char(c)) => ParamValue::Text(c.to_string()),
        Some(OscType::String(text)) => text_value(text)?,
        Some(OscType::Blob(bytes)) => text_value(std::str::from_utf8(bytes).ok()?)?,
        Some(OscType::Time(_) | OscType::Color(_) | OscType::Midi(_) | OscType::Array(_)) => {
            return None;
        }
    };
    Some(Said::Value(value))
}

/// All arguments, and those in arrays.
fn spread(args: &[OscType]) -> impl Iterator<Item = &OscType> {
    let flat: Vec<&OscType> = args.iter().fold(Vec::new(), |mut flat, arg| {
        flatten(arg, &mut flat);
        flat
    });
    flat.into_iter()
}

/// Arrays are never deep: see `packet`.
fn flatten<'a>(arg: &'a OscType, flat: &mut Vec<&'a OscType>) {
    match arg {
        OscType::Array(array) => array.content.iter().for_each(|arg| flatten(arg, flat)),
        arg => flat.push(arg),
    }
}

fn number(v: f64) -> Option<ParamValue> {
    (!v.is_nan()).then_some(ParamValue::Float(v))
}

fn text_value(text: &str) -> Option<ParamValue> {
    (text.len() <= MAX_TEXT_LEN).then(|| ParamValue::Text(text.to_owned()))
}

impl Said {
    /// As a number: a bang is 1, a text what it spells.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Bang => Some(1.0),
            Self::Value(ParamValue::Text(text)) => spelled(text),
            Self::Value(value) => value.as_f64(),
        }
    }

    /// Whether a button is down.
    pub fn is_press(&self) -> bool {
        self.as_f64().is_none_or(|v| v > 0.0)
    }

    /// What `param` becomes by it, as a running node reads it.
    pub fn value_of(&self, param: &Param) -> Option<ParamValue> {
        let value = match (param.domain, self) {
            (Domain::Text { .. }, Self::Value(ParamValue::Text(_)))
            | (Domain::Choice { .. }, Self::Value(_)) => self.value()?.clone(),
            (Domain::Text { .. }, Self::Value(value)) => ParamValue::Text(value.to_string()),
            (_, Self::Value(ParamValue::Text(text))) => ParamValue::Float(spelled(text)?),
            (Domain::Bool { .. }, Self::Bang) => ParamValue::Bool(true),
            (_, Self::Value(value)) => value.clone(),
            (_, Self::Bang) => return None,
        };
        // A menu's entry may come as its number, written out.
        let as_number = || {
            let Self::Value(ParamValue::Text(text)) = self else { return None };
            param.take(&ParamValue::Float(text.trim().parse().ok()?))
        };
        param.take(&value).or_else(as_number)
    }

    fn value(&self) -> Option<&ParamValue> {
        match self {
            Self::Bang => None,
            Self::Value(value) => Some(value),
        }
    }
}

/// The number that a text spells.
fn spelled(text: &str) -> Option<f64> {
    let text = text.trim();
    let is_one_of = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_one_of(&["on", "true", "yes"]) {
        return Some(1.0);
    }
    if is_one_of(&["off", "false", "no"]) {
        return Some(0.0);
    }
    text.parse().ok().filter(|v: &f64| !v.is_nan())
}

/// How a parameter's value is told: options by their ids. `None` where it has no value yet.
pub(super) fn told(param: &Param, value: &ParamValue) -> Option<OscType> {
    Some(match (param.domain, value) {
        (Domain::Choice { options, .. }, ParamValue::Int(i)) => {
            OscType::String((*options.get(usize::try_from(*i).ok()?)?).to_owned())
        }
        (Domain::Bool { .. }, value) => OscType::Bool(value.as_f64()? > 0.5),
        (Domain::Int { .. }, value) => whole(value.as_f64()?, is_long(param)),
        (Domain::Float { .. }, value) => OscType::Float(value.as_f64()? as f32),
        (_, ParamValue::Text(text)) => OscType::String(text.clone()),
        _ => return None,
    })
}

/// As [`told`], from a number that the board shows.
pub(super) fn told_number(param: &Param, v: f64) -> Option<OscType> {
    match param.domain {
        Domain::Choice { .. } => told(param, &ParamValue::Int(v as i64)),
        Domain::Text { .. } | Domain::File { .. } => None,
        _ => told(param, &ParamValue::Float(v)),
    }
}

fn whole(v: f64, is_long: bool) -> OscType {
    if is_long { OscType::Long(v as i64) } else { OscType::Int(v as i32) }
}

/// Whether a whole number needs 64 bits even on its slider.
pub(super) fn is_long(param: &Param) -> bool {
    match param.domain {
        Domain::Int { soft, .. } => {
            i32::try_from(soft.0).is_err() || i32::try_from(soft.1).is_err()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rosc::OscArray;

    use super::*;

    fn taken(param: &Param, arg: OscType) -> Option<ParamValue> {
        said(&[arg], 0).and_then(|said| said.value_of(param))
    }

    #[test]
    fn types_are_coerced_where_they_make_sense() {
        let level = Param::float("level", "Level", 0.5, (0.0, 1.0)).hard(-2.0, 2.0);
        let num = Param::int("num", "Num", 1, (0, 8));
        let on = Param::switch("on", "On", false);
        let mode = Param::choice("mode", "Mode", &["soft", "hard"]);
        let name = Param::text("name", "Name", "");
        let text = |text: &str| OscType::String(text.into());
        let float = ParamValue::Float;
        assert_eq!(taken(&level, OscType::Int(1)), Some(float(1.0)));
        assert_eq!(taken(&level, OscType::Double(0.25)), Some(float(0.25)));
        assert_eq!(taken(&level, OscType::Float(9.0)), Some(float(2.0)));
        assert_eq!(taken(&level, OscType::Float(f32::NEG_INFINITY)), Some(float(-2.0)));
        assert_eq!(taken(&level, text(" 0.5")), Some(float(0.5)));
        assert_eq!(taken(&level, OscType::Bool(true)), Some(float(1.0)));
        assert_eq!(taken(&level, OscType::Float(f32::NAN)), None);
        assert_eq!(taken(&level, text("loud")), None);
        assert_eq!(taken(&level, OscType::Nil), None);
        assert_eq!(taken(&num, OscType::Float(2.6)), Some(ParamValue::Int(3)));
        assert_eq!(taken(&num, OscType::Long(1 << 40)), Some(ParamValue::Int(8)));
        assert_eq!(taken(&on, text("ON")), Some(ParamValue::Bool(true)));
        assert_eq!(taken(&on, OscType::Inf), Some(ParamValue::Bool(true)));
        assert_eq!(taken(&on, OscType::Float(0.4)), Some(ParamValue::Bool(false)));
        assert_eq!(taken(&mode, text("hard")), Some(ParamValue::Int(1)));
        assert_eq!(taken(&mode, text("1")), Some(ParamValue::Int(1)));
        assert_eq!(taken(&mode, OscType::Int(7)), Some(ParamValue::Int(1)));
        assert_eq!(taken(&mode, text("harder")), None);
        assert_eq!(taken(&name, OscType::Int(7)), Some(ParamValue::Text("7".into())));
        assert_eq!(taken(&name, OscType::Blob(b"ab".into())), Some(ParamValue::Text("ab".into())));
        assert_eq!(taken(&name, OscType::Blob(vec![0xff])), None);
        assert_eq!(taken(&name, text(&"x".repeat(MAX_TEXT_LEN + 1))), None);
        assert_eq!(
            taken(
                &level,
                OscType::Midi(rosc::OscMidiMessage { port: 0, status: 0, data1: 0, data2: 0 })
            ),
            None
        );
    }

    #[test]
    fn arguments_are_counted_through_arrays() {
        let array = OscArray { content: vec![OscType::Int(2), OscType::Int(3)] };
        let args = [OscType::Int(1), OscType::Array(array), OscType::Int(4)];
        for i in 0..4 {
            let value = ParamValue::Int(i as i64 + 1);
            assert_eq!(said(&args, i), Some(Said::Value(value)));
        }
        assert_eq!(said(&args, 4), None);
        assert_eq!(said(&[], 0), Some(Said::Bang));
    }

    #[test]
    fn what_is_told_is_taken_back_as_the_same() {
        let params = [
            Param::float("a", "A", 0.25, (0.0, 1.0)),
            Param::int("b", "B", 3, (0, 8)),
            Param::int("c", "C", 1 << 40, (0, 1 << 41)),
            Param::switch("d", "D", true),
            Param::choice("e", "E", &["x", "y"]),
            Param::text("f", "F", "hello"),
        ];
        for param in params {
            let value = param.resolve(None);
            let arg = told(&param, &value).unwrap();
            assert_eq!(taken(&param, arg), Some(value), "{}", param.id);
        }
    }
}
