//! Waits, responses and slowdowns of tasks.

use super::columns::{Metric, MetricRow};
use super::histogram::Histogram;
use crate::scheduler::TaskState;
use crate::time::Duration;

/// Slowdowns are counted in units of 2^-20.
pub(super) const SLOWDOWN_UNIT: f64 = 1.0 / 1_048_576.0;

/// Below this service time the bounded slowdown does not divide by it (Feitelson 2001).
const BOUND: Duration = Duration(10_000_000_000);

/// A length of time as a number, in nanoseconds; converting a signed number is quicker.
#[inline]
fn number(duration: Duration) -> f64 {
    duration.0.min(i64::MAX as u64).cast_signed() as f64
}

/// Mean and standard deviation of lengths of time, in one pass.
#[derive(Clone, Debug, Default)]
struct Moments {
    n: u64,
    sum: u128,
    /// Sums of differences to the first value, which keeps the squares small.
    first: u64,
    deviation: f64,
    squares: f64,
}

impl Moments {
    #[inline(always)]
    fn add(&mut self, value: Duration) {
        if self.n == 0 {
            self.first = value.0;
        }
        self.n += 1;
        self.sum += u128::from(value.0);
        // As a signed number: one instruction to convert, and right below 292 years.
        let d = value.0.wrapping_sub(self.first).cast_signed() as f64;
        self.deviation += d;
        self.squares += d * d;
    }

    /// In seconds.
    fn mean(&self) -> f64 {
        self.sum as f64 / self.n as f64 / 1e9
    }

    /// In seconds; needs two values.
    fn sd(&self) -> f64 {
        let n = self.n as f64;
        ((self.squares - self.deviation * self.deviation / n).max(0.0) / (n - 1.0)).sqrt() / 1e9
    }
}

/// Jain's index of values seen one by one: (sum x)^2 / (n sum x^2); 1 when all are equal.
///
/// Jain, Chiu and Hawe, "A quantitative measure of fairness", 1984.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Jain {
    n: f64,
    sum: f64,
    squares: f64,
}

impl Jain {
    #[inline]
    pub(super) fn add(&mut self, value: f64) {
        self.n += 1.0;
        self.sum += value;
        self.squares += value * value;
    }

    /// Not a number when all values are 0 or there are none.
    pub(super) fn index(&self) -> f64 {
        self.sum * self.sum / (self.n * self.squares)
    }

    pub(super) fn mean(&self) -> f64 {
        self.sum / self.n
    }

    /// Standard deviation over mean, over all values (not a sample).
    pub(super) fn coefficient_of_variation(&self) -> f64 {
        let mean = self.mean();
        (self.squares / self.n - mean * mean).max(0.0).sqrt() / mean
    }
}

/// Figures of tasks, of all or of one class.
#[derive(Clone, Debug, Default)]
pub(super) struct TaskStats {
    pub(super) submitted: u64,
    pub(super) completed: u64,
    errors: u64,
    timeouts: u64,
    cancelled: u64,
    rejected: u64,
    deadlines: u64,
    missed: u64,
    completed_late: u64,
    wait: Moments,
    waited: u64,
    response: Moments,
    slowdown: f64,
    slowdowns: u64,
    bounded: Jain,
    pub(super) waits: Histogram,
    pub(super) responses: Histogram,
    pub(super) slowdown_histogram: Histogram,
}

impl TaskStats {
    /// A task is settled; wait and response are given when they count.
    #[inline(always)]
    pub(super) fn settle(
        &mut self,
        state: TaskState,
        wait: Option<Duration>,
        response: Option<Duration>,
        service: Duration,
    ) {
        match state {
            TaskState::Completed => self.completed += 1,
            state => self.give_up(state),
        }
        if let Some(wait) = wait {
            self.add_wait(wait);
        }
        if let Some(response) = response {
            self.add_response(response, service);
        }
    }

    /// A task with a deadline is settled.
    #[cold]
    pub(super) fn count_deadline(&mut self, completed: bool, late: bool) {
        self.deadlines += 1;
        self.missed += u64::from(!completed || late);
        self.completed_late += u64::from(completed && late);
    }

    /// Tasks that completed, but for those that did so after their deadline.
    pub(super) fn in_time(&self) -> u64 {
        self.completed - self.completed_late
    }

    #[cold]
    fn give_up(&mut self, state: TaskState) {
        match state {
            TaskState::Timeout => self.timeouts += 1,
            TaskState::Cancelled => self.cancelled += 1,
            TaskState::Rejected => self.rejected += 1,
            _ => self.errors += 1,
        }
    }

    #[inline(always)]
    fn add_wait(&mut self, wait: Duration) {
        self.wait.add(wait);
        self.waited += u64::from(wait > Duration::ZERO);
        self.waits.add(wait.0);
    }

    #[inline(always)]
    fn add_response(&mut self, response: Duration, service: Duration) {
        self.response.add(response);
        self.responses.add(response.0);
        // A task without work has no slowdown.
        if service > Duration::ZERO {
            let slowdown = number(response) / number(service);
            self.slowdown += slowdown;
            self.slowdowns += 1;
            self.slowdown_histogram.add((slowdown * (1.0 / SLOWDOWN_UNIT)) as i64 as u64);
        }
        let bound = service.max(BOUND);
        let bounded = if response <= bound { 1.0 } else { number(response) / number(bound) };
        self.bounded.add(bounded);
    }

    pub(super) fn write(&self, row: &mut MetricRow) {
        let seconds =
            |histogram: &Histogram, share| histogram.percentile(share).map_or(f64::NAN, |nanos| nanos / 1e9);
        row.set(Metric::MeanWait, self.wait.mean());
        row.set(Metric::SdWait, self.wait.sd());
        row.set(Metric::ShareWaited, self.waited as f64 / self.wait.n as f64);
        row.set(Metric::P50Wait, seconds(&self.waits, 0.50));
        row.set(Metric::P90Wait, seconds(&self.waits, 0.90));
        row.set(Metric::P95Wait, seconds(&self.waits, 0.95));
        row.set(Metric::P99Wait, seconds(&self.waits, 0.99));
        row.set(Metric::MeanResponse, self.response.mean());
        row.set(Metric::SdResponse, self.response.sd());
        row.set(Metric::P50Response, seconds(&self.responses, 0.50));
        row.set(Metric::P95Response, seconds(&self.responses, 0.95));
        row.set(Metric::P99Response, seconds(&self.responses, 0.99));
        row.set(Metric::MeanSlowdown, self.slowdown / self.slowdowns as f64);
        let p95 = self.slowdown_histogram.percentile(0.95).unwrap_or(f64::NAN);
        row.set(Metric::P95Slowdown, p95 * SLOWDOWN_UNIT);
        row.set(Metric::MeanBoundedSlowdown, self.bounded.mean());
        row.set(Metric::SlowdownFairness, self.bounded.index());
        row.set(Metric::SuccessRate, self.completed as f64 / self.submitted as f64);
        row.set(Metric::Submitted, self.submitted as f64);
        row.set(Metric::Completed, self.completed as f64);
        row.set(Metric::Errors, self.errors as f64);
        row.set(Metric::Timeouts, self.timeouts as f64);
        row.set(Metric::Cancelled, self.cancelled as f64);
        row.set(Metric::Rejected, self.rejected as f64);
        if self.deadlines > 0 {
            row.set(Metric::MissedDeadlines, self.missed as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_agree_with_the_textbook() {
        let mut moments = Moments::default();
        for seconds in [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0] {
            moments.add(Duration::from_seconds(seconds).unwrap());
        }
        assert!((moments.mean() - 5.0).abs() < 1e-12);
        assert!((moments.sd() - (32.0f64 / 7.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn jain_is_one_for_equal_values_and_one_over_n_for_a_single_one() {
        let index = |values: &[f64]| {
            let mut jain = Jain::default();
            values.iter().for_each(|&value| jain.add(value));
            jain.index()
        };
        assert!((index(&[3.0, 3.0, 3.0]) - 1.0).abs() < 1e-12);
        assert!((index(&[1.0, 0.0, 0.0, 0.0]) - 0.25).abs() < 1e-12);
    }
}
