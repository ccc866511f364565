//! `wilhelm mcp`: tools for a language model that somebody runs, over the Model Context Protocol on stdin and stdout.
//!
//! The model on the other side may be anybody's: what identifies a patient is not in any answer.
//!
//! Source: Model Context Protocol, <https://modelcontextprotocol.io/specification>.

mod handler;
mod knowledge;
mod measure;
mod room;
mod studies;
mod tool;

use rmcp::ServiceExt;
use serde_json::json;

use crate::args;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};
use crate::table;

use handler::Handler;
use room::Room;
use tool::Tool;

fn tools() -> Vec<Tool> {
    let mut all = knowledge::tools();
    all.extend(studies::tools());
    all.extend(measure::tools());
    all
}

/// `wilhelm mcp`
pub fn run(verb: &args::Mcp, config: &Config) -> anyhow::Result<Exit> {
    let allowed: Vec<Tool> = tools().into_iter().filter(|tool| verb.allow.contains(&tool.needs)).collect();
    if verb.list {
        list(&allowed, verb.json)?;
        return Ok(Exit::Done);
    }
    let room = Room::new(verb, config)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Stop::ours(format!("starting threads failed: {error}")))?;
    let ended = runtime.block_on(async {
        let serving = Handler::new(allowed, room).serve(rmcp::transport::stdio()).await;
        // A client that leaves before it has said hello has done nothing wrong.
        let Ok(serving) = serving else { return Ok(()) };
        serving.waiting().await.map(|_| ())
    });
    // A read of stdin that is under way cannot be stopped.
    runtime.shutdown_background();
    ended.map_err(|error| Stop::ours(format!("the service of tools ended early: {error}")))?;
    Ok(Exit::Done)
}

fn list(tools: &[Tool], as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let all: Vec<_> = tools
            .iter()
            .map(|tool| json!({ "name": tool.name, "needs": tool.needs_word(), "description": tool.description, "input": tool.input }))
            .collect();
        return print_json(&json!({ "tools": all }));
    }
    let rows: Vec<Vec<String>> = tools
        .iter()
        .map(|tool| vec![tool.name.to_owned(), tool.needs_word(), tool.title.to_owned()])
        .collect();
    print(&table::columns(&["tool", "needs", "what it does"], &rows))
}
