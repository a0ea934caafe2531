//! The system's ports.

use std::time::Duration;

use midir::{
    Ignore, MidiInput, MidiInputConnection, MidiInputPort, MidiOutput, MidiOutputConnection,
    MidiOutputPort,
};

use super::ports::{Heard, In, Out, PortInfo, Ports};

/// What we are called. Ports of this name are our own.
const CLIENT: &str = "Lumawire";

/// The ports of ALSA, CoreMIDI or Windows.
pub struct SystemPorts {
    input: MidiInput,
    output: MidiOutput,
}

impl SystemPorts {
    /// Opens the system's MIDI. The error says what is missing: on Linux it is mostly the kernel's
    /// sequencer, `modprobe snd-seq`.
    pub fn open() -> Result<Self, String> {
        let help = |error: midir::InitError| {
            let hint = if cfg!(target_os = "linux") { " (is snd-seq loaded?)" } else { "" };
            format!("{error}{hint}")
        };
        let input = MidiInput::new(CLIENT).map_err(help)?;
        let output = MidiOutput::new(CLIENT).map_err(help)?;
        Ok(Self { input, output })
    }

    fn input_port(&self, info: &PortInfo) -> Option<MidiInputPort> {
        self.input.find_port_by_id(&info.id)
    }

    fn output_port(&self, info: &PortInfo) -> Option<MidiOutputPort> {
        self.output.find_port_by_id(&info.id)
    }
}

/// Open as long as it is held.
struct Receiver {
    _connection: MidiInputConnection<()>,
}

impl In for Receiver {}

struct Sender(MidiOutputConnection);

impl Out for Sender {
    fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.0.send(bytes).map_err(|error| error.to_string())
    }
}

impl Ports for SystemPorts {
    fn inputs(&mut self) -> Result<Vec<PortInfo>, String> {
        let info = |port: &MidiInputPort| {
            Some(PortInfo { id: port.id(), name: self.input.port_name(port).ok()? })
        };
        Ok(others(self.input.ports().iter().filter_map(info)))
    }

    fn outputs(&mut self) -> Result<Vec<PortInfo>, String> {
        let info = |port: &MidiOutputPort| {
            Some(PortInfo { id: port.id(), name: self.output.port_name(port).ok()? })
        };
        Ok(others(self.output.ports().iter().filter_map(info)))
    }

    fn open_input(&mut self, info: &PortInfo, mut heard: Heard) -> Result<Box<dyn In>, String> {
        let port = self.input_port(info).ok_or("it is gone")?;
        let mut input = MidiInput::new(CLIENT).map_err(|error| error.to_string())?;
        input.ignore(Ignore::SysexAndActiveSense);
        let call = move |micros, bytes: &[u8], (): &mut ()| {
            heard(Duration::from_micros(micros), bytes);
        };
        let connection = input.connect(&port, "in", call, ()).map_err(|e| e.to_string())?;
        Ok(Box::new(Receiver { _connection: connection }))
    }

    fn open_output(&mut self, info: &PortInfo) -> Result<Box<dyn Out>, String> {
        let port = self.output_port(info).ok_or("it is gone")?;
        let output = MidiOutput::new(CLIENT).map_err(|error| error.to_string())?;
        let connection = output.connect(&port, "out").map_err(|e| e.to_string())?;
        Ok(Box::new(Sender(connection)))
    }
}

/// All but our own.
fn others(ports: impl Iterator<Item = PortInfo>) -> Vec<PortInfo> {
    ports.filter(|port| !port.name.starts_with(CLIENT)).collect()
}
