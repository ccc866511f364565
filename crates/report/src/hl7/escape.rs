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

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn separators_and_line_breaks_do_not_end_a_field() {
        assert_eq!(escaped("a|b^c&d~e\\f"), "a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f");
        assert_eq!(escaped("one\r\ntwo\rthree\u{b}\u{1c}"), "one\\.br\\two\\.br\\three  ");
        assert_eq!(escaped("“Größe” 肺"), "“Größe” 肺");
    }
}
