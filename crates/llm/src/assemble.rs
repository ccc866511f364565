/// Puts the pieces of an answer together: whole characters only, and nothing from a stop text on.
pub(crate) struct Assembler<'a> {
    stops: &'a [String],
    text: String,
    /// Bytes of a character that is not complete yet.
    partial: Vec<u8>,
    /// How much of `text` was released.
    released: usize,
    stopped: bool,
}

impl<'a> Assembler<'a> {
    pub(crate) fn new(stops: &'a [String]) -> Self {
        Self { stops, text: String::new(), partial: Vec::new(), released: 0, stopped: false }
    }

    /// Adds the bytes of a token; returns the text that is now certain to stay.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> &str {
        self.partial.extend_from_slice(bytes);
        let searched = self.text.len();
        self.decode();
        let longest = self.stops.iter().map(String::len).max().unwrap_or(0);
        let from = floor_boundary(&self.text, searched.saturating_sub(longest));
        let found = self.stops.iter().filter_map(|stop| self.text[from..].find(stop.as_str())).min();
        if let Some(at) = found {
            self.text.truncate(from + at);
            self.stopped = true;
        }
        let held = if self.stopped { 0 } else { held_back(&self.text, self.stops) };
        let start = self.released.min(self.text.len());
        self.released = self.text.len() - held;
        &self.text[start..self.released.max(start)]
    }

    /// Whether a stop text has come.
    pub(crate) const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// The whole answer, and its part that was not released before.
    pub(crate) fn finish(mut self) -> (String, String) {
        if !self.stopped && !self.partial.is_empty() {
            self.text.push_str(&String::from_utf8_lossy(&self.partial));
        }
        let rest = self.text[self.released.min(self.text.len())..].to_string();
        (self.text, rest)
    }

    /// Moves what is complete from `partial` to `text`; bytes that can never be completed become U+FFFD.
    fn decode(&mut self) {
        loop {
            match std::str::from_utf8(&self.partial) {
                Ok(text) => {
                    self.text.push_str(text);
                    self.partial.clear();
                    return;
                }
                Err(error) => {
                    let valid = error.valid_up_to();
                    self.text.push_str(&String::from_utf8_lossy(&self.partial[..valid]));
                    match error.error_len() {
                        None => {
                            self.partial.drain(..valid);
                            return;
                        }
                        Some(wrong) => {
                            self.text.push(char::REPLACEMENT_CHARACTER);
                            self.partial.drain(..valid + wrong);
                        }
                    }
                }
            }
        }
    }
}

/// Length of the longest end of `text` with which a stop text begins.
fn held_back(text: &str, stops: &[String]) -> usize {
    let begins = |stop: &String| {
        (1..stop.len()).rev().find(|&length| stop.is_char_boundary(length) && text.ends_with(&stop[..length]))
    };
    stops.iter().filter_map(begins).max().unwrap_or(0)
}

fn floor_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stops: &[&str], pieces: &[&[u8]], released: &[&str], whole: &str, stopped: bool) {
        let stops: Vec<String> = stops.iter().map(ToString::to_string).collect();
        let mut assembler = Assembler::new(&stops);
        let found: Vec<String> = pieces.iter().map(|piece| assembler.push(piece).to_string()).collect();
        assert_eq!(found, released);
        assert_eq!(assembler.is_stopped(), stopped);
        let (text, rest) = assembler.finish();
        assert_eq!(text, whole);
        assert_eq!(found.concat() + &rest, whole, "what was released is the answer");
    }

    #[test]
    fn a_character_split_between_tokens_is_released_whole() {
        let [first, second] = [&"é".as_bytes()[..1], &"é".as_bytes()[1..]];
        check(&[], &[b"caf", first, second, b"s"], &["caf", "", "é", "s"], "cafés", false);
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        check(&[], &[b"a\xffb"], &["a\u{fffd}b"], "a\u{fffd}b", false);
        check(&[], &[b"a", b"\xc3"], &["a", ""], "a\u{fffd}", false);
    }

    #[test]
    fn what_may_become_a_stop_text_is_held_back() {
        check(&["\n\n"], &[b"one\n", b"two\n", b"\nthree"], &["one", "\ntwo", ""], "one\ntwo", true);
        check(&["END"], &[b"the E", b"NT"], &["the ", "ENT"], "the ENT", false);
        check(&["END"], &[b"the EN"], &["the "], "the EN", false);
    }

    #[test]
    fn the_earliest_of_several_stop_texts_counts() {
        check(&["d", "bc"], &[b"abcd"], &["a"], "a", true);
        check(&["a"], &[b"a"], &[""], "", true);
    }
}
