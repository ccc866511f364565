//! The rules as a page: what `docs/rules.md` holds between its marks.

use std::fmt::Write;

use super::{Guideline, InputKind, guidelines};

/// All rules in Markdown: source, inputs, branches, conventions, and what is not covered.
pub fn page() -> String {
    guidelines().iter().map(section).collect::<Vec<_>>().join("\n")
}

fn section(rule: &Guideline) -> String {
    let mut out = format!("### {}\n\n`{}` {}, for {}.\n\n", rule.title, rule.id, rule.version, rule.scope);
    for source in &rule.sources {
        let _ = writeln!(out, "- Source: {}.", source.text());
    }
    for convention in &rule.conventions {
        let _ = writeln!(out, "- Convention: {convention}.");
    }
    for missing in &rule.not_covered {
        let _ = writeln!(out, "- Not covered: {missing}.");
    }
    out.push_str("\n| input | takes | what it is |\n|---|---|---|\n");
    for input in &rule.inputs {
        let takes = match &input.kind {
            InputKind::Choice(values) => values.join(", "),
            InputKind::Number(measured) => {
                let unit = match measured.unit() {
                    "1" => "a number",
                    unit => unit,
                };
                let whole = if measured.is_whole() { ", whole" } else { "" };
                let rounded = measured.rounded_to().map_or(String::new(), |to| format!(", rounded to {to}"));
                let computed =
                    measured.computed().map_or(String::new(), |formula| format!("; else `{formula}`"));
                format!("{unit}{whole}{rounded}{computed}")
            }
        };
        let _ = writeln!(out, "| `{}` | {takes} | {} |", input.name, input.asks);
    }
    out.push_str("\n| branch | when | answer |\n|---|---|---|\n");
    let cell = |text: &str| text.replace('|', "\\|");
    for outside in &rule.outside {
        let _ = writeln!(
            out,
            "| `{}` | `{}` | does not apply: {} |",
            outside.id,
            cell(&outside.when),
            outside.reason
        );
    }
    for branch in &rule.branches {
        let recommendation = branch.recommendation.as_ref().map_or(String::new(), |text| format!(". {text}"));
        let when = cell(&branch.when);
        let _ = writeln!(out, "| `{}` | `{when}` | {}{recommendation} |", branch.id, branch.category);
    }
    out
}
