use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};
use wilhelm_nets::AcceptedInput;
use wilhelm_nets::arch::{Fusion, FusionConfig};
use wilhelm_study::{Modality, QuantityKind};

use crate::{DataSource, LearnError, Recipe};

/// One named input of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputRecipe {
    /// Its column in the table of cases, and its name on the command line.
    pub key: String,
    /// Modalities, as DICOM writes them; a file that states none is let through.
    pub modalities: Vec<Modality>,
    /// What a value means; of files that cannot say, this says it.
    pub quantity: QuantityKind,
    /// The values that become black and white, in that unit; left out, each file's own are found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<[f32; 2]>,
    /// Whether no case is without it.
    #[serde(default)]
    pub required: bool,
}

/// Everything that decides the training of a classifier of several inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct FusionRecipe {
    /// What it has in common with a recipe of one input; `input` is that of the first.
    pub recipe: Recipe,
    /// Where the inputs meet.
    pub fusion: Fusion,
    /// Whether one CNN reads all inputs, of intermediate fusion.
    pub shared: bool,
    /// Probability with which an input that is there is hidden in training, so that the network learns to do without.
    pub drop_input: f64,
    /// Whether a network of each input alone is trained for comparison; late fusion has them anyway.
    pub baselines: bool,
    /// The inputs.
    pub inputs: Vec<InputRecipe>,
}

/// What stands in the recipe beside that of one input.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    fusion: Fusion,
    inputs: Vec<InputRecipe>,
    #[serde(default)]
    shared: bool,
    #[serde(default)]
    drop_input: f64,
    #[serde(default = "yes")]
    baselines: bool,
}

const fn yes() -> bool {
    true
}

/// Keys of [`Written`].
const OWN: [&str; 5] = ["fusion", "inputs", "shared", "drop_input", "baselines"];
/// Columns of the table of cases that are no inputs.
const COLUMNS: [&str; 2] = ["case", "class"];

impl FusionRecipe {
    /// Whether a text is meant to be a recipe of several inputs.
    pub fn is_meant(text: &str) -> bool {
        toml::from_str::<Table>(text)
            .is_ok_and(|table| table.contains_key("fusion") || table.contains_key("inputs"))
    }

    /// Reads and checks a recipe.
    ///
    /// # Errors
    /// [`LearnError::Recipe`].
    pub fn from_toml(text: &str) -> Result<Self, LearnError> {
        let unreadable = |error: toml::de::Error| LearnError::Recipe(error.message().to_owned());
        let mut table: Table = toml::from_str(text).map_err(unreadable)?;
        let own: Table = OWN.iter().filter_map(|key| table.remove_entry(*key)).collect();
        let Written { fusion, inputs, shared, drop_input, baselines } = own.try_into().map_err(unreadable)?;
        let first = inputs.first().ok_or_else(|| refused("it has no [[inputs]]"))?;
        put_common(&mut table, first)?;
        let recipe: Recipe = table.try_into().map_err(unreadable)?;
        if recipe.start.is_some() {
            return Err(refused(
                "start is for recipes of one input: an encoder of several is not made by train pretrain",
            ));
        }
        let recipe = recipe.checked()?;
        recipe.require_one_of("several inputs are")?;
        let recipe = Self { recipe, fusion, shared, drop_input, baselines, inputs };
        match recipe.fault() {
            Some(fault) => Err(LearnError::Recipe(fault)),
            None => Ok(recipe),
        }
    }

    /// Sizes of the network.
    pub fn architecture(&self) -> FusionConfig {
        FusionConfig {
            fusion: self.fusion,
            inputs: self.inputs.len(),
            shared: self.shared,
            network: self.recipe.architecture.clone(),
        }
    }

    /// What an input accepts: what all have in common, and its own modalities and unit.
    pub fn accepted(&self, input: usize) -> AcceptedInput {
        let InputRecipe { modalities, quantity, .. } = &self.inputs[input];
        AcceptedInput { modalities: modalities.clone(), quantity: *quantity, ..self.recipe.input.clone() }
    }

    /// Keys of the inputs, in their order.
    pub fn keys(&self) -> Vec<&str> {
        self.inputs.iter().map(|input| input.key.as_str()).collect()
    }

    /// Which inputs no case is without.
    pub fn required(&self) -> Vec<bool> {
        self.inputs.iter().map(|input| input.required).collect()
    }

    /// The keys of a subset of the inputs.
    pub(super) fn keys_of(&self, present: &[bool]) -> Vec<String> {
        let keys = self.inputs.iter().zip(present).filter(|(_, there)| **there);
        keys.map(|(input, _)| input.key.clone()).collect()
    }

    fn fault(&self) -> Option<String> {
        if let Some(fault) = self.architecture().fault() {
            return Some(fault);
        }
        if self.recipe.pretraining.is_some() {
            return Some("[pretraining] is of networks of one input".to_owned());
        }
        let DataSource::Table { patient, split, .. } = &self.recipe.data else {
            return Some(
                "several inputs come in a table, with a column for each: kind = \"table\"".to_owned(),
            );
        };
        let mut seen: BTreeSet<&str> =
            COLUMNS.into_iter().chain(patient.as_deref()).chain(split.as_deref()).collect();
        for InputRecipe { key, bounds, .. } in &self.inputs {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
            if key.is_empty() || !key.bytes().all(plain) {
                return Some(format!("key {key:?} of an input has other characters than a-z 0-9 _ -"));
            }
            if !seen.insert(key) {
                return Some(format!("input {key} is named as another column or input: name it otherwise"));
            }
            if let Some([low, high]) = bounds
                && !((high - low).is_finite() && high > low)
            {
                return Some(format!(
                    "bounds of input {key} are {low} and {high}, expected the lower one first"
                ));
            }
        }
        if !(0.0..1.0).contains(&self.drop_input) {
            return Some("drop_input must be at least 0 and below 1".to_owned());
        }
        if self.fusion == Fusion::Late && self.drop_input > 0.0 {
            return Some(
                "drop_input is of early and intermediate fusion: late fusion's networks see one input each"
                    .to_owned(),
            );
        }
        None
    }
}

fn refused(what: &str) -> LearnError {
    LearnError::Recipe(what.to_owned())
}

/// Gives `[input]` the modalities and the unit of the first input: the rest is common to all.
fn put_common(table: &mut Table, first: &InputRecipe) -> Result<(), LearnError> {
    let Some(Value::Table(common)) = table.get_mut("input") else {
        return Err(refused("it has no [input], which says what all inputs have in common"));
    };
    for key in ["modalities", "quantity"] {
        if common.contains_key(key) {
            return Err(LearnError::Recipe(format!("{key} stands in each of [[inputs]], not in [input]")));
        }
    }
    let value = Value::try_from(first).map_err(|error| LearnError::Recipe(error.to_string()))?;
    for key in ["modalities", "quantity"] {
        common.insert(key.to_owned(), value[key].clone());
    }
    Ok(())
}
