use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

use super::{Strategy, disagreement, entropy, margin};
use crate::fewshot::largest;

/// Cases without labels, and what is known of them.
#[derive(Clone, Copy, Debug)]
pub struct Pool<'a> {
    /// The feature vector of each case, on one scale.
    pub features: &'a [&'a [f64]],
    /// The labels' probabilities for each case.
    pub probabilities: &'a [Vec<f64>],
    /// For each case, what each member of a committee says; empty where there is none.
    pub members: &'a [Vec<Vec<f64>>],
    /// Feature vectors of cases that have their labels.
    pub known: &'a [&'a [f64]],
}

/// A chosen case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// Its place in the pool.
    pub place: usize,
    /// Why it was chosen: its entropy, margin or disagreement; its distance from the nearest case labeled or chosen before; for
    /// [`Strategy::Badge`] that of its gradient. 0 where chance chose.
    pub score: f64,
}

/// The `count` cases that a strategy wants labeled first, in order; fewer where the pool has fewer.
///
/// Equals stand in the order of the pool.
///
/// # Panics
/// If the lists of the pool differ in length, or disagreement is asked of a pool without a committee.
pub fn choose(strategy: Strategy, pool: &Pool<'_>, count: usize, random: &mut impl Rng) -> Vec<Choice> {
    let cases = pool.features.len();
    let count = count.min(cases);
    assert_eq!(pool.probabilities.len(), cases, "probabilities of the cases");
    let by = |score: &dyn Fn(usize) -> f64, greatest_first: bool| -> Vec<Choice> {
        let mut all: Vec<Choice> = (0..cases).map(|place| Choice { place, score: score(place) }).collect();
        all.sort_by(|a, b| {
            let order = a.score.total_cmp(&b.score);
            (if greatest_first { order.reverse() } else { order }).then(a.place.cmp(&b.place))
        });
        all.truncate(count);
        all
    };
    match strategy {
        Strategy::Random => {
            let mut places: Vec<usize> = (0..cases).collect();
            places.shuffle(random);
            places.into_iter().take(count).map(|place| Choice { place, score: 0.0 }).collect()
        }
        Strategy::Entropy => by(&|place| entropy(&pool.probabilities[place]), true),
        Strategy::Margin => by(&|place| margin(&pool.probabilities[place]), false),
        Strategy::Disagreement => {
            assert_eq!(pool.members.len(), cases, "what the committee says of the cases");
            by(&|place| disagreement(&pool.members[place]), true)
        }
        Strategy::CoreSet => core_set(pool, count),
        Strategy::Badge => badge(pool, count, random),
    }
}

/// Again and again the case farthest from all that are known or chosen; with none known, first the one nearest the middle.
fn core_set(pool: &Pool<'_>, count: usize) -> Vec<Choice> {
    let cases = pool.features.len();
    let mut nearest = vec![f64::INFINITY; cases];
    let mut chosen = Vec::with_capacity(count);
    let near = |nearest: &mut [f64], center: &[f64]| {
        for (nearest, row) in nearest.iter_mut().zip(pool.features) {
            *nearest = nearest.min(squared_distance(row, center));
        }
    };
    pool.known.iter().for_each(|center| near(&mut nearest, center));
    let mut taken = vec![false; cases];
    while chosen.len() < count {
        let (place, score) = if chosen.is_empty() && pool.known.is_empty() {
            let middle = middle(pool.features);
            let distances: Vec<f64> =
                pool.features.iter().map(|row| squared_distance(row, &middle).sqrt()).collect();
            let place = (1..cases)
                .fold(0, |best, place| if distances[place] < distances[best] { place } else { best });
            (place, distances[place])
        } else {
            let free = (0..cases).filter(|place| !taken[*place]);
            let farthest =
                free.reduce(|best, place| if nearest[place] > nearest[best] { place } else { best });
            let Some(place) = farthest else { break };
            (place, nearest[place].sqrt())
        };
        taken[place] = true;
        near(&mut nearest, pool.features[place]);
        chosen.push(Choice { place, score });
    }
    chosen
}

/// k-means++ on the gradients that the likeliest labels would give the last layer of a linear probe, whose first center is
/// the longest.
fn badge(pool: &Pool<'_>, count: usize, random: &mut impl Rng) -> Vec<Choice> {
    let cases = pool.features.len();
    // The gradient is the outer product of what is missing to the likeliest label and of the features: it is never written out.
    let missing: Vec<Vec<f64>> = pool
        .probabilities
        .iter()
        .map(|row| {
            let likeliest = largest(row);
            row.iter().enumerate().map(|(label, p)| p - f64::from(u8::from(label == likeliest))).collect()
        })
        .collect();
    let lengths: Vec<f64> = (0..cases)
        .map(|place| {
            product(&missing[place], &missing[place]) * product(pool.features[place], pool.features[place])
        })
        .collect();
    let mut nearest = vec![f64::INFINITY; cases];
    let mut taken = vec![false; cases];
    let mut chosen = Vec::with_capacity(count);
    while chosen.len() < count {
        let (place, score) = if chosen.is_empty() {
            let place =
                (1..cases).fold(0, |best, place| if lengths[place] > lengths[best] { place } else { best });
            (place, lengths[place].sqrt())
        } else {
            let all: f64 = (0..cases).filter(|place| !taken[*place]).map(|place| nearest[place]).sum();
            let mut left = if all > 0.0 { random.random_range(0.0..all) } else { 0.0 };
            let mut found = None;
            for place in (0..cases).filter(|place| !taken[*place]) {
                found = Some(place);
                left -= nearest[place];
                if left < 0.0 {
                    break;
                }
            }
            let Some(place) = found else { break };
            (place, nearest[place].sqrt())
        };
        taken[place] = true;
        for other in 0..cases {
            let across = product(&missing[place], &missing[other])
                * product(pool.features[place], pool.features[other]);
            nearest[other] = nearest[other].min((lengths[place] + lengths[other] - 2.0 * across).max(0.0));
        }
        chosen.push(Choice { place, score });
    }
    chosen
}

fn middle(rows: &[&[f64]]) -> Vec<f64> {
    let width = rows.first().map_or(0, |row| row.len());
    let mut sums = vec![0.0; width];
    rows.iter().for_each(|row| sums.iter_mut().zip(*row).for_each(|(sum, value)| *sum += value));
    sums.iter_mut().for_each(|sum| *sum /= rows.len().max(1) as f64);
    sums
}

fn product(first: &[f64], second: &[f64]) -> f64 {
    first.iter().zip(second).map(|(a, b)| a * b).sum()
}

fn squared_distance(first: &[f64], second: &[f64]) -> f64 {
    first.iter().zip(second).map(|(a, b)| (a - b) * (a - b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::generator;

    fn places(strategy: Strategy, pool: &Pool<'_>, count: usize) -> Vec<usize> {
        choose(strategy, pool, count, &mut generator(1, 0, 0))
            .into_iter()
            .map(|choice| choice.place)
            .collect()
    }

    #[test]
    fn doubtful_cases_come_first_and_equals_keep_their_order() {
        let features = [[0.0].as_slice(); 4];
        let probabilities = [vec![0.9, 0.1], vec![0.5, 0.5], vec![0.6, 0.4], vec![0.5, 0.5]];
        let members = [
            vec![vec![0.9, 0.1]; 2],
            vec![vec![0.5, 0.5]; 2],
            vec![vec![1.0, 0.0], vec![0.2, 0.8]],
            vec![vec![0.4, 0.6], vec![0.6, 0.4]],
        ];
        let pool = Pool { features: &features, probabilities: &probabilities, members: &members, known: &[] };
        assert_eq!(places(Strategy::Entropy, &pool, 3), [1, 3, 2]);
        assert_eq!(places(Strategy::Margin, &pool, 9), [1, 3, 2, 0]);
        assert_eq!(places(Strategy::Disagreement, &pool, 2), [2, 3]);
        let mut shuffled = places(Strategy::Random, &pool, 4);
        shuffled.sort_unstable();
        assert_eq!(shuffled, [0, 1, 2, 3]);
    }

    #[test]
    fn the_farthest_case_is_next_worked_on_paper() {
        let rows = [[0.0], [1.0], [4.0], [10.0]];
        let features: Vec<&[f64]> = rows.iter().map(<[f64; 1]>::as_slice).collect();
        let probabilities = vec![vec![0.5, 0.5]; 4];
        let pool = Pool { features: &features, probabilities: &probabilities, members: &[], known: &[] };
        // The middle is 3.75, so 4 is first; then 10 (6 away), then 0 (4 away), then 1 (1 away).
        let found = choose(Strategy::CoreSet, &pool, 4, &mut generator(1, 0, 0));
        assert_eq!(found.iter().map(|choice| choice.place).collect::<Vec<_>>(), [2, 3, 0, 1]);
        assert_eq!(found.iter().map(|choice| choice.score).collect::<Vec<_>>(), [0.25, 6.0, 4.0, 1.0]);
        let known: [&[f64]; 1] = [&[9.0]];
        assert_eq!(places(Strategy::CoreSet, &Pool { known: &known, ..pool }, 2), [0, 2]);
    }

    #[test]
    fn gradients_that_are_long_and_unlike_are_chosen() {
        // What is missing: (-0.5, 0.5), (-0.5, 0.5) and (-0.001, 0.001). The second feature vector is the longest; a copy
        // of it adds nothing; the sure case adds hardly anything.
        let rows = [[1.0, 0.0], [0.0, 3.0], [0.0, 3.0], [5.0, 5.0]];
        let features: Vec<&[f64]> = rows.iter().map(<[f64; 2]>::as_slice).collect();
        let probabilities = [vec![0.5, 0.5], vec![0.5, 0.5], vec![0.5, 0.5], vec![0.9999, 0.0001]];
        let pool = Pool { features: &features, probabilities: &probabilities, members: &[], known: &[] };
        // Squared distances from the first center (0, 3): 0.5 * 10 = 5, 0 and about 4.5.
        for seed in 0..20 {
            let found = choose(Strategy::Badge, &pool, 2, &mut generator(seed, 0, 0));
            assert_eq!(found[0].place, 1);
            assert!((found[0].score - 4.5_f64.sqrt()).abs() < 1e-12);
            assert!([0, 3].contains(&found[1].place), "{found:?}");
        }
        let all = places(Strategy::Badge, &pool, 9);
        assert_eq!(all.len(), 4);
    }

    #[test]
    fn an_empty_pool_gives_nothing() {
        let pool = Pool { features: &[], probabilities: &[], members: &[], known: &[] };
        for strategy in Strategy::ALL {
            assert!(places(strategy, &pool, 5).is_empty());
        }
    }
}
