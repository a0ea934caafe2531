//! Video files, encoded by the ffmpeg program.
//!
//! Frames go through a pipe as they come; nothing but the frame at hand is in memory. The sound
//! is added at the end, when the video's length is known: so it is as long as the video even if
//! the render was stopped early. That costs the space of the video once more for a moment.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use lumawire_core::{Fps, HostImage};

use super::ffmpeg::{Failure, Ffmpeg, Process, file_url, push};
use super::still::persist;
use super::{FrameWriter, OutputError, Written, rgba8, temporary_for};

/// What a video file is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoSettings {
    /// Width and height in pixels; even, except for [`Codec::Ffv1`].
    pub size_px: (u32, u32),
    /// Frames a second, constant and exact (to the millisecond in .mkv and .webm, whose clock
    /// knows no more).
    pub fps: Fps,
    /// How pictures are encoded; `None` for what suits the file's extension.
    pub codec: Option<Codec>,
    /// Constant rate factor, lower is better: 0..51 for H.264 and H.265, 0..63 for VP9. `None`
    /// for 18, 20 and 24. Without meaning for the other codecs.
    pub crf: Option<u8>,
    /// The sound; `None` for a silent video.
    pub sound: Option<Sound>,
}

/// The part of a sound file that accompanies the video.
#[derive(Debug, Clone, PartialEq)]
pub struct Sound {
    /// A file that ffmpeg can read.
    pub path: PathBuf,
    /// Where in the file frame 0 is, in seconds.
    pub start_secs: f64,
    /// Its length in seconds; `None` to its end. It is cut to the video's length anyway.
    pub duration_secs: Option<f64>,
}

/// How pictures are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// H.264/AVC, 8 bit 4:2:0: plays everywhere.
    H264,
    /// H.265/HEVC, 8 bit 4:2:0: smaller, slower.
    H265,
    /// VP9, 8 bit 4:2:0: for the web.
    Vp9,
    /// Apple ProRes 422 HQ, 10 bit 4:2:2: for editing.
    ProRes,
    /// FFV1, RGB with alpha: lossless.
    Ffv1,
}

impl Codec {
    fn name(self) -> &'static str {
        match self {
            Self::H264 => "H.264",
            Self::H265 => "H.265",
            Self::Vp9 => "VP9",
            Self::ProRes => "ProRes",
            Self::Ffv1 => "FFV1",
        }
    }

    /// Largest and default rate factor.
    fn crf_range(self) -> Option<(u8, u8)> {
        match self {
            Self::H264 => Some((51, 18)),
            Self::H265 => Some((51, 20)),
            Self::Vp9 => Some((63, 24)),
            Self::ProRes | Self::Ffv1 => None,
        }
    }

    fn args(self) -> &'static [&'static str] {
        match self {
            Self::H264 => &["-c:v", "libx264", "-preset", "medium"],
            Self::H265 => &["-c:v", "libx265", "-preset", "medium", "-x265-params", "log-level=1"],
            Self::Vp9 => &["-c:v", "libvpx-vp9", "-b:v", "0", "-row-mt", "1", "-cpu-used", "2"],
            Self::ProRes => &["-c:v", "prores_ks", "-profile:v", "3", "-vendor", "apl0"],
            Self::Ffv1 => &["-c:v", "ffv1", "-level", "3", "-g", "1", "-slicecrc", "1"],
        }
    }

    fn pixel_format(self) -> &'static str {
        match self {
            Self::H264 | Self::H265 | Self::Vp9 => "yuv420p",
            Self::ProRes => "yuv422p10le",
            Self::Ffv1 => "bgra",
        }
    }
}

/// Kinds of files, by extension; the first codec is the default one.
struct Container {
    extension: &'static str,
    format: &'static str,
    codecs: &'static [Codec],
    sound_args: &'static [&'static str],
    args: &'static [&'static str],
}

const CONTAINERS: [Container; 4] = [
    Container {
        extension: "mp4",
        format: "mp4",
        codecs: &[Codec::H264, Codec::H265],
        sound_args: &["-c:a", "aac", "-b:a", "256k"],
        args: &["-movflags", "+faststart"],
    },
    Container {
        extension: "mov",
        format: "mov",
        codecs: &[Codec::H264, Codec::H265, Codec::ProRes],
        sound_args: &["-c:a", "aac", "-b:a", "256k"],
        args: &["-movflags", "+faststart"],
    },
    Container {
        extension: "mkv",
        format: "matroska",
        codecs: &[Codec::H264, Codec::H265, Codec::Vp9, Codec::ProRes, Codec::Ffv1],
        sound_args: &["-c:a", "flac"],
        args: &[],
    },
    Container {
        extension: "webm",
        format: "webm",
        codecs: &[Codec::Vp9],
        sound_args: &["-c:a", "libopus", "-b:a", "192k"],
        args: &[],
    },
];

impl Container {
    fn of(path: &Path) -> Result<&'static Self, OutputError> {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        CONTAINERS.iter().find(|c| c.extension == extension).ok_or_else(|| OutputError::Unusable {
            path: path.into(),
            help: format!(
                "`.{extension}` is no kind of file that can be written; use .mp4, .mov, .mkv, \
                 .webm, .png or a folder for a sequence of .png files"
            ),
        })
    }
}

/// Writes a video file. Colours are sRGB code values as BT.709, limited range, tagged so (FFV1:
/// RGB as it is); alpha is left out except by FFV1.
#[derive(Debug)]
pub struct VideoWriter {
    path: PathBuf,
    settings: VideoSettings,
    ffmpeg: Ffmpeg,
    file: NamedTempFile,
    /// `None` once it has failed.
    process: Option<Process>,
    frames: u64,
}

impl VideoWriter {
    /// Starts to encode into `path`; its extension chooses the kind of file: .mp4, .mov, .mkv,
    /// .webm. Fails here if ffmpeg is missing or the settings or the sound cannot be used.
    pub fn create(path: &Path, settings: &VideoSettings) -> Result<Self, OutputError> {
        Self::create_with(Ffmpeg::from_env(), path, settings)
    }

    fn create_with(
        ffmpeg: Ffmpeg,
        path: &Path,
        settings: &VideoSettings,
    ) -> Result<Self, OutputError> {
        let container = Container::of(path)?;
        let codec = checked_codec(container, path, settings)?;
        let file = temporary_for(path)?;
        if let Some(sound) = &settings.sound {
            check_sound(&ffmpeg, container, sound)?;
        }
        let args = encode_args(container, codec, settings, file.path());
        let process = Some(ffmpeg.start(&args)?);
        Ok(Self { path: path.into(), settings: settings.clone(), ffmpeg, file, process, frames: 0 })
    }

    fn failed(&self, failure: Failure) -> OutputError {
        let Failure { status, log } = failure;
        OutputError::Ffmpeg { path: self.path.clone(), status, log }
    }

    /// The video in `self.file` with its sound, in another temporary file.
    fn add_sound(&self, sound: &Sound) -> Result<NamedTempFile, OutputError> {
        let Fps { num, den } = self.settings.fps;
        let video_secs = self.frames as f64 * f64::from(den) / f64::from(num);
        let container = Container::of(&self.path)?;
        let file = temporary_for(&self.path)?;
        let mut args = vec!["-i".into(), file_url(self.file.path())];
        push(&mut args, sound_input_args(sound, video_secs));
        push(&mut args, ["-map", "0:v:0", "-map", "1:a:0", "-c:v", "copy"]);
        push(&mut args, container.sound_args);
        push(&mut args, file_args(container, file.path()));
        self.ffmpeg.run(&args)?.map_err(|failure| self.failed(failure))?;
        Ok(file)
    }
}

impl VideoWriter {
    /// Hours of frames must not go with a failed last step: the film without its sound is kept
    /// beside the name that it should have had.
    fn keep_silent(self, error: OutputError) -> OutputError {
        let mut name = self.path.file_stem().unwrap_or_default().to_owned();
        name.push(".silent.");
        name.push(self.path.extension().unwrap_or_default());
        let silent = self.path.with_file_name(name);
        match persist(self.file, &silent) {
            Ok(_) => OutputError::SoundFailed { silent, source: Box::new(error) },
            Err(_) => error,
        }
    }
}

impl FrameWriter for VideoWriter {
    fn write(&mut self, frame: &HostImage) -> Result<(), OutputError> {
        let pixels = rgba8(frame, self.settings.size_px, self.frames)?;
        let written = self.process.as_mut().map(|p| p.write(pixels));
        if !matches!(written, Some(Ok(()))) {
            let ended = self.process.take().map(Process::finish);
            let failure = match ended {
                Some(Err(failure)) => failure,
                _ => Failure { status: "it ended early".into(), log: String::new() },
            };
            return Err(self.failed(failure));
        }
        self.frames += 1;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Written, OutputError> {
        if self.frames == 0 {
            return Err(OutputError::NoFrames { path: self.path });
        }
        let stopped = Failure { status: "it ended early".into(), log: String::new() };
        let encoded = self.process.take().map_or(Err(stopped), Process::finish);
        encoded.map_err(|failure| self.failed(failure))?;
        if let Some(sound) = self.settings.sound.clone() {
            match self.add_sound(&sound) {
                Ok(film) => self.file = film,
                Err(error) => return Err(self.keep_silent(error)),
            }
        }
        let bytes = persist(self.file, &self.path)?;
        Ok(Written { paths: vec![self.path], frames: self.frames, bytes })
    }
}

/// The codec to use, once the settings are found to go together.
fn checked_codec(
    container: &Container,
    path: &Path,
    settings: &VideoSettings,
) -> Result<Codec, OutputError> {
    let wrong = |help| Err(OutputError::Unusable { path: path.into(), help });
    let codec = settings.codec.unwrap_or(container.codecs[0]);
    if !container.codecs.contains(&codec) {
        let fits = |c: &&Container| c.codecs.contains(&codec);
        let others = CONTAINERS.iter().filter(fits).map(|c| format!(".{}", c.extension));
        let (name, extension) = (codec.name(), container.extension);
        let others = others.collect::<Vec<_>>().join(" or ");
        return wrong(format!("{name} does not go into .{extension}; use {others}"));
    }
    let (width_px, height_px) = settings.size_px;
    if width_px == 0 || height_px == 0 {
        return wrong(format!("{width_px}x{height_px} px is no picture"));
    }
    if codec != Codec::Ffv1 && (width_px % 2 == 1 || height_px % 2 == 1) {
        let (name, even_width_px, even_height_px) =
            (codec.name(), width_px.next_multiple_of(2), height_px.next_multiple_of(2));
        return wrong(format!(
            "{name} needs an even width and height, not {width_px}x{height_px} px; use \
             {even_width_px}x{even_height_px}, or FFV1 in .mkv, or .png files"
        ));
    }
    if let (Some((max, _)), Some(crf)) = (codec.crf_range(), settings.crf)
        && crf > max
    {
        return wrong(format!(
            "rate factor {crf} is out of range; {} takes 0..{max}",
            codec.name()
        ));
    }
    let times = settings.sound.iter().flat_map(|s| [Some(s.start_secs), s.duration_secs]);
    if times.flatten().any(|secs| !secs.is_finite() || secs < 0.0) {
        return wrong("the sound's start and length must be 0 s or more".into());
    }
    Ok(codec)
}

/// Encodes a moment of the sound to nowhere: better now than at the end of a long render.
fn check_sound(ffmpeg: &Ffmpeg, container: &Container, sound: &Sound) -> Result<(), OutputError> {
    if let Err(error) = std::fs::File::open(&sound.path) {
        return Err(OutputError::Sound { path: sound.path.clone(), log: error.to_string() });
    }
    let moment = Sound { start_secs: 0.0, ..sound.clone() };
    let mut args = Vec::new();
    push(&mut args, sound_input_args(&moment, 0.1));
    push(&mut args, ["-map", "0:a:0"]);
    push(&mut args, container.sound_args);
    push(&mut args, ["-f", "null", "-"]);
    ffmpeg
        .run(&args)?
        .map_err(|failure| OutputError::Sound { path: sound.path.clone(), log: failure.log })
}

/// Reads the sound and cuts it, exact to the sample, to at most `video_secs`.
fn sound_input_args(sound: &Sound, video_secs: f64) -> Vec<OsString> {
    let (start, secs) = (sound.start_secs, sound.duration_secs.unwrap_or(f64::INFINITY));
    let secs = secs.min(video_secs);
    let cut = format!("atrim=start={start}:duration={secs},asetpts=PTS-STARTPTS");
    // A playlist must not reach into the network.
    let mut args = vec!["-protocol_whitelist".into(), "file".into()];
    push(&mut args, [OsString::from("-i"), file_url(&sound.path)]);
    push(&mut args, ["-af", &cut]);
    args
}

/// Raw frames from the pipe, encoded into `file`.
fn encode_args(
    container: &Container,
    codec: Codec,
    settings: &VideoSettings,
    file: &Path,
) -> Vec<OsString> {
    let (width_px, height_px) = settings.size_px;
    let Fps { num, den } = settings.fps;
    let (size, rate) = (format!("{width_px}x{height_px}"), format!("{num}/{den}"));
    let mut args = Vec::new();
    push(&mut args, ["-f", "rawvideo", "-pixel_format", "rgba", "-video_size", &size]);
    push(&mut args, ["-framerate", &rate, "-i", "pipe:0", "-an"]);
    push(&mut args, codec.args());
    if let Some((_, default)) = codec.crf_range() {
        push(&mut args, ["-crf", &settings.crf.unwrap_or(default).to_string()]);
    }
    if codec == Codec::H265 && container.format != "matroska" {
        // The tag that Apple's players ask for.
        push(&mut args, ["-tag:v", "hvc1"]);
    }
    if codec != Codec::Ffv1 {
        args.extend(bt709_args(""));
    }
    push(&mut args, ["-pix_fmt", codec.pixel_format()]);
    push(&mut args, file_args(container, file));
    args
}

/// RGB to BT.709 in limited range, tagged so; `filters` come before it, each with a comma.
pub(super) fn bt709_args(filters: &str) -> Vec<OsString> {
    let flags = "accurate_rnd+full_chroma_int+bitexact";
    // The frames carry the tags for the encoders that read them there.
    let tags = "range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709";
    let scale = format!("scale=out_color_matrix=bt709:out_range=tv:flags={flags}");
    let filter = format!("{filters}{scale},setparams={tags}");
    let mut args = Vec::new();
    push(&mut args, ["-vf", &filter, "-color_range", "tv", "-colorspace", "bt709"]);
    push(&mut args, ["-color_primaries", "bt709", "-color_trc", "bt709"]);
    args
}

/// Into `file`, with nothing in it that tells one run from another.
fn file_args(container: &Container, file: &Path) -> Vec<OsString> {
    let mut args = Vec::new();
    push(&mut args, ["-map_metadata", "-1", "-fflags", "+bitexact"]);
    push(&mut args, ["-flags:v", "+bitexact", "-flags:a", "+bitexact"]);
    push(&mut args, container.args);
    push(&mut args, ["-f", container.format]);
    args.push(file_url(file));
    args
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use lumawire_core::Pixels;
    use serde_json::Value;

    use super::*;
    use crate::output::testing::{num_entries, pattern};
    use crate::transport::testing::{run, write_wav};

    const SIZE_PX: (u32, u32) = (64, 48);

    fn settings() -> VideoSettings {
        let fps = Fps::new(30_000, 1_001);
        VideoSettings { size_px: SIZE_PX, fps, codec: None, crf: None, sound: None }
    }

    /// Two seconds of a 500 Hz sine that is silent in its first half second.
    fn sound(folder: &Path) -> Sound {
        let path = folder.join("sound.wav");
        let sample = |i: i32| (0.5 * (TAU * 500.0 * f64::from(i) / 44_100.0).sin()) as f32;
        let samples = (0..88_200).map(|i| if i < 22_050 { 0.0 } else { sample(i) }).collect();
        write_wav(&path, 44_100, &[samples]);
        Sound { path, start_secs: 0.0, duration_secs: None }
    }

    fn write_video(path: &Path, settings: &VideoSettings, num_frames: u32) -> Written {
        let mut writer = Box::new(VideoWriter::create(path, settings).unwrap());
        for n in 0..num_frames {
            writer.write(&pattern(settings.size_px, n)).unwrap();
        }
        writer.finish().unwrap()
    }

    /// What ffprobe tells of the first stream of a kind (`v` or `a`).
    fn probe(path: &Path, kind: &str) -> Value {
        let path = path.to_str().unwrap();
        let args = ["-select_streams", kind, "-count_frames", "-show_streams", "-of", "json", path];
        let json: Value = serde_json::from_slice(&run("ffprobe", &args)).unwrap();
        json["streams"][0].clone()
    }

    /// All frames as RGBA8.
    fn frames_of(path: &Path) -> Vec<Vec<u8>> {
        let path = path.to_str().unwrap();
        let scale = "scale=in_color_matrix=bt709:flags=accurate_rnd+full_chroma_int";
        let args = ["-i", path, "-vf", scale, "-f", "rawvideo", "-pix_fmt", "rgba", "-"];
        let (width_px, height_px) = SIZE_PX;
        let num_bytes = width_px as usize * height_px as usize * 4;
        run("ffmpeg", &args).chunks(num_bytes).map(<[u8]>::to_vec).collect()
    }

    /// The sound at 44.1 kHz, mono.
    fn sound_of(path: &Path) -> Vec<f32> {
        let path = path.to_str().unwrap();
        let args = ["-i", path, "-map", "a", "-f", "f32le", "-ac", "1", "-ar", "44100", "-"];
        run("ffmpeg", &args).as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }

    /// The largest difference of a colour in the middles of the four quarters.
    fn colour_error(decoded: &[u8], truth: &HostImage) -> u8 {
        let Pixels::Rgba8(truth) = &truth.pixels else { panic!("{truth:?}") };
        let (width_px, height_px) = (SIZE_PX.0 as usize, SIZE_PX.1 as usize);
        let places = [(1, 1), (3, 1), (1, 3), (3, 3)];
        let at = places.map(|(x, y)| (height_px * y / 4 * width_px + width_px * x / 4 + 2) * 4);
        let differences = at.iter().flat_map(|i| (0..3).map(move |c| i + c));
        differences.map(|i| decoded[i].abs_diff(truth[i])).max().unwrap()
    }

    #[test]
    fn every_codec_keeps_number_rate_size_and_colours() {
        let dir = tempfile::tempdir().unwrap();
        for (name, codec, codec_name, tolerance) in [
            ("a.mp4", None, "h264", 6),
            ("b.mp4", Some(Codec::H265), "hevc", 6),
            ("c.mov", Some(Codec::ProRes), "prores", 4),
            ("d.mkv", Some(Codec::Ffv1), "ffv1", 0),
            ("e.webm", None, "vp9", 6),
        ] {
            let path = dir.path().join(name);
            let written = write_video(&path, &VideoSettings { codec, ..settings() }, 30);
            assert_eq!((written.frames, &written.paths), (30, &vec![path.clone()]), "{name}");
            assert_eq!(written.bytes, std::fs::metadata(&path).unwrap().len(), "{name}");
            let video = probe(&path, "v");
            assert_eq!(video["codec_name"], codec_name);
            assert_eq!((&video["width"], &video["height"]), (&64.into(), &48.into()), "{name}");
            assert_eq!(video["r_frame_rate"], "30000/1001", "{name}");
            assert_eq!(video["nb_read_frames"], "30", "{name}");
            if codec != Some(Codec::Ffv1) {
                assert_eq!(video["color_space"], "bt709", "{name}");
                assert_eq!(video["color_primaries"], "bt709", "{name}");
                assert_eq!(video["color_transfer"], "bt709", "{name}");
                assert_eq!(video["color_range"], "tv", "{name}");
            }
            let frames = frames_of(&path);
            assert_eq!(frames.len(), 30, "{name}");
            for n in [0, 15, 29] {
                let error = colour_error(&frames[n], &pattern(SIZE_PX, n as u32));
                assert!(error <= tolerance, "{name}: frame {n} is off by {error}");
            }
            assert_eq!(num_entries(dir.path()), 1, "{name}: no other file stays");
            std::fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn lossless_is_exact_with_alpha_and_odd_sizes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.mkv");
        let settings = VideoSettings { codec: Some(Codec::Ffv1), ..settings() };
        write_video(&path, &settings, 3);
        let Pixels::Rgba8(truth) = pattern(SIZE_PX, 2).pixels else { panic!() };
        assert!(frames_of(&path)[2] == truth);
        write_video(&path, &VideoSettings { size_px: (63, 47), ..settings }, 3);
        assert_eq!(probe(&path, "v")["width"], 63);
    }

    #[test]
    fn the_sound_is_as_long_as_the_video_and_in_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let whole = sound(dir.path());
        let frame_secs = 1_001.0 / 30_000.0;
        for (name, codec, codec_name) in [
            ("a.mp4", None, "aac"),
            ("b.mov", Some(Codec::ProRes), "aac"),
            ("c.mkv", None, "flac"),
            ("d.webm", None, "opus"),
        ] {
            let path = dir.path().join(name);
            let sound = Some(Sound { start_secs: 0.25, ..whole.clone() });
            // The sound would last 1.75 s; the render stops after one.
            write_video(&path, &VideoSettings { codec, sound, ..settings() }, 30);
            assert_eq!(probe(&path, "a")["codec_name"], codec_name);
            assert_eq!(probe(&path, "v")["nb_read_frames"], "30");
            assert_eq!(probe(&path, "v")["r_frame_rate"], "30000/1001", "{name}");
            let samples = sound_of(&path);
            let secs = samples.len() as f64 / 44_100.0;
            assert!((secs - 30.0 * frame_secs).abs() < frame_secs, "{name}: {secs} s of sound");
            let onset = samples.iter().position(|v| v.abs() > 0.1).unwrap() as f64 / 44_100.0;
            assert!((onset - 0.25).abs() < 0.003, "{name}: the tone starts at {onset} s");
            let tone = &samples[22_050..39_690];
            let rms = (tone.iter().map(|v| v * v).sum::<f32>() / tone.len() as f32).sqrt();
            assert!((rms - 0.354).abs() < 0.01, "{name}: level {rms}");
        }
        let path = dir.path().join("short.mkv");
        let sound = Some(Sound { duration_secs: Some(0.6), ..whole });
        write_video(&path, &VideoSettings { sound, ..settings() }, 30);
        assert_eq!(sound_of(&path).len(), 26_460);
    }

    #[test]
    fn equal_renders_are_equal_files() {
        let dir = tempfile::tempdir().unwrap();
        let settings = VideoSettings { sound: Some(sound(dir.path())), ..settings() };
        for extension in ["mp4", "mkv"] {
            let [a, b] = ["a", "b"].map(|n| dir.path().join(n).with_extension(extension));
            write_video(&a, &settings, 10);
            write_video(&b, &settings, 10);
            assert!(std::fs::read(a).unwrap() == std::fs::read(b).unwrap(), "{extension}");
        }
    }

    #[test]
    fn an_unfinished_video_leaves_no_file_and_the_old_one_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.mp4");
        std::fs::write(&path, b"old").unwrap();
        let mut writer = VideoWriter::create(&path, &settings()).unwrap();
        for n in 0..5 {
            writer.write(&pattern(SIZE_PX, n)).unwrap();
        }
        assert_eq!(num_entries(dir.path()), 2);
        drop(writer);
        let empty = Box::new(VideoWriter::create(&path, &settings()).unwrap());
        assert!(matches!(empty.finish(), Err(OutputError::NoFrames { .. })));
        assert_eq!(num_entries(dir.path()), 1);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
    }

    #[test]
    fn what_cannot_be_written_says_so_before_the_first_frame() {
        let dir = tempfile::tempdir().unwrap();
        let text = dir.path().join("text.wav");
        std::fs::write(&text, "no sound").unwrap();
        let plain = settings();
        let sound =
            |path: &Path| Some(Sound { path: path.into(), start_secs: 0.0, duration_secs: None });
        for (name, settings, expected) in [
            ("x.avi", plain.clone(), ".mp4, .mov, .mkv, .webm"),
            ("x", plain.clone(), ".mp4, .mov, .mkv, .webm"),
            ("x.mp4", VideoSettings { codec: Some(Codec::Vp9), ..plain.clone() }, ".mkv or .webm"),
            ("x.mp4", VideoSettings { size_px: (63, 48), ..plain.clone() }, "use 64x48"),
            ("x.mp4", VideoSettings { size_px: (0, 48), ..plain.clone() }, "no picture"),
            ("x.mp4", VideoSettings { crf: Some(52), ..plain.clone() }, "0..51"),
            ("no/x.mp4", plain.clone(), "check the folder"),
            ("x.mp4", VideoSettings { sound: sound(&text), ..plain.clone() }, "name a sound file"),
            ("x.mp4", VideoSettings { sound: sound(dir.path()), ..plain.clone() }, "sound file"),
            ("x.mp4", VideoSettings { sound: sound(Path::new("no.wav")), ..plain }, "no.wav"),
        ] {
            let error = VideoWriter::create(&dir.path().join(name), &settings).unwrap_err();
            let message = error.to_string();
            assert!(message.contains(expected), "{message}");
        }
        assert_eq!(num_entries(dir.path()), 1);
    }

    #[test]
    fn a_missing_ffmpeg_says_how_to_get_it() {
        let dir = tempfile::tempdir().unwrap();
        let ffmpeg = Ffmpeg { program: "no-such-ffmpeg".into() };
        let path = dir.path().join("x.mp4");
        let error = VideoWriter::create_with(ffmpeg, &path, &settings()).unwrap_err().to_string();
        assert!(error.contains("cargo xtask setup") && error.contains("no-such-ffmpeg"), "{error}");
        assert_eq!(num_entries(dir.path()), 0);
    }

    #[cfg(unix)]
    #[test]
    fn a_failing_ffmpeg_is_quoted() {
        let dir = tempfile::tempdir().unwrap();
        let (program, path) = (dir.path().join("ffmpeg"), dir.path().join("x.mp4"));
        let script = "#!/bin/sh\nhead -c 20000 >/dev/null\necho the disk is full >&2\nexit 3\n";
        // Written by another process: a file that this one has open for writing, and so any
        // child forked meanwhile by another test, could not be run.
        let write = ["-c", "printf '%s' \"$1\" > \"$0\" && chmod +x \"$0\""];
        let mut shell = std::process::Command::new("sh");
        assert!(shell.args(write).arg(&program).arg(script).status().unwrap().success());
        let ffmpeg = Ffmpeg { program: program.into() };
        let mut writer = VideoWriter::create_with(ffmpeg.clone(), &path, &settings()).unwrap();
        let error = (0..99).find_map(|n| writer.write(&pattern(SIZE_PX, n)).err()).unwrap();
        assert!(error.to_string().contains("the disk is full"), "{error}");
        assert!(writer.write(&pattern(SIZE_PX, 0)).is_err());
        drop(writer);
        let mut writer = Box::new(VideoWriter::create_with(ffmpeg, &path, &settings()).unwrap());
        writer.write(&pattern(SIZE_PX, 0)).unwrap();
        let error = writer.finish().unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.contains("disk is full"), "{error}");
        assert_eq!(num_entries(dir.path()), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_terminals_interrupt_does_not_reach_ffmpeg() {
        let dir = tempfile::tempdir().unwrap();
        let writer = VideoWriter::create(&dir.path().join("x.mp4"), &settings()).unwrap();
        let id = writer.process.as_ref().unwrap().id();
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
        let group = stat.rsplit(')').next().unwrap().split_whitespace().nth(2).unwrap();
        assert_eq!(group, id.to_string());
    }
}
