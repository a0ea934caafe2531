//! The least that a picture takes on a GPU.

use std::collections::BTreeMap;
use std::fmt;

use lumawire_models::stylegan2::{Config, Numbers, Precision};
use serde_json::{Value as Json, json};

use crate::{Bench, Outcome, PRECISIONS};

/// What the GPU can do at most, as PyTorch measured it.
pub struct Rates {
    f32: f64,
    tf32: f64,
    f16: f64,
    bf16: f64,
    /// Bytes a second that a copy reads and writes.
    copied: f64,
}

impl Rates {
    pub fn of_json(json: &Json) -> Outcome<Self> {
        let rate = |name: &str| json[name].as_f64().ok_or(format!("the peer told no rate {name}"));
        let (f16, bf16, copied) = (rate("f16")?, rate("bf16")?, rate("copied")?);
        Ok(Self { f32: rate("f32")?, tf32: rate("tf32")?, f16, bf16, copied })
    }

    pub fn json(&self) -> Json {
        let Self { f32, tf32, f16, bf16, copied } = self;
        json!({ "f32": f32, "tf32": tf32, "f16": f16, "bf16": bf16, "copied": copied })
    }

    /// Seconds that so many operations take as published.
    pub fn published(&self, numbers: Numbers, num_operations: f64) -> f64 {
        num_operations
            / match numbers {
                Numbers::F32 => self.f32,
                Numbers::Tf32 => self.tf32,
                Numbers::F16 => self.f16,
                Numbers::Bf16 => self.bf16,
            }
    }

    /// Seconds that so many take here, where three products of tf32 make one of 32 bits.
    pub fn own(&self, numbers: Numbers, num_operations: f64) -> f64 {
        match numbers {
            Numbers::F32 => self.published(Numbers::Tf32, 3.0 * num_operations),
            numbers => self.published(numbers, num_operations),
        }
    }
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { f32, tf32, f16, bf16, copied } = self;
        let products = [("f32", f32), ("tf32", tf32), ("f16", f16), ("bf16", bf16)];
        for (name, rate) in products {
            write!(f, "{name} {:.1} ", rate * 1e-12)?;
        }
        write!(f, "TFLOP/s, copies {:.2} TB/s", copied * 1e-12)
    }
}

/// What a picture takes at least.
#[derive(Default)]
pub struct Floor {
    num_operations: f64,
    num_bytes: f64,
    arithmetic_secs: f64,
}

impl Floor {
    /// As published: a transposed convolution and a filter of 16 taps where a layer doubles the size.
    /// Folded, as here: one convolution for each of the four phases. Weights are read once, features
    /// and pictures written and read once. What changes weights and styles is left out.
    pub fn new(config: &Config, precision: Precision, rates: &Rates, is_folded: bool) -> Self {
        let mut floor = Self::default();
        let img_channels = config.img_channels as f64;
        for layer in 1..config.num_layers() {
            let side = config.layer_resolution(layer);
            let numbers = precision.numbers(side, config.img_resolution);
            let is_up = layer.is_multiple_of(2);
            let (inputs, outputs) =
                (config.layer_channels(layer - 1) as f64, config.layer_channels(layer) as f64);
            let pixels = (side * side) as f64;
            let mut operations = 18.0 * inputs * outputs * pixels;
            let mut weights = 9.0 * inputs * outputs;
            if is_up && is_folded {
                weights *= 4.0;
            } else if is_up {
                operations = operations / 4.0 + 32.0 * outputs * pixels;
            }
            let mut bytes = numbers.num_bytes() as f64 * (weights + 2.0 * outputs * pixels);
            if !is_up {
                // The picture: mixed of all channels, with the one before at twice its size.
                operations += (2.0 * outputs + 8.0) * img_channels * pixels;
                bytes += 8.0 * img_channels * pixels;
            }
            floor.num_operations += operations;
            floor.num_bytes += bytes;
            let secs = if is_folded { Rates::own } else { Rates::published };
            floor.arithmetic_secs += secs(rates, numbers, operations);
        }
        floor
    }

    pub fn json(&self, rates: &Rates) -> Json {
        json!({
            "operations": self.num_operations,
            "bytes": self.num_bytes,
            "arithmetic_ms": self.arithmetic_secs * 1e3,
            "memory_ms": self.num_bytes / rates.copied * 1e3,
        })
    }
}

impl Bench {
    /// What a picture takes at least, by the operations and by the bytes of both algorithms.
    pub fn floors(&self, config: &Config, medians: &BTreeMap<&'static str, f64>) -> Json {
        let Some(rates) = &self.rates else { return Json::Null };
        println!(
            "  at least, as published and as here: arithmetic at the rate of a matrix product,"
        );
        println!("  memory at the rate of a copy");
        println!(
            "  {:<12} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9}",
            "", "GFLOP", "ms", "MB", "ms", "GFLOP", "ms", "MB", "ms", "reached"
        );
        let mut all = Vec::new();
        for (precision, name, _) in PRECISIONS {
            let published = Floor::new(config, precision, rates, false);
            let own = Floor::new(config, precision, rates, true);
            let columns = |floor: &Floor| {
                format!(
                    "{:>8.1} {:>8.3} {:>8.1} {:>8.3}",
                    floor.num_operations * 1e-9,
                    floor.arithmetic_secs * 1e3,
                    floor.num_bytes * 1e-6,
                    floor.num_bytes / rates.copied * 1e3
                )
            };
            let least = own.arithmetic_secs.max(own.num_bytes / rates.copied) * 1e3;
            let reached = medians.get(name).map_or(f64::NAN, |median| least / median);
            println!(
                "  {name:<12} {} {} {:>7.0} %",
                columns(&published),
                columns(&own),
                reached * 1e2
            );
            all.push(json!({
                "precision": name,
                "published": published.json(rates),
                "lumawire": own.json(rates),
                "reached": reached,
            }));
        }
        all.into()
    }
}
