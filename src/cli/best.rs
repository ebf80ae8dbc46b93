//! `falcon best FILE`: which policy is best, with no more runs than that takes.

use std::sync::atomic::Ordering;

use clap::Args;

use super::output::Format;
use super::paired::{metric_named, share};
use super::progress::Meter;
use super::terminal::Terminal;
use super::{Failure, Outcome, OverrideArgs, ScenarioArg, interrupt, print, repeat};
use crate::experiment::best::{Best, BestAsk, BestError};
use crate::experiment::plan::Plan;
use crate::experiment::runner::{RunError, RunnerOptions};
use crate::experiment::scenario::{self, ScenarioSource};
use crate::metrics::{Better, Metric};
use crate::report::{best, doubts, fidelity, number, warning};
use crate::statistics::precision::FIRST_LOOK;

/// Replications of a policy at most, when nothing else is said.
const MOST: u32 = 1000;

/// Arguments of `falcon best`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example: falcon best scenarios/baseline.toml --metric mean_response --indifference 2%"
)]
pub(super) struct BestArgs {
    /// A scenario file; `-` reads one from standard input.
    #[arg(value_name = "FILE")]
    file: ScenarioArg,

    /// The metric [default: that of `run.precision`, else makespan for a batch and mean_wait otherwise].
    #[arg(long, value_name = "METRIC", value_parser = metric_named)]
    metric: Option<Metric>,

    /// Probability of naming the best policy.
    #[arg(long, value_name = "SHARE", default_value = "95%", value_parser = share)]
    confidence: f64,

    /// The smallest difference that matters, as a share of the best mean.
    #[arg(long, value_name = "SHARE", default_value = "1%", value_parser = share)]
    indifference: f64,

    /// Replications of a policy at most [default: those of `run.precision`, else 1000].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    max_replications: Option<u32>,

    #[command(flatten)]
    overrides: OverrideArgs,

    /// Threads; 0 for one per core. Results do not depend on it.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=1024))]
    threads: u16,

    /// What standard output gets.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// Print errors and the result, nothing else.
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn best(args: &BestArgs, terminal: &Terminal) -> Outcome {
    let source = ScenarioSource::from_argument(&args.file);
    let loaded = scenario::load(&source, &args.overrides.overrides())
        .map_err(|diagnostics| Failure::Scenario(vec![diagnostics]))?;
    let plan = &loaded.plan;
    let ask = ask(args, plan)?;
    if !args.quiet {
        terminal.warnings(&loaded.warnings);
        terminal.warnings(&doubts::of_estimates(plan, &[], &Default::default(), &[ask.metric]));
        terminal.warnings(&warning::of_results(plan, &[]));
    }
    let found = race(args, plan, &ask, terminal)?;
    let repeat = repeat(args, plan, &ask);
    let text = best::render(plan, &found, &repeat, terminal.style());
    let csv = best::csv(&found)?;
    match args.format {
        Format::Table => return print(&text),
        _ if args.quiet => {}
        _ => eprint!("{text}"),
    }
    match args.format {
        Format::Json => print(&fidelity::csv::as_json(&csv)?),
        _ => print(&String::from_utf8_lossy(&csv)),
    }
}

fn ask(args: &BestArgs, plan: &Plan) -> Result<BestAsk, Failure> {
    let usage = |message: String| Err(Failure::Usage(format!("{}: {message}", args.file.display())));
    if plan.policies.len() < 2 {
        return usage("there is one policy, and nothing to choose from; name more in `policies`".to_string());
    }
    if plan.run.batches.is_some() {
        return usage(
            "`falcon best` needs runs that are independent of each other: leave `run.method = \"batch-means\"` \
             out"
                .to_string(),
        );
    }
    let precision = plan.run.precision;
    let metric = args.metric.or(precision.map(|precision| precision.metric));
    let metric = metric.unwrap_or_else(|| crate::report::verdict::lead_metrics_of(plan)[0]);
    if metric.column().better == Better::Neither {
        return usage(format!("of `{}` neither less nor more is better", metric.column().name));
    }
    let limit = precision.map_or(MOST, |precision| precision.max_replications);
    let max_replications = args.max_replications.unwrap_or(limit.max(plan.run.replications));
    if plan.run.replications < FIRST_LOOK {
        return usage(format!(
            "the first stage needs at least {FIRST_LOOK} replications to tell how much policies scatter, and \
             `run.replications` is {}; leave it out, or raise it",
            plan.run.replications
        ));
    }
    if max_replications < plan.run.replications {
        return usage(format!(
            "--max-replications {max_replications} is less than the {} of the first stage (`run.replications`)",
            plan.run.replications
        ));
    }
    let (indifference, confidence) = (args.indifference, args.confidence);
    Ok(BestAsk { metric, indifference, confidence, max_replications })
}

fn race(args: &BestArgs, plan: &Plan, ask: &BestAsk, terminal: &Terminal) -> Result<Best, Failure> {
    let stop = interrupt::stop_flag();
    let meter = Meter::new(plan.runs(), "runs", args.quiet, terminal);
    let progress = |progress: crate::experiment::runner::Progress<'_>| meter.tick(progress);
    let options = RunnerOptions {
        threads: usize::from(args.threads),
        stop: Some(stop),
        progress: Some(&progress),
        ..RunnerOptions::default()
    };
    let found = plan.best(ask, &options);
    meter.clear();
    match found {
        Err(BestError::Run(stopped @ RunError::Stopped { .. })) if stop.load(Ordering::Relaxed) => {
            Err(Failure::Stopped(stopped.to_string()))
        }
        other => Ok(other?),
    }
}

fn repeat(args: &BestArgs, plan: &Plan, ask: &BestAsk) -> String {
    let mut words = repeat::command("best", &args.file, plan, &args.overrides);
    words.push_str(&format!(
        " --metric {} --confidence {} --indifference {} --max-replications {}",
        ask.metric.column().name,
        number::exact(Some(ask.confidence)),
        number::exact(Some(ask.indifference)),
        ask.max_replications
    ));
    words
}
