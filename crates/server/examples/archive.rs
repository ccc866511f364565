//! Serves an archive alone, without the rest of the program: `archive FOLDER [HTTP] [DIMSE] [AE@HOST:PORT ...] [RULES.toml]`.
//! HL7 messages are listened for where WILHELM_SERVER_HL7 says.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

use wilhelm_server::dimse::{Peer, Settings as Entity};
use wilhelm_server::hl7::Settings as Messages;
use wilhelm_server::rules::{Reach, Rules};
use wilhelm_server::{JobSettings, Server, Settings};
use wilhelm_store::Store;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let started = Instant::now();
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("expected a folder")?);
    let address =
        |text: Option<String>| text.unwrap_or_else(|| "127.0.0.1:0".to_owned()).parse::<SocketAddr>();
    let (http, dimse) = (address(arguments.next())?, address(arguments.next())?);
    let mut entity = Entity::default();
    let mut rules = None;
    for peer in arguments {
        if peer.ends_with(".toml") {
            rules = Some(std::fs::read_to_string(peer)?);
            continue;
        }
        let (title, place) = peer.split_once('@').ok_or("expected AE@HOST:PORT")?;
        let (host, port) = place.rsplit_once(':').ok_or("expected AE@HOST:PORT")?;
        entity.peers.push(Peer { ae_title: title.to_owned(), host: host.to_owned(), port: port.parse()? });
    }
    let store = Store::open(&folder, wilhelm_store::Settings::default())?;
    let hl7 = std::env::var("WILHELM_SERVER_HL7").ok().filter(|text| !text.is_empty());
    let hl7 = hl7.map(|text| text.parse::<SocketAddr>()).transpose()?;
    let reach = Reach { peers: entity.peers.clone(), notify: Vec::new() };
    let rules = Rules::parse(rules.as_deref().unwrap_or_default(), &reach)?;
    let settings = Settings {
        hl7: hl7.map(|address| (address, Messages::default())),
        jobs: JobSettings { rules, ..JobSettings::default() },
        ..Settings::open(http, Some(dimse), entity)
    };
    let mut server = Server::start(store, settings)?;
    let dimse = server.dimse().ok_or("no listener")?;
    let elapsed = u64::try_from(started.elapsed().as_millis())?;
    let http = format!("http://{}", server.http());
    let line = serde_json::json!({ "http": http, "dimse": dimse.to_string(), "hl7": server.hl7().map(|at| at.to_string()), "started_ms": elapsed });
    writeln!(std::io::stdout(), "{line:#}")?;
    server.wait();
    server.stop();
    Ok(())
}
