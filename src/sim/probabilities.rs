//! Probabilities of failure by a short name, so that a task needs no more than that.

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

    /// The probability with this index.
    #[inline]
    pub(super) fn get(&self, index: u32) -> f64 {
        self.values[index as usize]
    }
}
