//! Chinese words for findings, numbers and examinations.

use wilhelm_study::{Finding, Laterality, Measurement, Modality, ProbabilityInterval, View};

use super::glossary::{MEASUREMENTS, PARTS, lookup, word};
use crate::Exam;
use crate::write::words;

/// Names that begin with a paired organ: `左肾囊肿`, but `左侧胸腔积液`.
const PAIRED: [&str; 4] = ["肾", "肺", "乳腺", "卵巢"];

/// The Chinese name of an English one, where there is one; else the English name itself.
pub(super) fn name(english: &str) -> String {
    lookup(english).map_or_else(|| english.trim().to_owned(), |term| term.chinese[0].to_owned())
}

/// A name with the finding's side.
pub(super) fn named(name: &str, laterality: Option<Laterality>) -> String {
    let short = PAIRED.iter().any(|organ| name.starts_with(organ));
    let side = match (laterality, short) {
        (None, _) => "",
        (Some(Laterality::Left), true) => "左",
        (Some(Laterality::Left), false) => "左侧",
        (Some(Laterality::Right), true) => "右",
        (Some(Laterality::Right), false) => "右侧",
        (Some(Laterality::Bilateral), true) => "双",
        (Some(Laterality::Bilateral), false) => "双侧",
    };
    format!("{side}{name}")
}

/// `，最大径23 mm`, for each measurement.
pub(super) fn measured(measurements: &[Measurement]) -> String {
    measurements
        .iter()
        .map(|m| {
            let name = word(MEASUREMENTS, &m.name).unwrap_or(&m.name);
            format!("，{name}{}", words::quantity(&m.quantity))
        })
        .collect()
}

/// `93%（95%区间89%～97%）`.
pub(super) fn probability(interval: &ProbabilityInterval) -> String {
    let estimate = match interval.estimate.value() {
        p if p < 0.01 => "低于1%".to_owned(),
        p if p > 0.99 => "高于99%".to_owned(),
        p => format!("{:.0}%", p * 100.0),
    };
    format!(
        "{estimate}（{:.0}%区间{:.0}%～{:.0}%）",
        interval.level.value() * 100.0,
        (interval.low.value() * 100.0).round().min(99.0),
        (interval.high.value() * 100.0).round().max(1.0)
    )
}

/// Names with `、` between and a last word.
pub(super) fn list(names: &[String], last: &str) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., end] => format!("{}{last}{end}", before.join("、")),
    }
}

/// Whether a finding has a Chinese name.
pub(super) fn has_name(finding: &Finding) -> bool {
    let name = finding.observation.name.trim().to_lowercase();
    lookup(name.strip_prefix("no ").unwrap_or(&name)).is_some()
}

fn modality(modality: &Modality) -> &str {
    match modality {
        Modality::Ct => "CT",
        Modality::Mr => "磁共振成像",
        Modality::Cr | Modality::Dx => "X线片",
        Modality::Us => "超声图像",
        Modality::Pt => "PET",
        other => other.term(),
    }
}

/// The examination as a title: `胸部X线片，后前位`.
pub(super) fn title(exam: &Exam) -> String {
    let part = exam.body_part.as_deref().map(str::trim).filter(|part| !part.is_empty());
    let part = part.map(|part| word(PARTS, part).unwrap_or(part));
    let mut text = match (&exam.modality, part) {
        (Some(how), Some(part)) => format!("{part}{}", modality(how)),
        (Some(how), None) => format!("{}，检查部位未注明", modality(how)),
        (None, Some(part)) => format!("{part}图像，检查方式未注明"),
        (None, None) => "图像，检查方式及部位未注明".to_owned(),
    };
    if let Some(view) = &exam.view {
        text.push_str(match view {
            View::Pa => "，后前位",
            View::Ap => "，前后位",
            View::Lateral => "，侧位",
        });
    }
    text
}

/// The sentence of the technique section.
pub(super) fn technique(exam: &Exam) -> String {
    let [columns, rows, slices] = exam.size;
    let mut text = title(exam);
    if slices > 1 {
        text.push_str(&format!("；共{slices}层，每层{columns} x {rows}像素"));
    } else {
        text.push_str(&format!("；1幅图像，{columns} x {rows}像素"));
    }
    if let Some([between_columns, between_rows, between_slices]) = exam.spacing_mm {
        text.push_str(&format!("，间距{between_columns:.2} x {between_rows:.2}"));
        if slices > 1 {
            text.push_str(&format!(" x {between_slices:.2}"));
        }
        text.push_str(" mm");
    } else {
        text.push_str("，间距未注明");
    }
    if exam.files != 1 {
        text.push_str(&format!("，来自{}个文件", exam.files));
    }
    text.push('。');
    text
}
