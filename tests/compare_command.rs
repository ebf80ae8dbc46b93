//! `falcon compare`, `falcon best`, `falcon sweep` and `falcon merge` as a user calls them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const SCENARIO: &str = r#"
description = "Which policy?"
policies = ["fifo", "sjf", { name = "fifo-again", order = "fifo" }]
run = { replications = 10, timeline_buckets = 20 }
nodes = [{ count = 2 }]
workload = { tasks = 2000, arrivals.poisson.rate = 1.6, duration.exponential.mean = 1.0 }
"#;

fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("small.toml"), SCENARIO).expect("written");
    let other = SCENARIO.replace("1.6", "0.0001").replace("exponential.mean = 1.0", "constant = 1.0");
    fs::write(folder.path().join("idle.toml"), other).expect("written");
    folder
}

fn falcon(at: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_falcon")).args(arguments).current_dir(at).output().expect("it starts")
}

/// What it prints on standard output and standard error.
#[track_caller]
fn ok(at: &Path, arguments: &[&str]) -> (String, String) {
    let output = falcon(at, arguments);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {out}{err}");
    (out, err)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The repeat line of an output, as arguments.
fn repeated(text: &str) -> Vec<String> {
    let line =
        text.lines().find_map(|line| line.trim_start().strip_prefix("repeat   falcon ")).expect("a line");
    line.split(' ').map(|word| word.trim_matches('\'').to_string()).collect()
}

#[test]
fn policies_stand_beside_a_baseline() {
    let folder = folder();
    let at = folder.path();
    let compare =
        ["compare", "small.toml", "--baseline", "fifo", "--metric", "mean_wait", "--metric", "p99_wait"];
    let (text, said) = ok(at, &compare);
    for expected in [
        "mean wait (s)",
        "baseline",
        "better",
        "the same in every replication",
        "by bootstrap",
        "sjf has the shortest mean wait",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(said.contains("done in"), "{said}");
    let results = at.join("results/small");
    let csv = read(&results.join("comparison.csv"));
    assert_eq!(csv.lines().count(), 1 + 2 * 2, "{csv}");
    assert!(csv.contains("mean_wait,s,fifo-again,fifo,10,") && csv.contains(",identical\n"), "{csv}");
    let page = read(&results.join("report.html"));
    assert!(page.contains("Policies compared") && page.contains("data: comparison.csv"));
    let drawn = read(&results.join("differences.svg"));
    // The same command gives the same, with any number of threads, and so does the line that repeats it.
    let line = repeated(&text);
    let again: Vec<&str> = line.iter().map(String::as_str).chain(["--threads", "1"]).collect();
    assert_eq!(ok(at, &again).0, text);
    assert_eq!(read(&results.join("comparison.csv")), csv);
    // Plots come from files alone.
    fs::remove_file(results.join("differences.svg")).expect("removed");
    ok(at, &["plot", "results/small"]);
    assert_eq!(read(&results.join("differences.svg")), drawn);
    let pairs = ["compare", "small.toml", "--all-pairs", "--margin", "2%", "--format", "json", "--quiet"];
    let (rows, _) = ok(at, &pairs);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&rows).expect("JSON");
    assert_eq!(rows.len(), 2 * 3);
    assert!(rows.iter().all(|row| row["margin"] == 0.02 && row["n"] == 10.0));
    let (text, _) = ok(at, &["compare", "small.toml", "--all-pairs", "--quiet"]);
    let line = repeated(&text);
    let again: Vec<&str> = line.iter().map(String::as_str).chain(["--quiet"]).collect();
    assert_eq!(ok(at, &again).0, text);
}

#[test]
fn several_scenarios_end_in_a_table_of_who_wins_where() {
    let folder = folder();
    let (text, _) =
        ok(folder.path(), &["compare", "small.toml", "idle.toml", "--metric", "mean_wait", "--quiet"]);
    let end = text.split("repeat").last().expect("an end");
    let row = |name: &str| -> Vec<&str> {
        let line = end.lines().find(|line| line.split_whitespace().next() == Some(name)).expect("a row");
        line.split_whitespace().skip(1).collect()
    };
    // Nobody waits where nothing happens: all share the lead.
    assert_eq!(row("sjf"), ["*", "~"]);
    assert_eq!(row("fifo"), ["-", "~"]);
    assert_eq!(row("fifo-again"), ["-", "~"]);
}

#[test]
fn precision_and_warmup_are_told_of() {
    let folder = folder();
    let at = folder.path();
    let set = [
        "--set",
        "run.precision={ metric = \"mean_wait\", relative = 0.05, max_replications = 30 }",
        "--set",
        "run.warmup=auto",
    ];
    let (text, said) = ok(at, &[&["run", "small.toml"], &set[..]].concat());
    assert!(text.contains("warm-up: the first") && text.contains("MSER-5 on 5 pilot runs"), "{text}");
    assert!(text.contains("precision: "), "{text}");
    assert!(text.contains("gave up after 30") == said.contains("gave up after 30"), "{text}{said}");
    let results = at.join("results/small");
    let manifest: serde_json::Value =
        serde_json::from_str(&read(&results.join("manifest.json"))).expect("JSON");
    assert_eq!(manifest["steps"]["precision"]["metric"], "mean_wait");
    assert_eq!(
        manifest["steps"]["precision"]["replications"].as_u64(),
        Some(manifest["seeds"].as_array().expect("seeds").len() as u64)
    );
    assert_eq!(manifest["steps"]["warmup"]["pilots"], 5);
    let drawn = read(&results.join("warmup.svg"));
    fs::remove_file(results.join("warmup.svg")).expect("removed");
    ok(at, &["plot", "results/small"]);
    assert_eq!(read(&results.join("warmup.svg")), drawn);
}

#[test]
fn batch_means_are_told_of() {
    let folder = folder();
    let set = ["--set", "run={ method = \"batch-means\", batches = 10, warmup = 200 }", "--policy", "sjf"];
    let (text, said) = ok(folder.path(), &[&["run", "small.toml"], &set[..]].concat());
    assert!(text.contains("1 run of 2000 tasks in 10 batches · seed 1"), "{text}");
    // Batches of 180 tasks at 80 % load follow each other.
    assert!(!said.contains("replications are few"), "{said}");
}

#[test]
fn the_best_is_named() {
    let folder = folder();
    let at = folder.path();
    let best = ["best", "small.toml", "--indifference", "5%"];
    let (text, _) = ok(at, &best);
    assert!(text.contains("sjf has the shortest mean wait, with 95 % confidence"), "{text}");
    let line = repeated(&text);
    let again: Vec<&str> = line.iter().map(String::as_str).chain(["--threads", "1"]).collect();
    assert_eq!(ok(at, &again).0, text);
    let (rows, _) = ok(at, &[&best[..], &["--format", "csv", "--quiet"]].concat());
    assert_eq!(rows.lines().count(), 4);
    assert!(rows.contains(",sjf,") && rows.contains(",best,") && rows.contains(",behind,"), "{rows}");
    assert!(!at.join("results").exists(), "it writes no files");
}

#[test]
fn a_sweep_is_resumed_divided_and_joined() {
    let folder = folder();
    let at = folder.path();
    let vary = [
        "--vary",
        "workload.arrivals.poisson.rate=0.4..1.6:0.4",
        "--metric",
        "mean_response",
        "--set",
        "workload.tasks=300",
    ];
    let sweep = |more: &[&str]| ok(at, &[&["sweep", "small.toml"], &vary[..], more].concat());
    let (text, said) = sweep(&[]);
    assert!(said.contains("4 cells, 0 of them done before"), "{said}");
    assert!(text.contains("poisson.rate") && text.contains("  0.4 "), "{text}");
    let whole = at.join("results/small-sweep");
    assert!(whole.join("sweep-mean-response.svg").is_file());
    let (again, said) = sweep(&["--threads", "1"]);
    assert!(said.contains("4 cells, 4 of them done before"), "{said}");
    assert_eq!(again, text);
    // Another scenario is another cell.
    let (_, said) = sweep(&["--set", "run.seed=9"]);
    assert!(said.contains("4 cells, 0 of them done before"), "{said}");
    sweep(&[]);
    let (one, two) = (["--shard", "1/2", "--out", "one"], ["--shard", "2/2", "--out", "two"]);
    sweep(&one);
    let refused = falcon(at, &["merge", "one", "--out", "joined"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(1) && said.contains("2 of 4 cells are missing: 1, 3"), "{said}");
    assert!(!at.join("joined").exists());
    sweep(&two);
    let twice = falcon(at, &["merge", "one", "two", "one", "--out", "joined"]);
    let said = String::from_utf8_lossy(&twice.stderr).into_owned();
    assert!(twice.status.code() == Some(1) && said.contains("name every part once"), "{said}");
    ok(at, &["merge", "one", "two", "--out", "joined"]);
    for file in ["sweep.csv", "sweep-mean-response.svg", "crossovers.csv"] {
        assert_eq!(read(&at.join("joined").join(file)), read(&whole.join(file)), "{file}");
    }
    let other = falcon(at, &["sweep", "small.toml", "--vary", "run.seed=1,2", "--out", "."]);
    assert_eq!(other.status.code(), Some(1), "a folder of somebody else's is left alone");
}

/// A cell whose file is empty, cut between rows or cut inside one is run again; a cell that stands twice in
/// the grid is run once.
#[test]
fn only_whole_cells_are_done() {
    let folder = folder();
    let at = folder.path();
    let vary = [
        "--vary",
        "nodes.0.slots=1,2",
        "--vary",
        "run.timeline_buckets=10,20",
        "--set",
        "workload.tasks=300",
        "--no-plots",
    ];
    let sweep = |more: &[&str]| ok(at, &[&["sweep", "small.toml", "--out", "x"], &vary[..], more].concat());
    let cells = || -> Vec<std::path::PathBuf> {
        let entries = fs::read_dir(at.join("x/cells")).expect("cells");
        entries.map(|entry| entry.expect("a file").path()).collect()
    };
    let (text, said) = sweep(&[]);
    assert!(said.contains("4 cells, 0 of them done before"), "{said}");
    assert_eq!(cells().len(), 2);
    let cell = cells().remove(0);
    let whole = read(&cell);
    let lines = |number: usize| whole.split_inclusive('\n').take(number).collect::<String>();
    let cuts = [String::new(), lines(1), lines(20), lines(30), whole[..whole.len() - 3].to_string()];
    for cut in cuts {
        fs::write(&cell, &cut).expect("written");
        let (again, said) = sweep(&[]);
        assert!(!said.contains("4 of them done before"), "{said}");
        assert_eq!((again == text, read(&cell) == whole), (true, true));
    }
    // Replications that are equally few of every policy.
    let few: Vec<&str> = whole.lines().collect();
    let few: Vec<&str> = [&few[..1], &few[1..6], &few[11..16], &few[21..26], &[""]].concat();
    fs::write(&cell, few.join("\n")).expect("written");
    sweep(&[]);
    assert_eq!(read(&cell), whole);
    let (_, said) = sweep(&["--set", "description=Another", "--set", "name=other"]);
    assert!(said.contains("4 of them done before"), "{said}");
}

#[test]
fn a_folder_has_the_plots_of_its_sweep_alone() {
    let folder = folder();
    let at = folder.path();
    let sweep = |metric: &str, more: &[&str]| {
        let words = ["sweep", "small.toml", "--out", "x", "--vary", "nodes.0.speed=1,2", "--metric", metric];
        ok(at, &[&words[..], &["--set", "workload.tasks=300"][..], more].concat());
    };
    sweep("mean_wait", &[]);
    sweep("makespan", &[]);
    let is = |name: &str| at.join("x").join(name).is_file();
    assert!(is("sweep-makespan.svg") && !is("sweep-mean-wait.svg") && is("sweep.csv"));
    sweep("makespan", &["--shard", "1/1"]);
    let refused = falcon(at, &["merge", "x", "--out", "x"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(1) && said.contains("is one of the parts"), "{said}");
}

/// Cells of one run each are made side by side; what they come to, and what is said of them, is the same on
/// any number of threads.
#[test]
fn cells_are_the_same_on_any_number_of_threads() {
    let folder = folder();
    let at = folder.path();
    let sweep = |threads: &str| {
        let vary = "workload.arrivals.poisson.rate=0.5..3:0.5";
        let words = ["sweep", "small.toml", "--vary", vary, "--replications", "1", "--policy", "fifo"];
        ok(at, &[&words[..], &["--threads", threads, "--out", threads][..]].concat())
    };
    let told = |(text, said): (String, String), threads: &str| {
        let without = |text: String| text.replace(&format!("  {threads}/"), "");
        let lines = said.lines().filter(|line| !line.starts_with("done in"));
        (without(text), lines.map(str::to_string).collect::<Vec<_>>())
    };
    let one = told(sweep("1"), "1");
    assert!(one.1.iter().any(|line| line.contains("in 2 more cells")), "{:?}", one.1);
    for threads in ["2", "7"] {
        assert_eq!(told(sweep(threads), threads), one);
        for file in ["sweep.csv", "sweep-mean-wait.svg"] {
            assert_eq!(read(&at.join(threads).join(file)), read(&at.join("1").join(file)), "{file}");
        }
    }
}

/// A cell that cannot be run is named; those before it are kept.
#[test]
fn a_cell_that_fails_is_named() {
    let folder = folder();
    let at = folder.path();
    let vary = "workload.estimate.noise.lognormal.sigma=0.1,0.2,60,0.3";
    let failed = falcon(at, &["sweep", "small.toml", "--vary", vary, "--out", "x", "--threads", "2"]);
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert_eq!(failed.status.code(), Some(1), "{said}");
    assert!(said.contains("cell 2 (60): policy `"), "{said}");
    let vary = vary.replace(",60", "");
    let (_, said) = ok(at, &["sweep", "small.toml", "--vary", &vary, "--out", "x"]);
    assert!(said.contains("3 cells, 2 of them done before") || said.contains("3 cells, 3 of them"), "{said}");
}

#[test]
fn parts_must_belong_together() {
    let folder = folder();
    let at = folder.path();
    let sweep = |vary: &str, more: &[&str]| {
        falcon(at, &[&["sweep", "small.toml", "--set", "workload.tasks=300", "--vary", vary], more].concat())
    };
    let speeds = "nodes.0.speed=1,2,3,4";
    let said = |output: std::process::Output, code: i32| {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}");
        said
    };
    said(sweep(speeds, &["--shard", "1/2", "--out", "one"]), 0);
    let refused = said(sweep(speeds, &["--shard", "2/2", "--out", "one"]), 1);
    assert!(refused.contains("holds part 1 of 2; choose a folder for each part"), "{refused}");
    let refused = said(falcon(at, &["plot", "one"]), 1);
    assert!(refused.contains("2 of 4 cells are missing") && refused.contains("falcon merge"), "{refused}");
    let others = [
        (
            sweep("nodes.0.speed=1,2,3,5", &["--shard", "2/2", "--out", "a"]),
            "varied are nodes.0.speed=1,2,3,5 here",
        ),
        (sweep(speeds, &["--shard", "2/2", "--out", "b", "--policy", "sjf"]), "policies are sjf here"),
        (sweep(speeds, &["--shard", "2/2", "--out", "c", "--seed", "5"]), "cell 0 simulates something else"),
    ];
    for ((output, why), part) in others.into_iter().zip(["a", "b", "c"]) {
        said(output, 0);
        let refused = said(falcon(at, &["merge", "one", part, "--out", "joined"]), 1);
        assert!(refused.contains(why), "{refused}");
    }
    assert!(!at.join("joined").exists());
    // The whole may go where a part was, which is not run again.
    let whole = said(sweep(speeds, &["--out", "one"]), 0);
    assert!(whole.contains("2 of them done before"), "{whole}");
    let before = read(&at.join("one/sweep-mean-wait.svg"));
    fs::remove_file(at.join("one/sweep-mean-wait.svg")).expect("removed");
    let (names, _) = ok(at, &["plot", "one"]);
    assert_eq!(
        (names.as_str(), read(&at.join("one/sweep-mean-wait.svg"))),
        ("one/sweep-mean-wait.svg\n", before)
    );
}

#[test]
fn a_figure_that_is_0_everywhere_ends_the_race() {
    let folder = folder();
    let (text, _) = ok(folder.path(), &["best", "small.toml", "--metric", "errors", "--quiet"]);
    assert!(text.contains("cannot be told apart") && !text.contains("Gave up"), "{text}");
    assert!(text.contains("It took 30 runs") && text.contains("differences of 0 tasks (1 %)"), "{text}");
}

#[test]
fn a_figure_that_nobody_has_is_told_of() {
    let folder = folder();
    let (text, _) = ok(folder.path(), &["compare", "small.toml", "--metric", "mean_lock_wait"]);
    assert!(text.contains("no policy has mean_lock_wait"), "{text}");
    let set = "run.precision={ metric = \"mean_lock_wait\", relative = 0.05 }";
    let (text, _) = ok(folder.path(), &["run", "small.toml", "--set", set]);
    assert!(
        text.contains("precision: no policy has mean_lock_wait") && !text.contains("known not"),
        "{text}"
    );
}

#[test]
fn wrong_usage_says_what_is_right() {
    let folder = folder();
    let at = folder.path();
    let cases: &[(&[&str], &str)] = &[
        (&["compare", "small.toml", "--baseline", "fifa"], "did you mean `fifo`?"),
        (&["compare", "small.toml", "--metric", "mean_wiat"], "did you mean `mean_wait`?"),
        (&["compare", "small.toml", "--policy", "sjf"], "nothing to compare it with"),
        (&["compare", "small.toml", "--all-pairs", "--baseline", "sjf"], "cannot be used with"),
        (&["best", "small.toml", "--metric", "utilisation"], "neither less nor more is better"),
        (&["best", "small.toml", "--replications", "3"], "at least 10"),
        (&["best", "small.toml", "--set", "run.method=batch-means"], "makes one run"),
        (&["sweep", "small.toml", "--vary", "run.seed=2..1:1"], "goes down"),
        (&["sweep", "small.toml", "--vary", "run.sede=1,2"], "did you mean `seed`?"),
        (&["sweep", "small.toml", "--vary", "run.seed=1", "--vary", "run.seed=2"], "varied twice"),
        (&["sweep", "small.toml", "--vary", "run.seed=1,2", "--shard", "3/2"], "from 1 to N"),
        (&["live", "small.toml", "--set", "run.warmup=auto"], "for simulations only"),
        (&["run", "small.toml", "--set", "run.warmup=often"], "`auto`"),
        (&["run", "small.toml", "--set", "run.batches=20"], "nothing is divided into batches"),
        (&["run", "small.toml", "--set", "run.precision.metric=mean_wait"], "`relative`"),
        (
            &["run", "small.toml", "--set", "run.precision={ metric = \"mean_wiat\", relative = 0.1 }"],
            "did you mean `mean_wait`?",
        ),
        (
            &[
                "run",
                "small.toml",
                "--replications",
                "5",
                "--set",
                "run.precision={ metric = \"mean_wait\", relative = 0.1 }",
            ],
            "first look",
        ),
    ];
    for (arguments, expected) in cases {
        let output = falcon(at, arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    assert!(!at.join("results").exists(), "nothing is written");
}
