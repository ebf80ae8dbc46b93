//! What of a scenario formulas can deal with, and what stands in their way.
//!
//! Structures are taken apart field by field without `..`, so that a new field must be decided on here.

use crate::distribution::Distribution;
use crate::experiment::plan::{NodeGroup, Plan, RunPlan, Until};
use crate::faults::{AttemptFaults, FailurePoint, Faults, NodeFaults, Stay};
use crate::policies::spec::{DispatchSpec, PolicySpec};
use crate::scheduler::{GuardPlan, OnRejection, RetryPlan};
use crate::workload::{Arrivals, ClassDetails, TaskClass, Workload};
use crate::world::Delays;

/// A scenario as formulas see it.
#[derive(Clone, Debug)]
pub(super) struct Setting<'a> {
    pub(super) groups: &'a [NodeGroup],
    pub(super) arrivals: &'a Arrivals,
    pub(super) classes: &'a [TaskClass],
    pub(super) tasks: u32,
    pub(super) warmup: u32,
    pub(super) retry: &'a RetryPlan,
    pub(super) queue_limit: Option<u64>,
    pub(super) repair_crew: Option<u32>,
    pub(super) service_nodes: u32,
}

impl<'a> Setting<'a> {
    /// The setting of a plan, or every reason why there is none.
    pub(super) fn of(plan: &'a Plan) -> Result<Setting<'a>, Vec<String>> {
        let mut found = Obstacles::default();
        let Plan {
            name: _,
            description: _,
            run,
            groups,
            resources: _, // what nodes have matters only to tasks that demand it
            faults,
            zones,
            workload,
            retry,
            queue_limit,
            guards,
            alarms: _,
            delays,
            policies: _,
            elastic,
        } = plan;
        let RunPlan {
            seed: _,
            replications: _,
            until,
            warmup,
            timeline_buckets: _,
            service_nodes,
            precision: _,
            auto_warmup: _,
            batches: _,
        } = run;
        found.when(elastic.autoscale.is_some(), "`scheduler.autoscale`: nodes come and go");
        found.when(*until != Until::Settled, "`run.until` cuts arrivals off");
        let far = zones.latency.iter().flatten().any(|latency| latency.0 > 0);
        found.when(far, "`zones.latency`: tasks are under way to their nodes");
        found.faults(faults);
        found.guards(guards);
        found.delays(delays);
        found.retry(retry);
        groups.iter().for_each(|group| found.group(group));
        let Workload::Generated { tasks, arrivals, classes, jobs, spawn } = workload else {
            found.when(true, "the tasks are listed, not drawn: only bounds are known");
            return Err(found.reasons);
        };
        found.when(jobs.is_some(), "`workload.jobs`: tasks wait for others");
        found.when(spawn.is_some(), "`workload.spawn`: tasks submit others");
        classes.iter().for_each(|class| found.class(class));
        if !found.reasons.is_empty() {
            return Err(found.reasons);
        }
        Ok(Setting {
            groups,
            arrivals,
            classes,
            tasks: *tasks,
            warmup: *warmup,
            retry,
            queue_limit: *queue_limit,
            repair_crew: faults.repair_crew,
            service_nodes: *service_nodes,
        })
    }

    /// How many slots there are.
    pub(super) fn slots(&self) -> u32 {
        self.groups.iter().map(|group| group.count * group.slots).sum()
    }

    /// How many nodes there are.
    pub(super) fn nodes(&self) -> u32 {
        self.groups.iter().map(|group| group.count).sum()
    }

    /// The speed of all nodes, if it is one.
    pub(super) fn speed(&self) -> Option<f64> {
        let speed = self.groups.first()?.speed;
        self.groups.iter().all(|group| group.speed == speed).then_some(speed)
    }

    /// Work per second of all slots.
    pub(super) fn capacity(&self) -> f64 {
        self.speeds().sum()
    }

    /// Work per second of the slots of each group together.
    pub(super) fn speeds(&self) -> impl Iterator<Item = f64> {
        self.groups.iter().map(|group| f64::from(group.count * group.slots) * group.speed)
    }

    /// The speed of the fastest node.
    pub(super) fn fastest(&self) -> f64 {
        self.groups.iter().map(|group| group.speed).fold(0.0, f64::max)
    }

    /// Mean work of a task; `None` where it is infinite.
    pub(super) fn mean_work(&self) -> Option<f64> {
        self.classes.iter().map(|class| Some(class.share * class.duration.mean()?)).sum()
    }

    /// Whether all classes draw their work from one distribution, so that nothing says more of it.
    pub(super) fn has_one_duration(&self) -> bool {
        self.classes.windows(2).all(|pair| pair[0].duration == pair[1].duration)
    }

    /// The probability with which attempts fail, if it is one.
    pub(super) fn failure(&self) -> Option<f64> {
        let p = self.classes.first()?.failure_probability;
        self.classes.iter().all(|class| class.failure_probability == p).then_some(p)
    }

    /// Whether any node fails by chance.
    pub(super) fn nodes_fail(&self) -> bool {
        self.groups.iter().any(|group| group.faults.is_some())
    }

    /// How all nodes fail, if they all fail in one way.
    pub(super) fn one_fault(&self) -> Option<&'a NodeFaults> {
        let first = self.groups.first()?.faults.as_ref()?;
        self.groups.iter().all(|group| group.faults.as_ref() == Some(first)).then_some(first)
    }

    /// How many may wait before submissions are refused, if there is a limit under this policy. That of a node
    /// is of its own queue, in which nobody waits unless tasks are pushed there.
    pub(super) fn limit(&self, policy: &PolicySpec) -> Option<u64> {
        let queues = matches!(policy.dispatch, DispatchSpec::Push | DispatchSpec::Hybrid(_));
        let of_node = self.groups.iter().filter(|_| queues).filter_map(|group| group.queue_limit);
        self.queue_limit.into_iter().chain(of_node.map(u64::from)).min()
    }

    /// The mean gap before the first arrival.
    pub(super) fn first_gap(&self) -> f64 {
        match self.arrivals {
            Arrivals::AtOnce | Arrivals::Times { .. } => 0.0,
            other => other.mean_rate().map_or(0.0, |rate| 1.0 / rate),
        }
    }
}

/// What stands in the way of every formula.
#[derive(Debug, Default)]
struct Obstacles {
    reasons: Vec<String>,
}

impl Obstacles {
    fn when(&mut self, applies: bool, reason: &str) {
        if applies && !self.reasons.iter().any(|known| known == reason) {
            self.reasons.push(reason.to_string());
        }
    }

    fn faults(&mut self, faults: &Faults) {
        let Faults {
            kinds: _,
            of_node: _,
            repair_crew: _,
            outages,
            replicas,
            attempts,
            disturbances,
            message_loss,
            rollback,
            membership: _, // the same as what groups say
        } = faults;
        let AttemptFaults { nodes: _, point, poison } = attempts;
        self.when(!outages.is_empty(), "`faults.outages`: nodes are out as planned");
        self.when(replicas.is_some(), "`scheduler.replicas`: the scheduler fails");
        self.when(!disturbances.is_empty(), "nodes are slow, pause or are cut off");
        self.when(message_loss.is_some(), "messages are lost");
        self.when(rollback.is_some(), "`retry.rollback`: failed tasks are undone");
        self.when(*point != FailurePoint::End, "attempts fail before their end");
        self.when(*poison > 0.0, "`poison`: some tasks always fail");
    }

    fn guards(&mut self, guards: &GuardPlan) {
        let GuardPlan { breaker, locks } = guards;
        self.when(breaker.is_some(), "circuit breakers close nodes");
        self.when(locks.is_some(), "tasks wait for locks");
    }

    fn delays(&mut self, delays: &Delays) {
        let Delays { dispatch, completion, detection, join, heartbeats, course: _ } = delays;
        for (delay, key) in [
            (dispatch, "dispatch_delay"),
            (completion, "completion_delay"),
            (detection, "detection_delay"),
            (join, "join_delay"),
        ] {
            self.when(delay.is_some(), &format!("`scheduler.{key}`: news takes time"));
        }
        self.when(heartbeats.is_some(), "dead nodes are found out by heartbeats");
    }

    fn retry(&mut self, retry: &RetryPlan) {
        let RetryPlan {
            max_attempts: _,
            backoff: _,
            on_node_loss: _,
            on_rejection,
            redraw: _,
            timeout,
            total_timeout,
            budget,
            checkpoint,
            compensations: _, // the same as what faults say
            speculation,
        } = retry;
        self.when(*on_rejection != OnRejection::Settle, "refused tasks come again");
        self.when(timeout.is_some() || total_timeout.is_some(), "`retry.timeout` ends attempts");
        self.when(budget.is_some(), "`retry.budget` denies retries");
        self.when(speculation.is_some(), "`retry.speculation`: tasks have several attempts at once");
        self.when(checkpoint.is_some(), "`retry.checkpoint`: attempts write checkpoints");
    }

    fn group(&mut self, group: &NodeGroup) {
        let NodeGroup {
            name: _,
            count: _,
            slots: _,
            speed: _,
            weight: _,
            zone: _,
            queue_limit: _,
            failure_probability,
            faults: _,
            disturbances,
            stay,
            price: _,
        } = group;
        self.when(*stay != Stay::ALWAYS, "`nodes.join` or `nodes.leave`: nodes come and go");
        self.when(*failure_probability > 0.0, "`nodes.failure_probability`: bad nodes make attempts fail");
        self.when(!disturbances.is_empty(), "nodes are slow, pause or are cut off");
    }

    fn class(&mut self, class: &TaskClass) {
        let TaskClass {
            name: _,
            share: _,
            duration,
            priority: _,
            slots,
            failure_probability: _,
            estimate: _,
            details,
        } = class;
        let ClassDetails {
            weight: _,
            deadline: _,
            patience,
            key: _,
            user: _,
            lock,
            zone: _,
            demand,
            size: _,
        } = details;
        self.when(duration.mean().is_none(), "`duration` has no mean");
        self.when(*slots > 1, "`demand.slots`: tasks take several slots");
        self.when(*demand != 0, "`demand`: tasks take named resources");
        self.when(patience.is_some(), "`patience`: tasks give up");
        self.when(lock.is_some(), "tasks wait for locks");
    }
}

/// The mean of an exponential distribution.
pub(super) fn exponential(distribution: &Distribution) -> Option<f64> {
    match distribution {
        Distribution::Exponential { mean } => Some(*mean),
        _ => None,
    }
}
