//! Texts of shaders: reading, limits, and faults by the lines of the person's file.

use std::path::{Path, PathBuf};

use lumawire_core::NodeError;
use lumawire_models::file::read_bounded;
use naga::valid::{Capabilities, ValidationFlags, Validator};

/// Bytes that a file may have.
const MAX_BYTES: usize = 256 * 1024;
/// Bytes that are read of it, to tell how long it is.
const MAX_READ_BYTES: u64 = 1 << 20;
/// Brackets within brackets: the compilers call themselves for each.
const MAX_DEPTH: usize = 128;
/// Operators of a statement: they call themselves for each operand at the left, too.
const MAX_OPERATORS: u64 = 2048;

/// The text of the file at `path`, its lines ended by `\n`.
///
/// # Errors
/// No such file; one that is no regular one, no text or too long.
pub fn read(path: &Path) -> Result<String, NodeError> {
    let error = |reason: &dyn std::fmt::Display| NodeError::file(path, reason);
    let bytes = read_bounded(path, MAX_READ_BYTES).map_err(|e| error(&e))?;
    if bytes.len() > MAX_BYTES {
        return Err(error(&format!("{} bytes; a shader may have {MAX_BYTES}", bytes.len())));
    }
    let text = String::from_utf8(bytes).map_err(|e| error(&e))?;
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
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

/// Words and what lies between them.
pub fn tokens(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(end);
        all.push(token);
        rest = after;
    }
    all
}

/// The lines of `text` as a compiler reads them, each with its number: a backslash at the end of a
/// line joins it to the next, and a comment is one blank. Comments lie in each other if `nests`.
pub fn logical_lines(text: &str, nests: bool) -> Vec<(usize, String)> {
    let mut chars = Vec::with_capacity(text.len());
    let mut number = 1;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\\' && !nests && rest.next_if_eq(&'\n').is_some() {
            number += 1;
            continue;
        }
        chars.push((number, c));
        number += usize::from(c == '\n');
    }
    let mut lines = vec![(1, String::new())];
    let mut depth = 0_usize;
    let mut i = 0;
    while let Some((number, c)) = chars.get(i).copied() {
        let pair = (c, chars.get(i + 1).map(|(_, c)| *c));
        match pair {
            ('/', Some('*')) if depth == 0 || nests => (depth, i) = (depth + 1, i + 1),
            ('*', Some('/')) if depth > 0 => {
                (depth, i) = (depth - 1, i + 1);
                push(&mut lines, ' ');
            }
            _ if depth > 0 => {}
            ('/', Some('/')) => {
                while chars.get(i + 1).is_some_and(|(_, c)| !ends_line(*c, nests)) {
                    i += 1;
                }
            }
            ('\n', _) => lines.push((number + 1, String::new())),
            _ => push(&mut lines, c),
        }
        i += 1;
    }
    lines
}

fn push(lines: &mut [(usize, String)], c: char) {
    if let Some((_, line)) = lines.last_mut() {
        line.push(c);
    }
}

/// WGSL, whose comments nest, has more ends of lines.
fn ends_line(c: char, nests: bool) -> bool {
    let others = ['\u{b}', '\u{c}', '\r', '\u{85}', '\u{2028}', '\u{2029}'];
    c == '\n' || (nests && others.contains(&c))
}

/// What a compiler calls itself for: operators between two of `;{}`, and words such as `if` whose
/// statement is the next one. A macro counts for what it becomes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Nesting {
    /// Operators.
    pub operators: u64,
    /// Words that hold a statement.
    pub branches: u64,
}

impl Nesting {
    /// That of one token, `next` coming after it.
    pub fn of(token: &str, next: Option<&str>) -> Self {
        let is_branch = matches!(token, "if" | "else" | "for" | "while" | "do" | "switch" | "loop");
        let is_operator = match token {
            "." => next.is_some_and(|t| t.starts_with(|c: char| c.is_alphabetic() || c == '_')),
            _ => token.len() == 1 && "+-*/%<>=!&|^~?:[".contains(token),
        };
        Self { operators: is_operator.into(), branches: is_branch.into() }
    }
}

/// Refuses texts on which a compiler, which calls itself for what is nested, could spend itself.
/// `lines` are [`logical_lines`]; `of_macro` tells what a name of a macro becomes.
///
/// # Errors
/// Brackets within too many brackets; too many operators in a statement; too many `if` and `else`
/// in a row.
pub fn check_depth(
    path: &Path,
    lines: &[(usize, String)],
    of_macro: impl Fn(&str) -> Option<Nesting>,
) -> Result<(), NodeError> {
    let mut open: Vec<(&str, u64)> = Vec::new();
    let (mut operators, mut chain, mut outer) = (0_u64, 0_u64, 0_u64);
    // Whether a statement has just ended, which `else` goes on.
    let mut has_ended = false;
    let mut last = "";
    for (number, line) in lines {
        let words = tokens(line);
        for (i, token) in words.iter().copied().enumerate() {
            if token.trim().is_empty() {
                continue;
            }
            if std::mem::take(&mut has_ended) && token != "else" {
                chain = 0;
            }
            match token {
                "(" | "[" | "{" => {
                    open.push((token, chain));
                    outer += chain;
                    chain = 0;
                }
                ")" | "]" | "}" => {
                    chain = open.pop().map_or(0, |(_, chain)| chain);
                    outer = outer.saturating_sub(chain);
                    has_ended = token == "}";
                }
                ";" => has_ended = open.last().is_none_or(|(bracket, _)| *bracket == "{"),
                _ => {}
            }
            let own =
                of_macro(token).unwrap_or_else(|| Nesting::of(token, words.get(i + 1).copied()));
            // `else if` is one branch.
            chain += if (last, token) == ("else", "if") { 0 } else { own.branches };
            operators =
                if matches!(token, ";" | "{" | "}") { 0 } else { operators + own.operators };
            last = token;
            let what = if open.len() > MAX_DEPTH {
                format!("brackets lie {MAX_DEPTH} deep; split the expression")
            } else if operators > MAX_OPERATORS {
                format!("a statement has more than {MAX_OPERATORS} operators; split it")
            } else if chain + outer > MAX_DEPTH as u64 {
                format!("more than {MAX_DEPTH} of `if` and `else` hang together; split them")
            } else {
                continue;
            };
            return Err(fault(path, *number, 1, what));
        }
    }
    Ok(())
}

/// Runs `work` where a deep text cannot overflow the stack.
///
/// # Errors
/// Its own; its panic.
pub fn on_deep_stack<T: Send>(
    path: &Path,
    work: impl FnOnce() -> Result<T, NodeError> + Send,
) -> Result<T, NodeError> {
    crate::gpu::on_deep_stack(work).map_err(|e| NodeError::file(path, e))?
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
