use std::collections::BTreeMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// What is wrong with an outlier detector's file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutlierError {
    /// Not the tensors that were expected.
    #[error("outlier detector: {0}")]
    Form(String),
}

/// One look at an image's features: their mean and precision over the training data.
#[derive(Clone, Debug, PartialEq)]
pub struct TapStatistics {
    /// Mean of the features.
    pub mean: Vec<f32>,
    /// Upper triangular factor `W` with `W^T W` the precision: distances are norms of `W (x - mean)`.
    pub whitening: Vec<f32>,
    /// The distance that counts as 1.
    pub unit: f32,
}

impl TapStatistics {
    /// Mahalanobis distance of a feature vector, over this look's unit.
    pub fn distance(&self, features: &[f32]) -> f64 {
        let width = self.mean.len();
        let centered: Vec<f64> = features
            .iter()
            .zip(&self.mean)
            .map(|(value, mean)| f64::from(*value) - f64::from(*mean))
            .collect();
        let squared: f64 = self
            .whitening
            .chunks_exact(width)
            .map(|row| {
                row.iter().zip(&centered).map(|(weight, value)| f64::from(*weight) * value).sum::<f64>()
            })
            .map(|component| component * component)
            .sum();
        squared.sqrt() / f64::from(self.unit)
    }
}

/// How far an image lies from the training data: the greatest Mahalanobis distance over the means
/// and deviations of the channels at every depth of the CNN, and over what the image looks like without
/// any network ([`appearance`](crate::appearance())).
///
/// # Units
/// 1 is the distance that a share of validation images, given by whoever fitted it, stays below.
///
/// # Source
/// Lee et al. 2018, arXiv:1807.03888
#[derive(Clone, Debug, PartialEq)]
pub struct OutlierDetector {
    /// One for each stage of the CNN, and one for the appearance.
    pub taps: Vec<TapStatistics>,
}

impl OutlierDetector {
    /// The score of one image; `features` holds a vector for each tap.
    pub fn score(&self, features: &[Vec<f32>]) -> f64 {
        self.taps
            .iter()
            .zip(features)
            .map(|(tap, vector)| tap.distance(vector))
            // A distance that is no number is as far as can be.
            .fold(
                0.0,
                |greatest: f64, distance| {
                    if distance.is_nan() { f64::INFINITY } else { greatest.max(distance) }
                },
            )
    }

    /// The detector as a safetensors file.
    ///
    /// # Errors
    /// [`OutlierError::Form`] if the arrays do not fit.
    pub fn to_bytes(&self) -> Result<Vec<u8>, OutlierError> {
        let mut arrays: BTreeMap<String, (Vec<usize>, Vec<u8>)> = BTreeMap::new();
        for (place, tap) in self.taps.iter().enumerate() {
            let width = tap.mean.len();
            let mut put = |name: &str, shape: Vec<usize>, values: &[f32]| {
                let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                arrays.insert(format!("tap{place}.{name}"), (shape, bytes));
            };
            put("mean", vec![width], &tap.mean);
            put("whitening", vec![width, width], &tap.whitening);
            put("unit", vec![1], &[tap.unit]);
        }
        let views = arrays
            .iter()
            .map(|(name, (shape, bytes))| {
                TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name.as_str(), view))
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| OutlierError::Form(error.to_string()))?;
        safetensors::serialize(views, None).map_err(|error| OutlierError::Form(error.to_string()))
    }

    /// Reads a detector whose taps have these widths.
    ///
    /// # Errors
    /// [`OutlierError::Form`] for other tensors than expected.
    pub fn from_bytes(bytes: &[u8], widths: &[usize]) -> Result<Self, OutlierError> {
        let file = SafeTensors::deserialize(bytes).map_err(|error| OutlierError::Form(error.to_string()))?;
        let read = |name: String, shape: &[usize]| {
            let view = file.tensor(&name).map_err(|error| OutlierError::Form(error.to_string()))?;
            if view.dtype() != Dtype::F32 || view.shape() != shape {
                return Err(OutlierError::Form(format!("{name} is {:?}, expected {shape:?}", view.shape())));
            }
            Ok(view
                .data()
                .chunks_exact(4)
                .map(|four| f32::from_le_bytes(four.try_into().expect("chunks of four bytes")))
                .collect::<Vec<f32>>())
        };
        let taps = widths
            .iter()
            .enumerate()
            .map(|(place, width)| {
                Ok(TapStatistics {
                    mean: read(format!("tap{place}.mean"), &[*width])?,
                    whitening: read(format!("tap{place}.whitening"), &[*width, *width])?,
                    unit: read(format!("tap{place}.unit"), &[1])?[0],
                })
            })
            .collect::<Result<Vec<_>, OutlierError>>()?;
        Ok(Self { taps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detector() -> OutlierDetector {
        OutlierDetector {
            taps: vec![TapStatistics {
                mean: vec![1.0, 0.0],
                whitening: vec![2.0, 0.0, 0.0, 0.5],
                unit: 2.0,
            }],
        }
    }

    #[test]
    fn a_distance_worked_on_paper() {
        // W (x - mean) = (2 * 3, 0.5 * 16) = (6, 8): norm 10, over the unit 2.
        assert!((detector().score(&[vec![4.0, 16.0]]) - 5.0).abs() < 1e-12);
        assert_eq!(detector().score(&[vec![f32::NAN, 0.0]]), f64::INFINITY);
    }

    #[test]
    fn a_detector_survives_its_file_and_another_shape_is_refused() {
        let bytes = detector().to_bytes().expect("serialized");
        assert_eq!(OutlierDetector::from_bytes(&bytes, &[2]).expect("read"), detector());
        assert!(OutlierDetector::from_bytes(&bytes, &[3]).is_err());
        assert!(OutlierDetector::from_bytes(&bytes[..bytes.len() - 3], &[2]).is_err());
    }
}
