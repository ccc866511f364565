/// Elements whose content is no text to read.
const SILENT: [&str; 7] = ["script", "style", "template", "noscript", "nav", "svg", "head"];
/// Elements that end a line of text.
const BLOCKS: [&str; 25] = [
    "p",
    "div",
    "br",
    "li",
    "ul",
    "ol",
    "table",
    "tr",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "section",
    "article",
    "header",
    "footer",
    "blockquote",
    "pre",
    "dd",
    "dt",
    "dl",
    "figcaption",
    "hr",
];

/// Title and text of a web page. Scripts, styles, comments and navigation are left out, and so is what a page hides by
/// `hidden` or `aria-hidden`; whatever the markup, this ends.
#[must_use]
pub fn of_html(page: &str) -> (Option<String>, String) {
    let mut text = String::with_capacity(page.len() / 2);
    let mut title = None;
    // The element that is being passed over, and how many of its name are open.
    let mut silent: Option<(String, usize)> = None;
    let mut rest = page;
    let mut unended = false;
    while let Some(open) = rest.find('<') {
        if silent.is_none() {
            text.push_str(&decoded(&rest[..open]));
        }
        rest = &rest[open..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        let named =
            rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!' || c == '?');
        // Where no tag ends any more there is none: looked for once, not at each "<".
        unended |= named && !rest.contains('>');
        let Some(end) = (!unended && named).then(|| rest.find('>')).flatten() else {
            // A "<" of the text itself: "p < 0.05".
            if silent.is_none() {
                text.push('<');
            }
            rest = &rest[1..];
            continue;
        };
        let tag = &rest[1..end];
        rest = &rest[end + 1..];
        let closes = tag.starts_with('/');
        let name = tag.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next();
        let name = name.unwrap_or_default().to_ascii_lowercase();
        if name == "title" && !closes && title.is_none() {
            let until = rest.find("</").unwrap_or(rest.len());
            let found = even(&decoded(&rest[..until]));
            title = (!found.is_empty()).then_some(found);
        }
        let empty = tag.ends_with('/');
        match &mut silent {
            Some((of, depth)) if *of == name => {
                *depth = if closes { *depth - 1 } else { *depth + usize::from(!empty) };
                if *depth == 0 {
                    silent = None;
                }
            }
            Some(_) => {}
            None if closes || empty => {}
            None if SILENT.contains(&name.as_str()) || is_hidden(tag) => silent = Some((name.clone(), 1)),
            None => {}
        }
        if silent.is_none() && BLOCKS.contains(&name.as_str()) {
            text.push_str("\n\n");
        }
    }
    if silent.is_none() {
        text.push_str(&decoded(rest));
    }
    let lines: Vec<String> = text.split("\n\n").map(even).filter(|line| !line.is_empty()).collect();
    (title, lines.join("\n\n"))
}

fn is_hidden(tag: &str) -> bool {
    let void = [
        "input", "img", "br", "hr", "meta", "link", "area", "base", "col", "embed", "source", "track", "wbr",
    ];
    let mut words = tag.split_ascii_whitespace();
    let name = words.next().unwrap_or_default().to_ascii_lowercase();
    let attribute = words.any(|word| {
        let word = word.to_ascii_lowercase().replace('\'', "\"");
        word == "hidden" || word.starts_with("hidden=") || word.starts_with("aria-hidden=\"true\"")
    });
    // A style wherever it stands in the tag: white space in it counts for nothing.
    let close: String = tag.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    let style = close.contains("style=")
        && ["display:none", "visibility:hidden"].iter().any(|way| close.contains(way));
    !void.contains(&name.as_str()) && (attribute || style)
}

fn even(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Character references that pages use; others stay as they are.
fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.char_indices().take(12).find(|(_, c)| *c == ';').map(|(end, _)| end);
        let character = end.and_then(|end| reference(&rest[1..end]));
        match (character, end) {
            (Some(character), Some(end)) => {
                out.push(character);
                rest = &rest[end + 1..];
            }
            _ => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn reference(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code).filter(|c| !c.is_control() || c.is_whitespace());
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "ndash" => '\u{2013}',
        "mdash" => '\u{2014}',
        "micro" => '\u{B5}',
        "plusmn" => '\u{B1}',
        "deg" => '\u{B0}',
        "le" => '\u{2264}',
        "ge" => '\u{2265}',
        _ => return None,
    })
}

/// Title (the first heading) and text of Markdown: marks of headings, lists, emphasis, links and quotes go, code fences
/// keep their lines.
#[must_use]
pub fn of_markdown(source: &str) -> (Option<String>, String) {
    let mut title = None;
    let mut text = String::with_capacity(source.len());
    let mut fenced = false;
    for line in source.lines() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
            fenced = !fenced;
            continue;
        }
        let heading = !fenced && trimmed.starts_with('#');
        let bare = trimmed.trim_start_matches(['#', '>', ' ']);
        let item = ["- ", "* ", "+ "].iter().find_map(|mark| bare.strip_prefix(mark));
        let words = links_as_words(item.unwrap_or(bare)).replace(['*', '`'], "");
        let words = words.trim();
        if heading && title.is_none() && !words.is_empty() {
            title = Some(words.to_owned());
        }
        if heading || item.is_some() || words.is_empty() {
            text.push('\n');
        }
        text.push_str(words);
        text.push('\n');
        if heading {
            text.push('\n');
        }
    }
    (title, text)
}

/// `[words](address)` as `words`.
fn links_as_words(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(open) = rest.find('[') {
        let middle = rest[open..].find("](").map(|at| open + at);
        let close = middle.and_then(|middle| rest[middle..].find(')').map(|at| middle + at));
        let (Some(middle), Some(close)) = (middle, close) else { break };
        out.push_str(rest[..open].trim_end_matches('!'));
        out.push_str(&rest[open + 1..middle]);
        rest = &rest[close + 1..];
    }
    out.push_str(rest);
    out
}
