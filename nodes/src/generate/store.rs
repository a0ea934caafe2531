//! The networks in memory, shared by all nodes that name the same.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

use lumawire_core::Services;
use lumawire_models::ModelError;
use lumawire_models::accelerator::Accelerator;
use lumawire_models::stylegan2::{Generator, Precision};

/// Lent by a program that has networks drawn on a GPU; without it the processor draws them.
#[derive(Debug, Clone)]
pub struct Placement {
    /// The GPU.
    pub accelerator: Arc<dyn Accelerator>,
    /// In which numbers it computes.
    pub precision: Precision,
}

impl Placement {
    /// Has a network drawn there. Where that fails, the processor draws it as before.
    pub fn give(&self, network: &Generator) -> Result<(), ModelError> {
        network.use_accelerator(&self.accelerator, self.precision)
    }
}

/// What makes two networks the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A file in one of its states.
    File {
        /// Where it lies.
        path: PathBuf,
        /// Its length in bytes.
        len: u64,
        /// When it was last written, where the system says so.
        modified: Option<SystemTime>,
    },
    /// A stand-in.
    StandIn {
        /// Seed of its weights.
        seed: u32,
        /// Side of its pictures in pixels.
        resolution: usize,
        /// Its `channel_base`.
        detail: usize,
    },
}

/// The networks in memory. It forgets those that no node holds any more.
#[derive(Default)]
pub struct ModelStore {
    placement: Option<Arc<Placement>>,
    networks: Mutex<BTreeMap<Key, Kept>>,
}

struct Kept {
    network: Weak<Generator>,
    complaint: Option<Arc<str>>,
}

/// A network in memory.
pub struct Held {
    /// The network.
    pub network: Arc<Generator>,
    /// Why the processor draws it and not the GPU that shall.
    pub complaint: Option<Arc<str>>,
}

impl ModelStore {
    /// The store of the program.
    pub fn of(services: &Services) -> Arc<Self> {
        let placement = services.get();
        let make = || Ok::<_, Infallible>(Self { placement, networks: Mutex::default() });
        match services.get_or_try_init(make) {
            Ok(store) => store,
        }
    }

    /// The network `key`, made by `load` if nobody holds it. Who comes meanwhile waits, so that
    /// nothing is loaded twice.
    pub fn get_or_load<E>(
        &self,
        key: Key,
        load: impl FnOnce() -> Result<Generator, E>,
    ) -> Result<Held, E> {
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        networks.retain(|_, kept| kept.network.strong_count() > 0);
        if let Some(Kept { network, complaint }) = networks.get(&key)
            && let Some(network) = network.upgrade()
        {
            return Ok(Held { network, complaint: complaint.clone() });
        }
        let network = Arc::new(load()?);
        let placed = self.placement.as_ref().map_or(Ok(()), |placement| placement.give(&network));
        let complaint: Option<Arc<str>> = placed.err().map(|error| error.to_string().into());
        let kept = Kept { network: Arc::downgrade(&network), complaint: complaint.clone() };
        networks.insert(key, kept);
        Ok(Held { network, complaint })
    }
}
