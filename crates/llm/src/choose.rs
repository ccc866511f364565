use crate::rephrase::prompt;
use crate::{Gbnf, GenerateSettings, LlmError, RephraseSettings, Rule, TextModel, silent};

/// Says `sentence` in other words, taken from a list of whole sentences: the grammar allows these and
/// nothing else, so that even the smallest model writes no nonsense.
///
/// # Errors
/// [`LlmError::Grammar`] for an empty list or an empty wording, [`LlmError`] if the model fails.
pub fn choose(
    model: &dyn TextModel,
    sentence: &str,
    wordings: &[String],
    settings: &RephraseSettings,
) -> Result<String, LlmError> {
    let grammar = Gbnf::new(&Rule::choice(wordings.iter().map(Rule::literal)))?;
    let longest = wordings.iter().map(String::len).max().unwrap_or(0);
    let generate = GenerateSettings {
        // A token has at least one byte.
        max_tokens: longest + 1,
        temperature: settings.temperature,
        seed: settings.seed,
        grammar: Some(grammar),
        schema: None,
        stop: vec!["\n".to_string()],
    };
    let answer = model.generate(&prompt(sentence.trim(), &settings.examples), &generate, &mut silent)?;
    wordings
        .iter()
        .find(|wording| **wording == answer.text.trim())
        .cloned()
        .ok_or(LlmError::Unfaithful(crate::Unfaithful::Sentence))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scripted;

    #[test]
    fn one_of_the_list_is_taken_and_anything_else_refused() {
        let wordings = ["No frost is seen.".to_string(), "There is no frost.".to_string()];
        let run = |answer: &str| {
            let model = Scripted::new("script", [answer]);
            choose(&model, "No frost is identified.", &wordings, &RephraseSettings::default())
        };
        assert_eq!(run(" There is no frost.\n").expect("of the list"), wordings[1]);
        assert!(matches!(run("There is no"), Err(LlmError::Unfaithful(_))));
        let model = Scripted::new("script", ["x"]);
        let nothing = choose(&model, "No frost is identified.", &[], &RephraseSettings::default());
        assert!(matches!(nothing, Err(LlmError::Grammar { .. })));
    }
}
