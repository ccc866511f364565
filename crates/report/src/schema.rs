use crate::Report;

/// The JSON Schema of [`Report`], pretty, with a final newline: the text committed as
/// `schemas/report.schema.json`.
///
/// # Panics
/// Never: a schema is always JSON.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Report);
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
    text.push('\n');
    text
}
