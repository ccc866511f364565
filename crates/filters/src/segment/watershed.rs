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
    if values.len() >= CLOSED as usize {
        return Err(FilterError::parameter("voxels", values.len(), "fewer than 4294967295"));
    }
    let is_in = |at: usize| within.is_none_or(|within| within[at]);
    if markers.iter().enumerate().any(|(at, marker)| *marker == CLOSED && is_in(at)) {
        return Err(FilterError::parameter("marker", CLOSED, "at most 4294967294"));
    }
    let mut labels: Vec<u32> =
        markers.iter().enumerate().map(|(at, marker)| if is_in(at) { *marker } else { CLOSED }).collect();
    let neighbors = Neighbors::new(image.size(), connectivity);
    let mut queue = Queue::new(values);
    let mut found = 0;
    for (at, label) in labels.iter().enumerate() {
        if *label != 0 && *label != CLOSED {
            found += 1;
            if neighbors.of(at).any(|next| labels[next] == 0) {
                queue.push(values[at], 0, at as u32);
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
        for next in neighbors.of(at) {
            if labels[next] == 0 {
                labels[next] = label;
                age += 1;
                queue.push(values[next], age, next as u32);
            }
        }
    }
    labels.iter_mut().filter(|label| **label == CLOSED).for_each(|label| *label = 0);
    Ok(labels)
}

/// Not to be flooded.
const CLOSED: u32 = u32::MAX;

/// Voxels between two questions whether to stop: 2 to this power.
const BATCH: u32 = 18;

/// The neighbors of a voxel: those that share a face first, then edges, then corners.
struct Neighbors {
    size: [usize; 3],
    /// Columns, rows and slices to a neighbor, and places in the array.
    steps: Vec<([i8; 3], isize)>,
}

impl Neighbors {
    fn new(size: [usize; 3], connectivity: Connectivity) -> Self {
        let most = match connectivity {
            Connectivity::Faces => 1,
            Connectivity::Edges => 2,
            Connectivity::Corners => 3,
        };
        let strides = [1, size[0] as isize, (size[0] * size[1]) as isize];
        let mut steps = Vec::new();
        for apart in 1..=most {
            for slice in -1..=1_i8 {
                for row in -1..=1_i8 {
                    for column in -1..=1_i8 {
                        if slice.abs() + row.abs() + column.abs() == apart {
                            let step = [column, row, slice];
                            let along = (0..3).map(|axis| isize::from(step[axis]) * strides[axis]).sum();
                            steps.push((step, along));
                        }
                    }
                }
            }
        }
        Self { size, steps }
    }

    fn of(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        let [columns, rows, slices] = self.size;
        let place = [at % columns, at / columns % rows, at / columns / rows];
        // On which side the image ends here.
        let ends: [[bool; 2]; 3] =
            std::array::from_fn(|axis| [place[axis] == 0, place[axis] + 1 == [columns, rows, slices][axis]]);
        let stays = move |step: &[i8; 3]| {
            (0..3).all(|axis| !(step[axis] < 0 && ends[axis][0] || step[axis] > 0 && ends[axis][1]))
        };
        self.steps
            .iter()
            .filter(move |(step, _)| stays(step))
            .map(move |(_, along)| at.wrapping_add_signed(*along))
    }
}

/// Voxels by value, then by age: small heaps, one for each range of values.
struct Queue {
    /// Value, age and place.
    heaps: Vec<BinaryHeap<Reverse<[u32; 3]>>>,
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
        self.heaps[heap].push(Reverse([ordered, age, at]));
        self.filled[heap / 64] |= 1 << (heap % 64);
        self.lowest = self.lowest.min(heap / 64);
    }

    fn pop(&mut self) -> Option<u32> {
        while *self.filled.get(self.lowest)? == 0 {
            self.lowest += 1;
        }
        let heap = self.lowest * 64 + self.filled[self.lowest].trailing_zeros() as usize;
        let Reverse([_, _, at]) = self.heaps[heap].pop()?;
        if self.heaps[heap].is_empty() {
            // The flood rises: what a low heap took is free for the higher ones.
            if self.heaps[heap].capacity() > 256 {
                self.heaps[heap] = BinaryHeap::new();
            }
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
