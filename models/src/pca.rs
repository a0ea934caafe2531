//! Principal component analysis of samples that come in batches: exact where the covariance fits
//! into memory, randomised where it does not.

use candle_core::{DType, Device, Tensor};
use nalgebra::{DMatrix, SymmetricEigen};

use crate::ModelError;
use crate::random::RandomState;

/// The leading principal components of a set of samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    /// Mean of the samples, `[dim]`.
    pub mean: Vec<f32>,
    /// Orthogonal unit vectors, strongest first, `[num_components, dim]`. The value of largest
    /// magnitude in each is positive.
    pub components: Vec<f32>,
    /// Standard deviation of the samples along each (of n - 1), `[num_components]`.
    pub stdev: Vec<f32>,
    /// Share of each in the samples' variance, `[num_components]`.
    pub explained_variance_ratio: Vec<f32>,
}

/// Sums that grow with every batch, from which [`Pca`] follows exactly. It holds `dim²` f64.
pub struct Covariance {
    num_samples: usize,
    /// Mean of the first batch: sums are taken about it, so that they lose no digits to a mean far
    /// from 0.
    shift: Option<Tensor>,
    sum: Tensor,
    products: Tensor,
}

impl Covariance {
    /// No samples yet of `dim` values each.
    pub fn new(dim: usize) -> Result<Self, ModelError> {
        Ok(Self {
            num_samples: 0,
            shift: None,
            sum: Tensor::zeros((1, dim), DType::F64, &Device::Cpu)?,
            products: Tensor::zeros((dim, dim), DType::F64, &Device::Cpu)?,
        })
    }

    /// Takes in `samples` `[n, dim]`.
    pub fn add(&mut self, samples: &Tensor) -> Result<(), ModelError> {
        let samples = samples.to_dtype(DType::F64)?;
        let shift = match &self.shift {
            Some(shift) => shift.clone(),
            None => self.shift.insert(samples.mean_keepdim(0)?).clone(),
        };
        let x = samples.broadcast_sub(&shift)?;
        self.num_samples += x.dim(0)?;
        self.sum = (&self.sum + x.sum_keepdim(0)?)?;
        self.products = (&self.products + x.t()?.matmul(&x)?)?;
        Ok(())
    }

    /// The components, at most `num_components` and as many as the samples can have.
    pub fn finish(self, num_components: usize) -> Result<Pca, ModelError> {
        let n = check_count(self.num_samples)?;
        let offset = (&self.sum / n)?;
        let covariance = ((self.products - (offset.t()?.matmul(&offset)? * n)?)? / (n - 1.0))?;
        let eigen = Eigen::of(&covariance)?;
        let mean = match self.shift {
            Some(shift) => (shift + offset)?,
            None => offset,
        };
        let total: f64 = eigen.values.iter().sum();
        let k = num_components.min(eigen.values.len()).min(self.num_samples - 1);
        let mut components: Vec<f32> =
            eigen.vectors[..k].iter().flatten().map(|v| *v as f32).collect();
        for component in components.chunks_exact_mut(mean.elem_count()) {
            orient(component);
        }
        Ok(Pca {
            mean: mean.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?,
            components,
            stdev: eigen.values[..k].iter().map(|v| v.sqrt() as f32).collect(),
            explained_variance_ratio: eigen.values[..k]
                .iter()
                .map(|v| (v / total.max(f64::MIN_POSITIVE)) as f32)
                .collect(),
        })
    }
}

/// Directions that [`randomized`] follows beyond those asked for (Halko et al., 2011, advise 5 or
/// 10).
pub(crate) const OVERSAMPLING: usize = 10;
/// How often [`randomized`] goes through the samples.
pub const NUM_PASSES: usize = 3;
/// Rows of a matrix that are taken to f64 at a time.
const ROWS_AT_A_TIME: usize = 1 << 15;

/// What a pass does with each batch of samples, `[n, dim]`.
pub type Visit<'a> = &'a mut dyn FnMut(&Tensor) -> Result<(), ModelError>;

/// PCA of samples too wide for a covariance, by the randomised method of Halko, Martinsson and
/// Tropp, "Finding structure with randomness" (2011), with one power iteration. It holds
/// 3·(num_components + 10)·dim f32.
///
/// `pass` shows its argument all batches, the same ones in the same order each time; it is called
/// [`NUM_PASSES`] times. `seed` is that of the random test matrix. Also returns the samples'
/// coordinates on the components, `[num_samples, num_components]`, which have mean 0 and no
/// correlation.
pub fn randomized(
    num_components: usize,
    seed: u32,
    mut pass: impl FnMut(Visit<'_>) -> Result<(), ModelError>,
) -> Result<(Pca, Tensor), ModelError> {
    let width = num_components + OVERSAMPLING;
    let mut sketch = Sketch { random: RandomState::new(seed), width, sums: None, num_samples: 0 };
    pass(&mut |x| sketch.add(x))?;
    let n = check_count(sketch.num_samples)?;
    let (mean, range) = sketch.finish()?;

    let basis = orthonormalize(&range)?;
    let mut power: Option<Tensor> = None;
    pass(&mut |x| {
        let x = x.broadcast_sub(&mean)?;
        accumulate(&mut power, x.t()?.matmul(&x.matmul(&basis)?)?)
    })?;
    let basis = orthonormalize(&power.ok_or_else(no_samples)?)?;

    let (mut coordinates, mut variance) = (Vec::new(), 0.0);
    pass(&mut |x| {
        let x = x.broadcast_sub(&mean)?;
        variance += f64::from(x.sqr()?.mean_all()?.to_scalar::<f32>()?) * x.elem_count() as f64;
        coordinates.push(x.matmul(&basis)?);
        Ok(())
    })?;
    let coordinates = Tensor::cat(&coordinates, 0)?;
    let eigen = Eigen::of(&(gram(&coordinates)? / (n - 1.0))?)?;
    let k = num_components.min(eigen.values.len()).min(coordinates.dim(0)? - 1);
    let mut rotation: Vec<Vec<f32>> = Vec::with_capacity(k);
    let mut components = Vec::with_capacity(k * mean.elem_count());
    for vector in &eigen.vectors[..k] {
        let mut vector: Vec<f32> = vector.iter().map(|v| *v as f32).collect();
        let column = Tensor::from_slice(&vector, (vector.len(), 1), &Device::Cpu)?;
        let mut component = basis.matmul(&column)?.flatten_all()?.to_vec1::<f32>()?;
        if orient(&mut component) {
            vector.iter_mut().for_each(|v| *v = -*v);
        }
        components.extend(component);
        rotation.push(vector);
    }
    let rotation = Tensor::new(rotation, &Device::Cpu)?;
    let pca = Pca {
        mean: mean.flatten_all()?.to_vec1()?,
        components,
        stdev: eigen.values[..k].iter().map(|v| v.sqrt() as f32).collect(),
        explained_variance_ratio: eigen.values[..k]
            .iter()
            .map(|v| (v * (n - 1.0) / variance.max(f64::MIN_POSITIVE)) as f32)
            .collect(),
    };
    Ok((pca, coordinates.matmul(&rotation.t()?)?))
}

/// The first pass: the samples' mean, and their mixtures by random weights, which span about the
/// space of the strongest components.
struct Sketch {
    random: RandomState,
    width: usize,
    sums: Option<SketchSums>,
    num_samples: usize,
}

struct SketchSums {
    /// Mean of the first batch, about which sums are taken, `[1, dim]`.
    shift: Tensor,
    /// Σ x, `[1, dim]`, f64.
    sum: Tensor,
    /// Σ of the weights, `[1, width]`.
    weight_sum: Tensor,
    /// Σ x·weights, `[dim, width]`.
    mixtures: Tensor,
}

impl Sketch {
    fn add(&mut self, samples: &Tensor) -> Result<(), ModelError> {
        let rows = samples.dim(0)?;
        self.num_samples += rows;
        let mut weights = vec![0.0; rows * self.width];
        self.random.fill_normal(&mut weights);
        let weights = Tensor::from_vec(weights, (rows, self.width), &Device::Cpu)?;
        let shift = match &self.sums {
            Some(sums) => sums.shift.clone(),
            None => samples.mean_keepdim(0)?,
        };
        let x = samples.broadcast_sub(&shift)?;
        let sum = x.sum_keepdim(0)?.to_dtype(DType::F64)?;
        let weight_sum = weights.sum_keepdim(0)?;
        let mixtures = x.t()?.matmul(&weights)?;
        self.sums = Some(match self.sums.take() {
            None => SketchSums { shift, sum, weight_sum, mixtures },
            Some(sums) => SketchSums {
                shift,
                sum: (sums.sum + sum)?,
                weight_sum: (sums.weight_sum + weight_sum)?,
                mixtures: (sums.mixtures + mixtures)?,
            },
        });
        Ok(())
    }

    /// The mean `[1, dim]` and the mixtures of the centred samples `[dim, width]`.
    fn finish(self) -> Result<(Tensor, Tensor), ModelError> {
        let sums = self.sums.ok_or_else(no_samples)?;
        let offset = (sums.sum / self.num_samples as f64)?.to_dtype(DType::F32)?;
        let mixtures = (sums.mixtures - offset.t()?.matmul(&sums.weight_sum)?)?;
        Ok(((sums.shift + offset)?, mixtures))
    }
}

fn accumulate(sum: &mut Option<Tensor>, more: Tensor) -> Result<(), ModelError> {
    *sum = Some(match sum.take() {
        Some(sum) => (sum + more)?,
        None => more,
    });
    Ok(())
}

fn no_samples() -> ModelError {
    ModelError::Input("there are no samples".into())
}

/// The number of samples, from which a variance can be told.
fn check_count(num_samples: usize) -> Result<f64, ModelError> {
    match num_samples {
        0 | 1 => Err(ModelError::Input("a variance needs at least 2 samples".into())),
        n => Ok(n as f64),
    }
}

/// xᵀ·x in f64, `[width, width]`, of `x` `[rows, width]`.
fn gram(x: &Tensor) -> Result<Tensor, ModelError> {
    let rows = x.dim(0)?;
    let mut sum = None;
    for first in (0..rows).step_by(ROWS_AT_A_TIME) {
        let part = x.narrow(0, first, ROWS_AT_A_TIME.min(rows - first))?.to_dtype(DType::F64)?;
        accumulate(&mut sum, part.t()?.matmul(&part)?)?;
    }
    sum.ok_or_else(no_samples)
}

/// Orthonormal columns that span those of `x` `[rows, width]`, without those that are lost in
/// rounding. By the eigenvectors of xᵀ·x, twice, as the first time leaves the error of a squared
/// condition.
fn orthonormalize(x: &Tensor) -> Result<Tensor, ModelError> {
    const LOST: f64 = 1e-12;
    let mut basis = x.clone();
    for _ in 0..2 {
        let eigen = Eigen::of(&gram(&basis)?)?;
        let largest = eigen.values.first().copied().unwrap_or(0.0);
        let columns: Vec<Vec<f32>> = eigen
            .vectors
            .iter()
            .zip(&eigen.values)
            .filter(|(_, value)| **value > LOST * largest)
            .map(|(vector, value)| vector.iter().map(|v| (v / value.sqrt()) as f32).collect())
            .collect();
        if columns.is_empty() {
            return Err(ModelError::Input("all samples are equal: they have no components".into()));
        }
        basis = basis.matmul(&Tensor::new(columns, &Device::Cpu)?.t()?)?;
    }
    Ok(basis)
}

/// Eigenvalues, largest first and none below 0, and their unit eigenvectors.
struct Eigen {
    values: Vec<f64>,
    vectors: Vec<Vec<f64>>,
}

impl Eigen {
    /// Of a symmetric matrix in f64.
    fn of(matrix: &Tensor) -> Result<Self, ModelError> {
        let dim = matrix.dim(0)?;
        let entries = matrix.flatten_all()?.to_vec1::<f64>()?;
        if entries.iter().any(|v| !v.is_finite()) {
            return Err(ModelError::Input("the samples are no finite numbers".into()));
        }
        let eigen = SymmetricEigen::new(DMatrix::from_vec(dim, dim, entries));
        let mut order: Vec<usize> = (0..dim).collect();
        order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
        Ok(Self {
            values: order.iter().map(|i| eigen.eigenvalues[*i].max(0.0)).collect(),
            vectors: order
                .iter()
                .map(|i| eigen.eigenvectors.column(*i).iter().copied().collect())
                .collect(),
        })
    }
}

/// Turns `vector` so that its value of largest magnitude (the first of them) is positive. Whether
/// it had to.
pub(crate) fn orient(vector: &mut [f32]) -> bool {
    let largest = vector.iter().fold(0.0_f32, |a, b| if b.abs() > a.abs() { *b } else { a });
    if largest < 0.0 {
        vector.iter_mut().for_each(|v| *v = -*v);
    }
    largest < 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(name: &str) -> Vec<f32> {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/pca");
        let bytes = std::fs::read(root.join(name).with_extension("bin")).unwrap();
        bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }

    fn rows(values: Vec<f32>, dim: usize) -> Tensor {
        let n = values.len() / dim;
        Tensor::from_vec(values, (n, dim), &Device::Cpu).unwrap()
    }

    fn normals(len: usize, seed: u32) -> Vec<f32> {
        let mut values = vec![0.0; len];
        RandomState::new(seed).fill_normal(&mut values);
        values
    }

    fn assert_near(name: &str, found: &[f32], expected: &[f32], tolerance: f32) {
        assert_eq!(found.len(), expected.len(), "{name}");
        for (i, (a, b)) in found.iter().zip(expected).enumerate() {
            assert!((a - b).abs() <= tolerance, "{name}[{i}]: {a} against {b}");
        }
    }

    fn assert_same(found: &Pca, expected: &Pca, tolerance: f32) {
        assert_near("mean", &found.mean, &expected.mean, tolerance);
        assert_near("components", &found.components, &expected.components, tolerance);
        assert_near("stdev", &found.stdev, &expected.stdev, tolerance);
        let ratio = &expected.explained_variance_ratio;
        assert_near("ratio", &found.explained_variance_ratio, ratio, tolerance);
    }

    /// In batches of `size`.
    fn exact(samples: &Tensor, size: usize, num_components: usize) -> Pca {
        let (n, dim) = samples.dims2().unwrap();
        let mut covariance = Covariance::new(dim).unwrap();
        for first in (0..n).step_by(size) {
            covariance.add(&samples.narrow(0, first, size.min(n - first)).unwrap()).unwrap();
        }
        covariance.finish(num_components).unwrap()
    }

    fn randomised(samples: &Tensor, num_components: usize, seed: u32) -> (Pca, Tensor) {
        let n = samples.dim(0).unwrap();
        randomized(num_components, seed, |visit| {
            (0..n).step_by(30).try_for_each(|i| visit(&samples.narrow(0, i, 30.min(n - i))?))
        })
        .unwrap()
    }

    /// Samples of a falling spectrum about a mean far from 0, and their true directions and
    /// deviations: columns of a Hadamard matrix are orthogonal.
    fn planted(n: usize, dim: usize, stdevs: &[f32]) -> (Tensor, Vec<f32>) {
        let axis = |k: usize, d: usize| {
            let sign = if ((k + 1) & d).count_ones().is_multiple_of(2) { 1.0 } else { -1.0 };
            sign / (dim as f32).sqrt()
        };
        let amounts = normals(n * stdevs.len(), 3);
        let mut values = vec![40.0; n * dim];
        for (row, amounts) in values.chunks_exact_mut(dim).zip(amounts.chunks(stdevs.len())) {
            for (d, v) in row.iter_mut().enumerate() {
                *v += (0..stdevs.len()).map(|k| amounts[k] * stdevs[k] * axis(k, d)).sum::<f32>();
            }
        }
        let axes = (0..stdevs.len()).flat_map(|k| (0..dim).map(move |d| axis(k, d))).collect();
        (rows(values, dim), axes)
    }

    #[test]
    fn equals_scikit_learn() {
        let expected = Pca {
            mean: reference("mean"),
            components: reference("components"),
            stdev: reference("stdev"),
            explained_variance_ratio: reference("explained_variance_ratio"),
        };
        let samples = rows(reference("samples"), 12);
        assert_same(&exact(&samples, 200, 5), &expected, 2e-6);
        assert_same(&randomised(&samples, 5, 0).0, &expected, 1e-5);
    }

    #[test]
    fn batches_change_nothing() {
        let samples = rows(normals(500 * 8, 1), 8);
        let whole = exact(&samples, 500, 8);
        for size in [1, 7, 64] {
            assert_same(&exact(&samples, size, 8), &whole, 1e-6);
        }
    }

    #[test]
    fn the_randomised_method_finds_the_planted_spectrum() {
        let stdevs = [5.0, 4.0, 3.0, 2.0, 1.0];
        let (samples, axes) = planted(4000, 256, &stdevs);
        let (pca, coordinates) = randomised(&samples, 5, 0);
        let sampling_error = 3.0 / (4000.0_f32).sqrt();
        for (k, component) in pca.components.chunks_exact(256).enumerate() {
            let axis = &axes[k * 256..(k + 1) * 256];
            let cosine: f32 = component.iter().zip(axis).map(|(a, b)| a * b).sum();
            assert!(cosine.abs() > 0.99, "component {k}: {cosine}");
            assert!((pca.stdev[k] / stdevs[k] - 1.0).abs() < sampling_error, "{:?}", pca.stdev);
        }
        let total: f32 = pca.explained_variance_ratio.iter().sum();
        assert!((total - 1.0).abs() < 1e-4, "{total}");
        assert_same(&pca, &exact(&samples, 100, 5), 2e-3);

        // The coordinates are the centred samples on the components.
        let components = rows(pca.components.clone(), 256);
        let mean = rows(pca.mean.clone(), 256);
        let expected = samples.broadcast_sub(&mean).unwrap().matmul(&components.t().unwrap());
        let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_near("coordinates", &flat(&coordinates), &flat(&expected.unwrap()), 1e-3);
    }

    #[test]
    fn a_flat_spectrum_is_survived() {
        let samples = rows(normals(300 * 40, 5), 40);
        let (pca, _) = randomised(&samples, 20, 1);
        let full = exact(&samples, 300, 20);
        for (a, b) in pca.stdev.iter().zip(&full.stdev) {
            assert!((a / b - 1.0).abs() < 0.05, "{a} against {b}");
        }
    }

    #[test]
    fn runs_repeat_exactly() {
        let samples = rows(normals(90 * 16, 2), 16);
        let (a, b) = (randomised(&samples, 3, 4), randomised(&samples, 3, 4));
        assert_eq!(a.0, b.0);
        assert_eq!(exact(&samples, 30, 3), exact(&samples, 30, 3));
    }

    #[test]
    fn few_or_broken_samples_are_told() {
        let few = exact(&rows(normals(3 * 8, 2), 8), 3, 8);
        assert_eq!(few.stdev.len(), 2);
        let mut covariance = Covariance::new(2).unwrap();
        covariance.add(&rows(vec![1.0, 2.0], 2)).unwrap();
        assert!(covariance.finish(1).unwrap_err().to_string().contains("at least 2"));
        let mut covariance = Covariance::new(2).unwrap();
        covariance.add(&rows(vec![1.0, f32::NAN, 0.0, 1.0], 2)).unwrap();
        assert!(covariance.finish(1).unwrap_err().to_string().contains("finite"));
        let equal = rows(vec![1.0; 64], 8);
        let error = randomized(2, 0, |visit| visit(&equal)).unwrap_err().to_string();
        assert!(error.contains("equal"), "{error}");
    }
}
