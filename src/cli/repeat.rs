//! The command that repeats a run.

use std::path::Path;

use super::OverrideArgs;
use crate::experiment::plan::Plan;

/// `falcon run FILE` (or another verb) with every override, so that copying it gives the same results.
pub(super) fn command(verb: &str, file: &Path, plan: &Plan, overrides: &OverrideArgs) -> String {
    let mut words = vec!["falcon".to_string(), verb.to_string(), quote(&file.display().to_string())];
    for policy in &overrides.policies {
        words.push("--policy".to_string());
        words.push(quote(policy));
    }
    words.push(format!("--seed {}", plan.run.seed));
    words.push(format!("--replications {}", plan.run.replications));
    for setting in &overrides.set {
        words.push("--set".to_string());
        words.push(quote(setting));
    }
    words.join(" ")
}

/// `falcon check FILE` for one seed and policy, with whatever else was given.
pub(super) fn of_check(
    file: &Path,
    policy: &str,
    seed: u64,
    given: &[String],
    overrides: &OverrideArgs,
) -> String {
    let file = quote(&file.display().to_string());
    let mut words = vec![format!("falcon check {file} --policy {} --from {seed} --seeds 1", quote(policy))];
    words.extend_from_slice(given);
    words.extend(overrides.set.iter().map(|setting| format!("--set {}", quote(setting))));
    words.join(" ")
}

/// The word as a shell takes it.
pub(super) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_string()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quote("run.seed=3"), "run.seed=3");
        assert_eq!(quote("workload.duration={ constant = 1 }"), "'workload.duration={ constant = 1 }'");
        assert_eq!(quote("it's"), r"'it'\''s'");
        assert_eq!(quote(""), "''");
    }
}
