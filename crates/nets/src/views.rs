//! Other ways in which an image is shown to a network, over which its logits are averaged.

use serde::{Deserialize, Serialize};
use wilhelm_filters::Prepared;

/// What an image or volume is shown as beside itself, each slice alike; the logits of all are averaged (test-time
/// augmentation).
///
/// The features, the outlier score and the heat maps are those of the image itself. Calibration was fitted to logits of the
/// image itself (and its mirror image), and means of logits spread less: whether that harms is to be measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Views {
    /// Turned by so many degrees to either side; 0: not.
    #[serde(default)]
    pub rotation_degrees: f32,
    /// Moved by this share of the side to the left, right, up and down; 0: not.
    #[serde(default)]
    pub shift: f32,
    /// Made smaller and larger by this share; 0: not.
    #[serde(default)]
    pub scale: f32,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct View {
    degrees: f32,
    /// Columns and rows, as shares of the side.
    shift: [f32; 2],
    scale: f32,
}

impl Views {
    /// What is wrong with its numbers.
    pub fn fault(&self) -> Option<&'static str> {
        let within = |value: f32, most: f32| (0.0..=most).contains(&value);
        let faults = [
            (!within(self.rotation_degrees, 180.0)).then_some("rotation lies from 0 to 180 degrees"),
            (!within(self.shift, 0.5)).then_some("shift lies from 0 to a half of the side"),
            (!within(self.scale, 0.9)).then_some("scale lies from 0 to 0.9"),
        ];
        faults.into_iter().flatten().next()
    }

    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.others().is_empty()
    }

    /// How often the network sees an image, its mirror image not counted.
    pub fn count(&self) -> usize {
        1 + self.others().len()
    }

    /// All but the image itself.
    pub(crate) fn others(&self) -> Vec<View> {
        let still = View { degrees: 0.0, shift: [0.0; 2], scale: 1.0 };
        let mut views = Vec::new();
        if self.rotation_degrees > 0.0 {
            let turned = |degrees| View { degrees, ..still };
            views.extend([turned(-self.rotation_degrees), turned(self.rotation_degrees)]);
        }
        if self.shift > 0.0 {
            let s = self.shift;
            let moved = [[-s, 0.0], [s, 0.0], [0.0, -s], [0.0, s]];
            views.extend(moved.map(|shift| View { shift, ..still }));
        }
        if self.scale > 0.0 {
            views.extend([1.0 - self.scale, 1.0 + self.scale].map(|scale| View { scale, ..still }));
        }
        views
    }
}

impl View {
    /// An image so shown, or a volume, whose slices stand one below the other: straight lines between four pixels, edges
    /// carried outward.
    pub(crate) fn of(&self, image: &Prepared, slices: usize) -> Prepared {
        let (columns, rows) = (image.columns, image.rows / slices.max(1));
        let (sine, cosine) = self.degrees.to_radians().sin_cos();
        let middle = [(columns as f32 - 1.0) / 2.0, (rows as f32 - 1.0) / 2.0];
        let moved = [self.shift[0] * columns as f32, self.shift[1] * rows as f32];
        let mut pixels = Vec::with_capacity(image.pixels.len());
        for slice in image.pixels.chunks_exact((columns * rows).max(1)) {
            for row in 0..rows {
                for column in 0..columns {
                    let x = column as f32 - middle[0] - moved[0];
                    let y = row as f32 - middle[1] - moved[1];
                    let from = [
                        (cosine * x + sine * y) / self.scale + middle[0],
                        (cosine * y - sine * x) / self.scale + middle[1],
                    ];
                    pixels.push(between(slice, [columns, rows], from));
                }
            }
        }
        Prepared { pixels, ..image.clone() }
    }
}

fn between(slice: &[f32], [columns, rows]: [usize; 2], [column, row]: [f32; 2]) -> f32 {
    let (column, row) = (column.clamp(0.0, (columns - 1) as f32), row.clamp(0.0, (rows - 1) as f32));
    let (left, top) = (column as usize, row as usize);
    let (right, bottom) = ((left + 1).min(columns - 1), (top + 1).min(rows - 1));
    let (u, v) = (column - left as f32, row - top as f32);
    let at = |column: usize, row: usize| slice[row * columns + column];
    let upper = at(left, top) * (1.0 - u) + at(right, top) * u;
    let lower = at(left, bottom) * (1.0 - u) + at(right, bottom) * u;
    upper * (1.0 - v) + lower * v
}

#[cfg(test)]
mod tests {
    use wilhelm_filters::Region;

    use super::*;

    fn image(pixels: Vec<f32>, columns: usize) -> Prepared {
        let rows = pixels.len() / columns;
        Prepared { pixels, columns, rows, region: Region { column: 0, row: 0, columns, rows } }
    }

    #[test]
    fn views_worked_on_paper() {
        let corner = image(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], 3);
        let still = View { degrees: 0.0, shift: [0.0; 2], scale: 1.0 };
        assert_eq!(still.of(&corner, 1), corner);
        // A third of three columns: everything moves one column to the right, the first is carried.
        let right = View { shift: [1.0 / 3.0, 0.0], ..still }.of(&corner, 1).pixels;
        let expected = [1.0, 1.0, 2.0, 4.0, 4.0, 5.0, 7.0, 7.0, 8.0];
        assert!(
            right.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-5),
            "{right:?}"
        );
        // A quarter turn, as the hands of a clock go: the left column becomes the top row.
        let turned = View { degrees: 90.0, ..still }.of(&corner, 1).pixels;
        let expected = [7.0, 4.0, 1.0, 8.0, 5.0, 2.0, 9.0, 6.0, 3.0];
        assert!(
            turned.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-4),
            "{turned:?}"
        );
        // Twice as large: the pixel halfway to the corner lies where the corner was.
        let large = View { scale: 2.0, ..still }.of(&corner, 1).pixels;
        assert_eq!((large[0], large[4], large[8]), (3.0, 5.0, 7.0));
    }

    #[test]
    fn slices_of_a_volume_are_shown_each_for_itself() {
        let volume = image((0..18).map(|at| at as f32).collect(), 3);
        let down = View { degrees: 0.0, shift: [0.0, 1.0 / 3.0], scale: 1.0 }.of(&volume, 2).pixels;
        let expected =
            [0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 9.0, 10.0, 11.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0];
        assert!(
            down.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-4),
            "{down:?}"
        );
    }

    #[test]
    fn none_is_one_look_and_all_are_nine() {
        assert!(Views::default().is_none() && Views::default().count() == 1);
        let all = Views { rotation_degrees: 10.0, shift: 0.05, scale: 0.1 };
        assert_eq!((all.count(), all.fault()), (9, None));
        assert!(Views { rotation_degrees: f32::NAN, ..all }.fault().is_some());
        assert!(Views { scale: 1.0, ..all }.fault().is_some());
    }
}
