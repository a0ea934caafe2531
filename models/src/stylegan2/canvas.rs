//! Pictures of other shapes than the network's square.

/// How the learned constant, and the stored noise, go on beyond their edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Fill {
    /// Mirrored, the edge doubled: c b a | a b c d | d c b.
    #[default]
    Mirror,
    /// Mirrored about the edge: d c b | a b c d | c b a.
    Reflect,
    /// The edge goes on: a a a | a b c d | d d d.
    Replicate,
    /// From the other side: b c d | a b c d | a b c.
    Wrap,
}

impl Fill {
    /// The place in 0..`len` that stands for place `i` of a line that goes on beyond both ends.
    pub fn source(self, i: isize, len: usize) -> usize {
        let n = len.max(1) as isize;
        let place = match self {
            Self::Replicate => i.clamp(0, n - 1),
            Self::Wrap => i.rem_euclid(n),
            Self::Mirror => {
                let p = i.rem_euclid(2 * n);
                p.min(2 * n - 1 - p)
            }
            Self::Reflect if n == 1 => 0,
            Self::Reflect => {
                let p = i.rem_euclid(2 * n - 2);
                p.min(2 * n - 2 - p)
            }
        };
        place as usize
    }
}

/// The cells of the learned constant. The trained 4×4 lie in the middle; more columns or rows give a
/// wider or taller picture by the same network, which is convolutional: 7×4 of a 1024² network is
/// 1792×1024, about 16:9.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Canvas {
    /// Cells from left to right, 1..=32.
    pub columns: usize,
    /// Cells from top to bottom, 1..=32.
    pub rows: usize,
    /// What the cells around the trained ones hold.
    pub fill: Fill,
}

impl Default for Canvas {
    fn default() -> Self {
        Self { columns: 4, rows: 4, fill: Fill::Mirror }
    }
}

impl Canvas {
    /// Most columns and rows.
    pub const MAX_CELLS: usize = 32;

    /// Whether the picture has the trained shape.
    pub fn is_square(&self) -> bool {
        (self.columns, self.rows) == (4, 4)
    }

    /// Height and width, in pixels, of what has `resolution` pixels a side on the trained canvas.
    pub fn size_px(&self, resolution: usize) -> (usize, usize) {
        (self.rows * resolution / 4, self.columns * resolution / 4)
    }

    /// Spreads planes of `resolution`² over the canvas: `[n, resolution, resolution]` to
    /// `[n, height, width]`.
    pub fn widen(&self, planes: &[f32], resolution: usize) -> Vec<f32> {
        if self.is_square() {
            return planes.to_vec();
        }
        let (height, width) = self.size_px(resolution);
        let scale = (resolution / 4) as isize;
        let places = |cells: usize, len: usize| -> Vec<usize> {
            let first = -((cells as isize - 4).div_euclid(2)) * scale;
            (0..len as isize).map(|i| self.fill.source(first + i, resolution)).collect()
        };
        let (ys, xs) = (places(self.rows, height), places(self.columns, width));
        let mut wide =
            Vec::with_capacity(planes.len() / (resolution * resolution) * height * width);
        for plane in planes.chunks_exact(resolution * resolution) {
            for &y in &ys {
                let row = &plane[y * resolution..(y + 1) * resolution];
                wide.extend(xs.iter().map(|&x| row[x]));
            }
        }
        wide
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_on_as_drawn() {
        let line = |fill: Fill| -> String {
            (-3..7).map(|i| char::from(b'a' + fill.source(i, 4) as u8)).collect()
        };
        assert_eq!(line(Fill::Mirror), "cbaabcddcb");
        assert_eq!(line(Fill::Reflect), "dcbabcdcba");
        assert_eq!(line(Fill::Replicate), "aaaabcdddd");
        assert_eq!(line(Fill::Wrap), "bcdabcdabc");
        assert_eq!(Fill::Reflect.source(-5, 1), 0);
    }

    #[test]
    fn the_trained_cells_lie_in_the_middle() {
        let plane: Vec<f32> = (0..16).map(|i| i as f32).collect();
        assert_eq!(Canvas::default().widen(&plane, 4), plane);
        let canvas = Canvas { columns: 8, rows: 4, fill: Fill::Mirror };
        let wide = canvas.widen(&plane, 4);
        assert_eq!(wide[..8], [1.0, 0.0, 0.0, 1.0, 2.0, 3.0, 3.0, 2.0]);
        assert_eq!(wide.len(), 32);
        let narrow = Canvas { columns: 2, rows: 1, fill: Fill::Wrap }.widen(&plane, 4);
        // Cells 1 and 2 of row 1: floor((4 - 1)/2) rows are cut off above.
        assert_eq!(narrow, [9.0, 10.0]);
    }

    #[test]
    fn noise_is_widened_in_step_with_the_cells() {
        let plane: Vec<f32> = (0..64).map(|i| (i % 8) as f32).collect();
        let wide = Canvas { columns: 6, rows: 4, fill: Fill::Replicate }.widen(&plane, 8);
        assert_eq!(wide[..12], [0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 7.0, 7.0]);
    }
}
