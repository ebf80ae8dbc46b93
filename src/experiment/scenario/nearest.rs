//! The known name that a mistyped one was probably meant to be.

/// The nearest of `names` to `found`, if one is near enough to be worth suggesting.
pub fn nearest<'a>(found: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let found: Vec<char> = found.chars().take(64).collect();
    // One slip in a short name, up to a third of a long one.
    let most = (found.len() / 3).max(1);
    let ranked = names.into_iter().filter_map(|name| {
        let name_chars: Vec<char> = name.chars().collect();
        let distance = distance(&found, &name_chars);
        // Another ending is a likely slip too, though it takes many edits: `policy`, `round`.
        let shared = found.iter().zip(&name_chars).take_while(|(a, b)| alike(**a, **b)).count();
        let near = distance <= most;
        (near || (shared >= 4 && 2 * shared >= found.len())).then_some(((!near, distance), name))
    });
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, name)| name)
}

fn alike(a: char, b: char) -> bool {
    let plain = |c: char| if c == '_' || c == ' ' { '-' } else { c.to_ascii_lowercase() };
    plain(a) == plain(b)
}

/// Edits from one word to another: insertion, deletion, substitution, or two neighbours swapped
/// (optimal string alignment). Letters' case and `-` against `_` cost nothing.
fn distance(from: &[char], to: &[char]) -> usize {
    let width = to.len() + 1;
    let mut table = vec![0; (from.len() + 1) * width];
    for i in 0..=from.len() {
        for j in 0..=to.len() {
            table[i * width + j] = if i == 0 || j == 0 {
                i + j
            } else {
                let change = usize::from(!alike(from[i - 1], to[j - 1]));
                let mut best = (table[(i - 1) * width + j] + 1)
                    .min(table[i * width + j - 1] + 1)
                    .min(table[(i - 1) * width + j - 1] + change);
                if i > 1 && j > 1 && alike(from[i - 1], to[j - 2]) && alike(from[i - 2], to[j - 1]) {
                    best = best.min(table[(i - 2) * width + j - 2] + 1);
                }
                best
            };
        }
    }
    table[from.len() * width + to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let names = ["round-robin", "random", "sjf", "replications", "least-loaded", "policies"];
        for (found, expected) in [
            ("round-robbin", Some("round-robin")),
            ("round_robin", Some("round-robin")),
            ("RANDOM", Some("random")),
            ("replicatons", Some("replications")),
            ("sfj", Some("sjf")),
            ("least-load", Some("least-loaded")),
            ("policy", Some("policies")),
            ("round", Some("round-robin")),
            ("quantum", None),
            ("", None),
        ] {
            assert_eq!(nearest(found, names), expected, "{found}");
        }
    }
}
