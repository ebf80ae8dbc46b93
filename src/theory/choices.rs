//! Places that look at loads: the shorter of two queues, and the least loaded of d.

use super::numeric::Matrix;

/// Differences between the two queues that are told apart; larger ones have no weight that matters.
const DIFFERENCES: usize = 60;

/// What two servers say of which every task joins the one with fewer tasks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShorterOfTwo {
    /// Mean response.
    pub mean_response: f64,
    /// Share of the tasks that find both servers busy.
    pub share_waited: f64,
}

/// Join the shorter of two equal exponential servers under Poisson arrivals (Haight 1958, Kingman 1961).
/// There is no simple closed form; the chain of (tasks at the shorter, difference), cut off at a difference
/// of 60, is solved by logarithmic reduction (Latouche and Ramaswami 1993). `None` at or above a load of 1.
pub fn shorter_of_two(rate: f64, mean: f64) -> Option<ShorterOfTwo> {
    let mu = 1.0 / mean;
    if rate >= 2.0 * mu * (1.0 - 1e-12) {
        return None;
    }
    let size = DIFFERENCES + 1;
    let (mut up, mut same, mut down) = (Matrix::zero(size), Matrix::zero(size), Matrix::zero(size));
    for difference in 0..size {
        if difference == 0 {
            *same.at(0, 1) += rate;
            *down.at(0, 1) += 2.0 * mu;
            continue;
        }
        *up.at(difference, difference - 1) += rate;
        *same.at(difference, difference - 1) += mu;
        if difference + 1 < size {
            *down.at(difference, difference + 1) += mu;
        }
    }
    // Where the shorter queue is empty nothing goes down.
    let mut at_bottom = same.clone();
    for at in 0..size {
        let total = |matrix: &Matrix| matrix.row(at).iter().sum::<f64>();
        let (arrivals, ends) = (total(&up) + total(&same), total(&down));
        *same.at(at, at) -= arrivals + ends;
        *at_bottom.at(at, at) -= arrivals;
    }
    let one = Matrix::identity(size);
    let first_passage = first_passage(&up, &same, &down);
    // R = A0 (-(A1 + A0 G))^-1, by its transposed system: here as X (-(A1 + A0 G)) = A0.
    let inverse = Matrix::zero(size).plus(-1.0, &same.plus(1.0, &up.times(&first_passage))).solve(&one);
    let growth = up.times(&inverse);
    let levels = one.plus(-1.0, &growth).solve(&one);
    let bottom = boundary(&at_bottom.plus(1.0, &growth.times(&down)), &levels);
    let over_levels = row_times(&bottom, &levels);
    let higher = row_times(&row_times(&over_levels, &growth), &levels);
    let differences: f64 = over_levels.iter().enumerate().map(|(d, p)| d as f64 * p).sum();
    let in_system = 2.0 * higher.iter().sum::<f64>() + differences;
    Some(ShorterOfTwo { mean_response: in_system / rate, share_waited: 1.0 - bottom.iter().sum::<f64>() })
}

/// The matrix G of first passages one level down.
fn first_passage(up: &Matrix, same: &Matrix, down: &Matrix) -> Matrix {
    let size = DIFFERENCES + 1;
    let one = Matrix::identity(size);
    let scale = Matrix::zero(size).plus(-1.0, same).solve(&one);
    let (mut high, mut low) = (scale.times(up), scale.times(down));
    let (mut found, mut factor) = (low.clone(), high.clone());
    // The number of levels looked at doubles every time.
    for _ in 0..60 {
        let rest = one.plus(-1.0, &high.times(&low).plus(1.0, &low.times(&high)));
        let inverse = rest.solve(&one);
        (high, low) = (inverse.times(&high.times(&high)), inverse.times(&low.times(&low)));
        found = found.plus(1.0, &factor.times(&low));
        factor = factor.times(&high);
        if factor.norm() < 1e-15 {
            break;
        }
    }
    found
}

/// The row p with p `rates` = 0 whose levels add up to 1.
fn boundary(rates: &Matrix, levels: &Matrix) -> Vec<f64> {
    let size = DIFFERENCES + 1;
    let mut system = Matrix::zero(size);
    let mut right = Matrix::zero(size);
    for row in 0..size {
        for column in 0..size {
            *system.at(column, row) = rates.row(row)[column];
        }
        *system.at(size - 1, row) = levels.row(row).iter().sum();
    }
    *right.at(size - 1, 0) = 1.0;
    let solved = system.solve(&right);
    (0..size).map(|at| solved.row(at)[0]).collect()
}

fn row_times(row: &[f64], matrix: &Matrix) -> Vec<f64> {
    let mut product = vec![0.0; row.len()];
    for (at, factor) in row.iter().enumerate() {
        matrix.row(at).iter().enumerate().for_each(|(column, cell)| product[column] += factor * cell);
    }
    product
}

/// Mean response at infinitely many equal exponential servers when each task joins the least loaded of d
/// drawn at random (Vvedenskaya, Dobrushin and Karpelevich 1996; Mitzenmacher 2001): the mean size times
/// the sum of load^((d^i - d) / (d - 1)). With n servers it is longer by about 1 / n of a service time.
pub fn power_of_d_mean_response(d: u32, load: f64, mean: f64) -> Option<f64> {
    if load >= 1.0 || d == 0 {
        return None;
    }
    if d == 1 {
        return Some(mean / (1.0 - load));
    }
    let (mut sum, mut exponent) = (0.0, 0.0);
    loop {
        let term = load.powf(exponent);
        sum += term;
        if term < 1e-17 {
            return Some(sum * mean);
        }
        exponent = (exponent + 1.0) * f64::from(d);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::many_servers;

    #[test]
    fn mean_field() {
        assert!((power_of_d_mean_response(2, 0.7, 1.0).unwrap() - 1.614_454).abs() < 5e-7);
        // Mitzenmacher 2001, table 1: two choices at load 0.9, 2.6141; three, 2.0; (simulated 2.6).
        assert!((power_of_d_mean_response(2, 0.9, 1.0).unwrap() - 2.614_1).abs() < 5e-5);
        assert!((power_of_d_mean_response(1, 0.5, 2.0).unwrap() - 4.0).abs() < 1e-12);
        assert_eq!(power_of_d_mean_response(2, 1.0, 1.0), None);
    }

    /// Against the chain of both queue lengths, cut off at 60 each and solved step by step.
    #[test]
    fn the_shorter_of_two() {
        const MOST: usize = 60;
        let rate = 1.4;
        let scale = rate + 2.0;
        let mut now = vec![vec![1.0 / (MOST * MOST) as f64; MOST]; MOST];
        for _ in 0..20_000 {
            let mut next = vec![vec![0.0; MOST]; MOST];
            for (i, row) in now.iter().enumerate() {
                for (j, p) in row.iter().enumerate() {
                    let p = p / scale;
                    let (mut a, mut b) = ((i, j), (i, j));
                    a.0 = (i + 1).min(MOST - 1);
                    b.1 = (j + 1).min(MOST - 1);
                    let (first, second) = match i.cmp(&j) {
                        std::cmp::Ordering::Less => (a, a),
                        std::cmp::Ordering::Greater => (b, b),
                        std::cmp::Ordering::Equal => (a, b),
                    };
                    next[first.0][first.1] += p * rate / 2.0;
                    next[second.0][second.1] += p * rate / 2.0;
                    next[i.saturating_sub(1)][j] += p;
                    next[i][j.saturating_sub(1)] += p;
                }
            }
            now = next;
        }
        let sum = |of: &dyn Fn(usize, usize) -> f64| -> f64 {
            (0..MOST).flat_map(|i| (0..MOST).map(move |j| (i, j))).map(|(i, j)| now[i][j] * of(i, j)).sum()
        };
        let response = sum(&|i, j| (i + j) as f64) / rate;
        let waits = sum(&|i, j| f64::from(u8::from(i > 0 && j > 0)));
        let found = shorter_of_two(rate, 1.0).unwrap();
        assert!((found.mean_response - response).abs() < 1e-6, "{found:?}, not {response}");
        assert!((found.share_waited - waits).abs() < 1e-6, "{found:?}, not {waits}");
    }

    /// It lies between one queue for both and two queues at random, at every load.
    #[test]
    fn between_its_bounds() {
        for load in [0.1, 0.5, 0.9, 0.98] {
            let found = shorter_of_two(2.0 * load, 1.0).unwrap().mean_response;
            let one_queue = 1.0 + many_servers::mean_wait(2, 2.0 * load, 1.0).unwrap();
            assert!(one_queue < found && found < 1.0 / (1.0 - load), "{load}: {found}");
        }
        assert_eq!(shorter_of_two(2.0, 1.0), None);
    }
}
