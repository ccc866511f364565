//! A large grid seen window by window, in memory for one layer of windows.
//!
//! Windows overlap, and where they do, logits are added up with weights that fall off from a window's middle. The label
//! of a place follows from which sum is greatest, or above 0, so the sums are never divided by the sum of the weights,
//! which is above 0 everywhere. Slices whose windows are all done become labels at once and their sums are dropped: the
//! sums of one window's slices are all that is ever held, however long the volume.

use std::ops::Range;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use wilhelm_filters::FilterError;
use wilhelm_study::Progress;

/// How logits become a label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputKind {
    /// The greatest wins; class 0 is the background.
    #[default]
    Softmax,
    /// Each class has its own probability; the greatest wins if it is above one half, else it is background.
    Sigmoid,
}

impl OutputKind {
    /// Logits at each place for so many segments.
    pub const fn classes(self, segments: usize) -> usize {
        match self {
            Self::Softmax => segments + 1,
            Self::Sigmoid => segments,
        }
    }

    /// The label of a place; of equal logits the first wins.
    pub fn label(self, logits: impl Iterator<Item = f32>) -> u16 {
        let (mut best, mut most) = (0_u16, f32::NEG_INFINITY);
        for (class, logit) in (0_u16..).zip(logits) {
            if logit > most {
                (best, most) = (class, logit);
            }
        }
        match self {
            Self::Softmax => best,
            Self::Sigmoid if most > 0.0 => best + 1,
            Self::Sigmoid => 0,
        }
    }
}

/// What is seen at once, and how far the next window lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Windows {
    /// Slices, rows and columns of a window; along an axis where the grid is smaller, the grid's.
    pub size: [usize; 3],
    /// Share of a window that the next one covers again.
    pub overlap: f32,
}

impl Windows {
    /// The sides of a window in a grid of so many slices, rows and columns.
    pub fn within(&self, grid: [usize; 3]) -> [usize; 3] {
        std::array::from_fn(|axis| self.size[axis].clamp(1, grid[axis].max(1)))
    }

    /// Where windows begin along an axis: evenly, the last one ends where the grid does.
    pub fn starts(&self, grid: [usize; 3], axis: usize) -> Vec<usize> {
        let (side, window) = (grid[axis], self.within(grid)[axis]);
        let step = ((window as f32 * (1.0 - self.overlap)) as usize).max(1);
        let last = side.saturating_sub(window);
        (0..last.div_ceil(step)).map(|at| at * step).chain([last]).collect()
    }

    /// Every window, slices slowest.
    pub fn all(&self, grid: [usize; 3]) -> Vec<[Range<usize>; 3]> {
        let window = self.within(grid);
        let starts: [Vec<usize>; 3] = std::array::from_fn(|axis| self.starts(grid, axis));
        let mut all = Vec::with_capacity(starts.iter().map(Vec::len).product());
        for slice in &starts[0] {
            for row in &starts[1] {
                for column in &starts[2] {
                    let first = [*slice, *row, *column];
                    all.push(std::array::from_fn(|axis| first[axis]..first[axis] + window[axis]));
                }
            }
        }
        all
    }

    /// How many numbers are held at once for a grid: those of one window's slices over all rows and columns.
    pub fn sums(&self, grid: [usize; 3], classes: usize) -> usize {
        self.within(grid)[0] * classes * grid[1] * grid[2]
    }
}

/// Weights along one axis of a window: a Gaussian about its middle with an eighth of its side as standard deviation.
///
/// # Source
/// Isensee et al. 2021, doi:10.1038/s41592-020-01008-z (as MONAI's `sliding_window_inference` has it)
fn weights(side: usize) -> Vec<f32> {
    let deviation = 0.125 * side as f64;
    let middle = (side as f64 - 1.0) / 2.0;
    (0..side).map(|at| (-0.5 * ((at as f64 - middle) / deviation).powi(2)).exp() as f32).collect()
}

/// Labels of a grid of slices, rows and columns from the logits of its windows.
///
/// `look` gives the logits of a window, `[classes, slices, rows, columns]`, columns fastest. What one window sees of the
/// whole grid is what `slide` gives.
///
/// # Errors
/// What `look` fails with; [`FilterError::Cancelled`].
///
/// # Panics
/// If `look` gives another number of logits.
pub fn slide(
    grid: [usize; 3],
    windows: &Windows,
    classes: usize,
    output: OutputKind,
    mut look: impl FnMut(&[Range<usize>; 3]) -> Result<Vec<f32>, FilterError>,
    progress: &dyn Progress,
) -> Result<Vec<u16>, FilterError> {
    let [slices, rows, columns] = grid;
    let plane = rows * columns;
    let depth = windows.within(grid)[0];
    let weights = windows.within(grid).map(weights);
    let layers = windows.starts(grid, 0);
    let layer = Windows { size: windows.size, overlap: windows.overlap };
    let across = layer.all([depth, rows, columns]);
    let steps = layers.len() * across.len();
    let mut labels = Vec::with_capacity(slices * plane);
    // One slice after the other, in each its classes.
    let mut sums = vec![0.0_f32; windows.sums(grid, classes)];
    for (nth, first) in layers.iter().enumerate() {
        for (at, window) in across.iter().enumerate() {
            progress.step(nth * across.len() + at, steps);
            if progress.cancelled() {
                return Err(FilterError::Cancelled);
            }
            let [_, over_rows, over_columns] = window;
            let place = [*first..first + depth, over_rows.clone(), over_columns.clone()];
            let logits = look(&place)?;
            assert_eq!(
                logits.len(),
                classes * depth * over_rows.len() * over_columns.len(),
                "logits of a window"
            );
            sums.par_chunks_mut(classes * plane).enumerate().for_each(|(slice, sums)| {
                for class in 0..classes {
                    for (row, weight) in over_rows.clone().zip(&weights[1]) {
                        let weight = weight * weights[0][slice];
                        let from = ((class * depth + slice) * over_rows.len() + row - over_rows.start)
                            * over_columns.len();
                        let to = class * plane + row * columns + over_columns.start;
                        let line = &mut sums[to..to + over_columns.len()];
                        for ((sum, logit), along) in line.iter_mut().zip(&logits[from..]).zip(&weights[2]) {
                            *sum += weight * along * logit;
                        }
                    }
                }
            });
        }
        // No later window reaches the slices before the next layer.
        let done = layers.get(nth + 1).map_or(depth, |next| next - first);
        let mut decided = vec![0_u16; done * plane];
        decided.par_chunks_mut(plane).zip(sums.par_chunks(classes * plane)).for_each(|(labels, sums)| {
            for (at, label) in labels.iter_mut().enumerate() {
                *label = output.label((0..classes).map(|class| sums[class * plane + at]));
            }
        });
        labels.extend(decided);
        let kept = done * classes * plane;
        sums.copy_within(kept.., 0);
        let left = sums.len() - kept;
        sums[left..].fill(0.0);
    }
    progress.step(steps, steps);
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::Silent;

    #[test]
    fn windows_begin_as_worked_on_paper_and_cover_every_place() {
        let windows = Windows { size: [4, 8, 1], overlap: 0.5 };
        assert_eq!(windows.starts([4, 8, 3], 0), [0]);
        assert_eq!(windows.starts([9, 8, 3], 0), [0, 2, 4, 5]);
        assert_eq!(windows.starts([3, 8, 3], 0), [0]);
        assert_eq!(windows.starts([9, 20, 3], 1), [0, 4, 8, 12]);
        assert_eq!(windows.starts([9, 20, 3], 2), [0, 1, 2]);
        let one = Windows { size: [5; 3], overlap: 0.0 };
        assert_eq!(one.starts([12; 3], 0), [0, 5, 7]);
        assert_eq!(one.all([12, 5, 4]).len(), 3);
    }

    #[test]
    fn labels_follow_from_logits_as_worked_on_paper() {
        let label = |kind: OutputKind, logits: &[f32]| kind.label(logits.iter().copied());
        assert_eq!(label(OutputKind::Softmax, &[0.5, 0.25, 0.75]), 2);
        assert_eq!(label(OutputKind::Softmax, &[0.5, 0.5]), 0);
        assert_eq!(label(OutputKind::Sigmoid, &[-0.5, -0.25]), 0);
        assert_eq!(label(OutputKind::Sigmoid, &[-0.5, 0.25]), 2);
        assert_eq!((OutputKind::Softmax.classes(1), OutputKind::Sigmoid.classes(1)), (2, 1));
    }

    /// Logits of two classes by a rule of the place alone.
    fn by_place(place: &[Range<usize>; 3]) -> Vec<f32> {
        let mut logits = Vec::new();
        for class in 0..2 {
            for slice in place[0].clone() {
                for row in place[1].clone() {
                    for column in place[2].clone() {
                        let mark = (slice * 7 + row * 3 + column * 5) % 11;
                        logits.push(if class == 0 { 5.0 } else { mark as f32 });
                    }
                }
            }
        }
        logits
    }

    #[test]
    fn where_windows_agree_the_result_is_that_of_a_whole_pass() {
        let grid = [13, 9, 10];
        let whole = Windows { size: grid, overlap: 0.5 };
        let slid = |windows: &Windows| {
            slide(grid, windows, 2, OutputKind::Softmax, |place| Ok(by_place(place)), &Silent)
                .expect("labels")
        };
        let expected = slid(&whole);
        assert!(expected.contains(&0) && expected.contains(&1));
        for (size, overlap) in [([4, 4, 4], 0.5), ([5, 9, 3], 0.25), ([1, 2, 10], 0.0), ([13, 4, 4], 0.75)] {
            assert_eq!(slid(&Windows { size, overlap }), expected, "{size:?}");
        }
    }

    #[test]
    fn the_middle_of_a_window_counts_more_than_the_edge_of_its_neighbor() {
        // Two windows of eight overlap by four: each sees its own class, and the border is halfway.
        let windows = Windows { size: [1, 1, 8], overlap: 0.5 };
        let look = |place: &[Range<usize>; 3]| {
            let first = place[2].start == 0;
            Ok([[f32::from(u8::from(first)); 8], [f32::from(u8::from(!first)); 8]].concat())
        };
        let labels = slide([1, 1, 12], &windows, 2, OutputKind::Softmax, look, &Silent).expect("labels");
        assert_eq!(labels, [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
    }

    #[test]
    fn memory_for_sums_does_not_grow_with_the_slices() {
        let windows = Windows { size: [8, 16, 16], overlap: 0.5 };
        let short = windows.sums([16, 32, 32], 3);
        assert_eq!(short, 8 * 3 * 32 * 32);
        assert_eq!(windows.sums([1_000_000, 32, 32], 3), short);
        // 2000 slices of one window's rows and columns, asked for in order and never more than a window at a time.
        let (mut last, mut most) = (0, 0);
        let look = |place: &[Range<usize>; 3]| {
            assert!(place[0].start >= last);
            last = place[0].start;
            let places: usize = place.iter().map(Range::len).product();
            most = most.max(places);
            Ok(vec![1.0; places])
        };
        let labels = slide([2000, 16, 16], &windows, 1, OutputKind::Sigmoid, look, &Silent).expect("labels");
        assert!(labels.len() == 2000 * 256 && labels.iter().all(|label| *label == 1));
        assert_eq!(most, 8 * 16 * 16);
    }

    #[test]
    fn labels_of_windows_that_disagree_are_those_of_monai() {
        #[derive(Deserialize)]
        struct Case {
            grid: [usize; 3],
            window: [usize; 3],
            overlap: f32,
            labels: String,
            close: Vec<usize>,
        }
        #[derive(Deserialize)]
        struct Golden {
            cases: Vec<Case>,
        }
        let Golden { cases } =
            serde_json::from_str(include_str!("../../tests/golden/sliding.json")).expect("golden labels");
        assert_eq!(cases.len(), 3);
        for case in cases {
            let [slices, rows, columns] = case.window;
            let look = |place: &[Range<usize>; 3]| {
                let mut logits = [Vec::new(), Vec::new()];
                for (z, slice) in place[0].clone().enumerate() {
                    for (y, row) in place[1].clone().enumerate() {
                        for (x, column) in place[2].clone().enumerate() {
                            let mark = ((slice * 7 + row * 3 + column * 5) % 11) as f32 / 11.0;
                            let [z, y, x] = [z, y, x].map(|at| at as f32);
                            logits[0].push(mark * (1.0 + y / rows as f32));
                            logits[1].push((1.0 - mark) * (0.5 + x / columns as f32 + z / slices as f32));
                        }
                    }
                }
                Ok(logits.concat())
            };
            let windows = Windows { size: case.window, overlap: case.overlap };
            let found = slide(case.grid, &windows, 2, OutputKind::Softmax, look, &Silent).expect("labels");
            let differ: Vec<usize> = found
                .iter()
                .zip(case.labels.bytes())
                .enumerate()
                .filter(|(at, (found, expected))| {
                    **found != u16::from(expected - b'0') && !case.close.contains(at)
                })
                .map(|(at, _)| at)
                .collect();
            assert!(differ.is_empty(), "{:?}: {differ:?}", case.grid);
        }
    }
}
