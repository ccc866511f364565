use rayon::prelude::*;

use crate::FilterError;

/// What stands beyond the image's edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The image mirrored, its outermost voxel repeated: `c b a | a b c | c b a` (`reflect` in SciPy,
    /// `symmetric` in NumPy).
    Reflect,
    /// The outermost voxel again and again: `a a a | a b c | c c c` (`nearest` in SciPy, zero flux in ITK).
    Nearest,
    /// The image mirrored about its outermost voxel: `c b | a b c | b a` (`mirror` in SciPy, `reflect` in
    /// NumPy).
    Mirror,
}

impl Edge {
    /// The place inside an axis of `size` voxels that stands for `at`, which may be outside.
    pub(crate) fn place(self, at: isize, size: usize) -> usize {
        let last = size as isize - 1;
        let folded = match self {
            Self::Nearest => at.clamp(0, last),
            Self::Reflect => {
                let around = at.rem_euclid(2 * (last + 1));
                around.min(2 * last + 1 - around)
            }
            Self::Mirror if last == 0 => 0,
            Self::Mirror => {
                let around = at.rem_euclid(2 * last);
                around.min(2 * last - around)
            }
        };
        folded as usize
    }
}

/// A copy of an image with a margin, so that a window never has to ask whether it is inside.
pub(crate) struct Padded<T> {
    pub(crate) values: Vec<T>,
    /// Columns, rows, slices with their margins.
    pub(crate) size: [usize; 3],
    margin: [usize; 3],
    inner: [usize; 3],
}

impl<T: Copy + Default + Send + Sync> Padded<T> {
    /// Copies `values`, changed by `convert`, and fills the margin.
    ///
    /// # Errors
    /// [`FilterError::Parameter`] where image and margin together have more voxels than memory can address.
    pub(crate) fn new(
        values: &[f32],
        inner: [usize; 3],
        margin: [usize; 3],
        edge: Edge,
        convert: impl Fn(f32) -> T + Sync,
    ) -> Result<Self, FilterError> {
        let mut size = [0; 3];
        for ((size, inner), margin) in size.iter_mut().zip(inner).zip(margin) {
            *size = inner + 2 * margin;
        }
        let count = size.iter().try_fold(1_usize, |count, size| count.checked_mul(*size));
        let count = count.filter(|count| *count <= isize::MAX as usize / 16).ok_or_else(|| {
            FilterError::parameter("window", format!("{margin:?}"), "one that fits in memory with the image")
        })?;
        let mut padded = vec![T::default(); count];
        let fill = |(line, row): (usize, &mut [T])| {
            let at =
                |line: usize, axis: usize| edge.place(line as isize - margin[axis] as isize, inner[axis]);
            let source = (at(line / size[1], 2) * inner[1] + at(line % size[1], 1)) * inner[0];
            let source = &values[source..source + inner[0]];
            let (before, rest) = row.split_at_mut(margin[0]);
            let (middle, after) = rest.split_at_mut(inner[0]);
            middle.iter_mut().zip(source).for_each(|(out, value)| *out = convert(*value));
            for (column, out) in before.iter_mut().enumerate() {
                *out = middle[edge.place(column as isize - margin[0] as isize, inner[0])];
            }
            for (column, out) in after.iter_mut().enumerate() {
                *out = middle[edge.place((column + inner[0]) as isize, inner[0])];
            }
        };
        padded.par_chunks_mut(size[0]).enumerate().with_min_len(16).for_each(fill);
        Ok(Self { values: padded, size, margin, inner })
    }

    /// Where the voxel at column 0 of a row of the image stands in `values`.
    #[inline(always)]
    pub(crate) fn start(&self, row: usize, slice: usize) -> usize {
        ((slice + self.margin[2]) * self.size[1] + row + self.margin[1]) * self.size[0] + self.margin[0]
    }

    /// How far in `values` a voxel lies from another.
    #[inline(always)]
    pub(crate) fn offset(&self, [columns, rows, slices]: [isize; 3]) -> isize {
        (slices * self.size[1] as isize + rows) * self.size[0] as isize + columns
    }

    /// A row of the image, shifted by whole voxels that lie within the margin.
    #[inline(always)]
    pub(crate) fn row(&self, row: usize, slice: usize, offset: isize) -> &[T] {
        let start = self.start(row, slice).wrapping_add_signed(offset);
        &self.values[start..start + self.inner[0]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_beyond_the_edge_are_folded_as_in_scipy() {
        let places = |edge: Edge| (-5..9).map(|at| edge.place(at, 3)).collect::<Vec<_>>();
        assert_eq!(places(Edge::Nearest), [0, 0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2, 2]);
        assert_eq!(places(Edge::Reflect), [1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1, 2]);
        assert_eq!(places(Edge::Mirror), [1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0]);
        assert_eq!(Edge::Mirror.place(-7, 1), 0);
    }

    #[test]
    fn a_margin_surrounds_the_image() {
        let padded = Padded::new(&[1.0, 2.0, 3.0, 4.0], [2, 2, 1], [2, 1, 0], Edge::Reflect, |value| value);
        let padded = padded.expect("small");
        assert_eq!(padded.size, [6, 4, 1]);
        assert_eq!(padded.values[..6], [2.0, 1.0, 1.0, 2.0, 2.0, 1.0]);
        assert_eq!(padded.row(1, 0, padded.offset([-1, -1, 0])), [1.0, 1.0]);
    }
}
