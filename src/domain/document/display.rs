//! The readable form of a document: XHTML made from structure, content and header, so that it cannot disagree with the content.
//!
//! Classes and nesting are those of the archive's display forms (`soc-document`, `soc-header`, `soc-main-wrapper`, `soc-list`,
//! `soc-item`, `soc-footer`). Clients read it: no object identifier is shown, an identity code without its last five
//! characters unless asked otherwise, and nobody's whereabouts under a safety ban. Does not judge the content; what has the
//! wrong kind is left out. Called when a document is assembled, and by whoever prints one ([`plain_text`], [`html_page`]).

mod look;
mod plain;
mod safety;
mod table;
mod value;

use std::sync::LazyLock;

use serde_json::{Map, Value};

pub use look::{IdentityCodes, LOGO_BYTES_MAX, Logo, LogoFault, Look};
pub use plain::plain_text;

use super::header::Header;
use crate::domain::code::Language;
use crate::domain::structure::{Field, Representation, Structure};
use crate::domain::xml::{Element, Name};
use safety::Whereabouts;

/// The XHTML namespace.
pub const XHTML: &str = "http://www.w3.org/1999/xhtml";

/// Our own style sheet for display forms, for screens and for print. Documents do not carry it.
pub const STYLE: &str = include_str!("../../../profiles/display.css");

/// A list of values whose texts together are longer than this, in characters, gets a line for each.
const LINE_CHARACTERS_MAX: usize = 80;

/// The XHTML of a document. `content` has the structure's one root key; the language is the header's.
pub fn display_form(structure: &Structure, content: &Map<String, Value>, header: &Header) -> String {
    display_form_with(structure, content, header, &Look::default())
}

/// The same with another look.
pub fn display_form_with(structure: &Structure, content: &Map<String, Value>, header: &Header, look: &Look) -> String {
    let banned = header.clients.iter().any(|client| client.safety_ban);
    let whereabouts = if banned { Whereabouts::Kept } else { Whereabouts::Shown };
    let page = Page { language: header.language, identity_codes: look.identity_codes, whereabouts };
    let root = content.get(structure.root_key()).and_then(Value::as_object);
    let items = root.map(|members| page.items(structure.root(), members)).unwrap_or_default();
    let main = div("soc-main-wrapper")
        .child(heading(1, structure.name(header.language)))
        .child(div("soc-list").children(items).text(""));
    div("soc-document")
        .with("id", format!("OID{}", header.ids.document))
        .with("lang", header.language.as_str())
        .child(head(header, look))
        .child(main)
        .child(foot(header))
        .to_xml()
}

/// A display form as a page of its own, with [`STYLE`]: for screens and printers, not for the archive. `display_form` is
/// XHTML that [`plain_text`] reads too.
pub fn html_page(display_form: &str, title: &str) -> String {
    let title = html("title").text(title).to_xml();
    format!(
        "<!DOCTYPE html>\n<html xmlns=\"{XHTML}\"><head><meta charset=\"utf-8\"/>{title}<style>{STYLE}</style></head>\
         <body>{display_form}</body></html>\n"
    )
}

fn head(header: &Header, look: &Look) -> Element {
    let general = header.general_type.as_ref().and_then(|t| t.display.clone()).unwrap_or_default();
    let organiser = header.organiser.name.as_str();
    let logo = match &look.logo {
        Some(logo) => div("soc-logo").child(html("img").with("src", logo.data_uri()).with("alt", organiser)),
        // An empty element would be written as <div/>, which HTML readers take for an open one.
        None => div("soc-logo").text(""),
    };
    div("soc-header")
        .child(logo)
        .child(div("soc-hdr1").text(organiser))
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

/// How values are shown at one place of the page.
#[derive(Clone, Copy)]
struct Page {
    language: Language,
    identity_codes: IdentityCodes,
    whereabouts: Whereabouts,
}

impl Page {
    /// The fields below the root, each an item of the list; a hidden level gives its own fields instead.
    fn items(self, parent: &Field, members: &Map<String, Value>) -> Vec<Element> {
        let mut out = Vec::new();
        for (field, value) in self.shown(parent, members) {
            if field.representation() != Representation::Group {
                let body = block_of_texts(&self.texts(field, value));
                out.extend(body.map(|body| self.item(field, vec![body])));
                continue;
            }
            let groups: Vec<_> = occurrences(value).filter_map(Value::as_object).collect();
            if let Some(table) = self.table_unless_hidden(field, &groups) {
                out.push(self.item(field, vec![table]));
                continue;
            }
            for group in groups {
                let inside = self.inside(field, group);
                if field.is_hidden() {
                    out.extend(inside.items(field, group));
                } else {
                    let body = inside.blocks(field, group, 2);
                    out.extend((!body.is_empty()).then(|| self.item(field, body)));
                }
            }
        }
        out
    }

    fn item(self, field: &Field, body: Vec<Element>) -> Element {
        let item = div("soc-item");
        let item = match field.hides_title() {
            true => item,
            false => item.child(html("h1").with("class", "soc-title").text(field.name(self.language))),
        };
        item.child(div("soc-content").children(body))
    }

    /// What a group holds: lines of `name: value` in paragraphs, and its groups under headings of this level.
    fn blocks(self, parent: &Field, members: &Map<String, Value>, level: usize) -> Vec<Element> {
        let (mut out, mut lines) = (Vec::new(), Vec::new());
        for (field, value) in self.shown(parent, members) {
            if field.representation() != Representation::Group {
                self.leaf(field, value, &mut lines, &mut out);
                continue;
            }
            let groups: Vec<_> = occurrences(value).filter_map(Value::as_object).collect();
            if let Some(table) = self.table_unless_hidden(field, &groups) {
                flush(&mut lines, &mut out);
                out.extend(self.title(field, level));
                out.push(table);
                continue;
            }
            for group in groups {
                let body = self.inside(field, group).blocks(field, group, level + usize::from(!field.is_hidden()));
                if body.is_empty() {
                    continue;
                }
                flush(&mut lines, &mut out);
                match self.title(field, level) {
                    // A level of its own, so that what follows it is not taken for a part of it.
                    Some(title) => out.push(div("soc-content").child(title).children(body)),
                    None => out.extend(body),
                }
            }
        }
        flush(&mut lines, &mut out);
        out
    }

    /// One value as a line; a list that is too long for one under its name.
    fn leaf(self, field: &Field, value: &Value, lines: &mut Vec<String>, out: &mut Vec<Element>) {
        let texts = self.texts(field, value);
        let name = field.name(self.language);
        match one_line(&texts) {
            None if texts.is_empty() => {}
            Some(text) if field.hides_title() => lines.push(text),
            Some(text) => lines.push(format!("{} {text}", label(name))),
            None => {
                lines.extend((!field.hides_title()).then(|| label(name)));
                flush(lines, out);
                out.push(list(&texts));
            }
        }
    }

    fn title(self, field: &Field, level: usize) -> Option<Element> {
        (!field.is_hidden() && !field.hides_title()).then(|| heading(level, field.name(self.language)))
    }

    fn table_unless_hidden(self, field: &Field, groups: &[&Map<String, Value>]) -> Option<Element> {
        if field.is_hidden() { None } else { table::table(self, field, groups) }
    }

    /// The fields with a value here that may be shown, in row order.
    fn shown<'a>(
        self,
        parent: &'a Field,
        members: &'a Map<String, Value>,
    ) -> impl Iterator<Item = (&'a Field, &'a Value)> {
        let shown = parent.fields().iter().filter(move |field| !self.whereabouts.leave_out(field));
        shown.filter_map(|field| members.get(field.key()).map(|value| (field, value)))
    }

    fn inside(self, group: &Field, members: &Map<String, Value>) -> Self {
        Self { whereabouts: self.whereabouts.inside(group, members), ..self }
    }
}

/// A list's texts in one line, when they fit and commas still part them.
fn one_line(texts: &[String]) -> Option<String> {
    match texts {
        [] => None,
        [one] => Some(one.clone()),
        many => {
            let fits = many.iter().map(|t| t.chars().count() + 2).sum::<usize>() <= LINE_CHARACTERS_MAX;
            let parted = many.iter().all(|t| !t.contains([',', '\n']));
            (fits && parted).then(|| many.join(", "))
        }
    }
}

fn block_of_texts(texts: &[String]) -> Option<Element> {
    match one_line(texts) {
        Some(line) => Some(paragraph(&[line])),
        None => (!texts.is_empty()).then(|| list(texts)),
    }
}

fn list(texts: &[String]) -> Element {
    html("ul").children(texts.iter().map(|text| lines_of(html("li"), text.split('\n'))))
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
    lines_of(html("p"), texts.iter().flat_map(|t| t.split('\n')))
}

fn lines_of<'a>(mut into: Element, lines: impl Iterator<Item = &'a str>) -> Element {
    for (index, line) in lines.enumerate() {
        if index > 0 {
            into = into.child(html("br"));
        }
        into = into.text(line.trim_end_matches('\r'));
    }
    into
}

fn heading(level: usize, text: &str) -> Element {
    html(["h1", "h1", "h2", "h3", "h4", "h5"].get(level).unwrap_or(&"h6")).with("class", "soc-fulltitle").text(text)
}

fn div(class: &str) -> Element {
    html("div").with("class", class)
}

/// One namespace shared by all: a page has hundreds of elements.
fn html(name: &str) -> Element {
    static SHARED: LazyLock<Name> = LazyLock::new(|| XHTML.into());
    Element { namespace: SHARED.clone(), ..Element::new("", name) }
}

/// A field's name before its value: a colon between them, unless the name is a question.
fn label(name: &str) -> String {
    if name.ends_with('?') { name.into() } else { format!("{name}:") }
}

#[cfg(test)]
mod tests;
