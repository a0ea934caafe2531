//! Where a running show is sent: files that a crash leaves playable, streams, virtual cameras.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use lumawire_core::{Clock, Fps};

use super::ffmpeg::{Ffmpeg, SharedChild, file_url, push};
use super::live_frames::LiveFrames;
use super::live_pipe::{Encoding, LivePipe};
use super::matroska::Shape;
use super::sequence::{is_folder, names_sequence, split_pattern};
use super::timeline::LiveWriter;
use super::video::bt709_args;
use super::{OutputError, folder_of, write_error};

/// Names that are tried where a name is taken.
const MAX_TAKES: u32 = 100_000;
/// Rounds odd sizes up with black: video has its colours in blocks of two by two.
const TO_EVEN: &str = "pad=ceil(iw/2)*2:ceil(ih/2)*2,";
/// What may be streamed to, and how ffmpeg packs it.
const SCHEMES: [(&str, &[&str]); 7] = [
    ("srt", MPEG_TS),
    ("udp", MPEG_TS),
    ("tcp", MPEG_TS),
    ("rtsp", RTSP),
    ("rtsps", RTSP),
    ("rtmp", FLV),
    ("rtmps", FLV),
];
const MPEG_TS: &[&str] = &["-f", "mpegts", "-muxdelay", "0", "-muxpreload", "0"];
const RTSP: &[&str] = &["-f", "rtsp", "-rtsp_transport", "tcp"];
/// A peer that takes nothing for 10 s is given up.
const FLV: &[&str] = &["-f", "flv", "-rw_timeout", "10000000"];

/// Where a running show is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A video with sound (`.mp4`, `.mov`, `.mkv`), or numbered PNG files with a WAV file (a folder,
    /// or a name such as `a_%05d.png`). What exists is not overwritten: another take gets a number.
    File(PathBuf),
    /// A stream in the network, H.264 and AAC.
    Stream(StreamUrl),
    /// A video device of Linux that takes pictures, such as v4l2loopback's; without sound.
    V4l2(PathBuf),
}

/// An address to stream to: `srt://`, `udp://`, `tcp://` (MPEG-TS), `rtsp://`, `rtsps://` or
/// `rtmp://`, `rtmps://`. Shown without the part that may hold a password or a stream's key.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamUrl {
    url: String,
    format_args: &'static [&'static str],
}

impl FromStr for StreamUrl {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        let known = SCHEMES.iter().find(|(name, _)| scheme.as_deref() == Some(name));
        let Some((name, format_args)) = known else {
            let names: Vec<_> = SCHEMES.iter().map(|(name, _)| format!("{name}://")).collect();
            let names = names.join(", ");
            return Err(format!("write it as an address that begins with one of {names}"));
        };
        if url.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err("an address holds no spaces; write them as %20".into());
        }
        let rest = url.get(name.len() + 3..).unwrap_or_default();
        let mut url = format!("{name}://{rest}");
        if *name == "udp" && !url.contains("pkt_size=") {
            // Seven packets of MPEG-TS: what fits into one of Ethernet.
            url.push_str(if url.contains('?') { "&pkt_size=1316" } else { "?pkt_size=1316" });
        }
        Ok(Self { url, format_args })
    }
}

impl fmt::Display for StreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.url.split_once("://").unwrap_or_default();
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        write!(f, "{scheme}://{host}")
    }
}

impl fmt::Debug for StreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamUrl({self})")
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) | Self::V4l2(path) => path.display().fmt(f),
            Self::Stream(url) => url.fmt(f),
        }
    }
}

/// An output that is open.
pub(crate) struct Opened {
    pub writer: Box<dyn LiveWriter>,
    /// What it is called: for a file, the name that it got.
    pub name: String,
    /// The program that can be ended if it hangs.
    pub child: Option<SharedChild>,
}

impl Target {
    /// Fails where it can be told before the first picture that nothing can be sent there.
    pub fn check(&self) -> Result<(), OutputError> {
        match self {
            Self::File(path) if names_sequence(path) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if is_folder(path) || split_pattern(&name).is_some() {
                    return Ok(());
                }
                let help = "needs one place for the number, such as `frames/%05d.png`".into();
                Err(OutputError::Unusable { path: path.clone(), help })
            }
            Self::File(path) => {
                file_format(path)?;
                let folder = folder_of(path);
                fs::read_dir(folder).map_err(|source| write_error(folder, source))?;
                check_ffmpeg()
            }
            Self::Stream(_) => check_ffmpeg(),
            Self::V4l2(path) => check_v4l2(path).and_then(|()| check_ffmpeg()),
        }
    }

    /// Whether it is watched as it comes, so that what is late is better left out.
    pub(crate) fn is_watched(&self) -> bool {
        !matches!(self, Self::File(_))
    }

    /// Opens it for pictures of `size_px`.
    pub(crate) fn open(&self, clock: Clock, size_px: (u32, u32)) -> Result<Opened, OutputError> {
        let shape = Shape { size_px, fps: clock.fps, rate_hz: clock.sample_rate_hz };
        if let Self::File(path) = self
            && names_sequence(path)
        {
            let path = free_sequence(path)?;
            let writer = Box::new(LiveFrames::create(&path, size_px, clock.sample_rate_hz)?);
            return Ok(Opened { writer, name: path.display().to_string(), child: None });
        }
        let encoding = self.encoding(clock.fps)?;
        let name = encoding.name.display().to_string();
        let pipe = LivePipe::start(shape, encoding)?;
        let child = pipe.child();
        Ok(Opened { writer: Box::new(pipe), name, child })
    }

    fn encoding(&self, fps: Fps) -> Result<Encoding, OutputError> {
        let (rate, second) = (format!("{}/{}", fps.num, fps.den), fps.hz().round().max(1.0));
        let mut args = Vec::new();
        push(&mut args, ["-map", "0:v:0", "-r", &rate]);
        args.extend(bt709_args(TO_EVEN));
        // A key picture a second: there a player can begin, and a broken file ends.
        let keys = ["-g".to_owned(), second.to_string(), "-pix_fmt".into(), "yuv420p".into()];
        match self {
            Self::File(path) => {
                let format = file_format(path)?;
                let path = free_file(path)?;
                push(&mut args, ["-map", "0:a:0", "-c:v", "libx264", "-preset", "veryfast"]);
                push(&mut args, ["-crf", "18", "-flush_packets", "1"]);
                push(&mut args, keys);
                push(&mut args, format);
                args.push(file_url(&path));
                Ok(Encoding { args, name: path, is_file: true, secret: None })
            }
            Self::Stream(url) => {
                push(&mut args, ["-map", "0:a:0", "-c:v", "libx264", "-preset", "veryfast"]);
                push(&mut args, ["-tune", "zerolatency", "-crf", "20"]);
                push(&mut args, ["-maxrate", "12M", "-bufsize", "6M"]);
                push(&mut args, keys);
                // Where sound is missing there is silence, so that it stays in step.
                push(&mut args, ["-c:a", "aac", "-b:a", "192k", "-af", "aresample=async=1"]);
                push(&mut args, ["-flush_packets", "1"]);
                push(&mut args, url.format_args);
                args.push(url.url.clone().into());
                let name = PathBuf::from(url.to_string());
                Ok(Encoding { args, name, is_file: false, secret: Some(url.url.clone()) })
            }
            Self::V4l2(path) => {
                push(&mut args, ["-pix_fmt", "yuv420p", "-f", "v4l2"]);
                args.push(path.into());
                Ok(Encoding { args, name: path.clone(), is_file: false, secret: None })
            }
        }
    }
}

/// Sound and container of a file that stays playable when it breaks off: Matroska is so by nature,
/// MP4 and QuickTime where they are written in fragments, one a key picture.
fn file_format(path: &Path) -> Result<&'static [&'static str], OutputError> {
    const FRAGMENTS: &str = "+frag_keyframe+delay_moov+default_base_moof";
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    match extension.as_str() {
        "mp4" => Ok(&["-c:a", "aac", "-b:a", "256k", "-movflags", FRAGMENTS, "-f", "mp4"]),
        "mov" => Ok(&["-c:a", "pcm_s24le", "-movflags", FRAGMENTS, "-f", "mov"]),
        "mkv" => Ok(&["-c:a", "flac", "-cluster_time_limit", "1000", "-f", "matroska"]),
        _ => {
            let help = format!(
                "`.{extension}` is no kind of file that can be recorded; use .mp4, .mov, .mkv, or \
                 a folder for .png files"
            );
            Err(OutputError::Unusable { path: path.into(), help })
        }
    }
}

/// `path`, or the first of `path-2`, `path-3` … that does not exist; an empty file then has the name.
fn free_file(path: &Path) -> Result<PathBuf, OutputError> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    first_free(path, |take| {
        let path = match take {
            1 => path.to_owned(),
            take => path.with_file_name(format!("{stem}-{take}.{extension}")),
        };
        OpenOptions::new().write(true).create_new(true).open(&path).map(|_| path)
    })
}

/// As [`free_file`], for a folder, or for the first file of a pattern.
fn free_sequence(path: &Path) -> Result<PathBuf, OutputError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if is_folder(path) {
        return first_free(path, |take| {
            let path = match take {
                1 => path.to_owned(),
                take => path.with_file_name(format!("{name}-{take}")),
            };
            let is_new = fs::create_dir_all(folder_of(&path)).and_then(|()| fs::create_dir(&path));
            match is_new {
                // An empty folder is as good as none.
                Err(e) if e.kind() == ErrorKind::AlreadyExists && is_empty(&path) => Ok(path),
                made => made.map(|()| path),
            }
        });
    }
    let (prefix, num_digits, suffix) = split_pattern(&name).unwrap_or((&name, 1, ".png"));
    first_free(path, |take| {
        let prefix = match take {
            1 => prefix.to_owned(),
            take => format!("{prefix}{take}_"),
        };
        let first = path.with_file_name(format!("{prefix}{:0num_digits$}{suffix}", 0));
        if first.exists() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        Ok(path.with_file_name(format!("{prefix}%0{num_digits}d{suffix}")))
    })
}

/// What `make` makes of the first number from 1 that is not taken.
fn first_free(
    path: &Path,
    make: impl Fn(u32) -> std::io::Result<PathBuf>,
) -> Result<PathBuf, OutputError> {
    for take in 1..=MAX_TAKES {
        match make(take) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            made => return made.map_err(|source| write_error(path, source)),
        }
    }
    let help = format!("exists, and so do {MAX_TAKES} takes of it; choose another name");
    Err(OutputError::Unusable { path: path.into(), help })
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

fn check_ffmpeg() -> Result<(), OutputError> {
    let version: [OsString; 1] = ["-version".into()];
    // Whatever it says of itself, it is there.
    Ffmpeg::from_env().run(&version).map(|_| ())
}

/// Whether `path` is a video device. Whether it takes pictures, ffmpeg finds out.
#[cfg(target_os = "linux")]
fn check_v4l2(path: &Path) -> Result<(), OutputError> {
    use std::os::unix::fs::FileTypeExt;
    let wrong = |help: &str| Err(OutputError::Unusable { path: path.into(), help: help.into() });
    let Ok(metadata) = fs::metadata(path) else {
        return wrong(
            "does not exist; load v4l2loopback (`sudo modprobe v4l2loopback`) and see \
             `v4l2-ctl --list-devices` for the device that it makes",
        );
    };
    let name = fs::canonicalize(path).unwrap_or_else(|_| path.into());
    let name = name.file_name().unwrap_or_default().to_owned();
    let is_known = Path::new("/sys/class/video4linux").join(name).exists();
    if !metadata.file_type().is_char_device() || !is_known {
        return wrong("is no video device; name one such as /dev/video0");
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn check_v4l2(path: &Path) -> Result<(), OutputError> {
    let help = "video devices that take pictures are a thing of Linux; stream by --stream instead";
    Err(OutputError::Unusable { path: path.into(), help: help.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_take_gets_a_number() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["show.mkv", "show-2.mkv", "show-3.mkv"] {
            assert_eq!(free_file(&at("show.mkv")).unwrap(), at(name));
        }
        fs::create_dir(at("empty")).unwrap();
        assert_eq!(free_sequence(&at("empty")).unwrap(), at("empty"));
        for name in ["frames", "frames-2"] {
            let folder = free_sequence(&at("frames")).unwrap();
            assert_eq!(folder, at(name));
            fs::write(folder.join("frame_00000.png"), "x").unwrap();
        }
        for (pattern, first) in [("a_%03d.png", "a_000.png"), ("a_2_%03d.png", "a_2_000.png")] {
            assert_eq!(free_sequence(&at("a_%03d.png")).unwrap(), at(pattern));
            fs::write(at(first), "x").unwrap();
        }
    }

    #[test]
    fn addresses_are_told_from_everything_else_and_keep_their_secrets() {
        for (url, shown) in [
            ("srt://stage.example:9000?passphrase=secret99", "srt://stage.example:9000"),
            ("RTMP://live.example/app/key-1234", "rtmp://live.example"),
            ("rtsp://user:word@10.0.0.7:8554/show", "rtsp://10.0.0.7:8554"),
            ("udp://239.0.0.1:5000", "udp://239.0.0.1:5000"),
        ] {
            let parsed: StreamUrl = url.parse().unwrap();
            assert_eq!(parsed.to_string(), shown);
            assert!(format!("{parsed:?}").ends_with(&format!("({shown})")));
        }
        for wrong in ["", "-y", "file:///etc/passwd", "http://x", "/dev/null", "udp:x", "udp://a b"]
        {
            assert!(wrong.parse::<StreamUrl>().is_err(), "{wrong}");
        }
        let udp: StreamUrl = "udp://h:1?ttl=2".parse().unwrap();
        assert_eq!(udp.url, "udp://h:1?ttl=2&pkt_size=1316");
    }

    #[test]
    fn what_cannot_be_sent_to_says_so_before_the_show() {
        let dir = tempfile::tempdir().unwrap();
        for (target, expected) in [
            (Target::File(dir.path().join("x.avi")), ".mp4, .mov, .mkv"),
            (Target::File(dir.path().join("x_%s.png")), "%05d"),
            (Target::File(dir.path().join("no/x.mp4")), "check the folder"),
            #[cfg(target_os = "linux")]
            (Target::V4l2(dir.path().join("video0")), "modprobe v4l2loopback"),
            #[cfg(target_os = "linux")]
            (Target::V4l2("/dev/null".into()), "is no video device"),
        ] {
            let error = target.check().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(is_empty(dir.path()), "nothing was left behind");
        Target::File(dir.path().join("x.mp4")).check().unwrap();
    }
}
