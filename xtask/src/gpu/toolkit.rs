//! NVIDIA's compiler for kernels: one that is installed, else its parts from the Python packages
//! that NVIDIA publishes. Only who changes a kernel needs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::failed;
use crate::shell::{self, Failure, Outcome};

/// The compiler's version: another one would write other PTX of the same sources.
const VERSION: &str = "V13.0.88";
/// The packages that have all of it.
const WHEELS: [&str; 5] = [
    "nvidia-cuda-nvcc==13.0.88",
    "nvidia-nvvm==13.0.88",
    "nvidia-cuda-crt==13.0.88",
    "nvidia-cuda-runtime==13.0.96",
    "nvidia-cuda-cccl==13.0.85",
];

/// Where compiler and assembler lie.
pub struct Toolkit {
    bin: PathBuf,
    /// A file for what is made on the way.
    pub scratch: PathBuf,
}

impl Toolkit {
    /// The one on the PATH, that of CUDA_HOME, or the one that was fetched before, else fetches it.
    pub fn find() -> Outcome<Self> {
        let target = super::target()?;
        let (fetched, scratch) = (target.join("cuda-toolkit"), target.join("kernel.ptx"));
        let on_path = shell::find_program("nvcc").and_then(|nvcc| Some(nvcc.parent()?.to_owned()));
        let named = ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(std::env::var_os);
        let named = named.map(|home| Path::new(&home).join("bin"));
        let mut places = on_path.into_iter().chain(named).chain([bin(&fetched)]);
        if let Some(bin) = places.find(|bin| is_right(bin)) {
            return Ok(Self { bin, scratch });
        }
        fetch(&fetched)?;
        match bin(&fetched) {
            bin if is_right(&bin) => Ok(Self { bin, scratch }),
            bin => Err(Failure::new(format!("{} holds no nvcc {VERSION}", bin.display()))),
        }
    }

    /// One of its programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }
}

fn bin(folder: &Path) -> PathBuf {
    folder.join("nvidia/cu13/bin")
}

/// Whether there is a compiler of the version.
fn is_right(bin: &Path) -> bool {
    let mut nvcc = shell::command(bin.join("nvcc"), ["--version"]);
    let said = nvcc.stderr(Stdio::null()).output();
    said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains(VERSION))
}

fn fetch(folder: &Path) -> Outcome {
    println!("There is no nvcc {VERSION} here: fetching it, about 100 MB.");
    let wheels = folder.join("wheels");
    let mut pip = shell::command("python3", ["-m", "pip", "download", "--quiet", "--no-deps"]);
    pip.args(["--only-binary=:all:", "--dest"]).arg(&wheels).args(WHEELS);
    shell::run(&mut pip)?;
    for wheel in entries(&wheels)? {
        shell::run(shell::command("python3", ["-m", "zipfile", "-e"]).arg(&wheel).arg(folder))?;
    }
    let cuda = folder.join("nvidia/cu13");
    for programs in [cuda.join("bin"), cuda.join("nvvm/bin")] {
        let files = entries(&programs)?.into_iter().filter(|file| file.is_file());
        shell::run(shell::command("chmod", ["+x"]).args(files))?;
    }
    Ok(())
}

/// The files of a folder, by name.
pub fn entries(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|error| failed(folder, error))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}
