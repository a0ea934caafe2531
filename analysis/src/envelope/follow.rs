//! Following a signal at one speed upwards and another downwards.

/// How far a one-pole of time constant `tau_secs` goes towards its target within `dt_secs`:
/// 1 − exp(−dt/τ), and all the way at once where τ is 0.
pub fn one_pole_gain(dt_secs: f64, tau_secs: f32) -> f32 {
    if tau_secs > 0.0 { -(-dt_secs / f64::from(tau_secs)).exp_m1() as f32 } else { 1.0 }
}

/// Times of a follower, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FollowSettings {
    /// Time constant upwards.
    pub attack_secs: f32,
    /// How long it stays before it falls.
    pub hold_secs: f32,
    /// Time constant downwards.
    pub release_secs: f32,
}

/// A one-pole y += (x − y)·(1 − exp(−dt/τ)) whose τ is the attack while x rises above y and the
/// release while it falls, held at its height for a while before it falls. It begins at the first
/// value.
#[derive(Debug, Clone, Copy, Default)]
pub struct Follower {
    level: Option<f32>,
    falling_secs: f64,
}

impl Follower {
    /// Takes the next value, a finite one, `dt_secs` after the last.
    pub fn push(&mut self, x: f32, dt_secs: f64, settings: &FollowSettings) -> f32 {
        let y = self.level.unwrap_or(x);
        let gain = if x > y {
            self.falling_secs = 0.0;
            one_pole_gain(dt_secs, settings.attack_secs)
        } else {
            self.falling_secs += dt_secs;
            let holds = self.falling_secs <= f64::from(settings.hold_secs) + 1e-9;
            if holds { 0.0 } else { one_pole_gain(dt_secs, settings.release_secs) }
        };
        let next = y + (x - y) * gain;
        self.level = next.is_finite().then_some(next);
        next
    }
}

/// Follows a whole signal of `rate_hz` values a second.
pub fn follow(values: &[f32], rate_hz: f64, settings: &FollowSettings) -> Vec<f32> {
    let mut follower = Follower::default();
    values.iter().map(|&x| follower.push(x, 1.0 / rate_hz, settings)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_as_a_one_pole_at_every_rate() {
        let settings = FollowSettings { attack_secs: 0.5, hold_secs: 0.0, release_secs: 2.0 };
        for rate in [30_usize, 60, 187] {
            let step = [vec![0.0], vec![1.0; rate], vec![0.0; rate]].concat();
            let y = follow(&step, rate as f64, &settings);
            let up = 1.0 - (-2.0_f32).exp();
            assert!((y[rate] - up).abs() < 1e-4);
            assert!((y[2 * rate] - up * (-0.5_f32).exp()).abs() < 1e-4);
        }
    }

    #[test]
    fn holds_a_peak_before_it_falls() {
        let settings = FollowSettings { attack_secs: 0.0, hold_secs: 0.3, release_secs: 0.0 };
        let y = follow(&[0.0, 1.0, 0.2, 0.1, 0.0, 0.3, 0.5], 10.0, &settings);
        assert_eq!(y, [0.0, 1.0, 1.0, 1.0, 1.0, 0.3, 0.5]);
    }
}
