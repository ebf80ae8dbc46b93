//! The little numerical mathematics that closed forms need: quadrature, roots, small linear systems.

/// Nodes in (0, 1) and weights of Gauss and Legendre's rule with ten points on [-1, 1] (Abramowitz and
/// Stegun, table 25.4); each node stands for itself and its negative.
const GAUSS: [(f64, f64); 5] = [
    (0.148_874_338_981_631_22, 0.295_524_224_714_752_87),
    (0.433_395_394_129_247_2, 0.269_266_719_309_996_35),
    (0.679_409_568_299_024_4, 0.219_086_362_515_982_04),
    (0.865_063_366_688_984_5, 0.149_451_349_150_580_6),
    (0.973_906_528_517_171_7, 0.066_671_344_308_688_14),
];

/// Calls `visit(x, weight)` for every point of Gauss's rule with ten points on [a, b].
pub(super) fn gauss(a: f64, b: f64, mut visit: impl FnMut(f64, f64)) {
    let (middle, half) = ((a + b) / 2.0, (b - a) / 2.0);
    for (node, weight) in GAUSS {
        visit(middle - half * node, half * weight);
        visit(middle + half * node, half * weight);
    }
}

/// Integral of `f` over [a, b], by Gauss's rule on `pieces` equal parts.
pub(super) fn integral(a: f64, b: f64, pieces: u32, f: impl Fn(f64) -> f64) -> f64 {
    let step = (b - a) / f64::from(pieces);
    let mut sum = 0.0;
    for piece in 0..pieces {
        let start = a + step * f64::from(piece);
        gauss(start, start + step, |x, weight| sum += weight * f(x));
    }
    sum
}

/// Where a function that falls crosses `level`, between `low` (above it) and `high` (at or below it).
pub(super) fn crossing(mut low: f64, mut high: f64, level: f64, f: impl Fn(f64) -> f64) -> f64 {
    for _ in 0..200 {
        let middle = (low + high) / 2.0;
        if f(middle) > level {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

/// A square matrix, row after row.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    size: usize,
    cells: Vec<f64>,
}

impl Matrix {
    /// All zeros.
    pub(super) fn zero(size: usize) -> Matrix {
        Matrix { size, cells: vec![0.0; size * size] }
    }

    /// Ones on the diagonal.
    pub(super) fn identity(size: usize) -> Matrix {
        let mut matrix = Matrix::zero(size);
        (0..size).for_each(|at| *matrix.at(at, at) = 1.0);
        matrix
    }

    /// A cell.
    pub(super) fn at(&mut self, row: usize, column: usize) -> &mut f64 {
        &mut self.cells[row * self.size + column]
    }

    /// The row.
    pub(super) fn row(&self, row: usize) -> &[f64] {
        &self.cells[row * self.size..][..self.size]
    }

    /// `self + factor other`.
    pub(super) fn plus(&self, factor: f64, other: &Matrix) -> Matrix {
        let cells = self.cells.iter().zip(&other.cells).map(|(a, b)| a + factor * b).collect();
        Matrix { size: self.size, cells }
    }

    /// `self other`.
    pub(super) fn times(&self, other: &Matrix) -> Matrix {
        let mut product = Matrix::zero(self.size);
        for row in 0..self.size {
            for (inner, &factor) in self.row(row).iter().enumerate().filter(|(_, factor)| **factor != 0.0) {
                for (column, &cell) in other.row(inner).iter().enumerate() {
                    *product.at(row, column) += factor * cell;
                }
            }
        }
        product
    }

    /// The largest sum of absolute values in a row.
    pub(super) fn norm(&self) -> f64 {
        (0..self.size).map(|row| self.row(row).iter().map(|cell| cell.abs()).sum()).fold(0.0, f64::max)
    }

    /// The X with `self X = right`, by elimination with partial pivoting.
    ///
    /// # Panics
    /// When the matrix is singular.
    pub(super) fn solve(&self, right: &Matrix) -> Matrix {
        let (mut left, mut right, size) = (self.clone(), right.clone(), self.size);
        for column in 0..size {
            let pivot = (column..size)
                .max_by(|a, b| left.row(*a)[column].abs().total_cmp(&left.row(*b)[column].abs()))
                .expect("rows are left");
            for other in 0..size {
                left.cells.swap(column * size + other, pivot * size + other);
                right.cells.swap(column * size + other, pivot * size + other);
            }
            let scale = left.row(column)[column];
            assert!(scale != 0.0, "a singular matrix");
            for other in 0..size {
                *left.at(column, other) /= scale;
                *right.at(column, other) /= scale;
            }
            for row in (0..size).filter(|row| *row != column) {
                let factor = left.row(row)[column];
                if factor == 0.0 {
                    continue;
                }
                for other in 0..size {
                    *left.at(row, other) -= factor * left.row(column)[other];
                    *right.at(row, other) -= factor * right.row(column)[other];
                }
            }
        }
        right
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauss_is_exact_for_polynomials() {
        // Ten points are exact up to degree 19.
        let found = integral(0.0, 2.0, 1, |x| 20.0 * x.powi(19));
        assert!((found / 2f64.powi(20) - 1.0).abs() < 1e-13, "{found}");
        assert!((integral(0.0, std::f64::consts::PI, 4, f64::sin) - 2.0).abs() < 1e-14);
    }

    #[test]
    fn a_crossing_is_found() {
        assert!((crossing(0.0, 10.0, 0.5, |x| (-x).exp()) - 2f64.ln()).abs() < 1e-14);
    }

    #[test]
    fn a_system_is_solved() {
        let mut matrix = Matrix::zero(3);
        for (at, value) in [0.0, 2.0, 1.0, 1.0, -1.0, 0.0, 3.0, 0.5, 2.0].into_iter().enumerate() {
            matrix.cells[at] = value;
        }
        let inverse = matrix.solve(&Matrix::identity(3));
        let off = matrix.times(&inverse).plus(-1.0, &Matrix::identity(3));
        assert!(off.norm() < 1e-14, "{off:?}");
    }
}
