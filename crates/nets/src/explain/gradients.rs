use burn::tensor::Tensor;
use serde::Serialize;

use super::draw::Draw;
use super::network::{Case, Explained, gradient, traced};
use super::{Attribution, ExplainError};

/// Most steps, samples or images at once that a setting may ask for.
const MOST: usize = 10_000;

/// How [`integrated_gradients`] walks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathSettings {
    /// What the walk begins with at every place, in the unit of the network's input (0 is the mean of the training
    /// pixels).
    pub baseline: f32,
    /// Steps.
    pub steps: usize,
    /// Steps in one pass: more keep the cores busy, fewer keep memory small.
    pub batch: usize,
}

/// How [`smooth_grad`] draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseSettings {
    /// Noisy copies.
    pub samples: usize,
    /// Deviation of the noise, a share of the input's range.
    pub noise: f64,
    /// Start of the draws.
    pub seed: u64,
    /// Copies in one pass.
    pub batch: usize,
}

/// Whether what the places did adds up to what the logit did.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Completeness {
    /// The logit of the input less that of the baseline.
    pub difference: f64,
    /// The sum of the map.
    pub sum: f64,
    /// How far the sum is off, a share of the difference; nothing where the difference is 0.
    pub error: Option<f64>,
}

/// Integrated gradients: each number's way from a baseline, times the mean gradient along it; the sum over all
/// places is what the logit gained, but for the error of the steps, which is reported.
///
/// Values below 0 lowered the logit. Channels are added. The mean is taken in the middle of each step.
///
/// # Errors
/// [`ExplainError`] for a label that the network does not have, numbers that are none, or no steps.
///
/// # Source
/// Sundararajan et al. 2017, arXiv:1703.01365
pub fn integrated_gradients<const D: usize, N: Explained<D>>(
    network: &N,
    input: &Tensor<D>,
    label: usize,
    settings: &PathSettings,
) -> Result<(Attribution, Completeness), ExplainError> {
    let PathSettings { baseline, steps, batch } = *settings;
    within("steps", steps)?;
    within("batch", batch)?;
    if !baseline.is_finite() {
        return Err(ExplainError::NotFinite("the baseline"));
    }
    let case = Case::new(network, input, label)?;
    let (traced, device) = traced(network, &case.device);
    let mut sum = vec![0.0_f64; case.values.len()];
    let shares: Vec<f32> = (0..steps).map(|step| ((step as f64 + 0.5) / steps as f64) as f32).collect();
    for shares in shares.chunks(batch) {
        let inputs = shares
            .iter()
            .flat_map(|share| case.values.iter().map(move |value| baseline + share * (value - baseline)))
            .collect();
        let gradients = gradient(&traced, &device, inputs, case.dims, label);
        add(&mut sum, &gradients);
    }
    for (sum, value) in sum.iter_mut().zip(&case.values) {
        *sum *= f64::from(value - baseline) / steps as f64;
    }
    let start = case.logits_of(network, std::iter::once(vec![baseline; case.values.len()]), 1);
    let difference = f64::from(case.logits[label]) - f64::from(start[0][label]);
    let whole: f64 = sum.iter().sum();
    let error = (difference != 0.0).then(|| (whole - difference).abs() / difference.abs());
    let map = Attribution::new(case.size(), over_channels(&sum, case.size()))?;
    Ok((map, Completeness { difference, sum: whole, error }))
}

/// SmoothGrad: the mean gradient of noisy copies, without its sign; channels are added.
///
/// It says where a small change of the input would change the logit, up or down, and not what raised it.
///
/// # Errors
/// [`ExplainError`] for a label that the network does not have, numbers that are none, no samples, or noise
/// without bound.
///
/// # Source
/// Smilkov et al. 2017, arXiv:1706.03825
pub fn smooth_grad<const D: usize, N: Explained<D>>(
    network: &N,
    input: &Tensor<D>,
    label: usize,
    settings: &NoiseSettings,
) -> Result<Attribution, ExplainError> {
    let NoiseSettings { samples, noise, seed, batch } = *settings;
    within("samples", samples)?;
    within("batch", batch)?;
    if !(0.0..=10.0).contains(&noise) {
        return Err(ExplainError::parameter("noise", noise, "0 to 10 times the input's range"));
    }
    let case = Case::new(network, input, label)?;
    let (traced, device) = traced(network, &case.device);
    let (low, high) = range(&case.values);
    let deviation = (noise * (f64::from(high) - f64::from(low))) as f32;
    let mut draw = Draw::new(seed, "smooth-grad");
    let mut sum = vec![0.0_f64; case.values.len()];
    let mut left = samples;
    while left > 0 {
        let now = left.min(batch);
        let inputs = (0..now * case.values.len())
            .map(|at| case.values[at % case.values.len()] + deviation * draw.normal())
            .collect();
        add(&mut sum, &gradient(&traced, &device, inputs, case.dims, label));
        left -= now;
    }
    for value in &mut sum {
        *value = (*value / samples as f64).abs();
    }
    Attribution::new(case.size(), over_channels(&sum, case.size()))
}

/// Adds every part of a list, each as long as the sum.
fn add<T: Copy + Into<f64>>(sum: &mut [f64], parts: &[T]) {
    for part in parts.chunks_exact(sum.len()) {
        for (sum, value) in sum.iter_mut().zip(part) {
            *sum += (*value).into();
        }
    }
}

/// The sum over the channels of each place.
fn over_channels(values: &[f64], size: [usize; 3]) -> Vec<f32> {
    let places = size.iter().product();
    let mut sum = vec![0.0; places];
    add(&mut sum, values);
    sum.into_iter().map(|value| value as f32).collect()
}

/// Least and greatest value.
pub(super) fn range(values: &[f32]) -> (f32, f32) {
    values
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)))
}

/// Refuses a number of steps that is 0 or absurd.
pub(super) fn within(name: &'static str, found: usize) -> Result<(), ExplainError> {
    if (1..=MOST).contains(&found) {
        return Ok(());
    }
    Err(ExplainError::parameter(name, found, format!("1 to {MOST}")))
}
