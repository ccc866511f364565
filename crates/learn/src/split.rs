use std::collections::BTreeMap;

use rand::seq::SliceRandom;

use crate::seed::generator;

/// Which examples train and which validate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Indices trained on.
    pub training: Vec<usize>,
    /// Indices held out.
    pub validation: Vec<usize>,
}

/// Holds out about `share` of each label's examples, whole groups at a time.
///
/// A group counts for the label of its first member. The same seed gives the same split.
pub fn split_by_group(groups: &[usize], labels: &[usize], share: f64, seed: u64) -> Split {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, group) in groups.iter().enumerate() {
        members.entry(*group).or_default().push(place);
    }
    let mut by_label: BTreeMap<usize, Vec<Vec<usize>>> = BTreeMap::new();
    for group in members.into_values() {
        by_label.entry(labels[group[0]]).or_default().push(group);
    }
    let mut split = Split { training: Vec::new(), validation: Vec::new() };
    for (label, mut groups) in by_label {
        groups.shuffle(&mut generator(seed, 1, label as u64));
        let examples: usize = groups.iter().map(Vec::len).sum();
        let wanted = (examples as f64 * share).round() as usize;
        let mut held = 0;
        for group in groups {
            if held + group.len() <= wanted {
                held += group.len();
                split.validation.extend(group);
            } else {
                split.training.extend(group);
            }
        }
    }
    split.training.sort_unstable();
    split.validation.sort_unstable();
    split
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_group_is_torn_and_each_label_gives_its_share() {
        let labels: Vec<usize> = (0..200).map(|place| usize::from(place % 10 == 0)).collect();
        let groups: Vec<usize> = (0..200).map(|place| place / 2 * 2).collect();
        let split = split_by_group(&groups, &labels, 0.2, 9);
        assert_eq!(split.training.len() + split.validation.len(), 200);
        for place in &split.validation {
            assert!(!split.training.iter().any(|other| groups[*other] == groups[*place]));
        }
        assert_eq!(split.validation.len(), 40);
        assert_eq!(split, split_by_group(&groups, &labels, 0.2, 9));
        assert_ne!(split, split_by_group(&groups, &labels, 0.2, 10));
    }
}
