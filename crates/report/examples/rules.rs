//! Prints the rules in Markdown, as they stand between the marks of `docs/rules.md`.
#![allow(clippy::print_stdout)]

fn main() {
    print!("{}", wilhelm_report::guideline::page());
}
