//! A file of a parameter: which, whether it is there, and how to choose another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use egui::{Context, Id, Rect, Stroke, StrokeKind, Ui, pos2, vec2};
use lumawire_core::{FileKind, ParamValue};

use super::Tools;
use super::control::{elided, plate, reset};
use super::subject::Subject;
use crate::command::Command;
use crate::cx::Cx;
use crate::files::Ask;
use crate::files::paths::as_patch_path;
use crate::theme;

/// Seconds after which it is looked again whether a file is there.
const CHECK_SECS: f64 = 2.0;
/// Paths of which it is remembered; more than any selection has.
const MAX_PATHS: usize = 256;

/// What is known of a path.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Known {
    /// `None` until the first answer.
    is_there: Option<bool>,
    asked_secs: f64,
}

/// What a thread is asked, and what it answers: whether each file is there.
type Looker = (Sender<PathBuf>, Receiver<(PathBuf, bool)>);

/// Which files are there. A thread looks, since a disk or network may take its time.
#[derive(Debug, Default)]
pub struct Presence {
    known: BTreeMap<PathBuf, Known>,
    looker: Option<Looker>,
}

impl Presence {
    /// Whether the file is known not to be there.
    pub fn is_missing(&mut self, ctx: &Context, path: &Path) -> bool {
        self.look(ctx, path) == Some(false)
    }

    /// Whether the file was there when somebody looked last; `None` where nobody has yet.
    pub fn look(&mut self, ctx: &Context, path: &Path) -> Option<bool> {
        let now_secs = ctx.input(|i| i.time);
        if let Some((_, answers)) = &self.looker {
            for (path, is_there) in answers.try_iter() {
                if let Some(known) = self.known.get_mut(&path) {
                    known.is_there = Some(is_there);
                }
            }
        }
        let known = self.known.get(path).copied();
        if known.is_none_or(|known| now_secs - known.asked_secs > CHECK_SECS) {
            let is_there = known.and_then(|known| known.is_there);
            self.ask(ctx, path, Known { is_there, asked_secs: now_secs });
        }
        known.and_then(|known| known.is_there)
    }

    fn ask(&mut self, ctx: &Context, path: &Path, known: Known) {
        let looker = self.looker.take().or_else(|| look(ctx.clone()));
        let is_asked = looker.as_ref().is_some_and(|(ask, _)| ask.try_send(path.into()).is_ok());
        self.looker = looker;
        if is_asked {
            if self.known.len() >= MAX_PATHS {
                self.known.clear();
            }
            self.known.insert(path.into(), known);
        }
    }
}

fn look(ctx: Context) -> Option<Looker> {
    let (ask, questions) = bounded::<PathBuf>(MAX_PATHS);
    let (answer, answers) = unbounded();
    let work = move || {
        for path in questions {
            let is_there = path.is_file();
            if answer.send((path, is_there)).is_err() {
                return;
            }
            ctx.request_repaint();
        }
    };
    crate::worker::start("presence", work)?;
    Some((ask, answers))
}

/// Draws the control.
pub fn show(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    tools: &mut Tools,
    subject: &Subject<'_>,
    id: Id,
    rect: Rect,
    (kind, path, is_mixed): (FileKind, &str, bool),
) {
    let label = subject.param.label;
    let is_set = !path.is_empty() && !is_mixed;
    let clear = Rect::from_min_max(pos2(rect.right() - 20.0, rect.top()), rect.max);
    let main = if is_set {
        Rect::from_min_max(rect.min, pos2(clear.left() - 2.0, rect.bottom()))
    } else {
        rect
    };
    let response = plate(ui, id, main, &format!("Choose {label}"));
    let full = cx.document.base_dir().join(path);
    let is_missing = is_set && tools.presence.is_missing(ui.ctx(), &full);
    let (text, colour) = match (is_mixed, is_set) {
        (true, _) => ("mixed".into(), theme::FAINT),
        (_, false) => (format!("Choose {}…", noun(kind)), theme::FAINT),
        _ => (file_name(path), if is_missing { theme::ERROR } else { theme::TEXT }),
    };
    folder(ui, main, if response.hovered() { theme::TEXT } else { theme::FAINT });
    let words = Rect::from_min_max(pos2(main.left() + 24.0, main.top()), main.max);
    elided(ui, words.shrink2(vec2(2.0, 0.0)), &text, colour);
    drop_target(ui, cx, subject, main);
    let hint = match (is_set, is_missing) {
        (_, true) => format!("{path}\nThis file is not there. Click to choose another."),
        (true, _) => format!("{path}\nClick to choose another; right-click for its folder."),
        _ => format!("Click to choose {}, or drop a file here", noun(kind)),
    };
    response.context_menu(|ui| {
        if ui.button("Open its folder").clicked() {
            let folder = full.parent().unwrap_or(&full);
            let url = format!("file://{}", folder.to_string_lossy());
            ui.ctx().open_url(egui::OpenUrl::new_tab(url));
        }
        if ui.button("Copy its path").clicked() {
            ui.ctx().copy_text(full.to_string_lossy().into_owned());
        }
    });
    if response.on_hover_text(hint).clicked() {
        let param = subject.param.id.to_owned();
        cx.commands.push(match subject.nodes {
            [node] => Command::ChooseFile { node: node.clone(), param, kind },
            nodes => Command::Ask(Ask::Shared { nodes: nodes.to_vec(), param, kind }),
        });
    }
    if is_set {
        let response = plate(ui, id.with("clear"), clear, &format!("Clear {label}"));
        cross(ui, clear, if response.hovered() { theme::TEXT } else { theme::FAINT });
        if response.on_hover_text("Chooses no file").clicked() {
            reset(cx, subject);
        }
    }
}

/// Takes a file that is dropped on `rect`.
fn drop_target(ui: &Ui, cx: &mut Cx<'_>, subject: &Subject<'_>, rect: Rect) {
    let is_over = ui.rect_contains_pointer(rect);
    if !is_over {
        return;
    }
    // What is taken here is no one else's.
    let (is_held, dropped) = ui.input_mut(|i| {
        let is_held = !std::mem::take(&mut i.raw.hovered_files).is_empty();
        (is_held, std::mem::take(&mut i.raw.dropped_files))
    });
    if is_held {
        let stroke = Stroke::new(1.5, theme::ACCENT);
        ui.painter().rect_stroke(rect, 4.0, stroke, StrokeKind::Inside);
    }
    if let Some(file) = dropped.first() {
        let value = ParamValue::file(as_patch_path(file.path(), cx.document.folder()));
        cx.commands.push(Command::edit(subject.edit(Some(&value)), subject.deed()));
    }
}

fn file_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

fn noun(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Audio => "a sound",
        FileKind::Model => "a model",
        FileKind::Latents => "latents",
        FileKind::Clusters => "clusters",
        FileKind::Image => "a picture",
        FileKind::Video => "a video",
        FileKind::Font => "a font",
        FileKind::Marks => "marks",
        FileKind::Lut => "a LUT",
        FileKind::Shader => "a shader",
    }
}

fn folder(ui: &Ui, rect: Rect, colour: egui::Color32) {
    let at = pos2(rect.left() + 14.0, rect.center().y);
    let stroke = Stroke::new(1.2, colour);
    let (l, r, t, b) = (at.x - 6.0, at.x + 6.0, at.y - 4.0, at.y + 4.5);
    let outline = vec![
        pos2(l, b),
        pos2(l, t),
        pos2(l + 4.0, t),
        pos2(l + 5.5, t + 2.0),
        pos2(r, t + 2.0),
        pos2(r, b),
    ];
    ui.painter().add(egui::Shape::closed_line(outline, stroke));
}

/// A cross, for taking something away.
pub fn cross(ui: &Ui, rect: Rect, colour: egui::Color32) {
    let (c, r) = (rect.center(), 3.0);
    let stroke = Stroke::new(1.2, colour);
    ui.painter().line_segment([c - vec2(r, r), c + vec2(r, r)], stroke);
    ui.painter().line_segment([c + vec2(-r, r), c + vec2(r, -r)], stroke);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_told_once_somebody_has_looked() {
        let dir = tempfile::tempdir().unwrap();
        let here = dir.path().join("here.wav");
        std::fs::write(&here, b"x").unwrap();
        let (ctx, mut presence) = (Context::default(), Presence::default());
        let gone = dir.path().join("gone.wav");
        while presence.known.len() < 2
            || presence.known.values().any(|known| known.is_there.is_none())
        {
            presence.is_missing(&ctx, &here);
            presence.is_missing(&ctx, &gone);
            std::thread::yield_now();
        }
        assert!(!presence.is_missing(&ctx, &here));
        assert!(presence.is_missing(&ctx, &gone));
    }
}
