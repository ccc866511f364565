//! Earlier examinations: whose they are, when they were made, and what became of each finding.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{code, json, path, root, stderr, wilhelm};

const AT: &str = "2026-11-26T22:05:00+01:00";

/// The chest radiograph of the samples with other bytes of equal length in its header.
fn changed(folder: &Path, name: &str, edits: &[(&str, &str)]) -> PathBuf {
    let mut bytes = std::fs::read(root().join("testdata/chest_xray/chest_pa.dcm")).expect("a sample");
    for (from, to) in edits {
        assert_eq!(from.len(), to.len());
        let places: Vec<usize> =
            (0..bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from.as_bytes())).collect();
        assert!(!places.is_empty(), "the header holds it");
        for at in places {
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
    }
    let place = folder.join(name);
    std::fs::write(&place, bytes).expect("written");
    place
}

fn texts<'a>(report: &'a Value, heading: &str) -> Vec<&'a str> {
    report["sections"]
        .as_array()
        .expect("sections")
        .iter()
        .filter(|section| section["heading"] == heading)
        .flat_map(|section| section["sentences"].as_array().expect("sentences"))
        .filter_map(|sentence| sentence["text"].as_str())
        .collect()
}

#[test]
fn an_earlier_examination_is_compared_from_each_form_once_its_patient_is_proven() {
    let place = tempfile::tempdir().expect("a folder");
    let now = root().join("testdata/chest_xray/chest_pa.dcm");
    let before = changed(place.path(), "before.dcm", &[("19010101", "19000101")]);
    let old = place.path().join("old");
    let forms = ["--format", "json,fhir,hl7,sr", "--name-patient", "--at", AT];
    let output = wilhelm(&[&["read", path(&before), "--no-llm", "--out", path(&old)][..], &forms].concat());
    assert!(code(&output) <= 1, "{}", stderr(&output));

    let read = |name: &str, more: &[&str]| {
        let out = place.path().join(name);
        let output = wilhelm(&[&["read", path(&now), "--no-llm", "--out", path(&out)][..], more].concat());
        let report = std::fs::read(out.join("report.json")).ok().map(|bytes| json(&bytes));
        (output, report)
    };
    let (fhir, sr) = (old.join("report.fhir.json"), old.join("report.sr.dcm"));
    let hl7 = old.join("report.hl7");
    let ways: [(&str, Vec<&str>); 5] = [
        ("fhir", vec!["--prior", path(&fhir)]),
        ("hl7", vec!["--prior", path(&hl7)]),
        ("sr", vec!["--prior", path(&sr)]),
        ("images", vec!["--prior", path(&before)]),
        ("folder", vec!["--prior", path(&old), "--prior-images", path(&before)]),
    ];
    for (name, way) in ways {
        let (output, report) = read(name, &way);
        assert!(code(&output) <= 1, "{name}: {}", stderr(&output));
        let report = report.expect("a report");
        let compared = texts(&report, "comparison");
        let expected = "Compared with an earlier examination of the same kind, made 365 days before.";
        assert_eq!(compared, [expected], "{name}");
        assert_eq!(report["priors"].as_array().map(Vec::len), Some(1), "{name}");
        let limits = texts(&report, "limitations").join(" ");
        assert!(!limits.contains("the files do not prove it"), "{name}: {limits}");
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(shown.contains("not compared: indeterminate at both times"), "{name}: {shown}");
    }

    let (output, report) = read("unproven", &["--prior", path(&old)]);
    assert_eq!((code(&output), report), (3, None));
    assert!(stderr(&output).contains("nothing proves that the earlier examination is of the same patient"));
    let (output, report) = read("vouched", &["--prior", path(&old), "--same-patient"]);
    assert!(code(&output) <= 1, "{}", stderr(&output));
    let report = report.expect("a report");
    assert!(texts(&report, "comparison")[0].contains("whose date is not known"));
    assert!(texts(&report, "limitations").join(" ").contains("the files do not prove it"));

    let stranger =
        changed(place.path(), "stranger.dcm", &[("16d7f894", "26d7f894"), ("19010101", "19000101")]);
    let (output, report) = read("stranger", &["--prior", path(&stranger), "--same-patient"]);
    assert_eq!((code(&output), report), (3, None));
    let said = stderr(&output);
    assert!(said.contains("another patient: its Patient ID differs"), "{said}");
    assert!(!said.contains("6d7f894"), "{said}");
    let later = changed(place.path(), "later.dcm", &[("19010101", "19020101")]);
    let (output, _) = read("later", &["--prior", path(&later)]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("was made after this one"), "{}", stderr(&output));
    let brain = root().join("testdata/brain_mr/brain_axial_t1c.jpg");
    let (output, _) = read("kind", &["--prior", path(&brain), "--same-patient"]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("it is MR, and this one radiograph"), "{}", stderr(&output));
}

#[test]
fn what_became_of_each_finding_stands_in_every_form_and_language() {
    let place = tempfile::tempdir().expect("a folder");
    let image = root().join("testdata/brain_mr/brain_axial_t1c.jpg");
    let (old, out) = (place.path().join("old"), place.path().join("new"));
    let output = wilhelm(&[
        "read",
        path(&image),
        "--no-llm",
        "--out",
        path(&old),
        "--format",
        "json,fhir",
        "--at",
        AT,
    ]);
    assert!(code(&output) <= 1, "{}", stderr(&output));
    // The bundle of an earlier day, on which what is there was not, and one thing that is not there was.
    let bundle = std::fs::read_to_string(old.join("report.fhir.json")).expect("a bundle");
    let mut bundle: Value = serde_json::from_str(&bundle).expect("JSON");
    let mut expected = Vec::new();
    for entry in bundle["entry"].as_array_mut().expect("entries") {
        let resource = &mut entry["resource"];
        let is_health = resource["component"].as_array().is_some_and(|parts| {
            parts.iter().any(|part| part["code"]["coding"][0]["code"] == "state-of-health")
        });
        if resource["resourceType"] != "Observation" || is_health {
            continue;
        }
        let name = resource["code"]["text"].as_str().expect("a name").to_owned();
        let class = &mut resource["valueCodeableConcept"]["coding"][0]["code"];
        let other = match class.as_str() {
            Some("present") => "absent",
            Some("absent") => "present",
            _ => continue,
        };
        expected.push((name, if other == "absent" { "new" } else { "resolved" }));
        *class = Value::from(other);
    }
    assert!(expected.iter().any(|(_, change)| *change == "new"), "{expected:?}");
    assert!(expected.iter().any(|(_, change)| *change == "resolved"), "{expected:?}");
    let prior = place.path().join("prior.fhir.json");
    std::fs::write(&prior, bundle.to_string()).expect("written");

    let output = wilhelm(&[
        "read",
        path(&image),
        "--no-llm",
        "--out",
        path(&out),
        "--prior",
        path(&prior),
        "--same-patient",
        "--language",
        "en,zh",
        "--audience",
        "clinician,patient",
        "--format",
        "json,fhir,hl7,pdf,text",
        "--at",
        AT,
        "--json",
    ]);
    assert!(code(&output) <= 1, "{}", stderr(&output));
    let told = json(&output.stdout);
    let comparison = told["reports"][0]["comparison"].as_array().expect("a comparison");
    let file = |name: &str| std::fs::read_to_string(out.join(name)).expect(name);
    let (text, hl7, fhir) = (file("report.txt"), file("report.hl7"), file("report.fhir.json"));
    for (name, change) in &expected {
        let found = comparison.iter().find(|one| one["name"] == name.as_str()).expect("compared");
        let word = if *change == "new" { "new" } else { "gone" };
        assert_eq!(found["change"], word, "{name}");
        let said = if *change == "new" { "is new." } else { "is no longer seen." };
        assert!(text.to_lowercase().contains(&format!("{name} {said}")), "{text}");
        assert!(hl7.contains(&format!("^{change}^99WILHELM")), "{hl7}");
        assert!(fhir.contains(&format!("\"code\": \"{change}\"")), "{fhir}");
    }
    for (voice, words) in [
        ("en.patient", ["is new.", "is no longer seen."]),
        ("zh.clinician", ["新发", "已消失。"]),
        ("zh.patient", ["新发", "已消失。"]),
    ] {
        let edition = file(&format!("report.{voice}.txt")).replace("\n  ", "");
        for words in words {
            assert!(edition.contains(words), "{voice}: {edition}");
        }
        let pdf = std::fs::read(out.join(format!("report.{voice}.pdf"))).expect("a PDF");
        assert!(pdf.starts_with(b"%PDF-1.7"), "{voice}");
    }
}
