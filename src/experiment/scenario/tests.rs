use super::*;
fn show(text: &str, set: &[&str], policies: &[&str]) {
    let source =
        ScenarioSource::Text { name: "scenarios/x.toml".into(), text: text.into(), base: "scenarios".into() };
    let o = Overrides {
        set: set.iter().map(|s| s.to_string()).collect(),
        policies: policies.iter().map(|s| s.to_string()).collect(),
        ..Default::default()
    };
    match load(&source, &o) {
        Ok(l) => println!("OK\n{}\n{:?}", l.resolved, l.plan),
        Err(d) => println!("{}", d.render(false)),
    }
    println!("--------");
}
#[test]
fn explore() {
    show(starter(), &[], &[]);
    show(
        starter(),
        &[
            "workload.tasks=lots",
            "workload.duration.constant=2",
            "nodes.0.cuont=3",
            "nodes.7.count=3",
            "workload.arrivals.periodic.interval=1s",
            "policies=[\"sjf\"",
            "policies.1.order=sjf",
            "x",
        ],
        &["sjf-least-loaded", "rond-robin", "sjf-least-loaded"],
    );
    show("", &[], &[]);
    show(
        "policies = [\"round-robbin\", \"sjf\"]\n\n[run]\nseed = 1\nreplicatons = 10\n[[nodes]]\n[workload]\ntasks=10\nduration=1",
        &[],
        &[],
    );
    show("# y\npolicies = [\"sjf\", \"fifo\"\n[run]\nseed=1\n", &[], &[]);
    show("policies = { a = 1\n[run]\nseed=1\n", &[], &[]);
    show("policies = [\"sjf\"]\n[run]\nseed=1\nseed=2\n", &[], &[]);
    show("policies = [\"sjf\"]\n[run\nseed=1\n", &[], &[]);
    show("policies = [\"sjf]\n[run]\nseed=1\n", &[], &[]);
    show("policies = \n[run]\nseed=\n", &[], &[]);
    show("seed\n", &[], &[]);
    show(
        "policies=['sjf']\nseed=1\n[[nodes]]\nslots = 8\n[workload]\ntasks=10\nduration.uniform = {low=3}\ndemand = { slots = 16 }\narrivals.batch = {size=3}\n [retry]\nbackoff=3",
        &[],
        &[],
    );
    show(
        "policies=['sjf', {order='edf'}, {place={power-of.d=7}}, {dispatch='push', backfill='easy'},'sjf',3,{place.fastest={}}, {place.power-of.d=0}]\n[[nodes]]\ncount=4\nslots = 8\nup=3\n[workload]\ntasks=10\nduration.uniform.low = 3\ndemand = { slots = 16 }\narrivals = {poisson.rate=1, periodic.interval=1}\n [retry]\nbackoff.base=3\nredraw='yes'",
        &[],
        &[],
    );
}
