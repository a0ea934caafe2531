//! What is kept of one output that is looked at.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;

use lumawire_core::{HostImage, LatentBank, PortType, Space, Value};

use super::{HISTORY_LEN, LATENT_LEN, ROW_LEN, Seen, WAVE_LEN};

/// What was seen of an output so far, on the engine's side.
#[derive(Debug)]
pub(super) enum Trace {
    Control(VecDeque<f32>),
    Trigger {
        total: u64,
        recent: VecDeque<f32>,
        /// Since the last frame.
        pending: u64,
    },
    Wave(VecDeque<(f32, f32)>),
    Picture(Thumbnail),
    /// What needs no memory: the latest value is all.
    Latest,
}

/// Where the thumbnail of an output stands.
#[derive(Debug, Default)]
pub(super) struct Thumbnail {
    /// The one that is ready, and the size of its picture.
    pub ready: Option<(Arc<HostImage>, (u32, u32))>,
    /// Whether it is newer than what the looker was given.
    pub is_new: bool,
    /// Runs of the step whose picture it is.
    pub shown_runs: Option<u64>,
    /// Runs of the step whose picture was asked for, and its size.
    pub asked: Option<(u64, (u32, u32))>,
    /// The sample at which that was.
    pub asked_at: Option<u64>,
}

impl Trace {
    pub fn new(ty: PortType) -> Self {
        match ty {
            PortType::Control => Self::Control(VecDeque::with_capacity(HISTORY_LEN)),
            PortType::Trigger => {
                let recent = VecDeque::with_capacity(HISTORY_LEN);
                Self::Trigger { total: 0, recent, pending: 0 }
            }
            PortType::Audio => Self::Wave(VecDeque::with_capacity(WAVE_LEN)),
            PortType::Image => Self::Picture(Thumbnail::default()),
            _ => Self::Latest,
        }
    }

    /// Whether it must see every tick of its output.
    pub fn sees_ticks(&self) -> bool {
        matches!(self, Self::Trigger { .. } | Self::Wave(_))
    }

    /// The output has ticked.
    pub fn tick(&mut self, value: &Value) {
        match (self, value) {
            (Self::Trigger { total, pending, .. }, Value::Trigger(hits)) => {
                *total += u64::from(*hits);
                *pending += u64::from(*hits);
            }
            (Self::Wave(wave), Value::Audio(audio)) if !audio.is_empty() => {
                let ends =
                    |(least, greatest): (f32, f32), v: &f32| (least.min(*v), greatest.max(*v));
                let all = audio.samples().iter().fold((f32::INFINITY, f32::NEG_INFINITY), ends);
                let is_sound = all.0.is_finite() && all.1.is_finite();
                push(wave, if is_sound { all } else { (0.0, 0.0) }, WAVE_LEN);
            }
            _ => {}
        }
    }

    /// A frame is over, at which the output held `value`.
    pub fn frame(&mut self, value: &Value) {
        match (self, value) {
            (Self::Control(recent), Value::Control(v)) => push(recent, *v, HISTORY_LEN),
            (Self::Trigger { recent, pending, .. }, _) => {
                push(recent, std::mem::take(pending) as f32, HISTORY_LEN);
            }
            _ => {}
        }
    }

    /// Writes what a looker sees into `seen`; false where there is nothing new.
    pub fn show(&mut self, value: &Value, seen: &mut Seen) -> bool {
        match (self, value) {
            (Self::Control(recent), Value::Control(v)) => {
                let to = history(seen, Seen::Control { latest: *v, recent: Vec::new() });
                if let Seen::Control { latest, recent: shown } = to {
                    *latest = *v;
                    copy(recent, shown);
                }
            }
            (Self::Trigger { total, recent, .. }, _) => {
                let to = history(seen, Seen::Trigger { total: 0, recent: Vec::new() });
                if let Seen::Trigger { total: sum, recent: shown } = to {
                    *sum = *total;
                    copy(recent, shown);
                }
            }
            (Self::Wave(wave), _) => {
                if let Seen::Wave(shown) = history(seen, Seen::Wave(Vec::new())) {
                    copy(wave, shown);
                }
            }
            (Self::Picture(thumbnail), _) => {
                let Some((image, size)) = thumbnail.ready.as_ref().filter(|_| thumbnail.is_new)
                else {
                    return false;
                };
                *seen = Seen::Picture(image.clone(), *size);
                thumbnail.is_new = false;
            }
            (_, value) => return show_latest(value, seen),
        }
        true
    }
}

/// `seen` if it is of the kind of `fresh`, else made so.
fn history(seen: &mut Seen, fresh: Seen) -> &mut Seen {
    if std::mem::discriminant(seen) != std::mem::discriminant(&fresh) {
        *seen = fresh;
    }
    seen
}

fn show_latest(value: &Value, seen: &mut Seen) -> bool {
    match value {
        Value::Bands(rows) | Value::Chroma(rows) => {
            show_row(rows.latest(), |v: &f32| *v, seen);
        }
        Value::Spectrum(spectrum) => {
            show_row(spectrum.hops.latest(), |v| v.norm(), seen);
        }
        Value::Latent(latent) => {
            if let Seen::Latent(numbers, len) = history(seen, Seen::Latent(Vec::new(), 0)) {
                numbers.clear();
                numbers.extend(latent.data.iter().take(LATENT_LEN));
                *len = latent.data.len();
            }
        }
        Value::LatentBank(bank) => {
            show_text(seen, |text| describe_bank(bank, text));
        }
        Value::Model(_) => show_text(seen, |text| text.push_str("network")),
        Value::Bends(_) => show_text(seen, |text| text.push_str("bends")),
        Value::Noise(_) => show_text(seen, |text| text.push_str("noise")),
        _ => return false,
    }
    true
}

/// The largest of each of at most [`ROW_LEN`] equal stretches.
fn show_row<T>(row: Option<&[T]>, magnitude: impl Fn(&T) -> f32, seen: &mut Seen) {
    let Seen::Row(shown) = history(seen, Seen::Row(Vec::new())) else { return };
    let row = row.unwrap_or_default();
    let len = row.len().min(ROW_LEN);
    shown.clear();
    shown.extend((0..len).map(|i| {
        let stretch = &row[i * row.len() / len..(i + 1) * row.len() / len];
        stretch.iter().map(&magnitude).fold(f32::NEG_INFINITY, f32::max)
    }));
}

fn show_text(seen: &mut Seen, write: impl FnOnce(&mut String)) {
    if let Seen::Text(text) = history(seen, Seen::Text(String::new())) {
        text.clear();
        write(text);
    }
}

fn describe_bank(bank: &LatentBank, text: &mut String) {
    let space = match bank.space {
        Space::Z => "z",
        Space::W => "w",
        Space::WPlus => "w+",
    };
    // Writing into a string cannot fail.
    let _ = write!(text, "{} latents in {space}, {} × {}", bank.len(), bank.num_ws, bank.dim);
}

fn push<T>(recent: &mut VecDeque<T>, value: T, max_len: usize) {
    if recent.len() == max_len {
        recent.pop_front();
    }
    recent.push_back(value);
}

fn copy<T: Copy>(from: &VecDeque<T>, to: &mut Vec<T>) {
    to.clear();
    let (older, newer) = from.as_slices();
    to.extend_from_slice(older);
    to.extend_from_slice(newer);
}
