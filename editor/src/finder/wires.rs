//! Wires by keyboard: all that the selected node could be wired to, and the wires that it has.

use egui::{Rect, Response, RichText, Ui, pos2, vec2};
use lumawire_core::{Edit, WireEnds};

use crate::canvas::wiring::{self, End};
use crate::chooser::{self, Asked, Chooser, marked};
use crate::cx::Cx;
use crate::fuzzy::{Field, Query};
use crate::icon;
use crate::theme;

const ROW_PX: f32 = 28.0;

/// The search, with what it found.
#[derive(Default)]
pub(super) struct Wires {
    chooser: Chooser,
    rows: Vec<Row>,
    /// The revision of the patch and the node that the rows are of.
    searched: Option<(u64, String)>,
}

struct Row {
    text: String,
    marks: Vec<usize>,
    ty: Option<lumawire_core::PortType>,
    ends: WireEnds,
    /// Whether there is this wire, which is then cut.
    is_laid: bool,
}

impl Wires {
    /// Draws it; whether it stays open.
    pub fn show(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) -> bool {
        let Some(node) = cx.selection.first().cloned() else { return false };
        self.refresh(cx, &node);
        let asked = self.chooser.keys(ui, self.rows.len());
        let hint = format!("Wire {node} to a port, or cut one of its wires");
        if self.chooser.field(ui, "Wire to", &hint) {
            self.searched = None;
            self.refresh(cx, &node);
        }
        let rows = &self.rows;
        if rows.is_empty() {
            ui.add_space(12.0);
            ui.label(RichText::new("Nothing fits it.").color(theme::FAINT));
            return asked != Asked::Take;
        }
        let draw = |ui: &mut Ui, i: usize, rect, is_at| rows[i].draw(ui, i, rect, is_at);
        let clicked = self.chooser.list(ui, (rows.len(), ROW_PX), &|_| None, draw);
        let taken = clicked.or_else(|| {
            let at = self.chooser.at(rows.len());
            at.filter(|_| asked == Asked::Take)
        });
        let Some(row) = taken.and_then(|i| rows.get(i)) else { return true };
        if row.is_laid {
            cx.edit(Edit::Disconnect { ends: row.ends.clone() }, "cut a wire");
        } else {
            wiring::connect(cx, row.ends.clone(), None);
        }
        false
    }

    /// Searches anew where the patch, the node or the query changed.
    fn refresh(&mut self, cx: &Cx<'_>, node: &str) {
        let key = (cx.document.revision(), node.to_owned());
        if self.searched.as_ref() == Some(&key) {
            return;
        }
        self.searched = Some(key);
        let query = Query::new(&self.chooser.query);
        let rank = |mut row: Row| {
            let found = query.rank(&[Field::Name(&row.text)])?;
            row.marks = found.marks.into_iter().next().unwrap_or_default();
            Some((found.score, row))
        };
        let mut ranked: Vec<(i32, Row)> = all(cx, node).into_iter().filter_map(rank).collect();
        // New wires first; equal ones stay in the order of nodes and ports.
        ranked.sort_by_key(|(score, row)| (std::cmp::Reverse(*score), row.is_laid));
        self.rows = ranked.into_iter().map(|(_, row)| row).collect();
    }
}

/// Every wire that the node could have or has.
fn all(cx: &Cx<'_>, node: &str) -> Vec<Row> {
    let graph = cx.document.graph();
    let Some(spec) = cx.spec(node) else { return Vec::new() };
    let outputs = spec.outputs.iter().map(|port| (port, true));
    let inputs = spec.inputs.iter().map(|port| (port, false));
    let mut rows = Vec::new();
    for (port, is_output) in outputs.chain(inputs) {
        let (own, ty) = (port.id.to_owned(), Some(port.ty));
        let end = End { node: node.to_owned(), port: own, is_output, ty };
        for (other, _) in graph.nodes().filter(|(other, _)| *other != node) {
            let Some(spec) = cx.spec(other) else { continue };
            for candidate in wiring::candidates(graph, spec, other, &end) {
                let ends = wiring::ends(&end, other, &candidate.port);
                if graph.wire(&ends).is_none() {
                    let (text, marks) = (ends.to_string(), Vec::new());
                    rows.push(Row { text, marks, ty, ends, is_laid: false });
                }
            }
        }
    }
    rows.extend(graph.wires_of(node).map(|wire| {
        let text = format!("cut {}", wire.ends);
        Row { text, marks: Vec::new(), ty: None, ends: wire.ends.clone(), is_laid: true }
    }));
    rows
}

impl Row {
    fn draw(&self, ui: &Ui, salt: usize, rect: Rect, is_at: bool) -> Response {
        let response = chooser::row(ui, rect, salt, is_at, &self.text);
        let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
        if let Some(ty) = self.ty {
            icon::port(&painter, rect.left_center() + vec2(14.0, 0.0), 4.5, ty);
        }
        let colour = if self.is_laid { theme::ERROR } else { theme::TEXT };
        let look = (theme::body(), colour);
        let galley = painter.layout_job(marked(&self.text, &self.marks, look, rect.width() - 40.0));
        painter.galley(pos2(rect.left() + 28.0, rect.top() + 5.0), galley, colour);
        response
    }
}
