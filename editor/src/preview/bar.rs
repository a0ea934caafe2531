//! The engine bar: frames, times, latency, device.

use std::collections::VecDeque;

use egui::{
    Align, Align2, Color32, Label, Layout, Popup, Pos2, Rect, Response, RichText, Role, Sense, Ui,
    WidgetInfo, pos2, vec2,
};
use lumawire_runtime::live::{AudioEvent, HealthCounts, StatsReport};

use super::brush::Brush;
use super::scale::Range;
use crate::command::{Action, Command};
use crate::cx::Cx;
use crate::theme;

/// Height without the panel's margin.
const HEIGHT: f32 = 20.0;
/// Seconds between looks at the engine's figures.
const LOOK_SECS: f64 = 1.0;
/// Looks that the graph of frame times goes back.
const NUM_LOOKS: usize = 60;
/// How long a message stays.
const MESSAGE_SECS: f64 = 6.0;
/// Messages that are remembered.
const NUM_MESSAGES: usize = 20;
/// Nodes that are listed by the time they take.
const NUM_SLOWEST: usize = 8;

/// Work that goes on beside the show.
#[derive(Debug, Clone, PartialEq)]
pub struct Chip {
    /// What it is.
    pub text: String,
    /// How much of it is done, 0..1.
    pub share: f32,
}

/// The engine bar: frames, times, latency, device.
#[derive(Default)]
pub struct EngineBar {
    /// What draws: name of the graphics device, or of the processor.
    pub device: String,
    /// What the show tells of the way it works, by subject.
    pub facts: Vec<(&'static str, String)>,
    /// A render that goes on.
    pub render: Option<Chip>,
    sound: Sound,
    health: HealthCounts,
    report: Option<StatsReport>,
    num_skipped: u64,
    /// Median and 99th percentile of the frame time at the last looks, in ms.
    times_ms: VecDeque<(f32, f32)>,
    looked_secs: Option<f64>,
    messages: VecDeque<Message>,
}

struct Message {
    text: String,
    /// When it was first shown.
    since_secs: Option<f64>,
}

/// How the sound is.
#[derive(Default)]
enum Sound {
    #[default]
    Silent,
    Runs(String),
    Lost(String, String),
    Absent(String),
    Broken(String),
}

impl EngineBar {
    /// Tells the person something, for a few seconds.
    pub fn tell(&mut self, text: impl Into<String>) {
        self.messages.push_back(Message { text: text.into(), since_secs: None });
        if self.messages.len() > NUM_MESSAGES {
            self.messages.pop_front();
        }
    }

    /// Takes what happened to the sound.
    pub fn hear(&mut self, event: &AudioEvent) {
        self.sound = match event {
            AudioEvent::Opened { device, format, .. } => {
                let khz = f64::from(format.rate_hz.get()) / 1e3;
                Sound::Runs(format!("{device} · {khz} kHz · {} ch", format.num_channels))
            }
            AudioEvent::Lost { device, reason } => Sound::Lost(device.clone(), reason.clone()),
            AudioEvent::Absent(error) => Sound::Absent(error.to_string()),
            AudioEvent::Broken(reason) => Sound::Broken(reason.clone()),
        };
    }

    /// Another sound was chosen, or none: forgets what was known of the one before.
    pub fn forget_sound(&mut self) {
        (self.sound, self.health) = (Sound::Silent, HealthCounts::default());
    }

    /// Draws it.
    pub fn show(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        self.look(ui, cx);
        self.draw(ui, cx);
    }

    pub(super) fn draw(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let size = vec2(ui.available_width(), HEIGHT);
        ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 2.0 * theme::GAP;
            problems(ui, cx);
            self.chip(ui, cx);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.shrink_clip_rect(ui.max_rect());
                self.figures(ui, cx);
                let is_told = self.message(ui.input(|i| i.time)).is_some();
                if !is_told || ui.available_width() > 560.0 {
                    self.places(ui);
                }
                self.show_message(ui);
            });
        });
    }

    /// Asks the engine for its figures, once a second.
    fn look(&mut self, ui: &Ui, cx: &Cx<'_>) {
        let now_secs = ui.input(|i| i.time);
        let is_due = self.looked_secs.is_none_or(|then| now_secs >= then + LOOK_SECS);
        if let Some(session) = cx.session {
            ui.ctx().request_repaint_after_secs(LOOK_SECS as f32);
            if is_due {
                self.looked_secs = Some(now_secs);
                if let Some(report) = session.stats() {
                    self.take(report, session.health());
                }
            }
        } else {
            self.report = None;
        }
    }

    fn take(&mut self, report: StatsReport, health: HealthCounts) {
        let time = &report.frame_time;
        self.times_ms.push_back((time.median_ms as f32, time.p99_ms as f32));
        if self.times_ms.len() > NUM_LOOKS {
            self.times_ms.pop_front();
        }
        self.num_skipped += report.num_skipped;
        (self.report, self.health) = (Some(report), health);
    }

    fn figures(&self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let wanted_hz = cx.document.graph().clock().fps.hz();
        let Some(report) = self.report else {
            figure(ui, "Stopped", theme::FAINT, "No show runs.");
            return;
        };
        let doc = "Frames a second that are shown, and that the patch asks for.";
        let fps = format!("{:.1} / {} fps", report.fps, trimmed(wanted_hz));
        figure(ui, &fps, fps_colour(report.fps, wanted_hz), doc);
        self.frame_time(ui, cx, &report, 1e3 / wanted_hz);
        let is_skipping = report.num_skipped > 0;
        let colour = if is_skipping { theme::WARNING } else { theme::FAINT };
        let doc = "Frames that were left out because they were late, since the show began.";
        figure(ui, &format!("{} skipped", self.num_skipped), colour, doc);
        if report.latency.num > 0 {
            let latency = &report.latency;
            let text = format!("{:.0} ms latency", latency.median_ms);
            let doc = "From a sound until its picture is shown: median";
            let worst = format!(
                "{doc} {:.1} ms, 99th percentile {:.1} ms.",
                latency.median_ms, latency.p99_ms
            );
            figure(ui, &text, theme::FAINT, &worst);
        }
    }

    /// Frame times with their graph; opens the list of the slowest nodes.
    fn frame_time(&self, ui: &mut Ui, cx: &mut Cx<'_>, report: &StatsReport, budget_ms: f64) {
        let time = &report.frame_time;
        let text = format!("{:.1} ms · p99 {:.1}", time.median_ms, time.p99_ms);
        let colour = time_colour(time.median_ms, time.p99_ms, budget_ms);
        let galley = ui.painter().layout_no_wrap(text, theme::small(), colour);
        const GRAPH_WIDTH: f32 = 64.0;
        let size = vec2(galley.size().x + GRAPH_WIDTH + 14.0, HEIGHT);
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Frame time"));
        if response.hovered() || response.has_focus() {
            ui.painter().rect_filled(rect, f32::from(theme::ROUNDING), theme::HOVERED);
        }
        let graph = Rect::from_min_size(rect.min + vec2(4.0, 3.0), vec2(GRAPH_WIDTH, HEIGHT - 6.0));
        self.graph(ui, graph, budget_ms as f32, colour);
        let place = pos2(graph.right() + 6.0, rect.center().y - 0.5 * galley.size().y);
        ui.painter().galley(place, galley, colour);
        self.slowest(response, cx);
    }

    fn slowest(&self, response: Response, cx: &mut Cx<'_>) {
        let is_open = Popup::is_id_open(&response.ctx, Popup::default_response_id(&response));
        Popup::menu(&response).show(|ui| {
            if let Some(node) = slowest_nodes(ui, cx) {
                cx.commands.push(Command::Reveal(node));
            }
        });
        if !is_open {
            response.on_hover_ui(|ui| {
                slowest_nodes(ui, cx);
                ui.label(RichText::new("Click to go to one of them.").small().color(theme::FAINT));
            });
        }
    }

    fn graph(&self, ui: &Ui, rect: Rect, budget_ms: f32, colour: Color32) {
        ui.painter().rect_filled(rect, 2.0, theme::BACKGROUND);
        let most = self.times_ms.iter().fold(1.25 * budget_ms, |most, (_, p99)| most.max(*p99));
        let range = Range { low: 0.0, high: most };
        let points = |of: fn(&(f32, f32)) -> f32| -> Vec<Pos2> {
            let newest = self.times_ms.len().saturating_sub(1);
            let place = |(i, times): (usize, &(f32, f32))| {
                let age = (newest - i) as f32 / (NUM_LOOKS - 1) as f32;
                super::scale::point(rect, 1.0 - age, range.place(of(times)))
            };
            self.times_ms.iter().enumerate().map(place).collect()
        };
        let mut brush = Brush::new(ui.painter(), true);
        let (median, p99) = (points(|times| times.0), points(|times| times.1));
        let shades = (colour.gamma_multiply(0.1), colour.gamma_multiply(0.35));
        brush.area(&p99, rect.bottom(), rect.height(), shades);
        let budget = super::scale::point(rect, 0.0, range.place(budget_ms)).y;
        let pixel = 1.0 / ui.pixels_per_point();
        let line = Rect::from_min_size(pos2(rect.left(), budget), vec2(rect.width(), pixel));
        brush.rect(line, theme::FAINT.gamma_multiply(0.6));
        brush.curve(&median, 1.25, colour);
        brush.paint(ui.painter());
    }

    /// Where sound comes from and where pictures are made.
    fn places(&self, ui: &mut Ui) {
        let (text, colour, doc) = self.sound.told();
        let num_dropouts =
            self.health.num_xruns + self.health.num_overflows + self.health.num_underruns;
        figure(ui, &text, colour, &doc);
        if num_dropouts > 0 {
            let health = &self.health;
            let doc = format!(
                "Sound was lost: the system reported {} overruns, the engine was behind {} times, \
                 the file was late {} times; {} samples are missing.",
                health.num_xruns, health.num_overflows, health.num_underruns, health.num_lost
            );
            figure(ui, &format!("{num_dropouts} dropouts"), theme::WARNING, &doc);
        }
        if !self.device.is_empty() {
            let mut text = self.device.clone();
            let mut doc = format!("Pictures are made on {}.", self.device);
            for (subject, line) in &self.facts {
                text += &format!(" · {subject}: {line}");
                doc += &format!("\n{subject}: {line}");
            }
            let text = RichText::new(text).small().color(theme::FAINT);
            ui.add(Label::new(text).truncate()).on_hover_text(doc);
        }
    }

    fn chip(&self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let Some(chip) = &self.render else { return };
        let galley = ui.painter().layout_no_wrap(chip.text.clone(), theme::small(), theme::TEXT);
        let size = vec2(galley.size().x + 16.0, HEIGHT - 2.0);
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &chip.text));
        let rounding = f32::from(theme::ROUNDING);
        ui.painter().rect_filled(rect, rounding, theme::RAISED);
        let done = rect.with_max_x(rect.left() + rect.width() * chip.share.clamp(0.0, 1.0));
        ui.painter().rect_filled(done, rounding, theme::ACCENT.gamma_multiply(0.4));
        let place = Align2::CENTER_CENTER.anchor_size(rect.center(), galley.size());
        ui.painter().galley(place.min, galley, theme::TEXT);
        if response.on_hover_text("A render goes on beside the show. Click to see it.").clicked() {
            cx.act(Action::Render);
        }
    }

    /// The newest message that is still to be shown.
    fn message(&self, now_secs: f64) -> Option<&Message> {
        let newest = self.messages.back()?;
        newest.since_secs.is_none_or(|since| now_secs < since + MESSAGE_SECS).then_some(newest)
    }

    fn show_message(&mut self, ui: &mut Ui) {
        let now_secs = ui.input(|i| i.time);
        if let Some(newest) = self.messages.back_mut() {
            newest.since_secs.get_or_insert(now_secs);
        }
        let Some(message) = self.message(now_secs) else { return };
        let left_secs = message.since_secs.unwrap_or(now_secs) + MESSAGE_SECS - now_secs;
        let (dot, _) = ui.allocate_exact_size(vec2(8.0, HEIGHT), Sense::hover());
        let alpha = left_secs.clamp(0.0, 1.0) as f32;
        ui.painter().circle_filled(dot.center(), 3.0, theme::ACCENT.gamma_multiply(alpha));
        let text = RichText::new(&message.text).color(theme::TEXT.gamma_multiply(alpha));
        let label = ui.add(Label::new(text).truncate());
        label.on_hover_ui(|ui| {
            for earlier in &self.messages {
                ui.label(RichText::new(&earlier.text).small());
            }
        });
        // Fades in its last second.
        let next_secs = if left_secs > 1.0 { left_secs - 1.0 } else { 0.03 };
        ui.ctx().request_repaint_after_secs(next_secs as f32);
    }
}

impl Sound {
    /// In the bar, its colour, and what more there is to say.
    fn told(&self) -> (String, Color32, String) {
        match self {
            Self::Silent => ("silence".into(), theme::FAINT, "No sound is chosen.".into()),
            Self::Runs(how) => (how.clone(), theme::FAINT, "The sound that the show hears.".into()),
            Self::Lost(device, reason) => {
                let doc = format!("The show goes on in silence and looks for the device: {reason}");
                (format!("{device} is gone: silence"), theme::WARNING, doc)
            }
            Self::Absent(reason) => {
                let doc = format!("The show goes on in silence and looks for a device: {reason}");
                ("no device: silence".into(), theme::WARNING, doc)
            }
            Self::Broken(reason) => {
                let doc = format!("The sound file cannot be read on: {reason}");
                ("sound file broken".into(), theme::ERROR, doc)
            }
        }
    }
}

fn figure(ui: &mut Ui, text: &str, colour: Color32, doc: &str) {
    ui.add(Label::new(RichText::new(text).small().color(colour)).extend()).on_hover_text(doc);
}

/// How many things are wrong; opens their list.
fn problems(ui: &mut Ui, cx: &mut Cx<'_>) {
    let num = cx.document.faults().len() + cx.failures.len();
    let (text, colour) = match num {
        0 => ("no problems".to_owned(), theme::FAINT),
        1 => ("1 problem".to_owned(), theme::ERROR),
        _ => (format!("{num} problems"), theme::ERROR),
    };
    let button = egui::Button::new(RichText::new(text).small().color(colour));
    let button = button.frame_when_inactive(num > 0).min_size(vec2(0.0, HEIGHT - 2.0));
    if ui.add(button).on_hover_text(Action::Problems.doc()).clicked() {
        cx.act(Action::Problems);
    }
}

/// The nodes that take most time, with bars; gives the one that was clicked.
fn slowest_nodes(ui: &mut Ui, cx: &Cx<'_>) -> Option<String> {
    let mut loads: Vec<(&str, f64)> =
        cx.readings.loads.iter().map(|(node, load)| (node.as_str(), load.frame_ms)).collect();
    loads.sort_by(|a, b| b.1.total_cmp(&a.1));
    let total_ms: f64 = loads.iter().map(|(_, ms)| ms).sum();
    ui.set_min_width(240.0);
    ui.spacing_mut().item_spacing.y = 2.0;
    ui.label(RichText::new(format!("Nodes take {total_ms:.1} ms a frame")).small().strong());
    let most = loads.first().map_or(1.0, |(_, ms)| ms.max(1e-6));
    let mut clicked = None;
    for (node, ms) in loads.into_iter().take(NUM_SLOWEST) {
        if load_row(ui, node, ms, (ms / most) as f32).clicked() {
            clicked = Some(node.to_owned());
        }
    }
    clicked
}

fn load_row(ui: &mut Ui, node: &str, ms: f64, share: f32) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(240.0, 18.0), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Reveal {node}")));
    let painter = ui.painter().with_clip_rect(rect);
    if response.hovered() || response.has_focus() {
        painter.rect_filled(rect, 2.0, theme::HOVERED);
    }
    let bar = rect.shrink2(vec2(0.0, 2.0)).with_max_x(rect.left() + share * rect.width());
    painter.rect_filled(bar, 2.0, theme::ACCENT.gamma_multiply(0.35));
    let [left, right] = [rect.left_center() + vec2(5.0, 0.0), rect.right_center() - vec2(5.0, 0.0)];
    painter.text(left, Align2::LEFT_CENTER, node, theme::small(), theme::TEXT);
    let time = format!("{ms:.2} ms");
    painter.text(right, Align2::RIGHT_CENTER, time, theme::small(), theme::FAINT);
    response
}

/// Without zeros that say nothing: 60, 29.97.
fn trimmed(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn fps_colour(shown_hz: f64, wanted_hz: f64) -> Color32 {
    match shown_hz / wanted_hz {
        share if share >= 0.97 => theme::GOOD,
        share if share >= 0.8 => theme::WARNING,
        _ => theme::ERROR,
    }
}

/// Well while hardly any frame takes longer than there is time, wrong when half of them do.
fn time_colour(median_ms: f64, p99_ms: f64, budget_ms: f64) -> Color32 {
    match () {
        () if median_ms > budget_ms => theme::ERROR,
        () if p99_ms > budget_ms => theme::WARNING,
        () => theme::GOOD,
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;
    use lumawire_core::NodeError;
    use lumawire_runtime::live::{DeviceError, Distribution, Format};
    use lumawire_runtime::probe::Load;

    use super::super::testing::Bench;
    use super::*;

    fn report(num_skipped: u64) -> StatsReport {
        let time = |median_ms, p99_ms| Distribution { num: 60, median_ms, p99_ms, max_ms: p99_ms };
        StatsReport {
            secs: 1.0,
            fps: 59.5,
            num_drawn: 60,
            num_skipped,
            num_shown: 60,
            frame_time: time(8.5, 14.5),
            latency: time(31.0, 44.0),
        }
    }

    fn harness(bar: EngineBar, bench: Bench) -> Harness<'static, (EngineBar, Bench)> {
        Harness::builder().with_size([1200.0, 400.0]).build_ui_state(
            |ui, (bar, bench): &mut (EngineBar, Bench)| {
                ui.add_space(300.0);
                bar.draw(ui, &mut bench.cx());
            },
            (bar, bench),
        )
    }

    #[test]
    fn the_figures_are_those_of_the_report() {
        let mut bar = EngineBar::default();
        bar.take(report(2), HealthCounts::default());
        let counts = HealthCounts { num_xruns: 1, num_overflows: 2, num_underruns: 4, num_lost: 9 };
        bar.take(report(3), counts);
        bar.device = "llvmpipe".into();
        let mut harness = harness(bar, Bench::new());
        harness.run();
        for text in ["59.5 / 60 fps", "5 skipped", "31 ms latency", "7 dropouts", "llvmpipe"] {
            harness.get_by_label(text);
        }
    }

    #[test]
    fn facts_stand_beside_the_device() {
        let facts = vec![("pictures", "shared memory".into())];
        let bar = EngineBar { device: "llvmpipe".into(), facts, ..EngineBar::default() };
        let mut harness = harness(bar, Bench::new());
        harness.run();
        harness.get_by_label("llvmpipe · pictures: shared memory");
    }

    #[test]
    fn a_slow_node_is_revealed_from_the_frame_time() {
        let mut bar = EngineBar::default();
        bar.take(report(0), HealthCounts::default());
        let mut bench = Bench::new();
        for i in 0..20 {
            let load = Load { frame_ms: f64::from(i) };
            bench.readings.loads.insert(format!("n{i:02}"), load);
        }
        let mut harness = harness(bar, bench);
        harness.get_by_label("Frame time").click();
        harness.run();
        harness.get_by_label("Nodes take 190.0 ms a frame");
        assert!(harness.query_by_label("Reveal n12").is_some(), "the eighth");
        assert!(harness.query_by_label("Reveal n11").is_none(), "the ninth");
        harness.get_by_label("Reveal n18").click();
        harness.run();
        assert_eq!(harness.state().1.asked(), ["Reveal(\"n18\")"]);
    }

    #[test]
    fn problems_are_counted_and_opened() {
        let mut bench = Bench::new();
        let num_faults = bench.document.faults().len();
        for node in ["picture", "control"] {
            bench.failures.insert(node.into(), NodeError::Panicked("ill".into()));
        }
        let mut harness = harness(EngineBar::default(), bench);
        harness.get_by_label(&format!("{} problems", num_faults + 2)).click();
        harness.run();
        assert_eq!(harness.state().1.asked(), ["Do(Problems)"]);
    }

    #[test]
    fn a_message_stays_for_its_time() {
        let mut harness = harness(EngineBar::default(), Bench::new());
        harness.step();
        harness.state_mut().0.tell("Saved");
        harness.step();
        assert!(harness.query_by_label("Saved").is_some());
        let step_secs = 0.25;
        let num_steps = (MESSAGE_SECS / step_secs) as usize;
        harness.run_steps(num_steps - 2);
        assert!(harness.query_by_label("Saved").is_some());
        harness.run_steps(3);
        assert!(harness.query_by_label("Saved").is_none());
    }

    #[test]
    fn messages_and_times_are_bounded() {
        let mut bar = EngineBar::default();
        for i in 0..1000 {
            bar.tell(i.to_string());
            bar.take(report(0), HealthCounts::default());
        }
        assert_eq!((bar.messages.len(), bar.times_ms.len()), (NUM_MESSAGES, NUM_LOOKS));
        assert_eq!(bar.message(0.0).map(|m| m.text.as_str()), Some("999"));
    }

    #[test]
    fn the_sound_is_told_as_it_is() {
        let mut bar = EngineBar::default();
        assert_eq!(bar.sound.told().0, "silence");
        let format = Format { rate_hz: NonZero::new(44_100).unwrap(), num_channels: 2 };
        let (device, sample_format) = ("Card".to_owned(), "f32".to_owned());
        bar.hear(&AudioEvent::Opened { device: device.clone(), format, sample_format });
        assert_eq!(bar.sound.told().0, "Card · 44.1 kHz · 2 ch");
        bar.hear(&AudioEvent::Lost { device, reason: "unplugged".into() });
        assert_eq!(bar.sound.told().0, "Card is gone: silence");
        bar.hear(&AudioEvent::Absent(DeviceError::None("input")));
        assert_eq!(bar.sound.told().0, "no device: silence");
        assert!(bar.sound.told().2.ends_with("the system has no input device"));
        bar.forget_sound();
        assert_eq!(bar.sound.told().0, "silence");
    }

    #[test]
    fn a_render_has_a_chip_that_opens_it() {
        let render = Some(Chip { text: "Rendering 42 %".into(), share: 0.42 });
        let bar = EngineBar { render, ..EngineBar::default() };
        let mut harness = harness(bar, Bench::new());
        harness.get_by_label("Rendering 42 %").click();
        harness.run();
        assert_eq!(harness.state().1.asked(), ["Do(Render)"]);
    }

    #[test]
    fn colours_follow_the_time_there_is() {
        assert_eq!(time_colour(8.0, 15.0, 16.7), theme::GOOD);
        assert_eq!(time_colour(8.0, 17.0, 16.7), theme::WARNING);
        assert_eq!(time_colour(17.0, 18.0, 16.7), theme::ERROR);
        assert_eq!(fps_colour(59.9, 60.0), theme::GOOD);
        assert_eq!(fps_colour(50.0, 60.0), theme::WARNING);
        assert_eq!(fps_colour(30.0, 60.0), theme::ERROR);
        assert_eq!([60.0, 30_000.0 / 1001.0, 23.5].map(trimmed), ["60", "29.97", "23.5"]);
    }
}
