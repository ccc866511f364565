use serde::Serialize;
use wilhelm_filters::Preparation;

use super::{Choice, Pool, Strategy, choose, disagreement, entropy, margin, mean};
use crate::Augmentation;
use crate::fewshot::largest;
use crate::seed::generator;

/// Streams of randomness, apart from those of training.
const COPIES: u64 = 1 << 44;
const ORDER: u64 = 1 << 45;

/// An image without a label, as one or several models see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Unlabeled {
    /// What it is called.
    pub name: String,
    /// What each model, or one model of each varied copy, says of it; one at least.
    pub members: Vec<Vec<f64>>,
    /// Its feature vector.
    pub features: Vec<f32>,
    /// Whether the model abstains: the image is unlike those that it was trained on.
    pub abstains: bool,
}

/// A case in the order of labeling.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranked {
    /// From 1.
    pub order: usize,
    /// The image.
    pub image: String,
    /// Why it is here, in words.
    pub reason: String,
    /// The likeliest label.
    pub likeliest: String,
    /// Its probability.
    pub probability: f64,
    /// Entropy of the labels' probabilities, in nats.
    pub entropy: f64,
    /// By how much the likeliest label leads.
    pub margin: f64,
    /// How far the members are from one another, in nats; none with one member.
    pub disagreement: Option<f64>,
    /// By what it was chosen among those left; none for chance.
    pub score: Option<f64>,
    /// Whether the model abstains.
    pub abstains: bool,
}

/// Copies of an image on a network's grid, varied a little as two takes of one patient would be; the first is the image itself.
///
/// # Shapes
/// `pixels` are normalized as `preparation` says, and so are the copies.
pub fn varied_copies(
    pixels: &[f32],
    preparation: &Preparation,
    mirror: bool,
    count: usize,
    seed: u64,
    place: usize,
) -> Vec<Vec<f32>> {
    let augmentation = Augmentation {
        mirror,
        rotation_degrees: 5.0,
        scale: 0.05,
        shift: 0.03,
        contrast: 0.1,
        brightness: 0.05,
        log_gamma: 0.1,
        noise: 0.01,
        erase: 0.0,
        mix: 0.0,
        turn_slices: false,
        tilt_degrees: 0.0,
        elastic: None,
    };
    let Preparation { mean, deviation, columns, .. } = *preparation;
    let gray: Vec<f32> = pixels.iter().map(|pixel| (pixel * deviation + mean).clamp(0.0, 1.0)).collect();
    let copy = |number: usize| -> Vec<f32> {
        let mut random = generator(seed, COPIES + number as u64, place as u64);
        let varied = augmentation.apply(&gray, columns, &mut random);
        varied.into_iter().map(|pixel| (pixel - mean) / deviation).collect()
    };
    std::iter::once(pixels.to_vec()).chain((1..count.max(1)).map(copy)).collect()
}

/// Puts images in the order in which a strategy wants them labeled; `known` are the features of images that have their labels.
///
/// # Panics
/// If an image has no member, or feature vectors differ in length.
pub fn rank(
    strategy: Strategy,
    labels: &[String],
    images: &[Unlabeled],
    known: &[Vec<f32>],
    count: usize,
    seed: u64,
) -> Vec<Ranked> {
    let probabilities: Vec<Vec<f64>> = images.iter().map(|image| mean(&image.members)).collect();
    let members: Vec<Vec<Vec<f64>>> = images.iter().map(|image| image.members.clone()).collect();
    let own: Vec<&[f32]> = images.iter().map(|image| image.features.as_slice()).collect();
    let scale = Scale::of(&own);
    let rows: Vec<Vec<f64>> = own.iter().map(|row| scale.apply(row)).collect();
    let known: Vec<Vec<f64>> = known.iter().map(|row| scale.apply(row)).collect();
    let features: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    let known: Vec<&[f64]> = known.iter().map(Vec::as_slice).collect();
    let pool = Pool { features: &features, probabilities: &probabilities, members: &members, known: &known };
    let chosen = choose(strategy, &pool, count, &mut generator(seed, ORDER, 0));
    chosen
        .iter()
        .enumerate()
        .map(|(at, choice)| {
            let (image, row) = (&images[choice.place], &probabilities[choice.place]);
            let apart = (image.members.len() > 1).then(|| disagreement(&image.members));
            let mut reason = words(strategy, labels, row, choice, at == 0 && known.is_empty());
            if image.abstains {
                reason.push_str("; the model abstains, since it is unlike its training images");
            }
            let likeliest = largest(row);
            Ranked {
                order: at + 1,
                image: image.name.clone(),
                reason,
                likeliest: labels[likeliest].clone(),
                probability: row[likeliest],
                entropy: entropy(row),
                margin: margin(row),
                disagreement: apart,
                score: (strategy != Strategy::Random).then_some(choice.score),
                abstains: image.abstains,
            }
        })
        .collect()
}

/// Why a case was chosen.
fn words(strategy: Strategy, labels: &[String], row: &[f64], choice: &Choice, is_first: bool) -> String {
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by(|a, b| row[*b].total_cmp(&row[*a]));
    let said = |place: usize| order.get(place).map(|label| format!("{} {:.2}", labels[*label], row[*label]));
    let two: Vec<String> = (0..2).filter_map(said).collect();
    match strategy {
        Strategy::Random => "chosen by chance".to_owned(),
        Strategy::Entropy => format!("the model is unsure: {}", two.join(", ")),
        Strategy::Margin => {
            format!("{} leads by {:.2} only: {}", labels[order[0]], choice.score, two.join(", "))
        }
        Strategy::Disagreement => {
            format!("the readings disagree by {:.3} nats; their mean is {}", choice.score, two.join(", "))
        }
        Strategy::CoreSet if is_first => "nearest the middle of all images".to_owned(),
        Strategy::CoreSet => format!("{:.2} away from every image labeled or named before", choice.score),
        Strategy::Badge if is_first => format!("its label would move the model most: {}", two.join(", ")),
        Strategy::Badge => format!(
            "its label would move the model, and in another direction than those before: {}",
            two.join(", ")
        ),
    }
}

/// Brings each feature to mean 0 and deviation 1.
struct Scale(Vec<(f64, f64)>);

impl Scale {
    fn of(rows: &[&[f32]]) -> Self {
        let width = rows.first().map_or(0, |row| row.len());
        let count = rows.len().max(1) as f64;
        let of = |column: usize| rows.iter().map(move |row| f64::from(row[column]));
        let scale = |column: usize| {
            let mean = of(column).sum::<f64>() / count;
            let deviation = (of(column).map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
            (mean, if deviation > 1e-9 { deviation } else { 1.0 })
        };
        Self((0..width).map(scale).collect())
    }

    fn apply(&self, row: &[f32]) -> Vec<f64> {
        assert_eq!(row.len(), self.0.len(), "features of an image");
        row.iter()
            .zip(&self.0)
            .map(|(value, (mean, deviation))| (f64::from(*value) - mean) / deviation)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(name: &str, members: &[[f64; 2]], features: [f32; 2]) -> Unlabeled {
        let members = members.iter().map(|member| member.to_vec()).collect();
        Unlabeled { name: name.to_owned(), members, features: features.to_vec(), abstains: name == "odd" }
    }

    fn images() -> Vec<Unlabeled> {
        vec![
            image("sure", &[[0.98, 0.02], [0.96, 0.04]], [0.0, 0.0]),
            image("unsure", &[[0.5, 0.5], [0.54, 0.46]], [0.1, 0.0]),
            image("odd", &[[0.9, 0.1], [0.2, 0.8]], [4.0, 4.0]),
        ]
    }

    fn order(strategy: Strategy, known: &[Vec<f32>]) -> Vec<(String, String)> {
        let labels = ["benign".to_owned(), "malignant".to_owned()];
        let found = rank(strategy, &labels, &images(), known, 9, 1);
        assert!(found.iter().enumerate().all(|(at, case)| case.order == at + 1));
        found.into_iter().map(|case| (case.image, case.reason)).collect()
    }

    #[test]
    fn each_strategy_names_first_what_it_looks_for_and_says_why() {
        let first = |strategy: Strategy| order(strategy, &[]).remove(0);
        let (image, reason) = first(Strategy::Entropy);
        assert_eq!(
            (image.as_str(), reason.as_str()),
            ("unsure", "the model is unsure: benign 0.52, malignant 0.48")
        );
        let (image, reason) = first(Strategy::Margin);
        assert_eq!((image.as_str(), &reason[..29]), ("unsure", "benign leads by 0.04 only: be"));
        let (image, reason) = first(Strategy::Disagreement);
        assert_eq!(image, "odd");
        assert!(
            reason.starts_with("the readings disagree by 0.2") && reason.contains("abstains"),
            "{reason}"
        );
        let known = [vec![0.0, 0.0]];
        let (image, reason) = order(Strategy::CoreSet, &known).remove(0);
        assert_eq!(image, "odd");
        assert!(reason.contains("away from every image"), "{reason}");
        assert_eq!(order(Strategy::Random, &[]).len(), 3);
        assert_eq!(order(Strategy::Badge, &[]).len(), 3);
    }

    #[test]
    fn copies_are_near_the_image_and_the_same_each_time() {
        let preparation = Preparation {
            columns: 8,
            rows: 8,
            fit: wilhelm_filters::Fit::Stretch,
            mean: 0.4,
            deviation: 0.2,
        };
        let pixels: Vec<f32> = (0..64).map(|at| ((at % 8) as f32 / 8.0 - 0.4) / 0.2).collect();
        let copies = varied_copies(&pixels, &preparation, false, 4, 1, 7);
        assert_eq!((copies.len(), &copies[0]), (4, &pixels));
        assert_eq!(copies, varied_copies(&pixels, &preparation, false, 4, 1, 7));
        assert_ne!(copies, varied_copies(&pixels, &preparation, false, 4, 1, 8));
        for copy in &copies[1..] {
            let apart = copy.iter().zip(&pixels).map(|(a, b)| (a - b).abs()).sum::<f32>() / 64.0 * 0.2;
            assert!(apart > 0.0 && apart < 0.2, "{apart}");
        }
    }
}
