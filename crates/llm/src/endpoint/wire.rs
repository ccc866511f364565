use super::{Dialect, EndpointSettings};
use crate::{ChatPrompt, FinishReason, GenerateSettings, Role, Scrub};
use serde::Deserialize;
use serde_json::{Value, json};

/// What is sent: a chat, in the words of OpenAI's chat completions.
///
/// A grammar that the scrub would change is not sent: it holds words of the prompt. Whoever asks with a grammar checks the
/// answer anyway.
pub(super) fn request(
    endpoint: &EndpointSettings,
    scrub: &Scrub,
    prompt: &ChatPrompt,
    settings: &GenerateSettings,
) -> Value {
    let prompt = scrub.prompt(prompt);
    let system = prompt.system.iter().map(|text| json!({ "role": "system", "content": text }));
    let turns = prompt.turns.iter().map(|turn| {
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        json!({ "role": role, "content": turn.text })
    });
    let mut body = json!({
        "model": endpoint.model,
        "messages": system.chain(turns).collect::<Vec<Value>>(),
        "max_tokens": settings.max_tokens,
        "temperature": settings.temperature,
        "seed": settings.seed,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    if !settings.stop.is_empty() {
        body["stop"] = json!(settings.stop);
    }
    if let Some(schema) = &settings.schema {
        body["response_format"] = match endpoint.dialect {
            Dialect::OpenAi | Dialect::LlamaServer => json!({
                "type": "json_schema",
                "json_schema": { "name": "answer", "strict": true, "schema": schema },
            }),
            Dialect::LlamaCppPython => json!({ "type": "json_object", "schema": schema }),
        };
    }
    if let (Some(grammar), Dialect::LlamaServer | Dialect::LlamaCppPython) =
        (&settings.grammar, endpoint.dialect)
        && scrub.text(grammar.as_str()) == grammar.as_str()
    {
        body["grammar"] = json!(grammar.as_str());
    }
    body
}

/// A piece of an answer, or a whole one: a server may answer without a stream.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    choices: Vec<Choice>,
    pub(super) usage: Option<Usage>,
    error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice {
    delta: Option<Message>,
    message: Option<Message>,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    content: Option<String>,
}

/// What the server counted.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    pub(super) prompt_tokens: usize,
    pub(super) completion_tokens: usize,
}

impl Answer {
    /// The text it adds.
    pub(super) fn text(&self) -> Option<&str> {
        let choice = self.choices.first()?;
        let message = choice.delta.as_ref().or(choice.message.as_ref())?;
        message.content.as_deref().filter(|text| !text.is_empty())
    }

    /// Why the answer ends here, if it does.
    pub(super) fn finish(&self) -> Option<FinishReason> {
        match self.choices.first()?.finish_reason.as_deref()? {
            "length" => Some(FinishReason::TokenLimit),
            _ => Some(FinishReason::EndOfText),
        }
    }

    /// Whether it has the form of an answer at all.
    pub(super) const fn is_empty(&self) -> bool {
        self.choices.is_empty() && self.usage.is_none()
    }

    /// What the server says went wrong.
    pub(super) fn complaint(&self) -> Option<String> {
        self.error.as_ref().map(complaint)
    }
}

/// The sentence in a body that reports an error, short and without control characters.
pub(super) fn complaint_of(body: &[u8]) -> String {
    let value: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    match value.get("error").or_else(|| value.get("detail")).or_else(|| value.get("message")) {
        Some(error) => complaint(error),
        None => "it gave no reason".to_owned(),
    }
}

fn complaint(error: &Value) -> String {
    let text = match error.get("message").unwrap_or(error) {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let shown = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200);
    shown.collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Address, Gbnf};

    fn body(dialect: Dialect) -> Value {
        let address = Address::new("http://localhost/v1", &["localhost".to_owned()]).expect("listed");
        let endpoint = EndpointSettings::new(address, "small", dialect);
        let prompt = ChatPrompt::ask("q").with_system("s").with_example("a", "b");
        let settings = GenerateSettings {
            stop: vec!["\n".to_owned()],
            grammar: Some(Gbnf::from_text("root ::= \"x\"")),
            schema: Some(json!({ "type": "string" })),
            ..GenerateSettings::greedy(5)
        };
        request(&endpoint, &Scrub::new(|text| text.replace("Doe", "[name]")), &prompt, &settings)
    }

    #[test]
    fn a_chat_is_sent_in_its_order_and_in_the_servers_dialect() {
        let sent = body(Dialect::OpenAi);
        let said: Vec<String> = sent["messages"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|turn| format!("{}:{}", turn["role"], turn["content"]).replace('"', ""))
            .collect();
        assert_eq!(said, ["system:s", "user:a", "assistant:b", "user:q"]);
        assert_eq!(sent["response_format"]["json_schema"]["schema"]["type"], "string");
        assert!(sent.get("grammar").is_none());
        assert_eq!(body(Dialect::LlamaServer)["grammar"], "root ::= \"x\"");
        let python = body(Dialect::LlamaCppPython);
        assert_eq!(python["response_format"]["type"], "json_object");
        assert_eq!((&python["max_tokens"], &python["stop"]), (&json!(5), &json!(["\n"])));
    }

    #[test]
    fn a_grammar_with_a_name_in_it_is_not_sent() {
        let address = Address::new("http://localhost/v1", &["localhost".to_owned()]).expect("listed");
        let endpoint = EndpointSettings::new(address, "small", Dialect::LlamaServer);
        let grammar = Some(Gbnf::from_text("root ::= \"Doe\""));
        let settings = GenerateSettings { grammar, ..GenerateSettings::greedy(5) };
        let scrub = Scrub::new(|text| text.replace("Doe", "[name]"));
        let sent = request(&endpoint, &scrub, &ChatPrompt::ask("Doe?"), &settings);
        assert!(!sent.to_string().contains("Doe"), "{sent}");
    }

    #[test]
    fn a_servers_complaint_is_short_and_without_control_characters() {
        let long = json!({ "error": { "message": format!("no\u{1b}[2J{}", "x".repeat(900)) } });
        let shown = complaint_of(long.to_string().as_bytes());
        assert!(shown.starts_with("no [2Jx") && shown.chars().count() == 200, "{shown}");
        assert_eq!(complaint_of(b"<html>"), "it gave no reason");
        assert_eq!(complaint_of(br#"{"detail":[{"msg":"bad"}]}"#), r#"[{"msg":"bad"}]"#);
    }
}
