/// A text as a component of a field: separators escaped, line breaks as `\.br\`, other control characters as blanks.
///
/// # Source
/// HL7 v2.5, section 2.7
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '|' => out.push_str("\\F\\"),
            '^' => out.push_str("\\S\\"),
            '&' => out.push_str("\\T\\"),
            '~' => out.push_str("\\R\\"),
            '\\' => out.push_str("\\E\\"),
            '\n' | '\r' => out.push_str("\\.br\\"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// The text of a component; escape sequences that [`escaped`] never writes stand as they are.
pub(super) fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at..];
        let known = [
            ("\\F\\", "|"),
            ("\\S\\", "^"),
            ("\\T\\", "&"),
            ("\\R\\", "~"),
            ("\\E\\", "\\"),
            ("\\.br\\", "\n"),
        ];
        let (sequence, plain) =
            known.into_iter().find(|(sequence, _)| escape.starts_with(sequence)).unwrap_or(("\\", "\\"));
        out.push_str(plain);
        rest = &escape[sequence.len()..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::{escaped, unescaped};

    #[test]
    fn what_was_escaped_comes_back() {
        for text in ["", "a|b^c&d~e\\f", "\\F\\", "one\ntwo", "“Größe” 肺\\", "\\\\.br\\"] {
            assert_eq!(unescaped(&escaped(text)), text);
        }
        assert_eq!(unescaped("\\H\\bold\\N\\"), "\\H\\bold\\N\\");
    }

    #[test]
    fn separators_and_line_breaks_do_not_end_a_field() {
        assert_eq!(escaped("a|b^c&d~e\\f"), "a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f");
        assert_eq!(escaped("one\r\ntwo\rthree\u{b}\u{1c}"), "one\\.br\\two\\.br\\three  ");
        assert_eq!(escaped("“Größe” 肺"), "“Größe” 肺");
    }
}
