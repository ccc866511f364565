//! The closed vocabulary of the Chinese gate: every word a sentence may use, and what it does.
//!
//! The classes of certainty are this program's reading of usage in Chinese radiology reports (docs/languages.md); no
//! published scale orders these words.

use wilhelm_study::Certainty::{Indeterminate, Probable, Unlikely};
use wilhelm_study::{Laterality, Modality};

use crate::ground::lexicon::Cue;

/// Words and what they do; the longest that fits wins. The second is the word as the shared grammar knows it.
pub(crate) const PHRASES: &[(Cue, &str, &[&str])] = &[
    (
        Cue::Neg,
        "no",
        &[
            "未见",
            "未见明确",
            "未见明显",
            "未见确切",
            "无",
            "无明确",
            "无明显",
            "没有",
            "未发现",
            "未发现明确",
            "未发现明显",
            "未检出",
            "未显示",
            "未提示",
            "不存在",
        ],
    ),
    (
        Cue::Present,
        "seen",
        &["可见", "见", "显示", "示", "存在", "有", "发现", "检出", "查见", "看到", "诊断明确"],
    ),
    (Cue::Weak, "consistent with", &["符合"]),
    (Cue::Soft(Probable), "suggests", &["考虑", "首先考虑", "提示"]),
    (
        Cue::Hedge(Probable),
        "likely",
        &[
            "可能性大",
            "可能性较大",
            "可能性很大",
            "很可能",
            "倾向",
            "倾向于",
            "多考虑",
            "可能性高",
            "可能性较高",
        ],
    ),
    (Cue::Hedge(Indeterminate), "perhaps", &["可能"]),
    (
        Cue::Hedge(Indeterminate),
        "possible",
        &[
            "不除外",
            "不能除外",
            "不能排除",
            "不排除",
            "无法除外",
            "无法排除",
            "难以除外",
            "难以排除",
            "待排",
            "待排除",
            "待除外",
            "疑似",
            "可疑",
            "怀疑",
            "不能确定",
            "无法确定",
            "不确定",
            "不能明确",
            "不能确定是否",
            "不能确定有无",
            "无法确定是否",
            "无法确定有无",
            "不足以确定或排除",
            "既不能确定也不能排除",
            "不能确定或排除",
            "还不能确定有没有",
            "还不能确定",
        ],
    ),
    (
        Cue::Hedge(Unlikely),
        "unlikely",
        &[
            "可能性小",
            "可能性不大",
            "可能性较小",
            "可能性低",
            "可能性较低",
            "可能性很小",
            "不太可能",
            "不太像",
        ],
    ),
    (Cue::Side(Laterality::Left), "left", &["左", "左侧", "左边"]),
    (Cue::Side(Laterality::Right), "right", &["右", "右侧", "右边"]),
    (Cue::Side(Laterality::Bilateral), "bilateral", &["双", "双侧", "两侧"]),
    (Cue::Interval, "interval", &["区间", "置信区间", "可信区间", "ci", "范围"]),
    (Cue::Less, "<", &["低于", "小于", "不到"]),
    (Cue::More, ">", &["高于", "大于", "超过"]),
    (Cue::And, "and", &["及", "和", "与", "以及", "并"]),
    (Cue::Or, "or", &["或", "或者"]),
    (Cue::But, "but", &["但", "而"]),
    (Cue::With, "with", &["伴", "伴有", "合并"]),
    (Cue::To, "to", &["至", "到"]),
    (Cue::Speaker, "program", &["模型", "程序", "算法", "网络", "软件", "计算机程序", "电脑程序"]),
    (Cue::Bridge, "evidence", &["征象", "迹象", "征", "体征"]),
    (
        Cue::Bridge,
        "appearance",
        &["表现", "影像", "图像", "影像表现", "影像学表现", "影像学", "图片", "所见", "检查"],
    ),
    (
        Cue::Plain,
        "the",
        &[
            "的",
            "为",
            "是",
            "一",
            "约",
            "约为",
            "大约",
            "呈",
            "改变",
            "影",
            "其",
            "该",
            "亦",
            "也",
            "均",
            "本次",
            "目前",
            "测得",
            "诊断",
            "患者",
            "估计",
            "这",
            "图像上",
            "图像中",
            "图片上",
            "图片中",
            "影像上",
            "片上",
        ],
    ),
];

/// Words that name how an image was made, by the modality that licenses them.
pub(crate) fn modality_words(modality: Option<&Modality>) -> &'static [&'static str] {
    match modality {
        Some(Modality::Cr | Modality::Dx) => {
            &["x线", "x线片", "x线平片", "x线影像", "x光", "x光片", "平片", "胸片", "dr", "cr"]
        }
        Some(Modality::Us) => &["超声", "b超", "彩超", "声像图", "超声图像"],
        Some(Modality::Ct) => &["ct", "ct图像", "ct影像"],
        Some(Modality::Mr) => &["mr", "mri", "磁共振", "核磁共振", "mr图像"],
        Some(Modality::Pt) => &["pet", "pet图像"],
        _ => &[],
    }
}

/// Places, and the English place that licenses them.
pub(crate) const SITES: &[(&str, &str)] = &[
    ("肺", "lung"),
    ("肺部", "lung"),
    ("肺内", "lung"),
    ("肺野", "lung"),
    ("胸部", "chest"),
    ("胸", "chest"),
    ("胸腔", "pleural"),
    ("胸腔内", "pleural"),
    ("胸膜腔", "pleural"),
    ("脑", "brain"),
    ("脑部", "brain"),
    ("颅脑", "brain"),
    ("脑内", "brain"),
    ("颅内", "intracranial"),
    ("头部", "head"),
    ("乳腺", "breast"),
    ("乳房", "breast"),
    ("乳", "breast"),
    ("肾", "kidney"),
    ("肾脏", "kidney"),
    ("肾上腺", "adrenal"),
    ("肝", "liver"),
    ("肝脏", "liver"),
    ("肝内", "liver"),
    ("腹部", "abdomen"),
    ("盆腔", "pelvis"),
    ("甲状腺", "thyroid"),
    ("卵巢", "ovary"),
    ("硬膜下", "subdural"),
    ("垂体", "pituitary"),
];

/// Words for which of several measurements is meant, as the shared roles name them.
pub(crate) const ROLES: &[(&str, &[&str])] = &[
    ("最大径", &["greatest", "diameter"]),
    ("最大直径", &["greatest", "diameter"]),
    ("最小径", &["smallest", "diameter"]),
    ("最小直径", &["smallest", "diameter"]),
    ("平均直径", &["mean", "diameter"]),
    ("直径", &["diameter"]),
    ("半径", &["radius"]),
    ("体积", &["volume"]),
    ("容积", &["volume"]),
    ("量", &["volume"]),
    ("平均ct值", &["mean", "attenuation"]),
    ("平均密度", &["mean", "attenuation"]),
    ("ct值", &["attenuation"]),
    ("密度", &["attenuation"]),
    ("厚度", &["thickness"]),
    ("厚", &["thickness"]),
    ("长度", &["length"]),
    ("宽度", &["width"]),
    ("高度", &["height"]),
    ("深度", &["depth"]),
    ("面积", &["area"]),
    ("周长", &["circumference"]),
    ("长径", &["long"]),
    ("短径", &["short"]),
    ("数目", &["count"]),
    ("数量", &["count"]),
    ("个数", &["count"]),
];

/// Units in UCUM.
pub(crate) const UNITS: &[(&str, &str)] = &[
    ("mm", "mm"),
    ("毫米", "mm"),
    ("cm", "cm"),
    ("厘米", "cm"),
    ("公分", "cm"),
    ("ml", "mL"),
    ("毫升", "mL"),
    ("l", "L"),
    ("升", "L"),
    ("cm3", "mL"),
    ("立方厘米", "mL"),
    ("hu", "[hnsf'U]"),
];

/// Words that may precede a probability's number only.
pub(crate) const PROBABILITY: &[&str] = &["概率", "估计概率", "可能性", "几率", "估计几率"];

/// Counting words.
pub(crate) const MEASURE_WORDS: &[&str] = &["枚", "个", "处"];

/// Chinese numerals in front of a counting word.
pub(crate) const NUMERALS: &[(&str, f64)] = &[
    ("一", 1.0),
    ("两", 2.0),
    ("二", 2.0),
    ("三", 3.0),
    ("四", 4.0),
    ("五", 5.0),
    ("六", 6.0),
    ("七", 7.0),
    ("八", 8.0),
    ("九", 9.0),
    ("十", 10.0),
];

/// Words that refuse the sentence, and why; without them it is refused as well, with a poorer reason.
pub(crate) const REFUSED: &[(&str, &[&str])] = &[
    (
        "speaks of change, and nothing was compared",
        &[
            "较前",
            "增大",
            "缩小",
            "增多",
            "减少",
            "吸收",
            "进展",
            "好转",
            "新发",
            "新增",
            "复发",
            "稳定",
            "无变化",
            "消失",
            "愈合",
            "已愈",
            "变化",
            "恶化",
            "无明显变化",
        ],
    ),
    (
        "adds advice that no rule of this report gives",
        &[
            "建议",
            "请",
            "复查",
            "随访",
            "穿刺",
            "活检",
            "手术",
            "治疗",
            "住院",
            "就诊",
            "引流",
            "检查一下",
            "无需",
            "不必",
            "放心",
            "必须",
            "需要",
        ],
    ),
    (
        "adds a degree that no finding of this report states",
        &[
            "轻度", "中度", "重度", "重症", "少量", "大量", "少许", "大片", "严重", "轻微", "明显", "巨大",
            "多发", "散在", "弥漫", "广泛", "早期", "晚期",
        ],
    ),
    (
        "speaks of the patient's history or of someone else, which the image does not show",
        &["病史", "既往", "曾", "术后", "父", "母", "家族", "治疗后"],
    ),
    (
        "says more of certainty than a class of this report",
        &["无疑", "肯定", "绝对", "几乎", "一定", "必然", "未必"],
    ),
    (
        "can be read in two ways",
        &["除外", "排除", "左右", "否认", "有无", "不见", "不可能", "不考虑", "不支持", "不符合"],
    ),
    (
        "speaks of everything, where only the findings of this report were looked for",
        &["异常", "正常", "清晰", "健康"],
    ),
];
