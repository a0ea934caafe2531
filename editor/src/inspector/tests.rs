//! What a hand does to the inspector, and what comes of it.

use egui::accesskit::Role;
use egui::{Event, Key, Modifiers, Pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use lumawire_core::{Edit, Group, Mode, ParamValue};
use lumawire_runtime::control::Event as ShowEvent;

use super::testing::{Bench, harness};
use crate::Command;
use crate::files::Ask;

type Bench320 = Harness<'static, Bench>;

/// Drags a control by so many points, in five moves, with these keys held.
fn drag(harness: &mut Bench320, label: &str, points: f32, modifiers: Modifiers) {
    let from = harness.get_by_role_and_label(Role::Slider, label).rect().center();
    harness.event(Event::ModifiersChanged(modifiers));
    harness.hover_at(from);
    harness.step();
    harness.drag_at(from);
    harness.step();
    for i in 1..=5 {
        harness.hover_at(from + vec2(points * i as f32 / 5.0, 0.0));
        harness.step();
    }
    harness.drop_at(from + vec2(points, 0.0));
    harness.event(Event::ModifiersChanged(Modifiers::NONE));
    harness.run_ok();
}

fn double_click(harness: &mut Bench320, at: Pos2) {
    // Long enough after the last click that it is no third one.
    harness.run_steps(30);
    harness.hover_at(at);
    for pressed in [true, false, true, false] {
        let button = egui::PointerButton::Primary;
        let modifiers = Modifiers::NONE;
        harness.event(Event::PointerButton { pos: at, button, pressed, modifiers });
    }
    harness.run_ok();
}

/// Types over a number.
fn enter(harness: &mut Bench320, label: &str, text: &str) {
    let at = harness.get_by_role_and_label(Role::Slider, label).rect().center();
    double_click(harness, at);
    harness.get_by_role_and_label(Role::TextInput, label).type_text(text);
    harness.run_ok();
    harness.key_press(Key::Enter);
    harness.run_ok();
}

fn float(harness: &Bench320, node: &str, param: &str) -> Option<f64> {
    harness.state().param(node, param).and_then(ParamValue::as_f64)
}

/// Width of the sliders at 320 points, from the columns of a row.
fn rail_width(harness: &Bench320) -> f32 {
    let rect = harness.get_by_role_and_label(Role::Slider, "Radius").rect();
    // The number's column, with the gap before it.
    rect.width() - 62.0
}

#[test]
fn a_drag_moves_by_its_share_of_the_slider_in_one_gesture() {
    let mut harness = harness(&["bloom_1"]);
    let points = rail_width(&harness) / 4.0;
    drag(&mut harness, "Intensity", points, Modifiers::NONE);
    let v = float(&harness, "bloom_1", "intensity").unwrap();
    assert!((v - 0.5).abs() < 0.02, "{v}");
    let gestures: Vec<_> = harness.state().edits().iter().map(|(_, gesture)| *gesture).collect();
    assert!(gestures.len() > 1 && gestures.iter().all(|g| g.is_some() && *g == gestures[0]));
    harness.state_mut().document.undo().unwrap();
    assert_eq!(float(&harness, "bloom_1", "intensity"), None);
}

#[test]
fn a_drag_with_shift_is_ten_times_finer_and_with_control_snaps() {
    let mut harness = harness(&["bloom_1"]);
    let points = rail_width(&harness) / 2.0;
    drag(&mut harness, "Intensity", points, Modifiers::SHIFT);
    let v = float(&harness, "bloom_1", "intensity").unwrap();
    assert!((v - 0.1).abs() < 0.005, "{v}");
    drag(&mut harness, "Knee", points * 0.47, Modifiers::CTRL);
    let v = float(&harness, "bloom_1", "knee").unwrap();
    assert!(v > 0.5 && (v * 10.0 - (v * 10.0).round()).abs() < 1e-9, "{v}");
}

#[test]
fn a_drag_of_what_must_be_rebuilt_counts_once_at_its_end() {
    let mut harness = harness(&["stft_1"]);
    drag(&mut harness, "Hop", 30.0, Modifiers::NONE);
    assert_eq!(harness.state().edits().len(), 1);
    assert!(float(&harness, "stft_1", "hop").is_some_and(|v| v > 512.0 && v.fract() == 0.0));
}

#[test]
fn a_press_without_a_move_changes_nothing() {
    let mut harness = harness(&["bloom_1"]);
    harness.get_by_role_and_label(Role::Slider, "Knee").click();
    harness.run_ok();
    drag(&mut harness, "Knee", 0.0, Modifiers::NONE);
    assert!(harness.state().edits().is_empty());
}

#[test]
fn typed_numbers_may_leave_the_slider_but_not_the_guard() {
    let mut harness = harness(&["bloom_1"]);
    enter(&mut harness, "Intensity", "7.5");
    assert_eq!(float(&harness, "bloom_1", "intensity"), Some(7.5));
    assert!(harness.state().told().is_empty());
    enter(&mut harness, "Intensity", "1000");
    assert_eq!(float(&harness, "bloom_1", "intensity"), Some(100.0));
    assert_eq!(harness.state().told(), ["Intensity goes from 0 to 100"]);
    enter(&mut harness, "Angle", "90°");
    let angle = float(&harness, "bloom_1", "angle_radians").unwrap();
    assert!((angle - std::f64::consts::FRAC_PI_2).abs() < 1e-6, "{angle}");
}

#[test]
fn what_is_no_number_is_refused_in_place_and_escape_gives_up() {
    let mut harness = harness(&["bloom_1"]);
    enter(&mut harness, "Knee", "soft");
    assert!(harness.state().edits().is_empty());
    harness.get_by_role_and_label(Role::TextInput, "Knee");
    harness.get_by_label_contains("is no number");
    harness.key_press(Key::Escape);
    harness.run_ok();
    assert!(harness.query_by_role_and_label(Role::TextInput, "Knee").is_none());
    assert!(harness.state().edits().is_empty());
}

#[test]
fn arrows_step_a_number_that_has_the_focus_and_delete_resets_it() {
    let mut harness = harness(&["bloom_1"]);
    harness.get_by_role_and_label(Role::Slider, "Knee").focus();
    harness.run_ok();
    harness.key_press(Key::ArrowRight);
    harness.run_ok();
    assert_eq!(float(&harness, "bloom_1", "knee"), Some(0.51));
    harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowLeft);
    harness.run_ok();
    assert_eq!(float(&harness, "bloom_1", "knee"), Some(0.509));
    harness.key_press(Key::Delete);
    harness.run_ok();
    assert_eq!(float(&harness, "bloom_1", "knee"), None);
}

#[test]
fn a_double_click_on_the_name_returns_to_the_default() {
    let mut harness = harness(&["walk_2"]);
    assert_eq!(float(&harness, "walk_2", "speed"), Some(0.75));
    let at = harness.get_by_label("Reset Speed").rect().center();
    double_click(&mut harness, at);
    assert_eq!(float(&harness, "walk_2", "speed"), None);
    let at = harness.get_by_label("Reset Speed").rect().center();
    double_click(&mut harness, at);
    assert_eq!(harness.state().edits().len(), 1);
}

#[test]
fn switches_and_choices_are_clicked() {
    let mut harness = harness(&["bloom_1"]);
    harness.get_by_role_and_label(Role::CheckBox, "Tinted").click();
    harness.run_ok();
    assert_eq!(harness.state().param("bloom_1", "tinted"), Some(&ParamValue::Bool(true)));
    let mut harness = super::testing::harness(&["walk_1"]);
    harness.get_by_label("Mode: vector").click();
    harness.run_ok();
    assert_eq!(harness.state().param("walk_1", "mode"), Some(&"vector".into()));
    let mut harness = super::testing::harness(&["stft_1"]);
    harness.get_by_role_and_label(Role::ComboBox, "Window").click();
    harness.run_ok();
    harness.get_by_label("blackman").click();
    harness.run_ok();
    assert_eq!(harness.state().param("stft_1", "window"), Some(&"blackman".into()));
}

#[test]
fn momentary_parameters_are_pressed_and_leave_the_patch_alone() {
    let mut harness = harness(&["text_1"]);
    harness.get_by_role_and_label(Role::Button, "Presses").click();
    harness.run_ok();
    let sent: Vec<_> = harness.state().commands.iter().collect();
    let press = |c: &&&Command| matches!(c, Command::Send(ShowEvent::Press { target, hits: 1 }) if target == "text_1.presses");
    assert_eq!(sent.iter().filter(press).count(), 1);
    assert!(harness.state().edits().is_empty());
}

#[test]
fn text_is_typed_and_files_are_chosen() {
    let mut harness = harness(&["text_1"]);
    let field = harness.get_by_role_and_label(Role::TextInput, "Text");
    field.focus();
    harness.run_ok();
    harness.get_by_role_and_label(Role::TextInput, "Text").type_text("!");
    harness.run_ok();
    harness.key_press(Key::Enter);
    harness.run_ok();
    assert_eq!(harness.state().param("text_1", "text"), Some(&"Lumawire!".into()));
    harness.get_by_label("Choose Font").click();
    harness.run_ok();
    let is_choice = |c: &Command| matches!(c, Command::ChooseFile { node, param, .. } if node == "text_1" && param == "font");
    assert!(harness.state().commands.iter().any(is_choice));
}

#[test]
fn what_is_typed_stays_when_a_field_above_is_pressed() {
    let mut harness = harness(&[]);
    harness.get_by_role_and_label(Role::MultilineTextInput, "Description").focus();
    harness.run_ok();
    harness.get_by_role_and_label(Role::MultilineTextInput, "Description").type_text("Slow tides");
    harness.run_ok();
    harness.get_by_role_and_label(Role::TextInput, "Title").click();
    harness.run_ok();
    assert_eq!(harness.state().document.graph().about().description, "Slow tides");
    harness.get_by_role_and_label(Role::TextInput, "Title").type_text("Tides");
    harness.run_ok();
    harness.key_press(Key::Enter);
    harness.run_ok();
    assert_eq!(harness.state().document.graph().about().title, "Tides");
    assert_eq!(harness.state().document.graph().about().description, "Slow tides");
}

/// What was sent to the switch that is held.
fn sent_to_held(harness: &Bench320) -> Vec<bool> {
    let sent = harness.state().commands.iter().filter_map(|command| match command {
        Command::Send(ShowEvent::Set { target, value }) if target == "text_1.held" => {
            Some(*value == ParamValue::Bool(true))
        }
        _ => None,
    });
    sent.collect()
}

#[test]
fn a_held_switch_is_let_go_when_its_row_goes() {
    let mut harness = harness(&["text_1"]);
    harness.get_by_label("Held").scroll_to_me();
    harness.run_ok();
    let at = harness.get_by_label("Held").rect().center();
    harness.hover_at(at);
    harness.step();
    harness.drag_at(at);
    harness.step();
    harness.step();
    assert_eq!(sent_to_held(&harness), [true]);
    harness.state_mut().selection.clear();
    harness.step();
    assert_eq!(sent_to_held(&harness), [true, false]);
    harness.step();
    assert_eq!(sent_to_held(&harness), [true, false]);
}

#[test]
fn a_file_is_chosen_for_all_selected_nodes() {
    let mut harness = harness(&["text_1"]);
    let add = |node| Edit::AddNode { id: "text_2".into(), node, at: None };
    let text = harness.state().document.graph().node("text_1").unwrap().clone();
    harness.state_mut().document.apply(add(text), "Add", None).unwrap();
    harness.state_mut().selection = ["text_1".to_owned(), "text_2".to_owned()].into();
    harness.run_ok();
    harness.get_by_label("Choose Font").click();
    harness.run_ok();
    let is_choice = |c: &Command| matches!(c, Command::Ask(Ask::Shared { nodes, param, .. }) if nodes == &["text_1", "text_2"] && param == "font");
    assert!(harness.state().commands.iter().any(is_choice));
}

#[test]
fn many_parameters_are_found_by_name() {
    let mut harness = harness(&["text_1"]);
    harness.get_by_role_and_label(Role::TextInput, "Find a parameter").focus();
    harness.run_ok();
    harness.get_by_role_and_label(Role::TextInput, "Find a parameter").type_text("spac");
    harness.run_ok();
    harness.get_by_role_and_label(Role::Slider, "Letter spacing");
    assert!(harness.query_by_role_and_label(Role::Slider, "Alpha").is_none());
}

#[test]
fn an_id_that_is_taken_or_no_id_is_refused_in_place() {
    let mut harness = harness(&["walk_1"]);
    for (text, why) in [("walk_2", "is taken"), ("1st", "cannot be an id")] {
        harness.get_by_label("Id: walk_1").click();
        harness.run_ok();
        harness.get_by_role_and_label(Role::TextInput, "Id").type_text(text);
        harness.run_ok();
        harness.key_press(Key::Enter);
        harness.run_ok();
        harness.get_by_label_contains(why);
        harness.key_press(Key::Escape);
        harness.run_ok();
    }
    assert!(harness.state().edits().is_empty());
    harness.get_by_label("Id: walk_1").click();
    harness.run_ok();
    harness.get_by_role_and_label(Role::TextInput, "Id").type_text("drift");
    harness.run_ok();
    harness.key_press(Key::Enter);
    harness.run_ok();
    assert!(harness.state().document.graph().node("drift").is_some());
    assert_eq!(harness.state().selection.iter().collect::<Vec<_>>(), ["drift"]);
}

#[test]
fn a_node_is_renamed_bypassed_and_muted() {
    let mut harness = harness(&["walk_1"]);
    let at = harness.get_by_label("Name: Latent walk").rect().center();
    double_click(&mut harness, at);
    harness.get_by_role_and_label(Role::TextInput, "Name").type_text("Drift");
    harness.run_ok();
    harness.key_press(Key::Enter);
    harness.run_ok();
    let node =
        |harness: &Bench320| harness.state().document.graph().node("walk_1").cloned().unwrap();
    assert_eq!(node(&harness).label.as_deref(), Some("Drift"));
    harness.get_by_label("Muted").click();
    harness.run_ok();
    assert_eq!(node(&harness).mode, Mode::Muted);
}

#[test]
fn wires_are_deepened_followed_and_cut() {
    let mut harness = harness(&["walk_1"]);
    drag(&mut harness, "Depth of lfo_1.value on Speed", 10.0, Modifiers::NONE);
    let wires = |harness: &Bench320| -> Vec<String> {
        let graph = harness.state().document.graph();
        graph.wires_of("walk_1").map(ToString::to_string).collect()
    };
    let depth = |harness: &Bench320| {
        let graph = harness.state().document.graph();
        let wire = graph.wires_of("walk_1").find(|w| w.ends.from == "lfo_1").cloned();
        wire.unwrap().depth
    };
    assert!(depth(&harness) > 0.5, "{:?}", wires(&harness));
    assert!(harness.state().edits().iter().all(|(e, _)| matches!(e, Edit::SetDepth { .. })));
    harness.get_by_label("Go to lfo_1.value").click();
    harness.run_ok();
    let is_reveal = |c: &Command| matches!(c, Command::Reveal(node) if node == "lfo_1");
    assert!(harness.state().commands.iter().any(is_reveal));
    harness.get_by_label("Disconnect lfo_1.value").click();
    harness.run_ok();
    assert!(!wires(&harness).iter().any(|wire| wire.starts_with("lfo_1")));
}

#[test]
fn several_nodes_are_set_at_once() {
    let mut harness = harness(&["walk_1", "walk_2"]);
    enter(&mut harness, "Speed", "1.5");
    assert_eq!(float(&harness, "walk_1", "speed"), Some(1.5));
    assert_eq!(float(&harness, "walk_2", "speed"), Some(1.5));
    assert!(matches!(harness.state().edits()[..], [(Edit::Batch(edits), _)] if edits.len() == 2));
    harness.state_mut().document.undo().unwrap();
    assert_eq!(float(&harness, "walk_2", "speed"), Some(0.75));
    let mut unlike = super::testing::harness(&["walk_1", "bloom_1"]);
    unlike.run_ok();
    assert!(unlike.query_by_role_and_label(Role::Slider, "Radius").is_none());
}

#[test]
fn presets_are_gone_to_stored_and_filled() {
    let mut harness = harness(&[]);
    harness.get_by_role_and_label(Role::Button, "calm").click();
    harness.run_ok();
    let is_recall = |c: &Command| matches!(c, Command::Send(ShowEvent::Recall { preset, .. }) if preset == "calm");
    assert!(harness.state().commands.iter().any(is_recall));
    harness.state_mut().selection = ["walk_1".to_owned()].into();
    harness.run_ok();
    let values = |harness: &Bench320| {
        let json = harness.state().document.graph().presets()["calm"]["values"].clone();
        json.as_object().unwrap().clone()
    };
    harness.get_by_label("Radius in preset calm").click();
    harness.run_ok();
    assert_eq!(values(&harness)["walk_1.radius"], 4.0);
    harness.get_by_label("Speed in preset calm").click();
    harness.run_ok();
    assert!(!values(&harness).contains_key("walk_1.speed"));
    harness.state_mut().selection.clear();
    harness.run_ok();
    harness.get_by_label("Store a new preset").click();
    harness.run_ok();
    let stored = &harness.state().document.graph().presets()["look 1"]["values"];
    assert_eq!(stored["walk_2.speed"], 0.75);
    assert!(stored.get("walk_1.dim").is_none() && stored.get("text_1.presses").is_none());
}

#[test]
fn cues_are_called() {
    let mut harness = harness(&[]);
    harness.get_by_role_and_label(Role::Button, "drop").click();
    harness.get_by_role_and_label(Role::Button, "Next").click();
    harness.run_ok();
    let sent = |event: &ShowEvent| {
        let is_it = |c: &Command| matches!(c, Command::Send(sent) if sent == event);
        harness.state().commands.iter().any(is_it)
    };
    assert!(sent(&ShowEvent::Cue { name: "drop".into() }));
    assert!(sent(&ShowEvent::StepCue { by: 1 }));
}

#[test]
fn bindings_are_learnt_changed_and_removed() {
    let mut harness = harness(&["walk_1"]);
    let binding = |harness: &Bench320, target: &str| {
        harness.state().document.graph().bindings().get(target).cloned()
    };
    harness.get_by_label("More of Magnitude").click();
    harness.run_ok();
    harness.get_by_label("Learn MIDI").click();
    harness.run_ok();
    let teacher = harness.state().teacher.clone();
    assert_eq!(teacher.target.lock().unwrap().as_deref(), Some("walk_1.magnitude"));
    *teacher.lesson.lock().unwrap() = Some(serde_json::json!({ "midi": { "cc": 7 } }));
    harness.run_ok();
    assert_eq!(binding(&harness, "walk_1.magnitude").unwrap()["midi"]["cc"], 7);
    harness.get_by_label("Binding of walk_1.radius").click();
    harness.run_ok();
    harness.get_by_role_and_label(Role::CheckBox, "Pickup").click();
    harness.run_ok();
    let changed = binding(&harness, "walk_1.radius").unwrap();
    assert_eq!((&changed["pickup"], &changed["midi"]["cc"]), (&true.into(), &21.into()));
    harness.get_by_label("Remove the binding of walk_1.radius").click();
    harness.run_ok();
    assert_eq!(binding(&harness, "walk_1.radius"), None);
}

#[test]
fn faults_and_failures_stand_with_their_node() {
    let mut harness = harness(&["walk_1"]);
    harness.get_by_label_contains("input `bank` needs latent bank");
    let error = lumawire_core::NodeError::device("weights", "the weights are gone");
    harness.state_mut().fail("walk_1", error);
    harness.run_ok();
    harness.get_by_label_contains("the weights are gone");
}

#[test]
fn a_preset_is_renamed_timed_and_deleted_by_its_menu() {
    let mut harness = harness(&[]);
    let presets = |harness: &Bench320| harness.state().document.graph().presets().clone();
    harness.get_by_role_and_label(Role::Button, "calm").click_secondary();
    harness.run_ok();
    harness.get_by_role_and_label(Role::TextInput, "Morph time").click();
    harness.run_ok();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.get_by_role_and_label(Role::TextInput, "Morph time").type_text("250 ms");
    harness.run_ok();
    harness.key_press(Key::Enter);
    harness.run_ok();
    assert_eq!(presets(&harness)["calm"]["morph_secs"], 0.25);
    harness.get_by_role_and_label(Role::TextInput, "Preset name").click();
    harness.run_ok();
    harness.key_press(Key::End);
    harness.get_by_role_and_label(Role::TextInput, "Preset name").type_text("er");
    harness.run_ok();
    harness.key_press(Key::Enter);
    harness.run_ok();
    assert!(presets(&harness).contains_key("calmer") && !presets(&harness).contains_key("calm"));
    let cues = harness.state().document.graph().cues().cloned().unwrap();
    assert_eq!(
        (&cues["list"][0]["recall"], &cues["list"][1]["recall"]),
        (&"calmer".into(), &"storm".into())
    );
    harness.get_by_role_and_label(Role::Button, "calmer").click_secondary();
    harness.run_ok();
    harness.get_by_role_and_label(Role::Button, "Delete").click();
    harness.run_ok();
    assert_eq!(presets(&harness).keys().collect::<Vec<_>>(), ["storm"]);
}

#[test]
fn the_patch_says_who_made_it_and_by_which_clock_it_runs() {
    let mut harness = harness(&[]);
    harness.get_by_role_and_label(Role::TextInput, "Title").focus();
    harness.run_ok();
    harness.get_by_role_and_label(Role::TextInput, "Title").type_text("Tides");
    harness.run_ok();
    harness.key_press(Key::Enter);
    harness.run_ok();
    assert_eq!(harness.state().document.graph().about().title, "Tides");
    harness.get_by_role_and_label(Role::ComboBox, "Frame rate").click();
    harness.run_ok();
    harness.get_by_label("29.97 fps").click();
    harness.run_ok();
    let clock = harness.state().document.graph().clock();
    assert_eq!((clock.fps.num, clock.fps.den), (30_000, 1001));
}

#[test]
fn a_parameter_is_promoted_to_its_group_and_shows_on_it() {
    let mut harness = harness(&["walk_1"]);
    let group = Group { title: "Drift".into(), ..Group::default() };
    let document = &mut harness.state_mut().document;
    document.apply(Edit::SetGroup { id: "group_1".into(), group: Some(group) }, "", None).unwrap();
    let member = Edit::SetMember { node: "walk_1".into(), group: Some("group_1".into()) };
    document.apply(member, "", None).unwrap();
    harness.run_ok();
    harness.get_by_label("More of Radius").click();
    harness.run_ok();
    harness.get_by_label("Promote to group").click();
    harness.run_ok();
    harness.state_mut().selection = ["group_1".to_owned()].into();
    harness.run_ok();
    enter(&mut harness, "Radius", "7");
    assert_eq!(float(&harness, "walk_1", "radius"), Some(7.0));
    harness.get_by_role_and_label(Role::TextInput, "Title").click();
    harness.run_ok();
    harness.key_press(Key::End);
    harness.get_by_role_and_label(Role::TextInput, "Title").type_text("ing");
    harness.run_ok();
    harness.key_press(Key::Enter);
    harness.run_ok();
    let group = harness.state().document.graph().group("group_1").cloned().unwrap();
    assert_eq!(
        (group.title.as_str(), group.promoted),
        ("Drifting", vec!["walk_1.radius".to_owned()])
    );
}

#[test]
fn a_range_of_a_binding_is_typed_in_the_unit() {
    let mut harness = harness(&["walk_1"]);
    harness.get_by_label("Binding of walk_1.radius").click();
    harness.run_ok();
    harness.get_by_role_and_label(Role::TextInput, "Range to").focus();
    harness.run_ok();
    harness.get_by_role_and_label(Role::TextInput, "Range to").type_text("12");
    harness.run_ok();
    harness.key_press(Key::Enter);
    harness.run_ok();
    let bindings = harness.state().document.graph().bindings().clone();
    assert_eq!(bindings["walk_1.radius"]["range"], serde_json::json!([0.0, 12.0]));
}

#[derive(Debug)]
struct Dropped(std::path::PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &std::path::Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        Err("never read".into())
    }
}

#[test]
fn a_file_that_is_dropped_on_a_patch_without_a_file_is_named_in_full() {
    let mut harness = harness(&["text_1"]);
    let at = harness.get_by_label("Choose Font").rect().center();
    harness.hover_at(at);
    harness.step();
    let path = harness.state().document.base_dir().join("fonts/x.ttf");
    let named = ParamValue::file(path.to_string_lossy());
    harness.input_mut().dropped_files.push(std::sync::Arc::new(Dropped(path)));
    harness.run_ok();
    assert_eq!(harness.state().param("text_1", "font"), Some(&named));
    assert_eq!(harness.state().edits().len(), 1);
    harness.get_by_label("Clear Font").click();
    harness.run_ok();
    assert_eq!(harness.state().param("text_1", "font"), None);
}

#[test]
fn a_text_has_a_window_of_its_own_for_several_lines() {
    let mut harness = harness(&["text_1"]);
    harness.get_by_label("Open Text in a window").click();
    harness.run_ok();
    let field = harness.get_by_role_and_label(Role::MultilineTextInput, "Text");
    field.focus();
    harness.run_ok();
    harness.get_by_role_and_label(Role::MultilineTextInput, "Text").type_text("\nlive");
    harness.run_ok();
    // A press anywhere else enters it.
    let elsewhere = harness.get_by_role_and_label(Role::Slider, "Alpha").rect().center();
    harness.hover_at(elsewhere);
    harness.drag_at(elsewhere);
    harness.run_ok();
    assert_eq!(harness.state().param("text_1", "text"), Some(&"Lumawire\nlive".into()));
}

#[test]
fn what_is_typed_counts_also_when_another_node_is_selected_by_a_press() {
    let mut harness = harness(&["bloom_1"]);
    let at = harness.get_by_role_and_label(Role::Slider, "Knee").rect().center();
    double_click(&mut harness, at);
    harness.get_by_role_and_label(Role::TextInput, "Knee").type_text("0.25");
    harness.run_ok();
    let elsewhere = Pos2::new(160.0, 880.0);
    harness.hover_at(elsewhere);
    harness.drag_at(elsewhere);
    harness.step();
    harness.state_mut().selection = ["walk_1".to_owned()].into();
    harness.run_ok();
    assert_eq!(float(&harness, "bloom_1", "knee"), Some(0.25));
}
