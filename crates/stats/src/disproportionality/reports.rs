use super::ReportCounts;
use crate::StatsError;
use crate::error::{check_at_least, check_length};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One row of a table of reports, its words as numbers.
///
/// A case with two drugs and three events has six rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReportRow {
    /// The case, counted from 0.
    pub case: u32,
    /// The drug, counted from 0.
    pub drug: u32,
    /// The event, counted from 0.
    pub event: u32,
}

/// A drug and an event that at least one case has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrugEventPair {
    /// The drug.
    pub drug: u32,
    /// The event.
    pub event: u32,
    /// Cases that have both.
    pub observed: u64,
}

/// Cases by drug, by event and by pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairTable {
    /// Different cases.
    pub cases: u64,
    /// Cases with each drug.
    pub drugs: Vec<u64>,
    /// Cases with each event.
    pub events: Vec<u64>,
    /// Pairs that occur, by drug and then by event.
    pub pairs: Vec<DrugEventPair>,
    /// Rows that said what another row of the case had said.
    pub repeated_rows: usize,
}

/// Numbers of drugs and events are below this.
const MOST_WORDS: usize = 1 << 28;

impl PairTable {
    /// Counts the cases of each drug, event and pair, each case once.
    ///
    /// # Shapes
    /// Rows in any order. Drugs and events are numbered in the order of first sight, or so: a place is kept for every
    /// number up to the greatest.
    ///
    /// # Errors
    /// [`StatsError::TooFew`] without a row; [`StatsError::Label`] for a drug or an event whose number is 2^28 or more.
    pub fn count(rows: &[ReportRow]) -> Result<Self, StatsError> {
        check_at_least("rows", rows.len(), 1)?;
        for (position, row) in rows.iter().enumerate() {
            let found = row.drug.max(row.event) as usize;
            if found >= MOST_WORDS {
                return Err(StatsError::Label { position, found, classes: MOST_WORDS });
            }
        }
        let mut cases: Vec<u32> = rows.iter().map(|row| row.case).collect();
        cases.sort_unstable();
        cases.dedup();
        let mut keys: Vec<u128> = rows.iter().map(|row| key(row.drug, row.event, row.case)).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut pairs: Vec<DrugEventPair> = Vec::new();
        for key in &keys {
            let (drug, event) = ((key >> 64) as u32, (key >> 32) as u32);
            match pairs.last_mut() {
                Some(pair) if pair.drug == drug && pair.event == event => pair.observed += 1,
                _ => pairs.push(DrugEventPair { drug, event, observed: 1 }),
            }
        }
        Ok(Self {
            cases: cases.len() as u64,
            drugs: margin(rows.iter().map(|row| (row.drug, row.case))),
            events: margin(rows.iter().map(|row| (row.event, row.case))),
            pairs,
            repeated_rows: rows.len() - keys.len(),
        })
    }

    /// The fourfold table of a pair.
    ///
    /// # Panics
    /// If the pair is not of this table.
    pub fn counts(&self, pair: &DrugEventPair) -> ReportCounts {
        let (drug, event) = (self.drugs[pair.drug as usize], self.events[pair.event as usize]);
        ReportCounts {
            both: pair.observed,
            drug_alone: drug - pair.observed,
            event_alone: event - pair.observed,
            neither: self.cases + pair.observed - drug - event,
        }
    }

    /// Cases expected of each pair, if drugs and events had nothing to do with each other.
    ///
    /// # Units
    /// Cases.
    pub fn expected(&self) -> Vec<f64> {
        self.pairs.iter().map(|pair| self.counts(pair).expected()).collect()
    }
}

/// Of reports with a case and a version: the places of those to keep, the last version of each case, in their order.
///
/// A follow-up report replaces what came before. Of equal versions the later one counts.
pub fn latest_versions<C: Ord, V: Ord>(reports: &[(C, V)]) -> Vec<usize> {
    let mut latest: BTreeMap<&C, usize> = BTreeMap::new();
    for (place, (case, version)) in reports.iter().enumerate() {
        let kept = latest.entry(case).or_insert(place);
        if *version >= reports[*kept].1 {
            *kept = place;
        }
    }
    let mut places: Vec<usize> = latest.into_values().collect();
    places.sort_unstable();
    places
}

/// Cases that say the same as an earlier one: the same drugs, the same events, and the same particulars (age, sex, date
/// of the event, reporter's country). Each comes with the case that it repeats.
///
/// Many cases have one drug and one common event, and are not the same for that: the more particulars, the surer.
/// Cases with fewer than `least` drugs and events together are never called the same.
///
/// # Shapes
/// `particulars[case]` of every case.
///
/// # Errors
/// [`StatsError::Label`] for a case without particulars.
///
/// # Source
/// The rule of exact matches; Noren, Orre, Bate and Edwards 2007, doi:10.1007/s10618-006-0052-8, on what it misses
pub fn identical_cases<P: Ord>(
    rows: &[ReportRow],
    particulars: &[P],
    least: usize,
) -> Result<Vec<(u32, u32)>, StatsError> {
    let classes = particulars.len();
    if let Some(position) = rows.iter().position(|row| row.case as usize >= classes) {
        return Err(StatsError::Label { position, found: rows[position].case as usize, classes });
    }
    let of_case = |word: fn(&ReportRow) -> u32| {
        let mut words: Vec<(u32, u32)> = rows.iter().map(|row| (row.case, word(row))).collect();
        words.sort_unstable();
        words.dedup();
        words
    };
    let (drugs, events) = (of_case(|row| row.drug), of_case(|row| row.event));
    let mut seen: BTreeMap<(&P, Vec<u32>, Vec<u32>), u32> = BTreeMap::new();
    let mut repeats = Vec::new();
    let mut events = events.chunk_by(|one, other| one.0 == other.0);
    for drugs in drugs.chunk_by(|one, other| one.0 == other.0) {
        // Each row has both, so that the cases come in step.
        let Some(events) = events.next() else { break };
        let case = drugs[0].0;
        if drugs.len() + events.len() < least {
            continue;
        }
        let words = |words: &[(u32, u32)]| words.iter().map(|(_, word)| *word).collect::<Vec<u32>>();
        let first = *seen.entry((&particulars[case as usize], words(drugs), words(events))).or_insert(case);
        if first != case {
            repeats.push((case, first));
        }
    }
    Ok(repeats)
}

/// Different cases of each word, by the word's number.
pub(super) fn margin(words: impl Iterator<Item = (u32, u32)>) -> Vec<u64> {
    let mut keys: Vec<u64> = words.map(|(word, case)| u64::from(word) << 32 | u64::from(case)).collect();
    keys.sort_unstable();
    keys.dedup();
    let size = keys.last().map_or(0, |key| (key >> 32) as usize + 1);
    let mut counts = vec![0; size];
    keys.iter().for_each(|key| counts[(key >> 32) as usize] += 1);
    counts
}

fn key(drug: u32, event: u32, case: u32) -> u128 {
    u128::from(drug) << 64 | u128::from(event) << 32 | u128::from(case)
}

/// Refuses strata that are not one a case.
pub(super) fn check_strata(rows: &[ReportRow], strata: usize) -> Result<(), StatsError> {
    let cases = rows.iter().map(|row| row.case as usize + 1).max().unwrap_or(0);
    if strata < cases { check_length("strata of cases", strata, cases) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(case: u32, drug: u32, event: u32) -> ReportRow {
        ReportRow { case, drug, event }
    }

    #[test]
    fn a_case_counts_once_however_many_rows_say_so() {
        // Case 0 has drugs 0 and 1 with event 0, said twice; case 1 drug 0 with event 1; case 2 drug 1 with event 0.
        let rows = [row(0, 0, 0), row(2, 1, 0), row(0, 1, 0), row(0, 0, 0), row(1, 0, 1)];
        let table = PairTable::count(&rows).expect("rows");
        assert_eq!((table.cases, table.repeated_rows), (3, 1));
        assert_eq!((&table.drugs[..], &table.events[..]), (&[2, 2][..], &[2, 1][..]));
        let counts: Vec<ReportCounts> = table.pairs.iter().map(|pair| table.counts(pair)).collect();
        let of =
            |both, drug_alone, event_alone, neither| ReportCounts { both, drug_alone, event_alone, neither };
        assert_eq!(counts, [of(1, 1, 1, 0), of(1, 1, 0, 1), of(2, 0, 0, 1)]);
        assert_eq!(table.expected(), [4.0 / 3.0, 2.0 / 3.0, 4.0 / 3.0]);
        assert!(PairTable::count(&[]).is_err());
        assert!(PairTable::count(&[row(0, u32::MAX, 0)]).is_err());
    }

    #[test]
    fn the_last_version_of_a_case_is_kept() {
        let reports = [("a", 1), ("b", 1), ("a", 3), ("a", 2), ("b", 1)];
        assert_eq!(latest_versions(&reports), [2, 4]);
        assert!(latest_versions::<u8, u8>(&[]).is_empty());
    }

    #[test]
    fn cases_that_say_the_same_are_found_and_short_ones_are_not() {
        let rows = [
            [row(0, 0, 0), row(0, 1, 0), row(0, 0, 1), row(0, 1, 1)].to_vec(),
            [row(1, 1, 1), row(1, 0, 0), row(1, 1, 0), row(1, 0, 1)].to_vec(),
            [row(2, 0, 0), row(3, 0, 0)].to_vec(),
            [row(4, 0, 0), row(4, 1, 0), row(4, 0, 1), row(4, 1, 1)].to_vec(),
        ]
        .concat();
        let particulars = ["f 50", "f 50", "f 50", "f 50", "m 50"];
        assert_eq!(identical_cases(&rows, &particulars, 3), Ok(vec![(1, 0)]));
        assert_eq!(identical_cases(&rows, &particulars, 0), Ok(vec![(1, 0), (3, 2)]));
        assert!(identical_cases(&rows, &particulars[..4], 3).is_err());
    }
}
