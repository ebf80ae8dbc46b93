//! Work stealing in the plain simulator: every idle node looks at every queue.

use super::Plain;
use falcon::random::{Purpose, uniform};
use falcon::scheduler::{Stealing, Take, Victim};

/// A request for tasks on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) thief: usize,
    victim: usize,
    pub(super) arrives: u64,
}

impl Plain<'_> {
    pub(super) fn steal(&mut self, rule: Stealing) {
        let mut due: Vec<Request> =
            self.requests.iter().copied().filter(|request| request.arrives == self.now).collect();
        due.sort_by_key(|request| request.thief);
        self.requests.retain(|request| request.arrives != self.now);
        for Request { thief, victim, .. } in due {
            if self.is_idle(thief) && self.can_rob(thief, victim) {
                self.rob(thief, victim, rule.take);
            }
        }
        while let Some((thief, victim)) = self.theft(rule.victim) {
            if rule.delay.0 == 0 {
                self.rob(thief, victim, rule.take);
            } else {
                self.requests.push(Request { thief, victim, arrives: self.now + rule.delay.0 });
            }
        }
    }

    fn is_idle(&self, node: usize) -> bool {
        self.free(node) > 0 && self.nodes[node].queue.is_empty()
    }

    fn can_rob(&self, thief: usize, victim: usize) -> bool {
        self.head(&self.nodes[victim].queue).is_some_and(|head| self.can_start(head, thief))
    }

    /// The first idle node that can run the head of any queue, and whom it robs.
    fn theft(&self, rule: Victim) -> Option<(usize, usize)> {
        let nodes = 0..self.nodes.len();
        let asks = |thief: &usize| self.requests.iter().any(|request| request.thief == *thief);
        let mut thieves = nodes.clone().filter(|thief| self.is_idle(*thief) && !asks(thief));
        thieves.find_map(|thief| {
            let victims = nodes.clone().filter(|victim| self.can_rob(thief, *victim));
            let longest =
                victims.max_by_key(|victim| (self.nodes[*victim].queue.len(), std::cmp::Reverse(*victim)))?;
            let drawn = (rule == Victim::Random).then(|| self.drawn(thief)).flatten();
            Some((thief, drawn.unwrap_or(longest)))
        })
    }

    /// The first of 32 draws, among the nodes where tasks wait, that can be robbed.
    fn drawn(&self, thief: usize) -> Option<usize> {
        let waiting: Vec<usize> =
            (0..self.nodes.len()).filter(|node| !self.nodes[*node].queue.is_empty()).collect();
        let which = self.now ^ (self.load(thief) as u64).rotate_right(16);
        let mut stream = self.streams.key(Purpose::Probe).stream2(thief as u64, which);
        let mut draws = (0..32).map(|_| waiting[(uniform(&mut stream) * waiting.len() as f64) as usize]);
        draws.find(|victim| self.can_rob(thief, *victim))
    }

    fn rob(&mut self, thief: usize, victim: usize, take: Take) {
        let mut queue = self.nodes[victim].queue.clone();
        queue.sort_by(|a, b| self.in_line(*a, *b));
        let most = if take == Take::One { 1 } else { queue.len().div_ceil(2) };
        for (nth, task) in queue.into_iter().take(most).enumerate() {
            let kinds = |kind: usize| self.capacity(thief, kind);
            let fits = self.world.nodes[thief].slots >= self.tasks[task].slots && self.is_enough(task, kinds);
            if nth > 0 && !fits {
                break;
            }
            self.nodes[victim].queue.retain(|other| *other != task);
            self.nodes[thief].queue.push(task);
        }
        self.advance(thief);
        self.advance(victim);
    }
}
