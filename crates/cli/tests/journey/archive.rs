//! `wilhelm serve`, `store` and `send dicom`: an archive as a person starts it, fills it and asks it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json as value};

#[path = "../../src/verbs/send_tls/certificate.rs"]
#[expect(dead_code, reason = "a certificate of the past and one of the future are for other tests")]
mod certificate;

use super::{code, json, path, root, stderr};

const PASSWORD: &str = "correct horse battery";

/// A folder with a configuration and an archive of its own.
pub struct Home(tempfile::TempDir);

impl Home {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wilhelm"));
        command
            .args(arguments)
            .current_dir(root())
            .env("XDG_CONFIG_HOME", self.path().join("config"))
            .env("XDG_DATA_HOME", self.path().join("data"))
            .env("WILHELM_CACHE", "/nonexistent/wilhelm")
            .env("USER", "jane")
            .env_remove("WILHELM_CONFIG")
            .env_remove("WILHELM_AUDIT_FOLDER");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, "")
    }

    fn run_with(&self, arguments: &[&str], stdin: &str) -> Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        let _ = child.stdin.take().expect("a pipe").write_all(stdin.as_bytes());
        child.wait_with_output().expect("the program ends")
    }

    /// Serves the archive until it is dropped.
    pub fn serve(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Served {
        let here = ["serve", "--http", "127.0.0.1:0", "--dimse", "127.0.0.1:0", "--json"];
        let mut command = self.command(&[&here[..], arguments].concat());
        command.envs(settings.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut text = String::new();
        while let Some(Ok(line)) = lines.next() {
            text.push_str(&line);
            if line == "}" {
                break;
            }
        }
        let Ok(answer) = serde_json::from_str::<Value>(&text) else {
            let output = child.wait_with_output().expect("the program ends");
            panic!("nothing is served: {}", stderr(&output));
        };
        Served { child: Some(child), answer }
    }
}

/// An archive that is served.
pub struct Served {
    child: Option<Child>,
    answer: Value,
}

impl Served {
    fn http(&self) -> &str {
        self.answer["http"].as_str().and_then(|url| url.split_once("://")).expect("an address").1
    }

    pub fn dimse(&self) -> String {
        format!("WILHELM@{}", self.answer["dimse"].as_str().expect("an address"))
    }

    /// Status, heads and body of a request.
    pub fn request(&self, head: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
        exchange(TcpStream::connect(self.http()).expect("a connection"), head, body)
    }

    /// Asks it to end and waits.
    pub fn stop(mut self) -> Output {
        let child = self.child.take().expect("it is served");
        let killed = Command::new("kill").arg(child.id().to_string()).status();
        assert!(killed.expect("kill is there").success());
        let output = child.wait_with_output().expect("the program ends");
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        output
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn exchange(mut stream: impl Read + Write, head: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
    let (line, rest) = head.split_once('\n').unwrap_or((head, ""));
    let heads: String = rest.lines().map(|line| format!("{line}\r\n")).collect();
    let text = format!("{line} HTTP/1.0\r\nHost: localhost\r\n{heads}Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(text.as_bytes()).and_then(|()| stream.write_all(body)).expect("written");
    let mut answer = Vec::new();
    // Under TLS the other side may hang up without a farewell.
    let _ = stream.read_to_end(&mut answer);
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("heads");
    let heads = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = heads.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    (status, heads, answer[end + 4..].to_vec())
}

fn chest() -> PathBuf {
    root().join("testdata/chest_xray/chest_pa.dcm")
}

#[test]
fn files_are_taken_in_listed_checked_and_a_changed_one_is_named() {
    let home = Home::new();
    let imported = home.run(&["store", "import", path(&chest()), "testdata/brain_mr", "--json"]);
    assert_eq!(code(&imported), 0, "{}", stderr(&imported));
    let counts = json(&imported.stdout);
    assert_eq!((&counts["stored"], &counts["refused"]), (&value!(1), &value!([])));
    assert!(counts["no_dicom"].as_u64() >= Some(1), "{counts}");
    let again = home.run(&["store", "import", path(&chest())]);
    assert!(String::from_utf8_lossy(&again.stdout).starts_with("0 stored, 1 already there"));
    let listed = json(&home.run(&["store", "list", "--json"]).stdout);
    assert_eq!(listed[0]["objects"], "1");
    let checked = home.run(&["store", "check", "--json"]);
    assert_eq!((code(&checked), &json(&checked.stdout)["sound"]), (0, &value!(true)));
    let objects = home.path().join("data/wilhelm/archive/objects");
    let file = walk(&objects).pop().expect("an object's file");
    let mut bytes = std::fs::read(&file).expect("read");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&file, bytes).expect("written");
    let checked = home.run(&["store", "check", "--json"]);
    assert_eq!((code(&checked), &json(&checked.stdout)["faults"][0]["fault"]), (1, &value!("changed")));
    let missing = home.run(&["store", "import", "/nonexistent"]);
    assert_eq!(code(&missing), 3);
    assert!(stderr(&missing).contains("/nonexistent is not readable"), "{}", stderr(&missing));
}

/// The files below a folder.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn an_open_archive_takes_what_is_sent_and_others_wait_for_it() {
    let home = Home::new();
    let served = home.serve(&["--open"], &[]);
    let sent = home.run(&["send", "dicom", path(&chest()), "--to", &served.dimse(), "--json"]);
    assert_eq!((code(&sent), &json(&sent.stdout)["sent"]), (0, &value!(1)), "{}", stderr(&sent));
    let verified = home.run(&["send", "dicom", "--to", &served.dimse()]);
    assert_eq!(code(&verified), 0, "{}", stderr(&verified));
    let (status, _, studies) = served.request("GET /dicom-web/studies", b"");
    assert_eq!((status, json(&studies).as_array().map(Vec::len)), (200, Some(1)));
    let (_, _, me) = served.request("GET /api/session", b"");
    assert_eq!(json(&me)["open"], true);
    let busy = home.run(&["store", "list"]);
    assert_eq!(code(&busy), 2);
    assert!(stderr(&busy).contains("in use by another program: stop it first"), "{}", stderr(&busy));
    let output = served.stop();
    assert!(stderr(&output).contains("--open: whoever uses this machine"), "{}", stderr(&output));
    let verdict = home.run(&["audit", "verify"]);
    assert_eq!(code(&verdict), 0, "{}", String::from_utf8_lossy(&verdict.stdout));
    let shown = json(&home.run(&["audit", "show", "--action", "study.received", "--json"]).stdout);
    assert_eq!(shown["entries"].as_array().map(Vec::len), Some(1), "{shown}");
    let far = home.run(&["send", "dicom", "--to", "THERE@192.0.2.7:104"]);
    assert_eq!(code(&far), 2, "a host that is not listed: {}", stderr(&far));
}

#[test]
fn the_first_start_makes_an_administrator_whose_password_no_log_holds() {
    let home = Home::new();
    let output = home.serve(&[], &[]).stop();
    let text = stderr(&output);
    let file = home.path().join("config/wilhelm/first-password");
    let secret = std::fs::read_to_string(&file).expect("a password").trim().to_owned();
    assert!(text.contains("the first account is administrator") && !text.contains(&secret), "{text}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains(&secret));
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::MetadataExt::mode(&file.metadata().expect("a file"));
        assert_eq!(mode & 0o777, 0o600);
    }
    let changed = home.run_with(&["users", "password", "administrator"], &format!("{secret}\n{PASSWORD}\n"));
    assert_eq!(code(&changed), 0, "{}", stderr(&changed));
    let added = home.run(&["users", "add", "jane", "--role", "viewer", "--all", "--json"]);
    assert_eq!(code(&added), 0, "{}", stderr(&added));
    let served = home.serve(&[], &[]);
    assert_eq!(served.request("GET /dicom-web/studies", b"").0, 401);
    let body = value!({ "name": "administrator", "password": PASSWORD }).to_string();
    let head = "POST /api/session\nContent-Type: application/json";
    let (status, heads, answer) = served.request(head, body.as_bytes());
    assert_eq!((status, &json(&answer)["role"]), (200, &value!("administrator")));
    let cookie = heads.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
    let cookie = cookie.split(';').next().expect("a pair");
    let (status, _, refused) = served.request(&format!("GET /dicom-web/studies\nCookie: {cookie}"), b"");
    assert_eq!(status, 403, "who keeps accounts reads no study");
    assert!(json(&refused)["detail"].as_str().is_some_and(|detail| detail.contains("study.see")));
    // A token that is made while the archive is served is good at once.
    let made = home.run(&["users", "token", "jane", "--scope", "study.see", "--json"]);
    let token = json(&made.stdout)["token"].as_str().expect("a token").to_owned();
    let (status, ..) = served.request(&format!("GET /dicom-web/studies\nAuthorization: Bearer {token}"), b"");
    assert_eq!(status, 200);
    served.stop();
    assert_eq!(code(&home.run(&["audit", "verify"])), 0);
}

#[test]
fn an_address_that_others_reach_wants_sign_in_and_tls() {
    let home = Home::new();
    for arguments in [&["--open"][..], &[]] {
        let output = home.run(&[&["serve", "--http", "0.0.0.0:0"], arguments].concat());
        assert_eq!(code(&output), 2);
        assert!(stderr(&output).contains("wants sign-in, and TLS"), "{}", stderr(&output));
    }
    let half = home.command(&["serve"]).env("WILHELM_SERVER_TLS_KEY", "key.pem").output().expect("runs");
    assert_eq!(code(&half), 2);
    assert!(stderr(&half).contains("go together"), "{}", stderr(&half));
}

#[test]
fn under_tls_the_cookie_is_for_tls_alone() {
    let home = Home::new();
    let authority = certificate::authority("A test");
    let host = certificate::signed(&authority, "localhost", certificate::ALWAYS);
    let (certificate, key) = (home.path().join("certificate.pem"), home.path().join("key.pem"));
    std::fs::write(&certificate, host.certificate_pem()).expect("written");
    std::fs::write(&key, host.key_pem()).expect("written");
    let settings =
        [("WILHELM_SERVER_TLS_CERTIFICATE", path(&certificate)), ("WILHELM_SERVER_TLS_KEY", path(&key))];
    let served = home.serve(&[], &settings);
    assert!(served.answer["http"].as_str().is_some_and(|url| url.starts_with("https://")));
    let mut roots = RootCertStore::empty();
    roots.add(authority.chain().remove(0)).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    let ask = |head: &str, body: &[u8]| {
        let name = "localhost".try_into().expect("a name");
        let connection = ClientConnection::new(Arc::clone(&config), name).expect("a client");
        let socket = TcpStream::connect(served.http()).expect("a connection");
        socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
        exchange(StreamOwned::new(connection, socket), head, body)
    };
    let secret = std::fs::read_to_string(home.path().join("config/wilhelm/first-password")).expect("made");
    let body = value!({ "name": "administrator", "password": secret.trim() }).to_string();
    let (status, heads, answer) = ask("POST /api/session\nContent-Type: application/json", body.as_bytes());
    assert_eq!((status, &json(&answer)["must_change_password"]), (200, &value!(true)));
    assert!(heads.contains("; Secure") && heads.contains("strict-transport-security"), "{heads}");
    // Someone who speaks without TLS holds nobody up.
    let mut plain = TcpStream::connect(served.http()).expect("a connection");
    plain.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("written");
    assert_eq!(ask("GET /health", b"").0, 200);
}
