//! The ffmpeg program as a child that decodes one file.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use lumawire_core::{HostImage, Pixels};

/// Pixels of the largest frame: 4096 × 4096.
const MAX_PIXELS: u64 = 1 << 24;
/// An ffmpeg that has said nothing for so long will not: a disk or a share that is gone can hold it
/// for good.
pub(super) const TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of ffmpeg's messages that are kept: the last ones say why it failed.
const MAX_LOG_BYTES: usize = 2_048;

/// The containers that are opened: each holds its pictures itself. Playlists and lists of files, which
/// could name other files, and descriptions that make pictures up, are none of them.
const FORMATS: &str = "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,ogg,flv,gif,apng,asf,mxf,dv,\
                       ivf,h264,hevc,m4v,nut";

/// To sRGB with alpha, pixels made square, and a line in the log about every frame before it comes.
const FILTERS: &str = "scale=w='max(1,round(iw*sar))':h=ih:flags=bicubic+accurate_rnd+full_chroma_int,\
                       setsar=1,format=rgba,showinfo=checksum=0";

/// What is told of an ffmpeg that was given up.
pub(super) const SILENCE: &str =
    "cannot be decoded: ffmpeg says nothing; does its disk or share answer?";

/// A decoded frame.
pub(super) struct Frame {
    /// When it begins, in the file's own time.
    pub file_secs: f64,
    pub picture: HostImage,
}

/// What is decoded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Part {
    /// All from a time on, counted from the container's start.
    From(f64),
    /// The first frame alone.
    First,
    /// The last seconds, without pixels.
    Tail(f64),
    /// All, without pixels.
    Times,
}

/// What ffmpeg says of itself and its frames.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Line {
    /// Where the container's time starts, in seconds.
    Start(f64),
    /// Seconds of a unit of the frames' time, and of a frame by the film's nominal rate.
    Unit(f64, Option<f64>),
    /// A frame: when it begins, in units, and its size.
    Frame(Option<i64>, u32, u32),
}

/// A child that can be killed from anywhere.
#[derive(Clone, Default)]
pub(super) struct Leash(Arc<Mutex<Option<Child>>>);

impl Leash {
    /// Ends the child, if one runs, without waiting for its end: one that waits for a disk takes its
    /// time.
    pub fn kill(&self) {
        let child = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut child) = child else { return };
        // Fails only if it has ended already.
        let _ = child.kill();
        if !matches!(child.try_wait(), Ok(Some(_))) {
            let wait = move || drop(child.wait());
            let _ = thread::Builder::new().name("lumawire-video-end".into()).spawn(wait);
        }
    }
}

/// A running ffmpeg. Dropped, it is killed.
pub(super) struct Run {
    leash: Leash,
    stdout: ChildStdout,
    lines: mpsc::Receiver<Line>,
    log: Arc<Mutex<String>>,
    unit_secs: f64,
    nominal_secs: Option<f64>,
    start_secs: f64,
    last_secs: Option<f64>,
    timeout: Duration,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.leash.kill();
    }
}

impl Run {
    /// Starts ffmpeg on a part of the file. Its faults come with the first frame.
    pub fn start(path: &Path, part: Part) -> Result<Self, String> {
        let program = std::env::var_os("LUMAWIRE_FFMPEG").filter(|p| !p.is_empty());
        let program = program.unwrap_or_else(|| "ffmpeg".into());
        let mut command = Command::new(&program);
        command.args(args(path, part)).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: Ctrl-C in the terminal reaches us alone.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let no_ffmpeg = |e: std::io::Error| {
            format!(
                "cannot be opened: the program `{}` does not start ({e}); install ffmpeg, or name it \
                 in LUMAWIRE_FFMPEG",
                program.to_string_lossy()
            )
        };
        let mut child = command.spawn().map_err(no_ffmpeg)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let leash = Leash(Arc::new(Mutex::new(Some(child))));
        let (Some(stdout), Some(stderr)) = (stdout, stderr) else {
            leash.kill();
            return Err("cannot be opened: ffmpeg gives no output".into());
        };
        let (send, lines) = mpsc::channel();
        let log = Arc::new(Mutex::new(String::new()));
        let kept = log.clone();
        let read = move || read_log(BufReader::new(stderr), &send, &kept);
        let thread = thread::Builder::new().name("lumawire-video-log".into()).spawn(read);
        if let Err(e) = thread {
            leash.kill();
            return Err(no_ffmpeg(e));
        }
        Ok(Self {
            leash,
            stdout,
            lines,
            log,
            unit_secs: 0.0,
            nominal_secs: None,
            start_secs: 0.0,
            last_secs: None,
            timeout: TIMEOUT,
        })
    }

    /// What ends it from elsewhere.
    pub fn leash(&self) -> Leash {
        self.leash.clone()
    }

    /// Where the container's time starts, once a frame came.
    pub fn start_secs(&self) -> f64 {
        self.start_secs
    }

    /// How long a frame lasts by the film's nominal rate, once a frame came.
    pub fn nominal_secs(&self) -> Option<f64> {
        self.nominal_secs
    }

    /// The next frame; none after the last.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, String> {
        let Some((file_secs, width_px, height_px)) = self.next_time()? else { return Ok(None) };
        let mut pixels = vec![0; width_px as usize * height_px as usize * 4];
        if self.stdout.read_exact(&mut pixels).is_err() {
            // Ended within a frame: killed, or a file that breaks off.
            return Ok(None);
        }
        let picture = HostImage { width_px, height_px, pixels: Pixels::Rgba8(pixels) };
        Ok(Some(Frame { file_secs, picture }))
    }

    /// When the next frame begins and how large it is; none after the last. An ffmpeg that says
    /// nothing for a minute is ended, and that is told.
    pub fn next_time(&mut self) -> Result<Option<(f64, u32, u32)>, String> {
        loop {
            match self.lines.recv_timeout(self.timeout) {
                Ok(Line::Start(secs)) => self.start_secs = secs,
                Ok(Line::Unit(secs, nominal_secs)) => {
                    (self.unit_secs, self.nominal_secs) = (secs, nominal_secs);
                }
                Ok(Line::Frame(time, width, height)) => {
                    if u64::from(width) * u64::from(height) > MAX_PIXELS
                        || width == 0
                        || height == 0
                    {
                        return Err(format!(
                            "has frames of {width} × {height} pixels: up to 4096 × 4096 are shown; \
                             make it smaller with ffmpeg's scale filter"
                        ));
                    }
                    // A frame without a time follows the one before.
                    let secs = time.map(|t| t as f64 * self.unit_secs);
                    let secs = secs.or(self.last_secs).unwrap_or(self.start_secs);
                    self.last_secs = Some(secs);
                    return Ok(Some((secs, width, height)));
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => {
                    self.leash.kill();
                    return Err(SILENCE.into());
                }
            }
        }
    }

    /// Why no frame came.
    pub fn reason(&self) -> String {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if log.contains("matches no streams") {
            return "has no video stream: choose a film".into();
        }
        if log.contains("not on whitelist") {
            return "is no film that is opened here: choose a file such as .mp4, .mov, .mkv, .webm or \
                    .avi"
                .into();
        }
        let last = log.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("no frame came");
        format!("cannot be decoded: {}", last.trim())
    }

    /// Whether this ffmpeg knows the option by its older name only.
    pub fn lacks_fps_mode(&self) -> bool {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.contains("Unrecognized option 'fps_mode'")
    }
}

fn args(path: &Path, part: Part) -> Vec<OsString> {
    let mut args = vec!["-hide_banner", "-nostdin", "-nostats", "-loglevel", "info"];
    args.extend(["-protocol_whitelist", "file,pipe", "-format_whitelist", FORMATS, "-copyts"]);
    let mut args: Vec<OsString> = args.into_iter().map(OsString::from).collect();
    match part {
        Part::From(secs) if secs > 0.0 => args.extend(["-ss".into(), format!("{secs:.6}").into()]),
        Part::Tail(secs) => args.extend(["-sseof".into(), format!("-{secs:.3}").into()]),
        Part::From(_) | Part::First | Part::Times => {}
    }
    // Always a file, whatever it looks like, never a network address or an option.
    let mut url = OsString::from("file:");
    url.push(path);
    args.extend(["-i".into(), url]);
    let mut more = vec!["-map", "0:V:0", "-an", "-sn", "-dn", "-vf", FILTERS];
    more.extend(["-fps_mode", "passthrough"]);
    more.extend(match part {
        Part::First => &["-frames:v", "1", "-f", "rawvideo", "pipe:1"][..],
        Part::From(_) => &["-f", "rawvideo", "pipe:1"],
        Part::Tail(_) | Part::Times => &["-f", "null", "-"],
    });
    args.extend(more.into_iter().map(OsString::from));
    args
}

/// Tells of lines that count and keeps the last of the others.
fn read_log(log: impl BufRead, lines: &mpsc::Sender<Line>, kept: &Mutex<String>) {
    // By bytes: names in files may be no text.
    for line in log.split(b'\n') {
        let Ok(line) = line else { return };
        let line = String::from_utf8_lossy(&line);
        if let Some(parsed) = parse(&line) {
            if lines.send(parsed).is_err() {
                return;
            }
            continue;
        }
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_str(&line);
        kept.push('\n');
        let mut excess = kept.len().saturating_sub(MAX_LOG_BYTES);
        while !kept.is_char_boundary(excess) {
            excess += 1;
        }
        kept.drain(..excess);
    }
}

/// What follows `key`, up to the next space or comma.
fn field<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let rest = line.split_once(key)?.1.trim_start();
    rest.split([' ', ',']).next()
}

/// A fraction above 0.
fn ratio(text: &str) -> Option<f64> {
    let (num, den) = text.split_once('/')?;
    let (num, den): (f64, f64) = (num.parse().ok()?, den.parse().ok()?);
    (num > 0.0 && den > 0.0).then_some(num / den)
}

fn parse(line: &str) -> Option<Line> {
    let trimmed = line.trim_start();
    if trimmed.starts_with("Duration:") {
        return Some(Line::Start(
            field(trimmed, "start: ").and_then(|v| v.parse().ok()).unwrap_or(0.0),
        ));
    }
    if !trimmed.starts_with("[Parsed_showinfo") {
        return None;
    }
    if let Some(unit) = field(line, "config in time_base: ") {
        let nominal_secs = field(line, "frame_rate: ").and_then(ratio).map(f64::recip);
        return ratio(unit).map(|secs| Line::Unit(secs, nominal_secs));
    }
    let (_, frame) = line.split_once("] n:")?;
    let time = field(frame, " pts:").and_then(|v| v.parse().ok());
    let (width, height) = field(frame, " s:")?.split_once('x')?;
    Some(Line::Frame(time, width.parse().ok()?, height.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_log_are_understood() {
        let line = "[Parsed_showinfo_3 @ 0x55bd] n:   0 pts:   6144 pts_time:0.6     pos:     1908 \
                    fmt:rgba sar:1/1 s:64x48 i:P iskey:0 type:B ";
        assert_eq!(parse(line), Some(Line::Frame(Some(6_144), 64, 48)));
        let newer = "[Parsed_showinfo_3 @ 0x1] n:  12 pts:NOPTS pts_time:NOPTS duration: 512 \
                     duration_time:0.04 fmt:rgba cl:left sar:1/1 s:640x360 i:P iskey:1 type:I";
        assert_eq!(parse(newer), Some(Line::Frame(None, 640, 360)));
        let unit = "[Parsed_showinfo_3 @ 0x1] config in time_base: 1/10240, frame_rate: 10/1";
        assert_eq!(parse(unit), Some(Line::Unit(1.0 / 10_240.0, Some(0.1))));
        let start = "  Duration: 00:00:02.00, start: 0.021333, bitrate: 14 kb/s";
        assert_eq!(parse(start), Some(Line::Start(0.021_333)));
        for other in
            ["", "Stream #0:0: n: 3", "[Parsed_showinfo_3 @ 0x1] color_range:pc", "] n:1 s:1x1"]
        {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_never_answers_is_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("silent.mkv");
        // A pipe that nobody writes to.
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let mut run = Run::start(&path, Part::First).unwrap();
        run.timeout = Duration::from_millis(200);
        assert_eq!(run.next_frame().err().as_deref(), Some(SILENCE));
        // What it had to say is over: the child is gone.
        assert!(matches!(run.lines.recv(), Err(mpsc::RecvError)));
    }
}
