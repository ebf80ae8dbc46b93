//! The worker processes: which are there, which are believed to be, and which died too early.

use super::link::Life;
use crate::ids::NodeId;
use crate::time::Time;

/// So many processes of a node may die before they connect; the next is an error.
const EARLY_DEATHS: u32 = 2;
/// So many processes of a node may be lost unasked without an attempt that ended.
const IDLE_DEATHS: u32 = 50;

/// Where a node's process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Process {
    /// There is none, because the node is down.
    Down,
    /// It was started and has not connected yet.
    Starting,
    /// It is connected.
    Up,
}

/// A node as the driver knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub(super) life: Life,
    pub(super) process: Process,
    /// Whether it belongs to the cluster.
    pub(super) there: bool,
    /// What the scheduler was told last.
    pub(super) believed_up: bool,
    /// It was silent for too long and is not believed up, but its process is connected.
    pub(super) suspended: bool,
    /// When it really failed, until the scheduler hears of it.
    pub(super) failed: Time,
    /// Host clock: when its process was started, when it was killed as planned, when it was last
    /// heard of.
    pub(super) started: u64,
    pub(super) killed: Option<u64>,
    pub(super) heard: u64,
    early_deaths: u32,
    /// Processes lost unasked since one did some work.
    idle_deaths: u32,
}

impl Member {
    const NEW: Member = Member {
        life: 0,
        process: Process::Down,
        there: true,
        believed_up: false,
        suspended: false,
        failed: Time::NEVER,
        started: 0,
        killed: None,
        heard: 0,
        early_deaths: 0,
        idle_deaths: 0,
    };

    /// A new process of the node is started; gives its number.
    pub(super) fn start(&mut self, host: u64) -> Life {
        self.life += 1;
        (self.process, self.started, self.suspended) = (Process::Starting, host, false);
        self.life
    }

    /// Its process has connected.
    pub(super) fn join(&mut self, host: u64) {
        (self.process, self.heard, self.early_deaths) = (Process::Up, host, 0);
        (self.killed, self.suspended) = (None, false);
    }

    /// It leaves the cluster, and its process is to end; gives where that was.
    pub(super) fn stop(&mut self) -> Process {
        (self.there, self.believed_up, self.suspended) = (false, false, false);
        (self.failed, self.killed) = (Time::NEVER, None);
        std::mem::replace(&mut self.process, Process::Down)
    }

    /// Its process was lost unasked; gives whether another should be tried.
    pub(super) fn died_idle(&mut self) -> bool {
        self.idle_deaths += 1;
        self.idle_deaths <= IDLE_DEATHS
    }

    /// An attempt has ended there.
    pub(super) fn works(&mut self) {
        self.idle_deaths = 0;
    }

    /// Its process died before it connected; gives whether another should be tried.
    pub(super) fn died_early(&mut self) -> bool {
        self.early_deaths += 1;
        self.early_deaths <= EARLY_DEATHS
    }
}

/// All nodes, by number.
#[derive(Clone, Debug)]
pub(super) struct Fleet {
    members: Vec<Member>,
}

impl Fleet {
    /// So many nodes, of which these belong to the cluster at first.
    pub(super) fn new(nodes: usize, there: impl Fn(u32) -> bool) -> Self {
        let member = |node| Member { there: there(node), ..Member::NEW };
        Fleet { members: (0..nodes as u32).map(member).collect() }
    }

    /// How many nodes there are.
    pub(super) fn len(&self) -> u32 {
        self.members.len() as u32
    }

    pub(super) fn get(&mut self, node: NodeId) -> &mut Member {
        &mut self.members[node.index()]
    }

    /// Whether every process that should be there is connected.
    pub(super) fn is_complete(&self) -> bool {
        self.missing().is_none()
    }

    /// A node whose process has not connected.
    pub(super) fn missing(&self) -> Option<NodeId> {
        let at = self.members.iter().position(|member| member.there && member.process != Process::Up)?;
        Some(NodeId(at as u32))
    }

    /// Whether every node of the cluster is connected and believed up.
    pub(super) fn is_believed(&self) -> bool {
        let believed = |member: &Member| member.process == Process::Up && member.believed_up;
        self.members.iter().all(|member| !member.there || believed(member))
    }

    /// All that are there count as heard of at `host`.
    pub(super) fn pardon(&mut self, host: u64) {
        self.members.iter_mut().for_each(|member| member.heard = member.heard.max(host));
    }

    /// Nodes whose process was started before `host` and has not connected, or has been silent since
    /// then and is suspended.
    pub(super) fn late_since(&self, host: u64) -> impl Iterator<Item = NodeId> + '_ {
        let late = move |member: &Member| match member.process {
            Process::Starting => member.started < host,
            Process::Up => member.suspended && member.heard < host,
            Process::Down => false,
        };
        (0u32..).zip(&self.members).filter(move |(_, member)| late(member)).map(|(node, _)| NodeId(node))
    }

    /// Nodes believed up that were last heard of before `host`, and of which that is news.
    pub(super) fn silent_since(&self, host: u64) -> impl Iterator<Item = NodeId> + '_ {
        let silent = move |member: &Member| member.believed_up && !member.suspended && member.heard < host;
        (0u32..).zip(&self.members).filter(move |(_, member)| silent(member)).map(|(node, _)| NodeId(node))
    }
}
