use rayon::prelude::*;

use super::ExplainError;

/// How much each place of an input did for one logit, on a grid of its own.
///
/// # Shapes
/// Columns vary fastest, then rows, then slices; an image has one slice.
///
/// # Units
/// Those of the method. Only the order and the relation of the values within one map mean anything.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribution {
    size: [usize; 3],
    values: Vec<f32>,
}

/// Where the grid of a network's input lies on the native grid: a box of native pixels or voxels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// First column, row and slice.
    pub start: [usize; 3],
    /// Columns, rows and slices covered.
    pub size: [usize; 3],
}

impl Placement {
    /// All of a grid.
    pub const fn whole(size: [usize; 3]) -> Self {
        Self { start: [0; 3], size }
    }
}

impl Attribution {
    /// Values with the size of their grid.
    ///
    /// # Errors
    /// [`ExplainError::Grid`] for values that do not fill it or a grid without places, [`ExplainError::NotFinite`].
    pub fn new(size: [usize; 3], values: Vec<f32>) -> Result<Self, ExplainError> {
        if size.contains(&0) || Some(values.len()) != places(size) {
            return Err(ExplainError::grid("the map", [values.len(), 1, 1], size));
        }
        if !values.iter().all(|value| value.is_finite()) {
            return Err(ExplainError::NotFinite("the map"));
        }
        Ok(Self { size, values })
    }

    /// Columns, rows, slices.
    pub const fn size(&self) -> [usize; 3] {
        self.size
    }

    /// All values, columns fastest.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// From 0 (nothing, or what lowered the logit) to 1 (the most); all 0 where nothing raised it.
    pub fn weights(&self) -> Vec<f32> {
        let greatest = self.values.iter().copied().fold(0.0_f32, f32::max);
        let weight = |value: &f32| if greatest > 0.0 { (value / greatest).max(0.0) } else { 0.0 };
        self.values.iter().map(weight).collect()
    }

    /// Column, row and slice of the greatest value; the first of equals.
    pub fn peak(&self) -> [usize; 3] {
        let mut best = 0;
        for (at, value) in self.values.iter().enumerate() {
            if *value > self.values[best] {
                best = at;
            }
        }
        let [columns, rows, _] = self.size;
        [best % columns, best / columns % rows, best / (columns * rows)]
    }

    /// The same map on a grid of another size over the same field of view, linear in between.
    ///
    /// # Errors
    /// [`ExplainError::Grid`] for a grid without places.
    pub fn resampled(&self, size: [usize; 3]) -> Result<Self, ExplainError> {
        if self.size == size {
            return Ok(self.clone());
        }
        self.onto(Placement::whole(size), size)
    }

    /// The map on the native grid: linear between the centers of its places, level to the edge of the box it
    /// covers, and 0 outside.
    ///
    /// # Errors
    /// [`ExplainError::Grid`] for a box that leaves the native grid, or is empty.
    pub fn onto(&self, place: Placement, native: [usize; 3]) -> Result<Self, ExplainError> {
        let inside = (0..3).all(|axis| {
            place.start[axis].checked_add(place.size[axis]).is_some_and(|end| end <= native[axis])
        });
        if !inside || place.size.contains(&0) || places(native).is_none() {
            return Err(ExplainError::grid("the box that the map covers", place.size, native));
        }
        let axes: [Vec<Sample>; 3] = std::array::from_fn(|axis| {
            samples(place.start[axis], place.size[axis], native[axis], self.size[axis])
        });
        let [columns, rows, _] = native;
        let mut values = vec![0.0; native.iter().product()];
        values.par_chunks_mut(columns).enumerate().for_each(|(line, out)| {
            let (row, slice) = (axes[1][line % rows], axes[2][line / rows]);
            let (Some(row), Some(slice)) = (row, slice) else { return };
            let [own_columns, own_rows, _] = self.size;
            let begin = |row: usize, slice: usize| {
                &self.values[(slice * own_rows + row) * own_columns..][..own_columns]
            };
            let lines = [
                (begin(row.lower, slice.lower), (1.0 - row.share) * (1.0 - slice.share)),
                (begin(row.upper, slice.lower), row.share * (1.0 - slice.share)),
                (begin(row.lower, slice.upper), (1.0 - row.share) * slice.share),
                (begin(row.upper, slice.upper), row.share * slice.share),
            ];
            for (out, column) in out.iter_mut().zip(&axes[0]) {
                let Some(column) = column else { continue };
                *out = lines
                    .iter()
                    .map(|(line, weight)| {
                        (line[column.lower] * (1.0 - column.share) + line[column.upper] * column.share)
                            * weight
                    })
                    .sum();
            }
        });
        Self::new(native, values)
    }
}

/// The two places of a map between which a native place lies; `None` outside the box.
type Sample = Option<Between>;

#[derive(Clone, Copy)]
struct Between {
    lower: usize,
    upper: usize,
    share: f32,
}

fn samples(start: usize, covered: usize, native: usize, places: usize) -> Vec<Sample> {
    (0..native)
        .map(|at| {
            let within = at.checked_sub(start).filter(|within| *within < covered)?;
            let exact = (within as f64 + 0.5) / covered as f64 * places as f64 - 0.5;
            let clamped = exact.clamp(0.0, (places - 1) as f64);
            let lower = clamped as usize;
            let share = (clamped - lower as f64) as f32;
            Some(Between { lower, upper: (lower + 1).min(places - 1), share })
        })
        .collect()
}

/// Places of a grid; `None` where there are more than can be counted.
fn places(size: [usize; 3]) -> Option<usize> {
    size[0].checked_mul(size[1])?.checked_mul(size[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_linear_between_centers_and_level_to_the_edge() {
        let map = Attribution::new([2, 1, 1], vec![0.0, 4.0]).expect("a map");
        // Centers of the two places lie at 1 and 3 of 4 native columns, between columns 0 and 1, 2 and 3.
        let fine = map.resampled([4, 1, 1]).expect("finer");
        assert_eq!(fine.values(), [0.0, 1.0, 3.0, 4.0]);
        let placed = map.onto(Placement { start: [1, 0, 0], size: [2, 1, 1] }, [4, 2, 1]).expect("inside");
        assert_eq!(placed.values(), [0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!((placed.size(), placed.peak()), ([4, 2, 1], [2, 0, 0]));
    }

    #[test]
    fn the_brightest_corner_stays_the_brightest_corner_on_grids_of_every_shape() {
        for corner in 0..8_usize {
            let own = [3, 4, 2];
            let at = [0, 1, 2].map(|axis| if corner >> axis & 1 == 1 { own[axis] - 1 } else { 0 });
            let mut values = vec![0.0; 24];
            values[(at[2] * 4 + at[1]) * 3 + at[0]] = 1.0;
            let map = Attribution::new(own, values).expect("a map");
            for (start, size, native) in [
                ([0, 0, 0], [30, 17, 8], [30, 17, 8]),
                ([5, 0, 1], [20, 9, 4], [33, 11, 7]),
                ([0, 2, 0], [2, 3, 1], [4, 6, 3]),
            ] {
                let found = map.onto(Placement { start, size }, native).expect("inside").peak();
                for axis in 0..3 {
                    let within = found[axis] - start[axis];
                    let upper = corner >> axis & 1 == 1;
                    // Of one native place along an axis nothing can be said.
                    assert!(size[axis] == 1 || (2 * within + 1 > size[axis]) == upper, "{corner}: {found:?}");
                }
            }
        }
    }

    #[test]
    fn a_box_outside_the_grid_and_values_that_do_not_fit_are_refused() {
        let map = Attribution::new([2, 2, 1], vec![1.0; 4]).expect("a map");
        for (start, size) in [([3, 0, 0], [2, 1, 1]), ([0, 0, 0], [0, 1, 1]), ([usize::MAX, 0, 0], [2, 1, 1])]
        {
            assert!(map.onto(Placement { start, size }, [4, 4, 1]).is_err());
        }
        assert!(Attribution::new([2, 2, 1], vec![1.0; 3]).is_err());
        assert!(Attribution::new([0, 2, 1], vec![]).is_err());
        assert!(Attribution::new([1, 1, 1], vec![f32::NAN]).is_err());
    }

    #[test]
    fn weights_run_from_0_to_1_and_a_map_that_raises_nothing_is_empty() {
        let map = |values: Vec<f32>| Attribution::new([values.len(), 1, 1], values).expect("a map").weights();
        assert_eq!(map(vec![-2.0, 0.0, 1.0, 4.0]), [0.0, 0.0, 0.25, 1.0]);
        assert_eq!(map(vec![-2.0, 0.0]), [0.0, 0.0]);
    }
}
