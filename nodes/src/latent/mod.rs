//! Points of a generator's latent space, and ways through it.
