use super::*;
use crate::workload::{Arrivals, ClassDetails};

fn class(duration: Distribution) -> TaskClass {
    TaskClass {
        name: String::new(),
        share: 1.0,
        duration,
        priority: Distribution::constant(0.0),
        slots: 1,
        failure_probability: 0.0,
        estimate: EstimateSpec::Exact,
        details: ClassDetails::default(),
    }
}

fn generated(tasks: u32, classes: Vec<TaskClass>) -> Workload {
    Workload::Generated { tasks, arrivals: Arrivals::Poisson { rate: 2.0 }, classes, jobs: None, spawn: None }
}

fn all(workload: &Workload, seed: u64) -> Vec<NewTask> {
    let mut source = TaskSource::new(workload, Streams::new(seed));
    let tasks = std::iter::from_fn(|| source.next()).collect();
    assert_eq!(source.error(), None);
    assert_eq!(source.next(), None);
    tasks
}

fn trace_task(arrival: u64, work: u64, class: u16) -> TraceTask {
    TraceTask {
        arrival: Time(arrival),
        work,
        requested: None,
        priority: 1.5,
        slots: 2,
        class,
        failure_probability: 0.25,
        details: None,
    }
}

#[test]
fn tasks_are_numbered_in_order_of_arrival() {
    let tasks = all(&generated(1000, vec![class(Distribution::exponential(1.0))]), 1);
    assert_eq!(tasks.len(), 1000);
    assert!(tasks.iter().enumerate().all(|(i, task)| task.number as usize == i));
    assert!(tasks.is_sorted_by_key(|task| task.arrival));
    assert!(tasks.iter().all(|task| task.estimate == task.work && task.slots == 1));
}

#[test]
fn the_mean_work_is_the_one_asked_for() {
    let tasks = all(&generated(100_000, vec![class(Distribution::exponential(3.0))]), 2);
    let mean = tasks.iter().map(|task| task.work as f64 / 1e9).sum::<f64>() / 1e5;
    assert!((mean - 3.0).abs() < 5.0 * 3.0 / 1e5f64.sqrt(), "{mean}");
}

/// Adding classes, priorities or noise changes nothing else about a task.
#[test]
fn draws_do_not_disturb_each_other() {
    let plain = all(&generated(500, vec![class(Distribution::exponential(1.0))]), 3);
    let mut first = class(Distribution::exponential(1.0));
    first.share = 0.5;
    first.priority = Distribution::Uniform { low: 0.0, high: 9.0 };
    first.estimate = EstimateSpec::Noise { sigma: 0.5 };
    let second = TaskClass { slots: 4, ..first.clone() };
    let mixed = all(&generated(500, vec![first, second]), 3);
    for (one, other) in plain.iter().zip(&mixed) {
        assert_eq!((one.arrival, one.work), (other.arrival, other.work));
    }
    let wide = mixed.iter().filter(|task| task.slots == 4).count();
    assert!((195..=305).contains(&wide), "{wide} of 500 of the second class");
    assert!(mixed.iter().any(|task| task.priority > 8.0));
}

#[test]
fn noise_has_median_one_and_the_spread_asked_for() {
    let mut noisy_class = class(Distribution::constant(2.0));
    noisy_class.estimate = EstimateSpec::Noise { sigma: 0.5 };
    let tasks = all(&generated(50_000, vec![noisy_class]), 4);
    let logs: Vec<f64> = tasks.iter().map(|t| (t.estimate as f64 / t.work as f64).ln()).collect();
    let n = logs.len() as f64;
    let mean = logs.iter().sum::<f64>() / n;
    let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (n - 1.0);
    assert!(mean.abs() < 5.0 * 0.5 / n.sqrt(), "mean {mean}");
    assert!((variance - 0.25).abs() < 5.0 * 0.25 * (2.0 / n).sqrt(), "variance {variance}");
}

#[test]
fn class_means_of_generated_tasks_are_those_of_the_distribution() {
    let mut uniform = class(Distribution::Uniform { low: 1.0, high: 2.0 });
    uniform.estimate = EstimateSpec::ClassMean;
    let tasks = all(&generated(10, vec![uniform]), 5);
    assert!(tasks.iter().all(|task| task.estimate == 1_500_000_000));
}

#[test]
fn listed_tasks_come_as_they_are() {
    let mut list = [trace_task(0, 10, 0), trace_task(5, 20, 1), trace_task(5, 31, 1)];
    list[1].requested = Some(40);
    let mut workload = Workload::Listed {
        tasks: list.into(),
        class_names: vec!["a".into(), "b".into()],
        estimate: EstimateSpec::Requested,
        graph: None,
        kill_at_requested: false,
    };
    let estimates = |workload: &Workload| all(workload, 1).iter().map(|t| t.estimate).collect::<Vec<_>>();
    assert_eq!(estimates(&workload), [10, 40, 31]);
    let Workload::Listed { estimate, .. } = &mut workload else { unreachable!() };
    *estimate = EstimateSpec::ClassMean;
    assert_eq!(estimates(&workload), [10, 26, 26]);
    let task = all(&workload, 1)[2];
    assert_eq!((task.arrival, task.work, task.slots, task.class), (Time(5), 31, 2, 1));
    assert_eq!((task.priority, task.failure_probability, task.number), (1.5, 0.25, 2));
    assert_eq!(TaskSource::new(&workload, Streams::new(1)).redraw(1, 1, 2), Some(20));
}

#[test]
fn redraws_are_new_for_every_attempt_but_the_first() {
    let mut second = class(Distribution::constant(7.0));
    second.share = 0.5;
    let mut first = class(Distribution::exponential(1.0));
    first.share = 0.5;
    let workload = generated(200, vec![first, second]);
    let mut source = TaskSource::new(&workload, Streams::new(6));
    for task in all(&workload, 6) {
        assert_eq!(source.redraw(task.number, task.number.into(), 1), Some(task.work));
        let again = source.redraw(task.number, task.number.into(), 2);
        assert_eq!(again, source.redraw(task.number, task.number.into(), 2));
        assert_eq!(again == Some(task.work), task.class == 1, "a constant stays what it is");
    }
}

#[test]
fn work_that_does_not_fit_is_an_error() {
    let mut source =
        TaskSource::new(&generated(5, vec![class(Distribution::constant(2e10))]), Streams::new(1));
    assert_eq!(source.next(), None);
    assert_eq!(source.error(), Some(SourceError::WorkTooLarge { task: 0, attempt: 1 }));
    assert_eq!(source.next(), None);
    assert_eq!(source.redraw(3, 3, 2), None);
    assert_eq!(
        source.error().unwrap().to_string(),
        "the work drawn for attempt 2 of task 3 is more than 1.8e10 units"
    );
}

#[test]
fn an_infinite_class_mean_is_an_error() {
    let mut heavy = class(Distribution::Pareto { shape: 1.0, scale: 1.0 });
    heavy.estimate = EstimateSpec::ClassMean;
    let mut source = TaskSource::new(&generated(5, vec![heavy]), Streams::new(1));
    assert_eq!(source.next(), None);
    assert_eq!(source.error(), Some(SourceError::EstimateTooLarge { task: 0 }));
}

#[test]
fn arrivals_beyond_the_clock_are_an_error() {
    let arrivals = Arrivals::Periodic { interval: 1e10 };
    let workload = Workload::Generated {
        tasks: 9,
        arrivals,
        classes: vec![class(Distribution::constant(0.0))],
        jobs: None,
        spawn: None,
    };
    let mut source = TaskSource::new(&workload, Streams::new(1));
    assert_eq!(source.next().unwrap().work, 0);
    assert_eq!(source.next(), None);
    assert_eq!(source.error(), Some(SourceError::ArrivalTooLate { task: 1 }));
}

#[test]
fn a_short_list_of_times_ends_the_workload() {
    let arrivals = Arrivals::Times { times: [Time(1), Time(2)].into() };
    let workload = Workload::Generated {
        tasks: 9,
        arrivals,
        classes: vec![class(Distribution::constant(1.0))],
        jobs: None,
        spawn: None,
    };
    assert_eq!(all(&workload, 1).len(), 2);
}
