//! The output's own window: a second viewport, which goes on by itself while the editor is busy.

use std::sync::Arc;

use egui::mutex::Mutex;
use egui::{
    Color32, Context, CursorIcon, Id, Key, Modifiers, Rect, ResizeDirection, Sense, TextureHandle,
    TextureOptions, Ui, Vec2, ViewportBuilder, ViewportCommand, ViewportId, pos2, vec2,
};
use lumawire_runtime::live::Picture;

use super::icons::{Icon, icon_button};
use super::pixels::opaque;
use super::scale::letterbox;
use crate::command::{Action, Menu};
use crate::theme;

/// A resting pointer is hidden after this.
const HIDE_SECS: f32 = 2.0;
/// Room that is grasped to resize the window.
const GRIP: f32 = 16.0;

/// Gives the picture that nobody took yet, from any thread.
pub type Feed = Arc<dyn Fn() -> Option<Arc<Picture>> + Send + Sync>;

/// The viewport of the output's window: whoever learns of a new picture asks for its repaint.
pub fn viewport_id() -> ViewportId {
    ViewportId::from_hash_of("lumawire output")
}

/// How a picture is drawn larger or smaller than it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scaling {
    /// Pixels run into each other.
    #[default]
    Smooth,
    /// Pixels stay squares.
    Pixels,
}

impl Scaling {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Smooth, Self::Pixels];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Self::Smooth => "Smooth",
            Self::Pixels => "Sharp pixels",
        }
    }

    fn options(self) -> TextureOptions {
        match self {
            Self::Smooth => TextureOptions::LINEAR,
            Self::Pixels => TextureOptions::NEAREST,
        }
    }
}

/// The newest picture on the device; what the panel and the window share.
#[derive(Default)]
pub struct Screen {
    feed: Option<Feed>,
    picture: Option<Arc<Picture>>,
    texture: Option<TextureHandle>,
    scaling: Scaling,
    /// How often a picture was brought to the device.
    num_uploads: u64,
    /// When the last pictures came, in seconds.
    arrivals_secs: Vec<f64>,
    window: Window,
}

/// The state of the window.
#[derive(Default)]
struct Window {
    is_open: bool,
    is_fullscreen: bool,
    /// How it was opened: stays as it is, for a change would be a command.
    builder: ViewportBuilder,
    /// What was asked by key in it.
    asked: Vec<Action>,
}

/// A share of the screen.
pub type Shared = Arc<Mutex<Screen>>;

impl Screen {
    /// Takes pictures from here too, when the window repaints by itself.
    pub fn set_feed(&mut self, feed: Option<Feed>) {
        self.feed = feed;
    }

    /// Chooses how the picture is scaled.
    pub fn set_scaling(&mut self, ctx: &Context, scaling: Scaling) {
        if self.scaling != scaling {
            self.scaling = scaling;
            self.upload(ctx);
        }
    }

    /// How the picture is scaled.
    pub fn scaling(&self) -> Scaling {
        self.scaling
    }

    /// Shows a picture from now on.
    pub fn take(&mut self, ctx: &Context, picture: Arc<Picture>) {
        if self.picture.as_ref().is_some_and(|old| Arc::ptr_eq(old, &picture)) {
            return;
        }
        let now_secs = ctx.input(|i| i.time);
        self.arrivals_secs.retain(|secs| *secs > now_secs - 1.0);
        self.arrivals_secs.push(now_secs);
        self.picture = Some(picture);
        self.upload(ctx);
    }

    /// Takes what the feed has.
    pub fn refresh(&mut self, ctx: &Context) {
        if let Some(picture) = self.feed.as_ref().and_then(|feed| feed()) {
            self.take(ctx, picture);
        }
    }

    /// Pictures that came in the last second.
    pub fn fps(&self, now_secs: f64) -> f64 {
        let recent = self.arrivals_secs.iter().filter(|secs| **secs > now_secs - 1.0);
        recent.count() as f64
    }

    /// Size of the picture in pixels, if there is one.
    pub fn size_px(&self) -> Option<(u32, u32)> {
        self.picture.as_ref().map(|p| (p.image.width_px, p.image.height_px))
    }

    /// How often a picture was brought to the device.
    #[cfg(test)]
    pub fn num_uploads(&self) -> u64 {
        self.num_uploads
    }

    /// Whether the window is open.
    pub fn is_open(&self) -> bool {
        self.window.is_open
    }

    /// Whether the window fills a screen.
    pub fn is_fullscreen(&self) -> bool {
        self.window.is_open && self.window.is_fullscreen
    }

    /// Opens the window, on this screen if one is chosen.
    pub fn open(&mut self, is_fullscreen: bool, screen: Option<usize>) {
        let builder = ViewportBuilder::default()
            .with_title("Lumawire output")
            .with_app_id("lumawire-output")
            .with_decorations(false)
            .with_inner_size([960.0, 540.0])
            .with_min_inner_size([160.0, 90.0]);
        // A screen that is not there is passed over: the window's own is filled then.
        let builder = match (is_fullscreen, screen) {
            (true, Some(screen)) => builder.with_fullscreen(true).with_monitor(screen),
            (true, None) => builder.with_fullscreen(true),
            (false, _) => builder,
        };
        self.window = Window { is_open: true, is_fullscreen, builder, asked: Vec::new() };
    }

    /// Closes the window.
    pub fn close(&mut self) {
        self.window = Window::default();
    }

    /// What was asked by key in the window since the last call.
    pub fn take_asked(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.window.asked)
    }

    /// Fills a screen with the window, or no longer.
    pub fn set_fullscreen(&mut self, ctx: &Context, on: bool, screen: Option<usize>) {
        self.window.is_fullscreen = on;
        if !ctx.embed_viewports() {
            ctx.send_viewport_cmd_to(viewport_id(), ViewportCommand::Fullscreen(on));
            if let Some(screen) = screen.filter(|_| on) {
                ctx.send_viewport_cmd_to(viewport_id(), ViewportCommand::SetMonitor(screen));
            }
        }
    }

    /// Draws the picture into `rect`, whole and in the middle. Gives whether there is one.
    pub fn paint(&self, ui: &Ui, rect: Rect) -> bool {
        ui.painter().rect_filled(rect, 0.0, Color32::BLACK);
        let (Some(texture), Some((width, height))) = (&self.texture, self.size_px()) else {
            return false;
        };
        let place = letterbox(vec2(width as f32, height as f32), rect);
        let place = egui::emath::GuiRounding::round_to_pixels(place, ui.pixels_per_point());
        let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        ui.painter().image(texture.id(), place, whole, Color32::WHITE);
        true
    }

    fn upload(&mut self, ctx: &Context) {
        let Some(picture) = &self.picture else { return };
        let limit_px = ctx.input(|i| i.max_texture_side);
        // A picture that is not whole is left out: the one before stays.
        let Some(pixels) = opaque(&picture.image, limit_px) else { return };
        let options = self.scaling.options();
        match &mut self.texture {
            Some(texture) => texture.set(pixels, options),
            None => self.texture = Some(ctx.load_texture("output", pixels, options)),
        }
        self.num_uploads += 1;
    }
}

/// Keeps the window up for another frame of the editor; call it in each one.
pub fn show(ctx: &Context, shared: &Shared, screen: Option<usize>) {
    let (is_open, is_fullscreen, builder) = {
        let shared = shared.lock();
        (shared.is_open(), shared.is_fullscreen(), shared.window.builder.clone())
    };
    if !is_open {
        return;
    }
    if !ctx.embed_viewports() {
        let shared = shared.clone();
        ctx.request_repaint_of(viewport_id());
        ctx.show_viewport_deferred(viewport_id(), builder, move |ui, _| {
            contents(ui, &shared, screen);
        });
    } else if is_fullscreen {
        let area = egui::Area::new(Id::unique("output full")).order(egui::Order::Foreground);
        area.fixed_pos(ctx.content_rect().min).show(ctx, |ui| {
            ui.set_min_size(ctx.content_rect().size());
            contents(ui, shared, screen);
        });
    } else {
        let mut is_open = true;
        egui::Window::new("Output")
            .id(Id::unique("output window"))
            .default_size([480.0, 270.0])
            .open(&mut is_open)
            .show(ctx, |ui| contents(ui, shared, screen));
        if !is_open {
            shared.lock().close();
        }
    }
}

/// The picture on black, and what mouse and keys do there.
fn contents(ui: &mut Ui, shared: &Shared, screen: Option<usize>) {
    let ctx = ui.ctx().clone();
    let mut shared = shared.lock();
    shared.refresh(&ctx);
    let is_own = !ctx.embed_viewports();
    if is_own {
        let is_fullscreen = ctx.input(|i| i.viewport().fullscreen);
        shared.window.is_fullscreen = is_fullscreen.unwrap_or(shared.window.is_fullscreen);
    }
    let rect = ui.available_rect_before_wrap();
    let response = ui.allocate_rect(rect, Sense::click_and_drag());
    let name = egui::WidgetInfo::labeled(egui::Role::Image, true, "Output window picture");
    response.widget_info(|| name.clone());
    shared.paint(ui, rect);
    let is_fullscreen = shared.window.is_fullscreen;
    let keys = [Key::F11, Key::Escape].map(|key| {
        is_own_key(&ctx, is_own, is_fullscreen)
            && ctx.input_mut(|i| i.consume_key(Modifiers::NONE, key))
    });
    if response.double_clicked() || keys[0] || (keys[1] && is_fullscreen) {
        shared.set_fullscreen(&ctx, !is_fullscreen, screen);
    }
    if is_own {
        let asked = show_keys(&ctx);
        shared.window.asked.extend(asked);
        if ctx.input(|i| i.viewport().close_requested()) {
            shared.close();
        }
        if !is_fullscreen {
            handles(ui, &mut shared, screen, rect, &response);
        }
        if !shared.is_open() || !shared.window.asked.is_empty() {
            ctx.request_repaint_of(ViewportId::ROOT);
        }
        hide_resting_pointer(&ctx, &response);
    } else if is_fullscreen {
        hide_resting_pointer(&ctx, &response);
    }
}

/// The editor has keys of its own where the window is a part of it.
fn is_own_key(ctx: &Context, is_own: bool, is_fullscreen: bool) -> bool {
    is_own || (is_fullscreen && !ctx.egui_wants_keyboard_input())
}

/// What the keys of the show ask for, which a person presses wherever the focus is.
fn show_keys(ctx: &Context) -> Vec<Action> {
    let of_show = |action: &&Action| action.menu() == Menu::Show;
    let pressed = |action: &&Action| {
        let shortcut = action.shortcut();
        shortcut.is_some_and(|keys| ctx.input_mut(|i| i.consume_shortcut(&keys)))
    };
    Action::ALL.iter().filter(of_show).filter(pressed).copied().collect()
}

/// A window without a frame is moved by its picture and resized by its corner; its buttons show
/// while the pointer moves.
fn handles(
    ui: &mut Ui,
    shared: &mut Screen,
    screen: Option<usize>,
    rect: Rect,
    response: &egui::Response,
) {
    let grip = Rect::from_min_max(rect.max - Vec2::splat(GRIP), rect.max);
    let corner = ui.interact(grip, ui.unique_id().with("grip"), Sense::drag());
    if corner.hovered() {
        ui.ctx().set_cursor_icon(CursorIcon::ResizeNwSe);
    }
    if corner.drag_started() {
        let direction = ResizeDirection::SouthEast;
        ui.ctx().send_viewport_cmd(ViewportCommand::BeginResize(direction));
    } else if response.drag_started() {
        ui.ctx().send_viewport_cmd(ViewportCommand::StartDrag);
    }
    let is_moving = ui.input(|i| i.pointer.time_since_last_movement() < HIDE_SECS);
    if !(is_moving && ui.rect_contains_pointer(rect)) {
        return;
    }
    let place = Rect::from_min_size(rect.right_top() + vec2(-62.0, 6.0), vec2(56.0, 26.0));
    ui.painter().rect_filled(place, f32::from(theme::ROUNDING), theme::PANEL.gamma_multiply(0.85));
    ui.scope_builder(egui::UiBuilder::new().max_rect(place.shrink(2.0)), |ui| {
        ui.horizontal(|ui| {
            let doc =
                "Fills the screen that the window is on. F11 or a double click does the same.";
            if icon_button(ui, Icon::FullScreen, "Full screen", doc).clicked() {
                shared.set_fullscreen(ui.ctx(), true, screen);
            }
            if icon_button(ui, Icon::Close, "Close output", "Closes the window.").clicked() {
                shared.close();
            }
        });
    });
}

fn hide_resting_pointer(ctx: &Context, response: &egui::Response) {
    if !response.contains_pointer() {
        return;
    }
    let rest_secs = ctx.input(|i| i.pointer.time_since_last_movement());
    if rest_secs >= HIDE_SECS {
        ctx.set_cursor_icon(CursorIcon::None);
    } else {
        let left = std::time::Duration::from_secs_f32(HIDE_SECS - rest_secs);
        ctx.request_repaint_after(left);
    }
}
