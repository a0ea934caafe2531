//! Bends of features that lie channels last.

use rayon::prelude::*;

use super::Tools;
use super::features::Features;
use crate::stylegan2::bend::{Bend, Channels};
use crate::stylegan2::shaping::Shaping;

/// Bends the first `num_channels` channels of layer `layer`'s features, each as a plane.
pub fn apply(
    tools: &Tools,
    shaping: &Shaping,
    layer: usize,
    num_channels: usize,
    x: &mut Features,
) {
    let (height, width) = (x.height, x.width);
    for bend in shaping.bends_at(layer) {
        let channels = bend.channels.indices(num_channels);
        let mut planes = tools.buffers.take();
        planes.resize(channels.len() * height * width);
        planes.par_chunks_mut(height * width).zip(&channels).for_each(|(plane, &channel)| {
            x.plane(channel, plane);
        });
        // The planes at hand are those that it bends.
        let bend = Bend { channels: Channels::All, ..bend.clone() };
        bend.apply(&mut planes, height, width);
        x.set_planes(&channels, &planes);
    }
}
