//! Pictures after the generator, on wgpu.
