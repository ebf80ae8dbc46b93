//! Where nodes stand, and how far zones are from each other.
//!
//! Zones are numbered from 1 on. Zone 0 is nowhere: that of nodes and tasks that do not say, at no
//! distance from anywhere.

use serde::{Deserialize, Serialize};

use crate::ids::NodeId;
use crate::time::Duration;

/// Where nodes stand, and how far zones are from each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zones {
    /// By node; empty when no node says where it stands.
    of_node: Vec<u16>,
    /// By zone and zone, from 1 on; as many rows as columns.
    latency: Vec<Vec<Duration>>,
}

impl Zones {
    /// The zones of nodes in order of number, 0 for nowhere; and `latency[i][j]`, the time a task of
    /// zone i + 1 needs to reach a node of zone j + 1.
    pub fn new(of_node: Vec<u16>, latency: Vec<Vec<Duration>>) -> Self {
        Zones { of_node, latency }
    }

    /// How many zones there are besides nowhere.
    pub fn count(&self) -> u16 {
        self.latency.len() as u16
    }

    /// The zone of a node.
    #[inline]
    pub fn of(&self, node: NodeId) -> u16 {
        self.of_node.get(node.index()).copied().unwrap_or(0)
    }

    /// The time that a task of zone `from` needs to reach a node of zone `to`, once it is decided
    /// that it goes there.
    #[inline]
    pub fn latency(&self, from: u16, to: u16) -> Duration {
        if from == 0 || to == 0 {
            return Duration::ZERO;
        }
        let row = self.latency.get(usize::from(from) - 1);
        row.and_then(|row| row.get(usize::from(to) - 1)).copied().unwrap_or(Duration::ZERO)
    }

    /// Whether any two zones are apart.
    pub fn has_latency(&self) -> bool {
        self.latency.iter().flatten().any(|latency| *latency > Duration::ZERO)
    }

    /// All zones, nowhere included, as a task of zone `from` meets them: the nearest first; of those
    /// equally near its own, then by number.
    pub fn by_distance(&self, from: u16) -> Vec<u16> {
        let mut zones: Vec<u16> = (0..=self.count()).collect();
        zones.sort_by_key(|&zone| (self.latency(from, zone), zone != from, zone));
        zones
    }
}
