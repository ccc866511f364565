use serde_json::Value;

/// Keywords that describe and demand nothing.
const NOTES: [&str; 4] = ["$schema", "title", "description", "examples"];

/// Whether a JSON value is what a JSON Schema says, as far as the schema uses `type`, `enum`, `const`, `properties`,
/// `required`, `additionalProperties` (true or false), `items`, `minItems`, `maxItems`, `minLength`, `maxLength`,
/// `minimum` and `maximum`.
///
/// # Errors
/// The first place where it is not, as a sentence; a schema with another keyword is refused by name.
///
/// # Source
/// JSON Schema, draft 2020-12, Validation
pub fn check_schema(schema: &Value, value: &Value) -> Result<(), String> {
    check(schema, value, "$")
}

fn check(schema: &Value, value: &Value, place: &str) -> Result<(), String> {
    let keywords = match schema {
        Value::Bool(true) => return Ok(()),
        Value::Object(keywords) => keywords,
        _ => return Err(format!("the schema at {place} is no object")),
    };
    for (keyword, wanted) in keywords {
        let holds = match keyword.as_str() {
            note if NOTES.contains(&note) => true,
            "type" => match wanted {
                Value::Array(types) => types.iter().any(|one| is_of(one, value)),
                one => is_of(one, value),
            },
            "enum" => wanted.as_array().is_some_and(|values| values.contains(value)),
            "const" => wanted == value,
            "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= number(wanted)),
            "maxItems" => value.as_array().is_none_or(|items| items.len() as u64 <= number(wanted)),
            "minLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 >= number(wanted)),
            "maxLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 <= number(wanted)),
            "minimum" => {
                value.as_f64().is_none_or(|found| wanted.as_f64().is_some_and(|least| found >= least))
            }
            "maximum" => value.as_f64().is_none_or(|found| wanted.as_f64().is_some_and(|most| found <= most)),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(wanted, item, &format!("{place}[{index}]"))?;
                }
                true
            }
            "properties" => {
                for (name, schema) in wanted.as_object().into_iter().flatten() {
                    if let Some(found) = value.get(name) {
                        check(schema, found, &format!("{place}.{name}"))?;
                    }
                }
                true
            }
            "required" => match value.as_object() {
                Some(object) => wanted
                    .as_array()
                    .into_iter()
                    .flatten()
                    .all(|name| name.as_str().is_some_and(|name| object.contains_key(name))),
                None => true,
            },
            "additionalProperties" => match (wanted, value.as_object()) {
                (Value::Bool(true), _) | (_, None) => true,
                (Value::Bool(false), Some(object)) => {
                    let known = keywords.get("properties").and_then(Value::as_object);
                    object.keys().all(|name| known.is_some_and(|known| known.contains_key(name)))
                }
                _ => return Err(format!("additionalProperties at {place} is neither true nor false")),
            },
            other => return Err(format!("the schema's keyword {other} at {place} is not known here")),
        };
        if !holds {
            return Err(format!("{place} breaks {keyword}"));
        }
    }
    Ok(())
}

fn number(wanted: &Value) -> u64 {
    wanted.as_u64().unwrap_or(u64::MAX)
}

fn is_of(name: &Value, value: &Value) -> bool {
    match name.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        Some("number") => value.is_number(),
        Some("integer") => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|x| x.fract() == 0.0)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_place_that_breaks_a_schema_is_named() {
        let schema = json!({
            "type": "object",
            "properties": {
                "color": { "enum": ["red", "blue"] },
                "counts": { "type": "array", "items": { "type": "integer", "minimum": 0 }, "maxItems": 2 },
                "note": { "type": ["string", "null"], "maxLength": 3 },
            },
            "required": ["color"],
            "additionalProperties": false,
        });
        for good in [
            json!({ "color": "red" }),
            json!({ "color": "blue", "counts": [1, 2.0], "note": null }),
            json!({ "color": "blue", "counts": [], "note": "äöü" }),
        ] {
            assert_eq!(check_schema(&schema, &good), Ok(()), "{good}");
        }
        for (bad, place) in [
            (json!("red"), "$ breaks type"),
            (json!({}), "$ breaks required"),
            (json!({ "color": "green" }), "$.color breaks enum"),
            (json!({ "color": "red", "counts": [1, -1] }), "$.counts[1] breaks minimum"),
            (json!({ "color": "red", "counts": [1.5] }), "$.counts[0] breaks type"),
            (json!({ "color": "red", "counts": [1, 2, 3] }), "$.counts breaks maxItems"),
            (json!({ "color": "red", "note": "four" }), "$.note breaks maxLength"),
            (json!({ "color": "red", "more": 1 }), "$ breaks additionalProperties"),
        ] {
            assert_eq!(check_schema(&schema, &bad), Err(place.to_owned()), "{bad}");
        }
    }

    #[test]
    fn a_keyword_that_is_not_known_is_refused_by_name() {
        let refused = check_schema(&json!({ "pattern": "a+" }), &json!("a")).expect_err("not known");
        assert!(refused.contains("pattern"), "{refused}");
    }
}
