//! Where ticks stand and what they say.

use crate::report::number::fixed;

/// A range of values on a length of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Value at the start.
    pub low: f64,
    /// Value at the end.
    pub high: f64,
    /// Values with ticks.
    pub ticks: Vec<f64>,
    log: bool,
}

impl Axis {
    /// A linear axis that holds these values, with ticks at steps of 1, 2 or 5, about so many.
    /// It starts at 0 unless that would leave most of it empty.
    pub fn linear(low: f64, high: f64, ticks: usize) -> Axis {
        let from_zero = low >= 0.0 && (high - low) >= 0.25 * high;
        Axis::between(if from_zero { 0.0 } else { low }, high, ticks)
    }

    /// A linear axis from one tick to another around these values.
    pub fn between(low: f64, high: f64, ticks: usize) -> Axis {
        let (low, high) = spread(low, high);
        let step = step((high - low) / ticks.max(1) as f64);
        let first = (low / step + 1e-9).floor();
        let last = (high / step - 1e-9).ceil().max(first + 1.0);
        let ticks: Vec<f64> =
            (0..=(last - first) as usize).map(|number| (first + number as f64) * step).collect();
        Axis { low: first * step, high: last * step, ticks, log: false }
    }

    /// A linear axis from exactly here to exactly there, with ticks at steps of 1, 2 or 5 inside.
    pub fn exactly(low: f64, high: f64, ticks: usize) -> Axis {
        let mut axis = Axis::between(low, high, ticks);
        let slack = (high - low) * 1e-9;
        axis.ticks.retain(|&tick| tick >= low - slack && tick <= high + slack);
        Axis { low, high, ..axis }
    }

    /// A logarithmic axis from one power of ten to another around these values, with a tick at
    /// every power of ten.
    pub fn log(low: f64, high: f64) -> Axis {
        let first = (low.log10() + 1e-9).floor() as i32;
        let last = ((high.log10() - 1e-9).ceil() as i32).max(first + 1);
        let ticks: Vec<f64> = (first..=last).map(power_of_ten).collect();
        Axis { low: power_of_ten(first), high: power_of_ten(last), ticks, log: true }
    }

    /// From 0 at the start to 1 at the end.
    pub fn share(&self, value: f64) -> f64 {
        if self.log {
            (value.max(f64::MIN_POSITIVE).log10() - self.low.log10()) / (self.high.log10() - self.low.log10())
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    /// The labels of the ticks, all with the same number of decimals; on a log axis each as short
    /// as it can be.
    pub fn labels(&self) -> Vec<String> {
        if self.log {
            return self.ticks.iter().map(|&tick| short(tick)).collect();
        }
        let step = match self.ticks[..] {
            [first, second, ..] => second - first,
            _ => self.high - self.low,
        };
        let decimals = (-(step.log10() + 1e-9).floor()).clamp(0.0, 9.0) as usize;
        self.ticks.iter().map(|&tick| fixed(tick, decimals)).collect()
    }

    /// Whether it is logarithmic.
    pub fn is_log(&self) -> bool {
        self.log
    }

    /// Whether it starts elsewhere than at 0.
    pub fn is_cut(&self) -> bool {
        !self.log && self.low > 0.0
    }
}

/// Exact where literals are: 0.001 and not 0.0010000000000000002.
fn power_of_ten(exponent: i32) -> f64 {
    format!("1e{exponent}").parse().unwrap_or(1.0)
}

/// `0.01`, `1`, `1,000` grow long: above a million and below a thousandth as powers.
fn short(value: f64) -> String {
    if !(1e-4..1e6).contains(&value) {
        return format!("1e{}", value.log10().round());
    }
    fixed(value, (-value.log10()).round().max(0.0) as usize)
}

/// The step of 1, 2 or 5 times a power of ten at or above this one.
pub fn step(rough: f64) -> f64 {
    if rough <= 0.0 || !rough.is_finite() {
        return 1.0;
    }
    let exponent = rough.log10().floor() as i32;
    let power = power_of_ten(exponent);
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| rough <= factor * power * (1.0 + 1e-9));
    factor.unwrap_or(10.0) * power
}

/// A range of some width around values that may all be equal.
fn spread(low: f64, high: f64) -> (f64, f64) {
    if high > low {
        return (low, high);
    }
    match low {
        0.0 => (0.0, 1.0),
        value => (value - value.abs() * 0.05, value + value.abs() * 0.05),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_stand_at_round_steps() {
        let cases: [(f64, f64, &[&str]); 6] = [
            (0.0, 13.1, &["0", "5", "10", "15"]),
            (0.4, 3.7, &["0", "1", "2", "3", "4"]),
            (12.18, 12.81, &["12.0", "12.2", "12.4", "12.6", "12.8", "13.0"]),
            (0.0, 0.0, &["0.0", "0.5", "1.0"]),
            (5.0, 5.0, &["4.6", "4.8", "5.0", "5.2", "5.4"]),
            (0.0, 98_000.0, &["0", "50,000", "100,000"]),
        ];
        for (low, high, expected) in cases {
            assert_eq!(Axis::linear(low, high, 4).labels(), expected, "{low} {high}");
        }
    }

    #[test]
    fn decades_are_exact() {
        let axis = Axis::log(0.13, 870.0);
        assert_eq!(axis.labels(), ["0.1", "1", "10", "100", "1000"]);
        assert_eq!(axis.low, 0.1);
        assert!((axis.share(10.0) - 0.5).abs() < 1e-12);
    }
}
