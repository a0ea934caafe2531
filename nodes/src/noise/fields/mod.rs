//! Fields of noise as functions of time and place.

pub(crate) mod blur;
pub(crate) mod perlin;
pub(crate) mod smooth;
