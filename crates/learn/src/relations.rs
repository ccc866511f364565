//! Which images belong together: copies of one another, and images of one patient.

use std::collections::BTreeMap;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::Example;

/// Pairs of images that show the same: their pixels are equal, or their thumbnails correlate above `threshold`.
///
/// Pairs are in order, each once; of equal images at least each pair with the first of them is there.
pub(crate) fn copies(examples: &[Example], threshold: f64) -> Vec<(usize, usize)> {
    let thumbnails: Vec<&[f32]> = examples.iter().map(|example| example.thumbnail.as_slice()).collect();
    let mut pairs = near_duplicates(&thumbnails, threshold);
    // A blank image correlates with nothing, not even with its copy.
    let mut first: BTreeMap<[u8; 32], usize> = BTreeMap::new();
    for (place, example) in examples.iter().enumerate() {
        let mut hash = Sha256::new();
        example.pixels.iter().for_each(|pixel| hash.update(pixel.to_le_bytes()));
        let other = *first.entry(hash.finalize().into()).or_insert(place);
        if other < place {
            pairs.push((other, place));
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// Pairs of an image of one set and one of another that show the same: their pixels are equal, or their thumbnails correlate
/// above `threshold`. Of each image of the first set the first pair is given, in order.
pub(crate) fn copies_between(first: &[Example], second: &[Example], threshold: f64) -> Vec<(usize, usize)> {
    let standard = |examples: &[Example]| -> Vec<Vec<f32>> {
        examples.iter().map(|example| standardize(&example.thumbnail)).collect()
    };
    let (own, other) = (standard(first), standard(second));
    let alike = |one: usize, two: usize| {
        let correlation: f32 = own[one].iter().zip(&other[two]).map(|(a, b)| a * b).sum();
        // A blank image correlates with nothing, not even with its copy.
        f64::from(correlation) > threshold || first[one].pixels == second[two].pixels
    };
    (0..first.len())
        .into_par_iter()
        .filter_map(|one| (0..second.len()).find(|two| alike(one, *two)).map(|two| (one, two)))
        .collect()
}

/// Puts copies, and images of one patient, into one group, transitively.
///
/// # Shapes
/// The group of each image: the index of its first member.
pub(crate) fn groups(examples: &[Example], copies: &[(usize, usize)]) -> Vec<usize> {
    let mut group: Vec<usize> = (0..examples.len()).collect();
    let mut first: BTreeMap<usize, usize> = BTreeMap::new();
    let of_patients: Vec<(usize, usize)> = examples
        .iter()
        .enumerate()
        .filter_map(|(place, example)| Some((*first.entry(example.patient?).or_insert(place), place)))
        .collect();
    for (one, other) in copies.iter().chain(&of_patients) {
        let (one, other) = (root(&group, *one), root(&group, *other));
        group[one.max(other)] = one.min(other);
    }
    (0..group.len()).map(|place| root(&group, place)).collect()
}

/// Pairs of thumbnails of one length whose correlation is above `threshold`.
fn near_duplicates(thumbnails: &[&[f32]], threshold: f64) -> Vec<(usize, usize)> {
    let standardized: Vec<Vec<f32>> = thumbnails.iter().map(|thumbnail| standardize(thumbnail)).collect();
    (0..standardized.len())
        .into_par_iter()
        .flat_map_iter(|first| {
            let standardized = &standardized;
            (first + 1..standardized.len()).filter_map(move |second| {
                let correlation: f32 =
                    standardized[first].iter().zip(&standardized[second]).map(|(a, b)| a * b).sum();
                (f64::from(correlation) > threshold).then_some((first, second))
            })
        })
        .collect()
}

fn root(group: &[usize], mut place: usize) -> usize {
    while group[place] != place {
        place = group[place];
    }
    place
}

/// Mean 0 and norm 1; a flat image becomes zeros, which correlate with nothing.
fn standardize(values: &[f32]) -> Vec<f32> {
    let mean = values.iter().sum::<f32>() / values.len().max(1) as f32;
    let norm = values.iter().map(|value| (value - mean).powi(2)).sum::<f32>().sqrt();
    values.iter().map(|value| if norm > 1e-6 { (value - mean) / norm } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::tests::example;

    fn of_pixels(pixels: &[&[f32]]) -> Vec<Example> {
        pixels
            .iter()
            .enumerate()
            .map(|(place, pixels)| Example {
                thumbnail: pixels.to_vec(),
                pixels: pixels.to_vec(),
                ..example(place, 0)
            })
            .collect()
    }

    #[test]
    fn brightness_and_contrast_do_not_hide_a_copy_and_groups_are_transitive() {
        let base = [0.0, 1.0, 2.0, 3.0, 1.0, 0.0];
        let brighter = base.map(|value| 2.0 * value + 5.0);
        let mut near = base;
        near[0] = 0.1;
        let other = [3.0, 0.0, 0.0, 1.0, 2.0, 3.0];
        let examples = of_pixels(&[&base, &other, &brighter, &near, &[1.0; 6], &[1.5; 6], &[1.0; 6]]);
        let found = copies(&examples, 0.99);
        // Two blank images are the same only where their pixels are.
        assert_eq!(found, [(0, 2), (0, 3), (2, 3), (4, 6)]);
        assert_eq!(groups(&examples, &found), [0, 1, 0, 0, 4, 5, 4]);
    }

    #[test]
    fn copies_in_another_set_are_found_once_each_and_blank_ones_by_their_pixels() {
        let base = [0.0, 1.0, 2.0, 3.0, 1.0, 0.0];
        let brighter = base.map(|value| 2.0 * value + 5.0);
        let other = [3.0, 0.0, 0.0, 1.0, 2.0, 3.0];
        let own = of_pixels(&[&other, &base, &[1.0; 6], &[1.5; 6]]);
        let found = copies_between(&own, &of_pixels(&[&[1.0; 6], &brighter, &base]), 0.99);
        assert_eq!(found, [(1, 1), (2, 0)]);
    }

    #[test]
    fn a_patient_s_images_and_the_copies_of_each_are_one_group() {
        // 0 and 3 are copies, 3 and 4 are of one patient: all three belong together.
        let mut examples: Vec<Example> = (0..6).map(|place| example(place, 0)).collect();
        for (place, patient) in [1, 2, 2, 3, 3, 4].into_iter().enumerate() {
            examples[place].patient = Some(patient);
        }
        assert_eq!(groups(&examples, &[(0, 3)]), [0, 1, 1, 0, 0, 5]);
    }
}
