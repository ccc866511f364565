//! A volume at a glance: its slices side by side, with labels drawn over them.

mod letters;

use std::collections::BTreeMap;

use wilhelm_study::{Direction, LabelMap, Raster, VoxelError};

use crate::FilterError;

/// A color picture of 8 bits a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColorPicture {
    /// Number of columns.
    pub columns: usize,
    /// Number of rows.
    pub rows: usize,
    /// Red, green, blue, rows from the top.
    pub pixels: Vec<u8>,
}

/// How a montage is laid out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MontageSettings {
    /// Slices shown at most; spread evenly from the first to the last.
    pub slices: usize,
    /// Tiles in a row.
    pub tiles_per_row: usize,
    /// Columns of a tile, pixels.
    pub tile_columns: usize,
    /// Value shown black.
    pub black: f32,
    /// Value shown white.
    pub white: f32,
}

impl MontageSettings {
    /// At most 24 slices, six in a row, 256 columns each.
    pub const fn window(black: f32, white: f32) -> Self {
        Self { slices: 24, tiles_per_row: 6, tile_columns: 256, black, white }
    }
}

/// Colors that people with any color vision tell apart.
///
/// # Source
/// Okabe and Ito 2008, Color Universal Design; without black.
pub const LABEL_COLORS: [[u8; 3]; 7] = [
    [230, 159, 0],
    [86, 180, 233],
    [0, 158, 115],
    [240, 228, 66],
    [0, 114, 178],
    [213, 94, 0],
    [204, 121, 167],
];

/// The color a label is drawn in: segments take the colors in the order of their labels.
pub fn label_color(labels: &LabelMap, label: u16) -> [u8; 3] {
    let order = labels.segments().keys().position(|known| *known == label).unwrap_or(0);
    LABEL_COLORS[order % LABEL_COLORS.len()]
}

/// Slices of a volume side by side, square in millimeters, with labels as a tint and an outline.
///
/// Slices are shown as they are stored. Letters on the first tile say to which side of the patient
/// its left and upper edge lie (R, L, A, P, H for head, F for feet), where `direction` is given.
///
/// # Errors
/// [`FilterError::Voxels`] where the labels lie on another grid, [`FilterError::Parameter`] for a window
/// without width or a montage without tiles, or one above 100 million pixels.
pub fn montage<I: Raster>(
    image: &I,
    direction: Option<Direction>,
    labels: Option<&LabelMap>,
    settings: &MontageSettings,
) -> Result<ColorPicture, FilterError> {
    let size = image.size();
    let [columns, rows, slices] = size;
    check(settings)?;
    if labels.is_some_and(|labels| labels.geometry().size() != size) {
        return Err(VoxelError::Grid.into());
    }
    let [x, y, _] = image.spacing_mm().unwrap_or([1.0; 3]);
    let tile_rows = ((rows as f64 * y) / (columns as f64 * x) * settings.tile_columns as f64).round();
    // A strip a thousand times longer than wide is shown cut to that.
    let tile = [settings.tile_columns, (tile_rows as usize).clamp(1, settings.tile_columns * 16)];
    let shown = shown(slices, settings.slices);
    let across = settings.tiles_per_row.min(shown.len());
    let down = shown.len().div_ceil(across);
    let (width, height) = (across * tile[0], down * tile[1]);
    const MOST: usize = 100_000_000;
    if width.saturating_mul(height) > MOST {
        return Err(FilterError::parameter(
            "montage",
            format!("{width} x {height} pixels"),
            "at most 100 million pixels",
        ));
    }
    let mut picture = ColorPicture { columns: width, rows: height, pixels: vec![0; width * height * 3] };
    let colors: BTreeMap<u16, [u8; 3]> = labels
        .map(|map| map.segments().keys().map(|label| (*label, label_color(map, *label))).collect())
        .unwrap_or_default();
    let plane = columns * rows;
    for (place, slice) in shown.iter().enumerate() {
        let values = &image.values()[slice * plane..(slice + 1) * plane];
        let here = labels.map(|labels| &labels.labels()[slice * plane..(slice + 1) * plane]);
        let corner = [place % across * tile[0], place / across * tile[1]];
        for row in 0..tile[1] {
            for column in 0..tile[0] {
                let at = nearest([column, row], tile, [columns, rows]);
                let gray = gray(values[at[1] * columns + at[0]], settings);
                let color = match here {
                    Some(here) => tinted(gray, here, [column, row], tile, [columns, rows], &colors),
                    None => [gray; 3],
                };
                let offset = ((corner[1] + row) * width + corner[0] + column) * 3;
                picture.pixels[offset..offset + 3].copy_from_slice(&color);
            }
        }
    }
    if let Some(direction) = direction {
        letters::draw(&mut picture, edge_letters(direction), tile);
    }
    Ok(picture)
}

fn check(settings: &MontageSettings) -> Result<(), FilterError> {
    let width = settings.white - settings.black;
    if !(width.is_finite() && width > 0.0) {
        return Err(FilterError::parameter("window", width, "a width above 0"));
    }
    for (name, value) in [
        ("number of slices", settings.slices),
        ("tiles in a row", settings.tiles_per_row),
        ("columns of a tile", settings.tile_columns),
    ] {
        if !(1..=8192).contains(&value) {
            return Err(FilterError::parameter(name, value, "1 to 8192"));
        }
    }
    Ok(())
}

/// Slices to show, spread evenly.
fn shown(slices: usize, most: usize) -> Vec<usize> {
    let count = slices.min(most);
    if count == 1 {
        return vec![slices / 2];
    }
    (0..count).map(|i| (i * (slices - 1) + (count - 1) / 2) / (count - 1)).collect()
}

fn gray(value: f32, settings: &MontageSettings) -> u8 {
    // Not a number is shown black.
    ((value - settings.black) / (settings.white - settings.black) * 255.0).clamp(0.0, 255.0).round() as u8
}

/// The pixel under the center of a tile's pixel.
fn nearest(tile_at: [usize; 2], tile: [usize; 2], image: [usize; 2]) -> [usize; 2] {
    std::array::from_fn(|axis| {
        ((2 * tile_at[axis] + 1) * image[axis] / (2 * tile[axis])).min(image[axis] - 1)
    })
}

/// A third of the label's color inside, all of it where the label ends.
fn tinted(
    gray: u8,
    labels: &[u16],
    at: [usize; 2],
    tile: [usize; 2],
    image: [usize; 2],
    colors: &BTreeMap<u16, [u8; 3]>,
) -> [u8; 3] {
    let label = |column: usize, row: usize| {
        let [column, row] = nearest([column, row], tile, image);
        labels[row * image[0] + column]
    };
    let here = label(at[0], at[1]);
    let Some(color) = colors.get(&here) else { return [gray; 3] };
    let [column, row] = at;
    let ends = (column > 0 && label(column - 1, row) != here)
        || (row > 0 && label(column, row - 1) != here)
        || (column + 1 < tile[0] && label(column + 1, row) != here)
        || (row + 1 < tile[1] && label(column, row + 1) != here);
    if ends { *color } else { color.map(|channel| ((u16::from(gray) * 2 + u16::from(channel)) / 3) as u8) }
}

/// Letters of the left and the upper edge: where the patient lies against the direction of the rows and columns.
fn edge_letters(direction: Direction) -> [char; 2] {
    let letter = |axis: [f64; 3]| {
        let strongest = (0..3).max_by(|a, b| axis[*a].abs().total_cmp(&axis[*b].abs())).unwrap_or(0);
        let toward = ["LR", "PA", "HF"][strongest].as_bytes();
        // The edge where an axis begins lies opposite to where it runs.
        char::from(toward[usize::from(axis[strongest] > 0.0)])
    };
    [letter(direction.along_row()), letter(direction.down_column())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Arbitrary, CodedConcept, Geometry, Mm, Segment, Spacing, Volume};

    fn volume(size: [usize; 3], spacing: [f64; 3]) -> Volume<Arbitrary> {
        let [x, y, z] = spacing.map(Mm);
        let grid = Geometry::axis_aligned(size, Spacing::new(x, y, z).expect("positive")).expect("a grid");
        Volume::new(grid, (0..grid.voxels()).map(|at| (at / (size[0] * size[1])) as f32).collect())
            .expect("fits")
    }

    #[test]
    fn slices_are_spread_from_the_first_to_the_last() {
        assert_eq!(shown(100, 4), [0, 33, 66, 99]);
        assert_eq!(shown(3, 24), [0, 1, 2]);
        assert_eq!(shown(9, 1), [4]);
    }

    #[test]
    fn tiles_are_square_in_millimeters_and_labels_have_their_color() {
        let image = volume([10, 10, 3], [1.0, 2.0, 5.0]);
        let mut labels = vec![0; 300];
        labels[200 + 55] = 7;
        let segment = Segment::anatomy("lung", CodedConcept::new("SCT", "39607008", "Lung"), "test");
        let map = LabelMap::new(*image.geometry(), labels, [(7, segment)].into()).expect("fits");
        let settings =
            MontageSettings { tiles_per_row: 2, tile_columns: 20, ..MontageSettings::window(0.0, 2.0) };
        let picture = montage(&image, None, Some(&map), &settings).expect("a picture");
        assert_eq!((picture.columns, picture.rows), (40, 80));
        let at = |column: usize, row: usize| {
            let start = (row * 40 + column) * 3;
            [0, 1, 2].map(|i| picture.pixels[start + i])
        };
        assert_eq!((at(0, 0), at(20, 0), at(0, 40)), ([0; 3], [128; 3], [255; 3]));
        // Column 5 of 10 is at 10 to 11, row 5 of 10 at 20 to 23.
        assert_eq!(at(10, 60), LABEL_COLORS[0]);
        // The fourth tile is empty.
        assert_eq!(at(39, 79), [0; 3]);
    }

    #[test]
    fn an_axial_slice_has_the_patients_right_on_its_left() {
        assert_eq!(edge_letters(Direction::AXIAL), ['R', 'A']);
        let sagittal =
            Direction::new([0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]).expect("orthonormal");
        assert_eq!(edge_letters(sagittal), ['A', 'H']);
    }

    #[test]
    fn a_window_without_width_and_labels_on_another_grid_are_refused() {
        let image = volume([4, 4, 1], [1.0; 3]);
        assert!(montage(&image, None, None, &MontageSettings::window(1.0, 1.0)).is_err());
        let other = volume([4, 4, 2], [1.0; 3]);
        let map = LabelMap::new(*other.geometry(), vec![0; 32], BTreeMap::new()).expect("fits");
        assert!(montage(&image, None, Some(&map), &MontageSettings::window(0.0, 1.0)).is_err());
    }
}
