//! Shaping controls and triggers in time.

use std::any::Any;

pub(crate) use lumawire_analysis::envelope::follow::one_pole_gain;
use lumawire_core::Io;

pub(crate) mod multiple;
pub(crate) mod phase;
pub(crate) mod seeded;
mod study;

pub mod bars;
pub mod counter;
pub mod delay;
pub mod envelope;
pub mod gate;
pub mod hold;
pub mod lfo;
pub mod normalise;
pub mod percentile_clip;
pub mod random;
pub mod smooth;

/// The control at input `i`, or `None` where it is open, has no value yet or is no finite number:
/// what is kept from tick to tick must not be poisoned.
pub(crate) fn finite(io: &Io<'_>, i: usize) -> Option<f32> {
    io.inputs.control(i).filter(|v| v.is_finite())
}

/// `Node::adopt` for nodes whose whole state stays valid under any parameters.
pub(crate) fn take_over<T: Any>(new: &mut T, old: &mut dyn Any) {
    if let Some(old) = old.downcast_mut::<T>() {
        std::mem::swap(new, old);
    }
}
