//! `cargo xtask setup`: what the machine must have, and how it gets there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{self, Failure, Outcome};

/// The licence checker that is installed where there is none.
const CARGO_DENY: &str = "cargo-deny@0.20.2";

/// Something that the machine must have, from its package manager.
struct Item {
    name: &'static str,
    purpose: &'static str,
    found: fn() -> bool,
    /// The package that brings it, by manager; none where the system always has it or the name of
    /// the package depends on the hardware.
    packages: &'static [(Manager, &'static str)],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manager {
    Apt,
    Dnf,
    Pacman,
    Brew,
    Winget,
}

use Manager::{Apt, Brew, Dnf, Pacman, Winget};

const ITEMS: &[Item] = &[
    Item {
        name: "C linker",
        purpose: "links every program",
        found: has_linker,
        packages: &[
            (Apt, "gcc libc6-dev"),
            (Dnf, "gcc"),
            (Pacman, "gcc"),
            (Winget, "Microsoft.VisualStudio.2022.BuildTools"),
        ],
    },
    Item {
        name: "C++ compiler",
        purpose: "runs the GPU's kernels on the processor, in tests",
        found: has_cpp,
        packages: &[(Apt, "g++"), (Dnf, "gcc-c++"), (Pacman, "gcc")],
    },
    Item {
        name: "pkg-config",
        purpose: "finds the sound library",
        found: || !cfg!(target_os = "linux") || shell::find_program("pkg-config").is_some(),
        packages: &[(Apt, "pkg-config"), (Dnf, "pkgconf-pkg-config"), (Pacman, "pkgconf")],
    },
    Item {
        name: "ALSA",
        purpose: "sound in and out; its headers build the program",
        found: has_alsa,
        packages: &[(Apt, "libasound2-dev"), (Dnf, "alsa-lib-devel"), (Pacman, "alsa-lib")],
    },
    Item {
        name: "ffmpeg",
        purpose: "encodes video; the tests read it back with ffprobe",
        found: || ["ffmpeg", "ffprobe"].iter().all(|name| shell::find_program(name).is_some()),
        packages: &[
            (Apt, "ffmpeg"),
            (Dnf, "ffmpeg-free"),
            (Pacman, "ffmpeg"),
            (Brew, "ffmpeg"),
            (Winget, "Gyan.FFmpeg"),
        ],
    },
    Item {
        name: "liblo's tools",
        purpose: "the other end of OSC in the tests: oscsend and oscdump",
        found: || {
            !cfg!(target_os = "linux")
                || ["oscsend", "oscdump"].iter().all(|name| shell::find_program(name).is_some())
        },
        packages: &[(Apt, "liblo-tools"), (Dnf, "liblo"), (Pacman, "liblo")],
    },
    Item {
        name: "Vulkan loader",
        purpose: "opens the graphics driver",
        found: has_vulkan_loader,
        packages: &[(Apt, "libvulkan1"), (Dnf, "vulkan-loader"), (Pacman, "vulkan-icd-loader")],
    },
    Item {
        name: "Vulkan driver",
        purpose: "draws the effects; on a machine without a GPU, on the processor",
        found: has_vulkan_driver,
        packages: &[
            (Apt, "mesa-vulkan-drivers"),
            (Dnf, "mesa-vulkan-drivers"),
            (Pacman, "vulkan-swrast"),
        ],
    },
];

impl Manager {
    /// The manager of this machine.
    fn find() -> Option<Self> {
        let all = [
            (Apt, "apt-get"),
            (Dnf, "dnf"),
            (Pacman, "pacman"),
            (Brew, "brew"),
            (Winget, "winget"),
        ];
        all.into_iter().find(|(_, program)| shell::find_program(program).is_some()).map(|(m, _)| m)
    }

    /// What a person types to install `packages`.
    fn advice(self, packages: &str) -> String {
        let install = match self {
            Apt => "sudo apt-get install",
            Dnf => "sudo dnf install",
            Pacman => "sudo pacman -S",
            Brew => "brew install",
            Winget => "winget install",
        };
        format!("{install} {packages}")
    }
}

/// `cargo xtask setup [--check] [--ci]`.
pub fn command(args: &[String]) -> Outcome {
    let (mut check_only, mut ci) = (false, false);
    for arg in args {
        match arg.as_str() {
            "--check" => check_only = true,
            "--ci" => ci = true,
            other => return Err(Failure::usage(format!("`setup` does not know `{other}`"))),
        }
    }
    if check_only { check(ci) } else { run(ci) }
}

/// Installs what is missing; with `ci` also what only `cargo xtask ci` needs.
pub fn run(ci: bool) -> Outcome {
    let missing = report();
    if !missing.is_empty() {
        install(&missing)?;
        if let Some(item) = ITEMS.iter().find(|item| !(item.found)()) {
            return Err(Failure::new(format!("{} is still missing", item.name)));
        }
    }
    if ci { Tool::ALL.iter().try_for_each(Tool::ensure) } else { Ok(()) }
}

fn check(ci: bool) -> Outcome {
    let mut missing: Vec<&str> = report().iter().map(|item| item.name).collect();
    for tool in Tool::ALL.iter().filter(|_| ci) {
        if !tool.report() {
            missing.push(tool.name);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("missing: {}; `cargo xtask setup` installs it", missing.join(", "))))
}

/// Prints a line an item and returns those that are missing.
fn report() -> Vec<&'static Item> {
    ITEMS.iter().filter(|item| !print_found(item.name, item.purpose, (item.found)())).collect()
}

fn print_found(name: &str, purpose: &str, found: bool) -> bool {
    println!("{:<14} {:<8} {purpose}", name, if found { "found" } else { "MISSING" });
    found
}

fn install(missing: &[&Item]) -> Outcome {
    let manager = Manager::find();
    let packages: Vec<&str> = missing
        .iter()
        .flat_map(|item| item.packages)
        .filter(|(of, _)| Some(*of) == manager)
        .flat_map(|(_, packages)| packages.split(' '))
        .collect();
    match manager {
        Some(Apt) => apt_install(&packages),
        Some(manager) if !packages.is_empty() => Err(Failure::new(format!(
            "install what is missing, then run this again:\n  {}",
            manager.advice(&packages.join(" "))
        ))),
        _ => Err(Failure::new(format!("install what is missing:{}", advice(missing)))),
    }
}

/// Every way to get each of `missing`.
fn advice(missing: &[&Item]) -> String {
    let mut lines = String::new();
    for item in missing {
        lines += &format!("\n  {}:", item.name);
        if item.name == "C linker" {
            lines += "\n    xcode-select --install (macOS)";
        }
        for (manager, packages) in item.packages {
            lines += &format!("\n    {}", manager.advice(packages));
        }
        if item.name.starts_with("Vulkan") {
            lines += "\n    elsewhere it comes with the graphics card's driver";
        }
    }
    lines
}

fn apt_install(packages: &[&str]) -> Outcome {
    shell::run(&mut as_root(&["apt-get", "update"])?)?;
    let install = ["apt-get", "install", "--yes", "--no-install-recommends"];
    shell::run(&mut as_root(&[&install, packages].concat())?)
}

/// `env DEBIAN_FRONTEND=noninteractive args…` with the rights to install.
fn as_root(args: &[&str]) -> Outcome<Command> {
    let env = ["env", "DEBIAN_FRONTEND=noninteractive"];
    let is_root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    if is_root {
        return Ok(shell::command(env[0], [&env[1..], args].concat()));
    }
    if shell::find_program("sudo").is_some() {
        return Ok(shell::command("sudo", [&env, args].concat()));
    }
    Err(Failure::new(format!(
        "neither root nor sudo; ask an administrator for: {}",
        args.join(" ")
    )))
}

fn has_linker() -> bool {
    // The MSVC linker is found by rustc itself, not through the PATH.
    cfg!(windows) || ["cc", "gcc", "clang"].iter().any(|name| shell::find_program(name).is_some())
}

/// The emulator's fibres are those of Unix.
fn has_cpp() -> bool {
    cfg!(windows) || std::env::var_os("CXX").is_some() || shell::find_program("c++").is_some()
}

fn has_vulkan_loader() -> bool {
    if !cfg!(target_os = "linux") {
        return true; // comes with the driver, which the program names if it cannot open it
    }
    let mut folders: Vec<PathBuf> = Vec::new();
    for base in ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64"].map(PathBuf::from) {
        folders.extend(entries(&base)); // Debian keeps libraries in a folder an architecture
        folders.push(base);
    }
    if let Some(more) = std::env::var_os("LD_LIBRARY_PATH") {
        folders.extend(std::env::split_paths(&more));
    }
    folders.iter().any(|folder| folder.join("libvulkan.so.1").exists())
}

/// Whether the sound library can be built against.
fn has_alsa() -> bool {
    !cfg!(target_os = "linux")
        || shell::succeeds(&mut shell::command("pkg-config", ["--exists", "alsa"]))
}

/// Whether a description of an installed driver lies where the Vulkan loader looks.
fn has_vulkan_driver() -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    let named = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"].into_iter().filter_map(std::env::var_os);
    let named: Vec<PathBuf> =
        named.flat_map(|v| std::env::split_paths(&v).collect::<Vec<_>>()).collect();
    let folders = [
        "/usr/share/vulkan/icd.d",
        "/usr/local/share/vulkan/icd.d",
        "/etc/vulkan/icd.d",
        "/usr/local/etc/vulkan/icd.d",
    ];
    let mut files = folders.iter().flat_map(|folder| entries(Path::new(folder))).chain(named);
    files.any(|file| file.extension().is_some_and(|e| e == "json") && file.is_file())
}

/// What a folder holds; nothing where there is none.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.flatten().map(|entry| entry.path()).collect()
}

/// A subcommand of cargo that `cargo xtask ci` needs.
struct Tool {
    name: &'static str,
    purpose: &'static str,
    /// The arguments of cargo that show it is there.
    probe: [&'static str; 2],
    how: How,
}

enum How {
    Component,
    Crate(&'static str),
}

impl Tool {
    const ALL: &'static [Self] = &[
        Self {
            name: "rustfmt",
            purpose: "checks the format",
            probe: ["fmt", "--version"],
            how: How::Component,
        },
        Self {
            name: "clippy",
            purpose: "checks the code",
            probe: ["clippy", "--version"],
            how: How::Component,
        },
        Self {
            name: "cargo-deny",
            purpose: "checks licences, bans and sources",
            probe: ["deny", "--version"],
            how: How::Crate(CARGO_DENY),
        },
    ];

    fn report(&self) -> bool {
        print_found(self.name, self.purpose, shell::succeeds(&mut shell::cargo(self.probe)))
    }

    fn ensure(&self) -> Outcome {
        if self.report() {
            return Ok(());
        }
        match self.how {
            How::Component if shell::find_program("rustup").is_some() => {
                shell::run(&mut shell::command("rustup", ["component", "add", self.name]))
            }
            How::Component => Err(Failure::new(format!(
                "{0} is missing: `rustup component add {0}`, or the package of your system",
                self.name
            ))),
            How::Crate(version) => shell::run(&mut shell::cargo(["install", "--locked", version])),
        }
    }
}
