use burn::module::Module;
use burn::tensor::{Device, Distribution, Tensor};
use burn_store::{ModuleSnapshot, SafetensorsStore};

use super::super::classifier::tests::config;
use super::super::{
    Classifier, ClassifierConfig, Cnn, CnnName, Encoder, HeadKind, RecurrentCell, SliceMemory,
};

fn with(cnn: Cnn, side: usize) -> ClassifierConfig {
    ClassifierConfig { widths: Vec::new(), stem_stride: 0, cnn: Some(cnn), side, features: 1000, ..config() }
}

fn small(name: CnnName) -> Cnn {
    Cnn { small_stem: true, ..Cnn::new(name) }
}

fn linear(config: ClassifierConfig, features: usize) -> ClassifierConfig {
    ClassifierConfig {
        head: HeadKind::Linear,
        features,
        model_width: 0,
        heads: 0,
        encoder_layers: 0,
        decoder_layers: 0,
        ..config
    }
}

/// Every kind: flat with each network, slices with a memory, volumes, and a linear head with and without a named vector.
fn all() -> Vec<ClassifierConfig> {
    let vit = || Cnn { patch: Some(8), ..Cnn::new(CnnName::VitSmall) };
    let memory = Some(SliceMemory { cell: RecurrentCell::Gru, hidden: 6 });
    let resnet = || with(small(CnnName::ResNet18), 8);
    vec![
        resnet(),
        with(Cnn::new(CnnName::ResNet50), 32),
        with(small(CnnName::DenseNet121), 16),
        with(vit(), 16),
        ClassifierConfig { slices: 3, recurrent: memory, ..resnet() },
        ClassifierConfig { slices: 3, ..with(vit(), 16) },
        ClassifierConfig { slices: 8, volumetric: true, ..resnet() },
        linear(resnet(), 512),
        linear(resnet(), 1000),
        linear(with(vit(), 16), 384),
        linear(ClassifierConfig { slices: 8, volumetric: true, ..resnet() }, 512),
    ]
}

fn noise(config: &ClassifierConfig) -> Tensor<4> {
    let shape = [2, config.slices, config.side, config.side];
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), &Device::flex())
}

fn values(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("floats")
}

#[test]
fn shapes_of_every_output_are_those_that_the_sizes_foretell() {
    let device = Device::flex();
    device.seed(31);
    for config in all() {
        assert_eq!(config.fault(), None, "{config:?}");
        let network = Classifier::new(&config, &device).valid();
        let input = noise(&config);
        let maps = network.feature_maps(input.clone());
        let apart = if config.volumetric { 1 } else { config.slices };
        let expected: Vec<[usize; 4]> = config
            .stages()
            .iter()
            .map(|stage| {
                let rows = if config.volumetric { stage.slices * stage.side } else { stage.side };
                [2 * apart, stage.channels, rows, stage.side]
            })
            .collect();
        assert_eq!(maps.iter().map(Tensor::dims).collect::<Vec<_>>(), expected, "{config:?}");
        let out = network.forward(input.clone());
        assert_eq!((out.logits.dims(), out.features.dims()), ([2, 3], [2, config.features]));
        let taps: Vec<[usize; 2]> = out.taps.iter().map(Tensor::dims).collect();
        let widths: Vec<[usize; 2]> = config.tap_widths().iter().map(|width| [2, 2 * width]).collect();
        assert_eq!(taps, widths);
        // An image's logits do not depend on its neighbors in the batch.
        let alone = network.forward(input.narrow(0, 1, 1)).logits;
        let far = (out.logits.narrow(0, 1, 1) - alone).abs().max().into_scalar::<f32>();
        assert!(far < 1e-4, "{far} of {config:?}");
    }
}

#[test]
fn an_encoder_gives_the_features_and_is_read_from_either_s_file() {
    let device = Device::flex();
    device.seed(32);
    for config in all() {
        let network = Classifier::new(&config, &device).valid();
        let input = noise(&config);
        let expected = values(network.forward(input.clone()).features);
        let encoder = network.encoder();
        assert_eq!(values(encoder.forward(input.clone())), expected, "{config:?}");
        let mut store = SafetensorsStore::from_bytes(None).clear_metadata();
        network.save_into(&mut store).expect("saved");
        let whole = store.get_bytes().expect("bytes");
        for bytes in [whole, encoder.to_bytes().expect("bytes")] {
            let read = Encoder::load(&config, bytes, &device).expect("it fits").valid();
            assert_eq!(values(read.forward(input.clone())), expected);
        }
        let other = Classifier::new(&config, &device).with_encoder(encoder).valid();
        assert_eq!(values(other.forward(input).features), expected);
    }
}

#[test]
fn what_reads_the_images_goes_from_a_linear_head_to_a_transformer() {
    let device = Device::flex();
    device.seed(33);
    let of_linear = linear(with(small(CnnName::ResNet18), 8), 512);
    let encoder = Classifier::new(&of_linear, &device).valid().encoder();
    let target = with(small(CnnName::ResNet18), 8);
    let network = Classifier::new(&target, &device).with_encoder(encoder.clone()).valid();
    let input = noise(&target);
    let last = network.feature_maps(input.clone()).pop().expect("four stages");
    let pooled = last.mean_dim(3).mean_dim(2).reshape([2, 512]);
    assert_eq!(values(pooled), values(encoder.forward(input.clone())));
    assert_eq!(network.forward(input).features.dims(), [2, 1000]);
}

#[test]
fn of_many_channels_every_so_many_is_looked_at() {
    let values: Vec<f32> = (0..2048).map(|at| at as f32).collect();
    let data = burn::tensor::TensorData::new(values, [1, 2048, 1, 1]);
    let found = super::tapped(&Tensor::<4>::from_data(data, &Device::flex()));
    assert_eq!(found.dims(), [1, 512, 1, 1]);
    let found = found.into_data().try_into_vec::<f32>().expect("floats");
    assert_eq!((found[0], found[1], found[511]), (0.0, 4.0, 2044.0));
}

#[test]
fn the_gray_image_is_each_channel_less_its_mean_over_its_deviation() {
    let device = Device::flex();
    let cnn = Cnn {
        channels: 3,
        channel_means: vec![1.0, 2.0, 3.0],
        channel_deviations: vec![1.0, 2.0, 4.0],
        ..small(CnnName::ResNet18)
    };
    let trunk = super::Trunk::of(&with(cnn, 8), &device).expect("it is named");
    let gray = Tensor::<4>::from_data([[[[3.0, 5.0]]]], &device);
    let found = trunk.dressed(gray).into_data().try_into_vec::<f32>().expect("floats");
    assert_eq!(found, [2.0, 4.0, 0.5, 1.5, 0.0, 0.5]);
}

#[test]
fn networks_of_this_program_s_own_cnn_have_the_tensors_that_they_always_had() {
    let network = Classifier::new(&config(), &Device::flex());
    let names: Vec<String> =
        network.collect(None, None, false).into_iter().map(|tensor| tensor.name).collect();
    assert_eq!(names.first().map(String::as_str), Some("backbone.stem.weight"));
    assert!(names.iter().all(|name| !name.contains("trunk")), "{names:?}");
    for name in
        ["feature.weight", "feature_token.bias", "token.weight", "position", "queries", "scorer", "bias"]
    {
        assert!(names.iter().any(|own| own == name), "{name} is missing of {names:?}");
    }
}
