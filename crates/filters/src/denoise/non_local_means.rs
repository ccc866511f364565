use rayon::prelude::*;
use wilhelm_study::{Progress, Raster};

use super::{Edge, Padded, Steps};
use crate::FilterError;
use crate::lanes::{exp_negative, wide};

/// Patches this far apart (in squared units of `strength`) have no weight: e^-5 is 0.7 %.
const CUT: f32 = 5.0;

/// Most shifts of a patch: 15 x 15 x 15 and 63 x 63 fit.
const MOST_SHIFTS: usize = 4096;

/// Largest patch.
const MOST_PATCH: usize = 1024;

/// What non-local means compares, how far it looks, and how much it smooths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NonLocalMeans {
    /// Half the patch's width in voxels, without the middle: 1 compares boxes of 3.
    pub patch_radius: usize,
    /// How far patches are looked for along each axis, in voxels.
    pub search_radius: usize,
    /// Root mean square difference of two patches at which the weight has fallen to 1/e, in the values' unit;
    /// about 0.8 times the noise where `noise_sigma` is given, about the noise where it is 0.
    pub strength: f32,
    /// Standard deviation of the noise, which is taken off the difference of two patches; 0 takes nothing off.
    pub noise_sigma: f32,
}

/// Averages each voxel with those whose surroundings look alike.
///
/// The weight of a voxel is `exp(-max(0, d - 2 noise_sigma^2) / strength^2)`, where `d` is the mean squared
/// difference of the two patches, all their voxels counting alike; below e^-5 it is 0. All patches are
/// compared shift by shift: the squared differences of one shift are summed along one axis after the other,
/// so the cost does not grow with the patch's volume. scikit-image's fast mode does the same, with patches
/// that lack their first row and column (its integral image is read one too far) and an approximate
/// exponential; here patches are whole and the exponential is right.
///
/// A volume is compared in space, with cubes. Edge: mirrored about the outermost voxel. Not a number: a voxel
/// whose patch holds one stays as it is.
///
/// # Errors
/// [`FilterError::Parameter`] for a strength that is not above 0, a noise below 0, more than 4096 shifts or a
/// patch of more than 1024 voxels; [`FilterError::Cancelled`].
///
/// # Source
/// Buades, Coll and Morel 2005, doi:10.1109/CVPR.2005.38; shift by shift: Darbon et al. 2008,
/// doi:10.1109/ISBI.2008.4541250; the noise taken off: doi:10.5201/ipol.2011.bcm_nlm
pub fn non_local_means<R: Raster>(
    image: &R,
    options: &NonLocalMeans,
    progress: &dyn Progress,
) -> Result<R, FilterError> {
    Ok(image.with_values(means_of_values(image.values(), image.size(), options, progress)?)?)
}

fn means_of_values(
    values: &[f32],
    size: [usize; 3],
    options: &NonLocalMeans,
    progress: &dyn Progress,
) -> Result<Vec<f32>, FilterError> {
    let plan = Plan::new(size, options)?;
    let padded = Padded::new(values, size, plan.margin(), Edge::Mirror, |value| value)?;
    let mut result = vec![0.0_f32; values.len()];
    // A task is a few slices of a volume, or a few rows of a flat image.
    let slices = if size[2] > 1 { 4 } else { 1 };
    let chunk = if size[2] > 1 { slices * size[1] } else { TILE_ROWS };
    let tiles =
        |lines: usize| if size[2] > 1 { size[1].div_ceil(TILE_ROWS) } else { lines.div_ceil(TILE_ROWS) };
    let total = if size[2] > 1 { size[2].div_ceil(slices) * tiles(0) } else { tiles(size[1]) };
    let steps = Steps::new(progress, total);
    result.par_chunks_mut(chunk * size[0]).enumerate().try_for_each_init(
        Buffers::default,
        |buffers, (nth, out)| {
            let first = nth * chunk;
            let (slice, row) = (first / size[1], first % size[1]);
            let depth = if size[2] > 1 { out.len() / (size[1] * size[0]) } else { 1 };
            let rows = if size[2] > 1 { size[1] } else { out.len() / size[0] };
            for begin in (0..rows).step_by(TILE_ROWS) {
                steps.check()?;
                let tile = Tile { row: row + begin, rows: TILE_ROWS.min(rows - begin), slice, depth };
                wide!(plan.accumulate(&padded, tile, buffers));
                for z in 0..depth {
                    let place = (z * size[1] + begin) * size[0];
                    let out = &mut out[place..place + tile.rows * size[0]];
                    let found = &buffers.sum[z * tile.rows * size[0]..(z + 1) * tile.rows * size[0]];
                    out.copy_from_slice(found);
                }
                steps.made();
            }
            Ok::<(), FilterError>(())
        },
    )?;
    Ok(result)
}

/// Rows of a tile: its buffers should stay in the processor's second cache.
const TILE_ROWS: usize = 16;

#[derive(Clone, Copy)]
struct Tile {
    row: usize,
    rows: usize,
    slice: usize,
    depth: usize,
}

/// Scratch of one thread.
#[derive(Default)]
struct Buffers {
    /// Squared differences, then their sums along slices, rows with a margin of one patch.
    squares: Vec<f32>,
    across_slices: Vec<f32>,
    across_rows: Vec<f32>,
    sum: Vec<f32>,
    weights: Vec<f32>,
}

struct Plan {
    columns: usize,
    patch: [usize; 3],
    search: [usize; 3],
    scale: f32,
    twice_variance: f32,
}

impl Plan {
    fn new(size: [usize; 3], options: &NonLocalMeans) -> Result<Self, FilterError> {
        let &NonLocalMeans { patch_radius, search_radius, strength, noise_sigma } = options;
        if !(strength > 0.0 && strength.is_finite()) {
            return Err(FilterError::parameter("strength", strength, "more than 0"));
        }
        if !(noise_sigma >= 0.0 && noise_sigma.is_finite()) {
            return Err(FilterError::parameter("noise sigma", noise_sigma, "at least 0"));
        }
        let active = |radius: usize| size.map(|size| if size > 1 { radius } else { 0 });
        let (patch, search) = (active(patch_radius), active(search_radius));
        let count = |radii: [usize; 3]| {
            radii.iter().fold(1_usize, |count, r| count.saturating_mul(r.saturating_mul(2).saturating_add(1)))
        };
        if count(search) > MOST_SHIFTS {
            return Err(FilterError::parameter("number of shifts", count(search), "at most 4096"));
        }
        if count(patch) > MOST_PATCH {
            return Err(FilterError::parameter("patch in voxels", count(patch), "at most 1024"));
        }
        let scale = 1.0 / (f64::from(strength).powi(2) * count(patch) as f64);
        let twice_variance = 2.0 * noise_sigma * noise_sigma;
        Ok(Self { columns: size[0], patch, search, scale: scale as f32, twice_variance })
    }

    fn margin(&self) -> [usize; 3] {
        [0, 1, 2].map(|axis| self.patch[axis] + self.search[axis])
    }

    /// The averages of one tile, left in `buffers.sum`.
    #[inline(always)]
    fn accumulate(&self, padded: &Padded<f32>, tile: Tile, buffers: &mut Buffers) {
        let columns = self.columns;
        let count = tile.depth * tile.rows * columns;
        buffers.sum.clear();
        buffers.sum.resize(count, 0.0);
        buffers.weights.clear();
        buffers.weights.resize(count, 1.0);
        let [x, y, z] = self.search.map(|radius| radius as isize);
        for slice in -z..=z {
            for row in -y..=y {
                for column in -x..=x {
                    if [column, row, slice] != [0; 3] {
                        self.shift(padded, tile, padded.offset([column, row, slice]), buffers);
                    }
                }
            }
        }
        for z in 0..tile.depth {
            for y in 0..tile.rows {
                let place = (z * tile.rows + y) * columns;
                let center = padded.row(tile.row + y, tile.slice + z, 0);
                let sum = &mut buffers.sum[place..place + columns];
                for ((sum, weight), center) in sum.iter_mut().zip(&buffers.weights[place..]).zip(center) {
                    *sum = center + *sum / weight;
                }
            }
        }
    }

    /// Adds the voxels that lie one shift away.
    #[inline(always)]
    fn shift(&self, padded: &Padded<f32>, tile: Tile, offset: isize, buffers: &mut Buffers) {
        let [px, py, pz] = self.patch;
        let (wide_columns, wide_rows) = (self.columns + 2 * px, tile.rows + 2 * py);
        let plane = wide_columns * wide_rows;
        buffers.squares.resize((tile.depth + 2 * pz) * plane, 0.0);
        for z in 0..tile.depth + 2 * pz {
            for y in 0..wide_rows {
                // The margin of the padded image is at least one patch and one shift.
                let start = padded.start(tile.row, tile.slice);
                let start = start.wrapping_add_signed(padded.offset([
                    -(px as isize),
                    y as isize - py as isize,
                    z as isize - pz as isize,
                ]));
                let here = &padded.values[start..start + wide_columns];
                let start = start.wrapping_add_signed(offset);
                let there = &padded.values[start..start + wide_columns];
                let place = z * plane + y * wide_columns;
                let out = &mut buffers.squares[place..place + wide_columns];
                for ((out, here), there) in out.iter_mut().zip(here).zip(there) {
                    let difference = here - there;
                    *out = difference * difference - self.twice_variance;
                }
            }
        }
        buffers.across_slices.resize(plane, 0.0);
        buffers.across_rows.resize(wide_columns, 0.0);
        for z in 0..tile.depth {
            let across_slices: &[f32] = if pz == 0 {
                &buffers.squares[z * plane..(z + 1) * plane]
            } else {
                add_up(&mut buffers.across_slices, &buffers.squares[z * plane..], plane, 2 * pz + 1);
                &buffers.across_slices
            };
            for y in 0..tile.rows {
                add_up(
                    &mut buffers.across_rows,
                    &across_slices[y * wide_columns..],
                    wide_columns,
                    2 * py + 1,
                );
                let start = padded.start(tile.row + y, tile.slice + z);
                let center = &padded.values[start..start + self.columns];
                let start = start.wrapping_add_signed(offset);
                let other = &padded.values[start..start + self.columns];
                let place = (z * tile.rows + y) * self.columns;
                let sum = &mut buffers.sum[place..place + self.columns];
                let weights = &mut buffers.weights[place..place + self.columns];
                self.weigh(&buffers.across_rows, center, other, sum, weights);
            }
        }
    }

    /// Sums along a row, turns the sums into weights and adds the weighted differences.
    #[inline(always)]
    fn weigh(&self, lines: &[f32], center: &[f32], other: &[f32], sum: &mut [f32], weights: &mut [f32]) {
        const LANES: usize = 64;
        let width = 2 * self.patch[0] + 1;
        let mut column = 0;
        while column < self.columns {
            let lanes = LANES.min(self.columns - column);
            let mut distance = [0.0_f32; LANES];
            for away in 0..width {
                let line = &lines[column + away..column + away + lanes];
                if let Ok(line) = <&[f32; LANES]>::try_from(line) {
                    distance.iter_mut().zip(line).for_each(|(sum, value)| *sum += value);
                } else {
                    distance.iter_mut().zip(line).for_each(|(sum, value)| *sum += value);
                }
            }
            let part = column..column + lanes;
            let (center, other) = (&center[part.clone()], &other[part.clone()]);
            let (sum, weights) = (&mut sum[part.clone()], &mut weights[part]);
            for ((((sum, weight), distance), center), other) in
                sum.iter_mut().zip(weights).zip(&distance).zip(center).zip(other)
            {
                let exponent = if *distance < 0.0 { 0.0 } else { distance * self.scale };
                let alike = exp_negative(exponent);
                // False for what is not a number too.
                let counts = exponent <= CUT;
                *weight += if counts { alike } else { 0.0 };
                *sum += if counts { alike * (other - center) } else { 0.0 };
            }
            column += lanes;
        }
    }
}

/// The sum of `count` stretches of `values`, one `stride` after the other.
#[inline(always)]
fn add_up(out: &mut [f32], values: &[f32], stride: usize, count: usize) {
    out.copy_from_slice(&values[..out.len()]);
    for nth in 1..count {
        let values = &values[nth * stride..nth * stride + out.len()];
        out.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Arbitrary, Projection, Silent};

    fn row(values: &[f32], options: NonLocalMeans) -> Vec<f32> {
        let image = Projection::<Arbitrary>::new(values.len(), 1, values.to_vec(), None).expect("a row");
        non_local_means(&image, &options, &Silent).expect("filtered").pixels().to_vec()
    }

    #[test]
    fn single_voxels_as_patches_worked_on_paper() {
        // Patches of one voxel, shifts by one: the middle sees differences 1 and 1, weight e^-1 each.
        let options = NonLocalMeans { patch_radius: 0, search_radius: 1, strength: 1.0, noise_sigma: 0.0 };
        let e = (-1.0_f32).exp();
        let found = row(&[0.0, 1.0, 0.0], options);
        assert!((found[1] - 1.0 / (1.0 + 2.0 * e)).abs() < 1e-6, "{found:?}");
        // With a noise of 1, twice its square is taken off: all weigh the same.
        let found = row(&[0.0, 1.0, 0.0], NonLocalMeans { noise_sigma: 1.0, ..options });
        assert!((found[1] - 1.0 / 3.0).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn a_voxel_whose_patch_is_not_a_number_stays() {
        let options = NonLocalMeans { patch_radius: 1, search_radius: 2, strength: 1.0, noise_sigma: 0.0 };
        let mut values = vec![1.0; 9];
        values[4] = f32::NAN;
        let found = row(&values, options);
        assert!(found.iter().enumerate().all(|(at, value)| if at == 4 {
            value.is_nan()
        } else {
            *value == 1.0
        }));
    }
}
