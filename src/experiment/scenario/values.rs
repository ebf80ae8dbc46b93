//! The numbers a key can hold: with bounds, and with units where they are times.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::document::{Node, Value};
use super::reader::{Reader, Setting};
use crate::time::Duration;

/// Units of time that a string may end in, in seconds.
const UNITS: &[(&str, f64)] = &[
    ("ns", 1e-9),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("min", 60.0),
    ("h", 3600.0),
    ("d", 86400.0),
];

/// What a number is a number of: it decides whether units of time are understood and whether it
/// may be negative.
pub(super) trait Unit: Clone + std::fmt::Debug + 'static {
    /// Name in the schema.
    const NAME: &'static str;
    /// Whether a string with a unit of time is a number here.
    const TIME: bool;
    /// Whether values below 0 make sense.
    const SIGNED: bool;
}

/// Units of work, and plain counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain;

/// Seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seconds;

/// Urgency: any number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Urgency;

impl Unit for Plain {
    const NAME: &'static str = "Numbers";
    const TIME: bool = false;
    const SIGNED: bool = false;
}

impl Unit for Seconds {
    const NAME: &'static str = "Times";
    const TIME: bool = true;
    const SIGNED: bool = false;
}

impl Unit for Urgency {
    const NAME: &'static str = "Priorities";
    const TIME: bool = false;
    const SIGNED: bool = true;
}

/// A finite number, at least 0 unless the unit is signed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Quantity<U>(pub(super) f64, pub(super) std::marker::PhantomData<U>);

/// A finite number above 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Positive<U>(pub(super) f64, pub(super) std::marker::PhantomData<U>);

impl<U> Quantity<U> {
    pub(super) fn new(value: f64) -> Self {
        Quantity(value, std::marker::PhantomData)
    }
}

impl<U> Positive<U> {
    pub(super) fn new(value: f64) -> Self {
        Positive(value, std::marker::PhantomData)
    }
}

/// Bounds of a number and the words for them.
struct Bounds {
    low: f64,
    /// Whether `low` itself is refused.
    open: bool,
    high: f64,
    time: bool,
}

impl Bounds {
    fn expected(&self) -> String {
        let what = match self.time {
            true => "a time (seconds, or a string such as \"250ms\", \"10min\" or \"2h\")",
            false => "a number",
        };
        match (self.low, self.open, self.high) {
            (low, _, f64::INFINITY) if low == f64::NEG_INFINITY => what.to_string(),
            (low, true, f64::INFINITY) => format!("{what} above {low}"),
            (low, false, f64::INFINITY) => format!("{what} of at least {low}"),
            (low, _, high) => format!("{what} from {low} to {high}"),
        }
    }

    fn read(&self, node: &Node, reader: &mut Reader) -> Option<f64> {
        let value = match &node.value {
            Value::Integer(Some(value)) => *value as f64,
            Value::Integer(None) => return reader.refuse(node, &self.expected(), "too large"),
            Value::Float(value) => *value,
            Value::Text(text) if self.time => match parse_time(text) {
                Some(seconds) => seconds,
                None => return reader.refuse(node, &self.expected(), "not a number with a unit of time"),
            },
            _ => return reader.wrong_type(node, &self.expected()),
        };
        let label = if value.is_nan() {
            "not a number"
        } else if value.is_infinite() {
            "infinite"
        } else if value < 0.0 && self.low >= 0.0 {
            "negative"
        } else if value == 0.0 && self.low == 0.0 && self.open {
            "zero"
        } else if value < self.low || (self.open && value == self.low) {
            "too small"
        } else if value > self.high {
            "too large"
        } else if self.time && Duration::from_seconds(value).is_none() {
            "more than 584 years, the longest time there is"
        } else {
            return Some(value + 0.0); // never -0
        };
        reader.refuse(node, &self.expected(), label)
    }

    fn schema(&self) -> Schema {
        let mut number = json_schema!({ "type": "number" });
        if self.low.is_finite() {
            number
                .insert(if self.open { "exclusiveMinimum" } else { "minimum" }.to_string(), self.low.into());
        }
        if self.high.is_finite() {
            number.insert("maximum".to_string(), self.high.into());
        }
        match self.time {
            false => number,
            true => {
                let units: Vec<&str> = UNITS.iter().map(|(unit, _)| *unit).collect();
                let pattern =
                    format!(r"^\s*\+?[0-9_]*\.?[0-9_]+([eE][-+]?[0-9]+)?\s*({})\s*$", units.join("|"));
                json_schema!({ "anyOf": [number, { "type": "string", "pattern": pattern }] })
            }
        }
    }
}

/// `"250ms"` in seconds.
fn parse_time(text: &str) -> Option<f64> {
    let text = text.trim();
    let split = text.rfind(|c: char| c.is_ascii_digit() || c == '.')? + 1;
    let (number, unit) = text.split_at(split);
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit.trim())?;
    let number: f64 = number.trim().replace('_', "").parse().ok()?;
    // Dividing by a whole number keeps "250ms" at exactly 0.25.
    Some(if *seconds < 1.0 { number / (1.0 / seconds).round() } else { number * seconds })
}

/// Implements a number type by its bounds.
macro_rules! number {
    ($name:ident $(<$unit:ident>)?, $bounds:expr, $new:expr, $get:expr) => {
        impl$(<$unit: Unit>)? Setting for $name $(<$unit>)? {
            fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
                $bounds.read(node, reader).map($new)
            }

            fn write(&self) -> serde_json::Value {
                #[allow(clippy::redundant_closure_call)]
                $get(self).into()
            }
        }

        impl$(<$unit: Unit>)? JsonSchema for $name $(<$unit>)? {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $bounds.schema()
            }
        }
    };
}

number!(
    Quantity<U>,
    Bounds {
        low: if U::SIGNED { f64::NEG_INFINITY } else { 0.0 },
        open: false,
        high: f64::INFINITY,
        time: U::TIME
    },
    Quantity::new,
    |quantity: &Quantity<U>| quantity.0
);
number!(
    Positive<U>,
    Bounds { low: 0.0, open: true, high: f64::INFINITY, time: U::TIME },
    Positive::new,
    |positive: &Positive<U>| positive.0
);

/// A number from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fraction(pub(super) f64);
number!(Fraction, Bounds { low: 0.0, open: false, high: 1.0, time: false }, Fraction, |f: &Fraction| f.0);

/// A finite number of at least 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Growth(pub(super) f64);
number!(
    Growth,
    Bounds { low: 1.0, open: false, high: f64::INFINITY, time: false },
    Growth,
    |growth: &Growth| growth.0
);

/// A whole number between two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole<const LOW: u64, const HIGH: u64>(pub(super) u64);

/// At least 1, and as many as 32 bits count.
pub(super) type Count = Whole<1, { u32::MAX as u64 }>;

impl<const LOW: u64, const HIGH: u64> Whole<LOW, HIGH> {
    /// As 32 bits; only for bounds that fit.
    pub(super) fn small(self) -> u32 {
        const { assert!(HIGH <= u32::MAX as u64) };
        self.0 as u32
    }
}

impl<const LOW: u64, const HIGH: u64> Setting for Whole<LOW, HIGH> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let expected = format!("a whole number from {} to {}", grouped(LOW), grouped(HIGH));
        let value = match &node.value {
            Value::Integer(value) => *value,
            // 1e5 is a whole number to people.
            Value::Float(value) if value.fract() == 0.0 && value.abs() < 1e15 => Some(*value as i128),
            Value::Float(value) if value.is_nan() => return reader.refuse(node, &expected, "not a number"),
            Value::Float(value) if value.is_infinite() => return reader.refuse(node, &expected, "infinite"),
            Value::Float(value) if value.abs() >= 1e15 => None,
            Value::Float(_) => return reader.refuse(node, &expected, "not a whole number"),
            _ => return reader.wrong_type(node, &expected),
        };
        let label = match value {
            None => "too large",
            Some(value) if value < 0 => "negative",
            Some(0) if LOW > 0 => "zero",
            Some(value) if value < i128::from(LOW) => "too small",
            Some(value) if value > i128::from(HIGH) => "too large",
            Some(value) => return Some(Whole(value as u64)),
        };
        reader.refuse(node, &expected, label)
    }

    fn write(&self) -> serde_json::Value {
        self.0.into()
    }
}

impl<const LOW: u64, const HIGH: u64> JsonSchema for Whole<LOW, HIGH> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Whole".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": LOW, "maximum": HIGH })
    }
}

/// 1234567 as `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    if number < 10_000 {
        return digits;
    }
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_units() {
        for (text, expected) in [
            ("250ms", Some(0.25)),
            ("10min", Some(600.0)),
            ("2h", Some(7200.0)),
            ("1.5 d", Some(129_600.0)),
            ("3us", Some(3e-6)),
            ("7ns", Some(7e-9)),
            ("1_000s", Some(1000.0)),
            ("1e3s", Some(1000.0)),
            ("10", None),
            ("ms", None),
            ("10 parsecs", None),
            ("", None),
        ] {
            assert_eq!(parse_time(text), expected, "{text}");
        }
    }

    #[test]
    fn large_numbers_are_grouped_for_people() {
        assert_eq!(grouped(9999), "9999");
        assert_eq!(grouped(10_000), "10,000");
        assert_eq!(grouped(4_294_967_295), "4,294,967,295");
    }
}
