use dicom_core::VR;
use dicom_encoding::text::{SpecificCharacterSet, TextCodec};

/// How the text of a data set is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Charset(Option<SpecificCharacterSet>);

impl Charset {
    /// From the values of Specific Character Set (0008,0005); of several, the one that says most.
    pub(crate) fn new(values: &str) -> Self {
        let mut codes: Vec<&str> =
            values.split('\\').map(str::trim).filter(|code| !code.is_empty()).collect();
        // The kanji of IR 87 stand beside the katakana of IR 13: the decoder of the former knows the escapes.
        codes.sort_by_key(|code| (!code.ends_with("IR 87"), code.ends_with("IR 6")));
        Self(codes.into_iter().find_map(SpecificCharacterSet::from_code))
    }

    /// The text of a value; what cannot be decoded is kept as far as it is ASCII.
    pub(crate) fn decode(&self, vr: VR, bytes: &[u8]) -> String {
        if bytes.is_ascii() && !bytes.contains(&0x1B) {
            return String::from_utf8_lossy(bytes).into_owned();
        }
        let of_the_set = matches!(vr, VR::SH | VR::LO | VR::ST | VR::LT | VR::UC | VR::UT | VR::PN | VR::UN);
        let decoded = match &self.0 {
            Some(charset) if of_the_set => {
                let korean = charset.name() == "ISO_IR 149" || charset.name() == "GBK";
                let bytes = if korean { without_designations(bytes) } else { bytes.to_vec() };
                charset.decode(&bytes).ok()
            }
            // Undeclared: UTF-8 cannot be met by chance, the rest is Latin.
            _ => std::str::from_utf8(bytes)
                .map(str::to_owned)
                .ok()
                .or_else(|| SpecificCharacterSet::ISO_IR_100.decode(bytes).ok()),
        };
        decoded.unwrap_or_else(|| {
            bytes.iter().map(|&byte| if byte.is_ascii() { char::from(byte) } else { '\u{FFFD}' }).collect()
        })
    }
}

/// Removes the escape sequences that designate the Korean and Chinese sets, which the codecs expect to be in force.
fn without_designations(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, tail)) = rest.split_first() {
        rest = match rest {
            [0x1B, b'$', b')', b'A' | b'C', after @ ..] | [0x1B, b'(', b'B', after @ ..] => after,
            _ => {
                plain.push(first);
                tail
            }
        };
    }
    plain
}

/// Text without the padding of its VR.
pub(crate) fn trimmed(vr: VR, text: &str) -> &str {
    let text = text.trim_end_matches(['\0', ' ']);
    match vr {
        VR::ST | VR::LT | VR::UT => text,
        _ => text.trim_start_matches(' '),
    }
}

/// A name or text as it is compared without regard to case: lower letters, carets and equals signs as single spaces.
pub fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len() + 2);
    folded.push(' ');
    for character in text.chars().flat_map(char::to_lowercase) {
        let character = if matches!(character, '^' | '=' | ',' | '\0') || character.is_whitespace() {
            ' '
        } else {
            character
        };
        if character != ' ' || !folded.ends_with(' ') {
            folded.push(character);
        }
    }
    if !folded.ends_with(' ') {
        folded.push(' ');
    }
    folded
}
