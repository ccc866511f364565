use super::super::{AcceptedVolume, OutputKind, SegmenterArchitecture, SegmenterCard};
use super::super::{DistanceUnit, SegmentClass, SegmenterValidation};
use super::*;
use crate::Training;
use crate::arch::{UNet, UNet3d, UNetConfig, save_torch};
use burn::tensor::Device;
use sha2::{Digest, Sha256};
use wilhelm_study::{Arbitrary, CodedConcept, Hu, Modality, Patient, Projection, Silent};

pub(crate) fn config(classes: usize) -> UNetConfig {
    UNetConfig { channels: 1, widths: vec![3, 4], classes }
}

pub(crate) fn card(
    architecture: SegmenterArchitecture,
    window: [usize; 3],
    output: OutputKind,
    weights: &[u8],
) -> SegmenterCard {
    let class = |name: &str| SegmentClass {
        name: name.to_owned(),
        code: CodedConcept::new("SCT", "123037004", "Anatomical Structure"),
        abnormal: false,
    };
    let trained = TrainedSegmenter {
        output,
        truth: "a rule".to_owned(),
        preparation: WindowPreparation {
            window,
            overlap: 0.5,
            spacing: None,
            bounds: None,
            mean: 0.4,
            deviation: 0.3,
        },
        segments: match output {
            OutputKind::Softmax => vec![class("part")],
            OutputKind::Sigmoid => vec![class("part"), class("rest")],
        },
        training: Training {
            data: "noise".to_owned(),
            data_license: "none".to_owned(),
            citation: "none".to_owned(),
            images: 1,
            data_sha256: "0".to_owned(),
            epochs: 1,
            seed: 1,
            program: "test".to_owned(),
            recipe: "test".to_owned(),
        },
        validation: SegmenterValidation {
            split: "none".to_owned(),
            images: 0,
            empty: 0,
            unit: DistanceUnit::Pixels,
            tolerance: 1.0,
            command: "none".to_owned(),
            segments: Vec::new(),
            baselines: Vec::new(),
        },
    };
    SegmenterCard {
        schema: SegmenterCard::SCHEMA,
        kind: SegmenterCard::KIND.to_owned(),
        name: "part".to_owned(),
        version: "1.0.0".to_owned(),
        title: "A part".to_owned(),
        license: "Apache-2.0".to_owned(),
        must_not: Vec::new(),
        weights: "weights.safetensors".to_owned(),
        weights_sha256: Sha256::digest(weights).iter().map(|byte| format!("{byte:02x}")).collect(),
        architecture,
        input: AcceptedVolume {
            modalities: vec![Modality::Mr],
            quantity: QuantityKind::Arbitrary,
            words: "anything".to_owned(),
            population: "nobody".to_owned(),
        },
        preparation: None,
        segment: None,
        source: None,
        agreement: Vec::new(),
        trained: Some(trained),
    }
}

/// Untrained networks say the same everywhere as often as not: the first that does not.
pub(crate) fn deep(window: [usize; 3]) -> (Segmenter, UNet3d) {
    let device = Device::flex();
    let made = |seed: u64| {
        device.seed(seed);
        UNet3d::new(&config(2), &device)
    };
    let differs = |network: &UNet3d| {
        let input: Vec<f32> = noise(630).into_iter().map(|value| value / 300.0 - 1.5).collect();
        let input = Tensor::<5>::from_data(TensorData::new(input, [1, 1, 7, 9, 10]), &device);
        let logits = network.forward(input).into_data().try_to_vec::<f32>().expect("floats");
        let (no, yes) = logits.split_at(630);
        (150..480).contains(&no.iter().zip(yes).filter(|(no, yes)| yes > no).count())
    };
    let network = (0..200).map(made).find(differs).expect("one of many");
    let weights = save_torch(&network).expect("weights");
    let card = card(SegmenterArchitecture::UNet3d(config(2)), window, OutputKind::Softmax, &weights);
    (Segmenter::from_parts(card, weights).expect("a segmenter"), network)
}

fn series(image: Image) -> Series {
    Series {
        study: None,
        series: None,
        frame_of_reference: None,
        title: "noise".to_owned(),
        modality: None,
        body_part: None,
        view: None,
        color: false,
        stored_range: None,
        window: None,
        patient: Patient::default(),
        sources: Vec::new(),
        image,
        defects: Vec::new(),
    }
}

fn noise(count: usize) -> Vec<f32> {
    (0..count).map(|at| ((at * 7919 + at / 13 * 101) % 997) as f32).collect()
}

fn volume() -> Volume<Arbitrary> {
    let spacing = Spacing::new(Mm(1.0), Mm(1.5), Mm(2.0)).expect("positive");
    let geometry = Geometry::axis_aligned([10, 9, 7], spacing).expect("a grid");
    Volume::new(geometry, noise(630)).expect("a volume")
}

#[test]
fn a_window_over_everything_gives_what_one_pass_gives() {
    let (segmenter, network) = deep([16; 3]);
    let series = series(Image::Arbitrary(volume()));
    let found = segmenter.outline(&series, &Silent).expect("labels");
    let bounds = intensity_bounds(series.image.values(), None, None);
    let input: Vec<f32> =
        noise(630).into_iter().map(|value| (scaled(value, (bounds.low, bounds.high)) - 0.4) / 0.3).collect();
    let input = Tensor::<5>::from_data(TensorData::new(input, [1, 1, 7, 9, 10]), &Device::flex());
    let logits = network.logits(input).into_data().try_to_vec::<f32>().expect("floats");
    let (no, yes) = logits.split_at(630);
    let expected: Vec<u16> = no.iter().zip(yes).map(|(no, yes)| u16::from(yes > no)).collect();
    assert_eq!(found.labels(), expected);
    assert!(expected.contains(&0) && expected.contains(&1));
    assert_eq!(
        found.segments()[&1].algorithm_name,
        format!("Wilhelm {} part 1.0.0", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn the_order_in_which_a_volume_stores_its_axes_does_not_matter() {
    let (segmenter, _) = deep([4, 6, 8]);
    let expected = segmenter.outline(&series(Image::Arbitrary(volume())), &Silent).expect("labels");
    let turned = reorient(&volume(), "ASR").expect("turned");
    let found = segmenter.outline(&series(Image::Arbitrary(turned.clone())), &Silent).expect("labels");
    assert!(found.geometry().is_same_grid(turned.geometry()));
    assert_eq!(reorient(&found, "LPS").expect("turned back").labels(), expected.labels());
}

#[test]
fn a_volume_on_another_spacing_comes_back_on_its_own_grid() {
    let (mut segmenter, _) = deep([8; 3]);
    if let Some(trained) = &mut segmenter.card.trained {
        trained.preparation.spacing = Some([2.0; 3]);
    }
    let found = segmenter.outline(&series(Image::Arbitrary(volume())), &Silent).expect("labels");
    assert!(found.geometry().is_same_grid(volume().geometry()));
    assert!(found.labels().contains(&1));
}

#[test]
fn a_picture_is_seen_as_a_whole_and_labeled_pixel_by_pixel() {
    let device = Device::flex();
    let flat = Projection::<Arbitrary>::new(13, 11, noise(143), None).expect("a picture");
    let outlined = |seed: u64| {
        device.seed(seed);
        let weights = save_torch(&UNet::new(&config(2), &device)).expect("weights");
        let card = card(SegmenterArchitecture::UNet(config(2)), [1, 8, 8], OutputKind::Sigmoid, &weights);
        let text = card.to_toml().expect("a sound card");
        assert_eq!(SegmenterCard::from_toml(&text).expect("read again"), card);
        let segmenter = Segmenter::from_parts(card, weights).expect("a segmenter");
        let found = segmenter.outline(&series(Image::Flat(flat.clone())), &Silent).expect("labels");
        (segmenter, found)
    };
    let varied = |(_, found): &(Segmenter, LabelMap)| {
        let kinds: std::collections::BTreeSet<u16> = found.labels().iter().copied().collect();
        kinds.len() > 1
    };
    let (segmenter, found) = (0..200).map(outlined).find(varied).expect("one of many");
    assert_eq!(found.geometry().size(), [13, 11, 1]);

    // The truth of such a picture goes to the network's grid by the nearest pixel.
    let preparation = &segmenter.card().trained.as_ref().expect("trained").preparation;
    let flat_series = series(Image::Flat(flat));
    let grid = on_network_grid(&flat_series, preparation, true).expect("on the grid");
    let labels = labels_at(&found, &grid, false).expect("labels");
    assert_eq!(labels.len(), 64);
    // Places 0 and 7 of 8 are those at 0 and 12 of 13 columns, at 0 and 10 of 11 rows.
    assert_eq!([labels[0], labels[7], labels[56]], [0, 12, 130].map(|at| found.labels()[at]));
}

#[test]
fn images_that_do_not_fit_are_refused_by_name() {
    let (segmenter, _) = deep([8; 3]);
    let said = |image: Image| segmenter.outline(&series(image), &Silent).expect_err("refused").to_string();
    let flat = Projection::<Arbitrary>::new(4, 4, noise(16), None).expect("a picture");
    assert_eq!(said(Image::Flat(flat)), "image is a flat picture, expected a volume");
    let ct = Volume::<Hu>::new(*volume().geometry(), noise(630)).expect("a volume");
    assert_eq!(said(Image::Hounsfield(ct)), "quantity is hounsfield, expected a scale without a unit");
    let even = Volume::<Arbitrary>::new(*volume().geometry(), vec![3.0; 630]).expect("a volume");
    assert_eq!(said(Image::Arbitrary(even)), "every value is 3, expected a spread");
    let pair = segmenter.segment(&volume(), &Silent).expect_err("no pair").to_string();
    assert_eq!(pair, "model is part, expected a pair of networks that outlines one structure");
}

#[test]
fn a_card_that_contradicts_itself_is_refused() {
    let of = |change: &dyn Fn(&mut TrainedSegmenter)| {
        let mut card = card(SegmenterArchitecture::UNet(config(2)), [1, 8, 8], OutputKind::Softmax, b"");
        card.trained.as_mut().map(change).expect("trained");
        card.to_toml().map_err(|error| error.to_string())
    };
    assert!(of(&|_| {}).is_ok());
    let refused = |change: &dyn Fn(&mut TrainedSegmenter), words: &str| {
        let said = of(change).expect_err(words);
        assert!(said.contains(words), "{said}");
    };
    refused(&|trained| trained.preparation.window = [2, 8, 8], "sees one slice at once");
    refused(&|trained| trained.preparation.window = [1, 0, 8], "sides from 1 to 1024");
    refused(&|trained| trained.preparation.overlap = 1.0, "overlap must be from 0 to 0.9");
    refused(&|trained| trained.preparation.bounds = Some([2.0, 1.0]), "two rising numbers");
    refused(&|trained| trained.preparation.spacing = Some([0.0; 3]), "0.01 to 100 mm");
    refused(&|trained| trained.output = OutputKind::Sigmoid, "classes are not those of its segments");
    refused(&|trained| trained.segments.clear(), "no segment");
    refused(&|trained| trained.segments.push(trained.segments[0].clone()), "the same name");
    let mut bare = card(SegmenterArchitecture::UNet(config(2)), [1, 8, 8], OutputKind::Softmax, b"");
    bare.trained = None;
    let said = bare.to_toml().expect_err("nothing trained").to_string();
    assert!(said.contains("a U-Net needs what is under [trained]"), "{said}");
    bare.architecture = SegmenterArchitecture::LinkNetPair;
    let said = bare.to_toml().expect_err("no pair").to_string();
    assert!(said.contains("a pair of networks needs preparation, segment and source"), "{said}");
}
