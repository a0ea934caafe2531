//! Latents in slots, which the patch keeps as text.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use lumawire_core::{Latent, LatentBank, ParamValue, Space};

use super::points::space_name;

/// The most slots that a text may fill.
const MAX_SLOTS: usize = 256;
/// The longest row that a text may have.
const MAX_DIM: usize = 65_536;
/// Texts that are known again as the show's own: at two a second those of the last half hour in which
/// something was stored.
const MAX_TOLD: usize = 4_096;

/// What the documents of nodes say of their text.
pub(super) const STORED_DOC: &str = "What is stored, as the program writes it: the space, the length of a row, and for every slot \
     in use its number and its 32-bit floats in base64.";

/// What slots hold: latents of one space and shape.
#[derive(Debug, Clone, Default, PartialEq)]
struct Held {
    /// Space and length of a row.
    shape: Option<(Space, usize)>,
    slots: Vec<Option<Vec<f32>>>,
}

/// Slots, and what of them the patch knows.
#[derive(Debug, Default)]
pub(super) struct Slots {
    held: Held,
    /// What the patch's text says, to go back to.
    initial: Held,
    /// Hash of that text.
    read: u64,
    /// Hashes of the texts that the patch was asked to keep, the latest last.
    told: VecDeque<u64>,
    /// Counts the changes, and how many of them the patch was told.
    version: u64,
    version_told: u64,
}

impl Slots {
    /// The slots of a text, which may be empty. The error says what is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        let initial = read(text)?;
        Ok(Self { held: initial.clone(), initial, read: hash(text), ..Self::default() })
    }

    /// Rises with every change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// One more than the highest slot in use.
    pub fn len(&self) -> usize {
        self.held.slots.len()
    }

    /// How many of the first `num` slots are in use.
    pub fn count(&self, num: usize) -> usize {
        self.held.slots.iter().take(num).flatten().count()
    }

    /// Whether a slot is in use.
    pub fn is_used(&self, slot: usize) -> bool {
        self.held.slots.get(slot).is_some_and(Option::is_some)
    }

    /// Puts a latent into a slot. One of another space or shape forgets the others.
    pub fn store(&mut self, latent: &Latent, slot: usize) {
        let shape = Some((latent.space, latent.dim));
        let held = &mut self.held;
        let fits = |kept: &Vec<f32>| kept.len() == latent.data.len();
        if held.shape != shape || !held.slots.iter().flatten().all(fits) {
            held.slots.clear();
            held.shape = shape;
        }
        if held.slots.len() <= slot {
            held.slots.resize(slot + 1, None);
        }
        held.slots[slot].get_or_insert_default().clone_from(&latent.data);
        self.version += 1;
    }

    /// Empties a slot.
    pub fn forget(&mut self, slot: usize) {
        if let Some(kept @ Some(_)) = self.held.slots.get_mut(slot) {
            *kept = None;
            self.version += 1;
            while self.held.slots.last().is_some_and(Option::is_none) {
                self.held.slots.pop();
            }
        }
    }

    /// Empties all slots.
    pub fn clear(&mut self) {
        if !self.held.slots.is_empty() {
            self.held.slots.clear();
            self.version += 1;
        }
    }

    /// Makes a bank of the first `num` slots, at least one, with `live` where nothing is stored; where
    /// that does not fit, with the first that is. What is no finite number becomes 0.
    pub fn fill(&self, live: Option<&Latent>, num: usize, bank: &mut LatentBank) {
        let used = &self.held.slots[..self.len().min(num)];
        let first = used.iter().flatten().next();
        let (space, dim, empty) = match (first, self.held.shape, live) {
            (Some(first), Some((space, dim)), live) => {
                let fits = |live: &&Latent| {
                    (live.space, live.dim, live.data.len()) == (space, dim, first.len())
                };
                (space, dim, live.filter(fits).map_or(first, |live| &live.data))
            }
            (_, _, Some(live)) => (live.space, live.dim, &live.data),
            _ => return bank.data.clear(),
        };
        (bank.space, bank.dim, bank.num_ws) = (space, dim, empty.len() / dim.max(1));
        bank.data.clear();
        for slot in 0..used.len().max(1) {
            let kept = used.get(slot).and_then(Option::as_ref).unwrap_or(empty);
            bank.data.extend(kept.iter().map(|v| if v.is_finite() { *v } else { 0.0 }));
        }
    }

    /// The text for the patch, if it has changed since it was last asked for.
    pub fn keepsake(&mut self) -> Option<ParamValue> {
        if self.version_told == self.version {
            return None;
        }
        self.version_told = self.version;
        let text = write(&self.held);
        if self.told.len() == MAX_TOLD {
            self.told.pop_front();
        }
        self.told.push_back(hash(&text));
        Some(ParamValue::Text(text))
    }

    /// Back to what the patch says.
    pub fn reset(&mut self) {
        self.held.clone_from(&self.initial);
        self.version += 1;
        self.version_told = self.version;
        self.told.clear();
    }

    /// The patch's text is what `new` has read now. Where that is nothing new, or what it was once
    /// asked to keep, these slots go on; else those of `new` count. A text that is not the latest comes
    /// from an editor that had an older patch: the patch is told again.
    pub fn follow(&mut self, new: &mut Self) {
        if new.read == self.read || self.told.contains(&new.read) {
            if new.read != self.read && self.told.back() != Some(&new.read) {
                self.version += 1;
            }
            self.read = new.read;
            std::mem::swap(&mut self.initial, &mut new.initial);
        } else {
            new.version = self.version + 1;
            new.version_told = new.version;
            std::mem::swap(self, new);
        }
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// `z 512 0=AACAPw… 3=…`; nothing for nothing.
fn write(held: &Held) -> String {
    let Some((space, dim)) = held.shape.filter(|_| held.slots.iter().any(Option::is_some)) else {
        return String::new();
    };
    let mut text = format!("{} {dim}", space_name(space).to_lowercase());
    for (slot, kept) in held.slots.iter().enumerate() {
        let Some(kept) = kept else { continue };
        let bytes: Vec<u8> = kept.iter().flat_map(|v| v.to_le_bytes()).collect();
        text.push_str(&format!(" {slot}="));
        encode(&bytes, &mut text);
    }
    text
}

fn read(text: &str) -> Result<Held, String> {
    let help = "leave it to the program, or empty it";
    let mut parts = text.split_whitespace();
    let Some(space) = parts.next() else { return Ok(Held::default()) };
    let space = match space {
        "z" => Space::Z,
        "w" => Space::W,
        "w+" => Space::WPlus,
        other => return Err(format!("begins with no space, but `{}`: {help}", short(other))),
    };
    let dim = parts.next().and_then(|dim| dim.parse().ok());
    let dim: usize = dim
        .filter(|dim| (1..=MAX_DIM).contains(dim))
        .ok_or_else(|| format!("says no length of a row, 1 to {MAX_DIM}: {help}"))?;
    let mut held = Held { shape: Some((space, dim)), slots: Vec::new() };
    for part in parts {
        let (slot, code) = part
            .split_once('=')
            .and_then(|(slot, code)| Some((slot.parse::<usize>().ok()?, code)))
            .filter(|(slot, _)| *slot < MAX_SLOTS)
            .ok_or_else(|| format!("`{}` is no slot and its numbers: {help}", short(part)))?;
        let bytes = decode(code).ok_or_else(|| format!("slot {slot} is no base64: {help}"))?;
        let (numbers, rest) = bytes.as_chunks::<4>();
        let numbers: Vec<f32> = numbers.iter().map(|v| f32::from_le_bytes(*v)).collect();
        let len = held.slots.iter().flatten().next().map_or(numbers.len(), Vec::len);
        let is_whole = rest.is_empty() && !numbers.is_empty() && numbers.len().is_multiple_of(dim);
        if !is_whole || numbers.len() != len || numbers.iter().any(|v| !v.is_finite()) {
            return Err(format!("slot {slot} holds no latent like the others: {help}"));
        }
        if held.slots.len() <= slot {
            held.slots.resize(slot + 1, None);
        }
        held.slots[slot] = Some(numbers);
    }
    Ok(held)
}

fn short(text: &str) -> String {
    text.chars().take(20).collect()
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding (RFC 4648).
fn encode(bytes: &[u8], text: &mut String) {
    for part in bytes.chunks(3) {
        let byte = |i: usize| u32::from(part.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let sextet = (bits >> (18 - 6 * i)) & 63;
            text.push(if i > part.len() { '=' } else { char::from(ALPHABET[sextet as usize]) });
        }
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let body = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - body.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut num_bits) = (0_u32, 0);
    for symbol in body.bytes() {
        let sextet = ALPHABET.iter().position(|s| *s == symbol)?;
        bits = (bits << 6 | sextet as u32) & 0xFFFF;
        num_bits += 6;
        if num_bits >= 8 {
            num_bits -= 8;
            bytes.push((bits >> num_bits) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latent(space: Space, data: &[f32]) -> Latent {
        Latent { space, dim: 2, data: data.to_vec() }
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        // RFC 4648, section 10.
        let vectors = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (bytes, expected) in vectors {
            let mut text = String::new();
            encode(bytes.as_bytes(), &mut text);
            assert_eq!(text, expected);
            assert_eq!(decode(expected).as_deref(), Some(bytes.as_bytes()));
        }
        let all: Vec<u8> = (0..=255).collect();
        let mut text = String::new();
        encode(&all, &mut text);
        assert_eq!(decode(&text), Some(all));
        for wrong in ["Z", "Zg=", "Zg", "Z===", "Zm9?", "Zm9vYg==Zg=="] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_kept_is_read_again_to_the_bit() {
        let mut slots = Slots::default();
        assert_eq!(slots.keepsake(), None);
        let odd = [0.1, -0.0, f32::MIN_POSITIVE, f32::MAX];
        slots.store(&latent(Space::WPlus, &odd), 3);
        slots.store(&latent(Space::WPlus, &[1.0; 4]), 0);
        let Some(ParamValue::Text(text)) = slots.keepsake() else { panic!("nothing to keep") };
        assert!(text.starts_with("w+ 2 0=AACAPwAAgD8AAIA/AACAPw== 3="), "{text}");
        assert_eq!(slots.keepsake(), None, "once");
        let read = Slots::read(&text).unwrap();
        let bits = |slots: &Slots| -> Vec<u32> {
            slots.held.slots.iter().flatten().flatten().map(|v| v.to_bits()).collect()
        };
        assert_eq!((bits(&read), read.held.shape), (bits(&slots), slots.held.shape));
        slots.clear();
        assert_eq!(slots.keepsake(), Some(ParamValue::Text(String::new())));
    }

    #[test]
    fn bad_texts_are_told() {
        for (text, said) in [
            ("q 2 0=AACAPwAAgD8=", "space"),
            ("z", "length"),
            ("z 0 0=AACAPw==", "length"),
            ("z 99999999 0=AACAPw==", "length"),
            ("z 2 AACAPwAAgD8=", "slot"),
            ("z 2 256=AACAPwAAgD8=", "slot"),
            ("z 2 0=AACAPwAAgD", "base64"),
            ("z 2 0=AACAPw==", "like the others"),
            ("z 1 0=AACAPw== 1=AACAPwAAgD8=", "like the others"),
            ("z 1 0=AADAfw==", "like the others"),
        ] {
            let why = Slots::read(text).unwrap_err();
            assert!(why.contains(said) && why.contains("leave it"), "{text}: {why}");
        }
        assert_eq!(Slots::read("  ").unwrap().len(), 0);
    }

    #[test]
    fn a_patch_that_keeps_changes_nothing_and_one_that_says_otherwise_counts() {
        let mut live = Slots::read("").unwrap();
        live.store(&latent(Space::Z, &[1.0, 2.0]), 0);
        let Some(ParamValue::Text(text)) = live.keepsake() else { panic!("nothing to keep") };
        live.store(&latent(Space::Z, &[3.0, 4.0]), 1);
        let held = live.held.clone();
        // Neither the patch as it was nor what it was asked to keep takes anything away.
        for document in ["", &text, &text] {
            live.follow(&mut Slots::read(document).unwrap());
            assert_eq!(live.held, held);
        }
        assert!(live.keepsake().is_some(), "what came after it is still to be told");
        // An editor that had not seen the latest saves what it has: nothing is lost.
        live.follow(&mut Slots::read(&text).unwrap());
        assert_eq!(live.held, held);
        live.store(&latent(Space::Z, &[5.0, 6.0]), 2);
        let Some(ParamValue::Text(latest)) = live.keepsake() else { panic!("nothing to keep") };
        live.follow(&mut Slots::read(&latest).unwrap());
        assert_eq!(live.keepsake(), None, "the patch has it");
        live.follow(&mut Slots::read(&text).unwrap());
        assert_eq!(live.count(16), 3);
        assert_eq!(live.keepsake(), Some(ParamValue::Text(latest)), "the patch has it no more");
        let other = "z 2 5=AACAPwAAgD8=";
        live.follow(&mut Slots::read(other).unwrap());
        assert_eq!((live.count(16), live.is_used(5)), (1, true));
        assert_eq!(live.keepsake(), None, "the patch knows it");
        live.clear();
        live.reset();
        assert_eq!((live.count(16), live.is_used(5)), (1, true));
    }
}
