mod read;

pub use read::{TextReportError, read_text_report};

use crate::{Author, Heading, Report};

const WIDTH: usize = 88;

/// The title over refused proposals.
const STRUCK: &str = "STRUCK OUT (proposed by a language model, refused by the gate)";

/// The report as plain text for a terminal: lines of at most 88 characters, evidence in brackets
/// at the end of each sentence.
///
/// Control characters of quoted text are shown as spaces, so that nothing supplied from outside
/// can move the cursor.
pub fn text(report: &Report) -> String {
    let mut out = String::new();
    wrap(&mut out, &report.title.to_uppercase(), "", "");
    wrap(&mut out, &format!("{}. {}", report.state.title().to_uppercase(), report.disclaimer), "", "");
    for signature in &report.signatures {
        let line = format!(
            "Signed as {} by {}, {}",
            signature.state.word(),
            signature.name(),
            signature.at.spoken()
        );
        wrap(&mut out, &line, "", "");
    }
    for section in &report.sections {
        if section.sentences.is_empty() {
            continue;
        }
        out.push('\n');
        out.push_str(&section.heading.title().to_uppercase());
        out.push('\n');
        let numbered = section.heading == Heading::Impression && section.sentences.len() > 1;
        for (index, sentence) in section.sentences.iter().enumerate() {
            let bears: Vec<&str> = sentence.bears.iter().map(|id| id.0.as_str()).collect();
            let author = match &sentence.author {
                Author::Writer => "",
                Author::LanguageModel { .. } => " (reworded)",
                Author::Person { .. } => " (by the person who signed)",
            };
            let line = format!("{} [{}]{author}", sentence.text, bears.join(", "));
            if numbered {
                wrap(&mut out, &line, &format!("  {}. ", index + 1), "     ");
            } else {
                wrap(&mut out, &line, "  ", "  ");
            }
        }
    }
    if report.struck().next().is_some() {
        out.push('\n');
        out.push_str(STRUCK);
        out.push('\n');
        for struck in report.struck() {
            wrap(&mut out, &format!("{}: {}", struck.replaces, struck.text), "  - ", "    ");
            wrap(&mut out, &struck.reason, "    reason: ", "    ");
        }
    }
    out.push_str("\nEVIDENCE\n");
    let widest = report.evidence.iter().map(|e| e.id.0.chars().count()).max().unwrap_or(0);
    for evidence in &report.evidence {
        let line = format!("{} ({})", evidence.summary, crate::html::kind(&evidence.source));
        wrap(&mut out, &line, &format!("  {:widest$}  ", evidence.id.0), &" ".repeat(widest + 4));
    }
    out
}

/// Writes `line` in lines of at most [`WIDTH`] characters.
fn wrap(out: &mut String, line: &str, first: &str, rest: &str) {
    let clean: String = line.chars().map(|c| if is_unseen(c) { ' ' } else { c }).collect();
    let mut current = first.to_owned();
    let mut length = first.chars().count();
    let mut empty = true;
    for word in kept_together(&clean) {
        let letters = word.chars().count();
        if !empty && length + 1 + letters > WIDTH {
            out.push_str(current.trim_end());
            out.push('\n');
            current = rest.to_owned();
            length = rest.chars().count();
            empty = true;
        }
        if !empty {
            current.push(' ');
            length += 1;
        }
        current.push_str(&word);
        length += letters;
        empty = false;
    }
    out.push_str(current.trim_end());
    out.push('\n');
}

/// The words of a line, with a number and its unit as one.
fn kept_together(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in line.split_whitespace() {
        let unit = word.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '%');
        match words.last_mut() {
            Some(number)
                if ["%", "mm", "mL", "HU"].contains(&unit)
                    && number.ends_with(|c: char| c.is_ascii_digit()) =>
            {
                number.push(' ');
                number.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

/// Control characters, and those that turn the direction of writing or take no room.
pub(crate) fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use crate::{example, text, write};

    #[test]
    fn no_line_of_the_terminal_text_is_wider_than_88_characters() {
        for case in example::all() {
            for line in text(&write(&case)).lines() {
                assert!(line.chars().count() <= super::WIDTH, "{line}");
            }
        }
    }

    #[test]
    fn an_escape_sequence_in_the_request_does_not_reach_the_terminal() {
        let mut case = example::pneumonia(0.5);
        case.request = vec!["cough\u{1b}[2J\u{7}\u{202e}".to_owned()];
        let shown = text(&write(&case));
        assert!(shown.contains("cough"));
        assert!(shown.chars().all(|c| c == '\n' || !super::is_unseen(c)));
    }

    #[test]
    fn a_text_read_again_makes_the_same_claims() {
        for case in example::all() {
            let report = write(&case);
            let back = crate::read_text_report(&text(&report)).expect("a report");
            let own: Vec<_> = report.sentences().map(|(heading, s)| (heading, s.text.clone())).collect();
            assert_eq!(back.sentences, own);
            assert_eq!(back.state, report.state);
            let stated = crate::stated(&report);
            assert_eq!(crate::stated_in(&back.sentences), stated);
            assert_eq!(stated.is_empty(), report.findings.is_empty());
        }
    }

    #[test]
    fn every_listed_wording_read_again_makes_the_same_claim() {
        let mut compared = 0;
        for case in example::all() {
            let report = write(&case);
            for (_, sentence) in report.sentences() {
                for wording in report.wordings(sentence) {
                    let mut worded = report.clone();
                    assert!(worded.rephrase(&sentence.id, &wording, "model").expect("a sentence").accepted);
                    let back = crate::read_text_report(&text(&worded)).expect("a report");
                    assert_eq!(crate::stated_in(&back.sentences), crate::stated(&report), "{wording}");
                    compared += 1;
                }
            }
        }
        assert!(compared > 100, "{compared}");
    }

    #[test]
    fn another_text_is_refused_in_words() {
        let refused = crate::read_text_report("Dear colleague,\n").expect_err("no report");
        assert!(refused.to_string().starts_with("no line begins with a report's state"));
        let cut = "T\nDRAFT. x\n\nFINDINGS\n  Pneumonia is likely.\n\nEVIDENCE\n";
        let refused = crate::read_text_report(cut).expect_err("no evidence");
        assert_eq!(refused, crate::TextReportError::NoEvidence { line: 5 });
    }
}
