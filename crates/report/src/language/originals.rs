//! Sentences from outside the writer (model cards, cautions, validation figures) that this program can say in other words.
//!
//! What is not in this list is quoted in its original words, and said to be.

use super::Voice;

/// `{}` stands for a number: the original, then the Chinese for clinicians and the plain words in English and Chinese.
const PATTERNS: &[[&str; 4]] = &[
    [
        "It must not be used to treat or to rule out disease in a person",
        "不得用于个体疾病的治疗或排除",
        "The program must not be used to treat you or to say that you have no disease",
        "这个程序不能用来治疗疾病，也不能用来说明没有病",
    ],
    [
        "It must not be used to treat or to rule out disease in a person: it misses cancers",
        "不得用于个体疾病的治疗或排除：存在漏诊癌症的情况",
        "The program must not be used to treat you or to say that you have no disease: it misses cancers",
        "这个程序不能用来治疗疾病，也不能用来说明没有病：它会漏掉癌症",
    ],
    [
        "It must not be used on adults: it was trained on children of {} to {} years from one hospital",
        "不得用于成人：训练数据来自一家医院的{}～{}岁儿童",
        "The program must not be used on adults: it learned from children of {} to {} years in one hospital",
        "这个程序不能用于成人：它是用一家医院{}～{}岁儿童的图像训练的",
    ],
    [
        "It must not be used to find any other disease: effusion, pneumothorax, nodules and fractures are unknown to it",
        "不得用于发现其他疾病：该模型不识别积液、气胸、结节和骨折",
        "The program can not find any other disease: it does not know fluid, air around a lung, spots or broken bones",
        "这个程序不能发现其他疾病：它不认识积液、气胸、结节和骨折",
    ],
    [
        "It must not replace a biopsy or a BI-RADS assessment",
        "不得代替活检或BI-RADS评估",
        "The program must not take the place of a tissue test or of a doctor's reading",
        "这个程序不能代替组织检查或医生的评估",
    ],
    [
        "It must not be used on color Doppler, elastography or images with measurement overlays",
        "不得用于彩色多普勒、弹性成像或带有测量标记的图像",
        "The program must not be used on color pictures or on pictures with marks in them",
        "这个程序不能用于彩色图像或带有标记的图像",
    ],
    [
        "It must not be used on whole volumes: it reads one exported slice",
        "不得用于整个容积数据：该模型只判读一个导出的层面",
        "The program reads one slice only and not the whole scan",
        "这个程序只看一个层面，不看整个扫描",
    ],
    [
        "It must not be used to find anything but the three tumor types: hemorrhage, infarction, metastasis and infection are unknown to it",
        "除三种肿瘤类型外不得用于其他发现：该模型不识别出血、梗死、转移和感染",
        "The program knows three types of tumor only: it does not know bleeding, stroke, spread of cancer or infection",
        "这个程序只认识三种肿瘤：它不认识出血、脑梗死、转移和感染",
    ],
    [
        "not for use on children below one year",
        "不适用于一岁以下儿童",
        "Not for use on children below one year",
        "不能用于一岁以下的儿童",
    ],
    [
        "the model was trained on children of {} to {} years; this patient is {} years old",
        "模型训练数据为{}～{}岁儿童，本例患者{}岁",
        "the program learned from children of {} to {} years; this patient is {} years old",
        "程序是用{}～{}岁儿童的图像训练的，而患者是{}岁",
    ],
    [
        "the model was trained on patients of {} to {} years; this patient is {} years old",
        "模型训练数据为{}～{}岁患者，本例患者{}岁",
        "the program learned from patients of {} to {} years; this patient is {} years old",
        "程序是用{}～{}岁患者的图像训练的，而患者是{}岁",
    ],
    [
        "Compared with the earlier examination that was supplied",
        "与所提供的既往检查对比",
        "The program compared this picture with the older one that was given",
        "程序与所提供的以往检查作了对比",
    ],
    [
        "Compared with an earlier examination of the same kind, made {} days before",
        "与{}天前的同类检查对比",
        "The program compared this picture with an older one of the same kind, made {} days before",
        "程序与{}天前的同类检查作了对比",
    ],
    [
        "Compared with an earlier examination of the same kind, made {} day before",
        "与{}天前的同类检查对比",
        "The program compared this picture with an older one of the same kind, made {} day before",
        "程序与{}天前的同类检查作了对比",
    ],
    [
        "Compared with an earlier examination of the same kind, made on the same day",
        "与同日的同类检查对比",
        "The program compared this picture with another one of the same kind, made on the same day",
        "程序与同一天的另一次同类检查作了对比",
    ],
    [
        "Compared with an earlier examination of the same kind, whose date is not known",
        "与日期不明的既往同类检查对比",
        "The program compared this picture with an older one of the same kind; when that was made is not known",
        "程序与以前的一次同类检查作了对比，那次检查的日期不清楚",
    ],
    [
        "AUC {} ({} % interval {} to {}), accuracy {} ({} % interval {} to {}) on {} images held out from its training data",
        "AUC {}（{}%区间{}～{}），准确率{}（{}%区间{}～{}），共{}幅未参与训练的图像",
        "",
        "",
    ],
    ["AUC {} ({} % interval {} to {}) on {} images", "AUC {}（{}%区间{}～{}），共{}幅图像", "", ""],
];

/// A sentence (without its final period) in a voice, its numbers in their order; `None` where it is not known, or where
/// the voice does not say it.
pub(super) fn translate(original: &str, voice: Voice) -> Option<String> {
    let original = original.trim().trim_end_matches('.');
    for [pattern, chinese, plain, plain_chinese] in PATTERNS {
        let Some(numbers) = slots(pattern, original) else { continue };
        let words = voice.pick(["", chinese, plain, plain_chinese]);
        return (!words.is_empty()).then(|| filled(words, &numbers));
    }
    None
}

/// The numbers that stand in a pattern's places, where the sentence is the pattern.
fn slots(pattern: &str, sentence: &str) -> Option<Vec<String>> {
    let mut numbers = Vec::new();
    let mut rest = sentence;
    let mut parts = pattern.split("{}");
    rest = rest.strip_prefix(parts.next()?)?;
    for part in parts {
        let inside = |at: usize, c: char| {
            c.is_ascii_digit() || (c == '.' && rest[at + 1..].starts_with(|next: char| next.is_ascii_digit()))
        };
        let end = rest.char_indices().find(|(at, c)| !inside(*at, *c)).map_or(rest.len(), |(at, _)| at);
        if end == 0 {
            return None;
        }
        numbers.push(rest[..end].to_owned());
        rest = rest[end..].strip_prefix(part)?;
    }
    rest.is_empty().then_some(numbers)
}

fn filled(words: &str, numbers: &[String]) -> String {
    let mut out = String::new();
    let mut numbers = numbers.iter();
    for (place, part) in words.split("{}").enumerate() {
        if place > 0 {
            out.push_str(numbers.next().map_or("", String::as_str));
        }
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Voice;

    #[test]
    fn every_voice_keeps_as_many_numbers_as_the_original() {
        for [pattern, others @ ..] in PATTERNS {
            for words in others.iter().filter(|words| !words.is_empty()) {
                assert_eq!(words.matches("{}").count(), pattern.matches("{}").count(), "{words}");
            }
        }
    }

    #[test]
    fn numbers_stand_in_the_order_of_the_original() {
        let said = translate(
            "the model was trained on patients of 1 to 5 years; this patient is 61 years old",
            Voice::ALL[2],
        );
        assert_eq!(said.as_deref(), Some("模型训练数据为1～5岁患者，本例患者61岁"));
        assert_eq!(translate("the model was trained on patients of one to 5 years", Voice::ALL[2]), None);
        assert_eq!(translate("AUC 0.95 (95 % interval 0.93 to 0.97) on 524 images.", Voice::ALL[1]), None);
    }
}
