//! Values of HL7 as those of DICOM: names, times, codes, identifiers.

use chrono::{NaiveDate, NaiveTime};
use wilhelm_formats::hl7::Part;

use super::answer::Refusal;

/// A value as text without what DICOM parts values by. `None` is not said, "" is said to be empty.
pub(super) fn text(part: Part<'_>, longest: usize) -> Result<Option<String>, Refusal> {
    let said = part.said()?;
    Ok(said.map(|said| cut(said.expose(), longest)))
}

fn cut(text: &str, longest: usize) -> String {
    let one_line: String =
        text.chars().map(|c| if c.is_control() || c == '\\' { ' ' } else { c }).take(longest).collect();
    one_line.trim().to_owned()
}

/// A value that names something: longer than DICOM allows it is refused, since a part of it names something else.
pub(super) fn identifier(part: Part<'_>, longest: usize) -> Result<Option<String>, Refusal> {
    let said = text(part, usize::MAX)?;
    let found = said.as_deref().map_or(0, |said| said.chars().count());
    if found > longest {
        let why = format!("{} has {found} characters, DICOM allows {longest}", part.place());
        return Err(Refusal::error(102, why));
    }
    Ok(said)
}

/// A code string: capital letters, digits, spaces and underscores.
pub(super) fn code(part: Part<'_>) -> Result<Option<String>, Refusal> {
    let said = identifier(part, 16)?.map(|said| said.to_ascii_uppercase());
    let fits = |text: &str| {
        text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b' ' | b'_'))
    };
    match said {
        Some(said) if !fits(&said) => {
            let why = format!("{} is no code of letters, digits and underscores", part.place());
            Err(Refusal::error(102, why))
        }
        said => Ok(said),
    }
}

/// A UID.
pub(super) fn uid(part: Part<'_>) -> Result<Option<String>, Refusal> {
    let said = identifier(part, 64)?;
    match said {
        Some(said) if !said.is_empty() && wilhelm_study::StudyInstanceUid::new(&said).is_err() => {
            Err(Refusal::error(102, format!("{} is no UID of 1 to 64 digits and dots", part.place())))
        }
        said => Ok(said),
    }
}

/// A person's name out of components that begin at `first`: family, given, middle, suffix, prefix.
pub(super) fn name(part: Part<'_>, first: usize) -> Result<Option<String>, Refusal> {
    if part.component(first).raw() == "\"\"" {
        return Ok(Some(String::new()));
    }
    let mut groups = [String::new(), String::new(), String::new()];
    for repetition in part.repetitions() {
        // XPN-8 says how a name is written: letters, ideographs, or sounds.
        let place = match (first, repetition.component(first + 7).raw()) {
            (1, "I") => 1,
            (1, "P") => 2,
            _ => 0,
        };
        if groups[place].is_empty() {
            groups[place] = group(repetition, first)?;
        }
    }
    let whole = groups.join("=");
    let whole = whole.trim_end_matches('=');
    Ok((!whole.is_empty()).then(|| whole.to_owned()))
}

fn group(part: Part<'_>, first: usize) -> Result<String, Refusal> {
    let mut components = Vec::new();
    // DICOM has the prefix before the suffix.
    for number in [0, 1, 2, 4, 3] {
        let said = text(part.component(first + number).subcomponent(1), 64)?.unwrap_or_default();
        components.push(said.replace(['^', '='], " "));
    }
    let whole = components.join("^");
    let whole = whole.trim_end_matches('^');
    if whole.chars().count() > 64 {
        return Err(Refusal::error(102, format!("{} has more than 64 characters", part.place())));
    }
    Ok(whole.to_owned())
}

/// A date of DICOM, and a time where the value says one. What it says of a time zone is left out: times are the place's own.
pub(super) fn moment(part: Part<'_>) -> Result<Option<(String, String)>, Refusal> {
    let Some(said) = part.component(1).said()? else { return Ok(None) };
    let said = said.expose().trim();
    if said.is_empty() {
        return Ok(Some((String::new(), String::new())));
    }
    let refused = || Refusal::error(102, format!("{} is no date and time as YYYYMMDDHHMMSS", part.place()));
    let whole = said.split(['.', '+', '-']).next().unwrap_or_default();
    if !whole.bytes().all(|byte| byte.is_ascii_digit()) || whole.len() < 8 {
        return Err(refused());
    }
    let (date, time) = whole.split_at(8);
    NaiveDate::parse_from_str(date, "%Y%m%d").map_err(|_| refused())?;
    let time = match time.len() {
        0 => String::new(),
        2 | 4 | 6 => format!("{time:0<6}"),
        _ => return Err(refused()),
    };
    if !time.is_empty() {
        NaiveTime::parse_from_str(&time, "%H%M%S").map_err(|_| refused())?;
    }
    Ok(Some((date.to_owned(), time)))
}

/// A birth date of DICOM. A year or a month alone is none, and as if it was not said.
pub(super) fn birth_date(part: Part<'_>) -> Result<Option<String>, Refusal> {
    let said = part.component(1).raw();
    if matches!(said.len(), 4 | 6) && said.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    Ok(moment(part)?.map(|(date, _)| date))
}

/// A sex of DICOM: what is neither male nor female is other, what is unknown is empty.
pub(super) fn sex(part: Part<'_>) -> Result<Option<String>, Refusal> {
    Ok(match part.component(1).raw() {
        "" => None,
        "\"\"" | "U" => Some(String::new()),
        letter @ ("M" | "F" | "O") => Some(letter.to_owned()),
        "A" | "N" => Some("O".to_owned()),
        _ => return Err(Refusal::error(103, format!("{} is none of F, M, O, U, A, N", part.place()))),
    })
}

#[cfg(test)]
mod tests {
    use wilhelm_formats::hl7::Message;

    use super::*;

    fn with<T>(field: &str, read: impl FnOnce(Part<'_>) -> T) -> T {
        let message = format!("MSH|^~\\&|A|||||||||||||||UNICODE UTF-8\rPID|{field}\r");
        let message = Message::read(message.as_bytes()).expect("a message");
        read(message.segments()[1].field(1))
    }

    #[test]
    fn names_have_the_order_of_dicom() {
        let check = |field: &str, expected: Option<&str>| {
            let found = with(field, |part| name(part, 1)).expect("a name");
            assert_eq!(found.as_deref(), expected, "{field}");
        };
        check("Doe^Jane^Mary^Jr^Dr", Some("Doe^Jane^Mary^Dr^Jr"));
        check("Doe", Some("Doe"));
        check("van Doe&van&Doe^Jane", Some("van Doe^Jane"));
        check("Yamada^Tarou^^^^^^A~山田^太郎^^^^^^I", Some("Yamada^Tarou=山田^太郎"));
        check("a\\S\\b=c\\E\\d^e", Some("a b c d^e"));
        check("\"\"", Some(""));
        check("", None);
        assert!(
            with(&"x".repeat(65), |part| name(part, 1))
                .is_ok_and(|name| name.is_some_and(|name| name.len() == 64))
        );
        let long =
            with(&format!("{0}^{0}", "x".repeat(40)), |part| name(part, 1).map_err(|refusal| refusal.why));
        assert_eq!(long, Err("PID-1 has more than 64 characters".to_owned()));
    }

    #[test]
    fn moments_are_dates_and_times_of_six_digits() {
        let check = |field: &str, expected: Option<(&str, &str)>| {
            let found = with(field, moment).ok().flatten();
            let expected = expected.map(|(date, time)| (date.to_owned(), time.to_owned()));
            assert_eq!(found, expected, "{field}");
        };
        check("20260705093000.123+0200", Some(("20260705", "093000")));
        check("202607050930", Some(("20260705", "093000")));
        check("20260705", Some(("20260705", "")));
        check("\"\"", Some(("", "")));
        for wrong in ["2026", "20260231", "202607052500", "Doe", "202607059"] {
            let refusal = with(wrong, moment).expect_err("refused");
            assert!(!refusal.why.contains(wrong), "{}", refusal.why);
        }
    }

    #[test]
    fn a_year_alone_is_no_birth_date_and_refuses_nothing() {
        for (field, expected) in [("1960", None), ("196002", None), ("19600229", Some("19600229"))] {
            assert_eq!(with(field, birth_date).expect("read").as_deref(), expected, "{field}");
        }
        assert!(with("19601", birth_date).is_err() && with("19600231", birth_date).is_err());
    }

    #[test]
    fn what_names_something_is_never_cut() {
        let long = "A".repeat(17);
        assert!(with(&long, |part| identifier(part, 16)).is_err());
        assert_eq!(with("ct", |part| code(part).ok().flatten()), Some("CT".to_owned()));
        assert!(with("C/T", code).is_err());
        assert!(with("1.2.x", uid).is_err());
        assert_eq!(with("1.2.3", |part| uid(part).ok().flatten()), Some("1.2.3".to_owned()));
        let sexes = ["M", "N", "U", "\"\"", ""].map(|field| with(field, |part| sex(part).ok().flatten()));
        assert_eq!(
            sexes,
            [Some("M".into()), Some("O".into()), Some(String::new()), Some(String::new()), None]
        );
        assert!(with("X", sex).is_err());
    }
}
