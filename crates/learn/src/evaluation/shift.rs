//! How far the numbers of one table lie from those of another: any columns of numbers, without truth.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use wilhelm_stats::{
    KolmogorovSmirnov, MeanDiscrepancy, Rows, holm_adjusted, kolmogorov_smirnov, mean_discrepancy,
    population_stability,
};

use super::{EvaluationError, Table, TableRow};

/// Most rows of each table that the mean discrepancy takes: every pair of them is held.
const MOST_ROWS: usize = 1000;
/// Deals of its permutation test.
const DEALS: usize = 999;
/// Bins of the population stability index, as is the custom.
const BINS: usize = 10;
/// Columns that tell rows apart, or say where they come from.
const NAMES: [&str; 7] = ["id", "image", "case", "file", "fold", "patient", "study"];

/// One column in both tables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnShift {
    /// Its name.
    pub column: String,
    /// Means of both tables, the reference's first.
    pub means: [f64; 2],
    /// Empty cells of both.
    pub empty: [usize; 2],
    /// The test of Kolmogorov and Smirnov.
    pub kolmogorov_smirnov: KolmogorovSmirnov,
    /// Its chance, raised by Holm's rule for all columns.
    pub adjusted_p: f64,
    /// The population stability index; `None` where the reference has one value alone.
    pub population_stability: Option<f64>,
}

/// How far two tables of numbers lie apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShiftReport {
    /// The number of this shape of file.
    pub schema: u32,
    /// What made it.
    pub program: String,
    /// Always true: nothing here is approved for patients.
    pub research_use_only: bool,
    /// The file of the reference.
    pub reference: String,
    /// The file that is held against it.
    pub current: String,
    /// Rows of both.
    pub rows: [usize; 2],
    /// Each column of numbers, in the order of the reference.
    pub columns: Vec<ColumnShift>,
    /// All columns together, each brought to mean 0 and deviation 1 of the reference; `None` where they leave it undefined.
    pub discrepancy: Option<MeanDiscrepancy>,
    /// Rows of both without an empty cell that it was measured on, drawn by the seed.
    pub discrepancy_rows: [usize; 2],
    /// Seed of the rows that are drawn and of the deals.
    pub seed: u64,
    /// What to know when reading the figures.
    pub notes: Vec<String>,
}

/// Holds the numbers of a table against those of a reference: `wanted` columns, or all that hold numbers in both.
///
/// # Errors
/// [`EvaluationError`] for a wanted column that is missing or holds something else, and for tables without a column of
/// numbers in common.
pub fn shift(
    reference: &Table,
    current: &Table,
    wanted: &[String],
    seed: u64,
) -> Result<ShiftReport, EvaluationError> {
    let names: Vec<String> = if wanted.is_empty() {
        let both = reference.header().iter().filter(|name| current.column(name).is_some());
        let is_numbers = |name: &String| {
            let own =
                |table: &Table| values(table, name).is_ok_and(|cells| cells.iter().any(Option::is_some));
            !NAMES.contains(&name.as_str()) && own(reference) && own(current)
        };
        both.filter(|name| is_numbers(name)).cloned().collect()
    } else {
        wanted.to_vec()
    };
    if names.is_empty() {
        return Err(reference.fail(format!(
            "no column of numbers that {} has too: name some with --columns",
            current.file()
        )));
    }
    let mut tables: Vec<[Vec<Option<f64>>; 2]> = Vec::with_capacity(names.len());
    for name in &names {
        tables.push([values(reference, name)?, values(current, name)?]);
    }
    let mut tests = Vec::with_capacity(names.len());
    for (name, [before, now]) in names.iter().zip(&tables) {
        let [one, other] = [before, now].map(|cells| cells.iter().copied().flatten().collect::<Vec<f64>>());
        for (table, own) in [(reference, &one), (current, &other)] {
            if own.is_empty() {
                return Err(table.fail(format!("column {name} has no numbers, expected some")));
            }
        }
        tests.push((
            kolmogorov_smirnov(&one, &other)?,
            population_stability(&one, &other, BINS).ok(),
            one,
            other,
        ));
    }
    let adjusted = holm_adjusted(&tests.iter().map(|(test, ..)| test.p).collect::<Vec<f64>>())?;
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    let columns = names
        .iter()
        .zip(tests)
        .zip(adjusted)
        .zip(&tables)
        .map(|(((name, (test, stability, one, other)), adjusted_p), [before, now])| ColumnShift {
            column: name.clone(),
            means: [mean(&one), mean(&other)],
            empty: [before.len() - one.len(), now.len() - other.len()],
            kolmogorov_smirnov: test,
            adjusted_p,
            population_stability: stability.map(|found| found.index),
        })
        .collect();
    let mut notes = Vec::new();
    let [before, now] = together(&names, &tables, seed, &mut notes);
    let width = before.first().map_or(0, Vec::len);
    let flat = [before.concat(), now.concat()];
    let discrepancy = match (Rows::new(&flat[0], width), Rows::new(&flat[1], width)) {
        (Ok(one), Ok(other)) => mean_discrepancy(one, other, DEALS, seed).ok(),
        _ => None,
    };
    Ok(ShiftReport {
        schema: 1,
        program: format!("wilhelm {}", env!("CARGO_PKG_VERSION")),
        research_use_only: true,
        reference: reference.file().to_owned(),
        current: current.file().to_owned(),
        rows: [reference.rows().len(), current.rows().len()],
        columns,
        discrepancy,
        discrepancy_rows: [before.len(), now.len()],
        seed,
        notes,
    })
}

/// A column's numbers; an empty cell has none.
fn values(table: &Table, name: &str) -> Result<Vec<Option<f64>>, EvaluationError> {
    let column = table
        .column(name)
        .ok_or_else(|| table.fail(format!("no column {name}; there are {}", table.header().join(", "))))?;
    let one = |row: &TableRow| {
        if row.cells[column].is_empty() { Ok(None) } else { table.number(row, column).map(Some) }
    };
    table.rows().iter().map(one).collect()
}

/// Rows of both tables without an empty cell, in units of the reference's deviation, at most so many of each.
fn together(
    names: &[String],
    tables: &[[Vec<Option<f64>>; 2]],
    seed: u64,
    notes: &mut Vec<String>,
) -> [Vec<Vec<f64>>; 2] {
    let mut scales = Vec::new();
    for (name, [before, _]) in names.iter().zip(tables) {
        let own: Vec<f64> = before.iter().copied().flatten().collect();
        let mean = own.iter().sum::<f64>() / own.len() as f64;
        let deviation =
            (own.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / own.len() as f64).sqrt();
        if deviation > 0.0 {
            scales.push(Some((mean, deviation)));
        } else {
            notes.push(format!(
                "Column {name} is the same in every row of the reference: it is left out of the discrepancy."
            ));
            scales.push(None);
        }
    }
    let rows = |side: usize| -> Vec<Vec<f64>> {
        let count = tables.first().map_or(0, |table| table[side].len());
        let row = |at: usize| -> Option<Vec<f64>> {
            let cells =
                tables.iter().zip(&scales).filter_map(|(table, scale)| Some((table[side][at], (*scale)?)));
            cells.map(|(value, (mean, deviation))| Some((value? - mean) / deviation)).collect()
        };
        let mut whole: Vec<Vec<f64>> = (0..count).filter_map(row).collect();
        whole.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        whole.truncate(MOST_ROWS);
        whole
    };
    [rows(0), rows(1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, text: &str) -> Table {
        Table::parse(name, text.as_bytes()).expect("a table")
    }

    /// So many rows of two columns, the second higher by `more`; every tenth cell of the second is empty.
    fn numbers(name: &str, count: usize, more: f64) -> Table {
        let mut text = "id,first,second,site\n".to_owned();
        for row in 0..count {
            let first = (row * 37 % 101) as f64 / 100.0;
            let second = (row * 53 % 97) as f64 + more;
            let second = if row % 10 == 9 { String::new() } else { second.to_string() };
            text += &format!("{row},{first},{second},A{row}\n");
        }
        table(name, &text)
    }

    #[test]
    fn a_column_that_moved_is_found_and_one_that_did_not_is_not() {
        let found =
            shift(&numbers("before.csv", 200, 0.0), &numbers("now.csv", 150, 40.0), &[], 1).expect("two");
        let names: Vec<&str> = found.columns.iter().map(|column| column.column.as_str()).collect();
        assert_eq!(names, ["first", "second"]);
        assert_eq!((found.rows, found.columns[1].empty), ([200, 150], [20, 15]));
        assert_eq!(found.discrepancy_rows, [180, 135]);
        let [first, second] = [&found.columns[0], &found.columns[1]];
        assert!(first.adjusted_p > 0.5 && second.adjusted_p < 1e-6, "{found:?}");
        assert!(second.kolmogorov_smirnov.statistic > 0.35, "{second:?}");
        assert!((second.means[1] - second.means[0] - 40.0).abs() < 3.0, "{second:?}");
        assert!(second.population_stability.is_some_and(|index| index > 0.25), "{second:?}");
        // Holm's rule of two: the least is doubled.
        assert!((second.adjusted_p - 2.0 * second.kolmogorov_smirnov.p).abs() < 1e-15);
        assert!(found.discrepancy.is_some_and(|found| found.p <= 0.001), "{:?}", found.discrepancy);
    }

    #[test]
    fn a_table_does_not_drift_from_itself_and_units_do_not_matter() {
        let own = numbers("a.csv", 120, 0.0);
        let same = shift(&own, &own, &[], 2).expect("two columns");
        assert!(same.columns.iter().all(|column| column.kolmogorov_smirnov.statistic == 0.0));
        assert!(same.discrepancy.is_some_and(|found| found.p > 0.9), "{:?}", same.discrepancy);
        let scaled = |factor: f64| {
            let rows = (0..60).map(|row| format!("{},{}\n", row % 7, factor * (row * 13 % 11) as f64));
            table("b.csv", &("x,y\n".to_owned() + &rows.collect::<String>()))
        };
        let moved = |factor: f64| {
            let rows = (0..60).map(|row| format!("{},{}\n", row % 7, factor * (4 + row * 13 % 11) as f64));
            let moved = table("c.csv", &("x,y\n".to_owned() + &rows.collect::<String>()));
            shift(&scaled(factor), &moved, &[], 3).expect("two columns").discrepancy.expect("defined").squared
        };
        assert!((moved(1.0) - moved(1024.0)).abs() < 1e-9);
    }

    #[test]
    fn what_cannot_be_compared_is_said_by_file_and_column() {
        let one = table("a.csv", "id,x,y\n1,2,high\n2,3,low\n");
        let refused = |current: &str, wanted: &[&str], words: &str| {
            let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
            let said = shift(&one, &table("b.csv", current), &wanted, 1).expect_err(words).to_string();
            assert!(said.contains(words), "{said}");
        };
        refused("id,z\n1,2\n", &[], "no column of numbers that b.csv has too");
        refused("id,x\n1,2\n", &["z"], "no column z; there are id, x, y");
        refused("id,x,y\n1,2,3\n", &["y"], "not a number");
        refused("id,x\n1,\n", &["x"], "column x has no numbers");
        let level = table("c.csv", "id,x\n1,5\n2,5\n");
        let found = shift(&level, &one, &[], 1).expect("a column");
        assert!(found.notes[0].contains("Column x is the same in every row"), "{found:?}");
        assert_eq!(found.discrepancy, None);
    }
}
