use serde::{Deserialize, Serialize};

/// The counts of a segmentation against a reference: voxels, pixels or lesions.
///
/// True negatives are left out on purpose: they grow with the empty background.
///
/// ```
/// let counts = wilhelm_stats::OverlapCounts { true_positives: 6, false_positives: 2, false_negatives: 4 };
/// assert_eq!((counts.dice(), counts.jaccard()), (Some(12.0 / 18.0), Some(0.5)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverlapCounts {
    /// In both.
    pub true_positives: u64,
    /// In the segmentation alone.
    pub false_positives: u64,
    /// In the reference alone.
    pub false_negatives: u64,
}

impl OverlapCounts {
    /// Counts from the sizes of both and of what they share; `None` if they share more than one has.
    pub fn of_sizes(segmentation: u64, reference: u64, shared: u64) -> Option<Self> {
        Some(Self {
            true_positives: shared,
            false_positives: segmentation.checked_sub(shared)?,
            false_negatives: reference.checked_sub(shared)?,
        })
    }

    /// Sorensen-Dice overlap: twice what is shared over both sizes.
    ///
    /// `None` if both are empty: count such cases apart. One empty gives 0.
    ///
    /// # Source
    /// Dice 1945, doi:10.2307/1932409
    pub fn dice(&self) -> Option<f64> {
        let [shared, extra, missed] = self.numbers();
        share(2.0 * shared, 2.0 * shared + extra + missed)
    }

    /// Intersection over union; `None` if both are empty.
    ///
    /// # Source
    /// Jaccard 1912, doi:10.1111/j.1469-8137.1912.tb05611.x
    pub fn jaccard(&self) -> Option<f64> {
        let [shared, extra, missed] = self.numbers();
        share(shared, shared + extra + missed)
    }

    /// 1 minus the difference of both sizes over their sum; `None` if both are empty.
    ///
    /// It does not look where the voxels lie: two bodies of one size apart from each other have 1.
    ///
    /// # Source
    /// Taha and Hanbury 2015, doi:10.1186/s12880-015-0068-x
    pub fn volume_similarity(&self) -> Option<f64> {
        let [shared, extra, missed] = self.numbers();
        share((missed - extra).abs(), 2.0 * shared + extra + missed).map(|apart| 1.0 - apart)
    }

    /// How much larger the segmentation is than the reference, over the reference; `None` if that is empty.
    ///
    /// # Units
    /// None: 0 is the same size, 0.1 a tenth too large, -1 nothing at all.
    pub fn relative_volume_difference(&self) -> Option<f64> {
        let [shared, extra, missed] = self.numbers();
        share(extra - missed, shared + missed)
    }

    /// What is found of the reference; `None` if that is empty.
    pub fn sensitivity(&self) -> Option<f64> {
        let [shared, _, missed] = self.numbers();
        share(shared, shared + missed)
    }

    /// What is right of the segmentation; `None` if that is empty.
    pub fn precision(&self) -> Option<f64> {
        let [shared, extra, _] = self.numbers();
        share(shared, shared + extra)
    }

    fn numbers(&self) -> [f64; 3] {
        [self.true_positives, self.false_positives, self.false_negatives].map(|count| count as f64)
    }
}

fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_by_hand() {
        // Sizes 8 and 10, 6 shared.
        let counts = OverlapCounts::of_sizes(8, 10, 6).expect("possible sizes");
        assert_eq!((counts.false_positives, counts.false_negatives), (2, 4));
        assert_eq!(counts.dice(), Some(12.0 / 18.0));
        assert_eq!(counts.jaccard(), Some(0.5));
        assert_eq!(counts.volume_similarity(), Some(1.0 - 2.0 / 18.0));
        assert_eq!(counts.relative_volume_difference(), Some(-0.2));
        assert_eq!((counts.sensitivity(), counts.precision()), (Some(0.6), Some(0.75)));
        assert_eq!(OverlapCounts::of_sizes(8, 10, 9), None);
    }

    #[test]
    fn what_is_empty_on_both_sides_has_no_overlap_and_on_one_side_none_of_it() {
        let empty = OverlapCounts { true_positives: 0, false_positives: 0, false_negatives: 0 };
        assert_eq!((empty.dice(), empty.jaccard(), empty.volume_similarity()), (None, None, None));
        let missed = OverlapCounts { false_negatives: 5, ..empty };
        assert_eq!((missed.dice(), missed.jaccard(), missed.precision()), (Some(0.0), Some(0.0), None));
        assert_eq!(missed.relative_volume_difference(), Some(-1.0));
        // Counts near the end of their type do not wrap.
        let many = OverlapCounts { true_positives: u64::MAX, false_positives: u64::MAX, false_negatives: 0 };
        assert!(many.dice().is_some_and(|dice| (dice - 2.0 / 3.0).abs() < 1e-12));
    }
}
