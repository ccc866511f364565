//! Bytes that want to do harm.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use wilhelm_server::dimse::Settings as Entity;

use crate::site::{served, slice};

/// Sends bytes to the DIMSE port and waits until the other side hangs up.
fn pour(site: &crate::site::Site, bytes: &[u8]) {
    let mut stream = TcpStream::connect(site.server.dimse().expect("listened for")).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    // The other side may have hung up already.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
}

#[test]
fn noise_on_the_line_ends_that_line_alone() {
    let site = served(Entity::default());
    let mut request = vec![1, 0, 0, 0, 0, 200, 0, 1, 0, 0];
    request.extend_from_slice(&[b' '; 32]);
    request.extend_from_slice(&[0; 32]);
    // An application context whose length lies, a context item without end.
    request.extend_from_slice(b"\x10\0\xff\xff1.2.840");
    request.resize(206, 0x20);
    let mut lying = request.clone();
    lying[74..].fill(0xFF);
    let long = [1, 0, 0xFF, 0xFF, 0xFF, 0xFF];
    let early: &[u8] = b"\x04\0\0\0\0\x06\0\0\0\x02\x01\x03";
    for bytes in [&request[..], &lying, &long, early, b"GET / HTTP/1.1\r\n\r\n", &[0; 4000], b""] {
        pour(&site, bytes);
    }
    let mut after = site.associate("WILHELM", "TEST", &BTreeSet::new()).expect("it still answers");
    after.echo().expect("verified");
}

#[test]
fn an_object_that_breaks_off_is_not_shown() {
    let site = served(Entity::default());
    let file = slice(0);
    let body = [&b"--x\r\n\r\n"[..], &file[..file.len() / 2]].concat();
    let mut stream = TcpStream::connect(site.server.http()).expect("a connection");
    let head = format!(
        "POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/related; boundary=x\r\nContent-Length: {}\r\n\r\n",
        file.len() + 100
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).expect("written");
    drop(stream);
    site.send(&[slice(1)]);
    assert_eq!(site.json("/dicom-web/instances").as_array().map(Vec::len), Some(1));
}

#[test]
fn paths_lead_nowhere_and_errors_show_no_values() {
    let site = served(Entity::default());
    site.send(&[slice(0)]);
    for (path, expected) in [
        ("/dicom-web/studies/../../etc/passwd", 404),
        ("/dicom-web/studies/%2e%2e%2f%2e%2e%2fetc/metadata", 400),
        ("/dicom-web/studies/1.2.3/series/1.2.4/instances/1.2.5/bulkdata/../../x", 404),
        ("/dicom-web/studies?PatientBirthDate=Doe%5EJane", 400),
        ("/dicom-web/studies?Doe=Jane", 400),
        ("/dicom-web/studies?limit=Doe", 400),
        ("/study/Doe", 400),
    ] {
        let (status, _, body) = site.request(&format!("GET {path}"), b"");
        let body = String::from_utf8_lossy(&body).into_owned();
        assert_eq!(status, expected, "{path}: {body}");
        assert!(!body.contains("Doe") && body.contains("\"detail\""), "{path}: {body}");
    }
}

#[test]
fn a_name_that_was_made_to_point_here_is_not_answered() {
    let site = served(Entity::default());
    for (host, expected) in
        [("evil.example", 421), ("127.0.0.1:80", 200), ("localhost", 200), ("[::1]:8090", 200), ("a b", 421)]
    {
        let (status, heads, _) = site.request(&format!("GET /health\nHost: {host}"), b"");
        assert_eq!(status, expected, "{host}: {heads}");
    }
    let (_, heads, page) = site.request("GET /plain?name=%3Cscript%3E", b"");
    assert!(heads.contains("content-security-policy") && heads.contains("no-store"), "{heads}");
    assert!(!String::from_utf8_lossy(&page).contains("<script>"));
}
