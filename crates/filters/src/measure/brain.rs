use schemars::JsonSchema;
use serde::Serialize;
use wilhelm_study::{Geometry, Mask, PointLps, VoxelError};

use super::{Measured, extent};
use crate::FilterError;

/// Width of the frontal horns over the inner width of the skull.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct EvansIndex {
    /// The ratio, no unit; above 0.3 the ventricles are called enlarged.
    pub ratio: Measured,
    /// The slice, from 0, in which the frontal horns are widest.
    pub slice: usize,
    /// Greatest width of the frontal horns in that slice, mm.
    pub horns_mm: f64,
    /// Greatest inner width of the skull in that slice, mm.
    pub skull_mm: f64,
}

/// Evans index: the greatest width of the frontal horns of the lateral ventricles over the greatest
/// inner width of the skull in the same axial slice.
///
/// `horns` holds the frontal horns of both sides, `inside_skull` all that the skull encloses. Widths
/// run from edge to edge along the patient's left-right axis; the ends move each edge by half a pixel.
///
/// # Errors
/// [`FilterError::Voxels`] if the grids differ, [`FilterError::TooFew`] for empty masks,
/// [`FilterError::Parameter`] where the slices are not axial within 30 degrees.
///
/// # Source
/// Evans 1942, doi:10.1001/archneurpsyc.1942.02290060069004
pub fn evans_index(horns: &Mask, inside_skull: &Mask) -> Result<EvansIndex, FilterError> {
    if !horns.geometry().is_same_grid(inside_skull.geometry()) {
        return Err(VoxelError::Grid.into());
    }
    axial(horns.geometry())?;
    let horn_runs = extent::widths_left_right(horns)?;
    let skull_runs = extent::widths_left_right(inside_skull)?;
    let mut best: Option<(usize, extent::Run)> = None;
    for (slice, run) in horn_runs.into_iter().enumerate() {
        if let Some(run) = run
            && best.is_none_or(|(_, widest)| run.millimeters() > widest.millimeters())
        {
            best = Some((slice, run));
        }
    }
    let (slice, run) =
        best.ok_or(FilterError::TooFew { what: "mask of the frontal horns", found: 0, expected: 1 })?;
    let skull = skull_runs[slice].ok_or(FilterError::TooFew {
        what: "mask of the skull's inside at the frontal horns",
        found: 0,
        expected: 1,
    })?;
    let (horns_mm, skull_mm) = (run.millimeters(), skull.millimeters());
    let step = run.step;
    Ok(EvansIndex {
        ratio: Measured::new(
            horns_mm / skull_mm,
            (horns_mm - step).max(0.0) / (skull_mm + step),
            (horns_mm + step) / (skull_mm - step).max(step),
            "1",
        ),
        slice,
        horns_mm,
        skull_mm,
    })
}

fn axial(geometry: &Geometry) -> Result<(), FilterError> {
    let cosine = geometry.direction().through_slices()[2].abs();
    if cosine < 30.0_f64.to_radians().cos() {
        let letters = geometry.direction().letters();
        return Err(FilterError::parameter("orientation", letters, "axial slices within 30 degrees"));
    }
    Ok(())
}

/// Volumes on both sides of a structure's plane of symmetry.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Asymmetry {
    /// On the patient's left, mL.
    pub left: Measured,
    /// On the patient's right, mL.
    pub right: Measured,
    /// Left less right over their mean, in percent; positive where the left is larger.
    pub index: Measured,
    /// A point of the plane.
    pub plane_point: PointLps,
    /// Unit normal of the plane, toward the patient's left.
    pub plane_normal: [f64; 3],
    /// Share of the mask that falls on itself when mirrored, 0 to 1.
    pub symmetry: f64,
}

/// Left-right asymmetry of a mask about the plane that mirrors it best onto itself.
///
/// The plane is sought within 20 degrees and 15 mm of the sagittal plane through the center of mass.
/// The ends move the plane by half a voxel.
///
/// # Errors
/// [`FilterError::TooFew`] for fewer than 100 voxels.
///
/// # Source
/// Index: Galaburda et al. 1987, doi:10.1016/0028-3932(87)90067-6 (up to the factor of its mean)
pub fn left_right_asymmetry(mask: &Mask) -> Result<Asymmetry, FilterError> {
    const LEAST: usize = 100;
    let points: Vec<[f64; 3]> = inside_points(mask);
    if points.len() < LEAST {
        return Err(FilterError::TooFew { what: "mask", found: points.len(), expected: LEAST });
    }
    let count = points.len() as f64;
    let center: [f64; 3] = std::array::from_fn(|axis| points.iter().map(|p| p[axis]).sum::<f64>() / count);
    // Enough for a plane; evenly spread over the mask.
    let stride = points.len().div_ceil(20_000);
    let sample: Vec<[f64; 3]> = points.iter().step_by(stride).copied().collect();
    let plane = best_plane(mask, &sample, center);
    let symmetry = overlap(mask, &sample, center, &plane);
    let normal = plane.normal();
    let distance = |p: &[f64; 3]| (0..3).map(|axis| (p[axis] - center[axis]) * normal[axis]).sum::<f64>();
    let axes = mask.geometry().direction().axes();
    let spacing = mask.geometry().spacing().millimeters();
    // Half of a voxel's extent along the normal.
    let half: f64 = (0..3)
        .map(|axis| {
            let cosine: f64 = (0..3).map(|i| axes[axis][i] * normal[i]).sum();
            cosine.abs() * spacing[axis]
        })
        .sum::<f64>()
        / 2.0;
    let voxel = mask.geometry().voxel_milliliters();
    let left_of = |offset: f64| points.iter().filter(|p| distance(p) > offset).count() as f64 * voxel;
    let whole = count * voxel;
    let [few, left, many] = [plane.offset + half, plane.offset, plane.offset - half].map(left_of);
    let index = |left: f64| 200.0 * (2.0 * left - whole) / whole;
    Ok(Asymmetry {
        left: Measured::new(left, few, many, "mL"),
        right: Measured::new(whole - left, whole - many, whole - few, "mL"),
        index: Measured::new(index(left), index(few), index(many), "%"),
        plane_point: PointLps::from_components(std::array::from_fn(|axis| {
            center[axis] + plane.offset * normal[axis]
        })),
        plane_normal: normal,
        symmetry,
    })
}

fn inside_points(mask: &Mask) -> Vec<[f64; 3]> {
    let [columns, rows, _] = mask.geometry().size();
    let place =
        |at: usize| [(at % columns) as f64, (at / columns % rows) as f64, (at / (columns * rows)) as f64];
    let inside = mask.voxels().iter().enumerate().filter(|(_, inside)| **inside);
    inside.map(|(at, _)| mask.geometry().point_at(place(at)).components()).collect()
}

/// A plane near the sagittal one: turned about the vertical and the front-back axis, then moved.
#[derive(Clone, Copy)]
struct Plane {
    yaw: f64,
    roll: f64,
    offset: f64,
}

impl Plane {
    fn normal(&self) -> [f64; 3] {
        let (yaw, roll) = (self.yaw.to_radians(), self.roll.to_radians());
        [yaw.cos() * roll.cos(), yaw.sin() * roll.cos(), roll.sin()]
    }
}

/// Share of points whose mirror image lies in the mask.
fn overlap(mask: &Mask, points: &[[f64; 3]], center: [f64; 3], plane: &Plane) -> f64 {
    let normal = plane.normal();
    let size = mask.geometry().size();
    let inside = |p: &&[f64; 3]| {
        let distance = (0..3).map(|axis| (p[axis] - center[axis]) * normal[axis]).sum::<f64>() - plane.offset;
        let mirrored = std::array::from_fn(|axis| p[axis] - 2.0 * distance * normal[axis]);
        let index = mask.geometry().index_at(PointLps::from_components(mirrored)).map(f64::round);
        let within = (0..3).all(|axis| index[axis] >= 0.0 && index[axis] < size[axis] as f64);
        within
            && mask.voxels()[(index[2] as usize * size[1] + index[1] as usize) * size[0] + index[0] as usize]
    };
    points.iter().filter(inside).count() as f64 / points.len() as f64
}

/// Pattern search from the sagittal plane through the center, with steps that halve.
fn best_plane(mask: &Mask, points: &[[f64; 3]], center: [f64; 3]) -> Plane {
    const DEGREES: f64 = 20.0;
    const MILLIMETERS: f64 = 15.0;
    let mut best = Plane { yaw: 0.0, roll: 0.0, offset: 0.0 };
    let mut score = overlap(mask, points, center, &best);
    let mut step = 8.0;
    while step > 0.1 {
        let mut improved = false;
        for (yaw, roll, offset) in [
            (1.0, 0.0, 0.0),
            (-1.0, 0.0, 0.0),
            (0.0, 1.0, 0.0),
            (0.0, -1.0, 0.0),
            (0.0, 0.0, 1.0),
            (0.0, 0.0, -1.0),
        ] {
            let tried = Plane {
                yaw: (best.yaw + yaw * step).clamp(-DEGREES, DEGREES),
                roll: (best.roll + roll * step).clamp(-DEGREES, DEGREES),
                offset: (best.offset + offset * step).clamp(-MILLIMETERS, MILLIMETERS),
            };
            let found = overlap(mask, points, center, &tried);
            if found > score {
                (best, score, improved) = (tried, found, true);
            }
        }
        if !improved {
            step /= 2.0;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Direction, Mm, Spacing};

    fn grid(size: [usize; 3], spacing: [f64; 3]) -> Geometry {
        let [x, y, z] = spacing.map(Mm);
        Geometry::axis_aligned(size, Spacing::new(x, y, z).expect("positive")).expect("a grid")
    }

    fn mask(grid: Geometry, inside: impl Fn([f64; 3]) -> bool) -> Mask {
        let [columns, rows, _] = grid.size();
        let point = |at: usize| {
            let place = [at % columns, at / columns % rows, at / (columns * rows)].map(|i| i as f64);
            grid.point_at(place).components()
        };
        Mask::new(grid, (0..grid.voxels()).map(|at| inside(point(at))).collect()).expect("fits")
    }

    #[test]
    fn horns_of_36_mm_in_a_skull_of_120_mm() {
        let grid = grid([70, 80, 5], [2.0, 2.0, 5.0]);
        let horns =
            mask(grid, |[x, y, z]| (40.0..76.0).contains(&x) && (60.0..80.0).contains(&y) && z == 10.0);
        let skull = mask(grid, |[x, _, _]| (6.0..126.0).contains(&x));
        let found = evans_index(&horns, &skull).expect("an index");
        assert_eq!((found.slice, found.horns_mm, found.skull_mm), (2, 36.0, 120.0));
        assert!((found.ratio.value - 0.3).abs() < 1e-12);
        assert!((found.ratio.low - 34.0 / 122.0).abs() < 1e-12);
        assert!(evans_index(&Mask::none(grid), &skull).is_err());
    }

    #[test]
    fn the_width_runs_along_the_patients_left_right_axis_whichever_way_the_rows_run() {
        let spacing = Spacing::new(Mm(1.0), Mm(2.0), Mm(5.0)).expect("positive");
        // Rows run front to back, columns from left to right.
        let turned = Direction::new([0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]).expect("orthonormal");
        let origin = PointLps::from_components([0.0; 3]);
        let grid = Geometry::new([60, 60, 3], spacing, origin, turned).expect("a grid");
        let horns = mask(grid, |[x, y, z]| (-60.0..-30.0).contains(&x) && y < 10.0 && z == 5.0);
        let skull = mask(grid, |[x, _, _]| (-110.0..-10.0).contains(&x));
        let found = evans_index(&horns, &skull).expect("an index");
        assert_eq!((found.horns_mm, found.skull_mm), (30.0, 100.0));
        let sagittal =
            Direction::new([0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]).expect("orthonormal");
        let grid = Geometry::new([6, 6, 3], spacing, origin, sagittal).expect("a grid");
        let all = Mask::none(grid).complement();
        assert!(matches!(evans_index(&all, &all), Err(FilterError::Parameter { name: "orientation", .. })));
    }

    #[test]
    fn an_ellipsoid_turned_by_ten_degrees_is_symmetric_and_one_with_a_bump_is_not() {
        let grid = grid([80, 90, 60], [2.0, 2.0, 2.0]);
        let (sine, cosine) = 10.0_f64.to_radians().sin_cos();
        let ellipsoid = |[x, y, z]: [f64; 3]| {
            let (dx, dy, dz) = (x - 84.0, y - 90.0, z - 60.0);
            let (u, v) = (cosine * dx + sine * dy, -sine * dx + cosine * dy);
            (u / 55.0).powi(2) + (v / 70.0).powi(2) + (dz / 45.0).powi(2) <= 1.0
        };
        let found = left_right_asymmetry(&mask(grid, ellipsoid)).expect("measured");
        assert!(found.index.value.abs() < 1.0, "{found:?}");
        assert!(found.symmetry > 0.98, "{found:?}");
        let along = found.plane_normal[0] * cosine + found.plane_normal[1] * sine;
        assert!(along > 2.0_f64.to_radians().cos(), "{found:?}");
        assert!((found.left.value + found.right.value - found.left.value * 2.0).abs() < 10.0);
        // A ball of 20 mm taken out of the right side: 33.5 mL of about 725.
        let bitten = |p: [f64; 3]| {
            ellipsoid(p) && (p[0] - 50.0).powi(2) + (p[1] - 90.0).powi(2) + (p[2] - 60.0).powi(2) > 400.0
        };
        let found = left_right_asymmetry(&mask(grid, bitten)).expect("measured");
        let missing = 4.0 / 3.0 * std::f64::consts::PI * 8.0;
        let difference = found.left.value - found.right.value;
        assert!((difference - missing).abs() < 4.0, "{difference} for {missing}");
        assert!(found.index.low > 0.0, "{found:?}");
    }
}
