use super::gradients::range;
use super::{Attribution, ExplainError};

/// Rank correlation of two lists, ties given their mean rank; nothing where one of them is all equal.
///
/// # Panics
/// If the lists differ in length.
///
/// # Source
/// Spearman 1904, doi:10.2307/1412159
pub(super) fn rank_correlation(first: &[f32], second: &[f32]) -> Option<f64> {
    assert_eq!(first.len(), second.len(), "one rank for each place");
    let (first, second) = (ranks(first), ranks(second));
    let middle = (first.len() as f64 + 1.0) / 2.0;
    let product =
        |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum::<f64>();
    let scale = (product(&first, &first) * product(&second, &second)).sqrt();
    (scale > 0.0).then(|| product(&first, &second) / scale)
}

fn ranks(values: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    // Equal as numbers, so that 0 and -0 tie.
    let mut next = 0;
    while next < order.len() {
        let mut end = next + 1;
        while end < order.len() && values[order[end]] == values[order[next]] {
            end += 1;
        }
        let mean = (next + 1 + end) as f64 / 2.0;
        order[next..end].iter().for_each(|at| ranks[*at] = mean);
        next = end;
    }
    ranks
}

/// Structural similarity of two maps that were each brought to the range 0 to 1: the mean over windows of 7 places a
/// side (fewer where the grid is smaller, always an odd number), evenly weighted, with the unbiased covariance.
///
/// # Errors
/// [`ExplainError::Grid`] if the grids differ.
///
/// # Source
/// Wang et al. 2004, doi:10.1109/TIP.2003.819861; as `skimage.metrics.structural_similarity` by default
pub(super) fn structural_similarity(first: &Attribution, second: &Attribution) -> Result<f64, ExplainError> {
    if first.size() != second.size() {
        return Err(ExplainError::grid("the other map", second.size(), first.size()));
    }
    let size = first.size();
    let window = size.map(|length| if length >= 7 { 7 } else { length - (length + 1) % 2 });
    let (a, b) = (unit(first.values()), unit(second.values()));
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).collect::<Vec<_>>();
    let mean = |values: &[f64]| window_means(values, size, window);
    let (mean_a, mean_b) = (mean(&a), mean(&b));
    let (square_a, square_b, both) = (mean(&product(&a, &a)), mean(&product(&b, &b)), mean(&product(&a, &b)));
    let count = window.iter().product::<usize>() as f64;
    let unbiased = if count > 1.0 { count / (count - 1.0) } else { 1.0 };
    // The usual constants for a range of 1.
    let (c1, c2) = (0.01_f64.powi(2), 0.03_f64.powi(2));
    let sum: f64 = (0..mean_a.len())
        .map(|at| {
            let (x, y) = (mean_a[at], mean_b[at]);
            let variances = unbiased * (square_a[at] - x * x + square_b[at] - y * y);
            let covariance = unbiased * (both[at] - x * y);
            (2.0 * x * y + c1) * (2.0 * covariance + c2) / ((x * x + y * y + c1) * (variances + c2))
        })
        .sum();
    Ok(sum / mean_a.len() as f64)
}

/// From 0 to 1; a map that is all equal becomes 0.
fn unit(values: &[f32]) -> Vec<f64> {
    let (low, high) = range(values);
    let span = f64::from(high) - f64::from(low);
    let of = |value: &f32| if span > 0.0 { (f64::from(*value) - f64::from(low)) / span } else { 0.0 };
    values.iter().map(of).collect()
}

/// Means of all windows that lie within a grid.
fn window_means(values: &[f64], size: [usize; 3], window: [usize; 3]) -> Vec<f64> {
    let (mut size, mut current) = (size, values.to_vec());
    for axis in 0..3 {
        let before: usize = size[..axis].iter().product();
        let left = size[axis] - window[axis] + 1;
        let behind: usize = size[axis + 1..].iter().product();
        let mut next = Vec::with_capacity(before * left * behind);
        for block in current.chunks_exact(before * size[axis]) {
            for begin in 0..left {
                next.extend((0..before).map(|at| {
                    let line = (begin..begin + window[axis]).map(|step| block[step * before + at]);
                    line.sum::<f64>() / window[axis] as f64
                }));
            }
        }
        size[axis] = left;
        current = next;
    }
    current
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_correlation_with_ties_worked_on_paper() {
        // Ranks 1, 2.5, 2.5, 4 and 1, 2, 3, 4: products 2.25 + 0 + 0 + 2.25 over the root of 4.5 * 5.
        let found = rank_correlation(&[0.0, 1.0, 1.0, 7.0], &[-3.0, 0.5, 2.0, 2.5]).expect("it is defined");
        assert!((found - 4.5 / 22.5_f64.sqrt()).abs() < 1e-15, "{found}");
        assert_eq!(rank_correlation(&[1.0, 2.0, 3.0], &[9.0, 4.0, 1.0]), Some(-1.0));
        assert_eq!(rank_correlation(&[1.0, 1.0], &[1.0, 2.0]), None);
    }

    #[test]
    fn a_map_is_like_itself_and_unlike_its_negative_on_grids_of_every_size() {
        for size in [[9, 8, 1], [4, 4, 1], [5, 3, 8], [1, 1, 1], [2, 9, 2]] {
            let count = size.iter().product();
            let values: Vec<f32> = (0..count).map(|at: usize| ((at * 37) % 11) as f32).collect();
            let map = Attribution::new(size, values.clone()).expect("a map");
            assert!((structural_similarity(&map, &map).expect("one grid") - 1.0).abs() < 1e-12, "{size:?}");
            let other = Attribution::new(size, values.iter().map(|value| -value).collect()).expect("a map");
            let unlike = structural_similarity(&map, &other).expect("one grid");
            assert!(count == 1 || unlike < 0.5, "{size:?}: {unlike}");
        }
    }

    #[test]
    fn one_window_worked_on_paper() {
        // One window of three: 0, 0.5, 1 and 0, 1, 0. Means 1/2 and 1/3, sample variances 1/4 and 1/3, covariance 0.
        let map = |values: [f32; 3]| Attribution::new([3, 1, 1], values.to_vec()).expect("a map");
        let found = structural_similarity(&map([0.0, 1.0, 2.0]), &map([5.0, 7.0, 5.0])).expect("one grid");
        let (c1, c2) = (1e-4, 9e-4);
        let expected = (1.0 / 3.0 + c1) * c2 / ((0.25 + 1.0 / 9.0 + c1) * (0.25 + 1.0 / 3.0 + c2));
        assert!((found - expected).abs() < 1e-12, "{found} for {expected}");
    }
}
