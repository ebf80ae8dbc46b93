//! Running tasks that make room: for a better task that waits, or because their time slice is over
//! while others wait. Their work is kept; what runs next is decided as ever.
//!
//! Under pull the task to interrupt is the worst of all that run, under push the worst of those on the
//! node whose queue has a better one. A task that takes several slots may need several to make room on
//! one node; those are sought among the worst [`MOST_LOOKED_AT`] running tasks, so that a decision
//! never walks over all.
//!
//! Time slices: a task whose slice ends while nobody who waits goes before it simply goes on. Whoever
//! arrives at the very instant at which a slice ends stands before the task whose slice it was.

use super::command::{Command, Commands};
use super::machine::{Scheduler, slot_time};
use super::policy::{Dispatch, Entry, Interrupts, Order, Policy, Step};
use super::record::{Observer, Record};
use super::task::{NONE, Progress, TaskState};
use super::timers::Alarm;
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::time::{Duration, Time};

/// Running tasks that are looked at to make room for one that takes several slots.
const MOST_LOOKED_AT: usize = 64;

impl<P: Policy> Scheduler<P> {
    /// A task that may be interrupted has arrived: nothing is done yet.
    pub(super) fn begin_progress(&mut self, slot: u32) {
        let slot = slot as usize;
        if slot >= self.tasks.progress.len() {
            self.tasks.progress.resize(slot + 1, Progress::NONE);
        }
        self.tasks.progress[slot] = Progress::NONE;
    }

    /// The task starts, or goes on; gives whether it goes on.
    pub(super) fn take_up(&mut self, now: Time, slot: u32, node: NodeId) -> bool {
        let progress = &mut self.tasks.progress[slot as usize];
        let resumed = std::mem::take(&mut progress.interrupted);
        progress.resumptions += u32::from(resumed);
        progress.resumed = resumed;
        let cost = if resumed { self.switch_cost } else { Duration::ZERO };
        progress.counted = Time(now.0.saturating_add(cost.0));
        progress.slice_end = Time::NEVER;
        self.file_running(slot, node);
        if !self.config.starts_are_reported {
            self.begin_slice(now, slot);
        }
        resumed
    }

    /// The attempt has really begun: later than it was thought when it was sent.
    pub(super) fn begin_late(&mut self, now: Time, slot: u32, node: NodeId) {
        let progress = &self.tasks.progress[slot as usize];
        if progress.slice_end != Time::NEVER {
            return;
        }
        let cost = if progress.resumed { self.switch_cost } else { Duration::ZERO };
        self.unfile_running(slot, node);
        self.tasks.progress[slot as usize].counted = Time(now.0.saturating_add(cost.0));
        self.file_running(slot, node);
        self.begin_slice(now, slot);
    }

    /// What runs on a closed node makes room for nobody.
    pub(super) fn file_running(&mut self, slot: u32, node: NodeId) {
        let Some(running) = self.running.as_mut().filter(|_| !self.cluster.is_closed(node)) else { return };
        let task = &self.tasks.hot[slot as usize];
        let key = match self.interrupts {
            Interrupts::ForShorter => {
                let left = Duration::of_work(self.tasks.view(slot).left(), self.cluster.spec(node).speed);
                self.tasks.progress[slot as usize].counted.0.saturating_add(left.0)
            }
            _ => task.key,
        };
        running.insert(slot, task.number, key, node);
    }

    pub(super) fn unfile_running(&mut self, slot: u32, node: NodeId) {
        if let Some(running) = self.running.as_mut().filter(|_| !self.cluster.is_closed(node)) {
            running.remove(slot, node);
        }
    }

    fn begin_slice(&mut self, now: Time, slot: u32) {
        let Some(slice) = self.policy.parts().0.slice(&self.tasks.view(slot), now) else { return };
        let progress = &mut self.tasks.progress[slot as usize];
        // A slice is time to work; what an interruption costs comes before.
        let from = progress.counted.max(now);
        let Some(end) = from.checked_add(slice) else { return };
        progress.slice_end = end;
        self.timers.set(end, Alarm::Slice, self.tasks.hot[slot as usize].number, slot);
    }

    /// Whether the slice of the task that was to end then is its current one.
    pub(super) fn slice_ends(&self, due: Time, number: u32, slot: u32) -> bool {
        let task = &self.tasks.hot[slot as usize];
        task.number == number
            && task.state == TaskState::Running
            && self.tasks.progress[slot as usize].slice_end == due
    }

    /// What the task has done since it was last counted is counted now.
    fn count_work(&mut self, now: Time, slot: u32, node: NodeId) -> Duration {
        let speed = self.cluster.spec(node).speed;
        let started = self.tasks.hot[slot as usize].started;
        let progress = &mut self.tasks.progress[slot as usize];
        // An attempt that is still on its way has done nothing.
        let ran = if started == Time::NEVER { Duration::ZERO } else { now.since(progress.counted) };
        progress.done = progress.done.saturating_add(ran.work_at(speed));
        progress.counted = progress.counted.max(now);
        ran
    }

    /// The attempt is over: lost, or failed. Unless its work is kept, nothing is done of the next one.
    pub(super) fn drop_progress(&mut self, now: Time, slot: u32, node: NodeId, keeps: bool) {
        if keeps {
            self.count_work(now, slot, node);
        } else {
            self.tasks.progress[slot as usize].done = 0;
        }
    }

    /// All decisions about running tasks, once free slots are taken.
    #[inline(never)]
    pub(super) fn decide_interruptions<O: Observer>(
        &mut self,
        now: Time,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        for at in 0..self.expired.len() {
            let (due, number, slot) = self.expired[at];
            if self.slice_ends(due, number, slot) {
                self.end_slice(now, slot, commands, observer);
            }
        }
        self.expired.clear();
        if matches!(self.interrupts, Interrupts::ForBetter | Interrupts::ForShorter)
            && self.cluster.dispatch() == Dispatch::Pull
        {
            self.interrupt_centrally(now, commands, observer);
        }
    }

    /// The task's slice is over: it goes behind those who wait, or on if it stands before them all.
    fn end_slice<O: Observer>(&mut self, now: Time, slot: u32, commands: &mut Commands, observer: &mut O) {
        let node = NodeId(self.tasks.hot[slot as usize].node);
        let push = self.cluster.dispatch() == Dispatch::Push;
        self.count_work(now, slot, node);
        let queue = if push { node.0 } else { 0 };
        let key = self.policy.parts().0.key(&self.tasks.view(slot), queue, Entry::SliceEnded, now);
        let head = if push { self.front(node, commands) } else { self.first_waiting() };
        let number = self.tasks.hot[slot as usize].number;
        let goes_before = |head: u32| {
            let head = &self.tasks.hot[head as usize];
            (head.key, head.number) < (key, number)
        };
        if head.is_some_and(goes_before) && !self.cluster.is_closed(node) {
            self.interrupt(now, slot, node, Some(key), commands, observer);
            if push {
                self.advance(now, node, commands, observer);
            } else {
                self.start_from_queue(now, commands, observer);
            }
            return;
        }
        self.unfile_running(slot, node);
        self.tasks.hot[slot as usize].key = key;
        self.file_running(slot, node);
        self.begin_slice(now, slot);
    }

    /// Pull: as long as the first task that waits beats what runs, it takes its place.
    fn interrupt_centrally<O: Observer>(&mut self, now: Time, commands: &mut Commands, observer: &mut O) {
        while let Some(head) = self.first_waiting() {
            if !self.make_room(now, head, commands, observer) {
                return;
            }
            self.start_from_queue(now, commands, observer);
            if self.tasks.hot[head as usize].state != TaskState::Running {
                return;
            }
        }
    }

    /// Interrupts the worst running tasks until the task in `head` has room somewhere, if it beats
    /// them.
    fn make_room<O: Observer>(
        &mut self,
        now: Time,
        head: u32,
        commands: &mut Commands,
        observer: &mut O,
    ) -> bool {
        let key = self.tasks.hot[head as usize].key;
        let Some(running) = &self.running else { return false };
        let worst = match self.interrupts {
            Interrupts::ForShorter => running.longest(now),
            _ => running.worst(),
        };
        let Some((worst, badness)) = worst else { return false };
        if !self.policy.parts().0.beats(key, badness, now) {
            return false;
        }
        let node = NodeId(self.tasks.hot[worst as usize].node);
        if self.cluster.fits_without(node, head, [worst].into_iter(), &self.tasks) {
            self.interrupt(now, worst, node, None, commands, observer);
            return true;
        }
        let Some(running) = &mut self.running else { return false };
        let mut candidates = std::mem::take(&mut self.scratch);
        candidates.extend_from_slice(running.worst_few(MOST_LOOKED_AT));
        let done = self.make_room_of(now, head, &mut candidates, commands, observer);
        candidates.clear();
        self.scratch = candidates;
        done
    }

    /// Interrupts those of `candidates` that together make room for the task in `head` on one node,
    /// the worst first; none if that is not enough.
    fn make_room_of<O: Observer>(
        &mut self,
        now: Time,
        head: u32,
        candidates: &mut Vec<u32>,
        commands: &mut Commands,
        observer: &mut O,
    ) -> bool {
        let key = self.tasks.hot[head as usize].key;
        candidates.retain(|&slot| {
            let badness = self.badness(now, slot);
            self.policy.parts().0.beats(key, badness, now)
        });
        candidates.sort_by_key(|&slot| {
            (std::cmp::Reverse(self.badness(now, slot)), self.tasks.hot[slot as usize].number)
        });
        // The first node, in this order, whose tasks are enough.
        let node_of = |slot: u32| self.tasks.hot[slot as usize].node;
        let enough = (0..candidates.len()).find_map(|end| {
            let node = node_of(candidates[end]);
            let here = candidates[..=end].iter().copied().filter(|&slot| node_of(slot) == node);
            let node = NodeId(node);
            self.cluster.fits_without(node, head, here, &self.tasks).then_some((end, node))
        });
        let Some((end, node)) = enough else { return false };
        for &slot in &candidates[..=end] {
            if self.tasks.hot[slot as usize].node == node.0 {
                self.interrupt(now, slot, node, None, commands, observer);
            }
        }
        true
    }

    /// What the key of a waiting task is compared with.
    fn badness(&self, now: Time, slot: u32) -> u64 {
        let task = &self.tasks.hot[slot as usize];
        match self.interrupts {
            Interrupts::ForShorter => {
                let progress = &self.tasks.progress[slot as usize];
                let speed = self.cluster.spec(NodeId(task.node)).speed;
                let started = task.started != Time::NEVER;
                let ran = if started { now.since(progress.counted) } else { Duration::ZERO };
                self.tasks.view(slot).left().saturating_sub(ran.work_at(speed))
            }
            _ => task.key,
        }
    }

    /// Push: as long as the first task of the node's queue beats what runs there, it takes its place.
    pub(super) fn interrupt_at<O: Observer>(
        &mut self,
        now: Time,
        node: NodeId,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        // What makes room on a closed node makes it for nobody.
        while let Some(head) = self.front(node, commands).filter(|_| !self.cluster.is_closed(node)) {
            let mut candidates = std::mem::take(&mut self.scratch);
            candidates.extend(self.cluster.running(node, &self.tasks));
            let done = self.make_room_of(now, head, &mut candidates, commands, observer);
            candidates.clear();
            self.scratch = candidates;
            if !done {
                return;
            }
            self.fill(now, node, commands, observer);
            if self.tasks.hot[head as usize].state != TaskState::Running {
                return;
            }
        }
    }

    /// Stops a running task, whose work is kept, and puts it back into its queue.
    fn interrupt<O: Observer>(
        &mut self,
        now: Time,
        slot: u32,
        node: NodeId,
        key: Option<u64>,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        self.unfile_running(slot, node);
        let ran = self.count_work(now, slot, node);
        let task = &mut self.tasks.hot[slot as usize];
        let id = TaskId { slot, number: task.number };
        let attempt = AttemptNumber(task.attempts);
        let (slots, busy) = (task.slots, slot_time(now.since(task.started), task.slots));
        task.set_state(TaskState::Waiting);
        let progress = &mut self.tasks.progress[slot as usize];
        (progress.interrupted, progress.slice_end) = (true, Time::NEVER);
        self.vacate(now, slot, node, observer);
        self.counts.running -= 1;
        self.counts.waiting += 1;
        self.load_changed(node);
        observer.on_record(now, &Record::Interrupted { task: id, attempt, node, busy, slots });
        commands.push(Command::StopAttempt { task: id, attempt, node, interrupted: true });
        let queue = if self.cluster.dispatch() == Dispatch::Push { node.0 } else { 0 };
        let key = match key {
            Some(key) => key,
            None => self.policy.parts().0.key(&self.tasks.view(slot), queue, Entry::Interrupted { ran }, now),
        };
        self.tasks.hot[slot as usize].key = key;
        if self.cluster.dispatch() == Dispatch::Push {
            self.cluster.nodes[node.index()].load += 1;
            self.cluster.enqueue(slot, node, &mut self.tasks);
            self.follow(now, Step::Queued, slot, node);
            self.load_changed(node);
        } else {
            self.tasks.hot[slot as usize].node = NONE;
            self.file_centrally(now, slot);
        }
    }
}
