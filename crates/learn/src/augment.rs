mod elastic;
mod tilt;

pub use elastic::Elastic;

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// How far a training image may be varied; every bound is symmetric and drawn uniformly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augmentation {
    /// Whether left and right may change places: never where side matters.
    pub mirror: bool,
    /// Rotation, degrees.
    pub rotation_degrees: f32,
    /// Scale, as a share of 1.
    pub scale: f32,
    /// Shift, as a share of the side.
    pub shift: f32,
    /// Factor on the contrast about the mean, as a share of 1.
    pub contrast: f32,
    /// Added brightness on the scale 0 to 1.
    pub brightness: f32,
    /// Exponent on the scale 0 to 1: `exp` of a number up to this.
    pub log_gamma: f32,
    /// Standard deviation of added noise, up to this.
    pub noise: f32,
    /// Probability of blanking a rectangle of up to a third of the side.
    pub erase: f32,
    /// Largest share of another image mixed in (0: none).
    pub mix: f32,
    /// Whether a volume's first and last slice may change places.
    #[serde(default)]
    pub turn_slices: bool,
    /// Rotation of a volume out of the plane of its slices, about each of their two axes, degrees; with it the scale
    /// goes for all three axes and the shift across the slices too.
    #[serde(default)]
    pub tilt_degrees: f32,
    /// Smooth random displacements; left out, there are none. The slices of a volume are displaced alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elastic: Option<Elastic>,
}

/// Where each place of a varied image is taken from.
struct Shape {
    angle: f32,
    scale: [f32; 2],
    /// In places.
    shift: [f32; 2],
    mirror: bool,
    turn: bool,
    /// Out of the plane of the slices: about columns and rows, and the scale and share of the shift across.
    tilt: Option<([f32; 2], f32, f32)>,
    /// In places.
    displaced: Option<[Vec<f32>; 2]>,
}

/// What becomes of the values.
struct Tone {
    contrast: f32,
    brightness: f32,
    gamma: f32,
    noise: f32,
}

impl Augmentation {
    /// A varied copy of a square image, or of a volume of them, with values from 0 to 1; the slices of a volume are
    /// varied alike, but for noise.
    ///
    /// # Shapes
    /// `slices * side * side` values, columns fastest, in and out.
    pub fn apply(&self, pixels: &[f32], side: usize, random: &mut impl Rng) -> Vec<f32> {
        let (shape, tone) = self.draw([side, side], random);
        let moved = shape.moved(pixels, [side, side], straight, tilt::straight);
        self.toned(moved, [side, side], &tone, random)
    }

    /// Varied copies of several images of one grid, which move alike; tone, noise and blanked rectangles are each one's
    /// own. Of an image without values nothing comes back.
    ///
    /// # Shapes
    /// `slices * side * side` values each, columns fastest, in and out.
    pub(crate) fn apply_together(
        &self,
        images: &[&[f32]],
        side: usize,
        random: &mut impl Rng,
    ) -> Vec<Vec<f32>> {
        let size = [side, side];
        let (shape, mut tone) = self.draw(size, random);
        let still = Self { elastic: None, ..self.clone() };
        let mut all = Vec::with_capacity(images.len());
        for (place, image) in images.iter().enumerate() {
            if place > 0 {
                tone = still.draw(size, random).1;
            }
            let moved = shape.moved(image, size, straight, tilt::straight);
            all.push(if image.is_empty() { Vec::new() } else { self.toned(moved, size, &tone, random) });
        }
        all
    }

    /// A varied copy of a picture or volume and of its labels, which move with it, each place to the label of the nearest
    /// one; tone, noise and blanked rectangles leave labels alone.
    ///
    /// # Shapes
    /// `slices * rows * columns` values and labels, columns fastest, in and out.
    pub fn apply_with_labels(
        &self,
        values: &[f32],
        labels: &[u16],
        [columns, rows]: [usize; 2],
        random: &mut impl Rng,
    ) -> (Vec<f32>, Vec<u16>) {
        let (shape, tone) = self.draw([columns, rows], random);
        let moved = shape.moved(values, [columns, rows], straight, tilt::straight);
        let labels = shape.moved(labels, [columns, rows], nearest, tilt::nearest);
        (self.toned(moved, [columns, rows], &tone, random), labels)
    }

    /// What is wrong with its numbers.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        self.elastic.and_then(Elastic::fault)
    }

    fn draw(&self, [columns, rows]: [usize; 2], random: &mut impl Rng) -> (Shape, Tone) {
        let mut symmetric = |bound: f32| if bound > 0.0 { random.random_range(-bound..=bound) } else { 0.0 };
        let angle = symmetric(self.rotation_degrees).to_radians();
        let (scale, stretch) = (1.0 + symmetric(self.scale), 1.0 + symmetric(self.scale / 2.0));
        let shift = [symmetric(self.shift) * columns as f32, symmetric(self.shift) * rows as f32];
        let (contrast, brightness) = (1.0 + symmetric(self.contrast), symmetric(self.brightness));
        let gamma = symmetric(self.log_gamma).exp();
        let mirror = self.mirror && random.random_bool(0.5);
        let noise = if self.noise > 0.0 { random.random_range(0.0..=self.noise) } else { 0.0 };
        let turn = self.turn_slices && random.random_bool(0.5);
        let displaced = self.elastic.map(|elastic| elastic.draw([columns, rows], random));
        let mut symmetric = |bound: f32| if bound > 0.0 { random.random_range(-bound..=bound) } else { 0.0 };
        let tilt = (self.tilt_degrees > 0.0).then(|| {
            let angles = [0; 2].map(|_| symmetric(self.tilt_degrees).to_radians());
            (angles, scale, symmetric(self.shift))
        });
        let scale = [scale * stretch, scale / stretch];
        (
            Shape { angle, scale, shift, mirror, turn, tilt, displaced },
            Tone { contrast, brightness, gamma, noise },
        )
    }

    fn toned(&self, mut values: Vec<f32>, size: [usize; 2], tone: &Tone, random: &mut impl Rng) -> Vec<f32> {
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        for value in &mut values {
            let toned = value.max(0.0).powf(tone.gamma);
            *value = (toned - mean) * tone.contrast + mean + tone.brightness;
            if tone.noise > 0.0 {
                // The sum of three uniform numbers is near enough to normal for noise.
                let sum: f32 = (0..3).map(|_| random.random_range(-1.0_f32..1.0)).sum();
                *value += tone.noise * sum;
            }
            *value = value.clamp(0.0, 1.0);
        }
        if self.erase > 0.0 && random.random_bool(f64::from(self.erase)) {
            let hole = Hole::draw(size, random);
            values.chunks_exact_mut(size[0] * size[1]).for_each(|slice| hole.fill(slice, size[0], mean));
        }
        values
    }
}

impl Shape {
    /// Slices one by one, or a volume that is tilted.
    fn moved<T: Copy>(
        &self,
        values: &[T],
        size: [usize; 2],
        flat: fn(&[T], [usize; 2], [f32; 2]) -> T,
        solid: tilt::Sample<T>,
    ) -> Vec<T> {
        let mut slices: Vec<&[T]> = values.chunks_exact(size[0] * size[1]).collect();
        let Some(([about_columns, about_rows], scale, shift)) = self.tilt.filter(|_| slices.len() > 1) else {
            return self.warp(values, size, flat);
        };
        if self.turn {
            slices.reverse();
        }
        let angles = [self.angle, about_columns, about_rows];
        let placement = tilt::Placement::new(angles, [self.scale[0], self.scale[1], scale]);
        let shift = [self.shift[0], self.shift[1], shift * slices.len() as f32];
        placement.resample(&slices, size, shift, self.mirror, self.displaced.as_ref(), solid)
    }

    /// Samples slices along a rotated, scaled, shifted and displaced grid, edges carried outward.
    fn warp<T: Copy>(
        &self,
        values: &[T],
        [columns, rows]: [usize; 2],
        sample: fn(&[T], [usize; 2], [f32; 2]) -> T,
    ) -> Vec<T> {
        let (sine, cosine) = self.angle.sin_cos();
        let middle = [columns, rows].map(|side| (side as f32 - 1.0) / 2.0);
        let last = [columns, rows].map(|side| (side - 1) as f32);
        let mut from = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            for column in 0..columns {
                let x = if self.mirror { middle[0] - column as f32 } else { column as f32 - middle[0] };
                let y = row as f32 - middle[1];
                let mut place = [
                    (cosine * x - sine * y) / self.scale[0] + middle[0] + self.shift[0],
                    (sine * x + cosine * y) / self.scale[1] + middle[1] + self.shift[1],
                ];
                if let Some(displaced) = &self.displaced {
                    let at = row * columns + column;
                    place = [place[0] + displaced[0][at], place[1] + displaced[1][at]];
                }
                from.push([place[0].clamp(0.0, last[0]), place[1].clamp(0.0, last[1])]);
            }
        }
        let mut slices: Vec<&[T]> = values.chunks_exact(columns * rows).collect();
        if self.turn {
            slices.reverse();
        }
        slices
            .iter()
            .flat_map(|slice| from.iter().map(|place| sample(slice, [columns, rows], *place)))
            .collect()
    }
}

/// Straight lines between the four pixels about a place.
fn straight(pixels: &[f32], [columns, rows]: [usize; 2], [column, row]: [f32; 2]) -> f32 {
    let (left, top) = (column as usize, row as usize);
    let (right, bottom) = ((left + 1).min(columns - 1), (top + 1).min(rows - 1));
    let (u, v) = (column - left as f32, row - top as f32);
    let at = |column: usize, row: usize| pixels[row * columns + column];
    let upper = at(left, top) * (1.0 - u) + at(right, top) * u;
    let lower = at(left, bottom) * (1.0 - u) + at(right, bottom) * u;
    upper * (1.0 - v) + lower * v
}

/// The label of the nearest place.
fn nearest(labels: &[u16], [columns, _]: [usize; 2], [column, row]: [f32; 2]) -> u16 {
    labels[row.round() as usize * columns + column.round() as usize]
}

/// A rectangle of up to a third of the side.
struct Hole {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Hole {
    fn draw([columns, rows]: [usize; 2], random: &mut impl Rng) -> Self {
        let most = |side: usize| (side / 3).max(1);
        let (width, height) = (random.random_range(1..=most(columns)), random.random_range(1..=most(rows)));
        let (left, top) = (random.random_range(0..=columns - width), random.random_range(0..=rows - height));
        Self { left, top, width, height }
    }

    fn fill(&self, slice: &mut [f32], columns: usize, value: f32) {
        for row in self.top..self.top + self.height {
            slice[row * columns + self.left..row * columns + self.left + self.width].fill(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::generator;

    const NONE: Augmentation = Augmentation {
        mirror: false,
        rotation_degrees: 0.0,
        scale: 0.0,
        shift: 0.0,
        contrast: 0.0,
        brightness: 0.0,
        log_gamma: 0.0,
        noise: 0.0,
        erase: 0.0,
        mix: 0.0,
        turn_slices: false,
        tilt_degrees: 0.0,
        elastic: None,
    };

    const SAME: Shape = Shape {
        angle: 0.0,
        scale: [1.0, 1.0],
        shift: [0.0, 0.0],
        mirror: false,
        turn: false,
        tilt: None,
        displaced: None,
    };

    #[test]
    fn nothing_asked_changes_nothing() {
        let pixels: Vec<f32> = (0..25).map(|value| value as f32 / 25.0).collect();
        let same = NONE.apply(&pixels, 5, &mut generator(1, 0, 0));
        for (found, expected) in same.iter().zip(&pixels) {
            assert!((found - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn a_mirror_turns_rows_around_and_a_quarter_turn_moves_a_corner() {
        let pixels = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let mirrored = Shape { mirror: true, ..SAME }.warp(&pixels, [3, 3], straight);
        assert_eq!(mirrored[2], 1.0);
        let quarter = Shape { angle: std::f32::consts::FRAC_PI_2, ..SAME };
        let turned = quarter.warp(&pixels, [3, 3], straight);
        assert!(turned[6] > 0.99 || turned[2] > 0.99, "{turned:?}");
        assert!((turned.iter().sum::<f32>() - 1.0).abs() < 1e-4);
    }

    #[test]
    fn the_slices_of_a_volume_are_varied_alike_and_may_be_turned_around() {
        let strong = Augmentation { rotation_degrees: 20.0, shift: 0.1, erase: 1.0, mirror: true, ..NONE };
        let slice: Vec<f32> = (0..64).map(|value| value as f32 / 64.0).collect();
        let volume = [slice.clone(), slice.clone(), slice].concat();
        for place in 0..5 {
            let varied = strong.apply(&volume, 8, &mut generator(3, 1, place));
            assert!(varied.chunks_exact(64).all(|other| *other == varied[..64]));
        }
        let turning = Augmentation { turn_slices: true, ..NONE };
        let order: Vec<f32> = (0..3).flat_map(|slice| vec![slice as f32 / 2.0; 4]).collect();
        let firsts: Vec<f32> =
            (0..20).map(|place| turning.apply(&order, 2, &mut generator(4, 1, place))[0]).collect();
        assert!(firsts.contains(&0.0) && firsts.contains(&1.0), "{firsts:?}");
    }

    #[test]
    fn a_displacement_moves_values_and_labels_as_worked_on_paper() {
        // The second row is taken from one place to the right, the others from where they are.
        let displaced = Some([vec![0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0], vec![0.0; 9]]);
        let shape = Shape { displaced, ..SAME };
        let values: Vec<f32> = (0..9).map(|value| value as f32).collect();
        assert_eq!(shape.warp(&values, [3, 3], straight), [0.0, 1.0, 2.0, 4.0, 5.0, 5.0, 6.0, 7.0, 8.0]);
        let labels: Vec<u16> = (0..9).collect();
        assert_eq!(shape.warp(&labels, [3, 3], nearest), [0, 1, 2, 4, 5, 5, 6, 7, 8]);
    }

    #[test]
    fn labels_move_with_their_image_and_stay_whole_numbers_that_were_there() {
        let strong = Augmentation {
            rotation_degrees: 30.0,
            shift: 0.1,
            scale: 0.2,
            mirror: true,
            elastic: Some(Elastic { amplitude: 0.05, sigma: 0.1 }),
            tilt_degrees: 5.0,
            ..NONE
        };
        // A block of label 7 that is bright in the image, in two slices of 24 columns and 16 rows.
        let inside = |at: usize| (6..18).contains(&(at % 24)) && (4..12).contains(&(at / 24 % 16));
        let labels: Vec<u16> = (0..768).map(|at| if inside(at) { 7 } else { 0 }).collect();
        let values: Vec<f32> = labels.iter().map(|label| f32::from(u8::from(*label > 0))).collect();
        for place in 0..8 {
            let mut random = generator(9, 1, place);
            let (image, moved) = strong.apply_with_labels(&values, &labels, [24, 16], &mut random);
            assert!(moved.iter().all(|label| [0, 7].contains(label)));
            assert_ne!(moved, labels);
            let apart =
                image.iter().zip(&moved).filter(|(value, label)| (**value > 0.5) != (**label > 0)).count();
            assert!(apart < 20, "{apart} of 768 places differ");
            let again = strong.apply_with_labels(&values, &labels, [24, 16], &mut generator(9, 1, place));
            assert_eq!((image, moved), again);
        }
    }

    #[test]
    fn elastic_displacements_are_off_unless_asked_for_and_change_a_classifier_s_image() {
        let pixels: Vec<f32> = (0..256).map(|at| ((at * 37) % 97) as f32 / 97.0).collect();
        let turned = Augmentation { rotation_degrees: 10.0, ..NONE };
        let bent = Augmentation { elastic: Some(Elastic { amplitude: 0.05, sigma: 0.1 }), ..turned.clone() };
        let of = |how: &Augmentation| how.apply(&pixels, 16, &mut generator(3, 1, 2));
        assert_ne!(of(&bent), of(&turned));
        assert_eq!(of(&bent), of(&bent));
        let text = toml::to_string(&turned).expect("TOML");
        assert!(!text.contains("elastic"), "{text}");
        assert_eq!(toml::from_str::<Augmentation>(&text).expect("read again"), turned);
    }

    #[test]
    fn a_tilted_volume_keeps_its_content_and_another_seed_tilts_it_otherwise() {
        let tilting = Augmentation { tilt_degrees: 20.0, ..NONE };
        // A ball in the middle looks alike from all sides.
        let ball: Vec<f32> = (0..11_i32.pow(3))
            .map(|at| {
                let [x, y, z] = [at % 11 - 5, at / 11 % 11 - 5, at / 121 - 5];
                f32::from(u8::from(x * x + y * y + z * z <= 9))
            })
            .collect();
        let varied = tilting.apply(&ball, 11, &mut generator(5, 1, 0));
        let (before, after): (f32, f32) = (ball.iter().sum(), varied.iter().sum());
        assert!((before - after).abs() < 0.05 * before, "{before} to {after}");
        // A rod along the rows does not.
        let rod: Vec<f32> =
            (0..11_i32.pow(3)).map(|at| f32::from(u8::from(at / 11 % 11 == 5 && at / 121 == 5))).collect();
        let one = tilting.apply(&rod, 11, &mut generator(5, 1, 0));
        assert_ne!(one, rod);
        assert_ne!(one, tilting.apply(&rod, 11, &mut generator(5, 1, 1)));
    }

    #[test]
    fn the_same_seed_varies_alike() {
        let strong = Augmentation { rotation_degrees: 20.0, noise: 0.1, erase: 0.5, ..NONE };
        let pixels: Vec<f32> = (0..64).map(|value| value as f32 / 64.0).collect();
        let once = strong.apply(&pixels, 8, &mut generator(3, 1, 2));
        assert_eq!(once, strong.apply(&pixels, 8, &mut generator(3, 1, 2)));
        assert_ne!(once, strong.apply(&pixels, 8, &mut generator(3, 1, 3)));
    }
}
