//! An edition as a page and as text for a terminal.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html as markup};
use wilhelm_study::Finding;

use super::edition::{Edition, Line, LineOrigin, heading};
use super::{Audience, Language, Length, Voice, chinese};
use crate::html::{STYLE, part_name, tone};
use crate::report::{Heading, State};
use crate::write::words;
use crate::{HtmlImages, Report};

const WIDTH: usize = 88;

/// Fonts that hold Chinese, before those of the page.
const CHINESE_FONTS: &str = "body{font-family:\"Noto Sans CJK SC\",\"Noto Sans SC\",\"PingFang SC\",\"Microsoft YaHei\",\
\"Source Han Sans SC\",sans-serif}h2{text-transform:none;letter-spacing:.04em}";

/// The length in words of its language.
pub(crate) fn spoken(length: &Length, voice: Voice) -> String {
    match (length, voice.language) {
        (Length::FleschKincaid { sentences, words, grade, .. }, _) => {
            format!("Reading level: Flesch-Kincaid grade {grade:.1} ({words} words in {sentences} sentences)")
        }
        (Length::Characters { sentences, characters, mean }, _) => {
            format!("篇幅：{characters}字，{sentences}句，平均每句{mean:.1}字")
        }
    }
}

/// An edition as one page that asks nothing of the network, as [`crate::html()`] makes one of a report.
pub fn edition_html(edition: &Edition, report: &Report, images: &HtmlImages) -> String {
    let voice = edition.voice;
    let say = |words: [&'static str; 4]| voice.pick(words);
    let lang = match voice.language {
        Language::En => "en",
        Language::Zh => "zh-Hans",
    };
    let page = markup! {
        (DOCTYPE)
        html lang=(lang) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'; img-src data:";
                title { (edition.title) " - " (kind(edition)) }
                style { (PreEscaped(STYLE)) @if voice.language == Language::Zh { (PreEscaped(CHINESE_FONTS)) } }
            }
            body {
                div.banner role="note" {
                    strong { (state_title(edition)) } " " (edition.disclaimer)
                }
                main {
                    header {
                        h1 { (edition.title) }
                        p.meta {
                            (say(["Report ", "报告编号 ", "Report ", "报告编号 "])) code { (edition.report) } " \u{b7} "
                            (stands(edition, report))
                            " \u{b7} " (spoken(&edition.length, voice))
                        }
                    }
                    (pictures(images, voice))
                    @if voice.audience == Audience::Clinician && !report.findings.is_empty() { (findings(report, voice)) }
                    div.report {
                        @for section in &edition.sections {
                            @if !section.lines.is_empty() {
                                section class={ "part part-" (part_name(section.heading)) } {
                                    h2 { (section.title) }
                                    @if section.heading == Heading::Impression && section.lines.len() > 1 {
                                        ol { @for line in &section.lines { li { (row(line, report, voice)) } } }
                                    } @else {
                                        @for line in &section.lines { p { (row(line, report, voice)) } }
                                    }
                                }
                            }
                        }
                    }
                    @if !edition.words.is_empty() {
                        section.card {
                            h2 { (say(["Words", "名词", "What the words mean", "名词解释"])) }
                            @for words in &edition.words { p { (words) } }
                        }
                    }
                    p.small {
                        (say([
                            "",
                            "本报告与英文报告依据同一组结论和证据；句后的编号指向report.json中的证据。",
                            "This report says what the report for doctors says, on the same evidence. The marks name the evidence in \
                             report.json.",
                            "这份报告与给医生的报告内容一致，依据相同；标记指向report.json中的证据。",
                        ]))
                    }
                }
            }
        }
    };
    page.into_string()
}

/// The state as a title, with its full stop.
pub(crate) const fn state_title(edition: &Edition) -> &'static str {
    edition.voice.pick(match edition.state {
        State::Draft => ["Draft.", "草稿。", "Draft.", "草稿。"],
        State::Preliminary => ["Preliminary.", "初步报告。", "First report.", "初步报告。"],
        State::Final => ["Final.", "正式报告。", "Final report.", "正式报告。"],
        State::Amended => ["Amended.", "更正报告。", "Corrected report.", "更正后的报告。"],
        State::Addendum => [
            "Final with addendum.",
            "正式报告（有补充）。",
            "Final report with an addition.",
            "正式报告（有补充）。",
        ],
    })
}

/// What kind of document it is, for its title.
pub(crate) const fn kind(edition: &Edition) -> &'static str {
    edition.voice.pick(match edition.state {
        State::Draft => ["draft report", "报告草稿", "draft report in plain words", "报告草稿（通俗版）"],
        _ => ["report", "报告", "report in plain words", "报告（通俗版）"],
    })
}

/// Where it stands, and who signed it last.
pub(crate) fn stands(edition: &Edition, report: &Report) -> String {
    let voice = edition.voice;
    match report.signatures.last() {
        None => voice
            .pick([
                "draft, not signed",
                "草稿，未签名",
                "draft, not signed by a doctor",
                "草稿，没有医生签名",
            ])
            .to_owned(),
        Some(last) if voice.language == Language::Zh => format!("{}签名，{}", last.name(), last.at.spoken()),
        Some(last) => format!("signed by {}, {}", last.name(), last.at.spoken()),
    }
}

/// What stands under the colors of a network.
pub(crate) const fn overlay_caption(voice: Voice) -> &'static str {
    voice.pick([
        "",
        "提高评分的区域（Grad-CAM）：表示网络关注的部位，不表示病灶位置。",
        "Colors show where the program looked. They do not show where disease is.",
        "颜色表示程序关注的地方，不表示病变的位置。",
    ])
}

fn pictures(images: &HtmlImages, voice: Voice) -> Markup {
    let uri = |png: &[u8]| format!("data:image/png;base64,{}", STANDARD.encode(png));
    let overlay = overlay_caption(voice);
    markup! {
        @for image in &images.pictures {
            div.pictures {
                figure {
                    img src=(uri(&image.png)) alt=(image.caption);
                    figcaption { (image.caption) }
                }
                @if let Some(png) = &image.overlay_png {
                    figure {
                        img src=(uri(png)) alt=(overlay);
                        figcaption { (overlay) }
                    }
                }
            }
        }
    }
}

/// The table of what was looked for, in Chinese for clinicians.
fn findings(report: &Report, voice: Voice) -> Markup {
    let mut ordered: Vec<&Finding> = report.findings.iter().collect();
    ordered.sort_by_key(|finding| words::rank(finding));
    let say = |words: [&'static str; 2]| voice.pick([words[0], words[1], "", ""]);
    markup! {
        section.card {
            h2 { (say(["What was looked for", "检测项目"])) }
            table.findings {
                thead { tr {
                    th { (say(["Finding", "项目"])) } th { (say(["Certainty", "确定程度"])) }
                    th { (say(["Calibrated probability", "校准概率"])) } th { (say(["Borne by", "依据"])) }
                } }
                tbody { @for finding in ordered { (finding_row(finding)) } }
            }
        }
    }
}

/// A finding in the words of the Chinese table: its name with its side, its class, its measurements, its probability.
pub(crate) fn chinese_row(finding: &Finding) -> [String; 4] {
    let class = words::chinese_class(finding);
    let name = finding.observation.name.trim();
    let named = match name.strip_prefix("no ") {
        Some(rest) => format!("无{}", chinese::named(&chinese::name(rest), finding.laterality)),
        None => chinese::named(&chinese::name(name), finding.laterality),
    };
    let numbers = chinese::measured(&finding.measurements).trim_start_matches('，').to_owned();
    [named, class.to_owned(), numbers, chinese::probability(&finding.probability)]
}

fn finding_row(finding: &Finding) -> Markup {
    let tone = tone(finding);
    let [named, word, numbers, probability] = chinese_row(finding);
    let p = &finding.probability;
    let bar = format!("width:{:.1}%", p.estimate.value() * 100.0);
    let (low, high) = (p.low.value() * 100.0, p.high.value() * 100.0);
    let whisker = format!("left:{low:.1}%;width:{:.1}%", (high - low).max(0.4));
    markup! {
        tr {
            td { span.name { (named) } @if !numbers.is_empty() { div.small { (numbers) } } }
            td { span class={ "tag " (tone) } { (word) } }
            td {
                div.bar aria-hidden="true" {
                    div class={ "fill " (tone) } style=(bar) {}
                    div.whisker style=(whisker) {}
                }
                div.small { (probability) }
            }
            td { span.chips { @for id in &finding.evidence { span.chip { (id) } } } }
        }
    }
}

fn row(line: &Line, report: &Report, voice: Voice) -> Markup {
    let foreign = voice.language == Language::Zh && line.origin == LineOrigin::Original;
    markup! {
        @if foreign { bdi lang="en" { (line.text) } } @else { bdi { (line.text) } }
        " "
        span.chips {
            @for id in &line.bears {
                @let summary = report.evidence.iter().find(|e| &e.id == id).map(|e| e.summary.as_str());
                span.chip title=(summary.unwrap_or_default()) { (id) }
            }
        }
    }
}

/// An edition as plain text: lines of at most 88 columns, of which a Chinese character takes two.
pub fn edition_text(edition: &Edition) -> String {
    let mut out = String::new();
    let voice = edition.voice;
    wrap(&mut out, &edition.title.to_uppercase(), "", "");
    let state = state_title(edition).to_uppercase();
    let gap = if voice.language == Language::Zh { "" } else { " " };
    wrap(&mut out, &format!("{state}{gap}{}", edition.disclaimer), "", "");
    for section in edition.sections.iter().filter(|section| !section.lines.is_empty()) {
        out.push('\n');
        out.push_str(&heading(section.heading, voice).to_uppercase());
        out.push('\n');
        let numbered = section.heading == Heading::Impression && section.lines.len() > 1;
        for (index, line) in section.lines.iter().enumerate() {
            let bears: Vec<&str> = line.bears.iter().map(|id| id.0.as_str()).collect();
            let text = format!("{} [{}]", line.text, bears.join(", "));
            if numbered {
                wrap(&mut out, &text, &format!("  {}. ", index + 1), "     ");
            } else {
                wrap(&mut out, &text, "  ", "  ");
            }
        }
    }
    if !edition.words.is_empty() {
        out.push('\n');
        out.push_str(voice.pick(["WORDS", "名词", "WHAT THE WORDS MEAN", "名词解释"]));
        out.push('\n');
        for words in &edition.words {
            wrap(&mut out, words, "  ", "  ");
        }
    }
    out.push('\n');
    wrap(&mut out, &spoken(&edition.length, voice), "", "");
    out
}

/// Columns that a character takes on a terminal.
const fn columns(c: char) -> usize {
    match c {
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// Writes `line` in lines of at most [`WIDTH`] columns. A line may break at a space and after a wide character; no line
/// begins with a mark.
fn wrap(out: &mut String, line: &str, first: &str, rest: &str) {
    let clean: String = line.chars().map(|c| if crate::text::is_unseen(c) { ' ' } else { c }).collect();
    let mut words: Vec<String> = Vec::new();
    for c in clean.chars() {
        let mark = matches!(c, '，' | '。' | '；' | '：' | '、' | '）' | '”' | '～' | '%');
        match words.last_mut() {
            Some(last) if c == ' ' => last.push(' '),
            Some(last) if mark => last.push(c),
            Some(last)
                if columns(c) == 1 && !last.ends_with(' ') && last.chars().all(|c| columns(c) == 1) =>
            {
                last.push(c)
            }
            Some(last) if last.ends_with('（') || last.ends_with('“') => last.push(c),
            _ if c == ' ' => {}
            _ => words.push(c.to_string()),
        }
    }
    let width = |text: &str| text.chars().map(columns).sum::<usize>();
    let mut current = first.to_owned();
    let mut fresh = true;
    for word in words {
        if !fresh && width(&current) + width(word.trim_end()) > WIDTH {
            out.push_str(current.trim_end());
            out.push('\n');
            current = rest.to_owned();
        }
        current.push_str(&word);
        fresh = false;
    }
    out.push_str(current.trim_end());
    out.push('\n');
}
