//! `falcon policies`: lists the presets and the parts that policies are made of.

use std::fmt::Write;

use super::{Outcome, print};
use crate::policies::registry::{BACKFILLS, DISPATCHES, ORDERS, PLACES, PRESETS, Part};

pub(super) fn policies() -> Outcome {
    print(&listing())
}

fn listing() -> String {
    let mut text = String::from("presets (a bare name in `policies`)\n");
    for preset in PRESETS {
        let policy = preset.policy();
        let mut parts = vec![name_of(ORDERS, &policy.order), name_of(PLACES, &policy.place)];
        parts.push(name_of(DISPATCHES, &policy.dispatch));
        let backfill = name_of(BACKFILLS, &policy.backfill);
        let backfill = if backfill == "none" { String::new() } else { format!(", backfill {backfill}") };
        let _ = writeln!(
            text,
            "  {:<23}order {}, place {}, dispatch {}{backfill}",
            preset.name, parts[0], parts[1], parts[2]
        );
    }
    section(&mut text, "order: which waiting task goes next", ORDERS);
    section(&mut text, "place: which node takes it (`power-of` takes d and with_replacement)", PLACES);
    section(&mut text, "dispatch: when a task is bound to a node", DISPATCHES);
    section(&mut text, "backfill: whether tasks may overtake a blocked head", BACKFILLS);
    text.push_str(
        "\na policy of your own: { name = \"...\", order = \"sjf\", place = \"least-loaded\", dispatch = \"push\" };\n\
         what it leaves out is that of `fifo`\n",
    );
    text
}

fn section<S>(text: &mut String, title: &str, parts: &[Part<S>]) {
    let _ = writeln!(text, "\n{title}");
    for part in parts {
        let _ = writeln!(text, "  {:<23}{}", part.name, part.summary);
    }
}

/// The name of a part, whatever its options.
fn name_of<S: PartialEq>(parts: &[Part<S>], spec: &S) -> &'static str {
    let same = |part: &&Part<S>| std::mem::discriminant(&part.spec) == std::mem::discriminant(spec);
    parts.iter().find(same).map_or("?", |part| part.name)
}

#[cfg(test)]
mod tests {
    use super::listing;

    #[test]
    fn every_preset_is_made_of_named_parts() {
        let text = listing();
        assert!(!text.contains('?'), "{text}");
        assert!(
            text.contains("easy-backfill          order fifo, place first-fit, dispatch pull, backfill easy")
        );
    }
}
