//! The gate while a person types, decisions, and bodies that nobody should send.

use serde_json::{Value, json};
use wilhelm_report::example;

use super::site::{DeskSite, open_desk, tag, words};

fn check(desk: &DeskSite, id: &str, text: &str, language: &str) -> (String, Vec<String>) {
    let body = json!({ "sentence": null, "text": text, "language": language });
    let (status, _, answer) = desk.ask(&format!("POST /api/reports/{id}/check"), "", &body);
    assert_eq!(status, 200, "{answer}");
    let units: Vec<u16> = text.encode_utf16().collect();
    let pieces = answer["problems"].as_array().expect("problems").iter().map(|problem| {
        let place = |key: &str| usize::try_from(problem[key].as_u64().expect("a number")).expect("small");
        let piece = String::from_utf16(&units[place("start")..place("end")]).expect("whole letters");
        format!("{piece} {} {}", problem["stance"].as_str().expect("a word"), problem["finding"])
    });
    (answer["verdict"].as_str().expect("a word").to_owned(), pieces.collect())
}

#[test]
fn a_contradiction_is_pointed_at_in_english_and_in_chinese() {
    let desk = open_desk(example::pneumonia(0.93));
    let id = desk.read("1.2.840.1", "P1", "20260131");
    let check = |text: &str, language: &str| check(&desk, &id, text, language);
    assert_eq!(check("The appearance is consistent with pneumonia.", "en"), ("agrees".into(), vec![]));
    assert_eq!(
        check("\u{1f642} There. No pneumonia.", "en").1.last().map(String::as_str),
        Some("No pneumonia. contradicts \"F1\"")
    );
    assert_eq!(
        check("\u{672a}\u{89c1}\u{80ba}\u{708e}\u{3002}", "zh"),
        ("contradicts".into(), vec!["\u{672a}\u{89c1}\u{80ba}\u{708e}\u{3002} contradicts \"F1\"".into()])
    );
    assert_eq!(check("The moon is full.", "en").0, "unknown");
    // A person may write it all the same, and it bears nothing afterwards.
    let (_, _, report) = desk.ask(&format!("GET /api/reports/{id}"), "", &Value::Null);
    let of_finding = |section: &Value| section["sentences"].as_array().expect("a list").clone();
    let sentence = report["report"]["sections"]
        .as_array()
        .expect("sections")
        .iter()
        .flat_map(of_finding)
        .find(|sentence| sentence["findings"][0] == "F1")
        .expect("a sentence");
    let sentence = sentence["id"].as_str().expect("a name");
    let (status, heads, edited) = desk.change(&id, "edits", "1.0", "", &words(sentence, "No pneumonia."));
    assert_eq!((status, tag(&heads).as_str()), (200, "2.1"), "{edited}");
    assert_eq!(edited["decisions"]["F1"]["decision"], "edited");
    assert_eq!(check("No pneumonia.", "en").0, "contradicts");
}

#[test]
fn decisions_are_counted_with_their_intervals() {
    let desk = open_desk(example::breast(0.2, 0.75));
    let (one, other) = (desk.read("1.2.840.1", "P1", "20260131"), desk.read("1.2.840.2", "P2", "20260131"));
    let decide = |id: &str, tag: &str, finding: &str, decision: &str| {
        let body = json!({ "finding": finding, "decision": decision });
        let (status, _, answer) = desk.change(id, "decisions", tag, "", &body);
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let answer = decide(&one, "1.0", "F2", "rejected");
    assert!(!answer["sentences"].as_array().expect("a list").is_empty(), "{answer}");
    assert_eq!(answer["decisions"]["F2"]["by"], "anyone");
    decide(&one, "1.1", "F1", "accepted");
    decide(&one, "1.2", "F1", "undecided");
    decide(&other, "1.0", "F2", "accepted");
    let (status, _, refused) =
        desk.change(&one, "decisions", "1.3", "", &json!({ "finding": "F9", "decision": "accepted" }));
    assert_eq!(status, 422, "{refused}");
    let summary = desk.get("/api/decisions/summary");
    let rows = summary["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 1, "what is undecided is in no row: {summary}");
    let row = &rows[0];
    assert_eq!(
        (&row["key"], &row["name"]),
        (&json!("malignant_breast_lesion"), &json!("malignant breast lesion"))
    );
    assert_eq!((&row["model"], &row["version"]), (&json!("breast-lesion"), &json!("1")));
    let counts = ["accepted", "rejected", "edited"].map(|decision| row[decision]["count"].clone());
    assert_eq!((&row["total"], counts), (&json!(2), [json!(1), json!(1), json!(0)]));
    // By hand for 1 of 2: z squared is 3.8415; the center is 0.5, the half width 0.4054.
    for (key, expected) in [("low", 0.0945), ("high", 0.9055)] {
        assert!((row["accepted"][key].as_f64().expect("a number") - expected).abs() < 1e-4, "{row}");
    }
}

#[test]
fn what_nobody_should_send_is_refused_in_words_and_changes_nothing() {
    let desk = open_desk(example::pneumonia(0.93));
    let id = desk.read("1.2.840.1", "P1", "20260131");
    let long = "x".repeat(5000);
    for (what, body, expected) in [
        ("edits", json!({}), 422),
        ("edits", json!([1]), 400),
        ("edits", json!({ "edits": [{ "sentence": "S1" }] }), 422),
        ("edits", json!({ "edits": [{ "sentence": "S1", "text": "a", "remove": true }] }), 422),
        ("edits", words("S99", "Doe^Jane"), 422),
        ("edits", words("S1", " \u{7}\n "), 422),
        ("edits", words("S1", &long), 422),
        ("edits", json!({ "edits": [], "Doe^Jane": 1 }), 400),
        ("edits", json!({ "add": [{ "heading": "addendum", "text": "x" }] }), 422),
        ("edits", json!({ "add": [{ "heading": "none", "text": "x" }] }), 400),
        ("sign", json!({ "state": "draft" }), 409),
        ("sign", json!({ "state": "amended" }), 409),
        ("sign", json!({ "state": "Doe^Jane" }), 400),
        ("addendum", json!({ "text": "x" }), 409),
        ("decisions", json!({ "finding": "F1", "decision": "edited" }), 400),
    ] {
        let (status, _, answer) = desk.change(&id, what, "1.0", "", &body);
        assert_eq!(status, expected, "{what} {body}: {answer}");
        let said = answer["error"].as_str().expect("words");
        assert!(!said.is_empty() && !answer.to_string().contains("Doe"), "{answer}");
    }
    let edit = words("S1", "Cough.");
    let ask = |heads: &str| desk.ask(&format!("POST /api/reports/{id}/edits"), heads, &edit).0;
    assert_eq!(ask(""), 428);
    for wrong in ["1.0", "\"1\"", "*", "\"a.b\"", "W/\"1.0\"", "\"0.0\"", "\"99999999999.0\""] {
        assert_eq!(ask(&format!("If-Match: {wrong}")), 400, "{wrong}");
    }
    let head = format!("POST /api/reports/{id}/edits\nHost: localhost\nIf-Match: \"1.0\"\nContent-Type:");
    assert_eq!(desk.site.request(&format!("{head} text/plain"), b"{}").0, 415);
    let large = vec![b' '; 300 << 10];
    assert_eq!(desk.site.request(&format!("{head} application/json"), &large).0, 413);
    let deep = "[".repeat(100_000);
    assert_eq!(desk.site.request(&format!("{head} application/json"), deep.as_bytes()).0, 400);
    for (line, expected) in [
        ("GET /api/reports/none", 404),
        ("GET /api/reports/%00", 404),
        ("GET /api/studies/1.2.3/reports", 404),
        ("GET /api/studies/*/reports", 400),
        ("POST /api/studies/1.2.840.1/read", 202),
        ("GET /api/worklist?limit=-1", 400),
        ("GET /api/worklist?Doe=Jane", 400),
        ("GET /api/worklist?state=open", 400),
        ("DELETE /api/worklist", 405),
    ] {
        let (status, _, answer) = desk.ask(line, "", &Value::Null);
        assert_eq!(status, expected, "{line}: {answer}");
    }
    for path in ["versions/0", "versions/2", "versions/x", "pictures/9", "forms/exe", "overlays/-1"] {
        assert_eq!(desk.ask(&format!("GET /api/reports/{id}/{path}"), "", &Value::Null).0, 404, "{path}");
    }
    assert_eq!(desk.ask(&format!("GET /api/reports/{id}/compare?from=1"), "", &Value::Null).0, 400);
    assert_eq!(desk.get(&format!("/api/reports/{id}"))["version"], 1);
}
