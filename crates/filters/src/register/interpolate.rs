//! Values between voxels, as every part of registration reads them.

use wilhelm_study::Geometry;

/// A volume's values with its size.
#[derive(Clone, Copy)]
pub(super) struct Grid<'a> {
    pub values: &'a [f32],
    pub size: [usize; 3],
}

/// A value and its derivatives along column, row and slice, per voxel.
#[derive(Clone, Copy, Default)]
pub(super) struct Local {
    pub value: f32,
    pub slope: [f32; 3],
}

impl Local {
    pub const OUTSIDE: Self = Self { value: f32::NAN, slope: [0.0; 3] };
}

/// The two voxels beside a continuous index, and the weight of the second.
#[derive(Clone, Copy)]
struct Beside {
    low: usize,
    high: usize,
    weight: f32,
}

/// Whether a continuous index lies in the image: a voxel's box reaches half a voxel beyond its
/// center, both faces belong to it, as in [`crate::resample`]; NaN is outside.
#[inline]
fn inside(at: f32, count: usize) -> bool {
    (-0.5..=count as f32 - 0.5).contains(&at)
}

/// The voxel nearest to a continuous index; half-way places go up, on every axis alike.
#[inline]
pub(super) fn nearest(at: f32, count: usize) -> Option<usize> {
    inside(at, count).then(|| ((at + 0.5) as usize).min(count - 1))
}

impl<'a> Grid<'a> {
    pub fn new(values: &'a [f32], geometry: &Geometry) -> Self {
        debug_assert_eq!(values.len(), geometry.voxels());
        Self { values, size: geometry.size() }
    }

    #[inline]
    fn beside(at: f32, count: usize) -> Option<Beside> {
        if !inside(at, count) {
            return None;
        }
        let held = at.clamp(0.0, (count - 1) as f32);
        let low = held as usize;
        Some(Beside { low, high: (low + 1).min(count - 1), weight: held - low as f32 })
    }

    /// The eight voxels around a continuous index and where between them it lies.
    #[inline]
    fn around(&self, at: [f32; 3]) -> Option<([f32; 8], [f32; 3])> {
        let [columns, rows, slices] = self.size;
        let x = Self::beside(at[0], columns)?;
        let y = Self::beside(at[1], rows)?;
        let z = Self::beside(at[2], slices)?;
        let plane = columns * rows;
        let (upper, lower) = (y.low * columns, y.high * columns);
        let (front, back) = (z.low * plane, z.high * plane);
        let read = |offset: usize| self.values[offset];
        let corners = [
            read(front + upper + x.low),
            read(front + upper + x.high),
            read(front + lower + x.low),
            read(front + lower + x.high),
            read(back + upper + x.low),
            read(back + upper + x.high),
            read(back + lower + x.low),
            read(back + lower + x.high),
        ];
        Some((corners, [x.weight, y.weight, z.weight]))
    }

    /// The value at a continuous index by straight lines; `None` beyond the outermost voxels' boxes.
    #[inline]
    pub fn linear(&self, at: [f32; 3]) -> Option<f32> {
        let (v, [x, y, z]) = self.around(at)?;
        let mix = |a: f32, b: f32, weight: f32| a + (b - a) * weight;
        let front = mix(mix(v[0], v[1], x), mix(v[2], v[3], x), y);
        let back = mix(mix(v[4], v[5], x), mix(v[6], v[7], x), y);
        Some(mix(front, back, z))
    }

    /// The value at a continuous index with its exact derivatives.
    #[inline]
    pub fn local(&self, at: [f32; 3]) -> Option<Local> {
        let (v, [x, y, z]) = self.around(at)?;
        let mix = |a: f32, b: f32, weight: f32| a + (b - a) * weight;
        let along_x = [v[1] - v[0], v[3] - v[2], v[5] - v[4], v[7] - v[6]];
        let edges =
            [v[0] + along_x[0] * x, v[2] + along_x[1] * x, v[4] + along_x[2] * x, v[6] + along_x[3] * x];
        let (front, back) = (mix(edges[0], edges[1], y), mix(edges[2], edges[3], y));
        Some(Local {
            value: mix(front, back, z),
            slope: [
                mix(mix(along_x[0], along_x[1], y), mix(along_x[2], along_x[3], y), z),
                mix(edges[1] - edges[0], edges[3] - edges[2], z),
                back - front,
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_voxels_values_and_slopes_are_those_of_the_straight_lines() {
        let values: Vec<f32> =
            (0..8).map(|at| [0.0, 1.0, 10.0, 12.0, 100.0, 101.0, 110.0, 114.0][at]).collect();
        let grid = Grid { values: &values, size: [2, 2, 2] };
        // Worked on paper: the four columns' middles are 0.5, 11, 100.5, 112.
        let at = [0.5, 0.25, 0.5];
        let local = grid.local(at).expect("inside");
        // 0.5 + 0.25 * 10.5 = 3.125; 100.5 + 0.25 * 11.5 = 103.375.
        assert_eq!(local.value, 53.25);
        assert_eq!(grid.linear(at), Some(53.25));
        // Columns: 1 + 0.25 * 1 = 1.25 and 1 + 0.25 * 3 = 1.75; rows: 10.5 and 11.5; slices: 100.25.
        assert_eq!(local.slope, [1.5, 11.0, 100.25]);
        assert_eq!(grid.linear([-0.5, 0.0, 0.0]), Some(0.0));
        assert_eq!(grid.linear([-0.51, 0.0, 0.0]), None);
        assert_eq!(grid.linear([1.5, 0.0, 0.0]), Some(1.0));
        assert_eq!(grid.linear([1.51, 0.0, 0.0]), None);
        assert_eq!([-0.5, 0.49, 0.5, 1.5].map(|at| nearest(at, 2)), [Some(0), Some(0), Some(1), Some(1)]);
        assert_eq!([-0.51, 1.51, f32::NAN].map(|at| nearest(at, 2)), [None; 3]);
        assert_eq!(grid.linear([f32::NAN, 0.0, 0.0]), None);
    }
}
