use super::sample::Sample;
use super::*;

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
        options: Options::default(),
    }
}

#[test]
#[ignore]
fn gallery() {
    let nine = vec!["fifo", "round-robin", "random", "least-loaded", "power-of-two", "sjf", "ljf", "lifo", "weighted-least-loaded"];
    let samples = [
        ("five", Sample::default()),
        ("one", Sample { policies: vec!["least-loaded"], ..Sample::default() }),
        ("two", Sample { policies: vec!["least-loaded", "power-of-two"], replications: 5, tasks: 2000, faults: true, ..Sample::default() }),
        ("nine", Sample { policies: nine, faults: true, ..Sample::default() }),
        ("single", Sample { replications: 1, faults: true, ..Sample::default() }),
        ("long", Sample { policies: vec!["a-policy-with-a-very-long-name-that-says-everything-about-itself", "b"], replications: 3, tasks: 10_000_000, nodes: 1000, ..Sample::default() }),
        ("tiny", Sample { policies: vec!["sjf", "random"], replications: 1, tasks: 1, nodes: 1, ..Sample::default() }),
    ];
    for (name, sample) in samples {
        let (plan, results) = (sample.plan(), sample.results());
        let folder = std::path::PathBuf::from(format!("/tmp/gallery/{name}"));
        std::fs::create_dir_all(&folder).unwrap();
        let story = Story::of(&plan, &results);
        let pictures = plots::pictures(&story);
        for (stem, picture) in &pictures {
            println!("{name}/{stem} {} bytes", picture.svg().len());
        }
        plots::write(&folder, &pictures, PlotFormat::Svg).unwrap();
        println!("{}", table::render(&input(&plan, &results), Some("results/baseline/"), Style::PLAIN));
    }
}

#[test]
#[ignore]
fn png() {
    let sample = Sample::default();
    let (plan, results) = (sample.plan(), sample.results());
    let folder = std::path::PathBuf::from("/tmp/gallery/png");
    std::fs::create_dir_all(&folder).unwrap();
    plots::write(&folder, &plots::pictures(&Story::of(&plan, &results)), PlotFormat::Png).unwrap();
}

#[test]
#[ignore]
fn folder_to_look_at() {
    let sample = Sample { faults: true, classes: vec!["urgent", "normal"], ..Sample::default() };
    let (plan, results) = (sample.plan(), sample.results());
    let warnings = [Warning { message: "the queue of `random` was still growing at the end (load 1.03): its means depend on the length of the run".into(), help: Some("lower `arrivals.poisson.rate` below 15.5, or read its throughput only".into()) }];
    let input = ReportInput { warnings: &warnings, ..input(&plan, &results) };
    write_all(Path::new("/tmp/gallery/folder"), &input).unwrap();
}
