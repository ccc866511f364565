//! Chinese sentences written by hand, and paraphrases by rule.

use wilhelm_report::{Claim, GroundContext, Statement, ground, same_meaning, write};
use wilhelm_study::{Certainty, Finding, Laterality};

use crate::{Tally, cases, hand};

/// Wordings of a class; `{x}` is the finding.
const fn heads(certainty: Certainty) -> [&'static str; 5] {
    match certainty {
        Certainty::Present => ["符合{x}表现", "可见{x}", "影像表现符合{x}", "图像显示{x}", "存在{x}"],
        Certainty::Probable => ["考虑{x}", "{x}可能性大", "考虑{x}可能性大", "首先考虑{x}", "{x}可能性较大"],
        Certainty::Indeterminate => ["不除外{x}", "{x}可能", "不能排除{x}", "疑似{x}", "不能确定是否为{x}"],
        Certainty::Unlikely => {
            ["{x}可能性小", "{x}可能性不大", "{x}的可能性较小", "不太可能为{x}", "{x}可能性较低"]
        }
        Certainty::Absent => ["未见{x}征象", "未见{x}", "无{x}征象", "未见明确{x}征象", "未发现{x}"],
    }
}

/// The Chinese names of the findings of [`cases::many`].
fn name(finding: &Finding) -> &'static str {
    match finding.observation.name.as_str() {
        "pneumonia" => "肺炎",
        "benign breast lesion" => "乳腺良性病变",
        "malignant breast lesion" => "乳腺恶性病变",
        "glioma" => "胶质瘤",
        "meningioma" => "脑膜瘤",
        "pituitary tumor" => "垂体瘤",
        "renal cyst" => "肾囊肿",
        "adrenal nodule" => "肾上腺结节",
        "hydronephrosis" => "肾积水",
        "pleural effusion" => "胸腔积液",
        "pulmonary nodule" => "肺结节",
        "pneumothorax" => "气胸",
        "thyroid nodule" => "甲状腺结节",
        "hepatic cyst" => "肝囊肿",
        "subdural hematoma" => "硬膜下血肿",
        "ovarian cyst" => "卵巢囊肿",
        "aortic aneurysm" => "主动脉瘤",
        other => panic!("no Chinese name for {other}"),
    }
}

/// Paraphrases by rule of the brief statement, and of the probability with it.
pub fn by_rule() -> Tally {
    let mut tally = Tally::new("Chinese paraphrases by rule");
    for report in cases::many().iter().map(write) {
        let context = GroundContext::of(&report);
        for finding in report.findings.iter().filter(|finding| !finding.normal) {
            let side = match finding.laterality {
                None => "",
                Some(Laterality::Left) => "左侧",
                Some(Laterality::Right) => "右侧",
                Some(Laterality::Bilateral) => "双侧",
            };
            let named = format!("{side}{}", name(finding));
            let p = &finding.probability;
            let percent = |v: f64| format!("{:.0}%", v * 100.0);
            let estimate = match p.estimate.value() {
                v if v < 0.01 => "低于1%".to_owned(),
                v if v > 0.99 => "高于99%".to_owned(),
                v => percent(v),
            };
            let (low, high) = (percent(p.low.value()), percent(p.high.value()));
            for (step, head) in heads(finding.certainty).into_iter().enumerate() {
                let head = head.replace("{x}", &named);
                let tail = match step % 3 {
                    0 => format!("，概率{estimate}（95%置信区间{low}～{high}）"),
                    1 => format!("；估计概率为{estimate}，95%区间{low}至{high}"),
                    _ => format!("（概率{estimate}，95%CI {low}-{high}）"),
                };
                let probability = Statement { quantities: Vec::new(), ..Statement::full(finding) };
                for (text, statement) in [
                    (format!("{head}。"), Statement::brief(finding)),
                    (format!("{head}{tail}。"), probability),
                ] {
                    let claim = Claim::Finding { statements: vec![statement] };
                    let grounded = ground(&text, &context);
                    let same = same_meaning(&claim, &text, &context);
                    tally.count(grounded.accepted && same.accepted, || {
                        format!("{text} -> ground: {}; same: {}", grounded.reason, same.reason)
                    });
                }
            }
        }
    }
    tally
}

#[test]
fn chinese_sentences_by_hand_and_by_rule() {
    for file in ["zh/adversarial.txt", "zh/adversarial-heldout.txt"] {
        let tally = hand::adversarial(file);
        print!("{}", tally.complaint());
        assert!(tally.all >= 90, "{} has only {}", tally.name, tally.all);
        assert_eq!(tally.good, tally.all, "{}", tally.complaint());
    }
    for tally in
        ["zh/development.txt", "zh/heldout.txt"].map(hand::paraphrases).into_iter().chain([by_rule()])
    {
        print!("{}", tally.complaint());
        assert!(tally.all >= 60, "{} has only {}", tally.name, tally.all);
        assert!(tally.share() >= 0.98, "{}", tally.complaint());
    }
}
