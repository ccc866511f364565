//! A segmenter's figures on its validation images, as their files have them.

use wilhelm_nets::{DistanceUnit, Interval, SegmentMetric, Segmenter};
use wilhelm_stats::{BootstrapInterval, Resampling, bootstrap_interval_by_group};
use wilhelm_study::{Geometry, LabelMap, Mm, Silent, Spacing};

use super::masks::{Outline, Pair};
use super::pairs::MaskFile;
use super::recipe::SegmenterRecipe;
use crate::LearnError;
use crate::evaluation::masks::{MaskCase, MaskSettings, SegmentFigures, compare_masks};

/// Replicates behind each interval.
const REPLICATES: usize = 1000;

/// Outlines each image on its own grid and measures the result.
pub(super) fn cases(
    recipe: &SegmenterRecipe,
    segmenter: &Segmenter,
    outlines: &[&Outline],
    unit: DistanceUnit,
) -> Result<Vec<MaskCase>, LearnError> {
    let resampling = Resampling { replicates: REPLICATES, level: 0.95, seed: recipe.seed };
    let settings = MaskSettings { tolerance_mm: recipe.tolerance, patches: false, resampling };
    let case = |outline: &&Outline| -> Result<MaskCase, LearnError> {
        let source = outline.example.source.as_str();
        let fail = |what: String| LearnError::Data { place: source.to_owned(), what };
        let [image, mask] = &outline.paths;
        let mask = MaskFile { source: outline.mask.clone(), path: mask.clone() };
        let pair = Pair::read(recipe, image, &mask).map_err(fail)?;
        let found = segmenter.outline(&pair.series, &Silent).map_err(|error| fail(error.to_string()))?;
        let (found, truth) = match unit {
            DistanceUnit::Millimeters => (found, pair.truth),
            DistanceUnit::Pixels => (in_pixels(found).map_err(fail)?, in_pixels(pair.truth).map_err(fail)?),
        };
        Ok(compare_masks(source, &found, &truth, &settings)?)
    };
    outlines.iter().map(case).collect()
}

/// The same labels on a grid whose spacing is 1.
fn in_pixels(map: LabelMap) -> Result<LabelMap, String> {
    let one = Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0)).map_err(|error| error.to_string())?;
    let grid = Geometry::axis_aligned(map.geometry().size(), one).map_err(|error| error.to_string())?;
    let segments = map.segments().clone();
    LabelMap::new(grid, map.into_labels(), segments).map_err(|error| error.to_string())
}

/// Figures of every segment with intervals over cases, or over patients where the cases name theirs.
pub(super) fn metrics(
    recipe: &SegmenterRecipe,
    cases: &[MaskCase],
    patients: Option<&[usize]>,
) -> Vec<SegmentMetric> {
    (1_u16..)
        .zip(&recipe.segments)
        .map(|(label, segment)| {
            let own: Vec<Option<&SegmentFigures>> =
                cases.iter().map(|case| case.segments.iter().find(|one| one.label == label)).collect();
            let count = |is: fn(bool, bool) -> bool| {
                own.iter().flatten().filter(|one| is(one.true_ml > 0.0, one.predicted_ml > 0.0)).count()
            };
            let over = |value: fn(&SegmentFigures) -> Option<f64>| {
                let values: Vec<Option<f64>> = own.iter().map(|one| one.and_then(value)).collect();
                mean_of(&values, patients, recipe.seed)
            };
            SegmentMetric {
                segment: segment.name.clone(),
                images: count(|truth, _| truth),
                missed: count(|truth, seen| truth && !seen),
                false_alarms: count(|truth, seen| !truth && seen),
                dice: over(|one| one.dice),
                hausdorff_95: over(|one| one.hausdorff_95_mm),
                surface_dice: over(|one| one.surface_dice),
            }
        })
        .collect()
}

/// The mean of the values there are with its interval; none where fewer than two cases, or patients, have a value: one says
/// nothing of others.
pub(super) fn mean_of(values: &[Option<f64>], patients: Option<&[usize]>, seed: u64) -> Option<Interval> {
    let there: Vec<usize> = (0..values.len()).filter(|place| values[*place].is_some()).collect();
    let of: Vec<usize> =
        there.iter().map(|place| patients.map_or(*place, |patients| patients[*place])).collect();
    if of.iter().all(|one| Some(one) == of.first()) {
        return None;
    }
    let own: Vec<f64> = values.iter().copied().flatten().collect();
    let mean = |rows: &[usize]| {
        (!rows.is_empty()).then(|| rows.iter().map(|row| own[*row]).sum::<f64>() / rows.len() as f64)
    };
    let BootstrapInterval { estimate, low, high, .. } =
        bootstrap_interval_by_group(&of, REPLICATES, 0.95, seed, mean).ok()?;
    Some(Interval { estimate, low, high })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_leave_out_what_has_no_value_and_draw_patients() {
        let values = [Some(0.5), None, Some(1.0), Some(0.75)];
        let found = mean_of(&values, None, 1).expect("a mean");
        assert_eq!(found.estimate, 0.75);
        assert!(0.5 <= found.low && found.low < 0.75 && 0.75 < found.high && found.high <= 1.0, "{found:?}");
        // Two patients: each draw is one of three means.
        let by_patient = mean_of(&values, Some(&[1, 1, 2, 2]), 1).expect("a mean");
        assert_eq!((by_patient.estimate, by_patient.low, by_patient.high), (0.75, 0.5, 0.875));
        assert_eq!(mean_of(&[None, None], None, 1), None);
        assert_eq!(mean_of(&[Some(0.25), None], None, 1), None);
        assert_eq!(mean_of(&[Some(0.25), Some(0.5)], Some(&[3, 3]), 1), None);
    }
}
