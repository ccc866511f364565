//! Gaussian smoothing of vectors, three numbers a voxel.

use rayon::prelude::*;

/// Half of a Gaussian's weights, from the middle outward; nothing to do where there is but one.
pub(super) struct Smoother {
    weights: Vec<f32>,
}

impl Smoother {
    /// Weights to three standard deviations, which add up to 1.
    pub fn new(sigma: f64) -> Self {
        let reach = (3.0 * sigma).ceil() as usize;
        let raw: Vec<f64> = (0..=reach)
            .map(|step| if step == 0 { 1.0 } else { (-(step as f64 / sigma).powi(2) / 2.0).exp() })
            .collect();
        let total = 2.0 * raw.iter().sum::<f64>() - raw[0];
        Self { weights: raw.iter().map(|weight| (weight / total) as f32).collect() }
    }

    /// Smooths in place along all three axes; the border's vectors go on beyond it.
    pub fn smooth(&self, vectors: &mut [f32], [columns, rows, slices]: [usize; 3]) {
        if self.weights.len() == 1 {
            return;
        }
        let line = 3 * columns;
        let plane = line * rows;
        let reach = self.weights.len() - 1;
        // Along rows and columns, a slice at a time.
        vectors.par_chunks_mut(plane).for_each_init(
            || (vec![0.0; line + 6 * reach], vec![0.0; plane]),
            |(padded, along), slice| {
                if columns == 1 {
                    along.copy_from_slice(slice);
                } else {
                    for (along, source) in along.chunks_exact_mut(line).zip(slice.chunks_exact(line)) {
                        self.along_row(along, source, padded);
                    }
                }
                for (row, target) in slice.chunks_exact_mut(line).enumerate() {
                    self.gather(target, row, rows, |at| &along[at * line..][..line]);
                }
            },
        );
        // Along slices, one row of every slice at a time.
        let mut walls: Vec<Vec<&mut [f32]>> = (0..rows).map(|_| Vec::with_capacity(slices)).collect();
        for slice in vectors.chunks_exact_mut(plane) {
            walls.iter_mut().zip(slice.chunks_exact_mut(line)).for_each(|(wall, row)| wall.push(row));
        }
        walls.into_par_iter().for_each_init(
            || vec![0.0; slices * line],
            |held, mut wall| {
                held.chunks_exact_mut(line).zip(&wall).for_each(|(held, row)| held.copy_from_slice(row));
                for (slice, target) in wall.iter_mut().enumerate() {
                    self.gather(target, slice, slices, |at| &held[at * line..][..line]);
                }
            },
        );
    }

    fn along_row(&self, target: &mut [f32], source: &[f32], padded: &mut [f32]) {
        let reach = self.weights.len() - 1;
        let (front, rest) = padded.split_at_mut(3 * reach);
        let (middle, back) = rest.split_at_mut(source.len());
        front.chunks_exact_mut(3).for_each(|vector| vector.copy_from_slice(&source[..3]));
        middle.copy_from_slice(source);
        back.chunks_exact_mut(3).for_each(|vector| vector.copy_from_slice(&source[source.len() - 3..]));
        let padded = &*padded;
        target.iter_mut().zip(source).for_each(|(sum, value)| *sum = value * self.weights[0]);
        for (step, weight) in self.weights.iter().enumerate().skip(1) {
            let before = &padded[3 * (reach - step)..][..source.len()];
            let after = &padded[3 * (reach + step)..][..source.len()];
            for (sum, (before, after)) in target.iter_mut().zip(before.iter().zip(after)) {
                *sum += weight * (before + after);
            }
        }
    }

    /// A line from those before and after it along an axis with `count` lines.
    fn gather<'a>(&self, target: &mut [f32], at: usize, count: usize, line: impl Fn(usize) -> &'a [f32]) {
        target.iter_mut().zip(line(at)).for_each(|(sum, value)| *sum = value * self.weights[0]);
        for (step, weight) in self.weights.iter().enumerate().skip(1) {
            let (before, after) = (line(at.saturating_sub(step)), line((at + step).min(count - 1)));
            for (sum, (before, after)) in target.iter_mut().zip(before.iter().zip(after)) {
                *sum += weight * (before + after);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_vector_spreads_as_a_gaussian_and_a_constant_stays() {
        let size = [9, 8, 7];
        let mut vectors = vec![0.0; 3 * 9 * 8 * 7];
        let at = 3 * ((3 * 8 + 4) * 9 + 4);
        vectors[at + 1] = 1.0;
        let smoother = Smoother::new(1.0);
        smoother.smooth(&mut vectors, size);
        let total: f32 = vectors.iter().sum();
        assert!((total - 1.0).abs() < 1e-5, "{total}");
        // A neighbor has exp(-1/2) of the middle, along each axis.
        for step in [3, 3 * 9, 3 * 72] {
            let ratio = vectors[at + 1 + step] / vectors[at + 1];
            assert!((ratio - (-0.5_f32).exp()).abs() < 1e-5, "{ratio}");
        }
        let mut constant = vec![2.5; 3 * 9 * 8 * 7];
        Smoother::new(2.0).smooth(&mut constant, size);
        assert!(constant.iter().all(|part| (part - 2.5).abs() < 1e-5));
    }
}
