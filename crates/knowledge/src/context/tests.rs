use proptest::prelude::*;

use super::*;

fn meaning(text: &str, mention: &str) -> Meaning {
    let start = text.find(mention).unwrap_or_else(|| panic!("{mention} is not in {text}"));
    ContextRules::built_in().read(text).meaning(start..start + mention.len()).expect("a mention of the text")
}

/// `said` is the phrase of the cue of `property`; none for a mention that the property is not said of.
fn check(text: &str, mention: &str, property: Property, said: Option<&str>) {
    let mut meaning = meaning(text, mention);
    let cue = meaning.slot(property).take();
    assert_eq!(cue.as_ref().map(|cue| cue.phrase.as_str()), said, "{mention} in {text:?}");
    if let Some(cue) = cue {
        let words = text[cue.at].to_lowercase();
        assert_eq!(words.split_whitespace().collect::<Vec<_>>().join(" "), cue.phrase);
    }
}

#[test]
fn a_denial_reaches_through_a_list_and_no_further() {
    use Property::Negated;
    let text = "No fever, chills or night sweats, but cough. Wheezing.";
    for (mention, said) in [
        ("fever", Some("no")),
        ("chills", Some("no")),
        ("night sweats", Some("no")),
        ("cough", None),
        ("Wheezing", None),
    ] {
        check(text, mention, Negated, said);
    }
    check("Denies  chest\n pain; has dyspnea", "chest\n pain", Negated, Some("denies"));
    check("Denies  chest\n pain; has dyspnea", "dyspnea", Negated, None);
    check("There is no evidence of pneumothorax", "pneumothorax", Negated, Some("no evidence of"));
    check("Pneumothorax is not seen.", "Pneumothorax", Negated, Some("is not seen"));
    check("A pulmonary embolism was ruled out", "pulmonary embolism", Negated, Some("was ruled out"));
    check("The culture is negative for MRSA", "MRSA", Negated, Some("is negative for"));
}

#[test]
fn a_mention_that_begins_inside_a_cue_is_reached_by_it() {
    check("No acute distress", "acute distress", Property::Negated, Some("no"));
    check("No evidence of disease", "evidence of disease", Property::Negated, Some("no evidence of"));
    // What begins with the cue itself is a concept of its own.
    check("No evidence of disease", "No evidence of disease", Property::Negated, None);
}

#[test]
fn answers_behind_a_colon_deny_what_stands_before_it() {
    use Property::Negated;
    check("Allergies: none. Fever", "Allergies", Negated, Some("none"));
    check("Edema: no, clubbing: present", "Edema", Negated, Some("no"));
    check("Edema: no, clubbing: present", "clubbing", Negated, None);
    check("Denies: chest pain, fever", "fever", Negated, Some("denies"));
    check("Smoking - denies", "Smoking", Negated, Some("denies"));
    // Not an answer to the heading, a sentence below it.
    check("Extremities: no edema", "Extremities", Negated, None);
    check("Extremities: no edema", "edema", Negated, Some("no"));
    check("Effusion: none\nCardiomegaly", "Effusion", Negated, None);
    check("Effusion: none\n\nCardiomegaly", "Effusion", Negated, Some("none"));
}

#[test]
fn phrases_that_only_look_like_a_denial_are_none() {
    use Property::Negated;
    check("Gram negative rods", "rods", Negated, None);
    check("No significant change in the effusion", "effusion", Negated, None);
    check("Malignancy cannot be excluded", "Malignancy", Negated, None);
    check("Malignancy cannot be excluded", "Malignancy", Property::Uncertain, Some("cannot be excluded"));
    check("Not only pneumonia", "pneumonia", Negated, None);
    check("A nodule, knot-like", "nodule", Negated, None);
}

#[test]
fn doubt_past_conditions_and_relatives_are_told_apart() {
    check("Findings suggestive of pneumonia", "pneumonia", Property::Uncertain, Some("suggestive of"));
    check("Possible small effusion", "effusion", Property::Uncertain, Some("possible"));
    check(
        "History of breast cancer, now with dyspnea",
        "breast cancer",
        Property::Historical,
        Some("history of"),
    );
    check("History of breast cancer, now with dyspnea", "dyspnea", Property::Historical, None);
    check("Return if fever develops", "fever", Property::Hypothetical, Some("return if"));
    check("Her mother had breast cancer.", "breast cancer", Property::OfOther, Some("her mother"));
    check("Family history of stroke. The patient has diabetes", "diabetes", Property::OfOther, None);
    check("Mother had asthma; patient has eczema", "eczema", Property::OfOther, None);
    assert!(meaning("There is a large pleural effusion.", "pleural effusion").is_present());
}

#[test]
fn the_nearest_cue_is_named() {
    let text = "No fever, no chills, without rigors";
    check(text, "chills", Property::Negated, Some("no"));
    assert_eq!(meaning(text, "chills").negated.map(|cue| cue.at), Some(10..12));
    check(text, "rigors", Property::Negated, Some("without"));
}

#[test]
fn brackets_headings_and_paragraphs_are_not_crossed() {
    use Property::Negated;
    check("Menses {not entered} status: menopausal", "menopausal", Negated, None);
    check("CT without contrast. Indication: cough", "cough", Negated, None);
    check("Without contrast INDICATION: cough", "cough", Negated, None);
    check("Findings\nno mass\n\nEdema", "Edema", Negated, None);
    check("- no mass\n- edema", "edema", Negated, None);
    check("no mass\nor edema", "edema", Negated, Some("no"));
    // A point inside a number or behind a short form ends nothing.
    check("No 1.5 cm mass per Dr. Smith or nodule", "nodule", Negated, Some("no"));
}

#[test]
fn phrases_are_found_as_whole_words_in_any_case() {
    let text = "No pleural  EFFUSION; Pleural\neffusion. Effusions";
    let read = ContextRules::built_in().read(text);
    let found: Vec<&str> = read.find("pleural effusion").into_iter().map(|place| &text[place]).collect();
    assert_eq!(found, ["pleural  EFFUSION", "Pleural\neffusion"]);
    assert_eq!(read.find("effusions").len(), 1);
    assert!(read.find("").is_empty() && read.find("fusion").is_empty());
}

#[test]
fn mentions_and_rules_that_do_not_fit_are_refused_by_name() {
    let read = ContextRules::built_in().read("No mass");
    for range in [3..3, 5..9, 2..3] {
        assert!(matches!(read.meaning(range.clone()), Err(ContextError::Mention { .. })), "{range:?}");
    }
    let refused = |table: &str| ContextRules::parse(table).expect_err(table).to_string();
    assert!(refused("[[group]]\nphrases = [\"No\"]").contains("\"No\" of group 1 is not in lowercase"));
    assert!(refused("[[group]]\nphrases = [\"a  b\"]").contains("one space"));
    assert!(refused("[[group]]\nphrases = [\"\"]").contains("empty"));
    assert!(refused("[[group]]\nsays = \"negated\"\nphrases = [\"no\"]").contains("no reach"));
    assert!(refused("[[group]]\nreach = \"forward\"\nphrases = [\"no\"]").contains("says nothing"));
    assert!(refused("[[group]]\nsays = \"absent\"\nphrases = []").contains("absent"));
    assert!(refused("nonsense").contains("rules of context"));
}

#[test]
fn rules_of_ones_own_replace_the_built_in_ones() {
    let rules = ContextRules::parse(
        "[[group]]\nsays = \"negated\"\nreach = \"forward\"\nphrases = [\"kein\", \"keine\"]",
    )
    .expect("rules");
    let text = "Keine Fraktur, kein Erguss";
    let read = rules.read(text);
    let start = text.find("Erguss").expect("in it");
    assert_eq!(read.meaning(start..text.len()).expect("a mention").negated.expect("denied").phrase, "kein");
}

/// Texts of cues, marks, white space and letters that fold to other lengths.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("no "),
        Just("history of"),
        Just(" but "),
        Just(": none"),
        Just("."),
        Just("\n\n"),
        Just("- "),
        Just("[x]"),
        Just("\u{0130}"),
        Just("\u{2019}s "),
        Just("\u{00AD}"),
        Just("\u{1F600}"),
        Just("cough"),
        Just(" "),
        Just("1. "),
        Just("\u{00DF}"),
        Just(";"),
        Just("mother"),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_read_and_every_place_is_in_it(text in prop_oneof![texts(), any::<String>()]) {
        let read = ContextRules::built_in().read(&text);
        let places: Vec<usize> = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).collect();
        for (nth, start) in places.iter().enumerate() {
            for end in &places[nth..] {
                let Ok(mut meaning) = read.meaning(*start..*end) else { continue };
                for property in [
                    Property::Negated,
                    Property::Uncertain,
                    Property::Historical,
                    Property::Hypothetical,
                    Property::OfOther,
                ] {
                    if let Some(cue) = meaning.slot(property).take() {
                        let words = crate::folded::Folded::new(&text[cue.at]).text;
                        prop_assert_eq!(words, cue.phrase);
                    }
                }
            }
        }
        for place in read.find("cough") {
            prop_assert_eq!(&text[place], "cough");
        }
    }
}
