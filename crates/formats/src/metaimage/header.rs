//! The fields of a MetaImage header.

use std::collections::BTreeMap;

use crate::FormatError;
use crate::volume::stored::StoredType;

/// No header is longer: what goes on is not one.
const LONGEST: usize = 1 << 20;
/// As many dimensions as MetaIO allows.
const MOST_AXES: usize = 10;

/// What the header says.
#[derive(Debug)]
pub(super) struct Header {
    pub sizes: Vec<usize>,
    pub channels: usize,
    pub stored: StoredType,
    pub binary: bool,
    pub big_endian: bool,
    pub compressed: bool,
    pub compressed_size: Option<u64>,
    /// Bytes before the data of a second file; `None` for -1, data at the end.
    pub header_size: Option<u64>,
    /// The name of a second file; `None` for data behind the header.
    pub data_file: Option<String>,
    pub spacing: Vec<f64>,
    pub spacing_stated: bool,
    pub offset: Vec<f64>,
    /// Row `i` is the direction of axis `i`.
    pub matrix: Vec<Vec<f64>>,
    pub matrix_stated: bool,
    pub anatomical: Option<String>,
    /// What had to be assumed: the field and a sentence.
    pub doubts: Vec<(&'static str, String)>,
    /// All fields, as written.
    pub other: BTreeMap<String, String>,
}

/// Whether bytes begin as a MetaImage header does: `Key = Value` lines, one of them `NDims`.
pub(crate) fn is_metaimage(bytes: &[u8]) -> bool {
    const FIRST: [&str; 5] = ["ObjectType", "NDims", "Comment", "ObjectSubType", "Name"];
    let key = |line: &[u8]| -> Option<String> {
        let end = line.iter().position(|byte| *byte == b'=')?;
        std::str::from_utf8(&line[..end]).ok().map(|key| key.trim().to_owned())
    };
    let mut lines = bytes.split(|byte| *byte == b'\n').map_while(key);
    lines.next().is_some_and(|first| {
        FIRST.contains(&first.as_str()) && (first == "NDims" || lines.any(|key| key == "NDims"))
    })
}

fn malformed(field: &str, message: impl Into<String>) -> FormatError {
    FormatError::malformed(field, message)
}

/// All fields up to `ElementDataFile`, and where the data begin behind it.
fn fields(bytes: &[u8]) -> Result<(BTreeMap<String, String>, usize), FormatError> {
    let header = &bytes[..bytes.len().min(LONGEST)];
    let mut fields = BTreeMap::new();
    let mut at = 0;
    while at < header.len() {
        let rest = &header[at..];
        let end = rest.iter().position(|byte| *byte == b'\n');
        let line = String::from_utf8_lossy(&rest[..end.unwrap_or(rest.len())]);
        at += end.map_or(rest.len(), |end| end + 1);
        if line.trim().is_empty() {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            return Err(malformed("MetaImage header", "a line without =, expected a key and a value"));
        };
        let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
        let last = key == "ElementDataFile";
        if fields.insert(key.clone(), value).is_some() {
            return Err(malformed(&crate::segment::clean(&key), "stated twice in the header"));
        }
        if last {
            return Ok((fields, at));
        }
    }
    Err(malformed("ElementDataFile", "missing from the header"))
}

impl Header {
    /// Reads a header; the second value is where data in the same file begin.
    ///
    /// # Errors
    /// [`FormatError`] for fields that are missing, contradict each other or cannot be read.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, usize), FormatError> {
        let (fields, behind) = fields(bytes)?;
        let any = |names: &[&'static str]| -> Option<(&'static str, &str)> {
            names.iter().find_map(|name| fields.get(*name).map(|value| (*name, value.as_str())))
        };
        let need = |name: &'static str| {
            any(&[name]).map(|(_, value)| value).ok_or_else(|| malformed(name, "missing from the header"))
        };
        if let Some((_, kind)) = any(&["ObjectType"]).filter(|(_, kind)| *kind != "Image") {
            let what = format!("MetaIO object of type {}", crate::segment::clean(kind));
            return Err(FormatError::unsupported(what, "an object of type Image"));
        }
        let axes: usize = one(need("NDims")?, "NDims")?;
        if !(2..=MOST_AXES).contains(&axes) {
            return Err(malformed("NDims", format!("{axes}, expected 2 to {MOST_AXES}")));
        }
        let sizes: Vec<usize> = list(need("DimSize")?, "DimSize", axes)?;
        if let Some(axis) = sizes.iter().position(|size| *size == 0) {
            return Err(malformed("DimSize", format!("axis {axis} has 0 places, expected more")));
        }
        let mut doubts = Vec::new();
        let flag = |names: &[&'static str], otherwise: bool| match any(names) {
            None => Ok(otherwise),
            Some((name, value)) => match value.chars().next().map(|c| c.to_ascii_lowercase()) {
                Some('t' | 'y' | '1') => Ok(true),
                Some('f' | 'n' | '0') => Ok(false),
                _ => Err(malformed(name, "neither True nor False")),
            },
        };
        let unit = match any(&["DistanceUnits"]).map(|(_, unit)| unit) {
            None | Some("mm" | "?") => 1.0,
            Some("um") => 0.001,
            Some("cm") => 10.0,
            Some("m") => 1000.0,
            Some(_) => {
                doubts.push(("DistanceUnits", "unit not known: millimeters are assumed".to_owned()));
                1.0
            }
        };
        let spacing = match any(&["ElementSpacing"]) {
            Some((name, text)) => list::<f64>(text, name, axes)?,
            None => {
                doubts.push(("ElementSpacing", "missing: 1 mm is assumed".to_owned()));
                vec![1.0; axes]
            }
        };
        for (axis, found) in spacing.iter().enumerate() {
            if !(found.is_finite() && *found > 0.0) {
                let message = format!("{found} along axis {axis}, expected more than 0");
                return Err(malformed("ElementSpacing", message));
            }
        }
        let offset = match any(&["Offset", "Origin", "Position"]) {
            Some((name, text)) => list::<f64>(text, name, axes)?,
            None => {
                doubts.push(("Offset", "missing: 0 is assumed".to_owned()));
                vec![0.0; axes]
            }
        };
        let stated = any(&["TransformMatrix", "Rotation", "Orientation"]);
        let matrix = match stated {
            Some((name, text)) => list::<f64>(text, name, axes * axes)?,
            None => {
                let message = "missing: axes along left, posterior, superior are assumed".to_owned();
                doubts.push(("TransformMatrix", message));
                (0..axes * axes).map(|i| f64::from(u8::from(i % (axes + 1) == 0))).collect()
            }
        };
        let matrix: Vec<Vec<f64>> = matrix.chunks(axes).map(<[f64]>::to_vec).collect();
        let mixed = (0..axes)
            .any(|row| (0..axes).any(|column| (row < 3) != (column < 3) && matrix[row][column] != 0.0));
        if axes > 3 && mixed {
            let message = "mixes space with the axes behind the third, expected 0 there";
            return Err(malformed("TransformMatrix", message));
        }
        for (field, neutral) in
            [("ElementToIntensityFunctionSlope", 1.0), ("ElementToIntensityFunctionOffset", 0.0)]
        {
            if let Some((_, text)) = any(&[field])
                && one::<f64>(text, field)? != neutral
            {
                doubts.push((field, "not applied, as ITK does not: values are as stored".to_owned()));
            }
        }
        let data_file = need("ElementDataFile")?;
        let data_file = match data_file {
            "LOCAL" | "Local" | "local" => None,
            "LIST" => return Err(FormatError::unsupported("a list of data files", "one data file")),
            name if name.contains('%') || name.starts_with("LIST ") => {
                return Err(FormatError::unsupported("a pattern of data files", "one data file"));
            }
            name => Some(name.to_owned()),
        };
        let channels: usize =
            any(&["ElementNumberOfChannels"]).map_or(Ok(1), |(name, text)| one(text, name))?;
        if channels == 0 {
            return Err(malformed("ElementNumberOfChannels", "0, expected at least 1"));
        }
        let header_size = match any(&["HeaderSize"]) {
            None => Some(0),
            Some((_, "-1")) => None,
            Some((name, text)) => Some(one(text, name)?),
        };
        let header = Self {
            channels,
            stored: stored_type(need("ElementType")?)?,
            binary: flag(&["BinaryData"], true)?,
            big_endian: flag(&["BinaryDataByteOrderMSB", "ElementByteOrderMSB"], false)?,
            compressed: flag(&["CompressedData"], false)?,
            compressed_size: any(&["CompressedDataSize"]).map(|(name, text)| one(text, name)).transpose()?,
            header_size,
            data_file,
            spacing: spacing.iter().map(|value| value * unit).collect(),
            spacing_stated: any(&["ElementSpacing"]).is_some(),
            offset: offset.iter().map(|value| value * unit).collect(),
            matrix,
            matrix_stated: stated.is_some(),
            anatomical: any(&["AnatomicalOrientation"])
                .map(|(_, text)| text.to_ascii_uppercase())
                .filter(|text| text.len() == 3 && text.chars().all(|c| "RLAPIS".contains(c))),
            doubts,
            sizes,
            other: fields,
        };
        Ok((header, behind))
    }
}

fn one<T: std::str::FromStr>(text: &str, field: &str) -> Result<T, FormatError> {
    text.parse().map_err(|_| malformed(field, "no number, or below 0 where it must not be"))
}

fn list<T: std::str::FromStr>(text: &str, field: &str, expected: usize) -> Result<Vec<T>, FormatError> {
    let numbers: Vec<T> = text.split_whitespace().map(|word| one(word, field)).collect::<Result<_, _>>()?;
    if numbers.len() != expected {
        return Err(malformed(field, format!("{} numbers, expected {expected}", numbers.len())));
    }
    Ok(numbers)
}

/// The type of one element; `LONG` has 32 bits in MetaIO.
fn stored_type(name: &str) -> Result<StoredType, FormatError> {
    let name = name.strip_prefix("MET_").unwrap_or(name);
    Ok(match name.strip_suffix("_ARRAY").unwrap_or(name) {
        "CHAR" | "ASCII_CHAR" => StoredType::I8,
        "UCHAR" => StoredType::U8,
        "SHORT" => StoredType::I16,
        "USHORT" => StoredType::U16,
        "INT" | "LONG" => StoredType::I32,
        "UINT" | "ULONG" => StoredType::U32,
        "LONG_LONG" => StoredType::I64,
        "ULONG_LONG" => StoredType::U64,
        "FLOAT" => StoredType::F32,
        "DOUBLE" => StoredType::F64,
        _ => return Err(FormatError::unsupported("this ElementType", "integers or floating point")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_told_from_other_text() {
        assert!(is_metaimage(b"ObjectType = Image\nNDims = 3\n"));
        assert!(is_metaimage(b"NDims=2\r\nDimSize = 1 1\n"));
        assert!(!is_metaimage(b"ObjectType = Image\nsome text\nNDims = 3\n"));
        assert!(!is_metaimage(b"a = b\nNDims = 3\n"));
        assert!(!is_metaimage(b""));
    }
}
