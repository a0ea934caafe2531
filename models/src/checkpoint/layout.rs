//! The names of a generator's weights, as different programs give them, and the published ones.

use std::collections::BTreeMap;

use super::printable;
use super::tensor::View;
use crate::ModelError;

/// Who named the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// NVIDIA's stylegan2-ada-pytorch.
    Ada,
    /// rosinality's stylegan2-pytorch, and what was made from it.
    Rosinality,
}

/// Weights that every network of a layout has.
const LANDMARKS: [(Layout, &str); 2] =
    [(Layout::Ada, "synthesis.b4.const"), (Layout::Rosinality, "input.input")];
/// What names start with where a file holds more than one network, the best first.
const PREFIXES: [&str; 8] =
    ["", "G_ema.", "g_ema.", "module.", "generator_ema.", "generator.", "G.", "model."];

/// Tells the layout, and keeps the weights of the generator alone, by their names within it.
pub fn recognize(
    views: BTreeMap<String, View>,
) -> Result<(Layout, BTreeMap<String, View>), ModelError> {
    let known = PREFIXES.iter().find_map(|prefix| {
        let mut landmarks = LANDMARKS.iter();
        landmarks
            .find(|(_, name)| views.contains_key(&format!("{prefix}{name}")))
            .map(|(layout, _)| (*layout, *prefix))
    });
    let Some((layout, prefix)) = known else { return Err(unknown(&views)) };
    let mut named = BTreeMap::new();
    for (name, view) in views {
        if name == "latent_avg" {
            named.insert(name, view);
        } else if let Some(name) = name.strip_prefix(prefix) {
            named.insert(name.to_owned(), view);
        }
    }
    Ok((layout, named))
}

fn unknown(views: &BTreeMap<String, View>) -> ModelError {
    let has = |part: &str| views.keys().any(|name| name.contains(part));
    let found = if has("synthesis.input.") {
        "a StyleGAN3 network".to_owned()
    } else if has("progression.") {
        "a StyleGAN1 network".to_owned()
    } else {
        let names: Vec<_> = views.keys().take(3).map(|name| printable(name)).collect();
        format!("no StyleGAN2 network (its weights are called {}, …)", names.join(", "))
    };
    ModelError::unsupported(found, "choose a StyleGAN2 or StyleGAN2-ADA network")
}

/// Weights that are read, by the published names, with the published axes.
pub fn published(layout: Layout, views: BTreeMap<String, View>) -> BTreeMap<String, View> {
    let weights = views.into_iter();
    match layout {
        Layout::Ada => weights
            .filter(|(name, _)| name.starts_with("mapping.") || name.starts_with("synthesis."))
            .collect(),
        Layout::Rosinality => weights
            .filter_map(|(name, view)| {
                let (name, rank) = from_rosinality(&name)?;
                Some((name, view.squeeze_to(rank)))
            })
            .collect(),
    }
}

/// The published name and rank of one of rosinality's weights. Both programs compute the same: their
/// learning-rate scales, initial biases and the order of the layers agree, and the scale that
/// rosinality applies to convolutions cancels in the demodulation.
fn from_rosinality(name: &str) -> Option<(String, usize)> {
    let parts: Vec<&str> = name.split('.').collect();
    let number = |text: &str| text.parse().ok().filter(|&number: &usize| number < 64);
    match *parts.as_slice() {
        ["latent_avg"] => Some(("mapping.w_avg".into(), 1)),
        ["input", "input"] => Some(("synthesis.b4.const".into(), 3)),
        // Layer 0 normalises and has no weights.
        ["style", layer, kind @ ("weight" | "bias")] => {
            let rank = if kind == "weight" { 2 } else { 1 };
            Some((format!("mapping.fc{}.{kind}", number(layer)?.checked_sub(1)?), rank))
        }
        ["noises", noise] => {
            let index = number(noise.strip_prefix("noise_")?)?;
            Some((format!("{}.noise_const", convolution(index)), 2))
        }
        ["conv1", ref rest @ ..] => part(&convolution(0), rest),
        // Read only to be checked.
        ["convs", index, "conv", "blur", "kernel"] => {
            Some((format!("{}.resample_filter", convolution(1 + number(index)?)), 2))
        }
        ["to_rgbs", index, "upsample", "kernel"] => {
            Some((format!("synthesis.b{}.torgb.resample_filter", 8_u128 << number(index)?), 2))
        }
        ["convs", index, ref rest @ ..] => part(&convolution(1 + number(index)?), rest),
        ["to_rgb1", ref rest @ ..] => part("synthesis.b4.torgb", rest),
        ["to_rgbs", index, ref rest @ ..] => {
            part(&format!("synthesis.b{}.torgb", 8_u128 << number(index)?), rest)
        }
        _ => None,
    }
}

/// The published name of convolution 0, 1, …, which is layer 1, 2, …: one in the block of 4², then two
/// in each block.
pub fn convolution(index: usize) -> String {
    format!("synthesis.b{}.conv{}", 4_u128 << index.div_ceil(2), 1 - index % 2)
}

/// The published name and rank of a part of a convolution.
fn part(convolution: &str, part: &[&str]) -> Option<(String, usize)> {
    let (name, rank) = match *part {
        ["conv", "weight"] => ("weight", 4),
        ["conv", "modulation", "weight"] => ("affine.weight", 2),
        ["conv", "modulation", "bias"] => ("affine.bias", 1),
        ["noise", "weight"] => ("noise_strength", 1),
        ["activate", "bias"] | ["bias"] => ("bias", 1),
        _ => return None,
    };
    Some((format!("{convolution}.{name}"), rank))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rosinalitys_names_become_the_published_ones() {
        for (name, published, rank) in [
            ("style.1.weight", "mapping.fc0.weight", 2),
            ("style.8.bias", "mapping.fc7.bias", 1),
            ("conv1.conv.weight", "synthesis.b4.conv1.weight", 4),
            ("convs.0.conv.modulation.weight", "synthesis.b8.conv0.affine.weight", 2),
            ("convs.1.activate.bias", "synthesis.b8.conv1.bias", 1),
            ("convs.7.noise.weight", "synthesis.b64.conv1.noise_strength", 1),
            ("noises.noise_0", "synthesis.b4.conv1.noise_const", 2),
            ("noises.noise_1", "synthesis.b8.conv0.noise_const", 2),
            ("noises.noise_8", "synthesis.b64.conv1.noise_const", 2),
            ("to_rgb1.bias", "synthesis.b4.torgb.bias", 1),
            ("to_rgbs.3.conv.modulation.bias", "synthesis.b64.torgb.affine.bias", 1),
            ("latent_avg", "mapping.w_avg", 1),
            ("convs.0.conv.blur.kernel", "synthesis.b8.conv0.resample_filter", 2),
            ("to_rgbs.3.upsample.kernel", "synthesis.b64.torgb.resample_filter", 2),
        ] {
            assert_eq!(from_rosinality(name), Some((published.to_owned(), rank)));
        }
        for ignored in ["style.0.weight", "convs.99.noise.weight", "convs.0.blur", ""] {
            assert_eq!(from_rosinality(ignored), None, "{ignored}");
        }
    }
}
