//! The fields of an NRRD header.

use std::collections::BTreeMap;

use crate::FormatError;
use crate::volume::payload::Packing;
use crate::volume::stored::StoredType;

/// No header is longer: what goes on is not one.
const LONGEST: usize = 1 << 20;
/// As many axes as Teem allows.
const MOST_AXES: usize = 16;

/// What an axis counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Not stated.
    Unknown,
    /// A place in space: `domain`, `space`.
    Space,
    /// One image after another: `list`, `vector`, `time`, `point`...
    Several,
    /// Red, green, blue, and opacity where there are four.
    Color,
    /// Components that mean something of their own, such as a tensor or a complex number.
    Other(&'static str),
}

#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub size: usize,
    pub kind: Kind,
    pub spacing: Option<f64>,
    pub min: Option<f64>,
    pub thickness: Option<f64>,
    pub node_centered: bool,
    pub unit: Option<String>,
}

/// What the header says, in the file's own space.
#[derive(Debug)]
pub(super) struct Header {
    pub stored: StoredType,
    pub big_endian: bool,
    pub packing: Packing,
    pub axes: Vec<Axis>,
    /// The name of a file beside this one that holds the data.
    pub data_file: Option<String>,
    pub line_skip: u64,
    /// `None` for -1: the data are at the end.
    pub byte_skip: Option<u64>,
    /// The name of the space, in lower case.
    pub space: Option<String>,
    pub space_dimension: Option<usize>,
    /// One vector an axis, `None` where the axis is none of space.
    pub directions: Option<Vec<Option<Vec<f64>>>>,
    pub origin: Option<Vec<f64>>,
    pub space_units: Vec<String>,
    /// Key/value pairs.
    pub pairs: BTreeMap<String, String>,
    /// Fields that the format does not have.
    pub unknown: Vec<String>,
}

fn malformed(field: &str, message: impl Into<String>) -> FormatError {
    FormatError::malformed(field, message)
}

impl Header {
    /// Reads a header; the second value is where attached data begin.
    ///
    /// # Errors
    /// [`FormatError`] for fields that are missing, contradict each other or cannot be read.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, usize), FormatError> {
        let (fields, pairs, behind) = lines(bytes)?;
        let get = |name: &str| fields.get(name).map(String::as_str);
        let need = |name: &'static str| get(name).ok_or_else(|| malformed(name, "missing from the header"));
        let stored = stored_type(need("type")?)?;
        let dimension: usize = number(need("dimension")?, "dimension")?;
        if !(1..=MOST_AXES).contains(&dimension) {
            return Err(malformed("dimension", format!("{dimension}, expected 1 to {MOST_AXES}")));
        }
        let packing = match need("encoding")?.to_ascii_lowercase().as_str() {
            "raw" => Packing::Plain,
            "gzip" | "gz" => Packing::Gzip,
            "text" | "txt" | "ascii" => Packing::Text,
            "hex" => Packing::Hexadecimal,
            "bzip2" | "bz2" => {
                return Err(FormatError::unsupported("bzip2 encoding", "raw, gzip, text or hex"));
            }
            _ => return Err(FormatError::unsupported("this encoding", "raw, gzip, text or hex")),
        };
        let big_endian = match get("endian").map(str::to_ascii_lowercase).as_deref() {
            Some("little") => false,
            Some("big") => true,
            None if stored.bytes() == 1 || packing == Packing::Text => false,
            Some(_) => return Err(malformed("endian", "neither little nor big")),
            None => return Err(malformed("endian", "missing, expected little or big")),
        };
        let axes = axes(&fields, need("sizes")?, dimension)?;
        let data_file = match get("data file") {
            Some(list) if list.split_whitespace().next().is_some_and(|word| word == "LIST") => {
                return Err(FormatError::unsupported("a list of data files", "one data file"));
            }
            Some(pattern) if pattern.contains('%') => {
                return Err(FormatError::unsupported("a pattern of data files", "one data file"));
            }
            name => name.map(str::to_owned),
        };
        let byte_skip = match get("byte skip") {
            Some("-1") => None,
            Some(text) => Some(number(text, "byte skip")?),
            None => Some(0),
        };
        let directions = get("space directions").map(|text| vectors(text, "space directions")).transpose()?;
        if let Some(found) = directions.as_ref().map(Vec::len).filter(|found| *found != dimension) {
            let message = format!("{found} vectors, expected {dimension}");
            return Err(malformed("space directions", message));
        }
        let origin = match get("space origin") {
            Some(text) => match vectors(text, "space origin")?.as_slice() {
                [Some(origin)] => Some(origin.clone()),
                _ => return Err(malformed("space origin", "expected one vector")),
            },
            None => None,
        };
        let known = |name: &&String| !FIELDS.contains(&name.as_str());
        let unknown = fields
            .keys()
            .filter(known)
            .take(8)
            .map(|name| format!("field {} is not known: passed over", crate::segment::clean(name)))
            .collect();
        let header = Self {
            stored,
            big_endian,
            packing,
            axes,
            data_file,
            line_skip: get("line skip").map_or(Ok(0), |text| number(text, "line skip"))?,
            byte_skip,
            space: get("space").map(str::to_ascii_lowercase),
            space_dimension: get("space dimension")
                .map(|text| number(text, "space dimension"))
                .transpose()?,
            directions,
            origin,
            space_units: get("space units").map(quoted).unwrap_or_default(),
            pairs,
            unknown,
        };
        Ok((header, behind))
    }
}

/// Every field of the format, under its first spelling.
const FIELDS: [&str; 32] = [
    "axis maxs",
    "axis mins",
    "block size",
    "byte skip",
    "centers",
    "content",
    "data file",
    "dimension",
    "encoding",
    "endian",
    "kinds",
    "labels",
    "line skip",
    "max",
    "measurement frame",
    "min",
    "number",
    "old max",
    "old min",
    "sample units",
    "sizes",
    "space",
    "space dimension",
    "space directions",
    "space origin",
    "space units",
    "spacings",
    "thicknesses",
    "type",
    "units",
    "block-size",
    "comment",
];

type Lines = (BTreeMap<String, String>, BTreeMap<String, String>, usize);

/// Fields and key/value pairs up to the empty line, and where the data begin behind it.
fn lines(bytes: &[u8]) -> Result<Lines, FormatError> {
    if !matches!(bytes.get(..8), Some([b'N', b'R', b'R', b'D', b'0', b'0', b'0', b'1'..=b'5'])) {
        return Err(FormatError::unsupported("this version of NRRD", "NRRD0001 to NRRD0005"));
    }
    let (mut fields, mut pairs) = (BTreeMap::new(), BTreeMap::new());
    let header = &bytes[..bytes.len().min(LONGEST)];
    let mut at = 0;
    let mut first = true;
    loop {
        let rest = &header[at..];
        let (line, next) = match rest.iter().position(|byte| *byte == b'\n') {
            Some(end) => (&rest[..end], at + end + 1),
            None if header.len() == LONGEST => {
                return Err(malformed("NRRD header", format!("no end within {LONGEST} bytes")));
            }
            // A detached header may end with the file.
            None => (rest, header.len()),
        };
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end_matches('\r');
        let at_end = next == header.len() && header.len() == bytes.len();
        at = next;
        if line.is_empty() {
            break;
        }
        if !std::mem::take(&mut first) && !line.starts_with('#') {
            one_line(line, &mut fields, &mut pairs)?;
        }
        if at_end {
            if fields.contains_key("data file") {
                break;
            }
            return Err(FormatError::Truncated {
                place: "NRRD header".to_owned(),
                found: bytes.len() as u64,
                expected: bytes.len() as u64 + 1,
            });
        }
    }
    Ok((fields, pairs, at))
}

fn one_line(
    line: &str,
    fields: &mut BTreeMap<String, String>,
    pairs: &mut BTreeMap<String, String>,
) -> Result<(), FormatError> {
    let pair = line.find(":=");
    let field = line.find(": ").or_else(|| line.strip_suffix(':').map(str::len));
    match (pair, field) {
        (Some(pair), field) if field.is_none_or(|field| pair < field) => {
            let value = line[pair + 2..].replace("\\n", "\n").replace("\\\\", "\\");
            pairs.insert(line[..pair].to_owned(), value);
            Ok(())
        }
        (_, Some(field)) => {
            let name = line[..field].trim().to_ascii_lowercase();
            let name = match name.as_str() {
                "datafile" => "data file",
                "lineskip" => "line skip",
                "byteskip" => "byte skip",
                "axismins" => "axis mins",
                "axismaxs" => "axis maxs",
                "centerings" => "centers",
                "oldmin" => "old min",
                "oldmax" => "old max",
                "blocksize" => "block size",
                "sampleunits" => "sample units",
                _ => &name,
            };
            let value = line[field + 1..].trim().to_owned();
            if fields.insert(name.to_owned(), value).is_some() {
                let name = crate::segment::clean(name);
                return Err(malformed(&name, "stated twice in the header"));
            }
            Ok(())
        }
        _ => Err(malformed("NRRD header", "a line is neither a field nor a key with a value")),
    }
}

/// A field whose text is one number.
fn number<T: std::str::FromStr>(text: &str, field: &str) -> Result<T, FormatError> {
    text.trim().parse().map_err(|_| malformed(field, "no number, or below 0 where it must not be"))
}

fn stored_type(name: &str) -> Result<StoredType, FormatError> {
    let name = name.to_ascii_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(match name.as_str() {
        "char" | "signed char" | "int8" | "int8_t" => StoredType::I8,
        "uchar" | "unsigned char" | "uint8" | "uint8_t" => StoredType::U8,
        "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => StoredType::I16,
        "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => StoredType::U16,
        "int" | "signed int" | "int32" | "int32_t" => StoredType::I32,
        "uint" | "unsigned int" | "uint32" | "uint32_t" => StoredType::U32,
        "longlong"
        | "long long"
        | "long long int"
        | "signed long long"
        | "signed long long int"
        | "int64"
        | "int64_t" => StoredType::I64,
        "ulonglong" | "unsigned long long" | "unsigned long long int" | "uint64" | "uint64_t" => {
            StoredType::U64
        }
        "float" => StoredType::F32,
        "double" => StoredType::F64,
        "block" => return Err(FormatError::unsupported("type block", "integers or floating point")),
        _ => return Err(FormatError::unsupported("this type of value", "integers or floating point")),
    })
}

fn axes(fields: &BTreeMap<String, String>, sizes: &str, dimension: usize) -> Result<Vec<Axis>, FormatError> {
    let count = |found: usize, field: &str| {
        if found == dimension {
            return Ok(());
        }
        Err(malformed(field, format!("{found} entries, expected {dimension}")))
    };
    let words = |field: &str| -> Result<Vec<String>, FormatError> {
        let Some(text) = fields.get(field) else { return Ok(Vec::new()) };
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        count(words.len(), field)?;
        Ok(words)
    };
    // `nan` and `none` say that an axis has no such number.
    let numbers = |field: &str| -> Result<Vec<Option<f64>>, FormatError> {
        let numbers = words(field)?.into_iter().map(|word| match word.to_ascii_lowercase().as_str() {
            "nan" | "none" | "???" => Ok(None),
            text => number(text, field).map(Some),
        });
        numbers.collect()
    };
    let sizes: Vec<&str> = sizes.split_whitespace().collect();
    count(sizes.len(), "sizes")?;
    let kinds = words("kinds")?;
    let (spacings, mins, thicknesses) =
        (numbers("spacings")?, numbers("axis mins")?, numbers("thicknesses")?);
    let centers = words("centers")?;
    let units = fields.get("units").map(|text| quoted(text)).unwrap_or_default();
    let axis = |i: usize| -> Result<Axis, FormatError> {
        let size: usize = number(sizes[i], "sizes")?;
        if size == 0 {
            return Err(malformed("sizes", format!("axis {i} has 0 places, expected more")));
        }
        let at = |list: &[Option<f64>]| list.get(i).copied().flatten();
        Ok(Axis {
            size,
            kind: kinds.get(i).map_or(Kind::Unknown, |name| kind(name, size)),
            spacing: at(&spacings),
            min: at(&mins),
            thickness: at(&thicknesses),
            node_centered: centers.get(i).is_some_and(|center| center.eq_ignore_ascii_case("node")),
            unit: units.get(i).cloned(),
        })
    };
    (0..dimension).map(axis).collect()
}

fn kind(name: &str, size: usize) -> Kind {
    match name.to_ascii_lowercase().as_str() {
        "domain" | "space" => Kind::Space,
        "list" | "vector" | "covariant-vector" | "normal" | "point" | "stub" | "scalar" | "time"
        | "2-vector" | "3-vector" | "4-vector" | "3-gradient" | "3-normal" => Kind::Several,
        "rgb-color" if size == 3 => Kind::Color,
        "rgba-color" if size == 4 => Kind::Color,
        "???" | "none" => Kind::Unknown,
        "complex" => Kind::Other("complex"),
        "quaternion" => Kind::Other("quaternion"),
        name if name.contains("matrix") => Kind::Other("matrix"),
        _ => Kind::Other("no known"),
    }
}

/// Words in quotes, or bare.
fn quoted(text: &str) -> Vec<String> {
    if text.contains('"') {
        text.split('"').skip(1).step_by(2).map(str::to_owned).collect()
    } else {
        text.split_whitespace().map(str::to_owned).collect()
    }
}

/// `none` and `(1,0,0)` in a row, with or without spaces in the brackets.
fn vectors(text: &str, field: &str) -> Result<Vec<Option<Vec<f64>>>, FormatError> {
    let mut vectors = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if let Some(behind) = rest.strip_prefix("none") {
            vectors.push(None);
            rest = behind.trim_start();
            continue;
        }
        let inside = rest.strip_prefix('(').and_then(|behind| behind.split_once(')'));
        let (inside, behind) = inside.ok_or_else(|| malformed(field, "no vector in brackets"))?;
        let vector: Result<Vec<f64>, _> = inside.split(',').map(|part| number(part, field)).collect();
        vectors.push(Some(vector?));
        rest = behind.trim_start();
    }
    Ok(vectors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_read_with_and_without_spaces() {
        let read = vectors("none (1,0, -2.5e0)(0,1,0)", "space directions").expect("vectors");
        assert_eq!(read, [None, Some(vec![1.0, 0.0, -2.5]), Some(vec![0.0, 1.0, 0.0])]);
        assert!(vectors("(1,0", "space directions").is_err());
        assert!(vectors("1 0 0", "space directions").is_err());
    }

    #[test]
    fn fields_have_several_spellings_and_keys_have_escapes() {
        let text = b"NRRD0004\n# type: double\r\ntype: signed  short\nDimension: 2\nsizes: 2 1\n\
            encoding: raw\nendian: big\ndatafile: a.raw\nkey with: colon:=a\\nb\nno field: x\n";
        let (header, behind) = Header::read(text).expect("a header");
        assert_eq!((header.stored, header.big_endian), (StoredType::I16, true));
        assert_eq!(header.data_file.as_deref(), Some("a.raw"));
        assert_eq!(behind, text.len());
        assert_eq!(
            header.unknown,
            ["field key with is not known: passed over", "field no field is not known: passed over"]
        );
    }
}
