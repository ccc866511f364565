/// Short forms of dictations and what they stand for: those alone that have one meaning in a clinical note.
pub(super) const SHORT_FORMS: [(&str, &str); 75] = [
    ("abx", "antibiotics"),
    ("af", "atrial fibrillation"),
    ("appt", "appointment"),
    ("asa", "aspirin"),
    ("b/l", "bilateral"),
    ("bid", "twice a day"),
    ("bnp", "BNP"),
    ("bp", "blood pressure"),
    ("c/o", "complains of"),
    ("cabg", "coronary artery bypass grafting"),
    ("cad", "coronary artery disease"),
    ("ckd", "chronic kidney disease"),
    ("copd", "chronic obstructive pulmonary disease"),
    ("cp", "chest pain"),
    ("crp", "C-reactive protein"),
    ("ct", "CT"),
    ("cxr", "chest radiograph"),
    ("dm", "diabetes mellitus"),
    ("dm2", "type 2 diabetes mellitus"),
    ("dvt", "deep vein thrombosis"),
    ("dx", "diagnosis"),
    ("ecg", "ECG"),
    ("ekg", "ECG"),
    ("f/u", "follow-up"),
    ("fhx", "family history"),
    ("fx", "fracture"),
    ("gcs", "GCS"),
    ("gerd", "gastroesophageal reflux disease"),
    ("h/o", "history of"),
    ("hb", "hemoglobin"),
    ("hba1c", "HbA1c"),
    ("hf", "heart failure"),
    ("hld", "hyperlipidemia"),
    ("hr", "heart rate"),
    ("htn", "hypertension"),
    ("hx", "history of"),
    ("imp", "impression"),
    ("inr", "INR"),
    ("lad", "lymphadenopathy"),
    ("lll", "left lower lobe"),
    ("lul", "left upper lobe"),
    ("mi", "myocardial infarction"),
    ("mri", "MRI"),
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
    ("spo2", "SpO2"),
    ("sx", "symptoms"),
    ("temp", "temperature"),
    ("tia", "transient ischemic attack"),
    ("tid", "three times a day"),
    ("trop", "troponin"),
    ("tx", "treatment"),
    ("w/", "with"),
    ("w/o", "without"),
    ("wbc", "white blood cells"),
    ("y/o", "year-old"),
    ("yo", "year-old"),
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
    let text = text.trim_end_matches([';', ',', ':', ' ', '\u{ff1b}', '\u{ff0c}', '\u{ff1a}']);
    let mut letters = text.chars();
    let mut written: String = match letters.next() {
        // "mRNA" and "pH" keep their first letter.
        Some(first) if !letters.as_str().starts_with(char::is_uppercase) => {
            first.to_uppercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    };
    let is_chinese = |c: char| ('\u{3400}'..'\u{a000}').contains(&c);
    let unquoted = written.trim_end_matches(['"', '\'', ')', '\u{201d}', '\u{2019}', '\u{ff09}']);
    let is_ended = unquoted.ends_with(['.', '!', '?', '\u{3002}', '\u{ff01}', '\u{ff1f}']);
    let stop = if unquoted.ends_with(is_chinese) { '\u{3002}' } else { '.' };
    if !is_ended {
        written.push(stop);
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
        assert_eq!(written_out("she said \"no pain.\""), "She said \"no pain.\"");
        assert_eq!(written_out("胸痛3天；"), "胸痛3天。");
        assert_eq!(written_out("无咳嗽。"), "无咳嗽。");
    }
}
