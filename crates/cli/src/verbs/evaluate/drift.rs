//! `wilhelm evaluate drift`

use wilhelm_learn::evaluation::document::Document;
use wilhelm_learn::evaluation::shift::shift;

use super::{read_table, refuse_overwriting, write, written};
use crate::args::EvaluateDrift;
use crate::exit::Exit;
use crate::output::{print, print_json};
use crate::table;

pub(super) fn run(verb: &EvaluateDrift) -> anyhow::Result<Exit> {
    refuse_overwriting(&verb.out, verb.force)?;
    let (reference, current) = (read_table(&verb.reference)?, read_table(&verb.current)?);
    let mut report = shift(&reference, &current, &verb.columns, verb.seed)?;
    // A page is passed on: it names files, not the folders of this machine.
    report.reference = super::name(&verb.reference);
    report.current = super::name(&verb.current);
    write(&verb.out, &report, &Document::of_shift(&report), verb.force)?;
    report.notes.iter().for_each(|note| eprintln!("wilhelm: {note}"));
    if verb.json {
        print_json(&report)?;
        return Ok(Exit::Done);
    }
    let row = |of: &wilhelm_learn::evaluation::shift::ColumnShift| {
        vec![
            of.column.clone(),
            table::number(of.means[0]),
            table::number(of.means[1]),
            format!("{:.3}", of.kolmogorov_smirnov.statistic),
            format!("{:.3}", of.adjusted_p),
            of.population_stability.map_or_else(|| "none".to_owned(), |index| format!("{index:.3}")),
        ]
    };
    let header = ["column", "mean before", "mean now", "KS distance", "p (Holm)", "PSI"];
    print(&table::columns(&header, &report.columns.iter().map(row).collect::<Vec<_>>()))?;
    let all = match &report.discrepancy {
        Some(found) => format!("all columns: MMD squared {:.4}, p {:.3}", found.squared, found.p),
        None => "all columns: the mean discrepancy is undefined".to_owned(),
    };
    print(&format!("{all}; {} rows against {}; {}\n", report.rows[1], report.rows[0], written(&verb.out)))?;
    Ok(Exit::Done)
}
