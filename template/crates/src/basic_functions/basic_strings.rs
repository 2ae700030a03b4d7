//! Strings cross the border between Python and Rust as UTF-8.

/// Concatenate two strings.
///
/// Args:
///     left: First part.
///     right: Second part.
///
/// Returns:
///     Both parts in one string.
///
/// Raises:
///     UnicodeEncodeError: An argument holds a lone surrogate, which UTF-8 cannot express.
#[cfg_attr(not(test), pyo3::pyfunction)]
pub(crate) fn concat_in_rust(left: &str, right: &str) -> String {
    [left, right].concat()
}

#[cfg(test)]
mod tests {
    use super::concat_in_rust;

    #[test]
    fn keeps_every_character() {
        assert_eq!(concat_in_rust("grün", "🦀"), "grün🦀");
        assert_eq!(concat_in_rust("", ""), "");
    }
}
