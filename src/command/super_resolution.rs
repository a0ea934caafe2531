//! What `import` and `model info` say of networks that make pictures larger.

use lumawire_models::super_resolution::{Card, Network};
use serde_json::json;

use super::model::Lines;

/// What is in a network, as lines or as JSON.
pub fn info(network: &Network, as_json: bool) -> String {
    let config = network.config();
    let architecture = config.architecture.name();
    if as_json {
        let value = json!({
            "architecture": architecture,
            "scale": config.scale,
            "num_channels": config.architecture.num_channels(),
            "num_features": config.num_features,
            "num_convolutions": config.num_convolutions,
            "reach_px": config.reach_px,
            "num_parameters": config.num_parameters,
            "card": network.card(),
        });
        return format!("{value:#}\n");
    }
    let mut lines = Lines::default();
    let colours = if config.architecture.num_channels() == 1 { "luminance" } else { "RGB" };
    lines.add("architecture", format!("{architecture}, makes pictures larger"));
    lines.add("scale", format!("{}, {colours}", config.scale));
    lines.add("features", config.num_features);
    lines.add("convolutions", config.num_convolutions);
    lines.add("sees", format!("{} px to each side", config.reach_px));
    lines.add("parameters", config.num_parameters);
    lines.0 += &describe_card(network.card());
    lines.0
}

/// A card in lines.
pub fn describe_card(card: &Card) -> String {
    let mut lines = Lines::default();
    lines.add("source", &card.source);
    lines.add("source sha256", &card.source_sha256);
    lines.add("format", &card.format);
    lines.add("scale", card.scale);
    lines.add("licence", card.licence.as_deref().unwrap_or("not stated; say it with --licence"));
    lines.add("imported by", &card.imported_by);
    lines.0
}
