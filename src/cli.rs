//! What the command line takes.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use lumawire_core::Fps;
use lumawire_editor::script::Script;
use lumawire_runtime::output::StreamUrl;

use crate::place::PlaceArgs;

/// Wire sound to neural imagery.
#[derive(Debug, Parser)]
#[command(name = "lumawire", version, about)]
pub struct Cli {
    /// What to do; without it the editor opens.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Say more on stderr: -v events, -vv the time of every node in every tick.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Where the generator is computed.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Render a patch to a video with sound, a PNG sequence or a still picture.
    Render(RenderArgs),
    /// Hear what is in a sound file: its features as arrays, tables and a picture.
    #[command(after_long_help = crate::command::analyse::long_help())]
    Analyse(crate::command::analyse::Args),
    /// Open the editor: patch, play and render in a window.
    Edit(EditArgs),
    /// Play a patch live: sound in, pictures in a window.
    Run(Box<RunArgs>),
    /// List sound devices, MIDI ports and screens.
    Devices,
    /// Check a patch and list all its faults; exits with 1 if there are any.
    Check {
        /// The patch.
        patch: PathBuf,
    },
    /// List the node kinds, or describe one.
    Nodes {
        /// A kind such as `analysis.chroma`, or a category such as `analysis`.
        kind: Option<String>,
        /// As JSON, with everything that is known of each kind.
        #[arg(long, conflicts_with = "markdown")]
        json: bool,
        /// As the Markdown reference.
        #[arg(long)]
        markdown: bool,
    },
    /// Convert a network of another program (NVIDIA's .pkl, rosinality's .pt, Real-ESRGAN's .pth) to safetensors.
    /// Nothing in the file is run.
    Import {
        /// The network.
        file: PathBuf,
        /// Where to: a name that ends in `.safetensors`.
        out: PathBuf,
        /// Under which licence the network is, for its card.
        #[arg(long, value_name = "TEXT")]
        licence: Option<String>,
        /// Replace the file if it exists.
        #[arg(long)]
        force: bool,
    },
    /// Look at networks.
    #[command(subcommand)]
    Model(ModelCommand),
    /// Write a new patch to start from.
    New {
        /// Where to; must not exist yet.
        file: PathBuf,
        /// Which shipped patch to start from; `list` lists them.
        #[arg(long, default_value = crate::command::new::DEFAULT)]
        from: String,
    },
    /// Draw the pictures of seeds, as arrays for numpy or as a sheet.
    Synth(crate::command::synth::Args),
    /// Draw every picture effect at three settings on one sheet.
    Effects(crate::command::effects::Args),
    /// Find directions along which a network's pictures vary most, for `latent.direction`.
    Ganspace(crate::command::ganspace::Args),
    /// Group a layer's channels by what they draw, to bend together.
    Clusters(crate::command::clusters::Args),
}

/// The subcommands of `model`.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Say what is in a network's file: sizes, memory, origin.
    Info {
        /// The network, in any format that opens.
        file: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What `edit` takes.
#[derive(Debug, Args)]
pub struct EditArgs {
    /// The patch; else the one that was open last, else a shipped one.
    pub patch: Option<PathBuf>,
    /// The sound (WAV, AIFF, FLAC, MP3, OGG, AAC, M4A); else the one that the patch names.
    #[arg(long, value_name = "FILE", conflicts_with = "input")]
    pub audio: Option<PathBuf>,
    /// Where the sound is played, by name (`lumawire devices`); else the system's choice.
    #[arg(long, value_name = "DEVICE")]
    pub audio_output: Option<String>,
    /// Hear this input, by name (`lumawire devices`); `none` hears nothing.
    #[arg(long, value_name = "DEVICE")]
    pub input: Option<String>,
    /// Draw the editor to this PNG file in place of a window. Needs no display.
    #[arg(long, value_name = "FILE")]
    pub screenshot: Option<PathBuf>,
    /// Size of that picture in pixels.
    #[arg(long, value_name = "WxH", value_parser = parse_size, default_value = "1440x900", requires = "screenshot")]
    pub size: (u32, u32),
    /// How many seconds the patch plays before that picture.
    #[arg(long, value_name = "SECS", value_parser = parse_secs, default_value = "3", requires = "screenshot")]
    pub after: f64,
    /// Pixels a point of that picture: 2 as on a dense screen.
    #[arg(long, value_parser = parse_scale, default_value = "1", requires = "screenshot")]
    pub scale: f32,
    /// What to do in the editor before that picture.
    #[arg(long, value_name = "STEPS", default_value = "", long_help = lumawire_editor::script::HELP, hide_default_value = true, requires = "screenshot")]
    pub script: Script,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub osc: OscArgs,
}

impl Default for EditArgs {
    fn default() -> Self {
        Self {
            patch: None,
            audio: None,
            audio_output: None,
            input: None,
            screenshot: None,
            size: (1440, 900),
            after: 3.0,
            scale: 1.0,
            script: Script::default(),
            osc: OscArgs::default(),
        }
    }
}

/// What `render` takes.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// The patch.
    #[arg(required_unless_present = "take", conflicts_with = "take")]
    pub patch: Option<PathBuf>,
    /// Render a take: a show that `run --record-take` kept, with the patch and the sound that it had.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["audio", "preset", "causal"])]
    pub take: Option<PathBuf>,
    /// Let the nodes of a take look ahead, which they could not on stage.
    #[arg(long, requires = "take")]
    pub look_ahead: bool,
    /// Begin with this preset of the patch.
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// The sound (WAV, AIFF, FLAC, MP3, OGG, AAC, M4A); else the one that the patch names.
    #[arg(long, value_name = "FILE")]
    pub audio: Option<PathBuf>,
    /// Where to: `.mp4` `.mov` `.mkv` `.webm`; a folder or `name_%05d.png` for a sequence; `.png`
    /// for the picture at --from.
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    /// Size of the picture in pixels; else the patch's own.
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    pub size: Option<(u32, u32)>,
    /// Frames a second: 30, 29.97 or 30000/1001; else the patch's own.
    #[arg(long, value_parser = parse_fps)]
    pub fps: Option<Fps>,
    /// Seed of what moves at random in the patch (walks, noise, random controls); else the patch's
    /// own.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Second to start at; else 0. What came before still shapes the picture, as in the full
    /// render.
    #[arg(long, value_name = "SECS", value_parser = parse_secs)]
    pub from: Option<f64>,
    /// Second to stop before; else the end of the sound.
    #[arg(long, value_name = "SECS", value_parser = parse_secs)]
    pub to: Option<f64>,
    /// Which output node to render, where the patch has several; else the first by name.
    #[arg(long, value_name = "NODE")]
    pub output: Option<String>,
    /// Hear the sound as on stage: no node looks ahead unless it is told to, and what is late stays
    /// late.
    #[arg(long)]
    pub causal: bool,
    /// Print the SHA-256 of all frames (size and 8-bit RGBA).
    #[arg(long)]
    pub hash: bool,
    /// No progress bar and no summary.
    #[arg(short, long)]
    pub quiet: bool,
    /// How progress is told.
    #[arg(long, value_enum, value_name = "FORM", default_value_t = ProgressForm::Bar)]
    pub progress: ProgressForm,
}

/// How progress is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ProgressForm {
    /// As a bar, and a summary at the end.
    Bar,
    /// As lines of JSON on stdout, for other programs: `phase` (`hear`, `roll`, `write`), `frame`,
    /// `total` where it is known, and `secs` since the start; no summary.
    Json,
}

/// What `run` takes.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The patch. When its file changes, the show takes it up.
    pub patch: PathBuf,
    /// The sound device to hear, by name or a part of it (`lumawire devices`); `none` hears silence.
    /// One that is there is remembered for the next time. Without it: the one chosen last, else the system's.
    #[arg(long, value_name = "DEVICE", conflicts_with = "audio")]
    pub input: Option<String>,
    /// Play this sound file and hear it.
    #[arg(long, value_name = "FILE")]
    pub audio: Option<PathBuf>,
    /// Begin the sound file again at its end.
    #[arg(long, requires = "audio")]
    pub repeat: bool,
    /// The device to play the file through; else the system's.
    #[arg(long, value_name = "DEVICE", requires = "audio")]
    pub audio_output: Option<String>,
    /// Sample rate of the device, in Hz; else its own.
    #[arg(long, value_name = "HZ", value_parser = clap::value_parser!(u32).range(1_000..=768_000))]
    pub rate: Option<u32>,
    /// Samples that the device hands over at once; else 512, or what the system prefers.
    #[arg(long, value_name = "SAMPLES", value_parser = clap::value_parser!(u32).range(16..=65_536))]
    pub buffer: Option<u32>,
    /// Fill a screen: its number or name (`lumawire devices`), or the window's own.
    #[arg(long, value_name = "SCREEN", num_args = 0..=1)]
    pub fullscreen: Option<Option<String>>,
    /// Size of the window in pixels; else 1280x720.
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    pub window: Option<(u32, u32)>,
    /// How pictures reach the screen.
    #[arg(long, value_enum, default_value_t = Present::Vsync)]
    pub present: Present,
    /// No window: run, and count. Needs no display.
    #[arg(long, conflicts_with_all = ["fullscreen", "window", "present"])]
    pub headless: bool,
    /// End after so many seconds of sound.
    #[arg(long, value_parser = parse_secs)]
    pub secs: Option<f64>,
    /// Size of the picture in pixels; else the patch's own.
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    pub size: Option<(u32, u32)>,
    /// Seed of everything random in the patch; else the patch's own.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Which output node to show, where the patch has several; else the first by name.
    #[arg(long, value_name = "NODE")]
    pub output: Option<String>,
    /// Record what is shown and heard: `.mkv`, `.mp4`, `.mov`; a folder or `name_%05d.png` for
    /// pictures with a WAV file. Nothing is overwritten: another take gets a number.
    #[arg(long, value_name = "FILE")]
    pub record: Vec<PathBuf>,
    /// Stream what is shown and heard: `srt://`, `udp://`, `rtsp://`, `rtmp://` and a host.
    #[arg(long, value_name = "URL")]
    pub stream: Vec<StreamUrl>,
    /// Show the pictures to other programs as a camera: a v4l2loopback device (Linux).
    #[arg(long, value_name = "DEVICE")]
    pub v4l2: Option<PathBuf>,
    /// A MIDI device to hear, by a part of its name (`lumawire devices`); several times for several.
    /// Those that are there are remembered for the next time. Without it: those chosen last, else all;
    /// `none` hears none.
    #[arg(long, value_name = "DEVICE")]
    pub midi: Vec<String>,
    /// Bind the MIDI control that is moved next to this parameter, and write that into the patch.
    /// Several take their turn.
    #[arg(long, value_name = "NODE.PARAM")]
    pub learn: Vec<String>,
    /// Follow Ableton Link, by way of the program Carabiner at this address; else at
    /// 127.0.0.1:17000.
    #[arg(long, value_name = "HOST:PORT", num_args = 0..=1)]
    pub link: Option<Option<String>>,
    /// Begin with this preset of the patch.
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Keep the show as a take in this new folder, to be rendered by `render --take`.
    #[arg(long, value_name = "FOLDER")]
    pub record_take: Option<PathBuf>,
    /// Write presets and latents that are stored during the show into the patch.
    #[arg(long)]
    pub keep: bool,
    /// Print the figures of every second as a line of JSON, and those of the run at its end.
    #[arg(long)]
    pub stats: bool,
    /// OSC in and out.
    #[command(flatten)]
    pub osc: OscArgs,
}

/// What `run` and `edit` take about OSC. Without it no port opens.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "OSC")]
pub struct OscArgs {
    /// Hear OSC at this UDP port, from programs of this machine.
    #[arg(long, value_name = "PORT")]
    pub osc: Option<u16>,
    /// Serve OSCQuery at this TCP port, so that other programs find the parameters.
    #[arg(long, value_name = "PORT", requires = "osc")]
    pub osc_query: Option<u16>,
    /// Hear the network interface of this address alone, in place of this machine.
    #[arg(long, value_name = "IP", requires = "osc", conflicts_with = "osc_open")]
    pub osc_bind: Option<std::net::IpAddr>,
    /// Let every machine of the network steer the show, and announce it there.
    #[arg(long, requires = "osc")]
    pub osc_open: bool,
    /// Tell this program how parameters change; `sender` is whoever sent last, `sender:9001` the same
    /// at that port. May be given again.
    #[arg(long, value_name = "HOST:PORT", requires = "osc")]
    pub osc_feedback: Vec<String>,
    /// Let nodes of the patch send to this other machine. May be given again.
    #[arg(long, value_name = "HOST[:PORT]")]
    pub osc_send: Vec<String>,
}

/// How pictures reach the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Present {
    /// In step with the screen, each in turn.
    Vsync,
    /// In step with the screen, the newest only, where the system can.
    Newest,
    /// At once; the picture may tear.
    Immediate,
}

impl Present {
    /// What wgpu calls it.
    pub fn mode(self) -> wgpu::PresentMode {
        match self {
            Self::Vsync => wgpu::PresentMode::Fifo,
            Self::Newest => wgpu::PresentMode::Mailbox,
            Self::Immediate => wgpu::PresentMode::Immediate,
        }
    }
}

fn parse_size(text: &str) -> Result<(u32, u32), String> {
    let (w, h) =
        text.split_once(['x', 'X']).ok_or("write it as WIDTHxHEIGHT, such as 1920x1080")?;
    let side = |s: &str| match s.trim().parse() {
        Ok(v @ 1..=16_384) => Ok(v),
        _ => Err(format!("`{s}` is no size: each side is 1 to 16384 pixels")),
    };
    Ok((side(w)?, side(h)?))
}

fn parse_scale(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(scale) if (0.5..=4.0).contains(&scale) => Ok(scale),
        _ => Err("write it as pixels a point, 0.5 to 4".to_owned()),
    }
}

/// A year: beyond it, something else was meant.
const MAX_SECS: f64 = 31_536_000.0;

fn parse_secs(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(secs) if (0.0..=MAX_SECS).contains(&secs) => Ok(secs),
        _ => Err(format!("write it as seconds from the start, such as 12.5, up to {MAX_SECS}")),
    }
}

/// A fraction, a whole number, or a decimal; the NTSC rates mean their exact fractions.
fn parse_fps(text: &str) -> Result<Fps, String> {
    let help = || format!("`{text}` is no frame rate: write 30, 29.97 or 30000/1001 (1 to 1000)");
    let fps = if let Some((num, den)) = text.split_once('/') {
        let part = |s: &str| s.parse::<u32>().ok().filter(|v| *v > 0).ok_or_else(help);
        Fps::new(part(num)?, part(den)?)
    } else {
        let value: f64 = text.parse().map_err(|_| help())?;
        let ntsc = (value.round() * 1000.0 / 1001.0 - value).abs() < 0.005;
        match value {
            v if v.fract() == 0.0 && (1.0..=1000.0).contains(&v) => Fps::new(v as u32, 1),
            v if ntsc && (1.0..=1000.0).contains(&v) => Fps::new(v.round() as u32 * 1000, 1001),
            v if (1.0..=1000.0).contains(&v) => Fps::new((v * 1000.0).round() as u32, 1000),
            _ => return Err(help()),
        }
    };
    if (1.0..=1000.0).contains(&fps.hz()) { Ok(fps) } else { Err(help()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_rates_are_exact_fractions() {
        assert_eq!(parse_fps("30"), Ok(Fps::new(30, 1)));
        assert_eq!(parse_fps("29.97"), Ok(Fps::new(30_000, 1_001)));
        assert_eq!(parse_fps("23.976"), Ok(Fps::new(24_000, 1_001)));
        assert_eq!(parse_fps("30000/1001"), Ok(Fps::new(30_000, 1_001)));
        assert_eq!(parse_fps("12.5"), Ok(Fps::new(12_500, 1_000)));
        for bad in ["0", "-1", "x", "1/0", "0/1", "1e9", "NaN"] {
            assert!(parse_fps(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_are_bounded() {
        assert_eq!(parse_size("1920x1080"), Ok((1920, 1080)));
        for bad in ["1920", "0x10", "99999x10", "axb", "10x"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }
}
