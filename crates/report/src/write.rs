//! The deterministic writer.

mod comparison;
mod decisions;
pub(crate) mod words;

use std::collections::BTreeSet;

use wilhelm_study::{Certainty, Defect, Evidence, EvidenceId, EvidenceSource, Finding, FindingId};

use crate::report::{Author, DISCLAIMER, Heading, Report, SCHEMA_VERSION, Section, Sentence, State};
use crate::rule::rule;
use crate::template::template_of;
use crate::{Case, Change, Claim, Measured, Statement};

/// What is said where findings of an earlier examination were matched.
const COMPARED: &str = "Compared with the earlier examination that was supplied.";

/// Writes a report without any model: the same case gives the same bytes.
///
/// Every finding is stated with its certainty in words and its calibrated probability; the
/// impression answers; where no model read the image the report says so and names no diagnosis.
/// Evidence that the writer itself stands on (header, requester's lines, rules) is added to that
/// of the case.
pub fn write(case: &Case) -> Report {
    let mut draft = Draft::new(case);
    draft.indication();
    draft.technique();
    draft.comparison();
    draft.findings();
    draft.impression();
    draft.categories();
    draft.recommendation();
    draft.limitations();
    Report {
        schema_version: SCHEMA_VERSION.to_owned(),
        id: case.id.clone(),
        state: State::Draft,
        title: words::title(&case.exam),
        disclaimer: DISCLAIMER.to_owned(),
        exam: case.exam.clone(),
        sections: draft.sections,
        findings: case.findings.clone(),
        priors: case.priors.clone(),
        measured: draft.measured,
        evidence: draft.evidence,
        abstentions: case.abstentions.clone(),
        models: case.models.clone(),
        images: case.images.clone(),
        template: template_of(&case.exam).map(|template| template.filled(&case.findings)),
        signatures: Vec::new(),
    }
}

/// A report in the making.
struct Draft<'a> {
    case: &'a Case,
    sections: Vec<Section>,
    evidence: Vec<Evidence>,
    measured: Vec<Measured>,
    taken: BTreeSet<String>,
    sentences: usize,
}

impl<'a> Draft<'a> {
    fn new(case: &'a Case) -> Self {
        let taken = case
            .evidence
            .iter()
            .map(|e| e.id.0.clone())
            .chain(case.findings.iter().map(|f| f.id.0.clone()))
            .collect();
        let evidence = case.evidence.clone();
        Self { case, sections: Vec::new(), evidence, measured: Vec::new(), taken, sentences: 0 }
    }

    fn open(&mut self, heading: Heading) {
        self.sections.push(Section { heading, sentences: Vec::new(), struck: Vec::new() });
    }

    fn say(&mut self, text: String, claim: Claim, bears: Vec<EvidenceId>, findings: Vec<FindingId>) {
        let id = loop {
            self.sentences += 1;
            let id = format!("S{}", self.sentences);
            if self.taken.insert(id.clone()) {
                break id;
            }
        };
        let section = self.sections.last_mut().expect("a section is opened before it is written");
        section.sentences.push(Sentence {
            id,
            text,
            claim,
            bears,
            findings,
            author: Author::Writer,
            replaced: None,
        });
    }

    /// Adds evidence under the first free name of a family: `H1`, `H2`.
    fn bear(&mut self, family: &str, source: EvidenceSource, summary: String) -> EvidenceId {
        let id = (1_usize..)
            .map(|number| format!("{family}{number}"))
            .find(|id| !self.taken.contains(id))
            .expect("numbers do not end");
        self.taken.insert(id.clone());
        let id = EvidenceId(id);
        self.evidence.push(Evidence { id: id.clone(), source, summary });
        id
    }

    /// A rule as evidence, added once.
    fn rule(&mut self, name: &str) -> EvidenceId {
        let rule = rule(name);
        let id = EvidenceId(rule.id.to_owned());
        if self.taken.insert(rule.id.to_owned()) {
            let source = EvidenceSource::rule(rule.citation);
            self.evidence.push(Evidence { id: id.clone(), source, summary: rule.text.to_owned() });
        }
        id
    }

    fn say_rule(&mut self, name: &str, claim: Claim) {
        let id = self.rule(name);
        self.say(rule(name).text.to_owned(), claim, vec![id], Vec::new());
    }

    fn say_findings(&mut self, text: String, statements: Vec<Statement>) {
        let findings: Vec<FindingId> = statements.iter().map(|s| s.finding.clone()).collect();
        let mut bears: Vec<EvidenceId> = Vec::new();
        for finding in self.case.findings.iter().filter(|f| findings.contains(&f.id)) {
            let measured = finding.measurements.iter().map(|m| &m.evidence);
            for id in finding.evidence.iter().chain(measured) {
                if !bears.contains(id) {
                    bears.push(id.clone());
                }
            }
        }
        self.say(text, Claim::Finding { statements }, bears, findings);
    }

    /// Whether no model read the image.
    fn unread(&self) -> bool {
        self.case.findings.is_empty()
    }

    fn indication(&mut self) {
        self.open(Heading::Indication);
        let lines: Vec<(usize, &String)> = self
            .case
            .request
            .iter()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
            .map(|(index, line)| (index + 1, line))
            .collect();
        if lines.is_empty() {
            let source = EvidenceSource::Header { attributes: vec!["request".to_owned()] };
            let id = self.bear("T", source, "the request holds no text".to_owned());
            self.say("No clinical information was supplied.".to_owned(), Claim::Indication, vec![id], vec![]);
            return;
        }
        for (line, supplied) in lines {
            let id =
                self.bear("T", EvidenceSource::PatientText { line }, format!("line {line} of the request"));
            let text = format!("As supplied by the requester: \u{201c}{}\u{201d}", supplied.trim());
            self.say(text, Claim::Indication, vec![id], vec![]);
        }
    }

    fn technique(&mut self) {
        self.open(Heading::Technique);
        let exam = &self.case.exam;
        let attributes =
            ["Modality", "Body Part Examined", "View Position", "Rows", "Columns", "Pixel Spacing"];
        let source = EvidenceSource::Header { attributes: attributes.map(str::to_owned).to_vec() };
        let files = match exam.files {
            1 => "1 file".to_owned(),
            files => format!("{files} files"),
        };
        let id = self.bear("H", source, format!("header and pixel grid of {files}"));
        self.say(words::technique(exam), Claim::Technique, vec![id], vec![]);
        for model in &self.case.models {
            let of_model = |e: &&Evidence| matches!(&e.source, EvidenceSource::Model { model: name, .. } if *name == model.name);
            let mut bears: Vec<EvidenceId> =
                self.case.evidence.iter().filter(of_model).map(|e| e.id.clone()).collect();
            if bears.is_empty() {
                let source = EvidenceSource::rule(format!("card of model {}", model.name));
                bears.push(self.bear("M", source, format!("model {} version {}", model.name, model.version)));
            }
            let mut text = format!("Read by model {}, version {}", model.name, model.version);
            if !model.validation.trim().is_empty() {
                text.push_str(&format!("; validation: {}", unstopped(&model.validation)));
            }
            text.push('.');
            self.say(text, Claim::Technique, bears, vec![]);
        }
    }

    fn comparison(&mut self) {
        self.open(Heading::Comparison);
        if !self.case.earlier.is_empty() {
            return self.compared_with_earlier();
        }
        match &self.case.comparison {
            None if !self.case.priors.is_empty() => {
                let mut bears: Vec<EvidenceId> =
                    self.case.priors.iter().map(|p| p.evidence.clone()).collect();
                bears.dedup();
                self.say(COMPARED.to_owned(), Claim::Comparison, bears, vec![]);
            }
            None => self.say_rule("R-COMPARISON", Claim::Comparison),
            Some(words) => {
                let source = EvidenceSource::Header { attributes: vec!["comparison".to_owned()] };
                let id = self.bear("H", source, "comparison as supplied".to_owned());
                self.say(format!("{}.", unstopped(words)), Claim::Comparison, vec![id], vec![]);
            }
        }
    }

    fn findings(&mut self) {
        self.open(Heading::Findings);
        for abstention in &self.case.abstentions {
            let source = EvidenceSource::rule(format!("card of model {}", abstention.model));
            let reason = unstopped(&abstention.reason);
            let id = self.bear("A", source, format!("model {} abstained: {reason}", abstention.model));
            let text = format!("Model {} did not read the image: {reason}.", abstention.model);
            self.say(text, Claim::NotRead { model: abstention.model.clone() }, vec![id], vec![]);
        }
        let mut ordered: Vec<&Finding> = self.case.findings.iter().collect();
        let template = template_of(&self.case.exam);
        ordered.sort_by_key(|finding| {
            let (class, normal, name) = words::rank(finding);
            let place = template.and_then(|template| template.place(finding)).unwrap_or(usize::MAX);
            // Whether there is a tumor comes before what kind it is.
            (!words::subject(finding).2, class, normal, place, name)
        });
        let mut lowered = false;
        for finding in ordered {
            let spoken = words::full(finding);
            self.say_findings(spoken, vec![Statement::full(finding)]);
            lowered |= Certainty::of(finding.probability.estimate.value()) != finding.certainty;
            if let Some(place) = finding.place.filter(|_| words::speaks_for(finding)) {
                let flat = self.case.exam.size[2] <= 1;
                let text = words::place(finding, place, flat);
                let claim = Claim::Place { finding: finding.id.clone() };
                self.say(text, claim, finding.evidence.clone(), vec![finding.id.clone()]);
            }
            self.change(finding);
        }
        if lowered {
            self.say_rule("R-LOWERED", Claim::Limitation { rule: "R-LOWERED".to_owned() });
        }
        self.measurements();
        for defect in &self.case.defects {
            let source = EvidenceSource::Measurement { method: "checks on reading".to_owned() };
            let id = self.bear("Q", source, format!("{defect}"));
            self.say(quality(defect), Claim::Quality, vec![id], vec![]);
        }
        if self.unread() && self.case.abstentions.is_empty() {
            self.say_rule("R-NOT-READ", Claim::NoInterpretation);
        }
    }

    /// What became of a finding, where the two examinations tell it.
    fn change(&mut self, finding: &Finding) {
        let case = self.case;
        for prior in case.priors.iter().filter(|prior| prior.of == finding.id) {
            let Some((change, compared)) = prior.change(finding) else { continue };
            let mut bears = vec![prior.evidence.clone()];
            bears.extend(finding.evidence.iter().filter(|id| **id != prior.evidence).cloned());
            let text = words::change(finding, change, compared.as_ref());
            let claim = Claim::Change { finding: finding.id.clone(), change, compared };
            self.say(text, claim, bears, vec![finding.id.clone()]);
        }
    }

    /// That something is new, gone, larger or smaller, for the impression; the numbers stand in the findings.
    fn change_in_brief(&mut self, finding: &Finding) {
        let case = self.case;
        for prior in case.priors.iter().filter(|prior| prior.of == finding.id) {
            let Some((change, _)) = prior.change(finding) else { continue };
            if matches!(change, Change::Stable | Change::Persistent) {
                continue;
            }
            let text = words::change(finding, change, None);
            let claim = Claim::Change { finding: finding.id.clone(), change, compared: None };
            self.say(text, claim, vec![prior.evidence.clone()], vec![finding.id.clone()]);
        }
    }

    fn impression(&mut self) {
        self.open(Heading::Impression);
        if self.unread() {
            self.say_rule("R-NOT-READ", Claim::NoInterpretation);
            return;
        }
        let case = self.case;
        let mut spoken: Vec<&FindingId> = Vec::new();
        for (text, findings) in words::impression(&case.findings) {
            let statements = findings.iter().map(|finding| words::impression_statement(finding)).collect();
            self.say_findings(text, statements);
            for finding in findings {
                self.change_in_brief(finding);
                spoken.push(&finding.id);
            }
        }
        for finding in case.findings.iter().filter(|finding| !spoken.contains(&&finding.id)) {
            self.change_in_brief(finding);
        }
    }

    fn recommendation(&mut self) {
        self.open(Heading::Recommendation);
        let say = |draft: &mut Self, name: &str| {
            draft.say_rule(name, Claim::Recommendation { rule: name.to_owned(), applied: None });
        };
        if self.unread() {
            say(self, "R-UNREAD");
            self.advice();
            return;
        }
        self.advice();
        say(self, "R-CORRELATE");
        say(self, "R-REVIEW");
        if self.case.findings.iter().any(|finding| finding.certainty == Certainty::Indeterminate) {
            say(self, "R-INDETERMINATE");
        }
    }

    fn limitations(&mut self) {
        self.open(Heading::Limitations);
        let limit = |draft: &mut Self, name: &str| {
            draft.say_rule(name, Claim::Limitation { rule: name.to_owned() });
        };
        limit(self, "R-DRAFT");
        for caution in &self.case.cautions {
            let text = unstopped(&caution.text);
            let mut bears = caution.evidence.clone();
            if bears.is_empty() {
                let source = EvidenceSource::rule("model card".to_owned());
                bears.push(self.bear("C", source, text.clone()));
            }
            let rule = bears[0].0.clone();
            self.say(format!("Caution: {text}."), Claim::Limitation { rule }, bears, vec![]);
        }
        self.limits_of_comparison();
        self.open_decisions();
        if self.unread() {
            return;
        }
        limit(self, "R-SCOPE");
        if !self.case.findings.iter().any(words::speaks_for_disease) {
            limit(self, "R-NEGATIVE");
        }
        limit(self, "R-PROBABILITY");
        for model in &self.case.models {
            for text in model.limits.iter().map(|text| unstopped(text)) {
                let source = EvidenceSource::rule(format!("card of model {}", model.name));
                let id = self.bear("C", source, text.clone());
                let claim = Claim::Limitation { rule: id.0.clone() };
                let said = words::limit(&text, &model.name, self.case.models.len() > 1);
                self.say(format!("{said}."), claim, vec![id], vec![]);
            }
        }
    }
}

/// One defect as a sentence.
fn quality(defect: &Defect) -> String {
    format!("{}.", words::capital(&unstopped(&defect.to_string())))
}

/// Without white space and final periods, so that the writer may set its own.
fn unstopped(text: &str) -> String {
    text.trim().trim_end_matches('.').trim_end().to_owned()
}
