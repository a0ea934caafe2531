//! NEON: 32 registers of 4 f32, taken in pairs.
#![allow(unsafe_code)] // intrinsics; only reached where `is_available`

use std::arch::aarch64::*;

use super::{Kernel, Vector};

pub fn is_available() -> bool {
    std::arch::is_aarch64_feature_detected!("neon")
}

/// # Safety
/// The machine has NEON.
#[target_feature(enable = "neon")]
pub unsafe fn run(kernel: impl Kernel) {
    kernel.run::<F32x8>();
}

#[derive(Clone, Copy)]
pub struct F32x8(float32x4_t, float32x4_t);

// SAFETY of the intrinsics: `run` alone hands this type out.
impl Vector for F32x8 {
    const LANES: usize = 8;
    const MAX_VECTORS: usize = 2;
    const TILE_PIXELS: [usize; 2] = [8, 6];

    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        unsafe { Self(vld1q_f32(p), vld1q_f32(p.add(4))) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        unsafe {
            vst1q_f32(p, self.0);
            vst1q_f32(p.add(4), self.1);
        }
    }
    #[inline(always)]
    fn splat(x: f32) -> Self {
        unsafe { Self(vdupq_n_f32(x), vdupq_n_f32(x)) }
    }
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        unsafe { Self(vaddq_f32(self.0, b.0), vaddq_f32(self.1, b.1)) }
    }
    #[inline(always)]
    fn sub(self, b: Self) -> Self {
        unsafe { Self(vsubq_f32(self.0, b.0), vsubq_f32(self.1, b.1)) }
    }
    #[inline(always)]
    fn mul(self, b: Self) -> Self {
        unsafe { Self(vmulq_f32(self.0, b.0), vmulq_f32(self.1, b.1)) }
    }
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        unsafe { Self(vfmaq_f32(c.0, self.0, b.0), vfmaq_f32(c.1, self.1, b.1)) }
    }
    #[inline(always)]
    fn min(self, b: Self) -> Self {
        unsafe { Self(vminq_f32(self.0, b.0), vminq_f32(self.1, b.1)) }
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        unsafe { Self(vmaxq_f32(self.0, b.0), vmaxq_f32(self.1, b.1)) }
    }
}
