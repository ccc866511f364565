use serde::{Deserialize, Serialize};

/// Where the bounds of an intensity scale came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IntensitySource {
    /// The full range of an 8-bit file.
    StoredRange,
    /// The window the file proposes.
    Window,
    /// The 0.5 and 99.5 percentiles of the values.
    Percentiles,
}

/// The values that become black and white.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IntensityBounds {
    /// Becomes 0.
    pub low: f32,
    /// Becomes 1.
    pub high: f32,
    /// Where they came from.
    pub source: IntensitySource,
}

/// Chooses what becomes black and white in a volume: the two levels of a mask, whatever numbers they have, else what
/// [`intensity_bounds`] chooses.
///
/// A mask of 0 and 1 and one of 0 and 255 are the same mask, and are the same to a network.
pub fn volume_bounds(
    values: &[f32],
    stored_range: Option<(f32, f32)>,
    window: Option<(f32, f32)>,
) -> (f32, f32) {
    let low = values.iter().copied().fold(f32::INFINITY, f32::min);
    let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if low < high && values.iter().all(|value| *value == low || *value == high) {
        return (low, high);
    }
    let bounds = intensity_bounds(values, stored_range, window);
    (bounds.low, bounds.high)
}

/// Chooses what becomes black and white: an 8-bit range as it is, else the file's window (center,
/// width), else the 0.5 and 99.5 percentiles.
///
/// Pictures of 8 bits were rendered by whoever exported them, so their scale is kept. Raw values of
/// more bits have no display range of their own, and a few hot pixels would darken all the rest.
/// A window that shows less than 5 % of the values between its ends is not believed.
pub fn intensity_bounds(
    values: &[f32],
    stored_range: Option<(f32, f32)>,
    window: Option<(f32, f32)>,
) -> IntensityBounds {
    if let Some((low, high)) = stored_range
        && high - low <= 255.0
        && high > low
    {
        return IntensityBounds { low, high, source: IntensitySource::StoredRange };
    }
    if let Some((center, width)) = window
        && width > 0.0
        && center.is_finite()
        && width.is_finite()
    {
        let (low, high) = (center - width / 2.0, center + width / 2.0);
        let inside = values.iter().filter(|value| (low..=high).contains(*value)).count();
        if inside * 20 >= values.len() {
            return IntensityBounds { low, high, source: IntensitySource::Window };
        }
    }
    let mut sorted: Vec<f32> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_unstable_by(f32::total_cmp);
    let at = |fraction: f64| {
        let place = (fraction * sorted.len().saturating_sub(1) as f64).round() as usize;
        sorted.get(place).copied().unwrap_or(0.0)
    };
    IntensityBounds { low: at(0.005), high: at(0.995), source: IntensitySource::Percentiles }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_the_same_whatever_numbers_it_has() {
        let eight = Some((0.0, 255.0));
        assert_eq!(volume_bounds(&[0.0, 1.0, 0.0], eight, None), (0.0, 1.0));
        assert_eq!(volume_bounds(&[0.0, 255.0, 0.0], eight, None), (0.0, 255.0));
        // One level is no mask, three are an image.
        assert_eq!(volume_bounds(&[1.0, 1.0], eight, None), (0.0, 255.0));
        assert_eq!(volume_bounds(&[0.0, 1.0, 2.0], eight, None), (0.0, 255.0));
    }

    #[test]
    fn eight_bits_keep_their_scale_and_more_bits_use_the_window() {
        let values = [0.0, 100.0, 2000.0, 4000.0];
        let eight = intensity_bounds(&values, Some((0.0, 255.0)), Some((50.0, 10.0)));
        assert_eq!((eight.low, eight.high, eight.source), (0.0, 255.0, IntensitySource::StoredRange));
        let window = intensity_bounds(&values, Some((0.0, 4095.0)), Some((1000.0, 2000.0)));
        assert_eq!((window.low, window.high, window.source), (0.0, 2000.0, IntensitySource::Window));
    }

    #[test]
    fn a_window_that_shows_nothing_is_not_believed() {
        let values: Vec<f32> = (0..1000).map(|value| value as f32).collect();
        let bounds = intensity_bounds(&values, None, Some((-5000.0, 10.0)));
        assert_eq!(bounds.source, IntensitySource::Percentiles);
        assert_eq!((bounds.low, bounds.high), (5.0, 994.0));
    }
}
