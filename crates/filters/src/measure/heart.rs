use schemars::JsonSchema;
use serde::Serialize;
use wilhelm_study::FlatMask;

use super::{Measured, extent};
use crate::FilterError;

/// The heart's width over the chest's on a frontal radiograph.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CardiothoracicRatio {
    /// Width of the heart over the inner width of the chest, no unit.
    pub ratio: Measured,
    /// Greatest horizontal extent of the heart, pixels: first and last column.
    pub heart_columns: [usize; 2],
    /// Row and columns at which the lungs reach furthest apart.
    pub chest_row: usize,
    /// First and last column of the chest's inner width.
    pub chest_columns: [usize; 2],
}

/// Cardiothoracic ratio: the greatest horizontal extent of the heart over the greatest inner width of
/// the chest, from the outlines of the heart and of both lungs.
///
/// The ends move each of the four edges by one pixel.
///
/// # Errors
/// [`FilterError::TooFew`] for an empty outline, [`FilterError::Parameter`] where the outlines are of
/// two sizes or the heart is wider than the chest.
///
/// # Source
/// Danzer 1919, doi:10.1097/00000441-191904000-00010
pub fn cardiothoracic_ratio(heart: &FlatMask, lungs: &FlatMask) -> Result<CardiothoracicRatio, FilterError> {
    if (heart.columns(), heart.rows()) != (lungs.columns(), lungs.rows()) {
        return Err(FilterError::parameter(
            "outline of the lungs",
            format!("{} x {}", lungs.columns(), lungs.rows()),
            "the size of the heart's outline",
        ));
    }
    let empty = |what| FilterError::TooFew { what, found: 0, expected: 1 };
    let (heart_first, heart_last) = extent::columns(heart).ok_or(empty("outline of the heart"))?;
    let (chest_row, chest_first, chest_last) =
        extent::widest_row(lungs).ok_or(empty("outline of the lungs"))?;
    let (heart_width, chest_width) =
        ((heart_last + 1 - heart_first) as f64, (chest_last + 1 - chest_first) as f64);
    if heart_width > chest_width {
        return Err(FilterError::parameter(
            "width of the heart",
            format!("{heart_width} pixels"),
            "at most the width of the chest",
        ));
    }
    let ratio = Measured::new(
        heart_width / chest_width,
        (heart_width - 2.0).max(0.0) / (chest_width + 2.0),
        (heart_width + 2.0) / (chest_width - 2.0).max(1.0),
        "1",
    );
    Ok(CardiothoracicRatio {
        ratio,
        heart_columns: [heart_first, heart_last],
        chest_row,
        chest_columns: [chest_first, chest_last],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(columns: usize, rows: usize, inside: impl Fn(usize, usize) -> bool) -> FlatMask {
        let pixels = (0..columns * rows).map(|at| inside(at % columns, at / columns)).collect();
        FlatMask::new(columns, rows, pixels, None).expect("fits")
    }

    #[test]
    fn a_heart_half_as_wide_as_the_chest() {
        let heart = outline(120, 100, |c, r| (40..90).contains(&c) && (50..80).contains(&r));
        let lungs = outline(120, 100, |c, r| {
            (10..90).contains(&r) && ((10..35).contains(&c) || (90..110).contains(&c)) || (r == 70 && c == 10)
        });
        let found = cardiothoracic_ratio(&heart, &lungs).expect("a ratio");
        assert!((found.ratio.value - 0.5).abs() < 1e-12);
        assert!((found.ratio.low - 48.0 / 102.0).abs() < 1e-12);
        assert!((found.ratio.high - 52.0 / 98.0).abs() < 1e-12);
        assert_eq!((found.heart_columns, found.chest_columns), ([40, 89], [10, 109]));
        assert!(cardiothoracic_ratio(&lungs, &heart).is_err(), "wider than the chest");
        assert!(cardiothoracic_ratio(&outline(120, 100, |_, _| false), &lungs).is_err());
        assert!(cardiothoracic_ratio(&outline(10, 10, |_, _| true), &lungs).is_err());
    }
}
