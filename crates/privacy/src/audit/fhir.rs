use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::{Action, Entry, ObjectKind, Outcome};

/// DICOM's terms (PS3.16 CID 400 to 403), which FHIR takes over.
const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
/// Events in the life of a record (ISO 21089), which FHIR takes over.
const LIFECYCLE: &str = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle";
/// The code system of our own actions and references, for which nobody registered a name.
const OWN: &str = "urn:uuid:8a0a6d0e-3a55-8c11-9d3e-7c5a1f0b7a11";

/// How an action is coded: type, subtype, and FHIR's letter for create, read, update, delete, execute.
struct Coding {
    system: &'static str,
    code: &'static str,
    display: &'static str,
    subtype: Option<(&'static str, &'static str)>,
    letter: &'static str,
}

const fn dcm(code: &'static str, display: &'static str, letter: &'static str) -> Coding {
    Coding { system: DCM, code, display, subtype: None, letter }
}

const fn alert(code: &'static str, display: &'static str, letter: &'static str) -> Coding {
    Coding { system: DCM, code: "110113", display: "Security Alert", subtype: Some((code, display)), letter }
}

const fn life(code: &'static str, display: &'static str, letter: &'static str) -> Coding {
    Coding { system: LIFECYCLE, code, display, subtype: None, letter }
}

const fn coding(action: Action) -> Coding {
    match action {
        Action::LogBegun => dcm("110101", "Audit Log Used", "C"),
        Action::LogTorn => alert("110138", "Hardware or Software Attack or Failure", "U"),
        Action::ProgramStarted => Coding {
            subtype: Some(("110120", "Application Start")),
            ..dcm("110100", "Application Activity", "E")
        },
        Action::ProgramStopped => Coding {
            subtype: Some(("110121", "Application Stop")),
            ..dcm("110100", "Application Activity", "E")
        },
        Action::SettingChanged => alert("110129", "Security Configuration", "U"),
        Action::SessionBegun => {
            Coding { subtype: Some(("110122", "Login")), ..dcm("110114", "User Authentication", "E") }
        }
        Action::SessionEnded => {
            Coding { subtype: Some(("110123", "Logout")), ..dcm("110114", "User Authentication", "E") }
        }
        Action::AccountMade => alert("110137", "User Security Attributes Changed", "C"),
        Action::AccountChanged => alert("110136", "Security Roles Changed", "U"),
        Action::AccountDisabled | Action::PasswordSet => {
            alert("110137", "User Security Attributes Changed", "U")
        }
        Action::TokenMade => alert("110137", "User Security Attributes Changed", "C"),
        Action::TokenRevoked => alert("110137", "User Security Attributes Changed", "D"),
        Action::AccessRefused => alert("110132", "Use of Restricted Function", "E"),
        Action::AccessEmergency => alert("110127", "Emergency Override Started", "E"),
        Action::Queried => dcm("110112", "Query", "E"),
        Action::StudyReceived => dcm("110104", "DICOM Instances Transferred", "C"),
        Action::StudySeen => dcm("110103", "DICOM Instances Accessed", "R"),
        Action::StudySent => dcm("110104", "DICOM Instances Transferred", "R"),
        Action::StudyExported => dcm("110106", "Export", "R"),
        Action::StudyChanged => dcm("110103", "DICOM Instances Accessed", "U"),
        Action::StudyDeleted => dcm("110105", "DICOM Study Deleted", "D"),
        Action::StudyDeidentified => {
            life("deidentify", "De-Identify (Anononymize) Record Lifecycle Event", "C")
        }
        Action::OrderMade => dcm("110109", "Order Record", "C"),
        Action::OrderChanged => dcm("110109", "Order Record", "U"),
        Action::OrderCanceled => dcm("110109", "Order Record", "D"),
        Action::ReportDrafted => life("originate", "Originate/Retain Record Lifecycle Event", "C"),
        Action::ReportSeen => life("access", "Access/View Record Lifecycle Event", "R"),
        Action::ReportSigned => life("attest", "Attest Record Lifecycle Event", "U"),
        Action::ReportAmended | Action::ReportAdded => {
            life("amend", "Amend (Update) Record Lifecycle Event", "U")
        }
        Action::ReportExported => life("output", "Output/Report Record Lifecycle Event", "R"),
        Action::FindingDecided => life("verify", "Verify Record Lifecycle Event", "U"),
        Action::AnnotationChanged => dcm("110100", "Application Activity", "U"),
        Action::AnnotationSeen => dcm("110103", "DICOM Instances Accessed", "R"),
        Action::AnnotationMade => dcm("110100", "Application Activity", "C"),
        Action::AnnotationDecided => life("verify", "Verify Record Lifecycle Event", "U"),
        Action::AnnotationExported => dcm("110106", "Export", "R"),
        Action::ConsultationMade => alert("110137", "User Security Attributes Changed", "C"),
        Action::ConsultationOpened => {
            Coding { subtype: Some(("110122", "Login")), ..dcm("110114", "User Authentication", "E") }
        }
        Action::ConsultationSeen => life("access", "Access/View Record Lifecycle Event", "R"),
        Action::ConsultationNoted => life("originate", "Originate/Retain Record Lifecycle Event", "C"),
        Action::ConsultationRevoked => alert("110137", "User Security Attributes Changed", "D"),
        Action::OpinionGiven => life("attest", "Attest Record Lifecycle Event", "C"),
        Action::JobMade | Action::JobCancelled | Action::JobRetried => {
            dcm("110100", "Application Activity", "E")
        }
        Action::KeyMade => alert("110129", "Security Configuration", "C"),
        Action::KeyRotated => alert("110129", "Security Configuration", "U"),
    }
}

/// An entry as a FHIR R4 AuditEvent.
///
/// # Source
/// HL7 FHIR Release 4 (4.0.1), AuditEvent
pub fn audit_event(entry: &Entry, program_version: &str) -> Value {
    let event = &entry.event;
    let Coding { system, code, display, subtype, letter } = coding(event.action);
    let mut subtypes = vec![json!({ "system": OWN, "code": event.action.name() })];
    subtypes
        .extend(subtype.map(|(code, display)| json!({ "system": DCM, "code": code, "display": display })));
    let mut agent = json!({
        "type": { "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/extra-security-role-type",
            "code": if event.actor.is_person { "humanuser" } else { "dataprocessor" },
            "display": if event.actor.is_person { "human user" } else { "data processor" },
        }] },
        "who": { "identifier": { "system": OWN, "value": event.actor.name } },
        "requestor": true,
    });
    if let Some(role) = &event.actor.role {
        agent["role"] = json!([{ "coding": [{ "system": OWN, "code": role }] }]);
    }
    if let Some(from) = &event.actor.from {
        let kind = if from.parse::<std::net::IpAddr>().is_ok() { "2" } else { "1" };
        agent["network"] = json!({ "address": from, "type": kind });
    }
    let (outcome, words) = match event.outcome {
        Outcome::Done => ("0", None),
        Outcome::Refused => ("4", Some("refused")),
        Outcome::Failed => ("8", Some("failed")),
    };
    let mut resource = json!({
        "resourceType": "AuditEvent",
        "id": format!("entry-{}", entry.sequence),
        "type": { "system": system, "code": code, "display": display },
        "subtype": subtypes,
        "action": letter,
        "recorded": entry.at.to_rfc3339_opts(SecondsFormat::Millis, true),
        "outcome": outcome,
    });
    if let Some(words) = words {
        resource["outcomeDesc"] = json!(words);
    }
    if let Some(reason) = &event.reason {
        resource["purposeOfEvent"] = json!([{ "text": reason }]);
    }
    resource["agent"] = json!([agent]);
    resource["source"] = json!({
        "observer": { "display": format!("Wilhelm {program_version}") },
        "type": [{
            "system": "http://terminology.hl7.org/CodeSystem/security-source-type",
            "code": "4",
            "display": "Application Server",
        }],
    });
    resource["entity"] = entities(entry);
    resource
}

/// The object, and the patient it belongs to.
fn entities(entry: &Entry) -> Value {
    const TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
    const ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
    let object = &entry.event.object;
    let (kind, role, role_display) = match object.kind {
        ObjectKind::Patient => (("1", "Person"), "1", "Patient"),
        ObjectKind::Report | ObjectKind::Study | ObjectKind::Series | ObjectKind::Instance => {
            (("2", "System Object"), "3", "Report")
        }
        ObjectKind::Account | ObjectKind::Session | ObjectKind::Token => {
            (("2", "System Object"), "11", "Security User Entity")
        }
        ObjectKind::Key | ObjectKind::Setting | ObjectKind::Log => {
            (("2", "System Object"), "13", "Security Resource")
        }
        ObjectKind::Finding | ObjectKind::Consultation | ObjectKind::Program => {
            (("2", "System Object"), "4", "Domain Resource")
        }
    };
    let mut what = json!({
        "type": { "system": TYPE, "code": kind.0, "display": kind.1 },
        "role": { "system": ROLE, "code": role, "display": role_display },
        "name": object.kind.name(),
    });
    if let Some(reference) = &object.reference {
        what["what"] = json!({ "identifier": { "system": OWN, "value": reference } });
    }
    let mut details: Vec<Value> = vec![json!({ "type": "before", "valueString": entry.before })];
    details.extend(
        entry.event.details.iter().map(|(name, value)| json!({ "type": name, "valueString": value })),
    );
    what["detail"] = json!(details);
    let mut entities = vec![what];
    entities.extend(object.patient.as_ref().map(|patient| {
        json!({
            "what": { "identifier": { "system": OWN, "value": patient } },
            "type": { "system": TYPE, "code": "1", "display": "Person" },
            "role": { "system": ROLE, "code": "1", "display": "Patient" },
        })
    }));
    json!(entities)
}

/// Entries as a FHIR R4 bundle, pretty, with a final newline.
///
/// # Panics
/// Never: the bundle is always JSON.
pub fn bundle(entries: &[Entry], program_version: &str) -> String {
    let entry: Vec<Value> =
        entries.iter().map(|entry| json!({ "resource": audit_event(entry, program_version) })).collect();
    let mut bundle = json!({ "resourceType": "Bundle", "type": "collection" });
    // FHIR has no empty lists.
    if !entry.is_empty() {
        bundle["entry"] = json!(entry);
    }
    let mut text = serde_json::to_string_pretty(&bundle).expect("a bundle is JSON");
    text.push('\n');
    text
}
