use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::F32;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use serde::{Deserialize, Serialize};

use crate::Plane;

/// What stops an image from being brought onto a network's grid.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// An array that does not fit its size, or no pixels at all.
    #[error("plane of {columns} columns and {rows} rows holds {found} values")]
    Size {
        /// Stated columns.
        columns: usize,
        /// Stated rows.
        rows: usize,
        /// Values found.
        found: usize,
    },
    /// Bounds of intensity that enclose nothing: every value is the same.
    #[error("intensities from {low} to {high} span nothing")]
    Flat {
        /// Lower bound.
        low: f32,
        /// Upper bound.
        high: f32,
    },
    /// Larger than the resampler takes.
    #[error("plane of {columns} columns and {rows} rows is too large to resample")]
    TooLarge {
        /// Stated columns.
        columns: usize,
        /// Stated rows.
        rows: usize,
    },
}

/// How a picture of one shape meets a grid of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// The whole picture, its aspect given up.
    Stretch,
    /// The largest centered square.
    CenterSquare,
}

/// How a network's input is made from a picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preparation {
    /// Columns of the network's grid.
    pub columns: usize,
    /// Rows of the network's grid.
    pub rows: usize,
    /// How the shapes meet.
    pub fit: Fit,
    /// Mean of the training pixels on the scale 0 to 1.
    pub mean: f32,
    /// Standard deviation of the training pixels on that scale.
    pub deviation: f32,
}

/// A rectangle of native pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// First column.
    pub column: usize,
    /// First row.
    pub row: usize,
    /// Columns covered.
    pub columns: usize,
    /// Rows covered.
    pub rows: usize,
}

/// A picture on a network's grid, and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// Normalized pixels, columns fastest.
    pub pixels: Vec<f32>,
    /// Columns.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
    /// The native pixels it shows.
    pub region: Region,
}

/// Brings a picture onto a network's grid: crop, bicubic resampling with antialiasing, scale to 0
/// to 1 between `bounds`, then subtract the mean and divide by the deviation of the training data.
///
/// # Errors
/// [`PrepareError::Flat`] where `bounds` enclose nothing.
pub fn prepare(plane: Plane<'_>, bounds: (f32, f32), recipe: &Preparation) -> Result<Prepared, PrepareError> {
    let (low, high) = bounds;
    let span = high - low;
    if !(span.is_finite() && span > 0.0) {
        return Err(PrepareError::Flat { low, high });
    }
    let region = region(plane, recipe.fit);
    let mut pixels = resize(plane, region, recipe.columns, recipe.rows)?;
    for value in &mut pixels {
        *value = (((*value - low) / span).clamp(0.0, 1.0) - recipe.mean) / recipe.deviation;
    }
    Ok(Prepared { pixels, columns: recipe.columns, rows: recipe.rows, region })
}

/// Brings a volume onto a network's grid: each of `slices` slices, evenly spaced along the volume and mixed of the
/// two native ones about it, as [`prepare`] brings a picture.
///
/// # Shapes
/// `values` are `size[2]` slices; the result has its slices one below the other.
///
/// # Errors
/// [`PrepareError::Size`] for values that do not fit the size, [`PrepareError::Flat`] where `bounds` enclose nothing.
pub fn prepare_volume(
    values: &[f32],
    size: [usize; 3],
    slices: usize,
    bounds: (f32, f32),
    recipe: &Preparation,
) -> Result<Prepared, PrepareError> {
    let [columns, rows, native] = size;
    if values.is_empty() || values.len() != columns * rows * native {
        return Err(PrepareError::Size { columns, rows: rows * native, found: values.len() });
    }
    let plane = |slice: usize| &values[slice * columns * rows..(slice + 1) * columns * rows];
    let mut whole: Option<Prepared> = None;
    for slice in 0..slices {
        let middle = (slice as f32 + 0.5) * native as f32 / slices as f32 - 0.5;
        let at = middle.clamp(0.0, (native - 1) as f32);
        let (below, share) = (at as usize, at.fract());
        let above = (below + 1).min(native - 1);
        let mixed: Vec<f32> =
            plane(below).iter().zip(plane(above)).map(|(a, b)| a + (b - a) * share).collect();
        let next = prepare(Plane::new(&mixed, columns, rows)?, bounds, recipe)?;
        match &mut whole {
            Some(whole) => whole.pixels.extend(next.pixels),
            None => whole = Some(next),
        }
    }
    let whole = whole.ok_or(PrepareError::Size { columns, rows: 0, found: 0 })?;
    Ok(Prepared { rows: recipe.rows * slices, ..whole })
}

fn region(plane: Plane<'_>, fit: Fit) -> Region {
    let (columns, rows) = (plane.columns(), plane.rows());
    match fit {
        Fit::Stretch => Region { column: 0, row: 0, columns, rows },
        Fit::CenterSquare => {
            let side = columns.min(rows);
            Region { column: (columns - side) / 2, row: (rows - side) / 2, columns: side, rows: side }
        }
    }
}

/// Resamples a rectangle of a plane by bicubic convolution (Catmull-Rom), widened when shrinking.
///
/// The same kernel as Pillow's `BICUBIC`.
///
/// # Errors
/// [`PrepareError::Size`] if the rectangle leaves the plane, [`PrepareError::TooLarge`] past 2^32.
///
/// # Source
/// Keys 1981, doi:10.1109/TASSP.1981.1163711, with a = -0.5
pub fn resize(
    plane: Plane<'_>,
    region: Region,
    columns: usize,
    rows: usize,
) -> Result<Vec<f32>, PrepareError> {
    let too_large = || PrepareError::TooLarge { columns: plane.columns(), rows: plane.rows() };
    if region.column + region.columns > plane.columns() || region.row + region.rows > plane.rows() {
        return Err(PrepareError::Size {
            columns: region.column + region.columns,
            rows: region.row + region.rows,
            found: plane.values().len(),
        });
    }
    let narrow = |size: usize| u32::try_from(size).map_err(|_| too_large());
    // Values that are no numbers would spread over the kernel's width.
    let finite = |value: &f32| F32::new(if value.is_finite() { *value } else { 0.0 });
    let pixels: Vec<F32> = plane.values().iter().map(finite).collect();
    let source = TypedImageRef::new(narrow(plane.columns())?, narrow(plane.rows())?, &pixels)
        .map_err(|_| too_large())?;
    let mut target = TypedImage::<F32>::new(narrow(columns)?, narrow(rows)?);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom)).crop(
        region.column as f64,
        region.row as f64,
        region.columns as f64,
        region.rows as f64,
    );
    // The untyped call would compile the kernels of all pixel types.
    Resizer::new().resize_typed(&source, &mut target, &options).map_err(|_| too_large())?;
    Ok(target.pixels().iter().map(|pixel| pixel.0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_grid_gives_the_same_values() {
        let values: Vec<f32> = (0..20).map(|value| (value * value) as f32).collect();
        let plane = Plane::new(&values, 5, 4).expect("fits");
        let whole = Region { column: 0, row: 0, columns: 5, rows: 4 };
        assert_eq!(resize(plane, whole, 5, 4).expect("resampled"), values);
    }

    #[test]
    fn a_flat_picture_is_refused_and_scale_is_zero_to_one() {
        let values = vec![7.0; 16];
        let plane = Plane::new(&values, 4, 4).expect("fits");
        let recipe = Preparation { columns: 2, rows: 2, fit: Fit::Stretch, mean: 0.0, deviation: 1.0 };
        assert_eq!(prepare(plane, (7.0, 7.0), &recipe), Err(PrepareError::Flat { low: 7.0, high: 7.0 }));
        let half = prepare(plane, (0.0, 14.0), &recipe).expect("a span");
        assert!(half.pixels.iter().all(|value| (value - 0.5).abs() < 1e-6));
    }

    #[test]
    fn a_volume_is_brought_to_other_slices_by_straight_lines() {
        // Slices of 0, 10, 20, 30; two slices lie at 0.5 and 2.5, eight at -0.25 (held at 0), 0.25, 0.75, ...
        let values: Vec<f32> = (0..4 * 4).map(|at| (at / 4 * 10) as f32).collect();
        let recipe = Preparation { columns: 2, rows: 2, fit: Fit::Stretch, mean: 0.0, deviation: 1.0 };
        let found = |slices: usize| {
            let volume = prepare_volume(&values, [2, 2, 4], slices, (0.0, 100.0), &recipe).expect("prepared");
            assert_eq!((volume.columns, volume.rows, volume.pixels.len()), (2, 2 * slices, 4 * slices));
            volume.pixels.iter().step_by(4).map(|value| (value * 1000.0).round()).collect::<Vec<f32>>()
        };
        assert_eq!(found(4), [0.0, 100.0, 200.0, 300.0]);
        assert_eq!(found(2), [50.0, 250.0]);
        assert_eq!(found(8), [0.0, 25.0, 75.0, 125.0, 175.0, 225.0, 275.0, 300.0]);
        assert!(prepare_volume(&values, [2, 2, 5], 4, (0.0, 1.0), &recipe).is_err());
        assert!(prepare_volume(&values, [2, 2, 4], 0, (0.0, 1.0), &recipe).is_err());
    }

    #[test]
    fn the_center_square_is_remembered() {
        let values = vec![1.0; 10 * 4];
        let plane = Plane::new(&values, 10, 4).expect("fits");
        let recipe = Preparation { columns: 2, rows: 2, fit: Fit::CenterSquare, mean: 0.0, deviation: 1.0 };
        let prepared = prepare(plane, (0.0, 2.0), &recipe).expect("prepared");
        assert_eq!(prepared.region, Region { column: 3, row: 0, columns: 4, rows: 4 });
    }

    #[test]
    fn a_ramp_halved_agrees_with_pillow() {
        // Pillow 13.0.0: Image.fromarray(ramp).resize((4, 1), BICUBIC) of 0..8 in mode F.
        let values: Vec<f32> = (0..8).map(|value| value as f32).collect();
        let plane = Plane::new(&values, 8, 1).expect("fits");
        let whole = Region { column: 0, row: 0, columns: 8, rows: 1 };
        let halved = resize(plane, whole, 4, 1).expect("resampled");
        for (found, expected) in halved.iter().zip([0.543_933, 2.459_46, 4.540_541, 6.456_067]) {
            assert!((found - expected).abs() < 1e-3, "{halved:?}");
        }
    }
}
