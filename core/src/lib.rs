//! The language of Lumawire: values and port types, node and parameter specs, the graph
//! document with its edits, its compilation to a plan, and the patch file.
//!
//! Nothing here knows threads, devices, files other than the patch, or wall clocks: the same
//! inputs give the same results everywhere.

pub mod clock;
pub mod control;
pub mod error;
pub mod facts;
pub mod graph;
pub mod harness;
mod near;
pub mod node;
pub mod outbox;
pub mod param;
pub mod patch;
pub mod plan;
pub mod services;
pub mod spec;
#[cfg(test)]
mod stubs;
pub mod value;

pub use clock::{Clock, Fps, Tick};
pub use error::NodeError;
pub use facts::Facts;
pub use graph::{
    Boundary, Cost, Edit, EditError, Frame, Graph, GraphNode, Group, History, Mode, Wire, WireEnds,
};
pub use node::{Inputs, Io, Node, Outputs, Params, PrepareCx, Timing};
pub use param::{FileRef, ParamValue};
pub use plan::{Fault, Plan, Step, compile, compile_whole};
pub use services::{Offline, Services};
pub use spec::{Change, Domain, FileKind, NodeSpec, Param, Port, Rate, Registry, Role, Unit};
pub use value::{
    AudioBlock, Bands, Chroma, DeviceImage, Encoding, Handle, Hops, HostImage, Image, ImageHome,
    Latent, LatentBank, Pixels, PortType, Space, Spectrum, Value,
};
