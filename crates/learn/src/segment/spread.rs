use serde::Serialize;
use wilhelm_stats::{median, quantile};

/// How far a figure lies apart from image to image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Images that have a value.
    pub images: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, with images less one in the denominator; none of one image.
    pub deviation: Option<f64>,
    /// The middle one.
    pub median: f64,
    /// The first and the third quarter, between which half of them lie.
    pub quartiles: [f64; 2],
}

impl Spread {
    /// Of the values that there are; `None` without any.
    pub(super) fn of(values: impl Iterator<Item = Option<f64>>) -> Option<Self> {
        let own: Vec<f64> = values.flatten().collect();
        let count = own.len() as f64;
        let mean = own.iter().sum::<f64>() / count;
        let squares: f64 = own.iter().map(|value| (value - mean).powi(2)).sum();
        Some(Self {
            images: own.len(),
            mean,
            deviation: (own.len() > 1).then(|| (squares / (count - 1.0)).sqrt()),
            median: median(&own).ok()?,
            quartiles: [quantile(&own, 0.25).ok()?, quantile(&own, 0.75).ok()?],
        })
    }

    /// For a table.
    pub(super) fn words(self, digits: usize) -> String {
        let Self { mean, deviation, median, quartiles: [low, high], .. } = self;
        let deviation = deviation.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"));
        format!("{mean:.digits$} ± {deviation}; {median:.digits$} ({low:.digits$} to {high:.digits$})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_as_worked_on_paper() {
        // 1, 2, 3, 6: mean 3, squares 4 + 1 + 0 + 9 = 14, deviation sqrt(14 / 3); quartiles of type 7 at 0.75 and 2.25.
        let found = Spread::of([Some(6.0), None, Some(1.0), Some(3.0), Some(2.0)].into_iter()).expect("four");
        assert_eq!((found.images, found.mean, found.median), (4, 3.0, 2.5));
        assert!((found.deviation.expect("four") - (14.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(found.quartiles, [1.75, 3.75]);
        assert_eq!(found.words(2), "3.00 ± 2.16; 2.50 (1.75 to 3.75)");
        let one = Spread::of([Some(0.5)].into_iter()).expect("one");
        assert_eq!((one.deviation, one.quartiles), (None, [0.5, 0.5]));
        assert_eq!(Spread::of([None].into_iter()), None);
    }
}
