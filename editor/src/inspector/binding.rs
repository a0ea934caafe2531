//! The form of a binding: which control, which range, and how it moves the parameter.

use egui::{ComboBox, Frame, Rect, Stroke, Ui, pos2};
use lumawire_core::control::{Binding, BindingMode, Midi, MidiSource, StepCode};
use lumawire_core::{Edit, Param};

use super::Tools;
use super::hand::{Hand, inside};
use super::number::Measure;
use super::patch::{FIELD, labelled};
use crate::cx::Cx;
use crate::theme;

/// Draws the form of the binding of `target`.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>, tools: &mut Tools, target: &str, param: &Param) {
    let old: Binding = cx
        .document
        .graph()
        .bindings()
        .get(target)
        .and_then(|json| serde_json::from_value(json.clone()).ok())
        .unwrap_or_default();
    let mut new = old.clone();
    let frame = Frame::new().stroke(Stroke::new(1.0, theme::LINE)).corner_radius(5).inner_margin(8);
    let is_done = frame.show(ui, |ui| {
        fields(ui, &mut tools.hand, target, param, &mut new);
        ui.horizontal(|ui| {
            let close = ui.button("Done").clicked();
            let removed = ui.button("Remove").clicked();
            if removed {
                new = Binding::default();
            }
            close || removed
        })
    });
    if is_done.inner.inner {
        tools.binding = None;
    }
    if new != old {
        let is_empty = new.osc.is_none() && new.midi.is_none();
        let binding = if is_empty { None } else { serde_json::to_value(new).ok() };
        cx.edit(Edit::SetBinding { target: target.to_owned(), binding }, "Change binding");
    }
}

fn fields(ui: &mut Ui, hand: &mut Hand, target: &str, param: &Param, binding: &mut Binding) {
    let id = ui.make_persistent_id(("fields", target));
    labelled(ui, "OSC address", FIELD, |ui| {
        let osc = binding.osc.clone().unwrap_or_default();
        if let Some(text) = hand.field(ui, id.with("osc"), "OSC address", &osc, "/address", 1) {
            binding.osc = address(&text);
        }
    });
    labelled(ui, "MIDI", FIELD, |ui| midi_source(ui, id, &mut binding.midi));
    if let Some(midi) = &mut binding.midi {
        midi_fields(ui, hand, id, midi);
    }
    labelled(ui, "Range", FIELD, |ui| range(ui, hand, id, param, binding));
    labelled(ui, "Mode", FIELD, |ui| {
        let modes = [
            (BindingMode::Follow, "follow"),
            (BindingMode::Toggle, "toggle"),
            (BindingMode::Press, "press"),
            (BindingMode::Relative, "relative"),
        ];
        pick(ui, id.with("mode"), &mut binding.mode, &modes);
    });
    if binding.mode == BindingMode::Relative {
        labelled(ui, "Steps", FIELD, |ui| {
            let codes = [
                (StepCode::TwosComplement, "two's complement"),
                (StepCode::SignedBit, "signed bit"),
                (StepCode::Offset, "offset"),
            ];
            pick(ui, id.with("steps"), &mut binding.steps, &codes);
        });
    }
    labelled(ui, "Pickup", FIELD, |ui| {
        ui.checkbox(&mut binding.pickup, "").accessible_name("Pickup").on_hover_text(
            "A fader that stands elsewhere moves nothing until it comes past the value",
        )
    });
}

/// An OSC address, which begins with a slash; `None` for nothing.
fn address(text: &str) -> Option<String> {
    let text = text.trim();
    match text {
        "" | "/" => None,
        text if text.starts_with('/') => Some(text.to_owned()),
        text => Some(format!("/{text}")),
    }
}

fn pick<T: PartialEq + Copy>(ui: &mut Ui, id: egui::Id, value: &mut T, options: &[(T, &str)]) {
    let shown = options.iter().find(|(option, _)| option == value).map_or("", |(_, name)| name);
    ComboBox::from_id_salt(id).width(140.0).selected_text(shown).show_ui(ui, |ui| {
        for (option, name) in options {
            ui.selectable_value(value, *option, *name);
        }
    });
}

fn midi_source(ui: &mut Ui, id: egui::Id, midi: &mut Option<Midi>) {
    let number = midi.as_ref().map_or(1, |midi| number_of(midi.source));
    let options = [
        (None, "none"),
        (Some(MidiSource::Cc(number)), "control change"),
        (Some(MidiSource::Cc14(number.min(31))), "control change, 14 bit"),
        (Some(MidiSource::Note(number)), "note"),
        (Some(MidiSource::Bend(0)), "pitch bend"),
        (Some(MidiSource::Pressure(0)), "pressure"),
    ];
    let mut source = midi.as_ref().map(|midi| midi.source);
    pick(ui, id.with("midi"), &mut source, &options);
    *midi = source.map(|source| Midi {
        source,
        device: midi.as_ref().and_then(|midi| midi.device.clone()),
        channel: midi.as_ref().and_then(|midi| midi.channel),
    });
}

fn number_of(source: MidiSource) -> u8 {
    match source {
        MidiSource::Cc(n) | MidiSource::Cc14(n) | MidiSource::Note(n) => n,
        MidiSource::Bend(_) | MidiSource::Pressure(_) => 1,
    }
}

fn midi_fields(ui: &mut Ui, hand: &mut Hand, id: egui::Id, midi: &mut Midi) {
    let (number, max) = match &mut midi.source {
        MidiSource::Cc(n) | MidiSource::Note(n) => (Some(n), 127),
        MidiSource::Cc14(n) => (Some(n), 31),
        MidiSource::Bend(_) | MidiSource::Pressure(_) => (None, 0),
    };
    if let Some(number) = number {
        labelled(ui, "Number", FIELD, |ui| {
            let shown = number.to_string();
            let typed = hand.field(ui, id.with("number"), "Number", &shown, "", 1);
            if let Some(n) = typed.and_then(|text| text.trim().parse::<u8>().ok()) {
                *number = n.min(max);
            }
        });
    }
    labelled(ui, "Channel", FIELD, |ui| {
        let shown = midi.channel.map(|channel| channel.to_string()).unwrap_or_default();
        if let Some(text) = hand.field(ui, id.with("channel"), "Channel", &shown, "any", 1) {
            midi.channel = text.trim().parse::<u8>().ok().map(|channel| channel.clamp(1, 16));
        }
    });
    labelled(ui, "Device", FIELD, |ui| {
        let shown = midi.device.clone().unwrap_or_default();
        if let Some(text) = hand.field(ui, id.with("device"), "Device", &shown, "any", 1) {
            midi.device = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        }
    });
}

/// The two ends of the range; an empty field returns both to the slider's.
fn range(ui: &mut Ui, hand: &mut Hand, id: egui::Id, param: &Param, binding: &mut Binding) {
    let measure = Measure::of(param);
    let slider =
        super::scale::Scale::of(param).map_or([0.0, 1.0], |s| [s.value(0.0), s.value(1.0)]);
    let rect = ui.available_rect_before_wrap();
    let middle = rect.center().x;
    for (end, name) in ["Range from", "Range to"].into_iter().enumerate() {
        let shown = binding.range.map(|range| measure.show(range[end])).unwrap_or_default();
        let hint = measure.show(slider[end]);
        let (left, right) = [(rect.left(), middle - 3.0), (middle + 3.0, rect.right())][end];
        let half = Rect::from_min_max(pos2(left, rect.top()), pos2(right, rect.bottom()));
        let mut child = inside(ui, half, name);
        let typed = hand.field(&mut child, id.with(name), name, &shown, &hint, 1);
        match typed.map(|text| (text.trim().is_empty(), measure.parse(&text))) {
            Some((true, _)) => binding.range = None,
            Some((_, Ok(v))) => binding.range.get_or_insert(slider)[end] = v,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_begins_with_a_slash() {
        assert_eq!(address(" walk/speed "), Some("/walk/speed".into()));
        assert_eq!(address("/a"), Some("/a".into()));
        assert_eq!(address(" "), None);
    }
}
