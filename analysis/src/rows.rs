//! Features over a whole signal.

use rayon::prelude::*;

/// Rows of equal length, one a moment: `[frames, bins]`, row after row. librosa's arrays are the
/// transpose, `[bins, frames]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows<T = f32> {
    num_bins: usize,
    data: Vec<T>,
}

impl<T: Copy + Default + Send + Sync> Rows<T> {
    /// `num_frames` rows of defaults.
    pub fn new(num_frames: usize, num_bins: usize) -> Self {
        Self { num_bins, data: vec![T::default(); num_frames * num_bins] }
    }

    /// Rows of `num_bins` values; what is too short for a row at the end is dropped.
    pub fn from_vec(num_bins: usize, mut data: Vec<T>) -> Self {
        data.truncate(data.len() - data.len() % num_bins.max(1));
        Self { num_bins, data }
    }

    /// Values in a row.
    pub fn num_bins(&self) -> usize {
        self.num_bins
    }

    /// Number of rows.
    pub fn num_frames(&self) -> usize {
        self.data.len() / self.num_bins.max(1)
    }

    /// Row `frame`, `[bins]`; empty where there is none.
    pub fn row(&self, frame: usize) -> &[T] {
        self.data.get(frame * self.num_bins..(frame + 1) * self.num_bins).unwrap_or_default()
    }

    /// Row `frame`, `[bins]`; empty where there is none.
    pub fn row_mut(&mut self, frame: usize) -> &mut [T] {
        let range = frame * self.num_bins..(frame + 1) * self.num_bins;
        self.data.get_mut(range).unwrap_or_default()
    }

    /// All rows in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &[T]> + ExactSizeIterator {
        self.data.chunks_exact(self.num_bins.max(1))
    }

    /// All rows in order.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut [T]> + ExactSizeIterator {
        self.data.chunks_exact_mut(self.num_bins.max(1))
    }

    /// All values, `[frames · bins]`.
    pub fn data(&self) -> &[T] {
        &self.data
    }

    /// The values, `[frames · bins]`.
    pub fn into_vec(self) -> Vec<T> {
        self.data
    }

    /// The transpose: what were bins are frames, `[bins, frames]`.
    pub fn transposed(&self) -> Self {
        let num_frames = self.num_frames();
        let mut out = Self::new(self.num_bins, num_frames);
        for (f, row) in self.iter().enumerate() {
            for (b, &v) in row.iter().enumerate() {
                out.data[b * num_frames + f] = v;
            }
        }
        out
    }

    /// Rows of `num_bins` values, each made of the row here at the same place, on all threads.
    pub fn map_rows<U: Copy + Default + Send + Sync>(
        &self,
        num_bins: usize,
        make: impl Fn(&[T], &mut [U]) + Sync,
    ) -> Rows<U> {
        let mut out = Rows::new(self.num_frames(), num_bins);
        let pairs = out.data.par_chunks_exact_mut(num_bins.max(1));
        pairs.zip(self.data.par_chunks_exact(self.num_bins.max(1))).for_each(|(to, from)| {
            make(from, to);
        });
        out
    }

    /// Each value changed by itself.
    pub fn map<U>(&self, f: impl Fn(T) -> U) -> Rows<U> {
        Rows { num_bins: self.num_bins, data: self.data.iter().map(|&v| f(v)).collect() }
    }

    /// All rows for writing, on all threads: `fill` gets the number of the row and the row.
    pub fn par_fill(&mut self, fill: impl Fn(usize, &mut [T]) + Sync) {
        let rows = self.data.par_chunks_exact_mut(self.num_bins.max(1)).enumerate();
        rows.for_each(|(frame, row)| fill(frame, row));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_their_transpose() {
        let rows = Rows::from_vec(3, vec![1, 2, 3, 4, 5, 6, 7]);
        assert_eq!((rows.num_frames(), rows.row(1), rows.row(2)), (2, &[4, 5, 6][..], &[][..]));
        let columns = rows.transposed();
        assert_eq!(columns.data(), [1, 4, 2, 5, 3, 6]);
        assert_eq!(columns.transposed(), rows);
        let sums = rows.map_rows(1, |row, out| out[0] = row.iter().sum::<i32>());
        assert_eq!(sums.data(), [6, 15]);
        assert_eq!(Rows::<f32>::new(0, 0).num_frames(), 0);
    }
}
