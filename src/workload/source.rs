//! Makes the tasks of a workload one at a time, in the order they arrive.
//!
//! What a task is depends on the seed and its number only (its identity, if another task spawned it):
//! work, class, priority and the error of its estimate each come from a stream keyed by (seed, purpose,
//! number). Draws whose outcome is
//! fixed (a constant priority, a single class) are skipped, which changes no other draw. A
//! generated workload of any size takes the same memory.

use std::sync::Arc;

use rand_distr::{Distribution as _, StandardNormal};

use crate::distribution::{Distribution, choose};
use crate::random::{Purpose, StreamKey, Streams, uniform};
use crate::scheduler::details::{NO_JOB, NO_KEY, TaskDetails};
use crate::time::Time;
use crate::time::billionths;
use crate::workload::arrivals::ArrivalTimes;
use crate::workload::details::DetailDraws;
use crate::workload::graph::{Graph, JobSize};
use crate::workload::jobs::Jobs;
pub use crate::workload::source_error::SourceError;
use crate::workload::{EstimateSpec, TaskClass, TraceTask, Workload};

/// A task as it arrives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NewTask {
    /// Position by (arrival, order in the file), counted from 0.
    pub number: u32,
    /// When it arrives.
    pub arrival: Time,
    /// Work of the first attempt in billionths of a unit of work (nanoseconds at speed 1).
    pub work: u64,
    /// What policies may know of the work, in the same unit.
    pub estimate: u64,
    /// Larger is more urgent.
    pub priority: f64,
    /// Slots it takes on its node, at least 1.
    pub slots: u32,
    /// Index into the workload's class names.
    pub class: u16,
    /// Probability that an attempt fails.
    pub failure_probability: f64,
}

/// The tasks of a workload in one replication.
#[derive(Clone, Debug)]
pub struct TaskSource {
    made: u32,
    error: Option<SourceError>,
    kind: Kind,
    estimates: StreamKey,
    /// Whether every task comes with details.
    with_details: bool,
    /// Whether tasks spawn others.
    spawns: bool,
}

#[derive(Clone, Debug)]
#[repr(u8)]
enum Kind {
    Generated(Generator),
    Jobs(Generator, Box<Jobs>),
    Listed {
        tasks: Arc<[TraceTask]>,
        estimate: EstimateSpec,
        /// Mean work of the listed tasks of each class; filled only when the estimate asks for it.
        class_means: Vec<u64>,
        graph: Option<RankedGraph>,
    },
}

/// Who waits for whom, and upward ranks as estimated, by number.
#[derive(Clone, Debug)]
struct RankedGraph {
    graph: Arc<Graph>,
    ranks: Vec<u64>,
}

#[derive(Clone, Debug)]
struct Generator {
    tasks: u32,
    arrivals: ArrivalTimes,
    works: StreamKey,
    class_choices: StreamKey,
    priorities: StreamKey,
    shares: Vec<f64>,
    classes: Vec<ClassDraws>,
}

/// A class made ready for drawing: what is the same for all its tasks is worked out once.
#[derive(Clone, Debug)]
struct ClassDraws {
    class: TaskClass,
    constant_priority: Option<f64>,
    details: Option<DetailDraws>,
    /// `None` when the mean is infinite or does not fit, which is an error only when it is used.
    mean_work: Option<u64>,
}

impl TaskSource {
    /// The tasks of `workload` in the world of `streams`.
    pub fn new(workload: &Workload, streams: Streams) -> TaskSource {
        let kind = match workload {
            Workload::Generated { tasks, arrivals, classes, jobs, .. } => {
                let generator = Generator {
                    tasks: *tasks,
                    arrivals: ArrivalTimes::new(arrivals, streams),
                    works: streams.key(Purpose::Work),
                    class_choices: streams.key(Purpose::Class),
                    priorities: streams.key(Purpose::Priority),
                    shares: classes.iter().map(|class| class.share).collect(),
                    classes: classes.iter().map(|class| ClassDraws::new(class, streams)).collect(),
                };
                match jobs {
                    None => Kind::Generated(generator),
                    Some(shape) => Kind::Jobs(generator, Box::new(Jobs::new(shape, streams))),
                }
            }
            Workload::Listed { tasks, class_names, estimate, graph, .. } => {
                let class_means = match estimate {
                    EstimateSpec::ClassMean => mean_works(tasks, class_names.len()),
                    _ => Vec::new(),
                };
                let graph = graph.as_ref().map(|graph| {
                    let estimates = streams.key(Purpose::Estimate);
                    let known = |(number, task): (usize, &TraceTask)| {
                        known(task, number as u32, *estimate, &class_means, estimates).unwrap_or(u64::MAX)
                    };
                    let known: Vec<u64> = tasks.iter().enumerate().map(known).collect();
                    RankedGraph { graph: graph.clone(), ranks: graph.upward_ranks(&known) }
                });
                Kind::Listed { tasks: tasks.clone(), estimate: *estimate, class_means, graph }
            }
        };
        TaskSource {
            made: 0,
            error: None,
            kind,
            estimates: streams.key(Purpose::Estimate),
            with_details: false,
            spawns: workload.spawns(),
        }
    }

    /// With details of every task, also where the workload says nothing there but how often attempts
    /// fail. Where tasks spawn others, each says what it is about.
    pub fn with_details(mut self, all: bool) -> TaskSource {
        self.with_details = all || self.spawns || self.kind.has_details();
        self
    }

    /// Whether tasks have details.
    #[inline]
    pub fn has_details(&self) -> bool {
        self.with_details
    }

    /// The details of the task that this source made last.
    pub fn details(&self, task: &NewTask) -> TaskDetails {
        self.details_of(task, u64::from(task.number))
    }

    /// The details of a task of this identity, which this source made last or which was spawned.
    pub fn details_of(&self, task: &NewTask, identity: u64) -> TaskDetails {
        let own = match &self.kind {
            Kind::Generated(generator) | Kind::Jobs(generator, _) => {
                let class = &generator.classes[usize::from(task.class)];
                class.details.as_ref().map(|details| details.draw(identity, task.arrival))
            }
            Kind::Listed { tasks, .. } => tasks[task.number as usize].details.as_deref().copied(),
        };
        TaskDetails {
            number: task.number,
            failure_probability: task.failure_probability,
            upward_rank: match &self.kind {
                Kind::Jobs(_, jobs) => jobs.upward_rank(task.number),
                Kind::Listed { graph: Some(graph), .. } => graph.ranks[task.number as usize],
                Kind::Generated(_) | Kind::Listed { graph: None, .. } => task.estimate,
            },
            job: self.job(task).map_or(NO_JOB, |(job, _)| job),
            parents: self.parents(task).len() as u32,
            key: match own.map_or(NO_KEY, |own| own.key) {
                // Its number is not the same under all policies.
                NO_KEY if self.spawns => identity,
                key => key,
            },
            ..own.unwrap_or_default()
        }
    }

    /// A task of this identity that another spawned.
    ///
    /// # Errors
    /// When what is drawn does not fit.
    ///
    /// # Panics
    /// When the workload is not a generated one without jobs: others spawn nothing.
    #[inline(never)]
    pub fn spawned(&self, number: u32, identity: u64, arrival: Time) -> Result<NewTask, SourceError> {
        let Kind::Generated(generator) = &self.kind else { panic!("only generated tasks spawn others") };
        let mut error = None;
        let made = generator.make_at(identity, number, arrival, self.estimates, &mut error);
        // Without an error there is a task.
        made.ok_or(error.unwrap_or(SourceError::WorkTooLarge { task: number, attempt: 1 }))
    }

    /// Whether tasks wait for others.
    #[inline]
    pub fn has_jobs(&self) -> bool {
        matches!(&self.kind, Kind::Jobs(..) | Kind::Listed { graph: Some(_), .. })
    }

    /// Numbers of the tasks that the task that this source made last waits for.
    pub fn parents(&self, task: &NewTask) -> &[u32] {
        match &self.kind {
            Kind::Jobs(_, jobs) => jobs.parents(),
            Kind::Listed { graph: Some(ranked), .. } => ranked.graph.parents(task.number),
            Kind::Generated(_) | Kind::Listed { graph: None, .. } => &[],
        }
    }

    /// The job of the task that this source made last, if it is part of one.
    pub fn job(&self, task: &NewTask) -> Option<(u32, JobSize)> {
        match &self.kind {
            Kind::Jobs(_, jobs) => Some(jobs.job()),
            Kind::Listed { graph: Some(ranked), .. } => Some(ranked.graph.job(task.number)),
            Kind::Generated(_) | Kind::Listed { graph: None, .. } => None,
        }
    }

    /// The next task to arrive; `None` when all have, or after an [`error`](Self::error).
    #[expect(clippy::should_implement_trait, reason = "an iterator would promise what an error breaks")]
    #[inline(always)]
    pub fn next(&mut self) -> Option<NewTask> {
        if self.error.is_some() {
            return None;
        }
        let number = self.made;
        let made = match &mut self.kind {
            Kind::Generated(generator) => generator.make(number, self.estimates, &mut self.error),
            Kind::Jobs(generator, jobs) => {
                generator.next_of_job(number, jobs, self.estimates, &mut self.error)
            }
            Kind::Listed { tasks, estimate, class_means, .. } => {
                let task = tasks.get(number as usize)?;
                listed(task, number, *estimate, class_means, self.estimates, &mut self.error)
            }
        };
        self.made = number + u32::from(made.is_some());
        made
    }

    /// What stopped the source, if something did. A caller that got `None` must ask.
    pub fn error(&self) -> Option<SourceError> {
        self.error
    }

    /// The work of an attempt when every attempt draws its own (`retry.redraw`): of the first
    /// attempt the task's own work, of later ones a draw keyed by (seed, identity, attempt). The identity
    /// of a task that no other spawned is its number.
    ///
    /// A listed task has nothing to draw from and repeats its work. `None` when the draw does not
    /// fit, which also sets [`error`](Self::error).
    ///
    /// # Panics
    /// When a listed workload has no task of this number.
    pub fn redraw(&mut self, number: u32, identity: u64, attempt: u32) -> Option<u64> {
        let work = match &self.kind {
            Kind::Generated(generator) | Kind::Jobs(generator, _) => generator.work(identity, attempt),
            Kind::Listed { tasks, .. } => Some(tasks[number as usize].work),
        };
        if work.is_none() {
            self.error = Some(SourceError::WorkTooLarge { task: number, attempt });
        }
        work
    }
}

impl Kind {
    fn has_details(&self) -> bool {
        match self {
            Kind::Generated(generator) => generator.classes.iter().any(|class| class.details.is_some()),
            Kind::Jobs(..) => true,
            Kind::Listed { tasks, graph, .. } => {
                graph.is_some() || tasks.iter().any(|task| task.details.is_some())
            }
        }
    }
}

impl Generator {
    /// `None` when all tasks are made, when a list of times has come to its end, or with an error.
    #[inline(always)]
    fn make(
        &mut self,
        number: u32,
        estimates: StreamKey,
        error: &mut Option<SourceError>,
    ) -> Option<NewTask> {
        if number >= self.tasks {
            return None;
        }
        let Some(arrival) = self.arrivals.next() else {
            if self.arrivals.overflowed() {
                *error = Some(SourceError::ArrivalTooLate { task: number });
            }
            return None;
        };
        self.make_at(u64::from(number), number, arrival, estimates, error)
    }

    /// The next task of the job at hand, or the first of the next: the others wait in `jobs`. `None` as
    /// for [`make`](Self::make).
    // Out of line, so that workloads of independent tasks do not pay for the code.
    #[inline(never)]
    fn next_of_job(
        &mut self,
        number: u32,
        jobs: &mut Jobs,
        estimates: StreamKey,
        error: &mut Option<SourceError>,
    ) -> Option<NewTask> {
        if let Some(task) = jobs.next() {
            return Some(task);
        }
        let first = self.make(number, estimates, error)?;
        let Some(count) = jobs.begin(number, self.tasks - number) else {
            *error = Some(SourceError::JobTooLarge { task: number });
            return None;
        };
        jobs.tasks.push(first);
        for number in number + 1..number + count {
            jobs.tasks.push(self.make_at(u64::from(number), number, first.arrival, estimates, error)?);
        }
        jobs.rank();
        jobs.next()
    }

    #[inline(always)]
    fn make_at(
        &self,
        identity: u64,
        number: u32,
        arrival: Time,
        estimates: StreamKey,
        error: &mut Option<SourceError>,
    ) -> Option<NewTask> {
        let index = self.class_of(identity);
        let ClassDraws { class, constant_priority, mean_work, .. } = &self.classes[index];
        let work = match class.duration {
            Distribution::Constant { value } => billionths(value),
            ref duration => billionths(duration.sample(&mut self.works.stream(identity))),
        };
        let Some(work) = work else {
            *error = Some(SourceError::WorkTooLarge { task: number, attempt: 1 });
            return None;
        };
        let estimate = match class.estimate {
            EstimateSpec::Exact | EstimateSpec::Requested => Some(work),
            EstimateSpec::Noise { sigma } => noisy(work, sigma, identity, estimates),
            EstimateSpec::ClassMean => *mean_work,
        };
        let Some(estimate) = estimate else {
            *error = Some(SourceError::EstimateTooLarge { task: number });
            return None;
        };
        let priority = match constant_priority {
            Some(priority) => *priority,
            None => class.priority.sample(&mut self.priorities.stream(identity)),
        };
        Some(NewTask {
            number,
            arrival,
            work,
            estimate,
            priority,
            slots: class.slots,
            class: index as u16,
            failure_probability: class.failure_probability,
        })
    }

    #[inline]
    fn class_of(&self, identity: u64) -> usize {
        if self.classes.len() == 1 {
            return 0;
        }
        choose(&self.shares, uniform(&mut self.class_choices.stream(identity)))
    }

    fn work(&self, identity: u64, attempt: u32) -> Option<u64> {
        let duration = &self.classes[self.class_of(identity)].class.duration;
        let mut stream = match attempt {
            0 | 1 => self.works.stream(identity),
            _ => self.works.stream2(identity, u64::from(attempt)),
        };
        billionths(duration.sample(&mut stream))
    }
}

impl ClassDraws {
    fn new(class: &TaskClass, streams: Streams) -> ClassDraws {
        let constant_priority = match class.priority {
            Distribution::Constant { value } => Some(value),
            _ => None,
        };
        // Some means are long sums, so this one is worked out only when it is asked for.
        let mean_work = match class.estimate {
            EstimateSpec::ClassMean => class.duration.mean().and_then(billionths),
            _ => None,
        };
        let details = DetailDraws::new(class, streams);
        ClassDraws { class: class.clone(), constant_priority, details, mean_work }
    }
}

/// What policies may know of the work of a listed task.
fn known(
    task: &TraceTask,
    number: u32,
    estimate: EstimateSpec,
    class_means: &[u64],
    estimates: StreamKey,
) -> Option<u64> {
    match estimate {
        EstimateSpec::Exact => Some(task.work),
        EstimateSpec::Noise { sigma } => noisy(task.work, sigma, u64::from(number), estimates),
        EstimateSpec::ClassMean => Some(class_means[usize::from(task.class)]),
        EstimateSpec::Requested => Some(task.requested.unwrap_or(task.work)),
    }
}

#[inline(never)]
fn listed(
    task: &TraceTask,
    number: u32,
    estimate: EstimateSpec,
    class_means: &[u64],
    estimates: StreamKey,
    error: &mut Option<SourceError>,
) -> Option<NewTask> {
    let known = known(task, number, estimate, class_means, estimates);
    if known.is_none() {
        *error = Some(SourceError::EstimateTooLarge { task: number });
    }
    Some(NewTask {
        number,
        arrival: task.arrival,
        work: task.work,
        estimate: known?,
        priority: task.priority,
        slots: task.slots,
        class: task.class,
        failure_probability: task.failure_probability,
    })
}

/// The work times a lognormal factor of median 1; sigma 0 leaves the work as it is, to the bit.
fn noisy(work: u64, sigma: f64, identity: u64, estimates: StreamKey) -> Option<u64> {
    if sigma == 0.0 || work == 0 {
        return Some(work);
    }
    let z: f64 = StandardNormal.sample(&mut estimates.stream(identity));
    let estimate = (work as f64 * (sigma * z).exp()).round();
    (estimate < u64::MAX as f64).then_some(estimate as u64)
}

/// The mean work of the tasks of each class, to the nearest; 0 for a class without tasks.
fn mean_works(tasks: &[TraceTask], classes: usize) -> Vec<u64> {
    let mut sums = vec![(0u128, 0u128); classes];
    for task in tasks {
        let (sum, count) = &mut sums[usize::from(task.class)];
        *sum += u128::from(task.work);
        *count += 1;
    }
    sums.iter().map(|(sum, count)| (sum + count / 2).checked_div(*count).unwrap_or(0) as u64).collect()
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
