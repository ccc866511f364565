use crate::radiomics::definition::{Dimension, Entry, entry};
use crate::radiomics::region::Region;

use super::{diameter, variances_along_axes};

use Dimension::{Area, Length, Number, PerLength};

/// Flat shape features, in the order of [`flat_shape`].
#[rustfmt::skip]
pub(in crate::radiomics) const SHAPE_2D: [Entry; 10] = [
    entry("MeshSurface", "", Area, "area within the marching squares outline"),
    entry("PixelSurface", "", Area, "pixels * area of a pixel"),
    entry("Perimeter", "", Length, "length of the marching squares outline"),
    entry("PerimeterSurfaceRatio", "", PerLength, "Perimeter / MeshSurface"),
    entry("Sphericity", "", Number, "2 sqrt(pi MeshSurface) / Perimeter"),
    entry("SphericalDisproportion", "", Number, "1 / Sphericity"),
    entry("MaximumDiameter", "", Length, "largest distance between vertices of the outline"),
    entry("MajorAxisLength", "", Length, "4 sqrt(larger eigenvalue of the pixel centers' covariance)"),
    entry("MinorAxisLength", "", Length, "4 sqrt(smaller eigenvalue)"),
    entry("Elongation", "", Number, "sqrt(smaller / larger eigenvalue)"),
];

/// Shape features of a mask of one slice.
pub(in crate::radiomics) fn flat_shape(region: &Region, spacing: [f64; 3]) -> [f64; SHAPE_2D.len()] {
    let [width, height, _] = spacing;
    let (surface, perimeter) = outline(region, width, height);
    // The slice takes no part: without a thickness, its axis has no variance.
    let [_, minor, major] = variances_along_axes(region, [width, height, 0.0]);
    let sphericity = 2.0 * (std::f64::consts::PI * surface).sqrt() / perimeter;
    [
        surface,
        region.count() as f64 * width * height,
        perimeter,
        perimeter / surface,
        sphericity,
        1.0 / sphericity,
        diameter::diameters(region, [width, height, 0.0]).in_planes[2],
        4.0 * major.sqrt(),
        4.0 * minor.sqrt(),
        (minor / major).sqrt(),
    ]
}

/// Area and length of the marching squares outline; opposite corners of a square are cut apart.
fn outline(region: &Region, width: f64, height: f64) -> (f64, f64) {
    let [columns, rows, _] = region.size;
    let inside = |column: usize, row: usize| {
        // Column and row count a frame of one pixel.
        (1..=columns).contains(&column)
            && (1..=rows).contains(&row)
            && region.inside[(row - 1) * columns + column - 1]
    };
    let slanted = width.hypot(height) / 2.0;
    // Eighths of a square and lengths, by how the four corners lie.
    let [mut eighths, mut slants, mut level, mut upright] = [0_u64; 4];
    for row in 0..=rows {
        for column in 0..=columns {
            let upper = [inside(column, row), inside(column + 1, row)];
            let lower = [inside(column, row + 1), inside(column + 1, row + 1)];
            match [upper, lower].concat().iter().filter(|corner| **corner).count() {
                1 => (eighths, slants) = (eighths + 1, slants + 1),
                2 if upper[0] == lower[1] => (eighths, slants) = (eighths + 2, slants + 2),
                2 if upper[0] == upper[1] => (eighths, level) = (eighths + 4, level + 1),
                2 => (eighths, upright) = (eighths + 4, upright + 1),
                3 => (eighths, slants) = (eighths + 7, slants + 1),
                4 => eighths += 8,
                _ => {}
            }
        }
    }
    let perimeter = slants as f64 * slanted + level as f64 * width + upright as f64 * height;
    (eighths as f64 / 8.0 * width * height, perimeter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_pixels_in_an_angle_worked_on_paper() {
        let region = Region { start: [0; 3], size: [2, 2, 1], inside: vec![true, true, true, false] };
        let found = flat_shape(&region, [3.0, 4.0, 1.0]);
        assert_eq!(found[1], 36.0);
        let (surface, perimeter) = outline(&region, 3.0, 4.0);
        // Corners inside, of the nine squares from the upper left: 1 2 1, 2 3 1, 1 1 0.
        assert_eq!(surface, 12.0 * f64::from(1 + 4 + 1 + 4 + 7 + 1 + 1 + 1) / 8.0);
        assert_eq!(perimeter, f64::from(1 + 1 + 1 + 1 + 1 + 1) * 2.5 + 3.0 + 4.0);
    }
}
