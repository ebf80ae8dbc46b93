//! Who waits for whom among the tasks of a list or a trace, checked once and for all.

use super::{TraceTask, sort_tasks};
use crate::ids::TaskId;
use crate::scheduler::Record;
use crate::time::Duration;

/// A group of tasks that wait for each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobSize {
    /// How many tasks it has.
    pub tasks: u32,
    /// The most work on any path through it, in billionths of a unit: no cluster does it faster.
    pub path: u64,
}

impl JobSize {
    /// What drivers write down of a task of this job: the shortest time is that of its longest path on
    /// the fastest node.
    pub fn record(self, task: TaskId, job: u32, highest_speed: f64) -> Record {
        let shortest = Duration::of_work(self.path, highest_speed);
        Record::InJob { task, job, tasks: self.tasks, shortest }
    }
}

/// Dependencies among listed tasks, all by the number of the task.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    parents: Links,
    /// All tasks, each after its parents.
    order: Vec<u32>,
    job_of: Vec<u32>,
    jobs: Vec<JobSize>,
}

/// A list of numbers for each of many things, in one piece of memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Links {
    /// Where the list of each ends.
    ends: Vec<u32>,
    links: Vec<u32>,
}

impl Links {
    pub(super) fn clear(&mut self) {
        self.ends.clear();
        self.links.clear();
    }

    /// Adds to the list of the thing that is not yet finished.
    pub(super) fn push(&mut self, link: u32) {
        self.links.push(link);
    }

    /// Finishes a list.
    pub(super) fn finish(&mut self) {
        self.ends.push(self.links.len() as u32);
    }

    /// How many things there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// How many numbers all lists hold.
    pub(super) fn links(&self) -> usize {
        self.links.len()
    }

    pub(super) fn of(&self, index: usize) -> &[u32] {
        let from = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.links[from as usize..self.ends[index] as usize]
    }

    /// Forgets all but the first `count` things.
    pub(super) fn truncate(&mut self, count: usize) {
        self.ends.truncate(count);
        self.links.truncate(self.ends.last().map_or(0, |&end| end as usize));
    }
}

/// What tells where jobs begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jobs {
    /// Tasks that are connected, over however many others, are one job.
    Connected,
    /// All tasks are one job.
    All,
}

/// Tasks that wait for each other in a circle: positions in the file, each waits for the one before
/// it, and the first for the last. It begins with the task that is first in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle(pub Vec<u32>);

impl Cycle {
    /// The circle in words, with the names that the tasks have.
    pub fn describe<T: AsRef<str>>(&self, name: impl Fn(u32) -> T) -> String {
        const SHOWN: usize = 10;
        let names = || self.0.iter().map(|&position| name(position));
        let mut words: Vec<String> = names().take(SHOWN).map(|name| format!("`{}`", name.as_ref())).collect();
        if self.0.len() > SHOWN {
            words.push(format!("{} more", self.0.len() - SHOWN));
        }
        words.extend(names().next().map(|name| format!("`{}`", name.as_ref())));
        format!("tasks wait for each other in a circle: {}", words.join(" -> "))
    }
}

impl Graph {
    /// Puts tasks in the order they are numbered in, as [`sort_tasks`] does, and their dependencies
    /// with them. `after` holds, by position in the file, the positions of the tasks it waits for.
    ///
    /// # Errors
    /// When tasks wait for each other in a circle.
    ///
    /// # Panics
    /// When a position is beyond the last task.
    pub fn sort(tasks: &mut [TraceTask], after: &[Vec<u32>], jobs: Jobs) -> Result<Graph, Cycle> {
        // The same stable sort, of positions.
        let mut positions: Vec<u32> = (0..tasks.len() as u32).collect();
        positions.sort_by_key(|&position| tasks[position as usize].arrival);
        sort_tasks(tasks);
        let mut numbers = vec![0; tasks.len()];
        for (number, &position) in positions.iter().enumerate() {
            numbers[position as usize] = number as u32;
        }
        let mut parents = Links::default();
        for &position in &positions {
            for &parent in &after[position as usize] {
                parents.push(numbers[parent as usize]);
            }
            parents.finish();
        }
        let order = topological(&parents).map_err(|circle| {
            let mut circle: Vec<u32> = circle.into_iter().map(|number| positions[number as usize]).collect();
            let first = (0..circle.len()).min_by_key(|&at| circle[at]).unwrap_or(0);
            circle.rotate_left(first);
            Cycle(circle)
        })?;
        let job_of = match jobs {
            Jobs::Connected => components(&parents),
            Jobs::All => vec![0; tasks.len()],
        };
        let works: Vec<u64> = tasks.iter().map(|task| task.work).collect();
        let mut jobs = vec![JobSize::default(); job_of.iter().max().map_or(0, |&last| last as usize + 1)];
        let mut graph = Graph { parents, order, job_of, jobs: Vec::new() };
        for (number, rank) in graph.upward_ranks(&works).into_iter().enumerate() {
            let job = &mut jobs[graph.job_of[number] as usize];
            job.tasks += 1;
            job.path = job.path.max(rank);
        }
        graph.jobs = jobs;
        Ok(graph)
    }

    /// Numbers of the tasks that task `number` waits for.
    pub fn parents(&self, number: u32) -> &[u32] {
        self.parents.of(number as usize)
    }

    /// The job of task `number`, and its size.
    pub fn job(&self, number: u32) -> (u32, JobSize) {
        let job = self.job_of[number as usize];
        (job, self.jobs[job as usize])
    }

    /// The most of `works` on any path from each task to the end of its job, itself included.
    pub fn upward_ranks(&self, works: &[u64]) -> Vec<u64> {
        let mut ranks = vec![0; works.len()];
        for &number in self.order.iter().rev() {
            let number = number as usize;
            raise(&mut ranks, number, works[number], self.parents.of(number));
        }
        ranks
    }
}

/// One step of working out upward ranks, to be taken for every task after all its children: so far its
/// rank is the greatest of theirs.
pub(super) fn raise(ranks: &mut [u64], task: usize, work: u64, parents: &[u32]) {
    let rank = ranks[task].saturating_add(work);
    ranks[task] = rank;
    for &parent in parents {
        let above = &mut ranks[parent as usize];
        *above = rank.max(*above);
    }
}

/// Every task after its parents (Kahn 1962); or a circle.
fn topological(parents: &Links) -> Result<Vec<u32>, Vec<u32>> {
    let count = parents.len();
    // Children by parent: counted, then filled in.
    let mut ends = vec![0u32; count + 1];
    for &parent in &parents.links {
        ends[parent as usize + 1] += 1;
    }
    for at in 0..count {
        ends[at + 1] += ends[at];
    }
    let mut children = vec![0u32; parents.links.len()];
    let mut filled = ends.clone();
    for child in 0..count {
        for &parent in parents.of(child) {
            children[filled[parent as usize] as usize] = child as u32;
            filled[parent as usize] += 1;
        }
    }
    let mut missing: Vec<u32> = (0..count).map(|task| parents.of(task).len() as u32).collect();
    let mut order: Vec<u32> = (0..count as u32).filter(|&task| missing[task as usize] == 0).collect();
    let mut at = 0;
    while let Some(&task) = order.get(at) {
        at += 1;
        for &child in &children[ends[task as usize] as usize..ends[task as usize + 1] as usize] {
            missing[child as usize] -= 1;
            if missing[child as usize] == 0 {
                order.push(child);
            }
        }
    }
    if order.len() == count { Ok(order) } else { Err(circle(parents, &missing)) }
}

/// What is left of a graph without its tasks that can be done has a circle: every task in it has a
/// parent in it.
fn circle(parents: &Links, missing: &[u32]) -> Vec<u32> {
    let stuck = |task: u32| missing[task as usize] > 0;
    let mut at = (0..missing.len() as u32).find(|&task| stuck(task)).unwrap_or(0);
    let mut seen = vec![u32::MAX; missing.len()];
    let mut path = Vec::new();
    while seen[at as usize] == u32::MAX {
        seen[at as usize] = path.len() as u32;
        path.push(at);
        at = parents.of(at as usize).iter().copied().find(|&parent| stuck(parent)).unwrap_or(at);
    }
    // Walked from child to parent; told from parent to child.
    let mut circle = path.split_off(seen[at as usize] as usize);
    circle.reverse();
    circle
}

/// For each task its connected component, numbered by their first tasks.
fn components(parents: &Links) -> Vec<u32> {
    let count = parents.len();
    let mut leader: Vec<u32> = (0..count as u32).collect();
    fn find(leader: &mut [u32], mut task: u32) -> u32 {
        while leader[task as usize] != task {
            let above = leader[leader[task as usize] as usize];
            leader[task as usize] = above;
            task = above;
        }
        task
    }
    for child in 0..count {
        for &parent in parents.of(child) {
            let (one, other) = (find(&mut leader, child as u32), find(&mut leader, parent));
            // The first task leads.
            leader[one.max(other) as usize] = one.min(other);
        }
    }
    let mut jobs = 0;
    let mut job_of = vec![0; count];
    for task in 0..count {
        let first = find(&mut leader, task as u32) as usize;
        if first == task {
            job_of[task] = jobs;
            jobs += 1;
        } else {
            job_of[task] = job_of[first];
        }
    }
    job_of
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
