//! The names of findings, of what was measured and of body parts in Chinese, and what they mean in plain words.

/// A finding's name.
pub(crate) struct Term {
    /// The English name, lower case.
    pub english: &'static str,
    /// Chinese names, the one that is written first.
    pub chinese: &'static [&'static str],
    /// What the word means, for a person without training: English and Chinese. It says nothing of a patient.
    pub plain: Option<[&'static str; 2]>,
}

const fn term(english: &'static str, chinese: &'static [&'static str]) -> Term {
    Term { english, chinese, plain: None }
}

const fn plain(
    english: &'static str,
    chinese: &'static [&'static str],
    words: &'static str,
    chinese_words: &'static str,
) -> Term {
    Term { english, chinese, plain: Some([words, chinese_words]) }
}

/// All names. Synonyms of one finding are rows of their own, as a model's card lists them.
pub(crate) const TERMS: &[Term] = &[
    plain("pneumonia", &["肺炎"], "Pneumonia is an infection of the lungs.", "肺炎是肺部的感染。"),
    term("lung infection", &["肺部感染"]),
    term("pneumonic infiltrate", &["肺炎性浸润"]),
    term("pneumonic consolidation", &["肺炎性实变"]),
    plain(
        "breast lesion",
        &["乳腺病变"],
        "A lesion is a spot that looks different from the tissue around it.",
        "病变是指看起来与周围组织不同的区域。",
    ),
    term("lesion", &["病变"]),
    plain(
        "benign breast lesion",
        &["乳腺良性病变", "良性乳腺病变"],
        "Benign means not cancer.",
        "良性是指不是癌。",
    ),
    term("benign lesion", &["良性病变"]),
    term("benign mass", &["良性肿块"]),
    term("benign breast mass", &["乳腺良性肿块"]),
    plain(
        "malignant breast lesion",
        &["乳腺恶性病变", "恶性乳腺病变"],
        "Malignant means cancer.",
        "恶性是指癌。",
    ),
    term("malignant lesion", &["恶性病变"]),
    term("malignant mass", &["恶性肿块"]),
    term("malignant breast mass", &["乳腺恶性肿块"]),
    term("malignancy", &["恶性肿瘤"]),
    term("breast cancer", &["乳腺癌"]),
    term("breast malignancy", &["乳腺恶性肿瘤"]),
    term("normal breast tissue", &["正常乳腺组织"]),
    plain(
        "tumor",
        &["肿瘤"],
        "A tumor is a growth of cells; it can be cancer or not.",
        "肿瘤是细胞的异常增生，可能是癌，也可能不是。",
    ),
    term("brain tumor", &["脑肿瘤"]),
    term("intracranial tumor", &["颅内肿瘤"]),
    plain(
        "glioma",
        &["胶质瘤", "脑胶质瘤"],
        "A glioma is a tumor that starts in the support cells of the brain.",
        "胶质瘤是起源于脑内支持细胞的肿瘤。",
    ),
    term("glial tumor", &["胶质肿瘤"]),
    plain(
        "meningioma",
        &["脑膜瘤"],
        "A meningioma is a tumor of the skin around the brain; most are not cancer.",
        "脑膜瘤是包裹大脑的膜上长出的肿瘤，多数不是癌。",
    ),
    term("meningeal tumor", &["脑膜肿瘤"]),
    plain(
        "pituitary tumor",
        &["垂体瘤", "垂体肿瘤"],
        "A pituitary tumor is a growth in a small gland at the base of the brain.",
        "垂体瘤是脑底部一个小腺体上的肿瘤。",
    ),
    term("pituitary adenoma", &["垂体腺瘤"]),
    plain(
        "renal cyst",
        &["肾囊肿"],
        "A renal cyst is a sac of fluid in a kidney.",
        "肾囊肿是肾脏内含液体的小囊。",
    ),
    term("kidney cyst", &["肾囊肿"]),
    plain(
        "adrenal nodule",
        &["肾上腺结节"],
        "An adrenal nodule is a small lump in a gland above the kidney.",
        "肾上腺结节是肾脏上方腺体内的小肿块。",
    ),
    plain(
        "hydronephrosis",
        &["肾积水"],
        "Hydronephrosis is a kidney that is swollen with urine.",
        "肾积水是尿液积在肾脏内使其胀大。",
    ),
    plain(
        "pleural effusion",
        &["胸腔积液", "胸水"],
        "A pleural effusion is fluid around a lung.",
        "胸腔积液是肺周围的液体。",
    ),
    plain(
        "pulmonary nodule",
        &["肺结节", "肺部结节", "肺内结节"],
        "A pulmonary nodule is a small spot in a lung.",
        "肺结节是肺内的小斑点。",
    ),
    term("lung nodule", &["肺结节"]),
    plain("pneumothorax", &["气胸"], "A pneumothorax is air around a lung.", "气胸是肺周围有气体。"),
    term("thyroid nodule", &["甲状腺结节"]),
    term("hepatic cyst", &["肝囊肿", "肝脏囊肿"]),
    term("liver cyst", &["肝囊肿", "肝脏囊肿"]),
    term("subdural hematoma", &["硬膜下血肿"]),
    term("ovarian cyst", &["卵巢囊肿"]),
    term("aortic aneurysm", &["主动脉瘤"]),
    term("cardiomegaly", &["心影增大", "心脏增大"]),
    term("enlarged cardiomediastinum", &["心纵隔影增宽"]),
    term("atelectasis", &["肺不张"]),
    term("consolidation", &["肺实变", "实变"]),
    term("infiltration", &["肺浸润"]),
    term("infiltrate", &["肺浸润"]),
    term("edema", &["肺水肿"]),
    term("pulmonary edema", &["肺水肿"]),
    term("emphysema", &["肺气肿"]),
    term("fibrosis", &["肺纤维化"]),
    term("pleural thickening", &["胸膜增厚"]),
    term("lung opacity", &["肺部阴影"]),
    term("lung lesion", &["肺部病变"]),
    term("mass", &["肿块"]),
    term("nodule", &["结节"]),
    term("effusion", &["积液"]),
    term("hernia", &["疝"]),
    term("hiatal hernia", &["食管裂孔疝"]),
    term("fracture", &["骨折"]),
    term("rib fracture", &["肋骨骨折"]),
    term("pulmonary embolism", &["肺栓塞"]),
    term("lymphadenopathy", &["淋巴结肿大"]),
    term("liver metastasis", &["肝转移瘤"]),
    term("gallstone", &["胆囊结石"]),
    term("kidney stone", &["肾结石"]),
    term("hydrocephalus", &["脑积水"]),
    term("intracranial hemorrhage", &["颅内出血"]),
    term("adrenal mass", &["肾上腺肿块"]),
    term("splenomegaly", &["脾大"]),
    term("hepatomegaly", &["肝大"]),
    term("ascites", &["腹腔积液", "腹水"]),
    term("pericardial effusion", &["心包积液"]),
    term("tuberculosis", &["肺结核"]),
    term("lung cancer", &["肺癌"]),
];

/// The row of an English name.
pub(crate) fn lookup(english: &str) -> Option<&'static Term> {
    let name = english.trim().to_lowercase();
    TERMS.iter().find(|term| term.english == name)
}

/// What was measured: the English name of the measurement, and the Chinese one.
pub(crate) const MEASUREMENTS: &[(&str, &str)] = &[
    ("greatest diameter", "最大径"),
    ("smallest diameter", "最小径"),
    ("diameter", "直径"),
    ("mean diameter", "平均直径"),
    ("volume", "体积"),
    ("mean attenuation", "平均CT值"),
    ("attenuation", "CT值"),
    ("thickness", "厚度"),
    ("length", "长度"),
    ("width", "宽度"),
    ("height", "高度"),
    ("depth", "深度"),
    ("area", "面积"),
    ("circumference", "周长"),
    ("long axis", "长径"),
    ("short axis", "短径"),
    ("count", "数目"),
];

/// Body parts in Chinese.
pub(crate) const PARTS: &[(&str, &str)] = &[
    ("chest", "胸部"),
    ("thorax", "胸部"),
    ("breast", "乳腺"),
    ("brain", "颅脑"),
    ("head", "头部"),
    ("abdomen", "腹部"),
    ("pelvis", "盆腔"),
    ("neck", "颈部"),
    ("hand", "手部"),
    ("foot", "足部"),
    ("knee", "膝关节"),
    ("hip", "髋关节"),
    ("spine", "脊柱"),
    ("shoulder", "肩关节"),
    ("heart", "心脏"),
    ("liver", "肝脏"),
    ("kidney", "肾脏"),
    ("thyroid", "甲状腺"),
];

/// The Chinese word of a table.
pub(crate) fn word(table: &'static [(&'static str, &'static str)], english: &str) -> Option<&'static str> {
    let name = english.trim().to_lowercase();
    table.iter().find(|(word, _)| *word == name).map(|(_, chinese)| *chinese)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_english_name_has_two_rows_and_every_row_has_a_chinese_name() {
        let names: BTreeSet<&str> = TERMS.iter().map(|term| term.english).collect();
        assert_eq!(names.len(), TERMS.len());
        for term in TERMS {
            assert!(!term.chinese.is_empty(), "{}", term.english);
            assert!(term.chinese.iter().all(|name| name.chars().all(|c| !c.is_ascii())), "{}", term.english);
        }
    }

    #[test]
    fn a_definition_speaks_of_no_patient() {
        for [english, chinese] in TERMS.iter().filter_map(|term| term.plain) {
            assert!(!english.to_lowercase().contains("you"), "{english}");
            assert!(!chinese.contains('您') && !chinese.contains('你'), "{chinese}");
        }
    }
}
