//! Reports in other forms, signed, changed and sent.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::{code, json, path, root, stderr, wilhelm};

const AT: &str = "2026-11-26T22:05:00+01:00";

#[test]
fn a_report_leaves_in_every_form_and_a_signed_one_is_never_written_over() {
    let place = tempfile::tempdir().expect("a folder");
    let out = place.path().join("chest");
    let image = root().join("testdata/chest_xray/chest_pa.dcm");
    let read = |more: &[&str]| {
        let mut arguments = vec!["read", path(&image), "--no-llm", "--out", path(&out)];
        arguments.extend(more);
        wilhelm(&arguments)
    };
    let all = "html,json,text,pdf,fhir,hl7,sr,encapsulated-pdf";
    let output = read(&["--format", all, "--at", AT]);
    assert!(code(&output) <= 1, "{}", stderr(&output));
    let names = [
        "report.html",
        "report.json",
        "report.txt",
        "report.pdf",
        "report.fhir.json",
        "report.hl7",
        "report.sr.dcm",
        "report.pdf.dcm",
        "picture.png",
    ];
    for name in names {
        assert!(out.join(name).is_file(), "{name}");
    }

    let folder = path(&out);
    let by = ["--by", "Doe^Jane", "--at", AT];
    let report = |verb: &str, more: &[&str]| {
        let mut arguments = vec!["report", verb, folder];
        arguments.extend(more);
        wilhelm(&arguments)
    };
    let early = report("addendum", &[&["--text", "Cargo.toml"][..], &by].concat());
    assert_eq!(code(&early), 3);
    assert!(stderr(&early).contains("a report that is draft takes no addendum"), "{}", stderr(&early));
    let signed = report("sign", &[&["--as", "final"][..], &by].concat());
    assert_eq!(code(&signed), 0, "{}", stderr(&signed));
    let again = report("sign", &[&["--as", "final"][..], &by].concat());
    assert_eq!(code(&again), 3);
    let amended = report("amend", &[&["--replace", "S1=Not stated.", "--reason", "wrong"][..], &by].concat());
    assert_eq!(code(&amended), 0, "{}", stderr(&amended));
    let diff = report("diff", &["--json"]);
    assert_eq!(json(&diff.stdout)["changes"][0]["after"], "Not stated.");
    let history = json(&report("history", &["--json"]).stdout);
    let states: Vec<&str> = history["versions"]
        .as_array()
        .expect("versions")
        .iter()
        .filter_map(|v| v["state"].as_str())
        .collect();
    assert_eq!(states, ["draft", "final", "amended"]);

    let over = read(&["--force"]);
    assert_eq!(code(&over), 3);
    assert!(stderr(&over).contains("which nothing writes over"), "{}", stderr(&over));

    let export = |more: &[&str]| report("export", &[&["--at", AT][..], more].concat());
    let exported = export(&["--format", "fhir,sr,pdf", "--source", path(&image)]);
    assert_eq!(code(&exported), 0, "{}", stderr(&exported));
    let bundle = json(&std::fs::read(out.join("v3/report.fhir.json")).expect("written"));
    assert_eq!(bundle["entry"][0]["resource"]["status"], "amended");
    let sourceless = export(&["--format", "sr", "--out", path(&place.path().join("x"))]);
    assert_eq!(code(&sourceless), 3);
    assert!(stderr(&sourceless).contains("sr lies in the study"), "{}", stderr(&sourceless));
    let other = root().join("testdata/breast_ultrasound/breast_mass.png");
    let elsewhere = export(&["--format", "fhir", "--source", path(&other), "--force"]);
    assert_eq!(code(&elsewhere), 3, "{}", stderr(&elsewhere));

    // A byte of a version that somebody changed is found.
    let second = out.join("versions/v0002.json");
    let text = std::fs::read_to_string(&second).expect("a version");
    std::fs::remove_file(&second).expect("removed");
    assert_eq!(code(&report("history", &[])), 3, "a version is missing");
    std::fs::write(&second, text.replace("Doe^Jane", "Doe^Joan")).expect("written");
    let broken = report("history", &[]);
    assert_eq!(code(&broken), 3);
    assert!(stderr(&broken).contains("version 2 was changed after it was written"), "{}", stderr(&broken));
}

#[test]
fn a_message_is_sent_to_this_machine_and_its_answer_decides_the_exit_code() {
    let place = tempfile::tempdir().expect("a folder");
    let message = place.path().join("m.hl7");
    std::fs::write(&message, "MSH|^~\\&|WILHELM||||20260101||ORU^R01^ORU_R01|42|T|2.5\nPID|1||SECRET\n")
        .expect("written");
    let send = |to: &str| wilhelm(&["send", "hl7", path(&message), "--to", to]);
    let answered = |answer: &'static [u8]| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let to = listener.local_addr().expect("bound").to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut block = Vec::new();
            let mut piece = [0; 256];
            while !block.ends_with(b"\x1c\r") {
                let count = stream.read(&mut piece).expect("read");
                block.extend_from_slice(&piece[..count]);
            }
            stream.write_all(answer).expect("answered");
            block
        });
        let output = send(&to);
        (output, server.join().expect("served"))
    };
    let (taken, block) = answered(b"\x0bMSH|^~\\&|R\rMSA|AA|42\r\x1c\r");
    assert_eq!(code(&taken), 0, "{}", stderr(&taken));
    assert_eq!(block, b"\x0bMSH|^~\\&|WILHELM||||20260101||ORU^R01^ORU_R01|42|T|2.5\rPID|1||SECRET\r\x1c\r");
    for (answer, expected) in [
        (&b"\x0bMSH|^~\\&|R\rMSA|AE|42|SECRET\r\x1c\r"[..], "took exception"),
        (b"\x0bMSH|^~\\&|R\rMSA|AR|42|SECRET\r\x1c\r", "rejected the message"),
        (b"\x0bMSH|^~\\&|R\rMSA|AA|43\r\x1c\r", "another message"),
        (b"HTTP/1.1 400\r\n", "0x0B"),
    ] {
        let (refused, _) = answered(answer);
        assert_eq!(code(&refused), 3);
        assert!(stderr(&refused).contains(expected), "{}", stderr(&refused));
        assert!(!stderr(&refused).contains("SECRET") && !refused.stdout.windows(6).any(|w| w == b"SECRET"));
    }
    let elsewhere = send("192.0.2.1:2575");
    assert_eq!(code(&elsewhere), 2);
    assert!(stderr(&elsewhere).contains("send.hosts"), "{}", stderr(&elsewhere));
}
