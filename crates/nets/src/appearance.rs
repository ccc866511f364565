/// Cells along each side of the grid.
const CELLS: usize = 8;
/// Bins of the histogram of gray values.
const BINS: usize = 32;

/// How many numbers [`appearance`] gives.
pub const APPEARANCE: usize = 2 * CELLS * CELLS + BINS;

/// What an image looks like to no network: the mean gray and the roughness of each cell of an 8 x 8 grid,
/// and the histogram of gray values.
///
/// A network's own features are blind to what its task never needed; these are not.
///
/// Of a volume it is the mean over the slices.
///
/// # Shapes
/// `pixels` are slices of `side` rows of `side` values; the result has [`APPEARANCE`] numbers.
///
/// # Units
/// Gray values from 0 to 1, before they are normalized; roughness and shares as square roots, which evens
/// out their spread.
///
/// # Panics
/// If `pixels` is shorter than that.
pub fn appearance(pixels: &[f32], side: usize) -> Vec<f32> {
    let slices = pixels.len() / (side * side);
    let mut sums = of_slice(pixels, side);
    for slice in 1..slices {
        let next = of_slice(&pixels[slice * side * side..], side);
        sums.iter_mut().zip(next).for_each(|(sum, next)| *sum += next);
    }
    sums.iter_mut().for_each(|sum| *sum /= slices.max(1) as f32);
    sums
}

fn of_slice(pixels: &[f32], side: usize) -> Vec<f32> {
    let mut gray = [0.0_f32; CELLS * CELLS];
    let mut rough = [0.0_f32; CELLS * CELLS];
    let mut counts = [0.0_f32; CELLS * CELLS];
    let mut shares = [0.0_f32; BINS];
    for row in 0..side {
        for column in 0..side {
            let at = |row: usize, column: usize| pixels[row * side + column];
            let value = at(row, column);
            let right = if column + 1 < side { at(row, column + 1) } else { value };
            let below = if row + 1 < side { at(row + 1, column) } else { value };
            let cell = row * CELLS / side * CELLS + column * CELLS / side;
            gray[cell] += value;
            rough[cell] += (right - value).abs() + (below - value).abs();
            counts[cell] += 1.0;
            shares[((value.clamp(0.0, 1.0) * BINS as f32) as usize).min(BINS - 1)] += 1.0;
        }
    }
    let whole = (side * side) as f32;
    let over = |sum: &f32, count: &f32| sum / count.max(1.0);
    let gray = gray.iter().zip(&counts).map(|(sum, count)| over(sum, count));
    let rough = rough.iter().zip(&counts).map(|(sum, count)| over(sum, count).sqrt());
    gray.chain(rough).chain(shares.iter().map(|count| (count / whole).sqrt())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bright_right_half_worked_on_paper() {
        let side = 16;
        let pixels: Vec<f32> = (0..side * side).map(|at| if at % side < 8 { 0.0 } else { 1.0 }).collect();
        let found = appearance(&pixels, side);
        assert_eq!(found.len(), APPEARANCE);
        assert_eq!(found[..8], [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
        // Only columns 7 to 8 differ: half the pixels of the fourth cell step by 1.
        let step = 0.5_f32.sqrt();
        assert_eq!(found[64..72], [0.0, 0.0, 0.0, step, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!((found[128], found[159]), (step, step));
    }

    #[test]
    fn a_volume_looks_like_the_mean_of_its_slices() {
        let volume: Vec<f32> = (0..2 * 64).map(|at| if at < 64 { 0.0 } else { 1.0 }).collect();
        let found = appearance(&volume, 8);
        assert!(found[..64].iter().all(|gray| *gray == 0.5));
        assert_eq!((found[128], found[159]), (0.5, 0.5));
    }

    #[test]
    fn a_side_that_eight_does_not_divide_fills_every_cell() {
        let found = appearance(&[0.5; 28 * 28], 28);
        assert!(found[..64].iter().all(|gray| (gray - 0.5).abs() < 1e-6));
    }
}
