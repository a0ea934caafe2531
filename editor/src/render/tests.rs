use std::path::PathBuf;

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use super::*;
use crate::kit::Kit;
use crate::transport::testing::{document, kit, with_cx};

struct Stage {
    render: Render,
    kit: Kit,
    document: Document,
}

fn stage(program: Option<PathBuf>, out: &Path) -> Harness<'static, Stage> {
    let kit = Kit { program, ..kit() };
    let document = document(&kit);
    let mut render = Render::default();
    let sound = Sound::File { path: "/music/song.wav".into(), output: None };
    render.open(&document, &sound, Some(30.0), Some((2.0, 4.0)));
    render.form.out = out.to_string_lossy().into_owned();
    let stage = Stage { render, kit, document };
    let size = egui::vec2(700.0, 700.0);
    let mut harness = Harness::builder().with_size(size).build_ui_state(
        |ui, Stage { render, kit, document }: &mut Stage| {
            if let Some(chip) = render.chip()
                && ui.button(chip.text).clicked()
            {
                render.is_open = true;
            }
            with_cx(kit, document, |cx| render.show(ui, cx));
        },
        stage,
    );
    harness.run_steps(3);
    harness
}

fn press(harness: &mut Harness<'_, Stage>, label: &str) {
    harness.get_by_label(label).click();
    harness.run_steps(2);
}

#[test]
fn the_summary_counts_the_frames_of_the_part() {
    let mut harness = stage(Some("/bin/true".into()), Path::new("/films/a.mp4"));
    assert_eq!(harness.state().render.form.audio, "/music/song.wav");
    let fps = harness.state().document.graph().clock().fps.hz();
    harness.get_by_label_contains(&format!("0:30.0, {} frames", 30.0 * fps));
    press(&mut harness, "Loop 0:02.0 to 0:04.0");
    harness.get_by_label_contains(&format!("0:02.0, {} frames", 2.0 * fps));
    press(&mut harness, "Still picture");
    harness.get_by_label_contains("One picture");
    assert_eq!(harness.state().render.form.out, "/films/a.png");
}

#[test]
fn another_patch_never_takes_the_films_of_the_one_before() {
    let mut harness = stage(Some("/bin/true".into()), Path::new("/films/a.mp4"));
    let state = harness.state_mut();
    state.render.form.preset = "calm".into();
    state.document = document(&state.kit);
    harness.run_steps(2);
    let form = &harness.state().render.form;
    assert_ne!(form.out, "/films/a.mp4");
    assert!(form.out.ends_with("untitled.mp4"), "{}", form.out);
    assert_eq!((form.preset.as_str(), form.audio.as_str()), ("", ""));
}

#[test]
fn a_file_that_is_replaced_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a.mp4");
    std::fs::write(&out, "film").unwrap();
    let mut harness = stage(Some("/bin/true".into()), &out);
    while harness.query_by_label_contains("it will be replaced").is_none() {
        harness.run_steps(1);
        std::thread::yield_now();
    }
    harness.state_mut().render.form.out = folder.path().join("b.mp4").to_string_lossy().into();
    harness.run_steps(1);
    assert!(harness.query_by_label_contains("it will be replaced").is_none());
}

#[test]
fn without_a_program_nothing_starts() {
    let mut harness = stage(None, Path::new("/films/a.mp4"));
    harness.get_by_label_contains("cannot find its own program");
    press(&mut harness, "Start render");
    assert!(harness.state().render.jobs.is_empty());
}

/// The program is a shell, which finds no script called `render` and fails.
#[cfg(unix)]
#[test]
fn renders_queue_and_run_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a.mp4");
    let mut harness = stage(Some("/bin/sh".into()), &out);
    let Stage { render, kit, document } = harness.state_mut();
    for (name, num_jobs) in [("a.mp4", 1), ("a.mp4", 1), ("b.mp4", 2)] {
        render.form.out = folder.path().join(name).to_string_lossy().into_owned();
        with_cx(kit, document, |cx| render.enqueue(cx));
        assert_eq!((render.jobs.len(), render.is_busy()), (num_jobs, true));
    }
    harness.run_steps(1);
    let states = || harness.state().render.jobs.iter().map(|job| job.state.clone());
    assert_eq!(states().filter(|state| *state == State::Running).count(), 1);
    press(&mut harness, "Close");
    while harness.state().render.is_busy() {
        harness.run_steps(1);
        std::thread::yield_now();
    }
    harness.run_steps(1);
    // A shell knows no file called `render`.
    let State::Failed(why) = &harness.state().render.jobs[0].state else { panic!("no failure") };
    assert!(why.contains("render"), "{why}");
    press(&mut harness, "Render failed");
    for _ in 0..2 {
        harness.get_all_by_label("Remove").next().unwrap().click();
        harness.run_steps(2);
    }
    assert!(harness.state().render.jobs.is_empty());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
