//! A served archive with a desk over it, and what a page needs.

use std::path::Path;
use std::sync::Arc;

use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags;
use serde_json::{Value, json};
use wilhelm_formats::phantom::{CtPhantom, part_10};
use wilhelm_privacy::seal::{Keyring, Root};
use wilhelm_privacy::{Secret, SystemEntropy};
use wilhelm_report::{Case, example};
use wilhelm_server::desk::{Desk, Outcome, read_study};
use wilhelm_server::dimse::Settings as Entity;
use wilhelm_server::events::Listener;
use wilhelm_server::{JobSettings, Server, Settings};
use wilhelm_store::{Expected, Store};

use super::reader::Examples;
use crate::sign_in::{PASSWORD, enter, with_accounts};
use crate::site::{Site, settings};

/// An archive with a desk.
pub struct DeskSite {
    pub site: Site,
    pub desk: Arc<Desk>,
}

/// What is answered: status, heads, JSON.
pub type Answer = (u16, String, Value);

/// Nobody works on what waits.
fn waiting() -> JobSettings {
    JobSettings { threads: 0, ..JobSettings::default() }
}

fn started(
    folder: &Path,
    case: Case,
    with: impl FnOnce(&Path) -> Settings,
) -> (Server, Arc<Store>, Arc<Desk>) {
    let store = Store::open(folder, wilhelm_store::Settings::default()).expect("an archive");
    let settings = with(folder);
    let desk = Desk::new(Arc::clone(&store), Some(Arc::new(Examples(case))), settings.ledger.clone());
    let settings = Settings { desk: Some(Arc::clone(&desk)), jobs: waiting(), ..settings };
    (Server::start(Arc::clone(&store), settings).expect("a server"), store, desk)
}

/// Anyone may do anything.
pub fn open_desk(case: Case) -> DeskSite {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, store, desk) = started(folder.path(), case, |_| settings(Entity::default()));
    DeskSite { site: Site { server, store, folder }, desk }
}

/// As [`open_desk`], with somebody who listens and `threads` workers.
pub fn told_desk(case: Case, threads: usize) -> (DeskSite, Listener) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), wilhelm_store::Settings::default()).expect("an archive");
    let desk = Desk::new(Arc::clone(&store), Some(Arc::new(Examples(case))), None);
    let jobs = JobSettings { threads, ..JobSettings::default() };
    let listener = jobs.events.listen();
    let settings = Settings { desk: Some(Arc::clone(&desk)), jobs, ..settings(Entity::default()) };
    let server = Server::start(Arc::clone(&store), settings).expect("a server");
    (DeskSite { site: Site { server, store, folder }, desk }, listener)
}

/// Anyone may do anything, and what is kept lies sealed.
pub fn sealed_desk(case: Case) -> DeskSite {
    let folder = tempfile::tempdir().expect("a folder");
    let root = Root::Key(Secret::new([9; 32]));
    let at = "2026-01-31T14:05:00Z".parse().expect("a time");
    let ring = folder.path().join("keyring.json");
    let keys = Keyring::make(&ring, &root, at, &mut SystemEntropy::default()).expect("a keyring");
    let keys = wilhelm_store::Settings { keys: Some(Arc::new(keys)), ..wilhelm_store::Settings::default() };
    let store = Store::open(folder.path(), keys).expect("an archive");
    let desk = Desk::new(Arc::clone(&store), Some(Arc::new(Examples(case))), None);
    let settings = Settings { desk: Some(Arc::clone(&desk)), ..settings(Entity::default()) };
    let server = Server::start(Arc::clone(&store), settings).expect("a server");
    DeskSite { site: Site { server, store, folder }, desk }
}

/// With an account of each role.
pub fn guarded_desk() -> DeskSite {
    let folder = tempfile::tempdir().expect("a folder");
    let case = example::pneumonia(0.93);
    let (server, store, desk) =
        started(folder.path(), case, |folder| with_accounts(folder, Entity::default()));
    DeskSite { site: Site { server, store, folder }, desk }
}

/// A slice of a patient's study, with UIDs below `root`.
pub fn of_patient(root: &str, id: &str, date: &str) -> Vec<u8> {
    let phantom = CtPhantom { columns: 32, rows: 32, slices: 1, ..Default::default() };
    let mut object = phantom.slice_object(0);
    let mut put = |tag: Tag, vr: VR, text: &str| {
        object.put(DataElement::new(tag, vr, PrimitiveValue::from(text)));
    };
    put(tags::PATIENT_ID, VR::LO, id);
    put(tags::PATIENT_NAME, VR::PN, "Doe^Jane");
    put(tags::STUDY_DATE, VR::DA, date);
    put(tags::STUDY_INSTANCE_UID, VR::UI, root);
    put(tags::SERIES_INSTANCE_UID, VR::UI, &format!("{root}.1"));
    put(tags::SOP_INSTANCE_UID, VR::UI, &format!("{root}.1.1"));
    part_10(object).expect("a phantom is written")
}

impl DeskSite {
    /// Puts a patient's study in and reads it; gives the name of its report.
    pub fn read(&self, root: &str, id: &str, date: &str) -> String {
        let mut arriving = self.site.store.arrive();
        arriving.write(&of_patient(root, id, date)).expect("written");
        let taken = self.site.store.take(arriving, Expected::default()).expect("taken");
        taken.pending.wait().expect("kept");
        self.read_again(root)[0].report.clone()
    }

    pub fn read_again(&self, root: &str) -> Vec<Outcome> {
        let at = "2026-11-27T08:00:00Z".parse().expect("a time");
        read_study(&self.desk, root, "jane", at, &mut |_, _, _| true).expect("read")
    }

    /// Signs in.
    pub fn enter(&self, name: &str) -> String {
        format!("Cookie: {}\nOrigin: http://localhost", enter(&self.site, name, PASSWORD).expect("let in"))
    }

    pub fn ask(&self, line: &str, heads: &str, body: &Value) -> Answer {
        let head = format!("{line}\nHost: localhost\nContent-Type: application/json\n{heads}");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, heads, bytes) = self.site.request(&head, body.as_bytes());
        (status, heads, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    pub fn get(&self, path: &str) -> Value {
        let (status, heads, body) = self.ask(&format!("GET {path}"), "", &Value::Null);
        assert_eq!(status, 200, "{heads} {body}");
        body
    }

    /// A change of a report that says it saw `tag`.
    pub fn change(&self, id: &str, what: &str, tag: &str, heads: &str, body: &Value) -> Answer {
        self.ask(&format!("POST /api/reports/{id}/{what}"), &format!("If-Match: \"{tag}\"\n{heads}"), body)
    }

    /// Ends the server and starts another on the same folder.
    pub fn restarted(self, case: Case) -> Self {
        let Self { site, desk } = self;
        let Site { mut server, store, folder } = site;
        server.stop();
        drop((server, desk));
        drop(store);
        let (server, store, desk) = started(folder.path(), case, |_| settings(Entity::default()));
        Self { site: Site { server, store, folder }, desk }
    }
}

/// The ETag of an answer, without its quotation marks.
pub fn tag(heads: &str) -> String {
    let line = heads.lines().find_map(|line| line.strip_prefix("etag: ")).expect("an ETag");
    line.trim().trim_matches('"').to_owned()
}

/// An edit of a sentence.
pub fn words(sentence: &str, text: &str) -> Value {
    json!({ "edits": [{ "sentence": sentence, "text": text }] })
}
