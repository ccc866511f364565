//! Architectures, one definition for every device. Public for training only.
//!
//! [`load_torch`] and [`save_torch`] read and write the weights of those that PyTorch has too, by PyTorch's names.

mod activations;
mod autoencoder;
mod backbone;
mod bert;
mod classifier;
mod cnn;
mod dense;
mod densenet;
mod efficientnet;
mod entropy;
mod first_weights;
mod fusion;
#[cfg(test)]
pub(crate) mod golden;
mod gpt;
mod head;
mod image_writer;
#[cfg(test)]
mod learning;
mod link_net;
mod recurrent;
mod resnet;
mod resnet3d;
mod torch;
mod trunk;
mod unet;
mod vision_transformer;
mod volume_backbone;

pub use activations::Activations;
pub use autoencoder::{
    AutoencoderConfig, ConvolutionalDecoder, ConvolutionalEncoder, DenoisingAutoencoder, EvidenceBound,
    Latent, VariationalAutoencoder, log_likelihood,
};
pub use backbone::{Backbone, ResidualBlock};
pub use bert::{
    Bert, BertClassifier, BertConfig, BertForward, BertLabeler, BertLayer, HubConfigError, ReaderConfig,
    TextReader,
};
pub use classifier::{Classifier, ClassifierConfig, Encoder, Forward, HeadKind, SliceMemory};
pub(crate) use classifier::{Scores, Tokens};
pub(crate) use cnn::MOST_TAPPED;
pub use cnn::{Cnn, CnnName, Stage};
pub use dense::DenseNetwork;
pub use densenet::{DenseLayer, DenseNet, DenseNetConfig, Transition};
pub use efficientnet::{EfficientNetLite, InvertedResidual};
pub use entropy::counted_entropy;
pub use fusion::{CrossAttention, FusedClassifier, Fusion, FusionConfig};
pub use gpt::{
    Activation, Gpt, GptConfig, GptLayer, GptMemory, Map, PrefixConfig, PrefixedGpt, Projector, Speaking,
    TextBatch, TextBatchError, next_token_loss,
};
pub use head::{Head, StagedForward};
pub use image_writer::ImageWriter;
pub use link_net::{Down, LinkNet, LinkNetPair, ResidualBlock3d, Up};
pub use recurrent::{
    Direction, Recurrent, RecurrentCell, RecurrentConfig, RecurrentForward, RecurrentLayer, SequencePooling,
};
pub use resnet::{ResNet, ResNetBlock, ResNetConfig, ResNetDepth};
pub use resnet3d::{ResNet3d, ResNetBlock3d};
pub use torch::{Misfit, TorchNames, WeightsError, load_torch, save_torch};
pub use trunk::Trunk;
pub use unet::{UNet, UNet3d, UNetBlock, UNetBlock3d, UNetConfig};
pub use vision_transformer::{
    TransformerLayer, VisionTransformer, VisionTransformerConfig, VisionTransformerForward,
};
pub use volume_backbone::VolumeBackbone;

pub use crate::kernels::{decode, encode};
