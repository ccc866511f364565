use serde::{Deserialize, Serialize};

/// What is wrong with a table of signs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignTableError {
    /// Not TOML, or keys that a table does not have.
    #[error("table of signs is not readable: {0}")]
    Form(String),
    /// Readable, but not a table that can be used.
    #[error("table of signs of {finding}: {what}")]
    Content {
        /// The finding.
        finding: String,
        /// Which rule is broken.
        what: String,
    },
}

/// By what the odds of a finding are multiplied where a sign is there, or where it is denied.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LikelihoodRatio {
    /// The factor, above 0; 1 says nothing.
    pub ratio: f64,
    /// Lower end of what the source prints with it: a 95 % interval, or the range over studies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Whether it was worked out here from the sensitivity and the specificity that the source prints.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub derived: bool,
}

/// A number in a text that says whether a sign is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// What stands before the number, in lower case.
    pub names: Vec<String>,
    /// Numbers below are something else.
    pub low: f64,
    /// Numbers above are something else.
    pub high: f64,
    /// The sign is there above this.
    #[serde(default)]
    pub above: Option<f64>,
    /// The sign is there from this on.
    #[serde(default)]
    pub at_least: Option<f64>,
    /// The sign is there up to this.
    #[serde(default)]
    pub at_most: Option<f64>,
}

impl Measure {
    /// Whether a number says that the sign is there; none for a number that is something else.
    pub fn says(&self, number: f64) -> Option<bool> {
        if !(self.low..=self.high).contains(&number) {
            return None;
        }
        match (self.above, self.at_least, self.at_most) {
            (Some(above), None, None) => Some(number > above),
            (None, Some(least), None) => Some(number >= least),
            (None, None, Some(most)) => Some(number <= most),
            _ => None,
        }
    }
}

/// A sign and what it says of the finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// Stable key, lower case with underscores.
    pub key: String,
    /// What it is, as the source defines it.
    pub words: String,
    /// The factor where it is there.
    pub present: LikelihoodRatio,
    /// The factor where it is denied, where the source has one.
    #[serde(default)]
    pub absent: Option<LikelihoodRatio>,
    /// Phrases that mention it, in lower case.
    #[serde(default)]
    pub phrases: Vec<String>,
    /// Phrases that mention its opposite.
    #[serde(default)]
    pub opposites: Vec<String>,
    /// Numbers that say it.
    #[serde(default)]
    pub measures: Vec<Measure>,
}

/// Published likelihood ratios of signs for one finding in one group of patients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignTable {
    /// The number of this shape of file.
    pub schema: u32,
    /// Key of the finding, as on the cards of models.
    pub finding: String,
    /// What it is, for people.
    pub words: String,
    /// Ages it holds for, in years: from the first up to but without the second.
    pub ages_years: [f64; 2],
    /// Where the ratios are printed.
    pub source: String,
    /// What decided there whether the finding was present.
    pub reference_standard: String,
    /// Whose signs they were.
    pub population: String,
    /// The signs.
    #[serde(rename = "sign")]
    pub signs: Vec<Sign>,
}

/// The tables that come with the crate.
const BUILT_IN: [&str; 2] = [
    include_str!("../../data/signs/pneumonia-children.toml"),
    include_str!("../../data/signs/pneumonia-adults.toml"),
];

impl SignTable {
    /// What [`SignTable::schema`] is today.
    pub const SCHEMA: u32 = 1;

    /// Reads and checks a table.
    ///
    /// # Errors
    /// [`SignTableError`] for what is no table, a ratio that is not above 0 or lies outside its interval, a sign without a
    /// phrase or a measure, a measure without exactly one bound, or a phrase that is not in lower case.
    pub fn parse(text: &str) -> Result<Self, SignTableError> {
        let table: Self =
            toml::from_str(text).map_err(|error| SignTableError::Form(error.message().to_owned()))?;
        match table.fault() {
            Some(what) => Err(SignTableError::Content { finding: table.finding, what }),
            None => Ok(table),
        }
    }

    /// Those that come with the crate.
    ///
    /// # Panics
    /// Never: they are tested.
    pub fn built_in() -> Vec<Self> {
        BUILT_IN
            .iter()
            .map(|text| Self::parse(text).expect("the tables that come with the crate are tested"))
            .collect()
    }

    /// Whether it holds for a patient of this age.
    pub fn holds_for(&self, age_years: f64) -> bool {
        let [from, to] = self.ages_years;
        age_years >= from && age_years < to
    }

    fn fault(&self) -> Option<String> {
        if self.schema != Self::SCHEMA {
            return Some(format!("schema is {}, expected {}", self.schema, Self::SCHEMA));
        }
        let [from, to] = self.ages_years;
        if !(from >= 0.0 && from < to) {
            return Some(format!("ages_years is {from} to {to}, expected rising numbers from 0"));
        }
        for (place, sign) in self.signs.iter().enumerate() {
            let key = &sign.key;
            if self.signs[..place].iter().any(|other| other.key == *key) {
                return Some(format!("sign {key} stands there twice"));
            }
            for ratio in [Some(sign.present), sign.absent].into_iter().flatten() {
                let LikelihoodRatio { ratio, low, high, .. } = ratio;
                if !(ratio > 0.0 && ratio.is_finite()) {
                    return Some(format!("sign {key}: ratio is {ratio}, expected a number above 0"));
                }
                if low.is_some_and(|low| low > ratio) || high.is_some_and(|high| high < ratio) {
                    return Some(format!("sign {key}: ratio {ratio} lies outside its interval"));
                }
            }
            let words = sign.phrases.iter().chain(&sign.opposites);
            let names = sign.measures.iter().flat_map(|measure| &measure.names);
            if words.clone().chain(names.clone()).next().is_none() {
                return Some(format!("sign {key} has no phrase and no measure by which it is found"));
            }
            if let Some(wrong) =
                words.chain(names).find(|word| word.trim().is_empty() || **word != word.to_lowercase())
            {
                return Some(format!("sign {key}: {wrong:?} is not a phrase in lower case"));
            }
            for measure in &sign.measures {
                let bounds = [measure.above, measure.at_least, measure.at_most];
                if bounds.iter().flatten().count() != 1 || measure.low.total_cmp(&measure.high).is_ge() {
                    return Some(format!(
                        "sign {key}: a measure needs low below high and one of above, at_least, at_most"
                    ));
                }
            }
        }
        self.signs.is_empty().then(|| "it has no sign".to_owned())
    }
}
