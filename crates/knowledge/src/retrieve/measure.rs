/// Share of the relevant that stands among the first `depth` of an order.
///
/// `hits` says of each place whether what stands there is relevant. Without anything relevant it is 0.
#[must_use]
pub fn recall_at(hits: &[bool], relevant: usize, depth: usize) -> f64 {
    let found = hits.iter().take(depth).filter(|hit| **hit).count();
    if relevant == 0 { 0.0 } else { found as f64 / relevant as f64 }
}

/// 1 / the rank of the first relevant one, ranks from 1; 0 where there is none.
#[must_use]
pub fn reciprocal_rank(hits: &[bool]) -> f64 {
    hits.iter().position(|hit| *hit).map_or(0.0, |at| 1.0 / (at as f64 + 1.0))
}

/// Mean over the relevant of the precision at their ranks, 0 for those that are not among the first `depth`.
///
/// # Source
/// As `trec_eval`'s `map_cut`
#[must_use]
pub fn average_precision(hits: &[bool], relevant: usize, depth: usize) -> f64 {
    let mut found = 0.0;
    let mut sum = 0.0;
    for (at, _) in hits.iter().take(depth).enumerate().filter(|(_, hit)| **hit) {
        found += 1.0;
        sum += found / (at as f64 + 1.0);
    }
    if relevant == 0 { 0.0 } else { sum / relevant as f64 }
}

/// Discounted gain of the first `depth`, each relevant one worth 1, over that of the best order.
///
/// # Source
/// Jarvelin and Kekalainen 2002, doi:10.1145/582415.582418
#[must_use]
pub fn ndcg_at(hits: &[bool], relevant: usize, depth: usize) -> f64 {
    let gain = |at: usize| 1.0 / (at as f64 + 2.0).log2();
    let best: f64 = (0..relevant.min(depth)).map(gain).sum();
    let found: f64 =
        hits.iter().take(depth).enumerate().filter(|(_, hit)| **hit).map(|(at, _)| gain(at)).sum();
    if best == 0.0 { 0.0 } else { found / best }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_worked_on_paper() {
        // Three relevant ones, two of them found, at ranks 2 and 4.
        let hits = [false, true, false, true, false];
        assert_eq!(recall_at(&hits, 3, 3), 1.0 / 3.0);
        assert_eq!(recall_at(&hits, 3, 10), 2.0 / 3.0);
        assert_eq!(reciprocal_rank(&hits), 0.5);
        assert!((average_precision(&hits, 3, 100) - (0.5 + 0.5) / 3.0).abs() < 1e-15);
        let best = 1.0 + 1.0 / 3.0_f64.log2() + 0.5;
        let found = 1.0 / 3.0_f64.log2() + 1.0 / 5.0_f64.log2();
        assert!((ndcg_at(&hits, 3, 10) - found / best).abs() < 1e-15);
        assert_eq!(average_precision(&[], 0, 100), 0.0);
        assert_eq!(reciprocal_rank(&[false]), 0.0);
    }
}
