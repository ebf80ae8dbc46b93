//! What is said of alarms: `alarms.csv`, and a note.

use std::io::{self, Write};

use super::csv::{lines, node_names};
use super::number::{count, exact, nine_decimals};
use super::warning::Warning;
use crate::experiment::plan::Plan;
use crate::metrics::{AlarmResult, Metric, PolicyResult};
use crate::scheduler::alarms::ShareRule;
use crate::scheduler::{AlarmPlan, AlarmRule};
use crate::time::Time;

/// Columns of `alarms.csv`.
pub(super) const ALARMS: &[&str] = &["policy", "replication", "time", "rule", "subject", "event", "reason"];

/// `alarms.csv`: every alarm that was raised or cleared.
pub(super) fn alarms(out: &mut dyn Write, plan: &Plan, results: &[PolicyResult]) -> io::Result<()> {
    let names = node_names(plan);
    let mut lines = lines(out, ALARMS)?;
    for result in results {
        for one in &result.replications {
            for alarm in &one.alarms {
                let time = nine_decimals(alarm.time.since(Time::ZERO));
                for cell in [&result.policy, &one.replication.to_string(), &time] {
                    lines.write_field(cell)?;
                }
                lines.write_record(cells(plan, &names, alarm))?;
            }
        }
    }
    lines.flush()
}

/// Rule, subject, event and reason.
pub(super) fn cells(plan: &Plan, names: &[(String, &str, u32)], alarm: &AlarmResult) -> [String; 4] {
    let subject = alarm.node.map_or("cluster", |node| &names[node.index()].0);
    let event = if alarm.raised { "raised" } else { "cleared" };
    [name(alarm.rule).to_string(), subject.to_string(), event.to_string(), reason(&plan.alarms, alarm)]
}

/// The rule's key in the scenario.
fn name(rule: AlarmRule) -> &'static str {
    match rule {
        AlarmRule::Queue => "queue",
        AlarmRule::Errors => "errors",
        AlarmRule::Flapping => "flapping",
        AlarmRule::Deadlines => "deadlines",
    }
}

fn reason(plan: &AlarmPlan, alarm: &AlarmResult) -> String {
    let AlarmResult { rule, raised, count, of, .. } = *alarm;
    let share = |rule: Option<ShareRule>, what: &str| {
        let Some(rule) = rule else { return String::new() };
        let window = exact(Some(rule.window.as_seconds()));
        let (than, limit) = if raised { ("above", rule.above) } else { ("not above", rule.below) };
        format!("{count} of {of} {what} within {window} s: a share {than} {limit}")
    };
    match rule {
        AlarmRule::Queue => {
            let rule = plan.queue.map_or((0, 0), |rule| (rule.above, rule.below));
            let (than, limit) = if raised { ("more", rule.0) } else { ("no more", rule.1) };
            format!("{count} tasks wait: {than} than {limit}")
        }
        AlarmRule::Errors => share(plan.errors, "attempts failed"),
        AlarmRule::Deadlines => share(plan.deadlines, "deadlines were missed"),
        AlarmRule::Flapping => {
            let window = plan.flapping.map_or(0.0, |rule| rule.window.as_seconds());
            format!("lost {count} times within {} s", exact(Some(window)))
        }
    }
}

/// How many alarms there were, and of which kind.
pub(super) fn note(results: &[PolicyResult]) -> Option<Warning> {
    let replications = || results.iter().flat_map(|result| &result.replications);
    let all: f64 = replications().filter_map(|one| one.metrics.get(Metric::Alarms)).sum();
    if all == 0.0 {
        return None;
    }
    let raised = |rule| {
        let alarms = replications().flat_map(|one| &one.alarms);
        alarms.filter(|alarm| alarm.raised && alarm.rule == rule).count() as u64
    };
    let kinds = [AlarmRule::Queue, AlarmRule::Errors, AlarmRule::Flapping, AlarmRule::Deadlines];
    let kinds: Vec<String> = kinds
        .into_iter()
        .filter(|rule| raised(*rule) > 0)
        .map(|rule| format!("{} {}", count(raised(rule)), name(rule)))
        .collect();
    let runs = replications().count() as u64;
    let alarms = if all == 1.0 { "alarm was" } else { "alarms were" };
    let runs = if runs == 1 { "one run".to_string() } else { format!("{} runs", count(runs)) };
    Some(Warning {
        message: format!("{} {alarms} raised in {runs} ({})", count(all as u64), kinds.join(", ")),
        help: Some("alarms.csv says when and why".to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample::Sample;
    use super::*;
    use crate::ids::NodeId;
    use crate::scheduler::alarms::{FlappingRule, QueueRule};
    use crate::time::Duration;

    #[test]
    fn alarms_are_written_and_noted() {
        let sample = Sample { policies: vec!["sjf"], replications: 2, ..Sample::default() };
        let (mut plan, mut results) = (sample.plan(), sample.results());
        assert_eq!(note(&results), None);
        let window = Duration(60_000_000_000);
        plan.alarms = AlarmPlan {
            queue: Some(QueueRule { above: 100, below: 50 }),
            errors: Some(ShareRule { above: 0.2, below: 0.1, window, least: 20 }),
            flapping: Some(FlappingRule { failures: 3, window }),
            deadlines: None,
        };
        let alarm = |seconds: u64, rule, raised, count, of| AlarmResult {
            time: Time(seconds * 1_000_000_000),
            rule,
            node: (rule == AlarmRule::Flapping).then_some(NodeId(1)),
            raised,
            count,
            of,
        };
        results[0].replications[1].alarms = vec![
            alarm(1, AlarmRule::Queue, true, 101, 0),
            alarm(2, AlarmRule::Errors, true, 9, 30),
            alarm(3, AlarmRule::Flapping, true, 3, 0),
            alarm(4, AlarmRule::Errors, false, 3, 30),
        ];
        results[0].replications[1].metrics.set(Metric::Alarms, 3.0);
        let mut out = Vec::new();
        alarms(&mut out, &plan, &results).expect("it can be written");
        assert_eq!(
            String::from_utf8(out).expect("text"),
            "policy,replication,time,rule,subject,event,reason\n\
             sjf,1,1.000000000,queue,cluster,raised,101 tasks wait: more than 100\n\
             sjf,1,2.000000000,errors,cluster,raised,9 of 30 attempts failed within 60 s: a share above 0.2\n\
             sjf,1,3.000000000,flapping,node-1,raised,lost 3 times within 60 s\n\
             sjf,1,4.000000000,errors,cluster,cleared,3 of 30 attempts failed within 60 s: a share not above 0.1\n"
        );
        let message = note(&results).expect("a note").message;
        assert_eq!(message, "3 alarms were raised in 2 runs (1 queue, 1 errors, 1 flapping)");
    }
}
