//! The last hand on the picture: fader, blackout, freeze.

use std::sync::Arc;

use lumawire_core::{HostImage, Param, Params, Pixels};

use crate::gpu::{linear_from_srgb8, srgb8_from_linear};

/// The master fader of every output.
pub(super) const LEVEL: Param = Param::float("level", "Level", 1.0, (0.0, 1.0))
    .doc("The master fader: a factor of the picture's light.");

/// The blackout switch of every output.
pub(super) const BLACKOUT: Param = Param::switch("blackout", "Blackout", false)
    .doc("Shows black at once, whatever comes, also where nothing comes; the graph runs on.");

/// The freeze switch of every output.
pub(super) const FREEZE: Param = Param::switch("freeze", "Freeze", false).doc(
    "Holds the picture that is shown; the graph runs on. In a render that begins late (--from), \
     outputs draw nothing before: a freeze set earlier holds the first picture that is drawn.",
);

/// Keeps what a frozen output shows.
#[derive(Default)]
pub(super) struct Master {
    held: Option<Arc<HostImage>>,
}

impl Master {
    /// Whether black is shown. `first` is the index of the fader; blackout and freeze follow it.
    pub fn is_black(params: Params<'_>, first: usize) -> bool {
        params.switch(first + 1)
    }

    /// The picture that a frozen output holds.
    pub fn held(&self, params: Params<'_>, first: usize) -> Option<Arc<HostImage>> {
        self.held.clone().filter(|_| params.switch(first + 2))
    }

    /// The picture to show in place of `image`, which is what a freeze would hold.
    pub fn applied(
        &mut self,
        image: Arc<HostImage>,
        params: Params<'_>,
        first: usize,
    ) -> Arc<HostImage> {
        self.held = Some(image.clone());
        let level = params.float(first);
        if level >= 1.0 { image } else { dimmed(&image, level) }
    }

    /// Forgets what it held.
    pub fn clear(&mut self) {
        self.held = None;
    }
}

/// The picture with its light times `level`.
fn dimmed(image: &HostImage, level: f32) -> Arc<HostImage> {
    let Pixels::Rgba8(pixels) = &image.pixels else { return Arc::new(image.clone()) };
    let codes: [u8; 256] =
        std::array::from_fn(|code| srgb8_from_linear(level * linear_from_srgb8(code as u8)));
    let dim = |[r, g, b, a]: [u8; 4]| [codes[r as usize], codes[g as usize], codes[b as usize], a];
    let pixels = pixels.as_chunks::<4>().0.iter().flat_map(|pixel| dim(*pixel)).collect();
    Arc::new(HostImage { pixels: Pixels::Rgba8(pixels), ..*image })
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{Encoding, Image, Value};

    use super::super::sequence;
    use super::*;

    fn grey(code: u8) -> Image {
        let pixels = Pixels::Rgba8(vec![code, code, code, 255]);
        Image::from_host(HostImage { width_px: 1, height_px: 1, pixels }, Encoding::Srgb)
    }

    fn shown(node: &mut Harness, code: u8) -> u8 {
        node.input("image", Value::Image(grey(code)));
        node.tick().unwrap();
        let Value::Image(image) = node.output("picture") else { panic!("no picture") };
        match &image.host().unwrap().pixels {
            Pixels::Rgba8(pixels) => pixels[0],
            Pixels::RgbaF32(_) => panic!("not 8 bits"),
        }
    }

    #[test]
    fn the_fader_takes_light_and_blackout_all() {
        let mut node = Harness::new(&sequence::SPEC).prepare().unwrap();
        assert_eq!(shown(&mut node, 200), 200);
        node.set_param("level", 0.5_f32);
        // Code 200 is 0.5776 of light; half of it is code 146.
        assert_eq!(shown(&mut node, 200), 146);
        node.set_param("blackout", true);
        assert_eq!(shown(&mut node, 200), 0);
    }

    #[test]
    fn a_frozen_output_holds_its_picture_and_can_still_be_faded() {
        let mut node = Harness::new(&sequence::SPEC).prepare().unwrap();
        assert_eq!(shown(&mut node, 100), 100);
        node.set_param("freeze", true);
        assert_eq!(shown(&mut node, 180), 100);
        node.set_param("blackout", true);
        assert_eq!(shown(&mut node, 190), 0);
        node.set_param("blackout", false);
        assert_eq!(shown(&mut node, 190), 100);
        node.set_param("freeze", false);
        assert_eq!(shown(&mut node, 120), 120);
    }
}
