use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::Label;

/// Which labels of a classifier go together: of how many of them one is right.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Targets {
    /// Exactly one of all is right (softmax).
    #[default]
    OneOf,
    /// Each may be right or wrong for itself (sigmoid).
    MultiLabel,
    /// Several tasks on one network, by the labels' keys: of a group exactly one is right (softmax), a label that is its
    /// group alone may be right or wrong (sigmoid).
    Groups(Vec<Vec<String>>),
}

impl Targets {
    /// Whether exactly one of all labels is right.
    pub fn is_one_of(&self) -> bool {
        *self == Self::OneOf
    }

    /// The places of each group's labels, from 0; a group of one label is right or wrong for itself.
    pub fn groups(&self, labels: &[Label]) -> Vec<Vec<usize>> {
        match self {
            Self::OneOf => vec![(0..labels.len()).collect()],
            Self::MultiLabel => (0..labels.len()).map(|label| vec![label]).collect(),
            Self::Groups(groups) => groups
                .iter()
                .map(|keys| {
                    let place = |key: &String| labels.iter().position(|label| label.key == *key);
                    keys.iter().filter_map(place).collect()
                })
                .collect(),
        }
    }

    /// What is wrong with them for these labels, if anything.
    pub fn fault(&self, labels: &[Label]) -> Option<String> {
        let keys: BTreeSet<&str> = labels.iter().map(|label| label.key.as_str()).collect();
        if keys.len() != labels.len() {
            return Some("two labels have the same key".to_owned());
        }
        if self.is_one_of() {
            return (labels.len() < 2).then(|| {
                "a classifier tells at least two labels apart: name another under [[labels]]".to_owned()
            });
        }
        if labels.is_empty() {
            return Some("there is no label: name one under [[labels]]".to_owned());
        }
        let Self::Groups(groups) = self else { return None };
        let mut seen = BTreeSet::new();
        for group in groups {
            if group.is_empty() {
                return Some("a group of targets is empty".to_owned());
            }
            for key in group {
                if !keys.contains(key.as_str()) {
                    return Some(format!("targets name {key}, which is no label's key"));
                }
                if !seen.insert(key.as_str()) {
                    return Some(format!("targets name {key} twice"));
                }
            }
        }
        let missing: Vec<&str> = keys.difference(&seen).copied().collect();
        (!missing.is_empty())
            .then(|| format!("targets leave out {}: put each label into a group", missing.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(keys: &[&str]) -> Vec<Label> {
        let label = |key: &&str| Label {
            key: (*key).to_owned(),
            name: (*key).to_owned(),
            synonyms: Vec::new(),
            code: None,
            normal: false,
        };
        keys.iter().map(label).collect()
    }

    fn read(text: &str) -> Targets {
        #[derive(Deserialize)]
        struct Holder {
            targets: Targets,
        }
        toml::from_str::<Holder>(&format!("targets = {text}")).expect("TOML").targets
    }

    #[test]
    fn groups_are_those_that_a_recipe_writes() {
        let four = labels(&["a", "b", "c", "d"]);
        assert_eq!(read("\"one_of\"").groups(&four), [[0, 1, 2, 3]]);
        assert_eq!(read("\"multi_label\"").groups(&four), [[0], [1], [2], [3]]);
        let mixed = read("{ groups = [[\"c\", \"a\"], [\"b\"], [\"d\"]] }");
        assert_eq!(mixed.groups(&four), [vec![2, 0], vec![1], vec![3]]);
        assert_eq!(mixed.fault(&four), None);
    }

    #[test]
    fn what_is_wrong_with_targets_is_named() {
        let three = labels(&["a", "b", "c"]);
        for (text, words) in [
            ("{ groups = [[\"a\", \"b\"]] }", "leave out c"),
            ("{ groups = [[\"a\", \"b\"], [\"c\", \"a\"]] }", "name a twice"),
            ("{ groups = [[\"a\", \"b\", \"c\"], [\"x\"]] }", "name x, which"),
            ("{ groups = [[\"a\", \"b\", \"c\"], []] }", "is empty"),
        ] {
            assert!(read(text).fault(&three).expect(words).contains(words), "{text}");
        }
        assert!(Targets::OneOf.fault(&labels(&["a"])).is_some());
        assert!(Targets::MultiLabel.fault(&labels(&["a"])).is_none());
        assert!(Targets::MultiLabel.fault(&labels(&["a", "a"])).is_some());
    }
}
