//! An auditor: it watches what a scheduler is told, what it writes down and what it commands, and says when a
//! rule is broken.
//!
//! It keeps tables of its own and believes none of the scheduler's: that a task runs, it knows because it saw
//! it start; that a node takes tasks, because it heard it join and nobody closed it. So a mistake in the
//! scheduler would have to be made twice, in two ways. One file holds the rules of one subject; a rule is a
//! line that compares, and ends in a `Broken`. A new kind of record is one more arm in
//! `Auditor::look_at`.
//!
//! Where it only gets records, as from the history of a run that is over, the rules that need more are
//! silent.
//!
//! Cost: O(1) for each record, fact and command, besides what it takes to hold the scheduler's own tables
//! against each other now and then (see [`TABLES_AT_ONCE`]).

mod breakers;
mod locks;
mod nodes;
mod orders;
mod parents;
mod tasks;

use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::scheduler::{ClosedBy, Command, Event, NodeSpec, Observer, Record, SchedulerConfig, View};
use crate::time::Time;

use self::breakers::Breakers;
use self::locks::Locks;
use self::nodes::Nodes;
use self::orders::Orders;
use self::parents::Parents;
use self::tasks::Tasks;

/// Tables of the scheduler with no more entries than this, nodes and tasks together, are held against each
/// other after every step; larger ones so much less often that the cost of a step stays the same.
pub const TABLES_AT_ONCE: u64 = 128;

/// What must always hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Every task that is accepted ends in exactly one final state.
    OneFinalState,
    /// At most one result of a task is accepted as its completion.
    OneCompletion,
    /// A task has one attempt at a time, or one and no more copies of it than it may.
    OneAttempt,
    /// Attempt numbers only grow.
    AttemptNumbers,
    /// A result counts for the attempt that it speaks of, and for no other.
    OwnResults,
    /// A task fails no more often than it may.
    AttemptLimit,
    /// A failed task pauses before it is tried again.
    Backoff,
    /// A task starts after all its parents have completed.
    Parents,
    /// What runs on a node is no more than it has.
    Capacity,
    /// Nothing starts on a node that is believed dead, is suspected, or is closed.
    OpenNodes,
    /// Nothing starts on a node whose breaker is open, and only trials on one that is half open.
    Breakers,
    /// A lock has one holder.
    OneHolder,
    /// Tokens of a lock only grow, and a write with an old one is refused.
    FencingTokens,
    /// Submitted = waiting + running + settled, at every instant.
    Balance,
    /// The scheduler commands what it writes down.
    Commands,
    /// When nothing breaks any more, everything settles.
    Settles,
    /// The tables of the scheduler agree with each other.
    Tables,
    /// No assertion of the scheduler fails.
    Assertions,
}

impl Rule {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Rule; 18] = [
        Rule::OneFinalState,
        Rule::OneCompletion,
        Rule::OneAttempt,
        Rule::AttemptNumbers,
        Rule::OwnResults,
        Rule::AttemptLimit,
        Rule::Backoff,
        Rule::Parents,
        Rule::Capacity,
        Rule::OpenNodes,
        Rule::Breakers,
        Rule::OneHolder,
        Rule::FencingTokens,
        Rule::Balance,
        Rule::Commands,
        Rule::Settles,
        Rule::Tables,
        Rule::Assertions,
    ];

    /// What must hold, in a sentence without its full stop.
    pub fn sentence(self) -> &'static str {
        match self {
            Rule::OneFinalState => "every accepted task ends in exactly one final state",
            Rule::OneCompletion => "at most one result completes a task",
            Rule::OneAttempt => "a task has one attempt at a time, and no more copies of it than it may",
            Rule::AttemptNumbers => "attempt numbers only grow",
            Rule::OwnResults => "a result counts for the attempt that it speaks of, and for no other",
            Rule::AttemptLimit => "a task fails no more often than it may",
            Rule::Backoff => "a failed task pauses before it is tried again",
            Rule::Parents => "a task starts after all its parents have completed",
            Rule::Capacity => "what runs on a node is no more than it has",
            Rule::OpenNodes => "nothing starts on a node that is believed dead, is suspected, or is closed",
            Rule::Breakers => "nothing starts on a node whose breaker is open, but for its trials",
            Rule::OneHolder => "a lock has one holder",
            Rule::FencingTokens => "tokens of a lock only grow, and late writes with old ones are fenced off",
            Rule::Balance => "submitted = waiting + running + settled, at every instant",
            Rule::Commands => "the scheduler commands what it writes down",
            Rule::Settles => "when nothing breaks any more, everything settles",
            Rule::Tables => "the scheduler's tables agree with each other",
            Rule::Assertions => "no assertion of the scheduler fails",
        }
    }
}

/// A rule that was found broken, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    rule: Rule,
    what: String,
    task: Option<u32>,
    node: Option<NodeId>,
}

impl Broken {
    pub(crate) fn new(rule: Rule, what: impl Into<String>) -> Broken {
        Broken { rule, what: what.into(), task: None, node: None }
    }

    pub(crate) fn of_task(self, task: u32) -> Broken {
        Broken { task: Some(task), ..self }
    }

    pub(crate) fn at_node(self, node: NodeId) -> Broken {
        Broken { node: Some(node), ..self }
    }
}

type Verdict = Result<(), Broken>;

/// A rule was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When it was seen.
    pub at: Time,
    /// Which rule.
    pub rule: Rule,
    /// How, in words.
    pub what: String,
    /// Number of the task it is about.
    pub task: Option<u32>,
    /// The node it is about.
    pub node: Option<NodeId>,
}

/// Watches a scheduler.
#[derive(Clone, Debug)]
pub struct Auditor {
    tasks: Tasks,
    nodes: Nodes,
    breakers: Option<Breakers>,
    locks: Option<Locks>,
    parents: Parents,
    orders: Orders,
    violation: Option<Violation>,
    /// Every record with its time, when they are kept.
    history: Option<Vec<(Time, Record)>>,
    walks_tables: bool,
    /// Parents of the task that was submitted last which are still to be named: until then the scheduler's
    /// tables cannot agree.
    undeclared: u32,
    /// Steps until the tables are looked at again.
    until_tables: u64,
    /// The latest time seen, facts and decisions so far, and after how many the run is given up.
    now: Time,
    steps: u64,
    most_steps: u64,
}

impl Auditor {
    /// One for a scheduler that is made with this configuration and these nodes.
    pub fn new(nodes: &[NodeSpec], config: &SchedulerConfig) -> Auditor {
        Auditor {
            tasks: Tasks::new(config),
            nodes: Nodes::new(nodes, config),
            breakers: config.guards.breaker.map(|plan| Breakers::new(plan, &config.retry, nodes.len())),
            locks: config.guards.locks.map(Locks::new),
            parents: Parents::default(),
            orders: Orders::default(),
            violation: None,
            history: None,
            walks_tables: true,
            undeclared: 0,
            until_tables: 0,
            now: Time::ZERO,
            steps: 0,
            most_steps: u64::MAX,
        }
    }

    /// Keeps every record.
    pub fn keep_history(&mut self) {
        self.history = Some(Vec::new());
    }

    /// Leaves the scheduler's own tables alone, so that only what this auditor sees itself counts.
    pub fn trust_tables(&mut self) {
        self.walks_tables = false;
    }

    /// Gives the run up after so many facts and decisions.
    pub fn give_up_after(&mut self, steps: u64) {
        self.most_steps = steps;
    }

    /// Whether the run was given up.
    pub fn gave_up(&self) -> bool {
        self.steps > self.most_steps
    }

    /// Facts and decisions so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The latest time seen.
    pub fn now(&self) -> Time {
        self.now
    }

    /// How many tasks were submitted so far.
    pub fn submitted(&self) -> u32 {
        self.tasks.submitted()
    }

    /// The first rule that was broken.
    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// The records that were kept.
    pub fn history(&self) -> &[(Time, Record)] {
        self.history.as_deref().unwrap_or_default()
    }

    /// The run is over: everything must be settled.
    pub fn finish(&mut self) {
        let verdict = self.tasks.finish();
        self.conclude(self.now, verdict);
    }

    /// Somebody else has found a rule broken.
    pub fn report(&mut self, rule: Rule, what: String) {
        let broken = Broken { task: self.tasks.first_unsettled(), ..Broken::new(rule, what) };
        self.conclude(self.now, Err(broken));
    }

    fn conclude(&mut self, at: Time, verdict: Verdict) {
        if let (Err(Broken { rule, what, task, node }), None) = (verdict, &self.violation) {
            self.violation = Some(Violation { at, rule, what, task, node });
        }
    }

    /// One record, held against all rules that it touches.
    fn look_at(&mut self, now: Time, record: &Record) -> Verdict {
        self.orders.note(record);
        match *record {
            Record::Submitted { task, slots, .. } => self.tasks.submitted_now(now, task, slots),
            Record::Dispatched { task, attempt, node, failures, resumed } => {
                let slots = self.tasks.starts(now, task, attempt, node, failures, resumed)?;
                self.parents.starts(task.number)?;
                self.nodes.starts(now, task.number, node, slots)?;
                if let Some(breakers) = &mut self.breakers {
                    breakers.starts(task.number, attempt, node)?;
                }
                self.locks.as_mut().map_or(Ok(()), |locks| locks.starts(now, task.number, attempt))
            }
            Record::Finished { task, attempt, node, outcome, .. } => {
                self.tasks.ends(task, attempt, node, tasks::End::Finished(outcome))?;
                self.over(task, attempt, node, breakers::meaning(outcome))
            }
            Record::TimedOut { task, attempt, node, .. } => {
                self.tasks.ends(task, attempt, node, tasks::End::TimedOut)?;
                if let Some(locks) = &mut self.locks {
                    locks.given_up(None, task.number, attempt);
                }
                self.over(task, attempt, node, breakers::Meaning::Unclear)
            }
            Record::CopyDispatched { task, attempt, node } => {
                let slots = self.tasks.copies(task, attempt, node)?;
                self.nodes.starts(now, task.number, node, slots)?;
                self.breakers.as_mut().map_or(Ok(()), |breakers| breakers.starts(task.number, attempt, node))
            }
            Record::Outrun { task, attempt, node, .. } => {
                self.tasks.outrun(task, attempt, node)?;
                self.over(task, attempt, node, breakers::Meaning::Nothing)
            }
            Record::Stopped { task, attempt, node, .. } => {
                self.tasks.ends(task, attempt, node, tasks::End::Stopped)?;
                if let Some(locks) = &mut self.locks {
                    locks.given_up(None, task.number, attempt);
                }
                self.over(task, attempt, node, breakers::Meaning::Nothing)
            }
            Record::Interrupted { task, attempt, node, .. } => {
                self.tasks.ends(task, attempt, node, tasks::End::Interrupted)?;
                self.over(task, attempt, node, breakers::Meaning::Nothing)
            }
            Record::Lost { task, attempt, node, .. } => {
                self.tasks.ends(task, attempt, node, tasks::End::Lost)?;
                if let Some(locks) = &mut self.locks {
                    locks.given_up(Some(now), task.number, attempt);
                }
                self.over(task, attempt, node, breakers::Meaning::Bad)
            }
            Record::Returned { task, failed } => {
                self.tasks.returns(now, task, failed)?;
                if let Some(locks) = self.locks.as_mut().filter(|_| failed && self.tasks.pauses()) {
                    locks.may_give_back(task.number);
                }
                Ok(())
            }
            Record::RetryDenied { task } => self.tasks.denied(task),
            Record::Settled { task, state, waiting, arrival, first_start, attempts, node, .. } => {
                let told = tasks::Told { waiting, arrival, first_start, attempts, node };
                self.tasks.settles(now, task, state, &told)?;
                if let Some(locks) = &mut self.locks {
                    locks.settles(task.number);
                }
                self.parents.settles(task.number, state)
            }
            Record::NodeJoined { node } => self.nodes.joins(now, node),
            Record::NodeLost { node } => self.nodes.is_lost(node),
            Record::NodeLeft { node } => self.nodes.leaves(node),
            Record::NodeClosed { node, .. } => self.nodes.closes(node),
            Record::NodeOpened { node, .. } => self.nodes.opens(node),
            Record::Suspected { node } => self.nodes.is_suspected(now, node, false),
            Record::DeclaredDead { node } => self.nodes.is_suspected(now, node, true),
            Record::BreakerChanged { node, state } => {
                self.breakers.as_mut().map_or(Ok(()), |breakers| breakers.changes(now, node, state))
            }
            Record::LockGranted { task, lock, token, .. } => {
                self.locks.as_mut().map_or(Ok(()), |locks| locks.grant(now, task.number, lock, token))
            }
            Record::LeaseExpired { lock } => {
                self.locks.as_mut().map_or(Ok(()), |locks| locks.expires(now, lock))
            }
            Record::Refused { task, attempt, node } => {
                if let Some(locks) = &mut self.locks {
                    locks.refused(task, attempt);
                }
                self.tasks.refused(task, attempt, node)
            }
            Record::WriteFenced { task, attempt, lock, token, .. } => {
                self.locks.as_mut().map_or(Ok(()), |locks| locks.fenced(task, attempt, lock, token))
            }
            // What drivers write down, who know the truth, and what only says more of what is above.
            _ => Ok(()),
        }
    }

    /// An attempt takes nothing of its node any more.
    fn over(
        &mut self,
        task: TaskId,
        attempt: AttemptNumber,
        node: NodeId,
        meaning: breakers::Meaning,
    ) -> Verdict {
        self.nodes.ends(task.number, node, self.tasks.slots(task.number));
        if let Some(breakers) = &mut self.breakers {
            breakers.ends(task.number, attempt, node, meaning);
        }
        Ok(())
    }

    fn look_at_step(&mut self, commands: &[Command], view: &View<'_>) -> Verdict {
        self.tasks.step_is_over(view)?;
        self.nodes.step_is_over()?;
        if let Some(breakers) = &self.breakers {
            breakers.step_is_over()?;
        }
        if let Some(locks) = &mut self.locks {
            locks.step_is_over()?;
        }
        self.orders.step_is_over(commands)
    }
}

impl Observer for Auditor {
    const AUDITS: bool = true;

    fn on_record(&mut self, now: Time, record: &Record) {
        if let Some(history) = &mut self.history {
            history.push((now, *record));
        }
        if self.violation.is_none() {
            self.now = self.now.max(now);
            let verdict = self.look_at(now, record);
            self.conclude(now, verdict);
        }
    }

    fn on_event(&mut self, now: Time, event: &Event) {
        if self.violation.is_some() {
            return;
        }
        match *event {
            Event::TaskDescribed { details, .. } => {
                self.undeclared = details.parents;
                self.nodes.described(&details);
                if let Some(locks) = &mut self.locks {
                    locks.described(&details);
                }
            }
            Event::DependencyDeclared { task, parent } => {
                self.undeclared = self.undeclared.saturating_sub(1);
                self.parents.declared(task.number, parent);
            }
            Event::ArrivalsEnded { next } => self.parents.arrivals_end(next),
            Event::AttemptStarted { task, attempt, node } => {
                self.tasks.hears(now, (task, attempt, node), None)
            }
            Event::AttemptFinished { task, attempt, node, outcome, .. } => {
                self.tasks.hears(now, (task, attempt, node), Some(outcome));
            }
            Event::NodeJoined { node } => self.nodes.told(node, true),
            Event::NodeLost { node } => self.nodes.told(node, false),
            Event::NodeClosed { node, reason, .. } => self.nodes.told_to_close(node, reason),
            Event::NodeLeaving { node } => self.nodes.told_to_close(node, ClosedBy::Drain),
            Event::NodeOpened { node, reason } => self.nodes.told_to_open(node, reason),
            Event::Heartbeat { node } => self.nodes.heard(now, node),
            Event::TaskCancelled { task } => self.parents.not_wanted(task.number),
            Event::TaskSubmitted { .. } | Event::TimerFired => {}
        }
    }

    fn on_step(&mut self, now: Time, commands: &[Command], view: &View<'_>) -> bool {
        self.now = self.now.max(now);
        self.steps += 1;
        if self.violation.is_some() {
            return false;
        }
        let verdict = self.look_at_step(commands, view);
        self.conclude(now, verdict);
        if !self.walks_tables || self.undeclared > 0 || self.until_tables > 0 {
            self.until_tables = self.until_tables.saturating_sub(1);
            return false;
        }
        self.until_tables = (self.nodes.len() + view.unsettled()) / TABLES_AT_ONCE;
        self.violation.is_none()
    }

    fn on_disagreement(&mut self, now: Time, what: String) {
        self.conclude(now, Err(Broken::new(Rule::Tables, what)));
    }

    fn has_seen_enough(&self) -> bool {
        self.violation.is_some() || self.gave_up()
    }
}

/// The entry of this number, with all before it.
fn reach<T: Clone>(table: &mut Vec<T>, number: u32, empty: T) -> &mut T {
    let number = number as usize;
    if number >= table.len() {
        table.resize(number + 1, empty);
    }
    &mut table[number]
}
