//! `wilhelm rules apply --mask`: what this program measures goes into a rule without being typed.

use serde_json::json;
use sha2::{Digest, Sha256};
use wilhelm_pipeline::{MeasuredError, NamedMask, axes_of_labels, sums_of_targets};
use wilhelm_report::guideline::{Decision, Guideline, GuidelineError, MeasuredInput, apply_measured};
use wilhelm_study::LabelMap;

use crate::args;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::labels;
use crate::output::{print, print_json};
use crate::table::columns;
use crate::verbs::rules::{Inputs, answered, row};

/// Measures the masks and applies a rule to what was measured and what was given.
pub fn run(
    rule: &Guideline,
    inputs: &Inputs,
    verb: &args::RulesApply,
    config: &Config,
) -> anyhow::Result<Exit> {
    let mut masks: Vec<(LabelMap, String)> = Vec::new();
    for path in &verb.mask {
        let bytes = std::fs::read(path)
            .map_err(|error| Stop::input(format!("--mask {} is not readable: {error}", path.display())))?;
        let hex = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        masks.push((labels::read_alone(path, config)?, hex));
    }
    let named: Vec<NamedMask<'_>> =
        masks.iter().map(|(labels, sha256)| NamedMask { labels, sha256 }).collect();
    let refused = |error: MeasuredError| Stop::input(format!("--mask: {error}"));
    let asks = |name: &str| rule.input(name).is_some();
    if asks("baseline_sum") && asks("current_sum") {
        if verb.label.is_some() {
            return Err(Stop::usage("--label picks one nodule; sums are of all labels of each --mask"));
        }
        let measured = sums_of_targets(&named).map_err(refused)?;
        return one(rule, inputs, &measured, verb.json);
    }
    if !(asks("long_axis") && asks("short_axis")) {
        return Err(Stop::usage(format!(
            "rule {} asks for nothing that a mask is measured for, expected one that asks for long_axis and short_axis, \
             or for the sums of RECIST",
            rule.id
        )));
    }
    let [mask] = named.as_slice() else {
        return Err(Stop::usage(format!(
            "--mask is given {} times, and rule {} speaks of one time: give one",
            named.len(),
            rule.id
        )));
    };
    let found = axes_of_labels(*mask, verb.label).map_err(refused)?;
    match found.as_slice() {
        [(_, measured)] => one(rule, inputs, measured, verb.json),
        several => each(rule, inputs, several, verb.json),
    }
}

fn one(rule: &Guideline, inputs: &Inputs, measured: &[MeasuredInput], as_json: bool) -> anyhow::Result<Exit> {
    let decision = apply_measured(rule, inputs, measured).map_err(|error| Stop::input(error.to_string()))?;
    if as_json {
        print_json(&decision)?;
    } else {
        print(&decision.text())?;
    }
    Ok(if answered(&decision) { Exit::Done } else { Exit::Defects })
}

/// Every label by itself: what each would mean if it is a nodule, which a person judges.
fn each(
    rule: &Guideline,
    inputs: &Inputs,
    several: &[(u16, Vec<MeasuredInput>)],
    as_json: bool,
) -> anyhow::Result<Exit> {
    let answers: Vec<(String, Result<Decision, GuidelineError>)> = several
        .iter()
        .map(|(label, measured)| (format!("label {label}"), apply_measured(rule, inputs, measured)))
        .collect();
    let open = answers.iter().filter(|(_, answer)| !answer.as_ref().is_ok_and(answered)).count();
    if as_json {
        let cases = answers.iter().map(|(case, answer)| match answer {
            Ok(decision) => json!({ "case": case, "decision": decision }),
            Err(error) => json!({ "case": case, "refused": error.to_string() }),
        });
        print_json(
            &json!({ "rule": rule.id, "cases": cases.collect::<Vec<_>>(), "without_an_answer": open }),
        )?;
    } else {
        let rows: Vec<Vec<String>> = answers
            .iter()
            .zip(several)
            .map(|((case, answer), (_, measured))| {
                let axes: Vec<&str> = measured.iter().map(|one| one.value.as_str()).collect();
                let mut cells = row(case, answer);
                cells.insert(1, axes.join(" x "));
                cells
            })
            .collect();
        print(&columns(&["label", "axes", "answer", "branch", "recommendation"], &rows))?;
        print(
            "note: each label is classed as if it were a nodule; --label N with --json gives the decision of one\n",
        )?;
    }
    Ok(if open == 0 { Exit::Done } else { Exit::Defects })
}
