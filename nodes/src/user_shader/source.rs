//! Texts of shaders: reading, limits, and faults by the lines of the person's file.

use std::path::{Path, PathBuf};

use lumawire_core::NodeError;
use naga::valid::{Capabilities, ValidationFlags, Validator};

/// Bytes that a file may have.
const MAX_BYTES: u64 = 256 * 1024;
/// Brackets within brackets: the compilers call themselves for each.
const MAX_DEPTH: usize = 128;
/// Stack of the thread that compiles.
const STACK_BYTES: usize = 32 << 20;

/// The text of the file at `path`.
///
/// # Errors
/// No such file; one that is no text or too long.
pub fn read(path: &Path) -> Result<String, NodeError> {
    let error = |reason: &dyn std::fmt::Display| NodeError::file(path, reason);
    let len = std::fs::metadata(path).map_err(|e| error(&e))?.len();
    if len > MAX_BYTES {
        return Err(error(&format!("{len} bytes; a shader may have {MAX_BYTES}")));
    }
    std::fs::read_to_string(path).map_err(|e| error(&e))
}

/// A fault of the file at `path`, at a line and column from 1.
pub fn fault(
    path: &Path,
    line: usize,
    column: usize,
    message: impl std::fmt::Display,
) -> NodeError {
    let name = path.file_name().unwrap_or(path.as_os_str());
    let name = name.to_string_lossy();
    NodeError::file(PathBuf::from(format!("{name}:{line}:{column}")), message)
}

/// Refuses texts on which a compiler could spend itself.
///
/// # Errors
/// Brackets within too many brackets.
pub fn check_depth(path: &Path, text: &str) -> Result<(), NodeError> {
    let mut depth = 0_usize;
    for (i, line) in text.lines().enumerate() {
        for (column, byte) in line.bytes().enumerate() {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > MAX_DEPTH {
                let message = format!("brackets lie {MAX_DEPTH} deep; split the expression");
                return Err(fault(path, i + 1, column + 1, message));
            }
        }
    }
    Ok(())
}

/// Runs `work` where a deep text cannot overflow the stack.
pub fn on_deep_stack<T: Send>(
    path: &Path,
    work: impl FnOnce() -> Result<T, NodeError> + Send,
) -> Result<T, NodeError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        let thread = thread.map_err(|e| NodeError::file(path, e))?;
        thread.join().unwrap_or_else(|_| {
            Err(NodeError::file(path, "the shader compiler failed on it; simplify what was new"))
        })
    })
}

/// Where the lines of a person's text lie in the text that is compiled.
#[derive(Debug, Clone, Copy)]
pub struct Lines {
    /// Lines before it.
    pub before: usize,
    /// Its own.
    pub count: usize,
}

impl Lines {
    /// The fault at a place of the compiled text; what lies outside counts to the nearest line.
    pub fn fault(
        self,
        path: &Path,
        place: Option<naga::SourceLocation>,
        message: impl std::fmt::Display,
    ) -> NodeError {
        let line = place.map_or(1, |p| p.line_number as usize).saturating_sub(self.before);
        let column = place.map_or(1, |p| p.line_position as usize);
        fault(path, line.clamp(1, self.count.max(1)), column, message)
    }
}

/// Checks the module, with the reasons of a fault in one line.
///
/// # Errors
/// What the language forbids and its parser has not seen.
pub fn validate(
    path: &Path,
    module: &naga::Module,
    text: &str,
    lines: Lines,
) -> Result<(), NodeError> {
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::empty());
    validator.validate(module).map(drop).map_err(|error| {
        let mut message = error.as_inner().to_string();
        let mut source = std::error::Error::source(error.as_inner());
        while let Some(next) = source {
            message = format!("{message}: {next}");
            source = next.source();
        }
        // The innermost span says it best: the first is often the whole function.
        let span = error.spans().map(|(span, _)| *span).filter(naga::Span::is_defined);
        let place = span.min_by_key(|s| s.to_range().map_or(usize::MAX, |r| r.len()));
        lines.fault(path, place.map(|s| s.location(text)), message)
    })
}
