//! Textbook scheduling loops, written to be read and not to be fast.
//!
//! Times are whole numbers of any unit. All that ends at an instant is released, all that arrives
//! at it is queued, and only then are jobs started.

/// A job for one machine of many slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    /// When it arrives.
    pub(crate) arrival: u64,
    /// How long it runs.
    pub(crate) run: u64,
    /// Slots it takes while it runs.
    pub(crate) slots: u64,
    /// How long the scheduler believes it runs; only backfilling looks at it.
    pub(crate) estimate: u64,
}

impl Job {
    /// A job whose run time is known.
    pub(crate) fn known(arrival: u64, run: u64, slots: u64) -> Job {
        Job { arrival, run, slots, estimate: run }
    }
}

/// Positions of jobs by (arrival, position).
fn by_arrival(jobs: &[Job]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..jobs.len()).collect();
    order.sort_by_key(|job| (jobs[*job].arrival, *job));
    order
}

/// First come, first served: the job at the head of the queue waits until its slots are free, and
/// all others wait behind it. Returns when each job starts.
pub(crate) fn first_come_first_served(jobs: &[Job], machine_slots: u64) -> Vec<u64> {
    let mut starts = vec![0; jobs.len()];
    let mut running: Vec<(u64, u64)> = Vec::new(); // (end, slots)
    let mut free = machine_slots;
    let mut now = 0;
    for index in by_arrival(jobs) {
        let job = jobs[index];
        assert!(job.slots <= machine_slots, "a job larger than the machine never starts");
        now = now.max(job.arrival);
        loop {
            running.retain(|(end, slots)| {
                let ended = *end <= now;
                free += if ended { *slots } else { 0 };
                !ended
            });
            if free >= job.slots {
                break;
            }
            now = running.iter().map(|(end, _)| *end).min().expect("something holds the slots");
        }
        free -= job.slots;
        running.push((now + job.run, job.slots));
        starts[index] = now;
    }
    starts
}

/// A job that has been started by [`easy_backfilling`].
struct Running {
    end: u64,
    believed_end: u64,
    slots: u64,
}

/// EASY backfilling (Lifka 1995; Mu'alem and Feitelson 2001): when the head of the queue does not
/// fit, it gets a reservation at the instant its slots are expected to be free (the shadow time);
/// a later job may overtake if it fits now and either is expected to end by the shadow time or
/// takes only slots that the head will not need then (the extra slots). Returns when each job
/// starts.
pub(crate) fn easy_backfilling(jobs: &[Job], machine_slots: u64) -> Vec<u64> {
    easy_backfilling_by(jobs, machine_slots, None)
}

/// The score of a job at a time: the smallest goes first.
pub(crate) type Score = fn(&Job, u64) -> f64;

/// The same with the queue sorted by a score before every pass; equal scores go by arrival.
pub(crate) fn easy_backfilling_by(jobs: &[Job], machine_slots: u64, score: Option<Score>) -> Vec<u64> {
    let mut arriving = by_arrival(jobs).into_iter().peekable();
    let mut queue: Vec<usize> = Vec::new();
    let mut running: Vec<Running> = Vec::new();
    let mut starts = vec![0; jobs.len()];
    // The head and its reservation: kept when nothing runs longer than estimated, and nobody comes that
    // goes before it.
    let bounded = score.is_none() && jobs.iter().all(|job| job.run <= job.estimate);
    let mut promise: Option<(usize, u64)> = None;
    loop {
        let next_end = running.iter().map(|job| job.end).min();
        let next_arrival = arriving.peek().map(|job| jobs[*job].arrival);
        let Some(now) = next_end.into_iter().chain(next_arrival).min() else { break };
        running.retain(|job| job.end > now);
        while let Some(job) = arriving.next_if(|job| jobs[*job].arrival == now) {
            queue.push(job);
        }
        if let Some(score) = score {
            let rank = |job: &usize| (score(&jobs[*job], now), jobs[*job].arrival, *job);
            queue.sort_by(|a, b| rank(a).partial_cmp(&rank(b)).expect("numbers"));
        }
        if let Some((_, start)) = promise {
            assert!(!bounded || now <= start || queue.is_empty(), "the head is delayed");
        }
        for index in easy_pass(jobs, now, machine_slots, &mut queue, &mut running) {
            starts[index] = now;
        }
        promise = queue.first().and_then(|head| {
            let free = machine_slots - running.iter().map(|job| job.slots).sum::<u64>();
            let (start, _) = reservation(jobs[*head].slots, now, free, &running)?;
            let before = promise.filter(|(job, _)| job == head).map_or(u64::MAX, |(_, start)| start);
            assert!(!bounded || start <= before, "the head is delayed");
            Some((*head, start))
        });
    }
    assert!(queue.is_empty(), "a job larger than the machine never starts");
    starts
}

/// One scheduling pass: takes the jobs that start now from the queue and returns them.
fn easy_pass(
    jobs: &[Job],
    now: u64,
    machine_slots: u64,
    queue: &mut Vec<usize>,
    running: &mut Vec<Running>,
) -> Vec<usize> {
    let mut free = machine_slots - running.iter().map(|job| job.slots).sum::<u64>();
    let mut started = Vec::new();
    let mut start = |index: usize, free: &mut u64, running: &mut Vec<Running>| {
        let Job { run, slots, estimate, .. } = jobs[index];
        *free -= slots;
        running.push(Running { end: now + run, believed_end: now + estimate, slots });
        started.push(index);
    };
    while let Some(head) = queue.first().copied()
        && jobs[head].slots <= free
    {
        start(head, &mut free, running);
        queue.remove(0);
    }
    let Some(head) = queue.first().copied() else { return started };
    let Some((shadow_time, mut extra)) = reservation(jobs[head].slots, now, free, running) else {
        return started;
    };
    let mut position = 1;
    while position < queue.len() {
        let candidate = queue[position];
        let Job { slots, estimate, .. } = jobs[candidate];
        let ends_in_time = now + estimate <= shadow_time;
        if slots <= free && (ends_in_time || slots <= extra) {
            if !ends_in_time {
                extra -= slots;
            }
            start(candidate, &mut free, running);
            queue.remove(position);
        } else {
            position += 1;
        }
    }
    started
}

/// The shadow time and the extra slots for a head of this size; `None` when it never fits.
///
/// All jobs believed to end at the shadow time count as ended then. A job that runs beyond its
/// estimate is believed to end at once.
fn reservation(head_slots: u64, now: u64, free: u64, running: &[Running]) -> Option<(u64, u64)> {
    let believed_end = |job: &Running| job.believed_end.max(now);
    let free_at = |time: u64| {
        let ended = running.iter().filter(|job| believed_end(job) <= time);
        free + ended.map(|job| job.slots).sum::<u64>()
    };
    let mut ends: Vec<u64> = running.iter().map(believed_end).collect();
    ends.sort_unstable();
    let shadow_time = ends.into_iter().find(|end| free_at(*end) >= head_slots)?;
    Some((shadow_time, free_at(shadow_time) - head_slots))
}

/// Conservative backfilling (Mu'alem and Feitelson 2001): every job is promised, when it arrives, the
/// earliest start that moves nobody else; when a job ends earlier than it was believed to, the others,
/// in order of arrival, move to the earliest start open to each, again and again until nobody moves.
/// Returns when each job starts, and the start it was promised when it arrived. No job may run longer
/// than it is estimated to.
pub(crate) fn conservative_backfilling(jobs: &[Job], machine_slots: u64) -> (Vec<u64>, Vec<u64>) {
    let mut arriving = by_arrival(jobs).into_iter().peekable();
    let mut queue: Vec<usize> = Vec::new();
    let mut running: Vec<Running> = Vec::new();
    // By job; meaningless until it has arrived.
    let mut starts = vec![u64::MAX; jobs.len()];
    let mut promises = vec![u64::MAX; jobs.len()];
    loop {
        let next_end = running.iter().map(|job| job.end).min();
        let next_arrival = arriving.peek().map(|job| jobs[*job].arrival);
        let Some(now) = next_end.into_iter().chain(next_arrival).min() else { break };
        let ends_early = running.iter().any(|job| job.end == now && job.believed_end > now);
        running.retain(|job| job.end > now);
        while let Some(job) = arriving.next_if(|job| jobs[*job].arrival == now) {
            queue.push(job);
        }
        loop {
            let mut moved = false;
            for &job in &queue {
                if starts[job] == u64::MAX || ends_early {
                    let planned = queue.iter().filter(|other| **other != job && starts[**other] != u64::MAX);
                    let taken: Vec<(u64, u64, u64)> = running
                        .iter()
                        .map(|job| (now, job.believed_end, job.slots))
                        .chain(planned.map(|other| {
                            (starts[*other], starts[*other] + jobs[*other].estimate, jobs[*other].slots)
                        }))
                        .collect();
                    let start = earliest_start(&jobs[job], now, machine_slots, &taken);
                    assert!(start <= starts[job], "nobody is ever moved back");
                    moved |= start < starts[job];
                    starts[job] = start;
                }
            }
            if !moved {
                break;
            }
        }
        for &job in &queue {
            // What it was told first.
            if promises[job] == u64::MAX {
                promises[job] = starts[job];
            }
        }
        for &job in queue.iter().filter(|job| starts[**job] == now) {
            let Job { run, slots, estimate, .. } = jobs[job];
            assert!(run <= estimate, "a job that runs longer than estimated");
            running.push(Running { end: now + run, believed_end: now + estimate, slots });
        }
        queue.retain(|job| starts[*job] > now);
        let used: u64 = running.iter().map(|job| job.slots).sum();
        assert!(used <= machine_slots, "more slots promised than there are");
    }
    assert!(queue.is_empty(), "a job larger than the machine never starts");
    (starts, promises)
}

/// The first instant from `now` on at which the job fits for all of its estimate beside what is
/// taken, as (start, end, slots). Something must end for it to fit, so that is when to look.
fn earliest_start(job: &Job, now: u64, machine_slots: u64, taken: &[(u64, u64, u64)]) -> u64 {
    let used_at = |time: u64| -> u64 {
        taken.iter().filter(|(from, to, _)| *from <= time && time < *to).map(|(_, _, slots)| slots).sum()
    };
    let fits = |start: &u64| {
        let within = |time: &u64| *start < *time && *time < *start + job.estimate;
        let changes = taken.iter().map(|(from, _, _)| *from).filter(within);
        changes.chain([*start]).all(|time| used_at(time) + job.slots <= machine_slots)
    };
    let mut candidates: Vec<u64> = taken.iter().map(|(_, end, _)| *end).chain([now]).collect();
    candidates.sort_unstable();
    candidates.into_iter().find(|start| fits(start)).expect("it fits when all others have ended")
}

/// Waits in a single-server queue, first come, first served (Lindley 1952): the next job waits for
/// what is left of the wait and the service before it when it arrives. Arrivals ascend.
pub(crate) fn lindley_waits(arrivals: &[u64], services: &[u64]) -> Vec<u64> {
    let mut waits = Vec::with_capacity(arrivals.len());
    let mut previous: Option<(u64, u64)> = None; // (arrival, wait + service)
    for (arrival, service) in arrivals.iter().zip(services) {
        let wait = previous.map_or(0, |(before, busy)| busy.saturating_sub(arrival - before));
        waits.push(wait);
        previous = Some((*arrival, wait + service));
    }
    waits
}
