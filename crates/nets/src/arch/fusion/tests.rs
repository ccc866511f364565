use burn::nn::transformer::{TransformerDecoderInput, TransformerEncoderInput};
use burn::tensor::Distribution;

use super::*;
use crate::arch::classifier::tests::config as network;
use crate::arch::learning::{check_gradient, check_learning};

const EVERY: [(Fusion, bool); 4] = [
    (Fusion::Early, false),
    (Fusion::Intermediate, false),
    (Fusion::Intermediate, true),
    (Fusion::Late, false),
];

fn config((fusion, shared): (Fusion, bool)) -> FusionConfig {
    FusionConfig { fusion, inputs: 3, shared, network: network() }
}

fn values(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().try_to_vec::<f32>().expect("floats")
}

fn far(a: Tensor<2>, b: Tensor<2>) -> f32 {
    (a - b).abs().max().into_scalar::<f32>()
}

/// Which of three inputs four cases have.
fn some() -> Vec<Vec<bool>> {
    [[true, false, true], [true, true, true], [false, true, false], [true, false, true]]
        .map(|case| case.to_vec())
        .to_vec()
}

fn cases(slices: usize, device: &Device) -> Tensor<5> {
    Tensor::random([4, 3, slices, 8, 8], Distribution::Normal(0.0, 1.0), device)
}

#[test]
fn what_a_missing_input_holds_changes_nothing_and_a_present_one_counts() {
    let device = Device::flex();
    device.seed(1);
    for how in EVERY {
        for (slices, volumetric) in [(1, false), (3, false), (4, true)] {
            let network = ClassifierConfig { slices, volumetric, ..network() };
            let config = FusionConfig { network, ..config(how) };
            assert_eq!(config.fault(), None);
            let fused = FusedClassifier::new(&config, &device).valid();
            let input = cases(slices, &device);
            let found = values(fused.forward(input.clone(), &some()));
            assert_eq!(found.len(), 4 * config.outputs());
            let spoiled = |with: f32, missing: bool| {
                let there: Vec<bool> = some().into_iter().flatten().map(|there| there == missing).collect();
                let keep = Tensor::<2, Bool>::from_data(TensorData::new(there, [4, 3]), &device);
                let keep = keep.reshape([4, 3, 1, 1, 1]).expand([4, 3, slices, 8, 8]);
                values(fused.forward(input.clone().mask_fill(keep.bool_not(), with), &some()))
            };
            for with in [0.0, 1e6, f32::NAN, f32::INFINITY] {
                assert_eq!(found, spoiled(with, true), "{how:?} {slices} {with}");
            }
            assert_ne!(found, spoiled(2.0, false), "{how:?} {slices}");
        }
    }
}

#[test]
fn a_case_is_read_alike_whatever_else_is_in_the_batch() {
    let device = Device::flex();
    device.seed(2);
    for how in EVERY {
        let fused = FusedClassifier::new(&config(how), &device).valid();
        let input = cases(1, &device);
        let together = fused.forward(input.clone(), &some());
        for (case, present) in some().into_iter().enumerate() {
            let alone = fused.forward(input.clone().narrow(0, case, 1), &[present]);
            assert!(far(together.clone().narrow(0, case, 1), alone) < 1e-5, "{how:?} case {case}");
        }
    }
}

#[test]
fn tokens_that_are_left_out_are_what_an_attention_mask_hides() {
    let device = Device::flex();
    device.seed(3);
    for shared in [false, true] {
        let network = ClassifierConfig { encoder_layers: 2, decoder_layers: 2, ..network() };
        let config = FusionConfig { network, ..config((Fusion::Intermediate, shared)) };
        let fused = FusedClassifier::new(&config, &device).valid();
        let network = fused.intermediate.as_ref().expect("it is");
        let input = cases(1, &device);
        // All tokens of all inputs, and burn's own layers with the mask.
        let masked = |present: &[Vec<bool>]| {
            let all = network.tokens(&input, &vec![(0..4).collect(); 3]);
            let tokens = Tensor::cat(all.into_iter().map(|tokens| tokens.expect("all")).collect(), 1);
            let each = tokens.dims()[1] / 3;
            let hidden: Vec<bool> = present.iter().flatten().flat_map(|there| vec![!*there; each]).collect();
            let hidden = Tensor::<2, Bool>::from_data(TensorData::new(hidden, [4, 3 * each]), &device);
            let memory =
                network.encoder.forward(TransformerEncoderInput::new(tokens).mask_pad(hidden.clone()));
            let queries = network.queries.val().repeat_dim(0, 4);
            let read = network
                .decoder
                .forward(TransformerDecoderInput::new(queries, memory).memory_mask_pad(hidden));
            let read = network.norm.forward(read);
            (read * network.scorer.val()).sum_dim(2).reshape([4, 3]) + network.bias.val()
        };
        for present in [some(), vec![vec![true; 3]; 4]] {
            let apart = far(fused.forward(input.clone(), &present), masked(&present));
            assert!(apart < 1e-5, "{apart} apart");
        }
    }
}

#[test]
fn the_plain_pass_of_early_fusion_is_a_classifier_s_of_twice_the_channels() {
    let device = Device::flex();
    device.seed(4);
    let fused = FusedClassifier::new(&config((Fusion::Early, false)), &device).valid();
    let input = cases(1, &device);
    let all = Tensor::cat(vec![input.clone(), Tensor::ones([4, 3, 1, 8, 8], &device)], 1);
    let plain = fused.early.as_ref().expect("it is").forward_channels(all).logits;
    assert_eq!(values(fused.forward(input, &vec![vec![true; 3]; 4])), values(plain));
}

#[test]
fn late_fusion_has_its_members_logits_side_by_side_and_0_where_an_input_is_missing() {
    let device = Device::flex();
    device.seed(5);
    let fused = FusedClassifier::new(&config((Fusion::Late, false)), &device).valid();
    let input = cases(1, &device);
    let found = values(fused.forward(input.clone(), &some()));
    assert_eq!(found[3..6], [0.0; 3]);
    assert_eq!(found[2 * 9..2 * 9 + 3], [0.0; 3]);
    let second = input.narrow(0, 1, 1).narrow(1, 1, 1).reshape([1, 1, 8, 8]);
    assert_eq!(found[9 + 3..9 + 6], values(fused.late[1].forward(second).logits)[..]);
}

#[test]
fn taps_are_of_one_input_alone() {
    let device = Device::flex();
    device.seed(6);
    for how in EVERY {
        let network = ClassifierConfig { slices: 3, ..network() };
        let fused = FusedClassifier::new(&FusionConfig { network, ..config(how) }, &device).valid();
        let images = Tensor::<4>::random([2, 3, 8, 8], Distribution::Normal(0.0, 1.0), &device);
        let taps = fused.taps(1, 3, images.clone());
        assert_eq!(taps.iter().map(Tensor::dims).collect::<Vec<[usize; 2]>>(), [[2, 8], [2, 16]], "{how:?}");
        let own = values(taps[1].clone());
        let other = values(fused.taps(2, 3, images)[1].clone());
        assert_eq!(own == other, how.1, "{how:?}: only a shared CNN looks at all inputs alike");
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    let device = Device::flex().autodiff();
    device.seed(7);
    for how in EVERY {
        // One stage on few pixels, brought out by a factor: the gradient of fresh weights comes near the roundings of the
        // differences otherwise.
        let network = ClassifierConfig { widths: vec![4], side: 4, ..network() };
        let fused = FusedClassifier::new(&FusionConfig { network, ..config(how) }, &device);
        // Dropout is off in `valid`, so the graph must be made of the same function.
        let still = fused.valid().fork(&device);
        check_gradient([4, 3, 1, 4, 4], &device, |input: Tensor<5>| still.forward(input * 5.0, &some()));
    }
}

#[test]
fn each_fusion_learns_four_cases_by_heart_some_of_them_with_missing_inputs() {
    for (seed, how) in (8..).zip(EVERY) {
        let plain = Device::flex();
        plain.seed(seed);
        let device = plain.autodiff();
        let input = cases(1, &device);
        let right = Tensor::<2>::from_data(
            [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]],
            &device,
        );
        check_learning(FusedClassifier::new(&config(how), &device), 1e-2, 60, |network| {
            let outputs = network.forward(input.clone(), &some());
            // Of late fusion the members' logits are added up.
            let [batch, width] = outputs.dims();
            let logits = outputs.reshape([batch, width / 3, 3]).sum_dim(1).reshape([batch, 3]);
            (burn::tensor::activation::log_softmax(logits, 1) * right.clone()).sum().neg()
        });
    }
}

#[test]
fn sizes_that_make_no_network_are_refused() {
    for how in EVERY {
        assert_eq!(config(how).fault(), None);
    }
    let said = |config: FusionConfig| config.fault().expect("refused");
    let early = config((Fusion::Early, false));
    assert_eq!(said(FusionConfig { inputs: 1, ..early.clone() }), "1 inputs, expected 2 to 6");
    assert!(said(FusionConfig { shared: true, ..early.clone() }).contains("not of early"));
    let vast = ClassifierConfig { side: 0, ..network() };
    assert!(said(FusionConfig { network: vast, ..early }).contains("out of bounds"));
    let flat = ClassifierConfig { decoder_layers: 0, ..network() };
    let cross = FusionConfig { network: flat, ..config((Fusion::Intermediate, false)) };
    assert!(said(cross).contains("needs decoder_layers"));
}

#[test]
fn weights_are_read_again_and_those_of_another_fusion_are_not() {
    use burn_store::{ModuleSnapshot, SafetensorsStore};

    let device = Device::flex();
    device.seed(11);
    for how in EVERY {
        let fused = FusedClassifier::new(&config(how), &device).valid();
        let input = cases(1, &device);
        let found = values(fused.forward(input.clone(), &some()));
        let mut store = SafetensorsStore::from_bytes(None).clear_metadata();
        fused.save_into(&mut store).expect("saved");
        let bytes = store.get_bytes().expect("bytes");
        let again = FusedClassifier::load(&config(how), bytes.clone(), &device).expect("it fits");
        assert_eq!(values(again.forward(input, &some())), found);
        for other in EVERY.into_iter().filter(|other| *other != how && !how.1) {
            assert!(
                FusedClassifier::load(&config(other), bytes.clone(), &device).is_err() || other.1,
                "{how:?}"
            );
        }
    }
}
