//! Bytes that want to do harm, and real files that are crooked.

use std::path::Path;

use proptest::prelude::*;
use wilhelm_store::{BULK_MARK, Content, Limits, describe};

use crate::objects::slice;

/// A file of PS3.10 in Explicit VR Little Endian with this data set.
fn file(data_set: &[u8]) -> Vec<u8> {
    let whole = slice(0, &[]);
    let length = u32::from_le_bytes(whole[140..144].try_into().expect("four bytes")) as usize;
    let mut file = whole[..144 + length].to_vec();
    file.extend_from_slice(data_set);
    file
}

fn refused(data_set: &[u8]) -> String {
    describe(&Content::Memory(file(data_set)), &Limits::default()).expect_err("refused").to_string()
}

#[test]
fn sequences_without_end_do_not_exhaust_the_stack() {
    // A sequence of undefined length in an item of undefined length, over and over.
    let level = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff";
    let message = refused(&level.repeat(100_000));
    assert!(message.contains("nested"), "{message}");
}

#[test]
fn declared_lengths_beyond_the_file_are_refused() {
    let message = refused(b"\x08\x00\x18\x00UI\xff\xff1.2");
    assert!(message.contains("(0008,0018)"), "{message}");
    let message = refused(b"\xe0\x7f\x10\x00OW\0\0\xf0\xff\xff\xff\0\0");
    assert!(message.contains("(7FE0,0010)"), "{message}");
    let message = refused(b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xf0\xff\xff\xff\0\0");
    assert!(message.contains("(FFFE,E000)"), "{message}");
}

#[test]
fn a_deflated_bomb_is_refused() {
    use std::io::Write;
    let mut deflated = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        deflated.write_all(&[0; 1 << 20]).expect("memory");
    }
    let mut bytes = b"\0".repeat(128);
    bytes.extend_from_slice(b"DICM\x02\x00\x10\x00UI\x16\x001.2.840.10008.1.2.1.99");
    bytes.extend_from_slice(&deflated.finish().expect("memory"));
    let limits = Limits { inflated_bytes: 8 << 20, ..Limits::default() };
    let message = describe(&Content::Memory(bytes), &limits).expect_err("refused").to_string();
    assert!(message.contains("limit"), "{message}");
}

proptest! {
    #[test]
    fn no_bytes_make_a_description_panic(noise in proptest::collection::vec(any::<u8>(), 0..400), at in 0_usize..1500, cut in 0_usize..1500) {
        let mut bytes = slice(0, &[]);
        let end = (at + noise.len()).min(bytes.len());
        if at < end {
            bytes[at..end].copy_from_slice(&noise[..end - at]);
        }
        bytes.truncate(bytes.len().saturating_sub(cut));
        let _ = describe(&Content::Memory(bytes), &Limits::default());
        let _ = describe(&Content::Memory(file(&noise)), &Limits::default());
    }
}

#[test]
fn real_files_are_described_in_json() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/dicom_conformance");
    if !folder.is_dir() {
        eprintln!("skipped: the conformance files are not beside this checkout");
        return;
    }
    let (mut described, mut refused) = (0, 0);
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).expect("a file");
            let length = bytes.len() as u64;
            let file = std::fs::File::open(&path).expect("a file");
            let in_memory = describe(&Content::Memory(bytes), &Limits::default());
            let in_file = describe(&Content::File { file, length }, &Limits::default());
            match (in_memory, in_file) {
                (Ok(one), Ok(other)) => {
                    assert_eq!((&one.metadata, one.pixels), (&other.metadata, other.pixels));
                    let json = one.metadata.replace(BULK_MARK, "http://x");
                    let value: serde_json::Value = serde_json::from_str(&json)
                        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                    assert_eq!(value["00080018"]["Value"][0], one.attributes.sop_uid.as_str());
                    described += 1;
                }
                (Err(one), Err(other)) => {
                    assert_eq!(one.to_string(), other.to_string());
                    refused += 1;
                }
                _ => panic!("{}: memory and file differ", path.display()),
            }
        }
    }
    eprintln!("{described} described, {refused} refused");
    assert!(described > 100, "{described} described, {refused} refused");
}
