//! Dividing the run's width among its lanes, so that no lane can take what another needs.

/// Divides `total` places among lanes that can use `caps` of them: everybody gets the same, and
/// what one cannot use goes to the others. Every lane gets at least one place, even where there
/// are more lanes than places.
pub fn divide(total: usize, caps: &[usize]) -> Vec<usize> {
    let mut shares = vec![0; caps.len()];
    let mut order: Vec<usize> = (0..caps.len()).collect();
    order.sort_by_key(|lane| caps[*lane]);
    let mut left = total;
    for (served, lane) in order.iter().enumerate() {
        let waiting = caps.len() - served;
        // Rounded up for the last ones, so that no place is left over.
        let even = left.div_ceil(waiting).min(left);
        shares[*lane] = caps[*lane].min(even).max(1);
        left = left.saturating_sub(shares[*lane]);
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_divided_evenly_and_none_is_wasted() {
        assert_eq!(divide(64, &[256]), [64]);
        assert_eq!(divide(64, &[256, 256]), [32, 32]);
        assert_eq!(divide(64, &[4, 256, 256]), [4, 30, 30]);
        assert_eq!(divide(64, &[256, 4]), [60, 4]);
        assert_eq!(divide(10, &[100, 100, 100]).iter().sum::<usize>(), 10);
        assert_eq!(divide(2, &[9, 9, 9]), [1, 1, 1]);
        assert_eq!(divide(8, &[2, 2]), [2, 2]);
        assert_eq!(divide(5, &[]), Vec::<usize>::new());
    }
}
