//! Finds nodes of the patch by id, label, kind, and what their parameters say.

use egui::{Rect, Response, RichText, Ui, pos2, vec2};

use crate::chooser::{self, Asked, Chooser, marked};
use crate::command::Command;
use crate::cx::Cx;
use crate::fuzzy::{Field, Query};
use crate::palette::bright;
use crate::theme;

const ROW_PX: f32 = 40.0;

/// The search, with what it found.
#[derive(Default)]
pub(super) struct Nodes {
    chooser: Chooser,
    hits: Vec<Hit>,
    /// The revision of the patch that was searched.
    searched: Option<u64>,
}

struct Hit {
    id: String,
    label: String,
    kind: String,
    /// The parameter that was found.
    param: String,
    /// Characters that were found in the id, the label, the kind and the parameter.
    marks: [Vec<usize>; 4],
}

impl Nodes {
    /// Draws it; whether it stays open.
    pub fn show(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) -> bool {
        self.refresh(cx);
        let asked = self.chooser.keys(ui, self.hits.len());
        if self.chooser.field(ui, "Find a node", "Find a node by name, kind or parameter") {
            self.searched = None;
            self.refresh(cx);
        }
        let hits = &self.hits;
        if hits.is_empty() {
            ui.add_space(12.0);
            ui.label(RichText::new("No node has this.").color(theme::FAINT));
            return asked != Asked::Take;
        }
        let draw = |ui: &mut Ui, i: usize, rect, is_at| hits[i].draw(ui, i, rect, is_at);
        let clicked = self.chooser.list(ui, (hits.len(), ROW_PX), &|_| None, draw);
        if let Some(row) = clicked {
            self.chooser.go(row);
        }
        let is_asked = clicked.is_some() || asked != Asked::Nothing;
        if let Some(hit) = self.chooser.at(hits.len()).filter(|_| is_asked) {
            cx.commands.push(Command::Reveal(hits[hit].id.clone()));
        }
        clicked.is_none() && asked != Asked::Take
    }

    /// Searches anew where the patch or the query changed.
    fn refresh(&mut self, cx: &Cx<'_>) {
        let revision = cx.document.revision();
        if self.searched == Some(revision) {
            return;
        }
        self.searched = Some(revision);
        let query = Query::new(&self.chooser.query);
        let nodes = cx.document.graph().nodes();
        let mut ranked: Vec<(i32, Hit)> = nodes
            .filter_map(|(id, node)| {
                let label = node.label.as_deref().or_else(|| Some(cx.spec(id)?.label));
                let params: Vec<String> =
                    node.params.iter().map(|(param, value)| format!("{param} {value}")).collect();
                hit(&query, [id, label.unwrap_or(id), &node.kind], &params)
            })
            .collect();
        ranked.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| x.id.cmp(&y.id)));
        self.hits = ranked.into_iter().map(|(_, hit)| hit).collect();
    }
}

fn hit(query: &Query, names: [&str; 3], params: &[String]) -> Option<(i32, Hit)> {
    let mut fields = names.map(Field::Name).to_vec();
    fields.extend(params.iter().map(|text| Field::Prose(text)));
    let mut marks = query.rank(&fields)?;
    let param = marks.marks.iter().skip(3).position(|marks| !marks.is_empty());
    let take = |i: usize| std::mem::take(&mut marks.marks[i]);
    let marked = [0, 1, 2, param.map_or(0, |i| 3 + i)].map(take);
    let hit = Hit {
        id: names[0].to_owned(),
        label: names[1].to_owned(),
        kind: names[2].to_owned(),
        param: param.map(|i| params[i].clone()).unwrap_or_default(),
        marks: marked,
    };
    Some((marks.score, hit))
}

impl Hit {
    fn draw(&self, ui: &Ui, salt: usize, rect: Rect, is_at: bool) -> Response {
        let response = chooser::row(ui, rect, salt, is_at, &format!("Go to {}", self.id));
        let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
        let chip = Rect::from_min_size(rect.min + vec2(8.0, 8.0), vec2(4.0, ROW_PX - 16.0));
        let category = self.kind.split('.').next().unwrap_or_default();
        painter.rect_filled(chip, 2.0, bright(category));
        let (left, width) = (chip.right() + 8.0, rect.width() / 2.0 - 24.0);
        let half = rect.center().x + 12.0;
        let [id, label, kind, param] = &self.marks;
        let cells = [
            (left, 5.0, &self.label, label, theme::body(), theme::TEXT),
            (half, 5.0, &self.id, id, theme::body(), theme::FAINT),
            (left, 22.0, &self.kind, kind, theme::small(), theme::FAINT),
            (half, 22.0, &self.param, param, theme::small(), theme::FAINT),
        ];
        for (x, y, text, marks, font, colour) in cells {
            let galley = painter.layout_job(marked(text, marks, (font, colour), width));
            painter.galley(pos2(x, rect.top() + y), galley, colour);
        }
        response
    }
}
