mod diameter;
mod flat;
mod mesh;

use nalgebra::{DMatrix, Matrix3};

use super::definition::{Dimension, Entry, entry};
use super::region::Region;

pub(super) use flat::{SHAPE_2D, flat_shape};

use Dimension::{Area, Length, Number, PerLength, Volume};

/// Shape features, in the order of [`shape`].
#[rustfmt::skip]
pub(super) const SHAPE: [Entry; 18] = [
    entry("MeshVolume", "RNU0", Volume, "volume within the marching cubes mesh"),
    entry("VoxelVolume", "YEKZ", Volume, "voxels * volume of a voxel"),
    entry("SurfaceArea", "C0JK", Area, "area of the marching cubes mesh"),
    entry("SurfaceVolumeRatio", "2PR5", PerLength, "SurfaceArea / MeshVolume"),
    entry("Sphericity", "QCFX", Number, "(36 pi MeshVolume^2)^(1/3) / SurfaceArea"),
    entry("Compactness1", "SKGS", Number, "MeshVolume / (sqrt(pi) SurfaceArea^1.5)"),
    entry("Compactness2", "BQWJ", Number, "36 pi MeshVolume^2 / SurfaceArea^3"),
    entry("SphericalDisproportion", "KRCK", Number, "1 / Sphericity"),
    entry("Asphericity", "25C7", Number, "(SurfaceArea^3 / (36 pi MeshVolume^2))^(1/3) - 1 (IBSI)"),
    entry("Maximum3DDiameter", "L0JK", Length, "largest distance between vertices of the mesh"),
    entry("Maximum2DDiameterSlice", "", Length, "largest distance between vertices of the mesh in one slice"),
    entry("Maximum2DDiameterColumn", "", Length, "the same in one plane of rows and slices, all of one row"),
    entry("Maximum2DDiameterRow", "", Length, "the same in one plane of columns and slices, all of one column"),
    entry("MajorAxisLength", "TDIC", Length, "4 sqrt(largest eigenvalue of the voxel centers' covariance); over n as pyradiomics, IBSI's own is over n - 1"),
    entry("MinorAxisLength", "P9VJ", Length, "4 sqrt(second eigenvalue)"),
    entry("LeastAxisLength", "7J51", Length, "4 sqrt(smallest eigenvalue)"),
    entry("Elongation", "Q3CK", Number, "sqrt(second / largest eigenvalue)"),
    entry("Flatness", "N17B", Number, "sqrt(smallest / largest eigenvalue)"),
];

/// Shape features of a mask in space.
pub(super) fn shape(region: &Region, spacing: [f64; 3]) -> [f64; SHAPE.len()] {
    use std::f64::consts::PI;
    let mesh = mesh::measure(region, spacing);
    let (volume, area) = (mesh.volume, mesh.area);
    let diameters = diameter::diameters(region, spacing);
    let [least, minor, major] = variances_along_axes(region, spacing);
    let sphericity = (36.0 * PI * volume * volume).cbrt() / area;
    [
        volume,
        region.count() as f64 * spacing.iter().product::<f64>(),
        area,
        area / volume,
        sphericity,
        volume / (PI.sqrt() * area.powf(1.5)),
        36.0 * PI * volume * volume / area.powi(3),
        1.0 / sphericity,
        1.0 / sphericity - 1.0,
        diameters.in_space,
        diameters.in_planes[2],
        diameters.in_planes[1],
        diameters.in_planes[0],
        4.0 * major.sqrt(),
        4.0 * minor.sqrt(),
        4.0 * least.sqrt(),
        (minor / major).sqrt(),
        (least / major).sqrt(),
    ]
}

/// Eigenvalues of the covariance of the voxel centers in mm^2, in ascending order.
///
/// Sums of places are whole numbers, so nothing is lost before the covariance.
fn variances_along_axes(region: &Region, spacing: [f64; 3]) -> [f64; 3] {
    let mut first = [0_u64; 3];
    let mut second = [[0_u128; 3]; 3];
    for (at, row) in region.inside.chunks_exact(region.size[0]).enumerate() {
        let (y, z) = ((at % region.size[1]) as u64, (at / region.size[1]) as u64);
        let (mut count, mut sum, mut squares) = (0, 0, 0);
        for x in row.iter().enumerate().filter(|(_, inside)| **inside).map(|(x, _)| x as u64) {
            count += 1;
            sum += x;
            squares += x * x;
        }
        first[0] += sum;
        first[1] += y * count;
        first[2] += z * count;
        for (row, column, add) in [
            (0, 0, squares),
            (1, 1, y * y * count),
            (2, 2, z * z * count),
            (0, 1, sum * y),
            (0, 2, sum * z),
            (1, 2, y * z * count),
        ] {
            second[row][column] += u128::from(add);
        }
    }
    let count = region.count() as u128;
    let covariance = Matrix3::from_fn(|row, column| {
        let (low, high) = (row.min(column), row.max(column));
        // Never negative on the diagonal; beside it the sign is that of the correlation.
        let times_squared =
            (count * second[low][high]) as i128 - (u128::from(first[low]) * u128::from(first[high])) as i128;
        times_squared as f64 / (count as f64 * count as f64) * spacing[low] * spacing[high]
    });
    let values = DMatrix::from_iterator(3, 3, covariance.iter().copied()).symmetric_eigenvalues();
    let mut values: [f64; 3] = std::array::from_fn(|at| values[at].max(0.0));
    values.sort_unstable_by(f64::total_cmp);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(size: [usize; 3], spacing: [f64; 3]) -> [f64; SHAPE.len()] {
        shape(&Region { start: [0; 3], size, inside: vec![true; size.iter().product()] }, spacing)
    }

    #[test]
    fn one_voxel_is_an_octahedron() {
        let found = of([1, 1, 1], [1.0, 1.0, 1.0]);
        // Two pyramids of base 1/2 and height 1/2; eight equilateral triangles of side 1/sqrt(2).
        assert!((found[0] - 1.0 / 6.0).abs() < 1e-15);
        assert_eq!(found[1], 1.0);
        assert!((found[2] - 3.0_f64.sqrt()).abs() < 1e-14);
        assert_eq!(found[9..13], [1.0; 4]);
        assert_eq!(found[13..16], [0.0; 3]);
        assert!(found[16].is_nan() && found[17].is_nan());
    }

    #[test]
    fn a_row_of_three_has_the_variance_of_its_centers() {
        let found = of([3, 1, 1], [2.0, 1.0, 1.0]);
        // Centers -2, 0, 2: variance 8/3.
        assert!((found[13] - 4.0 * (8.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(found[9], 6.0);
        // A pyramid of base 1/2 and height 1 at each end, a prism of base 1/2 and length 4 between.
        assert!((found[0] - (2.0 * 0.5 / 3.0 + 2.0)).abs() < 1e-14, "{}", found[0]);
    }
}
