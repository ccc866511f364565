use super::Separators;

/// How the text of a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CharacterSet {
    /// Seven bits.
    Ascii,
    /// ISO 8859-1.
    Latin1,
    /// UTF-8.
    Utf8,
}

impl CharacterSet {
    /// By its name in table 0211; none is ASCII.
    pub fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"" | b"ASCII" => Self::Ascii,
            b"8859/1" => Self::Latin1,
            b"UNICODE UTF-8" | b"UTF-8" => Self::Utf8,
            _ => return None,
        })
    }

    /// Its name in table 0211.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ascii => "ASCII",
            Self::Latin1 => "8859/1",
            Self::Utf8 => "UNICODE UTF-8",
        }
    }

    /// The text of bytes; `None` where they are none in this set.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Ascii => bytes.is_ascii().then(|| bytes.iter().copied().map(char::from).collect()),
            Self::Latin1 => Some(bytes.iter().copied().map(char::from).collect()),
            Self::Utf8 => std::str::from_utf8(bytes).ok().map(str::to_owned),
        }
    }
}

/// A value without its escape sequences: separators as themselves, breaks as line feeds, highlighting and layout left out.
///
/// # Source
/// HL7 v2.5.1 Section 2.7
pub(super) fn unescaped(
    text: &str,
    separators: &Separators,
    set: CharacterSet,
) -> Result<String, &'static str> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(separators.escape) {
        out.push_str(before);
        let (sequence, tail) = after.split_once(separators.escape).ok_or("does not end")?;
        rest = tail;
        match sequence {
            "F" => out.push(separators.field),
            "S" => out.push(separators.component),
            "T" => out.push(separators.subcomponent),
            "R" => out.push(separators.repetition),
            "E" => out.push(separators.escape),
            "P" => out.push('#'),
            "H" | "N" => {}
            ".br" | ".sp" => out.push('\n'),
            other => match (other.as_bytes().first(), other.get(1..)) {
                (Some(b'X'), Some(digits)) => {
                    let bytes = hexadecimal(digits).ok_or("has no pairs of hexadecimal digits")?;
                    let decoded = set.decode(&bytes).filter(|text| !text.chars().any(char::is_control));
                    out.push_str(&decoded.ok_or("stands for no letters of the character set")?);
                }
                (Some(b'.' | b'Z'), _) => {}
                (Some(b'C' | b'M'), _) => return Err("changes the character set"),
                _ => return Err("is none of the Standard"),
            },
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    if digits.is_empty() || !digits.is_ascii() || digits.len() % 2 == 1 {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_what_they_stand_for_and_others_are_refused() {
        let separators =
            Separators { field: '|', component: '^', repetition: '~', escape: '\\', subcomponent: '&' };
        let check = |text: &str, expected: Result<&str, &str>| {
            let found = unescaped(text, &separators, CharacterSet::Utf8);
            assert_eq!(found.as_deref().map_err(|problem| *problem), expected, "{text}");
        };
        check("plain", Ok("plain"));
        check("a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f\\P\\", Ok("a|b^c&d~e\\f#"));
        check("one\\.br\\two\\H\\three\\N\\\\.in+4\\\\Zown\\", Ok("one\ntwothree"));
        check("M\\XC3BC\\ller", Ok("M\u{fc}ller"));
        check("a\\b", Err("does not end"));
        check("\\XC3\\", Err("stands for no letters of the character set"));
        check("\\X0D\\", Err("stands for no letters of the character set"));
        check("\\XG1\\", Err("has no pairs of hexadecimal digits"));
        check("\\X\u{e9}\\", Err("has no pairs of hexadecimal digits"));
        check("\\C2842\\", Err("changes the character set"));
        check("\\\\", Err("is none of the Standard"));
        assert_eq!(unescaped("\\XFC\\", &separators, CharacterSet::Latin1), Ok("\u{fc}".to_owned()));
    }
}
