//! Sets of voxels by their value alone: a range, Otsu's threshold and its generalization,
//! hysteresis.

use rayon::prelude::*;
use wilhelm_study::Raster;

use super::binary::{Maskable, refuse_nan, where_value};
use super::runs::{Connectivity, Runs};
use crate::FilterError;

/// Voxels from `low` to `high`, both included.
///
/// A value that is not a number is in no range.
///
/// # Units
/// Those of the image.
///
/// # Errors
/// [`FilterError::Parameter`] if `low` is above `high` or one is not a number.
pub fn range<I: Maskable>(image: &I, low: f32, high: f32) -> Result<I::Mask, FilterError> {
    if low.is_nan() || high.is_nan() || low > high {
        return Err(FilterError::parameter(
            "range",
            format!("{low} to {high}"),
            "a low end not above the high end",
        ));
    }
    Ok(image.mask(where_value(image.values(), |value| value >= low && value <= high))?)
}

/// Otsu's threshold of an image: the value that best parts it into a dark and a bright class.
///
/// The histogram has `bins` equal bins from the smallest to the largest value; the result is the
/// center of the last bin of the dark class, so the bright class is what lies *above* it.
///
/// # Units
/// Those of the image.
///
/// # Errors
/// [`FilterError::NotFinite`], [`FilterError::Constant`] for an image of one value,
/// [`FilterError::Parameter`] for fewer than 2 or more than 65 536 bins.
///
/// # Source
/// Otsu 1979, doi:10.1109/TSMC.1979.4310076; bins as in scikit-image's `threshold_otsu`.
pub fn otsu(image: &impl Raster, bins: usize) -> Result<f32, FilterError> {
    otsu_of(image.values(), bins)
}

/// [`otsu`] of chosen values, for example those inside a body mask.
///
/// # Errors
/// As [`otsu`], and [`FilterError::TooFew`] for no values.
pub fn otsu_of(values: &[f32], bins: usize) -> Result<f32, FilterError> {
    let histogram = Histogram::of(values, bins)?;
    let counts: Vec<f64> = histogram.counts.iter().map(|count| *count as f64).collect();
    let centers = histogram.centers();
    let total: f64 = counts.iter().sum();
    let moment: f64 = counts.iter().zip(&centers).map(|(count, center)| count * f64::from(*center)).sum();
    let (mut below, mut below_moment) = (0.0, 0.0);
    let (mut best, mut threshold) = (f64::NEG_INFINITY, centers[0]);
    for (count, center) in counts.iter().zip(&centers).take(counts.len() - 1) {
        below += count;
        below_moment += count * f64::from(*center);
        let above = total - below;
        let apart = below_moment / below - (moment - below_moment) / above;
        let between = below * above * apart * apart;
        if between > best {
            (best, threshold) = (between, *center);
        }
    }
    Ok(threshold)
}

/// The `classes - 1` thresholds that part an image into classes of the largest variance between them.
///
/// Class `k` is what lies above threshold `k - 1` and not above threshold `k`. Found exactly, by
/// dynamic programming over the bins.
///
/// # Units
/// Those of the image.
///
/// # Errors
/// As [`otsu`], and [`FilterError::Parameter`] for more than 4096 bins, fewer than 2 or more than 64
/// classes, or more classes than bins that hold a value.
///
/// # Source
/// Liao, Chen, Chung 2001 (the quantity that is made largest); bins as in scikit-image's
/// `threshold_multiotsu`.
pub fn multi_otsu(image: &impl Raster, classes: usize, bins: usize) -> Result<Vec<f32>, FilterError> {
    if bins > 4096 {
        return Err(FilterError::parameter("bins", bins, "2 to 4096: the work grows with their square"));
    }
    let histogram = Histogram::of(image.values(), bins)?;
    let filled: Vec<usize> = (0..bins).filter(|bin| histogram.counts[*bin] > 0).collect();
    if classes < 2 || classes > filled.len().min(64) {
        let expected = "2 to 64 classes, and no more than bins that hold a value";
        return Err(FilterError::parameter("classes", classes, expected));
    }
    let centers = histogram.centers();
    if classes == filled.len() {
        return Ok(filled[..classes - 1].iter().map(|bin| centers[*bin]).collect());
    }
    // Running sums of count and of count times bin, so that a class's moments are differences.
    let mut weight = vec![0.0; bins + 1];
    let mut moment = vec![0.0; bins + 1];
    for (bin, count) in histogram.counts.iter().enumerate() {
        weight[bin + 1] = weight[bin] + *count as f64;
        moment[bin + 1] = moment[bin] + *count as f64 * bin as f64;
    }
    let gain = |from: usize, to: usize| {
        let mass = weight[to] - weight[from];
        let first = moment[to] - moment[from];
        if mass > 0.0 { first * first / mass } else { 0.0 }
    };
    // best[end]: the best sum of classes that cover bins 0..end; cut[class][end]: where the last begins.
    let mut best: Vec<f64> = (0..=bins).map(|end| gain(0, end)).collect();
    let mut cut = Vec::with_capacity(classes - 1);
    for class in 1..classes {
        let last_class = |end: usize| {
            let starts = (class..end).map(|start| (best[start] + gain(start, end), start));
            starts.fold((f64::NEG_INFINITY, 0), |best, next| if next.0 > best.0 { next } else { best })
        };
        let (better, from): (Vec<f64>, Vec<usize>) = (0..=bins).map(last_class).unzip();
        best = better;
        cut.push(from);
    }
    let mut end = bins;
    let mut thresholds: Vec<f32> = cut
        .iter()
        .rev()
        .map(|from| {
            end = from[end];
            centers[end - 1]
        })
        .collect();
    thresholds.reverse();
    Ok(thresholds)
}

/// Voxels above `low` that hang together (through faces) with a voxel above `high`.
///
/// # Units
/// Those of the image.
///
/// # Errors
/// [`FilterError::Parameter`] if `low` is above `high` or one is not a number.
///
/// # Source
/// Canny 1986, doi:10.1109/TPAMI.1986.4767851; as scikit-image's `apply_hysteresis_threshold`.
pub fn hysteresis<I: Maskable>(image: &I, low: f32, high: f32) -> Result<I::Mask, FilterError> {
    if low.is_nan() || high.is_nan() || low > high {
        let found = format!("{low} and {high}");
        return Err(FilterError::parameter("thresholds", found, "a low one not above the high one"));
    }
    let values = image.values();
    let runs = Runs::of(image.size(), &where_value(values, |value| value > low), true, Connectivity::Faces)?;
    let mut keep = vec![false; runs.list.len()];
    runs.each(|label, from, to| keep[label] |= values[from..to].iter().any(|value| *value > high));
    Ok(image.mask(runs.painted(|label| keep[label]))?)
}

/// Counts of equal bins from the smallest to the largest value, with NumPy's edges.
struct Histogram {
    counts: Vec<u64>,
    edges: Vec<f32>,
}

impl Histogram {
    fn of(values: &[f32], bins: usize) -> Result<Self, FilterError> {
        if !(2..=1 << 16).contains(&bins) {
            return Err(FilterError::parameter("bins", bins, "2 to 65536"));
        }
        if values.is_empty() {
            return Err(FilterError::TooFew { what: "the image", found: 0, expected: 1 });
        }
        refuse_nan(values, true)?;
        let (low, high) = values
            .par_chunks(1 << 16)
            .map(|chunk| {
                chunk.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| {
                    (if *value < low { *value } else { low }, if *value > high { *value } else { high })
                })
            })
            .reduce(|| (f32::INFINITY, f32::NEG_INFINITY), |a, b| (a.0.min(b.0), a.1.max(b.1)));
        if low == high {
            return Err(FilterError::Constant { value: low });
        }
        let step = (high - low) / bins as f32;
        if !(step.is_finite() && step > 0.0) {
            return Err(FilterError::parameter("bins", bins, "bins that can be told apart in 32 bits"));
        }
        // NumPy's linspace in single precision, so that a value at an edge falls on the same side.
        let mut edges: Vec<f32> = (0..bins).map(|bin| bin as f32 * step + low).collect();
        edges.push(high);
        let scale = bins as f64 / (f64::from(high) - f64::from(low));
        let counts = values
            .par_chunks(1 << 16)
            .fold(
                || vec![0_u64; bins],
                |mut counts, chunk| {
                    for value in chunk {
                        let guess = (f64::from(*value) - f64::from(low)) * scale;
                        let mut bin = (guess as usize).min(bins - 1);
                        if *value < edges[bin] {
                            bin = bin.saturating_sub(1);
                        } else if *value >= edges[bin + 1] && bin + 1 < bins {
                            bin += 1;
                        }
                        counts[bin] += 1;
                    }
                    counts
                },
            )
            .reduce(
                || vec![0; bins],
                |mut a, b| {
                    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
                    a
                },
            );
        Ok(Self { counts, edges })
    }

    fn centers(&self) -> Vec<f32> {
        self.edges.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Arbitrary, Projection};

    fn row(values: &[f32]) -> Projection<Arbitrary> {
        Projection::new(values.len(), 1, values.to_vec(), None).expect("fits")
    }

    #[test]
    fn a_range_holds_its_ends_and_nothing_that_is_not_a_number() {
        let image = row(&[0.9, 1.0, 1.5, 2.0, 2.1, f32::NAN]);
        let inside = range(&image, 1.0, 2.0).expect("a range");
        assert_eq!(inside.pixels(), [false, true, true, true, false, false]);
        assert!(range(&image, 2.0, 1.0).is_err() && range(&image, f32::NAN, 1.0).is_err());
    }

    #[test]
    fn otsu_parts_two_heaps_worked_on_paper() {
        // Bins of width 1 from 0 to 4: counts 2, 1, 0, 2. Cut after bin 0: 2*3*(0.5-8.5/3)^2 = 32.7;
        // after bin 1: 3*2*((0.5+0.5+1.5)/3-3.5)^2 = 42.7, after bin 2 the same: the first counts.
        let image = row(&[0.0, 0.5, 1.0, 3.5, 4.0]);
        assert_eq!(otsu(&image, 4), Ok(1.5));
        assert_eq!(multi_otsu(&image, 3, 4), Ok(vec![0.5, 1.5]));
    }

    #[test]
    fn images_that_cannot_be_parted_are_refused() {
        assert_eq!(otsu(&row(&[3.0; 4]), 256), Err(FilterError::Constant { value: 3.0 }));
        assert_eq!(otsu(&row(&[3.0, f32::NAN]), 256), Err(FilterError::NotFinite { count: 1 }));
        assert!(otsu(&row(&[3.0, 4.0]), 1).is_err() && otsu_of(&[], 256).is_err());
        assert!(multi_otsu(&row(&[3.0, 4.0]), 3, 256).is_err());
        assert!(otsu(&row(&[f32::MIN, f32::MAX]), 256).is_err());
    }

    #[test]
    fn hysteresis_keeps_the_weak_only_beside_the_strong() {
        let image = row(&[2.0, 3.0, 0.0, 2.0, 2.0, 0.0, 3.0]);
        let kept = hysteresis(&image, 1.0, 2.5).expect("thresholds");
        assert_eq!(kept.pixels(), [true, true, false, false, false, false, true]);
    }
}
