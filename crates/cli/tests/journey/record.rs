//! `wilhelm record`: sources in, a record out in which every sentence names its source.

use super::{code, json, path, stderr, wilhelm};

#[test]
fn a_note_and_a_bundle_become_a_record_and_are_compared_with_an_earlier_one() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| place.path().join(name);
    std::fs::write(at("before.txt"), "Findings: Nodule of 6 mm. Pleural effusion.").expect("written");
    std::fs::write(
        at("note.txt"),
        "c/o cough. No fever. CT on 2024-03-01: nodule of 8 mm, no pleural effusion. plan repeat CT.",
    )
    .expect("written");
    let bundle = r#"{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"AllergyIntolerance",
        "code":{"text":"penicillin"}}},{"resource":{"resourceType":"Patient","name":[{"family":"Zebrafeld"}]}}]}"#;
    std::fs::write(at("bundle.json"), bundle).expect("written");
    let (first, second) = (at("first"), at("second"));
    let output = wilhelm(&["record", path(&at("before.txt")), "--out", path(&first)]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let (note, fhir, prior) = (at("note.txt"), at("bundle.json"), first.join("record.json"));
    let arguments =
        ["record", path(&note), "--fhir", path(&fhir), "--prior", path(&prior), "--out", path(&second)];
    let output = wilhelm(&arguments);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in [
        "Complains of cough. [R1]",
        "Allergy to penicillin.",
        "nodule: changed (6 mm -> 8 mm)",
        "pleural effusion: resolved",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let record = json(&std::fs::read(second.join("record.json")).expect("written"));
    assert_eq!(record["state"], "draft");
    assert!(
        record["entries"]
            .as_array()
            .expect("a list")
            .iter()
            .all(|entry| !entry["spans"][0]["bytes"].is_null())
    );
    let page = std::fs::read_to_string(second.join("record.html")).expect("written");
    assert!(page.contains("href=\"#R1\"") && page.contains("id=\"R1\""));
    let again = wilhelm(&arguments);
    assert_eq!(code(&again), 2, "it is there already");
    assert!(stderr(&again).contains("--force"));
}

#[test]
fn what_is_no_source_is_refused_in_a_sentence() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let (bundle, out) = (place.path().join("x.json"), place.path().join("out"));
    std::fs::write(&bundle, "{\"resourceType\":\"Patient\"}").expect("written");
    for arguments in [["--fhir", path(&bundle)], [path(&bundle), "--force"]] {
        let output = wilhelm(&[&["record"][..], &arguments, &["--out", path(&out)]].concat());
        assert_eq!(code(&output), 3, "{}", stderr(&output));
        assert!(stderr(&output).contains("x.json"), "{}", stderr(&output));
    }
    assert!(!out.exists());
}

#[test]
fn an_endpoint_whose_host_is_not_listed_is_not_asked() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| place.path().join(name);
    std::fs::write(at("note.txt"), "Cough.").expect("written");
    let settings = "[llm]\nendpoint = \"http://127.0.0.1:9/v1\"\nendpoint_model = \"small\"\n";
    std::fs::write(at("c.toml"), settings).expect("written");
    let (config, note, out) = (at("c.toml"), at("note.txt"), at("out"));
    let arguments = ["--config", path(&config), "record", path(&note), "--reword", "--out", path(&out)];
    let output = wilhelm(&arguments);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("127.0.0.1:9 is not among the hosts"), "{}", stderr(&output));
    // Listed, but nobody listens: the words of the source stand, and the record says why.
    std::fs::write(
        at("c.toml"),
        format!("{settings}endpoint_hosts = [\"127.0.0.1:9\"]\nendpoint_retries = 0\n"),
    )
    .expect("written");
    std::fs::write(at("note.txt"), "Cough. Rash. Nausea. Vomiting.").expect("written");
    let output = wilhelm(&arguments);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("failed 3 times one after the other"));
}
