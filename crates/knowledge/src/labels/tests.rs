use super::*;

/// Reports and labels of the original, one a line, in its quoted form.
const SAMPLES: &str = include_str!("../../data/chexpert/sample_reports.csv");
const LABELED: &str = include_str!("../../data/chexpert/labeled_reports.csv");

/// Fields of a table in RFC 4180.
fn fields(table: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    for character in table.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            other => field.push(other),
        }
    }
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows
}

#[test]
fn the_original_s_samples_get_the_original_s_labels_by_either_cues() {
    let reports = fields(SAMPLES);
    let truth = fields(LABELED);
    assert_eq!((reports.len(), truth.len()), (4, 5));
    let names: Vec<&str> = truth[0][1..].iter().map(String::as_str).collect();
    assert_eq!(names, Observation::ALL.map(Observation::name));
    for cues in [LabelCues::Patterns, LabelCues::Context] {
        let mut agree = 0;
        for (report, truth) in reports.iter().zip(&truth[1..]) {
            let text = report.join(",");
            let found = label_report(&text, cues);
            for (observation, expected) in Observation::ALL.iter().zip(&truth[truth.len() - 14..]) {
                let found = found.labels.get(observation).map_or("", |status| status.cell());
                assert_eq!(found, expected, "{cues:?}, {}: {text}", observation.name());
                agree += 1;
            }
        }
        println!("{cues:?}: {agree} of 56 cells agree");
        assert_eq!(agree, 56);
    }
}

fn check(text: &str, expected: &[(Observation, Status)]) {
    for cues in [LabelCues::Patterns, LabelCues::Context] {
        let found = label_report(text, cues);
        let wanted: BTreeMap<Observation, Status> = expected.iter().copied().collect();
        assert_eq!(found.labels, wanted, "{cues:?}: {text}\n{:#?}", found.mentions);
    }
}

#[test]
fn reports_worked_by_hand() {
    use Observation::{
        Cardiomegaly, Consolidation, Edema, EnlargedCardiomediastinum, Fracture, LungLesion, NoFinding,
        PleuralEffusion, Pneumonia, Pneumothorax, SupportDevices,
    };
    use Status::{Absent, Present, Uncertain};
    check("", &[(NoFinding, Present)]);
    check(
        "Right PICC in place. No pneumothorax.",
        &[(NoFinding, Present), (Pneumothorax, Absent), (SupportDevices, Present)],
    );
    // Denied in one sentence and stated in another is present; denied and in doubt is in doubt.
    check("No effusion. Small left effusion.", &[(PleuralEffusion, Present)]);
    check("No pneumonia. Cannot exclude pneumonia.", &[(Pneumonia, Uncertain)]);
    // Failure of the heart puts its size in doubt.
    check("Congestive heart failure.", &[(Cardiomegaly, Uncertain), (Edema, Present)]);
    check("Stable cardiomediastinal silhouette.", &[(EnlargedCardiomediastinum, Uncertain)]);
    check("Heart size is stable.", &[(Cardiomegaly, Uncertain)]);
    check("Normal heart size with small effusion.", &[(Cardiomegaly, Absent), (PleuralEffusion, Present)]);
    check(
        "The heart and mediastinum are within normal limits.",
        &[(NoFinding, Present), (Cardiomegaly, Absent), (EnlargedCardiomediastinum, Absent)],
    );
    // Where something lies is no mention of the place, and a massive effusion no mass.
    check("Nodule over the heart.", &[(LungLesion, Present)]);
    check("Massive effusion.", &[(PleuralEffusion, Present)]);
    check(
        "No consolidation, effusion or fracture.",
        &[(NoFinding, Present), (Consolidation, Absent), (PleuralEffusion, Absent), (Fracture, Absent)],
    );
}

#[test]
fn a_label_names_the_words_it_comes_from() {
    let found = label_report("No focal  Consolidation seen.", LabelCues::Context);
    let [mention] = &found.mentions[..] else { panic!("one mention: {found:?}") };
    assert_eq!((mention.phrase.as_str(), mention.cue.as_deref()), ("consolidat", Some("no")));
    assert_eq!(mention.sentence, "no focal consolidation seen.");
}

proptest::proptest! {
    #[test]
    fn any_text_is_labeled(text in proptest::prelude::any::<String>()) {
        for cues in [LabelCues::Patterns, LabelCues::Context] {
            let found = label_report(&text, cues);
            proptest::prop_assert_eq!(found.labels.is_empty(), false);
        }
    }
}
