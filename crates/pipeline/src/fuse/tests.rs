use super::*;

fn input(request: &str) -> FusionInput<'_> {
    FusionInput {
        finding: "pneumonia",
        image: 0.6,
        model: "chest-pneumonia",
        calibrated_at: Some(0.75),
        request,
        age_years: Some(3.0),
        readings: &[],
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

/// Texts that an encoder held out: so many of each kind at each of four probabilities.
fn held_out(of_four: [(f64, usize, usize); 4]) -> Vec<(f64, bool)> {
    let of = |(probability, sick, well): (f64, usize, usize)| {
        std::iter::repeat_n((probability, true), sick).chain(std::iter::repeat_n((probability, false), well))
    };
    of_four.into_iter().flat_map(of).collect()
}

#[test]
fn an_encoder_adds_what_it_moves_the_share_of_its_own_texts_by_once_calibrated() {
    // What it tells came true as told: the line has slope 1, and 40 of 80 texts have the finding.
    let right = held_out([(0.2, 4, 16), (0.4, 8, 12), (0.6, 12, 8), (0.8, 16, 4)]);
    let reading = encoder_reading(("pneumonia", "words", 0.5), 0.8, &right).expect("it can be used");
    let RequestSaid::Encoder { probability, base_rate, held_out: texts } = &reading.said else {
        panic!("{reading:?}")
    };
    assert!((probability - 0.8).abs() < 1e-6 && *base_rate == 0.5 && *texts == 80, "{reading:?}");
    let readings = [reading];
    let with = FusionInput { readings: &readings, ..input("a cold") };
    // Half the weight of odds of 4.
    let fused = check(with, &pooled(), odds(0.6) * 2.0);
    let said = fused.contributions.last().expect("some");
    assert_eq!(said.by, Contributor::Encoder);
    assert!(said.words.contains("80 % where 50 % of its texts had it"), "{}", said.words);
    // Twice as bold as what came true: 0.8 is told where two thirds have it.
    let bold = held_out([(0.2, 20, 40), (0.2, 0, 0), (0.8, 0, 0), (0.8, 40, 20)]);
    let reading = encoder_reading(("pneumonia", "words", 1.0), 0.8, &bold).expect("it can be used");
    check(FusionInput { readings: &[reading], ..input("a cold") }, &pooled(), odds(0.6) * 2.0);
    // A word on another finding is none on this, and the request's rule holds an encoder back, too.
    let other = encoder_reading(("effusion", "words", 1.0), 0.8, &right).expect("it can be used");
    check(FusionInput { readings: &[other], ..input("a cold") }, &pooled(), odds(0.6));
    let sure = encoder_reading(("pneumonia", "words", 1.0), 0.999, &right).expect("it can be used");
    check(FusionInput { readings: &[sure], ..input("a cold") }, &pooled(), odds(0.6) * 1.5_f64.exp());
}

#[test]
fn an_encoder_that_was_tried_on_little_or_tells_nothing_apart_is_refused_with_the_reason() {
    let refused = |texts: &[(f64, bool)]| {
        encoder_reading(("pneumonia", "words", 0.5), 0.8, texts).expect_err("refused")
    };
    assert!(
        refused(&held_out([(0.2, 4, 16), (0.4, 4, 12), (0.6, 4, 8), (0.8, 4, 4)])).contains("on 16 texts")
    );
    assert!(refused(&[]).contains("on 0 texts"));
    let coin = held_out([(0.2, 10, 10), (0.4, 10, 10), (0.6, 10, 10), (0.8, 10, 10)]);
    assert!(refused(&coin).contains("does not tell"), "{}", refused(&coin));
    let parted = held_out([(0.2, 0, 20), (0.4, 0, 20), (0.6, 20, 0), (0.8, 20, 0)]);
    assert!(refused(&parted).contains("a single cut parts"), "{}", refused(&parted));
}

fn asked(request: &str, answers: &[&str]) -> (RequestReading, wilhelm_llm::Scripted) {
    let model = wilhelm_llm::Scripted::new("script", answers.iter().copied());
    let reading = language_model_reading(&model, ("pneumonia", 0.5), (request, Some(3.0)), 1);
    (reading.expect("there is a request and a table"), model)
}

const NONE: &str = "{\"status\": \"not mentioned\", \"clause\": 0}";

#[test]
fn a_language_model_adds_a_sign_that_no_phrase_found_with_the_clause_it_points_at() {
    let request = "Cough, burning up since noon.\nBreathing at 50 a minute.";
    // In the table's order: hypoxemia, work of breathing, fever, tachypnea.
    let fever = "{\"status\": \"stated\", \"clause\": 2}";
    let (reading, model) = asked(request, &[NONE, NONE, fever, NONE]);
    let prompts = model.prompts();
    let prompt = &prompts[2].turns.last().expect("a question").text;
    assert!(
        prompt.contains("2. burning up since noon\n") && prompt.contains("above 37.5 degrees"),
        "{prompt}"
    );
    let readings = [reading];
    let fused =
        check(FusionInput { readings: &readings, ..input(request) }, &pooled(), odds(0.6) * 1.75_f64.sqrt());
    let said = fused.contributions.last().expect("some");
    assert_eq!((said.by, said.line), (Contributor::LanguageModel, Some(1)));
    assert!(
        said.words.contains("\u{201c}burning up since noon\u{201d}, stated as script reads it"),
        "{said:?}"
    );
    assert!(said.citation.as_deref().is_some_and(|cited| cited.contains("10.1001/jama.2017.9039")));
    // What the phrases found themselves is not counted a second time.
    let request = "Cough, fever since noon.";
    let (reading, _) = asked(request, &[NONE, NONE, fever, NONE]);
    let fused =
        check(FusionInput { readings: &[reading], ..input(request) }, &pooled(), odds(0.6) * 1.75_f64.sqrt());
    assert!(fused.silent.iter().any(|why| why.contains("found no sign that the phrases had not found")));
}

#[test]
fn a_language_model_s_word_counts_nothing_where_the_words_say_otherwise() {
    let stated = "{\"status\": \"stated\", \"clause\": 1}";
    let denied = "{\"status\": \"denied\", \"clause\": 1}";
    for (request, answer, why) in [
        ("not burning up", stated, "the words deny something"),
        ("burning up", denied, "the words deny nothing"),
        ("mother was burning up", stated, "of somebody else"),
        ("history of burning up", stated, "of the past"),
        ("possibly burning up", stated, "in doubt"),
    ] {
        let (reading, _) = asked(request, &[NONE, NONE, answer, NONE]);
        let fused = check(FusionInput { readings: &[reading], ..input(request) }, &pooled(), odds(0.6));
        let said = fused.contributions.last().expect("it is shown");
        assert_eq!((said.by, said.log_odds), (Contributor::LanguageModel, 0.0));
        assert!(said.words.contains(why), "{request}: {}", said.words);
    }
}

#[test]
fn answers_that_are_none_end_the_asking_and_the_report_says_so() {
    for (answer, why) in [
        ("", "no JSON"),
        ("The child is febrile.", "no JSON"),
        ("{\"status\": \"stated\", \"clause\": 9}", "off the schema"),
        ("{\"status\": \"normal\", \"clause\": 1}", "off the schema"),
    ] {
        let (reading, model) = asked("burning up", &[answer, answer, answer, answer]);
        assert_eq!(model.prompts().len(), 1, "{answer}");
        let fused = check(FusionInput { readings: &[reading], ..input("burning up") }, &pooled(), odds(0.6));
        assert!(fused.silent.iter().any(|told| told.contains(why)), "{:?}", fused.silent);
    }
    let model = wilhelm_llm::Scripted::new("script", [NONE]);
    assert!(language_model_reading(&model, ("glioma", 0.5), ("burning up", Some(3.0)), 1).is_none());
    assert!(language_model_reading(&model, ("pneumonia", 0.5), (" \n", Some(3.0)), 1).is_none());
}
