mod tilt;

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
}

impl Augmentation {
    /// A varied copy of a square image, or of a volume of them, with values from 0 to 1; the slices of a volume are
    /// varied alike, but for noise.
    ///
    /// # Shapes
    /// `slices * side * side` values, columns fastest, in and out.
    pub fn apply(&self, pixels: &[f32], side: usize, random: &mut impl Rng) -> Vec<f32> {
        let mut symmetric = |bound: f32| if bound > 0.0 { random.random_range(-bound..=bound) } else { 0.0 };
        let angle = symmetric(self.rotation_degrees).to_radians();
        let (scale, stretch) = (1.0 + symmetric(self.scale), 1.0 + symmetric(self.scale / 2.0));
        let shift = [symmetric(self.shift) * side as f32, symmetric(self.shift) * side as f32];
        let (contrast, brightness) = (1.0 + symmetric(self.contrast), symmetric(self.brightness));
        let gamma = symmetric(self.log_gamma).exp();
        let mirror = self.mirror && random.random_bool(0.5);
        let noise = if self.noise > 0.0 { random.random_range(0.0..=self.noise) } else { 0.0 };
        let turn = self.turn_slices && random.random_bool(0.5);
        let mut slices: Vec<&[f32]> = pixels.chunks_exact(side * side).collect();
        if turn {
            slices.reverse();
        }
        let scales = [scale * stretch, scale / stretch];
        let mut varied: Vec<f32> = if self.tilt_degrees > 0.0 && slices.len() > 1 {
            let mut symmetric =
                |bound: f32| if bound > 0.0 { random.random_range(-bound..=bound) } else { 0.0 };
            let tilts =
                [symmetric(self.tilt_degrees).to_radians(), symmetric(self.tilt_degrees).to_radians()];
            let across = (scale, symmetric(self.shift) * slices.len() as f32);
            let place = tilt::Placement::new([angle, tilts[0], tilts[1]], [scales[0], scales[1], across.0]);
            place.resample(&slices, side, [shift[0], shift[1], across.1], mirror)
        } else {
            slices.iter().flat_map(|slice| warp(slice, side, angle, scales, shift, mirror)).collect()
        };
        let mean = varied.iter().sum::<f32>() / varied.len() as f32;
        for value in &mut varied {
            let toned = value.max(0.0).powf(gamma);
            *value = (toned - mean) * contrast + mean + brightness;
            if noise > 0.0 {
                // The sum of three uniform numbers is near enough to normal for noise.
                let sum: f32 = (0..3).map(|_| random.random_range(-1.0_f32..1.0)).sum();
                *value += noise * sum;
            }
            *value = value.clamp(0.0, 1.0);
        }
        if self.erase > 0.0 && random.random_bool(f64::from(self.erase)) {
            let hole = Hole::draw(side, random);
            varied.chunks_exact_mut(side * side).for_each(|slice| hole.fill(slice, side, mean));
        }
        varied
    }
}

/// Samples the image along a rotated, scaled and shifted grid, bilinear, edges carried outward.
fn warp(pixels: &[f32], side: usize, angle: f32, scale: [f32; 2], shift: [f32; 2], mirror: bool) -> Vec<f32> {
    let (sine, cosine) = angle.sin_cos();
    let middle = (side as f32 - 1.0) / 2.0;
    let last = (side - 1) as f32;
    let mut out = Vec::with_capacity(pixels.len());
    for row in 0..side {
        for column in 0..side {
            let x = if mirror { middle - column as f32 } else { column as f32 - middle };
            let y = row as f32 - middle;
            let from_column = ((cosine * x - sine * y) / scale[0] + middle + shift[0]).clamp(0.0, last);
            let from_row = ((sine * x + cosine * y) / scale[1] + middle + shift[1]).clamp(0.0, last);
            let (left, top) = (from_column as usize, from_row as usize);
            let (right, bottom) = ((left + 1).min(side - 1), (top + 1).min(side - 1));
            let (u, v) = (from_column - left as f32, from_row - top as f32);
            let at = |column: usize, row: usize| pixels[row * side + column];
            let upper = at(left, top) * (1.0 - u) + at(right, top) * u;
            let lower = at(left, bottom) * (1.0 - u) + at(right, bottom) * u;
            out.push(upper * (1.0 - v) + lower * v);
        }
    }
    out
}

/// A rectangle of up to a third of the side.
struct Hole {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Hole {
    fn draw(side: usize, random: &mut impl Rng) -> Self {
        let most = (side / 3).max(1);
        let (width, height) = (random.random_range(1..=most), random.random_range(1..=most));
        let (left, top) = (random.random_range(0..=side - width), random.random_range(0..=side - height));
        Self { left, top, width, height }
    }

    fn fill(&self, slice: &mut [f32], side: usize, value: f32) {
        for row in self.top..self.top + self.height {
            slice[row * side + self.left..row * side + self.left + self.width].fill(value);
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
        let mirrored = warp(&pixels, 3, 0.0, [1.0, 1.0], [0.0, 0.0], true);
        assert_eq!(mirrored[2], 1.0);
        let turned = warp(&pixels, 3, std::f32::consts::FRAC_PI_2, [1.0, 1.0], [0.0, 0.0], false);
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
