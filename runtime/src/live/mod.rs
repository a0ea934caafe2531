//! The stage: sound from a device, the engine driven by its clock, pictures to whoever shows them.
//!
//! ```text
//! callback ──ring──▶ LiveInput ──▶ Show, Engine ──▶ PictureSlot ──▶ window
//!    ▲                                   │                            │
//!  Keeper (opens, watches, reopens)      ├────────▶ Stats ◀───────────┘
//!                                        └──▶ FanOut ──▶ Recorders (files, streams)
//! ```
//!
//! The only clock is the device's: the engine runs the samples that have come, and a frame is due
//! when its sample is. Where there is no device, a [`steady`] clock plays its part.

mod cpal_backend;
mod deck;
mod device;
mod fan_out;
mod health;
mod input;
mod keeper;
mod line;
mod player;
mod recorder;
mod resample;
mod slot;
mod stage;
mod stats;
mod steady;
mod switch;

pub use cpal_backend::CpalBackend;
pub use deck::{Deck, Reopen};
pub use device::{
    Backend, Callback, Device, DeviceError, Direction, Format, Opened, Wanted, Watch, devices,
};
pub use fan_out::FanOut;
pub use health::{Health, HealthCounts};
pub use input::LiveInput;
pub use keeper::{AudioEvent, Keeper, open_input, open_playback};
pub use line::Capture;
pub use player::Player;
pub use recorder::{OutputEvent, OutputFigures, OutputWatch, Recorder};
pub use slot::{Picture, PictureSlot};
pub use stage::{Stage, StageEnd};
pub use stats::{Distribution, Stats, StatsReport};
pub use switch::Switch;
