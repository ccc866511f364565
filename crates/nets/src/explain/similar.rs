use rayon::prelude::*;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};

use super::ExplainError;

/// Name of the table in its file.
const TABLE: &str = "features";
/// Key of what is said of the table.
const FACTS: &str = "cases";

/// How far two feature vectors lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// 1 less the cosine of the angle between them: 0 is the same direction, 1 a right angle. Of a vector of zeros
    /// nothing is known: 1.
    Cosine,
    /// The length of their difference.
    Euclid,
}

/// A stored case near another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Neighbor {
    /// What the case is called.
    pub name: String,
    /// Its label.
    pub label: String,
    /// How far away it lies.
    pub distance: f64,
}

/// The nearest cases of one label and the nearest of all others: what is like this image, and what is like it and yet
/// something else (the counterfactual cases).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SimilarCases {
    /// The label.
    pub label: String,
    /// Cases of the label, nearest first.
    pub alike: Vec<Neighbor>,
    /// Cases of other labels, nearest first.
    pub otherwise: Vec<Neighbor>,
}

/// Feature vectors of known cases, as one model gives them.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredCases {
    facts: Facts,
    width: usize,
    features: Vec<f32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    model: String,
    weights_sha256: String,
    names: Vec<String>,
    labels: Vec<String>,
}

impl StoredCases {
    /// A table for the features of one model; `weights_sha256` is on its card.
    pub fn new(model: &str, weights_sha256: &str) -> Self {
        let facts = Facts {
            model: model.to_owned(),
            weights_sha256: weights_sha256.to_owned(),
            names: Vec::new(),
            labels: Vec::new(),
        };
        Self { facts, width: 0, features: Vec::new() }
    }

    /// Adds a case.
    ///
    /// # Errors
    /// [`ExplainError::Cases`] for features of another length than the first, [`ExplainError::NotFinite`].
    pub fn add(&mut self, name: &str, label: &str, features: &[f32]) -> Result<(), ExplainError> {
        if self.is_empty() {
            self.width = features.len();
        }
        self.check(features)?;
        self.facts.names.push(name.to_owned());
        self.facts.labels.push(label.to_owned());
        self.features.extend_from_slice(features);
        Ok(())
    }

    /// Number of cases.
    pub const fn len(&self) -> usize {
        self.facts.names.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.facts.names.is_empty()
    }

    /// Name, label and features of each case, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &[f32])> {
        let named = self.facts.names.iter().zip(&self.facts.labels);
        let rows = self.features.chunks_exact(self.width.max(1));
        named.zip(rows).map(|((name, label), row)| (name.as_str(), label.as_str(), row))
    }

    /// Whether the features are those of a model with these weights.
    ///
    /// # Errors
    /// [`ExplainError::Cases`] for another model's.
    pub fn check_model(&self, model: &str, weights_sha256: &str) -> Result<(), ExplainError> {
        if self.facts.weights_sha256 == weights_sha256 {
            return Ok(());
        }
        Err(ExplainError::Cases(format!(
            "their features are of other weights (model {}), expected those of model {model}",
            self.facts.model
        )))
    }

    /// The nearest cases whose label `keep` accepts, nearest first; every case is looked at. Equals stand in the
    /// order in which they were added.
    ///
    /// # Errors
    /// [`ExplainError::Cases`] for features of another length, [`ExplainError::NotFinite`].
    pub fn nearest(
        &self,
        features: &[f32],
        metric: Metric,
        count: usize,
        keep: impl Fn(&str) -> bool + Sync,
    ) -> Result<Vec<Neighbor>, ExplainError> {
        self.check(features)?;
        let mut found: Vec<(usize, f64)> = self
            .features
            .par_chunks_exact(self.width.max(1))
            .enumerate()
            .filter(|(at, _)| keep(&self.facts.labels[*at]))
            .map(|(at, other)| (at, distance(features, other, metric)))
            .collect();
        found.sort_by(|(at, a), (other, b)| a.total_cmp(b).then(at.cmp(other)));
        let neighbor = |(at, distance): &(usize, f64)| Neighbor {
            name: self.facts.names[*at].clone(),
            label: self.facts.labels[*at].clone(),
            distance: *distance,
        };
        Ok(found.iter().take(count).map(neighbor).collect())
    }

    /// The nearest cases of a label and the nearest of others.
    ///
    /// # Errors
    /// As [`nearest`](Self::nearest).
    pub fn similar(
        &self,
        features: &[f32],
        label: &str,
        metric: Metric,
        count: usize,
    ) -> Result<SimilarCases, ExplainError> {
        Ok(SimilarCases {
            label: label.to_owned(),
            alike: self.nearest(features, metric, count, |known| known == label)?,
            otherwise: self.nearest(features, metric, count, |known| known != label)?,
        })
    }

    /// The table as a safetensors file.
    ///
    /// # Errors
    /// [`ExplainError::Cases`] for a table without cases.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ExplainError> {
        if self.is_empty() {
            return Err(ExplainError::Cases("there are none".to_owned()));
        }
        let form = |error: &dyn std::fmt::Display| ExplainError::Cases(error.to_string());
        let bytes: Vec<u8> = self.features.iter().flat_map(|value| value.to_le_bytes()).collect();
        let view = TensorView::new(Dtype::F32, vec![self.len(), self.width], &bytes)
            .map_err(|error| form(&error))?;
        let facts = serde_json::to_string(&self.facts).map_err(|error| form(&error))?;
        // One entry: a map of several would be written in another order each time.
        safetensors::serialize([(TABLE, view)], Some([(FACTS.to_owned(), facts)].into()))
            .map_err(|error| form(&error))
    }

    /// Reads a table.
    ///
    /// # Errors
    /// [`ExplainError::Cases`] for bytes that are none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ExplainError> {
        let form = |what: String| ExplainError::Cases(what);
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| form(error.to_string()))?;
        let facts = header.metadata().as_ref().and_then(|facts| facts.get(FACTS));
        let facts = facts.ok_or_else(|| form("the file does not say what it holds".to_owned()))?;
        let facts: Facts = serde_json::from_str(facts).map_err(|error| form(error.to_string()))?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| form(error.to_string()))?;
        let table = file.tensor(TABLE).map_err(|error| form(error.to_string()))?;
        let count = facts.names.len();
        let width = match table.shape() {
            [rows, width] if *rows == count && facts.labels.len() == count && *width > 0 && count > 0 => {
                *width
            }
            shape => {
                let labels = facts.labels.len();
                return Err(form(format!(
                    "a table of shape {shape:?} for {count} names and {labels} labels"
                )));
            }
        };
        if table.dtype() != Dtype::F32 {
            return Err(form(format!("numbers are {:?}, expected F32", table.dtype())));
        }
        let features: Vec<f32> =
            table.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        if !features.iter().all(|value| value.is_finite()) {
            return Err(ExplainError::NotFinite("the table of stored cases"));
        }
        Ok(Self { facts, width, features })
    }

    fn check(&self, features: &[f32]) -> Result<(), ExplainError> {
        if features.len() != self.width || features.is_empty() {
            return Err(ExplainError::Cases(format!("{} features, expected {}", features.len(), self.width)));
        }
        if !features.iter().all(|value| value.is_finite()) {
            return Err(ExplainError::NotFinite("the features"));
        }
        Ok(())
    }
}

fn distance(first: &[f32], second: &[f32], metric: Metric) -> f64 {
    let pairs = || first.iter().zip(second).map(|(a, b)| (f64::from(*a), f64::from(*b)));
    match metric {
        Metric::Euclid => pairs().map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt(),
        Metric::Cosine => {
            let lengths =
                (pairs().map(|(a, _)| a * a).sum::<f64>() * pairs().map(|(_, b)| b * b).sum::<f64>()).sqrt();
            if lengths > 0.0 {
                (1.0 - pairs().map(|(a, b)| a * b).sum::<f64>() / lengths).max(0.0)
            } else {
                1.0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> StoredCases {
        let mut cases = StoredCases::new("m", "aa");
        for (name, label, features) in [
            ("a", "sick", [3.0, 4.0]),
            ("b", "well", [0.0, 2.0]),
            ("c", "sick", [1.0, 0.0]),
            ("d", "well", [0.0, 0.0]),
        ] {
            cases.add(name, label, &features).expect("two features");
        }
        cases
    }

    fn names(found: &[Neighbor]) -> Vec<&str> {
        found.iter().map(|neighbor| neighbor.name.as_str()).collect()
    }

    #[test]
    fn distances_worked_on_paper() {
        let cases = table();
        let query = [6.0, 8.0];
        let found = cases.nearest(&query, Metric::Cosine, 9, |_| true).expect("found");
        // The same direction; cosines 0.8 and 0.6; nothing is known of zeros.
        assert_eq!(names(&found), ["a", "b", "c", "d"]);
        for (found, expected) in found.iter().zip([0.0, 0.2, 0.4, 1.0]) {
            assert!((found.distance - expected).abs() < 1e-12, "{found:?}");
        }
        let found = cases.nearest(&query, Metric::Euclid, 2, |label| label == "well").expect("found");
        assert_eq!(names(&found), ["b", "d"]);
        assert!((found[0].distance - 72.0_f64.sqrt()).abs() < 1e-12);
        let similar = cases.similar(&query, "sick", Metric::Euclid, 1).expect("found");
        assert_eq!((names(&similar.alike), names(&similar.otherwise)), (vec!["a"], vec!["b"]));
    }

    #[test]
    fn a_table_is_read_as_it_was_written_and_a_crooked_one_is_refused() {
        let cases = table();
        let bytes = cases.to_bytes().expect("a file");
        assert_eq!(StoredCases::from_bytes(&bytes).expect("a table"), cases);
        assert_eq!(cases.iter().nth(1), Some(("b", "well", &[0.0, 2.0][..])));
        assert_eq!(cases.to_bytes().expect("again"), bytes);
        assert!(StoredCases::new("m", "aa").to_bytes().is_err());
        for end in [0, 4, 20, bytes.len() - 1] {
            assert!(StoredCases::from_bytes(&bytes[..end]).is_err(), "{end}");
        }
        assert!(cases.check_model("m", "aa").is_ok() && cases.check_model("m", "bb").is_err());
        assert!(cases.nearest(&[1.0], Metric::Cosine, 1, |_| true).is_err());
        assert!(cases.nearest(&[1.0, f32::NAN], Metric::Cosine, 1, |_| true).is_err());
        assert!(table().add("e", "well", &[1.0, 2.0, 3.0]).is_err());
    }
}
