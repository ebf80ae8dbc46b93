//! Score: the task with the smallest value of an expression goes first; where that is not a number, the
//! task goes last.
//!
//! Variables: `wait` (seconds since arrival), `work` (estimate, units), `slots`, `priority`, `arrival`
//! (seconds), `attempts` (over so far), `deadline` (seconds, infinite without). Arithmetic is as usual,
//! `log` the natural logarithm. `"-wait / work"` is highest response ratio next, `"work"` is `sjf`.
//!
//! Source: utility functions of schedulers of supercomputers; Tang, Lan, Desai and Buettner,
//! "Fault-aware, utility-based job scheduling on Blue Gene/P systems", 2009; highest response ratio next:
//! Brinch Hansen 1971. Cost: O(log n) without `wait`. With it every waiting task is scored anew and
//! sorted before choices are made, O(n log n) for n that wait in the queue at hand, at most once per
//! `every`: scores may change places in any way, so no index could answer.
//! A bad idea when very many tasks wait and the score moves with time, or when one of the other orders
//! says the same: they need not read a formula.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::priority::sortable;
use crate::scheduler::{Entry, Order, TaskView};
use crate::structures::expression::{Expression, Mistake};
use crate::time::{Duration, Time};

/// What may stand in a formula, in the order in which it is given values.
pub const VARIABLES: &[&str] = &["wait", "work", "slots", "priority", "arrival", "attempts", "deadline"];

/// The one of them that moves while a task waits.
const WAIT: usize = 0;

/// The text of a score, known to be free of mistakes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Formula(Cow<'static, str>);

impl Formula {
    /// What has waited longest for its size: highest response ratio next.
    pub const RESPONSE_RATIO: Formula = Formula(Cow::Borrowed("-wait / work"));

    /// The text, unless there is a mistake in it.
    ///
    /// # Errors
    /// The first mistake.
    pub fn new(text: String) -> Result<Self, Mistake> {
        Expression::read(&text, VARIABLES)?;
        Ok(Formula(Cow::Owned(text)))
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether the score of a waiting task moves with time.
    pub fn moves(&self) -> bool {
        self.expression().uses(WAIT)
    }

    fn expression(&self) -> Expression {
        Expression::read(&self.0, VARIABLES).expect("a formula is free of mistakes")
    }
}

impl TryFrom<String> for Formula {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Formula::new(text).map_err(|mistake| mistake.what.to_string())
    }
}

impl From<Formula> for String {
    fn from(formula: Formula) -> String {
        formula.0.into_owned()
    }
}

/// Smallest value of a formula first.
#[derive(Clone, Debug)]
pub struct Score {
    expression: Expression,
    moves: Option<Duration>,
}

impl Score {
    /// By this formula; if it moves with time, evaluated at most once per `every`.
    pub fn new(formula: &Formula, every: Duration) -> Self {
        let expression = formula.expression();
        let moves = expression.uses(WAIT).then_some(every);
        Score { expression, moves }
    }
}

/// The key of a score: the smallest goes first, what is not a number last.
#[inline]
pub(super) fn key_of(score: f64) -> u64 {
    if score.is_nan() { u64::MAX } else { sortable(score) }
}

/// Estimated work in units.
#[inline]
pub(super) fn work(task: &TaskView<'_>) -> f64 {
    task.estimate() as f64 / 1e9
}

/// Seconds since the task arrived.
#[inline]
pub(super) fn wait(task: &TaskView<'_>, now: Time) -> f64 {
    now.since(task.arrival()).as_seconds()
}

impl Order for Score {
    fn key(&mut self, task: &TaskView<'_>, _: u32, _: Entry, now: Time) -> u64 {
        self.key_now(task, now)
    }

    fn moves(&self) -> Option<Duration> {
        self.moves
    }

    fn key_now(&self, task: &TaskView<'_>, now: Time) -> u64 {
        key_of(self.expression.evaluate(|variable| match variable {
            WAIT => wait(task, now),
            1 => work(task),
            2 => f64::from(task.slots()),
            3 => task.priority(),
            4 => task.arrival().as_seconds(),
            5 => f64::from(task.attempts_over()),
            _ => match task.details().deadline {
                Time::NEVER => f64::INFINITY,
                deadline => deadline.as_seconds(),
            },
        }))
    }
}
