//! General knowledge in Chinese for clinicians; the words of sources stay in their language.

use super::edition::LineOrigin;
use super::{Language, Voice, chinese, glossary};
use crate::reference::{AlternativeKind, Known, QuoteKind, ToldBy, WeighedSign, ratio};

/// Names that no finding of ours has: what else may look like one, and what is given or done.
const NAMES: &[(&str, &str)] = &[
    ("pulmonary edema", "肺水肿"),
    ("atelectasis", "肺不张"),
    ("organizing pneumonia", "机化性肺炎"),
    ("congestive heart failure", "充血性心力衰竭"),
    ("dural metastasis", "硬脑膜转移瘤"),
    ("solitary fibrous tumor", "孤立性纤维性肿瘤"),
    ("granulomatous disease of the dura", "硬脑膜肉芽肿性病变"),
    ("brain metastasis", "脑转移瘤"),
    ("central nervous system lymphoma", "中枢神经系统淋巴瘤"),
    ("tumefactive demyelination", "瘤样脱髓鞘病变"),
    ("brain abscess", "脑脓肿"),
    ("encephalitis", "脑炎"),
    ("craniopharyngioma", "颅咽管瘤"),
    ("Rathke cleft cyst", "Rathke囊肿"),
    ("meningioma of the sellar region", "鞍区脑膜瘤"),
    ("aneurysm of the sellar region", "鞍区动脉瘤"),
    ("fat necrosis of breast", "乳腺脂肪坏死"),
    ("sclerosing adenosis of breast", "乳腺硬化性腺病"),
    ("granulomatous mastitis", "肉芽肿性乳腺炎"),
    ("breast abscess", "乳腺脓肿"),
    ("diabetic mastopathy", "糖尿病性乳腺病"),
    ("rare carcinoma with circumscribed margins", "边界清楚的少见癌"),
    ("pneumothorax", "气胸"),
    ("lung cancer", "肺癌"),
    ("dyspnea on exertion", "劳力性呼吸困难"),
    ("paroxysmal nocturnal dyspnea", "夜间阵发性呼吸困难"),
    ("orthopnea", "端坐呼吸"),
    ("third heart sound", "第三心音"),
    ("rales", "啰音"),
    ("peripheral edema", "外周水肿"),
    ("jugular venous distension", "颈静脉怒张"),
    ("history of heart failure", "心力衰竭病史"),
    ("atrial fibrillation", "心房颤动"),
    ("if iodinated contrast medium is given", "如使用碘对比剂"),
    ("if gadolinium-based contrast agent of group I is given", "如使用I组钆对比剂"),
    ("if gadolinium-based contrast agent of group II is given", "如使用II组钆对比剂"),
    ("before magnetic resonance", "磁共振检查前"),
    ("adults with dyspnea in an emergency department", "急诊呼吸困难的成人"),
];

fn name(english: &str) -> String {
    if glossary::lookup(&english.to_lowercase()).is_some() {
        return chinese::name(english);
    }
    let known = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(english.trim()));
    known.map_or_else(|| english.trim().to_owned(), |(_, chinese)| (*chinese).to_owned())
}

/// The sentence in a voice, and whether it quotes others in their language; `None` in English, where the report's own words stand.
pub(super) fn say(says: &Known, voice: Voice) -> Option<(String, LineOrigin)> {
    if voice.language == Language::En {
        return None;
    }
    Some(match says {
        Known::Alternatives { of, kind, names, by } => {
            let names: Vec<String> = names.iter().map(|one| name(one)).collect();
            let (of, others, by) = (name(of), chinese::list(&names, "及"), by.join("；"));
            let text = match kind {
                AlternativeKind::Alike => format!("影像上可与{of}相似的情况有：{others}（{by}）。"),
                AlternativeKind::Cause => format!("可引起{of}的疾病包括{others}（{by}）。"),
            };
            (text, LineOrigin::Written)
        }
        Known::Weighed { disease, signs, population, by, probability } => {
            let side = |is_for: bool| -> Vec<String> {
                let of = signs.iter().filter(|sign| (sign.likelihood_ratio >= 1.0) == is_for);
                of.map(weighed).collect()
            };
            let disease = name(disease);
            let mut parts = Vec::new();
            let (favoring, against) = (side(true), side(false));
            if !favoring.is_empty() {
                parts.push(format!("{}支持{disease}", favoring.join("、")));
            }
            if !against.is_empty() {
                parts.push(format!("{}不支持{disease}", against.join("、")));
            }
            if let Some([before, after]) = probability {
                parts.push(format!("据此其概率由{:.0}%变为{:.0}%", before * 100.0, after * 100.0));
            }
            let of = population.as_ref().map_or_else(String::new, |of| format!("，{}", name(of)));
            (format!("{}（{}{of}）。", parts.join("；"), by.join("；")), LineOrigin::Written)
        }
        Known::Quoted { kind, of, quote, by } => {
            let of = name(of);
            let text = match kind {
                QuoteKind::Definition => format!("{of}的定义（{by}，英文原文）：\u{201c}{quote}\u{201d}"),
                QuoteKind::Guideline => format!("关于{of}的指南（{by}，英文原文）：\u{201c}{quote}\u{201d}"),
                QuoteKind::Caution => format!("{of}（{by}，英文原文）：\u{201c}{quote}\u{201d}"),
                QuoteKind::Passage => format!("关于{of}，{by}（原文）：\u{201c}{quote}\u{201d}"),
            };
            (text, LineOrigin::Quoted)
        }
    })
}

fn weighed(sign: &WeighedSign) -> String {
    let no = if sign.present { "" } else { "无" };
    let by = match sign.told_by {
        ToldBy::Request(_) => "申请单",
        ToldBy::Finding(_) => "影像所见",
    };
    format!("{no}{}（{by}；似然比{}）", name(&sign.name), ratio(sign.likelihood_ratio))
}
