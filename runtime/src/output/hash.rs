//! One number for a whole render.

use sha2::{Digest, Sha256};

use lumawire_core::{HostImage, Pixels};

/// A running SHA-256 over every frame's width, height (both as little-endian u32) and values
/// (RGBA8 as they are, floats as little-endian f32). Equal renders have equal hashes.
#[derive(Debug, Clone, Default)]
pub struct FrameHash {
    state: Sha256,
}

impl FrameHash {
    /// Takes a frame in.
    pub fn update(&mut self, frame: &HostImage) {
        self.state.update(frame.width_px.to_le_bytes());
        self.state.update(frame.height_px.to_le_bytes());
        match &frame.pixels {
            Pixels::Rgba8(bytes) => self.state.update(bytes),
            Pixels::RgbaF32(values) => {
                values.iter().for_each(|v| self.state.update(v.to_le_bytes()));
            }
        }
    }

    /// The hash of the frames so far: 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        self.state.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sha256_of_sizes_and_bytes() {
        let mut hash = FrameHash::default();
        // SHA-256 of nothing (FIPS 180-4 test vector).
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hash.hex(), empty);
        let pixels = Pixels::Rgba8(vec![1, 2, 3, 4, 5, 6, 7, 8]);
        hash.update(&HostImage { width_px: 2, height_px: 1, pixels });
        let bytes = [2, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
        let truth: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hash.hex(), truth);
        assert_eq!(hash.hex(), truth, "asking changes nothing");
    }

    #[test]
    fn the_same_bytes_in_another_shape_are_another_render() {
        let hash = |width_px, height_px| {
            let mut hash = FrameHash::default();
            hash.update(&HostImage { width_px, height_px, pixels: Pixels::Rgba8(vec![9; 16]) });
            hash.hex()
        };
        assert_ne!(hash(4, 1), hash(1, 4));
    }
}
