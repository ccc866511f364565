use serde::{Deserialize, Serialize};
use wilhelm_filters::Prepared;

use super::draw::Draw;

/// What is done to an image to see whether a model reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disturbance {
    /// Nothing: the real image.
    None,
    /// Left and right exchanged.
    Mirrored,
    /// Top and bottom exchanged.
    UpsideDown,
    /// Patches in a random order: texture stays, anatomy goes.
    ShuffledPatches,
    /// Pixels in a random order: the histogram of gray values stays.
    ShuffledPixels,
    /// Every pixel the image's own mean: its brightness stays.
    Blank,
    /// Noise of the image's own mean and deviation.
    Noise,
}

impl Disturbance {
    /// All of them, the real image first.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Mirrored,
        Self::UpsideDown,
        Self::ShuffledPatches,
        Self::ShuffledPixels,
        Self::Blank,
        Self::Noise,
    ];

    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::None => "real images",
            Self::Mirrored => "images with left and right exchanged",
            Self::UpsideDown => "images upside down",
            Self::ShuffledPatches => "images with their patches shuffled",
            Self::ShuffledPixels => "images with their pixels shuffled",
            Self::Blank => "blank images of the same brightness",
            Self::Noise => "noise of the same brightness and contrast",
        }
    }

    /// What stays of the image, where it is no longer one that a person could read.
    pub const fn stays(self) -> Option<&'static str> {
        match self {
            Self::None | Self::Mirrored | Self::UpsideDown => None,
            Self::ShuffledPatches => Some("texture"),
            Self::ShuffledPixels => Some("the histogram of gray values"),
            Self::Blank => Some("brightness"),
            Self::Noise => Some("brightness and contrast"),
        }
    }

    /// The image so disturbed, or the volume, whose slices stand one below the other; `draw` decides what is random.
    ///
    /// Patches of a volume are as deep as they are wide.
    pub(super) fn of(self, image: &Prepared, slices: usize, patch: usize, draw: &mut Draw) -> Prepared {
        let (columns, rows) = (image.columns, image.rows);
        let mut pixels = image.pixels.clone();
        match self {
            Self::None => {}
            Self::Mirrored => pixels.chunks_exact_mut(columns).for_each(<[f32]>::reverse),
            Self::UpsideDown => {
                let turned = |slice: &[f32]| -> Vec<f32> {
                    slice.chunks_exact(columns).rev().flatten().copied().collect()
                };
                pixels = image.pixels.chunks_exact(columns * rows / slices).flat_map(turned).collect();
            }
            Self::ShuffledPatches => {
                shuffle_patches(&image.pixels, [columns, rows / slices, slices], patch, &mut pixels, draw);
            }
            Self::ShuffledPixels => draw.shuffle(&mut pixels),
            Self::Blank => pixels.fill(mean(&image.pixels)),
            Self::Noise => {
                let mean = mean(&image.pixels);
                let square = image.pixels.iter().map(|value| f64::from(value - mean).powi(2)).sum::<f64>();
                let deviation = (square / pixels.len() as f64).sqrt() as f32;
                pixels.iter_mut().for_each(|pixel| *pixel = mean + deviation * draw.normal());
            }
        }
        Prepared { pixels, columns, rows, region: image.region }
    }
}

fn mean(values: &[f32]) -> f32 {
    (values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64) as f32
}

/// Puts the whole patches of an image or volume in a random order; what is left over at the ends of the axes stays.
fn shuffle_patches(
    from: &[f32],
    [columns, rows, slices]: [usize; 3],
    patch: usize,
    pixels: &mut [f32],
    draw: &mut Draw,
) {
    let deep = patch.min(slices);
    let (across, down, through) = (columns / patch, rows / patch, slices / deep);
    let mut order: Vec<usize> = (0..across * down * through).collect();
    draw.shuffle(&mut order);
    let begin = |at: usize, row: usize, slice: usize| {
        let (column, line) = (at % across * patch, at / across % down * patch + row);
        ((at / (across * down) * deep + slice) * rows + line) * columns + column
    };
    for (to, own) in order.into_iter().enumerate() {
        for slice in 0..deep {
            for row in 0..patch {
                let line = &from[begin(own, row, slice)..][..patch];
                pixels[begin(to, row, slice)..][..patch].copy_from_slice(line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use wilhelm_filters::Region;

    use super::*;

    fn image() -> Prepared {
        let region = Region { column: 0, row: 0, columns: 5, rows: 4 };
        Prepared { pixels: (0..20).map(|at| at as f32).collect(), columns: 5, rows: 4, region }
    }

    fn disturbed(how: Disturbance) -> Vec<f32> {
        how.of(&image(), 1, 2, &mut Draw::new(4, "test")).pixels
    }

    #[test]
    fn flips_move_the_first_pixel_to_its_corner() {
        assert_eq!(disturbed(Disturbance::None), image().pixels);
        let mirrored = disturbed(Disturbance::Mirrored);
        assert_eq!((mirrored[4], mirrored[0], mirrored[15]), (0.0, 4.0, 19.0));
        let down = disturbed(Disturbance::UpsideDown);
        assert_eq!((down[15], down[0], down[4]), (0.0, 15.0, 19.0));
    }

    #[test]
    fn a_shuffle_keeps_every_pixel_and_patches_stay_whole() {
        for how in [Disturbance::ShuffledPixels, Disturbance::ShuffledPatches] {
            let mut pixels = disturbed(how);
            assert_ne!(pixels, image().pixels);
            pixels.sort_unstable_by(f32::total_cmp);
            assert_eq!(pixels, image().pixels);
        }
        let pixels = disturbed(Disturbance::ShuffledPatches);
        for corner in [0, 2, 10, 12] {
            let first = pixels[corner];
            assert_eq!(
                [pixels[corner + 1], pixels[corner + 5], pixels[corner + 6]],
                [first + 1.0, first + 5.0, first + 6.0]
            );
        }
        // The fifth column belongs to no patch.
        assert_eq!(pixels[9], 9.0);
    }

    #[test]
    fn a_volume_s_slices_are_turned_each_for_itself_and_its_patches_are_cubes() {
        let region = Region { column: 0, row: 0, columns: 4, rows: 4 };
        let volume = Prepared { pixels: (0..64).map(|at| at as f32).collect(), columns: 4, rows: 16, region };
        let of = |how: Disturbance| how.of(&volume, 4, 2, &mut Draw::new(4, "test")).pixels;
        let down = of(Disturbance::UpsideDown);
        // The first slice stays the first.
        assert_eq!((down[0], down[12], down[16]), (12.0, 0.0, 28.0));
        assert_eq!(of(Disturbance::Mirrored)[..4], [3.0, 2.0, 1.0, 0.0]);
        let pixels = of(Disturbance::ShuffledPatches);
        assert_ne!(pixels, volume.pixels);
        for corner in [0, 2, 8, 10, 32, 34, 40, 42] {
            let first = pixels[corner];
            let found = [1, 4, 5, 16, 17, 20, 21].map(|step: usize| pixels[corner + step] - first);
            assert_eq!(found, [1.0, 4.0, 5.0, 16.0, 17.0, 20.0, 21.0]);
        }
    }

    #[test]
    fn blanks_and_noise_keep_brightness() {
        assert_eq!(disturbed(Disturbance::Blank), [9.5; 20]);
        let noise = disturbed(Disturbance::Noise);
        // The deviation is 5.8: the mean of 20 draws is off by 1.3.
        assert!((mean(&noise) - 9.5).abs() < 5.0 && noise != image().pixels);
    }
}
