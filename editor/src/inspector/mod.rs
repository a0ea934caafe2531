//! The inspector: everything about what is selected, built from its spec.

mod arranged;
mod binding;
mod colour;
mod control;
mod dial;
mod file;
mod hand;
mod header;
pub mod learn;
mod number;
mod patch;
mod ports;
mod presets;
mod row;
mod scale;
mod subject;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use egui::{Context, Id, Margin, RichText, ScrollArea, TextEdit, Ui};
use lumawire_core::control::Score;
use lumawire_core::{Edit, GraphNode, Param, Wire};

use self::subject::{Held, Subject};
use crate::cx::{Cx, spec_of};
use crate::document::Document;
use crate::theme;

pub(crate) use file::Presence;
pub use number::Measure;

/// Parameters from which on there is a field to find one.
const MANY_PARAMS: usize = 12;

/// The inspector: everything about what is selected, built from its spec.
#[derive(Default)]
pub struct Inspector {
    tools: Tools,
    /// The selection that was shown last, by which the view begins anew for another.
    shown: Vec<String>,
    shared: Shared,
}

/// What tells one state of a patch from another: its changes, and its file.
type Key = (u64, Option<PathBuf>);

/// What several selected nodes share, as long as neither they nor the patch change.
#[derive(Default)]
struct Shared {
    key: Option<Key>,
    nodes: Vec<String>,
    /// How many there are of each kind, in words.
    kinds: String,
    params: Vec<&'static Param>,
    /// Of the parameters, in turn.
    held: Vec<Held>,
}

impl Shared {
    fn of(document: &Document, selected: &[String]) -> Self {
        let graph = document.graph();
        let nodes: Vec<String> =
            selected.iter().filter(|id| graph.node(id).is_some()).cloned().collect();
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for node in nodes.iter().filter_map(|id| graph.node(id)) {
            *kinds.entry(node.kind.as_str()).or_default() += 1;
        }
        let kinds: Vec<String> = kinds.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
        let params = subject::shared_params(document, &nodes);
        let held = params.iter().map(|param| Held::of(document, &nodes, param)).collect();
        Self { key: Some(key_of(document)), nodes, kinds: kinds.join(", "), params, held }
    }
}

fn key_of(document: &Document) -> Key {
    (document.revision(), document.path().map(ToOwned::to_owned))
}

/// What the parts of the inspector have in common.
#[derive(Default)]
struct Tools {
    hand: hand::Hand,
    /// The switch that is held down.
    hold: Option<control::Hold>,
    presence: file::Presence,
    /// The text whose window is open.
    open_text: Option<Id>,
    /// The parameter whose binding's form is open.
    binding: Option<String>,
    /// The preset that was gone to last.
    preset: Option<String>,
    filter: String,
    is_doc_open: bool,
    is_renaming: bool,
    score: Option<(Key, Arc<Score>)>,
    /// The preset that was gone to last, by a button or a cue, as long as it is there.
    active: Option<(String, Arc<Score>)>,
}

impl Tools {
    /// Bindings, presets and cues as the patch says them.
    fn score(&mut self, cx: &Cx<'_>) -> Arc<Score> {
        let key = key_of(cx.document);
        if let Some((of, score)) = &self.score
            && *of == key
        {
            return score.clone();
        }
        let score = Arc::new(Score::of(cx.document.graph()).0);
        self.score = Some((key, score.clone()));
        score
    }

    fn find_active(&mut self, cx: &Cx<'_>) -> Option<(String, Arc<Score>)> {
        let score = self.score(cx);
        let of_cue = || {
            let name = cx.session?.board()?.cue()?;
            score.cues.iter().find(|(_, cue)| cue.name == name)?.1.recall.clone()
        };
        let name = self.preset.clone().or_else(of_cue)?;
        score.presets.contains_key(&name).then_some((name, score))
    }

    /// The parameter for which a MIDI control is awaited.
    fn learning(&self, cx: &Cx<'_>) -> Option<String> {
        cx.kit.learning.as_ref()?.waiting()
    }
}

impl Inspector {
    /// Begins to rename the selected node.
    pub fn rename(&mut self) {
        self.tools.is_renaming = true;
    }

    /// Draws it.
    pub fn show(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        take_learnt(cx);
        self.tools.active = self.tools.find_active(cx);
        if !self.shown.iter().eq(cx.selection) {
            self.shown = cx.selection.iter().cloned().collect();
            self.shared = Shared::default();
            self.tools.filter.clear();
            self.tools.is_doc_open = false;
        }
        let scroll = ScrollArea::vertical().id_salt("inspector").auto_shrink(false);
        scroll.show(ui, |ui| {
            let frame =
                egui::Frame::new().inner_margin(Margin { left: 4, right: 8, top: 4, bottom: 12 });
            frame.show(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.spacing_mut().item_spacing.y = 2.0;
                self.selection(ui, cx);
            });
        });
        self.let_go(ui.ctx(), cx);
    }

    /// Lets go of a switch that is held down by a button that is not shown any more. To be called in
    /// each frame in which the inspector is not drawn.
    pub fn let_go(&mut self, ctx: &Context, cx: &mut Cx<'_>) {
        control::let_go(ctx, cx, &mut self.tools);
    }

    fn selection(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let graph = cx.document.graph();
        match self.shown.as_slice() {
            [] => patch::show(ui, cx, &mut self.tools),
            [id] => {
                let id = id.clone();
                if let Some(node) = graph.node(&id) {
                    self.node(ui, cx, &id, node);
                } else if let Some(group) = graph.group(&id) {
                    arranged::group(ui, cx, &mut self.tools, &id, group);
                } else if let Some(frame) = graph.frame(&id) {
                    arranged::frame(ui, cx, &mut self.tools, &id, frame);
                }
            }
            _ => self.several(ui, cx),
        }
    }

    fn node(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, id: &str, node: &GraphNode) {
        let spec = spec_of(cx.document, id);
        header::show(ui, cx, &mut self.tools, id, node, spec);
        let Some(spec) = spec else { return };
        let wires: Vec<Wire> = cx.document.graph().wires_of(id).cloned().collect();
        let params: Vec<&'static Param> = spec.params.iter().collect();
        let nodes = [id.to_owned()];
        if !params.is_empty() {
            header::section(ui, "Parameters");
            let held: Vec<Held> =
                params.iter().map(|param| Held::of(cx.document, &nodes, param)).collect();
            rows(ui, cx, &mut self.tools, &nodes, (&params, &held), &wires);
        }
        if !spec.inputs.is_empty() || !spec.outputs.is_empty() {
            header::section(ui, "Inputs and outputs");
            ports::show(ui, cx, id, spec, &wires);
        }
    }

    fn several(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        if self.shared.key.as_ref() != Some(&key_of(cx.document)) {
            self.shared = Shared::of(cx.document, &self.shown);
        }
        let Self { shared, tools, .. } = self;
        ui.label(RichText::new(format!("{} nodes", shared.nodes.len())).size(17.0));
        let text = RichText::new(&shared.kinds).small().color(theme::FAINT);
        ui.add(egui::Label::new(text).wrap());
        header::section(ui, "Shared parameters");
        if shared.params.is_empty() {
            ui.label(RichText::new("These nodes share none.").small().color(theme::FAINT));
        }
        rows(ui, cx, tools, &shared.nodes, (&shared.params, &shared.held), &[]);
    }
}

/// Draws the rows of parameters, with a field to find one where there are many.
fn rows(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    tools: &mut Tools,
    nodes: &[String],
    (params, held): (&[&'static Param], &[Held]),
    wires: &[Wire],
) {
    if params.len() > MANY_PARAMS {
        let field = TextEdit::singleline(&mut tools.filter).hint_text("Find a parameter");
        let response = ui.add(field.desired_width(f32::INFINITY));
        response.accessible_name("Find a parameter");
    }
    let wanted = tools.filter.trim().to_lowercase();
    let is_wanted = |param: &Param| {
        params.len() <= MANY_PARAMS
            || wanted.is_empty()
            || param.label.to_lowercase().contains(&wanted)
            || param.id.contains(&wanted)
    };
    let all = params.iter().copied().zip(held);
    for (param, held) in all.filter(|(param, _)| is_wanted(param)) {
        if let Some(colour) = colour::beginning_at(param, params) {
            colour::show(ui, cx, tools, nodes, colour);
        }
        row::show(ui, cx, tools, &Subject { nodes, param, held }, wires);
    }
}

/// Keeps what was learnt from MIDI in the patch, with the rest of an older binding.
fn take_learnt(cx: &mut Cx<'_>) {
    let Some((target, learnt)) = cx.kit.learning.as_ref().and_then(|learning| learning.take())
    else {
        return;
    };
    let old = cx.document.graph().bindings().get(&target).cloned();
    let binding = match (old, learnt) {
        (Some(serde_json::Value::Object(mut old)), serde_json::Value::Object(learnt)) => {
            old.extend(learnt);
            serde_json::Value::Object(old)
        }
        (_, learnt) => learnt,
    };
    let label = format!("Bind {target}");
    cx.edit(Edit::SetBinding { target, binding: Some(binding) }, label);
}
