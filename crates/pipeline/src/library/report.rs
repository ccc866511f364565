use wilhelm_knowledge::passages::Passage;
use wilhelm_report::{Heading, Report};

/// The sentences of a report as passages, one a section; disclaimers are not among them. What a sentence
/// says of a patient stays in it: [`ask`](crate::asking::ask) takes it out before a model sees it.
///
/// `document` is what they are cited by: `report:thorax-2026`.
pub fn report_passages(document: &str, report: &Report) -> Vec<Passage> {
    let mut found: Vec<Passage> = Vec::new();
    // General knowledge is of no patient: it is cited from where it stands.
    for (heading, sentence) in report.sentences().filter(|(heading, _)| *heading != Heading::Reference) {
        let section = format!("{heading:?}");
        match found.last_mut() {
            Some(last) if last.section.as_deref() == Some(section.as_str()) => {
                last.text.push(' ');
                last.text.push_str(&sentence.text);
            }
            _ => found.push(Passage {
                id: format!("{document}#{}", found.len() + 1),
                document: document.to_owned(),
                title: None,
                section: Some(section),
                source: format!("{}, {:?}", report.title, report.state).to_lowercase(),
                license: None,
                text: sentence.text.clone(),
            }),
        }
    }
    found
}
