//! Tables of the user's as rows of text.

/// A field that is no text.
pub(crate) struct NotUtf8 {
    /// Of the row's beginning, from 1.
    pub line: usize,
    /// From 1.
    pub field: usize,
}

/// The rows of a CSV (RFC 4180, a byte order mark before it is passed over), with the line that each begins at.
pub(crate) fn rows(bytes: &[u8]) -> Result<Vec<(usize, Vec<String>)>, NotUtf8> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut reader = csv_core::Reader::new();
    let mut rows = Vec::new();
    let (mut output, mut ends) = (vec![0; 4096], vec![0; 64]);
    let (mut rest, mut written, mut ended) = (bytes, 0, 0);
    let mut line = 1;
    loop {
        let (result, read, wrote, closed) =
            reader.read_record(rest, &mut output[written..], &mut ends[ended..]);
        rest = &rest[read..];
        written += wrote;
        ended += closed;
        match result {
            csv_core::ReadRecordResult::OutputFull => output.resize(2 * output.len(), 0),
            csv_core::ReadRecordResult::OutputEndsFull => ends.resize(2 * ends.len(), 0),
            // The end is told by asking once more with nothing.
            csv_core::ReadRecordResult::InputEmpty => {}
            csv_core::ReadRecordResult::End => return Ok(rows),
            csv_core::ReadRecordResult::Record => {
                let mut from = 0;
                let mut row = Vec::with_capacity(ended);
                for end in &ends[..ended] {
                    let field = std::str::from_utf8(&output[from..*end])
                        .map_err(|_| NotUtf8 { line, field: row.len() + 1 })?;
                    row.push(field.to_owned());
                    from = *end;
                }
                rows.push((line, row));
                (written, ended) = (0, 0);
                line = reader.line() as usize;
            }
        }
    }
}
