use wilhelm_study::{Certainty, Finding, Phi};

use super::escape::escaped;
use crate::reference::cited;
use crate::subject::uuid;
use crate::write::words;
use crate::{Heading, Issue, Measured, Report, Sentence, State};

/// Who sends and who receives: MSH-3 to MSH-6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parties {
    /// Sending application.
    pub application: String,
    /// Sending facility.
    pub facility: String,
    /// Receiving application.
    pub receiving_application: String,
    /// Receiving facility.
    pub receiving_facility: String,
}

impl Default for Parties {
    /// This program to nobody in particular.
    fn default() -> Self {
        Self {
            application: "WILHELM".to_owned(),
            facility: String::new(),
            receiving_application: String::new(),
            receiving_facility: String::new(),
        }
    }
}

/// The report as a message ORU^R01 in UTF-8, its segments ended by carriage returns.
///
/// The processing ID is `T`, training: this is research software. Where the issue names no patient, PID-3 holds the
/// report's own name of the subject and PID-5 says `S`, a pseudonym.
pub fn message(report: &Report, issue: &Issue, parties: &Parties) -> String {
    let mut segments = vec![header(report, issue, parties), patient(report, issue), request(report, issue)];
    let status = observation_status(report.state);
    let mut observations = Vec::new();
    let mut findings: Vec<&Finding> = report.findings.iter().collect();
    findings.sort_by_key(|finding| words::rank(finding));
    for finding in findings {
        observations.extend(of_finding(finding, status));
        observations.extend(of_change(report, finding, status));
    }
    observations.extend(report.measured.iter().map(|one| of_measured(one, status)));
    for (heading, sentence) in report.sentences() {
        let says_source = heading == Heading::Reference;
        observations.push(Observation {
            kind: "TX",
            what: section(heading).to_owned(),
            sub: escaped(&sentence.id),
            value: escaped(&sentence.text),
            status,
            ..Observation::default()
        });
        if says_source {
            observations.extend(of_sources(report, sentence, status));
        }
    }
    segments
        .extend(observations.iter().enumerate().map(|(index, observation)| observation.segment(index + 1)));
    segments.push(format!("NTE|1|L|{}|RE", escaped(&report.disclaimer)));
    segments.iter().map(|segment| format!("{}\r", segment.trim_end_matches('|'))).collect()
}

/// The coding scheme of this program's own codes.
pub(super) const OWN: &str = "99WILHELM";
pub(super) const PROBABILITY: &str = "PROBABILITY";
pub(super) const LEVEL: &str = "INTERVAL_LEVEL";
pub(super) const STATE_OF_HEALTH: &str = "STATE_OF_HEALTH";
pub(super) const IMAGE_BOX: &str = "IMAGE_BOX";
/// The alternate identifier of a measurement that no finding carries.
pub(super) const MEASURED: &str = "MEASURED";
pub(super) const CHANGE: &str = "CHANGE";
/// Where a sentence of general knowledge comes from.
pub(super) const CITED: &str = "CITED_SOURCE";
/// What codes of earlier measurements begin with.
pub(super) const EARLIER: &str = "EARLIER_";

/// An OBX segment.
#[derive(Default)]
struct Observation {
    kind: &'static str,
    what: String,
    sub: String,
    value: String,
    unit: String,
    range: String,
    flag: &'static str,
    status: &'static str,
    /// How it was measured, in words.
    method: String,
}

impl Observation {
    fn segment(&self, number: usize) -> String {
        let Self { kind, what, sub, value, unit, range, flag, status, method } = self;
        let unit = if unit.is_empty() { String::new() } else { format!("{}^^UCUM", escaped(unit)) };
        // OBX-17 is a coded element: of one without a code the second component is the text.
        let method = if method.is_empty() { String::new() } else { format!("||||||^{}", escaped(method)) };
        format!("OBX|{number}|{kind}|{what}|{sub}|{value}|{unit}|{range}|{flag}|||{status}{method}")
    }
}

/// Whether it is there, its probability with the interval as the range, and its measurements.
///
/// The alternate identifier of the first is the finding's key with its name without the side: what is read again.
fn of_finding(finding: &Finding, status: &'static str) -> Vec<Observation> {
    let name = finding.laterality.map_or_else(
        || finding.observation.name.clone(),
        |side| format!("{} {}", words::side(side), finding.observation.name),
    );
    let what = match &finding.observation.code {
        Some(code) => format!("{}^{}^{}", escaped(&code.value), escaped(&name), escaped(&code.scheme)),
        None => format!("{}^{}^99WILHELM", local(&finding.observation.key), escaped(&name)),
    };
    let (key, bare) = (escaped(&finding.observation.key), escaped(&finding.observation.name));
    let what = format!("{what}^{key}^{bare}^{OWN}");
    let (certainty, is_there) = certainty(finding.certainty);
    let flag = match is_there {
        Some(is_there) if is_there != finding.normal => "A",
        Some(_) => "N",
        None => "",
    };
    let base = || Observation { sub: escaped(&finding.id.0), status, ..Observation::default() };
    let value = format!("{}^{}^{OWN}", certainty.to_uppercase(), words::class(finding));
    let mut observations = vec![Observation { kind: "CE", what, value, flag, ..base() }];
    if finding.normal {
        let what = format!("{STATE_OF_HEALTH}^a state of health rather than a disease^{OWN}");
        observations.push(Observation { kind: "CE", what, value: "Y^Yes^HL70136".to_owned(), ..base() });
    }
    if let Some(place) = finding.place {
        let numbers = [place.column, place.row, place.columns, place.rows, place.slice];
        let value = numbers.map(|number| number.to_string()).join(" ");
        let meaning = "where the network looked: column, row, columns, rows, slice, in pixels from 0";
        observations.push(Observation {
            kind: "ST",
            what: format!("{IMAGE_BOX}^{meaning}^{OWN}"),
            value,
            ..base()
        });
    }
    let percent = |share: f64| {
        let text = format!("{:.4}", share * 100.0);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let p = &finding.probability;
    observations.push(Observation {
        kind: "NM",
        what: format!("{PROBABILITY}^{}^{OWN}", escaped(&format!("calibrated probability of {name}"))),
        value: percent(p.estimate.value()),
        unit: "%".to_owned(),
        range: format!("{}-{}", percent(p.low.value()), percent(p.high.value())),
        ..base()
    });
    observations.push(Observation {
        kind: "NM",
        what: format!("{LEVEL}^level of the interval^{OWN}"),
        value: percent(p.level.value()),
        unit: "%".to_owned(),
        ..base()
    });
    observations.extend(finding.measurements.iter().map(|measurement| Observation {
        kind: "NM",
        what: format!("{}^{}^{OWN}", measured(&measurement.name), escaped(&measurement.name)),
        value: format!("{:.*}", usize::from(measurement.quantity.decimals), measurement.quantity.value),
        unit: measurement.quantity.unit.clone(),
        ..base()
    }));
    observations
}

/// A measurement that no finding carries, with its range; its alternate identifier says so.
fn of_measured(one: &Measured, status: &'static str) -> Observation {
    let decimals = usize::from(one.quantity.decimals);
    Observation {
        kind: "NM",
        what: format!("{}^{}^{OWN}^{MEASURED}^^{OWN}", local(&one.name), escaped(&one.name)),
        sub: escaped(&one.id.0),
        value: format!("{:.decimals$}", one.quantity.value),
        unit: one.quantity.unit.clone(),
        range: format!("{:.decimals$}-{:.decimals$}", one.low, one.high),
        status,
        method: one.method.clone(),
        ..Observation::default()
    }
}

/// The sources of a sentence of general knowledge, each under the sentence's name.
fn of_sources(report: &Report, sentence: &Sentence, status: &'static str) -> Vec<Observation> {
    let borne =
        report.evidence.iter().filter(|one| one.source.is_general() && sentence.bears.contains(&one.id));
    borne
        .map(|evidence| Observation {
            kind: "TX",
            what: format!("{CITED}^Source of general knowledge^{OWN}"),
            sub: escaped(&sentence.id),
            value: escaped(&format!("{}: {}", evidence.id, cited(evidence))),
            status,
            ..Observation::default()
        })
        .collect()
}

/// What became of it since the earlier examination, with what was measured then.
fn of_change(report: &Report, finding: &Finding, status: &'static str) -> Vec<Observation> {
    let base = || Observation { sub: escaped(&finding.id.0), status, ..Observation::default() };
    let mut observations = Vec::new();
    for (_, change, compared) in report.changes_of(&finding.id) {
        let word = change.word();
        observations.push(Observation {
            kind: "CE",
            what: format!("{CHANGE}^change since the earlier examination^{OWN}"),
            value: format!("{}^{word}^{OWN}", local(word)),
            ..base()
        });
        observations.extend(compared.map(|compared| Observation {
            kind: "NM",
            what: format!(
                "{EARLIER}{}^{}^{OWN}",
                local(&compared.name),
                escaped(&format!("{} before", compared.name))
            ),
            value: format!("{:.*}", usize::from(compared.before.decimals), compared.before.value),
            unit: compared.before.unit.clone(),
            ..base()
        }));
    }
    observations
}

fn header(report: &Report, issue: &Issue, parties: &Parties) -> String {
    let id = uuid(report, &format!("hl7 message {} {}", report.signatures.len(), issue.at));
    // MSH-10 has twenty characters.
    let control: String = id.chars().filter(|c| *c != '-').take(20).collect();
    let parties = [
        &parties.application,
        &parties.facility,
        &parties.receiving_application,
        &parties.receiving_facility,
    ];
    let parties: Vec<String> = parties.into_iter().map(|name| escaped(name)).collect();
    format!(
        "MSH|^~\\&|{}|{}||ORU^R01^ORU_R01|{control}|T|2.5||||||UNICODE UTF-8",
        parties.join("|"),
        issue.at.hl7()
    )
}

/// PID: the one place of the message with a patient's values, and only where the caller named a patient.
fn patient(report: &Report, issue: &Issue) -> String {
    let Some(patient) = &issue.subject.patient else {
        return format!("PID|1||{}^^^WILHELM^PI||Anonymous^^^^^^S", escaped(&report.id));
    };
    let of =
        |value: &Option<Phi<String>>| value.as_ref().map(|value| value.expose().clone()).unwrap_or_default();
    // The components of a Person Name and of an XPN come in the same order; only the first group is alphabetic.
    let name = of(&patient.name);
    let components: Vec<String> =
        name.split('=').next().unwrap_or_default().split('^').map(escaped).collect();
    let at = |place: usize| components.get(place).cloned().unwrap_or_default();
    // PN: family, given, middle, prefix, suffix. XPN: family, given, second, suffix, prefix, degree, type.
    let xpn = format!("{}^{}^{}^{}^{}^^L", at(0), at(1), at(2), at(4), at(3));
    let birth: String = of(&patient.birth_date).chars().filter(char::is_ascii_digit).collect();
    let sex = patient.sex.map(String::from).unwrap_or_else(|| "U".to_owned());
    format!("PID|1||{}^^^^PI||{xpn}||{birth}|{sex}", escaped(&of(&patient.id)))
}

fn request(report: &Report, issue: &Issue) -> String {
    let study = issue.subject.study.as_ref();
    let accession =
        study.and_then(|study| study.accession_number.as_ref()).map(|number| number.expose().clone());
    // Without the order's own number, the report's name is the filler's.
    let filler = accession.unwrap_or_else(|| report.id.clone());
    let observed = study.and_then(|study| study.date.as_ref()).map(|date| date.expose().clone());
    let observed = observed.unwrap_or_default();
    let reported = report.signatures.last().map_or_else(|| issue.at.hl7(), |last| last.at.hl7());
    let status = match report.state {
        State::Draft => "R",
        State::Preliminary => "P",
        State::Final => "F",
        State::Amended | State::Addendum => "C",
    };
    let interpreter = report.signatures.last().map_or_else(String::new, |last| {
        // NDL, whose first component is a CNN: ID, family, given.
        let mut parts = last.by.split('^').map(escaped);
        let family = parts.next().unwrap_or_default();
        let given = parts.next().unwrap_or_default();
        format!("&{family}&{given}")
    });
    let mut fields = vec![String::new(); 33];
    fields[0] = "OBR".to_owned();
    fields[1] = "1".to_owned();
    fields[3] = format!("{}^WILHELM", escaped(&filler));
    fields[4] = format!("18748-4^Diagnostic imaging study^LN^^{}", escaped(&report.title));
    fields[7] = escaped(&observed);
    fields[22] = reported;
    fields[24] = "RAD".to_owned();
    fields[25] = status.to_owned();
    fields[32] = interpreter;
    fields.join("|")
}

/// OBX-11 by HL7 table 0085.
const fn observation_status(state: State) -> &'static str {
    match state {
        State::Draft => "R",
        State::Preliminary => "P",
        State::Final | State::Addendum => "F",
        State::Amended => "C",
    }
}

/// The class in words, and whether the thing is there, where that is decided.
const fn certainty(certainty: Certainty) -> (&'static str, Option<bool>) {
    match certainty {
        Certainty::Present => ("present", Some(true)),
        Certainty::Probable => ("probable", Some(true)),
        Certainty::Indeterminate => ("indeterminate", None),
        Certainty::Unlikely => ("unlikely", Some(false)),
        Certainty::Absent => ("absent", Some(false)),
    }
}

/// OBX-3 of a section: LOINC where it has a code.
pub(super) const fn section(heading: Heading) -> &'static str {
    match heading {
        Heading::Indication => "18785-6^Radiology reason for study (narrative)^LN",
        Heading::Technique => "55111-9^Current imaging procedure descriptions^LN",
        Heading::Comparison => "18834-2^Radiology Comparison study (narrative)^LN",
        Heading::Findings => "59776-5^Procedure findings Narrative^LN",
        Heading::Impression => "19005-8^Radiology Imaging study [Impression] (narrative)^LN",
        Heading::Recommendation => "18783-1^Radiology Study recommendation (narrative)^LN",
        Heading::Reference => "REFERENCE^General knowledge that goes with the impression^99WILHELM",
        Heading::Limitations => "LIMITATIONS^What the report cannot know^99WILHELM",
        Heading::Addendum => "55107-7^Addendum Document^LN",
    }
}

/// The code of a measurement, which is none of those of a finding's other numbers.
fn measured(name: &str) -> String {
    let code = local(name);
    let is_taken = [PROBABILITY, LEVEL].contains(&code.as_str()) || code.starts_with(EARLIER);
    if is_taken { format!("MEASURED_{code}") } else { code }
}

/// A code of this program's own scheme from any words.
fn local(words: &str) -> String {
    let code: String =
        words.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    code.chars().take(20).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Moment, Signer, StudyRef, Subject, addendum, example, sign, write};
    use wilhelm_study::{Patient, SeriesInstanceUid, StudyInstanceUid};

    fn issue(patient: Option<Patient>) -> Issue {
        let at = Moment::parse("2026-11-26T22:05:00+01:00").expect("a moment");
        Issue { subject: Subject { patient, study: None }, at, program_version: "0.1.0".to_owned() }
    }

    fn fields<'a>(message: &'a str, name: &str) -> Vec<Vec<&'a str>> {
        let segments = message.split('\r').filter(|segment| segment.starts_with(name));
        segments.map(|segment| segment.split('|').collect()).collect()
    }

    #[test]
    fn a_message_says_what_the_report_says_and_names_nobody_unasked() {
        let report = write(&example::abdomen());
        let message = message(&report, &issue(None), &Parties::default());
        let header = &fields(&message, "MSH")[0];
        assert_eq!((header[6], header[8], header[11]), ("20261126220500+0100", "ORU^R01^ORU_R01", "2.5"));
        assert_eq!((header[10], header[17], header[9].len()), ("T", "UNICODE UTF-8", 20));
        assert_eq!(fields(&message, "PID")[0][5], "Anonymous^^^^^^S");
        assert_eq!(fields(&message, "OBR")[0][25], "R");
        let observations = fields(&message, "OBX");
        let numbers: Vec<usize> = observations.iter().map(|o| o[1].parse().expect("a number")).collect();
        assert_eq!(numbers, (1..=observations.len()).collect::<Vec<_>>());
        let probability = observations.iter().find(|o| o[3].starts_with("PROBABILITY")).expect("stated");
        assert_eq!((probability[5], probability[6], probability[7]), ("95", "%^^UCUM", "92-98"));
        let volume = observations.iter().find(|o| o[3].starts_with("VOLUME")).expect("stated");
        assert_eq!((volume[2], volume[4], volume[5], volume[6]), ("NM", "F1", "6.4", "mL^^UCUM"));
        let sentences = observations.iter().filter(|o| o[2] == "TX").count();
        assert_eq!(sentences, report.sentences().count());
        assert!(observations.iter().all(|o| o[11] == "R"));
    }

    #[test]
    fn a_state_becomes_the_codes_of_its_tables() {
        let at = Moment::parse("2026-11-26T22:05:00+01:00").expect("a moment");
        let signer = Signer { by: "Doe^Jane".to_owned(), organization: None, at };
        let draft = write(&example::pneumonia(0.9));
        let check = |report: &Report, request: &str, observation: &str| {
            let message = message(report, &issue(None), &Parties::default());
            assert_eq!(fields(&message, "OBR")[0][25], request);
            assert_eq!(fields(&message, "OBX")[0][11], observation);
        };
        check(&draft, "R", "R");
        check(&sign(&draft, State::Preliminary, &signer).expect("signed"), "P", "P");
        let signed = sign(&draft, State::Final, &signer).expect("signed");
        check(&signed, "F", "F");
        let message_of = message(&signed, &issue(None), &Parties::default());
        assert_eq!(fields(&message_of, "OBR")[0][32], "&Doe&Jane");
        check(&addendum(&signed, "Seen.", &signer).expect("added"), "C", "F");
        let edits = [crate::Edit::Remove { sentence: "S1".to_owned() }];
        check(&crate::amend(&signed, &edits, &signer, "wrong").expect("amended"), "C", "C");
    }

    #[test]
    fn a_named_patient_comes_into_pid_with_the_components_in_their_order() {
        let patient = Patient {
            name: Some(Phi::new("O|Neill^Ann^B^Dr^Jr=x".to_owned())),
            id: Some(Phi::new("4^2".to_owned())),
            birth_date: Some(Phi::new("19700102".to_owned())),
            age_years: None,
            sex: Some('F'),
        };
        let mut issue = issue(Some(patient));
        issue.subject.study = Some(StudyRef {
            study: StudyInstanceUid::new("1.2.3").expect("a UID"),
            series: SeriesInstanceUid::new("1.2.4").expect("a UID"),
            modality: None,
            instances: Vec::new(),
            date: Some(Phi::new("20260131".to_owned())),
            accession_number: Some(Phi::new("A7".to_owned())),
        });
        let message = message(&write(&example::unread()), &issue, &Parties::default());
        let pid = &fields(&message, "PID")[0];
        assert_eq!(pid[3], "4\\S\\2^^^^PI");
        assert_eq!(pid[5], "O\\F\\Neill^Ann^B^Jr^Dr^^L");
        assert_eq!((pid[7], pid[8]), ("19700102", "F"));
        let request = &fields(&message, "OBR")[0];
        assert_eq!((request[3], request[7]), ("A7^WILHELM", "20260131"));
    }
}
