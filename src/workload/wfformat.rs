//! Reads workflows in WfFormat, the JSON of WfCommons, versions 1.4 and 1.5.
//!
//! Coleman and others, "WfCommons: a framework for enabling scientific workflow research and
//! development", FGCS 2022. A task's work is its run time in seconds, as if it had been measured on a
//! node of speed 1; the time that files take to move is not part of it. All tasks arrive at time 0.
//!
//! Version 1.5 keeps what a workflow is (`workflow.specification.tasks`, with `id` and `parents`) apart
//! from what was measured (`workflow.execution.tasks`, with `id` and `runtimeInSeconds`). Version 1.4
//! has both in `workflow.tasks`, where `parents` are ids or names, and the run time may be called
//! `runtime`.

use serde_json::Value;

use super::csv::TraceDefaults;
use super::graph::{Graph, Jobs};
use super::json::{Names, Object, mistake, name_of, parse, shown};
use super::{TraceError, TraceTask};
use crate::fields::shortened;
use crate::time::Time;

/// The tasks of a workflow.
#[derive(Clone, Debug, PartialEq)]
pub struct Workflow {
    /// In the order of the file.
    pub tasks: Vec<TraceTask>,
    /// Who waits for whom; all tasks are one job.
    pub graph: Graph,
}

/// Reads a workflow.
///
/// # Errors
/// The first mistake, by the name of the task and the field.
pub fn read(bytes: &[u8], defaults: &TraceDefaults) -> Result<Workflow, TraceError> {
    let value = parse(bytes)?;
    let file = Object::new("the file", &value)?;
    let workflow = file.object("workflow")?;
    let (listed, measured) = match workflow.get("specification") {
        Some(_) => {
            let specification = workflow.object("specification")?;
            (specification.list("tasks")?, Some(workflow.object("execution")?.list("tasks")?))
        }
        None if workflow.get("tasks").is_some() => (workflow.list("tasks")?, None),
        None => {
            let message = "`workflow` has neither `specification` (WfFormat 1.5) nor `tasks` (1.4)";
            return Err(mistake(message.to_owned()));
        }
    };
    if listed.is_empty() {
        return Err(mistake("the workflow has no tasks".to_owned()));
    }
    let listed = Listed::new(listed)?;
    let works = listed.works(measured)?;
    let task = |&work: &u64| TraceTask {
        arrival: Time::ZERO,
        work,
        requested: None,
        priority: defaults.priority,
        slots: defaults.slots,
        class: 0,
        failure_probability: defaults.failure_probability,
        details: None,
    };
    let mut tasks: Vec<TraceTask> = works.iter().map(task).collect();
    let graph = Graph::sort(&mut tasks, &listed.after()?, Jobs::All)
        .map_err(|cycle| mistake(cycle.describe(|position| shortened(&listed.ids[position as usize]))))?;
    Ok(Workflow { tasks, graph })
}

/// The tasks as they are listed, with what they are called.
struct Listed<'a> {
    objects: Vec<Object<'a>>,
    ids: Vec<String>,
    by_id: Names,
    /// In version 1.4 parents may be named by what is not unique in principle.
    names: Vec<Option<String>>,
}

impl<'a> Listed<'a> {
    fn new(list: &'a [Value]) -> Result<Listed<'a>, TraceError> {
        let mut listed =
            Listed { objects: Vec::new(), ids: Vec::new(), by_id: Names::new("task"), names: Vec::new() };
        for (position, value) in list.iter().enumerate() {
            let unnamed = Object::new(format!("task {} of the file", position + 1), value)?;
            let id = unnamed.name(if unnamed.get("id").is_some() { "id" } else { "name" })?;
            listed.by_id.add(&id, position as u32)?;
            listed.names.push(unnamed.get("name").and_then(name_of));
            listed.objects.push(Object::new(format!("task `{}`", shortened(&id)), value)?);
            listed.ids.push(id);
        }
        Ok(listed)
    }

    /// The work of every task: from the list of what was measured, or as it says itself.
    fn works(&self, measured: Option<&'a [Value]>) -> Result<Vec<u64>, TraceError> {
        let Some(measured) = measured else { return self.objects.iter().map(run_time).collect() };
        let mut works = vec![None; self.objects.len()];
        for (position, value) in measured.iter().enumerate() {
            let name = format!("task {} of `execution`", position + 1);
            let id = Object::new(name, value)?.name("id")?;
            let named = format!("task `{}` of `execution`", shortened(&id));
            let Some(at) = self.by_id.position(&id) else {
                return Err(mistake(format!("{named} is not in `specification`")));
            };
            let work = run_time(&Object::new(named, value)?)?;
            if works[at as usize].replace(work).is_some() {
                return Err(mistake(format!("task `{}` is twice in `execution`", shortened(&id))));
            }
        }
        let missing =
            |at: usize| mistake(format!("task `{}` is not in `execution`", shortened(&self.ids[at])));
        works.into_iter().enumerate().map(|(at, work)| work.ok_or_else(|| missing(at))).collect()
    }

    /// For every task the positions of its parents.
    fn after(&self) -> Result<Vec<Vec<u32>>, TraceError> {
        let mut after = Vec::with_capacity(self.objects.len());
        for task in &self.objects {
            let mut parents = Vec::new();
            if task.get("parents").is_some() {
                for parent in task.list("parents")? {
                    let position = name_of(parent).and_then(|name| self.position(&name));
                    parents.push(position.ok_or_else(|| {
                        task.wrong("parents", &format!("there is no task {}", shown(parent)))
                    })?);
                }
            }
            after.push(parents);
        }
        Ok(after)
    }

    /// The task with this id, or else the only one with this name.
    fn position(&self, name: &str) -> Option<u32> {
        self.by_id.position(name).or_else(|| {
            let mut named = (0..).zip(&self.names).filter(|(_, other)| other.as_deref() == Some(name));
            let first = named.next()?.0;
            named.next().is_none().then_some(first)
        })
    }
}

fn run_time(task: &Object<'_>) -> Result<u64, TraceError> {
    let old = task.get("runtimeInSeconds").is_none() && task.get("runtime").is_some();
    task.billionths(if old { "runtime" } else { "runtimeInSeconds" })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULTS: TraceDefaults<'static> =
        TraceDefaults { priority: 1.5, slots: 2, failure_probability: 0.25, details: None, zones: &[] };

    fn wrong(text: &str) -> String {
        read(text.as_bytes(), &DEFAULTS).unwrap_err().to_string()
    }

    #[test]
    fn both_versions_say_the_same() {
        let new = r#"{"schemaVersion": "1.5", "workflow": {
            "specification": {"tasks": [
                {"id": "a", "parents": [], "children": ["b"]}, {"id": "b", "parents": ["a"], "children": []}]},
            "execution": {"tasks": [
                {"id": "b", "runtimeInSeconds": 2.5}, {"id": "a", "runtimeInSeconds": 1}]}}}"#;
        let old = r#"{"schemaVersion": "1.4", "workflow": {"tasks": [
            {"name": "first", "id": "1", "runtimeInSeconds": 1, "children": ["second"]},
            {"name": "second", "id": "2", "runtime": 2.5, "parents": ["first"]}]}}"#;
        let workflow = read(new.as_bytes(), &DEFAULTS).unwrap();
        assert_eq!(workflow, read(old.as_bytes(), &DEFAULTS).unwrap());
        assert_eq!(workflow.graph.parents(1), [0]);
        let [first, second] = &workflow.tasks[..] else { panic!("two tasks") };
        assert_eq!((first.work, second.work, second.slots), (1_000_000_000, 2_500_000_000, 2));
        assert_eq!((first.priority, first.failure_probability), (1.5, 0.25));
    }

    #[test]
    fn mistakes_name_the_task_and_the_field() {
        let old = |tasks: &str| format!(r#"{{"workflow": {{"tasks": [{tasks}]}}}}"#);
        let cases = [
            ("[1", "line 1, field 2: not valid JSON: EOF while parsing a list"),
            ("[]", "the file: expected an object, found a list"),
            (
                r#"{"workflow": {}}"#,
                "`workflow` has neither `specification` (WfFormat 1.5) nor `tasks` (1.4)",
            ),
            (&old(""), "the workflow has no tasks"),
            (&old("{}"), "task 1 of the file has no field `name`"),
            (&old(r#"{"id": "a"}"#), "task `a` has no field `runtimeInSeconds`"),
            (
                &old(r#"{"id": "a", "runtime": -1}"#),
                "task `a`: `runtime`: expected a number of at least 0, found -1",
            ),
            (
                &old(r#"{"id": "a", "runtime": 1, "parents": ["x"]}"#),
                "task `a`: `parents`: there is no task \"x\"",
            ),
            (
                &old(r#"{"id": "a", "runtime": 1}, {"id": "a", "runtime": 1}"#),
                "two tasks are called `a`: number 1 and number 2 in the file",
            ),
            (
                &old(
                    r#"{"id": "a", "runtime": 1, "parents": ["b"]}, {"id": "b", "runtime": 1, "parents": ["a"]}"#,
                ),
                "tasks wait for each other in a circle: `a` -> `b` -> `a`",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(wrong(text), message, "{text}");
        }
        let new = |measured: &str| {
            format!(
                r#"{{"workflow": {{"specification": {{"tasks": [{{"id": "a"}}]}},
                    "execution": {{"tasks": [{measured}]}}}}}}"#
            )
        };
        assert_eq!(wrong(&new("")), "task `a` is not in `execution`");
        assert_eq!(
            wrong(&new(r#"{"id": "b", "runtimeInSeconds": 1}"#)),
            "task `b` of `execution` is not in `specification`"
        );
    }
}
