//! What a served archive does in the background: its workers, and the watch over studies.

use std::sync::Arc;
use std::time::Duration;

use wilhelm_store::Store;

use crate::dimse::Settings as Entity;
use crate::events::Events;
use crate::rules::{Rules, Watch};
use crate::web::Remotes;
use crate::work::{EmptyBin, Notify, SendStudy, SendWeb, Work, Workers};
use crate::{Ledger, ServeError};

/// What is done in the background.
#[derive(Clone)]
pub struct Settings {
    /// Works beside those of the archive itself (`send`, `send-web`, `notify`, `empty-bin`), as the one that reads studies.
    pub works: Vec<Arc<dyn Work>>,
    /// Jobs that are done at once; 0 does none, and they wait.
    pub threads: usize,
    /// What is done of itself with studies that are complete.
    pub rules: Rules,
    /// Addresses that may be told of studies, beside those of this machine.
    pub notify: Vec<String>,
    /// Archives that studies may be sent to by DICOMweb.
    pub remotes: Arc<Remotes>,
    /// How long what was deleted is kept.
    pub bin: Duration,
    /// Where it is told what happens.
    pub events: Events,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            works: Vec::new(),
            threads: 2,
            rules: Rules::default(),
            notify: Vec::new(),
            remotes: Arc::default(),
            bin: Duration::from_secs(30 * 24 * 3600),
            events: Events::default(),
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let works: Vec<&str> = self.works.iter().map(|work| work.kind()).collect();
        let rules = self.rules.rules.len();
        formatter
            .debug_struct("Settings")
            .field("works", &works)
            .field("rules", &rules)
            .finish_non_exhaustive()
    }
}

/// The background of a served archive; it ends when it is told to, or dropped.
#[derive(Debug)]
pub(crate) struct Background {
    watch: Watch,
    workers: Workers,
}

impl Background {
    /// Starts it.
    ///
    /// # Errors
    /// [`ServeError::Rule`] for a rule that leads to what nobody here can do; [`ServeError::Store`], [`ServeError::Threads`].
    pub(crate) fn start(
        store: &Arc<Store>,
        settings: &Settings,
        entity: &Entity,
        ledger: Option<&Arc<Ledger>>,
    ) -> Result<Self, ServeError> {
        let send = SendStudy {
            store: Arc::clone(store),
            ledger: ledger.cloned(),
            ae_title: entity.ae_title.clone(),
            peers: entity.peers.clone(),
            timeout: entity.timeout,
        };
        let mut works: Vec<Arc<dyn Work>> = vec![
            Arc::new(send),
            Arc::new(SendWeb {
                store: Arc::clone(store),
                ledger: ledger.cloned(),
                remotes: Arc::clone(&settings.remotes),
            }),
            Arc::new(Notify::new(Arc::clone(store), settings.notify.clone())),
            Arc::new(EmptyBin::new(Arc::clone(store), ledger.cloned(), settings.bin)),
        ];
        works.extend(settings.works.iter().cloned());
        for rule in &settings.rules.rules {
            let missing = rule.then.iter().find(|one| works.iter().all(|work| work.kind() != one.kind()));
            if let Some(missing) = missing.filter(|_| rule.enabled) {
                let (rule, kind) = (rule.name.clone(), missing.kind());
                return Err(ServeError::Rule { rule, kind });
            }
        }
        let workers =
            Workers::start(store, works, settings.threads, &settings.events).map_err(ServeError::Threads)?;
        let rules = Arc::new(settings.rules.clone());
        let watch = Watch::start(store, rules, &settings.events, settings.bin)?;
        Ok(Self { watch, workers })
    }

    /// Lets no rule look at studies any more, and puts back what workers have in hand.
    pub(crate) fn stop(&mut self) {
        self.watch.stop();
        self.workers.stop();
    }
}
