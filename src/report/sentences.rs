//! Which policy is best in a metric, in a sentence that rests on comparisons with it alone: differences
//! with unit and interval, never bare ratios.

use super::judge::{Words, words};
use super::number::{decimals_for, fixed, significant};
use crate::metrics::Metric;
use crate::statistics::comparisons::{Comparison, Outcome};

/// The best policy and those that were compared with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Leading {
    /// The metric.
    pub metric: Metric,
    /// Index of the policy with the best mean, the first of equals.
    pub best: usize,
    /// The others in order of their means, and how each compares with the best, or the best with it.
    pub others: Vec<(usize, Comparison)>,
    /// How many policies there are, with those that have no figure.
    pub all: usize,
}

/// Whether a policy was shown to differ from the best, by more than the margin if there is one.
fn is_behind(comparison: &Comparison) -> bool {
    matches!(comparison.outcome, Outcome::Lower | Outcome::Higher)
}

impl Leading {
    /// The best and those not shown to be behind it.
    pub fn leaders(&self) -> Vec<usize> {
        let sharing = self.others.iter().filter(|(_, one)| !is_behind(one)).map(|(policy, _)| *policy);
        std::iter::once(self.best).chain(sharing).collect()
    }

    /// The sentence. `name` gives the names of policies; `percent` says of a comparison at what confidence
    /// its interval is.
    pub fn sentence<'a>(
        &self,
        name: impl Fn(usize) -> &'a str,
        percent: impl Fn(&Comparison) -> String,
    ) -> String {
        let (word, best) = (words(self.metric), name(self.best));
        let names: Vec<&str> = self.leaders().into_iter().map(&name).collect();
        if self.others.iter().all(|(_, one)| one.outcome == Outcome::Identical) {
            let mean = self.others.first().map_or(0.0, |(_, one)| one.mean) * word.factor;
            let unit = of_unit(word.unit);
            let who = if names.len() == self.all { "All policies".to_string() } else { list(&names) };
            return format!("{who} have the same {}: {}{unit}.", word.name, significant(mean, 4));
        }
        let in_words = |found: &Comparison| in_words(found, &percent(found), &word);
        let sharing = || self.others.iter().filter(|(_, one)| !is_behind(one));
        let near = sharing().any(|(_, one)| one.outcome == Outcome::Equivalent);
        let shown = sharing().all(|(_, one)| one.outcome != Outcome::NotShown);
        let why = match near {
            true if shown => "are within the margin of the best",
            true => "are not shown to differ by more than the margin",
            false => "cannot be told apart",
        };
        let next = self.others.iter().find(|(_, one)| is_behind(one));
        match (next.map(|(policy, found)| (name(*policy), in_words(found))), &names[..]) {
            (Some((next, (size, interval))), [_]) => format!(
                "{best} has the {} {}: {size} {} than {next} ({interval}).",
                word.best,
                word.name,
                word.less()
            ),
            (Some((next, (size, interval))), names) => {
                format!(
                    "{} share the {} {} and {why}; {next} is next, {size} {} than {best} ({interval}).",
                    list(names),
                    word.best,
                    word.name,
                    word.worse
                )
            }
            (None, _) if near && shown => {
                let others: Vec<&str> = self.others.iter().map(|(policy, _)| name(*policy)).collect();
                format!("The {} of {} is within the margin of that of {best}.", word.name, list(&others))
            }
            (None, _) if near => format!("The policies {why} in {}.", word.name),
            (None, names) => {
                let policies = if names.len() == 2 { "The two policies" } else { "The policies" };
                let runner = sharing().find(|(_, one)| one.outcome != Outcome::Identical);
                let ahead = runner.map_or_else(String::new, |(policy, found)| {
                    let (interval, runner) = (in_words(found).1, name(*policy));
                    format!(": {best} is ahead of {runner} by an amount that may be 0 ({interval})")
                });
                format!("{policies} cannot be told apart in {}{ahead}.", word.name)
            }
        }
    }
}

/// The size of a difference and its interval: `0.211 s` and `paired difference, 95 % interval
/// 0.190 to 0.232 s`, seen from the side where the difference is positive.
fn in_words(found: &Comparison, percent: &str, word: &Words) -> (String, String) {
    let (low, high) = match found.difference < 0.0 {
        true => (-found.interval.1, -found.interval.0),
        false => found.interval,
    };
    let (size, half) = (found.difference.abs(), found.half_width());
    let (factor, unit) = (word.factor, of_unit(word.unit));
    let decimals = if half > 0.0 { decimals_for(half * factor, 2) } else { decimals_for(size * factor, 3) };
    let show = |value: f64| fixed(value * factor, decimals);
    // A difference of two shares is none of them.
    let unit = if unit == " %" { " percentage points".to_string() } else { unit };
    let interval = format!("paired difference, {percent} % interval {} to {}{unit}", show(low), show(high));
    (format!("{}{unit}", show(size)), interval)
}

/// A unit behind a number; ratios have none.
pub fn of_unit(unit: &str) -> String {
    if unit == "1" { String::new() } else { format!(" {unit}") }
}

/// `a`, `a and b`, `a, b and c`.
pub fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => only.to_string(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
