use wilhelm_filters::{Plane, PrepareError, Region, resize};
use wilhelm_nets::HeatMap;
use wilhelm_nets::explain::heat_over;

/// Longest side of a picture in a report, pixels.
const LONGEST: usize = 1024;

/// A plane as 8-bit gray between its bounds, no longer than 1024 pixels a side: (gray, columns, rows).
///
/// # Errors
/// [`PrepareError`] for a plane that cannot be resampled.
pub fn picture(plane: Plane<'_>, bounds: (f32, f32)) -> Result<(Vec<u8>, usize, usize), PrepareError> {
    let (columns, rows) = (plane.columns(), plane.rows());
    let longest = columns.max(rows);
    let fit = |side: usize| if longest > LONGEST { (side * LONGEST / longest).max(1) } else { side };
    let (out_columns, out_rows) = (fit(columns), fit(rows));
    let values = if longest > LONGEST {
        resize(plane, Region { column: 0, row: 0, columns, rows }, out_columns, out_rows)?
    } else {
        plane.values().to_vec()
    };
    let (low, high) = bounds;
    let span = if high > low { high - low } else { 1.0 };
    let gray = values.iter().map(|value| (((value - low) / span).clamp(0.0, 1.0) * 255.0).round() as u8);
    Ok((gray.collect(), out_columns, out_rows))
}

/// The picture with the heat map over it, as RGB: in the colors of
/// [`overlay`](wilhelm_nets::explain::overlay) where the network looked, unchanged elsewhere.
///
/// # Shapes
/// `gray` holds `columns * rows` values of a picture that shows `native` columns and rows; the map
/// covers its own region of the native image.
pub fn heat_map_overlay(
    gray: &[u8],
    columns: usize,
    rows: usize,
    native: [usize; 2],
    map: &HeatMap,
) -> Vec<u8> {
    let scale = [native[0] as f32 / columns as f32, native[1] as f32 / rows as f32];
    let mut rgb = Vec::with_capacity(gray.len() * 3);
    for row in 0..rows {
        for column in 0..columns {
            let x = (column as f32 + 0.5) * scale[0] - map.region.column as f32;
            let y = (row as f32 + 0.5) * scale[1] - map.region.row as f32;
            let u = x / map.region.columns as f32 * map.columns as f32 - 0.5;
            let v = y / map.region.rows as f32 * map.rows as f32 - 0.5;
            let inside = x >= 0.0 && y >= 0.0 && x < map.region.columns as f32 && y < map.region.rows as f32;
            let weight = if inside { bilinear(map, u, v) } else { 0.0 };
            rgb.extend(heat_over(gray[row * columns + column], weight));
        }
    }
    rgb
}

fn bilinear(map: &HeatMap, u: f32, v: f32) -> f32 {
    let (u, v) = (u.clamp(0.0, (map.columns - 1) as f32), v.clamp(0.0, (map.rows - 1) as f32));
    let (left, top) = (u as usize, v as usize);
    let (right, bottom) = ((left + 1).min(map.columns - 1), (top + 1).min(map.rows - 1));
    let (along, down) = (u - left as f32, v - top as f32);
    let at = |column: usize, row: usize| map.weights[row * map.columns + column];
    let upper = at(left, top) * (1.0 - along) + at(right, top) * along;
    let lower = at(left, bottom) * (1.0 - along) + at(right, bottom) * along;
    upper * (1.0 - down) + lower * down
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(weights: Vec<f32>, region: Region) -> HeatMap {
        HeatMap { label: "x".to_owned(), columns: 2, rows: 2, weights, region }
    }

    #[test]
    fn heat_falls_on_the_quarter_it_belongs_to_and_nowhere_else() {
        let gray = vec![100; 64];
        let whole = Region { column: 0, row: 0, columns: 8, rows: 8 };
        // Upper right is hot.
        let rgb = heat_map_overlay(&gray, 8, 8, [8, 8], &map(vec![0.0, 1.0, 0.0, 0.0], whole));
        let at = |column: usize, row: usize| &rgb[(row * 8 + column) * 3..][..3];
        assert_ne!(at(7, 0), [100, 100, 100]);
        assert_eq!(at(0, 0), [100, 100, 100]);
        assert_eq!(at(0, 7), [100, 100, 100]);
        assert_eq!(at(7, 7), [100, 100, 100]);
    }

    #[test]
    fn pixels_outside_the_region_that_was_read_stay_gray() {
        let gray = vec![50; 8];
        let right_half = Region { column: 4, row: 0, columns: 4, rows: 1 };
        let rgb = heat_map_overlay(&gray, 8, 1, [8, 1], &map(vec![1.0; 4], right_half));
        assert!(rgb[..12].iter().all(|value| *value == 50));
        assert!(rgb[12..].iter().any(|value| *value != 50));
    }

    #[test]
    fn a_large_picture_is_reduced_and_bounds_become_black_and_white() {
        let values: Vec<f32> = (0..2048 * 4).map(|place| (place % 2048) as f32).collect();
        let plane = Plane::new(&values, 2048, 4).expect("fits");
        let (gray, columns, rows) = picture(plane, (500.0, 1500.0)).expect("a picture");
        assert_eq!((columns, rows), (1024, 2));
        assert_eq!((gray[0], gray[1023]), (0, 255));
    }
}
