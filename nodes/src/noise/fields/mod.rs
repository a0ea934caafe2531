//! Fields of noise as functions of time and place.

mod blur;
pub(super) mod mask;
pub(super) mod perlin;
pub(super) mod plane;
pub(super) mod smooth;
