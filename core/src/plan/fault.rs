//! What is wrong with a document: where, what, and what helps.

use thiserror::Error;

use crate::value::PortType;

/// A reason why a document does not compile. `compile` reports all of them.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs)] // the messages say what the fields are
pub enum Fault {
    /// This build has no such kind.
    #[error("node `{node}`: this build has no kind `{kind}`")]
    UnknownKind { node: String, kind: String, near: Vec<String> },
    /// The node was saved by a build whose kind is newer.
    #[error(
        "node `{node}`: it was saved for `{kind}` version {version}, and this build has version {known}"
    )]
    NewerKind { node: String, kind: String, version: u32, known: u32 },
    /// A wire starts at an output that the kind does not have.
    #[error("wire `{wire}`: `{kind}` has no output `{port}`")]
    UnknownOutput { node: String, port: String, kind: String, wire: String, near: Vec<String> },
    /// A wire ends at what is neither an input nor a parameter of the kind.
    #[error("wire `{wire}`: `{kind}` has no input or parameter `{port}`")]
    UnknownInput { node: String, port: String, kind: String, wire: String, near: Vec<String> },
    /// A parameter is set that the kind does not have.
    #[error("node `{node}`: `{kind}` has no parameter `{param}`")]
    UnknownParam { node: String, param: String, kind: String, near: Vec<String> },
    /// A parameter has a value of another type, or names no option.
    #[error("node `{node}`: parameter `{param}` takes {takes}, not {value}")]
    BadValue { node: String, param: String, takes: String, value: String },
    /// A wire joins ports whose types do not fit.
    #[error("wire `{wire}`: `{output}` gives {from} where `{port}` takes {to}")]
    TypeMismatch {
        node: String,
        port: String,
        output: String,
        wire: String,
        from: PortType,
        to: PortType,
        /// Kinds that turn the one into the other.
        through: Vec<String>,
    },
    /// An input that must be wired is open.
    #[error("node `{node}`: input `{port}` needs {ty}")]
    MissingInput { node: String, port: String, ty: PortType },
    /// A wire ends at a parameter that takes none.
    #[error("wire `{wire}`: parameter `{param}` takes no wire, since {reason}")]
    NotModulatable { node: String, param: String, wire: String, reason: &'static str },
    /// More than one wire ends at an input.
    #[error("node `{node}`: input `{port}` takes one wire, and {} end there: {}", wires.len(), list(wires))]
    ManyWires { node: String, port: String, wires: Vec<String> },
    /// A wire to an input has a depth.
    #[error("wire `{wire}`: only a wire to a parameter has a depth")]
    DepthOnInput { node: String, port: String, wire: String },
    /// What comes once a frame is wired to what runs every block.
    #[error(
        "wire `{wire}`: `{node}` runs every block, but `{source_node}` gives a value only every frame"
    )]
    FrameIntoBlock {
        node: String,
        port: String,
        source_node: String,
        wire: String,
        /// Kinds that pass a value on to the next tick.
        delays: Vec<String>,
    },
    /// Nodes wait for one another.
    #[error("a loop without a delay: {}", loop_text(nodes))]
    Cycle {
        /// In the order of the loop.
        nodes: Vec<String>,
        /// Kinds that pass a value on to the next tick.
        delays: Vec<String>,
    },
    /// Nothing leaves the document.
    #[error("nothing leaves this patch: it has no output node{}", if off.is_empty() { "" } else { " that runs" })]
    NoSink {
        /// Nodes of role sink that are muted or bypassed.
        off: Vec<String>,
        /// Kinds of role sink.
        sinks: Vec<String>,
    },
}

impl Fault {
    /// The node at which to show it: where a wire is at fault, the one that it ends at, or starts
    /// at where its output is unknown.
    pub fn node(&self) -> Option<&str> {
        match self {
            Self::UnknownKind { node, .. }
            | Self::NewerKind { node, .. }
            | Self::UnknownOutput { node, .. }
            | Self::UnknownInput { node, .. }
            | Self::UnknownParam { node, .. }
            | Self::BadValue { node, .. }
            | Self::TypeMismatch { node, .. }
            | Self::MissingInput { node, .. }
            | Self::NotModulatable { node, .. }
            | Self::ManyWires { node, .. }
            | Self::DepthOnInput { node, .. }
            | Self::FrameIntoBlock { node, .. } => Some(node),
            Self::Cycle { nodes, .. } => nodes.first().map(String::as_str),
            Self::NoSink { .. } => None,
        }
    }

    /// The port or parameter of that node.
    pub fn port(&self) -> Option<&str> {
        match self {
            Self::UnknownOutput { port, .. }
            | Self::UnknownInput { port, .. }
            | Self::TypeMismatch { port, .. }
            | Self::MissingInput { port, .. }
            | Self::ManyWires { port, .. }
            | Self::DepthOnInput { port, .. }
            | Self::FrameIntoBlock { port, .. } => Some(port),
            Self::UnknownParam { param, .. }
            | Self::BadValue { param, .. }
            | Self::NotModulatable { param, .. } => Some(param),
            Self::UnknownKind { .. }
            | Self::NewerKind { .. }
            | Self::Cycle { .. }
            | Self::NoSink { .. } => None,
        }
    }

    /// The wire at fault, as the file writes it but for its depth.
    pub fn wire(&self) -> Option<&str> {
        match self {
            Self::UnknownOutput { wire, .. }
            | Self::UnknownInput { wire, .. }
            | Self::TypeMismatch { wire, .. }
            | Self::NotModulatable { wire, .. }
            | Self::DepthOnInput { wire, .. }
            | Self::FrameIntoBlock { wire, .. } => Some(wire),
            _ => None,
        }
    }

    /// What helps.
    pub fn help(&self) -> String {
        match self {
            Self::UnknownKind { near, .. } => meant(near, "use a newer build, or replace the node"),
            Self::NewerKind { .. } => "use the build that saved the patch, or a newer one".into(),
            Self::UnknownOutput { near, .. } | Self::UnknownInput { near, .. } => {
                meant(near, "remove the wire")
            }
            Self::UnknownParam { near, .. } => meant(near, "remove the parameter"),
            Self::BadValue { takes, .. } => format!("give it {takes}, or return it to its default"),
            Self::TypeMismatch { from, to, through, .. } if through.is_empty() => {
                format!("no node turns {from} into {to}: wire another output")
            }
            Self::TypeMismatch { through, .. } => format!("put {} between them", any_of(through)),
            Self::MissingInput { ty, .. } => format!("wire an output of type {ty} to it"),
            Self::NotModulatable { .. } => "remove the wire and set the parameter by hand".into(),
            Self::ManyWires { .. } => "keep one of them".into(),
            Self::DepthOnInput { .. } => "remove the `* …` from it".into(),
            Self::FrameIntoBlock { delays, .. } => {
                format!("put a delay node{} on the wire", such_as(delays))
            }
            Self::Cycle { delays, .. } => {
                format!("put a delay node{} on one of its wires", such_as(delays))
            }
            Self::NoSink { off, sinks } if off.is_empty() => {
                format!("add an output node{}", such_as(sinks))
            }
            Self::NoSink { off, .. } => format!("let {} run again", any_of(off)),
        }
    }
}

fn list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    quoted.join(", ")
}

fn any_of(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    quoted.join(" or ")
}

fn such_as(kinds: &[String]) -> String {
    if kinds.is_empty() { String::new() } else { format!(" ({})", any_of(kinds)) }
}

fn meant(near: &[String], otherwise: &str) -> String {
    if near.is_empty() { otherwise.into() } else { format!("did you mean {}?", any_of(near)) }
}

fn loop_text(nodes: &[String]) -> String {
    let mut text = String::new();
    for node in nodes.iter().chain(nodes.first()) {
        if !text.is_empty() {
            text.push_str(" -> ");
        }
        text.push_str(node);
    }
    text
}
