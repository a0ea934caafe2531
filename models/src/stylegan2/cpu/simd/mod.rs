//! Vectors of f32 in the processor's registers, and the choice of instruction set at run time.
//!
//! A computation is written once as a [`Kernel`] over a [`Vector`]; [`Isa::run`] compiles it for
//! every instruction set and calls the one for this machine.
#![allow(unsafe_code)] // calls code for instructions that have been detected

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

/// A few f32 that are computed with at once.
///
/// Only [`Isa::run`] names the types behind it, after it has found their instructions: code over a
/// `Vector` runs only where they exist.
pub trait Vector: Copy {
    /// Number of values.
    const LANES: usize;
    /// Vectors of one panel of weights at most: 1 or 2.
    const MAX_VECTORS: usize;
    /// Pixels of a tile (4, 6 or 8) at one and at two vectors a panel, so that its sums stay in
    /// registers.
    const TILE_PIXELS: [usize; 2];

    /// # Safety
    /// `p` is valid for reading `LANES` values.
    unsafe fn load(p: *const f32) -> Self;
    /// # Safety
    /// `p` is valid for writing `LANES` values.
    unsafe fn store(self, p: *mut f32);
    /// Asks for the line of the cache at `p`, which need not exist.
    #[inline(always)]
    fn prefetch(_p: *const f32) {}
    /// Asks for the line of the cache at `p`, to write to it.
    #[inline(always)]
    fn prefetch_write(_p: *const f32) {}
    /// `x` in every lane.
    fn splat(x: f32) -> Self;
    /// `self + b`
    fn add(self, b: Self) -> Self;
    /// `self - b`
    fn sub(self, b: Self) -> Self;
    /// `self · b`
    fn mul(self, b: Self) -> Self;
    /// `self · b + c`
    fn mul_add(self, b: Self, c: Self) -> Self;
    /// The smaller ones.
    fn min(self, b: Self) -> Self;
    /// The larger ones.
    fn max(self, b: Self) -> Self;
}

/// A computation on vectors of any width.
pub trait Kernel {
    /// Computes it. Implementations are `#[inline(always)]`, as is all that they call per value:
    /// the code becomes part of a function compiled for the instruction set.
    fn run<V: Vector>(self);
}

/// The instruction set that kernels run with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Isa(Kind);

/// Private, so that an `Isa` exists only where the machine has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
    Portable,
}

impl Isa {
    /// All that this machine has, the best first.
    pub fn available() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if avx512::is_available() {
                all.push(Self(Kind::Avx512));
            }
            if avx2::is_available() {
                all.push(Self(Kind::Avx2));
            }
        }
        #[cfg(target_arch = "aarch64")]
        if neon::is_available() {
            all.push(Self(Kind::Neon));
        }
        all.push(Self(Kind::Portable));
        all
    }

    /// The best that this machine has.
    pub fn best() -> Self {
        Self::available().first().copied().unwrap_or(Self(Kind::Portable))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "AVX-512",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "AVX2",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => "NEON",
            Kind::Portable => "portable",
        }
    }

    /// Lanes of the vectors and vectors of a panel of weights, for this many channels (a multiple
    /// of 8).
    pub fn panel(self, channels: usize) -> (usize, usize) {
        fn of<V: Vector>(channels: usize) -> (usize, usize) {
            let pairs = V::MAX_VECTORS == 2 && channels.is_multiple_of(2 * V::LANES);
            (V::LANES, if pairs { 2 } else { 1 })
        }
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 if channels.is_multiple_of(16) => of::<avx512::F32x16>(channels),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => of::<avx2::F32x8<32>>(channels),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => of::<avx2::F32x8<16>>(channels),
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => of::<neon::F32x8>(channels),
            Kind::Portable => of::<portable::F32x8>(channels),
        }
    }

    /// Runs `kernel` on vectors that suit this many channels, a multiple of 8.
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables))] // one width serves all there
    #[inline]
    pub fn run(self, channels: usize, kernel: impl Kernel) {
        match self.0 {
            // SAFETY: an `Isa` of this kind exists only where `is_available` was true.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 if channels.is_multiple_of(16) => unsafe { avx512::run_wide(kernel) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { avx512::run_narrow(kernel) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { avx2::run(kernel) },
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => unsafe { neon::run(kernel) },
            Kind::Portable => kernel.run::<portable::F32x8>(),
        }
    }
}

/// The first values of `x`.
#[inline(always)]
pub fn get<V: Vector>(x: &[f32]) -> V {
    assert!(x.len() >= V::LANES);
    // SAFETY: so many values are there.
    unsafe { V::load(x.as_ptr()) }
}

/// Writes to the front of `out`.
#[inline(always)]
pub fn put<V: Vector>(out: &mut [f32], x: V) {
    assert!(out.len() >= V::LANES);
    // SAFETY: so many values are there.
    unsafe { x.store(out.as_mut_ptr()) }
}
