//! Arithmetic over named variables: a text is read once, and then evaluated as often as one likes.
//!
//! The library `exmex` reads and evaluates. It does not say where in a text a mistake is; it takes `-x^2`
//! for `(-x)^2`, and `2^3^2` for `(2^3)^2`; it knows no `1e6`; and where `max(x, max(y, z))` stands it gives
//! up. So the words of a text are checked here first, one after the other, and handed over in a form that
//! both read alike: a sign as a factor of -1, names in braces, numbers in full, `min` and `max` between
//! their arguments. What people and programs read differently, a power of a power or a sign right after an
//! operator, is refused: parentheses say what is meant.
//!
//! Values of the same rank are worked out from left to right, as they stand there. Evaluating takes
//! O(length), and no memory of its own up to 32 numbers, variables and signs; beyond that an allocation
//! each time.

use std::fmt;
use std::ops::Range;

use exmex::{BinOp, Express, FlatEx, MakeOperators, Operator};

/// Numbers and variables in a text.
pub const MOST_VALUES: usize = 256;
/// Parentheses within each other.
pub const DEEPEST: usize = 64;
/// Variables that may be named to [`Expression::read`].
const MOST_VARIABLES: usize = 16;

/// What a function makes of its arguments.
#[derive(Clone, Copy, Debug)]
pub enum Function {
    /// Of one.
    One(fn(f64) -> f64),
    /// Of two; more are taken two at a time from the left.
    Two(fn(f64, f64) -> f64),
}

/// All functions.
pub const FUNCTIONS: &[(&str, Function)] = &[
    ("log", Function::One(f64::ln)),
    ("ln", Function::One(f64::ln)),
    ("log2", Function::One(f64::log2)),
    ("log10", Function::One(f64::log10)),
    ("exp", Function::One(f64::exp)),
    ("sqrt", Function::One(f64::sqrt)),
    ("abs", Function::One(f64::abs)),
    // Those of the standard library leave out what is not a number.
    ("min", Function::Two(|a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) })),
    ("max", Function::Two(|a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) })),
];

/// The functions, and arithmetic.
#[derive(Clone, Debug)]
struct Operators;

impl MakeOperators<f64> for Operators {
    fn make<'a>() -> Vec<Operator<'a, f64>> {
        // Nothing is said to be commutative: the library would add 1 + 2 in x + 1 + 2 first, which rounds
        // otherwise, and (0.21) makes x + sqrt(1 + 2) of sqrt(x + 1 + 2).
        let two = |name, prio, apply| Operator::make_bin(name, BinOp { apply, prio, is_commutative: false });
        let arithmetic = [
            two("+", 0, |a, b| a + b),
            two("-", 0, |a, b| a - b),
            two("*", 1, |a, b| a * b),
            two("/", 1, |a, b| a / b),
            two("^", 2, f64::powf),
        ];
        let functions = FUNCTIONS.iter().map(|&(name, function)| match function {
            Function::One(apply) => Operator::make_unary(name, apply),
            Function::Two(apply) => two(name, 3, apply),
        });
        arithmetic.into_iter().chain(functions).collect()
    }
}

/// An expression, ready to be evaluated.
#[derive(Clone, Debug)]
pub struct Expression {
    /// Some 20 kB.
    compiled: Box<FlatEx<f64, Operators>>,
    /// The places in the list of the variables that stand in it, in the order in which it wants them.
    places: Vec<usize>,
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
    /// A function of one takes one argument, one of two takes two or more; so many are given.
    WrongArguments {
        /// Of two.
        two: bool,
        /// Arguments given.
        found: usize,
    },
    /// A variable is called like a function.
    NotAFunction(String),
    /// A sign stands right after an operator or another sign.
    SignAfterOperator,
    /// A power of a power without parentheses.
    PowerOfPower,
    /// More than [`DEEPEST`] parentheses within each other.
    TooDeep,
    /// More than [`MOST_VALUES`] numbers and variables.
    TooLong,
    /// The library refuses it.
    NotUnderstood,
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
            What::WrongArguments { two: false, found } => write!(f, "takes 1 argument, not {found}"),
            What::WrongArguments { two: true, found } => write!(f, "takes at least 2 arguments, not {found}"),
            What::NotAFunction(_) => write!(f, "a variable, not a function"),
            What::SignAfterOperator => write!(f, "a sign right after an operator or a sign"),
            What::PowerOfPower => write!(f, "a power of a power: which comes first?"),
            What::TooDeep => write!(f, "more than {DEEPEST} parentheses within each other"),
            What::TooLong => write!(f, "more than {MOST_VALUES} numbers and variables"),
            What::NotUnderstood => write!(f, "not understood"),
        }
    }
}

impl Expression {
    /// Reads a text in which these variables may stand; at most 16.
    ///
    /// # Errors
    /// The first mistake in the text.
    pub fn read(text: &str, variables: &[&str]) -> Result<Self, Mistake> {
        assert!(variables.len() <= MOST_VARIABLES, "too many variables");
        let checked = words::check(text, variables)?;
        let refused = || Mistake { at: 0..text.len(), what: What::NotUnderstood };
        let compiled = Box::new(FlatEx::parse(&checked).map_err(|_| refused())?);
        let place = |name: &String| variables.iter().position(|variable| variable == name);
        let places = compiled.var_names().iter().map(place).collect::<Option<_>>().ok_or_else(refused)?;
        Ok(Expression { compiled, places })
    }

    /// Whether the variable with this place in the list stands in it.
    pub fn uses(&self, variable: usize) -> bool {
        self.places.contains(&variable)
    }

    /// Its value, given those of the variables by their places in the list. What has no value, such as
    /// the logarithm of -1, is not a number, and so is all that is made of it.
    pub fn evaluate(&self, value: impl Fn(usize) -> f64) -> f64 {
        let mut values = [0.0; MOST_VARIABLES];
        for (slot, place) in values.iter_mut().zip(&self.places) {
            *slot = value(*place);
        }
        self.compiled.eval(&values[..self.places.len()]).expect("a value for every variable")
    }
}

mod words;

#[cfg(test)]
#[path = "expression_tests.rs"]
mod tests;
