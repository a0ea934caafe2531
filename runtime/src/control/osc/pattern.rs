//! Address patterns, as OSC 1.0 defines them. The OSC library's own let a class match several
//! characters, and a star no empty text.

/// An address pattern: `?` is one character, `*` any number of them, `[a-c]` one of several, `[!a-c]`
/// one of the others, `{foo,bar}` one of several texts; none of them crosses a `/`.
pub(super) struct Pattern {
    parts: Vec<Vec<Piece>>,
}

enum Piece {
    Text(Vec<u8>),
    One,
    Any,
    Class { ranges: Vec<(u8, u8)>, is_negated: bool },
    Choice(Vec<Vec<u8>>),
}

impl Pattern {
    /// Reads a pattern; `None` where it is none.
    pub fn new(text: &str) -> Option<Self> {
        let parts = text.strip_prefix('/')?.split('/');
        parts.map(|part| pieces(part.as_bytes())).collect::<Option<_>>().map(|parts| Self { parts })
    }

    /// Whether an address fits.
    pub fn fits(&self, address: &str) -> bool {
        let Some(address) = address.strip_prefix('/') else { return false };
        let mut parts = address.split('/');
        let fit = self
            .parts
            .iter()
            .all(|pieces| parts.next().is_some_and(|part| fits_part(pieces, part.as_bytes())));
        fit && parts.next().is_none()
    }
}

fn pieces(mut part: &[u8]) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    while let Some((first, rest)) = part.split_first() {
        part = rest;
        let mut upto = |end: u8| {
            let len = part.iter().position(|b| *b == end)?;
            let inside = part.get(..len)?;
            part = part.get(len + 1..)?;
            Some(inside)
        };
        let piece = match first {
            b'?' => Piece::One,
            b'*' => Piece::Any,
            b'[' => class(upto(b']')?),
            b'{' => Piece::Choice(upto(b'}')?.split(|b| *b == b',').map(<[u8]>::to_vec).collect()),
            b']' | b'}' => return None,
            other => {
                if let Some(Piece::Text(text)) = pieces.last_mut() {
                    text.push(*other);
                    continue;
                }
                Piece::Text(vec![*other])
            }
        };
        pieces.push(piece);
    }
    Some(pieces)
}

fn class(inside: &[u8]) -> Piece {
    let (is_negated, mut rest) = match inside.strip_prefix(b"!") {
        Some(rest) => (true, rest),
        None => (false, inside),
    };
    let mut ranges = Vec::new();
    loop {
        rest = match rest {
            [low, b'-', high, after @ ..] => {
                ranges.push((*low.min(high), *low.max(high)));
                after
            }
            [one, after @ ..] => {
                ranges.push((*one, *one));
                after
            }
            [] => return Piece::Class { ranges, is_negated },
        };
    }
}

/// Follows all ways at once: `reached[i]` says whether the pieces so far can end before byte `i`.
fn fits_part(pieces: &[Piece], text: &[u8]) -> bool {
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for piece in pieces {
        let mut next = vec![false; text.len() + 1];
        for i in (0..=text.len()).filter(|i| reached[*i]) {
            let rest = text.get(i..).unwrap_or_default();
            let mut reach = |len: usize| {
                if let Some(slot) = next.get_mut(i + len) {
                    *slot = true;
                }
            };
            match piece {
                Piece::Text(text) if rest.starts_with(text) => reach(text.len()),
                Piece::One if !rest.is_empty() => reach(1),
                Piece::Any => {
                    next[i..].fill(true);
                    break;
                }
                Piece::Class { ranges, is_negated } => {
                    let is_in = |b: &u8| ranges.iter().any(|(low, high)| (low..=high).contains(&b));
                    if rest.first().is_some_and(|b| is_in(b) != *is_negated) {
                        reach(1);
                    }
                }
                Piece::Choice(texts) => {
                    let found = texts.iter().filter(|text| rest.starts_with(text));
                    found.for_each(|text| reach(text.len()));
                }
                Piece::Text(_) | Piece::One => {}
            }
        }
        reached = next;
    }
    reached[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_osc_says() {
        for (pattern, fit, unfit) in [
            ("/a/?", &["/a/b", "/a/c"][..], &["/a/", "/a/bc", "/a", "/a/b/c"][..]),
            ("/a*", &["/a", "/ab", "/abc"], &["/b", "/a/b", "a"]),
            ("/*a*b*", &["/ab", "/xaybz", "/aab"], &["/ba", "/a/b"]),
            ("/[a-c]x", &["/ax", "/cx"], &["/dx", "/abx", "/x"]),
            ("/[!a-c]", &["/d", "/-"], &["/a", "/", "/dd"]),
            ("/[a-]", &["/a", "/-"], &["/b"]),
            ("/[c-a]", &["/b"], &["/d"]),
            ("/{foo,bar}1", &["/foo1", "/bar1"], &["/foo", "/foobar1", "/1"]),
            ("/{a,ab}c", &["/ac", "/abc"], &["/abb"]),
            ("/*/*", &["/a/b"], &["/a", "/a/b/c"]),
        ] {
            let read = Pattern::new(pattern).unwrap();
            fit.iter().for_each(|address| assert!(read.fits(address), "{pattern} {address}"));
            unfit.iter().for_each(|address| assert!(!read.fits(address), "{pattern} {address}"));
        }
        for nonsense in ["", "a", "/[a", "/{a", "/a]", "/}"] {
            assert!(Pattern::new(nonsense).is_none(), "{nonsense}");
        }
    }

    #[test]
    fn many_stars_take_no_longer() {
        let pattern = Pattern::new(&format!("/{}b", "*a".repeat(100))).unwrap();
        assert!(!pattern.fits(&format!("/{}", "a".repeat(250))));
    }
}
