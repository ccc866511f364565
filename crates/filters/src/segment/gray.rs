//! Erosion, dilation, opening, closing and top hats of images with a box.
//!
//! The box is cut off at the border of the image.

use rayon::prelude::*;
use wilhelm_study::Raster;

use super::binary::refuse_nan;
use super::lines::across_slices;
use crate::FilterError;

/// Whether a structure is brighter or darker than what surrounds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polarity {
    /// Brighter.
    Bright,
    /// Darker.
    Dark,
}

/// The largest value within so many columns, rows and slices to either side.
///
/// # Units
/// Those of the image.
///
/// # Errors
/// [`FilterError::NotFinite`] for values that are not numbers.
///
/// # Source
/// Running extremes by doubling windows (the cost grows with the logarithm of the radius); the
/// result of scipy's `grey_dilation` with a size.
pub fn dilate<R: Raster>(image: &R, radius: [usize; 3]) -> Result<R, FilterError> {
    refuse_nan(image.values(), false)?;
    Ok(image.with_values(extreme(image.values().to_vec(), image.size(), radius, larger))?)
}

/// The smallest value within so many columns, rows and slices to either side.
///
/// # Units
/// Those of the image.
///
/// # Errors
/// As [`dilate`].
///
/// # Source
/// As [`dilate`]; scipy's `grey_erosion`.
pub fn erode<R: Raster>(image: &R, radius: [usize; 3]) -> Result<R, FilterError> {
    refuse_nan(image.values(), false)?;
    Ok(image.with_values(extreme(image.values().to_vec(), image.size(), radius, smaller))?)
}

/// Erodes, then dilates: removes bright structures that the box does not fit into.
///
/// # Units
/// Those of the image.
///
/// # Errors
/// As [`dilate`].
pub fn open<R: Raster>(image: &R, radius: [usize; 3]) -> Result<R, FilterError> {
    refuse_nan(image.values(), false)?;
    let eroded = extreme(image.values().to_vec(), image.size(), radius, smaller);
    Ok(image.with_values(extreme(eroded, image.size(), radius, larger))?)
}

/// Dilates, then erodes: removes dark structures that the box does not fit into.
///
/// # Units
/// Those of the image.
///
/// # Errors
/// As [`dilate`].
pub fn close<R: Raster>(image: &R, radius: [usize; 3]) -> Result<R, FilterError> {
    refuse_nan(image.values(), false)?;
    let dilated = extreme(image.values().to_vec(), image.size(), radius, larger);
    Ok(image.with_values(extreme(dilated, image.size(), radius, smaller))?)
}

/// What opening removes (bright) or closing fills (dark): never below 0.
///
/// # Units
/// Those of the image, a difference.
///
/// # Errors
/// As [`dilate`].
pub fn top_hat<R: Raster>(image: &R, radius: [usize; 3], polarity: Polarity) -> Result<R, FilterError> {
    let without = match polarity {
        Polarity::Bright => open(image, radius)?,
        Polarity::Dark => close(image, radius)?,
    };
    let values = image.values().par_iter().zip(without.values()).with_min_len(1 << 14);
    Ok(image.with_values(values.map(|(value, without)| (value - without).abs()).collect())?)
}

fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

fn smaller(a: f32, b: f32) -> f32 {
    if b < a { b } else { a }
}

/// The extreme of a box, one axis after the other.
fn extreme(
    mut values: Vec<f32>,
    size: [usize; 3],
    radius: [usize; 3],
    pick: impl Fn(f32, f32) -> f32 + Sync + Copy,
) -> Vec<f32> {
    let [columns, rows, _] = size;
    let [by_column, by_row, by_slice] = std::array::from_fn(|axis| radius[axis].min(size[axis] - 1));
    if by_column > 0 || by_row > 0 {
        values.par_chunks_mut(columns * rows).for_each_init(Scratch::default, |scratch, slice| {
            if by_column > 0 {
                for row in slice.chunks_exact_mut(columns) {
                    window(&mut [row], 1, by_column, scratch, pick);
                }
            }
            if by_row > 0 {
                let mut lines: Vec<&mut [f32]> = slice.chunks_exact_mut(columns).collect();
                window(&mut lines, columns, by_row, scratch, pick);
            }
        });
    }
    if by_slice > 0 {
        across_slices(&mut values, size).into_par_iter().for_each_init(
            Scratch::default,
            |scratch, mut lines| {
                window(&mut lines, columns, by_slice, scratch, pick);
            },
        );
    }
    values
}

/// Two buffers that one thread reuses.
#[derive(Default)]
struct Scratch {
    now: Vec<f32>,
    next: Vec<f32>,
}

/// The extreme of `2 radius + 1` neighboring elements, each of `width` numbers that lie together.
///
/// Windows of 2, 4, 8 elements are made by doubling; two of the largest cover the whole. An edge
/// repeats its own value, which the window holds anyway.
fn window(
    lines: &mut [&mut [f32]],
    width: usize,
    radius: usize,
    Scratch { now, next }: &mut Scratch,
    pick: impl Fn(f32, f32) -> f32,
) {
    now.clear();
    (0..radius).for_each(|_| now.extend_from_slice(&lines[0][..width]));
    lines.iter().for_each(|line| now.extend_from_slice(line));
    (0..radius).for_each(|_| now.extend_from_within(now.len() - width..));
    let whole = 2 * radius + 1;
    let mut span = 1;
    while 2 * span <= whole {
        next.clear();
        next.extend(now.iter().zip(&now[span * width..]).map(|(a, b)| pick(*a, *b)));
        std::mem::swap(now, next);
        span *= 2;
    }
    let shift = (whole - span) * width;
    let mut at = 0;
    for line in lines {
        let (a, b) = (&now[at..at + line.len()], &now[at + shift..at + shift + line.len()]);
        line.iter_mut().zip(a.iter().zip(b)).for_each(|(target, (a, b))| *target = pick(*a, *b));
        at += line.len();
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
    fn extremes_of_a_row_worked_on_paper() {
        let image = row(&[3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0]);
        assert_eq!(dilate(&image, [1, 0, 0]).expect("max").pixels(), [3.0, 4.0, 4.0, 5.0, 9.0, 9.0, 9.0]);
        assert_eq!(erode(&image, [2, 5, 0]).expect("min").pixels(), [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0]);
        assert_eq!(dilate(&image, [usize::MAX; 3]).expect("max").pixels(), [9.0; 7]);
        assert_eq!(open(&image, [1, 0, 0]).expect("opened").pixels(), [1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0]);
        let hat = top_hat(&image, [1, 0, 0], Polarity::Bright).expect("a hat");
        assert_eq!(hat.pixels(), [2.0, 0.0, 3.0, 0.0, 3.0, 7.0, 0.0]);
        let hat = top_hat(&image, [1, 0, 0], Polarity::Dark).expect("a hat");
        assert_eq!(hat.pixels(), [0.0, 2.0, 0.0, 3.0, 0.0, 0.0, 7.0]);
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        assert_eq!(dilate(&row(&[1.0, f32::NAN]), [1; 3]), Err(FilterError::NotFinite { count: 1 }));
    }
}
