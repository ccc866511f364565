//! Data sets under construction: each value in the form its VR allows.
//!
//! Source: PS3.5 Section 6.2.

use dicom_core::value::{DataSetSequence, PrimitiveValue};
use dicom_core::{DataElement, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use wilhelm_study::CodedConcept;

use crate::FormatError;

/// A data set, or an item of a sequence.
#[derive(Clone, Debug)]
pub(super) struct Item(InMemDicomObject);

impl Item {
    pub(super) fn new() -> Self {
        Self(InMemDicomObject::new_empty())
    }

    fn put(&mut self, tag: Tag, vr: VR, value: PrimitiveValue) {
        self.0.put(DataElement::new(tag, vr, value));
    }

    /// An element without a value, as type 2 attributes may be.
    pub(super) fn empty(&mut self, tag: Tag, vr: VR) {
        self.put(tag, vr, PrimitiveValue::Empty);
    }

    /// One text, cut to its VR.
    pub(super) fn text(&mut self, tag: Tag, vr: VR, value: &str) {
        let value = fitted(vr, value);
        self.put(tag, vr, if value.is_empty() { PrimitiveValue::Empty } else { value.into() });
    }

    /// A text of several values that are known to fit, with backslashes between them.
    pub(super) fn values(&mut self, tag: Tag, vr: VR, values: &str) {
        self.put(tag, vr, values.into());
    }

    pub(super) fn uid(&mut self, tag: Tag, uid: &str) {
        self.put(tag, VR::UI, uid.into());
    }

    /// US.
    pub(super) fn short(&mut self, tag: Tag, value: u16) {
        self.put(tag, VR::US, value.into());
    }
    /// IS.
    pub(super) fn integer(&mut self, tag: Tag, value: u32) {
        self.put(tag, VR::IS, value.to_string().into());
    }
    /// DS; the numbers are finite.
    pub(super) fn decimals(&mut self, tag: Tag, values: &[f64]) {
        let texts: Vec<String> = values.iter().copied().map(decimal).collect();
        self.put(tag, VR::DS, texts.join("\\").into());
    }
    /// US of several values.
    pub(super) fn shorts(&mut self, tag: Tag, values: &[u16]) {
        self.put(tag, VR::US, PrimitiveValue::U16(values.into()));
    }
    /// UL.
    pub(super) fn longs(&mut self, tag: Tag, values: &[u32]) {
        self.put(tag, VR::UL, PrimitiveValue::U32(values.into()));
    }
    /// FD.
    pub(super) fn doubles(&mut self, tag: Tag, values: &[f64]) {
        self.put(tag, VR::FD, PrimitiveValue::F64(values.into()));
    }
    /// FL.
    pub(super) fn floats(&mut self, tag: Tag, values: &[f32]) {
        self.put(tag, VR::FL, PrimitiveValue::F32(values.into()));
    }
    /// OF.
    pub(super) fn float_pixels(&mut self, tag: Tag, values: Vec<f32>) {
        self.put(tag, VR::OF, PrimitiveValue::F32(values.into()));
    }
    /// SL.
    pub(super) fn signed_longs(&mut self, tag: Tag, values: &[i32]) {
        self.put(tag, VR::SL, PrimitiveValue::I32(values.into()));
    }
    /// AT.
    pub(super) fn pointer(&mut self, tag: Tag, to: Tag) {
        self.put(tag, VR::AT, to.into());
    }
    /// OB, padded to an even length.
    pub(super) fn bytes(&mut self, tag: Tag, mut value: Vec<u8>) {
        if value.len() % 2 == 1 {
            value.push(0);
        }
        self.put(tag, VR::OB, PrimitiveValue::U8(value.into()));
    }
    /// OW.
    pub(super) fn words(&mut self, tag: Tag, value: Vec<u16>) {
        self.put(tag, VR::OW, PrimitiveValue::U16(value.into()));
    }

    pub(super) fn sequence(&mut self, tag: Tag, items: impl IntoIterator<Item = Self>) {
        let items: Vec<InMemDicomObject> = items.into_iter().map(|item| item.0).collect();
        self.0.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
    }

    /// A sequence of one item.
    pub(super) fn single(&mut self, tag: Tag, item: Self) {
        self.sequence(tag, [item]);
    }

    /// Takes over all elements of another data set.
    pub(super) fn merge(&mut self, other: Self) {
        other.0.into_iter().for_each(|element| {
            self.0.put(element);
        });
    }

    /// A code sequence of one item.
    pub(super) fn code(&mut self, tag: Tag, concept: &CodedConcept) {
        self.single(tag, code_item(concept));
    }

    /// The bytes of a Part 10 file in Explicit VR Little Endian.
    ///
    /// # Errors
    /// [`FormatError::Malformed`] where its identifiers are missing.
    pub(super) fn into_part_10(self) -> Result<Vec<u8>, FormatError> {
        let refused =
            |error: &dyn std::error::Error| FormatError::malformed("DICOM object", error.to_string());
        let meta = FileMetaTableBuilder::new().transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN);
        let file = self.0.with_meta(meta).map_err(|error| refused(&error))?;
        let mut bytes = Vec::new();
        file.write_all(&mut bytes).map_err(|error| refused(&error))?;
        Ok(bytes)
    }
}

/// An item of a code sequence.
///
/// A code longer than the 16 characters of its VR goes to Long Code Value, one with a colon that
/// begins as a URN or URL to URN Code Value (PS3.3 Section 8.1).
pub(super) fn code_item(concept: &CodedConcept) -> Item {
    let mut item = Item::new();
    let value = concept.value.trim();
    if value.starts_with("urn:") || value.contains("://") {
        item.text(tags::URN_CODE_VALUE, VR::UR, value);
    } else if value.chars().count() > 16 {
        item.text(tags::LONG_CODE_VALUE, VR::UC, value);
        item.text(tags::CODING_SCHEME_DESIGNATOR, VR::SH, &concept.scheme);
    } else {
        item.text(tags::CODE_VALUE, VR::SH, value);
        item.text(tags::CODING_SCHEME_DESIGNATOR, VR::SH, &concept.scheme);
    }
    item.text(tags::CODE_MEANING, VR::LO, &concept.meaning);
    item
}

/// The most characters of a VR; `None` where there is no bound that matters.
fn most_characters(vr: VR) -> Option<usize> {
    match vr {
        VR::SH | VR::CS | VR::AE => Some(16),
        VR::LO => Some(64),
        VR::ST => Some(1024),
        VR::LT => Some(10_240),
        _ => None,
    }
}

/// A text as its VR allows it: no control character, no separator, cut between characters.
fn fitted(vr: VR, text: &str) -> String {
    // Paragraphs and backslashes are content where a text has a single value by definition.
    let is_paragraphs = matches!(vr, VR::ST | VR::LT | VR::UT);
    let clean: String = text
        .chars()
        .map(|c| match c {
            '\r' | '\n' | '\t' if is_paragraphs => c,
            '\\' if is_paragraphs => c,
            '\\' => ' ',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    let clean = clean.trim();
    match vr {
        VR::PN => person_name(clean),
        _ => most_characters(vr).map_or_else(|| clean.to_owned(), |most| cut(clean, most).to_owned()),
    }
}

/// The first `most` characters, without a blank at the end and without tearing off combining marks.
pub(super) fn cut(text: &str, most: usize) -> &str {
    let Some((end, next)) = text.char_indices().nth(most) else { return text };
    let kept = &text[..end];
    let torn = is_combining(next);
    let kept = if torn {
        // The mark belongs to the character before it: both go.
        let base = kept.char_indices().rev().find(|(_, c)| !is_combining(*c)).map_or(0, |(at, _)| at);
        &kept[..base]
    } else {
        kept
    };
    kept.trim_end()
}

const fn is_combining(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}'
        | '\u{20D0}'..='\u{20FF}' | '\u{3099}'..='\u{309A}' | '\u{FE20}'..='\u{FE2F}' | '\u{200D}')
}

/// A Person Name: at most three component groups of 64 characters with five components each.
fn person_name(text: &str) -> String {
    const GROUPS: usize = 3;
    const COMPONENTS: usize = 5;
    const MOST: usize = 64;
    let groups: Vec<String> = text
        .split('=')
        .take(GROUPS)
        .map(|group| {
            let components: Vec<&str> = group.split('^').map(str::trim).take(COMPONENTS).collect();
            let joined = components.join("^");
            let joined = joined.trim_end_matches('^');
            cut(joined, MOST).trim_end_matches('^').to_owned()
        })
        .collect();
    groups.join("=").trim_end_matches('=').to_owned()
}

/// The nearest text of a number that fits the 16 characters of a DS.
pub(super) fn decimal(value: f64) -> String {
    const MOST: usize = 16;
    // A negative zero is no other number.
    let value = if value == 0.0 { 0.0 } else { value };
    let shortest = value.to_string();
    if shortest.len() <= MOST {
        return shortest;
    }
    let longest = |form: &dyn Fn(usize) -> String| {
        (0..MOST).rev().map(form).find(|text| text.len() <= MOST).unwrap_or_else(|| "0".to_owned())
    };
    let fixed = longest(&|digits| format!("{value:.digits$}"));
    let exponent = longest(&|digits| format!("{value:.digits$e}"));
    let off = |text: &str| text.parse::<f64>().map_or(f64::INFINITY, |found| (found - value).abs());
    if off(&exponent) < off(&fixed) {
        return exponent;
    }
    match fixed.contains('.') {
        true => fixed.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => fixed,
    }
}

/// A Code String from any words: upper case letters, digits and underscores, 16 at most.
pub(super) fn code_string(words: &str) -> String {
    let mut text = String::new();
    for c in words.chars() {
        let c = c.to_ascii_uppercase();
        if c.is_ascii_uppercase() || c.is_ascii_digit() {
            text.push(c);
        } else if !text.ends_with('_') && !text.is_empty() {
            text.push('_');
        }
    }
    let text = cut(&text, 16).trim_end_matches('_');
    if text.is_empty() { "RESULT".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_fits_sixteen_characters_and_is_as_near_as_they_allow() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (0.7, "0.7"),
            (-123.456, "-123.456"),
            (1.0 / 3.0, "0.33333333333333"),
            (-1.0 / 3.0, "-0.3333333333333"),
            (1e-7 / 3.0, "3.3333333333e-8"),
            (-179.650_000_000_000_03, "-179.65"),
        ] {
            let found = decimal(value);
            assert!(found.len() <= 16, "{found}");
            let parsed: f64 = found.parse().expect("a number");
            assert!((parsed - value).abs() <= 1e-12 * value.abs().max(1.0), "{value}: {found}");
            if expected.len() < 12 {
                assert_eq!(found, expected);
            }
        }
        for value in [f64::MIN_POSITIVE, f64::MAX, f64::MIN, 1e-300, 123_456_789_012_345_680.0] {
            assert!(decimal(value).len() <= 16, "{value}");
        }
    }

    #[test]
    fn a_text_is_cut_between_characters_and_a_separator_in_it_is_none() {
        assert_eq!(fitted(VR::SH, "0123456789abcdefgh"), "0123456789abcdef");
        assert_eq!(fitted(VR::LO, "a\\b\u{7}c"), "a b c");
        assert_eq!(fitted(VR::ST, "a\\b\nc"), "a\\b\nc");
        assert_eq!(fitted(VR::SH, &"é".repeat(20)), "é".repeat(16));
        // A letter with a combining mark is kept whole or not at all.
        assert_eq!(fitted(VR::SH, "0123456789abcdee\u{301}"), "0123456789abcde");
    }

    #[test]
    fn a_long_name_keeps_its_groups() {
        let long = "Ä".repeat(70);
        let name = fitted(VR::PN, &format!("{long}^Jane=山田^太郎=やまだ^たろう=x"));
        assert_eq!(name, format!("{}=山田^太郎=やまだ^たろう", "Ä".repeat(64)));
        assert_eq!(fitted(VR::PN, "Doe^Jane^^^=="), "Doe^Jane");
    }

    #[test]
    fn a_code_string_comes_from_any_words() {
        assert_eq!(code_string("left lung, lobes"), "LEFT_LUNG_LOBES");
        assert_eq!(code_string("  é "), "RESULT");
        assert_eq!(code_string("a very long content label"), "A_VERY_LONG_CONT");
    }

    #[test]
    fn a_code_goes_to_the_attribute_its_length_asks_for() {
        let long = code_item(&CodedConcept::new("SCT", "12345678901234567", "long"));
        assert!(long.0.element(tags::LONG_CODE_VALUE).is_ok() && long.0.element(tags::CODE_VALUE).is_err());
        let urn = code_item(&CodedConcept::new("", "urn:lex:us:federal", "law"));
        assert!(urn.0.element(tags::URN_CODE_VALUE).is_ok());
    }
}
