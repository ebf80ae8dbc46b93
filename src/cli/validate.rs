//! `falcon validate FILE...`: checks scenario files without running them.

use clap::Args;

use super::terminal::Terminal;
use super::{Failure, Outcome, OverrideArgs, ScenarioArg, print};
use crate::experiment::scenario::{self, ScenarioSource};
use crate::report::number::count;

/// Arguments of `falcon validate`.
#[derive(Args, Debug)]
#[command(after_help = "Example: falcon validate scenarios/*.toml")]
pub(super) struct ValidateArgs {
    /// Scenario files; `-` reads one from standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<ScenarioArg>,

    #[command(flatten)]
    overrides: OverrideArgs,
}

pub(super) fn validate(args: &ValidateArgs, terminal: &Terminal) -> Outcome {
    let overrides = args.overrides.overrides();
    let mut mistakes = Vec::new();
    for file in &args.files {
        match scenario::load(&ScenarioSource::from_argument(file), &overrides) {
            Ok(loaded) => {
                terminal.warnings(&loaded.warnings);
                let plan = &loaded.plan;
                let number = |n: usize, one: &str, many: &str| {
                    format!("{} {}", count(n as u64), if n == 1 { one } else { many })
                };
                print(&format!(
                    "{}: {}, {}, {}, {}{}\n",
                    file.display(),
                    number(plan.policies.len(), "policy", "policies"),
                    number(plan.run.replications as usize, "replication", "replications"),
                    number(plan.node_count(), "node", "nodes"),
                    number(plan.workload.tasks() as usize, "task", "tasks"),
                    if plan.workload.spawns() { " and what they spawn" } else { "" },
                ))?;
            }
            Err(diagnostics) => mistakes.push(diagnostics),
        }
    }
    if mistakes.is_empty() { Ok(()) } else { Err(Failure::Scenario(mistakes)) }
}
