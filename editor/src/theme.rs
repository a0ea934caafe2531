//! How it looks: dark for a dim stage, one accent, port colours that stay apart for the colour-blind.

use std::sync::Arc;

use egui::{
    Color32, Context, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Stroke, Style,
    TextStyle, Visuals,
};
use lumawire_core::PortType;

/// Behind everything.
pub const BACKGROUND: Color32 = Color32::from_rgb(0x12, 0x13, 0x17);
/// The canvas.
pub const CANVAS: Color32 = Color32::from_rgb(0x16, 0x18, 0x1d);
/// Lines of the canvas's grid.
pub const GRID: Color32 = Color32::from_rgb(0x1f, 0x22, 0x29);
/// Panels.
pub const PANEL: Color32 = Color32::from_rgb(0x1b, 0x1d, 0x23);
/// What can be pressed, and nodes.
pub const RAISED: Color32 = Color32::from_rgb(0x26, 0x29, 0x31);
/// Under the pointer.
pub const HOVERED: Color32 = Color32::from_rgb(0x32, 0x36, 0x40);
/// Lines between things.
pub const LINE: Color32 = Color32::from_rgb(0x35, 0x39, 0x44);
/// Text.
pub const TEXT: Color32 = Color32::from_rgb(0xe4, 0xe6, 0xeb);
/// Text that matters less.
pub const FAINT: Color32 = Color32::from_rgb(0x96, 0x9d, 0xab);
/// Selected, active, playing.
pub const ACCENT: Color32 = Color32::from_rgb(0xff, 0xb4, 0x3c);
/// Wrong.
pub const ERROR: Color32 = Color32::from_rgb(0xff, 0x6b, 0x5e);
/// To be looked at.
pub const WARNING: Color32 = Color32::from_rgb(0xf2, 0xcc, 0x60);
/// Well.
pub const GOOD: Color32 = Color32::from_rgb(0x5a, 0xc8, 0x8f);

/// Space between things, and the unit of all others.
pub const GAP: f32 = 6.0;
/// Rounding of corners.
pub const ROUNDING: u8 = 5;

/// The outline of a port, so that types are told apart without colour too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // their names say it
pub enum Shape {
    Disc,
    Ring,
    Square,
    Diamond,
    Triangle,
    Bar,
    Hexagon,
    Cross,
}

/// The colour of a port and its wires. The hues are those of Okabe and Ito's palette ("Color
/// Universal Design", 2008), lightened for a dark ground; types that share one differ in shape.
pub fn port_colour(ty: PortType) -> Color32 {
    match ty {
        PortType::Audio => Color32::from_rgb(0x56, 0xb4, 0xe9),
        PortType::Spectrum => Color32::from_rgb(0x3f, 0x8f, 0xd6),
        PortType::Bands => Color32::from_rgb(0x3f, 0x8f, 0xd6),
        PortType::Chroma => Color32::from_rgb(0x8f, 0xa8, 0xff),
        PortType::Control => Color32::from_rgb(0xe8, 0xe1, 0xa8),
        PortType::Trigger => Color32::from_rgb(0xf0, 0xe4, 0x42),
        PortType::Latent => Color32::from_rgb(0x1f, 0xb8, 0x8c),
        PortType::LatentBank => Color32::from_rgb(0x1f, 0xb8, 0x8c),
        PortType::Model => Color32::from_rgb(0xb8, 0xbe, 0xca),
        PortType::Bends => Color32::from_rgb(0xd9, 0x8a, 0xbb),
        PortType::Noise => Color32::from_rgb(0xd9, 0x8a, 0xbb),
        PortType::Image => Color32::from_rgb(0xf0, 0x8a, 0x3c),
    }
}

/// The outline of a port.
pub fn port_shape(ty: PortType) -> Shape {
    match ty {
        PortType::Audio => Shape::Disc,
        PortType::Spectrum => Shape::Ring,
        PortType::Bands => Shape::Bar,
        PortType::Chroma => Shape::Hexagon,
        PortType::Control => Shape::Disc,
        PortType::Trigger => Shape::Triangle,
        PortType::Latent => Shape::Diamond,
        PortType::LatentBank => Shape::Square,
        PortType::Model => Shape::Hexagon,
        PortType::Bends => Shape::Diamond,
        PortType::Noise => Shape::Cross,
        PortType::Image => Shape::Square,
    }
}

/// The colour of a category's nodes.
pub fn category_colour(category: &str) -> Color32 {
    match category {
        "source" => Color32::from_rgb(0x2c, 0x5d, 0x7d),
        "analysis" => Color32::from_rgb(0x2e, 0x4a, 0x86),
        "control" | "map" => Color32::from_rgb(0x6b, 0x66, 0x2c),
        "latent" => Color32::from_rgb(0x1f, 0x66, 0x55),
        "generate" => Color32::from_rgb(0x5a, 0x3d, 0x8a),
        "bend" | "rewrite" | "noise" => Color32::from_rgb(0x7d, 0x3c, 0x66),
        "post" => Color32::from_rgb(0x8a, 0x4a, 0x1f),
        "draw" => Color32::from_rgb(0x8a, 0x36, 0x36),
        "output" => Color32::from_rgb(0x4a, 0x4f, 0x5c),
        _ => Color32::from_rgb(0x40, 0x45, 0x50),
    }
}

/// Text of the size that most of the window has.
pub fn body() -> FontId {
    FontId::proportional(13.0)
}

/// Text that explains.
pub fn small() -> FontId {
    FontId::proportional(11.0)
}

/// Gives a context the font and the looks. `font` is a TrueType file.
pub fn apply(ctx: &Context, font: &'static [u8]) {
    let mut fonts = FontDefinitions::default();
    if !font.is_empty() {
        let name = "text".to_owned();
        fonts.font_data.insert(name.clone(), Arc::new(FontData::from_static(font)));
        fonts.families.entry(FontFamily::Proportional).or_default().insert(0, name);
    }
    ctx.set_fonts(fonts);
    // The keys for it are the canvas's.
    ctx.options_mut(|options| options.zoom_with_keyboard = false);
    ctx.all_styles_mut(style);
}

fn style(style: &mut Style) {
    style.text_styles = [
        (TextStyle::Heading, FontId::proportional(18.0)),
        (TextStyle::Body, body()),
        (TextStyle::Button, body()),
        (TextStyle::Small, small()),
        (TextStyle::Monospace, FontId::monospace(12.0)),
    ]
    .into();
    style.spacing.item_spacing = egui::vec2(GAP, GAP);
    style.spacing.button_padding = egui::vec2(8.0, 4.0);
    style.spacing.interact_size.y = 22.0;
    style.interaction.selectable_labels = false;
    style.visuals = visuals();
}

fn visuals() -> Visuals {
    let mut visuals = Visuals::dark();
    visuals.panel_fill = PANEL;
    visuals.window_fill = PANEL;
    visuals.window_stroke = Stroke::new(1.0, LINE);
    visuals.extreme_bg_color = BACKGROUND;
    visuals.faint_bg_color = RAISED;
    visuals.hyperlink_color = ACCENT;
    visuals.selection.bg_fill = ACCENT.gamma_multiply(0.35);
    visuals.selection.stroke = Stroke::new(1.0, ACCENT);
    let rounding = CornerRadius::same(ROUNDING);
    let widgets = &mut visuals.widgets;
    widgets.noninteractive.bg_stroke = Stroke::new(1.0, LINE);
    widgets.noninteractive.fg_stroke = Stroke::new(1.0, TEXT);
    for (widget, fill) in [
        (&mut widgets.inactive, RAISED),
        (&mut widgets.hovered, HOVERED),
        (&mut widgets.active, HOVERED),
        (&mut widgets.open, HOVERED),
    ] {
        widget.bg_fill = fill;
        widget.weak_bg_fill = fill;
        widget.bg_stroke = Stroke::NONE;
        widget.fg_stroke = Stroke::new(1.0, TEXT);
        widget.corner_radius = rounding;
        widget.expansion = 0.0;
    }
    widgets.hovered.bg_stroke = Stroke::new(1.0, LINE);
    widgets.active.bg_stroke = Stroke::new(1.0, ACCENT);
    visuals
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const TYPES: [PortType; 12] = [
        PortType::Audio,
        PortType::Spectrum,
        PortType::Bands,
        PortType::Chroma,
        PortType::Control,
        PortType::Trigger,
        PortType::Latent,
        PortType::LatentBank,
        PortType::Model,
        PortType::Bends,
        PortType::Noise,
        PortType::Image,
    ];

    #[test]
    fn every_type_has_looks_of_its_own() {
        let looks = TYPES.map(|ty| format!("{:?} {:?}", port_colour(ty), port_shape(ty)));
        assert_eq!(looks.iter().collect::<BTreeSet<_>>().len(), TYPES.len());
    }
}
