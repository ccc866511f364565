//! Who a message is about, and what becomes of patients: ADT^A08, A31 and A40.

use wilhelm_formats::hl7::{Message, Part, Segment};
use wilhelm_store::{Demographics, PatientKey, Store};
use wilhelm_study::Phi;

use super::answer::Refusal;
use super::value;

/// The patient of a list of identifiers: the one of type PI or MR, else the first.
pub(super) fn key(segment: &Segment, field: usize) -> Result<PatientKey, Refusal> {
    of_identifier(main(segment, field))
}

fn main(segment: &Segment, field: usize) -> Part<'_> {
    let list = segment.field(field);
    let kind = |wanted: &str| list.repetitions().find(|one| one.component(5).raw() == wanted);
    kind("PI").or_else(|| kind("MR")).unwrap_or(list)
}

fn of_identifier(one: Part<'_>) -> Result<PatientKey, Refusal> {
    let id = value::identifier(one.component(1).subcomponent(1), 64)?.unwrap_or_default();
    if id.is_empty() {
        return Err(Refusal::missing(&one.place(), "the patient's ID"));
    }
    let issuer = value::identifier(one.component(4).subcomponent(1), 64)?.unwrap_or_default();
    Ok(PatientKey::new(id, issuer))
}

/// The patient of PID-3 under the issuer and the type of MRG-1's; a type that one of them leaves out is the other's, where but one may
/// be meant.
fn surviving(pid: &Segment, mrg: &Segment) -> Result<PatientKey, Refusal> {
    let prior = main(mrg, 1);
    let issuer = of_identifier(prior)?.issuer;
    let kind = prior.component(5).raw();
    let mut of_issuer = Vec::new();
    for one in pid.field(3).repetitions() {
        if !one.component(1).is_empty() {
            of_issuer.push((one.component(5).raw(), of_identifier(one)?));
        }
    }
    if of_issuer.is_empty() {
        return Err(Refusal::missing("PID-3", "the patient's ID"));
    }
    of_issuer.retain(|(_, key)| key.issuer == issuer);
    if let Some((_, key)) = of_issuer.iter().find(|(found, _)| *found == kind) {
        return Ok(key.clone());
    }
    match &of_issuer[..] {
        [(found, key)] if found.is_empty() || kind.is_empty() => Ok(key.clone()),
        _ => Err(Refusal::error(204, "PID-3 has no identifier of the issuer and the type of MRG-1")),
    }
}

/// What PID says of the patient.
pub(super) fn demographics(pid: &Segment) -> Result<Demographics, Refusal> {
    let name = value::name(pid.field(5), 1)?;
    let birth_date = value::birth_date(pid.field(7))?;
    let sex = value::sex(pid.field(8))?;
    Ok(Demographics {
        name: name.map(Phi::new),
        birth_date: birth_date.map(Phi::new),
        sex: sex.map(Phi::new),
    })
}

/// What became of a patient.
pub(super) struct Done {
    /// Studies that say something else now.
    pub studies: Vec<String>,
    /// Who it was about.
    pub patient: PatientKey,
}

/// Where a change comes from, in the history: the sender and the message.
fn source(message: &Message) -> String {
    let field = |number| message.header().field(number).raw().chars().take(64).collect::<String>();
    format!("HL7 {} {}", field(3), field(10))
}

/// ADT^A08, A31: what is said of a patient.
pub(super) fn update(message: &Message, store: &Store, now: i64) -> Result<Done, Refusal> {
    let pid = message.first("PID").ok_or_else(|| Refusal::error(100, "there is no PID segment"))?;
    let patient = key(pid, 3)?;
    let changed = store.update_patient(patient.clone(), demographics(pid)?, source(message), now)?;
    Ok(Done { studies: changed.studies, patient })
}

/// ADT^A40: the patient of MRG is the patient of PID.
pub(super) fn merge(message: &Message, store: &Store, now: i64) -> Result<Done, Refusal> {
    let of = |name: &str| message.segments().iter().filter(|segment| segment.name() == name).count();
    if of("PID") != 1 || of("MRG") != 1 {
        let why = format!("there are {} PID and {} MRG segments, expected one of each", of("PID"), of("MRG"));
        return Err(Refusal::error(100, why));
    }
    let (Some(pid), Some(mrg)) = (message.first("PID"), message.first("MRG")) else {
        return Err(Refusal::error(100, "there is no PID or no MRG segment"));
    };
    let (surviving, prior) = (surviving(pid, mrg)?, key(mrg, 1)?);
    let changed = store.merge_patients(prior, surviving.clone(), demographics(pid)?, source(message), now)?;
    Ok(Done { studies: changed.studies, patient: surviving })
}
