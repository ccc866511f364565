use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use super::cnn::MOST_TAPPED;
use super::head::pooled;
use super::{
    ClassifierConfig, CnnName, DenseNet, EfficientNetLite, Head, HeadKind, ResNet, ResNet3d,
    VisionTransformer,
};

/// What a [`Trunk`] makes of a batch.
pub(crate) struct Seen {
    /// The feature maps, shallowest first.
    ///
    /// # Shapes
    /// `[images, channels, rows, columns]`; those of a volume read as one have its slices as rows.
    pub maps: Vec<Tensor<4>>,
    /// The class token of a vision transformer, `[images, width]`.
    pub class_token: Option<Tensor<2>>,
}

/// The channels of a map that the outlier detector looks at: all, or every so many.
pub(crate) fn tapped(map: &Tensor<4>) -> Tensor<4> {
    let [images, channels, rows, columns] = map.dims();
    let step = channels / MOST_TAPPED;
    if step < 2 {
        return map.clone();
    }
    let apart = map.clone().reshape([images, channels / step, step, rows * columns]);
    apart.narrow(2, 0, 1).reshape([images, channels / step, rows, columns])
}

/// A published network that reads the images of a [`Classifier`](super::Classifier), with its own linear head where the
/// configuration asks for that.
#[derive(Module, Debug)]
pub struct Trunk {
    /// One of the five is there.
    pub(crate) resnet: Option<ResNet>,
    pub(crate) resnet_of_volumes: Option<ResNet3d>,
    pub(crate) densenet: Option<DenseNet>,
    pub(crate) efficientnet: Option<EfficientNetLite>,
    pub(crate) vision_transformer: Option<VisionTransformer>,
    /// Of the input, each the gray image.
    pub(crate) channels: usize,
    #[module(skip)]
    pub(crate) channel_means: Vec<f32>,
    #[module(skip)]
    pub(crate) channel_deviations: Vec<f32>,
    /// How much of an [`EfficientNetLite`] is not trained, as its feature maps have it.
    #[module(skip)]
    pub(crate) fixed: usize,
}

impl Trunk {
    /// The one that a configuration names, with random weights; the device's seed decides them.
    pub(crate) fn of(config: &ClassifierConfig, device: &Device) -> Option<Self> {
        let cnn = config.cnn.as_ref()?;
        let residual = cnn.resnet(config);
        let with_head = config.head == HeadKind::Linear;
        let flat = residual.as_ref().filter(|_| !config.volumetric);
        let deep = residual.as_ref().filter(|_| config.volumetric);
        let is = |name: CnnName| cnn.name == name;
        Some(Self {
            resnet: flat.map(|sizes| ResNet::with_head(sizes, with_head, device)),
            resnet_of_volumes: deep.map(|sizes| ResNet3d::with_head(sizes, with_head, device)),
            densenet: is(CnnName::DenseNet121)
                .then(|| DenseNet::with_head(&cnn.densenet(config), with_head, device)),
            efficientnet: is(CnnName::EfficientNetLite0).then(|| {
                EfficientNetLite::new(with_head.then(|| (cnn.named(config), config.labels)), device)
            }),
            vision_transformer: is(CnnName::VitSmall)
                .then(|| VisionTransformer::with_head(&cnn.vision_transformer(config), with_head, device)),
            channels: cnn.channels,
            channel_means: cnn.channel_means.clone(),
            channel_deviations: cnn.channel_deviations.clone(),
            fixed: 0,
        })
    }

    /// The same with so much of it left as it is, as [`EfficientNetLite::feature_maps`] counts.
    #[must_use]
    pub(crate) fn with_fixed(self, fixed: usize) -> Self {
        Self { fixed, ..self }
    }

    /// Whether it reads volumes as one.
    pub(crate) fn is_volumetric(&self) -> bool {
        self.resnet_of_volumes.is_some()
    }

    /// The gray image as each channel, normalized as the network was trained: `[n, 1, ...]` to `[n, channels, ...]`.
    fn dressed<const D: usize>(&self, gray: Tensor<D>) -> Tensor<D> {
        if self.channels == 1 && self.channel_means.is_empty() && self.channel_deviations.is_empty() {
            return gray;
        }
        let mut shape = gray.dims();
        shape[1] = self.channels;
        let mut along = [1; D];
        along[1] = self.channels;
        let device = gray.device();
        let row = |values: &[f32]| Tensor::<D>::from_data(TensorData::new(values.to_vec(), along), &device);
        let mut dressed = gray.expand(shape);
        if !self.channel_means.is_empty() {
            dressed = dressed - row(&self.channel_means);
        }
        if !self.channel_deviations.is_empty() {
            dressed = dressed / row(&self.channel_deviations);
        }
        dressed
    }

    /// What it makes of images or volumes, `[batch, 1, slices, rows, columns]`; of flat images as many channels as it has may
    /// be given in the place of one.
    pub(crate) fn see(&self, input: Tensor<5>) -> Seen {
        let [batch, channels, slices, rows, columns] = input.dims();
        if let Some(network) = &self.resnet_of_volumes {
            let flat = |map: Tensor<5>| {
                let [batch, channels, slices, rows, columns] = map.dims();
                map.reshape([batch, channels, slices * rows, columns])
            };
            let maps = network.feature_maps(self.dressed(input)).into_iter().map(flat).collect();
            return Seen { maps, class_token: None };
        }
        let images = self.dressed(input.reshape([batch * slices, channels, rows, columns]));
        if let Some(network) = &self.vision_transformer {
            return network.see(images);
        }
        let maps = match (&self.resnet, &self.densenet, &self.efficientnet) {
            (Some(network), ..) => network.feature_maps(images),
            (None, Some(network), _) => network.feature_maps(images),
            (None, None, Some(network)) => network.feature_maps(images, self.fixed),
            (None, None, None) => unreachable!("one of the five is made"),
        };
        Seen { maps, class_token: None }
    }

    /// The last feature map that follows from that of a stage, counted from 0; of convolutional networks of flat images.
    pub(crate) fn after(&self, map: Tensor<4>, stage: usize) -> Tensor<4> {
        match (&self.resnet, &self.densenet, &self.efficientnet) {
            (Some(network), ..) => network.after(map, stage),
            (None, Some(network), _) => network.after(map, stage),
            (None, None, Some(network)) => network.after(map, stage),
            // A vision transformer has one map, the last.
            (None, None, None) => map,
        }
    }

    pub(crate) fn head(&self) -> Option<&Head> {
        let of_resnet = self.resnet.as_ref().and_then(|network| network.head.as_ref());
        let of_volumes = || self.resnet_of_volumes.as_ref().and_then(|network| network.head.as_ref());
        let of_densenet = || self.densenet.as_ref().and_then(|network| network.head.as_ref());
        let of_efficientnet = || self.efficientnet.as_ref().and_then(|network| network.head.as_ref());
        of_resnet.or_else(of_volumes).or_else(of_densenet).or_else(of_efficientnet)
    }

    /// Logits and the feature vector of what it saw, by its own linear head.
    ///
    /// # Panics
    /// If it was made without one.
    pub(crate) fn score(&self, last: Tensor<4>, class_token: Option<Tensor<2>>) -> (Tensor<2>, Tensor<2>) {
        let vector = class_token.unwrap_or_else(|| pooled(last));
        if let Some(network) = &self.vision_transformer {
            let scorer = network.scorer.as_ref().expect("made with a head");
            return (scorer.forward(vector.clone()), vector);
        }
        let (named, logits) = self.head().expect("made with a head").forward(vector.clone());
        (logits, named.unwrap_or(vector))
    }

    /// The feature vector of what it saw, by its own linear head.
    pub(crate) fn features(&self, last: Tensor<4>, class_token: Option<Tensor<2>>) -> Tensor<2> {
        let vector = class_token.unwrap_or_else(|| pooled(last));
        match self.head().and_then(|head| head.named.as_ref()) {
            Some(named) => burn::tensor::activation::relu(named.forward(vector)),
            None => vector,
        }
    }

    /// The logits of a feature vector, by its own linear head.
    pub(crate) fn logits_of_features(&self, features: Tensor<2>) -> Tensor<2> {
        if let Some(network) = &self.vision_transformer {
            return network.scorer.as_ref().expect("made with a head").forward(features);
        }
        self.head().expect("made with a head").scorer.forward(features)
    }

    /// The same without a head.
    #[must_use]
    pub(crate) fn headless(self) -> Self {
        Self {
            resnet: self.resnet.map(|network| ResNet { head: None, ..network }),
            resnet_of_volumes: self.resnet_of_volumes.map(ResNet3d::headless),
            densenet: self.densenet.map(|network| DenseNet { head: None, ..network }),
            efficientnet: self.efficientnet.map(|network| EfficientNetLite { head: None, ..network }),
            vision_transformer: self
                .vision_transformer
                .map(|network| VisionTransformer { scorer: None, ..network }),
            ..self
        }
    }

    /// Whether its own head names a feature vector.
    pub(crate) fn names(&self) -> bool {
        self.head().is_some_and(|head| head.named.is_some())
    }

    /// The layers of another, which must have its sizes, before its own head.
    #[must_use]
    pub(crate) fn reading_as(self, other: Self) -> Self {
        let Self { resnet, resnet_of_volumes, densenet, efficientnet, vision_transformer, .. } = other;
        Self {
            resnet: self
                .resnet
                .zip(resnet)
                .map(|(own, other)| ResNet { head: merged(own.head, other.head), ..other }),
            resnet_of_volumes: self
                .resnet_of_volumes
                .zip(resnet_of_volumes)
                .map(|(own, other)| ResNet3d { head: merged(own.head, other.head), ..other }),
            densenet: self
                .densenet
                .zip(densenet)
                .map(|(own, other)| DenseNet { head: merged(own.head, other.head), ..other }),
            efficientnet: self
                .efficientnet
                .zip(efficientnet)
                .map(|(own, other)| EfficientNetLite { head: merged(own.head, other.head), ..other }),
            vision_transformer: self
                .vision_transformer
                .zip(vision_transformer)
                .map(|(own, other)| VisionTransformer { scorer: own.scorer, ..other }),
            ..self
        }
    }

    /// The attention among the tokens of a vision transformer, with the rows and columns of its patches.
    pub(crate) fn attention(&self, input: Tensor<4>) -> Option<(Vec<Tensor<4>>, [usize; 2])> {
        let network = self.vision_transformer.as_ref()?;
        Some(network.attention_weights(self.dressed(input)))
    }
}

/// A head that scores as its own and names the feature vector of the other, where that has one.
fn merged(own: Option<Head>, other: Option<Head>) -> Option<Head> {
    own.map(|own| Head { named: other.and_then(|other| other.named).or(own.named), scorer: own.scorer })
}

#[cfg(test)]
mod tests;
