pub(crate) mod mirrored;
mod written;

pub use written::{RecipeKind, WrittenRecipe};

use serde::{Deserialize, Serialize};
use wilhelm_filters::Fit;
use wilhelm_nets::arch::ClassifierConfig;
use wilhelm_nets::{AcceptedInput, Label, Targets};

use mirrored::Sides;

use crate::fusion::FusionRecipe;
use crate::origin::Origin;
use crate::{Augmentation, Keep, LearnError, Loss, MultiLabel, Optimizer, Pretraining, Schedule};

/// Where the images and labels are, below the folder given on the command line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum DataSource {
    /// A CSV table with the columns `file` and `class`.
    Table {
        /// The table's name.
        table: String,
        /// The classes' names in the table, in the order of the recipe's labels.
        classes: Vec<String>,
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
    /// A CSV table with the column `file` and a column a label, with 1 where it is there, 0 where it is not, -1 where that
    /// is in doubt, and nothing. For labels that are not one of all.
    LabelTable {
        /// The table's name.
        table: String,
        /// The columns, in the order of the recipe's labels.
        columns: Vec<String>,
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
    /// A folder for each class, with its images in it.
    Folders {
        /// The folders' names, in the order of the recipe's labels.
        classes: Vec<String>,
        /// A list of the images that validate (`class/file`), one a line.
        #[serde(default)]
        validation: Option<String>,
    },
    /// DICOM images or series below a folder, and a CSV table that names them by an identifier in their headers, with the
    /// column `class`.
    Dicom {
        /// The folder of the images; `.` is the data folder itself.
        #[serde(default = "here")]
        folder: String,
        /// The table's name.
        table: String,
        /// By which identifier it names them.
        key: DicomKey,
        /// The column that has it; left out, it is called as the key.
        #[serde(default)]
        column: Option<String>,
        /// The classes' names in the table, in the order of the recipe's labels.
        classes: Vec<String>,
        /// The column that says whose image it is; left out, the headers' Patient ID does.
        #[serde(default)]
        patient: Option<String>,
        /// The column that says which images train and validate; those that it calls `test` are set aside.
        #[serde(default)]
        split: Option<String>,
        /// A list of the images that validate, one a line: the first file of each, by its place below the folder.
        #[serde(default)]
        validation: Option<String>,
    },
    /// An NPZ file in MedMNIST's layout; its splits except `test` are pooled, and held against `test`. Label `n` is the
    /// recipe's label `n`.
    Npz {
        /// The file's name.
        file: String,
        /// A list of the images that validate (`file.npz#index`), one a line.
        #[serde(default)]
        validation: Option<String>,
        /// What becomes of images of which the split `test` has a copy.
        #[serde(default)]
        copies_of_test: CopiesOfTest,
    },
}

fn here() -> String {
    ".".to_owned()
}

/// By which identifier a table names DICOM images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DicomKey {
    /// One image: SOP Instance UID (0008,0018).
    SopInstanceUid,
    /// One series: Series Instance UID (0020,000E).
    SeriesInstanceUid,
    /// All of a study that the recipe's input accepts: Study Instance UID (0020,000D).
    StudyInstanceUid,
    /// All of an examination that the recipe's input accepts: Accession Number (0008,0050).
    AccessionNumber,
}

impl DicomKey {
    /// What its column is called, where the recipe does not say otherwise.
    pub const fn column(self) -> &'static str {
        match self {
            Self::SopInstanceUid => "sop_instance_uid",
            Self::SeriesInstanceUid => "series_instance_uid",
            Self::StudyInstanceUid => "study_instance_uid",
            Self::AccessionNumber => "accession_number",
        }
    }

    /// Whether it names an examination as a whole, of which some images may be of another kind.
    pub(crate) const fn is_of_examination(self) -> bool {
        matches!(self, Self::StudyInstanceUid | Self::AccessionNumber)
    }
}

/// What becomes of images to learn from of which an archive's own test has a copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopiesOfTest {
    /// The data are refused, and the pairs named.
    #[default]
    Refuse,
    /// They are neither learned from nor held out.
    LeaveOut,
}

impl DataSource {
    /// The list of the images that validate.
    pub(crate) fn validation(&self) -> Option<&str> {
        match self {
            Self::Table { validation, .. }
            | Self::LabelTable { validation, .. }
            | Self::Folders { validation, .. }
            | Self::Dicom { validation, .. }
            | Self::Npz { validation, .. } => validation.as_deref(),
        }
    }

    /// The key under `[data]` that says which images train and validate, and what it names.
    fn stated_split(&self) -> Result<Option<(&'static str, &str)>, LearnError> {
        let column = match self {
            Self::Table { split, .. } | Self::LabelTable { split, .. } | Self::Dicom { split, .. } => {
                split.as_deref()
            }
            Self::Folders { .. } | Self::Npz { .. } => None,
        };
        stated(column, self.validation())
    }
}

/// One of the parts into which the data are cut for a cross-validation: the one held out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fold {
    /// Its number, from 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
}

impl Fold {
    /// Most folds: above, single images were meant, which is another method.
    pub const MOST: usize = 100;
}

/// Which images a recipe holds out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Holding<'a> {
    /// This share of each label's.
    Share(f64),
    /// One of several parts of the data.
    Fold(Fold),
    /// Those that the data say, by this key under `[data]`, which names a column or a file.
    Stated { key: &'static str, name: &'a str },
}

impl<'a> Holding<'a> {
    /// The one way that a recipe names.
    pub(crate) fn of(
        share: Option<f64>,
        fold: Option<Fold>,
        stated: Option<(&'static str, &'a str)>,
    ) -> Result<Self, LearnError> {
        let fail = |what: String| Err(LearnError::Recipe(what));
        let mut named = Vec::new();
        named.extend(share.map(|_| "validation_share".to_owned()));
        named.extend(fold.map(|_| "fold".to_owned()));
        named.extend(stated.map(|(key, _)| format!("{key} under [data]")));
        if named.len() > 1 {
            return fail(format!("{} both say which images validate: keep one", named[..2].join(" and ")));
        }
        match (share, fold, stated) {
            (Some(share), ..) if share > 0.0 && share < 0.9 => Ok(Holding::Share(share)),
            (Some(_), ..) => fail("validation_share must lie above 0 and below 0.9".to_owned()),
            (_, Some(fold), _) => {
                let Fold { number, of } = fold;
                if (2..=Fold::MOST).contains(&of) && (1..=of).contains(&number) {
                    return Ok(Holding::Fold(fold));
                }
                fail(format!(
                    "fold is {number} of {of}, expected one of 2 to {} folds, counted from 1",
                    Fold::MOST
                ))
            }
            (.., Some((key, name))) => Ok(Holding::Stated { key, name }),
            (None, None, None) => fail(
                "it does not say which images validate: set validation_share, or split or validation under [data]"
                    .to_owned(),
            ),
        }
    }
}

/// The key under `[data]` that says which images train and validate, and what it names.
pub(crate) fn stated<'a>(
    column: Option<&'a str>,
    list: Option<&'a str>,
) -> Result<Option<(&'static str, &'a str)>, LearnError> {
    match (column, list) {
        (Some(_), Some(_)) => Err(LearnError::Recipe(
            "split and validation under [data] both say which images validate: keep one".to_owned(),
        )),
        (Some(column), None) => Ok(Some(("split", column))),
        (None, list) => Ok(list.map(|list| ("validation", list))),
    }
}

/// How the weights are fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Optimization<K = Loss> {
    /// Passes over the training data.
    pub epochs: usize,
    /// Passes with a rising learning rate.
    pub warm_up_epochs: usize,
    /// Images a step.
    pub batch: usize,
    /// Greatest learning rate.
    pub learning_rate: f64,
    /// What the rate does after the warm-up.
    #[serde(default)]
    pub schedule: Schedule,
    /// How a step follows from the gradients.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// How strongly weights are drawn to 0.
    pub weight_decay: f32,
    /// Norm to which the gradient of each parameter tensor is clipped; 0 clips nothing.
    pub clip_norm: f32,
    /// What is lowered.
    #[serde(default)]
    pub loss: K,
    /// Decay of the moving average of the weights that is kept in their place; 0 keeps the weights themselves.
    #[serde(default)]
    pub average: f64,
    /// Passes without a smaller validation loss after which the run stops; 0 never stops.
    #[serde(default)]
    pub patience: usize,
    /// Which pass the weights are taken from.
    #[serde(default)]
    pub keep: Keep,
    /// Share of the target given to all labels alike.
    pub label_smoothing: f32,
    /// Weights classes by the inverse of their count, to this power (0: not at all, 1: fully).
    pub class_balance: f64,
}

impl<K> Optimization<K> {
    /// Refuses numbers that are none; `of_loss` is what is wrong with those of the loss.
    pub(crate) fn check(&self, of_loss: Option<&'static str>) -> Result<(), LearnError> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let at_least_0 = |value: f32| value.is_finite() && value >= 0.0;
        let faults = [
            (self.batch == 0 || self.epochs == 0).then_some("batch and epochs must be at least 1"),
            (!positive(self.learning_rate)).then_some("learning_rate must be above 0"),
            (!at_least_0(self.weight_decay)).then_some("weight_decay must be at least 0"),
            (!at_least_0(self.clip_norm)).then_some("clip_norm must be at least 0"),
            (!(0.0..1.0).contains(&self.label_smoothing)).then_some("label_smoothing must be from 0 to 1"),
            (!(0.0..1.0).contains(&self.average)).then_some("average must be at least 0 and below 1"),
            (!(0.0..=4.0).contains(&self.class_balance)).then_some("class_balance must be from 0 to 4"),
            self.optimizer.fault(),
            self.schedule.fault(),
            of_loss,
        ];
        match faults.into_iter().flatten().next() {
            Some(fault) => Err(LearnError::Recipe(fault.to_owned())),
            None => Ok(()),
        }
    }
}

/// What is subtracted from gray values from 0 to 1, and what divides them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalization {
    /// Subtracted.
    pub mean: f32,
    /// Divides what is left.
    pub deviation: f32,
}

/// Everything that decides a training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
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
    /// Whether the mirror image is read too.
    pub mirror: bool,
    /// Which labels go together; left out, exactly one of all is right.
    #[serde(default, skip_serializing_if = "Targets::is_one_of")]
    pub targets: Targets,
    /// Says that left and right may never change places.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub side_matters: bool,
    /// Why left and right may change places although the two halves of this part of the body differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror_because: Option<String>,
    /// Share of the images held out for validation; left out where the data or a fold say which are.
    #[serde(default)]
    pub validation_share: Option<f64>,
    /// Correlation of two 32 x 32 thumbnails (of volumes as they are) above which they count as one source.
    pub duplicates_above: f64,
    /// How pictures meet the network's grid.
    pub fit: Fit,
    /// What is subtracted from gray values from 0 to 1, and what divides them; left out, mean and deviation of the images
    /// trained on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalization: Option<Normalization>,
    /// The part of the data that is held out, in the place of the share.
    #[serde(default)]
    pub fold: Option<Fold>,
    /// Share of each label's training images whose labels are used, the others being left out; left out, all are. Drawn
    /// by the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labeled_share: Option<f64>,
    /// Folder of the encoder that the network begins with, which was trained without labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Whether the weights are kept in 16 bits, in half the bytes; all figures are then of these.
    #[serde(default, skip_serializing_if = "is_false")]
    pub half_weights: bool,
    /// How much of the encoder that it begins with is left as it is, of an EfficientNet: 1 is its stem, each further one a
    /// stage, 7 all of it.
    #[serde(default, skip_serializing_if = "is_none_fixed")]
    pub fixed_stages: usize,
    /// The data set, in words.
    pub data_words: String,
    /// Its license.
    pub data_license: String,
    /// How to cite it.
    pub citation: String,
    /// Where the data are.
    pub data: DataSource,
    /// What the model will accept.
    pub input: AcceptedInput,
    /// Sizes of the network.
    pub architecture: ClassifierConfig,
    /// Its labels.
    pub labels: Vec<Label>,
    /// How images are varied.
    pub augmentation: Augmentation,
    /// How the weights are fitted.
    pub optimization: Optimization,
    /// How labels that are not one of all are read, trained and called.
    #[serde(default, skip_serializing_if = "is_default")]
    pub multi_label: MultiLabel,
    /// How an encoder is trained without labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretraining: Option<Pretraining>,
}

fn is_default(settings: &MultiLabel) -> bool {
    *settings == MultiLabel::default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(yes: &bool) -> bool {
    !*yes
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_none_fixed(fixed: &usize) -> bool {
    *fixed == 0
}

impl Recipe {
    /// Refuses labels that are not one of all; `what` asks.
    ///
    /// # Errors
    /// [`LearnError::Recipe`].
    pub fn require_one_of(&self, what: &str) -> Result<(), LearnError> {
        self.several_labels(what).map_or(Ok(()), |what| Err(LearnError::Recipe(what)))
    }

    /// Why labels that are not one of all are refused, where they are not; `what` asks.
    pub(crate) fn several_labels(&self, what: &str) -> Option<String> {
        (!self.targets.is_one_of()).then(|| format!(
            "its targets are several labels at once, and {what} for labels of which exactly one is right: leave targets \
             out, or train it with `wilhelm train classifier` alone"
        ))
    }

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

    /// Which images are held out.
    pub(crate) fn holding(&self) -> Result<Holding<'_>, LearnError> {
        Holding::of(self.validation_share, self.fold, self.data.stated_split()?)
    }

    /// Refuses mirror images where they would be wrong.
    fn check_mirrors(&self) -> Result<(), LearnError> {
        let of_views = self.pretraining.as_ref().is_some_and(|settings| settings.augmentation.mirror);
        let set = [
            (self.mirror, "mirror"),
            (self.augmentation.mirror, "mirror under [augmentation]"),
            (of_views, "mirror under [pretraining.augmentation]"),
        ];
        let mirrors: Vec<&str> = set.into_iter().filter_map(|(set, key)| set.then_some(key)).collect();
        let names: Vec<&str> = self
            .labels
            .iter()
            .flat_map(|label| [&label.key, &label.name].into_iter().chain(&label.synonyms))
            .map(String::as_str)
            .collect();
        let sides = Sides {
            mirrors: &mirrors,
            matter: self.side_matters,
            because: self.mirror_because.as_deref(),
            body_parts: &self.input.body_parts,
            names: &names,
        };
        sides.check()
    }

    /// Reads and checks a recipe.
    ///
    /// # Errors
    /// [`LearnError::Recipe`].
    pub fn from_toml(text: &str) -> Result<Self, LearnError> {
        if FusionRecipe::is_meant(text) {
            return Err(LearnError::Recipe(
                "it is one of several inputs, which only `wilhelm train classifier` and `wilhelm sweep` take"
                    .to_owned(),
            ));
        }
        let recipe: Self =
            toml::from_str(text).map_err(|error| LearnError::Recipe(error.message().to_owned()))?;
        recipe.checked()
    }

    /// Itself, where it does not contradict itself.
    pub(crate) fn checked(self) -> Result<Self, LearnError> {
        let recipe = self;
        let fail = |what: &str| Err(LearnError::Recipe(what.to_owned()));
        if let Some(fault) = recipe.architecture.fault() {
            return fail(&fault);
        }
        if let Some(fault) = recipe.targets.fault(&recipe.labels) {
            return fail(&fault);
        }
        recipe.check_targets()?;
        if recipe.normalization.is_some_and(|stated| {
            !stated.mean.is_finite() || !stated.deviation.is_finite() || stated.deviation <= 0.0
        }) {
            return fail("the deviation of normalization must be above 0 and its mean a number");
        }
        if recipe.labels.len() != recipe.architecture.labels {
            return fail("the network's labels are not as many as the recipe's");
        }
        if let DataSource::Table { classes, .. }
        | DataSource::Folders { classes, .. }
        | DataSource::Dicom { classes, .. } = &recipe.data
        {
            if classes.len() != recipe.labels.len() {
                return fail("the classes of the data are not as many as the recipe's labels");
            }
            if (1..classes.len()).any(|place| classes[..place].contains(&classes[place])) {
                return fail("two classes of the data have the same name");
            }
        }
        recipe.optimization.check(recipe.optimization.loss.fault())?;
        if let Some(fault) = recipe.pretraining.as_ref().and_then(Pretraining::fault) {
            return fail(fault);
        }
        if let Some(what) = recipe.augmentation.fault() {
            return fail(what);
        }
        recipe.check_mirrors()?;
        recipe.holding()?;
        let is_efficientnet = recipe
            .architecture
            .cnn
            .as_ref()
            .is_some_and(|cnn| cnn.name == wilhelm_nets::arch::CnnName::EfficientNetLite0);
        if recipe.fixed_stages > 0 && !is_efficientnet {
            return fail("fixed_stages is for an efficientnet-lite0");
        }
        if recipe.fixed_stages > 7 {
            return fail("fixed_stages is at most 7: the stem and six stages");
        }
        if recipe.labeled_share.is_some_and(|share| !(share > 0.0 && share <= 1.0)) {
            return fail("labeled_share must lie above 0 and be at most 1");
        }
        Ok(recipe)
    }
}

impl Recipe {
    /// Whether targets, their settings and the kind of the data go together.
    fn check_targets(&self) -> Result<(), LearnError> {
        let fail = |what: String| Err(LearnError::Recipe(what));
        let keys: Vec<&str> = self.labels.iter().map(|label| label.key.as_str()).collect();
        let columns = match &self.data {
            DataSource::LabelTable { columns, .. } => Some(columns),
            _ => None,
        };
        match (self.targets.is_one_of(), columns) {
            (true, Some(_)) => fail(
                "data of kind label_table have several labels at once: set targets = \"multi_label\", or name a table of \
                 kind table with a column class"
                    .to_owned(),
            ),
            (true, None) if !is_default(&self.multi_label) => {
                fail("multi_label is for targets that are not one_of: leave it out".to_owned())
            }
            (true, None) => Ok(()),
            (false, None) => fail(
                "targets that are not one_of come from a table with a column a label: data of kind label_table".to_owned(),
            ),
            (false, Some(columns)) if columns.len() != keys.len() => {
                fail("the columns of the data are not as many as the recipe's labels".to_owned())
            }
            (false, Some(columns)) if (1..columns.len()).any(|at| columns[..at].contains(&columns[at])) => {
                fail("two labels have the same column of the data".to_owned())
            }
            (false, Some(_)) => match self.multi_label.fault(&keys) {
                Some(fault) => fail(fault),
                None => Ok(()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_says_which_images_validate() {
        let place = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../models/recipes/breast-ultrasound.toml");
        let text = std::fs::read_to_string(place).expect("the recipe of a shipped model");
        let with = |share: &str, data: &str| {
            let text = text.replace("validation_share = 0.2", share);
            let text = text.replace("table = \"labels.csv\"", &format!("table = \"labels.csv\"\n{data}"));
            match Recipe::from_toml(&text) {
                Ok(recipe) => Ok(format!("{:?}", recipe.holding().expect("checked"))),
                Err(error) => Err(error.to_string()),
            }
        };
        assert_eq!(with("validation_share = 0.2", "patient = \"who\""), Ok("Share(0.2)".to_owned()));
        assert_eq!(with("", "split = \"part\""), Ok("Stated { key: \"split\", name: \"part\" }".to_owned()));
        let refused = |share: &str, data: &str, words: &str| {
            let said = with(share, data).expect_err(words);
            assert!(said.contains(words), "{said}");
        };
        refused("", "", "does not say which images validate");
        refused("validation_share = 0.9", "", "above 0 and below 0.9");
        refused("validation_share = 0.2", "split = \"part\"", "validation_share and split under [data] both");
        refused("validation_share = 0.2", "validation = \"v.txt\"", "validation_share and validation under");
        refused("", "split = \"part\"\nvalidation = \"v.txt\"", "keep one");
        assert_eq!(
            with("fold = { number = 2, of = 5 }", ""),
            Ok("Fold(Fold { number: 2, of: 5 })".to_owned())
        );
        refused("fold = { number = 6, of = 5 }", "", "fold is 6 of 5, expected one of 2 to 100");
        refused("fold = { number = 1, of = 5 }", "split = \"part\"", "fold and split under [data] both");
        refused(
            "validation_share = 0.2\nfold = { number = 1, of = 5 }",
            "",
            "validation_share and fold both",
        );
        refused("validation_share = 0.2", "leaks = true", "unknown field `leaks`");
        refused("validation_share = 0.2\nlabeled_share = 0.0", "", "labeled_share must lie above 0");
        refused("validation_share = 0.2\nlabeled_share = 1.5", "", "labeled_share must lie above 0");
    }
}
