//! Bytes to messages, with the time at which they count.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rosc::{OscMessage, OscPacket, OscTime};

/// Bundles in bundles, and arrays in arrays, that are followed: what is deeper is no work of a
/// person's, and would only use up the stack.
const MAX_DEPTH: usize = 8;
/// Seconds from 1900, from which time tags count, to 1970.
const SECS_TO_1970: u64 = 2_208_988_800;

/// When a message counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Now,
    In(Duration),
    /// It should have come so long ago.
    Late(Duration),
}

/// Reads a packet and gives its messages to `take`, in their order. Returns whether it was sound;
/// what came before a fault was not given either.
pub(super) fn read(bytes: &[u8], mut take: impl FnMut(OscMessage, When)) -> bool {
    if !is_shallow(bytes, 0) {
        return false;
    }
    match rosc::decoder::decode_udp(bytes) {
        Ok((_, packet)) => {
            walk(packet, When::Now, &mut take);
            true
        }
        Err(_) => false,
    }
}

fn walk(packet: OscPacket, when: When, take: &mut impl FnMut(OscMessage, When)) {
    match packet {
        OscPacket::Message(message) => take(message, when),
        OscPacket::Bundle(bundle) => {
            let when = due(bundle.timetag, SystemTime::now());
            bundle.content.into_iter().for_each(|packet| walk(packet, when, take));
        }
    }
}

/// When a time tag means. Seconds are counted modulo 2³², so that the tags of 2036, when they begin
/// again at 0, are still understood.
pub(super) fn due(tag: OscTime, now: SystemTime) -> When {
    if (tag.seconds, tag.fractional) == (0, 1) {
        return When::Now;
    }
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_secs = now.as_secs().wrapping_add(SECS_TO_1970) as u32;
    let secs = i64::from(tag.seconds.wrapping_sub(now_secs) as i32);
    let tag_nanos = (u64::from(tag.fractional) * 1_000_000_000) >> 32;
    let nanos = secs * 1_000_000_000 + tag_nanos as i64 - i64::from(now.subsec_nanos());
    let apart = Duration::from_nanos(nanos.unsigned_abs());
    if nanos >= 0 { When::In(apart) } else { When::Late(apart) }
}

/// Whether the packet nests bundles and arrays no deeper than is followed. Whether it is sound
/// otherwise is the decoder's to find.
fn is_shallow(bytes: &[u8], depth: usize) -> bool {
    let Some(mut rest) = bytes.strip_prefix(b"#bundle\0") else { return has_flat_arrays(bytes) };
    if depth >= MAX_DEPTH {
        return false;
    }
    rest = rest.get(8..).unwrap_or_default();
    while let Some((len, after)) = rest.split_first_chunk::<4>() {
        let len = u32::from_be_bytes(*len) as usize;
        let Some(element) = after.get(..len) else { return false };
        if !is_shallow(element, depth + 1) {
            return false;
        }
        rest = after.get(len..).unwrap_or_default();
    }
    true
}

fn has_flat_arrays(message: &[u8]) -> bool {
    let end = message.iter().position(|b| *b == 0).unwrap_or(message.len());
    let tags = message.get(end..).unwrap_or_default();
    let tags = tags.iter().skip_while(|b| **b == 0).take_while(|b| **b != 0);
    let mut depth = 0_usize;
    for tag in tags {
        match tag {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rosc::{OscBundle, OscType, encoder};

    use super::*;

    fn message(addr: &str) -> OscPacket {
        OscPacket::Message(OscMessage { addr: addr.into(), args: vec![OscType::Float(0.5)] })
    }

    fn bundle(timetag: OscTime, content: Vec<OscPacket>) -> OscPacket {
        OscPacket::Bundle(OscBundle { timetag, content })
    }

    const NOW: OscTime = OscTime { seconds: 0, fractional: 1 };

    fn taken(bytes: &[u8]) -> Option<Vec<(String, When)>> {
        let mut all = Vec::new();
        read(bytes, |message, when| all.push((message.addr, when))).then_some(all)
    }

    #[test]
    fn bundles_give_their_messages_in_turn() {
        let inner = bundle(NOW, vec![message("/b"), message("/c")]);
        let packet = bundle(NOW, vec![message("/a"), inner, message("/d")]);
        let all = taken(&encoder::encode(&packet).unwrap()).unwrap();
        let expected = ["/a", "/b", "/c", "/d"].map(|addr| (addr.to_owned(), When::Now));
        assert_eq!(all, expected);
    }

    #[test]
    fn time_tags_are_read_beyond_2036() {
        // 2026-01-01 is 3,976,214,400 seconds after 1900.
        let now = UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        let at = |seconds, fractional| due(OscTime { seconds, fractional }, now);
        assert_eq!(at(0, 1), When::Now);
        assert_eq!(at(3_976_214_400, 1 << 31), When::In(Duration::from_millis(500)));
        assert_eq!(at(3_976_214_399, 1 << 30), When::Late(Duration::from_millis(750)));
        let turn = UNIX_EPOCH + Duration::from_secs((1 << 32) - SECS_TO_1970 - 1);
        let tag = OscTime { seconds: 2, fractional: 0 };
        assert_eq!(due(tag, turn), When::In(Duration::from_secs(3)));
    }

    #[test]
    fn what_nests_too_deep_is_refused() {
        let mut deep = message("/a");
        for _ in 0..MAX_DEPTH {
            deep = bundle(NOW, vec![deep]);
        }
        assert!(taken(&encoder::encode(&deep).unwrap()).is_some());
        deep = bundle(NOW, vec![deep]);
        assert!(taken(&encoder::encode(&deep).unwrap()).is_none());
        // As deep as a datagram can be.
        let mut bytes = Vec::new();
        for level in (0..3_200_u32).rev() {
            bytes.extend_from_slice(b"#bundle\0\0\0\0\0\0\0\0\x01");
            bytes.extend_from_slice(&(level * 20).to_be_bytes());
        }
        assert!(taken(&bytes).is_none());
        let mut arrays = b"/a\0\0,".to_vec();
        arrays.extend([b'['; 32_000]);
        arrays.extend([b']'; 32_000]);
        arrays.extend([0; 3]);
        assert!(taken(&arrays).is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = taken(&bytes);
        }

        #[test]
        fn no_damage_does_harm(at in 0_usize..80, with in any::<u8>()) {
            let packet = bundle(NOW, vec![message("/a/b"), bundle(NOW, vec![message("/c")])]);
            let mut bytes = encoder::encode(&packet).unwrap();
            let len = bytes.len();
            bytes[at % len] = with;
            let _ = taken(&bytes);
        }
    }
}
