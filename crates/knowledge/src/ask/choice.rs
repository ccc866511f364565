/// The letter of A to D that a model's answer to a question of choice names: in its `answer_choice` where it has one, else behind "answer
/// is", "answer:" or "option" (the last of them), or at its head. None where it names none: that answer is wrong.
///
/// # Source
/// The answers of MIRAGE (Xiong et al. 2024, doi:10.18653/v1/2024.findings-acl.372)
#[must_use]
pub fn choice(answer: &str) -> Option<char> {
    let letter = |rest: &str| -> Option<char> {
        let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || "\"'\\:(*".contains(c));
        let mut characters = rest.chars();
        let first = characters.next().filter(|c| ('A'..='D').contains(c))?;
        characters.next().is_none_or(|next| !next.is_alphanumeric()).then_some(first)
    };
    const KEY: &str = "answer_choice";
    if let Some(at) = answer.rfind(KEY) {
        return letter(&answer[at + KEY.len()..]);
    }
    let lower = answer.to_ascii_lowercase();
    let marks = ["answer is option", "answer is", "answer:", "choice is", "option"];
    let named = marks.iter().flat_map(|mark| lower.match_indices(mark).map(|(at, _)| at + mark.len()));
    let last = named.filter_map(|at| Some((at, letter(&answer[at..])?))).max_by_key(|(at, _)| *at);
    last.map(|(_, found)| found).or_else(|| {
        let head = answer.trim_start().trim_start_matches('(');
        letter(head).filter(|_| head.get(1..).is_some_and(|rest| rest.starts_with(['.', ')', ':'])))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_letter_is_read_and_nothing_else_is_taken_for_one() {
        let check = |answer: &str, expected: Option<char>| assert_eq!(choice(answer), expected, "{answer}");
        check(r#"{"step_by_step_thinking": "Not option B.", "answer_choice": "C"}"#, Some('C'));
        check(r#"{"answer_choice": "A. yes"}"#, Some('A'));
        check("The answer is not option A. The answer is (D).", Some('D'));
        check("B) because", Some('B'));
        check(r#"{"answer_choice": "Data not provided"}"#, None);
        check("A drain is needed.", None);
        check("", None);
    }
}
