//! Prints the JSON Schema of a report:
//! `cargo run -p wilhelm-report --example schema > schemas/report.schema.json`.
#![allow(clippy::print_stdout)]

fn main() {
    print!("{}", wilhelm_report::schema());
}
