use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use wilhelm_study::{Modality, Volume, VoxelQuantity};

use super::{QualityCard, QualityRemark, Severity, anatomy, ghosting, measure, quality};
use crate::outlier::robust_scores;

/// A slice differs from its neighbors from this many robust standard deviations on. A stack of real slices has
/// heavy tails (a mandible begins, a table ends), so that the usual 3.5 would accuse each stack of some slice.
const STANDS_OUT: f64 = 8.0;
/// And by this share of the typical value of all slices at least, for stacks that are uniform to the last digit.
const LEAST_SHARE: f64 = 0.25;
/// Neighbors on each side that a slice is compared with.
const REACH: usize = 2;
/// Fewest slices that bear the comparison.
const FEWEST_SLICES: usize = 8;
/// Ghosts beside the body, over its signal: the limit of the ACR's phantom test, which the body need not meet,
/// and what no longer passes for noise of the coils.
const GHOSTING_NOTE: f64 = 0.025;
const GHOSTING_WARNING: f64 = 0.05;
/// More than this share of the border of the field of view inside the body is a cut.
const CUT_WARNING: f64 = 0.05;
const CUT_NOTE: f64 = 0.005;
/// More than this share of all voxels at exactly the greatest value is a clipped scale.
const CLIPPED: f64 = 0.001;

/// A slice that differs from its neighbors.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct StandingSlice {
    /// Which, from 0.
    pub slice: usize,
    /// In what, and by how much, without a final period.
    pub text: String,
}

/// What a volume is worth: the card of all slices together, and what only a volume shows.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct VolumeQuality {
    /// All slices together; see [`quality`].
    pub card: QualityCard,
    /// Slices that differ from their neighbors in brightness, noise or sharpness, in order.
    pub slices: Vec<StandingSlice>,
    /// Ghost-to-signal ratio of an MR volume (median over the slices that have air on all four sides); `None` for
    /// other modalities and where no slice has.
    pub ghosting: Option<f64>,
    /// Share of the border of a CT's field of view that lies inside the body, 0 to 1 (mean over the slices that
    /// hold body); `None` for other modalities.
    pub cut_off: Option<f64>,
    /// Sharpness (see [`QualityCard::sharpness`]) of each slice, where it could be measured.
    pub sharpness: Vec<Option<f64>>,
    /// Noise of each slice, in the image's own unit, where it could be measured.
    pub noise: Vec<Option<f64>>,
    /// The card's remarks and the volume's, gravest first.
    pub remarks: Vec<QualityRemark>,
}

/// Measures the quality of a volume, slice by slice.
///
/// Each slice's mean, noise and sharpness is compared with the median of its two neighbors on each side; a slice
/// stands out where the difference is more than 8 robust standard deviations of all such differences and more
/// than a quarter of the typical value. Motion shows as such slices, and in MR as ghosts beside the body
/// along the phase direction; in CT the body is sought on the border of the field of view.
///
/// The modality decides what is looked for; `None` looks for what every modality has.
///
/// # Source
/// Ghost-to-signal ratio: American College of Radiology, Large and Medium Phantom Test Guidance for the MRI
/// Accreditation Program, test 6 (percent signal ghosting), with regions beside the body instead of the phantom.
/// Noise: Immerkaer 1996, doi:10.1006/cviu.1996.0060
pub fn volume_quality<Q: VoxelQuantity>(volume: &Volume<Q>, modality: Option<&Modality>) -> VolumeQuality {
    let [columns, rows, _] = volume.geometry().size();
    let planes = || volume.voxels().par_chunks(columns * rows);
    let card = quality(volume.voxels(), columns, rows, None);
    let measured: Vec<SliceMeasures> =
        planes().map(|plane| SliceMeasures::new(plane, columns, rows)).collect();
    let slices = standing(&measured);
    let ghosting = (modality == Some(&Modality::Mr))
        .then(|| median(planes().filter_map(|plane| ghosting::ratio(plane, columns, rows)).collect()))
        .flatten();
    let cut_off = (modality == Some(&Modality::Ct)).then(|| anatomy::cut_off(volume.voxels(), columns, rows));
    let mut remarks = card.remarks.clone();
    if card.is_fit() {
        remarks.extend(remark(&card, &slices, ghosting, cut_off, &measured));
    }
    remarks.sort_by_key(|remark| std::cmp::Reverse(remark.severity));
    VolumeQuality {
        card,
        slices,
        ghosting,
        cut_off,
        sharpness: measured.iter().map(|slice| slice.sharpness).collect(),
        noise: measured.iter().map(|slice| slice.noise).collect(),
        remarks,
    }
}

/// What one slice is compared by.
struct SliceMeasures {
    /// Mean above the slice's least value, so that a share of it means something in Hounsfield units too.
    brightness: Option<f64>,
    noise: Option<f64>,
    sharpness: Option<f64>,
}

impl SliceMeasures {
    fn new(plane: &[f32], columns: usize, rows: usize) -> Self {
        let finite = || plane.iter().copied().filter(|value| value.is_finite());
        let (mean, variance) = measure::moments(finite);
        let least = f64::from(finite().fold(f32::INFINITY, f32::min));
        let (cells, across, down) = measure::block_means(plane, columns, rows, measure::SHARPNESS_CELLS);
        let (_, spread) = measure::moments(|| cells.iter().copied().filter(|value| value.is_finite()));
        // A slice without a spread is blank: it has a brightness, no sharpness.
        let laplacian = measure::stencils(&cells, across, down).1.filter(|_| spread > 0.0 && variance > 0.0);
        Self {
            brightness: least.is_finite().then_some(mean - least),
            noise: measure::stencils(plane, columns, rows).0,
            sharpness: laplacian.map(|laplacian| laplacian / spread),
        }
    }
}

fn standing(slices: &[SliceMeasures]) -> Vec<StandingSlice> {
    let mut found = Vec::new();
    let brightness: Vec<_> = slices.iter().map(|slice| slice.brightness).collect();
    let noise: Vec<_> = slices.iter().map(|slice| slice.noise).collect();
    let sharpness: Vec<_> = slices.iter().map(|slice| slice.sharpness).collect();
    for (name, more, less, values) in [
        ("mean", "brighter", "darker", &brightness),
        ("noise", "noisier", "smoother", &noise),
        ("sharpness", "sharper", "more blurred", &sharpness),
    ] {
        for (slice, value, neighbors) in apart(values) {
            let word = if value > neighbors { more } else { less };
            let text = format!("{word} than its neighbors: {name} {value:.3}, theirs {neighbors:.3}");
            found.push(StandingSlice { slice, text });
        }
    }
    for (slice, measures) in slices.iter().enumerate() {
        if measures.brightness.is_none() {
            found.push(StandingSlice { slice, text: "holds no finite value".to_owned() });
        }
    }
    found.sort_by_key(|standing| standing.slice);
    found
}

/// Slices whose value differs from the median of its neighbors: which, the value, that median.
fn apart(values: &[Option<f64>]) -> Vec<(usize, f64, f64)> {
    if values.len() < FEWEST_SLICES {
        return Vec::new();
    }
    let around = |slice: usize| {
        let near = slice.saturating_sub(REACH)..(slice + REACH + 1).min(values.len());
        median(near.filter(|other| *other != slice).filter_map(|other| values[other]).collect())
    };
    let pairs: Vec<(usize, f64, f64)> = values
        .iter()
        .enumerate()
        .filter_map(|(slice, value)| Some((slice, (*value)?, around(slice)?)))
        .collect();
    let Some(typical) = median(pairs.iter().map(|(_, value, _)| value.abs()).collect()) else {
        return Vec::new();
    };
    let differences: Vec<f64> = pairs.iter().map(|(_, value, near)| value - near).collect();
    let scores = robust_scores(&differences);
    let off: Vec<bool> = scores
        .iter()
        .zip(&differences)
        .map(|(score, off)| score.abs() > STANDS_OUT && off.abs() > LEAST_SHARE * typical)
        .collect();
    pairs.into_iter().zip(off).filter(|(_, off)| *off).map(|(pair, _)| pair).collect()
}

/// The median, `None` without a finite value.
fn median(values: Vec<f64>) -> Option<f64> {
    wilhelm_stats::median(&values).ok()
}

fn remark(
    card: &QualityCard,
    slices: &[StandingSlice],
    ghosting: Option<f64>,
    cut_off: Option<f64>,
    measured: &[SliceMeasures],
) -> Vec<QualityRemark> {
    let mut remarks = Vec::new();
    let mut say = |severity, text: String| remarks.push(QualityRemark { severity, text });
    let percent = |share: f64| format!("{:.1}%", 100.0 * share);
    if let Some(ratio) = ghosting.filter(|ratio| *ratio > GHOSTING_NOTE) {
        let severity = if ratio > GHOSTING_WARNING { Severity::Warning } else { Severity::Note };
        let share = percent(ratio);
        say(
            severity,
            format!("ghosts beside the body, as from motion: {share} of its signal, usual is 2.5% at most"),
        );
    }
    if let Some(share) = cut_off.filter(|share| *share > CUT_NOTE) {
        let severity = if share > CUT_WARNING { Severity::Warning } else { Severity::Note };
        let share = percent(share);
        say(
            severity,
            format!("the field of view cuts the body: it covers {share} of the border, usual is none"),
        );
    }
    if card.saturated_high > CLIPPED && card.range.is_some_and(|range| !range.stated) {
        let greatest = card.range.map_or(0.0, |range| range.high);
        let share = percent(card.saturated_high);
        say(Severity::Note, format!("the scale is clipped: {share} of the voxels are exactly {greatest}"));
    }
    let mut which: Vec<usize> = slices.iter().map(|standing| standing.slice).collect();
    which.dedup();
    if !which.is_empty() {
        let shown: Vec<String> = which.iter().take(8).map(|slice| (slice + 1).to_string()).collect();
        let more = if which.len() > 8 { ", ..." } else { "" };
        let severity = if which.len() * 20 > measured.len() { Severity::Warning } else { Severity::Note };
        let (count, all) = (which.len(), measured.len());
        say(
            severity,
            format!(
                "{count} of {all} slices differ from their neighbors (counted from 1: {}{more})",
                shown.join(", ")
            ),
        );
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Arbitrary, Geometry, Hu, Mm, Spacing};

    fn random(at: usize) -> f32 {
        let mut state = (at as u32).wrapping_mul(0x9E37_79B9) ^ 0x85EB_CA6B;
        state ^= state >> 15;
        state = state.wrapping_mul(0x846C_A68B);
        state ^= state >> 16;
        (state >> 8) as f32 / (1 << 24) as f32
    }

    /// An ellipse of signal 200 in air, with noise; `change` gets column, row, slice and the value.
    fn head(change: impl Fn(usize, usize, usize, f32) -> f32) -> Vec<f32> {
        (0..64 * 64 * 12)
            .map(|at| {
                let (column, row, slice) = (at % 64, at / 64 % 64, at / 4096);
                let (x, y) = ((column as f32 - 31.5) / 18.0, (row as f32 - 31.5) / 20.0);
                let tissue = if x * x + y * y <= 1.0 { 200.0 + 60.0 * (x * 5.0).sin() } else { 4.0 };
                change(column, row, slice, tissue + 4.0 * random(at))
            })
            .collect()
    }

    fn volume<Q: VoxelQuantity>(values: Vec<f32>) -> Volume<Q> {
        let spacing = Spacing::new(Mm(1.0), Mm(1.0), Mm(3.0)).expect("positive");
        Volume::new(Geometry::axis_aligned([64, 64, 12], spacing).expect("a grid"), values).expect("fits")
    }

    #[test]
    fn a_clean_head_has_nothing_to_be_said_of_its_slices() {
        let found = volume_quality(&volume::<Arbitrary>(head(|_, _, _, value| value)), Some(&Modality::Mr));
        assert!(found.slices.is_empty(), "{:?}", found.slices);
        assert!(found.ghosting.is_some_and(|ratio| ratio < 0.01), "{:?}", found.ghosting);
        assert_eq!(found.cut_off, None);
        let said = |word: &str| found.remarks.iter().any(|remark| remark.text.contains(word));
        assert!(!said("ghosts") && !said("differ") && !said("clipped"), "{:?}", found.remarks);
    }

    #[test]
    fn a_dark_slice_and_a_noisy_one_stand_out_with_their_reasons() {
        let made = head(|column, row, slice, value| match slice {
            4 => 0.4 * value,
            8 => value + 60.0 * random(column * 977 + row * 31),
            _ => value,
        });
        let found = volume_quality(&volume::<Arbitrary>(made), None);
        let says = |slice: usize, word: &str| {
            found.slices.iter().any(|standing| standing.slice == slice && standing.text.starts_with(word))
        };
        assert!(says(4, "darker") && says(8, "noisier"), "{:?}", found.slices);
        assert!(found.slices.iter().all(|standing| [4, 8].contains(&standing.slice)), "{:?}", found.slices);
        let remark =
            found.remarks.iter().find(|remark| remark.text.contains("2 of 12 slices")).expect("a remark");
        assert!(remark.text.contains("5, 9"), "{}", remark.text);
    }

    #[test]
    fn ghosts_along_one_direction_are_measured_as_made() {
        // A ghost of 20 (a tenth of the signal) above and below: (2 x 20) / (2 x 200) = 0.1.
        let made = head(|column, row, _, value| {
            let beside = !(11..=52).contains(&row) && (14..=49).contains(&column);
            if beside { value + 20.0 } else { value }
        });
        let found = volume_quality(&volume::<Arbitrary>(made.clone()), Some(&Modality::Mr));
        assert!(found.ghosting.is_some_and(|ratio| (ratio - 0.1).abs() < 0.02), "{:?}", found.ghosting);
        let worst = found.remarks.iter().find(|remark| remark.text.contains("ghosts")).expect("a remark");
        assert_eq!(worst.severity, Severity::Warning);
        assert_eq!(volume_quality(&volume::<Arbitrary>(made), None).ghosting, None);
    }

    #[test]
    fn a_body_on_the_border_of_the_field_of_view_is_cut() {
        let whole = head(|_, _, _, value| if value > 100.0 { 40.0 } else { -1000.0 });
        let found = volume_quality(&volume::<Hu>(whole), Some(&Modality::Ct));
        assert_eq!(found.cut_off, Some(0.0));
        // The body fills rows 20 to 43 from edge to edge: 48 of the 252 border voxels.
        let wide =
            head(|_, row, _, value| if (20..44).contains(&row) { 40.0 + 0.1 * value } else { -1000.0 });
        let found = volume_quality(&volume::<Hu>(wide), Some(&Modality::Ct));
        assert!(
            found.cut_off.is_some_and(|share| (share - 48.0 / 252.0).abs() < 1e-9),
            "{:?}",
            found.cut_off
        );
        assert!(found.remarks.iter().any(|remark| remark.text.contains("cuts the body: it covers 19.0%")));
    }

    #[test]
    fn hostile_volumes_are_answered() {
        for values in [vec![f32::NAN; 64 * 64 * 12], vec![3.0; 64 * 64 * 12], vec![f32::MAX; 64 * 64 * 12]] {
            for modality in [Some(&Modality::Ct), Some(&Modality::Mr), None] {
                let found = volume_quality(&volume::<Arbitrary>(values.clone()), modality);
                assert!(!found.card.is_fit());
            }
        }
        let spacing = Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0)).expect("positive");
        for size in [[1, 1, 1], [2, 1, 30], [1, 9, 9], [3, 3, 1]] {
            let grid = Geometry::axis_aligned(size, spacing).expect("a grid");
            let values = (0..grid.voxels()).map(|at| at as f32).collect();
            let made = Volume::<Arbitrary>::new(grid, values).expect("fits");
            for modality in [Some(&Modality::Ct), Some(&Modality::Mr)] {
                assert_eq!(volume_quality(&made, modality).noise.len(), size[2]);
            }
        }
    }
}
