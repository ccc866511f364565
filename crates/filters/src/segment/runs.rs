use rayon::prelude::*;

use super::bits::pack;
use crate::FilterError;

/// Which neighbors hang together.
///
/// In a flat set faces are edges of pixels, and the other two are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connectivity {
    /// Voxels that share a face: 6 neighbors, 4 in a flat set.
    Faces,
    /// Voxels that share a face or an edge: 18 neighbors, 8 in a flat set.
    Edges,
    /// Voxels that share a face, an edge or a corner: 26 neighbors, 8 in a flat set.
    Corners,
}

/// One connected piece of a set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Component {
    /// Number of voxels.
    pub voxels: usize,
    /// Lowest column, row and slice.
    pub start: [usize; 3],
    /// One past the highest column, row and slice.
    pub end: [usize; 3],
    /// Mean column, row and slice, a continuous index.
    pub centroid: [f64; 3],
}

impl Component {
    /// Whether it reaches the edge of a grid of this size; dimensions of size 1 have no edge.
    pub fn is_on_border(&self, size: [usize; 3]) -> bool {
        (0..3).any(|axis| size[axis] > 1 && (self.start[axis] == 0 || self.end[axis] == size[axis]))
    }
}

/// Columns `start..end` of one row.
#[derive(Clone, Copy)]
struct Run {
    start: u32,
    end: u32,
}

/// The runs of one slice: row `r` has `runs[rows[r]..rows[r + 1]]`.
struct Slice {
    runs: Vec<Run>,
    rows: Vec<u32>,
}

/// The connected pieces of a set, as runs of voxels along rows.
pub(super) struct Runs {
    size: [usize; 3],
    slices: Vec<Slice>,
    /// Number of the first run of each slice.
    first: Vec<usize>,
    /// The component of each run.
    labels: Vec<u32>,
    /// Components in the order of their first voxels.
    pub(super) list: Vec<Component>,
}

impl Runs {
    /// Finds the pieces of the voxels that equal `wanted`.
    ///
    /// Slabs of slices are joined on their own, then the seams between them. A root is always the
    /// first run of its tree, so that numbers do not depend on how slabs were cut.
    pub(super) fn of(
        size: [usize; 3],
        inside: &[bool],
        wanted: bool,
        connectivity: Connectivity,
    ) -> Result<Self, FilterError> {
        let [columns, rows, count] = size;
        if inside.len() > u32::MAX as usize {
            return Err(FilterError::parameter("voxels", inside.len(), "at most 4294967295"));
        }
        let slices: Vec<Slice> =
            inside.par_chunks(columns * rows).map(|cells| Slice::of(cells, columns, wanted)).collect();
        let mut first = Vec::with_capacity(count);
        let mut total = 0;
        for slice in &slices {
            first.push(total);
            total += slice.runs.len();
        }
        let mut parents: Vec<u32> = (0..total as u32).collect();
        let thick = count.div_ceil(rayon::current_num_threads());
        let mut slabs = Vec::new();
        let mut rest = parents.as_mut_slice();
        for start in (0..count).step_by(thick) {
            let end = (start + thick).min(count);
            let runs: usize = slices[start..end].iter().map(|slice| slice.runs.len()).sum();
            let (slab, others) = rest.split_at_mut(runs);
            slabs.push((start, end, slab));
            rest = others;
        }
        slabs.into_par_iter().for_each(|(start, end, parents)| {
            let base = first[start];
            let mut trees = Trees { parents, base: base as u32 };
            for at in start..end {
                trees.within(&slices[at], first[at] - base, connectivity);
                if at > start {
                    let (upper, lower) =
                        ((&slices[at], first[at] - base), (&slices[at - 1], first[at - 1] - base));
                    trees.between(upper, lower, rows, connectivity);
                }
            }
        });
        let mut trees = Trees { parents: &mut parents, base: 0 };
        for at in (thick..count).step_by(thick) {
            trees.between((&slices[at], first[at]), (&slices[at - 1], first[at - 1]), rows, connectivity);
        }
        let (labels, list) = measured(&slices, &parents);
        Ok(Self { size, slices, first, labels, list })
    }

    /// Calls `use_run(component, from, to)` for each run, in order, with its place in the array.
    pub(super) fn each(&self, mut use_run: impl FnMut(usize, usize, usize)) {
        let [columns, rows, _] = self.size;
        for (at, slice) in self.slices.iter().enumerate() {
            for row in 0..rows {
                let offset = (at * rows + row) * columns;
                for run in slice.row(row) {
                    let label = self.labels[self.first[at] + run] as usize;
                    let Run { start, end } = slice.runs[run];
                    use_run(label, offset + start as usize, offset + end as usize);
                }
            }
        }
    }

    /// The component of a voxel, counted from 0.
    pub(super) fn at(&self, offset: usize) -> Option<usize> {
        let [columns, rows, _] = self.size;
        let (row, column) = (offset / columns, (offset % columns) as u32);
        let (at, row) = (row / rows, row % rows);
        let slice = &self.slices[at];
        let run =
            slice.row(row).find(|run| (slice.runs[*run].start..slice.runs[*run].end).contains(&column))?;
        Some(self.labels[self.first[at] + run] as usize)
    }

    /// The voxels of the components that `keep` names.
    pub(super) fn painted(&self, keep: impl Fn(usize) -> bool) -> Vec<bool> {
        self.filled((0..self.list.len()).map(keep).collect())
    }

    /// Takes the voxels of the components that `keep` does not name out of the set they were found in.
    pub(super) fn cleared(&self, inside: &mut [bool], keep: &[bool]) {
        let [columns, rows, _] = self.size;
        inside.par_chunks_mut(columns * rows).enumerate().for_each(|(at, cells)| {
            let slice = &self.slices[at];
            for (row, cells) in cells.chunks_mut(columns).enumerate() {
                for run in slice.row(row) {
                    if !keep[self.labels[self.first[at] + run] as usize] {
                        let Run { start, end } = slice.runs[run];
                        cells[start as usize..end as usize].fill(false);
                    }
                }
            }
        });
    }

    /// An array with `values[component]` at each voxel, and the default elsewhere.
    pub(super) fn filled<T: Copy + Default + Send + Sync>(&self, values: Vec<T>) -> Vec<T> {
        let [columns, rows, slices] = self.size;
        let mut filled = vec![T::default(); columns * rows * slices];
        filled.par_chunks_mut(columns * rows).enumerate().for_each(|(at, cells)| {
            let slice = &self.slices[at];
            for (row, cells) in cells.chunks_mut(columns).enumerate() {
                for run in slice.row(row) {
                    let Run { start, end } = slice.runs[run];
                    let value = values[self.labels[self.first[at] + run] as usize];
                    cells[start as usize..end as usize].fill(value);
                }
            }
        });
        filled
    }
}

impl Slice {
    fn of(cells: &[bool], columns: usize, wanted: bool) -> Self {
        let mut words = vec![0_u64; columns.div_ceil(64)];
        let mut runs = Vec::new();
        let mut rows = Vec::with_capacity(cells.len() / columns + 1);
        rows.push(0);
        for row in cells.chunks_exact(columns) {
            pack(row, wanted, &mut words);
            let mut open: Option<u32> = None;
            for (base, word) in (0_u32..).step_by(64).zip(&words) {
                let mut at = 0;
                while at < 64 {
                    let other = if open.is_some() { !word } else { *word };
                    at += (other >> at).trailing_zeros();
                    if at >= 64 {
                        break;
                    }
                    match open.take() {
                        Some(start) => runs.push(Run { start, end: base + at }),
                        None => open = Some(base + at),
                    }
                }
            }
            if let Some(start) = open {
                runs.push(Run { start, end: columns as u32 });
            }
            rows.push(runs.len() as u32);
        }
        Self { runs, rows }
    }

    fn row(&self, row: usize) -> std::ops::Range<usize> {
        self.rows[row] as usize..self.rows[row + 1] as usize
    }
}

/// A forest over runs: each run points to an earlier one of its tree, or to itself.
struct Trees<'a> {
    parents: &'a mut [u32],
    /// Number of the first run that `parents` holds.
    base: u32,
}

impl Trees<'_> {
    /// Joins the runs of neighboring rows of a slice.
    fn within(&mut self, slice: &Slice, first: usize, connectivity: Connectivity) {
        let reach = u32::from(connectivity != Connectivity::Faces);
        for row in 1..slice.rows.len() - 1 {
            self.rows((slice, first, slice.row(row)), (slice, first, slice.row(row - 1)), reach);
        }
    }

    /// Joins the runs of two neighboring slices.
    fn between(
        &mut self,
        (upper, first): (&Slice, usize),
        (lower, lower_first): (&Slice, usize),
        rows: usize,
        connectivity: Connectivity,
    ) {
        // Reach along the row for the same row number, and for the rows beside it.
        let (same, beside) = match connectivity {
            Connectivity::Faces => (0, None),
            Connectivity::Edges => (1, Some(0)),
            Connectivity::Corners => (1, Some(1)),
        };
        for row in 0..rows {
            self.rows((upper, first, upper.row(row)), (lower, lower_first, lower.row(row)), same);
            let Some(reach) = beside else { continue };
            if row > 0 {
                self.rows((upper, first, upper.row(row)), (lower, lower_first, lower.row(row - 1)), reach);
            }
            if row + 1 < rows {
                self.rows((upper, first, upper.row(row)), (lower, lower_first, lower.row(row + 1)), reach);
            }
        }
    }

    /// Joins runs of two rows that overlap when one is widened by `reach`.
    fn rows(
        &mut self,
        (here, here_first, here_row): (&Slice, usize, std::ops::Range<usize>),
        (there, there_first, there_row): (&Slice, usize, std::ops::Range<usize>),
        reach: u32,
    ) {
        let others = &there.runs[there_row.clone()];
        let mut from = 0;
        for run in here_row {
            let Run { start, end } = here.runs[run];
            while others.get(from).is_some_and(|other| other.end + reach <= start) {
                from += 1;
            }
            for (at, other) in others.iter().enumerate().skip(from) {
                if other.start >= end + reach {
                    break;
                }
                self.join(here_first + run, there_first + there_row.start + at);
            }
        }
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        let (low, high) = if a < b { (a, b) } else { (b, a) };
        self.parents[high] = self.base + low as u32;
    }

    fn root(&mut self, mut run: usize) -> usize {
        loop {
            let parent = (self.parents[run] - self.base) as usize;
            if parent == run {
                return run;
            }
            // Half of the path is cut on each visit.
            self.parents[run] = self.parents[parent];
            run = (self.parents[run] - self.base) as usize;
        }
    }
}

/// Numbers the trees in the order of their roots, and sums up each.
fn measured(slices: &[Slice], parents: &[u32]) -> (Vec<u32>, Vec<Component>) {
    let mut labels = vec![0_u32; parents.len()];
    let mut list: Vec<Component> = Vec::new();
    // Sums of column, row and slice: whole numbers, so that their order does not matter.
    let mut sums: Vec<[u128; 3]> = Vec::new();
    let mut number = 0;
    for (at, slice) in slices.iter().enumerate() {
        for row in 0..slice.rows.len() - 1 {
            for run in slice.row(row) {
                let Run { start, end } = slice.runs[run];
                let (start, end) = (start as usize, end as usize);
                let parent = parents[number] as usize;
                if parent == number {
                    labels[number] = list.len() as u32;
                    list.push(Component {
                        voxels: 0,
                        start: [start, row, at],
                        end: [end, row + 1, at + 1],
                        centroid: [0.0; 3],
                    });
                    sums.push([0; 3]);
                } else {
                    labels[number] = labels[parent];
                }
                let label = labels[number] as usize;
                let (piece, sum) = (&mut list[label], &mut sums[label]);
                let voxels = end - start;
                piece.voxels += voxels;
                let (low, high) = ([start, row, at], [end, row + 1, at + 1]);
                piece.start = std::array::from_fn(|axis| piece.start[axis].min(low[axis]));
                piece.end = std::array::from_fn(|axis| piece.end[axis].max(high[axis]));
                sum[0] += (voxels * (start + end - 1) / 2) as u128;
                sum[1] += (voxels * row) as u128;
                sum[2] += (voxels * at) as u128;
                number += 1;
            }
        }
    }
    for (piece, sum) in list.iter_mut().zip(sums) {
        piece.centroid = sum.map(|sum| sum as f64 / piece.voxels as f64);
    }
    (labels, list)
}
