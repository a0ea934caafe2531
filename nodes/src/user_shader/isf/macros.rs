//! Macros that would grow beyond measure when they are written out.

use std::collections::BTreeMap;
use std::path::Path;

use lumawire_core::NodeError;

use super::super::source::fault;
use super::glsl::tokens;

/// Words that a macro or a line may become.
const MAX_WORDS: u64 = 1 << 20;
/// Macros that a text may define.
const MAX_MACROS: usize = 1024;
/// Definitions that may name each other in a row: what is deeper is refused.
const MAX_ROUNDS: usize = 64;

struct Macro<'a> {
    line: usize,
    params: Vec<&'a str>,
    body: Vec<&'a str>,
    /// Words that it becomes, its arguments counted as one each.
    size: u64,
    /// How often it writes its most frequent argument.
    copies: u64,
}

/// Refuses definitions that name each other, or themselves by their arguments, until their text
/// explodes.
///
/// # Errors
/// The line of such a definition or use.
pub(super) fn check(path: &Path, text: &str) -> Result<(), NodeError> {
    let joined = text.replace("\\\r\n", "  ").replace("\\\n", "  ");
    let mut macros: BTreeMap<&str, Macro<'_>> = BTreeMap::new();
    for (i, line) in joined.lines().enumerate() {
        if let Some((name, found)) = definition(i + 1, line) {
            macros.insert(name, found);
        }
    }
    let too_large = |line, what: &str| Err(fault(path, line, 1, format!("{what} grows too large")));
    if macros.len() > MAX_MACROS {
        return too_large(1, "the list of macros");
    }
    // Sizes settle after as many rounds as definitions lie in a row.
    for round in 0..=MAX_ROUNDS {
        let mut settled = true;
        let grown: Vec<(&str, u64, u64)> = macros
            .iter()
            .map(|(name, found)| {
                let copies = found.params.iter().map(|p| weigh(&found.body, &macros, Some(p)));
                (*name, weigh(&found.body, &macros, None), copies.max().unwrap_or(0))
            })
            .collect();
        for (name, size, copies) in grown {
            let Some(found) = macros.get_mut(name) else { continue };
            settled &= (found.size, found.copies) == (size, copies);
            (found.size, found.copies) = (size, copies);
            if size > MAX_WORDS || (round == MAX_ROUNDS && !settled) {
                return too_large(found.line, &format!("the macro `{name}`"));
            }
        }
        if settled {
            break;
        }
    }
    let used = joined.lines().filter(|line| definition(0, line).is_none());
    let used = used.collect::<Vec<_>>().join("\n");
    if weigh(&tokens(&used), &macros, None) > MAX_WORDS {
        return too_large(1, "the text, once its macros are written out,");
    }
    Ok(())
}

/// `#define name body` or `#define name(a, b) body`.
fn definition(line: usize, text: &str) -> Option<(&str, Macro<'_>)> {
    let rest = text.trim_start().strip_prefix('#')?.trim_start().strip_prefix("define")?;
    let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    let (params, body) = match rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((params, body)) => (params.split(',').map(str::trim).collect(), body),
        None => (Vec::new(), rest),
    };
    Some((name, Macro { line, params, body: tokens(body), size: 1, copies: 1 }))
}

/// Words that `body` becomes, or how often it writes `only`.
fn weigh(body: &[&str], macros: &BTreeMap<&str, Macro<'_>>, only: Option<&str>) -> u64 {
    let mut total = 0_u64;
    // How often what stands here is written, for each bracket that is open.
    let mut copies = vec![1_u64];
    let mut called = 1;
    for token in body {
        let now = copies.last().copied().unwrap_or(1);
        match *token {
            "(" => copies.push(now.saturating_mul(called)),
            ")" if copies.len() > 1 => drop(copies.pop()),
            _ => {}
        }
        if token.trim().is_empty() {
            continue;
        }
        let found = macros.get(token);
        called = found.map_or(1, |m| m.copies.max(1));
        let words = match only {
            Some(only) => u64::from(*token == only),
            None => found.map_or(1, |m| m.size),
        };
        total = total.saturating_add(now.saturating_mul(words));
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuses(text: &str) -> bool {
        check(Path::new("a.fs"), text).is_err()
    }

    #[test]
    fn what_explodes_is_refused_and_the_rest_is_not() {
        let laughs: Vec<String> =
            (1..40).map(|i| format!("#define L{i} L{} L{}", i - 1, i - 1)).collect();
        assert!(refuses(&laughs.join("\n")));
        let nested =
            format!("#define D(x) x x\nvoid f() {{ {}1{}; }}", "D(".repeat(40), ")".repeat(40));
        assert!(refuses(&nested));
        let by_steps =
            "#define A(x) x x x x\n#define B(x) A(A(A(x)))\n#define C(x) B(B(B(x)))\nC(C(1))";
        assert!(refuses(by_steps));
        assert!(refuses("#define A B B\n#define B A A\nA"));
        assert!(!refuses(
            "#define PI 3.14\n#define TAU (2.0*PI)\n#define sq(x) ((x)*(x))\nfloat a = sq(sq(TAU));"
        ));
    }
}
