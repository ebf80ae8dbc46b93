//! The lives of tasks: accepted once, one attempt at a time with a number of its own, tried as often and as
//! soon as they may be, settled once.

mod copies;

use super::{Broken, Rule, Verdict, reach};
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::scheduler::{OnNodeLoss, Outcome, RetryPlan, SchedulerConfig, TaskState, View};
use crate::time::{Duration, Time};

/// Where a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not yet submitted.
    Unknown,
    Waiting,
    Running(AttemptNumber, NodeId),
    /// Its attempt is over, and what becomes of it is still to be said.
    Over,
    Settled,
}

/// How an attempt was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Finished(Outcome),
    TimedOut,
    Interrupted,
    Lost,
    /// Its task was cancelled.
    Stopped,
    /// Or there was none.
    None,
}

#[derive(Clone, Copy, Debug)]
struct Life {
    stage: Stage,
    slots: u32,
    /// Number of the last attempt, and how many there were: one that was interrupted and goes on gets a
    /// number of its own, and is the same.
    last: u32,
    attempts: u32,
    failures: u32,
    end: End,
    denied: bool,
    completions: u32,
    arrival: Time,
    first_start: Option<Time>,
    node: Option<NodeId>,
    not_before: Time,
}

const UNKNOWN: Life = Life {
    stage: Stage::Unknown,
    slots: 0,
    last: 0,
    attempts: 0,
    failures: 0,
    end: End::None,
    denied: false,
    completions: 0,
    arrival: Time::ZERO,
    first_start: None,
    node: None,
    not_before: Time::ZERO,
};

/// What a task's last record says of its life.
pub(super) struct Told {
    pub(super) waiting: bool,
    pub(super) arrival: Time,
    pub(super) first_start: Option<Time>,
    pub(super) attempts: u32,
    pub(super) node: Option<NodeId>,
}

/// A report from a node that was just handed in.
#[derive(Clone, Copy, Debug)]
struct Report {
    at: Time,
    task: TaskId,
    attempt: AttemptNumber,
    node: NodeId,
    /// How the attempt ended; `None` when it began.
    outcome: Option<Outcome>,
    /// Whether the attempt it speaks of runs.
    counts: bool,
}

/// All tasks.
#[derive(Clone, Debug)]
pub(super) struct Tasks {
    retry: RetryPlan,
    starts_are_reported: bool,
    limited: bool,
    give_up: bool,
    /// By number.
    lives: Vec<Life>,
    /// Attempts that run beside the one in `lives`: task, attempt and node. Few at a time.
    copies: Vec<(u32, AttemptNumber, NodeId)>,
    submitted: u32,
    waiting: u64,
    running: u64,
    over: u64,
    settled: u64,
    /// What is being handed in, until it is answered.
    report: Option<Report>,
    /// Whether anything was ever handed in: if not, only records are seen.
    hears: bool,
}

impl Tasks {
    pub(super) fn new(config: &SchedulerConfig) -> Tasks {
        Tasks {
            retry: config.retry,
            starts_are_reported: config.starts_are_reported,
            limited: config.limits.waiting.is_some() || !config.limits.nodes.is_empty(),
            give_up: config.limits.tasks_give_up,
            lives: Vec::new(),
            copies: Vec::new(),
            submitted: 0,
            waiting: 0,
            running: 0,
            over: 0,
            settled: 0,
            report: None,
            hears: false,
        }
    }

    pub(super) fn submitted(&self) -> u32 {
        self.submitted
    }

    pub(super) fn slots(&self, task: u32) -> u32 {
        self.lives.get(task as usize).map_or(0, |life| life.slots)
    }

    /// Whether a failed task pauses before it is tried again.
    pub(super) fn pauses(&self) -> bool {
        self.retry.backoff.base > Duration::ZERO
    }

    pub(super) fn first_unsettled(&self) -> Option<u32> {
        let unsettled = |life: &Life| !matches!(life.stage, Stage::Unknown | Stage::Settled);
        self.lives.iter().position(unsettled).map(|number| number as u32)
    }

    fn life(&mut self, task: TaskId) -> &mut Life {
        reach(&mut self.lives, task.number, UNKNOWN)
    }

    pub(super) fn submitted_now(&mut self, now: Time, task: TaskId, slots: u32) -> Verdict {
        let life = self.life(task);
        if life.stage != Stage::Unknown {
            return broken(Rule::OneFinalState, task, "it is submitted a second time");
        }
        *life = Life { stage: Stage::Waiting, slots, arrival: now, ..UNKNOWN };
        self.submitted += 1;
        self.waiting += 1;
        Ok(())
    }

    /// An attempt is sent to a node: gives the slots it takes.
    pub(super) fn starts(
        &mut self,
        now: Time,
        task: TaskId,
        attempt: AttemptNumber,
        node: NodeId,
        failures: u32,
        resumed: bool,
    ) -> Result<u32, Broken> {
        let (most, reported) = (self.most_attempts(task), self.starts_are_reported);
        let life = self.life(task);
        match life.stage {
            Stage::Waiting => {}
            Stage::Running(other, _) => {
                let what = format!("attempt {} starts while attempt {} runs", attempt.0, other.0);
                return Err(Broken::new(Rule::OneAttempt, what).of_task(task.number).at_node(node));
            }
            Stage::Settled => return broken(Rule::OneFinalState, task, "it starts though it is settled"),
            Stage::Unknown => {
                return broken(Rule::OneFinalState, task, "it starts though nobody submitted it");
            }
            Stage::Over => return broken(Rule::OneAttempt, task, "it starts before it went back to wait"),
        }
        if attempt.0 != life.last + 1 {
            let what = format!("attempt {} starts after attempt {}", attempt.0, life.last);
            return broken(Rule::AttemptNumbers, task, what);
        }
        if resumed != (life.end == End::Interrupted) {
            let what = "it goes on though it was not interrupted, or starts over though it was";
            return broken(Rule::OneAttempt, task, what);
        }
        if failures != life.failures || most.is_some_and(|most| life.failures >= most) {
            let what = format!(
                "an attempt starts after {} failures ({failures} by the scheduler's account) of {} that are allowed",
                life.failures,
                most.map_or("any number".to_string(), |most| most.to_string())
            );
            return broken(Rule::AttemptLimit, task, what);
        }
        if now < life.not_before {
            let early = life.not_before.since(now).as_seconds();
            let what = format!("attempt {} starts {early} s before its pause can be over", attempt.0);
            return broken(Rule::Backoff, task, what);
        }
        if !resumed {
            life.attempts += 1;
        }
        if !reported && life.first_start.is_none() {
            life.first_start = Some(now);
        }
        (life.last, life.node) = (attempt.0, Some(node));
        life.stage = Stage::Running(attempt, node);
        (life.end, life.not_before) = (End::None, Time::ZERO);
        let slots = life.slots;
        self.waiting -= 1;
        self.running += 1;
        Ok(slots)
    }

    /// Whether the task undoes another.
    fn undoes(&self, task: TaskId) -> bool {
        self.retry.compensations.is_some_and(|plan| task.number >= plan.from)
    }

    /// How often the task may fail.
    fn most_attempts(&self, task: TaskId) -> Option<u32> {
        match self.retry.compensations {
            Some(plan) if self.undoes(task) => plan.max_attempts,
            _ => self.retry.max_attempts,
        }
    }

    /// An attempt is over.
    pub(super) fn ends(&mut self, task: TaskId, attempt: AttemptNumber, node: NodeId, end: End) -> Verdict {
        if let End::Finished(outcome) = end {
            self.answers(task, attempt, node, outcome)?;
        }
        let fails = matches!(end, End::Finished(Outcome::Failure) | End::TimedOut | End::Lost | End::Stopped);
        if self.remove_copy(task, attempt, node, fails)? {
            let life = self.life(task);
            life.failures += u32::from(matches!(end, End::Finished(Outcome::Failure) | End::TimedOut));
            return Ok(());
        }
        let life = self.life(task);
        if life.stage != Stage::Running(attempt, node) {
            let what = format!("attempt {} ends, which does not run there", attempt.0);
            return Err(Broken::new(Rule::OneAttempt, what).of_task(task.number).at_node(node));
        }
        life.end = end;
        match end {
            End::Finished(Outcome::Success) => {
                life.completions += 1;
                life.node = Some(node);
            }
            End::Finished(Outcome::Failure) | End::TimedOut => life.failures += 1,
            _ => {}
        }
        if life.completions > 1 {
            return broken(Rule::OneCompletion, task, "a second result is taken for its completion");
        }
        life.stage = if end == End::Interrupted { Stage::Waiting } else { Stage::Over };
        self.running -= 1;
        if end == End::Interrupted {
            self.waiting += 1;
        } else {
            self.over += 1;
        }
        Ok(())
    }

    /// A task whose attempt is over goes back to wait.
    pub(super) fn returns(&mut self, now: Time, task: TaskId, failed: bool) -> Verdict {
        let (retry, most, undoes) = (self.retry, self.most_attempts(task), self.undoes(task));
        let life = self.life(task);
        if life.stage != Stage::Over {
            return broken(Rule::OneAttempt, task, "it goes back to wait though no attempt of it has ended");
        }
        let right = match life.end {
            End::Finished(Outcome::Failure) | End::TimedOut => failed,
            End::Lost => !failed && (undoes || retry.on_node_loss != OnNodeLoss::Fail),
            End::Finished(_) | End::Interrupted | End::Stopped | End::None => false,
        };
        if !right {
            let what = format!("it goes back to wait after its attempt ended like this: {:?}", life.end);
            return broken(Rule::OneFinalState, task, what);
        }
        if most.is_some_and(|most| life.failures >= most) {
            let what = format!("it is tried again after {} failures", life.failures);
            return broken(Rule::AttemptLimit, task, what);
        }
        if failed {
            life.not_before = Time(now.0.saturating_add(least_pause(&retry, life.failures).0));
        }
        life.stage = Stage::Waiting;
        self.over -= 1;
        self.waiting += 1;
        Ok(())
    }

    pub(super) fn denied(&mut self, task: TaskId) -> Verdict {
        if self.retry.budget.is_none() {
            return broken(Rule::AttemptLimit, task, "a retry is denied though retries have no budget");
        }
        self.life(task).denied = true;
        Ok(())
    }

    pub(super) fn settles(&mut self, now: Time, task: TaskId, state: TaskState, told: &Told) -> Verdict {
        let (retry, limited, give_up) = (self.retry, self.limited, self.give_up);
        let most = self.most_attempts(task);
        if let Some((_, attempt, _)) = self.copies.iter().find(|copy| copy.0 == task.number) {
            let what = format!("it ends as {state:?} while attempt {} runs", attempt.0);
            return broken(Rule::OneFinalState, task, what);
        }
        let life = self.life(task);
        let stage = life.stage;
        if matches!(stage, Stage::Unknown | Stage::Settled) {
            let what = format!("it ends as {state:?} though it is not there, or has ended before");
            return broken(Rule::OneFinalState, task, what);
        }
        if matches!(stage, Stage::Running(..)) {
            return broken(Rule::OneFinalState, task, format!("it ends as {state:?} while an attempt runs"));
        }
        let used_up = most.is_some_and(|most| life.failures >= most) || life.denied;
        let right = match (state, life.end) {
            (TaskState::Completed, end) => stage == Stage::Over && end == End::Finished(Outcome::Success),
            // Whatever else it does, its time can be over; but not after it is done.
            (_, End::Finished(Outcome::Success)) => false,
            (TaskState::Error, End::Finished(Outcome::Failure)) => stage == Stage::Over && used_up,
            (TaskState::Error, End::Lost) => {
                stage == Stage::Over && (used_up || retry.on_node_loss == OnNodeLoss::Fail)
            }
            (TaskState::Error, _) => false,
            (TaskState::Timeout, End::Finished(Outcome::Killed)) => stage == Stage::Over,
            (TaskState::Timeout, End::TimedOut) if stage == Stage::Over && used_up => true,
            (TaskState::Timeout, _) => retry.total_timeout.is_some() || (give_up && life.attempts == 0),
            // One that is no longer wanted can be stopped; else only one that never started has somebody else
            // to blame.
            (TaskState::Cancelled, End::Stopped) => stage == Stage::Over,
            (TaskState::Cancelled, _) => {
                stage == Stage::Waiting && (life.attempts == 0 || retry.compensations.is_some())
            }
            (TaskState::Rejected, _) => stage == Stage::Waiting && life.attempts == 0 && limited,
            _ => false,
        };
        if !right {
            let end = life.end;
            let what = format!("it ends as {state:?} when it is {stage:?} and its attempt ended as {end:?}");
            return broken(Rule::OneFinalState, task, what);
        }
        let alike = told.waiting == (stage == Stage::Waiting)
            && told.arrival == life.arrival
            && told.first_start == life.first_start
            && told.attempts == life.attempts
            && told.arrival <= now;
        // A task that never started may be bound to a node; one that did may be bound to another since.
        if !alike || (state == TaskState::Completed && told.node != life.node) {
            let what = "its last record does not say what its records before it said";
            return broken(Rule::OneFinalState, task, what);
        }
        life.stage = Stage::Settled;
        if stage == Stage::Waiting {
            self.waiting -= 1;
        } else {
            self.over -= 1;
        }
        self.settled += 1;
        Ok(())
    }

    /// A report from a node is handed in; `outcome` is `None` when it speaks of a begin.
    pub(super) fn hears(
        &mut self,
        at: Time,
        (task, attempt, node): (TaskId, AttemptNumber, NodeId),
        outcome: Option<Outcome>,
    ) {
        let copy = (task.number, attempt, node);
        let counts = self.life(task).stage == Stage::Running(attempt, node) || self.copies.contains(&copy);
        self.hears = true;
        self.report = Some(Report { at, task, attempt, node, outcome, counts });
    }

    /// The scheduler takes a result for the end of this attempt.
    fn answers(&mut self, task: TaskId, attempt: AttemptNumber, node: NodeId, outcome: Outcome) -> Verdict {
        if !self.hears {
            return Ok(());
        }
        let Some(report) = self.report.take().filter(|report| report.outcome.is_some()) else {
            return broken(Rule::OwnResults, task, "an attempt ends though no result came in");
        };
        let same = (report.task.number, report.attempt, report.node);
        let what = (task.number, attempt, node);
        if same != what || report.outcome != Some(outcome) || !report.counts {
            let what = format!(
                "the result of attempt {} of task {} is taken for that of attempt {}",
                report.attempt.0, report.task.number, attempt.0
            );
            return Err(Broken::new(Rule::OwnResults, what).of_task(task.number).at_node(report.node));
        }
        Ok(())
    }

    /// The scheduler refuses a report.
    pub(super) fn refused(&mut self, task: TaskId, attempt: AttemptNumber, node: NodeId) -> Verdict {
        if !self.hears {
            return Ok(());
        }
        let same = |report: &Report| (report.task.number, report.attempt) == (task.number, attempt);
        let report = self.report.take().filter(same);
        if report.is_none_or(|report| report.counts) {
            let what = format!("the result of attempt {} is refused, which runs", attempt.0);
            return Err(Broken::new(Rule::OwnResults, what).of_task(task.number).at_node(node));
        }
        Ok(())
    }

    /// The scheduler has taken in what it was told, or decided.
    pub(super) fn step_is_over(&mut self, view: &View<'_>) -> Verdict {
        if let Some(report) = self.report.take() {
            // A begin is not answered, if it counts.
            if report.outcome.is_some() || !report.counts {
                let what = format!("the report of attempt {} is neither taken nor refused", report.attempt.0);
                let broken = Broken::new(Rule::OwnResults, what);
                return Err(broken.of_task(report.task.number).at_node(report.node));
            }
            let life = self.life(report.task);
            life.first_start = life.first_start.or(Some(report.at));
        }
        // Those who ask for a retry wait in the scheduler's books.
        if self.over > 0 && self.retry.budget.is_none() {
            return Err(Broken::new(
                Rule::OneFinalState,
                "attempts are over, and nothing becomes of their tasks",
            ));
        }
        let own = (u64::from(self.submitted), self.waiting + self.over, self.running, self.settled);
        let theirs = (view.submitted(), view.waiting(), view.running(), view.settled());
        if own != theirs || own.0 != own.1 + own.2 + own.3 {
            let words = |(submitted, waiting, running, settled): (u64, u64, u64, u64)| {
                format!("{submitted} submitted, {waiting} waiting, {running} running, {settled} settled")
            };
            let what = format!("{} by what was seen; {} by its own account", words(own), words(theirs));
            return Err(Broken::new(Rule::Balance, what));
        }
        Ok(())
    }

    /// The run is over.
    pub(super) fn finish(&self) -> Verdict {
        match self.first_unsettled() {
            Some(task) => {
                let left = u64::from(self.submitted) - self.settled;
                let what = format!("{left} tasks are not settled at the end, this one first");
                Err(Broken::new(Rule::Settles, what).of_task(task))
            }
            None => Ok(()),
        }
    }
}

fn broken<T>(rule: Rule, task: TaskId, what: impl Into<String>) -> Result<T, Broken> {
    Err(Broken::new(rule, what).of_task(task.number))
}

/// The shortest that the pause after so many failures can be: base x factor^(failures - 1), at most `max`,
/// and less by the jitter.
fn least_pause(retry: &RetryPlan, failures: u32) -> Duration {
    let backoff = &retry.backoff;
    let mut pause = backoff.base.as_seconds();
    for _ in 1..failures.min(2_000) {
        pause *= backoff.factor;
    }
    let least = pause.min(backoff.max.as_seconds()) * (1.0 - backoff.jitter);
    // Two ways to reckon may differ in the last digit.
    Duration::from_seconds(least * (1.0 - 1e-9))
        .map_or(Duration::ZERO, |pause| Duration(pause.0.saturating_sub(1)))
}
