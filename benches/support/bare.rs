//! The same workloads without an engine: a heap, random draws and the least that the model needs. No
//! policies to choose from, no metrics but a sum, no checks. What falcon takes beyond this is the
//! price of being general.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, Exp1};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Nanoseconds.
type Heap = BinaryHeap<Reverse<(u64, u32)>>;

struct Draws(Xoshiro256PlusPlus);

impl Draws {
    fn new() -> Self {
        Draws(Xoshiro256PlusPlus::seed_from_u64(1))
    }

    fn exponential(&mut self, mean: f64) -> u64 {
        let draw: f64 = Exp1.sample(&mut self.0);
        (draw * mean * 1e9) as u64
    }

    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.0.next_u64()) * n as u128) >> 64) as usize
    }

    fn happens(&mut self, probability: f64) -> bool {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64) < probability
    }
}

/// One queue, `servers` equal servers, Poisson arrivals, mean work 1. Gives the sum of waits.
pub(crate) fn one_queue(tasks: u32, servers: u32, rate: f64) -> u64 {
    let mut draws = Draws::new();
    let mut ends = Heap::with_capacity(servers as usize);
    let (mut queue, mut waits) = (VecDeque::new(), 0);
    let (mut arrival, mut arrived) = (draws.exponential(1.0 / rate), 0);
    loop {
        let end = ends.peek().map_or(u64::MAX, |Reverse((end, _))| *end);
        if arrived < tasks && arrival < end {
            let work = draws.exponential(1.0);
            if ends.len() < servers as usize {
                ends.push(Reverse((arrival + work, 0)));
            } else {
                queue.push_back((arrival, work));
            }
            arrived += 1;
            arrival += draws.exponential(1.0 / rate);
        } else if end < u64::MAX {
            match queue.pop_front() {
                Some((since, work)) => {
                    waits += end - since;
                    *ends.peek_mut().expect("the end at hand") = Reverse((end + work, 0));
                }
                None => drop(ends.pop()),
            }
        } else {
            return waits;
        }
    }
}

/// `tasks` at time 0, shortest first, on `servers` equal servers. Gives the sum of waits.
pub(crate) fn shortest_first(tasks: u32, servers: u32) -> u64 {
    let mut draws = Draws::new();
    let mut works: Vec<u64> = (0..tasks).map(|_| draws.exponential(1.0)).collect();
    works.sort_unstable();
    let mut ends: Heap = (0..servers).map(|_| Reverse((0, 0))).collect();
    let mut waits = 0;
    for work in works {
        let mut end = ends.peek_mut().expect("a server");
        waits += end.0.0;
        end.0.0 += work;
    }
    waits
}

struct Node {
    up: bool,
    /// Counts attempts; an end that carries an older count is void.
    attempt: u32,
    /// When the tasks here arrived; the first one runs.
    tasks: VecDeque<u64>,
}

/// Nodes that fail, two choices with replacement among those that are up, 1 % failing attempts tried
/// again at once with new work, mean work 1, up 1000 and down 10 on average. Gives the sum of responses.
pub(crate) struct TwoChoices {
    draws: Draws,
    nodes: Vec<Node>,
    /// Nodes that are up, in any order, and where each stands there.
    up: Vec<u32>,
    place: Vec<u32>,
    /// (time, node), the attempt beside it; `CHANGE` for a failure or a return.
    events: BinaryHeap<Reverse<(u64, u32, u32)>>,
    responses: u64,
}

const CHANGE: u32 = u32::MAX;

impl TwoChoices {
    /// Runs `tasks` tasks that arrive at `rate`.
    pub(crate) fn run(nodes: u32, tasks: u32, rate: f64) -> u64 {
        let mut model = TwoChoices {
            draws: Draws::new(),
            nodes: (0..nodes).map(|_| Node { up: true, attempt: 0, tasks: VecDeque::new() }).collect(),
            up: (0..nodes).collect(),
            place: (0..nodes).collect(),
            events: BinaryHeap::new(),
            responses: 0,
        };
        for node in 0..nodes {
            let failure = model.draws.exponential(1000.0);
            model.events.push(Reverse((failure, node, CHANGE)));
        }
        let (mut arrived, mut left) = (0, tasks);
        let mut arrival = model.draws.exponential(1.0 / rate);
        while left > 0 {
            let Reverse((time, node, attempt)) = *model.events.peek().expect("nodes change for ever");
            if arrived < tasks && arrival < time {
                model.assign(arrival, arrival);
                arrived += 1;
                arrival += model.draws.exponential(1.0 / rate);
                continue;
            }
            model.events.pop();
            if attempt == CHANGE {
                model.change(time, node);
            } else if model.nodes[node as usize].attempt == attempt {
                left -= model.end(time, node);
            }
        }
        model.responses
    }

    fn assign(&mut self, now: u64, since: u64) {
        let mut draw = || self.up[self.draws.below(self.up.len())];
        let (a, b) = (draw(), draw());
        let load = |node: u32| self.nodes[node as usize].tasks.len();
        let node = if load(b) < load(a) { b } else { a };
        self.nodes[node as usize].tasks.push_back(since);
        if self.nodes[node as usize].tasks.len() == 1 {
            self.start(now, node);
        }
    }

    fn start(&mut self, now: u64, node: u32) {
        let work = self.draws.exponential(1.0);
        let state = &mut self.nodes[node as usize];
        state.attempt += 1;
        self.events.push(Reverse((now + work, node, state.attempt)));
    }

    /// The attempt that runs has ended. Gives the number of tasks that are done.
    fn end(&mut self, now: u64, node: u32) -> u32 {
        let since = self.nodes[node as usize].tasks.pop_front().expect("something ran");
        if !self.nodes[node as usize].tasks.is_empty() {
            self.start(now, node);
        }
        if self.draws.happens(0.01) {
            self.assign(now, since);
            return 0;
        }
        self.responses += now - since;
        1
    }

    fn change(&mut self, now: u64, node: u32) {
        let state = &mut self.nodes[node as usize];
        state.up = !state.up;
        let next = if state.up {
            self.place[node as usize] = self.up.len() as u32;
            self.up.push(node);
            self.draws.exponential(1000.0)
        } else {
            state.attempt += 1;
            let lost = std::mem::take(&mut state.tasks);
            let at = self.place[node as usize] as usize;
            self.up.swap_remove(at);
            if let Some(&moved) = self.up.get(at) {
                self.place[moved as usize] = at as u32;
            }
            for since in lost {
                self.assign(now, since);
            }
            self.draws.exponential(10.0)
        };
        self.events.push(Reverse((now + next, node, CHANGE)));
    }
}
