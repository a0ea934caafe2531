//! Kernels on this processor, for tests: the same sources, compiled by the C++ compiler that is at
//! hand (`c++`, or what `CXX` names), each file when one of its kernels is first launched.
//!
//! What is undefined on a device shows here: new memory and the guard zones around it are NaN in
//! every number, guard zones are checked when memory is freed, and threads that wait for each other
//! in vain are an error.
#![allow(unsafe_code)] // calls compiled kernels, which work on raw memory as they do on a device

use std::alloc::{Layout, alloc, dealloc};
use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_void};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};

use libloading::Library;
use rayon::prelude::*;

use super::{Accelerator, AcceleratorError, Event, Launch, Recording};

/// Bytes of arguments and shared memory are those of the kernel's declaration.
type Kernel = unsafe extern "C" fn();
type RunBlock = unsafe extern "C" fn(
    kernel: Kernel,
    argument: *const c_void,
    argument_bytes: usize,
    grid: *const u32,
    index: *const u32,
    num_threads: u32,
    shared_bytes: u32,
    eager: bool,
) -> *const c_char;

const ALIGN: usize = 256;
const GUARD_BYTES: usize = 4096;
/// NaN in all kinds of numbers.
const POISON: u8 = 0xff;
/// Threads of a block, and bytes of its shared memory, that every device takes that we run on.
const MAX_THREADS: u32 = 1024;
const MAX_SHARED_BYTES: u32 = 99 << 10;

/// An accelerator of four multiprocessors.
pub(crate) fn emulated() -> Arc<dyn Accelerator> {
    emulated_with(4, false)
}

/// With `eager`, asynchronous copies happen at once, else not before they are waited for: the first
/// and the last moment at which a device may do them.
pub(crate) fn emulated_with(num_multiprocessors: u32, eager: bool) -> Arc<dyn Accelerator> {
    Arc::new(Emulated(Arc::new(State {
        num_multiprocessors,
        eager,
        memory: Mutex::default(),
        recording: Mutex::default(),
    })))
}

#[derive(Debug)]
struct Emulated(Arc<State>);

#[derive(Debug)]
struct State {
    num_multiprocessors: u32,
    eager: bool,
    /// Bytes of each allocation, by address.
    memory: Mutex<BTreeMap<u64, usize>>,
    recording: Mutex<Option<Vec<OwnedLaunch>>>,
}

#[derive(Debug, Clone)]
struct OwnedLaunch {
    kernel: &'static str,
    grid: [u32; 3],
    num_threads: u32,
    shared_bytes: u32,
    argument: Vec<u8>,
}

impl State {
    fn run(&self, launch: &Launch<'_>) -> Result<(), AcceleratorError> {
        let fail = |what: &str| Err(AcceleratorError(format!("{}: {what}", launch.kernel)));
        if launch.num_threads == 0 || launch.num_threads > MAX_THREADS {
            return fail("threads of a block must be 1 to 1024");
        }
        if launch.shared_bytes > MAX_SHARED_BYTES {
            return fail("more shared memory than a block has on every device");
        }
        let [x, y, z] = launch.grid;
        if x == 0 || y == 0 || z == 0 || y > 0xffff || z > 0xffff {
            return fail("a grid must have 1 to 65535 blocks along y and z, and some along x");
        }
        let library = library(launch.kernel);
        // Safety: both are what the sources declare; the kernel's argument is by value.
        let (kernel, run_block) = unsafe {
            let kernel = library.get::<Kernel>(launch.kernel.as_bytes());
            (kernel, library.get::<RunBlock>(b"lumawire_run_block"))
        };
        let kernel = kernel.unwrap_or_else(|e| panic!("no kernel {}: {e}", launch.kernel));
        let run_block = run_block.unwrap_or_else(|e| panic!("no emulator: {e}"));
        let num_blocks = u64::from(x) * u64::from(y) * u64::from(z);
        (0..num_blocks).into_par_iter().try_for_each(|block| {
            let index = [
                (block % u64::from(x)) as u32,
                (block / u64::from(x) % u64::from(y)) as u32,
                (block / u64::from(x) / u64::from(y)) as u32,
            ];
            // Safety: the pointers live through the call; what the kernel does to the addresses in
            // its argument is what is tested.
            let fault = unsafe {
                let fault = run_block(
                    *kernel,
                    launch.argument.as_ptr().cast(),
                    launch.argument.len(),
                    launch.grid.as_ptr(),
                    index.as_ptr(),
                    launch.num_threads,
                    launch.shared_bytes,
                    self.eager,
                );
                (!fault.is_null()).then(|| CStr::from_ptr(fault).to_string_lossy())
            };
            fault.map_or(Ok(()), |fault| fail(&format!("block {index:?}: {fault}")))
        })
    }

    /// Whether an allocation has these bytes.
    fn check(&self, address: u64, num_bytes: usize) -> Result<(), AcceleratorError> {
        let memory = self.memory.lock().unwrap();
        let holds = memory
            .range(..=address)
            .next_back()
            .is_some_and(|(start, len)| (address - start) as usize + num_bytes <= *len);
        if holds {
            return Ok(());
        }
        Err(AcceleratorError(format!("{num_bytes} bytes at {address:#x} are not all allocated")))
    }

    fn check_not_recording(&self) -> Result<(), AcceleratorError> {
        if self.recording.lock().unwrap().is_none() {
            return Ok(());
        }
        Err(AcceleratorError("only launches can be recorded".into()))
    }
}

impl Accelerator for Emulated {
    fn name(&self) -> &str {
        "emulated"
    }

    fn uuid(&self) -> Option<[u8; 16]> {
        None
    }

    fn num_multiprocessors(&self) -> u32 {
        self.0.num_multiprocessors
    }

    fn allocate(&self, num_bytes: usize) -> Result<u64, AcceleratorError> {
        self.0.check_not_recording()?;
        let layout = layout(num_bytes);
        // Safety: the layout is not empty; every byte is written.
        let start = unsafe { alloc(layout) };
        if start.is_null() {
            return Err(AcceleratorError(format!("no memory for {num_bytes} bytes")));
        }
        unsafe { start.write_bytes(POISON, layout.size()) };
        let address = start as u64 + GUARD_BYTES as u64;
        self.0.memory.lock().unwrap().insert(address, num_bytes);
        Ok(address)
    }

    fn free(&self, address: u64) {
        let num_bytes = self.0.memory.lock().unwrap().remove(&address);
        let num_bytes = num_bytes.expect("only what was allocated is freed");
        let start = (address - GUARD_BYTES as u64) as *mut u8;
        let layout = layout(num_bytes);
        // Safety: it was allocated so, and all of it written.
        let is_whole = unsafe {
            let all = std::slice::from_raw_parts(start, layout.size());
            let (before, after) = (&all[..GUARD_BYTES], &all[GUARD_BYTES + num_bytes..]);
            before.iter().chain(after).all(|&byte| byte == POISON)
        };
        unsafe { dealloc(start, layout) };
        if !std::thread::panicking() {
            assert!(is_whole, "a kernel wrote outside of {num_bytes} bytes of memory");
        }
    }

    fn write(&self, to: u64, bytes: &[u8]) -> Result<(), AcceleratorError> {
        self.0.check_not_recording()?;
        self.0.check(to, bytes.len())?;
        // Safety: checked.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to as *mut u8, bytes.len()) };
        Ok(())
    }

    fn read(&self, from: u64, bytes: &mut [u8]) -> Result<(), AcceleratorError> {
        self.0.check_not_recording()?;
        self.0.check(from, bytes.len())?;
        // Safety: checked.
        unsafe {
            std::ptr::copy_nonoverlapping(from as *const u8, bytes.as_mut_ptr(), bytes.len())
        };
        Ok(())
    }

    fn launch(&self, launch: &Launch<'_>) -> Result<(), AcceleratorError> {
        if let Some(recording) = &mut *self.0.recording.lock().unwrap() {
            recording.push(OwnedLaunch {
                kernel: launch.kernel,
                grid: launch.grid,
                num_threads: launch.num_threads,
                shared_bytes: launch.shared_bytes,
                argument: launch.argument.to_vec(),
            });
            return Ok(());
        }
        self.0.run(launch)
    }

    fn mark(&self) -> Result<Box<dyn Event>, AcceleratorError> {
        self.0.check_not_recording()?;
        Ok(Box::new(Done))
    }

    fn record(
        &self,
        run: &mut dyn FnMut() -> Result<(), AcceleratorError>,
    ) -> Result<Option<Box<dyn Recording>>, AcceleratorError> {
        self.0.check_not_recording()?;
        *self.0.recording.lock().unwrap() = Some(Vec::new());
        let result = run();
        let launches = self.0.recording.lock().unwrap().take().unwrap_or_default();
        result?;
        Ok(Some(Box::new(Recorded { state: self.0.clone(), launches })))
    }
}

/// All work is done when it was asked for.
#[derive(Debug)]
struct Done;

impl Event for Done {
    fn wait(&self) -> Result<(), AcceleratorError> {
        Ok(())
    }
}

struct Recorded {
    state: Arc<State>,
    launches: Vec<OwnedLaunch>,
}

impl Recording for Recorded {
    fn replay(&self) -> Result<(), AcceleratorError> {
        self.launches.iter().try_for_each(|launch| {
            let OwnedLaunch { kernel, grid, num_threads, shared_bytes, argument } = launch;
            self.state.run(&Launch {
                kernel,
                grid: *grid,
                num_threads: *num_threads,
                shared_bytes: *shared_bytes,
                argument,
            })
        })
    }
}

fn layout(num_bytes: usize) -> Layout {
    Layout::from_size_align(num_bytes + 2 * GUARD_BYTES, ALIGN).expect("a size that exists")
}

/// The kernels of one source file.
struct Module {
    source: PathBuf,
    library: OnceLock<Library>,
}

/// The compiled file whose name `kernel` begins with.
fn library(kernel: &str) -> &'static Library {
    static MODULES: OnceLock<BTreeMap<String, Module>> = OnceLock::new();
    let modules = MODULES.get_or_init(modules);
    let begins = |stem: &str| kernel.strip_prefix(stem).is_some_and(|rest| rest.starts_with('_'));
    let module = modules.iter().rev().find(|(stem, _)| begins(stem) || *stem == kernel);
    let (_, module) = module.unwrap_or_else(|| panic!("{kernel} begins with no file's name"));
    module.library.get_or_init(|| compile(&module.source))
}

fn kernels() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/stylegan2/cuda/kernels")
}

/// The source files by their names.
fn modules() -> BTreeMap<String, Module> {
    let entries = std::fs::read_dir(kernels()).expect("the kernels' sources are in the checkout");
    let sources = entries.map(|entry| entry.unwrap().path());
    let sources = sources.filter(|path| path.extension().is_some_and(|e| e == "cu"));
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/accelerator/emulated.cu");
    sources
        .chain([own])
        .map(|source| {
            let stem = source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            (stem, Module { source, library: OnceLock::new() })
        })
        .collect()
}

fn compile(source: &Path) -> Library {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("kernels.so");
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
    let output = Command::new(&compiler)
        .args(["-std=c++20", "-O2", "-ffp-contract=off", "-shared", "-fPIC", "-Wall"])
        .args(["-Wno-unknown-pragmas", "-DLUMAWIRE_EMULATED", "-x", "c++"])
        .arg(source)
        .arg("-I")
        .arg(kernels())
        .arg("-o")
        .arg(&library)
        .output()
        .unwrap_or_else(|e| panic!("these tests need a C++ compiler; {compiler} gave: {e}"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} does not compile:\n{told}", source.display());
    // Safety: it has no initialisers but those of its thread-local values.
    unsafe { Library::new(&library) }.expect("what was just compiled can be loaded")
}

#[cfg(test)]
mod tests {
    use bytemuck::{Pod, Zeroable};
    use half::{bf16, f16};

    use super::*;
    use crate::accelerator::Memory;
    use crate::random::RandomState;

    #[repr(C)]
    #[derive(Clone, Copy, Pod, Zeroable)]
    struct Args {
        x: u64,
        y: u64,
        num: u64,
    }

    fn launch(
        accelerator: &dyn Accelerator,
        kernel: &'static str,
        (x, y): (&Memory, &Memory),
        num: usize,
        (num_blocks, num_threads): (u32, u32),
    ) -> Result<(), AcceleratorError> {
        let args = Args { x: x.address(), y: y.address(), num: num as u64 };
        accelerator.launch(&Launch {
            kernel,
            grid: [num_blocks, 1, 1],
            num_threads,
            shared_bytes: 0,
            argument: bytemuck::bytes_of(&args),
        })
    }

    fn read<T: Pod>(accelerator: &dyn Accelerator, memory: &Memory) -> Vec<T> {
        let mut values = vec![T::zeroed(); memory.num_bytes() / size_of::<T>()];
        accelerator.read(memory.address(), bytemuck::cast_slice_mut(&mut values)).unwrap();
        values
    }

    #[test]
    fn threads_of_a_block_meet_at_barriers() {
        let accelerator = emulated();
        let values: Vec<f32> = (0..5 * 96).map(|i| (i % 101) as f32).collect();
        let x = Memory::holding(&accelerator, bytemuck::cast_slice(&values)).unwrap();
        let y = Memory::new(&accelerator, x.num_bytes()).unwrap();
        launch(&*accelerator, "emulated_sums", (&x, &y), 0, (5, 96)).unwrap();
        let sums = values.chunks(96).flat_map(|block| [block.iter().sum::<f32>(); 96]);
        assert_eq!(read::<f32>(&*accelerator, &y), sums.collect::<Vec<_>>());
    }

    #[test]
    fn a_recording_runs_when_it_is_replayed() {
        let accelerator = emulated();
        let x = Memory::holding(&accelerator, &[0; 128]).unwrap();
        let y = Memory::new(&accelerator, 128).unwrap();
        let mut run = || launch(&*accelerator, "emulated_sums", (&x, &y), 0, (1, 32));
        let recording = accelerator.record(&mut run).unwrap().unwrap();
        assert!(read::<f32>(&*accelerator, &y).iter().all(|v| v.is_nan()));
        recording.replay().unwrap();
        assert_eq!(read::<f32>(&*accelerator, &y), [0.0; 32]);
        let ones = [1.0_f32; 32];
        accelerator.write(x.address(), bytemuck::cast_slice(&ones)).unwrap();
        recording.replay().unwrap();
        assert_eq!(read::<f32>(&*accelerator, &y), [32.0; 32]);
    }

    #[test]
    fn finds_what_a_device_leaves_undefined() {
        let accelerator = emulated();
        let x = Memory::new(&accelerator, 128).unwrap();
        let y = Memory::new(&accelerator, 128).unwrap();
        let torn = launch(&*accelerator, "emulated_torn", (&x, &y), 0, (1, 32));
        assert!(torn.unwrap_err().to_string().contains("never come"));
        let short = launch(&*accelerator, "emulated_sums", (&x, &y), 0, (1, 31));
        assert!(short.unwrap_err().to_string().contains("less than 32"));
        let mut bytes = [0; 129];
        assert!(accelerator.read(x.address(), &mut bytes).is_err());

        launch(&*accelerator, "emulated_beyond", (&x, &y), 32, (1, 1)).unwrap();
        let freed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(y)));
        assert!(freed.is_err());
    }

    #[test]
    fn asynchronous_copies_happen_early_or_late() {
        let ones = [1.0_f32; 128];
        for eager in [false, true] {
            let accelerator = emulated_with(1, eager);
            let x = Memory::holding(&accelerator, bytemuck::cast_slice(&ones)).unwrap();
            let y = Memory::new(&accelerator, 64).unwrap();
            launch(&*accelerator, "emulated_copies", (&x, &y), 0, (1, 1)).unwrap();
            let y = read::<f32>(&*accelerator, &y);
            // Before it waits; after it waited for all but one group; after all. One copy of 16
            // bytes is of 12 and zeros.
            assert_eq!(y[..4].iter().all(|&v| v == 1.0), eager);
            assert_eq!(y[4..8], [1.0; 4]);
            assert_eq!(y[8] == 1.0, eager);
            assert_eq!(y[12..], [1.0, 1.0, 1.0, 0.0]);
        }
    }

    #[test]
    fn numbers_of_16_bits_are_converted_as_elsewhere() {
        let accelerator = emulated();
        let bits: Vec<u16> = (0..=u16::MAX).collect();
        let mut state = RandomState::new(1);
        let mut values: Vec<f32> = bits.iter().map(|&b| f16::from_bits(b).to_f32()).collect();
        values.extend(bits.iter().map(|&b| bf16::from_bits(b).to_f32()));
        // Halfway between two halves, and near.
        values.extend(bits.iter().map(|&b| f16::from_bits(b).to_f32() * (1.0 + 1.0 / 4096.0)));
        values.extend((0..65536).map(|_| f32::from_bits((state.uniform() * 4294967296.0) as u32)));
        values.retain(|v| !v.is_nan());
        let x = Memory::holding(&accelerator, bytemuck::cast_slice(&bits)).unwrap();
        let floats = Memory::holding(&accelerator, bytemuck::cast_slice(&values)).unwrap();
        let same = |a: f32, b: f32| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
        let largest = f32::from(f16::MAX);

        let y = Memory::new(&accelerator, 4 * bits.len()).unwrap();
        for (kernel, of) in [
            ("emulated_halves", (|b| f16::from_bits(b).to_f32()) as fn(u16) -> f32),
            ("emulated_bf16s", |b| bf16::from_bits(b).to_f32()),
        ] {
            launch(&*accelerator, kernel, (&x, &y), bits.len(), (1, 64)).unwrap();
            let got = read::<f32>(&*accelerator, &y);
            assert!(bits.iter().zip(got).all(|(&b, got)| same(of(b), got)), "{kernel}");
        }
        let y = Memory::new(&accelerator, 2 * values.len()).unwrap();
        launch(&*accelerator, "emulated_to_halves", (&floats, &y), values.len(), (1, 64)).unwrap();
        for (v, got) in values.iter().zip(read::<f16>(&*accelerator, &y)) {
            assert_eq!(got.to_bits(), f16::from_f32(v.clamp(-largest, largest)).to_bits(), "{v}");
        }
        launch(&*accelerator, "emulated_to_bf16s", (&floats, &y), values.len(), (1, 64)).unwrap();
        for (v, got) in values.iter().zip(read::<bf16>(&*accelerator, &y)) {
            assert_eq!(got.to_bits(), bf16::from_f32(*v).to_bits(), "{v}");
        }
    }
}
