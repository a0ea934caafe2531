//! What is arranged on the canvas: frames, and groups with the parameters on their faces.

use egui::{RichText, Ui};
use lumawire_core::{Edit, Frame, Group};

use super::Tools;
use super::header::section;
use super::patch::{FIELD, labelled};
use super::row;
use super::subject::{Held, Subject};
use crate::command::Command;
use crate::cx::{Cx, spec_of};
use crate::theme;

/// Draws the properties of a frame.
pub fn frame(ui: &mut Ui, cx: &mut Cx<'_>, tools: &mut Tools, id: &str, frame: &Frame) {
    let (title, colour, gesture) =
        title_and_colour(ui, tools, "Frame", id, (&frame.title, frame.colour));
    if title.is_some() || colour.is_some() {
        let mut frame = frame.clone();
        frame.title = title.unwrap_or(frame.title);
        frame.colour = colour.unwrap_or(frame.colour);
        let edit = Edit::SetFrame { id: id.to_owned(), frame: Some(frame) };
        let label = "Change frame".to_owned();
        cx.commands.push(Command::Edit { edit, label, gesture });
    }
}

/// Draws the properties of a group, and the parameters on its face.
pub fn group(ui: &mut Ui, cx: &mut Cx<'_>, tools: &mut Tools, id: &str, group: &Group) {
    let (title, colour, gesture) =
        title_and_colour(ui, tools, "Group", id, (&group.title, group.colour));
    if title.is_some() || colour.is_some() {
        let mut group = group.clone();
        group.title = title.unwrap_or(group.title);
        group.colour = colour.unwrap_or(group.colour);
        let edit = Edit::SetGroup { id: id.to_owned(), group: Some(group) };
        let label = "Change group".to_owned();
        cx.commands.push(Command::Edit { edit, label, gesture });
    }
    let num_nodes = cx.document.graph().nodes_within(id).count();
    let text = format!("{id}, {num_nodes} nodes");
    ui.label(RichText::new(text).small().color(theme::FAINT));
    section(ui, "Parameters");
    for target in &group.promoted {
        promoted(ui, cx, tools, target);
    }
    if group.promoted.is_empty() {
        let text = "Put parameters of its nodes here by \"Promote to group\" in their menus.";
        ui.add(egui::Label::new(RichText::new(text).small().color(theme::FAINT)).wrap());
    }
}

fn promoted(ui: &mut Ui, cx: &mut Cx<'_>, tools: &mut Tools, target: &str) {
    let Some((node, param)) = target.split_once('.') else { return };
    let spec = spec_of(cx.document, node);
    let Some(param) = spec.and_then(|s| s.params.get(s.param(param)?)) else { return };
    let nodes = [node.to_owned()];
    let wires: Vec<_> = cx.document.graph().wires_of(node).cloned().collect();
    let held = Held::of(cx.document, &nodes, param);
    row::show(ui, cx, tools, &Subject { nodes: &nodes, param, held: &held }, &wires);
}

type Changed = (Option<String>, Option<[u8; 3]>, Option<u64>);

fn title_and_colour(
    ui: &mut Ui,
    tools: &mut Tools,
    what: &str,
    id: &str,
    (title, colour): (&str, [u8; 3]),
) -> Changed {
    section(ui, what);
    let field = ui.make_persistent_id((what, id));
    let title =
        labelled(ui, "Title", FIELD, |ui| tools.hand.field(ui, field, "Title", title, "", 1));
    let mut picked = colour;
    labelled(ui, "Colour", FIELD, |ui| ui.color_edit_button_srgb(&mut picked));
    let colour = (picked != colour).then_some(picked);
    let gesture = colour.map(|_| tools.hand.stroke(ui, field));
    (title, colour, gesture)
}
