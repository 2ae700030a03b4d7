//! The samples on arrays in plain Rust, which see iterators: an array may be a slice of another one.

pub(crate) fn exponential_average<'a>(
    values: impl Iterator<Item = &'a f64>,
    weight: f64,
) -> Vec<f64> {
    let mut average = None;
    values
        .map(|value| {
            let before = average.unwrap_or(*value);
            *average.insert(before + weight * (value - before))
        })
        .collect()
}

pub(crate) fn dot<'a>(
    left: impl Iterator<Item = &'a f64>,
    right: impl Iterator<Item = &'a f64>,
) -> f64 {
    left.zip(right).fold(0.0, |sum, (a, b)| sum + a * b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_elements_count_more() {
        let averages = exponential_average([8.0, 0.0, 4.0].iter(), 0.5);
        assert_eq!(averages, [8.0, 4.0, 4.0]);
        assert_eq!(exponential_average([].iter(), 0.5), Vec::<f64>::new());
    }

    #[test]
    fn adds_products() {
        assert_eq!(dot([].iter(), [].iter()).to_bits(), 0); // and not that of -0.0
        let sum = dot([1.0, 2.0].iter(), [3.0, 4.0].iter());
        assert_eq!(sum.to_bits(), 11_f64.to_bits());
    }
}
