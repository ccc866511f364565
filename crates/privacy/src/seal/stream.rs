use std::io::{self, Read, Write};

use super::aead::{self, Cipher};
use super::keyring::KeyId;
use super::{Keyring, SealError};
use crate::{Entropy, Secret};

/// What a sealed object begins with.
const MAGIC: &[u8; 16] = b"wilhelm sealed 1";
/// What a wrap of a data key, and the key of the chunks, are for.
const WRAP: &[u8] = b"wilhelm seal wrap 1";
const PAYLOAD: &[u8] = b"wilhelm seal payload 1";

/// Bytes of a chunk before it is sealed; the last one may be shorter.
pub const CHUNK_BYTES: usize = 65_536;
/// Bytes of the tag behind each chunk.
const TAG_BYTES: usize = 16;
/// Bytes before the first chunk: the mark, the master key's name, a salt and the wrapped data key.
pub const HEADER_BYTES: usize = 16 + 8 + 32 + 32 + TAG_BYTES;

/// Bytes of an object after it is sealed.
pub const fn sealed_bytes(plain: u64) -> u64 {
    let chunks = if plain == 0 { 1 } else { plain.div_ceil(CHUNK_BYTES as u64) };
    HEADER_BYTES as u64 + plain + chunks * TAG_BYTES as u64
}

/// Bytes of an object before it was sealed; `None` where no sealed object has that length.
pub const fn plain_bytes(sealed: u64) -> Option<u64> {
    const CHUNK: u64 = (CHUNK_BYTES + TAG_BYTES) as u64;
    let Some(body) = sealed.checked_sub(HEADER_BYTES as u64) else { return None };
    let (whole, rest) = (body / CHUNK, body % CHUNK);
    match rest {
        0 if whole > 0 => Some(whole * CHUNK_BYTES as u64),
        // A last chunk without a byte stands for an empty object alone.
        rest if rest > TAG_BYTES as u64 || (rest == TAG_BYTES as u64 && whole == 0) => {
            Some(whole * CHUNK_BYTES as u64 + rest - TAG_BYTES as u64)
        }
        _ => None,
    }
}

/// Opens single chunks of a sealed object, in any order.
///
/// Each chunk is what was sealed at its place. That an object is whole shows its last chunk, which opens as the last alone.
pub struct ChunkOpener {
    chunks: Chunks,
}

impl ChunkOpener {
    /// For the object with this header, and the context it was sealed with.
    ///
    /// # Errors
    /// [`SealError::NotSealed`], [`SealError::NoKey`], [`SealError::Header`].
    pub fn new(header: &[u8; HEADER_BYTES], context: &[u8], ring: &Keyring) -> Result<Self, SealError> {
        Ok(Self { chunks: Chunks::new(&data_key_of(header, ring)?, context) })
    }

    /// Where a chunk stands in the sealed object, in bytes: its start, and the length of all but the last.
    pub const fn place(number: u64) -> (u64, usize) {
        (HEADER_BYTES as u64 + number * (CHUNK_BYTES + TAG_BYTES) as u64, CHUNK_BYTES + TAG_BYTES)
    }

    /// Opens the chunk of a number, from 0, in place.
    ///
    /// # Errors
    /// [`SealError::Chunk`].
    pub fn open<'a>(&self, number: u64, is_last: bool, sealed: &'a mut [u8]) -> Result<&'a [u8], SealError> {
        let nonce = nonce_of(number, is_last);
        let opened = self.chunks.cipher.open(nonce, &self.chunks.context, sealed);
        opened.ok_or(SealError::Chunk { chunk: number })
    }
}

impl std::fmt::Debug for ChunkOpener {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("<secret>")
    }
}

/// The nonce of a chunk: its number, and whether it is the last.
fn nonce_of(number: u64, is_last: bool) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&number.to_be_bytes());
    nonce[11] = u8::from(is_last);
    nonce
}

/// The chunks of one object: its cipher, its context, and how far it went.
///
/// # Source
/// Hoang, Reyhanitabar, Rogaway, Vizar 2015, doi:10.1007/978-3-662-47989-6_24 (STREAM): the nonce is the chunk's number and
/// whether it is the last
struct Chunks {
    cipher: Cipher,
    context: Vec<u8>,
    next: u64,
}

impl Chunks {
    fn new(data_key: &Secret, context: &[u8]) -> Self {
        let cipher = Cipher::new(&data_key.derive(b"", &[PAYLOAD]));
        Self { cipher, context: context.to_vec(), next: 0 }
    }

    fn nonce(&mut self, is_last: bool) -> [u8; 12] {
        let nonce = nonce_of(self.next, is_last);
        self.next += 1;
        nonce
    }
}

impl<W: Write> std::fmt::Debug for Sealer<W> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("<secret>")
    }
}

/// Seals what is written to it.
///
/// [`Sealer::finish`] has to be called: what was not finished does not open.
pub struct Sealer<W: Write> {
    inner: W,
    chunks: Chunks,
    buffer: Vec<u8>,
}

impl<W: Write> Sealer<W> {
    /// Begins an object, with a new data key under the active master key.
    ///
    /// `context` says which object it is (its UID, its place); it is not written, and has to be given again to open it, so
    /// that one object does not stand in another's place.
    ///
    /// # Errors
    /// [`SealError::Entropy`], and what `inner` says.
    pub fn new(
        inner: W,
        context: &[u8],
        ring: &Keyring,
        entropy: &mut impl Entropy,
    ) -> Result<Self, SealError> {
        let data_key = Secret::random(entropy)?;
        let header = header_of(ring, &data_key, entropy.array()?);
        let mut inner = inner;
        inner.write_all(&header).map_err(written)?;
        let buffer = Vec::with_capacity(CHUNK_BYTES + TAG_BYTES);
        Ok(Self { inner, chunks: Chunks::new(&data_key, context), buffer })
    }

    /// Seals the last chunk and gives back where it was written to.
    ///
    /// # Errors
    /// What `inner` says.
    pub fn finish(mut self) -> Result<W, SealError> {
        self.emit(true).and_then(|()| self.inner.flush()).map_err(written)?;
        Ok(self.inner)
    }

    fn emit(&mut self, is_last: bool) -> io::Result<()> {
        let nonce = self.chunks.nonce(is_last);
        self.chunks.cipher.seal(nonce, &self.chunks.context, &mut self.buffer);
        self.inner.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk is sealed when more follows: the last one has to be known as the last.
        if self.buffer.len() == CHUNK_BYTES && !bytes.is_empty() {
            self.emit(false)?;
        }
        let taken = bytes.len().min(CHUNK_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Opens what was sealed, chunk by chunk: no byte comes out of a chunk that is not what was sealed there.
///
/// That an object is whole is known at its end alone: whoever writes it elsewhere lets nobody see it before.
pub struct Opener<R: Read> {
    inner: R,
    chunks: Chunks,
    sealed: Vec<u8>,
    ahead: Option<u8>,
    plain: Vec<u8>,
    at: usize,
    is_done: bool,
}

impl<R: Read> Opener<R> {
    /// Begins to open an object with the context it was sealed with.
    ///
    /// # Errors
    /// [`SealError::NotSealed`], [`SealError::NoKey`], [`SealError::Header`], and what `inner` says.
    pub fn new(inner: R, context: &[u8], ring: &Keyring) -> Result<Self, SealError> {
        let mut inner = inner;
        let header = read_header(&mut inner)?;
        let data_key = data_key_of(&header, ring)?;
        Ok(Self {
            inner,
            chunks: Chunks::new(&data_key, context),
            sealed: Vec::new(),
            ahead: None,
            plain: Vec::new(),
            at: 0,
            is_done: false,
        })
    }

    /// The next bytes; none at the end.
    ///
    /// # Errors
    /// [`SealError::Chunk`], and what `inner` says.
    fn next(&mut self) -> Result<&[u8], SealError> {
        if self.at == self.plain.len() && !self.is_done {
            let number = self.chunks.next;
            let wrong = SealError::Chunk { chunk: number };
            // One byte more than a chunk tells whether it is the last.
            self.sealed.clear();
            self.sealed.extend(self.ahead.take());
            let wanted = (CHUNK_BYTES + TAG_BYTES + 1 - self.sealed.len()) as u64;
            self.inner.by_ref().take(wanted).read_to_end(&mut self.sealed).map_err(read)?;
            let is_last = self.sealed.len() <= CHUNK_BYTES + TAG_BYTES;
            if !is_last {
                self.ahead = self.sealed.pop();
            }
            // A last chunk without a byte stands for an empty object alone.
            if self.sealed.len() < TAG_BYTES || (self.sealed.len() == TAG_BYTES && number > 0) {
                return Err(wrong);
            }
            let nonce = self.chunks.nonce(is_last);
            let opened = self.chunks.cipher.open(nonce, &self.chunks.context, &mut self.sealed);
            let opened = opened.ok_or(wrong)?;
            self.plain.clear();
            self.plain.extend_from_slice(opened);
            self.at = 0;
            self.is_done = is_last;
        }
        Ok(&self.plain[self.at..])
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let plain = self.next().map_err(|error| match error {
            SealError::Io { source, .. } => source,
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        })?;
        let taken = plain.len().min(bytes.len());
        bytes[..taken].copy_from_slice(&plain[..taken]);
        self.at += taken;
        Ok(taken)
    }
}

/// Seals all of a source; the number of bytes before.
///
/// # Errors
/// As [`Sealer::new`], and what the two ends say.
pub fn seal(
    mut source: impl Read,
    target: impl Write,
    context: &[u8],
    ring: &Keyring,
    entropy: &mut impl Entropy,
) -> Result<u64, SealError> {
    let mut sealer = Sealer::new(target, context, ring, entropy)?;
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut total = 0;
    loop {
        let taken = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(taken) => taken,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(read(error)),
        };
        sealer.write_all(&buffer[..taken]).map_err(written)?;
        total += taken as u64;
    }
    sealer.finish()?;
    Ok(total)
}

/// Opens all of a source; the number of bytes after. What was written before an error is part of no whole object.
///
/// # Errors
/// As [`Opener::new`], [`SealError::Chunk`], and what the two ends say.
pub fn open(
    source: impl Read,
    mut target: impl Write,
    context: &[u8],
    ring: &Keyring,
) -> Result<u64, SealError> {
    let mut opener = Opener::new(source, context, ring)?;
    let mut total = 0;
    loop {
        let plain = opener.next()?;
        let taken = plain.len();
        target.write_all(plain).map_err(written)?;
        opener.at += taken;
        total += taken as u64;
        if opener.is_done && opener.at == opener.plain.len() {
            target.flush().map_err(written)?;
            return Ok(total);
        }
    }
}

/// The first bytes of a sealed object for the active master key, in the place of those for another: its chunks stay.
///
/// # Errors
/// [`SealError::NotSealed`], [`SealError::NoKey`], [`SealError::Header`], [`SealError::Entropy`].
pub fn rewrap(
    header: &[u8; HEADER_BYTES],
    ring: &Keyring,
    entropy: &mut impl Entropy,
) -> Result<[u8; HEADER_BYTES], SealError> {
    let data_key = data_key_of(header, ring)?;
    Ok(header_of(ring, &data_key, entropy.array()?))
}

/// The name of the master key of a sealed object.
///
/// # Errors
/// [`SealError::NotSealed`], and what the source says.
pub fn key_of(mut source: impl Read) -> Result<KeyId, SealError> {
    read_header(&mut source).map(|header| id_of(&header))
}

fn header_of(ring: &Keyring, data_key: &Secret, salt: [u8; 32]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..16].copy_from_slice(MAGIC);
    header[16..24].copy_from_slice(&ring.active().0);
    header[24..56].copy_from_slice(&salt);
    let wrapped = aead::wrap(ring.active_key(), &salt, WRAP, &header[..24], data_key.expose());
    header[56..].copy_from_slice(&wrapped);
    header
}

fn id_of(header: &[u8; HEADER_BYTES]) -> KeyId {
    KeyId(header[16..24].try_into().expect("8 bytes"))
}

fn data_key_of(header: &[u8; HEADER_BYTES], ring: &Keyring) -> Result<Secret, SealError> {
    if &header[..16] != MAGIC {
        return Err(SealError::NotSealed);
    }
    let id = id_of(header);
    let master = ring.key(id)?;
    aead::unwrap(master, &header[24..56], WRAP, &header[..24], &header[56..])
        .and_then(|key| <[u8; 32]>::try_from(key.as_slice()).ok())
        .map(Secret::new)
        .ok_or_else(|| SealError::Header { id: id.to_string() })
}

fn read_header(source: &mut impl Read) -> Result<[u8; HEADER_BYTES], SealError> {
    let mut header = [0; HEADER_BYTES];
    source.read_exact(&mut header).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => SealError::NotSealed,
        _ => read(error),
    })?;
    if &header[..16] == MAGIC { Ok(header) } else { Err(SealError::NotSealed) }
}

fn read(source: io::Error) -> SealError {
    SealError::Io { what: "what is read".to_owned(), source }
}

fn written(source: io::Error) -> SealError {
    SealError::Io { what: "what is written".to_owned(), source }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entropy::EntropyError;
    use crate::entropy::tests::Counted;
    use crate::hex;

    /// Bytes that were chosen, in their order.
    pub struct Fixed(pub Vec<u8>);

    impl Entropy for Fixed {
        fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
            let rest = self.0.split_off(bytes.len().min(self.0.len()));
            bytes.copy_from_slice(&std::mem::replace(&mut self.0, rest));
            Ok(())
        }
    }

    fn plain(length: usize) -> Vec<u8> {
        (0..length).map(|at| u8::try_from((31 * at + (at >> 8)) & 255).expect("a byte")).collect()
    }

    fn ring() -> Keyring {
        Keyring::of_keys([1; 8], [2; 32], [3; 32])
    }

    fn sealed(text: &[u8], context: &[u8], ring: &Keyring) -> Vec<u8> {
        let mut target = Vec::new();
        let total = seal(text, &mut target, context, ring, &mut Counted(5)).expect("sealed");
        assert_eq!(total, text.len() as u64);
        assert_eq!(target.len() as u64, sealed_bytes(total));
        target
    }

    fn opened(sealed: &[u8], context: &[u8], ring: &Keyring) -> Result<Vec<u8>, SealError> {
        let mut target = Vec::new();
        open(sealed, &mut target, context, ring).map(|_| target)
    }

    #[test]
    fn sealed_objects_are_those_of_pythons_cryptography() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../../../testdata/privacy/golden.json")).expect("JSON");
        let cases = golden["sealed"].as_array().expect("cases");
        assert_eq!(cases.len(), 5);
        for case in cases {
            let text = |key: &str| case[key].as_str().expect("text");
            let number = |key: &str| usize::try_from(case[key].as_u64().expect("a number")).expect("small");
            let bytes = |key: &str| hex::decode::<32>(text(key)).expect("bytes");
            let id = hex::decode(text("key_id")).expect("a name");
            let ring = Keyring::of_keys(id, bytes("master"), [0; 32]);
            let plain = plain(number("plain_bytes"));
            let mut entropy = Fixed([bytes("data_key"), bytes("salt")].concat());
            let mut target = Vec::new();
            let context = text("context").as_bytes();
            seal(plain.as_slice(), &mut target, context, &ring, &mut entropy).expect("sealed");
            assert_eq!(target.len(), number("sealed_bytes"));
            assert_eq!(hex::sha256(&target), text("sealed_sha256"), "{}", text("name"));
            assert_eq!(opened(&target, context, &ring).expect("opened"), plain);
        }
    }

    #[test]
    fn a_reader_gives_the_same_bytes_however_few_at_a_time() {
        let text = plain(2 * CHUNK_BYTES + 7);
        let sealed = sealed(&text, b"x", &ring());
        let mut opener = Opener::new(sealed.as_slice(), b"x", &ring()).expect("opened");
        let mut read = Vec::new();
        let mut few = [0; 1000];
        loop {
            match opener.read(&mut few).expect("read") {
                0 => break,
                taken => read.extend_from_slice(&few[..taken]),
            }
        }
        assert_eq!(read, text);
    }

    #[test]
    fn single_chunks_open_in_any_order_and_lengths_are_those_of_whole_objects() {
        for length in
            [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 9]
        {
            let text = plain(length);
            let whole = sealed(&text, b"x", &ring());
            assert_eq!(plain_bytes(whole.len() as u64), Some(length as u64));
            let header: [u8; HEADER_BYTES] = whole[..HEADER_BYTES].try_into().expect("a header");
            let opener = ChunkOpener::new(&header, b"x", &ring()).expect("a key");
            let last = length.saturating_sub(1) / CHUNK_BYTES;
            for number in (0..=last).rev() {
                let (start, most) = ChunkOpener::place(number as u64);
                let start = usize::try_from(start).expect("small");
                let mut chunk = whole[start..whole.len().min(start + most)].to_vec();
                let wrong =
                    opener.open(number as u64, number != last, &mut chunk.clone()).map(<[u8]>::to_vec);
                assert!(matches!(wrong, Err(SealError::Chunk { .. })), "the last is known as the last");
                let opened = opener.open(number as u64, number == last, &mut chunk).expect("opened");
                let from = number * CHUNK_BYTES;
                assert_eq!(opened, &text[from..text.len().min(from + CHUNK_BYTES)]);
            }
        }
        let header = HEADER_BYTES as u64;
        for none in [0, header - 1, header, header + 15, header + 65_536 + 16 + 16] {
            assert_eq!(plain_bytes(none), None, "{none}");
        }
    }

    #[test]
    fn chunks_cannot_be_swapped_cut_repeated_or_lent_to_another_object() {
        let text = plain(3 * CHUNK_BYTES + 10);
        let whole = sealed(&text, b"one", &ring());
        let chunk = CHUNK_BYTES + TAG_BYTES;
        let (header, body) = whole.split_at(HEADER_BYTES);
        let parts: Vec<&[u8]> = body.chunks(chunk).collect();
        let joined = |order: &[usize]| {
            let chunks: Vec<u8> = order.iter().flat_map(|at| parts[*at]).copied().collect();
            opened(&[header, &chunks].concat(), b"one", &ring())
        };
        assert_eq!(joined(&[0, 1, 2, 3]).expect("whole"), text);
        for order in [
            &[1, 0, 2, 3][..],
            &[0, 1, 2],
            &[0, 1],
            &[0],
            &[],
            &[0, 1, 2, 3, 3],
            &[0, 0, 1, 2, 3],
            &[1, 2, 3],
        ] {
            assert!(matches!(joined(order), Err(SealError::Chunk { .. })), "{order:?}");
        }
        assert!(matches!(opened(&whole, b"two", &ring()), Err(SealError::Chunk { chunk: 0 })));
        // The chunks of another object under the same master key.
        let other = {
            let mut target = Vec::new();
            seal(text.as_slice(), &mut target, b"one", &ring(), &mut Counted(99)).expect("sealed");
            target
        };
        let mixed = [&whole[..HEADER_BYTES + chunk], &other[HEADER_BYTES + chunk..]].concat();
        assert!(matches!(opened(&mixed, b"one", &ring()), Err(SealError::Chunk { chunk: 1 })));
        let mixed = [&other[..HEADER_BYTES], &whole[HEADER_BYTES..]].concat();
        assert!(matches!(opened(&mixed, b"one", &ring()), Err(SealError::Chunk { chunk: 0 })));
    }

    #[test]
    fn a_lost_key_another_key_and_what_was_never_sealed_are_told_apart() {
        let whole = sealed(b"text", b"x", &ring());
        let lost = opened(&whole, b"x", &Keyring::of_keys([9; 8], [2; 32], [3; 32])).expect_err("lost");
        assert!(
            lost.to_string().contains("key 0101010101010101, which this keyring does not hold"),
            "{lost}"
        );
        let other = opened(&whole, b"x", &Keyring::of_keys([1; 8], [9; 32], [3; 32])).expect_err("another");
        assert!(matches!(other, SealError::Header { .. }), "{other}");
        for wrong in [&b""[..], b"DICM", &[0; 500], &whole[..HEADER_BYTES - 1]] {
            assert!(matches!(opened(wrong, b"x", &ring()), Err(SealError::NotSealed)));
        }
        assert!(matches!(opened(&whole[..HEADER_BYTES], b"x", &ring()), Err(SealError::Chunk { chunk: 0 })));
    }

    #[test]
    fn a_new_wrap_leaves_the_chunks_as_they_are() {
        let text = plain(CHUNK_BYTES + 1);
        let whole = sealed(&text, b"x", &ring());
        let header: [u8; HEADER_BYTES] = whole[..HEADER_BYTES].try_into().expect("a header");
        let wrapped = rewrap(&header, &ring(), &mut Counted(50)).expect("wrapped anew");
        assert_ne!(wrapped, header);
        let moved = [&wrapped[..], &whole[HEADER_BYTES..]].concat();
        assert_eq!(opened(&moved, b"x", &ring()).expect("opened"), text);
        assert_eq!(key_of(moved.as_slice()).expect("a key"), ring().active());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_changed_byte_comes_through(length in 0_usize..70_000, place in 0_usize..80_000, bit in 0_u8..8) {
            let text = plain(length);
            let mut whole = sealed(&text, b"x", &ring());
            prop_assert_eq!(&opened(&whole, b"x", &ring()).expect("opened"), &text);
            let at = place % whole.len();
            whole[at] ^= 1 << bit;
            prop_assert!(opened(&whole, b"x", &ring()).is_err());
            whole[at] ^= 1 << bit;
            whole.truncate(at);
            prop_assert!(opened(&whole, b"x", &ring()).is_err());
        }
    }
}
