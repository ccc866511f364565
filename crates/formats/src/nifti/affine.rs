//! From NIfTI's affine in RAS+ to a grid in LPS+.

use wilhelm_study::{Defect, DefectKind, Direction, Geometry, Mm, PointLps, Spacing};

use super::header::Header;
use crate::FormatError;

type Matrix = [[f64; 3]; 3];

/// The grid: s-form before q-form before none (with a defect).
///
/// # Errors
/// [`FormatError::Malformed`] for an affine that is flat or not finite.
pub(super) fn geometry(
    header: &Header,
    size: [usize; 3],
    label: &str,
    defects: &mut Vec<Defect>,
) -> Result<Geometry, FormatError> {
    let mut say =
        |message: String| defects.push(Defect::new(DefectKind::Header, format!("{label} affine"), message));
    let scale = match header.unit {
        1 => 1000.0,
        2 => 1.0,
        3 => 0.001,
        other => {
            say(format!("unit of length {other} is not known: millimeters are assumed"));
            1.0
        }
    };
    let (matrix, offset) = if header.sform_code > 0 {
        (std::array::from_fn(|i| std::array::from_fn(|j| header.rows[i][j])), header.rows.map(|row| row[3]))
    } else if header.qform_code > 0 {
        (rotation(header), header.offset)
    } else {
        say("neither s-form nor q-form: orientation and origin are not known, right-anterior-superior is assumed"
            .to_owned());
        let [_, x, y, z] = header.pixdim;
        ([[x.abs(), 0.0, 0.0], [0.0, y.abs(), 0.0], [0.0, 0.0, z.abs()]], [0.0; 3])
    };
    // RAS+ to LPS+: left and posterior are the negatives of right and anterior.
    let flip = [-scale, -scale, scale];
    let matrix: Matrix = std::array::from_fn(|i| matrix[i].map(|value| value * flip[i]));
    let origin: [f64; 3] = std::array::from_fn(|i| offset[i] * flip[i]);
    let column = |j: usize| [matrix[0][j], matrix[1][j], matrix[2][j]];
    let lengths: [f64; 3] = std::array::from_fn(|j| length(column(j)));
    if !(lengths.iter().all(|length| length.is_finite() && *length > 0.0)) {
        return Err(FormatError::malformed("affine", "an axis has no length, expected three axes"));
    }
    let axes: [[f64; 3]; 3] = std::array::from_fn(|j| column(j).map(|value| value / lengths[j]));
    let direction = match Direction::new(axes[0], axes[1], axes[2]) {
        Ok(direction) => direction,
        Err(error) => {
            let nearest = orthonormal(axes).ok_or_else(|| {
                FormatError::malformed("affine", "two axes are parallel, expected three axes")
            })?;
            say(format!("{error}: the affine is sheared, the nearest grid without shear is used"));
            Direction::new(nearest[0], nearest[1], nearest[2])?
        }
    };
    let spacing = Spacing::new(Mm(lengths[0]), Mm(lengths[1]), Mm(lengths[2]))?;
    Ok(Geometry::new(size, spacing, PointLps::from_components(origin), direction)?)
}

fn length(vector: [f64; 3]) -> f64 {
    vector.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// The q-form's matrix: a unit quaternion's rotation times the spacing.
fn rotation(header: &Header) -> Matrix {
    let [b, c, d] = header.quaternion;
    let a = (1.0 - b * b - c * c - d * d).max(0.0).sqrt();
    let [handedness, x, y, z] = header.pixdim;
    let third = if handedness < 0.0 { -z } else { z };
    let rotation = [
        [a * a + b * b - c * c - d * d, 2.0 * (b * c - a * d), 2.0 * (b * d + a * c)],
        [2.0 * (b * c + a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d - a * b)],
        [2.0 * (b * d - a * c), 2.0 * (c * d + a * b), a * a + d * d - b * b - c * c],
    ];
    rotation.map(|row| [row[0] * x, row[1] * y, row[2] * third])
}

/// The nearest orthonormal axes (the polar decomposition's factor), by Newton's iteration.
///
/// Source: Higham 1986, doi:10.1137/0907079.
fn orthonormal(axes: [[f64; 3]; 3]) -> Option<[[f64; 3]; 3]> {
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
    let cross = |a: [f64; 3], b: [f64; 3]| {
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    };
    let cofactors = [cross(m[1], m[2]), cross(m[2], m[0]), cross(m[0], m[1])];
    let determinant: f64 = m[0].iter().zip(cofactors[0]).map(|(a, b)| a * b).sum();
    (determinant.abs() > 1e-9).then(|| cofactors.map(|row| row.map(|value| value / determinant)))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
