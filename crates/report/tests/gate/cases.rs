use wilhelm_report::{Case, example};
use wilhelm_study::{Certainty, Laterality, Modality};

/// A case by its name in the hand-written files: `pneumonia 0.95`, `abdomen`.
pub fn named(name: &str) -> Case {
    let mut words = name.split_whitespace();
    let kind = words.next().unwrap();
    if kind == "sided" {
        return sided(&words.collect::<Vec<_>>());
    }
    let p: Vec<f64> = words.map(|word| word.parse().unwrap()).collect();
    match kind {
        "pneumonia" => example::pneumonia(p[0]),
        "breast" => example::breast(p[0], p[1]),
        "brain" => example::brain(p[0], p[1], p[2]),
        "abdomen" => example::abdomen(),
        "chest_ct" => example::chest_ct(),
        "follow_up" => example::follow_up(p[0]),
        "nodules" => example::nodules(),
        "unread" => example::unread(),
        other => panic!("no case {other}"),
    }
}

/// A case with one finding on a side by the words `MODALITY PART NAME SIDE PROBABILITY [MEASURED VALUE UNIT DECIMALS]`, with
/// `_` for the spaces in a name.
fn sided(words: &[&str]) -> Case {
    let [modality, part, name, side, probability, measured @ ..] = words else { panic!("{words:?}") };
    let modality = match *modality {
        "CT" => Modality::Ct,
        "US" => Modality::Us,
        "MR" => Modality::Mr,
        other => panic!("no modality {other}"),
    };
    let mut case = example::case(modality, part, None, "findings", false);
    let mut finding =
        example::finding("F1", &name.replace('_', " "), &[], probability.parse().unwrap(), 0.03);
    finding.laterality = Some(match *side {
        "left" => Laterality::Left,
        "right" => Laterality::Right,
        "bilateral" => Laterality::Bilateral,
        other => panic!("no side {other}"),
    });
    if let [measured, value, unit, decimals] = measured {
        let (value, decimals) = (value.parse().unwrap(), decimals.parse().unwrap());
        finding.measurements = vec![example::measurement(&measured.replace('_', " "), value, unit, decimals)];
    }
    case.findings = vec![finding];
    case
}

/// A probability in the middle of a class.
pub fn probability(certainty: Certainty) -> f64 {
    match certainty {
        Certainty::Absent => 0.04,
        Certainty::Unlikely => 0.19,
        Certainty::Indeterminate => 0.52,
        Certainty::Probable => 0.81,
        Certainty::Present => 0.95,
    }
}

/// All classes.
pub const CLASSES: [Certainty; 5] = [
    Certainty::Absent,
    Certainty::Unlikely,
    Certainty::Indeterminate,
    Certainty::Probable,
    Certainty::Present,
];

/// Many correct cases: the three shipped tasks at many probabilities, and made-up ones with sides
/// and measurements.
pub fn many() -> Vec<Case> {
    let mut cases = Vec::new();
    for p in [0.004, 0.03, 0.08, 0.12, 0.22, 0.28, 0.35, 0.5, 0.66, 0.72, 0.81, 0.88, 0.91, 0.955, 0.994] {
        cases.push(example::pneumonia(p));
    }
    for (benign, malignant) in
        [(0.95, 0.02), (0.8, 0.15), (0.5, 0.45), (0.2, 0.75), (0.02, 0.96), (0.03, 0.04), (0.25, 0.6)]
    {
        cases.push(example::breast(benign, malignant));
    }
    for (glioma, meningioma, pituitary) in [
        (0.95, 0.02, 0.01),
        (0.02, 0.95, 0.01),
        (0.01, 0.03, 0.94),
        (0.75, 0.2, 0.02),
        (0.2, 0.12, 0.6),
        (0.01, 0.02, 0.01),
        (0.05, 0.1, 0.02),
        (0.4, 0.5, 0.05),
    ] {
        cases.push(example::brain(glioma, meningioma, pituitary));
    }
    cases.push(example::abdomen());
    cases.push(example::chest_ct());
    let sides = [Laterality::Left, Laterality::Right, Laterality::Bilateral];
    let things: [(&str, Modality, &str, &str, f64, &str, u8); 8] = [
        ("renal cyst", Modality::Ct, "abdomen", "greatest diameter", 23.0, "mm", 0),
        ("pleural effusion", Modality::Ct, "chest", "volume", 240.0, "mL", 0),
        ("pulmonary nodule", Modality::Ct, "chest", "diameter", 8.0, "mm", 0),
        ("adrenal nodule", Modality::Ct, "abdomen", "mean attenuation", 12.0, "[hnsf'U]", 0),
        ("thyroid nodule", Modality::Us, "neck", "greatest diameter", 14.5, "mm", 1),
        ("hepatic cyst", Modality::Mr, "abdomen", "volume", 3.6, "mL", 1),
        ("subdural hematoma", Modality::Ct, "head", "thickness", 9.0, "mm", 0),
        ("ovarian cyst", Modality::Us, "pelvis", "greatest diameter", 41.0, "mm", 0),
    ];
    for (index, (name, modality, part, measured, value, unit, decimals)) in things.into_iter().enumerate() {
        for (step, class) in CLASSES.into_iter().enumerate() {
            let mut case = example::case(modality.clone(), part, None, "findings", false);
            let mut finding = example::finding("F1", name, &[], probability(class), 0.03);
            finding.laterality = Some(sides[(index + step) % 3]);
            if matches!(class, Certainty::Present | Certainty::Probable | Certainty::Indeterminate) {
                finding.measurements =
                    vec![example::measurement(measured, value + step as f64, unit, decimals)];
            }
            let other =
                example::finding("F2", "aortic aneurysm", &[], probability(CLASSES[(step + 2) % 5]), 0.03);
            case.findings = vec![finding, other];
            cases.push(case);
        }
    }
    cases
}
