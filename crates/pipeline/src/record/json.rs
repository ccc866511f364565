use std::collections::BTreeMap;
use std::ops::Range;

/// Where each value of a JSON text stands: its bytes by its JSON Pointer.
///
/// The text has been read as JSON before: this only walks over it.
///
/// # Source
/// RFC 6901 (JSON Pointer)
pub(super) fn places(text: &str) -> BTreeMap<String, Range<usize>> {
    let mut walk = Walk { bytes: text.as_bytes(), at: 0, found: BTreeMap::new() };
    walk.value(&mut String::new());
    walk.found
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    found: BTreeMap<String, Range<usize>>,
}

impl Walk<'_> {
    fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn value(&mut self, pointer: &mut String) {
        let Some(first) = self.peek() else { return };
        let start = self.at;
        match first {
            b'{' => self.members(pointer, b'}', true),
            b'[' => self.members(pointer, b']', false),
            b'"' => {
                self.string();
            }
            _ => {
                while self
                    .bytes
                    .get(self.at)
                    .is_some_and(|byte| !matches!(byte, b',' | b'}' | b']') && !byte.is_ascii_whitespace())
                {
                    self.at += 1;
                }
            }
        }
        self.found.insert(pointer.clone(), start..self.at);
    }

    fn members(&mut self, pointer: &mut String, close: u8, named: bool) {
        self.at += 1;
        for index in 0_usize.. {
            match self.peek() {
                None => return,
                Some(byte) if byte == close => break,
                Some(b',') => self.at += 1,
                Some(_) => {}
            }
            let length = pointer.len();
            pointer.push('/');
            if named {
                self.peek();
                let key = self.string();
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                if self.peek() == Some(b':') {
                    self.at += 1;
                }
            } else {
                pointer.push_str(&index.to_string());
            }
            let before = self.at;
            self.value(pointer);
            pointer.truncate(length);
            if self.at == before {
                return;
            }
        }
        self.at += 1;
    }

    /// The string that begins here, read as JSON.
    fn string(&mut self) -> String {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'"' => break,
                _ => {}
            }
        }
        self.at = self.at.min(self.bytes.len());
        serde_json::from_slice(&self.bytes[start..self.at]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_found_by_its_pointer() {
        let text = r#" { "a\"/": [1, {"b": "x,]}\\"}, []] , "c~": null, "d": {"e": -1.5e3} }"#;
        let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let found = places(text);
        assert_eq!(found.len(), 9);
        for (pointer, range) in &found {
            let there: serde_json::Value = serde_json::from_str(&text[range.clone()]).expect("a value");
            assert_eq!(Some(&there), value.pointer(pointer), "{pointer}");
        }
        for broken in ["{", "[1,", "{\"a\"", "\"", "{\"a\":}", "[[[[", "\"\\"] {
            places(broken);
        }
    }
}
