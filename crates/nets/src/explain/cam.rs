use burn::tensor::Tensor;

use super::network::{Case, Mapped, size_of, traced, values};
use super::{Attribution, ExplainError};

/// Grad-CAM: the maps of one layer, each weighted with the mean of its gradient, where their sum is positive.
///
/// `layer` counts from 1, the shallowest and finest. The map lies on the layer's own grid; it says which features
/// raised the logit where, as coarsely as the layer sees.
///
/// # Errors
/// [`ExplainError`] for a layer or label that the network does not have, or numbers that are none.
///
/// # Source
/// Selvaraju et al. 2017, doi:10.1109/ICCV.2017.74
pub fn grad_cam<const D: usize, N: Mapped<D>>(
    network: &N,
    input: &Tensor<D>,
    label: usize,
    layer: usize,
) -> Result<Attribution, ExplainError> {
    let maps = Maps::new(network, input, label, layer)?;
    maps.weighted(|_, gradient| {
        gradient.iter().map(|value| f64::from(*value)).sum::<f64>() / gradient.len() as f64
    })
}

/// Grad-CAM++: as [`grad_cam`], but each place's positive gradient counts by how much it takes to make up the
/// whole, so that several things that raise the logit are all seen.
///
/// # Errors
/// As [`grad_cam`].
///
/// # Source
/// Chattopadhay et al. 2018, doi:10.1109/WACV.2018.00097, equations 10 and 19 (the score behind an exponential, whose
/// own factor scales the whole map alike and is left out)
pub fn grad_cam_plus_plus<const D: usize, N: Mapped<D>>(
    network: &N,
    input: &Tensor<D>,
    label: usize,
    layer: usize,
) -> Result<Attribution, ExplainError> {
    let maps = Maps::new(network, input, label, layer)?;
    maps.weighted(|map, gradient| {
        let all: f64 = map.iter().map(|value| f64::from(*value)).sum();
        let weight = |gradient: &f32| {
            let gradient = f64::from(*gradient);
            let square = gradient * gradient;
            let denominator = 2.0 * square + all * square * gradient;
            if denominator == 0.0 { 0.0 } else { square / denominator * gradient.max(0.0) }
        };
        gradient.iter().map(weight).sum()
    })
}

/// The maps of one layer with the gradient of one logit for each number.
struct Maps {
    size: [usize; 3],
    maps: Vec<f32>,
    gradients: Vec<f32>,
}

impl Maps {
    fn new<const D: usize, N: Mapped<D>>(
        network: &N,
        input: &Tensor<D>,
        label: usize,
        layer: usize,
    ) -> Result<Self, ExplainError> {
        Case::new(network, input, label)?;
        let mut all = network.maps(input.clone());
        if !(1..=all.len()).contains(&layer) {
            return Err(ExplainError::Layer { found: layer, layers: all.len() });
        }
        let map = all.swap_remove(layer - 1);
        let size = size_of(map.dims());
        let (traced, device) = traced(network, &input.device());
        let leaf = Tensor::<D>::from_data(map.to_data(), &device).require_grad();
        let logits = traced.logits_of_map(leaf.clone(), layer - 1);
        let score = logits.slice([0..1, label..label + 1]).sum();
        let gradient = leaf.grad(&score.backward()).expect("the logit depends on the map");
        Ok(Self { size, maps: values(map), gradients: values(gradient) })
    }

    /// The sum of the maps by weights that `weight` gives of a map and its gradient; 0 where it is negative.
    fn weighted(self, weight: impl Fn(&[f32], &[f32]) -> f64) -> Result<Attribution, ExplainError> {
        let places = self.size.iter().product();
        let mut sum = vec![0.0_f64; places];
        for (map, gradient) in self.maps.chunks_exact(places).zip(self.gradients.chunks_exact(places)) {
            let weight = weight(map, gradient);
            for (sum, value) in sum.iter_mut().zip(map) {
                *sum += weight * f64::from(*value);
            }
        }
        Attribution::new(self.size, sum.into_iter().map(|value| value.max(0.0) as f32).collect())
    }
}
