//! The second opinions themselves, against cases worked out by hand and figures that are known.

mod support;

use falcon::random::{Purpose, Streams, below};
use falcon::time::Time;
use falcon::workload::Arrivals;
use falcon::workload::arrivals::ArrivalTimes;
use support::formulas::*;
use support::loops::*;

#[track_caller]
fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} against {expected}");
}

#[test]
fn the_head_of_the_queue_blocks() {
    // The second needs two slots of which one is free; the third would fit but stands behind it.
    let jobs = [Job::known(0, 10, 3), Job::known(1, 5, 2), Job::known(2, 1, 1)];
    assert_eq!(first_come_first_served(&jobs, 4), [0, 10, 10]);
}

#[test]
fn all_ends_of_an_instant_come_before_its_starts() {
    let jobs = [Job::known(0, 5, 2), Job::known(0, 5, 2), Job::known(5, 1, 4), Job::known(5, 2, 1)];
    assert_eq!(first_come_first_served(&jobs, 4), [0, 0, 5, 6]);
    assert_eq!(easy_backfilling(&jobs, 4), [0, 0, 5, 6]);
}

#[test]
fn jobs_are_served_by_arrival_and_not_by_position() {
    let jobs = [Job::known(7, 1, 1), Job::known(0, 10, 1), Job::known(7, 1, 1)];
    assert_eq!(first_come_first_served(&jobs, 1), [10, 0, 11]);
}

#[test]
fn a_job_that_ends_by_the_shadow_time_overtakes() {
    let jobs = [Job::known(0, 10, 3), Job::known(1, 5, 4), Job::known(2, 3, 1), Job::known(3, 20, 1)];
    assert_eq!(easy_backfilling(&jobs, 4), [0, 10, 2, 15]);
    assert_eq!(first_come_first_served(&jobs, 4), [0, 10, 15, 15]);
}

#[test]
fn a_job_on_extra_slots_overtakes_until_they_are_used_up() {
    // At 10 the head takes 7 of 10 slots: 3 are extra, and the third job takes them all.
    let jobs = [Job::known(0, 10, 6), Job::known(1, 5, 7), Job::known(2, 100, 3), Job::known(3, 100, 1)];
    assert_eq!(easy_backfilling(&jobs, 10), [0, 10, 2, 15]);
    // In one and the same pass too.
    let together = [Job::known(0, 10, 6), Job::known(1, 5, 7), Job::known(1, 100, 3), Job::known(1, 100, 1)];
    assert_eq!(easy_backfilling(&together, 10), [0, 10, 1, 15]);
}

#[test]
fn an_estimate_that_is_too_long_can_delay_the_head() {
    let first = Job { arrival: 0, run: 4, slots: 1, estimate: 10 };
    let jobs = [first, Job::known(1, 5, 2), Job::known(2, 8, 1)];
    assert_eq!(easy_backfilling(&jobs, 2), [0, 10, 2]);
    let known = [Job::known(0, 4, 1), jobs[1], jobs[2]];
    assert_eq!(easy_backfilling(&known, 2), [0, 4, 9]);
}

#[test]
fn the_reservation_counts_all_that_ends_at_the_shadow_time() {
    // Both running jobs end at 10; the head needs 2 of the 4 slots free then, so 2 are extra.
    let jobs = [Job::known(0, 10, 1), Job::known(0, 10, 2), Job::known(1, 5, 2), Job::known(2, 100, 1)];
    assert_eq!(easy_backfilling(&jobs, 4), [0, 0, 10, 2]);
}

fn random_jobs(seed: u64, count: usize, widest: u32) -> Vec<Job> {
    let mut stream = Streams::new(seed).stream(Purpose::Work, 0);
    let mut arrival = 0;
    let mut draw = |n: u32| u64::from(below(&mut stream, n));
    (0..count)
        .map(|_| {
            arrival += draw(9);
            let run = draw(30);
            Job { arrival, run, slots: 1 + draw(widest), estimate: run + draw(20) }
        })
        .collect()
}

/// Highest number of slots in use at once.
fn peak_use(jobs: &[Job], starts: &[u64]) -> u64 {
    let in_use = |time: u64| {
        let running =
            jobs.iter().zip(starts).filter(|(job, start)| **start <= time && time < **start + job.run);
        running.map(|(job, _)| job.slots).sum()
    };
    starts.iter().map(|start| in_use(*start)).max().unwrap_or(0)
}

#[test]
fn schedules_fit_the_machine() {
    for seed in 0..50 {
        let jobs = random_jobs(seed, 60, 8);
        for starts in [first_come_first_served(&jobs, 8), easy_backfilling(&jobs, 8)] {
            assert!(peak_use(&jobs, &starts) <= 8);
            assert!(jobs.iter().zip(&starts).all(|(job, start)| job.arrival <= *start));
        }
        assert!(first_come_first_served(&jobs, 8).is_sorted());
    }
}

#[test]
fn without_wide_jobs_there_is_nothing_to_backfill() {
    for seed in 0..50 {
        let jobs = random_jobs(seed, 100, 1);
        assert_eq!(first_come_first_served(&jobs, 3), easy_backfilling(&jobs, 3));
    }
}

#[test]
fn one_slot_is_the_queue_of_lindley() {
    assert_eq!(lindley_waits(&[0, 1, 10, 11], &[3, 4, 2, 2]), [0, 2, 0, 1]);
    let jobs = random_jobs(1, 500, 1);
    let waits: Vec<u64> =
        first_come_first_served(&jobs, 1).iter().zip(&jobs).map(|(start, job)| start - job.arrival).collect();
    let (arrivals, runs): (Vec<u64>, Vec<u64>) = jobs.iter().map(|job| (job.arrival, job.run)).unzip();
    assert_eq!(lindley_waits(&arrivals, &runs), waits);
}

/// Poisson arrivals and exponential runs in nanoseconds.
fn markovian_jobs(seed: u64, count: usize, rate: f64) -> Vec<Job> {
    let streams = Streams::new(seed);
    let mut arrivals = ArrivalTimes::new(&Arrivals::Poisson { rate }, streams);
    let mut works = streams.stream(Purpose::Work, 0);
    (0..count)
        .map(|_| {
            let run = falcon::distribution::standard_exponential(&mut works);
            let run = Time::from_seconds(run).expect("a short run").0;
            Job::known(arrivals.next().expect("an arrival").0, run, 1)
        })
        .collect()
}

fn mean_wait(jobs: &[Job], starts: &[u64]) -> f64 {
    let sum: f64 = jobs.iter().zip(starts).map(|(job, start)| (start - job.arrival) as f64 / 1e9).sum();
    sum / jobs.len() as f64
}

/// Mean over seeds and its standard error.
fn over_seeds(figure: impl Fn(u64) -> f64) -> (f64, f64) {
    let figures: Vec<f64> = (0..10).map(figure).collect();
    let n = figures.len() as f64;
    let mean = figures.iter().sum::<f64>() / n;
    let squares: f64 = figures.iter().map(|figure| (figure - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0) / n).sqrt())
}

#[test]
fn the_loops_agree_with_the_formulas() {
    let (wait, error) = over_seeds(|seed| {
        let jobs = markovian_jobs(seed, 40_000, 12.8);
        mean_wait(&jobs, &first_come_first_served(&jobs, 16))
    });
    close(wait, erlang_c_mean_wait(16, 0.8), 5.0 * error);
    let (wait, error) = over_seeds(|seed| {
        let jobs = markovian_jobs(seed, 40_000, 0.5);
        mean_wait(&jobs, &first_come_first_served(&jobs, 1))
    });
    close(wait, erlang_c_mean_wait(1, 0.5), 5.0 * error);
    let (makespan, error) = over_seeds(|seed| {
        let mut jobs = markovian_jobs(seed, 2000, 1.0);
        jobs.iter_mut().for_each(|job| job.arrival = 0);
        let starts = first_come_first_served(&jobs, 16);
        let last = jobs.iter().zip(starts).map(|(job, start)| start + job.run).max();
        last.expect("jobs") as f64 / 1e9
    });
    close(makespan, batch_makespan(2000, 16), 5.0 * error);
}

#[test]
fn the_formulas_give_the_known_figures() {
    close(erlang_c_mean_wait(16, 0.8), 0.095_276, 5e-7);
    close(erlang_c_mean_wait(1, 0.5), 1.0, 1e-12);
    close(shortest_job_first_mean_wait(0.5), 0.712_686, 5e-7);
    close(single_server_mean_response(0.7), 10.0 / 3.0, 1e-12);
    close(round_robin_mean_response(4, 0.7), 2.236_694, 5e-7);
    // In turn over one server is no choice at all.
    close(round_robin_mean_response(1, 0.7), single_server_mean_response(0.7), 1e-9);
    close(availability(50.0, 10.0, 50.0), 0.861_042, 5e-7);
    close(batch_makespan(3, 2), 0.5 + 1.5, 1e-12);
    close(batch_makespan(2, 5), 1.5, 1e-12);
    close(harmonic(4), 25.0 / 12.0, 1e-12);
}
