//! Sentences about findings in each voice, from the claim alone.

use wilhelm_study::{Certainty, Finding, FindingId};

use super::{Audience, Language, Voice, chinese, glossary, plain};
use crate::change::{Change, Compared};
use crate::write::words::{self, capital, complement};
use crate::{Report, Statement};

/// What a sentence is about: a state of health named `no tumor` is spoken of as its contrary, a tumor.
struct Subject<'a> {
    finding: &'a Finding,
    /// The English name, without `no`.
    name: &'a str,
    /// How sure, of that name.
    certainty: Certainty,
    /// Whether the finding is the contrary of what is named.
    contrary: bool,
}

impl<'a> Subject<'a> {
    fn of(finding: &'a Finding) -> Option<Self> {
        let name = finding.observation.name.trim();
        if name.eq_ignore_ascii_case("normal") {
            return None;
        }
        Some(match name.strip_prefix("no ").or_else(|| name.strip_prefix("No ")) {
            Some(name) => Self { finding, name, certainty: complement(finding.certainty), contrary: true },
            None => Self { finding, name, certainty: finding.certainty, contrary: false },
        })
    }

    fn named(&self, language: Language) -> String {
        match language {
            Language::En => plain::named(self.name, self.finding),
            Language::Zh => chinese::named(&chinese::name(self.name), self.finding.laterality),
        }
    }

    fn measured(&self, language: Language) -> String {
        match language {
            Language::En => plain::measured(&self.finding.measurements),
            Language::Zh => chinese::measured(&self.finding.measurements),
        }
    }

    /// The clause that states the probability.
    fn probability(&self, voice: Voice) -> String {
        let interval = &self.finding.probability;
        match (voice.language, self.contrary) {
            (Language::En, false) => format!("; the estimated chance is {}", words::probability(interval)),
            (Language::En, true) => {
                format!("; the estimated chance of no {} is {}", self.name, words::probability(interval))
            }
            (Language::Zh, false) => format!("；估计概率{}", chinese::probability(interval)),
            (Language::Zh, true) => {
                format!("；无{}的估计概率{}", chinese::name(self.name), chinese::probability(interval))
            }
        }
    }
}

/// The sentence that states a claim about findings in a voice; `None` where this program has no words for it.
pub(super) fn say(statements: &[Statement], report: &Report, voice: Voice) -> Option<String> {
    let subjects: Vec<Subject<'_>> = statements
        .iter()
        .map(|statement| report.finding(&statement.finding).and_then(Subject::of))
        .collect::<Option<_>>()?;
    match (statements, subjects.as_slice()) {
        ([statement], [subject]) => Some(one(statement, subject, voice)),
        (_, [first, ..]) => {
            let same = subjects.iter().all(|subject| subject.certainty == first.certainty);
            let bare = statements.iter().all(|s| s.quantities.is_empty() && s.probability.is_none());
            let names: Vec<String> = subjects.iter().map(|subject| subject.named(voice.language)).collect();
            (same && bare).then(|| several(&names, first.certainty, voice)).flatten()
        }
        _ => None,
    }
}

/// The sentence that states a change in a voice.
pub(super) fn say_change(
    finding: &FindingId,
    change: Change,
    compared: Option<&Compared>,
    report: &Report,
    voice: Voice,
) -> Option<String> {
    let subject = report.finding(finding).and_then(Subject::of)?;
    let named = subject.named(voice.language);
    if voice.language == Language::En {
        let bare = named.trim_start_matches("an ").trim_start_matches("a ");
        let named = if change == Change::New { named.clone() } else { format!("the {bare}") };
        return Some(crate::ground::say_change(&named, change, compared));
    }
    let words = match (change, voice.audience) {
        (Change::New, _) => format!("新发{named}"),
        (Change::Gone, _) => format!("{named}已消失"),
        (Change::Persistent, Audience::Clinician) => format!("{named}非新发"),
        (Change::Persistent, Audience::Patient) => format!("{named}以前就有"),
        (Change::Grown, Audience::Clinician) => format!("{named}较前增大"),
        (Change::Grown, Audience::Patient) => format!("{named}比以前变大"),
        (Change::Shrunk, Audience::Clinician) => format!("{named}较前缩小"),
        (Change::Shrunk, Audience::Patient) => format!("{named}比以前变小"),
        (Change::Stable, Audience::Clinician) => format!("{named}大小较前无明显变化"),
        (Change::Stable, Audience::Patient) => format!("{named}大小没有明显变化"),
    };
    let numbers = compared.map_or_else(String::new, |c| {
        let name = glossary::word(glossary::MEASUREMENTS, &c.name).unwrap_or(&c.name);
        format!("，{name}现为{}，原为{}", words::quantity(&c.now), words::quantity(&c.before))
    });
    Some(format!("{words}{numbers}。"))
}

fn one(statement: &Statement, subject: &Subject<'_>, voice: Voice) -> String {
    let full = statement.probability.is_some();
    let numbers =
        if statement.quantities.is_empty() { String::new() } else { subject.measured(voice.language) };
    let named = subject.named(voice.language);
    let head = match (voice.audience, voice.language) {
        (Audience::Patient, Language::En) => patient(&named, subject.certainty),
        (Audience::Patient, Language::Zh) => patient_chinese(&named, subject.certainty),
        (Audience::Clinician, Language::Zh) if full => findings_chinese(&named, subject.certainty),
        (Audience::Clinician, Language::Zh) => impression_chinese(&named, subject.certainty),
        // The report's own voice is the writer's; this is never asked for.
        (Audience::Clinician, Language::En) => patient(&named, subject.certainty),
    };
    let probability = if full { subject.probability(voice) } else { String::new() };
    let stop = match voice.language {
        Language::En => ".",
        Language::Zh => "。",
    };
    format!("{head}{numbers}{probability}{stop}")
}

fn patient(named: &str, certainty: Certainty) -> String {
    match certainty {
        Certainty::Present => format!("The picture shows signs of {named}"),
        Certainty::Probable => format!("{} is likely", capital(named)),
        Certainty::Indeterminate => format!("{} may or may not be present", capital(named)),
        Certainty::Unlikely => format!("{} is unlikely", capital(named)),
        Certainty::Absent => format!("The picture shows no signs of {named}"),
    }
}

fn patient_chinese(named: &str, certainty: Certainty) -> String {
    match certainty {
        Certainty::Present => format!("图片上有{named}的迹象"),
        Certainty::Probable => format!("很可能有{named}"),
        Certainty::Indeterminate => format!("还不能确定有没有{named}"),
        Certainty::Unlikely => format!("{named}的可能性较小"),
        Certainty::Absent => format!("图片上没有看到{named}的迹象"),
    }
}

fn findings_chinese(named: &str, certainty: Certainty) -> String {
    match certainty {
        Certainty::Present => format!("影像表现符合{named}"),
        Certainty::Probable => format!("考虑{named}可能性大"),
        Certainty::Indeterminate => format!("影像表现不足以确定或排除{named}"),
        Certainty::Unlikely => format!("{named}可能性小"),
        Certainty::Absent => format!("未见{named}征象"),
    }
}

fn impression_chinese(named: &str, certainty: Certainty) -> String {
    match certainty {
        Certainty::Present => format!("符合{named}表现"),
        Certainty::Probable => format!("考虑{named}可能性大"),
        Certainty::Indeterminate => format!("不除外{named}"),
        Certainty::Unlikely => format!("{named}可能性小"),
        Certainty::Absent => format!("未见{named}征象"),
    }
}

fn several(names: &[String], certainty: Certainty, voice: Voice) -> Option<String> {
    let chinese = |last: &str| chinese::list(names, last);
    let english = |last: &str| plain::list(names, last);
    Some(match (certainty, voice.language, voice.audience) {
        (Certainty::Unlikely, Language::Zh, Audience::Clinician) => format!("{}可能性小。", chinese("及")),
        (Certainty::Unlikely, Language::Zh, Audience::Patient) => format!("{}的可能性较小。", chinese("和")),
        (Certainty::Unlikely, Language::En, _) => format!("{} are unlikely.", capital(&english("and"))),
        (Certainty::Absent, Language::Zh, Audience::Clinician) => format!("未见{}征象。", chinese("或")),
        (Certainty::Absent, Language::Zh, Audience::Patient) => {
            format!("图片上没有看到{}的迹象。", chinese("或"))
        }
        (Certainty::Absent, Language::En, _) => format!("The picture shows no signs of {}.", english("or")),
        _ => return None,
    })
}
