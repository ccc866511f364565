use rayon::prelude::*;

use super::definition::{Dimension, Entry, entry};
use super::discretize::Levels;

use Dimension::{Intensity, IntensitySquared, IntensitySquaredVolume, Number};

/// First order features, in the order of [`first_order`].
#[rustfmt::skip]
pub(super) const FIRST_ORDER: [Entry; 22] = [
    entry("Energy", "N8CA", IntensitySquared, "sum (x + shift)^2"),
    entry("TotalEnergy", "", IntensitySquaredVolume, "voxel volume * Energy"),
    entry("Entropy", "TLU2", Number, "-sum p log2 p over the gray levels"),
    entry("Minimum", "1GSF", Intensity, "min x"),
    entry("10Percentile", "QG58", Intensity, "10th percentile, linear between ranks"),
    entry("90Percentile", "8DWT", Intensity, "90th percentile, linear between ranks"),
    entry("Maximum", "84IY", Intensity, "max x"),
    entry("Mean", "Q4LE", Intensity, "sum x / n"),
    entry("Median", "Y12H", Intensity, "50th percentile"),
    entry("InterquartileRange", "SALO", Intensity, "75th - 25th percentile"),
    entry("Range", "2OJQ", Intensity, "max x - min x"),
    entry("MeanAbsoluteDeviation", "4FUA", Intensity, "sum |x - mean| / n"),
    entry("RobustMeanAbsoluteDeviation", "1128", Intensity, "mean absolute deviation of x between the 10th and 90th percentiles"),
    entry("RootMeanSquared", "5ZWQ", Intensity, "sqrt(sum (x + shift)^2 / n)"),
    entry("StandardDeviation", "", Intensity, "sqrt(Variance)"),
    entry("Skewness", "KE2A", Number, "m3 / m2^1.5; 0 for a flat region"),
    entry("Kurtosis", "IPH6", Number, "m4 / m2^2, 3 above IBSI's excess kurtosis; 0 for a flat region"),
    entry("Variance", "ECT3", IntensitySquared, "sum (x - mean)^2 / n"),
    entry("Uniformity", "BJ5W", Number, "sum p^2 over the gray levels"),
    entry("MedianAbsoluteDeviation", "N72L", Intensity, "sum |x - median| / n (IBSI; not in pyradiomics)"),
    entry("CoefficientOfVariation", "7TET", Number, "StandardDeviation / Mean (IBSI)"),
    entry("QuartileCoefficientOfDispersion", "9S40", Number, "(p75 - p25) / (p75 + p25) (IBSI)"),
];

/// Intensity histogram features, in the order of [`histogram`].
#[rustfmt::skip]
pub(super) const HISTOGRAM: [Entry; 23] = [
    entry("Mean", "X6K6", Number, "sum p i over the gray levels i"),
    entry("Variance", "CH89", Number, "sum p (i - mean)^2"),
    entry("Skewness", "88K1", Number, "m3 / m2^1.5; 0 for a flat region"),
    entry("Kurtosis", "C3I7", Number, "m4 / m2^2 - 3 (excess, as IBSI has it); 0 for a flat region"),
    entry("Median", "WIFQ", Number, "50th percentile of the gray levels"),
    entry("Minimum", "1PR8", Number, "lowest gray level"),
    entry("10Percentile", "GPMT", Number, "10th percentile"),
    entry("90Percentile", "OZ0C", Number, "90th percentile"),
    entry("Maximum", "3NCY", Number, "highest gray level"),
    entry("Mode", "AMMC", Number, "most frequent gray level; of several, the one nearest the mean, then the lowest"),
    entry("InterquartileRange", "WR0O", Number, "75th - 25th percentile"),
    entry("Range", "5Z3W", Number, "highest - lowest gray level"),
    entry("MeanAbsoluteDeviation", "D2ZX", Number, "sum p |i - mean|"),
    entry("RobustMeanAbsoluteDeviation", "WRZB", Number, "mean absolute deviation between the 10th and 90th percentiles"),
    entry("MedianAbsoluteDeviation", "4RNL", Number, "sum p |i - median|"),
    entry("CoefficientOfVariation", "CWYJ", Number, "sqrt(Variance) / Mean"),
    entry("QuartileCoefficientOfDispersion", "SLWD", Number, "(p75 - p25) / (p75 + p25)"),
    entry("Entropy", "TLU2", Number, "-sum p log2 p"),
    entry("Uniformity", "BJ5W", Number, "sum p^2"),
    entry("MaximumGradient", "12CE", Number, "largest slope of the counts: central differences, one-sided at the ends"),
    entry("MaximumGradientGrayLevel", "8E6O", Number, "its gray level, the lowest of several"),
    entry("MinimumGradient", "VQB3", Number, "smallest slope of the counts"),
    entry("MinimumGradientGrayLevel", "RHQZ", Number, "its gray level, the lowest of several"),
];

/// Statistics of values in ascending order.
struct Statistics {
    count: f64,
    mean: f64,
    variance: f64,
    skewness: f64,
    /// `m4 / m2^2`, not reduced by 3.
    kurtosis: f64,
    p10: f64,
    p25: f64,
    median: f64,
    p75: f64,
    p90: f64,
    mean_deviation: f64,
    robust_deviation: f64,
    median_deviation: f64,
}

impl Statistics {
    fn of(sorted: &[f64]) -> Self {
        let count = sorted.len() as f64;
        let mean = sorted.iter().sum::<f64>() / count;
        let [mut squares, mut cubes, mut fourths, mut deviations] = [0.0; 4];
        for value in sorted {
            let off = value - mean;
            squares += off * off;
            cubes += off * off * off;
            fourths += off * off * off * off;
            deviations += off.abs();
        }
        let (variance, third, fourth) = (squares / count, cubes / count, fourths / count);
        // A sum of rounding errors is no spread.
        let flat = sorted.first() == sorted.last();
        let [p10, p25, median, p75, p90] = [0.1, 0.25, 0.5, 0.75, 0.9].map(|part| percentile(sorted, part));
        let from = sorted.partition_point(|value| *value < p10);
        let to = sorted.partition_point(|value| *value <= p90);
        let robust = if from < to { &sorted[from..to] } else { &[] };
        let robust_mean = robust.iter().sum::<f64>() / robust.len() as f64;
        Self {
            count,
            mean,
            variance: if flat { 0.0 } else { variance },
            skewness: if flat { 0.0 } else { third / variance.powf(1.5) },
            kurtosis: if flat { 0.0 } else { fourth / (variance * variance) },
            p10,
            p25,
            median,
            p75,
            p90,
            mean_deviation: deviations / count,
            robust_deviation: robust.iter().map(|value| (value - robust_mean).abs()).sum::<f64>()
                / robust.len() as f64,
            median_deviation: sorted.iter().map(|value| (value - median).abs()).sum::<f64>() / count,
        }
    }
}

/// The value below which a part of the sorted values lies, linear between ranks (`numpy.percentile`).
fn percentile(sorted: &[f64], part: f64) -> f64 {
    let rank = part * (sorted.len() - 1) as f64;
    let below = rank.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (rank - below as f64)
}

/// First order features; sorts the values.
pub(super) fn first_order(
    values: &mut [f64],
    levels: &Levels,
    shift: f64,
    voxel_volume: f64,
) -> [f64; FIRST_ORDER.len()] {
    values.par_sort_unstable_by(f64::total_cmp);
    let found = Statistics::of(values);
    let energy = values.iter().map(|value| (value + shift).powi(2)).sum::<f64>();
    let (low, high) = (values[0], values[values.len() - 1]);
    let (entropy, uniformity) = entropy_and_uniformity(&levels.histogram());
    [
        energy,
        energy * voxel_volume,
        entropy,
        low,
        found.p10,
        found.p90,
        high,
        found.mean,
        found.median,
        found.p75 - found.p25,
        high - low,
        found.mean_deviation,
        found.robust_deviation,
        (energy / found.count).sqrt(),
        found.variance.sqrt(),
        found.skewness,
        found.kurtosis,
        found.variance,
        uniformity,
        found.median_deviation,
        found.variance.sqrt() / found.mean,
        (found.p75 - found.p25) / (found.p75 + found.p25),
    ]
}

/// Intensity histogram features.
pub(super) fn histogram(levels: &Levels) -> [f64; HISTOGRAM.len()] {
    let counts = levels.histogram();
    let mut sorted = Vec::with_capacity(levels.voxels);
    for (level, count) in counts.iter().enumerate() {
        sorted.extend(std::iter::repeat_n(level as f64, *count as usize));
    }
    let found = Statistics::of(&sorted);
    let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
    let (entropy, uniformity) = entropy_and_uniformity(&counts);
    let mode = (1..counts.len()).fold(1, |best, level| {
        let nearer = (level as f64 - found.mean).abs() < (best as f64 - found.mean).abs();
        let better = counts[level] > counts[best] || (counts[level] == counts[best] && nearer);
        if better { level } else { best }
    });
    let slopes = slopes(&counts[1..]);
    let steepest =
        slopes.iter().enumerate().fold(0, |best, (at, slope)| if *slope > slopes[best] { at } else { best });
    let lowest =
        slopes.iter().enumerate().fold(0, |best, (at, slope)| if *slope < slopes[best] { at } else { best });
    [
        found.mean,
        found.variance,
        found.skewness,
        if low == high { 0.0 } else { found.kurtosis - 3.0 },
        found.median,
        low,
        found.p10,
        found.p90,
        high,
        mode as f64,
        found.p75 - found.p25,
        high - low,
        found.mean_deviation,
        found.robust_deviation,
        found.median_deviation,
        found.variance.sqrt() / found.mean,
        (found.p75 - found.p25) / (found.p75 + found.p25),
        entropy,
        uniformity,
        slopes[steepest],
        (steepest + 1) as f64,
        slopes[lowest],
        (lowest + 1) as f64,
    ]
}

/// Slope of the counts at each gray level; 0 where there is one level.
fn slopes(counts: &[u64]) -> Vec<f64> {
    let last = counts.len() - 1;
    let count = |level: usize| counts[level] as f64;
    (0..=last)
        .map(|level| match level {
            _ if last == 0 => 0.0,
            0 => count(1) - count(0),
            level if level == last => count(last) - count(last - 1),
            level => (count(level + 1) - count(level - 1)) / 2.0,
        })
        .collect()
}

fn entropy_and_uniformity(counts: &[u64]) -> (f64, f64) {
    let total = counts.iter().sum::<u64>() as f64;
    let shares = || counts.iter().filter(|count| **count > 0).map(|count| *count as f64 / total);
    // A single share sums to -0; adding 0 drops the sign.
    let entropy = shares().map(|share| -share * share.log2()).sum::<f64>() + 0.0;
    (entropy, shares().map(|share| share * share).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_numbers_worked_on_paper() {
        let found = Statistics::of(&[1.0, 2.0, 3.0, 6.0]);
        assert_eq!((found.mean, found.variance, found.median), (3.0, 3.5, 2.5));
        assert_eq!((found.p25, found.p75), (1.75, 3.75));
        // Third moment (-8 - 1 + 0 + 27) / 4, fourth (16 + 1 + 0 + 81) / 4.
        assert!((found.skewness - 4.5 / 3.5_f64.powf(1.5)).abs() < 1e-15);
        assert!((found.kurtosis - 24.5 / 12.25).abs() < 1e-15);
        assert_eq!((found.mean_deviation, found.median_deviation), (1.5, 1.5));
        // Between 1.3 and 5.1 lie 2 and 3.
        assert_eq!(found.robust_deviation, 0.5);
    }

    #[test]
    fn slopes_are_central_inside_and_one_sided_at_the_ends() {
        assert_eq!(slopes(&[5, 1, 4, 4]), [-4.0, -0.5, 1.5, 0.0]);
        assert_eq!(slopes(&[5]), [0.0]);
    }
}
