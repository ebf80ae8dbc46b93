//! One run under the eyes of an auditor.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::CheckOptions;
use super::draw::{Fault, with_faults};
use crate::audit::{Auditor, Rule, Violation};
use crate::policies::PolicySpec;
use crate::scheduler::Record;
use crate::sim::{self, RunOptions, SimulationError};
use crate::time::Time;
use crate::workload::Workload;
use crate::world::World;

/// A run that takes more facts and decisions than this, and so many more per task, is given up: what always
/// starts over on nodes that always fail may never end.
const MOST_STEPS: u64 = 2_000_000;
const MOST_STEPS_PER_TASK: u64 = 1_000;

thread_local! {
    static IN_HAND: RefCell<Option<(u64, String)>> = const { RefCell::new(None) };
}

/// Seed and policy of the run that this thread is in, if it is in one: for whoever must say what was going
/// on when the program broke off.
pub fn in_hand() -> Option<(u64, String)> {
    IN_HAND.with(|in_hand| in_hand.borrow().clone())
}

/// How a run went.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// All rules held.
    Holds,
    /// It was given up.
    GivenUp,
    /// A rule was broken.
    Broken(Violation),
    /// It could not be run.
    Failed(SimulationError),
}

/// A run, and what was seen of it.
pub(super) struct Trial {
    pub(super) outcome: Outcome,
    /// Facts and decisions.
    pub(super) steps: u64,
    pub(super) end: Time,
    pub(super) submitted: u32,
    pub(super) history: Vec<(Time, Record)>,
}

/// The world with no more tasks than this: the first ones.
pub(super) fn with_first(world: &World, most: u32) -> World {
    let mut world = world.clone();
    match &mut world.workload {
        Workload::Generated { tasks, .. } => *tasks = (*tasks).min(most),
        Workload::Listed { tasks, .. } if tasks.len() as u64 <= u64::from(most) => {}
        Workload::Listed { tasks, graph: None, .. } => *tasks = Arc::from(&tasks[..most as usize]),
        Workload::Listed { tasks, graph: Some(_), .. } => {
            // Who waits for whom is known of all tasks: the others do not arrive.
            let last = tasks[(most.max(1) - 1) as usize].arrival;
            world.last_arrival = Some(world.last_arrival.map_or(last, |before| before.min(last)));
        }
    }
    world
}

/// Runs the world with these faults.
pub(super) fn run(
    world: &World,
    faults: &[Fault],
    policy: &PolicySpec,
    seed: u64,
    options: &CheckOptions<'_>,
    keep_history: bool,
) -> Trial {
    let world = with_faults(world, faults);
    let config = world.scheduler_config(seed, world.starts_are_reported());
    let mut auditor = Auditor::new(&world.nodes, &config);
    auditor.give_up_after(MOST_STEPS + MOST_STEPS_PER_TASK * world.workload.expected_tasks());
    if options.trust_tables {
        auditor.trust_tables();
    }
    if keep_history {
        auditor.keep_history();
    }
    let run = RunOptions { stop: options.stop, sabotage: options.sabotage, ..RunOptions::default() };
    IN_HAND.with(|in_hand| *in_hand.borrow_mut() = Some((seed, policy.name.clone())));
    let ended = catch_unwind(AssertUnwindSafe(|| {
        sim::run(&world, seed, world.policy(policy, seed), &run, &mut auditor).map(|_| ())
    }));
    IN_HAND.with(|in_hand| *in_hand.borrow_mut() = None);
    let mut failed = None;
    match ended {
        Ok(Ok(())) => auditor.finish(),
        Ok(Err(error @ SimulationError::Stuck { .. })) => auditor.report(Rule::Settles, error.to_string()),
        Ok(Err(error)) => failed = Some(error),
        Err(panic) => auditor.report(Rule::Assertions, words_of(&*panic)),
    }
    let outcome = match (auditor.violation(), failed) {
        (Some(violation), _) => Outcome::Broken(violation.clone()),
        (None, _) if auditor.gave_up() => Outcome::GivenUp,
        (None, Some(error)) => Outcome::Failed(error),
        (None, None) => Outcome::Holds,
    };
    Trial {
        outcome,
        steps: auditor.steps(),
        end: auditor.now(),
        submitted: auditor.submitted(),
        history: auditor.history().to_vec(),
    }
}

/// What a failed assertion said.
fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it broke off").to_string()
}
