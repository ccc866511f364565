//! Where the frames of a result lie: on the source's slices, however the result's array runs.

use rayon::prelude::*;
use wilhelm_study::{Direction, Geometry, VoxelError};

use super::reference::{Reference, same_orientation};
use crate::FormatError;
use crate::dicom::header::Plane;
use crate::dicom::stack;

/// Which frames an object of a result gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// One frame for a slice of the source, pixel on pixel, with a reference to it.
    ///
    /// The result's grid is the source's, or that grid with its axes in another order or reversed
    /// (NIfTI programs give such arrays), or a run of its slices. Frames get the slices' own
    /// positions, so that they are right for a tilted gantry and uneven slices too.
    OnSource,
    /// The result's own grid in the source's space, for results of another resolution or plane.
    OwnGrid,
}

/// The frames' places, and how the result's array is walked to fill them.
#[derive(Clone, Debug)]
pub(super) struct Planes {
    pub columns: u16,
    pub rows: u16,
    /// Along a row, then down a column.
    pub orientation: [f64; 6],
    pub between_rows: f64,
    pub between_columns: f64,
    pub between_slices: f64,
    pub places: Vec<Place>,
    /// Offset of the first pixel of the first slice, and the steps to the next column, row, slice.
    first: isize,
    steps: [isize; 3],
}

/// One frame's place.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Center of the first pixel.
    pub position: [f64; 3],
    /// Its source image, by number.
    pub source: Option<usize>,
    /// Its slice in the turned array.
    slice: usize,
}

impl Planes {
    /// Number of pixels of a frame.
    pub(super) fn plane(&self) -> usize {
        usize::from(self.columns) * usize::from(self.rows)
    }

    /// The values of one frame, in the order of its pixels.
    pub(super) fn pixels<'a, T: Copy>(
        &'a self,
        place: &Place,
        values: &'a [T],
    ) -> impl Iterator<Item = T> + 'a {
        let [column, row, slice] = self.steps;
        let start = self.first + slice * place.slice.cast_signed();
        let columns = usize::from(self.columns).cast_signed();
        (0..usize::from(self.rows).cast_signed()).flat_map(move |r| {
            let line = start + r * row;
            (0..columns).map(move |c| values[(line + c * column).cast_unsigned()])
        })
    }

    /// Calls `judge` with the values of each frame, in parallel, and gives the answers in order.
    pub(super) fn judged<'a, T: Copy + Sync, R: Send>(
        &'a self,
        values: &'a [T],
        judge: impl Fn(&mut (dyn Iterator<Item = T> + 'a)) -> R + Sync,
    ) -> Vec<R> {
        self.places.par_iter().map(|place| judge(&mut self.pixels(place, values))).collect()
    }
}

/// Finds the frames of a result on `geometry`.
///
/// # Errors
/// [`FormatError::Voxels`] where the grid is not the source's and should be,
/// [`FormatError::TooLarge`] for more rows or columns than a frame can have.
pub(super) fn planes(
    geometry: &Geometry,
    placement: Placement,
    reference: &Reference,
) -> Result<Planes, FormatError> {
    match placement {
        Placement::OnSource => on_source(geometry, reference),
        Placement::OwnGrid => own_grid(geometry),
    }
}

fn side(what: &'static str, count: usize) -> Result<u16, FormatError> {
    u16::try_from(count).map_err(|_| FormatError::TooLarge {
        what,
        declared: count as u64,
        limit: u64::from(u16::MAX),
    })
}

fn own_grid(geometry: &Geometry) -> Result<Planes, FormatError> {
    let [columns, rows, slices] = geometry.size();
    let direction = geometry.direction();
    let normal = cross(direction.along_row(), direction.down_column());
    let along = dot(normal, direction.through_slices()) > 0.0;
    let places = (0..slices).map(|i| if along { i } else { slices - 1 - i }).map(|slice| Place {
        position: geometry.point_at([0.0, 0.0, slice as f64]).components(),
        source: None,
        slice,
    });
    let [between_columns, between_rows, between_slices] = geometry.spacing().millimeters();
    Ok(Planes {
        columns: side("number of columns", columns)?,
        rows: side("number of rows", rows)?,
        orientation: orientation(direction),
        between_rows,
        between_columns,
        between_slices,
        places: places.collect(),
        first: 0,
        steps: steps([columns, rows, slices]),
    })
}

fn on_source(geometry: &Geometry, reference: &Reference) -> Result<Planes, FormatError> {
    let other_grid = FormatError::Voxels(VoxelError::Grid);
    let first = &reference.images()[0];
    let Some(target) = first.plane.orientation else { return Err(other_grid) };
    let Some((turned, first_offset, steps)) = turned(geometry, target) else { return Err(other_grid) };
    let [columns, rows, slices] = turned.size();
    let (source_columns, source_rows) = (usize::from(first.columns), usize::from(first.rows));
    if [columns, rows] != [source_columns, source_rows] {
        return Err(other_grid);
    }
    let images = reference.images();
    let whole = reference.geometry().is_some_and(|grid| grid.is_same_grid(&turned));
    let mut places = Vec::with_capacity(slices);
    for slice in 0..slices {
        let source = if whole { Some(slice) } else { image_at(&turned, slice, reference) };
        let Some(source) = source else { return Err(other_grid) };
        let Some(position) = images[source].plane.position else { return Err(other_grid) };
        places.push(Place { position, source: Some(source), slice });
    }
    let [between_rows, between_columns] = first.plane.spacing.ok_or(other_grid)?;
    Ok(Planes {
        columns: side("number of columns", columns)?,
        rows: side("number of rows", rows)?,
        orientation: target,
        between_rows,
        between_columns,
        between_slices: turned.spacing().between_slices().0,
        places,
        first: first_offset,
        steps,
    })
}

/// The source image that a slice lies on, pixel on pixel.
fn image_at(grid: &Geometry, slice: usize, reference: &Reference) -> Option<usize> {
    let [columns, rows, _] = grid.size().map(|count| (count - 1) as f64);
    let tolerance = grid.spacing().millimeters().into_iter().fold(f64::INFINITY, f64::min) / 100.0;
    let direction = grid.direction();
    let [between_columns, between_rows, _] = grid.spacing().millimeters();
    let own = Plane {
        position: Some(grid.point_at([0.0, 0.0, slice as f64]).components()),
        orientation: Some(orientation(direction)),
        spacing: Some([between_rows, between_columns]),
        thickness: None,
    };
    reference.images().iter().position(|image| {
        let plane = &image.plane;
        if !same_orientation(&own, plane) {
            return false;
        }
        let (Some(position), Some([a, b, c, d, e, f]), Some([down, along])) =
            (plane.position, plane.orientation, plane.spacing)
        else {
            return false;
        };
        [(0.0, 0.0), (columns, 0.0), (0.0, rows), (columns, rows)].iter().all(|(column, row)| {
            let there = grid.point_at([*column, *row, slice as f64]).components();
            let (x, y) = (column * along, row * down);
            let here =
                [position[0] + a * x + d * y, position[1] + b * x + e * y, position[2] + c * x + f * y];
            there.iter().zip(here).all(|(there, here)| (there - here).abs() <= tolerance)
        })
    })
}

/// The same voxels with their axes along `target` and its normal, and the walk through their array;
/// `None` where the axes are not parallel.
fn turned(geometry: &Geometry, target: [f64; 6]) -> Option<(Geometry, isize, [isize; 3])> {
    let [a, b, c, d, e, f] = target;
    let (row, column) = ([a, b, c], [d, e, f]);
    let wanted = [row, column, cross(row, column)];
    let axes = geometry.direction().axes();
    let mut order = [0; 3];
    for (new, wanted) in wanted.iter().enumerate() {
        order[new] = (0..3).find(|old| dot(axes[*old], *wanted).abs() > 1.0 - 1e-3)?;
    }
    let mut sorted = order;
    sorted.sort_unstable();
    if sorted != [0, 1, 2] {
        return None;
    }
    let old_steps = steps(geometry.size());
    let mut turned = geometry.permuted(order);
    let mut new_steps = order.map(|old| old_steps[old]);
    let mut first = 0;
    for axis in 0..3 {
        if dot(axes[order[axis]], wanted[axis]) < 0.0 {
            turned = turned.flipped(axis);
            first += (turned.size()[axis] - 1).cast_signed() * new_steps[axis];
            new_steps[axis] = -new_steps[axis];
        }
    }
    Some((turned, first, new_steps))
}

fn steps([columns, rows, _]: [usize; 3]) -> [isize; 3] {
    [1, columns.cast_signed(), (columns * rows).cast_signed()]
}

fn orientation(direction: Direction) -> [f64; 6] {
    let ([a, b, c], [d, e, f]) = (direction.along_row(), direction.down_column());
    [a, b, c, d, e, f]
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn cross([a, b, c]: [f64; 3], [d, e, f]: [f64; 3]) -> [f64; 3] {
    [b * f - c * e, c * d - a * f, a * e - b * d]
}

/// The thickness that a slice of a stack has where nothing else is said: the step to the next.
pub(super) fn thickness(planes: &Planes, reference: &Reference) -> f64 {
    let own = planes.places.first().and_then(|place| place.source);
    own.and_then(|image| reference.images()[image].plane.thickness).unwrap_or(planes.between_slices)
}

/// The depth of a position along the normal of an orientation.
pub(super) fn depth(position: [f64; 3], orientation: [f64; 6]) -> f64 {
    stack::depth(&Plane {
        position: Some(position),
        orientation: Some(orientation),
        spacing: None,
        thickness: None,
    })
}
