use burn::tensor::Tensor;

use super::network::{Attending, Case, values};
use super::{Attribution, ExplainError};

/// A map of attention, and how much of it went to no place.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    /// On the grid of the tokens.
    pub map: Attribution,
    /// The share of attention that went to tokens which stand for no place: the class token, or the feature vector of
    /// the whole image.
    pub elsewhere: f64,
    /// Whether the map belongs to its label; where one token is read for all of them, every label has the same map.
    pub of_label: bool,
}

/// Attention rollout: how much of each token reaches what is scored, when attention is followed through all layers.
///
/// Heads are averaged, and half of each layer is what passes around it. Attention says where a network fetched from,
/// not whether what it fetched raised or lowered the logit; and each token has itself seen much of the image.
///
/// # Errors
/// [`ExplainError`] for a label that the network does not have, or numbers that are none.
///
/// # Source
/// Abnar and Zuidema 2020, doi:10.18653/v1/2020.acl-main.385
pub fn attention_rollout<const D: usize, N: Attending<D>>(
    network: &N,
    input: &Tensor<D>,
    label: usize,
) -> Result<Rollout, ExplainError> {
    Case::new(network, input, label)?;
    let trace = network.attention(input.clone());
    let places: usize = trace.places.iter().product();
    let tokens = places + trace.summaries;
    // The row of what is scored, followed from the last layer back to the first.
    let of_label = !trace.readings.is_empty();
    let mut row = if of_label {
        let layers = trace.readings.len() as f64;
        let mut row = vec![0.0; tokens];
        for reading in trace.readings {
            for (sum, weight) in row.iter_mut().zip(mean_of_heads(reading, label, tokens)) {
                *sum += weight / layers;
            }
        }
        row
    } else {
        let mut row = vec![0.0; tokens];
        row[0] = 1.0;
        row
    };
    for layer in trace.layers.into_iter().rev() {
        row = followed(&row, &values(layer), tokens);
    }
    let elsewhere = row[..trace.summaries].iter().sum();
    let map = row[trace.summaries..].iter().map(|weight| *weight as f32).collect();
    Ok(Rollout { map: Attribution::new(trace.places, map)?, elsewhere, of_label })
}

/// One row of attention, the mean over the heads.
fn mean_of_heads(weights: Tensor<4>, row: usize, tokens: usize) -> Vec<f64> {
    let [_, heads, rows, _] = weights.dims();
    let weights = values(weights);
    let of = |head: usize, token: usize| f64::from(weights[(head * rows + row) * tokens + token]);
    (0..tokens).map(|token| (0..heads).map(|head| of(head, token)).sum::<f64>() / heads as f64).collect()
}

/// A row times half of what passes around a layer and half of its attention (the mean over the heads).
fn followed(row: &[f64], weights: &[f32], tokens: usize) -> Vec<f64> {
    let heads = weights.len() / (tokens * tokens);
    let mut next: Vec<f64> = row.iter().map(|share| share / 2.0).collect();
    for head in weights.chunks_exact(tokens * tokens) {
        for (share, line) in row.iter().zip(head.chunks_exact(tokens)) {
            for (next, weight) in next.iter_mut().zip(line) {
                *next += share * f64::from(*weight) / (2 * heads) as f64;
            }
        }
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_layers_worked_on_paper() {
        // Two heads whose mean is ((1/2, 1/2), (0, 1)); half of it and half of the identity: ((3/4, 1/4), (0, 1)).
        let first = [1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0];
        assert_eq!(followed(&[1.0, 0.0], &first, 2), [0.75, 0.25]);
        // Then ((1/2, 1/2), (1/2, 1/2)), with the identity ((3/4, 1/4), (1/4, 3/4)): 3/4 * 3/4 + 1/4 * 1/4 = 5/8.
        assert_eq!(followed(&[0.75, 0.25], &[0.5; 4], 2), [0.625, 0.375]);
    }
}
