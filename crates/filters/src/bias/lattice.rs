use rayon::prelude::*;

use crate::resample::cubic_weights;

/// Control points of a uniform cubic B-spline in three dimensions, along columns fastest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lattice {
    size: [usize; 3],
    values: Vec<f64>,
}

/// For each place of one axis the first of four control points, and their weights.
pub(super) struct Basis(Vec<(usize, [f64; 4])>);

impl Basis {
    /// At the given places of an axis of `count` voxels that the control points span from the first center
    /// to the last.
    pub(super) fn at(places: &[usize], count: usize, control_points: usize) -> Self {
        let spans = control_points - 3;
        let scale = if count > 1 { spans as f64 / (count - 1) as f64 } else { 0.0 };
        Self(
            places
                .iter()
                .map(|place| {
                    let along = *place as f64 * scale;
                    let first = (along as usize).min(spans - 1);
                    (first, cubic_weights(along - first as f64))
                })
                .collect(),
        )
    }

    /// At every voxel.
    pub(super) fn every(count: usize, control_points: usize) -> Self {
        Self::at(&(0..count).collect::<Vec<_>>(), count, control_points)
    }

    /// The weights to a power, each place's over the sum of squares to another.
    fn powers(&self, power: i32, over_squares: bool) -> Self {
        let raised = |(first, weights): &(usize, [f64; 4])| {
            let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
            let scale = if over_squares { 1.0 / squares } else { 1.0 };
            (*first, weights.map(|weight| weight.powi(power) * scale))
        };
        Self(self.0.iter().map(raised).collect())
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

impl Lattice {
    pub(super) fn zero(size: [usize; 3]) -> Self {
        Self { size, values: vec![0.0; size.iter().product()] }
    }

    pub(super) const fn size(&self) -> [usize; 3] {
        self.size
    }

    pub(super) fn add(&mut self, other: &[f64]) {
        self.values.iter_mut().zip(other).for_each(|(value, other)| *value += other);
    }

    /// The same function with half the spans, hence twice as many.
    pub(super) fn refined(&self) -> Self {
        let mut values = self.values.clone();
        let mut size = self.size;
        for axis in 0..3 {
            let (count, stride) = (size[axis], size[..axis].iter().product::<usize>());
            let new = 2 * count - 3;
            let mut finer = Vec::with_capacity(values.len() / count * new);
            for block in values.chunks_exact(count * stride) {
                for at in 0..new {
                    let line = |offset: usize| &block[(at / 2 + offset) * stride..][..stride];
                    if at % 2 == 0 {
                        finer.extend(line(0).iter().zip(line(1)).map(|(a, b)| (a + b) / 2.0));
                    } else {
                        let three = line(0).iter().zip(line(1)).zip(line(2));
                        finer.extend(three.map(|((a, b), c)| (a + 6.0 * b + c) / 8.0));
                    }
                }
            }
            values = finer;
            size[axis] = new;
        }
        Self { size, values }
    }

    /// The function at every place of three bases, one axis after the other.
    pub(super) fn on(&self, [columns, rows, slices]: &[Basis; 3]) -> Vec<f32> {
        let [width, height, _] = self.size;
        let plane = columns.len() * rows.len();
        let mut out = vec![0.0_f32; plane * slices.len()];
        out.par_chunks_mut(plane).zip(&slices.0).for_each(|(out, (first, weights))| {
            let mut sheet = vec![0.0; width * height];
            for (tap, weight) in weights.iter().enumerate() {
                let layer = &self.values[(first + tap) * width * height..][..width * height];
                sheet.iter_mut().zip(layer).for_each(|(sum, value)| *sum += weight * value);
            }
            let mut line = vec![0.0; width];
            for (out, (first, weights)) in out.chunks_exact_mut(columns.len()).zip(&rows.0) {
                line.fill(0.0);
                for (tap, weight) in weights.iter().enumerate() {
                    let row = &sheet[(first + tap) * width..][..width];
                    line.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * value);
                }
                for (out, (first, weights)) in out.iter_mut().zip(&columns.0) {
                    let four = &line[*first..first + 4];
                    let sum: f64 = four.iter().zip(weights).map(|(value, weight)| value * weight).sum();
                    *out = sum as f32;
                }
            }
        });
        out
    }
}

/// For each control point the sum of the squared weights of the places that take part.
pub(super) fn weight(taken: &[bool], bases: &[Basis; 3], size: [usize; 3]) -> Vec<f64> {
    let squared = [0, 1, 2].map(|axis| bases[axis].powers(2, false));
    gathered(|at| f64::from(u8::from(taken[at])), &squared, size)
}

/// The control points that come nearest to scattered values in Lee's sense: each value asks of each of the
/// 64 control points around it a share by its weight, and a control point takes the mean of what it is asked,
/// weighted by the squared weights. Values of places that take no part must be 0.
///
/// On a grid the weights are products of one factor an axis, so that the sums run one axis after the other.
pub(super) fn fitted(values: &[f32], bases: &[Basis; 3], size: [usize; 3], weight: &[f64]) -> Vec<f64> {
    let cubed = [0, 1, 2].map(|axis| bases[axis].powers(3, true));
    let asked = gathered(|at| f64::from(values[at]), &cubed, size);
    asked.iter().zip(weight).map(|(asked, weight)| if *weight > 0.0 { asked / weight } else { 0.0 }).collect()
}

/// The weighted sum of values around each control point.
fn gathered(
    value: impl Fn(usize) -> f64 + Sync,
    [columns, rows, slices]: &[Basis; 3],
    [width, height, depth]: [usize; 3],
) -> Vec<f64> {
    let (across, plane) = (columns.len(), columns.len() * rows.len());
    let sheets: Vec<Vec<f64>> = (0..slices.len())
        .into_par_iter()
        .map(|slice| {
            let mut sheet = vec![0.0; width * height];
            let mut line = vec![0.0; width];
            for (row, (first_row, of_row)) in rows.0.iter().enumerate() {
                line.fill(0.0);
                let start = slice * plane + row * across;
                for (column, (first, weights)) in columns.0.iter().enumerate() {
                    let value = value(start + column);
                    if value != 0.0 {
                        for (sum, weight) in line[*first..first + 4].iter_mut().zip(weights) {
                            *sum += weight * value;
                        }
                    }
                }
                for (tap, weight) in of_row.iter().enumerate() {
                    let target = &mut sheet[(first_row + tap) * width..][..width];
                    target.iter_mut().zip(&line).for_each(|(sum, value)| *sum += weight * value);
                }
            }
            sheet
        })
        .collect();
    let mut out = vec![0.0; width * height * depth];
    for (sheet, (first, weights)) in sheets.iter().zip(&slices.0) {
        for (tap, weight) in weights.iter().enumerate() {
            let target = &mut out[(first + tap) * width * height..][..width * height];
            target.iter_mut().zip(sheet).for_each(|(sum, value)| *sum += weight * value);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finer_lattice_is_the_same_function() {
        let size = [5, 4, 6];
        let values = (0..120).map(|at| f64::from((at * 37 % 23) as u8)).collect();
        let lattice = Lattice { size, values };
        let finer = lattice.refined();
        assert_eq!(finer.size(), [7, 5, 9]);
        let on = |lattice: &Lattice| {
            lattice.on(&[0, 1, 2].map(|axis| Basis::every([11, 7, 9][axis], lattice.size()[axis])))
        };
        assert!(on(&lattice).iter().zip(on(&finer)).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn one_scattered_value_is_met_and_a_plane_of_values_is_sparse_sum_by_sum() {
        // Lee's approximation meets a single value exactly.
        let bases = [Basis::at(&[3], 8, 4), Basis::at(&[2], 5, 4), Basis::at(&[1], 4, 4)];
        let weight = weight(&[true], &bases, [4, 4, 4]);
        let mut lattice = Lattice::zero([4, 4, 4]);
        lattice.add(&fitted(&[7.0], &bases, [4, 4, 4], &weight));
        assert!((lattice.on(&bases)[0] - 7.0).abs() < 1e-5);
        // Two values on a line, by the formula itself.
        let bases = [Basis::at(&[0, 4], 9, 4), Basis::at(&[0], 1, 4), Basis::at(&[0], 1, 4)];
        let weight = super::weight(&[true, true], &bases, [4, 4, 4]);
        let found = fitted(&[3.0, -1.0], &bases, [4, 4, 4], &weight);
        let mut expected = vec![0.0; 64];
        let corner = cubic_weights(0.0);
        for (at, expected) in expected.iter_mut().enumerate() {
            let (mut asked, mut total) = (0.0, 0.0);
            for (value, along) in [(3.0, cubic_weights(0.0)), (-1.0, cubic_weights(0.5))] {
                let weight = |at: usize| along[at % 4] * corner[at / 4 % 4] * corner[at / 16];
                let squares: f64 = (0..64).map(|at| weight(at) * weight(at)).sum();
                asked += weight(at) * weight(at) * weight(at) * value / squares;
                total += weight(at) * weight(at);
            }
            *expected = if total > 0.0 { asked / total } else { 0.0 };
        }
        assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-12));
    }
}
