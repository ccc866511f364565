//! Serves an archive alone, without the rest of the program: `archive FOLDER [HTTP] [DIMSE] [AE@HOST:PORT ...] [RULES.toml]`.
//! HL7 messages are listened for where WILHELM_SERVER_HL7 says; OHIF is served from the folder of WILHELM_SERVER_OHIF. With
//! WILHELM_ARCHIVE_PASSWORD there is sign-in, for the accounts `radiologist` and `technologist` with that password, and an audit log;
//! addresses `http://...` are archives to send to.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;
use wilhelm_privacy::account::{Access, AccountsFile, Policy, Role, UserName};
use wilhelm_privacy::audit::{AuditKey, AuditLog};
use wilhelm_privacy::{Secret, SystemEntropy};
use wilhelm_server::dimse::{Peer, Settings as Entity};
use wilhelm_server::hl7::Settings as Messages;
use wilhelm_server::rules::{Reach, Rules};
use wilhelm_server::web::Remotes;
use wilhelm_server::{JobSettings, Ledger, Server, Settings, SignIn};
use wilhelm_store::Store;

/// Two accounts with one password, and a log under a key of its own.
fn accounts(folder: &Path, password: &str) -> Result<(Arc<SignIn>, Arc<Ledger>), Box<dyn std::error::Error>> {
    let (policy, entropy) = (Policy::default(), &mut SystemEntropy::default());
    let file = AccountsFile::new(folder.join("accounts.json"));
    for role in [Role::Radiologist, Role::Technologist] {
        let (name, now) = (UserName::parse(role.name())?, Utc::now());
        let first = file.change(|all| all.add(&name, [role].into(), Access::to_all(), now, entropy))?;
        let challenge = file.change(|all| all.begin_sign_in(name.as_str(), now, &policy))?;
        let checked = challenge.check(first.expose());
        file.change(|all| all.set_password(&checked, password, None, &policy, entropy))?;
    }
    let key = AuditKey::new(&Secret::random(entropy)?);
    let log = AuditLog::open(&folder.join("audit"), key, Utc::now())?;
    Ok((Arc::new(SignIn::new(file, policy)?), Arc::new(Ledger::new(log))))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let started = Instant::now();
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("expected a folder")?);
    let address =
        |text: Option<String>| text.unwrap_or_else(|| "127.0.0.1:0".to_owned()).parse::<SocketAddr>();
    let (http, dimse) = (address(arguments.next())?, address(arguments.next())?);
    let mut entity = Entity::default();
    let (mut rules, mut web) = (None, Vec::new());
    for peer in arguments {
        if peer.ends_with(".toml") {
            rules = Some(std::fs::read_to_string(peer)?);
            continue;
        }
        if peer.contains("://") {
            web.push(peer);
            continue;
        }
        let (title, place) = peer.split_once('@').ok_or("expected AE@HOST:PORT")?;
        let (host, port) = place.rsplit_once(':').ok_or("expected AE@HOST:PORT")?;
        entity.peers.push(Peer { ae_title: title.to_owned(), host: host.to_owned(), port: port.parse()? });
    }
    let store = Store::open(&folder, wilhelm_store::Settings::default())?;
    let hl7 = std::env::var("WILHELM_SERVER_HL7").ok().filter(|text| !text.is_empty());
    let hl7 = hl7.map(|text| text.parse::<SocketAddr>()).transpose()?;
    let reach = Reach { peers: entity.peers.clone(), web: web.clone(), ..Reach::default() };
    let rules = Rules::parse(rules.as_deref().unwrap_or_default(), &reach)?;
    let password = std::env::var("WILHELM_ARCHIVE_PASSWORD").ok().filter(|text| !text.is_empty());
    let (sign_in, ledger) = match password {
        Some(password) => accounts(&folder, &password).map(|(one, other)| (Some(one), Some(other)))?,
        None => (None, None),
    };
    let settings = Settings {
        ohif: std::env::var_os("WILHELM_SERVER_OHIF").map(PathBuf::from),
        hl7: hl7.map(|address| (address, Messages::default())),
        jobs: JobSettings {
            rules,
            remotes: Arc::new(Remotes::new(&web, None, None)?),
            ..JobSettings::default()
        },
        sign_in,
        ledger,
        ..Settings::open(http, Some(dimse), entity)
    };
    let mut server = Server::start(store, settings)?;
    let orders = server.orders()?;
    let dimse = server.dimse().ok_or("no listener")?;
    let elapsed = u64::try_from(started.elapsed().as_millis())?;
    let http = format!("http://{}", server.http());
    let line = serde_json::json!({ "http": http, "dimse": dimse.to_string(), "hl7": server.hl7().map(|at| at.to_string()), "started_ms": elapsed });
    writeln!(std::io::stdout(), "{line:#}")?;
    orders.wait();
    server.stop();
    Ok(())
}
