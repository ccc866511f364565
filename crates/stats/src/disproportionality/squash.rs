use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A pair, or several alike, as the fit of a prior sees them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RatePoint {
    /// Cases observed.
    pub observed: u64,
    /// Cases expected.
    pub expected: f64,
    /// How many pairs this stands for.
    pub pairs: f64,
}

/// How pairs with one count are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SquashStep {
    /// The count whose pairs are put together.
    pub observed: u64,
    /// How many become one.
    pub bin: usize,
    /// How many with the greatest expected counts stay as they are.
    pub keep: usize,
}

impl SquashStep {
    /// What openEBGM's manual does with a hundred thousand pairs or fewer.
    pub const OPEN_EBGM: [Self; 2] =
        [Self { observed: 1, bin: 50, keep: 100 }, Self { observed: 2, bin: 10, keep: 50 }];
}

/// Puts pairs with the same count and nearly the same expected count together, so that a fit takes seconds.
///
/// Of the pairs with a step's count, the `keep` with the greatest expected counts stay; the others, in the order of
/// their expected counts, become one a `bin`, with the mean of their expected counts. A last bin may be smaller.
///
/// # Source
/// DuMouchel and Pregibon 2001, doi:10.1145/502512.502526 (data squashing); as in openEBGM: Ihrie and Canida 2017,
/// doi:10.32614/RJ-2017-063
pub fn squash(points: &[RatePoint], steps: &[SquashStep]) -> Vec<RatePoint> {
    let mut by_count: BTreeMap<u64, Vec<RatePoint>> = BTreeMap::new();
    for point in points {
        by_count.entry(point.observed).or_default().push(*point);
    }
    for step in steps {
        if let Some(points) = by_count.get_mut(&step.observed) {
            points.sort_by(|one, other| one.expected.total_cmp(&other.expected));
            *points = bins(points, step.bin.max(1), step.keep);
        }
    }
    by_count.into_values().flatten().collect()
}

/// As [`squash`] for every count with more than `keep + bins` pairs: into about `bins` bins.
pub fn squash_to(points: &[RatePoint], bins: usize, keep: usize) -> Vec<RatePoint> {
    let mut sizes: BTreeMap<u64, usize> = BTreeMap::new();
    for point in points {
        *sizes.entry(point.observed).or_default() += 1;
    }
    let steps: Vec<SquashStep> = sizes
        .into_iter()
        .filter(|(_, size)| *size > keep + bins)
        .map(|(observed, size)| SquashStep { observed, bin: (size - keep).div_ceil(bins.max(1)), keep })
        .collect();
    squash(points, &steps)
}

fn bins(sorted: &[RatePoint], bin: usize, keep: usize) -> Vec<RatePoint> {
    let (lower, kept) = sorted.split_at(sorted.len().saturating_sub(keep));
    let one = |points: &[RatePoint]| {
        let pairs: f64 = points.iter().map(|point| point.pairs).sum();
        let expected = points.iter().map(|point| point.pairs * point.expected).sum::<f64>() / pairs;
        RatePoint { observed: points[0].observed, expected, pairs }
    };
    lower.chunks(bin).map(one).chain(kept.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_stay_and_the_others_become_means() {
        let point = |observed, expected| RatePoint { observed, expected, pairs: 1.0 };
        let points =
            [point(1, 5.0), point(1, 1.0), point(1, 2.0), point(2, 7.0), point(1, 9.0), point(1, 6.0)];
        let found = squash(&points, &[SquashStep { observed: 1, bin: 2, keep: 2 }]);
        let expected = [
            RatePoint { observed: 1, expected: 1.5, pairs: 2.0 },
            RatePoint { observed: 1, expected: 5.0, pairs: 1.0 },
            point(1, 6.0),
            point(1, 9.0),
            point(2, 7.0),
        ];
        assert_eq!(found, expected);
        assert_eq!(squash_to(&points, 2, 1).len(), 4);
        assert_eq!(squash(&[], &SquashStep::OPEN_EBGM), []);
    }
}
