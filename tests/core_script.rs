//! The bare core, without a simulator: scripts of events in, expected commands out.
//!
//! A line of a script is an instant: `time: events -> what the core answers`. All events of the
//! line are handed in, then the core decides once. Its answer is the refused results, then the
//! commands in order, then the timer it wants, if any.
//!
//! ```text
//! up N, lost N                     node N joins or is lost
//! close N [moving], open N         node N takes no new tasks, with or without its queue; it takes them again
//! task T [slots S] [work W] [urgent P] [in SLOT]   task T arrives (slot T unless said)
//! task T ... after P+Q             it waits for tasks P and Q
//! task T ... lock L                it needs lock L
//! task T ... fails P               its attempts fail with a probability of P %
//! task T ... of job                others may wait for it even after it has settled
//! no more from T                   task T and those after it will never arrive
//! began T.A on N                   attempt A of task T has begun there
//! done T.A on N, failed T.A on N   it ended
//! timer                            the timer fires
//! ```

use falcon::ids::{AttemptNumber, NodeId, TaskId};
use falcon::policies::registry::{BACKFILLS, DISPATCHES, ORDERS, PLACES, Part};
use falcon::policies::{self, AnyPolicy, DispatchSpec, PolicySpec};
use falcon::random::Streams;
use falcon::scheduler::{
    Backoff, BreakerPlan, BudgetPlan, ClosedBy, Command, Commands, Event, GuardPlan, Limits, LockPlan,
    NO_JOB, NO_LOCK, NodeSpec, OnNodeLoss, Outcome, Record, RetryPlan, Scheduler, SchedulerConfig, Stealing,
    Take, TaskDetails, TaskSpec, TaskState, Trip, Victim, Window,
};
use falcon::time::{Duration, Time};

const SECOND: u64 = 1_000_000_000;

/// A core and how its driver names tasks.
struct Core {
    scheduler: Scheduler<AnyPolicy>,
    /// By task number.
    slots: Vec<u32>,
    records: Vec<(Time, Record)>,
    commands: Commands,
}

fn named<S: Clone>(parts: &[Part<S>], name: &str) -> S {
    parts.iter().find(|part| part.name == name).unwrap_or_else(|| panic!("no part `{name}`")).spec.clone()
}

fn stealing(take: Take, seconds: u64) -> DispatchSpec {
    DispatchSpec::Hybrid(Stealing { victim: Victim::Longest, take, delay: Duration(seconds * SECOND) })
}

/// A core with the policy `order place dispatch backfill` on nodes of these slots.
fn core(policy: &str, nodes: &[u32], retry: RetryPlan) -> Core {
    guarded_core(policy, nodes, retry, GuardPlan::default())
}

/// The same with guards.
fn guarded_core(policy: &str, nodes: &[u32], retry: RetryPlan, guards: GuardPlan) -> Core {
    let [order, place, dispatch, backfill] = policy.split(' ').collect::<Vec<_>>()[..] else {
        panic!("a policy has four parts: {policy}");
    };
    let spec = PolicySpec {
        name: policy.to_string(),
        order: named(ORDERS, order),
        place: named(PLACES, place),
        dispatch: match dispatch {
            "hybrid-half" => stealing(Take::Half, 0),
            "hybrid-2s" => stealing(Take::One, 2),
            "pull-3" => DispatchSpec::Prefetching { batch: 3 },
            _ => named(DISPATCHES, dispatch),
        },
        backfill: named(BACKFILLS, backfill),
        ..PolicySpec::default()
    };
    let nodes: Vec<NodeSpec> =
        nodes.iter().map(|&slots| NodeSpec { slots, speed: 1.0, weight: f64::from(slots) }).collect();
    let max_demand = nodes.iter().map(|node| node.slots).max().unwrap_or(1);
    let config = SchedulerConfig {
        retry,
        max_demand,
        starts_are_reported: false,
        seed: 1,
        resources: Default::default(),
        limits: Limits::default(),
        guards,
        alarms: Default::default(),
        monitor: None,
        autoscale: None,
    };
    let policy = policies::build(&spec, &nodes, max_demand, Streams::new(1));
    Core {
        scheduler: Scheduler::new(policy, &nodes, config),
        slots: Vec::new(),
        records: Vec::new(),
        commands: Commands::new(),
    }
}

/// The number after `key` in the words of an event.
fn value(words: &[&str], key: &str) -> Option<u64> {
    let at = words.iter().position(|word| *word == key)?;
    Some(words[at + 1].parse().expect("a number"))
}

impl Core {
    fn task(&self, number: u32) -> TaskId {
        // A task that was never submitted has a slot that nobody has heard of.
        TaskId { number, slot: self.slots.get(number as usize).copied().unwrap_or(99) }
    }

    fn event(&mut self, text: &str) -> Event {
        let words: Vec<&str> = text.split(' ').collect();
        let number = |text: &str| text.parse::<u32>().expect("a number");
        let node = || NodeId(value(&words, "on").expect("on a node") as u32);
        let attempt = || {
            let (task, attempt) = words[1].split_once('.').expect("task and attempt");
            (self.task(number(task)), AttemptNumber(number(attempt)))
        };
        match words[0] {
            "up" => Event::NodeJoined { node: NodeId(number(words[1])) },
            "lost" => Event::NodeLost { node: NodeId(number(words[1])) },
            "close" => Event::NodeClosed {
                node: NodeId(number(words[1])),
                reason: ClosedBy::Drain,
                move_waiting: text.ends_with(" moving"),
            },
            "leave" => Event::NodeLeaving { node: NodeId(number(words[1])) },
            "open" => Event::NodeOpened { node: NodeId(number(words[1])), reason: ClosedBy::Drain },
            "timer" => Event::TimerFired,
            "no" => Event::ArrivalsEnded { next: value(&words, "from").expect("a task") as u32 },
            "began" => Event::AttemptStarted { task: attempt().0, attempt: attempt().1, node: node() },
            "done" | "failed" | "killed" => Event::AttemptFinished {
                task: attempt().0,
                attempt: attempt().1,
                node: node(),
                outcome: match words[0] {
                    "done" => Outcome::Success,
                    "failed" => Outcome::Failure,
                    _ => Outcome::Killed,
                },
                service: Duration(SECOND),
            },
            "task" => {
                let task = number(words[1]);
                assert_eq!(task as usize, self.slots.len(), "tasks are numbered in order");
                let slot = value(&words, "in").map_or(task, |slot| slot as u32);
                self.slots.push(slot);
                let spec = TaskSpec {
                    estimate: value(&words, "work").unwrap_or(1) * SECOND,
                    priority: value(&words, "urgent").unwrap_or(0) as f64,
                    slots: value(&words, "slots").unwrap_or(1) as u32,
                    class: 0,
                };
                Event::TaskSubmitted { task: TaskId { slot, number: task }, spec }
            }
            other => panic!("no event `{other}`"),
        }
    }

    /// What is said of a task that waits for others, before and after it is submitted.
    fn dependencies(task: TaskId, text: &str) -> (Option<Event>, Vec<Event>) {
        let parents = text.split_once(" after ").map(|(_, parents)| parents.split('+'));
        let words: Vec<&str> = text.split(' ').collect();
        let lock = value(&words, "lock").map_or(NO_LOCK, |lock| lock as u32);
        let fails = value(&words, "fails");
        let in_job = parents.is_some() || text.contains(" of job");
        if !in_job && fails.is_none() && lock == NO_LOCK {
            return (None, Vec::new());
        }
        let parent = |parent: &str| parent.parse().expect("a number");
        let declare = |parent| Event::DependencyDeclared { task, parent };
        let declared: Vec<Event> = parents.into_iter().flatten().map(parent).map(declare).collect();
        let parents = declared.len() as u32;
        let failure_probability = fails.unwrap_or(0) as f64 / 100.0;
        let job = if in_job { 0 } else { NO_JOB };
        let number = task.number;
        let details =
            TaskDetails { number, job, parents, lock, failure_probability, ..TaskDetails::default() };
        (Some(Event::TaskDescribed { task, details }), declared)
    }

    /// One instant; gives the core's answer.
    fn instant(&mut self, now: Time, events: &str) -> String {
        let before = self.records.len();
        for text in events.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            let event = self.event(text);
            let (described, declared) = match event {
                Event::TaskSubmitted { task, .. } => Core::dependencies(task, text),
                _ => (None, Vec::new()),
            };
            for event in described.into_iter().chain([event]).chain(declared) {
                self.scheduler.handle(now, event, &mut self.commands, &mut self.records);
            }
            self.scheduler.check_invariants();
        }
        self.scheduler.decide(now, &mut self.commands, &mut self.records);
        self.scheduler.check_invariants();
        let mut answer = Vec::new();
        for (at, record) in &self.records[before..] {
            assert_eq!(*at, now);
            if let Record::Refused { task, attempt, node } = record {
                answer.push(format!("refuse {}.{} on {}", task.number, attempt.0, node.0));
            }
        }
        for command in self.commands.as_slice() {
            answer.push(match command {
                Command::StartAttempt { task, attempt, node } => {
                    format!("start {}.{} on {}", task.number, attempt.0, node.0)
                }
                Command::StopAttempt { task, attempt, node, .. } => {
                    format!("stop {}.{} on {}", task.number, attempt.0, node.0)
                }
                Command::CancelAttempt { task, attempt, node } => {
                    format!("cancel {}.{} on {}", task.number, attempt.0, node.0)
                }
                Command::Settle { task, state: TaskState::Timeout } => format!("timeout {}", task.number),
                Command::Settle { task, state: TaskState::Completed } => format!("completed {}", task.number),
                Command::Settle { task, state: TaskState::Error } => format!("error {}", task.number),
                Command::Settle { task, state: TaskState::Cancelled } => format!("cancelled {}", task.number),
                Command::StopNode { node } => format!("stop node {}", node.0),
                other => panic!("{other:?}"),
            });
        }
        self.commands.clear();
        if let Some(due) = self.scheduler.next_timer() {
            answer.push(format!("timer {}", due.as_seconds()));
        }
        answer.join(", ")
    }

    #[track_caller]
    fn play(mut self, script: &str) -> Self {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (time, rest) = line.split_once(':').expect("a time");
            let (events, expected) = rest.split_once("->").expect("an answer");
            let now = Time::from_seconds(time.parse().expect("a number")).expect("a time");
            assert_eq!(self.instant(now, events), expected.trim(), "at {line}");
        }
        self
    }
}

fn retry() -> RetryPlan {
    RetryPlan::default()
}

// Dependencies --------------------------------------------------------------------------------

/// Parents may arrive after their children; of children that are ready at one instant the first goes first.
#[test]
fn a_task_starts_once_all_its_parents_have_completed() {
    core("fifo least-loaded pull none", &[1, 1], retry()).play(
        "0: up 0, up 1, task 0 after 1+2, task 1 after 2 ->
         1: task 2 after 3+3, task 3    -> start 3.1 on 0
         2: task 4 of job               -> start 4.1 on 1
         3: done 3.1 on 0               -> completed 3, start 2.1 on 0
         4: done 2.1 on 0, done 4.1 on 1, task 5 -> completed 2, completed 4, start 1.1 on 0, start 5.1 on 1
         5: failed 1.1 on 0             -> start 1.2 on 0
         6: done 1.2 on 0               -> completed 1, start 0.1 on 0
         7: task 6 in 9 after 0+4       ->
         8: done 0.1 on 0               -> completed 0, start 6.1 on 0",
    );
}

/// Children that are bound on arrival are bound when they are ready.
#[test]
fn a_blocked_task_is_bound_when_it_is_ready() {
    core("fifo round-robin push none", &[1, 1], retry()).play(
        "0: up 0, up 1, task 0, task 1 after 0, task 2 after 0 -> start 0.1 on 0
         1: lost 1                      ->
         2: done 0.1 on 0               -> completed 0, start 1.1 on 0
         3: up 1, task 3                -> start 3.1 on 1
         4: done 1.1 on 0               -> completed 1, start 2.1 on 0",
    );
}

#[test]
fn what_cannot_start_any_more_is_cancelled() {
    let once = || RetryPlan { max_attempts: Some(1), ..retry() };
    core("fifo least-loaded pull none", &[1], once()).play(
        "0: up 0, task 0 after 9, task 1, task 2 after 1+3, task 3 after 1 -> start 1.1 on 0
         1: task 4 after 2, task 5 after 0+4, task 6 ->
         2: failed 1.1 on 0             -> error 1, cancelled 2, cancelled 3, cancelled 4, cancelled 5, start 6.1 on 0
         3: task 7 in 2 after 4, task 8 in 3 after 6 -> cancelled 7
         4: no more from 9              -> cancelled 0
         5: done 6.1 on 0               -> completed 6, start 8.1 on 0",
    );
}

// Time limits and budget ----------------------------------------------------------------------

/// What ends at the very instant of its limit has ended. A result that comes later is refused. No limit is
/// kept of what is over.
#[test]
fn an_attempt_is_stopped_at_its_limit() {
    let retry = RetryPlan { timeout: Some(Duration(3 * SECOND)), max_attempts: Some(2), ..retry() };
    core("fifo least-loaded pull none", &[1], retry).play(
        "0: up 0, task 0, task 1     -> start 0.1 on 0, timer 3
         3: timer                    -> cancel 0.1 on 0, start 0.2 on 0, timer 6
         4: done 0.1 on 0            -> refuse 0.1 on 0, timer 6
         6: timer, done 0.2 on 0     -> completed 0, start 1.1 on 0, timer 9
         7: failed 1.1 on 0          -> start 1.2 on 0, timer 10
         8: lost 0                   -> stop 1.2 on 0
         9: up 0                     -> start 1.3 on 0, timer 12
         12: timer                   -> cancel 1.3 on 0, timeout 1",
    );
}

#[test]
fn a_task_is_settled_when_its_time_is_up() {
    let retry = RetryPlan { total_timeout: Some(Duration(5 * SECOND)), ..retry() };
    for dispatch in ["pull", "push", "hybrid", "late-binding", "serial", "pull-3"] {
        core(&format!("fifo least-loaded {dispatch} none"), &[1], retry).play(
            "0: up 0, task 0, task 1     -> start 0.1 on 0, timer 5
             2: task 2                   -> timer 5
             5: timer                    -> cancel 0.1 on 0, timeout 0, timeout 1, start 2.1 on 0, timer 7
             6: done 2.1 on 0            -> completed 2
             7: task 3 in 0              -> start 3.1 on 0, timer 12
             8: done 0.1 on 0            -> refuse 0.1 on 0, timer 12
             12: done 3.1 on 0           -> completed 3",
        );
    }
}

/// Nine first attempts pay for one retry. It goes to the task most likely to fail, whichever failed first.
#[test]
fn the_budget_goes_to_those_most_likely_to_fail() {
    let budget = Some(BudgetPlan { share: 0.1, burst: 1 });
    core("fifo first-fit push none", &[10], RetryPlan { budget, ..retry() }).play(
        "0: up 0, task 0 fails 10, task 1 fails 30, task 2 fails 20, task 3, task 4, task 5, task 6, task 7, task 8 -> start 0.1 on 0, start 1.1 on 0, start 2.1 on 0, start 3.1 on 0, start 4.1 on 0, start 5.1 on 0, start 6.1 on 0, start 7.1 on 0, start 8.1 on 0
         1: failed 0.1 on 0, failed 1.1 on 0, failed 2.1 on 0 -> error 2, error 0, start 1.2 on 0
         2: failed 1.2 on 0, failed 1.2 on 0 -> refuse 1.2 on 0, error 1",
    );
}

/// Of tasks that fail at one instant those most likely to fail are bound first; who arrives between them keeps
/// its place. Equals go in the order of their failures.
#[test]
fn failed_tasks_are_handled_by_their_probability_of_failure() {
    core("fifo round-robin push none", &[1, 1, 1], retry()).play(
        "0: up 0, up 1, up 2, task 0 fails 10, task 1 fails 30, task 2 fails 20 -> start 0.1 on 0, start 1.1 on 1, start 2.1 on 2
         1: failed 0.1 on 0, failed 1.1 on 1, failed 2.1 on 2 -> start 1.2 on 0, start 2.2 on 1, start 0.2 on 2
         2: failed 0.2 on 2, task 3 fails 90, failed 2.2 on 1 -> start 0.3 on 2, start 3.1 on 1
         3: done 1.2 on 0 -> completed 1, start 2.3 on 0",
    );
    core("fifo round-robin push none", &[1, 1, 1], retry()).play(
        "0: up 0, up 1, up 2, task 0 fails 20, task 1 fails 20, task 2 fails 20 -> start 0.1 on 0, start 1.1 on 1, start 2.1 on 2
         1: failed 2.1 on 2, failed 0.1 on 0, failed 1.1 on 1 -> start 1.2 on 2, start 2.2 on 0, start 0.2 on 1",
    );
    // Pauses that end at one instant.
    core("fifo round-robin push none", &[1, 1, 1], doubling()).play(
        "0: up 0, up 1, up 2, task 0 fails 10, task 1 fails 30 -> start 0.1 on 0, start 1.1 on 1
         3: failed 0.1 on 0, failed 1.1 on 1 -> timer 5
         5: timer -> start 1.2 on 2, start 0.2 on 0",
    );
}

// Stale results -------------------------------------------------------------------------------

#[test]
fn a_result_from_a_lost_node_is_refused() {
    let core = core("fifo round-robin push none", &[1, 1], retry()).play(
        "0: up 0, up 1, task 0       -> start 0.1 on 0
         5: lost 0                   -> stop 0.1 on 0, start 0.2 on 1
         6: done 0.1 on 0            -> refuse 0.1 on 0
         7: done 0.2 on 1            -> completed 0
         8: done 0.2 on 1            -> refuse 0.2 on 1
         9: failed 0.2 on 1          -> refuse 0.2 on 1",
    );
    let view = core.scheduler.view();
    assert_eq!((view.submitted(), view.settled(), view.running(), view.waiting()), (1, 1, 0, 0));
    assert_eq!(view.refused(), 3);
}

/// The node comes back, takes the task again, and only then speaks of the attempt it lost.
#[test]
fn an_old_result_from_the_node_that_runs_the_task_again_is_refused() {
    core("fifo least-loaded pull none", &[1], retry()).play(
        "0: up 0, task 0             -> start 0.1 on 0
         1: lost 0                   -> stop 0.1 on 0
         2: up 0                     -> start 0.2 on 0
         3: done 0.1 on 0            -> refuse 0.1 on 0
         4: done 0.2 on 0            -> completed 0",
    );
}

#[test]
fn a_result_is_believed_only_word_for_word() {
    core("fifo round-robin push none", &[1, 1], retry()).play(
        "0: up 0, up 1, task 0, task 1  -> start 0.1 on 0, start 1.1 on 1
         1: done 0.1 on 1               -> refuse 0.1 on 1
         2: done 0.2 on 0               -> refuse 0.2 on 0
         3: done 0.0 on 0               -> refuse 0.0 on 0
         4: failed 7.1 on 0             -> refuse 7.1 on 0
         5: done 0.1 on 0, done 0.1 on 0, done 1.1 on 1 -> refuse 0.1 on 0, completed 0, completed 1",
    );
}

/// A slot is used again; a late message about its last holder is not taken for the new one.
#[test]
fn the_number_tells_holders_of_a_slot_apart() {
    core("fifo least-loaded pull none", &[1, 1], retry()).play(
        "0: up 0, up 1, task 0 in 5  -> start 0.1 on 0
         1: done 0.1 on 0            -> completed 0
         2: task 1 in 5              -> start 1.1 on 0
         3: done 0.1 on 0            -> refuse 0.1 on 0
         4: failed 0.1 on 0          -> refuse 0.1 on 0
         5: done 1.1 on 0            -> completed 1",
    );
}

#[test]
fn a_waiting_task_has_no_attempt_that_could_end() {
    core("fifo least-loaded pull none", &[1], retry()).play(
        "0: up 0, task 0, task 1     -> start 0.1 on 0
         1: done 1.1 on 0            -> refuse 1.1 on 0
         2: done 1.0 on 0            -> refuse 1.0 on 0
         3: failed 0.1 on 0          -> start 0.2 on 0
         4: done 0.1 on 0            -> refuse 0.1 on 0",
    );
}

#[test]
#[should_panic(expected = "slot 3 holds an unsettled task")]
fn a_slot_in_use_is_a_bug_of_the_driver() {
    core("fifo least-loaded pull none", &[1], retry()).play(
        "0: up 0, task 0 in 3        -> start 0.1 on 0
         1: task 1 in 3              ->",
    );
}

// Beyond pull and push ------------------------------------------------------------------------

#[test]
fn an_idle_node_takes_the_first_that_waits_in_the_longest_queue() {
    let core = core("fifo round-robin hybrid none", &[1, 1], retry()).play(
        "0: up 0, up 1, task 0, task 1         -> start 0.1 on 0, start 1.1 on 1
         1: task 2, task 3, task 4, task 5     ->
         2: done 1.1 on 1                      -> completed 1, start 3.1 on 1
         3: done 3.1 on 1                      -> completed 3, start 5.1 on 1
         4: done 5.1 on 1                      -> completed 5, start 2.1 on 1
         5: done 2.1 on 1                      -> completed 2, start 4.1 on 1
         6: done 4.1 on 1                      -> completed 4
         7: done 0.1 on 0                      -> completed 0",
    );
    let moved = |(_, record): &(Time, Record)| match record {
        Record::Stolen { task, from, to } => Some((task.number, from.0, to.0)),
        _ => None,
    };
    let moved: Vec<(u32, u32, u32)> = core.records.iter().filter_map(moved).collect();
    assert_eq!(moved, [(2, 0, 1), (4, 0, 1)]);
}

/// Five wait at node 0 when node 1 comes up: it takes three of them.
#[test]
fn half_a_queue_moves() {
    core("fifo round-robin hybrid-half none", &[1, 1], retry()).play(
        "0: up 0, task 0, task 1, task 2, task 3, task 4, task 5 -> start 0.1 on 0
         1: up 1                               -> start 1.1 on 1
         2: done 0.1 on 0                      -> completed 0, start 4.1 on 0
         3: done 4.1 on 0                      -> completed 4, start 5.1 on 0
         4: done 1.1 on 1                      -> completed 1, start 2.1 on 1
         5: done 5.1 on 0                      -> completed 5, start 3.1 on 0",
    );
}

/// What waits first when the request arrives is taken, if anything does; a node that is lost asks anew.
#[test]
fn a_request_takes_its_time() {
    core("fifo round-robin hybrid-2s none", &[1, 1], retry()).play(
        "0: up 0, task 0, task 1, task 2       -> start 0.1 on 0
         1: up 1                               -> timer 3
         2: done 0.1 on 0                      -> completed 0, start 1.1 on 0, timer 3
         3: timer                              -> start 2.1 on 1",
    );
    core("fifo round-robin hybrid-2s none", &[1, 1], retry()).play(
        "0: up 0, task 0, task 1               -> start 0.1 on 0
         1: up 1                               -> timer 3
         2: done 0.1 on 0                      -> completed 0, start 1.1 on 0, timer 3
         3: timer                              ->",
    );
    core("fifo round-robin hybrid-2s none", &[1, 1], retry()).play(
        "0: up 0, task 0, task 1               -> start 0.1 on 0
         1: up 1                               -> timer 3
         2: lost 1                             -> timer 3
         3: timer                              ->
         4: up 1                               -> timer 6
         6: timer                              -> start 1.1 on 1",
    );
}

/// A wide task that the first idle node cannot run goes to the next that can.
#[test]
fn only_what_fits_is_taken() {
    core("fifo round-robin hybrid none", &[2, 1, 2], retry()).play(
        "0: up 0, task 0 slots 2, task 1 slots 2, task 2 -> start 0.1 on 0
         1: up 1                               ->
         2: up 2                               -> start 1.1 on 2, start 2.1 on 1",
    );
}

#[test]
fn one_task_at_a_time() {
    core("fifo fastest serial none", &[1, 2], retry()).play(
        "0: up 0, up 1, task 0, task 1, task 2 -> start 0.1 on 0
         1: done 0.1 on 0                      -> completed 0, start 1.1 on 0
         2: lost 0                             -> stop 1.1 on 0, start 1.2 on 1
         3: up 0                               ->
         4: done 1.2 on 1                      -> completed 1, start 2.1 on 0",
    );
}

/// Round robin names the nodes 0, 1; 2, 0; 1, 2; 0, 1; 2, 0.
#[test]
fn the_first_of_two_nodes_takes_the_task() {
    core("fifo round-robin late-binding none", &[1, 1, 1], retry()).play(
        "0: up 0, up 1, up 2, task 0           -> start 0.1 on 0
         1: task 1                             -> start 1.1 on 2
         2: task 2                             -> start 2.1 on 1
         3: task 3, task 4                     ->
         4: done 2.1 on 1                      -> completed 2, start 3.1 on 1
         5: done 0.1 on 0                      -> completed 0, start 4.1 on 0
         6: done 1.1 on 2                      -> completed 1",
    );
}

#[test]
fn places_are_lost_with_their_node() {
    core("fifo round-robin late-binding none", &[1, 1], retry()).play(
        "0: up 0, up 1, task 0, task 1, task 2 -> start 0.1 on 0, start 1.1 on 1
         1: lost 0                             -> stop 0.1 on 0
         2: done 1.1 on 1                      -> completed 1, start 0.2 on 1
         3: lost 1                             -> stop 0.2 on 1
         4: up 0                               -> start 0.3 on 0
         5: done 0.3 on 0                      -> completed 0, start 2.1 on 0",
    );
}

/// Task 1 waits at node 0 though node 1 is idle, until node 0 is lost: then it has its old place in line.
#[test]
fn nodes_take_three_tasks_at_a_time() {
    core("fifo first-fit pull-3 none", &[1, 1], retry()).play(
        "0: up 0, up 1, task 0, task 1, task 2, task 3, task 4 -> start 0.1 on 0, start 3.1 on 1
         1: done 3.1 on 1                      -> completed 3, start 4.1 on 1
         2: done 4.1 on 1                      -> completed 4
         3: task 5                             -> start 5.1 on 1
         4: task 6                             ->
         5: lost 0                             -> stop 0.1 on 0
         6: done 5.1 on 1                      -> completed 5, start 0.2 on 1
         7: up 0                               -> start 6.1 on 0
         8: done 0.2 on 1                      -> completed 0, start 1.1 on 1
         9: done 1.1 on 1                      -> completed 1, start 2.1 on 1",
    );
}

/// A node that has a free slot does not ask as long as something waits there, and takes nothing that is
/// too large for it.
#[test]
fn what_a_node_has_taken_goes_first() {
    core("fifo first-fit pull-3 none", &[2, 1], retry()).play(
        "0: up 0, up 1, task 0, task 1 slots 2, task 2, task 3 -> start 0.1 on 0, start 3.1 on 1
         1: task 4                             ->
         2: done 0.1 on 0                      -> completed 0, start 1.1 on 0
         3: done 1.1 on 0                      -> completed 1, start 2.1 on 0, start 4.1 on 0",
    );
    core("fifo first-fit pull-3 none", &[1, 2], retry()).play(
        "0: up 0, up 1, task 0, task 1 slots 2, task 2 -> start 0.1 on 0, start 1.1 on 1
         1: done 0.1 on 0                      -> completed 0
         2: done 1.1 on 1                      -> completed 1, start 2.1 on 1",
    );
}

// One decision per instant --------------------------------------------------------------------

/// Whatever the order in which the facts of an instant come in.
#[test]
fn all_facts_of_an_instant_come_before_its_decision() {
    for facts in ["done 0.1 on 0, task 2 urgent 9", "task 2 urgent 9, done 0.1 on 0"] {
        core("priority fastest pull none", &[1], retry()).play(&format!(
            "0: up 0, task 0, task 1     -> start 0.1 on 0
             5: {facts}                  -> completed 0, start 2.1 on 0
             6: done 2.1 on 0            -> completed 2, start 1.1 on 0"
        ));
    }
    for facts in ["done 0.1 on 0, task 2 work 1", "task 2 work 1, done 0.1 on 0"] {
        core("sjf round-robin push none", &[1], retry()).play(&format!(
            "0: up 0, task 0 work 3      -> start 0.1 on 0
             1: task 1 work 2            ->
             5: {facts}                  -> completed 0, start 2.1 on 0"
        ));
    }
}

#[test]
fn tasks_that_come_together_go_in_order_of_the_queue() {
    core("sjf fastest pull none", &[1, 1], retry())
        .play("0: task 0 work 9, task 1 work 1, task 2 work 5, up 0, up 1 -> start 1.1 on 0, start 2.1 on 1");
    core("ljf first-fit pull none", &[1], retry()).play(
        "0: task 0 work 9, task 1 work 1, up 0, task 2 work 9, task 3 work 10 -> start 3.1 on 0
         1: done 3.1 on 0            -> completed 3, start 0.1 on 0
         2: done 0.1 on 0            -> completed 0, start 2.1 on 0",
    );
    core("lifo first-fit pull none", &[1], retry()).play(
        "0: up 0, task 0, task 1, task 2 -> start 2.1 on 0
         1: done 2.1 on 0, task 3        -> completed 2, start 3.1 on 0",
    );
}

/// A node that ends one task and is lost at the same instant: the end came first and counts.
#[test]
fn facts_of_one_instant_count_in_the_order_they_come() {
    core("fifo least-loaded pull none", &[1, 1], retry()).play(
        "0: up 0, up 1, task 0           -> start 0.1 on 0
         5: done 0.1 on 0, lost 0, task 1 -> completed 0, start 1.1 on 1
         6: task 2                       ->
         7: lost 1, done 1.1 on 1        -> refuse 1.1 on 1, stop 1.1 on 1
         8: up 1                         -> start 1.2 on 1",
    );
    // Gone and back within an instant: what ran there is lost all the same.
    core("fifo least-loaded pull none", &[1], retry()).play(
        "0: up 0, task 0             -> start 0.1 on 0
         1: lost 0, up 0             -> stop 0.1 on 0, start 0.2 on 0",
    );
}

// Retries -------------------------------------------------------------------------------------

#[test]
fn attempts_are_used_up() {
    core("fifo least-loaded pull none", &[1], RetryPlan { max_attempts: Some(2), ..retry() }).play(
        "0: up 0, task 0, task 1     -> start 0.1 on 0
         1: failed 0.1 on 0          -> start 0.2 on 0
         2: failed 0.2 on 0          -> error 0, start 1.1 on 0
         3: failed 0.2 on 0          -> refuse 0.2 on 0",
    );
    core("fifo least-loaded pull none", &[1], RetryPlan { max_attempts: Some(1), ..retry() }).play(
        "0: up 0, task 0             -> start 0.1 on 0
         1: failed 0.1 on 0          -> error 0",
    );
}

/// Attempts lost with their node do not count as failed.
#[test]
fn lost_attempts_are_not_used_up() {
    core("fifo least-loaded pull none", &[1], RetryPlan { max_attempts: Some(2), ..retry() }).play(
        "0: up 0, task 0             -> start 0.1 on 0
         1: lost 0                   -> stop 0.1 on 0
         2: up 0                     -> start 0.2 on 0
         3: lost 0, up 0             -> stop 0.2 on 0, start 0.3 on 0
         4: failed 0.3 on 0          -> start 0.4 on 0
         5: lost 0, up 0             -> stop 0.4 on 0, start 0.5 on 0
         6: failed 0.5 on 0          -> error 0",
    );
}

#[test]
fn attempts_without_limit() {
    let mut core = core("fifo least-loaded pull none", &[1], RetryPlan { max_attempts: None, ..retry() });
    assert_eq!(core.instant(Time(0), "up 0, task 0"), "start 0.1 on 0");
    for attempt in 1..1000u64 {
        let answer = core.instant(Time(attempt), &format!("failed 0.{attempt} on 0"));
        assert_eq!(answer, format!("start 0.{} on 0", attempt + 1));
    }
    assert_eq!(core.instant(Time(1000), "done 0.1000 on 0"), "completed 0");
}

fn doubling() -> RetryPlan {
    let seconds = |seconds| Duration(seconds * SECOND);
    let backoff = Backoff { base: seconds(2), factor: 2.0, max: seconds(5), jitter: 0.0 };
    RetryPlan { max_attempts: None, backoff, ..retry() }
}

#[test]
fn a_failed_task_waits_for_its_backoff() {
    core("fifo least-loaded pull none", &[1], doubling()).play(
        "0: up 0, task 0             -> start 0.1 on 0
         1: failed 0.1 on 0          -> timer 3
         2: timer                    -> timer 3
         3: timer                    -> start 0.2 on 0
         4: failed 0.2 on 0          -> timer 8
         8: timer                    -> start 0.3 on 0
         9: failed 0.3 on 0          -> timer 14
         14: timer                   -> start 0.4 on 0
         15: failed 0.4 on 0         -> timer 20",
    );
}

/// Others use the node meanwhile; then the task is back at its place in line.
#[test]
fn a_task_is_back_in_line_after_its_backoff() {
    for policy in ["fifo least-loaded pull none", "fifo round-robin push none"] {
        core(policy, &[1], doubling()).play(
            "0: up 0, task 0, task 1, task 2, task 3 -> start 0.1 on 0
             1: failed 0.1 on 0          -> start 1.1 on 0, timer 3
             3: timer                    ->
             4: done 1.1 on 0            -> completed 1, start 0.2 on 0
             5: failed 0.2 on 0          -> start 2.1 on 0, timer 9
             9: done 2.1 on 0, timer     -> completed 2, start 0.3 on 0
             10: done 0.3 on 0           -> completed 0, start 3.1 on 0",
        );
    }
}

#[test]
fn timers_of_several_tasks_are_told_apart() {
    core("fifo least-loaded pull none", &[2], doubling()).play(
        "0: up 0, task 0, task 1     -> start 0.1 on 0, start 1.1 on 0
         1: failed 1.1 on 0          -> timer 3
         2: failed 0.1 on 0          -> timer 3
         3: timer                    -> start 1.2 on 0, timer 4
         4: timer, failed 1.2 on 0   -> start 0.2 on 0, timer 8
         8: timer                    -> start 1.3 on 0",
    );
    // At one instant both are back, and go in order of number.
    core("fifo least-loaded pull none", &[2], doubling()).play(
        "0: up 0, task 0, task 1     -> start 0.1 on 0, start 1.1 on 0
         1: failed 1.1 on 0, failed 0.1 on 0 -> timer 3
         3: timer                    -> start 0.2 on 0, start 1.2 on 0",
    );
}

/// Backoff goes on while all nodes are down.
#[test]
fn a_backoff_ends_though_nobody_is_up() {
    for policy in ["fifo least-loaded pull none", "fifo least-loaded push none"] {
        core(policy, &[1], doubling()).play(
            "0: up 0, task 0             -> start 0.1 on 0
             1: failed 0.1 on 0          -> timer 3
             2: lost 0                   -> timer 3
             3: timer                    ->
             9: up 0                     -> start 0.2 on 0",
        );
    }
}

// Nodes ---------------------------------------------------------------------------------------

#[test]
fn tasks_may_end_with_their_node() {
    let fail = RetryPlan { on_node_loss: OnNodeLoss::Fail, ..retry() };
    let core = core("fifo round-robin push none", &[2, 1], fail).play(
        "0: up 0, up 1, task 0, task 1, task 2, task 3 -> start 0.1 on 0, start 2.1 on 0, start 1.1 on 1
         5: lost 1                   -> stop 1.1 on 1, error 1
         6: up 1                     ->
         7: lost 0, lost 1           -> stop 0.1 on 0, error 0, stop 2.1 on 0, error 2
         8: up 0                     -> start 3.1 on 0
         9: done 2.1 on 0            -> refuse 2.1 on 0",
    );
    // Task 3 only waited at node 1, and is not lost with it.
    assert_eq!(core.scheduler.view().settled(), 3);
}

/// What ran on a node is placed again first, in the order in which it started, then its queue.
#[test]
fn the_tasks_of_a_lost_node_are_placed_again_in_order() {
    core("fifo round-robin push none", &[2, 1, 1], retry()).play(
        "0: up 0, task 0, task 1, task 2, task 3 -> start 0.1 on 0, start 1.1 on 0
         1: up 1, up 2               ->
         2: lost 0                   -> stop 0.1 on 0, stop 1.1 on 0, start 0.2 on 1, start 1.2 on 2
         3: done 1.2 on 2            -> completed 1, start 3.1 on 2
         4: done 0.2 on 1            -> completed 0, start 2.1 on 1",
    );
}

/// Returned tasks overtake those that arrived after them, but nobody who runs.
#[test]
fn returned_tasks_keep_their_place_in_line() {
    for policy in ["fifo least-loaded pull none", "fifo least-loaded push none"] {
        core(policy, &[1, 1], retry()).play(
            "0: up 0, up 1, task 0, task 1, task 2, task 3 -> start 0.1 on 0, start 1.1 on 1
             2: lost 0                   -> stop 0.1 on 0
             3: done 1.1 on 1            -> completed 1, start 0.2 on 1
             4: done 0.2 on 1            -> completed 0, start 2.1 on 1
             5: done 2.1 on 1            -> completed 2, start 3.1 on 1",
        );
    }
    // Last come, first served: the line is the other way round, and the place in it is the same.
    core("lifo least-loaded pull none", &[1, 1], retry()).play(
        "0: up 0, task 0             -> start 0.1 on 0
         1: task 1, task 2           ->
         2: lost 0                   -> stop 0.1 on 0
         3: up 1, task 3             -> start 3.1 on 1
         4: done 3.1 on 1            -> completed 3, start 2.1 on 1
         5: done 2.1 on 1            -> completed 2, start 1.1 on 1
         6: done 1.1 on 1            -> completed 1, start 0.2 on 1",
    );
}

#[test]
fn with_nobody_up_tasks_are_parked_and_placed_in_order() {
    core("fifo round-robin push none", &[1, 1], retry()).play(
        "0: up 0, up 1, task 0, task 1, task 2 -> start 0.1 on 0, start 1.1 on 1
         1: lost 0                   -> stop 0.1 on 0
         2: lost 1                   -> stop 1.1 on 1
         3: task 3                   ->
         4: up 1, task 4             -> start 0.2 on 1
         5: done 0.2 on 1            -> completed 0, start 1.2 on 1
         6: done 1.2 on 1            -> completed 1, start 2.1 on 1
         7: up 0                     ->
         8: done 2.1 on 1            -> completed 2, start 3.1 on 1
         9: done 3.1 on 1            -> completed 3, start 4.1 on 1",
    );
    core("fifo round-robin push none", &[1, 1], retry()).play(
        "0: task 0, task 1, task 2   ->
         1: up 0, up 1               -> start 0.1 on 0, start 1.1 on 1
         2: done 0.1 on 0            -> completed 0, start 2.1 on 0",
    );
    core("fifo best-fit pull none", &[1, 1], retry()).play(
        "0: task 0, task 1, task 2   ->
         1: up 1                     -> start 0.1 on 1
         2: up 0                     -> start 1.1 on 0",
    );
}

/// A wide task waits for a node that is large enough, and does not keep others from smaller ones.
#[test]
fn a_task_too_wide_for_the_nodes_that_are_up_is_parked() {
    core("fifo first-fit push none", &[2, 4], retry()).play(
        "0: up 0, task 0 slots 3, task 1 -> start 1.1 on 0
         1: up 1                     -> start 0.1 on 1
         2: lost 1                   -> stop 0.1 on 1
         3: done 1.1 on 0            -> completed 1
         4: up 1                     -> start 0.2 on 1",
    );
    // Under pull it is at the head of the one queue, and blocks it.
    core("fifo first-fit pull none", &[2, 4], retry()).play(
        "0: up 0, task 0 slots 3, task 1 ->
         1: up 1                     -> start 0.1 on 1, start 1.1 on 0",
    );
}

#[test]
fn what_is_known_of_a_node_already_changes_nothing() {
    core("fifo least-loaded pull none", &[1], retry()).play(
        "0: lost 0                   ->
         1: up 0, up 0, task 0       -> start 0.1 on 0
         2: up 0, task 1             ->
         3: lost 0                   -> stop 0.1 on 0
         4: lost 0                   ->
         5: up 0                     -> start 0.2 on 0",
    );
}

// Heads that block ----------------------------------------------------------------------------

#[test]
fn the_head_of_the_queue_blocks_until_it_fits() {
    core("fifo first-fit pull none", &[4], retry()).play(
        "0: up 0, task 0 slots 3     -> start 0.1 on 0
         1: task 1 slots 2           ->
         2: task 2 slots 1           ->
         9: done 0.1 on 0            -> completed 0, start 1.1 on 0, start 2.1 on 0",
    );
    core("fifo first-fit push none", &[4], retry()).play(
        "0: up 0, task 0 slots 3     -> start 0.1 on 0
         1: task 1 slots 2           ->
         2: task 2 slots 1           ->
         9: done 0.1 on 0            -> completed 0, start 1.1 on 0, start 2.1 on 0",
    );
    // A more urgent task is the new head; it is chosen anew at every pass.
    core("priority first-fit pull none", &[4], retry()).play(
        "0: up 0, task 0 slots 3     -> start 0.1 on 0
         1: task 1 slots 2           ->
         2: task 2 slots 1 urgent 1  -> start 2.1 on 0",
    );
}

#[test]
fn any_task_that_fits_overtakes() {
    core("fifo first-fit pull aggressive", &[4], retry()).play(
        "0: up 0, task 0 slots 3     -> start 0.1 on 0
         1: task 1 slots 2 work 9    ->
         2: task 2 slots 2           ->
         3: task 3 slots 1 work 99, task 4 slots 1 -> start 3.1 on 0
         4: done 3.1 on 0            -> completed 3, start 4.1 on 0
         5: done 0.1 on 0            -> completed 0, start 1.1 on 0
         6: done 4.1 on 0            -> completed 4, start 2.1 on 0",
    );
}

/// The head (2 slots) can start at 10. Task 2 would end after that and take a slot the head needs;
/// task 3 ends at 10 and overtakes.
#[test]
fn only_a_task_that_delays_nobody_overtakes() {
    core("fifo first-fit pull easy", &[2], retry()).play(
        "0: up 0, task 0 work 10          -> start 0.1 on 0
         1: task 1 slots 2 work 5         ->
         2: task 2 work 9                 ->
         2: task 3 work 8                 -> start 3.1 on 0
         10: done 0.1 on 0, done 3.1 on 0 -> completed 0, completed 3, start 1.1 on 0",
    );
    // The head starts at 10 at the earliest, then, once the node was lost, at 14.
    core("fifo first-fit pull easy", &[3], retry()).play(
        "0: up 0, task 0 work 10          -> start 0.1 on 0
         1: task 1 slots 3 work 5         ->
         2: task 2 work 9                 ->
         3: lost 0                        -> stop 0.1 on 0
         4: up 0                          -> start 0.2 on 0, start 2.1 on 0
         5: task 3 work 9                 -> start 3.1 on 0",
    );
    // The head takes 3 of 4 slots at 10: a long task may take the fourth, a second one may not.
    core("fifo first-fit pull easy", &[4], retry()).play(
        "0: up 0, task 0 slots 2 work 10  -> start 0.1 on 0
         1: task 1 slots 3 work 5         ->
         2: task 2 work 99, task 3 work 99 -> start 2.1 on 0
         10: done 0.1 on 0                -> completed 0, start 1.1 on 0",
    );
}

// Starts that take time -----------------------------------------------------------------------

#[test]
fn a_start_that_is_reported_late_counts_from_the_report() {
    let mut core = core("fifo least-loaded pull none", &[1], retry());
    core.scheduler = {
        let nodes = [NodeSpec { slots: 1, speed: 1.0, weight: 1.0 }; 2];
        let config = SchedulerConfig {
            retry: retry(),
            max_demand: 1,
            starts_are_reported: true,
            seed: 1,
            resources: Default::default(),
            limits: Limits::default(),
            guards: Default::default(),
            alarms: Default::default(),
            monitor: None,
            autoscale: None,
        };
        let fifo = falcon::policies::registry::preset("fifo").expect("a preset");
        Scheduler::new(policies::build(&fifo, &nodes, 1, Streams::new(1)), &nodes, config)
    };
    let core = core.play(
        "0: up 0, up 1, task 0       -> start 0.1 on 0
         2: lost 0                   -> stop 0.1 on 0, start 0.2 on 1
         3: began 0.1 on 0           -> refuse 0.1 on 0
         4: began 0.2 on 1           ->
         7: done 0.2 on 1            -> completed 0",
    );
    let at = |seconds| Time::from_seconds(seconds).expect("a time");
    let busy: Vec<_> = core
        .records
        .iter()
        .filter_map(|(_, record)| match record {
            Record::Lost { busy, .. } | Record::Finished { busy, .. } => Some(*busy),
            _ => None,
        })
        .collect();
    // The first attempt never began, the second ran for 3 s.
    assert_eq!(busy, [Duration::ZERO, Duration(3 * SECOND)]);
    let settled = core.records.last().expect("records").1;
    let Record::Settled { arrival, first_start, attempts, node, .. } = settled else { panic!("{settled:?}") };
    assert_eq!((arrival, first_start, attempts, node), (at(0.0), Some(at(4.0)), 2, Some(NodeId(1))));
}

// Closed nodes and circuit breakers --------------------------------------------------------------

/// What runs on a closed node ends there, what waits there waits or moves, and keeps its place in line.
#[test]
fn a_closed_node_runs_empty() {
    core("fifo round-robin push none", &[1, 1], retry()).play(
        "0: up 0, up 1, task 0, task 1, task 2, task 3 -> start 0.1 on 0, start 1.1 on 1
         1: close 0                     ->
         2: done 0.1 on 0               -> completed 0
         3: task 4                      ->
         4: close 1, done 1.1 on 1      -> completed 1
         5: task 5                      ->
         6: open 1                      -> start 3.1 on 1
         7: close 0 moving              ->
         8: done 3.1 on 1               -> completed 3, start 2.1 on 1
         9: done 2.1 on 1               -> completed 2, start 4.1 on 1
         10: lost 0, up 0, close 1      ->
         11: done 4.1 on 1, task 6      -> completed 4
         12: open 0                     -> start 6.1 on 0
         13: open 1                     -> start 5.1 on 1",
    );
}

/// A node that leaves runs empty and is stopped, whoever would have it back; so is one that is lost meanwhile, or
/// was before. What waits there moves. One that joins again is as any other.
#[test]
fn a_node_that_leaves_is_stopped() {
    core("fifo round-robin push none", &[1, 1, 1], retry()).play(
        "0: up 0, up 1, up 2, task 0, task 1, task 2, task 3, task 4 -> start 0.1 on 0, start 1.1 on 1, start 2.1 on 2
         1: leave 1                     ->
         2: open 1, up 1                ->
         3: done 1.1 on 1               -> completed 1, stop node 1
         4: done 2.1 on 2               -> completed 2, start 4.1 on 2
         5: leave 2                     ->
         6: lost 2                      -> stop 4.1 on 2, stop node 2
         7: up 1, lost 1, leave 1       -> stop node 1
         8: done 0.1 on 0               -> completed 0, start 3.1 on 0
         9: up 1, lost 0                -> stop 3.1 on 0, start 3.2 on 1
        10: done 3.2 on 1               -> completed 3, start 4.2 on 1",
    );
}

fn breaker(trip: Trip, open: u64) -> GuardPlan {
    let open = Duration(open * SECOND);
    let breaker = BreakerPlan { trip, open, probes: 1, move_waiting: true };
    GuardPlan { breaker: Some(breaker), ..GuardPlan::default() }
}

/// Two failures in a row open the breaker, for 10 s. One attempt is then tried, and only that.
#[test]
fn a_breaker_opens_tries_and_closes() {
    guarded_core("fifo first-fit pull none", &[1, 1], retry(), breaker(Trip::Consecutive(2), 10)).play(
        "0: up 0, up 1, task 0, task 1, task 2 -> start 0.1 on 0, start 1.1 on 1
         1: failed 0.1 on 0             -> start 0.2 on 0
         2: failed 0.2 on 0             -> timer 12
         3: done 1.1 on 1               -> completed 1, start 0.3 on 1, timer 12
         4: done 0.3 on 1               -> completed 0, start 2.1 on 1, timer 12
         12: timer                      ->
         13: task 3                     -> start 3.1 on 0
         14: task 4                     ->
         15: failed 3.1 on 0            -> timer 25
         16: done 2.1 on 1              -> completed 2, start 3.2 on 1, timer 25
         25: timer                      -> start 4.1 on 0
         26: done 4.1 on 0, task 5      -> completed 4, start 5.1 on 0
         27: failed 5.1 on 0            -> start 5.2 on 0
         28: done 5.2 on 0, task 6      -> completed 5, start 6.1 on 0
         29: failed 6.1 on 0            -> start 6.2 on 0",
    );
}

/// Of attempts that were sent before the breaker opened none counts on trial.
#[test]
fn what_was_under_way_does_not_count_on_trial() {
    guarded_core("fifo first-fit pull none", &[2, 1], retry(), breaker(Trip::Consecutive(1), 5)).play(
        "0: up 0, up 1, task 0, task 1  -> start 0.1 on 0, start 1.1 on 0
         1: failed 0.1 on 0             -> start 0.2 on 1, timer 6
         6: timer                       ->
         7: task 2                      -> start 2.1 on 0
         8: failed 1.1 on 0             ->
         9: done 2.1 on 0               -> completed 2, start 1.2 on 0",
    );
}

/// 60 % of at least two ends within 10 s.
#[test]
fn a_breaker_forgets_what_was_long_ago() {
    let window = Window::Time(Duration(10 * SECOND));
    let trip = Trip::Share { share: 0.6, window, minimum: 2 };
    guarded_core("fifo first-fit pull none", &[1], retry(), breaker(trip, 5)).play(
        "0: up 0, task 0                -> start 0.1 on 0
         1: failed 0.1 on 0             -> start 0.2 on 0
         2: done 0.2 on 0               -> completed 0
         3: task 1                      -> start 1.1 on 0
         11.5: failed 1.1 on 0          -> start 1.2 on 0
         12: failed 1.2 on 0            -> timer 17
         17: timer                      -> start 1.3 on 0
         18: done 1.3 on 0              -> completed 1",
    );
}

/// Attempts that are lost count too; the node joins with its breaker still open.
#[test]
fn a_node_that_comes_and_goes_is_left_alone() {
    guarded_core("fifo first-fit pull none", &[1, 1], retry(), breaker(Trip::Consecutive(2), 10)).play(
        "0: up 0, up 1, task 0          -> start 0.1 on 0
         1: lost 0                      -> stop 0.1 on 0, start 0.2 on 1
         2: up 0, task 1                -> start 1.1 on 0
         3: lost 0                      -> stop 1.1 on 0, timer 13
         4: up 0                        -> timer 13
         13: timer                      -> start 1.2 on 0
         14: done 1.2 on 0, done 0.2 on 1 -> completed 1, completed 0",
    );
}

// Locks ----------------------------------------------------------------------------------------

fn leases(seconds: u64) -> GuardPlan {
    GuardPlan { locks: Some(LockPlan { lease: Duration(seconds * SECOND) }), ..GuardPlan::default() }
}

/// Those that need one lock go one after the other and keep nobody else waiting. A lock whose holder is
/// lost is free when the lease has run out; what the holder says later is refused, and counted once
/// another could have written.
#[test]
fn one_holder_at_a_time() {
    let core = guarded_core("fifo least-loaded pull none", &[1, 1, 1], retry(), leases(5)).play(
        "0: up 0, up 1, up 2, task 0 lock 7, task 1 lock 7, task 2 lock 3, task 3 lock 7 -> start 0.1 on 0, start 2.1 on 1
         1: done 0.1 on 0               -> completed 0, start 1.1 on 0
         2: task 4                      -> start 4.1 on 2
         3: lost 0                      -> stop 1.1 on 0, timer 8
         4: done 4.1 on 2               -> completed 4, timer 8
         5: done 1.1 on 0               -> refuse 1.1 on 0, timer 8
         8: timer                       -> start 1.2 on 2
         9: done 1.1 on 0               -> refuse 1.1 on 0
         10: failed 1.2 on 2            -> start 1.3 on 2
         11: done 1.3 on 2              -> completed 1, start 3.1 on 2",
    );
    let grants: Vec<(u32, u64, u64)> = core
        .records
        .iter()
        .filter_map(|(_, record)| match *record {
            Record::LockGranted { task, lock: 7, token, waited } => {
                Some((task.number, token, waited.0 / SECOND))
            }
            _ => None,
        })
        .collect();
    assert_eq!(grants, [(0, 1, 0), (1, 2, 1), (1, 3, 5), (3, 4, 11)]);
    let fenced: Vec<u64> = core
        .records
        .iter()
        .filter_map(|(at, record)| match *record {
            Record::WriteFenced { lock: 7, token: 2, .. } => Some(at.0 / SECOND),
            _ => None,
        })
        .collect();
    assert_eq!(fenced, [9]);
}

/// Who pauses before it is tried again gives its lock back; who waits for tasks and for a lock gets in line
/// when the tasks have completed.
#[test]
fn a_lock_is_not_kept_over_a_pause() {
    let mut plan = retry();
    plan.backoff.base = Duration(2 * SECOND);
    guarded_core("fifo round-robin push none", &[1, 1], plan, leases(5)).play(
        "0: up 0, up 1, task 0 lock 1, task 1 lock 1 -> start 0.1 on 0
         1: failed 0.1 on 0             -> start 1.1 on 1, timer 3
         3: timer                       ->
         4: task 2, task 3 lock 1 after 2 -> start 2.1 on 0
         5: done 2.1 on 0, task 4 lock 1 -> completed 2
         6: done 1.1 on 1               -> completed 1, start 0.2 on 1
         7: done 0.2 on 1               -> completed 0, start 3.1 on 0
         8: done 3.1 on 0               -> completed 3, start 4.1 on 1",
    );
}

// Records -------------------------------------------------------------------------------------

/// What is written down of one task's life, in order.
#[test]
fn every_transition_is_written_down() {
    let core = core("fifo round-robin push none", &[2, 2], retry()).play(
        "0: up 0, up 1               ->
         1: task 0 slots 2           -> start 0.1 on 0
         4: failed 0.1 on 0          -> start 0.2 on 1
         6: lost 1                   -> stop 0.2 on 1, start 0.3 on 0
         9: done 0.3 on 0            -> completed 0",
    );
    let task = TaskId { slot: 0, number: 0 };
    let on = NodeId;
    let seconds = |seconds| Duration(seconds * SECOND);
    let expected = [
        (0, Record::NodeJoined { node: on(0) }),
        (0, Record::NodeJoined { node: on(1) }),
        (1, Record::Submitted { task, class: 0, slots: 2 }),
        (1, Record::Dispatched { task, attempt: AttemptNumber(1), node: on(0), failures: 0, resumed: false }),
        (
            4,
            Record::Finished {
                task,
                attempt: AttemptNumber(1),
                node: on(0),
                outcome: Outcome::Failure,
                busy: seconds(6),
                slots: 2,
            },
        ),
        (4, Record::Returned { task, failed: true }),
        (4, Record::Dispatched { task, attempt: AttemptNumber(2), node: on(1), failures: 1, resumed: false }),
        (6, Record::NodeLost { node: on(1) }),
        (
            6,
            Record::Lost {
                task,
                attempt: AttemptNumber(2),
                node: on(1),
                busy: seconds(4),
                slots: 2,
                kept: false,
            },
        ),
        (6, Record::Returned { task, failed: false }),
        (6, Record::Dispatched { task, attempt: AttemptNumber(3), node: on(0), failures: 1, resumed: false }),
        (
            9,
            Record::Finished {
                task,
                attempt: AttemptNumber(3),
                node: on(0),
                outcome: Outcome::Success,
                busy: seconds(6),
                slots: 2,
            },
        ),
        (
            9,
            Record::Settled {
                task,
                state: TaskState::Completed,
                waiting: false,
                retry_due: false,
                class: 0,
                arrival: Time(SECOND),
                deadline: Time::NEVER,
                first_start: Some(Time(SECOND)),
                attempts: 3,
                node: Some(on(0)),
                service: seconds(1),
            },
        ),
    ];
    let expected: Vec<(Time, Record)> =
        expected.into_iter().map(|(at, record)| (Time(at * SECOND), record)).collect();
    assert_eq!(core.records, expected);
}
