use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;

use oxigraph::io::RdfFormat;
use oxigraph::model::{NamedNode, Triple};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::vocabulary::SOURCES;
use super::{obo, rdf, table};
use crate::graph::table::TableMapping;

/// The name of a source: small letters, digits and hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SourceName(String);

impl SourceName {
    /// A name; none where it has other characters or more than 64 of them.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (!name.is_empty() && name.len() <= 64 && name.bytes().all(fits)).then(|| Self(name.to_owned()))
    }

    /// A name out of a file's: `HumanDO.obo.gz` gives `humando`.
    #[must_use]
    pub fn of_file(file: &str) -> Option<Self> {
        let stem = file.split('.').next().unwrap_or_default().to_ascii_lowercase();
        let name: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        Self::new(name.trim_matches('-'))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address of its named graph.
    #[must_use]
    pub fn iri(&self) -> String {
        format!("{SOURCES}{}", self.0)
    }

    pub(super) fn graph(&self) -> NamedNode {
        NamedNode::new_unchecked(self.iri())
    }
}

/// Where statements come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Under which it is kept.
    pub name: SourceName,
    /// For people.
    pub title: String,
    /// The file or address it was read from.
    pub origin: String,
    /// What its statements may be used for, in the words of their makers.
    pub license: String,
    /// Which release, where it says.
    pub version: Option<String>,
    /// SHA-256 of the file as it was given, and of the mapping of a table behind it.
    pub sha256: String,
}

/// How statements are written in a file.
#[derive(Clone, Debug)]
pub enum StatementFormat {
    /// OBO.
    Obo,
    /// Turtle, and N-Triples within it.
    Turtle,
    /// RDF/XML, as ontologies in OWL are mostly given.
    RdfXml,
    /// A table with commas, and what its columns say.
    Table(TableMapping),
}

impl StatementFormat {
    /// The format by a file's ending, with or without `.gz`; a table is none, for it needs a mapping.
    #[must_use]
    pub fn of_file(file: &str) -> Option<Self> {
        let file = file.to_ascii_lowercase();
        match file.strip_suffix(".gz").unwrap_or(&file).rsplit_once('.')?.1 {
            "obo" => Some(Self::Obo),
            "ttl" | "nt" => Some(Self::Turtle),
            "owl" | "rdf" | "xml" => Some(Self::RdfXml),
            _ => None,
        }
    }
}

/// What a file says.
#[derive(Clone, Debug)]
pub struct ReadStatements {
    /// The statements, as they came.
    pub statements: Vec<Triple>,
    /// The release that the file says it is.
    pub version: Option<String>,
    /// The license that the file says it has.
    pub license: Option<String>,
    /// SHA-256 of the file as it was given, and of the mapping of a table behind it.
    pub sha256: String,
    /// Tags without a place in the graph, and how often each stood.
    pub passed_over: BTreeMap<String, usize>,
}

/// Why a file of statements was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Something malformed.
    #[error("line {line}, {field}: {what}")]
    Line {
        /// From 1; 0 where the parser does not say.
        line: usize,
        /// Tag, column or place in the line.
        field: String,
        /// What is wrong with it.
        what: String,
    },
    /// A mapping of a table that makes no sense.
    #[error("mapping: {what}")]
    Mapping {
        /// What is wrong with it.
        what: String,
    },
    /// Nothing is said.
    #[error("{what}")]
    Empty {
        /// What was looked for.
        what: &'static str,
    },
    /// Damaged compression.
    #[error("the file is not whole gzip: {what}")]
    Gzip {
        /// What the decoder says.
        what: String,
    },
    /// More than the graph is given to hold.
    #[error("the file unpacks to more than {limit_mib} MiB")]
    Size {
        /// The most that is read.
        limit_mib: usize,
    },
}

/// The most that a compressed file may unpack to: three times the Gene Ontology with its annotations.
const LIMIT_MIB: usize = 1024;

/// Reads a file of statements, as it is or compressed by gzip.
///
/// # Errors
/// [`ReadError`] with line and field.
pub fn read_statements(
    bytes: &[u8],
    format: &StatementFormat,
    name: &SourceName,
) -> Result<ReadStatements, ReadError> {
    let mut hash = Sha256::new();
    hash.update(bytes);
    if let StatementFormat::Table(mapping) = format {
        hash.update(format!("{mapping:?}"));
    }
    let sha256: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let bytes = unpacked(bytes)?;
    let mut read = ReadStatements {
        statements: Vec::new(),
        version: None,
        license: None,
        sha256,
        passed_over: BTreeMap::new(),
    };
    match format {
        StatementFormat::Obo => {
            let obo = obo::read(utf8(&bytes)?)?;
            (read.statements, read.version, read.passed_over) =
                (obo.statements, obo.version, obo.passed_over);
        }
        StatementFormat::Turtle | StatementFormat::RdfXml => {
            let format =
                if matches!(format, StatementFormat::Turtle) { RdfFormat::Turtle } else { RdfFormat::RdfXml };
            let found = rdf::read(&bytes, format, name.graph().as_str(), name.as_str())?;
            (read.statements, read.version, read.license) = (found.statements, found.version, found.license);
        }
        StatementFormat::Table(mapping) => read.statements = table::read(&bytes, mapping)?,
    }
    Ok(read)
}

fn unpacked(bytes: &[u8]) -> Result<Cow<'_, [u8]>, ReadError> {
    if !bytes.starts_with(&[0x1F, 0x8B]) {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut unpacked = Vec::new();
    let limit = (LIMIT_MIB << 20) as u64;
    flate2::read::MultiGzDecoder::new(bytes)
        .take(limit + 1)
        .read_to_end(&mut unpacked)
        .map_err(|error| ReadError::Gzip { what: error.to_string() })?;
    if unpacked.len() as u64 > limit {
        return Err(ReadError::Size { limit_mib: LIMIT_MIB });
    }
    Ok(Cow::Owned(unpacked))
}

fn utf8(bytes: &[u8]) -> Result<&str, ReadError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        ReadError::Line {
            line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
            field: "text".to_owned(),
            what: "is not UTF-8".to_owned(),
        }
    })
}

/// The sources that come with the program: ours, and the Disease Ontology as it was released.
///
/// # Errors
/// None with the files as they are committed.
pub fn built_in_sources() -> Result<Vec<(Source, Vec<Triple>)>, ReadError> {
    const OURS: &[u8] = include_bytes!("../../data/graph/radiology.ttl");
    const DISEASES: &[u8] = include_bytes!("../../data/disease_ontology/HumanDO.obo.gz");
    let mut sources = Vec::new();
    for (name, title, origin, license, format, bytes) in [
        (
            "radiology",
            "Imaging, findings and contrast media",
            "wilhelm: crates/knowledge/data/graph/radiology.ttl",
            "Apache-2.0",
            StatementFormat::Turtle,
            OURS,
        ),
        (
            "disease-ontology",
            "Human Disease Ontology",
            "HumanDO.obo of disease-ontology.org (Schriml et al. 2012, doi:10.1093/nar/gkr972)",
            "CC BY 3.0",
            StatementFormat::Obo,
            DISEASES,
        ),
    ] {
        let name = SourceName::new(name).expect("small letters and hyphens");
        let read = read_statements(bytes, &format, &name)?;
        let source = Source {
            name,
            title: title.to_owned(),
            origin: origin.to_owned(),
            license: license.to_owned(),
            version: read.version,
            sha256: read.sha256,
        };
        sources.push((source, read.statements));
    }
    Ok(sources)
}
