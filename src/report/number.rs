//! Numbers as files and people read them, alike in every locale.

use crate::time::Duration;

/// For files: the shortest decimal that reads back as the same number; empty when missing.
pub fn exact(value: Option<f64>) -> String {
    match value {
        // Negative zero is zero.
        Some(value) if value.is_finite() => format!("{}", value + 0.0),
        _ => String::new(),
    }
}

/// For files: nanoseconds as seconds, exactly, without trailing zeros.
pub fn seconds(time: Duration) -> String {
    let text = nine_decimals(time);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// For files: nanoseconds as seconds with 9 decimals.
pub fn nine_decimals(time: Duration) -> String {
    format!("{}.{:09}", time.0 / 1_000_000_000, time.0 % 1_000_000_000)
}

/// For people: so many decimals, and commas when the whole part has five digits or more.
pub fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => {
            (if digits.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) { "-" } else { "" }, digits)
        }
        None => ("", text.as_str()),
    };
    let (whole, fraction) =
        digits.split_once('.').map_or((digits, ""), |(whole, fraction)| (whole, fraction));
    let dot = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{dot}{fraction}", with_commas(whole))
}

/// For people: a count, with commas from 10,000 up.
pub fn count(value: u64) -> String {
    with_commas(&value.to_string())
}

fn with_commas(digits: &str) -> String {
    if digits.len() < 5 {
        return digits.to_string();
    }
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// For people: rounded to so many significant digits, without trailing zeros after the point.
pub fn significant(value: f64, digits: usize) -> String {
    let text = fixed(value, decimals_for(value, digits));
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

/// Decimals that show so many significant digits of a value, at most 6.
pub fn decimals_for(value: f64, digits: usize) -> usize {
    if value == 0.0 || !value.is_finite() {
        return 0;
    }
    let leading = |value: f64| value.abs().log10().floor() as i32;
    let wanted = |exponent: i32| (digits as i32 - 1 - exponent).clamp(0, 6) as usize;
    let decimals = wanted(leading(value));
    // Rounding may carry into a new digit: 0.0996 with two digits is 0.10, not 0.100.
    let rounded: f64 = format!("{value:.decimals$}").parse().unwrap_or(value);
    if rounded == 0.0 { decimals } else { wanted(leading(rounded)) }
}

/// For people: `31.2 s`, `4 min 10 s`, `2 h 5 min`.
pub fn span(time: std::time::Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        _ if seconds < 59.95 => format!("{seconds:.1} s"),
        _ if seconds < 3599.5 => {
            let whole = seconds.round() as u64;
            format!("{} min {} s", whole / 60, whole % 60)
        }
        _ => {
            let minutes = (seconds / 60.0).round() as u64;
            format!("{} h {} min", minutes / 60, minutes % 60)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_get_the_shortest_exact_form() {
        for (value, expected) in [(0.1, "0.1"), (1e-7, "0.0000001"), (100_000.0, "100000"), (-0.0, "0")] {
            assert_eq!(exact(Some(value)), expected);
        }
        assert_eq!(exact(None), "");
        assert_eq!(exact(Some(f64::NAN)), "");
        assert_eq!(seconds(Duration(1_500_000_000)), "1.5");
        assert_eq!(seconds(Duration(10_000_000_000)), "10");
        assert_eq!(seconds(Duration(0)), "0");
        assert_eq!(nine_decimals(Duration(12_000_000_034)), "12.000000034");
    }

    #[test]
    fn people_get_commas_and_rounding() {
        for (value, decimals, expected) in [
            (9999.4, 0, "9999"),
            (10_000.0, 0, "10,000"),
            (1_234_567.891, 2, "1,234,567.89"),
            (-0.04, 1, "0.0"),
        ] {
            assert_eq!(fixed(value, decimals), expected);
        }
        assert_eq!(count(100_000), "100,000");
        for (value, digits, expected) in [
            (0.412, 2, "0.41"),
            (13.97, 3, "14"),
            (0.0996, 2, "0.1"),
            (123_456.0, 3, "123,456"),
            (0.0, 3, "0"),
        ] {
            assert_eq!(significant(value, digits), expected);
        }
    }

    #[test]
    fn decimals_follow_the_leading_digit() {
        for (value, expected) in
            [(0.021, 3), (0.0996, 2), (0.9, 2), (1.3, 1), (31.0, 0), (220.0, 0), (1e-12, 6)]
        {
            assert_eq!(decimals_for(value, 2), expected, "{value}");
        }
    }

    #[test]
    fn spans_read_as_said() {
        for (seconds, expected) in
            [(31.24, "31.2 s"), (250.0, "4 min 10 s"), (59.97, "1 min 0 s"), (7500.0, "2 h 5 min")]
        {
            assert_eq!(span(std::time::Duration::from_secs_f64(seconds)), expected);
        }
    }
}
