use burn::tensor::Tensor;

use super::gradients::within;
use super::network::{Case, Explained};
use super::{Attribution, ExplainError};

/// Windows at most: each takes a pass.
const MOST_WINDOWS: usize = 100_000;

/// How [`occlusion`] covers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowSettings {
    /// Columns, rows and slices of the window, in pixels of the network's input; cut to the input's size.
    pub window: usize,
    /// How far the window moves, at most its own width.
    pub stride: usize,
    /// What stands in the window, in the unit of the network's input.
    pub baseline: f32,
    /// Windows in one pass.
    pub batch: usize,
}

/// Occlusion: how much the logit falls when a window is covered, the mean over the windows that cover a place.
///
/// Values below 0 mark places whose covering raised the logit.
///
/// # Errors
/// [`ExplainError`] for a label that the network does not have, numbers that are none, a window or stride of 0, a
/// stride that leaves gaps, or more than 100 000 windows.
///
/// # Source
/// Zeiler and Fergus 2014, doi:10.1007/978-3-319-10590-1_53
pub fn occlusion<const D: usize, N: Explained<D>>(
    network: &N,
    input: &Tensor<D>,
    label: usize,
    settings: &WindowSettings,
) -> Result<Attribution, ExplainError> {
    let WindowSettings { window, stride, baseline, batch } = *settings;
    within("window", window)?;
    within("batch", batch)?;
    if !(1..=window).contains(&stride) {
        return Err(ExplainError::parameter("stride", stride, format!("1 to the window's {window}")));
    }
    if !baseline.is_finite() {
        return Err(ExplainError::NotFinite("the baseline"));
    }
    let case = Case::new(network, input, label)?;
    let size = case.size();
    let starts = size.map(|length| spans(length, window.min(length), stride));
    let count = starts.iter().map(Vec::len).product::<usize>();
    if count > MOST_WINDOWS {
        return Err(ExplainError::parameter("number of windows", count, format!("at most {MOST_WINDOWS}")));
    }
    let windows: Vec<[(usize, usize); 3]> = (0..count)
        .map(|at| {
            let [columns, rows, _] = [0, 1, 2].map(|axis: usize| starts[axis].len());
            [starts[0][at % columns], starts[1][at / columns % rows], starts[2][at / (columns * rows)]]
        })
        .collect();
    let places: usize = size.iter().product();
    let covered = |window: &[(usize, usize); 3]| {
        let mut values = case.values.clone();
        for channel in values.chunks_exact_mut(places) {
            each_line(window, size, |line| channel[line].fill(baseline));
        }
        values
    };
    let logits = case.logits_of(network, windows.iter().map(covered), batch);
    let mut sum = vec![0.0_f64; places];
    let mut times = vec![0_u32; places];
    for (window, logits) in windows.iter().zip(&logits) {
        let fall = f64::from(case.logits[label]) - f64::from(logits[label]);
        each_line(window, size, |line| {
            sum[line.clone()].iter_mut().for_each(|sum| *sum += fall);
            times[line].iter_mut().for_each(|times| *times += 1);
        });
    }
    let mean = sum.iter().zip(&times).map(|(sum, times)| (sum / f64::from((*times).max(1))) as f32);
    Attribution::new(size, mean.collect())
}

/// Beginning and end of every window along an axis; the last one is cut where it would leave it.
fn spans(length: usize, window: usize, stride: usize) -> Vec<(usize, usize)> {
    let count = (length - window).div_ceil(stride) + 1;
    (0..count).map(|at| (at * stride, (at * stride + window).min(length))).collect()
}

/// Calls with the offsets of each row of a box.
fn each_line(
    window: &[(usize, usize); 3],
    [columns, rows, _]: [usize; 3],
    mut act: impl FnMut(std::ops::Range<usize>),
) {
    let [along, down, through] = *window;
    for slice in through.0..through.1 {
        for row in down.0..down.1 {
            let begin = (slice * rows + row) * columns;
            act(begin + along.0..begin + along.1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_reach_to_the_end_and_the_last_is_cut() {
        assert_eq!(spans(10, 4, 3), [(0, 4), (3, 7), (6, 10)]);
        assert_eq!(spans(9, 4, 3), [(0, 4), (3, 7), (6, 9)]);
        assert_eq!(spans(1, 1, 5), [(0, 1)]);
    }
}
