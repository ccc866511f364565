//! Weights before training as the authors of BERT and GPT-2 drew them: normal with a deviation of 0.02, offsets 0.

use burn::module::Param;
use burn::nn::{Embedding, EmbeddingConfig, Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

const NORMAL: Initializer = Initializer::Normal { mean: 0.0, std: 0.02 };

/// A linear map; the device's seed decides its weights.
pub(super) fn linear(input: usize, output: usize, device: &Device) -> Linear {
    let mut made = LinearConfig::new(input, output).with_initializer(NORMAL).init(device);
    made.bias = Some(Initializer::Zeros.init([output], device));
    made
}

/// A vector for each of so many tokens, positions or kinds.
pub(super) fn embedding(count: usize, width: usize, device: &Device) -> Embedding {
    EmbeddingConfig::new(count, width).with_initializer(NORMAL).init(device)
}

/// So many vectors of a length, one a row.
pub(super) fn matrix(rows: usize, width: usize, device: &Device) -> Param<Tensor<2>> {
    NORMAL.init([rows, width], device)
}
