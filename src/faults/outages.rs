//! Outages as planned: which nodes are out from when to when.
//!
//! An outage takes a node away whatever else happens to it: it is up when no outage holds and, if it
//! fails by chance, when its own clock says so. That clock runs on meanwhile. Outages of one node that
//! overlap or touch are one.

use crate::random::{Purpose, Stream, Streams, below};
use crate::time::Time;

/// Nodes that are out for a while, all at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Outage {
    /// Which nodes.
    pub nodes: Affected,
    /// The instant they go down.
    pub start: Time,
    /// The instant they are back; an outage that ends when it starts, or earlier, is none.
    pub end: Time,
}

/// Which nodes an outage takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Affected {
    /// One node.
    Node(u32),
    /// All of these.
    Nodes(Vec<u32>),
    /// This share of all nodes (above 0, at most 1), to the nearest number and at least one, drawn
    /// anew in every replication.
    Share(f64),
}

/// The begin or the end of a node's outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Step {
    pub(super) at: Time,
    /// Ends come first, so that a node whose place another takes is back by then.
    pub(super) begins: bool,
    pub(super) node: u32,
}

/// The begins and ends of all outages of all nodes, in order of time.
pub(super) fn steps(outages: &[Outage], nodes: usize, streams: Streams) -> Vec<Step> {
    let mut spans: Vec<(u32, Time, Time)> = Vec::new();
    for (number, outage) in outages.iter().enumerate().filter(|(_, outage)| outage.start < outage.end) {
        let hit = outage.nodes.numbers(nodes, &mut streams.stream(Purpose::Outage, number as u64));
        spans.extend(hit.into_iter().map(|node| (node, outage.start, outage.end)));
    }
    spans.sort_unstable();
    let mut steps = Vec::with_capacity(2 * spans.len());
    let mut at = 0;
    while let Some(&(node, start, mut end)) = spans.get(at) {
        at += 1;
        while let Some(&(_, _, later)) = spans.get(at).filter(|next| next.0 == node && next.1 <= end) {
            end = end.max(later);
            at += 1;
        }
        steps.push(Step { at: start, begins: true, node });
        steps.push(Step { at: end, begins: false, node });
    }
    steps.sort_unstable();
    steps
}

impl Affected {
    /// Their numbers, in a cluster of so many nodes.
    pub(super) fn numbers(&self, nodes: usize, stream: &mut Stream) -> Vec<u32> {
        match self {
            Affected::Node(node) => vec![*node],
            Affected::Nodes(nodes) => nodes.clone(),
            Affected::Share(share) => drawn(*share, nodes, stream),
        }
    }
}

/// Distinct nodes: the first of a shuffled list of all.
fn drawn(share: f64, nodes: usize, stream: &mut Stream) -> Vec<u32> {
    let count = ((share * nodes as f64).round() as usize).clamp(1, nodes);
    let mut all: Vec<u32> = (0..nodes as u32).collect();
    for at in 0..count {
        let other = at + below(stream, (nodes - at) as u32) as usize;
        all.swap(at, other);
    }
    all.truncate(count);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// At every instant a node is out exactly if some outage of it holds, and steps take turns.
        #[test]
        fn overlapping_outages_are_one(spans in prop::collection::vec((0u32..3, 0u64..20, 0u64..8), 0..12)) {
            let outages: Vec<Outage> = spans
                .iter()
                .map(|&(node, start, length)| Outage {
                    nodes: Affected::Node(node),
                    start: Time(start),
                    end: Time(start + length),
                })
                .collect();
            let steps = steps(&outages, 3, Streams::new(1));
            prop_assert!(steps.is_sorted());
            for node in 0..3 {
                let own: Vec<&Step> = steps.iter().filter(|step| step.node == node).collect();
                prop_assert!(own.iter().enumerate().all(|(at, step)| step.begins == (at % 2 == 0)));
                for now in 0..30 {
                    let out = own.iter().rfind(|step| step.at <= Time(now)).is_some_and(|step| step.begins);
                    let holds = |&(of, start, length): &(u32, u64, u64)| {
                        of == node && start <= now && now < start + length
                    };
                    prop_assert_eq!(out, spans.iter().any(holds), "node {} at {}", node, now);
                }
            }
        }

        #[test]
        fn a_share_is_drawn_of_distinct_nodes(share in 0.01f64..=1.0, nodes in 1usize..50, seed: u64) {
            let mut drawn = drawn(share, nodes, &mut Streams::new(seed).stream(Purpose::Outage, 0));
            let expected = ((share * nodes as f64).round() as usize).max(1);
            drawn.sort_unstable();
            drawn.dedup();
            prop_assert_eq!(drawn.len(), expected);
            prop_assert!(drawn.iter().all(|&node| (node as usize) < nodes));
        }
    }
}
