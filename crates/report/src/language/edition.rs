//! A report for another language or another reader.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilhelm_study::{Certainty, Evidence, EvidenceId, EvidenceSource, FindingId};

use super::{Audience, Language, Length, Voice, chinese, fixed, glossary, reading, sayings};
use crate::report::{DISCLAIMER, Heading, Report, SIGNED_DISCLAIMER, Sentence, State};
use crate::rule::rule;
use crate::{Claim, GroundContext, same_meaning};

/// Where a line's words come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineOrigin {
    /// Written for this edition from the sentence's claim.
    Written,
    /// Holds the original words of somebody else, in their language.
    Quoted,
    /// The report's own sentence stands, since the gate did not let other words in.
    Original,
    /// Said by this edition only, on the ground of a rule.
    Added,
}

/// One sentence of the report in the words of an edition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// The report's sentence; none for what the edition adds.
    pub sentence: Option<String>,
    /// The words.
    pub text: String,
    /// What they assert: the claim of the sentence.
    pub claim: Claim,
    /// What bears it; never empty.
    pub bears: Vec<EvidenceId>,
    /// The findings it speaks of.
    pub findings: Vec<FindingId>,
    /// Where the words come from.
    pub origin: LineOrigin,
}

/// One section of an edition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EditionSection {
    /// Which.
    pub heading: Heading,
    /// As printed.
    pub title: String,
    /// Its lines, in order.
    pub lines: Vec<Line>,
}

/// A report in the words of one voice: the same claims on the same evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Edition {
    /// [`crate::SCHEMA_VERSION`] of the report it was made from.
    pub schema_version: String,
    /// The report it was made from.
    pub report: String,
    /// Language and reader.
    #[serde(flatten)]
    pub voice: Voice,
    /// What was examined, as a title.
    pub title: String,
    /// Where the report stands.
    #[serde(default = "draft")]
    pub state: State,
    /// What every report says of itself.
    pub disclaimer: String,
    /// Sections in the order of the report.
    pub sections: Vec<EditionSection>,
    /// What words of the report mean; for patients only.
    pub words: Vec<String>,
    /// Evidence that only this edition stands on: rules.
    pub evidence: Vec<Evidence>,
    /// How long it is, and how hard to read.
    pub length: Length,
}

/// The state of an edition that names none: earlier versions of this program made them of drafts alone.
const fn draft() -> State {
    State::Draft
}

const HEADINGS: [(Heading, [&str; 4]); 8] = [
    (Heading::Indication, ["Indication", "临床资料", "Why the picture was taken", "检查原因"]),
    (Heading::Technique, ["Technique", "检查技术", "How it was done", "检查方式"]),
    (Heading::Comparison, ["Comparison", "对比", "Older pictures", "以往图像"]),
    (Heading::Findings, ["Findings", "影像学表现", "What the program found", "程序看到了什么"]),
    (Heading::Impression, ["Impression", "诊断意见", "In short", "简要结论"]),
    (Heading::Reference, ["Reference information", "参考资料（一般知识，非针对本例）", "", ""]),
    (Heading::Recommendation, ["Recommendation", "建议", "What to do now", "接下来怎么做"]),
    (
        Heading::Limitations,
        ["Limitations", "局限性", "What this report can not tell", "这份报告不能说明什么"],
    ),
];

/// A report in the words of a voice. In the report's own voice it is the report again.
///
/// Each sentence about findings is written from its claim and then read by the gate, which must find exactly that claim in
/// it; where it does not, the report's own sentence stands. Sentences with a fixed wording have one for each voice; what
/// others wrote (the request, a defect, a caution this program has no words for) is quoted in its original words. For
/// patients the edition adds whom to ask, and, wherever something was not found, that this does not mean health.
pub fn edition(report: &Report, voice: Voice) -> Edition {
    let context = GroundContext::of(report);
    let mut sections: Vec<EditionSection> = report
        .sections
        .iter()
        // What else might look the same is for who can weigh it.
        .filter(|section| voice.audience == Audience::Clinician || section.heading != Heading::Reference)
        .map(|section| EditionSection {
            heading: section.heading,
            title: heading(section.heading, voice).to_owned(),
            lines: section.sentences.iter().map(|sentence| line(sentence, report, &context, voice)).collect(),
        })
        .collect();
    let mut evidence = Vec::new();
    if voice.audience == Audience::Patient {
        add(&mut sections, &mut evidence, "R-ASK", Heading::Recommendation, voice);
        let denies = report.findings.iter().any(|finding| {
            let absent = matches!(finding.certainty, Certainty::Absent | Certainty::Unlikely);
            absent != finding.normal
        });
        let said = report.sentences().any(|(_, sentence)| sentence.text == rule("R-NEGATIVE").text);
        if denies && !said {
            add(&mut sections, &mut evidence, "R-NEGATIVE", Heading::Limitations, voice);
        }
    }
    let words = if voice.audience == Audience::Patient { definitions(report, voice) } else { Vec::new() };
    let length = length(&sections, &words, voice);
    Edition {
        schema_version: report.schema_version.clone(),
        report: report.id.clone(),
        voice,
        title: match voice.language {
            Language::En => report.title.clone(),
            Language::Zh => chinese::title(&report.exam),
        },
        state: report.state,
        disclaimer: disclaimer(voice, report.state).to_owned(),
        sections,
        words,
        evidence,
        length,
    }
}

pub(super) fn heading(heading: Heading, voice: Voice) -> &'static str {
    let words = HEADINGS.iter().find(|(known, _)| *known == heading);
    words.map_or(heading.title(), |(_, words)| voice.pick(*words))
}

const fn disclaimer(voice: Voice, state: State) -> &'static str {
    if !matches!(state, State::Draft) {
        return voice.pick([
            SIGNED_DISCLAIMER,
            "科研软件，非医疗器械。本报告由程序起草、经人签名，不得用于诊断或治疗。",
            "Research software drafted this report, and a person signed it. The software is not a medical device. Do not use the \
             report to decide what you have or how to treat it.",
            "这份报告由科研软件起草，经人签名；该软件不是医疗器械。不要用它来判断病情或决定治疗。",
        ]);
    }
    voice.pick([
        DISCLAIMER,
        "科研软件，非医疗器械。本报告是程序生成的草稿，不得用于诊断或治疗。",
        "Research software made this draft. The software is not a medical device. Do not use the draft to decide what you have \
         or how to treat it.",
        "这是科研软件生成的草稿，该软件不是医疗器械。不要用它来判断病情或决定治疗。",
    ])
}

fn line(sentence: &Sentence, report: &Report, context: &GroundContext, voice: Voice) -> Line {
    let (text, origin) = words(sentence, report, context, voice);
    Line {
        sentence: Some(sentence.id.clone()),
        text,
        claim: sentence.claim.clone(),
        bears: sentence.bears.clone(),
        findings: sentence.findings.clone(),
        origin,
    }
}

fn words(
    sentence: &Sentence,
    report: &Report,
    context: &GroundContext,
    voice: Voice,
) -> (String, LineOrigin) {
    let own = || (sentence.text.clone(), LineOrigin::Original);
    if voice.is_own() {
        return own();
    }
    let about_findings = !sentence.claim.statements().is_empty();
    if about_findings || matches!(sentence.claim, Claim::Change { .. }) {
        let said = match &sentence.claim {
            Claim::Change { finding, change, compared } => {
                sayings::say_change(finding, *change, compared.as_ref(), report, voice)
            }
            claim => sayings::say(claim.statements(), report, voice),
        };
        return match said.filter(|text| same_meaning(&sentence.claim, text, context).accepted) {
            Some(text) => (text, LineOrigin::Written),
            None => own(),
        };
    }
    if let Claim::Reference { says } = &sentence.claim {
        return super::reference::say(says, voice).unwrap_or_else(own);
    }
    let name =
        sentence.findings.first().and_then(|id| report.finding(id)).map(|f| f.observation.name.as_str());
    match fixed(sentence, &report.exam, name, voice) {
        Some((text, false)) => (text, LineOrigin::Written),
        Some((text, true)) => (text, LineOrigin::Quoted),
        None => own(),
    }
}

/// Adds a rule's sentence at the end of a section.
fn add(
    sections: &mut Vec<EditionSection>,
    evidence: &mut Vec<Evidence>,
    id: &str,
    place: Heading,
    voice: Voice,
) {
    let rule = rule(id);
    let Some(text) = super::fixed::of_rule(id, voice) else { return };
    let claim = match place {
        Heading::Recommendation => Claim::Recommendation { rule: id.to_owned(), applied: None },
        _ => Claim::Limitation { rule: id.to_owned() },
    };
    evidence.push(Evidence {
        id: EvidenceId(id.to_owned()),
        source: EvidenceSource::rule(rule.citation),
        summary: rule.text.to_owned(),
    });
    let line = Line {
        sentence: None,
        text: text.to_owned(),
        claim,
        bears: vec![EvidenceId(id.to_owned())],
        findings: Vec::new(),
        origin: LineOrigin::Added,
    };
    match sections.iter_mut().find(|section| section.heading == place) {
        Some(section) => section.lines.push(line),
        None => sections.push(EditionSection {
            heading: place,
            title: heading(place, voice).to_owned(),
            lines: vec![line],
        }),
    }
}

/// What the names of the findings mean, in the order of the findings; it says nothing of the patient.
fn definitions(report: &Report, voice: Voice) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    for finding in &report.findings {
        let name = finding.observation.name.trim().to_lowercase();
        let term = glossary::lookup(name.strip_prefix("no ").unwrap_or(&name));
        let Some([english, chinese]) = term.and_then(|term| term.plain) else { continue };
        let text = if voice.language == Language::En { english } else { chinese };
        if !said.iter().any(|known| known == text) {
            said.push(text.to_owned());
        }
    }
    said
}

/// Of what this edition says itself: quotations are left out.
fn length(sections: &[EditionSection], words: &[String], voice: Voice) -> Length {
    let lines = sections.iter().flat_map(|section| &section.lines);
    let said = lines.filter(|line| line.origin != LineOrigin::Quoted).map(|line| line.text.as_str());
    let text: Vec<&str> = said.chain(words.iter().map(String::as_str)).collect();
    reading::length(&text.join(" "), voice.language)
}

impl Edition {
    /// What is wrong with the edition, if anything: a sentence about findings that does not say what its claim says, or
    /// words that are none of this program's.
    ///
    /// # Errors
    /// The line and why the gate refuses it.
    pub fn check(&self, report: &Report) -> Result<(), String> {
        let context = GroundContext::of(report);
        for line in self.sections.iter().flat_map(|section| &section.lines) {
            if line.bears.is_empty() {
                return Err(format!("\"{}\" bears no evidence, expected at least one", line.text));
            }
            if line.claim.statements().is_empty() && !matches!(line.claim, Claim::Change { .. }) {
                let expected = match &line.sentence {
                    Some(id) => {
                        report.sentence(id).map(|sentence| words(sentence, report, &context, self.voice).0)
                    }
                    None => line
                        .bears
                        .first()
                        .and_then(|id| super::fixed::of_rule(&id.0, self.voice))
                        .map(str::to_owned),
                };
                if expected.as_deref() != Some(line.text.as_str()) {
                    return Err(format!("\"{}\" is no wording of its rule or sentence", line.text));
                }
                continue;
            }
            let verdict = same_meaning(&line.claim, &line.text, &context);
            let own = line.sentence.as_ref().and_then(|id| report.sentence(id));
            if !verdict.accepted && own.is_none_or(|own| own.text != line.text) {
                return Err(format!("\"{}\" {}", line.text, verdict.reason));
            }
        }
        Ok(())
    }

    /// Whether a finding is named in another language than the edition's: this program has no Chinese name for it.
    pub fn names_missing(&self, report: &Report) -> Vec<String> {
        if self.voice.language == Language::En {
            return Vec::new();
        }
        let missing = report.findings.iter().filter(|finding| !chinese::has_name(finding));
        missing.map(|finding| finding.observation.name.clone()).collect()
    }
}
