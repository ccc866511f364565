use super::reports::{check_strata, margin};
use super::{PairTable, ReportCounts, ReportRow, SignalRatio, UndefinedRatio};
use crate::distribution::normal_reach;
use crate::error::check_at_least;
use crate::{Estimate, StatsError};
use std::collections::BTreeMap;

/// Cases expected of each pair if drug and event had nothing to do with each other within each stratum: the sum of what
/// each stratum expects (Mantel and Haenszel's).
///
/// An event of the old is expected of a drug for the old, which without strata looks like a signal.
///
/// # Shapes
/// `strata[case]` names the stratum of every case; one number a pair of `table`, in its order.
///
/// # Errors
/// [`StatsError`] if a case has no stratum, or a pair of `table` is not of these rows.
///
/// # Source
/// Mantel and Haenszel 1959, doi:10.1093/jnci/22.4.719; DuMouchel 1999, doi:10.1080/00031305.1999.10474456 (equation 2)
pub fn stratified_expected(
    rows: &[ReportRow],
    strata: &[u32],
    table: &PairTable,
) -> Result<Vec<f64>, StatsError> {
    check_strata(rows, strata.len())?;
    let mut by_stratum: BTreeMap<u32, Vec<ReportRow>> = BTreeMap::new();
    for row in rows {
        by_stratum.entry(strata[row.case as usize]).or_default().push(*row);
    }
    let mut expected = vec![0.0; table.pairs.len()];
    for rows in by_stratum.values() {
        let cases = margin(rows.iter().map(|row| (0, row.case)))[0] as f64;
        let drugs = margin(rows.iter().map(|row| (row.drug, row.case)));
        let events = margin(rows.iter().map(|row| (row.event, row.case)));
        for (pair, expected) in table.pairs.iter().zip(&mut expected) {
            let of = |counts: &[u64], word: u32| counts.get(word as usize).map_or(0.0, |count| *count as f64);
            *expected += of(&drugs, pair.drug) * of(&events, pair.event) / cases;
        }
    }
    if expected.contains(&0.0) {
        return Err(StatsError::NoValue {
            what: "expected count",
            reason: "the table has a pair that the rows lack",
        });
    }
    Ok(expected)
}

/// The odds ratio of a drug and an event held constant over strata, with the interval of Robins, Breslow and Greenland.
///
/// # Shapes
/// One fourfold table a stratum; empty ones count for nothing.
///
/// # Units
/// None: 1 is no more than elsewhere. `level` is the coverage.
///
/// # Errors
/// [`StatsError`] without a table, or for a level outside 0 to 1.
///
/// # Source
/// Mantel and Haenszel 1959, doi:10.1093/jnci/22.4.719; Robins, Breslow and Greenland 1986, doi:10.2307/2531052
pub fn mantel_haenszel_odds_ratio(strata: &[ReportCounts], level: f64) -> Result<SignalRatio, StatsError> {
    check_at_least("strata", strata.len(), 1)?;
    let z = normal_reach(level)?;
    let [mut above, mut below, mut of_above, mut of_both, mut of_below] = [0.0; 5];
    for counts in strata.iter().filter(|counts| counts.total() > 0) {
        let total = counts.total() as f64;
        let [a, b, c, d] =
            [counts.both, counts.drug_alone, counts.event_alone, counts.neither].map(|n| n as f64);
        let (concordant, discordant) = (a * d / total, b * c / total);
        let (agreeing, others) = ((a + d) / total, (b + c) / total);
        above += concordant;
        below += discordant;
        of_above += agreeing * concordant;
        of_both += agreeing * discordant + others * concordant;
        of_below += others * discordant;
    }
    let value = above / below;
    let undefined = |reason| SignalRatio::Undefined { reason, value: value.is_finite().then_some(value) };
    if strata.iter().all(|counts| counts.both == 0) {
        return Ok(undefined(UndefinedRatio::NoReports));
    }
    if strata.iter().all(|counts| counts.event_alone == 0) {
        return Ok(undefined(UndefinedRatio::EventOnlyWithDrug));
    }
    if below == 0.0 {
        return Ok(undefined(UndefinedRatio::DrugOnlyWithEvent));
    }
    if above == 0.0 {
        return Ok(undefined(UndefinedRatio::EventInAllOthers));
    }
    let variance =
        of_above / (2.0 * above * above) + of_both / (2.0 * above * below) + of_below / (2.0 * below * below);
    let half = z * variance.sqrt();
    Ok(SignalRatio::Defined(Estimate { value, low: value * (-half).exp(), high: value * half.exp() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drug_for_the_old_and_an_event_of_the_old_have_nothing_to_do_with_each_other() {
        // Of 4 old cases 2 have drug 0, of them one has event 0; of the other two also one; of 4 young ones neither.
        let row = |case, drug, event| ReportRow { case, drug, event };
        let old = [row(0, 0, 0), row(1, 0, 1), row(2, 1, 0), row(3, 1, 1)];
        let young = [row(4, 1, 1), row(5, 1, 1), row(6, 1, 1), row(7, 1, 1)];
        let rows = [old, young].concat();
        let table = PairTable::count(&rows).expect("rows");
        let strata = [0, 0, 0, 0, 1, 1, 1, 1];
        let expected = stratified_expected(&rows, &strata, &table).expect("every case has a stratum");
        // Drug 0 with event 0: 1 of 2 * 2 / 4 = 1, where all cases together expect 2 * 2 / 8.
        assert_eq!(table.pairs[0].observed, 1);
        assert_eq!((expected[0], table.expected()[0]), (1.0, 0.5));
        // One stratum alone is no stratification.
        assert_eq!(stratified_expected(&rows, &[0; 8], &table), Ok(table.expected()));
        assert!(stratified_expected(&rows, &strata[..7], &table).is_err());
        assert!(stratified_expected(&rows[..2], &strata, &table).is_err());
    }

    #[test]
    fn one_stratum_is_the_odds_ratio_itself() {
        let counts = ReportCounts { both: 25, drug_alone: 75, event_alone: 200, neither: 9700 };
        let (one, whole) = (mantel_haenszel_odds_ratio(&[counts], 0.95), counts.reporting_odds_ratio(0.95));
        let (Ok(SignalRatio::Defined(one)), Ok(SignalRatio::Defined(whole))) = (one, whole) else {
            panic!("no count is 0")
        };
        for (one, whole) in [(one.value, whole.value), (one.low, whole.low), (one.high, whole.high)] {
            assert!((one / whole - 1.0).abs() < 1e-12, "{one} for {whole}");
        }
        let empty = ReportCounts { both: 0, drug_alone: 0, event_alone: 0, neither: 0 };
        assert!(matches!(
            mantel_haenszel_odds_ratio(&[empty], 0.95),
            Ok(SignalRatio::Undefined { reason: UndefinedRatio::NoReports, value: None })
        ));
        assert!(mantel_haenszel_odds_ratio(&[], 0.95).is_err());
    }
}
