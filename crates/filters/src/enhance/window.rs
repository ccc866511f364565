use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilhelm_study::Raster;

use crate::FilterError;

/// How a window maps values: the Enumerated Values of VOI LUT Function (0028,1056).
///
/// # Source
/// PS3.3 Section C.11.2.1.2 and C.11.2.1.3
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VoiFunction {
    /// `LINEAR`: the window spans whole numbers from `center - 0.5 - (width - 1) / 2` on, `width` at least 1.
    Linear,
    /// `LINEAR_EXACT`: from `center - width / 2` to `center + width / 2`.
    LinearExact,
    /// `SIGMOID`: an S-shaped curve whose middle is `center`.
    Sigmoid,
}

/// The values that a screen shows between black and white.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// Window Center (0028,1050).
    pub center: f64,
    /// Window Width (0028,1051).
    pub width: f64,
    /// VOI LUT Function (0028,1056).
    pub function: VoiFunction,
}

impl Window {
    /// A window of `LINEAR` function, the Standard's default.
    pub const fn linear(center: f64, width: f64) -> Self {
        Self { center, width, function: VoiFunction::Linear }
    }

    /// Checks that the function is defined for this width.
    fn checked(&self) -> Result<Self, FilterError> {
        let (defined, expected) = match self.function {
            VoiFunction::Linear => (self.width >= 1.0, "at least 1 for the linear function"),
            VoiFunction::LinearExact | VoiFunction::Sigmoid => (self.width > 0.0, "more than 0"),
        };
        if !(defined && self.width.is_finite()) {
            return Err(FilterError::parameter("window width", self.width, expected));
        }
        if !self.center.is_finite() {
            return Err(FilterError::parameter("window center", self.center, "a finite number"));
        }
        Ok(*self)
    }

    /// What a value becomes, from 0 to 1; 0 for what is not a number.
    fn shows(&self, value: f32) -> f64 {
        let (value, center, width) = (f64::from(value), self.center, self.width);
        let shown = match self.function {
            VoiFunction::Linear => {
                let (center, width) = (center - 0.5, width - 1.0);
                if value <= center - width / 2.0 {
                    0.0
                } else if value > center + width / 2.0 {
                    1.0
                } else {
                    (value - center) / width + 0.5
                }
            }
            VoiFunction::LinearExact => ((value - center) / width + 0.5).clamp(0.0, 1.0),
            VoiFunction::Sigmoid => 1.0 / (1.0 + (-4.0 * (value - center) / width).exp()),
        };
        if shown.is_nan() { 0.0 } else { shown }
    }
}

/// Brings values into a window: 0 is black, 1 is white. Not a number is black.
///
/// # Errors
/// [`FilterError::Parameter`] for a width the function is not defined for, or a center that is not finite.
///
/// # Source
/// PS3.3 Section C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2
pub fn window(image: &impl Raster, window: &Window) -> Result<Vec<f32>, FilterError> {
    let window = window.checked()?;
    let values = image.values().par_iter().with_min_len(1 << 14);
    Ok(values.map(|value| window.shows(*value) as f32).collect())
}

/// Brings values into a window of 256 grays: 0 is black, 255 is white. Not a number is black.
///
/// # Errors
/// Those of [`window()`].
pub fn window_bytes(image: &impl Raster, window: &Window) -> Result<Vec<u8>, FilterError> {
    let window = window.checked()?;
    let values = image.values().par_iter().with_min_len(1 << 14);
    Ok(values.map(|value| (window.shows(*value) * 255.0).round() as u8).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Arbitrary, Projection};

    fn shown(function: VoiFunction, center: f64, width: f64, values: &[f32]) -> Vec<f32> {
        let image = Projection::<Arbitrary>::new(values.len(), 1, values.to_vec(), None).expect("a row");
        window(&image, &Window { center, width, function }).expect("a window")
    }

    #[test]
    fn the_examples_of_the_standard() {
        // PS3.3 C.11.2.1.2.1: c=2048, w=4096 maps 0 to 4095 onto the whole range; c=0, w=100 spans -50 to 49.
        assert_eq!(shown(VoiFunction::Linear, 2048.0, 4096.0, &[0.0, 4095.0]), [0.0, 1.0]);
        assert_eq!(shown(VoiFunction::Linear, 0.0, 100.0, &[-50.0, 49.0, -0.5]), [0.0, 1.0, 0.5]);
        // A width of 1 is a threshold at center - 0.5.
        assert_eq!(shown(VoiFunction::Linear, 0.0, 1.0, &[-0.5, -0.4]), [0.0, 1.0]);
        assert_eq!(
            shown(VoiFunction::LinearExact, 0.0, 100.0, &[-50.0, 0.0, 50.0, 99.0]),
            [0.0, 0.5, 1.0, 1.0]
        );
        let curve = shown(VoiFunction::Sigmoid, 10.0, 4.0, &[10.0, 11.0, f32::NAN, f32::INFINITY]);
        assert_eq!(curve[0], 0.5);
        assert!((curve[1] - 1.0 / (1.0 + (-1.0_f32).exp())).abs() < 1e-6);
        assert_eq!(curve[2..], [0.0, 1.0]);
    }

    #[test]
    fn a_width_that_a_function_is_not_defined_for_is_refused() {
        let image = Projection::<Arbitrary>::new(1, 1, vec![0.0], None).expect("a pixel");
        for (function, width) in
            [(VoiFunction::Linear, 0.5), (VoiFunction::LinearExact, 0.0), (VoiFunction::Sigmoid, f64::NAN)]
        {
            assert!(window_bytes(&image, &Window { center: 0.0, width, function }).is_err());
        }
    }
}
