//! Fields of tables in files: numbers, and mistakes.

use std::fmt;

use crate::time::billionths;

/// A mistake in a file of tasks or outages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceError {
    /// Line, counted from 1; 0 when the file as a whole is meant.
    pub line: u64,
    /// Field within the line, counted from 1; 0 when the whole line is meant.
    pub column: u64,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => f.write_str(&self.message),
            (line, 0) => write!(f, "line {line}: {}", self.message),
            (line, column) => write!(f, "line {line}, field {column}: {}", self.message),
        }
    }
}

impl std::error::Error for TraceError {}

/// Why a field is not a usable amount of time or work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAnAmount {
    NotANumber,
    NotFinite,
    Negative,
    TooLarge,
}

impl NotAnAmount {
    /// What to say about a field with this text.
    pub(crate) fn describe(self, text: &str) -> String {
        let found = shortened(text);
        match self {
            NotAnAmount::NotANumber => format!("expected a number, found \"{found}\""),
            NotAnAmount::NotFinite => format!("expected a finite number, found \"{found}\""),
            NotAnAmount::Negative => format!("must not be negative, found {found}"),
            NotAnAmount::TooLarge => format!("{found} is too large; the limit is 1.8e10"),
        }
    }
}

/// A non-negative amount of seconds or units of work in billionths, to the nearest.
///
/// Plain decimals are read exactly: a double holds nanoseconds only up to a few months.
pub(crate) fn amount(text: &str) -> Result<u64, NotAnAmount> {
    if let Some(exact) = plain_decimal(text) {
        return if exact == u64::MAX { Err(NotAnAmount::TooLarge) } else { Ok(exact) };
    }
    let value = number(text)?;
    if value < 0.0 {
        return Err(NotAnAmount::Negative);
    }
    billionths(value).filter(|amount| *amount != u64::MAX).ok_or(NotAnAmount::TooLarge)
}

/// A finite number of either sign.
pub(crate) fn number(text: &str) -> Result<f64, NotAnAmount> {
    let value: f64 = text.parse().map_err(|_| NotAnAmount::NotANumber)?;
    if value.is_finite() { Ok(value) } else { Err(NotAnAmount::NotFinite) }
}

/// The start of a text, for a message that fits on a screen whatever the file holds.
pub(crate) fn shortened(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", text[..end].escape_debug()),
        None => text.escape_debug().to_string(),
    }
}

/// `None` when this is not digits with at most one point among them, or does not fit.
fn plain_decimal(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let mut nanos = whole.parse::<u64>().ok()?.checked_mul(1_000_000_000)?;
    let mut place = 100_000_000;
    for digit in fraction.bytes().take(9) {
        nanos = nanos.checked_add(u64::from(digit - b'0') * place)?;
        place /= 10;
    }
    let round_up = fraction.as_bytes().get(9).is_some_and(|digit| *digit >= b'5');
    nanos.checked_add(u64::from(round_up))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_to_the_nearest_billionth() {
        for (text, expected) in [
            ("0", 0),
            ("12", 12_000_000_000),
            ("0.000000001", 1),
            ("0.0000000005", 1),
            ("0.00000000049999", 0),
            ("123456789.123456789", 123_456_789_123_456_789),
            ("1e3", 1_000_000_000_000),
            (".5", 500_000_000),
            ("+2", 2_000_000_000),
            ("-0", 0),
        ] {
            assert_eq!(amount(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "n/a", "1,5", "1 2", "0x10", "1.2.3", "1s"] {
            assert_eq!(amount(text), Err(NotAnAmount::NotANumber), "{text}");
        }
        for text in ["NaN", "inf", "-inf", "1e999"] {
            assert_eq!(amount(text), Err(NotAnAmount::NotFinite), "{text}");
        }
        assert_eq!(amount("-1"), Err(NotAnAmount::Negative));
        for text in ["18446744074", "1e300", "99999999999999999999999"] {
            assert_eq!(amount(text), Err(NotAnAmount::TooLarge), "{text}");
        }
    }

    #[test]
    fn messages_stay_short() {
        assert_eq!(shortened(&"x".repeat(1000)).len(), 43);
        assert_eq!(shortened("a\tb"), "a\\tb");
    }
}
