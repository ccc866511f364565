//! Orders of messages: ORM^O01 and OMI^O23 as changes of the worklist.

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use wilhelm_formats::hl7::{Message, Part, Segment};
use wilhelm_store::{OrderChange, OrderControl, PatientKey, ScheduledStep};

use super::answer::Refusal;
use super::{patient, value};

const STEP: Tag = tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE;
const PROCEDURE: Tag = tags::REQUESTED_PROCEDURE_CODE_SEQUENCE;
const PROTOCOL: Tag = tags::SCHEDULED_PROTOCOL_CODE_SEQUENCE;
const DATE: [Tag; 2] = [STEP, tags::SCHEDULED_PROCEDURE_STEP_START_DATE];
const TIME: [Tag; 2] = [STEP, tags::SCHEDULED_PROCEDURE_STEP_START_TIME];
const STEP_ID: [Tag; 2] = [STEP, tags::SCHEDULED_PROCEDURE_STEP_ID];
const MODALITY: [Tag; 2] = [STEP, tags::MODALITY];
const STATION: [Tag; 2] = [STEP, tags::SCHEDULED_STATION_AE_TITLE];

/// What a message asks for: its patient and the changes of its orders.
pub(super) struct Orders {
    pub patient: PatientKey,
    pub changes: Vec<OrderChange>,
}

/// A step that is being put together; what is not said is left out.
struct Draft(ScheduledStep);

impl Draft {
    fn set(&mut self, place: &[Tag], said: Option<String>) {
        if let Some(said) = said {
            self.0 = std::mem::take(&mut self.0).with(place, said);
        }
    }

    /// Sets what is still empty.
    fn fill(&mut self, place: &[Tag], said: &str) {
        if self.0.text(place).is_empty() && !said.is_empty() {
            self.set(place, Some(said.to_owned()));
        }
    }

    /// A code of three components, from `first` on.
    fn code(&mut self, sequence: &[Tag], part: Part<'_>, first: usize) -> Result<(), Refusal> {
        for (number, tag, longest) in
            [(0, tags::CODE_VALUE, 16), (1, tags::CODE_MEANING, 64), (2, tags::CODING_SCHEME_DESIGNATOR, 16)]
        {
            let part = part.component(first + number);
            let said = if tag == tags::CODE_MEANING {
                value::text(part, longest)?
            } else {
                value::identifier(part, longest)?
            };
            self.set(&[sequence, &[tag]].concat(), said);
        }
        Ok(())
    }
}

/// Reads the orders of a message.
pub(super) fn read(message: &Message) -> Result<Orders, Refusal> {
    let pid = message.first("PID").ok_or_else(|| Refusal::error(100, "there is no PID segment"))?;
    let patient = patient::key(pid, 3)?;
    let common = common(message, pid, &patient)?;
    let groups = groups(message.segments());
    if groups.is_empty() {
        return Err(Refusal::error(100, "there is no ORC segment"));
    }
    let changes = groups.iter().map(|group| change(group, &common)).collect::<Result<_, _>>()?;
    Ok(Orders { patient, changes })
}

/// What all orders of a message have in common: the patient and the visit.
fn common(message: &Message, pid: &Segment, patient: &PatientKey) -> Result<ScheduledStep, Refusal> {
    let mut draft = Draft(ScheduledStep::default());
    let said = patient::demographics(pid)?;
    let plain = |said: Option<wilhelm_study::Phi<String>>| said.map(|said| said.expose().clone());
    draft.set(&[tags::PATIENT_ID], Some(patient.id.expose().clone()));
    draft.set(&[tags::ISSUER_OF_PATIENT_ID], Some(patient.issuer.expose().clone()));
    draft.set(&[tags::PATIENT_NAME], plain(said.name));
    draft.set(&[tags::PATIENT_BIRTH_DATE], plain(said.birth_date));
    draft.set(&[tags::PATIENT_SEX], plain(said.sex));
    if let Some(visit) = message.first("PV1") {
        draft.set(&[tags::ADMISSION_ID], value::identifier(visit.field(19).component(1), 64)?);
        let mut place = Vec::new();
        for number in 1..=3 {
            place.extend(value::text(visit.field(3).component(number).subcomponent(1), 20)?);
        }
        let place = place.join(" ").trim().to_owned();
        draft.set(&[tags::CURRENT_PATIENT_LOCATION], (!place.is_empty()).then_some(place));
        draft.set(&[tags::REFERRING_PHYSICIAN_NAME], value::name(visit.field(8), 2)?);
    }
    Ok(draft.0)
}

/// Each ORC with what follows it.
fn groups(segments: &[Segment]) -> Vec<&[Segment]> {
    let begins: Vec<usize> =
        segments.iter().enumerate().filter(|(_, one)| one.name() == "ORC").map(|(at, _)| at).collect();
    let ends = begins.iter().skip(1).copied().chain([segments.len()]);
    begins.iter().copied().zip(ends).map(|(begin, end)| &segments[begin..end]).collect()
}

fn control(orc: &Segment) -> Result<OrderControl, Refusal> {
    Ok(match (orc.field(1).raw(), orc.field(5).raw()) {
        ("NW", _) => OrderControl::Make,
        ("XO", _) => OrderControl::Change,
        ("CA" | "OC" | "DC" | "OD", _) => OrderControl::Cancel,
        ("SC", "CM") => OrderControl::Complete,
        ("SC", "CA" | "DC") => OrderControl::Cancel,
        ("SC", "SC" | "IP" | "A") => OrderControl::Change,
        ("SC", _) => return Err(Refusal::error(103, "ORC-5 is none of SC, IP, A, CM, CA, DC")),
        _ => return Err(Refusal::error(103, "ORC-1 is none of NW, XO, CA, OC, DC, OD, SC")),
    })
}

fn change(group: &[Segment], common: &ScheduledStep) -> Result<OrderChange, Refusal> {
    let orc = &group[0];
    let control = control(orc)?;
    let all = |name: &'static str| group.iter().filter(move |segment| segment.name() == name);
    let of = |name| all(name).next();
    if all("OBR").count() > 1 {
        return Err(Refusal::error(100, "there are several OBR segments behind one ORC, expected one"));
    }
    let mut draft = Draft(common.clone());
    let empty = orc.field(0);
    let obr = |number| of("OBR").map_or(empty, |obr| obr.field(number));
    let numbers = [
        (
            tags::PLACER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST,
            tags::ORDER_PLACER_IDENTIFIER_SEQUENCE,
            orc.field(2),
            obr(2),
        ),
        (
            tags::FILLER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST,
            tags::ORDER_FILLER_IDENTIFIER_SEQUENCE,
            orc.field(3),
            obr(3),
        ),
    ];
    for (tag, namespace, one, other) in numbers {
        let part = if one.is_empty() { other } else { one };
        draft.set(&[tag], value::identifier(part.component(1), 64)?);
        let said = value::identifier(part.component(2), 64)?;
        draft.set(&[namespace, tags::LOCAL_NAMESPACE_ENTITY_ID], said);
    }
    let physician = if obr(16).is_empty() { orc.field(12) } else { obr(16) };
    draft.set(&[tags::REQUESTING_PHYSICIAN], value::name(physician, 2)?);
    let procedure = if obr(44).is_empty() { obr(4) } else { obr(44) };
    draft.code(&[PROCEDURE], procedure, 1)?;
    draft.set(&[tags::REQUESTED_PROCEDURE_DESCRIPTION], value::text(procedure.component(2), 64)?);
    draft.code(&[STEP, PROTOCOL], obr(4), 4)?;
    let words = if obr(4).component(5).is_empty() { obr(4).component(2) } else { obr(4).component(5) };
    draft.set(&[STEP, tags::SCHEDULED_PROCEDURE_STEP_DESCRIPTION], value::text(words, 64)?);
    draft.set(&[tags::ACCESSION_NUMBER], value::identifier(obr(18), 16)?);
    draft.set(&[tags::REQUESTED_PROCEDURE_ID], value::identifier(obr(19), 16)?);
    draft.set(&STEP_ID, value::identifier(obr(20), 16)?);
    draft.set(&STATION, value::identifier(obr(21), 16)?);
    draft.set(&MODALITY, value::code(obr(24))?);
    let uid = of("ZDS").map_or(empty, |zds| zds.field(1).component(1));
    draft.set(&[tags::STUDY_INSTANCE_UID], value::uid(uid)?);
    timing(
        &mut draft,
        [
            of("TQ1").map(|tq1| tq1.field(7)),
            Some(orc.field(7).component(4)),
            Some(obr(27).component(4)),
            Some(obr(36)),
        ],
    )?;
    let urgencies = [
        of("TQ1").map_or(empty, |tq1| tq1.field(9)),
        orc.field(7).component(6),
        obr(27).component(6),
        obr(5),
    ];
    draft.set(&[tags::REQUESTED_PROCEDURE_PRIORITY], priority(&urgencies)?);
    let mut steps = Vec::new();
    for ipc in all("IPC") {
        steps.push(of_ipc(ipc, &draft.0)?);
    }
    if steps.is_empty() {
        steps.push(draft.0);
    }
    if control == OrderControl::Make {
        steps = steps.into_iter().map(complete).collect::<Result<_, _>>()?;
    }
    Ok(OrderChange { control, steps })
}

/// A step as an IPC segment has it.
fn of_ipc(ipc: &Segment, order: &ScheduledStep) -> Result<ScheduledStep, Refusal> {
    let mut draft = Draft(order.clone());
    draft.set(&[tags::ACCESSION_NUMBER], value::identifier(ipc.field(1).component(1), 16)?);
    draft.set(&[tags::REQUESTED_PROCEDURE_ID], value::identifier(ipc.field(2).component(1), 16)?);
    draft.set(&[tags::STUDY_INSTANCE_UID], value::uid(ipc.field(3).component(1))?);
    draft.set(&STEP_ID, value::identifier(ipc.field(4).component(1), 16)?);
    draft.set(&MODALITY, value::code(ipc.field(5).component(1))?);
    draft.code(&[STEP, PROTOCOL], ipc.field(6), 1)?;
    let words = value::text(ipc.field(6).component(2), 64)?;
    draft.set(&[STEP, tags::SCHEDULED_PROCEDURE_STEP_DESCRIPTION], words);
    draft.set(&[STEP, tags::SCHEDULED_STATION_NAME], value::identifier(ipc.field(7).component(1), 16)?);
    draft.set(&[STEP, tags::SCHEDULED_PROCEDURE_STEP_LOCATION], value::text(ipc.field(8).component(1), 16)?);
    draft.set(&STATION, value::identifier(ipc.field(9), 16)?);
    Ok(draft.0)
}

fn timing(draft: &mut Draft, parts: [Option<Part<'_>>; 4]) -> Result<(), Refusal> {
    for part in parts.into_iter().flatten() {
        // A component of a component: its parts stand between ampersands.
        if let Some((date, time)) = value::moment(part.subcomponent(1))? {
            draft.set(&DATE, Some(date));
            draft.set(&TIME, Some(time));
            return Ok(());
        }
    }
    Ok(())
}

/// A priority of DICOM.
fn priority(parts: &[Part<'_>]) -> Result<Option<String>, Refusal> {
    let Some(part) = parts.iter().find(|part| !part.is_empty()) else { return Ok(None) };
    Ok(Some(
        match part.component(1).subcomponent(1).raw() {
            "S" => "STAT",
            "A" | "P" => "HIGH",
            "R" => "ROUTINE",
            "C" | "T" => "MEDIUM",
            _ => "",
        }
        .to_owned(),
    ))
}

/// A step of a new order: what the worklist cannot do without, and what stands for what was not said.
fn complete(step: ScheduledStep) -> Result<ScheduledStep, Refusal> {
    let mut draft = Draft(step);
    let filler = draft.0.text(&[tags::FILLER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST]).to_owned();
    let placer = draft.0.text(&[tags::PLACER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST]).to_owned();
    let number = [filler, placer].into_iter().find(|number| (1..=16).contains(&number.chars().count()));
    draft.fill(&[tags::ACCESSION_NUMBER], &number.unwrap_or_default());
    let accession = draft.0.text(&[tags::ACCESSION_NUMBER]).to_owned();
    draft.fill(&[tags::REQUESTED_PROCEDURE_ID], &accession);
    let procedure = draft.0.text(&[tags::REQUESTED_PROCEDURE_ID]).to_owned();
    draft.fill(&STEP_ID, &procedure);
    for (place, field, what) in [
        (&[tags::PATIENT_NAME][..], "PID-5", "the patient's name"),
        (&MODALITY, "OBR-24 or IPC-5", "a modality"),
        (&DATE, "TQ1-7, ORC-7.4, OBR-27.4 or OBR-36", "when the step begins"),
        (
            &[tags::ACCESSION_NUMBER],
            "OBR-18 or IPC-1",
            "an accession number, or an order number of up to 16 characters",
        ),
    ] {
        if draft.0.text(place).is_empty() {
            return Err(Refusal::missing(field, what));
        }
    }
    Ok(draft.0)
}
