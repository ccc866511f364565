use wilhelm_study::{Mask, Progress, Volume, VoxelQuantity};

use crate::FilterError;
use crate::segment::morphology::Element;
use crate::segment::{Connectivity, components, holes, morphology, threshold};

/// The brain in a T1-weighted image of an adult head, ventricles included (skull strip).
///
/// Voxels of brain's brightness, freed from the scalp by an opening, the largest piece, grown back to
/// where the opening had cut it, then closed and filled. Eyes, neck and the meninges can come along in
/// part: a network does better where one is at hand.
///
/// # Errors
/// [`FilterError::Constant`] for an image of one value, [`FilterError::NotFound`] where what is left is
/// not of the size of a brain (500 to 2500 mL), [`FilterError::Cancelled`].
///
/// # Source
/// Atkins, Mackiewich 1998, doi:10.1109/42.668699 (automatic threshold, morphology), with the intensity
/// bounds of Smith 2002, doi:10.1002/hbm.10062
pub fn brain<Q: VoxelQuantity>(t1: &Volume<Q>, progress: &dyn Progress) -> Result<Mask, FilterError> {
    const STEPS: usize = 5;
    const PLAUSIBLE: std::ops::RangeInclusive<f64> = 500.0..=2500.0;
    let step = |done: usize| {
        progress.step(done, STEPS);
        if progress.cancelled() { Err(FilterError::Cancelled) } else { Ok(()) }
    };
    let mut finite: Vec<f32> = t1.voxels().iter().copied().filter(|value| value.is_finite()).collect();
    if finite.is_empty() {
        return Err(FilterError::NotFinite { count: t1.voxels().len() });
    }
    finite.sort_unstable_by(f32::total_cmp);
    let at = |share: f64| finite[((finite.len() - 1) as f64 * share) as usize];
    let (low, high) = (at(0.02), at(0.98));
    if high <= low {
        return Err(FilterError::Constant { value: low });
    }
    // Head from air, then brain from what is darker in the head: fluid and bone.
    let head = low + 0.1 * (high - low);
    let in_head: Vec<f32> = finite[finite.partition_point(|value| *value <= head)..]
        .iter()
        .map(|value| value.min(high))
        .collect();
    drop(finite);
    let tissue = midway(&in_head, threshold::otsu_of(&in_head, 256)?);
    // Gray matter lies below the middle between fluid and white matter.
    let least = head + 0.75 * (tissue - head);
    let bright = threshold::range(t1, least, f32::INFINITY)?;
    step(1)?;
    let mut best: Option<Mask> = None;
    for radius in [2.0, 3.0, 4.0, 5.0, 6.0] {
        let core = morphology::erode(&bright, Element::BallMm(radius))?;
        let largest = components::largest(&core, Connectivity::Faces, 1)?;
        let grown = morphology::dilate(&largest, Element::BallMm(radius + 1.0))?.intersection(&bright)?;
        let found = holes::fill(&morphology::close(&grown, Element::BallMm(8.0))?)?;
        let volume = found.milliliters();
        let spread = spread(&found);
        if PLAUSIBLE.contains(&volume) && spread < 1.45 {
            best = Some(found);
            break;
        }
    }
    step(4)?;
    let Some(found) = best else {
        let reason = "no opening leaves a compact piece of 500 to 2500 mL".to_owned();
        return Err(FilterError::NotFound { structure: "brain", reason });
    };
    let smooth = morphology::open(&found, Element::BallMm(3.0))?;
    let largest = components::largest(&smooth, Connectivity::Faces, 1)?;
    step(STEPS)?;
    Ok(largest)
}

/// The middle between the means on both sides of a threshold: where no value lies near it, Otsu's could be
/// anywhere between the two sides.
fn midway(values: &[f32], threshold: f32) -> f32 {
    let (mut sums, mut counts) = ([0.0_f64; 2], [0.0_f64; 2]);
    for value in values {
        let side = usize::from(*value > threshold);
        sums[side] += f64::from(*value);
        counts[side] += 1.0;
    }
    if counts.contains(&0.0) {
        return threshold;
    }
    ((sums[0] / counts[0] + sums[1] / counts[1]) / 2.0) as f32
}

/// How far a mask reaches from its center (root mean square) over what a ball of its volume would.
fn spread(mask: &Mask) -> f64 {
    let [columns, rows, _] = mask.geometry().size();
    let place =
        |at: usize| [(at % columns) as f64, (at / columns % rows) as f64, (at / (columns * rows)) as f64];
    let spacing = mask.geometry().spacing().millimeters();
    let (mut sum, mut square, mut count) = ([0.0_f64; 3], [0.0_f64; 3], 0.0);
    for (at, _) in mask.voxels().iter().enumerate().filter(|(_, inside)| **inside) {
        let place = place(at);
        for axis in 0..3 {
            let millimeters = place[axis] * spacing[axis];
            sum[axis] += millimeters;
            square[axis] += millimeters * millimeters;
        }
        count += 1.0;
    }
    let variance: f64 = (0..3).map(|axis| square[axis] / count - (sum[axis] / count).powi(2)).sum();
    let radius = (3.0 * mask.milliliters() * 1000.0 / (4.0 * std::f64::consts::PI)).cbrt();
    // The mean square distance from the center of a ball is three fifths of its radius squared.
    (variance / (0.6 * radius * radius)).sqrt()
}
