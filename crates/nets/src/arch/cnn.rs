use serde::{Deserialize, Serialize};

use super::{
    ClassifierConfig, DenseNetConfig, EfficientNetLite, HeadKind, ResNetConfig, ResNetDepth,
    VisionTransformerConfig,
};

/// Channels of a published network's stage that the outlier detector looks at, at most.
pub(crate) const MOST_TAPPED: usize = 512;

/// A published network that reads images in the place of this program's own CNN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CnnName {
    /// A residual network of 18 layers; the only one but the next that reads volumes as one.
    #[serde(rename = "resnet-18")]
    ResNet18,
    /// A residual network of 50 layers.
    #[serde(rename = "resnet-50")]
    ResNet50,
    /// A densely connected network of 121 layers.
    #[serde(rename = "densenet-121")]
    DenseNet121,
    /// EfficientNet-Lite0 up to its 192 channels at a thirty-second of the side.
    #[serde(rename = "efficientnet-lite0")]
    EfficientNetLite0,
    /// A small vision transformer.
    #[serde(rename = "vit-small")]
    VitSmall,
}

impl CnnName {
    /// Its word in recipes and on cards.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ResNet18 => "resnet-18",
            Self::ResNet50 => "resnet-50",
            Self::DenseNet121 => "densenet-121",
            Self::EfficientNetLite0 => "efficientnet-lite0",
            Self::VitSmall => "vit-small",
        }
    }
}

/// Which published network reads the images, and how; stands on the model's card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cnn {
    /// Which one.
    pub name: CnnName,
    /// A stem of 3 at stride 1 without pooling, for sides of 28 to 64; else 7 at stride 2 and pooling. Of convolutional
    /// networks.
    #[serde(default, skip_serializing_if = "is_false")]
    pub small_stem: bool,
    /// Columns and rows of a patch, 16 where it is left out. Of the vision transformer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<usize>,
    /// Channels of its input, 1 or 3; the gray image is each of them.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub channels: usize,
    /// Subtracted from each channel, after the preparation; empty subtracts nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channel_means: Vec<f32>,
    /// Divides each channel after that; empty divides by nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channel_deviations: Vec<f32>,
}

const fn one() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_one(channels: &usize) -> bool {
    *channels == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(yes: &bool) -> bool {
    !*yes
}

/// The feature map of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Its channels.
    pub channels: usize,
    /// Columns and rows.
    pub side: usize,
    /// Slices, of an input that is read as one; else those of the input.
    pub slices: usize,
}

impl Cnn {
    /// One of gray images with the large stem.
    pub const fn new(name: CnnName) -> Self {
        Self {
            name,
            small_stem: false,
            patch: None,
            channels: 1,
            channel_means: Vec::new(),
            channel_deviations: Vec::new(),
        }
    }

    /// Channels of the feature maps, shallowest first; of the vision transformer those of the tokens after each quarter of
    /// its layers.
    pub fn widths(&self) -> Vec<usize> {
        match self.name {
            CnnName::ResNet18 => vec![64, 128, 256, 512],
            CnnName::ResNet50 => vec![256, 512, 1024, 2048],
            // As the next block reads them, after the transition.
            CnnName::DenseNet121 => vec![128, 256, 512, 1024],
            CnnName::EfficientNetLite0 => EfficientNetLite::WIDTHS.to_vec(),
            CnnName::VitSmall => vec![384; 4],
        }
    }

    /// Columns and rows of a patch.
    pub fn patch(&self) -> usize {
        self.patch.unwrap_or(16)
    }

    /// Lengths of an axis in the feature maps.
    pub(super) fn lengths(&self, length: usize) -> Vec<usize> {
        let stem = if self.small_stem { length } else { length.div_ceil(2).div_ceil(2) };
        match self.name {
            CnnName::ResNet18 | CnnName::ResNet50 => {
                (0..4).map(|stage| (0..stage).fold(stem, |length, _| length.div_ceil(2))).collect()
            }
            // The mean of two places each, an odd one left out; nothing is halved after the last block.
            CnnName::DenseNet121 => [1, 2, 3, 3].map(|halved| stem >> halved).to_vec(),
            CnnName::EfficientNetLite0 => EfficientNetLite::lengths(length).to_vec(),
            CnnName::VitSmall => vec![length / self.patch().max(1); 4],
        }
    }

    /// What is wrong with it for images of that side, read one by one or as one volume; if anything.
    pub(super) fn fault(&self, side: usize, volumetric: bool) -> Option<String> {
        let word = self.name.word();
        let is_residual = matches!(self.name, CnnName::ResNet18 | CnnName::ResNet50);
        if volumetric && !is_residual {
            return Some(format!(
                "{word} reads flat images or slices one by one: volumetric goes with resnet-18 or resnet-50"
            ));
        }
        match (self.name, self.small_stem, self.patch) {
            (CnnName::VitSmall, true, _) => {
                return Some(
                    "vit-small has no stem: give it a smaller patch in the place of small_stem".to_owned(),
                );
            }
            (CnnName::VitSmall, ..) => {
                let patch = self.patch();
                if !(1..=64).contains(&patch) || !side.is_multiple_of(patch) {
                    return Some(format!("a side of {side} is no multiple of vit-small's patch of {patch}"));
                }
            }
            (CnnName::EfficientNetLite0, true, _) => {
                return Some("efficientnet-lite0 has one stem: leave small_stem out".to_owned());
            }
            (_, _, Some(_)) => return Some(format!("{word} has no patches: leave patch out")),
            _ => (),
        }
        if self.lengths(side).contains(&0) {
            return Some(format!(
                "a side of {side} leaves nothing of {word}'s last feature map: take a greater side, or small_stem = true"
            ));
        }
        if !matches!(self.channels, 1 | 3) {
            return Some(format!("{} channels of {word}'s input, expected 1 or 3", self.channels));
        }
        if self.name == CnnName::EfficientNetLite0 && self.channels != EfficientNetLite::CHANNELS {
            return Some(format!("efficientnet-lite0 reads 3 channels, {} are stated", self.channels));
        }
        let fits = |values: &[f32]| values.is_empty() || values.len() == self.channels;
        if !fits(&self.channel_means) || !fits(&self.channel_deviations) {
            return Some(
                "channel_means and channel_deviations must be one for each channel, or none".to_owned(),
            );
        }
        let sound = self.channel_means.iter().all(|mean| mean.is_finite())
            && self.channel_deviations.iter().all(|deviation| deviation.is_finite() && *deviation > 0.0);
        (!sound).then(|| "channel_deviations must be above 0 and channel_means numbers".to_owned())
    }

    /// Sizes of a residual network with the head that the configuration asks for; `None` for another one.
    pub(super) fn resnet(&self, of: &ClassifierConfig) -> Option<ResNetConfig> {
        let depth = match self.name {
            CnnName::ResNet18 => ResNetDepth::Eighteen,
            CnnName::ResNet50 => ResNetDepth::Fifty,
            _ => return None,
        };
        Some(ResNetConfig {
            depth,
            channels: self.channels,
            small_stem: self.small_stem,
            features: of.named_before_linear(),
            classes: of.labels,
        })
    }

    /// Length of the vector that a linear head names.
    pub(super) fn named(&self, of: &ClassifierConfig) -> Option<usize> {
        of.named_before_linear()
    }

    /// Sizes of a densely connected network.
    pub(super) fn densenet(&self, of: &ClassifierConfig) -> DenseNetConfig {
        DenseNetConfig {
            small_stem: self.small_stem,
            features: of.named_before_linear(),
            ..DenseNetConfig::densenet_121(self.channels, of.labels)
        }
    }

    /// Sizes of a vision transformer.
    pub(super) fn vision_transformer(&self, of: &ClassifierConfig) -> VisionTransformerConfig {
        VisionTransformerConfig {
            side: of.side,
            patch: self.patch(),
            ..VisionTransformerConfig::small_patch16_224(self.channels, of.labels)
        }
    }
}

impl ClassifierConfig {
    /// Channels of the feature maps, shallowest first.
    pub fn stage_widths(&self) -> Vec<usize> {
        self.cnn.as_ref().map_or_else(|| self.widths.clone(), Cnn::widths)
    }

    /// Channels that the outlier detector looks at of each stage: all of this program's own CNN, of published networks at most
    /// 512, evenly apart, since its tables grow with their square.
    pub fn tap_widths(&self) -> Vec<usize> {
        let widths = self.stage_widths().into_iter();
        if self.cnn.is_some() {
            widths.map(|width| width.min(MOST_TAPPED)).collect()
        } else {
            widths.collect()
        }
    }

    /// Channels of the last feature map.
    pub fn last_width(&self) -> usize {
        self.stage_widths().last().copied().unwrap_or(1)
    }

    /// The feature map of every stage, shallowest first.
    pub fn stages(&self) -> Vec<Stage> {
        let lengths = |length: usize| match &self.cnn {
            Some(cnn) => cnn.lengths(length),
            None => {
                let stem = length.div_ceil(self.stem_stride.max(1));
                let halved = |stage: usize| (0..stage).fold(stem, |length, _| length.div_ceil(2));
                (0..self.widths.len()).map(halved).collect()
            }
        };
        let sides = lengths(self.side);
        let slices = if self.volumetric { lengths(self.slices) } else { vec![self.slices; sides.len()] };
        let sizes = sides.into_iter().zip(slices);
        let of = |(channels, (side, slices))| Stage { channels, side, slices };
        self.stage_widths().into_iter().zip(sizes).map(of).collect()
    }

    /// Length of a named feature vector before a linear head, where it is not the last map's means themselves.
    fn named_before_linear(&self) -> Option<usize> {
        (self.head == HeadKind::Linear && self.features != self.last_width()).then_some(self.features)
    }
}

#[cfg(test)]
mod tests {
    use super::super::classifier::tests::config;
    use super::*;

    fn with(cnn: Cnn, side: usize) -> ClassifierConfig {
        ClassifierConfig { widths: Vec::new(), stem_stride: 0, cnn: Some(cnn), side, ..config() }
    }

    #[test]
    fn sides_of_the_maps_are_those_of_the_published_networks() {
        let sides = |cnn: Cnn, side: usize| -> Vec<usize> {
            with(cnn, side).stages().iter().map(|stage| stage.side).collect()
        };
        assert_eq!(sides(Cnn::new(CnnName::ResNet50), 224), [56, 28, 14, 7]);
        assert_eq!(sides(Cnn::new(CnnName::DenseNet121), 224), [28, 14, 7, 7]);
        assert_eq!(sides(Cnn::new(CnnName::VitSmall), 224), [14; 4]);
        assert_eq!(sides(Cnn::new(CnnName::EfficientNetLite0), 100), [25, 13, 7, 4]);
        let small = |name| Cnn { small_stem: true, ..Cnn::new(name) };
        assert_eq!(sides(small(CnnName::ResNet18), 28), [28, 14, 7, 4]);
        assert_eq!(sides(small(CnnName::DenseNet121), 28), [14, 7, 3, 3]);
    }

    #[test]
    fn what_does_not_go_together_is_told_in_a_sentence() {
        let said = |cnn: Cnn, side: usize| with(cnn, side).fault().unwrap_or_default();
        assert_eq!(said(Cnn::new(CnnName::ResNet18), 64), "");
        assert_eq!(said(Cnn { patch: Some(4), ..Cnn::new(CnnName::VitSmall) }, 28), "");
        for (cnn, side, words) in [
            (Cnn::new(CnnName::DenseNet121), 28, "leaves nothing of densenet-121's last feature map"),
            (Cnn::new(CnnName::VitSmall), 28, "no multiple of vit-small's patch of 16"),
            (Cnn { small_stem: true, ..Cnn::new(CnnName::VitSmall) }, 32, "vit-small has no stem"),
            (Cnn { patch: Some(4), ..Cnn::new(CnnName::ResNet18) }, 32, "no patches"),
            (Cnn::new(CnnName::EfficientNetLite0), 64, "reads 3 channels, 1 are stated"),
            (
                Cnn { small_stem: true, channels: 3, ..Cnn::new(CnnName::EfficientNetLite0) },
                64,
                "leave small_stem out",
            ),
            (Cnn { channels: 2, ..Cnn::new(CnnName::ResNet18) }, 32, "expected 1 or 3"),
            (Cnn { channel_means: vec![0.0; 2], ..Cnn::new(CnnName::ResNet18) }, 32, "one for each channel"),
            (Cnn { channel_deviations: vec![0.0], ..Cnn::new(CnnName::ResNet18) }, 32, "above 0"),
        ] {
            let found = said(cnn, side);
            assert!(found.contains(words), "{found} for {words}");
        }
        let both = ClassifierConfig { widths: vec![4], ..with(Cnn::new(CnnName::ResNet18), 32) };
        assert!(both.fault().expect("both").contains("leave widths and stem_stride out"));
        let volume = |name| ClassifierConfig { slices: 8, volumetric: true, ..with(Cnn::new(name), 32) };
        assert_eq!(volume(CnnName::ResNet18).fault(), None);
        assert!(volume(CnnName::DenseNet121).fault().expect("flat").contains("slices one by one"));
    }

    #[test]
    fn a_recipe_names_it_and_unknown_keys_are_refused() {
        let text = "side = 32\nfeatures = 1000\nmodel_width = 8\nheads = 2\nencoder_layers = 1\ndecoder_layers = 1\n\
                    labels = 2\n[cnn]\nname = \"resnet-18\"\nsmall_stem = true";
        let read: ClassifierConfig = toml::from_str(text).expect("it is one");
        assert_eq!(read.cnn, Some(Cnn { small_stem: true, ..Cnn::new(CnnName::ResNet18) }));
        assert_eq!(read.fault(), None);
        assert!(toml::from_str::<ClassifierConfig>(&format!("{text}\ndepth = 18")).is_err());
        assert!(toml::from_str::<ClassifierConfig>(&text.replace("resnet-18", "resnet-19")).is_err());
        let written = toml::to_string(&read).expect("TOML");
        assert_eq!(toml::from_str::<ClassifierConfig>(&written).expect("again"), read);
        assert!(!written.contains("widths") && !written.contains("stem_stride"), "{written}");
    }
}
