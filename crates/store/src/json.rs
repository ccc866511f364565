//! Values in the DICOM JSON Model.
//!
//! Source: PS3.18 Annex F.

use std::fmt::Write as _;

use dicom_core::{Tag, VR};

use crate::element::Encoding;
use crate::text::trimmed;

/// Eight hexadecimal digits.
pub(crate) fn tag(out: &mut String, tag: Tag) {
    write!(out, "{:04X}{:04X}", tag.0, tag.1).expect("a string takes all");
}

/// The beginning of an attribute: its tag and its VR, with the brace open.
pub(crate) fn key(out: &mut String, tag: Tag, vr: VR) {
    write!(out, "\"{:04X}{:04X}\":{{\"vr\":\"{}\"", tag.0, tag.1, vr.to_string())
        .expect("a string takes all");
}

/// A text between quotation marks.
pub fn quoted(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if u32::from(control) < 0x20 => {
                write!(out, "\\u{:04x}", u32::from(control)).expect("a string takes all");
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// The values of a VR of numbers or tags; `false` for any other VR.
pub(crate) fn numbers(out: &mut String, vr: VR, bytes: &[u8], encoding: Encoding) -> bool {
    let width = match vr {
        VR::US | VR::SS => 2,
        VR::UL | VR::SL | VR::FL | VR::AT => 4,
        VR::FD | VR::SV | VR::UV => 8,
        _ => return false,
    };
    for (number, chunk) in bytes.chunks_exact(width).enumerate() {
        out.push_str(if number == 0 { ",\"Value\":[" } else { "," });
        let mut little = [0_u8; 8];
        little[..width].copy_from_slice(chunk);
        if encoding.big_endian && vr != VR::AT {
            little[..width].reverse();
        }
        let wide = u64::from_le_bytes(little);
        let narrow = u32::from_le_bytes([little[0], little[1], little[2], little[3]]);
        let short = u16::from_le_bytes([little[0], little[1]]);
        let written = match vr {
            VR::US => write!(out, "{short}"),
            VR::SS => write!(out, "{}", short.cast_signed()),
            VR::UL => write!(out, "{narrow}"),
            VR::SL => write!(out, "{}", narrow.cast_signed()),
            VR::SV => write!(out, "{}", wide.cast_signed()),
            VR::UV => write!(out, "{wide}"),
            VR::AT => {
                let group = encoding.u16([chunk[0], chunk[1]]);
                let element = encoding.u16([chunk[2], chunk[3]]);
                write!(out, "\"{group:04X}{element:04X}\"")
            }
            VR::FL => {
                let value = f32::from_bits(narrow);
                if value.is_finite() { write!(out, "{value:?}") } else { write!(out, "\"{value}\"") }
            }
            _ => {
                let value = f64::from_bits(wide);
                if value.is_finite() { write!(out, "{value:?}") } else { write!(out, "\"{value}\"") }
            }
        };
        written.expect("a string takes all");
    }
    if bytes.len() >= width {
        out.push(']');
    }
    true
}

/// The values of a VR of text.
pub(crate) fn text(out: &mut String, vr: VR, text: &str) {
    let single = matches!(vr, VR::ST | VR::LT | VR::UT | VR::UR);
    let mut values: Vec<&str> = if single { vec![text] } else { text.split('\\').collect() };
    for value in &mut values {
        *value = trimmed(vr, value);
    }
    if values.iter().all(|value| value.is_empty()) {
        return;
    }
    for (number, value) in values.into_iter().enumerate() {
        out.push_str(if number == 0 { ",\"Value\":[" } else { "," });
        if value.is_empty() {
            out.push_str("null");
            continue;
        }
        match vr {
            VR::PN => name(out, value),
            VR::IS => match value.trim().parse::<i64>() {
                Ok(number) => write!(out, "{number}").expect("a string takes all"),
                Err(_) => quoted(out, value),
            },
            VR::DS => match value.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => {
                    write!(out, "{number:?}").expect("a string takes all");
                    if out.ends_with(".0") {
                        out.truncate(out.len() - 2);
                    }
                }
                _ => quoted(out, value),
            },
            _ => quoted(out, value),
        }
    }
    out.push(']');
}

/// A person's name: its component groups by their names.
pub fn name(out: &mut String, value: &str) {
    out.push('{');
    let mut first = true;
    for (group, text) in ["Alphabetic", "Ideographic", "Phonetic"].into_iter().zip(value.split('=')) {
        if text.is_empty() {
            continue;
        }
        write!(out, "{}\"{group}\":", if first { "" } else { "," }).expect("a string takes all");
        quoted(out, text);
        first = false;
    }
    out.push('}');
}
