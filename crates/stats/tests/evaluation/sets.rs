//! Conformal sets against MAPIE (LAC) and NumPy (adaptive).

use crate::shared::{GOLDEN, ROUNDING, check, indices, list, number, numbers, of};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wilhelm_stats::{ConformalFit, ConformalMethod, Rows, conformal_coverage};

#[test]
fn sets_agree_with_mapie_and_numpy() {
    let golden = &GOLDEN["conformal"];
    let (known, test) = (numbers(&golden["known"]), numbers(&golden["test"]));
    let (known, test) = (Rows::new(&known, 4).expect("full rows"), Rows::new(&test, 4).expect("full rows"));
    let (labels, test_labels) = (indices(&golden["labels"]), indices(&golden["test_labels"]));
    for expected in list(&golden["fits"]) {
        let adaptive = expected["method"] == "aps";
        let method = if adaptive { ConformalMethod::Adaptive } else { ConformalMethod::LeastAmbiguous };
        let fit = of(ConformalFit::new(known, &labels, number(&expected["miscoverage"]), method, 0));
        check("threshold", fit.threshold.expect("enough cases"), &expected["threshold"], ROUNDING);
        let sets = of(fit.sets(test, 0));
        let wanted: Vec<Vec<usize>> = list(&expected["sets"]).iter().map(indices).collect();
        assert_eq!(sets, wanted, "{}", expected["method"]);
        let coverage = of(conformal_coverage(&sets, &test_labels, 0.95));
        check("coverage", coverage.coverage, &expected["coverage"], ROUNDING);
        check("size", coverage.mean_size, &expected["mean_size"], ROUNDING);
        assert!(coverage.low <= coverage.coverage && coverage.coverage <= coverage.high);
    }
}

/// The promise itself, over 300 ways to part the cases into known and new: coverage is as promised, and above
/// it by no more than one in a hundred (a threshold is one of 99 known cases) and chance.
#[test]
fn coverage_keeps_its_promise() {
    let golden = &GOLDEN["conformal"];
    let table: Vec<f64> = numbers(&golden["known"]).into_iter().chain(numbers(&golden["test"])).collect();
    let labels: Vec<usize> =
        indices(&golden["labels"]).into_iter().chain(indices(&golden["test_labels"])).collect();
    let rows: Vec<&[f64]> = table.chunks(4).collect();
    let mut generator = ChaCha8Rng::seed_from_u64(6);
    let mut order: Vec<usize> = (0..rows.len()).collect();
    for method in
        [ConformalMethod::LeastAmbiguous, ConformalMethod::Adaptive, ConformalMethod::AdaptiveRandomized]
    {
        let (mut covered, mut all) = (0, 0);
        for seed in 0..300 {
            for place in (1..order.len()).rev() {
                order.swap(place, generator.random_range(0..=place));
            }
            let pick = |cases: &[usize]| -> (Vec<f64>, Vec<usize>) {
                let values = cases.iter().flat_map(|&case| rows[case]).copied().collect();
                (values, cases.iter().map(|&case| labels[case]).collect())
            };
            let ((known, known_labels), (new, new_labels)) = (pick(&order[..99]), pick(&order[99..]));
            let fit = of(ConformalFit::new(of(Rows::new(&known, 4)), &known_labels, 0.2, method, seed));
            let sets = of(fit.sets(of(Rows::new(&new, 4)), 1_000 + seed));
            covered += of(conformal_coverage(&sets, &new_labels, 0.95)).covered;
            all += new_labels.len() as u64;
        }
        let share = covered as f64 / all as f64;
        // The standard error of the mean over 300 partitions is about 0.003.
        assert!((0.79..0.82).contains(&share), "{method:?}: found {share}");
    }
}
