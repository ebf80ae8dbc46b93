//! The report as a whole, on made-up results.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::sample::Sample;
use super::*;
use crate::metrics::{COLUMNS, Metric, MetricRow};

fn input<'a>(plan: &'a Plan, results: &'a [PolicyResult]) -> ReportInput<'a> {
    ReportInput {
        plan,
        resolved_toml: "name = \"baseline\"\n",
        results,
        warnings: &[],
        repeat: "falcon run scenarios/baseline.toml --seed 1 --replications 20",
        overrides: &[],
        wall_time: Duration::from_secs(31),
        threads: 8,
        options: Options { plots: PlotFormat::Svg, tasks: true },
        live: None,
        extra: &[],
        beside: None,
        steps: Steps::default(),
    }
}

/// Runs of every kind of size and shape.
fn samples() -> Vec<(&'static str, Plan, Vec<PolicyResult>)> {
    let many = vec![
        "fifo",
        "round-robin",
        "random",
        "least-loaded",
        "power-of-two",
        "sjf",
        "ljf",
        "lifo",
        "best-fit",
    ];
    let two = vec!["least-loaded", "power-of-two"];
    let long = vec!["a-policy-with-a-very-long-name-that-says-everything-about-itself", "b"];
    let samples = [
        ("five", Sample::default()),
        ("one", Sample { policies: vec!["least-loaded"], ..Sample::default() }),
        (
            "two",
            Sample { policies: two.clone(), replications: 5, tasks: 2000, faults: true, ..Sample::default() },
        ),
        (
            "many",
            Sample { policies: many, faults: true, classes: vec!["urgent", "other"], ..Sample::default() },
        ),
        ("single", Sample { replications: 1, faults: true, ..Sample::default() }),
        (
            "long",
            Sample { policies: long, replications: 3, tasks: 10_000_000, nodes: 1000, ..Sample::default() },
        ),
        ("tiny", Sample { policies: two.clone(), replications: 1, tasks: 1, nodes: 1, ..Sample::default() }),
    ];
    let mut all: Vec<_> = samples.into_iter().map(|(name, one)| (name, one.plan(), one.results())).collect();
    for (name, value) in
        [("zeros", Some(0.0)), ("equal", Some(12.5)), ("huge", Some(1.5e12)), ("missing", None)]
    {
        let sample = Sample { policies: two.clone(), faults: true, replications: 4, ..Sample::default() };
        let mut results = sample.results();
        for one in results.iter_mut().flat_map(|result| &mut result.replications) {
            one.metrics = MetricRow::default();
            for column in COLUMNS {
                one.metrics.set(column.metric, value.unwrap_or(f64::NAN));
            }
            one.timeline = one.timeline.take().filter(|_| value.is_some());
        }
        for tail in results.iter_mut().flat_map(|result| &mut result.tails) {
            tail.points = if value == Some(0.0) { vec![(0.0, 0.0)] } else { vec![] };
        }
        all.push((name, sample.plan(), results));
    }
    all
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(path).expect("text"))
        })
        .collect()
}

fn target(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("results/baseline")
}

#[test]
fn columns_are_those_promised() {
    let sample = Sample { classes: vec!["urgent", "other"], faults: true, ..Sample::default() };
    let (plan, results) = (sample.plan(), sample.results());
    let folder = tempfile::tempdir().expect("a folder");
    write_all(&target(&folder), &input(&plan, &results)).expect("written");
    let files = files(&target(&folder));
    let promised = [
        ("summary.csv", "policy,metric,unit,n,mean,stddev,ci95_low,ci95_high,min,max"),
        ("classes.csv", "policy,class,metric,unit,n,mean,stddev,ci95_low,ci95_high,min,max"),
        ("timeline.csv", "policy,replication,time,arrived,completed,failed,queue_length,running,nodes_up"),
        (
            "nodes.csv",
            "policy,replication,node,group,busy_time,up_time,tasks,attempts_lost,utilisation,availability",
        ),
        (
            "tasks.csv",
            "policy,replication,task,class,arrival,first_start,settled,state,attempts,node,work,service",
        ),
        ("distribution.csv", "policy,metric,value,share_above"),
        ("incidents.csv", "policy,replication,kind,subject,nodes,start,end,recovered,waiting"),
    ];
    for (name, columns) in promised {
        let text = &files[name];
        assert_eq!(text.lines().next(), Some(columns), "{name}");
        assert!(!text.contains('\r') && !text.contains("NaN") && text.ends_with('\n'), "{name}");
    }
    let columns: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
    let expected = format!("policy,replication,seed,{}", columns.join(","));
    assert_eq!(files["replications.csv"].lines().next(), Some(expected.as_str()));
    assert_eq!(files["replications.csv"].lines().count(), 1 + 5 * 20);
    let tasks: Vec<&str> = files["tasks.csv"].lines().collect();
    assert_eq!(
        tasks[1..3],
        [
            "sjf,0,0,urgent,0.000000000,0.000000001,9.000000000,completed,1,node-0,1.000000000,1.000000000",
            "sjf,0,1,urgent,1.500000000,,9.000000000,error,1,,1.000000000,1.000000000",
        ]
    );
    // No policy has a figure of fairness here: its cells are empty.
    assert!(files["summary.csv"].contains("sjf,jain_fairness,1,0,,,,,,\n"));
    // The first replication of every policy.
    let incidents: Vec<&str> = files["incidents.csv"].lines().collect();
    assert_eq!(incidents.len(), 1 + 5 * 61);
    assert!(incidents[1].starts_with("sjf,0,failure,node-0,1,0.000000000,31."), "{}", incidents[1]);
    let outage = incidents.iter().find(|line| line.contains(",outage,")).expect("an outage");
    assert!(outage.starts_with("sjf,0,outage,4 nodes,4,23") && outage.ends_with(",0"), "{outage}");
    assert!(files["report.html"].contains("<summary>Incidents</summary>"));
    for name in files.keys() {
        assert!(
            name.bytes().all(|byte| byte.is_ascii_lowercase() || b".-_0123456789".contains(&byte)),
            "{name}"
        );
    }
    let manifest = manifest::Manifest::read(&target(&folder)).expect("a manifest");
    assert_eq!(manifest.files.len() + 1, files.len());
    assert_eq!((manifest.seeds.first(), manifest.seeds.last()), (Some(&1), Some(&20)));
}

#[test]
fn a_folder_alone_tells_the_same_story() {
    for (name, plan, results) in samples() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = target(&folder);
        write_all(&target, &input(&plan, &results)).expect("written");
        let before = files(&target);
        redraw(&target, PlotFormat::Svg).expect("drawn again");
        assert!(before == files(&target), "{name}: plots differ when drawn again");
        // And the same again in the same place.
        write_all(&target, &input(&plan, &results)).expect("written");
        assert!(before == files(&target), "{name}: a second run differs");
    }
}

#[test]
fn a_failed_write_leaves_what_was_there() {
    let sample = Sample::default();
    let (plan, results) = (sample.plan(), sample.results());
    let folder = tempfile::tempdir().expect("a folder");
    let target = target(&folder);
    let fail = |folder: &Path| {
        folder::write(folder, "summary.csv", b"half of i")?;
        Err(Error::format("summary.csv", "the disk is full"))
    };
    assert!(folder::replace(&target, fail).is_err());
    assert!(!target.exists(), "nothing may appear");
    write_all(&target, &input(&plan, &results)).expect("written");
    let before = files(&target);
    assert!(folder::replace(&target, fail).is_err());
    assert!(before == files(&target));
    let beside: Vec<_> = fs::read_dir(target.parent().expect("a parent")).expect("a folder").collect();
    assert_eq!(beside.len(), 1, "nothing is left beside the results");
}

#[test]
fn files_of_others_are_safe() {
    let sample = Sample::default();
    let (plan, results) = (sample.plan(), sample.results());
    let folder = tempfile::tempdir().expect("a folder");
    let target = target(&folder);
    fs::create_dir_all(&target).expect("a folder");
    fs::write(target.join("thesis.tex"), "years of work").expect("written");
    let refused = write_all(&target, &input(&plan, &results)).expect_err("not ours");
    assert!(refused.to_string().contains("not a results folder of falcon"), "{refused}");
    assert_eq!(files(&target).len(), 1);
    // Notes beside results stay when the results are made again.
    fs::remove_file(target.join("thesis.tex")).expect("removed");
    write_all(&target, &input(&plan, &results)).expect("an empty folder is fine");
    fs::write(target.join("notes.txt"), "mine").expect("written");
    fs::create_dir(target.join("more")).expect("made");
    fs::write(target.join("more/notes.txt"), "mine too").expect("written");
    let fewer = Options { plots: PlotFormat::None, tasks: false };
    write_all(&target, &ReportInput { options: fewer, ..input(&plan, &results) }).expect("written");
    assert_eq!(fs::read_to_string(target.join("notes.txt")).expect("kept"), "mine");
    assert_eq!(fs::read_to_string(target.join("more/notes.txt")).expect("kept"), "mine too");
    assert!(!target.join("tasks.csv").exists() && !target.join("throughput.svg").exists(), "old files go");
}

#[cfg(unix)]
#[test]
fn a_link_to_results_stays_a_link() {
    let sample = Sample { policies: vec!["sjf"], ..Sample::default() };
    let (plan, results) = (sample.plan(), sample.results());
    let folder = tempfile::tempdir().expect("a folder");
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    write_all(&real, &input(&plan, &results)).expect("written");
    std::os::unix::fs::symlink(&real, &link).expect("linked");
    fs::write(real.join("notes.txt"), "mine").expect("written");
    write_all(&link, &input(&plan, &results)).expect("written");
    assert!(link.is_symlink() && real.join("notes.txt").exists() && is_results_folder(&real));
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2);
}

#[test]
fn plots_are_small_whole_and_legible() {
    for (name, plan, results) in samples() {
        for (stem, picture) in plots::pictures(&Story::of(&plan, &results, None)) {
            let svg = picture.svg();
            let what = format!("{name}/{stem}");
            assert!(svg.len() < 100_000, "{what}: {} bytes", svg.len());
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{what}");
            assert_well_formed(&svg, &what);
            assert_legible(&picture, &what);
        }
    }
}

/// No text is cut, and none covers another.
pub(super) fn assert_legible(picture: &plots::Picture, what: &str) {
    let boxes = picture.text_boxes();
    let (width, height) = (f64::from(picture.size.0), f64::from(picture.size.1));
    for (index, ([left, top, right, bottom], text)) in boxes.iter().enumerate() {
        let inside = *left >= 0.0 && *right <= width && *top >= 0.0 && *bottom <= height;
        assert!(inside, "{what}: {text:?} is cut");
        for ([other_left, other_top, other_right, other_bottom], other) in &boxes[..index] {
            let apart =
                left >= other_right || right <= other_left || top >= other_bottom || bottom <= other_top;
            assert!(apart, "{what}: {text:?} covers {other:?}");
        }
    }
}

/// Every tag is closed in its turn, and no attribute is left open.
fn assert_well_formed(xml: &str, what: &str) {
    let mut open = Vec::new();
    for part in xml.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap_or_else(|| panic!("{what}: an open tag: {part:?}"));
        assert!(!text.contains('>'), "{what}: {text:?}");
        assert!(tag.matches('"').count().is_multiple_of(2), "{what}: {tag:?}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{what}");
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().unwrap_or(""));
        }
    }
    assert!(open.is_empty(), "{what}: {open:?}");
}

#[test]
fn png_files_are_drawn() {
    let sample = Sample { policies: vec!["sjf"], ..Sample::default() };
    let (plan, results) = (sample.plan(), sample.results());
    let folder = tempfile::tempdir().expect("a folder");
    let pictures: Vec<_> = plots::pictures(&Story::of(&plan, &results, None)).into_iter().take(1).collect();
    plots::write(folder.path(), &pictures, PlotFormat::Png).expect("drawn");
    let bytes = fs::read(folder.path().join("comparison.png")).expect("a file");
    assert!(bytes.starts_with(b"\x89PNG") && bytes.len() > 10_000);
}

#[test]
fn the_page_is_one_small_safe_file() {
    for (name, mut plan, mut results) in samples() {
        let evil = "<script>alert('x & y')</script>";
        plan.name = evil.to_string();
        plan.description = evil.to_string();
        results[0].policy = evil.to_string();
        let warnings = [Warning { message: evil.to_string(), help: Some(evil.to_string()) }];
        let input =
            ReportInput { resolved_toml: evil, repeat: evil, warnings: &warnings, ..input(&plan, &results) };
        let story = Story::of(&plan, &results, None);
        let pictures = plots::pictures(&story);
        let page = html::page(&input, &story, &manifest::Manifest::of(&input, &story), &pictures, None)
            .expect("a page");
        assert!(page.len() < 1_000_000, "{name}: {} bytes", page.len());
        assert!(!page.contains("<script") && page.contains("script&"), "{name}");
        assert!(
            !page.contains("http://") || page.matches("http://").count() == pictures.len(),
            "only namespaces"
        );
        assert!(!page.contains("https://") && !page.contains("src="), "{name}: no network");
    }
}

#[test]
fn the_table_reads_as_designed() {
    let sample =
        Sample { policies: vec!["sjf", "power-of-two", "least-loaded"], faults: true, ..Sample::default() };
    let (plan, mut results) = (sample.plan(), sample.results());
    results[2].replications[3].metrics.set(Metric::Completed, 99_988.0);
    let table = table::render(&input(&plan, &results), Some("results/baseline/"), Style::PLAIN);
    insta::assert_snapshot!(table);
    let json: serde_json::Value =
        serde_json::from_str(&json::summary(&input(&plan, &results))).expect("JSON");
    assert_eq!(json["summary"].as_array().map(Vec::len), Some(3 * COLUMNS.len()));
    assert_eq!(json["summary"][0]["metric"], "makespan");
    assert!(json["summary"].to_string().contains("\"mean\":null"));
}

#[test]
fn one_replication_is_not_judged() {
    let sample = Sample { policies: vec!["sjf", "random"], replications: 1, ..Sample::default() };
    let (plan, results) = (sample.plan(), sample.results());
    insta::assert_snapshot!(table::render(&input(&plan, &results), None, Style::PLAIN));
}

#[test]
fn narrow_terminals_lose_columns_but_no_letters() {
    let sample = Sample::default();
    let (plan, results) = (sample.plan(), sample.results());
    let render = |width, unicode| {
        table::render(&input(&plan, &results), None, Style { width: Some(width), colour: false, unicode })
    };
    let rows = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.starts_with("  ")).map(str::to_string).collect()
    };
    for width in [60, 80, 100] {
        let text = render(width, true);
        assert!(text.contains(" more in summary.csv)"), "{text}");
        let table: Vec<String> = rows(&text).into_iter().take(7).collect();
        assert!(table.iter().all(|line| line.chars().count() <= width), "{text}");
    }
    let block = render(59, true);
    assert!(block.contains("  sjf\n    makespan       ~7821.4 ± 7.3 s\n"), "{block}");
    let ascii = render(80, false);
    assert!(ascii.is_ascii() && ascii.contains("*0.4119 +/- 0.0095"), "{ascii}");
    let colour = table::render(&input(&plan, &results), None, Style { colour: true, ..Style::PLAIN });
    assert!(colour.contains("\x1b[32m") && !render(100, true).contains('\x1b'));
}
