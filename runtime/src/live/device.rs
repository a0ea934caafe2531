//! Sound devices: what there is, what is wanted, and what opening one gives.

use std::any::Any;
use std::num::NonZero;
use std::sync::Arc;

use crossbeam_channel::Sender;
use thiserror::Error;

use super::health::Health;
use super::line::Capture;
use super::player::Player;

pub use super::cpal_backend::devices;

/// How a stream comes or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Samples a second.
    pub rate_hz: NonZero<u32>,
    /// Channels, at least 1.
    pub num_channels: usize,
}

/// Which way a device goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Microphones, lines, monitors.
    Input,
    /// Loudspeakers.
    Output,
}

/// A sound device of the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The name by which it is opened: the same after a restart, and after it was unplugged.
    pub name: String,
    /// What people call it.
    pub label: String,
    /// Which way it goes.
    pub direction: Direction,
    /// Whether it hears what an output plays.
    pub is_monitor: bool,
    /// Whether the system takes it where none is named.
    pub is_default: bool,
    /// How it runs where nothing else is asked for; `None` if it cannot be opened now.
    pub format: Option<Format>,
}

/// Which device to open, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Which way.
    pub direction: Direction,
    /// Its name, its label, or a part of either that only one has; `None` for the system's choice.
    pub name: Option<String>,
    /// Samples a second; `None` for the device's own.
    pub rate_hz: Option<NonZero<u32>>,
    /// Samples in a callback; `None` for a size that is usually safe. The system may take another.
    pub buffer_len: Option<u32>,
}

impl Device {
    /// Whether `asked` is its name, its label, or a part of either.
    pub fn is_called(&self, asked: &str) -> bool {
        fits(&self.name, &self.label, asked)
    }
}

/// Why a device cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeviceError {
    /// There is none.
    #[error("the system has no {0} device")]
    None(&'static str),
    /// None has this name.
    #[error("no {kind} device is called `{name}`; `lumawire devices` lists them")]
    Unknown {
        /// Input or output.
        kind: &'static str,
        /// What was asked for.
        name: String,
    },
    /// Several have it.
    #[error("`{name}` may be any of {}; name one of them in full", found.join(", "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// Which fit.
        found: Vec<String>,
    },
    /// It does not run so.
    #[error("{device} does not run at {rate_hz} Hz; leave --rate out to take its own")]
    Rate {
        /// The device.
        device: String,
        /// What was asked for.
        rate_hz: u32,
    },
    /// The system refused.
    #[error("{device}: {reason}")]
    Refused {
        /// The device.
        device: String,
        /// What the system said.
        reason: String,
    },
}

/// What a stream calls.
pub enum Callback {
    /// With what was heard.
    Capture(Capture),
    /// For what is to be played.
    Play(Box<Player>),
}

/// A running stream; dropping it stops it.
pub struct Opened {
    /// The device's name.
    pub name: String,
    /// How it runs.
    pub format: Format,
    /// How its samples are stored.
    pub sample_format: String,
    /// What keeps it running.
    pub stream: Box<dyn Any + Send>,
}

/// Where a stream tells what befalls it.
#[derive(Debug, Clone)]
pub struct Watch {
    health: Arc<Health>,
    lost: Sender<String>,
}

impl Watch {
    pub(super) fn new(health: Arc<Health>, lost: Sender<String>) -> Self {
        Self { health, lost }
    }

    /// Samples were lost or came too late.
    pub fn xrun(&self) {
        self.health.count_xrun();
    }

    /// The stream is over.
    pub fn lose(&self, reason: String) {
        // Who has been told once needs no second reason.
        let _ = self.lost.try_send(reason);
    }
}

/// Where streams come from: the system's devices, or a test's.
pub trait Backend: Send {
    /// Opens the wanted device and starts it. `connect` gives what it is to call, once it is known
    /// how the device runs. Waits as long as the system does.
    fn open(
        &mut self,
        connect: &mut dyn FnMut(Format) -> Option<Callback>,
        watch: Watch,
    ) -> Result<Opened, DeviceError>;
}

impl Direction {
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
        }
    }
}

fn fits(name: &str, label: &str, asked: &str) -> bool {
    let asked = asked.to_lowercase();
    name.to_lowercase().contains(&asked) || label.to_lowercase().contains(&asked)
}

/// The one of `devices`, as name and label, that `asked` means: in full before in part.
pub(super) fn find<'a, T>(
    devices: &'a [(String, String, T)],
    asked: &str,
    kind: &'static str,
) -> Result<&'a T, DeviceError> {
    let exact = |(name, label, _): &&(String, String, T)| name == asked || label == asked;
    if let Some(found) = devices.iter().find(exact) {
        return Ok(&found.2);
    }
    let found: Vec<_> = devices.iter().filter(|(n, l, _)| fits(n, l, asked)).collect();
    match found[..] {
        [] => Err(DeviceError::Unknown { kind, name: asked.to_owned() }),
        [one] => Ok(&one.2),
        _ => Err(DeviceError::Ambiguous {
            name: asked.to_owned(),
            found: found.iter().map(|(name, _, _)| name.clone()).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_found_by_name_label_or_part() {
        let devices = [
            ("pulseaudio:usb".to_owned(), "USB Mixer".to_owned(), 1),
            ("pulseaudio:usb.monitor".to_owned(), "Monitor of USB Mixer".to_owned(), 2),
            ("alsa:hw:CARD=PCH".to_owned(), "Built-in".to_owned(), 3),
        ];
        let found = |asked| find(&devices, asked, "input");
        assert_eq!(found("pulseaudio:usb"), Ok(&1), "in full, though another begins so");
        assert_eq!(found("USB Mixer"), Ok(&1));
        assert_eq!(found("monitor"), Ok(&2));
        assert_eq!(found("built"), Ok(&3));
        assert!(
            matches!(found("usb"), Err(DeviceError::Ambiguous { found, .. }) if found.len() == 2)
        );
        assert!(matches!(found("zoom"), Err(DeviceError::Unknown { .. })));
    }
}
