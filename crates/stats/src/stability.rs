use crate::StatsError;
use crate::error::{check_at_least, check_finite};
use crate::order::{quantile_of_sorted, sorted};
use serde::{Deserialize, Serialize};

/// The share of two samples in one range of values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StabilityBin {
    /// Values above this belong here; `None` for the lowest bin.
    pub above: Option<f64>,
    /// Values up to and including this belong here; `None` for the highest bin.
    pub up_to: Option<f64>,
    /// Values of the reference.
    pub reference: usize,
    /// Values of the current sample.
    pub current: usize,
}

/// The population stability index and what it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PopulationStability {
    /// 0 if the shares are the same; by custom below 0.1 is little, above 0.25 much.
    pub index: f64,
    /// The bins, rising.
    pub bins: Vec<StabilityBin>,
}

/// Population stability index: how far the shares of `current` have moved from those of `reference` over
/// bins that hold equal parts of the reference.
///
/// Bins whose edges fall together because of ties are one. An empty bin counts as half a case (a choice:
/// the formula is endless there). The customary limits know nothing of sample size: small samples exceed
/// them by chance.
///
/// # Units
/// Nats.
///
/// # Errors
/// [`StatsError`] if a sample is empty or holds a number that is not finite; [`StatsError::TooFew`] for
/// fewer than two bins; [`StatsError::NoValue`] if all values of the reference fall into one bin.
///
/// # Source
/// Siddiqi 2006, doi:10.1002/9781119201731 (the sum of both Kullback-Leibler divergences: Jeffreys 1946,
/// doi:10.1098/rspa.1946.0056)
pub fn population_stability(
    reference: &[f64],
    current: &[f64],
    bins: usize,
) -> Result<PopulationStability, StatsError> {
    check_finite("reference", reference)?;
    check_finite("current sample", current)?;
    check_at_least("bins", bins, 2)?;
    let (reference, current) = (sorted(reference), sorted(current));
    let highest = reference[reference.len() - 1];
    // More bins than values only repeat edges.
    let bins = bins.min(reference.len().max(2));
    let mut edges: Vec<f64> =
        (1..bins).map(|bin| quantile_of_sorted(&reference, bin as f64 / bins as f64)).collect();
    edges.dedup();
    // Nothing of the reference lies above its highest value.
    edges.retain(|&edge| edge < highest);
    if edges.is_empty() {
        let reason = "all values of the reference fall into one bin";
        return Err(StatsError::NoValue { what: "population stability", reason });
    }
    let counts = |values: &[f64]| -> Vec<usize> {
        let mut up_to: Vec<usize> =
            edges.iter().map(|&edge| values.partition_point(|&value| value <= edge)).collect();
        up_to.push(values.len());
        (0..up_to.len()).map(|bin| up_to[bin] - if bin == 0 { 0 } else { up_to[bin - 1] }).collect()
    };
    let bins: Vec<StabilityBin> = counts(&reference)
        .into_iter()
        .zip(counts(&current))
        .enumerate()
        .map(|(bin, (reference, current))| StabilityBin {
            above: bin.checked_sub(1).map(|edge| edges[edge]),
            up_to: edges.get(bin).copied(),
            reference,
            current,
        })
        .collect();
    let share =
        |count: usize, all: usize| count.max(1) as f64 / if count == 0 { 2.0 } else { 1.0 } / all as f64;
    let index = bins
        .iter()
        .map(|bin| {
            let (before, now) = (share(bin.reference, reference.len()), share(bin.current, current.len()));
            (now - before) * (now / before).ln()
        })
        .sum();
    Ok(PopulationStability { index, bins })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_by_hand() {
        // The median of 1 to 4 is 2.5: half and half before, one and three quarters now.
        let found = population_stability(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 3.0, 9.0], 2).expect("numbers");
        let expected = -0.25 * 0.5_f64.ln() + 0.25 * 1.5_f64.ln();
        assert!((found.index - expected).abs() < 1e-12, "{found:?}");
        let bins: Vec<_> =
            found.bins.iter().map(|bin| (bin.above, bin.up_to, bin.reference, bin.current)).collect();
        assert_eq!(bins, [(None, Some(2.5), 2, 1), (Some(2.5), None, 2, 3)]);
    }

    #[test]
    fn an_empty_bin_counts_as_half_a_case_and_ties_are_one_bin() {
        let found = population_stability(&[1.0, 2.0, 3.0, 4.0], &[4.0, 4.0], 2).expect("numbers");
        let expected = (0.25 - 0.5) * 0.5_f64.ln() + 0.5 * 2.0_f64.ln();
        assert!((found.index - expected).abs() < 1e-12, "{found:?}");
        let tied = population_stability(&[1.0, 1.0, 1.0, 1.0, 5.0], &[1.0, 5.0], 10).expect("numbers");
        assert!(tied.bins.len() < 5 && tied.bins.iter().map(|bin| bin.reference).sum::<usize>() == 5);
        let same = population_stability(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], usize::MAX).expect("numbers");
        assert_eq!(same.index, 0.0);
    }

    #[test]
    fn a_reference_that_never_varies_is_refused() {
        let flat = population_stability(&[2.0; 5], &[1.0, 2.0], 10);
        assert!(matches!(flat, Err(StatsError::NoValue { .. })));
        assert!(population_stability(&[1.0], &[1.0], 10).is_err());
        assert!(population_stability(&[1.0, 2.0], &[], 10).is_err());
        assert!(population_stability(&[1.0, 2.0], &[1.0], 1).is_err());
    }
}
