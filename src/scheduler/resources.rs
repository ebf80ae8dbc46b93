//! Named resources: what nodes have besides slots, and what tasks demand of it.
//!
//! Amounts are whole numbers of millionths of a unit, so that what is taken and given back always adds
//! up. Tasks with the same demand share one row of a table: a task carries the number of its row.

use serde::{Deserialize, Serialize};

use crate::ids::NodeId;

/// Millionths in a unit.
pub const MILLIONTHS: u64 = 1_000_000;

/// The most units of one resource that a node has or a task demands.
pub const MOST_UNITS: f64 = 1e12;

/// What nodes have and tasks demand, fixed for the run. Without names there are no named resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    names: Vec<String>,
    /// An amount for each name, node after node.
    capacities: Vec<u64>,
    /// An amount for each name, demand after demand; demand 0 is none of anything.
    demands: Vec<u64>,
}

impl Default for Resources {
    fn default() -> Self {
        Resources::new(Vec::new())
    }
}

impl Resources {
    /// Resources of these names; no node has any yet.
    pub fn new(names: Vec<String>) -> Self {
        let demands = vec![0; names.len()];
        Resources { names, capacities: Vec::new(), demands }
    }

    /// The next node, with these amounts in millionths, one for each name.
    ///
    /// # Panics
    /// When there are more or fewer amounts than names.
    pub fn add_node(&mut self, amounts: &[u64]) {
        assert_eq!(amounts.len(), self.names.len(), "an amount for each name");
        self.capacities.extend_from_slice(amounts);
    }

    /// The number of a new demand for these amounts in millionths.
    ///
    /// # Panics
    /// When there are more or fewer amounts than names.
    pub fn add_demand(&mut self, amounts: &[u64]) -> u32 {
        assert_eq!(amounts.len(), self.names.len(), "an amount for each name");
        self.demands.extend_from_slice(amounts);
        self.demand_count() - 1
    }

    /// Whether no resource is named.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The names, in the order of all amounts.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many different demands there are, that for nothing included.
    pub fn demand_count(&self) -> u32 {
        if self.names.is_empty() { 1 } else { (self.demands.len() / self.names.len()) as u32 }
    }

    /// What a node has.
    #[inline]
    pub fn capacity(&self, node: NodeId) -> &[u64] {
        let kinds = self.names.len();
        &self.capacities[node.index() * kinds..][..kinds]
    }

    /// What a demand asks for.
    #[inline]
    pub fn demand(&self, demand: u32) -> &[u64] {
        let kinds = self.names.len();
        &self.demands[demand as usize * kinds..][..kinds]
    }

    /// What all nodes have together of each resource.
    pub fn totals(&self) -> Vec<u128> {
        let of = |kind: usize| self.capacities.iter().skip(kind).step_by(self.names.len());
        (0..self.names.len()).map(|kind| of(kind).map(|&amount| u128::from(amount)).sum()).collect()
    }

    /// What the node with the most has of each resource.
    pub fn largest(&self) -> Vec<u64> {
        let of = |kind: usize| self.capacities.iter().skip(kind).step_by(self.names.len());
        (0..self.names.len()).map(|kind| of(kind).copied().max().unwrap_or(0)).collect()
    }

    /// Whether the tables are whole for so many nodes: what is read from a file may not be.
    pub fn is_sound(&self, nodes: usize) -> bool {
        let kinds = self.names.len();
        let most = (MOST_UNITS * MILLIONTHS as f64) as u64;
        let moderate = |amounts: &[u64]| amounts.iter().all(|&amount| amount <= most);
        let none = |demands: &[u64]| demands.len() >= kinds && demands[..kinds].iter().all(|&none| none == 0);
        self.capacities.len() == kinds * nodes
            && (kinds > 0 || self.demands.is_empty())
            && self.demands.len() == kinds * self.demand_count() as usize
            && none(&self.demands)
            && moderate(&self.capacities)
            && moderate(&self.demands)
    }
}

/// Whether `amounts` are enough for `demand`.
#[inline]
pub fn covers(amounts: &[u64], demand: &[u64]) -> bool {
    amounts.iter().zip(demand).all(|(amount, demand)| amount >= demand)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables() {
        let mut resources = Resources::new(vec!["cpu".to_string(), "memory".to_string()]);
        assert_eq!(resources.add_demand(&[1, 2]), 1);
        assert_eq!(resources.add_demand(&[2, 1]), 2);
        assert_eq!((resources.demand(0), resources.demand(2)), (&[0, 0][..], &[2, 1][..]));
        resources.add_node(&[4, 9]);
        resources.add_node(&[6, 3]);
        assert_eq!((resources.totals(), resources.largest()), (vec![10, 12], vec![6, 9]));
        assert!(resources.is_sound(2) && !resources.is_sound(3));
        assert!(Resources::default().is_sound(5));
    }
}
