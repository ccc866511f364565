/// Reads events out of a stream of bytes, whatever the pieces it comes in.
///
/// # Source
/// HTML Living Standard, Section 9.2.6 (Server-sent events)
#[derive(Default)]
pub(super) struct Events {
    line: Vec<u8>,
    data: Option<String>,
    after_return: bool,
}

impl Events {
    /// Adds bytes; returns the data of the events they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut events = Vec::new();
        for &byte in bytes {
            let follows_return = std::mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if follows_return => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                byte => self.line.push(byte),
            }
        }
        events
    }

    /// The event that the stream's end completes: servers often leave out the last empty line.
    pub(super) fn finish(mut self) -> Option<String> {
        let last = if self.line.is_empty() { None } else { self.end_line() };
        last.or(self.data)
    }

    fn end_line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return self.data.take();
        }
        let line = String::from_utf8_lossy(&line);
        if let Some(value) = line.strip_prefix("data:") {
            let value = value.strip_prefix(' ').unwrap_or(value);
            match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_the_same_however_the_bytes_are_cut() {
        let text = ": a comment\r\ndata: {\"a\":1}\r\n\r\nevent: x\ndata:one\ndata: two\n\n\n\ndata: \u{e9}\r\rdata: [DONE]";
        let expected = ["{\"a\":1}", "one\ntwo", "\u{e9}", "[DONE]"];
        for size in 1..text.len() {
            let mut events = Events::default();
            let mut found: Vec<String> =
                text.as_bytes().chunks(size).flat_map(|piece| events.push(piece)).collect();
            found.extend(events.finish());
            assert_eq!(found, expected, "in pieces of {size}");
        }
    }
}
