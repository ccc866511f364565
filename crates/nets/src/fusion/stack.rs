use serde::{Deserialize, Serialize};

/// A linear classifier over the logits of several networks: late fusion's last step.
///
/// It adds up what the networks say, so what shows only in two inputs together is beyond it.
///
/// # Source
/// Wolpert 1992, doi:10.1016/S0893-6080(05)80023-1
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stack {
    /// A row a label, each with a number for every logit of every network.
    pub weights: Vec<f64>,
    /// One a label.
    pub intercepts: Vec<f64>,
}

impl Stack {
    /// What the networks' logits become before they are weighted: each network's less their mean, since a number added to
    /// all of a network's logits says nothing.
    ///
    /// # Shapes
    /// One network's logits after another's, `labels` each, in and out.
    pub fn centered(outputs: &[f64], labels: usize) -> Vec<f64> {
        let center = |logits: &[f64]| {
            let mean = logits.iter().sum::<f64>() / labels as f64;
            logits.iter().map(|logit| logit - mean).collect::<Vec<f64>>()
        };
        outputs.chunks_exact(labels).flat_map(center).collect()
    }

    /// A logit for each label.
    ///
    /// # Panics
    /// If the outputs are not as many as those it was fitted to.
    pub fn logits(&self, outputs: &[f64]) -> Vec<f64> {
        let labels = self.intercepts.len();
        assert_eq!(outputs.len() * labels, self.weights.len(), "outputs of the networks");
        let centered = Self::centered(outputs, labels);
        let rows = self.weights.chunks_exact(centered.len()).zip(&self.intercepts);
        rows.map(|(row, intercept)| {
            intercept + row.iter().zip(&centered).map(|(weight, logit)| weight * logit).sum::<f64>()
        })
        .collect()
    }

    /// What is wrong with its numbers for so many networks, if anything.
    pub(super) fn fault(&self, networks: usize, labels: usize) -> Option<String> {
        let (weights, intercepts) = (self.weights.len(), self.intercepts.len());
        if intercepts != labels || weights != labels * labels * networks {
            return Some(format!(
                "a stack has {weights} weights and {intercepts} intercepts, expected {} and {labels}",
                labels * labels * networks
            ));
        }
        let finite = self.weights.iter().chain(&self.intercepts).all(|value| value.is_finite());
        (!finite).then(|| "a stack is not finite".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weighted_sums_worked_on_paper() {
        // Networks say (3, 1) and (0, 4): centered (1, -1) and (-2, 2).
        let stack =
            Stack { weights: vec![0.0, 0.0, 0.0, 0.0, 0.5, -0.5, 0.25, 1.0], intercepts: vec![0.0, -0.5] };
        assert_eq!(stack.fault(2, 2), None);
        assert_eq!(Stack::centered(&[3.0, 1.0, 0.0, 4.0], 2), [1.0, -1.0, -2.0, 2.0]);
        // 0.5 + 0.5 - 0.5 + 2 - 0.5.
        assert_eq!(stack.logits(&[3.0, 1.0, 0.0, 4.0]), [0.0, 2.0]);
        // A number added to all of a network's logits changes nothing.
        assert_eq!(stack.logits(&[10.0, 8.0, 0.0, 4.0]), [0.0, 2.0]);
        assert!(stack.fault(3, 2).is_some_and(|what| what.contains("expected 12 and 2")));
        assert!(Stack { intercepts: vec![f64::NAN, 0.0], ..stack }.fault(2, 2).is_some());
    }
}
