//! The names that programs give the weights of networks that enlarge pictures, and what they mean.

use crate::ModelError;
use crate::checkpoint::printable;

/// The networks that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// Convolutions on luminance, then the pixel shuffle (Shi et al., 2016).
    Espcn,
    /// SRVGGNetCompact of Real-ESRGAN (Wang et al., 2021): convolutions and PReLU on RGB, the pixel
    /// shuffle, and the nearest neighbours added.
    Compact,
}

impl Architecture {
    /// Channels of the picture: 1 is luminance, 3 are red, green and blue.
    pub fn num_channels(self) -> usize {
        match self {
            Self::Espcn => 1,
            Self::Compact => 3,
        }
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Espcn => "ESPCN",
            Self::Compact => "SRVGGNetCompact",
        }
    }
}

/// What follows the bias of a convolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Follows {
    /// Nothing: the last one.
    Nothing,
    /// max(x, 0).
    Relu,
    /// tanh x.
    Tanh,
    /// max(x, 0) + slope·min(x, 0), the slopes being the weight of this name.
    Slopes(String),
}

/// A network's convolutions, without `.weight` and `.bias`, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    pub architecture: Architecture,
    pub convolutions: Vec<(String, Follows)>,
}

/// Convolutions at most: published networks have up to 34.
pub const MAX_CONVOLUTIONS: usize = 256;

/// What comes before all names where a network was trained on several devices.
const PREFIXES: [&str; 4] = ["", "module.", "params_ema.", "params."];

/// The usual names of ESPCN's layers, with the activation of the programs that give them: tanh as in
/// the paper, or ReLU in the example of PyTorch.
const ESPCN: [(&[&str], Follows); 4] = [
    (&["feature_maps.0", "feature_maps.2", "sub_pixel.0"], Follows::Tanh),
    (&["first_part.0", "first_part.2", "last_part.0"], Follows::Tanh),
    (&["conv1", "conv2", "conv3", "conv4"], Follows::Relu),
    (&["conv1", "conv2", "conv3"], Follows::Tanh),
];

impl Layout {
    /// The layout of a file with these names.
    ///
    /// # Errors
    /// Another network, by its name where that is known.
    pub fn recognize(names: &[&str]) -> Result<Self, ModelError> {
        PREFIXES
            .iter()
            .find_map(|prefix| compact(names, prefix).or_else(|| espcn(names, prefix)))
            .ok_or_else(|| unknown(names))
    }

    /// Whether names are of a network that enlarges pictures, one that is not known here included.
    pub fn is_near(names: &[&str]) -> bool {
        Self::recognize(names).is_ok() || is_rrdb(names) || names.contains(&"body.0.weight")
    }
}

fn espcn(names: &[&str], prefix: &str) -> Option<Layout> {
    let has = |layer: &&str| names.contains(&&*format!("{prefix}{layer}.weight"));
    let (layers, follows) = ESPCN.iter().find(|(layers, _)| layers.iter().all(&has))?;
    let last = layers.len() - 1;
    let convolutions = layers.iter().enumerate().map(|(i, layer)| {
        let follows = if i == last { Follows::Nothing } else { follows.clone() };
        (format!("{prefix}{layer}"), follows)
    });
    Some(Layout { architecture: Architecture::Espcn, convolutions: convolutions.collect() })
}

/// body.0 is a convolution, body.1 its slopes, and so on; body.n is the last convolution.
fn compact(names: &[&str], prefix: &str) -> Option<Layout> {
    let layer = |i: usize| format!("{prefix}body.{i}");
    let has = |i: usize, part: &str| names.contains(&&*format!("{}.{part}", layer(i)));
    // Slopes have no bias.
    let is_convolution = |i: usize| has(i, "weight") && has(i, "bias");
    let is_slopes = |i: usize| has(i, "weight") && !has(i, "bias");
    if !is_convolution(0) || !is_slopes(1) {
        return None;
    }
    let mut convolutions = Vec::new();
    for i in (0..2 * MAX_CONVOLUTIONS).step_by(2).take_while(|i| is_convolution(*i)) {
        let slopes = is_slopes(i + 1).then(|| Follows::Slopes(format!("{}.weight", layer(i + 1))));
        convolutions.push((layer(i), slopes.unwrap_or(Follows::Nothing)));
    }
    Some(Layout { architecture: Architecture::Compact, convolutions })
}

fn is_rrdb(names: &[&str]) -> bool {
    names.iter().any(|n| n.ends_with("conv_first.weight") || n.ends_with("RRDB_trunk.0.weight"))
}

fn unknown(names: &[&str]) -> ModelError {
    let found = if is_rrdb(names) {
        "an RRDBNet (ESRGAN, RealESRGAN_x4plus), which is not built in".to_owned()
    } else if names.contains(&"body.0.weight") {
        "a SRVGGNetCompact without PReLU slopes, whose activation nothing tells".to_owned()
    } else {
        let names: Vec<_> = names.iter().take(3).copied().map(printable).collect();
        format!(
            "no network that enlarges pictures (its weights are called {}, …)",
            names.join(", ")
        )
    };
    ModelError::unsupported(found, super::HELP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_network() {
        let names = ["m.0.weight", "module.body.0.weight", "module.body.0.bias"];
        assert!(Layout::recognize(&names).is_err(), "without slopes");
        let more = ["module.body.1.weight", "module.body.2.weight", "module.body.2.bias"];
        let found = Layout::recognize(&[&names[..], &more].concat()).unwrap();
        let slopes = Follows::Slopes("module.body.1.weight".into());
        assert_eq!(found.architecture, Architecture::Compact);
        assert_eq!(
            found.convolutions,
            [("module.body.0".into(), slopes), ("module.body.2".into(), Follows::Nothing)]
        );
        let names = ["conv1.weight", "conv2.weight", "conv3.weight"];
        let three = Layout::recognize(&names).unwrap();
        assert_eq!(three.convolutions[0], ("conv1".into(), Follows::Tanh));
        let four = Layout::recognize(&[&names[..], &["conv4.weight"]].concat()).unwrap();
        assert_eq!(four.convolutions[2], ("conv3".into(), Follows::Relu));
        let error = Layout::recognize(&["conv_first.weight"]).unwrap_err().to_string();
        assert!(error.contains("RRDBNet") && error.contains("realesr"), "{error}");
    }
}
