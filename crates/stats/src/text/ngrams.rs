use std::collections::BTreeMap;

/// How often each run of `length` tokens occurs.
pub(super) fn ngrams(tokens: &[String], length: usize) -> BTreeMap<&[String], u64> {
    let mut counts = BTreeMap::new();
    for run in tokens.windows(length) {
        *counts.entry(run).or_default() += 1;
    }
    counts
}

/// How many runs of `length` tokens there are.
pub(super) fn runs(tokens: &[String], length: usize) -> u64 {
    (tokens.len() + 1).saturating_sub(length) as u64
}

/// Runs of one text that the other has too, each as often as both have it.
pub(super) fn shared(one: &BTreeMap<&[String], u64>, other: &BTreeMap<&[String], u64>) -> u64 {
    one.iter().map(|(run, count)| other.get(run).map_or(0, |there| *count.min(there))).sum()
}
