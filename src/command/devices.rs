//! `lumawire devices`: what there is to hear, to play through, and to show on.

use std::process::ExitCode;

use lumawire_runtime::live::{Device, Direction, devices};

use crate::error::CommandError;
use crate::settings::Settings;
use crate::window;

/// Lists sound devices and screens.
pub fn run() -> Result<ExitCode, CommandError> {
    let chosen = Settings::path().map(|path| Settings::load(&path)).transpose()?;
    let chosen = chosen.and_then(|settings| settings.audio.input);
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
