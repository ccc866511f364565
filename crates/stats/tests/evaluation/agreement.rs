//! Kappas against statsmodels and irrCAC, intraclass correlations against pingouin, limits against SciPy.

use crate::shared::{
    GOLDEN, ROUNDING, check, check_all, check_estimate, check_relative, count, indices, number, numbers, of,
};
use wilhelm_stats::{
    ConfusionMatrix, IccModel, IccUnit, KappaWeights, Rows, cohen_kappa, fleiss_kappa,
    intraclass_correlation, limits_of_agreement,
};

#[test]
fn cohens_kappa_agrees_with_statsmodels() {
    let golden = &GOLDEN["agreement"];
    let table = of(ConfusionMatrix::new(4, &indices(&golden["first"]), &indices(&golden["second"])));
    for (weights, key) in [
        (KappaWeights::None, "none"),
        (KappaWeights::Linear, "linear"),
        (KappaWeights::Quadratic, "quadratic"),
    ] {
        let found = of(cohen_kappa(&table, weights, 0.95));
        let figures = [found.kappa, found.standard_error, found.low, found.high];
        check_all(key, &figures, &golden["cohen"][key], ROUNDING);
    }
}

#[test]
fn fleiss_kappa_agrees_with_statsmodels_and_irrcac() {
    let golden = &GOLDEN["agreement"];
    let found = of(fleiss_kappa(3, 5, &indices(&golden["ratings"]), 0.95));
    check("kappa", found.kappa, &golden["fleiss_kappa"], ROUNDING);
    // irrCAC rounds to five digits.
    check_all(
        "irrCAC",
        &[found.kappa, found.standard_error, found.low, found.high],
        &golden["fleiss"],
        5.1e-6,
    );
}

#[test]
fn intraclass_correlations_agree_with_pingouin() {
    let golden = &GOLDEN["agreement"];
    let sizes = numbers(&golden["sizes"]);
    let ratings = Rows::new(&sizes, 4).expect("full rows");
    for (model, first) in
        [(IccModel::OneWay, "1"), (IccModel::TwoWayRandom, "2"), (IccModel::TwoWayMixed, "3")]
    {
        for (unit, second) in [(IccUnit::Single, "1"), (IccUnit::Average, "k")] {
            let key = format!("{first}{second}");
            let expected = &golden["icc"][&key];
            let found = of(intraclass_correlation(ratings, model, unit, 0.95));
            // pingouin takes its sums of squares from a regression.
            check(&key, found.icc, &expected["icc"], 1e-11);
            check(&key, found.f.expect("raters err"), &expected["f"], 1e-10);
            check_relative(&key, found.p, &expected["p"], 1e-9);
            check_all(&key, &[found.low, found.high], &expected["interval"], 1e-10);
            let freedom = [found.subject_freedom as u64, found.error_freedom as u64];
            assert_eq!(freedom, [count(&expected["df"][0]), count(&expected["df"][1])]);
        }
    }
}

#[test]
fn limits_of_agreement_agree_with_scipy() {
    let golden = &GOLDEN["agreement"];
    let sizes = numbers(&golden["sizes"]);
    let column = |rater: usize| -> Vec<f64> { sizes.iter().skip(rater).step_by(4).copied().collect() };
    let found = of(limits_of_agreement(&column(0), &column(1), 0.95, 0.95));
    check_estimate("bias", found.bias, &golden["bias"], ROUNDING);
    check_estimate("lower", found.lower, &golden["lower"], ROUNDING);
    check_estimate("upper", found.upper, &golden["upper"], ROUNDING);
    assert!((found.bias.value - number(&golden["bias"][0])).abs() < ROUNDING && found.pairs == 15);
}
