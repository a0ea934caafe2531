//! AVX-512: 32 registers of 16 f32, or of 8 where the channels are too few.
#![allow(unsafe_code)] // intrinsics; only reached where `is_available`

use std::arch::x86_64::*;

use super::avx2::{self, F32x8};
use super::{Kernel, Vector};

pub fn is_available() -> bool {
    avx2::is_available()
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512vl")
}

/// # Safety
/// `is_available`.
#[target_feature(enable = "avx512f,avx512vl,avx2,fma")]
pub unsafe fn run_wide(kernel: impl Kernel) {
    kernel.run::<F32x16>();
}

/// # Safety
/// `is_available`.
#[target_feature(enable = "avx512f,avx512vl,avx2,fma")]
pub unsafe fn run_narrow(kernel: impl Kernel) {
    kernel.run::<F32x8<32>>();
}

#[derive(Clone, Copy)]
pub struct F32x16(__m512);

// SAFETY of the intrinsics: `run_wide` alone hands this type out.
impl Vector for F32x16 {
    const LANES: usize = 16;
    const MAX_VECTORS: usize = 2;
    const TILE_PIXELS: [usize; 2] = [8, 8];

    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        Self(unsafe { _mm512_loadu_ps(p) })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        unsafe { _mm512_storeu_ps(p, self.0) }
    }
    #[inline(always)]
    fn prefetch(p: *const f32) {
        unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
    }
    #[inline(always)]
    fn prefetch_write(p: *const f32) {
        unsafe { _mm_prefetch::<_MM_HINT_ET0>(p.cast()) }
    }
    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self(unsafe { _mm512_set1_ps(x) })
    }
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        Self(unsafe { _mm512_add_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn sub(self, b: Self) -> Self {
        Self(unsafe { _mm512_sub_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn mul(self, b: Self) -> Self {
        Self(unsafe { _mm512_mul_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        Self(unsafe { _mm512_fmadd_ps(self.0, b.0, c.0) })
    }
    #[inline(always)]
    fn min(self, b: Self) -> Self {
        Self(unsafe { _mm512_min_ps(self.0, b.0) })
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        Self(unsafe { _mm512_max_ps(self.0, b.0) })
    }
}
