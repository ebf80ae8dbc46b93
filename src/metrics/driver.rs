//! How well a driver in real time kept up, and what the scheduler cost it.
//!
//! A simulation is never late and knows everything at once. A live run is late by a little at every
//! step, and its messages take time: these figures say by how much, so that a run that was late by
//! too much can be told apart. All times are real seconds, whatever the time scale of the run.

/// Figures of the driver of one live run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DriverFigures {
    /// From the start of the run's clock to the last settled task.
    pub wall_time: f64,
    /// Real seconds per second of the scenario.
    pub time_scale: f64,
    /// Times at which facts were taken in and decided upon.
    pub steps: f64,
    /// Facts taken in.
    pub events: f64,
    /// How late planned facts (arrivals, failures and repairs of nodes) were taken in: median.
    pub lag_p50: f64,
    /// The same, 99th percentile.
    pub lag_p99: f64,
    /// The same, largest.
    pub lag_max: f64,
    /// Share of the wall time in which the driver was at work and not waiting.
    pub busy_share: f64,
    /// The driver's time at work per settled task.
    pub overhead_per_task: f64,
    /// Time the scheduler core took per settled task, to take facts in and to decide.
    pub decision_per_task: f64,
    /// From the decision to start an attempt until it started on its worker: median.
    pub dispatch_p50: Option<f64>,
    /// The same, 99th percentile.
    pub dispatch_p99: Option<f64>,
    /// From when an attempt should have ended until the scheduler took its end in: median.
    pub completion_p50: Option<f64>,
    /// The same, 99th percentile.
    pub completion_p99: Option<f64>,
    /// From the kill of a worker until the scheduler knew: median.
    pub detection_p50: Option<f64>,
    /// From the start of a worker process until the scheduler used it: median.
    pub join_p50: Option<f64>,
    /// Frames that were refused: garbage, too long, out of turn, from nobody known.
    pub frames_refused: f64,
    /// Results that were refused because their attempt no longer counted.
    pub results_refused: f64,
}

/// A column of `driver.csv`.
#[derive(Clone, Copy, Debug)]
pub struct DriverColumn {
    /// Name in files.
    pub name: &'static str,
    /// Unit in files.
    pub unit: &'static str,
    /// One sentence on what it is.
    pub description: &'static str,
    /// The figure; `None` where there is none.
    pub get: fn(&DriverFigures) -> Option<f64>,
}

macro_rules! columns {
    ($($name:ident $unit:literal $get:expr, $description:literal;)*) => {
        /// All columns in the order of the file.
        pub const DRIVER_COLUMNS: &[DriverColumn] = &[
            $(DriverColumn { name: stringify!($name), unit: $unit, description: $description, get: $get },)*
        ];
    };
}

columns! {
    wall_time "s" |d| Some(d.wall_time), "Real time from the start of the run's clock to the last settled task.";
    time_scale "1" |d| Some(d.time_scale), "Real seconds per second of the scenario.";
    steps "steps" |d| Some(d.steps), "Times at which facts were taken in and decided upon.";
    events "events" |d| Some(d.events), "Facts taken in.";
    lag_p50 "s" |d| Some(d.lag_p50), "How late planned facts were taken in, median.";
    lag_p99 "s" |d| Some(d.lag_p99), "How late planned facts were taken in, 99th percentile.";
    lag_max "s" |d| Some(d.lag_max), "How late planned facts were taken in, largest.";
    busy_share "1" |d| Some(d.busy_share), "Share of the wall time in which the driver was at work.";
    overhead_per_task "s" |d| Some(d.overhead_per_task), "The driver's time at work per settled task.";
    decision_per_task "s" |d| Some(d.decision_per_task), "Time of the scheduler core per settled task.";
    dispatch_p50 "s" |d| d.dispatch_p50, "From a decision to the start on the worker, median.";
    dispatch_p99 "s" |d| d.dispatch_p99, "From a decision to the start on the worker, 99th percentile.";
    completion_p50 "s" |d| d.completion_p50, "From the end an attempt should have had until it was taken in, median.";
    completion_p99 "s" |d| d.completion_p99, "From the end an attempt should have had until it was taken in, 99th percentile.";
    detection_p50 "s" |d| d.detection_p50, "From the kill of a worker until the scheduler knew, median.";
    join_p50 "s" |d| d.join_p50, "From the start of a worker process until the scheduler used it, median.";
    frames_refused "frames" |d| Some(d.frames_refused), "Frames that were refused.";
    results_refused "results" |d| Some(d.results_refused), "Results of attempts that no longer counted.";
}
