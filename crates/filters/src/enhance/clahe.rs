use rayon::prelude::*;
use wilhelm_study::Raster;

use super::finite_range;
use crate::FilterError;
use crate::denoise::Edge;
use crate::lanes::wide;

/// Whether a volume's regions are flat or reach over slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaheExtent {
    /// Each slice for itself, on the gray scale of the whole volume.
    EachSlice,
    /// Regions with columns, rows and slices.
    Volume,
}

/// How local and how strong the equalization is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clahe {
    /// Size of a region in voxels along columns, rows and slices; `None` is an eighth of the image.
    pub region: Option<[usize; 3]>,
    /// Most of a region's voxels in one bin, as a part of all: 0.01 is usual, 1 does not limit.
    pub clip: f32,
    /// Bins of a histogram; 256 is usual.
    pub bins: usize,
    /// Whether regions reach over slices.
    pub extent: ClaheExtent,
}

/// Gray levels between the least and the greatest value.
const GRAYS: usize = 1 << 14;

/// Stands for a value that is not a number.
const NOT_A_GRAY: u16 = u16::MAX;

/// Equalizes contrast region by region, with a limit to how much noise is amplified.
///
/// Each region's histogram is clipped at `clip`, what was cut off is spread over its bins, and its sums map a
/// gray to a gray; between the middles of regions the maps are mixed linearly. The definition is that of
/// scikit-image (Zuiderveld's, in any number of dimensions; its mixing lags by half a voxel), which differs from
/// OpenCV's in how what was cut off is spread. The result fills the scale of the input from its least to its
/// greatest value.
///
/// Edge: mirrored about the outermost voxel, where the last regions are not full. Not a number: stays and is
/// not counted. An image of one value stays.
///
/// # Errors
/// [`FilterError::Parameter`] for a region of fewer than 2 voxels or more than the image along an axis, a clip
/// outside 0 to 1, fewer than 2 or more than 16384 bins, or so small regions that their maps take over 256 MiB.
///
/// # Source
/// Zuiderveld 1994, Graphics Gems IV, 474-485, doi:10.1016/B978-0-12-336156-1.50061-6;
/// `skimage.exposure.equalize_adapthist`
pub fn clahe<R: Raster>(image: &R, options: &Clahe) -> Result<R, FilterError> {
    Ok(image.with_values(equalized(image.values(), image.size(), options)?)?)
}

fn equalized(values: &[f32], size: [usize; 3], options: &Clahe) -> Result<Vec<f32>, FilterError> {
    let extent = if options.extent == ClaheExtent::Volume { size } else { [size[0], size[1], 1] };
    let plan = Plan::new(extent, options)?;
    let Some((low, high)) = finite_range(values).filter(|(low, high)| low < high) else {
        return Ok(values.to_vec());
    };
    let scale = (GRAYS - 1) as f64 / (f64::from(high) - f64::from(low));
    let width = 1 + GRAYS / options.bins;
    let bin = |value: &f32| {
        let gray = ((f64::from(*value) - f64::from(low)) * scale).round_ties_even();
        if value.is_finite() { (gray as usize / width) as u16 } else { NOT_A_GRAY }
    };
    let bins: Vec<u16> = values.par_iter().with_min_len(1 << 14).map(bin).collect();
    let mut result = vec![0.0_f32; values.len()];
    let part = extent.iter().product::<usize>();
    for (bins, out) in bins.chunks_exact(part).zip(result.chunks_exact_mut(part)) {
        plan.equalize(bins, out);
    }
    let (least, most) = finite_range(&result).unwrap_or((0.0, 0.0));
    let stretch = if most > least { (high - low) / (most - least) } else { 0.0 };
    result.par_iter_mut().zip(values).with_min_len(1 << 14).for_each(|(out, value)| {
        *out = if value.is_finite() { low + (*out - least) * stretch } else { *value };
    });
    Ok(result)
}

struct Plan {
    size: [usize; 3],
    region: [usize; 3],
    /// Regions along each axis.
    regions: [usize; 3],
    bins: usize,
    limit: i64,
}

impl Plan {
    fn new(size: [usize; 3], options: &Clahe) -> Result<Self, FilterError> {
        if !(2..=GRAYS).contains(&options.bins) {
            return Err(FilterError::parameter("bins", options.bins, "2 to 16384"));
        }
        if !(0.0..=1.0).contains(&options.clip) {
            return Err(FilterError::parameter("clip", options.clip, "0 to 1"));
        }
        let (mut region, mut regions) = ([1; 3], [1; 3]);
        for axis in 0..3 {
            if size[axis] > 1 {
                region[axis] = options.region.map_or((size[axis] / 8).max(2), |region| region[axis]);
                if !(2..=size[axis]).contains(&region[axis]) {
                    let expected = "2 voxels to the size of the image along each axis";
                    return Err(FilterError::parameter("region", region[axis], expected));
                }
                regions[axis] = size[axis].div_ceil(region[axis]);
            }
        }
        let count = regions.iter().product::<usize>().saturating_mul(options.bins);
        if count > 1 << 26 {
            let expected = "at most 67108864, larger regions or fewer bins";
            return Err(FilterError::parameter("regions times bins", count, expected));
        }
        let voxels = region.iter().product::<usize>();
        // A clip of 0 means no limit, as in scikit-image.
        let clipped = (f64::from(options.clip) * voxels as f64) as i64;
        let limit = if options.clip > 0.0 { clipped.max(1) } else { voxels as i64 };
        Ok(Self { size, region, regions, bins: options.bins, limit })
    }

    fn equalize(&self, bins: &[u16], out: &mut [f32]) {
        let [columns, rows, _] = self.size;
        let mut maps = vec![0.0_f32; self.regions.iter().product::<usize>() * self.bins];
        maps.par_chunks_mut(self.bins).enumerate().for_each(|(nth, map)| self.map(bins, nth, map));
        let row_of_maps = self.regions[0] * self.bins;
        let work = |mixed: &mut Vec<f32>, (line, out): (usize, &mut [f32])| {
            let (row, slice) = (line % rows, line / rows);
            let ((row_maps, row_part), (slice_maps, slice_part)) =
                (self.between(row, 1), self.between(slice, 2));
            wide!({
                mixed.fill(0.0);
                for (slice, slice_weight) in slice_maps.into_iter().zip([1.0 - slice_part, slice_part]) {
                    for (row, row_weight) in row_maps.into_iter().zip([1.0 - row_part, row_part]) {
                        let weight = slice_weight * row_weight;
                        let start = (slice * self.regions[1] + row) * row_of_maps;
                        if weight > 0.0 {
                            let maps = &maps[start..start + row_of_maps];
                            mixed.iter_mut().zip(maps).for_each(|(mixed, map)| *mixed += weight * map);
                        }
                    }
                }
            });
            let bins = &bins[line * columns..(line + 1) * columns];
            let mut column = 0;
            while column < columns {
                // A stretch of columns between the same two maps.
                let region = self.region[0];
                let first = column + region / 2;
                let end = ((first / region + 1) * region - region / 2).min(columns);
                let ([before, after], _) = self.between(column, 0);
                let before = &mixed[before * self.bins..(before + 1) * self.bins];
                let after = &mixed[after * self.bins..(after + 1) * self.bins];
                let step = 1.0 / region as f32;
                let begin = first % region;
                for (nth, (out, bin)) in out[column..end].iter_mut().zip(&bins[column..end]).enumerate() {
                    let part = if region > 1 { (begin + nth) as f32 * step } else { 0.0 };
                    let bin = usize::from(*bin);
                    *out = match (before.get(bin), after.get(bin)) {
                        (Some(before), Some(after)) => (before + part * (after - before)).floor(),
                        _ => f32::NAN,
                    };
                }
                column = end;
            }
        };
        out.par_chunks_mut(columns)
            .enumerate()
            .with_min_len(8)
            .for_each_init(|| vec![0.0_f32; row_of_maps], work);
    }

    /// The two regions whose maps are mixed at a place along an axis, and the part of the second.
    fn between(&self, at: usize, axis: usize) -> ([usize; 2], f32) {
        let region = self.region[axis];
        if region == 1 {
            return ([0, 0], 0.0);
        }
        let at = at + region / 2;
        let after = (at / region).min(self.regions[axis] - 1);
        ([(at / region).saturating_sub(1), after], (at % region) as f32 / region as f32)
    }

    /// The map from bins to grays of one region.
    fn map(&self, bins: &[u16], nth: usize, map: &mut [f32]) {
        let [columns, rows, _] = self.size;
        let at = [
            nth % self.regions[0],
            nth / self.regions[0] % self.regions[1],
            nth / self.regions[0] / self.regions[1],
        ];
        let places = |axis: usize| {
            let (begin, region, size) = (at[axis] * self.region[axis], self.region[axis], self.size[axis]);
            (begin..begin + region).map(move |at| Edge::Mirror.place(at as isize, size))
        };
        let mut counts = vec![0_i64; self.bins];
        let inside = (at[0] * self.region[0]).min(columns)..((at[0] + 1) * self.region[0]).min(columns);
        for slice in places(2) {
            for row in places(1) {
                let line = &bins[(slice * rows + row) * columns..][..columns];
                let folded = places(0).skip(inside.len()).map(|column| line[column]);
                for bin in line[inside.clone()].iter().copied().chain(folded) {
                    if bin != NOT_A_GRAY {
                        counts[usize::from(bin)] += 1;
                    }
                }
            }
        }
        clip(&mut counts, self.limit);
        let scale = (GRAYS - 1) as f64 / self.region.iter().product::<usize>() as f64;
        let mut sum = 0;
        for (map, count) in map.iter_mut().zip(&counts) {
            sum += count;
            *map = (sum as f64 * scale).min((GRAYS - 1) as f64).trunc() as f32;
        }
    }
}

/// Cuts a histogram at a limit and spreads what was cut off over the bins below it.
fn clip(counts: &mut [i64], limit: i64) {
    let bins = counts.len() as i64;
    let mut excess: i64 = counts.iter().map(|count| (count - limit).max(0)).sum();
    counts.iter_mut().for_each(|count| *count = (*count).min(limit));
    let each = excess / bins;
    let upper = limit - each;
    for count in counts.iter_mut() {
        if *count < upper {
            excess -= each;
            *count += each;
        }
    }
    for count in counts.iter_mut() {
        if *count >= upper && *count < limit {
            excess += *count - limit;
            *count = limit;
        }
    }
    while excess > 0 {
        let before = excess;
        for first in 0..counts.len() {
            let under = counts.iter().filter(|count| **count < limit).count() as i64;
            let step = (under / excess).max(1) as usize;
            for count in counts.iter_mut().skip(first).step_by(step) {
                if *count < limit {
                    *count += 1;
                    excess -= 1;
                }
            }
            if excess <= 0 {
                break;
            }
        }
        if excess == before {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Arbitrary, Projection};

    #[test]
    fn what_is_cut_off_is_spread_as_worked_on_paper() {
        // Limit 4: 6 are cut off, one for each of six bins; the bin with 3 then holds 4, no rest.
        let mut counts = [10, 0, 0, 3, 0, 0];
        clip(&mut counts, 4);
        // upper is 3: bins below it get 1 (4 bins, 2 left); the bin with 3 is filled (1 left); one more goes
        // to every (4 / 1)th bin below the limit, from the first on.
        assert_eq!(counts, [4, 1, 1, 4, 2, 1]);
    }

    #[test]
    fn one_value_stays_and_absurd_regions_are_refused() {
        let options = Clahe { region: None, clip: 0.01, bins: 256, extent: ClaheExtent::Volume };
        let image = Projection::<Arbitrary>::new(3, 2, vec![4.0; 6], None).expect("an image");
        assert_eq!(clahe(&image, &options).expect("options"), image);
        let image = Projection::<Arbitrary>::new(3, 1, vec![4.0, f32::NAN, 6.0], None).expect("a row");
        let found = clahe(&image, &options).expect("options");
        assert!(found.pixels()[1].is_nan() && found.pixels()[0].is_finite());
        for region in [[1, 1, 1], [4, 1, 1], [usize::MAX, 1, 1]] {
            assert!(clahe(&image, &Clahe { region: Some(region), ..options }).is_err());
        }
    }
}
