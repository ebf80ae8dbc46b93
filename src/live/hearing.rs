//! What comes from workers, and what it means: who is there, who is lost, who was silent too long.

use super::coordinator::{Coordinator, Fact};
use super::fleet::Process;
use super::link::{Incoming, Link};
use super::message::ToWorker;
use super::run::LiveError;
use super::session::Said;
use crate::ids::NodeId;
use crate::scheduler::{Event, Observer, Policy};
use crate::time::Time;

impl<P: Policy, O: Observer, L: Link> Coordinator<'_, P, O, L> {
    /// Takes in what came from outside.
    pub(super) fn listen(&mut self, now: Time) -> Result<(), LiveError> {
        let mut incoming = std::mem::take(&mut self.incoming);
        for one in incoming.drain(..) {
            let read = match &one {
                Incoming::Bytes { read_at, .. } => *read_at,
                _ => self.link.host_nanos(),
            };
            if let Incoming::Exited { node, life, status } = &one {
                self.exited(*node, *life, status)?;
            }
            self.sessions.take_in(&one, &mut self.said, &mut self.close);
            for connection in self.close.drain(..) {
                self.link.close(connection);
            }
            let mut said = std::mem::take(&mut self.said);
            for one in said.drain(..) {
                self.hear(now, read, one)?;
            }
            self.said = said;
        }
        self.incoming = incoming;
        Ok(())
    }

    /// The process of a node ended. What that means to the scheduler, its connection tells.
    fn exited(&mut self, node: NodeId, life: u64, status: &str) -> Result<(), LiveError> {
        let member = self.fleet.get(node);
        if member.life != life || member.process != Process::Starting {
            return Ok(());
        }
        if !member.died_early() {
            return Err(LiveError::WorkerDies { node: node.0, status: status.to_string() });
        }
        self.note(format!("the worker of node {} ended before it connected: {status}", node.0));
        self.start_worker(node)
    }

    fn hear(&mut self, now: Time, read: u64, said: Said) -> Result<(), LiveError> {
        match said {
            Said::Joined { node, life, .. } => return self.joined(now, node, life),
            Said::Left { node, life } => return self.left(now, node, life),
            Said::Fact { node, event, at, due, .. } => {
                self.heard(node, read);
                let process = self.meter.process(node);
                return self.takes_in(now, node, read, Fact { event, at, due, process, held: false });
            }
            Said::Pong { node, sent, worker_clock } => {
                self.heard(node, read);
                if self.meter.pong(node, sent, worker_clock, read) {
                    self.ping(node);
                } else {
                    self.sessions.unasked(node);
                }
            }
            Said::Alive { node } => {
                self.heard(node, read);
                self.ping(node);
            }
        }
        Ok(())
    }

    fn joined(&mut self, now: Time, node: NodeId, life: u64) -> Result<(), LiveError> {
        let member = self.fleet.get(node);
        // One that was killed meanwhile still had its hello under way.
        if member.process != Process::Starting || member.life != life {
            return Ok(());
        }
        self.meter.samples.join.push(self.woke.saturating_sub(member.started));
        member.join(self.woke);
        self.meter.new_process(node);
        if self.can_join(now, node)? { self.register(now, node) } else { Ok(()) }
    }

    /// The worker of the node is taken in.
    pub(super) fn register(&mut self, now: Time, node: NodeId) -> Result<(), LiveError> {
        self.send(node, &ToWorker::Welcome);
        self.instruct(now, node)?;
        self.ping(node);
        if self.monitored {
            // A node that registers anew has lost all it ran, whether the scheduler has missed it or not.
            self.believe(node, false);
        }
        self.believe(node, true);
        Ok(())
    }

    fn left(&mut self, now: Time, node: NodeId, life: u64) -> Result<(), LiveError> {
        let member = self.fleet.get(node);
        if let (true, false, Some(killed)) = (member.believed_up, self.monitored, member.killed) {
            self.meter.samples.detection.push(self.woke.saturating_sub(killed));
        }
        let unasked = member.process == Process::Up && member.life == life;
        if unasked {
            self.fail(now, node);
            let text = format!("the worker of node {} was lost unasked at {} s", node.0, now.as_seconds());
            if !self.fleet.get(node).died_idle() {
                return Err(LiveError::WorkerDies { node: node.0, status: text });
            }
            self.note(text);
        }
        if !self.monitored {
            self.believe(node, false);
        }
        if unasked {
            self.link.kill_worker(node);
            self.start_worker(node)?;
        }
        Ok(())
    }

    /// Asks for the worker's clock, unless it is known well enough.
    fn ping(&mut self, node: NodeId) {
        if self.meter.wants_ping(node) {
            let sent = self.link.host_nanos();
            self.meter.ping(node, sent);
            self.send(node, &ToWorker::Ping { sent });
        }
    }

    /// A worker that was silent for too long speaks again: it starts afresh.
    fn heard(&mut self, node: NodeId, read: u64) {
        let member = self.fleet.get(node);
        member.heard = member.heard.max(read);
        // Of one that was killed meanwhile, some words may still be under way.
        if member.process == Process::Up && std::mem::take(&mut member.suspended) && !self.monitored {
            self.send(node, &ToWorker::Reset);
            self.believe(node, true);
        }
    }

    /// Workers that are silent for too long are believed lost, unless the scheduler judges that itself.
    pub(super) fn watch(&mut self) {
        self.watch_starts();
        let Some(silence) = self.options.silence else { return };
        let silence = silence.as_nanos() as u64;
        let pause = self.woke.saturating_sub(std::mem::replace(&mut self.watched, self.woke));
        if pause > silence / 2 {
            // It was the coordinator that was away (stopped and continued, or the machine slept): what
            // workers said meanwhile may not have been read yet.
            self.fleet.pardon(self.woke);
        }
        let since = self.woke.saturating_sub(silence);
        let silent: Vec<NodeId> = self.fleet.silent_since(since).collect();
        for node in silent {
            // One that is stopped as planned is silent for a reason.
            let stopped = self.is_stopped(node);
            let member = self.fleet.get(node);
            // So is one that was killed; its connection will tell.
            if member.process == Process::Up && !stopped {
                member.suspended = true;
                self.note(format!("the worker of node {} was silent for too long", node.0));
                if !self.monitored {
                    self.believe(node, false);
                }
            }
        }
    }

    /// A process that does not connect, or stays silent, is killed; its end is then heard of, and
    /// another is tried.
    fn watch_starts(&mut self) {
        let since = self.woke.saturating_sub(self.options.start_limit.as_nanos() as u64);
        let late: Vec<NodeId> = self.fleet.late_since(since).collect();
        for node in late {
            self.link.kill_worker(node);
        }
    }

    /// Tells the scheduler that the node is up or lost, unless it believes so already.
    fn believe(&mut self, node: NodeId, up: bool) {
        let member = self.fleet.get(node);
        if member.believed_up != up {
            member.believed_up = up;
            let event = if up { Event::NodeJoined { node } } else { Event::NodeLost { node } };
            self.facts.push(Fact::own(event));
        }
    }
}
