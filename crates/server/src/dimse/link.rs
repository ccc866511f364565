//! Messages over a connection: PDUs in, commands and data sets out.
//!
//! Source: PS3.8 Section 9.3, PS3.7 Section 6.3.

use std::io::{BufReader, BufWriter, Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use dicom_ul::Pdu;
use dicom_ul::pdu::AbortRQSource;

use super::command::Command;
use super::{DimseError, Socket};

/// Longest PDU that is asked for, in bytes.
pub(crate) const OUR_PDU: u32 = 128 << 10;
/// Longest PDU that is taken nevertheless, in bytes.
const LONGEST_PDU: u32 = 4 << 20;
/// Longest PDU of an association's making, in bytes.
const LONGEST_ASSOCIATE: u32 = 1 << 20;
/// Longest command set, in bytes.
const LONGEST_COMMAND: usize = 64 << 10;

const P_DATA: u8 = 4;
const RELEASE_RQ: u8 = 5;
const RELEASE_RP: u8 = 6;
const ABORT: u8 = 7;

/// One piece of a message, in the PDU that was read last.
struct Piece {
    context: u8,
    command: bool,
    last: bool,
    bytes: Range<usize>,
}

/// A connection between two application entities.
#[derive(Debug)]
pub(crate) struct Link {
    reader: BufReader<Socket>,
    writer: BufWriter<TcpStream>,
    /// The PDU that was read last, and how far its pieces were taken.
    body: Vec<u8>,
    taken: usize,
    /// Longest PDU that the other side takes, in bytes.
    pub(crate) longest: u32,
}

impl Link {
    pub(crate) fn new(stream: TcpStream, timeout: Duration) -> Result<Self, DimseError> {
        let make = || {
            let writer = stream.try_clone()?;
            Ok((Socket::new(stream, timeout)?, writer))
        };
        let (socket, writer) = make().map_err(DimseError::io("setting it up"))?;
        Ok(Self {
            reader: BufReader::with_capacity(256 << 10, socket),
            writer: BufWriter::with_capacity(128 << 10, writer),
            body: Vec::new(),
            taken: 0,
            longest: 16 << 10,
        })
    }

    /// Reads one PDU of an association's making.
    pub(crate) fn associate(&mut self) -> Result<Pdu, DimseError> {
        let kind = self.read_pdu(LONGEST_ASSOCIATE)?;
        let mut whole = vec![kind, 0];
        whole.extend_from_slice(&u32::try_from(self.body.len()).unwrap_or(0).to_be_bytes());
        whole.append(&mut self.body);
        // The reader takes lengths at their word and panics where they lie: that is the sender's fault and no more.
        let read =
            catch_unwind(AssertUnwindSafe(|| dicom_ul::read_pdu(&whole[..], LONGEST_ASSOCIATE, false)));
        match read {
            Ok(Ok(Some(pdu))) => Ok(pdu),
            _ => Err(DimseError::protocol(
                "a PDU that cannot be read",
                "a request or answer of an association",
            )),
        }
    }

    /// Writes one PDU of an association's making.
    pub(crate) fn write(&mut self, pdu: &Pdu) -> Result<(), DimseError> {
        let mut bytes = Vec::new();
        dicom_ul::write_pdu(&mut bytes, pdu)
            .map_err(|_| DimseError::protocol("names that fit no PDU", "AE titles of 16 characters"))?;
        self.writer.write_all(&bytes).and_then(|()| self.writer.flush()).map_err(DimseError::io("writing"))
    }

    pub(crate) fn abort(&mut self) {
        let _ = self.write(&Pdu::AbortRQ { source: AbortRQSource::ServiceUser });
    }

    fn read_pdu(&mut self, longest: u32) -> Result<u8, DimseError> {
        let failed = DimseError::io("reading");
        let mut head = [0; 6];
        let mut read = || {
            self.reader.read_exact(&mut head)?;
            let length = u32::from_be_bytes([head[2], head[3], head[4], head[5]]);
            if length > longest {
                return Ok(Some(length));
            }
            self.body.resize(length as usize, 0);
            self.reader.read_exact(&mut self.body)?;
            Ok(None)
        };
        let too_long = read().map_err(failed)?;
        self.taken = 0;
        match too_long {
            Some(length) => {
                Err(DimseError::protocol(format!("a PDU of {length} bytes"), "no more than was negotiated"))
            }
            None => Ok(head[0]),
        }
    }

    /// The next piece; `None` where the other side releases the association.
    fn piece(&mut self) -> Result<Option<Piece>, DimseError> {
        while self.taken >= self.body.len() {
            match self.read_pdu(LONGEST_PDU)? {
                P_DATA => {}
                RELEASE_RQ => {
                    self.write(&Pdu::ReleaseRP)?;
                    return Ok(None);
                }
                ABORT => return Err(DimseError::Aborted),
                other => {
                    return Err(DimseError::protocol(format!("a PDU of type {other:02X}"), "P-DATA"));
                }
            }
        }
        let broken = || DimseError::protocol("a P-DATA whose lengths do not fit", "whole pieces");
        let rest = &self.body[self.taken..];
        let (head, rest) = rest.split_first_chunk::<6>().ok_or_else(broken)?;
        let [l0, l1, l2, l3, context, flags] = *head;
        let length = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
        let length = length.checked_sub(2).filter(|length| *length <= rest.len()).ok_or_else(broken)?;
        let start = self.taken + 6;
        self.taken = start + length;
        Ok(Some(Piece {
            context,
            command: flags & 1 == 1,
            last: flags & 2 == 2,
            bytes: start..start + length,
        }))
    }

    /// The next command; `None` where the other side releases the association.
    pub(crate) fn command(&mut self) -> Result<Option<(u8, Command)>, DimseError> {
        let mut bytes = Vec::new();
        loop {
            let Some(piece) = self.piece()? else { return Ok(None) };
            if !piece.command || bytes.len() + piece.bytes.len() > LONGEST_COMMAND {
                return Err(DimseError::protocol(
                    "a piece of a data set, or too long a command",
                    "a command",
                ));
            }
            bytes.extend_from_slice(&self.body[piece.bytes]);
            if piece.last {
                let command = Command::parse(&bytes)
                    .ok_or_else(|| DimseError::protocol("a command that cannot be read", "a command set"))?;
                return Ok(Some((piece.context, command)));
            }
        }
    }

    /// Hands the pieces of the data set that follows a command to `sink`, to its end whatever `sink` says.
    pub(crate) fn data_set<E>(
        &mut self,
        context: u8,
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Result<(), E>, DimseError> {
        let mut outcome = Ok(());
        loop {
            let piece = self.piece()?.ok_or(DimseError::Released)?;
            if piece.command || piece.context != context {
                return Err(DimseError::protocol("a piece of another message", "the rest of a data set"));
            }
            if outcome.is_ok() {
                outcome = sink(&self.body[piece.bytes.clone()]);
            }
            if piece.last {
                return Ok(outcome);
            }
        }
    }

    /// The data set that follows a command, if it is no longer than `longest` bytes.
    pub(crate) fn small_data_set(
        &mut self,
        context: u8,
        longest: usize,
    ) -> Result<Option<Vec<u8>>, DimseError> {
        let mut bytes = Vec::new();
        let outcome = self.data_set(context, |piece| {
            let fits = bytes.len() + piece.len() <= longest;
            if fits {
                bytes.extend_from_slice(piece);
            }
            if fits { Ok(()) } else { Err(()) }
        })?;
        Ok(outcome.is_ok().then_some(bytes))
    }

    /// Sends a command, and the data set behind it.
    pub(crate) fn send(
        &mut self,
        context: u8,
        command: &Command,
        data_set: Option<&mut dyn Read>,
    ) -> Result<(), DimseError> {
        let failed = DimseError::io("writing");
        let longest = if self.longest == 0 { OUR_PDU } else { self.longest.clamp(1 << 10, OUR_PDU) };
        let room = longest as usize - 6;
        let run = || {
            write_piece(&mut self.writer, context, 3, &command.to_bytes())?;
            if let Some(data_set) = data_set {
                // One piece ahead, so that the last is known to be the last.
                let (mut now, mut next) = (vec![0; room], vec![0; room]);
                let mut held = fill(data_set, &mut now)?;
                loop {
                    let ahead = fill(data_set, &mut next)?;
                    let flags = if ahead == 0 { 2 } else { 0 };
                    write_piece(&mut self.writer, context, flags, &now[..held])?;
                    if ahead == 0 {
                        break;
                    }
                    std::mem::swap(&mut now, &mut next);
                    held = ahead;
                }
            }
            self.writer.flush()
        };
        run().map_err(failed)
    }

    /// Whether a message of the other side is waiting, as a cancellation would be.
    pub(crate) fn has_waiting(&self) -> bool {
        if self.taken < self.body.len() || !self.reader.buffer().is_empty() {
            return true;
        }
        let stream = self.reader.get_ref().stream();
        if stream.set_nonblocking(true).is_err() {
            return false;
        }
        let waiting = matches!(stream.peek(&mut [0]), Ok(count) if count > 0);
        let _ = stream.set_nonblocking(false);
        waiting
    }

    /// Ends the association in order.
    pub(crate) fn release(&mut self) -> Result<(), DimseError> {
        self.write(&Pdu::ReleaseRQ)?;
        match self.read_pdu(LONGEST_PDU)? {
            RELEASE_RP => Ok(()),
            other => Err(DimseError::protocol(format!("a PDU of type {other:02X}"), "the release")),
        }
    }
}

fn write_piece(writer: &mut impl Write, context: u8, flags: u8, bytes: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(std::io::Error::other)?;
    writer.write_all(&[P_DATA, 0])?;
    writer.write_all(&(length + 6).to_be_bytes())?;
    writer.write_all(&(length + 2).to_be_bytes())?;
    writer.write_all(&[context, flags])?;
    writer.write_all(bytes)
}

fn fill(reader: &mut dyn Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut held = 0;
    while held < buffer.len() {
        match reader.read(&mut buffer[held..]) {
            Ok(0) => break,
            Ok(count) => held += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(held)
}
