use std::path::Path;

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};
use serde::Deserialize;

use super::super::network::{Explained, Mapped};
use super::*;
use crate::arch::golden::{by_rule, values as weights};

/// Numbers of two images of a concept and two random ones on a plane.
const SHOWN: [[f32; 2]; 2] = [[1.0, 1.0], [1.0, -1.0]];
const RANDOM: [[f32; 2]; 2] = [[-1.0, 1.0], [-1.0, -1.0]];

#[test]
fn a_vector_and_its_share_worked_on_paper() {
    // The second number is the same on both sides, so that the way from one to the other is the first alone.
    let vector = concept_vector(&SHOWN, &RANDOM, 1.0).expect("parted");
    assert!((vector[0] - 1.0).abs() < 1e-6 && vector[1].abs() < 1e-6, "{vector:?}");
    // The other way round it points back, and with numbers a thousand times as large it is the same.
    let back = concept_vector(&RANDOM, &SHOWN, 1.0).expect("parted");
    assert!((back[0] + 1.0).abs() < 1e-6, "{back:?}");
    let large = |of: [[f32; 2]; 2]| of.map(|row| row.map(|value| 1000.0 * value + 5000.0));
    let same = concept_vector(&large(SHOWN), &large(RANDOM), 1.0).expect("parted");
    assert!((same[0] - vector[0]).abs() < 1e-6 && same[1].abs() < 1e-6, "{same:?}");
    // Along (1, 0) the gradients have parts 1, -1, 0.5 and 0: two of four rise, and a 0 does not.
    let gradients = [[1.0, 3.0], [-1.0, 9.0], [0.5, -7.0], [0.0, 5.0]].map(Vec::from);
    assert_eq!(concept_share(&gradients, &vector.iter().map(|value| value.round()).collect::<Vec<_>>()), 0.5);
    // What is the same everywhere has no direction, and nothing rises along it.
    let none = concept_vector(&[[2.0, 2.0]], &[[2.0, 2.0]], 1.0).expect("a vector");
    assert_eq!((none.as_slice(), concept_share(&gradients, &none)), (&[0.0, 0.0][..], 0.0));
    assert!(concept_vector(&[], &RANDOM, 1.0).is_err());
}

/// Rows of eight numbers by rule, the first of them greater by so much.
fn noise(name: &str, count: usize, more: f32) -> Vec<Vec<f32>> {
    let number =
        |row: usize, at: usize| 2.0 * by_rule(name, 8 * row + at) - 1.0 + if at == 0 { more } else { 0.0 };
    (0..count).map(|row| (0..8).map(|at| number(row, at)).collect()).collect()
}

#[test]
fn a_concept_along_which_the_logit_rises_one_along_which_it_falls_and_one_that_is_none() {
    let concept =
        |name: &str, more: f32| Concept { name: name.to_owned(), rows: noise(name, 30, more), made: false };
    let concepts = [concept("more", 2.0), concept("less", -2.0), concept("nothing", 0.0)];
    let random = noise("random", 80, 0.0);
    // Gradients of a logit that rises with the first number, on the whole.
    let gradients = noise("gradients", 40, 0.9);
    let settings = ConceptSettings::default();
    let steps = std::sync::atomic::AtomicUsize::new(0);
    let count = |_: usize, total: usize| {
        assert_eq!(total, 60);
        steps.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    };
    let found = concept_scores(&concepts, &random, &gradients, &settings, &count).expect("scores");
    assert_eq!(steps.into_inner(), 60);
    let [more, less, nothing] = found.as_slice() else { panic!("three concepts") };
    for (one, above) in [(more, true), (less, false)] {
        assert_eq!((one.images, one.in_each_set, one.tellable, one.differs), (30, 30, true, true), "{one:?}");
        let mean = one.scores.as_ref().expect("a score").mean;
        assert!(if above { mean > 0.9 } else { mean < 0.1 }, "{one:?}");
        assert!(one.accuracy.low > 0.7 && one.accuracy.low < one.accuracy.estimate, "{one:?}");
        assert!(one.adjusted_p >= one.p && one.adjusted_p < Some(0.05), "{one:?}");
    }
    assert!(more.sentence("x").contains("the logit of x rises along it in more images"));
    assert!(less.sentence("x").contains("in fewer images"));
    assert_eq!((nothing.tellable, nothing.scores.is_none(), nothing.p), (false, true, None), "{nothing:?}");
    assert!(nothing.sentence("x").contains("cannot tell it"), "{}", nothing.sentence("x"));
    // Random sets point anywhere: some along the gradients, some against them.
    assert!(more.random.mean > 0.1 && more.random.mean < 0.9, "{:?}", more.random);
    let again = concept_scores(&concepts, &random, &gradients, &settings, &|_, _| ()).expect("scores");
    assert_eq!(again, found);
}

#[test]
fn a_made_concept_is_never_beside_the_image_that_it_was_made_of() {
    let random = noise("random", 50, 0.0);
    let rows: Vec<Vec<f32>> =
        random.iter().map(|row| row.iter().map(|value| value + 10.0).collect()).collect();
    let concept = Concept { name: "brighter".to_owned(), rows, made: true };
    let size = concept.size(&random).expect("enough");
    assert_eq!(size, 25);
    for set in 0..20 {
        let (shown, others) = concept.draw(&random, size, set, 3);
        assert_eq!((shown.len(), others.len()), (25, 25));
        for row in shown {
            let plain: Vec<f32> = row.iter().map(|value| value - 10.0).collect();
            let is_same = |other: &&&[f32]| other.iter().zip(&plain).all(|(a, b)| (*a - b).abs() < 1e-5);
            assert!(!others.iter().any(|other| is_same(&other)));
        }
    }
    let short = Concept { rows: concept.rows[1..].to_vec(), ..concept };
    assert!(short.size(&random).is_err());
}

#[test]
fn what_cannot_be_tested_is_refused() {
    let concept = |rows: Vec<Vec<f32>>| [Concept { name: "c".to_owned(), rows, made: false }];
    let (random, gradients) = (noise("random", 40, 0.0), noise("gradients", 5, 0.0));
    let settings = ConceptSettings::default();
    let said = |concepts: &[Concept], random: &[Vec<f32>], gradients: &[Vec<f32>], settings| {
        concept_scores(concepts, random, gradients, settings, &|_, _| ()).expect_err("refused").to_string()
    };
    let enough = concept(noise("c", 20, 1.0));
    assert!(
        said(&concept(noise("c", 9, 1.0)), &random, &gradients, &settings)
            .contains("at least 10 of the concept")
    );
    assert!(said(&enough, &random[..19], &gradients, &settings).contains("20 random ones"));
    assert!(said(&enough, &random, &[], &settings).contains("images to explain is empty"));
    assert!(said(&enough, &random, &[vec![1.0; 7]], &settings).contains("expected 7"));
    let mut spoiled = random.clone();
    spoiled[3][2] = f32::NAN;
    assert!(said(&enough, &spoiled, &gradients, &settings).contains("not finite"));
    let sets = ConceptSettings { sets: 1, ..settings };
    assert!(said(&enough, &random, &gradients, &sets).contains("sets is 1"));
    let strength = ConceptSettings { strength: 0.0, ..settings };
    assert!(said(&enough, &random, &gradients, &strength).contains("strength is 0"));
    let level = ConceptSettings { level: 1.0, ..settings };
    assert!(said(&enough, &random, &gradients, &level).contains("level is 1"));
}

#[derive(Deserialize)]
struct Golden {
    side: usize,
    count: usize,
    explained: usize,
    brighter: f32,
    strength: f64,
    shares: Vec<f64>,
    gradients: Vec<Vec<f32>>,
    direction: Vec<f64>,
}

/// The network of `tools/golden/nets_concepts.py`.
#[derive(Module, Debug)]
struct Bent {
    first: Conv2d,
    hidden: Linear,
    scorer: Linear,
}

impl Bent {
    fn new(device: &Device) -> Self {
        let by_name = |name: &str, shape: &[usize]| TensorData::new(weights(name, shape), shape.to_vec());
        let mut first = Conv2dConfig::new([1, 5], [3, 3])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .init(device);
        first.weight = Param::from_data(by_name("first.weight", &[5, 1, 3, 3]), device);
        first.bias = Some(Param::from_data(by_name("first.bias", &[5]), device));
        let linear = |name: &str, [from, to]: [usize; 2]| {
            let mut made = LinearConfig::new(from, to).init(device);
            let weight = Tensor::<2>::from_data(by_name(&format!("{name}.weight"), &[to, from]), device);
            made.weight = Param::from_tensor(weight.swap_dims(0, 1));
            made.bias = Some(Param::from_data(by_name(&format!("{name}.bias"), &[to]), device));
            made
        };
        Self { first, hidden: linear("hidden", [5, 8]), scorer: linear("scorer", [8, 3]) }
    }
}

impl Explained<4> for Bent {
    fn logits(&self, input: Tensor<4>) -> Tensor<2> {
        self.logits_of_map(self.maps(input).remove(0), 0)
    }
}

impl Mapped<4> for Bent {
    fn maps(&self, input: Tensor<4>) -> Vec<Tensor<4>> {
        vec![relu(self.first.forward(input))]
    }

    fn logits_of_map(&self, map: Tensor<4>, _: usize) -> Tensor<2> {
        let [batch, channels, rows, columns] = map.dims();
        let means = map.reshape([batch, channels, rows * columns]).mean_dim(2).reshape([batch, channels]);
        self.scorer.forward((self.hidden.forward(means) * 4.0).tanh())
    }
}

#[test]
fn vectors_gradients_and_shares_agree_with_captum_and_scikit_learn() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/concepts.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let golden: Golden = serde_json::from_str(&text).expect("the form that the script writes");
    let (side, device) = (golden.side, Device::flex());
    let images = |name: &str, count: usize, brighter: f32| {
        let pixel = |at: usize| {
            let left = at % side < side / 2;
            2.0 * by_rule(name, at) - 1.0 + if left { brighter } else { 0.0 }
        };
        let values: Vec<f32> = (0..count * side * side).map(pixel).collect();
        Tensor::<4>::from_data(TensorData::new(values, [count, 1, side, side]), &device)
    };
    let network = Bent::new(&device);
    let numbers = |images| pooled_maps(&network, images, 1).expect("one layer");
    let (shown, others) = (
        numbers(images("concept", golden.count, golden.brighter)),
        numbers(images("random", golden.count, 0.0)),
    );
    let vector = concept_vector(&shown, &others, golden.strength).expect("parted");
    let far = |found: &mut dyn Iterator<Item = (f64, f64)>| {
        found.map(|(found, expected)| (found - expected).abs()).fold(0.0, f64::max)
    };
    let off = far(&mut vector.iter().copied().zip(golden.direction.iter().copied()));
    eprintln!("vector: off by {off:.1e}");
    // The layer's numbers are single precision, added in another order.
    assert!(off < 1e-5, "{vector:?} for {:?}", golden.direction);
    let explained = images("explained", golden.explained, 0.0);
    for (label, (share, expected)) in golden.shares.iter().zip(&golden.gradients).enumerate() {
        let gradients = pooled_gradients(&network, explained.clone(), label, 1).expect("a label");
        let pairs = gradients.iter().flatten().zip(expected);
        let off = far(&mut pairs.map(|(found, expected)| (f64::from(*found), f64::from(*expected))));
        eprintln!("gradients of label {label}: off by {off:.1e}");
        assert!(off < 1e-4, "label {label}");
        assert!((concept_share(&gradients, &vector) - share).abs() < 1e-6, "label {label}");
    }
    assert!(golden.shares.iter().any(|share| *share > 0.0 && *share < 1.0), "all shares say the same");
    assert!(pooled_gradients(&network, explained.clone(), 3, 1).is_err(), "there are three labels");
    assert!(pooled_maps(&network, explained, 2).is_err(), "there is one layer");
}
