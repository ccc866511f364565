use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

/// What a convolutional network gives of a batch; `D` is 4 for images and 5 for volumes.
#[derive(Debug)]
pub struct StagedForward<const D: usize> {
    /// The feature maps of every stage, shallowest first.
    pub stages: Vec<Tensor<D>>,
    /// The mean of each channel of the last map, `[batch, width]`.
    pub pooled: Tensor<2>,
    /// The named feature vector where the network has one, `[batch, features]`.
    pub features: Option<Tensor<2>>,
    /// `[batch, classes]`
    pub logits: Tensor<2>,
}

/// From the pooled feature vector to logits, by way of a named feature vector where there is one.
///
/// # Shapes
/// `[batch, width]` to `[batch, classes]`; on the way `[batch, features]`, none of it negative.
#[derive(Module, Debug)]
pub struct Head {
    pub(crate) named: Option<Linear>,
    pub(crate) scorer: Linear,
}

impl Head {
    /// A head with random weights.
    pub fn new(width: usize, features: Option<usize>, classes: usize, device: &Device) -> Self {
        Self {
            named: features.map(|features| LinearConfig::new(width, features).init(device)),
            scorer: LinearConfig::new(features.unwrap_or(width), classes).init(device),
        }
    }

    /// The named feature vector, then the logits.
    pub fn forward(&self, pooled: Tensor<2>) -> (Option<Tensor<2>>, Tensor<2>) {
        match &self.named {
            Some(named) => {
                let features = relu(named.forward(pooled));
                (Some(features.clone()), self.scorer.forward(features))
            }
            None => (None, self.scorer.forward(pooled)),
        }
    }

    /// The weights of a head of these sizes, biases included.
    pub(super) fn parameters(width: usize, features: Option<usize>, classes: usize) -> usize {
        let linear = |input: usize, output: usize| (input + 1) * output;
        features.map_or(0, |features| linear(width, features)) + linear(features.unwrap_or(width), classes)
    }

    /// Whether the sizes stay within what a card may ask for.
    pub(super) fn is_sound(features: Option<usize>, classes: usize) -> bool {
        features.is_none_or(|features| (1..=4096).contains(&features)) && (1..=4096).contains(&classes)
    }

    /// PyTorch's name of a part: `at` itself is the scorer, or `nn.Sequential(nn.Linear, nn.ReLU, nn.Linear)`.
    pub(super) fn torch_name(&self, part: &str, leaf: &str, at: &str) -> String {
        match (&self.named, part) {
            (None, _) => format!("{at}.{leaf}"),
            (Some(_), "named") => format!("{at}.0.{leaf}"),
            (Some(_), _) => format!("{at}.2.{leaf}"),
        }
    }
}

/// The mean of each channel over all places: `[batch, channels, ...]` to `[batch, channels]`.
pub(super) fn pooled<const D: usize>(map: Tensor<D>) -> Tensor<2> {
    let shape = map.dims();
    let places = shape[2..].iter().product();
    map.reshape([shape[0], shape[1], places]).mean_dim(2).reshape([shape[0], shape[1]])
}

/// The greatest number of weights that a card may ask for (half a gigabyte in single precision).
pub(super) const MOST_PARAMETERS: usize = 1 << 27;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_each_channel_worked_on_paper() {
        let map =
            Tensor::<4>::from_data([[[[1.0, 3.0], [5.0, 7.0]], [[2.0, 2.0], [2.0, 4.0]]]], &Device::flex());
        let found = pooled(map).into_data().try_to_vec::<f32>().expect("floats");
        assert_eq!(found, [4.0, 2.5]);
    }

    #[test]
    fn the_named_feature_vector_is_what_the_scorer_reads() {
        let device = Device::flex();
        device.seed(3);
        let head = Head::new(4, Some(6), 2, &device);
        let (features, logits) = head.forward(Tensor::<2>::ones([3, 4], &device));
        let features = features.expect("it is named");
        assert_eq!((features.dims(), logits.dims()), ([3, 6], [3, 2]));
        assert!(features.clone().min().into_scalar::<f32>() >= 0.0);
        let again = head.scorer.forward(features).into_data();
        assert_eq!(again, logits.into_data());
        assert_eq!(Head::parameters(4, Some(6), 2), head.num_params());
        assert_eq!(Head::parameters(4, None, 2), Head::new(4, None, 2, &device).num_params());
    }
}
