use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use serde::Serialize;

use super::agreement::{rank_correlation, structural_similarity};
use super::draw::Draw;
use super::{Attribution, ExplainError};

/// How like a map remains when a network forgets what it learned, from the output toward the input.
///
/// A map that hardly changes shows the image, not what the network made of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ParameterRandomization {
    /// What was found after more and more layers.
    pub steps: Vec<RandomizationStep>,
    /// Layers of the network.
    pub layers: usize,
}

/// A map of the network with some of its layers randomized against that of the network as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RandomizationStep {
    /// Layers randomized, counted from the output.
    pub randomized: usize,
    /// The last of them.
    pub layer: String,
    /// Rank correlation of the two maps; nothing where one of them is all equal.
    pub rank_correlation: Option<f64>,
    /// Structural similarity of the two maps.
    pub structural_similarity: f64,
}

/// Makes a map again and again while the layers of a network are randomized one after the other, from the output to
/// the input, and compares it with the first.
///
/// Randomized weights are the layer's own in another order, so that their distribution is kept. The maps are compared
/// at `checkpoints` numbers of layers, spread evenly, the last of which is all of them.
///
/// # Errors
/// [`ExplainError::Parameter`] for no checkpoints; whatever `explain` gives.
///
/// # Source
/// Adebayo et al. 2018, arXiv:1810.03292, cascading randomization
pub fn parameter_randomization<N: Module>(
    network: &N,
    original: &Attribution,
    checkpoints: usize,
    seed: u64,
    explain: impl Fn(&N) -> Result<Attribution, ExplainError>,
) -> Result<ParameterRandomization, ExplainError> {
    if checkpoints == 0 {
        return Err(ExplainError::parameter("checkpoints", 0, "at least 1"));
    }
    let layers = layers_from_the_output(network);
    let checkpoints = checkpoints.min(layers.len());
    let steps = (1..=checkpoints)
        .map(|step| {
            let randomized = (step * layers.len()).div_ceil(checkpoints);
            let map = explain(&self::randomized(network, &layers[..randomized], seed))?;
            Ok(RandomizationStep {
                randomized,
                layer: layers[randomized - 1].clone(),
                rank_correlation: rank_correlation(original.values(), map.values()),
                structural_similarity: structural_similarity(original, &map)?,
            })
        })
        .collect::<Result<_, ExplainError>>()?;
    Ok(ParameterRandomization { steps, layers: layers.len() })
}

/// The names of a network's layers in the reverse of the order in which it declares them.
pub(super) fn layers_from_the_output<N: Module>(network: &N) -> Vec<String> {
    let mut names = Names::default();
    network.visit(&mut names);
    names.layers.reverse();
    names.layers
}

/// A copy of a network in which the weights of some layers stand in a random order, each tensor for itself.
pub(super) fn randomized<N: Module>(network: &N, layers: &[String], seed: u64) -> N {
    // `valid` alone copies the running statistics of normalization: a clone would share them, and lose its own.
    network.valid().map(&mut Shuffling { layers, seed, path: Vec::new() })
}

/// The layer of a parameter: its path as far as the first number, else without its own name.
fn layer_of(path: &[String]) -> String {
    let numbered = path.iter().position(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    let end = match numbered {
        Some(at) => at + 1,
        None => (path.len() - 1).max(1),
    };
    path[..end].join(".")
}

#[derive(Default)]
struct Names {
    path: Vec<String>,
    layers: Vec<String>,
}

impl ModuleVisitor for Names {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, _: &Param<Tensor<D>>) {
        let layer = layer_of(&self.path);
        if !self.layers.contains(&layer) {
            self.layers.push(layer);
        }
    }
}

struct Shuffling<'a> {
    layers: &'a [String],
    seed: u64,
    path: Vec<String>,
}

impl ModuleMapper for Shuffling<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !self.layers.contains(&layer_of(&self.path)) {
            return param;
        }
        let mut draw = Draw::new(self.seed, &self.path.join("."));
        param.map(|tensor| {
            let (dims, device) = (tensor.dims(), tensor.device());
            let mut values = super::network::values(tensor);
            draw.shuffle(&mut values);
            Tensor::from_data(TensorData::new(values, dims), &device)
        })
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution};

    use super::super::network::{Explained, values};
    use super::super::{grad_cam, integrated_gradients};
    use super::*;
    use crate::arch::{Classifier, ClassifierConfig, HeadKind};
    use crate::explain::PathSettings;

    fn classifier() -> Classifier {
        let config = ClassifierConfig {
            widths: vec![4, 8],
            stem_stride: 1,
            side: 16,
            slices: 1,
            volumetric: false,
            recurrent: None,
            cnn: None,
            head: HeadKind::Transformer,
            features: 10,
            model_width: 8,
            heads: 2,
            encoder_layers: 2,
            decoder_layers: 1,
            labels: 3,
        };
        let device = Device::flex();
        device.seed(31);
        Classifier::new(&config, &device).valid()
    }

    #[test]
    fn layers_are_listed_from_the_output_to_the_stem() {
        assert_eq!(
            layers_from_the_output(&classifier()),
            [
                "bias",
                "scorer",
                "norm",
                "decoder.layers.0",
                "queries",
                "encoder.layers.1",
                "encoder.layers.0",
                "position",
                "token",
                "feature_token",
                "feature",
                "backbone.stages.1",
                "backbone.stages.0",
                "backbone.stem_norm",
                "backbone.stem",
            ]
        );
    }

    #[test]
    fn a_randomized_copy_answers_otherwise_and_leaves_the_original_as_it_was() {
        let network = classifier();
        let input = Tensor::<4>::random([1, 1, 16, 16], Distribution::Normal(0.0, 1.0), &Device::flex());
        let before = values(network.logits(input.clone()));
        let layers = layers_from_the_output(&network);
        let other = randomized(&network, &layers, 5);
        assert_ne!(values(other.logits(input.clone())), before);
        assert_eq!(values(network.logits(input.clone())), before);
        let same = randomized(&network, &layers, 5);
        assert_eq!(values(same.logits(input.clone())), values(other.logits(input.clone())));
        // No layer: nothing changes.
        assert_eq!(values(randomized(&network, &[], 5).logits(input)), before);
    }

    #[test]
    fn maps_of_a_randomized_network_are_compared_and_the_image_itself_stays_the_same() {
        let network = classifier();
        let input = Tensor::<4>::random([1, 1, 16, 16], Distribution::Normal(0.0, 1.0), &Device::flex());
        let settings = PathSettings { baseline: 0.0, steps: 8, batch: 4 };
        let explain = |network: &Classifier| Ok(integrated_gradients(network, &input, 1, &settings)?.0);
        let original = explain(&network).expect("a map");
        let found = parameter_randomization(&network, &original, 4, 1, explain).expect("compared");
        assert_eq!(found.layers, 15);
        assert_eq!(found.steps.iter().map(|step| step.randomized).collect::<Vec<_>>(), [4, 8, 12, 15]);
        assert_eq!(found.steps[3].layer, "backbone.stem");
        assert!(found.steps.iter().all(|step| step.structural_similarity < 0.95), "{found:?}");
        // A method that shows the image whatever the network is gives itself away.
        let picture = |_: &Classifier| Attribution::new([16, 16, 1], values(input.clone()));
        let fooled = parameter_randomization(&network, &picture(&network).expect("a map"), 2, 1, picture);
        for step in fooled.expect("compared").steps {
            assert_eq!(step.rank_correlation, Some(1.0));
            assert!((step.structural_similarity - 1.0).abs() < 1e-12);
        }
        let cam = grad_cam(&network, &input, 0, 1).expect("a map");
        assert!(parameter_randomization(&network, &cam, 0, 1, |_| Ok(cam.clone())).is_err());
    }
}
