//! Asks a model behind an address, and compares what it says with what is asked for.
//!
//! `cargo run --release -p wilhelm-llm --example endpoint -- http://127.0.0.1:8080/v1 MODEL DIALECT`
//!
//! The scrub takes out the word Zebrafeld. It prints one line a check and fails with the first that does not hold.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::error::Error;
use std::ops::ControlFlow;

use serde_json::{Value, json};
use wilhelm_llm::{
    Address, ChatPrompt, Dialect, Endpoint, EndpointSettings, FinishReason, Gbnf, GenerateSettings, Progress,
    Rule, Scrub, TextModel, silent,
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base, model, dialect] = arguments.as_slice() else {
        return Err("usage: endpoint BASE MODEL openai|llama-server|llama-cpp-python".into());
    };
    let dialect: Dialect = serde_json::from_value(json!(dialect))?;
    let address = Address::new(base, &["127.0.0.1".to_owned(), "localhost".to_owned()])?;
    let scrub = Scrub::new(|text| text.replace("Zebrafeld", "[name]"));
    let model = Endpoint::open(EndpointSettings::new(address, model, dialect), scrub)?;

    let prompt = ChatPrompt::ask("What is a lung? Answer in a sentence.").with_system("You are brief.");
    let settings = GenerateSettings::greedy(40);
    let mut pieces = 0;
    let answer = model.generate(&prompt, &settings, &mut |progress| {
        pieces += usize::from(matches!(progress, Progress::Text(text) if !text.is_empty()));
        ControlFlow::Continue(())
    })?;
    check("an answer comes in pieces", pieces > 3 && !answer.text.trim().is_empty())?;
    check(
        "the same seed gives the same text",
        model.generate(&prompt, &settings, &mut silent)?.text == answer.text,
    )?;
    println!("  {:?} ({} tokens of answer)", answer.text.trim(), answer.generated_tokens);

    let cut = model.generate(&prompt, &GenerateSettings::greedy(3), &mut silent)?;
    check(
        "the limit of tokens holds",
        cut.finish == FinishReason::TokenLimit && answer.text.starts_with(cut.text.trim_end()),
    )?;

    let mut seen = 0;
    let broken = model.generate(&prompt, &settings, &mut |progress| {
        seen += usize::from(matches!(progress, Progress::Text(text) if !text.is_empty()));
        if seen == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    check(
        "a caller can break off",
        broken.finish == FinishReason::Cancelled && broken.text.len() < answer.text.len(),
    )?;

    let schema = json!({
        "type": "object",
        "properties": { "color": { "enum": ["red", "blue"] } },
        "required": ["color"],
        "additionalProperties": false,
    });
    let asked = ChatPrompt::ask("What color is the sky? Answer in JSON.");
    let settings = GenerateSettings { schema: Some(schema), ..GenerateSettings::greedy(40) };
    let said = model.generate(&asked, &settings, &mut silent)?;
    let value: Value = serde_json::from_str(&said.text)?;
    check("an answer follows its schema", value["color"] == "red" || value["color"] == "blue")?;

    if dialect != Dialect::OpenAi {
        let rule = Rule::choice(["Yes.", "No."].map(Rule::literal));
        let settings = GenerateSettings { grammar: Some(Gbnf::new(&rule)?), ..GenerateSettings::greedy(8) };
        let said = model.generate(&ChatPrompt::ask("Is the sky blue?"), &settings, &mut silent)?;
        check("an answer follows its grammar", rule.matches(&said.text))?;
    }

    let name = ChatPrompt::ask("Repeat this word and nothing else: Zebrafeld");
    let said = model.generate(&name, &GenerateSettings::greedy(16), &mut silent)?;
    check("a name that is scrubbed cannot come back", !said.text.contains("Zebrafeld"))?;

    let long = ChatPrompt::ask("one two three four five six seven eight ".repeat(2000));
    let refused = model.generate(&long, &GenerateSettings::greedy(8), &mut silent);
    check("a prompt that does not fit is refused", refused.is_err())?;
    println!("  {}", refused.err().map_or_else(String::new, |error| error.to_string()));
    Ok(())
}

fn check(what: &str, holds: bool) -> Result<(), String> {
    if !holds {
        return Err(format!("does not hold: {what}"));
    }
    println!("ok: {what}");
    Ok(())
}
