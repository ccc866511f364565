//! What the tools stand on: opened when it is first asked for, one call at a time.

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::Utc;
use serde_json::Value;
use wilhelm_privacy::audit::{Actor, AuditLog, Event, Object, ObjectKind, Outcome};
use wilhelm_store::Store;
use wilhelm_study::Phi;

use crate::args::{Allowed, ArchiveFolder, GraphFolder, IndexFolder, Mcp};
use crate::audit;
use crate::config::Config;
use crate::exit::Stop;
use crate::verbs::archive;
use crate::verbs::kb::graph::Shelf;
use crate::verbs::kb::texts::Opened;
use crate::verbs::mcp::tool::Tool;

/// What the tools stand on.
pub struct Room {
    pub config: Config,
    index: IndexFolder,
    graph_folder: GraphFolder,
    library: OnceCell<Opened>,
    graph: OnceCell<Shelf>,
    store: Option<Arc<Store>>,
    log: Option<AuditLog>,
    /// Studies that were named in this session; `study-1` is the first.
    named: RefCell<Vec<String>>,
}

impl Room {
    /// Opens the archive and its log where studies are open to the client.
    pub fn new(verb: &Mcp, config: &Config) -> anyhow::Result<Self> {
        let studies = verb.allow.iter().any(|allowed| *allowed != Allowed::Knowledge);
        let log = match (studies, config.values.audit.folder.as_str()) {
            (true, _) => Some(archive::log(&verb.archive, config)?),
            (false, "") => None,
            (false, folder) => Some(audit::open_log(folder.as_ref(), config)?),
        };
        Ok(Self {
            index: IndexFolder { folder: verb.index.clone(), words_alone: false },
            graph_folder: GraphFolder { folder: verb.graph.clone() },
            library: OnceCell::new(),
            graph: OnceCell::new(),
            store: if studies { Some(open(&verb.archive, config)?) } else { None },
            log,
            named: RefCell::default(),
            config: config.clone(),
        })
    }

    /// Calls a tool, and writes down that it was called before its answer is given.
    pub fn call(&self, tool: &Tool, arguments: Value, stopped: &AtomicBool) -> anyhow::Result<Value> {
        let answered = tool.call(self, arguments, stopped);
        if let Some(log) = &self.log {
            let key = log.key();
            let study = answered.as_ref().ok().and_then(|answered| answered.study.as_deref());
            let object = match study {
                Some(uid) => Object::new(
                    ObjectKind::Study,
                    key.reference(ObjectKind::Study, &Phi::new(uid.to_owned())),
                ),
                None => Object::whole(ObjectKind::Study),
            };
            let outcome = if answered.is_ok() { Outcome::Done } else { Outcome::Failed };
            let actor = Actor::peer("model context protocol").from("stdin");
            log.append(Utc::now(), &Event::new(actor, tool.action, object, outcome).with("tool", tool.name))?;
        }
        answered.map(|answered| answered.value)
    }

    /// The index of texts.
    pub fn library(&self) -> anyhow::Result<&Opened> {
        once(&self.library, || Opened::open(&self.index, &self.config))
    }

    /// The graph.
    pub fn graph(&self) -> anyhow::Result<&Shelf> {
        once(&self.graph, || Shelf::open_filled(&self.graph_folder, &self.config))
    }

    /// The archive.
    pub fn store(&self) -> anyhow::Result<&Arc<Store>> {
        self.store.as_ref().ok_or_else(|| Stop::usage("studies are not open to this client: --allow studies"))
    }

    /// The handle of a study in this session.
    pub fn handle(&self, uid: &str) -> String {
        let mut named = self.named.borrow_mut();
        let place = named.iter().position(|known| known == uid).unwrap_or_else(|| {
            named.push(uid.to_owned());
            named.len() - 1
        });
        format!("study-{}", place + 1)
    }

    /// The study of a handle.
    pub fn study(&self, handle: &str) -> anyhow::Result<String> {
        let number = handle.strip_prefix("study-").and_then(|number| number.parse::<usize>().ok());
        let uid = number.and_then(|number| self.named.borrow().get(number.checked_sub(1)?).cloned());
        uid.ok_or_else(|| Stop::usage("no study has this handle in this session: find_studies gives handles"))
    }
}

/// `OnceCell::get_or_try_init`, which is not stable.
fn once<T>(cell: &OnceCell<T>, make: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<&T> {
    if cell.get().is_none() {
        let _ = cell.set(make()?);
    }
    cell.get().ok_or_else(|| Stop::ours("what was just opened is gone"))
}

fn open(folder: &ArchiveFolder, config: &Config) -> anyhow::Result<Arc<Store>> {
    archive::open(folder, config)
}
