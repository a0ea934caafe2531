//! Colours: parameters that together make one, and the swatch that changes them at once.

use egui::{Sense, Ui, pos2, vec2};
use lumawire_core::{Edit, Param, ParamValue};

use super::Tools;
use super::control::elided;
use super::hand::inside;
use super::row::{Columns, ROW};
use super::subject::{Held, Subject};
use crate::command::Command;
use crate::cx::Cx;
use crate::theme;

/// In what the parameters of a colour say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Model {
    /// Red, green and blue, as sRGB codes 0..1.
    Rgb,
    /// Hue in turns, saturation and brightness.
    Hsv,
}

/// Three parameters that make a colour.
#[derive(Debug, Clone, Copy)]
pub struct Colour {
    model: Model,
    /// In the order of the model.
    params: [&'static Param; 3],
}

/// The ids of the three, without what stands before them.
const TRIPLES: [(Model, [&str; 3]); 4] = [
    (Model::Rgb, ["red", "green", "blue"]),
    (Model::Rgb, ["r", "g", "b"]),
    (Model::Hsv, ["hue_turns", "saturation", "brightness"]),
    (Model::Hsv, ["hue_turns", "saturation", "value"]),
];

/// The colour that begins with this parameter, if its fellows are there too.
pub fn beginning_at(param: &'static Param, all: &[&'static Param]) -> Option<Colour> {
    TRIPLES.into_iter().find_map(|(model, ids)| {
        let start = param.id.strip_suffix(ids[0])?;
        let is_whole_name = start.is_empty() && ids[0].len() > 1 || start.ends_with('_');
        let find = |id: &str| all.iter().copied().find(|p| p.id.strip_prefix(start) == Some(id));
        let params = [param, find(ids[1])?, find(ids[2])?];
        is_whole_name.then_some(Colour { model, params })
    })
}

impl Colour {
    fn codes(self, values: [f64; 3]) -> [u8; 3] {
        let rgb = match self.model {
            Model::Rgb => values,
            Model::Hsv => rgb_from_hsv([values[0], values[1], values[2].min(1.0)]),
        };
        rgb.map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8)
    }

    fn values(self, codes: [u8; 3], before: [f64; 3]) -> [f64; 3] {
        let rgb = codes.map(|code| f64::from(code) / 255.0);
        match self.model {
            Model::Rgb => rgb,
            Model::Hsv => {
                let [hue, saturation, value] = hsv_from_rgb(rgb);
                // A grey has no hue, and black no saturation: those stay what they were.
                let hue = if saturation * value == 0.0 { before[0] } else { hue };
                let saturation = if value == 0.0 { before[1] } else { saturation };
                [hue, saturation, value]
            }
        }
    }

    fn name(self) -> String {
        let first = self.params[0].label;
        let shared = self.params[1].label.split(' ').next().unwrap_or("");
        match first.split_once(' ') {
            Some((start, _)) if start == shared && !start.is_empty() => start.to_owned(),
            _ => "Colour".to_owned(),
        }
    }
}

/// Draws the swatch of a colour.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>, tools: &mut Tools, nodes: &[String], colour: Colour) {
    let size = vec2(ui.available_width(), ROW);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let columns = Columns::of(rect);
    elided(ui, columns.name, &colour.name(), theme::FAINT);
    let held = colour.params.map(|param| Held::of(cx.document, nodes, param));
    let before = held.each_ref().map(|held| held.value.as_f64().unwrap_or(0.0));
    let codes = colour.codes(before);
    let id = ui.make_persistent_id(("colour", colour.params[0].id, nodes.first()));
    let place = columns.rail.union(columns.value).shrink2(vec2(0.0, 3.0));
    let mut child = inside(ui, place, id);
    child.spacing_mut().interact_size = place.size();
    let mut picked = codes;
    child.name_inputs(colour.name(), |ui| ui.color_edit_button_srgb(&mut picked));
    let hex = format!("#{:02x}{:02x}{:02x}", codes[0], codes[1], codes[2]);
    ui.painter().text(
        pos2(place.right() - 6.0, place.center().y),
        egui::Align2::RIGHT_CENTER,
        hex,
        theme::small(),
        if luma(codes) > 0.45 { theme::BACKGROUND } else { theme::TEXT },
    );
    if picked == codes {
        return;
    }
    let after = colour.values(picked, before);
    let edits: Vec<Edit> = colour
        .params
        .iter()
        .zip(&held)
        .zip(after)
        .filter_map(|((param, held), v)| {
            let value = param.accept(&ParamValue::Float((v * 1e4).round() / 1e4))?;
            Some(Subject { nodes, param, held }.edit(Some(&value)))
        })
        .collect();
    let gesture = tools.hand.stroke(ui, id);
    let label = format!("Set {}", colour.name());
    cx.commands.push(Command::drag(Edit::Batch(edits), label, gesture));
}

fn luma(codes: [u8; 3]) -> f64 {
    let weights = [0.299, 0.587, 0.114];
    codes.iter().zip(weights).map(|(code, weight)| f64::from(*code) / 255.0 * weight).sum()
}

/// sRGB codes 0..1 of hue (in turns), saturation and value: A. R. Smith, "Color gamut transform
/// pairs", 1978.
fn rgb_from_hsv([hue, saturation, value]: [f64; 3]) -> [f64; 3] {
    [5.0, 3.0, 1.0].map(|n: f64| {
        let k = (n + hue * 6.0).rem_euclid(6.0);
        value * (1.0 - saturation * k.min(4.0 - k).clamp(0.0, 1.0))
    })
}

/// The inverse; the hue of a grey is 0.
fn hsv_from_rgb(rgb: [f64; 3]) -> [f64; 3] {
    let [r, g, b] = rgb;
    let value = r.max(g).max(b);
    let span = value - r.min(g).min(b);
    if span <= 0.0 {
        return [0.0, 0.0, value];
    }
    let sixths = if value == r {
        (g - b) / span
    } else if value == g {
        2.0 + (b - r) / span
    } else {
        4.0 + (r - g) / span
    };
    [(sixths / 6.0).rem_euclid(1.0), span / value, value]
}

#[cfg(test)]
mod tests {
    use super::*;

    static RGB: [Param; 4] = [
        Param::float("tint_r", "Tint r", 0.0, (0.0, 1.0)),
        Param::float("tint_g", "Tint g", 0.0, (0.0, 1.0)),
        Param::float("tint_b", "Tint b", 0.0, (0.0, 1.0)),
        Param::float("blur", "Blur", 0.0, (0.0, 1.0)),
    ];
    static HSV: [Param; 3] = [
        Param::float("hue_turns", "Hue", 0.0, (0.0, 1.0)),
        Param::float("saturation", "Saturation", 0.0, (0.0, 1.0)),
        Param::float("brightness", "Brightness", 1.0, (0.0, 2.0)),
    ];

    #[test]
    fn colours_are_found_by_the_names_of_their_parts() {
        let rgb: Vec<&Param> = RGB.iter().collect();
        let found = beginning_at(&RGB[0], &rgb).unwrap();
        assert_eq!((found.model, found.name()), (Model::Rgb, "Tint".into()));
        assert!(RGB[1..].iter().all(|param| beginning_at(param, &rgb).is_none()));
        let hsv: Vec<&Param> = HSV.iter().collect();
        assert_eq!(beginning_at(&HSV[0], &hsv).map(|c| c.model), Some(Model::Hsv));
        assert!(beginning_at(&HSV[0], &hsv[..2]).is_none());
    }

    #[test]
    fn a_colour_goes_to_codes_and_back() {
        for (hsv, rgb) in [
            ([0.0, 1.0, 1.0], [1.0, 0.0, 0.0]),
            ([1.0 / 3.0, 1.0, 0.5], [0.0, 0.5, 0.0]),
            ([2.0 / 3.0, 0.5, 1.0], [0.5, 0.5, 1.0]),
            ([0.0, 0.0, 0.25], [0.25, 0.25, 0.25]),
        ] {
            let near =
                |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
            assert!(near(rgb_from_hsv(hsv), rgb), "{hsv:?}");
            assert!(near(hsv_from_rgb(rgb), hsv), "{rgb:?}");
        }
        let colour = Colour { model: Model::Hsv, params: [&HSV[0], &HSV[1], &HSV[2]] };
        assert_eq!(colour.values([0, 0, 0], [0.4, 0.7, 1.0]), [0.4, 0.7, 0.0]);
    }
}
