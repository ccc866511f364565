use crate::fusion::FusionRecipe;
use crate::generator::ReportRecipe;
use crate::segment::SegmenterRecipe;
use crate::{LearnError, Recipe};

/// Columns of the table of out-of-fold predictions beside the labels.
const COLUMNS: [&str; 5] = ["image", "label", "fold", "patient", "inputs"];

/// A recipe that runs of several kinds are made of: folds and sweeps change its text and read it again.
pub trait WrittenRecipe: Sized {
    /// Reads and checks a recipe.
    ///
    /// # Errors
    /// [`LearnError::Recipe`].
    fn read(text: &str) -> Result<Self, LearnError>;

    /// The seed that decides which examples are held out.
    fn seed_of_split(&self) -> u64;

    /// Why there can be no folds of it.
    fn fault_of_folds(&self) -> Option<String> {
        None
    }
}

/// Refuses a label named as another column of the out-of-fold predictions.
fn label_taken(recipe: &Recipe) -> Option<String> {
    if let Some(refused) = recipe.several_labels("folds are") {
        return Some(refused);
    }
    let label = recipe.labels.iter().find(|label| COLUMNS.contains(&label.key.as_str()))?;
    Some(format!(
        "label {} is named as another column of the out-of-fold predictions: name it otherwise",
        label.key
    ))
}

impl WrittenRecipe for Recipe {
    fn read(text: &str) -> Result<Self, LearnError> {
        Self::from_toml(text)
    }
    fn seed_of_split(&self) -> u64 {
        self.split_seed()
    }
    fn fault_of_folds(&self) -> Option<String> {
        label_taken(self)
    }
}

impl WrittenRecipe for FusionRecipe {
    fn read(text: &str) -> Result<Self, LearnError> {
        Self::from_toml(text)
    }
    fn seed_of_split(&self) -> u64 {
        self.recipe.split_seed()
    }
    fn fault_of_folds(&self) -> Option<String> {
        label_taken(&self.recipe)
    }
}

impl WrittenRecipe for SegmenterRecipe {
    fn read(text: &str) -> Result<Self, LearnError> {
        Self::from_toml(text)
    }
    fn seed_of_split(&self) -> u64 {
        self.split_seed()
    }
}

/// What a recipe makes, by the keys that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipeKind {
    /// A classifier of one input.
    Classifier,
    /// A classifier of several inputs.
    Fusion,
    /// A network that outlines something.
    Segmenter,
    /// A writer of reports.
    Report,
    /// A classifier of texts.
    Text,
}

impl RecipeKind {
    /// Of a text; what has no key of another kind is a classifier's, and is refused or not as one.
    pub fn of(text: &str) -> Self {
        let Ok(table) = toml::from_str::<toml::Table>(text) else { return Self::Classifier };
        let has = |keys: &[&str]| keys.iter().any(|key| table.contains_key(*key));
        if FusionRecipe::is_meant(text) {
            Self::Fusion
        } else if has(&["segments", "grid"]) {
            Self::Segmenter
        } else if has(&ReportRecipe::OWN) {
            Self::Report
        } else if has(&["reader"]) {
            Self::Text
        } else {
            Self::Classifier
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_recipe_makes_is_told_by_its_keys() {
        let models = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/recipes");
        let kind = |name: &str| {
            RecipeKind::of(&std::fs::read_to_string(models.join(name)).expect("a recipe of ours"))
        };
        assert_eq!(kind("chest-pneumonia.toml"), RecipeKind::Classifier);
        assert_eq!(kind("head-outline.toml"), RecipeKind::Segmenter);
        assert_eq!(RecipeKind::of("fusion = \"late\""), RecipeKind::Fusion);
        assert_eq!(RecipeKind::of("[decoder]\nlayers = 1"), RecipeKind::Report);
        assert_eq!(RecipeKind::of("[reader]\nhidden = 1"), RecipeKind::Text);
        assert_eq!(RecipeKind::of("no = ["), RecipeKind::Classifier);
    }
}
