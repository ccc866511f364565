use crate::bias::otsu;

/// Pixels between the body and the region beside it, where its blurred outline still shines.
const GAP: usize = 2;
/// Least width of a region beside the body.
const LEAST_WIDTH: usize = 3;

/// Ghost-to-signal ratio of one slice: the mean of the air above and below the body less that left and right of
/// it, over twice the body's mean. Ghosts lie along the phase direction alone, whichever it is; noise lies on all
/// sides alike.
///
/// `None` where the body (what is above Otsu's threshold) has no air on all four sides.
pub(super) fn ratio(plane: &[f32], columns: usize, rows: usize) -> Option<f64> {
    let threshold = otsu(plane);
    let is_body = |value: &f32| *value > threshold && value.is_finite();
    let (mut left, mut right, mut top, mut bottom) = (columns, 0, rows, 0);
    let (mut sum, mut count) = (0.0, 0_usize);
    for (row, line) in plane.chunks_exact(columns).enumerate() {
        // A few bright pixels of noise are no body.
        let inside = line.iter().filter(|value| is_body(value)).count();
        if inside * 50 < columns {
            continue;
        }
        let first = line.iter().position(is_body)?;
        let last = line.iter().rposition(is_body)?;
        (left, right) = (left.min(first), right.max(last));
        (top, bottom) = (top.min(row), bottom.max(row));
        sum += line.iter().filter(|value| is_body(value)).map(|value| f64::from(*value)).sum::<f64>();
        count += inside;
    }
    if count == 0 {
        return None;
    }
    let signal = sum / count as f64;
    let before = |edge: usize| 0..edge.saturating_sub(GAP);
    let after = |edge: usize, all: usize| (edge + 1 + GAP).min(all)..all;
    let mean = |at_rows: std::ops::Range<usize>, at_columns: std::ops::Range<usize>| {
        if at_rows.len() < LEAST_WIDTH || at_columns.len() < LEAST_WIDTH {
            return None;
        }
        let count = at_rows.len() * at_columns.len();
        let sum: f64 = at_rows
            .flat_map(|row| plane[row * columns..][at_columns.clone()].iter())
            .map(|value| f64::from(*value))
            .sum();
        Some(sum / count as f64)
    };
    let (across, down) = (left..right + 1, top..bottom + 1);
    let vertical = mean(before(top), across.clone())? + mean(after(bottom, rows), across)?;
    let horizontal = mean(down.clone(), before(left))? + mean(down, after(right, columns))?;
    let found = (vertical - horizontal).abs() / (2.0 * signal);
    (signal > 0.0 && found.is_finite()).then_some(found)
}
