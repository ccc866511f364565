use rayon::prelude::*;

/// The pole of the cubic B-spline's inverse filter, sqrt(3) - 2.
const POLE: f64 = -0.267_949_192_431_122_7;
/// Terms of the mirrored sum after which the pole's power is below 1e-10.
const HORIZON: usize = 18;
/// Rows that are filtered side by side, so that one need not wait for the other.
const SIDE: usize = 8;

/// The coefficients of the cubic B-spline that passes through all values, which go on mirrored about the
/// centers of the outermost voxels. An axis of one voxel takes no part.
///
/// # Source
/// Unser 1999, doi:10.1109/79.799930
pub(super) fn coefficients(values: &[f32], size: [usize; 3]) -> Vec<f32> {
    let [columns, rows, slices] = size;
    let plane = columns * rows;
    // (1 - z)(1 - 1/z) = 6 for each axis that takes part.
    let gain = 6.0_f32.powi(size.iter().filter(|count| **count > 1).count() as i32);
    let mut out = vec![0.0_f32; values.len()];
    let weights = size.map(initial_weights);
    out.par_chunks_mut(plane).zip(values.par_chunks(plane)).for_each(|(out, values)| {
        out.iter_mut().zip(values).for_each(|(out, value)| *out = value * gain);
        if columns > 1 {
            out.chunks_mut(columns * SIDE).for_each(|lines| along_rows(lines, columns, &weights[0]));
        }
        if rows > 1 {
            across(out, columns, &weights[1]);
        }
    });
    if slices > 1 {
        through_slices(&mut out, plane, &weights[2]);
    }
    out
}

/// The weights of the sum that starts the forward recursion on `count` mirrored values.
fn initial_weights(count: usize) -> Vec<f32> {
    if count < 2 {
        return vec![1.0];
    }
    if count > HORIZON {
        return (0..HORIZON).map(|at| POLE.powi(at as i32) as f32).collect();
    }
    let last = count as i32 - 1;
    let whole = 1.0 - POLE.powi(2 * last);
    (0..count as i32)
        .map(|at| {
            let there = POLE.powi(at);
            let back = if at == 0 || at == last { 0.0 } else { POLE.powi(2 * last - at) };
            ((there + back) / whole) as f32
        })
        .collect()
}

const fn last_weight() -> f64 {
    POLE / (POLE * POLE - 1.0)
}

/// Filters up to [`SIDE`] rows of one length at once, each for itself.
fn along_rows(lines: &mut [f32], columns: usize, weights: &[f32]) {
    let pole = POLE as f32;
    let last = last_weight() as f32;
    if lines.len() < columns * SIDE {
        for line in lines.chunks_exact_mut(columns) {
            line[0] = line.iter().zip(weights).map(|(value, weight)| value * weight).sum();
            for at in 1..columns {
                line[at] += pole * line[at - 1];
            }
            line[columns - 1] = last * (pole * line[columns - 2] + line[columns - 1]);
            for at in (0..columns - 1).rev() {
                line[at] = pole * (line[at + 1] - line[at]);
            }
        }
        return;
    }
    let mut rest = lines;
    let mut side: [&mut [f32]; SIDE] = std::array::from_fn(|_| {
        let (line, others) = std::mem::take(&mut rest).split_at_mut(columns);
        rest = others;
        line
    });
    let mut state = [0.0_f32; SIDE];
    let mut before = [0.0_f32; SIDE];
    for (state, line) in state.iter_mut().zip(&mut side) {
        *state = line.iter().zip(weights).map(|(value, weight)| value * weight).sum();
        line[0] = *state;
    }
    for at in 1..columns {
        before = state;
        for (state, line) in state.iter_mut().zip(&mut side) {
            *state = line[at] + pole * *state;
            line[at] = *state;
        }
    }
    for ((state, before), line) in state.iter_mut().zip(before).zip(&mut side) {
        *state = last * (pole * before + *state);
        line[columns - 1] = *state;
    }
    for at in (0..columns - 1).rev() {
        for (state, line) in state.iter_mut().zip(&mut side) {
            *state = pole * (*state - line[at]);
            line[at] = *state;
        }
    }
}

/// Filters down the columns of one slice, all columns side by side.
fn across(plane: &mut [f32], columns: usize, weights: &[f32]) {
    let rows = plane.len() / columns;
    start(plane, columns, weights);
    for row in 1..rows {
        let (before, here) = plane.split_at_mut(row * columns);
        forward(&mut here[..columns], &before[(row - 1) * columns..]);
    }
    let (before, here) = plane.split_at_mut((rows - 1) * columns);
    finish(here, &before[(rows - 2) * columns..]);
    for row in (0..rows - 1).rev() {
        let (here, after) = plane.split_at_mut((row + 1) * columns);
        backward(&mut here[row * columns..], &after[..columns]);
    }
}

/// Filters through the slices: one slice after the other, parts of a slice in parallel.
fn through_slices(values: &mut [f32], plane: usize, weights: &[f32]) {
    // Big enough to be worth a thread's while.
    const PART: usize = 1 << 14;
    let slices = values.len() / plane;
    let (first, others) = values.split_at_mut(plane);
    first.par_chunks_mut(PART).enumerate().for_each(|(part, first)| {
        first.iter_mut().for_each(|value| *value *= weights[0]);
        for (other, weight) in others.chunks_exact(plane).zip(&weights[1..]) {
            let other = &other[part * PART..];
            first.iter_mut().zip(other).for_each(|(value, other)| *value += weight * other);
        }
    });
    let pairwise = |here: &mut [f32], other: &[f32], step: fn(&mut [f32], &[f32])| {
        here.par_chunks_mut(PART).zip(other.par_chunks(PART)).for_each(|(here, other)| step(here, other));
    };
    for slice in 1..slices {
        let (before, here) = values.split_at_mut(slice * plane);
        pairwise(&mut here[..plane], &before[(slice - 1) * plane..], forward);
    }
    let (before, here) = values.split_at_mut((slices - 1) * plane);
    pairwise(here, &before[(slices - 2) * plane..], finish);
    for slice in (0..slices - 1).rev() {
        let (here, after) = values.split_at_mut((slice + 1) * plane);
        pairwise(&mut here[slice * plane..], &after[..plane], backward);
    }
}

fn start(plane: &mut [f32], columns: usize, weights: &[f32]) {
    let (first, others) = plane.split_at_mut(columns);
    first.iter_mut().for_each(|value| *value *= weights[0]);
    for (other, weight) in others.chunks_exact(columns).zip(&weights[1..]) {
        first.iter_mut().zip(other).for_each(|(value, other)| *value += weight * other);
    }
}

fn forward(here: &mut [f32], before: &[f32]) {
    here.iter_mut().zip(before).for_each(|(here, before)| *here += POLE as f32 * before);
}

fn finish(here: &mut [f32], before: &[f32]) {
    let last = last_weight() as f32;
    here.iter_mut().zip(before).for_each(|(here, before)| *here = last * (POLE as f32 * before + *here));
}

fn backward(here: &mut [f32], after: &[f32]) {
    here.iter_mut().zip(after).for_each(|(here, after)| *here = POLE as f32 * (after - *here));
}

/// The four weights of the cubic B-spline at a fraction from 0 to 1 past the second of four voxels.
pub(crate) fn weights(fraction: f64) -> [f64; 4] {
    let rest = 1.0 - fraction;
    let first = rest * rest * rest / 6.0;
    let last = fraction * fraction * fraction / 6.0;
    let second = 2.0 / 3.0 - fraction * fraction * (2.0 - fraction) / 2.0;
    [first, second, 1.0 - first - second - last, last]
}

/// The index that stands in for one beyond the ends, mirrored about the outermost centers.
pub(super) fn mirrored(index: isize, count: usize) -> usize {
    if count == 1 {
        return 0;
    }
    let period = 2 * count as isize - 2;
    let within = index.rem_euclid(period);
    within.min(period - within) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_sum_to_one_and_are_those_of_the_cardinal_points() {
        // beta3(0) = 2/3, beta3(1) = 1/6, beta3(1/2) = 23/48, beta3(3/2) = 1/48.
        let check = |found: [f64; 4], expected: [f64; 4]| {
            assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-15), "{found:?}");
        };
        check(weights(0.0), [1.0 / 6.0, 2.0 / 3.0, 1.0 / 6.0, 0.0]);
        check(weights(0.5), [1.0 / 48.0, 23.0 / 48.0, 23.0 / 48.0, 1.0 / 48.0]);
    }

    #[test]
    fn the_coefficients_give_back_the_values_at_every_voxel() {
        for size in [[2, 3, 5], [1, 1, 40], [25, 17, 1], [30, 9, 21], [1, 1, 1], [2, 2, 2]] {
            let count: usize = size.iter().product();
            let values: Vec<f32> = (0..count).map(|at| ((at * 7919) % 101) as f32).collect();
            let found = coefficients(&values, size);
            let at = |column: isize, row: isize, slice: isize| {
                let [c, r, s] = [mirrored(column, size[0]), mirrored(row, size[1]), mirrored(slice, size[2])];
                f64::from(found[(s * size[1] + r) * size[0] + c])
            };
            for (place, value) in values.iter().enumerate() {
                let (c, r) = ((place % size[0]) as isize, (place / size[0] % size[1]) as isize);
                let s = (place / (size[0] * size[1])) as isize;
                let w = weights(0.0);
                let mut sum = 0.0;
                for (i, x) in w.iter().enumerate() {
                    for (j, y) in w.iter().enumerate() {
                        for (k, z) in w.iter().enumerate() {
                            let there = at(c + i as isize - 1, r + j as isize - 1, s + k as isize - 1);
                            sum += x * y * z * there;
                        }
                    }
                }
                // 32-bit coefficients grow to some six times the values along each axis.
                assert!((sum - f64::from(*value)).abs() < 2e-3, "{size:?} at {place}: {sum}, {value}");
            }
        }
    }

    #[test]
    fn indices_beyond_the_ends_are_mirrored_about_the_outermost_centers() {
        let found: Vec<usize> = (-4..8).map(|index| mirrored(index, 4)).collect();
        assert_eq!(found, [2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]);
        assert_eq!((mirrored(-2, 2), mirrored(3, 2), mirrored(9, 1)), (0, 1, 0));
    }
}
