//! One displacement a voxel: the map that demons find.

use nalgebra::{Matrix3, Vector3};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilhelm_study::{Geometry, PointLps, VoxelError};

use super::transform::Transform;
use crate::FilterError;

/// A map that adds a displacement to each point: `y = x + d(x)`, by straight lines between voxels.
///
/// A point beyond the grid moves as the nearest voxel does.
///
/// # Units
/// mm, LPS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "FieldParts", into = "FieldParts")]
#[schemars(with = "FieldParts")]
pub struct DisplacementField {
    geometry: Geometry,
    /// Left, posterior, superior of each voxel in turn.
    displacements: Vec<f32>,
}

/// What a [`DisplacementField`] is written as.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct FieldParts {
    geometry: Geometry,
    displacements: Vec<f32>,
}

impl TryFrom<FieldParts> for DisplacementField {
    type Error = FilterError;
    fn try_from(parts: FieldParts) -> Result<Self, FilterError> {
        Self::new(parts.geometry, parts.displacements)
    }
}

impl From<DisplacementField> for FieldParts {
    fn from(field: DisplacementField) -> Self {
        Self { geometry: field.geometry, displacements: field.displacements }
    }
}

/// Where a map tears or folds the space.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Folding {
    /// Share of the voxels whose Jacobian determinant is 0 or less.
    pub share: f64,
    /// The least determinant: 1 keeps volumes.
    pub least_determinant: f64,
    /// The greatest determinant.
    pub greatest_determinant: f64,
}

impl DisplacementField {
    /// Displacements on a grid: left, posterior, superior of each voxel in turn, columns fastest.
    ///
    /// # Errors
    /// [`VoxelError::Length`] if the array does not hold three numbers a voxel,
    /// [`FilterError::NotFinite`] for numbers that are not finite.
    pub fn new(geometry: Geometry, displacements: Vec<f32>) -> Result<Self, FilterError> {
        let expected = geometry.voxels().saturating_mul(3);
        if displacements.len() != expected {
            return Err(VoxelError::Length { found: displacements.len(), expected }.into());
        }
        let count = displacements.iter().filter(|part| !part.is_finite()).count();
        if count > 0 {
            return Err(FilterError::NotFinite { count });
        }
        Ok(Self { geometry, displacements })
    }

    /// Any map, read at the voxels of a grid.
    ///
    /// # Errors
    /// [`FilterError::NotFinite`] where the map leaves the finite numbers.
    pub fn sampled(geometry: Geometry, map: &impl Transform) -> Result<Self, FilterError> {
        let [columns, rows, _] = geometry.size();
        let mut displacements = vec![0.0; geometry.voxels().saturating_mul(3)];
        displacements.par_chunks_mut(3 * columns).enumerate().for_each(|(line, target)| {
            let (row, slice) = ((line % rows) as f64, (line / rows) as f64);
            for (column, target) in target.chunks_exact_mut(3).enumerate() {
                let point = geometry.point_at([column as f64, row, slice]);
                let (from, to) = (point.components(), map.map(point).components());
                target.iter_mut().enumerate().for_each(|(axis, part)| *part = (to[axis] - from[axis]) as f32);
            }
        });
        Self::new(geometry, displacements)
    }

    /// The grid.
    pub const fn geometry(&self) -> &Geometry {
        &self.geometry
    }
    /// Left, posterior, superior of each voxel in turn, columns fastest, mm.
    pub fn displacements(&self) -> &[f32] {
        &self.displacements
    }

    /// First this map, then another, on this map's grid.
    ///
    /// # Errors
    /// [`FilterError::NotFinite`] where the other map leaves the finite numbers.
    pub fn then(&self, next: &impl Transform) -> Result<Self, FilterError> {
        Self::sampled(self.geometry, &Chain { first: self, next })
    }

    /// Determinants of the Jacobian matrix at each voxel: central differences, one-sided at the border.
    pub fn determinants(&self) -> Vec<f32> {
        let columns = self.geometry.size()[0];
        let mut determinants = vec![1.0_f32; self.geometry.voxels()];
        determinants.par_chunks_mut(columns).enumerate().for_each(|(line, target)| {
            target.iter_mut().zip(self.determinants_of(line)).for_each(|(target, found)| *target = found);
        });
        determinants
    }

    /// The determinants of one line of voxels.
    fn determinants_of(&self, line: usize) -> impl Iterator<Item = f32> {
        let size = self.geometry.size();
        let [columns, rows, _] = size;
        let strides = [3, 3 * columns, 3 * columns * rows];
        let axes = self.geometry.direction().axes().map(Vector3::from);
        let spacing = self.geometry.spacing().millimeters();
        (0..columns).map(move |column| {
            let at = [column, line % rows, line / rows];
            let offset = 3 * (line * columns + column);
            let mut jacobian = Matrix3::identity();
            for (axis, direction) in axes.iter().enumerate() {
                let before = usize::from(at[axis] > 0);
                let after = usize::from(at[axis] + 1 < size[axis]);
                if before + after == 0 {
                    continue;
                }
                let run = spacing[axis] * (before + after) as f64;
                let slope = Vector3::from_fn(|part, _| {
                    let high = self.displacements[offset + after * strides[axis] + part];
                    let low = self.displacements[offset - before * strides[axis] + part];
                    (f64::from(high) - f64::from(low)) / run
                });
                jacobian += slope * direction.transpose();
            }
            jacobian.determinant() as f32
        })
    }

    /// Whether, and how much, the map folds.
    pub fn folding(&self) -> Folding {
        let [_, rows, slices] = self.geometry.size();
        let none = (0, f32::INFINITY, f32::NEG_INFINITY);
        let (folded, least, greatest) = (0..rows * slices)
            .into_par_iter()
            .map(|line| {
                self.determinants_of(line).fold(none, |(folded, low, high), found| {
                    (folded + usize::from(found <= 0.0), low.min(found), high.max(found))
                })
            })
            .reduce(|| none, |a, b| (a.0 + b.0, a.1.min(b.1), a.2.max(b.2)));
        Folding {
            share: folded as f64 / self.geometry.voxels() as f64,
            least_determinant: f64::from(least),
            greatest_determinant: f64::from(greatest),
        }
    }
}

struct Chain<'a, T> {
    first: &'a DisplacementField,
    next: &'a T,
}

impl<T: Transform> Transform for Chain<'_, T> {
    fn map(&self, point: PointLps) -> PointLps {
        self.next.map(self.first.map(point))
    }
}

impl Transform for DisplacementField {
    fn map(&self, point: PointLps) -> PointLps {
        let at = self.geometry.index_at(point).map(|index| index as f32);
        let shift = vector_at(&self.displacements, self.geometry.size(), at);
        let from = point.components();
        PointLps::from_components(std::array::from_fn(|axis| from[axis] + f64::from(shift[axis])))
    }
}

/// The vector at a continuous index by straight lines, held at the border.
#[inline]
pub(super) fn vector_at(vectors: &[f32], size: [usize; 3], at: [f32; 3]) -> [f32; 3] {
    let plane = 3 * size[0] * size[1];
    vector_of(|slice| &vectors[slice * plane..], size, at)
}

/// [`vector_at`] of slices that lie apart: `of_slice` gives them by their number.
#[inline]
pub(super) fn vector_of<'a>(
    of_slice: impl Fn(usize) -> &'a [f32],
    size: [usize; 3],
    at: [f32; 3],
) -> [f32; 3] {
    let beside = |axis: usize| {
        let last = size[axis] - 1;
        // `max` and `min` take a number that is none to the border.
        let held = at[axis].max(0.0).min(last as f32);
        let low = (held as usize).min(last);
        ([low, (low + 1).min(last)], held - low as f32)
    };
    let (x, x_weight) = beside(0);
    let (y, y_weight) = beside(1);
    let (z, z_weight) = beside(2);
    let line = |vectors: &[f32], row: usize| {
        let line = &vectors[3 * row * size[0]..][..3 * size[0]];
        let read =
            |column: usize| -> [f32; 3] { *line[3 * column..].first_chunk().expect("three numbers a voxel") };
        mix(read(x[0]), read(x[1]), x_weight)
    };
    let [front, back] = z.map(|slice| {
        let vectors = of_slice(slice);
        mix(line(vectors, y[0]), line(vectors, y[1]), y_weight)
    });
    mix(front, back, z_weight)
}

#[inline]
fn mix(a: [f32; 3], b: [f32; 3], weight: f32) -> [f32; 3] {
    std::array::from_fn(|part| a[part] + (b[part] - a[part]) * weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::Affine;
    use wilhelm_study::{Direction, Mm, Spacing};

    /// A grid whose axes are posterior, superior, right.
    fn sagittal() -> Geometry {
        let spacing = Spacing::new(Mm(1.0), Mm(2.0), Mm(4.0)).expect("positive");
        let direction =
            Direction::new([0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [-1.0, 0.0, 0.0]).expect("orthonormal");
        Geometry::new([6, 5, 4], spacing, PointLps::from_components([9.0, -4.0, 30.0]), direction)
            .expect("a grid")
    }

    #[test]
    fn an_affine_map_read_at_the_voxels_is_that_map_between_them_and_its_determinant_everywhere() {
        let rows = [[1.5, 0.1, 0.0], [0.0, 0.8, 0.2], [0.0, 0.0, 1.1]];
        let affine = Affine::new(PointLps::from_components([1.0, 2.0, 3.0]), rows, [4.0, 5.0, 6.0])
            .expect("invertible");
        let field = DisplacementField::sampled(sagittal(), &affine).expect("finite");
        let inside = sagittal().point_at([2.3, 1.7, 0.4]);
        let (found, expected) = (field.map(inside).components(), affine.map(inside).components());
        found.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-4, "{a} is not {b}"));
        // 1.5 * 0.8 * 1.1 on paper.
        for determinant in field.determinants() {
            assert!((determinant - 1.32).abs() < 1e-4, "{determinant}");
        }
        let back = field.then(&affine.inverse()).expect("finite");
        assert!(back.displacements().iter().all(|part| part.abs() < 1e-4));
        assert_eq!(field.folding().share, 0.0);
        let mirror = Affine::new(
            PointLps::from_components([0.0; 3]),
            [[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            [0.0; 3],
        );
        let folded = DisplacementField::sampled(sagittal(), &mirror.expect("invertible")).expect("finite");
        assert_eq!(folded.folding().share, 1.0);
    }

    #[test]
    fn a_field_that_does_not_fit_or_is_not_finite_is_refused() {
        let geometry = sagittal();
        assert!(DisplacementField::new(geometry, vec![0.0; 5]).is_err());
        let mut numbers = vec![0.0; 360];
        numbers[7] = f32::NAN;
        assert_eq!(DisplacementField::new(geometry, numbers), Err(FilterError::NotFinite { count: 1 }));
    }
}
