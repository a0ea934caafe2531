//! What the engine tells about its nodes.

use std::time::Duration;

use lumawire_core::NodeError;

/// A change in a node's health.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeReport {
    /// The node's id.
    pub node: String,
    /// What is wrong now, or `None` when it works again.
    pub error: Option<NodeError>,
}

/// How long a step has taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NodeTime<'a> {
    /// The node's id, or the wire of an implicit conversion.
    pub id: &'a str,
    /// Its kind.
    pub kind: &'static str,
    /// How often it ran.
    pub runs: u64,
    /// How often its cached outputs served instead.
    pub skips: u64,
    /// Time in it while timing was on.
    pub total: Duration,
}

/// Reports that nobody has taken yet. Bounded: a node that flaps on every tick while nobody
/// listens drops its oldest ones.
#[derive(Debug, Default)]
pub(super) struct Reports {
    waiting: std::collections::VecDeque<NodeReport>,
}

const MAX_WAITING: usize = 256;

impl Reports {
    pub(super) fn push(&mut self, node: &str, error: Option<NodeError>) {
        match &error {
            Some(error) => tracing::warn!(node, %error, "node failed"),
            None => tracing::info!(node, "node works again"),
        }
        if self.waiting.len() == MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(NodeReport { node: node.to_owned(), error });
    }

    pub(super) fn take(&mut self) -> Vec<NodeReport> {
        self.waiting.drain(..).collect()
    }
}
