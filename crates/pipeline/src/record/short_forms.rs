/// Short forms of dictations and what they stand for: those alone that have one meaning in a clinical note.
pub(super) const SHORT_FORMS: [(&str, &str); 62] = [
    ("abx", "antibiotics"),
    ("af", "atrial fibrillation"),
    ("appt", "appointment"),
    ("asa", "aspirin"),
    ("b/l", "bilateral"),
    ("bid", "twice a day"),
    ("bp", "blood pressure"),
    ("c/o", "complains of"),
    ("cabg", "coronary artery bypass grafting"),
    ("cad", "coronary artery disease"),
    ("ckd", "chronic kidney disease"),
    ("copd", "chronic obstructive pulmonary disease"),
    ("cp", "chest pain"),
    ("cxr", "chest radiograph"),
    ("dm", "diabetes mellitus"),
    ("dm2", "type 2 diabetes mellitus"),
    ("dvt", "deep vein thrombosis"),
    ("dx", "diagnosis"),
    ("f/u", "follow-up"),
    ("fhx", "family history"),
    ("fx", "fracture"),
    ("gerd", "gastroesophageal reflux disease"),
    ("h/o", "history of"),
    ("hb", "hemoglobin"),
    ("hf", "heart failure"),
    ("hld", "hyperlipidemia"),
    ("hr", "heart rate"),
    ("htn", "hypertension"),
    ("hx", "history of"),
    ("imp", "impression"),
    ("lad", "lymphadenopathy"),
    ("lll", "left lower lobe"),
    ("lul", "left upper lobe"),
    ("mi", "myocardial infarction"),
    ("neg", "negative"),
    ("nkda", "no known drug allergies"),
    ("nsr", "normal sinus rhythm"),
    ("o/e", "on examination"),
    ("pcp", "primary care physician"),
    ("pe", "pulmonary embolism"),
    ("pmh", "past medical history"),
    ("pna", "pneumonia"),
    ("po", "by mouth"),
    ("prn", "as needed"),
    ("pt", "patient"),
    ("ptx", "pneumothorax"),
    ("qd", "once a day"),
    ("r/o", "rule out"),
    ("rll", "right lower lobe"),
    ("rml", "right middle lobe"),
    ("rr", "respiratory rate"),
    ("rul", "right upper lobe"),
    ("s/p", "status post"),
    ("sob", "shortness of breath"),
    ("sx", "symptoms"),
    ("temp", "temperature"),
    ("tia", "transient ischemic attack"),
    ("tid", "three times a day"),
    ("trop", "troponin"),
    ("tx", "treatment"),
    ("w/", "with"),
    ("w/o", "without"),
];

/// A sentence with its short forms written out and one space between words: a capital first, a full stop last.
pub(super) fn written_out(sentence: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in sentence.split_whitespace() {
        let core = word.trim_end_matches([',', '.', ';', ':', '!', '?', ')']).trim_start_matches('(');
        let (before, behind) = word.split_once(core).unwrap_or(("", ""));
        let meant = SHORT_FORMS.binary_search_by_key(&core.to_lowercase().as_str(), |(short, _)| short);
        match meant {
            Ok(at) if !core.is_empty() => words.push(format!("{before}{}{behind}", SHORT_FORMS[at].1)),
            _ => words.push(word.to_owned()),
        }
    }
    let text = words.join(" ");
    let text = text.trim_end_matches([';', ',', ':', ' ']);
    let mut letters = text.chars();
    let mut written: String = match letters.next() {
        // "mRNA" and "pH" keep their first letter.
        Some(first) if !letters.as_str().starts_with(char::is_uppercase) => {
            first.to_uppercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    };
    if !written.ends_with(['.', '!', '?']) {
        written.push('.');
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_are_in_order_and_written_out_between_punctuation() {
        assert!(SHORT_FORMS.is_sorted_by_key(|(short, _)| *short));
        assert_eq!(
            written_out("pt c/o CP, SOB (hx  HTN)"),
            "Patient complains of chest pain, shortness of breath (history of hypertension)."
        );
        assert_eq!(written_out("pH 7.4;"), "pH 7.4.");
    }
}
