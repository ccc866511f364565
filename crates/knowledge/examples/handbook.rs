//! Prints what reports need of the shipped graph: the committed `data/graph/handbook.json`.

#![allow(clippy::print_stdout, reason = "the file is printed")]

use wilhelm_knowledge::handbook::Handbook;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", Handbook::of_built_in_graph()?.to_json());
    Ok(())
}
