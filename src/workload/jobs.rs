//! Jobs of tasks that wait for each other, drawn one at a time as they arrive.
//!
//! The shape of a job comes from a stream keyed by its number, the work of its tasks from theirs: what
//! a job is depends on the seed and its number only. Only the job that is arriving is kept.

use super::graph::{JobSize, Links, raise};
use super::source::NewTask;
use crate::distribution::Distribution;
use crate::random::{Purpose, Stream, StreamKey, Streams, below, uniform};

/// No job has more tasks than this.
pub const MOST_TASKS: u32 = 1_000_000;
/// No job has more dependencies than this.
const MOST_DEPENDENCIES: usize = 20_000_000;

/// What jobs look like. Sizes are rounded to whole numbers of at least 1.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// One task after the other.
    Chain {
        /// Tasks.
        length: Distribution,
    },
    /// A task, then several side by side, then one that waits for them all; in several stages the
    /// last of one is the first of the next.
    ForkJoin {
        /// Tasks side by side, drawn anew for every stage.
        width: Distribution,
        /// Stages.
        stages: Distribution,
    },
    /// Layers of tasks, each of which waits for some of the layer before it.
    Layered {
        /// Layers.
        layers: Distribution,
        /// Tasks in a layer, drawn anew for every layer.
        width: Distribution,
        /// Probability that a task waits for one of the layer before it, each by itself; it waits for
        /// at least one, which is any of them.
        density: f64,
    },
    /// A task followed by several, each of these by several, and so on.
    Tree {
        /// Tasks on the way from the first to any of the last.
        depth: Distribution,
        /// Tasks that wait for a task, drawn anew for every one.
        branching: Distribution,
    },
}

impl Shape {
    /// About how many tasks a job has; `None` when a mean is infinite.
    pub fn mean_tasks(&self) -> Option<f64> {
        let size = |size: &Distribution| size.mean().map(|mean| mean.max(1.0));
        Some(match self {
            Shape::Chain { length } => size(length)?,
            Shape::ForkJoin { width, stages } => 1.0 + size(stages)? * (1.0 + size(width)?),
            Shape::Layered { layers, width, .. } => size(layers)? * size(width)?,
            Shape::Tree { depth, branching } => {
                let (depth, branching) = (size(depth)?, size(branching)?);
                if branching == 1.0 { depth } else { (branching.powf(depth) - 1.0) / (branching - 1.0) }
            }
        })
    }
}

/// Draws the shapes of jobs, and keeps the one that is arriving.
#[derive(Clone, Debug)]
pub(super) struct Jobs {
    shape: Shape,
    shapes: StreamKey,
    /// How many jobs there were before the one that is kept.
    job: u32,
    begun: bool,
    /// Number of its first task.
    first: u32,
    /// By position in the job: positions of the parents.
    parents: Links,
    pub(super) tasks: Vec<NewTask>,
    /// Tasks of the job that were given out.
    pub(super) given: usize,
    ranks: Vec<u64>,
    /// Numbers of the parents of the task that was given out last.
    numbers: Vec<u32>,
    path: u64,
}

impl Jobs {
    pub(super) fn new(shape: &Shape, streams: Streams) -> Jobs {
        Jobs {
            shape: shape.clone(),
            shapes: streams.key(Purpose::JobShape),
            job: 0,
            begun: false,
            first: 0,
            parents: Links::default(),
            tasks: Vec::new(),
            given: 0,
            ranks: Vec::new(),
            numbers: Vec::new(),
            path: 0,
        }
    }

    /// Draws the shape of the next job, whose first task has number `first`; gives how many tasks it
    /// has, at most `most`: what is beyond is cut off, the last tasks first. `None` when it is too
    /// large.
    pub(super) fn begin(&mut self, first: u32, most: u32) -> Option<u32> {
        self.job += u32::from(std::mem::replace(&mut self.begun, true));
        self.first = first;
        self.tasks.clear();
        self.parents.clear();
        self.given = 0;
        let mut stream = self.shapes.stream(u64::from(self.job));
        draw(&self.shape, &mut stream, &mut self.parents)?;
        self.parents.truncate(most as usize);
        Some(self.parents.len() as u32)
    }

    /// Works out ranks, once all `tasks` are there.
    pub(super) fn rank(&mut self) {
        self.path = self.ranks_of(|task| task.work);
        self.ranks_of(|task| task.estimate);
    }

    fn ranks_of(&mut self, work: impl Fn(&NewTask) -> u64) -> u64 {
        self.ranks.clear();
        self.ranks.resize(self.tasks.len(), 0);
        for (at, task) in self.tasks.iter().enumerate().rev() {
            raise(&mut self.ranks, at, work(task), self.parents.of(at));
        }
        self.ranks.iter().copied().max().unwrap_or(0)
    }

    /// The next task of the job, if there is one.
    pub(super) fn next(&mut self) -> Option<NewTask> {
        let task = *self.tasks.get(self.given)?;
        self.numbers.clear();
        self.numbers.extend(self.parents.of(self.given).iter().map(|&at| self.first + at));
        self.given += 1;
        Some(task)
    }

    /// Numbers of the tasks that the task that was given out last waits for.
    pub(super) fn parents(&self) -> &[u32] {
        &self.numbers
    }

    /// The job that is kept, and its size.
    pub(super) fn job(&self) -> (u32, JobSize) {
        (self.job, JobSize { tasks: self.tasks.len() as u32, path: self.path })
    }

    /// The upward rank of task `number` of the job that is kept.
    pub(super) fn upward_rank(&self, number: u32) -> u64 {
        self.ranks[(number - self.first) as usize]
    }
}

/// A whole number of at least 1; `None` beyond what a job may have.
fn size(from: &Distribution, stream: &mut Stream) -> Option<u32> {
    let drawn = from.sample(stream).round().max(1.0);
    (drawn <= f64::from(MOST_TASKS)).then_some(drawn as u32)
}

/// Draws a job: for each of its tasks the positions of its parents, which all come before it.
fn draw(shape: &Shape, stream: &mut Stream, parents: &mut Links) -> Option<()> {
    match shape {
        Shape::Chain { length } => {
            for task in 0..size(length, stream)? {
                if let Some(before) = task.checked_sub(1) {
                    parents.push(before);
                }
                parents.finish();
            }
        }
        Shape::ForkJoin { width, stages } => {
            parents.finish();
            for _ in 0..size(stages, stream)? {
                let fork = parents.len() as u32 - 1;
                let width = size(width, stream)?;
                fits(parents, width + 1, 2 * width as usize)?;
                for _ in 0..width {
                    parents.push(fork);
                    parents.finish();
                }
                for task in fork + 1..=fork + width {
                    parents.push(task);
                }
                parents.finish();
            }
        }
        Shape::Layered { layers, width, density } => {
            let mut above = 0..0;
            for _ in 0..size(layers, stream)? {
                let from = parents.len() as u32;
                let width = size(width, stream)?;
                fits(parents, width, width as usize * above.len())?;
                for _ in 0..width {
                    layered(above.clone(), *density, stream, parents);
                    parents.finish();
                }
                above = from..from + width;
            }
        }
        Shape::Tree { depth, branching } => {
            parents.finish();
            let mut above = 0..1;
            for _ in 1..size(depth, stream)? {
                for parent in above.clone() {
                    let branches = size(branching, stream)?;
                    fits(parents, branches, branches as usize)?;
                    for _ in 0..branches {
                        parents.push(parent);
                        parents.finish();
                    }
                }
                above = above.end..parents.len() as u32;
            }
        }
    }
    Some(())
}

/// Which of the layer before it a task waits for.
fn layered(above: std::ops::Range<u32>, density: f64, stream: &mut Stream, parents: &mut Links) {
    if above.is_empty() {
        return;
    }
    let sure = above.start + below(stream, above.len() as u32);
    for task in above {
        if task == sure || uniform(stream) < density {
            parents.push(task);
        }
    }
}

/// Whether a job may grow by so many tasks and dependencies.
fn fits(parents: &Links, tasks: u32, dependencies: usize) -> Option<()> {
    let tasks = parents.len() + tasks as usize;
    (tasks <= MOST_TASKS as usize && parents.links() + dependencies <= MOST_DEPENDENCIES).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(shape: Shape, seed: u64) -> Vec<Vec<u32>> {
        let mut jobs = Jobs::new(&shape, Streams::new(seed));
        let count = jobs.begin(0, u32::MAX).expect("it fits");
        (0..count as usize).map(|at| jobs.parents.of(at).to_vec()).collect()
    }

    fn constant(value: f64) -> Distribution {
        Distribution::constant(value)
    }

    #[test]
    fn shapes_are_what_they_are_called() {
        assert_eq!(job(Shape::Chain { length: constant(3.0) }, 1), [vec![], vec![0], vec![1]]);
        let fork_join = Shape::ForkJoin { width: constant(2.0), stages: constant(2.0) };
        let expected: [&[u32]; 7] = [&[], &[0], &[0], &[1, 2], &[3], &[3], &[4, 5]];
        assert_eq!(job(fork_join, 1), expected);
        let tree = Shape::Tree { depth: constant(3.0), branching: constant(2.0) };
        let expected: [&[u32]; 7] = [&[], &[0], &[0], &[1], &[1], &[2], &[2]];
        assert_eq!(job(tree, 1), expected);
    }

    #[test]
    fn layers_wait_for_the_layer_before_in_the_density_asked_for() {
        let shape = Shape::Layered { layers: constant(50.0), width: constant(20.0), density: 0.3 };
        let parents = job(shape, 1);
        assert_eq!(parents.len(), 1000);
        let mut edges = 0;
        for (task, parents) in parents.iter().enumerate() {
            let layer = task / 20;
            assert_eq!(parents.is_empty(), layer == 0, "task {task}");
            assert!(parents.iter().all(|&parent| parent as usize / 20 + 1 == layer), "task {task}");
            edges += parents.len();
        }
        // One for sure, and each of the other 19 with probability 0.3.
        let (expected, deviation) = (980.0 * (1.0 + 19.0 * 0.3), (980.0f64 * 19.0 * 0.3 * 0.7).sqrt());
        assert!((edges as f64 - expected).abs() < 4.0 * deviation, "{edges} dependencies, not {expected}");
    }

    #[test]
    fn mean_sizes_are_means_of_sizes() {
        let shapes = [
            Shape::Chain { length: Distribution::Uniform { low: 1.0, high: 9.0 } },
            Shape::ForkJoin { width: Distribution::Uniform { low: 1.0, high: 9.0 }, stages: constant(2.0) },
            Shape::Layered {
                layers: Distribution::Uniform { low: 1.0, high: 9.0 },
                width: constant(4.0),
                density: 0.5,
            },
            Shape::Tree { depth: constant(4.0), branching: Distribution::Uniform { low: 1.0, high: 3.0 } },
        ];
        for shape in shapes {
            let mut jobs = Jobs::new(&shape, Streams::new(3));
            let count = 4000;
            let sizes: Vec<f64> = (0..count).map(|_| f64::from(jobs.begin(0, u32::MAX).unwrap())).collect();
            let mean = sizes.iter().sum::<f64>() / f64::from(count);
            let variance = sizes.iter().map(|size| (size - mean).powi(2)).sum::<f64>() / f64::from(count);
            let error = 4.0 * (variance / f64::from(count)).sqrt();
            let expected = shape.mean_tasks().unwrap();
            assert!((mean - expected).abs() <= error + 1e-9, "{shape:?}: {mean}, not {expected}");
        }
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let tree = Shape::Tree { depth: constant(30.0), branching: constant(2.0) };
        assert_eq!(Jobs::new(&tree, Streams::new(1)).begin(0, 10), None);
        let dense = Shape::Layered { layers: constant(2.0), width: constant(1e5), density: 1.0 };
        assert_eq!(Jobs::new(&dense, Streams::new(1)).begin(0, 10), None);
        let chain = Shape::Chain { length: constant(5.0) };
        assert_eq!(Jobs::new(&chain, Streams::new(1)).begin(0, 3), Some(3));
    }
}
