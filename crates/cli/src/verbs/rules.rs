use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};
use wilhelm_learn::evaluation::Table;
use wilhelm_report::guideline::{
    Decision, Guideline, GuidelineError, InputKind, Outcome, apply, apply_measured, guideline, guidelines,
};

use crate::args;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text};
use crate::table::columns;

pub type Inputs = BTreeMap<String, String>;

/// `wilhelm rules`
pub fn run(verb: &args::Rules, config: &Config) -> anyhow::Result<Exit> {
    match &verb.verb {
        args::RulesVerb::List(list) => listed(list),
        args::RulesVerb::Show(show) => shown(show),
        args::RulesVerb::Apply(apply) => applied(apply, config),
    }
}

/// `wilhelm rules list`
fn listed(verb: &args::RulesList) -> anyhow::Result<Exit> {
    if verb.json {
        let rules = guidelines().iter().map(|rule| {
            json!({ "rule": rule.id, "version": rule.version, "title": rule.title, "citation": rule.citation() })
        });
        print_json(&json!({ "rules": rules.collect::<Vec<_>>() }))?;
    } else {
        let rows: Vec<Vec<String>> = guidelines()
            .iter()
            .map(|rule| vec![rule.id.clone(), rule.version.clone(), rule.title.clone()])
            .collect();
        print(&columns(&["rule", "version", "what it is"], &rows))?;
    }
    Ok(Exit::Done)
}

/// The rule of a name, or what names there are.
fn named(name: &str) -> anyhow::Result<&'static Guideline> {
    guideline(name).ok_or_else(|| {
        let names: Vec<&str> = guidelines().iter().map(|rule| rule.id.as_str()).collect();
        Stop::usage(format!("no rule is named {name}, expected one of: {}", names.join(", ")))
    })
}

fn kind(kind: &InputKind) -> String {
    match kind {
        InputKind::Choice(values) => values.join(" | "),
        InputKind::Number(measured) => {
            let mut text = match measured.unit() {
                "1" => "a number".to_owned(),
                unit => unit.to_owned(),
            };
            if measured.is_whole() {
                text.push_str(", whole");
            }
            if let Some(to) = measured.rounded_to() {
                let _ = write!(text, ", rounded to {to}");
            }
            if let Some(formula) = measured.computed() {
                let _ = write!(text, ", else {formula}");
            }
            text
        }
    }
}

/// `wilhelm rules show`
fn shown(verb: &args::RulesShow) -> anyhow::Result<Exit> {
    let rule = named(&verb.name)?;
    if verb.json {
        let inputs =
            rule.inputs.iter().map(|i| json!({ "name": i.name, "asks": i.asks, "takes": kind(&i.kind) }));
        let outside = rule.outside.iter().map(|o| json!({ "id": o.id, "when": o.when, "reason": o.reason }));
        let branches = rule.branches.iter().map(|b| {
            json!({
                "id": b.id, "when": b.when, "category": b.category, "rank": b.rank,
                "recommendation": b.recommendation, "next": b.next,
            })
        });
        print_json(&json!({
            "rule": rule.id, "version": rule.version, "title": rule.title, "scope": rule.scope, "sources": rule.sources,
            "inputs": inputs.collect::<Vec<_>>(), "outside": outside.collect::<Vec<_>>(),
            "branches": branches.collect::<Vec<_>>(), "conventions": rule.conventions, "not_covered": rule.not_covered,
        }))?;
        return Ok(Exit::Done);
    }
    let mut out = format!("{}\n{} {}\nfor {}\n", rule.title, rule.id, rule.version, rule.scope);
    for source in &rule.sources {
        writeln!(out, "source: {}", source.text())?;
    }
    out.push_str("\ninputs\n");
    for input in &rule.inputs {
        writeln!(out, "  {} ({})\n      {}", input.name, kind(&input.kind), input.asks)?;
    }
    if !rule.outside.is_empty() {
        out.push_str("\ndoes not apply\n");
        for outside in &rule.outside {
            writeln!(out, "  {}: {}\n      {}", outside.id, outside.when, outside.reason)?;
        }
    }
    out.push_str("\nbranches, the first that holds\n");
    for branch in &rule.branches {
        writeln!(out, "  {}: {}\n      {}", branch.id, branch.when, branch.category)?;
        if let Some(recommendation) = &branch.recommendation {
            writeln!(out, "      {recommendation}")?;
        }
    }
    for (title, lines) in [("conventions", &rule.conventions), ("not covered", &rule.not_covered)] {
        writeln!(out, "\n{title}")?;
        for line in lines {
            writeln!(out, "  {line}")?;
        }
    }
    print(&out)?;
    Ok(Exit::Done)
}

/// Whether a rule had an answer, that it does not apply included.
pub const fn answered(decision: &Decision) -> bool {
    matches!(decision.outcome, Outcome::Decided { .. } | Outcome::Outside { .. })
}

/// `wilhelm rules apply`
fn applied(verb: &args::RulesApply, config: &Config) -> anyhow::Result<Exit> {
    let rule = named(&verb.name)?;
    if let Some(file) = &verb.cases {
        return many(rule, file, verb.json);
    }
    let mut inputs = Inputs::new();
    for pair in &verb.input {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| Stop::usage(format!("--input {pair} has no =, expected KEY=VALUE")))?;
        if inputs.insert(name.trim().to_owned(), value.to_owned()).is_some() {
            return Err(Stop::usage(format!("--input {name} is given twice")));
        }
    }
    if !verb.mask.is_empty() {
        return super::rules_measured::run(rule, &inputs, verb, config);
    }
    let decision = apply(rule, &inputs).map_err(|error| Stop::input(error.to_string()))?;
    if verb.json {
        print_json(&decision)?
    } else {
        print(&decision.text())?
    }
    Ok(if answered(&decision) { Exit::Done } else { Exit::Defects })
}

/// Every case of a file, each answered or refused by itself.
fn many(rule: &Guideline, file: &Path, as_json: bool) -> anyhow::Result<Exit> {
    let text = read_text(file, "cases")?;
    let cases = if text.trim_start().starts_with(['[', '{']) {
        of_json(file, &text)?
    } else {
        of_table(rule, file, &text)?
    };
    let answers: Vec<(String, Result<Decision, GuidelineError>)> =
        cases.into_iter().map(|(case, inputs)| (case, apply(rule, &inputs))).collect();
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
        let rows: Vec<Vec<String>> = answers.iter().map(|(case, answer)| row(case, answer)).collect();
        print(&columns(&["case", "answer", "branch", "recommendation"], &rows))?;
    }
    Ok(if open == 0 { Exit::Done } else { Exit::Defects })
}

pub fn row(case: &str, answer: &Result<Decision, GuidelineError>) -> Vec<String> {
    let row = |answer: &str, branch: &str, recommendation: &str| {
        [case, answer, branch, recommendation].map(str::to_owned).to_vec()
    };
    match answer.as_ref().map(|decision| &decision.outcome) {
        Ok(Outcome::Decided { branch, category, recommendation, .. }) => {
            row(category, branch, recommendation.as_deref().unwrap_or(""))
        }
        Ok(Outcome::Outside { branch, reason }) => row(&format!("does not apply: {reason}"), branch, ""),
        Ok(Outcome::Undecided { without, .. }) => {
            row(&format!("cannot be decided without {}", without.join(", ")), "", "")
        }
        Ok(Outcome::Uncovered { reason }) => row(&format!("no answer: {reason}"), "", ""),
        Err(error) => row(&format!("refused: {error}"), "", ""),
    }
}

/// Cases of a table: a column for each input, its unit in brackets where the cells hold bare numbers.
fn of_table(rule: &Guideline, file: &Path, text: &str) -> anyhow::Result<Vec<(String, Inputs)>> {
    let table = Table::parse(&file.display().to_string(), text.as_bytes())?;
    let mut names = Vec::new();
    for column in table.header() {
        let (name, unit) = match column.trim().strip_suffix(']').and_then(|head| head.split_once('[')) {
            Some((name, unit)) => (name.trim(), Some(unit.trim())),
            None => (column.trim(), None),
        };
        if name != "case" && rule.input(name).is_none() {
            let known: Vec<&str> = rule.inputs.iter().map(|input| input.name.as_str()).collect();
            return Err(Stop::input(format!(
                "{}: column {name} is no input of rule {}, expected case or one of: {}",
                file.display(),
                rule.id,
                known.join(", ")
            )));
        }
        names.push((name.to_owned(), unit.map(str::to_owned)));
    }
    let case = |(number, cells): (usize, &[String])| {
        let mut inputs = Inputs::new();
        let mut title = format!("{}", number + 1);
        for ((name, unit), cell) in names.iter().zip(cells) {
            match (name.as_str(), unit, cell.trim()) {
                ("case", _, cell) => title = cell.to_owned(),
                (_, _, "") => {}
                (name, Some(unit), cell) => {
                    inputs.insert(name.to_owned(), format!("{cell} {unit}"));
                }
                (name, None, cell) => {
                    inputs.insert(name.to_owned(), cell.to_owned());
                }
            }
        }
        (title, inputs)
    };
    Ok(table.rows().iter().map(|row| row.cells.as_slice()).enumerate().map(case).collect())
}

/// Cases of a JSON array of objects, or of one object: inputs as text, or as numbers where they have no unit.
fn of_json(file: &Path, text: &str) -> anyhow::Result<Vec<(String, Inputs)>> {
    let wrong = |what: String| Stop::input(format!("{}: {what}", file.display()));
    let cases: Value = serde_json::from_str(text).map_err(|error| wrong(format!("no JSON: {error}")))?;
    let cases = match cases {
        Value::Array(cases) => cases,
        one => vec![one],
    };
    let mut all = Vec::new();
    for (number, case) in cases.into_iter().enumerate() {
        let Value::Object(entries) = case else {
            return Err(wrong(format!("case {} is no object of inputs", number + 1)));
        };
        let (mut inputs, mut title) = (Inputs::new(), format!("{}", number + 1));
        for (name, value) in entries {
            let value = match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Bool(yes) => (if yes { "yes" } else { "no" }).to_owned(),
                Value::Null => continue,
                Value::Array(_) | Value::Object(_) => {
                    return Err(wrong(format!("{name} of case {} is no text and no number", number + 1)));
                }
            };
            if name == "case" {
                title = value;
            } else {
                inputs.insert(name, value);
            }
        }
        all.push((title, inputs));
    }
    Ok(all)
}

/// Decisions of files that `wilhelm rules apply --json` wrote, applied again from their inputs.
pub fn decisions(files: &[std::path::PathBuf]) -> anyhow::Result<Vec<Decision>> {
    files.iter().map(|file| decision(file)).collect()
}

fn decision(file: &Path) -> anyhow::Result<Decision> {
    let wrong = |what: String| Stop::input(format!("decision {}: {what}", file.display()));
    let text = read_text(file, "decision")?;
    let stored: Decision = serde_json::from_str(&text)
        .map_err(|error| wrong(format!("it is not what wilhelm rules apply --json writes: {error}")))?;
    let rule = guideline(&stored.rule).ok_or_else(|| wrong(format!("no rule is named {}", stored.rule)))?;
    let mut typed = stored.inputs.clone();
    for one in &stored.measured {
        if typed.remove(&one.input).as_deref() != Some(one.value.as_str()) {
            return Err(wrong(format!(
                "{} is said to be measured, and the rule was given another value",
                one.input
            )));
        }
    }
    let again = apply_measured(rule, &typed, &stored.measured).map_err(|error| wrong(error.to_string()))?;
    if again != stored {
        return Err(wrong(format!(
            "rule {} {} says otherwise of these inputs than the file does: apply it again",
            again.rule, again.version
        )));
    }
    Ok(again)
}
