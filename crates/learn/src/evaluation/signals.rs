//! Drugs and events that are reported together more often than chance would have it, from a table of spontaneous
//! reports: every measure of `wilhelm_stats::disproportionality`, with words.

mod read;
mod words;

pub use read::{Reports, SignalColumns};
pub use wilhelm_stats::disproportionality::SignalRatio;

use serde::{Deserialize, Serialize};
use wilhelm_stats::disproportionality::{
    CellsCounted, GammaPoissonFit, PairScore, PairTable, RatePoint, SquashStep, fit_gamma_poisson,
    identical_cases, score_pairs, squash, squash_to, stratified_expected,
};

use super::EvaluationError;

/// How pairs are scored.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignalSettings {
    /// Pairs with fewer cases are counted but not listed.
    pub least: u64,
    /// Coverage of the intervals of PRR, ROR and the information component; EBGM's are from the 5th to the 95th
    /// percentile.
    pub level: f64,
    /// Threads: they change no digit.
    pub threads: usize,
}

/// What a table of reports shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignalReport {
    /// The number of this shape of file.
    pub schema: u32,
    /// What made it.
    pub program: String,
    /// Always true: nothing here is approved for patients.
    pub research_use_only: bool,
    /// The file.
    pub file: String,
    /// Rows of the table.
    pub rows: usize,
    /// Different cases.
    pub cases: u64,
    /// Different drugs.
    pub drugs: usize,
    /// Different events.
    pub events: usize,
    /// Pairs that a case has.
    pub pairs: usize,
    /// Rows that said what another row of the case had said: counted once.
    pub repeated_rows: usize,
    /// Rows of versions of a case that a later version replaces: left out.
    pub replaced_rows: usize,
    /// Cases that say what another case says, with at least three drugs and events: they are counted all the same.
    pub suspected_duplicates: usize,
    /// Strata that expected counts come from; 1 without any.
    pub strata: usize,
    /// How the pairs were scored.
    pub settings: SignalSettings,
    /// Pairs that the prior was fitted on, after those alike were put together.
    pub points: usize,
    /// The prior of EBGM; `None` if there were too few pairs, with a note.
    pub fit: Option<GammaPoissonFit>,
    /// Pairs of at least so many cases, the greatest lower end of EBGM (of the information component without a prior)
    /// first.
    pub signals: Vec<Signal>,
    /// What to know when reading the figures.
    pub notes: Vec<String>,
}

/// One pair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// The drug.
    pub drug: String,
    /// The event.
    pub event: String,
    /// Its measures.
    pub score: PairScore,
    /// Which rules it meets.
    pub met: MetRules,
    /// What the figures say, and what they do not.
    pub words: String,
}

/// The rules of thumb that others screen by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetRules {
    /// PRR of at least 2, Yates' statistic of at least 4, three cases or more (Evans et al. 2001).
    pub prr: bool,
    /// The lower end of ROR above 1, with three cases or more.
    pub ror: bool,
    /// The lower end of the information component above 0.
    pub information: bool,
    /// EB05 of at least 2.
    pub ebgm: bool,
}

impl MetRules {
    fn of(score: &PairScore) -> Self {
        let three = score.counts.both >= 3;
        // A pair whose ratio is finite but has no variance may still be met; one without a ratio is not.
        let prr = match score.prr {
            SignalRatio::Defined(ratio) => ratio.value >= 2.0,
            SignalRatio::Undefined { value, .. } => value.is_some_and(|value| value >= 2.0),
        };
        Self {
            prr: three && prr && score.chi_squared.is_some_and(|statistic| statistic >= 4.0),
            ror: three && score.ror.low().is_some_and(|low| low > 1.0),
            information: score.information.low > 0.0,
            ebgm: score.shrunken.is_some_and(|ratio| ratio.low >= 2.0),
        }
    }

    /// How many of the four.
    pub fn count(&self) -> usize {
        [self.prr, self.ror, self.information, self.ebgm].into_iter().filter(|is_met| *is_met).count()
    }
}

/// Bins of pairs with the same count where the table is large, and how many with the greatest expected counts stay.
const LARGE: (usize, usize) = (200, 50);
/// Pairs above which bins are coarser.
const MANY: usize = 50_000;

/// Scores every pair of a table of reports.
///
/// # Errors
/// [`EvaluationError`] for settings outside their range.
///
/// # Source
/// Of each measure as in `wilhelm_stats::disproportionality`
pub fn find_signals(reports: &Reports, settings: &SignalSettings) -> Result<SignalReport, EvaluationError> {
    super::within(
        "level",
        settings.level,
        settings.level > 0.0 && settings.level < 1.0,
        "a share between 0 and 1",
    )?;
    super::within("least count", settings.least as f64, settings.least >= 1, "at least 1")?;
    super::within("threads", settings.threads as f64, settings.threads >= 1, "at least 1")?;
    let table = PairTable::count(&reports.rows)?;
    let expected = match &reports.strata {
        Some(strata) => stratified_expected(&reports.rows, &strata.of_cases, &table)?,
        None => table.expected(),
    };
    let points: Vec<RatePoint> = table
        .pairs
        .iter()
        .zip(&expected)
        .map(|(pair, &expected)| RatePoint { observed: pair.observed, expected, pairs: 1.0 })
        .collect();
    let points = if points.len() > MANY {
        squash_to(&points, LARGE.0, LARGE.1)
    } else {
        squash(&points, &SquashStep::OPEN_EBGM)
    };
    let mut notes = reports.notes.clone();
    let fit = match fit_gamma_poisson(&points, CellsCounted::Reported) {
        Ok(fit) => Some(fit),
        Err(error) => {
            notes.push(format!("EBGM has no value: {error}."));
            None
        }
    };
    if let Some(fit) = &fit {
        let (searches, agreeing) = (fit.starts.len(), fit.agreeing);
        if !fit.converged {
            notes.push(
                "The fit of EBGM's prior did not converge: its figures say little. Tables of few pairs, or without any \
                 disproportion, do that."
                    .to_owned(),
            );
        } else if agreeing < 2 {
            notes.push(format!(
                "Only one of {searches} searches found EBGM's prior: do not lean on its figures."
            ));
        }
    }
    let scores =
        score_pairs(&table, &expected, fit.as_ref().map(|fit| &fit.prior), settings.level, settings.threads)?;
    let low = |score: &PairScore| score.shrunken.map_or(score.information.low, |ratio| ratio.low);
    let mut order: Vec<usize> =
        (0..scores.len()).filter(|&place| scores[place].counts.both >= settings.least).collect();
    order.sort_by(|one, other| low(&scores[*other]).total_cmp(&low(&scores[*one])));
    let signals = order.into_iter().map(|place| {
        let (pair, score) = (&table.pairs[place], scores[place]);
        let (drug, event) = (&reports.drugs[pair.drug as usize], &reports.events[pair.event as usize]);
        let met = MetRules::of(&score);
        Signal {
            drug: drug.clone(),
            event: event.clone(),
            score,
            met,
            words: words::of(drug, event, &score, met, settings.level),
        }
    });
    let particulars = reports.particulars();
    Ok(SignalReport {
        schema: super::Report::SCHEMA,
        program: format!("wilhelm {}", env!("CARGO_PKG_VERSION")),
        research_use_only: true,
        file: reports.file.clone(),
        rows: reports.rows.len() + reports.replaced_rows,
        cases: table.cases,
        drugs: table.drugs.iter().filter(|count| **count > 0).count(),
        events: table.events.iter().filter(|count| **count > 0).count(),
        pairs: table.pairs.len(),
        repeated_rows: table.repeated_rows,
        replaced_rows: reports.replaced_rows,
        suspected_duplicates: identical_cases(&reports.rows, &particulars, 3)?.len(),
        strata: reports.strata.as_ref().map_or(1, |strata| strata.names.len()),
        settings: *settings,
        points: points.len(),
        fit,
        signals: signals.collect(),
        notes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 300 cases with drugs and events by rule; drug 9 is always reported with event 9.
    fn table() -> String {
        let mut text = "case,drug,event,sex\n".to_owned();
        for case in 0..300_u32 {
            for place in 0..3 {
                let drug = (case * 7 + place * 5 + case * case % 5) % 23;
                let event = if drug == 9 { 9 } else { (case * 11 + place * 3 + case * place % 7) % 31 };
                let sex = if case % 2 == 0 { "F" } else { "M" };
                text.push_str(&format!("{case},D{drug},E{event},{sex}\n"));
            }
        }
        text
    }

    fn columns() -> SignalColumns {
        SignalColumns {
            case: "case".to_owned(),
            drug: "drug".to_owned(),
            event: "event".to_owned(),
            strata: Vec::new(),
            version: None,
        }
    }

    fn run(text: &str, columns: &SignalColumns) -> SignalReport {
        let reports = Reports::parse("a.csv", text.as_bytes(), columns).expect("a table");
        let settings = SignalSettings { least: 3, level: 0.95, threads: 2 };
        find_signals(&reports, &settings).expect("a report")
    }

    #[test]
    fn a_pair_that_was_planted_comes_first_and_says_why_it_has_no_ratio() {
        let report = run(&table(), &columns());
        assert_eq!((report.cases, report.rows, report.drugs), (300, 900, 23));
        let first = &report.signals[0];
        assert_eq!((first.drug.as_str(), first.event.as_str()), ("D9", "E9"));
        assert!(first.met.information && first.met.count() >= 2, "{first:?}");
        assert!(first.words.contains("no case of D9 was reported without E9"), "{}", first.words);
        assert!(report.signals.iter().all(|signal| signal.score.counts.both >= 3));
    }

    #[test]
    fn strata_and_versions_are_taken_into_account() {
        let stratified = SignalColumns { strata: vec!["sex".to_owned()], ..columns() };
        let report = run(&table(), &stratified);
        assert_eq!(report.strata, 2);
        // The first version of case 5 has another event; the second replaces it.
        let mut text =
            table().replace("sex\n", "sex,version\n").replace(",F\n", ",F,1\n").replace(",M\n", ",M,1\n");
        text.push_str("5,D1,E30,M,2\n");
        let versions = SignalColumns { version: Some("version".to_owned()), ..columns() };
        let report = run(&text, &versions);
        assert_eq!((report.replaced_rows, report.rows, report.cases), (3, 901, 300));
    }

    #[test]
    fn few_pairs_have_no_prior_and_settings_are_checked() {
        let text = "case,drug,event\n1,a,x\n2,a,x\n3,a,x\n4,b,y\n";
        let report = run(text, &columns());
        assert!(report.fit.is_none() && report.notes.iter().any(|note| note.contains("EBGM has no value")));
        assert_eq!(report.signals.len(), 1);
        let reports = Reports::parse("a.csv", text.as_bytes(), &columns()).expect("a table");
        let bad = SignalSettings { least: 0, level: 0.95, threads: 1 };
        assert!(find_signals(&reports, &bad).is_err());
    }
}
