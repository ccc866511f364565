//! HL7 messages as senders send them, and what they do to the worklist and the catalog.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use wilhelm_server::dimse::Settings as Entity;
use wilhelm_server::hl7::Settings as Messages;
use wilhelm_server::{ServeError, Server, Settings};
use wilhelm_store::ScheduledStep;

use crate::site::{LOOPBACK, Site, served_with, settings, slice};

const STEP: Tag = tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE;

fn site() -> Site {
    served_with(|_| {
        let here = LOOPBACK.parse().expect("an address");
        Settings { hl7: Some((here, Messages::default())), ..settings(Entity::default()) }
    })
}

struct Sender(TcpStream);

impl Sender {
    fn to(site: &Site) -> Self {
        let stream = TcpStream::connect(site.server.hl7().expect("listened for")).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
        Self(stream)
    }

    fn pour(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("written");
    }

    /// The next answer, without its block.
    fn answer(&mut self) -> String {
        let mut whole = Vec::new();
        let mut byte = [0];
        while !whole.ends_with(&[0x1C, b'\r']) {
            self.0.read_exact(&mut byte).expect("an answer");
            whole.push(byte[0]);
        }
        String::from_utf8(whole[1..whole.len() - 2].to_vec()).expect("text")
    }

    /// Sends a message; its segments stand on lines.
    fn send(&mut self, message: &str) -> String {
        let segments: String = message.lines().map(|line| format!("{}\r", line.trim())).collect();
        self.pour(format!("\x0b{segments}\x1c\r").as_bytes());
        self.answer()
    }
}

fn order(control: &str, more: &str) -> String {
    format!(
        "MSH|^~\\&|RIS|HOSP|WILHELM||20260704120000||ORM^O01^ORM_O01|M1|P|2.5.1||||||UNICODE UTF-8
         PID|1||P1^^^HOSP^PI||Müller^Hans^Peter^Jr^Dr||19600229|M
         PV1|1|I|WARD^2^3|||||77^Roe^Richard|||||||||||V9
         ORC|{control}|A1^RIS|F1^PACS||SC||1^^^20260705093000^^S
         OBR|1|A1|F1|CTHEAD^CT head^L^P5^Head plain^L||||||||||||88^Poe^Edgar||ACC1|RP1|SPS1|CT1|||CT
         {more}"
    )
}

fn scheduled(site: &Site) -> Vec<ScheduledStep> {
    site.store.worklist(&[], 100, 0).expect("answers")
}

#[test]
fn an_order_is_made_changed_and_canceled() {
    let site = site();
    let mut sender = Sender::to(&site);
    let answer = sender.send(&order("NW", "ZDS|1.2.3.4^^Application^DICOM"));
    assert!(answer.contains("|ACK^O01|") && answer.ends_with("MSA|AA|M1\r"), "{answer}");
    let steps = scheduled(&site);
    let expected: [(&[Tag], &str); 20] = [
        (&[tags::PATIENT_NAME], "M\u{fc}ller^Hans^Peter^Dr^Jr"),
        (&[tags::PATIENT_ID], "P1"),
        (&[tags::ISSUER_OF_PATIENT_ID], "HOSP"),
        (&[tags::PATIENT_BIRTH_DATE], "19600229"),
        (&[tags::PATIENT_SEX], "M"),
        (&[tags::ADMISSION_ID], "V9"),
        (&[tags::CURRENT_PATIENT_LOCATION], "WARD 2 3"),
        (&[tags::REFERRING_PHYSICIAN_NAME], "Roe^Richard"),
        (&[tags::REQUESTING_PHYSICIAN], "Poe^Edgar"),
        (&[tags::ACCESSION_NUMBER], "ACC1"),
        (&[tags::STUDY_INSTANCE_UID], "1.2.3.4"),
        (&[tags::REQUESTED_PROCEDURE_ID], "RP1"),
        (&[tags::REQUESTED_PROCEDURE_PRIORITY], "STAT"),
        (&[tags::REQUESTED_PROCEDURE_CODE_SEQUENCE, tags::CODE_VALUE], "CTHEAD"),
        (&[STEP, tags::SCHEDULED_PROTOCOL_CODE_SEQUENCE, tags::CODE_MEANING], "Head plain"),
        (&[STEP, tags::SCHEDULED_STATION_AE_TITLE], "CT1"),
        (&[STEP, tags::MODALITY], "CT"),
        (&[STEP, tags::SCHEDULED_PROCEDURE_STEP_START_DATE], "20260705"),
        (&[STEP, tags::SCHEDULED_PROCEDURE_STEP_START_TIME], "093000"),
        (&[STEP, tags::SCHEDULED_PROCEDURE_STEP_ID], "SPS1"),
    ];
    for (place, value) in expected {
        assert_eq!(steps[0].text(place), value, "{place:?}");
    }
    // Sent again, as its answer was lost; then moved to another scanner.
    assert!(sender.send(&order("NW", "")).contains("MSA|AA|"));
    assert_eq!(scheduled(&site).len(), 1);
    assert!(sender.send(&order("XO", "").replace("|CT1|", "|CT2|")).contains("MSA|AA|"));
    assert_eq!(scheduled(&site)[0].text(&[STEP, tags::SCHEDULED_STATION_AE_TITLE]), "CT2");
    let other = sender.send(&order("CA", "").replace("P1^^^HOSP", "P2^^^HOSP"));
    assert!(other.contains("MSA|AE|M1|the order is of another patient"), "{other}");
    assert!(sender.send(&order("CA", "")).contains("MSA|AA|"));
    assert!(scheduled(&site).is_empty());
    let late = sender.send(&order("XO", ""));
    assert!(late.contains("MSA|AE|") && late.contains("canceled") && !late.contains("ller"), "{late}");
}

#[test]
fn an_imaging_order_has_a_step_for_each_of_its_segments() {
    let site = site();
    let mut sender = Sender::to(&site);
    let message = "MSH|^~\\&|RIS|H|W|A|20260704||OMI^O23^OMI_O23|M3|P|2.5.1
        PID|||P1^^^H||Doe^Jane
        ORC|NW|A2
        TQ1|1||||||20260705101500||R
        OBR|1|A2||MR1^Knee^L
        IPC|ACC2|RP2|1.2.3|S1|MR|P1^Knee plain^L|Room 1|Wing|MR1
        IPC|ACC2|RP2|1.2.3|S2|MR|P2^Knee contrast^L|Room 1|Wing|MR1";
    assert!(sender.send(message).contains("MSA|AA|M3"));
    let steps = scheduled(&site);
    let of = |number: usize, tag: Tag| steps[number].text(&[STEP, tag]);
    assert_eq!(
        [of(0, tags::SCHEDULED_PROCEDURE_STEP_ID), of(1, tags::SCHEDULED_PROCEDURE_STEP_ID)],
        ["S1", "S2"]
    );
    assert_eq!(of(1, tags::SCHEDULED_PROCEDURE_STEP_DESCRIPTION), "Knee contrast");
    assert_eq!(of(0, tags::SCHEDULED_PROCEDURE_STEP_START_TIME), "101500");
}

#[test]
fn what_is_missing_is_named_and_no_value_is_repeated() {
    let site = site();
    let mut sender = Sender::to(&site);
    for (from, to, expected) in [
        ("|CT1|||CT", "|CT1|||", "MSA|AE|M1|OBR-24 or IPC-5 is empty"),
        ("20260705093000", "2026-07-05", "MSA|AE|M1|ORC-7 is no date and time"),
        ("P1^^^HOSP^PI", "", "MSA|AE|M1|PID-3 is empty"),
        ("ACC1", "ACC1234567890123X", "MSA|AE|M1|OBR-18 has 17 characters, DICOM allows 16"),
        ("1.2.3.4^", "1.2.x^", "MSA|AE|M1|ZDS-1 is no UID"),
        ("ORC|NW", "ORC|ZZ", "MSA|AE|M1|ORC-1 is none of"),
        ("ORM^O01^ORM_O01", "ORU^R01^ORU_R01", "MSA|AR|M1|only ORM"),
        ("ORM^O01^ORM_O01", "ADT^A01^ADT_A01", "MSA|AR|M1|of ADT only A08"),
        ("|2.5.1|", "|3|", "MSA|AR|M1|MSH-12"),
        ("UNICODE UTF-8", "8859/15", "MSA|AE||MSH-18 names"),
        ("UNICODE UTF-8", "", "MSA|AE|M1|segment 2 has bytes"),
        ("PID|1|", "ZZZ|1|", "MSA|AE|M1|there is no PID"),
        ("ORC|NW", "ZZZ|NW", "MSA|AE|M1|there is no ORC"),
        ("|Müller^", "|M\\X\\ller^", "MSA|AE|M1|PID-5 has an escape sequence"),
        ("PID|1|", "P|1|", "MSA|AE|M1|segment 2 does not begin"),
    ] {
        let message = order("NW", "ZDS|1.2.3.4^^Application^DICOM");
        assert!(message.contains(from), "{from}");
        let answer = sender.send(&message.replacen(from, to, 1));
        assert!(answer.contains(expected), "{from}: {answer}");
        assert!(!answer.contains("ller") && !answer.contains("P1^"), "{answer}");
    }
    assert!(scheduled(&site).is_empty());
}

#[test]
fn patients_are_merged_and_renamed_in_the_catalog() {
    let site = site();
    site.send(&[slice(0)]);
    let before = site.json("/dicom-web/studies");
    let id = before[0]["00100020"]["Value"][0].as_str().expect("an ID").to_owned();
    let mut sender = Sender::to(&site);
    let head = |event: &str| format!("MSH|^~\\&|ADT|H|W|A|20260704||ADT^{event}|M2|P|2.3.1||||||8859/1\r");
    let rename = format!("{}PID|||{id}^^^H||", head("A08"));
    let mut block = vec![0x0B];
    block.extend_from_slice(rename.as_bytes());
    block.extend_from_slice(b"M\xfcller^Anna||19700101|F\r\x1c\r");
    sender.pour(&block);
    let answer = sender.answer();
    assert!(answer.contains("MSA|AA|M2"), "{answer}");
    let renamed = site.json("/dicom-web/studies?PatientName=m%C3%BCller*");
    assert_eq!(renamed[0]["00100030"]["Value"][0], "19700101", "{renamed}");
    let merge = format!("{}PID|||NEW^^^H||Miller^Anna\rMRG|{id}^^^H\r", head("A40"));
    let answer = sender.send(&merge.replace('\r', "\n"));
    assert!(answer.contains("MSA|AA|M2"), "{answer}");
    let merged = site.json("/dicom-web/studies?PatientID=NEW");
    let uid = merged[0]["0020000D"]["Value"][0].as_str().expect("a UID");
    let history = site.store.patient_history(uid).expect("a history");
    let kinds: Vec<&str> = history.iter().map(|one| one.kind.as_str()).collect();
    assert_eq!(kinds, ["update", "merge"]);
    assert_eq!(history[1].source, "HL7 ADT M2");
    // The survivor's number is the one of MRG's issuer and type.
    let list = |mrg: &str| {
        let numbers = "A1^^^X^MR~B1^^^H^PI~B2^^^H^MR";
        format!("{}PID|||{numbers}||Miller^Anna\rMRG|{mrg}\r", head("A40")).replace('\r', "\n")
    };
    for unknown in ["NEW^^^Z^MR", "NEW^^^H^AN", "NEW^^^H"] {
        let answer = sender.send(&list(unknown));
        assert!(answer.contains("MSA|AE|M2|PID-3 has no identifier"), "{answer}");
    }
    assert!(sender.send(&list("NEW^^^H^MR")).contains("MSA|AA|M2"));
    assert_eq!(site.json("/dicom-web/studies?PatientID=B2")[0]["0020000D"]["Value"][0].as_str(), Some(uid));
    let twice = sender.send(&format!("{merge}PID|||X\rMRG|Y\r").replace('\r', "\n"));
    assert!(twice.contains("MSA|AE|M2|there are 2 PID"), "{twice}");
}

#[test]
fn a_line_of_noise_ends_alone_and_the_next_is_served() {
    let site = site();
    let mut noisy = Sender::to(&site);
    noisy.pour(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    let mut long = Sender::to(&site);
    let head = "\x0bMSH|^~\\&|RIS|H|W|A|20260704||ORM^O01|LONG|P|2.5\r";
    long.pour(head.as_bytes());
    long.pour(&vec![b'x'; (1 << 20) + 1]);
    long.pour(b"\x1c\r");
    let answer = long.answer();
    assert!(answer.contains("MSA|AE|LONG|the message is longer"), "{answer}");
    // The same connection goes on.
    assert!(long.send(&order("NW", "")).contains("MSA|AA|"));
    let answer = noisy.send("PID|1");
    assert!(answer.contains("MSA|AE||the message does not begin with MSH"), "{answer}");
}

#[test]
fn an_address_that_others_reach_wants_its_senders_listed() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = wilhelm_store::Store::open(folder.path(), wilhelm_store::Settings::default()).expect("opens");
    let exposed = "0.0.0.0:0".parse().expect("an address");
    let open = Settings { hl7: Some((exposed, Messages::default())), ..settings(Entity::default()) };
    let refused = Server::start(std::sync::Arc::clone(&store), open).expect_err("refused");
    assert!(matches!(&refused, ServeError::Exposed { what: "server.hl7", .. }), "{refused}");
    // Listed are others: who calls from here is hung up on.
    let messages = Messages { peers: vec!["192.0.2.7".to_owned()], ..Messages::default() };
    let here = LOOPBACK.parse().expect("an address");
    let listed = Settings { hl7: Some((here, messages)), ..settings(Entity::default()) };
    let server = Server::start(store, listed).expect("a server");
    let mut stream = TcpStream::connect(server.hl7().expect("listened for")).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    let mut rest = Vec::new();
    assert!(stream.read_to_end(&mut rest).is_ok() && rest.is_empty());
}
