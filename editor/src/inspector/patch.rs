//! What stands here while nothing is selected: the patch itself.

use egui::{Align2, ComboBox, Rect, Sense, Ui, vec2};
use lumawire_core::graph::About;
use lumawire_core::{Edit, Fps};

use super::Tools;
use super::hand::inside;
use super::header::section;
use super::presets;
use crate::cx::Cx;
use crate::theme;

/// Width of what stands before a field.
const LABEL: f32 = 88.0;
/// Height of a further row of text, and how many are shown at most.
const ROW: f32 = 17.0;
const MOST_ROWS: usize = 14;
/// Height of a field of one line.
pub const FIELD: f32 = 24.0;
/// Samples a second that are offered.
const SAMPLE_RATES_HZ: [u32; 4] = [44_100, 48_000, 88_200, 96_000];
/// Frames a second that are offered, as fractions.
const FPS: [(u32, u32); 8] =
    [(24, 1), (25, 1), (30_000, 1001), (30, 1), (50, 1), (60_000, 1001), (60, 1), (120, 1)];

/// Draws the presets, cues and properties of the patch.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>, tools: &mut Tools) {
    presets::show(ui, cx, tools);
    presets::cues(ui, cx, tools);
    section(ui, "Patch");
    about(ui, cx, tools);
    section(ui, "Clock");
    clock(ui, cx);
    seed(ui, cx, tools);
}

/// A name and its field, in a row as high as `height`.
pub fn labelled<R>(ui: &mut Ui, label: &str, height: f32, add: impl FnOnce(&mut Ui) -> R) -> R {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let at = rect.left_top() + vec2(0.0, FIELD / 2.0);
    ui.painter().text(at, Align2::LEFT_CENTER, label, theme::body(), theme::FAINT);
    let field = Rect::from_min_max(rect.min + vec2(LABEL, 0.0), rect.max);
    inside(ui, field, label).name_inputs(label, add)
}

fn about(ui: &mut Ui, cx: &mut Cx<'_>, tools: &mut Tools) {
    let old = cx.document.graph().about();
    let mut new: Option<About> = None;
    let num_rows = num_rows(ui, &old.description);
    type Part = fn(&mut About) -> &mut String;
    let parts: [(&str, &str, usize, Part); 4] = [
        ("Title", "", 1, |a| &mut a.title),
        ("Author", "", 1, |a| &mut a.author),
        ("Licence", "CC-BY-4.0", 1, |a| &mut a.licence),
        ("Description", "What it does, and what to play to it", num_rows, |a| &mut a.description),
    ];
    let mut shown = old.clone();
    for (label, hint, num_rows, part) in parts {
        let id = ui.make_persistent_id(("about", label));
        let height = FIELD + (num_rows as f32 - 1.0) * ROW;
        let typed = labelled(ui, label, height, |ui| {
            tools.hand.field(ui, id, label, part(&mut shown), hint, num_rows)
        });
        if let Some(text) = typed {
            *part(new.get_or_insert_with(|| old.clone())) = text;
        }
    }
    if let Some(about) = new {
        cx.edit(Edit::SetAbout(about), "Describe the patch");
    }
}

/// The rows that a text needs in a field, within reason.
fn num_rows(ui: &Ui, text: &str) -> usize {
    let width = ui.available_width() - LABEL - 16.0;
    let galley = ui.painter().layout(text.to_owned(), theme::body(), theme::TEXT, width);
    galley.rows.len().clamp(3, MOST_ROWS)
}

fn clock(ui: &mut Ui, cx: &mut Cx<'_>) {
    let clock = cx.document.graph().clock();
    let (mut rate, mut fps) = (clock.sample_rate_hz, clock.fps);
    labelled(ui, "Sample rate", FIELD, |ui| {
        let shown = format!("{rate} Hz");
        ComboBox::from_id_salt("sample rate").width(120.0).selected_text(shown).show_ui(ui, |ui| {
            for option in SAMPLE_RATES_HZ {
                ui.selectable_value(&mut rate, option, format!("{option} Hz"));
            }
        });
    });
    labelled(ui, "Frame rate", FIELD, |ui| {
        ComboBox::from_id_salt("frame rate").width(120.0).selected_text(fps_words(fps)).show_ui(
            ui,
            |ui| {
                for (num, den) in FPS {
                    let option = Fps::new(num, den);
                    ui.selectable_value(&mut fps, option, fps_words(option));
                }
            },
        );
    });
    if (rate, fps) != (clock.sample_rate_hz, clock.fps) {
        cx.edit(Edit::SetClock { sample_rate_hz: rate, fps }, "Set clock");
    }
}

/// A frame rate as people say it.
fn fps_words(fps: Fps) -> String {
    match fps.den {
        1 => format!("{} fps", fps.num),
        _ => format!("{:.2} fps", fps.hz()),
    }
}

fn seed(ui: &mut Ui, cx: &mut Cx<'_>, tools: &mut Tools) {
    let seed = cx.document.graph().seed();
    let id = ui.make_persistent_id("seed");
    let typed = labelled(ui, "Seed", FIELD, |ui| {
        tools.hand.field(ui, id, "Seed", &seed.to_string(), "", 1)
    });
    match typed.map(|text| text.trim().parse::<u64>()) {
        Some(Ok(seed)) => cx.edit(Edit::SetSeed(seed), "Set seed"),
        Some(Err(_)) => {
            let text = "The seed is a whole number that is not negative";
            cx.commands.push(crate::Command::Tell(text.into()));
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_rates_are_named_as_people_say_them() {
        let names = FPS.map(|(num, den)| fps_words(Fps::new(num, den)));
        assert_eq!((names[2].as_str(), names[6].as_str()), ("29.97 fps", "60 fps"));
    }
}
