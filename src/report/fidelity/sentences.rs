//! What a comparison found, in sentences: errors over policies, rankings, where decisions part, and
//! which runs do not count.

use super::{FidelityInput, shown, wording};
use crate::experiment::fidelity::{
    Decision, Divergence, Fidelity, Overall, PolicyFidelity, Ranking, Simulated,
};
use crate::report::number::{count, fixed, significant};
use crate::report::sentences::list;
use crate::report::story::plural;
use crate::statistics::equivalence::Equivalence;

/// So many invalid runs are named.
const NAMED: usize = 6;

/// A ratio as a percentage with two significant digits: `0.31 %`.
pub fn percent(ratio: f64) -> String {
    format!("{} %", significant(ratio * 100.0, 2))
}

/// How many of the figures were shown to agree, without a full stop; `None` when none was judged.
pub fn finding(fidelity: &Fidelity) -> Option<String> {
    let metrics = shown(fidelity);
    let verdicts: Vec<Equivalence> = fidelity
        .policies
        .iter()
        .flat_map(|policy| metrics.iter().filter_map(|&metric| policy.get(metric)))
        .filter(|one| one.error().is_some_and(|error| error.half_width.is_some()))
        .map(|one| one.verdict)
        .collect();
    let count = |verdict| verdicts.iter().filter(|one| **one == verdict).count();
    let (all, margin) = (verdicts.len(), percent(fidelity.margin));
    let sentence = match (count(Equivalence::Equivalent), count(Equivalence::Different)) {
        _ if all == 0 => return None,
        (equal, _) if equal == all => format!("within {margin} of live runs in all {all} figures"),
        (0, different) if different == all => {
            format!("more than {margin} off live runs in all {all} figures")
        }
        (equal, _) => format!("shown to be within {margin} of live runs in {equal} of {all} figures"),
    };
    Some(format!("The {} simulation is {sentence}", fidelity.simulated().name()))
}

/// The sentences in paragraphs, without empty ones.
pub fn sentences(input: &FidelityInput<'_>) -> Vec<Vec<String>> {
    let fidelity = input.fidelity;
    let finding = finding(fidelity).map(|sentence| format!("{sentence}."));
    let errors = shown(fidelity).into_iter().filter_map(|metric| {
        let of = |simulated| fidelity.overall(metric, simulated);
        let judged = of(fidelity.simulated())?;
        let ideal = of(Simulated::Ideal).filter(|_| fidelity.simulated() == Simulated::Calibrated);
        Some(errors(judged, ideal))
    });
    let rankings = fidelity.rankings.iter().map(|one| ranking(one, fidelity.margin));
    let divergences = fidelity.policies.iter().flat_map(divergence);
    let paragraphs: [Vec<String>; 4] = [
        finding.into_iter().chain(errors).collect(),
        rankings.collect(),
        divergences.collect(),
        invalid(fidelity).into_iter().collect(),
    ];
    paragraphs.into_iter().filter(|lines| !lines.is_empty()).collect()
}

/// Median and worst error of a metric, and what they are without calibration.
fn errors(judged: &Overall, ideal: Option<&Overall>) -> String {
    let name = wording(judged.metric).name;
    if judged.policies == 1 {
        let ideal =
            ideal.map_or_else(String::new, |ideal| format!("; without delays by {}", percent(ideal.worst)));
        return format!("The simulated {name} is off by {}{ideal}.", percent(judged.worst));
    }
    let ideal = ideal.map_or_else(String::new, |ideal| {
        format!(
            "; without delays by {} and {} ({})",
            percent(ideal.median),
            percent(ideal.worst),
            ideal.worst_policy
        )
    });
    format!(
        "The simulated {name} is off by {} in the median over {} policies, by {} at worst ({}){ideal}.",
        percent(judged.median),
        judged.policies,
        percent(judged.worst),
        judged.worst_policy,
    )
}

fn ranking(ranking: &Ranking, margin: f64) -> String {
    let word = wording(ranking.metric);
    let Some(tau) = ranking.tau else {
        return format!("By {} there is no order to compare: all means of one side are equal.", word.name);
    };
    let tau_in_words = fixed(tau, 2);
    // Exactly 1: every pair is ordered alike.
    if tau == 1.0 {
        return format!(
            "By {} the {} policies stand in the same order simulated and live (tau {tau_in_words}).",
            word.name, ranking.policies
        );
    }
    let pairs: Vec<String> = ranking
        .inverted
        .iter()
        .map(|(simulated, live)| format!("{simulated} (lower simulated) and {live} (lower live)"))
        .collect();
    let pairs = match &pairs[..] {
        [] => format!("no pair that is more than {} apart is inverted", percent(margin)),
        pairs => format!("inverted: {}", pairs.join("; ")),
    };
    format!("By {} the orders simulated and live agree with tau {tau_in_words}; {pairs}.", word.name)
}

/// How often and where the decisions of a policy part.
fn divergence(policy: &PolicyFidelity) -> Vec<String> {
    let runs = policy.divergences.len();
    let parted: Vec<(u64, &Divergence)> =
        policy.divergences.iter().filter_map(|(seed, one)| Some((*seed, one.as_ref()?))).collect();
    let name = &policy.policy;
    let Some((seed, first)) = parted.first() else {
        let all = match runs {
            0 => return vec![],
            1 => "the live run".to_string(),
            more => format!("all {more} live runs"),
        };
        return vec![format!("{name}: {all} made every decision as the simulation did.")];
    };
    let equal = || parted.iter().map(|(_, one)| one.decision);
    let (least, most) = (equal().min().unwrap_or(0), equal().max().unwrap_or(0));
    let range = if least == most {
        plural(least as u64, "equal decision")
    } else {
        format!("{} to {} equal decisions", count(least as u64), count(most as u64))
    };
    let same = |one: &Option<Divergence>| one.as_ref().map_or(1.0, |one| one.same_node);
    let share = policy.divergences.iter().map(|(_, one)| same(one)).sum::<f64>() / runs.max(1) as f64;
    let how_often = match runs {
        1 => "the live run parts".to_string(),
        _ => format!("{} of {runs} live runs part", parted.len()),
    };
    let summary = format!(
        "{name}: {how_often} from the simulation, after {range}; {} % of tasks ran on the same node.",
        significant(share * 100.0, 3),
    );
    vec![summary, format!("  {}", what(*seed, first)), format!("  {}.", first.why)]
}

/// `seed 1, 3.214 s: live starts task 41 on node 2, the simulation task 40 on node 0:`
fn what(seed: u64, divergence: &Divergence) -> String {
    let says = |decision: Option<Decision>| {
        decision.map_or_else(|| "nothing more".to_string(), |decision| decision.to_string())
    };
    let at = divergence.time().map_or_else(String::new, |time| format!(", {} s", fixed(time, 3)));
    format!(
        "seed {seed}{at}: live starts {}, the simulation {}:",
        says(divergence.live),
        says(divergence.simulated)
    )
}

/// Which runs are not averaged in, and why.
fn invalid(fidelity: &Fidelity) -> Option<String> {
    let valid: usize = fidelity.policies.iter().map(|policy| policy.valid).sum();
    let each = fidelity.policies.iter().flat_map(|policy| {
        policy.invalid.iter().map(|one| format!("{} seed {} ({})", policy.policy, one.seed, one.reason))
    });
    let each: Vec<String> = each.collect();
    if each.is_empty() {
        return None;
    }
    let mut named: Vec<&str> = each.iter().take(NAMED).map(String::as_str).collect();
    let rest = format!("{} more in driver.csv", each.len() - named.len());
    if each.len() > NAMED {
        named.push(&rest);
    }
    let verb = if each.len() == 1 { "does not count" } else { "do not count" };
    Some(format!(
        "{} of {} {verb}: {}.",
        each.len(),
        plural((valid + each.len()) as u64, "live run"),
        list(&named)
    ))
}
