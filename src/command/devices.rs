//! `lumawire devices`: what there is to hear, to play through, to steer by, and to show on.

use std::process::ExitCode;

use lumawire_runtime::control::midi::{PortInfo, Ports, SystemPorts, stable_name};
use lumawire_runtime::live::{Device, Direction, devices};

use crate::error::CommandError;
use crate::settings::Settings;
use crate::window;

/// Lists sound devices, MIDI ports and screens.
pub fn run() -> Result<ExitCode, CommandError> {
    let chosen = Settings::path().map(|path| Settings::load(&path)).transpose()?;
    let (chosen, midi_inputs) =
        chosen.map(|settings| (settings.audio.input, settings.midi.inputs)).unwrap_or_default();
    let devices = devices();
    for (title, direction) in [("Inputs", Direction::Input), ("Outputs", Direction::Output)] {
        println!("{title}");
        let mut is_empty = true;
        for device in devices.iter().filter(|device| device.direction == direction) {
            let is_chosen = direction == Direction::Input
                && chosen.as_ref().is_some_and(|chosen| device.is_called(chosen));
            println!("  {}", line(device, is_chosen));
            is_empty = false;
        }
        if is_empty {
            println!("  none");
        }
    }
    list_midi(&midi_inputs);
    println!("Screens");
    match window::monitors() {
        Ok(monitors) => {
            for (monitor, number) in monitors.iter().zip(1..) {
                let (width, height) = monitor.size_px;
                let rate = monitor.refresh_hz.map(|hz| format!(", {hz:.0} Hz")).unwrap_or_default();
                println!("  {number}  {}  {width}x{height}{rate}", monitor.name);
            }
        }
        Err(_) => println!("  none: there is no display"),
    }
    Ok(ExitCode::SUCCESS)
}

fn list_midi(chosen: &[String]) {
    let mut ports = SystemPorts::open();
    let mut list = |title: &str, of: fn(&mut SystemPorts) -> Result<Vec<PortInfo>, String>| {
        println!("{title}");
        match ports.as_mut().map_err(|reason| reason.clone()).and_then(of) {
            Ok(found) if found.is_empty() => println!("  none"),
            Ok(found) => found.iter().for_each(|port| {
                let name = stable_name(&port.name);
                let is_chosen = |c: &String| name.to_lowercase().contains(&c.to_lowercase());
                let mark = if chosen.iter().any(is_chosen) { "  (chosen)" } else { "" };
                println!("  {name}{mark}");
            }),
            Err(reason) => println!("  none: {reason}"),
        }
    };
    list("MIDI inputs", |ports| ports.inputs());
    list("MIDI outputs", |ports| ports.outputs());
}

fn line(device: &Device, is_chosen: bool) -> String {
    let mut notes = vec![device.label.clone()];
    match device.format {
        Some(format) => {
            notes.push(format!("{} Hz", format.rate_hz));
            notes.push(format!("{} channels", format.num_channels));
        }
        None => notes.push("cannot be opened now".to_owned()),
    }
    let marks = [
        (device.is_monitor, "hears an output"),
        (device.is_default, "default"),
        (is_chosen, "chosen"),
    ];
    notes.extend(marks.iter().filter(|(is, _)| *is).map(|(_, mark)| (*mark).to_owned()));
    format!("{}  ({})", device.name, notes.join(", "))
}
