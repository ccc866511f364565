/// A word in the form under which the dictionary keeps it: lowercase, singular, American, Greek letters spelled out.
#[must_use]
pub fn normal(word: &str) -> String {
    let mut spelled = String::with_capacity(word.len());
    for character in word.chars() {
        match greek(character) {
            Some(name) => spelled.push_str(name),
            None => spelled.extend(character.to_lowercase()),
        }
    }
    // Short forms keep their letters: "AS", "ICU".
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    let short = letters <= 3 || (letters <= 5 && word.chars().all(|c| c.is_uppercase() || c.is_numeric()));
    if short {
        return spelled;
    }
    american(&singular(&spelled))
}

/// Marks that the dictionary passes over: "follow-up" is "follow up", "Crohn's" is "Crohn".
pub(super) fn is_passed_over(token: &str) -> bool {
    matches!(
        token,
        "-" | "'"
            | "/"
            | "\u{2019}"
            | "\u{2010}"
            | "\u{2011}"
            | "\u{2012}"
            | "\u{2013}"
            | "\u{2014}"
            | "\u{2212}"
    )
}

fn singular(word: &str) -> String {
    let stem = |cut: usize, put: &str| format!("{}{put}", &word[..word.len() - cut]);
    if !word.is_ascii() {
        return word.to_owned();
    }
    if let Some(before) = word.strip_suffix("ies") {
        return if before.len() > 2 { stem(3, "y") } else { word.to_owned() };
    }
    // metastases, diagnoses, neuroses: of "-sis"; biases and diseases are not of them.
    if ["oses", "yses", "tases"].iter().any(|end| word.ends_with(end)) && word.len() > 6 {
        return stem(2, "is");
    }
    if ["sses", "shes", "ches", "xes"].iter().any(|end| word.ends_with(end)) {
        return stem(2, "");
    }
    let keeps = ["ss", "us", "is"].iter().any(|end| word.ends_with(end));
    if word.ends_with('s') && !keeps { stem(1, "") } else { word.to_owned() }
}

fn american(word: &str) -> String {
    let mut word = word.replace("oe", "e").replace("ae", "e");
    if word.len() > 5 && (word.ends_with("our") || word.ends_with("tre")) {
        let cut = word.len() - 3;
        let end = if word.ends_with("our") { "or" } else { "ter" };
        word.truncate(cut);
        word.push_str(end);
    }
    word.replace("isation", "ization").replace("leuk", "leuc")
}

fn greek(character: char) -> Option<&'static str> {
    const NAMES: [&str; 25] = [
        "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda",
        "mu", "nu", "xi", "omicron", "pi", "rho", "sigma", "sigma", "tau", "upsilon", "phi", "chi", "psi",
        "omega",
    ];
    let lower = character.to_lowercase().next()?;
    if lower == '\u{B5}' {
        return Some("mu");
    }
    NAMES.get((lower as usize).checked_sub(0x3B1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_of_a_word_are_one() {
        for (one, other) in [
            ("Tumours", "tumor"),
            ("oedema", "Edema"),
            ("haemorrhages", "hemorrhage"),
            ("metastases", "metastasis"),
            ("deficiencies", "deficiency"),
            ("\u{3B2}", "beta"),
            ("leukaemias", "leukemia"),
            ("masses", "mass"),
        ] {
            assert_eq!(normal(one), normal(other), "{one} and {other}");
        }
        for (one, other) in [("AS", "A"), ("pelvis", "pelvi"), ("virus", "viru")] {
            assert_ne!(normal(one), normal(other), "{one} and {other}");
        }
        assert_eq!(normal("diseases"), "disease");
        assert_eq!(normal("ARDS"), "ards");
    }
}
