use serde::{Deserialize, Serialize};
use wilhelm_study::{CodedConcept, Segment};

use super::card::SegmenterArchitecture;
use super::sliding::{OutputKind, Windows};
use crate::{Interval, Training};

/// How a picture or volume becomes what a U-Net sees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowPreparation {
    /// Slices, rows and columns that the network sees at once; a network of pictures has one slice, and the whole
    /// picture is brought to so many rows and columns.
    pub window: [usize; 3],
    /// Share of a window that the next one covers again.
    pub overlap: f32,
    /// Millimeters between columns, rows and slices that volumes are brought to; left out, they stay as they are.
    #[serde(default)]
    pub spacing: Option<[f64; 3]>,
    /// Values that become 0 and 1; left out, those that the file proposes, or percentiles.
    #[serde(default)]
    pub bounds: Option<[f32; 2]>,
    /// Mean of the training values on the scale 0 to 1.
    pub mean: f32,
    /// Standard deviation of the training values on that scale.
    pub deviation: f32,
}

impl WindowPreparation {
    /// What a network sees at once, and how far it moves.
    pub const fn windows(&self) -> Windows {
        Windows { size: self.window, overlap: self.overlap }
    }

    /// What is wrong with its numbers.
    pub fn fault(&self) -> Option<&'static str> {
        let within = self.window.iter().all(|side| (1..=1024).contains(side));
        // What a window of single-precision numbers takes for one channel: 256 MiB.
        let places = self.window.iter().product::<usize>();
        let faults = [
            (!(within && places <= 1 << 26))
                .then_some("a window must have sides from 1 to 1024 and at most 2^26 places"),
            (!(0.0..=0.9).contains(&self.overlap)).then_some("overlap must be from 0 to 0.9"),
            self.spacing
                .is_some_and(|spacing| !spacing.iter().all(|mm| (0.01..=100.0).contains(mm)))
                .then_some("spacing must be from 0.01 to 100 mm"),
            self.bounds
                .is_some_and(|[low, high]| !(low.is_finite() && high.is_finite() && low < high))
                .then_some("bounds must be two rising numbers"),
            (!(self.deviation > 0.0 && self.deviation.is_finite() && self.mean.is_finite()))
                .then_some("deviation must be above 0 and the mean a number"),
        ];
        faults.into_iter().flatten().next()
    }
}

/// What a label stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentClass {
    /// A name for people.
    pub name: String,
    /// Its code.
    pub code: CodedConcept,
    /// Whether it is a disease's, not a healthy structure.
    #[serde(default)]
    pub abnormal: bool,
}

impl SegmentClass {
    /// The segment of a label map that `algorithm` drew.
    pub fn segment(&self, algorithm: &str) -> Segment {
        let make = if self.abnormal { Segment::abnormality } else { Segment::anatomy };
        make(&self.name, self.code.clone(), algorithm)
    }
}

/// What distances of a card are measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DistanceUnit {
    /// Millimeters.
    Millimeters,
    /// Pixels, since not every picture says how large they are.
    Pixels,
}

impl DistanceUnit {
    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Millimeters => "mm",
            Self::Pixels => "pixels",
        }
    }
}

/// How well one segment is outlined in the validation images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentMetric {
    /// The segment.
    pub segment: String,
    /// Images whose truth has it.
    pub images: usize,
    /// Of those, images in which the network saw none of it.
    pub missed: usize,
    /// Images without it in which the network saw some.
    pub false_alarms: usize,
    /// Mean Sorensen-Dice overlap of the images whose truth has it; missed ones count 0.
    pub dice: Option<Interval>,
    /// Mean 95 % Hausdorff distance of the images in which both have it.
    pub hausdorff_95: Option<Interval>,
    /// Mean normalized surface distance: share of both surfaces within the tolerance; misses and false alarms are 0.
    pub surface_dice: Option<Interval>,
}

/// How well something simpler does on the same images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentBaseline {
    /// What it is.
    pub name: String,
    /// The segment.
    pub segment: String,
    /// Mean Dice of the images whose truth has it, on the network's grid.
    pub dice: Option<Interval>,
}

/// How a segmenter does on images that it was not trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmenterValidation {
    /// How the images were held out.
    pub split: String,
    /// Images.
    pub images: usize,
    /// Images whose mask is empty.
    pub empty: usize,
    /// What distances are measured in.
    pub unit: DistanceUnit,
    /// Distance within which two surfaces count as the same, in that unit.
    pub tolerance: f64,
    /// The command that made the figures.
    pub command: String,
    /// Each segment.
    pub segments: Vec<SegmentMetric>,
    /// What to compare the figures with.
    pub baselines: Vec<SegmentBaseline>,
}

/// What a card says of a U-Net that this program trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainedSegmenter {
    /// How logits become labels.
    pub output: OutputKind,
    /// Who or what drew the masks that it learned from.
    pub truth: String,
    /// How its input is made.
    pub preparation: WindowPreparation,
    /// What the labels from 1 on stand for.
    pub segments: Vec<SegmentClass>,
    /// How the weights were made.
    pub training: Training,
    /// Figures of the validation images.
    pub validation: SegmenterValidation,
}

impl TrainedSegmenter {
    /// Logits at each place.
    pub fn classes(&self) -> usize {
        self.output.classes(self.segments.len())
    }

    /// What contradicts the architecture, or itself.
    pub(super) fn fault(&self, architecture: &SegmenterArchitecture) -> Option<&'static str> {
        let (config, flat) = match architecture {
            SegmenterArchitecture::LinkNetPair => return Some("a pair of networks is not trained here"),
            SegmenterArchitecture::UNet(config) => (config, true),
            SegmenterArchitecture::UNet3d(config) => (config, false),
        };
        let names: std::collections::BTreeSet<&str> =
            self.segments.iter().map(|segment| segment.name.as_str()).collect();
        let faults = [
            (!config.is_sound()).then_some("the sizes of the network are out of bounds"),
            (config.channels != 1).then_some("a segmenter reads images of one channel"),
            self.segments.is_empty().then_some("it has no segment"),
            (names.len() != self.segments.len()).then_some("two segments have the same name"),
            (config.classes != self.classes())
                .then_some("the network's classes are not those of its segments"),
            (flat && self.preparation.window[0] != 1)
                .then_some("a network of pictures sees one slice at once"),
            self.preparation.fault(),
        ];
        faults.into_iter().flatten().next()
    }
}
