//! What expressions mean, and what is said of mistakes in them.

use super::*;
use proptest::prelude::*;

const VARIABLES: &[&str] = &["x", "y"];

fn value(text: &str) -> f64 {
    let expression = Expression::read(text, VARIABLES).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    expression.evaluate(|variable| [3.0, 0.5][variable])
}

#[test]
fn means_what_it_means_in_mathematics() {
    for (text, expected) in [
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("2 - 3 - 4", -5.0),
        ("12 / 3 * 2", 8.0),
        ("12 / (3 * 2)", 2.0),
        ("-x^2", -9.0),
        ("(-x)^2", 9.0),
        ("2^3^2", 512.0),
        ("2^-1", 0.5),
        ("-2^-2", -0.25),
        ("x*-y", -1.5),
        ("--x", 3.0),
        ("+x - -x", 6.0),
        ("-(x / 6)^3 * 8", -1.0),
        ("log(exp(2)) + ln(1)", 2.0),
        ("log2(8) + log10(1e3)", 6.0),
        ("sqrt(abs(-16))", 4.0),
        ("min(x, y, -2) + max(x, y)", 1.0),
        ("6.86e6 * .5 + 1_000", 3_431_000.0),
        ("1e-1", 0.1),
        (" x\t*\ny ", 1.5),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn what_is_not_a_number_stays_none() {
    for text in ["log(-1)", "0 / 0", "(0-1)^0.5", "min(0 / 0, 1)", "max(1, log(-1))", "sqrt(-1) * 0"] {
        assert!(value(text).is_nan(), "{text}");
    }
    assert_eq!(value("1 / 0"), f64::INFINITY);
    assert_eq!(value("log(0)"), f64::NEG_INFINITY);
}

#[test]
fn mistakes_are_pointed_at() {
    let unknown = |name: &str| What::UnknownName(name.to_string());
    for (text, at, what) in [
        ("wiat / x", 0..4, unknown("wiat")),
        ("x + sine(y)", 4..8, unknown("sine")),
        ("x +", 3..3, What::ExpectedValue),
        ("", 0..0, What::ExpectedValue),
        ("  ", 0..0, What::ExpectedValue),
        ("x * / y", 4..5, What::ExpectedValue),
        ("x % y", 2..3, What::ExpectedOperator),
        ("2x", 0..2, What::NotANumber),
        ("2 x", 2..3, What::ExpectedOperator),
        ("1.2.3", 0..5, What::NotANumber),
        ("1e999", 0..5, What::NotANumber),
        ("(x + y", 0..1, What::Unclosed),
        ("x)", 1..2, What::ExpectedOperator),
        ("max(x, y", 3..4, What::Unclosed),
        ("log + x", 0..3, What::MissingArguments("log".to_string())),
        ("x(2)", 0..1, What::NotAFunction("x".to_string())),
        ("sqrt()", 0..4, What::WrongArguments { least: 1, most: 1, found: 0 }),
        ("sqrt(x, y)", 0..4, What::WrongArguments { least: 1, most: 1, found: 2 }),
        ("min(x)", 0..3, What::WrongArguments { least: 2, most: usize::MAX, found: 1 }),
        ("min(x, )", 7..8, What::ExpectedValue),
        ("x × y", 2..4, What::ExpectedOperator),
    ] {
        assert_eq!(Expression::read(text, VARIABLES), Err(Mistake { at, what }), "{text}");
    }
}

#[test]
fn depth_is_bounded() {
    for nested in ["(", "-", "2^", "sqrt(", "1+(", "1+2*3^(", "min(1,"] {
        let error = Expression::read(&nested.repeat(100_000), VARIABLES).expect_err(nested);
        assert_eq!(error.what, What::TooDeep, "{nested}");
    }
    assert_eq!(value(&format!("0{}", "+1".repeat(10_000))), 10_000.0);
}

proptest! {
    /// Whatever stands there is read or refused at a place in it, and what was read can be evaluated.
    #[test]
    fn never_panics(text in "([xy0-9.e+*/^(), -]|min|log|sqrt|é|\\PC){0,40}") {
        match Expression::read(&text, VARIABLES) {
            Ok(expression) => {
                expression.evaluate(|variable| variable as f64);
            }
            Err(mistake) => prop_assert!(text.get(mistake.at).is_some()),
        }
    }
}
