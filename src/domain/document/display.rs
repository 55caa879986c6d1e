//! The readable form of a document: XHTML made from structure, content and header, so that it cannot disagree with the content.
//!
//! Classes and nesting are those of the archive's display forms (`soc-document`, `soc-header`, `soc-main-wrapper`, `soc-list`,
//! `soc-item`, `soc-footer`). Clients read it: no object identifier is shown, and an identity code without its last five
//! characters. Does not judge the content; what has the wrong kind is left out. Called when a document is assembled, and by
//! whoever prints one ([`plain_text`]).

mod plain;
mod value;

use serde_json::{Map, Value};

pub use plain::plain_text;

use super::header::Header;
use crate::domain::code::Language;
use crate::domain::structure::{Field, Representation, Structure};
use crate::domain::xml::Element;

/// The XHTML namespace.
pub const XHTML: &str = "http://www.w3.org/1999/xhtml";

/// The XHTML of a document. `content` has the structure's one root key; the language is the header's.
pub fn display_form(structure: &Structure, content: &Map<String, Value>, header: &Header) -> String {
    let language = header.language;
    let root = content.get(structure.root_key()).and_then(Value::as_object);
    let items = root.map(|members| items(structure.root(), members, language)).unwrap_or_default();
    let main = div("soc-main-wrapper")
        .child(heading(1, structure.name(language)))
        .child(div("soc-list").children(items).text(""));
    div("soc-document")
        .with("id", format!("OID{}", header.ids.document))
        .with("lang", language.as_str())
        .child(head(header))
        .child(main)
        .child(foot(header))
        .to_xml()
}

fn head(header: &Header) -> Element {
    let general = header.general_type.as_ref().and_then(|t| t.display.clone()).unwrap_or_default();
    div("soc-header")
        // An empty element would be written as <div/>, which HTML readers take for an open one.
        .child(div("soc-logo").text(""))
        .child(div("soc-hdr1").text(header.organiser.name.as_str()))
        .child(div("soc-hdr2").text(general))
        .child(div("soc-hdr2").text(value::day(header.drawn_up.day())))
}

fn foot(header: &Header) -> Element {
    let author = header.author.as_ref().map(|author| {
        let title = author.title.as_ref().map(|t| format!(", {t}")).unwrap_or_default();
        format!("{}{title}", author.name.reveal_full())
    });
    div("soc-footer")
        .child(div("soc-ftr1").text(header.unit.name.as_str()))
        .child(div("soc-ftr2").text(author.unwrap_or_default()))
        .child(div("soc-ftr3").text(""))
}

/// The fields below the root, each an item of the list; a hidden level gives its own fields instead.
fn items(parent: &Field, members: &Map<String, Value>, language: Language) -> Vec<Element> {
    let mut out = Vec::new();
    for field in parent.fields() {
        let Some(value) = members.get(field.key()) else { continue };
        if field.representation() != Representation::Group {
            out.extend(value::text(field, value, language).map(|text| item(field, language, vec![paragraph(&[text])])));
            continue;
        }
        for group in occurrences(value).filter_map(Value::as_object) {
            if field.is_hidden() {
                out.extend(items(field, group, language));
            } else {
                let body = blocks(field, group, language, 2);
                out.extend((!body.is_empty()).then(|| item(field, language, body)));
            }
        }
    }
    out
}

fn item(field: &Field, language: Language, body: Vec<Element>) -> Element {
    let item = div("soc-item");
    let item = match field.hides_title() {
        true => item,
        false => item.child(html("h1").with("class", "soc-title").text(field.name(language))),
    };
    item.child(div("soc-content").children(body))
}

/// What a group holds: lines of `name: value` in paragraphs, and its groups under headings of this level.
fn blocks(parent: &Field, members: &Map<String, Value>, language: Language, level: usize) -> Vec<Element> {
    let (mut out, mut lines) = (Vec::new(), Vec::new());
    for field in parent.fields() {
        let Some(value) = members.get(field.key()) else { continue };
        if field.representation() != Representation::Group {
            lines.extend(value::text(field, value, language).map(|text| line(field, &text, language)));
            continue;
        }
        for group in occurrences(value).filter_map(Value::as_object) {
            let body = blocks(field, group, language, level + usize::from(!field.is_hidden()));
            if body.is_empty() {
                continue;
            }
            flush(&mut lines, &mut out);
            if !field.is_hidden() && !field.hides_title() {
                out.push(heading(level, field.name(language)));
            }
            out.extend(body);
        }
    }
    flush(&mut lines, &mut out);
    out
}

fn line(field: &Field, text: &str, language: Language) -> String {
    if field.hides_title() { text.to_owned() } else { format!("{}: {text}", field.name(language)) }
}

fn flush(lines: &mut Vec<String>, out: &mut Vec<Element>) {
    if !lines.is_empty() {
        out.push(paragraph(lines));
        lines.clear();
    }
}

/// A value's own items when it is a list, itself when not.
fn occurrences(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    }
    .iter()
}

/// Lines parted by `br`; line ends inside a text are lines too.
fn paragraph(texts: &[String]) -> Element {
    let mut out = html("p");
    for (index, line) in texts.iter().flat_map(|t| t.split('\n')).enumerate() {
        if index > 0 {
            out = out.child(html("br"));
        }
        out = out.text(line.trim_end_matches('\r'));
    }
    out
}

fn heading(level: usize, text: &str) -> Element {
    html(["h1", "h1", "h2", "h3", "h4", "h5"].get(level).unwrap_or(&"h6")).with("class", "soc-fulltitle").text(text)
}

fn div(class: &str) -> Element {
    html("div").with("class", class)
}

fn html(name: &str) -> Element {
    Element::new(XHTML, name)
}

#[cfg(test)]
mod tests;
