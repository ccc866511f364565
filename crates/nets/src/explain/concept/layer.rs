use burn::tensor::Tensor;
use serde::Serialize;
use wilhelm_filters::Prepared;

use super::super::ExplainError;
use super::super::network::{Mapped, batch, traced, values};
use crate::Model;

/// The layer of a classifier whose directions are asked for a concept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConceptLayer {
    /// The CNN's feature vector, which the Transformer has as its first token.
    Features,
    /// The last feature map, the mean of each channel over its places.
    Map,
}

impl ConceptLayer {
    /// What it is, in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Features => "the feature vector",
            Self::Map => "the means of the last feature map's channels",
        }
    }
}

/// The mean of each channel of a layer's maps, a row an input.
///
/// # Errors
/// [`ExplainError::Layer`] for a layer that the network does not have; `layer` counts from 1.
pub fn pooled_maps<const D: usize, N: Mapped<D>>(
    network: &N,
    inputs: Tensor<D>,
    layer: usize,
) -> Result<Vec<Vec<f32>>, ExplainError> {
    let map = map_of(network, inputs, layer)?;
    let (channels, places) = sizes(map.dims());
    Ok(means(&values(map), channels, places, places as f32))
}

/// The gradient of one logit for the mean of each channel of a layer's maps, a row an input: what the logit gains where a
/// channel rises by the same at every place.
///
/// # Errors
/// [`ExplainError`] for a layer or label that the network does not have.
pub fn pooled_gradients<const D: usize, N: Mapped<D>>(
    network: &N,
    inputs: Tensor<D>,
    label: usize,
    layer: usize,
) -> Result<Vec<Vec<f32>>, ExplainError> {
    let map = map_of(network, inputs, layer)?;
    let (dims, device) = (map.dims(), map.device());
    let (channels, places) = sizes(dims);
    let (traced, device) = traced(network, &device);
    let leaf: Tensor<D> = batch(values(map), dims, &device).require_grad();
    let logits = traced.logits_of_map(leaf.clone(), layer - 1);
    let gradient = gradient_of(&leaf, logits, label)?;
    Ok(means(&gradient, channels, places, 1.0))
}

fn map_of<const D: usize, N: Mapped<D>>(
    network: &N,
    inputs: Tensor<D>,
    layer: usize,
) -> Result<Tensor<D>, ExplainError> {
    let mut maps = network.maps(inputs);
    let layers = maps.len();
    if !(1..=layers).contains(&layer) {
        return Err(ExplainError::Layer { found: layer, layers });
    }
    Ok(maps.swap_remove(layer - 1))
}

/// The gradient of the sum of one logit over a batch.
fn gradient_of<const D: usize>(
    leaf: &Tensor<D>,
    logits: Tensor<2>,
    label: usize,
) -> Result<Vec<f32>, ExplainError> {
    let [count, labels] = logits.dims();
    if label >= labels {
        return Err(ExplainError::Logit { found: label, logits: labels });
    }
    let score = logits.slice([0..count, label..label + 1]).sum();
    Ok(values(leaf.grad(&score.backward()).expect("the logit depends on the layer")))
}

/// Channels and places of a batch of maps.
fn sizes<const D: usize>(dims: [usize; D]) -> (usize, usize) {
    (dims[1], dims[2..].iter().product())
}

/// Sums over the places of each channel, divided by `by`, a row an input.
fn means(numbers: &[f32], channels: usize, places: usize, by: f32) -> Vec<Vec<f32>> {
    numbers
        .chunks_exact(channels * places)
        .map(|map| map.chunks_exact(places).map(|channel| channel.iter().sum::<f32>() / by).collect())
        .collect()
}

impl Model {
    /// Images in one pass.
    const CONCEPT_BATCH: usize = 16;

    /// A layer's numbers for each image.
    ///
    /// # Errors
    /// [`ExplainError`] for a model of volumes or images of another size.
    pub fn layer_numbers(
        &self,
        images: &[&Prepared],
        layer: ConceptLayer,
    ) -> Result<Vec<Vec<f32>>, ExplainError> {
        self.require_flat()?;
        let mut all = Vec::with_capacity(images.len());
        for images in images.chunks(Self::CONCEPT_BATCH) {
            let input = self.tensor(images, false)?;
            all.extend(match layer {
                ConceptLayer::Map => pooled_maps(&self.network, input, self.map_layers().len())?,
                ConceptLayer::Features => rows(self.network.forward(input).features),
            });
        }
        Ok(all)
    }

    /// The gradient of a label's logit for each number of a layer, all others held; a row an image.
    ///
    /// # Errors
    /// As [`layer_numbers`](Self::layer_numbers), and for a label that the card does not have.
    pub fn layer_gradients(
        &self,
        images: &[&Prepared],
        label: &str,
        layer: ConceptLayer,
    ) -> Result<Vec<Vec<f32>>, ExplainError> {
        self.require_flat()?;
        let label = self.label_index(label)?;
        let (copy, device) = traced(&self.network, &self.device);
        let mut all = Vec::with_capacity(images.len());
        for images in images.chunks(Self::CONCEPT_BATCH) {
            let input = self.tensor(images, false)?;
            all.extend(match layer {
                ConceptLayer::Map => pooled_gradients(&self.network, input, label, self.map_layers().len())?,
                ConceptLayer::Features => {
                    let map = map_of(&self.network, input, self.map_layers().len())?;
                    let features = self.network.features_of_map(map.clone());
                    let (maps, lengths) = (map.dims(), features.dims());
                    let leaf: Tensor<2> = batch(values(features), lengths, &device).require_grad();
                    let map: Tensor<4> = batch(values(map), maps, &device);
                    let gradient = gradient_of(&leaf, copy.logits_of_features(leaf.clone(), map), label)?;
                    gradient.chunks_exact(lengths[1]).map(<[f32]>::to_vec).collect()
                }
            });
        }
        Ok(all)
    }
}

fn rows(tensor: Tensor<2>) -> Vec<Vec<f32>> {
    let [_, width] = tensor.dims();
    values(tensor).chunks_exact(width).map(<[f32]>::to_vec).collect()
}
