//! What a policy is made of, as checked data: four independent choices and a name.

use serde::{Deserialize, Serialize};

use super::order::score::Formula;
use crate::scheduler::policy::{Dispatch, Manner, Stealing, Take, Victim};
use crate::time::Duration;

/// When a task is bound to a node, and what is done beyond that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DispatchSpec {
    /// Tasks wait in one central queue; a free node takes the next.
    Pull,
    /// A task is bound to a node when it arrives and waits in that node's queue.
    Push,
    /// Push, and an idle node takes tasks that wait at another.
    Hybrid(Stealing),
    /// Pull, one task at a time in the whole cluster.
    Serial,
    /// A task is reserved a place at several nodes; the first that is free takes it.
    LateBinding {
        /// How many nodes, at least 1.
        probes: u32,
    },
}

impl DispatchSpec {
    /// Work stealing as it is by default: one task from the longest queue, at once.
    pub const HYBRID: DispatchSpec =
        DispatchSpec::Hybrid(Stealing { victim: Victim::Longest, take: Take::One, delay: Duration::ZERO });

    /// When tasks are bound to nodes.
    pub fn base(self) -> Dispatch {
        match self {
            DispatchSpec::Pull | DispatchSpec::Serial => Dispatch::Pull,
            DispatchSpec::Push | DispatchSpec::Hybrid(_) | DispatchSpec::LateBinding { .. } => Dispatch::Push,
        }
    }

    /// What is done beyond that.
    pub fn manner(self) -> Manner {
        match self {
            DispatchSpec::Pull | DispatchSpec::Push => Manner::Plain,
            DispatchSpec::Hybrid(rule) => Manner::Stealing(rule),
            DispatchSpec::Serial => Manner::Serial,
            DispatchSpec::LateBinding { probes } => Manner::LateBinding { probes },
        }
    }
}

/// Which waiting task goes next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum OrderSpec {
    /// First come, first served.
    Fifo,
    /// Last come, first served.
    Lifo,
    /// At random.
    Random,
    /// Shortest (estimated) job first.
    Sjf,
    /// Longest (estimated) job first.
    Ljf,
    /// Shortest (estimated) remaining time first.
    Srtf,
    /// Highest priority first.
    Priority {
        /// How much the priority of a task rises per second of waiting.
        aging: f64,
    },
    /// Earliest deadline first.
    Edf,
    /// Most likely to fail first.
    FailureFirst,
    /// Tasks take turns.
    TimeSlice {
        /// Length of a turn.
        quantum: Duration,
        /// Whether a turn is longer by the task's weight.
        weighted: bool,
    },
    /// Least served first.
    LeastAttainedService {
        /// Length of a turn among those that were served equally.
        quantum: Duration,
    },
    /// Short tasks first, found out by what they use.
    Mlfq {
        /// How many levels.
        levels: u32,
        /// Slice at the top level.
        quantum: Duration,
        /// Growth of the slice per level.
        factor: f64,
        /// How often all tasks rise to the top; `None` for never.
        boost: Option<Duration>,
    },
    /// The class or user with the least slot time per weight goes first.
    FairShare {
        /// Who shares.
        over: Sharers,
    },
    /// The class or user with the least dominant share per weight goes first.
    DominantResourceFairness {
        /// Who shares.
        over: Sharers,
    },
    /// Longest path to the end of the job first.
    CriticalPath,
    /// Cubed wait per work, times slots.
    Wfp3,
    /// Wait per work and logarithm of slots.
    Unicep,
    /// The function F1 of work, slots and arrival.
    F1,
    /// The function F2.
    F2,
    /// The function F3.
    F3,
    /// The function F4.
    F4,
    /// Smallest value of a formula first.
    Score {
        /// The formula.
        formula: Formula,
        /// How often at most the scores of waiting tasks are evaluated anew, if they move with time; zero
        /// for whenever something is decided.
        every: Duration,
    },
}

/// Who shares the cluster under an order that is fair to groups of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sharers {
    /// The classes of tasks.
    Classes,
    /// Those who submit tasks.
    Users,
}

impl OrderSpec {
    /// Whether it needs all waiting tasks in one queue, and nobody overtaking or interrupting: shares
    /// are those of the whole cluster.
    pub fn needs_central_queue(&self) -> bool {
        matches!(self, OrderSpec::FairShare { .. } | OrderSpec::DominantResourceFairness { .. })
    }

    /// Whether keys of waiting tasks move with time.
    pub fn moves(&self) -> bool {
        match self {
            OrderSpec::Wfp3 | OrderSpec::Unicep => true,
            OrderSpec::Score { formula, .. } => formula.moves(),
            _ => false,
        }
    }

    /// Whether it asks who submitted a task.
    pub fn is_over_users(&self) -> bool {
        use OrderSpec::{DominantResourceFairness, FairShare};
        matches!(self, FairShare { over: Sharers::Users } | DominantResourceFairness { over: Sharers::Users })
    }
}

/// Which node takes the task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PlaceSpec {
    /// Each node in turn.
    RoundRobin,
    /// Each node in turn in proportion to its weight, spread smoothly.
    WeightedRoundRobin,
    /// Any node, equally likely.
    Random,
    /// Any node, in proportion to its weight.
    WeightedRandom,
    /// The node with the fewest tasks.
    LeastLoaded,
    /// The node with the least expected work.
    LeastWork,
    /// The node with the fewest tasks per weight.
    WeightedLeastLoaded,
    /// The less loaded of `d` random nodes.
    PowerOf {
        /// How many nodes are drawn.
        d: u32,
        /// Whether one node may be drawn more than once.
        with_replacement: bool,
    },
    /// The less loaded, by weight, of `d` nodes drawn by weight.
    WeightedPowerOf {
        /// How many nodes are drawn.
        d: u32,
    },
    /// Each node in turn in proportion to its weight and its free share.
    DynamicWeightedRoundRobin,
    /// Waiting tasks and free slots matched at the least cost.
    MinCostFlow {
        /// How many waiting tasks are assigned together, at least 1.
        window: u32,
    },
    /// The node that the task's key hashes to.
    ConsistentHash {
        /// Points of each node on the ring, at least 1.
        virtual_nodes: u32,
        /// No node holds more than this many times the mean, rounded up; at least 1.
        load_bound: Option<f64>,
    },
    /// A node of the zone nearest to the task.
    Nearest {
        /// Whether nodes without a free slot are passed over as long as any has one.
        spill_over: bool,
    },
    /// The free node with the highest speed.
    Fastest,
    /// The first node with room.
    FirstFit,
    /// The node with the least room that is enough.
    BestFit,
    /// The node with the most room.
    WorstFit,
    /// The node with the most room where the task demands most.
    DotProduct,
    /// The node on which the task is expected to be done first.
    EarliestFinish,
}

/// Whether tasks may overtake a blocked head of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackfillSpec {
    /// The head of the queue blocks.
    None,
    /// Any task that fits starts.
    Aggressive,
    /// A task that fits starts unless that would delay the head (EASY).
    Easy,
    /// A task that fits starts unless that would delay any that waits.
    Conservative,
}

/// A policy: a name and its four choices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicySpec {
    /// The name in tables and files.
    pub name: String,
    /// Which waiting task goes next.
    pub order: OrderSpec,
    /// Which node takes the task.
    pub place: PlaceSpec,
    /// When a task is bound to a node.
    pub dispatch: DispatchSpec,
    /// Whether tasks may overtake a blocked head of the queue.
    pub backfill: BackfillSpec,
    /// The order in which tasks may overtake, when it is not `order`.
    pub backfill_order: Option<OrderSpec>,
    /// Whether a blocked head stays the head until it starts, though a better task comes.
    pub commit_head: bool,
    /// Whether a better task takes the place of a running one. Orders that always interrupt do so
    /// without it.
    pub preempt: bool,
    /// Time that an interrupted task spends on its node before it goes on with its work.
    pub switch_cost: Duration,
}

impl Default for PolicySpec {
    /// What a policy takes that leaves something out: `fifo`.
    fn default() -> Self {
        PolicySpec {
            name: String::from("fifo"),
            order: OrderSpec::Fifo,
            place: PlaceSpec::LeastLoaded,
            dispatch: DispatchSpec::Pull,
            backfill: BackfillSpec::None,
            backfill_order: None,
            commit_head: false,
            preempt: false,
            switch_cost: Duration::ZERO,
        }
    }
}
