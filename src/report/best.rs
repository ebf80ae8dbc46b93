//! Which policy is best, as people and programs read it.

use std::fmt::Write as _;

use super::judge::words;
use super::number::{count, decimals_for, exact, fixed, significant};
use super::sentences::{list, of_unit};
use super::table::{Style, ascii, dim};
use crate::experiment::best::Best;
use crate::experiment::plan::Plan;

/// Columns of the data form.
pub const BEST: &[&str] =
    &["metric", "unit", "policy", "replications", "mean", "stddev", "standing", "confidence", "indifference"];

/// `best`, `tied` or `behind`.
fn standing(best: &Best, index: usize) -> &'static str {
    match (best.runners[index].in_race, best.racing().len()) {
        (false, _) => "behind",
        (true, 1) => "best",
        (true, _) => "tied",
    }
}

/// The text for people.
pub fn render(plan: &Plan, best: &Best, repeat: &str, style: Style) -> String {
    let word = words(best.ask.metric);
    let mut text = String::new();
    let colon = if plan.description.is_empty() { "" } else { ": " };
    let _ = writeln!(text, "{}{colon}{}", plan.name, plan.description.trim());
    let percent = |share: f64| significant(share * 100.0, 4);
    let _ = writeln!(
        text,
        "{} policies · at first {} replications each · {} % confidence for differences of {}{} ({} %) and more\n",
        count(best.runners.len() as u64),
        count(u64::from(best.first_stage)),
        percent(best.ask.confidence),
        significant(best.indifference * word.factor, 3),
        of_unit(word.unit),
        percent(best.ask.indifference),
    );
    let smallest = best.runners.iter().filter_map(|one| one.summary.half_width).filter(|half| *half > 0.0);
    let decimals = smallest.min_by(f64::total_cmp).map_or(4, |half| decimals_for(half * word.factor, 2));
    let mut rows = vec![["".to_string(), word.name.to_string(), "replications".to_string(), String::new()]];
    if word.unit != "1" {
        rows.push(["".to_string(), word.unit.to_string(), String::new(), String::new()]);
    }
    let heads = rows.len();
    for (index, one) in best.runners.iter().enumerate() {
        let mark = match standing(best, index) {
            "best" => "best".to_string(),
            "tied" => "in the race to the end".to_string(),
            _ => format!("out after {}", count(one.summary.n as u64)),
        };
        let mean = fixed(one.summary.mean * word.factor, decimals);
        rows.push([one.policy.clone(), mean, count(one.summary.n as u64), mark]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    for (number, row) in rows.iter().enumerate() {
        let line = format!("  {:<3$}  {:>4$}  {:>5$}", row[0], row[1], row[2], width(0), width(1), width(2));
        let line = format!("{line}  {}", row[3]);
        let line = line.trim_end();
        let _ =
            if number < heads { writeln!(text, "{}", dim(line, style)) } else { writeln!(text, "{line}") };
    }
    if best.warmup > 0 {
        let warmup = format!("  the first {} tasks of every run are left out", count(u64::from(best.warmup)));
        let _ = writeln!(text, "{}", dim(&warmup, style));
    }
    text.push('\n');
    for line in sentences(best) {
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(text, "\n  repeat   {repeat}");
    if style.unicode { text } else { ascii(&text) }
}

/// What came out, and what it took.
fn sentences(best: &Best) -> Vec<String> {
    let word = words(best.ask.metric);
    let racing = best.racing();
    let names: Vec<&str> = racing.iter().map(|&index| best.runners[index].policy.as_str()).collect();
    let leader = &best.runners[best.leader].policy;
    let percent = |share: f64| significant(share * 100.0, 4);
    let (confidence, size) = (percent(best.ask.confidence), percent(best.ask.indifference));
    let verdict = match (best.decided, &names[..]) {
        (_, [only]) => format!(
            "{only} has the {} {}, with {confidence} % confidence for differences of {size} % and more.",
            word.best, word.name
        ),
        (true, names) => format!(
            "{} cannot be told apart: with {confidence} % confidence {leader} has the {} {}, if any has it by \
             {size} % or more.",
            list(names),
            word.best,
            word.name
        ),
        (false, names) => format!(
            "Gave up after {} replications: with {confidence} % confidence the {} {} is among {}.",
            count(best.replications()),
            word.best,
            word.name,
            list(names)
        ),
    };
    let (spent, equal) = (best.spent, best.equal());
    let cost = match equal.saturating_sub(spent) {
        0 => format!("It took {} runs, equally many of every policy.", count(spent)),
        saved => format!(
            "It took {} runs; as many for every policy would have taken {}: {} % saved.",
            count(spent),
            count(equal),
            significant(100.0 * saved as f64 / equal as f64, 2)
        ),
    };
    let near: Vec<&str> = best.runners.iter().filter(|one| one.near).map(|one| one.policy.as_str()).collect();
    let near = (!near.is_empty()).then(|| format!("{} may be as good: within {size} %.", list(&near)));
    [Some(verdict), near, Some(cost)].into_iter().flatten().collect()
}

/// The data as CSV.
pub fn csv(best: &Best) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut lines = super::csv::lines(&mut bytes, BEST)?;
    let column = best.ask.metric.column();
    for (index, one) in best.runners.iter().enumerate() {
        lines.write_record([
            column.name,
            column.unit,
            &one.policy,
            &one.summary.n.to_string(),
            &exact(Some(one.summary.mean)),
            &exact(one.summary.stddev),
            standing(best, index),
            &exact(Some(best.ask.confidence)),
            &exact(Some(best.indifference)),
        ])?;
    }
    lines.flush()?;
    drop(lines);
    Ok(bytes)
}
