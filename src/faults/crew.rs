//! Repairers: at most so many nodes are under repair at once.

use std::collections::VecDeque;

use crate::time::Duration;

/// The repairers, and the nodes that wait for one.
#[derive(Clone, Debug)]
pub(super) struct Crew {
    /// Repairers without work; `None` when there are always enough.
    idle: Option<u32>,
    /// Nodes and how long their repairs take, in the order in which they failed.
    waiting: VecDeque<(u32, Duration)>,
}

impl Crew {
    pub(super) fn new(size: Option<u32>) -> Self {
        Crew { idle: size, waiting: VecDeque::new() }
    }

    /// The node needs a repair of this length. Gives whether it begins now.
    pub(super) fn call(&mut self, node: u32, length: Duration) -> bool {
        match &mut self.idle {
            None => true,
            Some(0) => {
                self.waiting.push_back((node, length));
                false
            }
            Some(idle) => {
                *idle -= 1;
                true
            }
        }
    }

    /// The node no longer waits for a repair.
    pub(super) fn forget(&mut self, node: u32) {
        self.waiting.retain(|(waiting, _)| *waiting != node);
    }

    /// A repair is done: the next node to be repaired, and for how long.
    pub(super) fn done(&mut self) -> Option<(u32, Duration)> {
        let idle = self.idle.as_mut()?;
        let next = self.waiting.pop_front();
        *idle += u32::from(next.is_none());
        next
    }
}
