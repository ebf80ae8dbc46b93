//! Records in words: what one is about, and what it says.

use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::scheduler::{BreakerState, Outcome, Record, TaskState};

/// A record in words.
pub(super) struct Said {
    /// Number of the task it is about, if it is about one.
    pub(super) task: Option<u32>,
    /// The node it is about.
    pub(super) node: Option<NodeId>,
    /// What it says.
    pub(super) words: String,
}

fn of_attempt(task: TaskId, attempt: AttemptNumber, node: NodeId, what: &str, name: &str) -> Said {
    let words = format!("attempt {} of task {} {what} {name}", attempt.0, task.number);
    Said { task: Some(task.number), node: Some(node), words }
}

fn of_task(task: TaskId, what: impl AsRef<str>) -> Said {
    Said { task: Some(task.number), node: None, words: format!("task {} {}", task.number, what.as_ref()) }
}

/// What the record says; `name` knows what nodes are called.
pub(super) fn in_words(record: &Record, name: &impl Fn(NodeId) -> String) -> Said {
    let of_node = |node, what: &str| of_node(node, what, &name(node));
    let at = |task, attempt, node, what: &str| of_attempt(task, attempt, node, what, &name(node));
    match *record {
        Record::Submitted { task, .. } => of_task(task, "is submitted"),
        Record::InJob { task, job, tasks, .. } => of_task(task, format!("is one of {tasks} of job {job}")),
        Record::SubmissionHeld { task } => of_task(task, "is submitted while nobody leads"),
        Record::Dispatched { task, attempt, node, .. } => at(task, attempt, node, "is sent to"),
        Record::Interrupted { task, attempt, node, .. } => at(task, attempt, node, "makes room on"),
        Record::Finished { task, attempt, node, outcome, .. } => match outcome {
            Outcome::Success => at(task, attempt, node, "succeeds on"),
            Outcome::Failure => at(task, attempt, node, "fails on"),
            Outcome::Killed => at(task, attempt, node, "reaches its requested time on"),
        },
        Record::TimedOut { task, attempt, node, .. } => at(task, attempt, node, "takes too long on"),
        Record::Lost { task, attempt, node, .. } => at(task, attempt, node, "is lost with"),
        Record::RanInVain { task, attempt, node } => at(task, attempt, node, "runs to its end in vain on"),
        Record::Refused { task, attempt, node } => at(task, attempt, node, "is refused, and was reported by"),
        Record::Returned { task, failed: true } => of_task(task, "will be tried again"),
        Record::Returned { task, failed: false } => of_task(task, "starts over"),
        Record::RetryDenied { task } => of_task(task, "is denied another try"),
        Record::LockGranted { task, lock, token, .. } => {
            of_task(task, format!("is given lock {lock} with token {token}"))
        }
        Record::WriteFenced { task, lock, token, .. } => {
            of_task(task, format!("writes too late, with token {token} of lock {lock}"))
        }
        Record::Settled { task, state, .. } => of_task(task, final_state(state)),
        Record::NodeJoined { node } => of_node(node, "joins"),
        Record::NodeFailed { node } => of_node(node, "fails, and nobody knows yet"),
        Record::NodeLost { node } => of_node(node, "is lost"),
        Record::Suspected { node } => of_node(node, "is suspected"),
        Record::DeclaredDead { node } => of_node(node, "is declared dead"),
        Record::NodeClosed { node, reason } => of_node(node, &format!("is closed ({reason:?})")),
        Record::NodeOpened { node, reason } => of_node(node, &format!("is open again ({reason:?})")),
        Record::BreakerChanged { node, state } => match state {
            BreakerState::Closed => of_node(node, "has a closed breaker again"),
            BreakerState::Open => of_node(node, "has an open breaker"),
            BreakerState::HalfOpen => of_node(node, "has a half-open breaker"),
        },
        Record::LeaderLost { replica } => of_nothing(format!("replica {replica} leads no more")),
        Record::LeaderElected { replica } => of_nothing(format!("replica {replica} leads")),
        ref other => of_others(other, name),
    }
}

/// What records of less common matters say.
fn of_others(record: &Record, name: &impl Fn(NodeId) -> String) -> Said {
    let at = |task, attempt, node, what: &str| of_attempt(task, attempt, node, what, &name(node));
    let of_node = |node, what: &str| of_node(node, what, &name(node));
    let of_number =
        |task: u32, what: &str| Said { task: Some(task), ..of_nothing(format!("task {task} {what}")) };
    match *record {
        Record::CopyDispatched { task, attempt, node } => at(task, attempt, node, "is sent, as a copy, to"),
        Record::CopyWon { task, attempt, node } => at(task, attempt, node, "outruns the others on"),
        Record::Outrun { task, attempt, node, .. } => at(task, attempt, node, "is outrun, and stopped on"),
        Record::Stopped { task, attempt, node, .. } => at(task, attempt, node, "is stopped on"),
        Record::Saved { task, node, .. } => of_task(task, format!("writes down its work on {}", name(node))),
        Record::Released { task, node, .. } => {
            of_task(task, format!("gives back what it holds of {}", name(node)))
        }
        Record::Stolen { task, from, to } => {
            of_task(task, format!("is taken by {} from {}", name(to), name(from)))
        }
        Record::Moved { task, from, .. } => of_task(task, format!("moves away from {}", name(from))),
        Record::RollingBack { task, tasks } => {
            of_number(task, &format!("has failed for good: {tasks} tasks of its job are undone"))
        }
        Record::Undone { task, completed: true } => of_number(task, "is undone"),
        Record::Undone { task, completed: false } => of_number(task, "cannot be undone"),
        Record::NodeEntered { node } => of_node(node, "belongs to the cluster from now on"),
        Record::NodeLeft { node } => of_node(node, "has left the cluster"),
        Record::Scaled { node, up: true } => of_node(node, "is asked for"),
        Record::Scaled { node, up: false } => of_node(node, "is let go"),
        Record::LeaseExpired { lock } => of_nothing(format!("the lease of lock {lock} has run out")),
        Record::Alarm { rule, node, raised, .. } => {
            let what = if raised { "is raised" } else { "is cleared" };
            Said {
                node,
                ..of_nothing(format!("the alarm about {} {what}", format!("{rule:?}").to_lowercase()))
            }
        }
        ref other => of_nothing(format!("{other:?}")),
    }
}

fn of_node(node: NodeId, what: &str, name: &str) -> Said {
    Said { node: Some(node), ..of_nothing(format!("{name} {what}")) }
}

fn of_nothing(words: String) -> Said {
    Said { task: None, node: None, words }
}

fn final_state(state: TaskState) -> &'static str {
    match state {
        TaskState::Completed => "is completed",
        TaskState::Error => "ends in error",
        TaskState::Timeout => "runs out of time",
        TaskState::Cancelled => "is cancelled",
        TaskState::Rejected => "is rejected",
        TaskState::Vacant
        | TaskState::Blocked
        | TaskState::Waiting
        | TaskState::Backoff
        | TaskState::Running => "ends without an end",
    }
}
