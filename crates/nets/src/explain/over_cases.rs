use serde::Serialize;
use wilhelm_stats::{bootstrap_interval, wilson_interval};

use super::{Attribution, ExplainError, Faithfulness, Pointing, PointingGame};
use crate::Interval;

/// The scores of one map of one case.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseScores {
    /// How fast the probability falls and rises in its order.
    pub faithfulness: Faithfulness,
    /// Whether it points into the truth, where there is one.
    pub pointing: Option<Pointing>,
}

/// A share of cases with Wilson's interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// Cases that count.
    pub hits: usize,
    /// The share with its 95 % interval.
    pub share: Interval,
}

/// How one score of a method's maps stands against random orders, over many cases.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OrderSummary {
    /// Mean area, with its bootstrap interval over the cases.
    pub area: Interval,
    /// Mean over the cases of the area less that of the case's own random orders: below 0 is good of deletion, above 0 of
    /// insertion.
    pub less_random: Interval,
    /// Cases in which the map is better than the middle 95 % of random orders; 2.5 % are by chance.
    pub better: Share,
}

/// What the maps of one method are worth over many cases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CasesSummary {
    /// Cases.
    pub cases: usize,
    /// Deletion in the order of the maps.
    pub deletion: OrderSummary,
    /// Insertion in the order of the maps.
    pub insertion: OrderSummary,
    /// The pointing game over the cases that have a truth.
    pub pointing: Option<PointingGame>,
    /// The mean share of the maps that lies in their truths; of cases whose map has anything above 0.
    pub inside: Option<Interval>,
}

impl CasesSummary {
    /// Of the scores of each case; intervals of means are bootstrap ones over whole cases.
    ///
    /// # Errors
    /// [`ExplainError::Empty`] for no cases, [`ExplainError::Stats`] for replicates that are too few.
    pub fn new(cases: &[CaseScores], replicates: usize, seed: u64) -> Result<Self, ExplainError> {
        if cases.is_empty() {
            return Err(ExplainError::Empty("the list of cases"));
        }
        let all = |of: &dyn Fn(&Faithfulness) -> f64| -> Vec<f64> {
            cases.iter().map(|case| of(&case.faithfulness)).collect()
        };
        let count =
            |is: &dyn Fn(&Faithfulness) -> bool| cases.iter().filter(|case| is(&case.faithfulness)).count();
        let mean = |values: Vec<f64>| mean(&values, replicates, seed);
        let deletion = OrderSummary {
            area: mean(all(&|found| found.deletion.area))?,
            less_random: mean(all(&|found| found.deletion.area - found.deletion_random.mean))?,
            better: share(count(&|found| found.deletion.area < found.deletion_random.low), cases.len())?,
        };
        let insertion = OrderSummary {
            area: mean(all(&|found| found.insertion.area))?,
            less_random: mean(all(&|found| found.insertion.area - found.insertion_random.mean))?,
            better: share(count(&|found| found.insertion.area > found.insertion_random.high), cases.len())?,
        };
        let played: Vec<Pointing> = cases.iter().filter_map(|case| case.pointing.clone()).collect();
        let (pointing, inside) = pointed(&played, replicates, seed)?;
        Ok(Self { cases: cases.len(), deletion, insertion, pointing, inside })
    }
}

/// The pointing game over several cases and the mean share inside; nothing of no cases.
///
/// # Errors
/// As [`CasesSummary::new`].
pub fn pointed(
    played: &[Pointing],
    replicates: usize,
    seed: u64,
) -> Result<(Option<PointingGame>, Option<Interval>), ExplainError> {
    if played.is_empty() {
        return Ok((None, None));
    }
    let inside: Vec<f64> = played.iter().filter_map(|one| one.inside).collect();
    let inside = if inside.is_empty() { None } else { Some(mean(&inside, replicates, seed)?) };
    Ok((Some(PointingGame::new(played)?), inside))
}

/// What maps have to beat that no network made: the greatest value in the middle of the grid.
///
/// Lesions are photographed in the middle, so that this hits more often than a place drawn at random.
///
/// # Errors
/// [`ExplainError::Grid`] for a grid without places.
pub fn middle_map(size: [usize; 3]) -> Result<Attribution, ExplainError> {
    let [columns, rows, _] = size;
    let near = |at: usize| {
        let place = [at % columns, at / columns % rows, at / (columns * rows)];
        // From 1 in the middle to 0 in the corners.
        let square: f32 = (0..3)
            .map(|axis| {
                let half = (size[axis] as f32 - 1.0) / 2.0;
                if half > 0.0 { ((place[axis] as f32 - half) / half).powi(2) } else { 0.0 }
            })
            .sum();
        (1.0 - square / 3.0).max(0.0)
    };
    if size.contains(&0) {
        return Err(ExplainError::grid("the map", size, size));
    }
    Attribution::new(size, (0..size.iter().product()).map(near).collect())
}

fn share(hits: usize, cases: usize) -> Result<Share, ExplainError> {
    let (low, high) = wilson_interval(hits as u64, cases as u64, 0.95)?;
    Ok(Share { hits, share: Interval { estimate: hits as f64 / cases as f64, low, high } })
}

fn mean(values: &[f64], replicates: usize, seed: u64) -> Result<Interval, ExplainError> {
    let of = |drawn: &[usize]| Some(drawn.iter().map(|at| values[*at]).sum::<f64>() / drawn.len() as f64);
    let found = bootstrap_interval(values.len(), replicates, 0.95, seed, of)?;
    Ok(Interval { estimate: found.estimate, low: found.low, high: found.high })
}

#[cfg(test)]
mod tests {
    use super::super::pointing;
    use super::super::{OrderCurve, RandomAreas};
    use super::*;

    fn case(deletion: f64, insertion: f64, hit: Option<bool>) -> CaseScores {
        let curve = |area| OrderCurve { probabilities: vec![], area };
        let random = |low, high| RandomAreas { mean: 0.5, low, high, beaten: 0.0 };
        CaseScores {
            faithfulness: Faithfulness {
                deletion: curve(deletion),
                deletion_random: random(0.4, 0.6),
                insertion: curve(insertion),
                insertion_random: random(0.4, 0.6),
                repeats: 20,
                cell: 4,
            },
            pointing: hit.map(|hit| Pointing {
                hit,
                peak: [0; 3],
                inside: hit.then_some(0.5),
                truth_share: 0.25,
            }),
        }
    }

    #[test]
    fn four_cases_worked_on_paper() {
        let cases = [
            case(0.3, 0.7, Some(true)),
            case(0.5, 0.5, Some(false)),
            case(0.1, 0.9, Some(true)),
            case(0.5, 0.7, None),
        ];
        let found = CasesSummary::new(&cases, 200, 1).expect("a summary");
        let close =
            |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        close(found.deletion.area.estimate, 0.35);
        close(found.deletion.less_random.estimate, -0.15);
        close(found.insertion.less_random.estimate, 0.2);
        assert_eq!((found.deletion.better.hits, found.insertion.better.hits, found.cases), (2, 3, 4));
        let interval = found.deletion.less_random;
        assert!(interval.low < -0.15 && interval.high > -0.15 && interval.low >= -0.4, "{interval:?}");
        let game = found.pointing.expect("three have a truth");
        assert_eq!((game.hits, game.cases, game.by_chance), (2, 3, 0.25));
        assert_eq!(found.inside.map(|inside| inside.estimate), Some(0.5));
        let none = CasesSummary::new(&[case(0.3, 0.7, None)], 200, 1).expect("a summary");
        assert_eq!((none.pointing, none.inside), (None, None));
        assert!(CasesSummary::new(&[], 200, 1).is_err());
    }

    #[test]
    fn the_middle_is_greatest_in_the_middle_of_images_and_volumes() {
        assert_eq!(middle_map([5, 3, 1]).expect("a map").peak(), [2, 1, 0]);
        assert_eq!(middle_map([3, 3, 5]).expect("a map").peak(), [1, 1, 2]);
        let truth: Vec<bool> = (0..15).map(|at| at == 7).collect();
        let played = pointing(&middle_map([5, 3, 1]).expect("a map"), &truth, [5, 3, 1], 0.0);
        assert!(played.expect("played").hit);
        assert!(middle_map([0, 3, 1]).is_err());
    }
}
