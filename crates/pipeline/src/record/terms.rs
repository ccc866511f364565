use super::{Mention, Part, Status, context};

/// Findings, symptoms and diseases that are followed from record to record, with other words for them. A table, not a
/// terminology: what is not in it is quoted all the same, but not compared.
const TERMS: [(&str, &[&str]); 78] = [
    ("abdominal pain", &["abdominal pain", "belly pain", "stomach pain"]),
    ("anemia", &["anemia", "anaemia"]),
    ("angina", &["angina"]),
    ("aortic aneurysm", &["aortic aneurysm"]),
    ("ascites", &["ascites"]),
    ("asthma", &["asthma"]),
    ("atelectasis", &["atelectasis", "atelectases"]),
    ("atrial fibrillation", &["atrial fibrillation"]),
    ("back pain", &["back pain", "lumbago"]),
    ("bleeding", &["bleeding", "hemorrhage", "haemorrhage", "hematoma"]),
    ("breast cancer", &["breast cancer"]),
    ("cardiomegaly", &["cardiomegaly", "enlarged heart", "heart is enlarged", "enlarged cardiac silhouette"]),
    ("chest pain", &["chest pain", "chest tightness"]),
    ("chills", &["chills"]),
    ("chronic kidney disease", &["chronic kidney disease", "renal insufficiency"]),
    ("chronic obstructive pulmonary disease", &["chronic obstructive pulmonary disease", "emphysema"]),
    ("colon cancer", &["colon cancer", "colorectal cancer"]),
    ("confusion", &["confusion", "disorientation"]),
    ("consolidation", &["consolidation", "consolidations"]),
    ("constipation", &["constipation"]),
    ("coronary artery disease", &["coronary artery disease", "coronary heart disease"]),
    ("cough", &["cough", "coughing"]),
    ("deep vein thrombosis", &["deep vein thrombosis", "deep venous thrombosis"]),
    ("depression", &["depression"]),
    ("diabetes mellitus", &["diabetes mellitus", "diabetes"]),
    ("diarrhea", &["diarrhea", "diarrhoea"]),
    ("dizziness", &["dizziness", "vertigo"]),
    ("dyspnea", &["dyspnea", "dyspnoea", "shortness of breath", "breathlessness"]),
    ("dysuria", &["dysuria"]),
    ("edema", &["edema", "oedema", "leg swelling"]),
    ("epilepsy", &["epilepsy", "seizure", "seizures"]),
    ("fatigue", &["fatigue", "tiredness"]),
    ("fever", &["fever", "febrile", "pyrexia"]),
    ("fracture", &["fracture", "fractures"]),
    ("gallstones", &["gallstones", "gallstone", "cholelithiasis"]),
    ("glioma", &["glioma"]),
    ("headache", &["headache", "headaches"]),
    ("heart failure", &["heart failure", "cardiac failure"]),
    ("hematuria", &["hematuria", "haematuria"]),
    ("hemoptysis", &["hemoptysis", "haemoptysis"]),
    ("hernia", &["hernia"]),
    ("hydronephrosis", &["hydronephrosis"]),
    ("hyperlipidemia", &["hyperlipidemia", "hypercholesterolemia"]),
    ("hypertension", &["hypertension", "high blood pressure"]),
    ("infection", &["infection"]),
    ("jaundice", &["jaundice"]),
    ("kidney stone", &["kidney stone", "kidney stones", "nephrolithiasis"]),
    ("lung cancer", &["lung cancer", "bronchial carcinoma"]),
    ("lymphadenopathy", &["lymphadenopathy", "enlarged lymph nodes"]),
    ("mass", &["mass", "masses", "tumor", "tumour"]),
    ("meningioma", &["meningioma"]),
    ("metastasis", &["metastasis", "metastases"]),
    ("myocardial infarction", &["myocardial infarction", "heart attack"]),
    ("nausea", &["nausea"]),
    ("nodule", &["nodule", "nodules"]),
    ("osteoporosis", &["osteoporosis"]),
    ("palpitations", &["palpitations"]),
    ("pancreatitis", &["pancreatitis"]),
    ("pericardial effusion", &["pericardial effusion"]),
    ("pleural effusion", &["pleural effusion", "pleural effusions", "effusion"]),
    ("pneumonia", &["pneumonia"]),
    ("pneumothorax", &["pneumothorax"]),
    ("pulmonary edema", &["pulmonary edema", "pulmonary congestion"]),
    ("pulmonary embolism", &["pulmonary embolism", "pulmonary emboli"]),
    ("rash", &["rash"]),
    ("renal failure", &["renal failure", "kidney failure", "acute kidney injury"]),
    ("sepsis", &["sepsis"]),
    ("sore throat", &["sore throat"]),
    ("stroke", &["stroke", "cerebral infarction"]),
    ("syncope", &["syncope", "fainting"]),
    ("tuberculosis", &["tuberculosis"]),
    ("ulcer", &["ulcer"]),
    ("urinary tract infection", &["urinary tract infection"]),
    ("vomiting", &["vomiting", "emesis"]),
    ("weakness", &["weakness"]),
    ("weight loss", &["weight loss"]),
    ("wheezing", &["wheezing", "wheeze"]),
    ("wound", &["wound"]),
];

/// The known terms of a sentence and how each is meant; the longer of two that overlap counts.
pub(super) fn mentions(sentence: &str, part: Part) -> Vec<Mention> {
    if is_to_a_program(sentence) {
        return Vec::new();
    }
    let read = context().read(sentence);
    let mut found: Vec<(usize, usize, &str)> = Vec::new();
    for (name, words) in TERMS {
        for phrase in words {
            found.extend(read.find(phrase).into_iter().map(|at| (at.start, at.end, name)));
        }
    }
    found.sort_by_key(|(start, end, _)| (*start, std::cmp::Reverse(*end)));
    let mut all: Vec<Mention> = Vec::new();
    let mut behind = 0;
    for (start, end, term) in found {
        if start < behind {
            continue;
        }
        behind = end;
        let Ok(meaning) = read.meaning(start..end) else { continue };
        let status = match (Status::of(&meaning, start), part) {
            (Status::Present | Status::Past, Part::Family) => Status::OfOther,
            (status, _) => status,
        };
        let mention = Mention { term: term.to_owned(), status, numbers: measures(sentence) };
        if !all.contains(&mention) {
            all.push(mention);
        }
    }
    all
}

/// What a text says to a program rather than of a patient. Such sentences are quoted and followed by nobody; what they
/// mention is not taken for a finding. A list of phrases: it misses disguises, which are quoted all the same.
const TO_PROGRAMS: [&str; 46] = [
    "ignore the",
    "ignore all",
    "disregard the",
    "forget the rules",
    "previous instructions",
    "new instructions",
    "instruction:",
    "instructions>",
    "system:",
    "assistant:",
    "[inst]",
    "you are now",
    "you are in",
    "you must answer",
    "language model",
    "note to ai",
    "your report",
    "the verified report",
    "translate the report",
    "mark this report",
    "send the report",
    "system prompt",
    "report everything",
    "that the report",
    "the classifier",
    "answer is:",
    "write \"state",
    "write normal",
    "add the finding",
    "add the sentence",
    "repeat the word",
    "replace every",
    "swap left",
    "do not mention",
    "order you to",
    "output the patient",
    "state that",
    "call the function",
    "findings section",
    "limitations section",
    "the disclaimer",
    "decode and",
    "in other words,",
    "end of indication",
    "ignoriere alle",
    "ignorez les",
];

/// Whether a sentence reads like an instruction to a program.
pub(super) fn is_to_a_program(sentence: &str) -> bool {
    let read = context().read(sentence);
    TO_PROGRAMS.iter().any(|phrase| !read.find(phrase).is_empty())
}

/// Sizes and shares with their units: "8 mm", "2.5 cm", "40 %".
fn measures(sentence: &str) -> Vec<String> {
    const UNITS: [&str; 7] = ["mm", "cm", "ml", "%", "l", "degrees", "mg/dl"];
    let words: Vec<&str> =
        sentence.split_whitespace().map(|word| word.trim_matches(['(', ')', ',', '.', ';'])).collect();
    let is_number = |word: &str| word.parse::<f64>().is_ok();
    let mut found = Vec::new();
    for (index, word) in words.iter().enumerate() {
        if is_number(word) && words.get(index + 1).is_some_and(|unit| UNITS.contains(unit)) {
            found.push(format!("{word} {}", words[index + 1]));
        } else if let Some(at) = word.find(|c: char| !(c.is_ascii_digit() || c == '.'))
            && is_number(&word[..at])
            && UNITS.contains(&&word[at..])
        {
            found.push(format!("{} {}", &word[..at], &word[at..]));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_in_order_and_meant_as_the_sentence_says() {
        assert!(TERMS.is_sorted_by_key(|(name, _)| *name));
        let of = |sentence: &str| -> Vec<String> {
            let found = mentions(sentence, Part::History);
            found.iter().map(|m| format!("{} {} {}", m.term, m.status.word(), m.numbers.join("+"))).collect()
        };
        assert_eq!(of("No fever, possible pneumonia."), ["fever denied ", "pneumonia possible "]);
        assert_eq!(of("A nodule of 8 mm; history of asthma."), ["nodule present 8 mm", "asthma past 8 mm"]);
        assert_eq!(of("Pericardial effusion."), ["pericardial effusion present "]);
        assert_eq!(mentions("Mother: asthma.", Part::Family)[0].status, Status::OfOther);
    }
}
