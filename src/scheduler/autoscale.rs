//! The autoscaler: starts nodes of one group when there is too much to do, and lets them go when there is
//! too little.
//!
//! Source: rules of two thresholds, as in EC2 Auto Scaling ("step scaling") and KEDA; surveyed by Lorido-Botran,
//! Miguel-Alonso and Lozano, "A Review of Auto-scaling Techniques for Elastic Applications in Cloud
//! Environments", Journal of Grid Computing 2014. Cost: O(1) per start and end of an attempt and per decision;
//! O(log n) per node that starts, O(n) to choose those of n nodes that go.
//! A bad idea when nodes take longer to boot than a burst of tasks lasts.
//!
//! It looks once everything that can start has started: at every multiple of its interval, or with an interval of
//! zero whenever anything was decided. Nodes that are on their way count as there, so that it does not ask
//! twice for the same thing. A node is let go as any that leaves: it is drained. Until it has left it counts
//! against the most there may be.
//!
//! While nothing happens another look would see the same: the autoscaler then sleeps, wakes with the next
//! event, and goes on as if it had looked all the time. And when it has let more nodes go than the group has
//! while the same tasks waited, it starts no more until others do: none of them is of use to what waits. So it
//! does not keep a run alive in which tasks wait for ever.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::cluster::NodeSpec;
use super::command::{Command, Commands};
use super::config::SchedulerConfig;
use super::machine::Scheduler;
use super::policy::Policy;
use super::record::{Observer, Record};
use super::task::{NONE, Task, TaskState};
use super::timers::Alarm;
use crate::ids::NodeId;
use crate::structures::bitmap::Bitmap;
use crate::structures::ensure::{ensure, ensure_eq};
use crate::time::{Duration, Time};

/// Which nodes are started and let go, and when.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AutoscalePlan {
    /// The first node of the group, and how many it has.
    pub first: u32,
    /// Nodes of the group.
    pub count: u32,
    /// No fewer nodes of the group than this are there or on their way.
    pub min: u32,
    /// No more than this, those that are drained included.
    pub max: u32,
    /// So many are there at the start: the first of the group.
    pub initial: u32,
    /// When there is too much to do, and when too little.
    pub rule: ScalingRule,
    /// How many nodes it starts or lets go at a time, at least 1.
    pub step: u32,
    /// Time between two looks; zero to look whenever anything was decided.
    pub interval: Duration,
    /// Time after a change in which there is no other.
    pub cooldown: Duration,
    /// Which nodes go first.
    pub let_go: LetGo,
}

/// When there is too much to do, and when too little: `down` is below `up`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum ScalingRule {
    /// By waiting tasks per node that takes tasks or is on its way.
    QueueLength {
        /// More than this are too many.
        up: f64,
        /// Fewer than this are too few.
        down: f64,
    },
    /// By slots that are taken, on average since the last look, per slot of nodes that take tasks or are on
    /// their way.
    Utilisation {
        /// More than this is too much.
        up: f64,
        /// Less than this is too little.
        down: f64,
    },
}

/// Which nodes go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LetGo {
    /// Of those where nothing runs or waits, or that are lost, the last that joined; no others.
    Idle,
    /// The last that joined, whatever runs there.
    Newest,
}

/// Where a node of the group is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Off,
    Booting,
    There,
    Leaving,
}

/// All that a look depends on, but for the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    submitted: u64,
    settled: u64,
    waiting: u64,
    open: u32,
    taken: u64,
    there: usize,
    booting: u32,
    leaving: u32,
}

/// What it knows of its nodes, and when it looks.
#[derive(Clone, Debug)]
pub(super) struct Autoscaler {
    plan: AutoscalePlan,
    slots: u32,
    /// By place in the group.
    standing: Vec<Standing>,
    /// Places of nodes that are there, in the order in which they joined, and of those that are off.
    there: Vec<u32>,
    off: Bitmap,
    booting: u32,
    leaving: u32,
    /// Nodes that are let go, and are to be drained before anything else is decided.
    going: Vec<NodeId>,
    /// Slots that are taken, their sum over time since the last look, until when that was summed up, and
    /// when that look was.
    taken: u64,
    area: u128,
    summed: Time,
    looked: Time,
    /// When it looks next; `Time::NEVER` while it sleeps.
    due: Time,
    /// Whether it looks at this instant, and whether anything was decided since the last look.
    looks: bool,
    stirred: bool,
    seen: Option<Seen>,
    /// No change before then.
    cool: Time,
    /// Nodes that it let go while the same tasks waited: so many had been submitted, and so many wait.
    fruitless: u32,
    the_same: (u64, u64),
}

impl Autoscaler {
    /// Nothing where no nodes are started and let go.
    pub(super) fn of(config: &SchedulerConfig, nodes: &[NodeSpec]) -> Option<Box<Self>> {
        let plan = config.autoscale?;
        let count = plan.count as usize;
        let mut autoscaler = Autoscaler {
            plan,
            slots: nodes[plan.first as usize].slots,
            standing: vec![Standing::Off; count],
            there: (0..plan.initial).collect(),
            off: Bitmap::new(count),
            booting: 0,
            leaving: 0,
            going: Vec::new(),
            taken: 0,
            area: 0,
            summed: Time::ZERO,
            looked: Time::ZERO,
            due: Time::NEVER,
            looks: false,
            stirred: false,
            seen: None,
            cool: Time::ZERO,
            fruitless: 0,
            the_same: (0, 0),
        };
        autoscaler.standing[..plan.initial as usize].fill(Standing::There);
        (plan.initial..plan.count).for_each(|place| autoscaler.off.insert(place));
        Some(Box::new(autoscaler))
    }

    fn place(&self, node: NodeId) -> Option<usize> {
        let place = node.0.checked_sub(self.plan.first)?;
        (place < self.plan.count).then_some(place as usize)
    }

    /// A node is up from now on.
    pub(super) fn joined(&mut self, node: NodeId) {
        let Some(place) = self.place(node) else { return };
        if self.standing[place] == Standing::Booting {
            self.standing[place] = Standing::There;
            self.booting -= 1;
            self.there.push(place as u32);
        }
    }

    /// A node is not there any more.
    pub(super) fn left(&mut self, node: NodeId) {
        let Some(place) = self.place(node) else { return };
        match std::mem::replace(&mut self.standing[place], Standing::Off) {
            Standing::Leaving => self.leaving -= 1,
            // Somebody else wanted it to leave.
            Standing::There => self.there.retain(|&there| there as usize != place),
            Standing::Booting => self.booting -= 1,
            Standing::Off => {}
        }
        self.off.insert(place as u32);
    }

    /// An attempt takes so many slots from now on.
    pub(super) fn started(&mut self, now: Time, slots: u32) {
        self.sum_up(now);
        self.taken += u64::from(slots);
    }

    /// An attempt no longer takes so many slots.
    pub(super) fn ended(&mut self, now: Time, slots: u32) {
        self.sum_up(now);
        self.taken -= u64::from(slots);
    }

    fn sum_up(&mut self, now: Time) {
        self.area += u128::from(self.taken) * u128::from(now.since(self.summed).0);
        self.summed = now;
    }

    /// Something was decided while it slept: it goes on as if it had looked all the time. Gives whether it
    /// looks now.
    fn wake(&mut self, now: Time) -> bool {
        let Duration(interval) = self.plan.interval;
        let looks = now.0.is_multiple_of(interval);
        let last = if looks { now.0.saturating_sub(interval) } else { now.0 - now.0 % interval };
        self.sum_up(now);
        // Until this instant as many slots were taken as when it fell asleep.
        let taken = self.seen.map_or(0, |seen| seen.taken);
        let slept = Time(last).since(self.looked);
        self.area -= u128::from(taken) * u128::from(slept.0);
        self.looked = self.looked.max(Time(last));
        looks
    }

    /// Slots that are taken: on average since the last look, or now when it looks all the time. Nothing when
    /// there is no time to look back on.
    fn slots_taken(&mut self, now: Time) -> Option<f64> {
        self.sum_up(now);
        let area = std::mem::take(&mut self.area);
        let since = now.since(std::mem::replace(&mut self.looked, now));
        match (self.plan.interval, since) {
            (Duration::ZERO, _) => Some(self.taken as f64),
            (_, Duration::ZERO) => None,
            (_, since) => Some(area as f64 / since.0 as f64),
        }
    }

    /// Whether there is too much to do, or too little; `open` nodes with so many slots take tasks.
    fn judge(&mut self, now: Time, waiting: u64, open: u32, slots: u64) -> Ordering {
        let (measure, of, up, down) = match self.plan.rule {
            ScalingRule::QueueLength { up, down } => {
                (Some(waiting as f64), f64::from(open) + f64::from(self.booting), up, down)
            }
            ScalingRule::Utilisation { up, down } => {
                let coming = u64::from(self.booting) * u64::from(self.slots);
                (self.slots_taken(now), (slots + coming) as f64, up, down)
            }
        };
        match measure {
            // Where there is no node at all, whoever waits waits for one.
            _ if of == 0.0 && waiting > 0 => Ordering::Greater,
            Some(measure) if measure > up * of => Ordering::Greater,
            Some(measure) if measure < down * of => Ordering::Less,
            _ => Ordering::Equal,
        }
    }

    /// The next node to start, if there may be one more.
    fn start_one(&mut self) -> Option<NodeId> {
        if self.there.len() as u64 + u64::from(self.booting) + u64::from(self.leaving)
            >= u64::from(self.plan.max)
        {
            return None;
        }
        if self.fruitless > self.plan.count {
            return None;
        }
        let place = self.off.first()?;
        self.off.remove(place);
        self.standing[place as usize] = Standing::Booting;
        self.booting += 1;
        Some(NodeId(self.plan.first + place))
    }

    /// The next node to let go, if there may be one less; `idle` says of a node whether it does nothing.
    fn let_one_go(&mut self, idle: impl Fn(NodeId) -> bool) -> Option<NodeId> {
        if self.there.len() as u64 + u64::from(self.booting) <= u64::from(self.plan.min) {
            return None;
        }
        let node = |place: u32| NodeId(self.plan.first + place);
        let at = match self.plan.let_go {
            LetGo::Newest => self.there.len().checked_sub(1)?,
            LetGo::Idle => self.there.iter().rposition(|&place| idle(node(place)))?,
        };
        let place = self.there.remove(at);
        self.standing[place as usize] = Standing::Leaving;
        self.leaving += 1;
        self.fruitless = self.fruitless.saturating_add(1);
        Some(NodeId(self.plan.first + place))
    }
}

impl<P: Policy> Scheduler<P> {
    /// The time of a look has come, or that to drain what was let go.
    #[cold]
    pub(super) fn autoscaler_wakes<O: Observer>(
        &mut self,
        now: Time,
        due: Time,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let Some(autoscaler) = &mut self.autoscaler else { return };
        autoscaler.looks |= due == autoscaler.due;
        for node in std::mem::take(&mut autoscaler.going) {
            self.begin_leaving(now, node, commands, observer);
        }
    }

    /// Starts nodes or lets them go, if it is time to look, once all else is decided.
    #[cold]
    #[inline(never)]
    pub(super) fn decide_scaling<O: Observer>(
        &mut self,
        now: Time,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        // Before the first task there is nothing to judge by.
        if self.counts.submitted == 0 {
            return;
        }
        let before = self.seen_by_autoscaler();
        let Some(autoscaler) = &mut self.autoscaler else { return };
        let is_due = std::mem::take(&mut autoscaler.looks);
        if autoscaler.plan.interval == Duration::ZERO {
            self.look(now, commands, observer);
            return self.look_after_cooldown(now);
        }
        let sleeps = autoscaler.due == Time::NEVER;
        if !(is_due || sleeps && autoscaler.wake(now)) {
            autoscaler.stirred = true;
            if sleeps {
                self.plan_next_look(now);
            }
            return;
        }
        let stirred = std::mem::take(&mut autoscaler.stirred);
        let changed = self.look(now, commands, observer);
        let after = self.seen_by_autoscaler();
        let Some(autoscaler) = &mut self.autoscaler else { return };
        let new = std::mem::replace(&mut autoscaler.seen, after) != before;
        if changed || stirred || new || now < autoscaler.cool {
            self.plan_next_look(now);
        } else {
            // Another look would see the same, and look back on the same.
            autoscaler.due = Time::NEVER;
        }
    }

    fn plan_next_look(&mut self, now: Time) {
        let Some(autoscaler) = &mut self.autoscaler else { return };
        let Duration(interval) = autoscaler.plan.interval;
        autoscaler.due = Time((now.0 - now.0 % interval).saturating_add(interval));
        self.timers.set(autoscaler.due, Alarm::Autoscaler, 0, 0);
    }

    /// It looks whenever anything is decided, and once it may again.
    fn look_after_cooldown(&mut self, now: Time) {
        let Some(autoscaler) = &mut self.autoscaler else { return };
        if now < autoscaler.cool && autoscaler.due != autoscaler.cool {
            autoscaler.due = autoscaler.cool;
            self.timers.set(autoscaler.cool, Alarm::Autoscaler, 0, 0);
        }
    }

    fn seen_by_autoscaler(&self) -> Option<Seen> {
        let autoscaler = self.autoscaler.as_ref()?;
        Some(Seen {
            submitted: self.counts.submitted,
            settled: self.counts.settled,
            waiting: self.counts.waiting - self.counts.away,
            open: self.cluster.nodes_up(),
            taken: autoscaler.taken,
            there: autoscaler.there.len(),
            booting: autoscaler.booting,
            leaving: autoscaler.leaving,
        })
    }

    /// Looks at what there is to do; gives whether anything changes.
    fn look<O: Observer>(&mut self, now: Time, commands: &mut Commands, observer: &mut O) -> bool {
        let Some(autoscaler) = &mut self.autoscaler else { return false };
        let waiting = self.counts.waiting - self.counts.away;
        let tasks = (self.counts.submitted, waiting);
        if std::mem::replace(&mut autoscaler.the_same, tasks) != tasks {
            autoscaler.fruitless = 0;
        }
        let verdict = autoscaler.judge(now, waiting, self.cluster.nodes_up(), self.cluster.slots_up());
        if now < autoscaler.cool {
            return false;
        }
        let mut changed = false;
        let cluster = &self.cluster;
        for _ in 0..autoscaler.plan.step {
            let (node, up) = match verdict {
                Ordering::Greater => (autoscaler.start_one(), true),
                Ordering::Less => {
                    let idle = |node| cluster.load(node) == 0 || !cluster.has_joined(node);
                    (autoscaler.let_one_go(idle), false)
                }
                Ordering::Equal => (None, false),
            };
            let Some(node) = node else { break };
            observer.on_record(now, &Record::Scaled { node, up });
            if up {
                commands.push(Command::StartNode { node });
            } else {
                autoscaler.going.push(node);
            }
            changed = true;
        }
        if !autoscaler.going.is_empty() {
            // Before anything else is decided, and after this instant's decisions.
            self.timers.set(now, Alarm::Autoscaler, 0, 0);
        }
        if changed {
            autoscaler.cool = Time(now.0.saturating_add(autoscaler.plan.cooldown.0));
        }
        changed
    }

    /// The autoscaler counts its nodes right, and keeps within its bounds.
    pub(super) fn check_autoscaler(&self) -> Result<(), String> {
        let Some(autoscaler) = &self.autoscaler else { return Ok(()) };
        let AutoscalePlan { min, max, initial, .. } = autoscaler.plan;
        let count = |wanted| autoscaler.standing.iter().filter(|standing| **standing == wanted).count();
        ensure_eq!(count(Standing::There), autoscaler.there.len(), "nodes that are there");
        ensure_eq!(count(Standing::Booting), autoscaler.booting as usize, "nodes that boot");
        ensure_eq!(count(Standing::Leaving), autoscaler.leaving as usize, "nodes that leave");
        let coming = autoscaler.there.len() + autoscaler.booting as usize;
        let all = coming + autoscaler.leaving as usize;
        ensure!(all <= max.max(initial) as usize, "{all} nodes of the autoscaler, at most {max}");
        ensure!(coming >= min.min(initial) as usize, "{coming} nodes of the autoscaler, at least {min}");
        // A task of which only copies run is at no node itself.
        let at_node = |task: &&Task| task.state == TaskState::Running && task.node != NONE;
        let running = self.tasks.hot.iter().filter(at_node);
        let taken: u64 = running.map(|task| u64::from(task.slots)).sum();
        ensure_eq!(taken, autoscaler.taken, "slots that are taken");
        Ok(())
    }
}
