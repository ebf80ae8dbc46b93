//! What must hold between any two events, checked by walking all tables.

use super::machine::Scheduler;
use super::policy::{Dispatch, Policy};
use super::task::{NONE, TaskState, Tasks};
use crate::ids::NodeId;
use crate::structures::ensure::{ensure, ensure_eq};

impl<P: Policy> Scheduler<P> {
    /// Checks every table against every other. O(tasks + nodes): for tests, after every event.
    ///
    /// # Panics
    /// When an invariant does not hold, which is a bug of the core.
    pub fn check_invariants(&self) {
        if let Err(what) = self.find_violation() {
            panic!("{what}");
        }
    }

    /// Checks every table against every other. O(tasks + nodes).
    ///
    /// # Errors
    /// What does not hold, which is a bug of the core.
    pub fn find_violation(&self) -> Result<(), String> {
        let counts = self.counts;
        ensure_eq!(
            counts.submitted,
            counts.waiting + counts.running + counts.settled,
            "tasks are lost or duplicated"
        );
        let count = |wanted: &[TaskState]| {
            let tasks = self.tasks.hot.iter().skip(self.copy_slots() as usize);
            tasks.filter(|task| wanted.contains(&task.state)).count() as u64
        };
        ensure_eq!(
            count(&[TaskState::Waiting, TaskState::Backoff, TaskState::Blocked]),
            counts.waiting,
            "waiting tasks"
        );
        ensure_eq!(count(&[TaskState::Running]), counts.running, "running tasks");
        ensure_eq!(count(&[TaskState::Backoff, TaskState::Blocked]), counts.away, "tasks in no queue");

        self.check_dependencies()?;
        self.check_breakers()?;
        self.check_locks()?;
        self.check_monitor()?;
        self.check_leaving()?;
        self.check_autoscaler()?;
        self.check_copies()?;
        let mut seen = vec![false; self.tasks.hot.len()];
        let mut see = |slot: u32| {
            ensure!(!seen[slot as usize], "slot {slot} is in two places");
            seen[slot as usize] = true;
            Ok(())
        };
        // Queues are emptied to see their order; they share no task, so one copy does for all.
        let mut copy = None;
        for node in self.cluster.nodes() {
            self.check_node(node, &mut copy, &mut see)?;
        }
        for slot in (0..self.tasks.hot.len() as u32).filter(|slot| self.has_reservations(*slot)) {
            see(slot)?;
            ensure_eq!(self.tasks.hot[slot as usize].state, TaskState::Waiting, "slot {slot} has places");
        }
        self.check_thieves()?;
        let central: Vec<u32> =
            if self.indexed { self.waiting.iter().collect() } else { self.ready.iter().collect() };
        if self.indexed {
            let rank = |slot: u32| (self.tasks.hot[slot as usize].key, self.tasks.hot[slot as usize].number);
            ensure!(central.is_sorted_by_key(|&slot| rank(slot)), "the central queue is out of order");
        }
        if self.reordered {
            let mut candidates: Vec<u32> = self.candidates.iter().collect();
            let mut waiting = central.clone();
            candidates.sort_unstable();
            waiting.sort_unstable();
            ensure_eq!(candidates, waiting, "all that wait may overtake");
        }
        if self.cluster.dispatch() == Dispatch::Push {
            ensure!(central.is_empty(), "push has no central queue");
        }
        for &slot in central.iter().chain(&self.unplaced).chain(&self.parked) {
            see(slot)?;
            let state = self.tasks.hot[slot as usize].state;
            ensure!(state == TaskState::Waiting || self.is_leaving(slot), "slot {slot} is queued");
        }
        for (slot, task) in self.tasks.hot.iter().enumerate() {
            let only_in_copies = self.speculation.is_some() && task.node == NONE;
            let placed = match task.state {
                TaskState::Waiting => true,
                TaskState::Running => !only_in_copies,
                _ => false,
            };
            let leaving = seen[slot] && self.is_leaving(slot as u32);
            ensure_eq!(seen[slot], placed || leaving, "slot {slot} is {:?}", task.state);
            let copied = self.speculation.as_ref().is_some_and(|all| {
                let original = self.task_of(slot as u32);
                all.family(original).attempts > 0
            });
            if let (TaskState::Running, Some(most), false) =
                (task.state, self.most_attempts(task.number), copied)
            {
                ensure!(task.failures < most, "task {} runs beyond its attempts", task.number);
            }
        }
        Ok(())
    }

    /// Whether the task gave up and its link is still to be taken out of a queue.
    fn is_leaving(&self, slot: u32) -> bool {
        self.config.limits.tasks_give_up && self.tasks.hot[slot as usize].state.is_final()
    }

    /// A task is blocked exactly as long as it stands in the list of a parent, and in as many as it
    /// misses: so it never starts before they have all completed.
    fn check_dependencies(&self) -> Result<(), String> {
        let mut listed = vec![0; self.tasks.hot.len()];
        for child in self.dependencies.waiting() {
            let task = &self.tasks.hot[child.slot as usize];
            // A child that was cancelled is taken out of the lists of its other parents when they settle.
            if task.number == child.number && !task.state.is_final() {
                listed[child.slot as usize] += 1;
            }
        }
        for (slot, task) in self.tasks.hot.iter().enumerate() {
            let blocked = task.state == TaskState::Blocked && !self.waits_for_lock(slot as u32);
            ensure_eq!(blocked, listed[slot] > 0, "task {} waits for others", task.number);
            let missing = self.dependencies.missing(slot as u32);
            ensure!(!blocked || missing == listed[slot], "parents of task {}", task.number);
        }
        Ok(())
    }

    /// Once an instant is decided no idle node has left what it could take at once.
    fn check_thieves(&self) -> Result<(), String> {
        let Some(thieves) = &self.thieves else { return Ok(()) };
        if thieves.is_up_to_date() && thieves.takes_at_once() {
            for thief in self.cluster.nodes().filter(|node| self.cluster.queued(*node) == 0) {
                for victim in self.cluster.nodes().filter(|node| self.cluster.queued(*node) > 0) {
                    let Some(first) = self.cluster.nodes[victim.index()].queue_front(&self.tasks) else {
                        continue;
                    };
                    let fits = self.cluster.free(thief) >= self.tasks.hot[first as usize].slots
                        && self.cluster.covers(thief, first, &self.tasks);
                    ensure!(!fits || self.is_leaving(first), "{thief:?} leaves what waits at {victim:?}");
                }
            }
        }
        Ok(())
    }

    fn check_node(
        &self,
        node: NodeId,
        copy: &mut Option<Tasks>,
        see: &mut impl FnMut(u32) -> Result<(), String>,
    ) -> Result<(), String> {
        let state = self.cluster.nodes[node.index()];
        let mut used = 0;
        let mut load = 0;
        for slot in self.cluster.running(node, &self.tasks) {
            see(slot)?;
            let task = &self.tasks.hot[slot as usize];
            ensure_eq!(task.state, TaskState::Running, "task {} runs on {node:?}", task.number);
            ensure_eq!(task.node, node.0, "task {} runs elsewhere", task.number);
            used += task.slots;
            load += 1;
        }
        let mut queue = state;
        let mut last = None;
        let mut queued = Vec::new();
        while let Some(slot) = queue.queue_front(copy.as_ref().unwrap_or(&self.tasks)) {
            let tasks = copy.get_or_insert_with(|| self.tasks.copy_of_links());
            if self.is_leaving(slot) {
                // It no longer counts.
                queue.queued_slots += self.tasks.hot[slot as usize].slots;
            }
            queue.queue_pop(slot, tasks);
            see(slot)?;
            if self.is_leaving(slot) {
                continue;
            }
            let task = &self.tasks.hot[slot as usize];
            ensure_eq!(task.state, TaskState::Waiting, "task {} waits at {node:?}", task.number);
            let rank = (task.key, task.number);
            ensure!(last.is_none_or(|last| last < rank), "the queue of {node:?} is out of order");
            last = Some(rank);
            load += 1;
            queued.push(slot);
        }
        if let Some(reservations) = &self.reservations {
            queued = reservations.at(node, &self.tasks);
            ensure_eq!(reservations.count(node), queued.len(), "reservations of {node:?}");
            ensure!(self.cluster.has_joined(node) || queued.is_empty(), "{node:?} is down");
            load += queued.len() as u32;
            let first = queued.first().filter(|_| self.dirty.is_empty());
            let starts = |slot: &u32| {
                state.free >= self.tasks.hot[*slot as usize].slots
                    && self.cluster.covers(node, *slot, &self.tasks)
            };
            ensure!(!first.is_some_and(starts), "{node:?} leaves a task that it could run");
        }
        self.check_prefetched(node, &queued)?;
        ensure_eq!(state.load, load, "load of {node:?}");
        if self.thieves.is_some() {
            ensure_eq!(self.cluster.queued(node) as usize, queued.len(), "queue of {node:?}");
        }
        self.check_amounts(node, &queued)?;
        if state.up {
            ensure_eq!(state.free + used, self.cluster.spec(node).slots, "slots of {node:?}");
            ensure!(!self.cluster.is_closed(node), "{node:?} is closed");
        } else if self.cluster.has_joined(node) {
            ensure!(state.free == 0 && used <= self.cluster.spec(node).slots, "{node:?} is closed");
        } else {
            ensure_eq!((state.free, load, state.running), (0, 0, NONE), "{node:?} is down");
        }
        Ok(())
    }

    /// Named resources: what is free and what runs is what the node has.
    fn check_amounts(&self, node: NodeId, queued: &[u32]) -> Result<(), String> {
        let Some(ledger) = &self.cluster.ledger else { return Ok(()) };
        let resources = ledger.resources();
        let up = self.cluster.is_up(node);
        for (kind, name) in resources.names().iter().enumerate() {
            let demand = |slot: u32| u128::from(resources.demand(self.tasks.demand(slot))[kind]);
            let used: u128 = self.cluster.running(node, &self.tasks).map(demand).sum();
            let free = u128::from(ledger.free(node)[kind]);
            let capacity = if up { u128::from(resources.capacity(node)[kind]) } else { 0 };
            let closed = self.cluster.is_closed(node);
            ensure_eq!(free + if closed { 0 } else { used }, capacity, "{name} of {node:?}");
            let claimed: u128 = queued.iter().map(|&slot| demand(slot)).sum();
            ensure_eq!(ledger.claimed(node)[kind], claimed, "claimed {name} of {node:?}");
        }
        Ok(())
    }
}
