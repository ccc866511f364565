use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::ValueEnum;
use rmcp::model::{JsonObject, ToolAnnotations};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use wilhelm_privacy::audit::Action;

use crate::args::Allowed;
use crate::exit::Stop;
use crate::verbs::mcp::room::Room;

/// What a call gives: the answer, and what it was about.
pub struct Answered {
    pub value: Value,
    /// The study that was looked at, for the audit log.
    pub study: Option<String>,
}

impl From<Value> for Answered {
    fn from(value: Value) -> Self {
        Self { value, study: None }
    }
}

type Call = dyn Fn(&Room, Value, &AtomicBool) -> anyhow::Result<Answered> + Send + Sync;

/// Something that a client can have done.
#[derive(Clone)]
pub struct Tool {
    pub name: &'static str,
    pub title: &'static str,
    pub description: &'static str,
    pub needs: Allowed,
    /// What stands in the audit log.
    pub action: Action,
    pub input: Arc<JsonObject>,
    call: Arc<Call>,
}

/// What a tool is called and says of itself.
pub struct About {
    pub name: &'static str,
    pub title: &'static str,
    pub description: &'static str,
    pub needs: Allowed,
    pub action: Action,
}

impl Tool {
    /// A tool whose arguments are an `I`.
    pub fn new<I: DeserializeOwned + JsonSchema>(
        about: About,
        call: impl Fn(&Room, I, &AtomicBool) -> anyhow::Result<Answered> + Send + Sync + 'static,
    ) -> Self {
        let About { name, title, description, needs, action } = about;
        let schema = serde_json::to_value(schemars::schema_for!(I));
        let Ok(Value::Object(input)) = schema else { unreachable!("a schema of a struct is an object") };
        let call = move |room: &Room, arguments: Value, stopped: &AtomicBool| {
            let input: I = serde_json::from_value(arguments)
                .map_err(|error| Stop::usage(format!("the arguments of {name}: {error}")))?;
            call(room, input, stopped)
        };
        Self { name, title, description, needs, action, input: Arc::new(input), call: Arc::new(call) }
    }

    /// Does it; `stopped` is set when the client no longer waits.
    pub fn call(&self, room: &Room, arguments: Value, stopped: &AtomicBool) -> anyhow::Result<Answered> {
        (self.call)(room, arguments, stopped)
    }

    /// The word of `--allow` that lets it be called.
    pub fn needs_word(&self) -> String {
        self.needs.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// As the protocol describes it.
    pub fn described(&self) -> rmcp::model::Tool {
        let mut tool = rmcp::model::Tool::new(self.name, self.description, Arc::clone(&self.input));
        tool.title = Some(self.title.to_owned());
        let reads_only = self.needs != Allowed::Draft;
        tool.annotations = Some(ToolAnnotations::from_raw(
            Some(self.title.to_owned()),
            Some(reads_only),
            Some(false),
            Some(reads_only),
            Some(false),
        ));
        tool
    }
}
