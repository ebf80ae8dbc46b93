//! What the benchmarks share: a wrapper around criterion that writes a summary, the scenarios at any
//! size, a driver for the bare core, and loops without any engine to compare with.

// Each benchmark uses its own part of this.
#![allow(dead_code)]

pub(crate) mod bare;
pub(crate) mod core;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{Bencher, Criterion, Throughput};
use falcon::experiment::plan::Plan;
use falcon::experiment::scenario::{self, Overrides, ScenarioSource};

/// Measurements of one benchmark file.
pub(crate) struct Bench {
    name: &'static str,
    unit: &'static str,
    criterion: Criterion,
    cases: Vec<Case>,
}

struct Case {
    group: String,
    name: String,
    elements: u64,
}

fn raw_results() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("criterion")
}

impl Bench {
    /// Measurements in nanoseconds per `unit`.
    pub(crate) fn new(name: &'static str, unit: &'static str) -> Self {
        let criterion = Criterion::default()
            .output_directory(&raw_results())
            .sample_size(10)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_millis(1500))
            .configure_from_args();
        Bench { name, unit, criterion, cases: Vec::new() }
    }

    /// Measures one case; a call of the routine handles `elements` of the unit. The last case of a
    /// group is what the others are compared with.
    pub(crate) fn time(
        &mut self,
        group: &str,
        name: &str,
        elements: u64,
        routine: impl FnMut(&mut Bencher<'_>),
    ) {
        let mut measured = self.criterion.benchmark_group(group);
        measured.throughput(Throughput::Elements(elements));
        measured.bench_function(name, routine);
        measured.finish();
        self.cases.push(Case { group: group.to_string(), name: name.to_string(), elements });
    }

    /// Prints the summary and writes it to `results/benches/`.
    pub(crate) fn finish(self) {
        self.criterion.final_summary();
        if !std::env::args().any(|argument| argument == "--bench") {
            return;
        }
        let text = self.summary();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/benches");
        std::fs::create_dir_all(&folder).expect("a folder for the summary");
        std::fs::write(folder.join(format!("{}.txt", self.name)), &text).expect("the summary");
        println!("{text}");
    }

    fn summary(&self) -> String {
        let mut text = format!(
            "{}: ns per {} (median and its 95 % interval), and as a ratio to the last row of the group\n",
            self.name, self.unit
        );
        let mut group = "";
        for case in &self.cases {
            let Some([median, low, high]) = estimate(case) else { continue };
            if case.group != group {
                group = &case.group;
                let _ = writeln!(text, "\n{group}");
            }
            let of_group = self.cases.iter().rfind(|other| other.group == case.group);
            let ratio = of_group.and_then(estimate).map_or(f64::NAN, |last| median / last[0]);
            let _ = writeln!(text, "  {:<34}{median:>9.1}  {low:>9.1} to {high:<9.1}{ratio:>6.2}", case.name);
        }
        text
    }
}

/// Median and the ends of its interval in nanoseconds per element, as criterion wrote them down.
fn estimate(case: &Case) -> Option<[f64; 3]> {
    // Criterion's own replacement of what file systems do not like.
    let plain = |name: &str| name.replace(['/', '\\', '?', '"', '*', '<', '>', ':', '|', '^'], "_");
    let path = raw_results().join(plain(&case.group)).join(plain(&case.name)).join("new/estimates.json");
    let text = std::fs::read_to_string(path).ok()?;
    let estimates: serde_json::Value = serde_json::from_str(&text).ok()?;
    let median = &estimates["median"];
    let interval = &median["confidence_interval"];
    let per_element = |value: &serde_json::Value| Some(value.as_f64()? / case.elements as f64);
    Some([
        per_element(&median["point_estimate"])?,
        per_element(&interval["lower_bound"])?,
        per_element(&interval["upper_bound"])?,
    ])
}

/// A scenario of the project with another number of tasks.
pub(crate) fn plan(scenario: &str, tasks: u32) -> Plan {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(scenario);
    let set = vec![
        format!("workload.tasks={tasks}"),
        "run.timeline_buckets=0".to_string(),
        "run.warmup=0".to_string(),
    ];
    let overrides = Overrides { set, ..Overrides::default() };
    match scenario::load(&ScenarioSource::File(file), &overrides) {
        Ok(loaded) => loaded.plan,
        Err(mistakes) => panic!("{mistakes}"),
    }
}
