//! Editions: the same claims in other words, and how hard they are to read.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)]

use serde_json::Value;
use wilhelm_report::{
    Audience, Edition, GroundContext, Language, Length, Line, LineOrigin, Voice, edition, edition_html,
    edition_text, example, flesch_kincaid_grade, ground, html, sign, syllables, write,
};
use wilhelm_report::{HtmlImages, Moment, Report, Signer, State};

fn golden() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/reading/golden.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn reports() -> Vec<Report> {
    example::all().iter().map(write).collect()
}

fn lines(edition: &Edition) -> impl Iterator<Item = &Line> {
    edition.sections.iter().flat_map(|section| &section.lines)
}

#[test]
fn syllables_agree_with_the_pronouncing_dictionary() {
    let golden = golden();
    let (mut same, mut all) = (0, 0);
    let mut others = Vec::new();
    for (word, counted) in golden["words"].as_object().unwrap() {
        if counted["dictionary"] != true {
            continue;
        }
        let expected = usize::try_from(counted["syllables"].as_u64().unwrap()).unwrap();
        all += 1;
        if syllables(word) == expected {
            same += 1;
        } else {
            others.push(format!("{word}: {} for {expected}", syllables(word)));
        }
    }
    println!("syllables: {same} of {all} words as in the dictionary; {others:?}");
    assert!(all > 300, "{all} words");
    // A rule is no dictionary; abbreviations (md, html) are spelled there and spoken here.
    assert!(same * 100 >= all * 97, "{others:?}");
}

#[test]
fn grades_are_within_a_year_of_textstat_and_not_below_it() {
    let golden = golden();
    let texts = golden["texts"].as_array().unwrap();
    assert!(texts.len() >= 10);
    let mut differences = Vec::new();
    for text in texts {
        let words: Vec<&str> = text["text"].as_str().unwrap().split_whitespace().collect();
        let words: Vec<&str> =
            words.into_iter().filter(|word| word.chars().any(char::is_alphanumeric)).collect();
        let counted = words.iter().map(|word| syllables(word)).sum();
        let sentences = usize::try_from(text["sentences"].as_u64().unwrap()).unwrap();
        let grade = flesch_kincaid_grade(sentences, words.len(), counted);
        differences.push(grade - text["grade"].as_f64().unwrap());
    }
    println!("grades above textstat's: {differences:.2?}");
    // Medical words are not in its dictionary, and the places of hyphens it counts instead are fewer than syllables: for
    // glioma one, for pneumothorax three. So ours is the harder grade.
    assert!(differences.iter().all(|difference| (-0.1..=1.0).contains(difference)), "{differences:?}");
}

#[test]
fn every_edition_of_every_case_says_the_claims_of_the_report_and_passes_the_gate() {
    for report in reports() {
        let context = GroundContext::of(&report);
        for voice in Voice::ALL {
            let edition = edition(&report, voice);
            edition.check(&report).unwrap();
            let own: Vec<(String, &wilhelm_report::Claim)> =
                report.sentences().map(|(_, sentence)| (sentence.id.clone(), &sentence.claim)).collect();
            let said: Vec<(String, &wilhelm_report::Claim)> =
                lines(&edition).filter_map(|line| Some((line.sentence.clone()?, &line.claim))).collect();
            assert_eq!(own, said, "{voice:?}");
            for line in lines(&edition).filter(|line| line.sentence.is_some()) {
                let verdict = ground(&line.text, &context);
                assert!(verdict.accepted, "{}: {}", line.text, verdict.reason);
                assert!(
                    line.claim.statements().is_empty()
                        || line.origin == LineOrigin::Written
                        || voice.is_own(),
                    "{}",
                    line.text
                );
            }
        }
    }
}

#[test]
fn a_patient_is_told_whom_to_ask_and_is_never_reassured_by_what_was_not_found() {
    for report in reports() {
        for language in [Language::En, Language::Zh] {
            let edition = edition(&report, Voice { language, audience: Audience::Patient });
            let text: String = lines(&edition).map(|line| line.text.as_str()).collect::<Vec<_>>().join(" ");
            let (ask, healthy, reassuring) = match language {
                Language::En => (
                    "Ask the doctor who sent you",
                    "does not mean that you are healthy",
                    &["no need to worry", "nothing to worry", "good news", "you are fine", "all clear"][..],
                ),
                Language::Zh => {
                    ("请询问让您做检查的医生", "不等于没有病", &["放心", "不用担心", "一切正常"][..])
                }
            };
            assert!(text.contains(ask), "{text}");
            let denies = report.findings.iter().any(|finding| {
                !finding.normal
                    && !finding.certainty.is_positive()
                    && finding.certainty != wilhelm_study::Certainty::Indeterminate
            });
            assert!(!denies || text.contains(healthy), "{text}");
            for word in reassuring {
                assert!(!text.to_lowercase().contains(word), "{text}");
            }
        }
    }
}

#[test]
fn the_patients_english_reads_at_eighth_grade_or_below() {
    for report in reports() {
        let edition = edition(&report, Voice::ALL[1]);
        let Length::FleschKincaid { grade, words, .. } = edition.length else {
            panic!("English has a grade")
        };
        println!("{}: grade {grade:.1}, {words} words", edition.title);
        assert!(grade <= 8.0, "{grade} {}", edition.title);
    }
}

#[test]
fn a_chinese_edition_holds_no_english_sentence_of_the_writer() {
    for report in reports() {
        for audience in [Audience::Clinician, Audience::Patient] {
            let edition = edition(&report, Voice { language: Language::Zh, audience });
            assert!(edition.names_missing(&report).is_empty());
            for line in lines(&edition).filter(|line| line.origin != LineOrigin::Quoted) {
                let han = line.text.chars().filter(|c| matches!(c, '\u{3400}'..='\u{9fff}')).count();
                assert!(han >= 2, "{}", line.text);
            }
        }
    }
}

#[test]
fn a_finding_without_a_chinese_name_keeps_its_own_and_is_told() {
    let mut case = example::pneumonia(0.95);
    case.findings[0].observation.name = "crazy paving".to_owned();
    case.findings[0].observation.key = "crazy_paving".to_owned();
    case.findings[0].observation.synonyms.clear();
    let report = write(&case);
    let edition = edition(&report, Voice::ALL[2]);
    edition.check(&report).unwrap();
    assert_eq!(edition.names_missing(&report), ["crazy paving"]);
    let said = lines(&edition).find(|line| !line.claim.statements().is_empty()).unwrap();
    assert!(said.text.starts_with("影像表现符合crazy paving；"), "{}", said.text);
}

#[test]
fn words_put_into_an_edition_by_hand_fail_its_check() {
    let report = write(&example::chest_ct());
    for voice in &Voice::ALL[1..] {
        let fresh = edition(&report, *voice);
        for (section, of) in fresh.sections.iter().enumerate() {
            for place in 0..of.lines.len() {
                let mut edition = fresh.clone();
                edition.sections[section].lines[place].text.push_str(" You are healthy. 您很健康。");
                assert!(edition.check(&report).is_err(), "{voice:?} {}", of.lines[place].text);
            }
        }
    }
}

#[test]
fn an_edition_of_a_signed_report_says_so_and_calls_nothing_a_draft() {
    let at = Moment::parse("2026-11-26T22:05:00+01:00").unwrap();
    let signer = Signer { by: "Doe^Jane".to_owned(), organization: None, at };
    for report in reports() {
        let signed = sign(&report, State::Final, &signer).unwrap();
        for voice in &Voice::ALL[1..] {
            let edition = edition(&signed, *voice);
            edition.check(&signed).unwrap();
            assert_eq!(edition.state, State::Final);
            let page = edition_html(&edition, &signed, &HtmlImages::default());
            let shown = format!("{page}{}", edition_text(&edition));
            let drafts = shown.to_lowercase().matches("draft").count() - shown.matches("drafted").count();
            // Names of rules (R-DRAFT) and what the software did (drafted) are no word on where the report stands.
            assert_eq!(drafts, shown.matches("R-DRAFT").count(), "{voice:?} {shown}");
            assert!(!shown.contains("草稿") && shown.contains("Jane Doe"), "{voice:?}");
        }
    }
}

#[test]
fn a_report_with_the_rules_former_words_is_still_translated() {
    let mut report = write(&example::pneumonia(0.9));
    let former = "Review of the images by a radiologist is required before any use of this draft.";
    let own = "Any use of this report requires review of the images by a radiologist.";
    let sentence = report.sections.iter_mut().flat_map(|s| &mut s.sentences).find(|s| s.text == own).unwrap();
    sentence.text = former.to_owned();
    let id = sentence.id.clone();
    let edition = edition(&report, Voice::ALL[2]);
    let line = lines(&edition).find(|line| line.sentence.as_ref() == Some(&id)).unwrap();
    assert_eq!(
        (line.text.as_str(), line.origin),
        ("本报告须经放射科医师阅片审核后方可使用。", LineOrigin::Written)
    );
}

#[test]
fn pages_and_texts_of_editions_escape_what_comes_from_outside() {
    let mut case = example::unread();
    case.request = vec!["<script>alert(1)</script>\u{1b}[2J".to_owned()];
    let report = write(&case);
    for voice in Voice::ALL {
        let edition = edition(&report, voice);
        let page = edition_html(&edition, &report, &HtmlImages::default());
        assert!(!page.contains("<script"));
        let text = edition_text(&edition);
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    }
    assert!(!html(&report, &HtmlImages::default()).contains("<script"));
}
