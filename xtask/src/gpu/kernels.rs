//! `cargo xtask gpu kernels`: the PTX of the kernels, anew from their sources.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::failed;
use super::toolkit::{Toolkit, entries};
use crate::shell::{self, Failure, Outcome};

const FOLDER: &str = "models/src/stylegan2/cuda/kernels";
/// The oldest GPUs that the kernels are for. The driver compiles PTX for all that are newer.
const FOR: &str = "compute_80";
/// The PTX version that is asked of a driver: of CUDA 11.1, the first that every such GPU has in
/// common. The kernels need no newer one, which the assembler confirms.
const PTX_VERSION: &str = "7.1";
/// The GPUs that it is assembled for, to see what it costs there.
const CHIPS: [&str; 5] = ["sm_80", "sm_86", "sm_89", "sm_90", "sm_120"];

/// Writes the PTX of all sources.
pub fn write() -> Outcome {
    let toolkit = Toolkit::find()?;
    for source in sources("cu")? {
        let ptx = compile(&toolkit, &source)?;
        let file = source.with_extension("ptx");
        fs::write(&file, ptx).map_err(|error| failed(&file, error))?;
        report(&toolkit, &file)?;
    }
    Ok(())
}

/// Fails where the PTX that is there is not what the sources give.
pub fn check() -> Outcome {
    let toolkit = Toolkit::find()?;
    let mut stale = Vec::new();
    for source in sources("cu")? {
        let file = source.with_extension("ptx");
        if fs::read_to_string(&file).ok().as_ref() == Some(&compile(&toolkit, &source)?) {
            report(&toolkit, &file)?;
        } else {
            stale.push(file.display().to_string());
        }
    }
    match stale[..] {
        [] => Ok(()),
        _ => Err(Failure::new(format!(
            "not what the sources give: {}; run `cargo xtask gpu kernels`",
            stale.join(", ")
        ))),
    }
}

/// The kernels' files that end so, by name.
fn sources(ending: &str) -> Outcome<Vec<PathBuf>> {
    let mut files = entries(&shell::root().join(FOLDER))?;
    files.retain(|file| file.extension().is_some_and(|e| e == ending));
    Ok(files)
}

/// The PTX of a source, with the hash of all that it was made of in its first line.
fn compile(toolkit: &Toolkit, source: &Path) -> Outcome<String> {
    let out = &toolkit.scratch;
    let mut nvcc = shell::command(toolkit.program("nvcc"), ["--ptx", "-std=c++17", "--Werror"]);
    nvcc.args(["all-warnings", "-arch", FOR, "-o"]).arg(out).arg(source);
    shell::run(&mut nvcc)?;
    let text = fs::read_to_string(out).map_err(|error| failed(out, error))?;
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    let hash = hash(source)?;
    Ok(format!(
        "// {hash} is the SHA-256 of {name} and of the .cuh files, by name.\n{}",
        plain(&text)
    ))
}

/// A hint to the assembler that versions before 8.3 do not know, and that changes no result.
const HINT: &str = ".pragma \"used_bytes_mask";

/// What is the same on every machine: without the compiler's remarks, for the version that is asked.
fn plain(ptx: &str) -> String {
    let is_remark = |line: &str| line.starts_with("//") || line.trim_start().starts_with(HINT);
    let lines = ptx.lines().filter(|line| !is_remark(line));
    let lines = lines.skip_while(|line| line.is_empty()).map(|line| {
        let is_version = line.starts_with(".version ");
        if is_version { format!(".version {PTX_VERSION}\n") } else { format!("{line}\n") }
    });
    lines.collect()
}

fn hash(source: &Path) -> Outcome<String> {
    let mut bytes = Vec::new();
    for file in [source.to_owned()].into_iter().chain(sources("cuh")?) {
        bytes.extend(fs::read(&file).map_err(|error| failed(&file, error))?);
    }
    let io = |error| Failure::new(format!("sha256sum: {error}"));
    let mut command = Command::new("sha256sum");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(io)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(&bytes).map_err(io)?;
    }
    let output = child.wait_with_output().map_err(io)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    match text.split_whitespace().next() {
        Some(hash) if hash.len() == 64 => Ok(hash.to_owned()),
        _ => Err(Failure::new("sha256sum gave no hash")),
    }
}

/// What a kernel costs on one chip.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Cost {
    registers: u32,
    shared_bytes: u32,
    spilled_bytes: u32,
}

/// Assembles a file for all chips, and prints what its kernels cost.
fn report(toolkit: &Toolkit, file: &Path) -> Outcome {
    let mut costs: BTreeMap<String, Vec<Cost>> = BTreeMap::new();
    for chip in CHIPS {
        let mut ptxas = shell::command(toolkit.program("ptxas"), ["--verbose", "--gpu-name", chip]);
        ptxas.args(["--output-file", "/dev/null"]).arg(file);
        let output = ptxas.output().map_err(|e| Failure::new(format!("ptxas: {e}")))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if !output.status.success() {
            return Err(Failure::new(format!("{} for {chip}: {said}", file.display())));
        }
        for (kernel, cost) in read(&said) {
            costs.entry(kernel).or_default().push(cost);
        }
    }
    print!("{}", table(&file.file_stem().unwrap_or_default().to_string_lossy(), &costs));
    Ok(())
}

/// What the assembler says of each kernel.
fn read(said: &str) -> Vec<(String, Cost)> {
    let mut costs: Vec<(String, Cost)> = Vec::new();
    for line in said.lines() {
        if let Some((_, rest)) = line.split_once("Compiling entry function '") {
            let kernel = rest.split('\'').next().unwrap_or_default();
            costs.push((kernel.to_owned(), Cost::default()));
        }
        let Some((_, cost)) = costs.last_mut() else { continue };
        let words: Vec<&str> = line.split([' ', ',']).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(3) {
            let Ok(number) = pair[0].parse::<u32>() else { continue };
            match (pair[1], pair[2]) {
                ("registers", _) => cost.registers = number,
                ("bytes", "smem") => cost.shared_bytes = number,
                ("bytes", "spill") => cost.spilled_bytes += number,
                _ => {}
            }
        }
        // The line may end with them.
        if let [.., number, "registers"] = words[..] {
            cost.registers = number.parse().unwrap_or(cost.registers);
        }
    }
    costs
}

/// One line a kernel: registers on each chip, shared memory that it declares, and what is spilled
/// from registers, both the most of all chips.
fn table(file: &str, costs: &BTreeMap<String, Vec<Cost>>) -> String {
    let width = costs.keys().map(String::len).max().unwrap_or(0).max(file.len());
    let heads: String = CHIPS.iter().map(|chip| format!(" {chip:>6}")).collect();
    let mut text = format!("{file:<width$}{heads}  shared  spilled\n");
    for (kernel, costs) in costs {
        let registers: String = costs.iter().map(|c| format!(" {:>6}", c.registers)).collect();
        let most = |of: fn(&Cost) -> u32| costs.iter().map(of).max().unwrap_or(0);
        let (shared, spilled) = (most(|c| c.shared_bytes), most(|c| c.spilled_bytes));
        text += &format!("{kernel:<width$}{registers} {shared:>7}  {spilled:>7}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_assembler_says_is_read() {
        // By ptxas 13.0.
        let said = "\
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'conv_up' for 'sm_80'
ptxas info    : Function properties for conv_up
    48 bytes stack frame, 40 bytes spill stores, 44 bytes spill loads
ptxas info    : Used 128 registers, used 1 barriers, 48 bytes cumulative stack size, 2048 bytes smem, 440 bytes cmem[0]
ptxas info    : Compile time = 12.0 ms
ptxas info    : Compiling entry function 'conv' for 'sm_80'
ptxas info    : Function properties for conv
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 40 registers
";
        let up = Cost { registers: 128, shared_bytes: 2048, spilled_bytes: 84 };
        let plain = Cost { registers: 40, shared_bytes: 0, spilled_bytes: 0 };
        assert_eq!(read(said), [("conv_up".to_owned(), up), ("conv".to_owned(), plain)]);
        let costs = BTreeMap::from([("conv_up".to_owned(), vec![up, plain])]);
        let text = table("conv", &costs);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "conv_up    128     40    2048       84");
    }

    #[test]
    fn ptx_is_the_same_on_every_machine() {
        let made = "//\n// Generated by NVIDIA NVVM Compiler\n//\n// Compiler Build ID: CL-1\n\n\
                    .version 9.0\n.target sm_80\n.address_size 64\n\n\t// .globl\tconv\n{\n\t.pragma \"used_bytes_mask \
                    0xfff\";\n}\n";
        let expected = ".version 7.1\n.target sm_80\n.address_size 64\n\n\t// .globl\tconv\n{\n}\n";
        assert_eq!(plain(made), expected);
    }
}
