use crate::bootstrap::{Resampling, draw, percentile_interval, singles};
use crate::error::check_at_least;
use crate::{BootstrapInterval, StatsError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The false positives an image at which LUNA16 reads the sensitivity.
///
/// # Source
/// Setio et al. 2017, doi:10.1016/j.media.2017.06.015
pub const LUNA16_RATES: [f64; 7] = [0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0];

/// A place that a detector points at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// How sure the detector is.
    pub score: f64,
    /// Which lesion of the image it hits, from 0; `None` if it hits none.
    pub lesion: Option<usize>,
}

/// The lesions of an image and what a detector found there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DetectedImage {
    /// How many lesions there are; may be 0.
    pub lesions: usize,
    /// What was pointed at, in any order.
    pub candidates: Vec<Candidate>,
}

/// One point of a free-response curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrocPoint {
    /// Candidates at or above this count; `None` where none does.
    pub threshold: Option<f64>,
    /// Candidates that hit no lesion, an image.
    pub false_positives_per_image: f64,
    /// Lesions that are hit.
    pub sensitivity: f64,
}

/// How the sensitivity is read between two points of the curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FrocReading {
    /// On the straight line between them, as LUNA16 and MONAI do.
    Linear,
    /// At the point before: what a threshold really reaches.
    Reached,
}

/// Sensitivities at given rates of false positives, and their mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrocScore {
    /// The rates, in false positives an image.
    pub rates: Vec<f64>,
    /// The sensitivity at each, with its interval over images.
    pub sensitivities: Vec<BootstrapInterval>,
    /// The mean of the sensitivities: with [`LUNA16_RATES`] the competition performance metric.
    pub score: BootstrapInterval,
}

/// The free-response curve, by falling threshold, from no candidate to all.
///
/// Of several candidates on one lesion only the surest counts: the others are neither hits nor false
/// positives. Tied scores enter together. Candidates on findings that do not matter (what LUNA16 calls
/// irrelevant) are for the caller to leave out.
///
/// # Units
/// Thresholds those of the scores; false positives an image; sensitivity from 0 to 1.
///
/// # Errors
/// [`StatsError::TooFew`] if there is no image or no lesion; [`StatsError::Label`] for a candidate on a
/// lesion that its image does not have; [`StatsError::NotFinite`] for such a score.
///
/// # Source
/// Bunch et al. 1977, doi:10.1117/12.955926; Setio et al. 2017, doi:10.1016/j.media.2017.06.015
pub fn froc_curve(images: &[DetectedImage]) -> Result<Vec<FrocPoint>, StatsError> {
    let events = events(images)?;
    let once = vec![1; images.len()];
    curve(images, &events, &once).ok_or(StatsError::TooFew { what: "lesions", found: 0, expected: 1 })
}

/// The sensitivity at each rate of false positives and their mean, with intervals by resampling images.
///
/// Beyond the last point of the curve the sensitivity stays what it is there.
///
/// # Units
/// Rates in false positives an image; sensitivities from 0 to 1.
///
/// # Errors
/// As [`froc_curve`]; [`StatsError::Range`] for a rate below 0, [`StatsError::TooFew`] for no rate or no
/// replicate, [`StatsError::Undefined`] if most resamples hold no lesion.
///
/// # Source
/// As [`froc_curve`]; Efron and Tibshirani 1993, doi:10.1201/9780429246593 (chapter 13)
pub fn froc_score(
    images: &[DetectedImage],
    rates: &[f64],
    reading: FrocReading,
    settings: Resampling,
) -> Result<FrocScore, StatsError> {
    check_at_least("rates", rates.len(), 1)?;
    rates.iter().try_for_each(|&rate| crate::error::check_range("rate", rate, 0.0, f64::MAX))?;
    settings.check(images.len())?;
    let events = events(images)?;
    let read = |times: &[usize]| -> Option<Vec<f64>> {
        let curve = curve(images, &events, times)?;
        let mut figures: Vec<f64> = rates.iter().map(|&rate| sensitivity_at(&curve, rate, reading)).collect();
        figures.push(figures.iter().sum::<f64>() / rates.len() as f64);
        Some(figures)
    };
    let estimates =
        read(&vec![1; images.len()]).ok_or(StatsError::TooFew { what: "lesions", found: 0, expected: 1 })?;
    // One column a figure, so that all are read from the same draws.
    let mut columns: Vec<Vec<f64>> = vec![Vec::new(); estimates.len()];
    let mut times = vec![0; images.len()];
    draw(&singles(images.len()), settings, |rows| {
        times.fill(0);
        rows.iter().for_each(|&image| times[image] += 1);
        let figures = read(&times)?;
        columns.iter_mut().zip(&figures).for_each(|(column, &figure)| column.push(figure));
        figures.last().copied()
    });
    let mut intervals = estimates
        .iter()
        .zip(&columns)
        .map(|(&estimate, values)| percentile_interval(estimate, values, settings))
        .collect::<Result<Vec<BootstrapInterval>, StatsError>>()?;
    let score = intervals.pop().expect("the mean was pushed last");
    Ok(FrocScore { rates: rates.to_vec(), sensitivities: intervals, score })
}

/// A candidate that counts.
struct Event {
    score: f64,
    image: usize,
    hit: bool,
}

/// All candidates that count, by falling score.
fn events(images: &[DetectedImage]) -> Result<Vec<Event>, StatsError> {
    check_at_least("images", images.len(), 1)?;
    let mut events = Vec::new();
    for (image, found) in images.iter().enumerate() {
        // A map, since the stated number of lesions may be absurd.
        let mut surest: BTreeMap<usize, f64> = BTreeMap::new();
        for (position, candidate) in found.candidates.iter().enumerate() {
            if !candidate.score.is_finite() {
                return Err(StatsError::NotFinite { what: "candidate", position });
            }
            match candidate.lesion {
                None => events.push(Event { score: candidate.score, image, hit: false }),
                Some(lesion) if lesion < found.lesions => {
                    let best = surest.entry(lesion).or_insert(candidate.score);
                    *best = best.max(candidate.score);
                }
                Some(lesion) => {
                    return Err(StatsError::Label { position, found: lesion, classes: found.lesions });
                }
            }
        }
        events.extend(surest.into_values().map(|score| Event { score, image, hit: true }));
    }
    events.sort_by(|a, b| b.score.total_cmp(&a.score));
    Ok(events)
}

/// The curve when each image counts so many times; `None` if there is no lesion then.
fn curve(images: &[DetectedImage], events: &[Event], times: &[usize]) -> Option<Vec<FrocPoint>> {
    let lesions: f64 =
        images.iter().zip(times).map(|(image, &times)| image.lesions as f64 * times as f64).sum();
    let image_count: f64 = times.iter().map(|&times| times as f64).sum();
    if lesions <= 0.0 {
        return None;
    }
    let mut points = vec![FrocPoint { threshold: None, false_positives_per_image: 0.0, sensitivity: 0.0 }];
    let (mut hits, mut alarms) = (0_usize, 0_usize);
    for tied in events.chunk_by(|a, b| a.score == b.score) {
        for event in tied {
            *if event.hit { &mut hits } else { &mut alarms } += times[event.image];
        }
        points.push(FrocPoint {
            threshold: Some(tied[0].score),
            false_positives_per_image: alarms as f64 / image_count,
            sensitivity: hits as f64 / lesions,
        });
    }
    Some(points)
}

/// The sensitivity at a rate of false positives: rates never fall along the curve.
fn sensitivity_at(curve: &[FrocPoint], rate: f64, reading: FrocReading) -> f64 {
    // The first point is at rate 0, so at least one is not above.
    let above = curve.partition_point(|point| point.false_positives_per_image <= rate);
    let before = curve[above - 1];
    match (reading, curve.get(above)) {
        (FrocReading::Linear, Some(next)) => {
            let width = next.false_positives_per_image - before.false_positives_per_image;
            let share = (rate - before.false_positives_per_image) / width;
            before.sensitivity + share * (next.sensitivity - before.sensitivity)
        }
        _ => before.sensitivity,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Resampling = Resampling { replicates: 200, level: 0.95, seed: 3 };

    fn hit(score: f64, lesion: usize) -> Candidate {
        Candidate { score, lesion: Some(lesion) }
    }

    fn miss(score: f64) -> Candidate {
        Candidate { score, lesion: None }
    }

    /// Two images, three lesions; one lesion is hit twice, one never.
    fn images() -> Vec<DetectedImage> {
        vec![
            DetectedImage { lesions: 2, candidates: vec![hit(0.4, 0), miss(0.8), hit(0.9, 0)] },
            DetectedImage { lesions: 1, candidates: vec![miss(0.3), hit(0.6, 0), miss(0.6)] },
        ]
    }

    #[test]
    fn the_curve_by_hand() {
        let found: Vec<(Option<f64>, f64, f64)> = froc_curve(&images())
            .expect("lesions are there")
            .iter()
            .map(|point| (point.threshold, point.false_positives_per_image, point.sensitivity))
            .collect();
        let third = 1.0 / 3.0;
        let expected = [
            (None, 0.0, 0.0),
            (Some(0.9), 0.0, third),
            (Some(0.8), 0.5, third),
            (Some(0.6), 1.0, 2.0 * third),
            (Some(0.3), 1.5, 2.0 * third),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_sensitivity_between_points_is_read_as_asked() {
        let at = |rate: f64, reading| {
            froc_score(&images(), &[rate], reading, SETTINGS).expect("sound").sensitivities[0].estimate
        };
        assert_eq!(at(0.0, FrocReading::Linear), 1.0 / 3.0);
        assert!((at(0.75, FrocReading::Linear) - 0.5).abs() < 1e-12);
        assert_eq!(at(0.75, FrocReading::Reached), 1.0 / 3.0);
        assert_eq!(at(8.0, FrocReading::Linear), 2.0 / 3.0);
        let score = froc_score(&images(), &LUNA16_RATES, FrocReading::Linear, SETTINGS).expect("sound");
        let mean = score.sensitivities.iter().map(|rate| rate.estimate).sum::<f64>() / 7.0;
        assert!((score.score.estimate - mean).abs() < 1e-12);
        assert!(score.score.low <= mean && mean <= score.score.high && score.score.undefined == 0);
        let again = froc_score(&images(), &LUNA16_RATES, FrocReading::Linear, SETTINGS);
        assert_eq!(again, Ok(score));
    }

    #[test]
    fn images_that_cannot_be_are_refused() {
        assert!(froc_curve(&[]).is_err());
        let healthy = DetectedImage { lesions: 0, candidates: vec![miss(0.5)] };
        assert_eq!(
            froc_curve(std::slice::from_ref(&healthy)),
            Err(StatsError::TooFew { what: "lesions", found: 0, expected: 1 })
        );
        let stray = DetectedImage { lesions: 1, candidates: vec![hit(0.5, 1)] };
        assert_eq!(froc_curve(&[stray]), Err(StatsError::Label { position: 0, found: 1, classes: 1 }));
        let nan = DetectedImage { lesions: 1, candidates: vec![miss(f64::NAN)] };
        assert!(matches!(froc_curve(&[nan]), Err(StatsError::NotFinite { .. })));
        assert!(froc_score(&images(), &[], FrocReading::Linear, SETTINGS).is_err());
        assert!(froc_score(&images(), &[-1.0], FrocReading::Linear, SETTINGS).is_err());
    }
}
