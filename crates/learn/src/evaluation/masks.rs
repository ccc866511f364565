//! Label maps against their truth: overlap and surface distances of every segment, with intervals over
//! cases.
//!
//! Empty segments are counted as MONAI documents it: a segment that the truth lacks has no Dice (it is
//! counted as a false alarm if it was predicted), one that the prediction lacks has a Dice of 0 (a miss).
//! Surface distances are infinite in both cases; here they have no value, and the misses and false alarms
//! stand beside the mean. The normalized surface Dice is 0 then, and has no value if both are empty.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wilhelm_filters::measure::{SurfaceElement, surface_distances};
use wilhelm_stats::{
    OverlapCounts, Resampling, average_surface_distance, hausdorff_95, median, surface_dice,
};
use wilhelm_study::{Geometry, LabelMap};

use super::figure::Sampler;
use super::{EvaluationError, Figure, Method};

/// How masks are measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaskSettings {
    /// Distance in mm within which a surface counts as met.
    pub tolerance_mm: f64,
    /// Whether surfaces are patches with areas, as DeepMind's surface-distance has them, and not border
    /// voxels that count alike, as MONAI has them.
    pub patches: bool,
    /// Resamples, coverage and seed of the intervals.
    pub resampling: Resampling,
}

impl Default for MaskSettings {
    fn default() -> Self {
        let resampling = Resampling { replicates: 2000, level: 0.95, seed: 0 };
        Self { tolerance_mm: 1.0, patches: false, resampling }
    }
}

/// The figures of one pair of label maps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaskCase {
    /// Its name.
    pub case: String,
    /// Every segment that either map knows.
    pub segments: Vec<SegmentFigures>,
}

/// One segment of one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentFigures {
    /// Its label.
    pub label: u16,
    /// What the truth calls it, or else the prediction.
    pub name: String,
    /// Milliliters of the truth.
    pub true_ml: f64,
    /// Milliliters of the prediction.
    pub predicted_ml: f64,
    /// Sorensen-Dice overlap; `None` if the truth is empty.
    pub dice: Option<f64>,
    /// Intersection over union; `None` if the truth is empty.
    pub iou: Option<f64>,
    /// 95 % Hausdorff distance in mm; `None` if either is empty.
    pub hausdorff_95_mm: Option<f64>,
    /// Average symmetric surface distance in mm; `None` if either is empty.
    pub average_surface_distance_mm: Option<f64>,
    /// Share of both surfaces within the tolerance; 0 if one is empty, `None` if both are.
    pub surface_dice: Option<f64>,
}

/// All cases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaskReport {
    /// The number of this shape of file.
    pub schema: u32,
    /// What made it.
    pub program: String,
    /// Always true: nothing here is approved for patients.
    pub research_use_only: bool,
    /// What the predictions lie in.
    pub predicted: String,
    /// What the truth lies in.
    pub truth: String,
    /// How the figures were made.
    pub settings: MaskSettings,
    /// Each segment over all cases.
    pub segments: Vec<SegmentSummary>,
    /// The mean Dice of each case over its segments, then over cases.
    pub mean_dice: Figure,
    /// Every case.
    pub cases: Vec<MaskCase>,
    /// What to know when reading the figures.
    pub notes: Vec<String>,
}

/// One segment over all cases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentSummary {
    /// Its label.
    pub label: u16,
    /// Its name.
    pub name: String,
    /// Cases whose truth has it.
    pub cases: usize,
    /// Cases whose truth has it and whose prediction lacks it.
    pub missed: usize,
    /// Cases whose prediction has it and whose truth lacks it.
    pub false_alarms: usize,
    /// Cases in which both lack it.
    pub absent: usize,
    /// Mean Dice.
    pub dice: Figure,
    /// Mean intersection over union.
    pub iou: Figure,
    /// Mean 95 % Hausdorff distance in mm.
    pub hausdorff_95_mm: Figure,
    /// Its median, which a single far outlier does not move.
    pub median_hausdorff_95_mm: Figure,
    /// Mean average symmetric surface distance in mm.
    pub average_surface_distance_mm: Figure,
    /// Mean share of both surfaces within the tolerance.
    pub surface_dice: Figure,
}

/// Measures one pair.
///
/// # Errors
/// [`EvaluationError::Pairs`] for grids that differ, saying in what; [`EvaluationError::Masks`] for surfaces
/// that cannot be compared.
pub fn compare_masks(
    case: &str,
    predicted: &LabelMap,
    truth: &LabelMap,
    settings: &MaskSettings,
) -> Result<MaskCase, EvaluationError> {
    super::check_resampling(settings.resampling)?;
    let tolerance = settings.tolerance_mm;
    if !(tolerance.is_finite() && tolerance >= 0.0) {
        let expected = "at least 0 mm";
        return Err(EvaluationError::Setting { name: "tolerance", found: tolerance, expected });
    }
    let (grid, other) = (truth.geometry(), predicted.geometry());
    if !grid.is_same_grid(other) {
        let what = difference(other, grid);
        return Err(EvaluationError::Pairs(format!(
            "{case}: prediction and truth lie on different grids: {what}"
        )));
    }
    // Voxels of the prediction, of the truth, and of both, by label.
    let mut counts = vec![[0_u64; 3]; 1 << 16];
    for (found, actual) in predicted.labels().iter().zip(truth.labels()) {
        counts[usize::from(*found)][0] += 1;
        counts[usize::from(*actual)][1] += 1;
        counts[usize::from(*found)][2] += u64::from(found == actual);
    }
    let names: BTreeMap<u16, &str> = predicted
        .segments()
        .iter()
        .chain(truth.segments())
        .map(|(label, segment)| (*label, segment.name.as_str()))
        .collect();
    let elements = if settings.patches { SurfaceElement::Patches } else { SurfaceElement::BorderVoxels };
    let mut segments = Vec::new();
    for (label, name) in names {
        let [found, actual, both] = counts[usize::from(label)];
        let overlap =
            OverlapCounts::of_sizes(found, actual, both).expect("both share at most each one's voxels");
        let mut of = SegmentFigures {
            label,
            name: name.to_owned(),
            true_ml: actual as f64 * grid.voxel_milliliters(),
            predicted_ml: found as f64 * grid.voxel_milliliters(),
            dice: overlap.dice().filter(|_| actual > 0),
            iou: overlap.jaccard().filter(|_| actual > 0),
            hausdorff_95_mm: None,
            average_surface_distance_mm: None,
            surface_dice: (found + actual > 0).then_some(0.0),
        };
        if found > 0 && actual > 0 {
            let surfaces = surface_distances(&predicted.mask(label), &truth.mask(label), elements)?;
            let (there, back) = (surfaces.there(), surfaces.back());
            of.hausdorff_95_mm = Some(hausdorff_95(there, back));
            of.average_surface_distance_mm = Some(average_surface_distance(there, back));
            of.surface_dice = Some(surface_dice(there, back, tolerance)?);
        }
        segments.push(of);
    }
    Ok(MaskCase { case: case.to_owned(), segments })
}

/// In what two grids differ.
pub(crate) fn difference(found: &Geometry, expected: &Geometry) -> String {
    let numbers =
        |values: &[f64]| values.iter().map(|value| format!("{value:.4}")).collect::<Vec<_>>().join(" x ");
    if found.size() != expected.size() {
        let size = |grid: &Geometry| grid.size().map(|count| count.to_string()).join(" x ");
        return format!("{} voxels against {}", size(found), size(expected));
    }
    let letters = [found, expected].map(|grid| grid.direction().letters());
    if letters[0] != letters[1] {
        return format!("axes that run {} against {}", letters[0], letters[1]);
    }
    let spacing = [found, expected].map(|grid| grid.spacing().millimeters());
    let differs =
        |pair: [[f64; 3]; 2]| pair[0].iter().zip(&pair[1]).any(|(a, b)| (a - b).abs() > 1e-4 * b.abs());
    if differs(spacing) {
        return format!("spacing {} mm against {} mm", numbers(&spacing[0]), numbers(&spacing[1]));
    }
    let origin = [found, expected].map(|grid| grid.origin().components());
    let far = origin[0].iter().zip(&origin[1]).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    if far > 1e-3 {
        return format!("the first voxel at {} mm against {} mm", numbers(&origin[0]), numbers(&origin[1]));
    }
    "their axes are turned against each other".to_owned()
}

/// Puts cases together.
///
/// # Errors
/// [`EvaluationError::Pairs`] without a case.
pub fn summarize(
    predicted: &str,
    truth: &str,
    cases: Vec<MaskCase>,
    settings: &MaskSettings,
) -> Result<MaskReport, EvaluationError> {
    super::check_resampling(settings.resampling)?;
    if cases.is_empty() {
        return Err(EvaluationError::Pairs("no pair of label maps was given".to_owned()));
    }
    let mut names: BTreeMap<u16, String> = BTreeMap::new();
    for segment in cases.iter().flat_map(|case| &case.segments) {
        names.entry(segment.label).or_insert_with(|| segment.name.clone());
    }
    let segments: Vec<SegmentSummary> =
        names.iter().map(|(label, name)| segment(*label, name, &cases, settings)).collect();
    let means: Vec<Option<f64>> = cases
        .iter()
        .map(|case| {
            let dice: Vec<f64> = case.segments.iter().filter_map(|segment| segment.dice).collect();
            (!dice.is_empty()).then(|| dice.iter().sum::<f64>() / dice.len() as f64)
        })
        .collect();
    let mut notes = Vec::new();
    let renamed: Vec<u16> = names
        .iter()
        .filter(|(label, name)| {
            cases
                .iter()
                .flat_map(|case| &case.segments)
                .any(|segment| segment.label == **label && segment.name != **name)
        })
        .map(|(label, _)| *label)
        .collect();
    if !renamed.is_empty() {
        notes.push(format!(
            "Labels whose names differ from case to case: {renamed:?}. Labels are matched by number."
        ));
    }
    if segments.iter().any(|segment| segment.missed + segment.false_alarms > 0) {
        notes.push(
            "Surface distances are means over cases in which both have the segment: misses and false alarms have \
             none (they are infinite)."
                .to_owned(),
        );
    }
    Ok(MaskReport {
        schema: super::Report::SCHEMA,
        program: format!("wilhelm {}", env!("CARGO_PKG_VERSION")),
        research_use_only: true,
        predicted: predicted.to_owned(),
        truth: truth.to_owned(),
        settings: settings.clone(),
        segments,
        mean_dice: over_cases(&means, settings, mean),
        cases,
        notes,
    })
}

fn segment(label: u16, name: &str, cases: &[MaskCase], settings: &MaskSettings) -> SegmentSummary {
    let own: Vec<Option<&SegmentFigures>> =
        cases.iter().map(|case| case.segments.iter().find(|segment| segment.label == label)).collect();
    let count = |is: fn(bool, bool) -> bool| {
        own.iter()
            .filter(|own| own.map_or(is(false, false), |own| is(own.true_ml > 0.0, own.predicted_ml > 0.0)))
            .count()
    };
    let of = |value: fn(&SegmentFigures) -> Option<f64>, center: fn(&[f64]) -> f64| {
        let values: Vec<Option<f64>> = own.iter().map(|own| own.and_then(value)).collect();
        over_cases(&values, settings, center)
    };
    SegmentSummary {
        label,
        name: name.to_owned(),
        cases: count(|truth, _| truth),
        missed: count(|truth, predicted| truth && !predicted),
        false_alarms: count(|truth, predicted| !truth && predicted),
        absent: count(|truth, predicted| !truth && !predicted),
        dice: of(|own| own.dice, mean),
        iou: of(|own| own.iou, mean),
        hausdorff_95_mm: of(|own| own.hausdorff_95_mm, mean),
        median_hausdorff_95_mm: of(|own| own.hausdorff_95_mm, |values| median(values).unwrap_or(f64::NAN)),
        average_surface_distance_mm: of(|own| own.average_surface_distance_mm, mean),
        surface_dice: of(|own| own.surface_dice, mean),
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// A figure of the cases that have a value, and its interval over resamples of them.
fn over_cases(values: &[Option<f64>], settings: &MaskSettings, center: fn(&[f64]) -> f64) -> Figure {
    let values: Vec<f64> = values.iter().copied().flatten().collect();
    match values[..] {
        [] => Figure::missing(Method::Bootstrap, "no case has a value"),
        [only] => Figure::alone(only, Method::Bootstrap, "one case has no interval"),
        _ => Sampler::new(values.len(), None, settings.resampling).figure(|rows| {
            let drawn: Vec<f64> = rows.iter().map(|row| values[*row]).collect();
            Some(center(&drawn))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{CodedConcept, Mm, PointLps, Segment, Spacing};

    fn map(size: [usize; 3], spacing: [f64; 3], label: impl Fn([usize; 3]) -> u16) -> LabelMap {
        let [x, y, z] = spacing.map(Mm);
        let grid = Geometry::axis_aligned(size, Spacing::new(x, y, z).expect("positive")).expect("a grid");
        let labels = (0..grid.voxels())
            .map(|at| label([at % size[0], at / size[0] % size[1], at / size[0] / size[1]]));
        let part = |name| Segment::anatomy(name, CodedConcept::new("99T", "1", "Part"), "test");
        let segments = BTreeMap::from([(1, part("one")), (2, part("two")), (3, part("three"))]);
        LabelMap::new(grid, labels.collect(), segments).expect("labels")
    }

    fn of(case: &MaskCase, label: u16) -> &SegmentFigures {
        case.segments.iter().find(|segment| segment.label == label).expect("the segment")
    }

    #[test]
    fn intervals_that_cannot_be_drawn_are_refused_before_anything_is_measured() {
        let truth = map([4, 4, 4], [1.0; 3], |[column, ..]| u16::from(column < 2));
        for (replicates, level) in [(0, 0.95), (usize::MAX, 0.95), (2000, 95.0), (2000, f64::NAN)] {
            let resampling = Resampling { replicates, level, seed: 0 };
            let settings = MaskSettings { resampling, ..MaskSettings::default() };
            let refused = compare_masks("a", &truth, &truth, &settings);
            assert!(matches!(refused, Err(EvaluationError::Setting { .. })), "{refused:?}");
        }
    }

    #[test]
    fn a_pair_worked_on_paper_and_empty_segments_as_monai_has_them() {
        let spacing = [1.0, 1.0, 2.0];
        // Label 1: 4 of 6 columns overlap; label 2: missed; label 3: in neither.
        let truth = map([10, 4, 4], spacing, |[column, row, _]| match (column, row) {
            (0..5, 0..2) => 1,
            (9, 3) => 2,
            _ => 0,
        });
        let predicted =
            map([10, 4, 4], spacing, |[column, row, _]| u16::from((1..6).contains(&column) && row < 2));
        let case = compare_masks("a", &predicted, &truth, &MaskSettings::default()).expect("figures");
        let one = of(&case, 1);
        assert_eq!((one.dice, one.iou), (Some(0.8), Some(4.0 / 6.0)));
        assert_eq!((one.true_ml, one.predicted_ml), (0.08, 0.08));
        // All voxels are border; the outermost column is 1 mm from the other mask.
        assert_eq!((one.hausdorff_95_mm, one.surface_dice), (Some(1.0), Some(1.0)));
        assert_eq!(one.average_surface_distance_mm, Some(0.2));
        let (two, three) = (of(&case, 2), of(&case, 3));
        assert_eq!((two.dice, two.hausdorff_95_mm, two.surface_dice), (Some(0.0), None, Some(0.0)));
        assert_eq!((three.dice, three.surface_dice), (None, None));
        let turned = compare_masks("b", &truth, &predicted, &MaskSettings::default()).expect("figures");
        assert_eq!((of(&turned, 2).dice, of(&turned, 2).surface_dice), (None, Some(0.0)));

        let report = summarize("p", "t", vec![case, turned], &MaskSettings::default()).expect("a report");
        let two = &report.segments[1];
        assert_eq!((two.cases, two.missed, two.false_alarms, two.absent), (1, 1, 1, 0));
        assert_eq!((two.dice.value, two.dice.low), (Some(0.0), None));
        assert_eq!(report.segments[2].absent, 2);
        assert_eq!(report.segments[0].dice.low, Some(0.8));
        assert_eq!(report.notes.len(), 1);
    }

    #[test]
    fn grids_that_differ_are_refused_with_what_differs() {
        let one = |[column, _, _]: [usize; 3]| u16::from(column == 1);
        let truth = map([4, 4, 4], [1.0; 3], one);
        let refusal = |predicted: &LabelMap| {
            compare_masks("a", predicted, &truth, &MaskSettings::default()).expect_err("refused").to_string()
        };
        let size = refusal(&map([4, 4, 5], [1.0; 3], one));
        assert!(size.ends_with("grids: 4 x 4 x 5 voxels against 4 x 4 x 4"), "{size}");
        let spacing = refusal(&map([4, 4, 4], [1.0, 1.0, 1.5], one));
        assert!(spacing.contains("spacing 1.0000 x 1.0000 x 1.5000 mm against 1.0000 x 1.0000 x 1.0000 mm"));
        let moved = |grid: Geometry| {
            LabelMap::new(grid, truth.labels().to_vec(), truth.segments().clone()).expect("labels")
        };
        let flipped = refusal(&moved(truth.geometry().flipped(0)));
        assert!(flipped.contains("axes that run RPS against LPS"), "{flipped}");
        let grid = truth.geometry();
        let point = PointLps::from_components([5.0, 0.0, 0.0]);
        let shifted = Geometry::new(grid.size(), grid.spacing(), point, grid.direction()).expect("a grid");
        assert!(refusal(&moved(shifted)).contains("the first voxel at 5.0000"));
        let settings = MaskSettings { tolerance_mm: -1.0, ..MaskSettings::default() };
        assert!(compare_masks("a", &truth, &truth, &settings).is_err());
    }
}
