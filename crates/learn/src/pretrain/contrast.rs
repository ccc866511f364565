//! What tells two views of one image from views of others.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};
use wilhelm_nets::arch::{ClassifierConfig, Encoder};

/// Taken from a view's similarity to itself, so that it never chooses itself; its exponential is 0.
const NEVER: f32 = 1e9;

/// An encoder and the projection that is thrown away when it has learned.
#[derive(Module, Debug)]
pub(super) struct Contrastive {
    pub encoder: Encoder,
    hidden: Linear,
    out: Linear,
}

impl Contrastive {
    pub fn new(config: &ClassifierConfig, projection: usize, device: &Device) -> Self {
        Self {
            encoder: Encoder::new(config, device),
            hidden: LinearConfig::new(config.features, 2 * projection).init(device),
            out: LinearConfig::new(2 * projection, projection).init(device),
        }
    }

    /// `[views, slices, side, side]` to `[views, projection]`
    pub fn forward(&self, input: Tensor<4>) -> Tensor<2> {
        self.out.forward(relu(self.hidden.forward(self.encoder.forward(input))))
    }
}

/// Cosine of each view with each other over the temperature; the cross-entropy of these with [`partners`] is NT-Xent.
///
/// # Shapes
/// `[2 n, width]` to `[2 n, 2 n]`: the first views of `n` images, then their second views.
///
/// # Source
/// Chen et al. 2020, arXiv:2002.05709, equation 1
pub(super) fn similarities(views: Tensor<2>, temperature: f32) -> Tensor<2> {
    let [count, _] = views.dims();
    // A little more than 0, since the root has no slope there.
    let length = (views.clone() * views.clone()).sum_dim(1).add_scalar(1e-24).sqrt();
    let units = views / length;
    let device = units.device();
    let similar = units.clone().matmul(units.transpose()) / temperature;
    let mut own = vec![0.0_f32; count * count];
    own.iter_mut().step_by(count + 1).for_each(|place| *place = NEVER);
    similar - Tensor::<2>::from_data(TensorData::new(own, [count, count]), &device)
}

/// Which view each must find: 1 at the other view of its image.
///
/// # Shapes
/// `[2 n, 2 n]` for `n` images.
pub(super) fn partners(images: usize) -> TensorData {
    let views = 2 * images;
    let mut targets = vec![0.0_f32; views * views];
    for view in 0..views {
        targets[view * views + (view + images) % views] = 1.0;
    }
    TensorData::new(targets, [views, views])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Loss;

    fn loss(views: Tensor<2>, temperature: f32, device: &Device) -> Tensor<1> {
        let [count, _] = views.dims();
        let targets = Tensor::<2>::from_data(partners(count / 2), device);
        Loss::CrossEntropy.of(similarities(views, temperature), targets)
    }

    fn value(tensor: &Tensor<1>) -> f64 {
        f64::from(tensor.clone().into_data().try_to_vec::<f32>().expect("floats")[0])
    }

    #[test]
    fn two_images_worked_on_paper() {
        // First views along x and y, second views the same: each view has its partner at cosine 1 and two others at 0.
        // With temperature 1 the loss is -ln(e / (e + 2)) = 0.551445, with 0.5 -ln(e^2 / (e^2 + 2)) = 0.239544.
        let device = Device::flex();
        let views = Tensor::<2>::from_data([[1.0, 0.0], [0.0, 3.0], [2.0, 0.0], [0.0, 0.5]], &device);
        assert!((value(&loss(views.clone(), 1.0, &device)) - 0.551_445).abs() < 1e-5);
        assert!((value(&loss(views, 0.5, &device)) - 0.239_544).abs() < 1e-5);
    }

    #[test]
    fn loss_and_gradient_are_pytorch_s_and_finite_differences_agree() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/golden/contrastive.json")).expect("JSON");
        let plain = Device::flex();
        let device = plain.clone().autodiff();
        let floats = |value: &serde_json::Value| -> Vec<f64> {
            value.as_array().expect("a list").iter().map(|value| value.as_f64().expect("a number")).collect()
        };
        for case in golden["cases"].as_array().expect("cases") {
            let (images, width) = (case["images"].as_u64(), case["width"].as_u64());
            let shape = [2 * images.expect("a count") as usize, width.expect("a count") as usize];
            let temperature = case["temperature"].as_f64().expect("a number") as f32;
            let views: Vec<f32> = floats(&case["views"]).into_iter().map(|value| value as f32).collect();
            let traced =
                Tensor::<2>::from_data(TensorData::new(views.clone(), shape), &device).require_grad();
            let found = loss(traced.clone(), temperature, &device);
            let expected = case["loss"].as_f64().expect("a number");
            // Single precision.
            assert!(
                (value(&found) - expected).abs() < 2e-6 * (1.0 + expected),
                "{} {expected}",
                value(&found)
            );
            let gradient = traced.grad(&found.backward()).expect("a gradient").into_data();
            let gradient = gradient.try_into_vec::<f32>().expect("floats");
            for (found, expected) in gradient.iter().zip(floats(&case["gradient"])) {
                assert!(
                    (f64::from(*found) - expected).abs() < 1e-4 * (1.0 + expected.abs()),
                    "{found} {expected}"
                );
            }
            for place in [0, 1, views.len() / 2, views.len() - 1] {
                let moved = |by: f32| {
                    let mut views = views.clone();
                    views[place] += by;
                    value(&loss(
                        Tensor::from_data(TensorData::new(views, shape), &plain),
                        temperature,
                        &plain,
                    ))
                };
                let numeric = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                let found = f64::from(gradient[place]);
                assert!((numeric - found).abs() < 5e-3 + 0.03 * found.abs(), "{place}: {numeric} {found}");
            }
        }
    }

    #[test]
    fn views_of_zeros_have_a_loss_and_a_gradient() {
        let device = Device::flex().autodiff();
        let traced = Tensor::<2>::zeros([4, 3], &device).require_grad();
        let found = loss(traced.clone(), 0.5, &device);
        assert!((value(&found) - 3.0_f64.ln()).abs() < 1e-5);
        let gradient = traced.grad(&found.backward()).expect("a gradient").into_data();
        assert!(gradient.try_into_vec::<f32>().expect("floats").iter().all(|value| value.is_finite()));
    }
}
