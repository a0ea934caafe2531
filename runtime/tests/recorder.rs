//! What a show sends out, read back by ffmpeg.
#![allow(clippy::expect_used)] // helpers of tests are tests

use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use lumawire_core::{AudioBlock, Clock, Fps, HostImage, Pixels};
use lumawire_runtime::live::{FanOut, OutputEvent, Picture, Recorder};
use lumawire_runtime::output::Target;

const SIZE_PX: (u32, u32) = (64, 48);
/// More than any of these tests needs: a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(60);

fn clock() -> Clock {
    Clock { sample_rate_hz: 48_000, fps: Fps::new(30, 1), ..Clock::default() }
}

/// A grey picture that tells its frame.
fn picture(frame: u64, size_px: (u32, u32)) -> Picture {
    let (width_px, height_px) = size_px;
    let pixel = [[shade(frame); 3].as_slice(), &[255]].concat();
    let pixels = Pixels::Rgba8(pixel.repeat((width_px * height_px) as usize));
    Picture { image: Arc::new(HostImage { width_px, height_px, pixels }), frame, heard: None }
}

fn shade(frame: u64) -> u8 {
    (frame * 37 % 200) as u8 + 20
}

/// A sample that tells its number.
fn sample(at: u64) -> f32 {
    (at % 32_768) as f32 / 32_768.0
}

/// Plays the part of a show at its own pace.
struct Show {
    fan_out: FanOut,
    frame: u64,
    next_sample: u64,
}

impl Show {
    fn new() -> Self {
        Self { fan_out: FanOut::default(), frame: 0, next_sample: 0 }
    }

    /// The next frame, and the sound up to it.
    fn frame(&mut self, size_px: (u32, u32)) {
        let due = clock().frame_due(self.frame);
        while self.next_sample <= due {
            let mut block = AudioBlock::silent(1, 256);
            for (i, v) in (self.next_sample..).zip(block.channel_mut(0)) {
                *v = sample(i);
            }
            self.fan_out.hear(self.next_sample, &block);
            self.next_sample += 256;
        }
        self.fan_out.show(due, Some(&picture(self.frame, size_px)));
        self.frame += 1;
    }

    fn frames(&mut self, num_frames: u64) {
        (0..num_frames).for_each(|_| self.frame(SIZE_PX));
    }

    /// Frames at the clock's pace until `is_done`.
    fn live_until(&mut self, mut is_done: impl FnMut() -> bool) {
        let (started, first) = (Instant::now(), self.frame);
        while !is_done() {
            assert!(started.elapsed() < PATIENCE, "it never came");
            let due = (self.frame - first) as f64 / clock().fps.hz();
            let wait = Duration::from_secs_f64(due).saturating_sub(started.elapsed());
            thread::sleep(wait);
            self.frame(SIZE_PX);
        }
    }
}

fn record(show: &Show, target: Target) -> Recorder {
    Recorder::start(&show.fan_out, target, clock(), |_| ()).expect("starts")
}

/// The grey of every frame.
fn greys(path: &Path) -> Vec<u8> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-i"]).arg(path);
    command.args(["-map", "0:v", "-fps_mode", "passthrough", "-vf", "scale=1:1,format=gray"]);
    command.args(["-f", "rawvideo", "-"]);
    read(&mut command)
}

/// The left channel.
fn sound(path: &Path) -> Vec<f32> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-i"]).arg(path);
    command.args(["-map", "0:a", "-af", "pan=mono|c0=c0", "-f", "f32le", "-"]);
    read(&mut command).as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

/// Values of the first stream of a kind (`v`, `a`), by commas.
fn probe(path: &Path, kind: &str, entries: &str) -> String {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-select_streams", kind, "-of", "csv=p=0"]);
    command.args(["-show_entries", &format!("stream={entries}")]).arg(path);
    let text = String::from_utf8(read(&mut command)).expect("text");
    text.lines().next().unwrap_or_default().trim_end_matches(',').to_owned()
}

fn read(command: &mut Command) -> Vec<u8> {
    let output = command.output().expect("`cargo xtask setup` installs ffmpeg");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn assert_greys(found: &[u8], frames: std::ops::Range<u64>) {
    assert_eq!(found.len() as u64, frames.end - frames.start);
    for (grey, frame) in found.iter().zip(frames) {
        assert!(grey.abs_diff(shade(frame)) <= 3, "frame {frame}: {grey}, not {}", shade(frame));
    }
}

#[test]
fn a_recording_begins_and_ends_while_the_show_runs() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name);
    let mut show = Show::new();
    show.frames(25);
    let targets = ["a.mkv", "b.mov", "c.mp4", "d"];
    let recorders: Vec<_> =
        targets.iter().map(|name| record(&show, Target::File(at(name)))).collect();
    show.frames(30);
    for recorder in recorders {
        let figures = recorder.stop();
        let told = (figures.num_frames, figures.num_repeated, figures.num_dropped);
        assert_eq!(told, (30, 0, 0), "{figures:?}");
    }
    show.frames(10);
    for name in ["a.mkv", "b.mov", "c.mp4"] {
        let path = at(name);
        assert_greys(&greys(&path), 25..55);
        assert_eq!(probe(&path, "v", "r_frame_rate"), "30/1", "{name}");
    }
    // The recorders began between two blocks: the first frame is the first whose sound they have.
    let heard = sound(&at("a.mkv"));
    let lossless = [heard, sound(&at("b.mov")), sound(&at("d/sound.wav"))];
    for heard in lossless {
        assert_eq!(heard.len(), 30 * 1_600);
        // The last frame's sound had not come yet; silence is in its place.
        let errors = (25 * 1_600..).zip(&heard[..29 * 1_600]).map(|(i, v)| (v - sample(i)).abs());
        let worst = errors.fold(0.0, f32::max);
        assert!(worst < 2e-7, "sample for sample: {worst}");
    }
    let frames = std::fs::read_dir(at("d")).expect("a folder").count();
    assert_eq!(frames, 31, "30 pictures and their sound");
}

#[test]
fn a_picture_of_another_size_begins_a_new_file_and_none_is_overwritten() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name);
    std::fs::write(at("a.mkv"), "mine").expect("writes");
    let mut show = Show::new();
    let recorder = record(&show, Target::File(at("a.mkv")));
    show.frames(20);
    // Odd sizes are rounded up.
    (0..20).for_each(|_| show.frame((31, 17)));
    recorder.stop();
    assert_eq!(std::fs::read(at("a.mkv")).expect("reads"), b"mine");
    assert_greys(&greys(&at("a-2.mkv")), 0..20);
    assert_eq!(probe(&at("a-2.mkv"), "v", "width,height"), "64,48");
    assert_eq!(probe(&at("a-3.mkv"), "v", "width,height"), "32,18");
    assert!((17..=20).contains(&greys(&at("a-3.mkv")).len()));
}

/// Ends the ffmpeg that writes `path`, at once.
#[cfg(target_os = "linux")]
fn kill_encoder_of(path: &Path) {
    let is_it = |entry: &std::fs::DirEntry| {
        let told = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&told).contains(&format!("file:{}", path.display()))
    };
    let entry = std::fs::read_dir("/proc").expect("/proc").flatten().find(is_it);
    let id = entry.expect("an encoder").file_name();
    assert!(Command::new("kill").arg("-9").arg(id).status().expect("kill").success());
}

#[test]
#[cfg(target_os = "linux")]
fn a_killed_encoder_leaves_a_playable_file_and_another_goes_on() {
    for name in ["a.mkv", "a.mp4", "a.mov"] {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join(name);
        let second = dir.path().join(name.replace('a', "a-2"));
        let mut show = Show::new();
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = told.clone();
        let report = move |event: OutputEvent| tell.lock().expect("told").push(event);
        let target = Target::File(path.clone());
        let recorder = Recorder::start(&show.fan_out, target, clock(), report).expect("starts");
        let watch = recorder.watch();
        // What is in the encoder and in the current fragment is lost: run longer than those.
        show.live_until(|| watch.figures().num_frames >= 120);
        kill_encoder_of(&path);
        show.live_until(|| watch.figures().num_frames >= 200);
        let figures = recorder.stop();
        assert_eq!((figures.num_restarts, figures.error), (1, None));
        let kept = greys(&path);
        assert!(kept.len() >= 30, "{name}: {} frames are left", kept.len());
        assert_greys(&kept, 0..kept.len() as u64);
        assert!(sound(&path).len() >= 30 * 1_600, "{name}");
        assert!(greys(&second).len() >= 60, "{name}");
        let told = told.lock().expect("told");
        let began = told.iter().filter(|e| matches!(e, OutputEvent::Began(_))).count();
        assert_eq!((began, told.len()), (2, 3), "{told:?}");
    }
}

/// A child that ends with this.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Ended {
    fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("a child").is_some()
    }
}

/// Takes two seconds of a stream as they are.
fn receive(input: &[&str], into: &Path) -> Ended {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y"]).args(input);
    command.args(["-t", "2", "-c", "copy"]).arg(into);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Ended(command.spawn().expect("`cargo xtask setup` installs ffmpeg"))
}

/// A receiver sees the right size, rate, pictures and sound; then it is killed, and another one
/// sees them too.
fn streams(url: &str, input: &[&str]) -> u64 {
    let dir = tempfile::tempdir().expect("a folder");
    let mut show = Show::new();
    let target = Target::Stream(url.parse().expect("an address"));
    let recorder = record(&show, target);
    for name in ["a.mkv", "b.mkv"] {
        let path = dir.path().join(name);
        let mut peer = receive(input, &path);
        show.live_until(|| peer.has_ended());
        let told = probe(&path, "v", "codec_name,width,height,avg_frame_rate");
        assert!(told.starts_with("h264,64,48,"), "{url}: {told}");
        let seen = greys(&path);
        assert!((50..=70).contains(&seen.len()), "{url}: {} frames in 2 s", seen.len());
        // Each picture follows the one before: the next grey is 37 of 200 further.
        let is_next = |pair: &&[u8]| {
            let step = (i32::from(pair[1]) - i32::from(pair[0])).rem_euclid(200);
            (33..=41).contains(&step)
        };
        let num_next = seen.windows(2).filter(is_next).count();
        assert!(num_next >= seen.len() * 8 / 10, "{url}: {seen:?}");
        assert_eq!(probe(&path, "a", "codec_name"), "aac", "{url}");
        assert!(sound(&path).iter().any(|v| *v > 0.5), "{url}");
        if name == "a.mkv" {
            // One that is cut off in the middle.
            let mut peer = receive(input, &dir.path().join("cut.mkv"));
            let started = Instant::now();
            show.live_until(|| started.elapsed() > Duration::from_secs(3) || peer.has_ended());
        }
    }
    recorder.stop().num_restarts
}

fn free_udp_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").and_then(|s| s.local_addr()).expect("a port").port()
}

fn free_tcp_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|s| s.local_addr()).expect("a port").port()
}

#[test]
fn a_stream_by_udp_reaches_whoever_listens() {
    let url = format!("udp://127.0.0.1:{}", free_udp_port());
    assert_eq!(streams(&url, &["-i", &url]), 0, "nobody needs to be there");
}

#[test]
fn a_stream_by_srt_goes_on_when_the_peer_returns() {
    let url = format!("srt://127.0.0.1:{}", free_udp_port());
    let restarts = streams(&url, &["-i", &format!("{url}?mode=listener")]);
    assert!(restarts >= 1, "the peer was gone");
}

#[test]
fn a_stream_by_rtsp_goes_on_when_the_peer_returns() {
    let url = format!("rtsp://127.0.0.1:{}/show", free_tcp_port());
    let restarts = streams(&url, &["-rtsp_flags", "listen", "-i", &url]);
    assert!(restarts >= 1, "the peer was gone");
}
