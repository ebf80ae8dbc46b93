//! How much of a run belongs to its start: MSER-5.
//!
//! White, *An effective truncation heuristic for bias reduction in simulation output*, Simulation 69,
//! 1997; in batches of 5: White, Cobb and Spratt, *A comparison of five steady-state truncation
//! heuristics for simulation*, Winter Simulation Conference 2000. The cut is where the standard error
//! of the mean of all that follows is least, as if what follows were independent: while values of the
//! start drag the mean, leaving out more of them narrows it; from then on leaving out more only makes
//! the rest fewer. Cuts beyond the middle are not looked for, as so few values follow that the rule is
//! easily misled; a cut at the middle says that the run is too short. Hoad, Robinson and Davies,
//! *Automating warm-up length estimation*, Journal of the Operational Research Society 61, 2010, find
//! it the best of 42 methods, and apply it to means over several runs, as is done here.

/// Values in a batch.
pub const BATCH: u32 = 5;
/// Batches that it takes to say anything.
const FEWEST: usize = 20;

/// Where a series of batch means is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Batches to leave out.
    pub batches: usize,
    /// Whether a steady state was found: the cut does not lie at the middle.
    pub settled: bool,
}

/// The cut of a series of batch means; `None` when it is too short to say anything.
pub fn mser(batch_means: &[f64]) -> Option<Cut> {
    let all = batch_means.len();
    if all < FEWEST {
        return None;
    }
    let middle = all / 2;
    // From the end, so that each cut only adds a value (Welford's recurrence).
    let (mut n, mut mean, mut squares) = (0.0, 0.0, 0.0);
    let mut best = (f64::INFINITY, 0);
    for (cut, value) in batch_means.iter().enumerate().rev() {
        n += 1.0;
        let deviation = value - mean;
        mean += deviation / n;
        squares += deviation * (value - mean);
        if cut <= middle {
            let error = squares / (n * n);
            // Of equal ones the earliest.
            if error <= best.0 {
                best = (error, cut);
            }
        }
    }
    // A cut within a twentieth of the middle is one that would rather lie beyond it.
    Some(Cut { batches: best.1, settled: best.1 + all / 40 < middle || best.1 == 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Streams, uniform};

    fn series(start: usize, all: usize, seed: u64) -> Vec<f64> {
        let mut stream = Streams::new(seed).stream(Purpose::Bootstrap, 0);
        let rise = |number: usize| if number < start { 1.0 - number as f64 / start as f64 } else { 0.0 };
        (0..all).map(|number| 10.0 - 8.0 * rise(number) + uniform(&mut stream) - 0.5).collect()
    }

    /// Every cut from the definition, with two passes over what is left.
    fn plain(values: &[f64]) -> usize {
        let error = |cut: usize| {
            let rest = &values[cut..];
            let mean = rest.iter().sum::<f64>() / rest.len() as f64;
            rest.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (rest.len() as f64).powi(2)
        };
        let cuts = 0..=values.len() / 2;
        cuts.min_by(|&a, &b| error(a).total_cmp(&error(b))).expect("cuts")
    }

    #[test]
    fn the_start_is_found() {
        for seed in 0..20 {
            let values = series(100, 1000, seed);
            let cut = mser(&values).expect("long enough");
            assert_eq!(cut.batches, plain(&values), "{seed}");
            assert!((80..=130).contains(&cut.batches) && cut.settled, "{cut:?}");
            let steady = mser(&series(0, 1000, seed)).expect("long enough");
            assert!(steady.batches < 150, "{steady:?}");
        }
    }

    #[test]
    fn what_never_settles_is_said() {
        let growing: Vec<f64> = (0..400).map(f64::from).collect();
        assert_eq!(mser(&growing), Some(Cut { batches: 200, settled: false }));
        assert_eq!(mser(&growing[..10]), None);
        assert_eq!(mser(&[3.0; 50]), Some(Cut { batches: 0, settled: true }));
    }
}
