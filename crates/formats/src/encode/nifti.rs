use super::{Compression, VolumeContent, Written};
use crate::nifti::encoded_names;
use crate::volume::affine::{RAS, determinant, orthonormal};

/// Sizes up to this stand in the 16-bit fields of NIfTI-1.
const FIRST_VERSION: usize = 32_767;

/// `NIFTI_INTENT_LABEL`: voxels are labels.
const INTENT_LABEL: i64 = 1002;

/// The bytes of a NIfTI file: `.nii`, or `.nii.gz` with [`Compression::Gzip`].
///
/// NIfTI-1, or NIfTI-2 where an axis has more than 32767 places. Values are 32-bit floats, labels
/// and masks 8 or 16 bits, little endian. s-form and q-form say the same; where direction cosines
/// are rounded (up to [`Direction::TOLERANCE`](wilhelm_study::Direction::TOLERANCE)) the s-form
/// keeps them and the q-form, which is a rotation, is the nearest one. The names of segments stand
/// in a header extension, as Connectome Workbench and TotalSegmentator write them.
///
/// # Units
/// mm, in RAS+ as the format has it.
pub fn encode_nifti<'a>(content: impl Into<VolumeContent<'a>>, compression: Compression) -> Vec<u8> {
    let content = content.into();
    let header = header(&content);
    match compression {
        Compression::None => {
            let mut bytes = header;
            bytes.reserve_exact(content.geometry.voxels() * content.written().bytes());
            content.write_voxels(&mut bytes);
            bytes
        }
        Compression::Gzip => content.gzip(Vec::new(), &header),
    }
}

/// Fields at their places in either version, little endian.
struct Fields {
    bytes: Vec<u8>,
    second: bool,
}

impl Fields {
    /// A whole number: 16 bits in the first version, 64 in the second.
    fn long(&mut self, first: usize, second: usize, value: i64) {
        if self.second {
            self.put(second, &value.to_le_bytes());
        } else {
            self.put(first, &(value as i16).to_le_bytes());
        }
    }
    /// A code: 16 bits in the first version, 32 in the second.
    fn code(&mut self, first: usize, second: usize, value: i64) {
        if self.second {
            self.put(second, &(value as i32).to_le_bytes());
        } else {
            self.put(first, &(value as i16).to_le_bytes());
        }
    }
    /// Floating point: 32 bits in the first version, 64 in the second.
    fn real(&mut self, first: usize, second: usize, value: f64) {
        if self.second {
            self.put(second, &value.to_le_bytes());
        } else {
            self.put(first, &(value as f32).to_le_bytes());
        }
    }
    fn put(&mut self, at: usize, value: &[u8]) {
        self.bytes[at..at + value.len()].copy_from_slice(value);
    }
}

/// Header and extension.
fn header(content: &VolumeContent<'_>) -> Vec<u8> {
    let geometry = content.geometry;
    let size = geometry.size();
    let second = size.iter().any(|count| *count > FIRST_VERSION);
    let length = if second { 540 } else { 348 };
    let extension =
        content.segments().map(|segments| extension(&encoded_names(segments))).unwrap_or_default();
    let mut fields = Fields { bytes: vec![0; length + 4], second };
    fields.put(0, &(length as i32).to_le_bytes());
    if second {
        fields.put(4, b"n+2\0\r\n\x1A\n");
    } else {
        fields.put(344, b"n+1\0");
    }
    fields.long(40, 16, 3);
    for axis in 1..8 {
        let count = size.get(axis - 1).map_or(1, |count| *count as i64);
        fields.long(40 + 2 * axis, 16 + 8 * axis, count);
    }
    let written = content.written();
    let code: i16 = match written {
        Written::U8 => 2,
        Written::F32 => 16,
        Written::U16 => 512,
    };
    fields.put(if second { 12 } else { 70 }, &code.to_le_bytes());
    fields.put(if second { 14 } else { 72 }, &(8 * written.bytes() as i16).to_le_bytes());
    if content.segments().is_some() {
        fields.code(68, 504, INTENT_LABEL);
    }
    let voxel_offset = length + 4 + extension.len();
    if second {
        fields.put(168, &(voxel_offset as i64).to_le_bytes());
        fields.put(500, &2_i32.to_le_bytes());
    } else {
        fields.put(108, &(voxel_offset as f32).to_le_bytes());
        fields.put(123, &[2]);
    }
    fields.real(112, 176, 1.0);
    fields.put(if second { 240 } else { 148 }, b"wilhelm");
    place(&mut fields, content);
    fields.bytes[length] = u8::from(!extension.is_empty());
    fields.bytes.extend(extension);
    fields.bytes
}

/// Spacing, q-form and s-form.
fn place(fields: &mut Fields, content: &VolumeContent<'_>) {
    let geometry = content.geometry;
    let spacing = geometry.spacing().millimeters();
    let steps = content.steps();
    let origin = geometry.origin().components();
    // One column an axis, in RAS+.
    let axes = geometry.direction().axes().map(|axis| std::array::from_fn(|i| axis[i] * RAS[i]));
    let axes = orthonormal(axes).expect("direction cosines are orthonormal within their tolerance");
    let (quaternion, handedness) = quaternion(axes);
    fields.code(252, 344, 1);
    fields.code(254, 348, 1);
    fields.real(76, 104, handedness);
    for i in 0..3 {
        fields.real(80 + 4 * i, 112 + 8 * i, spacing[i]);
        fields.real(256 + 4 * i, 352 + 8 * i, quaternion[i]);
        fields.real(268 + 4 * i, 376 + 8 * i, origin[i] * RAS[i]);
        for (axis, step) in steps.iter().enumerate() {
            fields.real(280 + 16 * i + 4 * axis, 400 + 32 * i + 8 * axis, step[i] * RAS[i]);
        }
        fields.real(292 + 16 * i, 424 + 32 * i, origin[i] * RAS[i]);
    }
}

/// The last three numbers of a unit quaternion whose first is not below 0, and `qfac`.
///
/// Source: `nifti_mat44_to_quatern` of nifti1_io.c.
fn quaternion(mut axes: [[f64; 3]; 3]) -> ([f64; 3], f64) {
    let handedness = if determinant(axes) < 0.0 { -1.0 } else { 1.0 };
    axes[2] = axes[2].map(|component| component * handedness);
    // `r(i, j)`: row i, column j.
    let r = |i: usize, j: usize| axes[j][i];
    let trace = r(0, 0) + r(1, 1) + r(2, 2) + 1.0;
    if trace > 0.5 {
        let a = 0.5 * trace.sqrt();
        let vector = [r(2, 1) - r(1, 2), r(0, 2) - r(2, 0), r(1, 0) - r(0, 1)];
        return (vector.map(|value| 0.25 * value / a), handedness);
    }
    // The largest of the three is found first, so that nothing is divided by almost 0.
    let squares =
        [0, 1, 2].map(|i| 1.0 + r(i, i) - r((i + 1) % 3, (i + 1) % 3) - r((i + 2) % 3, (i + 2) % 3));
    let first = (0..3).max_by(|i, j| squares[*i].total_cmp(&squares[*j])).expect("three numbers");
    let (second, third) = ((first + 1) % 3, (first + 2) % 3);
    let mut vector = [0.0; 3];
    vector[first] = 0.5 * squares[first].sqrt();
    vector[second] = 0.25 * (r(first, second) + r(second, first)) / vector[first];
    vector[third] = 0.25 * (r(first, third) + r(third, first)) / vector[first];
    let a = r(third, second) - r(second, third);
    let sign = if a < 0.0 { -1.0 } else { 1.0 };
    (vector.map(|value| value * sign), handedness)
}

/// An extension of a multiple of 16 bytes, filled up with zeros.
///
/// Code 0, as TotalSegmentator writes the same table.
fn extension(text: &str) -> Vec<u8> {
    let size = (8 + text.len()).next_multiple_of(16);
    let mut bytes = Vec::with_capacity(size);
    bytes.extend((size as i32).to_le_bytes());
    bytes.extend(0_i32.to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.resize(size, 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_turns_and_mirrors_worked_on_paper() {
        let unit = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        assert_eq!(quaternion(unit), ([0.0; 3], 1.0));
        // A half turn about the second axis reverses the first and the third.
        let half = [[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]];
        assert_eq!(quaternion(half), ([0.0, 1.0, 0.0], 1.0));
        // LPS with its axes in RAS is a half turn about the third.
        let lps = [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]];
        assert_eq!(quaternion(lps), ([0.0, 0.0, 1.0], 1.0));
        let mirror = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]];
        assert_eq!(quaternion(mirror), ([0.0; 3], -1.0));
        // A quarter turn about the first axis takes the second to the third: sin 45 degrees.
        let quarter = [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]];
        let ([b, c, d], _) = quaternion(quarter);
        assert!((b - 0.5_f64.sqrt()).abs() < 1e-12 && c == 0.0 && d == 0.0);
    }
}
