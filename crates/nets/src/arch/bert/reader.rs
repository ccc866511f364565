use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor};
use burn_store::{ModuleSnapshot, SafetensorsStore};

use crate::kernels::{drop, gelu};

use super::super::classifier::with_weights;
use super::{Bert, BertConfig};

/// Sizes of what a [`TextReader`] has on top of its encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReaderConfig {
    /// Numbers that come with each text: an image's feature vector, measurements, an age; 0 where the text is all.
    pub numbers: usize,
    /// Width between what is read and the classes.
    pub hidden: usize,
    /// Classes.
    pub classes: usize,
}

/// Says what a text and the numbers that come with it are: the mean of the encoder's vectors of tokens and the numbers,
/// side by side, through a perceptron of one hidden layer to a logit for each class.
///
/// # Shapes
/// Numbers of tokens `[batch, tokens]` and numbers `[batch, numbers]` to `[batch, classes]`.
#[derive(Module, Debug)]
pub struct TextReader {
    pub(crate) bert: Bert,
    pub(crate) dropout: Dropout,
    pub(crate) hidden: Linear,
    pub(crate) scorer: Linear,
}

impl TextReader {
    /// A network with random weights; the device's seed decides them.
    pub fn new(encoder: &BertConfig, config: ReaderConfig, device: &Device) -> Self {
        Self::on(Bert::new(encoder, false, device), encoder, config, device)
    }

    /// A fresh head on a trained encoder.
    pub fn on(bert: Bert, encoder: &BertConfig, config: ReaderConfig, device: &Device) -> Self {
        Self {
            bert: Bert { pooler: None, ..bert },
            dropout: DropoutConfig::new(encoder.dropout).init(),
            // Wider than the encoder's first weights: what text and numbers say together is not seen from near 0.
            hidden: LinearConfig::new(encoder.width + config.numbers, config.hidden).init(device),
            scorer: LinearConfig::new(config.hidden, config.classes).init(device),
        }
    }

    /// The network of its own file of weights, ready to read.
    ///
    /// # Errors
    /// The first tensor that does not fit.
    pub fn load(encoder: &BertConfig, config: ReaderConfig, weights: Vec<u8>) -> Result<Self, String> {
        with_weights(Self::new(encoder, config, &Device::flex()), weights)
    }

    /// Its weights as a safetensors file; the same weights give the same bytes.
    ///
    /// # Errors
    /// What the store says.
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let mut store = SafetensorsStore::from_bytes(None).clear_metadata();
        self.save_into(&mut store).map_err(|error| error.to_string())?;
        store.get_bytes().map_err(|error| error.to_string())
    }

    /// Holds the encoder's embeddings and its first `layers` layers as they are: training changes the others.
    #[must_use]
    pub fn holding(self, layers: usize) -> Self {
        let Self { bert, dropout, hidden, scorer } = self;
        let hold = |(at, layer): (usize, super::BertLayer)| if at < layers { layer.no_grad() } else { layer };
        let bert = Bert {
            words: bert.words.no_grad(),
            positions: bert.positions.no_grad(),
            kinds: bert.kinds.no_grad(),
            norm: bert.norm.no_grad(),
            layers: bert.layers.into_iter().enumerate().map(hold).collect(),
            ..bert
        };
        Self { bert, dropout, hidden, scorer }
    }

    /// The logits, of what [`Bert::forward`] takes and the numbers that come with the texts.
    ///
    /// # Panics
    /// As [`Bert::forward`], and where the numbers are not as many as the network's.
    pub fn forward(
        &self,
        tokens: Tensor<2, Int>,
        kinds: Tensor<2, Int>,
        valid: &Tensor<2>,
        numbers: Option<Tensor<2>>,
    ) -> Tensor<2> {
        let vectors = self.bert.forward(tokens, kinds, Some(valid)).tokens;
        let sums = (vectors * valid.clone().unsqueeze_dim::<3>(2)).sum_dim(1).squeeze_dim::<2>(1);
        let read = sums / valid.clone().sum_dim(1).clamp_min(1e-9);
        let read = drop(&self.dropout, read);
        let read = match numbers {
            Some(numbers) => Tensor::cat(vec![read, numbers], 1),
            None => read,
        };
        self.scorer.forward(drop(&self.dropout, gelu(self.hidden.forward(read))))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;
    use burn::tensor::activation::log_softmax;

    use super::super::super::learning::check_learning;
    use super::*;

    fn encoder() -> BertConfig {
        BertConfig {
            vocabulary: 12,
            positions: 8,
            kinds: 2,
            width: 8,
            heads: 2,
            layers: 2,
            inner: 16,
            epsilon: 1e-12,
            dropout: 0.0,
            attention_dropout: 0.0,
            classes: Vec::new(),
        }
    }

    const SIZES: ReaderConfig = ReaderConfig { numbers: 1, hidden: 8, classes: 2 };

    /// Two texts of three and two tokens, each with 0 and with 1: the class is whether text and number agree.
    fn agreement(device: &Device) -> (Tensor<2, Int>, Tensor<2, Int>, Tensor<2>, Tensor<2>, Tensor<2>) {
        let tokens: [i64; 12] = [1, 5, 2, 1, 7, 0, 1, 5, 2, 1, 7, 0];
        let valid = [1.0_f32, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0];
        let numbers = [0.0_f32, 0.0, 1.0, 1.0];
        let right = [1.0_f32, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0];
        (
            Tensor::from_data(TensorData::new(tokens.to_vec(), [4, 3]), device),
            Tensor::zeros([4, 3], device),
            Tensor::from_data(TensorData::new(valid.to_vec(), [4, 3]), device),
            Tensor::from_data(TensorData::new(numbers.to_vec(), [4, 1]), device),
            Tensor::from_data(TensorData::new(right.to_vec(), [4, 2]), device),
        )
    }

    #[test]
    fn what_neither_text_nor_number_says_alone_is_learned_from_both() {
        let device = Device::flex().autodiff();
        device.seed(3);
        let (tokens, kinds, valid, numbers, right) = agreement(&device);
        let network = TextReader::new(&encoder(), SIZES, &device);
        check_learning(network, 2e-2, 200, |network| {
            let logits = network.forward(tokens.clone(), kinds.clone(), &valid, Some(numbers.clone()));
            (log_softmax(logits, 1) * right.clone()).sum().neg() / 4.0
        });
    }

    #[test]
    fn padding_changes_nothing_and_held_layers_get_no_gradient() {
        let device = Device::flex().autodiff();
        device.seed(4);
        let (tokens, kinds, valid, numbers, _) = agreement(&device);
        let network = TextReader::new(&encoder(), SIZES, &device).holding(1);
        let logits = network.forward(tokens.clone(), kinds.clone(), &valid, Some(numbers.clone()));
        let alone = network.forward(
            tokens.slice([1..2, 0..2]),
            kinds.slice([1..2, 0..2]),
            &valid.slice([1..2, 0..2]),
            Some(numbers.slice([1..2, 0..1])),
        );
        let values = |tensor: Tensor<2>| tensor.into_data().try_into_vec::<f32>().expect("floats");
        for (padded, alone) in values(logits.clone().slice([1..2, 0..2])).iter().zip(values(alone)) {
            assert!((padded - alone).abs() < 1e-6, "{padded} padded, {alone} alone");
        }
        let gradients = logits.sum().backward();
        assert!(network.bert.words.weight.val().grad(&gradients).is_none());
        assert!(network.bert.layers[0].query.weight.val().grad(&gradients).is_none());
        assert!(network.bert.layers[1].query.weight.val().grad(&gradients).is_some());
        assert!(network.hidden.weight.val().grad(&gradients).is_some());
    }

    #[test]
    fn its_file_is_read_again_and_another_size_refused() {
        let device = Device::flex();
        device.seed(5);
        let network = TextReader::new(&encoder(), SIZES, &device);
        let bytes = network.to_bytes().expect("it can be written");
        let read = TextReader::load(&encoder(), SIZES, bytes.clone()).expect("its own file");
        assert_eq!(read.to_bytes().expect("written again"), bytes);
        assert!(TextReader::load(&encoder(), ReaderConfig { numbers: 2, ..SIZES }, bytes).is_err());
    }
}
