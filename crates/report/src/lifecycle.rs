//! The life of a report: who signed what and when, what was changed, and what was added.
//!
//! Every step gives a new report and leaves the one before it as it was.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilhelm_study::{Evidence, EvidenceId, EvidenceSource};

use crate::report::{DISCLAIMER, SIGNED_DISCLAIMER};
use crate::{Author, Claim, Heading, Moment, Report, Section, Sentence, State};

/// A person's name under a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Signature {
    /// Who: `Doe^Jane` as DICOM writes names, or any other form.
    pub by: String,
    /// The organization that answers for the person.
    pub organization: Option<String>,
    /// When.
    pub at: Moment,
    /// What the report became by it.
    pub state: State,
    /// Why it was changed, where it was.
    pub reason: Option<String>,
}

impl Signature {
    /// The name as it is read: `Jane Doe` for `Doe^Jane`.
    pub fn name(&self) -> String {
        let mut parts = self.by.split('^').map(str::trim);
        let family = parts.next().unwrap_or_default();
        let given: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
        format!("{} {family}", given.join(" ")).trim().to_owned()
    }
}

/// Who acts, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Who: `Doe^Jane` as DICOM writes names, or any other form.
    pub by: String,
    /// The organization that answers for the person.
    pub organization: Option<String>,
    /// When.
    pub at: Moment,
}

/// One change of one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Other words in the place of a sentence's.
    Replace {
        /// The sentence's id.
        sentence: String,
        /// The words of the person who signs.
        text: String,
    },
    /// A sentence taken out.
    Remove {
        /// The sentence's id.
        sentence: String,
    },
    /// A sentence of the person's own, at the end of a section.
    Add {
        /// The section; one that is not there is made.
        heading: Heading,
        /// The words of the person who signs.
        text: String,
    },
}

/// What differs between two versions of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// The sentence's id.
    pub sentence: String,
    /// The section it stands in.
    pub heading: Heading,
    /// Its words before; `None` where it is new.
    pub before: Option<String>,
    /// Its words after; `None` where it was taken out.
    pub after: Option<String>,
}

/// Why a step cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LifecycleError {
    /// A state that does not follow.
    #[error(
        "a report that is {from} cannot be signed as {to}: {hint}",
        from = from.word(), to = to.word()
    )]
    Order {
        /// Where it stands.
        from: State,
        /// Where it was to go.
        to: State,
        /// What to do instead.
        hint: &'static str,
    },
    /// An addendum to something that is not final.
    #[error("a report that is {} takes no addendum: change it with amend, or sign it as final first", .0.word())]
    NotFinal(State),
    /// No sentence of that id.
    #[error("no sentence has id {0}: `wilhelm report show` lists them")]
    NoSentence(String),
    /// An addendum among edits.
    #[error("an addendum is added to a final report, and is no edit of it")]
    NoEdit,
    /// Nothing to do.
    #[error("{0} is empty, expected words")]
    Empty(&'static str),
    /// A time before that of the signature before.
    #[error("signed at {at}, before the signature of {before} that it follows")]
    Earlier {
        /// The new signature's time.
        at: Moment,
        /// The last one's.
        before: Moment,
    },
}

/// Puts a signature under a report: as preliminary, or as final.
///
/// # Errors
/// [`LifecycleError`] for a state that does not follow, a name without letters, and a time before the last
/// signature's.
pub fn sign(report: &Report, state: State, signer: &Signer) -> Result<Report, LifecycleError> {
    let refused = |hint| Err(LifecycleError::Order { from: report.state, to: state, hint });
    match (report.state, state) {
        (State::Draft, State::Preliminary | State::Final) | (State::Preliminary, State::Final) => {}
        (_, State::Draft | State::Amended | State::Addendum) => {
            return refused("expected preliminary or final; amended and addendum come of amend and addendum");
        }
        _ => return refused("change it with amend, or add to it with addendum"),
    }
    let mut signed = report.clone();
    enter(&mut signed, state, signer, None)?;
    Ok(signed)
}

/// Changes sentences. What is signed as final becomes amended; what is not stays in its state.
///
/// The new words are the signing person's own: no finding is made of them, and the numbers of the models stay
/// beside them as they were. What is final wants a reason; what is not may go without one.
///
/// # Errors
/// [`LifecycleError`] for no edit, a sentence that is not there, empty words, an addendum among the edits, or no reason
/// where the report is final.
pub fn amend(
    report: &Report,
    edits: &[Edit],
    signer: &Signer,
    reason: &str,
) -> Result<Report, LifecycleError> {
    if edits.is_empty() {
        return Err(LifecycleError::Empty("the list of changes"));
    }
    let reason = Some(reason.trim()).filter(|reason| !reason.is_empty());
    if reason.is_none() && report.state.is_final() {
        return Err(LifecycleError::Empty("the reason"));
    }
    let mut amended = report.clone();
    let state = if report.state.is_final() { State::Amended } else { report.state };
    enter(&mut amended, state, signer, reason)?;
    let evidence = person(&mut amended, signer);
    for edit in edits {
        let id = match edit {
            Edit::Replace { sentence, .. } | Edit::Remove { sentence } => sentence,
            Edit::Add { heading: Heading::Addendum, .. } => return Err(LifecycleError::NoEdit),
            Edit::Add { heading, text } => {
                add(&mut amended, *heading, words(text, "a sentence's text")?, evidence.clone(), signer);
                continue;
            }
        };
        let place = amended.sections.iter_mut().find_map(|section| {
            let at = section.sentences.iter().position(|sentence| &sentence.id == id)?;
            Some((&mut section.sentences, at))
        });
        let (sentences, at) = place.ok_or_else(|| LifecycleError::NoSentence(id.clone()))?;
        match edit {
            Edit::Remove { .. } => {
                sentences.remove(at);
            }
            Edit::Replace { text, .. } | Edit::Add { text, .. } => {
                let sentence = &mut sentences[at];
                let before = std::mem::replace(&mut sentence.text, words(text, "a sentence's text")?);
                sentence.replaced.get_or_insert(before);
                sentence.author = Author::Person { name: signer.by.trim().to_owned() };
                sentence.claim = Claim::Attested;
                sentence.bears = vec![evidence.clone()];
                sentence.findings.clear();
            }
        }
    }
    Ok(amended)
}

/// Adds words to a final report and leaves all that stands as it is.
///
/// # Errors
/// [`LifecycleError::NotFinal`] where the report is not final; [`LifecycleError::Empty`] for no words.
pub fn addendum(report: &Report, text: &str, signer: &Signer) -> Result<Report, LifecycleError> {
    let text = words(text, "the addendum")?;
    if !report.state.is_final() {
        return Err(LifecycleError::NotFinal(report.state));
    }
    let mut added = report.clone();
    enter(&mut added, State::Addendum, signer, None)?;
    let evidence = person(&mut added, signer);
    add(&mut added, Heading::Addendum, text, evidence, signer);
    Ok(added)
}

/// Words without what stands around them.
fn words(text: &str, what: &'static str) -> Result<String, LifecycleError> {
    let text = text.trim();
    if text.is_empty() { Err(LifecycleError::Empty(what)) } else { Ok(text.to_owned()) }
}

/// Puts a sentence of the person's own at the end of a section, which stands in its order where it is new.
fn add(report: &mut Report, heading: Heading, text: String, evidence: EvidenceId, signer: &Signer) {
    let taken = |id: &str| report.sentence(id).is_some();
    let id =
        (1_usize..).map(|number| format!("S{number}")).find(|id| !taken(id)).expect("numbers do not end");
    let sentence = Sentence {
        id,
        text,
        claim: Claim::Attested,
        bears: vec![evidence],
        findings: Vec::new(),
        author: Author::Person { name: signer.by.trim().to_owned() },
        replaced: None,
    };
    match report.sections.iter_mut().find(|section| section.heading == heading) {
        Some(section) => section.sentences.push(sentence),
        None => {
            let before = report.sections.iter().take_while(|section| section.heading < heading).count();
            let section = Section { heading, sentences: vec![sentence], struck: Vec::new() };
            report.sections.insert(before, section);
        }
    }
}

/// What differs in the words of two versions, in the order of the later one; what was taken out comes last.
pub fn changes(before: &Report, after: &Report) -> Vec<Revision> {
    let mut found: Vec<Revision> = after
        .sentences()
        .filter_map(|(heading, sentence)| {
            let old = before.sentence(&sentence.id).map(|old| old.text.clone());
            (old.as_deref() != Some(sentence.text.as_str())).then(|| Revision {
                sentence: sentence.id.clone(),
                heading,
                before: old,
                after: Some(sentence.text.clone()),
            })
        })
        .collect();
    found.extend(before.sentences().filter(|(_, old)| after.sentence(&old.id).is_none()).map(
        |(heading, old)| Revision {
            sentence: old.id.clone(),
            heading,
            before: Some(old.text.clone()),
            after: None,
        },
    ));
    found
}

fn enter(
    report: &mut Report,
    state: State,
    signer: &Signer,
    reason: Option<&str>,
) -> Result<(), LifecycleError> {
    if !signer.by.chars().any(char::is_alphabetic) {
        return Err(LifecycleError::Empty("the name of the person who signs"));
    }
    if let Some(last) = report.signatures.last().filter(|last| is_before(&signer.at, &last.at)) {
        return Err(LifecycleError::Earlier { at: signer.at.clone(), before: last.at.clone() });
    }
    report.state = state;
    report.disclaimer = if state == State::Draft { DISCLAIMER } else { SIGNED_DISCLAIMER }.to_owned();
    report.signatures.push(Signature {
        by: signer.by.trim().to_owned(),
        organization: signer.organization.clone(),
        at: signer.at.clone(),
        state,
        reason: reason.map(str::to_owned),
    });
    Ok(())
}

/// Whether a moment lies before another, whatever their offsets.
fn is_before(one: &Moment, other: &Moment) -> bool {
    one.minutes() < other.minutes()
}

/// The person as evidence: once for each name and time.
fn person(report: &mut Report, signer: &Signer) -> EvidenceId {
    let source = EvidenceSource::Person { name: signer.by.trim().to_owned(), at: signer.at.to_string() };
    if let Some(known) = report.evidence.iter().find(|known| known.source == source) {
        return known.id.clone();
    }
    let taken = |id: &str| {
        report.evidence.iter().any(|known| known.id.0 == id)
            || report.findings.iter().any(|finding| finding.id.0 == id)
            || report.sentence(id).is_some()
    };
    let id =
        (1_usize..).map(|number| format!("P{number}")).find(|id| !taken(id)).expect("numbers do not end");
    let id = EvidenceId(id);
    report.evidence.push(Evidence {
        id: id.clone(),
        source,
        summary: "words of the person who signed; the program neither made nor checked them".to_owned(),
    });
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{example, write};

    fn signer(at: &str) -> Signer {
        Signer { by: "Doe^Jane".to_owned(), organization: None, at: Moment::parse(at).expect("a moment") }
    }

    const MORNING: &str = "2026-11-26T08:00:00+01:00";
    const NOON: &str = "2026-11-26T12:00:00+01:00";

    #[test]
    fn a_report_goes_from_draft_to_final_and_then_only_grows_or_is_amended() {
        let draft = write(&example::pneumonia(0.93));
        let first = sign(&draft, State::Preliminary, &signer(MORNING)).expect("signed");
        let signed = sign(&first, State::Final, &signer(NOON)).expect("signed");
        assert_eq!(
            (draft.state, first.state, signed.state),
            (State::Draft, State::Preliminary, State::Final)
        );
        assert_eq!(signed.signatures.len(), 2);
        assert!(changes(&draft, &signed).is_empty(), "a signature changes no word");
        let refused = sign(&signed, State::Final, &signer(NOON)).expect_err("signed already");
        assert_eq!(
            refused.to_string(),
            "a report that is final cannot be signed as final: change it with amend, or add to it with addendum"
        );
        let earlier = sign(&first, State::Final, &signer("2026-11-26T06:59:00Z")).expect_err("too early");
        assert!(matches!(earlier, LifecycleError::Earlier { .. }), "{earlier}");
        let before = addendum(&first, "Seen with the clinic.", &signer(NOON)).expect_err("not final");
        assert_eq!(before, LifecycleError::NotFinal(State::Preliminary));
        let added = addendum(&signed, "Seen with the clinic.", &signer(NOON)).expect("added");
        assert_eq!(added.state, State::Addendum);
        added.check().expect("consistent");
        let again = addendum(&added, "And again.", &signer(NOON)).expect("added");
        again.check().expect("consistent");
        let differing = changes(&signed, &again);
        assert_eq!(differing.len(), 2);
        assert!(differing.iter().all(|c| c.heading == Heading::Addendum && c.before.is_none()));
    }

    #[test]
    fn an_amended_sentence_is_the_persons_and_the_models_number_stays_beside_it() {
        let signed = sign(&write(&example::pneumonia(0.93)), State::Final, &signer(MORNING)).expect("signed");
        let (_, sentence) =
            signed.sentences().find(|(h, _)| *h == Heading::Impression).expect("an impression");
        let id = sentence.id.clone();
        let edits = [
            Edit::Replace { sentence: id.clone(), text: " No pneumonia. ".to_owned() },
            Edit::Remove { sentence: "S1".to_owned() },
        ];
        let amended = amend(&signed, &edits, &signer(NOON), "artifact").expect("amended");
        amended.check().expect("consistent");
        assert_eq!(amended.state, State::Amended);
        assert_eq!(amended.findings, signed.findings);
        assert_eq!(amended.signatures.last().and_then(|s| s.reason.as_deref()), Some("artifact"));
        let differing = changes(&signed, &amended);
        assert_eq!(differing.len(), 2);
        assert_eq!(differing[0].after.as_deref(), Some("No pneumonia."));
        assert_eq!((differing[1].sentence.as_str(), &differing[1].after), ("S1", &None));
        assert_eq!(amended.sentence(&id).map(|s| s.claim.clone()), Some(Claim::Attested));
        for (edits, reason) in
            [(vec![], "x"), (edits.to_vec(), " "), (vec![Edit::Remove { sentence: "S99".into() }], "x")]
        {
            assert!(amend(&signed, &edits, &signer(NOON), reason).is_err());
        }
        // What nobody signed as final stays in its state.
        let draft = write(&example::pneumonia(0.93));
        let edited = amend(&draft, &edits[..1], &signer(NOON), "words").expect("edited");
        assert_eq!(edited.state, State::Draft);
    }

    #[test]
    fn a_sentence_of_ones_own_stands_at_the_end_of_its_section() {
        let draft = write(&example::pneumonia(0.93));
        let edit = |heading| [Edit::Add { heading, text: " Heart not enlarged. ".to_owned() }];
        let edited = amend(&draft, &edit(Heading::Findings), &signer(NOON), " ").expect("edited");
        edited.check().expect("consistent");
        assert_eq!((edited.state, edited.signatures[0].reason.as_deref()), (State::Draft, None));
        let differing = changes(&draft, &edited);
        assert_eq!(differing.len(), 1);
        assert_eq!((differing[0].heading, differing[0].before.as_deref()), (Heading::Findings, None));
        let (_, last) = edited.sentences().filter(|(h, _)| *h == Heading::Findings).last().expect("one");
        assert_eq!((last.text.as_str(), &last.claim), ("Heart not enlarged.", &Claim::Attested));
        // A section that was not there stands in its order.
        let mut bare = draft.clone();
        bare.sections.retain(|section| section.heading != Heading::Indication);
        let first = amend(&bare, &edit(Heading::Indication), &signer(NOON), "").expect("edited");
        assert_eq!(first.sections[0].heading, Heading::Indication);
        assert_eq!(amend(&draft, &edit(Heading::Addendum), &signer(NOON), "x"), Err(LifecycleError::NoEdit));
    }

    #[test]
    fn a_name_is_read_given_name_first() {
        let report = sign(&write(&example::unread()), State::Final, &signer(NOON)).expect("signed");
        assert_eq!(report.signatures[0].name(), "Jane Doe");
        let nobody = Signer { by: " ^ ".to_owned(), ..signer(NOON) };
        assert!(sign(&write(&example::unread()), State::Final, &nobody).is_err());
    }
}
