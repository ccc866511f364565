use nalgebra::{Matrix3, Quaternion, UnitQuaternion, Vector3};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilhelm_study::PointLps;

use crate::FilterError;

/// A map of the patient's space: from a point of the *fixed* image to the point of the *moving*
/// image that shows the same place, as in ITK.
///
/// To bring the moving image onto the fixed grid, each fixed voxel looks up its moving point; the
/// map therefore runs against the motion that one sees.
///
/// # Units
/// LPS, mm.
pub trait Transform: Sync {
    /// Where a point of the fixed image lies in the moving image.
    fn map(&self, point: PointLps) -> PointLps;

    /// The same map as an [`Affine`], where it is one.
    fn as_affine(&self) -> Option<Affine> {
        None
    }
}

/// A rotation about a center, then a translation: `y = R (x - c) + c + t`.
///
/// # Units
/// Center and translation in mm, LPS; the rotation is a unit quaternion (versor).
///
/// # Examples
/// ```
/// use wilhelm_filters::register::{Rigid, Transform};
/// use wilhelm_study::PointLps;
///
/// let center = PointLps::from_components([10.0, 0.0, 0.0]);
/// let quarter = std::f64::consts::FRAC_PI_2;
/// let turn = Rigid::from_euler(center, [0.0, 0.0, quarter], [0.0, 0.0, 5.0])?;
/// let moved = turn.map(PointLps::from_components([11.0, 0.0, 0.0])).components();
/// assert!((moved[0] - 10.0).abs() < 1e-12 && (moved[1] - 1.0).abs() < 1e-12 && moved[2] == 5.0);
/// # Ok::<(), wilhelm_filters::FilterError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "RigidParts", into = "RigidParts")]
#[schemars(with = "RigidParts")]
pub struct Rigid {
    center: Vector3<f64>,
    rotation: UnitQuaternion<f64>,
    translation: Vector3<f64>,
}

/// What a [`Rigid`] is written as.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
struct RigidParts {
    center: PointLps,
    /// x, y, z, w.
    versor: [f64; 4],
    translation: [f64; 3],
}

impl TryFrom<RigidParts> for Rigid {
    type Error = FilterError;
    fn try_from(parts: RigidParts) -> Result<Self, FilterError> {
        Self::new(parts.center, parts.versor, parts.translation)
    }
}

impl From<Rigid> for RigidParts {
    fn from(rigid: Rigid) -> Self {
        Self { center: rigid.center(), versor: rigid.versor(), translation: rigid.translation() }
    }
}

impl Rigid {
    /// The map that moves nothing.
    pub fn identity() -> Self {
        Self { center: Vector3::zeros(), rotation: UnitQuaternion::identity(), translation: Vector3::zeros() }
    }

    /// A rotation by a versor (x, y, z, w) about a center, then a translation.
    ///
    /// # Errors
    /// [`FilterError::Parameter`] for numbers that are not finite, or a versor further than a
    /// thousandth from length 1.
    pub fn new(center: PointLps, versor: [f64; 4], translation: [f64; 3]) -> Result<Self, FilterError> {
        let [x, y, z, w] = versor;
        let length = versor.iter().map(|part| part * part).sum::<f64>().sqrt();
        let is_unit = (length - 1.0).abs() <= 1e-3;
        if !is_unit {
            return Err(FilterError::parameter("length of the versor", length, "1"));
        }
        let center = finite("center of rotation", center.components())?;
        let translation = finite("translation", translation)?;
        Ok(Self { center, rotation: UnitQuaternion::new_normalize(Quaternion::new(w, x, y, z)), translation })
    }

    /// A rotation by angles in radians about the left, posterior and superior axes through a center
    /// (about posterior first, then left, then superior, as ITK's `Euler3DTransform`), then a translation.
    ///
    /// # Errors
    /// [`FilterError::Parameter`] for numbers that are not finite.
    pub fn from_euler(
        center: PointLps,
        radians: [f64; 3],
        translation: [f64; 3],
    ) -> Result<Self, FilterError> {
        finite("angle", radians)?;
        let [x, y, z] = [Vector3::x_axis(), Vector3::y_axis(), Vector3::z_axis()];
        let rotation = UnitQuaternion::from_axis_angle(&z, radians[2])
            * UnitQuaternion::from_axis_angle(&x, radians[0])
            * UnitQuaternion::from_axis_angle(&y, radians[1]);
        let center = finite("center of rotation", center.components())?;
        Ok(Self { center, rotation, translation: finite("translation", translation)? })
    }

    /// Center of rotation.
    pub fn center(&self) -> PointLps {
        PointLps::from_components(self.center.into())
    }
    /// Unit quaternion: x, y, z, w.
    pub fn versor(&self) -> [f64; 4] {
        let part = self.rotation.quaternion();
        [part.i, part.j, part.k, part.w]
    }
    /// Translation after the rotation, mm.
    pub fn translation(&self) -> [f64; 3] {
        self.translation.into()
    }
    /// Angle of the rotation in degrees, 0 to 180.
    pub fn degrees(&self) -> f64 {
        self.rotation.angle().to_degrees()
    }

    /// First this map, then the other; the center stays this one's.
    #[must_use]
    pub fn then(&self, next: &Self) -> Self {
        let rotation = next.rotation * self.rotation;
        let image = next.apply(self.apply(self.center));
        Self { center: self.center, rotation, translation: image - self.center }
    }

    /// The map back: from the moving image to the fixed.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let rotation = self.rotation.inverse();
        // The image of the center turns back onto the center.
        Self { center: self.center + self.translation, rotation, translation: -self.translation }
    }

    /// The same map, written about another center.
    ///
    /// # Errors
    /// [`FilterError::Parameter`] for a center that is not finite.
    pub fn about(&self, center: PointLps) -> Result<Self, FilterError> {
        let center = finite("center of rotation", center.components())?;
        Ok(Self { center, rotation: self.rotation, translation: self.apply(center) - center })
    }

    fn apply(&self, point: Vector3<f64>) -> Vector3<f64> {
        self.rotation * (point - self.center) + self.center + self.translation
    }
}

impl Transform for Rigid {
    fn map(&self, point: PointLps) -> PointLps {
        PointLps::from_components(self.apply(point.components().into()).into())
    }
    fn as_affine(&self) -> Option<Affine> {
        Some(Affine::from(*self))
    }
}

impl TryFrom<Affine> for Rigid {
    type Error = FilterError;
    /// Fails where the matrix is no rotation (off by more than a thousandth, or mirrored).
    fn try_from(affine: Affine) -> Result<Self, FilterError> {
        let off = (affine.matrix.transpose() * affine.matrix - Matrix3::identity()).amax();
        let is_rotation = off <= 1e-3 && affine.matrix.determinant() > 0.0;
        if !is_rotation {
            return Err(FilterError::parameter("matrix of a rigid transform", off, "a rotation"));
        }
        let rotation = UnitQuaternion::from_matrix(&affine.matrix);
        Ok(Self { center: affine.center, rotation, translation: affine.translation })
    }
}

/// A matrix about a center, then a translation: `y = A (x - c) + c + t`.
///
/// # Units
/// Center and translation in mm, LPS.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "AffineParts", into = "AffineParts")]
#[schemars(with = "AffineParts")]
pub struct Affine {
    pub(super) center: Vector3<f64>,
    pub(super) matrix: Matrix3<f64>,
    pub(super) translation: Vector3<f64>,
}

/// What an [`Affine`] is written as.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
struct AffineParts {
    center: PointLps,
    /// Rows of the matrix.
    matrix: [[f64; 3]; 3],
    translation: [f64; 3],
}

impl TryFrom<AffineParts> for Affine {
    type Error = FilterError;
    fn try_from(parts: AffineParts) -> Result<Self, FilterError> {
        Self::new(parts.center, parts.matrix, parts.translation)
    }
}

impl From<Affine> for AffineParts {
    fn from(affine: Affine) -> Self {
        Self { center: affine.center(), matrix: affine.rows(), translation: affine.translation() }
    }
}

impl From<Rigid> for Affine {
    fn from(rigid: Rigid) -> Self {
        let matrix = rigid.rotation.to_rotation_matrix().into_inner();
        Self { center: rigid.center, matrix, translation: rigid.translation }
    }
}

impl Affine {
    /// The map that moves nothing.
    pub fn identity() -> Self {
        Rigid::identity().into()
    }

    /// A matrix, given by its rows, about a center, then a translation.
    ///
    /// # Errors
    /// [`FilterError::Parameter`] for numbers that are not finite, or a matrix without an inverse.
    pub fn new(center: PointLps, rows: [[f64; 3]; 3], translation: [f64; 3]) -> Result<Self, FilterError> {
        rows.iter().try_for_each(|row| finite("matrix", *row).map(|_| ()))?;
        let matrix = Matrix3::from_fn(|row, column| rows[row][column]);
        let determinant = matrix.determinant();
        // A determinant that underflows has no usable inverse either.
        if !determinant.is_normal() || matrix.try_inverse().is_none() {
            return Err(FilterError::parameter("determinant of the matrix", determinant, "other than 0"));
        }
        let center = finite("center", center.components())?;
        Ok(Self { center, matrix, translation: finite("translation", translation)? })
    }

    /// The point that the matrix turns and scales about.
    pub fn center(&self) -> PointLps {
        PointLps::from_components(self.center.into())
    }
    /// Rows of the matrix.
    pub fn rows(&self) -> [[f64; 3]; 3] {
        std::array::from_fn(|row| std::array::from_fn(|column| self.matrix[(row, column)]))
    }
    /// Translation after the matrix, mm.
    pub fn translation(&self) -> [f64; 3] {
        self.translation.into()
    }
    /// Volume in the moving image of what fills one unit of volume in the fixed image.
    pub fn determinant(&self) -> f64 {
        self.matrix.determinant()
    }

    /// First this map, then the other; the center stays this one's.
    #[must_use]
    pub fn then(&self, next: &Self) -> Self {
        let image = next.apply(self.apply(self.center));
        Self { center: self.center, matrix: next.matrix * self.matrix, translation: image - self.center }
    }

    /// The map back: from the moving image to the fixed.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let matrix = self.matrix.try_inverse().expect("the constructors refuse a matrix without an inverse");
        Self { center: self.center + self.translation, matrix, translation: -self.translation }
    }

    /// The same map, written about another center.
    ///
    /// # Errors
    /// [`FilterError::Parameter`] for a center that is not finite.
    pub fn about(&self, center: PointLps) -> Result<Self, FilterError> {
        let center = finite("center", center.components())?;
        Ok(Self { center, matrix: self.matrix, translation: self.apply(center) - center })
    }

    pub(super) fn apply(&self, point: Vector3<f64>) -> Vector3<f64> {
        self.matrix * (point - self.center) + self.center + self.translation
    }
}

impl Transform for Affine {
    fn map(&self, point: PointLps) -> PointLps {
        PointLps::from_components(self.apply(point.components().into()).into())
    }
    fn as_affine(&self) -> Option<Affine> {
        Some(*self)
    }
}

fn finite(name: &'static str, numbers: [f64; 3]) -> Result<Vector3<f64>, FilterError> {
    match numbers.iter().find(|number| !number.is_finite()) {
        Some(number) => Err(FilterError::parameter(name, number, "finite numbers")),
        None => Ok(numbers.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(components: [f64; 3]) -> PointLps {
        PointLps::from_components(components)
    }

    fn same(a: PointLps, b: PointLps) {
        for (a, b) in a.components().iter().zip(b.components()) {
            assert!((a - b).abs() < 1e-9, "{a} is not {b}");
        }
    }

    fn skewed() -> Affine {
        let rows = [[1.1, 0.2, 0.0], [-0.1, 0.9, 0.05], [0.0, 0.3, 1.2]];
        Affine::new(point([5.0, -3.0, 40.0]), rows, [1.0, 2.0, -7.0]).expect("invertible")
    }

    #[test]
    fn a_quarter_turn_about_each_axis_is_that_of_a_paper_sketch() {
        let quarter = std::f64::consts::FRAC_PI_2;
        // About left: posterior goes to superior. About posterior: superior goes to left.
        for (radians, from, to) in [
            ([quarter, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]),
            ([0.0, quarter, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]),
            ([0.0, 0.0, quarter], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]),
        ] {
            let turn = Rigid::from_euler(point([0.0; 3]), radians, [0.0; 3]).expect("finite");
            same(turn.map(point(from)), point(to));
            assert!((turn.degrees() - 90.0).abs() < 1e-9);
        }
    }

    #[test]
    fn a_map_then_its_inverse_moves_nothing_and_a_new_center_changes_nothing() {
        let turn =
            Rigid::from_euler(point([10.0, 20.0, 30.0]), [0.3, -0.2, 0.1], [4.0, 5.0, 6.0]).expect("finite");
        let other =
            Rigid::from_euler(point([-7.0, 0.0, 3.0]), [-0.1, 0.4, 0.9], [0.0, -5.0, 1.0]).expect("finite");
        let affine = skewed();
        for components in [[0.0, 0.0, 0.0], [100.0, -50.0, 20.0], [3.0, 3.0, -90.0]] {
            let at = point(components);
            same(turn.inverse().map(turn.map(at)), at);
            same(affine.inverse().map(affine.map(at)), at);
            same(turn.then(&other).map(at), other.map(turn.map(at)));
            same(affine.then(&turn.into()).map(at), turn.map(affine.map(at)));
            same(turn.about(point([1.0, 2.0, 3.0])).expect("finite").map(at), turn.map(at));
            same(affine.about(point([1.0, 2.0, 3.0])).expect("finite").map(at), affine.map(at));
            same(Rigid::try_from(Affine::from(turn)).expect("a rotation").map(at), turn.map(at));
        }
        assert!(Rigid::try_from(affine).is_err());
    }

    #[test]
    fn what_is_no_transform_is_refused_when_made_and_when_read() {
        let zero = point([0.0; 3]);
        assert!(Rigid::new(zero, [0.0; 4], [0.0; 3]).is_err());
        assert!(Rigid::new(zero, [0.0, 0.0, 0.0, f64::NAN], [0.0; 3]).is_err());
        assert!(Rigid::from_euler(zero, [f64::INFINITY, 0.0, 0.0], [0.0; 3]).is_err());
        assert!(Affine::new(zero, [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], [0.0; 3]).is_err());
        let written = serde_json::to_string(&skewed()).expect("JSON");
        assert_eq!(serde_json::from_str::<Affine>(&written).expect("an affine map"), skewed());
        let singular = written.replace("1.1", "0.0").replace("0.2", "0.0");
        assert!(serde_json::from_str::<Affine>(&singular).is_err());
    }
}
