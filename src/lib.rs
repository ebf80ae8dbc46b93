//! falcon: a discrete-event simulator and benchmark harness for distributed task scheduling.
//!
//! The `falcon` command runs scenario files; this crate is what it is made of. A tour in three
//! steps follows. `ARCHITECTURE.md` in the repository says how the modules fit together.
//!
//! # Run a scenario and read its figures
//!
//! A [`Plan`](experiment::plan::Plan) is a scenario that has been read and checked. Running it
//! simulates every policy once per replication, in parallel, and gives a
//! [`PolicyResult`](metrics::PolicyResult) for each policy.
//!
//! ```
//! use falcon::experiment::plan::Plan;
//! use falcon::experiment::runner::RunnerOptions;
//! use falcon::metrics::Metric;
//! use falcon::statistics::confidence::Summary;
//!
//! let plan = Plan::from_toml(
//!     r#"
//!     policies = ["fifo", "random"]
//!     [run]
//!     replications = 20
//!     warmup = 500
//!     [[nodes]]
//!     count = 4
//!     [workload]
//!     tasks = 5000
//!     arrivals.poisson.rate = 2.8
//!     duration.exponential.mean = 1.0
//!     "#,
//! )?;
//! let results = plan.run(&RunnerOptions::default())?;
//!
//! let response = |policy: usize| Summary::of(&results[policy].values(Metric::MeanResponse)).unwrap();
//! // Four nodes with one queue at 70 % load: 1.3572 s by Erlang's C formula.
//! let (fifo, random) = (response(0), response(1));
//! assert!((fifo.mean - 1.3572).abs() < 3.0 * fifo.half_width.unwrap());
//! // Four queues of their own: 1 / (1 - 0.7) = 3.333 s.
//! assert!((random.mean - 3.3333).abs() < 3.0 * random.half_width.unwrap());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Mistakes in a scenario come as [`Diagnostics`](experiment::scenario::Diagnostics) that name line,
//! column and key. Every field of a `Plan` is public, so a program can also change a plan, or make
//! one without any text:
//!
//! ```
//! use falcon::experiment::plan::{NodeGroup, Plan, RunPlan, ZonePlan};
//! use falcon::experiment::runner::RunnerOptions;
//! use falcon::distribution::Distribution;
//! use falcon::metrics::Metric;
//! use falcon::policies::registry::preset;
//! use falcon::scheduler::RetryPlan;
//! use falcon::workload::{Arrivals, ClassDetails, EstimateSpec, TaskClass, Workload};
//! use falcon::world::Delays;
//!
//! let task = TaskClass {
//!     name: String::new(),
//!     share: 1.0,
//!     duration: Distribution::constant(2.0),
//!     priority: Distribution::constant(0.0),
//!     slots: 1,
//!     failure_probability: 0.0,
//!     estimate: EstimateSpec::Exact,
//!     details: ClassDetails::default(),
//! };
//! let node = NodeGroup {
//!     name: "node".to_string(),
//!     count: 4,
//!     slots: 1,
//!     speed: 1.0,
//!     weight: 1.0,
//!     zone: None,
//!     faults: None,
//!     disturbances: Vec::new(),
//!     stay: Default::default(),
//!     price: None,
//!     queue_limit: None,
//!     failure_probability: 0.0,
//! };
//! let plan = Plan {
//!     name: "batch".to_string(),
//!     description: String::new(),
//!     run: RunPlan { replications: 1, timeline_buckets: 0, ..RunPlan::default() },
//!     groups: vec![node],
//!     resources: Default::default(),
//!     faults: Default::default(),
//!     zones: ZonePlan::default(),
//!     workload: Workload::Generated { tasks: 1000, arrivals: Arrivals::AtOnce, classes: vec![task], jobs: None, spawn: None },
//!     retry: RetryPlan::default(),
//!     queue_limit: None,
//!     guards: Default::default(),
//!     alarms: Default::default(),
//!     elastic: Default::default(),
//!     delays: Delays::default(),
//!     policies: vec![preset("fifo").unwrap()],
//! };
//! let results = plan.run(&RunnerOptions::default())?;
//! // 1000 tasks of 2 s on 4 nodes.
//! assert_eq!(results[0].values(Metric::Makespan), [500.0]);
//! # Ok::<(), falcon::experiment::runner::RunError>(())
//! ```
//!
//! # Plug in a policy
//!
//! A policy is an [`Order`](scheduler::Order) (which waiting task goes next), a
//! [`Place`](scheduler::Place) (which node takes it), a [`Dispatch`](scheduler::Dispatch) (when it is
//! bound to a node) and a [`Backfill`](scheduler::Backfill), put together by
//! [`Composed`](scheduler::Composed). Any of them can be one's own. It meets the same tasks and the
//! same failures as the policies of the scenario.
//!
//! ```
//! use falcon::experiment::plan::Plan;
//! use falcon::experiment::runner::RunnerOptions;
//! use falcon::ids::NodeId;
//! use falcon::metrics::Metric;
//! use falcon::policies::{backfill::AnyBackfill, order::Fifo};
//! use falcon::scheduler::{Cluster, Composed, Dispatch, Place, TaskView};
//! use falcon::statistics::paired;
//!
//! /// Every task waits for the node with the highest speed.
//! struct OnlyTheFastest;
//!
//! impl Place for OnlyTheFastest {
//!     fn choose(&mut self, task: &TaskView<'_>, cluster: &Cluster) -> Option<NodeId> {
//!         let speed = |node: NodeId| cluster.spec(node).speed;
//!         cluster
//!             .nodes()
//!             .filter(|&node| cluster.room(node) >= task.slots())
//!             .max_by(|&a, &b| speed(a).total_cmp(&speed(b)))
//!     }
//! }
//!
//! let plan = Plan::from_toml(
//!     r#"
//!     policies = ["least-loaded"]
//!     run.replications = 5
//!     nodes = [{ speed = 3.0 }, { speed = 1.0 }]
//!     workload.tasks = 5000
//!     workload.arrivals.poisson.rate = 2.0
//!     workload.duration.exponential.mean = 1.0
//!     "#,
//! )?;
//! let options = RunnerOptions::default();
//! let built_in = &plan.run(&options)?[0];
//! let own = plan.run_custom(
//!     "only-the-fastest",
//!     |_, _| Composed::new(Fifo, OnlyTheFastest, Dispatch::Push, AnyBackfill::none()),
//!     &options,
//! )?;
//! let (own, built_in) = (own.values(Metric::MeanResponse), built_in.values(Metric::MeanResponse));
//! let difference = paired::difference(&own, &built_in).unwrap();
//! assert!(difference.mean > difference.half_width, "using both nodes is better");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `examples/custom_placement.rs` compares a placement with all policies of `scenarios/baseline.toml`.
//!
//! # Watch every step
//!
//! [`sim::run`] takes an [`Observer`](scheduler::Observer) that sees every transition of
//! every task and node. `Vec<(Time, Record)>` is one; tuples of observers are one too.

pub mod audit;
pub mod cli;
pub mod distribution;
pub mod experiment;
pub mod faults;
pub mod fields;
pub mod ids;
pub mod live;
pub mod metrics;
pub mod policies;
pub mod random;
pub mod report;
pub mod scheduler;
pub mod sim;
pub mod statistics;
pub mod structures;
pub mod theory;
pub mod time;
pub mod workload;
pub mod world;
