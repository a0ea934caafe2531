//! The presets of the patch as buttons, and its cues.

use egui::{Button, Popup, PopupCloseBehavior, RichText, Ui};
use lumawire_core::control::{Cue, Curve, Moment, Preset};
use lumawire_core::{Change, Edit, Graph, ParamValue, Registry};
use lumawire_runtime::control::Event;
use serde_json::Value as Json;

use super::Tools;
use super::header::section;
use super::number::Measure;
use super::patch::{FIELD, labelled};
use crate::cx::Cx;
use crate::theme;

/// How morphs go, and what that is called.
const CURVES: [(Curve, &str); 5] = [
    (Curve::Linear, "linear"),
    (Curve::Smooth, "smooth"),
    (Curve::EaseIn, "ease in"),
    (Curve::EaseOut, "ease out"),
    (Curve::Hold, "hold"),
];
/// Around the words of the menu.
const PADDING: egui::Vec2 = egui::vec2(7.0, 3.0);
/// The longest morph that is offered.
const MAX_MORPH_SECS: f64 = 3600.0;
const SECS: Measure = Measure::Of(lumawire_core::Unit::Secs);

/// Draws the buttons of the presets.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>, tools: &mut Tools) {
    let score = tools.score(cx);
    let active = tools.active.as_ref().map(|(name, _)| name.clone());
    section(ui, "Presets");
    ui.horizontal_wrapped(|ui| {
        for (name, preset) in &score.presets {
            let is_active = active.as_ref() == Some(name);
            button(ui, cx, tools, name, preset, is_active);
        }
        let add = ui.add(Button::new(RichText::new("+").color(theme::FAINT)));
        let named = add.accessible_name("Store a new preset");
        if named.on_hover_text("Stores what is now as a new preset").clicked() {
            let name = free_name(cx.document.graph());
            store(cx, &name);
            tools.preset = Some(name);
        }
    });
    if score.presets.is_empty() {
        let text = "A preset keeps the values of now, to go back to them with a morph.";
        ui.add(egui::Label::new(RichText::new(text).small().color(theme::FAINT)).wrap());
    }
}

fn button(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    tools: &mut Tools,
    name: &str,
    preset: &Preset,
    is_active: bool,
) {
    let response = ui.add(Button::new(name).selected(is_active));
    let morph = SECS.show(preset.morph_secs);
    let hint =
        format!("Goes to its {} values in {morph}. Right-click for more.", preset.values.len());
    let popup = Popup::context_menu(&response);
    let popup = popup.close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    let popup = popup.style(|style: &mut egui::Style| style.spacing.button_padding = PADDING);
    popup.show(|ui| {
        if menu(ui, cx, tools, name, preset) {
            ui.close();
        }
    });
    if response.on_hover_text(hint).clicked() {
        if ui.input(|i| i.modifiers.alt) {
            store(cx, name);
        } else {
            cx.send(Event::Recall { preset: name.to_owned(), morph_secs: None });
        }
        tools.preset = Some(name.to_owned());
    }
}

/// What else there is to do with a preset; whether the menu has done its work.
fn menu(ui: &mut Ui, cx: &mut Cx<'_>, tools: &mut Tools, name: &str, preset: &Preset) -> bool {
    ui.set_width(270.0);
    let id = ui.make_persistent_id(("preset", name));
    let typed = labelled(ui, "Name", FIELD, |ui| {
        tools.hand.field(ui, id.with("name"), "Preset name", name, "", 1)
    });
    if let Some(to) = typed {
        rename(cx, tools, name, to.trim());
        return true;
    }
    let mut new = preset.clone();
    let shown = SECS.show(preset.morph_secs);
    let typed = labelled(ui, "Morph", FIELD, |ui| {
        tools.hand.field(ui, id.with("morph"), "Morph time", &shown, "", 1)
    });
    if let Some(Ok(secs)) = typed.map(|text| SECS.parse(&text)) {
        new.morph_secs = secs.clamp(0.0, MAX_MORPH_SECS);
    }
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = [2.0, 2.0].into();
        for (curve, name) in CURVES {
            ui.selectable_value(&mut new.curve, curve, name);
        }
    });
    if new != *preset
        && let Ok(json) = serde_json::to_value(new)
    {
        let edit = Edit::SetPreset { name: name.to_owned(), preset: Some(json) };
        cx.edit(edit, format!("Change preset {name}"));
    }
    ui.separator();
    if ui.button("Store over").on_hover_text("Keeps what is now under this name").clicked() {
        store(cx, name);
        return true;
    }
    let is_deleted = ui.button("Delete").clicked();
    if is_deleted {
        let edit = Edit::SetPreset { name: name.to_owned(), preset: None };
        cx.edit(edit, format!("Delete preset {name}"));
    }
    is_deleted
}

/// Stores what the show has now; without a show, what the patch says.
fn store(cx: &mut Cx<'_>, name: &str) {
    if cx.session.is_some_and(|session| session.remote().is_some()) {
        return cx.send(Event::Store { preset: name.to_owned() });
    }
    let preset = of_patch(cx.document.graph(), cx.document.registry(), name);
    let Ok(json) = serde_json::to_value(preset) else { return };
    let edit = Edit::SetPreset { name: name.to_owned(), preset: Some(json) };
    cx.edit(edit, format!("Store preset {name}"));
}

/// What the patch says, as a preset: of the parameters that it held before, or else of all that
/// presets hold.
fn of_patch(graph: &Graph, registry: &Registry, name: &str) -> Preset {
    let before = graph.presets().get(name).cloned();
    let before = before.and_then(|json| serde_json::from_value::<Preset>(json).ok());
    let mut preset = before.clone().unwrap_or_default();
    preset.values.clear();
    for (id, node) in graph.nodes() {
        let params = registry.of(node).map_or(&[][..], |spec| spec.params);
        let held = params.iter().filter(|p| !p.is_momentary && p.change != Change::Rebuild);
        for param in held.filter(|p| p.is_steerable()) {
            let target = lumawire_core::control::target(id, param.id);
            if before.as_ref().is_some_and(|b| !b.values.contains_key(&target)) {
                continue;
            }
            let value: Option<ParamValue> = node.params.get(param.id).and_then(|v| param.accept(v));
            preset.values.insert(target, value.unwrap_or_else(|| param.default_value()));
        }
    }
    preset
}

/// A name that no preset has: `look 1`, `look 2`, …
fn free_name(graph: &Graph) -> String {
    let is_free = |name: &String| !graph.presets().contains_key(name);
    (1_u32..).map(|n| format!("look {n}")).find(is_free).unwrap_or_default()
}

/// Gives a preset another name, and the cues that go to it too.
fn rename(cx: &mut Cx<'_>, tools: &mut Tools, name: &str, to: &str) {
    let graph = cx.document.graph();
    let Some(json) = graph.presets().get(name) else { return };
    if to.is_empty() || graph.presets().contains_key(to) {
        let text = if to.is_empty() {
            "A preset needs a name".into()
        } else {
            format!("There is a preset {to} already")
        };
        return cx.commands.push(crate::Command::Tell(text));
    }
    let mut edits = vec![
        Edit::SetPreset { name: name.to_owned(), preset: None },
        Edit::SetPreset { name: to.to_owned(), preset: Some(json.clone()) },
    ];
    if let Some(cues) = graph.cues().and_then(|cues| cues_after(cues, name, to)) {
        edits.push(Edit::SetCues { cues: Some(cues) });
    }
    cx.edit(Edit::Batch(edits), format!("Rename preset {name}"));
    if tools.preset.as_deref() == Some(name) {
        tools.preset = Some(to.to_owned());
    }
}

/// The cue list with a preset's new name; `None` where no cue goes to it.
fn cues_after(cues: &Json, name: &str, to: &str) -> Option<Json> {
    let mut cues = cues.clone();
    let mut is_changed = false;
    for cue in cues.get_mut("list")?.as_array_mut()? {
        if let Some(recall) = cue.get_mut("recall")
            && recall == name
        {
            *recall = Json::from(to);
            is_changed = true;
        }
    }
    is_changed.then_some(cues)
}

/// Draws the list of cues.
pub fn cues(ui: &mut Ui, cx: &mut Cx<'_>, tools: &mut Tools) {
    let score = tools.score(cx);
    if score.cues.is_empty() {
        return;
    }
    section(ui, "Cues");
    let current = cx.session.and_then(|session| session.board()?.cue());
    ui.horizontal(|ui| {
        if ui.button("Back").on_hover_text("Goes to the cue before").clicked() {
            cx.send(Event::StepCue { by: -1 });
        }
        if ui.button("Next").on_hover_text("Goes to the next cue").clicked() {
            cx.send(Event::StepCue { by: 1 });
        }
    });
    for (i, (moment, cue)) in score.cues.iter().enumerate() {
        let is_current = !cue.name.is_empty() && current.as_ref() == Some(&cue.name);
        cue_row(ui, cx, i, moment, cue, is_current);
    }
}

fn cue_row(ui: &mut Ui, cx: &mut Cx<'_>, i: usize, moment: &Moment, cue: &Cue, is_current: bool) {
    ui.horizontal(|ui| {
        let name = if cue.name.is_empty() { format!("Cue {}", i + 1) } else { cue.name.clone() };
        let button = Button::new(name).selected(is_current).min_size([96.0, 20.0].into());
        let response = ui.add_enabled(!cue.name.is_empty(), button);
        let response = response.on_disabled_hover_text("Only a cue with a name can be called");
        if response.on_hover_text("Goes to this cue").clicked() {
            cx.send(Event::Cue { name: cue.name.clone() });
        }
        let goal = cue.recall.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
        let text = RichText::new(when(moment) + &goal).small().color(theme::FAINT);
        ui.add(egui::Label::new(text).truncate());
    });
}

/// Minutes and seconds: `1:01.5`.
fn clock_words(secs: f64) -> String {
    let tenths = (secs.max(0.0) * 10.0).round();
    let (minutes, rest) = ((tenths / 600.0).floor(), tenths % 600.0);
    let point = if rest % 10.0 == 0.0 { String::new() } else { format!(".{}", rest % 10.0) };
    format!("{minutes}:{:02}{point}", (rest / 10.0).floor())
}

/// When a cue comes, in words.
fn when(moment: &Moment) -> String {
    match moment {
        Moment::Secs(secs) => clock_words(*secs),
        Moment::AnyOf(all) => format!("at {} times", all.len()),
        Moment::Mark(name) => format!("at mark {name}"),
        Moment::Turns { node, output, value } => format!("when {node}.{output} is {value}"),
        Moment::ByHand => "by hand".into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_of_cues_are_minutes_and_seconds() {
        let words = [0.0, 61.5, 59.96, 3600.0].map(clock_words);
        assert_eq!(words, ["0:00", "1:01.5", "1:00", "60:00"]);
    }

    #[test]
    fn cues_follow_a_renamed_preset() {
        let cues = json!({ "list": [{ "name": "a", "recall": "calm" }, { "recall": "storm" }] });
        let after = cues_after(&cues, "calm", "still").unwrap();
        let expected =
            json!({ "list": [{ "name": "a", "recall": "still" }, { "recall": "storm" }] });
        assert_eq!(after, expected);
        assert_eq!(cues_after(&cues, "none", "x"), None);
    }
}
