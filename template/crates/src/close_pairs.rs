//! Counting the pairs of points that lie close together: a nested loop, slow in Python and fast in Rust.

use std::fmt;

/// Why the pairs cannot be counted.
#[derive(Debug, PartialEq)]
pub(crate) enum InvalidInput {
    Point,
    Radius,
}

impl fmt::Display for InvalidInput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Point => "points must not hold NaN or infinity",
            Self::Radius => "radius must be a finite number, zero or more",
        })
    }
}

fn count(points: &[(f64, f64)], radius: f64) -> Result<usize, InvalidInput> {
    if !radius.is_finite() || radius < 0.0 {
        return Err(InvalidInput::Radius);
    }
    if !points.iter().all(|(x, y)| x.is_finite() && y.is_finite()) {
        return Err(InvalidInput::Point);
    }
    let limit = radius * radius;
    let pairs_with_later_points = points.iter().enumerate().map(|(i, (x, y))| {
        let is_close = |(u, v): &&(f64, f64)| {
            let (dx, dy) = (u - x, v - y);
            dx * dx + dy * dy <= limit
        };
        points[i + 1..].iter().filter(is_close).count()
    });
    Ok(pairs_with_later_points.sum())
}

#[cfg(not(test))]
pub(crate) mod python {
    use pyo3::exceptions::PyValueError;
    use pyo3::prelude::*;

    /// Count the pairs of points that are at most `radius` apart.
    ///
    /// Every pair is looked at, so time grows with the square of the number of points. Other Python
    /// threads run meanwhile.
    ///
    /// Args:
    ///     points: Coordinates `(x, y)`, finite numbers.
    ///     radius: Largest distance of a close pair, in the unit of the coordinates.
    ///
    /// Returns:
    ///     The number of pairs, each counted once.
    ///
    /// Raises:
    ///     TypeError: `points` is no sequence of pairs of numbers, or `radius` is no number.
    ///     ValueError: A coordinate is NaN or infinite, or `radius` is negative, NaN or infinite.
    #[pyfunction]
    pub(crate) fn count_close_pairs(
        py: Python<'_>,
        points: Vec<(f64, f64)>,
        radius: f64,
    ) -> PyResult<usize> {
        py.detach(move || super::count(&points, radius))
            .map_err(|error| PyValueError::new_err(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidInput, count};

    #[test]
    fn counts_each_pair_once() {
        let points = [(0.0, 0.0), (3.0, 4.0), (3.0, 4.0), (100.0, 0.0)];
        assert_eq!(count(&points, 5.0), Ok(3));
        assert_eq!(count(&points, 4.9), Ok(1));
        assert_eq!(count(&[], 1.0), Ok(0));
    }

    #[test]
    fn refuses_what_has_no_distance() {
        assert_eq!(count(&[(0.0, f64::NAN)], 1.0), Err(InvalidInput::Point));
        assert_eq!(count(&[], -1.0), Err(InvalidInput::Radius));
        assert_eq!(count(&[], f64::NAN), Err(InvalidInput::Radius));
    }
}
