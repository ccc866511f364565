use super::*;

fn of(texts: &[(&str, &str)]) -> Vec<RecordSource> {
    texts
        .iter()
        .map(|(name, text)| RecordSource { name: (*name).to_owned(), text: (*text).to_owned() })
        .collect()
}

const DICTATION: &str = "67 yo man c/o cp for 3 days. Pain started 3 days ago at rest. No fever, no cough. hx htn, dm2. \
meds metformin 500 mg bid. nkda. Mother had breast cancer. smoker. bp 150/90, hr 88. Lungs clear. trop neg. ecg nsr. \
CT chest on 2024-03-01 shows a nodule of 8 mm. imp angina, low risk. plan serial trop, start asa 300 mg.";

const BUNDLE: &str = r#"{
  "resourceType": "Bundle",
  "type": "collection",
  "entry": [
    { "resource": { "resourceType": "Encounter", "status": "finished", "reasonCode": [{ "text": "dyspnea" }],
        "period": { "start": "2024-02-27T09:00:00Z" } } },
    { "resource": { "resourceType": "Condition", "code": { "coding": [{ "code": "I10", "display": "hypertension" }] },
        "clinicalStatus": { "coding": [{ "code": "active" }] }, "onsetDateTime": "2015" } },
    { "resource": { "resourceType": "Condition", "code": { "text": "asthma" },
        "verificationStatus": { "coding": [{ "code": "refuted" }] } } },
    { "resource": { "resourceType": "Condition", "code": { "text": "stroke" },
        "verificationStatus": { "coding": [{ "code": "entered-in-error" }] } } },
    { "resource": { "resourceType": "Observation", "status": "final", "code": { "text": "hemoglobin" },
        "effectiveDateTime": "2024-02-28T08:00:00Z", "valueQuantity": { "value": 9.80, "unit": "g/dl" },
        "interpretation": [{ "text": "low" }] } },
    { "resource": { "resourceType": "Observation", "status": "final", "code": { "text": "blood pressure" },
        "category": [{ "coding": [{ "code": "vital-signs" }] }],
        "component": [{ "code": { "text": "systolic" }, "valueQuantity": { "value": 150, "unit": "mmHg" } },
                      { "code": { "text": "diastolic" }, "valueQuantity": { "value": 90, "unit": "mmHg" } }] } },
    { "resource": { "resourceType": "DiagnosticReport", "status": "final", "code": { "text": "CT chest" },
        "effectiveDateTime": "2024-02-28", "conclusion": "Nodule of 6 mm. No effusion." } },
    { "resource": { "resourceType": "AllergyIntolerance", "code": { "text": "penicillin" } } },
    { "resource": { "resourceType": "MedicationStatement", "status": "active",
        "medicationCodeableConcept": { "text": "metformin" }, "dosage": [{ "text": "500 mg twice a day" }] } },
    { "resource": { "resourceType": "Patient", "name": [{ "family": "Roe" }] } }
  ]
}"#;

fn lines(record: &PatientRecord) -> Vec<String> {
    record.entries.iter().map(|entry| format!("{}: {}", entry.part.title(), entry.text)).collect()
}

/// Every sentence has a span, and the span holds its words.
fn check(record: &PatientRecord, sources: &[RecordSource]) {
    for entry in &record.entries {
        assert!(!entry.spans.is_empty(), "{}", entry.id);
        for span in &entry.spans {
            let text = &sources[span.source].text;
            let words = &text[span.bytes.clone()];
            let characters: String =
                text.chars().skip(span.characters.start).take(span.characters.len()).collect();
            assert_eq!(words, characters);
            if span.pointer.is_none() {
                assert_eq!(proven(words, entry.replaced.as_ref().unwrap_or(&entry.text)), Ok(()), "{words}");
            }
        }
    }
}

#[test]
fn a_short_dictation_becomes_a_whole_draft() {
    let sources = of(&[("dictation.txt", DICTATION)]);
    let record = record(&sources, Some("2024-03-02"), None).expect("a note");
    assert_eq!(
        lines(&record),
        [
            "Chief complaint: 67 year-old man complains of chest pain for 3 days.",
            "History of present illness: Pain started 3 days ago at rest.",
            "History of present illness: No fever, no cough.",
            "Past history: History of hypertension, type 2 diabetes mellitus.",
            "Medications: Metformin 500 mg twice a day.",
            "Allergies: No known drug allergies.",
            "Family history: Mother had breast cancer.",
            "Social history: Smoker.",
            "Examination: Blood pressure 150/90, heart rate 88.",
            "Examination: Lungs clear.",
            "Results: Troponin negative.",
            "Results: ECG normal sinus rhythm.",
            "Results: CT chest on 2024-03-01 shows a nodule of 8 mm.",
            "Assessment: Angina, low risk.",
            "Plan: Serial troponin, start aspirin 300 mg.",
        ]
    );
    check(&record, &sources);
    assert!(record.missing.is_empty());
    let days: Vec<&str> = record
        .timeline
        .iter()
        .filter_map(|id| record.entries.iter().find(|entry| &entry.id == id)?.date.as_deref())
        .collect();
    assert_eq!(days, ["2024-02-28", "2024-03-01"]);
    let told: Vec<&str> = record.summary.iter().map(String::as_str).collect();
    assert!(!told.contains(&"R3") && !told.contains(&"R7") && told.contains(&"R14"), "{told:?}");
}

#[test]
fn a_bundle_is_told_resource_by_resource_with_its_places() {
    let sources = of(&[("bundle.json", BUNDLE)]);
    let record = record(&sources, None, None).expect("a bundle");
    assert_eq!(
        lines(&record),
        [
            "Chief complaint: Dyspnea.",
            "Past history: Hypertension.",
            "Past history: No asthma.",
            "Medications: Metformin, 500 mg twice a day.",
            "Allergies: Allergy to penicillin.",
            "Examination: Blood pressure: systolic 150 mmHg, diastolic 90 mmHg.",
            "Results: Hemoglobin 9.8 g/dl (low).",
            "Results: CT chest.",
            "Assessment: Nodule of 6 mm.",
            "Assessment: No effusion.",
        ]
    );
    check(&record, &sources);
    let hemoglobin = &record.entries[6];
    assert_eq!(hemoglobin.spans[0].pointer.as_deref(), Some("/entry/4/resource/valueQuantity"));
    assert!(BUNDLE[hemoglobin.spans[0].bytes.clone()].contains("9.80"));
    assert_eq!(hemoglobin.date.as_deref(), Some("2024-02-28"));
    assert!(record.missing.contains(&Part::Plan) && record.missing.contains(&Part::History));
    assert!(!serde_json::to_string(&record).expect("JSON").contains("Roe"));
}

#[test]
fn headings_hold_until_the_next_one() {
    let note = "CHIEF COMPLAINT: cough\n\nHPI:\nCough for a week, with\nfever. BP was not taken.\n\nImpression:\n1. Pneumonia.\n2. No effusion.\nPlan: antibiotics; return in 2 weeks.";
    let sources = of(&[("note.txt", note)]);
    let record = record(&sources, None, None).expect("a note");
    assert_eq!(
        lines(&record),
        [
            "Chief complaint: Cough.",
            "History of present illness: Cough for a week, with fever.",
            "History of present illness: Blood pressure was not taken.",
            "Assessment: Pneumonia.",
            "Assessment: No effusion.",
            "Plan: Antibiotics.",
            "Plan: Return in 2 weeks.",
        ]
    );
    check(&record, &sources);
}

#[test]
fn what_is_new_changed_resolved_and_not_mentioned_is_told_apart() {
    let before = "Findings: Nodule of 6 mm. Pleural effusion. Fever. Cardiomegaly. Possible pneumonia.";
    let now = "Findings: Nodule of 8 mm. No pleural effusion. Ascites. Cardiomegaly. Mother had asthma.";
    let make = |text: &str| record(&of(&[("note.txt", text)]), None, None).expect("a note");
    let found: Vec<String> = compare(&make(now), &make(before))
        .iter()
        .map(|change| {
            format!(
                "{} {} {}>{}",
                change.term,
                change.kind.word(),
                change.before.join("+"),
                change.now.join("+")
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            "ascites new >",
            "nodule changed 6 mm>8 mm",
            "pleural effusion resolved >",
            "cardiomegaly as before >",
            "fever not mentioned now >",
        ]
    );
}

#[test]
fn a_model_words_only_what_its_source_bears_out() {
    let sources = of(&[("note.txt", "Fever and cough. No rash. Nodule of 8 mm.")]);
    let says = |sentence: &str| -> Result<String, String> {
        Ok(match sentence {
            "Fever and cough." => "The patient has fever and cough.",
            "No rash." => "There is a rash.",
            _ => "Nodule of 18 mm.",
        }
        .to_owned())
    };
    let record =
        record(&sources, None, Some(&Wording { model: "scripted", propose: &says })).expect("a note");
    assert_eq!(
        record.entries.iter().map(|entry| entry.text.as_str()).collect::<Vec<_>>(),
        ["The patient has fever and cough.", "No rash.", "Nodule of 8 mm."]
    );
    assert_eq!(record.entries[0].replaced.as_deref(), Some("Fever and cough."));
    assert_eq!(record.refused.len(), 2);
    assert!(record.notes.iter().any(|note| note.starts_with("Of 3 sentences")), "{:?}", record.notes);
    check(&record, &sources);
}

#[test]
fn a_model_that_fails_is_soon_left_alone_and_the_record_says_so() {
    let text = "Fever. Cough. Rash. Nausea. Vomiting.";
    let sources = of(&[("note.txt", text)]);
    let plain = record(&sources, None, None).expect("a note");
    let asked = std::cell::Cell::new(0);
    let fails = |_: &str| -> Result<String, String> {
        asked.set(asked.get() + 1);
        Err("no whole answer within 2 s".to_owned())
    };
    let with = record(&sources, None, Some(&Wording { model: "slow", propose: &fails })).expect("a note");
    assert_eq!(with.entries, plain.entries);
    assert_eq!(asked.get(), FAILURES);
    assert!(
        with.notes.iter().any(|note| note.contains("within 2 s") && note.contains("slow")),
        "{:?}",
        with.notes
    );
}

#[test]
fn empty_endless_repeated_and_foreign_answers_change_nothing() {
    let sources = of(&[("note.txt", "Fever and cough. No rash. Nodule of 8 mm.")]);
    let plain = record(&sources, None, None).expect("a note");
    let endless = "again ".repeat(5000);
    for answer in [
        "",
        " \n",
        endless.as_str(),
        "Fever. Fever. Fever. Fever.",
        "{\"x\": 1}",
        "Fieber und Husten.",
        "发烧和咳嗽。",
        "Normal.",
    ] {
        let says = |_: &str| Ok(answer.to_owned());
        let with = record(&sources, None, Some(&Wording { model: "odd", propose: &says })).expect("a note");
        assert_eq!(with.entries, plain.entries, "{answer:.40}");
        assert_eq!(with.refused.len(), 3);
    }
}

#[test]
fn the_page_marks_every_sentence_in_its_source_and_runs_no_script() {
    let sources =
        of(&[("note.txt", "Fever <script>alert(1)</script> & cough. No rash."), ("bundle.json", BUNDLE)]);
    let record = record(&sources, None, None).expect("sources");
    let page = record_html(&record, &sources);
    for entry in &record.entries {
        assert!(page.contains(&format!("href=\"#{}\"", entry.id)), "{}", entry.id);
        assert_eq!(page.matches(&format!("id=\"{}\"", entry.id)).count(), 1, "{}", entry.id);
    }
    assert!(!page.contains("<script"));
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn what_is_no_source_is_refused_with_its_name() {
    let refused = |text: &str| record(&of(&[("x.json", text)]), None, None).expect_err(text).to_string();
    assert_eq!(refused(" \n"), "x.json holds no text");
    assert!(refused("{\"a\": ").contains("x.json cannot be read"));
    assert!(refused("{\"resourceType\": \"Patient\"}").contains("another kind"));
    assert!(record(&of(&[("n", "Fever.")]), Some("2024-13-01"), None).is_err());
}
