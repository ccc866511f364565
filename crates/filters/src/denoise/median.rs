use rayon::prelude::*;
use wilhelm_study::{Progress, Raster};

use super::{Edge, Padded, Steps};
use crate::FilterError;
use crate::lanes::wide;

/// Largest window: 15 x 15 x 15 and 63 x 63 fit.
const MOST_VOXELS: usize = 4096;

/// Voxels of a row that are worked on together.
const LANES: usize = 32;

/// Rows that one task works on.
const LINES: usize = 8;

/// Replaces each voxel by the median of the box around it, exactly.
///
/// `radius` is in voxels along columns, rows and slices: 1 is a window of 3. A small window is sorted
/// partially, by comparisons of whole rows; a large one is searched bit by bit, which costs one pass over
/// the window for each bit that varies in the image.
///
/// Edge: as `edge` says. Not a number: sorts above every number, so single ones vanish.
///
/// # Errors
/// [`FilterError::Parameter`] for a window of more than 4096 voxels; [`FilterError::Cancelled`].
///
/// # Source
/// `scipy.ndimage.median_filter`; partial sort: Devillard 1998, "Fast median search", and Blum 1973,
/// doi:10.1016/S0022-0000(73)80033-9
pub fn median<R: Raster>(
    image: &R,
    radius: [usize; 3],
    edge: Edge,
    progress: &dyn Progress,
) -> Result<R, FilterError> {
    Ok(image.with_values(median_values(image.values(), image.size(), radius, edge, progress)?)?)
}

fn median_values(
    values: &[f32],
    size: [usize; 3],
    radius: [usize; 3],
    edge: Edge,
    progress: &dyn Progress,
) -> Result<Vec<f32>, FilterError> {
    let mut margin = [0; 3];
    let mut window = 1_usize;
    for axis in 0..3 {
        if size[axis] > 1 {
            margin[axis] = radius[axis];
            window = window.saturating_mul(radius[axis].saturating_mul(2).saturating_add(1));
        }
    }
    if window > MOST_VOXELS {
        return Err(FilterError::parameter("window in voxels", window, "at most 4096"));
    }
    if window == 1 {
        return Ok(values.to_vec());
    }
    let keys = Padded::new(values, size, margin, edge, key)?;
    let varying = varying_bits(&keys.values);
    let offsets = offsets(&keys, margin);
    let mut result = vec![0.0_f32; values.len()];
    let steps = Steps::new(progress, (size[1] * size[2]).div_ceil(LINES));
    result.par_chunks_mut(size[0] * LINES).enumerate().try_for_each_init(
        || vec![[0_i32; LANES]; window / 2 + 2],
        |work, (first, chunk)| {
            steps.check()?;
            for (nth, out) in chunk.chunks_exact_mut(size[0]).enumerate() {
                let line = first * LINES + nth;
                let start = keys.start(line % size[1], line / size[1]);
                // The last block overlaps the one before, so that every block is full.
                let mut column = 0;
                while column < size[0] {
                    let place = column.min(size[0].saturating_sub(LANES));
                    let lanes = LANES.min(size[0]);
                    // Counting gains nothing from wider registers.
                    let found = if sorts(window, varying) {
                        wide!(by_sorting(&keys.values, start + place, &offsets, lanes, work))
                    } else {
                        by_bits(&keys.values, start + place, &offsets, lanes, varying)
                    };
                    let out = &mut out[place..place + lanes];
                    out.iter_mut().zip(found).for_each(|(out, key)| *out = value(key));
                    column += LANES;
                }
            }
            steps.made();
            Ok::<(), FilterError>(())
        },
    )?;
    Ok(result)
}

/// Whether sorting is cheaper: its cost grows with the square of the window, that of the other with the bits.
fn sorts(window: usize, varying: u32) -> bool {
    window * 3 < varying.count_ones() as usize * 8 || window <= 27
}

/// A whole number in the order of the values: negative ones have their bits turned.
#[inline(always)]
fn key(value: f32) -> i32 {
    let bits = value.to_bits() as i32;
    // Every not-a-number becomes the same, above infinity.
    let bits = if value.is_nan() { 0x7FC0_0000 } else { bits };
    bits ^ (((bits >> 31) as u32) >> 1) as i32
}

#[inline(always)]
fn value(key: i32) -> f32 {
    f32::from_bits((key ^ (((key >> 31) as u32) >> 1) as i32) as u32)
}

/// The bits that are not the same in all keys.
fn varying_bits(keys: &[i32]) -> u32 {
    let first = keys.first().copied().unwrap_or(0);
    let differ = |part: &[i32]| part.iter().fold(0, |bits, key| bits | (key ^ first));
    keys.par_chunks(1 << 16).map(differ).reduce(|| 0, |a, b| a | b) as u32
}

fn offsets(keys: &Padded<i32>, margin: [usize; 3]) -> Vec<isize> {
    let [columns, rows, slices] = margin.map(|margin| margin as isize);
    let mut offsets = Vec::new();
    for slice in -slices..=slices {
        for row in -rows..=rows {
            offsets.extend((-columns..=columns).map(|column| keys.offset([column, row, slice])));
        }
    }
    offsets
}

#[inline(always)]
fn block(keys: &[i32], start: usize, offset: isize, lanes: usize) -> [i32; LANES] {
    let start = start.wrapping_add_signed(offset);
    let mut block = [0; LANES];
    if lanes == LANES {
        block.copy_from_slice(&keys[start..start + LANES]);
    } else {
        block[..lanes].copy_from_slice(&keys[start..start + lanes]);
    }
    block
}

/// Puts the smaller of each lane into the first and the greater into the second.
#[inline(always)]
fn exchange(work: &mut [[i32; LANES]], first: usize, second: usize) {
    // Whole arrays at once: a store a lane might change what the next lane reads, for all the compiler knows.
    let (a, b) = (work[first], work[second]);
    work[first] = std::array::from_fn(|lane| a[lane].min(b[lane]));
    work[second] = std::array::from_fn(|lane| a[lane].max(b[lane]));
}

/// Of a bit more than half the window neither the least nor the greatest can be the median: both are dropped,
/// the next value is taken in, until one is left.
#[inline(always)]
fn by_sorting(
    keys: &[i32],
    start: usize,
    offsets: &[isize],
    lanes: usize,
    work: &mut [[i32; LANES]],
) -> [i32; LANES] {
    let mut held = offsets.len() / 2 + 2;
    let (head, rest) = offsets.split_at(held);
    for (slot, offset) in work.iter_mut().zip(head) {
        *slot = block(keys, start, *offset, lanes);
    }
    let mut rest = rest.iter();
    loop {
        for at in 0..held / 2 {
            exchange(work, at, held - 1 - at);
        }
        for at in 1..held.div_ceil(2) {
            exchange(work, 0, at);
        }
        for at in held / 2..held - 1 {
            exchange(work, at, held - 1);
        }
        let Some(offset) = rest.next() else { return work[1] };
        work[0] = block(keys, start, *offset, lanes);
        held -= 1;
    }
}

/// Finds the median from its highest bit down: a bit is set when not more than half the window lies below.
#[inline(always)]
fn by_bits(keys: &[i32], start: usize, offsets: &[isize], lanes: usize, varying: u32) -> [i32; LANES] {
    const SIGN: u32 = 1 << 31;
    let half = (offsets.len() / 2) as i32;
    let constant = (keys[start] as u32 ^ SIGN) & !varying;
    let mut found = [constant; LANES];
    let mut left = varying;
    while left != 0 {
        let bit = SIGN >> left.leading_zeros();
        left ^= bit;
        let mut trial = [0_i32; LANES];
        trial.iter_mut().zip(&found).for_each(|(trial, found)| *trial = ((found | bit) ^ SIGN) as i32);
        let mut below = [0_i32; LANES];
        for offset in offsets {
            let block = block(keys, start, *offset, lanes);
            for lane in 0..LANES {
                below[lane] += i32::from(block[lane] < trial[lane]);
            }
        }
        for lane in 0..LANES {
            found[lane] |= if below[lane] <= half { bit } else { 0 };
        }
    }
    found.map(|found| (found ^ SIGN) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_their_values() {
        let values = [f32::NEG_INFINITY, -2.0, -1e-30, -0.0, 0.0, 3.0, f32::INFINITY, f32::NAN];
        assert!(values.windows(2).all(|pair| key(pair[0]) < key(pair[1])));
        assert!(values[..7].iter().all(|found| value(key(*found)).to_bits() == found.to_bits()));
    }

    #[test]
    fn both_ways_find_the_middle_of_a_sorted_list() {
        let mut state = 1_u32;
        let mut keys = Vec::new();
        for _ in 0..400 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            keys.push(key((state >> 22) as f32 * 0.25 - 100.0));
        }
        for (count, step) in [(3, 1), (9, 1), (15, 2), (25, 3), (27, 3), (49, 3), (125, 2)] {
            let offsets: Vec<isize> = (0..count).map(|at| (at * step) as isize).collect();
            let mut work = vec![[0; LANES]; count / 2 + 2];
            let sorted = by_sorting(&keys, 0, &offsets, LANES, &mut work);
            let bits = by_bits(&keys, 0, &offsets, LANES, varying_bits(&keys));
            assert_eq!(sorted, bits);
            for lane in 0..LANES {
                let mut window: Vec<i32> = (0..count).map(|at| keys[lane + at * step]).collect();
                window.sort_unstable();
                assert_eq!(bits[lane], window[count / 2], "{count} values");
            }
        }
    }
}
