//! Conformal sets against MAPIE (LAC) and NumPy (adaptive).

use crate::shared::{GOLDEN, ROUNDING, check, indices, list, number, numbers, of};
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

/// The promise itself, over many draws of known and new cases: coverage is at least as promised, and with a
/// random share no more than one case in `cases + 1` above.
#[test]
fn coverage_keeps_its_promise() {
    let golden = &GOLDEN["conformal"];
    let table: Vec<f64> = numbers(&golden["known"]).into_iter().chain(numbers(&golden["test"])).collect();
    let labels: Vec<usize> =
        indices(&golden["labels"]).into_iter().chain(indices(&golden["test_labels"])).collect();
    let rows: Vec<&[f64]> = table.chunks(4).collect();
    for (method, at_most) in [
        (ConformalMethod::LeastAmbiguous, 0.82),
        (ConformalMethod::Adaptive, 0.82),
        (ConformalMethod::AdaptiveRandomized, 0.82),
    ] {
        let (mut covered, mut all) = (0, 0);
        for split in 0..400_usize {
            // A multiplier without a common divisor with 220 walks through all cases.
            let order: Vec<usize> =
                (0..220).map(|place| (place * (2 * (split % 110) + 1) * 3 + split * 7) % 220).collect();
            if split % 110 % 11 == 5 || (2 * (split % 110) + 1) % 5 == 0 || (2 * (split % 110) + 1) % 11 == 0
            {
                continue;
            }
            let pick = |places: &[usize]| -> (Vec<f64>, Vec<usize>) {
                let values = places.iter().flat_map(|&place| rows[place]).copied().collect();
                (values, places.iter().map(|&place| labels[place]).collect())
            };
            let ((known, known_labels), (new, new_labels)) = (pick(&order[..99]), pick(&order[99..]));
            let known = Rows::new(&known, 4).expect("full rows");
            let fit = of(ConformalFit::new(known, &known_labels, 0.2, method, split as u64));
            let sets = of(fit.sets(Rows::new(&new, 4).expect("full rows"), 1_000 + split as u64));
            covered += of(conformal_coverage(&sets, &new_labels, 0.95)).covered;
            all += new_labels.len() as u64;
        }
        let share = covered as f64 / all as f64;
        assert!((0.79..=at_most).contains(&share), "{method:?}: found {share}");
    }
}
