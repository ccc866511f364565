/// Percentiles of finite values in ascending order of `percents`, linear between ranks (NumPy's default).
///
/// One selection a rank, each among the values above the last: no sort of the whole.
///
/// # Panics
/// Without a value, or with percents that descend or lie outside 0 to 100.
pub(crate) fn percentiles(mut values: Vec<f32>, percents: &[f64]) -> Vec<f64> {
    let last = values.len() - 1;
    // How many of the least values stand in order at the front.
    let mut placed = 0;
    let mut ranked = |rank: usize| {
        if rank >= placed {
            values[placed..].select_nth_unstable_by(rank - placed, f32::total_cmp);
            placed = rank + 1;
        }
        f64::from(values[rank])
    };
    percents
        .iter()
        .map(|percent| {
            let place = percent / 100.0 * last as f64;
            let rank = (place as usize).min(last);
            let low = ranked(rank);
            let part = place - rank as f64;
            if part > 0.0 { low + part * (ranked(rank + 1) - low) } else { low }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_sorted_values() {
        let values: Vec<f32> = (0..101).map(|at| ((at * 37) % 101) as f32).collect();
        let percents = [0.0, 0.0, 1.0, 12.25, 12.5, 50.0, 99.0, 99.5, 100.0, 100.0];
        assert_eq!(percentiles(values, &percents), percents);
        assert_eq!(percentiles(vec![7.0], &[0.0, 50.0, 100.0]), [7.0; 3]);
        assert_eq!(percentiles(vec![3.0, 1.0], &[25.0]), [1.5]);
    }
}
