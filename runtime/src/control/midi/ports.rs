//! Where MIDI comes from and goes to: the system's ports, or those of a test.

use std::time::Duration;

/// A port that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortInfo {
    /// What the system knows it by, for as long as it is there.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// Takes messages: the device's own time, and the bytes of one message. It is called on a thread of
/// the system's, and must not block.
pub type Heard = Box<dyn FnMut(Duration, &[u8]) + Send>;

/// Sends messages to a device.
pub trait Out: Send {
    /// Sends one message.
    fn send(&mut self, bytes: &[u8]) -> Result<(), String>;
}

/// An input that is open until it is dropped.
pub trait In: Send {}

/// The ports of a system.
pub trait Ports: Send {
    /// Those that send to us. The error says why there can be none.
    fn inputs(&mut self) -> Result<Vec<PortInfo>, String>;
    /// Those that take from us.
    fn outputs(&mut self) -> Result<Vec<PortInfo>, String>;
    /// Hears one.
    fn open_input(&mut self, port: &PortInfo, heard: Heard) -> Result<Box<dyn In>, String>;
    /// Sends to one.
    fn open_output(&mut self, port: &PortInfo) -> Result<Box<dyn Out>, String>;
}

/// A port's name without the numbers that ALSA gives it anew with every plug, as the ` 20:0` of
/// `nanoKONTROL2:nanoKONTROL2 MIDI 1 20:0`.
pub fn stable_name(name: &str) -> &str {
    let is_number = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    match name.rsplit_once(' ') {
        Some((front, address))
            if address.split_once(':').is_some_and(|(a, b)| is_number(a) && is_number(b)) =>
        {
            front
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stable_name_has_no_address() {
        for (name, expected) in [
            ("nanoKONTROL2:nanoKONTROL2 MIDI 1 20:0", "nanoKONTROL2:nanoKONTROL2 MIDI 1"),
            ("Launchpad Mini", "Launchpad Mini"),
            ("X-TOUCH MINI 1:", "X-TOUCH MINI 1:"),
            ("", ""),
        ] {
            assert_eq!(stable_name(name), expected);
        }
    }
}
