//! The expressions that say how large a pass is: `max(floor($WIDTH * 0.25), 1.0)`.

/// Calls within calls.
const MAX_DEPTH: usize = 32;
/// Characters of an expression.
const MAX_LEN: usize = 256;

/// A number made of numbers and variables.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Number(f64),
    /// `$name`
    Variable(String),
    Call(Function, Vec<Expr>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
    Negate,
    Floor,
    Ceil,
    Round,
    Truncate,
    Absolute,
    Root,
    Min,
    Max,
}

/// Names, and how many numbers they take at least and at most.
const NAMED: &[(&str, Function, usize, usize)] = &[
    ("floor", Function::Floor, 1, 1),
    ("ceil", Function::Ceil, 1, 1),
    ("round", Function::Round, 1, 1),
    ("trunc", Function::Truncate, 1, 1),
    ("int", Function::Truncate, 1, 1),
    ("abs", Function::Absolute, 1, 1),
    ("sqrt", Function::Root, 1, 1),
    ("pow", Function::Power, 2, 2),
    ("mod", Function::Remainder, 2, 2),
    ("min", Function::Min, 1, 8),
    ("max", Function::Max, 1, 8),
];

impl Expr {
    /// The expression that `text` writes.
    ///
    /// # Errors
    /// What is not understood of it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_LEN {
            return Err(format!("an expression may have {MAX_LEN} characters"));
        }
        let mut parser = Parser { rest: text, depth: 0 };
        let expr = parser.sum()?;
        match parser.peek() {
            None => Ok(expr),
            Some(c) => Err(format!("`{c}` is not understood in `{text}`")),
        }
    }

    /// Its value; a name that `variable` does not know counts as 0.
    pub fn value(&self, variable: &dyn Fn(&str) -> Option<f64>) -> f64 {
        let (function, of) = match self {
            Self::Number(v) => return *v,
            Self::Variable(name) => return variable(name).unwrap_or(0.0),
            Self::Call(function, of) => (function, of),
        };
        let at = |i: usize| of.get(i).map_or(0.0, |e| e.value(variable));
        let all = || of.iter().map(|e| e.value(variable));
        match function {
            Function::Add => at(0) + at(1),
            Function::Subtract => at(0) - at(1),
            Function::Multiply => at(0) * at(1),
            Function::Divide => at(0) / at(1),
            Function::Remainder => at(0) % at(1),
            Function::Power => at(0).powf(at(1)),
            Function::Negate => -at(0),
            Function::Floor => at(0).floor(),
            Function::Ceil => at(0).ceil(),
            Function::Round => at(0).round(),
            Function::Truncate => at(0).trunc(),
            Function::Absolute => at(0).abs(),
            Function::Root => at(0).sqrt(),
            Function::Min => all().fold(f64::INFINITY, f64::min),
            Function::Max => all().fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn takes(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.rest = &self.rest[c.len_utf8()..];
        }
        found
    }

    fn sum(&mut self) -> Result<Expr, String> {
        let mut left = self.product()?;
        loop {
            let function = match self.peek() {
                Some('+') => Function::Add,
                Some('-') => Function::Subtract,
                _ => return Ok(left),
            };
            self.rest = &self.rest[1..];
            left = Expr::Call(function, vec![left, self.product()?]);
        }
    }

    fn product(&mut self) -> Result<Expr, String> {
        let mut left = self.factor()?;
        loop {
            let function = match self.peek() {
                Some('*') => Function::Multiply,
                Some('/') => Function::Divide,
                Some('%') => Function::Remainder,
                _ => return Ok(left),
            };
            self.rest = &self.rest[1..];
            left = Expr::Call(function, vec![left, self.factor()?]);
        }
    }

    fn factor(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("too many brackets".into());
        }
        let found = self.factor_within();
        self.depth -= 1;
        found
    }

    fn factor_within(&mut self) -> Result<Expr, String> {
        if self.takes('-') {
            return Ok(Expr::Call(Function::Negate, vec![self.factor()?]));
        }
        if self.takes('(') {
            let inner = self.sum()?;
            return self.close(inner);
        }
        if self.takes('$') {
            return Ok(Expr::Variable(self.word(|c| c.is_alphanumeric() || c == '_')));
        }
        if self.peek().is_some_and(char::is_alphabetic) {
            return self.call();
        }
        let number = self.word(|c| c.is_ascii_digit() || c == '.');
        let value = number.trim_end_matches('.').parse();
        value.map(Expr::Number).map_err(|_| format!("a number is missing before `{}`", self.rest))
    }

    fn call(&mut self) -> Result<Expr, String> {
        let name = self.word(|c| c.is_alphanumeric() || c == '_');
        let known = NAMED.iter().find(|(known, ..)| *known == name);
        let (_, function, min, max) = known.ok_or_else(|| format!("`{name}` is no function"))?;
        if !self.takes('(') {
            return Err(format!("`(` is missing after `{name}`"));
        }
        let mut of = vec![self.sum()?];
        while self.takes(',') {
            of.push(self.sum()?);
        }
        if of.len() < *min || of.len() > *max {
            return Err(format!("`{name}` takes {min} to {max} numbers"));
        }
        self.close(Expr::Call(*function, of))
    }

    fn close(&mut self, expr: Expr) -> Result<Expr, String> {
        if self.takes(')') { Ok(expr) } else { Err("`)` is missing".into()) }
    }

    fn word(&mut self, is_part: impl Fn(char) -> bool) -> String {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_have_the_values_of_arithmetic() {
        let variable = |name: &str| match name {
            "WIDTH" => Some(100.0),
            "HEIGHT" => Some(50.0),
            "amount" => Some(0.3),
            _ => None,
        };
        for (text, expected) in [
            ("$WIDTH", 100.0),
            ("$WIDTH/2.0", 50.0),
            ("1 + 2 * 3 - 4", 3.0),
            ("10 - 2 - 3", 5.0),
            ("-(2 + 3) * 2", -10.0),
            ("max(floor($WIDTH*0.02),1.0)", 2.0),
            ("floor($WIDTH*min((0.25),1.0))", 25.0),
            ("max(8.0,floor($WIDTH*$amount))", 30.0),
            ("7 % 4 + $unknown", 3.0),
            (" pow ( 2 , 3 ) ", 8.0),
        ] {
            let found = Expr::parse(text).unwrap().value(&variable);
            assert!((found - expected).abs() < 1e-12, "{text}: {found}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let deep = "(".repeat(200);
        for text in ["", "1 +", "$WIDTH)", "sin(1)", "max", "floor(1,2)", "1 2", &deep] {
            assert!(Expr::parse(text).is_err(), "{text}");
        }
    }
}
