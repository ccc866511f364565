use super::{ReportCounts, ReportRow};
use std::collections::BTreeSet;

/// How much higher a pair's reporting ratio is where the cases of another drug are left out.
///
/// A drug with very many reports of an event (a vaccine and fever) raises the event's share among all other cases, and
/// hides that of every other drug. The ratio is of the share of the event among the cases without the pair's drug,
/// before over after. Cases with both drugs are those of the pair's drug and stay: where there are many, count anew by
/// [`without_drug`] instead.
///
/// `masker` holds the other drug's cases without the pair's drug: with the event in `both`, without it in `drug_alone`.
///
/// # Units
/// None: 1 hides nothing, 2 halves the ratio. `None` if the event is in no other case, before or after.
///
/// # Source
/// Maignen et al. 2014, doi:10.1002/pds.3529
pub fn masking_ratio(pair: &ReportCounts, masker: &ReportCounts) -> Option<f64> {
    let with_event = pair.event_alone.checked_sub(masker.both)?;
    let without_event = pair.neither.checked_sub(masker.drug_alone)?;
    if pair.event_alone == 0 || with_event == 0 {
        return None;
    }
    let share = |event: u64, other: u64| event as f64 / (event + other) as f64;
    Some(share(pair.event_alone, pair.neither) / share(with_event, without_event))
}

/// The rows of the cases that do not have a drug: counted anew they show what it hid.
pub fn without_drug(rows: &[ReportRow], drug: u32) -> Vec<ReportRow> {
    let cases: BTreeSet<u32> = rows.iter().filter(|row| row.drug == drug).map(|row| row.case).collect();
    rows.iter().filter(|row| !cases.contains(&row.case)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disproportionality::PairTable;

    #[test]
    fn what_a_drug_hid_worked_on_paper() {
        // 60 of 200 other cases have the event, 50 of them with the other drug, whose cases are 100: 0.3 over 0.1.
        let pair = ReportCounts { both: 5, drug_alone: 15, event_alone: 60, neither: 140 };
        let masker = ReportCounts { both: 50, drug_alone: 50, event_alone: 0, neither: 0 };
        let ratio = masking_ratio(&pair, &masker).expect("the event is elsewhere too");
        assert!((ratio - 3.0).abs() < 1e-12);
        assert_eq!(masking_ratio(&pair, &ReportCounts { both: 60, ..masker }), None);
        assert_eq!(masking_ratio(&pair, &ReportCounts { both: 61, ..masker }), None);
    }

    #[test]
    fn a_drug_is_left_out_with_all_rows_of_its_cases() {
        let row = |case, drug, event| ReportRow { case, drug, event };
        let rows = [row(0, 0, 0), row(0, 1, 0), row(1, 1, 1), row(2, 2, 1)];
        assert_eq!(without_drug(&rows, 0), rows[2..]);
        assert_eq!(PairTable::count(&without_drug(&rows, 0)).map(|table| table.cases), Ok(2));
    }
}
