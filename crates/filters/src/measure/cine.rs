use schemars::JsonSchema;
use serde::Serialize;
use wilhelm_study::FlatMask;

use super::Measured;
use crate::FilterError;

/// How the area of a chamber changes over a cine.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct AreaChange {
    /// Area in each frame: mm2 where the spacing is known, pixels where not.
    pub areas: Vec<f64>,
    /// UCUM unit of the areas: `mm2` or `{pixels}`.
    pub unit: &'static str,
    /// Frame of the greatest area (end of diastole), from 0.
    pub largest_frame: usize,
    /// Frame of the least area (end of systole), from 0.
    pub smallest_frame: usize,
    /// Greatest less least area over the greatest, in percent.
    pub fractional_area_change: Measured,
}

/// Fractional area change of a chamber from its outline in each frame of a cine.
///
/// The ends move each outline by half a pixel, in opposite directions.
///
/// # Errors
/// [`FilterError::TooFew`] for fewer than two frames or a frame without an outline,
/// [`FilterError::Parameter`] for frames of different size.
///
/// # Source
/// Lang et al. 2015 (ASE/EACVI chamber quantification), doi:10.1016/j.echo.2014.10.003
pub fn area_change(outlines: &[FlatMask]) -> Result<AreaChange, FilterError> {
    let [first, _, ..] = outlines else {
        return Err(FilterError::TooFew { what: "cine", found: outlines.len(), expected: 2 });
    };
    if outlines.iter().any(|one| (one.columns(), one.rows()) != (first.columns(), first.rows())) {
        return Err(FilterError::parameter("frames", "of different size", "one size"));
    }
    let counts: Vec<usize> = outlines.iter().map(FlatMask::count).collect();
    if counts.contains(&0) {
        return Err(FilterError::TooFew { what: "outline in a frame", found: 0, expected: 1 });
    }
    let (pixel, unit) = match first.spacing() {
        Some(spacing) => (spacing.between_columns.0 * spacing.between_rows.0, "mm2"),
        None => (1.0, "{pixels}"),
    };
    let mut largest_frame = 0;
    let mut smallest_frame = 0;
    for (frame, count) in counts.iter().enumerate() {
        if *count > counts[largest_frame] {
            largest_frame = frame;
        }
        if *count < counts[smallest_frame] {
            smallest_frame = frame;
        }
    }
    let change = |large: f64, small: f64| 100.0 * (large - small) / large;
    let (large, small) = (counts[largest_frame] as f64, counts[smallest_frame] as f64);
    let [large_in, large_out] = border(&outlines[largest_frame]);
    let [small_in, small_out] = border(&outlines[smallest_frame]);
    let low = change(large - large_in / 2.0, small + small_out / 2.0);
    let high = change(large + large_out / 2.0, small - small_in / 2.0);
    Ok(AreaChange {
        areas: counts.iter().map(|count| *count as f64 * pixel).collect(),
        unit,
        largest_frame,
        smallest_frame,
        fractional_area_change: Measured::new(change(large, small), low, high, "%"),
    })
}

/// Pixels inside with a neighbor outside, and outside with a neighbor inside.
fn border(outline: &FlatMask) -> [f64; 2] {
    let (columns, rows) = (outline.columns(), outline.rows());
    let pixels = outline.pixels();
    let mut count = [0.0, 0.0];
    for at in 0..pixels.len() {
        let (column, row) = (at % columns, at / columns);
        let neighbors = [
            column > 0 && pixels[at - 1],
            column + 1 < columns && pixels[at + 1],
            row > 0 && pixels[at - columns],
            row + 1 < rows && pixels[at + columns],
        ];
        if pixels[at] && neighbors.contains(&false) {
            count[0] += 1.0;
        } else if !pixels[at] && neighbors.contains(&true) {
            count[1] += 1.0;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Mm, PixelSpacing};

    #[test]
    fn two_squares_worked_on_paper() {
        let spacing = PixelSpacing { between_columns: Mm(0.5), between_rows: Mm(2.0) };
        let square = |side: usize| {
            let inside = |at: usize| at % 20 >= 4 && at % 20 < 4 + side && at / 20 >= 4 && at / 20 < 4 + side;
            FlatMask::new(20, 20, (0..400).map(inside).collect(), Some(spacing)).expect("fits")
        };
        let found = area_change(&[square(8), square(10), square(5), square(9)]).expect("a change");
        assert_eq!((found.largest_frame, found.smallest_frame), (1, 2));
        assert_eq!(found.areas, [64.0, 100.0, 25.0, 81.0]);
        assert!((found.fractional_area_change.value - 75.0).abs() < 1e-12);
        // 36 border pixels of 100; 20 just outside 25.
        let low = 100.0 * (82.0 - 35.0) / 82.0;
        assert!((found.fractional_area_change.low - low).abs() < 1e-12, "{found:?}");
        assert!(area_change(&[square(3)]).is_err() && area_change(&[square(3), square(0)]).is_err());
    }
}
