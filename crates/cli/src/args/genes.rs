use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub struct Genes {
    /// VCF of GRCh38, plain or compressed with bgzip
    pub file: PathBuf,
    /// Folder with `definition/*_translation.json` and `phenotype/*.json`, as PharmCAT has them
    #[arg(long, value_name = "FOLDER")]
    pub tables: PathBuf,
    /// Sample, if the file has several
    #[arg(long, value_name = "NAME")]
    pub sample: Option<String>,
    /// Gene; can be repeated; otherwise all that the tables define
    #[arg(long, value_name = "GENE")]
    pub gene: Vec<String>,
    /// Statements on drugs (CSV: gene, phenotype, drug, statement, level, source)
    #[arg(long, value_name = "FILE")]
    pub guidance: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
