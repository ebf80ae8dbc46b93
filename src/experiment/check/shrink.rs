//! From a run that breaks a rule to a small one that breaks the same rule: fewer faults, shorter and milder
//! ones, fewer tasks.
//!
//! Source: delta debugging; Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE
//! Transactions on Software Engineering, 2002. What is left is minimal in this sense: without any one of its
//! faults the rule holds.

use super::draw::{Fault, Scale};

/// At most so many runs are made on the way.
const MOST_RUNS: u32 = 600;
/// All sets of no more faults than this are tried first. Of the eight that may be drawn these are 93.
const MOST_AT_ONCE: usize = 3;

/// What a run is made of.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// Only the first tasks arrive.
    pub(super) tasks: u32,
    pub(super) faults: Vec<Fault>,
}

/// Shrinks a case; `breaks` says whether one breaks the same rule, as the first one does.
pub(super) fn shrink(case: Case, mut breaks: impl FnMut(&Case) -> bool) -> Case {
    let mut runs = 0;
    let mut shrinking = Shrinking {
        case,
        breaks: |case: &Case| {
            runs += 1;
            runs <= MOST_RUNS && breaks(case)
        },
    };
    shrinking.few_faults();
    shrinking.fewer_faults();
    shrinking.fewer_tasks();
    shrinking.smaller_faults();
    // What took two of them before may now take one.
    loop {
        let tasks = shrinking.case.tasks;
        shrinking.fewer_faults();
        shrinking.fewer_tasks();
        if shrinking.case.tasks == tasks {
            return shrinking.case;
        }
    }
}

struct Shrinking<F> {
    case: Case,
    breaks: F,
}

impl<F: FnMut(&Case) -> bool> Shrinking<F> {
    /// Takes a smaller case if it breaks the rule too.
    fn accepts(&mut self, case: Case) -> bool {
        let accepted = (self.breaks)(&case);
        if accepted {
            self.case = case;
        }
        accepted
    }

    /// Tries none of the faults, each alone, all pairs and triples: what happens in a run hangs together so much
    /// that leaving out one after the other may end with many that a few could replace.
    fn few_faults(&mut self) {
        let all = self.case.faults.clone();
        let tasks = self.case.tasks;
        let mut sets: Vec<Vec<usize>> = vec![Vec::new()];
        for _ in 0..=MOST_AT_ONCE.min(all.len().saturating_sub(1)) {
            let chosen = |set: &Vec<usize>| set.iter().map(|&at| all[at].clone()).collect();
            if sets.iter().any(|set| self.accepts(Case { tasks, faults: chosen(set) })) {
                return;
            }
            let longer = |set: &Vec<usize>| {
                let next = set.last().map_or(0, |last| last + 1);
                (next..all.len()).map(|at| [&set[..], &[at]].concat()).collect::<Vec<_>>()
            };
            sets = sets.iter().flat_map(longer).collect();
        }
    }

    /// Leaves out ever smaller groups of faults, until none of them can be left out.
    fn fewer_faults(&mut self) {
        let mut group = self.case.faults.len();
        while group > 0 {
            let (mut at, mut left_out) = (0, false);
            while at < self.case.faults.len() {
                let mut fewer = self.case.clone();
                fewer.faults.drain(at..(at + group).min(fewer.faults.len()));
                if self.accepts(fewer) {
                    left_out = true;
                } else {
                    at += group;
                }
            }
            // One by one again as long as that leaves any out: only then is it minimal.
            group = if group == 1 && left_out { 1 } else { group / 2 };
        }
    }

    fn fewer_tasks(&mut self) {
        let mut step = self.case.tasks / 2;
        while step > 0 {
            while self.case.tasks > step {
                let fewer = Case { tasks: self.case.tasks - step, ..self.case.clone() };
                if !self.accepts(fewer) {
                    break;
                }
            }
            step /= 2;
        }
    }

    fn smaller_faults(&mut self) {
        for at in 0..self.case.faults.len() {
            while smaller(&self.case.faults[at]).into_iter().any(|fault| {
                let mut case = self.case.clone();
                case.faults[at] = fault;
                self.accepts(case)
            }) {}
        }
    }
}

/// Faults that are like this one, and less.
fn smaller(fault: &Fault) -> Vec<Fault> {
    let mut found = Vec::new();
    let half = fault.nodes.len() / 2;
    if half > 0 {
        for nodes in [&fault.nodes[..half], &fault.nodes[half..]] {
            found.push(Fault { nodes: nodes.to_vec(), ..fault.clone() });
        }
    }
    let Scale { task, .. } = fault.scale;
    let length = fault.end - fault.start;
    if fault.kind.lasts && length > task / 100.0 {
        let middle = fault.start + length / 2.0;
        found.push(Fault { end: middle, ..fault.clone() });
        found.push(Fault { start: middle, ..fault.clone() });
    }
    let (mildest, _) = (fault.kind.sizes)(&fault.scale);
    let milder = (fault.size * mildest).sqrt();
    if (milder - fault.size).abs() > 0.05 * fault.size {
        found.push(Fault { size: milder, ..fault.clone() });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::kinds::KINDS;
    use super::*;
    use proptest::prelude::*;

    /// A fault of the kind with this number, known again by its first node.
    fn fault(kind: usize, nodes: Vec<u32>, start: f64, end: f64, size: f64) -> Fault {
        let scale = Scale { horizon: 100.0, task: 1.0 };
        Fault { kind: &KINDS[kind % KINDS.len()], nodes, start, end, size, scale }
    }

    fn hits(case: &Case, node: u32) -> bool {
        case.faults.iter().any(|fault| fault.nodes.contains(&node))
    }

    proptest! {
        /// What breaks when certain faults come together, and enough tasks, is left with these and no more.
        #[test]
        fn what_is_left_is_what_it_takes(
            kinds in prop::collection::vec(0usize..100, 1..12),
            wanted in prop::collection::btree_set(0u32..12, 0..4),
            least in 1u32..200,
        ) {
            let faults: Vec<Fault> =
                kinds.iter().zip(0..).map(|(&kind, node)| fault(kind, vec![node], 3.0, 40.0, 5.0)).collect();
            let wanted: Vec<u32> = wanted.into_iter().filter(|&node| (node as usize) < faults.len()).collect();
            let breaks = |case: &Case| case.tasks >= least && wanted.iter().all(|&node| hits(case, node));
            let small = shrink(Case { tasks: 200, faults }, breaks);
            prop_assert_eq!(small.tasks, least);
            let left: Vec<u32> = small.faults.iter().flat_map(|fault| fault.nodes.clone()).collect();
            prop_assert_eq!(left, wanted);
        }
    }

    #[test]
    fn a_fault_gets_shorter_milder_and_hits_fewer_nodes() {
        let slow = KINDS.iter().position(|kind| kind.name == "slow nodes").expect("a kind");
        let faults = vec![fault(slow, vec![1, 2, 3, 4, 5], 0.0, 64.0, 16.0)];
        let breaks = |case: &Case| {
            let [fault] = &case.faults[..] else { return false };
            fault.nodes.contains(&4) && fault.start <= 10.0 && fault.end >= 11.0 && fault.size >= 4.0
        };
        let small = shrink(Case { tasks: 1, faults }, breaks);
        let [left] = &small.faults[..] else { panic!("{small:?}") };
        assert_eq!(left.nodes, [4]);
        assert!(left.end - left.start < 4.0, "{left:?}");
        assert!((4.0..4.5).contains(&left.size), "{left:?}");
    }
}
