use std::rc::Rc;

use egui::{Event as Input, Modifiers, PointerButton, Pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use lumawire_core::{Edit, Mode, ParamValue};
use lumawire_runtime::live::{Device, Direction, Format};

use super::player::tests::Fake;
use super::testing::{document, kit, with_cx};
use super::wave::tests::write_wav;
use super::*;
use crate::kit::Kit;

/// A file that is dropped.
#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &std::path::Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        Err("never read".into())
    }
}

struct Stage {
    /// Dropped files that the transport has left to others.
    num_left: usize,
    transport: Transport,
    kit: Kit,
    document: Document,
    player: Rc<Fake>,
    commands: Vec<Command>,
}

fn devices() -> Vec<Device> {
    let format = Some(Format { rate_hz: std::num::NonZero::<u32>::MIN, num_channels: 2 });
    let device = |name: &str, direction, is_monitor| Device {
        name: format!("hw:{name}"),
        label: name.into(),
        direction,
        is_monitor,
        is_default: false,
        format,
    };
    vec![
        device("Mixer", Direction::Input, false),
        device("Desk", Direction::Input, true),
        device("Phones", Direction::Output, false),
    ]
}

/// Ten seconds of sound on a window of 1000 points.
fn stage(folder: &tempfile::TempDir) -> Harness<'static, Stage> {
    let path = folder.path().join("song.wav");
    let samples: Vec<i16> = (0..80_000).map(|i| ((i % 100) * 300 - 15_000) as i16).collect();
    write_wav(&path, 8_000, 1, &samples);
    let mut transport = Transport { source: Source::listing(devices), ..Transport::default() };
    transport.set_sound(Sound::File { path, output: None });
    let kit = kit();
    let document = document(&kit);
    let player = Rc::new(Fake::of(10.0));
    let commands = Vec::new();
    let stage = Stage { num_left: 0, transport, kit, document, player, commands };
    let size = egui::vec2(1000.0, 400.0);
    let mut harness = Harness::builder().with_size(size).build_ui_state(
        |ui, stage: &mut Stage| {
            let Stage { num_left, transport, kit, document, player, commands } = stage;
            let asked = with_cx(kit, document, |cx| transport.draw(ui, cx, Some(player.as_ref())));
            *num_left += ui.input(|i| i.raw.dropped_files.len());
            commands.extend(asked);
        },
        stage,
    );
    harness.run_steps(3);
    harness
}

fn take(harness: &mut Harness<'_, Stage>) -> Vec<String> {
    let commands = std::mem::take(&mut harness.state_mut().commands);
    commands.iter().map(|command| format!("{command:?}")).collect()
}

fn button(pos: Pos2, button: PointerButton, pressed: bool, modifiers: Modifiers) -> Input {
    Input::PointerButton { pos, button, pressed, modifiers }
}

/// Presses at one place and lets go at another.
fn drag(harness: &mut Harness<'_, Stage>, from: Pos2, to: Pos2, modifiers: Modifiers) {
    harness.event(Input::PointerMoved(from));
    harness.run_steps(1);
    harness.event_modifiers(button(from, PointerButton::Primary, true, modifiers), modifiers);
    harness.run_steps(1);
    for i in 1..=4 {
        let at = from + (to - from) * (i as f32 / 4.0);
        harness.event_modifiers(Input::PointerMoved(at), modifiers);
        harness.run_steps(1);
    }
    harness.event_modifiers(button(to, PointerButton::Primary, false, modifiers), modifiers);
    harness.run_steps(2);
}

/// The body of the timeline, and the place of a share of it.
fn place(harness: &Harness<'_, Stage>, share: f32) -> Pos2 {
    let rect = harness.get_by_label_contains("Position").rect();
    egui::pos2(rect.left() + share * rect.width(), rect.top() + 12.0)
}

#[test]
fn a_click_goes_there_and_a_drag_to_where_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = stage(&folder);
    let at = place(&harness, 0.5);
    drag(&mut harness, at, at, Modifiers::NONE);
    assert_eq!(harness.state().player.take(), ["seek 5.00"]);
    let (from, to) = (place(&harness, 0.25), place(&harness, 0.75));
    drag(&mut harness, from, to, Modifiers::NONE);
    assert_eq!(harness.state().player.take(), ["seek 7.50"]);
}

#[test]
fn shift_drags_a_loop_whose_ends_can_be_moved() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = stage(&folder);
    let (from, to) = (place(&harness, 0.6), place(&harness, 0.2));
    drag(&mut harness, from, to, Modifiers::SHIFT);
    assert_eq!(harness.state().player.take(), ["loop 2.00 to 6.00", "repeats true"]);
    let (from, to) = (place(&harness, 0.6), place(&harness, 0.8));
    drag(&mut harness, from, to, Modifiers::NONE);
    assert_eq!(harness.state().player.take(), ["loop 2.00 to 8.00", "repeats true"]);
    assert_eq!(
        harness.state().transport.region_secs().map(|(a, b)| (a.round(), b.round())),
        Some((2.0, 8.0))
    );
    let at = place(&harness, 0.5);
    for pressed in [true, false] {
        harness.event(Input::PointerMoved(at));
        harness.event(button(at, PointerButton::Secondary, pressed, Modifiers::NONE));
        harness.run_steps(1);
    }
    assert_eq!(harness.state().player.take(), ["no loop", "repeats true"]);
    assert_eq!(harness.state().transport.region_secs(), None);
}

#[test]
fn the_wheel_zooms_about_the_pointer() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = stage(&folder);
    let at = place(&harness, 0.5);
    harness.event(Input::PointerMoved(at));
    let (unit, delta) = (egui::MouseWheelUnit::Point, egui::vec2(0.0, 160.0));
    let (phase, modifiers) = (egui::TouchPhase::Move, Modifiers::NONE);
    let source = egui::MouseWheelSource::Wheel;
    harness.event(Input::MouseWheel { unit, delta, phase, modifiers, source });
    harness.run_steps(30);
    // Half a second stays in the middle; a quarter of the width is now less than 2.5 seconds.
    let (from, to) = (place(&harness, 0.5), place(&harness, 0.75));
    drag(&mut harness, from, from, Modifiers::NONE);
    drag(&mut harness, to, to, Modifiers::NONE);
    let told = harness.state().player.take();
    let secs: Vec<f64> =
        told.iter().map(|t| t.trim_start_matches("seek ").parse().unwrap()).collect();
    assert!((secs[0] - 5.0).abs() < 0.05 && (5.5..7.0).contains(&secs[1]), "{told:?}");
}

#[test]
fn buttons_and_cues_ask_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = stage(&folder);
    for label in ["Pause", "Loop", "To the beginning", "Cue storm", "Blackout", "Freeze"] {
        harness.get_by_label(label).click();
        harness.run_steps(2);
    }
    let set = |target: &str| {
        let target = format!("video_1.{target}");
        Command::Send(Event::Set { target, value: ParamValue::Bool(true) })
    };
    let expected = [
        Command::Do(Action::PlayPause),
        Command::Do(Action::Loop),
        Command::Do(Action::Rewind),
        Command::Send(Event::Cue { name: "storm".into() }),
        set("blackout"),
        set("freeze"),
    ];
    assert_eq!(take(&mut harness), expected.map(|command| format!("{command:?}")));
}

#[test]
fn the_output_that_runs_is_steered() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = stage(&folder);
    let document = &mut harness.state_mut().document;
    let node = document.graph().node("video_1").unwrap().clone();
    let add = Edit::AddNode { id: "video_2".into(), node, at: None };
    document.apply(add, "Add", None).unwrap();
    let mute = Edit::SetMode { node: "video_1".into(), mode: Mode::Muted };
    document.apply(mute, "Mute", None).unwrap();
    harness.run_steps(1);
    harness.get_by_label("Blackout").click();
    harness.run_steps(2);
    let asked = take(&mut harness);
    assert!(asked.len() == 1 && asked[0].contains("video_2.blackout"), "{asked:?}");
}

#[test]
fn the_fader_sends_where_it_is_dragged() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = stage(&folder);
    let rect = harness.get_by_label("Master").rect();
    let middle = rect.left_center() + egui::vec2(rect.width() * 0.25, 0.0);
    drag(&mut harness, rect.center(), middle, Modifiers::NONE);
    let Some(Command::Send(Event::Set { target, value })) = harness.state().commands.last() else {
        panic!("{:?}", harness.state().commands);
    };
    assert_eq!(target, "video_1.level");
    assert!((value.as_f64().unwrap() - 0.25).abs() < 0.01);
}

#[test]
fn another_player_of_the_same_file_gets_the_loop() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = stage(&folder);
    let (from, to) = (place(&harness, 0.6), place(&harness, 0.2));
    drag(&mut harness, from, to, Modifiers::SHIFT);
    harness.state_mut().player = Rc::new(Fake::of(10.0));
    let Sound::File { path, .. } = harness.state().transport.sound().clone() else { panic!() };
    let elsewhere = Sound::File { path, output: Some("hw:Phones".into()) };
    harness.state_mut().transport.set_sound(elsewhere);
    harness.run_steps(2);
    assert_eq!(harness.state().player.take(), ["loop 2.00 to 6.00", "repeats true"]);
    harness.state_mut().transport.set_sound(Sound::Silence);
    assert_eq!(harness.state().transport.region_secs(), None);
}

#[test]
fn a_narrow_window_still_offers_the_sources() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = stage(&folder);
    harness.set_size(egui::vec2(600.0, 120.0));
    harness.run_steps(2);
    let button = harness.get_by_label("Source: song.wav").rect();
    let wave = harness.get_by_label_contains("Position").rect();
    assert!(button.bottom() <= wave.top() && wave.height() > 40.0, "{button} {wave}");
}

#[test]
fn a_sound_that_is_dropped_on_the_transport_is_taken_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = stage(&folder);
    let at = place(&harness, 0.5);
    harness.hover_at(at);
    harness.run_steps(1);
    let path = folder.path().join("other.wav");
    harness.input_mut().dropped_files.push(std::sync::Arc::new(Dropped(path.clone())));
    harness.run_steps(1);
    let heard = Command::Hear(Sound::File { path, output: None });
    assert_eq!(take(&mut harness), [format!("{heard:?}")]);
    assert_eq!(harness.state().num_left, 0);
}

#[test]
fn devices_are_listed_and_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = stage(&folder);
    harness.get_by_label("Source: song.wav").click();
    for _ in 0..200 {
        harness.run_steps(1);
        if harness.query_by_label("Mixer").is_some() {
            break;
        }
        std::thread::yield_now();
    }
    assert!(harness.query_by_label("Phones").is_none());
    harness.get_by_label_contains("hears an output").click();
    harness.run_steps(2);
    let heard = Command::Hear(Sound::Input(Some("hw:Desk".into())));
    assert_eq!(take(&mut harness), [format!("{heard:?}")]);
}

#[test]
fn actions_steer_the_player() {
    let player = Fake::of(60.0);
    let mut transport = Transport::default();
    for action in [Action::PlayPause, Action::Rewind, Action::Back, Action::Forward, Action::Loop] {
        assert!(transport.steer(action, Some(&player)));
        assert!(transport.steer(action, None));
    }
    // The loop was turned off with a player, and on without one.
    let expected =
        ["paused true", "seek 0.00", "seek by -5", "seek by 5", "no loop", "repeats false"];
    assert_eq!(player.take(), expected);
    let document = document(&kit());
    assert!(transport.act(Action::Blackout, None, &document));
    assert!(!transport.act(Action::Save, None, &document));
}
