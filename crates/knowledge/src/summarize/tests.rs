use super::*;

fn passage(number: usize, section: &str, text: &str) -> Passage {
    Passage {
        id: format!("pubmed:1#{number}"),
        document: "pubmed:1".to_owned(),
        title: Some("Drains: a randomized trial".to_owned()),
        section: Some(section.to_owned()),
        source: "Chest, 2019".to_owned(),
        license: None,
        text: text.to_owned(),
    }
}

fn article() -> Vec<Passage> {
    vec![
        passage(1, "OBJECTIVE", "To determine whether a small drain is enough."),
        passage(
            2,
            "METHODS",
            "We randomized 1,200 adult patients, aged 18 to 80 years. One group received a small drain. Pain was measured daily.",
        ),
        passage(
            3,
            "RESULTS",
            "Pain was lower with a small drain than with a large one (OR 0.61, 95% CI 0.40 to 0.93; p = 0.02). The stay did not differ.",
        ),
        passage(4, "CONCLUSIONS", "A small drain is enough. A limitation is the short follow-up."),
    ]
}

#[test]
fn every_part_is_a_sentence_of_the_article_with_its_passage() {
    let passages = article();
    let found = summarize(&passages);
    assert_eq!(found.len(), 1);
    let summary = &found[0];
    assert_eq!((summary.design.as_deref(), summary.studied), (Some("randomized trial"), Some(1200)));
    assert_eq!(summary.intervals, ["95% CI 0.40 to 0.93", "p = 0.02"]);
    let of = |part: Part| -> Vec<&str> {
        let found = summary.parts.iter().find(|one| one.part == part);
        found.map_or_else(Vec::new, |one| one.sentences.iter().map(|one| one.text.as_str()).collect())
    };
    assert_eq!(of(Part::Question), ["To determine whether a small drain is enough."]);
    assert_eq!(of(Part::Population), ["We randomized 1,200 adult patients, aged 18 to 80 years."]);
    assert!(of(Part::Intervention).contains(&"One group received a small drain."));
    assert!(of(Part::Numbers)[0].contains("95% CI"));
    assert_eq!(of(Part::Limits), ["A limitation is the short follow-up."]);
    assert_eq!(of(Part::Conclusion)[0], "A small drain is enough.");
    for sentence in summary.parts.iter().flat_map(|part| &part.sentences) {
        let passage = passages.iter().find(|one| one.id == sentence.passage).expect("its passage");
        assert!(passage.text.contains(&sentence.text));
    }
}

#[test]
fn what_is_not_said_is_named() {
    let found = summarize(&[passage(1, "", "The sky is blue.")]);
    assert_eq!(found[0].not_found.len(), Part::ALL.len());
    assert!(found[0].parts.is_empty());
    assert!(summarize(&[]).is_empty());
}

#[test]
fn persons_are_counted_where_they_are_counted() {
    let check =
        |sentence: &str, expected: Option<u64>| assert_eq!(sample_size(sentence), expected, "{sentence}");
    check("We studied 120 consecutive patients.", Some(120));
    check("There were 1,099 women and 40 men.", Some(1099));
    check("Both groups (n = 45) improved.", Some(45));
    check("71% of patients recovered.", None);
    check("In 2019, patients were seen.", None);
    check("The drug was given for 5.5 days to adults.", None);
}

#[test]
fn a_text_of_one_theme_is_ranked_before_what_stands_apart() {
    let sentences = [
        "A drain removes air from the chest.",
        "The weather was fine.",
        "Air in the chest needs a drain.",
        "A chest drain is removed when no air comes.",
    ];
    assert_eq!(text_rank(&sentences, 3), [0, 2, 3]);
    assert_eq!(lead(&sentences, 2), [0, 1]);
    assert_eq!(to_question("How was the weather?", &sentences, 1), [1]);
    assert!(text_rank(&[], 3).is_empty() && to_question("a", &[], 2).is_empty());
}
