use std::collections::BTreeMap;

use rand::seq::SliceRandom;

use crate::seed::generator;

/// Parts examples into `count` folds: whole groups at a time, each label spread as evenly as the groups allow.
///
/// The largest groups come first, in an order that the seed draws among equals; each goes where its labels are
/// rarest so far, and of such folds to the smallest. The same seed gives the same folds.
///
/// # Shapes
/// The fold of each example, from 1.
pub fn folds_by_group(groups: &[usize], labels: &[usize], count: usize, seed: u64) -> Vec<usize> {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, group) in groups.iter().enumerate() {
        members.entry(*group).or_default().push(place);
    }
    let mut members: Vec<Vec<usize>> = members.into_values().collect();
    members.shuffle(&mut generator(seed, 4, 0));
    members.sort_by_key(|group| std::cmp::Reverse(group.len()));
    let width = labels.iter().max().map_or(0, |most| most + 1);
    let counts = |places: &[usize]| {
        let mut of_label = vec![0.0_f64; width];
        places.iter().for_each(|place| of_label[labels[*place]] += 1.0);
        of_label
    };
    let totals = counts(&(0..labels.len()).collect::<Vec<_>>());
    let mut held = vec![vec![0.0_f64; width]; count];
    let mut sizes = vec![0_usize; count];
    let mut fold = vec![0; labels.len()];
    for group in members {
        let own = counts(&group);
        // What the squares of the folds' shares of each label grow by, but for what is the same in every fold.
        let crowding = |at: usize| -> f64 {
            (0..width)
                .filter(|label| own[*label] > 0.0)
                .map(|label| own[label] * held[at][label] / totals[label].powi(2))
                .sum()
        };
        let best = (0..count)
            .min_by(|a, b| crowding(*a).total_cmp(&crowding(*b)).then(sizes[*a].cmp(&sizes[*b])))
            .unwrap_or(0);
        held[best].iter_mut().zip(&own).for_each(|(held, own)| *held += own);
        sizes[best] += group.len();
        group.iter().for_each(|place| fold[*place] = best + 1);
    }
    fold
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_spread_evenly_and_no_group_is_torn() {
        // 90 images in pairs, every fifth pair of the rare label: 18 rare and 72 common.
        let groups: Vec<usize> = (0..90).map(|place| place / 2 * 2).collect();
        let labels: Vec<usize> = (0..90).map(|place| usize::from(place / 2 % 5 == 0)).collect();
        let folds = folds_by_group(&groups, &labels, 3, 7);
        for fold in 1..=3 {
            let of_label =
                |label| (0..90).filter(|place| folds[*place] == fold && labels[*place] == label).count();
            assert_eq!([of_label(0), of_label(1)], [24, 6], "fold {fold}");
        }
        assert!((0..90).all(|place| folds[place] == folds[groups[place]]));
        assert_eq!(folds, folds_by_group(&groups, &labels, 3, 7));
        assert_ne!(folds, folds_by_group(&groups, &labels, 3, 8));
    }

    #[test]
    fn patients_with_both_labels_and_many_images_do_not_unbalance_the_folds() {
        // Patient n has n + 1 images, of which every third is of the second label.
        let groups: Vec<usize> = (0..20).flat_map(|patient| vec![patient; patient + 1]).collect();
        let labels: Vec<usize> = (0..groups.len()).map(|place| usize::from(place % 3 == 0)).collect();
        let folds = folds_by_group(&groups, &labels, 5, 1);
        for label in 0..2 {
            let total = labels.iter().filter(|own| **own == label).count() as f64;
            for fold in 1..=5 {
                let of = (0..groups.len()).filter(|place| folds[*place] == fold && labels[*place] == label);
                let share = of.count() as f64 / total;
                assert!((share - 0.2).abs() < 0.03, "label {label}, fold {fold}: {share}");
            }
        }
    }
}
