//! Which policy is best in each metric, in sentences that rest on the comparisons of the table alone: what
//! they call clear is clear there, and their intervals stand there.

use super::DifferencesInput;
use crate::experiment::differences::{Difference, Verdict};
use crate::metrics::{Better, Metric};
use crate::report::judge::{Words, words};
use crate::report::number::significant;
use crate::report::verdict::{interval_in_words, list, of_unit};
use crate::statistics::comparisons::Comparison;

/// One sentence for each metric in which less or more is better and something was judged.
pub(super) fn sentences(input: &DifferencesInput<'_>) -> Vec<String> {
    input.differences.ask.metrics.iter().filter_map(|&metric| sentence(input, metric)).collect()
}

/// A policy beside the best.
#[derive(Clone, Copy)]
struct Beside {
    policy: usize,
    /// Their comparison; `None` when the table does not have it.
    row: Option<(Comparison, Verdict)>,
}

impl Beside {
    fn is_clear(&self) -> bool {
        self.row.is_some_and(|(_, verdict)| verdict.is_difference())
    }

    fn is(&self, wanted: Verdict) -> bool {
        self.row.is_some_and(|(_, verdict)| verdict == wanted)
    }
}

fn sentence(input: &DifferencesInput<'_>, metric: Metric) -> Option<String> {
    let (best, others) = ranked(input, metric)?;
    let told = Told { input, word: words(metric), best };
    if others.iter().all(|one| one.row.is_some()) {
        Some(told.of_all(&others))
    } else {
        let baseline = input.differences.ask.baseline;
        let beside = others.iter().find(|one| one.policy == baseline)?;
        let (next, (comparison, verdict)) = (others[0].policy, beside.row?);
        Some(told.beside_baseline(baseline, next, &comparison, verdict))
    }
}

/// The policy with the best mean, the first of equals, and all others that have one, best first.
fn ranked(input: &DifferencesInput<'_>, metric: Metric) -> Option<(usize, Vec<Beside>)> {
    let sign = match metric.column().better {
        Better::Lower => 1.0,
        Better::Higher => -1.0,
        Better::Neither => return None,
    };
    let policies = input.story.policies.iter().enumerate();
    let means = policies.filter_map(|(index, one)| Some((index, sign * one.summary(metric)?.mean)));
    let mut means: Vec<(usize, f64)> = means.collect();
    means.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    let (best, others) = means.split_first()?;
    let is_pair = |row: &&Difference, other: usize| {
        (row.policy, row.baseline) == (best.0, other) || (row.policy, row.baseline) == (other, best.0)
    };
    let beside = |&(policy, _): &(usize, f64)| {
        let row = input.differences.in_metric(metric).find(|row| is_pair(row, policy));
        Beside { policy, row: row.and_then(|row| Some((row.comparison?, row.verdict()))) }
    };
    let others: Vec<Beside> = others.iter().map(beside).collect();
    others.iter().any(|one| one.row.is_some()).then_some((best.0, others))
}

/// What a sentence is about.
struct Told<'a> {
    input: &'a DifferencesInput<'a>,
    word: Words,
    best: usize,
}

impl Told<'_> {
    /// Every policy was compared with the best.
    fn of_all(&self, others: &[Beside]) -> String {
        let (word, best) = (&self.word, self.input.name(self.best));
        if others.iter().all(|one| one.is(Verdict::Identical)) {
            let mean = others.first().and_then(|one| Some(one.row?.0.mean)).unwrap_or(0.0) * word.factor;
            return format!(
                "All policies have the same {}: {}{}.",
                word.name,
                significant(mean, 4),
                of_unit(word.unit)
            );
        }
        let sharing: Vec<&Beside> = others.iter().filter(|one| !one.is_clear()).collect();
        let next = others.iter().find(|one| one.is_clear());
        let next = next.and_then(|one| Some((self.input.name(one.policy), one.row?.0)));
        let names: Vec<&str> = std::iter::once(self.best)
            .chain(sharing.iter().map(|one| one.policy))
            .map(|policy| self.input.name(policy))
            .collect();
        let near = sharing.iter().any(|one| one.is(Verdict::Equivalent));
        match (next, &names[..]) {
            (Some((next, found)), [_]) => {
                let (size, interval) = self.in_words(&found);
                format!(
                    "{best} has the {} {}: {size} {} than {next} ({interval}).",
                    word.best,
                    word.name,
                    word.less()
                )
            }
            (Some((next, found)), names) => {
                let (size, interval) = self.in_words(&found);
                let why = if near {
                    "are not shown to differ by more than the margin"
                } else {
                    "cannot be told apart"
                };
                format!(
                    "{} share the {} {} and {why}; {next} is next, {size} {} than {best} ({interval}).",
                    list(names),
                    word.best,
                    word.name,
                    word.worse
                )
            }
            (None, _) if near => {
                format!("The policies are not shown to differ in {} by more than the margin.", word.name)
            }
            (None, names) => {
                let policies = if names.len() == 2 { "The two policies" } else { "The policies" };
                let runner = sharing
                    .iter()
                    .find(|one| !one.is(Verdict::Identical))
                    .and_then(|one| Some((one, one.row?.0)));
                let ahead = runner.map_or_else(String::new, |(one, found)| {
                    let interval = self.in_words(&found).1;
                    let runner = self.input.name(one.policy);
                    format!(": {best} is ahead of {runner} by an amount that may be 0 ({interval})")
                });
                format!("{policies} cannot be told apart in {}{ahead}.", word.name)
            }
        }
    }

    /// Policies were compared with a baseline that is not the best.
    fn beside_baseline(&self, baseline: usize, next: usize, found: &Comparison, verdict: Verdict) -> String {
        let (word, best, base) = (&self.word, self.input.name(self.best), self.input.name(baseline));
        let (size, interval) = self.in_words(found);
        let mut text = format!("{best} has the {} {}", word.best, word.name);
        text.push_str(&match verdict {
            Verdict::Identical => format!(", the same as {base}"),
            Verdict::Equivalent => format!(", within the margin of {base}"),
            verdict if verdict.is_difference() => {
                format!(": {size} {} than {base} ({interval})", word.less())
            }
            _ => format!(", ahead of {base} by an amount that may be 0 ({interval})"),
        });
        if next != baseline {
            text.push_str(&format!("; {} is next, and the two are not compared", self.input.name(next)));
        }
        text + "."
    }

    /// The size of a difference, and its interval as the table has it, seen from the side where the
    /// difference is positive.
    fn in_words(&self, found: &Comparison) -> (String, String) {
        let interval = match found.difference < 0.0 {
            true => (-found.interval.1, -found.interval.0),
            false => found.interval,
        };
        let percent = significant(found.confidence * 100.0, 4);
        interval_in_words(found.difference.abs(), found.half_width(), interval, &percent, &self.word)
    }
}
