/// The code of an acknowledgment, HL7 table 0008.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcknowledgmentCode {
    /// `AA` or `CA`: taken.
    Accept,
    /// `AE` or `CE`: understood, and not taken because of what it says.
    Error,
    /// `AR` or `CR`: not understood, or not wanted.
    Reject,
}

/// What a receiver answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgment {
    /// MSA-1.
    pub code: AcknowledgmentCode,
    /// MSA-2, the control ID of the message that is answered.
    pub control_id: String,
    /// MSA-3 and the user messages of ERR, which may repeat what was sent: not for logs.
    pub text: String,
}

/// Why bytes are no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// Not between the block's first and last bytes.
    #[error("the bytes do not begin with 0x0B or do not end with 0x1C 0x0D, expected a block of MLLP")]
    Frame,
    /// No message of HL7 v2.
    #[error("no {0} segment, expected a message of HL7 v2")]
    Missing(&'static str),
    /// A code of no table.
    #[error("MSA-1 is none of AA, AE, AR, CA, CE, CR")]
    Code,
    /// The answer to another message.
    #[error("the answer names another message than the one that was sent")]
    OtherMessage,
}

const START: u8 = 0x0B;
const END: [u8; 2] = [0x1C, 0x0D];

/// A message in its block.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let mut block = Vec::with_capacity(message.len() + 3);
    block.push(START);
    block.extend_from_slice(message);
    block.extend_from_slice(&END);
    block
}

/// The message of a block.
///
/// # Errors
/// [`AnswerError::Frame`] for bytes of another form.
pub fn unframe(block: &[u8]) -> Result<&[u8], AnswerError> {
    block.strip_prefix(&[START]).and_then(|rest| rest.strip_suffix(&END)).ok_or(AnswerError::Frame)
}

/// Segments of a message, whatever ends its lines.
fn segments(message: &str) -> impl Iterator<Item = &str> {
    message.split(['\r', '\n']).filter(|segment| !segment.is_empty())
}

/// MSH-10 of a message.
///
/// # Errors
/// [`AnswerError::Missing`] for a text without MSH as its first segment, or without the field.
pub fn control_id(message: &str) -> Result<&str, AnswerError> {
    let header = segments(message).next().filter(|segment| segment.starts_with("MSH") && segment.len() > 8);
    let header = header.ok_or(AnswerError::Missing("MSH"))?;
    let separator = header[3..].chars().next().ok_or(AnswerError::Missing("MSH"))?;
    // MSH-1 is the separator itself, so that the field of number n stands at place n - 1.
    let field = header.split(separator).nth(9).filter(|field| !field.is_empty());
    field.ok_or(AnswerError::Missing("MSH-10 of an MSH"))
}

impl Acknowledgment {
    /// Reads an answer to the message of a control ID.
    ///
    /// # Errors
    /// [`AnswerError`] where it is no acknowledgment, or that of another message.
    pub fn parse(message: &str, expected_control_id: &str) -> Result<Self, AnswerError> {
        let header = segments(message).next().filter(|segment| segment.starts_with("MSH"));
        let separator =
            header.and_then(|header| header[3..].chars().next()).ok_or(AnswerError::Missing("MSH"))?;
        let of = |name: &'static str| {
            segments(message)
                .map(move |segment| segment.split(separator).collect::<Vec<&str>>())
                .filter(move |fields| fields[0] == name)
        };
        let msa = of("MSA").next().ok_or(AnswerError::Missing("MSA"))?;
        let field = |number: usize| msa.get(number).copied().unwrap_or_default();
        let code = match field(1) {
            "AA" | "CA" => AcknowledgmentCode::Accept,
            "AE" | "CE" => AcknowledgmentCode::Error,
            "AR" | "CR" => AcknowledgmentCode::Reject,
            _ => return Err(AnswerError::Code),
        };
        if field(2) != expected_control_id {
            return Err(AnswerError::OtherMessage);
        }
        let mut texts = vec![field(3).to_owned()];
        // ERR-8 is the message for the user, ERR-7 the diagnostic.
        texts
            .extend(of("ERR").flat_map(|err| {
                [8, 7].map(|number| err.get(number).copied().unwrap_or_default().to_owned())
            }));
        texts.retain(|text| !text.is_empty());
        Ok(Self { code, control_id: field(2).to_owned(), text: texts.join("; ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "MSH|^~\\&|LAB|X|WILHELM||20260101||ACK^R01^ACK|9|P|2.5\rMSA|AE|42|no patient\r\
                          ERR||PID^1^3|204|E||||unknown patient\r";

    #[test]
    fn an_answer_is_read_with_its_code_and_its_words() {
        let answer = Acknowledgment::parse(ANSWER, "42").expect("an answer");
        assert_eq!(answer.code, AcknowledgmentCode::Error);
        assert_eq!(answer.text, "no patient; unknown patient");
        let accepted = Acknowledgment::parse("MSH#^~\\&#A\nMSA#CA#42\n", "42").expect("an answer");
        assert_eq!((accepted.code, accepted.text.as_str()), (AcknowledgmentCode::Accept, ""));
    }

    #[test]
    fn what_is_no_answer_to_this_message_is_refused() {
        for (message, expected) in [
            ("", AnswerError::Missing("MSH")),
            ("HTTP/1.1 400 Bad Request\r\n", AnswerError::Missing("MSH")),
            ("MSH|^~\\&|A\r", AnswerError::Missing("MSA")),
            ("MSH|^~\\&|A\rMSA|ZZ|42\r", AnswerError::Code),
            ("MSH|^~\\&|A\rMSA|AA|43\r", AnswerError::OtherMessage),
            ("MSH|^~\\&|A\rMSA|AA\r", AnswerError::OtherMessage),
        ] {
            assert_eq!(Acknowledgment::parse(message, "42"), Err(expected), "{message:?}");
        }
    }

    #[test]
    fn a_block_holds_its_message_and_nothing_else_is_one() {
        assert_eq!(frame(b"MSH"), b"\x0bMSH\x1c\r");
        assert_eq!(unframe(&frame(b"MSH")), Ok(b"MSH".as_slice()));
        for wrong in [b"MSH\x1c\r".as_slice(), b"\x0bMSH\r", b"\x0b", b""] {
            assert_eq!(unframe(wrong), Err(AnswerError::Frame));
        }
        assert_eq!(control_id(ANSWER), Ok("9"));
        assert_eq!(control_id("FHS|^~\\&|A|B|C"), Err(AnswerError::Missing("MSH")));
    }
}
