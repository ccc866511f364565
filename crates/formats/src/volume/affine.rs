//! From the three steps of an affine to a grid whose axes are orthonormal.

use wilhelm_study::{Defect, DefectKind, Direction, Geometry, Mm, PointLps, Spacing};

use crate::FormatError;

type Matrix = [[f64; 3]; 3];

/// Above this scalar product of two axes (30 degrees off the right angle, as far as a gantry is
/// tilted) a grid without shear says nothing true about where a voxel is.
const WORST_SHEAR: f64 = 0.5;

/// Volume of the box of the three unit axes below which they lie in one plane.
const FLAT: f64 = 1e-6;

/// Signs that take right, anterior, superior to left, posterior, superior (and back).
pub(crate) const RAS: [f64; 3] = [-1.0, -1.0, 1.0];

/// A grid, and why it is not quite the affine it was made from.
pub(crate) struct Straightened {
    pub geometry: Geometry,
    /// What was found and how far it moves voxels, where the affine is sheared.
    pub shear: Option<String>,
}

/// The grid of an affine in LPS+ mm: a step to the next column, row and slice, and the origin.
///
/// An affine within [`Direction::TOLERANCE`] is kept as it is. One that is sheared by up to 30
/// degrees becomes the nearest grid without shear, which is said as a defect with the largest
/// distance by which a voxel is moved.
///
/// # Errors
/// [`FormatError::Malformed`] for an affine that is not finite, without length along an axis,
/// singular, or sheared beyond that.
pub(crate) fn grid(
    size: [usize; 3],
    steps: Matrix,
    origin: [f64; 3],
    place: &str,
) -> Result<Straightened, FormatError> {
    let refused = |message: String| FormatError::malformed(place, message);
    let mut lengths = [0.0; 3];
    for (axis, name) in ["columns", "rows", "slices"].into_iter().enumerate() {
        if !steps[axis].iter().all(|component| component.is_finite()) {
            return Err(refused(format!("the step between {name} is not finite, expected numbers")));
        }
        lengths[axis] = length(steps[axis]);
        if !(lengths[axis].is_finite() && lengths[axis] > 0.0) {
            let found = lengths[axis];
            return Err(refused(format!("spacing between {name} is {found} mm, expected more than 0 mm")));
        }
    }
    if !origin.iter().all(|component| component.is_finite()) {
        return Err(refused("the origin is not finite, expected numbers".to_owned()));
    }
    let axes: Matrix = std::array::from_fn(|j| steps[j].map(|value| value / lengths[j]));
    if determinant(axes).abs() < FLAT {
        return Err(refused("singular: its axes lie in one plane, expected three axes".to_owned()));
    }
    let spacing = Spacing::new(Mm(lengths[0]), Mm(lengths[1]), Mm(lengths[2]))?;
    let origin = PointLps::from_components(origin);
    let Err(error) = Direction::new(axes[0], axes[1], axes[2]) else {
        let direction = Direction::new(axes[0], axes[1], axes[2])?;
        return Ok(Straightened { geometry: Geometry::new(size, spacing, origin, direction)?, shear: None });
    };
    let worst = [(0, 1), (0, 2), (1, 2)].map(|(i, j)| dot(axes[i], axes[j]).abs());
    let worst = worst.into_iter().fold(0.0, f64::max);
    if worst > WORST_SHEAR {
        let degrees = worst.clamp(0.0, 1.0).asin().to_degrees();
        return Err(refused(format!("sheared by {degrees:.1} degrees, expected at most 30")));
    }
    let nearest = orthonormal(axes).ok_or_else(|| refused("singular, expected three axes".to_owned()))?;
    let direction = Direction::new(nearest[0], nearest[1], nearest[2])?;
    let geometry = Geometry::new(size, spacing, origin, direction)?;
    let moved = largest_move(&geometry, steps);
    let shear = format!(
        "{error}: the affine is sheared, the nearest grid without shear is used (voxels are moved by up to \
         {moved:.1} mm)"
    );
    Ok(Straightened { geometry, shear: Some(shear) })
}

/// The largest distance between a corner of the grid and where the affine puts it, mm.
fn largest_move(geometry: &Geometry, steps: Matrix) -> f64 {
    let last = geometry.size().map(|count| (count - 1) as f64);
    let origin = geometry.origin().components();
    (0..8)
        .map(|corner| {
            let at: [f64; 3] =
                std::array::from_fn(|axis| if corner >> axis & 1 == 1 { last[axis] } else { 0.0 });
            let found = geometry.point_at(at).components();
            length(std::array::from_fn(|i| {
                origin[i] + (0..3).map(|axis| steps[axis][i] * at[axis]).sum::<f64>() - found[i]
            }))
        })
        .fold(0.0, f64::max)
}

/// A defect of the header's affine.
pub(crate) fn defect(label: &str, field: &str, message: impl Into<String>) -> Defect {
    Defect::new(DefectKind::Header, format!("{label} {field}"), message)
}

pub(crate) fn length(vector: [f64; 3]) -> f64 {
    dot(vector, vector).sqrt()
}

pub(crate) fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub(crate) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

pub(crate) fn determinant(m: Matrix) -> f64 {
    dot(m[0], cross(m[1], m[2]))
}

/// The nearest orthonormal axes (the polar decomposition's factor), by Newton's iteration.
///
/// Source: Higham 1986, doi:10.1137/0907079.
pub(crate) fn orthonormal(axes: Matrix) -> Option<Matrix> {
    let mut current = axes;
    for _ in 0..100 {
        let inverse = inverse_transposed(current)?;
        let next: Matrix =
            std::array::from_fn(|i| std::array::from_fn(|j| (current[i][j] + inverse[i][j]) / 2.0));
        let moved = (0..9).map(|k| (next[k / 3][k % 3] - current[k / 3][k % 3]).abs()).fold(0.0, f64::max);
        current = next;
        if moved < 1e-14 {
            break;
        }
    }
    current.iter().flatten().all(|value| value.is_finite()).then_some(current)
}

fn inverse_transposed(m: Matrix) -> Option<Matrix> {
    let cofactors = [cross(m[1], m[2]), cross(m[2], m[0]), cross(m[0], m[1])];
    let determinant = determinant(m);
    (determinant.abs() > 1e-9).then(|| cofactors.map(|row| row.map(|value| value / determinant)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: [usize; 3] = [11, 11, 11];

    fn refusal(steps: Matrix, origin: [f64; 3]) -> String {
        grid(SIZE, steps, origin, "affine").err().expect("refused").to_string()
    }

    #[test]
    fn the_nearest_orthonormal_axes_of_a_small_shear_share_it_between_both() {
        let shear = 0.02_f64;
        let axes = orthonormal([[1.0, 0.0, 0.0], [shear, 1.0, 0.0], [0.0, 0.0, 1.0]]).expect("not flat");
        let dot: f64 = axes[0].iter().zip(axes[1]).map(|(a, b)| a * b).sum();
        assert!(dot.abs() < 1e-12, "{dot}");
        // Half the shear each, to first order.
        assert!((axes[1][0] - shear / 2.0).abs() < 1e-5, "{axes:?}");
        assert_eq!(orthonormal([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]), None);
    }

    #[test]
    fn a_small_shear_says_how_far_it_moves_a_voxel_and_a_large_one_is_refused() {
        // Half of 0.02 along two axes of 10 mm each: 0.1 mm in each direction at the far corner.
        let small = grid(SIZE, [[1.0, 0.0, 0.0], [0.02, 1.0, 0.0], [0.0, 0.0, 1.0]], [0.0; 3], "affine");
        let shear = small.expect("a small shear").shear.expect("said");
        assert!(shear.contains("moved by up to 0.1 mm"), "{shear}");
        let straight = grid(SIZE, [[1.0, 0.0, 0.0], [0.0005, 1.0, 0.0], [0.0, 0.0, 1.0]], [0.0; 3], "affine");
        assert!(straight.expect("within the tolerance").shear.is_none());
        let large = refusal([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [0.0; 3]);
        assert_eq!(large, "affine: sheared by 45.0 degrees, expected at most 30");
    }

    #[test]
    fn singular_empty_and_broken_affines_are_refused_by_name() {
        let unit = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let with = |axis: usize, step: [f64; 3]| {
            let mut steps = unit;
            steps[axis] = step;
            refusal(steps, [0.0; 3])
        };
        assert_eq!(with(1, [0.0; 3]), "affine: spacing between rows is 0 mm, expected more than 0 mm");
        assert_eq!(
            with(2, [f64::NAN, 0.0, 1.0]),
            "affine: the step between slices is not finite, expected numbers"
        );
        assert_eq!(
            with(2, [1.0, 0.0, 0.0]),
            "affine: singular: its axes lie in one plane, expected three axes"
        );
        assert_eq!(
            refusal(unit, [0.0, f64::INFINITY, 0.0]),
            "affine: the origin is not finite, expected numbers"
        );
    }
}
