//! `docs/conformance.md`: which files of the collection are read, and how their pixels compare.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use dicom_encoding::TransferSyntaxIndex;
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;
use wilhelm_formats::Limits;
use wilhelm_formats::dicom::decode;

use super::collection::{self, Apart, Outcome, Row, TOLERANCE};

/// The page, and how many files decode to the reference's pixels.
pub struct Page {
    pub text: String,
    pub identical: usize,
    /// Files whose coding is lossless and whose pixels are not the reference's.
    pub lossless_but_other: Vec<String>,
    /// Pictures of the NEMA set whose lossless coding is not the picture itself.
    pub nema_but_other: Vec<String>,
}

/// Transfer syntaxes that may lose something.
fn is_lossy(transfer_syntax: &str) -> bool {
    matches!(
        transfer_syntax.strip_prefix("1.2.840.10008.1.2.4."),
        Some("50" | "51" | "81" | "91" | "203" | "110" | "112")
    )
}

#[derive(Default)]
struct Count {
    files: usize,
    no_picture: usize,
    identical: usize,
    near: Vec<Apart>,
    alone: usize,
    other: usize,
    refused: usize,
}

/// Decodes everything under `root` and writes the page.
pub fn page(root: &Path, golden: &Path) -> Page {
    let sampled = collection::sampled(golden);
    let rows = collection::index(root);
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    let (mut others, mut near) = (Vec::new(), Vec::new());
    let mut lossless_but_other = Vec::new();
    for row in rows.iter().filter(|row| row.parsed) {
        let count = counts.entry(row.transfer_syntax.clone()).or_default();
        count.files += 1;
        let reason = match collection::outcome(root, row, &sampled) {
            Outcome::Identical => {
                count.identical += 1;
                continue;
            }
            Outcome::NoPicture => {
                count.no_picture += 1;
                continue;
            }
            Outcome::Near(apart, by) => {
                count.near.push(apart);
                near.push((row, apart, by));
                continue;
            }
            Outcome::Alone(found) => {
                count.alone += 1;
                format!("read here ({found}); the reference gives no pixels: {}", why_none(row))
            }
            Outcome::Other(found) => {
                count.other += 1;
                if !is_lossy(&row.transfer_syntax) {
                    lossless_but_other.push(row.file.clone());
                }
                format!("other pixels: {found}, expected {}", row.pixels)
            }
            Outcome::Refused(reason) => {
                count.refused += 1;
                if !is_lossy(&row.transfer_syntax) && !row.sha256.is_empty() {
                    lossless_but_other.push(row.file.clone());
                }
                format!("refused: {reason}")
            }
        };
        others.push((row, reason));
    }
    let identical = counts.values().map(|count| count.identical).sum();
    let mut text = String::from(HEAD);
    by_transfer_syntax(&mut text, &counts);
    let nema_but_other = nema(&mut text, root);
    lossy(&mut text, &near);
    rest(&mut text, &others);
    not_parsed(&mut text, &rows);
    Page { text, identical, lossless_but_other, nema_but_other }
}

const HEAD: &str = "# Conformance of DICOM pixels

Made by `make conformance` (`cargo run --release -p wilhelm-formats --example conformance -- ../shared/data/dicom_conformance`)
and compared with the program by a test: never edited by hand.

The collection: the test files of pydicom, pydicom-data, highdicom, dcmqi, deid-data, presidio and torchxrayvision, and
the compression reference set of NEMA WG-04. The reference is pydicom 3.0.2 with pylibjpeg and gdcm: pixels are the
same where SHA-256 of the whole decoded array is the same. Lossy files are compared at 200 samples and by the mean
of all samples (`crates/formats/tests/golden/lossy.json`).

";

fn name(transfer_syntax: &str) -> String {
    TransferSyntaxRegistry
        .get(transfer_syntax)
        .map_or_else(|| "none declared".to_owned(), |known| known.name().to_owned())
}

fn by_transfer_syntax(text: &mut String, counts: &BTreeMap<String, Count>) {
    text.push_str("## By transfer syntax\n\n");
    let _ = writeln!(
        text,
        "Files that the reference parses. *No picture*: reports, plans, waveforms, directories, named as such. *Within*: \
         lossy and not bit for bit the same, with the mean absolute difference (the worst file's) at most {TOLERANCE} \
         stored value. *Read here alone*: the reference parses the file and gives no pixels.\n"
    );
    text.push_str(
        "| transfer syntax | UID | files | no picture | identical | within | mean | largest | read here alone | other \
         | refused |\n|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    let mut total = Count::default();
    for (uid, count) in counts {
        line(text, &name(uid), uid, count);
        total.files += count.files;
        total.no_picture += count.no_picture;
        total.identical += count.identical;
        total.near.extend(&count.near);
        total.alone += count.alone;
        total.other += count.other;
        total.refused += count.refused;
    }
    line(text, "all", "", &total);
}

fn line(text: &mut String, name: &str, uid: &str, count: &Count) {
    let worst = |of: fn(&Apart) -> f64| count.near.iter().map(of).fold(0.0, f64::max);
    let (mean, largest) = match count.near.len() {
        0 => (String::new(), String::new()),
        _ => (format!("{:.3}", worst(|apart| apart.mean)), format!("{:.0}", worst(|apart| apart.largest))),
    };
    let _ = writeln!(
        text,
        "| {name} | {uid} | {} | {} | {} | {} | {mean} | {largest} | {} | {} | {} |",
        count.files,
        count.no_picture,
        count.identical,
        count.near.len(),
        count.alone,
        count.other,
        count.refused
    );
}

/// Codings of the NEMA set by folder, and whether they must give the picture itself.
const CODINGS: [(&str, &str, bool); 7] = [
    ("J2KR", "JPEG 2000 reversible", true),
    ("JLSL", "JPEG-LS lossless", true),
    ("JPLL", "JPEG lossless", true),
    ("RLE", "RLE", true),
    ("J2KI", "JPEG 2000", false),
    ("JLSN", "JPEG-LS near-lossless", false),
    ("JPLY", "JPEG", false),
];

/// The NEMA WG-04 set against its uncompressed pictures; gives what is not as it must be.
fn nema(text: &mut String, root: &Path) -> Vec<String> {
    let _ = writeln!(
        text,
        "\n## NEMA WG-04 against its uncompressed pictures\n\n`=` is every pixel the same; otherwise the mean and the largest \
         absolute difference over all pixels, which is what the lossy coding lost. `-`: no such file in the collection; \
         `?`: its uncompressed picture is not in the collection.\n"
    );
    let set = root.join("nema_wg04");
    let mut pictures = BTreeSet::new();
    for (folder, ..) in CODINGS.iter().chain(&[("REF", "", true)]) {
        for entry in std::fs::read_dir(set.join(folder)).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            pictures.extend(name.split('_').next().map(str::to_owned));
        }
    }
    let names: Vec<&str> = CODINGS.iter().map(|(_, name, _)| *name).collect();
    let _ = writeln!(text, "| picture | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
    let mut but_other = Vec::new();
    let read = |path: &Path| {
        decode(&collection::content(path), &Limits::default())
            .map(|pixels| collection::values(&pixels))
            .map_err(|error| error.to_string())
    };
    for picture in pictures {
        let reference = set.join(format!("REF/{picture}_UNC.dcm.gz"));
        let reference = reference.exists().then(|| read(&reference));
        let mut cells = Vec::new();
        for (folder, _, must_be_same) in CODINGS {
            let path = set.join(format!("{folder}/{picture}_{folder}.dcm"));
            if !path.exists() {
                cells.push("-".to_owned());
                continue;
            }
            let cell = match (read(&path), &reference) {
                (Err(error), _) => error,
                (_, Some(Err(error))) => error.clone(),
                (_, None) => "?".to_owned(),
                (Ok(found), Some(Ok(expected))) if found == *expected => "=".to_owned(),
                (Ok(found), Some(Ok(expected))) if found.len() == expected.len() => {
                    let apart = Apart::of(found, expected.iter().copied());
                    format!("{:.2}, {:.0}", apart.mean, apart.largest)
                }
                (Ok(found), Some(Ok(expected))) => format!("{} of {} values", found.len(), expected.len()),
            };
            if must_be_same && cell != "=" && cell != "?" {
                but_other.push(format!("{picture}_{folder}: {cell}"));
            }
            cells.push(cell);
        }
        let _ = writeln!(text, "| {picture} | {} |", cells.join(" | "));
    }
    but_other
}

fn lossy(text: &mut String, near: &[(&Row, Apart, String)]) {
    text.push_str(
        "\n## Lossy files that are not bit for bit the reference's\n\n| file | reference | mean | largest \
         |\n|---|---|---:|---:|\n",
    );
    for (row, apart, by) in near {
        let _ = writeln!(text, "| {} | {by} | {:.3} | {:.0} |", row.file, apart.mean, apart.largest);
    }
}

fn rest(text: &mut String, others: &[(&Row, String)]) {
    text.push_str(
        "\n## Every other file\n\nFiles that the reference parses and that are refused here, differ, or have no pixels to \
         compare with.\n\n",
    );
    // Files of one folder with one reason stand in one line.
    let folder = |row: &Row| row.file.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let mut lines: Vec<(String, &Row, &str, usize)> = Vec::new();
    for (row, reason) in others {
        match lines.iter_mut().find(|line| line.0 == folder(row) && line.2 == reason) {
            Some(line) => line.3 += 1,
            None => lines.push((folder(row), row, reason, 1)),
        }
    }
    for (folder, row, reason, count) in lines {
        let name = name(&row.transfer_syntax);
        let _ = match count {
            1 => writeln!(text, "- `{}` ({name}): {reason}", row.file),
            _ => writeln!(text, "- {count} files in `{folder}` ({name}): {reason}"),
        };
    }
}

/// Why the reference has no pixels, in its own words, shortened.
fn why_none(row: &Row) -> String {
    let reason = row.pixels.strip_prefix("no:").unwrap_or(&row.pixels);
    let end = reason.char_indices().nth(60).map_or(reason.len(), |(at, _)| at);
    reason[..end].trim().to_owned()
}

fn not_parsed(text: &mut String, rows: &[Row]) {
    let files: Vec<&str> = rows.iter().filter(|row| !row.parsed).map(|row| row.file.as_str()).collect();
    let _ = writeln!(
        text,
        "\n## Files that the reference does not parse\n\n{} files beside the images: tables, texts, archives, licenses.",
        files.len()
    );
}
