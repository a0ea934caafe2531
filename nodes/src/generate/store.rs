//! The networks in memory, shared by all nodes that name the same.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

use lumawire_core::Services;
use lumawire_models::stylegan2::Generator;

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
    networks: Mutex<BTreeMap<Key, Weak<Generator>>>,
}

impl ModelStore {
    /// The store of the program.
    pub fn of(services: &Services) -> Arc<Self> {
        match services.get_or_try_init(|| Ok::<_, Infallible>(Self::default())) {
            Ok(store) => store,
        }
    }

    /// The network `key`, made by `load` if nobody holds it. Who comes meanwhile waits, so that
    /// nothing is loaded twice.
    pub fn get_or_load<E>(
        &self,
        key: Key,
        load: impl FnOnce() -> Result<Generator, E>,
    ) -> Result<Arc<Generator>, E> {
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        networks.retain(|_, network| network.strong_count() > 0);
        if let Some(network) = networks.get(&key).and_then(Weak::upgrade) {
            return Ok(network);
        }
        let network = Arc::new(load()?);
        networks.insert(key, Arc::downgrade(&network));
        Ok(network)
    }
}
