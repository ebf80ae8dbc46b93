//! Reads workloads of the simulator Batsim (JSON).
//!
//! Dutot, Mercier, Poquet and Richard, "Batsim: a realistic language-independent resources and jobs
//! management systems simulator", JSSPP 2016. A job takes `res` slots of one node from `subtime` on;
//! its profile says what it does:
//!
//! | profile | work |
//! |---|---|
//! | `delay`, `DelayProfile` | `delay`, in seconds at speed 1 |
//! | `parallel_homogeneous`, `ptask_homogeneous`, `ParallelHomogeneousProfile` | `cpu` / 10^9: operations of each of its machines, of which a node of speed 1 does 10^9 a second |
//! | `parallel_homogeneous_total`, `ParallelHomogeneousTotalProfile` | the same, of `cpu` / `res` |
//!
//! A profile that communicates (`com` above 0) or is of another type is refused: its time depends on
//! a network. `walltime`, where it is given and above 0, is the time requested.

use serde_json::Value;

use super::csv::TraceDefaults;
use super::json::{Names, Object, parse, shown};
use super::{TraceError, TraceTask, sort_tasks};
use crate::fields::shortened;
use crate::time::Time;

/// Operations that a node of speed 1 does in a second.
const OPERATIONS: f64 = 1e9;

/// The jobs of a workload.
#[derive(Clone, Debug, PartialEq)]
pub struct BatsimLog {
    /// By (arrival, order in the file).
    pub tasks: Vec<TraceTask>,
    /// Jobs in the file.
    pub records: u64,
    /// Jobs that were dropped because no node is as large.
    pub dropped_too_large: u64,
    /// Whether any job has a walltime.
    pub has_estimates: bool,
}

/// Reads a workload.
///
/// # Errors
/// The first mistake, by the job and the field.
pub fn read(
    bytes: &[u8],
    largest_node_slots: u32,
    defaults: &TraceDefaults,
) -> Result<BatsimLog, TraceError> {
    let value = parse(bytes)?;
    let file = Object::new("the file", &value)?;
    let profiles = file.object("profiles")?;
    let jobs = file.list("jobs")?;
    let mut log = BatsimLog {
        tasks: Vec::new(),
        records: jobs.len() as u64,
        dropped_too_large: 0,
        has_estimates: false,
    };
    let mut names = Names::new("job");
    for (position, value) in jobs.iter().enumerate() {
        let id = Object::new(format!("job {} of the file", position + 1), value)?.name("id")?;
        names.add(&id, position as u32)?;
        let job = Object::new(format!("job `{}`", shortened(&id)), value)?;
        let slots = whole(&job, "res")?;
        let work = work(&job, &profiles, slots)?;
        if slots > u64::from(largest_node_slots) {
            log.dropped_too_large += 1;
            continue;
        }
        let requested = match job.get("walltime").and_then(Value::as_f64) {
            // As Batsim has it, -1 is no limit.
            Some(limit) if limit < 0.0 => None,
            _ if job.get("walltime").is_none() => None,
            _ => Some(job.billionths("walltime")?).filter(|&limit| limit > 0),
        };
        log.has_estimates |= requested.is_some();
        log.tasks.push(TraceTask {
            arrival: Time(job.billionths("subtime")?),
            work,
            requested,
            priority: defaults.priority,
            slots: slots as u32,
            class: 0,
            failure_probability: defaults.failure_probability,
            details: None,
        });
    }
    sort_tasks(&mut log.tasks);
    Ok(log)
}

/// A whole number of at least 1.
fn whole(object: &Object<'_>, field: &str) -> Result<u64, TraceError> {
    let number = object.number(field)?;
    if number < 1.0 || number.fract() != 0.0 || number > f64::from(u32::MAX) {
        return Err(object.wrong(field, &format!("expected a whole number of at least 1, found {number}")));
    }
    Ok(number as u64)
}

/// What each machine of the job has to do.
fn work(job: &Object<'_>, profiles: &Object<'_>, machines: u64) -> Result<u64, TraceError> {
    let name = job.name("profile")?;
    let Some(profile) = profiles.entries().get(&name) else {
        return Err(job.wrong("profile", &format!("there is no profile `{}`", shortened(&name))));
    };
    let profile = Object::new(format!("profile `{}`", shortened(&name)), profile)?;
    let kind = profile.name("type")?;
    let share = match kind.as_str() {
        "delay" | "DelayProfile" => return profile.billionths("delay"),
        "parallel_homogeneous" | "ptask_homogeneous" | "ParallelHomogeneousProfile" => 1.0,
        "parallel_homogeneous_total" | "ParallelHomogeneousTotalProfile" => machines as f64,
        _ => {
            let message = format!(
                "the type \"{}\" cannot be simulated; those that can are delay, parallel_homogeneous, \
                 parallel_homogeneous_total",
                shortened(&kind)
            );
            return Err(profile.wrong("type", &message));
        }
    };
    if let Some(com) = profile.get("com").filter(|com| com.as_f64() != Some(0.0)) {
        let message = format!("there is no network here, so it must be 0, found {}", shown(com));
        return Err(profile.wrong("com", &message));
    }
    profile.in_billionths("cpu", profile.number("cpu")? / share / OPERATIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULTS: TraceDefaults<'static> =
        TraceDefaults { priority: 0.0, slots: 1, failure_probability: 0.0, details: None, zones: &[] };

    fn log(jobs: &str, profiles: &str) -> Result<BatsimLog, String> {
        let text = format!(r#"{{"nb_res": 4, "jobs": [{jobs}], "profiles": {{{profiles}}}}}"#);
        read(text.as_bytes(), 4, &DEFAULTS).map_err(|error| error.to_string())
    }

    const DELAY: &str = r#""d": {"type": "DelayProfile", "delay": 10.5}"#;

    #[test]
    fn jobs_come_in_order_with_what_they_ask_for() {
        let jobs = r#"{"id": 1, "subtime": 5, "res": 2, "profile": "d", "walltime": 7},
            {"id": "x", "subtime": 1.25, "res": 4, "profile": "p", "walltime": -1},
            {"id": 2, "subtime": 1.25, "res": 4, "profile": "t"},
            {"id": 3, "subtime": 0, "res": 5, "profile": "d"}"#;
        let profiles = r#""p": {"type": "ptask_homogeneous", "cpu": 2e9, "com": 0},
            "t": {"type": "parallel_homogeneous_total", "cpu": 2e9, "com": 0.0}"#;
        let log = log(jobs, &format!("{DELAY}, {profiles}")).unwrap();
        let seen: Vec<_> =
            log.tasks.iter().map(|task| (task.arrival.0, task.work, task.requested, task.slots)).collect();
        const S: u64 = 1_000_000_000;
        assert_eq!(
            seen,
            [(S * 5 / 4, 2 * S, None, 4), (S * 5 / 4, S / 2, None, 4), (5 * S, S * 21 / 2, Some(7 * S), 2)]
        );
        assert_eq!((log.records, log.dropped_too_large, log.has_estimates), (4, 1, true));
    }

    #[test]
    fn mistakes_name_the_job_and_the_field() {
        let job = r#"{"id": 1, "subtime": 5, "res": 2, "profile": "d"}"#;
        let cases = [
            (r#"{"subtime": 5}"#, DELAY, "job 1 of the file has no field `id`"),
            (&format!("{job}, {job}"), DELAY, "two jobs are called `1`: number 1 and number 2 in the file"),
            (job, "", "job `1`: `profile`: there is no profile `d`"),
            (&job.replace("2", "0"), DELAY, "job `1`: `res`: expected a whole number of at least 1, found 0"),
            (
                &job.replace("5", "\"x\""),
                DELAY,
                "job `1`: `subtime`: expected a number of at least 0, found \"x\"",
            ),
            (
                job,
                r#""d": {"type": "smpi", "trace": "x"}"#,
                "profile `d`: `type`: the type \"smpi\" cannot be simulated; those that can are delay, \
                 parallel_homogeneous, parallel_homogeneous_total",
            ),
            (
                job,
                r#""d": {"type": "parallel_homogeneous", "cpu": 1e9, "com": 3}"#,
                "profile `d`: `com`: there is no network here, so it must be 0, found 3",
            ),
            (job, r#""d": {"type": "delay"}"#, "profile `d` has no field `delay`"),
        ];
        for (jobs, profiles, message) in cases {
            assert_eq!(log(jobs, profiles).unwrap_err(), message, "{jobs}");
        }
    }
}
