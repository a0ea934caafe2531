//! Butterworth filters as a cascade of second-order sections, in `f64`.
//!
//! Poles of the analogue low-pass on the unit circle, moved to the band, then the bilinear
//! transform with its frequencies prewarped (Oppenheim and Schafer, *Discrete-Time Signal
//! Processing*, ch. 7): the response of scipy's `butter(..., output="sos")`.

use std::f64::consts::PI;

use num_complex::Complex64;

/// Most sections that a design of the highest order has.
pub const MAX_SECTIONS: usize = MAX_ORDER;
/// Highest order of the underlying low-pass.
pub const MAX_ORDER: usize = 12;

/// Which part of the spectrum passes. Frequencies are fractions of the sample rate, 0 to 0.5.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Response {
    /// Everything below, −3 dB there.
    LowPass(f64),
    /// Everything above, −3 dB there.
    HighPass(f64),
    /// What lies between the two, −3 dB at each.
    BandPass(f64, f64),
    /// What does not lie between the two, −3 dB at each.
    BandStop(f64, f64),
}

/// One second-order section, its first denominator coefficient 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Section {
    /// Numerator.
    pub b: [f64; 3],
    /// Denominator from z⁻¹ on.
    pub a: [f64; 2],
}

impl Section {
    /// One sample in transposed direct form II with its two values of `state`.
    pub fn tick(&self, state: &mut [f64; 2], x: f64) -> f64 {
        let y = self.b[0] * x + state[0];
        state[0] = self.b[1] * x - self.a[0] * y + state[1];
        state[1] = self.b[2] * x - self.a[1] * y;
        y
    }

    /// The complex response at `frequency`, a fraction of the sample rate.
    pub fn response(&self, frequency: f64) -> Complex64 {
        let z1 = Complex64::from_polar(1.0, -2.0 * PI * frequency);
        let [b0, b1, b2] = self.b;
        (b0 + z1 * (b1 + z1 * b2)) / (1.0 + z1 * (self.a[0] + z1 * self.a[1]))
    }
}

/// The sections of one design, `order` of them for bands, half as many (rounded up) otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cascade {
    sections: [Section; MAX_SECTIONS],
    len: usize,
}

impl Cascade {
    /// A design whose low-pass has `order` poles, 1 to [`MAX_ORDER`]. Its frequencies must lie
    /// strictly between 0 and 0.5, ascending.
    pub fn design(response: Response, order: usize) -> Self {
        let order = order.clamp(1, MAX_ORDER);
        let mut cascade = Self::default();
        for k in 0..order.div_ceil(2) {
            // One of a conjugate pair in the left half plane; the middle one of an odd order is −1.
            let angle = PI * (2 * k + order + 1) as f64 / (2 * order) as f64;
            let middle = 2 * k + 1 == order;
            let pole =
                if middle { Complex64::from(-1.0) } else { Complex64::from_polar(1.0, angle) };
            cascade.add(response, pole, middle);
        }
        cascade
    }

    /// The sections, in order.
    pub fn sections(&self) -> &[Section] {
        &self.sections[..self.len]
    }

    fn add(&mut self, response: Response, pole: Complex64, is_real: bool) {
        match response {
            Response::LowPass(f) => {
                self.push_single(pole * warped(f), is_real, [1.0, 2.0, 1.0], 0.0);
            }
            Response::HighPass(f) => {
                self.push_single(warped(f) / pole, is_real, [1.0, -2.0, 1.0], 0.5);
            }
            Response::BandPass(low, high) => {
                let (centre, width) = band(low, high);
                let centre_frequency = centre.atan() / PI;
                let b = [1.0, 0.0, -1.0];
                self.push_band(pole * width / 2.0, centre, is_real, b, centre_frequency);
            }
            Response::BandStop(low, high) => {
                let (centre, width) = band(low, high);
                let b = [1.0, -2.0 * (2.0 * centre.atan()).cos(), 1.0];
                self.push_band(width / 2.0 / pole, centre, is_real, b, 0.0);
            }
        }
    }

    /// A low- or high-pass section: an analogue pole with its conjugate, or a real one by itself.
    fn push_single(&mut self, s: Complex64, is_real: bool, b: [f64; 3], unity_at: f64) {
        let z = bilinear(s);
        if is_real {
            self.push([b[0], b[1] / 2.0, 0.0], [-z.re, 0.0], unity_at);
        } else {
            self.push(b, [-2.0 * z.re, z.norm_sqr()], unity_at);
        }
    }

    /// The two poles that `half` becomes about `centre`: with each other where the low-pass pole
    /// is real, else each with its conjugate.
    fn push_band(
        &mut self,
        half: Complex64,
        centre: f64,
        is_real: bool,
        b: [f64; 3],
        unity_at: f64,
    ) {
        let root = (half * half - centre * centre).sqrt();
        let (z1, z2) = (bilinear(half + root), bilinear(half - root));
        if is_real {
            self.push(b, [-(z1 + z2).re, (z1 * z2).re], unity_at);
        } else {
            self.push(b, [-2.0 * z1.re, z1.norm_sqr()], unity_at);
            self.push(b, [-2.0 * z2.re, z2.norm_sqr()], unity_at);
        }
    }

    /// Appends a section scaled to a gain of 1 at the frequency `unity_at`.
    fn push(&mut self, b: [f64; 3], a: [f64; 2], unity_at: f64) {
        let gain = 1.0 / Section { b, a }.response(unity_at).norm();
        if let Some(slot) = self.sections.get_mut(self.len) {
            *slot = Section { b: b.map(|b| b * gain), a };
            self.len += 1;
        }
    }
}

/// The analogue frequency that the bilinear transform maps to `frequency`.
fn warped(frequency: f64) -> f64 {
    (PI * frequency).tan()
}

/// Geometric centre and width of a band, analogue.
fn band(low: f64, high: f64) -> (f64, f64) {
    let (low, high) = (warped(low), warped(high));
    ((low * high).sqrt(), high - low)
}

fn bilinear(s: Complex64) -> Complex64 {
    (1.0 + s) / (1.0 - s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::reference;

    fn gain(cascade: &Cascade, frequency: f64) -> f64 {
        cascade.sections().iter().map(|s| s.response(frequency).norm()).product()
    }

    /// 1/√(1 + x^2n), the definition, with x the analogue distance from the band.
    #[test]
    fn has_the_response_that_defines_it() {
        let (low, high) = (0.04, 0.21);
        let (centre, width) = band(low, high);
        for order in 1..=MAX_ORDER {
            for i in 1..50 {
                let f = f64::from(i) / 100.0;
                let w = warped(f);
                let stretch = (w * w - centre * centre) / (w * width);
                for (response, x) in [
                    (Response::LowPass(low), w / warped(low)),
                    (Response::HighPass(high), warped(high) / w),
                    (Response::BandPass(low, high), stretch),
                    (Response::BandStop(low, high), 1.0 / stretch),
                ] {
                    let expected = 1.0 / (1.0 + x.powi(2 * order as i32)).sqrt();
                    let found = gain(&Cascade::design(response, order), f);
                    assert!(
                        (found - expected).abs() < 1e-9,
                        "{response:?} order {order} at {f}: {found} against {expected}"
                    );
                }
            }
        }
    }

    /// The reference holds `[12, 6]` rows b0 b1 b2 1 a1 a2 as `f32`, in another order.
    #[test]
    fn denominators_match_the_reference_sections() {
        for (name, low, high) in
            [("low", 20.0, 200.0), ("mid", 200.0, 2e3), ("high", 2e3, 8e3), ("full", 20.0, 8e3)]
        {
            let sos = reference(&format!("maua/bp_{name}_sos.bin"));
            let rate = 22_050.0;
            let cascade = Cascade::design(Response::BandPass(low / rate, high / rate), 12);
            assert_eq!(cascade.sections().len(), 12);
            for row in sos.chunks_exact(6) {
                let nearest = cascade
                    .sections()
                    .iter()
                    .map(|s| {
                        (s.a[0] - f64::from(row[4])).abs().max((s.a[1] - f64::from(row[5])).abs())
                    })
                    .fold(f64::MAX, f64::min);
                assert!(nearest < 2e-7, "{name}: {nearest}");
            }
        }
    }

    #[test]
    fn every_pole_lies_within_the_unit_circle() {
        for order in 1..=MAX_ORDER {
            for (low, high) in [(1e-4, 2e-4), (1e-4, 0.499), (0.3, 0.4999), (0.2, 0.2002)] {
                for response in [Response::BandPass(low, high), Response::BandStop(low, high)] {
                    for Section { a: [a1, a2], .. } in Cascade::design(response, order).sections() {
                        assert!(a2.abs() < 1.0 && a1.abs() < 1.0 + a2, "{response:?} {order}");
                    }
                }
            }
        }
    }
}
