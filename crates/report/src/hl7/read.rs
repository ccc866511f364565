//! A message of this program read again: where the report stands, its sentences, its findings, and whose it is.

use std::collections::BTreeMap;

use wilhelm_study::{
    Certainty, CodedConcept, EvidenceId, Finding, FindingId, ImageBox, Laterality, Measurement, Observation,
    Patient, Phi, ProbabilityInterval, Quantity,
};

use super::escape::unescaped;
use super::message::{
    CHANGE, CITED, EARLIER, IMAGE_BOX, LEVEL, MEASURED, OWN, PROBABILITY, STATE_OF_HEALTH, section,
};
use crate::write::words;
use crate::{Heading, Measured, Restated, State};

/// Most bytes of a message, and most segments: far more than any report has.
const MOST_BYTES: usize = 16 << 20;
const MOST_SEGMENTS: usize = 50_000;

/// Why a text is no message of this program. No message repeats what stands in the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Longer than any report.
    #[error("the message has more than {most} {what}, expected a report")]
    TooLong {
        /// What there is too much of.
        what: &'static str,
        /// How much is read.
        most: usize,
    },
    /// Something that every message of this program has.
    #[error("{0} is missing, expected an ORU^R01 message that this program wrote")]
    Missing(String),
    /// A value of another kind than expected.
    #[error("{place} is none of what this program writes there, expected {expected}")]
    Value {
        /// Where.
        place: String,
        /// What stands there in a message of this program.
        expected: &'static str,
    },
}

/// A report that came as a message, with whose it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// What the report says.
    pub said: Restated,
    /// The patient of PID; empty where the message withholds it.
    pub patient: Patient,
    /// When the examination was made (OBR-7): `YYYYMMDD`.
    pub date: Option<Phi<String>>,
}

/// Reads a message that [`message`](super::message()) wrote.
///
/// The evidence of the findings, their other names, the change since an earlier examination and the meaning of a code
/// beside the finding's name do not come back; shares come back to six decimals.
///
/// # Errors
/// [`MessageError`] for what is no such message.
pub fn read(message: &str) -> Result<Received, MessageError> {
    if message.len() > MOST_BYTES {
        return Err(MessageError::TooLong { what: "bytes", most: MOST_BYTES });
    }
    let segments: Vec<&str> = message.split(['\r', '\n']).filter(|segment| !segment.is_empty()).collect();
    if segments.len() > MOST_SEGMENTS {
        return Err(MessageError::TooLong { what: "segments", most: MOST_SEGMENTS });
    }
    let header = segments.first().filter(|first| first.starts_with("MSH"));
    header_is_ours(header.ok_or_else(|| missing("MSH"))?)?;
    let of = |name: &'static str| segments.iter().map(|s| Segment::of(s)).find(move |s| s.field(0) == name);
    let request = of("OBR").ok_or_else(|| missing("OBR"))?;
    let mut findings: Vec<Open> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut sentences = Vec::new();
    let mut measured = Vec::new();
    let mut status = "";
    let observations = segments.iter().map(|s| Segment::of(s)).filter(|s| s.field(0) == "OBX");
    for (number, segment) in observations.enumerate().map(|(at, segment)| (at + 1, segment)) {
        status = segment.field(11);
        let [kind, what, sub] = [2, 3, 4].map(|field| segment.field(field));
        if part(what, 1) == CITED && part(what, 3) == OWN {
            // The sources of a sentence stay in the message.
        } else if kind == "TX" {
            sentences.push((heading(what, number)?, unescaped(segment.field(5))));
        } else if kind == "CE" && part(what, 6) == OWN {
            if places.insert(sub, findings.len()).is_some() {
                return Err(wrong(number, 4, "a finding's own name"));
            }
            findings.push(Open::new(&segment, number)?);
        } else if part(what, 4) == MEASURED {
            measured.push(of_measured(&segment, number)?);
        } else {
            let at = places.get(sub).ok_or_else(|| wrong(number, 4, "the name of a finding before it"))?;
            findings[*at].take(&segment, number)?;
        }
    }
    let state = state(request.field(25), status)?;
    let findings = findings.into_iter().map(Open::closed).collect::<Result<_, _>>()?;
    for one in &mut measured {
        one.on = measured_on(one, &sentences).unwrap_or_default();
    }
    let patient = of("PID").map_or_else(Patient::default, |segment| patient(&segment));
    let date: String = request.field(7).chars().take(8).collect();
    let is_date = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
    Ok(Received {
        said: Restated { state, sentences, findings, measured },
        patient,
        date: is_date.then(|| Phi::new(date)),
    })
}

/// A segment by its fields.
struct Segment<'a>(Vec<&'a str>);

impl<'a> Segment<'a> {
    fn of(segment: &'a str) -> Self {
        Self(segment.split('|').collect())
    }

    /// The field of a number; empty where there is none.
    fn field(&self, number: usize) -> &'a str {
        self.0.get(number).copied().unwrap_or_default()
    }
}

/// The component of a number in a field, as it stands there.
fn part(field: &str, number: usize) -> &str {
    field.split('^').nth(number - 1).unwrap_or_default()
}

fn missing(what: &str) -> MessageError {
    MessageError::Missing(what.to_owned())
}

fn wrong(segment: usize, field: usize, expected: &'static str) -> MessageError {
    MessageError::Value { place: format!("OBX segment {segment}: OBX-{field}"), expected }
}

fn header_is_ours(header: &str) -> Result<(), MessageError> {
    if !header.starts_with("MSH|^~\\&|") {
        let place = "MSH-1 with MSH-2".to_owned();
        return Err(MessageError::Value { place, expected: "|^~\\&" });
    }
    // MSH-1 is the separator itself, so that the field of number n stands at place n - 1.
    let fields: Vec<&str> = header.split('|').collect();
    let field = |number: usize| fields.get(number - 1).copied().unwrap_or_default();
    for (number, expected) in [(9, "ORU^R01^ORU_R01"), (18, "UNICODE UTF-8")] {
        if field(number) != expected {
            return Err(MessageError::Value { place: format!("MSH-{number}"), expected });
        }
    }
    Ok(())
}

/// Where a report stands, by its OBR-25 and the OBX-11 of its observations.
fn state(request: &str, observation: &str) -> Result<State, MessageError> {
    Ok(match (request, observation) {
        ("R", _) => State::Draft,
        ("P", _) => State::Preliminary,
        ("F", _) => State::Final,
        ("C", "F") => State::Addendum,
        ("C", _) => State::Amended,
        _ => return Err(MessageError::Value { place: "OBR-25".to_owned(), expected: "R, P, F or C" }),
    })
}

fn heading(what: &str, number: usize) -> Result<Heading, MessageError> {
    let of = |heading: &Heading| {
        let own = section(*heading);
        part(own, 1) == part(what, 1) && part(own, 3) == part(what, 3)
    };
    Heading::ALL.into_iter().find(of).ok_or_else(|| wrong(number, 3, "the code of a section of the report"))
}

/// A finding of which not all is read yet.
struct Open {
    finding: Finding,
    /// The estimate with the ends of its interval, and the interval's level.
    shares: Option<[f64; 3]>,
    level: Option<f64>,
}

impl Open {
    fn new(segment: &Segment<'_>, number: usize) -> Result<Self, MessageError> {
        let (what, id) = (segment.field(3), segment.field(4));
        let [code, full, scheme, key, name] = [1, 2, 3, 4, 5].map(|at| unescaped(part(what, at)));
        let laterality = match full.strip_suffix(&name).map(str::trim_end) {
            Some("") => None,
            Some(side) => Some(
                [Laterality::Left, Laterality::Right, Laterality::Bilateral]
                    .into_iter()
                    .find(|known| words::side(*known) == side)
                    .ok_or_else(|| wrong(number, 3, "left, right or bilateral before a finding's name"))?,
            ),
            None => return Err(wrong(number, 3, "a finding's name with its side")),
        };
        if id.is_empty() || key.is_empty() || name.is_empty() {
            return Err(wrong(number, 3, "a finding's key and name"));
        }
        let certainty = match part(segment.field(5), 1) {
            "PRESENT" => Certainty::Present,
            "PROBABLE" => Certainty::Probable,
            "INDETERMINATE" => Certainty::Indeterminate,
            "UNLIKELY" => Certainty::Unlikely,
            "ABSENT" => Certainty::Absent,
            _ => return Err(wrong(number, 5, "one of the five classes of certainty")),
        };
        let code = (scheme != OWN).then(|| CodedConcept { scheme, value: code, meaning: name.clone() });
        let finding = Finding {
            id: FindingId(unescaped(id)),
            observation: Observation { key, name, synonyms: Vec::new(), code },
            // The interval of nothing known, until the finding is closed.
            probability: ProbabilityInterval::new(0.0, 0.0, 1.0, 0.95).expect("0 lies between 0 and 1"),
            certainty,
            laterality,
            place: None,
            measurements: Vec::new(),
            normal: false,
            evidence: Vec::new(),
        };
        Ok(Self { finding, shares: None, level: None })
    }

    /// Takes what another segment says of the finding.
    fn take(&mut self, segment: &Segment<'_>, number: usize) -> Result<(), MessageError> {
        let (what, value) = (segment.field(3), segment.field(5));
        if part(what, 3) != OWN {
            return Err(wrong(number, 3, "a code of this program"));
        }
        match (segment.field(2), part(what, 1)) {
            ("CE", CHANGE) => {}
            ("CE", STATE_OF_HEALTH) => self.finding.normal = part(value, 1) == "Y",
            ("ST", IMAGE_BOX) => {
                let numbers: Vec<usize> = value.split(' ').filter_map(|number| number.parse().ok()).collect();
                let [column, row, columns, rows, slice] = numbers[..] else {
                    return Err(wrong(number, 5, "five whole numbers"));
                };
                self.finding.place = Some(ImageBox { column, row, columns, rows, slice });
            }
            ("NM", PROBABILITY) => {
                let (low, high) = segment.field(7).split_once('-').unwrap_or_default();
                let shares = [low, value, high].map(|text| read_number(text).map(|percent| percent / 100.0));
                let [Some(low), Some(estimate), Some(high)] = shares else {
                    return Err(wrong(number, 7, "a probability in percent within its interval"));
                };
                self.shares = Some([low, estimate, high]);
            }
            ("NM", LEVEL) => {
                let percent = read_number(value).ok_or_else(|| wrong(number, 5, "a share in percent"))?;
                self.level = Some(percent / 100.0);
            }
            ("NM", code) if code.starts_with(EARLIER) => {}
            ("NM", _) => {
                let decimals = value.split_once('.').map_or(0, |(_, fraction)| fraction.len());
                self.finding.measurements.push(Measurement {
                    name: unescaped(part(what, 2)),
                    quantity: Quantity {
                        value: read_number(value).ok_or_else(|| wrong(number, 5, "a number"))?,
                        unit: unescaped(part(segment.field(6), 1)),
                        decimals: u8::try_from(decimals).unwrap_or(u8::MAX),
                    },
                    evidence: EvidenceId(String::new()),
                });
            }
            _ => return Err(wrong(number, 2, "CE, NM, ST or TX with a code of this program")),
        }
        Ok(())
    }

    fn closed(mut self) -> Result<Finding, MessageError> {
        let of = |what: &str| missing(&format!("the {what} of a finding"));
        let [low, estimate, high] = self.shares.ok_or_else(|| of("probability"))?;
        let level = self.level.ok_or_else(|| of("level of the interval"))?;
        let rounded = |share: f64| (share * 1e6).round() / 1e6;
        self.finding.probability =
            ProbabilityInterval::new(rounded(low), rounded(estimate), rounded(high), rounded(level))
                .map_err(|_| MessageError::Value {
                    place: "the probability of a finding".to_owned(),
                    expected: "0 to 100 %, the interval around the estimate",
                })?;
        Ok(self.finding)
    }
}

/// A number that no finding carries; what it was measured on stands in the sentence that tells it.
fn of_measured(segment: &Segment<'_>, number: usize) -> Result<Measured, MessageError> {
    let bounds = segment.field(7);
    // Of `-2.0--1.0` the second sign is that of the upper end.
    let between = bounds.char_indices().skip(1).find(|(_, c)| *c == '-').map(|(at, _)| at);
    let ends = between.map(|at| (read_number(&bounds[..at]), read_number(&bounds[at + 1..])));
    let Some((Some(low), Some(high))) = ends else {
        return Err(wrong(number, 7, "the range of a measurement"));
    };
    Ok(Measured {
        id: EvidenceId(unescaped(segment.field(4))),
        name: unescaped(part(segment.field(3), 2)),
        quantity: Quantity {
            value: read_number(segment.field(5)).ok_or_else(|| wrong(number, 5, "a number"))?,
            unit: unescaped(part(segment.field(6), 1)),
            decimals: Measured::DECIMALS,
        },
        low,
        high,
        method: unescaped(part(segment.field(17), 2)),
        on: String::new(),
    })
}

/// The thing of the sentence that tells a measurement.
fn measured_on(measured: &Measured, sentences: &[(Heading, String)]) -> Option<String> {
    let said = measured.said();
    sentences.iter().find_map(|(heading, text)| {
        let (on, numbers) = text.strip_prefix(Measured::LEAD)?.rsplit_once(": ")?;
        (*heading == Heading::Findings && numbers.contains(&said)).then(|| on.to_owned())
    })
}

fn read_number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// The patient of PID; the names under which this program withholds one are none.
fn patient(segment: &Segment<'_>) -> Patient {
    let phi = |text: String| (!text.trim().is_empty()).then(|| Phi::new(text));
    let (id, name) = (segment.field(3), segment.field(5));
    if part(id, 4) == "WILHELM" || part(name, 7) == "S" {
        return Patient::default();
    }
    // XPN: family, given, second, suffix, prefix. PN: family, given, middle, prefix, suffix.
    let parts = [1, 2, 3, 5, 4].map(|at| unescaped(part(name, at)));
    let name = parts.join("^").trim_end_matches('^').to_owned();
    let birth: String = segment.field(7).chars().filter(char::is_ascii_digit).take(8).collect();
    Patient {
        id: phi(unescaped(part(id, 1))),
        name: phi(name),
        birth_date: (birth.len() == 8).then(|| Phi::new(birth)),
        age_years: None,
        sex: segment.field(8).chars().next().filter(|sex| matches!(sex, 'F' | 'M' | 'O')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hl7::{Parties, message};
    use crate::{
        Edit, Issue, Moment, Report, Signer, StudyRef, Subject, addendum, amend, example, sign, stated,
        stated_in, write,
    };
    use wilhelm_study::{SeriesInstanceUid, StudyInstanceUid};

    fn at() -> Moment {
        Moment::parse("2026-11-26T22:05:00+01:00").expect("a moment")
    }

    fn issue(patient: Option<Patient>, study: Option<StudyRef>) -> Issue {
        Issue { subject: Subject { patient, study }, at: at(), program_version: "0.1.0".to_owned() }
    }

    fn sent(report: &Report) -> String {
        message(report, &issue(None, None), &Parties::default())
    }

    /// The report's findings as a message can say them.
    fn bare(report: &Report) -> Vec<Finding> {
        let mut findings = report.findings.clone();
        findings.sort_by_key(words::rank);
        for finding in &mut findings {
            finding.evidence.clear();
            finding.measurements.iter_mut().for_each(|measurement| measurement.evidence.0.clear());
            finding.observation.synonyms.clear();
            if let Some(code) = &mut finding.observation.code {
                code.meaning.clone_from(&finding.observation.name);
            }
            let p = finding.probability;
            let [low, estimate, high, level] =
                [p.low, p.estimate, p.high, p.level].map(|share| (share.value() * 1e6).round() / 1e6);
            finding.probability = ProbabilityInterval::new(low, estimate, high, level).expect("as before");
        }
        findings
    }

    fn check(report: &Report) {
        let back = read(&sent(report)).expect("a message");
        assert_eq!(back.said.measured.len(), report.measured.len());
        for (found, one) in back.said.measured.iter().zip(&report.measured) {
            // A message has the numbers as they are said.
            assert_eq!((found.said(), &found.id), (one.said(), &one.id));
            assert_eq!((&found.method, &found.on), (&one.method, &one.on));
        }
        assert_eq!(back.said.state, report.state);
        assert_eq!(back.said.findings, bare(report));
        let sentences: Vec<_> = report.sentences().map(|(h, s)| (h, s.text.clone())).collect();
        assert_eq!(back.said.sentences, sentences);
        assert_eq!(stated_in(&back.said.sentences), stated(report));
        assert_eq!((back.patient, back.date), (Patient::default(), None));
    }

    #[test]
    fn a_message_read_again_makes_the_same_claims_with_the_same_numbers() {
        for case in example::all() {
            check(&write(&case));
        }
        let mut case = example::measured_nodule();
        check(&write(&case));
        let density = &mut case.decisions[0].measured[1];
        let [value, low, high] = ["-5 HU", "-12 HU", "-1 HU"].map(str::to_owned);
        (density.value, density.low, density.high) = (value, low, high);
        check(&write(&case));
        let mut case = example::abdomen();
        case.request = vec!["pain | left^flank \\ ~ & \"worse\"".to_owned()];
        case.findings[0].observation.code = Some(CodedConcept::new("SCT", "36171008", "Cyst of kidney"));
        case.findings[0].observation.key = "renal_cyst_of_a_very_long_name".to_owned();
        case.findings[0].measurements.push(example::measurement("probability", 3.0, "1", 0));
        case.findings[0].measurements.push(example::measurement("earlier volume", 3.25, "mL", 2));
        case.findings[0].place = Some(ImageBox { column: 1, row: 2, columns: 3, rows: 4, slice: 5 });
        check(&write(&case));
        let mut case = example::pneumonia(1.0 / 3.0);
        case.findings[0].observation.name = "left ventricular enlargement".to_owned();
        check(&write(&case));
    }

    #[test]
    fn each_state_survives() {
        let signer = Signer { by: "Doe^Jane".to_owned(), organization: None, at: at() };
        let draft = write(&example::chest_ct());
        let signed = sign(&draft, State::Final, &signer).expect("signed");
        check(&sign(&draft, State::Preliminary, &signer).expect("signed"));
        check(&signed);
        check(&addendum(&signed, "Seen ^ again.", &signer).expect("added"));
        let edits = [Edit::Replace { sentence: "S1".to_owned(), text: "Not stated.".to_owned() }];
        let amended = amend(&signed, &edits, &signer, "mistaken").expect("amended");
        assert_eq!(read(&sent(&amended)).expect("a message").said.state, State::Amended);
    }

    #[test]
    fn a_named_patient_and_the_day_of_the_examination_come_back() {
        let phi = |text: &str| Some(Phi::new(text.to_owned()));
        let patient = Patient {
            name: phi("O|Neill^Ann^B^Dr^Jr"),
            id: phi("4^2"),
            birth_date: phi("19700102"),
            age_years: None,
            sex: Some('F'),
        };
        let study = StudyRef {
            study: StudyInstanceUid::new("1.2.3").expect("a UID"),
            series: SeriesInstanceUid::new("1.2.3.4").expect("a UID"),
            instances: Vec::new(),
            modality: None,
            date: phi("20260131"),
            accession_number: None,
        };
        let report = write(&example::pneumonia(0.9));
        let text = message(&report, &issue(Some(patient.clone()), Some(study)), &Parties::default());
        let back = read(&text).expect("a message");
        assert_eq!(back.patient, patient);
        assert_eq!(back.date, phi("20260131"));
    }

    #[test]
    fn what_is_no_message_of_ours_is_refused_without_repeating_it() {
        let good = sent(&write(&example::abdomen()));
        for (text, expected) in [
            (String::new(), "MSH is missing"),
            ("MSH#^~\\&#Secret".to_owned(), "MSH-1 with MSH-2"),
            (good.replace("ORU^R01^ORU_R01", "ADT^A01^Secret"), "MSH-9 is none"),
            (good.replace("UNICODE UTF-8", "8859/1"), "MSH-18 is none"),
            (good.replace("OBR|", "ZZZ|"), "OBR is missing"),
            (good.replace("|RAD|R\r", "|RAD|Secret\r"), "OBR-25 is none"),
            (good.replace("PRESENT^", "Secret^"), "OBX-5 is none"),
            (good.replace("PROBABILITY^", "ODDS^"), "the probability of a finding is missing"),
            (good.replace("|92-98|", "|98-92|"), "the interval around the estimate"),
            (good.replace("|92-98|", "|Secret|"), "OBX-7 is none"),
            (good.replace("|6.4|", "|Secret|"), "OBX-5 is none"),
            (good.replace("|6.4|", "|1e999|"), "OBX-5 is none"),
            (good.replace("|F2|", "|F1|"), "OBX-4 is none"),
            (good.replace("59776-5", "Secret"), "OBX-3 is none"),
            (good.replace("left renal cyst", "upper renal cyst"), "OBX-3 is none"),
            ("MSH|^~\\&|\r".repeat(60_000), "more than 50000 segments"),
        ] {
            let refused = read(&text).expect_err(expected).to_string();
            assert!(refused.contains(expected), "{expected}: {refused}");
            assert!(!refused.contains("Secret"), "{refused}");
        }
    }
}
