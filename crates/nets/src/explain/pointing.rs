use serde::Serialize;
use wilhelm_stats::wilson_interval;

use super::{Attribution, ExplainError};

/// Whether a map points into a truth, and how much of it lies there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pointing {
    /// Whether the greatest value lies in the truth, or within the tolerance of it.
    pub hit: bool,
    /// Column, row and slice of the greatest value.
    pub peak: [usize; 3],
    /// The share of all that is above 0 which lies in the truth; nothing where nothing is above 0.
    pub inside: Option<f64>,
    /// The truth's share of the grid: what a map that knows nothing has inside, and with a tolerance of 0 how often it
    /// hits.
    pub truth_share: f64,
}

/// Plays the pointing game once: is the greatest value of a map in the truth?
///
/// `tolerance` is in pixels of the map's grid, to the nearest pixel of the truth.
///
/// # Errors
/// [`ExplainError::Grid`] for a truth on another grid, [`ExplainError::Empty`] for one without a pixel.
///
/// # Source
/// Zhang et al. 2018, doi:10.1007/s11263-017-1059-x; the share inside after Wang et al. 2020,
/// doi:10.1109/CVPRW50498.2020.00020
pub fn pointing(
    map: &Attribution,
    truth: &[bool],
    truth_size: [usize; 3],
    tolerance: f64,
) -> Result<Pointing, ExplainError> {
    if truth_size != map.size() || truth.len() != map.values().len() {
        return Err(ExplainError::grid("the truth", truth_size, map.size()));
    }
    if !truth.contains(&true) {
        return Err(ExplainError::Empty("the truth"));
    }
    if tolerance.is_nan() || tolerance < 0.0 {
        return Err(ExplainError::parameter("tolerance", tolerance, "at least 0 pixels"));
    }
    let peak = map.peak();
    let [columns, rows, _] = map.size();
    let near = |at: usize| {
        let place = [at % columns, at / columns % rows, at / (columns * rows)];
        let square: f64 = (0..3).map(|axis| (place[axis] as f64 - peak[axis] as f64).powi(2)).sum();
        square <= tolerance * tolerance
    };
    let hit = truth.iter().enumerate().any(|(at, inside)| *inside && near(at));
    let positive = map.values().iter().map(|value| f64::from(value.max(0.0)));
    let all: f64 = positive.clone().sum();
    let inside: f64 = positive.zip(truth).filter(|(_, inside)| **inside).map(|(value, _)| value).sum();
    Ok(Pointing {
        hit,
        peak,
        inside: (all > 0.0).then(|| inside / all),
        truth_share: truth.iter().filter(|inside| **inside).count() as f64 / truth.len() as f64,
    })
}

/// How often maps point into their truths.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PointingGame {
    /// Cases that were hit.
    pub hits: usize,
    /// Cases played.
    pub cases: usize,
    /// The share that was hit.
    pub share: f64,
    /// Lower end of its 95 % interval (Wilson).
    pub low: f64,
    /// Upper end of its 95 % interval.
    pub high: f64,
    /// How often a place drawn at random would hit with a tolerance of 0: the mean share of the truths.
    pub by_chance: f64,
}

impl PointingGame {
    /// The game over several cases.
    ///
    /// # Errors
    /// [`ExplainError::Stats`] for no cases.
    pub fn new(cases: &[Pointing]) -> Result<Self, ExplainError> {
        let hits = cases.iter().filter(|case| case.hit).count();
        let (low, high) = wilson_interval(hits as u64, cases.len() as u64, 0.95)?;
        let count = cases.len() as f64;
        let by_chance = cases.iter().map(|case| case.truth_share).sum::<f64>() / count;
        Ok(Self { hits, cases: cases.len(), share: hits as f64 / count, low, high, by_chance })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_game_worked_on_paper() {
        let map = Attribution::new([4, 2, 1], vec![0.0, 3.0, 1.0, 0.0, -9.0, 0.0, 0.0, 0.0]).expect("a map");
        let truth = |at: usize| (0..8).map(|place| place == at).collect::<Vec<_>>();
        let found = pointing(&map, &truth(1), [4, 2, 1], 0.0).expect("played");
        assert_eq!(
            (found.hit, found.peak, found.inside, found.truth_share),
            (true, [1, 0, 0], Some(0.75), 0.125)
        );
        // Two columns away: a tolerance of 2 reaches it, one of 1.9 does not.
        assert!(pointing(&map, &truth(3), [4, 2, 1], 2.0).expect("played").hit);
        let missed = pointing(&map, &truth(3), [4, 2, 1], 1.9).expect("played");
        assert!(!missed.hit);
        let game = PointingGame::new(&[found.clone(), missed, found.clone(), found]).expect("four cases");
        assert_eq!((game.hits, game.cases, game.share, game.by_chance), (3, 4, 0.75, 0.125));
        // Wilson for 3 of 4: (p + z^2/8 -+ z sqrt(p(1-p)/4 + z^2/64)) / (1 + z^2/4) with z = 1.96.
        assert!((game.low - 0.300_642).abs() < 1e-6 && (game.high - 0.954_413).abs() < 1e-6, "{game:?}");
    }

    #[test]
    fn an_empty_truth_and_one_of_another_size_are_refused() {
        let map = Attribution::new([2, 2, 1], vec![0.0; 4]).expect("a map");
        assert!(matches!(pointing(&map, &[false; 4], [2, 2, 1], 0.0), Err(ExplainError::Empty(_))));
        assert!(matches!(pointing(&map, &[true; 4], [4, 1, 1], 0.0), Err(ExplainError::Grid { .. })));
        assert!(pointing(&map, &[true; 4], [2, 2, 1], f64::NAN).is_err());
        assert_eq!(pointing(&map, &[true; 4], [2, 2, 1], 0.0).expect("played").inside, None);
        assert!(PointingGame::new(&[]).is_err());
    }
}
