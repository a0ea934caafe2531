//! Values changed one by one.

/// What becomes of values at and above a threshold; those below it become 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// They stay as they are.
    #[default]
    Value,
    /// They become 1.
    One,
}

/// Sets what lies below `level` to 0.
pub(super) fn threshold(plane: &mut [f32], level: f32, keep: Keep) {
    plane.iter_mut().for_each(|v| {
        *v = match keep {
            _ if *v < level => 0.0,
            Keep::Value => *v,
            Keep::One => 1.0,
        };
    });
}
