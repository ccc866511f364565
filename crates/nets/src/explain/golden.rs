//! Comparisons with Captum, pytorch-grad-cam, timm, scikit-image and SciPy: weights and inputs are made by rule on both
//! sides, and what they answered stands in `tests/golden/explain.json` (`tools/golden/nets_explain.py`).

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig, Conv3d, Conv3dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d, PaddingConfig3d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};
use serde::Deserialize;

use super::agreement::{rank_correlation, structural_similarity};
use super::network::{Explained, Mapped, gradient, size_of, traced, values};
use super::*;
use crate::arch::golden::{by_rule, file, values as weights};
use crate::arch::{VisionTransformer, VisionTransformerConfig, load_torch};

#[derive(Deserialize)]
struct Golden {
    label: usize,
    baseline: f32,
    steps: usize,
    scale: f32,
    image: Answers,
    volume: Answers,
    rollout: RolloutAnswer,
    agreement: Vec<AgreementAnswer>,
}

#[derive(Deserialize)]
struct Answers {
    size: Vec<usize>,
    channels: usize,
    logits: Vec<f32>,
    grad_cam: Vec<Vec<f32>>,
    #[serde(default)]
    grad_cam_plus_plus: Vec<Vec<f32>>,
    integrated_gradients: Vec<f32>,
    convergence_delta: f64,
    saliency: Vec<f32>,
    occlusion: Vec<f32>,
}

#[derive(Deserialize)]
struct RolloutAnswer {
    tensors: BTreeMap<String, Vec<usize>>,
    rollout: Vec<f32>,
    elsewhere: f64,
}

#[derive(Deserialize)]
struct AgreementAnswer {
    size: Vec<usize>,
    rank_correlation: f64,
    structural_similarity: f64,
}

fn golden() -> Golden {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/explain.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("the form that the script writes")
}

fn by_name<const D: usize>(name: &str, shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
    Param::from_data(TensorData::new(weights(name, &shape), shape), device)
}

/// PyTorch keeps a linear layer's weight the other way round.
fn scorer(device: &Device) -> Linear {
    let mut scorer = LinearConfig::new(6, 3).init(device);
    scorer.weight = Param::from_tensor(by_name("scorer.weight", [3, 6], device).val().swap_dims(0, 1));
    scorer.bias = Some(by_name("scorer.bias", [3], device));
    scorer
}

fn scored<const D: usize>(map: Tensor<D>, scorer: &Linear) -> Tensor<2> {
    let dims = map.dims();
    let places = dims[2..].iter().product();
    scorer.forward(map.reshape([dims[0], dims[1], places]).mean_dim(2).reshape([dims[0], dims[1]]))
}

macro_rules! small_network {
    ($name:ident, $dimensions:literal, $convolution:ty, $config:ident, $padding:expr, [$($three:literal),+]) => {
        #[derive(Module, Debug)]
        struct $name {
            first: $convolution,
            second: $convolution,
            scorer: Linear,
        }

        impl $name {
            fn new(channels: usize, device: &Device) -> Self {
                let make = |name: &str, channels: [usize; 2], stride: usize| {
                    let mut made = $config::new(channels, [$($three),+])
                        .with_stride([stride; $dimensions - 2])
                        .with_padding($padding)
                        .init(device);
                    let shape = [channels[1], channels[0], $($three),+];
                    made.weight = by_name(&format!("{name}.weight"), shape, device);
                    made.bias = Some(by_name(&format!("{name}.bias"), [channels[1]], device));
                    made
                };
                Self {
                    first: make("first", [channels, 4], 1),
                    second: make("second", [4, 6], 2),
                    scorer: scorer(device),
                }
            }
        }

        impl Explained<$dimensions> for $name {
            fn logits(&self, input: Tensor<$dimensions>) -> Tensor<2> {
                let last = self.maps(input).pop().expect("there are two");
                scored(last, &self.scorer)
            }
        }

        impl Mapped<$dimensions> for $name {
            fn maps(&self, input: Tensor<$dimensions>) -> Vec<Tensor<$dimensions>> {
                let first = relu(self.first.forward(input));
                vec![first.clone(), relu(self.second.forward(first))]
            }

            fn logits_of_map(&self, map: Tensor<$dimensions>, layer: usize) -> Tensor<2> {
                let last = if layer == 0 { relu(self.second.forward(map)) } else { map };
                scored(last, &self.scorer)
            }
        }
    };
}

small_network!(SmallNet, 4, Conv2d, Conv2dConfig, PaddingConfig2d::Explicit(1, 1, 1, 1), [3, 3]);
small_network!(SmallNet3d, 5, Conv3d, Conv3dConfig, PaddingConfig3d::Explicit(1, 1, 1), [3, 3, 3]);

fn input<const D: usize>(answers: &Answers) -> Tensor<D> {
    let shape: Vec<usize> = [1, answers.channels].into_iter().chain(answers.size.iter().copied()).collect();
    let count = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|at| 2.0 * by_rule("input", at) - 1.0).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

/// Compares with what another implementation gave.
///
/// Both add in single precision in another order: a few roundings of the greatest number. A two-hundred-thousandth of
/// it is allowed, far below what any mistake makes.
fn close(name: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let greatest = expected.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    assert!(greatest > 1e-5, "{name} says nothing");
    let off = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    eprintln!("{name}: off by {:.1e} of {greatest}", off / greatest);
    assert!(off <= 5e-6 * greatest, "{name}: off by {off}, greatest is {greatest}");
}

fn check<const D: usize, N: Mapped<D>>(network: &N, golden: &Golden, answers: &Answers) {
    let input = input::<D>(answers);
    close("logits", &values(network.logits(input.clone())), &answers.logits);
    let (label, baseline) = (golden.label, golden.baseline);
    for (at, expected) in answers.grad_cam.iter().enumerate() {
        let map = grad_cam(network, &input, label, at + 1).expect("a map");
        close("grad-cam", map.values(), expected);
    }
    let path = PathSettings { baseline, steps: golden.steps, batch: 7 };
    let (map, completeness) = integrated_gradients(network, &input, label, &path).expect("a map");
    assert_eq!(map.size(), size_of(input.dims()));
    close("integrated gradients", map.values(), &answers.integrated_gradients);
    // Captum adds up in single precision: a few roundings of the logits.
    let delta = completeness.sum - completeness.difference;
    assert!((delta - answers.convergence_delta).abs() < 1e-6, "{delta} for {}", answers.convergence_delta);
    // Without noise SmoothGrad is the plain gradient.
    let still = NoiseSettings { samples: 3, noise: 0.0, seed: 1, batch: 2 };
    close(
        "gradient",
        smooth_grad(network, &input, label, &still).expect("a map").values(),
        &answers.saliency,
    );
    let window = WindowSettings { window: 3, stride: 2, baseline, batch: 5 };
    let map = occlusion(network, &input, label, &window).expect("a map");
    // Logits of about 1 that are subtracted from each other: their roundings stay, 1e-7 each.
    let off = map.values().iter().zip(&answers.occlusion).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off < 5e-7, "occlusion: off by {off}");
}

#[test]
fn maps_of_an_image_agree_with_captum_and_pytorch_grad_cam() {
    let golden = golden();
    let mut network = SmallNet::new(2, &Device::flex());
    check(&network, &golden, &golden.image);
    network.scorer.weight = Param::from_tensor(network.scorer.weight.val() * golden.scale);
    assert_eq!(golden.image.grad_cam_plus_plus.len(), 2);
    for (at, expected) in golden.image.grad_cam_plus_plus.iter().enumerate() {
        let map = grad_cam_plus_plus(&network, &input(&golden.image), golden.label, at + 1).expect("a map");
        // Their denominator has 1e-6 added to squares of gradients, of which those that count are above 0.01.
        let greatest = expected.iter().copied().fold(0.0, f32::max);
        let off = map.values().iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        eprintln!("grad-cam++: off by {:.1e} of {greatest}", off / greatest);
        assert!(greatest > 0.01 && off <= 1e-4 * greatest, "off by {off} of {greatest}");
    }
}

#[test]
fn maps_of_a_volume_agree_with_captum() {
    let golden = golden();
    check(&SmallNet3d::new(1, &Device::flex()), &golden, &golden.volume);
}

#[test]
fn rollout_agrees_with_timms_attention() {
    let answer = golden().rollout;
    let config = VisionTransformerConfig {
        side: 12,
        patch: 4,
        channels: 1,
        width: 6,
        heads: 2,
        layers: 3,
        inner: 7,
        classes: 3,
    };
    let network = VisionTransformer::new(&config, &Device::flex());
    let network =
        load_torch(network, file(&answer.tensors)).unwrap_or_else(|error| panic!("{error}")).valid();
    let values: Vec<f32> = (0..144).map(|at| 2.0 * by_rule("input", at) - 1.0).collect();
    let input = Tensor::<4>::from_data(TensorData::new(values, [1, 1, 12, 12]), &Device::flex());
    let found = attention_rollout(&network, &input, 0).expect("a map");
    assert_eq!((found.map.size(), found.of_label), ([3, 3, 1], false));
    close("rollout", found.map.values(), &answer.rollout);
    assert!((found.elsewhere - answer.elsewhere).abs() < 1e-6, "{}", found.elsewhere);
}

#[test]
fn rank_correlation_and_similarity_agree_with_scipy_and_scikit_image() {
    for answer in golden().agreement {
        let count = answer.size.iter().product();
        let first: Vec<f32> = (0..count).map(|at| by_rule("first map", at)).collect();
        let second: Vec<f32> = first
            .iter()
            .enumerate()
            // Rounded half to even, as NumPy does.
            .map(|(at, first)| ((first + by_rule("second map", at)) * 8.0).round_ties_even() / 8.0)
            .collect();
        let found = rank_correlation(&first, &second).expect("it is defined");
        // Double precision on both sides.
        assert!((found - answer.rank_correlation).abs() < 1e-12, "{found} for {}", answer.rank_correlation);
        let mut size = [1; 3];
        size.iter_mut().zip(answer.size.iter().rev()).for_each(|(to, from)| *to = *from);
        let map = |values: Vec<f32>| Attribution::new(size, values).expect("a map");
        let found = structural_similarity(&map(first), &map(second)).expect("one grid");
        assert!(
            (found - answer.structural_similarity).abs() < 1e-9,
            "{found} for {}",
            answer.structural_similarity
        );
    }
}

#[test]
fn the_gradient_of_the_input_agrees_with_finite_differences() {
    let network = SmallNet::new(1, &Device::flex());
    let (copy, device) = traced(&network, &Device::flex());
    let dims = [1, 1, 6, 5];
    let image: Vec<f32> = (0..30).map(|at| 2.0 * by_rule("other input", at) - 1.0).collect();
    let found = gradient(&copy, &device, image.clone(), dims, 2);
    let logit = |values: Vec<f32>| {
        let input = Tensor::<4>::from_data(TensorData::new(values, dims), &Device::flex());
        f64::from(self::values(network.logits(input))[2])
    };
    const STEP: f32 = 1e-3;
    // Logits of about 1 have roundings of 1e-7, a ten-thousandth of a step.
    const ROUNDING: f64 = 4e-4;
    let here = logit(image.clone());
    let mut smooth = 0;
    for place in 0..30 {
        let slope = |by: f32| {
            let mut moved = image.clone();
            moved[place] += by;
            (logit(moved) - here) / f64::from(by)
        };
        let (one, other) = (slope(STEP), slope(-STEP));
        smooth += usize::from((one - other).abs() < ROUNDING);
        // Where an activation has its kink on one side, the gradient is the slope of the other.
        let (low, high) = (one.min(other) - ROUNDING, one.max(other) + ROUNDING);
        let found = f64::from(found[place]);
        assert!((low..=high).contains(&found), "place {place}: {one} and {other} for {found}");
    }
    assert!(smooth >= 20, "only {smooth} of 30 places are without a kink");
}

/// A network whose logit is the mean of what is bright.
#[derive(Module, Debug)]
struct Bright {
    scale: Param<Tensor<1>>,
}

impl<const D: usize> Explained<D> for Bright {
    fn logits(&self, input: Tensor<D>) -> Tensor<2> {
        let dims = input.dims();
        let count = dims[1..].iter().product();
        let sum = relu(input).reshape([dims[0], count]).mean_dim(1);
        Tensor::cat(vec![sum.clone() * self.scale.val().reshape([1, 1]), sum.neg()], 1)
    }
}

impl<const D: usize> Mapped<D> for Bright {
    fn maps(&self, input: Tensor<D>) -> Vec<Tensor<D>> {
        vec![relu(input)]
    }

    fn logits_of_map(&self, map: Tensor<D>, _: usize) -> Tensor<2> {
        self.logits(map)
    }
}

fn bright() -> Bright {
    Bright { scale: Param::from_tensor(Tensor::<1>::ones([1], &Device::flex()) * 40.0) }
}

/// Every method that a network without attention has, on the grid of its input.
fn all_maps<const D: usize>(input: &Tensor<D>) -> Vec<(&'static str, Attribution)> {
    let network = bright();
    let path = PathSettings { baseline: 0.0, steps: 4, batch: 4 };
    let window = WindowSettings { window: 3, stride: 1, baseline: 0.0, batch: 16 };
    vec![
        ("grad-cam", grad_cam(&network, input, 0, 1).expect("a map")),
        ("grad-cam++", grad_cam_plus_plus(&network, input, 0, 1).expect("a map")),
        ("integrated gradients", integrated_gradients(&network, input, 0, &path).expect("a map").0),
        ("occlusion", occlusion(&network, input, 0, &window).expect("a map")),
    ]
}

#[test]
fn a_bright_corner_of_an_image_stays_where_it_is_through_preparation_and_back() {
    use wilhelm_filters::{Fit, Plane, Preparation, prepare};
    use wilhelm_study::{Arbitrary, Mm, PixelSpacing, Projection};
    for (columns, rows, fit) in [
        (40, 40, Fit::Stretch),
        (60, 33, Fit::Stretch),
        (31, 64, Fit::Stretch),
        (50, 40, Fit::CenterSquare),
        (40, 55, Fit::CenterSquare),
    ] {
        for corner in 0..4 {
            let (right, lower) = (corner % 2 == 1, corner / 2 == 1);
            let side = columns.min(rows);
            // The corner of what the network is shown.
            let (left, top) = match fit {
                Fit::Stretch => (0, 0),
                Fit::CenterSquare => ((columns - side) / 2, (rows - side) / 2),
            };
            let seen = match fit {
                Fit::Stretch => [columns, rows],
                Fit::CenterSquare => [side, side],
            };
            let inside = |column: usize, row: usize| {
                let near = |at: usize, begin: usize, length: usize, far: bool| {
                    let quarter = length / 4;
                    if far {
                        (begin + length - quarter..begin + length).contains(&at)
                    } else {
                        (begin..begin + quarter).contains(&at)
                    }
                };
                near(column, left, seen[0], right) && near(row, top, seen[1], lower)
            };
            let pixels: Vec<f32> =
                (0..columns * rows).map(|at| f32::from(inside(at % columns, at / columns))).collect();
            let spacing = PixelSpacing { between_columns: Mm(0.5), between_rows: Mm(0.75) };
            let image = Projection::<Arbitrary>::new(columns, rows, pixels, Some(spacing)).expect("an image");
            let recipe = Preparation { columns: 16, rows: 16, fit, mean: 0.0, deviation: 1.0 };
            let plane = Plane::new(image.pixels(), columns, rows).expect("it fits");
            let prepared = prepare(plane, (0.0, 1.0), &recipe).expect("prepared");
            let data = TensorData::new(prepared.pixels.clone(), [1, 1, 16, 16]);
            let region = prepared.region;
            let place =
                Placement { start: [region.column, region.row, 0], size: [region.columns, region.rows, 1] };
            for (name, map) in all_maps(&Tensor::<4>::from_data(data, &Device::flex())) {
                let native = on_projection(&map, place, &image).expect("on the image's grid");
                assert_eq!((native.columns(), native.rows()), (columns, rows));
                assert_eq!(native.spacing(), Some(spacing));
                let heat = |within: bool| -> f64 {
                    let values = native.pixels().iter().enumerate();
                    let values = values.filter(|(at, _)| inside(at % columns, at / columns) == within);
                    values.map(|(_, value)| f64::from(*value)).sum()
                };
                assert!(heat(true) > 2.0 * heat(false), "{name}: corner {corner} of {columns} x {rows}");
            }
        }
    }
}

#[test]
fn a_bright_corner_of_a_volume_stays_where_it_is_and_the_geometry_is_the_volumes_own() {
    use wilhelm_study::{Arbitrary, Direction, Geometry, Mm, PointLps, Spacing, Volume};
    let size = [10, 8, 6];
    let direction = Direction::new([0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]).expect("orthonormal");
    let spacing = Spacing::new(Mm(0.7), Mm(0.8), Mm(2.0)).expect("positive");
    let origin = PointLps::from_components([10.0, -20.0, 30.0]);
    let geometry = Geometry::new(size, spacing, origin, direction).expect("a grid");
    for corner in 0..8_usize {
        let inside = |at: usize| {
            let place = [at % 10, at / 10 % 8, at / 80];
            (0..3).all(|axis| {
                (place[axis] > size[axis] / 2) == (corner >> axis & 1 == 1)
                    && (place[axis] < size[axis] / 2 - 1) == (corner >> axis & 1 == 0)
            })
        };
        let voxels: Vec<f32> = (0..480).map(|at| f32::from(inside(at))).collect();
        let volume = Volume::<Arbitrary>::new(geometry, voxels.clone()).expect("a volume");
        // Slices, rows, columns: the order in which a volume's voxels lie.
        let input = Tensor::<5>::from_data(TensorData::new(voxels, [1, 1, 6, 8, 10]), &Device::flex());
        for (name, map) in all_maps(&input) {
            assert_eq!(map.size(), size);
            let native = on_volume(&map, Placement::whole(size), &volume).expect("on the volume's grid");
            assert!(native.geometry().is_same_grid(&geometry));
            let greatest = native.voxels().iter().copied().fold(0.0, f32::max);
            let hottest = native.voxels().iter().position(|value| *value == greatest).expect("it is there");
            assert!(greatest > 0.0 && inside(hottest), "{name}: corner {corner}");
        }
    }
}

#[test]
fn deletion_in_the_order_of_a_good_map_is_faster_than_in_random_orders_and_of_a_bad_one_slower() {
    // A bright square in the dark.
    let inside = |at: usize| (4..9).contains(&(at % 16)) && (3..8).contains(&(at / 16));
    let values: Vec<f32> = (0..256).map(|at| f32::from(inside(at))).collect();
    let input = Tensor::<4>::from_data(TensorData::new(values.clone(), [1, 1, 16, 16]), &Device::flex());
    let settings =
        OrderSettings { steps: 16, repeats: 20, cell: 4, baseline: 0.0, blur: 3.0, seed: 1, batch: 8 };
    let network = bright();
    let random = RandomOrders::new(&network, &input, 0, &settings).expect("random orders");
    let score = |map: Vec<f32>| {
        let map = Attribution::new([16, 16, 1], map).expect("a map");
        deletion_insertion(&network, &input, 0, &map, &random, &settings).expect("scored")
    };
    let good = score(values.clone());
    let bad = score(values.iter().map(|value| -value).collect());
    assert_eq!((good.deletion_random.beaten, bad.deletion_random.beaten), (1.0, 0.0));
    assert!(good.deletion.area < good.deletion_random.low && bad.deletion.area > bad.deletion_random.high);
    assert!(good.insertion.area > bad.insertion.area);
    assert_eq!(good.deletion.probabilities.len(), 17);
    // All deleted: two equal logits.
    assert_eq!(good.deletion.probabilities[16], 0.5);
    assert_eq!(good.deletion.probabilities[0], good.insertion.probabilities[16]);
    // Maps of noise, and one that says nothing, are orders as good as random ones.
    let noise = |seed: usize| (0..256).map(|at: usize| ((at * 7919 + seed * 104_729) % 997) as f32).collect();
    let maps = (1..20).map(noise).chain([vec![0.0; 256]]);
    let beaten: Vec<f64> = maps.map(|map| score(map).deletion_random.beaten).collect();
    let mean = beaten.iter().sum::<f64>() / 20.0;
    assert!((0.25..0.75).contains(&mean), "{beaten:?}");
    let other = Attribution::new([8, 8, 1], vec![0.0; 64]).expect("a map");
    assert!(deletion_insertion(&network, &input, 0, &other, &random, &settings).is_err());
}

#[test]
fn settings_and_inputs_that_make_no_sense_are_refused() {
    let network = bright();
    let input = Tensor::<4>::ones([1, 1, 4, 4], &Device::flex());
    assert!(matches!(grad_cam(&network, &input, 0, 0), Err(ExplainError::Layer { found: 0, layers: 1 })));
    assert!(matches!(grad_cam(&network, &input, 0, 2), Err(ExplainError::Layer { found: 2, layers: 1 })));
    assert!(matches!(grad_cam(&network, &input, 2, 1), Err(ExplainError::Logit { found: 2, logits: 2 })));
    let two = Tensor::<4>::ones([2, 1, 4, 4], &Device::flex());
    assert!(grad_cam(&network, &two, 0, 1).is_err());
    let nan = input.clone() * f32::NAN;
    assert!(matches!(grad_cam_plus_plus(&network, &nan, 0, 1), Err(ExplainError::NotFinite(_))));
    let path = PathSettings { baseline: 0.0, steps: 4, batch: 4 };
    for path in [
        PathSettings { steps: 0, ..path },
        PathSettings { batch: 0, ..path },
        PathSettings { steps: usize::MAX, ..path },
        PathSettings { baseline: f32::INFINITY, ..path },
    ] {
        assert!(integrated_gradients(&network, &input, 0, &path).is_err(), "{path:?}");
    }
    let window = WindowSettings { window: 2, stride: 1, baseline: 0.0, batch: 4 };
    for window in [
        WindowSettings { window: 0, ..window },
        WindowSettings { stride: 0, ..window },
        WindowSettings { stride: 3, ..window },
        WindowSettings { baseline: f32::NAN, ..window },
    ] {
        assert!(occlusion(&network, &input, 0, &window).is_err(), "{window:?}");
    }
    let noise = NoiseSettings { samples: 0, noise: 0.1, seed: 0, batch: 1 };
    assert!(smooth_grad(&network, &input, 0, &noise).is_err());
    assert!(
        smooth_grad(&network, &input, 0, &NoiseSettings { samples: 1, noise: f64::NAN, ..noise }).is_err()
    );
    // A window larger than the image covers all of it; an even image is the same as its baseline and raises nothing.
    let wide = WindowSettings { window: 9, stride: 9, baseline: 1.0, batch: 4 };
    assert_eq!(occlusion(&network, &input, 0, &wide).expect("a map").values(), [0.0; 16]);
    let (map, completeness) =
        integrated_gradients(&network, &input, 0, &PathSettings { baseline: 1.0, ..path }).expect("a map");
    assert!(map.values().iter().all(|value| *value == 0.0));
    assert_eq!(completeness, Completeness { difference: 0.0, sum: 0.0, error: None });
}
