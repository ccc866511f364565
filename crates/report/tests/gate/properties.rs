use proptest::prelude::*;
use wilhelm_report::{GroundContext, HtmlImages, example, ground, html, write};

use crate::cases;

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_without_a_panic_and_rarely_believed(text in "\\PC{0,120}") {
        let context = GroundContext::of(&write(&example::chest_ct()));
        let verdict = ground(&text, &context);
        prop_assert!(!verdict.accepted, "{text}");
    }

    #[test]
    fn a_word_outside_the_vocabulary_refuses_any_correct_sentence(
        word in "[a-z]{9,14}",
        place in 0_usize..12,
        which in 0_usize..8,
    ) {
        let report = write(&example::all()[which]);
        let context = GroundContext::of(&report);
        for (_, sentence) in report.sentences().filter(|(_, s)| s.may_be_rephrased()) {
            let mut words: Vec<&str> = sentence.text.split(' ').collect();
            words.insert(place.min(words.len()), &word);
            let verdict = ground(&words.join(" "), &context);
            prop_assert!(!verdict.accepted, "{}", words.join(" "));
        }
    }

    #[test]
    fn words_of_the_vocabulary_in_any_order_do_not_panic(
        words in prop::collection::vec(prop::sample::select(vec![
            "no", "not", "pneumonia", "is", "seen", ",", ";", "and", "or", "nor", "left", "probable", "87", "%",
            "(", ")", "interval", "mm", "without", "may", "be", "absent", "to", "probability", "of", "either", "-",
            "neither", "pleural", "effusion", "nodule", "pulmonary", "right", "0.87", "with", ".", "between", "less",
            "than", "which", "likely", "volume", "120", "mL",
        ]), 0..14),
    ) {
        for case in [example::chest_ct(), example::pneumonia(0.87)] {
            let context = GroundContext::of(&write(&case));
            let first = ground(&words.join(" "), &context);
            prop_assert_eq!(first, ground(&words.join(" "), &context));
        }
    }

    #[test]
    fn text_from_outside_is_escaped_on_the_page(text in "[<>&\"'a-z/!-]{1,40}") {
        let mut case = example::unread();
        case.request = vec![format!("<script>{text}</script>")];
        case.abstentions[0].reason = format!("<img src=x onerror={text}>");
        let page = html(&write(&case), &HtmlImages::default());
        prop_assert!(!page.contains("<script"), "{page}");
        prop_assert!(!page.contains("<img"), "{page}");
    }
}

#[test]
fn every_report_of_the_writer_passes_its_check_and_its_own_gate() {
    for case in cases::many().iter().chain(&example::all()) {
        let report = write(case);
        report.check().unwrap();
        let context = GroundContext::of(&report);
        for (_, sentence) in report.sentences() {
            assert!(ground(&sentence.text, &context).accepted, "{}", sentence.text);
        }
    }
}
