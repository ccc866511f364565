use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::Tried;
use super::features::{SmallPictures, small_pictures};
use super::measured::{Measured, least, shares};
use crate::{Division, LearnError};

/// How many neighbors vote, as far as there are so many.
const NEIGHBORS: [usize; 11] = [1, 3, 5, 7, 9, 11, 15, 21, 31, 51, 101];

/// How pictures are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    /// By the distance of their gray values.
    Plain,
    /// The same after each is brought to mean 0 and deviation 1: by their correlation.
    Standardized,
}

impl Comparison {
    const ALL: [Self; 2] = [Self::Plain, Self::Standardized];

    const fn words(self) -> &'static str {
        match self {
            Self::Plain => "gray values as they are",
            Self::Standardized => "each brought to mean 0 and deviation 1",
        }
    }
}

/// The votes of the nearest training images, by their small pictures.
///
/// A label's probability is its share of the votes, to which one vote is added that is parted as the training labels are. How
/// many neighbors vote and how pictures are compared has the least log loss where each training image is left out with its
/// copies and its patient's images.
///
/// # Source
/// Cover and Hart 1967, doi:10.1109/TIT.1967.1053964
pub(super) fn nearest(
    division: &Division<'_>,
    progress: &(dyn Fn(&str, usize, usize) + Sync),
) -> Result<Measured, LearnError> {
    let Division { recipe, data, split, groups, .. } = division;
    let pictures = small_pictures(recipe, data)?;
    let label_of: Vec<usize> = data.examples.iter().map(|example| example.label).collect();
    let shares = shares(division, &split.training);
    let most = NEIGHBORS[NEIGHBORS.len() - 1].min(split.training.len());
    let total = split.training.len() + split.validation.len();
    let done = AtomicUsize::new(0);
    let search = |places: &[usize], leave_out: bool| -> Vec<[Vec<usize>; 2]> {
        let one = |place: &usize| {
            let others = split.training.iter().copied();
            let others: Vec<usize> =
                others.filter(|other| !leave_out || groups[*other] != groups[*place]).collect();
            let found = nearest_labels(&pictures, *place, &others, &label_of, most);
            progress("nearest neighbors", done.fetch_add(1, Ordering::Relaxed) + 1, total);
            found
        };
        places.par_iter().map(one).collect()
    };
    let left_out = search(&split.training, true);
    let fewest = left_out.iter().map(|found| found[0].len()).min().unwrap_or(0);
    let mut tried = Vec::new();
    let mut settings = Vec::new();
    for (at, comparison) in Comparison::ALL.into_iter().enumerate() {
        for count in NEIGHBORS.into_iter().filter(|count| *count <= fewest.max(1)) {
            let loss = |(place, found): (&usize, &[Vec<usize>; 2])| {
                -probabilities(&found[at], count, &shares)[label_of[*place]].ln()
            };
            let sum: f64 = split.training.iter().zip(&left_out).map(loss).sum();
            let setting = format!("{}, {}", neighbors(count), comparison.words());
            tried.push(Tried { setting, log_loss: Some(sum / split.training.len() as f64) });
            settings.push((at, comparison, count));
        }
    }
    let best = least(&tried).unwrap_or(0);
    let (at, comparison, count) = settings[best];
    let found = search(&split.validation, false);
    let answers = found.iter().map(|found| probabilities(&found[at], count, &shares)).collect();
    let what = format!(
        "votes of {} among {}, {}; both chosen by leaving out training images",
        neighbors(count),
        pictures.words,
        comparison.words()
    );
    Ok(Measured::of_images("nearest neighbors", what, answers, tried))
}

fn neighbors(count: usize) -> String {
    format!("{count} {}", if count == 1 { "neighbor" } else { "neighbors" })
}

/// Labels of the nearest images, nearest first, for each comparison.
fn nearest_labels(
    pictures: &SmallPictures,
    place: usize,
    others: &[usize],
    label_of: &[usize],
    most: usize,
) -> [Vec<usize>; 2] {
    let products: Vec<f64> = others.iter().map(|other| pictures.product(place, *other)).collect();
    Comparison::ALL.map(|comparison| {
        let mut near: Vec<(f64, usize)> = others
            .iter()
            .zip(&products)
            .map(|(other, product)| {
                let distance = match comparison {
                    Comparison::Plain => pictures.squared_distance(place, *other, *product),
                    Comparison::Standardized => -pictures.correlation(place, *other, *product),
                };
                (distance, *other)
            })
            .collect();
        let order = |a: &(f64, usize), b: &(f64, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        if near.len() > most {
            near.select_nth_unstable_by(most, order);
            near.truncate(most);
        }
        near.sort_unstable_by(order);
        near.into_iter().map(|(_, other)| label_of[other]).collect()
    })
}

/// Shares of the votes of the first `count`, with one vote more that is parted as `shares` say.
fn probabilities(found: &[usize], count: usize, shares: &[f64]) -> Vec<f64> {
    let voting = &found[..count.min(found.len())];
    let mut votes = shares.to_vec();
    voting.iter().for_each(|label| votes[*label] += 1.0);
    votes.iter_mut().for_each(|vote| *vote /= voting.len() as f64 + 1.0);
    votes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbors_and_their_votes_worked_on_paper() {
        // From (1, 2): (2, 4) lies at 1 + 4 and correlates by 1, (1, 1.5) at 0.25 and by 1, (3, 0) at 8 and by -1, and (5, 5),
        // at 25, does not vary: its correlation counts as 0.
        let rows = [[1.0, 2.0], [2.0, 4.0], [1.0, 1.5], [3.0, 0.0], [5.0, 5.0]];
        let pictures = SmallPictures::new(String::new(), rows.map(Vec::from).to_vec());
        let found = nearest_labels(&pictures, 0, &[1, 2, 3, 4], &[9, 1, 2, 3, 4], 4);
        assert_eq!(found, [vec![2, 1, 3, 4], vec![1, 2, 4, 3]]);
        assert_eq!(nearest_labels(&pictures, 0, &[1, 2, 3, 4], &[9, 1, 2, 3, 4], 2)[0], [2, 1]);
        // Two votes and a vote in parts: (1 + 0.25) / 3 and (1 + 0.75) / 3.
        let shares = probabilities(&[0, 1, 1], 2, &[0.25, 0.75]);
        assert_eq!(shares, [1.25 / 3.0, 1.75 / 3.0]);
    }
}
