use crate::{Author, Heading, Report};

const WIDTH: usize = 88;

/// The report as plain text for a terminal: lines of at most 88 characters, evidence in brackets
/// at the end of each sentence.
///
/// Control characters of quoted text are shown as spaces, so that nothing supplied from outside
/// can move the cursor.
pub fn text(report: &Report) -> String {
    let mut out = String::new();
    wrap(&mut out, &report.title.to_uppercase(), "", "");
    wrap(&mut out, &format!("DRAFT. {}", report.disclaimer), "", "");
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
        out.push_str("\nSTRUCK OUT (proposed by a language model, refused by the gate)\n");
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
    for word in clean.split_whitespace() {
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
        current.push_str(word);
        length += letters;
        empty = false;
    }
    out.push_str(current.trim_end());
    out.push('\n');
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
}
