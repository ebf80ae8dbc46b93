//! Every closed form, bound and optimum, once: its name, what it is exact for, and where it is from.

/// How a value stands to what a correct run measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// The mean of what is measured.
    Exact,
    /// What it comes near to in a limit that no run reaches.
    Limit,
    /// Nothing measured is below it, on average.
    LowerBound,
    /// Nothing measured is above it, on average.
    UpperBound,
}

impl Nature {
    /// The word in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Nature::Exact => "exact",
            Nature::Limit => "limit",
            Nature::LowerBound => "lower bound",
            Nature::UpperBound => "upper bound",
        }
    }
}

/// A formula.
#[derive(Clone, Copy, Debug)]
pub struct Formula {
    /// Which.
    pub id: FormulaId,
    /// Its name.
    pub name: &'static str,
    /// How its values stand to measured ones.
    pub nature: Nature,
    /// Whether it is of a steady state, which a run that starts empty reaches after a while.
    pub steady: bool,
    /// Where it is from.
    pub source: &'static str,
    /// What it assumes.
    pub assumptions: &'static str,
}

macro_rules! formulas {
    ($($id:ident $name:literal $nature:ident $steady:literal $source:literal $assumptions:literal;)*) => {
        /// Which formula.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum FormulaId {
            $(#[doc = $assumptions] $id,)*
        }

        /// All formulas.
        pub const FORMULAS: &[Formula] = &[
            $(Formula {
                id: FormulaId::$id, name: $name, nature: Nature::$nature, steady: $steady, source: $source,
                assumptions: $assumptions,
            },)*
        ];
    };
}

impl FormulaId {
    /// Its row.
    pub fn formula(self) -> &'static Formula {
        &FORMULAS[self as usize]
    }
}

formulas! {
    Mm1 "M/M/1" Exact true "Erlang 1909; Kleinrock 1975, section 3.2" "One server, Poisson arrivals, exponential tasks, first come first served.";
    Mmc "M/M/c (Erlang C)" Exact true "Erlang 1917; Gross and Harris 1998, section 2.3" "Equal servers with one queue, Poisson arrivals, exponential tasks, first come first served.";
    BlindOrder "M/M/c, any order that is blind to sizes" Exact true "Kleinrock 1965 (conservation law)" "Poisson arrivals, exponential tasks, no server idle while a task waits, nothing known of sizes: the mean number in the system is that of M/M/c, interrupted or not.";
    Mmck "M/M/c/K" Exact true "Gross and Harris 1998, section 2.5" "M/M/c of which the queue holds so many tasks, others being refused.";
    ErlangB "M/G/c/c (Erlang B)" Exact true "Erlang 1917; Sevastyanov 1957 for any distribution" "No room to wait; Poisson arrivals, tasks of any distribution.";
    Mg1 "M/G/1 (Pollaczek-Khinchine)" Exact true "Pollaczek 1930, Khinchine 1932; second moment Takacs 1962" "One server, Poisson arrivals, tasks of any distribution with a variance; the mean holds in any order that neither knows sizes nor interrupts.";
    SquaredWaits "Squared waits of last come first served and random order" Exact true "Kingman 1962, Takacs 1963" "M/M/1: those of first come first served times 1 / (1 - load) and 2 / (2 - load).";
    BatchArrivals "M[k]/M/1" Exact true "Gross and Harris 1998, section 3.1" "One server, groups of k tasks with Poisson arrivals, exponential tasks.";
    Gim1 "GI/M/1" Exact true "Kendall 1953; Kleinrock 1975, chapter 6" "One server, independent gaps of any distribution, exponential tasks.";
    Gimc "GI/M/c" Exact true "Takacs 1962, chapter 2" "Equal servers with one queue, independent gaps of any distribution, exponential tasks.";
    InTurn "E[n]/M/1 at each node (round robin)" Exact true "Kendall 1953; Erlang gaps of tasks in turn" "Every n-th of Poisson or Erlang arrivals goes to the same node; exponential tasks.";
    ShortestFirst "Shortest job first" Exact true "Phipps 1956" "One server, Poisson arrivals, sizes known exactly, no interruption.";
    LongestFirst "Longest job first" Exact true "Phipps 1956, with the order reversed" "One server, Poisson arrivals, sizes known exactly, no interruption.";
    ShortestRemaining "Shortest remaining time first" Exact true "Schrage and Miller 1966" "One server, Poisson arrivals, sizes known exactly and with a density, interruption at no cost.";
    PreemptiveShortest "Preemptive shortest job first" Exact true "Wierman and Harchol-Balter 2003; Harchol-Balter 2013, chapter 32" "As for shortest remaining time first, by whole sizes.";
    PreemptiveLast "Preemptive last come first served" Exact true "Kleinrock 1976, section 4.7" "One server, Poisson arrivals, tasks of any distribution, interruption at no cost.";
    ProcessorSharing "Processor sharing" Limit true "Kleinrock 1967; Sakata, Noguchi and Oizumi 1971" "One server shared equally, Poisson arrivals, tasks of any distribution: time slices come near to it as they become short.";
    LeastAttained "Foreground-background (least attained service)" Limit true "Schrage 1967; Kleinrock 1976, section 4.6" "One server, Poisson arrivals, sizes with a density: turns come near to it as they become short.";
    Priorities "Priorities without interruption" Exact true "Cobham 1954" "One server, classes with fixed priorities and Poisson arrivals.";
    PrioritiesAtServers "Priorities without interruption, several servers" Exact true "Cobham 1954" "Equal servers, classes with fixed priorities and exponential tasks of one mean.";
    PreemptivePriorities "Priorities with interruption" Exact true "White and Christie 1958" "One server, classes with fixed priorities and Poisson arrivals, interrupted tasks go on later.";
    ShorterOfTwo "Join the shorter of two queues" Exact true "Haight 1958, Kingman 1961; solved by Latouche and Ramaswami 1993" "Two equal servers, each task to the one with fewer tasks; Poisson arrivals, exponential tasks.";
    PowerOfD "Mean field of the least loaded of d" Limit true "Vvedenskaya, Dobrushin and Karpelevich 1996; Mitzenmacher 2001" "Infinitely many equal servers; with n the mean response is longer by about 1 / n of a task.";
    Resume "Breakdowns, work kept" Exact true "Gaver 1962; Welch 1964" "One server with exponential times up, Poisson arrivals, first come first served; repairs exponential where idle nodes fail too.";
    Restart "Breakdowns, work lost" Exact true "Gaver 1962; Welch 1964" "As for work kept, and sizes with a light enough tail.";
    MachineRepair "Machine repair" Exact true "Palm 1947" "Equal nodes with exponential times up and down, fewer repairers than nodes; in the long run.";
    Availability "Availability over a run" Exact false "Trivedi 2002, section 8.3" "Exponential times up and down, nodes up at the start, failing busy or idle; the mean length of the run.";
    LongRunAvailability "Availability in the long run" Limit false "Barlow and Proschan 1965" "MTBF / (MTBF + MTTR), whatever the distributions; nodes start up, which short runs show.";
    KOfN "At least k of n nodes up" Exact false "Barlow and Proschan 1975" "Independent nodes with exponential times up and down, up at the start.";
    RetrySuccess "Success after retries" Exact false "Feller 1968, chapter VI" "Attempts fail independently with one probability, at most so many times; nothing else ends a task.";
    RetryAttempts "Attempts with retries" Exact false "Feller 1968, chapter VI" "As for success after retries.";
    RetriesAsService "Retries as one long service" Exact true "Gaver 1962; Pollaczek-Khinchine" "One server, first come first served, failed tasks keep their place and start again at once.";
    ExponentialBatch "Batch of exponential tasks" Exact false "Renyi 1953; Pinedo, chapter 12" "All tasks there at the start, equal servers, none idle while a task waits, sizes unknown.";
    EqualBatch "Batch of equal tasks" Exact false "by rounds" "All tasks there at the start, one size, equal servers that share them equally.";
    ExpectedOrder "Batch of exponential classes by their means" Exact false "Bruno, Downey and Frederickson 1981; Pinedo, chapter 12" "All tasks there at the start, equal servers, means known: shortest expected first has the least mean response, longest expected first the least makespan of all.";
    LittlesLaw "Little's law" Exact true "Little 1961" "A known mean wait or response, long runs.";
    UtilisationLaw "Utilisation law" Exact true "Denning and Buzen 1978" "A load below 1, long runs.";
    ForcedFlowLaw "Forced flow law" Exact true "Denning and Buzen 1978" "As for the utilisation law, with so many attempts per task, which fail independently of their work.";
    BottleneckLaw "Bottleneck law" UpperBound true "Denning and Buzen 1978" "Whatever the policy: all slots busy all the time, less the attempts that fail.";
    OneQueueBound "One queue for all nodes" LowerBound true "Erlang 1917; Winston 1977" "Poisson arrivals, exponential tasks of unknown size, equal nodes: nothing is faster than M/M/c.";
    OneMachineBound "One machine as fast as all nodes" LowerBound true "Schrage and Miller 1966; Schrage 1968" "Poisson arrivals: no policy, whatever it knows, beats shortest remaining time first there.";
    OwnTimeBound "Own time on the fastest node" LowerBound false "by definition" "A task that completes was served at least once.";
    RandomSplitBound "Random places" UpperBound true "Winston 1977; Azar, Broder, Karlin and Upfal 1994" "Poisson arrivals, exponential tasks, equal nodes: the less loaded of any number is at least as good as any.";
    TotalWork "Total work" LowerBound false "McNaughton 1959" "All work by all slots together, from every arrival on.";
    LongestTask "Longest task or chain" LowerBound false "McNaughton 1959; Graham 1969" "Every task, after those it waits for, on the fastest node.";
    UnequalSpeeds "Longest tasks on the fastest nodes" LowerBound false "Horvath, Lam and Sethi 1977" "Tasks of one slot, interruption at no cost.";
    ResourceProgram "Linear program of resources" LowerBound false "by relaxation: tasks cut in pieces" "Demands of named resources and slots, per group of equal nodes.";
    ExactMakespan "Exact optimum of the makespan" LowerBound false "Horowitz and Sahni 1976; Brucker and Knust 2012, section 3.4 (branch and bound)" "At most 12 tasks that are not interrupted; where they arrive, wait for each other or demand more than a slot, as far as the search ends.";
    BatchResponse "Best order on every slot" LowerBound false "Conway, Maxwell and Miller 1967; Horowitz and Sahni 1976" "Tasks of one slot, all there at the start; the exact optimum of the mean response where they are independent and demand nothing else.";
    OneMachineResponse "One machine as fast as all slots, these tasks" LowerBound false "Schrage 1968" "Any tasks: shortest remaining time first on one machine.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_told_apart() {
        for (index, formula) in FORMULAS.iter().enumerate() {
            assert_eq!(formula.id as usize, index);
            assert_eq!(formula.id.formula().name, formula.name);
            assert!(formula.assumptions.ends_with('.') && !formula.source.is_empty());
            assert!(FORMULAS[..index].iter().all(|other| other.name != formula.name), "{}", formula.name);
        }
    }
}
