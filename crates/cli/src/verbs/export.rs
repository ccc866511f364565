use std::path::Path;

use serde_json::json;
use sha2::{Digest, Sha256};
use wilhelm_formats::write_atomically;
use wilhelm_nets::Shelf;

use crate::args::ExportFormat;
use crate::exit::Stop;
use crate::output::{print, print_json};

/// `wilhelm models export`
pub fn run(
    shelf: &Shelf,
    name: &str,
    format: ExportFormat,
    out: &Path,
    force: bool,
    json: bool,
) -> anyhow::Result<()> {
    if !force && out.exists() {
        return Err(Stop::usage(format!("{} is already there: add --force to replace it", out.display())));
    }
    if shelf.imported_by_name(name).is_some() {
        return Err(Stop::input(format!(
            "model {name} was made by others and is an ONNX file already: copy the one beside its card"
        )));
    }
    if let Some(entry) = shelf.adopted_by_name(name) {
        return Err(Stop::input(format!(
            "model {name} was made by others: copy the weights beside its card, in {}",
            entry.place()
        )));
    }
    let fused = shelf.fused_by_name(name);
    if fused.is_some() && format == ExportFormat::Onnx {
        return Err(Stop::input(format!(
            "model {name} reads several inputs, any of which may be missing, and only classifiers of one input are \
             written as ONNX: --format safetensors writes its weights"
        )));
    }
    if let Some(entry) = fused {
        return write(name, &entry.weights()?, &entry.card.license, format, out, force, json);
    }
    let (bytes, license) = match (shelf.segmenter(name), format) {
        (Some(entry), ExportFormat::Safetensors) => (entry.weights()?, &entry.card.license),
        (Some(entry), ExportFormat::Onnx) if entry.card.trained.is_none() => {
            return Err(Stop::input(format!(
                "model {name} is a segmenter made by others, of two networks one after the other, and only segmenters that \
                 `train segmenter` made are written as ONNX: --format safetensors writes its weights"
            )));
        }
        (Some(entry), ExportFormat::Onnx) => (entry.load()?.to_onnx()?, &entry.card.license),
        (None, ExportFormat::Safetensors) => {
            let entry = shelf.get(name)?;
            (entry.weights()?, &entry.card.license)
        }
        (None, ExportFormat::Onnx) => {
            let entry = shelf.get(name)?;
            (entry.load()?.to_onnx()?, &entry.card.license)
        }
    };
    write(name, &bytes, license, format, out, force, json)
}

fn write(
    name: &str,
    bytes: &[u8],
    license: &str,
    format: ExportFormat,
    out: &Path,
    force: bool,
    json: bool,
) -> anyhow::Result<()> {
    write_atomically(out, force, bytes)?;
    let sha256: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if json {
        let format = match format {
            ExportFormat::Onnx => "onnx",
            ExportFormat::Safetensors => "safetensors",
        };
        print_json(
            &json!({ "model": name, "format": format, "file": out, "bytes": bytes.len(), "sha256": sha256,
            "license": license, "use": "research use only; not a medical device" }),
        )
    } else {
        print(&format!("{}: {} bytes, SHA-256 {sha256}\n", out.display(), bytes.len()))
    }
}
