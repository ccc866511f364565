//! Command sets: group 0000 in Implicit VR Little Endian.
//!
//! Source: PS3.7 Section 6.3 and Annex E.

use std::collections::BTreeMap;

/// Elements of group 0000 that this program reads or writes.
pub(crate) mod field {
    pub(crate) const AFFECTED_SOP_CLASS: u16 = 0x0002;
    pub(crate) const REQUESTED_SOP_CLASS: u16 = 0x0003;
    pub(crate) const COMMAND: u16 = 0x0100;
    pub(crate) const MESSAGE_ID: u16 = 0x0110;
    pub(crate) const RESPONDED_TO: u16 = 0x0120;
    pub(crate) const MOVE_DESTINATION: u16 = 0x0600;
    pub(crate) const PRIORITY: u16 = 0x0700;
    pub(crate) const DATA_SET_TYPE: u16 = 0x0800;
    pub(crate) const STATUS: u16 = 0x0900;
    pub(crate) const ERROR_COMMENT: u16 = 0x0902;
    pub(crate) const AFFECTED_SOP_INSTANCE: u16 = 0x1000;
    pub(crate) const REQUESTED_SOP_INSTANCE: u16 = 0x1001;
    pub(crate) const EVENT_TYPE: u16 = 0x1002;
    pub(crate) const ACTION_TYPE: u16 = 0x1008;
    pub(crate) const REMAINING: u16 = 0x1020;
    pub(crate) const COMPLETED: u16 = 0x1021;
    pub(crate) const FAILED: u16 = 0x1022;
    pub(crate) const WARNING: u16 = 0x1023;
    pub(crate) const MOVE_ORIGINATOR: u16 = 0x1030;
    pub(crate) const MOVE_MESSAGE_ID: u16 = 0x1031;
}

/// What a command is.
pub(crate) mod kind {
    pub(crate) const C_STORE: u16 = 0x0001;
    pub(crate) const C_GET: u16 = 0x0010;
    pub(crate) const C_FIND: u16 = 0x0020;
    pub(crate) const C_MOVE: u16 = 0x0021;
    pub(crate) const C_ECHO: u16 = 0x0030;
    pub(crate) const N_EVENT_REPORT: u16 = 0x0100;
    pub(crate) const N_ACTION: u16 = 0x0130;
    pub(crate) const C_CANCEL: u16 = 0x0FFF;
    pub(crate) const RESPONSE: u16 = 0x8000;
}

/// Statuses.
pub(crate) mod status {
    pub(crate) const SUCCESS: u16 = 0x0000;
    pub(crate) const CANCELED: u16 = 0xFE00;
    pub(crate) const PENDING: u16 = 0xFF00;
    pub(crate) const PENDING_WITH_UNSUPPORTED: u16 = 0xFF01;
    pub(crate) const SOME_FAILED: u16 = 0xB000;
    pub(crate) const OUT_OF_RESOURCES: u16 = 0xA700;
    pub(crate) const NOT_MATCHING_SOP_CLASS: u16 = 0xA900;
    pub(crate) const UNKNOWN_DESTINATION: u16 = 0xA801;
    pub(crate) const UNABLE_TO_PROCESS: u16 = 0xC000;
    pub(crate) const DUPLICATE_INSTANCE: u16 = 0x0111;
    pub(crate) const INVALID_ARGUMENT: u16 = 0x0115;
    pub(crate) const NO_SUCH_ACTION: u16 = 0x0123;
    pub(crate) const UNRECOGNIZED: u16 = 0x0211;
}

/// Data Set Type of a command that no data set follows.
const NO_DATA_SET: u16 = 0x0101;

/// A command set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Command(BTreeMap<u16, Vec<u8>>);

impl Command {
    /// A command of a kind; a data set follows if `with_data`.
    pub(crate) fn new(kind: u16, with_data: bool) -> Self {
        Self::default()
            .number(field::COMMAND, kind)
            .number(field::DATA_SET_TYPE, if with_data { 0 } else { NO_DATA_SET })
    }

    /// The response to a command, with a status.
    pub(crate) fn response(&self, status: u16, with_data: bool) -> Self {
        let mut response = Self::new(self.kind() | kind::RESPONSE, with_data)
            .number(field::RESPONDED_TO, self.u16(field::MESSAGE_ID).unwrap_or(0))
            .number(field::STATUS, status);
        for copied in [field::AFFECTED_SOP_CLASS, field::AFFECTED_SOP_INSTANCE] {
            if let Some(value) = self.0.get(&copied) {
                response.0.insert(copied, value.clone());
            }
        }
        // An action names what it is done to as requested, its response as affected.
        for (asked, answered) in [
            (field::REQUESTED_SOP_CLASS, field::AFFECTED_SOP_CLASS),
            (field::REQUESTED_SOP_INSTANCE, field::AFFECTED_SOP_INSTANCE),
        ] {
            if let Some(value) = self.0.get(&asked) {
                response.0.insert(answered, value.clone());
            }
        }
        response
    }

    pub(crate) fn number(mut self, field: u16, value: u16) -> Self {
        self.0.insert(field, value.to_le_bytes().to_vec());
        self
    }

    pub(crate) fn uid(mut self, field: u16, value: &str) -> Self {
        self.0.insert(field, padded(value, 0));
        self
    }

    pub(crate) fn text(mut self, field: u16, value: &str) -> Self {
        self.0.insert(field, padded(value, b' '));
        self
    }

    pub(crate) fn u16(&self, field: u16) -> Option<u16> {
        self.0.get(&field)?.as_slice().try_into().ok().map(u16::from_le_bytes)
    }

    pub(crate) fn string(&self, field: u16) -> Option<&str> {
        let text = std::str::from_utf8(self.0.get(&field)?).ok()?;
        Some(text.trim_matches([' ', '\0']))
    }

    pub(crate) fn kind(&self) -> u16 {
        self.u16(field::COMMAND).unwrap_or(0)
    }

    pub(crate) fn has_data(&self) -> bool {
        self.u16(field::DATA_SET_TYPE).is_some_and(|kind| kind != NO_DATA_SET)
    }

    /// The bytes, group length first.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(128);
        for (element, value) in &self.0 {
            body.extend_from_slice(&[0, 0]);
            body.extend_from_slice(&element.to_le_bytes());
            body.extend_from_slice(&u32::try_from(value.len()).unwrap_or(0).to_le_bytes());
            body.extend_from_slice(value);
        }
        let mut bytes = vec![0, 0, 0, 0, 4, 0, 0, 0];
        bytes.extend_from_slice(&u32::try_from(body.len()).unwrap_or(0).to_le_bytes());
        bytes.extend_from_slice(&body);
        bytes
    }

    /// Reads a command set; `None` where the bytes are none.
    pub(crate) fn parse(mut bytes: &[u8]) -> Option<Self> {
        let mut fields = BTreeMap::new();
        while !bytes.is_empty() {
            let (head, rest) = bytes.split_first_chunk::<8>()?;
            let [g0, g1, e0, e1, l0, l1, l2, l3] = *head;
            let length = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).ok()?;
            if [g0, g1] != [0, 0] || length > rest.len() {
                return None;
            }
            let element = u16::from_le_bytes([e0, e1]);
            if element != 0 {
                fields.insert(element, rest[..length].to_vec());
            }
            bytes = &rest[length..];
        }
        let command = Self(fields);
        (command.u16(field::COMMAND).is_some()).then_some(command)
    }
}

/// Text of even length.
pub(crate) fn padded(text: &str, padding: u8) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    if bytes.len() % 2 == 1 {
        bytes.push(padding);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_read_as_it_was_written_and_noise_is_refused() {
        let command = Command::new(kind::C_ECHO, false)
            .number(field::MESSAGE_ID, 7)
            .uid(field::AFFECTED_SOP_CLASS, "1.2.840.10008.1.1");
        let bytes = command.to_bytes();
        // Group length (0000,0000): everything behind its own twelve bytes.
        assert_eq!(u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]) as usize, bytes.len() - 12);
        let read = Command::parse(&bytes).expect("a command");
        assert_eq!(read, command);
        assert_eq!(read.string(field::AFFECTED_SOP_CLASS), Some("1.2.840.10008.1.1"));
        let response = read.response(status::SUCCESS, false);
        assert_eq!((response.kind(), response.u16(field::RESPONDED_TO)), (0x8030, Some(7)));
        assert!(!response.has_data());
        for cut in 1..bytes.len() {
            assert!(Command::parse(&bytes[..cut]).is_none_or(|command| command != read));
        }
        assert!(Command::parse(b"\0\0\0\x01\xff\xff\xff\xff").is_none());
    }
}
