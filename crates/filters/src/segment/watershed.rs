//! Flooding from markers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use wilhelm_study::{Progress, Raster, VoxelError};

use super::binary::refuse_nan;
use super::runs::Connectivity;
use super::steps::Steps;
use crate::FilterError;

/// Floods an image from markers, lowest values first, until the basins meet.
///
/// `markers` holds one number a voxel (columns fastest), 0 where there is none; the result has a
/// number at each voxel that a flood reached. `within` keeps the floods, and the markers, inside.
/// Of voxels of one value the one reached first spreads first, and markers of one value spread in
/// the order of their places.
///
/// One thread: each step depends on the one before.
///
/// # Units
/// None: numbers are those of the markers.
///
/// # Errors
/// [`FilterError::Voxels`] for arrays that do not fit the image, [`FilterError::TooFew`] for no
/// marker, [`FilterError::NotFinite`], [`FilterError::Parameter`] beyond 2^32 - 1 voxels,
/// [`FilterError::Cancelled`].
///
/// # Source
/// Beucher, Meyer 1993; the order of scikit-image's `watershed`, which leaves open in what order
/// markers of one value spread.
pub fn flood(
    image: &impl Raster,
    markers: &[u32],
    within: Option<&[bool]>,
    connectivity: Connectivity,
    progress: &dyn Progress,
) -> Result<Vec<u32>, FilterError> {
    let values = image.values();
    for found in std::iter::once(markers.len()).chain(within.map(<[bool]>::len)) {
        if found != values.len() {
            return Err(VoxelError::Length { found, expected: values.len() }.into());
        }
    }
    refuse_nan(values, true)?;
    let grid = Grid::new(image.size())?;
    let is_in = |at: usize| within.is_none_or(|within| within[at]);
    // One more voxel on every side, closed, so that no neighbor needs a test of its place.
    let mut labels = vec![CLOSED; grid.count];
    let mut level = vec![0.0_f32; grid.count];
    grid.each_row(|from, to| {
        level[to..to + grid.columns].copy_from_slice(&values[from..from + grid.columns]);
        for at in 0..grid.columns {
            if is_in(from + at) {
                labels[to + at] = markers[from + at];
            }
        }
    });
    if markers.iter().enumerate().any(|(at, marker)| *marker == CLOSED && is_in(at)) {
        return Err(FilterError::parameter("marker", CLOSED, "at most 4294967294"));
    }
    let steps = grid.neighbors(connectivity);
    let mut queue = Queue::new(values);
    let mut found = 0;
    for (at, label) in labels.iter().enumerate() {
        if *label != 0 && *label != CLOSED {
            found += 1;
            if steps.iter().any(|step| labels[at.wrapping_add_signed(*step)] == 0) {
                queue.push(level[at], 0, at as u32);
            }
        }
    }
    if found == 0 {
        return Err(FilterError::TooFew { what: "the set of markers", found, expected: 1 });
    }
    let counted = Steps::new(progress, (values.len() >> BATCH) + 1);
    let (mut age, mut popped) = (0_u32, 0_usize);
    while let Some(at) = queue.pop() {
        popped += 1;
        if popped.trailing_zeros() >= BATCH {
            counted.made()?;
        }
        let at = at as usize;
        let label = labels[at];
        for step in &steps {
            let next = at.wrapping_add_signed(*step);
            if labels[next] == 0 {
                labels[next] = label;
                age += 1;
                queue.push(level[next], age, next as u32);
            }
        }
    }
    let mut flooded = vec![0; values.len()];
    grid.each_row(|from, to| {
        for (flooded, label) in flooded[from..from + grid.columns].iter_mut().zip(&labels[to..]) {
            *flooded = if *label == CLOSED { 0 } else { *label };
        }
    });
    Ok(flooded)
}

/// Not to be flooded.
const CLOSED: u32 = u32::MAX;

/// Voxels between two questions whether to stop: 2 to this power.
const BATCH: u32 = 18;

/// The padded grid.
struct Grid {
    columns: usize,
    rows: usize,
    slices: usize,
    row: usize,
    plane: usize,
    count: usize,
}

impl Grid {
    fn new([columns, rows, slices]: [usize; 3]) -> Result<Self, FilterError> {
        let [row, high, deep] = [columns + 2, rows + 2, slices + 2];
        let count = row.checked_mul(high).and_then(|plane| plane.checked_mul(deep));
        match count.filter(|count| *count < u32::MAX as usize) {
            Some(count) => Ok(Self { columns, rows, slices, row, plane: row * high, count }),
            None => Err(FilterError::parameter("voxels", columns * rows * slices, "fewer than 4294967295")),
        }
    }

    /// Calls `use_row(place in the image, place in the padded grid)` for each row.
    fn each_row(&self, mut use_row: impl FnMut(usize, usize)) {
        for slice in 0..self.slices {
            for row in 0..self.rows {
                let from = (slice * self.rows + row) * self.columns;
                use_row(from, (slice + 1) * self.plane + (row + 1) * self.row + 1);
            }
        }
    }

    /// Steps to the neighbors, those that share a face first, then edges, then corners.
    fn neighbors(&self, connectivity: Connectivity) -> Vec<isize> {
        let most = match connectivity {
            Connectivity::Faces => 1,
            Connectivity::Edges => 2,
            Connectivity::Corners => 3,
        };
        let mut steps = Vec::new();
        for apart in 1..=most {
            for slice in -1..=1_isize {
                for row in -1..=1_isize {
                    for column in -1..=1_isize {
                        if slice.abs() + row.abs() + column.abs() == apart {
                            steps.push(slice * self.plane as isize + row * self.row as isize + column);
                        }
                    }
                }
            }
        }
        steps
    }
}

/// Voxels by value, then by age: small heaps, one for each range of values.
struct Queue {
    heaps: Vec<BinaryHeap<Reverse<(u64, u32)>>>,
    /// One bit for each heap that holds something.
    filled: Vec<u64>,
    /// No filled heap lies below this word.
    lowest: usize,
    low: f32,
    scale: f32,
}

/// Ranges of values.
const HEAPS: usize = 4096;

impl Queue {
    fn new(values: &[f32]) -> Self {
        let (low, high) = values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| {
            (low.min(*value), high.max(*value))
        });
        let scale = HEAPS as f32 / (high - low);
        let scale = if scale.is_finite() { scale } else { 0.0 };
        Self {
            heaps: vec![BinaryHeap::new(); HEAPS],
            filled: vec![0; HEAPS / 64],
            lowest: HEAPS / 64,
            low,
            scale,
        }
    }

    fn push(&mut self, value: f32, age: u32, at: u32) {
        // Bits of a float in the order of its value.
        let bits = value.to_bits();
        let ordered = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
        // A larger value never has a smaller heap: each operation keeps the order.
        let heap = (((value - self.low) * self.scale) as usize).min(HEAPS - 1);
        self.heaps[heap].push(Reverse((u64::from(ordered) << 32 | u64::from(age), at)));
        self.filled[heap / 64] |= 1 << (heap % 64);
        self.lowest = self.lowest.min(heap / 64);
    }

    fn pop(&mut self) -> Option<u32> {
        while *self.filled.get(self.lowest)? == 0 {
            self.lowest += 1;
        }
        let heap = self.lowest * 64 + self.filled[self.lowest].trailing_zeros() as usize;
        let Reverse((_, at)) = self.heaps[heap].pop()?;
        if self.heaps[heap].is_empty() {
            self.filled[self.lowest] &= !(1 << (heap % 64));
        }
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Arbitrary, Projection, Silent};

    fn row(values: &[f32]) -> Projection<Arbitrary> {
        Projection::new(values.len(), 1, values.to_vec(), None).expect("fits")
    }

    #[test]
    fn two_floods_meet_on_the_ridge() {
        let image = row(&[0.0, 1.0, 2.0, 5.0, 3.0, 1.0, 0.0]);
        let markers = [1, 0, 0, 0, 0, 0, 2];
        let found = flood(&image, &markers, None, Connectivity::Faces, &Silent).expect("floods");
        // The left flood stands at the ridge first: it was reached from 2 before 3 was flooded.
        assert_eq!(found, [1, 1, 1, 1, 2, 2, 2]);
        let within = [true, true, false, true, true, true, true];
        let found = flood(&image, &markers, Some(&within), Connectivity::Faces, &Silent).expect("floods");
        assert_eq!(found, [1, 1, 0, 2, 2, 2, 2]);
    }

    #[test]
    fn floods_without_markers_or_with_what_does_not_fit_are_refused() {
        let image = row(&[0.0, f32::NAN]);
        let by = Connectivity::Faces;
        assert_eq!(flood(&image, &[1, 0], None, by, &Silent), Err(FilterError::NotFinite { count: 1 }));
        let image = row(&[0.0, 0.0]);
        assert!(flood(&image, &[0, 0], None, by, &Silent).is_err());
        assert!(flood(&image, &[1], None, by, &Silent).is_err());
        assert!(flood(&image, &[1, 0], Some(&[true]), by, &Silent).is_err());
        assert!(flood(&image, &[u32::MAX, 0], None, by, &Silent).is_err());
        assert_eq!(flood(&image, &[7, 0], None, by, &Silent), Ok(vec![7, 7]));
    }
}
