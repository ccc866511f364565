//! Made-up cases for documentation, tests and pages: no patient, no real image.

use std::collections::BTreeMap;

use wilhelm_study::{
    Certainty, Evidence, EvidenceId, EvidenceSource, Finding, FindingId, ImageBox, Laterality, Measurement,
    Modality, Observation, ProbabilityInterval, Quantity, View,
};

use crate::guideline::{MeasuredInput, apply_measured, guideline};
use crate::{Abstention, Case, Caution, Exam, ImageRef, ModelUse, Prior};

/// A finding with its probability; the interval reaches `half` to each side.
///
/// # Panics
/// If `probability` is outside 0 to 1.
pub fn finding(id: &str, name: &str, synonyms: &[&str], probability: f64, half: f64) -> Finding {
    let low = (probability - half).max(0.0);
    let high = (probability + half).min(1.0);
    Finding {
        id: FindingId(id.to_owned()),
        observation: Observation {
            key: name.replace([' ', '-'], "_"),
            name: name.to_owned(),
            synonyms: synonyms.iter().map(|&s| s.to_owned()).collect(),
            code: None,
        },
        probability: ProbabilityInterval::new(low, probability, high, 0.95).expect("a probability in 0 to 1"),
        certainty: Certainty::of(probability),
        laterality: None,
        place: None,
        measurements: Vec::new(),
        normal: false,
        evidence: vec![EvidenceId("E1".to_owned())],
    }
}

/// A measurement borne by `E2`.
pub fn measurement(name: &str, value: f64, unit: &str, decimals: u8) -> Measurement {
    Measurement {
        name: name.to_owned(),
        quantity: Quantity { value, unit: unit.to_owned(), decimals },
        evidence: EvidenceId("E2".to_owned()),
    }
}

/// A case without findings: an examination and the evidence `E1` (a model) and `E2` (a measurement).
pub fn case(modality: Modality, body_part: &str, view: Option<View>, model: &str, heatmap: bool) -> Case {
    let volume = matches!(modality, Modality::Ct | Modality::Mr | Modality::Pt);
    Case {
        id: "example".to_owned(),
        exam: Exam {
            modality: Some(modality),
            body_part: Some(body_part.to_owned()),
            view,
            size: if volume { [512, 512, 40] } else { [1024, 1024, 1] },
            spacing_mm: Some(if volume { [0.7, 0.7, 5.0] } else { [0.14, 0.14, 0.0] }),
            files: if volume { 40 } else { 1 },
        },
        evidence: vec![
            Evidence {
                id: EvidenceId("E1".to_owned()),
                source: EvidenceSource::Model {
                    model: model.to_owned(),
                    version: "1".to_owned(),
                    weights_sha256: "5f".repeat(32),
                    input_sha256: "a3".repeat(32),
                    heatmap: heatmap.then(|| "heatmap.png".to_owned()),
                },
                summary: format!("output of model {model}"),
            },
            Evidence {
                id: EvidenceId("E2".to_owned()),
                source: EvidenceSource::Measurement { method: "segmentation, greatest diameter".to_owned() },
                summary: "measured on the native grid".to_owned(),
            },
        ],
        models: vec![ModelUse {
            name: model.to_owned(),
            version: "1".to_owned(),
            validation: "AUC 0.95 (95 % interval 0.93 to 0.97) on 524 images".to_owned(),
            limits: vec!["not for use on children below one year".to_owned()],
        }],
        images: vec![ImageRef {
            title: "image 1".to_owned(),
            sha256: "a3".repeat(32),
            heatmap: heatmap.then(|| "heatmap.png".to_owned()),
        }],
        ..Case::default()
    }
}

/// A chest radiograph read for pneumonia.
pub fn pneumonia(probability: f64) -> Case {
    let mut case = case(Modality::Dx, "chest", Some(View::Pa), "chest-pneumonia", true);
    let mut pneumonia = finding("F1", "pneumonia", &["lung infection"], probability, 0.04);
    pneumonia.place = Some(ImageBox { column: 120, row: 340, columns: 200, rows: 180, slice: 0 });
    case.findings = vec![pneumonia];
    case.request = vec!["fever and cough for three days".to_owned()];
    case.cautions = vec![Caution {
        text: "the model was trained on children of 1 to 5 years; this patient is 61 years old".to_owned(),
        evidence: vec![],
    }];
    case
}

/// A breast ultrasound read for a benign lesion, a malignant lesion and a normal breast.
pub fn breast(benign: f64, malignant: f64) -> Case {
    let mut case = case(Modality::Us, "breast", None, "breast-lesion", true);
    let absent = (1.0 - benign - malignant).max(0.0);
    let mut normal = finding("F3", "no breast lesion", &["no lesion", "normal breast tissue"], absent, 0.02);
    normal.observation.key = "normal".to_owned();
    normal.normal = true;
    case.findings = vec![
        finding(
            "F1",
            "benign breast lesion",
            &["benign lesion", "benign mass", "benign breast mass"],
            benign,
            0.05,
        ),
        finding(
            "F2",
            "malignant breast lesion",
            &["malignant lesion", "malignant mass", "malignancy", "breast cancer", "breast malignancy"],
            malignant,
            0.05,
        ),
        normal,
    ];
    case
}

/// A brain MR read for the type of a tumor.
pub fn brain(glioma: f64, meningioma: f64, pituitary: f64) -> Case {
    let mut case = case(Modality::Mr, "brain", None, "brain-tumor", true);
    let absent = (1.0 - glioma - meningioma - pituitary).max(0.0);
    let mut healthy = finding("F4", "no tumor", &["no brain tumor", "no intracranial tumor"], absent, 0.02);
    healthy.normal = true;
    case.findings = vec![
        finding("F1", "glioma", &["glial tumor"], glioma, 0.03),
        finding("F2", "meningioma", &["meningeal tumor"], meningioma, 0.03),
        finding(
            "F3",
            "pituitary tumor",
            &["pituitary adenoma", "tumor of the pituitary gland"],
            pituitary,
            0.03,
        ),
        healthy,
    ];
    case
}

/// An abdominal CT with a measured left renal cyst and a right adrenal nodule that is not there.
pub fn abdomen() -> Case {
    let mut case = case(Modality::Ct, "abdomen", None, "abdomen-lesions", false);
    let mut cyst = finding("F1", "renal cyst", &["kidney cyst", "cyst of the kidney"], 0.95, 0.03);
    cyst.laterality = Some(Laterality::Left);
    cyst.measurements = vec![
        measurement("greatest diameter", 23.0, "mm", 0),
        measurement("volume", 6.4, "mL", 1),
        measurement("mean attenuation", 8.0, "[hnsf'U]", 0),
    ];
    let mut nodule = finding("F2", "adrenal nodule", &["nodule of the adrenal gland"], 0.04, 0.03);
    nodule.laterality = Some(Laterality::Right);
    case.findings = vec![cyst, nodule, finding("F3", "hydronephrosis", &[], 0.2, 0.06)];
    case
}

/// The abdominal CT of [`abdomen`] with an earlier one, on which the left renal cyst was smaller.
pub fn follow_up(before_mm: f64) -> Case {
    let mut case = abdomen();
    let mut before = case.findings[0].clone();
    before.measurements = vec![measurement("greatest diameter", before_mm, "mm", 0)];
    case.evidence.push(Evidence {
        id: EvidenceId("P1".to_owned()),
        source: EvidenceSource::Measurement { method: "lesions matched after registration".to_owned() },
        summary: "the same cyst on the earlier examination".to_owned(),
    });
    case.priors =
        vec![Prior { of: FindingId("F1".to_owned()), before, evidence: EvidenceId("P1".to_owned()) }];
    case
}

/// A chest CT with two left pulmonary nodules, counted.
pub fn nodules() -> Case {
    let mut case = case(Modality::Ct, "chest", None, "chest-findings", false);
    let mut nodule = finding("F1", "pulmonary nodule", &["lung nodule"], 0.95, 0.03);
    nodule.laterality = Some(Laterality::Left);
    nodule.measurements =
        vec![measurement("count", 2.0, "1", 0), measurement("greatest diameter", 9.0, "mm", 0)];
    case.findings = vec![nodule, finding("F2", "pneumothorax", &[], 0.02, 0.015)];
    case
}

/// A chest CT with a right pleural effusion and a pulmonary nodule.
pub fn chest_ct() -> Case {
    let mut case = case(Modality::Ct, "chest", None, "chest-findings", false);
    let mut effusion = finding("F1", "pleural effusion", &[], 0.97, 0.02);
    effusion.laterality = Some(Laterality::Right);
    effusion.measurements = vec![measurement("volume", 120.0, "mL", 0)];
    let mut nodule = finding("F2", "pulmonary nodule", &["lung nodule"], 0.78, 0.06);
    nodule.laterality = Some(Laterality::Left);
    nodule.measurements = vec![measurement("diameter", 8.0, "mm", 0)];
    case.findings = vec![effusion, nodule, finding("F3", "pneumothorax", &[], 0.02, 0.015)];
    case
}

/// A chest CT whose nodule was measured in a mask for the rule of the Fleischner Society.
pub fn measured_nodule() -> Case {
    let axis = |input: &str, value: f64| MeasuredInput {
        input: input.to_owned(),
        value: format!("{value:.2} mm"),
        low: format!("{:.2} mm", value - 0.4),
        high: format!("{:.2} mm", value + 0.4),
        method: "long axis in the acquired plane where it is longest".to_owned(),
        on: "label 3 (nodule), plane 12, mask SHA-256 0123456789abcdef".to_owned(),
    };
    let given: BTreeMap<String, String> = [
        ("age", "61 years"),
        ("known_cancer", "no"),
        ("immunosuppressed", "no"),
        ("screening", "no"),
        ("number", "single"),
        ("density", "solid"),
        ("risk", "low"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let rule = guideline("fleischner-2017").expect("a rule of this program");
    let decision = apply_measured(rule, &given, &[axis("long_axis", 8.04), axis("short_axis", 6.0)]);
    Case { decisions: vec![decision.expect("all that it asks for")], ..chest_ct() }
}

/// An image that no model read.
pub fn unread() -> Case {
    let mut case = case(Modality::Dx, "hand", None, "chest-pneumonia", false);
    case.evidence.clear();
    case.models.clear();
    case.images[0].heatmap = None;
    case.abstentions = vec![
        Abstention {
            model: "chest-pneumonia".to_owned(),
            reason: "the image is a radiograph of the hand, expected the chest".to_owned(),
        },
        Abstention {
            model: "breast-lesion".to_owned(),
            reason: "the image is a radiograph, expected an ultrasound image".to_owned(),
        },
    ];
    case
}

/// One case of each kind.
pub fn all() -> Vec<Case> {
    vec![
        pneumonia(0.87),
        pneumonia(0.03),
        breast(0.2, 0.75),
        brain(0.03, 0.94, 0.01),
        brain(0.01, 0.02, 0.01),
        abdomen(),
        chest_ct(),
        follow_up(17.0),
        nodules(),
        unread(),
    ]
}
