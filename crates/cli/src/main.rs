//! The program `wilhelm`: verbs, progress, exit codes.
//!
//! Results go to stdout, all else to stderr. Exit codes: 0 done, 1 done with defects found, 2 usage,
//! 3 bad input, 4 ours.

mod archived;
mod args;
mod audit;
mod config;
mod curve;
mod desk_reader;
mod engine;
mod exit;
mod knowledge;
mod labels;
mod language;
mod memory;
mod output;
mod pick;
mod progress;
mod room;
mod shelf;
mod table;
mod verbs;
mod version;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Arguments, Verb};
use crate::exit::Exit;

fn main() -> ExitCode {
    memory::keep_some();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are results; everything else clap says is usage.
            let code = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            let _ = error.print();
            return code.into();
        }
    };
    start_logging(arguments.verbose);
    match run(&arguments) {
        Ok(exit) => exit.into(),
        Err(error) => {
            let (exit, sentence) = exit::of_error(&error);
            eprintln!("wilhelm: {sentence}");
            exit.into()
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let config = config::load(arguments.config.as_deref())?;
    match &arguments.verb {
        Verb::Read(verb) => verbs::read::run(verb, &config),
        Verb::Inspect(verb) => verbs::inspect::run(verb, &config),
        Verb::Predict(verb) => verbs::predict::run(verb, &config),
        Verb::Explain(verb) => verbs::explain::run(verb, &config),
        Verb::Convert(verb) => verbs::convert::run(verb, &config),
        Verb::Segment(verb) => verbs::segment::run(verb, &config),
        Verb::Measure(verb) => verbs::measure::run(verb, &config),
        Verb::Ratio(verb) => verbs::ratio::run(verb, &config),
        Verb::Radiomics(verb) => verbs::radiomics::run(verb, &config),
        Verb::Register(verb) => verbs::register::run(verb, &config),
        Verb::Ground(verb) => verbs::ground::run(verb),
        Verb::Embed(verb) => verbs::embed::run(verb, &config),
        Verb::Classify(verb) => verbs::classify::run(verb),
        Verb::Summarize(verb) => verbs::summarize::run(verb),
        Verb::Ask(verb) => verbs::ask::run(verb, &config),
        Verb::Mcp(verb) => verbs::mcp::run(verb, &config),
        Verb::Kb(verb) => verbs::kb::run(verb, &config),
        Verb::Models(verb) => verbs::models::run(verb, &config),
        Verb::Train(verb) => verbs::train::run(verb, &config),
        Verb::Sweep(verb) => verbs::sweep::run(verb),
        Verb::Fewshot(verb) => verbs::fewshot::run(verb, &config),
        Verb::Evaluate(verb) => verbs::evaluate::run(verb, &config),
        Verb::Safety(verb) => verbs::safety::run(verb),
        Verb::Genes(verb) => verbs::genes::run(verb),
        Verb::Rules(verb) => verbs::rules::run(verb, &config),
        Verb::Report(verb) => verbs::report::run(verb, &config),
        Verb::Send(verb) => verbs::send::run(verb, &config),
        Verb::Serve(verb) => verbs::archive::serve(verb, &config),
        Verb::Query(verb) => verbs::query::query(verb, &config),
        Verb::Retrieve(verb) => verbs::query::retrieve(verb, &config),
        Verb::Store(verb) => verbs::archive::store(verb, &config),
        Verb::Annotations(verb) => verbs::annotations::run(verb, &config),
        Verb::Record(verb) => verbs::record::run(verb, &config),
        Verb::Audit(verb) => verbs::audit::run(verb, &config),
        Verb::Users(verb) => verbs::users::run(verb, &config),
        Verb::Keys(verb) => verbs::keys::run(verb, &config),
        Verb::Seal(verb) => verbs::keys::seal(verb, &config),
        Verb::Open(verb) => verbs::keys::open(verb, &config),
        Verb::Config(verb) => verbs::config::run(verb, &config),
    }
}

fn start_logging(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("WILHELM_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().init();
}
