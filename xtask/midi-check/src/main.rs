//! Plugs virtual devices into a JACK server that runs, and checks what is heard of them.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use lumawire_core::control::{Midi, MidiSource, Preset, Score};
use lumawire_runtime::control::Desk;
use lumawire_runtime::control::midi::{Message, MidiEvent, Ports, Session, SystemPorts};
use lumawire_runtime::control::sync::{ClockNews, Conductor, MidiClock};
use midir::os::unix::{VirtualInput, VirtualOutput};
use midir::{MidiInput, MidiOutput};

type Outcome = Result<(), Box<dyn Error>>;

/// Longer than JACK takes to connect and to pass a message on.
const PASSED: Duration = Duration::from_millis(300);
const BPM: f64 = 128.0;
/// JACK hands messages over once a period, of 11 ms: the jitter that the clock must bear.
const MAX_BPM_ERROR: f64 = 1.0;

fn main() -> Outcome {
    devices_come_and_go_and_are_heard()?;
    a_clock_is_followed()?;
    a_control_is_shown_its_value()
}

fn check(is_so: bool, what: &str) -> Outcome {
    println!("{} {what}", if is_so { "ok    " } else { "FAILED" });
    if is_so { Ok(()) } else { Err(what.into()) }
}

fn devices_come_and_go_and_are_heard() -> Outcome {
    let desk = Desk::new(Score::default());
    let (remote, board) = (desk.remote(), desk.board());
    let conductor = Conductor::new(remote.clone(), board.clone());
    let (ports, told) = (Box::new(SystemPorts::open()?), Arc::new(Mutex::new(Vec::new())));
    let tell = {
        let told = told.clone();
        move |event| told.lock().unwrap_or_else(PoisonError::into_inner).push(event)
    };
    let all = || std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner));
    let mut session =
        Session::new(ports, vec!["box".into()], remote.clone(), board, conductor, tell);
    let mut score = Score::default();
    score.presets.insert("p".into(), Preset { program: Some(5), ..Preset::default() });
    session.set_score(Arc::new(score));
    session.learn("a.b".into());
    let name = || "Box:port".to_owned();
    for round in 1..=2 {
        let mut device =
            MidiOutput::new("Box")?.create_virtual("port").map_err(|e| e.to_string())?;
        session.scan();
        check(all() == [MidiEvent::Opened(name())], "a device that is plugged in is opened")?;
        sleep(PASSED);
        for value in 0..100 {
            device.send(&[0xb2, 7, value])?;
        }
        for other in [&[0xc0, 5][..], &[0xf0, 1, 2, 3, 0xf7], &[0xfe]] {
            device.send(other)?;
        }
        sleep(PASSED);
        session.take_all();
        session.give_back(Instant::now() + Duration::from_secs(5));
        check(remote.counts().num_sent == round, "its program recalls a preset, once")?;
        let midi = Midi { device: Some(name()), channel: Some(3), source: MidiSource::Cc(7) };
        let learnt = MidiEvent::Learnt("a.b".into(), midi);
        let expected = if round == 1 { vec![learnt] } else { Vec::new() };
        check(all() == expected, "its fader is learnt, once")?;
        device.close();
        sleep(PASSED);
        session.scan();
        check(all() == [MidiEvent::Lost(name())], "a device that is pulled out is gone")?;
    }
    Ok(())
}

/// What a clock said, and the clock.
#[derive(Default)]
struct Heard {
    clock: MidiClock,
    news: Vec<ClockNews>,
}

fn a_clock_is_followed() -> Outcome {
    let mut ports = SystemPorts::open()?;
    let mut device = MidiOutput::new("Clock")?.create_virtual("port").map_err(|e| e.to_string())?;
    let found = ports.inputs()?.into_iter().find(|port| port.name.contains("Clock"));
    let heard = Arc::new(Mutex::new(Heard::default()));
    let take = {
        let heard = heard.clone();
        move |at: Duration, bytes: &[u8]| {
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            let news = Message::parse(bytes).and_then(|message| heard.clock.hear(at, &message));
            heard.news.extend(news);
        }
    };
    let _input = ports.open_input(&found.ok_or("the clock is not listed")?, Box::new(take))?;
    sleep(PASSED);
    device.send(&[0xfa])?;
    let start = Instant::now();
    for tick in 0..24 * 20 {
        let due = start + Duration::from_secs_f64(f64::from(tick) * 60.0 / BPM / 24.0);
        sleep(due.saturating_duration_since(Instant::now()));
        device.send(&[0xf8])?;
    }
    sleep(PASSED);
    let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    let settled = heard.news.get(12..).unwrap_or_default();
    let worst = settled.iter().map(|news| (news.bpm - BPM).abs()).fold(0.0, f64::max);
    println!("{} news of the clock, at most {worst:.2} bpm off", heard.news.len());
    check(!settled.is_empty() && worst < MAX_BPM_ERROR, "a clock's tempo is found")?;
    let last = heard.news.last().map_or(0.0, |news| news.beats);
    check((19.5..20.0).contains(&last), "a clock's beats are counted")
}

fn a_control_is_shown_its_value() -> Outcome {
    let got = Arc::new(Mutex::new(Vec::new()));
    let take = {
        let got = got.clone();
        move |_, bytes: &[u8], (): &mut ()| {
            got.lock().unwrap_or_else(PoisonError::into_inner).push(bytes.to_vec());
        }
    };
    let device = MidiInput::new("Fader")?.create_virtual("port", take, ());
    let _device = device.map_err(|e| e.to_string())?;
    let mut ports = SystemPorts::open()?;
    let found = ports.outputs()?.into_iter().find(|port| port.name.contains("Fader"));
    let mut output = ports.open_output(&found.ok_or("the fader is not listed")?)?;
    sleep(PASSED);
    let sent = Message::feedback(MidiSource::Cc14(7), 1, 0.25);
    for bytes in &sent {
        output.send(bytes)?;
    }
    sleep(PASSED);
    let got = got.lock().unwrap_or_else(PoisonError::into_inner);
    check(*got == sent, "a motor fader gets its value")
}
