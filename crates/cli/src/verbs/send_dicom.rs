//! `wilhelm send dicom`: objects to another application entity.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use wilhelm_server::dimse::{DimseError, Kind, Outgoing, Requestor};
use wilhelm_store::{Content, Limits, StoreError, describe};

use super::archive::{files_below, peer};
use super::send::allowed;
use crate::args;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};

/// Most objects of one association: their kinds have to fit into its contexts.
const TOGETHER: usize = 1000;

fn outgoing(path: &Path) -> Result<Outgoing, StoreError> {
    let failed = |source| StoreError::Io { action: "reading", path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let content = Content::File { file, length };
    let described = describe(&content, &Limits::default())?;
    Ok(Outgoing {
        sop_class: described.attributes.instance.sop_class,
        sop_uid: described.attributes.sop_uid.as_str().to_owned(),
        transfer_syntax: described.transfer_syntax,
        data_set: described.data_set,
        content: Arc::new(content),
    })
}

pub fn run(verb: &args::SendDicom, config: &Config) -> anyhow::Result<Exit> {
    let peer = peer(&verb.to)
        .ok_or_else(|| Stop::usage(format!("--to is {}, expected TITLE@HOST:PORT", verb.to)))?;
    let place = verb.to.split_once('@').map_or("", |(_, place)| place);
    // Refuses hosts that are not listed before their name is looked up.
    let _ = allowed(place, &config.values.send.hosts)?;
    let timeout = Duration::from_secs(u64::from(config.values.send.timeout_seconds));
    let title = &config.values.server.ae_title;
    let failed = |error: DimseError| Stop::input(format!("{}: {error}", verb.to));
    let (mut sent, mut warned, mut refused) = (0_u64, 0_u64, Vec::new());
    let files = files_below(&verb.paths)?;
    if files.is_empty() {
        let mut requestor = Requestor::associate(&peer, title, &BTreeSet::new(), timeout).map_err(failed)?;
        requestor.echo().map_err(failed)?;
        requestor.release().map_err(failed)?;
    }
    for files in files.chunks(TOGETHER) {
        let mut objects = Vec::new();
        for path in files {
            match outgoing(path) {
                Ok(object) => objects.push((path, object)),
                Err(error) => refused.push((path.display().to_string(), error.to_string())),
            }
        }
        let kinds: BTreeSet<Kind> = objects
            .iter()
            .map(|(_, object)| (object.sop_class.clone(), object.transfer_syntax.clone()))
            .collect();
        let mut requestor = Requestor::associate(&peer, title, &kinds, timeout).map_err(failed)?;
        for (path, object) in &objects {
            match requestor.store(object, None) {
                Ok(0) => sent += 1,
                Ok(_) => {
                    sent += 1;
                    warned += 1;
                }
                Err(error) if Requestor::goes_on_after(&error) => {
                    refused.push((path.display().to_string(), error.to_string()));
                }
                Err(error) => return Err(failed(error)),
            }
        }
        requestor.release().map_err(failed)?;
    }
    if verb.json {
        let refused: Vec<_> =
            refused.iter().map(|(file, reason)| json!({ "file": file, "reason": reason })).collect();
        print_json(&json!({ "to": verb.to, "sent": sent, "with_warning": warned, "refused": refused }))?;
    } else if verb.paths.is_empty() {
        print(&format!("{} answers\n", verb.to))?;
    } else {
        print(&format!("{sent} sent, {warned} of them with a warning, {} refused\n", refused.len()))?;
    }
    for (file, reason) in &refused {
        eprintln!("wilhelm: {file} was not sent: {reason}");
    }
    Ok(if refused.is_empty() { Exit::Done } else { Exit::Defects })
}
