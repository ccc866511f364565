use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Entry, PatientRecord, Status};

/// What became of a term since an earlier record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Stated now, and before neither stated nor possible.
    New,
    /// Stated in both, with other numbers.
    Changed,
    /// Stated before, denied now.
    Resolved,
    /// Stated in both, with the same numbers or none.
    Same,
    /// Stated before, not spoken of now: that says nothing.
    NotMentioned,
}

impl Kind {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Resolved => "resolved",
            Self::Same => "as before",
            Self::NotMentioned => "not mentioned now",
        }
    }
}

/// A term in two records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The term.
    pub term: String,
    /// What became of it.
    pub kind: Kind,
    /// The numbers before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<String>,
    /// The numbers now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub now: Vec<String>,
    /// Sentences of this record that say so.
    pub entries: Vec<String>,
    /// Sentences of the earlier record.
    pub earlier: Vec<String>,
}

/// What a record says of a term.
#[derive(Default)]
struct Said {
    present: Vec<(String, Vec<String>)>,
    absent: Vec<String>,
    possible: Vec<String>,
}

/// Puts a record beside an earlier one, term by term; only what the patient has or had denied counts, not relatives and not
/// the past. Where one record both states and denies a term, it is taken as stated.
pub fn compare(record: &PatientRecord, earlier: &PatientRecord) -> Vec<Change> {
    let (now, before) = (said(&record.entries), said(&earlier.entries));
    let nothing = Said::default();
    let mut changes = Vec::new();
    let terms: std::collections::BTreeSet<&String> = now.keys().chain(before.keys()).collect();
    for term in terms {
        let (one, other) = (now.get(term).unwrap_or(&nothing), before.get(term).unwrap_or(&nothing));
        let numbers = |said: &Said| -> Vec<String> {
            let mut all: Vec<String> = said.present.iter().flat_map(|(_, numbers)| numbers.clone()).collect();
            all.dedup();
            all
        };
        let ids = |said: &Said| said.present.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
        let (numbers_now, numbers_before) = (numbers(one), numbers(other));
        let kind = match (one.present.is_empty(), other.present.is_empty()) {
            (false, true) if other.possible.is_empty() => Kind::New,
            (false, true) => Kind::Changed,
            (false, false)
                if !numbers_now.is_empty() && !numbers_before.is_empty() && numbers_now != numbers_before =>
            {
                Kind::Changed
            }
            (false, false) => Kind::Same,
            (true, false) if !one.absent.is_empty() => Kind::Resolved,
            (true, false) if one.possible.is_empty() => Kind::NotMentioned,
            (true, false) => Kind::Changed,
            (true, true) => continue,
        };
        let entries = match kind {
            Kind::Resolved => one.absent.clone(),
            Kind::Changed if one.present.is_empty() => one.possible.clone(),
            _ => ids(one),
        };
        changes.push(Change {
            term: term.clone(),
            kind,
            before: numbers_before,
            now: numbers_now,
            entries,
            earlier: if other.present.is_empty() { other.possible.clone() } else { ids(other) },
        });
    }
    changes.sort_by_key(|change| change.kind);
    changes
}

fn said(entries: &[Entry]) -> BTreeMap<String, Said> {
    let mut all: BTreeMap<String, Said> = BTreeMap::new();
    for entry in entries {
        for mention in &entry.mentions {
            let said = all.entry(mention.term.clone()).or_default();
            match mention.status {
                Status::Present => said.present.push((entry.id.clone(), mention.numbers.clone())),
                Status::Absent => said.absent.push(entry.id.clone()),
                Status::Possible => said.possible.push(entry.id.clone()),
                Status::Past | Status::OfOther => {}
            }
        }
    }
    all
}
