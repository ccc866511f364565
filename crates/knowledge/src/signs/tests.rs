use super::*;

fn table(age: f64) -> SignTable {
    let mut tables = SignTable::built_in().into_iter().filter(|table| table.holds_for(age));
    let table = tables.next().expect("a table of that age");
    assert!(tables.next().is_none(), "one table a finding and age");
    table
}

/// Sign, status and factor of what is found.
fn check(age: f64, text: &str, expected: &[(&str, Option<SignStatus>, Option<f64>)]) {
    let found = table(age).find(text);
    let found: Vec<_> = found
        .iter()
        .map(|found| (found.sign.as_str(), found.status, found.ratio.map(|ratio| ratio.ratio)))
        .collect();
    assert_eq!(found, expected, "{text}");
}

const STATED: Option<SignStatus> = Some(SignStatus::Present);
const DENIED: Option<SignStatus> = Some(SignStatus::Absent);

#[test]
fn what_is_stated_or_denied_counts_and_nothing_else_does() {
    check(
        3.0,
        "3-year-old with fever and grunting.",
        &[("work_of_breathing", STATED, Some(2.1)), ("fever", STATED, Some(1.75))],
    );
    // The children's source has no factor for a denied fever.
    check(
        3.0,
        "Cough, no fever, no tachypnea.",
        &[("fever", DENIED, None), ("tachypnea", DENIED, Some(0.41))],
    );
    check(3.0, "Possible fever.", &[("fever", None, None)]);
    check(3.0, "History of fever last month.", &[("fever", None, None)]);
    check(3.0, "Mother had fever.", &[("fever", None, None)]);
    check(3.0, "Return if fever develops.", &[("fever", None, None)]);
    check(3.0, "Cough for three days.", &[]);
    check(
        40.0,
        "Crackles on the left, febrile.",
        &[("fever", STATED, Some(3.21)), ("crackles", STATED, Some(2.42))],
    );
}

#[test]
fn a_sign_counts_once_and_not_where_the_text_contradicts_itself() {
    check(3.0, "Fever. Febrile since Monday, temperature 39.2", &[("fever", STATED, Some(1.75))]);
    check(3.0, "Fever at home. Afebrile here.", &[("fever", None, None)]);
}

#[test]
fn numbers_are_measurements_by_the_source_s_own_bounds() {
    check(
        3.0,
        "SpO2 92 %, RR 44, temp 38.4",
        &[("hypoxemia", STATED, Some(2.8)), ("fever", STATED, Some(1.75)), ("tachypnea", STATED, Some(1.5))],
    );
    check(3.0, "sats 98% on air", &[("hypoxemia", DENIED, Some(0.47))]);
    // The bounds themselves: 96 is low, 37.5 no fever, 40 no tachypnea.
    check(3.0, "saturation: 96", &[("hypoxemia", STATED, Some(2.8))]);
    check(3.0, "temperature 37.5", &[("fever", DENIED, None)]);
    check(3.0, "RR=40", &[("tachypnea", DENIED, Some(0.41))]);
    // Fahrenheit, and adults' bounds.
    check(
        50.0,
        "Temp 101.3 F, HR 88, crp 120",
        &[
            ("fever", STATED, Some(3.21)),
            ("tachycardia", DENIED, None),
            ("c_reactive_protein", STATED, Some(3.76)),
        ],
    );
    // What is no measurement of it: a number far away, in the next sentence, or of another kind.
    check(3.0, "Temperature was not taken on the ward before 39", &[]);
    check(3.0, "SpO2 unknown. 92 beats", &[]);
    check(3.0, "temp 12", &[]);
}

#[test]
fn places_are_those_of_the_text_as_it_was_given() {
    let text = "Übel, FEVER  today; no\nnasal flaring";
    for found in table(3.0).find(text) {
        for mention in &found.mentions {
            assert_eq!(text[mention.at.clone()].to_lowercase(), mention.phrase);
        }
    }
    assert!((table(3.0).find("fever")[0].log_odds() - 1.75_f64.ln()).abs() < 1e-15);
}

#[test]
fn tables_that_cannot_be_used_are_refused_by_name() {
    let good = include_str!("../../data/signs/pneumonia-adults.toml");
    let check = |from: &str, to: &str, expected: &str| {
        assert!(good.contains(from), "{from}");
        let refused = SignTable::parse(&good.replace(from, to)).expect_err("a wrong table").to_string();
        assert!(refused.contains(expected), "{refused}");
    };
    check("schema = 1", "schema = 2", "schema is 2");
    check("ratio = 3.47", "ratio = 0.0", "expected a number above 0");
    check("ratio = 3.47", "ratio = 9.0", "outside its interval");
    check("key = \"fever\"", "key = \"tachypnea\"", "stands there twice");
    check("phrases = [\"crackles\"", "phrases = [\"Crackles\"", "lower case");
    check("above = 100.0", "at_most = 9.0, above = 100.0", "one of above");
    check("finding =", "findings =", "not readable");
    check("ages_years = [18.0, 130.0]", "ages_years = [18.0, 8.0]", "rising");
}

#[test]
fn hostile_texts_are_read_without_harm() {
    for text in [
        "spo2",
        "spo2 99999999999999999999999999",
        "t.",
        "temp ....",
        "\u{130}emp 39 sat \u{1F9EA} 9",
        "rr 4.4.4",
    ] {
        table(3.0).find(text);
        age_years(text);
    }
}
