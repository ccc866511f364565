//! `wilhelm evaluate text`: generated texts to scores and pages.

use super::{code, json, path, stderr, wilhelm};

#[test]
fn texts_are_scored_against_their_references_beside_a_baseline_and_another_system() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let text = |name: &str, text: &str| {
        let file = place.path().join(name);
        std::fs::write(&file, text).expect("written");
        file
    };
    let truth = text(
        "truth.csv",
        "id,report\n1,\"Heart size is normal.\nNo effusion.\"\n2,Small left effusion.\n2,\"Effusion on the left, small.\"\n\
         3,No acute process.\n4,No acute process.\n",
    );
    let written = text(
        "drafts.jsonl",
        "{\"id\":1,\"text\":\"The heart is normal in size.\\nNo effusion.\"}\n{\"id\":2,\"text\":\"Small left effusion.\"}\n\
         {\"id\":3,\"text\":\"No acute process.\"}\n{\"id\":4,\"text\":\"No acute disease.\"}\n",
    );
    let other = text("others.csv", "id,text\n1,\n2,Effusion.\n3,No acute process.\n4,No acute process.\n");
    let out = place.path().join("out");
    let arguments = [
        "evaluate",
        "text",
        "--truth",
        path(&truth),
        "--written",
        path(&written),
        "--compare",
        path(&other),
        "--replicates",
        "200",
        "--out",
        path(&out),
        "--json",
    ];
    let output = wilhelm(&arguments);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report = json(&output.stdout);
    assert_eq!(report, json(&std::fs::read(out.join("evaluation.json")).expect("a report")));
    assert_eq!((&report["cases"], &report["references"]), (&4.into(), &5.into()));
    let scores = report["scores"].as_array().expect("scores");
    let score = |key: &str| scores.iter().find(|score| score["key"] == key).expect("a score");
    let (first, baseline) = (&score("rouge_1_f")["figure"], &score("rouge_1_f")["baseline"]);
    assert!(first["value"].as_f64() > baseline.as_f64() && first["low"].as_f64() < first["value"].as_f64());
    // The baseline says "no acute process" four times: 1, 0, 3 and 3 of 3 words are there, where the closest references
    // have 6, 3, 3 and 3.
    let expected = 7.0 / 12.0 * (1.0_f64 - 15.0 / 12.0).exp();
    assert!(score("bleu_1")["baseline"].as_f64().is_some_and(|value| (value - expected).abs() < 1e-9));
    assert!(score("meteor")["convention"].as_str().is_some_and(|words| words.contains("no synonyms")));
    let html = std::fs::read_to_string(out.join("evaluation.html")).expect("a page");
    assert!(html.contains("Not a medical device") && html.contains("<svg role=\"img\""));
    assert!(html.contains("share of the texts that are distinct"));

    let again = wilhelm(&arguments);
    assert_eq!(code(&again), 2);
    let forced = wilhelm(&[&arguments[..], &["--force"]].concat());
    assert_eq!(forced.stdout, output.stdout, "the same texts give the same bytes");

    // A text of which nothing is left is a defect; a case that one side lacks is refused by name.
    let shown = wilhelm(&[
        "evaluate",
        "text",
        "--truth",
        path(&truth),
        "--written",
        path(&other),
        "--out",
        path(&out),
        "--force",
    ]);
    assert_eq!(code(&shown), 1, "{}", stderr(&shown));
    assert!(stderr(&shown).contains("1 texts are empty and score 0"), "{}", stderr(&shown));
    assert!(String::from_utf8_lossy(&shown.stdout).contains("CIDEr-D"));
    let fewer = text("fewer.csv", "id,text\n1,a\n2,b\n");
    let refused = wilhelm(&[
        "evaluate",
        "text",
        "--truth",
        path(&truth),
        "--written",
        path(&fewer),
        "--out",
        path(&out),
        "--force",
    ]);
    assert_eq!(code(&refused), 3);
    assert!(stderr(&refused).contains("fewer.csv lacks 2 cases of truth.csv: 3, 4"), "{}", stderr(&refused));
}
