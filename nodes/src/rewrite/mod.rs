//! Model rewriting: changes of a network's weights while it runs. Each node adds one change to those
//! that travel with the network; the generator applies them in their order.

mod shared;

pub mod mix;
pub mod noise;
pub mod prune;
pub mod rotate_channels;
pub mod scale;
