use wilhelm_filters::montage::ColorPicture;

use super::ExplainError;

/// matplotlib's plasma at sixteen equal steps: lightness rises evenly, so that equal steps of a map look equal, with
/// any color vision; no color of it is a gray.
///
/// # Source
/// Smith and van der Walt 2015, the matplotlib color maps (CC0)
const PLASMA: [[u8; 3]; 17] = [
    [13, 8, 135],
    [49, 5, 151],
    [76, 2, 161],
    [102, 0, 167],
    [126, 3, 168],
    [149, 17, 161],
    [170, 35, 149],
    [188, 53, 135],
    [204, 71, 120],
    [218, 90, 106],
    [230, 108, 92],
    [240, 128, 78],
    [248, 149, 64],
    [253, 172, 51],
    [253, 197, 39],
    [248, 223, 37],
    [240, 249, 33],
];

/// Below this share of the greatest weight nothing is drawn: a faint wash hides the image.
const FAINT: f32 = 0.15;
/// How much of the color the strongest places have.
const OPAQUE: f32 = 0.65;
/// Longest side of what is drawn, before the legend.
const LONGEST: usize = 4096;
/// Color of the outline of a truth.
const OUTLINE: [u8; 3] = [0, 220, 220];

/// The color of a weight from 0 to 1.
pub fn heat_color(weight: f32) -> [u8; 3] {
    // Not a number is drawn as nothing.
    let weight = if weight > 0.0 { weight.min(1.0) } else { 0.0 };
    let place = weight * (PLASMA.len() - 1) as f32;
    let lower = (place as usize).min(PLASMA.len() - 2);
    let share = place - lower as f32;
    std::array::from_fn(|channel| {
        let [from, to] = [lower, lower + 1].map(|stop| f32::from(PLASMA[stop][channel]));
        (from + (to - from) * share).round() as u8
    })
}

/// A pixel of a picture with a weight from 0 to 1 over it; as it is where the weight is faint.
pub fn heat_over(gray: u8, weight: f32) -> [u8; 3] {
    let strength = ((weight - FAINT) / (1.0 - FAINT)).clamp(0.0, 1.0);
    // Not a number is drawn as nothing.
    if strength > 0.0 {
        let share = OPAQUE * strength.sqrt();
        heat_color(weight)
            .map(|channel| (f32::from(gray) * (1.0 - share) + f32::from(channel) * share).round() as u8)
    } else {
        [gray; 3]
    }
}

/// Weights from 0 to 1 for the eye: what is above 0, with the value that 0.5 % of it exceeds as 1, so that one bright
/// pixel does not hide all others.
pub fn display_weights(values: &[f32]) -> Vec<f32> {
    let mut positive: Vec<f32> = values.iter().copied().filter(|value| *value > 0.0).collect();
    positive.sort_unstable_by(f32::total_cmp);
    let Some(last) = positive.len().checked_sub(1) else { return vec![0.0; values.len()] };
    let full = positive[(last as f64 * 0.995).round() as usize];
    values.iter().map(|value| (value / full).clamp(0.0, 1.0)).collect()
}

/// A picture with a map over it, and a bar beside it that says which color is how much.
///
/// Small pictures are enlarged by a whole number to at least `least_side` pixels. Where the map is faint the picture is
/// left as it is. `truth` is drawn as an outline.
///
/// # Shapes
/// `gray`, `weights` and `truth` hold `columns * rows` values, rows from the top.
///
/// # Errors
/// [`ExplainError::Grid`] where they do not, or there are none, or more than 4096 a side.
pub fn overlay(
    gray: &[u8],
    weights: &[f32],
    truth: Option<&[bool]>,
    [columns, rows]: [usize; 2],
    least_side: usize,
) -> Result<ColorPicture, ExplainError> {
    let pixels = pixels(gray, weights, truth, [columns, rows])?;
    let blend = |at: usize| heat_over(gray[at], weights[at]);
    Ok(with_legend(&drawn(pixels, truth, [columns, rows], least_side, blend)))
}

/// The map alone, in the colors of the bar.
///
/// # Errors
/// As [`overlay`].
pub fn map_picture(
    weights: &[f32],
    truth: Option<&[bool]>,
    [columns, rows]: [usize; 2],
    least_side: usize,
) -> Result<ColorPicture, ExplainError> {
    let pixels = pixels(weights, weights, truth, [columns, rows])?;
    let color = |at: usize| heat_color(weights[at]);
    Ok(with_legend(&drawn(pixels, truth, [columns, rows], least_side, color)))
}

/// Pictures side by side, `across` in a row, white in between.
pub fn contact_sheet(pictures: &[ColorPicture], across: usize) -> ColorPicture {
    const GAP: usize = 8;
    let across = across.clamp(1, pictures.len().max(1));
    let widest = pictures.iter().map(|picture| picture.columns).max().unwrap_or(0);
    let highest = pictures.iter().map(|picture| picture.rows).max().unwrap_or(0);
    let along = |count: usize, length: usize| (count * (length + GAP)).saturating_sub(GAP);
    let columns = if pictures.is_empty() { 0 } else { along(across, widest) };
    let rows = along(pictures.len().div_ceil(across), highest);
    let mut whole = ColorPicture { columns, rows, pixels: vec![255; columns * rows * 3] };
    for (place, picture) in pictures.iter().enumerate() {
        let (left, top) = (place % across * (widest + GAP), place / across * (highest + GAP));
        for (row, line) in picture.pixels.chunks_exact((picture.columns * 3).max(1)).enumerate() {
            let begin = ((top + row) * columns + left) * 3;
            whole.pixels[begin..begin + line.len()].copy_from_slice(line);
        }
    }
    whole
}

/// Number of pixels, after everything was shown to have as many.
fn pixels<T>(
    gray: &[T],
    weights: &[f32],
    truth: Option<&[bool]>,
    [columns, rows]: [usize; 2],
) -> Result<usize, ExplainError> {
    let count = columns.checked_mul(rows).filter(|count| *count > 0 && columns.max(rows) <= LONGEST);
    let fits = |found: usize| Some(found) == count;
    if fits(gray.len()) && fits(weights.len()) && truth.is_none_or(|truth| fits(truth.len())) {
        return Ok(gray.len());
    }
    Err(ExplainError::grid(
        "the picture, the map or the truth",
        [gray.len(), weights.len(), 1],
        [columns, rows, 1],
    ))
}

fn drawn(
    count: usize,
    truth: Option<&[bool]>,
    [columns, rows]: [usize; 2],
    least_side: usize,
    color: impl Fn(usize) -> [u8; 3],
) -> ColorPicture {
    let factor = least_side.min(1024).div_ceil(columns.max(rows)).max(1);
    let colors: Vec<[u8; 3]> = (0..count).map(color).collect();
    let (width, height) = (columns * factor, rows * factor);
    let mut pixels = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            let edge = truth.is_some_and(|truth| is_edge(truth, [columns, rows], factor, [x, y]));
            let own = colors[y / factor * columns + x / factor];
            pixels.extend_from_slice(if edge { &OUTLINE } else { &own });
        }
    }
    ColorPicture { columns: width, rows: height, pixels }
}

/// Whether a drawn pixel lies in the truth with a neighbor that does not.
fn is_edge(truth: &[bool], [columns, rows]: [usize; 2], factor: usize, [x, y]: [usize; 2]) -> bool {
    let inside = |x: Option<usize>, y: Option<usize>| match (x, y) {
        (Some(x), Some(y)) if x < columns * factor && y < rows * factor => {
            truth[y / factor * columns + x / factor]
        }
        _ => false,
    };
    inside(Some(x), Some(y))
        && !(inside(x.checked_sub(1), Some(y))
            && inside(Some(x + 1), Some(y))
            && inside(Some(x), y.checked_sub(1))
            && inside(Some(x), Some(y + 1)))
}

/// Puts the bar to the right of a picture: 1 at the top, 0 at the bottom.
fn with_legend(picture: &ColorPicture) -> ColorPicture {
    let scale = (picture.rows / 128).clamp(1, 8);
    let (gap, bar, letter) = (6 * scale, 8 * scale, 6 * scale);
    let columns = picture.columns + gap + bar + letter + 2 * scale;
    let rows = picture.rows;
    let mut whole = ColorPicture { columns, rows, pixels: vec![255; columns * rows * 3] };
    for row in 0..rows {
        let line = &picture.pixels[row * picture.columns * 3..][..picture.columns * 3];
        whole.pixels[row * columns * 3..][..line.len()].copy_from_slice(line);
        let weight = 1.0 - row as f32 / (rows - 1).max(1) as f32;
        for column in 0..bar {
            set(&mut whole, picture.columns + gap + column, row, heat_color(weight));
        }
    }
    let left = picture.columns + gap + bar + scale;
    if rows >= 20 * scale {
        glyph(&mut whole, &ONE, [left, scale], scale);
        glyph(&mut whole, &ZERO, [left, rows - 8 * scale], scale);
    }
    whole
}

/// Five columns and seven rows, the highest bit of five on the left.
const ZERO: [u8; 7] = [0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110];
const ONE: [u8; 7] = [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110];

fn glyph(picture: &mut ColorPicture, rows: &[u8; 7], [left, top]: [usize; 2], scale: usize) {
    for row in 0..7 * scale {
        for column in 0..5 * scale {
            if rows[row / scale] >> (4 - column / scale) & 1 == 1 {
                set(picture, left + column, top + row, [0; 3]);
            }
        }
    }
}

fn set(picture: &mut ColorPicture, column: usize, row: usize, color: [u8; 3]) {
    let at = (row * picture.columns + column) * 3;
    picture.pixels[at..at + 3].copy_from_slice(&color);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(picture: &ColorPicture, column: usize, row: usize) -> [u8; 3] {
        let begin = (row * picture.columns + column) * 3;
        [0, 1, 2].map(|channel| picture.pixels[begin + channel])
    }

    /// CIE lightness of an sRGB color.
    fn lightness(color: [u8; 3]) -> f64 {
        let linear = color.map(|channel| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        });
        let y = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
        if y > 216.0 / 24389.0 { 116.0 * y.cbrt() - 16.0 } else { y * 24389.0 / 27.0 }
    }

    #[test]
    fn equal_steps_of_a_map_are_equal_steps_of_lightness() {
        let all: Vec<f64> = (0..=20).map(|step| lightness(heat_color(step as f32 / 20.0))).collect();
        for pair in all.windows(2) {
            let step = pair[1] - pair[0];
            // From 12 to 95 in twenty steps of 4.1; rounding to whole levels takes a part of it.
            assert!((2.6..5.6).contains(&step), "{all:?}");
        }
        assert_eq!((heat_color(0.0), heat_color(1.0)), (PLASMA[0], PLASMA[16]));
        assert_eq!((heat_color(f32::NAN), heat_color(9.0)), (PLASMA[0], PLASMA[16]));
    }

    #[test]
    fn color_falls_on_the_corner_it_belongs_to_and_the_rest_stays_gray() {
        for corner in 0..4 {
            let hot = [0, 3, 4, 7][corner];
            let mut weights = vec![0.0; 8];
            weights[hot] = 1.0;
            let picture = overlay(&[90; 8], &weights, None, [4, 2], 16).expect("a picture");
            // Enlarged four times.
            for (place, gray) in weights.iter().map(|weight| *weight == 0.0).enumerate() {
                let color = at(&picture, place % 4 * 4 + 1, place / 4 * 4 + 2);
                assert_eq!(color == [90; 3], gray, "corner {corner}, place {place}");
            }
            let map = map_picture(&weights, None, [4, 2], 16).expect("a picture");
            assert_eq!(at(&map, hot % 4 * 4, hot / 4 * 4), PLASMA[16]);
        }
    }

    #[test]
    fn the_bar_runs_from_bright_at_the_top_to_dark_at_the_bottom() {
        let picture = map_picture(&[0.0; 64], None, [8, 8], 8).expect("a picture");
        assert_eq!(picture.rows, 8);
        assert_eq!(
            (at(&picture, 8, 0), at(&picture, 15, 0), at(&picture, 15, 7)),
            ([255; 3], PLASMA[16], PLASMA[0])
        );
    }

    #[test]
    fn a_truth_is_outlined_and_not_filled() {
        let truth: Vec<bool> =
            (0..64).map(|at| (2..6).contains(&(at % 8)) && (2..6).contains(&(at / 8))).collect();
        let picture = overlay(&[10; 64], &[0.0; 64], Some(&truth), [8, 8], 8).expect("a picture");
        assert_eq!((at(&picture, 2, 2), at(&picture, 5, 3)), (OUTLINE, OUTLINE));
        assert_eq!((at(&picture, 3, 3), at(&picture, 1, 2)), ([10; 3], [10; 3]));
    }

    #[test]
    fn one_bright_pixel_does_not_hide_the_others_and_sizes_that_differ_are_refused() {
        let mut values = vec![1.0; 1000];
        values[3] = 100.0;
        values[4] = -5.0;
        let weights = display_weights(&values);
        assert_eq!((weights[0], weights[3], weights[4]), (1.0, 1.0, 0.0));
        assert_eq!(display_weights(&[0.0, -1.0]), [0.0, 0.0]);
        assert!(overlay(&[0; 4], &[0.0; 3], None, [2, 2], 8).is_err());
        assert!(overlay(&[0; 4], &[0.0; 4], Some(&[true]), [2, 2], 8).is_err());
        assert!(overlay(&[], &[], None, [0, 0], 8).is_err());
    }

    #[test]
    fn pictures_stand_in_rows() {
        let one = ColorPicture { columns: 2, rows: 1, pixels: vec![1; 6] };
        let two = ColorPicture { columns: 1, rows: 2, pixels: vec![2; 6] };
        let both = contact_sheet(&[one.clone(), two.clone()], 9);
        assert_eq!((both.columns, both.rows), (12, 2));
        assert_eq!((at(&both, 1, 0), at(&both, 1, 1), at(&both, 10, 1)), ([1; 3], [255; 3], [2; 3]));
        let three = contact_sheet(&[one, two.clone(), two], 2);
        assert_eq!((three.columns, three.rows, at(&three, 0, 10)), (12, 12, [2; 3]));
        assert_eq!(contact_sheet(&[], 4).pixels, Vec::<u8>::new());
    }
}
