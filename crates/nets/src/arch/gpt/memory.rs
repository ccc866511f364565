use burn::tensor::{Device, Int, Tensor, TensorData};

/// Keys and values of a layer, `[batch, tokens, width]` each.
#[derive(Clone, Debug)]
pub(super) struct Remembered {
    pub keys: Tensor<3>,
    pub values: Tensor<3>,
}

impl Remembered {
    /// With those of the tokens that follow.
    pub fn and(self, keys: Tensor<3>, values: Tensor<3>) -> Self {
        Self {
            keys: Tensor::cat(vec![self.keys, keys], 1),
            values: Tensor::cat(vec![self.values, values], 1),
        }
    }
}

/// The keys and values that a [`Gpt`](super::Gpt) made of the tokens so far, so that the next token is all that must
/// be computed.
#[derive(Clone, Debug, Default)]
pub struct GptMemory {
    layers: Vec<Option<Remembered>>,
}

impl GptMemory {
    /// How many tokens are remembered of each text.
    pub fn tokens(&self) -> usize {
        self.layers.iter().flatten().next().map_or(0, |layer| layer.keys.dims()[1])
    }

    /// The memory of some of the texts, in the order given; one may stand there more than once.
    ///
    /// # Panics
    /// If there is no such text.
    pub fn of(&self, texts: &[usize], device: &Device) -> Self {
        let numbers: Vec<i64> = texts.iter().map(|at| *at as i64).collect();
        let texts = Tensor::<1, Int>::from_data(TensorData::new(numbers, [texts.len()]), device);
        let chosen = |of: &Tensor<3>| of.clone().select(0, texts.clone());
        let layer =
            |layer: &Remembered| Remembered { keys: chosen(&layer.keys), values: chosen(&layer.values) };
        Self { layers: self.layers.iter().map(|remembered| remembered.as_ref().map(layer)).collect() }
    }

    /// A place for each layer.
    pub(super) fn ready(&mut self, layers: usize) {
        self.layers.resize(layers, None);
    }

    pub(super) fn layers(&mut self) -> impl Iterator<Item = &mut Option<Remembered>> {
        self.layers.iter_mut()
    }
}
