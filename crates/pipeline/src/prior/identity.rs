use wilhelm_study::{Patient, Phi};

/// Whether two headers are of one patient, as far as they tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SamePatient {
    /// Identifiers agree.
    Proven {
        /// Which.
        by: &'static str,
    },
    /// Identifiers contradict each other.
    Differs {
        /// Which.
        what: &'static str,
    },
    /// Too little is stated.
    Unknown {
        /// What is missing.
        missing: String,
    },
}

/// Compares identifiers without showing any.
///
/// A Patient ID, birth date or sex that differs is a contradiction. The same Patient ID proves it, and so do the same name
/// and birth date where one side has no Patient ID. A name that differs beside the same Patient ID is none: names change.
pub fn same_patient(a: &Patient, b: &Patient) -> SamePatient {
    let ids = both(&a.id, &b.id, |text| text.trim().to_owned());
    let births = both(&a.birth_date, &b.birth_date, digits);
    let names = both(&a.name, &b.name, name);
    if ids == Some(false) {
        return SamePatient::Differs { what: "Patient ID" };
    }
    if births == Some(false) {
        return SamePatient::Differs { what: "birth date" };
    }
    if let (Some(a), Some(b)) = (a.sex, b.sex)
        && matches!((a, b), ('M', 'F') | ('F', 'M'))
    {
        return SamePatient::Differs { what: "sex" };
    }
    match (ids, names, births) {
        (Some(true), _, Some(true)) => SamePatient::Proven { by: "Patient ID and birth date" },
        (Some(true), _, _) => SamePatient::Proven { by: "Patient ID" },
        (_, Some(true), Some(true)) => SamePatient::Proven { by: "name and birth date" },
        (_, Some(false), _) => SamePatient::Differs { what: "name" },
        _ => {
            let side = |patient: &Patient, which: &str| {
                let named = known(&patient.id).is_some()
                    || (known(&patient.name).is_some() && known(&patient.birth_date).is_some());
                (!named).then(|| format!("{which} states no Patient ID and no name with a birth date"))
            };
            let missing: Vec<String> =
                [side(a, "this one"), side(b, "the earlier one")].into_iter().flatten().collect();
            let missing = match missing.is_empty() {
                true => "one states a Patient ID, the other a name".to_owned(),
                false => missing.join(", and "),
            };
            SamePatient::Unknown { missing }
        }
    }
}

/// A value that is not blank.
fn known(value: &Option<Phi<String>>) -> Option<&str> {
    value.as_ref().map(|value| value.expose().trim()).filter(|text| !text.is_empty())
}

/// Whether both sides state a value, and the same.
fn both(a: &Option<Phi<String>>, b: &Option<Phi<String>>, form: fn(&str) -> String) -> Option<bool> {
    Some(form(known(a)?) == form(known(b)?))
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// A Person Name by its first group, without the case of letters and the marks between its parts.
fn name(text: &str) -> String {
    let group = text.split('=').next().unwrap_or_default();
    let parts: Vec<String> = group
        .split(|c: char| c == '^' || c == ',' || c.is_whitespace())
        .filter(|part| !part.is_empty())
        .map(str::to_lowercase)
        .collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patient(id: &str, name: &str, birth: &str, sex: Option<char>) -> Patient {
        let phi = |text: &str| (!text.is_empty()).then(|| Phi::new(text.to_owned()));
        Patient { id: phi(id), name: phi(name), birth_date: phi(birth), age_years: None, sex }
    }

    #[test]
    fn who_is_who() {
        let now = patient("7", "Doe^Jane", "19500203", Some('F'));
        for (other, expected) in [
            (patient("7", "", "", None), SamePatient::Proven { by: "Patient ID" }),
            (
                patient(" 7 ", "Roe^Jane", "1950-02-03", None),
                SamePatient::Proven { by: "Patient ID and birth date" },
            ),
            (patient("", "DOE^JANE^", "19500203", None), SamePatient::Proven { by: "name and birth date" }),
            (patient("8", "Doe^Jane", "19500203", Some('F')), SamePatient::Differs { what: "Patient ID" }),
            (patient("7", "Doe^Jane", "19500204", Some('F')), SamePatient::Differs { what: "birth date" }),
            (patient("7", "Doe^Jane", "", Some('M')), SamePatient::Differs { what: "sex" }),
            (patient("", "Doe^John", "19500203", None), SamePatient::Differs { what: "name" }),
        ] {
            assert_eq!(same_patient(&now, &other), expected);
            assert_eq!(same_patient(&other, &now), expected);
        }
        let SamePatient::Unknown { missing } = same_patient(&now, &patient("", "Doe^Jane", "", None)) else {
            panic!("a name alone proves nothing")
        };
        assert_eq!(missing, "the earlier one states no Patient ID and no name with a birth date");
    }

    #[test]
    fn no_answer_shows_a_value() {
        let a = patient("MRN-4711", "Canary^Cora", "19440506", Some('F'));
        let b = patient("MRN-4712", "Canary^Cyril", "19440507", Some('M'));
        let shown = format!("{:?} {a:?} {b:?}", same_patient(&a, &b));
        for value in ["4711", "4712", "Canary", "1944"] {
            assert!(!shown.contains(value), "{shown}");
        }
    }
}
