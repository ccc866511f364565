//! The names of labels in a NIfTI header extension: the label table of Caret, as Connectome
//! Workbench and TotalSegmentator write it.

use std::collections::BTreeMap;
use std::fmt::Write;

use wilhelm_study::Segment;

use crate::segment;

/// The segments of `<Label Key="1" ...><![CDATA[spleen]]></Label>` entries, wherever they stand.
///
/// Nothing else of the XML is understood: what is broken gives no name.
pub(super) fn segments(extensions: &[u8]) -> BTreeMap<u16, Segment> {
    let text = String::from_utf8_lossy(extensions);
    let mut segments = BTreeMap::new();
    for entry in text.split("<Label ").skip(1) {
        let Some((attributes, rest)) = entry.split_once('>') else { continue };
        let Some((content, _)) = rest.split_once("</Label>") else { continue };
        let key = attributes.split_once("Key=\"").and_then(|(_, behind)| behind.split_once('"'));
        let label = key.and_then(|(key, _)| key.parse::<u16>().ok()).filter(|label| *label > 0);
        let name = match content.trim().strip_prefix("<![CDATA[") {
            Some(data) => data.strip_suffix("]]>").unwrap_or(data).to_owned(),
            None => plain(content),
        };
        let name = segment::clean(&name);
        if let (Some(label), false) = (label, name.is_empty()) {
            segments.insert(label, segment::unstated(&name));
        }
    }
    segments
}

fn plain(text: &str) -> String {
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

/// The table of labels as the content of an extension.
pub(crate) fn encoded_names(segments: &BTreeMap<u16, Segment>) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?> <CaretExtension>  \
                    <VolumeInformation Index=\"0\">   <LabelTable>\n"
        .to_owned();
    for (label, segment) in segments {
        // The end mark of the data cannot stand in it.
        let name = segment::written_name(*label, segment).replace("]]>", "]] >");
        let [red, green, blue] = segment::color(*label);
        let _ = writeln!(
            text,
            "<Label Key=\"{label}\" Red=\"{red:.3}\" Green=\"{green:.3}\" Blue=\"{blue:.3}\" \
             Alpha=\"1\"><![CDATA[{name}]]></Label>"
        );
    }
    text.push_str(
        "</LabelTable>  <VolumeType><![CDATA[Label]]></VolumeType>   </VolumeInformation></CaretExtension>\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_writing_and_broken_tables_give_none() {
        let names = ["left lung", "a ]]> b", "<&>"];
        let segments: BTreeMap<u16, Segment> =
            (1..).zip(names.iter().map(|name| segment::unstated(name))).collect();
        let read = super::segments(encoded_names(&segments).as_bytes());
        let found: Vec<&str> = read.values().map(|segment| segment.name.as_str()).collect();
        assert_eq!(found, ["left lung", "a ]] > b", "<&>"]);
        assert!(super::segments(b"<Label Key=\"70000\">x</Label><Label Key=\"1\"><Label >").is_empty());
        assert_eq!(super::segments(b"<Label Key=\"2\">a &amp; b</Label>")[&2].name, "a & b");
    }
}
