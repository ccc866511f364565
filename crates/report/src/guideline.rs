//! Published decision rules: measurements in, a category, a recommendation and the branch that fired out.
//!
//! A [`Guideline`] is a data file of `data/rules`: inputs with units and allowed values, values computed from them,
//! cases that the guideline does not speak of, and branches in order. [`apply`] reads inputs and gives a
//! [`Decision`]. Nothing is assumed: where an input that could change the answer is missing, the decision says which,
//! and which branches are still possible; where the answer is the same whatever it is, it is not asked for.
//!
//! The texts are our own words for what the cited papers and atlases say; none of their tables is copied.

mod apply;
mod decision;
mod expr;
mod given;
mod load;
mod measured;
mod page;
mod unit;

use std::sync::OnceLock;

pub use apply::apply;
pub use decision::{Act, Decision, Means, Outcome, Step};
pub use load::GuidelineError;
pub use measured::{MeasuredInput, apply_measured};
pub use page::page;

use expr::{Condition, Formula};
use unit::Unit;

/// The data files, in the order they are listed.
const FILES: &[(&str, &str)] = &[
    ("fleischner-2017", include_str!("../data/rules/fleischner-2017.toml")),
    ("lung-rads-2022", include_str!("../data/rules/lung-rads-2022.toml")),
    ("bi-rads-2013-mammography", include_str!("../data/rules/bi-rads-2013-mammography.toml")),
    ("bi-rads-2013-ultrasound", include_str!("../data/rules/bi-rads-2013-ultrasound.toml")),
    ("bi-rads-2013-management", include_str!("../data/rules/bi-rads-2013-management.toml")),
    ("acr-ti-rads-2017", include_str!("../data/rules/acr-ti-rads-2017.toml")),
    ("bosniak-2019-ct", include_str!("../data/rules/bosniak-2019-ct.toml")),
    ("bosniak-2019-mr", include_str!("../data/rules/bosniak-2019-mr.toml")),
    ("acr-adrenal-2017", include_str!("../data/rules/acr-adrenal-2017.toml")),
    ("acr-liver-2017", include_str!("../data/rules/acr-liver-2017.toml")),
    ("acr-pancreas-2017", include_str!("../data/rules/acr-pancreas-2017.toml")),
    ("adrenal-washout", include_str!("../data/rules/adrenal-washout.toml")),
    ("adrenal-chemical-shift", include_str!("../data/rules/adrenal-chemical-shift.toml")),
    ("aspects-2000", include_str!("../data/rules/aspects-2000.toml")),
    ("modified-fisher", include_str!("../data/rules/modified-fisher.toml")),
    ("recist-1.1", include_str!("../data/rules/recist-1.1.toml")),
    ("wells-pe", include_str!("../data/rules/wells-pe.toml")),
    ("revised-geneva", include_str!("../data/rules/revised-geneva.toml")),
    ("simplified-pesi", include_str!("../data/rules/simplified-pesi.toml")),
    ("wells-dvt", include_str!("../data/rules/wells-dvt.toml")),
    ("curb-65", include_str!("../data/rules/curb-65.toml")),
    ("crb-65", include_str!("../data/rules/crb-65.toml")),
    ("qsofa", include_str!("../data/rules/qsofa.toml")),
];

/// A published rule that turns measurements into a category and a recommendation.
#[derive(Clone, Debug, PartialEq)]
pub struct Guideline {
    /// Its name: `fleischner-2017`.
    pub id: String,
    /// Version of the data file: the guideline's edition, and a number of ours.
    pub version: String,
    /// What it is, in a line.
    pub title: String,
    /// Whom and what it speaks of.
    pub scope: String,
    /// Where it comes from; the first is what a report cites.
    pub sources: Vec<Source>,
    /// Choices of ours where the source leaves room: rounding, boundaries, order.
    pub conventions: Vec<String>,
    /// What of the source is not in the file.
    pub not_covered: Vec<String>,
    /// What is asked for.
    pub inputs: Vec<Input>,
    /// What is computed on the way.
    pub values: Vec<Value>,
    /// Cases it does not speak of, in order, before the branches.
    pub outside: Vec<Outside>,
    /// Its branches: the first that holds is the answer.
    pub branches: Vec<Branch>,
}

/// A paper or atlas.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Authors, journal or publisher, year.
    pub cite: String,
    /// Its DOI, where it has one.
    pub doi: Option<String>,
    /// Where it is found, where it has no DOI.
    pub url: Option<String>,
}

/// Something a rule asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Its key on a command line: `diameter`.
    pub name: String,
    /// What it is.
    pub asks: String,
    /// What it may be.
    pub kind: InputKind,
}

/// What an input may be.
#[derive(Clone, Debug, PartialEq)]
pub enum InputKind {
    /// One of some words.
    Choice(Vec<String>),
    /// A number with a unit.
    Number(Measured),
}

/// The bounds of a measured input.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    unit: Unit,
    least: f64,
    greatest: f64,
    whole: bool,
    round: Option<f64>,
    computed: Option<(String, Formula)>,
}

impl Measured {
    /// Its unit, as printed; `1` for a bare number.
    pub const fn unit(&self) -> &'static str {
        self.unit.name
    }

    /// Least and greatest allowed, in the unit.
    pub const fn bounds(&self) -> (f64, f64) {
        (self.least, self.greatest)
    }

    /// Whether only whole numbers are allowed.
    pub const fn is_whole(&self) -> bool {
        self.whole
    }

    /// What it is rounded to before it is compared, halves upward, in the unit.
    pub const fn rounded_to(&self) -> Option<f64> {
        self.round
    }

    /// The formula it is computed by where it is not given.
    pub fn computed(&self) -> Option<&str> {
        self.computed.as_ref().map(|(text, _)| text.as_str())
    }
}

/// A number computed from inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// Its name.
    pub name: String,
    unit: Unit,
    round: Option<f64>,
    how: Computed,
}

/// How a value is computed.
#[derive(Clone, Debug, PartialEq)]
enum Computed {
    Formula(Formula),
    Points(Vec<Term>),
}

/// One item of a score: its points count where the condition holds.
#[derive(Clone, Debug, PartialEq)]
struct Term {
    when: Condition,
    points: Points,
}

/// The points of an item.
#[derive(Clone, Debug, PartialEq)]
enum Points {
    /// For each choice of an input.
    Each(usize, Vec<f64>),
    /// Always the same.
    One(f64),
}

/// A case that the guideline does not speak of.
#[derive(Clone, Debug, PartialEq)]
pub struct Outside {
    /// Its name.
    pub id: String,
    /// When, as written.
    pub when: String,
    /// Why, as a clause without a final period.
    pub reason: String,
    condition: Condition,
}

/// One branch of a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// Its name.
    pub id: String,
    /// When, as written.
    pub when: String,
    /// The category it gives.
    pub category: String,
    /// Its place among the categories, higher is more suspicious or more severe; `None` where they have no order.
    pub rank: Option<u32>,
    /// What should be done, a sentence or two of our own words; `None` where the rule only classifies.
    pub recommendation: Option<String>,
    /// The same as steps that a program can compare.
    pub next: Vec<Step>,
    condition: Condition,
}

impl Guideline {
    /// What a report cites: the first source with its DOI or address.
    pub fn citation(&self) -> String {
        self.sources.first().map(Source::text).unwrap_or_default()
    }

    /// The branch of an id.
    pub fn branch(&self, id: &str) -> Option<&Branch> {
        self.branches.iter().find(|branch| branch.id == id)
    }

    /// The input of a name.
    pub fn input(&self, name: &str) -> Option<&Input> {
        self.inputs.iter().find(|input| input.name == name)
    }
}

impl Source {
    /// As cited in a line.
    pub fn text(&self) -> String {
        match (&self.doi, &self.url) {
            (Some(doi), _) => format!("{}, doi:{doi}", self.cite),
            (None, Some(url)) => format!("{}, {url}", self.cite),
            (None, None) => self.cite.clone(),
        }
    }
}

/// All rules that come with the program, in their order.
///
/// # Panics
/// Never: the files are part of the program, and a test reads each.
pub fn guidelines() -> &'static [Guideline] {
    static READ: OnceLock<Vec<Guideline>> = OnceLock::new();
    READ.get_or_init(|| {
        let read = |(name, text): &(&str, &str)| {
            Guideline::read(text).unwrap_or_else(|error| panic!("rule file {name}: {error}"))
        };
        FILES.iter().map(read).collect()
    })
}

/// The rule of an id.
pub fn guideline(id: &str) -> Option<&'static Guideline> {
    guidelines().iter().find(|rule| rule.id == id)
}

#[cfg(test)]
mod tests;
