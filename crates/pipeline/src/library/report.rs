use wilhelm_knowledge::passages::Passage;
use wilhelm_report::Report;

/// The sentences of a report as passages, one a section; disclaimers and identifying values are not among them.
///
/// `document` is what they are cited by: `report:thorax-2026`.
pub fn report_passages(document: &str, report: &Report) -> Vec<Passage> {
    let mut found: Vec<Passage> = Vec::new();
    for (heading, sentence) in report.sentences() {
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
