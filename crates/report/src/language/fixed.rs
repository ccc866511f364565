//! Sentences that are not about findings, in each voice.

use super::{Audience, Language, Voice, chinese, glossary, originals};
use crate::report::Sentence;
use crate::write::words;
use crate::{Claim, Exam, Measured};

/// A rule's sentence in Chinese for clinicians, in plain English and in plain Chinese.
const RULES: &[(&str, [&str; 3])] = &[
    (
        "R-COMPARISON",
        [
            "未提供既往检查，未评估变化。",
            "No older picture was given, so the program can not say if anything has changed.",
            "没有以前的图像可以对比，程序不能说明有没有变化。",
        ],
    ),
    (
        "R-REVIEW",
        [
            "本报告须经放射科医师阅片审核后方可使用。",
            "Do not use this report unless a radiologist has looked at the pictures. A radiologist is a doctor who reads \
             pictures of the body.",
            "只有放射科医生看过图像以后，才能使用这份报告。放射科医生是专门看影像的医生。",
        ],
    ),
    (
        "R-CORRELATE",
        [
            "请结合临床。",
            "Ask your doctor what this means for you. Your doctor knows your health and your other tests.",
            "这个结果对您意味着什么，请询问您的医生。医生了解您的身体情况和其他检查结果。",
        ],
    ),
    (
        "R-INDETERMINATE",
        [
            "结果不能确定时，是否进一步影像学检查由放射科医师决定。",
            "Where the result is not clear, the radiologist decides if more pictures are needed.",
            "结果不明确时，是否需要再做影像检查，由放射科医生决定。",
        ],
    ),
    (
        "R-SCOPE",
        [
            "仅针对本报告所列项目进行检测，图像其余内容未予评估。",
            "The program looked only for what is named here. It did not look for anything else.",
            "程序只查找了这里列出的内容，没有查找其他问题。",
        ],
    ),
    (
        "R-NEGATIVE",
        [
            "自动判读结果为阴性不能排除疾病。",
            "The program can miss disease. If it finds nothing, that does not mean that you are healthy.",
            "程序可能漏掉疾病。没有发现问题，不等于没有病。",
        ],
    ),
    (
        "R-PROBABILITY",
        [
            "概率依据模型的验证数据校准，仅适用于与之相似的图像。",
            "The chance is the estimate of the program, and the interval shows how unsure it is. Both come from tests on other \
             pictures and hold only for pictures like those.",
            "概率是程序的估计，区间表示程序有多不确定。两者都来自对其他图像的测试，只适用于类似的图像。",
        ],
    ),
    (
        "R-LOWERED",
        [
            "因“局限性”所列注意事项，确定程度已降为不能确定；所列模型数值仅为公开透明。",
            "There are reasons to trust this result less; they are listed at the end. So the result is called not clear, and the \
             number is shown only so that nothing is hidden.",
            "有一些原因使这个结果不太可信，原因列在最后。因此结果按不明确处理，列出数字只是为了不隐瞒。",
        ],
    ),
    (
        "R-NOT-READ",
        ["未进行自动判读。", "No computer program read the picture.", "没有计算机程序看过这张图像。"],
    ),
    (
        "R-UNREAD",
        [
            "图像须由放射科医师阅片。",
            "A radiologist needs to read the pictures. A radiologist is a doctor who reads pictures of the body.",
            "图像需要由放射科医生来看。放射科医生是专门看影像的医生。",
        ],
    ),
    (
        "R-DRAFT",
        [
            "本报告由科研软件起草，该软件不是医疗器械。",
            "Research software drafted this report. That software is not a medical device.",
            "这份报告由科研软件起草，该软件不是医疗器械。",
        ],
    ),
    (
        "R-CHANGE-LENGTH",
        [
            "长度增加20%且5 mm及以上判为增大，减少30%及以上判为缩小；差异较小者判为无明显变化。",
            "A length is called larger if it grew by at least 20 % and 5 mm. It is called smaller if it shrank by at least \
             30 %. If the change is less than that, it is called stable.",
            "长度增加至少20%并且至少5 mm才叫变大，减少至少30%才叫变小；变化更小时算作没有明显变化。",
        ],
    ),
    (
        "R-CHANGE-NODULE",
        [
            "肺结节平均直径相差超过1.5 mm判为增大或缩小；差异较小者判为无明显变化。",
            "A spot in the lung is called larger or smaller if its mean width changed by more than 1.5 mm. If the change is \
             less than that, it is called stable.",
            "肺结节的平均直径变化超过1.5 mm才叫变大或变小；变化更小时算作没有明显变化。",
        ],
    ),
    (
        "R-CHANGE-VOLUME",
        [
            "肺结节体积相差25%及以上判为增大或缩小；差异较小者判为无明显变化。",
            "A spot in the lung is called larger or smaller if its volume changed by at least 25 %. If the change is less \
             than that, it is called stable.",
            "肺结节的体积变化至少25%才叫变大或变小；变化更小时算作没有明显变化。",
        ],
    ),
    (
        "R-SAME-PATIENT",
        [
            "两次检查属同一患者系由提出对比者声明，文件本身未能证明。",
            "The person who asked for this said that both tests are of the same patient. The files do not prove it.",
            "两次检查属于同一个人，这是要求对比的人说的，文件本身不能证明。",
        ],
    ),
    (
        "R-ASK",
        [
            "对本报告的疑问请咨询申请医师或放射科医师。",
            "Do not start or stop any treatment because of this report. Ask the doctor who sent you for the picture, or a \
             radiologist. If you feel ill or get worse, do not wait for this report: get medical help.",
            "不要因为这份报告开始或停止任何治疗。有疑问请询问让您做检查的医生或放射科医生。如果您感到不舒服或病情加重，不要等这份报告，请立即就医。",
        ],
    ),
];

/// A rule's sentence in a voice that is not the report's own.
pub(super) fn of_rule(id: &str, voice: Voice) -> Option<&'static str> {
    let (_, [clinician, plain, plain_chinese]) = RULES.iter().find(|(rule, _)| *rule == id)?;
    (!voice.is_own()).then(|| voice.pick(["", clinician, plain, plain_chinese]))
}

/// A sentence that is not about findings, in a voice that is not the report's own; and whether it quotes the original.
///
/// `None` for sentences about findings, and where the place a network looked at has no name to be told by.
pub(crate) fn fixed(
    sentence: &Sentence,
    exam: &Exam,
    name: Option<&str>,
    voice: Voice,
) -> Option<(String, bool)> {
    let text = sentence.text.as_str();
    if let Some(rule) = crate::rule::rule_of(text) {
        return Some(match of_rule(rule.id, voice) {
            Some(words) => (words.to_owned(), false),
            None => quoted(text, voice),
        });
    }
    let plain = |words: [&'static str; 3]| (voice.pick(["", words[0], words[1], words[2]]).to_owned(), false);
    Some(match &sentence.claim {
        Claim::Finding { .. } | Claim::Change { .. } | Claim::Reference { .. } => return None,
        Claim::Place { .. } => {
            let name = match voice.language {
                Language::En => name?.to_owned(),
                Language::Zh => chinese::name(name?),
            };
            let place = (voice.audience == Audience::Clinician).then(|| place(text)).flatten();
            match (place, voice.language) {
                (Some(place), _) => (
                    format!("对{name}判断权重最大的区域位于图像{place}，提示网络关注的部位，并非病灶轮廓。"),
                    false,
                ),
                (None, Language::En) => (
                    format!(
                        "The colors on the picture show where the program looked most for {name}. They do not show where \
                         disease is."
                    ),
                    false,
                ),
                (None, Language::Zh) => {
                    (format!("图片上的颜色表示程序判断{name}时最关注的地方，不表示病变的位置。"), false)
                }
            }
        }
        Claim::Measurement { .. } => measurement(text, voice)?,
        Claim::Indication => match between(text, "\u{201c}", "\u{201d}") {
            None => {
                plain(["未提供临床资料。", "No reason for the picture was given.", "没有提供检查的原因。"])
            }
            Some(quoted) => {
                let before = voice.pick([
                    "",
                    "申请方提供的资料（原文）：",
                    "The request says, in its own words: ",
                    "检查申请上写着（原文）：",
                ]);
                (format!("{before}\u{201c}{quoted}\u{201d}"), true)
            }
        },
        Claim::Technique => match text.strip_prefix("Read by model ") {
            Some(rest) => model(rest, voice)?,
            None if voice.language == Language::Zh && voice.audience == Audience::Clinician => {
                (chinese::technique(exam), false)
            }
            None if voice.language == Language::Zh => (format!("{}。", chinese::title(exam)), false),
            None => (format!("{}.", words::title(exam)), false),
        },
        Claim::NotRead { model } => {
            let reason = text.split_once(": ").map_or(text, |(_, reason)| reason);
            let words = match (voice.language, voice.audience) {
                (Language::En, _) => {
                    format!(
                        "The program {model} did not read the picture. Its reason: \u{201c}{reason}\u{201d}"
                    )
                }
                (Language::Zh, Audience::Clinician) => {
                    format!("模型{model}未判读该图像，原因（英文原文）：“{reason}”")
                }
                (Language::Zh, Audience::Patient) => {
                    format!("程序{model}没有看这张图像，原因（英文原文）：“{reason}”")
                }
            };
            (words, true)
        }
        Claim::Comparison if unlooked(text).is_some() => {
            let name = unlooked(text)?;
            let words = match voice.language {
                Language::En => format!(
                    "The older report also spoke of {name}. The program did not look for it this time."
                ),
                Language::Zh => format!("既往检查还提到{}，本次未予查找。", chinese::name(name)),
            };
            (words, false)
        }
        Claim::Limitation { .. } | Claim::Comparison => limitation(text, voice),
        _ => quoted(text, voice),
    })
}

/// What was measured, with the thing it was measured on in its original words.
fn measurement(text: &str, voice: Voice) -> Option<(String, bool)> {
    let (on, numbers) = text.strip_prefix(Measured::LEAD)?.strip_suffix('.')?.rsplit_once(": ")?;
    let said: Vec<String> = numbers
        .split(", ")
        .map(|one| {
            let (head, range) = one.strip_suffix(')')?.split_once(" (")?;
            let name_end = head.find(|c: char| c.is_ascii_digit() || c == '-')?;
            let (name, number) = (head[..name_end].trim_end(), &head[name_end..]);
            let chinese = glossary::word(glossary::MEASUREMENTS, name).unwrap_or(name);
            Some(match voice.language {
                Language::En => one.to_owned(),
                Language::Zh => format!("{chinese}{number}（{}）", range.replace(" to ", "～")),
            })
        })
        .collect::<Option<_>>()?;
    Some(match (voice.language, voice.audience) {
        (Language::En, _) => (format!("The program measured what was outlined: {}.", said.join(", ")), false),
        (Language::Zh, Audience::Patient) => (format!("程序对勾画区域的测量：{}。", said.join("，")), false),
        (Language::Zh, Audience::Clinician) => {
            (format!("测量对象（英文原文）：“{on}”；{}。", said.join("，")), true)
        }
    })
}

/// What the earlier examination spoke of and this one did not look for, from the writer's sentence.
fn unlooked(text: &str) -> Option<&str> {
    text.strip_prefix("The earlier examination also spoke of ")?
        .strip_suffix(", which was not looked for this time.")
}

/// What stands between two marks, to the last of the second.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(open)?;
    rest.rsplit_once(close).map(|(inside, _)| inside)
}

/// `第121～320列、第341～520行`, from the writer's sentence.
fn place(text: &str) -> Option<String> {
    let (_, rest) = text.split_once(" lies at columns ")?;
    let (from_column, rest) = rest.split_once(" to ")?;
    let (to_column, rest) = rest.split_once(" and rows ")?;
    let (from_row, rest) = rest.split_once(" to ")?;
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    let (to_row, rest) = rest.split_at(end);
    let slice = rest.strip_prefix(" of slice ").map_or_else(String::new, |rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        format!("第{digits}层")
    });
    Some(format!("{slice}第{from_column}～{to_column}列、第{from_row}～{to_row}行"))
}

/// `X, version Y; validation: Z.`
fn model(rest: &str, voice: Voice) -> Option<(String, bool)> {
    let rest = rest.strip_suffix('.').unwrap_or(rest);
    let (name, rest) = rest.split_once(", version ")?;
    let (version, validation) = match rest.split_once("; validation: ") {
        Some((version, validation)) => (version, Some(validation)),
        None => (rest, None),
    };
    if voice.audience == Audience::Patient {
        let words = match voice.language {
            Language::En => format!(
                "A computer program read the picture: {name}, version {version}. How well it did in tests stands in the report \
                 for doctors."
            ),
            Language::Zh => {
                format!("由计算机程序{name}（版本{version}）读片。它在测试中的表现见给医生的报告。")
            }
        };
        return Some((words, false));
    }
    let head = format!("由模型{name}（版本{version}）判读");
    Some(match validation {
        None => (format!("{head}。"), false),
        Some(figures) => match originals::translate(figures, voice) {
            Some(words) => (format!("{head}；验证结果：{words}。"), false),
            None => (format!("{head}；验证结果（英文原文）：“{figures}”"), true),
        },
    })
}

fn limitation(text: &str, voice: Voice) -> (String, bool) {
    let (caution, rest) = match text.strip_prefix("Caution: ") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let stop = if voice.language == Language::Zh { "。" } else { "." };
    let before = if caution { voice.pick(["", "注意：", "Take care: ", "注意："]) } else { "" };
    // The writer begins a card's sentence with a capital letter.
    let lower = || {
        let mut letters = rest.chars();
        letters.next().map(|first| first.to_lowercase().chain(letters).collect::<String>())
    };
    let of_card = words::of_card(rest).and_then(|(card, model)| {
        let words = originals::translate(&card, voice)?;
        Some(match (model, voice.pick(["", "模型", "About ", "程序"])) {
            (None, _) => words,
            (Some(model), of) if voice.language == Language::Zh => format!("{of}{model}：{words}"),
            (Some(model), of) => format!("{of}{model}: {words}"),
        })
    });
    let said = of_card
        .or_else(|| originals::translate(rest, voice))
        .or_else(|| lower().and_then(|rest| originals::translate(&rest, voice)));
    match said {
        Some(words) => (format!("{before}{words}{stop}"), false),
        None => quoted(text, voice),
    }
}

/// The original words, said to be such.
fn quoted(text: &str, voice: Voice) -> (String, bool) {
    let before = voice.pick(["", "英文原文：", "In the words of the report for doctors: ", "英文原文："]);
    (format!("{before}\u{201c}{text}\u{201d}"), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_report_is_said_in_every_voice() {
        for rule in crate::RULES {
            for voice in &Voice::ALL[1..] {
                let words = of_rule(rule.id, *voice);
                assert!(words.is_some_and(|words| !words.is_empty()), "{} {voice:?}", rule.id);
            }
        }
    }

    #[test]
    fn a_place_keeps_its_columns_and_rows() {
        let text = "The region that weighed most for pneumonia lies at columns 121 to 320 and rows 341 to 520 of slice 7 of \
                    the image; it shows where the network looked and does not outline a lesion.";
        assert_eq!(place(text).as_deref(), Some("第7层第121～320列、第341～520行"));
    }
}
