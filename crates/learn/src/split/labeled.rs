use std::collections::BTreeMap;

use rand::seq::SliceRandom;

use crate::Example;
use crate::seed::generator;

/// The stream of randomness that says which images have a label.
const LABELED: u64 = 1 << 40;

/// The training images that have a label: a share of each label's, whole groups at a time, at least one group of each.
///
/// A group counts for the label of its first member. Of one seed, a greater share holds the images of a smaller one.
pub(super) fn labeled(
    training: &[usize],
    groups: &[usize],
    examples: &[Example],
    share: f64,
    seed: u64,
) -> Vec<usize> {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for place in training {
        members.entry(groups[*place]).or_default().push(*place);
    }
    let mut by_label: BTreeMap<usize, Vec<Vec<usize>>> = BTreeMap::new();
    for group in members.into_values() {
        by_label.entry(examples[group[0]].label).or_default().push(group);
    }
    let mut kept = Vec::new();
    for (label, mut groups) in by_label {
        groups.shuffle(&mut generator(seed, LABELED, label as u64));
        let images: usize = groups.iter().map(Vec::len).sum();
        let wanted = ((images as f64 * share).round() as usize).max(1);
        let mut found = 0;
        for group in groups {
            if found >= wanted {
                break;
            }
            found += group.len();
            kept.extend(group);
        }
    }
    kept.sort_unstable();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::tests::example;

    #[test]
    fn shares_are_of_each_label_in_whole_groups_and_hold_one_another() {
        // Ten images of label 0 in pairs, twenty of label 1 alone.
        let examples: Vec<Example> = (0..30).map(|at| example(at, usize::from(at >= 10))).collect();
        let groups: Vec<usize> = (0..30).map(|at| if at < 10 { at / 2 * 2 } else { at }).collect();
        let training: Vec<usize> = (0..30).collect();
        let of = |share: f64, seed: u64| labeled(&training, &groups, &examples, share, seed);
        let count = |kept: &[usize]| kept.iter().filter(|place| **place < 10).count();
        for seed in 0..20 {
            let [tenth, half, all] = [0.1, 0.5, 1.0].map(|share| of(share, seed));
            // A tenth of ten is one, and its other half comes with it.
            assert_eq!((count(&tenth), tenth.len()), (2, 4), "{tenth:?}");
            assert_eq!((count(&half), half.len()), (6, 16), "{half:?}");
            assert_eq!(all, training);
            assert!(tenth.iter().all(|place| half.contains(place)));
            for kept in [&tenth, &half] {
                let is_whole = |place: &&usize| **place >= 10 || kept.contains(&(**place ^ 1));
                assert!(kept.iter().all(|place| is_whole(&place)), "{kept:?}");
            }
        }
        assert_ne!(of(0.5, 1), of(0.5, 2));
        assert_eq!(of(0.001, 1).len(), 3, "one group of each label");
    }
}
