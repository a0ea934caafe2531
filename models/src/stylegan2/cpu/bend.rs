//! Bends of features that lie channels last.

use rayon::prelude::*;

use super::Tools;
use super::features::Features;
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
        if channels.is_empty() {
            continue;
        }
        let mut planes = tools.buffers.take();
        planes.resize(channels.len() * height * width);
        planes.par_chunks_mut(height * width).zip(&channels).for_each_init(
            || (Vec::new(), Vec::new()),
            |(original, scratch), (plane, &channel)| {
                x.plane(channel, plane);
                bend.apply_to(plane, height, width, original, scratch);
            },
        );
        x.set_planes(&channels, &planes);
    }
}
