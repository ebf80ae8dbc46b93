//! What theory says of one queue: its arrivals, its tasks, its servers, its order.

use super::order::OrderKind;
use crate::theory::{FormulaId, Size, Tail, many_servers, priorities, renewal, single_server, sizes};

/// The sum of GI/M/c is over binomial coefficients of so many servers at most.
const MOST_SERVERS: u32 = 60;

/// Arrivals at a queue.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stream {
    /// Poisson with this rate.
    Poisson(f64),
    /// Independent gaps of this distribution.
    Gaps(Size),
}

impl Stream {
    /// Arrivals per second; `None` where the mean gap is infinite.
    pub(super) fn rate(&self) -> Option<f64> {
        match self {
            Stream::Poisson(rate) => Some(*rate),
            Stream::Gaps(gaps) => Some(1.0 / gaps.moment(1)?),
        }
    }
}

/// One queue and its servers.
#[derive(Clone, Debug)]
pub(super) struct Station {
    /// Share of all tasks that come here.
    pub(super) share: f64,
    /// How many alike it stands for.
    pub(super) nodes: u32,
    /// Arrivals at one of them.
    pub(super) arrivals: Stream,
    pub(super) servers: u32,
    /// Service time of a task of any class.
    pub(super) size: Size,
    /// By class, its share and the service time of its tasks.
    pub(super) classes: Vec<(f64, Size)>,
}

/// What is known of a queue in the steady state; means in seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) wait: Option<f64>,
    pub(super) squared_wait: Option<f64>,
    pub(super) share_waited: Option<f64>,
    pub(super) wait_tail: Option<Tail>,
    pub(super) response: Option<f64>,
    pub(super) squared_response: Option<f64>,
    pub(super) response_tail: Option<Tail>,
    pub(super) slowdown: Option<f64>,
    /// By class, mean wait and mean response.
    pub(super) classes: Vec<ClassAnswer>,
}

/// Mean wait and mean response of a class, where they are known.
type ClassAnswer = (Option<f64>, Option<f64>);

/// What is known, and by which formula.
pub(super) type Found = (FormulaId, Answer);

impl Station {
    /// The load of each server; `None` where it is infinite.
    pub(super) fn load(&self) -> Option<f64> {
        Some(self.arrivals.rate()? * self.size.moment(1)? / f64::from(self.servers))
    }

    /// What is known under this order, or why nothing is.
    pub(super) fn answer(&self, order: &OrderKind) -> Result<Found, String> {
        let mean = self.size.moment(1).ok_or("tasks have no mean")?;
        let load = self.load().ok_or("arrivals or tasks have no mean")?;
        if load >= 1.0 {
            return Err(format!("the load is {load:.3}: the queue grows without bound"));
        }
        let found = match &self.arrivals {
            Stream::Poisson(rate) => self.poisson(*rate, mean, order),
            Stream::Gaps(gaps) => self.renewal(gaps, order),
        };
        let (id, mut answer) = found?;
        // What is served for as long as it takes waits first, if nothing interrupts it.
        if !order.interrupts() {
            answer.response = answer.response.or(answer.wait.map(|wait| wait + mean));
            if let (OrderKind::Fifo, Some(squared), Some(wait)) = (order, answer.squared_wait, answer.wait) {
                let second = self.size.moment(2);
                answer.squared_response = second.map(|second| squared + 2.0 * wait * mean + second);
            }
        }
        Ok((id, answer))
    }

    fn renewal(&self, gaps: &Size, order: &OrderKind) -> Result<Found, String> {
        let mean = self.size.exponential().ok_or("arrivals are not Poisson and tasks not exponential")?;
        if self.servers > MOST_SERVERS {
            return Err("arrivals are not Poisson, and the sum over so many servers loses its digits".into());
        }
        let found = renewal::renewal(self.servers, gaps, mean).ok_or("the load is 1 or more")?;
        let id = if self.servers == 1 { FormulaId::Gim1 } else { FormulaId::Gimc };
        let answer = match order {
            OrderKind::Fifo => Answer {
                wait: Some(found.mean_wait),
                // An exponential wait with this probability.
                squared_wait: Some(2.0 * found.mean_wait * found.mean_wait / found.share_waited),
                share_waited: Some(found.share_waited),
                wait_tail: Some(found.wait_tail),
                response_tail: found.response_tail,
                ..Answer::default()
            },
            OrderKind::Lifo | OrderKind::Random | OrderKind::Blind => Answer {
                wait: Some(found.mean_wait),
                share_waited: Some(found.share_waited),
                ..Answer::default()
            },
            kind if is_blind(kind) => Answer { response: Some(found.mean_wait + mean), ..Answer::default() },
            _ => return Err("arrivals are not Poisson, and the order looks at more than arrivals".into()),
        };
        Ok((id, answer))
    }

    fn poisson(&self, rate: f64, mean: f64, order: &OrderKind) -> Result<Found, String> {
        if self.size.exponential().is_some()
            && let Some(found) = self.exponential(rate, mean, order)
        {
            return Ok(found);
        }
        if self.servers > 1 {
            let what = if self.size.exponential().is_some() {
                "the order looks at sizes"
            } else {
                "tasks are not exponential"
            };
            return Err(format!("several servers share a queue and {what}"));
        }
        self.single(rate, order)
    }

    /// M/M/c, in orders that do not look at sizes.
    fn exponential(&self, rate: f64, mean: f64, order: &OrderKind) -> Option<Found> {
        let wait = many_servers::mean_wait(self.servers, rate, mean)?;
        let waits = many_servers::erlang_c(self.servers, rate * mean);
        let squared = 2.0 * wait * wait / waits;
        let id = if self.servers == 1 { FormulaId::Mm1 } else { FormulaId::Mmc };
        let blind = Answer { wait: Some(wait), share_waited: Some(waits), ..Answer::default() };
        Some(match order {
            OrderKind::Fifo => {
                let wait_tail = Some(many_servers::wait_tail(self.servers, rate, mean));
                let response_tail = Some(many_servers::response_tail(self.servers, rate, mean));
                (id, Answer { squared_wait: Some(squared), wait_tail, response_tail, ..blind })
            }
            OrderKind::Lifo if self.servers == 1 => {
                let factor = single_server::last_come_first_served_factor(rate * mean);
                (FormulaId::SquaredWaits, Answer { squared_wait: Some(squared * factor), ..blind })
            }
            OrderKind::Random if self.servers == 1 => {
                let factor = single_server::random_order_factor(rate * mean);
                (FormulaId::SquaredWaits, Answer { squared_wait: Some(squared * factor), ..blind })
            }
            OrderKind::PreemptiveLifo if self.servers == 1 => return None,
            OrderKind::Lifo | OrderKind::Random | OrderKind::Blind => (FormulaId::BlindOrder, blind),
            OrderKind::Ranks { of_class, preempt: false } if self.servers > 1 && self.classes_are_alike() => {
                (FormulaId::PrioritiesAtServers, self.ranks_at_servers(rate, mean, of_class, blind)?)
            }
            kind if is_blind(kind) || self.are_ranks_alike(kind) => {
                (FormulaId::BlindOrder, Answer { response: Some(wait + mean), ..Answer::default() })
            }
            _ => return None,
        })
    }

    /// Whether ranks say nothing of sizes, and no formula for ranks says more.
    fn are_ranks_alike(&self, kind: &OrderKind) -> bool {
        matches!(kind, OrderKind::Ranks { .. }) && self.classes_are_alike() && self.servers > 1
    }

    fn classes_are_alike(&self) -> bool {
        self.classes.windows(2).all(|pair| pair[0].1 == pair[1].1)
    }

    /// The classes of each rank.
    fn by_rank(of_class: &[usize]) -> Vec<Vec<usize>> {
        let ranks = of_class.iter().max().map_or(0, |most| most + 1);
        let members = |rank| (0..of_class.len()).filter(|class| of_class[*class] == rank).collect();
        (0..ranks).map(members).collect()
    }

    fn ranks_at_servers(&self, rate: f64, mean: f64, of_class: &[usize], blind: Answer) -> Option<Answer> {
        let share = |classes: &Vec<usize>| classes.iter().map(|class| self.classes[*class].0).sum::<f64>();
        let rates: Vec<f64> = Self::by_rank(of_class).iter().map(|classes| rate * share(classes)).collect();
        let waits = priorities::mean_waits_at_servers(self.servers, &rates, mean)?;
        let of = |rank: &usize| (Some(waits[*rank]), Some(waits[*rank] + mean));
        Some(Answer { classes: of_class.iter().map(of).collect(), ..blind })
    }

    /// One server with Poisson arrivals.
    fn single(&self, rate: f64, order: &OrderKind) -> Result<Found, String> {
        let size = &self.size;
        let infinite = "the variance of tasks is infinite, and with it the mean wait";
        let rough = "the formula needs sizes with a density";
        let load = rate * size.moment(1).ok_or("tasks have no mean")?;
        let plain = |wait: Option<f64>| -> Result<Answer, String> {
            Ok(Answer { wait: Some(wait.ok_or(infinite)?), share_waited: Some(load), ..Answer::default() })
        };
        Ok(match order {
            OrderKind::Fifo => {
                let squared_wait = single_server::mean_squared_wait(rate, size);
                (FormulaId::Mg1, Answer { squared_wait, ..plain(single_server::mean_wait(rate, size))? })
            }
            OrderKind::Lifo | OrderKind::Random | OrderKind::Blind => {
                (FormulaId::Mg1, plain(single_server::mean_wait(rate, size))?)
            }
            OrderKind::Shortest => {
                (FormulaId::ShortestFirst, plain(sizes::shortest_first_mean_wait(rate, size))?)
            }
            OrderKind::Longest => {
                (FormulaId::LongestFirst, plain(sizes::longest_first_mean_wait(rate, size))?)
            }
            OrderKind::ShortestRemaining => {
                let response = sizes::shortest_remaining_mean_response(rate, size).ok_or(rough)?;
                (FormulaId::ShortestRemaining, Answer { response: Some(response), ..Answer::default() })
            }
            OrderKind::PreemptiveShortest => {
                let stay = sizes::preemptive_shortest_first(rate, size).ok_or(rough)?;
                (FormulaId::PreemptiveShortest, of_stay(stay))
            }
            OrderKind::LeastAttained => {
                (FormulaId::LeastAttained, of_stay(sizes::least_attained(rate, size).ok_or(rough)?))
            }
            OrderKind::Sharing | OrderKind::PreemptiveLifo => {
                let response = single_server::processor_sharing_mean_response(rate, size);
                let id = match order {
                    OrderKind::Sharing => FormulaId::ProcessorSharing,
                    _ => FormulaId::PreemptiveLast,
                };
                (id, Answer { response, slowdown: Some(1.0 / (1.0 - load)), ..Answer::default() })
            }
            OrderKind::Ranks { of_class, preempt } => self.ranks(rate, of_class, *preempt).ok_or(infinite)?,
            OrderKind::BlindInterrupting => {
                return Err("interruptions by chance and tasks that are not exponential".to_string());
            }
        })
    }

    /// Fixed priorities at one server.
    fn ranks(&self, rate: f64, of_class: &[usize], preempt: bool) -> Option<Found> {
        let by_rank = Self::by_rank(of_class);
        let share = |classes: &Vec<usize>| classes.iter().map(|class| self.classes[*class].0).sum::<f64>();
        let mut ranks = Vec::with_capacity(by_rank.len());
        for classes in &by_rank {
            let all = share(classes);
            // Together the classes of a rank are one, whose size is a mixture.
            let parts = classes.iter().map(|class| (self.classes[*class].0 / all, &self.classes[*class].1));
            ranks.push(priorities::Class { rate: rate * all, size: Size::of_sizes(parts) });
        }
        let own = |class: usize| self.classes[class].1.moment(1);
        let (id, classes): (_, Vec<ClassAnswer>) = if preempt {
            let responses = priorities::preemptive_mean_responses(&ranks)?;
            // Of its rank a class has the mean, but for its own service: which goes on while nothing above
            // it is there.
            let above: Vec<f64> = ranks
                .iter()
                .scan(0.0, |sum, rank| {
                    let above = *sum;
                    *sum += rank.rate * rank.size.moment(1).unwrap_or(f64::INFINITY);
                    Some(above)
                })
                .collect();
            let of = |class: usize| {
                let rank = of_class[class];
                let more = own(class)? - ranks[rank].size.moment(1)?;
                Some(responses[rank]? + more / (1.0 - above[rank]))
            };
            let classes = (0..of_class.len()).map(|class| (None, of(class))).collect();
            (FormulaId::PreemptivePriorities, classes)
        } else {
            let waits = priorities::mean_waits(&ranks)?;
            let of = |class: usize| {
                let wait = waits[of_class[class]];
                (wait, wait.zip(own(class)).map(|(wait, own)| wait + own))
            };
            (FormulaId::Priorities, (0..of_class.len()).map(of).collect())
        };
        let mean = |value: fn(&ClassAnswer) -> Option<f64>| -> Option<f64> {
            self.classes.iter().zip(&classes).map(|((share, _), found)| Some(share * value(found)?)).sum()
        };
        let (wait, response) = (mean(|found| found.0), mean(|found| found.1));
        Some((id, Answer { wait, response, classes, ..Answer::default() }))
    }
}

fn of_stay(stay: sizes::Stay) -> Answer {
    Answer { response: Some(stay.response), slowdown: Some(stay.slowdown), ..Answer::default() }
}

/// Whether an order of this kind leaves the number in the system as it is when tasks are exponential.
fn is_blind(kind: &OrderKind) -> bool {
    matches!(
        kind,
        OrderKind::Fifo
            | OrderKind::Lifo
            | OrderKind::Random
            | OrderKind::Blind
            | OrderKind::BlindInterrupting
            | OrderKind::PreemptiveLifo
            | OrderKind::Sharing
            | OrderKind::LeastAttained
    )
}

/// The answers of several queues as one, by the shares of tasks that come to each: what all of them know.
pub(super) fn combined(stations: &[Station], answers: &[Answer]) -> Answer {
    let sum = |value: &dyn Fn(&Answer) -> Option<f64>| -> Option<f64> {
        stations.iter().zip(answers).map(|(station, answer)| Some(station.share * value(answer)?)).sum()
    };
    let tail = |value: &dyn Fn(&Answer) -> Option<&Tail>| -> Option<Tail> {
        let tails: Option<Vec<(f64, &Tail)>> = stations
            .iter()
            .zip(answers)
            .map(|(station, answer)| Some((station.share, value(answer)?)))
            .collect();
        tails.map(Tail::mixture)
    };
    let classes = answers.first().map_or(0, |answer| answer.classes.len());
    Answer {
        wait: sum(&|answer| answer.wait),
        squared_wait: sum(&|answer| answer.squared_wait),
        share_waited: sum(&|answer| answer.share_waited),
        wait_tail: tail(&|answer| answer.wait_tail.as_ref()),
        response: sum(&|answer| answer.response),
        squared_response: sum(&|answer| answer.squared_response),
        response_tail: tail(&|answer| answer.response_tail.as_ref()),
        slowdown: sum(&|answer| answer.slowdown),
        classes: (0..classes)
            .map(|class| {
                (sum(&|answer| answer.classes.get(class)?.0), sum(&|answer| answer.classes.get(class)?.1))
            })
            .collect(),
    }
}
