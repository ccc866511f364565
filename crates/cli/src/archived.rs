//! A study of the archive as series, out of memory: what lies sealed is never written in the clear.

use std::sync::Arc;

use wilhelm_formats::{Progress, Reading, read_bytes};
use wilhelm_store::{Located, Place, Store};
use wilhelm_study::StudyInstanceUid;

use crate::config::Config;
use crate::exit::Stop;

/// All bytes of an object.
fn bytes(store: &Store, located: &Located) -> anyhow::Result<Vec<u8>> {
    let content = store.content(located)?;
    let length = usize::try_from(content.length())
        .map_err(|_| Stop::input("an object is larger than this machine's memory"))?;
    let mut bytes = vec![0; length];
    let read = content.read_at(0, &mut bytes)?;
    if read != length {
        return Err(Stop::input(format!(
            "an object of {length} bytes ended after {read}: 'wilhelm store check' names it"
        )));
    }
    Ok(bytes)
}

/// A study's objects that are images, each by its SOP Instance UID. All of them together may have as many bytes as an archive may
/// expand to.
fn objects(store: &Store, uid: &str, config: &Config) -> anyhow::Result<Vec<(String, Arc<[u8]>)>> {
    let study = StudyInstanceUid::new(uid).map_err(|error| Stop::input(error.to_string()))?;
    let located = store.locate(&Place { study_uid: study, series_uid: None, sop_uid: None })?;
    let images: Vec<Located> = located.into_iter().filter(|one| one.pixels.is_some()).collect();
    let (total, limit) = (images.iter().map(|one| one.bytes).sum::<u64>(), config.limits().expansion_bytes);
    if total > limit {
        return Err(Stop::input(format!(
            "the images of the study have {total} bytes, and {limit} are read at once: limits.expansion_bytes"
        )));
    }
    images.iter().map(|one| Ok((one.sop_uid.clone(), bytes(store, one)?.into()))).collect()
}

/// Reads a study's images.
pub fn reading(
    store: &Store,
    uid: &str,
    config: &Config,
    progress: &dyn Progress,
) -> anyhow::Result<Reading> {
    Ok(read_bytes(objects(store, uid, config)?, &config.limits(), progress))
}
