use std::collections::BTreeMap;

/// A passage in an order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// Number of the passage in the index, from 0.
    pub passage: u32,
    /// The higher, the earlier; on a scale of its own for each way of finding.
    pub score: f64,
}

/// How many passages each way gives to the order of both, in the program and in its measurements: enough that the first hundred
/// hardly change with more.
pub const DEPTH: usize = 400;

/// Makes one order of several by their ranks: each order adds weight / (60 + rank), with ranks from 1. Equal sums stand in
/// the order of the passages' numbers.
///
/// # Source
/// Cormack, Clarke and Buettcher 2009, doi:10.1145/1571941.1572114
#[must_use]
pub fn fused(orders: &[(&[Ranked], f64)], most: usize) -> Vec<Ranked> {
    const K: f64 = 60.0;
    let mut sums: BTreeMap<u32, f64> = BTreeMap::new();
    for (order, weight) in orders {
        for (at, one) in order.iter().enumerate() {
            *sums.entry(one.passage).or_default() += weight / (K + at as f64 + 1.0);
        }
    }
    let mut found: Vec<Ranked> = sums.into_iter().map(|(passage, score)| Ranked { passage, score }).collect();
    sort(&mut found);
    found.truncate(most);
    found
}

/// By falling score, then by number.
pub(super) fn sort(found: &mut [Ranked]) {
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.passage.cmp(&b.passage)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passage_second_in_both_orders_is_before_one_that_is_first_in_one() {
        let order = |passages: &[u32]| -> Vec<Ranked> {
            passages.iter().map(|passage| Ranked { passage: *passage, score: 0.0 }).collect()
        };
        let (words, meaning) = (order(&[7, 3, 9]), order(&[5, 3]));
        let found = fused(&[(&words, 1.0), (&meaning, 1.0)], 3);
        assert_eq!(found.iter().map(|one| one.passage).collect::<Vec<_>>(), [3, 5, 7]);
        assert!((found[0].score - 2.0 / 62.0).abs() < 1e-15);
        assert!((found[1].score - 1.0 / 61.0).abs() < 1e-15);
        let weighted = fused(&[(&words, 3.0), (&meaning, 1.0)], 1);
        assert_eq!(weighted[0].passage, 3, "3/62 + 1/62 is more than 3/61");
    }
}
