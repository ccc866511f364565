use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Mm;

/// What is wrong with a grid in space.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GeometryError {
    /// A spacing that is zero, negative or not a number.
    #[error("spacing between {between} is {found}, expected more than 0 mm")]
    Spacing {
        /// Columns, rows or slices.
        between: &'static str,
        /// The refused value.
        found: Mm,
    },
    /// A grid without voxels, or with more than can be counted.
    #[error("grid has {columns} columns, {rows} rows and {slices} slices, expected at least one of each")]
    Size {
        /// Columns.
        columns: usize,
        /// Rows.
        rows: usize,
        /// Slices.
        slices: usize,
    },
    /// Direction cosines that are not orthonormal.
    #[error("direction cosines are not orthonormal: off by {off}")]
    Direction {
        /// Largest deviation of a scalar product from the identity.
        off: f64,
    },
    /// An origin that is not finite.
    #[error("origin is not finite")]
    Origin,
    /// A grid so large that its last voxel has no finite place.
    #[error("place of the last voxel is not finite")]
    Extent,
}

/// A voxel's place on its grid, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Index {
    /// Along a row.
    pub column: usize,
    /// Down a column.
    pub row: usize,
    /// Through the stack.
    pub slice: usize,
}

/// A point in the patient's space, LPS+, in millimeters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PointLps {
    /// Toward the patient's left, mm.
    pub left: f64,
    /// Toward the patient's back, mm.
    pub posterior: f64,
    /// Toward the patient's head, mm.
    pub superior: f64,
}

impl PointLps {
    /// The components as left, posterior, superior.
    pub const fn components(self) -> [f64; 3] {
        [self.left, self.posterior, self.superior]
    }

    /// A point from left, posterior, superior.
    pub const fn from_components([left, posterior, superior]: [f64; 3]) -> Self {
        Self { left, posterior, superior }
    }
}

/// Distances between neighboring voxel centers, each above 0 mm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spacing {
    between_columns: Mm,
    between_rows: Mm,
    between_slices: Mm,
}

impl Spacing {
    /// Checks that each distance is finite and above 0 mm.
    ///
    /// DICOM's Pixel Spacing gives the distance between *rows* first; NIfTI's `pixdim` gives the
    /// distance between columns first. This constructor takes columns first.
    ///
    /// # Errors
    /// [`GeometryError::Spacing`].
    pub fn new(between_columns: Mm, between_rows: Mm, between_slices: Mm) -> Result<Self, GeometryError> {
        for (between, found) in
            [("columns", between_columns), ("rows", between_rows), ("slices", between_slices)]
        {
            if !(found.0.is_finite() && found.0 > 0.0) {
                return Err(GeometryError::Spacing { between, found });
            }
        }
        Ok(Self { between_columns, between_rows, between_slices })
    }

    /// Distance between neighboring columns.
    pub const fn between_columns(self) -> Mm {
        self.between_columns
    }
    /// Distance between neighboring rows.
    pub const fn between_rows(self) -> Mm {
        self.between_rows
    }
    /// Distance between neighboring slices.
    pub const fn between_slices(self) -> Mm {
        self.between_slices
    }
    /// The bare numbers in mm: between columns, rows, slices.
    pub const fn millimeters(self) -> [f64; 3] {
        [self.between_columns.0, self.between_rows.0, self.between_slices.0]
    }
}

/// Unit vectors of the grid's axes in LPS.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Direction {
    along_row: [f64; 3],
    down_column: [f64; 3],
    through_slices: [f64; 3],
}

impl Direction {
    /// Rows run to the left, columns to the back, slices to the head.
    pub const AXIAL: Self =
        Self { along_row: [1.0, 0.0, 0.0], down_column: [0.0, 1.0, 0.0], through_slices: [0.0, 0.0, 1.0] };

    /// How far scalar products may be from the identity: header cosines carry four to six digits.
    pub const TOLERANCE: f64 = 1e-3;

    /// Checks that the three vectors are orthonormal; either handedness is accepted.
    ///
    /// # Errors
    /// [`GeometryError::Direction`] where a scalar product is off by more than [`Self::TOLERANCE`].
    pub fn new(
        along_row: [f64; 3],
        down_column: [f64; 3],
        through_slices: [f64; 3],
    ) -> Result<Self, GeometryError> {
        let axes = [along_row, down_column, through_slices];
        let mut off = 0.0_f64;
        for (i, a) in axes.iter().enumerate() {
            for (j, b) in axes.iter().enumerate() {
                let expected = if i == j { 1.0 } else { 0.0 };
                let deviation = (dot(*a, *b) - expected).abs();
                // NaN must not pass through `max`.
                off = if deviation.is_nan() { f64::INFINITY } else { off.max(deviation) };
            }
        }
        if off > Self::TOLERANCE {
            return Err(GeometryError::Direction { off });
        }
        Ok(Self { along_row, down_column, through_slices })
    }

    /// Unit vector of a step to the next column.
    pub const fn along_row(self) -> [f64; 3] {
        self.along_row
    }
    /// Unit vector of a step to the next row.
    pub const fn down_column(self) -> [f64; 3] {
        self.down_column
    }
    /// Unit vector of a step to the next slice.
    pub const fn through_slices(self) -> [f64; 3] {
        self.through_slices
    }

    /// The three unit vectors: along a row, down a column, through the slices.
    pub const fn axes(self) -> [[f64; 3]; 3] {
        [self.along_row, self.down_column, self.through_slices]
    }

    /// The nearest anatomical names of the three axes, for example `LPS` or `RAS`.
    pub fn letters(self) -> String {
        [self.along_row, self.down_column, self.through_slices]
            .iter()
            .map(|axis| {
                let (strongest, value) = axis
                    .iter()
                    .enumerate()
                    .max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))
                    .expect("three components");
                ["LR", "PA", "SI"][strongest].as_bytes()[usize::from(*value < 0.0)] as char
            })
            .collect()
    }
}

/// A grid in the patient's space: size, spacing, origin and direction.
///
/// The origin is the center of the voxel at index (0, 0, 0).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Geometry {
    columns: usize,
    rows: usize,
    slices: usize,
    spacing: Spacing,
    origin: PointLps,
    direction: Direction,
}

impl Geometry {
    /// A grid; `size` is columns, rows, slices.
    ///
    /// # Errors
    /// [`GeometryError::Size`] for an empty grid or one whose voxels cannot be counted,
    /// [`GeometryError::Origin`] for an origin that is not finite, [`GeometryError::Extent`] for a
    /// place of the last voxel that is not.
    pub fn new(
        size: [usize; 3],
        spacing: Spacing,
        origin: PointLps,
        direction: Direction,
    ) -> Result<Self, GeometryError> {
        let [columns, rows, slices] = size;
        let voxels = columns.checked_mul(rows).and_then(|plane| plane.checked_mul(slices));
        if voxels.is_none_or(|count| count == 0) {
            return Err(GeometryError::Size { columns, rows, slices });
        }
        if !origin.components().iter().all(|component| component.is_finite()) {
            return Err(GeometryError::Origin);
        }
        let grid = Self { columns, rows, slices, spacing, origin, direction };
        let last = grid.point_at(size.map(|count| count as f64));
        if !last.components().iter().all(|component| component.is_finite()) {
            return Err(GeometryError::Extent);
        }
        Ok(grid)
    }

    /// A grid at the origin whose axes are left, posterior, superior.
    ///
    /// # Errors
    /// [`GeometryError::Size`], [`GeometryError::Extent`].
    pub fn axis_aligned(size: [usize; 3], spacing: Spacing) -> Result<Self, GeometryError> {
        Self::new(size, spacing, PointLps::from_components([0.0; 3]), Direction::AXIAL)
    }

    /// Columns, rows, slices.
    pub const fn size(&self) -> [usize; 3] {
        [self.columns, self.rows, self.slices]
    }
    /// Number of voxels.
    pub const fn voxels(&self) -> usize {
        self.columns * self.rows * self.slices
    }
    /// Distances between voxel centers.
    pub const fn spacing(&self) -> Spacing {
        self.spacing
    }
    /// Center of the first voxel.
    pub const fn origin(&self) -> PointLps {
        self.origin
    }
    /// Axes of the grid.
    pub const fn direction(&self) -> Direction {
        self.direction
    }
    /// Volume of one voxel in milliliters.
    pub const fn voxel_milliliters(&self) -> f64 {
        self.spacing.between_columns.0 * self.spacing.between_rows.0 * self.spacing.between_slices.0 / 1000.0
    }

    /// Position of a voxel in a row-major array: columns vary fastest.
    pub const fn offset(&self, index: Index) -> usize {
        (index.slice * self.rows + index.row) * self.columns + index.column
    }

    /// Center of a voxel in the patient's space.
    pub fn point(&self, index: Index) -> PointLps {
        self.point_at([index.column as f64, index.row as f64, index.slice as f64])
    }

    /// The patient's space at a continuous index (column, row, slice).
    pub fn point_at(&self, [column, row, slice]: [f64; 3]) -> PointLps {
        let step = [
            column * self.spacing.between_columns.0,
            row * self.spacing.between_rows.0,
            slice * self.spacing.between_slices.0,
        ];
        let origin = self.origin.components();
        PointLps::from_components(std::array::from_fn(|axis| {
            origin[axis]
                + self.direction.along_row[axis] * step[0]
                + self.direction.down_column[axis] * step[1]
                + self.direction.through_slices[axis] * step[2]
        }))
    }

    /// Whether two grids put each voxel at the same place: the same size, and the corners no
    /// further apart than a hundredth of the smallest spacing.
    pub fn is_same_grid(&self, other: &Self) -> bool {
        if self.size() != other.size() {
            return false;
        }
        let tolerance = self.spacing.millimeters().into_iter().fold(f64::INFINITY, f64::min) / 100.0;
        let last = self.size().map(|count| (count - 1) as f64);
        (0..8).all(|corner| {
            let at = std::array::from_fn(|axis| if corner >> axis & 1 == 1 { last[axis] } else { 0.0 });
            let (a, b) = (self.point_at(at).components(), other.point_at(at).components());
            a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance)
        })
    }

    /// The grid of a box of voxels, from `start` (column, row, slice), each voxel where it was.
    ///
    /// # Errors
    /// [`GeometryError::Size`] where the box is empty or reaches beyond the grid.
    pub fn cropped(&self, start: [usize; 3], size: [usize; 3]) -> Result<Self, GeometryError> {
        let fits = (0..3)
            .all(|axis| start[axis].checked_add(size[axis]).is_some_and(|end| end <= self.size()[axis]));
        if !fits {
            let [columns, rows, slices] = size;
            return Err(GeometryError::Size { columns, rows, slices });
        }
        let origin = self.point_at(start.map(|index| index as f64));
        Self::new(size, self.spacing, origin, self.direction)
    }

    /// The same voxels counted from the other end of one axis (0 columns, 1 rows, 2 slices).
    ///
    /// # Panics
    /// For an axis above 2.
    #[must_use]
    pub fn flipped(&self, axis: usize) -> Self {
        let mut last = [0.0; 3];
        last[axis] = (self.size()[axis] - 1) as f64;
        let mut axes = self.direction.axes();
        axes[axis] = axes[axis].map(|component| -component);
        let [along_row, down_column, through_slices] = axes;
        let direction = Direction { along_row, down_column, through_slices };
        Self { origin: self.point_at(last), direction, ..*self }
    }

    /// The same voxels with their axes in another order: new axis `i` is old axis `order[i]`.
    ///
    /// # Panics
    /// Where `order` is no permutation of 0, 1, 2.
    #[must_use]
    pub fn permuted(&self, order: [usize; 3]) -> Self {
        let mut sorted = order;
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2], "an order of three axes");
        let [columns, rows, slices] = order.map(|axis| self.size()[axis]);
        let [between_columns, between_rows, between_slices] =
            order.map(|axis| Mm(self.spacing.millimeters()[axis]));
        let [along_row, down_column, through_slices] = order.map(|axis| self.direction.axes()[axis]);
        Self {
            columns,
            rows,
            slices,
            spacing: Spacing { between_columns, between_rows, between_slices },
            origin: self.origin,
            direction: Direction { along_row, down_column, through_slices },
        }
    }

    /// The continuous index (column, row, slice) of a point.
    pub fn index_at(&self, point: PointLps) -> [f64; 3] {
        let origin = self.origin.components();
        let point = point.components();
        let offset: [f64; 3] = std::array::from_fn(|axis| point[axis] - origin[axis]);
        [
            dot(offset, self.direction.along_row) / self.spacing.between_columns.0,
            dot(offset, self.direction.down_column) / self.spacing.between_rows.0,
            dot(offset, self.direction.through_slices) / self.spacing.between_slices.0,
        ]
    }
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spacing(columns: f64, rows: f64, slices: f64) -> Spacing {
        Spacing::new(Mm(columns), Mm(rows), Mm(slices)).expect("positive spacing")
    }

    #[test]
    fn a_spacing_of_zero_is_refused_by_name() {
        let refused = Spacing::new(Mm(1.0), Mm(0.0), Mm(1.0)).expect_err("zero");
        assert_eq!(refused.to_string(), "spacing between rows is 0 mm, expected more than 0 mm");
        assert!(Spacing::new(Mm(f64::NAN), Mm(1.0), Mm(1.0)).is_err());
    }

    #[test]
    fn axes_that_are_not_orthonormal_are_refused() {
        assert!(Direction::new([1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]).is_err());
        assert!(Direction::new([f64::NAN, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]).is_err());
    }

    #[test]
    fn an_empty_or_uncountable_grid_is_refused() {
        assert!(Geometry::axis_aligned([0, 1, 1], spacing(1.0, 1.0, 1.0)).is_err());
        assert!(Geometry::axis_aligned([usize::MAX, 2, 1], spacing(1.0, 1.0, 1.0)).is_err());
    }

    #[test]
    fn a_sagittal_grid_names_its_axes() {
        let sagittal =
            Direction::new([0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]).expect("orthonormal");
        assert_eq!(sagittal.letters(), "PIR");
        assert_eq!(Direction::AXIAL.letters(), "LPS");
    }

    #[test]
    fn a_point_worked_on_paper() {
        let geometry = Geometry::new(
            [4, 4, 4],
            spacing(2.0, 3.0, 5.0),
            PointLps::from_components([-10.0, 20.0, 30.0]),
            Direction::new([0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]).expect("orthonormal"),
        )
        .expect("a grid");
        let point = geometry.point(Index { column: 1, row: 2, slice: 3 });
        assert_eq!(point.components(), [-25.0, 22.0, 24.0]);
    }

    #[test]
    fn a_flip_or_another_order_of_axes_moves_no_voxel() {
        let direction =
            Direction::new([0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]).expect("orthonormal");
        let origin = PointLps::from_components([-10.0, 20.0, 30.0]);
        let geometry = Geometry::new([4, 5, 6], spacing(2.0, 3.0, 5.0), origin, direction).expect("a grid");
        let point = geometry.point_at([1.0, 2.0, 3.0]);
        assert_eq!(geometry.flipped(0).point_at([2.0, 2.0, 3.0]), point);
        assert_eq!(geometry.flipped(2).point_at([1.0, 2.0, 2.0]), point);
        assert_eq!(geometry.permuted([2, 0, 1]).point_at([3.0, 1.0, 2.0]), point);
        assert_eq!(geometry.permuted([2, 0, 1]).size(), [6, 4, 5]);
        let cropped = geometry.cropped([1, 1, 1], [3, 4, 5]).expect("inside");
        assert_eq!(cropped.point_at([0.0, 1.0, 2.0]), point);
        assert!(geometry.cropped([2, 0, 0], [3, 1, 1]).is_err());
        assert!(geometry.cropped([2, 0, 0], [usize::MAX, 1, 1]).is_err());
    }

    #[test]
    fn one_grid_is_itself_within_a_hundredth_of_a_voxel() {
        let grid = |shift: f64| {
            let origin = PointLps::from_components([shift, 0.0, 0.0]);
            Geometry::new([4, 4, 4], spacing(1.0, 1.0, 1.0), origin, Direction::AXIAL).expect("a grid")
        };
        assert!(grid(0.0).is_same_grid(&grid(0.009)));
        assert!(!grid(0.0).is_same_grid(&grid(0.011)));
        assert!(!grid(0.0).is_same_grid(&grid(0.0).flipped(1)));
    }

    proptest! {
        #[test]
        fn index_to_point_and_back(column in 0.0..500.0, row in 0.0..500.0, slice in 0.0..300.0,
                                   angle in -3.0_f64..3.0, step in 0.1_f64..9.0) {
            let (sine, cosine) = angle.sin_cos();
            let direction = Direction::new([cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0])
                .expect("a rotation");
            let geometry = Geometry::new([1, 1, 1], spacing(step, 1.5, 0.7),
                PointLps::from_components([12.0, -7.0, 900.0]), direction).expect("a grid");
            let back = geometry.index_at(geometry.point_at([column, row, slice]));
            for (found, expected) in back.iter().zip([column, row, slice]) {
                prop_assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
            }
        }
    }
}
