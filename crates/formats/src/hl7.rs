//! Messages of HL7 v2, read strictly: segments, fields, repetitions, components and their escapes.
//!
//! Source: HL7 v2.5.1 Chapter 2.

mod escape;

use wilhelm_study::Phi;

pub use escape::CharacterSet;

/// Largest message, in bytes.
pub const LONGEST_MESSAGE: usize = 1 << 20;
/// Most segments of a message.
const MOST_SEGMENTS: usize = 2000;

/// Why bytes are no message. What came is never repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// More than a message may have.
    #[error("the message has {found} {what}, expected at most {most}")]
    TooLarge {
        /// What was counted.
        what: &'static str,
        /// As found.
        found: usize,
        /// As allowed.
        most: usize,
    },
    /// Not a message at all.
    #[error(
        "the message does not begin with MSH, a field separator and four encoding characters that differ"
    )]
    Header,
    /// A character set that is not read.
    #[error("MSH-18 names a character set other than ASCII, 8859/1 and UNICODE UTF-8")]
    CharacterSet,
    /// Bytes that are no text in the character set.
    #[error("segment {segment} has bytes that are no letters in the character set of MSH-18 ({declared})")]
    Text {
        /// The segment's place, the header's being 1.
        segment: usize,
        /// The character set.
        declared: &'static str,
    },
    /// A line that is no segment.
    #[error(
        "segment {segment} does not begin with a name of three capital letters or digits and a field separator"
    )]
    Segment {
        /// The segment's place, the header's being 1.
        segment: usize,
    },
    /// An escape sequence that cannot be read.
    #[error("{segment}-{field} has an escape sequence that {problem}")]
    Escape {
        /// The segment's name.
        segment: String,
        /// The field's number.
        field: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// The five separators, as MSH-1 and MSH-2 name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Separators {
    field: char,
    component: char,
    repetition: char,
    escape: char,
    subcomponent: char,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    segments: Vec<Segment>,
}

/// A segment of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    name: String,
    fields: Vec<Phi<String>>,
    separators: Separators,
    set: CharacterSet,
}

/// A field, or a repetition, component or subcomponent of one.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    text: &'a str,
    segment: &'a Segment,
    number: usize,
}

impl Message {
    /// Reads a message without its block's bytes.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn read(bytes: &[u8]) -> Result<Self, MessageError> {
        if bytes.len() > LONGEST_MESSAGE {
            let (what, found) = ("bytes", bytes.len());
            return Err(MessageError::TooLarge { what, found, most: LONGEST_MESSAGE });
        }
        let separators = separators(bytes)?;
        let mut lines = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).filter(|line| !line.is_empty());
        let header = lines.next().ok_or(MessageError::Header)?;
        // MSH-1 is the separator itself: MSH-18 stands behind the seventeenth.
        let declared = header.split(|byte| char::from(*byte) == separators.field).nth(17).unwrap_or_default();
        let declared = declared.split(|byte| char::from(*byte) == separators.repetition).next();
        let set = CharacterSet::named(declared.unwrap_or_default()).ok_or(MessageError::CharacterSet)?;
        let mut segments = vec![Segment::read(header, 1, separators, set)?];
        for (number, line) in lines.enumerate() {
            if number + 2 > MOST_SEGMENTS {
                let (what, found) = ("segments", number + 2);
                return Err(MessageError::TooLarge { what, found, most: MOST_SEGMENTS });
            }
            segments.push(Segment::read(line, number + 2, separators, set)?);
        }
        Ok(Self { segments })
    }

    /// The header, MSH.
    pub fn header(&self) -> &Segment {
        &self.segments[0]
    }

    /// All segments in their order, the header first.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The first segment of a name.
    pub fn first(&self, name: &str) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.name == name)
    }
}

fn separators(bytes: &[u8]) -> Result<Separators, MessageError> {
    let rest = bytes.strip_prefix(b"MSH").ok_or(MessageError::Header)?;
    let (Some(&field), Some(encoding)) = (rest.first(), rest.get(1..)) else {
        return Err(MessageError::Header);
    };
    let end = encoding.iter().position(|byte| *byte == field || matches!(byte, b'\r' | b'\n'));
    let encoding = &encoding[..end.unwrap_or(encoding.len())];
    // A fifth one, of v2.7, says where a value was cut.
    let &[component, repetition, escape, subcomponent] = encoding.get(..4).ok_or(MessageError::Header)?
    else {
        return Err(MessageError::Header);
    };
    let all = [field, component, repetition, escape, subcomponent];
    let differ = all.iter().enumerate().all(|(place, byte)| !all[..place].contains(byte));
    if encoding.len() > 5 || !differ || !all.iter().all(u8::is_ascii_punctuation) {
        return Err(MessageError::Header);
    }
    let [field, component, repetition, escape, subcomponent] = all.map(char::from);
    Ok(Separators { field, component, repetition, escape, subcomponent })
}

impl Segment {
    fn read(
        line: &[u8],
        number: usize,
        separators: Separators,
        set: CharacterSet,
    ) -> Result<Self, MessageError> {
        let text = set.decode(line).filter(|text| !text.chars().any(|c| c.is_control() && c != '\t'));
        let text = text.ok_or(MessageError::Text { segment: number, declared: set.name() })?;
        let mut fields = text.split(separators.field);
        let name = fields.next().unwrap_or_default().to_owned();
        let letters = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if name.len() != 3 || !letters || (number > 1) == (name == "MSH") {
            return Err(MessageError::Segment { segment: number });
        }
        let mut fields: Vec<Phi<String>> = fields.map(|field| Phi::new(field.to_owned())).collect();
        if number == 1 {
            fields.insert(0, Phi::new(separators.field.to_string()));
        }
        Ok(Self { name, fields, separators, set })
    }

    /// Its name, as `PID`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The field of a number, from 1; one that is not there is empty.
    pub fn field(&self, number: usize) -> Part<'_> {
        let text = number.checked_sub(1).and_then(|place| self.fields.get(place));
        Part { text: text.map_or("", |text| text.expose()), segment: self, number }
    }
}

impl<'a> Part<'a> {
    /// The repetitions of a field.
    pub fn repetitions(self) -> impl Iterator<Item = Part<'a>> {
        self.text.split(self.segment.separators.repetition).map(move |text| Part { text, ..self })
    }

    /// The component of a number, from 1, of the first repetition.
    #[must_use]
    pub fn component(self, number: usize) -> Self {
        let Separators { repetition, component, .. } = self.segment.separators;
        let first = self.text.split(repetition).next().unwrap_or_default();
        let text = number.checked_sub(1).and_then(|place| first.split(component).nth(place));
        Self { text: text.unwrap_or_default(), ..self }
    }

    /// The subcomponent of a number, from 1.
    #[must_use]
    pub fn subcomponent(self, number: usize) -> Self {
        let mut parts = self.text.split(self.segment.separators.subcomponent);
        let text = number.checked_sub(1).and_then(|place| parts.nth(place));
        Self { text: text.unwrap_or_default(), ..self }
    }

    /// Whether nothing was said.
    pub fn is_empty(self) -> bool {
        self.text.is_empty()
    }

    /// As it stands in the message, escapes and all.
    pub fn raw(self) -> &'a str {
        self.text
    }

    /// Which field it is of, as `PID-5`.
    pub fn place(self) -> String {
        format!("{}-{}", self.segment.name, self.number)
    }

    /// What was said: `None` is nothing, "" is the null `""` that empties a value.
    ///
    /// # Errors
    /// [`MessageError::Escape`].
    pub fn said(self) -> Result<Option<Phi<String>>, MessageError> {
        match self.text {
            "" => Ok(None),
            "\"\"" => Ok(Some(Phi::new(String::new()))),
            text => {
                let failed = |problem| MessageError::Escape {
                    segment: self.segment.name.clone(),
                    field: self.number,
                    problem,
                };
                let plain = escape::unescaped(text, &self.segment.separators, self.segment.set);
                plain.map(|plain| Some(Phi::new(plain))).map_err(failed)
            }
        }
    }
}

impl std::fmt::Debug for Part<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.place())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] =
        b"MSH|^~\\&|RIS|H|W|A|20260705||ORM^O01^ORM_O01|42|P|2.5.1||||||UNICODE UTF-8\rPID|||P1^^^H&1.2&ISO^MR~X||M\xc3\xbcller^J\\T\\J||\"\"\r\nZZZ\r";

    #[test]
    fn fields_are_counted_as_the_standard_counts_them() {
        let message = Message::read(MESSAGE).expect("a message");
        let header = message.header();
        assert_eq!(
            (header.field(1).raw(), header.field(2).raw(), header.field(10).raw()),
            ("|", "^~\\&", "42")
        );
        assert_eq!(header.field(9).component(2).raw(), "O01");
        let pid = message.first("PID").expect("a patient");
        let ids: Vec<&str> = pid.field(3).repetitions().map(|id| id.component(1).raw()).collect();
        assert_eq!(ids, ["P1", "X"]);
        assert_eq!(pid.field(3).component(4).subcomponent(2).raw(), "1.2");
        let said = |part: Part<'_>| part.said().expect("text").map(|text| text.expose().clone());
        assert_eq!(said(pid.field(5).component(1)), Some("M\u{fc}ller".to_owned()));
        assert_eq!(said(pid.field(5).component(2)), Some("J&J".to_owned()));
        assert_eq!(
            (said(pid.field(7)), said(pid.field(8)), said(pid.field(99))),
            (Some(String::new()), None, None)
        );
        assert!(message.segments()[2].field(1).is_empty() && pid.field(0).is_empty());
        assert!(!format!("{message:?}").contains("ller"));
    }

    #[test]
    fn other_separators_and_latin_letters_are_read() {
        let message = b"MSH#*+!%#A#B#C#D#E##ADT*A08#9#P#2.3####8859/1\rPID###1##M\xfcller*Hans\r";
        // MSH-18 is the eighteenth: here the seventeenth is named, so that nothing is declared.
        assert_eq!(Message::read(message), Err(MessageError::Text { segment: 2, declared: "ASCII" }));
        let message = b"MSH#*+!%#A#B#C#D#E##ADT*A08#9#P#2.3######8859/1\rPID###1##M\xfcller*Ha!S!ns\r";
        let message = Message::read(message).expect("a message");
        let name = message.segments()[1].field(5);
        assert_eq!(name.component(1).said(), Ok(Some(Phi::new("M\u{fc}ller".to_owned()))));
        assert_eq!(name.component(2).said(), Ok(Some(Phi::new("Ha*ns".to_owned()))));
    }

    #[test]
    fn what_is_no_message_is_refused_by_its_place_and_without_its_values() {
        let check = |bytes: &[u8], expected: MessageError| assert_eq!(Message::read(bytes), Err(expected));
        for wrong in [&b""[..], b"MSH", b"MSH|^~\\", b"MSH|^^\\&|", b"MSHA^~\\&A", b"PID|1", b"MSH|^~\\&#x|"]
        {
            check(wrong, MessageError::Header);
        }
        check(b"MSH|^~\\&|A\rPI|1\r", MessageError::Segment { segment: 2 });
        check(b"MSH|^~\\&|A\rMSH|1\r", MessageError::Segment { segment: 2 });
        check(b"MSH|^~\\&|A\rPID|Doe\x07\r", MessageError::Text { segment: 2, declared: "ASCII" });
        check(b"MSH|^~\\&|A|||||||||||||||GB 18030-2000\r", MessageError::CharacterSet);
        check(
            &vec![b'A'; LONGEST_MESSAGE + 1],
            MessageError::TooLarge { what: "bytes", found: LONGEST_MESSAGE + 1, most: LONGEST_MESSAGE },
        );
        let many = [&b"MSH|^~\\&|A\r"[..], &b"NTE|1\r".repeat(MOST_SEGMENTS)].concat();
        assert!(matches!(Message::read(&many), Err(MessageError::TooLarge { what: "segments", .. })));
    }
}
