//! Macros that would grow beyond measure when they are written out.

use std::collections::HashMap;
use std::path::Path;

use lumawire_core::NodeError;

use super::super::source::{Nesting, check_depth, fault, logical_lines, tokens};

/// Words that a macro or a text may become.
const MAX_WORDS: u64 = 1 << 16;
/// Macros that a text may define.
const MAX_MACROS: usize = 1024;
/// Parameters of a macro.
const MAX_PARAMS: usize = 32;
/// Definitions that may name each other in a row: what is deeper is refused.
const MAX_ROUNDS: usize = 64;
/// Lines that may be joined in a row: the compiler calls itself for each end that it skips.
const MAX_JOINED: usize = 256;

struct Macro<'a> {
    name: &'a str,
    line: usize,
    params: Vec<&'a str>,
    body: Vec<&'a str>,
}

/// What a name becomes: of several definitions the largest, for a text may change between them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Size {
    /// Words, its arguments counted as one each.
    words: u64,
    nesting: Nesting,
    /// How often it writes its most frequent argument; 0 without parameters.
    copies: u64,
}

impl Size {
    fn max(self, other: Self) -> Self {
        Self {
            words: self.words.max(other.words),
            nesting: Nesting {
                operators: self.nesting.operators.max(other.nesting.operators),
                branches: self.nesting.branches.max(other.nesting.branches),
            },
            copies: self.copies.max(other.copies),
        }
    }
}

/// What every name becomes, as far as it is known.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sizes<'a> {
    by_name: HashMap<&'a str, Size>,
    /// The most that any macro copies an argument.
    most_copies: u64,
}

/// Refuses definitions that name each other, or themselves by their arguments, until their text
/// explodes, and texts that are nested too deep once macros are written out. It reads lines,
/// comments and directives as the compiler does.
///
/// # Errors
/// The line of such a definition or use.
pub(super) fn check(path: &Path, text: &str) -> Result<(), NodeError> {
    if text.contains(&"\\\n".repeat(MAX_JOINED)) {
        return Err(fault(path, 1, 1, "too many empty lines are joined by backslashes"));
    }
    let lines = logical_lines(text, false);
    if let Some((number, line)) = lines.iter().find(|(_, line)| !line.is_ascii()) {
        let c = line.chars().find(|c| !c.is_ascii()).unwrap_or_default();
        return Err(fault(path, *number, 1, format!("GLSL has no `{c}` outside comments")));
    }
    let macros: Vec<Macro<'_>> =
        lines.iter().filter_map(|(number, line)| definition(*number, line)).collect();
    if macros.len() > MAX_MACROS {
        return Err(fault(path, 1, 1, format!("there may be {MAX_MACROS} macros at most")));
    }
    for Macro { name, line, params, body } in &macros {
        let why = if params.len() > MAX_PARAMS {
            format!("the macro `{name}` has more than {MAX_PARAMS} parameters")
        } else if !is_balanced(body) {
            format!("the macro `{name}` must close the brackets that it opens, and no others")
        } else {
            continue;
        };
        return Err(fault(path, *line, 1, why));
    }
    let sizes = sizes(path, &macros)?;
    let used = lines.iter().filter(|(number, line)| definition(*number, line).is_none());
    let used: Vec<(usize, String)> = used.cloned().collect();
    let all: Vec<&str> = used.iter().flat_map(|(_, line)| tokens(line)).collect();
    let own = all.iter().filter(|t| !t.trim().is_empty()).count() as u64;
    // Without macros a text is as long as it is.
    let words = weigh(&all, &[], &sizes, &|_, size| size.map_or(1, |s| s.words));
    if words.saturating_sub(own) > MAX_WORDS {
        return Err(fault(
            path,
            1,
            1,
            "the text, once its macros are written out, grows too large",
        ));
    }
    check_depth(path, &used, |name| sizes.by_name.get(name).map(|size| size.nesting))
}

/// What the macros become. Sizes settle after as many rounds as definitions lie in a row.
fn sizes<'a>(path: &Path, macros: &[Macro<'a>]) -> Result<Sizes<'a>, NodeError> {
    let mut sizes = Sizes::default();
    for round in 0..=MAX_ROUNDS {
        let mut grown = Sizes::default();
        let mut largest = (0, 0);
        for found in macros {
            let size = size_of(found, &sizes);
            largest = largest.max((size.words, found.line));
            grown.most_copies = grown.most_copies.max(size.copies);
            let kept = grown.by_name.entry(found.name).or_default();
            *kept = kept.max(size);
        }
        let has_settled = grown == sizes;
        sizes = grown;
        if largest.0 > MAX_WORDS || (round == MAX_ROUNDS && !has_settled) {
            return Err(fault(path, largest.1, 1, "this macro grows too large"));
        }
        if has_settled {
            break;
        }
    }
    Ok(sizes)
}

fn size_of(found: &Macro<'_>, sizes: &Sizes<'_>) -> Size {
    let sum =
        |leaf: &dyn Fn(&str, Option<&Size>) -> u64| weigh(&found.body, &found.params, sizes, leaf);
    let nesting = |token: &str, size: Option<&Size>| {
        size.map_or_else(|| Nesting::of(token, Some("a")), |s| s.nesting)
    };
    let copies = found.params.iter().map(|p| sum(&|token, _| u64::from(token == *p)));
    let copies = copies.max().unwrap_or(0);
    let operators = sum(&|token, size| {
        let opens = u64::from(matches!(token, "(" | "{"));
        opens + nesting(token, size).operators
    });
    let branches = sum(&|token, size| nesting(token, size).branches);
    let words = sum(&|_, size| size.map_or(1, |s| s.words));
    Size { words, nesting: Nesting { operators, branches }, copies }
}

fn is_balanced(body: &[&str]) -> bool {
    let mut open = Vec::new();
    body.iter().all(|token| match *token {
        "(" | "[" | "{" => {
            open.push(*token);
            true
        }
        ")" => open.pop() == Some("("),
        "]" => open.pop() == Some("["),
        "}" => open.pop() == Some("{"),
        _ => true,
    }) && open.is_empty()
}

/// `#define name body` or `#define name(a, b) body`.
fn definition(line: usize, text: &str) -> Option<Macro<'_>> {
    let rest = text.trim_start().strip_prefix('#')?.trim_start().strip_prefix("define")?;
    let rest = rest.strip_prefix(char::is_whitespace)?.trim_start();
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    let (params, body) = match rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((params, body)) => (params.split(',').map(str::trim).collect(), body),
        None => (Vec::new(), rest),
    };
    Some(Macro { name, line, params, body: tokens(body) })
}

/// The sum of `leaf` over the words that `body` becomes.
fn weigh(
    body: &[&str],
    params: &[&str],
    sizes: &Sizes<'_>,
    leaf: &dyn Fn(&str, Option<&Size>) -> u64,
) -> u64 {
    let mut total = 0_u64;
    // How often what stands here is written, for each bracket that is open, and whether the
    // bracket is a macro's.
    let mut open = vec![(1_u64, false)];
    let mut called = None;
    for token in body.iter().filter(|t| !t.trim().is_empty()) {
        let now = open.last().map_or(1, |(copies, _)| *copies);
        let size = sizes.by_name.get(token);
        total = total.saturating_add(now.saturating_mul(leaf(token, size)));
        // A name without parameters, an argument, or a call may become the name of any macro.
        let any = Some(sizes.most_copies);
        called = match *token {
            "(" => {
                open.push((now.saturating_mul(called.unwrap_or(1).max(1)), called.is_some()));
                None
            }
            ")" if open.len() > 1 => open.pop().and_then(|(_, is_call)| any.filter(|_| is_call)),
            name if params.contains(&name) => any,
            _ => size.map(|s| if s.copies == 0 { sizes.most_copies } else { s.copies }),
        };
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
        for hidden in [
            ("#define", "#/**/define"),
            ("#define", "/**/#define"),
            ("#define ", "#define/**/"),
            ("#define", "#def\\\nine"),
            ("#define", "/* a\nb */ # define"),
        ] {
            assert!(refuses(&laughs.join("\n").replace(hidden.0, hidden.1)), "{hidden:?}");
        }
        let doubled = "#define A(x) x x\n";
        let calls = |name: &str| format!("{}1{}", format!("{name}(").repeat(40), ")".repeat(40));
        assert!(refuses(&format!("{doubled}#define B A\n{}", calls("B"))), "by another name");
        assert!(refuses(&format!("{doubled}#define B(f) {}\nB(A)", calls("f"))), "by an argument");
        assert!(refuses(&format!("{doubled}#define B(x) A\n{}", calls("B(0)"))), "by a result");
        let small = laughs.iter().map(|l| l.split(' ').nth(1).unwrap());
        let small: String = small.map(|l| format!("#undef {l}\n#define {l} 1\n")).collect();
        assert!(refuses(&format!("{}\nL39;\n{small}", laughs.join("\n"))), "used in between");
        assert!(refuses("#define BEGIN {\nvoid main() BEGIN }"));
        let nested = "#define I if(a) if(a) if(a) if(a)\n";
        assert!(refuses(&format!("{nested}void main() {{ {} x; }}", "I ".repeat(40))));
        let sums = format!("#define S {}1\nfloat a = {}1;", "1+".repeat(100), "S+".repeat(100));
        assert!(refuses(&sums));
        let params: Vec<String> = (0..40).map(|i| format!("p{i}")).collect();
        assert!(refuses(&format!("#define P({}) p0", params.join(","))));
        assert!(!refuses("#ifdef A\n#define X 1\n#else\n#define X (2)\n#endif\nfloat a = X;"));
        assert!(!refuses(
            "#define PI 3.14\n#define TAU (2.0*PI)\n#define sq(x) ((x)*(x))\nfloat a = sq(sq(TAU));"
        ));
    }
}
