//! Where the time of a picture goes, kernel by kernel.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use lumawire_models::accelerator::driver::Cuda;
use lumawire_models::accelerator::{
    Accelerator, AcceleratorError, Event, Launch, Pinned, Recording,
};
use serde_json::{Value as Json, json};

use crate::network::Engine;
use crate::times::{elapsed, quantile};
use crate::{Bench, NUM_WARM_UPS, Outcome};

/// Times that a kernel is run within one timed piece of work, and such pieces.
const NUM_REPEATS: usize = 20;
/// How the names of kernels end that finish what the one before began.
const SECOND_HALF: &str = "_add_splits";

/// A kernel of a picture, with the second half of its work where it has one.
pub struct Step {
    pub kernel: &'static str,
    /// Its time in ms, run again and again on the same values.
    pub ms: f64,
}

impl Bench {
    /// The kernels of a picture that an engine launches on `watch`, in their order.
    pub fn kernels(&self, engine: &Engine<'_>, watch: &Watch) -> Outcome<Vec<Step>> {
        engine.draw()?.wait()?;
        watch.begin();
        engine.draw()?.wait()?;
        let mut steps: Vec<Vec<Seen>> = Vec::new();
        for seen in watch.end() {
            match steps.last_mut() {
                Some(step) if seen.kernel.ends_with(SECOND_HALF) => step.push(seen),
                _ => steps.push(vec![seen]),
            }
        }
        let steps = steps.iter().map(|launches| {
            Ok(Step { kernel: launches[0].kernel, ms: repeated(&self.cuda, launches)? })
        });
        steps.collect()
    }
}

/// Prints the sums of every kernel.
pub fn print(steps: &[Step]) -> Json {
    let mut by_kernel: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for step in steps {
        let sum = by_kernel.entry(step.kernel).or_default();
        *sum = (sum.0 + 1, sum.1 + step.ms);
    }
    let mut rows: Vec<_> = by_kernel.into_iter().collect();
    rows.sort_by(|a, b| b.1.1.total_cmp(&a.1.1));
    println!("  {:<44} {:>8} {:>8}", "kernels of a picture, each repeated alone", "times", "ms");
    let rows = rows.into_iter().map(|(kernel, (count, ms))| {
        println!("  {kernel:<44} {count:>8} {ms:>8.4}");
        json!({ "kernel": kernel, "times": count, "ms": ms })
    });
    let rows = rows.collect::<Vec<_>>().into();
    println!("  {:<44} {:>8} {:>8.4}", "all", "", steps.iter().map(|step| step.ms).sum::<f64>());
    rows
}

/// Median time in ms of some launches among many of them, without the time to ask for each.
fn repeated(cuda: &Cuda, launches: &[Seen]) -> Outcome<f64> {
    let repeat = || {
        let mut all = (0..NUM_REPEATS).flat_map(|_| launches);
        all.try_for_each(|seen| cuda.launch(&seen.launch()))
    };
    let recording = cuda.record(&mut || repeat())?;
    let work = || match &recording {
        Some(recording) => recording.replay(),
        None => repeat(),
    };
    for _ in 0..NUM_WARM_UPS {
        work()?;
    }
    let mut marks = vec![cuda.mark_time()?];
    for _ in 0..NUM_REPEATS {
        work()?;
        marks.push(cuda.mark_time()?);
    }
    Ok(quantile(&elapsed(cuda, &marks)?, 0.5) / NUM_REPEATS as f64)
}

/// A launch, with its argument.
struct Seen {
    kernel: &'static str,
    grid: [u32; 3],
    num_threads: u32,
    shared_bytes: u32,
    argument: Vec<u8>,
}

impl Seen {
    fn new(launch: &Launch<'_>) -> Self {
        let Launch { kernel, grid, num_threads, shared_bytes, argument } = *launch;
        Self { kernel, grid, num_threads, shared_bytes, argument: argument.to_vec() }
    }

    fn launch(&self) -> Launch<'_> {
        let Self { kernel, grid, num_threads, shared_bytes, .. } = *self;
        Launch { kernel, grid, num_threads, shared_bytes, argument: &self.argument }
    }
}

/// A GPU that does not record, and that can list its launches.
pub struct Watch {
    cuda: Arc<Cuda>,
    seen: Mutex<Option<Vec<Seen>>>,
}

impl Watch {
    pub fn new(cuda: &Arc<Cuda>) -> Arc<Self> {
        Arc::new(Self { cuda: cuda.clone(), seen: Mutex::new(None) })
    }

    /// Begins to list.
    fn begin(&self) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Vec::new());
    }

    /// The launches since then.
    fn end(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cuda.fmt(f)
    }
}

impl Accelerator for Watch {
    fn name(&self) -> &str {
        self.cuda.name()
    }

    fn uuid(&self) -> Option<[u8; 16]> {
        self.cuda.uuid()
    }

    fn num_multiprocessors(&self) -> u32 {
        self.cuda.num_multiprocessors()
    }

    fn allocate(&self, num_bytes: usize) -> Result<u64, AcceleratorError> {
        self.cuda.allocate(num_bytes)
    }

    fn free(&self, address: u64) {
        self.cuda.free(address);
    }

    fn write(&self, to: u64, bytes: &[u8]) -> Result<(), AcceleratorError> {
        self.cuda.write(to, bytes)
    }

    fn read(&self, from: u64, bytes: &mut [u8]) -> Result<(), AcceleratorError> {
        self.cuda.read(from, bytes)
    }

    fn pinned(&self, num_bytes: usize) -> Result<Box<dyn Pinned>, AcceleratorError> {
        self.cuda.pinned(num_bytes)
    }

    fn copy_out(&self, from: u64, to: &mut dyn Pinned) -> Result<(), AcceleratorError> {
        self.cuda.copy_out(from, to)
    }

    fn launch(&self, launch: &Launch<'_>) -> Result<(), AcceleratorError> {
        if let Some(seen) = &mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner) {
            seen.push(Seen::new(launch));
        }
        self.cuda.launch(launch)
    }

    fn mark(&self) -> Result<Box<dyn Event>, AcceleratorError> {
        self.cuda.mark()
    }

    fn record(
        &self,
        _run: &mut dyn FnMut() -> Result<(), AcceleratorError>,
    ) -> Result<Option<Box<dyn Recording>>, AcceleratorError> {
        Ok(None)
    }
}
