use serde::{Deserialize, Serialize};

use crate::arch::cnn::Stage;
use crate::arch::{Cnn, CnnName, RecurrentCell, RecurrentConfig, SequencePooling};

/// The recurrent network over the slices of a volume; stands on the model's card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SliceMemory {
    /// What remembers.
    pub cell: RecurrentCell,
    /// Length of the state in each direction.
    pub hidden: usize,
}

/// Sizes of a [`Classifier`](super::Classifier); stands on the model's card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifierConfig {
    /// Channels of the stages of this program's own CNN; left out where a published one is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub widths: Vec<usize>,
    /// Stride of that CNN's stem: 1 for small images, 2 otherwise.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stem_stride: usize,
    /// The published network that reads the images in the place of this program's own CNN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnn: Option<Cnn>,
    /// What makes scores of the last feature map.
    #[serde(default, skip_serializing_if = "HeadKind::is_transformer")]
    pub head: HeadKind,
    /// Columns and rows of the input (it is square).
    pub side: usize,
    /// Slices of the input, each read by the CNN; 1 is a flat image.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub slices: usize,
    /// Whether the CNN convolves across the slices too and halves them as it does columns and rows; otherwise it reads
    /// each slice for itself.
    #[serde(default, skip_serializing_if = "is_false")]
    pub volumetric: bool,
    /// What reads the slices' feature vectors in order, forward and backward; without it the Transformer has
    /// them alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrent: Option<SliceMemory>,
    /// Length of the named feature vector; with a linear head that of the last map's means names these.
    pub features: usize,
    /// Width of the Transformer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub model_width: usize,
    /// Attention heads.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub heads: usize,
    /// Encoder layers; with 0 the tokens stay as they are.
    pub encoder_layers: usize,
    /// Decoder layers; with 0 each label's scorer reads the token of the feature vector.
    pub decoder_layers: usize,
    /// Labels, one query each.
    pub labels: usize,
}

/// What makes scores of the last feature map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadKind {
    /// The Transformer encoder-decoder over feature vector and places, a query a label.
    #[default]
    Transformer,
    /// A linear layer over the means of the last feature map (of a vision transformer over its class token), as published
    /// networks have it.
    Linear,
}

impl HeadKind {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_transformer(&self) -> bool {
        *self == Self::Transformer
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(value: &usize) -> bool {
    *value == 0
}

const fn one() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_one(slices: &usize) -> bool {
    *slices == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(yes: &bool) -> bool {
    !*yes
}

impl ClassifierConfig {
    /// Side of the last feature map.
    pub fn token_side(&self) -> usize {
        self.stages().last().map_or(1, |stage| stage.side)
    }

    /// Places of the last feature map; of slices that are read one by one, their number.
    pub(in crate::arch) fn places(&self) -> usize {
        let places = self.token_side() * self.token_side();
        match self.slices {
            1 => places,
            _ if self.volumetric => self.stages().last().map_or(1, |stage| stage.slices) * places,
            slices => slices,
        }
    }

    /// Length of what becomes a token: a place's channels, a slice's feature vector or what is remembered at it.
    pub(in crate::arch) fn token_length(&self) -> usize {
        match self.recurrent {
            Some(memory) => 2 * memory.hidden,
            None if self.slices == 1 || self.volumetric => self.last_width(),
            None => self.features,
        }
    }

    /// Sizes of what reads the slices' feature vectors.
    pub(in crate::arch) fn recurrent_config(&self) -> Option<RecurrentConfig> {
        self.recurrent.map(|memory| RecurrentConfig {
            cell: memory.cell,
            features: self.features,
            hidden: memory.hidden,
            layers: 1,
            pooling: SequencePooling::Mean,
            classes: 1,
        })
    }

    /// Numbers in the greatest feature map of one input.
    fn greatest_map(&self) -> usize {
        let of_stem = self.cnn.as_ref().map_or(0, |cnn| {
            let half = |length: usize| if cnn.small_stem { length } else { length.div_ceil(2) };
            let slices = if self.volumetric { half(self.slices) } else { self.slices };
            64 * slices * half(self.side) * half(self.side)
        });
        let of = |stage: &Stage| stage.channels * stage.slices * stage.side * stage.side;
        self.stages().iter().map(of).max().unwrap_or(0).max(of_stem)
    }

    /// Whether the sizes make a network, and one that a hostile card cannot blow up memory with.
    pub fn is_sound(&self) -> bool {
        self.fault().is_none()
    }

    /// What is wrong with the sizes, if anything.
    pub fn fault(&self) -> Option<String> {
        let within = |value: usize, most: usize| (1..=most).contains(&value);
        let out = || Some("the sizes of the network are out of bounds".to_owned());
        if !within(self.side, 1024)
            || !within(self.slices, 1024)
            || !within(self.features, 4096)
            || !within(self.labels, if self.head == HeadKind::Linear { 4096 } else { 256 })
            || self.encoder_layers > 12
            || self.decoder_layers > 12
        {
            return out();
        }
        match &self.cnn {
            Some(_) if !self.widths.is_empty() || self.stem_stride != 0 => {
                return Some(
                    "a named cnn has widths of its own: leave widths and stem_stride out".to_owned(),
                );
            }
            Some(cnn) => {
                if let Some(fault) = cnn.fault(self.side, self.volumetric) {
                    return Some(fault);
                }
            }
            None if self.widths.is_empty() => {
                return Some(
                    "no network reads the images: give widths and stem_stride, or name a cnn under [architecture.cnn]"
                        .to_owned(),
                );
            }
            None => {
                let sound = within(self.widths.len(), 6)
                    && self.widths.iter().all(|width| within(*width, 1024))
                    && within(self.stem_stride, 2);
                if !sound {
                    return out();
                }
            }
        }
        let fault = match self.head {
            HeadKind::Transformer => self.fault_of_transformer(),
            HeadKind::Linear => self.fault_of_linear(),
        };
        if fault.is_some() {
            return fault;
        }
        let sound = self.token_side() <= 64
            && self.greatest_map() <= 1 << 28
            && self.places() <= 4096
            && (!self.volumetric || (self.slices > 1 && self.recurrent.is_none()));
        if sound { None } else { out() }
    }

    fn fault_of_transformer(&self) -> Option<String> {
        let within = |value: usize, most: usize| (1..=most).contains(&value);
        let sound = within(self.model_width, 1024)
            && within(self.heads, 32)
            && self.model_width.is_multiple_of(self.heads)
            && match self.recurrent {
                None => true,
                // Without a Transformer the labels read the feature vector, and nothing what is remembered.
                Some(memory) => {
                    self.slices > 1
                        && within(memory.hidden, 1024)
                        && self.encoder_layers + self.decoder_layers > 0
                }
            };
        (!sound).then(|| "the sizes of the network are out of bounds".to_owned())
    }

    fn fault_of_linear(&self) -> Option<String> {
        let Some(cnn) = &self.cnn else {
            return Some("a linear head goes with a cnn that is named under [architecture.cnn]".to_owned());
        };
        if self.model_width + self.heads + self.encoder_layers + self.decoder_layers > 0
            || self.recurrent.is_some()
        {
            return Some(
                "a linear head has no Transformer and nothing recurrent: leave model_width, heads and recurrent out, and \
                 set encoder_layers and decoder_layers to 0"
                    .to_owned(),
            );
        }
        if self.slices > 1 && !self.volumetric {
            return Some("a linear head reads flat images, or volumes as one (volumetric = true)".to_owned());
        }
        (cnn.name == CnnName::VitSmall && self.features != self.last_width()).then(|| {
            format!(
                "the feature vector of vit-small with a linear head is its class token: features = {}",
                self.last_width()
            )
        })
    }
}
