//! What a machine needs besides Rust: a C linker, ffmpeg, and a Vulkan driver.

use std::path::Path;
use std::process::Command;

use crate::command::{Outcome, exists, run};

/// One thing that has to be there.
struct Need {
    name: &'static str,
    why: &'static str,
    there: fn() -> bool,
    /// Debian's packages.
    apt: &'static [&'static str],
    elsewhere: &'static str,
}

const NEEDS: &[Need] = &[
    Need {
        name: "C linker",
        why: "links every Rust program",
        there: || cfg!(windows) || exists("cc", "--version"),
        apt: &["gcc", "libc6-dev"],
        elsewhere: "install a C compiler (macOS: xcode-select --install; Fedora: gcc; Arch: gcc)",
    },
    Need {
        name: "ffmpeg",
        why: "encodes videos",
        there: || exists("ffmpeg", "-version") && exists("ffprobe", "-version"),
        apt: &["ffmpeg"],
        elsewhere: "install ffmpeg (macOS: brew install ffmpeg; Fedora: dnf install ffmpeg-free; \
                    Arch: pacman -S ffmpeg; Windows: winget install Gyan.FFmpeg)",
    },
    Need {
        name: "Vulkan driver",
        why: "post effects; a GPU's own, or Mesa's on the CPU",
        there: has_vulkan,
        apt: &["mesa-vulkan-drivers", "libvulkan1"],
        elsewhere: "install your GPU's driver, or Mesa's lavapipe (Fedora: mesa-vulkan-drivers; \
                    Arch: vulkan-swrast)",
    },
];

/// macOS and Windows bring Metal or their drivers; elsewhere a loader and a driver's manifest.
fn has_vulkan() -> bool {
    if cfg!(any(target_os = "macos", windows)) {
        return true;
    }
    let folders = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d"];
    let driver = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .any(|mut entries| entries.next().is_some());
    let libraries = ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/lib/x86_64-linux-gnu"];
    let loader = libraries
        .iter()
        .chain(&["/usr/lib/aarch64-linux-gnu"])
        .any(|folder| Path::new(folder).join("libvulkan.so.1").exists());
    driver && loader
}

/// Says what is there; fails if something is missing.
pub fn check() -> Outcome {
    match report().len() {
        0 => Ok(()),
        n => Err(format!("{n} missing; `cargo xtask setup` installs what it can")),
    }
}

/// Installs what is missing, on Debian and Ubuntu; elsewhere tells what to do.
pub fn install() -> Outcome {
    let missing = report();
    if missing.is_empty() {
        return Ok(());
    }
    if !exists("apt-get", "--version") {
        let advice: Vec<_> =
            missing.iter().map(|n| format!("  {}: {}", n.name, n.elsewhere)).collect();
        return Err(format!("please install what is missing:\n{}", advice.join("\n")));
    }
    let packages: Vec<&str> = missing.iter().flat_map(|n| n.apt).copied().collect();
    run(apt().arg("update").arg("-qq"))?;
    run(apt().args(["install", "-y", "-qq", "--no-install-recommends"]).args(&packages))?;
    match report().len() {
        0 => Ok(()),
        n => Err(format!("{n} still missing after installing {}", packages.join(" "))),
    }
}

/// Prints a line a need; returns the missing ones.
fn report() -> Vec<&'static Need> {
    let mut missing = Vec::new();
    for need in NEEDS {
        let there = (need.there)();
        println!("{:8} {} ({})", if there { "found" } else { "missing" }, need.name, need.why);
        if !there {
            missing.push(need);
        }
    }
    missing
}

/// apt-get as it may be called: as root, else by sudo.
fn apt() -> Command {
    let is_root = std::env::var_os("USER").is_some_and(|u| u == "root")
        || std::fs::metadata("/root").is_ok_and(|_| std::fs::read_dir("/root").is_ok());
    let mut command = if is_root || !exists("sudo", "--version") {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["--preserve-env=DEBIAN_FRONTEND", "apt-get"]);
        sudo
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}
