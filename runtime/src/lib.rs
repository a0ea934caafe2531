//! What runs a plan: the engine, the transports that feed it, and the writers that take its
//! pictures.

pub mod control;
pub mod engine;
pub mod live;
pub mod output;
pub mod preparer;
pub mod probe;
pub mod render;
pub mod show;
pub mod study;
pub mod take;
pub mod transport;

pub use engine::{
    Engine, FrameMode, Garbage, NodeReport, NodeTime, Prepared, RunCx, Running, prepare,
    prepare_while,
};
pub use preparer::{PlanSlot, Preparer, SwapPort, SwapTimes};
