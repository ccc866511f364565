use burn::tensor::{Device, Tensor};

use super::torch::TorchNames;
use super::{UNet, UNet3d, UNetConfig};

/// A network that gives logits at every place of a picture or of a volume.
///
/// # Shapes
/// Pictures and volumes alike are `[batch, channels, slices, rows, columns]`; a picture has one slice.
pub trait DenseNetwork: TorchNames {
    /// A network with random weights; the device's seed decides them.
    fn fresh(config: &UNetConfig, device: &Device) -> Self;

    /// `[batch, classes, slices, rows, columns]`
    fn logits(&self, input: Tensor<5>) -> Tensor<5>;

    /// Logits of every stage of the decoder, coarsest first; the sides must be multiples of
    /// [`UNetConfig::multiple`], and each stage has twice the places of the one before along each axis.
    fn logits_of_stages(&self, input: Tensor<5>) -> Vec<Tensor<5>>;
}

impl DenseNetwork for UNet {
    fn fresh(config: &UNetConfig, device: &Device) -> Self {
        Self::new(config, device)
    }

    fn logits(&self, input: Tensor<5>) -> Tensor<5> {
        let slices = input.dims()[2];
        raised(self.forward(flat(input)), slices)
    }

    fn logits_of_stages(&self, input: Tensor<5>) -> Vec<Tensor<5>> {
        let slices = input.dims()[2];
        self.deep(flat(input)).into_iter().map(|logits| raised(logits, slices)).collect()
    }
}

impl DenseNetwork for UNet3d {
    fn fresh(config: &UNetConfig, device: &Device) -> Self {
        Self::new(config, device)
    }

    fn logits(&self, input: Tensor<5>) -> Tensor<5> {
        self.forward(input)
    }

    fn logits_of_stages(&self, input: Tensor<5>) -> Vec<Tensor<5>> {
        self.deep(input)
    }
}

/// Slices go beside the batch, so that a volume is so many pictures.
fn flat(input: Tensor<5>) -> Tensor<4> {
    let [batch, channels, slices, rows, columns] = input.dims();
    input.swap_dims(1, 2).reshape([batch * slices, channels, rows, columns])
}

fn raised(logits: Tensor<4>, slices: usize) -> Tensor<5> {
    let [pictures, classes, rows, columns] = logits.dims();
    logits.reshape([pictures / slices, slices, classes, rows, columns]).swap_dims(1, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_a_volume_of_one_slice() {
        let device = Device::flex();
        let config = UNetConfig { channels: 1, widths: vec![3, 4], classes: 2 };
        let network = UNet::fresh(&config, &device);
        let picture = Tensor::<4>::ones([2, 1, 6, 5], &device);
        let flat = network.forward(picture.clone());
        let logits = network.logits(picture.reshape([2, 1, 1, 6, 5]));
        assert_eq!(logits.dims(), [2, 2, 1, 6, 5]);
        assert_eq!(logits.into_data().try_to_vec::<f32>(), flat.into_data().try_to_vec::<f32>());
        let stages =
            UNet3d::fresh(&config, &device).logits_of_stages(Tensor::zeros([1, 1, 4, 6, 8], &device));
        assert_eq!(stages.iter().map(Tensor::dims).collect::<Vec<_>>(), [[1, 2, 4, 6, 8]]);
    }
}
