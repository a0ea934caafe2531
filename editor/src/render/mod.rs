//! The render dialog: what is rendered, and the renders that run or wait.

mod form;
mod job;
mod progress;

use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};

use egui::{ComboBox, Context, DragValue, Grid, ProgressBar, RichText, TextEdit, Ui, Window, vec2};
use lumawire_core::Domain;

use crate::command::Command;
use crate::cx::Cx;
use crate::document::Document;
use crate::files::Ask;
use crate::files::paths::made_folder;
use crate::inspector::Presence;
use crate::preview::bar::Chip;
use crate::session::Sound;
use crate::theme;
use crate::transport::time;
use form::{Form, Kind, Part};
use job::{Job, State, Task};
use progress::Phase;

/// Renders that are listed.
const MAX_JOBS: usize = 50;

/// The render dialog.
#[derive(Default)]
pub struct Render {
    is_open: bool,
    /// The document that the form is about.
    document: Option<u64>,
    form: Form,
    presence: Presence,
    /// How long the sound is that the transport plays.
    sound_secs: Option<f64>,
    jobs: Vec<Job>,
    complaint: Option<String>,
}

impl Render {
    /// Opens the dialog, with what the transport plays, its length and its loop.
    pub fn open(
        &mut self,
        document: &Document,
        sound: &Sound,
        sound_secs: Option<f64>,
        loop_secs: Option<(f64, f64)>,
    ) {
        self.begin(document);
        self.is_open = true;
        self.sound_secs = sound_secs;
        self.form.loop_secs = loop_secs;
        if loop_secs.is_none() && self.form.part == Part::Loop {
            self.form.part = Part::Whole;
        }
        if let Sound::File { path, .. } = sound {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            self.form.audio = path.to_string_lossy().into_owned();
        }
    }

    /// Begins a form for another document, which has a sound, presets and outputs of its own.
    fn begin(&mut self, document: &Document) {
        if self.document.replace(document.id()) == Some(document.id()) {
            return;
        }
        let name = format!("{}.mp4", document.name());
        let path = std::path::absolute(made_folder(document).join(&name));
        let path = path.map_or(name, |path| path.to_string_lossy().into_owned());
        self.form = Form { out: path, ..Form::default() };
        (self.sound_secs, self.complaint) = (None, None);
    }

    /// Renders to this file: the answer to what the dialog asked.
    pub fn set_target(&mut self, path: PathBuf) {
        self.form.out = path.to_string_lossy().into_owned();
        self.is_open = true;
    }

    /// Whether renders run or wait.
    pub fn is_busy(&self) -> bool {
        self.jobs.iter().any(|job| !job.has_ended())
    }

    /// Draws it.
    pub fn show(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        self.work(ui.ctx());
        if !self.is_open {
            return;
        }
        self.begin(cx.document);
        let mut is_open = true;
        Window::new("Render")
            .open(&mut is_open)
            .collapsible(false)
            .resizable(false)
            // By its corner, so that it stays where it is while it grows.
            .default_pos(ui.ctx().content_rect().center() - vec2(220.0, 260.0))
            .default_width(440.0)
            .show(ui.ctx(), |ui| self.dialog(ui, cx));
        self.is_open &= is_open;
    }

    /// What the engine bar shows of the renders while the dialog is closed.
    pub fn chip(&self) -> Option<Chip> {
        if self.is_open || self.jobs.is_empty() {
            return None;
        }
        let num_waiting = self.jobs.iter().filter(|job| job.state == State::Waiting).count();
        let running = self.jobs.iter().find(|job| job.state == State::Running);
        let has_failed = self.jobs.iter().any(|job| matches!(job.state, State::Failed(_)));
        let more = if num_waiting > 0 { format!(" (+{num_waiting})") } else { String::new() };
        let text = match running {
            Some(job) => format!("Rendering {}{more}", percent(job)),
            None if has_failed => "Render failed".into(),
            None => "Render done".into(),
        };
        let share = running.and_then(share).unwrap_or(0.0);
        Some(Chip { text, share })
    }

    /// Starts the next render when none runs.
    fn work(&mut self, ctx: &Context) {
        self.jobs.iter_mut().for_each(Job::poll);
        if self.jobs.iter().any(|job| job.state == State::Running) {
            return;
        }
        if let Some(next) = self.jobs.iter_mut().find(|job| job.state == State::Waiting) {
            let ctx = ctx.clone();
            next.start(move || ctx.request_repaint());
        }
    }

    fn dialog(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        ui.set_width(440.0);
        ui.horizontal(|ui| {
            for kind in Kind::ALL {
                if ui.selectable_label(self.form.kind == kind, kind.label()).clicked() {
                    self.form.kind = kind;
                    self.form.out = form::out_for(kind, &self.form.out);
                }
            }
        });
        ui.separator();
        Grid::new("render").num_columns(2).spacing([12.0, 7.0]).show(ui, |ui| {
            self.place(ui, cx);
            self.picture(ui, cx);
            self.part(ui);
            self.sound(ui);
        });
        ui.add_space(2.0);
        ui.collapsing("More", |ui| {
            Grid::new("more").num_columns(2).spacing([12.0, 7.0]).show(ui, |ui| self.more(ui, cx));
        });
        ui.separator();
        self.foot(ui, cx);
        self.list(ui);
    }

    fn place(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let label = ui.label("Render to");
        ui.horizontal(|ui| {
            let edit = TextEdit::singleline(&mut self.form.out).desired_width(260.0);
            ui.add(edit).labelled_by(label.id);
            if ui.button("Choose…").clicked() {
                cx.commands.push(Command::Ask(Ask::Film));
            }
        });
        ui.end_row();
    }

    fn picture(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        const SIZES: [(&str, &str); 7] = [
            ("", "The patch's own"),
            ("1280x720", "1280 × 720 (HD)"),
            ("1920x1080", "1920 × 1080 (Full HD)"),
            ("3840x2160", "3840 × 2160 (4K)"),
            ("1080x1080", "1080 × 1080 (square)"),
            ("1080x1920", "1080 × 1920 (upright)"),
            ("1024x1024", "1024 × 1024"),
        ];
        let label = ui.label("Size");
        choice(ui, label.id, "size", &mut self.form.size, &SIZES, "1920x1080");
        ui.end_row();
        if self.form.kind != Kind::Still {
            let own = format!("The patch's own ({})", short(cx.document.graph().clock().fps.hz()));
            let rates = [("", own.as_str()), ("24", "24"), ("25", "25"), ("29.97", "29.97")];
            let rates = [rates.as_slice(), &[("30", "30"), ("50", "50"), ("60", "60")]].concat();
            let label = ui.label("Frames a second");
            choice(ui, label.id, "fps", &mut self.form.fps, &rates, "30");
            ui.end_row();
        }
        if self.form.kind == Kind::Film {
            self.codec(ui, cx);
        }
    }

    fn codec(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let nodes = form::output_nodes(cx.document.graph(), cx.document.registry());
        let node = nodes.iter().find(|id| self.form.output.is_empty() || **id == self.form.output);
        let spec = node.and_then(|id| cx.spec(id));
        let Some(param) = spec.and_then(|spec| spec.params.get(spec.param("codec")?)) else {
            return;
        };
        let Domain::Choice { options, .. } = param.domain else { return };
        let label = ui.label("Codec");
        ui.horizontal(|ui| {
            let own = "The patch's own";
            let shown = if self.form.codec.is_empty() { own } else { self.form.codec.as_str() };
            ComboBox::from_id_salt("codec")
                .selected_text(shown.to_owned())
                .show_ui(ui, |ui| {
                    ui.selectable_value(&mut self.form.codec, String::new(), own);
                    for option in options {
                        ui.selectable_value(&mut self.form.codec, (*option).into(), *option);
                    }
                })
                .response
                .labelled_by(label.id)
                .on_hover_text(param.doc);
            let mut is_own = self.form.quality_crf.is_none();
            let doc = "Constant rate factor: lower is better and larger. 18 looks as the original.";
            if ui.checkbox(&mut is_own, "quality of the patch").on_hover_text(doc).changed() {
                self.form.quality_crf = if is_own { None } else { Some(18) };
            }
            if let Some(crf) = &mut self.form.quality_crf {
                ui.add(DragValue::new(crf).range(0..=51).prefix("CRF ")).on_hover_text(doc);
            }
        });
        ui.end_row();
    }

    fn part(&mut self, ui: &mut Ui) {
        if self.form.kind == Kind::Still {
            let label = ui.label("At second");
            let edit = TextEdit::singleline(&mut self.form.from).desired_width(70.0).hint_text("0");
            ui.add(edit).labelled_by(label.id);
            ui.end_row();
            return;
        }
        ui.label("Part");
        ui.horizontal(|ui| {
            ui.selectable_value(&mut self.form.part, Part::Whole, "All");
            let region = self.form.loop_secs;
            ui.add_enabled_ui(region.is_some(), |ui| {
                let name = match region {
                    Some((a, b)) => format!("Loop {} to {}", time::clock(a), time::clock(b)),
                    None => "Loop".into(),
                };
                ui.selectable_value(&mut self.form.part, Part::Loop, name)
                    .on_disabled_hover_text("Shift-drag over the waveform makes a loop.");
            });
            ui.selectable_value(&mut self.form.part, Part::Between, "From…");
            if self.form.part == Part::Between {
                for (text, name, hint) in [
                    (&mut self.form.from, "From second", "0"),
                    (&mut self.form.to, "To second", "end"),
                ] {
                    let edit = TextEdit::singleline(text).desired_width(48.0).hint_text(hint);
                    ui.add(edit).on_hover_text(name);
                }
                ui.label("s");
            }
        });
        ui.end_row();
    }

    fn sound(&mut self, ui: &mut Ui) {
        let label = ui.label("Sound");
        let edit = TextEdit::singleline(&mut self.form.audio);
        let edit = edit.desired_width(f32::INFINITY).hint_text("The one that the patch names");
        ui.add(edit).labelled_by(label.id);
        ui.end_row();
    }

    fn more(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let nodes = form::output_nodes(cx.document.graph(), cx.document.registry());
        let presets = cx.document.graph().presets().keys();
        let presets: Vec<String> = presets.cloned().collect();
        for (label, value, options, none) in [
            ("Output node", &mut self.form.output, &nodes, "The first by name"),
            ("Begin with preset", &mut self.form.preset, &presets, "None"),
        ] {
            let label = ui.label(label);
            let shown = if value.is_empty() { none.to_owned() } else { value.clone() };
            ComboBox::from_id_salt(none)
                .selected_text(shown)
                .show_ui(ui, |ui| {
                    ui.selectable_value(value, String::new(), none);
                    for option in options {
                        ui.selectable_value(value, option.clone(), option);
                    }
                })
                .response
                .labelled_by(label.id);
            ui.end_row();
        }
        let label = ui.label("Seed");
        let edit = TextEdit::singleline(&mut self.form.seed).desired_width(120.0);
        ui.add(edit.hint_text("The patch's own"))
            .labelled_by(label.id)
            .on_hover_text("Of what moves at random: walks, noise, random controls.");
        ui.end_row();
        ui.label("Hearing");
        ui.checkbox(&mut self.form.causal, "As on stage").on_hover_text(
            "No node looks ahead unless it is told to, and what is late stays late.",
        );
        ui.end_row();
    }

    /// What it will be, and the button.
    fn foot(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let fault = self.form.fault().map(str::to_owned);
        let fault = fault.or_else(|| match cx.kit.program {
            Some(_) => self.complaint.clone(),
            None => Some("This build cannot find its own program to render with.".into()),
        });
        match &fault {
            Some(why) => ui.label(RichText::new(why).color(theme::WARNING)),
            None => ui.label(self.summary(cx)),
        };
        let exists = self.presence.look(ui.ctx(), Path::new(self.form.out.trim()));
        if exists == Some(true) && fault.is_none() {
            let text = "The file exists: it will be replaced when the render is whole.";
            ui.label(RichText::new(text).size(11.0).color(theme::FAINT));
        }
        ui.horizontal(|ui| {
            let can_start = self.form.fault().is_none() && cx.kit.program.is_some();
            let label = if self.is_busy() { "Add to the queue" } else { "Start render" };
            let text = RichText::new(label).color(theme::BACKGROUND);
            let button = egui::Button::new(text).fill(theme::ACCENT);
            if ui.add_enabled(can_start, button).clicked() {
                self.enqueue(cx);
            }
            if ui.button("Close").clicked() {
                self.is_open = false;
            }
        });
    }

    /// What comes out, in a line.
    fn summary(&self, cx: &Cx<'_>) -> String {
        let size = match self.form.size.trim() {
            "" => "the patch's size".into(),
            size => size.replace(['x', 'X'], " × "),
        };
        if self.form.kind == Kind::Still {
            return format!("One picture, {size}.");
        }
        let fps = form::fps_hz(&self.form.fps);
        let fps = fps.unwrap_or_else(|| cx.document.graph().clock().fps.hz());
        let (from, to) = self.form.range_secs();
        let length = to.or(self.sound_secs).map(|to| (to - from.unwrap_or(0.0)).max(0.0));
        match length {
            Some(secs) => {
                let (length, frames) = (time::clock(secs), (secs * fps).round());
                format!("{length}, {frames} frames, {} a second, {size}.", short(fps))
            }
            None => format!("To the end of the sound, {} frames a second, {size}.", short(fps)),
        }
    }

    fn enqueue(&mut self, cx: &Cx<'_>) {
        let Some(program) = cx.kit.program.clone() else { return };
        let target = PathBuf::from(self.form.out.trim());
        let is_taken = |job: &Job| !job.has_ended() && job.task.target == target;
        if self.jobs.iter().any(is_taken) {
            self.complaint = Some("A render to this file runs or waits already.".into());
            return;
        }
        self.complaint = None;
        let document = cx.document;
        let patch =
            self.form.patch_text(document.graph(), document.registry(), document.base_dir());
        let form = self.form.clone();
        let first = cx.kit.program_args.clone();
        let args = move |patch: &Path, out: &Path| {
            first.iter().map(Into::into).chain(form.args(patch, out)).collect()
        };
        if self.jobs.len() >= MAX_JOBS {
            self.jobs.retain(|job| !job.has_ended());
        }
        self.jobs.push(Job::new(Task { program, target, patch }, Box::new(args)));
    }

    /// The renders.
    fn list(&mut self, ui: &mut Ui) {
        if self.jobs.is_empty() {
            return;
        }
        ui.separator();
        let mut removed = None;
        egui::ScrollArea::vertical().max_height(220.0).min_scrolled_height(220.0).show(ui, |ui| {
            for (i, job) in self.jobs.iter_mut().enumerate().rev() {
                ui.push_id(i, |ui| {
                    if show_job(ui, job) {
                        removed = Some(i);
                    }
                });
            }
        });
        if let Some(i) = removed {
            self.jobs.remove(i);
        }
    }
}

/// A number with at most three decimals.
fn short(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A list to choose from, and a field to type something else.
fn choice(
    ui: &mut Ui,
    label: egui::Id,
    id: &str,
    value: &mut String,
    options: &[(&str, &str)],
    hint: &str,
) {
    ui.horizontal(|ui| {
        let known = options.iter().find(|(option, _)| option == value);
        let shown = known.map_or("Other", |(_, name)| name).to_owned();
        ComboBox::from_id_salt(id)
            .width(180.0)
            .selected_text(shown)
            .show_ui(ui, |ui| {
                for (option, name) in options {
                    ui.selectable_value(value, (*option).to_owned(), *name);
                }
            })
            .response
            .labelled_by(label);
        let edit = TextEdit::singleline(value).desired_width(90.0).hint_text(hint);
        ui.add(edit).labelled_by(label);
    });
}

fn percent(job: &Job) -> String {
    share(job).map_or_else(String::new, |share| format!("{:.0} %", share * 100.0))
}

/// How much of its frames is written, 0..1.
fn share(job: &Job) -> Option<f32> {
    let progress = job.progress.filter(|progress| progress.phase == Phase::Write);
    progress.and_then(|progress| progress.share())
}

/// How far a render is, in words.
fn status(job: &Job) -> String {
    match (&job.state, job.progress) {
        (State::Waiting, _) => "Waits for those before it.".into(),
        (State::Running, None) => "Starting…".into(),
        (State::Running, Some(progress)) => match progress.phase {
            Phase::Hear => format!("Hearing the sound, frame {}", progress.frame),
            Phase::Roll => format!("Rolling forward, frame {}", progress.frame),
            Phase::Write => writing(job, progress),
        },
        (State::Done, _) => "Done.".into(),
        (State::Cancelled, _) => "Cancelled; nothing was kept.".into(),
        (State::Failed(why), _) => why.clone(),
    }
}

fn writing(job: &Job, progress: progress::Progress) -> String {
    let mut parts = vec![match progress.total {
        Some(total) => format!("{} of {total} frames", progress.frame),
        None => format!("{} frames", progress.frame),
    }];
    if let Some(pace) = job.pace.frames_per_sec() {
        parts.push(format!("{pace:.1} a second"));
    }
    if let Some(secs) = progress.total.and_then(|total| job.pace.left_secs(total)) {
        parts.push(format!("{} left", time::length(secs)));
    }
    if let Some(bytes) = job.expected_bytes() {
        parts.push(format!("about {}", megabytes(bytes)));
    }
    parts.join(", ")
}

fn megabytes(bytes: u64) -> String {
    let mb = bytes as f64 / 1e6;
    if mb >= 1000.0 { format!("{:.1} GB", mb / 1000.0) } else { format!("{mb:.1} MB") }
}

/// Draws a render; whether it is to be taken off the list.
fn show_job(ui: &mut Ui, job: &mut Job) -> bool {
    let mut is_removed = false;
    let name = job.task.target.file_name().unwrap_or_default().to_string_lossy().into_owned();
    ui.horizontal(|ui| {
        ui.label(RichText::new(&name).strong()).on_hover_text(job.task.target.to_string_lossy());
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if !job.has_ended() {
                if ui.small_button("Cancel").clicked() {
                    job.cancel();
                }
                return;
            }
            is_removed = ui.small_button("Remove").on_hover_text("From this list only.").clicked();
            if job.state == State::Done {
                if ui.small_button("Show in folder").clicked() {
                    let folder = job.task.target.parent().unwrap_or(Path::new("."));
                    open_outside(folder);
                }
                if ui.small_button("Open").clicked() {
                    open_outside(&job.task.target);
                }
            }
        });
    });
    if job.state == State::Running {
        let is_writing = job.progress.is_some_and(|progress| progress.phase == Phase::Write);
        let share = job.progress.and_then(|progress| progress.share()).filter(|_| is_writing);
        let bar = ProgressBar::new(share.unwrap_or(0.0)).desired_height(8.0).fill(theme::ACCENT);
        ui.add(bar.animate(share.is_none()));
    }
    let colour = match job.state {
        State::Failed(_) => theme::ERROR,
        State::Done => theme::GOOD,
        _ => theme::FAINT,
    };
    ui.label(RichText::new(status(job)).size(11.0).color(colour));
    is_removed
}

/// Opens a file or folder with the program that the system has for it.
fn open_outside(path: &Path) {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    let mut process = Process::new(program);
    process.arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Waited for on a thread, so that nothing of it stays.
    let work = move || match process.status() {
        Ok(_) => {}
        Err(error) => tracing::warn!("{program}: {error}"),
    };
    if let Err(error) = std::thread::Builder::new().name("lumawire-open".into()).spawn(work) {
        tracing::warn!("opening a file: {error}");
    }
}

#[cfg(test)]
mod tests;
