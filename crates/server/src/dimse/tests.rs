//! Services whose asking side is not ours, asked over a real association: the worklist, and storage commitment.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use dicom_core::{Tag, VR};
use dicom_dictionary_std::{tags, uids};
use serde_json::Value;
use wilhelm_formats::phantom::{CtPhantom, part_10};
use wilhelm_store::{
    Content, Expected, OrderChange, OrderControl, ScheduledStep, Settings as StoreSettings, Store,
    data_set_json,
};

use super::command::{Command, field, kind, padded, status};
use super::identifier::{write, write_items};
use super::requestor::{Peer, Proposal, Requestor};
use super::service::{Service, Settings};

const PATIENCE: Duration = Duration::from_secs(20);
const STEP: Tag = tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE;

struct Site {
    service: Service,
    store: Arc<Store>,
    _folder: tempfile::TempDir,
}

fn site() -> Site {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), StoreSettings::default()).expect("an archive");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let service = Service::start(listener, Arc::clone(&store), Settings::default(), None).expect("a service");
    Site { service, store, _folder: folder }
}

fn associate(site: &Site, class: &str) -> Requestor {
    let at = site.service.address();
    let peer = Peer { ae_title: "WILHELM".to_owned(), host: at.ip().to_string(), port: at.port() };
    Requestor::propose(&peer, "CT1", &[Proposal::asking(class)], PATIENCE).expect("accepted")
}

/// What comes next: its command and its data set.
fn next(requestor: &mut Requestor) -> (Command, Option<Value>) {
    let (context, command) = requestor.link.command().expect("a message").expect("not released");
    let data = command.has_data().then(|| {
        let bytes =
            requestor.link.small_data_set(context, 1 << 20).expect("a data set").expect("a small one");
        let explicit = uids::EXPLICIT_VR_LITTLE_ENDIAN;
        let json = data_set_json(&Content::Memory(bytes), explicit, &wilhelm_store::Limits::default());
        serde_json::from_str(&json.expect("a data set")).expect("JSON")
    });
    (command, data)
}

/// Asks the worklist with keys of the step; gives the answers and the statuses.
fn ask(requestor: &mut Requestor, keys: &[(Tag, VR, &str)]) -> (Vec<Value>, Vec<u16>) {
    let class = uids::MODALITY_WORKLIST_INFORMATION_MODEL_FIND;
    let context = requestor.context_of(class).expect("accepted").id;
    let (mut item, mut bytes) = (Vec::new(), Vec::new());
    for (tag, vr, value) in keys {
        write(&mut item, true, *tag, *vr, &padded(value, b' '));
    }
    write(&mut bytes, true, tags::ACCESSION_NUMBER, VR::SH, b"");
    write(&mut bytes, true, tags::PATIENT_NAME, VR::PN, b"");
    write_items(&mut bytes, true, STEP, &[item]);
    let command = Command::new(kind::C_FIND, true)
        .number(field::MESSAGE_ID, requestor.next_message())
        .number(field::PRIORITY, 0)
        .uid(field::AFFECTED_SOP_CLASS, class);
    requestor.link.send(context, &command, Some(&mut bytes.as_slice())).expect("sent");
    let (mut answers, mut statuses) = (Vec::new(), Vec::new());
    loop {
        let (response, data) = next(requestor);
        let status = response.u16(field::STATUS).expect("a status");
        statuses.push(status);
        answers.extend(data);
        if !matches!(status, status::PENDING | status::PENDING_WITH_UNSUPPORTED) {
            return (answers, statuses);
        }
    }
}

#[test]
fn a_scanner_is_answered_what_is_scheduled_for_it() {
    let site = site();
    for (accession, station, name) in [("A1", "CT1", "Doe^Jane"), ("A2", "CT2", "Roe^Richard")] {
        let step = ScheduledStep::default()
            .with(&[tags::PLACER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST], accession)
            .with(&[tags::ACCESSION_NUMBER], accession)
            .with(&[tags::PATIENT_NAME], name)
            .with(&[STEP, tags::SCHEDULED_STATION_AE_TITLE], station)
            .with(&[STEP, tags::MODALITY], "CT");
        let change = OrderChange { control: OrderControl::Make, steps: vec![step] };
        site.store.change_orders(vec![change], 0).expect("made");
    }
    let mut requestor = associate(&site, uids::MODALITY_WORKLIST_INFORMATION_MODEL_FIND);
    let station = (tags::SCHEDULED_STATION_AE_TITLE, VR::AE, "CT1");
    let (answers, statuses) = ask(&mut requestor, &[(tags::MODALITY, VR::CS, "CT"), station]);
    assert_eq!(statuses, [status::PENDING, status::SUCCESS]);
    assert_eq!(answers[0]["00080050"]["Value"][0], "A1");
    assert_eq!(answers[0]["00400100"]["Value"][0]["00400001"]["Value"][0], "CT1");
    assert!(answers[0].get("00080005").is_none(), "all in ASCII: {}", answers[0]);
    // A key that is not matched is said to be so.
    let (answers, statuses) = ask(&mut requestor, &[(tags::MANUFACTURER, VR::LO, "X")]);
    assert_eq!((answers.len(), statuses[0]), (2, status::PENDING_WITH_UNSUPPORTED));
    let (answers, statuses) =
        ask(&mut requestor, &[(tags::SCHEDULED_PROCEDURE_STEP_START_DATE, VR::DA, "x")]);
    assert_eq!((answers.len(), &statuses[..]), (0, &[status::UNABLE_TO_PROCESS][..]));
    requestor.release().expect("released");
}

fn promise(requestor: &mut Requestor, objects: &[(&str, &str)]) -> u16 {
    let class = uids::STORAGE_COMMITMENT_PUSH_MODEL;
    let context = requestor.context_of(class).expect("accepted").id;
    let items: Vec<Vec<u8>> = objects
        .iter()
        .map(|(class, uid)| {
            let mut item = Vec::new();
            write(&mut item, true, tags::REFERENCED_SOP_CLASS_UID, VR::UI, &padded(class, 0));
            write(&mut item, true, tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, &padded(uid, 0));
            item
        })
        .collect();
    let mut bytes = Vec::new();
    write(&mut bytes, true, tags::TRANSACTION_UID, VR::UI, &padded("1.2.99", 0));
    write_items(&mut bytes, true, tags::REFERENCED_SOP_SEQUENCE, &items);
    let command = Command::new(kind::N_ACTION, true)
        .number(field::MESSAGE_ID, requestor.next_message())
        .uid(field::REQUESTED_SOP_CLASS, class)
        .uid(field::REQUESTED_SOP_INSTANCE, uids::STORAGE_COMMITMENT_PUSH_MODEL_INSTANCE)
        .number(field::ACTION_TYPE, 1);
    requestor.link.send(context, &command, Some(&mut bytes.as_slice())).expect("sent");
    let (response, _) = next(requestor);
    assert_eq!(response.kind(), kind::N_ACTION | kind::RESPONSE);
    response.u16(field::STATUS).expect("a status")
}

/// The event report that follows, answered; its type and its data set.
fn event(requestor: &mut Requestor) -> (u16, Value) {
    let (command, data) = next(requestor);
    assert_eq!(command.kind(), kind::N_EVENT_REPORT);
    let context = requestor.accepted[0].id;
    requestor.link.send(context, &command.response(status::SUCCESS, false), None).expect("sent");
    (command.u16(field::EVENT_TYPE).expect("a type"), data.expect("a data set"))
}

#[test]
fn only_what_is_kept_is_promised_and_the_rest_has_its_reason() {
    let site = site();
    let phantom = CtPhantom { columns: 16, rows: 16, slices: 1, ..Default::default() };
    let file = part_10(phantom.slice_object(0)).expect("a phantom is written");
    let mut arriving = site.store.arrive();
    arriving.write(&file).expect("written");
    let taken = site.store.take(arriving, Expected::default()).expect("taken");
    let (class, uid) = (taken.sop_class.clone(), taken.sop_uid.as_str().to_owned());
    taken.pending.wait().expect("kept");
    let mut requestor = associate(&site, uids::STORAGE_COMMITMENT_PUSH_MODEL);
    assert_eq!(promise(&mut requestor, &[(&class, &uid)]), status::SUCCESS);
    let (kind, data) = event(&mut requestor);
    assert_eq!((kind, &data["00081195"]["Value"][0]), (1, &Value::from("1.2.99")));
    assert_eq!(data["00081199"]["Value"][0]["00081155"]["Value"][0], uid);
    assert!(data.get("00081198").is_none(), "{data}");
    let wrong = [(&*class, &*uid), (&class, "1.2.3"), (uids::MR_IMAGE_STORAGE, &uid)];
    assert_eq!(promise(&mut requestor, &wrong), status::SUCCESS);
    let (kind, data) = event(&mut requestor);
    let reasons: Vec<&Value> =
        (0..2).map(|at| &data["00081198"]["Value"][at]["00081197"]["Value"][0]).collect();
    assert_eq!((kind, reasons), (2, vec![&Value::from(0x0112), &Value::from(0x0119)]));
    // The file is gone, whatever the catalog says.
    let located = site.store.find(&uid).expect("there");
    assert!(site.store.content(&located).is_ok());
    for folder in std::fs::read_dir(site._folder.path().join("objects")).expect("objects").flatten() {
        std::fs::remove_dir_all(folder.path()).expect("removed");
    }
    promise(&mut requestor, &[(&class, &uid)]);
    let (kind, data) = event(&mut requestor);
    assert_eq!((kind, &data["00081198"]["Value"][0]["00081197"]["Value"][0]), (2, &Value::from(0x0110)));
    assert_eq!(promise(&mut requestor, &[]), status::INVALID_ARGUMENT);
    requestor.release().expect("released");
}
