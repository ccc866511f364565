/// Takes the value at a place of slices of so many columns and rows.
pub(super) type Sample<T> = fn(&[&[T]], [usize; 2], [f32; 3]) -> T;

/// How a volume is turned and scaled about its middle.
pub(super) struct Placement {
    /// From a place of the result to one of the source, both from the middle: columns, rows, slices.
    matrix: [[f32; 3]; 3],
}

impl Placement {
    /// Turned in the plane of the slices, then about their rows' and their columns' direction (radians); then each axis
    /// of the source is scaled.
    pub(super) fn new([plane, about_columns, about_rows]: [f32; 3], scale: [f32; 3]) -> Self {
        let (s, c) = plane.sin_cos();
        let in_plane = [[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]];
        let (s, c) = about_columns.sin_cos();
        let about_columns = [[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]];
        let (s, c) = about_rows.sin_cos();
        let about_rows = [[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]];
        let turned = product(&product(&about_rows, &about_columns), &in_plane);
        Self { matrix: std::array::from_fn(|axis| turned[axis].map(|value| value / scale[axis])) }
    }

    /// The slices seen so, shifted and displaced by so many places, mirrored before; edges are carried outward.
    pub(super) fn resample<T: Copy>(
        &self,
        slices: &[&[T]],
        [columns, rows]: [usize; 2],
        shift: [f32; 3],
        mirror: bool,
        displaced: Option<&[Vec<f32>; 2]>,
        sample: Sample<T>,
    ) -> Vec<T> {
        let size = [columns, rows, slices.len()];
        let middle = size.map(|count| (count as f32 - 1.0) / 2.0);
        let mut out = Vec::with_capacity(columns * rows * slices.len());
        for slice in 0..size[2] {
            for row in 0..rows {
                for column in 0..columns {
                    let x = column as f32 - middle[0];
                    let from =
                        [if mirror { -x } else { x }, row as f32 - middle[1], slice as f32 - middle[2]];
                    let within = row * columns + column;
                    let at = std::array::from_fn(|axis| {
                        let [a, b, c] = self.matrix[axis];
                        let bent =
                            displaced.and_then(|fields| Some(fields.get(axis)?[within])).unwrap_or(0.0);
                        let at = a * from[0] + b * from[1] + c * from[2] + middle[axis] + shift[axis] + bent;
                        at.clamp(0.0, (size[axis] - 1) as f32)
                    });
                    out.push(sample(slices, [columns, rows], at));
                }
            }
        }
        out
    }
}

/// Straight lines between the eight voxels about a place.
pub(super) fn straight(slices: &[&[f32]], [columns, rows]: [usize; 2], at: [f32; 3]) -> f32 {
    let size = [columns, rows, slices.len()];
    let [x, y, z] = [0, 1, 2].map(|axis| {
        let first = at[axis] as usize;
        (first, (first + 1).min(size[axis] - 1), at[axis] - first as f32)
    });
    let mix = |first: f32, second: f32, part: f32| first + part * (second - first);
    let line = |slice: usize, row: usize| {
        let row = &slices[slice][row * columns..];
        mix(row[x.0], row[x.1], x.2)
    };
    mix(mix(line(z.0, y.0), line(z.0, y.1), y.2), mix(line(z.1, y.0), line(z.1, y.1), y.2), z.2)
}

/// The label of the nearest voxel.
pub(super) fn nearest(slices: &[&[u16]], [columns, _]: [usize; 2], [x, y, z]: [f32; 3]) -> u16 {
    slices[z.round() as usize][y.round() as usize * columns + x.round() as usize]
}

fn product(a: &[[f32; 3]; 3], b: &[[f32; 3]; 3]) -> [[f32; 3]; 3] {
    std::array::from_fn(|row| {
        std::array::from_fn(|column| (0..3).map(|inner| a[row][inner] * b[inner][column]).sum())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUARTER: f32 = std::f32::consts::FRAC_PI_2;

    /// Where the only bright voxel of a cube of three goes.
    fn moved(angles: [f32; 3], scale: [f32; 3], shift: [f32; 3], mirror: bool, at: [usize; 3]) -> [usize; 3] {
        let mut cube = [0.0; 27];
        cube[at[2] * 9 + at[1] * 3 + at[0]] = 1.0;
        let slices: Vec<&[f32]> = cube.chunks_exact(9).collect();
        let turned = Placement::new(angles, scale).resample(&slices, [3, 3], shift, mirror, None, straight);
        let brightest = (0..27).max_by(|a, b| turned[*a].total_cmp(&turned[*b])).expect("there are voxels");
        assert!(turned[brightest] > 0.99, "{turned:?}");
        [brightest % 3, brightest / 3 % 3, brightest / 9]
    }

    #[test]
    fn quarter_turns_shifts_and_mirrors_worked_on_paper() {
        let one = [1.0; 3];
        let still = [0.0; 3];
        assert_eq!(moved(still, one, still, false, [0, 1, 2]), [0, 1, 2]);
        assert_eq!(moved(still, one, still, true, [0, 1, 2]), [2, 1, 2]);
        // The result at a place shows the source one slice further.
        assert_eq!(moved(still, one, [0.0, 0.0, 1.0], false, [1, 1, 1]), [1, 1, 0]);
        // In the plane: the place (1, 0) from the middle shows the source at (0, 1).
        assert_eq!(moved([QUARTER, 0.0, 0.0], one, still, false, [1, 2, 1]), [2, 1, 1]);
        // Out of it, about the columns' direction: the place one row down shows the source one slice up.
        assert_eq!(moved([0.0, QUARTER, 0.0], one, still, false, [1, 1, 2]), [1, 2, 1]);
        // And about the rows' direction: the place one slice up shows the source one column to the right.
        assert_eq!(moved([0.0, 0.0, QUARTER], one, still, false, [2, 1, 1]), [1, 1, 2]);
    }
}
