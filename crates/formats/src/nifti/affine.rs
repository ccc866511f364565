//! From NIfTI's affine in RAS+ to a grid in LPS+.

use wilhelm_study::{Defect, Geometry};

use super::header::Header;
use crate::FormatError;
use crate::volume::affine::{self, RAS};

type Matrix = [[f64; 3]; 3];

/// How much the squares of a quaternion's last three numbers may exceed 1: they are 32-bit floats.
const QUATERNION_TOLERANCE: f64 = 1e-3;

/// Square of a quaternion's first number below which it is 0, the limit of nifti1_io.c.
const HALF_TURN: f64 = 1e-7;

/// The grid: s-form before q-form before none (with a defect), and why it is in doubt.
///
/// # Errors
/// [`FormatError::Malformed`] for an affine that is singular, not finite, or far from orthogonal.
pub(super) fn geometry(
    header: &Header,
    label: &str,
    defects: &mut Vec<Defect>,
) -> Result<(Geometry, Option<String>), FormatError> {
    let scale = match header.unit {
        1 => 1000.0,
        2 => 1.0,
        3 => 0.001,
        other => {
            let message = format!("unit of length {other} is not known: millimeters are assumed");
            defects.push(affine::defect(label, "affine", message));
            1.0
        }
    };
    let mut doubt = None;
    let (place, matrix, offset) = if header.sform_code > 0 {
        let matrix = std::array::from_fn(|i| std::array::from_fn(|j| header.rows[i][j]));
        ("s-form", matrix, header.rows.map(|row| row[3]))
    } else if header.qform_code > 0 {
        ("q-form", rotation(header)?, header.offset)
    } else {
        let message = "neither s-form nor q-form: orientation and origin are not known, \
                       right-anterior-superior is assumed";
        defects.push(affine::defect(label, "affine", message));
        doubt = Some("neither s-form nor q-form, expected a place in space".to_owned());
        let [_, x, y, z] = header.pixdim;
        ("pixdim", [[x.abs(), 0.0, 0.0], [0.0, y.abs(), 0.0], [0.0, 0.0, z.abs()]], [0.0; 3])
    };
    let steps: Matrix = std::array::from_fn(|j| std::array::from_fn(|i| matrix[i][j] * scale * RAS[i]));
    let origin: [f64; 3] = std::array::from_fn(|i| offset[i] * scale * RAS[i]);
    let straightened = affine::grid(header.size, steps, origin, place)?;
    if let Some(shear) = straightened.shear {
        defects.push(affine::defect(label, "affine", shear.as_str()));
        doubt = Some(shear);
    }
    Ok((straightened.geometry, doubt))
}

/// The q-form's matrix: a unit quaternion's rotation times the spacing.
///
/// # Errors
/// [`FormatError::Malformed`] for spacing that is not above 0, and for no unit quaternion.
fn rotation(header: &Header) -> Result<Matrix, FormatError> {
    let [handedness, x, y, z] = header.pixdim;
    for (axis, spacing) in [(1, x), (2, y), (3, z)] {
        if !(spacing.is_finite() && spacing > 0.0) {
            let message = format!("{spacing}, expected more than 0");
            return Err(FormatError::malformed(format!("pixdim[{axis}]"), message));
        }
    }
    let squares: f64 = header.quaternion.iter().map(|value| value * value).sum();
    if squares.is_nan() || squares > 1.0 + QUATERNION_TOLERANCE {
        let message = format!("squares add up to {squares}, expected at most 1");
        return Err(FormatError::malformed("quaternion", message));
    }
    // As nifti1_io does: what is left over for the first number below the rounding of 32-bit floats
    // is none, a half turn, and the others are brought to length 1.
    let left = 1.0 - squares;
    let (a, shrink) = if left < HALF_TURN { (0.0, squares.sqrt()) } else { (left.sqrt(), 1.0) };
    let [b, c, d] = header.quaternion.map(|value| value / shrink);
    let third = if handedness < 0.0 { -z } else { z };
    let rotation = [
        [a * a + b * b - c * c - d * d, 2.0 * (b * c - a * d), 2.0 * (b * d + a * c)],
        [2.0 * (b * c + a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d - a * b)],
        [2.0 * (b * d - a * c), 2.0 * (c * d + a * b), a * a + d * d - b * b - c * c],
    ];
    Ok(rotation.map(|row| [row[0] * x, row[1] * y, row[2] * third]))
}
