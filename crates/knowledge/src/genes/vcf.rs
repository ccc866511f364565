use std::io::{BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use noodles_vcf::{Record, io::Reader};

use super::GenesError;
use super::tables::Definition;

const FIELDS: [&str; 9] = ["CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"];
/// How far from a defined position a record may begin and still be the same change, written further right.
const REACH: u64 = 100;
/// A line longer than this is no record.
const LONGEST_LINE: u64 = 64 << 20;

/// What of a VCF bears on the genes that are asked for: one sample's records near their positions.
#[derive(Clone, Debug, Default)]
pub struct SampleVariants {
    /// What the file says of its genome.
    pub header: Header,
    /// Those near the positions asked for.
    pub records: Vec<SiteRecord>,
    /// Lines with an empty field, read as one without a value (`.`).
    pub empty_fields: usize,
}

/// What the header says of the genome that positions refer to.
#[derive(Clone, Debug, Default)]
pub struct Header {
    /// Values of `##reference` and of `assembly` in `##contig`.
    pub references: Vec<String>,
    /// Contigs with a length.
    pub lengths: Vec<(String, u64)>,
    /// How many samples the file has.
    pub samples: usize,
}

/// A record, with one sample's genotype.
#[derive(Clone, Debug)]
pub struct SiteRecord {
    /// Line of the file, from 1.
    pub line: usize,
    /// As the definition names it.
    pub chromosome: String,
    /// From 1.
    pub position: u64,
    /// Last position that it speaks of: the end of its block, or of its reference bases.
    pub end: u64,
    /// Bases of the reference genome.
    pub reference: String,
    /// Other bases.
    pub alternates: Vec<String>,
    /// None if it passed or no filter was applied.
    pub failed_filter: Option<String>,
    /// Of the one sample.
    pub genotype: Genotype,
}

/// What is written in GT.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Genotype {
    /// Index of the bases of each copy, none for `.`; empty if there is no GT.
    pub copies: Vec<Option<usize>>,
    /// Whether the order of the copies means something.
    pub phased: bool,
    /// PS, of a phased genotype alone.
    pub phase_set: Option<String>,
}

/// Reads one sample of a VCF, plain or compressed with bgzip or gzip, and keeps what lies near the definitions.
///
/// # Errors
/// [`GenesError`] with line and field; names of samples are never in it.
pub fn read_sample(
    source: impl Read,
    sample: Option<&str>,
    definitions: &[&Definition],
) -> Result<SampleVariants, GenesError> {
    let mut buffered = BufReader::with_capacity(1 << 16, source);
    let start = buffered.fill_buf().map_err(unreadable)?;
    if start.starts_with(&[0x1f, 0x8b]) {
        read_text(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(buffered)), sample, definitions)
    } else {
        read_text(buffered, sample, definitions)
    }
}

fn read_text(
    mut source: impl BufRead,
    sample: Option<&str>,
    definitions: &[&Definition],
) -> Result<SampleVariants, GenesError> {
    let windows = Windows::new(definitions);
    let mut found = SampleVariants::default();
    let mut column = None;
    let mut record = Record::default();
    let mut bytes = Vec::new();
    let mut line = 0;
    loop {
        bytes.clear();
        let count = (&mut source).take(LONGEST_LINE).read_until(b'\n', &mut bytes).map_err(unreadable)?;
        if count == 0 {
            break;
        }
        line += 1;
        if count as u64 == LONGEST_LINE {
            return Err(GenesError::Line { line, field: "CHROM", what: "is longer than 64 MiB".to_owned() });
        }
        let text = bytes.trim_ascii_end();
        if line == 1 && !text.starts_with(b"##fileformat=VCF") {
            return Err(GenesError::NotVcf);
        }
        if text.is_empty() {
            continue;
        }
        if text.starts_with(b"##") {
            found.header.take(&String::from_utf8_lossy(text));
        } else if text.starts_with(b"#") {
            column = Some(samples(&String::from_utf8_lossy(text), line, sample, &mut found.header)?);
        } else {
            let column = column.ok_or(GenesError::NoHeader)?;
            found.empty_fields +=
                usize::from(read_record(&mut bytes, &mut record, line, found.header.samples)?);
            if let Some(site) = site(&record, line, column, &windows)? {
                found.records.push(site);
            }
        }
    }
    if column.is_none() {
        return Err(GenesError::NoHeader);
    }
    Ok(found)
}

fn unreadable(error: std::io::Error) -> GenesError {
    GenesError::Unreadable { what: error.to_string() }
}

impl Header {
    fn take(&mut self, text: &str) {
        if let Some(value) = text.strip_prefix("##reference=") {
            self.references.push(value.to_owned());
        }
        let Some(inside) = text.strip_prefix("##contig=<") else { return };
        let value = |key: &str| {
            inside
                .trim_end_matches('>')
                .split(',')
                .find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
                .map(|value| value.trim_matches('"').to_owned())
        };
        if let Some(assembly) = value("assembly")
            && !self.references.contains(&assembly)
        {
            self.references.push(assembly);
        }
        if let (Some(name), Some(length)) = (value("ID"), value("length").and_then(|text| text.parse().ok()))
        {
            self.lengths.push((name, length));
        }
    }
}

/// Column of the sample that is meant, from 0.
fn samples(text: &str, line: usize, sample: Option<&str>, header: &mut Header) -> Result<usize, GenesError> {
    let fields: Vec<&str> = text.trim_start_matches('#').split('\t').collect();
    for (place, name) in FIELDS.iter().enumerate().take(8) {
        if fields.get(place) != Some(name) {
            return Err(GenesError::Line {
                line,
                field: name,
                what: "is missing in the line of column names (#CHROM, tab, POS ...)".to_owned(),
            });
        }
    }
    let names = fields.get(9..).unwrap_or_default();
    header.samples = names.len();
    let of_name: Vec<usize> = match sample {
        Some(sample) => (0..names.len()).filter(|&place| names[place] == sample).collect(),
        None => (0..names.len()).collect(),
    };
    match (&of_name[..], sample) {
        (&[place], _) => Ok(place),
        (_, None) if names.is_empty() => Err(GenesError::NoSample),
        (_, None) => Err(GenesError::ManySamples { count: names.len() }),
        (&[], Some(_)) => Err(GenesError::UnknownSample { count: names.len() }),
        (_, Some(_)) => Err(GenesError::RepeatedSample),
    }
}

/// Reads a line, and says whether a field of it was empty.
fn read_record(
    bytes: &mut Vec<u8>,
    record: &mut Record,
    line: usize,
    samples: usize,
) -> Result<bool, GenesError> {
    let expected = if samples == 0 { 8 } else { 9 + samples };
    let count = bytes.iter().filter(|&&byte| byte == b'\t').count() + 1;
    let name = |place: usize| FIELDS.get(place).copied().unwrap_or("sample");
    if count != expected {
        return Err(GenesError::Line {
            line,
            field: name(count.min(expected).saturating_sub(1)),
            what: format!(
                "is the last of {count} fields, the header has {expected}: the line is cut or broken"
            ),
        });
    }
    let is_empty = bytes.windows(2).any(|two| two == b"\t\t");
    if is_empty {
        let mut fields: Vec<&[u8]> = bytes.split(|&byte| byte == b'\t').collect();
        for (place, field) in fields.iter_mut().enumerate().filter(|(_, field)| field.is_empty()) {
            if [0, 1, 3].contains(&place) {
                return Err(GenesError::Line { line, field: name(place), what: "is empty".to_owned() });
            }
            *field = b".";
        }
        *bytes = fields.join(&b'\t');
    }
    Reader::new(&bytes[..]).read_record(record).map(|_| is_empty).map_err(|error| GenesError::Line {
        line,
        field: "CHROM",
        what: format!("begins a line that is not a record: {error}"),
    })
}

fn site(
    record: &Record,
    line: usize,
    column: usize,
    windows: &Windows,
) -> Result<Option<SiteRecord>, GenesError> {
    let wrong = |field: &'static str, what: &str| GenesError::Line { line, field, what: what.to_owned() };
    let Some(chromosome) = windows.chromosome(record.reference_sequence_name()) else { return Ok(None) };
    let position = match record.variant_start() {
        Some(Ok(position)) => usize::from(position) as u64,
        Some(Err(_)) => return Err(wrong("POS", "is not a position of 1 or more")),
        None => return Ok(None),
    };
    let reference = record.reference_bases().to_ascii_uppercase();
    let mut end = position + (reference.len() as u64).max(1) - 1;
    let info = record.info();
    if let Some(text) = info.as_ref().split(';').find_map(|pair| pair.strip_prefix("END=")) {
        let block = text.parse::<u64>().map_err(|_| wrong("INFO", "has an END that is not a position"))?;
        end = end.max(block);
    }
    if !windows.touch(chromosome, position, end) {
        return Ok(None);
    }
    if !reference.bytes().all(|base| b"ACGTN".contains(&base)) {
        return Err(wrong("REF", "has letters other than A, C, G, T and N"));
    }
    let alternates = record.alternate_bases();
    let alternates: Vec<String> = match alternates.as_ref() {
        "" | "." => Vec::new(),
        text => text.split(',').map(str::to_ascii_uppercase).collect(),
    };
    let filters = record.filters();
    let failed_filter = match filters.as_ref() {
        "" | "." | "PASS" => None,
        text => Some(text.to_owned()),
    };
    let samples = record.samples();
    let keys: Vec<&str> = samples.keys().iter().collect();
    let sample = samples.get_index(column);
    let values: Vec<&str> = sample.as_ref().map(|one| one.as_ref().split(':').collect()).unwrap_or_default();
    let value = |key: &str| {
        let place = keys.iter().position(|&one| one == key)?;
        values.get(place).copied()
    };
    let genotype = genotype(value("GT"), value("PS"))
        .filter(|read| read.copies.iter().flatten().all(|&index| index <= alternates.len()))
        .ok_or_else(|| wrong("sample", "has a GT that is none, or names bases that ALT does not have"))?;
    Ok(Some(SiteRecord {
        line,
        chromosome: chromosome.to_owned(),
        position,
        end,
        reference,
        alternates,
        failed_filter,
        genotype,
    }))
}

fn genotype(text: Option<&str>, phase_set: Option<&str>) -> Option<Genotype> {
    let Some(text) = text else { return Some(Genotype::default()) };
    // Since 4.4 a genotype may begin with the sign of its phase.
    let text = text.trim_start_matches(['|', '/']);
    let copies = text
        .split(['|', '/'])
        .map(|copy| match copy {
            "." => Some(None),
            index => index.parse().ok().map(Some),
        })
        .collect::<Option<Vec<_>>>()?;
    let phased = text.contains('|') && !text.contains('/');
    let phase_set = phase_set.filter(|text| phased && *text != ".").map(str::to_owned);
    Some(Genotype { copies, phased, phase_set })
}

/// Stretches of chromosomes that definitions lie in.
struct Windows<'a> {
    /// Chromosome as the definition names it, its accession, start and end.
    stretches: Vec<(&'a str, &'a str, u64, u64)>,
}

impl<'a> Windows<'a> {
    fn new(definitions: &[&'a Definition]) -> Self {
        let mut stretches = Vec::new();
        for definition in definitions {
            for variant in &definition.variants {
                stretches.push((
                    definition.chromosome.as_str(),
                    definition.accession.as_str(),
                    variant.position.saturating_sub(REACH),
                    variant.end() + REACH,
                ));
            }
        }
        stretches.sort_unstable();
        stretches.dedup_by(|next, kept| {
            let joined = kept.0 == next.0 && next.2 <= kept.3;
            if joined {
                kept.3 = kept.3.max(next.3);
            }
            joined
        });
        Self { stretches }
    }

    fn chromosome(&self, name: &str) -> Option<&'a str> {
        let wanted = name.trim_start_matches("chr");
        self.stretches
            .iter()
            .find(|one| one.0.trim_start_matches("chr") == wanted || one.1 == name)
            .map(|one| one.0)
    }

    fn touch(&self, chromosome: &str, start: u64, end: u64) -> bool {
        self.stretches.iter().any(|one| one.0 == chromosome && one.2 <= end && start <= one.3)
    }
}
