//! What a request asks in its address and its header Accept.

use axum::http::{HeaderMap, header};

/// Percent-decoded; a plus stays one, as addresses are not forms.
pub(crate) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match (bytes[at], digits.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                plain.push(byte);
                at += 3;
            }
            (byte, _) => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// The parameters of an address, in their order, decoded.
pub(crate) fn parameters(query: Option<&str>) -> Vec<(String, String)> {
    query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decoded(key), decoded(value)))
        .collect()
}

/// One media type that a client takes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Media {
    /// As `image/png`, in lower case.
    pub media: String,
    /// Of multipart/related: the type of its parts.
    pub part: Option<String>,
    /// Transfer syntax of the parts; `*` is any.
    pub transfer_syntax: Option<String>,
    quality: f32,
}

impl Media {
    /// One media type with its parameters.
    pub(crate) fn parse(text: &str) -> Self {
        let mut pieces = text.split(';');
        let media = pieces.next().unwrap_or_default().trim().to_ascii_lowercase();
        let mut parsed = Self { media, part: None, transfer_syntax: None, quality: 1.0 };
        for piece in pieces {
            let Some((key, value)) = piece.split_once('=') else { continue };
            let value = value.trim().trim_matches('"');
            match key.trim().to_ascii_lowercase().as_str() {
                "type" => parsed.part = Some(value.to_ascii_lowercase()),
                "transfer-syntax" => parsed.transfer_syntax = Some(value.to_owned()),
                "q" => parsed.quality = value.parse().unwrap_or(1.0),
                _ => {}
            }
        }
        parsed
    }

    /// Whether it takes anything.
    pub(crate) fn is_anything(&self) -> bool {
        self.media == "*/*"
    }
}

/// The media types that a client takes, those it likes best first. The parameter `accept` stands in for the header, where
/// an address is all that can be given.
pub(crate) fn accepted(headers: &HeaderMap, parameters: &[(String, String)]) -> Vec<Media> {
    let given = parameters.iter().find(|(key, _)| key == "accept").map(|(_, value)| value.clone());
    let headers = || {
        let all: Vec<&str> =
            headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
        all.join(",")
    };
    let text = given.unwrap_or_else(headers);
    let mut accepted: Vec<Media> = split(&text).into_iter().map(Media::parse).collect();
    accepted.retain(|media| !media.media.is_empty() && media.quality > 0.0);
    if accepted.is_empty() {
        accepted.push(Media::parse("*/*"));
    }
    accepted.sort_by(|one, other| other.quality.total_cmp(&one.quality));
    accepted
}

/// At commas outside of quotation marks.
fn split(text: &str) -> Vec<&str> {
    let (mut pieces, mut start, mut quoted) = (Vec::new(), 0, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                pieces.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(&text[start..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_come_in_the_order_that_the_client_likes_them() {
        let mut headers = HeaderMap::new();
        let value = "image/png;q=0.5, multipart/related; type=\"application/dicom\"; transfer-syntax=*, text/html;q=0";
        headers.insert(header::ACCEPT, value.parse().expect("a header"));
        let accepted = accepted(&headers, &[]);
        assert_eq!(accepted.len(), 2);
        assert_eq!(accepted[0].part.as_deref(), Some("application/dicom"));
        assert_eq!(accepted[0].transfer_syntax.as_deref(), Some("*"));
        assert_eq!(accepted[1].media, "image/png");
    }

    #[test]
    fn addresses_are_decoded() {
        let found = parameters(Some("PatientName=M%C3%BCller%5E*&fuzzymatching=true&x=%zz%"));
        assert_eq!(found[0], ("PatientName".into(), "M\u{fc}ller^*".into()));
        assert_eq!(found[2], ("x".into(), "%zz%".into()));
    }
}
