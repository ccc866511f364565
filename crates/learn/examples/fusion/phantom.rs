//! Made-up cases of two inputs, for the example and for tests: volumes of noise with a ball in them.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wilhelm_learn::fusion::{FusionCase, FusionData, FusionRecipe};

pub const SIDE: usize = 12;
pub const SLICES: usize = 8;

/// What makes the label of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// A ball is in one input and not in the other: each input alone says nothing.
    OneOfBoth,
    /// In both inputs a ball is brighter, on average, in the second label: each input alone says something, and both
    /// together more.
    Brightness,
}

/// A case of the nth number, the same at each call.
pub fn case(truth: Truth, number: usize, seed: u64) -> FusionCase {
    let mut random = ChaCha8Rng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(number as u64));
    let label = number % 2;
    let contrast = match truth {
        Truth::OneOfBoth => {
            let first = random.random_bool(0.5);
            let second = first != (label == 1);
            [first, second].map(|there| if there { 0.5 } else { 0.0 })
        }
        // Means 1.5 standard deviations apart.
        Truth::Brightness => [0; 2].map(|_| 0.3 + 0.12 * (1.5 * (label as f32 - 0.5) + normal(&mut random))),
    };
    // The inputs are registered: the ball is at one place in both.
    let middle = [SIDE, SIDE, SLICES].map(|side| random.random_range(3.0..side as f32 - 3.0));
    let input = |contrast: f32, random: &mut ChaCha8Rng| {
        let voxel = |at: usize| {
            let place = [at % SIDE, at / SIDE % SIDE, at / SIDE / SIDE];
            let squared: f32 =
                place.iter().zip(&middle).map(|(place, middle)| (*place as f32 - middle).powi(2)).sum();
            let inside = if squared < 6.0 { contrast } else { 0.0 };
            (0.25 + inside + 0.05 * normal(random)).clamp(0.0, 1.0)
        };
        (0..SIDE * SIDE * SLICES).map(voxel).collect::<Vec<f32>>()
    };
    let inputs = contrast.map(|contrast| Some(input(contrast, &mut random))).to_vec();
    FusionCase { name: format!("{number}"), patient: None, inputs, label }
}

/// A standard normal number (Box and Muller 1958, doi:10.1214/aoms/1177706645).
fn normal(random: &mut impl Rng) -> f32 {
    let (radius, angle): (f32, f32) = (random.random_range(f32::EPSILON..1.0), random.random_range(0.0..1.0));
    (-2.0 * radius.ln()).sqrt() * (std::f32::consts::TAU * angle).cos()
}

/// So many cases.
pub fn cases(recipe: &FusionRecipe, truth: Truth, count: usize, seed: u64) -> FusionData {
    let cases = (0..count).map(|number| case(truth, number, seed)).collect();
    FusionData::new(recipe, cases).expect("cases of the recipe's sizes")
}

/// The recipe of a fusion, as its file would have it.
pub fn recipe(fusion: &str, drop_input: f64, more: &str) -> FusionRecipe {
    FusionRecipe::from_toml(&text(fusion, drop_input, more)).expect("a recipe")
}

/// Its text; `more` stands before the tables.
pub fn text(fusion: &str, drop_input: f64, more: &str) -> String {
    format!(
        r#"
name = "phantom"
version = "1.0.0"
title = "Balls in two inputs"
license = "Apache-2.0"
must_not = ["It must not be used for anything but tests."]
seed = 20261126
mirror = false
validation_share = 0.5
duplicates_above = 1.1
fit = "stretch"
data_words = "made-up volumes"
data_license = "none"
citation = "none"
fusion = "{fusion}"
drop_input = {drop_input}
{more}
[[inputs]]
key = "a"
modalities = ["CT"]
quantity = "arbitrary"
[[inputs]]
key = "b"
modalities = ["MR"]
quantity = "arbitrary"
[data]
kind = "table"
table = "cases.csv"
classes = ["first", "second"]
[input]
body_parts = ["BRAIN"]
least_side = 8
greatest_aspect = 1.5
words = "two made-up volumes"
population = "none"
[architecture]
widths = [8, 16]
stem_stride = 2
side = {SIDE}
slices = {SLICES}
volumetric = true
features = 32
model_width = 32
heads = 4
encoder_layers = 1
decoder_layers = 1
labels = 2
[[labels]]
key = "first"
name = "first"
normal = true
[[labels]]
key = "second"
name = "second"
[augmentation]
mirror = true
rotation_degrees = 10.0
scale = 0.05
shift = 0.05
contrast = 0.0
brightness = 0.0
log_gamma = 0.0
noise = 0.02
erase = 0.0
mix = 0.0
[optimization]
epochs = 24
warm_up_epochs = 2
batch = 8
learning_rate = 0.004
weight_decay = 0.01
clip_norm = 1.0
label_smoothing = 0.0
class_balance = 0.0
average = 0.98
"#
    )
}
