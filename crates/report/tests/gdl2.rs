//! Our rules against test cases that others wrote for theirs: the GDL2 models of `testdata/gdl2`.
//!
//! Every case of a model that we have a rule of is run; the agreement is printed, and each case that differs is named
//! below with the reason. `cargo test -p wilhelm-report --test gdl2 -- --nocapture`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;

use serde::Deserialize;
use wilhelm_report::guideline::{Decision, Outcome, apply, guideline};

const CASES: &str = include_str!("../../../testdata/gdl2/cases.json");

/// Cases whose answer of theirs is not ours, and why (docs/rules.md).
const DIFFERENT: &[(&str, &str, &str)] = &[(
    "mRECIST.v1",
    "Test default action",
    "nothing was measured: theirs says stable disease, ours names what is missing",
)];

#[derive(Deserialize)]
struct Case {
    id: String,
    input: BTreeMap<String, String>,
    expected: BTreeMap<String, String>,
}

type Inputs = BTreeMap<String, String>;

/// A model of theirs, the rule of ours, and how a case becomes our inputs.
type Pair = (&'static str, &'static str, fn(&Case) -> Inputs);

/// How a label of theirs becomes an input of ours: by itself, or as one of two measurements that say yes and no.
enum As {
    Word,
    Number(&'static str),
    Measured(&'static str, &'static str),
}

fn word(value: &str) -> String {
    match value {
        "Yes" | "Present" => "yes",
        "No" | "Absent" => "no",
        "Cystic or almost completely cystic" => "cystic",
        "Anechoic" => "anechoic",
        "Hyperechoic or isoechoic" => "isoechoic",
        "Wider than tall" => "wider_than_tall",
        "Taller than wide" => "taller_than_wide",
        "Smooth" => "smooth",
        "Lobulated or irregular" => "lobulated_or_irregular",
        "No SAH present" => "none",
        "Focal or diffuse thin SAH" => "thin",
        "Focal or diffuse thick SAH" => "thick",
        other => panic!("a value of theirs that this test does not know: {other}"),
    }
    .to_owned()
}

fn translated(case: &Case, table: &[(&str, &str, As)]) -> Inputs {
    let mut inputs = Inputs::new();
    for (label, name, how) in table {
        let Some(value) = case.input.get(*label).or_else(|| case.expected.get(*label)) else { continue };
        let value = match how {
            As::Word => word(value),
            As::Number(unit) => format!("{} {unit}", value.split(',').next().unwrap()),
            As::Measured(yes, no) => (if word(value) == "yes" { yes } else { no }).to_string(),
        };
        inputs.insert((*name).to_owned(), value);
    }
    inputs
}

fn thyroid(case: &Case) -> Inputs {
    let mut inputs = translated(
        case,
        &[
            ("Composition", "composition", As::Word),
            ("Echogenicity", "echogenicity", As::Word),
            ("Shape", "shape", As::Word),
            ("Margin", "margin", As::Word),
            ("Macrocalcifications", "macrocalcifications", As::Word),
            ("Peripheral (rim) calcifications", "rim_calcifications", As::Word),
            ("Punctate echogenic foci", "punctate_foci", As::Word),
        ],
    );
    // Theirs stops at the level; its advice names bounds of size, so any size shows the level.
    inputs.insert("size".to_owned(), "8 mm".to_owned());
    inputs
}

fn adrenal(case: &Case) -> Inputs {
    translated(
        case,
        &[
            ("Adrenal nodule SI in-phase", "mass_in", As::Number("1")),
            ("Adrenal nodule SI out-of-phase", "mass_out", As::Number("1")),
            ("Spleen SI in-phase", "spleen_in", As::Number("1")),
            ("Spleen SI out-of-phase", "spleen_out", As::Number("1")),
        ],
    )
}

fn pneumonia(case: &Case) -> Inputs {
    let bp = "Systolic BP <90mmHg or diastolic BP ≤60mmHg?";
    translated(
        case,
        &[
            ("Confusion?", "confusion", As::Word),
            ("Respiratory rate ≥30/min?", "respiratory_rate", As::Measured("30 /min", "29 /min")),
            (bp, "systolic", As::Measured("89 mmHg", "90 mmHg")),
            (bp, "diastolic", As::Measured("61 mmHg", "61 mmHg")),
            ("Age ≥ 65 years?", "age", As::Measured("65 years", "64 years")),
            (
                "Blood urea nitrogen level >19 mg/dL (>7 mmol/L)?",
                "urea",
                As::Measured("7.1 mmol/L", "7 mmol/L"),
            ),
        ],
    )
}

fn fisher(case: &Case) -> Inputs {
    translated(
        case,
        &[
            ("Signs/Symptoms", "subarachnoid_blood", As::Word),
            ("IVH presemt", "intraventricular_blood", As::Word),
        ],
    )
}

fn pesi(case: &Case) -> Inputs {
    translated(
        case,
        &[
            ("Age", "age", As::Number("years")),
            ("History of cancer", "cancer", As::Word),
            ("History of chronic cardiopulmonary disease", "cardiopulmonary_disease", As::Word),
            ("Rate", "heart_rate", As::Number("/min")),
            ("Systolic", "systolic", As::Number("mmHg")),
            ("SaO2", "oxygen_saturation", As::Number("%")),
        ],
    )
}

fn wells_pe(case: &Case) -> Inputs {
    translated(
        case,
        &[
            ("Clinical signs and symptoms of DVT?", "dvt_signs", As::Word),
            ("Is PE the number one diagnosis OR equally likely?", "pe_likeliest", As::Word),
            ("Heart Rate", "heart_rate", As::Number("/min")),
            (
                "Immobilization at least 3 days OR surgery in the Previous 4 weeks?",
                "immobilized_or_surgery",
                As::Word,
            ),
            ("Previous, objectively diagnosed PE or DVT?", "previous_vte", As::Word),
            ("Hemoptysis?", "hemoptysis", As::Word),
            ("Malignancy with treatment within 6 months or palliative?", "malignancy", As::Word),
        ],
    )
}

fn wells_dvt(case: &Case) -> Inputs {
    let mut inputs = translated(
        case,
        &[
            ("Active cancer", "active_cancer", As::Word),
            (
                "Paralysis, paresis, or recent plaster immobilisation of the legs",
                "paralysis_or_plaster",
                As::Word,
            ),
            ("Bedridden recently ≥3 days or major surgery within 12 weeks", "bedridden_or_surgery", As::Word),
            ("Localized tenderness along the deep venous system", "tenderness", As::Word),
            ("Entire leg swollen", "leg_swollen", As::Word),
            ("Calf swelling >3 cm compared to the other leg", "calf_swelling", As::Word),
            ("Pitting oedema", "pitting_edema", As::Word),
            ("Collateral (nonvaricose) superficial veins", "collateral_veins", As::Word),
            ("Alternative diagnosis to DVT at least as likely", "alternative_as_likely", As::Word),
        ],
    );
    // Theirs is the score of 1997, which does not ask for an earlier thrombosis.
    inputs.insert("previous_dvt".to_owned(), "no".to_owned());
    inputs
}

fn sepsis(case: &Case) -> Inputs {
    translated(
        case,
        &[
            ("Altered Mentation", "altered_mentation", As::Word),
            ("Respiration Rate ≥ 22 /min", "respiratory_rate", As::Measured("22 /min", "21 /min")),
            ("Systolic Blood Pressure ≤100 mm Hg", "systolic", As::Measured("100 mmHg", "101 mmHg")),
        ],
    )
}

fn geneva(case: &Case) -> Inputs {
    translated(
        case,
        &[
            ("Age", "age", As::Number("years")),
            ("Previous DVT or PE?", "previous_vte", As::Word),
            ("Surgery (under General)?", "surgery_or_fracture", As::Word),
            ("Active malignant condition?", "malignancy", As::Word),
            ("Unilateral lower limb pain?", "limb_pain", As::Word),
            ("Hemoptysis?", "hemoptysis", As::Word),
            ("Heart Rate", "heart_rate", As::Number("/min")),
            ("Pain on limb palpation?", "limb_tenderness", As::Word),
        ],
    )
}

/// Theirs compares two sums; ours asks for more, which is said here: no other lesions, the baseline is the smallest sum.
fn response(case: &Case) -> Inputs {
    let sum = |which: &str| -> Option<f64> {
        let sizes: Vec<f64> = case
            .input
            .iter()
            .filter(|(label, _)| label.ends_with(which))
            .map(|(_, size)| size.split(',').next().unwrap().parse().unwrap())
            .collect();
        (!sizes.is_empty()).then(|| sizes.iter().sum())
    };
    let mut inputs: Inputs = [("new_lesion", "no"), ("non_target", "none"), ("targets_evaluated", "yes")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    if let (Some(baseline), Some(current)) = (sum("size at baseline"), sum("current size")) {
        inputs.insert("baseline_sum".to_owned(), format!("{baseline} mm"));
        inputs.insert("smallest_sum".to_owned(), format!("{baseline} mm"));
        inputs.insert("current_sum".to_owned(), format!("{current} mm"));
        inputs.insert("targets_gone".to_owned(), if current == 0.0 { "yes" } else { "no" }.to_owned());
    }
    inputs
}

fn category(decision: &Decision) -> String {
    match &decision.outcome {
        Outcome::Decided { category, .. } => category.clone(),
        other => format!("{other:?}"),
    }
}

fn number(text: &str) -> f64 {
    text.trim_end_matches(" %").split(',').next().unwrap().parse().unwrap()
}

/// Whether a computed value is theirs, to the digits that they write.
fn same_number(decision: &Decision, name: &str, theirs: Option<&String>, within: f64) -> Result<(), String> {
    let Some(theirs) = theirs else { return Ok(()) };
    let ours = decision.values.get(name).ok_or_else(|| format!("{name} was not computed"))?;
    let apart = (number(ours) - number(theirs)).abs();
    if apart <= within { Ok(()) } else { Err(format!("{name}: ours {ours}, theirs {theirs}")) }
}

/// Whether our category says what one of their words says.
fn same_word(decision: &Decision, theirs: Option<&String>, pairs: &[(&str, &str)]) -> Result<(), String> {
    let Some(theirs) = theirs else { return Ok(()) };
    let ours = category(decision);
    let pair = pairs.iter().find(|(word, _)| word == theirs);
    match pair {
        Some((_, expected)) if ours.starts_with(expected) || ours.ends_with(expected) => Ok(()),
        _ => Err(format!("ours \"{ours}\", theirs \"{theirs}\"")),
    }
}

fn compare(model: &str, case: &Case, ours: &Decision) -> Result<(), String> {
    let theirs = |label: &str| case.expected.get(label);
    let score = |label: &str, name: &str| same_number(ours, name, theirs(label), 1e-9);
    match model {
        "ACR_TI-RADS_calculator.v1" => {
            score("ACR TI-RADS points", "points")?;
            let level = theirs("TR grade").map(|grade| grade[..3].to_owned());
            let levels = ["TR1", "TR2", "TR3", "TR4", "TR5"].map(|level| (level, level));
            same_word(ours, level.as_ref(), &levels)
        }
        "Adrenal_nodule.v1" => {
            // Theirs prints one digit of a percentage and two of a ratio.
            same_number(ours, "signal_intensity_index", theirs("ASII"), 0.05)?;
            same_number(ours, "spleen_ratio", theirs("CSI Ratio"), 0.005)?;
            same_number(ours, "spleen_ratio_change", theirs("ASR"), 0.05)
        }
        "CRB-65.v1" | "CURB-65.v1" => {
            score("Total score", "score")?;
            let groups = [
                ("Low risk group", "low risk"),
                ("Moderate risk group", "intermediate risk"),
                ("Severe risk group", "severe"),
                ("Highest risk group", "severe"),
            ];
            same_word(ours, theirs("Risk assessment"), &groups)
        }
        "Modified_Fisher_Scale_SAH.v1" => {
            let grades = [
                ("Grade 0", "modified Fisher 0"),
                ("Grade I", "modified Fisher 1"),
                ("Grade II", "modified Fisher 2"),
                ("Grade III", "modified Fisher 3"),
                ("Grade IV", "modified Fisher 4"),
            ];
            same_word(ours, theirs("Grade"), &grades)
        }
        "Simplified_PESI.v1" => {
            score("Total score", "score")?;
            let risks = [
                ("Low risk of mortality (1.1%)", "low risk"),
                ("High risk of mortality (8.9%)", "high risk"),
            ];
            same_word(ours, theirs("Percentage Mortality Risk"), &risks)
        }
        "Wells_Criteria_PE.v1" => {
            score("Total score", "score")?;
            let tiers = [("Low Risk", "low"), ("Moderate Risk", "moderate"), ("High Risk", "high")];
            same_word(ours, theirs("3 Tier Risk Level"), &tiers)?;
            let tiers = [
                ("Pulmonary embolism unlikely (with d-dimer)", "pulmonary embolism unlikely"),
                ("Pulmonary embolism likely (with CTA)", "pulmonary embolism likely"),
            ];
            same_word(ours, theirs("2 Tier Risk Level"), &tiers)
        }
        "Wells_DVT.v1" => {
            score("Wells' Score", "score")?;
            let tiers =
                [("Low probability", "thrombosis unlikely"), ("High probability", "thrombosis likely")];
            same_word(ours, theirs("DVT probability"), &tiers)
        }
        "qSOFA.v1" => {
            score("Total Score", "score")?;
            let risks = [("Not high risk.", "qSOFA negative"), ("High risk.", "qSOFA positive")];
            same_word(ours, theirs("Risk assessment"), &risks)
        }
        "rGeneva.v1" => {
            score("Total score", "score")?;
            let risks = [("Low Risk", "low"), ("Intermediate Risk", "intermediate"), ("High Risk", "high")];
            same_word(ours, theirs("Pulmonary Embolism Risk level"), &risks)
        }
        "mRECIST.v1" => {
            let responses = [
                ("Complete response", "complete response"),
                ("Partial response", "partial response"),
                ("Stable disease", "stable disease"),
                ("Progressive disease", "progressive disease"),
            ];
            same_word(ours, theirs("Interpretation"), &responses)
        }
        other => panic!("no comparison for {other}"),
    }
}

#[test]
fn every_case_of_the_gdl2_models_comes_out_as_theirs_or_is_explained() {
    let rules: [Pair; 11] = [
        ("ACR_TI-RADS_calculator.v1", "acr-ti-rads-2017", thyroid),
        ("Adrenal_nodule.v1", "adrenal-chemical-shift", adrenal),
        ("CRB-65.v1", "crb-65", pneumonia),
        ("CURB-65.v1", "curb-65", pneumonia),
        ("Modified_Fisher_Scale_SAH.v1", "modified-fisher", fisher),
        ("Simplified_PESI.v1", "simplified-pesi", pesi),
        ("Wells_Criteria_PE.v1", "wells-pe", wells_pe),
        ("Wells_DVT.v1", "wells-dvt", wells_dvt),
        ("mRECIST.v1", "recist-1.1", response),
        ("qSOFA.v1", "qsofa", sepsis),
        ("rGeneva.v1", "revised-geneva", geneva),
    ];
    let models: BTreeMap<String, Vec<Case>> = serde_json::from_str(CASES).unwrap();
    assert_eq!(models.len(), rules.len(), "each model has a rule");
    let (mut agree, mut all, mut wrong) = (0, 0, Vec::new());
    for (model, rule, translate) in rules {
        let (mut same, cases) = (0, &models[model]);
        for case in cases {
            let ours = apply(guideline(rule).unwrap(), &translate(case)).unwrap();
            let compared = compare(model, case, &ours);
            let known = DIFFERENT.iter().find(|(of, id, _)| *of == model && *id == case.id);
            match (compared, known) {
                (Ok(()), None) => same += 1,
                (Err(_), Some((.., why))) => println!("{model}, {}: {why}", case.id),
                (Ok(()), Some(_)) => wrong.push(format!("{model}, {} agrees: take it off the list", case.id)),
                (Err(why), None) => wrong.push(format!("{model}, {}: {why}", case.id)),
            }
        }
        println!("{rule:24} {same} of {} cases as {model}", cases.len());
        (agree, all) = (agree + same, all + cases.len());
    }
    println!("in all {agree} of {all}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
