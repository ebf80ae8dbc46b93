//! The checked shape of jobs.

use super::diagnostics::Diagnostic;
use super::distributions::{self, DistributionTable};
use super::keys::{ForkJoinTable, JobsTable};
use super::reader::{Found, Key, Reader};
use super::values::{Plain, grouped};
use crate::distribution::Distribution;
use crate::workload::jobs::{MOST_TASKS, Shape};

/// The shape, or a note on why it cannot be.
pub(super) fn lower(found: &Found<JobsTable>, reader: &mut Reader) -> Option<Shape> {
    let size = |of: &Found<DistributionTable<Plain>>, reader: &mut Reader| {
        let size = distributions::lower(of, reader)?;
        if size.mean().is_some_and(|mean| mean <= f64::from(MOST_TASKS)) {
            return Some(size);
        }
        too_large(of, reader);
        None
    };
    let shape = match &found.value {
        JobsTable::Chain(chain) => Shape::Chain { length: size(&chain.length, reader)? },
        JobsTable::ForkJoin(table) => {
            let width = match &table.width {
                Key::Found(width) => size(width, reader),
                Key::Broken => None,
                Key::Absent | Key::Default(_) => {
                    reader.missing_key(found.at, "width", ForkJoinTable::SHOWN);
                    None
                }
            };
            let stages = match &table.stages {
                Key::Found(stages) => size(stages, reader),
                Key::Broken => None,
                Key::Absent | Key::Default(_) => Some(Distribution::constant(1.0)),
            };
            Shape::ForkJoin { width: width?, stages: stages? }
        }
        JobsTable::Layered(table) => {
            let (layers, width) = (size(&table.layers, reader), size(&table.width, reader));
            Shape::Layered { layers: layers?, width: width?, density: table.density.value.0 }
        }
        JobsTable::Tree(table) => {
            let (depth, branching) = (size(&table.depth, reader), size(&table.branching, reader));
            Shape::Tree { depth: depth?, branching: branching? }
        }
    };
    if shape.mean_tasks().is_some_and(|mean| mean <= f64::from(MOST_TASKS)) {
        return Some(shape);
    }
    too_large(found, reader);
    None
}

fn too_large<T>(found: &Found<T>, reader: &mut Reader) {
    let title = "jobs would be too large";
    let label = format!("more than {} tasks on average", grouped(u64::from(MOST_TASKS)));
    reader.report(Diagnostic::new(title, found.at, label));
}
