use serde::{Deserialize, Serialize};
use wilhelm_nets::arch::UNetConfig;
use wilhelm_nets::{AcceptedVolume, SegmentClass, WindowPreparation};
use wilhelm_study::CodedConcept;

use crate::origin::Origin;
use crate::recipe::mirrored::Sides;
use crate::recipe::{Holding, stated};
use crate::{Augmentation, Fold, LearnError, Optimization, SegmentationLoss};

/// Where the images and masks are, below the folder given on the command line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum MaskSource {
    /// A CSV table with the columns `file` and `mask`.
    Table {
        /// The table's name.
        table: String,
        /// The column that says whose image it is; all images of a patient stay on one side of the split.
        #[serde(default)]
        patient: Option<String>,
        /// The column that says which images train and validate; those that it calls `test` are set aside.
        #[serde(default)]
        split: Option<String>,
        /// A list of the images that validate, one a line.
        #[serde(default)]
        validation: Option<String>,
    },
    /// A folder of images, and for each a mask of its name with a suffix, beside it or in a folder of masks.
    Folders {
        /// The folder of the images; `.` is the data folder itself.
        #[serde(default = "here")]
        images: String,
        /// The folder of the masks; left out, that of the images.
        #[serde(default)]
        masks: Option<String>,
        /// What the name of a mask has behind that of its image: `scan.png` has `scan_mask.png`.
        #[serde(default = "mask")]
        suffix: String,
        /// A list of the images that validate, one a line.
        #[serde(default)]
        validation: Option<String>,
    },
}

fn here() -> String {
    ".".to_owned()
}

fn mask() -> String {
    "_mask".to_owned()
}

impl MaskSource {
    /// The list of the images that validate.
    pub(crate) fn validation(&self) -> Option<&str> {
        match self {
            Self::Table { validation, .. } | Self::Folders { validation, .. } => validation.as_deref(),
        }
    }
}

/// A number in the masks and what it stands for; 0 is background.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskSegment {
    /// The number in the mask files.
    pub value: u16,
    /// A name for people.
    pub name: String,
    /// Its code.
    pub code: CodedConcept,
    /// Whether it is a disease's, not a healthy structure.
    #[serde(default)]
    pub abnormal: bool,
}

impl MaskSegment {
    /// As it stands on a card.
    pub fn class(&self) -> SegmentClass {
        SegmentClass { name: self.name.clone(), code: self.code.clone(), abnormal: self.abnormal }
    }
}

/// What a network sees at once, and how images come there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskGrid {
    /// Slices, rows and columns; with one slice the data are pictures, which are brought to that many rows and columns.
    pub window: [usize; 3],
    /// Share of a window that the next one covers again, when the network is used.
    #[serde(default = "half")]
    pub overlap: f32,
    /// Millimeters between columns, rows and slices that volumes are brought to; left out, they stay as they are.
    #[serde(default)]
    pub spacing: Option<[f64; 3]>,
    /// Values that become 0 and 1; left out, those that the file proposes, or percentiles.
    #[serde(default)]
    pub bounds: Option<[f32; 2]>,
}

fn half() -> f32 {
    0.5
}

/// How windows are cut out of volumes in training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Patches {
    /// Windows of each image in a pass.
    pub per_image: usize,
    /// Share of the windows whose middle lies in a segment; the others lie anywhere.
    pub foreground: f64,
}

impl Default for Patches {
    fn default() -> Self {
        Self { per_image: 1, foreground: 0.33 }
    }
}

/// Everything that decides the training of a segmenter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmenterRecipe {
    /// Name of the model.
    pub name: String,
    /// Version of the weights.
    pub version: String,
    /// One line for people.
    pub title: String,
    /// License of the weights.
    pub license: String,
    /// What the model must not be used for.
    pub must_not: Vec<String>,
    /// Seed of everything random.
    pub seed: u64,
    /// Seed of the split alone; left out, it is the seed.
    #[serde(default)]
    pub split_seed: Option<u64>,
    /// Says that left and right may never change places.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub side_matters: bool,
    /// Why left and right may change places although the two halves of this part of the body differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror_because: Option<String>,
    /// Share of the images held out for validation; left out where the data or a fold say which are.
    #[serde(default)]
    pub validation_share: Option<f64>,
    /// The part of the data that is held out, in the place of the share.
    #[serde(default)]
    pub fold: Option<Fold>,
    /// Correlation of two thumbnails above which they count as one source.
    pub duplicates_above: f64,
    /// Channels of the network's stages, each on half the grid of the one before; left out, five stages from 16 channels
    /// for pictures and four for volumes.
    #[serde(default)]
    pub widths: Vec<usize>,
    /// Whether training looks at the coarser stages of the decoder too, each counting half of the next finer one.
    #[serde(default)]
    pub deep_supervision: bool,
    /// Distance within which two surfaces count as the same: mm, or pixels where a picture does not say their size.
    pub tolerance: f64,
    /// The data set, in words.
    pub data_words: String,
    /// Its license.
    pub data_license: String,
    /// How to cite it.
    pub citation: String,
    /// Who or what drew the masks, in words.
    pub truth: String,
    /// Where the data are.
    pub data: MaskSource,
    /// What the model will accept.
    pub input: AcceptedVolume,
    /// What the network sees at once.
    pub grid: MaskGrid,
    /// What the numbers in the masks stand for.
    pub segments: Vec<MaskSegment>,
    /// How windows are cut out of volumes.
    #[serde(default)]
    pub patches: Patches,
    /// How images are varied.
    pub augmentation: Augmentation,
    /// How the weights are fitted.
    pub optimization: Optimization<SegmentationLoss>,
}

impl SegmenterRecipe {
    /// The seed that decides which examples are held out.
    pub fn split_seed(&self) -> u64 {
        self.split_seed.unwrap_or(self.seed)
    }

    /// What a card says of what this recipe makes.
    pub(crate) fn origin(&self) -> Origin<'_> {
        Origin {
            data: &self.data_words,
            data_license: &self.data_license,
            citation: &self.citation,
            epochs: self.optimization.epochs,
            seed: self.seed,
        }
    }

    /// Whether the data are pictures, not volumes.
    pub const fn is_flat(&self) -> bool {
        self.grid.window[0] == 1
    }

    /// Sizes of the network.
    pub fn architecture(&self) -> UNetConfig {
        let widths = match (self.widths.is_empty(), self.is_flat()) {
            (false, _) => self.widths.clone(),
            (true, true) => vec![16, 32, 64, 128, 256],
            (true, false) => vec![16, 32, 64, 128],
        };
        let classes = self.optimization.loss.output.classes(self.segments.len());
        UNetConfig { channels: 1, widths, classes }
    }

    /// How images are prepared, with the training data's mean and deviation.
    pub(crate) fn preparation(&self, mean: f32, deviation: f32) -> WindowPreparation {
        let MaskGrid { window, overlap, spacing, bounds } = self.grid;
        WindowPreparation { window, overlap, spacing, bounds, mean, deviation }
    }

    /// Which images are held out.
    pub(crate) fn holding(&self) -> Result<Holding<'_>, LearnError> {
        let column = match &self.data {
            MaskSource::Table { split, .. } => split.as_deref(),
            MaskSource::Folders { .. } => None,
        };
        Holding::of(self.validation_share, self.fold, stated(column, self.data.validation())?)
    }

    /// Reads and checks a recipe.
    ///
    /// # Errors
    /// [`LearnError::Recipe`].
    pub fn from_toml(text: &str) -> Result<Self, LearnError> {
        let recipe: Self =
            toml::from_str(text).map_err(|error| LearnError::Recipe(error.message().to_owned()))?;
        recipe.check()?;
        Ok(recipe)
    }

    fn check(&self) -> Result<(), LearnError> {
        let fail = |what: String| Err(LearnError::Recipe(what));
        if self.segments.is_empty() || self.segments.len() > 200 {
            return fail("it has no [[segments]], or more than 200".to_owned());
        }
        for (place, segment) in self.segments.iter().enumerate() {
            if segment.value == 0 {
                return fail(format!("segment {} has the value 0, which is the background's", segment.name));
            }
            let earlier = &self.segments[..place];
            if earlier.iter().any(|other| other.value == segment.value || other.name == segment.name) {
                return fail(format!(
                    "two segments have the value {} or the name {}",
                    segment.value, segment.name
                ));
            }
        }
        let network = self.architecture();
        if !network.is_sound() {
            return fail("widths are out of bounds: 2 to 8 stages of 3 to 1024 channels".to_owned());
        }
        if let Some(fault) = self.preparation(0.0, 1.0).fault() {
            return fail(format!("{fault} under [grid]"));
        }
        let multiple = network.multiple();
        let sides = if self.is_flat() { &self.grid.window[1..] } else { &self.grid.window[..] };
        if let Some(side) = sides.iter().find(|side| !side.is_multiple_of(multiple)) {
            return fail(format!(
                "window under [grid] has a side of {side}, expected multiples of {multiple}, by which {} stages shrink it",
                network.widths.len()
            ));
        }
        if let MaskSource::Folders { images, masks, suffix, .. } = &self.data
            && suffix.is_empty()
            && masks.as_ref().is_none_or(|masks| masks == images)
        {
            return fail("suffix under [data] is empty, and images and masks lie in one folder".to_owned());
        }
        if self.augmentation.mix > 0.0 {
            return fail(
                "mix under [augmentation] must be 0: masks of two images have no mixture".to_owned(),
            );
        }
        if !(self.tolerance.is_finite() && self.tolerance >= 0.0) {
            return fail("tolerance must be at least 0".to_owned());
        }
        let Patches { per_image, foreground } = self.patches;
        if !((1..=1024).contains(&per_image) && (0.0..=1.0).contains(&foreground)) {
            return fail("patches need per_image from 1 to 1024 and foreground from 0 to 1".to_owned());
        }
        if let Some(fault) = self.augmentation.fault() {
            return fail(fault.to_owned());
        }
        self.optimization.check(self.optimization.loss.fault())?;
        self.check_mirrors()?;
        self.holding()?;
        Ok(())
    }

    /// Refuses mirror images where a segment names a side, and asks for a reason where one is of a part of the body whose
    /// halves differ.
    fn check_mirrors(&self) -> Result<(), LearnError> {
        let names: Vec<&str> = self.segments.iter().map(|segment| segment.name.as_str()).collect();
        let words = names.iter().flat_map(|name| name.split_whitespace());
        let parts: Vec<String> = words.map(str::to_owned).collect();
        let mirrors = if self.augmentation.mirror { &["mirror under [augmentation]"][..] } else { &[] };
        let sides = Sides {
            mirrors,
            matter: self.side_matters,
            because: self.mirror_because.as_deref(),
            body_parts: &parts,
            names: &names,
        };
        sides.check()
    }
}
