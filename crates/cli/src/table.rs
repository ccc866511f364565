use std::fmt::Write;

/// A CSV field, quoted where it must be (RFC 4180), and never read as a formula by a spreadsheet.
pub fn field(text: &str) -> String {
    let number = text.parse::<f64>().is_ok();
    let text =
        if text.starts_with(['=', '+', '@', '-']) && !number { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// Lines of fields as CSV.
pub fn csv(header: &[&str], rows: &[Vec<String>]) -> String {
    let line = |fields: Vec<String>| format!("{}\n", fields.join(","));
    let mut text = line(header.iter().map(|name| field(name)).collect());
    rows.iter().for_each(|row| text.push_str(&line(row.iter().map(|value| field(value)).collect())));
    text
}

/// Lines of fields in columns, for people; numbers stand to the right.
pub fn columns(header: &[&str], rows: &[Vec<String>]) -> String {
    let count = header.len();
    let widths: Vec<usize> = (0..count)
        .map(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([header[column].chars().count()]).max().unwrap_or(0)
        })
        .collect();
    let numeric: Vec<bool> = (0..count)
        .map(|column| !rows.is_empty() && rows.iter().all(|row| row[column].parse::<f64>().is_ok()))
        .collect();
    let mut text = String::new();
    let mut line = |cells: Vec<&str>| {
        let mut shown = String::new();
        for (column, cell) in cells.iter().enumerate() {
            let gap = if column > 0 { "  " } else { "" };
            let width = widths[column];
            let _ = if numeric[column] {
                write!(shown, "{gap}{cell:>width$}")
            } else {
                write!(shown, "{gap}{cell:<width$}")
            };
        }
        text.push_str(shown.trim_end());
        text.push('\n');
    };
    line(header.to_vec());
    rows.iter().for_each(|row| line(row.iter().map(String::as_str).collect()));
    text
}

/// A number with four significant digits, without an exponent where people would write none.
pub fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let digits = 3 - value.abs().log10().floor() as i32;
    match digits {
        ..=0 => format!("{value:.0}"),
        1..=9 => format!("{value:.*}", digits as usize),
        _ => format!("{value:.3e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        assert_eq!(field("a.png"), "a.png");
        assert_eq!(field("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(field("=cmd()"), "'=cmd()");
        assert_eq!(field("-950.5"), "-950.5");
    }

    #[test]
    fn numbers_have_four_digits() {
        let cases = [
            (0.0, "0"),
            (1234.56, "1235"),
            (12.3456, "12.35"),
            (-0.012_345_6, "-0.01235"),
            (1e-9, "1.000e-9"),
        ];
        for (value, expected) in cases {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn columns_stand_under_their_names() {
        let rows =
            vec![vec!["left lung".to_owned(), "12.5".to_owned()], vec!["x".to_owned(), "3".to_owned()]];
        assert_eq!(
            columns(&["structure", "mL"], &rows),
            "structure    mL\nleft lung  12.5\nx             3\n"
        );
    }
}
