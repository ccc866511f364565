//! `wilhelm serve --demo`: sample studies in an archive of their own, read before the first visitor comes.

use std::path::PathBuf;

use chrono::Utc;
use wilhelm_server::desk::{Desk, read_study};
use wilhelm_store::{Expected, Level, Query, Receipt, Store};

use crate::config::Config;
use crate::exit::Stop;
use crate::progress::Line;

/// The studies; `testdata/demo/SOURCE.md` says whose images they are.
const STUDIES: [&[u8]; 3] = [
    include_bytes!("../../../../../testdata/demo/chest.dcm"),
    include_bytes!("../../../../../testdata/demo/breast.dcm"),
    include_bytes!("../../../../../testdata/demo/brain.dcm"),
];

/// Who asked for the readings.
const BY: &str = "demo";

/// Where the archive of the demonstration is kept, so that what was edited is there the next time.
pub fn folder(config: &Config) -> PathBuf {
    config.cache().join("demo")
}

/// The configuration of the demonstration: its audit log has a key of its own beside it, and no language model is waited for.
pub fn config(config: &Config) -> Config {
    let mut own = config.clone();
    let folder = folder(config);
    own.values.audit.folder = folder.join("audit").display().to_string();
    own.values.audit.key_file = folder.join("audit.key").display().to_string();
    own.values.archive.sealed = false;
    own.values.llm.enabled = false;
    own
}

/// Takes the studies into the archive and reads those that were not read yet.
pub fn fill(store: &Store, desk: &Desk) -> anyhow::Result<()> {
    for bytes in STUDIES {
        let mut arriving = store.arrive();
        arriving.write(bytes)?;
        match store.take(arriving, Expected::default())?.pending.wait()? {
            Receipt::AlreadyThere => {}
            receipt => tracing::debug!(?receipt, "a sample study"),
        }
    }
    let line = Line::new("reading");
    for study in store.query(&Query::new(Level::Study))? {
        let uid = study.text(dicom_dictionary_std::tags::STUDY_INSTANCE_UID).to_owned();
        if !store.reports().of_study(&uid)?.is_empty() {
            continue;
        }
        let mut say = |words: &str, done: usize, total: usize| {
            line.say(words);
            line.at(done, total);
            true
        };
        read_study(desk, &uid, BY, Utc::now(), &mut say).map_err(|error| Stop::ours(error.to_string()))?;
    }
    Ok(())
}
