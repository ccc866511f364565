use super::*;

fn input(request: &str) -> FusionInput<'_> {
    FusionInput {
        finding: "pneumonia",
        image: 0.6,
        model: "chest-pneumonia",
        calibrated_at: Some(0.75),
        request,
        age_years: Some(3.0),
    }
}

fn pooled() -> FusionSettings {
    FusionSettings { mode: FusionMode::Pool, ..FusionSettings::default() }
}

fn odds(probability: f64) -> f64 {
    probability / (1.0 - probability)
}

/// Whatever is put together, what is said to be added is all that was added.
fn check(input: FusionInput<'_>, settings: &FusionSettings, expected_odds: f64) -> Fused {
    let fused = fuse(input, settings).expect("it fits");
    assert!(
        (odds(fused.after) / expected_odds - 1.0).abs() < 1e-9,
        "{fused:?}, expected odds {expected_odds}"
    );
    let sum: f64 = fused.contributions.iter().map(|of| of.log_odds).sum();
    assert!((sum - odds(fused.after).ln()).abs() < 1e-9);
    assert_eq!(fused.before, input.image);
    fused
}

#[test]
fn without_a_base_rate_of_the_place_and_without_a_request_the_image_s_word_stands() {
    let fused = check(input(""), &pooled(), odds(0.6));
    assert_eq!(fused.silent, ["there is no request"]);
    // The base rate of the calibration, and what the image takes away from it: odds of 3, divided by 2.
    assert!((fused.contributions[0].log_odds - 3.0_f64.ln()).abs() < 1e-12);
    assert!((fused.contributions[1].log_odds + 2.0_f64.ln()).abs() < 1e-12);
}

#[test]
fn signs_multiply_the_odds_by_the_root_of_their_ratios() {
    // Half the weight is the square root: fever 1.75, breathing 2.1.
    let fused = check(input("cough, fever\nnasal flaring"), &pooled(), odds(0.6) * (1.75_f64 * 2.1).sqrt());
    let text: Vec<_> = fused.contributions.iter().filter(|of| of.by == Contributor::Text).collect();
    assert_eq!(text.iter().map(|of| of.line).collect::<Vec<_>>(), [Some(2), Some(1)]);
    assert!(text.iter().all(|of| of.citation.as_deref().is_some_and(|cited| cited.contains("10.1001"))));
    // Full weight.
    let whole = FusionSettings { text_weight: 1.0, ..pooled() };
    check(input("no tachypnea"), &whole, odds(0.6) * 0.41);
}

#[test]
fn a_base_rate_of_the_place_takes_the_place_of_the_calibration_s() {
    let place = FusionSettings { base_rates: [("pneumonia".to_owned(), 0.2)].into(), ..pooled() };
    // Odds of 0.6 over odds of 0.75, times odds of 0.2.
    check(input(""), &place, 1.5 / 3.0 * 0.25);
    // A card without a share cannot be moved by one.
    let unknown = FusionInput { calibrated_at: None, ..input("") };
    check(unknown, &place, odds(0.6));
}

#[test]
fn a_rule_holds_the_request_back_and_says_by_how_much() {
    let little = FusionSettings { most_text_log_odds: 0.3, ..pooled() };
    let fused = check(input("fever, grunting, SpO2 90"), &little, odds(0.6) * 0.3_f64.exp());
    let last = fused.contributions.last().expect("some");
    assert_eq!(last.by, Contributor::Rule);
    assert!((last.log_odds - (0.3 - (1.75_f64 * 2.1 * 2.8).ln() / 2.0)).abs() < 1e-12);
}

#[test]
fn what_is_doubted_past_or_asked_is_shown_and_moves_nothing() {
    for request in ["possible fever", "history of fever", "mother had fever", "fever. afebrile today"] {
        let fused = check(input(request), &pooled(), odds(0.6));
        let shown = fused.contributions.iter().find(|of| of.by == Contributor::Text).expect("it is shown");
        assert!(shown.words.contains("not counted"), "{request}: {}", shown.words);
    }
    // The request's own diagnosis is no sign.
    check(input("pneumonia? rule out pneumonia"), &pooled(), odds(0.6));
}

#[test]
fn the_age_decides_the_table_and_none_is_guessed() {
    let unknown = FusionInput { age_years: None, ..input("fever") };
    let fused = check(unknown, &pooled(), odds(0.6));
    assert!(fused.silent[0].contains("states an age"), "{:?}", fused.silent);
    let said = FusionInput { age_years: None, ..input("50-year-old man with fever") };
    check(said, &pooled(), odds(0.6) * 3.21_f64.sqrt());
    let other = FusionInput { finding: "glioma", ..input("3 years old, fever") };
    let fused = check(other, &pooled(), odds(0.6));
    assert!(fused.silent[0].contains("no table of signs of glioma"));
}

#[test]
fn learned_weights_multiply_each_source_and_are_for_their_finding_alone() {
    let weights = "finding = \"pneumonia\"\nintercept = -1.0\nimage = 0.5\ntext = 2.0\ncases = 40\nlearned_on = \"a table\"\n";
    let stacked = StackedWeights::from_toml(weights).expect("weights");
    let settings = FusionSettings { mode: FusionMode::Stacked, stacked: Some(stacked), ..pooled() };
    check(input("fever"), &settings, (-1.0_f64).exp() * odds(0.6).sqrt() * 1.75 * 1.75);
    let other = FusionInput { finding: "effusion", ..input("fever") };
    assert!(check(other, &settings, odds(0.6)).silent[0].contains("learned for pneumonia"));
    let refused =
        StackedWeights::from_toml(&weights.replace("0.5", "50.0")).expect_err("refused").to_string();
    assert!(refused.contains("image is 50, expected -10 to 10"), "{refused}");
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let refused = |settings: FusionSettings| fuse(input(""), &settings).expect_err("refused").to_string();
    let rates = [("pneumonia".to_owned(), 1.0)].into();
    assert!(
        refused(FusionSettings { base_rates: rates, ..pooled() }).contains("base rate of pneumonia is 1")
    );
    assert!(refused(FusionSettings { text_weight: f64::NAN, ..pooled() }).contains("text_weight"));
    assert!(refused(FusionSettings { most_text_log_odds: -1.0, ..pooled() }).contains("most_text_log_odds"));
    assert!(refused(FusionSettings { mode: FusionMode::Stacked, ..pooled() }).contains("evaluate fusion"));
}

#[test]
fn certain_networks_are_held_a_millionth_from_certainty() {
    for image in [0.0, 1.0] {
        let fused = fuse(FusionInput { image, ..input("fever") }, &pooled()).expect("it fits");
        assert!(fused.after > 0.0 && fused.after < 1.0);
    }
}
