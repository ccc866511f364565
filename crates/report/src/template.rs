//! Structured templates by study type: what a report of such a study goes through, in order.
//!
//! A [`Template`] is a data file of `data/templates`. [`template_of`] picks the one of an examination; the writer orders
//! findings by it, and [`Filled`] says of each item which findings speak of it and which were not assessed, so that a
//! reader sees what a program left to him. Codes stand only where they are known for certain: of DICOM for the sections,
//! of RadLex for some items, of RadElement for the set of common data elements that describes some findings.

use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilhelm_study::{CodedConcept, Finding, FindingId};

use crate::{Exam, Heading, Report};

const FILES: &[(&str, &str)] = &[
    ("chest-radiograph", include_str!("../data/templates/chest-radiograph.toml")),
    ("chest-ct", include_str!("../data/templates/chest-ct.toml")),
    ("lung-screening-ct", include_str!("../data/templates/lung-screening-ct.toml")),
    ("breast-ultrasound", include_str!("../data/templates/breast-ultrasound.toml")),
    ("brain-mr", include_str!("../data/templates/brain-mr.toml")),
    ("abdomen-ct", include_str!("../data/templates/abdomen-ct.toml")),
    ("echocardiography", include_str!("../data/templates/echocardiography.toml")),
];

/// What a report of one type of study goes through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its name: `chest-ct`.
    pub id: String,
    /// Version of the data file.
    pub version: String,
    /// The study type in words.
    pub title: String,
    /// DICOM terms of the modalities it is for.
    pub modalities: Vec<String>,
    /// Body parts it is for, lower case.
    pub body_parts: Vec<String>,
    /// Whether it is taken only by name, since an examination's header does not tell it from another.
    #[serde(default)]
    pub chosen_by_name: bool,
    /// Its sections, in order.
    #[serde(rename = "section")]
    pub sections: Vec<TemplateSection>,
}

/// One section of the findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateSection {
    /// Its title.
    pub title: String,
    /// Its items, in order.
    #[serde(rename = "item")]
    pub items: Vec<TemplateItem>,
}

/// One thing to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateItem {
    /// Stable key within the template.
    pub key: String,
    /// What is asked.
    pub asks: String,
    /// What an answer is.
    pub kind: ItemKind,
    /// Names of findings that answer it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// UCUM unit of a measurement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What may be chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Its code, where known for certain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CodedConcept>,
    /// The RadElement set of common data elements that describes it, where known for certain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<CodedConcept>,
    /// Decision rules that speak of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
}

/// What an answer to an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// Something that is there or not.
    Finding,
    /// A number with a unit.
    Measurement,
    /// One of some words.
    Choice,
    /// Words.
    Text,
}

/// A template as far as a report's findings answer it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Filled {
    /// The template.
    pub template: String,
    /// Its version.
    pub version: String,
    /// Its items, in order.
    pub items: Vec<FilledItem>,
}

/// An item with the findings that answer it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FilledItem {
    /// Title of its section.
    pub section: String,
    /// Its key.
    pub key: String,
    /// The findings; none where no program assessed it.
    pub findings: Vec<FindingId>,
}

impl Template {
    /// All items, in order, with their section.
    pub fn items(&self) -> impl Iterator<Item = (&TemplateSection, &TemplateItem)> {
        self.sections.iter().flat_map(|section| section.items.iter().map(move |item| (section, item)))
    }

    /// The place of the item that a finding answers.
    pub fn place(&self, finding: &Finding) -> Option<usize> {
        self.items().position(|(_, item)| item.is_answered_by(finding))
    }

    /// The items with the findings that answer them: each finding answers the first item that names it.
    pub fn filled(&self, findings: &[Finding]) -> Filled {
        let item = |(at, (section, item)): (usize, (&TemplateSection, &TemplateItem))| FilledItem {
            section: section.title.clone(),
            key: item.key.clone(),
            findings: findings.iter().filter(|f| self.place(f) == Some(at)).map(|f| f.id.clone()).collect(),
        };
        let items = self.items().enumerate().map(item).collect();
        Filled { template: self.id.clone(), version: self.version.clone(), items }
    }
}

impl TemplateItem {
    fn is_answered_by(&self, finding: &Finding) -> bool {
        let observation = &finding.observation;
        let key = observation.key.replace('_', " ");
        let names = [&observation.name, &key].into_iter().chain(&observation.synonyms);
        names.into_iter().any(|name| self.names.iter().any(|known| known.eq_ignore_ascii_case(name.trim())))
    }
}

/// All templates that come with the program.
///
/// # Panics
/// Never: the files are part of the program, and a test reads each.
pub fn templates() -> &'static [Template] {
    static READ: OnceLock<Vec<Template>> = OnceLock::new();
    READ.get_or_init(|| {
        let read = |(name, text): &(&str, &str)| {
            toml::from_str(text).unwrap_or_else(|error| panic!("template file {name}: {error}"))
        };
        FILES.iter().map(read).collect()
    })
}

/// The template of an id.
pub fn template(id: &str) -> Option<&'static Template> {
    templates().iter().find(|template| template.id == id)
}

/// The template of an examination, by its modality and body part; `None` where they fit none.
pub fn template_of(exam: &Exam) -> Option<&'static Template> {
    let modality = exam.modality.as_ref()?.term();
    let part = exam.body_part.as_ref()?.trim().to_lowercase();
    templates().iter().find(|template| {
        !template.chosen_by_name
            && template.modalities.iter().any(|known| known == modality)
            && template.body_parts.contains(&part)
    })
}

impl Report {
    /// The RadElement set of common data elements that describes a finding, by the report's template.
    pub fn element_set(&self, finding: &Finding) -> Option<&'static CodedConcept> {
        let filled = self.template.as_ref()?;
        let item = filled.items.iter().find(|item| item.findings.contains(&finding.id))?;
        let (_, item) = template(&filled.template)?.items().find(|(_, known)| known.key == item.key)?;
        item.set.as_ref()
    }
}

/// The DICOM code of a section of the report (PS3.16 CID 7001), where it has one.
pub fn heading_code(heading: Heading) -> Option<CodedConcept> {
    let (value, meaning) = match heading {
        Heading::Indication => ("121109", "Indications for Procedure"),
        Heading::Technique => ("121064", "Current Procedure Descriptions"),
        Heading::Comparison => ("121066", "Prior Procedure Descriptions"),
        Heading::Findings => ("121070", "Findings"),
        Heading::Impression => ("121072", "Impressions"),
        Heading::Recommendation => ("121074", "Recommendations"),
        Heading::Reference | Heading::Limitations | Heading::Addendum => return None,
    };
    Some(CodedConcept::new("DCM", value, meaning))
}

/// Names of rules in templates that no rule has.
#[cfg(test)]
fn unknown_rules() -> Vec<String> {
    let rules = templates().iter().flat_map(|t| t.items().flat_map(|(_, item)| item.rules.iter()));
    rules.filter(|rule| crate::guideline::guideline(rule).is_none()).cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{example, write};

    #[test]
    fn every_template_is_read_and_its_keys_rules_and_choices_make_sense() {
        assert_eq!(unknown_rules(), Vec::<String>::new());
        for template in templates() {
            let mut keys = BTreeSet::new();
            for (section, item) in template.items() {
                assert!(keys.insert(&item.key), "{}: {} is there twice", template.id, item.key);
                assert!(!section.title.is_empty() && !item.asks.is_empty());
                let measured = item.kind == ItemKind::Measurement;
                assert_eq!(measured, item.unit.is_some(), "{}: {}", template.id, item.key);
                assert_eq!(item.kind == ItemKind::Choice, !item.values.is_empty(), "{}", item.key);
            }
        }
    }

    #[test]
    fn an_examination_finds_its_template_by_modality_and_part() {
        let expected = [
            (example::pneumonia(0.9), Some("chest-radiograph")),
            (example::breast(0.2, 0.7), Some("breast-ultrasound")),
            (example::brain(0.1, 0.1, 0.1), Some("brain-mr")),
            (example::abdomen(), Some("abdomen-ct")),
            (example::chest_ct(), Some("chest-ct")),
            (example::unread(), None),
        ];
        for (case, id) in expected {
            assert_eq!(template_of(&case.exam).map(|t| t.id.as_str()), id);
        }
    }

    #[test]
    fn a_report_says_which_items_its_findings_answer_and_which_nobody_assessed() {
        let report = write(&example::chest_ct());
        let filled = report.template.expect("a template of the chest");
        let of = |key: &str| filled.items.iter().find(|item| item.key == key).expect("an item");
        assert_eq!(of("pulmonary_nodule").findings, [FindingId("F2".to_owned())]);
        assert_eq!(of("pleural_effusion").findings, [FindingId("F1".to_owned())]);
        assert_eq!(of("emphysema").findings, []);
        let answered: usize = filled.items.iter().map(|item| item.findings.len()).sum();
        assert_eq!(answered, report.findings.len(), "each finding answers one item");
    }

    #[test]
    fn a_finding_has_the_set_of_its_item_and_sets_have_the_form_of_radelement() {
        let report = write(&example::chest_ct());
        let sets: Vec<Option<&str>> =
            report.findings.iter().map(|f| report.element_set(f).map(|set| set.value.as_str())).collect();
        assert_eq!(sets, [Some("RDES254"), Some("RDES195"), Some("RDES44")]);
        let report = write(&example::pneumonia(0.9));
        assert_eq!(report.element_set(&report.findings[0]), None, "no set is known for it");
        for (_, item) in templates().iter().flat_map(Template::items) {
            let Some(set) = &item.set else { continue };
            let number = set.value.strip_prefix("RDES").and_then(|number| number.parse::<u32>().ok());
            assert!(set.scheme == "RADELEMENT" && number.is_some(), "{set:?}");
        }
    }

    #[test]
    fn every_finding_of_the_examples_has_its_place_in_the_template() {
        for case in example::all() {
            let Some(template) = template_of(&case.exam) else { continue };
            for finding in &case.findings {
                assert!(template.place(finding).is_some(), "{}: {}", template.id, finding.observation.name);
            }
        }
    }

    #[test]
    fn findings_of_one_class_stand_in_the_order_of_the_template() {
        let mut case = example::chest_ct();
        for finding in &mut case.findings {
            finding.certainty = wilhelm_study::Certainty::Present;
        }
        let report = write(&case);
        let section = &report.sections[3];
        let spoken: Vec<&str> =
            section.sentences.iter().filter_map(|s| s.findings.first()).map(|f| f.0.as_str()).collect();
        // Nodule, effusion, pneumothorax: the lungs before the pleura, where names alone would put the effusion first.
        assert_eq!(spoken, ["F2", "F1", "F3"]);
    }
}
