use rand::{Rng, RngExt};
use serde::Serialize;
use wilhelm_filters::denoise::{Edge, Sigma, gaussian};
use wilhelm_study::{Arbitrary, Modality, Projection};

use crate::LearnError;
use crate::seed::generator;

/// How many severities there are, from 1.
pub const SEVERITIES: usize = 5;
/// Stream of randomness, apart from those of training.
const NOISE: u64 = 1 << 46;

/// What makes an image worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Corruption {
    /// Electronic noise: normal, the same everywhere.
    GaussianNoise,
    /// Too few photons: a Poisson count for each pixel.
    ShotNoise,
    /// Broken detector elements: pixels that are black or white.
    ImpulseNoise,
    /// Interference of echoes: normal noise in proportion to the pixel.
    SpeckleNoise,
    /// Noise of a magnitude image: normal in both channels.
    RicianNoise,
    /// Out of focus.
    GaussianBlur,
    /// Moved while it was taken, along a line of any direction.
    MotionBlur,
    /// Too bright.
    Brighter,
    /// Too dark.
    Darker,
    /// Too much contrast about the mean.
    MoreContrast,
    /// Too little.
    LessContrast,
    /// Mid grays darker.
    GammaDarker,
    /// Mid grays brighter.
    GammaBrighter,
    /// Fewer and larger pixels.
    Pixelate,
    /// JPEG compression.
    Jpeg,
}

use Corruption::{
    Brighter, Darker, GammaBrighter, GammaDarker, GaussianBlur, GaussianNoise, ImpulseNoise, Jpeg,
    LessContrast, MoreContrast, MotionBlur, Pixelate, RicianNoise, ShotNoise, SpeckleNoise,
};

impl Corruption {
    /// What images of these modalities can meet: radiographs photon noise and broken detectors, ultrasound speckle, magnetic
    /// resonance Rician noise and motion; every modality what display and storage do.
    pub fn of_modalities(modalities: &[Modality]) -> Vec<Self> {
        let any = |wanted: &[Modality]| modalities.iter().any(|modality| wanted.contains(modality));
        let mut all = Vec::new();
        if any(&[Modality::Cr, Modality::Dx, Modality::Ct, Modality::Pt]) {
            all.extend([GaussianNoise, ShotNoise]);
        }
        if any(&[Modality::Cr, Modality::Dx]) {
            all.extend([ImpulseNoise, MoreContrast, GammaDarker, GammaBrighter]);
        }
        if any(&[Modality::Us]) {
            all.push(SpeckleNoise);
        }
        if any(&[Modality::Mr]) {
            all.extend([RicianNoise, MoreContrast, GammaDarker, GammaBrighter]);
        }
        if any(&[Modality::Us, Modality::Mr, Modality::Ct, Modality::Pt]) {
            all.push(MotionBlur);
        }
        if all.is_empty() {
            all.push(GaussianNoise);
        }
        all.extend([GaussianBlur, Brighter, Darker, LessContrast, Pixelate, Jpeg]);
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Its name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            GaussianNoise => "Gaussian noise",
            ShotNoise => "shot noise",
            ImpulseNoise => "impulse noise",
            SpeckleNoise => "speckle",
            RicianNoise => "Rician noise",
            GaussianBlur => "blur",
            MotionBlur => "motion blur",
            Brighter => "brighter",
            Darker => "darker",
            MoreContrast => "more contrast",
            LessContrast => "less contrast",
            GammaDarker => "gamma, darker",
            GammaBrighter => "gamma, brighter",
            Pixelate => "pixelate",
            Jpeg => "JPEG",
        }
    }

    /// How much at each severity.
    const fn amounts(self) -> [f32; SEVERITIES] {
        match self {
            GaussianNoise | RicianNoise => [0.04, 0.08, 0.12, 0.18, 0.26],
            ShotNoise => [60.0, 25.0, 12.0, 5.0, 3.0],
            ImpulseNoise => [0.01, 0.03, 0.06, 0.1, 0.17],
            SpeckleNoise => [0.1, 0.15, 0.25, 0.4, 0.6],
            GaussianBlur => [0.01, 0.02, 0.03, 0.045, 0.06],
            MotionBlur => [0.04, 0.07, 0.1, 0.15, 0.2],
            Brighter | Darker => [0.1, 0.2, 0.3, 0.4, 0.5],
            MoreContrast => [1.3, 1.6, 2.0, 2.5, 3.0],
            LessContrast => [0.75, 0.6, 0.45, 0.3, 0.2],
            GammaDarker => [1.2, 1.5, 1.8, 2.2, 2.8],
            GammaBrighter => [0.85, 0.7, 0.55, 0.45, 0.35],
            Pixelate => [0.75, 0.6, 0.5, 0.4, 0.3],
            Jpeg => [60.0, 40.0, 25.0, 15.0, 8.0],
        }
    }

    /// What a severity does, in numbers.
    ///
    /// # Panics
    /// If it is not from 1 to [`SEVERITIES`].
    pub fn words(self, severity: usize) -> String {
        let amount = self.amounts()[severity - 1];
        match self {
            GaussianNoise | RicianNoise => format!("deviation {amount} of the gray scale"),
            ShotNoise => format!("{amount} photons at white"),
            ImpulseNoise => format!("{:.0} % of pixels black or white", 100.0 * amount),
            SpeckleNoise => format!("deviation {amount} of the pixel"),
            GaussianBlur => format!("deviation {amount} of the side"),
            MotionBlur => format!("{amount} of the side long"),
            Brighter => format!("{amount} of the gray scale added"),
            Darker => format!("{amount} of the gray scale taken away"),
            MoreContrast | LessContrast => format!("{amount} times the contrast"),
            GammaDarker | GammaBrighter => format!("to the power of {amount}"),
            Pixelate => format!("{amount} of the side in pixels"),
            Jpeg => format!("quality {amount}"),
        }
    }

    /// A square image made worse; the same seed and place give the same.
    ///
    /// # Shapes
    /// `side * side` gray values from 0 to 1, columns fastest, in and out.
    ///
    /// # Errors
    /// [`LearnError::Few`] for an image of another shape; those of the JPEG codec.
    ///
    /// # Panics
    /// If the severity is not from 1 to [`SEVERITIES`].
    pub fn apply(
        self,
        severity: usize,
        pixels: &[f32],
        side: usize,
        seed: u64,
        place: usize,
    ) -> Result<Vec<f32>, LearnError> {
        if pixels.len() != side * side || side == 0 {
            return Err(LearnError::Few(format!(
                "an image of {} pixels, expected {side} x {side}",
                pixels.len()
            )));
        }
        let amount = self.amounts()[severity - 1];
        let stream = NOISE + ((self as u64) << 8) + severity as u64;
        let mut random = generator(seed, stream, place as u64);
        let each = |change: &mut dyn FnMut(f32) -> f32| -> Vec<f32> {
            pixels.iter().map(|value| change(*value).clamp(0.0, 1.0)).collect()
        };
        Ok(match self {
            GaussianNoise => each(&mut |value| value + amount * normal(&mut random)),
            SpeckleNoise => each(&mut |value| value + value * amount * normal(&mut random)),
            RicianNoise => {
                each(&mut |value| (value + amount * normal(&mut random)).hypot(amount * normal(&mut random)))
            }
            ShotNoise => each(&mut |value| photons(value.max(0.0) * amount, &mut random) / amount),
            ImpulseNoise => each(&mut |value| {
                let [broken, white] = [random.random_range(0.0..1.0), random.random_range(0.0..1.0_f32)];
                if broken >= amount { value } else { f32::from(u8::from(white < 0.5)) }
            }),
            Brighter => each(&mut |value| value + amount),
            Darker => each(&mut |value| value - amount),
            MoreContrast | LessContrast => {
                let mean = pixels.iter().sum::<f32>() / pixels.len() as f32;
                each(&mut |value| (value - mean) * amount + mean)
            }
            GammaDarker | GammaBrighter => each(&mut |value| value.max(0.0).powf(amount)),
            GaussianBlur => blurred(pixels, side, amount * side as f32)?,
            MotionBlur => {
                // Each severity moves the image the same way.
                let mut random = generator(seed, NOISE + ((self as u64) << 8), place as u64);
                moved(pixels, side, amount * side as f32, random.random_range(0.0..std::f32::consts::PI))
            }
            Pixelate => pixelated(pixels, side, ((side as f32 * amount).round() as usize).clamp(1, side)),
            Jpeg => {
                let fail =
                    |_| LearnError::Few(format!("an image of {side} x {side} is more than JPEG holds"));
                let short = u16::try_from(side).map_err(fail)?;
                let bytes: Vec<u8> =
                    pixels.iter().map(|value| (value.clamp(0.0, 1.0) * 255.0).round() as u8).collect();
                let read = wilhelm_formats::through_jpeg(short, short, &bytes, amount as u8)?;
                read.into_iter().map(|byte| f32::from(byte) / 255.0).collect()
            }
        })
    }
}

/// A normal number (Box and Muller).
fn normal(random: &mut impl Rng) -> f32 {
    let (radius, angle): (f32, f32) = (random.random_range(f32::EPSILON..1.0), random.random_range(0.0..1.0));
    (-2.0 * radius.ln()).sqrt() * (std::f32::consts::TAU * angle).cos()
}

/// A Poisson count (Knuth); the means here are below 100.
fn photons(mean: f32, random: &mut impl Rng) -> f32 {
    let (least, mut product, mut count) = ((-f64::from(mean)).exp(), 1.0_f64, 0.0);
    loop {
        product *= random.random_range(0.0..1.0_f64);
        if product <= least {
            return count;
        }
        count += 1.0;
    }
}

fn blurred(pixels: &[f32], side: usize, deviation: f32) -> Result<Vec<f32>, LearnError> {
    let fail = |error: &dyn std::fmt::Display| LearnError::Few(error.to_string());
    let image =
        Projection::<Arbitrary>::new(side, side, pixels.to_vec(), None).map_err(|error| fail(&error))?;
    let sigma = Sigma::Voxels(f64::from(deviation));
    let blurred = gaussian(&image, sigma, Edge::Nearest).map_err(|error| fail(&error))?;
    Ok(blurred.pixels().to_vec())
}

/// The mean along a line through each pixel, edges carried outward.
fn moved(pixels: &[f32], side: usize, length: f32, angle: f32) -> Vec<f32> {
    // Two samples a pixel of the line.
    let samples = (2.0 * length).ceil().max(1.0) as usize;
    let (sine, cosine) = angle.sin_cos();
    let last = (side - 1) as f32;
    let at = |column: f32, row: f32| {
        let (column, row) = (column.clamp(0.0, last), row.clamp(0.0, last));
        let (left, top) = (column as usize, row as usize);
        let (right, bottom) = ((left + 1).min(side - 1), (top + 1).min(side - 1));
        let (u, v) = (column - left as f32, row - top as f32);
        let upper = pixels[top * side + left] * (1.0 - u) + pixels[top * side + right] * u;
        let lower = pixels[bottom * side + left] * (1.0 - u) + pixels[bottom * side + right] * u;
        upper * (1.0 - v) + lower * v
    };
    (0..side * side)
        .map(|place| {
            let (column, row) = ((place % side) as f32, (place / side) as f32);
            let along = |sample: usize| ((sample as f32 + 0.5) / samples as f32 - 0.5) * length;
            (0..samples)
                .map(|sample| at(column + cosine * along(sample), row + sine * along(sample)))
                .sum::<f32>()
                / samples as f32
        })
        .collect()
}

/// The mean of each of `blocks` x `blocks` blocks in the place of its pixels.
fn pixelated(pixels: &[f32], side: usize, blocks: usize) -> Vec<f32> {
    let block = |at: usize| at * blocks / side;
    let (mut sums, mut counts) = (vec![0.0_f32; blocks * blocks], vec![0.0_f32; blocks * blocks]);
    let of = |place: usize| block(place / side) * blocks + block(place % side);
    for (place, value) in pixels.iter().enumerate() {
        sums[of(place)] += value;
        counts[of(place)] += 1.0;
    }
    (0..side * side).map(|place| sums[of(place)] / counts[of(place)].max(1.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Corruption; 15] = [
        GaussianNoise,
        ShotNoise,
        ImpulseNoise,
        SpeckleNoise,
        RicianNoise,
        GaussianBlur,
        MotionBlur,
        Brighter,
        Darker,
        MoreContrast,
        LessContrast,
        GammaDarker,
        GammaBrighter,
        Pixelate,
        Jpeg,
    ];

    fn picture() -> Vec<f32> {
        (0..32 * 32)
            .map(|at| {
                let (column, row) = (at % 32, at / 32);
                let inside = (9..22).contains(&column) && (11..25).contains(&row);
                0.3 + if inside { 0.4 } else { 0.0 } + (at * 7 % 13) as f32 / 100.0
            })
            .collect()
    }

    #[test]
    fn higher_severities_are_worse_and_the_same_each_time() {
        let picture = picture();
        for corruption in ALL {
            let apart: Vec<f32> = (1..=SEVERITIES)
                .map(|severity| {
                    let found = corruption.apply(severity, &picture, 32, 1, 5).expect("worse");
                    assert_eq!(found, corruption.apply(severity, &picture, 32, 1, 5).expect("again"));
                    assert!(found.len() == 1024 && found.iter().all(|value| (0.0..=1.0).contains(value)));
                    assert!(!corruption.words(severity).is_empty());
                    found.iter().zip(&picture).map(|(a, b)| (a - b).powi(2)).sum::<f32>() / 1024.0
                })
                .collect();
            assert!(
                apart[0] > 0.0 && apart[2] > apart[0] && apart[4] > apart[2],
                "{corruption:?}: {apart:?}"
            );
        }
    }

    #[test]
    fn amounts_worked_on_paper() {
        let dark = Darker.apply(2, &[0.5; 4], 2, 1, 0).expect("darker");
        assert!(dark.iter().all(|value| (value - 0.3).abs() < 1e-6));
        // Mean 0.5; 0.45 times the distance from it.
        let less = LessContrast.apply(3, &[0.1, 0.9, 0.1, 0.9], 2, 1, 0).expect("less");
        assert!((less[0] - 0.32).abs() < 1e-6 && (less[1] - 0.68).abs() < 1e-6);
        let gamma = GammaDarker.apply(2, &[0.25; 4], 2, 1, 0).expect("darker");
        assert!((gamma[0] - 0.125).abs() < 1e-6);
        // Two blocks a side of four pixels.
        let blocks = pixelated(
            &[0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0],
            4,
            2,
        );
        assert_eq!(blocks[..4], [0.5, 0.5, 0.0, 0.0]);
        assert_eq!(blocks[12..], [0.0, 0.0, 1.0, 1.0]);
        // Along a row: a bright pixel of a line of 3 becomes a third of itself or so, and nothing is lost.
        let mut line = vec![0.0; 49];
        line[24] = 1.0;
        let moved = moved(&line, 7, 3.0, 0.0);
        assert!(
            (moved.iter().sum::<f32>() - 1.0).abs() < 1e-4 && moved[24] < 0.4 && moved[17] == 0.0,
            "{moved:?}"
        );
    }

    #[test]
    fn noise_has_the_spread_that_is_promised() {
        let mut random = generator(3, 0, 0);
        let normals: Vec<f32> = (0..20_000).map(|_| normal(&mut random)).collect();
        let mean = normals.iter().sum::<f32>() / 20_000.0;
        let spread = normals.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (spread - 1.0).abs() < 0.05, "{mean} {spread}");
        let counts: Vec<f32> = (0..20_000).map(|_| photons(6.0, &mut random)).collect();
        let mean = counts.iter().sum::<f32>() / 20_000.0;
        let spread = counts.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / 20_000.0;
        assert!((mean - 6.0).abs() < 0.1 && (spread - 6.0).abs() < 0.4, "{mean} {spread}");
        let broken = ImpulseNoise.apply(5, &[0.5; 10_000], 100, 1, 0).expect("broken");
        let share = broken.iter().filter(|value| **value != 0.5).count() as f32 / 10_000.0;
        assert!((share - 0.17).abs() < 0.02, "{share}");
    }

    #[test]
    fn a_modality_meets_its_own_noise() {
        let of = |modality: Modality| Corruption::of_modalities(&[modality]);
        assert!(of(Modality::Dx).contains(&ShotNoise) && !of(Modality::Dx).contains(&SpeckleNoise));
        assert!(of(Modality::Us).contains(&SpeckleNoise) && !of(Modality::Us).contains(&ShotNoise));
        assert!(of(Modality::Mr).contains(&RicianNoise) && of(Modality::Mr).contains(&MotionBlur));
        assert!(of(Modality::Other("XC".to_owned())).contains(&GaussianNoise));
        assert!(
            ALL.iter()
                .all(|one| of(Modality::Dx).contains(one) || !matches!(one, Jpeg | Pixelate | Brighter))
        );
        assert!(Jpeg.apply(1, &[0.0; 3], 2, 1, 0).is_err());
    }
}
