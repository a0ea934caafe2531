//! What a program lends its nodes (a graphics device, a model store), found by type.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Lent by a run that waits for its nodes: a render. There a node that reads a file as it goes waits
/// until it has what belongs to the tick; on stage it shows what it has.
#[derive(Debug, Clone, Copy, Default)]
pub struct Offline;

type Shared = Arc<dyn Any + Send + Sync>;

/// One value per type, made at first use and shared from then on. Cloning shares the same store.
#[derive(Clone, Default)]
pub struct Services {
    by_type: Arc<Mutex<HashMap<TypeId, Shared>>>,
}

impl Services {
    /// Lends `service` to the nodes, in place of one of the same type that they would make.
    pub fn insert<T: Any + Send + Sync>(&self, service: Arc<T>) {
        self.lock().insert(TypeId::of::<T>(), service);
    }

    /// The service of type `T`, if there is one yet.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        found_in(&self.lock())
    }

    /// The service of type `T`, made by `init` if nobody has yet. A failed `init` is tried again
    /// by the next caller.
    pub fn get_or_try_init<T: Any + Send + Sync, E>(
        &self,
        init: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let mut by_type = self.lock();
        if let Some(found) = found_in(&by_type) {
            return Ok(found);
        }
        let made = Arc::new(init()?);
        by_type.insert(TypeId::of::<T>(), made.clone());
        Ok(made)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<TypeId, Shared>> {
        self.by_type.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn found_in<T: Any + Send + Sync>(by_type: &HashMap<TypeId, Shared>) -> Option<Arc<T>> {
    by_type.get(&TypeId::of::<T>()).cloned().and_then(|service| service.downcast().ok())
}
