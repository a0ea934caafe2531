//! 32-bit float WAV files of any length: RIFF/WAVE, and RF64 beyond 4 GiB (EBU Tech 3306). While one
//! is written its sizes say that it goes on to the end of the file.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// What a size of 32 bits says where it is not known.
const OPEN: u32 = u32::MAX;
/// Bytes of the chunk that keeps room for RF64's sizes.
const SIZES_LEN: u32 = 28;
const BYTES_PER_SAMPLE: u64 = 4;
/// The most channels that are read.
pub(super) const MAX_CHANNELS: usize = 1_024;
/// Chunks that may lie before the samples.
const MAX_CHUNKS: usize = 64;
const FORMAT_FLOAT: u16 = 3;
const FORMAT_EXTENSIBLE: u16 = 0xFFFE;
/// The rest of the format's identifier after its number (RFC 2361).
const GUID_TAIL: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];

/// A file that is written.
pub(crate) struct WavWriter {
    file: File,
    num_channels: usize,
    rate_hz: u32,
    num_bytes: u64,
}

impl WavWriter {
    /// Begins a file, which must not be there.
    pub fn create(path: &Path, num_channels: usize, rate_hz: u32) -> io::Result<Self> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(&header(num_channels, rate_hz, None))?;
        Ok(Self { file, num_channels, rate_hz, num_bytes: 0 })
    }

    pub fn num_channels(&self) -> usize {
        self.num_channels
    }

    /// Appends samples, interleaved, as little-endian bytes.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.num_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Writes the sizes.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&header(self.num_channels, self.rate_hz, Some(self.num_bytes)))?;
        self.file.sync_all()
    }
}

/// The same number of bytes for whatever `num_bytes`.
fn header(num_channels: usize, rate_hz: u32, num_bytes: Option<u64>) -> Vec<u8> {
    let frame_len = BYTES_PER_SAMPLE as u32 * num_channels as u32;
    let is_plain = num_channels <= 2;
    let format_len: u32 = if is_plain { 16 } else { 40 };
    let before_data = 4 + (8 + SIZES_LEN) + (8 + format_len) + 8;
    let riff_len = num_bytes.map(|n| n + u64::from(before_data));
    let short = |len: Option<u64>| len.and_then(|n| u32::try_from(n).ok()).unwrap_or(OPEN);
    let long = riff_len.filter(|n| *n >= u64::from(OPEN));
    let mut bytes = Vec::with_capacity(before_data as usize + 8);
    let mut put = |part: &[u8]| bytes.extend_from_slice(part);
    put(if long.is_some() { b"RF64" } else { b"RIFF" });
    put(&short(riff_len.filter(|_| long.is_none())).to_le_bytes());
    put(b"WAVE");
    put(if long.is_some() { b"ds64" } else { b"JUNK" });
    put(&SIZES_LEN.to_le_bytes());
    let data_len = num_bytes.filter(|_| long.is_some()).unwrap_or(0);
    put(&long.unwrap_or(0).to_le_bytes());
    put(&data_len.to_le_bytes());
    put(&(data_len / u64::from(frame_len.max(1))).to_le_bytes());
    put(&0_u32.to_le_bytes());
    put(b"fmt ");
    put(&format_len.to_le_bytes());
    put(&(if is_plain { FORMAT_FLOAT } else { FORMAT_EXTENSIBLE }).to_le_bytes());
    put(&(num_channels as u16).to_le_bytes());
    put(&rate_hz.to_le_bytes());
    put(&rate_hz.saturating_mul(frame_len).to_le_bytes());
    put(&(frame_len as u16).to_le_bytes());
    put(&32_u16.to_le_bytes());
    if !is_plain {
        put(&22_u16.to_le_bytes());
        put(&32_u16.to_le_bytes());
        put(&0_u32.to_le_bytes()); // no place for any channel
        put(&FORMAT_FLOAT.to_le_bytes());
        put(&GUID_TAIL);
    }
    put(b"data");
    put(&short(num_bytes.filter(|_| long.is_none())).to_le_bytes());
    bytes
}

/// A file that is read from its first sample on.
pub(super) struct WavReader {
    file: BufReader<File>,
    pub num_channels: usize,
    pub rate_hz: u32,
    /// Samples a channel that are left.
    pub num_left: u64,
}

impl WavReader {
    /// Opens a file. What was written of one that was not finished counts; errors say what is wrong.
    pub fn open(path: &Path) -> Result<Self, String> {
        Self::read(path).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => "ends within its header".to_owned(),
            _ => error.to_string(),
        })
    }

    fn read(path: &Path) -> io::Result<Self> {
        let fault = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
        let file = File::open(path)?;
        if !file.metadata()?.is_file() {
            return Err(fault("is no regular file"));
        }
        let file_len = file.metadata()?.len();
        let mut file = BufReader::new(file);
        let [kind, _, wave] = words(&mut file)?;
        if !matches!(&kind, b"RIFF" | b"RF64") || &wave != b"WAVE" {
            return Err(fault("is no WAV file"));
        }
        let (mut long_len, mut format) = (None, None);
        for _ in 0..MAX_CHUNKS {
            let [kind, len] = words(&mut file)?;
            let len = u32::from_le_bytes(len);
            match &kind {
                b"data" => {
                    let (num_channels, rate_hz) =
                        format.ok_or_else(|| fault("has samples before their format"))?;
                    let there = file_len.saturating_sub(file.stream_position()?);
                    let said = if len == OPEN { long_len } else { Some(u64::from(len)) };
                    let num_bytes = there.min(said.unwrap_or(there));
                    let num_left = num_bytes / (BYTES_PER_SAMPLE * num_channels as u64);
                    return Ok(Self { file, num_channels, rate_hz, num_left });
                }
                b"ds64" if len >= SIZES_LEN => {
                    let [_, _, low, high] = words(&mut file)?;
                    let low = u64::from(u32::from_le_bytes(low));
                    long_len = Some(low | u64::from(u32::from_le_bytes(high)) << 32);
                    skip(&mut file, u64::from(len) - 16)?;
                }
                b"fmt " if len >= 16 => {
                    format = Some(read_format(&mut file, len).ok_or_else(|| {
                        fault("holds no 32-bit float sound of 1 to 1024 channels")
                    })?);
                }
                _ => skip(&mut file, u64::from(len))?,
            }
        }
        Err(fault("has no samples among its first chunks"))
    }

    /// The next `out.len() / num_channels` samples, interleaved.
    pub fn samples(&mut self, bytes: &mut Vec<u8>, num: usize) -> io::Result<()> {
        bytes.resize(num * self.num_channels * BYTES_PER_SAMPLE as usize, 0);
        self.file.read_exact(bytes)?;
        self.num_left -= num as u64;
        Ok(())
    }
}

fn words<const N: usize>(file: &mut impl Read) -> io::Result<[[u8; 4]; N]> {
    let mut words = [[0; 4]; N];
    for word in &mut words {
        file.read_exact(word)?;
    }
    Ok(words)
}

/// Chunks are filled up to an even length.
fn skip(file: &mut BufReader<File>, len: u64) -> io::Result<()> {
    file.seek_relative((len + len % 2) as i64)
}

/// Channels and sample rate, if they are such as are written here.
fn read_format(file: &mut BufReader<File>, len: u32) -> Option<(usize, u32)> {
    let [kind, rate, _, layout] = words(file).ok()?;
    let half = |word: [u8; 4], i: usize| u16::from_le_bytes([word[i], word[i + 1]]);
    let (mut format, num_channels) = (half(kind, 0), usize::from(half(kind, 2)));
    let mut left = u64::from(len) - 16;
    if format == FORMAT_EXTENSIBLE && left >= 12 {
        let [_, _, guid] = words(file).ok()?;
        format = half(guid, 0);
        left -= 12;
    }
    skip(file, left).ok()?;
    let is_ours = format == FORMAT_FLOAT
        && half(layout, 2) == 32
        && usize::from(half(layout, 0)) == num_channels * BYTES_PER_SAMPLE as usize
        && (1..=MAX_CHANNELS).contains(&num_channels);
    is_ours.then(|| (num_channels, u32::from_le_bytes(rate)))
}

#[cfg(test)]
mod tests {
    use lumawire_core::AudioBlock;

    use super::*;
    use crate::transport::AudioFile;
    use crate::transport::testing::{read_all, run};

    fn numbers(n: usize) -> Vec<u8> {
        (0..n).flat_map(|i| (i as f32 / 1_024.0 - 0.5).to_le_bytes()).collect()
    }

    #[test]
    fn others_read_what_is_written() {
        let dir = tempfile::tempdir().unwrap();
        for num_channels in [1, 2, 5] {
            let path = dir.path().join(format!("{num_channels}.wav"));
            let mut writer = WavWriter::create(&path, num_channels, 44_100).unwrap();
            let bytes = numbers(100 * num_channels);
            writer.write(&bytes).unwrap();
            let args = ["-i", path.to_str().unwrap(), "-f", "f32le", "-"];
            assert_eq!(run("ffmpeg", &args), bytes, "while it is written");
            writer.finish().unwrap();
            assert_eq!(run("ffmpeg", &args), bytes);
            let mut file = AudioFile::open(&path, 44_100.try_into().unwrap()).unwrap();
            let read: AudioBlock = read_all(&mut file, 64);
            let sample = |i: usize| f32::from_le_bytes(*bytes[4 * i..].first_chunk().unwrap());
            assert_eq!((read.num_channels(), read.len()), (num_channels, 100));
            for c in 0..num_channels {
                let expected: Vec<f32> = (0..100).map(|i| sample(i * num_channels + c)).collect();
                assert_eq!(read.channel(c), expected);
            }
        }
    }

    #[test]
    fn a_long_file_is_rf64() {
        let len = 5_u64 << 30;
        let long = header(2, 48_000, Some(len));
        assert_eq!(long.len(), header(2, 48_000, None).len());
        assert_eq!((&long[..4], &long[12..16]), (&b"RF64"[..], &b"ds64"[..]));
        assert_eq!(long[28..36], len.to_le_bytes());
        assert_eq!(long[36..44], (len / 8).to_le_bytes());
        // The sizes of 64 bits count, and no more than is there.
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("long.wav");
        std::fs::write(&path, [&long[..], &numbers(6)].concat()).unwrap();
        assert_eq!(WavReader::open(&path).unwrap().num_left, 3);
    }

    #[test]
    fn what_was_written_before_the_end_is_read_and_damage_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        for num_channels in [1, 3] {
            let whole = [header(num_channels, 8_000, None), numbers(30)].concat();
            let start = whole.len() - 120;
            for len in 0..whole.len() {
                std::fs::write(&path, &whole[..len]).unwrap();
                match WavReader::open(&path) {
                    Ok(reader) => {
                        let expected = (len - start) / (4 * num_channels);
                        assert_eq!(reader.num_left, expected as u64);
                    }
                    Err(why) => assert!(len < start, "{why}"),
                }
            }
            for i in 0..start {
                let mut damaged = whole.clone();
                damaged[i] ^= 0x5A;
                std::fs::write(&path, &damaged).unwrap();
                // Anything but a panic.
                let _ = WavReader::open(&path);
            }
        }
    }
}
