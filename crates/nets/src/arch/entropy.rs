use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor};

/// The mean over the rows that count of the negative logarithm of the right class's probability.
///
/// 0 where no row counts (a choice: the formula is 0/0 there). The class of a row that does not count must be one of
/// those there are, and changes nothing.
///
/// # Shapes
/// Logits `[rows, classes]`, the right classes `[rows]`, and 1 for the rows that count and 0 for others `[rows]`, to
/// `[1]`
///
/// # Units
/// Nats.
pub fn counted_entropy(logits: Tensor<2>, right: Tensor<1, Int>, counted: Tensor<1>) -> Tensor<1> {
    let logs = log_softmax(logits, 1).gather(1, right.unsqueeze_dim::<2>(1)).squeeze_dim::<1>(1);
    (logs * counted.clone()).sum().neg() / counted.sum().clamp_min(1.0)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::super::learning;
    use super::*;

    #[test]
    fn the_mean_over_counted_rows_worked_on_paper() {
        let device = Device::flex();
        let three = 3.0_f32.ln();
        // Shares of 1/4 and 3/4, of one half each, and of 3/4 and 1/4.
        let logits = Tensor::<2>::from_data([[0.0, three], [5.0, 5.0], [three, 0.0]], &device);
        let right = Tensor::<1, Int>::from_data([0, 1, 0], &device);
        let check = |counted: [f32; 3], expected: f32| {
            let counted = Tensor::<1>::from_data(counted, &device);
            let found = counted_entropy(logits.clone(), right.clone(), counted).into_scalar::<f32>();
            assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
        };
        let (quarter, half, rest) = (4.0_f32.ln(), 2.0_f32.ln(), (4.0_f32 / 3.0).ln());
        check([1.0, 1.0, 1.0], (quarter + half + rest) / 3.0);
        check([1.0, 0.0, 1.0], (quarter + rest) / 2.0);
        check([0.0, 1.0, 0.0], half);
        check([0.0, 0.0, 0.0], 0.0);
    }

    #[test]
    fn its_gradient_agrees_with_finite_differences_and_is_0_where_a_row_does_not_count() {
        let device = Device::flex().autodiff();
        device.seed(41);
        let right = Tensor::<1, Int>::from_data([2, 0, 1, 2], &device);
        let counted = Tensor::<1>::from_data([1.0, 0.0, 1.0, 1.0], &device);
        let loss = |logits: Tensor<2>| counted_entropy(logits, right.clone(), counted.clone());
        learning::check_gradient([4, 3], &device, loss);
        let logits = Tensor::<2>::ones([4, 3], &device).require_grad();
        let gradient = logits.grad(&loss(logits.clone()).backward()).expect("a gradient");
        let rows = gradient.into_data().try_into_vec::<f32>().expect("floats");
        // A third for every class, one less for the right one, over three rows that count.
        let expected = [1.0, 1.0, -2.0, 0.0, 0.0, 0.0, 1.0, -2.0, 1.0, 1.0, 1.0, -2.0];
        for (found, expected) in rows.iter().zip(expected) {
            assert!((found - expected / 9.0).abs() < 1e-6, "{found} for {expected} ninths");
        }
    }
}
