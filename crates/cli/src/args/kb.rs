use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub struct Kb {
    #[command(subcommand)]
    pub verb: KbVerb,
}

#[derive(Debug, Subcommand)]
pub enum KbVerb {
    /// How mentions in a clinical text are meant: denied, in doubt, past, only conceivable, of somebody else
    Context(KbContext),
}

#[derive(Debug, Args)]
pub struct KbContext {
    /// Text file; `-` is stdin
    pub text: PathBuf,
    /// What to look for, in any case; can be repeated
    #[arg(long, value_name = "WORDS", required = true)]
    pub mention: Vec<String>,
    /// Rules of your own (TOML) instead of the English ones of the program
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
