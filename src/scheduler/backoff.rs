//! How long a failed task pauses before it may start again.

use super::retry::Backoff;
use crate::random::StreamKey;
use crate::time::Duration;

impl Backoff {
    /// The pause after failure number `failures` (from 1) of task `number`.
    ///
    /// base x factor^(failures - 1), at most `max`, times a factor drawn from
    /// [1 - jitter, 1 + jitter] by the stream of (task, failure).
    pub fn pause(&self, failures: u32, number: u32, jitter: StreamKey) -> Duration {
        if self.base == Duration::ZERO {
            return Duration::ZERO;
        }
        let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let grown = self.base.0 as f64 * self.factor.powi(exponent);
        let capped = grown.min(self.max.0 as f64);
        if self.jitter == 0.0 {
            return Duration(capped as u64);
        }
        let u = jitter.uniform2(u64::from(number), u64::from(failures));
        Duration((capped * (1.0 + self.jitter * (2.0 * u - 1.0))) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Streams};

    fn backoff(jitter: f64) -> Backoff {
        Backoff { base: Duration(1_000), factor: 2.0, max: Duration(5_000), jitter }
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let key = Streams::new(1).key(Purpose::Backoff);
        let pauses: Vec<u64> = (1..=5).map(|k| backoff(0.0).pause(k, 7, key).0).collect();
        assert_eq!(pauses, [1_000, 2_000, 4_000, 5_000, 5_000]);
        assert_eq!(backoff(0.0).pause(u32::MAX, 7, key).0, 5_000);
    }

    #[test]
    fn jitter_spreads_evenly_around_the_pause() {
        let key = Streams::new(1).key(Purpose::Backoff);
        let pauses: Vec<f64> = (0..4000).map(|task| backoff(0.5).pause(1, task, key).0 as f64).collect();
        assert!(pauses.iter().all(|&p| (499.0..=1500.0).contains(&p)));
        let mean = pauses.iter().sum::<f64>() / 4000.0;
        assert!((mean - 1000.0).abs() < 4.0 * 289.0 / 4000f64.sqrt(), "{mean}");
    }
}
