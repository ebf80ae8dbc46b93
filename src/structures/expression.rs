//! Arithmetic over named variables: a text is read once into steps for a stack of numbers, and then
//! evaluated as often as one likes.
//!
//! From the loosest to the tightest: `+` and `-`, `*` and `/`, a sign, `^`. As in mathematics `-x^2` is
//! `-(x^2)` and `2^3^2` is `2^(3^2)`. Functions: [`FUNCTIONS`]. Reading takes O(length), evaluating
//! O(length) and no memory but a small stack; neither can overflow the machine's stack.
//!
//! Why no library: of those with a permissive licence that are kept up, `exmex` (0.21) takes `-x^2` for
//! `(-x)^2`, which turns a score upside down without a word, and none says where in the text a mistake
//! is; `evalexpr` is AGPL since version 12; `fasteval` and `meval` have long been left alone.

use std::fmt;
use std::ops::Range;

/// Numbers that may wait on the stack at once.
const MOST_VALUES: usize = 32;
/// Parentheses, signs and powers within each other.
const DEEPEST: usize = 64;

/// All functions: name and how many arguments it takes at least and at most.
pub const FUNCTIONS: &[(&str, usize, usize)] = &[
    ("log", 1, 1),
    ("ln", 1, 1),
    ("log2", 1, 1),
    ("log10", 1, 1),
    ("exp", 1, 1),
    ("sqrt", 1, 1),
    ("abs", 1, 1),
    ("min", 2, usize::MAX),
    ("max", 2, usize::MAX),
];

/// One step of the evaluation.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Number(f64),
    /// By its place in the list of variables.
    Variable(u8),
    Negate,
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Log,
    Log2,
    Log10,
    Exp,
    Sqrt,
    Abs,
    Min,
    Max,
}

/// An expression, ready to be evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    steps: Vec<Step>,
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where, in bytes.
    pub at: Range<usize>,
    /// What.
    pub what: What,
}

/// Kinds of mistakes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Neither a variable nor a function.
    UnknownName(String),
    /// A value should stand here.
    ExpectedValue,
    /// An operator should stand here, or nothing.
    ExpectedOperator,
    /// This parenthesis is never closed.
    Unclosed,
    /// Starts like a number, but is none.
    NotANumber,
    /// The function's name stands without arguments.
    MissingArguments(String),
    /// The function takes another number of arguments.
    WrongArguments {
        /// At least so many.
        least: usize,
        /// At most so many.
        most: usize,
        /// So many are given.
        found: usize,
    },
    /// A variable is called like a function.
    NotAFunction(String),
    /// Deeper than anybody needs.
    TooDeep,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::UnknownName(_) => write!(f, "neither a variable nor a function"),
            What::ExpectedValue => write!(f, "expected a number, a variable, a function or `(`"),
            What::ExpectedOperator => write!(f, "expected `+`, `-`, `*`, `/` or `^`"),
            What::Unclosed => write!(f, "never closed"),
            What::NotANumber => write!(f, "not a number"),
            What::MissingArguments(name) => write!(f, "a function: write `{name}(...)`"),
            What::WrongArguments { least: 1, found, .. } => write!(f, "takes 1 argument, not {found}"),
            What::WrongArguments { least, found, .. } => {
                write!(f, "takes at least {least} arguments, not {found}")
            }
            What::NotAFunction(_) => write!(f, "a variable, not a function"),
            What::TooDeep => write!(f, "nested too deeply"),
        }
    }
}

impl Expression {
    /// Reads a text in which these variables may stand; at most 256.
    ///
    /// # Errors
    /// The first mistake in the text.
    pub fn read(text: &str, variables: &[&str]) -> Result<Self, Mistake> {
        let mut parser = Parser { text, at: 0, variables, steps: Vec::new(), waiting: 0, depth: 0 };
        parser.sum()?;
        match parser.peek() {
            None => Ok(Expression { steps: parser.steps }),
            Some(_) => Err(parser.mistake(What::ExpectedOperator)),
        }
    }

    /// Whether the variable with this place in the list stands in it.
    pub fn uses(&self, variable: usize) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Variable(other) if usize::from(*other) == variable))
    }

    /// Its value, given those of the variables by their places in the list. What has no value, such as
    /// the logarithm of -1, is not a number, and so is all that is made of it.
    pub fn evaluate(&self, value: impl Fn(usize) -> f64) -> f64 {
        let mut stack = [0.0; MOST_VALUES];
        let mut top = 0;
        for step in &self.steps {
            match *step {
                Step::Number(number) => {
                    stack[top] = number;
                    top += 1;
                    continue;
                }
                Step::Variable(variable) => {
                    stack[top] = value(usize::from(variable));
                    top += 1;
                    continue;
                }
                _ => {}
            }
            let last = stack[top - 1];
            let one = match *step {
                Step::Negate => -last,
                Step::Log => last.ln(),
                Step::Log2 => last.log2(),
                Step::Log10 => last.log10(),
                Step::Exp => last.exp(),
                Step::Sqrt => last.sqrt(),
                Step::Abs => last.abs(),
                _ => {
                    top -= 1;
                    two(*step, stack[top - 1], last)
                }
            };
            stack[top - 1] = one;
        }
        stack[0]
    }
}

/// The step that makes one number of two.
#[inline]
fn two(step: Step, a: f64, b: f64) -> f64 {
    match step {
        Step::Add => a + b,
        Step::Subtract => a - b,
        Step::Multiply => a * b,
        Step::Divide => a / b,
        Step::Power => a.powf(b),
        // What is not a number stays none.
        _ if a.is_nan() || b.is_nan() => f64::NAN,
        Step::Min => a.min(b),
        _ => a.max(b),
    }
}

/// A text on its way to steps.
struct Parser<'a> {
    text: &'a str,
    at: usize,
    variables: &'a [&'a str],
    steps: Vec<Step>,
    /// Numbers on the stack once these steps are done.
    waiting: usize,
    depth: usize,
}

impl Parser<'_> {
    /// The next character that is no space, where it is then.
    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text[self.at..].chars().next()
    }

    fn takes(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    /// A mistake at the word, number or character that comes next.
    fn mistake(&mut self, what: What) -> Mistake {
        let at = match self.peek() {
            Some(_) => self.at..self.at + word(&self.text[self.at..]).len(),
            None => {
                let end = self.text.trim_end().len();
                end..end
            }
        };
        Mistake { at, what }
    }

    fn push(&mut self, step: Step) -> Result<(), Mistake> {
        self.steps.push(step);
        self.waiting += 1;
        if self.waiting > MOST_VALUES { Err(self.mistake(What::TooDeep)) } else { Ok(()) }
    }

    fn join(&mut self, step: Step) {
        self.steps.push(step);
        self.waiting -= 1;
    }

    /// Reads something that may hold itself.
    fn deeper(&mut self, read: fn(&mut Self) -> Result<(), Mistake>) -> Result<(), Mistake> {
        if self.depth == DEEPEST {
            return Err(self.mistake(What::TooDeep));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn sum(&mut self) -> Result<(), Mistake> {
        self.product()?;
        loop {
            let step = match self.peek() {
                Some('+') => Step::Add,
                Some('-') => Step::Subtract,
                _ => return Ok(()),
            };
            self.at += 1;
            self.product()?;
            self.join(step);
        }
    }

    fn product(&mut self) -> Result<(), Mistake> {
        self.signed()?;
        loop {
            let step = match self.peek() {
                Some('*') => Step::Multiply,
                Some('/') => Step::Divide,
                _ => return Ok(()),
            };
            self.at += 1;
            self.signed()?;
            self.join(step);
        }
    }

    fn signed(&mut self) -> Result<(), Mistake> {
        if self.takes('-') {
            self.deeper(Self::signed)?;
            self.steps.push(Step::Negate);
            return Ok(());
        }
        if self.takes('+') {
            return self.deeper(Self::signed);
        }
        self.power()
    }

    fn power(&mut self) -> Result<(), Mistake> {
        self.value()?;
        if self.takes('^') {
            self.deeper(Self::signed)?;
            self.join(Step::Power);
        }
        Ok(())
    }

    fn value(&mut self) -> Result<(), Mistake> {
        match self.peek() {
            Some('(') => {
                let open = self.at;
                self.at += 1;
                self.deeper(Self::sum)?;
                self.close(open)
            }
            Some('0'..='9' | '.') => self.number(),
            Some(c) if c.is_alphabetic() || c == '_' => self.name(),
            _ => Err(self.mistake(What::ExpectedValue)),
        }
    }

    fn close(&mut self, open: usize) -> Result<(), Mistake> {
        if self.takes(')') {
            return Ok(());
        }
        match self.peek() {
            None => Err(Mistake { at: open..open + 1, what: What::Unclosed }),
            Some(_) => Err(self.mistake(What::ExpectedOperator)),
        }
    }

    fn number(&mut self) -> Result<(), Mistake> {
        let start = self.at;
        let word = word(&self.text[start..]);
        let parsed = word.replace('_', "").parse::<f64>();
        match parsed {
            Ok(number) if number.is_finite() => {
                self.at += word.len();
                self.push(Step::Number(number))
            }
            _ => Err(self.mistake(What::NotANumber)),
        }
    }

    fn name(&mut self) -> Result<(), Mistake> {
        let start = self.at;
        let name = word(&self.text[start..]);
        let at = start..start + name.len();
        self.at = at.end;
        let is_call = self.peek() == Some('(');
        let variable = self.variables.iter().position(|variable| *variable == name);
        let function = FUNCTIONS.iter().find(|(function, _, _)| *function == name);
        let wrong = |what: fn(String) -> What| Err(Mistake { at: at.clone(), what: what(name.to_string()) });
        match (variable, function, is_call) {
            (Some(variable), _, false) => self.push(Step::Variable(variable as u8)),
            (_, Some(&(name, least, most)), true) => self.call(name, least, most, at),
            (Some(_), None, true) => wrong(What::NotAFunction),
            (None, Some(_), false) => wrong(What::MissingArguments),
            (None, None, _) => wrong(What::UnknownName),
        }
    }

    fn call(&mut self, name: &str, least: usize, most: usize, at: Range<usize>) -> Result<(), Mistake> {
        let step = match name {
            "log" | "ln" => Step::Log,
            "log2" => Step::Log2,
            "log10" => Step::Log10,
            "exp" => Step::Exp,
            "sqrt" => Step::Sqrt,
            "abs" => Step::Abs,
            "min" => Step::Min,
            _ => Step::Max,
        };
        let open = self.at;
        self.at += 1;
        let mut found = 0;
        while found > 0 || self.peek() != Some(')') {
            self.deeper(Self::sum)?;
            found += 1;
            if found > 1 {
                self.join(step);
            }
            if !self.takes(',') {
                break;
            }
        }
        self.close(open)?;
        if !(least..=most).contains(&found) {
            return Err(Mistake { at, what: What::WrongArguments { least, most, found } });
        }
        if most == 1 {
            self.steps.push(step);
        }
        Ok(())
    }
}

/// The name or number that a text starts with, or its first character.
fn word(text: &str) -> &str {
    let first = text.chars().next();
    let is_number = first.is_some_and(|c| c.is_ascii_digit() || c == '.');
    let mut last = ' ';
    let mut end = text.len();
    for (at, c) in text.char_indices() {
        // A sign belongs to a number right behind its `e`.
        let exponent = is_number && matches!(last, 'e' | 'E') && matches!(c, '+' | '-');
        let inside = c.is_alphanumeric() || c == '_' || (is_number && c == '.') || exponent;
        if !inside {
            end = if at == 0 { c.len_utf8() } else { at };
            break;
        }
        last = c;
    }
    &text[..end]
}

#[cfg(test)]
#[path = "expression_tests.rs"]
mod tests;
