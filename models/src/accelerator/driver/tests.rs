//! The driver's calls, on a stand-in for the driver (`tests/driver/libcuda.c`). It must be found by the
//! system's loader, so each test runs itself again with the stand-in's folder in the loader's path.

use std::path::Path;
use std::process::Command;

use super::*;
use crate::accelerator::Memory;

/// Set in the process that has the stand-in.
const INSIDE: &str = "LUMAWIRE_STUB_INSIDE";

const MODULES: &[ptx::Module] = &[
    ptx::Module {
        name: "stub",
        ptx: ".visible .entry stub_add(\n\t.param .align 8 .b8 stub_add_param_0[16]\n)\n.visible \
              .entry stub_fault(\n\t.param .align 8 .b8 stub_fault_param_0[16]\n)\n",
    },
    ptx::Module {
        name: "broken",
        ptx: "SYNTAX ERROR\n.entry broken_one(\n\t.param .b8 broken_one_param_0[16]\n)\n",
    },
];

/// Compiles the stand-in into `folder`, under every name by which it may be looked for first.
fn build_stub(folder: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/driver/libcuda.c");
    let library = folder.join("libcuda.so");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-pthread", "-o"]).arg(&library).arg(source);
    assert!(cc.status().expect("cc").success());
    std::fs::copy(&library, folder.join("libcuda.so.1")).unwrap();
}

/// Runs `body` in a process that finds the stand-in, made as `what` says; returns what it says is
/// left over.
fn on_stub(test: &str, what: &str, body: impl FnOnce()) -> Option<String> {
    if std::env::var_os(INSIDE).is_some() {
        body();
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    build_stub(folder.path());
    let log = folder.path().join("log");
    let ran = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("accelerator::driver::tests::{test}"), "--nocapture"])
        .env(INSIDE, "1")
        .env("LUMAWIRE_STUB", what)
        .env("LUMAWIRE_STUB_LOG", &log)
        .env("LD_LIBRARY_PATH", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let complained = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}{complained}");
    Some(std::fs::read_to_string(log).unwrap_or_default())
}

const NOTHING_LEFT: &str =
    "contexts 0 streams 0 events 0 modules 0 graphs 0 memory 0 host 0 outside 0";

fn open() -> Arc<dyn Accelerator> {
    Arc::new(Cuda::with_modules(0, MODULES).unwrap())
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Add {
    to: u64,
    value: u32,
    num: u32,
}

fn add(cuda: &dyn Accelerator, to: u64, value: u32, num: u32) -> Result<(), AcceleratorError> {
    run(cuda, "stub_add", bytemuck::bytes_of(&Add { to, value, num }), 0)
}

fn run(
    cuda: &dyn Accelerator,
    kernel: &'static str,
    argument: &[u8],
    shared_bytes: u32,
) -> Result<(), AcceleratorError> {
    cuda.launch(&Launch { kernel, grid: [3, 1, 1], num_threads: 32, shared_bytes, argument })
}

fn numbers(cuda: &dyn Accelerator, from: u64, num: usize) -> Vec<u32> {
    let mut numbers = vec![0; num];
    cuda.read(from, bytemuck::cast_slice_mut(&mut numbers)).unwrap();
    numbers
}

#[test]
fn memory_copies_kernels_and_recordings_work_and_nothing_is_left() {
    let test = "memory_copies_kernels_and_recordings_work_and_nothing_is_left";
    for pools in ["pooled", "unpooled"] {
        let left = on_stub(test, pools, || {
            let cuda = open();
            assert_eq!(cuda.name(), "Stub 1000 (cuda:0)");
            assert_eq!(cuda.num_multiprocessors(), 13);
            assert_eq!(cuda.uuid().unwrap()[..3], [0xf0, 0xf1, 0xf2]);

            // More than all pieces of the way there, which are used again; and not whole ones.
            let num = 5_000_011 / 4;
            let mut host: Vec<u32> = (0..num as u32).collect();
            let memory = Memory::new(&cuda, num * 4).unwrap();
            assert_eq!(memory.address() % 256, 0);
            cuda.write(memory.address(), bytemuck::cast_slice(&host)).unwrap();
            host.fill(0); // the bytes may change at once
            assert!(numbers(&*cuda, memory.address(), num).iter().zip(0..).all(|(a, b)| *a == b));

            // In order: the sum is of what was written before.
            add(&*cuda, memory.address(), 5, 2).unwrap();
            add(&*cuda, memory.address(), 1, 1).unwrap();
            assert_eq!(numbers(&*cuda, memory.address(), 3), [6 * 96, 1 + 5 * 96, 2]);

            // What is recorded does not run before it is replayed, and then each time.
            cuda.write(memory.address(), &[0; 8]).unwrap();
            let mut launches = || {
                add(&*cuda, memory.address(), 1, 2)?;
                assert!(cuda.write(memory.address(), &[1]).is_err(), "copies are not recorded");
                add(&*cuda, memory.address() + 4, 1, 1)
            };
            let recording = cuda.record(&mut launches).unwrap().unwrap();
            assert_eq!(numbers(&*cuda, memory.address(), 2), [0, 0]);
            recording.replay().unwrap();
            recording.replay().unwrap();
            assert_eq!(numbers(&*cuda, memory.address(), 2), [2 * 96, 4 * 96]);

            let mut pinned = cuda.pinned(8).unwrap();
            assert_eq!(pinned.bytes(), [0; 8]);
            cuda.copy_out(memory.address(), &mut *pinned).unwrap();
            assert_eq!(bytemuck::cast_slice::<_, u32>(pinned.bytes()), [2 * 96, 4 * 96]);
            cuda.write(memory.address(), pinned.bytes()).unwrap();
            pinned.bytes_mut().fill(0xff);
            drop(pinned);
            assert_eq!(numbers(&*cuda, memory.address(), 2), [2 * 96, 4 * 96]);
            assert!(cuda.pinned(0).unwrap().bytes().is_empty());

            let mark = cuda.mark().unwrap();
            let address = memory.address();
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    mark.wait().unwrap();
                    add(&*cuda, address, 1, 1).unwrap();
                });
            });
            assert_eq!(numbers(&*cuda, address, 1), [3 * 96]);
        });
        if let Some(left) = left {
            assert_eq!(left, NOTHING_LEFT, "{pools}");
        }
    }
}

#[test]
fn other_threads_work_while_one_records() {
    let left = on_stub("other_threads_work_while_one_records", "", || {
        let cuda = open();
        let memory = Memory::holding(&cuda, &[0; 4]).unwrap();
        let address = memory.address();
        add(&*cuda, address, 1, 1).unwrap();
        let mut launches = || {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let own = Memory::holding(&cuda, &[0; 4]).unwrap();
                    add(&*cuda, own.address(), 2, 1).unwrap();
                    assert_eq!(numbers(&*cuda, own.address(), 1), [2 * 96]);
                });
            });
            add(&*cuda, address, 1, 1)
        };
        let recording = cuda.record(&mut launches).unwrap().unwrap();
        assert_eq!(numbers(&*cuda, address, 1), [96]);
        recording.replay().unwrap();
        assert_eq!(numbers(&*cuda, address, 1), [2 * 96]);

        // A recording that fails or panics leaves launches as they were.
        let mut fails = || run(&*cuda, "stub_gone", &[0; 16], 0);
        let error = cuda.record(&mut fails).err().unwrap();
        assert!(error.to_string().contains("no kernel `stub_gone`"), "{error}");
        let panics = std::panic::AssertUnwindSafe(|| cuda.record(&mut || panic!("as meant")));
        assert!(std::panic::catch_unwind(panics).is_err());
        add(&*cuda, address, 1, 1).unwrap();
        assert_eq!(numbers(&*cuda, address, 1), [3 * 96]);
    });
    if let Some(left) = left {
        assert_eq!(left, NOTHING_LEFT);
    }
}

#[test]
fn failures_are_told_in_words() {
    let left = on_stub("failures_are_told_in_words", "", || {
        let cuda = open();
        let error = cuda.allocate(65 << 20).unwrap_err().to_string();
        for part in ["Stub 1000 (cuda:0)", "memory is full", "65 MiB", "64 of 64 MiB free"] {
            assert!(error.contains(part), "{error}");
        }
        let error = run(&*cuda, "broken_one", &[0; 16], 0).unwrap_err().to_string();
        for part in ["`broken`", "newer driver", "line 3; error : unexpected", "INVALID_PTX"] {
            assert!(error.contains(part), "{error}");
        }
        let error = run(&*cuda, "stub_add", &[0; 12], 0).unwrap_err().to_string();
        assert!(error.contains("16 bytes and was given 12"), "{error}");
        let memory = Memory::holding(&cuda, &[0; 16]).unwrap();
        let argument = Add { to: memory.address(), value: 0, num: 0 };
        run(&*cuda, "stub_add", bytemuck::bytes_of(&argument), 99 << 10).unwrap();
        let error = run(&*cuda, "stub_add", &[0; 16], 100 << 10).unwrap_err().to_string();
        assert!(error.contains("102400 bytes of shared memory"), "{error}");
        // All of this passes: the GPU is still of use.
        add(&*cuda, memory.address(), 1, 1).unwrap();
        assert_eq!(numbers(&*cuda, memory.address(), 1), [96]);
    });
    if let Some(left) = left {
        assert_eq!(left, NOTHING_LEFT);
    }
}

#[test]
fn after_a_fault_every_call_says_so() {
    on_stub("after_a_fault_every_call_says_so", "", || {
        let cuda = open();
        let memory = Memory::new(&cuda, 16).unwrap();
        let mark = cuda.mark().unwrap();
        run(&*cuda, "stub_fault", &[0; 16], 0).unwrap();
        let errors = [
            cuda.read(memory.address(), &mut [0; 4]).err(),
            cuda.write(memory.address(), &[0; 4]).err(),
            cuda.allocate(1).err(),
            add(&*cuda, memory.address(), 1, 1).err(),
            cuda.mark().err(),
            mark.wait().err(),
            cuda.record(&mut || Ok(())).err(),
        ];
        for error in errors {
            let error = error.expect("it fails").to_string();
            assert!(error.contains("a kernel reached outside of its memory"), "{error}");
            assert!(error.contains("until the program is started again"), "{error}");
        }
    });
}

#[test]
#[cfg(unix)]
fn memory_of_others_is_shared_and_let_go() {
    use std::io::{Read, Seek, Write};
    let left = on_stub("memory_of_others_is_shared_and_let_go", "", || {
        let cuda = open();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[0; 64]).unwrap();
        let address = cuda.import(file.try_clone().unwrap().into(), 64).unwrap();
        add(&*cuda, address + 8, 7, 1).unwrap();
        cuda.mark().unwrap().wait().unwrap();
        let mut bytes = [0; 64];
        file.rewind().unwrap();
        file.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes[8..12], (7_u32 * 96).to_le_bytes());
        cuda.free(address);
        // What cannot be taken over stays the caller's, and is closed.
        let read_only = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
        let error = cuda.import(read_only.into(), 64).unwrap_err().to_string();
        assert!(error.contains("taking over memory"), "{error}");
    });
    if let Some(left) = left {
        assert_eq!(left, NOTHING_LEFT);
    }
}

#[test]
fn times_are_of_the_gpu() {
    on_stub("times_are_of_the_gpu", "", || {
        let cuda = Cuda::with_modules(0, MODULES).unwrap();
        let memory = cuda.allocate(16).unwrap();
        let from = cuda.mark_time().unwrap();
        for _ in 0..10 {
            add(&cuda, memory, 1, 1).unwrap();
        }
        let to = cuda.mark_time().unwrap();
        // The stand-in's clock counts a millisecond a piece of work, the mark as well.
        assert_eq!(cuda.elapsed_ms(&from, &to).unwrap(), 11.0);
        assert_eq!(cuda.memory_info().unwrap(), ((64 << 20) - 16, 64 << 20));
        cuda.free(memory);
    });
}

#[test]
fn gpus_that_do_not_serve_are_refused() {
    on_stub("gpus_that_do_not_serve_are_refused", "old", || {
        let error = Cuda::open(0).unwrap_err().to_string();
        assert!(error.contains("Stub 1000 (cuda:0) is too old"), "{error}");
        assert!(error.contains("is 7.5") && error.contains("need 8.0"), "{error}");
        let error = Cuda::open(1).unwrap_err().to_string();
        assert!(error.contains("no GPU cuda:1") && error.contains("finds 1, cuda:0"), "{error}");
    });
}

#[test]
fn every_function_that_is_called_is_looked_for() {
    let sources = [
        include_str!("../driver.rs"),
        include_str!("kernels.rs"),
        include_str!("library.rs"),
        include_str!("memory.rs"),
        include_str!("recording.rs"),
        include_str!("words.rs"),
    ];
    let mut called = std::collections::BTreeSet::new();
    for source in sources {
        for (at, _) in source.match_indices("sys::cu") {
            let name = &source[at + "sys::".len()..];
            let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
            called.insert(&name[..end]);
        }
    }
    called.remove("culib");
    let looked_for = library::FUNCTIONS.iter().copied().collect();
    assert_eq!(called, looked_for);
}
