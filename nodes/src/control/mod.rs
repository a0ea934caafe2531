//! Shaping controls and triggers in time.

use std::any::Any;

use lumawire_core::Io;

pub(crate) mod phase;
pub(crate) mod seeded;

pub mod bars;
pub mod counter;
pub mod delay;
pub mod envelope;
pub mod gate;
pub mod hold;
pub mod lfo;
pub mod normalise;
pub mod random;
pub mod smooth;

/// The control at input `i`, or `None` where it is open, has no value yet or is no finite number:
/// what is kept from tick to tick must not be poisoned.
pub(crate) fn finite(io: &Io<'_>, i: usize) -> Option<f32> {
    io.inputs.control(i).filter(|v| v.is_finite())
}

/// How far a one-pole of time constant `tau_secs` goes towards its target within `dt_secs`:
/// `1 − exp(−dt/τ)`, and all the way at once where τ is 0.
pub(crate) fn one_pole_gain(dt_secs: f64, tau_secs: f32) -> f32 {
    if tau_secs > 0.0 { -(-dt_secs / f64::from(tau_secs)).exp_m1() as f32 } else { 1.0 }
}

/// `Node::adopt` for nodes whose whole state stays valid under any parameters.
pub(crate) fn take_over<T: Any>(new: &mut T, old: &mut dyn Any) {
    if let Some(old) = old.downcast_mut::<T>() {
        std::mem::swap(new, old);
    }
}
