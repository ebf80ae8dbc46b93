//! Sweeps as they are drawn.

use super::*;
use crate::report::plots::picture::Mark;
use crate::report::sweep::sample;
use crate::report::tests::assert_legible;

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_string()).collect()
}

fn only(grid: &Grid) -> Picture {
    let mut pictures = pictures(grid);
    assert_eq!(pictures.len(), 1);
    let (stem, picture) = pictures.remove(0);
    assert_eq!(stem, "sweep-mean-wait");
    picture
}

/// Lines of more than two points, which only curves have.
fn curves(picture: &Picture) -> usize {
    picture.marks.iter().filter(|mark| matches!(mark, Mark::Line { points, .. } if points.len() > 2)).count()
}

const LONG: &str =
    "{ lognormal = { mean = 1.0, cv = 4.0 } } # and quite a few more words that take their room";
const PATH: &str =
    "/a/path/without/any/space/to/a/log/of/a/machine/somewhere/far/away/from/here/kept-since-1994.swf.gz";

#[test]
fn every_kind_of_sweep_is_legible() {
    let numbers: Vec<String> = (1..=12).map(|number| format!("{}.123456789", number * 1_000_000)).collect();
    let kinds = [
        vec![("x", texts(&["1", "2", "3", "4"]))],
        vec![("x", texts(&["0.001", "0.1", "100", "10000"]))],
        vec![("a.rather.long.key.of.a.scenario", texts(&[LONG, PATH, "exact", "x"]))],
        vec![("x", texts(&[LONG, PATH])), ("y", texts(&[PATH, LONG]))],
        vec![("x", texts(&["1", "2"])), ("nodes.0.speed", texts(&["a", "b"]))],
    ];
    for axes in kinds {
        let what = format!("{axes:?}");
        assert_legible(&only(&sample::grid(&axes, &[-3.0, -0.1, 0.1, 3.0])), &what);
    }
    let means: Vec<f64> = (0..12).map(|number| f64::from(number) - 5.5).collect();
    assert_legible(&only(&sample::grid(&[("x", numbers.clone())], &means)), "many long numbers");
    let means: Vec<f64> = (0..144).map(|number| f64::from(number) - 70.0).collect();
    assert_legible(&only(&sample::grid(&[("x", numbers.clone()), ("y", numbers)], &means)), "a large map");
}

/// Pictures stay of a size that can be drawn.
#[test]
fn very_many_categories_still_fit_a_picture() {
    let names: Vec<String> = (0..3000).map(|number| format!("value {number}")).collect();
    let means: Vec<f64> = (0..3000).map(|number| f64::from(number % 7)).collect();
    let picture = only(&sample::grid(&[("x", names)], &means));
    assert!(picture.size.1 < 2500, "{:?}", picture.size);
    assert_legible(&picture, "many categories");
}

#[test]
fn there_is_nothing_between_categories() {
    let means = [-3.0, 0.0, 3.0, 1.0];
    let numbers = only(&sample::grid(&[("x", texts(&["1", "2", "3", "4"]))], &means));
    assert_eq!(curves(&numbers), 2);
    let names = only(&sample::grid(&[("x", texts(&["a", "b", "c", "d"]))], &means));
    assert_eq!(curves(&names), 0);
    let dots = names.marks.iter().filter(|mark| matches!(mark, Mark::Dot { .. })).count();
    assert_eq!(dots, 8);
}

/// The grey area spans where the band of the difference holds 0.
#[test]
fn the_uncertainty_of_a_crossover_is_drawn() {
    let grey = |means: &[f64]| {
        let values: Vec<String> = (0..means.len()).map(|number| number.to_string()).collect();
        let picture = only(&sample::grid(&[("x", values)], means));
        let areas = picture.marks.iter().filter_map(|mark| match mark {
            Mark::Area { points, colour, .. } if *colour == colour::INK => Some((points[0].0, points[1].0)),
            _ => None,
        });
        areas.collect::<Vec<_>>()
    };
    let [(left, right)] = grey(&[-3.0, -3.0, 3.0, 3.0])[..] else { panic!("one area") };
    let [(wide_left, wide_right)] = grey(&[-3.0, -0.5, 0.5, 3.0])[..] else { panic!("one area") };
    let [(open_left, open_right)] = grey(&[-0.5, -0.5, 0.5, 3.0])[..] else { panic!("one area") };
    assert!(wide_left < left && left < right && right < wide_right);
    assert!(open_left < wide_left && (open_right - wide_right).abs() < 1.0);
    assert_eq!(grey(&[1.0, 2.0, 3.0]), []);
}
