use super::*;
use crate::graph::{Graph, built_in_sources};

fn row(finding: &str, disease: &str, sensitivity: f64, false_positive_rate: f64) -> Frequency {
    let (finding, disease) = (finding.to_owned(), disease.to_owned());
    Frequency { finding, disease, sensitivity, false_positive_rate, source: "paper".to_owned() }
}

fn priors(of: &[(&str, f64)]) -> BTreeMap<String, f64> {
    of.iter().map(|(disease, prior)| ((*disease).to_owned(), *prior)).collect()
}

fn names(of: &[&str]) -> Vec<String> {
    of.iter().map(ToString::to_string).collect()
}

/// Odds 1:4; a ratio of 8 for what is there and of 0.5 for what is not: odds 1:1.
#[test]
fn the_probability_is_that_of_the_odds_on_paper() {
    let table = vec![row("a", "x", 0.8, 0.1), row("b", "x", 0.6, 0.2)];
    let differential = Differential::new(priors(&[("x", 0.2)]), table).expect("a table");
    let found = differential.rank(&names(&["a"]), &names(&["b"])).expect("ranked");
    let of_x = found.iter().find(|one| one.disease.is_some()).expect("x is ranked");
    assert!((of_x.probability - 0.5).abs() < 1e-12);
    assert!((of_x.for_it[0].likelihood_ratio - 8.0).abs() < 1e-12);
    assert!((of_x.against_it[0].likelihood_ratio - 0.5).abs() < 1e-12);
}

/// Weights 0.5 times 4, 0.25 as it was for want of a figure, 0.25 for the rest: 0.8, 0.1, 0.1.
#[test]
fn a_disease_without_a_figure_keeps_its_odds_and_says_so() {
    let table = vec![row("a", "x", 0.8, 0.2), row("c", "y", 0.5, 0.1)];
    let differential = Differential::new(priors(&[("x", 0.5), ("y", 0.25)]), table).expect("a table");
    let found = differential.rank(&names(&["a"]), &[]).expect("ranked");
    let shown: Vec<(Option<&str>, f64)> =
        found.iter().map(|one| (one.disease.as_deref(), (one.probability * 1e9).round() / 1e9)).collect();
    assert_eq!(shown, [(Some("x"), 0.8), (Some("y"), 0.1), (None, 0.1)]);
    assert_eq!(found[1].unknown, ["a"]);
}

/// x or not at even odds. A finding of 0.5 and 0.5 tells nothing; one of 0.75 and 0.25 leaves an entropy of
/// H(0.75) = 0.75 log2(4/3) + 0.25 log2(4) = 0.811278 whichever way it comes out, so it is worth 0.188722 bits.
#[test]
fn the_next_test_is_the_one_that_is_expected_to_tell_most() {
    let table = vec![row("dull", "x", 0.5, 0.5), row("sharp", "x", 0.75, 0.25)];
    let differential = Differential::new(priors(&[("x", 0.5)]), table).expect("a table");
    let tests = differential.next_tests(&[], &[]).expect("tests");
    assert_eq!(tests[0].finding, "sharp");
    assert!((tests[0].probability - 0.5).abs() < 1e-12);
    assert!((tests[0].expected_gain_bits - 0.188_721_875_540_867).abs() < 1e-12, "{tests:?}");
    assert!(tests[1].expected_gain_bits.abs() < 1e-12);
    assert_eq!(differential.next_tests(&names(&["sharp"]), &[]).expect("tests").len(), 1);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let check = |error: DifferentialError, sentence: &str| assert_eq!(error.to_string(), sentence);
    let table = || vec![row("a", "x", 0.8, 0.2)];
    check(
        Differential::new(priors(&[("x", 0.7), ("y", 0.5)]), table()).expect_err("refused"),
        "the priors sum to 1.2, expected more than 0 each and 1 at most together",
    );
    check(
        Differential::new(priors(&[("x", 0.5)]), vec![row("a", "x", 1.0, 0.2)]).expect_err("refused"),
        "a with x: the sensitivity is 1, expected more than 0 and less than 1",
    );
    let differential = Differential::new(priors(&[("x", 0.5)]), table()).expect("a table");
    check(
        differential.rank(&names(&["a"]), &names(&["a"])).expect_err("refused"),
        "a is said to be there and not to be there",
    );
}

/// Wang et al. 2005 print the ratios themselves: 12 for venous congestion (13.5 from its rounded shares), 0.33 for no
/// cardiomegaly, 11 for a third heart sound (13 from its rounded shares), 0.51 for no rales.
#[test]
fn the_figures_that_come_with_the_program_are_those_of_their_paper() {
    let graph = Graph::empty().expect("a graph");
    for (source, statements) in built_in_sources().expect("they are read") {
        graph.put(&source, &statements).expect("put");
    }
    let table = Frequency::of_graph(&graph).expect("a table");
    assert_eq!(table.len(), 14);
    let of = |finding: &str| {
        let id = format!("wilhelm:finding/{finding}");
        table.iter().find(|row| row.finding == id).unwrap_or_else(|| panic!("{finding}"))
    };
    for (finding, present, printed, within) in [
        ("venous-congestion", true, 12.0, 2.0),
        ("third-heart-sound", true, 11.0, 2.5),
        ("cardiomegaly", false, 0.33, 0.01),
        ("rales", false, 0.51, 0.01),
        ("history-of-heart-failure", true, 5.8, 0.3),
        ("history-of-heart-failure", false, 0.45, 0.01),
        ("paroxysmal-nocturnal-dyspnea", true, 2.6, 0.1),
        ("dyspnea-on-exertion", false, 0.48, 0.02),
        ("atrial-fibrillation", true, 3.8, 0.1),
    ] {
        let found = ratio(of(finding), present);
        assert!((found - printed).abs() <= within, "{finding}: {found}, printed {printed}");
    }
}
