//! The report in other languages and for other readers.

use super::{code, json, path, root, stderr, wilhelm};

#[test]
fn one_reading_is_written_in_two_languages_for_two_readers() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let folder = place.path().join("report");
    let image = root().join("testdata/breast_ultrasound/breast_mass.png");
    let arguments = [
        "read",
        path(&image),
        "--no-llm",
        "--language",
        "en,zh",
        "--audience",
        "clinician,patient",
        "--out",
        path(&folder),
        "--json",
    ];
    let output = wilhelm(&arguments);
    assert!(code(&output) <= 1, "{}", stderr(&output));
    let printed = json(&output.stdout);
    let editions = printed["reports"][0]["editions"].as_array().expect("editions");
    assert_eq!(editions.len(), 3);
    let claims = |sentences: &serde_json::Value| -> Vec<serde_json::Value> {
        sentences
            .as_array()
            .expect("sections")
            .iter()
            .flat_map(|section| {
                section["sentences"].as_array().or(section["lines"].as_array()).expect("sentences")
            })
            .filter(|line| line["claim"]["kind"] == "finding")
            .map(|line| line["claim"].clone())
            .collect()
    };
    let own = claims(&printed["reports"][0]["report"]["sections"]);
    assert!(!own.is_empty());
    for edition in editions {
        let (language, audience) = (edition["language"].as_str(), edition["audience"].as_str());
        let (language, audience) = (language.expect("a language"), audience.expect("an audience"));
        assert_eq!(claims(&edition["sections"]), own, "{language} {audience}");
        let stem = format!("report.{language}.{audience}");
        let file = |ending: &str| std::fs::read(folder.join(format!("{stem}.{ending}"))).expect("written");
        assert_eq!(&json(&file("json")), edition);
        let page = String::from_utf8(file("html")).expect("text");
        assert!(page.contains("data:image/png;base64,"), "{stem}");
        let text = String::from_utf8(file("txt")).expect("text");
        let expected = if language == "zh" { "乳腺" } else { "Ask your doctor" };
        assert!(text.contains(expected), "{text}");
    }
    // A report in Chinese goes before the gate as it is.
    let lines = place.path().join("lines.txt");
    std::fs::write(&lines, "未见乳腺癌，请放心。\n").expect("written");
    let report = folder.join("report.json");
    let output = wilhelm(&["ground", path(&report), "--text", path(&lines), "--json"]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let grounded = json(&output.stdout);
    assert_eq!((&grounded["refused"], &grounded["contradictions"]), (&1.into(), &serde_json::json!([])));
}
