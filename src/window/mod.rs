//! The window on stage: shows the newest picture, letterboxed.

mod painter;

use std::sync::Arc;

use lumawire_core::Services;
use lumawire_runtime::live::{PictureSlot, Stats};
use winit::application::ApplicationHandler;
use winit::dpi::PhysicalSize;
use winit::event::{ElementState, WindowEvent};
use winit::event_loop::{ActiveEventLoop, EventLoop, EventLoopProxy};
use winit::keyboard::{Key, NamedKey};
use winit::monitor::MonitorHandle;
use winit::window::{Fullscreen, Window, WindowId};

use crate::error::CommandError;
use painter::Painter;

/// How a window is to be.
#[derive(Debug, Clone)]
pub struct WindowSettings {
    /// Its title.
    pub title: String,
    /// Its size while it does not fill a screen.
    pub size_px: (u32, u32),
    /// Whether it fills a screen: the one with this number (from 1) or name, or its own.
    pub fullscreen: Option<Option<String>>,
    /// How pictures reach the screen.
    pub present: wgpu::PresentMode,
}

/// What wakes the window.
#[derive(Debug, Clone, Copy)]
pub enum Wake {
    /// A new picture lies in the slot.
    Picture,
    /// The show is over.
    End,
}

/// A screen.
#[derive(Debug, Clone, PartialEq)]
pub struct Monitor {
    /// Its name, as the system says.
    pub name: String,
    /// In pixels.
    pub size_px: (u32, u32),
    /// Pictures a second, where that is known.
    pub refresh_hz: Option<f64>,
}

/// Shows what comes into `slot` until the user closes the window or the show ends. `start` is
/// called once, with what wakes the window, when `services` hold the graphics device that shows the
/// pictures. The space bar calls `tap`.
pub fn show(
    settings: WindowSettings,
    slot: &PictureSlot,
    stats: &Stats,
    services: &Services,
    tap: &dyn Fn(),
    start: impl FnOnce(EventLoopProxy<Wake>) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let event_loop =
        EventLoop::<Wake>::with_user_event().build().map_err(|error| no_display(&error))?;
    let start = Some((start, event_loop.create_proxy()));
    let mut app = App { settings, slot, stats, services, tap, start, opened: None, failed: None };
    event_loop.run_app(&mut app).map_err(|error| no_display(&error))?;
    app.failed.map_or(Ok(()), Err)
}

/// The system's screens, by number.
pub fn monitors() -> Result<Vec<Monitor>, CommandError> {
    struct Lister(Vec<Monitor>);
    impl ApplicationHandler for Lister {
        fn resumed(&mut self, event_loop: &ActiveEventLoop) {
            self.0 = event_loop.available_monitors().map(|m| describe(&m)).collect();
            event_loop.exit();
        }
        fn window_event(&mut self, _: &ActiveEventLoop, _: WindowId, _: WindowEvent) {}
    }
    let event_loop = EventLoop::new().map_err(|error| no_display(&error))?;
    let mut lister = Lister(Vec::new());
    event_loop.run_app(&mut lister).map_err(|error| no_display(&error))?;
    Ok(lister.0)
}

fn describe(monitor: &MonitorHandle) -> Monitor {
    let PhysicalSize { width, height } = monitor.size();
    Monitor {
        name: monitor.name().unwrap_or_default(),
        size_px: (width, height),
        refresh_hz: monitor.refresh_rate_millihertz().map(|mhz| f64::from(mhz) / 1e3),
    }
}

fn no_display(error: &dyn std::fmt::Display) -> CommandError {
    tracing::info!("{error}");
    let why = "no window can be opened: no display answers; --headless needs none";
    CommandError::Usage(why.to_owned())
}

struct App<'a, F> {
    settings: WindowSettings,
    slot: &'a PictureSlot,
    stats: &'a Stats,
    services: &'a Services,
    tap: &'a dyn Fn(),
    start: Option<(F, EventLoopProxy<Wake>)>,
    opened: Option<(Arc<Window>, Painter)>,
    failed: Option<CommandError>,
}

impl<F> App<'_, F>
where
    F: FnOnce(EventLoopProxy<Wake>) -> Result<(), CommandError>,
{
    fn open(&mut self, event_loop: &ActiveEventLoop) -> Result<(), CommandError> {
        let (width, height) = self.settings.size_px;
        let attributes = Window::default_attributes()
            .with_title(&self.settings.title)
            .with_inner_size(PhysicalSize::new(width, height))
            .with_fullscreen(fullscreen(event_loop, &self.settings.fullscreen)?);
        let window = event_loop.create_window(attributes).map_err(|error| no_display(&error))?;
        let window = Arc::new(window);
        window.set_cursor_visible(self.settings.fullscreen.is_none());
        let display = Box::new(event_loop.owned_display_handle());
        let present = self.settings.present;
        let painter = Painter::new(window.clone(), display, present, self.services)?;
        self.opened = Some((window, painter));
        match self.start.take() {
            Some((start, proxy)) => start(proxy),
            None => Ok(()),
        }
    }

    fn key(&mut self, key: &Key, event_loop: &ActiveEventLoop) {
        let Some((window, _)) = &self.opened else { return };
        match key {
            Key::Named(NamedKey::Escape) => event_loop.exit(),
            Key::Named(NamedKey::Space) => (self.tap)(),
            Key::Named(NamedKey::F11) => toggle_fullscreen(window),
            Key::Character(c) if c.eq_ignore_ascii_case("f") => toggle_fullscreen(window),
            _ => {}
        }
    }

    fn paint(&mut self) {
        let Some((_, painter)) = &mut self.opened else { return };
        let picture = self.slot.take();
        if let Some(picture) = &picture {
            painter.upload(&picture.image);
        }
        if painter.paint()
            && let Some(picture) = picture
        {
            self.stats.shown(picture.heard);
        }
    }
}

impl<F> ApplicationHandler<Wake> for App<'_, F>
where
    F: FnOnce(EventLoopProxy<Wake>) -> Result<(), CommandError>,
{
    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        if self.opened.is_some() {
            return;
        }
        if let Err(error) = self.open(event_loop) {
            self.failed = Some(error);
            event_loop.exit();
        }
    }

    fn user_event(&mut self, event_loop: &ActiveEventLoop, wake: Wake) {
        match wake {
            Wake::Picture => {
                if let Some((window, _)) = &self.opened {
                    window.request_redraw();
                }
            }
            Wake::End => event_loop.exit(),
        }
    }

    fn window_event(&mut self, event_loop: &ActiveEventLoop, _: WindowId, event: WindowEvent) {
        match event {
            WindowEvent::CloseRequested => event_loop.exit(),
            WindowEvent::KeyboardInput { event, .. }
                if event.state == ElementState::Pressed && !event.repeat =>
            {
                self.key(&event.logical_key, event_loop);
            }
            WindowEvent::Resized(size) => {
                if let Some((window, painter)) = &mut self.opened {
                    painter.resize((size.width, size.height));
                    window.request_redraw();
                }
            }
            WindowEvent::RedrawRequested => self.paint(),
            _ => {}
        }
    }
}

fn toggle_fullscreen(window: &Window) {
    let fills = window.fullscreen().is_some();
    window.set_fullscreen((!fills).then_some(Fullscreen::Borderless(None)));
    window.set_cursor_visible(fills);
}

/// The screen that was asked for, by number or by a part of its name.
fn fullscreen(
    event_loop: &ActiveEventLoop,
    asked: &Option<Option<String>>,
) -> Result<Option<Fullscreen>, CommandError> {
    let Some(screen) = asked else { return Ok(None) };
    let Some(screen) = screen else { return Ok(Some(Fullscreen::Borderless(None))) };
    let monitors: Vec<_> = event_loop.available_monitors().collect();
    let names: Vec<_> = monitors.iter().map(|m| m.name().unwrap_or_default()).collect();
    let i = monitor_of(&names, screen).ok_or_else(|| {
        let list: Vec<_> = names.iter().zip(1..).map(|(name, i)| format!("{i} ({name})")).collect();
        let list = list.join(", ");
        CommandError::Usage(format!("there is no screen `{screen}`; there are {list}"))
    })?;
    Ok(Some(Fullscreen::Borderless(monitors.get(i).cloned())))
}

/// The index of the screen with this number, from 1, or with a name that contains this.
fn monitor_of(names: &[String], asked: &str) -> Option<usize> {
    if let Ok(number) = asked.parse::<usize>() {
        return number.checked_sub(1).filter(|i| *i < names.len());
    }
    let asked = asked.to_lowercase();
    names.iter().position(|name| name.to_lowercase().contains(&asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn screens_are_found_by_number_and_name() {
        let names = ["eDP-1".to_owned(), "HDMI-1".to_owned()];
        let found = ["1", "2", "hdmi", "3", "0", "VGA"].map(|asked| monitor_of(&names, asked));
        assert_eq!(found, [Some(0), Some(1), Some(1), None, None, None]);
    }
}
