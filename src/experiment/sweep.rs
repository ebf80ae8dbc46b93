//! A grid of scenarios: one scenario with some keys varied.

use std::fmt::{self, Write as _};

use super::scenario::{self, Diagnostics, Loaded, Overrides, ScenarioSource};
use crate::random::mix;

/// Cells of a grid at most.
pub const MOST_CELLS: usize = 100_000;

/// A key that is varied.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// The key as `--set` names it.
    pub key: String,
    /// Its values, as `--set` takes them.
    pub values: Vec<String>,
}

impl Axis {
    /// `key=a,b,c`, `key=0.5..0.95:0.05` (from, to, step) or `key=log:1..1000:7` (from, to, number of
    /// values in equal ratios).
    pub fn parse(text: &str) -> Result<Axis, String> {
        let (key, values) =
            text.split_once('=').ok_or("expected KEY=VALUES, such as run.warmup=0,100,1000")?;
        let key = key.trim().to_string();
        if key.is_empty() {
            return Err("expected a key before `=`".to_string());
        }
        let values = match values.strip_prefix("log:") {
            Some(range) => logarithmic(range)?,
            None if values.contains("..") && values.contains(':') => linear(values)?,
            None if is_without_step(values) => {
                return Err(format!("`{values}` has no step: FROM..TO:STEP, or log:FROM..TO:NUMBER"));
            }
            None => listed(values)?,
        };
        let same = |a: &String, b: &String| {
            a == b || a.parse::<f64>().is_ok_and(|a| b.parse::<f64>().is_ok_and(|b| a == b))
        };
        for (number, value) in values.iter().enumerate() {
            if values[..number].iter().any(|other| same(other, value)) {
                return Err(format!("the value {value} stands there twice"));
            }
        }
        Ok(Axis { key, values })
    }

    /// The values as numbers, when all are.
    pub fn numbers(&self) -> Option<Vec<f64>> {
        let numbers: Option<Vec<f64>> = self.values.iter().map(|value| value.parse().ok()).collect();
        numbers.filter(|numbers| numbers.iter().all(|number: &f64| number.is_finite()))
    }

    /// The last two parts of the key, as `mean` and the like say nothing alone; a number in a list goes
    /// with the name of the list.
    pub fn short(&self) -> &str {
        let starts: Vec<usize> = self.key.rmatch_indices('.').map(|(at, _)| at + 1).collect();
        let from = |parts: usize| starts.get(parts - 1).map_or(&self.key[..], |&start| &self.key[start..]);
        let short = from(2);
        if short.starts_with(|c: char| c.is_ascii_digit()) { from(3) } else { short }
    }
}

/// `1..3`.
fn is_without_step(values: &str) -> bool {
    let is_number = |text: &str| text.trim().parse::<f64>().is_ok();
    values.split_once("..").is_some_and(|(from, to)| is_number(from) && is_number(to))
}

/// Both ends and what follows the colon.
fn range(text: &str) -> Result<(f64, f64, f64), String> {
    let expected = || format!("expected FROM..TO:STEP or log:FROM..TO:NUMBER, found `{text}`");
    let (ends, last) = text.split_once(':').ok_or_else(expected)?;
    let (from, to) = ends.split_once("..").ok_or_else(expected)?;
    let number =
        |text: &str| text.trim().parse::<f64>().ok().filter(|value| value.is_finite()).ok_or_else(expected);
    let (from, to, last) = (number(from)?, number(to)?, number(last)?);
    if to < from {
        return Err(format!("{from} to {to} goes down; put the lower end first"));
    }
    Ok((from, to, last))
}

/// Without what rounding leaves behind the twelfth digit.
fn tidy(value: f64) -> String {
    let rounded: f64 = format!("{value:.11e}").parse().unwrap_or(value);
    format!("{}", rounded + 0.0)
}

fn linear(text: &str) -> Result<Vec<String>, String> {
    let (from, to, step) = range(text)?;
    if step <= 0.0 {
        return Err("the step must be above 0".to_string());
    }
    let steps = ((to - from) / step + 1e-9).floor();
    if steps >= MOST_CELLS as f64 {
        return Err(format!("more than {MOST_CELLS} values; take a larger step"));
    }
    Ok((0..=steps as usize).map(|number| tidy(from + number as f64 * step)).collect())
}

fn logarithmic(text: &str) -> Result<Vec<String>, String> {
    let (from, to, count) = range(text)?;
    if from <= 0.0 || count < 2.0 || count.fract() != 0.0 || count > MOST_CELLS as f64 {
        return Err("log: needs ends above 0 and a whole number of values, at least 2".to_string());
    }
    let value = |number: usize| from * (to / from).powf(number as f64 / (count - 1.0));
    Ok((0..count as usize).map(|number| tidy(value(number))).collect())
}

/// At the commas outside of brackets and quotes.
fn listed(text: &str) -> Result<Vec<String>, String> {
    let mut values = vec![String::new()];
    let (mut depth, mut quote) = (0i32, None);
    for c in text.chars() {
        match c {
            _ if quote == Some(c) => quote = None,
            '"' | '\'' if quote.is_none() => quote = Some(c),
            '[' | '{' if quote.is_none() => depth += 1,
            ']' | '}' if quote.is_none() => depth -= 1,
            _ => {}
        }
        match c {
            ',' if depth == 0 && quote.is_none() => values.push(String::new()),
            c => values.last_mut().expect("one is there").push(c),
        }
    }
    let values: Vec<String> = values.into_iter().map(|value| value.trim().to_string()).collect();
    match values.iter().any(String::is_empty) {
        true => Err("a value is empty".to_string()),
        false => Ok(values),
    }
}

/// One scenario of a grid.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Its place in the grid.
    pub number: usize,
    /// The value of every axis.
    pub values: Vec<String>,
    /// The scenario.
    pub loaded: Loaded,
    /// What it holds, as 32 hexadecimal digits: the same whenever the same is simulated.
    pub hash: String,
}

/// All scenarios of a grid; the last axis varies fastest. `version` is that of falcon.
pub fn cells(
    source: &ScenarioSource,
    overrides: &Overrides,
    axes: &[Axis],
    version: &str,
) -> Result<Vec<Cell>, Diagnostics> {
    let total: usize = axes.iter().map(|axis| axis.values.len()).product();
    let mut cells = Vec::with_capacity(total);
    for number in 0..total {
        let mut rest = number;
        let mut values = vec![String::new(); axes.len()];
        for (axis, value) in axes.iter().zip(&mut values).rev() {
            *value = axis.values[rest % axis.values.len()].clone();
            rest /= axis.values.len();
        }
        let mut overrides = overrides.clone();
        overrides.set.extend(axes.iter().zip(&values).map(|(axis, value)| format!("{}={value}", axis.key)));
        let mut loaded = scenario::load(source, &overrides)?;
        let last = cells.last().map(|cell: &Cell| &cell.loaded.plan.workload);
        if let Some(last) = last.filter(|last| **last == loaded.plan.workload) {
            // Cells keep one long list of tasks between them, where it is the same.
            loaded.plan.workload = last.clone();
        }
        let hash = hash(version, &loaded);
        cells.push(Cell { number, values, loaded, hash });
    }
    Ok(cells)
}

/// Of the plan as checked, with the content of the files it names. What changes nothing that a cell keeps
/// is left out: how the scenario is called, and its timeline.
fn hash(version: &str, loaded: &Loaded) -> String {
    let mut plan = loaded.plan.clone();
    plan.name.clear();
    plan.description.clear();
    plan.run.timeline_buckets = 0;
    let mut hasher = Hasher([0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344], Vec::with_capacity(8));
    let _ = write!(hasher, "{version}\n{plan:?}");
    hasher.finish()
}

/// Two mixed words over the bytes of a text: chance makes two of a million grids alike once in 10^25.
struct Hasher([u64; 2], Vec<u8>);

impl Hasher {
    fn word(&mut self, word: u64) {
        self.0[0] = mix(self.0[0] ^ word);
        self.0[1] =
            mix(self.0[1].rotate_left(23) ^ word.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(self.0[0]);
    }

    fn finish(mut self) -> String {
        self.1.resize(8, 0xff);
        let last = u64::from_le_bytes(self.1[..8].try_into().expect("eight bytes"));
        self.word(last);
        format!("{:016x}{:016x}", self.0[0], self.0[1])
    }
}

impl fmt::Write for Hasher {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            self.1.push(byte);
            if self.1.len() == 8 {
                let word = u64::from_le_bytes(self.1[..8].try_into().expect("eight bytes"));
                self.1.clear();
                self.word(word);
            }
        }
        Ok(())
    }
}

/// The cells of part `part` of `parts` (from 1), dealt out one by one.
pub fn is_in_shard(number: usize, part: usize, parts: usize) -> bool {
    number % parts == part - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<String> {
        Axis::parse(text).expect("an axis").values
    }

    #[test]
    fn axes_are_lists_ranges_and_logarithmic_ranges() {
        assert_eq!(values("a.b=1,2,4"), ["1", "2", "4"]);
        assert_eq!(values("a=0.5..0.7:0.05"), ["0.5", "0.55", "0.6", "0.65", "0.7"]);
        assert_eq!(values("a=1..10:4"), ["1", "5", "9"]);
        assert_eq!(values("a=log:1..1000:4"), ["1", "10", "100", "1000"]);
        assert_eq!(values("a=[1, 2],{ x = 1, y = 2 },\"u,v\""), ["[1, 2]", "{ x = 1, y = 2 }", "\"u,v\""]);
        let axis = Axis::parse("workload.arrivals.poisson.rate=1,x").expect("an axis");
        assert_eq!((axis.short(), axis.numbers()), ("poisson.rate", None));
        for (key, short) in
            [("a", "a"), ("a.b", "a.b"), ("nodes.1.speed", "nodes.1.speed"), ("x.nodes.1.up", "nodes.1.up")]
        {
            assert_eq!(Axis { key: key.to_string(), values: vec![] }.short(), short);
        }
        for wrong in [
            "a",
            "=1",
            "a=",
            "a=1,,2",
            "a=1,1",
            "a=0.5,1,0.50",
            "a=2..1:1",
            "a=1..3",
            "a=1..2:0",
            "a=log:0..1:3",
            "a=log:1..2:1",
            "a=0..1:1e-9",
        ] {
            assert!(Axis::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn cells_differ_when_what_is_simulated_does() {
        let text = "policies = [\"fifo\"]\nnodes = [{}]\nworkload = { tasks = 10, duration = 1.0 }\n";
        let source =
            ScenarioSource::Text { name: "x.toml".to_string(), text: text.to_string(), base: "".into() };
        let axes = [
            Axis::parse("workload.tasks=10,20").expect("one"),
            Axis { key: "nodes.0.speed".to_string(), values: ["1", "1.0", "2"].map(str::to_string).to_vec() },
        ];
        let grid = |version: &str| cells(&source, &Overrides::default(), &axes, version).expect("a grid");
        let (one, again, other) = (grid("1"), grid("1"), grid("2"));
        assert_eq!(one.len(), 6);
        assert_eq!(one[4].values, ["20", "1.0"]);
        assert_eq!(one[0].hash, one[1].hash, "1 and 1.0 are the same");
        assert_ne!(one[0].hash, one[2].hash);
        assert_ne!(one[0].hash, one[3].hash);
        assert_ne!(one[0].hash, other[0].hash);
        // Names and timelines are not simulated.
        let set = ["name=other", "description=another", "run.timeline_buckets=7"].map(str::to_string);
        let renamed = Overrides { set: set.to_vec(), ..Overrides::default() };
        let renamed = cells(&source, &renamed, &axes, "1").expect("a grid");
        assert!(one.iter().zip(&renamed).all(|(a, b)| a.hash == b.hash));
        assert!(one.iter().zip(&again).all(|(a, b)| a.hash == b.hash && a.hash.len() == 32));
        let parts: Vec<usize> =
            (1..=3).map(|part| (0..10).filter(|&cell| is_in_shard(cell, part, 3)).count()).collect();
        assert_eq!(parts, [4, 3, 3]);
    }
}
