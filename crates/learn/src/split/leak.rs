use std::collections::BTreeMap;

use crate::error::some;
use crate::{Example, LearnError, Side};

/// Refuses a stated split with the same image, or the same patient, on two sides; `copies` are sorted.
///
/// # Errors
/// [`LearnError::Leak`] naming ten pairs.
pub(super) fn refuse_leaks(examples: &[Example], copies: &[(usize, usize)]) -> Result<(), LearnError> {
    let side = |place: usize| examples[place].side.unwrap_or(Side::Training);
    let named = |place: usize| format!("{} in {}", examples[place].place(), side(place).name());
    let crossing = |(one, other): &(usize, usize)| side(*one) != side(*other);
    let mut pairs: Vec<String> = copies
        .iter()
        .copied()
        .filter(crossing)
        .map(|(one, other)| format!("{} and {} show the same", named(one), named(other)))
        .collect();
    // Of a patient the first image on each side stands for the others.
    let mut patients: BTreeMap<usize, BTreeMap<Side, usize>> = BTreeMap::new();
    for (place, example) in examples.iter().enumerate() {
        if let Some(patient) = example.patient {
            patients.entry(patient).or_default().entry(side(place)).or_insert(place);
        }
    }
    for sides in patients.into_values().filter(|sides| sides.len() > 1) {
        let places: Vec<usize> = sides.into_values().collect();
        for pair in places.windows(2) {
            let (one, other) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
            if copies.binary_search(&(one, other)).is_err() {
                pairs.push(format!("{} and {} are of one patient", named(one), named(other)));
            }
        }
    }
    if pairs.is_empty() {
        return Ok(());
    }
    Err(LearnError::Leak { count: pairs.len(), pairs: some(&pairs, "; ") })
}
