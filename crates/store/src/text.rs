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

/// A name as it is compared without regard to case: lower letters, carets as single spaces, each component group between
/// equals signs and spaces, as `= doe jane =`.
pub(crate) fn folded(name: &str) -> String {
    let mut folded = String::with_capacity(name.len() + 4);
    for group in name.split('=').map(folded_group).filter(|group| group != " ") {
        folded.push('=');
        folded.push_str(&group);
    }
    folded.push('=');
    folded
}

/// One component group of a name, between spaces.
pub(crate) fn folded_group(group: &str) -> String {
    let mut folded = String::with_capacity(group.len() + 2);
    folded.push(' ');
    for character in group.chars().flat_map(char::to_lowercase) {
        let parts = matches!(character, '^' | ',' | '\0') || character.is_whitespace();
        if !parts {
            folded.push(character);
        } else if !folded.ends_with(' ') {
            folded.push(' ');
        }
    }
    if !folded.ends_with(' ') {
        folded.push(' ');
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_group_by_group() {
        assert_eq!(folded("Doe^Jane^^"), "= doe jane =");
        assert_eq!(
            folded("Yamada^Tarou=\u{5c71}\u{7530}^\u{592a}\u{90ce}="),
            "= yamada tarou = \u{5c71}\u{7530} \u{592a}\u{90ce} ="
        );
        assert_eq!(folded(""), "=");
    }

    /// The names of PS3.5 Annex H and I.
    #[test]
    fn japanese_and_korean_names_are_decoded() {
        let check = |charset: &str, bytes: &[u8], expected: &str| {
            assert_eq!(Charset::new(charset).decode(VR::PN, bytes), expected);
        };
        check(
            "\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
            "Yamada^Tarou=\u{5c71}\u{7530}^\u{592a}\u{90ce}",
        );
        check(
            "\\ISO 2022 IR 149",
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7",
            "Hong^Gildong=\u{6d2a}^\u{5409}\u{6d1e}",
        );
        check("ISO_IR 192", "Wang^XiaoDong=\u{738b}".as_bytes(), "Wang^XiaoDong=\u{738b}");
        check("ISO_IR 100", b"Buc^J\xe9r\xf4me", "Buc^J\u{e9}r\u{f4}me");
        check("no such set", b"J\xe9", "J\u{e9}");
    }
}
