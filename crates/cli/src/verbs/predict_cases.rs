//! `wilhelm predict` with a model of several inputs.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::json;
use wilhelm_learn::evaluation::Table;
use wilhelm_nets::{FusionCard, FusionEntry, FusionModel, Shelf};
use wilhelm_pipeline::{CaseInput, CaseReading, predict_cases};
use wilhelm_study::{QuantityKind, Series};

use crate::args::{self, Engine};
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};
use crate::progress::Line;
use crate::table::field;

/// Cases in one go.
const BATCH: usize = 16;

/// A case before it is read: its name, and the file of each input.
struct Named {
    name: String,
    files: Vec<Option<PathBuf>>,
}

/// The model of several inputs that is asked, if one is; then it is asked alone, and by its inputs.
pub fn wanted<'a>(verb: &args::Predict, shelf: &'a Shelf) -> anyhow::Result<Option<&'a FusionEntry>> {
    let by_inputs = !verb.input.is_empty() || verb.table.is_some() || !verb.units.is_empty();
    let Some(entry) = verb.model.iter().find_map(|name| shelf.fused_by_name(name)) else {
        if by_inputs {
            return Err(Stop::usage(format!(
                "model {} reads one input: name its images without --input, --table and --units",
                verb.model.join(", ")
            )));
        }
        return Ok(None);
    };
    let (name, keys) = (&entry.card.name, entry.card.keys());
    if verb.model.len() > 1 {
        return Err(Stop::usage(format!("model {name} reads several inputs: it is asked alone")));
    }
    if !verb.paths.is_empty() || (verb.input.is_empty() == verb.table.is_none()) {
        let inputs: Vec<String> = keys.iter().map(|key| format!("--input {key}=FILE")).collect();
        return Err(Stop::usage(format!(
            "model {name} reads several inputs of a case: give one as {}, without those that are missing, or many in a \
             table with the columns case, {} by --table",
            inputs.join(" "),
            keys.join(", ")
        )));
    }
    if verb.engine == Some(Engine::OnnxRuntime) || verb.onnx_runtime.is_some() {
        return Err(Stop::usage(format!(
            "model {name} reads several inputs, any of which may be missing: only this program computes it"
        )));
    }
    Ok(Some(entry))
}

pub fn run(verb: &args::Predict, entry: &FusionEntry, config: &Config) -> anyhow::Result<Exit> {
    let card = &entry.card;
    let declared = declared(verb, card)?;
    let cases = match &verb.table {
        Some(table) => of_table(table, card)?,
        None => vec![of_inputs(verb, card)?],
    };
    let model = entry.load()?;
    let mut written = Written::new(card);
    let line = Line::new("predicting");
    let mut failed = false;
    for (done, chunk) in cases.chunks(BATCH).enumerate() {
        line.at(done * BATCH, cases.len());
        failed |= predict_chunk(&model, chunk, &declared, config, &mut written)?;
    }
    drop(line);
    let to_stdout = verb.csv.as_os_str() == "-";
    if to_stdout {
        print(&written.text)?;
    } else {
        wilhelm_formats::write_atomically(&verb.csv, verb.force, written.text.as_bytes())?;
    }
    let Written { rows, abstained, ref missing, .. } = written;
    if verb.json {
        print_json(&json!({ "model": card.name, "engine": "built-in", "rows": rows, "abstained": abstained,
            "missing": missing, "csv": verb.csv }))?;
    } else {
        let of: Vec<String> = missing.iter().map(|(key, cases)| format!("{key} in {cases}")).collect();
        let of = if of.is_empty() { String::new() } else { format!("; missing: {}", of.join(", ")) };
        let text = format!("{rows} rows, {abstained} abstained{of}");
        if to_stdout {
            eprintln!("wilhelm: {text}");
        } else {
            print(&format!("{text}, in {}\n", verb.csv.display()))?;
        }
    }
    Ok(if failed { Exit::Defects } else { Exit::Done })
}

/// Whether something could not be read.
fn predict_chunk(
    model: &FusionModel,
    chunk: &[Named],
    declared: &[Option<QuantityKind>],
    config: &Config,
    written: &mut Written<'_>,
) -> anyhow::Result<bool> {
    let read: Vec<Result<Vec<Option<Series>>, String>> =
        chunk.iter().map(|case| read(case, model.card(), config)).collect();
    let readable: Vec<Vec<Option<CaseInput<'_>>>> = read
        .iter()
        .filter_map(|case| case.as_ref().ok())
        .map(|case| {
            let inputs = case.iter().zip(declared);
            inputs
                .map(|(series, declared)| {
                    series.as_ref().map(|series| CaseInput { series, declared: *declared })
                })
                .collect()
        })
        .collect();
    let mut readings = predict_cases(model, &readable)?.into_iter();
    let mut failed = false;
    for (case, read) in chunk.iter().zip(&read) {
        match read {
            Ok(_) => written.row(case, &readings.next().expect("a reading for each case")),
            Err(reason) => {
                failed = true;
                eprintln!("wilhelm: {}: {reason}", case.name);
                written.refused(case, reason);
            }
        }
    }
    Ok(failed)
}

/// The one case that `--input` names.
fn of_inputs(verb: &args::Predict, card: &FusionCard) -> anyhow::Result<Named> {
    let mut files: Vec<Option<PathBuf>> = vec![None; card.inputs.len()];
    for given in &verb.input {
        let (key, file) = given
            .split_once('=')
            .filter(|(_, file)| !file.is_empty())
            .ok_or_else(|| Stop::usage(format!("--input {given}: expected KEY=FILE")))?;
        let place = place_of(card, key)?;
        if files[place].replace(PathBuf::from(file)).is_some() {
            return Err(Stop::usage(format!("--input {key} is given twice")));
        }
    }
    let lacking = card.inputs.iter().zip(&files).find(|(input, file)| input.required && file.is_none());
    if let Some((input, _)) = lacking {
        return Err(Stop::usage(format!(
            "input {} is missing: model {} reads no case without it",
            input.key, card.name
        )));
    }
    let name = files.iter().flatten().next().map_or_else(String::new, |file| file.display().to_string());
    Ok(Named { name, files })
}

fn place_of(card: &FusionCard, key: &str) -> anyhow::Result<usize> {
    card.place_of(key).ok_or_else(|| {
        Stop::usage(format!(
            "model {} has no input {key}; its inputs are {}",
            card.name,
            card.keys().join(", ")
        ))
    })
}

/// The cases of a table; files are looked for from its folder.
fn of_table(place: &Path, card: &FusionCard) -> anyhow::Result<Vec<Named>> {
    let fail = |error| Stop::input(format!("table {} cannot be read: {error}", place.display()));
    let bytes = std::fs::read(place).map_err(fail)?;
    let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let table = Table::parse(&name, &bytes).map_err(|error| Stop::input(error.to_string()))?;
    let column = |key: &str| {
        table.column(key).ok_or_else(|| {
            Stop::input(format!(
                "{name}: has no column {key}; there are {}; an input that is missing is an empty cell",
                table.header().join(", ")
            ))
        })
    };
    let of_case = column("case")?;
    let of_inputs = card.keys().into_iter().map(column).collect::<anyhow::Result<Vec<_>>>()?;
    let folder = place.parent().unwrap_or(Path::new(""));
    let file = |cell: &String| (!cell.is_empty()).then(|| folder.join(cell));
    Ok(table
        .rows()
        .iter()
        .map(|row| Named {
            name: row.cells[of_case].clone(),
            files: of_inputs.iter().map(|column| file(&row.cells[*column])).collect(),
        })
        .collect())
}

/// What `--units` says that values of inputs are.
fn declared(verb: &args::Predict, card: &FusionCard) -> anyhow::Result<Vec<Option<QuantityKind>>> {
    let mut declared = vec![None; card.inputs.len()];
    for given in &verb.units {
        let quantity = |word: &str| match word {
            "hu" => Some(QuantityKind::Hounsfield),
            "suv" => Some(QuantityKind::SuvBodyWeight),
            _ => None,
        };
        let (key, quantity) = given
            .split_once('=')
            .and_then(|(key, word)| Some((key, quantity(word)?)))
            .ok_or_else(|| Stop::usage(format!("--units {given}: expected KEY=hu or KEY=suv")))?;
        declared[place_of(card, key)?] = Some(quantity);
    }
    Ok(declared)
}

fn read(case: &Named, card: &FusionCard, config: &Config) -> Result<Vec<Option<Series>>, String> {
    let one = |(key, file): (&str, &Option<PathBuf>)| {
        let Some(file) = file else { return Ok(None) };
        let reading =
            wilhelm_formats::read(std::slice::from_ref(file), &config.limits(), &Line::new("reading"));
        if let Some(failure) = reading.failures.first() {
            return Err(format!("input {key}: {}", failure.error));
        }
        let count = reading.series.len();
        match reading.series.into_iter().next() {
            Some(series) if count == 1 => Ok(Some(series)),
            _ => Err(format!("input {key}: it holds {count} images, expected one")),
        }
    };
    card.keys().into_iter().zip(&case.files).map(one).collect()
}

/// The table as it is written.
struct Written<'a> {
    card: &'a FusionCard,
    text: String,
    rows: usize,
    abstained: usize,
    /// Cases that lack an input, by its key.
    missing: BTreeMap<&'a str, usize>,
}

impl<'a> Written<'a> {
    fn new(card: &'a FusionCard) -> Self {
        let keys: Vec<String> = card.labels.iter().map(|label| field(&label.key)).collect();
        let text = format!("case,{},outlier_score,missing,abstained\n", keys.join(","));
        Self { card, text, rows: 0, abstained: 0, missing: BTreeMap::new() }
    }

    fn refused(&mut self, case: &Named, reason: &str) {
        self.put(case, None, None, Some(reason));
    }

    fn row(&mut self, case: &Named, reading: &CaseReading) {
        match reading {
            CaseReading::Read(prediction) => {
                let of = |labels: &Vec<wilhelm_nets::LabelProbability>| {
                    labels.iter().map(|label| label.probability.estimate.value()).collect()
                };
                let probabilities = prediction.labels.as_ref().map(of);
                self.put(case, probabilities, prediction.outlier_score(), prediction.abstention.as_deref());
            }
            CaseReading::Refused { reason } => self.refused(case, reason),
            _ => self.refused(case, "not read"),
        }
    }

    fn put(
        &mut self,
        case: &Named,
        probabilities: Option<Vec<f64>>,
        score: Option<f64>,
        reason: Option<&str>,
    ) {
        self.rows += 1;
        self.abstained += usize::from(reason.is_some());
        let card = self.card;
        let lacking: Vec<&str> = card
            .keys()
            .into_iter()
            .zip(&case.files)
            .filter(|(_, file)| file.is_none())
            .map(|(key, _)| key)
            .collect();
        lacking.iter().for_each(|key| *self.missing.entry(key).or_default() += 1);
        self.text.push_str(&field(&case.name));
        match probabilities {
            Some(all) => all.iter().for_each(|probability| {
                let _ = write!(self.text, ",{probability:.6}");
            }),
            None => self.text.push_str(&",".repeat(card.labels.len())),
        }
        let score = score.map_or_else(String::new, |score| format!("{score:.4}"));
        let reason = field(reason.unwrap_or_default());
        let _ = writeln!(self.text, ",{score},{},{reason}", lacking.join(" "));
    }
}
