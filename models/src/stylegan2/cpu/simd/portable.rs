//! Arrays that the compiler turns into whatever vectors every machine of the target has.
#![allow(unsafe_code)] // raw loads and stores, as the trait has them

use super::Vector;

#[derive(Clone, Copy)]
#[repr(align(32))]
pub struct F32x8([f32; 8]);

impl F32x8 {
    #[inline(always)]
    fn zip(self, b: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        let mut c = self.0;
        for (a, b) in c.iter_mut().zip(b.0) {
            *a = f(*a, b);
        }
        Self(c)
    }
}

impl Vector for F32x8 {
    const LANES: usize = 8;
    const MAX_VECTORS: usize = 1;
    const TILE_PIXELS: [usize; 2] = [4, 4];

    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        Self(unsafe { p.cast::<[f32; 8]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        unsafe { p.cast::<[f32; 8]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self([x; 8])
    }
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        self.zip(b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, b: Self) -> Self {
        self.zip(b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, b: Self) -> Self {
        self.zip(b, |a, b| a * b)
    }
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        // Not f32::mul_add: without the instruction it is a call of the libm.
        self.mul(b).add(c)
    }
    #[inline(always)]
    fn min(self, b: Self) -> Self {
        self.zip(b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        self.zip(b, |a, b| if a > b { a } else { b })
    }
}
