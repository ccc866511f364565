use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::json;
use wilhelm_knowledge::genes::{
    GeneResult, GeneTables, GenesError, GenesReport, Guidance, Statement, call, definitions, read_sample,
};
use wilhelm_learn::evaluation::document::RESEARCH_USE;

use crate::args::Genes;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};
use crate::table;

/// `wilhelm genes`
pub fn run(verb: &Genes) -> anyhow::Result<Exit> {
    let tables = tables(&verb.tables)?;
    let guidance = verb.guidance.as_deref().map(guidance).transpose()?;
    // None of these errors holds a value of the file: places and kinds alone.
    let wrong = |error: GenesError| Stop::input(format!("{}: {error}", verb.file.display()));
    let file = File::open(&verb.file)
        .map_err(|error| Stop::input(format!("VCF {} is not readable: {error}", verb.file.display())))?;
    let defined = definitions(&tables, &verb.gene).map_err(wrong)?;
    let read = read_sample(file, verb.sample.as_deref(), &defined).map_err(wrong)?;
    let report = call(&tables, &read, &verb.gene).map_err(wrong)?;
    let statements: BTreeMap<&str, Vec<&Statement>> =
        guidance.as_ref().map_or_else(BTreeMap::new, |guidance| {
            let of = |one: &GeneResult| guidance.of(&one.gene, &one.phenotype.possible);
            report.genes.iter().map(|one| (one.gene.as_str(), of(one))).collect()
        });
    if verb.json {
        print_json(&json!({ "report": report, "guidance": statements, "use": RESEARCH_USE }))?;
    } else {
        print(&for_people(&report, &statements))?;
    }
    Ok(Exit::Done)
}

fn tables(folder: &Path) -> anyhow::Result<GeneTables> {
    let mut tables = GeneTables::default();
    for path in files(&folder.join("definition"))? {
        if path.to_string_lossy().ends_with("_translation.json") {
            tables.add_definition(&path.display().to_string(), &text(&path)?).map_err(input)?;
        }
    }
    for path in files(&folder.join("phenotype"))? {
        if path.extension().is_some_and(|extension| extension == "json") {
            tables.add_phenotypes(&path.display().to_string(), &text(&path)?).map_err(input)?;
        }
    }
    if tables.definitions.is_empty() {
        return Err(Stop::input(format!(
            "{} has no definition/*_translation.json: docs/genes.md says where the tables come from",
            folder.display()
        )));
    }
    Ok(tables)
}

fn guidance(path: &Path) -> anyhow::Result<Guidance> {
    Guidance::parse(&path.display().to_string(), text(path)?.as_bytes()).map_err(input)
}

fn input(error: GenesError) -> anyhow::Error {
    Stop::input(error.to_string())
}

fn text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| Stop::input(format!("table {} is not readable: {error}", path.display())))
}

fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let fail = |error: std::io::Error| {
        Stop::input(format!("folder of tables {} is not readable: {error}", folder.display()))
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        files.push(entry.map_err(fail)?.path());
    }
    files.sort();
    Ok(files)
}

/// Diplotypes and alleles that are shown of a gene; `--json` has all.
const MOST_SHOWN: usize = 6;

fn for_people(report: &GenesReport, statements: &BTreeMap<&str, Vec<&Statement>>) -> String {
    let rows: Vec<Vec<String>> = report
        .genes
        .iter()
        .map(|one| {
            let names = one.diplotypes.iter().map(|diplotype| {
                let is_marked = diplotype.is_best && one.diplotypes.len() > 1;
                format!("{}{}", diplotype.name, if is_marked { " (best)" } else { "" })
            });
            let score = one.phenotype.activity_score.as_ref();
            let score = score.map(|score| format!(", activity score {score}")).unwrap_or_default();
            vec![
                one.gene.clone(),
                few(names.collect(), ", "),
                format!("{}{score}", one.phenotype.words()),
                format!("{}/{}", one.read, one.positions),
            ]
        })
        .collect();
    let mut shown = table::columns(&["gene", "diplotype", "phenotype", "positions read"], &rows);
    for one in &report.genes {
        let mut notes = one.notes.clone();
        let called_wrong: Vec<String> = one
            .unread
            .iter()
            .filter(|site| site.reason != wilhelm_knowledge::genes::Reason::Missing)
            .map(|site| {
                format!(
                    "{} {}",
                    site.rsid.clone().unwrap_or_else(|| site.position.to_string()),
                    site.reason.words()
                )
            })
            .collect();
        if one.read > 0 && !called_wrong.is_empty() {
            notes.push(format!("not read: {}", few(called_wrong, ", ")));
        }
        if !one.not_excluded.is_empty() {
            notes.push(format!(
                "not excluded, for want of their positions: {}",
                few(one.not_excluded.clone(), ", ")
            ));
        }
        notes.iter().for_each(|note| shown.push_str(&format!("{}: {note}\n", one.gene)));
    }
    for statement in statements.values().flatten() {
        shown.push_str(&format!(
            "{} {}, {}: {} (level: {}; source: {})\n",
            statement.gene,
            statement.phenotype,
            statement.drug,
            statement.statement,
            statement.level,
            statement.source
        ));
    }
    if statements.values().any(|found| !found.is_empty()) {
        shown.push_str("Statements are options with their evidence, for each phenotype that remains possible; none is an order.\n");
    }
    shown.push_str(&format!("Genome: {}\n", report.build));
    report.notes.iter().for_each(|note| shown.push_str(&format!("File: {note}\n")));
    shown.push_str(&format!("An unread position is never taken for the reference. {RESEARCH_USE}\n"));
    shown
}

fn few(mut names: Vec<String>, between: &str) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let more = names.len().saturating_sub(MOST_SHOWN);
    names.truncate(MOST_SHOWN);
    let shown = names.join(between);
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}
