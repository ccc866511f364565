use rayon::prelude::*;
use wilhelm_study::Raster;

use super::finite_range;
use crate::FilterError;

/// Spreads values so that each part of the scale is used alike; the scale itself stays.
///
/// A value becomes its share of smaller ones, read from a histogram of `bins` between its centers.
///
/// Not a number: stays and is not counted. An image of one value stays.
///
/// # Errors
/// [`FilterError::Parameter`] for fewer than 2 or more than 65536 bins.
///
/// # Source
/// `skimage.exposure.equalize_hist`, brought from 0..1 to the scale of the input
pub fn equalize<R: Raster>(image: &R, bins: usize) -> Result<R, FilterError> {
    if !(2..=1 << 16).contains(&bins) {
        return Err(FilterError::parameter("bins", bins, "2 to 65536"));
    }
    Ok(image.with_values(spread_out(image.values(), bins))?)
}

fn spread_out(values: &[f32], bins: usize) -> Vec<f32> {
    let Some((low, high)) = finite_range(values).filter(|(low, high)| low < high) else {
        return values.to_vec();
    };
    let (low, span) = (f64::from(low), f64::from(high) - f64::from(low));
    let scale = bins as f64 / span;
    let place = |value: f32| (f64::from(value) - low) * scale;
    let count = |part: &[f32]| {
        let mut counts = vec![0_u64; bins];
        for value in part.iter().filter(|value| value.is_finite()) {
            counts[(place(*value) as usize).min(bins - 1)] += 1;
        }
        counts
    };
    let add = |mut a: Vec<u64>, b: Vec<u64>| {
        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        a
    };
    let counts = values.par_chunks(1 << 18).map(count).reduce(|| vec![0; bins], add);
    let total: u64 = counts.iter().sum();
    let shares: Vec<f64> = counts
        .iter()
        .scan(0, |sum, count| {
            *sum += count;
            Some(*sum as f64 / total as f64)
        })
        .collect();
    let spread = |value: &f32| {
        if !value.is_finite() {
            return *value;
        }
        // Between centers of bins; the outer half bins have the shares of their bins.
        let at = (place(*value) - 0.5).clamp(0.0, (bins - 1) as f64);
        let below = (at as usize).min(bins - 2);
        let share = shares[below] + (at - below as f64) * (shares[below + 1] - shares[below]);
        (low + share * span) as f32
    };
    values.par_iter().with_min_len(1 << 14).map(spread).collect()
}

/// Changes values so that they are distributed as in a reference.
///
/// A value becomes the reference's value at the same share of smaller or equal ones, exactly (values are
/// sorted, not counted in bins), linearly between the reference's values.
///
/// Not a number: stays in the image, is not counted in either.
///
/// # Errors
/// [`FilterError::TooFew`] for a reference without a number.
///
/// # Source
/// `skimage.exposure.match_histograms`
pub fn match_histogram<R: Raster>(image: &R, reference: &impl Raster) -> Result<R, FilterError> {
    Ok(image.with_values(matched(image.values(), reference.values())?)?)
}

fn matched(values: &[f32], reference: &[f32]) -> Result<Vec<f32>, FilterError> {
    let wanted = steps(reference);
    if wanted.is_empty() {
        return Err(FilterError::TooFew { what: "reference", found: 0, expected: 1 });
    }
    let mut table = steps(values);
    let (own_total, total) =
        (table.last().map_or(1, |step| step.1) as f64, wanted.last().map_or(1, |step| step.1) as f64);
    let mut at = 0;
    let targets: Vec<f32> = table
        .iter()
        .map(|(_, count)| {
            let share = *count as f64 / own_total;
            while at < wanted.len() && wanted[at].1 as f64 / total < share {
                at += 1;
            }
            let (upper, upper_share) = wanted
                .get(at)
                .map_or((wanted[wanted.len() - 1].0, 1.0), |step| (step.0, step.1 as f64 / total));
            if at == 0 || at == wanted.len() {
                return upper;
            }
            let (lower, lower_share) = (wanted[at - 1].0, wanted[at - 1].1 as f64 / total);
            let part = (share - lower_share) / (upper_share - lower_share);
            (f64::from(lower) + part * (f64::from(upper) - f64::from(lower))) as f32
        })
        .collect();
    table.shrink_to_fit();
    let find = |value: &f32| {
        if !value.is_finite() {
            return *value;
        }
        targets[table.partition_point(|step| step.0 < *value)]
    };
    Ok(values.par_iter().with_min_len(1 << 14).map(find).collect())
}

/// Each finite value that occurs, in order, with the number of values up to it.
fn steps(values: &[f32]) -> Vec<(f32, usize)> {
    let mut sorted: Vec<f32> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.par_sort_unstable_by(f32::total_cmp);
    let mut steps: Vec<(f32, usize)> = Vec::new();
    for (at, value) in sorted.iter().enumerate() {
        match steps.last_mut() {
            Some((last, count)) if *last == *value => *count = at + 1,
            _ => steps.push((*value, at + 1)),
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Arbitrary, Projection};

    fn row(values: &[f32]) -> Projection<Arbitrary> {
        Projection::new(values.len(), 1, values.to_vec(), None).expect("a row")
    }

    #[test]
    fn a_histogram_matched_on_paper() {
        // Shares of 1, 2, 3: 1/2, 3/4, 1. Reference 10, 20 at 1/2 and 1: 3/4 lies halfway.
        let found = match_histogram(&row(&[2.0, 1.0, 1.0, 3.0]), &row(&[20.0, 10.0])).expect("numbers");
        assert_eq!(found.pixels(), [15.0, 10.0, 10.0, 20.0]);
        let found = match_histogram(&row(&[f32::NAN, 4.0]), &row(&[7.0])).expect("numbers");
        assert!(found.pixels()[0].is_nan() && found.pixels()[1] == 7.0);
        assert!(match_histogram(&row(&[1.0]), &row(&[f32::NAN])).is_err());
    }

    #[test]
    fn an_equalized_row_worked_on_paper() {
        // Two bins over 0..4 with centers 1 and 3; shares 3/4 and 1: 2 lies halfway between.
        let found = equalize(&row(&[0.0, 0.0, 1.0, 4.0]), 2).expect("bins");
        assert_eq!(found.pixels(), [3.0, 3.0, 3.0, 4.0]);
        assert_eq!(equalize(&row(&[5.0, 5.0]), 256).expect("bins").pixels(), [5.0, 5.0]);
        assert!(equalize(&row(&[5.0]), 1).is_err());
    }
}
