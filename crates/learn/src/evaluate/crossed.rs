//! Probabilities of images whose own labels took no part in their calibration.

use wilhelm_nets::Calibration;

use super::calibrate;
use crate::folds_by_group;

/// Parts that are calibrated one after the other, each on the others.
pub(crate) const PARTS: usize = 10;

/// Which part each validation image is in; copies of an image and images of one patient are in one.
///
/// # Shapes
/// The part of each image, from 1 to [`PARTS`].
pub(crate) fn parts(groups: &[usize], labels: &[usize], seed: u64) -> Vec<usize> {
    folds_by_group(groups, labels, PARTS, seed)
}

/// Calibrates the images of each part on those of all others: what the model would say of images like these, had it been
/// calibrated without them. Where the others determine no calibration (a label in one part alone, or no signal), the
/// part's outputs stand as they are, by softmax.
///
/// # Shapes
/// A row of logits an image, a number a label; as many rows of probabilities.
///
/// # Source
/// Platt 1999, "Probabilistic outputs for support vector machines", section 2.2: a calibration is fitted by cross-validation
pub(crate) fn crossed(logits: &[Vec<f64>], labels: &[usize], parts: &[usize]) -> Vec<Vec<f64>> {
    let mut probabilities = vec![Vec::new(); logits.len()];
    for part in 1..=PARTS {
        let (own, others): (Vec<usize>, Vec<usize>) = (0..logits.len()).partition(|row| parts[*row] == part);
        if own.is_empty() {
            continue;
        }
        let rows: Vec<Vec<f64>> = others.iter().map(|row| logits[*row].clone()).collect();
        let truth: Vec<usize> = others.iter().map(|row| labels[*row]).collect();
        let classes = logits[own[0]].len();
        // Of a label that the others lack a fit makes an impossibility.
        let is_whole = (0..classes).all(|label| truth.contains(&label));
        let fitted = is_whole.then(|| calibrate(&rows, &truth).ok()).flatten();
        let calibration = fitted.unwrap_or_else(|| plain(classes));
        for row in own {
            probabilities[row] = calibration.probabilities(&logits[row]);
        }
    }
    probabilities
}

/// What changes nothing but that a softmax is taken.
fn plain(classes: usize) -> Calibration {
    Calibration { temperature: 1.0, bias: vec![0.0; classes], covariance: Vec::new(), groups: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logits that say something of the labels, with an offset that a bias takes away.
    fn images() -> (Vec<Vec<f64>>, Vec<usize>) {
        let labels: Vec<usize> = (0..60).map(|place| place % 3).collect();
        let row = |(place, label): (usize, &usize)| {
            (0..3)
                .map(|of| {
                    let said = if (place * 7 % 5 == 0) != (of == *label) { 1.0 } else { 0.0 };
                    said + f64::from(u8::from(of == 2)) + (place % 11) as f64 / 20.0 * f64::from(of as u8)
                })
                .collect()
        };
        (labels.iter().enumerate().map(row).collect(), labels)
    }

    #[test]
    fn each_part_has_the_calibration_of_the_others() {
        let (logits, labels) = images();
        let groups: Vec<usize> = (0..60).map(|place| place / 2).collect();
        let parts = parts(&groups, &labels, 3);
        assert!(
            groups.iter().zip(&parts).all(|(group, part)| parts[2 * group] == *part),
            "groups stay whole"
        );
        let found = crossed(&logits, &labels, &parts);
        for part in [1, PARTS] {
            let others: Vec<usize> = (0..60).filter(|row| parts[*row] != part).collect();
            let rows: Vec<Vec<f64>> = others.iter().map(|row| logits[*row].clone()).collect();
            let truth: Vec<usize> = others.iter().map(|row| labels[*row]).collect();
            let calibration = calibrate(&rows, &truth).expect("a calibration");
            for row in (0..60).filter(|row| parts[*row] == part) {
                assert_eq!(found[row], calibration.probabilities(&logits[row]));
            }
        }
    }

    #[test]
    fn an_image_s_own_label_changes_nothing_of_its_own() {
        let (logits, mut labels) = images();
        let parts: Vec<usize> = (0..60).map(|place| place % PARTS + 1).collect();
        let before = crossed(&logits, &labels, &parts);
        labels[7] = (labels[7] + 1) % 3;
        let after = crossed(&logits, &labels, &parts);
        assert_eq!(before[7], after[7]);
        assert_ne!(before[8], after[8]);
    }

    #[test]
    fn what_cannot_be_calibrated_stands_as_it_is() {
        // The only image of the third label is in the second part.
        let logits = vec![vec![2.0, 0.0, 0.0], vec![0.0, 2.0, 0.0], vec![0.0, 0.0, 2.0], vec![1.0, 0.0, 0.0]];
        let found = crossed(&logits, &[0, 1, 2, 0], &[1, 1, 2, 1]);
        let softmax = |at: usize| {
            let sum: f64 = logits[at].iter().map(|logit| logit.exp()).sum();
            logits[at].iter().map(|logit| logit.exp() / sum).collect::<Vec<f64>>()
        };
        for (at, row) in found.iter().enumerate() {
            assert!(row.iter().zip(softmax(at)).all(|(own, by_hand)| (own - by_hand).abs() < 1e-12), "{at}");
        }
    }
}
