//! Measurements that reach a decision rule: lengths of the labels of a mask, each with what it was measured on.

use wilhelm_filters::measure::{Diameters, diameters_of_labels};
use wilhelm_report::guideline::MeasuredInput;
use wilhelm_study::LabelMap;

/// A mask with the name by which evidence points at it.
#[derive(Clone, Copy, Debug)]
pub struct NamedMask<'a> {
    /// The labels on their grid.
    pub labels: &'a LabelMap,
    /// SHA-256 of the file.
    pub sha256: &'a str,
}

/// Why a mask gives no input of a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MeasuredError {
    /// A mask in which nothing is outlined.
    #[error(
        "mask {place} outlines nothing, so that nothing can be measured: that all lesions are gone must be said, not measured"
    )]
    Empty {
        /// Its place, from 1.
        place: usize,
    },
    /// A label that no voxel has.
    #[error("the mask has no label {label}, expected one of: {known}")]
    Label {
        /// The label asked for.
        label: u16,
        /// Those that are there.
        known: String,
    },
    /// A follow-up of one time.
    #[error(
        "{found} masks, expected two or more in the order of time: the first is the baseline, the last is now"
    )]
    Times {
        /// How many there are.
        found: usize,
    },
}

const AXES: &str = "long axis in the acquired plane where it is longest, short axis across it (RECIST 1.1)";
const SUMS: &str =
    "sum of the long axes of all labels, each in the acquired plane where it is longest (RECIST 1.1)";

/// The long and the short axis of one label, or of each, as the inputs `long_axis` and `short_axis`.
///
/// # Units
/// Millimeters; the range reaches a pixel's diagonal to each side.
///
/// # Errors
/// [`MeasuredError`] for an empty mask and for a label that is not there.
///
/// # Source
/// Eisenhauer 2009, doi:10.1016/j.ejca.2008.10.026; nodules by the mean of both axes, Bankier 2017,
/// doi:10.1148/radiol.2017162894
pub fn axes_of_labels(
    mask: NamedMask<'_>,
    label: Option<u16>,
) -> Result<Vec<(u16, Vec<MeasuredInput>)>, MeasuredError> {
    let found = diameters_of_labels(mask.labels);
    if found.is_empty() {
        return Err(MeasuredError::Empty { place: 1 });
    }
    if let Some(label) = label
        && !found.contains_key(&label)
    {
        let known: Vec<String> = found.keys().map(u16::to_string).collect();
        return Err(MeasuredError::Label { label, known: known.join(", ") });
    }
    let wanted = found.into_iter().filter(|(of, _)| label.is_none_or(|label| label == *of));
    Ok(wanted.map(|(label, diameters)| (label, axes(mask, label, &diameters))).collect())
}

fn axes(mask: NamedMask<'_>, label: u16, diameters: &Diameters) -> Vec<MeasuredInput> {
    let name =
        mask.labels.segments().get(&label).map_or(String::new(), |segment| format!(" ({})", segment.name));
    let on =
        format!("label {label}{name}, plane {}, mask SHA-256 {}", diameters.slice + 1, short(mask.sha256));
    [("long_axis", &diameters.long_axis), ("short_axis", &diameters.short_axis)]
        .into_iter()
        .map(|(input, measured)| MeasuredInput {
            input: input.to_owned(),
            value: millimeters(measured.value),
            low: millimeters(measured.low),
            high: millimeters(measured.high),
            method: AXES.to_owned(),
            on: on.clone(),
        })
        .collect()
}

/// The sums of the target lesions at each time, as the inputs `baseline_sum`, `smallest_sum` and `current_sum`.
///
/// Masks come in the order of time: the first is the baseline, the last is now, and the smallest sum is of all but the
/// last. Every label is a target lesion, measured by its long axis; lymph nodes, which RECIST measures by their short
/// axis, must not be among them.
///
/// # Errors
/// [`MeasuredError`] for fewer than two masks and for an empty one.
///
/// # Source
/// Eisenhauer 2009, doi:10.1016/j.ejca.2008.10.026
pub fn sums_of_targets(masks: &[NamedMask<'_>]) -> Result<Vec<MeasuredInput>, MeasuredError> {
    if masks.len() < 2 {
        return Err(MeasuredError::Times { found: masks.len() });
    }
    let mut sums: Vec<([f64; 3], String)> = Vec::new();
    for (place, mask) in masks.iter().enumerate() {
        let found = diameters_of_labels(mask.labels);
        if found.is_empty() {
            return Err(MeasuredError::Empty { place: place + 1 });
        }
        let sum = |of: fn(&Diameters) -> f64| found.values().map(of).sum::<f64>();
        let three = [sum(|d| d.long_axis.value), sum(|d| d.long_axis.low), sum(|d| d.long_axis.high)];
        let lengths: Vec<String> = found
            .iter()
            .map(|(label, d)| {
                format!("label {label} {} in plane {}", millimeters(d.long_axis.value), d.slice + 1)
            })
            .collect();
        sums.push((
            three,
            format!("{}, mask {} SHA-256 {}", lengths.join(", "), place + 1, short(mask.sha256)),
        ));
    }
    let before = &sums[..sums.len() - 1];
    let smallest = before.iter().min_by(|(a, _), (b, _)| a[0].total_cmp(&b[0])).expect("one at least");
    let given =
        [("baseline_sum", &sums[0]), ("smallest_sum", smallest), ("current_sum", &sums[sums.len() - 1])];
    Ok(given
        .into_iter()
        .map(|(input, ([value, low, high], on))| MeasuredInput {
            input: input.to_owned(),
            value: millimeters(*value),
            low: millimeters(*low),
            high: millimeters(*high),
            method: SUMS.to_owned(),
            on: on.clone(),
        })
        .collect())
}

/// Hundredths: finer than any rule's rounding, so that no value is rounded twice across a bound.
fn millimeters(value: f64) -> String {
    format!("{value:.2} mm")
}

fn short(sha256: &str) -> &str {
    sha256.get(..16).unwrap_or(sha256)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use wilhelm_report::guideline::{Outcome, apply_measured, guideline};
    use wilhelm_study::{CodedConcept, Geometry, Mm, Segment, Spacing};

    /// Boxes on a grid of 0.5 x 0.5 x 5 mm: label, first column, columns, rows, slice.
    fn boxes(boxes: &[(u16, usize, usize, usize, usize)]) -> LabelMap {
        let size = [120, 80, 4];
        let spacing = Spacing::new(Mm(0.5), Mm(0.5), Mm(5.0)).expect("above 0");
        let grid = Geometry::axis_aligned(size, spacing).expect("a grid");
        let mut labels = vec![0_u16; grid.voxels()];
        for &(label, first, columns, rows, slice) in boxes {
            for row in 10..10 + rows {
                for column in first..first + columns {
                    labels[(slice * size[1] + row) * size[0] + column] = label;
                }
            }
        }
        map_of(grid, labels)
    }

    /// A map whose labels are all named.
    fn map_of(grid: Geometry, labels: Vec<u16>) -> LabelMap {
        let code = || CodedConcept::new("SCT", "39607008", "Lung");
        let named = |label: u16| (label, Segment::anatomy(&format!("lesion {label}"), code(), "test"));
        let segments = labels.iter().filter(|label| **label > 0).map(|label| named(*label)).collect();
        LabelMap::new(grid, labels, segments).expect("labels of the grid")
    }

    fn named(labels: &LabelMap) -> NamedMask<'_> {
        NamedMask { labels, sha256: "0123456789abcdef0123" }
    }

    fn value(measured: &[MeasuredInput], name: &str) -> f64 {
        let one = measured.iter().find(|one| one.input == name).expect("measured");
        one.value.trim_end_matches(" mm").parse().expect("a number")
    }

    #[test]
    fn a_nodule_of_known_size_reaches_its_rule() {
        // A cross of two bars, 20 x 1 and 1 x 12 pixels of 0.5 mm: through middles of edges 10 mm and 6 mm.
        let mut map = boxes(&[(2, 20, 20, 1, 2)]).into_labels();
        for row in 5..17 {
            map[(2 * 80 + row) * 120 + 29] = 2;
        }
        let grid = *boxes(&[]).geometry();
        let map = map_of(grid, map);
        let found = axes_of_labels(named(&map), None).expect("measured");
        let (label, measured) = &found[0];
        assert_eq!((*label, found.len()), (2, 1));
        assert!((value(measured, "long_axis") - 10.0).abs() < 0.3, "{measured:?}");
        assert!((value(measured, "short_axis") - 6.0).abs() < 0.3, "{measured:?}");
        assert!(
            measured[0].on.starts_with("label 2 (lesion 2), plane 3, mask SHA-256 0123456789abcdef"),
            "{measured:?}"
        );
        let given: BTreeMap<String, String> = [
            ("age", "61 years"),
            ("known_cancer", "no"),
            ("immunosuppressed", "no"),
            ("screening", "no"),
            ("number", "single"),
            ("density", "solid"),
            ("risk", "high"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let rule = guideline("fleischner-2017").expect("a rule");
        // (10 + 6) / 2 = 8 mm, which is not above 8 mm.
        let decision = apply_measured(rule, &given, measured).expect("applied");
        let Outcome::Decided { branch, .. } = &decision.outcome else { panic!("{decision:?}") };
        assert_eq!(branch, "solid-single-6-to-8-high");
        let screening = guideline("lung-rads-2022").expect("a rule");
        let open = apply_measured(screening, &BTreeMap::new(), measured).expect("applied");
        let Outcome::Undecided { without, .. } = &open.outcome else { panic!("{open:?}") };
        assert!(without.iter().any(|name| name == "finding"), "{without:?}");
        assert!(!without.iter().any(|name| name.contains("axis")), "{without:?}");
    }

    #[test]
    fn sums_of_target_lesions_by_hand() {
        // Bars of one row: 40 and 20 pixels of 0.5 mm are 20 and 10 mm; then 15 + 5; now 20 + 6.
        let baseline = boxes(&[(1, 5, 40, 1, 0), (2, 60, 20, 1, 1)]);
        let best = boxes(&[(1, 5, 30, 1, 0), (2, 60, 10, 1, 1)]);
        let now = boxes(&[(1, 5, 40, 1, 0), (2, 60, 12, 1, 1)]);
        let measured = sums_of_targets(&[named(&baseline), named(&best), named(&now)]).expect("measured");
        for (name, expected) in [("baseline_sum", 30.0), ("smallest_sum", 20.0), ("current_sum", 26.0)] {
            // A bar of one pixel is measured from corner to corner of its outline.
            assert!((value(&measured, name) - expected).abs() < 0.3, "{name}: {measured:?}");
        }
        let rule = guideline("recist-1.1").expect("a rule");
        let given: BTreeMap<String, String> = [
            ("new_lesion", "no"),
            ("non_target", "none"),
            ("targets_evaluated", "yes"),
            ("targets_gone", "no"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        // 26 is 6 mm and 30 % above the smallest sum of 20: progression, though below the baseline.
        let decision = apply_measured(rule, &given, &measured).expect("applied");
        let Outcome::Decided { category, .. } = &decision.outcome else { panic!("{decision:?}") };
        assert!(category.contains("progress"), "{category}");
        let open = apply_measured(rule, &BTreeMap::new(), &measured).expect("applied");
        let Outcome::Undecided { without, .. } = &open.outcome else { panic!("{open:?}") };
        assert!(without.iter().any(|name| name == "new_lesion"), "{without:?}");
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        let empty = boxes(&[]);
        let one = boxes(&[(3, 5, 10, 4, 0)]);
        assert_eq!(axes_of_labels(named(&empty), None), Err(MeasuredError::Empty { place: 1 }));
        let refused = axes_of_labels(named(&one), Some(4)).expect_err("no such label").to_string();
        assert_eq!(refused, "the mask has no label 4, expected one of: 3");
        assert_eq!(sums_of_targets(&[named(&one)]), Err(MeasuredError::Times { found: 1 }));
        assert_eq!(sums_of_targets(&[named(&one), named(&empty)]), Err(MeasuredError::Empty { place: 2 }));
    }
}
