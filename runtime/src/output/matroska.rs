//! Raw pictures and sound in one stream, for ffmpeg to read from a pipe: Matroska (RFC 9559) in its
//! simplest form, unbounded, a block a cluster.
//!
//! One pipe instead of two, so that neither side can wait for the other, and so that every picture
//! and sample carries its time.

use lumawire_core::Fps;

/// Channels of the sound.
pub(super) const NUM_CHANNELS: usize = 2;
/// Track of the pictures.
const PICTURES: u8 = 1;
/// Track of the sound.
const SOUND: u8 = 2;
/// Units of the stream's clock, in a second.
const TICKS_HZ: u128 = 1_000_000;
/// Eight bytes of length that say: unknown.
const UNKNOWN_LEN: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

/// What the stream holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    /// RGBA8 pictures of this size.
    pub size_px: (u32, u32),
    /// So many of them a second.
    pub fps: Fps,
    /// Two channels of f32 at this rate.
    pub rate_hz: u32,
}

/// The stream's head.
pub(super) fn head(shape: Shape) -> Vec<u8> {
    let (width_px, height_px) = shape.size_px;
    let frame_ns = 1e9 / shape.fps.hz();
    let file = [element(&[0x42, 0x82], b"matroska"), number(&[0x42, 0x87], 4)];
    let read = number(&[0x42, 0x85], 2);
    let info = [
        number(&[0x2a, 0xd7, 0xb1], 1_000_000_000 / TICKS_HZ as u64),
        element(&[0x4d, 0x80], b"lumawire"),
        element(&[0x57, 0x41], b"lumawire"),
    ];
    let video = [
        number(&[0xb0], width_px.into()),
        number(&[0xba], height_px.into()),
        element(&[0x2e, 0xb5, 0x24], b"RGBA"),
    ];
    let pictures = [
        track(PICTURES, 1, b"V_UNCOMPRESSED"),
        number(&[0x23, 0xe3, 0x83], frame_ns.round() as u64),
        element(&[0xe0], &video.concat()),
    ];
    let audio = [
        element(&[0xb5], &f64::from(shape.rate_hz).to_be_bytes()),
        number(&[0x9f], NUM_CHANNELS as u64),
        number(&[0x62, 0x64], 32),
    ];
    let sound = [track(SOUND, 2, b"A_PCM/FLOAT/IEEE"), element(&[0xe1], &audio.concat())];
    let tracks = [element(&[0xae], &pictures.concat()), element(&[0xae], &sound.concat())].concat();
    let segment = [&[0x18, 0x53, 0x80, 0x67][..], &UNKNOWN_LEN].concat();
    [
        element(&[0x1a, 0x45, 0xdf, 0xa3], &[file.concat(), read].concat()),
        segment,
        element(&[0x15, 0x49, 0xa9, 0x66], &info.concat()),
        element(&[0x16, 0x54, 0xae, 0x6b], &tracks),
    ]
    .concat()
}

/// What stands before the `num_bytes` of picture `n`.
pub(super) fn picture_head(shape: Shape, n: u64, num_bytes: usize) -> Vec<u8> {
    let Fps { num, den } = shape.fps;
    block_head(PICTURES, ticks(u128::from(n) * u128::from(den), num.into()), num_bytes)
}

/// What stands before the `num_bytes` of sound that begin with sample `first`.
pub(super) fn sound_head(shape: Shape, first: u64, num_bytes: usize) -> Vec<u8> {
    block_head(SOUND, ticks(first.into(), shape.rate_hz.into()), num_bytes)
}

/// `n/rate_hz` seconds, rounded.
fn ticks(n: u128, rate_hz: u128) -> u64 {
    let rate_hz = rate_hz.max(1);
    u64::try_from((n * TICKS_HZ + rate_hz / 2) / rate_hz).unwrap_or(u64::MAX)
}

/// A cluster with its time, and in it a block at that time.
fn block_head(track: u8, ticks: u64, num_bytes: usize) -> Vec<u8> {
    // The track, no distance from the cluster's time, and that it stands for itself.
    let head = [0x80 | track, 0, 0, 0x80];
    let cluster = [&[0x1f, 0x43, 0xb6, 0x75][..], &UNKNOWN_LEN].concat();
    let len = length((head.len() + num_bytes) as u64);
    [&cluster[..], &number(&[0xe7], ticks), &[0xa3], &len, &head].concat()
}

fn track(number_of: u8, kind: u64, codec: &[u8]) -> Vec<u8> {
    let id = number(&[0xd7], number_of.into());
    let uid = number(&[0x73, 0xc5], number_of.into());
    [id, uid, number(&[0x83], kind), element(&[0x86], codec)].concat()
}

fn number(id: &[u8], value: u64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
    [id, &length(content.len() as u64), content].concat()
}

/// A length in eight bytes; up to 2^56 - 2.
fn length(len: u64) -> [u8; 8] {
    (len | 1 << 56).to_be_bytes()
}
