//! Whether an accelerator draws what the processor draws.

use std::sync::Arc;

use super::Precision;
use crate::ModelError;
use crate::accelerator::{Accelerator, AcceleratorError};
use crate::stylegan2::Generator;
use crate::stylegan2::config::Config;
use crate::stylegan2::shaping::Shaping;
use crate::stylegan2::synthesis::Path;

/// Side, channels times resolution and most channels of the network that is tried: wide and narrow
/// layers, small enough to take no time.
const NETWORK: (usize, usize, usize) = (64, 4096, 128);

/// Draws one small picture on `accelerator` and on the processor.
///
/// # Errors
/// Where they differ by more than `precision` explains: a GPU or driver that computes wrongly must
/// not get on stage. Where the accelerator fails.
pub fn verify(accelerator: &Arc<dyn Accelerator>, precision: Precision) -> Result<(), ModelError> {
    let (resolution, base, max) = NETWORK;
    compare(accelerator, precision, Config::new(resolution, base, max))
}

/// As [`verify`], by a network of these sizes.
pub(super) fn compare(
    accelerator: &Arc<dyn Accelerator>,
    precision: Precision,
    config: Config,
) -> Result<(), ModelError> {
    let generator = Generator::stand_in(config, 0)?;
    generator.use_accelerator(accelerator, precision)?;
    let ws = generator.broadcast(&(generator.w_avg().unsqueeze(0)? * 0.5)?)?;
    let draw = |path| -> Result<Vec<f32>, ModelError> {
        let picture = generator.synthesize_by(path, &ws, &Shaping::default())?;
        Ok(picture.flatten_all()?.to_vec1()?)
    };
    let (found, expected) = (draw(Path::Accelerated)?, draw(Path::Fast)?);
    let power = |values: &mut dyn Iterator<Item = f32>| values.map(|v| v * v).sum::<f32>();
    let difference = power(&mut found.iter().zip(&expected).map(|(a, b)| a - b));
    let error = (difference / power(&mut expected.iter().copied())).sqrt();
    // What is no number is not below it either.
    if error <= tolerance(precision) {
        return Ok(());
    }
    Err(ModelError::Accelerator(AcceleratorError(format!(
        "{} draws other pictures than the processor (off by {error:.1e} at {precision:?} precision): \
         update its driver, or choose the processor",
        accelerator.name()
    ))))
}

/// The largest difference of a picture, by its size, that the numbers' rounding explains.
fn tolerance(precision: Precision) -> f32 {
    match precision {
        Precision::F32 => 1e-3,
        Precision::Published | Precision::Tf32 | Precision::F16 => 3e-2,
        Precision::Bf16 => 0.15,
    }
}
