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
        ("2 ^ (3 ^ 2)", 512.0),
        ("(2 ^ 3) ^ 2", 64.0),
        ("2^3 * 2^2", 32.0),
        ("2^(-1)", 0.5),
        ("-2^(-2)", -0.25),
        ("x*(-y)", -1.5),
        ("-(-x)", 3.0),
        ("+x - (-x)", 6.0),
        ("max(-y, -x^2, 2^(-x) - 1)", -0.5),
        ("1 / (-0)", f64::NEG_INFINITY),
        ("-(x / 6)^3 * 8", -1.0),
        ("log(exp(2)) + ln(1)", 2.0),
        ("log2(8) + log10(1e3)", 6.0),
        ("sqrt(abs(-16))", 4.0),
        ("min(x, y, -2) + max(x, y)", 1.0),
        ("min(min(x, 9), max(y, max(min(1, 2), 2)))", 2.0),
        ("sqrt(x + 1 + 5)", 3.0),
        ("1 + 1e-16 + 1e-16", 1.0),
        ("sqrt(min(x * 12, 2 * 2^5)) ^ 2", 36.0),
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
        ("sqrt()", 0..4, What::WrongArguments { two: false, found: 0 }),
        ("sqrt(x, y)", 0..4, What::WrongArguments { two: false, found: 2 }),
        ("min(x)", 0..3, What::WrongArguments { two: true, found: 1 }),
        ("min(x, )", 7..8, What::ExpectedValue),
        ("x × y", 2..4, What::ExpectedOperator),
        ("x, y", 1..2, What::ExpectedOperator),
        ("(x, y)", 2..3, What::ExpectedOperator),
        ("{x}", 0..1, What::ExpectedValue),
        ("x min y", 2..5, What::ExpectedOperator),
        ("2^-1", 2..3, What::SignAfterOperator),
        ("x*-y", 2..3, What::SignAfterOperator),
        ("--x", 1..2, What::SignAfterOperator),
        ("min(x, y - +1)", 11..12, What::SignAfterOperator),
        ("2^3^2", 3..4, What::PowerOfPower),
        ("x^(y^2 + 1)^2", 11..12, What::PowerOfPower),
        ("min(x, y^sqrt(y) ^ 2)", 17..18, What::PowerOfPower),
    ] {
        assert_eq!(Expression::read(text, VARIABLES).map(drop), Err(Mistake { at, what }), "{text}");
    }
}

#[test]
fn length_and_depth_are_bounded() {
    for nested in ["(", "-(", "2^(", "sqrt(", "1+(", "1+2*3^(", "min(1,"] {
        let open = |times| format!("{}x{}", nested.repeat(times), ")".repeat(times));
        assert!(Expression::read(&open(DEEPEST), VARIABLES).is_ok(), "{nested}");
        for times in [DEEPEST + 1, 100_000] {
            let error = Expression::read(&open(times), VARIABLES).expect_err(nested);
            assert_eq!(error.what, What::TooDeep, "{nested}");
        }
    }
    let sum = |numbers| format!("x{}", "+1".repeat(numbers));
    assert_eq!(value(&sum(MOST_VALUES - 1)), MOST_VALUES as f64 + 2.0);
    for numbers in [MOST_VALUES, 1_000_000] {
        let error = Expression::read(&sum(numbers), VARIABLES).expect_err("long");
        assert_eq!(error, Mistake { at: 512..513, what: What::TooLong });
    }
}

/// An expression as a tree, worked out without any text.
#[derive(Clone, Debug)]
enum Tree {
    Number(f64),
    Variable(usize),
    Negative(Box<Tree>),
    Operator(char, Box<Tree>, Box<Tree>),
    Call(usize, Vec<Tree>),
}

const VALUES: [f64; 2] = [3.1, -0.7];

impl Tree {
    fn value(&self) -> f64 {
        match self {
            Tree::Number(number) => *number,
            Tree::Variable(variable) => VALUES[*variable],
            Tree::Negative(tree) => -tree.value(),
            Tree::Operator(operator, a, b) => match (operator, a.value(), b.value()) {
                ('+', a, b) => a + b,
                ('-', a, b) => a - b,
                ('*', a, b) => a * b,
                ('/', a, b) => a / b,
                (_, a, b) => a.powf(b),
            },
            Tree::Call(function, arguments) => {
                let arguments: Vec<f64> = arguments.iter().map(Tree::value).collect();
                match FUNCTIONS[*function].1 {
                    Function::One(apply) => apply(arguments[0]),
                    Function::Two(apply) => arguments.into_iter().reduce(apply).expect("two"),
                }
            }
        }
    }

    /// With no more parentheses than needed where nothing looser than this rank may stand alone, and a sign
    /// only at the start.
    fn text(&self, rank: u32, start: bool) -> String {
        let (own, text) = match self {
            Tree::Number(number) => return format!("{number:e}"),
            Tree::Variable(variable) => return VARIABLES[*variable].to_string(),
            Tree::Call(function, arguments) => {
                let arguments: Vec<String> = arguments.iter().map(|tree| tree.text(0, true)).collect();
                return format!("{}({})", FUNCTIONS[*function].0, arguments.join(", "));
            }
            Tree::Negative(_) if !start => return format!("({})", self.text(0, true)),
            // -xy is (-x)y and -(xy), to the last bit.
            Tree::Negative(tree) => (1, format!("-{}", tree.text(1, false))),
            Tree::Operator(operator, a, b) => {
                let (own, left, right) = match operator {
                    '+' | '-' => (0, 0, 1),
                    '*' | '/' => (1, 1, 2),
                    _ => (2, 3, 3),
                };
                let start = start || own < rank;
                (own, format!("{} {operator} {}", a.text(left, start), b.text(right, false)))
            }
        };
        if own < rank { format!("({text})") } else { text }
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        (0..30i32, -3..3i32).prop_map(|(digits, power)| Tree::Number(f64::from(digits) * 10f64.powi(power))),
        (0..VARIABLES.len()).prop_map(Tree::Variable),
    ];
    leaf.prop_recursive(6, 60, 4, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        prop_oneof![
            boxed.clone().prop_map(Tree::Negative),
            (prop::sample::select(vec!['+', '-', '*', '/', '^']), boxed.clone(), boxed)
                .prop_map(|(operator, a, b)| Tree::Operator(operator, a, b)),
            (0..FUNCTIONS.len(), prop::collection::vec(inner, 2..4)).prop_map(|(function, mut arguments)| {
                if matches!(FUNCTIONS[function].1, Function::One(_)) {
                    arguments.truncate(1);
                }
                Tree::Call(function, arguments)
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2000), ..Default::default() })]

    /// To the last bit what arithmetic makes of the same tree.
    #[test]
    fn is_what_arithmetic_makes_of_it(tree in tree()) {
        let (text, expected) = (tree.text(0, true), tree.value());
        let expression = Expression::read(&text, VARIABLES).expect(&text);
        let found = expression.evaluate(|variable| VALUES[variable]);
        let same = found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan());
        prop_assert!(same, "{text}: {found:?}, not {expected:?}");
    }

    /// Whatever stands there is read or refused at a place in it, and what was read can be evaluated.
    #[test]
    fn never_panics(text in "([xy0-9.e+*/^(), -]|min|log|sqrt|é|\\PC){0,40}") {
        match Expression::read(&text, VARIABLES) {
            Ok(expression) => {
                expression.evaluate(|variable| variable as f64);
            }
            Err(mistake) => {
                prop_assert!(mistake.what != What::NotUnderstood);
                prop_assert!(text.get(mistake.at).is_some());
            }
        }
    }

    /// Nearly right texts: what the check lets through the library takes.
    #[test]
    fn nothing_is_left_to_the_library_to_refuse(
        words in prop::collection::vec(
            prop::sample::select(vec!["x", "y", "1", ".5e1", "(", "(", ")", ")", "+", "-", "*", "^", ",", "min(", "log("]),
            0..16,
        )
    ) {
        if let Err(mistake) = Expression::read(&words.concat(), VARIABLES) {
            prop_assert!(mistake.what != What::NotUnderstood, "{words:?}");
        }
    }
}
