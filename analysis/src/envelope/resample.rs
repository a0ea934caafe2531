//! From the rows of an analysis to the frames of a film.

/// A whole signal of `rate_hz` values a second at the times of `num_frames` frames, `fps` a second,
/// both from time 0 on.
///
/// Triangles about the frames' times, as wide as the coarser of the two rates: a straight line
/// between values where there are more frames than values, a weighted mean where there are fewer. At
/// the ends the triangle is cut. What leaves stays within the range of what came, and neither end
/// sees the other; a resampling by FFT rings and wraps.
pub fn to_frames(values: &[f32], rate_hz: f64, num_frames: usize, fps: f64) -> Vec<f32> {
    let step = rate_hz / fps;
    let half_width = step.max(1.0);
    let frame = |n: usize| {
        let centre = n as f64 * step;
        // Beyond the last value that stays.
        let centre = centre.min(values.len().saturating_sub(1) as f64);
        let first = (centre - half_width).max(0.0).ceil() as usize;
        let last = (centre + half_width).floor() as usize;
        let (mut sum, mut weights) = (0.0, 0.0);
        for (i, &x) in values.iter().enumerate().take(last.saturating_add(1)).skip(first) {
            let weight = 1.0 - (i as f64 - centre).abs() / half_width;
            sum += weight * f64::from(x);
            weights += weight;
        }
        if weights > 0.0 { (sum / weights) as f32 } else { 0.0 }
    };
    (0..num_frames).map(frame).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_frames_lie_on_straight_lines() {
        let y = to_frames(&[0.0, 1.0, 0.0], 1.0, 12, 4.0);
        let expected = [0.0, 0.25, 0.5, 0.75, 1.0, 0.75, 0.5, 0.25, 0.0, 0.0, 0.0, 0.0];
        assert!(y.iter().zip(expected).all(|(y, e)| (y - e).abs() < 1e-6), "{y:?}");
    }

    #[test]
    fn fewer_frames_are_means() {
        // Rows at 100 Hz that alternate: frames at 10 Hz see the mean.
        let x: Vec<f32> = (0..400).map(|i| (i % 2) as f32).collect();
        let y = to_frames(&x, 100.0, 40, 10.0);
        assert!(y[1..39].iter().all(|v| (v - 0.5).abs() < 1e-6));
        // A ramp stays where it was.
        let ramp: Vec<f32> = (0..400).map(|i| i as f32 / 100.0).collect();
        let y = to_frames(&ramp, 100.0, 39, 10.0);
        assert!(y[1..].iter().zip(1..).all(|(v, n)| (v - n as f32 / 10.0).abs() < 1e-5), "{y:?}");
    }

    #[test]
    fn nothing_comes_of_nothing() {
        assert_eq!(to_frames(&[], 100.0, 3, 30.0), [0.0; 3]);
        assert!(to_frames(&[1.0], 100.0, 0, 30.0).is_empty());
    }
}
