//! The samples in plain Rust, without Python: replace them with your own functions.

use std::fmt;

/// Why a function refuses its arguments.
#[derive(Debug, PartialEq)]
pub(crate) enum Error {
    Overflow,
    Point,
    Radius,
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Overflow => "the result does not fit into 64 bits",
            Self::Point => "points must not hold NaN or infinity",
            Self::Radius => "radius must be from 1e-150 to 1e150",
        })
    }
}

pub(crate) fn add(left: i64, right: i64) -> Result<i64, Error> {
    left.checked_add(right).ok_or(Error::Overflow)
}

pub(crate) fn subtract(left: i64, right: i64) -> Result<i64, Error> {
    left.checked_sub(right).ok_or(Error::Overflow)
}

pub(crate) fn concat(left: &str, right: &str) -> String {
    [left, right].concat()
}

/// Compare each point with all later ones: a nested loop, slow in Python and fast in Rust.
pub(crate) fn count_close_pairs(points: &[(f64, f64)], radius: f64) -> Result<usize, Error> {
    // The squares of these neither overflow nor underflow.
    if !(1e-150..=1e150).contains(&radius) {
        return Err(Error::Radius);
    }
    if !points.iter().all(|(x, y)| x.is_finite() && y.is_finite()) {
        return Err(Error::Point);
    }
    let limit = radius * radius;
    let close_later_points = points.iter().enumerate().map(|(i, (x, y))| {
        let is_close = |(u, v): &&(f64, f64)| {
            let (dx, dy) = (u - x, v - y);
            dx * dx + dy * dy <= limit
        };
        points[i + 1..].iter().filter(is_close).count()
    });
    Ok(close_later_points.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_and_subtracts() {
        assert_eq!(add(2, 3), Ok(5));
        assert_eq!(subtract(2, 3), Ok(-1));
    }

    #[test]
    fn reports_overflow() {
        assert_eq!(add(i64::MAX, 1), Err(Error::Overflow));
        assert_eq!(subtract(i64::MIN, 1), Err(Error::Overflow));
    }

    #[test]
    fn keeps_every_character() {
        assert_eq!(concat("grün", "🦀"), "grün🦀");
    }

    #[test]
    fn counts_each_pair_once() {
        let points = [(0.0, 0.0), (3.0, 4.0), (3.0, 4.0), (100.0, 0.0)];
        assert_eq!(count_close_pairs(&points, 5.0), Ok(3));
        assert_eq!(count_close_pairs(&points, 4.9), Ok(1));
        assert_eq!(count_close_pairs(&[], 1.0), Ok(0));
    }

    #[test]
    fn tells_distances_of_any_size() {
        assert_eq!(
            count_close_pairs(&[(-1e308, 0.0), (1e308, 0.0)], 1e150),
            Ok(0)
        );
        assert_eq!(
            count_close_pairs(&[(0.0, 0.0), (0.0, 2e-150)], 1e-150),
            Ok(0)
        );
        assert_eq!(
            count_close_pairs(&[(0.0, 0.0), (0.0, 1e-300)], 1e-150),
            Ok(1)
        );
    }

    #[test]
    fn refuses_what_has_no_distance() {
        assert_eq!(
            count_close_pairs(&[(0.0, f64::NAN)], 1.0),
            Err(Error::Point)
        );
        assert_eq!(count_close_pairs(&[], 0.0), Err(Error::Radius));
        assert_eq!(count_close_pairs(&[], 1e200), Err(Error::Radius));
        assert_eq!(count_close_pairs(&[], f64::NAN), Err(Error::Radius));
    }
}
