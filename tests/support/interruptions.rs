//! Interruptions in the plain simulator: what runs is scanned for who must make room.

use std::cmp::{Ordering, Reverse};

use super::{Event, Plain, Task};
use falcon::policies::OrderSpec;
use falcon::scheduler::Dispatch;

/// What the scheduler knows of a task that can be interrupted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct State {
    /// Estimated work done until `counted`.
    pub(super) done: u64,
    pub(super) counted: u64,
    pub(super) slice_end: Option<u64>,
    pub(super) interrupted: bool,
    pub(super) resumed: bool,
    /// Place in the line of those who take turns; 0 for none yet.
    pub(super) turn: u64,
    pub(super) level: u32,
    /// Time used of the slice at this level.
    used: u64,
}

impl Task {
    pub(super) fn left_known(&self) -> u64 {
        self.estimate.saturating_sub(self.interruption.done)
    }
}

impl Plain<'_> {
    pub(super) fn interrupts(&self) -> bool {
        self.for_better() || matches!(self.policy.order, OrderSpec::TimeSlice { .. })
    }

    fn for_better(&self) -> bool {
        let order = &self.policy.order;
        self.policy.preempt
            || matches!(order, OrderSpec::Srtf | OrderSpec::Mlfq { .. })
            || matches!(order, OrderSpec::LeastAttainedService { .. })
    }

    pub(super) fn take_turn(&mut self, task: usize) {
        if self.tasks[task].interruption.turn == 0 {
            self.turns += 1;
            self.tasks[task].interruption.turn = self.turns;
        }
    }

    /// The attempt has begun, as far as the scheduler can tell.
    pub(super) fn begin_slice(&mut self, task: usize) {
        let state = &mut self.tasks[task].interruption;
        let cost = if state.resumed { self.policy.switch_cost.0 } else { 0 };
        state.counted = self.now + cost;
        self.next_slice(task);
    }

    fn next_slice(&mut self, task: usize) {
        let state = &mut self.tasks[task].interruption;
        let slice = match self.policy.order {
            OrderSpec::TimeSlice { quantum, .. } | OrderSpec::LeastAttainedService { quantum } => quantum.0,
            OrderSpec::Mlfq { quantum, factor, .. } => {
                let whole = (quantum.0 as f64 * factor.powi(state.level as i32)).round() as u64;
                whole.saturating_sub(state.used).max(1)
            }
            _ => return,
        };
        state.slice_end = Some(state.counted.max(self.now) + slice);
    }

    pub(super) fn next_slice_end(&self) -> Option<u64> {
        self.running().filter_map(|(task, _)| self.tasks[task].interruption.slice_end).min()
    }

    /// When what is left of a running task began to shrink.
    pub(super) fn working_since(&self, task: usize) -> u64 {
        match self.interrupts() {
            _ if !self.has_begun(task) => self.now,
            true => self.tasks[task].interruption.counted,
            false => self.tasks[task].begins,
        }
    }

    pub(super) fn count_work(&mut self, task: usize, node: usize) -> u64 {
        if !self.interrupts() {
            return 0;
        }
        let begun = self.has_begun(task);
        let state = &mut self.tasks[task].interruption;
        let ran = if begun { self.now.saturating_sub(state.counted) } else { 0 };
        state.done += (ran as f64 * self.world.nodes[node].speed).round() as u64;
        state.counted = state.counted.max(self.now);
        ran
    }

    fn running(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let nodes = self.nodes.iter().enumerate();
        nodes.flat_map(|(node, state)| state.running.iter().map(move |task| (*task, node)))
    }

    /// Work left of a running task by its expected end.
    fn left_by_end(&self, task: usize, node: usize) -> u64 {
        let speed = self.world.nodes[node].speed;
        let time = (self.tasks[task].left_known() as f64 / speed).round() as u64;
        let end = self.tasks[task].interruption.counted + time;
        (end.saturating_sub(self.now) as f64 * speed).round() as u64
    }

    fn left_now(&self, task: usize, node: usize) -> u64 {
        let counted = self.tasks[task].interruption.counted;
        let ran = if self.has_begun(task) { self.now.saturating_sub(counted) } else { 0 };
        let done = (ran as f64 * self.world.nodes[node].speed).round() as u64;
        self.tasks[task].left_known().saturating_sub(done)
    }

    fn beats(&self, head: usize, running: usize, left: u64) -> bool {
        match self.policy.order {
            OrderSpec::Srtf => self.tasks[head].left_known() < left,
            OrderSpec::Mlfq { .. } => {
                self.tasks[head].interruption.level < self.tasks[running].interruption.level
            }
            _ => self.by_order(head, running) == Ordering::Less,
        }
    }

    pub(super) fn decide_interruptions(&mut self) {
        let mut over: Vec<(usize, usize)> = self
            .running()
            .filter(|(task, _)| self.tasks[*task].interruption.slice_end == Some(self.now))
            .collect();
        over.sort_unstable();
        for (task, node) in over {
            // A turn that ends at this instant may have ended an earlier one of the same task.
            let runs = self.nodes[node].running.contains(&task);
            if runs && self.tasks[task].interruption.slice_end == Some(self.now) {
                self.end_slice(task, node);
            }
        }
        if self.for_better() && self.policy.dispatch.base() == Dispatch::Pull {
            while let Some(head) = self.head(&self.waiting)
                && self.make_room(head)
            {
                self.fill_centrally();
                if self.waiting.contains(&head) {
                    break;
                }
            }
        }
    }

    fn end_slice(&mut self, task: usize, node: usize) {
        self.count_work(task, node);
        self.turns += 1;
        let turn = self.turns;
        let state = &mut self.tasks[task].interruption;
        (state.turn, state.used) = (turn, 0);
        if let OrderSpec::Mlfq { levels, .. } = self.policy.order {
            state.level = (state.level + 1).min(levels - 1);
        }
        let push = self.policy.dispatch.base() == Dispatch::Push;
        let queue = if push { &self.nodes[node].queue } else { &self.waiting };
        let head = self.head(queue);
        if head.is_some_and(|head| self.in_line(head, task) == Ordering::Less) {
            self.interrupt(task, node);
            if push { self.advance(node) } else { self.fill_centrally() }
        } else {
            self.next_slice(task);
        }
    }

    fn make_room(&mut self, head: usize) -> bool {
        let by_end = self.policy.order == OrderSpec::Srtf;
        let worst = if by_end {
            let speed = |node: usize| self.world.nodes[node].speed;
            let mut ranked: Vec<(usize, usize)> = self.running().collect();
            // Of equally much left the slowest node, then the last task.
            ranked.sort_by(|a, b| {
                let left = |(task, node): (usize, usize)| self.left_by_end(task, node);
                let by_left = left(*b).cmp(&left(*a));
                by_left.then(speed(a.1).total_cmp(&speed(b.1))).then(b.0.cmp(&a.0))
            });
            ranked.first().copied()
        } else {
            self.running().max_by(|(a, _), (b, _)| self.in_line(*a, *b))
        };
        let Some((worst, node)) = worst else { return false };
        if !self.beats(head, worst, self.left_by_end(worst, node)) {
            return false;
        }
        if self.would_start(head, node, &[worst]) {
            self.interrupt(worst, node);
            return true;
        }
        let candidates = self.running().collect();
        self.make_room_of(head, candidates)
    }

    /// Whether a task could start there if others made room.
    fn would_start(&self, task: usize, node: usize, leaving: &[usize]) -> bool {
        let freed: u32 = leaving.iter().map(|task| self.tasks[*task].slots).sum();
        let amount = |kind: usize| {
            let freed: u64 = leaving.iter().map(|task| self.demand(*task, kind)).sum();
            self.free_amount(node, kind) + freed
        };
        self.free(node) + freed >= self.tasks[task].slots && self.is_enough(task, amount)
    }

    fn make_room_of(&mut self, head: usize, mut candidates: Vec<(usize, usize)>) -> bool {
        candidates.retain(|&(task, node)| self.beats(head, task, self.left_now(task, node)));
        if self.policy.order == OrderSpec::Srtf {
            candidates.sort_by_key(|&(task, node)| (Reverse(self.left_now(task, node)), task));
        } else {
            candidates.sort_by(|(a, _), (b, _)| self.by_order(*b, *a).then(a.cmp(b)));
        }
        for end in 0..candidates.len() {
            let node = candidates[end].1;
            let here: Vec<usize> = candidates[..=end]
                .iter()
                .filter(|(_, other)| *other == node)
                .map(|(task, _)| *task)
                .collect();
            if self.would_start(head, node, &here) {
                here.into_iter().for_each(|task| self.interrupt(task, node));
                return true;
            }
        }
        false
    }

    pub(super) fn advance(&mut self, node: usize) {
        self.evaluate_at(node);
        self.fill(node);
        while self.for_better()
            && let Some(head) = self.head(&self.nodes[node].queue)
        {
            let candidates = self.nodes[node].running.iter().map(|task| (*task, node)).collect();
            if !self.make_room_of(head, candidates) {
                return;
            }
            self.fill(node);
            if self.nodes[node].queue.contains(&head) {
                return;
            }
        }
    }

    fn interrupt(&mut self, task: usize, node: usize) {
        let ran = self.count_work(task, node);
        self.nodes[node].running.retain(|other| *other != task);
        let begun = self.has_begun(task);
        self.forget(Event::Begin(task));
        self.forget(Event::Finish(task));
        self.rests(node);
        let speed = self.world.nodes[node].speed;
        let state = &mut self.tasks[task];
        let elapsed = if begun { self.now.saturating_sub(state.begins) } else { 0 };
        state.left = state.left.saturating_sub((elapsed as f64 * speed).round() as u64);
        (state.interruption.interrupted, state.interruption.slice_end) = (true, None);
        state.interruption.used += ran;
        self.evaluate(task);
        match self.policy.dispatch.base() {
            Dispatch::Pull => self.waiting.push(task),
            Dispatch::Push => self.nodes[node].queue.push(task),
        }
    }
}
