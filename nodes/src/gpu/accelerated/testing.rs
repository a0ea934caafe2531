//! An accelerator on the processor, for tests of what happens around one. It runs no kernels, but
//! keeps the order of work, and does it either at once or not before somebody waits for it: so what
//! is used again too early, or read without a wait, is always seen.
// Foreign memory is mapped, and pinned memory written behind the caller's back, as a GPU does.
#![allow(unsafe_code)]

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lumawire_models::ModelError;
use lumawire_models::accelerator::{
    Accelerator, AcceleratorError, Event, Launch, Pinned, Recording,
};
use memmap2::MmapMut;

use crate::gpu::Gpu;

/// When work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As soon as it is asked for.
    Early,
    /// When somebody waits for it.
    Late,
}

/// See above.
pub struct Simulated {
    uuid: Option<[u8; 16]>,
    pace: Pace,
    imports: bool,
    work: Arc<Mutex<Work>>,
    num_imports: AtomicUsize,
}

#[derive(Default)]
struct Work {
    regions: BTreeMap<u64, Region>,
    num_regions: u64,
    queue: VecDeque<Job>,
    num_asked: u64,
    num_done: u64,
    is_lost: bool,
}

type Job = Box<dyn FnOnce(&mut BTreeMap<u64, Region>) + Send>;

/// Memory, found by its address.
enum Region {
    Own(Vec<u8>),
    /// Another device's, and where its content begins in the file.
    Foreign(MmapMut, usize),
}

/// What lies between the addresses of two regions.
const STRIDE: u64 = 1 << 40;

impl Region {
    fn bytes(&mut self) -> &mut [u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Foreign(map, offset) => &mut map[*offset..],
        }
    }
}

impl Work {
    fn run_until(&mut self, number: u64) {
        while self.num_done < number
            && let Some(job) = self.queue.pop_front()
        {
            job(&mut self.regions);
            self.num_done += 1;
        }
    }

    fn place(&mut self, region: Region) -> u64 {
        self.num_regions += 1;
        let address = self.num_regions * STRIDE;
        self.regions.insert(address, region);
        address
    }
}

impl Simulated {
    /// One that is, or is not, the device of `gpu`.
    pub fn new(pace: Pace, of: Option<&Gpu>) -> Arc<Self> {
        let uuid = of.map_or(Some([7; 16]), super::vulkan::uuid);
        let work = Arc::default();
        Arc::new(Self { uuid, pace, imports: true, work, num_imports: AtomicUsize::new(0) })
    }

    /// One that is the device of `gpu` but takes no foreign memory.
    pub fn secluded(of: &Gpu) -> Arc<Self> {
        let new = Self::new(Pace::Late, Some(of));
        Arc::new(Self { imports: false, ..Arc::into_inner(new).unwrap() })
    }

    /// From now on everything fails, and what was not done never is.
    pub fn lose(&self) {
        let mut work = self.work();
        work.is_lost = true;
        work.queue.clear();
    }

    /// Asks for a picture of these texels.
    pub fn draw(&self, to: u64, texels: &[u8]) -> Result<Box<dyn Event>, ModelError> {
        self.write(to, texels)?;
        Ok(self.mark()?)
    }

    /// How often foreign memory was taken.
    pub fn num_imports(&self) -> usize {
        self.num_imports.load(Ordering::Relaxed)
    }

    /// How many pieces of memory it holds once all work is done.
    pub fn num_regions(&self) -> usize {
        let mut work = self.work();
        work.run_until(u64::MAX);
        work.regions.len()
    }

    fn ask(&self, job: Job) -> Result<(), AcceleratorError> {
        let mut work = self.work();
        check(&work)?;
        work.queue.push_back(job);
        work.num_asked += 1;
        if self.pace == Pace::Early {
            work.run_until(u64::MAX);
        }
        Ok(())
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check(work: &Work) -> Result<(), AcceleratorError> {
    if work.is_lost { Err(AcceleratorError("it fell off the bus".into())) } else { Ok(()) }
}

/// What lies from `address` on.
fn at(regions: &mut BTreeMap<u64, Region>, address: u64) -> &mut [u8] {
    let found = regions.range_mut(..=address).next_back();
    let (start, region) = found.filter(|(start, _)| address - **start < STRIDE).expect("memory");
    &mut region.bytes()[(address - start) as usize..]
}

impl Accelerator for Simulated {
    fn name(&self) -> &str {
        "simulated accelerator"
    }

    fn uuid(&self) -> Option<[u8; 16]> {
        self.uuid
    }

    fn num_multiprocessors(&self) -> u32 {
        1
    }

    fn allocate(&self, num_bytes: usize) -> Result<u64, AcceleratorError> {
        let mut work = self.work();
        check(&work)?;
        Ok(work.place(Region::Own(vec![0xa5; num_bytes])))
    }

    fn free(&self, address: u64) {
        let is_new = self.ask(Box::new(move |regions| drop(regions.remove(&address))));
        if is_new.is_err() {
            self.work().regions.remove(&address);
        }
    }

    fn write(&self, to: u64, bytes: &[u8]) -> Result<(), AcceleratorError> {
        let bytes = bytes.to_vec();
        self.ask(Box::new(move |regions| {
            at(regions, to)[..bytes.len()].copy_from_slice(&bytes);
        }))
    }

    fn read(&self, from: u64, bytes: &mut [u8]) -> Result<(), AcceleratorError> {
        let mut work = self.work();
        check(&work)?;
        work.run_until(u64::MAX);
        bytes.copy_from_slice(&at(&mut work.regions, from)[..bytes.len()]);
        Ok(())
    }

    fn copy_out(&self, from: u64, to: &mut dyn Pinned) -> Result<(), AcceleratorError> {
        let to = to.bytes_mut();
        let (address, len) = (to.as_mut_ptr() as usize, to.len());
        self.ask(Box::new(move |regions| {
            // SAFETY: the caller keeps it, and does not look at it, until he has waited for a mark
            // behind this copy.
            let to = unsafe { std::slice::from_raw_parts_mut(address as *mut u8, len) };
            to.copy_from_slice(&at(regions, from)[..len]);
        }))
    }

    fn import(&self, memory: OwnedFd, num_bytes: usize) -> Result<u64, AcceleratorError> {
        if !self.imports {
            return Err(AcceleratorError("it takes no foreign memory".into()));
        }
        // SAFETY: the file is memory of this process, which nobody cuts short.
        let map = unsafe { MmapMut::map_mut(&File::from(memory)) }
            .map_err(|e| AcceleratorError(e.to_string()))?;
        let offset = content_offset(&map);
        assert!(offset + num_bytes <= map.len(), "{offset} + {num_bytes} of {}", map.len());
        self.num_imports.fetch_add(1, Ordering::Relaxed);
        Ok(self.work().place(Region::Foreign(map, offset)))
    }

    /// Its kernels do nothing.
    fn launch(&self, _: &Launch<'_>) -> Result<(), AcceleratorError> {
        check(&self.work())
    }

    fn mark(&self) -> Result<Box<dyn Event>, AcceleratorError> {
        let work = self.work();
        check(&work)?;
        Ok(Box::new(Mark { number: work.num_asked, work: self.work.clone() }))
    }

    fn record(
        &self,
        _: &mut dyn FnMut() -> Result<(), AcceleratorError>,
    ) -> Result<Option<Box<dyn Recording>>, AcceleratorError> {
        Ok(None)
    }
}

impl fmt::Debug for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Simulated")
    }
}

struct Mark {
    number: u64,
    work: Arc<Mutex<Work>>,
}

impl Event for Mark {
    fn wait(&self) -> Result<(), AcceleratorError> {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        check(&work)?;
        work.run_until(self.number);
        Ok(())
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mark({})", self.number)
    }
}

/// Where the content of lavapipe's memory begins: Mesa writes the file's length and this offset at
/// its head (`os_memory_fd.c`). Without such a head, at 0.
fn content_offset(map: &[u8]) -> usize {
    let word = |i: usize| usize::from_ne_bytes(map[8 * i..8 * i + 8].try_into().unwrap());
    let (len, offset) = (word(0), word(1));
    if len == map.len() && (16..len).contains(&offset) { offset } else { 0 }
}
