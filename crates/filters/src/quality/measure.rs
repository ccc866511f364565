use super::{NeighborCorrelation, QualityCard, ValueRange};

/// Steps between the least and the greatest value in which levels are told apart.
const LEVELS: usize = 65_536;
/// Steps of the range for entropy and the commonest value.
const BINS: usize = 256;
/// Most cells a side of the grid that sharpness is measured on.
pub(super) const SHARPNESS_CELLS: usize = 64;
/// Most cells a side of the grid that structure is looked for on.
const STRUCTURE_CELLS: usize = 16;
/// Fewest pairs of neighbors that support a correlation: its standard error is then 0.125.
const FEWEST_PAIRS: u64 = 64;

/// Everything but the remarks.
pub(super) fn measure(values: &[f32], columns: usize, rows: usize, range: Option<(f32, f32)>) -> QualityCard {
    let plane = columns.saturating_mul(rows);
    let fits = plane > 0 && !values.is_empty() && values.len().is_multiple_of(plane);
    let values = if fits { values } else { &[] };
    let mut card = QualityCard {
        columns,
        rows,
        slices: values.len().checked_div(plane).unwrap_or(0),
        not_finite: 0.0,
        range: None,
        saturated_low: 0.0,
        saturated_high: 0.0,
        mean: 0.0,
        standard_deviation: 0.0,
        distinct_levels: 0,
        commonest_share: 0.0,
        entropy_bits: 0.0,
        noise_sigma: None,
        contrast_to_noise: None,
        laplacian_variance: None,
        sharpness: None,
        pixel_correlation: None,
        structure_correlation: None,
        remarks: Vec::new(),
    };
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let count = finite().count();
    if values.is_empty() {
        return card;
    }
    card.not_finite = 1.0 - count as f64 / values.len() as f64;
    if count == 0 {
        return card;
    }

    let least = finite().fold(f32::INFINITY, f32::min);
    let greatest = finite().fold(f32::NEG_INFINITY, f32::max);
    let stated = range.filter(|(low, high)| low.is_finite() && high.is_finite() && low < high);
    let (low, high) = stated.unwrap_or((least, greatest));
    card.range = Some(ValueRange { low, high, stated: stated.is_some() });
    card.saturated_low = finite().filter(|value| *value <= low).count() as f64 / count as f64;
    card.saturated_high = finite().filter(|value| *value >= high).count() as f64 / count as f64;
    let (mean, variance) = moments(finite);
    card.mean = mean;
    card.standard_deviation = variance.sqrt();

    let levels = histogram(finite(), least, greatest, LEVELS);
    card.distinct_levels = levels.iter().filter(|level| **level > 0).count();
    let bins = histogram(finite(), low, high, BINS);
    let most = bins.iter().copied().max().unwrap_or(0);
    card.commonest_share = most as f64 / count as f64;
    card.entropy_bits = entropy_bits(&bins, count as u64);

    let (noise_sigma, laplacian) = stencils(values, columns, rows);
    card.noise_sigma = noise_sigma;
    card.laplacian_variance = laplacian;
    let step = (f64::from(greatest) - f64::from(least)) / (LEVELS - 1) as f64;
    let spread = (percentile(&levels, 0.99) - percentile(&levels, 0.01)) as f64 * step;
    card.contrast_to_noise = noise_sigma.filter(|sigma| *sigma > 0.0).map(|sigma| spread / sigma);

    card.pixel_correlation = correlation(values, columns, rows);
    let (cells, cell_columns, cell_rows) = block_means(values, columns, rows, SHARPNESS_CELLS);
    let (_, cell_variance) = moments(|| cells.iter().copied().filter(|value| value.is_finite()));
    card.sharpness = stencils(&cells, cell_columns, cell_rows)
        .1
        .filter(|_| cell_variance > 0.0)
        .map(|laplacian| laplacian / cell_variance);
    let (cells, cell_columns, cell_rows) = block_means(values, columns, rows, STRUCTURE_CELLS);
    card.structure_correlation = correlation(&cells, cell_columns, cell_rows);
    card
}

/// Mean and population variance, in two passes. Zero and zero of nothing.
pub(super) fn moments<I: Iterator<Item = f32>>(finite: impl Fn() -> I) -> (f64, f64) {
    let (sum, count) = finite().fold((0.0, 0_u64), |(sum, count), value| (sum + f64::from(value), count + 1));
    if count == 0 {
        return (0.0, 0.0);
    }
    let mean = sum / count as f64;
    let squares: f64 = finite().map(|value| (f64::from(value) - mean).powi(2)).sum();
    (mean, squares / count as f64)
}

/// Counts in equal steps from `low` to `high`, both ends included; values beyond fall into the outer steps.
fn histogram(values: impl Iterator<Item = f32>, low: f32, high: f32, steps: usize) -> Vec<u64> {
    let mut counts = vec![0; steps];
    let width = f64::from(high) - f64::from(low);
    for value in values {
        let place = if width > 0.0 { (f64::from(value) - f64::from(low)) / width } else { 0.0 };
        // Nearest step, so that 0 to 255 in 256 steps and 0 to 65,535 in 65,536 have one value each.
        let step = (place.clamp(0.0, 1.0) * (steps - 1) as f64).round() as usize;
        counts[step.min(steps - 1)] += 1;
    }
    counts
}

/// The lowest step with at least this fraction of all counts at or below it.
fn percentile(counts: &[u64], fraction: f64) -> usize {
    let total: u64 = counts.iter().sum();
    let wanted = fraction * total as f64;
    let mut seen = 0;
    for (step, count) in counts.iter().enumerate() {
        seen += count;
        if seen as f64 >= wanted {
            return step;
        }
    }
    counts.len().saturating_sub(1)
}

fn entropy_bits(counts: &[u64], total: u64) -> f64 {
    let bits: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| *count as f64 / total as f64)
        .map(|share| share * share.log2())
        .sum();
    (-bits).max(0.0)
}

/// Noise sigma (Immerkaer's mask) and the variance of the Laplacian, over all pixels that have eight neighbors
/// in their slice. A window that holds a value which is no number is left out.
pub(super) fn stencils(values: &[f32], columns: usize, rows: usize) -> (Option<f64>, Option<f64>) {
    if columns < 3 || rows < 3 {
        return (None, None);
    }
    let (mut absolute, mut sum, mut squares, mut count) = (0.0, 0.0, 0.0, 0_u64);
    for slice in values.chunks_exact(columns * rows) {
        for row in 1..rows - 1 {
            let above = &slice[(row - 1) * columns..row * columns];
            let middle = &slice[row * columns..(row + 1) * columns];
            let below = &slice[(row + 1) * columns..(row + 2) * columns];
            for column in 1..columns - 1 {
                let at = |line: &[f32], column: usize| f64::from(line[column]);
                let corners = at(above, column - 1)
                    + at(above, column + 1)
                    + at(below, column - 1)
                    + at(below, column + 1);
                let edges =
                    at(above, column) + at(below, column) + at(middle, column - 1) + at(middle, column + 1);
                let center = at(middle, column);
                let mask = corners - 2.0 * edges + 4.0 * center;
                if mask.is_finite() {
                    let laplacian = edges - 4.0 * center;
                    absolute += mask.abs();
                    sum += laplacian;
                    squares += laplacian * laplacian;
                    count += 1;
                }
            }
        }
    }
    if count == 0 {
        return (None, None);
    }
    let count = count as f64;
    let sigma = (std::f64::consts::PI / 2.0).sqrt() / 6.0 * absolute / count;
    (Some(sigma), Some((squares / count - (sum / count).powi(2)).max(0.0)))
}

/// Pearson correlation of every value with its neighbor in the row and in the column.
fn correlation(values: &[f32], columns: usize, rows: usize) -> Option<NeighborCorrelation> {
    let mut along_rows = Pairs::default();
    let mut along_columns = Pairs::default();
    let (mean, _) = moments(|| values.iter().copied().filter(|value| value.is_finite()));
    for slice in values.chunks_exact((columns * rows).max(1)) {
        for row in 0..rows {
            for column in 0..columns {
                let here = f64::from(slice[row * columns + column]) - mean;
                if column + 1 < columns {
                    along_rows.add(here, f64::from(slice[row * columns + column + 1]) - mean);
                }
                if row + 1 < rows {
                    along_columns.add(here, f64::from(slice[(row + 1) * columns + column]) - mean);
                }
            }
        }
    }
    Some(NeighborCorrelation {
        along_rows: along_rows.correlation()?,
        along_columns: along_columns.correlation()?,
    })
}

/// Sums over pairs, around a common origin.
#[derive(Default)]
struct Pairs {
    count: u64,
    first: f64,
    second: f64,
    first_squares: f64,
    second_squares: f64,
    products: f64,
}

impl Pairs {
    fn add(&mut self, first: f64, second: f64) {
        if first.is_finite() && second.is_finite() {
            self.count += 1;
            self.first += first;
            self.second += second;
            self.first_squares += first * first;
            self.second_squares += second * second;
            self.products += first * second;
        }
    }

    fn correlation(&self) -> Option<f64> {
        if self.count < FEWEST_PAIRS {
            return None;
        }
        let count = self.count as f64;
        let product = self.products / count - self.first / count * self.second / count;
        let first = self.first_squares / count - (self.first / count).powi(2);
        let second = self.second_squares / count - (self.second / count).powi(2);
        let scale = (first * second).sqrt();
        (first > 0.0 && second > 0.0 && scale > 0.0).then(|| (product / scale).clamp(-1.0, 1.0))
    }
}

/// Means of square blocks, as many a side as keep the longer side within `most` cells; rows and columns left
/// over at the far edges are dropped. Returns the cells, their columns and their rows.
pub(super) fn block_means(
    values: &[f32],
    columns: usize,
    rows: usize,
    most: usize,
) -> (Vec<f32>, usize, usize) {
    let side = columns.max(rows).div_ceil(most).max(1);
    let (cell_columns, cell_rows) = (columns / side, rows / side);
    let mut cells = Vec::new();
    for slice in values.chunks_exact((columns * rows).max(1)) {
        for cell_row in 0..cell_rows {
            for cell_column in 0..cell_columns {
                let (mut sum, mut count) = (0.0, 0_u32);
                for row in cell_row * side..(cell_row + 1) * side {
                    let start = row * columns + cell_column * side;
                    for value in slice[start..start + side].iter().filter(|value| value.is_finite()) {
                        sum += f64::from(*value);
                        count += 1;
                    }
                }
                cells.push(if count == 0 { f32::NAN } else { (sum / f64::from(count)) as f32 });
            }
        }
    }
    (cells, cell_columns, cell_rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_noise_mask_answers_a_single_spike_as_worked_on_paper() {
        // One value of 9 in the center of 5 x 5 zeros: the nine windows see 4, -2, 1 times 9 once, 4 and 4 times:
        // sum of magnitudes = 9 * (4 + 4 * 2 + 4 * 1) = 144; sigma = sqrt(pi/2) / 6 * 144 / 9.
        let mut spike = vec![0.0_f32; 25];
        spike[12] = 9.0;
        let (sigma, laplacian) = stencils(&spike, 5, 5);
        let expected = (std::f64::consts::PI / 2.0).sqrt() / 6.0 * 16.0;
        assert!((sigma.expect("a window") - expected).abs() < 1e-12);
        // Laplacian: -36 once, 9 four times, 0 four times: mean 0, mean square (1296 + 324) / 9 = 180.
        assert!((laplacian.expect("a window") - 180.0).abs() < 1e-12);
    }

    #[test]
    fn a_plane_has_no_noise_and_no_laplacian() {
        let plane: Vec<f32> = (0..35).map(|place| (3 * (place % 7) + 5 * (place / 7)) as f32).collect();
        assert_eq!(stencils(&plane, 7, 5), (Some(0.0), Some(0.0)));
    }

    #[test]
    fn a_checkerboard_is_the_opposite_of_its_neighbors() {
        let board: Vec<f32> = (0..144).map(|place| ((place % 12 + place / 12) % 2) as f32).collect();
        let found = correlation(&board, 12, 12).expect("enough pairs");
        assert!((found.along_rows + 1.0).abs() < 1e-12 && (found.along_columns + 1.0).abs() < 1e-12);
        assert_eq!(correlation(&board[..49], 7, 7), None, "42 pairs are too few");
    }

    #[test]
    fn two_equally_frequent_values_have_one_bit() {
        let counts = histogram([0.0, 255.0, 255.0, 0.0].into_iter(), 0.0, 255.0, 256);
        assert!((entropy_bits(&counts, 4) - 1.0).abs() < 1e-12);
        assert_eq!((counts[0], counts[255]), (2, 2));
        assert_eq!((percentile(&counts, 0.5), percentile(&counts, 0.51)), (0, 255));
    }

    #[test]
    fn block_means_drop_what_is_left_over() {
        // 5 x 4 with at most 2 cells a side: blocks of 3 x 3, one cell; the mean of columns 0-2, rows 0-2.
        let values: Vec<f32> = (0..20).map(|value| value as f32).collect();
        let (cells, columns, rows) = block_means(&values, 5, 4, 2);
        assert_eq!((cells, columns, rows), (vec![6.0], 1, 1));
    }
}
