//! Prints the JSON Schema of a report, which `make schema` commits; with the argument `reports`, the made-up
//! reports as a JSON array, to be checked against it.
#![allow(clippy::print_stdout)]

use wilhelm_report::{Report, example, schema, write};

fn main() {
    if std::env::args().nth(1).as_deref() == Some("reports") {
        let reports: Vec<Report> = example::all().iter().map(write).collect();
        println!("{}", serde_json::to_string(&reports).expect("reports are plain JSON"));
    } else {
        print!("{}", schema());
    }
}
