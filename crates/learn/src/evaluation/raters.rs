//! How far raters of the same cases agree: kappas of classes, intraclass correlations and limits of agreement of
//! measurements.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use wilhelm_stats::{
    ConfusionMatrix, Estimate, IccModel, IccUnit, KappaInterval, KappaWeights, Rows, cohen_kappa,
    fleiss_kappa, intraclass_correlation, limits_of_agreement,
};

use super::{EvaluationError, Figure, Method, Table, TableRow};

/// Most raters of a table: their pairs are all compared.
const MOST_RATERS: usize = 50;

/// What the ratings are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RatingScale {
    /// Classes without an order.
    Nominal,
    /// Classes with an order, such as grades.
    Ordinal,
    /// Measurements, whose distances mean something.
    Interval,
}

/// Which columns are raters, and what they rate on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RaterColumns {
    /// The column of each rater; at least two.
    pub raters: Vec<String>,
    /// The scale; words are classes and numbers with fractions measurements, whole numbers must say what they are.
    pub scale: Option<RatingScale>,
    /// Classes of an ordinal scale from least to greatest; numbers need none.
    pub order: Vec<String>,
}

/// Agreement of raters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RaterReport {
    /// The number of this shape of file.
    pub schema: u32,
    /// What made it.
    pub program: String,
    /// Always true: nothing here is approved for patients.
    pub research_use_only: bool,
    /// The table.
    pub file: String,
    /// Coverage of the intervals.
    pub level: f64,
    /// What the ratings are.
    pub scale: RatingScale,
    /// The raters' columns.
    pub raters: Vec<String>,
    /// Cases that all raters rated.
    pub cases: usize,
    /// Cases left out, since a rater did not rate them.
    pub incomplete: usize,
    /// The classes in their order; none for measurements.
    pub classes: Vec<String>,
    /// Agreement of all raters together.
    pub all: Vec<Agreement>,
    /// Each pair of raters.
    pub pairs: Vec<RaterPair>,
    /// What to know when reading the figures.
    pub notes: Vec<String>,
    /// The ratings of measurements, for the plot: one row a case.
    #[serde(skip)]
    pub(super) measured: Vec<Vec<f64>>,
}

/// A figure with its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Its name.
    pub name: String,
    /// The figure.
    pub figure: Figure,
}

/// Two raters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RaterPair {
    /// The column of the first.
    pub first: String,
    /// The column of the second.
    pub second: String,
    /// Share of cases with the same class, and kappas; or bias and limits of agreement of first minus second.
    pub figures: Vec<Agreement>,
}

/// Reads the raters' columns of a table and measures how far they agree.
///
/// Cases that a rater left empty are left out and counted.
///
/// # Errors
/// [`EvaluationError`] for fewer than two raters, a column that is not there, a rating that is no number or is not in
/// the order, whole numbers without a scale, and fewer than two cases.
///
/// # Source
/// Of each figure as in `wilhelm_stats`; which to use when: Koo and Li 2016, doi:10.1016/j.jcm.2016.02.012
pub fn compare_raters(
    table: &Table,
    columns: &RaterColumns,
    level: f64,
) -> Result<RaterReport, EvaluationError> {
    super::within("level", level, level > 0.0 && level < 1.0, "a share between 0 and 1")?;
    let places = places(table, &columns.raters)?;
    let is_complete = |row: &&TableRow| places.iter().all(|place| !row.cells[*place].is_empty());
    let rows: Vec<&TableRow> = table.rows().iter().filter(is_complete).collect();
    let incomplete = table.rows().len() - rows.len();
    if rows.len() < 2 {
        return Err(
            table.fail(format!("{} cases have a rating of every rater, expected at least 2", rows.len()))
        );
    }
    let scale = scale(table, &rows, &places, columns)?;
    let mut report = RaterReport {
        schema: super::Report::SCHEMA,
        program: format!("wilhelm {}", env!("CARGO_PKG_VERSION")),
        research_use_only: true,
        file: table.file().to_owned(),
        level,
        scale,
        raters: columns.raters.clone(),
        cases: rows.len(),
        incomplete,
        classes: Vec::new(),
        all: Vec::new(),
        pairs: Vec::new(),
        notes: Vec::new(),
        measured: Vec::new(),
    };
    if incomplete > 0 {
        report.notes.push(format!("{incomplete} cases were left out: a rater did not rate them."));
    }
    match scale {
        RatingScale::Interval => measurements(table, &rows, &places, &mut report)?,
        RatingScale::Nominal | RatingScale::Ordinal => {
            classes(table, &rows, &places, &columns.order, &mut report)?;
        }
    }
    Ok(report)
}

fn places(table: &Table, raters: &[String]) -> Result<Vec<usize>, EvaluationError> {
    if !(2..=MOST_RATERS).contains(&raters.len()) {
        let found = raters.len();
        return Err(table.fail(format!("{found} raters were named, expected 2 to {MOST_RATERS}")));
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = raters.iter().find(|name| !seen.insert(name.as_str())) {
        return Err(table.fail(format!("rater {twice} is named twice")));
    }
    let place = |name: &String| {
        let columns = table.header().join(", ");
        table.column(name).ok_or_else(|| table.fail(format!("no column {name}; there are {columns}")))
    };
    raters.iter().map(place).collect()
}

fn scale(
    table: &Table,
    rows: &[&TableRow],
    places: &[usize],
    columns: &RaterColumns,
) -> Result<RatingScale, EvaluationError> {
    if let Some(scale) = columns.scale {
        if !columns.order.is_empty() && scale != RatingScale::Ordinal {
            return Err(table.fail("an order was given for a scale that has none".to_owned()));
        }
        return Ok(scale);
    }
    if !columns.order.is_empty() {
        return Ok(RatingScale::Ordinal);
    }
    let mut cells = rows.iter().flat_map(|row| places.iter().map(|place| row.cells[*place].as_str()));
    if cells.clone().any(|cell| cell.parse::<f64>().is_err()) {
        return Ok(RatingScale::Nominal);
    }
    if cells.any(|cell| cell.parse::<f64>().is_ok_and(|value| value.fract() != 0.0)) {
        return Ok(RatingScale::Interval);
    }
    Err(table.fail(
        "the ratings are whole numbers, which may be grades or measurements: say --scale ordinal, nominal or interval"
            .to_owned(),
    ))
}

fn measurements(
    table: &Table,
    rows: &[&TableRow],
    places: &[usize],
    report: &mut RaterReport,
) -> Result<(), EvaluationError> {
    let mut values = Vec::with_capacity(rows.len() * places.len());
    for row in rows {
        for place in places {
            values.push(table.number(row, *place)?);
        }
    }
    let ratings = Rows::new(&values, places.len())?;
    let models = [
        ("one-way, each case rated by other raters", 1, IccModel::OneWay),
        ("two-way random, absolute agreement", 2, IccModel::TwoWayRandom),
        ("two-way mixed, consistency of these raters", 3, IccModel::TwoWayMixed),
    ];
    for (words, number, model) in models {
        for (unit, letter) in [(IccUnit::Single, "1"), (IccUnit::Average, "k")] {
            let of = if unit == IccUnit::Single { "one rating" } else { "mean of the raters" };
            let figure = match intraclass_correlation(ratings, model, unit, report.level) {
                Ok(found) => Figure::new(found.icc, found.low, found.high, Method::Fisher),
                Err(error) => Figure::missing(Method::Fisher, error.to_string()),
            };
            report.all.push(Agreement { name: format!("ICC({number},{letter}): {words}, {of}"), figure });
        }
    }
    let columns: Vec<Vec<f64>> = (0..places.len()).map(|rater| ratings.column(rater)).collect();
    each_pair(report, |report, first, second| {
        let found = limits_of_agreement(&columns[first], &columns[second], 0.95, report.level)?;
        let of = |name: &str, Estimate { value, low, high }: Estimate| Agreement {
            name: name.to_owned(),
            figure: Figure::new(value, low, high, Method::Wald),
        };
        Ok(vec![
            of("bias", found.bias),
            of("lower limit of agreement", found.lower),
            of("upper limit of agreement", found.upper),
        ])
    })?;
    report.measured = ratings.iter().map(<[f64]>::to_vec).collect();
    Ok(())
}

fn classes(
    table: &Table,
    rows: &[&TableRow],
    places: &[usize],
    order: &[String],
    report: &mut RaterReport,
) -> Result<(), EvaluationError> {
    report.classes =
        if order.is_empty() { found(table, rows, places, report.scale)? } else { order.to_vec() };
    if report.classes.iter().collect::<BTreeSet<_>>().len() < report.classes.len() {
        return Err(table.fail("the order names a class twice".to_owned()));
    }
    let mut ratings = Vec::with_capacity(rows.len() * places.len());
    for row in rows {
        for place in places {
            let class = report.classes.iter().position(|class| *class == row.cells[*place]);
            ratings.push(class.ok_or_else(|| {
                table.fail_cell(row, *place, &format!("not in the order {}", report.classes.join(", ")))
            })?);
        }
    }
    let (count, raters, level) = (report.classes.len(), places.len(), report.level);
    let kappa = |found: Result<KappaInterval, wilhelm_stats::StatsError>| match found {
        Ok(found) => Figure::new(found.kappa, found.low, found.high, Method::Wald),
        Err(error) => Figure::missing(Method::Wald, error.to_string()),
    };
    if raters > 2 {
        let figure = kappa(fleiss_kappa(count, raters, &ratings, level));
        report.all.push(Agreement { name: "Fleiss' kappa".to_owned(), figure });
    }
    let of = |rater: usize| -> Vec<usize> { ratings.iter().skip(rater).step_by(raters).copied().collect() };
    let is_ordinal = report.scale == RatingScale::Ordinal;
    each_pair(report, |_, first, second| {
        let (first, second) = (of(first), of(second));
        let table = ConfusionMatrix::new(count, &first, &second)?;
        let same = first.iter().zip(&second).filter(|(a, b)| a == b).count() as u64;
        let named = |name: &str, figure: Figure| Agreement { name: name.to_owned(), figure };
        let mut figures = vec![
            named("same class", Figure::share(same, first.len() as u64, level)),
            named("Cohen's kappa", kappa(cohen_kappa(&table, KappaWeights::None, level))),
        ];
        if is_ordinal {
            let weighted =
                [("linear weights", KappaWeights::Linear), ("quadratic weights", KappaWeights::Quadratic)];
            figures.extend(weighted.map(|(words, weights)| {
                named(&format!("Cohen's kappa, {words}"), kappa(cohen_kappa(&table, weights, level)))
            }));
        }
        Ok(figures)
    })
}

/// The classes that occur: numbers by size where they have an order, words by the alphabet where not.
fn found(
    table: &Table,
    rows: &[&TableRow],
    places: &[usize],
    scale: RatingScale,
) -> Result<Vec<String>, EvaluationError> {
    let cells = rows.iter().flat_map(|row| places.iter().map(|place| row.cells[*place].clone()));
    let mut classes: Vec<String> = cells.collect::<BTreeSet<_>>().into_iter().collect();
    if scale == RatingScale::Ordinal {
        let numbers: Option<Vec<(f64, String)>> =
            classes.into_iter().map(|class| Some((class.parse().ok()?, class))).collect();
        let Some(mut numbers) = numbers else {
            let what =
                "the ratings are words, whose order is not known: name it with --order least,...,greatest";
            return Err(table.fail(what.to_owned()));
        };
        numbers.sort_by(|(first, _), (second, _)| first.total_cmp(second));
        if numbers.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(table.fail("a grade is written in two ways, such as 1 and 1.0".to_owned()));
        }
        classes = numbers.into_iter().map(|(_, class)| class).collect();
    }
    const MOST: usize = 1000;
    if classes.len() > MOST {
        let found = classes.len();
        return Err(table.fail(format!("{found} classes, expected at most {MOST}: are these measurements?")));
    }
    Ok(classes)
}

fn each_pair(
    report: &mut RaterReport,
    of: impl Fn(&RaterReport, usize, usize) -> Result<Vec<Agreement>, EvaluationError>,
) -> Result<(), EvaluationError> {
    let mut pairs = Vec::new();
    for first in 0..report.raters.len() {
        for second in first + 1..report.raters.len() {
            let figures = of(report, first, second)?;
            let [first, second] = [first, second].map(|rater| report.raters[rater].clone());
            pairs.push(RaterPair { first, second, figures });
        }
    }
    report.pairs = pairs;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        Table::parse("r.csv", text.as_bytes()).expect("a table")
    }

    fn columns(raters: &[&str]) -> RaterColumns {
        RaterColumns {
            raters: raters.iter().map(|name| (*name).to_owned()).collect(),
            ..RaterColumns::default()
        }
    }

    fn value(figures: &[Agreement], name: &str) -> f64 {
        let found = figures.iter().find(|of| of.name.starts_with(name)).expect(name);
        found.figure.value.expect("a value")
    }

    #[test]
    fn measurements_are_those_of_shrout_and_fleiss() {
        // Their table 4: six targets, four judges; ICC(1,1) .17, ICC(2,1) .29, ICC(3,1) .71, ICC(1,k) .44, ICC(2,k) .62,
        // ICC(3,k) .91.
        let text = "a,b,c,d\n9,2,5,8\n6,1,3,2\n8,4,6,8\n7,1,2,6\n10,5,6,9\n6,2,4,7\n";
        let wanted = RaterColumns { scale: Some(RatingScale::Interval), ..columns(&["a", "b", "c", "d"]) };
        let report = compare_raters(&table(text), &wanted, 0.95).expect("a report");
        for (name, expected) in [
            ("ICC(1,1)", 0.166),
            ("ICC(2,1)", 0.290),
            ("ICC(3,1)", 0.715),
            ("ICC(1,k)", 0.443),
            ("ICC(2,k)", 0.620),
            ("ICC(3,k)", 0.909),
        ] {
            assert!(
                (value(&report.all, name) - expected).abs() < 5e-4,
                "{name}: {}",
                value(&report.all, name)
            );
        }
        assert_eq!(report.pairs.len(), 6);
        // First minus second: 7, 5, 4, 6, 5, 4.
        assert!((value(&report.pairs[0].figures, "bias") - 31.0 / 6.0).abs() < 1e-12);
    }

    #[test]
    fn grades_have_weighted_kappas_and_words_have_none() {
        let text = "id,a,b,c\n1,mild,mild,mild\n2,mild,severe,mild\n3,severe,severe,severe\n4,none,mild,\n5,none,none,none\n";
        let wanted = columns(&["a", "b"]);
        let report = compare_raters(&table(text), &wanted, 0.95).expect("a report");
        assert_eq!((report.scale, report.cases), (RatingScale::Nominal, 5));
        // 3 of 5 agree; by chance (2*2 + 2*1 + 1*2) / 25.
        let expected = (0.6 - 8.0 / 25.0) / (1.0 - 8.0 / 25.0);
        assert!((value(&report.pairs[0].figures, "Cohen's kappa") - expected).abs() < 1e-12);
        assert_eq!(report.pairs[0].figures.len(), 2);
        assert!(report.all.is_empty(), "two raters have Cohen's kappa");
        let order = ["none", "mild", "severe"].map(str::to_owned).to_vec();
        let wanted = RaterColumns { order, ..columns(&["a", "b", "c"]) };
        let report = compare_raters(&table(text), &wanted, 0.95).expect("a report");
        assert_eq!((report.scale, report.cases, report.incomplete), (RatingScale::Ordinal, 4, 1));
        assert_eq!(report.notes, ["1 cases were left out: a rater did not rate them."]);
        assert!(value(&report.all, "Fleiss' kappa") > 0.0);
        assert_eq!(report.pairs[0].figures.len(), 4);
    }

    #[test]
    fn tables_that_leave_open_what_is_meant_are_refused() {
        let refusal = |text: &str, wanted: &RaterColumns| {
            compare_raters(&table(text), wanted, 0.95).expect_err("refused").to_string()
        };
        let whole = refusal("a,b\n1,2\n3,3\n", &columns(&["a", "b"]));
        assert!(whole.contains("say --scale ordinal, nominal or interval"), "{whole}");
        assert!(
            refusal("a,b\n1,2\n", &columns(&["a", "b"])).contains("1 cases have a rating of every rater")
        );
        assert!(refusal("a,b\n1,2\n3,4\n", &columns(&["a"])).contains("1 raters were named"));
        assert!(refusal("a,b\n1,2\n3,4\n", &columns(&["a", "c"])).contains("no column c; there are a, b"));
        let words = RaterColumns { scale: Some(RatingScale::Ordinal), ..columns(&["a", "b"]) };
        assert!(refusal("a,b\nx,y\nx,x\n", &words).contains("name it with --order"));
        let order = RaterColumns { order: vec!["x".to_owned()], ..columns(&["a", "b"]) };
        let unknown = refusal("a,b\nx,secret\nx,x\n", &order);
        assert!(
            unknown.contains("line 2, column b: not in the order x") && !unknown.contains("secret"),
            "{unknown}"
        );
        let numbers = RaterColumns { scale: Some(RatingScale::Interval), ..columns(&["a", "b"]) };
        assert!(refusal("a,b\n1,2\n3,x\n", &numbers).contains("line 3, column b: not a number"));
    }
}
