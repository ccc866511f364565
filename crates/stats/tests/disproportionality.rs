//! Disproportionality against SciPy, statsmodels, pandas, vigipy, PhViD and openEBGM.

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::LazyLock;
use wilhelm_stats::disproportionality::{
    CellsCounted, GammaPoissonPrior, PairTable, RatePoint, ReportCounts, ReportRow, SignalRatio, SquashStep,
    fit_gamma_poisson, information_component, information_component_approximate,
    information_component_of_counts, likelihood_ratio_test, mantel_haenszel_odds_ratio, score_pairs, squash,
    squash_to, stratified_expected,
};
use wilhelm_stats::{Estimate, StatsError};

/// Sums in another order differ by rounding only.
const ROUNDING: f64 = 1e-12;
/// Logarithms of the gamma function of a million leave ten digits.
const GAMMA: f64 = 1e-9;

static GOLDEN: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("golden/disproportionality.json")).expect("the file is JSON")
});

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn numbers(value: &Value) -> Vec<f64> {
    list(value).iter().map(number).collect()
}

fn counts(value: &Value) -> Vec<u64> {
    list(value).iter().map(|value| value.as_u64().expect("a count")).collect()
}

fn of<T>(result: Result<T, StatsError>) -> T {
    result.expect("the table is sound")
}

fn table(value: &Value) -> ReportCounts {
    let counts = counts(value);
    ReportCounts { both: counts[0], drug_alone: counts[1], event_alone: counts[2], neither: counts[3] }
}

/// Relative at any size.
#[track_caller]
fn near(what: &str, found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance * expected.abs(),
        "{what}: found {found}, expected {expected}"
    );
}

#[track_caller]
fn estimate(what: &str, found: Estimate, expected: &[f64], tolerance: f64) {
    for (found, expected) in [found.value, found.low, found.high].into_iter().zip(expected) {
        near(what, found, *expected, tolerance);
    }
}

#[track_caller]
fn ratio(what: &str, found: SignalRatio, expected: &[f64], tolerance: f64) {
    let SignalRatio::Defined(found) = found else { panic!("{what}: {found:?}") };
    estimate(what, found, expected, tolerance);
}

#[test]
fn fourfold_tables_agree_with_statsmodels_and_scipy() {
    for golden in list(&GOLDEN["fourfold"]) {
        let table = table(&golden["counts"]);
        let what = format!("{table:?}");
        near(&what, table.expected(), number(&golden["expected"]), ROUNDING);
        ratio(&what, of(table.proportional_reporting_ratio(0.95)), &numbers(&golden["prr"]), 1e-11);
        ratio(&what, of(table.reporting_odds_ratio(0.95)), &numbers(&golden["ror"]), 1e-11);
        for (key, is_corrected) in [("chi_squared", false), ("yates", true)] {
            let found = table.chi_squared(is_corrected).expect("no margin is empty");
            let expected = numbers(&golden[key]);
            near(&what, found.statistic, expected[0], 1e-11);
            assert!((found.p - expected[1]).abs() <= 1e-10 * expected[1] + 1e-300, "{what}: {found:?}");
        }
        let fisher = number(&golden["fisher"]);
        assert!((table.fisher_above() - fisher).abs() <= 3e-8 * fisher + 1e-300, "{what}");
        let found = of(information_component(table.both, table.expected(), 0.95));
        estimate(&what, found, &numbers(&golden["information"]), GAMMA);
    }
}

#[test]
fn the_information_component_of_the_network_agrees_with_vigipy_and_phvid() {
    for (golden, low) in list(&GOLDEN["fourfold"]).iter().zip(numbers(&GOLDEN["bcpnn_low"])) {
        let found = of(information_component_of_counts(&table(&golden["counts"]), 0.95));
        estimate("moments", found, &numbers(&golden["moments"]), GAMMA);
        near("vigipy", found.low, low, GAMMA);
    }
    // The first three of PhViD's own data: cases of the pair, of the drug, of the event, and the lower end.
    for (both, drug, event, low) in [
        (267, 3781, 378, 6.698_849_918),
        (2507, 4247, 11_113, 5.877_916_928),
        (624, 4214, 2612, 5.802_592_646),
    ] {
        let table = ReportCounts {
            both,
            drug_alone: drug - both,
            event_alone: event - both,
            neither: 1_196_487 + both - drug - event,
        };
        near("PhViD", of(information_component_of_counts(&table, 0.95)).low, low, 1e-9);
    }
}

#[test]
fn the_closed_formula_of_the_information_component() {
    for (both, expected, values) in [
        (25, 2.25, [3.212_993_72, 2.543_964_62, 3.684_381_61]),
        (3, 0.53, [1.764_710_58, -0.304_655_03, 2.971_204_19]),
        (1, 10.0, [-2.807_354_92, -6.590_455_75, -1.119_928_65]),
    ] {
        estimate("closed", of(information_component_approximate(both, expected)), &values, 1e-8);
    }
}

#[test]
fn shrunken_ratios_agree_with_scipy() {
    for golden in list(&GOLDEN["posteriors"]) {
        let prior = prior(&numbers(&golden["prior"]));
        for point in list(&golden["points"]) {
            let (n, e) = (point["n"].as_u64().expect("a count"), number(&point["e"]));
            let found = of(prior.posterior(n, e, 0.9));
            for (key, found) in
                [("q", found.share), ("ebgm", found.ebgm), ("low", found.low), ("high", found.high)]
            {
                near(&format!("{key} of {n} for {e}"), found, number(&point[key]), 1e-8);
            }
        }
    }
}

fn prior(theta: &[f64]) -> GammaPoissonPrior {
    GammaPoissonPrior {
        alpha1: theta[0],
        beta1: theta[1],
        alpha2: theta[2],
        beta2: theta[3],
        share: theta[4],
    }
}

#[test]
fn the_fit_finds_the_maximum_that_scipy_finds() {
    for golden in list(&GOLDEN["fits"]) {
        let points: Vec<RatePoint> = counts(&golden["n"])
            .into_iter()
            .zip(numbers(&golden["e"]))
            .map(|(observed, expected)| RatePoint { observed, expected, pairs: 1.0 })
            .collect();
        let is_truncated = golden["truncated"].as_bool().expect("a truth");
        let cells = if is_truncated { CellsCounted::Reported } else { CellsCounted::All };
        let found = of(fit_gamma_poisson(&points, cells));
        assert!(found.converged && found.agreeing >= 2, "{found:?}");
        assert!(found.log_likelihood >= number(&golden["log_likelihood"]) - 1e-6, "SciPy found a better one");
        near("likelihood", found.log_likelihood, number(&golden["log_likelihood"]), 1e-9);
        let expected = prior(&numbers(&golden["theta"]));
        // The likelihood is flat: the search without slopes leaves four digits.
        for (found, expected) in [
            (found.prior.alpha1, expected.alpha1),
            (found.prior.beta1, expected.beta1),
            (found.prior.alpha2, expected.alpha2),
            (found.prior.beta2, expected.beta2),
            (found.prior.share, expected.share),
        ] {
            near("theta", found, expected, 1e-3);
        }
    }
}

#[test]
fn cases_are_counted_as_pandas_counts_them_with_and_without_strata() {
    let golden = &GOLDEN["counted"];
    let rows: Vec<ReportRow> = list(&golden["rows"])
        .iter()
        .map(|row| {
            let row = counts(row);
            ReportRow { case: row[0] as u32, drug: row[1] as u32, event: row[2] as u32 }
        })
        .collect();
    let table = of(PairTable::count(&rows));
    assert_eq!(Some(table.cases), golden["cases"].as_u64());
    let pairs: Vec<Vec<u64>> = table
        .pairs
        .iter()
        .map(|pair| vec![u64::from(pair.drug), u64::from(pair.event), pair.observed])
        .collect();
    assert_eq!(pairs, list(&golden["pairs"]).iter().map(counts).collect::<Vec<_>>());
    let strata: Vec<u32> = counts(&golden["strata"]).into_iter().map(|stratum| stratum as u32).collect();
    let stratified = of(stratified_expected(&rows, &strata, &table));
    for (found, key) in [(table.expected(), "expected"), (stratified, "stratified")] {
        for (found, expected) in found.into_iter().zip(numbers(&golden[key])) {
            near(key, found, expected, ROUNDING);
        }
    }
}

#[test]
fn the_common_odds_ratio_of_strata_agrees_with_statsmodels() {
    let golden = &GOLDEN["strata"];
    let tables: Vec<ReportCounts> = list(&golden["tables"]).iter().map(table).collect();
    ratio("strata", of(mantel_haenszel_odds_ratio(&tables, 0.95)), &numbers(&golden["odds"]), 1e-11);
}

#[test]
fn the_likelihood_ratio_agrees_with_scipy() {
    let golden = &GOLDEN["likelihood_ratio"];
    let (of_drug, of_all) = (counts(&golden["of_drug"]), counts(&golden["of_all"]));
    let found = of(likelihood_ratio_test(&of_drug, &of_all, 9999, 11));
    for (place, event) in found.events.iter().enumerate() {
        near("expected", event.expected, number(&golden["expected"][place]), ROUNDING);
        assert!((event.log_ratio - number(&golden["log_ratio"][place])).abs() < 1e-10);
        // Ten thousand draws here, two hundred thousand there: three standard errors of 0.005.
        assert!((event.p - number(&golden["p"][place])).abs() < 0.015, "{place}: {event:?}");
    }
    assert!(found.events[4].p < 1e-3);
}

/// FDA's CAERS as openEBGM packs it, if it is at hand: cases, drugs and events by their words, in the order of sight.
#[expect(clippy::disallowed_methods, reason = "a test may read the public data")]
fn caers() -> Option<(Vec<ReportRow>, [Vec<String>; 2])> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/faers_tables/caers.csv.gz");
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("compressed text");
    let mut numbers: [BTreeMap<String, u32>; 3] = Default::default();
    let mut rows = Vec::new();
    for line in text.lines().skip(1) {
        let fields = fields(line);
        let [case, drug, event] = std::array::from_fn(|column| {
            let next = numbers[column].len() as u32;
            *numbers[column].entry(fields[column].clone()).or_insert(next)
        });
        rows.push(ReportRow { case, drug, event });
    }
    let words = |numbers: &BTreeMap<String, u32>| {
        let mut words = vec![String::new(); numbers.len()];
        numbers.iter().for_each(|(word, place)| words[*place as usize].clone_from(word));
        words
    };
    Some((rows, [words(&numbers[1]), words(&numbers[2])]))
}

fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut is_quoted) = (vec![String::new()], false);
    for letter in line.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            _ => fields.last_mut().expect("there is always one").push(letter),
        }
    }
    fields
}

#[test]
fn the_signals_of_caers_are_those_of_open_ebgm() {
    let Some((rows, [drugs, events])) = caers() else { return };
    let table = of(PairTable::count(&rows));
    assert_eq!((rows.len(), table.cases, table.pairs.len()), (20_156, 3356, 17_189));
    let expected = table.expected();
    let points: Vec<RatePoint> = table
        .pairs
        .iter()
        .zip(&expected)
        .map(|(pair, &expected)| RatePoint { observed: pair.observed, expected, pairs: 1.0 })
        .collect();
    assert_eq!(squash(&points, &SquashStep::OPEN_EBGM[..1]).len(), 1568);
    let squashed = squash(&points, &SquashStep::OPEN_EBGM);
    assert_eq!(squashed.len(), 974);
    let fit = of(fit_gamma_poisson(&squashed, CellsCounted::Reported));
    assert!(fit.converged && fit.agreeing >= 3, "{fit:?}");
    for (found, expected) in [
        (fit.prior.alpha1, 3.253_786_43),
        (fit.prior.beta1, 0.399_888_37),
        (fit.prior.alpha2, 2.026_130_54),
        (fit.prior.beta2, 1.908_082_60),
        (fit.prior.share, 0.065_345_70),
    ] {
        // nlminb stops where its own step is small: it leaves five digits.
        near("theta", found, expected, 1e-4);
    }
    let scores = of(score_pairs(&table, &expected, Some(&fit.prior), 0.95, 2));
    let shrunken = |place: usize| scores[place].shrunken.expect("there is a prior");
    assert_eq!((0..scores.len()).filter(|&place| shrunken(place).low > 2.0).count(), 131);
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|one, other| shrunken(*other).low.total_cmp(&shrunken(*one).low));
    let top = [
        ("REUMOFAN PLUS", "WEIGHT INCREASED", 16, 0.406_436_23, [15.68, 23.26, 33.48]),
        (
            "HYDROXYCUT REGULAR RAPID RELEASE CAPLETS",
            "EMOTIONAL DISTRESS",
            19,
            0.896_901_07,
            [11.65, 16.78, 23.55],
        ),
        ("REUMOFAN PLUS", "IMMOBILE", 6, 0.078_665_08, [10.16, 18.28, 30.83]),
        (
            "HYDROXYCUT HARDCORE CAPSULES",
            "CARDIO-RESPIRATORY DISTRESS",
            8,
            0.304_827_18,
            [9.00, 15.25, 24.52],
        ),
        ("HYDROXYCUT REGULAR RAPID RELEASE CAPLETS", "INJURY", 11, 0.563_170_44, [8.98, 14.28, 21.78]),
    ];
    for (place, (drug, event, observed, expected_count, values)) in order.into_iter().zip(top) {
        let pair = &table.pairs[place];
        assert_eq!((drugs[pair.drug as usize].as_str(), events[pair.event as usize].as_str()), (drug, event));
        assert_eq!(pair.observed, observed);
        near("expected", expected[place], expected_count, 1e-7);
        let found = shrunken(place);
        for (found, expected) in [found.low, found.ebgm, found.high].into_iter().zip(values) {
            // openEBGM prints two digits, and halves its intervals until they are as small.
            assert!((found - expected).abs() < 0.01, "{drug}, {event}: found {found}, expected {expected}");
        }
    }
    // A drug that was never reported without the event has no ratio, however many programs say that it is infinite.
    let immobile = events.iter().position(|event| event == "IMMOBILE").expect("it was reported") as u32;
    let place = table.pairs.iter().position(|pair| pair.event == immobile && pair.observed == 6);
    assert!(matches!(
        scores[place.expect("it was reported")].prr,
        SignalRatio::Undefined { value: None, .. }
    ));
    // Coarser bins move the fit in its third digit, as any squashing does.
    let coarse = of(fit_gamma_poisson(&squash_to(&points, 100, 50), CellsCounted::Reported));
    near("coarse", coarse.prior.posterior(16, 0.406_436_23, 0.9).expect("sound").ebgm, 23.26, 0.01);
}
