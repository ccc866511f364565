use super::{GammaPoissonPrior, PairTable, ReportCounts, ShrunkenRatio, SignalRatio, information_component};
use crate::error::{check_at_least, check_length};
use crate::{Estimate, StatsError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Every measure of one pair.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairScore {
    /// The fourfold table.
    pub counts: ReportCounts,
    /// Cases expected.
    pub expected: f64,
    /// The proportional reporting ratio.
    pub prr: SignalRatio,
    /// The reporting odds ratio.
    pub ror: SignalRatio,
    /// Pearson's statistic with Yates' correction; `None` if a margin is empty.
    pub chi_squared: Option<f64>,
    /// The information component with half a case added.
    pub information: Estimate,
    /// The ratio shrunk by the prior, if there is one; its interval has the coverage of EB05 to EB95, 0.9.
    pub shrunken: Option<ShrunkenRatio>,
}

/// What pairs with the same counts share.
type Shrunken = (Estimate, Option<ShrunkenRatio>);

/// Scores every pair of a table, in its order, on so many threads.
///
/// Pairs with the same observed and expected counts are worked out once. The number of threads does not change a digit.
///
/// # Shapes
/// `expected` holds one number a pair: [`PairTable::expected`], or that of strata.
///
/// # Units
/// `level` is the coverage of PRR, ROR and the information component.
///
/// # Errors
/// [`StatsError`] if the lists differ in length, an expected count is not above 0, the level is not between 0 and 1, or
/// there is no thread.
pub fn score_pairs(
    table: &PairTable,
    expected: &[f64],
    prior: Option<&GammaPoissonPrior>,
    level: f64,
    threads: usize,
) -> Result<Vec<PairScore>, StatsError> {
    check_length("expected counts", expected.len(), table.pairs.len())?;
    check_at_least("threads", threads, 1)?;
    crate::error::check_finite("expected counts", expected)?;
    let key = |place: usize| (table.pairs[place].observed, expected[place].to_bits());
    let mut different: BTreeMap<(u64, u64), usize> = BTreeMap::new();
    (0..expected.len()).for_each(|place| *different.entry(key(place)).or_default() = 0);
    let counts: Vec<(u64, u64)> = different.keys().copied().collect();
    different.values_mut().enumerate().for_each(|(place, value)| *value = place);
    let shrunken = each(&counts, threads, |&(observed, expected)| -> Result<Shrunken, StatsError> {
        let expected = f64::from_bits(expected);
        let posterior = prior.map(|prior| prior.posterior(observed, expected, 0.9)).transpose()?;
        Ok((information_component(observed, expected, level)?, posterior))
    })?;
    let pairs = table.pairs.iter().zip(expected).enumerate();
    pairs
        .map(|(place, (pair, &expected))| {
            let counts = table.counts(pair);
            let (information, shrunken) = shrunken[different[&key(place)]];
            Ok(PairScore {
                counts,
                expected,
                prr: counts.proportional_reporting_ratio(level)?,
                ror: counts.reporting_odds_ratio(level)?,
                chi_squared: counts.chi_squared(true).map(|found| found.statistic),
                information,
                shrunken,
            })
        })
        .collect()
}

/// What `work` makes of each item, in the order of the items.
fn each<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> Result<R, StatsError> + Sync,
) -> Result<Vec<R>, StatsError> {
    let share = items.len().div_ceil(threads).max(1);
    let work = &work;
    std::thread::scope(|scope| {
        let handles: Vec<_> = items
            .chunks(share)
            .map(|items| scope.spawn(move || items.iter().map(work).collect::<Result<Vec<R>, _>>()))
            .collect();
        let mut results = Vec::with_capacity(items.len());
        for handle in handles {
            match handle.join() {
                Ok(found) => results.extend(found?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(results)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disproportionality::ReportRow;

    #[test]
    fn threads_change_nothing_and_lists_must_match() {
        let rows: Vec<ReportRow> = (0..300_u32)
            .map(|place| ReportRow { case: place / 2, drug: place * 7 % 11, event: place * place % 13 })
            .collect();
        let table = PairTable::count(&rows).expect("rows");
        let prior = GammaPoissonPrior { alpha1: 3.0, beta1: 0.4, alpha2: 2.0, beta2: 2.0, share: 0.1 };
        let run = |threads| score_pairs(&table, &table.expected(), Some(&prior), 0.95, threads);
        let one = run(1).expect("sound");
        assert_eq!(one.len(), table.pairs.len());
        for threads in [2, 7, 1000] {
            assert_eq!(run(threads).as_ref(), Ok(&one));
        }
        let alone = prior.posterior(table.pairs[5].observed, table.expected()[5], 0.9);
        assert_eq!(alone.ok(), one[5].shrunken);
        assert!(score_pairs(&table, &[1.0], None, 0.95, 1).is_err());
        assert!(run(0).is_err());
    }
}
