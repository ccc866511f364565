//! Which voxels of a grid are solved for, eight columns of a row at a time, and what holds for them.

use rayon::prelude::*;

use super::solve::Likely;
use crate::lanes::wide;
use crate::segment::hessian::exp_minus;

/// Columns that are worked on together: a block.
pub(super) const LANES: usize = 8;

/// What is added to every weight, so that no voxel is cut off.
const LEAST_WEIGHT: f32 = 1e-8;

/// The voxels that are solved for: each block of a row is a byte, whose lowest bit is its first column.
///
/// A block's place is its number among all blocks, those of a row first.
pub(super) struct Open {
    size: [usize; 3],
    bits: Vec<u8>,
}

impl Open {
    /// The voxels whose probability lies no further than `limit` from one half.
    pub(super) fn within(size: [usize; 3], found: &[f32], limit: f32) -> Self {
        let [columns, rows, slices] = size;
        let width = columns.div_ceil(LANES);
        let mut bits = vec![0_u8; width * rows * slices];
        bits.par_chunks_mut(width * rows).zip(found.par_chunks(columns * rows)).for_each(|(bits, found)| {
            wide!({
                for (bits, found) in bits.chunks_exact_mut(width).zip(found.chunks_exact(columns)) {
                    let (blocks, rest) = found.as_chunks::<LANES>();
                    bits.iter_mut().zip(blocks).for_each(|(bits, block)| *bits = near(block, limit));
                    if let [.., last] = bits
                        && !rest.is_empty()
                    {
                        *last = near(rest, limit);
                    }
                }
            });
        });
        Self { size, bits }
    }

    #[inline(always)]
    fn width(&self) -> usize {
        self.size[0].div_ceil(LANES)
    }

    /// Takes a voxel out.
    pub(super) fn close(&mut self, at: usize) {
        let (line, column) = (at / self.size[0], at % self.size[0]);
        let width = self.width();
        self.bits[line * width + column / LANES] &= !(1 << (column % LANES));
    }

    /// The blocks that have an open voxel, in order.
    pub(super) fn places(&self) -> Vec<u32> {
        const PART: usize = 1 << 15;
        let parts = self.bits.par_chunks(PART).enumerate().flat_map_iter(|(part, bits)| {
            let blocks = bits.iter().enumerate().filter(|(_, bits)| **bits != 0);
            blocks.map(move |(at, _)| (part * PART + at) as u32)
        });
        parts.collect()
    }

    /// How many blocks the grid has.
    pub(super) fn blocks(&self) -> usize {
        self.bits.len()
    }

    /// The open voxels of a block, as its bits.
    #[inline(always)]
    pub(super) fn bits(&self, place: usize) -> u8 {
        self.bits[place]
    }

    /// Where a block's first voxel is in the image.
    #[inline(always)]
    pub(super) fn start(&self, place: usize) -> usize {
        place / self.width() * self.size[0] + place % self.width() * LANES
    }

    /// The blocks before and after along rows, then along slices; `None` beyond the grid.
    #[inline(always)]
    pub(super) fn beside(&self, place: usize) -> [Option<usize>; 4] {
        let (width, [_, rows, slices]) = (self.width(), self.size);
        let (row, slice) = (place / width % rows, place / width / rows);
        [
            (row > 0).then(|| place - width),
            (row + 1 < rows).then(|| place + width),
            (slice > 0).then(|| place - width * rows),
            (slice + 1 < slices).then(|| place + width * rows),
        ]
    }
}

/// The values that lie no further than `limit` from one half, as bits.
#[inline(always)]
fn near(values: &[f32], limit: f32) -> u8 {
    let lanes = values.iter().zip(0..);
    lanes.fold(0, |bits, (value, lane)| bits | u8::from((value - 0.5).abs() <= limit) << lane)
}

/// What the equations of the open voxels are made of.
pub(super) struct Around<'a> {
    pub(super) size: [usize; 3],
    pub(super) values: &'a [f32],
    /// Probabilities: those of voxels that are not open hold, the others are a first guess.
    pub(super) found: &'a [f32],
    pub(super) open: &'a Open,
    /// What the square of a step in value along each axis is multiplied by.
    pub(super) inverse: [f32; 3],
    /// How much a voxel's own value counts, and what it says.
    pub(super) own: Option<(f32, &'a Likely)>,
}

/// The equations of a block's voxels: a voxel that is not open has no ways, 0 on the right and 1 as root.
pub(super) struct Equations {
    /// Weights of the ways to the next open voxel along each axis.
    pub(super) ways: [[f32; LANES]; 3],
    /// Root of the diagonal.
    pub(super) root: [f32; LANES],
    pub(super) right: [f32; LANES],
    pub(super) guess: [f32; LANES],
}

/// Weights of one side of a block's voxels, as they are summed up.
struct Sums {
    diagonal: [f32; LANES],
    right: [f32; LANES],
}

impl Around<'_> {
    /// The equations of the block at `place`.
    #[inline(always)]
    pub(super) fn equations(&self, place: usize) -> Equations {
        let [columns, rows, _] = self.size;
        let start = self.open.start(place);
        let (line, from) = (start - start % columns, start % columns);
        let (values, found) =
            (ten(&self.values[line..][..columns], from), ten(&self.found[line..][..columns], from));
        let bits = self.open.bits(place);
        let mut sums = Sums { diagonal: [0.0; LANES], right: [0.0; LANES] };
        let own = middle(&values);
        let mut ways = [[0.0; LANES]; 3];
        // Along the row the neighbors are those of the block itself but for the outermost.
        let there = (1_u32 << (columns - from).min(LANES + 1)) - 1;
        let last = from + LANES < columns && self.open.bits(place + 1) & 1 == 1;
        let first = from > 0 && self.open.bits(place - 1) >> (LANES - 1) == 1;
        let before = Side {
            values: std::array::from_fn(|lane| values[lane]),
            found: std::array::from_fn(|lane| found[lane]),
            there: if from > 0 { 0xFF } else { 0xFE },
            open: bits << 1 | u8::from(first),
        };
        sums.add(&own, &before, self.inverse[0]);
        let after = Side {
            values: std::array::from_fn(|lane| values[lane + 2]),
            found: std::array::from_fn(|lane| found[lane + 2]),
            there: (there >> 1) as u8,
            open: bits >> 1 | u8::from(last) << (LANES - 1),
        };
        ways[0] = sums.add(&own, &after, self.inverse[0]);
        let strides = [columns, columns, columns * rows, columns * rows];
        for (side, other) in self.open.beside(place).into_iter().enumerate() {
            let Some(other) = other else { continue };
            let line = if side % 2 == 0 { line - strides[side] } else { line + strides[side] };
            let beside = Side {
                values: eight(&self.values[line..][..columns], from),
                found: eight(&self.found[line..][..columns], from),
                there: 0xFF,
                open: self.open.bits(other),
            };
            let axis = 1 + side / 2;
            let joined = sums.add(&own, &beside, self.inverse[axis]);
            if side % 2 == 1 {
                ways[axis] = joined;
            }
        }
        if let Some((share, likely)) = self.own {
            sums.diagonal.iter_mut().for_each(|diagonal| *diagonal += share);
            sums.right.iter_mut().zip(own).for_each(|(right, value)| *right += share * likely.at(value));
        }
        let is_open = |lane: usize| bits >> lane & 1 == 1;
        let kept = |values: [f32; LANES], other: f32| -> [f32; LANES] {
            std::array::from_fn(|lane| if is_open(lane) { values[lane] } else { other })
        };
        Equations {
            ways: ways.map(|ways| kept(ways, 0.0)),
            root: kept(sums.diagonal.map(|diagonal| diagonal.max(LEAST_WEIGHT).sqrt()), 1.0),
            right: kept(sums.right, 0.0),
            guess: kept(middle(&found), 0.0),
        }
    }
}

/// The neighbors of a block's voxels on one side.
struct Side {
    values: [f32; LANES],
    found: [f32; LANES],
    /// Which there are.
    there: u8,
    /// Which of them are open.
    open: u8,
}

impl Sums {
    /// Adds the ways to one side; those to open voxels come back.
    #[inline(always)]
    fn add(&mut self, own: &[f32; LANES], side: &Side, inverse: f32) -> [f32; LANES] {
        let weights: [f32; LANES] = std::array::from_fn(|lane| {
            let step = own[lane] - side.values[lane];
            let weight = exp_minus(step * step * inverse) + LEAST_WEIGHT;
            if side.there >> lane & 1 == 1 { weight } else { 0.0 }
        });
        let [joined, held]: [[f32; LANES]; 2] = [1, 0].map(|open| {
            std::array::from_fn(|lane| if side.open >> lane & 1 == open { weights[lane] } else { 0.0 })
        });
        self.diagonal.iter_mut().zip(weights).for_each(|(diagonal, weight)| *diagonal += weight);
        let held = held.iter().zip(side.found).map(|(weight, found)| weight * found);
        self.right.iter_mut().zip(held).for_each(|(right, held)| *right += held);
        joined
    }
}

/// Eight numbers of a line; beyond its end 0.
#[inline(always)]
fn eight(line: &[f32], from: usize) -> [f32; LANES] {
    match line[from..].first_chunk() {
        Some(block) => *block,
        None => std::array::from_fn(|lane| line.get(from + lane).copied().unwrap_or(0.0)),
    }
}

/// The same with the number before and the one after.
#[inline(always)]
fn ten(line: &[f32], from: usize) -> [f32; LANES + 2] {
    let mut ten = [0.0; LANES + 2];
    ten[1..=LANES].copy_from_slice(&eight(line, from));
    ten[0] = if from > 0 { line[from - 1] } else { 0.0 };
    ten[LANES + 1] = line.get(from + LANES).copied().unwrap_or(0.0);
    ten
}

#[inline(always)]
fn middle(ten: &[f32; LANES + 2]) -> [f32; LANES] {
    std::array::from_fn(|lane| ten[lane + 1])
}
