//! Every numeric key of the schema against every kind of impossible number.

use super::schema::{LISTS, setting, walk};
use super::*;

#[test]
fn impossible_numbers_are_refused_at_their_place() {
    let (leaves, _) = walk();
    let numeric =
        |leaf: &&super::schema::Leaf| matches!(leaf.schema["type"].as_str(), Some("number" | "integer"));
    let mut tried = 0;
    for leaf in leaves.iter().filter(numeric) {
        let low = leaf.schema["minimum"].as_f64();
        let above = leaf.schema["exclusiveMinimum"].as_f64();
        let high = leaf.schema["maximum"].as_f64();
        let whole = leaf.schema["type"] == "integer";
        let huge = "99999999999999999999999999999999999999999999999999999";
        let mut values = vec!["nan", "-nan", "inf", "-inf", "+inf", "1e999", "true", "\"text\"", "[]", "[1]"];
        values.extend(["\"12\"", "\"-1s\"", "\"1e400s\"", "\"nans\"", "\"\"", "\"s\"", huge]);
        if low.is_some() || above.is_some() {
            values.extend(["-1", "-0.5", "-1e300", "\"-5ms\""]);
        }
        if low.is_some_and(|low| low >= 1.0) || above == Some(0.0) {
            values.extend(["0", "0.0", "-0.0"]);
        }
        if high == Some(1.0) {
            values.extend(["1.0000001", "2", "100"]);
        }
        if whole {
            values.extend(["0.5", "1e300", "18446744073709551616", "-9223372036854775808"]);
        }
        for value in values {
            let setting = setting(&leaf.path, value);
            let drawn = mistakes_of(LISTS, &set(&[&setting]));
            let place = format!("--> --set {setting}:1:");
            assert!(drawn.contains(&place), "{setting}\n{drawn}");
            tried += 1;
        }
    }
    assert!(tried > 2000, "{tried}");
}

/// Values that are extreme but possible one by one must not break the checks across keys.
#[test]
fn extreme_numbers_never_panic() {
    let (leaves, _) = walk();
    let base = "policies = [\"sjf\"]\n[[nodes]]\nup = 1\ndown = 1\n[workload]\ntasks = 10\nduration = 1\n";
    let extremes =
        ["0", "5e-324", "1e-300", "1e-9", "1", "1e18", "1e300", "1.7976931348623157e308", "4294967295"];
    for leaf in &leaves {
        for value in extremes {
            let setting = setting(&leaf.path, value);
            for text in [base, LISTS] {
                if let Err(diagnostics) = load_with(text, &set(&[&setting])) {
                    assert!(diagnostics.render(true).len() > 10);
                }
            }
        }
    }
    for duration in [
        "gamma={shape=1e-300,scale=1}",
        "gamma={shape=1e300,scale=1e300}",
        "weibull={shape=1e-3,scale=1e-300}",
        "weibull={shape=1e300,scale=1}",
        "lognormal={mean=5e-324,sd=1e300}",
        "lognormal={mean=1,sd=1e300}",
        "lognormal={mean=1,sd=1e150}",
        "bounded-pareto={shape=1e-300,low=1e-300,high=1e300}",
        "bounded-pareto={shape=1e300,low=1,high=2}",
        "zipf={n=9007199254740992,exponent=1e300}",
        "zipf={n=9007199254740992,exponent=1}",
        "normal={mean=0,sd=0}",
        "uniform={low=1e308,high=1e308}",
        "hyperexponential={p=[0,1],mean=[1e308,1e308]}",
    ] {
        let setting = format!("workload.duration={{{duration}}}");
        if let Ok(loaded) = load_with(base, &set(&[&setting])) {
            let crate::workload::Workload::Generated { classes, .. } = loaded.plan.workload else {
                panic!("generated")
            };
            let mut stream = crate::random::Streams::new(1).stream(crate::random::Purpose::Work, 0);
            for _ in 0..100 {
                let work = classes[0].duration.sample(&mut stream);
                assert!(work >= 0.0 && work.is_finite(), "{duration}: {work}");
            }
        }
    }
}
