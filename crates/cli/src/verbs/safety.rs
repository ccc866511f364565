use std::path::Path;

use wilhelm_learn::evaluation::document::{Document, RESEARCH_USE, forest, html, markdown};
use wilhelm_learn::evaluation::signals::{
    Reports, Signal, SignalColumns, SignalRatio, SignalReport, SignalSettings, find_signals,
};

use crate::args::{Safety, SafetySignals, SafetyVerb};
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, write_folder};
use crate::progress::Line;
use crate::table;

/// `wilhelm safety`
pub fn run(verb: &Safety) -> anyhow::Result<Exit> {
    match &verb.verb {
        SafetyVerb::Signals(wanted) => signals(wanted),
    }
}

fn signals(verb: &SafetySignals) -> anyhow::Result<Exit> {
    let first = verb.out.join("signals.json");
    if !verb.force && first.exists() {
        return Err(Stop::usage(format!("{} is already there: add --force to replace it", first.display())));
    }
    let columns = SignalColumns {
        case: verb.case_column.clone(),
        drug: verb.drug_column.clone(),
        event: verb.event_column.clone(),
        strata: verb.stratum.clone(),
        version: verb.version_column.clone(),
    };
    let settings =
        SignalSettings { least: verb.least, level: verb.level, threads: rayon::current_num_threads() };
    let line = Line::new("reading");
    let reports = read(&verb.table, &columns)?;
    line.say("scoring");
    line.at(0, 1);
    let report = find_signals(&reports, &settings)?;
    drop(line);
    write(&verb.out, &report, verb.force)?;
    report.notes.iter().for_each(|note| eprintln!("wilhelm: {note}"));
    if verb.json {
        print_json(&report)?;
        return Ok(Exit::Done);
    }
    let rows: Vec<Vec<String>> = report.signals.iter().take(verb.show).map(row).collect();
    let header =
        ["drug", "event", "cases", "expected", "EBGM", "EB05", "EB95", "ROR", "IC", "IC low", "rules"];
    print(&table::columns(&header, &rows))?;
    let met = |is_met: fn(&Signal) -> bool| report.signals.iter().filter(|signal| is_met(signal)).count();
    print(&format!(
        "{} cases, {} pairs, {} with at least {} cases; EB05 of 2 or more: {}, IC low above 0: {}, ROR low above 1: {}, \
         PRR rule: {}\nIn {}: signals.csv, signals.html, signals.md, signals.svg, signals.json\nReports show what is \
         reported together, not what causes what. {RESEARCH_USE}\n",
        report.cases,
        report.pairs,
        report.signals.len(),
        report.settings.least,
        met(|signal| signal.met.ebgm),
        met(|signal| signal.met.information),
        met(|signal| signal.met.ror),
        met(|signal| signal.met.prr),
        verb.out.display()
    ))?;
    Ok(Exit::Done)
}

fn read(path: &Path, columns: &SignalColumns) -> anyhow::Result<Reports> {
    let file = path.display().to_string();
    let bytes =
        std::fs::read(path).map_err(|error| Stop::input(format!("table {file} is not readable: {error}")))?;
    let mut reports = Reports::parse(&file, &bytes, columns)?;
    // A page is passed on: it names files, not the folders of this machine.
    reports.file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Ok(reports)
}

fn row(signal: &Signal) -> Vec<String> {
    let score = &signal.score;
    let [ebgm, low, high] = match score.shrunken {
        Some(ratio) => [ratio.ebgm, ratio.low, ratio.high].map(|value| format!("{value:.2}")),
        None => ["none", "none", "none"].map(str::to_owned),
    };
    let ror = match score.ror {
        SignalRatio::Defined(ratio) => format!("{:.2}", ratio.value),
        SignalRatio::Undefined { .. } => "no value".to_owned(),
    };
    vec![
        signal.drug.clone(),
        signal.event.clone(),
        score.counts.both.to_string(),
        table::number(score.expected),
        ebgm,
        low,
        high,
        ror,
        format!("{:.2}", score.information.value),
        format!("{:.2}", score.information.low),
        signal.met.count().to_string(),
    ]
}

fn write(out: &Path, report: &SignalReport, force: bool) -> anyhow::Result<()> {
    let pages = Document::of_signals(report)?;
    let json = format!("{}\n", serde_json::to_string_pretty(report)?);
    let (csv, markdown, html) = (csv(report), markdown(&pages), html(&pages));
    let svg = forest(report)?;
    let mut files: Vec<(&str, &[u8])> = vec![
        ("signals.json", json.as_bytes()),
        ("signals.csv", csv.as_bytes()),
        ("signals.md", markdown.as_bytes()),
        ("signals.html", html.as_bytes()),
    ];
    files.extend(svg.as_ref().map(|svg| ("signals.svg", svg.as_bytes())));
    write_folder(out, &files, force)
}

/// Every listed pair; a cell without a value is empty, and the column beside it says why.
fn csv(report: &SignalReport) -> String {
    let header = [
        "drug",
        "event",
        "both",
        "drug_alone",
        "event_alone",
        "neither",
        "expected",
        "ebgm",
        "eb05",
        "eb95",
        "prr",
        "prr_low",
        "prr_high",
        "prr_undefined",
        "ror",
        "ror_low",
        "ror_high",
        "ror_undefined",
        "chi_squared_yates",
        "ic",
        "ic_low",
        "ic_high",
        "rules_met",
    ];
    let ratio = |ratio: &SignalRatio| match ratio {
        SignalRatio::Defined(ratio) => {
            vec![ratio.value.to_string(), ratio.low.to_string(), ratio.high.to_string(), String::new()]
        }
        SignalRatio::Undefined { reason, value } => {
            let reason = serde_json::to_value(reason).ok();
            let reason = reason.as_ref().and_then(|reason| reason.as_str()).unwrap_or_default().to_owned();
            vec![value.map_or(String::new(), |value| value.to_string()), String::new(), String::new(), reason]
        }
    };
    let rows: Vec<Vec<String>> = report
        .signals
        .iter()
        .map(|signal| {
            let (score, counts) = (&signal.score, &signal.score.counts);
            let mut row = vec![signal.drug.clone(), signal.event.clone()];
            row.extend(
                [counts.both, counts.drug_alone, counts.event_alone, counts.neither]
                    .map(|count| count.to_string()),
            );
            row.push(score.expected.to_string());
            let shrunken = score
                .shrunken
                .map(|ratio| [ratio.ebgm, ratio.low, ratio.high].map(|value| value.to_string()));
            row.extend(shrunken.unwrap_or_default());
            row.extend(ratio(&score.prr));
            row.extend(ratio(&score.ror));
            row.push(score.chi_squared.map_or(String::new(), |value| value.to_string()));
            let information = score.information;
            row.extend([information.value, information.low, information.high].map(|value| value.to_string()));
            row.push(signal.met.count().to_string());
            row
        })
        .collect();
    table::csv(&header, &rows)
}
