//! The plots of a story. Each is a pure function of it, so that the same story gives the same bytes.

use std::path::Path;

use plotters::style::RGBColor;

use super::error::{Error, Result};
use super::story::Story;
use super::verdict::lead_metrics;
use super::{PlotFormat, folder};

pub mod availability;
pub mod axis;
pub mod colour;
pub mod differences;
pub mod errors;
pub mod finding;
pub mod font;
pub mod frame;
pub mod marks;
pub mod over_time;
pub mod picture;
pub mod series;
pub mod sim_vs_live;
pub mod strips;
pub mod sweep;
pub mod tail;
pub mod warmup;

pub use picture::Picture;
use series::Quantity;

/// All plots of a story, each with the stem of its file's name, in the order of the page.
pub fn pictures(story: &Story) -> Vec<(String, Picture)> {
    let colours = colours(story);
    let mut pictures = vec![("comparison", Some(strips::comparison(story, &colours)))];
    let over_time = |quantity| over_time::picture(story, quantity, &colours);
    pictures.push(("throughput", over_time(Quantity::Throughput)));
    pictures.push(("queue", over_time(Quantity::Queue)));
    pictures.push(("wait-ccdf", tail::picture(story, "wait", &colours)));
    pictures.push(("response-ccdf", tail::picture(story, "response", &colours)));
    pictures.push(("utilisation", Some(strips::utilisation(story, &colours))));
    if story.facts.node_faults || story.policies.iter().any(|policy| !policy.incidents.is_empty()) {
        pictures.push(("availability", availability::picture(story, &colours)));
    }
    pictures.into_iter().filter_map(|(name, picture)| Some((name.to_string(), picture?))).collect()
}

/// The plot of waits in pilot runs and of the warm-up they show, with the stem of its file's name.
pub fn of_warmup(story: &Story, found: &crate::experiment::warmup::Warmup) -> Option<(String, Picture)> {
    Some(("warmup".to_string(), warmup::picture(story, found, &colours(story))?))
}

/// The plot of paired differences, with the stem of its file's name.
pub fn of_differences(story: &Story, rows: &[differences::Row]) -> Option<(String, Picture)> {
    Some(("differences".to_string(), differences::picture(story, rows, &colours(story))?))
}

/// The colour of each policy, alike in all plots; of many policies, those that are best in
/// something and the first, which is the baseline, stand out.
fn colours(story: &Story) -> Vec<Option<RGBColor>> {
    let mut highlights = vec![0];
    for metric in lead_metrics(story) {
        if let Some(judgement) = story.policies.judge(metric) {
            highlights.push(judgement.best);
            highlights.extend(judgement.ranked().last());
        }
    }
    colour::of_policies(story.policies.len(), &highlights)
}

/// Writes pictures into a folder and gives the names of the files.
pub fn write(folder: &Path, pictures: &[(String, Picture)], format: PlotFormat) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for (stem, picture) in pictures {
        let name = match format {
            PlotFormat::None => continue,
            PlotFormat::Svg => {
                let name = format!("{stem}.svg");
                folder::write(folder, &name, picture.svg().as_bytes())?;
                name
            }
            PlotFormat::Png => {
                let name = format!("{stem}.png");
                let failed = |message| Error::Plot { name: name.clone(), message };
                picture.png(&folder.join(&name)).map_err(failed)?;
                name
            }
        };
        names.push(name);
    }
    Ok(names)
}
