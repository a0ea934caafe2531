//! The worker that prepares plans while the engine runs, and frees what swaps leave over.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use lumawire_core::plan::Plan;

use crate::engine::{Engine, Garbage, Prepared, RunCx, Running, prepare_while};
use crate::show::Swaps;

/// Plans that may wait for the worker. An editor that is faster waits here, never the engine.
const MAX_WAITING: usize = 8;

/// Prepares plans on a thread of its own, in the order in which they were handed in.
pub struct Preparer {
    plans: Option<Sender<Plan>>,
    /// Set once nobody needs what is being prepared.
    stop: Arc<AtomicBool>,
    /// Nothing is ever sent: dropping it ends the worker, whatever it waits for.
    quit: Option<Sender<()>>,
    times: Arc<Times>,
    worker: Option<JoinHandle<()>>,
}

/// Holds one plan that waits for a worker: a newer one takes its place. Putting one there never
/// waits. Clones are the same.
#[derive(Clone)]
pub struct PlanSlot {
    plan: Arc<Mutex<Option<Waiting>>>,
    wake: Sender<()>,
    woken: Receiver<()>,
}

/// A plan, and the folder of its patch, where that is another one from then on.
type Waiting = (Plan, Option<PathBuf>);

impl Default for PlanSlot {
    fn default() -> Self {
        let (wake, woken) = bounded(1);
        Self { plan: Arc::default(), wake, woken }
    }
}

impl PlanSlot {
    /// Leaves a plan in place of the one that waits.
    pub fn put(&self, plan: Plan) {
        let mut slot = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        // The folder came with the plan that nobody took.
        let base_dir = slot.take().and_then(|(_, base_dir)| base_dir);
        self.leave(slot, (plan, base_dir));
    }

    /// As [`put`](Self::put), where relative paths of files start in `base_dir` from then on: the
    /// patch was saved there.
    pub fn put_at(&self, plan: Plan, base_dir: PathBuf) {
        let slot = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        self.leave(slot, (plan, Some(base_dir)));
    }

    fn leave(&self, mut slot: MutexGuard<'_, Option<Waiting>>, plan: Waiting) {
        *slot = Some(plan);
        drop(slot);
        // A worker that is woken already looks for the newest.
        let _ = self.wake.try_send(());
    }

    fn take(&self) -> Option<Waiting> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The engine's end: prepared plans come in, garbage goes out. Neither ever blocks.
pub struct SwapPort {
    prepared: Receiver<Prepared>,
    garbage: Sender<Garbage>,
    times: Arc<Times>,
}

/// How long swaps held the engine up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SwapTimes {
    /// Plans that were taken.
    pub num: u64,
    /// All of them together.
    pub total: Duration,
    /// The longest.
    pub longest: Duration,
}

/// Written by the engine's end.
#[derive(Default)]
struct Times {
    num: AtomicU64,
    total_ns: AtomicU64,
    longest_ns: AtomicU64,
}

impl Preparer {
    /// Starts the worker for an engine that runs `engine`'s plan, and nobody else's swaps.
    pub fn start(engine: &Engine) -> std::io::Result<(Self, SwapPort)> {
        Self::start_from(engine, &PlanSlot::default())
    }

    /// As [`start`](Self::start); takes plans from `slot` too.
    pub fn start_from(engine: &Engine, slot: &PlanSlot) -> std::io::Result<(Self, SwapPort)> {
        let (plans, waiting) = bounded(MAX_WAITING);
        let (done, prepared) = bounded(MAX_WAITING);
        // One place more than plans can be under way, so that the engine's send never fails.
        let (garbage, trash) = bounded(2 * MAX_WAITING + 2);
        let (quit, quitting) = bounded(0);
        let (running, cx) = (engine.running().clone(), engine.cx().clone());
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = stop.clone();
        let ends =
            Ends { waiting, slot: slot.clone(), done, trash, quit: quitting, stop: stopping };
        let worker =
            Builder::new().name("lumawire-worker".into()).spawn(move || ends.work(running, cx))?;
        let times = Arc::new(Times::default());
        let (plans, quit, worker) = (Some(plans), Some(quit), Some(worker));
        let preparer = Self { plans, stop, quit, times: times.clone(), worker };
        Ok((preparer, SwapPort { prepared, garbage, times }))
    }

    /// Hands in a plan; waits while too many wait already. Returns false if the worker is gone.
    pub fn submit(&self, plan: Plan) -> bool {
        self.plans.as_ref().is_some_and(|plans| plans.send(plan).is_ok())
    }

    /// What the swaps have cost the engine.
    pub fn swap_times(&self) -> SwapTimes {
        let ns = |time: &AtomicU64| Duration::from_nanos(time.load(Ordering::Relaxed));
        let Times { num, total_ns, longest_ns } = &*self.times;
        SwapTimes { num: num.load(Ordering::Acquire), total: ns(total_ns), longest: ns(longest_ns) }
    }
}

impl Drop for Preparer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        (self.plans, self.quit) = (None, None);
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

impl Swaps for SwapPort {
    fn take(&mut self, engine: &mut Engine) {
        Self::take(self, engine);
    }
}

impl SwapPort {
    /// Swaps in every plan that is ready. Call between blocks.
    pub fn take(&self, engine: &mut Engine) {
        while let Ok(prepared) = self.prepared.try_recv() {
            let started = Instant::now();
            match engine.swap(prepared) {
                Ok(garbage) => {
                    self.times.add(started.elapsed());
                    let _ = self.garbage.try_send(garbage);
                }
                Err(_) => tracing::error!("a plan was prepared against another one; dropped"),
            }
        }
    }
}

impl Times {
    fn add(&self, time: Duration) {
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.total_ns.fetch_add(ns, Ordering::Relaxed);
        self.longest_ns.fetch_max(ns, Ordering::Relaxed);
        self.num.fetch_add(1, Ordering::Release);
    }
}

/// The worker's ends of its channels.
struct Ends {
    waiting: Receiver<Plan>,
    slot: PlanSlot,
    done: Sender<Prepared>,
    trash: Receiver<Garbage>,
    quit: Receiver<()>,
    stop: Arc<AtomicBool>,
}

impl Ends {
    fn work(&self, mut running: Running, mut cx: RunCx) {
        loop {
            let plan = crossbeam_channel::select! {
                recv(self.waiting) -> plan => {
                    let Ok(plan) = plan else { return };
                    Some((plan, None))
                }
                recv(self.slot.woken) -> _ => self.slot.take(),
                recv(self.trash) -> garbage => {
                    if garbage.is_err() {
                        return;
                    }
                    None
                }
            };
            if let Some((plan, base_dir)) = plan {
                cx.base_dir = base_dir.unwrap_or(cx.base_dir);
                let goes_on = || !self.stop.load(Ordering::Relaxed);
                let Some(prepared) = prepare_while(plan, &cx, Some(&running), goes_on) else {
                    return;
                };
                running = prepared.once_running();
                if !self.hand_over(prepared) {
                    return;
                }
            }
        }
    }

    /// Waits until the engine has room, freeing garbage meanwhile. False if there is nobody to take
    /// it.
    fn hand_over(&self, prepared: Prepared) -> bool {
        loop {
            crossbeam_channel::select! {
                send(self.done, prepared) -> sent => return sent.is_ok(),
                recv(self.trash) -> garbage => if garbage.is_err() { return false },
                recv(self.quit) -> _ => return false,
            }
        }
    }
}
