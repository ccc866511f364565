use std::slice::from_ref;

use wilhelm_stats::Resampling;

use super::*;
use crate::evaluation::Table;

/// 120 cases: half have the finding; "fever" stands in three quarters of those and a quarter of the others.
fn cases() -> SourceCases {
    let mut cases =
        SourceCases { ids: Vec::new(), texts: Vec::new(), positives: Vec::new(), image: None, doubtful: 0 };
    for case in 0..120 {
        let positive = case % 2 == 0;
        let fever = (case / 2 % 4 != 3) == positive;
        cases.ids.push(case.to_string());
        cases.texts.push(format!("50-year-old, {} for a week", if fever { "fever" } else { "back pain" }));
        cases.positives.push(positive);
    }
    cases
}

fn settings() -> SourceSettings {
    SourceSettings {
        finding: Some("pneumonia".to_owned()),
        resampling: Resampling { replicates: 200, level: 0.95, seed: 3 },
        ..SourceSettings::default()
    }
}

fn arm<'figures>(figures: &'figures SourceFigures, name: &str) -> &'figures Arm {
    figures.arms.iter().find(|arm| arm.name == name).expect(name)
}

#[test]
fn signs_and_words_of_the_text_are_measured_without_an_image() {
    let found = compare_sources("pneumonia", &cases(), &settings(), &mut |_, _, _| true).expect("figures");
    // Of two cases, one of each kind, the sign parts 3/4 * 3/4 rightly and half of the ties: 0.5625 + 0.1875 = 0.75.
    let auc = arm(&found, "signs").auc.value.expect("a value");
    assert!((auc - 0.75).abs() < 1e-9, "{auc}");
    assert!(arm(&found, "words").auc.value.is_some_and(|auc| auc > 0.7));
    assert_eq!(
        (found.reference.as_str(), found.image_is_simulated, found.with_signs),
        ("base rate", false, Some(60))
    );
    assert!(found.stacked_signs.is_none() && found.arms.len() == 3);
    // The words' brier score is below that of the base rate.
    assert!(
        arm(&found, "words").brier_difference.as_ref().and_then(|of| of.value).is_some_and(|of| of < 0.0)
    );
}

#[test]
fn a_simulated_image_is_called_one_and_has_the_area_that_was_asked_for() {
    let many = SourceCases {
        ids: (0..2000).map(|case| case.to_string()).collect(),
        texts: (0..2000).map(|case| format!("{} seen", ["fever", "cough"][case % 3 % 2])).collect(),
        positives: (0..2000).map(|case| case % 4 == 0).collect(),
        image: None,
        doubtful: 0,
    };
    let settings = SourceSettings { simulated_image: Some(0.85), finding: None, ..settings() };
    let found = compare_sources("x", &many, &settings, &mut |_, _, _| true).expect("figures");
    assert!(found.image_is_simulated && found.notes.iter().any(|note| note.contains("simulation")));
    let image = arm(&found, "image");
    // The standard error of the area of 500 and 1500 cases is about 0.01; so is that of the slope, times ten.
    assert!(image.auc.value.is_some_and(|auc| (auc - 0.85).abs() < 0.03), "{:?}", image.auc);
    assert!(image.slope.is_some_and(|slope| (slope.value - 1.0).abs() < 0.2), "{:?}", image.slope);
    let again = compare_sources("x", &many, &settings, &mut |_, _, _| true).expect("figures");
    assert_eq!(found, again);
    // Texts that say nothing get little weight, and the image its own.
    let stacked = arm(&found, "image + words, stacked");
    assert!((stacked.weights[1].1 - 1.0).abs() < 0.2, "{:?}", stacked.weights);
}

#[test]
fn an_image_of_the_table_is_joined_with_the_signs_and_both_gain() {
    let mut cases = cases();
    // Right in five of six cases, and independent of the fever given the truth.
    let image = |case: usize| if (case / 8 % 6 != 5) == case.is_multiple_of(2) { 0.8 } else { 0.2 };
    cases.image = Some((0..120).map(image).collect());
    let found = compare_sources("pneumonia", &cases, &settings(), &mut |_, _, _| true).expect("figures");
    let auc = |name: &str| arm(&found, name).auc.value.expect("a value");
    assert_eq!(found.reference, "image");
    assert!(auc("image + signs, pooled") > auc("image"));
    assert!(auc("image + words, stacked") > auc("image"));
    let [_, image, signs] = found.stacked_signs.expect("both are there");
    assert!(image > 0.0 && signs > 0.0);
}

#[test]
fn cases_and_settings_that_do_not_fit_are_refused_with_what_to_do() {
    let refused = |cases: &SourceCases, settings: &SourceSettings| {
        compare_sources("pneumonia", cases, settings, &mut |_, _, _| true).expect_err("refused").to_string()
    };
    let few = SourceCases { positives: vec![false; 120], ..cases() };
    assert!(refused(&few, &settings()).contains("0 of 120 have pneumonia"));
    let unknown = SourceSettings { finding: Some("glioma".to_owned()), ..settings() };
    assert!(refused(&cases(), &unknown).contains("no table of signs of glioma"));
    assert!(refused(&cases(), &SourceSettings { folds: 1, ..settings() }).contains("expected 2 to 20"));
    let certain = SourceSettings { simulated_image: Some(1.0), ..settings() };
    assert!(refused(&cases(), &certain).contains("below 1"));
    let stopped = compare_sources("x", &cases(), &settings(), &mut |_, _, _| false);
    assert!(matches!(stopped, Err(crate::LearnError::Cancelled)));
}

#[test]
fn tables_are_brought_together_by_case() {
    let table = |text: &str| Table::parse("t.csv", text.as_bytes()).expect("a table");
    let columns = SourceColumns {
        id: "id".to_owned(),
        text: "indication".to_owned(),
        label: "Pneumonia".to_owned(),
        inverted: false,
        image: Some("p".to_owned()),
    };
    let cases = table("id,indication,p\na,fever,0.9\nb,\"pain, left\",0.1\nc,none,0.5\n");
    let truth = table("id,Pneumonia\na,1\nb,\nc,-1\n");
    let found = SourceCases::read(from_ref(&cases), from_ref(&truth), &columns).expect("they fit");
    assert_eq!(
        (found.ids, found.positives, found.doubtful),
        (vec!["a".to_owned(), "b".to_owned()], vec![true, false], 1)
    );
    assert_eq!(found.image, Some(vec![0.9, 0.1]));
    let turned = SourceColumns { inverted: true, ..columns.clone() };
    let found = SourceCases::read(from_ref(&cases), from_ref(&truth), &turned).expect("they fit");
    assert_eq!(found.positives, [false, true]);
    let refused = |cases: &Table, truth: &Table| {
        SourceCases::read(from_ref(cases), from_ref(truth), &columns).expect_err("refused").to_string()
    };
    assert!(
        refused(&table("id,text\na,fever\n"), &truth).contains("no column indication; there are id, text")
    );
    assert!(refused(&cases, &table("id,Pneumonia\na,2\n")).contains("neither 1, 0, -1 nor nothing"));
    assert!(refused(&cases, &table("id,Pneumonia\na,1\n")).contains("case b has no truth"));
    assert!(refused(&table("id,indication,p\na,x,1.5\n"), &truth).contains("not from 0 to 1"));
    assert!(refused(&table("id,indication,p\na,x,0.5\na,y,0.5\n"), &truth).contains("stands there twice"));
}
