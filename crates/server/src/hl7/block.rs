//! Blocks of MLLP out of a stream: a message between 0x0B and 0x1C.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use wilhelm_formats::hl7::LONGEST_MESSAGE;

const START: u8 = 0x0B;
const END: u8 = 0x1C;
/// Most bytes of noise before a block.
const NOISE: usize = 64 << 10;
/// Bytes that are kept of a message which is too long: its header, to be answered by.
const KEPT: usize = 4 << 10;

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// A message.
    Message(Vec<u8>),
    /// The beginning of one that is longer than it may be.
    TooLong(Vec<u8>),
}

/// Takes blocks from a stream; what stands between them is passed over.
pub(super) struct Blocks<R> {
    reader: R,
    buffer: Vec<u8>,
    at: usize,
}

/// A stream whose next bytes may be waited for only so long.
pub(super) trait Patient {
    /// Sets the longest wait for the next bytes.
    fn patience(&mut self, longest: Duration) -> io::Result<()>;
}

impl<R: Read + Patient> Blocks<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), at: 0 }
    }

    /// The next byte; `None` where the other side has ended.
    fn byte(&mut self) -> io::Result<Option<u8>> {
        if self.at == self.buffer.len() {
            self.buffer.resize(16 << 10, 0);
            self.at = 0;
            let count = loop {
                match self.reader.read(&mut self.buffer) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    other => break other,
                }
            };
            self.buffer.truncate(*count.as_ref().unwrap_or(&0));
            if count? == 0 {
                return Ok(None);
            }
        }
        let byte = self.buffer[self.at];
        self.at += 1;
        Ok(Some(byte))
    }

    /// The next block, or `None` where the stream ends between two. A block has begun anew where 0x0B comes again; `begun` is called
    /// with its first byte.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::InvalidData`] for noise alone, [`io::ErrorKind::TimedOut`] where a block does not end
    /// in time, [`io::ErrorKind::UnexpectedEof`] where the stream ends within one.
    pub(super) fn next(
        &mut self,
        idle: Duration,
        within: Duration,
        begun: impl FnOnce(),
    ) -> io::Result<Option<Block>> {
        self.reader.patience(idle)?;
        let mut noise = 0;
        loop {
            match self.byte()? {
                None => return Ok(None),
                Some(START) => break,
                // A block's end is 0x1C and 0x0D: the latter is passed over here, with all else.
                Some(_) => noise += 1,
            }
            if noise > NOISE {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        begun();
        let until = Instant::now() + within;
        self.reader.patience(within)?;
        let (mut bytes, mut length) = (Vec::new(), 0_usize);
        loop {
            if self.at == self.buffer.len() && Instant::now() > until {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match self.byte()?.ok_or(io::ErrorKind::UnexpectedEof)? {
                START => {
                    bytes.clear();
                    length = 0;
                }
                END if length <= LONGEST_MESSAGE => return Ok(Some(Block::Message(bytes))),
                END => return Ok(Some(Block::TooLong(bytes))),
                byte => {
                    length += 1;
                    match length {
                        ..=LONGEST_MESSAGE => bytes.push(byte),
                        // Read to its end, so that what comes after it is understood.
                        _ if length <= 64 * LONGEST_MESSAGE => bytes.truncate(KEPT),
                        _ => return Err(io::ErrorKind::InvalidData.into()),
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes in pieces.
    struct Pieces(Vec<Vec<u8>>);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let piece = self.0.remove(0);
            buffer[..piece.len()].copy_from_slice(&piece);
            Ok(piece.len())
        }
    }

    impl Patient for Pieces {
        fn patience(&mut self, _: Duration) -> io::Result<()> {
            Ok(())
        }
    }

    fn all(pieces: &[&[u8]]) -> (Vec<Block>, Option<io::ErrorKind>) {
        let mut blocks = Blocks::new(Pieces(pieces.iter().map(|piece| piece.to_vec()).collect()));
        let (mut found, hour) = (Vec::new(), Duration::from_secs(3600));
        loop {
            match blocks.next(hour, hour, || {}) {
                Ok(Some(block)) => found.push(block),
                Ok(None) => return (found, None),
                Err(error) => return (found, Some(error.kind())),
            }
        }
    }

    fn message(text: &str) -> Block {
        Block::Message(text.as_bytes().to_vec())
    }

    #[test]
    fn blocks_come_out_whole_however_they_are_cut() {
        assert_eq!(all(&[b"\x0bA\x1c\r\x0bB\x1c\r"]), (vec![message("A"), message("B")], None));
        assert_eq!(
            all(&[b"\x0b", b"A", b"B\x1c", b"\r\r\n\x0b", b"C\x1c"]),
            (vec![message("AB"), message("C")], None)
        );
        // Noise before a block, a block begun anew, one without its carriage return.
        assert_eq!(all(&[b"GET /\r\n\x0bA\x0bB\x1c\x0bC\x1c\r"]), (vec![message("B"), message("C")], None));
        assert_eq!(all(&[b"\x0bA\x1c\r\x0bB"]), (vec![message("A")], Some(io::ErrorKind::UnexpectedEof)));
        assert_eq!(all(&[b""]), (vec![], None));
    }

    #[test]
    fn noise_and_length_have_an_end() {
        for byte in [b'x', b'\r', b'\n'] {
            let noise = vec![byte; 10 << 10];
            let pieces: Vec<&[u8]> = std::iter::repeat_n(&noise[..], 8).collect();
            assert_eq!(all(&pieces), (vec![], Some(io::ErrorKind::InvalidData)));
        }
        let mut pieces = vec![&b"\x0bMSH"[..]];
        let long = vec![b'x'; 16 << 10];
        pieces.extend(std::iter::repeat_n(&long[..], 65));
        pieces.push(b"\x1c\r\x0bA\x1c\r");
        let (found, error) = all(&pieces);
        assert!(
            matches!(&found[..], [Block::TooLong(kept), Block::Message(_)] if kept.len() == KEPT),
            "{error:?}"
        );
    }
}
