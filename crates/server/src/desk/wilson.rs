/// The interval of a share by Wilson's score at 95 %, without correction for continuity; `None` of nothing.
///
/// # Units
/// Shares from 0 to 1: low, high.
///
/// # Source
/// Wilson 1927, doi:10.1080/01621459.1927.10502953; values compared with Newcombe 1998, Table I, method 3,
/// doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E
pub(crate) fn wilson(count: u64, of: u64) -> Option<(f64, f64)> {
    const Z: f64 = 1.959_963_984_540_054;
    if of == 0 {
        return None;
    }
    let (n, p) = (of as f64, count as f64 / of as f64);
    let center = p + Z * Z / (2.0 * n);
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    Some((((center - half) / scale).max(0.0), ((center + half) / scale).min(1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_newcombes_table() {
        for (count, of, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let (found_low, found_high) = wilson(count, of).expect("an interval");
            // The table has four decimals.
            assert!((found_low - low).abs() < 5.1e-5 && (found_high - high).abs() < 5.1e-5, "{count}/{of}");
        }
        assert_eq!(wilson(0, 0), None);
    }
}
