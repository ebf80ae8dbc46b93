//! Where tasks come from: generators and trace files.
//!
//! `arrivals` draws instants, `source` makes whole tasks of them one at a time, `jobs` whole jobs of
//! tasks that wait for each other; `spawn` grows trees of tasks that submit others; `swf`, `csv`, `wfformat` and `batsim` read traces, `graph` keeps who
//! waits for whom in them. Readers take bytes and never touch the file system.

pub mod arrivals;
pub mod batsim;
pub mod csv;
mod details;
pub mod graph;
pub mod jobs;
mod json;
mod limits;
pub mod source;
mod source_error;
pub mod spawn;
pub mod swf;
pub mod wfformat;

use std::sync::Arc;

use self::graph::Graph;
use self::jobs::Shape;
use self::spawn::Spawn;
pub use crate::fields::TraceError;
pub use limits::Limits;

use crate::distribution::Distribution;
use crate::scheduler::{NO_LOCK, NO_SIZE, TaskDetails};
use crate::time::Time;

/// What policies may know of a task's work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EstimateSpec {
    /// The work itself.
    Exact,
    /// The work times a lognormal factor of median 1: exp(sigma Z), Z standard normal.
    Noise {
        /// Standard deviation of the factor's logarithm.
        sigma: f64,
    },
    /// The mean work of the task's class.
    ClassMean,
    /// What the trace says was requested.
    Requested,
}

/// A process of arrivals. Rates are tasks per second, times are seconds.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// All tasks at time 0.
    AtOnce,
    /// Poisson with this rate.
    Poisson {
        /// Arrivals per second.
        rate: f64,
    },
    /// One arrival every `interval` seconds, the first at time `interval`.
    Periodic {
        /// Seconds between arrivals.
        interval: f64,
    },
    /// Independent gaps from a distribution.
    Renewal {
        /// Gaps in seconds.
        gaps: Distribution,
    },
    /// Markov-modulated Poisson: exponential periods at `rate` and at `peak_rate`, starting at `rate`.
    Bursty {
        /// Arrivals per second outside bursts.
        rate: f64,
        /// Arrivals per second within bursts.
        peak_rate: f64,
        /// Mean length of a burst in seconds.
        on: f64,
        /// Mean time between bursts in seconds.
        off: f64,
    },
    /// Poisson with rate `rate (1 + amplitude sin(2 pi t / period))`.
    Daily {
        /// Mean arrivals per second.
        rate: f64,
        /// Relative amplitude in [0, 1].
        amplitude: f64,
        /// Period in seconds.
        period: f64,
    },
    /// Groups of tasks that arrive together, the groups by another process.
    Batch {
        /// Tasks per group, rounded to a whole number of at least 1.
        size: Distribution,
        /// Arrivals of groups; never itself a batch.
        process: Box<Arrivals>,
    },
    /// At these instants, in order.
    Times {
        /// Instants in ascending order.
        times: Arc<[Time]>,
    },
}

impl Arrivals {
    /// Tasks per second in the long run; `None` when they all come at once or at listed instants.
    pub fn mean_rate(&self) -> Option<f64> {
        match self {
            Arrivals::AtOnce | Arrivals::Times { .. } => None,
            Arrivals::Poisson { rate } | Arrivals::Daily { rate, .. } => Some(*rate),
            Arrivals::Periodic { interval } => Some(1.0 / interval),
            Arrivals::Renewal { gaps } => gaps.mean().map(|mean| 1.0 / mean),
            Arrivals::Bursty { rate, peak_rate, on, off } => Some((peak_rate * on + rate * off) / (on + off)),
            Arrivals::Batch { size, process } => Some(process.mean_rate()? * size.mean()?),
        }
    }
}

/// A kind of task in a generated workload.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskClass {
    /// Name; empty when the workload has no classes.
    pub name: String,
    /// Probability that a task is of this class; all sum to 1.
    pub share: f64,
    /// Units of work.
    pub duration: Distribution,
    /// Larger is more urgent.
    pub priority: Distribution,
    /// Slots a task takes on its node, at least 1.
    pub slots: u32,
    /// Probability that an attempt fails.
    pub failure_probability: f64,
    /// What policies may know of the work.
    pub estimate: EstimateSpec,
    /// What only some workloads say.
    pub details: ClassDetails,
}

/// What only some workloads say of the tasks of a class.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassDetails {
    /// Share under weighted time slices and fair share.
    pub weight: f64,
    /// Seconds from arrival until a task should be settled.
    pub deadline: Option<Distribution>,
    /// Seconds from arrival after which a task that has not started leaves.
    pub patience: Option<Distribution>,
    /// What a task is about, rounded to a whole number; every task is about itself without it.
    pub key: Option<Distribution>,
    /// Who submits a task, rounded to a whole number.
    pub user: Option<Distribution>,
    /// Which lock a task needs, if any.
    pub lock: Option<LockDraw>,
    /// Bytes of a task, rounded to a whole number; unknown without it.
    pub size: Option<Distribution>,
    /// Index of the zone a task comes from.
    pub zone: u16,
    /// Index of what a task demands besides slots, in the cluster's table of demands.
    pub demand: u32,
}

/// How the lock of a task is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LockDraw {
    /// How many locks there are, at least 1: they are called 0, 1, ...
    pub names: u32,
    /// Lock k is drawn in proportion to (k + 1)^-skew: 0 for all alike.
    pub skew: f64,
}

impl Default for ClassDetails {
    fn default() -> Self {
        ClassDetails {
            weight: 1.0,
            deadline: None,
            patience: None,
            key: None,
            user: None,
            lock: None,
            size: None,
            zone: 0,
            demand: 0,
        }
    }
}

/// A task of a trace or a list, in the order of (arrival, order in the file).
#[derive(Clone, Debug, PartialEq)]
pub struct TraceTask {
    /// When it arrives.
    pub arrival: Time,
    /// Work in billionths of a unit of work (nanoseconds at speed 1).
    pub work: u64,
    /// The work the user requested (in SWF at least `work`, unless attempts are killed there), in
    /// the same unit; `None` when the trace does not say.
    pub requested: Option<u64>,
    /// Larger is more urgent.
    pub priority: f64,
    /// Slots it takes on its node, at least 1.
    pub slots: u32,
    /// Index into the workload's class names.
    pub class: u16,
    /// Probability that an attempt fails.
    pub failure_probability: f64,
    /// What only some traces say.
    pub details: Option<Box<TaskDetails>>,
}

/// Puts tasks in the order they are numbered in: by arrival, then by their order in the file.
pub fn sort_tasks(tasks: &mut [TraceTask]) {
    // The sort is stable, which is what keeps the order of the file among equal arrivals.
    tasks.sort_by_key(|task| task.arrival);
}

/// All tasks of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub enum Workload {
    /// Drawn anew in every replication.
    Generated {
        /// How many; those that others spawn are not counted.
        tasks: u32,
        /// When.
        arrivals: Arrivals,
        /// What kinds; exactly one unnamed class when the scenario has none.
        classes: Vec<TaskClass>,
        /// Jobs of tasks that wait for each other; then `arrivals` are those of jobs.
        jobs: Option<Shape>,
        /// What a task that completes submits; only without jobs.
        spawn: Option<Spawn>,
    },
    /// The same in every replication.
    Listed {
        /// The tasks by (arrival, order in the file).
        tasks: Arc<[TraceTask]>,
        /// Names of classes; exactly one empty name when there are none.
        class_names: Vec<String>,
        /// What policies may know of the work. With `Requested`, a task without a requested work
        /// is estimated at its work.
        estimate: EstimateSpec,
        /// Who waits for whom, if anyone does.
        graph: Option<Arc<Graph>>,
        /// Whether an attempt that reaches the requested work is ended there. A task without a
        /// requested work takes as long as it takes.
        kill_at_requested: bool,
    },
}

impl Workload {
    /// Where attempts are ended before their work is done.
    pub fn limits(&self) -> Limits<'_> {
        match self {
            Workload::Listed { tasks, kill_at_requested: true, .. } => Limits { tasks: Some(tasks) },
            _ => Limits { tasks: None },
        }
    }

    /// Names of the classes; one empty name when there are none.
    pub fn class_names(&self) -> Vec<String> {
        match self {
            Workload::Generated { classes, .. } => classes.iter().map(|class| class.name.clone()).collect(),
            Workload::Listed { class_names, .. } => class_names.clone(),
        }
    }

    /// How many tasks there are (fewer arrive when the run ends before); of tasks that spawn others,
    /// those that are there first.
    pub fn tasks(&self) -> u32 {
        match self {
            Workload::Generated { tasks, .. } => *tasks,
            Workload::Listed { tasks, .. } => tasks.len() as u32,
        }
    }

    /// About how many tasks there are for each of [`tasks`](Self::tasks): more than 1 when they spawn
    /// others.
    pub fn growth(&self) -> f64 {
        match self {
            Workload::Generated { spawn: Some(spawn), .. } => spawn.mean_tasks().unwrap_or(f64::INFINITY),
            _ => 1.0,
        }
    }

    /// About how many tasks there are in all.
    pub fn expected_tasks(&self) -> u64 {
        (f64::from(self.tasks()) * self.growth()).round() as u64
    }

    /// Whether tasks spawn others.
    pub fn spawns(&self) -> bool {
        matches!(self, Workload::Generated { spawn: Some(_), .. })
    }

    /// How many tasks are known to arrive at one instant.
    pub fn at_once(&self) -> u32 {
        match self {
            Workload::Generated { tasks, arrivals: Arrivals::AtOnce, .. } => *tasks,
            _ => 0,
        }
    }

    /// Whether all tasks are there at one instant; only those that others spawn may come later.
    pub fn is_batch(&self) -> bool {
        match self {
            Workload::Generated { arrivals: Arrivals::AtOnce, .. } => true,
            Workload::Generated { arrivals: Arrivals::Times { times }, .. } => times.first() == times.last(),
            Workload::Generated { .. } => false,
            Workload::Listed { tasks, .. } => {
                tasks.first().map(|task| task.arrival) == tasks.last().map(|task| task.arrival)
            }
        }
    }

    /// Whether some tasks may give up waiting.
    pub fn tasks_give_up(&self) -> bool {
        match self {
            Workload::Generated { classes, .. } => {
                classes.iter().any(|class| class.details.patience.is_some())
            }
            Workload::Listed { tasks, .. } => {
                let gives_up = |details: &TaskDetails| details.gives_up != Time::NEVER;
                tasks.iter().any(|task| task.details.as_deref().is_some_and(gives_up))
            }
        }
    }

    /// Whether any task may need a lock.
    pub fn needs_locks(&self) -> bool {
        match self {
            Workload::Generated { classes, .. } => classes.iter().any(|class| class.details.lock.is_some()),
            Workload::Listed { tasks, .. } => {
                let needs = |details: &TaskDetails| details.lock != NO_LOCK;
                tasks.iter().any(|task| task.details.as_deref().is_some_and(needs))
            }
        }
    }

    /// Whether some tasks say how many bytes they are.
    pub fn has_sizes(&self) -> bool {
        match self {
            Workload::Generated { classes, .. } => classes.iter().any(|class| class.details.size.is_some()),
            Workload::Listed { tasks, .. } => {
                let has_one = |details: &TaskDetails| details.size != NO_SIZE;
                tasks.iter().any(|task| task.details.as_deref().is_some_and(has_one))
            }
        }
    }

    /// Whether some tasks have deadlines.
    pub fn has_deadlines(&self) -> bool {
        match self {
            Workload::Generated { classes, .. } => {
                classes.iter().any(|class| class.details.deadline.is_some())
            }
            Workload::Listed { tasks, .. } => {
                let has_one = |details: &TaskDetails| details.deadline != Time::NEVER;
                tasks.iter().any(|task| task.details.as_deref().is_some_and(has_one))
            }
        }
    }

    /// Whether some tasks are known to fail more often than others.
    pub fn mixes_failure_probabilities(&self) -> bool {
        match self {
            Workload::Generated { classes, .. } => {
                classes.iter().any(|class| class.failure_probability != classes[0].failure_probability)
            }
            Workload::Listed { tasks, .. } => {
                tasks.iter().any(|task| task.failure_probability != tasks[0].failure_probability)
            }
        }
    }

    /// The most slots that one task takes.
    pub fn max_slots(&self) -> u32 {
        match self {
            Workload::Generated { classes, .. } => classes.iter().map(|class| class.slots).max().unwrap_or(1),
            Workload::Listed { tasks, .. } => tasks.iter().map(|task| task.slots).max().unwrap_or(1),
        }
    }
}
