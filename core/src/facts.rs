//! What the parts of a program tell people about the way they work.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::services::Services;

/// One line a subject, the last that was told: "pictures" → "shared memory". Whoever runs a show
/// shows them as "pictures: shared memory". Nothing is decided by them.
#[derive(Debug, Default)]
pub struct Facts {
    lines: Mutex<BTreeMap<&'static str, String>>,
}

impl Facts {
    /// The facts of the program.
    pub fn of(services: &Services) -> Arc<Self> {
        match services.get_or_try_init(|| Ok::<_, Infallible>(Self::default())) {
            Ok(facts) => facts,
        }
    }

    /// Tells the line of a subject, in place of the one before.
    pub fn tell(&self, subject: &'static str, line: impl Into<String>) {
        self.lines().insert(subject, line.into());
    }

    /// The line of a subject, if there is one.
    pub fn get(&self, subject: &str) -> Option<String> {
        self.lines().get(subject).cloned()
    }

    /// All lines, by subject.
    pub fn all(&self) -> Vec<(&'static str, String)> {
        self.lines().iter().map(|(subject, line)| (*subject, line.clone())).collect()
    }

    fn lines(&self) -> MutexGuard<'_, BTreeMap<&'static str, String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_a_subject_counts_for_all_who_share_the_services() {
        let services = Services::default();
        Facts::of(&services).tell("pictures", "copied");
        Facts::of(&services).tell("generator", "on the processor");
        Facts::of(&services.clone()).tell("pictures", "shared memory");
        let facts = Facts::of(&services);
        let told = |subject, line: &str| (subject, line.to_owned());
        let expected = [told("generator", "on the processor"), told("pictures", "shared memory")];
        assert_eq!(facts.all(), expected);
        assert_eq!(
            (facts.get("pictures").as_deref(), facts.get("sound")),
            (Some("shared memory"), None)
        );
    }
}
