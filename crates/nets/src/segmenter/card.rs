use serde::{Deserialize, Serialize};
use wilhelm_study::{CodedConcept, Modality, QuantityKind};

use super::trained::TrainedSegmenter;
use crate::CardError;
use crate::arch::UNetConfig;
use crate::card::on_disk::{self, CardOnDisk};

/// What a segmenter accepts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptedVolume {
    /// Modalities, as DICOM writes them; a file that states none is let through.
    pub modalities: Vec<Modality>,
    /// What a voxel's number means.
    pub quantity: QuantityKind,
    /// In words, for people.
    pub words: String,
    /// The people it was trained on, in words.
    pub population: String,
}

/// The network behind a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SegmenterArchitecture {
    /// [`LinkNetPair`](crate::arch::LinkNetPair), of others.
    LinkNetPair,
    /// [`UNet`](crate::arch::UNet) of flat pictures, trained by this program.
    #[serde(rename = "u-net")]
    UNet(UNetConfig),
    /// [`UNet3d`](crate::arch::UNet3d) of volumes, trained by this program.
    #[serde(rename = "u-net-3d")]
    UNet3d(UNetConfig),
}

/// How a volume becomes what the two networks see, and what they say becomes a mask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairPreparation {
    /// Voxels a side of the cube that the first network sees.
    pub coarse_side: usize,
    /// Voxels a side of the cube that the second network sees.
    pub fine_side: usize,
    /// Quantiles of the first cube that become 0 and 1.
    pub quantiles: [f32; 2],
    /// Mean that the networks expect.
    pub mean: f32,
    /// Standard deviation that the networks expect.
    pub deviation: f32,
    /// A plane of the first mask counts where more than this share of it is foreground.
    pub least_share: f32,
    /// What is added around the first mask, as a share of its extent, on each side.
    pub margin: f32,
    /// Probabilities above this are foreground.
    pub threshold: f32,
}

/// What the mask stands for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentLabel {
    /// A name for people.
    pub name: String,
    /// Its code.
    pub code: CodedConcept,
    /// Volumes, mL, that the segment has in the people the model knows; outside them the result is doubtful.
    pub plausible_milliliters: [f64; 2],
}

/// Where weights made by others come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// Where it is described.
    pub url: String,
    /// Who holds the copyright.
    pub copyright: String,
    /// How to cite it.
    pub citation: String,
    /// SHA-256 of the files that were converted, in hexadecimal.
    pub sha256: Vec<String>,
    /// The command that converted them.
    pub command: String,
}

/// How closely a mask agrees with the original program's on one image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// The image.
    pub image: String,
    /// Sorensen-Dice overlap of the two masks.
    pub dice: f64,
    /// Volume of the mask of this program, mL.
    pub milliliters: f64,
    /// Volume of the mask of the original program, mL.
    pub milliliters_of_the_original: f64,
}

/// A segmenter's card: what it is, what it accepts, where it comes from, what it must not be used for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmenterCard {
    /// Version of this card's form.
    pub schema: u32,
    /// Always `segmenter`: cards without a kind are those of classifiers.
    pub kind: String,
    /// The name by which the model is chosen.
    pub name: String,
    /// Version of the weights.
    pub version: String,
    /// One line for people.
    pub title: String,
    /// License of the weights.
    pub license: String,
    /// What it must not be used for, a sentence each.
    pub must_not: Vec<String>,
    /// Weights beside the card.
    pub weights: String,
    /// SHA-256 of the weights.
    pub weights_sha256: String,
    /// The network.
    pub architecture: SegmenterArchitecture,
    /// What it accepts.
    pub input: AcceptedVolume,
    /// How the input of a pair is made and its output is read.
    pub preparation: Option<PairPreparation>,
    /// What a pair finds.
    pub segment: Option<SegmentLabel>,
    /// Who made a pair.
    pub source: Option<Source>,
    /// How closely the masks agree with those of the original program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agreement: Vec<Agreement>,
    /// What there is to say of a network that this program trained.
    pub trained: Option<TrainedSegmenter>,
}

/// What a card says of a pair of networks made by others.
#[derive(Clone, Copy, Debug)]
pub struct PairCard<'a> {
    /// How its input is made and its output is read.
    pub preparation: &'a PairPreparation,
    /// What it finds.
    pub segment: &'a SegmentLabel,
    /// Who made it.
    pub source: &'a Source,
}

impl SegmenterCard {
    /// The form this program reads and writes.
    pub const SCHEMA: u32 = 1;
    /// What `kind` says.
    pub const KIND: &'static str = "segmenter";

    /// Reads and checks a card.
    ///
    /// # Errors
    /// [`CardError`] for a text that is no card, or one that contradicts itself.
    pub fn from_toml(text: &str) -> Result<Self, CardError> {
        on_disk::read(text)
    }

    /// The card as TOML.
    ///
    /// # Errors
    /// [`CardError`] if the card contradicts itself.
    pub fn to_toml(&self) -> Result<String, CardError> {
        on_disk::write(self)
    }

    /// What the card says of a pair of networks; `None` where it is that of another network.
    pub fn pair(&self) -> Option<PairCard<'_>> {
        let (preparation, segment) = (self.preparation.as_ref()?, self.segment.as_ref()?);
        let source = self.source.as_ref()?;
        (self.architecture == SegmenterArchitecture::LinkNetPair).then_some(PairCard {
            preparation,
            segment,
            source,
        })
    }
}

impl CardOnDisk for SegmenterCard {
    const FORM: u32 = Self::SCHEMA;

    fn form(&self) -> u32 {
        self.schema
    }

    fn named(&self) -> &str {
        &self.name
    }

    fn weights(&self) -> (&str, &str) {
        (&self.weights, &self.weights_sha256)
    }

    fn other_kind(&self) -> Option<String> {
        (self.kind != Self::KIND).then(|| format!("kind is {}, expected {}", self.kind, Self::KIND))
    }

    fn fault(&self) -> Option<String> {
        let fault = match (&self.architecture, self.pair(), &self.trained) {
            (SegmenterArchitecture::LinkNetPair, Some(pair), None) => pair.fault(),
            (SegmenterArchitecture::LinkNetPair, ..) => {
                Some("a pair of networks needs preparation, segment and source, and has nothing trained here")
            }
            (_, _, Some(trained))
                if self.preparation.is_none()
                    && self.segment.is_none()
                    && self.source.is_none()
                    && self.agreement.is_empty() =>
            {
                trained.fault(&self.architecture)
            }
            _ => Some("a U-Net needs what is under [trained], and has nothing of a pair"),
        };
        fault.map(str::to_owned)
    }
}

impl PairCard<'_> {
    /// What is wrong with its numbers.
    fn fault(self) -> Option<&'static str> {
        let recipe = self.preparation;
        // The network halves five times; above 512 a hostile card could ask for all memory.
        let is_side = |side: usize| side.is_multiple_of(32) && (32..=512).contains(&side);
        let share = |value: f32| (0.0..1.0).contains(&value);
        let [low, high] = recipe.quantiles;
        let [least, most] = self.segment.plausible_milliliters;
        let faults = [
            (!is_side(recipe.coarse_side) || !is_side(recipe.fine_side))
                .then_some("a side must be a multiple of 32 from 32 to 512"),
            (!(share(low) && low < high && high <= 1.0)).then_some("quantiles must rise within 0 to 1"),
            (!(share(recipe.least_share) && share(recipe.margin) && share(recipe.threshold)))
                .then_some("least share, margin and threshold must be from 0 to below 1"),
            (!(recipe.deviation > 0.0 && recipe.deviation.is_finite() && recipe.mean.is_finite()))
                .then_some("deviation must be above 0 and the mean a number"),
            (!(least >= 0.0 && least < most)).then_some("plausible volumes must rise from 0 mL or more"),
        ];
        faults.into_iter().flatten().next()
    }
}
