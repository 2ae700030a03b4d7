//! Arithmetic that reports an overflow instead of wrapping around.

/// The result does not fit into 64 bits.
#[derive(Debug, PartialEq)]
pub(crate) struct Overflow;

#[cfg(not(test))]
impl From<Overflow> for pyo3::PyErr {
    fn from(_: Overflow) -> Self {
        pyo3::exceptions::PyOverflowError::new_err("the result does not fit into 64 bits")
    }
}

/// Add two integers.
///
/// Args:
///     left: First summand, a 64-bit integer.
///     right: Second summand, a 64-bit integer.
///
/// Returns:
///     The sum.
///
/// Raises:
///     OverflowError: An argument or the sum does not fit into 64 bits.
#[cfg_attr(not(test), pyo3::pyfunction)]
pub(crate) fn add_in_rust(left: i64, right: i64) -> Result<i64, Overflow> {
    left.checked_add(right).ok_or(Overflow)
}

/// Subtract one integer from another.
///
/// Args:
///     left: The 64-bit integer to subtract from.
///     right: The 64-bit integer to subtract.
///
/// Returns:
///     The difference `left - right`.
///
/// Raises:
///     OverflowError: An argument or the difference does not fit into 64 bits.
#[cfg_attr(not(test), pyo3::pyfunction)]
pub(crate) fn subtract_in_rust(left: i64, right: i64) -> Result<i64, Overflow> {
    left.checked_sub(right).ok_or(Overflow)
}

#[cfg(test)]
mod tests {
    use super::{Overflow, add_in_rust, subtract_in_rust};

    #[test]
    fn adds_and_subtracts() {
        assert_eq!(add_in_rust(2, 3), Ok(5));
        assert_eq!(subtract_in_rust(2, 3), Ok(-1));
    }

    #[test]
    fn reports_overflow() {
        assert_eq!(add_in_rust(i64::MAX, 1), Err(Overflow));
        assert_eq!(subtract_in_rust(i64::MIN, 1), Err(Overflow));
    }
}
