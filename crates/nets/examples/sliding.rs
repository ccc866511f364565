//! Outlines a large made-up volume with an untrained U-Net of volumes, and prints the seconds and the most memory held.
//!
//! Usage: `sliding [COLUMNS ROWS SLICES [WINDOW [WIDTH ...]]]`. Without numbers the volume is 512 x 512 x 800, a window
//! has 96 voxels a side and the stages 8, 16 and 32 channels. On Linux, `VmHWM` of `/proc/self/status` is printed.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program of its own: it tells the time and prints"
)]

use std::process::ExitCode;
use std::time::Instant;

use burn::tensor::Device;
use sha2::{Digest, Sha256};
use wilhelm_nets::arch::{UNet3d, UNetConfig, save_torch};
use wilhelm_nets::{
    AcceptedVolume, DistanceUnit, OutputKind, SegmentClass, Segmenter, SegmenterArchitecture, SegmenterCard,
    SegmenterValidation, TrainedSegmenter, Training, WindowPreparation,
};
use wilhelm_study::{
    Arbitrary, CodedConcept, Geometry, Image, Mm, Modality, Patient, QuantityKind, Series, Silent, Spacing,
    Volume,
};

fn main() -> ExitCode {
    let numbers: Result<Vec<usize>, _> = std::env::args().skip(1).map(|word| word.parse()).collect();
    let Ok(numbers) = numbers else {
        eprintln!("usage: sliding [COLUMNS ROWS SLICES [WINDOW [WIDTH ...]]]");
        return ExitCode::from(2);
    };
    match outlined(&numbers) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sliding: {error}");
            ExitCode::FAILURE
        }
    }
}

fn outlined(numbers: &[usize]) -> Result<(), Box<dyn std::error::Error>> {
    let at = |place: usize, otherwise: usize| numbers.get(place).copied().unwrap_or(otherwise);
    let size = [at(0, 512), at(1, 512), at(2, 800)];
    let window = at(3, 96);
    let widths = numbers.get(4..).filter(|widths| !widths.is_empty()).unwrap_or(&[8, 16, 32]).to_vec();
    let config = UNetConfig { channels: 1, widths, classes: 2 };
    let device = Device::flex();
    device.seed(1);
    let weights = save_torch(&UNet3d::new(&config, &device))?;
    let segmenter = Segmenter::from_parts(card(config, window, &weights), weights)?;
    let one = Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0))?;
    let geometry = Geometry::axis_aligned(size, one)?;
    // Bands of brightness: what the numbers are does not change the memory.
    let values = (0..geometry.voxels()).map(|at| ((at % 977) + (at / 4099) % 53) as f32).collect();
    let series = Series {
        study: None,
        series: None,
        frame_of_reference: None,
        title: "made up".to_owned(),
        modality: None,
        body_part: None,
        view: None,
        color: false,
        stored_range: None,
        window: None,
        patient: Patient::default(),
        sources: Vec::new(),
        image: Image::Arbitrary(Volume::<Arbitrary>::new(geometry, values)?),
        defects: Vec::new(),
    };
    let began = Instant::now();
    let labels = segmenter.outline(&series, &Silent)?;
    let seconds = began.elapsed().as_secs_f64();
    let inside = labels.labels().iter().filter(|label| **label > 0).count();
    println!("{} x {} x {} voxels, {inside} of them labeled, in {seconds:.1} s", size[0], size[1], size[2]);
    match std::fs::read_to_string("/proc/self/status") {
        Ok(status) => {
            status.lines().filter(|line| line.starts_with("VmHWM")).for_each(|line| println!("{line}"))
        }
        Err(_) => println!("this system does not say how much memory was held"),
    }
    Ok(())
}

fn card(config: UNetConfig, window: usize, weights: &[u8]) -> SegmenterCard {
    let none = || "none".to_owned();
    SegmenterCard {
        schema: SegmenterCard::SCHEMA,
        kind: SegmenterCard::KIND.to_owned(),
        name: "untrained".to_owned(),
        version: "0".to_owned(),
        title: "An untrained network".to_owned(),
        license: none(),
        must_not: Vec::new(),
        weights: "weights.safetensors".to_owned(),
        weights_sha256: Sha256::digest(weights).iter().map(|byte| format!("{byte:02x}")).collect(),
        architecture: SegmenterArchitecture::UNet3d(config),
        input: AcceptedVolume {
            modalities: vec![Modality::Mr],
            quantity: QuantityKind::Arbitrary,
            words: none(),
            population: none(),
        },
        preparation: None,
        segment: None,
        source: None,
        agreement: Vec::new(),
        trained: Some(TrainedSegmenter {
            output: OutputKind::Softmax,
            truth: none(),
            preparation: WindowPreparation {
                window: [window; 3],
                overlap: 0.25,
                spacing: None,
                bounds: None,
                mean: 0.5,
                deviation: 0.3,
            },
            segments: vec![SegmentClass {
                name: "part".to_owned(),
                code: CodedConcept::new("SCT", "123037004", "Anatomical Structure"),
                abnormal: false,
            }],
            training: Training {
                data: none(),
                data_license: none(),
                citation: none(),
                images: 0,
                data_sha256: none(),
                epochs: 0,
                seed: 1,
                program: none(),
                recipe: none(),
            },
            validation: SegmenterValidation {
                split: none(),
                images: 0,
                empty: 0,
                unit: DistanceUnit::Millimeters,
                tolerance: 1.0,
                command: none(),
                segments: Vec::new(),
                baselines: Vec::new(),
            },
        }),
    }
}
