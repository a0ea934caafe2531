//! The desktop's window around the editor.
//!
//! It draws with a graphics device of its own: should that of the show be lost, the window stays.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eframe::{App, Frame, NativeOptions, Renderer};
use egui::{Context, Ui, ViewportBuilder, ViewportCommand};
use egui_wgpu::{WgpuSetup, WgpuSetupCreateNew};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::editor::Editor;
use crate::{emblem, theme};

/// Size of the window at the first start, in points.
const SIZE: [f32; 2] = [1440.0, 900.0];
/// The smallest window, in points: below it panels cover each other.
const MIN_SIZE: [f32; 2] = [720.0, 480.0];
/// Beyond this nobody has a screen, and the file of settings is damaged.
const MAX_SIDE: f32 = 16_384.0;
/// The file in the folder of settings.
const FILE: &str = "window.json";

/// Why there is no window.
#[derive(Debug, Error)]
pub enum WindowError {
    /// No desktop answers.
    #[error(
        "no window can be opened: no display answers. Start it on a desktop, or set DISPLAY or \
         WAYLAND_DISPLAY. Without one, `lumawire edit PATCH --screenshot OUT.png` draws the editor \
         to a file and `lumawire run PATCH --headless` plays the patch"
    )]
    NoDisplay,
    /// The desktop answers, but nothing can draw on it.
    #[error(
        "no graphics device can draw the window: {0}. Install a Vulkan, Metal, Direct3D 12 or OpenGL \
         driver, or the software renderer lavapipe (Debian: mesa-vulkan-drivers)"
    )]
    NoGraphics(String),
}

/// Opens the window with the editor that `make` gives, until it is closed. Its size is kept in the
/// folder of settings.
///
/// # Errors
/// Where no window can be opened; `make` may then not have been called.
pub fn open(
    make: impl FnOnce() -> Editor + 'static,
    settings: Option<PathBuf>,
) -> Result<(), WindowError> {
    let file = settings.map(|folder| folder.join(FILE));
    let place = file.as_deref().map(Place::load).unwrap_or_default();
    let viewport = ViewportBuilder::default()
        .with_title("Lumawire")
        .with_app_id("lumawire")
        .with_icon(emblem::icon())
        .with_inner_size(place.size)
        .with_min_inner_size(MIN_SIZE)
        .with_maximized(place.is_maximised);
    let mut options = NativeOptions { viewport, renderer: Renderer::Wgpu, ..Default::default() };
    options.wgpu_options.wgpu_setup = graphics();
    // The emblem is on the window; fonts come from the kit alone, so that it looks the same everywhere.
    options.system_font_fallback = false;
    let app = move |_: &eframe::CreationContext<'_>| {
        let window = Window { editor: make(), title: String::new(), file, place };
        Ok(Box::new(window) as Box<dyn App>)
    };
    eframe::run_native("lumawire", options, Box::new(app)).map_err(|error| match error {
        eframe::Error::Wgpu(error) => WindowError::NoGraphics(error.to_string()),
        error => {
            tracing::info!("{error}");
            WindowError::NoDisplay
        }
    })
}

/// A device with all that its adapter can do in size: the defaults are those of a browser.
pub(crate) fn graphics() -> WgpuSetup {
    let mut setup = WgpuSetupCreateNew::without_display_handle();
    setup.device_descriptor = Arc::new(|adapter| wgpu::DeviceDescriptor {
        label: Some("editor"),
        required_limits: adapter.limits(),
        ..Default::default()
    });
    WgpuSetup::CreateNew(setup)
}

struct Window {
    editor: Editor,
    /// As the desktop shows it now.
    title: String,
    file: Option<PathBuf>,
    place: Place,
}

impl App for Window {
    fn ui(&mut self, ui: &mut Ui, _: &mut Frame) {
        self.editor.ui(ui);
        let ctx = ui.ctx().clone();
        self.entitle(&ctx);
        self.place.look(&ctx);
        if ctx.input(|input| input.viewport().close_requested()) && !self.editor.may_close() {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            // The question is drawn now, not at the next picture.
            ctx.request_repaint();
        }
    }

    fn on_exit(&mut self) {
        if let Some(file) = &self.file {
            self.place.save(file);
        }
    }

    fn clear_color(&self, _: &egui::Visuals) -> [f32; 4] {
        theme::BACKGROUND.to_normalized_gamma_f32()
    }
}

impl Window {
    /// The patch's name, after a dot while it differs from its file.
    fn entitle(&mut self, ctx: &Context) {
        let document = self.editor.document();
        let title = title(&document.name(), document.is_dirty());
        if title != self.title {
            ctx.send_viewport_cmd(ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }
}

fn title(name: &str, is_dirty: bool) -> String {
    let dot = if is_dirty { "• " } else { "" };
    format!("{dot}{name} — Lumawire")
}

/// How large the window was last.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Place {
    /// Width and height in points, while it does not fill the screen.
    size: [f32; 2],
    is_maximised: bool,
}

impl Default for Place {
    fn default() -> Self {
        Self { size: SIZE, is_maximised: false }
    }
}

impl Place {
    /// What the file says; a file that is absent or damaged says nothing.
    fn load(file: &Path) -> Self {
        let text = std::fs::read(file).unwrap_or_default();
        let place: Self = serde_json::from_slice(&text).unwrap_or_default();
        let fits = |side: f32, least: f32| (least..=MAX_SIDE).contains(&side);
        let is_sound = place.size.iter().zip(MIN_SIZE).all(|(side, least)| fits(*side, least));
        if is_sound { place } else { Self::default() }
    }

    fn look(&mut self, ctx: &Context) {
        ctx.input(|input| {
            let info = input.viewport();
            self.is_maximised = info.maximized.unwrap_or(false);
            let is_free = !self.is_maximised
                && !info.fullscreen.unwrap_or(false)
                && !info.minimized.unwrap_or(false);
            if let Some(rect) = info.inner_rect.filter(|_| is_free) {
                self.size = rect.size().into();
            }
        });
    }

    /// Keeps it. Where it cannot be written the next window has the size of the first.
    fn save(&self, file: &Path) {
        let write = || {
            std::fs::create_dir_all(file.parent().unwrap_or(Path::new("")))?;
            std::fs::write(file, serde_json::to_vec(self)?)
        };
        if let Err(error) = write() {
            tracing::info!("{}: {error}", file.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_kept_and_a_damaged_file_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep").join(FILE);
        assert_eq!(Place::load(&file), Place::default());
        let place = Place { size: [1_001.0, 702.5], is_maximised: true };
        place.save(&file);
        assert_eq!(Place::load(&file), place);
        for damaged in [r#"{ "size": "#, r#"{ "size": [1e9, 500] }"#, r#"{ "size": [1, 1] }"#] {
            std::fs::write(&file, damaged).unwrap();
            assert_eq!(Place::load(&file), Place::default(), "{damaged}");
        }
    }

    #[test]
    fn the_title_says_what_is_open_and_whether_it_is_saved() {
        assert_eq!(title("bloom", false), "bloom — Lumawire");
        assert_eq!(title("bloom", true), "• bloom — Lumawire");
    }
}
