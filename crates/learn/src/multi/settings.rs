use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::evaluation::label_tables::LabelCell;

/// What a cell counts as that says neither that a label is there nor that it is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubtful {
    /// As nothing: the label takes no part in the loss of that image.
    #[default]
    LeftOut,
    /// As there.
    Present,
    /// As not there.
    Absent,
}

/// Where a label's operating point lies, by the calibrated probabilities of the validation images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallRule {
    /// Where sensitivity and specificity together are greatest (Youden 1950).
    #[default]
    Youden,
    /// The highest with at least this sensitivity.
    Sensitivity(f64),
}

/// How the cells of a table with a column a label are read, and how its labels are trained and called.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MultiLabel {
    /// What a cell in doubt (-1, as CheXpert writes it) counts as in training. The figures leave such images out.
    #[serde(skip_serializing_if = "is_left_out")]
    pub uncertain: Doubtful,
    /// The same of single labels, by their keys.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub uncertain_of: BTreeMap<String, Doubtful>,
    /// What an empty cell counts as, in training and in the figures.
    #[serde(skip_serializing_if = "is_left_out")]
    pub missing: Doubtful,
    /// How much a label's presence counts against its absence, one a label; left out, that follows from `class_balance`:
    /// the images without it over those with it, to that power. Of groups of several it weighs the label as a class.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub positive_weights: Vec<f32>,
    /// Where the labels' operating points lie.
    pub operating_point: CallRule,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_left_out(doubtful: &Doubtful) -> bool {
    *doubtful == Doubtful::LeftOut
}

impl MultiLabel {
    /// What is wrong with the settings for labels of these keys, if anything.
    pub(crate) fn fault(&self, keys: &[&str]) -> Option<String> {
        if let Some(key) = self.uncertain_of.keys().find(|key| !keys.contains(&key.as_str())) {
            return Some(format!("uncertain_of names {key}, which is no label's key"));
        }
        let weights = &self.positive_weights;
        if !weights.is_empty() && weights.len() != keys.len() {
            return Some(format!(
                "positive_weights has {} numbers, expected one for each label",
                weights.len()
            ));
        }
        if !weights.iter().all(|weight| *weight > 0.0 && *weight <= 1e4) {
            return Some("positive_weights must lie above 0 and be at most 10000".to_owned());
        }
        match self.operating_point {
            CallRule::Sensitivity(least) if !(least > 0.0 && least <= 1.0) => {
                Some("the sensitivity of operating_point must lie above 0 and be at most 1".to_owned())
            }
            _ => None,
        }
    }

    /// Whether a label is there, as training takes it; `None` where it takes no part.
    pub(crate) fn trained(&self, key: &str, cell: LabelCell) -> Option<bool> {
        let of = |doubtful: Doubtful| match doubtful {
            Doubtful::LeftOut => None,
            Doubtful::Present => Some(true),
            Doubtful::Absent => Some(false),
        };
        match cell {
            LabelCell::Uncertain => of(self.uncertain_of.get(key).copied().unwrap_or(self.uncertain)),
            other => self.known(other).or_else(|| of(self.missing)),
        }
    }

    /// Whether a label is there, as the figures take it: not where it is in doubt.
    pub(crate) fn known(&self, cell: LabelCell) -> Option<bool> {
        match (cell, self.missing) {
            (LabelCell::Present, _) => Some(true),
            (LabelCell::Absent, _) => Some(false),
            (LabelCell::Unmentioned, Doubtful::Present) => Some(true),
            (LabelCell::Unmentioned, Doubtful::Absent) => Some(false),
            (LabelCell::Unmentioned, Doubtful::LeftOut) | (LabelCell::Uncertain, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_count_as_the_recipe_says_and_doubt_never_in_the_figures() {
        let text = "uncertain = \"present\"\nmissing = \"absent\"\nuncertain_of = { edema = \"left_out\" }\n\
                    operating_point = { sensitivity = 0.9 }";
        let settings: MultiLabel = toml::from_str(text).expect("TOML");
        assert_eq!(settings.fault(&["edema", "mass"]), None);
        assert_eq!(settings.trained("mass", LabelCell::Uncertain), Some(true));
        assert_eq!(settings.trained("edema", LabelCell::Uncertain), None);
        assert_eq!(settings.trained("mass", LabelCell::Unmentioned), Some(false));
        assert_eq!(settings.known(LabelCell::Uncertain), None);
        assert_eq!(settings.known(LabelCell::Unmentioned), Some(false));
        let plain = MultiLabel::default();
        assert_eq!(plain.trained("mass", LabelCell::Unmentioned), None);
        assert_eq!(plain.trained("mass", LabelCell::Present), Some(true));
        assert!(settings.fault(&["mass"]).expect("edema").contains("names edema"));
        for wrong in [
            MultiLabel { positive_weights: vec![1.0], ..MultiLabel::default() },
            MultiLabel { positive_weights: vec![1.0, 0.0], ..MultiLabel::default() },
            MultiLabel { operating_point: CallRule::Sensitivity(0.0), ..MultiLabel::default() },
        ] {
            assert!(wrong.fault(&["edema", "mass"]).is_some(), "{wrong:?}");
        }
        assert!(toml::from_str::<MultiLabel>("unsure = \"present\"").is_err());
    }
}
