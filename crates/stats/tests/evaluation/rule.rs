//! Cases that a rule makes, so that any program can make them again: figures of scikit-learn 1.9.1, and LAC
//! sets computed in NumPy.

use crate::shared::of;
use wilhelm_stats::{
    ConformalFit, ConformalMethod, ConfusionMatrix, KappaWeights, Rows, average_precision, cohen_kappa,
    conformal_coverage, decision_curve, roc_auc, two_class_rows,
};

/// 500 probabilities and outcomes: numbers of the linear congruential generator of C's old standard, outcomes
/// where another number lies below the probability to the power of 1.5.
fn cases() -> (Vec<f64>, Vec<bool>) {
    let mut state: u64 = 12_345;
    let mut next = || {
        state = (1_103_515_245 * state + 12_345) % (1 << 31);
        state as f64 / (1_u64 << 31) as f64
    };
    let probabilities: Vec<f64> = (0..500).map(|_| next()).collect();
    let positives = probabilities.iter().map(|probability| next() < probability.powf(1.5)).collect();
    (probabilities, positives)
}

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "found {found}, expected {expected}");
}

#[test]
fn figures_of_cases_made_by_a_rule_agree_with_scikit_learn() {
    let (probabilities, positives) = cases();
    assert_eq!(positives.iter().filter(|&&positive| positive).count(), 196);
    near(of(roc_auc(&probabilities, &positives)), 0.882_871_240_601_503_8);
    near(of(average_precision(&probabilities, &positives)), 0.819_805_814_071_284_8);
    let actual: Vec<usize> = positives.iter().map(|&positive| usize::from(positive)).collect();
    let called: Vec<usize> = probabilities.iter().map(|&p| usize::from(p >= 0.5)).collect();
    let matrix = of(ConfusionMatrix::new(2, &actual, &called));
    near(matrix.matthews_correlation().expect("it varies"), 0.593_142_738_245_090_6);
    near(of(cohen_kappa(&matrix, KappaWeights::None, 0.95)).kappa, 0.579_636_806_200_557_2);
    near(matrix.balanced_accuracy(), 0.803_739_258_861_439_4);
    let curve = of(decision_curve(&probabilities, &positives, &[0.1, 0.2, 0.5]));
    let expected = [(0.336_888_888_888_888_9, 0.324_444_444_444_444_4), (0.289, 0.24), (0.182, -0.216)];
    for (point, (model, all)) in curve.iter().zip(expected) {
        near(point.model, model);
        near(point.all, all);
    }
}

#[test]
fn sets_of_cases_made_by_a_rule_agree_with_numpy() {
    let (probabilities, positives) = cases();
    let labels: Vec<usize> = positives.iter().map(|&positive| usize::from(positive)).collect();
    let table = of(two_class_rows(&probabilities));
    let (known, new) = table.split_at(500);
    let method = ConformalMethod::LeastAmbiguous;
    let fit = of(ConformalFit::new(of(Rows::new(known, 2)), &labels[..250], 0.1, method, 0));
    near(fit.threshold.expect("enough cases"), 0.679_232_386_872_172_4);
    let found = of(conformal_coverage(&of(fit.sets(of(Rows::new(new, 2)), 0)), &labels[250..], 0.95));
    near(found.coverage, 0.908);
    near(found.mean_size, 1.324);
}
