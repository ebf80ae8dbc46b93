//! Probabilities of failure by a short name, so that a task needs no more than that.

use super::truth::Truth;

/// All probabilities of failure that occur.
#[derive(Debug, Default)]
pub(super) struct Probabilities {
    values: Vec<f64>,
    last: u32,
}

impl Probabilities {
    /// The index of a probability, nearly always that of the last one asked for.
    #[inline]
    pub(super) fn index(&mut self, probability: f64) -> u32 {
        if self.values.get(self.last as usize) != Some(&probability) {
            self.last = match self.values.iter().position(|&other| other == probability) {
                Some(index) => index as u32,
                None => {
                    self.values.push(probability);
                    self.values.len() as u32 - 1
                }
            };
        }
        self.last
    }

    /// The probability that attempts of the task in `slot` fail. Its truth is looked up, which may
    /// be far away in memory, only if not all tasks are alike.
    #[inline]
    pub(super) fn of(&self, slot: u32, truths: &[Truth]) -> f64 {
        match self.values[..] {
            [all] => all,
            _ => self.values[truths[slot as usize].fails as usize],
        }
    }
}
