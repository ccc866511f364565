use std::fmt::Write;

use serde_json::json;
use wilhelm_report::{GroundContext, Report, contradictions, ground};

use crate::args;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text};

/// `wilhelm ground`
pub fn run(verb: &args::Ground) -> anyhow::Result<Exit> {
    let json = read_text(&verb.report, "report")?;
    let report: Report = serde_json::from_str(&json).map_err(|error| {
        Stop::input(format!(
            "{} is no report of this program: line {}, column {} is not as schemas/report.schema.json says",
            verb.report.display(),
            error.line(),
            error.column()
        ))
    })?;
    report.check().map_err(|error| Stop::input(format!("{}: {error}", verb.report.display())))?;
    let context = GroundContext::of(&report);
    let text = read_text(&verb.text, "text")?;
    let verdicts: Vec<_> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| (number + 1, line, ground(line, &context)))
        .collect();
    let odd = contradictions(&report);
    let refused = verdicts.iter().filter(|(_, _, verdict)| !verdict.accepted).count();
    if verb.json {
        let lines: Vec<_> = verdicts
            .iter()
            .map(|(number, line, verdict)| json!({ "line": number, "sentence": line, "verdict": verdict }))
            .collect();
        let accepted = verdicts.len() - refused;
        print_json(
            &json!({ "lines": lines, "accepted": accepted, "refused": refused, "contradictions": odd }),
        )?;
    } else {
        let mut out = String::new();
        for (number, line, verdict) in &verdicts {
            let word = if verdict.accepted { "accepted" } else { "refused " };
            writeln!(out, "{number:>4} {word}  {line}")?;
            writeln!(out, "               {}", verdict.reason)?;
        }
        writeln!(out, "{} accepted, {refused} refused", verdicts.len() - refused)?;
        for one in &odd {
            writeln!(out, "the report contradicts itself: {}", one.reason)?;
        }
        print(&out)?;
    }
    Ok(if refused == 0 && odd.is_empty() { Exit::Done } else { Exit::Defects })
}
