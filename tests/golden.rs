//! A frame of every shipped patch on the shipped music, held against a kept picture. Tolerance: the
//! mean difference of all values below 4 of 255, and 99.5 % of them within 24, which leaves room for
//! other drivers' and processors' rounding and none for another picture. `cargo xtask bless` keeps
//! new ones.

#![allow(clippy::expect_used)] // helpers of tests are tests

mod common;

use common::{lumawire, root, stdout};

const AT_SECS: &str = "1.6";

fn golden(name: &str) {
    let folder = tempfile::tempdir().expect("folder");
    let made = folder.path().join("frame.png");
    let output = lumawire()
        .arg("render")
        .arg(root().join("patches").join(name).with_extension("lumawire"))
        .args(["--size", "128x128", "--from", AT_SECS, "--quiet", "-o"])
        .arg(&made)
        .output();
    stdout(&output.expect("the command runs"));
    let kept = root().join("tests/golden").join(name).with_extension("png");
    if std::env::var_os("LUMAWIRE_BLESS").is_some() {
        std::fs::copy(&made, &kept).expect("kept");
    }
    let made = image::open(&made).expect("frame").into_rgb8();
    let kept = image::open(&kept).expect("golden; `cargo xtask bless` makes it").into_rgb8();
    assert_eq!(made.dimensions(), kept.dimensions());
    let mut differences: Vec<u8> =
        made.as_raw().iter().zip(kept.as_raw()).map(|(a, b)| a.abs_diff(*b)).collect();
    differences.sort_unstable();
    let mean = differences.iter().map(|d| f64::from(*d)).sum::<f64>() / differences.len() as f64;
    let most = differences[differences.len() * 995 / 1000];
    assert!(mean < 4.0 && most <= 24, "{name}: mean {mean:.2}, 99.5 % within {most}");
    // A picture, not a plain area: the test would pass on a blank golden otherwise.
    let (least, greatest) = (kept.as_raw().iter().min(), kept.as_raw().iter().max());
    assert!(greatest.zip(least).is_some_and(|(g, l)| g - l > 60));
}

#[test]
fn bar_loops() {
    golden("bar_loops");
}

#[test]
fn bent_beat() {
    golden("bent_beat");
}

#[test]
fn calm_drift() {
    golden("calm_drift");
}

#[test]
fn chroma_bloom() {
    golden("chroma_bloom");
}

#[test]
fn directions() {
    golden("directions");
}

#[test]
fn easy_loops() {
    golden("easy_loops");
}

#[test]
fn harmonic_percussive() {
    golden("harmonic_percussive");
}

#[test]
fn kick_snare() {
    golden("kick_snare");
}

#[test]
fn marked_mix() {
    golden("marked_mix");
}

#[test]
fn noise_regions() {
    golden("noise_regions");
}

#[test]
fn old_television() {
    golden("old_television");
}

#[test]
fn particles() {
    golden("particles");
}

#[test]
fn presets_and_cues() {
    golden("presets_and_cues");
}

#[test]
fn print_room() {
    golden("print_room");
}

#[test]
fn rewritten() {
    golden("rewritten");
}

#[test]
fn scope_over_bloom() {
    golden("scope_over_bloom");
}

#[test]
fn sections() {
    golden("sections");
}

#[test]
fn seed_grid_drift() {
    golden("seed_grid_drift");
}

#[test]
fn stage_set() {
    golden("stage_set");
}

#[test]
fn style_mix() {
    golden("style_mix");
}

#[test]
fn user_shaders() {
    golden("user_shaders");
}

#[test]
fn vector_walk() {
    golden("vector_walk");
}

#[test]
fn widescreen() {
    golden("widescreen");
}
