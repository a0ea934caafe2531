//! The choice of what is heard, and of where a sound file is played.

use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, bounded};
use egui::{Button, RichText, Ui};
use lumawire_runtime::live::{Device, Direction};

use crate::command::Command;
use crate::files::Ask;
use crate::session::Sound;
use crate::theme;

/// Height of the source's button.
pub const BUTTON_PT: f32 = 22.0;
/// How often the devices are listed anew while a menu is open.
const REFRESH_SECS: f64 = 3.0;

/// The menus of sources and outputs.
pub struct Source {
    list: fn() -> Vec<Device>,
    devices: Option<Vec<Device>>,
    listed_at_secs: f64,
    coming: Option<Receiver<Vec<Device>>>,
}

impl Default for Source {
    fn default() -> Self {
        Self::listing(lumawire_runtime::live::devices)
    }
}

/// Whether a file looks like a sound that can be opened.
pub fn is_sound(path: &Path) -> bool {
    const ENDS: [&str; 12] =
        ["wav", "aif", "aiff", "flac", "mp3", "ogg", "oga", "aac", "m4a", "mp4", "wave", "caf"];
    let end = path.extension().map(|end| end.to_string_lossy().to_lowercase());
    end.is_some_and(|end| ENDS.contains(&end.as_str()))
}

/// What the button says of a sound.
pub fn name_of(sound: &Sound) -> String {
    match sound {
        Sound::Silence => "Silence".into(),
        Sound::Input(None) => "Default input".into(),
        Sound::Input(Some(name)) => name.clone(),
        Sound::File { path, .. } => {
            path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
        }
    }
}

impl Source {
    /// Menus over the devices that `list` finds, which is called on a thread.
    pub fn listing(list: fn() -> Vec<Device>) -> Self {
        Self { list, devices: None, listed_at_secs: f64::MIN, coming: None }
    }

    /// Draws both buttons, and asks for what is chosen.
    pub fn show(&mut self, ui: &mut Ui, sound: &Sound, commands: &mut Vec<Command>) {
        self.show_source(ui, sound, commands);
        self.show_output(ui, sound, commands);
    }

    /// Draws the button of the source.
    pub fn show_source(&mut self, ui: &mut Ui, sound: &Sound, commands: &mut Vec<Command>) {
        let width = ui.available_width();
        let label = self.label_of(&name_of(sound), Direction::Input);
        let button = Button::new(label).truncate().min_size(egui::vec2(width, BUTTON_PT));
        let (response, _) = egui::containers::menu::MenuButton::from_button(button)
            .ui(ui, |ui| self.sources(ui, sound, commands));
        named(&response, "Source", &name_of(sound))
            .on_hover_text("What the show hears: a sound file, a device, or nothing.");
    }

    fn show_output(&mut self, ui: &mut Ui, sound: &Sound, commands: &mut Vec<Command>) {
        let width = ui.available_width();
        if let Sound::File { path, output } = sound {
            let name = output.clone().unwrap_or_else(|| "Default output".into());
            let label = RichText::new(format!("to {}", self.label_of(&name, Direction::Output)));
            let label = label.size(11.0).color(theme::FAINT);
            let button = Button::new(label).truncate().min_size(egui::vec2(width, 18.0));
            let (response, _) = egui::containers::menu::MenuButton::from_button(button)
                .ui(ui, |ui| self.outputs(ui, path, output.as_deref(), commands));
            named(&response, "Output device", &name)
                .on_hover_text("Where the sound file is played.");
        }
    }

    fn sources(&mut self, ui: &mut Ui, sound: &Sound, commands: &mut Vec<Command>) {
        ui.set_min_width(280.0);
        if ui.button("Sound file…").clicked() {
            commands.push(Command::Ask(Ask::Sound));
            ui.close();
        }
        ui.separator();
        self.refresh(ui);
        let mut chosen = None;
        let default = Sound::Input(None);
        if ui.selectable_label(*sound == default, "Default input").clicked() {
            chosen = Some(default);
        }
        for device in self.of(Direction::Input) {
            let now = Sound::Input(Some(device.name.clone()));
            if row(ui, device, *sound == now) {
                chosen = Some(now);
            }
        }
        self.note(ui, Direction::Input);
        ui.separator();
        if ui.selectable_label(*sound == Sound::Silence, "Silence").clicked() {
            chosen = Some(Sound::Silence);
        }
        if let Some(sound) = chosen {
            commands.push(Command::Hear(sound));
            ui.close();
        }
    }

    fn outputs(
        &mut self,
        ui: &mut Ui,
        path: &Path,
        output: Option<&str>,
        commands: &mut Vec<Command>,
    ) {
        ui.set_min_width(240.0);
        self.refresh(ui);
        let mut chosen = None;
        if ui.selectable_label(output.is_none(), "Default output").clicked() {
            chosen = Some(None);
        }
        for device in self.of(Direction::Output) {
            if row(ui, device, output == Some(device.name.as_str())) {
                chosen = Some(Some(device.name.clone()));
            }
        }
        self.note(ui, Direction::Output);
        if let Some(output) = chosen {
            commands.push(Command::Hear(Sound::File { path: path.to_owned(), output }));
            ui.close();
        }
    }

    fn of(&self, direction: Direction) -> impl Iterator<Item = &Device> {
        self.devices.iter().flatten().filter(move |device| device.direction == direction)
    }

    fn note(&self, ui: &mut Ui, direction: Direction) {
        if self.devices.is_none() {
            ui.label(RichText::new("Looking for devices…").size(11.0).color(theme::FAINT));
        } else if self.of(direction).next().is_none() {
            ui.label(RichText::new("The system has none.").size(11.0).color(theme::FAINT));
        }
    }

    /// What people call a device.
    fn label_of(&self, name: &str, direction: Direction) -> String {
        let found = self.of(direction).find(|device| device.name == name);
        found.map_or_else(|| name.to_owned(), |device| device.label.clone())
    }

    /// Lists the devices anew, on a thread, every few seconds.
    fn refresh(&mut self, ui: &Ui) {
        if let Some(devices) = self.coming.as_ref().and_then(|coming| coming.try_recv().ok()) {
            (self.devices, self.coming) = (Some(devices), None);
        }
        let now_secs = ui.input(|i| i.time);
        ui.ctx().request_repaint_after_secs(REFRESH_SECS as f32);
        if self.coming.is_some() || now_secs - self.listed_at_secs < REFRESH_SECS {
            return;
        }
        self.listed_at_secs = now_secs;
        let (send, receive) = bounded(1);
        let (list, ctx) = (self.list, ui.ctx().clone());
        let work = move || {
            // Nobody waits any more where the window is gone.
            let _ = send.send(list());
            ctx.request_repaint();
        };
        if std::thread::Builder::new().name("lumawire-devices".into()).spawn(work).is_ok() {
            self.coming = Some(receive);
        }
    }
}

/// A file in place of what is heard, through the same output.
pub fn with_file(sound: &Sound, path: PathBuf) -> Sound {
    let output = match sound {
        Sound::File { output, .. } => output.clone(),
        _ => None,
    };
    Sound::File { path, output }
}

fn row(ui: &mut Ui, device: &Device, is_chosen: bool) -> bool {
    let mut marks = Vec::new();
    if device.is_monitor {
        marks.push("hears an output");
    }
    if device.is_default {
        marks.push("default");
    }
    if device.format.is_none() {
        marks.push("cannot be opened now");
    }
    let label = match marks.as_slice() {
        [] => device.label.clone(),
        marks => format!("{}   ({})", device.label, marks.join(", ")),
    };
    ui.selectable_label(is_chosen, label).on_hover_text(&device.name).clicked()
}

fn named(response: &egui::Response, what: &str, value: &str) -> egui::Response {
    let says = format!("{what}: {value}");
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::accesskit::Role::Button, true, says.clone())
    });
    response.clone()
}
