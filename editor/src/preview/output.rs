//! The picture: in its panel, and in a window of its own.

use egui::{
    Align, Align2, Color32, Context, Frame, Layout, Popup, PopupCloseBehavior, Rect, RichText,
    Sense, Ui, WidgetInfo, vec2,
};
use lumawire_core::PortType;
use lumawire_runtime::probe::{OutputId, Seen};

use super::face::Face;
use super::icons::{Icon, icon_button, inked_button, outline};
use super::window::{self, Scaling, Shared};
pub use super::window::{Feed, viewport_id};
use crate::command::Action;
use crate::cx::{Cx, spec_of};
use crate::theme;

/// Screens that are offered where nobody knows how many there are.
const NUM_UNKNOWN_SCREENS: usize = 3;
/// Share of the side panel's height that the picture takes at most.
const MAX_HEIGHT_SHARE: f32 = 0.5;

/// The picture: in its panel, and in a window of its own.
#[derive(Default)]
pub struct Output {
    /// Names of the screens in winit's order, as the desktop's window knows them; empty where it
    /// does not.
    pub screens: Vec<String>,
    /// The screen that the window fills; `None` is the one that it is on.
    pub chosen_screen: Option<usize>,
    shared: Shared,
    solo: Option<OutputId>,
    solo_face: Face,
}

impl Output {
    /// Shows this output in the panel in place of the picture, or the picture again.
    pub fn solo(&mut self, output: Option<OutputId>) {
        self.solo = output;
    }

    /// The output that is shown in place of the picture: it is to be watched.
    pub fn soloed(&self) -> Option<&OutputId> {
        self.solo.as_ref()
    }

    /// Where the window finds pictures while the editor does not repaint; in place of the session's
    /// own call, which gives each picture once.
    pub fn set_feed(&mut self, feed: Option<Feed>) {
        self.shared.lock().set_feed(feed);
    }

    /// Opens the output's window or closes it.
    pub fn toggle_window(&mut self) {
        let mut shared = self.shared.lock();
        if shared.is_open() { shared.close() } else { shared.open(false, None) }
    }

    /// Fills a screen with the output's window, which is opened for it, or makes it small again.
    pub fn toggle_fullscreen(&mut self, ctx: &Context) {
        let mut shared = self.shared.lock();
        if shared.is_open() {
            let on = !shared.is_fullscreen();
            shared.set_fullscreen(ctx, on, self.chosen_screen);
        } else {
            shared.open(true, self.chosen_screen);
        }
    }

    /// Whether the output's window is open.
    pub fn is_window_open(&self) -> bool {
        self.shared.lock().is_open()
    }

    /// Keeps the window up; to be called in each frame, whether the panel is shown or not.
    pub fn show_window(&mut self, ctx: &Context, cx: &mut Cx<'_>) {
        if !self.is_window_open() {
            return;
        }
        self.take_picture(ctx, cx);
        window::show(ctx, &self.shared, self.chosen_screen);
        for action in self.shared.lock().take_asked() {
            cx.act(action);
        }
    }

    /// Draws the panel.
    pub fn show(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        if self.solo.as_ref().is_some_and(|(node, _)| cx.document.graph().node(node).is_none()) {
            self.solo = None;
        }
        if self.solo.is_none() {
            self.take_picture(ui.ctx(), cx);
        }
        self.header(ui, cx);
        match self.solo.clone() {
            Some(output) => self.show_solo(ui, cx, &output),
            None => self.show_picture(ui, cx),
        }
        ui.add_space(theme::GAP);
    }

    fn take_picture(&mut self, ctx: &Context, cx: &Cx<'_>) {
        let mut shared = self.shared.lock();
        shared.refresh(ctx);
        if let Some(picture) = cx.session.and_then(|session| session.picture()) {
            shared.take(ctx, picture);
        }
    }

    fn header(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        ui.horizontal(|ui| {
            ui.label(RichText::new("Output").strong());
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = 0.0;
                self.options(ui);
                for (icon, action) in [
                    (Icon::FullScreen, Action::OutputFullscreen),
                    (Icon::PopOut, Action::OutputWindow),
                ] {
                    let keys = action.shortcut().map(|keys| ui.ctx().format_shortcut(&keys));
                    let doc = format!("{} {}", action.doc(), keys.unwrap_or_default());
                    if icon_button(ui, icon, action.label(), doc.trim_end()).clicked() {
                        cx.act(action);
                    }
                }
            });
        });
    }

    fn options(&mut self, ui: &mut Ui) {
        let doc = "Which screen the output fills, and how its pixels are scaled.";
        let button = icon_button(ui, Icon::Menu, "Output options", doc);
        let stays = PopupCloseBehavior::CloseOnClickOutside;
        Popup::menu(&button).close_behavior(stays).show(|ui| {
            ui.set_min_width(180.0);
            ui.label(RichText::new("Full screen on").small().color(theme::FAINT));
            ui.radio_value(&mut self.chosen_screen, None, "The window's screen");
            for (i, name) in self.screen_names().into_iter().enumerate() {
                ui.radio_value(&mut self.chosen_screen, Some(i), name);
            }
            ui.separator();
            ui.label(RichText::new("Scaling").small().color(theme::FAINT));
            let mut shared = self.shared.lock();
            let mut scaling = shared.scaling();
            for choice in Scaling::ALL {
                ui.radio_value(&mut scaling, choice, choice.label());
            }
            shared.set_scaling(ui.ctx(), scaling);
        });
    }

    fn screen_names(&self) -> Vec<String> {
        if self.screens.is_empty() {
            return (1..=NUM_UNKNOWN_SCREENS).map(|i| format!("Screen {i}")).collect();
        }
        self.screens.clone()
    }

    fn show_picture(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let shared = self.shared.lock();
        let size_px = shared.size_px();
        let (rect, response) = picture_place(ui, size_px.unwrap_or((16, 9)));
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, "Output picture"));
        if response.double_clicked() {
            cx.act(Action::OutputWindow);
        }
        if !shared.paint(ui, rect) {
            placeholder(ui, rect, cx.session.is_some());
        }
        outline(ui.painter(), rect, theme::LINE);
        let fps = shared.fps(ui.input(|i| i.time));
        caption(ui, &size_px.map_or("—".into(), |(w, h)| format!("{w} × {h}")), || {
            size_px.map(|_| format!("{fps:.0} fps"))
        });
    }

    fn show_solo(&mut self, ui: &mut Ui, cx: &Cx<'_>, (node, output): &OutputId) {
        let seen = cx.seen(node, output).unwrap_or(&Seen::Nothing);
        let spec = spec_of(cx.document, node);
        let port = spec.and_then(|spec| spec.outputs.iter().find(|port| port.id == output));
        let ty = port.map_or(PortType::Control, |port| port.ty);
        let size_px = match seen {
            Seen::Picture(_, size_px) => *size_px,
            _ => (16, 9),
        };
        let (rect, response) = picture_place(ui, size_px);
        let name = format!("Solo picture of {node}");
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, &name));
        let key = format!("{node}.{output}");
        self.solo_face.paint(ui.painter(), rect, &key, ty, seen);
        outline(ui.painter(), rect, theme::ACCENT);
        if solo_tag(ui, rect, node) {
            self.solo = None;
        }
        let text = port.map_or_else(String::new, |port| super::hover_text(seen, port));
        caption(ui, &text, || None);
    }
}

/// Room for a picture of this size over the panel's width.
fn picture_place(ui: &mut Ui, (width_px, height_px): (u32, u32)) -> (Rect, egui::Response) {
    let width = ui.available_width().max(1.0);
    let limit = (MAX_HEIGHT_SHARE * ui.ctx().content_rect().height()).max(90.0);
    let height = width * height_px.max(1) as f32 / width_px.max(1) as f32;
    ui.allocate_exact_size(vec2(width, height.clamp(40.0, limit)), Sense::click())
}

fn placeholder(ui: &Ui, rect: Rect, is_running: bool) {
    let (title, hint) = if is_running {
        ("No picture yet", "It comes from the patch's output node.")
    } else {
        ("Nothing runs", "The patch cannot be played; see what is wrong with it.")
    };
    let middle = rect.center();
    let painter = ui.painter();
    let above = middle - vec2(0.0, 9.0);
    painter.text(above, Align2::CENTER_CENTER, title, theme::body(), theme::FAINT);
    let below = middle + vec2(0.0, 9.0);
    let faint = theme::FAINT.gamma_multiply(0.7);
    painter.text(below, Align2::CENTER_CENTER, hint, theme::small(), faint);
}

/// Small text under the picture, at its left and at its right.
fn caption(ui: &mut Ui, left: &str, right: impl FnOnce() -> Option<String>) {
    let small = |text: String| RichText::new(text).small().color(theme::FAINT);
    ui.horizontal(|ui| {
        if let Some(right) = right() {
            ui.label(small(left.to_owned()));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(small(right)));
        } else {
            ui.add(egui::Label::new(small(left.to_owned())).truncate());
        }
    });
}

/// `SOLO node ×` in the picture's corner. Gives whether it was closed.
fn solo_tag(ui: &mut Ui, rect: Rect, node: &str) -> bool {
    let place = rect.shrink(theme::GAP);
    let builder = egui::UiBuilder::new().max_rect(place).layout(Layout::left_to_right(Align::Min));
    let tag = Frame::new()
        .fill(theme::ACCENT)
        .corner_radius(theme::ROUNDING)
        .inner_margin(egui::Margin { left: 7, right: 2, top: 1, bottom: 1 });
    let tag = tag.show(&mut ui.new_child(builder), |ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let dark = |text: &str| RichText::new(text).small().color(Color32::BLACK);
        ui.add(egui::Label::new(dark("SOLO").strong()).extend());
        ui.add(egui::Label::new(dark(node)).truncate());
        close_button(ui)
    });
    tag.inner
}

fn close_button(ui: &mut Ui) -> bool {
    let doc = "Shows the output again.";
    inked_button(ui, Icon::Close, "End solo", doc, (16.0, Color32::BLACK)).clicked()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use egui::mutex::Mutex;
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;
    use lumawire_runtime::live::Picture;

    use super::super::testing::{Bench, picture};
    use super::*;

    type Slot = Arc<Mutex<Option<Arc<Picture>>>>;

    struct State {
        output: Output,
        bench: Bench,
        slot: Slot,
    }

    fn harness() -> Harness<'static, State> {
        let slot = Slot::default();
        let mut output = Output::default();
        let taken = slot.clone();
        output.set_feed(Some(Arc::new(move || taken.lock().take())));
        Harness::builder().with_size([900.0, 600.0]).build_ui_state(
            |ui, State { output, bench, .. }: &mut State| {
                let mut cx = bench.cx();
                egui::Panel::right("side").exact_size(320.0).show(ui, |ui| {
                    output.show(ui, &mut cx);
                });
                output.show_window(ui.ctx(), &mut cx);
            },
            State { output, bench: Bench::new(), slot },
        )
    }

    fn num_uploads(harness: &Harness<'_, State>) -> u64 {
        harness.state().output.shared.lock().num_uploads()
    }

    #[test]
    fn buttons_ask_for_the_window_and_the_full_screen() {
        let mut harness = harness();
        harness.get_by_label("Output window").click();
        harness.run();
        harness.get_by_label("Output full screen").click();
        harness.run();
        assert_eq!(harness.state().bench.asked(), ["Do(OutputWindow)", "Do(OutputFullscreen)"]);
    }

    #[test]
    fn a_picture_is_uploaded_once_and_again_when_it_is_scaled_otherwise() {
        let mut harness = harness();
        harness.run_steps(3);
        assert_eq!(num_uploads(&harness), 0);
        let shown = picture(64, 36, [9, 9, 9, 255]);
        for _ in 0..3 {
            *harness.state().slot.lock() = Some(shown.clone());
            harness.run_steps(2);
        }
        assert_eq!(num_uploads(&harness), 1);
        harness.get_by_label("64 × 36");
        *harness.state().slot.lock() = Some(picture(32, 32, [9, 9, 9, 255]));
        harness.run_steps(2);
        assert_eq!(num_uploads(&harness), 2);
        harness.get_by_label("32 × 32");
        harness.get_by_label("Output options").click();
        harness.run_steps(3);
        harness.get_by_label("Sharp pixels").click();
        harness.run_steps(3);
        assert_eq!(num_uploads(&harness), 3);
    }

    #[test]
    fn a_screen_is_chosen_by_name_where_names_are_known() {
        let mut harness = harness();
        harness.state_mut().output.screens = vec!["DP-1".into(), "HDMI-1".into()];
        harness.get_by_label("Output options").click();
        harness.run();
        assert!(harness.query_by_label("Screen 1").is_none());
        harness.get_by_label("HDMI-1").click();
        harness.run();
        assert_eq!(harness.state().output.chosen_screen, Some(1));
    }

    #[test]
    fn a_solo_takes_no_picture_and_ends_with_its_cross_or_its_node() {
        let mut harness = harness();
        let solo = Some(("control".to_owned(), "value".to_owned()));
        harness.state_mut().output.solo(solo.clone());
        *harness.state().slot.lock() = Some(picture(64, 36, [9, 9, 9, 255]));
        let recent = vec![0.25, 0.5];
        let seen = Seen::Control { latest: 0.5, recent };
        harness.state_mut().bench.readings.outputs.extend(solo.map(|output| (output, seen)));
        harness.run();
        harness.get_by_label("Solo picture of control");
        harness.get_by_label("value (control): 0.50, lately 0.25 to 0.50");
        assert_eq!(num_uploads(&harness), 0);
        harness.get_by_label("End solo").click();
        harness.run_steps(3);
        assert_eq!(harness.state().output.soloed(), None);
        assert_eq!(num_uploads(&harness), 1);
        harness.state_mut().output.solo(Some(("gone".into(), "value".into())));
        harness.run();
        assert_eq!(harness.state().output.soloed(), None);
    }

    #[test]
    fn the_window_opens_fills_the_screen_and_closes() {
        let mut harness = harness();
        harness.run();
        assert!(harness.query_by_label("Output window picture").is_none());
        harness.state_mut().output.toggle_window();
        harness.run_steps(3);
        let small = harness.get_by_label("Output window picture").rect();
        let ctx = harness.ctx.clone();
        harness.state_mut().output.toggle_fullscreen(&ctx);
        harness.run_steps(3);
        let full = harness.get_by_label("Output window picture").rect();
        assert!(full.width() >= 880.0 && small.width() < 600.0, "{full} {small}");
        harness.key_press(egui::Key::Escape);
        harness.run_steps(3);
        assert!(harness.state().output.is_window_open());
        assert!(!harness.state().output.shared.lock().is_fullscreen());
        harness.state_mut().output.toggle_window();
        harness.run_steps(3);
        assert!(harness.query_by_label("Output window picture").is_none());
    }

    #[test]
    fn a_full_screen_is_opened_at_once() {
        let mut harness = harness();
        let ctx = harness.ctx.clone();
        harness.state_mut().output.toggle_fullscreen(&ctx);
        harness.run_steps(3);
        assert!(harness.state().output.shared.lock().is_fullscreen());
        harness.key_press(egui::Key::F11);
        harness.run_steps(3);
        assert!(!harness.state().output.shared.lock().is_fullscreen());
    }
}
