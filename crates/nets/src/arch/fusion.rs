//! Classifiers of several inputs of one case, any of which may be missing.

mod cross;
#[cfg(test)]
mod tests;

pub use cross::CrossAttention;

use burn::module::Module;
use burn::tensor::{Bool, Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::classifier::{taps, with_weights};
use super::{Classifier, ClassifierConfig};

/// Where the inputs of a case meet; stands on the model's card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fusion {
    /// As channels of one network, with a channel an input that says whether it is there.
    Early,
    /// As tokens of one Transformer, which has those of the inputs that are there.
    Intermediate,
    /// As the outputs of networks of one input each, stacked by a linear classifier.
    Late,
}

impl Fusion {
    /// Its word in recipes and on cards.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Early => "early",
            Self::Intermediate => "intermediate",
            Self::Late => "late",
        }
    }
}

/// Sizes of a [`FusedClassifier`]; stands on the model's card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FusionConfig {
    /// Where the inputs meet.
    pub fusion: Fusion,
    /// How many there are.
    pub inputs: usize,
    /// Whether one CNN reads all inputs, of intermediate fusion; otherwise each has its own.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shared: bool,
    /// Sizes of the network, of late fusion of each of the networks.
    pub network: ClassifierConfig,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(yes: &bool) -> bool {
    !*yes
}

impl FusionConfig {
    /// Most inputs: each subset of them has its own calibration on the card.
    pub const MOST: usize = 6;

    /// What is wrong with the sizes, if anything.
    pub fn fault(&self) -> Option<String> {
        if !(2..=Self::MOST).contains(&self.inputs) {
            return Some(format!("{} inputs, expected 2 to {}", self.inputs, Self::MOST));
        }
        if self.network.cnn.is_some() {
            return Some(
                "networks of several inputs have this program's own CNN: give widths and stem_stride in the place of cnn"
                    .to_owned(),
            );
        }
        if let Some(fault) = self.network.fault() {
            return Some(fault);
        }
        if self.inputs * self.network.places() > 4096 {
            return Some("the sizes of the network are out of bounds".to_owned());
        }
        if self.fusion != Fusion::Intermediate {
            return self.shared.then(|| {
                format!(
                    "one CNN for all inputs (shared) is of intermediate fusion, not of {}",
                    self.fusion.name()
                )
            });
        }
        // Without a decoder the labels would read the first input's token alone.
        (self.network.decoder_layers == 0).then(|| {
            "intermediate fusion needs decoder_layers of at least 1: the labels read all tokens".to_owned()
        })
    }

    /// Outputs of the network: logits, of late fusion those of each input, one input after another.
    pub const fn outputs(&self) -> usize {
        match self.fusion {
            Fusion::Late => self.inputs * self.network.labels,
            Fusion::Early | Fusion::Intermediate => self.network.labels,
        }
    }
}

/// A classifier of several inputs, by early, intermediate or late fusion.
///
/// Early: the inputs are channels, and each has a second channel that is 1 where it is there and 0 where it is
/// missing; a missing input's values are replaced by 0, the mean of what the network was trained on. Intermediate:
/// [`CrossAttention`]. Late: a [`Classifier`] an input, fitted for itself.
///
/// # Shapes
/// `[batch, inputs, slices, side, side]` to `[batch, labels]`, of late fusion to `[batch, inputs * labels]`. What a
/// missing input's values are has no influence, numbers or not.
///
/// # Source
/// Baltrusaitis, Ahuja and Morency 2019, doi:10.1109/TPAMI.2018.2798607 (early, intermediate, late)
#[derive(Module, Debug)]
pub struct FusedClassifier {
    /// This or one of the others is there.
    early: Option<Classifier>,
    intermediate: Option<CrossAttention>,
    /// One an input, or none.
    late: Vec<Classifier>,
}

impl FusedClassifier {
    /// A network with random weights; the device's seed decides them.
    pub fn new(config: &FusionConfig, device: &Device) -> Self {
        let FusionConfig { inputs, ref network, .. } = *config;
        let is = |fusion: Fusion| config.fusion == fusion;
        Self {
            early: is(Fusion::Early).then(|| Classifier::of_channels(network, 2 * inputs, device)),
            intermediate: is(Fusion::Intermediate).then(|| CrossAttention::new(config, device)),
            late: (0..if is(Fusion::Late) { inputs } else { 0 })
                .map(|_| Classifier::new(network, device))
                .collect(),
        }
    }

    /// The network of late fusion: one of each input.
    pub const fn of_members(members: Vec<Classifier>) -> Self {
        Self { early: None, intermediate: None, late: members }
    }

    /// A network with the weights of a safetensors file.
    ///
    /// # Errors
    /// The first tensor that does not fit.
    pub fn load(config: &FusionConfig, weights: Vec<u8>, device: &Device) -> Result<Self, String> {
        with_weights(Self::new(config, device), weights)
    }

    /// What it says of cases; `present` has a row a case and says for each input whether it is there.
    ///
    /// # Panics
    /// If a case has no input at all.
    pub fn forward(&self, values: Tensor<5>, present: &[Vec<bool>]) -> Tensor<2> {
        assert!(present.iter().all(|case| case.contains(&true)), "each case has an input");
        if let Some(network) = &self.early {
            return network.forward_channels(with_presence(values, present)).logits;
        }
        if let Some(network) = &self.intermediate {
            return network.forward(&values, present);
        }
        let outputs = self.late.iter().enumerate().map(|(input, network)| {
            let rows = rows_with(present, input);
            match images(&values, input, &rows) {
                Some(images) => scattered(network.forward(images).logits, &rows, present.len()),
                None => Tensor::zeros([present.len(), network.labels()], &values.device()),
            }
        });
        Tensor::cat(outputs.collect(), 1)
    }

    /// What the outlier detector looks at of one input, the others missing: a tensor a stage.
    ///
    /// # Shapes
    /// `[batch, slices, side, side]` of `inputs` inputs to `[batch, 2 * width]` each.
    pub fn taps(&self, input: usize, inputs: usize, images: Tensor<4>) -> Vec<Tensor<2>> {
        let [batch, slices, rows, columns] = images.dims();
        if let Some(network) = &self.early {
            let alone: Vec<bool> = (0..inputs).map(|other| other == input).collect();
            let values = images.unsqueeze_dim::<5>(1).expand([batch, inputs, slices, rows, columns]);
            let maps = network.feature_maps_of_channels(with_presence(values, &vec![alone; batch]));
            return taps(&maps, if network.volume_backbone.is_some() { 1 } else { slices });
        }
        match &self.intermediate {
            Some(network) => network.taps(input, images),
            None => self.late[input].forward(images).taps,
        }
    }
}

/// The inputs as channels, those of missing ones 0, and behind them a channel each that says whether it is there.
///
/// # Shapes
/// `[batch, inputs, ...]` to `[batch, 2 * inputs, ...]`
fn with_presence(values: Tensor<5>, present: &[Vec<bool>]) -> Tensor<5> {
    let dims = values.dims();
    let [batch, inputs, ..] = dims;
    let there: Vec<bool> = present.iter().flatten().copied().collect();
    let there = Tensor::<2, Bool>::from_data(TensorData::new(there, [batch, inputs]), &values.device());
    let there = there.reshape([batch, inputs, 1, 1, 1]).expand(dims);
    // Not times 0, which would let through what is no number.
    let seen = values.mask_fill(there.clone().bool_not(), 0.0);
    Tensor::cat(vec![seen, there.float()], 1)
}

/// The cases that have an input.
fn rows_with(present: &[Vec<bool>], input: usize) -> Vec<usize> {
    (0..present.len()).filter(|case| present[*case][input]).collect()
}

/// An input's images of some cases, `[rows, slices, side, side]`; none of no case.
fn images(values: &Tensor<5>, input: usize, rows: &[usize]) -> Option<Tensor<4>> {
    let [batch, _, slices, height, width] = values.dims();
    if rows.is_empty() {
        return None;
    }
    let of_input = values.clone().narrow(1, input, 1).reshape([batch, slices, height, width]);
    Some(chosen(of_input, rows))
}

/// Some rows of a tensor.
fn chosen<const D: usize>(tensor: Tensor<D>, rows: &[usize]) -> Tensor<D> {
    let whole = tensor.dims()[0];
    if rows.len() == whole && rows.iter().enumerate().all(|(place, row)| place == *row) {
        return tensor;
    }
    let places: Vec<i64> = rows.iter().map(|row| *row as i64).collect();
    let places = Tensor::from_data(TensorData::new(places, [rows.len()]), &tensor.device());
    tensor.select(0, places)
}

/// Rows put where they belong among `count`, the others 0.
///
/// # Shapes
/// `[rows, width]` to `[count, width]`
fn scattered(found: Tensor<2>, rows: &[usize], count: usize) -> Tensor<2> {
    let [given, width] = found.dims();
    let mut from = vec![given; count];
    rows.iter().enumerate().for_each(|(place, row)| from[*row] = place);
    let nothing = Tensor::zeros([1, width], &found.device());
    chosen(Tensor::cat(vec![found, nothing], 0), &from)
}
