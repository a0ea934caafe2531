//! Random noise, the same numbers as on the processor.

use bytemuck::{Pod, Zeroable, bytes_of};

use crate::accelerator::{Accelerator, AcceleratorError, Launch};

const NUM_THREADS: u32 = 256;

/// Numbers that a block makes.
const NUM_EACH_BLOCK: usize = 4 * NUM_THREADS as usize;

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Args {
    seed: u64,
    to: u64,
    stream: u64,
    len: u64,
}

/// Fills `len` f32 at `to` with what [`fill_normal`](crate::stylegan2::noise::fill_normal) gives for
/// convolution `layer`, to the bit. `seed` is where the seed lies, an u64.
pub fn fill_normal(
    accelerator: &dyn Accelerator,
    seed: u64,
    layer: usize,
    to: u64,
    len: usize,
) -> Result<(), AcceleratorError> {
    if len == 0 {
        return Ok(());
    }
    let args = Args { seed, to, stream: layer as u64, len: len as u64 };
    accelerator.launch(&Launch {
        kernel: "noise_fill_normal",
        grid: [len.div_ceil(NUM_EACH_BLOCK) as u32, 1, 1],
        num_threads: NUM_THREADS,
        shared_bytes: 0,
        argument: bytes_of(&args),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{floats, values};
    use super::*;
    use crate::accelerator::Memory;
    use crate::accelerator::testing::accelerator;
    use crate::stylegan2::noise;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn equals_the_processor_s_to_the_bit(seed: u64, layer in 0usize..40, len in 1usize..3000) {
            let accelerator = accelerator();
            let device_seed = Memory::holding(&accelerator, &seed.to_ne_bytes()).unwrap();
            // A number more, which must stay.
            let to = floats(&accelerator, &vec![0.5; len + 1]);
            fill_normal(&*accelerator, device_seed.address(), layer, to.address(), len).unwrap();
            let mut expected = vec![0.5; len + 1];
            noise::fill_normal(seed, layer as u64, &mut expected[..len]);
            prop_assert_eq!(values(&accelerator, &to), expected);
        }
    }
}
