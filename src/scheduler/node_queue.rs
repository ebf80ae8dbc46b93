//! The queue of one node, kept inside the tasks that wait in it.
//!
//! Under push there is a queue per node, so a queue must cost nothing while it is empty and must not
//! allocate. Tasks that come in order of key (nearly all of them under first come, first served) go
//! to a list; the others go to a pairing heap (Fredman, Sedgewick, Sleator and Tarjan 1986). The head
//! is the better of the two fronts. Push O(1); pop O(1) from the list, O(log n) amortised from the
//! heap.

use super::cluster::Node;
use super::task::{NONE, Task, Tasks};

impl Node {
    /// The task that goes next.
    #[inline]
    pub(super) fn queue_front(&self, tasks: &Tasks) -> Option<u32> {
        let (list, heap) = (self.queue_head, self.queue_heap);
        if heap == NONE {
            return (list != NONE).then_some(list);
        }
        if list == NONE || tasks.hot[heap as usize].precedes(&tasks.hot[list as usize]) {
            return Some(heap);
        }
        Some(list)
    }

    /// Adds a task.
    #[inline(always)]
    pub(super) fn queue_push(&mut self, slot: u32, tasks: &mut Tasks) {
        let task = &mut tasks.hot[slot as usize];
        task.next = NONE;
        task.link = NONE;
        self.queued_slots += task.slots;
        if self.queue_head == NONE {
            self.queue_head = slot;
            self.queue_tail = slot;
        } else {
            let tail = self.queue_tail as usize;
            if tasks.hot[tail].precedes(&tasks.hot[slot as usize]) {
                tasks.hot[tail].next = slot;
                self.queue_tail = slot;
            } else {
                self.queue_heap = meld(&mut tasks.hot, self.queue_heap, slot);
            }
        }
    }

    /// Takes the front, which must be `front`.
    #[inline(always)]
    pub(super) fn queue_pop(&mut self, front: u32, tasks: &mut Tasks) {
        self.queued_slots -= tasks.hot[front as usize].slots;
        if front == self.queue_head {
            self.queue_head = tasks.hot[front as usize].next;
        } else {
            debug_assert_eq!(front, self.queue_heap);
            self.queue_heap = without_root(&mut tasks.hot, front);
        }
    }

    /// Adds all tasks of the queue to a list, in no particular order.
    pub(super) fn queue_members(&self, tasks: &Tasks, members: &mut Vec<u32>) {
        let mut at = members.len();
        if self.queue_heap != NONE {
            members.push(self.queue_heap);
        }
        while let Some(&parent) = members.get(at) {
            let mut child = tasks.hot[parent as usize].link;
            while child != NONE {
                members.push(child);
                child = tasks.hot[child as usize].next;
            }
            at += 1;
        }
        let mut next = self.queue_head;
        while next != NONE {
            members.push(next);
            next = tasks.hot[next as usize].next;
        }
    }

    /// Puts the tasks of the queue, all of them and none else, into this order.
    pub(super) fn queue_relink(&mut self, order: impl Iterator<Item = u32>, tasks: &mut Tasks) {
        (self.queue_head, self.queue_tail, self.queue_heap) = (NONE, NONE, NONE);
        for slot in order {
            let task = &mut tasks.hot[slot as usize];
            (task.next, task.link) = (NONE, NONE);
            match self.queue_tail {
                NONE => self.queue_head = slot,
                tail => tasks.hot[tail as usize].next = slot,
            }
            self.queue_tail = slot;
        }
    }
}

/// Joins two heaps. `link` is the first child of a task, `next` its next sibling.
#[inline]
fn meld(tasks: &mut [Task], a: u32, b: u32) -> u32 {
    if a == NONE {
        return b;
    }
    if b == NONE {
        return a;
    }
    let (parent, child) = if tasks[b as usize].precedes(&tasks[a as usize]) { (b, a) } else { (a, b) };
    tasks[child as usize].next = tasks[parent as usize].link;
    tasks[parent as usize].link = child;
    parent
}

/// What is left of a heap without its root: children joined in pairs, then the pairs from the last
/// to the first.
fn without_root(tasks: &mut [Task], root: u32) -> u32 {
    let mut child = tasks[root as usize].link;
    let mut pairs = NONE;
    while child != NONE {
        let second = tasks[child as usize].next;
        let rest = if second == NONE { NONE } else { tasks[second as usize].next };
        tasks[child as usize].next = NONE;
        if second != NONE {
            tasks[second as usize].next = NONE;
        }
        let pair = meld(tasks, child, second);
        tasks[pair as usize].next = pairs;
        pairs = pair;
        child = rest;
    }
    let mut heap = NONE;
    while pairs != NONE {
        let rest = tasks[pairs as usize].next;
        tasks[pairs as usize].next = NONE;
        heap = meld(tasks, heap, pairs);
        pairs = rest;
    }
    heap
}
