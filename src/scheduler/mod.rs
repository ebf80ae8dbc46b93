//! THE CORE: a scheduler as a pure state machine.
//!
//! ```text
//!                 handle(now, event)            once per fact of an instant
//!   driver  ───────────────────────────►  Scheduler
//!   (sim or        decide(now)                  once per instant, when its facts are all in
//!    live)  ───────────────────────────►     │ │
//!           ◄───────────────────────────  Commands: start, stop, settle
//!                                          Records: every transition, to observers
//! ```
//!
//! The scheduler has no clock (`now` is an argument), does no input or output, draws no random
//! numbers that are not named by a seed and a purpose, and cannot tell a simulated world from a
//! real one.
//!
//! **Facts first, then decisions.** All facts of one instant (ends of attempts, returns, arrivals,
//! nodes that come and go) are handed to [`Scheduler::handle`]; then [`Scheduler::decide`] is
//! called once. Published traces and backfilling depend on this rule: two tasks that arrive at the
//! instant at which a third ends compete for its slot on equal terms.
//!
//! **Stale results are refused.** Every start carries an attempt number and every result returns
//! it. The result of an attempt that no longer counts, because its node was declared lost, changes
//! nothing and is counted.

pub mod alarms;
pub mod autoscale;
pub mod backoff;
mod batch;
pub mod breaker;
mod central;
mod closing;
pub mod cluster;
pub mod command;
mod compensations;
pub mod config;
mod copies;
mod dependencies;
pub mod details;
pub mod event;
mod failing_order;
mod families;
mod fetch;
pub mod guards;
mod interrupt;
mod invariants;
mod late_binding;
mod leaving;
mod ledger;
mod limits;
pub mod locks;
mod machine;
pub mod monitor;
mod moving_keys;
mod node_queue;
mod notice;
pub mod observer;
mod openings;
pub mod policy;
mod prefetching;
mod pull;
mod push;
mod queueing;
mod ready;
pub mod record;
mod recovery;
mod reports;
pub mod resources;
pub mod retry;
mod retry_budget;
mod running;
mod sabotage;
mod serial;
mod settling;
pub mod speculation;
mod stealing;
pub mod task;
mod time_limits;
mod timers;
mod view;
mod zones;

pub use alarms::{AlarmPlan, AlarmRule};
pub use autoscale::{AutoscalePlan, LetGo, ScalingRule};
pub use breaker::{BreakerPlan, BreakerState, Trip, Window};
pub use cluster::{Cluster, NodeSpec};
pub use command::{Command, Commands};
pub use compensations::{CompensationPlan, Ended};
pub use config::{Limits, SchedulerConfig};
pub use details::{NO_JOB, NO_LOCK, NO_SIZE, TaskDetails};
pub use event::{ClosedBy, Event, Outcome, TaskSpec};
pub use guards::GuardPlan;
pub use locks::LockPlan;
pub use machine::Scheduler;
pub use monitor::{Detector, MonitorPlan};
pub use policy::{
    Backfill, Candidate, Composed, Dispatch, Entry, Interrupts, Manner, Order, Pass, Place, Policy, Soon,
    Stealing, Step, Take, Victim,
};
pub use record::{Observer, Record};
pub use resources::Resources;
pub use retry::{Backoff, BudgetPlan, CheckpointPlan, OnNodeLoss, OnRejection, RetryPlan};
pub use sabotage::Sabotage;
pub use speculation::SpeculationPlan;
pub use task::{TaskState, TaskView, Tasks};
pub use view::View;
pub use zones::Zones;
