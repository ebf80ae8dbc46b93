//! Statistical tests: with a fixed seed they pass or fail for good, and their bounds are five
//! standard errors wide.

use super::*;

const SECOND: u64 = 1_000_000_000;

fn instants(arrivals: &Arrivals, seed: u64, n: usize) -> Vec<u64> {
    let mut times = ArrivalTimes::new(arrivals, Streams::new(seed));
    let drawn: Vec<u64> = (0..n).map(|_| times.next().expect("far from the end of time").0).collect();
    assert!(drawn.is_sorted());
    drawn
}

fn counts(arrivals: &Arrivals, seed: u64, window: f64, windows: usize) -> Vec<f64> {
    let mut times = ArrivalTimes::new(arrivals, Streams::new(seed));
    let mut counts = vec![0.0; windows];
    loop {
        let index = (times.next().unwrap().as_seconds() / window) as usize;
        match counts.get_mut(index) {
            Some(count) => *count += 1.0,
            None => return counts,
        }
    }
}

fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0))
}

/// Mean and variance of counts are both rate x window; the variance of a sample variance of
/// Poisson counts is about 2 v^2 / n.
#[test]
fn poisson_counts_have_equal_mean_and_variance() {
    let counts = counts(&Arrivals::Poisson { rate: 12.8 }, 1, 5.0, 20_000);
    let (mean, variance) = mean_and_variance(&counts);
    let (expected, n) = (64.0f64, counts.len() as f64);
    assert!((mean - expected).abs() < 5.0 * (expected / n).sqrt(), "mean {mean}");
    assert!((variance - expected).abs() < 5.0 * expected * (2.0 / n).sqrt(), "variance {variance}");
}

/// The gaps are exponential: Kolmogorov's distance stays below its 0.999 point, 1.95 / sqrt(n).
#[test]
fn poisson_gaps_are_exponential() {
    let n = 100_000;
    let drawn = instants(&Arrivals::Poisson { rate: 2.0 }, 2, n);
    let mut gaps: Vec<f64> = std::iter::once(drawn[0])
        .chain(drawn.windows(2).map(|pair| pair[1] - pair[0]))
        .map(|gap| gap as f64 / 1e9)
        .collect();
    gaps.sort_by(f64::total_cmp);
    let distance = gaps
        .iter()
        .enumerate()
        .map(|(i, gap)| (1.0 - (-2.0 * gap).exp() - i as f64 / n as f64).abs())
        .fold(0.0, f64::max);
    assert!(distance < 1.95 / (n as f64).sqrt(), "distance {distance}");
}

#[test]
fn at_once_means_time_zero() {
    assert_eq!(instants(&Arrivals::AtOnce, 1, 3), [0, 0, 0]);
}

#[test]
fn periodic_arrivals_begin_after_one_interval() {
    let interval = SECOND / 4;
    assert_eq!(
        instants(&Arrivals::Periodic { interval: 0.25 }, 1, 3),
        [interval, 2 * interval, 3 * interval]
    );
}

/// The renewal process with exponential gaps draws what the Poisson process draws.
#[test]
fn exponential_renewals_are_the_poisson_process() {
    let renewal = Arrivals::Renewal { gaps: Distribution::exponential(0.5) };
    assert_eq!(instants(&renewal, 5, 1000), instants(&Arrivals::Poisson { rate: 2.0 }, 5, 1000));
}

/// Long-run rate, and the variance of counts over long windows, which for a two-state
/// Markov-modulated Poisson process tends to (rate + 2 pi0 pi1 (l1-l0)^2 / (a+b)) t, with a and b
/// the rates of leaving each state (Fischer and Meier-Hellstern 1993).
#[test]
fn bursty_arrivals_have_the_known_rate_and_dispersion() {
    let (low, high, on, off): (f64, f64, f64, f64) = (1.0, 10.0, 2.0, 6.0);
    let bursty = Arrivals::Bursty { rate: low, peak_rate: high, on, off };
    let (burst_share, pause_share) = (on / (on + off), off / (on + off));
    let rate = burst_share * high + pause_share * low;
    let excess = 2.0 * burst_share * pause_share * (high - low).powi(2) / (1.0 / on + 1.0 / off);
    let window = 400.0;
    let counts = counts(&bursty, 3, window, 4000);
    let (mean, variance) = mean_and_variance(&counts);
    let error = (variance / counts.len() as f64).sqrt();
    assert!((mean - rate * window).abs() < 5.0 * error, "mean {mean} against {}", rate * window);
    // The correction of order 1 (not t): -(excess / (a+b)) (1 - exp(-(a+b) t)).
    let expected = (rate + excess) * window - excess / (1.0 / on + 1.0 / off);
    let index = variance / mean;
    let tolerance = 5.0 * expected * (2.0 / counts.len() as f64).sqrt();
    assert!((variance - expected).abs() < tolerance, "variance {variance} against {expected}");
    assert!(index > 8.0, "a Poisson process has index 1, this one {index}");
}

#[test]
fn an_on_off_process_is_silent_between_bursts() {
    let bursty = Arrivals::Bursty { rate: 0.0, peak_rate: 100.0, on: 1.0, off: 9.0 };
    let counts = counts(&bursty, 4, 1.0, 20_000);
    let (mean, _) = mean_and_variance(&counts);
    assert!((mean - 10.0).abs() < 1.5, "mean {mean}");
    let silent = counts.iter().filter(|count| **count == 0.0).count();
    assert!(silent > counts.len() * 3 / 4, "{silent} silent seconds");
}

/// The count in each twelfth of the day against the integral of the rate over it.
#[test]
fn daily_arrivals_follow_the_sine() {
    let (rate, amplitude, period): (f64, f64, f64) = (50.0, 0.8, 24.0);
    let (days, parts) = (2000, 12);
    let counts = counts(&Arrivals::Daily { rate, amplitude, period }, 6, period / parts as f64, days * parts);
    for part in 0..parts {
        let observed: f64 = counts.iter().skip(part).step_by(parts).sum();
        let phase = |edge: usize| TAU * edge as f64 / parts as f64;
        let sine = (phase(part).cos() - phase(part + 1).cos()) / TAU * period;
        let expected = days as f64 * rate * (period / parts as f64 + amplitude * sine);
        assert!((observed - expected).abs() < 5.0 * expected.sqrt(), "part {part}: {observed}, {expected}");
    }
}

#[test]
fn batches_arrive_together_and_have_the_drawn_sizes() {
    let process = Box::new(Arrivals::Poisson { rate: 1.0 });
    let batch = Arrivals::Batch { size: Distribution::Uniform { low: 0.5, high: 5.5 }, process };
    let drawn = instants(&batch, 7, 60_000);
    let groups: Vec<&[u64]> = drawn.chunk_by(|a, b| a == b).collect();
    let mut frequencies = [0.0; 6];
    for group in &groups[..groups.len() - 1] {
        frequencies[group.len()] += 1.0;
    }
    let n: f64 = frequencies.iter().sum();
    for size in 1..=5 {
        let error = (0.2 * 0.8 / n).sqrt();
        assert!((frequencies[size] / n - 0.2).abs() < 5.0 * error, "size {size}: {frequencies:?}");
    }
    // The groups come at the instants of the process without batches.
    let alone = instants(&Arrivals::Poisson { rate: 1.0 }, 7, groups.len());
    assert!(groups.iter().zip(&alone).all(|(group, instant)| group[0] == *instant));
}

#[test]
fn a_batch_has_at_least_one_task() {
    let process = Box::new(Arrivals::Periodic { interval: 1.0 });
    let batch = Arrivals::Batch { size: Distribution::constant(0.2), process };
    assert_eq!(instants(&batch, 1, 2), [SECOND, 2 * SECOND]);
}

#[test]
fn a_list_of_times_ends_without_an_overflow() {
    let times = [Time(3), Time(3), Time(9)];
    let mut arrivals = ArrivalTimes::new(&Arrivals::Times { times: times.into() }, Streams::new(1));
    assert_eq!(times.map(|_| arrivals.next().unwrap()), times);
    assert_eq!((arrivals.next(), arrivals.next()), (None, None));
    assert!(!arrivals.overflowed());
}

#[test]
fn the_end_of_time_is_reported() {
    let slow = Arrivals::Poisson { rate: 1e-10 };
    let bursty = Arrivals::Bursty { rate: 1e-10, peak_rate: 0.0, on: 1.0, off: 1e10 };
    let daily = Arrivals::Daily { rate: 1e-10, amplitude: 0.5, period: 10.0 };
    let renewal = Arrivals::Renewal { gaps: Distribution::constant(f64::INFINITY) };
    let batch = Arrivals::Batch { size: Distribution::constant(2.0), process: Box::new(slow.clone()) };
    for arrivals in [slow, bursty, daily, renewal, batch] {
        let mut times = ArrivalTimes::new(&arrivals, Streams::new(1));
        let given = (0..1000).take_while(|_| times.next().is_some()).count();
        assert!(given < 1000 && times.overflowed(), "{arrivals:?}");
        assert_eq!(times.next(), None, "nothing follows an overflow");
    }
}

#[test]
fn seeds_differ_and_repeat() {
    let poisson = Arrivals::Poisson { rate: 1.0 };
    assert_eq!(instants(&poisson, 1, 100), instants(&poisson, 1, 100));
    assert_ne!(instants(&poisson, 1, 100), instants(&poisson, 2, 100));
}
