//! The system's sound devices, by cpal.

use std::num::NonZero;
use std::time::Instant;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{
    BufferSize, ErrorKind, FromSample, I24, SampleFormat, SizedSample, StreamConfig,
    SupportedBufferSize, SupportedStreamConfig, U24,
};

use super::device::{
    Backend, Callback, Device, DeviceError, Direction, Format, Opened, Wanted, Watch, find,
};
use super::line::Capture;
use super::player::Player;

/// Samples in a callback where nothing else is asked for: about ten milliseconds.
const DEFAULT_BUFFER_LEN: u32 = 512;

/// ALSA's own devices that are worth a line: cards, and the system's choice. The others are plugins
/// for parts of a card, or lead to sound servers, which complain aloud where they do not run; `null`
/// has no clock. All can be named in full.
const ALSA_SHOWN: [&str; 3] = ["default", "hw:", "plughw:"];

/// Opens the system's devices.
pub struct CpalBackend {
    wanted: Wanted,
}

impl CpalBackend {
    /// Opens what is wanted, each time anew: a device that was away is found by its name.
    pub fn new(wanted: Wanted) -> Self {
        Self { wanted }
    }
}

/// All sound devices of the system, by name.
pub fn devices() -> Vec<Device> {
    let mut all = Vec::new();
    for host in hosts() {
        let defaults = [host.default_input_device(), host.default_output_device()]
            .map(|device| device.and_then(|device| device.id().ok()));
        for device in host.devices().into_iter().flatten() {
            for direction in [Direction::Input, Direction::Output] {
                let Some((name, label)) = names(&device, direction) else { continue };
                let default = &defaults[usize::from(direction == Direction::Output)];
                all.push(Device {
                    is_monitor: direction == Direction::Input && name.ends_with(".monitor"),
                    is_default: default.as_ref().is_some_and(|id| id.to_string() == name),
                    format: config(&device, direction).ok().and_then(|c| format_of(&c)),
                    name,
                    label,
                    direction,
                });
            }
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// The system's ways to sound, the one that it prefers first.
fn hosts() -> Vec<cpal::Host> {
    let mut hosts = vec![cpal::default_host()];
    let first = hosts[0].id();
    let others = cpal::available_hosts().into_iter().filter(|id| *id != first);
    hosts.extend(others.filter_map(|id| cpal::host_from_id(id).ok()));
    hosts
}

/// A device's name and label, if it goes this way and is worth showing.
fn names(device: &cpal::Device, direction: Direction) -> Option<(String, String)> {
    let description = device.description().ok()?;
    let goes = match direction {
        Direction::Input => description.supports_input(),
        Direction::Output => description.supports_output(),
    };
    let id = device.id().ok()?;
    let is_alsa = id.to_string().starts_with("alsa:");
    let is_shown = !is_alsa || ALSA_SHOWN.iter().any(|shown| id.id().starts_with(shown));
    (goes && is_shown).then(|| (id.to_string(), description.name().to_owned()))
}

fn config(
    device: &cpal::Device,
    direction: Direction,
) -> Result<SupportedStreamConfig, cpal::Error> {
    match direction {
        Direction::Input => device.default_input_config(),
        Direction::Output => device.default_output_config(),
    }
}

fn format_of(config: &SupportedStreamConfig) -> Option<Format> {
    let rate_hz = NonZero::new(config.sample_rate())?;
    Some(Format { rate_hz, num_channels: usize::from(config.channels()).max(1) })
}

impl Backend for CpalBackend {
    fn open(
        &mut self,
        connect: &mut dyn FnMut(Format) -> Option<Callback>,
        watch: Watch,
    ) -> Result<Opened, DeviceError> {
        let device = self.device()?;
        let name = device.id().map(|id| id.to_string()).unwrap_or_default();
        let refused = |error: cpal::Error| DeviceError::Refused {
            device: name.clone(),
            reason: error.to_string(),
        };
        let supported = self.config(&device, &name)?;
        let gone = || DeviceError::Refused {
            device: name.clone(),
            reason: "its rate cannot be converted, or the last stream does not end".into(),
        };
        let format = format_of(&supported).ok_or_else(gone)?;
        let sizes = match buffer_size(self.wanted.buffer_len, &supported) {
            BufferSize::Default => vec![BufferSize::Default],
            // Some say that they take a size and then do not.
            fixed => vec![fixed, BufferSize::Default],
        };
        let mut last = None;
        for size in sizes {
            let config = StreamConfig { buffer_size: size, ..supported.config() };
            let callback = connect(format).ok_or_else(gone)?;
            let built = build(&device, config, supported.sample_format(), callback, watch.clone());
            match built.and_then(|stream| stream.play().map(|()| stream)) {
                Ok(stream) => {
                    let sample_format = supported.sample_format().to_string();
                    return Ok(Opened { name, format, sample_format, stream: Box::new(stream) });
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.map_or_else(gone, refused))
    }
}

impl CpalBackend {
    fn device(&self) -> Result<cpal::Device, DeviceError> {
        let direction = self.wanted.direction;
        let Some(asked) = &self.wanted.name else {
            let host = cpal::default_host();
            let device = match direction {
                Direction::Input => host.default_input_device(),
                Direction::Output => host.default_output_device(),
            };
            return device.ok_or(DeviceError::None(direction.kind()));
        };
        // Those that are not shown can still be named in full.
        if let Ok(id) = asked.parse::<cpal::DeviceId>() {
            let host = cpal::host_from_id(id.host()).ok();
            if let Some(device) = host.and_then(|host| host.device_by_id(&id)) {
                return Ok(device);
            }
        }
        let all: Vec<_> = hosts()
            .iter()
            .flat_map(|host| host.devices().into_iter().flatten())
            .filter_map(|device| {
                let (name, label) = names(&device, direction)?;
                Some((name, label, device))
            })
            .collect();
        find(&all, asked, direction.kind()).cloned()
    }

    /// How to run it: as it runs by itself, at the rate that was asked for.
    fn config(
        &self,
        device: &cpal::Device,
        name: &str,
    ) -> Result<SupportedStreamConfig, DeviceError> {
        let refused = |error: cpal::Error| DeviceError::Refused {
            device: name.to_owned(),
            reason: error.to_string(),
        };
        let default = config(device, self.wanted.direction).map_err(refused)?;
        let Some(rate_hz) = self.wanted.rate_hz.map(NonZero::get) else { return Ok(default) };
        if rate_hz == default.sample_rate() {
            return Ok(default);
        }
        let ranges: Vec<_> = match self.wanted.direction {
            Direction::Input => device.supported_input_configs().map_err(refused)?.collect(),
            Direction::Output => device.supported_output_configs().map_err(refused)?.collect(),
        };
        let fits = |range: &&cpal::SupportedStreamConfigRange| {
            range.contains_rate(rate_hz) && range.channels() == default.channels()
        };
        let best = ranges
            .iter()
            .filter(fits)
            .min_by_key(|range| range.sample_format() != default.sample_format());
        best.map(|range| (*range).with_sample_rate(rate_hz))
            .ok_or_else(|| DeviceError::Rate { device: name.to_owned(), rate_hz })
    }
}

fn buffer_size(asked: Option<u32>, supported: &SupportedStreamConfig) -> BufferSize {
    let len = asked.unwrap_or(DEFAULT_BUFFER_LEN);
    match supported.buffer_size() {
        SupportedBufferSize::Range { min, max } => BufferSize::Fixed(len.clamp(*min, *max)),
        SupportedBufferSize::Unknown => asked.map_or(BufferSize::Default, BufferSize::Fixed),
    }
}

/// Builds the stream for the format in which the device stores its samples.
fn build(
    device: &cpal::Device,
    config: StreamConfig,
    format: SampleFormat,
    callback: Callback,
    watch: Watch,
) -> Result<cpal::Stream, cpal::Error> {
    macro_rules! for_format {
        ($($name:ident => $type:ty),*) => {
            match (format, callback) {
                $((SampleFormat::$name, Callback::Capture(capture)) => {
                    input::<$type>(device, config, capture, watch)
                }
                (SampleFormat::$name, Callback::Play(player)) => {
                    output::<$type>(device, config, player, watch)
                })*
                _ => Err(cpal::Error::with_message(
                    ErrorKind::UnsupportedConfig,
                    format!("its samples are stored as {format}, which is not understood here"),
                )),
            }
        };
    }
    for_format!(
        I8 => i8, I16 => i16, I24 => I24, I32 => i32, I64 => i64,
        U8 => u8, U16 => u16, U24 => U24, U32 => u32, U64 => u64,
        F32 => f32, F64 => f64
    )
}

fn input<T: SizedSample>(
    device: &cpal::Device,
    config: StreamConfig,
    mut capture: Capture,
    watch: Watch,
) -> Result<cpal::Stream, cpal::Error>
where
    f32: FromSample<T>,
{
    device.build_input_stream::<T, _, _>(
        config,
        move |data, _| capture.write(data, Instant::now()),
        move |error| tell(&watch, &error),
        None,
    )
}

fn output<T: SizedSample + FromSample<f32>>(
    device: &cpal::Device,
    config: StreamConfig,
    mut player: Box<Player>,
    watch: Watch,
) -> Result<cpal::Stream, cpal::Error> {
    device.build_output_stream::<T, _, _>(
        config,
        move |data, _| player.fill(data, Instant::now()),
        move |error| tell(&watch, &error),
        None,
    )
}

/// What an error means for the stream.
fn tell(watch: &Watch, error: &cpal::Error) {
    match error.kind() {
        ErrorKind::Xrun => watch.xrun(),
        // The stream goes on.
        ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied => {}
        _ => watch.lose(error.to_string()),
    }
}
