//! Exact optima of a few tasks that arrive, wait for each other and demand resources.
//!
//! A schedule that cannot be made better by moving one task forward is made by starting tasks one after the
//! other, in the order of their starts, each as early as it can after the one before. So branch and bound over
//! which task comes next and on which node finds an optimum (Brucker and Knust, *Complex Scheduling*, 2012,
//! section 3.4). What is bounded: the tasks that are left, each with all that waits for it on the fastest node;
//! their work, by all nodes together; and that of all tasks that demand as much as one of them, by as many
//! of it as there is room for at once.

/// A task of a small schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// When it arrives, in seconds.
    pub arrival: f64,
    /// Its work; on a node of speed s it takes work / s.
    pub work: f64,
    /// What it takes of each resource of its node, slots first.
    pub demand: Vec<u64>,
    /// The tasks it waits for, by position.
    pub parents: Vec<usize>,
}

/// A node of a small schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its speed.
    pub speed: f64,
    /// What it has of each resource, slots first.
    pub capacity: Vec<u64>,
}

/// The search ends after so many steps without an answer.
const MOST_STEPS: u32 = 20_000;
/// Differences below this part of a schedule are rounding.
const SAME: f64 = 1e-12;

/// The least makespan from the first arrival on, without interruptions. `None` without tasks, when a task fits
/// no node or waits for itself, or when the search takes too long.
pub fn least_makespan(tasks: &[Task], nodes: &[Node]) -> Option<f64> {
    let first = tasks.iter().map(|task| task.arrival).reduce(f64::min)?;
    let mut search = Search::new(tasks, nodes)?;
    search.branch(first);
    (search.steps < MOST_STEPS && search.best.is_finite()).then_some(search.best - first)
}

/// A task that was started.
#[derive(Clone, Copy, Debug)]
struct Placed {
    task: usize,
    node: usize,
    end: f64,
}

struct Search<'a> {
    tasks: &'a [Task],
    nodes: &'a [Node],
    /// Of each task, how long it and the longest chain behind it take on the fastest node.
    tails: Vec<f64>,
    /// Work times slots per second of all nodes.
    capacity: f64,
    /// For each demand there is, the tasks that demand as much or more, and their work per second at most.
    kinds: Vec<(Vec<usize>, f64)>,
    placed: Vec<Placed>,
    /// Ends of tasks that were started.
    ends: Vec<Option<f64>>,
    /// Work times slots of the tasks that are left.
    left: f64,
    best: f64,
    /// No schedule is shorter.
    least: f64,
    steps: u32,
}

/// A task that may come next: on which node, from when to when.
#[derive(Clone, Copy, Debug)]
struct Choice {
    task: usize,
    node: usize,
    start: f64,
    end: f64,
}

impl<'a> Search<'a> {
    fn new(tasks: &'a [Task], nodes: &'a [Node]) -> Option<Search<'a>> {
        let fits = |task: &Task, node: &Node| task.demand.iter().zip(&node.capacity).all(|(a, b)| a <= b);
        if !tasks.iter().all(|task| nodes.iter().any(|node| fits(task, node))) {
            return None;
        }
        let fastest = nodes.iter().map(|node| node.speed).fold(0.0, f64::max);
        let tails = tails(tasks, fastest)?;
        let slots = |amounts: &[u64]| amounts.first().map_or(1.0, |slots| *slots as f64);
        let mut search = Search {
            tasks,
            nodes,
            tails,
            capacity: nodes.iter().map(|node| node.speed * slots(&node.capacity)).sum(),
            kinds: kinds(tasks, nodes),
            placed: Vec::with_capacity(tasks.len()),
            ends: vec![None; tasks.len()],
            left: tasks.iter().map(|task| task.work * slots(&task.demand)).sum(),
            best: f64::INFINITY,
            least: 0.0,
            steps: 0,
        };
        search.least = search.bound(tasks.iter().map(|task| task.arrival).fold(f64::INFINITY, f64::min));
        Some(search)
    }

    /// What no schedule that goes on from here can end before; all starts are at `now` or later.
    fn bound(&self, now: f64) -> f64 {
        let area = |one: &Placed| {
            let slots = self.tasks[one.task].demand.first().map_or(1.0, |slots| *slots as f64);
            (one.end - now).max(0.0) * self.nodes[one.node].speed * slots
        };
        let busy: f64 = self.placed.iter().map(area).sum();
        let by_work = if self.left > 0.0 { now + (busy + self.left) / self.capacity } else { 0.0 };
        let ended = self.placed.iter().map(|one| one.end).fold(0.0, f64::max);
        let work_left = |task: &usize| match self.ends[*task] {
            None => self.tasks[*task].work,
            Some(end) if end > now => {
                let placed = self.placed.iter().find(|one| one.task == *task);
                placed.map_or(0.0, |one| (end - now) * self.nodes[one.node].speed)
            }
            Some(_) => 0.0,
        };
        let of_kind =
            |(tasks, rate): &(Vec<usize>, f64)| now + tasks.iter().map(work_left).sum::<f64>() / rate;
        let by_kind = self.kinds.iter().map(of_kind).fold(0.0, f64::max);
        let of_task = |task: usize| {
            let parents = self.tasks[task].parents.iter().filter_map(|parent| self.ends[*parent]);
            parents.fold(now.max(self.tasks[task].arrival), f64::max) + self.tails[task]
        };
        let open = (0..self.tasks.len()).filter(|task| self.ends[*task].is_none());
        open.map(of_task).fold(by_work.max(by_kind).max(ended), f64::max)
    }

    /// When a node has room for a task, from `from` on. All that was started there has started by then, so that
    /// room only grows.
    fn room(&self, task: usize, node: usize, from: f64) -> Option<f64> {
        let (demand, capacity) = (&self.tasks[task].demand, &self.nodes[node].capacity);
        let here = || self.placed.iter().filter(|one| one.node == node);
        let fits = |time: f64| {
            let running = || here().filter(|one| one.end > time);
            let taken = |kind: usize| running().map(|one| self.tasks[one.task].demand[kind]).sum::<u64>();
            (0..demand.len()).all(|kind| demand[kind] + taken(kind) <= capacity[kind])
        };
        if fits(from) {
            return Some(from);
        }
        here().map(|one| one.end).filter(|end| *end > from && fits(*end)).reduce(f64::min)
    }

    /// Whether two nodes are alike from now on.
    fn are_alike(&self, one: usize, other: usize, now: f64) -> bool {
        let running = |node: usize| {
            let here = self.placed.iter().filter(|placed| placed.node == node && placed.end > now);
            let mut here: Vec<(f64, &[u64])> =
                here.map(|placed| (placed.end, &self.tasks[placed.task].demand[..])).collect();
            here.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(b.1)));
            here
        };
        self.nodes[one] == self.nodes[other] && running(one) == running(other)
    }

    fn choices(&self, now: f64) -> Vec<Choice> {
        let mut choices: Vec<Choice> = Vec::new();
        for task in 0..self.tasks.len() {
            let own = &self.tasks[task];
            let is_twin = |other: usize| {
                let waited = |task: usize| self.tasks.iter().any(|one| one.parents.contains(&task));
                self.ends[other].is_none() && self.tasks[other] == *own && !waited(other) && !waited(task)
            };
            // Of equal tasks the first comes first.
            if self.ends[task].is_some() || (0..task).any(is_twin) {
                continue;
            }
            let parents: Option<Vec<f64>> = own.parents.iter().map(|parent| self.ends[*parent]).collect();
            let Some(parents) = parents else { continue };
            let from = parents.into_iter().fold(now.max(own.arrival), f64::max);
            for node in 0..self.nodes.len() {
                if (0..node).any(|other| self.are_alike(other, node, now)) {
                    continue;
                }
                if let Some(start) = self.room(task, node, from) {
                    let end = start + own.work / self.nodes[node].speed;
                    choices.push(Choice { task, node, start, end });
                }
            }
        }
        let key = |one: &Choice| (one.start, -self.tails[one.task], one.end);
        choices.sort_by(|a, b| key(a).partial_cmp(&key(b)).expect("finite times"));
        choices
    }

    fn branch(&mut self, now: f64) {
        if self.placed.len() == self.tasks.len() {
            self.best = self.best.min(self.placed.iter().map(|one| one.end).fold(0.0, f64::max));
            return;
        }
        for Choice { task, node, start, end } in self.choices(now) {
            self.steps += 1;
            if self.steps >= MOST_STEPS || self.best <= self.least * (1.0 + SAME) {
                return;
            }
            let area =
                self.tasks[task].work * self.tasks[task].demand.first().map_or(1.0, |slots| *slots as f64);
            self.placed.push(Placed { task, node, end });
            self.ends[task] = Some(end);
            self.left -= area;
            if self.bound(start) < self.best * (1.0 - SAME) {
                self.branch(start);
            }
            self.left += area;
            self.ends[task] = None;
            self.placed.pop();
        }
    }
}

/// The demands of tasks, each with all tasks that demand as much or more of everything, and the work per second of
/// as many of them as fit all nodes at once.
fn kinds(tasks: &[Task], nodes: &[Node]) -> Vec<(Vec<usize>, f64)> {
    let mut demands: Vec<&[u64]> = tasks.iter().map(|task| &task.demand[..]).collect();
    demands.sort_unstable();
    demands.dedup();
    let kind = |demand: &[u64]| {
        let at_least = |task: &usize| tasks[*task].demand.iter().zip(demand).all(|(own, least)| own >= least);
        let room = |node: &Node| {
            let times = node.capacity.iter().zip(demand).filter(|(_, demand)| **demand > 0);
            times
                .map(|(capacity, demand)| capacity / demand)
                .min()
                .unwrap_or(u64::MAX)
                .min(tasks.len() as u64)
        };
        let rate = nodes.iter().map(|node| node.speed * room(node) as f64).sum();
        ((0..tasks.len()).filter(at_least).collect(), rate)
    };
    demands.into_iter().map(kind).collect()
}

/// Of each task, its time on the fastest node and that of the longest chain behind it; `None` where tasks wait
/// for themselves.
fn tails(tasks: &[Task], fastest: f64) -> Option<Vec<f64>> {
    let mut tails: Vec<f64> = tasks.iter().map(|task| task.work / fastest).collect();
    // Each round makes chains of one more task right.
    for _ in 0..=tasks.len() {
        let mut changed = false;
        for (number, task) in tasks.iter().enumerate() {
            for &parent in &task.parents {
                let wanted = tasks[parent].work / fastest + tails[number];
                changed |= wanted > tails[parent];
                tails[parent] = tails[parent].max(wanted);
            }
        }
        if !changed {
            return Some(tails);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Streams, below};

    fn task(work: f64, parents: &[usize]) -> Task {
        Task { arrival: 0.0, work, demand: vec![1], parents: parents.to_vec() }
    }

    fn nodes(count: usize) -> Vec<Node> {
        vec![Node { speed: 1.0, capacity: vec![1] }; count]
    }

    /// Graham's anomalies (Bounds on multiprocessing timing anomalies, SIAM Journal on Applied Mathematics 17,
    /// 1969): lists give 12 on three processors and 15 on four; the optimum is 12 on both, as the first
    /// and the last task take 3 and 9. With times one less, lists give 13 and the optimum is 10.
    #[test]
    fn grahams_anomalies() {
        let graham = |less: f64| -> Vec<Task> {
            let times = [3.0, 2.0, 2.0, 2.0, 4.0, 4.0, 4.0, 4.0, 9.0];
            let parents = |number: usize| match number {
                4..=7 => vec![3],
                8 => vec![0],
                _ => vec![],
            };
            times.iter().enumerate().map(|(at, time)| task(time - less, &parents(at))).collect()
        };
        assert_eq!(least_makespan(&graham(0.0), &nodes(3)), Some(12.0));
        assert_eq!(least_makespan(&graham(0.0), &nodes(4)), Some(12.0));
        assert_eq!(least_makespan(&graham(1.0), &nodes(3)), Some(10.0));
    }

    /// Where tasks are alone, the search over assignments finds the same.
    #[test]
    fn batches_are_those_of_assignments() {
        use crate::theory::bounds::Machines;
        use crate::theory::optimum;
        for works in [&[5.0, 5.0, 4.0, 4.0, 3.0, 3.0, 3.0][..], &[2.5, 7.0, 1.0, 4.0, 4.0, 0.5]] {
            for speeds in [[1.0, 1.0, 1.0], [2.0, 1.0, 0.5]] {
                let machines = Machines::new(speeds.map(|speed| (1, speed)));
                let nodes: Vec<Node> =
                    speeds.iter().map(|&speed| Node { speed, capacity: vec![1] }).collect();
                let tasks: Vec<Task> = works.iter().map(|work| task(*work, &[])).collect();
                let (found, expected) =
                    (least_makespan(&tasks, &nodes), optimum::least_makespan(works, &machines));
                assert!(
                    (found.expect("one") - expected.expect("one")).abs() < 1e-9,
                    "{found:?} {expected:?}"
                );
            }
        }
    }

    /// Every order of all tasks, each put on every node in turn, at the earliest moment from which there is room
    /// for as long as it takes, whatever was put there before or will be.
    fn all_schedules(
        tasks: &[Task],
        nodes: &[Node],
        put: &mut Vec<(usize, usize, f64, f64)>,
        best: &mut f64,
    ) {
        if put.len() == tasks.len() {
            *best = best.min(put.iter().map(|one| one.3).fold(0.0, f64::max));
        }
        for task in 0..tasks.len() {
            let end = |task: usize| put.iter().find(|one| one.0 == task).map(|one| one.3);
            let parents: Option<Vec<f64>> = tasks[task].parents.iter().map(|parent| end(*parent)).collect();
            let (None, Some(parents)) = (end(task), parents) else { continue };
            let from = parents.into_iter().fold(tasks[task].arrival, f64::max);
            for (number, node) in nodes.iter().enumerate() {
                let length = tasks[task].work / node.speed;
                let here: Vec<_> = put.iter().filter(|one| one.1 == number).copied().collect();
                let fits = |time: f64| {
                    tasks[task].demand.iter().enumerate().all(|(kind, demand)| {
                        let running = here.iter().filter(|one| one.2 <= time && time < one.3);
                        demand + running.map(|one| tasks[one.0].demand[kind]).sum::<u64>()
                            <= node.capacity[kind]
                    })
                };
                let free = |start: f64| {
                    let inside =
                        here.iter().map(|one| one.2).filter(|time| *time > start && *time < start + length);
                    fits(start) && inside.into_iter().all(fits)
                };
                let starts = here.iter().map(|one| one.3).filter(|end| *end > from).chain([from]);
                let Some(start) = starts.filter(|start| free(*start)).reduce(f64::min) else { continue };
                put.push((task, number, start, start + length));
                all_schedules(tasks, nodes, put, best);
                put.pop();
            }
        }
    }

    #[test]
    fn nothing_beats_it() {
        let mut stream = Streams::new(7).stream(Purpose::Bootstrap, 0);
        let mut draw = |most: u32| below(&mut stream, most);
        for round in 0..60 {
            let kinds = 1 + round % 2;
            let nodes: Vec<Node> = (0..2)
                .map(|_| Node {
                    speed: [1.0, 2.0][draw(2) as usize],
                    capacity: (0..kinds).map(|_| 2 + u64::from(draw(2))).collect(),
                })
                .collect();
            let tasks: Vec<Task> = (0..5)
                .map(|number: usize| Task {
                    arrival: f64::from(draw(3)),
                    work: f64::from(1 + draw(6)),
                    demand: (0..kinds).map(|_| u64::from(draw(3))).collect(),
                    parents: (0..number).filter(|_| draw(4) == 0).collect(),
                })
                .collect();
            let first = tasks.iter().map(|task| task.arrival).fold(f64::INFINITY, f64::min);
            let mut best = f64::INFINITY;
            all_schedules(&tasks, &nodes, &mut Vec::new(), &mut best);
            let found = least_makespan(&tasks, &nodes).expect("few tasks");
            assert!(
                (found - (best - first)).abs() < 1e-9,
                "{round}: {found}, not {}: {tasks:?}",
                best - first
            );
        }
    }

    #[test]
    fn what_has_no_schedule_has_no_optimum() {
        assert_eq!(least_makespan(&[], &nodes(1)), None);
        assert_eq!(least_makespan(&[task(1.0, &[1]), task(1.0, &[0])], &nodes(1)), None);
        let large = Task { demand: vec![2], ..task(1.0, &[]) };
        assert_eq!(least_makespan(&[large], &nodes(3)), None);
    }
}
