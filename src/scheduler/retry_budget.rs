//! The retry budget: retries are limited to a share of all attempts, so that failures cannot multiply the
//! load.
//!
//! Source: Beyer, Jones, Petoff and Murphy (eds.), "Site Reliability Engineering", 2016, chapter 21
//! ("Handling Overload": per-client retry budget of 10 %); as a bucket of tokens in Finagle's
//! `RetryBudget` and in gRPC's retry throttling (proposal A6). Cost: O(1) per start, O(k log k) for k
//! tasks that fail at one instant.
//! A bad idea when failures are rare and every task must complete: what fails while the bucket is empty is
//! not tried again.
//!
//! The bucket is empty at first. Every first attempt of a task puts share / (1 - share) of a token in, a
//! retry takes one out, and no more than `burst` are kept: so retries are at most `share` of all attempts
//! at any time, and a long quiet time does not pay for a storm. Attempts that were lost with their node
//! are neither.
//!
//! Tasks that fail at one instant ask when its facts are in, in non-increasing order of their probability
//! of failure, as far as it is known: where tokens are few, they go to those most likely to need them.

use super::command::Commands;
use super::machine::Scheduler;
use super::policy::Policy;
use super::record::{Observer, Record};
use super::retry::RetryPlan;
use super::task::TaskState;
use crate::ids::TaskId;
use crate::time::{Duration, Time};

/// One token. Whole numbers: their sums do not drift.
const TOKEN: u64 = 1_000_000_000;

/// A task that failed and would be tried again.
#[derive(Clone, Copy, Debug)]
struct Request {
    task: TaskId,
    failure_probability: f64,
    /// How it ends if it is not.
    state: TaskState,
    service: Duration,
}

/// The bucket, and who asks at this instant.
#[derive(Clone, Debug)]
pub(super) struct RetryBudget {
    deposit: u64,
    most: u64,
    tokens: u64,
    requests: Vec<Request>,
}

impl RetryBudget {
    /// Nothing where retries are not limited.
    pub(super) fn of(retry: &RetryPlan) -> Option<Box<Self>> {
        let plan = retry.budget?;
        // Rounded up, by less than a token in 10^9 attempts: a share of 0.1 is one retry after nine.
        let deposit = (plan.share / (1.0 - plan.share) * TOKEN as f64).ceil() as u64;
        let most = u64::from(plan.burst) * TOKEN;
        Some(Box::new(RetryBudget { deposit, most, tokens: 0, requests: Vec::new() }))
    }

    /// A task starts for the first time.
    pub(super) fn deposit(&mut self) {
        self.tokens = self.tokens.saturating_add(self.deposit).min(self.most);
    }

    fn withdraw(&mut self) -> bool {
        let left = self.tokens.checked_sub(TOKEN);
        self.tokens = left.unwrap_or(self.tokens);
        left.is_some()
    }
}

impl<P: Policy> Scheduler<P> {
    /// The task, which runs no more, asks for another attempt. Until the facts of this instant are in, it
    /// waits in no queue.
    #[cold]
    pub(super) fn ask_for_retry(&mut self, slot: u32, state: TaskState, service: Duration) {
        let failure_probability = self.tasks.view(slot).details().failure_probability;
        let task = self.tasks.id(slot);
        self.tasks.hot[slot as usize].set_state(TaskState::Backoff);
        self.counts.waiting += 1;
        self.counts.away += 1;
        if let Some(budget) = &mut self.retry_budget {
            budget.requests.push(Request { task, failure_probability, state, service });
        }
    }

    /// Takes back what the task asked for at this instant, if it did.
    pub(super) fn withdraw_request(&mut self, slot: u32) -> bool {
        let Some(budget) = &mut self.retry_budget else { return false };
        let Some(at) = budget.requests.iter().position(|request| request.task.slot == slot) else {
            return false;
        };
        budget.requests.swap_remove(at);
        self.end_request(slot);
        true
    }

    /// Whether the task has asked at this instant, and has no answer yet.
    pub(super) fn asks_for_retry(&self, slot: u32) -> bool {
        let budget = self.retry_budget.as_ref();
        budget.is_some_and(|budget| budget.requests.iter().any(|request| request.task.slot == slot))
    }

    /// The task is as if its attempt had ended only now: in the books it has not waited.
    fn end_request(&mut self, slot: u32) {
        self.tasks.hot[slot as usize].state = TaskState::Running;
        self.counts.waiting -= 1;
        self.counts.away -= 1;
    }

    /// Answers all who asked at this instant.
    pub(super) fn decide_retries<O: Observer>(
        &mut self,
        now: Time,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let Some(budget) = &mut self.retry_budget else { return };
        let mut requests = std::mem::take(&mut budget.requests);
        let by_probability = |a: &Request, b: &Request| {
            b.failure_probability.total_cmp(&a.failure_probability).then(a.task.number.cmp(&b.task.number))
        };
        requests.sort_unstable_by(by_probability);
        for request in requests.drain(..) {
            let Request { task: TaskId { slot, number }, state, service, .. } = request;
            debug_assert_eq!(self.tasks.hot[slot as usize].number, number);
            self.end_request(slot);
            if self.retry_budget.as_mut().is_some_and(|budget| budget.withdraw()) {
                self.try_again(now, slot, observer);
            } else {
                observer.on_record(now, &Record::RetryDenied { task: request.task });
                self.settle(now, slot, state, service, commands, observer);
            }
        }
        if let Some(budget) = &mut self.retry_budget {
            budget.requests = requests;
        }
    }
}
