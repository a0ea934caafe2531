//! MIDI: devices that come and go, controls that steer parameters, and what they are shown back.
//!
//! ```text
//! device ─▶ message ─▶ touch ─▶ mapper ─▶ Remote
//!              ├─────▶ clock ─▶ Conductor ─▶ Remote      Board ─▶ feedback ─▶ device
//!              └─────▶ learner
//! ```

mod feedback;
mod keeper;
mod keys;
mod learn;
mod mapper;
mod message;
mod midir_ports;
mod ports;
mod session;
mod touch;

pub use keeper::MidiKeeper;
pub use keys::{CHANNEL, CLASSES, HITS, Keys, NOTE, NOTES_KIND, NUM_HELD, VELOCITY};
pub use learn::Learner;
pub use mapper::{Mapper, Port, Readings};
pub use message::Message;
pub use midir_ports::SystemPorts;
pub use ports::{Heard, In, Out, PortInfo, Ports, stable_name};
pub use session::{MidiEvent, Session};
pub use touch::{Hands, Moved, Touch};
