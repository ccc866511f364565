//! multipart/related as it arrives: parts handed on piece by piece, nothing held but a boundary's length.
//!
//! Source: RFC 2046 Section 5.1, RFC 2387.

/// What a reader of parts is told.
pub(crate) trait Parts {
    type Error;

    /// A part begins; its head without the empty line.
    fn begin(&mut self, head: &str) -> Result<(), Self::Error>;
    /// More of its bytes.
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
    /// It is whole.
    fn end(&mut self) -> Result<(), Self::Error>;
}

/// Why a body cannot be read.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum Broken<E> {
    #[error("the body is not multipart/related with the boundary that its header names")]
    Form,
    #[error("the head of a part is longer than {LONGEST_HEAD} bytes")]
    Head,
    #[error("{0}")]
    Part(E),
}

const LONGEST_HEAD: usize = 16 << 10;

#[derive(Debug, PartialEq)]
enum State {
    /// Before the first boundary.
    Before,
    /// Behind a boundary: its line's end, or the two hyphens of the last.
    Line,
    Head,
    Body,
    Done,
}

/// Reads a body piece by piece.
#[derive(Debug)]
pub(crate) struct Reader {
    delimiter: Vec<u8>,
    state: State,
    held: Vec<u8>,
}

impl Reader {
    pub(crate) fn new(boundary: &str) -> Self {
        // The body is read as if a line's end stood before its first boundary.
        Self {
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            state: State::Before,
            held: b"\r\n".to_vec(),
        }
    }

    /// Takes the next piece.
    pub(crate) fn take<P: Parts>(&mut self, piece: &[u8], parts: &mut P) -> Result<(), Broken<P::Error>> {
        if self.state == State::Done {
            return Ok(());
        }
        self.held.extend_from_slice(piece);
        let mut at = 0;
        loop {
            let rest = &self.held[at..];
            match self.state {
                State::Done => {
                    self.held.clear();
                    return Ok(());
                }
                State::Before | State::Body => {
                    let found = find(rest, &self.delimiter);
                    let body = self.state == State::Body;
                    // What may be the beginning of a delimiter stays.
                    let end = found.unwrap_or_else(|| rest.len().saturating_sub(self.delimiter.len() - 1));
                    if body && end > 0 {
                        parts.bytes(&rest[..end]).map_err(Broken::Part)?;
                    }
                    if found.is_none() {
                        self.held.drain(..at + end);
                        return Ok(());
                    }
                    if body {
                        parts.end().map_err(Broken::Part)?;
                    }
                    at += end + self.delimiter.len();
                    self.state = State::Line;
                }
                State::Line => {
                    if rest.starts_with(b"--") {
                        self.state = State::Done;
                        continue;
                    }
                    match rest.iter().position(|byte| *byte == b'\n') {
                        Some(end) if rest[..end].iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r')) => {
                            // The head's own empty line may follow at once.
                            at += end - usize::from(end > 0 && rest[end - 1] == b'\r');
                            self.state = State::Head;
                        }
                        Some(_) => return Err(Broken::Form),
                        None if rest.len() > 256 => return Err(Broken::Form),
                        None => {
                            self.held.drain(..at);
                            return Ok(());
                        }
                    }
                }
                State::Head => match find(rest, b"\r\n\r\n") {
                    Some(end) if end <= LONGEST_HEAD => {
                        let head = String::from_utf8_lossy(&rest[..end]).into_owned();
                        at += end + 4;
                        parts.begin(head.trim()).map_err(Broken::Part)?;
                        self.state = State::Body;
                    }
                    Some(_) => return Err(Broken::Head),
                    None if rest.len() > LONGEST_HEAD => return Err(Broken::Head),
                    None => {
                        self.held.drain(..at);
                        return Ok(());
                    }
                },
            }
        }
    }

    /// Whether the last boundary was met.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }
}

fn find(bytes: &[u8], sought: &[u8]) -> Option<usize> {
    let first = *sought.first()?;
    let mut from = 0;
    while let Some(place) = bytes[from..].iter().position(|byte| *byte == first) {
        if bytes[from + place..].starts_with(sought) {
            return Some(from + place);
        }
        from += place + 1;
    }
    None
}

/// The boundary and the parts' type in a header Content-Type; `None` where it is no multipart/related.
pub(crate) fn related(content_type: &str) -> Option<(String, Option<String>)> {
    let (media, rest) = content_type.split_once(';').unwrap_or((content_type, ""));
    if !media.trim().eq_ignore_ascii_case("multipart/related") {
        return None;
    }
    let (mut boundary, mut kind) = (None, None);
    for piece in rest.split(';') {
        let Some((key, value)) = piece.split_once('=') else { continue };
        let value = value.trim().trim_matches('"').to_owned();
        match key.trim().to_ascii_lowercase().as_str() {
            "boundary" => boundary = Some(value),
            "type" => kind = Some(value.to_ascii_lowercase()),
            _ => {}
        }
    }
    let boundary = boundary.filter(|boundary| !boundary.is_empty() && boundary.len() <= 200)?;
    Some((boundary, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq)]
    struct Kept {
        heads: Vec<String>,
        bodies: Vec<Vec<u8>>,
        whole: usize,
    }

    impl Parts for Kept {
        type Error = ();

        fn begin(&mut self, head: &str) -> Result<(), ()> {
            self.heads.push(head.to_owned());
            self.bodies.push(Vec::new());
            Ok(())
        }

        fn bytes(&mut self, bytes: &[u8]) -> Result<(), ()> {
            self.bodies.last_mut().ok_or(())?.extend_from_slice(bytes);
            Ok(())
        }

        fn end(&mut self) -> Result<(), ()> {
            self.whole += 1;
            Ok(())
        }
    }

    const BODY: &[u8] =
        b"preamble\r\n--b\r\nContent-Type: application/dicom\r\n\r\none\r\n--\r\n-b\r\n--b \r\nX: 1\r\nY: 2\r\n\r\n\r\n--b\r\n\r\nthree\r\n--b--\r\nepilogue";

    #[test]
    fn parts_are_the_same_however_the_body_is_cut() {
        for size in [1, 2, 3, 5, 7, 11, 1000] {
            let (mut reader, mut kept) = (Reader::new("b"), Kept::default());
            for piece in BODY.chunks(size) {
                reader.take(piece, &mut kept).expect("a body");
            }
            assert!(reader.is_done());
            assert_eq!(kept.heads, ["Content-Type: application/dicom", "X: 1\r\nY: 2", ""], "{size}");
            let bodies: [&[u8]; 3] = [b"one\r\n--\r\n-b", b"", b"three"];
            assert_eq!(kept.bodies, bodies, "{size}");
            assert_eq!(kept.whole, 3);
        }
    }

    #[test]
    fn a_body_without_its_boundary_is_not_done_and_a_long_head_is_refused() {
        let (mut reader, mut kept) = (Reader::new("c"), Kept::default());
        reader.take(BODY, &mut kept).expect("nothing found");
        assert!(!reader.is_done() && kept.heads.is_empty());
        let (mut reader, mut kept) = (Reader::new("b"), Kept::default());
        let long = [b"--b\r\n".to_vec(), vec![b'x'; LONGEST_HEAD + 8]].concat();
        assert_eq!(reader.take(&long, &mut kept), Err(Broken::Head));
    }

    #[test]
    fn the_header_names_boundary_and_type() {
        let found = related("multipart/related; type=\"application/dicom\"; boundary=\"a b\"");
        assert_eq!(found, Some(("a b".into(), Some("application/dicom".into()))));
        assert_eq!(related("multipart/form-data; boundary=x"), None);
        assert_eq!(related("multipart/related"), None);
    }
}
