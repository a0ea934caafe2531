//! `cargo xtask gpu pack`: a folder that tests and measures the GPU's part on another machine, which
//! needs NVIDIA's driver and nothing else.

use std::fs;
use std::path::Path;

use super::{BENCH, NO_TESTS, ON_GPU, PACKAGES, PEER, TESTS, executable, failed, size, strip};
use crate::shell::{self, Failure, Outcome};

/// Where it is made.
const FOLDER: &str = "out/gpu";
const TAR: &str = "out/gpu.tar.gz";
/// Most bytes of what travels.
const MAX_BYTES: u64 = 64 << 20;
/// What the tests compare with.
const REFERENCE: &str = "tests/reference/stylegan2";

/// Builds what travels.
pub fn run() -> Outcome {
    let folder = shell::root().join(FOLDER);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| failed(&folder, error))?;
    }
    make(&folder)?;
    make(&folder.join("models"))?; // what the tests take for their package
    copy(&super::build()?, &folder.join("lumawire"))?;
    let tests = [&["test", "--release", "--no-run", "--lib"], &PACKAGES[..]].concat();
    strip(&executable(&tests, "lumawire_models")?, &folder.join("kernel_tests"))?;
    let bench = [&["bench", "--no-run", "--bench", BENCH], &PACKAGES[..]].concat();
    strip(&executable(&bench, BENCH)?, &folder.join("bench"))?;
    let reference = folder.join(REFERENCE);
    make(&reference)?;
    for file in super::toolkit::entries(&shell::root().join(REFERENCE))? {
        if file.extension().is_some_and(|e| e == "safetensors") {
            copy(&file, &reference.join(file.file_name().unwrap_or_default()))?;
        }
    }
    copy(&shell::root().join("xtask/peers").join(PEER), &folder.join(PEER))?;
    let run = folder.join("run.sh");
    fs::write(&run, script()).map_err(|error| failed(&run, error))?;
    shell::run(shell::command("chmod", ["+x"]).arg(&run))?;

    let tar = shell::root().join(TAR);
    shell::run(&mut shell::command("tar", ["-C", "out", "-czf", TAR, "gpu"]))?;
    let bytes = fs::metadata(&tar).map_err(|error| failed(&tar, error))?.len();
    if bytes > MAX_BYTES {
        return Err(Failure::new(format!("{TAR} has {bytes} bytes, more than {MAX_BYTES}")));
    }
    println!("{TAR}: {}", size(&tar)?);
    println!("On a machine with an NVIDIA GPU: tar -xzf gpu.tar.gz && gpu/run.sh");
    Ok(())
}

/// Runs everything there, and fails if anything does.
fn script() -> String {
    let (variable, value) = ON_GPU;
    format!(
        "#!/bin/sh
# Tests the kernels on this machine's GPU against the processor, then measures them. Needs NVIDIA's
# driver alone; where Python has PyTorch with CUDA, that is measured beside it.
set -u
cd \"$(dirname \"$0\")\"
failed=0
export CARGO_MANIFEST_DIR=\"$PWD/models\" {variable}={value}
step() {{ echo \"== $*\"; \"$@\" || {{ echo \"FAILED: $*\"; failed=1; }}; }}

command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv
if ./lumawire --version >/dev/null 2>&1; then
    step ./lumawire --device cuda synth standin:1024:16384:0 --seeds 0-3 --png gpu.png
    step ./lumawire --device cpu synth standin:1024:16384:0 --seeds 0-3 --png cpu.png
else
    echo \"lumawire does not start here: $(./lumawire --version 2>&1)\"
fi
step ./kernel_tests {TESTS} --skip {NO_TESTS}
python=${{LUMAWIRE_PYTHON:-python3}}
if \"$python\" -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
    LUMAWIRE_PEER=$(printf '%s\\n%s' \"$python\" \"$PWD/{PEER}\")
    export LUMAWIRE_PEER
    step \"$python\" {PEER} --check {REFERENCE}
else
    echo \"no PyTorch with CUDA to measure against (LUMAWIRE_PYTHON may name a Python that has it)\"
fi
step ./bench --bench --json \"$PWD/bench.json\"
exit $failed
"
    )
}

fn make(folder: &Path) -> Outcome {
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))
}

fn copy(from: &Path, to: &Path) -> Outcome {
    fs::copy(from, to).map(drop).map_err(|error| failed(from, error))
}
