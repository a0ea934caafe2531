//! Times of pictures.

use lumawire_models::accelerator::driver::{Cuda, Mark};
use serde_json::{Value as Json, json};

use crate::Outcome;

/// Times from each mark to the next in ms.
pub fn elapsed(cuda: &Cuda, marks: &[Mark]) -> Outcome<Vec<f64>> {
    marks.windows(2).map(|pair| Ok(f64::from(cuda.elapsed_ms(&pair[0], &pair[1])?))).collect()
}

/// Times of pictures in ms.
#[derive(Default)]
pub struct Times {
    /// One right after the other.
    pub streamed: Vec<f64>,
    /// Each waited for.
    pub waited: Vec<f64>,
}

impl Times {
    pub fn of_json(json: &Json) -> Self {
        let list = |name: &str| json[name].as_array().into_iter().flatten();
        let list = |name| list(name).filter_map(Json::as_f64).collect();
        Self { streamed: list("streamed"), waited: list("waited") }
    }

    pub fn extend(&mut self, other: Self) {
        self.streamed.extend(other.streamed);
        self.waited.extend(other.waited);
    }

    pub fn median(&self) -> f64 {
        quantile(&self.streamed, 0.5)
    }

    pub fn row(&self, name: &str, own: f64) -> String {
        let (median, p99) = (self.median(), quantile(&self.streamed, 0.99));
        let waited = quantile(&self.waited, 0.5);
        format!(
            "  {name:<44} {median:>8.3} {p99:>8.3} {:>8.1} {waited:>8.3} {:>6.2} {:>5}",
            1e3 / median,
            median / own,
            self.streamed.len()
        )
    }

    pub fn json(&self, name: &str) -> Json {
        json!({
            "way": name,
            "median_ms": self.median(),
            "p99_ms": quantile(&self.streamed, 0.99),
            "pictures_per_second": 1e3 / self.median(),
            "waited_median_ms": quantile(&self.waited, 0.5),
            "num_pictures": self.streamed.len(),
        })
    }
}

/// The value below which `share` of the values lie; NaN of none.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1) as f64;
    sorted.get((share * last).round() as usize).copied().unwrap_or(f64::NAN)
}
