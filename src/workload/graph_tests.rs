use super::*;
use crate::time::Time;
use proptest::prelude::*;

fn task(arrival: u64, work: u64) -> TraceTask {
    TraceTask {
        arrival: Time(arrival),
        work,
        requested: None,
        priority: 0.0,
        slots: 1,
        class: 0,
        failure_probability: 0.0,
        details: None,
    }
}

#[test]
fn dependencies_follow_their_tasks_when_these_are_sorted() {
    // In the file: late (0), early (1), middle (2); the early one waits for the late one.
    let mut tasks = vec![task(9, 1), task(1, 2), task(5, 4)];
    let graph = Graph::sort(&mut tasks, &[vec![], vec![0, 2], vec![]], Jobs::Connected).unwrap();
    assert_eq!(tasks.iter().map(|task| task.arrival.0).collect::<Vec<_>>(), [1, 5, 9]);
    assert_eq!(graph.parents(0), [2, 1]);
    assert!(graph.parents(1).is_empty() && graph.parents(2).is_empty());
    assert_eq!(graph.upward_ranks(&[2, 4, 1]), [2, 6, 3]);
    assert_eq!(graph.job(2), (0, JobSize { tasks: 3, path: 6 }));
}

#[test]
fn jobs_are_what_is_connected() {
    let mut tasks = vec![task(0, 1); 6];
    let after = [vec![], vec![], vec![0], vec![1], vec![], vec![3]];
    let graph = Graph::sort(&mut tasks, &after, Jobs::Connected).unwrap();
    let jobs: Vec<u32> = (0..6).map(|number| graph.job(number).0).collect();
    assert_eq!(jobs, [0, 1, 0, 1, 2, 1]);
    assert_eq!(graph.job(5).1, JobSize { tasks: 3, path: 3 });
    let graph = Graph::sort(&mut tasks, &after, Jobs::All).unwrap();
    assert_eq!(graph.job(4), (0, JobSize { tasks: 6, path: 3 }));
}

#[test]
fn a_circle_is_told_from_its_first_task_on() {
    let names = ["a", "b", "c", "d"];
    // d -> b -> c -> d, and a hangs on it.
    let after = [vec![3], vec![3], vec![1], vec![2]];
    let cycle = Graph::sort(&mut [(); 4].map(|()| task(0, 1)), &after, Jobs::All).unwrap_err();
    assert_eq!(
        cycle.describe(|position| names[position as usize]),
        "tasks wait for each other in a circle: `b` -> `c` -> `d` -> `b`"
    );
    let alone = Graph::sort(&mut [task(0, 1)], &[vec![0]], Jobs::All).unwrap_err();
    assert_eq!(alone.describe(|_| "a"), "tasks wait for each other in a circle: `a` -> `a`");
}

proptest! {
    /// Ranks against the definition, by recursion over children; circles against none.
    #[test]
    fn ranks_and_circles_are_what_they_are_defined_to_be(
        works in prop::collection::vec(1u64..9, 1..12),
        edges in prop::collection::vec((0u32..12, 0u32..12), 0..20),
        any in any::<bool>(),
    ) {
        let count = works.len() as u32;
        let mut after = vec![Vec::new(); works.len()];
        for (one, other) in edges {
            let (one, other) = (one % count, other % count);
            // Edges from lesser to greater have no circle; all edges may have one.
            if any || one < other {
                after[other as usize].push(one);
            }
        }
        let mut tasks: Vec<TraceTask> = works.iter().map(|&work| task(0, work)).collect();
        match Graph::sort(&mut tasks, &after, Jobs::Connected) {
            Ok(graph) => {
                fn rank(task: u32, works: &[u64], after: &[Vec<u32>]) -> u64 {
                    let children = (0..works.len() as u32).filter(|&c| after[c as usize].contains(&task));
                    works[task as usize] + children.map(|c| rank(c, works, after)).max().unwrap_or(0)
                }
                let ranks: Vec<u64> = (0..count).map(|task| rank(task, &works, &after)).collect();
                prop_assert_eq!(graph.upward_ranks(&works), ranks);
            }
            Err(Cycle(circle)) => {
                prop_assert!(any && !circle.is_empty());
                for (at, &task) in circle.iter().enumerate() {
                    let before = circle[(at + circle.len() - 1) % circle.len()];
                    prop_assert!(after[task as usize].contains(&before));
                }
            }
        }
    }
}
